//! PgBouncer in front of the lab (`PGCTL_LAB=1`, after `LAB_PROFILE=pooler dev/lab up`): every number against what psql is
//! told at the same time, and what operators and failovers do to a pooler. Each test leaves the lab as it was.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab::Lab;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(30);

/// The lab with the application's database named as the one that is to lead to the primary.
fn lab() -> Lab {
    let lab = Lab::new();
    let written = std::fs::read_to_string(lab.config()).expect("a configuration");
    let mut changed = written.replace("# databases = [\"app\"]   # those", "databases = [\"app\"]   # those");
    assert_ne!(written, changed, "`init` names the databases of a pooler as a comment");
    if std::env::var("LAB_ETCD_PASSWORD").is_ok_and(|password| !password.is_empty()) {
        changed = changed
            .replace("# user = \"reader\"", "user = \"reader\"")
            .replace("# password_env = \"ETCD_PASSWORD\"", "password_env = \"LAB_ETCD_PASSWORD\"");
    }
    std::fs::write(lab.config(), changed).expect("a configuration");
    lab
}

/// `docker exec` in the container of a service.
fn exec(service: &str, command: &[&str]) -> Command {
    let project = std::env::var("LAB_PROJECT").unwrap_or_else(|_| "pgctl-lab".to_owned());
    let filters =
        [format!("label=com.docker.compose.project={project}"), format!("label=com.docker.compose.service={service}")];
    let listed = Command::new("docker").args(["ps", "-q", "--filter", &filters[0], "--filter", &filters[1]]).output();
    let id = String::from_utf8_lossy(&listed.expect("docker runs").stdout).trim().to_owned();
    let mut exec = Command::new("docker");
    exec.args(["exec", "-u", "postgres", "-e", "PGPASSFILE=/run/lab/pgpass", &id]).args(command);
    exec
}

/// Rows of the admin console as psql has them, by column.
fn admin(pooler: &str, statement: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let connection = "host=/run/lab port=6432 user=pooler_admin password=lab-pooler-admin dbname=pgbouncer";
    let output = exec(pooler, &["psql", "-X", "--csv", "-c", statement, connection]).output().expect("psql runs");
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

/// A client of the pooler that stays, until it is dropped.
struct Client {
    child: Child,
    pooler: &'static str,
}

impl Client {
    fn new(pooler: &'static str, statements: &[&str]) -> Self {
        let mut words = vec!["psql", "-Xq", "-h", "127.0.0.1", "-p", "6432", "-U", "app", "-d", "app"];
        words.extend(statements.iter().flat_map(|statement| ["-c", statement]));
        let mut command = exec(pooler, &words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql starts");
        Self { child, pooler }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = exec(self.pooler, &["pkill", "-f", "psql .*-U app"]).status();
        let _ = self.child.wait();
    }
}

/// Points `pgbouncer-2` at a node, and back at the leader once this is dropped.
struct Repointed;

impl Repointed {
    fn to(node: &str) -> Self {
        repoint(node);
        Self
    }
}

impl Drop for Repointed {
    fn drop(&mut self) {
        repoint("leader");
    }
}

fn repoint(node: &str) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab");
    let output = Command::new(program).args(["repoint", node]).output().expect("dev/lab runs");
    assert!(output.status.success(), "repoint {node}: {}", String::from_utf8_lossy(&output.stderr));
}

fn pooler<'a>(cluster: &'a Value, name: &str) -> &'a Value {
    let poolers = cluster["poolers"].as_array().expect("poolers");
    poolers.iter().find(|pooler| pooler["name"] == name).unwrap_or_else(|| panic!("no {name}: {cluster:#}"))
}

fn has(cluster: &Value, code: &str) -> bool {
    let findings = cluster["findings"].as_array().expect("findings");
    findings.iter().any(|finding| finding["code"] == code)
}

fn none_of_poolers(cluster: &Value) -> bool {
    let findings = cluster["findings"].as_array().expect("findings");
    let pending = cluster["pending_findings"].as_array().expect("pending findings");
    !findings
        .iter()
        .chain(pending)
        .any(|finding| finding["code"].as_str().is_some_and(|code| code.starts_with("pooler")))
}

