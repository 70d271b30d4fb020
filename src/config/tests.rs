//! The configuration as a user meets it: a full file, wrong files, layers, addresses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rstest::rstest;

use super::endpoint::{RuntimeApi, SecretSource, SslMode};
use super::*;
use crate::model::name::NodeName;

const FULL: &str = r#"
interval = "2s"
theme = "light"
mouse = false
symbols = "ascii"

[timeouts]
connect = "800ms"

[wall]
bell = true
notify = true
hook = ["/usr/local/bin/page-me"]
hook_pause = "1m"
page = "10s"

[retention]
jobs = "forever"
drill_reports = "400d"

[clusters.prod-eu]
colour = "red"
protected = true
read_only = false
scope = "pg-ha"
namespace = "service//sites/"
interval = "1s"

[clusters.prod-eu.patroni]
urls = ["https://10.0.0.1:8008", "https://10.0.0.2:8008/"]
ca = "ca.pem"
certificate = "/etc/pgctl/client.pem"
key = "/etc/pgctl/client.key"
user = "admin"
password_file = "~/secrets/patroni"

[clusters.prod-eu.etcd]
endpoints = ["https://10.0.0.1:2379"]
write_config = true
user = "reader"
password_env = "ETCD_PASSWORD"
insecure = true

[clusters.prod-eu.postgres]
user = "pgctl_monitor"
database = "app"
sslmode = "verify-full"
ca = ["root.crt"]
passfile = "~/.pgpass-prod"

[clusters.prod-eu.postgres.acting]
user = "pgctl_admin"
password_command = ["pass", "show", "pg"]

[[clusters.prod-eu.routers]]
name = "edge"
stats = "http://10.0.0.9:7000/haproxy/;csv"
runtime = "tcp:10.0.0.9:9998"
write_backends = ["primary"]
read_backends = ["replicas"]
write_address = "10.0.0.9:5000"
read_address = "[fd00::9]:5001"
user = "stats"
password_file = "stats"

[clusters.prod-eu.routers.acting]
runtime = "unix:/run/haproxy/admin.sock"

[clusters.prod-eu.nodes.pg-0]
rest = "http://127.0.0.1:18008"
postgres = "127.0.0.1:15432"
exporter = "http://127.0.0.1:19187/metrics"
server_name = "pg-0.internal"

[clusters.prod-eu.nodes.pg-3]
host = "10.9.9.9"

[clusters.prod-eu.exporters]
postgres_port = 9188

[clusters.prod-eu.address_map]
"pg-1" = "127.0.0.1"
"pg-1:8008" = "127.0.0.1:8009"

[clusters.prod-eu.timeouts]
request = "1500ms"

[clusters.prod-eu.thresholds]
lag_bytes = { warning = "64MB", critical = "1GB" }
lag_time = { critical = "10s" }
certificate_days = { warning = 40 }
settle = "8s"

[clusters.prod-eu.assertions.currencies]
sql = "SELECT count(*) FROM currencies;"
expect = 8

[clusters.prod-eu.assertions."no stale jobs"]
sql = '''
SELECT FROM jobs WHERE at < now() - interval '1 day' -- forgotten
'''
rows = 0
database = "queue"
standbys = true
timeout = "2s"

[clusters.prod-eu.assertions.key-is-set]
sql = "SELECT api_key IS NOT NULL FROM settings"
expect = true

[clusters.test]
patroni = { urls = ["http://127.0.0.1:8008"] }
"#;

fn environment() -> Environment {
    [("HOME", "/home/dba"), ("USER", "dba")].into_iter().collect()
}

fn read(text: &str) -> Result<Settings, ConfigError> {
    from_text(text, Path::new("/etc/pgctl/config.toml"), &environment())
}

