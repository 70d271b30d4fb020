//! A switchover that clients of PgBouncer wait through (`PGCTL_LAB=1`, after `LAB_PROFILE=pooler dev/lab up`), as an operator
//! types it: pgbench with 20 clients and writers of our own, one row every 20 ms, against the same switchover past the poolers;
//! and what becomes of the pauses where the action's process, its guard, or both are killed half-way, or hang. Each test leaves
//! the lab as it was, but for who leads. `PGCTL_ROUNDS` says how often each kind is measured (1).
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::collections::HashSet;
use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lab::Lab;
use serde_json::Value;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Ports of the ways to the leader, by their variables.
const BY_ROUTER: (&str, &str) = ("LAB_ROUTER_PRIMARY_PORT", "5000");
const BY_POOLER_AND_ROUTER: (&str, &str) = ("LAB_POOLER_1_PORT", "6432");
const BY_POOLER_ALONE: (&str, &str) = ("LAB_POOLER_2_PORT", "6433");
/// A statement that has no answer after this long has failed.
const PATIENCE: Duration = Duration::from_secs(40);
/// What runs beside the writers.
const LOAD: &str = "-c 20 -j 2 -T 25 -P 1 --max-tries=1";
/// A pause may last for so long, whatever happens.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

fn variable((name, usual): (&str, &str)) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| usual.to_owned())
}

fn host() -> String {
    variable(("LAB_BIND", "127.0.0.1"))
}

/// The lab with everything configured that pausing and re-pointing its poolers wants.
fn lab() -> Lab {
    assert_eq!(env::var("PGCTL_LAB").as_deref(), Ok("1"), "start the lab and set PGCTL_LAB=1");
    let lab = Lab::new();
    let written = std::fs::read_to_string(lab.config()).expect("a configuration");
    let mut text = written.replace("# databases = [\"app\"]   # those", "databases = [\"app\"]   # those").replacen(
        "[[clusters.lab.routers]]",
        "[clusters.lab.postgres.acting]\nuser = \"postgres\"\npassword_env = \"LAB_SUPERUSER_PASSWORD\"\n\n[[clusters.lab.routers]]",
        1,
    );
    if env::var("LAB_ETCD_PASSWORD").is_ok_and(|password| !password.is_empty()) {
        text = text
            .replace("# user = \"reader\"", "user = \"reader\"")
            .replace("# password_env = \"ETCD_PASSWORD\"", "password_env = \"LAB_ETCD_PASSWORD\"");
    }
    let repoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab").display().to_string();
    for (pooler, line) in [
        ("pgbouncer-1", String::new()),
        ("pgbouncer-2", format!("repoint = [{repoint:?}, \"repoint\", \"{{member}}\"]\n")),
    ] {
        let table = format!("[clusters.lab.poolers.{pooler}]\n");
        let acting = format!(
            "[clusters.lab.poolers.{pooler}.acting]\nuser = \"pooler_admin\"\npassword_env = \"LAB_POOLER_ADMIN_PASSWORD\"\n\n"
        );
        assert!(text.contains(&table), "no {pooler}: {text}");
        text = text.replace(&table, &format!("{acting}{table}{line}"));
    }
    std::fs::write(lab.config(), text).expect("written");
    lab
}

fn program(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = lab.command(arguments);
    command
        .env("LAB_REST_PASSWORD", variable(("LAB_REST_PASSWORD", "lab-rest")))
        .env("LAB_SUPERUSER_PASSWORD", variable(("LAB_SUPERUSER_PASSWORD", "lab-superuser")))
        .env("LAB_POOLER_ADMIN_PASSWORD", variable(("LAB_POOLER_ADMIN_PASSWORD", "lab-pooler-admin")))
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null());
    command
}

