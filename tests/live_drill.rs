//! Drills on the real lab through the command line, beside a writer that knows nothing of them.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[expect(dead_code, clippy::disallowed_methods, reason = "each test binary uses a part of it, and runs the program")]
#[path = "support/lab.rs"]
mod lab;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lab::Lab;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

/// Both measure in steps: the probe every 50 ms, this writer every 20 ms.
const AGREE: Duration = Duration::from_millis(100);
const STEP: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(1);

/// A port of the lab as its environment has it.
fn port(name: &str, usual: u16) -> u16 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn connect() -> Option<Client> {
    let port = port("LAB_ROUTER_PRIMARY_PORT", 5000);
    let place = format!("host=127.0.0.1 port={port} user=postgres password=lab-superuser dbname=postgres");
    let (client, connection) =
        tokio::time::timeout(DEADLINE, tokio_postgres::connect(&place, NoTls)).await.ok()?.ok()?;
    tokio::task::spawn_local(connection);
    Some(client)
}

/// What the writer saw: the longest stretch between two acknowledgements, and how many acknowledged rows are missing.
struct Seen {
    longest: Duration,
    acknowledged: usize,
    lost: usize,
}

/// One row, by a session at hand or a new one.
async fn attempt(n: i64, idle: Rc<RefCell<Vec<Client>>>, acknowledged: Rc<RefCell<Vec<(i64, Instant)>>>) {
    let work = async {
        let is_available = idle.borrow_mut().pop();
        let client = match is_available {
            Some(client) => client,
            None => connect().await?,
        };
        client.execute("INSERT INTO beside VALUES ($1)", &[&n]).await.ok()?;
        acknowledged.borrow_mut().push((n, Instant::now()));
        idle.borrow_mut().push(client);
        Some(())
    };
    let _ = tokio::time::timeout(DEADLINE, work).await;
}

/// Writes until it is told to stop. A row that hangs does not hold up the next: else this would measure its own patience.
fn writer(stop: Arc<AtomicBool>) -> JoinHandle<Seen> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            let client = connect().await.expect("the router leads to the leader");
            let made = client.batch_execute("DROP TABLE IF EXISTS beside; CREATE TABLE beside (n bigint PRIMARY KEY)");
            made.await.expect("a table");
            let (idle, rows) = (Rc::new(RefCell::new(vec![client])), Rc::new(RefCell::new(Vec::new())));
            let mut ticks = tokio::time::interval(STEP);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            let mut n = 0_i64;
            while !stop.load(Ordering::Relaxed) {
                ticks.tick().await;
                n += 1;
                tokio::task::spawn_local(attempt(n, Rc::clone(&idle), Rc::clone(&rows)));
            }
            tokio::time::sleep(DEADLINE).await;
            let mut acknowledged = rows.take();
            acknowledged.sort_by_key(|(_, at)| *at);
            let client = connect().await.expect("the cluster is whole");
            let rows = client.query("SELECT n FROM beside", &[]).await.expect("its rows");
            let kept: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
            client.batch_execute("DROP TABLE beside").await.expect("dropped");
            let longest = acknowledged.windows(2).map(|pair| pair[1].1 - pair[0].1).max().unwrap_or_default();
            let lost = acknowledged.iter().filter(|(n, _)| !kept.contains(n)).count();
            Seen { longest, acknowledged: acknowledged.len(), lost }
        })
    })
}

fn lab() -> Lab {
    let lab = Lab::new();
    let drills = "\n[clusters.lab.drills]\nenabled = true\nuser = \"postgres\"\ndatabase = \"postgres\"\n\
                  password_env = \"LAB_SUPERUSER_PASSWORD\"\n";
    let mut file = OpenOptions::new().append(true).open(lab.config()).expect("the configuration");
    file.write_all(drills.as_bytes()).expect("written");
    lab
}

fn state(lab: &Lab) -> PathBuf {
    lab.config().parent().expect("a directory").join("state")
}

fn command(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = lab.command(arguments);
    command.env("LAB_SUPERUSER_PASSWORD", "lab-superuser").env("LAB_REST_PASSWORD", "lab-rest");
    command.env("XDG_STATE_HOME", state(lab));
    command
}

