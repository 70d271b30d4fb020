//! What must not be shown as zero or as no, on the lab (`PGCTL_LAB=1`, after `dev/lab up`): a role that may not see, a
//! receiver that stands still, a standby cluster without its source. Each test leaves the lab as it was.
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
use std::process::Command;
use std::time::Duration;

use lab::Lab;
use serde_json::Value;

/// A statement on a node, or through the router, as superuser.
fn psql(place: &str, statement: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab");
    let output = Command::new(program).args(["psql", place, "-XAtqc", statement]).output().expect("dev/lab runs");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A command in the container of a service.
fn inside(service: &str, command: &str) -> String {
    let project = std::env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    let filters =
        [format!("label=com.docker.compose.project={project}"), format!("label=com.docker.compose.service={service}")];
    let listed = Command::new("docker").args(["ps", "-q", "--filter", &filters[0], "--filter", &filters[1]]).output();
    let id = String::from_utf8_lossy(&listed.expect("docker runs").stdout).trim().to_owned();
    let output = Command::new("docker").args(["exec", &id, "sh", "-c", command]).output().expect("docker runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn member<'a>(cluster: &'a Value, name: &str) -> &'a Value {
    let members = cluster["members"].as_array().expect("members");
    members.iter().find(|member| member["name"] == name).unwrap_or_else(|| panic!("no {name}: {cluster:#}"))
}

fn codes(cluster: &Value) -> Vec<&str> {
    cluster["findings"].as_array().expect("findings").iter().filter_map(|finding| finding["code"].as_str()).collect()
}

fn replica(lab: &Lab) -> String {
    let cluster = lab.status();
    let members = cluster["members"].as_array().expect("members");
    let streams = members.iter().find(|member| member["state"]["value"] == "streaming").expect("a replica streams");
    streams["name"].as_str().expect("a name").to_owned()
}

#[test]
#[ignore = "needs the lab"]
fn a_role_that_may_not_see_makes_nothing_a_no() {
    let lab = Lab::new();
    psql("router", "DROP ROLE IF EXISTS looker");
    psql("router", "CREATE ROLE looker LOGIN PASSWORD 'lab-monitor'");
    let text = std::fs::read_to_string(lab.config()).expect("a configuration");
    std::fs::write(lab.config(), text.replace("user = \"pgctl_monitor\"", "user = \"looker\"")).expect("written");
    let mut watch = lab.watch();
    let all_told = |cluster: &Value| codes(cluster).iter().filter(|code| **code == "role-too-weak").count() == 3;
    let (_, cluster) = watch.until("the role is on every node", Duration::from_secs(20), all_told);
    assert!(codes(&cluster).iter().all(|code| *code == "role-too-weak"), "{cluster:#}");
    let wait = lab.run(&["wait", "streaming", "--timeout", "5s"]);
    assert!(wait.status.success(), "REST's word counts: {}", String::from_utf8_lossy(&wait.stdout));
    drop(watch);
    psql("router", "DROP ROLE looker");
}

#[test]
#[ignore = "needs the lab"]
fn a_standby_whose_receiver_stands_still_is_behind_for_as_long() {
    let lab = Lab::new();
    let name = replica(&lab);
    let receiver = inside(&name, "pgrep -f 'postgres.*walreceiver' | head -n 1");
    inside(&name, &format!("kill -STOP {receiver}"));
    psql("router", "CREATE TABLE IF NOT EXISTS still (t text)");
    psql("router", "INSERT INTO still SELECT repeat('x', 1000) FROM generate_series(1, 5000)");
    let late = |cluster: &Value| member(cluster, &name)["lag_seconds"]["value"].as_f64().is_some_and(|time| time > 5.0);
    let mut watch = lab.watch();
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        watch.until("it has a replay lag of told to be", Duration::from_secs(20), late);
        // Whoever looks for the first time sees it, too.
        let once = lab.status();
        assert!(late(&once), "{:#}", member(&once, &name));
    }));
    inside(&name, &format!("kill -CONT {receiver}"));
    psql("router", "DROP TABLE still");
    let near = |cluster: &Value| member(cluster, &name)["lag_seconds"]["value"].as_f64().is_some_and(|time| time < 1.0);
    watch.until("it has caught up", Duration::from_secs(30), near);
    seen.expect("told");
}

#[test]
#[ignore = "needs the lab"]
fn a_standby_cluster_without_its_source_is_reported_and_ready_for_nothing() {
    let lab = Lab::new();
    Lab::patronictl(&["edit-config", "-s", "standby_cluster.host=nowhere.invalid", "--force"]);
    let mut watch = lab.watch();
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let reported = |cluster: &Value| codes(cluster).contains(&"not-fed");
        let (_, cluster) = watch.until("nobody feeds it", Duration::from_secs(90), reported);
        let leader = cluster["leader"]["value"].as_str().expect("a leader");
        assert!(member(&cluster, leader)["lag_bytes"]["value"].is_null(), "{cluster:#}");
        assert_ne!(cluster["health"], "ok");
        let wait = lab.run(&["wait", "streaming", "--timeout", "3s"]);
        assert_eq!(wait.status.code(), Some(6), "{}", String::from_utf8_lossy(&wait.stdout));
    }));
    Lab::patronictl(&["edit-config", "-s", "standby_cluster=", "--force"]);
    let whole = |cluster: &Value| cluster["health"] == "ok";
    watch.until("it takes writes again", Duration::from_secs(120), whole);
    seen.expect("told");
}
