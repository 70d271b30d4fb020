//! On the lab (`PGCTL_LAB=1`, after `dev/lab up`): a leader whose agent stands still for longer than its ttl, so that another
//! is promoted while it goes on writing. Everything that is started afterwards must see it. Leaves the lab whole.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use lab::Lab;
use serde_json::Value;

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command in the container of a node.
fn inside(node: &str, script: &str) -> String {
    let project = std::env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    let project = format!("label=com.docker.compose.project={project}");
    let service = format!("label=com.docker.compose.service={node}");
    let found = Command::new("docker").args(["ps", "-q", "--filter", &project, "--filter", &service]).output();
    let found = text(&found.expect("docker runs"));
    let container = found.lines().next().unwrap_or_else(|| panic!("no container of {node}"));
    let done = Command::new("docker").args(["exec", container, "sh", "-c", script]).output().expect("docker runs");
    assert!(done.status.success(), "{node}: {script}: {}", text(&done));
    text(&done)
}

/// The agent of a node stands still until this is dropped; its PostgreSQL runs on.
struct Stalled(String);

impl Stalled {
    /// The process that runs Patroni's loop is the youngest of its name.
    fn set(node: &str) -> Self {
        inside(node, "kill -STOP $(pgrep -n -f 'bin/[p]atroni ')");
        Self(node.to_owned())
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        inside(&self.0, "kill -CONT $(pgrep -n -f 'bin/[p]atroni ')");
    }
}

fn sql(node: &str, statement: &str) -> String {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab");
    let done = Command::new(lab).args(["psql", node, "-Atc", statement]).output().expect("dev/lab runs");
    assert!(done.status.success(), "{node}: {}", text(&done));
    text(&done)
}

#[test]
#[ignore = "needs the lab"]
fn a_second_primary_that_the_dcs_has_forgotten_is_seen_by_whatever_is_started_then() {
    let mut lab = Lab::new();
    let old = lab.status()["leader"]["value"].as_str().expect("a leader").to_owned();
    // Whatever happens, the lab is waited for.
    lab.may_be_broken();
    let stalled = Stalled::set(&old);
    let led = |cluster: &Value| cluster["leader"]["value"].as_str().is_some_and(|leader| leader != old);
    let new = lab.watch().until("another leads", Duration::from_secs(90), led).1["leader"]["value"].clone();
    sql(&old, "CREATE TABLE IF NOT EXISTS forgotten (n int); INSERT INTO forgotten VALUES (1)");

    let status = lab.run(&["status", "--full", "--check"]);
    let reported = text(&status);
    assert_eq!(status.status.code(), Some(1), "{reported}");
    assert!(reported.contains("split brain"), "{reported}");
    let glance = text(&lab.run(&["status"]));
    assert!(glance.contains(&old), "{glance}");

    let cluster = lab.status();
    let members = cluster["members"].as_array().expect("members");
    let member =
        members.iter().find(|member| member["name"] == *old).unwrap_or_else(|| panic!("no {old}: {cluster:#}"));
    assert_eq!(member["in_dcs"], false, "{member:#}");
    assert!(member["missing_for_seconds"].is_number(), "{member:#}");
    let codes: Vec<&Value> =
        cluster["findings"].as_array().expect("findings").iter().map(|finding| &finding["code"]).collect();
    for code in ["several-primaries", "primary-without-lock", "member-missing"] {
        assert!(codes.iter().any(|known| **known == code), "no {code}: {codes:?}");
    }

    let prometheus = text(&lab.run(&["status", "--output", "prometheus"]));
    assert!(prometheus.contains("pgctl_cluster_health{cluster=\"lab\",state=\"critical\"} 1"), "{prometheus}");
    let ready = lab.run(&["wait", "ready", "--timeout", "4s"]);
    assert_eq!(ready.status.code(), Some(6), "{}", text(&ready));
    assert!(text(&ready).contains("split brain"), "{}", text(&ready));
    let frame = text(&lab.run(&["--frame", "140x40", "--view", "findings"]));
    assert!(frame.contains("split brain"), "{frame}");
    let (code, out, err) = lab.act(&["switchover", "--dry-run"]);
    assert!(code != 0 && (out.clone() + &err).contains("take"), "{code}: {out}{err}");

    // With the agents' URLs and the address map alone, as `init --patroni` writes them.
    drop(stalled);
    lab.repair();
    let leader = lab.status()["leader"]["value"].clone();
    assert_eq!(leader, new, "the old one follows");
}