#[test]
fn everything_that_can_be_written_arrives() {
    let settings = read(FULL).unwrap();
    assert_eq!(settings.ui.theme.as_deref(), Some("light"));
    assert_eq!(settings.ui.symbols, resolved::Symbols::Ascii);
    assert_eq!(settings.ui.wall.hook, ["/usr/local/bin/page-me"]);
    assert_eq!(
        (settings.retention.jobs, settings.retention.drill_reports),
        (None, Some(Duration::from_secs(400 * 86_400)))
    );
    assert_eq!(settings.warnings, Vec::<String>::new());

    let prod = settings.cluster("prod-eu").unwrap();
    assert_eq!(prod.colour.as_deref(), Some("red"));
    assert!(prod.protected && !prod.read_only);
    assert_eq!(prod.prefix().as_deref(), Some("/service/sites/pg-ha/"));
    assert_eq!(prod.interval, Duration::from_secs(1));
    assert_eq!(prod.timeouts.connect, Duration::from_millis(800));
    assert_eq!(prod.timeouts.request, Duration::from_millis(1500));

    assert_eq!(prod.patroni.seeds, ["https://10.0.0.1:8008", "https://10.0.0.2:8008"]);
    let agent = prod.patroni.endpoint("https://10.0.0.1:8008");
    assert_eq!(agent.login, None, "the login is for acting only");
    assert_eq!(agent.tls.ca, [PathBuf::from("/etc/pgctl/ca.pem")]);
    let acting = prod.patroni.acting.as_ref().unwrap();
    assert_eq!(acting.password, Some(SecretSource::File("/home/dba/secrets/patroni".into())));

    let etcd = prod.etcd.as_ref().unwrap();
    assert_eq!(etcd.urls, ["https://10.0.0.1:2379"]);
    assert!(etcd.tls.insecure && prod.etcd_writes_config);
    assert_eq!(etcd.login.as_ref().unwrap().password, Some(SecretSource::Environment("ETCD_PASSWORD".to_owned())));

    let postgres = prod.postgres.as_ref().unwrap();
    assert_eq!(postgres.looking.sslmode, SslMode::VerifyFull);
    assert_eq!(postgres.looking.passfile, Some("/home/dba/.pgpass-prod".into()));
    let acting = postgres.acting.as_ref().unwrap();
    assert_eq!((acting.user.as_str(), acting.database.as_str()), ("pgctl_admin", "app"));
    assert_eq!(acting.sslmode, SslMode::VerifyFull, "acting verifies the server as looking does");

    let router = &prod.routers[0];
    assert_eq!(router.stats.as_ref().unwrap().url, "http://10.0.0.9:7000/haproxy/;csv");
    assert_eq!(router.runtime, Some(RuntimeApi::Tcp("10.0.0.9:9998".to_owned())));
    assert_eq!(router.acting_runtime, Some(RuntimeApi::Unix("/run/haproxy/admin.sock".into())));

    assert_eq!(prod.thresholds.lag_bytes.critical, 1 << 30);
    assert_eq!(prod.thresholds.lag_time.warning, Duration::from_secs(10), "never above critical");
    assert_eq!((prod.thresholds.certificate_days.warning, prod.thresholds.certificate_days.critical), (40, 7));

    let [currencies, key, stale] = prod.assertions.as_slice() else { panic!("{:?}", prod.assertions) };
    assert_eq!((currencies.name.as_str(), currencies.sql.as_str()), ("currencies", "SELECT count(*) FROM currencies"));
    assert!(currencies.expected == resolved::Expected::Value("8".to_owned()) && currencies.database == "app");
    assert!(!currencies.on_standbys && !currencies.is_secret && currencies.time_limit == Duration::from_secs(5));
    assert!(stale.expected == resolved::Expected::Rows(0) && stale.database == "queue" && stale.on_standbys);
    assert_eq!((stale.time_limit, stale.sql.ends_with("-- forgotten")), (Duration::from_secs(2), true));
    assert!(key.is_secret && key.expected == resolved::Expected::Value("true".to_owned()));

    let test = settings.cluster("test").unwrap();
    assert_eq!(test.interval, Duration::from_secs(2), "the interval of the file");
    assert!(test.postgres.is_none() && test.etcd.is_none() && !test.exporters.enabled);
}

#[rstest]
#[case::overrides("pg-0", "http://a:8008/patroni", ("a", 5432), "http://127.0.0.1:18008", ("127.0.0.1", 15432))]
#[case::exact_then_host("pg-1", "http://pg-1:8008/patroni", ("pg-1", 5432), "http://127.0.0.1:8009", ("127.0.0.1", 5432))]
#[case::as_advertised("pg-2", "https://pg-2:8008/patroni", ("pg-2", 5433), "https://pg-2:8008", ("pg-2", 5433))]
#[case::host_alone("pg-3", "http://pg-3:8008/patroni", ("pg-3", 5433), "http://10.9.9.9:8008", ("10.9.9.9", 5433))]
fn a_member_is_reached_where_the_configuration_says(
    #[case] member: &str,
    #[case] api: &str,
    #[case] postgres: (&str, u16),
    #[case] agent: &str,
    #[case] reached: (&str, u16),
) {
    let settings = read(FULL).unwrap();
    let member_address =
        settings.cluster("prod-eu").unwrap().member_address(&NodeName::new(member), Some(api), Some(postgres));
    assert_eq!(member_address, (Some(agent.to_owned()), Some((reached.0.to_owned(), reached.1))));
}

