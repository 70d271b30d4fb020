//! What is to be taken back, on the lab (`PGCTL_LAB=1`, after `dev/lab up`): a router that is away when a drain is to be
//! ended, and a process that is killed while it drains. Each test leaves the lab as it was.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lab::Lab;
use serde_json::Value;

/// Lets the program tell the router, which `init` leaves to the operator.
fn act_on_the_router(lab: &Lab) {
    let config = std::fs::read_to_string(lab.config()).expect("a configuration");
    if config.contains("\nacting = { runtime") {
        return;
    }
    let port = std::env::var("LAB_ROUTER_RUNTIME_PORT").unwrap_or_else(|_| "9999".to_owned());
    let acting = format!("\nacting = {{ runtime = \"tcp:127.0.0.1:{port}\" }}");
    let lines = config.lines().map(|line| {
        let acting = if line.starts_with("runtime = ") { acting.as_str() } else { "" };
        format!("{line}{acting}\n")
    });
    std::fs::write(lab.config(), lines.collect::<String>()).expect("written");
}

fn replica(lab: &Lab) -> String {
    // What an earlier test broke may still be on its way back, and a plan made meanwhile is not the one that is carried out.
    assert!(lab.run(&["wait", "ready", "--timeout", "120s"]).status.success(), "the lab is not whole");
    let status = lab.status();
    let members = status["members"].as_array().expect("members");
    let replica = members.iter().find(|member| member["role"]["value"] == "replica").expect("a replica");
    replica["name"].as_str().expect("a name").to_owned()
}

/// Begins a verb that acts, and reads what it says.
fn begin(lab: &Lab, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = lab.command(arguments);
    command
        .env("LAB_REST_PASSWORD", "lab-rest")
        .env("LAB_SUPERUSER_PASSWORD", "lab-superuser")
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    (child, out)
}

/// Reads on until a line holds `words`; what was read.
fn until(out: &mut BufReader<std::process::ChildStdout>, words: &str) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(out.read_line(&mut line).expect("readable") > 0, "{words} was never said: {all}");
        all.push_str(&line);
        if line.contains(words) {
            return all;
        }
    }
}

/// Whether a server of `node` shows as drained.
fn is_drained(lab: &Lab, node: &str) -> bool {
    let status = lab.status();
    let text = status["routers"].to_string();
    text.contains("DRAIN") && text.contains(node)
}

/// The one job of this state directory, with the number of its process.
fn job(lab: &Lab) -> (String, u32) {
    let jobs = lab.config().parent().expect("a directory").join(".local/state/pgctl-tui/jobs");
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let mut names = std::fs::read_dir(&jobs).into_iter().flatten().flatten();
        let found = names.find_map(|entry| {
            let alive: Value = serde_json::from_slice(&std::fs::read(entry.path().join("alive")).ok()?).ok()?;
            let pid = u32::try_from(alive["pid"].as_u64()?).ok()?;
            Some((entry.file_name().to_string_lossy().into_owned(), pid))
        });
        if let Some(found) = found {
            return found;
        }
        assert!(Instant::now() < end, "no job was begun");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_drain_is_ended_once_a_router_that_was_away_is_back() {
    let mut lab = Lab::new();
    act_on_the_router(&lab);
    let replica = replica(&lab);
    let (mut child, mut out) = begin(&lab, &["drain", &replica, "--then", "restart", "--yes"]);
    // The plan names it too; the news come after the checks.
    let mut reported = until(&mut out, "checking again under the lock");
    reported.push_str(&until(&mut out, "restarted   "));
    lab.inject_fault(&["pause", "router"]);
    reported.push_str(&until(&mut out, "revert"));
    // For longer than three attempts would take.
    std::thread::sleep(Duration::from_secs(12));
    lab.repair();
    out.read_to_string(&mut reported).expect("readable");
    let code = child.wait().expect("ended").code();
    assert_eq!(code, Some(0), "{reported}");
    assert!(!is_drained(&lab, &replica), "{reported}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_drain_whose_process_was_killed_is_reverted_once() {
    let lab = Lab::new();
    act_on_the_router(&lab);
    let replica = replica(&lab);
    // A session through the router keeps the drain waiting.
    let port = std::env::var("LAB_ROUTER_REPLICAS_PORT").map_or(5001, |port| port.parse().expect("a port"));
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user("postgres").dbname("postgres").password("lab-superuser");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a session");
        drop(tokio::spawn(connection));
        sessions.push(client);
    }
    let (mut child, mut out) = begin(&lab, &["drain", &replica, "--then", "restart", "--wait", "120s", "--yes"]);
    until(&mut out, "waiting for");
    let (action, pid) = job(&lab);
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let mut reported = String::new();
    out.read_to_string(&mut reported).expect("readable");
    assert_eq!(child.wait().expect("ended").code(), Some(6), "only drained, never restarted: {reported}");
    assert!(reported.contains(&format!("pgctl-tui undo {action}")), "{reported}");
    assert!(is_drained(&lab, &replica), "{reported}");
    // The operation lock of the killed one lives on for some seconds.
    let end = Instant::now() + Duration::from_secs(40);
    let (code, reported, error) = loop {
        let (code, reported, error) = lab.act(&["undo", &action, "--confirm", "lab"]);
        if code != 3 || !reported.contains("has held the operation lock") || Instant::now() > end {
            break (code, reported, error);
        }
        std::thread::sleep(Duration::from_secs(2));
    };
    assert_eq!(code, 0, "{reported}{error}");
    assert!(!is_drained(&lab, &replica), "{reported}");
    let (code, reported, error) = lab.act(&["undo", &action, "--confirm", "lab"]);
    assert_eq!(code, 3, "nothing is left: {reported}{error}");
    drop(sessions);
}
