//! Assertions on the lab's profile `streaming`: asked read-only of primary and standbys, and proposed by `init` from a small
//! schema that the test makes. `dev/test` brings the lab up.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the lab"
)]

use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pgctl-tui");
const SCHEMA: &str = "
    DROP SCHEMA IF EXISTS shop CASCADE;
    CREATE SCHEMA shop;
    CREATE TABLE shop.colours (code text PRIMARY KEY);
    INSERT INTO shop.colours VALUES ('red'), ('green'), ('blue');
    CREATE TABLE shop.things (id int PRIMARY KEY, colour text REFERENCES shop.colours, api_token text);
    INSERT INTO shop.things VALUES (1, 'red', 'hunter2'), (2, 'blue', 'hunter3');
    CREATE VIEW shop.red AS SELECT * FROM shop.things WHERE colour = 'red';
    CREATE TABLE shop.\"O'Hara\" (x int);
    CREATE SEQUENCE shop.counter;
    GRANT USAGE ON SCHEMA shop TO pgctl_monitor;
    GRANT SELECT ON ALL TABLES IN SCHEMA shop TO pgctl_monitor;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA shop TO pgctl_monitor;
";

fn port(variable: &str, usual: u16) -> u16 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn nodes() -> [(&'static str, u16); 2] {
    [("db-primary", port("LAB_STREAMING_PRIMARY_PORT", 8008)), ("db-replica", port("LAB_STREAMING_REPLICA_PORT", 8009))]
}

fn sql(text: &str) {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab"));
    command.args(["psql", "db-primary", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text]);
    let output = command.output().expect("dev/lab runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The schema, which goes with this.
struct Shop {
    directory: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        sql(SCHEMA);
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("HOME", self.directory.path()).env_remove("XDG_CONFIG_HOME");
        // What the tests themselves are started with means nothing to the program, which would say so.
        command.env_remove("PGCTL_LAB");
        command.env("LAB_MONITOR_PASSWORD", "lab-monitor").env("PGPASSWORD", "lab-monitor");
        command.env("PGCTL_CONFIG", self.directory.path().join("config.toml"));
        command.output().expect("the program runs")
    }

    /// What `doctor` says of `assertions`, line by line.
    fn doctor(&self, assertions: &str) -> Vec<String> {
        let login = "[clusters.bank.postgres]\nuser = \"pgctl_monitor\"\npassword_env = \"LAB_MONITOR_PASSWORD\"\n\
                     database = \"banking\"\n";
        let node = |(name, port)| format!("[clusters.bank.nodes.{name}]\npostgres = \"127.0.0.2:{port}\"\n");
        let text = format!("{login}{}{assertions}", nodes().map(node).concat());
        std::fs::write(self.directory.path().join("config.toml"), text).expect("a configuration");
        let output = self.run(&["doctor"]);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let reported = String::from_utf8_lossy(&output.stdout).into_owned();
        reported.lines().filter(|line| line.contains(" assertion ")).map(str::to_owned).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        sql("DROP SCHEMA IF EXISTS shop CASCADE");
    }
}

fn assertion(name: &str, sql: &str, rest: &str) -> String {
    format!("[clusters.bank.assertions.{name}]\nsql = '''{sql}'''\n{rest}\n")
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn doctor_asks_what_the_data_should_say_and_tells_what_it_says() {
    let shop = Shop::open();
    let all = [
        assertion("colours", "SELECT count(*) FROM shop.colours;", "expect = 3\nstandbys = true"),
        assertion("things", "SELECT count(*) FROM shop.things -- all of them", "expect = 3"),
        assertion("none", "SELECT FROM shop.things WHERE colour IS NULL", "rows = 0"),
        assertion("truth", "SELECT bool_and(id > 0) FROM shop.things", "expect = true"),
        assertion("token", "SELECT api_token FROM shop.things WHERE id = 1", "expect = \"hunter4\""),
        assertion("wide", "TABLE shop.things", "expect = 1"),
        assertion("slow", "SELECT 1 FROM pg_sleep(10)", "expect = 1\ntimeout = \"300ms\""),
        assertion("gone", "SELECT 1 FROM shop.gone", "expect = 1"),
        assertion("after", "VALUES (1)", "expect = 1"),
    ];
    let reported = shop.doctor(&all.concat());
    let said = |node: &str, name: &str| {
        let is_it = |line: &&String| line.contains(node) && line.contains(&format!(" {name} "));
        reported.iter().find(is_it).unwrap_or_else(|| panic!("{node}, {name}: {reported:#?}")).trim().to_owned()
    };
    for node in ["db-primary", "db-replica"] {
        assert!(said(node, "colours").starts_with("ok ") && said(node, "colours").ends_with("\"3\", as expected"));
    }
    assert!(said("db-primary", "things").starts_with("warn "), "{reported:#?}");
    assert!(said("db-primary", "things").ends_with("returns \"2\", expected \"3\""), "{reported:#?}");
    assert!(said("db-primary", "none").ends_with("0 rows, as expected"), "{reported:#?}");
    assert!(said("db-primary", "truth").starts_with("ok "), "{reported:#?}");
    assert!(said("db-primary", "token").starts_with("warn "), "{reported:#?}");
    assert!(said("db-primary", "wide").contains("returns 3 columns"), "{reported:#?}");
    assert!(said("db-primary", "slow").contains("statement timeout"), "{reported:#?}");
    assert!(said("db-primary", "gone").starts_with("fail "), "{reported:#?}");
    assert!(said("db-primary", "after").starts_with("ok "), "the session goes on after a refusal: {reported:#?}");
    assert!(!reported.iter().any(|line| line.contains("hunter")), "{reported:#?}");
    assert_eq!(
        reported.iter().filter(|line| line.contains("db-replica")).count(),
        1,
        "asked where it is wanted: {reported:#?}"
    );
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn an_assertion_changes_nothing_whatever_it_says() {
    let shop = Shop::open();
    let all = [
        assertion("with", "WITH gone AS (DELETE FROM shop.things RETURNING 1) SELECT count(*) FROM gone", "expect = 2"),
        assertion("next", "SELECT nextval('shop.counter')", "expect = 1"),
        assertion("off", "SELECT set_config('transaction_read_only', 'off', false)", "expect = \"off\""),
        assertion("two", "SELECT 1) AS a; DROP SCHEMA shop CASCADE; SELECT (1", "expect = 1"),
        assertion("left", "SELECT count(*) FROM shop.things", "expect = 2"),
    ];
    let reported = shop.doctor(&all.concat());
    for name in ["with", "next", "off", "two"] {
        let line = reported.iter().find(|line| line.contains(&format!(" {name} "))).expect("a line");
        assert!(line.trim().starts_with("fail "), "{line}");
    }
    assert!(reported.iter().any(|line| line.contains("left returns \"2\", as expected")), "{reported:#?}");
}

#[test]
#[ignore = "needs the lab's profile streaming"]
fn init_proposes_assertions_that_hold_says_how_many_and_can_be_refused() {
    let shop = Shop::open();
    let dsn = format!("host=127.0.0.2 port={} user=pgctl_monitor dbname=banking", nodes()[0].1);
    let output = shop.run(&["init", "--postgres", &dsn, "--name", "bank", "--print"]);
    let (file, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let proposed = file.matches(".assertions.").count();
    assert!(
        proposed >= 4 && said.contains(&format!("proposed {proposed} assertions from the contents of banking")),
        "{said}"
    );
    for name in ["shop-tables", "shop-views", "extensions", "\"rows-of-shop.colours\""] {
        assert!(file.contains(&format!("[clusters.bank.assertions.{name}]\n")), "{name}: {file}");
    }
    assert!(file.contains("'O''Hara'") && !file.contains("rows-of-shop.things"), "{file}");
    let start = file.find("# Assertions about the data").expect("the proposals");
    let reported = shop.doctor(&file[start..]);
    assert_eq!(reported.len(), proposed, "{reported:#?}");
    assert!(reported.iter().all(|line| line.trim().starts_with("ok ")), "{reported:#?}");
    let refused = shop.run(&["init", "--postgres", &dsn, "--no-assertions", "--print"]);
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("assertions"), "refused");
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("proposed"), "refused");
}
