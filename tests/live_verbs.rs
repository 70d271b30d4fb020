//! The verbs that act, as an operator types them, on the lab (`PGCTL_LAB=1`, after `dev/lab up`): what they say, how they
//! exit, and whether the cluster and the journal agree. Each test leaves the lab as it was, but for who leads.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, clippy::panic, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::process::Stdio;

use lab::Lab;
use serde_json::Value;

/// Exit code, standard output and standard error of a verb, with nobody at the terminal.
fn act(lab: &Lab, arguments: &[&str]) -> (i32, String, String) {
    let mut command = lab.command(arguments);
    command.env("LAB_REST_PASSWORD", "lab-rest").env_remove("XDG_STATE_HOME").stdin(Stdio::null());
    let output = command.output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
}

/// The leader as Patroni's own tool has it.
fn leader_by_patronictl() -> String {
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let members = list.as_array().expect("members");
    let leads = members.iter().find(|member| member["Role"] == "Leader").expect("a leader");
    leads["Member"].as_str().expect("a name").to_owned()
}

fn replica_by_patronictl() -> String {
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let members = list.as_array().expect("members");
    let replica = members.iter().find(|member| member["Role"] == "Replica").expect("a replica");
    replica["Member"].as_str().expect("a name").to_owned()
}

#[test]
#[ignore = "needs the lab"]
fn a_pause_is_refused_without_a_yes_done_with_one_and_refused_again() {
    let lab = Lab::new();
    let (code, _, error) = act(&lab, &["pause"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(lab.status()["paused"]["value"], false, "a refusal sends nothing");
    let (code, told, error) = act(&lab, &["--read-only", "pause", "--yes"]);
    assert_eq!((code, lab.status()["paused"]["value"].as_bool()), (3, Some(false)), "{told}{error}");
    let (code, told, error) = act(&lab, &["pause", "--yes", "--reason", "live test"]);
    assert_eq!(code, 0, "{told}{error}");
    assert_eq!(lab.status()["paused"]["value"], true);
    let (code, _, error) = act(&lab, &["pause", "--yes"]);
    assert_eq!(code, 3, "{error}");
    let (code, told, error) = act(&lab, &["resume", "--yes"]);
    assert_eq!(code, 0, "{told}{error}");
    assert_eq!(lab.status()["paused"]["value"], false);
    let (code, journal, error) = act(&lab, &["audit"]);
    assert_eq!(code, 0, "{error}");
    for words in ["pause lab", "resume lab", "done"] {
        assert!(journal.contains(words), "{words} in {journal}");
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_switchover_wants_the_clusters_name_and_ends_when_everybody_agrees() {
    let lab = Lab::new();
    let (before, candidate) = (leader_by_patronictl(), replica_by_patronictl());
    let (code, _, error) = act(&lab, &["switchover", &candidate, "--yes"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--confirm lab"), "{error}");
    let (code, _, error) = act(&lab, &["switchover", &before, "--confirm", "lab"]);
    assert_eq!(code, 3, "{error}");
    assert_eq!(leader_by_patronictl(), before, "nothing was sent so far");
    let (code, plan, error) = act(&lab, &["switchover", &candidate, "--dry-run", "--output", "json"]);
    assert_eq!(code, 0, "{error}");
    let plan: Value = serde_json::from_str(&plan).expect("a plan");
    assert!(plan["hash"].as_str().is_some_and(|hash| hash.len() == 64), "{plan}");
    let (code, told, error) = act(&lab, &["switchover", &candidate, "--confirm", "lab"]);
    assert_eq!(code, 0, "{told}{error}");
    for words in
        ["POST http://", "Successfully switched over", &format!("{candidate} promoted"), "router follows", "done"]
    {
        assert!(told.contains(words), "{words} in {told}");
    }
    assert_eq!(leader_by_patronictl(), candidate);
    let (code, _, error) = act(&lab, &["failover", &before, "--confirm", &before]);
    assert_eq!(code, 3, "a leader lives: {error}");
    let (code, _, error) = act(&lab, &["reinit", &candidate, "--confirm", &candidate]);
    assert_eq!(code, 3, "it leads: {error}");
    let (code, told, error) = act(&lab, &["reinit", &before, "--confirm", &before]);
    assert_eq!(code, 0, "{told}{error}");
}

#[test]
#[ignore = "needs the lab"]
fn a_reload_is_seen_to_have_happened() {
    let lab = Lab::new();
    let (code, told, error) = act(&lab, &["reload", "--all", "--yes"]);
    assert_eq!(code, 0, "{told}{error}");
    assert!(told.contains("reloaded"), "{told}");
}

#[test]
#[ignore = "needs the lab"]
fn a_replica_is_drained_restarted_and_led_to_again() {
    let lab = Lab::new();
    let (leader, replica) = (leader_by_patronictl(), replica_by_patronictl());
    let (code, _, error) = act(&lab, &["drain", &leader, "--yes"]);
    assert_eq!(code, 3, "it leads: {error}");
    assert!(error.contains("switch over first"), "{error}");
    let (code, told, error) = act(&lab, &["drain", &replica, "--then", "restart", "--yes"]);
    assert_eq!(code, 0, "{told}{error}");
    for words in ["state drain", "no sessions left", "restarted", "caught up", "takes sessions"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    let (code, told, error) = act(&lab, &["drain", &replica, "--yes"]);
    assert_eq!(code, 0, "{told}{error}");
    let (code, _, error) = act(&lab, &["drain", &replica, "--yes"]);
    assert_eq!(code, 3, "it is drained already: {error}");
    let (code, told, error) = act(&lab, &["undrain", &replica, "--yes"]);
    assert_eq!(code, 0, "{told}{error}");
    let (code, _, error) = act(&lab, &["undrain", &replica, "--yes"]);
    assert_eq!(code, 3, "nothing is drained any more: {error}");
}