#[test]
#[ignore = "needs the lab with poolers"]
fn every_number_is_the_one_that_psql_is_told() {
    let lab = lab();
    let mut watch = lab.watch();
    // One after the other, and each counted as logged in by its pool: a client that still logs in is told in
    // SHOW LISTS before it is told in SHOW POOLS, and its first server is busy for a moment.
    let _held = Client::new("pgbouncer-2", &["BEGIN", "SELECT pg_sleep(60)"]);
    let counts = |cluster: &Value, clients: u64, idle: u64| {
        let shown = pooler(cluster, "pgbouncer-2");
        let pool = &shown["pools"][0];
        shown["clients"]["value"] == clients
            && pool["clients_active"]["value"] == clients
            && pool["servers_active"]["value"] == 1
            && pool["servers_idle"]["value"].as_u64().is_some_and(|seen| seen >= idle)
    };
    watch.until("a server is held", SOON, |cluster| counts(cluster, 1, 0));
    let _idle = Client::new("pgbouncer-2", &["SELECT 1", "\\! sleep 60"]);
    let (_, cluster) = watch.until("another client is idle", SOON, |cluster| counts(cluster, 2, 1));
    for name in ["pgbouncer-1", "pgbouncer-2"] {
        let shown = pooler(&cluster, name);
        let version = admin(name, "SHOW VERSION")[0]["version"].clone();
        assert_eq!(format!("PgBouncer {}", shown["version"]["value"].as_str().expect("a version")), version);
        let number = |value: &Value| value["value"].as_u64().expect("a number").to_string();
        let own = |row: &&std::collections::BTreeMap<String, String>| {
            row.get("database").or(row.get("name")).is_none_or(|database| database != "pgbouncer")
        };
        let pools = admin(name, "SHOW POOLS");
        for (shown, told) in shown["pools"].as_array().expect("pools").iter().zip(pools.iter().filter(own)) {
            assert_eq!(
                (shown["database"].as_str(), shown["user"].as_str()),
                (Some(&*told["database"]), Some(&*told["user"]))
            );
            for (key, column) in [
                ("clients_active", "cl_active"),
                ("clients_waiting", "cl_waiting"),
                ("servers_active", "sv_active"),
                ("servers_idle", "sv_idle"),
            ] {
                assert_eq!(number(&shown[key]), told[column], "{name} {key}");
            }
        }
        assert_eq!(shown["pools"].as_array().map(Vec::len), Some(pools.iter().filter(own).count()));
        let databases = admin(name, "SHOW DATABASES");
        for (shown, told) in shown["databases"].as_array().expect("databases").iter().zip(databases.iter().filter(own))
        {
            assert_eq!(shown["address"], format!("{}:{}", told["host"], told["port"]));
            assert_eq!(number(&shown["server_connections"]), told["current_connections"]);
            assert_eq!(number(&shown["pool_size"]), told["pool_size"]);
            assert_eq!((&shown["paused"]["value"], &shown["disabled"]["value"]), (&false.into(), &false.into()));
            assert_eq!(shown["leads_to_primary"], true, "{shown:#}");
        }
        let config = admin(name, "SHOW CONFIG");
        let most = config.iter().find(|row| row["key"] == "max_client_conn").expect("the setting");
        assert_eq!(number(&shown["max_clients"]), most["value"]);
    }
    let by_router = &pooler(&cluster, "pgbouncer-1")["databases"][0];
    assert_eq!((&by_router["router"], &by_router["member"]), (&"pg-router".into(), &Value::Null));
    assert_eq!(pooler(&cluster, "pgbouncer-2")["databases"][0]["member"], cluster["leader"]["value"]);
    watch.until("nothing is wrong with the poolers", SOON, none_of_poolers);
}