#[test]
fn a_router_has_the_addresses_at_which_clients_write_and_read() {
    let settings = read(FULL).unwrap();
    let router = &settings.cluster("prod-eu").unwrap().routers[0];
    assert_eq!(router.write_address, Some(("10.0.0.9".to_owned(), 5000)));
    assert_eq!(router.read_address, Some(("fd00::9".to_owned(), 5001)));
}

#[test]
fn a_member_that_advertises_nothing_has_only_what_is_configured() {
    let settings = read(FULL).unwrap();
    let prod = settings.cluster("prod-eu").unwrap();
    assert_eq!(prod.member_address(&NodeName::new("pg-9"), None, None), (None, None));
    assert_eq!(prod.member_address(&NodeName::new("pg-9"), Some("not a url"), None), (None, None));
    assert_eq!(prod.member_address(&NodeName::new("pg-0"), None, None).1, Some(("127.0.0.1".to_owned(), 15432)));
}

#[test]
fn exporters_follow_overrides_and_map() {
    let settings = read(FULL).unwrap();
    let prod = settings.cluster("prod-eu").unwrap();
    let url = |member: &str, host| prod.exporter_url(&NodeName::new(member), host);
    assert_eq!(url("pg-0", None).as_deref(), Some("http://127.0.0.1:19187/metrics"));
    assert_eq!(url("pg-1", Some("pg-1")).as_deref(), Some("http://127.0.0.1:9188/metrics"));
    assert_eq!(url("pg-2", Some("::1")).as_deref(), Some("http://[::1]:9188/metrics"));
    assert_eq!(url("pg-2", None), None);
    let tls = prod.node_tls(&NodeName::new("pg-0"), &prod.patroni.tls);
    assert_eq!(tls.server_name.as_deref(), Some("pg-0.internal"));
}

const GOOD: &str = "[clusters.a.patroni]\nurls = [\"http://h:8008\"]\n";

