//! The operation lock by advisory locks, on the lab's profile `streaming`: two consoles, holders that die, freeze or are cut
//! off, nodes that stop, come back and are promoted. `dev/test` brings the lab up.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the lab"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgctl::action::record::{ActionId, Operator};
use pgctl::config::{ClusterSettings, Environment, from_text};
use pgctl::driver::lock::advisory::{AdvisoryLock, LockNode};
use pgctl::driver::port::{Lock as _, LockClaim, LockError};
use pgctl::model::agent::Address;
use pgctl::model::name::NodeName;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pgctl-tui");
/// How long the lock outlives a holder of whom nothing is heard, and some time for the machine.
const LEASE: Duration = Duration::from_secs(15 + 5);

/// The nodes with their published ports, as the lab has them.
fn nodes() -> Vec<(String, u16)> {
    let of = |name: &str, variable: &str, port: u16| {
        let port = std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(port);
        (name.to_owned(), port)
    };
    vec![
        of("db-primary", "LAB_STREAMING_PRIMARY_PORT", 8008),
        of("db-replica", "LAB_STREAMING_REPLICA_PORT", 8009),
        of("db-replica-2", "LAB_STREAMING_REPLICA_2_PORT", 8010),
    ]
}

/// The lab, whole again once this is dropped, with a configuration for it.
struct Lab {
    directory: tempfile::TempDir,
    settings: ClusterSettings,
}

impl Lab {
    fn new() -> Self {
        pgctl::client::tls::install_provider();
        let directory = tempfile::tempdir().expect("a directory");
        for (name, password) in [("monitor", "lab-monitor"), ("superuser", "lab-superuser")] {
            let mut options = std::fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(directory.path().join(name));
            file.and_then(|mut file| file.write_all(password.as_bytes())).expect("a password file");
        }
        let login = "[clusters.bank]\nprotected = true\n[clusters.bank.postgres]\nuser = \"pgctl_monitor\"\n\
                     password_file = \"monitor\"\ndatabase = \"banking\"\n[clusters.bank.postgres.acting]\n\
                     user = \"postgres\"\npassword_file = \"superuser\"\n";
        let node = |(name, port)| format!("[clusters.bank.nodes.{name}]\npostgres = \"127.0.0.2:{port}\"\n");
        let text = std::iter::once(login.to_owned()).chain(nodes().into_iter().map(node)).collect::<String>();
        let path = directory.path().join("config.toml");
        std::fs::write(&path, &text).expect("a configuration");
        let settings = from_text(&text, &path, &Environment::of_process()).expect("settings").clusters.remove(0);
        Self { directory, settings }
    }

    /// A console's hand on the lock; it logs in to `database`.
    fn hand_in(&self, database: &str) -> AdvisoryLock {
        let acting = self.settings.postgres.as_ref().and_then(|postgres| postgres.acting.clone()).expect("a login");
        let place = |(name, port): (String, u16)| {
            let member = NodeName::new(name);
            let access = self.settings.access_to(&acting, &member, "127.0.0.2");
            let access = pgctl::config::endpoint::PostgresAccess { database: database.to_owned(), ..access };
            LockNode { member, address: Address { host: "127.0.0.2".into(), port }, access }
        };
        let places: Vec<LockNode> = nodes().into_iter().map(place).collect();
        AdvisoryLock::new(Box::new(move || places.clone()), Arc::new(Environment::of_process()))
    }