#[test]
#[ignore = "needs the lab with poolers"]
fn a_pause_by_somebody_else_is_found_whether_of_a_database_or_of_everything() {
    let lab = lab();
    let mut watch = lab.watch();
    for (pause, resume, state) in [("PAUSE app", "RESUME app", "active"), ("PAUSE", "RESUME", "paused")] {
        admin("pgbouncer-2", pause);
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _client = Client::new("pgbouncer-2", &["SELECT 1"]);
            let (_, cluster) = watch.until(pause, SOON, |cluster| has(cluster, "pooler-paused"));
            let shown = pooler(&cluster, "pgbouncer-2");
            assert_eq!(
                (&shown["state"]["value"], &shown["databases"][0]["paused"]["value"]),
                (&state.into(), &true.into())
            );
            let waits = |cluster: &Value| pooler(cluster, "pgbouncer-2")["clients_waiting"]["value"] == 1;
            watch.until("the client waits", SOON, waits);
        }));
        admin("pgbouncer-2", resume);
        seen.expect("told");
        watch.until(resume, SOON, none_of_poolers);
    }
}

#[test]
#[ignore = "needs the lab with poolers"]
fn a_database_that_leads_to_a_replica_and_servers_left_at_the_old_address_are_found() {
    let lab = lab();
    let mut watch = lab.watch();
    {
        let _repointed = Repointed::to("replica");
        let (_, cluster) = watch.until("it leads elsewhere", SOON, |cluster| has(cluster, "pooler-wrong-primary"));
        let database = &pooler(&cluster, "pgbouncer-2")["databases"][0];
        assert_eq!(database["leads_to_primary"], false);
        assert_ne!(database["member"], cluster["leader"]["value"]);
        // A transaction there outlives the way back.
        let _held = Client::new("pgbouncer-2", &["BEGIN", "SELECT pg_sleep(60)"]);
        let is_held = |cluster: &Value| pooler(cluster, "pgbouncer-2")["pools"][0]["servers_active"]["value"] == 1;
        watch.until("a server is held", SOON, is_held);
        repoint("leader");
        let (_, cluster) = watch.until("one is left", SOON, |cluster| has(cluster, "pooler-old-address"));
        let database = &pooler(&cluster, "pgbouncer-2")["databases"][0];
        assert_eq!(
            (&database["leads_to_primary"], &database["closing_connections"]["value"]),
            (&true.into(), &1.into())
        );
    }
    watch.until("all have moved", SOON, none_of_poolers);
}

#[test]
#[ignore = "needs the lab with poolers"]
fn clients_that_wait_for_a_login_are_seen_although_maxwait_is_0() {
    let lab = lab();
    let mut watch = lab.watch();
    admin("pgbouncer-2", "KILL app");
    let _client = Client::new("pgbouncer-2", &["SELECT 1"]);
    let waits = |cluster: &Value| {
        let shown = pooler(cluster, "pgbouncer-2");
        shown["waiting_for_login"]["value"] == 1 && shown["clients_waiting"]["value"] == 1
    };
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| watch.until("it waits", SOON, waits)));
    admin("pgbouncer-2", "RESUME app");
    let (_, cluster) = seen.expect("told");
    assert_eq!(pooler(&cluster, "pgbouncer-2")["longest_wait_seconds"]["value"], 0.0, "{cluster:#}");
    watch.until("it is let in", SOON, none_of_poolers);
}

#[test]
#[ignore = "needs the lab with poolers"]
fn doctor_tells_rights_and_a_wrong_login_in_one_line_each() {
    let lab = lab();
    let reported = String::from_utf8_lossy(&lab.run(&["doctor"]).stdout).into_owned();
    assert!(reported.contains("in stats_users: read-only"), "{reported}");
    assert!(reported.contains("query_wait_timeout 2 min"), "{reported}");
    let text = std::fs::read_to_string(lab.config()).expect("a configuration");
    for (user, words) in [("app", "permission denied"), ("nobody", "authentication failed")] {
        let changed = text.replace("user = \"pooler_stats\"", &format!("user = \"{user}\""));
        assert_ne!(text, changed);
        std::fs::write(lab.config(), changed).expect("a configuration");
        let mut command = lab.command(&["doctor"]);
        command.env("LAB_POOLER_STATS_PASSWORD", "lab-app");
        let output = command.output().expect("the program runs");
        let reported = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(reported.contains(words), "{user}: {reported}");
        assert!(!reported.contains("lab-app"), "the password is not shown");
    }
}