#[rstest]
#[case::unknown_key("[clusters.a]\ncolor = \"red\"\n", 2, "clusters.a.color", "did you mean `colour`?")]
#[case::unknown_table("[clusters.a.patrony]\nurls = []\n", 1, "clusters.a.patrony", "did you mean `patroni`?")]
#[case::nothing_alike("zebra = 1\n", 1, "zebra", "known keys: interval")]
#[case::wrong_type("[clusters.a]\nprotected = \"yes\"\n", 2, "clusters.a.protected", "expected a boolean")]
#[case::bare_number("interval = 1\n", 1, "interval", "expected a duration in quotes")]
#[case::bad_duration("interval = \"1 parsec\"\n", 1, "interval", "use a duration")]
#[case::too_short("interval = \"1ms\"\n[clusters.a.patroni]\nurls = [\"http://h:1\"]\n", 1, "interval", "\"200ms\"")]
#[case::bad_size(
    "[clusters.a.thresholds]\nlag_bytes = { warning = \"64 furlongs\" }\n",
    2,
    "clusters.a.thresholds.lag_bytes.warning",
    "use a size"
)]
#[case::bad_url(
    "[clusters.a.patroni]\nurls = [\"10.0.0.1:8008\"]\n",
    2,
    "clusters.a.patroni.urls",
    "http://10.0.0.1:8008"
)]
#[case::user_in_url(
    "[clusters.a.etcd]\nendpoints = [\"http://u:pw@h:1\"]\n",
    2,
    "clusters.a.etcd.endpoints",
    "password_file"
)]
#[case::sslmode("[clusters.a.postgres]\nsslmode = \"verify_full\"\n", 2, "clusters.a.postgres.sslmode", "verify-full")]
#[case::colour("[clusters.a]\ncolour = \"rde\"\n", 2, "clusters.a.colour", "did you mean \"red\"?")]
#[case::password(
    "[clusters.a.postgres]\nuser = \"x\"\npassword = \"pw\"\n",
    3,
    "clusters.a.postgres.password",
    "~/.pgpass"
)]
#[case::nowhere("\n[clusters.a]\nscope = \"x\"\n", 2, "clusters.a", "[clusters.a.patroni]")]
#[case::no_scope("[clusters.a.etcd]\nendpoints = [\"http://h:1\"]\n", 1, "clusters.a.scope", "patroni.yml")]
#[case::half_certificate(
    "[clusters.a.patroni]\nurls = [\"http://h:1\"]\ncertificate = \"c\"\n",
    3,
    "clusters.a.patroni.certificate",
    "set key"
)]
#[case::two_passwords(
    "[clusters.a.patroni]\nurls = [\"http://h:1\"]\nuser = \"u\"\npassword_env = \"E\"\npassword_file = \"f\"\n",
    1,
    "clusters.a.patroni",
    "keep one"
)]
#[case::limits_crossed(
    "[clusters.a.patroni]\nurls = [\"http://h:1\"]\n[clusters.a.thresholds]\nlag_time = { warning = \"9s\", critical = \"1s\" }\n",
    4,
    "clusters.a.thresholds.lag_time",
    "swap them"
)]
#[case::bad_map(
    "[clusters.a.patroni]\nurls = [\"http://h:1\"]\n[clusters.a.address_map]\n\"pg-0\" = \"h:5\"\n",
    4,
    "clusters.a.address_map.pg-0",
    "one line per port"
)]
#[case::router_without_port(
    "[[clusters.a.routers]]\nwrite_address = \"10.0.0.9\"\n",
    2,
    "clusters.a.routers[0].write_address",
    "10.0.0.9:5000"
)]
#[case::router_address(
    "[[clusters.a.routers]]\nread_address = \"http://h:5001\"\n",
    2,
    "clusters.a.routers[0].read_address",
    "host:port"
)]
#[case::assertion_key(
    "[clusters.a.assertions.x]\nexpected = 1\n",
    2,
    "clusters.a.assertions.x.expected",
    "did you mean `expect`?"
)]
#[case::assertion_type(
    "[clusters.a.assertions.x]\nsql = \"SELECT 1\"\nexpect = 1.5\n",
    3,
    "clusters.a.assertions.x.expect",
    ""
)]
#[case::assertion_writes(
    "[clusters.a.nodes.n]\npostgres = \"h:1\"\n[clusters.a.postgres]\nuser = \"u\"\n[clusters.a.assertions.x]\n\
     sql = \"DELETE FROM t\"\nexpect = 1\n",
    6,
    "clusters.a.assertions.x.sql",
    "SELECT, WITH, VALUES or TABLE"
)]
#[case::assertion_without_answer(
    "[clusters.a.nodes.n]\npostgres = \"h:1\"\n[clusters.a.postgres]\nuser = \"u\"\n[clusters.a.assertions.x]\n\
     sql = \"SELECT 1\"\n",
    5,
    "clusters.a.assertions.x",
    "set expect"
)]
#[case::assertion_of_two_answers(
    "[clusters.a.nodes.n]\npostgres = \"h:1\"\n[clusters.a.postgres]\nuser = \"u\"\n[clusters.a.assertions.x]\n\
     sql = \"SELECT 1\"\nexpect = 1\nrows = 1\n",
    8,
    "clusters.a.assertions.x.rows",
    "keep one"
)]
#[case::assertion_for_ever(
    "[clusters.a.nodes.n]\npostgres = \"h:1\"\n[clusters.a.postgres]\nuser = \"u\"\n[clusters.a.assertions.x]\n\
     sql = \"SELECT 1\"\nexpect = 1\ntimeout = \"5m\"\n",
    8,
    "clusters.a.assertions.x.timeout",
    "60s"
)]
#[case::assertion_of_nobody(
    "[clusters.a.nodes.n]\npostgres = \"h:1\"\n[clusters.a.assertions.x]\nsql = \"SELECT 1\"\nexpect = 1\n",
    3,
    "clusters.a.assertions",
    "[clusters.a.postgres]"
)]
#[case::syntax("theme = dark\n", 1, "", "")]
#[case::empty("", 0, "clusters", "[clusters.NAME]")]
fn a_wrong_file_says_line_key_and_what_would_be_right(
    #[case] text: &str,
    #[case] line: usize,
    #[case] key: &str,
    #[case] right: &str,
) {
    let ConfigError::Wrong(diagnostics) = read(text).unwrap_err() else { panic!("no complaint") };
    let complaint = &diagnostics[0];
    let said = complaint.to_string();
    let place = if line == 0 { "config.toml: ".to_owned() } else { format!("config.toml:{line}: ") };
    assert!(said.contains(&place), "{said}");
    assert_eq!(complaint.key, key, "{said}");
    assert!(complaint.remedy.contains(right), "{said}");
    assert!(!said.contains("pw"), "a password is repeated: {said}");
}

