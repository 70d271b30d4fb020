//! What prepares the cluster, on the lab (`PGCTL_LAB=1`, after `dev/lab up`): the lab's own container, which has ended well,
//! and one that fails on purpose, which the test makes and removes.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::process::Command;
use std::time::Duration;

use lab::Lab;
use serde_json::Value;

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker runs");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A container of the test's own, gone with it.
struct Own(String);

impl Own {
    fn run(script: &str) -> Self {
        let own = Self(format!("pgctl-lab-preparation-{}", std::process::id()));
        let image = std::env::var("LAB_IMAGE").unwrap_or_else(|_| "pgctl-lab:latest".to_owned());
        docker(&[
            "run",
            "-d",
            "--name",
            &own.0,
            "--network",
            "none",
            "-e",
            "APP_PASSWORD=not-for-the-screen",
            "--entrypoint",
            "sh",
            &image,
            "-c",
            script,
        ]);
        own
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", &self.0]).output();
    }
}

/// The lab's configuration with another container as what prepares it.
fn prepared_by(container: &str) -> Lab {
    let lab = Lab::new();
    let written = std::fs::read_to_string(lab.config()).expect("a configuration");
    let line = "container = \"pg-cluster-init\"";
    assert!(written.contains(line), "`init` knows the lab's own: {written}");
    std::fs::write(lab.config(), written.replace(line, &format!("container = \"{container}\""))).expect("written");
    lab
}

fn findings(cluster: &Value) -> Vec<&Value> {
    let all = cluster["findings"].as_array().expect("findings").iter();
    all.filter(|finding| finding["code"] == "preparation-failed").collect()
}

fn doctor(lab: &Lab) -> String {
    String::from_utf8_lossy(&lab.run(&["doctor"]).stdout).into_owned()
}

#[test]
#[ignore = "needs the lab"]
fn the_labs_own_preparation_has_ended_healthy_and_what_it_makes_is_there() {
    let lab = Lab::new();
    // A container engine with much to do answers late, and one look does not wait for it.
    let (_, cluster) = lab.watch().until("seen", Duration::from_secs(60), |cluster| !cluster["preparation"].is_null());
    let reported = &cluster["preparation"];
    assert_eq!((reported["state"].as_str(), reported["exit_code"].as_i64()), (Some("done"), Some(0)), "{reported}");
    let container = reported["container"].as_str().expect("a name");
    let project = std::env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    assert!(container.starts_with(&project), "of another lab beside this one: {container}");
    assert!(findings(&cluster).is_empty());
    let reported = doctor(&lab);
    for words in
        ["successfully (exit code 0", "role app, created by pg-cluster-init, exists", "database app, created by"]
    {
        assert!(reported.contains(words), "{words}: {reported}");
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_preparation_that_fails_is_a_finding_and_one_that_is_gone_is_none() {
    let own = Own::run(
        "echo 'waiting for the cluster'; sleep 2; \
         echo 'psql: error: FATAL: password authentication failed (not-for-the-screen)' >&2; exit 3",
    );
    let lab = prepared_by(&own.0);
    let mut watch = lab.watch();
    let longest = Duration::from_secs(60);
    watch.until("seen", longest, |cluster| !cluster["preparation"].is_null());
    let (_, cluster) = watch.until("failed", longest, |cluster| cluster["preparation"]["state"] == "failed");
    drop(watch);
    let cluster = if findings(&cluster).is_empty() { lab.status() } else { cluster };
    let found = findings(&cluster);
    let [finding] = found.as_slice() else { panic!("{cluster:#}") };
    assert_eq!(finding["severity"], "warning");
    let reported = finding.to_string();
    assert!(
        reported.contains("exited with code 3") && reported.contains("password authentication failed"),
        "{reported}"
    );
    assert!(!reported.contains("not-for-the-screen"), "{reported}");
    let reported = doctor(&lab);
    assert!(reported.contains("exited with code 3") && reported.contains("docker start"), "{reported}");
    assert!(!reported.contains("not-for-the-screen"), "{reported}");

    drop(own);
    let cluster = lab.status();
    assert_eq!(cluster["preparation"]["state"], "absent");
    assert!(findings(&cluster).is_empty());
    assert!(doctor(&lab).contains("there is no container pgctl-lab-preparation-"));
}

#[test]
#[ignore = "needs the lab"]
fn without_an_engine_the_rest_is_seen_and_doctor_says_what_was_left_out() {
    let lab = Lab::new();
    let written = std::fs::read_to_string(lab.config()).expect("a configuration");
    let table = "[clusters.lab.preparation]\n";
    let elsewhere = written.replace(table, &format!("{table}engine = \"unix:///nonexistent/docker.sock\"\n"));
    assert_ne!(written, elsewhere);
    std::fs::write(lab.config(), elsewhere).expect("written");
    let cluster = lab.status();
    assert!(cluster["preparation"].is_null() && cluster["leader"]["value"].is_string(), "{cluster:#}");
    let reported = doctor(&lab);
    assert!(reported.contains("no container engine available"), "{reported}");
    assert!(reported.contains("role app, created by pg-cluster-init, exists"), "by SQL nevertheless: {reported}");
}
