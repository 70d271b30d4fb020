//! Actions on the lab (`PGCTL_LAB=1`, after `dev/lab up`) where something misbehaves: an agent that hangs, dies or says what
//! is not so, a socket at the wrong level, a hand at the router, a console that may not act. Each test leaves the lab as it
//! was, but for who leads.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;
#[path = "support/patroni_double.rs"]
mod patroni_double;

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lab::Lab;
use patroni_double::{Behaviour, PatroniDouble};
use serde_json::Value;

fn port(name: &str, usual: u16) -> u16 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Changes the lab's configuration.
fn configure(lab: &Lab, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(lab.config()).expect("a configuration");
    std::fs::write(lab.config(), change(text)).expect("written");
}

/// The lab, reached through a double before each Patroni.
fn behind_doubles() -> (Lab, Vec<PatroniDouble>) {
    let lab = Lab::new();
    let mut doubles = Vec::new();
    for (name, usual) in [("LAB_REST_0_PORT", 8008), ("LAB_REST_1_PORT", 8009), ("LAB_REST_2_PORT", 8010)] {
        let port = port(name, usual);
        let double = PatroniDouble::before(port);
        configure(&lab, |text| {
            let written = format!("rest = \"http://127.0.0.1:{port}\"");
            assert!(text.contains(&written), "no {written}: {text}");
            text.replace(&written, &format!("rest = \"{}\"", double.url()))
        });
        doubles.push(double);
    }
    (lab, doubles)
}

fn behave(doubles: &[PatroniDouble], behaviour: Behaviour) {
    for double in doubles {
        double.behave(behaviour);
    }
}

fn changes(doubles: &[PatroniDouble]) -> Vec<String> {
    doubles.iter().flat_map(PatroniDouble::changes).collect()
}

/// Exit code and everything said by a verb, with nobody at the terminal.
fn act(lab: &Lab, arguments: &[&str]) -> (i32, String) {
    let (code, out, err) = lab.act(arguments);
    (code, out + &err)
}

