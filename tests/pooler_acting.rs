//! Acting on PgBouncer in front of the lab (`PGCTL_LAB=1`, after `LAB_PROFILE=pooler dev/lab up`), as an operator types it: what
//! is said, how it exits, and what psql is told by the pooler at that moment. Each test leaves the lab resumed, also where it
//! fails.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lab::Lab;
use serde_json::Value;

const POOLER: &str = "pgbouncer-2";
const SOON: Duration = Duration::from_secs(30);
/// What the program refuses, and what it tried in vain.
const REFUSED: i32 = 3;
const FAILED: i32 = 6;

/// The lab with a login of this user for acting on its poolers.
fn lab_with(user: &str, password: &str) -> Lab {
    let lab = Lab::new();
    let written = std::fs::read_to_string(lab.config()).expect("a configuration");
    let mut text = written.replace("# databases = [\"app\"]   # those", "databases = [\"app\"]   # those").replacen(
        "[[clusters.lab.routers]]",
        "[clusters.lab.postgres.acting]\nuser = \"postgres\"\npassword_env = \"LAB_SUPERUSER_PASSWORD\"\n\n[[clusters.lab.routers]]",
        1,
    );
    if std::env::var("LAB_ETCD_PASSWORD").is_ok_and(|password| !password.is_empty()) {
        text = text
            .replace("# user = \"reader\"", "user = \"reader\"")
            .replace("# password_env = \"ETCD_PASSWORD\"", "password_env = \"LAB_ETCD_PASSWORD\"");
    }
    std::fs::write(lab.directory_of_config().join("acting"), format!("{password}\n")).expect("a password");
    restrict(&lab.directory_of_config().join("acting"));
    let table = format!("[clusters.lab.poolers.{POOLER}]\n");
    assert!(text.contains(&table), "no {POOLER}: {text}");
    if !user.is_empty() {
        let file = lab.directory_of_config().join("acting");
        let acting = format!(
            "[clusters.lab.poolers.{POOLER}.acting]\nuser = \"{user}\"\npassword_file = \"{}\"\n\n",
            file.display()
        );
        text = text.replace(&table, &format!("{acting}{table}"));
    }
    std::fs::write(lab.config(), text).expect("written");
    lab
}

fn lab() -> Lab {
    lab_with("pooler_admin", "lab-pooler-admin")
}

fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

trait DirectoryOfConfig {
    fn directory_of_config(&self) -> std::path::PathBuf;
}

impl DirectoryOfConfig for Lab {
    fn directory_of_config(&self) -> std::path::PathBuf {
        self.config().parent().expect("a directory").to_owned()
    }
}

/// The container of the pooler.
fn container() -> String {
    let project = std::env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    let filters =
        [format!("label=com.docker.compose.project={project}"), format!("label=com.docker.compose.service={POOLER}")];
    let listed = Command::new("docker").args(["ps", "-aq", "--filter", &filters[0], "--filter", &filters[1]]).output();
    String::from_utf8_lossy(&listed.expect("docker runs").stdout).trim().to_owned()
}

/// `docker exec` in it.
fn exec(command: &[&str]) -> Command {
    let mut exec = Command::new("docker");
    exec.args(["exec", "-u", "postgres", "-e", "PGPASSFILE=/run/lab/pgpass", &container()]).args(command);
    exec
}

fn console(statement: &str) -> Output {
    let connection = "host=/run/lab port=6432 user=pooler_admin password=lab-pooler-admin dbname=pgbouncer";
    exec(&["psql", "-X", "--csv", "-c", statement, connection]).output().expect("psql runs")
}