#[test]
fn every_mistake_is_reported_at_once() {
    let text = "[clusters.a]\n[clusters.b]\nscope = \"\"\n";
    let ConfigError::Wrong(diagnostics) = read(text).unwrap_err() else { panic!("no complaint") };
    assert_eq!(diagnostics.len(), 3, "{diagnostics:?}");
}

#[test]
fn later_layers_win() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pgctl-tui").join("config.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("interval = \"2s\"\ntheme = \"light\"\n{GOOD}")).unwrap();
    let home = ("XDG_CONFIG_HOME", directory.path().to_str().unwrap());

    let seen = |flags: &Flags, variables: &[(&str, &str)]| {
        let environment: Environment = [home].iter().chain(variables).copied().collect();
        let settings = load(flags, &environment).unwrap();
        let cluster = settings.clusters[0].clone();
        (cluster.interval.as_secs(), settings.ui.theme, cluster.read_only)
    };
    let variables = [("PGCTL_INTERVAL", "3s"), ("PGCTL_THEME", "mono"), ("PGCTL_READ_ONLY", "yes")];
    let flags = Flags { interval: Some("4s".to_owned()), ..Flags::default() };
    assert_eq!(seen(&Flags::default(), &[]), (2, Some("light".to_owned()), false));
    assert_eq!(seen(&Flags::default(), &variables), (3, Some("mono".to_owned()), true));
    assert_eq!(seen(&flags, &variables), (4, Some("mono".to_owned()), true));
}

#[test]
fn a_url_is_enough_to_start() {
    let directory = tempfile::tempdir().unwrap();
    let home = [("XDG_CONFIG_HOME", directory.path().to_str().unwrap()), ("USER", "dba"), ("HOME", "/nonexistent")];
    let flags = Flags { patroni: vec!["http://10.0.0.1:8008".to_owned()], ..Flags::default() };
    let settings = load(&flags, &home.into_iter().collect()).unwrap();
    assert_eq!(settings.path, None);
    let cluster = &settings.clusters[0];
    assert_eq!((cluster.name.as_str(), cluster.scope.as_deref()), ("10.0.0.1", None));
    assert_eq!(cluster.patroni.seeds, ["http://10.0.0.1:8008"]);
    assert!(cluster.postgres.is_none(), "nobody said who logs in");
    assert_eq!(settings.warnings.len(), 1);

    let with_user: Environment = home.into_iter().chain([("PGUSER", "monitor")]).collect();
    let settings = load(&flags, &with_user).unwrap();
    assert_eq!(settings.clusters[0].postgres.as_ref().unwrap().looking.user, "monitor");
}

#[test]
fn nothing_at_all_and_a_named_file_that_is_missing_are_distinguished() {
    let directory = tempfile::tempdir().unwrap();
    let home: Environment = [("XDG_CONFIG_HOME", directory.path().to_str().unwrap())].into_iter().collect();
    let nothing = load(&Flags::default(), &home).unwrap_err();
    assert!(matches!(nothing, ConfigError::Nothing { .. }) && nothing.to_string().contains("--patroni"));
    let flags = Flags { config: Some(directory.path().join("absent.toml")), ..Flags::default() };
    assert!(matches!(load(&flags, &home), Err(ConfigError::Missing(_))));
}

#[test]
fn wrong_layers_above_the_file_name_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.toml");
    std::fs::write(&path, GOOD).unwrap();
    let variables =
        [("PGCTL_CONFIG", path.to_str().unwrap()), ("PGCTL_INTERVAL", "soon"), ("PGCTL_READ_ONLY", "maybe")];
    let error = load(&Flags::default(), &variables.into_iter().collect()).unwrap_err().to_string();
    assert!(error.contains("PGCTL_INTERVAL") && error.contains("PGCTL_READ_ONLY"), "{error}");
    let flags = Flags { etcd: vec!["h:2379".to_owned()], ..Flags::default() };
    let error = load(&flags, &variables[..1].iter().copied().collect()).unwrap_err().to_string();
    assert!(error.starts_with("--etcd: "), "{error}");
}

