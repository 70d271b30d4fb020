//! A swift switchover on the lab (`PGCTL_LAB=1`, after `dev/lab up`), as an operator types it, with a writer of its own at
//! the router's write port: who is told what, how soon writes go on, whether every acknowledged row is there, and what is
//! left where the action's process is killed half-way. Each test leaves the lab as it was, but for who leads.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lab::Lab;
use serde_json::Value;
use tokio_postgres::NoTls;

fn variable(name: &str, usual: &str) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| usual.to_owned())
}

fn runtime(command: &str) -> String {
    let mut stream =
        TcpStream::connect(format!("127.0.0.1:{}", variable("LAB_ROUTER_RUNTIME_PORT", "9999"))).expect("HAProxy");
    stream.write_all(format!("{command}\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Servers of the write backend: name, address, whether it is up, and the result of its own check.
fn servers() -> Vec<(String, String, bool)> {
    let table = runtime("show servers state primary");
    let rows = table.lines().filter(|line| line.split(' ').nth(1) == Some("primary"));
    let row = |line: &str| {
        let field = |at: usize| line.split(' ').nth(at).expect("a field").to_owned();
        (field(3), format!("{}:{}", field(4), field(18)), field(5) == "2")
    };
    rows.map(row).collect()
}

fn up() -> Vec<String> {
    servers().into_iter().filter(|server| server.2).map(|server| server.0).collect()
}

/// The lab with everything configured that a swift switchover wants.
fn lab() -> Lab {
    assert_eq!(env::var("PGCTL_LAB").as_deref(), Ok("1"), "start the lab and set PGCTL_LAB=1");
    let lab = Lab::new();
    let text = std::fs::read_to_string(lab.config()).expect("a configuration");
    // What `init` has asked the router itself.
    for line in ["write_backends = [\"primary\"]", "acting = { runtime = \"tcp:127.0.0.1:"] {
        assert!(text.lines().any(|written| written.starts_with(line)), "no {line}: {text}");
    }
    let text = text.replacen(
        "[[clusters.lab.routers]]",
        "[clusters.lab.postgres.acting]\nuser = \"postgres\"\npassword_env = \"LAB_SUPERUSER_PASSWORD\"\n\n[[clusters.lab.routers]]",
        1,
    );
    // Without a map of the router's addresses: whose its servers are is found out.
    let addresses: Vec<String> = servers().into_iter().map(|(_, address, _)| format!("\"{address}\" =")).collect();
    let is_own = |line: &&str| !addresses.iter().any(|address| line.starts_with(address));
    let text = text.lines().filter(is_own).fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(lab.config(), text).expect("written");
    lab
}

fn program(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = lab.command(arguments);
    command
        .env("LAB_REST_PASSWORD", variable("LAB_REST_PASSWORD", "lab-rest"))
        .env("LAB_SUPERUSER_PASSWORD", variable("LAB_SUPERUSER_PASSWORD", "lab-superuser"))
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null());
    command
}

/// Waits until everybody streams and the router leads to the leader alone; the leader and a replica.
fn whole(lab: &Lab) -> (String, String) {
    let wanted = |cluster: &Value| {
        let members = cluster["members"].as_array().expect("members");
        let count = |state: &str| members.iter().filter(|member| member["state"]["value"] == state).count();
        members.len() == 3 && count("streaming") == 2 && up().len() == 1
    };
    lab.watch().until("the lab is whole", Duration::from_secs(120), wanted);
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let named = |role: &str| {
        let members = list.as_array().expect("members");
        let found = members.iter().find(|member| member["Role"] == role).expect("a member");
        found["Member"].as_str().expect("a name").to_owned()
    };
    (named("Leader"), named("Replica"))
}

async fn session() -> Option<tokio_postgres::Client> {
    let port = variable("LAB_ROUTER_PRIMARY_PORT", "5000");
    let password = variable("LAB_SUPERUSER_PASSWORD", "lab-superuser");
    let login =
        format!("host=127.0.0.1 port={port} user=postgres password={password} dbname=postgres connect_timeout=1");
    let opening = tokio::time::timeout(Duration::from_secs(1), tokio_postgres::connect(&login, NoTls)).await;
    let (client, connection) = opening.ok()?.ok()?;
    tokio::spawn(connection);
    Some(client)
}

/// Writes a row every 20 ms until told to stop, reconnecting at once, 1 s for each: what was acknowledged, and when.
async fn write(stop: Arc<AtomicBool>) -> Vec<(i64, Timestamp, Instant)> {
    let (mut client, mut number, mut acknowledged) = (None, 0_i64, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        number += 1;
        if client.is_none() {
            client = session().await;
        }
        let written = match &client {
            Some(open) => {
                let statement = format!("INSERT INTO swift_probe (n) VALUES ({number})");
                let row = async { open.batch_execute(&statement).await };
                matches!(tokio::time::timeout(Duration::from_secs(1), row).await, Ok(Ok(())))
            }
            None => false,
        };
        if written {
            acknowledged.push((number, Timestamp::now(), Instant::now()));
        } else {
            client = None;
        }
        tokio::time::sleep(Duration::from_millis(20).saturating_sub(began.elapsed())).await;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn the_router_follows_by_order_and_nothing_acknowledged_is_lost() {
    let lab = lab();
    let (leader, candidate) = whole(&lab);
    let admin = session().await.expect("the write port");
    admin
        .batch_execute("DROP TABLE IF EXISTS swift_probe; CREATE TABLE swift_probe (n bigint)")
        .await
        .expect("a table");
    drop(admin);
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut command = program(&lab, &["switchover", &candidate, "--confirm", "lab", "--output", "json"]);
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("the program runs")).await.expect("it ran");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writing.await.expect("the writer");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let updates: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let reported = |up: bool| {
        let found = updates.iter().find(|one| one["event"]["event"] == "told" && one["event"]["told"]["up"] == up);
        found.unwrap_or_else(|| panic!("told {up}: {text}"))
    };
    assert_eq!(reported(false)["event"]["told"]["server"], leader.as_str());
    assert_eq!(reported(true)["event"]["told"]["server"], candidate.as_str());
    assert_eq!(reported(true)["event"]["told"]["accepted"], true, "{text}");
    assert_eq!(up(), [candidate.as_str()]);
    let gap = acknowledged.windows(2).max_by_key(|pair| pair[1].2 - pair[0].2).expect("rows");
    let (outage, again) = (gap[1].2 - gap[0].2, gap[1].1);
    let by_order: Timestamp = reported(true)["at"].as_str().expect("a time").parse().expect("a time");
    let after = again.duration_since(by_order).as_secs_f64();
    println!("outage {:.3} s; first write {after:.3} s after the router was told", outage.as_secs_f64());
    // By itself HAProxy wants two checks that pass, 3 s apart.
    assert!(after.abs() < 1.0, "the first write came {after} s after the order");
    let client = session().await.expect("the write port");
    let rows = client.query("SELECT n FROM swift_probe", &[]).await.expect("the rows");
    let there: std::collections::HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<i64> = acknowledged.iter().map(|row| row.0).filter(|number| !there.contains(number)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    client.batch_execute("DROP TABLE swift_probe").await.expect("dropped");
}

#[test]
#[ignore = "needs the lab"]
fn a_job_that_is_killed_between_down_and_up_leaves_a_router_that_heals_and_can_be_settled() {
    let lab = lab();
    let (leader, candidate) = whole(&lab);
    let mut command = program(&lab, &["switchover", &candidate, "--confirm", "lab"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut reported = String::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok) {
        if line.contains("set server") && line.contains("health down   response") {
            let jobs = lab.config().with_file_name(".local/state/pgctl-tui/jobs");
            let newest = std::fs::read_dir(jobs).expect("jobs").filter_map(Result::ok).map(|job| job.path()).max();
            let alive = std::fs::read(newest.expect("a job").join("alive")).expect("a process");
            let process: Value = serde_json::from_slice(&alive).expect("JSON");
            let killed = Command::new("kill").args(["-9", &process["pid"].to_string()]).status();
            assert!(killed.expect("kill runs").success());
        }
        reported.push_str(&line);
        reported.push('\n');
    }
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(5), "the outcome is unknown: {reported}");
    assert!(
        reported.contains(&format!("primary/{leader} health down")) && reported.contains("pgctl-tui fix-routing"),
        "{reported}"
    );
    // Patroni goes on by itself; who leads then is proven, and the router told or found to have followed.
    let wanted = |cluster: &Value| {
        let members = cluster["members"].as_array().expect("members");
        members.iter().any(|member| member["name"] == candidate.as_str() && member["role"]["value"] == "leader")
    };
    lab.watch().until("it goes on", Duration::from_secs(60), wanted);
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        // The lock of the dead process expires, and the order leaves the record.
        let output = program(&lab, &["settle", "--yes"]).output().expect("the program runs");
        if output.status.success() {
            break;
        }
        assert!(Instant::now() < end, "{}", String::from_utf8_lossy(&output.stdout));
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(up(), [candidate.as_str()]);
}