/// Rows of the admin console as psql has them, by column.
fn admin(statement: &str) -> Vec<BTreeMap<String, String>> {
    let output = console(statement);
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn is_paused(database: &str) -> bool {
    admin("SHOW DATABASES").iter().any(|row| row["name"] == database && row["paused"] == "1")
}

fn all_is_paused() -> bool {
    admin("SHOW STATE").iter().any(|row| row["key"] == "paused" && row["value"] == "yes")
}

/// A column of the pools of `app`, added up.
fn in_pools(column: &str) -> u32 {
    let pools = admin("SHOW POOLS");
    pools.iter().filter(|row| row["database"] == "app").map(|row| row[column].parse::<u32>().expect("a number")).sum()
}

/// Numbers of the backends that stand behind `app`.
fn backends() -> Vec<String> {
    let servers = admin("SHOW SERVERS");
    servers
        .into_iter()
        .filter(|row| row["database"] == "app")
        .map(|mut row| row.remove("remote_pid").expect("a number"))
        .collect()
}

fn until(what: &str, seen: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !seen() {
        assert!(Instant::now() < end, "{what}: not within {SOON:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Resumes everything once this is dropped, and drops the clients.
struct Tidy;

impl Drop for Tidy {
    fn drop(&mut self) {
        let _ = exec(&["pkill", "-f", "psql .*-U app"]).status();
        for statement in ["RESUME", "RESUME app", "RESUME billing"] {
            let _ = console(statement);
        }
    }
}

/// A client of the pooler.
struct Client(Child);

impl Client {
    fn new(statements: &[&str]) -> Self {
        Self::of("app", statements)
    }

    fn of(database: &str, statements: &[&str]) -> Self {
        let mut words = vec![
            "psql",
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            "6432",
            "-U",
            "app",
            "-d",
            database,
        ];
        words.extend(statements.iter().flat_map(|statement| ["-c", statement]));
        let child = exec(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("psql starts");
        Self(child)
    }

    /// Whether it has come to its end well, and what it said.
    fn end(self) -> (bool, String) {
        let output = self.0.wait_with_output().expect("psql ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }
}

/// A client that has had a transaction open for some seconds: for so long that a pause is warned of.
fn holder() -> Client {
    let client = Client::new(&["BEGIN", "SELECT pg_sleep(45)", "COMMIT", "SELECT 'written'"]);
    until("a server is held", || in_pools("sv_active") == 1);
    std::thread::sleep(Duration::from_secs(3));
    client
}

/// A verb about the pooler; its exit code, and all that was said.
fn act(lab: &Lab, arguments: &[&str]) -> (i32, String) {
    let (code, out, error) = lab.act(arguments);
    (code, out + &error)
}

fn pooler(lab: &Lab, command: &str, more: &[&str]) -> (i32, String) {
    let mut arguments = vec!["pooler", command, POOLER];
    arguments.extend(more);
    act(lab, &arguments)
}

/// The name of the action, by what its outcome offers.
fn action_of(reported: &str) -> String {
    let (_, behind) =
        reported.rsplit_once("pgctl-tui undo ").unwrap_or_else(|| panic!("no undo is offered: {reported}"));
    behind.split_whitespace().next().expect("a name").trim_matches(['.', ',', ';']).to_owned()
}

#[test]
#[ignore = "needs the lab with poolers"]
fn clients_wait_from_a_pause_until_they_are_resumed_and_nothing_is_owed_then() {
    let (lab, _tidy) = (lab(), Tidy);
    let (code, reported) = pooler(&lab, "pause", &["--database", "app"]);
    assert_eq!(code, REFUSED, "nobody said yes: {reported}");
    assert!(!is_paused("app"), "a refusal sends nothing");
    let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
    assert_eq!(code, 0, "{reported}");
    assert!(is_paused("app") && !all_is_paused());
    assert!(reported.contains("query_wait_timeout"), "what clients see in the end is told: {reported}");
    let action = action_of(&reported);
    let waiting = Client::new(&["SELECT 'let on'"]);
    until("it waits", || in_pools("cl_waiting") == 1);
    let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
    assert_eq!(code, REFUSED, "it is paused already: {reported}");
    let (code, reported) = pooler(&lab, "resume", &["--database", "app", "--yes"]);
    assert_eq!(code, 0, "{reported}");
    assert!(!is_paused("app"));
    assert_eq!(waiting.end(), (true, "let on\n".to_owned()));
    let (code, reported) = pooler(&lab, "resume", &["--database", "app", "--yes"]);
    assert_eq!(code, REFUSED, "{reported}");
    assert!(reported.contains("not paused"), "{reported}");
    let (code, reported) = act(&lab, &["undo", &action, "--yes"]);
    assert!(code == 0 && reported.contains("nothing to do"), "nothing is left of the pause: {reported}");
}

#[test]
#[ignore = "needs the lab with poolers"]
fn a_pause_of_everything_is_taken_back_by_undo() {
    let (lab, _tidy) = (lab(), Tidy);
    let (code, reported) = pooler(&lab, "pause", &["--yes"]);
    assert_eq!(code, 0, "{reported}");
    assert!(all_is_paused() && !is_paused("app"), "the process holds them, and no database says so");
    let (code, undone) = act(&lab, &["undo", &action_of(&reported), "--yes"]);
    assert_eq!(code, 0, "{undone}");
    assert!(!all_is_paused());
    assert_eq!(Client::new(&["SELECT 'flows'"]).end(), (true, "flows\n".to_owned()));
}

#[test]
#[ignore = "needs the lab with poolers"]
fn a_pause_that_a_transaction_keeps_from_coming_about_is_given_up_and_its_client_goes_on() {
    let (lab, _tidy) = (lab(), Tidy);
    let holding = holder();
    let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
    assert_eq!(code, REFUSED, "{reported}");
    assert!(reported.contains("psql (app) from") && !is_paused("app"), "who holds it is named beforehand: {reported}");
    let arguments = ["--database", "app", "--yes", "--override", "pooler-held-servers", "--reason", "live test"];
    let (code, reported) = pooler(&lab, "pause", &arguments);
    assert_eq!(code, FAILED, "{reported}");
    assert!(reported.contains("held by psql (app) from"), "{reported}");
    assert!(!is_paused("app"), "its clients go on: {reported}");
    assert_eq!(Client::new(&["SELECT 'flows'"]).end(), (true, "flows\n".to_owned()));
    assert_eq!(holding.end(), (true, "\nwritten\n".to_owned()), "nobody was disconnected");
}

#[test]
#[ignore = "needs the lab with poolers"]
fn what_somebody_else_has_paused_is_left_alone_until_it_is_resumed_by_name() {
    let (lab, _tidy) = (lab(), Tidy);
    for (statement, database, is_held) in
        [("PAUSE app", true, (|| is_paused("app")) as fn() -> bool), ("PAUSE", false, all_is_paused)]
    {
        admin(statement);
        let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
        assert_eq!(code, REFUSED, "{statement}: {reported}");
        assert!(reported.contains("another user") && is_held(), "{statement}: {reported}");
        // RESUME of a database says that it is not paused while all is, and lets nobody on.
        let (code, reported) = pooler(&lab, "resume", &["--database", "app", "--yes"]);
        assert_eq!(code, if database { 0 } else { REFUSED }, "{statement}: {reported}");
        if !database {
            assert!(is_held(), "{reported}");
            let (code, reported) = pooler(&lab, "resume", &["--yes"]);
            assert_eq!(code, 0, "{reported}");
        }
        assert!(!is_held(), "{statement}");
    }
}

/// Another database of the pooler, until this is dropped.
struct Second;

impl Second {
    /// A line that is made from that of `app`.
    fn new(edit: &str) -> Self {
        let line = format!(
            "sed -n '{edit}p' /run/lab/databases.ini > /tmp/second && cat /tmp/second >> /run/lab/databases.ini"
        );
        assert!(exec(&["sh", "-c", &line]).status().expect("sh runs").success());
        admin("RELOAD");
        until("the second is there", || admin("SHOW DATABASES").iter().any(|row| row["name"] == "billing"));
        Self
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = exec(&["sed", "-i", "/^billing /d", "/run/lab/databases.ini"]).status();
        let _ = console("RELOAD");
    }
}

#[test]
#[ignore = "needs the lab with poolers"]
fn a_pause_outlives_a_reload_and_is_of_one_of_two_databases() {
    let (lab, _second, _tidy) = (lab(), Second::new("s/^app = /billing = /"), Tidy);
    let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
    assert_eq!(code, 0, "{reported}");
    admin("RELOAD");
    assert!(is_paused("app") && !is_paused("billing"));
    assert_eq!(Client::of("billing", &["SELECT 'flows'"]).end(), (true, "flows\n".to_owned()));
    let (code, reported) = pooler(&lab, "kill", &["--confirm", "lab"]);
    assert_eq!(code, REFUSED, "it is not said which is to be killed: {reported}");
    let (code, reported) = pooler(&lab, "resume", &["--yes"]);
    assert_eq!(code, 0, "all that is paused: {reported}");
    assert!(!is_paused("app"));
}

#[test]
#[ignore = "needs the lab with poolers"]
fn a_database_whose_servers_are_all_gone_is_paused_and_resumed_like_any_other() {
    let edit = "s/^app = host=[^ ]* port=[0-9]*/billing = host=127.0.0.1 port=1/";
    let (lab, _second, _tidy) = (lab(), Second::new(edit), Tidy);
    let (ended_well, words) = Client::of("billing", &["SELECT 1"]).end();
    assert!(!ended_well, "nobody serves it: {words}");
    for command in ["pause", "resume"] {
        let (code, reported) = pooler(&lab, command, &["--database", "billing", "--yes"]);
        assert_eq!(code, 0, "{reported}");
        assert_eq!((is_paused("billing"), is_paused("app")), (command == "pause", false), "{reported}");
    }
}

/// The one job of this state directory, with the number of its process.
fn job(lab: &Lab) -> (String, u32) {
    let jobs = lab.directory_of_config().join(".local/state/pgctl-tui/jobs");
    let end = Instant::now() + SOON;
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
#[ignore = "needs the lab with poolers"]
fn a_pause_whose_process_was_killed_is_found_and_taken_back_by_undo() {
    let (lab, _tidy) = (lab(), Tidy);
    let holding = holder();
    let arguments = ["pooler", "pause", POOLER, "--database", "app", "--yes", "--override", "pooler-held-servers"];
    let mut command = lab.command(&arguments);
    command.args(["--reason", "live test"]).env("LAB_REST_PASSWORD", "lab-rest");
    command.env("LAB_SUPERUSER_PASSWORD", "lab-superuser").env_remove("XDG_STATE_HOME").stdin(Stdio::null());
    let begun = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // PAUSE waits for the transaction: new statements wait by then, and nothing was answered.
    until("it is asked to pause", || is_paused("app"));
    let (action, pid) = job(&lab);
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs").success());
    let output = begun.wait_with_output().expect("it ends");
    let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(0), "{reported}");
    assert!(reported.contains(&format!("pgctl-tui undo {action}")), "{reported}");
    assert!(is_paused("app"), "a session that is gone takes nothing back");
    // The operation lock of the killed one lives on for some seconds.
    let end = Instant::now() + Duration::from_secs(40);
    let (code, reported) = loop {
        let (code, reported) = act(&lab, &["undo", &action, "--yes"]);
        if code != REFUSED || !reported.contains("has held the operation lock") || Instant::now() > end {
            break (code, reported);
        }
        std::thread::sleep(Duration::from_secs(2));
    };
    assert_eq!(code, 0, "{reported}");
    assert!(!is_paused("app"), "{reported}");
    assert!(holding.end().0, "nobody was disconnected");
}

#[test]
#[ignore = "needs the lab with poolers"]
fn doctor_tells_whether_the_login_may_act_and_fix_routing_what_stays_paused() {
    let _tidy = Tidy;
    for (user, password, words) in [
        ("pooler_admin", "lab-pooler-admin", "for acting (pooler_admin): in admin_users"),
        ("pooler_stats", "lab-pooler-stats", "for acting (pooler_stats): only in stats_users"),
        ("pooler_admin", "wrong", "for acting (pooler_admin)"),
    ] {
        let reported = String::from_utf8_lossy(&lab_with(user, password).run(&["doctor"]).stdout).into_owned();
        assert!(reported.contains(words), "{words}: {reported}");
    }
    let lab = lab();
    for (statement, resume) in
        [("PAUSE app", "pooler resume pgbouncer-2 --database app"), ("PAUSE", "pooler resume pgbouncer-2")]
    {
        admin(statement);
        let (_, reported) = act(&lab, &["fix-routing", "--dry-run"]);
        console(&statement.replace("PAUSE", "RESUME"));
        assert!(reported.contains("stays paused") && reported.contains(resume), "{reported}");
    }
}

#[test]
#[ignore = "needs the lab with poolers"]
fn kill_drops_clients_and_leaves_the_database_paused_until_it_is_resumed() {
    let (lab, _tidy) = (lab(), Tidy);
    let dropped = holder();
    let (code, reported) = pooler(&lab, "kill", &["--database", "app", "--yes"]);
    assert_eq!(code, REFUSED, "a yes is not enough: {reported}");
    let (code, reported) = pooler(&lab, "kill", &["--database", "app", "--confirm", "lab"]);
    assert_eq!(code, 0, "{reported}");
    assert!(reported.contains("stays paused") && reported.contains("server_login_retry"), "{reported}");
    assert!(is_paused("app"));
    let (ended_well, words) = dropped.end();
    assert!(!ended_well, "{words}");
    let (code, reported) = pooler(&lab, "resume", &["--database", "app", "--yes"]);
    assert_eq!(code, 0, "{reported}");
    assert_eq!(Client::new(&["SELECT 'flows'"]).end(), (true, "flows\n".to_owned()));
}

#[test]
#[ignore = "needs the lab with poolers"]
fn servers_have_moved_only_once_their_clients_have_let_go() {
    let (lab, _tidy) = (lab(), Tidy);
    assert!(Client::new(&["SELECT 1"]).end().0);
    let holding = Client::new(&["BEGIN", "SELECT pg_sleep(8)", "COMMIT"]);
    until("a server is held", || in_pools("sv_active") == 1);
    let before = backends();
    let (code, reported) = pooler(&lab, "reconnect", &["--yes"]);
    assert_eq!(code, 0, "{reported}");
    assert!(holding.end().0, "nobody is disconnected");
    let after = backends();
    assert!(
        !before.is_empty() && before.iter().all(|backend| !after.contains(backend)),
        "{before:?} {after:?}: {reported}"
    );
}

#[test]
#[ignore = "needs the lab with poolers"]
fn without_the_login_or_its_rights_nothing_is_paused_and_the_reason_is_said() {
    let _tidy = Tidy;
    for (user, password, words) in [
        ("", "", "[clusters.lab.poolers.pgbouncer-2.acting]"),
        ("pooler_admin", "wrong", "authentication failed"),
        ("pooler_stats", "lab-pooler-stats", "admin rights"),
        ("app", "lab-app", "permission denied"),
    ] {
        let lab = lab_with(user, password);
        let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
        assert!([REFUSED, FAILED].contains(&code), "{user}: {code} {reported}");
        assert!(reported.contains(words), "{user}: {reported}");
        assert!(!is_paused("app"), "{user}: {reported}");
        assert!(password.is_empty() || !reported.contains(&format!("{password}\"")), "{reported}");
    }
    let (code, reported) = act(&lab(), &["--read-only", "pooler", "pause", POOLER, "--yes"]);
    assert_eq!((code, all_is_paused()), (REFUSED, false), "{reported}");
}

/// Once `WAIT_CLOSE` was used on a process, PAUSE is answered at once with transactions open; no command clears that.
#[test]
#[ignore = "needs the lab with poolers"]
fn a_pause_that_is_answered_and_does_not_hold_counts_as_none() {
    struct Restarted;
    impl Drop for Restarted {
        fn drop(&mut self) {
            // It waits for its clients, and one that is killed meanwhile leaves a file that keeps it from starting.
            let _ = exec(&["rm", "-f", "/run/lab/pgbouncer.pid"]).status();
            let _ = Command::new("docker").args(["restart", "-t", "0", &container()]).output();
            let end = Instant::now() + SOON;
            while Instant::now() < end && !console("SHOW VERSION").status.success() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
    let (lab, _tidy) = (lab(), Tidy);
    let _restarted = Restarted;
    admin("WAIT_CLOSE app");
    let _holding = holder();
    let arguments = ["--database", "app", "--yes", "--override", "pooler-held-servers", "--reason", "live test"];
    let (code, reported) = pooler(&lab, "pause", &arguments);
    assert_eq!(code, FAILED, "{reported}");
    assert!(!is_paused("app"), "{reported}");
}

/// A suspended process takes no new sessions, so that it can be resumed by one alone that it has already; 1.26 knows no SUSPEND.
#[test]
#[ignore = "needs the lab with poolers"]
fn nothing_is_asked_of_a_process_that_is_suspended() {
    let version = admin("SHOW VERSION")[0]["version"].clone();
    if !version.contains("1.24") {
        eprintln!("{version} cannot be suspended");
        return;
    }
    let (lab, _tidy) = (lab(), Tidy);
    let connection = "host=/run/lab port=6432 user=pooler_admin password=lab-pooler-admin dbname=pgbouncer";
    let statements = ["-c", "SUSPEND", "-c", "\\! sleep 25", "-c", "SHOW STATE", "-c", "RESUME"];
    let mut words = vec!["psql", "-XAt"];
    words.extend(statements);
    words.push(connection);
    let suspending = exec(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("psql starts");
    let knock = ["timeout", "1", "psql", "-X", "-c", "SHOW VERSION", connection];
    until("it takes nobody new", || !exec(&knock).output().expect("timeout runs").status.success());
    let (code, reported) = pooler(&lab, "pause", &["--database", "app", "--yes"]);
    assert_eq!(code, REFUSED, "{reported}");
    let output = suspending.wait_with_output().expect("psql ends");
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(seen.contains("suspended|yes") && seen.contains("RESUME"), "{seen}; {reported}");
    until("it answers again", || console("SHOW VERSION").status.success());
    assert!(!is_paused("app") && !all_is_paused(), "{reported}");
}