#[test]
fn a_misspelt_variable_is_warned_about_and_a_password_variable_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.toml");
    std::fs::write(&path, GOOD).unwrap();
    let variables = [("PGCTL_CONFIG", path.to_str().unwrap()), ("PGCTL_INTERVALL", "3s"), ("PGCTL_PROD_PASSWORD", "x")];
    let settings = load(&Flags::default(), &variables.into_iter().collect()).unwrap();
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
    assert!(settings.warnings[0].contains("PGCTL_INTERVAL?"));
}

#[test]
fn two_clusters_of_one_name_are_refused_with_the_place() {
    let text = "[clusters.a]\n[clusters.a.patroni]\nurls = [\"http://h:8008\"]\n[clusters.a]\nscope = \"b\"\n";
    let error = read(text).expect_err("twice").to_string();
    assert!(error.contains("duplicate") && error.contains(":4"), "{error}");
}

#[test]
fn what_is_wrong_with_a_flag_is_not_looked_for_in_a_file_that_was_not_used() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"[clusters.prod.patroni]\nurls = [\"http://h:8008\"]\n").unwrap();
    let environment: Environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
    let of_file = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
    let urls = |url: &str| vec![url.to_owned()];

    let error = load(&Flags { patroni: urls("pg-0"), ..of_file.clone() }, &environment).unwrap_err().to_string();
    assert!(error.starts_with("--patroni: ") && error.lines().count() == 1, "{error}");
    let etcd = Flags { etcd: urls("http://h:2379"), ..of_file };
    let error = load(&Flags { scope: Some("/".to_owned()), ..etcd.clone() }, &environment).unwrap_err().to_string();
    assert!(error.starts_with("--scope: "), "{error}");
    assert_eq!(load(&etcd, &environment).unwrap().clusters[0].scope, None, "it is learnt from etcd, as without a file");
}

#[test]
fn drills_are_allowed_by_their_own_word_alone_and_probe_with_the_login_for_acting() {
    let settings = read(FULL).unwrap();
    let drills = &settings.clusters[0].drills;
    assert!(!drills.enabled);
    let probe = drills.probe.as_ref().expect("the login for acting");
    assert_eq!((probe.user.as_str(), probe.database.as_str()), ("pgctl_admin", "app"));
    let own = "[clusters.prod-eu.drills]\nenabled = true\ntarget = \"30s\"\nuser = \"drill\"\ndatabase = \"practice\"\n\
               [clusters.prod-eu.drills.faults.pg-0]\nkill = [\"k\"]\nkill_undo = [\"u\"]\n";
    let settings = read(&format!("{FULL}\n{own}")).unwrap();
    let drills = &settings.clusters[0].drills;
    let probe = drills.probe.as_ref().expect("its own login");
    assert_eq!((drills.enabled, probe.user.as_str(), probe.database.as_str()), (true, "drill", "practice"));
    assert_eq!(drills.faults.len(), 1);
}

#[rstest]
#[case("kill = [\"k\"]", "its undo command is missing")]
#[case("kill_undo = [\"u\"]", "an undo command without")]
#[case("burn = [\"b\"]", "`burn` is not a fault")]
#[case("kill = []\nkill_undo = [\"u\"]", "the command is empty")]
fn a_fault_by_command_needs_its_undo(#[case] lines: &str, #[case] expected: &str) {
    let error = read(&format!("{FULL}\n[clusters.prod-eu.drills.faults.pg-0]\n{lines}\n")).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_cluster_without_a_dcs_has_a_login_for_acting_and_may_be_protected() {
    let text = "[clusters.a]\nprotected = true\n[clusters.a.postgres]\nuser = \"looker\"\nsslmode = \"require\"\n\
                database = \"shop\"\n[clusters.a.postgres.acting]\nuser = \"admin\"\npassword_env = \"ADMIN\"\n\
                [clusters.a.nodes.db1]\npostgres = \"10.0.0.1:5432\"\n[clusters.a.nodes.db2]\nhost = \"10.0.0.2\"\n";
    let settings = read(text).unwrap();
    let cluster = settings.cluster("a").unwrap();
    assert_eq!(cluster.stack, crate::model::snapshot::StackKind::Streaming);
    assert!(cluster.protected && !cluster.read_only);
    let acting = cluster.postgres.as_ref().unwrap().acting.as_ref().unwrap();
    assert_eq!((acting.user.as_str(), acting.database.as_str(), acting.sslmode), ("admin", "shop", SslMode::Require));
    let access = cluster.access_to(acting, &NodeName::new("db2"), "10.0.0.2");
    assert_eq!(access.audience, audience::Audience::Named, "the configuration itself names it");
}