fn run(lab: &Lab, arguments: &[&str]) -> Output {
    command(lab, arguments).output().expect("the program runs")
}

/// Runs the drill and returns its report with what the writer saw meanwhile.
fn drill(lab: &Lab, scenario: &str) -> (Value, Seen) {
    assert!(run(lab, &["wait", "ready", "--timeout", "120s"]).status.success(), "the lab is not whole");
    let stop = Arc::new(AtomicBool::new(false));
    let beside = writer(Arc::clone(&stop));
    let mut arguments = vec!["drill", "run", scenario, "--confirm", "lab", "--output", "json"];
    if scenario != "router" {
        arguments.extend(["--override", "data-loss", "--reason", "live test"]);
    }
    let output = run(lab, &arguments);
    assert!(run(lab, &["wait", "ready", "--timeout", "120s"]).status.success(), "the lab is not whole again");
    stop.store(true, Ordering::Relaxed);
    let seen = beside.join().expect("the writer ends");
    let reported = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{reported}{}", String::from_utf8_lossy(&output.stderr));
    let report = reported.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("a report");
    (report, seen)
}

fn span(value: &Value) -> Duration {
    serde_json::from_value(value.clone()).expect("a span")
}

/// The outage that the report tells.
fn outage(report: &Value) -> Duration {
    let gap = &report["figures"]["outage"];
    span(&gap["to"]).checked_sub(span(&gap["from"])).expect("it ends after its begin")
}

fn agrees(report: &Value, seen: &Seen) {
    let figures = &report["figures"];
    let rto = outage(report);
    assert!(rto.abs_diff(seen.longest) <= AGREE, "RTO {rto:?}, the writer saw {:?}", seen.longest);
    assert!(seen.acknowledged > 100, "the writer wrote {}", seen.acknowledged);
    assert_eq!((figures["lost"].as_u64(), seen.lost), (Some(0), 0));
    assert_eq!(figures["split_brain"].as_u64(), Some(0));
    assert_eq!(report["left"].as_array().map(Vec::len), Some(0), "everything is undone");
}

#[test]
#[ignore = "needs the lab: dev/test"]
fn killing_the_leader_costs_what_an_independent_writer_sees() {
    let (report, seen) = drill(&lab(), "kill");
    agrees(&report, &seen);
    let phases: Vec<&str> =
        report["phases"].as_array().expect("phases").iter().filter_map(|seen| seen["phase"].as_str()).collect();
    for phase in ["key-released", "promoted", "router-up", "first-write", "old-leader-back"] {
        assert!(phases.contains(&phase), "{phases:?}");
    }
}

#[test]
#[ignore = "needs the lab: dev/test"]
fn a_leader_that_was_frozen_past_its_lease_takes_no_write_when_it_is_thawed() {
    let (report, seen) = drill(&lab(), "freeze");
    agrees(&report, &seen);
}

#[test]
#[ignore = "needs the lab: dev/test"]
fn the_loss_of_the_router_is_undone_and_loses_nothing() {
    let (report, seen) = drill(&lab(), "router");
    assert_eq!((report["figures"]["lost"].as_u64(), seen.lost), (Some(0), 0));
    assert_eq!(report["left"].as_array().map(Vec::len), Some(0));
    let gap = outage(&report);
    assert!(gap >= Duration::from_secs(9) && seen.longest >= Duration::from_secs(9), "{gap:?}, {:?}", seen.longest);
}

#[test]
#[ignore = "needs the lab: dev/test"]
fn stopping_the_leader_counts_from_when_it_was_asked_to_stop() {
    let (report, seen) = drill(&lab(), "stop");
    let (rto, lost) = (outage(&report), report["figures"]["lost"].as_u64());
    // A leader of a second ago flushes its first rows slowly: which client's row is the first is chance.
    assert!(rto.abs_diff(seen.longest) <= AGREE * 10, "RTO {rto:?}, the writer saw {:?}", seen.longest);
    assert_eq!((lost, seen.lost), (Some(0), 0));
    let phases = report["phases"].as_array().expect("phases");
    let after = |phase: &str| phases.iter().find(|seen| seen["phase"] == phase).map(|seen| span(&seen["after"]));
    let key_released = after("key-released").expect("the leader gave its key away");
    // The container's stop is answered when PostgreSQL is down; by then the key may be another's.
    assert!(key_released > Duration::ZERO && after("promoted").expect("promoted") > key_released, "{phases:?}");
}

