//! Plain streaming replication on the lab: `dev/test` brings the profile `streaming` up with three levels of cascade and a
//! standby that is fed from an archive alone, and nobody sees to application names.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the program"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pgctl-tui");
const NODES: [(&str, &str); 5] = [
    ("db-primary", "8008"),
    ("db-replica", "8009"),
    ("db-replica-2", "8010"),
    ("db-replica-3", "8011"),
    ("db-log-shipping", "8013"),
];

/// The lab, whole again once this is dropped.
struct Lab {
    directory: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { directory: tempfile::tempdir().expect("a directory") };
        let login = "[clusters.bank.postgres]\nuser = \"pgctl_monitor\"\npassword_env = \"LAB_MONITOR_PASSWORD\"\n\
                     database = \"banking\"\n";
        let bind = std::env::var("LAB_STREAMING_BIND").unwrap_or_else(|_| "127.0.0.2".to_owned());
        let node = |(name, port)| format!("[clusters.bank.nodes.{name}]\npostgres = \"{bind}:{port}\"\n");
        let text = std::iter::once(login.to_owned()).chain(NODES.map(node)).collect::<String>();
        std::fs::write(lab.config(), text).expect("a configuration");
        lab
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("HOME", self.directory.path()).env_remove("XDG_CONFIG_HOME");
        command.env("LAB_MONITOR_PASSWORD", "lab-monitor").env("PGCTL_CONFIG", self.config());
        command.output().expect("the program runs")
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", "--output", "json"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
        document["clusters"][0].clone()
    }

    /// The first status as `wanted` says.
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < end, "{what}: {status:#}");
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for verb in [&["mend"][..], &["wait", "120"]] {
            let _ = lab_command(verb).status();
        }
    }
}

fn lab_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab"));
    command.args(arguments);
    command
}

fn inject_fault(arguments: &[&str]) {
    let output = lab_command(&[&["break"], arguments].concat()).output().expect("dev/lab runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn member<'a>(status: &'a Value, name: &str) -> &'a Value {
    let members = status["members"].as_array().expect("members");
    members.iter().find(|member| member["name"] == name).expect("the member")
}

fn codes(status: &Value) -> Vec<&str> {
    let findings = status["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn a_cascade_and_a_standby_fed_from_an_archive_are_seen_as_they_are() {
    let lab = Lab::new();
    let status =
        lab.until("the cascade", |status| member(status, "db-replica-3")["upstream"]["value"] == "db-replica-2");
    assert_eq!((&status["stack"], &status["leader"]["value"]), (&Value::from("streaming"), &Value::from("db-primary")));
    for (standby, upstream) in
        [("db-replica", "db-primary"), ("db-replica-2", "db-replica"), ("db-replica-3", "db-replica-2")]
    {
        let reported = member(&status, standby);
        assert_eq!(reported["upstream"]["value"], upstream, "{reported:#}");
        assert_eq!(reported["state"]["value"], "streaming", "{reported:#}");
    }
    let shipped = member(&status, "db-log-shipping");
    assert_ne!(shipped["state"]["value"], "streaming", "it is fed from the archive: {shipped:#}");
    assert!(!codes(&status).contains(&"not-streaming"), "as it is meant to: {status:#}");
    let findings = status["findings"].as_array().expect("findings");
    let of_dcs: Vec<&Value> = findings
        .iter()
        .filter(|finding| {
            let words = finding.to_string().to_lowercase();
            words.contains("patroni") || words.contains("dcs") || words.contains("etcd")
        })
        .collect();
    assert!(of_dcs.is_empty(), "nobody has those here: {of_dcs:#?}");
    assert!(!findings.iter().any(|finding| finding["severity"] == "critical"), "{findings:#?}");
    let doctor = lab.run(&["doctor"]);
    let reported = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!reported.lines().any(|line| line.trim_start().starts_with("fail")), "{reported}");
    assert!(lab.run(&["wait", "ready", "--timeout", "20s"]).status.success());
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn two_primaries_are_the_loudest_of_all_and_nobody_leads() {
    let lab = Lab::new();
    inject_fault(&["promote", "db-replica"]);
    let status = lab.until("a split brain", |status| codes(status).first() == Some(&"several-primaries"));
    assert_eq!(status["leader"]["value"], Value::Null, "{:#}", status["leader"]);
    assert_eq!(lab.run(&["status", "--check"]).status.code(), Some(1));
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn a_silent_standby_leaves_the_leader_in_doubt_and_a_silent_primary_leaves_nobody() {
    let lab = Lab::new();
    inject_fault(&["pause", "db-replica-3"]);
    let status = lab.until("doubt", |status| codes(status).contains(&"leader-in-doubt"));
    assert_eq!(status["leader"]["value"], Value::Null);
    assert!(lab_command(&["mend"]).status().expect("dev/lab runs").success());
    inject_fault(&["stop", "db-primary"]);
    let status = lab.until("nobody writes", |status| codes(status).contains(&"nobody-writes"));
    assert_eq!(status["leader"]["value"], Value::Null);
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn every_action_is_refused_with_what_to_do_instead() {
    let lab = Lab::new();
    for arguments in [&["switchover", "db-replica"][..], &["failover", "db-replica"], &["pause"], &["reload", "--all"]]
    {
        let output = lab.run(&[arguments, &["--dry-run"]].concat());
        let reported = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {reported}");
        assert!(reported.contains("plain streaming replication") || reported.contains("pg_reload_conf"), "{reported}");
    }
}