/// Waits until everybody streams and both poolers lead to the leader; a replica.
fn whole(lab: &Lab) -> String {
    let streams = |cluster: &Value| {
        let members = cluster["members"].as_array().expect("members");
        let count = |state: &str| members.iter().filter(|member| member["state"]["value"] == state).count();
        members.len() == 3 && count("streaming") == 2
    };
    lab.watch().until("the lab is whole", Duration::from_secs(120), streams);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab");
    for arguments in [&["repoint", "leader"][..], &["wait", "120"]] {
        let output = Command::new(&program).args(arguments).output().expect("dev/lab runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let members = list.as_array().expect("members");
    let replica = members.iter().find(|member| member["Role"] == "Replica").expect("a replica");
    replica["Member"].as_str().expect("a name").to_owned()
}

async fn session(
    port: (&str, &str),
    user: &str,
    password: &str,
    database: &str,
) -> Result<tokio_postgres::Client, String> {
    let (host, port) = (host(), variable(port));
    let login = format!("host={host} port={port} user={user} password={password} dbname={database} connect_timeout=2");
    let opening = tokio::time::timeout(PATIENCE, tokio_postgres::connect(&login, NoTls)).await;
    let (client, connection) = opening.map_err(|_| "no login".to_owned())?.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}

async fn app(port: (&str, &str)) -> Result<tokio_postgres::Client, String> {
    session(port, "app", &variable(("LAB_APP_PASSWORD", "lab-app")), "app").await
}

/// Whether the console of a pooler says that its database or everything is paused.
async fn is_paused(port: (&str, &str)) -> bool {
    let password = variable(("LAB_POOLER_STATS_PASSWORD", "lab-pooler-stats"));
    let console = session(port, "pooler_stats", &password, "pgbouncer").await.expect("the console");
    let value = |messages: Vec<SimpleQueryMessage>, key: (&str, &str), column: &str| {
        messages.into_iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => {
                row.get(key.0) == Some(key.1) && matches!(row.get(column), Some("1" | "yes"))
            }
            _ => false,
        })
    };
    let databases = console.simple_query("SHOW DATABASES").await.expect("databases");
    let state = console.simple_query("SHOW STATE").await.expect("a state");
    value(databases, ("name", "app"), "paused") || value(state, ("key", "paused"), "value")
}