    fn launcher(&self) -> AdvisoryLock {
        self.hand_in("banking")
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("HOME", self.directory.path()).env_remove("XDG_CONFIG_HOME");
        command.env("PGCTL_CONFIG", self.directory.path().join("config.toml"));
        let output = command.output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn operation_lock(&self) -> Value {
        let (_, reported) = self.run(&["status", "--output", "json"]);
        let document: Value = serde_json::from_str(&reported).expect("a document");
        document["clusters"][0]["operation_lock"].clone()
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

fn lab(arguments: &[&str]) -> String {
    let output = lab_command(arguments).output().expect("dev/lab runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{words}").and_then(|()| out.flush()).expect("an output");
}

/// Sessions that hold the lock on `node`, asked from within.
fn held_on(node: &str) -> usize {
    let count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1885823860 AND granted";
    lab(&["psql", node, "-XAtqc", count]).trim().parse().expect("a number")
}

/// How long it takes until nobody holds the lock on `node`.
fn until_free(node: &str, longest: Duration) -> Duration {
    let began = Instant::now();
    while held_on(node) > 0 {
        assert!(began.elapsed() < longest, "{node}: still held after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    began.elapsed()
}

fn claim(user: &str) -> LockClaim {
    LockClaim {
        action: ActionId(format!("20261130-143500-000-{user}")),
        verb: "switchover".into(),
        operator: Operator { user: user.into(), host: "bastion".into(), pid: 7, ..Operator::default() },
        reason: Some("Umzug */ SELECT 1; -- für immer".into()),
        since: "2026-11-30T14:35:00Z".parse().expect("a time"),
    }
}

/// Another process that holds the lock.
struct HeldElsewhere(Child);

impl HeldElsewhere {
    fn begin(lab: &Lab) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "a_process_that_holds_the_lock_until_it_is_ended", "--ignored", "--nocapture"]);
        command.env("PGCTL_TEST_HOLDS", lab.directory.path()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        assert!({ lines }.any(|line| line.contains("held")), "it does not get the lock");
        Self(child)
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).expect("a signal");
    }
}

impl Drop for HeldElsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "run by the tests below in a process of its own"]
async fn a_process_that_holds_the_lock_until_it_is_ended() {
    if std::env::var_os("PGCTL_TEST_HOLDS").is_none() {
        return;
    }
    let lab = Lab::new();
    let mut launcher = lab.launcher();
    launcher.acquire(&claim("carol")).await.expect("free");
    say("held");
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        launcher.renew().await.expect("held");
    }
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn a_second_console_is_refused_with_who_holds_the_lock_and_every_other_one_sees_it() {
    let lab = Lab::new();
    let (mut alice, mut bob, mut carol) = (lab.launcher(), lab.launcher(), lab.hand_in("postgres"));
    assert_eq!(bob.holder().await.expect("an answer"), None);
    alice.acquire(&claim("alice")).await.expect("free");
    for launcher in [&mut bob, &mut carol] {
        let error = launcher.acquire(&claim("bob")).await.expect_err("taken, in whatever database");
        assert!(error.to_string().contains("switchover of alice@bastion has held the operation lock"), "{error}");
        let LockError::Taken { claim: seen, left } = error else { panic!("not told") };
        assert_eq!(*seen, claim("alice"), "whole, whatever is in the reason");
        assert!(left.is_some_and(|left| left <= Duration::from_secs(15)), "{left:?}");
    }
    assert_eq!(bob.holder().await.expect("an answer"), Some(claim("alice")));
    for (node, _) in nodes() {
        assert_eq!(held_on(&node), 1, "{node}: one session, and none of the refused");
    }
    let seen = lab.operation_lock();
    assert_eq!((&seen["holder"], &seen["verb"]), (&Value::from("alice@bastion"), &Value::from("switchover")), "{seen}");
    assert_eq!(seen["since"], "2026-11-30T14:35:00Z", "{seen}");
    alice.renew().await.expect("still held");
    assert_eq!(bob.renew().await, Err(LockError::Lost), "never held");
    alice.release().await.expect("given back");
    assert_eq!(lab.operation_lock(), Value::Null);
    bob.acquire(&claim("bob")).await.expect("free again");
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn a_holder_that_is_killed_frees_the_lock_at_once_and_one_that_is_frozen_when_its_lease_ends() {
    let lab = Lab::new();
    let held = HeldElsewhere::begin(&lab);
    let mut bob = lab.launcher();
    bob.acquire(&claim("bob")).await.expect_err("taken");
    held.signal(rustix::process::Signal::KILL);
    let took = until_free("db-primary", Duration::from_secs(3));
    say(&format!("killed: free after {took:?}"));
    bob.acquire(&claim("bob")).await.expect("free");
    bob.release().await.expect("given back");
    let held = HeldElsewhere::begin(&lab);
    held.signal(rustix::process::Signal::STOP);
    let took = until_free("db-primary", LEASE);
    say(&format!("frozen: free after {took:?}"));
    assert!(took > Duration::from_secs(5), "not for a pause of a moment: {took:?}");
    bob.acquire(&claim("bob")).await.expect("free");
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn a_node_that_is_cut_off_frees_its_part_within_the_lease_and_the_holder_cannot_tell() {
    let lab_ = Lab::new();
    let mut alice = lab_.launcher();
    alice.acquire(&claim("alice")).await.expect("free");
    lab(&["break", "cut", "db-replica"]);
    let error = alice.renew().await.expect_err("nobody can tell");
    assert!(matches!(error, LockError::Unavailable(_)), "{error}");
    let took = until_free("db-replica", LEASE);
    say(&format!("cut: free after {took:?}"));
    let mut bob = lab_.launcher();
    let error = bob.acquire(&claim("bob")).await.expect_err("the other nodes are still held");
    assert!(matches!(error, LockError::Taken { .. }), "{error}");
    lab(&["mend", "cut", "db-replica"]);
    let error = alice.renew().await.expect_err("lost");
    assert!(matches!(&error, LockError::LostOn { member, .. } if member.as_str() == "db-replica"), "{error}");
    assert!(error.to_string().contains("lost on db-replica"), "{error}");
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn a_standby_that_is_promoted_keeps_its_part() {
    let lab_ = Lab::new();
    let mut alice = lab_.launcher();
    alice.acquire(&claim("alice")).await.expect("free");
    lab(&["break", "promote", "db-replica"]);
    alice.renew().await.expect("kept");
    assert_eq!(held_on("db-replica"), 1);
    alice.release().await.expect("given back");
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn a_node_that_the_plan_stops_is_no_loss_and_is_taken_again_when_it_is_back() {
    let lab_ = Lab::new();
    let mut alice = lab_.launcher();
    alice.acquire(&claim("alice")).await.expect("free");
    alice.expect_loss(&BTreeSet::from([NodeName::new("db-replica")]));
    lab(&["break", "stop", "db-replica"]);
    alice.renew().await.expect("no loss");
    let mut bob = lab_.launcher();
    let error = bob.acquire(&claim("bob")).await.expect_err("held on the others");
    assert!(matches!(error, LockError::Taken { .. }), "{error}");
    lab(&["mend", "stop", "db-replica"]);
    lab(&["wait", "120"]);
    let end = Instant::now() + Duration::from_secs(30);
    while held_on("db-replica") == 0 {
        assert!(Instant::now() < end, "not taken again");
        alice.renew().await.expect("held");
    }
    lab(&["break", "stop", "db-replica-2"]);
    let error = alice.renew().await.expect_err("nobody said that this one would stop");
    assert!(matches!(&error, LockError::LostOn { member, .. } if member.as_str() == "db-replica-2"), "{error}");
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn a_node_that_is_down_is_done_without_and_a_login_that_gets_in_nowhere_is_reported() {
    let lab_ = Lab::new();
    lab(&["break", "stop", "db-primary"]);
    let mut alice = lab_.launcher();
    alice.acquire(&claim("alice")).await.expect("on those that answer");
    assert_eq!((held_on("db-replica"), held_on("db-replica-2")), (1, 1));
    alice.release().await.expect("given back");
    let error = lab_.hand_in("no_such_database").acquire(&claim("bob")).await.expect_err("no such database");
    assert!(matches!(error, LockError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("no_such_database"), "{error}");
}

#[tokio::test]
#[ignore = "needs the lab's profile streaming"]
async fn doctor_says_whether_the_login_for_acting_gets_in_and_can_take_the_lock() {
    let lab = Lab::new();
    let (code, reported) = lab.run(&["doctor"]);
    for (node, _) in nodes() {
        let of_node = |words: &str| reported.lines().any(|line| line.contains(&node) && line.contains(words));
        for words in ["login for acting: logged in as postgres", "can take the operation lock", "acting: superuser"] {
            assert!(of_node(words), "{node}: {words}: {reported}");
        }
    }
    assert!(!reported.contains("fail ") && code.is_some(), "{reported}");
    assert_eq!(held_on("db-primary"), 0, "nothing is left");
}