/// Leader and replicas as Patroni's own tool has them.
fn by_patronictl() -> (String, Vec<String>) {
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let named = |role: &str| {
        let members = list.as_array().expect("members").iter().filter(|member| member["Role"] == role);
        members.map(|member| member["Member"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    (named("Leader").pop().expect("a leader"), named("Replica"))
}

/// Waits until everybody streams, and the router leads to the leader.
fn whole(lab: &Lab) {
    let wanted = |cluster: &Value| {
        let members = cluster["members"].as_array().expect("members");
        let streaming = members.iter().filter(|member| member["state"]["value"] == "streaming").count();
        let servers = cluster["routers"][0]["servers"].as_array();
        let up = |server: &&Value| server["routes_to"] == "leader" && server["takes_traffic"]["value"] == true;
        streaming == 2 && servers.is_some_and(|servers| servers.iter().filter(up).count() == 1)
    };
    lab.watch().until("the lab is whole", Duration::from_secs(120), wanted);
}

/// A command to HAProxy at level admin.
fn runtime(command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port("LAB_ROUTER_RUNTIME_PORT", 9999))).expect("HAProxy");
    stream.write_all(format!("{command}\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
#[ignore = "needs the lab"]
fn a_switchover_is_done_once_and_reported_by_what_is_seen_whatever_the_agent_says() {
    let (lab, doubles) = behind_doubles();
    for (behaviour, swift) in
        [(Behaviour::HangsAfter, true), (Behaviour::RefusesAfter, false), (Behaviour::DiesAfter, true)]
    {
        whole(&lab);
        let candidate = by_patronictl().1.swap_remove(0);
        behave(&doubles, behaviour);
        let mut verb = vec!["switchover", candidate.as_str(), "--confirm", "lab"];
        if !swift {
            verb.push("--no-swift");
        }
        let began = Instant::now();
        let (code, reported) = act(&lab, &verb);
        let took = began.elapsed();
        behave(&doubles, Behaviour::Honest);
        assert_eq!(code, 0, "{behaviour:?}: {reported}");
        assert_eq!(changes(&doubles), ["POST /switchover"], "{behaviour:?}: {reported}");
        assert_eq!(by_patronictl().0, candidate);
        assert!(took < Duration::from_secs(50), "the answer is not waited for: {took:?}, {reported}");
    }
}

#[test]
#[ignore = "needs the lab"]
fn what_was_accepted_and_did_not_happen_is_reported_to_have_failed() {
    let (lab, doubles) = behind_doubles();
    whole(&lab);
    let (leader, replicas) = by_patronictl();
    behave(&doubles, Behaviour::AcceptsWithoutEffect);
    let node = replicas[0].as_str();
    for verb in [
        &["switchover", node, "--confirm", "lab"][..],
        &["restart", node, "--yes"],
        &["reinit", node, "--confirm", node],
        &["configure", "postgresql.parameters.work_mem=77MB", "--confirm", "lab"],
    ] {
        let (code, reported) = act(&lab, verb);
        assert_eq!(code, 6, "{reported}");
        assert!(reported.contains("\", but"), "{reported}");
        assert_eq!(changes(&doubles).len(), 1, "sent once: {reported}");
    }
    assert_eq!(by_patronictl().0, leader);
}

#[test]
#[ignore = "needs the lab"]
fn restarts_go_on_where_one_was_refused_and_happened() {
    let (lab, doubles) = behind_doubles();
    whole(&lab);
    behave(&doubles, Behaviour::RefusesAfter);
    let (code, reported) = act(&lab, &["restart", "--role", "replica", "--yes"]);
    assert_eq!(code, 0, "{reported}");
    assert_eq!(changes(&doubles), ["POST /restart", "POST /restart"], "{reported}");
}

#[test]
#[ignore = "needs the lab"]
fn a_socket_for_acting_at_the_wrong_level_is_reported_beforehand() {
    let lab = Lab::new();
    let (admin, operator) = (port("LAB_ROUTER_RUNTIME_PORT", 9999), port("LAB_ROUTER_OPERATOR_PORT", 9998));
    configure(&lab, |text| {
        let written = format!("acting = {{ runtime = \"tcp:127.0.0.1:{admin}\"");
        assert!(text.contains(&written), "no {written}: {text}");
        text.replace(&written, &format!("acting = {{ runtime = \"tcp:127.0.0.1:{operator}\""))
    });
    let replica = by_patronictl().1.swap_remove(0);
    for verb in [&["server", &format!("replicas/{replica}"), "drain", "--yes"][..], &["drain", &replica, "--yes"]] {
        let (code, reported) = act(&lab, verb);
        assert_eq!(code, 3, "{reported}");
        assert!(reported.contains("level operator"), "{reported}");
        assert!(!reported.contains("operation lock acquired"), "nobody is locked out for it: {reported}");
    }
    let (code, reported) = act(&lab, &["switchover", &replica, "--dry-run"]);
    assert_eq!(code, 0, "{reported}");
    assert!(reported.contains("not swift") && reported.contains("level operator"), "{reported}");
    let (_, reported) = act(&lab, &["doctor"]);
    assert!(reported.contains("at level operator: it cannot set servers"), "{reported}");
}

#[test]
#[ignore = "needs the lab"]
fn what_another_operator_has_set_at_the_router_is_reported_and_left_alone() {
    let lab = Lab::new();
    whole(&lab);
    let (leader, replicas) = by_patronictl();
    let candidate = replicas[0].as_str();
    runtime(&format!("set server primary/{candidate} state drain"));
    runtime(&format!("set server any/{leader} state maint"));
    let wanted = |cluster: &Value| {
        let servers = cluster["routers"][0]["servers"].as_array().expect("servers");
        servers.iter().any(|server| server["status"]["value"].as_str().is_some_and(|word| word.starts_with("MAINT")))
    };
    lab.watch().until("it shows", Duration::from_secs(20), wanted);
    let (code, reported) = act(&lab, &["switchover", candidate, "--confirm", "lab"]);
    runtime(&format!("set server primary/{candidate} state ready"));
    assert_eq!(code, 3, "{reported}");
    assert!(reported.contains(&format!("primary/{candidate}")) && reported.contains("(manually set)"), "{reported}");
    let (code, reported) = act(&lab, &["switchover", candidate, "--confirm", "lab"]);
    let table = runtime("show servers state any");
    runtime(&format!("set server any/{leader} state ready"));
    assert_eq!(code, 0, "{reported}");
    assert!(reported.contains(&format!("any/{leader} is MAINT")), "{reported}");
    let row = table.lines().find(|line| line.split(' ').nth(3) == Some(leader.as_str())).expect("a row");
    assert_eq!(row.split(' ').nth(6), Some("1"), "still in maintenance: {row}");
}

/// How many connections have been made to a port of our own.
fn counting() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

#[test]
#[ignore = "needs the lab"]
fn a_console_that_may_not_act_refuses_every_verb_and_sends_nothing() {
    let (lab, doubles) = behind_doubles();
    let (listening, count) = counting();
    let admin = port("LAB_ROUTER_RUNTIME_PORT", 9999);
    configure(&lab, |text| {
        text.replace(
            &format!("acting = {{ runtime = \"tcp:127.0.0.1:{admin}\""),
            &format!("acting = {{ runtime = \"tcp:127.0.0.1:{listening}\""),
        )
        .replacen(
            "[clusters.lab.drills.containers]",
            "[clusters.lab.drills]\nenabled = true\n\n[clusters.lab.drills.containers]",
            1,
        )
    });
    let (leader, replicas) = by_patronictl();
    let node = replicas[0].as_str();
    let server = format!("replicas/{node}");
    let possible: [&[&str]; 11] = [
        &["switchover", node, "--confirm", "lab"],
        &["switchover", node, "--at", "+1h", "--yes"],
        &["reinit", node, "--confirm", node],
        &["restart", node, "--yes"],
        &["reload", "--all", "--yes"],
        &["pause", "--yes"],
        &["configure", "ttl=31", "--confirm", "lab"],
        &["drain", node, "--yes"],
        &["server", &server, "drain", "--yes"],
        &["settle", "--yes"],
        &["drill", "run", "kill", "--confirm", "lab"],
    ];
    for verb in possible {
        let (code, reported) = act(&lab, &[&["--read-only"], verb].concat());
        assert_eq!(code, 3, "{verb:?}: {reported}");
        assert!(reported.contains("read-only"), "{verb:?}: {reported}");
    }
    // What is not possible at present has a reason of its own.
    let infeasible: [&[&str]; 6] = [
        &["failover", node, "--confirm", node],
        &["rolling-restart", "--confirm", "lab"],
        &["resume", "--yes"],
        &["undrain", node, "--yes"],
        &["session", "terminate", &leader, "1", "--yes"],
        &["cancel", "switchover", "--yes"],
    ];
    for verb in infeasible {
        let (code, reported) = act(&lab, &[&["--read-only"], verb].concat());
        assert_eq!(code, 3, "{verb:?}: {reported}");
    }
    assert_eq!((changes(&doubles), count.load(Ordering::SeqCst)), (Vec::new(), 0));
    assert_eq!(lab.status()["operation_lock"], Value::Null);
}