/// Waits until neither pooler is paused; how long that took.
async fn until_resumed(longest: Duration) -> Duration {
    let began = Instant::now();
    while is_paused(BY_POOLER_AND_ROUTER).await || is_paused(BY_POOLER_ALONE).await {
        assert!(began.elapsed() < longest, "still paused after {longest:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    began.elapsed()
}

/// What one writer has seen.
#[derive(Default)]
struct Written {
    acknowledged: Vec<i64>,
    errors: Vec<String>,
    /// The longest time between two rows.
    gap: Duration,
}

/// Writes a row every 20 ms until told to stop, reconnecting after an error.
async fn write(port: (&'static str, &'static str), lane: i64, stop: Arc<AtomicBool>) -> Written {
    let (mut client, mut number, mut written) = (None, lane * 1_000_000, Written::default());
    // A login that hangs is a wait, too.
    let mut last = Some(Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        number += 1;
        if client.is_none() {
            // A login past the poolers that hangs is given up, as a client that finds the leader gone would.
            let patience = if port == BY_ROUTER { Duration::from_secs(1) } else { PATIENCE };
            let opened = tokio::time::timeout(patience, app(port)).await;
            let opened = opened.unwrap_or_else(|_| Err("no login".to_owned()));
            client = opened.map_err(|why| written.errors.push(why)).ok();
        }
        if let Some(open) = &client {
            let statement = format!("INSERT INTO quiet_probe (n) VALUES ({number})");
            match tokio::time::timeout(PATIENCE, open.batch_execute(&statement)).await {
                Ok(Ok(())) => {
                    written.acknowledged.push(number);
                    let now = Instant::now();
                    written.gap = written.gap.max(last.map_or(Duration::ZERO, |last| now - last));
                    last = Some(now);
                }
                Ok(Err(error)) => {
                    written.errors.push(error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string));
                    client = None;
                }
                Err(_) => {
                    written.errors.push("no answer".to_owned());
                    client = None;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20).saturating_sub(began.elapsed())).await;
    }
    // Whoever still waits at the end has waited for so long at least.
    written.gap = written.gap.max(last.map_or(Duration::ZERO, |last| last.elapsed()));
    written
}

/// `docker exec` in the container of a service.
fn exec(service: &str, command: &[&str]) -> Command {
    let project = env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    let filters =
        [format!("label=com.docker.compose.project={project}"), format!("label=com.docker.compose.service={service}")];
    let listed = Command::new("docker").args(["ps", "-q", "--filter", &filters[0], "--filter", &filters[1]]).output();
    let id = String::from_utf8_lossy(&listed.expect("docker runs").stdout).trim().to_owned();
    let mut exec = Command::new("docker");
    exec.args(["exec", "-u", "postgres", "-e", "PGPASSFILE=/run/lab/pgpass", &id]).args(command);
    exec
}

/// pgbench in a node's container, by `way`: the host and port of a pooler or of the router.
fn pgbench(way: (&str, u16), arguments: &str) -> Child {
    let (host, port) = way;
    let line =
        format!("exec $(ls /usr/lib/postgresql/*/bin/pgbench | tail -1) -n -h {host} -p {port} -U app {arguments} app");
    let mut command = exec("pg-0", &["sh", "-c", &line]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("pgbench starts")
}

async fn prepare() {
    let admin = app(BY_ROUTER).await.expect("the write port");
    let made = "DROP TABLE IF EXISTS quiet_probe; CREATE TABLE quiet_probe (n bigint)";
    admin.batch_execute(made).await.expect("a table");
}

async fn lost(written: &[i64]) -> Vec<i64> {
    let client = app(BY_ROUTER).await.expect("the write port");
    let rows = client.query("SELECT n FROM quiet_probe", &[]).await.expect("rows");
    let there: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    written.iter().copied().filter(|number| !there.contains(number)).collect()
}

/// How often each kind is measured.
fn rounds() -> usize {
    variable(("PGCTL_ROUNDS", "1")).parse().expect("a number")
}

/// Returns once nobody holds the operation lock.
fn until_unlocked(lab: &Lab) {
    let is_free = |cluster: &Value| cluster["operation_lock"].is_null();
    lab.watch().until("the lock has expired", Duration::from_secs(60), is_free);
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values[values.len() / 2]
}

/// Runs the program to its end beside the writers; what it said, and what each has seen.
async fn switch_over(
    lab: &Lab,
    candidate: &str,
    through: &str,
    lanes: &[(&'static str, &'static str)],
) -> (String, Vec<Written>) {
    let stop = Arc::new(AtomicBool::new(false));
    let writing: Vec<_> =
        (1..).zip(lanes).map(|(lane, port)| tokio::spawn(write(*port, lane, Arc::clone(&stop)))).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut command = program(lab, &["switchover", candidate, "--confirm", "lab", "--through-poolers", through]);
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("the program runs")).await.expect("it ran");
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    let mut written = Vec::new();
    for writer in writing {
        written.push(writer.await.expect("a writer"));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    (text, written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs the lab with poolers"]
async fn clients_of_the_poolers_wait_and_get_no_error() {
    let lab = lab();
    let rounds = rounds();
    whole(&lab);
    let made = pgbench(("pg-router", 5000), "-i -q -s 2").wait_with_output().expect("pgbench ends");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (mut swift, mut by_router, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let candidate = whole(&lab);
        prepare().await;
        // The same load: its clients are cut off, and end with that.
        let bench = pgbench(("pg-router", 5000), LOAD);
        let (_, written) = switch_over(&lab, &candidate, "no", &[BY_ROUTER]).await;
        drop(bench.wait_with_output());
        println!("round {round}: past the poolers {:?}, {} errors", written[0].gap, written[0].errors.len());
        assert_eq!(lost(&written[0].acknowledged).await, Vec::<i64>::new(), "acknowledged and lost");
        swift.push(written[0].gap);

        let candidate = whole(&lab);
        prepare().await;
        let bench = pgbench(("pgbouncer-1", 6432), LOAD);
        let (text, written) = switch_over(&lab, &candidate, "auto", &[BY_POOLER_AND_ROUTER, BY_POOLER_ALONE]).await;
        let bench = bench.wait_with_output().expect("pgbench ends");
        let said = format!("{}{}", String::from_utf8_lossy(&bench.stdout), String::from_utf8_lossy(&bench.stderr));
        for (lane, written) in ["by the router", "straight"].iter().zip(&written) {
            println!("round {round}: {lane} {:?}, {} errors", written.gap, written.errors.len());
            assert_eq!(written.errors, Vec::<String>::new(), "{lane}: {text}");
            assert_eq!(lost(&written.acknowledged).await, Vec::<i64>::new(), "{lane}: acknowledged and lost");
        }
        assert!(bench.status.success() && said.contains("number of failed transactions: 0 "), "{said}");
        assert!(!is_paused(BY_POOLER_AND_ROUTER).await && !is_paused(BY_POOLER_ALONE).await);
        by_router.push(written[0].gap);
        alone.push(written[1].gap);
    }
    let (swift, by_router, alone) = (median(swift), median(by_router), median(alone));
    println!(
        "medians of {rounds}: past the poolers {swift:?}; waited: by the router {by_router:?}, straight {alone:?}"
    );
    // One round each tells little: the leader's shutdown differs by more than that.
    if rounds >= 5 {
        let most = swift.mul_f64(1.5);
        assert!(by_router <= most && alone <= most, "longer than {most:?}");
    }
}

/// What is done to the processes of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Harm {
    KillJob,
    KillGuard,
    KillBoth,
    StopJob,
}

/// The processes of the newest action: the job's, and its guard's.
fn processes(lab: &Lab) -> (String, String) {
    let jobs = lab.config().with_file_name(".local/state/pgctl-tui/jobs");
    let newest = std::fs::read_dir(jobs).expect("jobs").filter_map(Result::ok).map(|job| job.path()).max();
    let newest = newest.expect("a job");
    let alive = std::fs::read(newest.join("alive")).expect("a process");
    let process: Value = serde_json::from_slice(&alive).expect("JSON");
    let name = newest.file_name().expect("a name").to_string_lossy().into_owned();
    let guard = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok).find_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into()).collect();
        words.windows(2).any(|pair| pair == ["guard".to_owned(), name.clone()]).then(|| entry.file_name())
    });
    (process["pid"].to_string(), guard.expect("a guard").to_string_lossy().into_owned())
}

