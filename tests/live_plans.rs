//! What plans and checks tell beforehand, on the lab (`PGCTL_LAB=1`, after `dev/lab up`), and whether it comes so. Each test
//! leaves the lab as it was, but for who leads.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, clippy::panic, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::process::Command;
use std::time::Duration;

use lab::Lab;
use serde_json::Value;

fn members() -> Vec<Value> {
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    list.as_array().expect("members").clone()
}

fn of_role(role: &str) -> String {
    let found = members().into_iter().find(|member| member["Role"] == role);
    found.expect("a member")["Member"].as_str().expect("a name").to_owned()
}

/// What `psql` on `node` prints.
fn psql(node: &str, statement: &str) -> String {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/dev/lab");
    let output = Command::new(program).args(["psql", node, "-Atc", statement]).output().expect("dev/lab runs");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs a shell script in the container of `node`.
fn inside(node: &str, script: &str) {
    let project = std::env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    let container = format!("{project}_{node}_1");
    let output = Command::new("docker").args(["exec", "-u", "postgres", &container, "sh", "-c", script]).output();
    let output = output.expect("docker runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Lets the console act over SQL too.
fn act_over_sql(lab: &Lab) {
    let config = std::fs::read_to_string(lab.config()).expect("a configuration");
    let acting = "acting = { user = \"postgres\", password_env = \"LAB_SUPERUSER_PASSWORD\" }";
    let section = "[clusters.lab.postgres]";
    std::fs::write(lab.config(), config.replacen(section, &format!("{section}\n{acting}"), 1)).expect("written");
}

#[test]
#[ignore = "needs the lab"]
fn what_no_server_takes_is_reported_beforehand_and_never_called_done() {
    let lab = Lab::new();
    for (change, words) in [
        ("nonsense_guc=1", "no server has a parameter nonsense_guc"),
        ("work_memm=64MB", "did you mean work_mem?"),
        ("work_mem=64GBB", "silently ignore it"),
        ("work_mem=-3MB", "nearest bound"),
    ] {
        let change = format!("postgresql.parameters.{change}");
        let (code, reported, error) = lab.act(&["configure", &change, "--dry-run"]);
        assert_eq!(code, 3, "{change}: {reported}{error}");
        assert!(reported.contains(words), "{change}: {reported}");
    }
    let nonsense = "postgresql.parameters.nonsense_guc=1";
    let overridden = ["--override", "configuration-parameters", "--reason", "live test", "--confirm", "lab"];
    let (code, reported, error) = lab.act(&[&["configure", nonsense], overridden.as_slice()].concat());
    assert_eq!(code, 4, "{reported}{error}");
    assert!(reported.contains("has no parameter nonsense_guc"), "{reported}");
    let removed = "postgresql.parameters.nonsense_guc=";
    let (code, reported, error) = lab.act(&["configure", removed, "--confirm", "lab"]);
    assert_eq!(code, 0, "{reported}{error}");

    for change in ["work_mem=6MB", "auto_explain.log_min_duration=1s", "work_mem=", "auto_explain.log_min_duration="] {
        let (code, reported, error) =
            lab.act(&["configure", &format!("postgresql.parameters.{change}"), "--confirm", "lab"]);
        assert_eq!(code, 0, "{change}: {reported}{error}");
        assert!(reported.contains("parameters active on every member"), "{change}: {reported}");
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_rolling_restart_leaves_nothing_pending_whichever_way_a_setting_goes() {
    let lab = Lab::new();
    let before = psql(&of_role("Leader"), "SHOW max_connections");
    let more = (before.parse::<u32>().expect("a number") + 20).to_string();
    for wanted in [&more, &before] {
        let change = format!("postgresql.parameters.max_connections={wanted}");
        let (code, reported, error) = lab.act(&["configure", &change, "--confirm", "lab"]);
        assert_eq!(code, 0, "{reported}{error}");
        assert!(reported.contains("pending restart"), "{reported}");
        let (code, reported, error) = lab.act(&["rolling-restart", "--confirm", "lab"]);
        assert_eq!(code, 0, "{reported}{error}");
        assert!(reported.contains("no pending restart"), "{reported}");
        for member in members() {
            let name = member["Member"].as_str().expect("a name").to_owned();
            assert_eq!(psql(&name, "SHOW max_connections"), *wanted, "{name}: {reported}");
        }
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_consumer_that_hangs_is_reported_before_a_switchover_and_can_be_ended() {
    let lab = Lab::new();
    act_over_sql(&lab);
    let (leader, candidate) = (of_role("Leader"), of_role("Replica"));
    let receive = "PGPASSWORD=$LAB_REPLICATION_PASSWORD pg_receivewal -D /tmp/hangs -U replicator";
    inside(
        &leader,
        &format!(
            "mkdir -p /tmp/hangs; ({receive} -h {leader} > /dev/null 2>&1 & echo $! > /tmp/hangs.pid); \
             sleep 2; kill -STOP $(cat /tmp/hangs.pid)"
        ),
    );
    psql(&leader, "CREATE TABLE hangs AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 60000)");
    psql(&leader, "DROP TABLE hangs");
    std::thread::sleep(Duration::from_secs(15));
    let (code, reported, error) = lab.act(&["switchover", &candidate, "--dry-run"]);
    let pid = psql(&leader, "SELECT pid FROM pg_stat_replication WHERE application_name = 'pg_receivewal'");
    let (ended, of_end, _) = lab.act(&["session", "terminate", &leader, &pid, "--yes"]);
    inside(&leader, "kill -CONT $(cat /tmp/hangs.pid); kill $(cat /tmp/hangs.pid); rm -rf /tmp/hangs /tmp/hangs.pid");
    assert_eq!(code, 3, "{reported}{error}");
    for words in ["pg_receivewal", "the shutdown of", "last reply", &format!("session terminate {leader} {pid}")] {
        assert!(reported.contains(words), "{words} in {reported}");
    }
    // A walsender that is stuck in its socket, which is full, goes only when its receiver takes something or is gone: then
    // that is said, and not that it was done.
    assert!(ended == 0 || ended == 4 && of_end.contains("still exists"), "{ended}: {of_end}");
}

#[test]
#[ignore = "needs the lab"]
fn a_scheduled_switchover_that_cannot_take_place_is_reported_while_it_waits_and_afterwards() {
    let mut lab = Lab::new();
    let (leader, candidate) = (of_role("Leader"), of_role("Replica"));
    lab.inject_fault(&["tag", &candidate, "nofailover: true"]);
    let mut watch = lab.watch();
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(25);
    let scheduled = at.to_string();
    Lab::patronictl(&[
        "switchover",
        "--leader",
        &leader,
        "--candidate",
        &candidate,
        "--scheduled",
        &scheduled,
        "--force",
    ]);
    let says = |document: &Value, words: &str| {
        let findings = document["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|finding| finding["title"].as_str().is_some_and(|title| title.contains(words)))
    };
    watch.until("told while it waits", Duration::from_secs(20), |now| says(now, "would fail now"));
    watch.until("told afterwards", Duration::from_secs(60), |now| says(now, "did not happen"));
    drop(watch);
    lab.repair();
}