/// A drill of the router in a process of its own, and the console that began it.
struct StartedDrill {
    lab: Lab,
    console: Child,
    action: String,
}

fn router_answers() -> bool {
    // A port that nobody serves is closed again at once; one that is served waits for the client's word.
    let port = port("LAB_ROUTER_STATS_PORT", 7000);
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut page| {
        page.set_read_timeout(Some(DEADLINE))?;
        page.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        page.read(&mut [0; 64])
    });
    asked.is_ok_and(|read| read > 0)
}

/// Waits for what must come; panics where it does not.
fn until(what: &str, at_most: Duration, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < at_most, "{what}: not within {at_most:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Begins a drill that kills the router, and waits until it is gone. The lock of a drill that was killed lives as long as
/// its lease, and whoever comes before is refused.
fn without_router() -> StartedDrill {
    let mut lab = lab();
    assert!(run(&lab, &["wait", "ready", "--timeout", "120s"]).status.success(), "the lab is not whole");
    lab.may_be_broken();
    let start = || {
        let mut console = command(&lab, &["drill", "run", "router", "--confirm", "lab"]);
        console.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    };
    let (mut console, began) = (start(), Instant::now());
    while router_answers() {
        assert!(began.elapsed() < Duration::from_secs(60), "the router is not killed");
        if console.try_wait().expect("a child").is_some() {
            console = start();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let jobs = std::fs::read_dir(state(&lab).join("pgctl-tui/jobs")).expect("jobs");
    let names = jobs.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    StartedDrill { action: names.max().expect("a job"), lab, console }
}

impl StartedDrill {
    /// The process that is this drill's `job run` or `job guard`.
    fn process(&self, part: &str) -> Pid {
        let arguments = format!("job\0{part}\0{}\0", self.action);
        let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
        let found = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).find(|pid: &i32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).ends_with(&arguments))
        });
        found.and_then(Pid::from_raw).unwrap_or_else(|| panic!("no process is the job's {part}"))
    }

    /// What `drill` says of drills that died.
    fn said(&self) -> String {
        String::from_utf8_lossy(&run(&self.lab, &["drill"]).stderr).into_owned()
    }

    fn ends(mut self) {
        let code = self.console.wait().expect("the console ends").code();
        assert_ne!(code, Some(0), "whoever watched knows that it died");
        let repaired = run(&self.lab, &["drill", "mend"]);
        let reported = String::from_utf8_lossy(&repaired.stderr).into_owned();
        assert!(repaired.status.success() && reported.contains("no drill has left anything to revert"), "{reported}");
        self.lab.repair();
    }
}

#[test]
#[ignore = "needs the lab: dev/test"]
fn what_a_drill_broke_whose_process_is_killed_is_undone_by_its_guard() {
    let begun = without_router();
    kill_process(begun.process("run"), Signal::KILL).expect("killed");
    // The drill itself would have left it so for ten seconds.
    until("the guard starts the router", Duration::from_secs(8), router_answers);
    until("nothing is owed any more", Duration::from_secs(30), || !begun.said().contains("died and left"));
    begun.ends();
}

#[test]
#[ignore = "needs the lab: dev/test"]
fn what_nobody_guards_any_more_is_reported_and_reverted_by_repair() {
    let begun = without_router();
    // The guard first: it would undo at once.
    kill_process(begun.process("guard"), Signal::KILL).expect("killed");
    kill_process(begun.process("run"), Signal::KILL).expect("killed");
    until("what is owed is told", Duration::from_secs(10), || begun.said().contains("died and left: start pg-router"));
    assert!(!router_answers(), "nobody has undone it");
    let repaired = run(&begun.lab, &["drill", "mend"]);
    assert!(repaired.status.success(), "{}", String::from_utf8_lossy(&repaired.stderr));
    assert!(router_answers());
    begun.ends();
}