fn signal(signal: &str, process: &str) {
    let sent = Command::new("kill").args([signal, process]).status().expect("kill runs");
    assert!(sent.success(), "kill {signal} {process}");
}

/// Harms an action as soon as it says `when`; how long its poolers stayed paused after that, and what it said.
async fn harmed(lab: &Lab, candidate: &str, when: &str, harm: Harm) -> (Duration, String) {
    let mut command = program(lab, &["switchover", candidate, "--confirm", "lab", "--through-poolers", "yes"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let mut started = false;
    for line in lines.by_ref() {
        said.push_str(&line);
        said.push('\n');
        started |= line.contains("checking again under the lock");
        if started && line.contains(when) {
            break;
        }
    }
    let (job, guard) = processes(lab);
    match harm {
        Harm::KillJob => signal("-KILL", &job),
        Harm::KillGuard => signal("-KILL", &guard),
        Harm::KillBoth => {
            signal("-KILL", &guard);
            signal("-KILL", &job);
        }
        Harm::StopJob => signal("-STOP", &job),
    }
    let began = Instant::now();
    if harm != Harm::KillBoth {
        until_resumed(LONGEST_PAUSE).await;
    }
    let paused = began.elapsed();
    if harm == Harm::StopJob {
        signal("-CONT", &job);
    }
    tokio::task::spawn_blocking(move || {
        for line in lines {
            said.push_str(&line);
            said.push('\n');
        }
        let _ = child.wait();
        (paused, said)
    })
    .await
    .expect("it ended")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs the lab with poolers"]
async fn whatever_dies_the_poolers_go_on() {
    let lab = lab();
    let first = "PAUSE app of pgbouncer-2";
    let second = "PAUSE app of pgbouncer-1";
    let (asked, down, repointed) = ("POST http", "health down   response", "re-pointed to");
    let mut cases = vec![(second, Harm::KillJob), (asked, Harm::KillJob), (asked, Harm::StopJob)];
    // In every phase where it is measured; each costs the time in which the dead process's lock expires.
    if rounds() > 1 {
        let others = [(first, Harm::KillJob), (down, Harm::KillJob), (repointed, Harm::KillJob)];
        cases.extend(others.into_iter().chain([(second, Harm::KillGuard)]));
    }
    for (when, harm) in cases {
        let candidate = whole(&lab);
        let (paused, said) = harmed(&lab, &candidate, when, harm).await;
        println!("{harm:?} at {when:?}: paused for {paused:?} after that");
        let longest = if harm == Harm::StopJob { LONGEST_PAUSE } else { Duration::from_secs(10) };
        assert!(paused <= longest, "{said}");
        // Patroni goes on by itself, and the dead process's lock expires.
        until_unlocked(&lab);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs the lab with poolers"]
async fn what_neither_job_nor_guard_could_resume_is_found_and_undone() {
    let lab = lab();
    let candidate = whole(&lab);
    let (_, said) = harmed(&lab, &candidate, "PAUSE app of pgbouncer-1", Harm::KillBoth).await;
    assert!(is_paused(BY_POOLER_ALONE).await, "{said}");
    let word = said.lines().find_map(|line| line.split("pgctl-tui undo ").nth(1)).unwrap_or_else(|| panic!("{said}"));
    let action = word.split_whitespace().next().expect("an action").to_owned();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        // The lock of the dead process expires first.
        let output = program(&lab, &["undo", &action, "--yes"]).output().expect("the program runs");
        if output.status.success() {
            break;
        }
        let told = [output.stdout, output.stderr].concat();
        assert!(Instant::now() < end, "{}", String::from_utf8_lossy(&told));
        println!("{}", String::from_utf8_lossy(&told).lines().last().unwrap_or_default());
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(!is_paused(BY_POOLER_AND_ROUTER).await && !is_paused(BY_POOLER_ALONE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs the lab with poolers"]
async fn a_client_that_keeps_its_server_ends_the_action_before_anything_is_lost() {
    let lab = lab();
    let candidate = whole(&lab);
    let held = app(BY_POOLER_AND_ROUTER).await.expect("a client");
    held.batch_execute("BEGIN; SELECT 1").await.expect("a transaction");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let run = |arguments: &[&str]| {
        let output = program(&lab, arguments).output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let line = ["switchover", &candidate, "--confirm", "lab", "--through-poolers", "yes"];
    let (code, said) = run(&line);
    assert!(code != Some(0) && said.contains("idle in transaction for"), "who holds it is said: {said}");
    let forced = [&line[..], &["--override", "pooler-held-servers", "--reason", "a test"]].concat();
    let (code, said) = run(&forced);
    assert!(code != Some(0) && said.contains("still have a client"), "{said}");
    until_resumed(Duration::from_secs(3)).await;
    held.batch_execute("COMMIT").await.expect("the client goes on where it was");
}
