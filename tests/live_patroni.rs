//! The whole program against the real lab, which these tests break and mend. Run by `dev/test`, which has the lab up;
//! ignored by a plain `cargo test`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on ends, and starts what it tests"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::time::{Duration, Instant};

use lab::Lab;
use serde_json::Value;

const SECOND: Duration = Duration::from_secs(1);

fn members(cluster: &Value) -> &[Value] {
    cluster["members"].as_array().map_or(&[], Vec::as_slice)
}

fn member<'a>(cluster: &'a Value, name: &str) -> &'a Value {
    members(cluster).iter().find(|member| member["name"] == name).unwrap_or(&Value::Null)
}

fn has(cluster: &Value, code: &str) -> bool {
    let findings = cluster["findings"].as_array().map_or(&[][..], Vec::as_slice);
    findings.iter().any(|finding| finding["code"] == code)
}

fn leader(cluster: &Value) -> String {
    cluster["leader"]["value"].as_str().unwrap_or_default().to_owned()
}

fn replica(cluster: &Value) -> String {
    let leader = leader(cluster);
    let other = members(cluster).iter().find(|member| member["name"] != leader.as_str()).expect("a replica");
    other["name"].as_str().expect("a name").to_owned()
}

#[test]
#[ignore = "needs the lab"]
fn it_agrees_with_patronictl() {
    let lab = Lab::new();
    let ours = lab.status();
    let theirs: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    for row in theirs.as_array().expect("a list") {
        let name = row["Member"].as_str().expect("a name");
        let mine = member(&ours, name);
        assert_eq!(mine["timeline"]["value"], row["TL"], "{name}");
        let state = row["State"].as_str().expect("a state");
        assert_eq!(mine["state"]["value"], state, "{name}");
        let leads = row["Role"] == "Leader";
        assert_eq!(leader(&ours) == name, leads, "{name}");
    }
    assert_eq!(members(&ours).len(), 3);
    assert_eq!(ours["health"], "ok", "{ours:#}");
    let checked = lab.run(&["status", "--check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
#[ignore = "needs the lab"]
fn a_frozen_and_a_cut_replica_go_grey_within_two_seconds_and_the_rest_stays_fresh() {
    let mut lab = Lab::new();
    for kind in ["pause", "cut"] {
        let mut watch = lab.watch();
        let (_, first) = watch.until("a whole picture", SECOND * 10, |now| now["health"] == "ok");
        let victim = replica(&first);
        lab.inject_fault(&[kind, &victim]);
        let broken = Instant::now();
        let (at, grey) = watch.until("a silent node", SECOND * 5, |now| member(now, &victim)["reachable"] == false);
        let took = at - broken;
        assert!(took <= Duration::from_millis(2_300), "{kind}: grey after {took:?}, watched every 250 ms");
        let others = members(&grey).iter().filter(|other| other["name"] != victim.as_str());
        for other in others {
            assert_eq!(other["reachable"], true, "{kind}: {other:#}");
        }
        watch.until("its finding", SECOND * 3, |now| has(now, "node-silent"));
        lab.repair();
        watch.until("health again", SECOND * 60, |now| now["health"] == "ok");
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_killed_leader_is_distinguished_from_silence_to_the_new_leader() {
    let mut lab = Lab::new();
    let mut watch = lab.watch();
    let (_, first) = watch.until("a whole picture", SECOND * 10, |now| now["health"] == "ok");
    let old = leader(&first);
    lab.inject_fault(&["kill", &old]);
    watch.until("the silent leader", SECOND * 5, |now| has(now, "node-silent"));
    let (_, next) = watch.until("a new leader", SECOND * 60, |now| !leader(now).is_empty() && leader(now) != old);
    let new = leader(&next);
    watch.until("a new leader that takes writes on a higher timeline", SECOND * 30, |now| {
        let timeline = |cluster: &Value| cluster["timeline"]["value"].as_u64();
        member(now, &new)["role"]["value"] == "leader" && timeline(now) > timeline(&first)
    });
    lab.repair();
    watch.until("health again", SECOND * 120, |now| now["health"] == "ok");
    assert_eq!(member(&lab.status(), &old)["role"]["value"], "replica");
}

#[test]
#[ignore = "needs the lab"]
fn a_dcs_without_majority_is_reported_at_once_and_its_return_too() {
    let mut lab = Lab::new();
    let mut watch = lab.watch();
    watch.until("a whole picture", SECOND * 10, |now| now["health"] == "ok");
    lab.inject_fault(&["quorum", "stop"]);
    let broken = Instant::now();
    let (at, _) = watch.until("no quorum", SECOND * 10, |now| has(now, "dcs-no-quorum"));
    assert!(at - broken < SECOND * 6, "said after {:?}", at - broken);
    lab.repair();
    watch.until("health again", SECOND * 120, |now| now["health"] == "ok");
}

#[test]
#[ignore = "needs the lab"]
fn a_router_that_goes_and_comes_back_is_followed() {
    let mut lab = Lab::new();
    let mut watch = lab.watch();
    watch.until("a whole picture", SECOND * 10, |now| now["health"] == "ok");
    lab.inject_fault(&["stop", "pg-router"]);
    watch.until("a silent router", SECOND * 6, |now| has(now, "router-silent"));
    lab.repair();
    watch.until("health again", SECOND * 60, |now| now["health"] == "ok");
}

#[test]
#[ignore = "needs the lab"]
fn maintenance_mode_and_tags_are_shown() {
    let mut lab = Lab::new();
    let victim = replica(&lab.status());
    let mut watch = lab.watch();
    lab.inject_fault(&["tag", &victim, "nofailover: true"]);
    watch.until("the tag", SECOND * 30, |now| member(now, &victim)["tags"]["value"].to_string().contains("nofailover"));
    Lab::patronictl(&["pause", "--wait"]);
    let (_, paused) = watch.until("the pause", SECOND * 5, |now| now["paused"]["value"] == true);
    assert!(has(&paused, "paused"));
    Lab::patronictl(&["resume", "--wait"]);
    watch.until("no pause", SECOND * 5, |now| now["paused"]["value"] == false);
    lab.repair();
}

#[test]
#[ignore = "needs the lab"]
fn wait_returns_when_the_condition_holds_and_says_what_is_missing_when_it_does_not() {
    let mut lab = Lab::new();
    assert_eq!(lab.run(&["wait", "ready", "--timeout", "20s"]).status.code(), Some(0));
    let victim = replica(&lab.status());
    assert_eq!(lab.run(&["wait", "streaming", &victim, "--timeout", "5s"]).status.code(), Some(0));
    let wrong = lab.run(&["wait", "leader", &victim, "--timeout", "2s"]);
    assert_eq!(wrong.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains(&format!("not {victim}")));
    lab.inject_fault(&["kill", &victim]);
    let missing = lab.run(&["wait", "streaming", &victim, "--timeout", "4s"]);
    assert_eq!(missing.status.code(), Some(6), "{}", String::from_utf8_lossy(&missing.stderr));
    lab.repair();
}

#[test]
#[ignore = "needs the lab"]
fn wrong_credentials_and_a_wrong_protocol_are_one_clear_line_each_and_stop_nothing_else() {
    let lab = Lab::new();
    let output = lab
        .command(&["status", "--output", "json"])
        .env("LAB_MONITOR_PASSWORD", "wrong")
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("authentication failed"), "{text}");
    assert!(!text.contains("\"wrong\""), "the password is nowhere");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["clusters"][0]["leader"]["status"], "known", "the rest is there");

    let doctor = lab.command(&["doctor"]).env("LAB_MONITOR_PASSWORD", "wrong").output().expect("the program runs");
    assert_eq!(doctor.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("check user and password"));

    let https = lab.run(&["--patroni", "https://127.0.0.1:8008", "status"]);
    assert_eq!(https.status.code(), Some(5), "{}", String::from_utf8_lossy(&https.stdout));
    assert!(String::from_utf8_lossy(&https.stdout).contains("TLS"));
}
