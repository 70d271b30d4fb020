//! Compose files as people have them: the lab's own, and stacks of other shapes under `tests/compose`. Each becomes a
//! configuration that loads, and no password in any of them gets there.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::config::discovered::{Discovered, DiscoveredMember};
use crate::config::endpoint::{RuntimeApi, SecretSource};
use crate::config::resolved::ClusterSettings;
use crate::config::write_file::{Asked, commented_file};
use crate::model::name::NodeName;
use crate::model::snapshot::StackKind;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn lab_of(profiles: &[&str], variables: &[(&str, &str)]) -> Result<Discovered, ConfigError> {
    let environment = variables.iter().copied().collect();
    let profiles: Vec<String> = profiles.iter().map(|&name| name.to_owned()).collect();
    load(&root().join("docker-compose.dev.yml"), Some(&root().join(".env")), None, &profiles, &environment)
}

fn lab(variables: &[(&str, &str)]) -> Discovered {
    lab_of(&["patroni"], variables).unwrap()
}

fn stack_of(name: &str, scope: Option<&str>) -> Result<Discovered, ConfigError> {
    let passwords = ["SPILO_SUPERUSER_PASSWORD", "DB_PASSWORD"];
    let environment = passwords.map(|name| (name, "super-secret-value")).into_iter().collect();
    load(&root().join("tests/compose").join(name), None, scope, &[], &environment)
}

fn stack(name: &str) -> Discovered {
    stack_of(name, None).unwrap_or_else(|error| panic!("{error}"))
}

/// What the file that `init` writes says once it is read.
fn settled(found: &Discovered) -> ClusterSettings {
    let text = commented_file(found, &Asked::default());
    let environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
    let settings = crate::config::from_text(&text, Path::new("/etc/config.toml"), &environment);
    settings.unwrap_or_else(|error| panic!("{error}\n{text}")).clusters.remove(0)
}

fn member<'a>(found: &'a Discovered, name: &str) -> &'a DiscoveredMember {
    found.members.iter().find(|member| member.name == name).unwrap_or_else(|| panic!("no {name} in {found:#?}"))
}

fn map<'a>(found: &'a Discovered, from: &str) -> Option<&'a str> {
    found.address_map.get(from).map(String::as_str)
}

#[test]
fn the_labs_own_file_gives_the_whole_cluster() {
    let cluster = settled(&lab(&[]));
    assert_eq!(cluster.name.as_str(), "pg-ha");
    assert_eq!(cluster.prefix().as_deref(), Some("/service/pg-ha/"));
    assert_eq!(cluster.patroni.seeds, ["http://127.0.0.1:8008", "http://127.0.0.1:8009", "http://127.0.0.1:8010"]);
    let etcd = cluster.etcd.as_ref().unwrap();
    assert_eq!(etcd.urls, ["http://127.0.0.1:2379", "http://127.0.0.1:22379", "http://127.0.0.1:32379"]);
    for (index, offset) in [("pg-0", 0), ("pg-1", 1), ("pg-2", 2)] {
        let node = NodeName::new(index);
        // As the members register themselves in the lab.
        let reached = cluster.member_address(&node, Some(&format!("http://{index}:8008/patroni")), Some((index, 5432)));
        let rest = format!("http://127.0.0.1:{}", 8008 + offset);
        assert_eq!(reached, (Some(rest), Some(("127.0.0.1".to_owned(), 5432 + offset))));
        let exporter = format!("http://127.0.0.1:{}/metrics", 9187 + offset);
        assert_eq!(cluster.exporter_url(&node, None), Some(exporter));
        assert_eq!(cluster.address_map.apply(index, 5432), ("127.0.0.1".to_owned(), 5432 + offset));
        assert_eq!(cluster.address_map.apply(&format!("10.213.0.2{offset}"), 8008).1, 8008 + offset);
    }
    let [router] = cluster.routers.as_slice() else { panic!("{:?}", cluster.routers) };
    assert_eq!(router.name.as_str(), "pg-router");
    assert_eq!(router.stats.as_ref().unwrap().url, "http://127.0.0.1:7000");
    assert_eq!(router.runtime, Some(RuntimeApi::Tcp("127.0.0.1:9999".to_owned())));
    assert_eq!(router.write_address, Some(("127.0.0.1".to_owned(), 5000)));
    assert_eq!(router.read_address, Some(("127.0.0.1".to_owned(), 5001)));
    let looking = &cluster.postgres.as_ref().unwrap().looking;
    assert_eq!(looking.user, "pgctl_monitor");
    assert_eq!(looking.password, Some(SecretSource::Environment("LAB_MONITOR_PASSWORD".to_owned())));
    let acting = cluster.patroni.acting.as_ref().unwrap();
    assert_eq!(acting.password, Some(SecretSource::Environment("LAB_REST_PASSWORD".to_owned())));
    let preparation = cluster.preparation.as_ref().unwrap();
    assert_eq!(preparation.container, "pg-cluster-init");
    assert_eq!((preparation.user.as_deref(), preparation.database.as_deref()), (Some("app"), Some("app")));
}

#[test]
fn the_labs_poolers_are_reached_with_the_user_that_may_only_look() {
    let cluster = settled(&lab_of(&["patroni", "pooler"], &[]).unwrap());
    let [first, second] = cluster.poolers.as_slice() else { panic!("{:?}", cluster.poolers) };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("pgbouncer-1", "pgbouncer-2"));
    assert_eq!(first.address.to_string(), "127.0.0.1:6432");
    assert_eq!(second.address.to_string(), "127.0.0.1:6433");
    assert_eq!(first.access.user, "pooler_stats");
    let password = SecretSource::Environment("LAB_POOLER_STATS_PASSWORD".to_owned());
    assert_eq!(first.access.password, Some(password));
    assert!(settled(&lab(&[])).poolers.is_empty());
}

#[test]
fn the_environment_moves_the_labs_names_and_ports() {
    let variables = [
        ("LAB_SCOPE", "billing"),
        ("LAB_NAMESPACE", "/sites/"),
        ("LAB_MEMBER_1", "blue"),
        ("LAB_REST_1_PORT", "18009"),
        ("LAB_STATS_PATH", "/haproxy"),
        ("LAB_STATS_USER", "looker"),
        ("LAB_STATS_PASSWORD", "looker-secret"),
        ("LAB_BIND", "10.1.1.1"),
    ];
    let found = lab(&variables);
    assert_eq!((found.scope.as_deref(), found.namespace.as_deref()), (Some("billing"), Some("/sites/")));
    assert_eq!(member(&found, "blue").rest.as_deref(), Some("http://10.1.1.1:18009"));
    assert_eq!(found.routers[0].stats.as_deref(), Some("http://10.1.1.1:7000/haproxy"));
    assert_eq!(found.routers[0].login.as_ref().unwrap().user, "looker");
    assert!(!format!("{found:?}").contains("looker-secret"));
}

#[test]
fn spilo_is_recognised_with_its_own_variables() {
    let found = stack("spilo.yml");
    assert_eq!(found.scope.as_deref(), Some("orders"));
    assert_eq!(found.etcd, ["http://127.0.0.1:12379", "http://127.0.0.1:12380"]);
    let first = member(&found, "orders-a");
    assert_eq!(first.rest.as_deref(), Some("http://127.0.0.1:18009"), "APIPORT moves the interface");
    assert_eq!(first.postgres, Some(("127.0.0.1".to_owned(), 15432)));
    assert_eq!(map(&found, "orders-one:5432"), Some("127.0.0.1:15432"));
    let second = member(&found, "orders-b");
    assert_eq!(second.rest, None);
    assert!(second.remarks.iter().any(|remark| remark.contains("docker compose port orders-b 8008")), "{second:?}");
    let login = found.postgres_login.unwrap();
    assert_eq!(login.user, "postgres");
    assert_eq!(login.password, Some(SecretSource::Environment("SPILO_SUPERUSER_PASSWORD".to_owned())));
    assert!(login.remarks.iter().any(|remark| remark.contains("pg_monitor")), "a superuser is not for looking");
}

#[test]
fn ranges_long_ports_aliases_secrets_and_tls_are_followed() {
    let found = stack("ranges.yml");
    assert_eq!((found.scope.as_deref(), found.namespace.as_deref()), (Some("ledger"), Some("/sites/")));
    assert_eq!(found.etcd, ["https://127.0.0.1:23379"]);
    assert_eq!(found.etcd_login.as_ref().unwrap().user, "root");
    let first = member(&found, "ledger-1");
    assert_eq!(first.rest.as_deref(), Some("https://10.20.0.5:8108"));
    assert_eq!(first.postgres, Some(("10.20.0.5".to_owned(), 6001)));
    assert_eq!(first.exporter.as_deref(), Some("http://[::1]:19187/metrics"));
    assert_eq!(first.api_url.as_deref(), Some("https://db1.internal.example:8008"));
    let second = member(&found, "ledger-2");
    assert_eq!(second.postgres, Some(("::1".to_owned(), 6432)));
    assert_eq!(second.exporter.as_deref(), Some("http://127.0.0.1:9287/metrics"), "by the network it shares");
    assert_eq!(map(&found, "db1.internal.example:5432"), Some("10.20.0.5:6001"));
    assert_eq!(map(&found, "db-two:5432"), Some("[::1]:6432"));
    assert_eq!(map(&found, "any-db:5432"), None, "an alias for any node leads to none");
    let login = found.postgres_login.as_ref().unwrap();
    assert_eq!(login.user, "watcher");
    assert_eq!(login.password, Some(SecretSource::File(root().join("tests/compose/secrets/monitor.txt"))));
    assert_eq!(
        found.agents_login.as_ref().unwrap().password,
        Some(SecretSource::Environment("PATRONI_RESTAPI_PASSWORD".to_owned()))
    );
    assert_eq!(found.routers[0].stats.as_deref(), Some("http://127.0.0.1:8404/stats"));
    let cluster = settled(&found);
    assert_eq!(cluster.member_address(&"ledger-2".into(), None, None).1, Some(("::1".to_owned(), 6432)));
    assert_eq!(cluster.postgres.unwrap().looking.user, "watcher");
}

#[test]
fn a_stack_that_publishes_no_node_says_so_first() {
    let found = stack("unpublished.yml");
    assert!(found.notes[0].starts_with("no port of any PostgreSQL node is published"), "{:?}", found.notes);
    assert!(
        found.notes.iter().any(|note| note.starts_with("etcd is not published by the service dcs")),
        "{:?}",
        found.notes
    );
    assert_eq!(found.members.len(), 2, "the router is no member, whatever its environment says");
    let node = member(&found, "node1");
    assert_eq!((node.rest.as_deref(), node.api_url.as_deref()), (None, Some("http://node1:8008")));
    assert!(node.remarks[0].contains("127.0.0.1:8008:8008"), "{:?}", node.remarks);
    assert_eq!(found.routers[0].stats, None);
    let cluster = settled(&found);
    assert_eq!(cluster.patroni.seeds, ["http://node1:8008", "http://node2:8008"], "reached from inside");
    assert!(cluster.routers.is_empty() && cluster.etcd.is_none());
}

#[test]
fn mounted_settings_of_patroni_and_haproxy_are_read() {
    let found = stack("mounted.yml");
    assert_eq!((found.scope.as_deref(), found.namespace.as_deref()), (Some("depot"), Some("/db/")));
    let first = member(&found, "depot-1");
    assert_eq!(first.rest.as_deref(), Some("http://127.0.0.1:7008"));
    assert_eq!(first.postgres, Some(("127.0.0.1".to_owned(), 7432)));
    assert_eq!(first.exporter.as_deref(), Some("http://127.0.0.1:9187/metrics"));
    assert_eq!(found.etcd, ["http://10.9.0.1:2379", "http://10.9.0.2:2379"], "an etcd outside of the file");
    assert_eq!(found.postgres_login.as_ref().unwrap().user, "scraper");
    assert_eq!(found.agents_login.as_ref().unwrap().user, "boss");
    let router = &found.routers[0];
    assert_eq!(router.stats.as_deref(), Some("http://127.0.0.1:8080/lb"));
    assert_eq!(router.runtime.as_deref(), Some("127.0.0.1:9990"));
    assert_eq!(router.write_address.as_deref(), Some("127.0.0.1:15000"), "by the check of its backend");
    assert_eq!(router.read_address.as_deref(), Some("127.0.0.1:15010"));
    assert_eq!(router.login.as_ref().unwrap().user, "looker");
}

#[test]
fn of_several_clusters_one_must_be_chosen() {
    let error = stack_of("two-clusters.yml", None).unwrap_err().to_string();
    assert!(error.contains("alpha, beta") && error.contains("--scope"), "{error}");
    let found = stack_of("two-clusters.yml", Some("beta")).unwrap();
    assert_eq!(found.members.len(), 1);
    assert!(found.notes.iter().any(|note| note.contains("Consul")), "{:?}", found.notes);
    let error = stack_of("two-clusters.yml", Some("gamma")).unwrap_err().to_string();
    assert!(error.contains("`gamma`"), "{error}");
}

#[test]
fn postgresql_without_patroni_is_asked_by_sql_alone() {
    let found = stack("plain.yml");
    assert!(found.notes.iter().any(|note| note.contains("no Patroni")), "{:?}", found.notes);
    let cluster = settled(&found);
    assert!(cluster.patroni.seeds.is_empty());
    assert_eq!(cluster.nodes[&NodeName::new("primary")].postgres, Some(("127.0.0.1".to_owned(), 5432)));
    assert_eq!(cluster.nodes[&NodeName::new("standby")].postgres, Some(("127.0.0.1".to_owned(), 5432)), "host network");
}

fn postgres<'a>(cluster: &'a ClusterSettings, name: &str) -> Option<(&'a str, u16)> {
    let (host, port) = cluster.nodes[&NodeName::new(name)].postgres.as_ref()?;
    Some((host, *port))
}

#[rstest]
#[case::named(&["streaming"], &[])]
#[case::by_the_environment(&[], &[("COMPOSE_PROFILES", "streaming")])]
fn the_labs_profile_streaming_gives_two_nodes_and_no_agent(
    #[case] profiles: &[&str],
    #[case] variables: &[(&str, &str)],
) {
    let found = lab_of(profiles, variables).unwrap();
    assert!(
        found.notes.iter().any(|note| note.contains("pg-router") && note.contains("(patroni)")),
        "{:?}",
        found.notes
    );
    let cluster = settled(&found);
    assert_eq!(cluster.stack, StackKind::Streaming);
    assert_eq!(cluster.nodes.len(), 2);
    assert_eq!(postgres(&cluster, "db-primary"), Some(("127.0.0.2", 8008)));
    assert_eq!(postgres(&cluster, "db-replica"), Some(("127.0.0.2", 8009)));
    assert!(cluster.patroni.seeds.is_empty() && cluster.etcd.is_none() && cluster.routers.is_empty());
    // A standby knows its upstream by the container's address.
    assert_eq!(cluster.address_map.apply("10.213.0.60", 5432), ("127.0.0.2".to_owned(), 8008));
    let looking = &cluster.postgres.as_ref().unwrap().looking;
    assert_eq!(looking.user, "pgctl_monitor");
    assert_eq!(looking.password, Some(SecretSource::Environment("LAB_MONITOR_PASSWORD".to_owned())));
    let text = commented_file(&found, &Asked::default());
    assert!(!text.contains("fixed addresses"), "{text}");
}

#[test]
fn further_nodes_come_with_further_profiles() {
    let cluster = settled(&lab_of(&["streaming", "streaming-2", "streaming-archive"], &[]).unwrap());
    assert_eq!(postgres(&cluster, "db-replica-2"), Some(("127.0.0.2", 8010)));
    assert_eq!(postgres(&cluster, "db-log-shipping"), Some(("127.0.0.2", 8013)));
    assert_eq!(cluster.nodes.len(), 4);
}

#[rstest]
#[case(&[], "none of which is active: patroni, pooler, streaming,")]
#[case(&["stream"], "--profile NAME")]
fn where_no_profile_of_a_service_is_active_they_are_named(#[case] profiles: &[&str], #[case] words: &str) {
    let error = lab_of(profiles, &[]).unwrap_err().to_string();
    assert!(error.contains(words) && error.contains("COMPOSE_PROFILES"), "{error}");
}

#[rstest]
#[case::pulled("streaming.yml", "db-backup")]
#[case::built_on_ports_of_their_own("streaming-built.yml", "db-backup, etcd")]
fn a_primary_and_its_standby_of_any_image_are_nodes_and_their_backup_is_none(
    #[case] name: &str,
    #[case] left_out: &str,
) {
    let found = stack(name);
    let reported = |words: &str| found.notes.iter().any(|note| note.ends_with(words));
    assert!(reported(&format!("not part of the cluster according to the file: {left_out}")), "{:?}", found.notes);
    assert!(
        !found.notes.iter().any(|note| note.contains("of its own")),
        "the standby knows its primary: {:?}",
        found.notes
    );
    let cluster = settled(&found);
    assert_eq!(cluster.stack, StackKind::Streaming);
    assert_eq!(cluster.nodes.len(), 2);
    assert_eq!(postgres(&cluster, "db-primary"), Some(("127.0.0.1", 8008)));
    assert_eq!(postgres(&cluster, "db-replica"), Some(("127.0.0.1", 8009)));
    let looking = &cluster.postgres.as_ref().unwrap().looking;
    assert_eq!(looking.user, "postgres");
    assert_eq!(looking.password, Some(SecretSource::Environment("DB_PASSWORD".to_owned())));
    let text = commented_file(&found, &Asked::default());
    for agents in ["[clusters.cluster.patroni]", "[clusters.cluster.etcd]", "rest =", "scope =", "namespace ="] {
        assert!(!text.contains(agents), "{agents} in\n{text}");
    }
}

/// Reached from inside alone: each node as the others know it.
#[test]
fn nodes_that_are_not_published_are_written_as_they_know_each_other() {
    let text = "
services:
  a: {image: 'postgres:17', environment: {POSTGRES_PASSWORD: secret-value}}
  b: {image: 'postgres:17', hostname: warm, command: [sh, -c, 'pg_basebackup -h a; exec postgres']}
";
    let source =
        ComposeSource { text, path: Path::new("/srv/compose.yml"), env_file: None, scope: None, profiles: &[] };
    let found = from_text(source, &Environment::default(), &|_| None).unwrap();
    assert!(found.notes[0].starts_with("no port of any PostgreSQL node is published"), "{:?}", found.notes);
    let cluster = settled(&found);
    assert_eq!(cluster.stack, StackKind::Streaming);
    assert_eq!((postgres(&cluster, "a"), postgres(&cluster, "warm")), (Some(("a", 5432)), Some(("warm", 5432))));
}

#[test]
fn databases_that_nothing_ties_together_are_reported() {
    let found = stack("plain.yml");
    assert!(found.notes.iter().any(|note| note.contains("primary, standby replicate")), "{:?}", found.notes);
}

/// Nothing published: the engine's own host reaches the containers at their fixed addresses.
#[test]
fn fixed_addresses_are_used_where_nothing_is_published() {
    let found = stack("fixed.yml");
    let names: Vec<&str> = found.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["node-a", "node-b"], "neither the backup nor the preparation is a node");
    let preparation = settled(&found).preparation.unwrap();
    assert_eq!(preparation.container, "cluster-init");
    assert_eq!((preparation.user.as_deref(), preparation.database.as_deref()), (Some("ledger_app"), Some("ledger")));
    let node = member(&found, "node-b");
    assert_eq!(node.rest.as_deref(), Some("http://172.29.7.22:8008"));
    assert_eq!(node.postgres, Some(("172.29.7.22".to_owned(), 5432)), "not the port that two services claim");
    assert_eq!(found.etcd, ["http://172.29.7.10:2379"]);
    assert_eq!(map(&found, "node-a:8008"), Some("172.29.7.21:8008"));
    assert_eq!(member(&found, "node-a").exporter.as_deref(), Some("http://172.29.7.31:9187/metrics"));
    assert_eq!(found.routers[0].stats.as_deref(), Some("https://lb.example.com"));
    let reported = |words: &str| found.notes.iter().any(|note| note.contains(words));
    assert!(
        reported("only from the host of the container engine")
            && reported("node-a, node-b publish the same port of the host")
    );
}

#[test]
fn images_built_here_are_known_by_what_they_keep_and_open() {
    let found = stack("built.yml");
    let names: Vec<&str> = found.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["hot", "warm"]);
    assert_eq!(member(&found, "warm").postgres, Some(("127.0.0.1".to_owned(), 15433)));
}

#[rstest]
#[case("include: [db.yml, {path: [a.yml, b.yml]}]\n", "db.yml, a.yml, b.yml")]
#[case("include: db.yml\n", "db.yml")]
fn included_files_are_named_where_there_are_no_services(#[case] text: &str, #[case] files: &str) {
    let source =
        ComposeSource { text, path: Path::new("/srv/compose.yml"), env_file: None, scope: None, profiles: &[] };
    let error = from_text(source, &Environment::default(), &|_| None).unwrap_err().to_string();
    assert!(error.contains(files) && error.contains("docker compose config"), "{error}");
}

#[test]
fn a_file_without_a_database_and_missing_files_say_what_to_do() {
    let error = stack_of("application.yml", None).unwrap_err().to_string();
    assert!(error.contains("web, cache") && error.contains("--patroni"), "{error}");
    let error = stack_of("absent.yml", None).unwrap_err().to_string();
    assert!(error.contains("absent.yml: there is no such file") && error.contains("--compose"), "{error}");
    let compose = root().join("tests/compose/plain.yml");
    let error =
        load(&compose, Some(Path::new("/absent.env")), None, &[], &Environment::default()).unwrap_err().to_string();
    assert!(error.contains("/absent.env: there is no such file") && error.contains("--env-file"), "{error}");
}

#[test]
fn a_required_variable_without_a_value_names_the_line() {
    let compose = root().join("tests/compose/spilo.yml");
    let error = load(&compose, None, None, &[], &Environment::default()).unwrap_err().to_string();
    assert!(error.contains("spilo.yml:12:") && error.contains("set it in .env"), "{error}");
}

#[rstest]
fn no_password_reaches_the_written_file(
    #[values(
        "spilo.yml",
        "ranges.yml",
        "unpublished.yml",
        "mounted.yml",
        "plain.yml",
        "fixed.yml",
        "built.yml",
        "streaming.yml",
        "streaming-built.yml"
    )]
    name: &str,
) {
    let found = stack(name);
    let text = commented_file(&found, &Asked::default());
    assert!(!text.contains("secret-value"), "{text}");
    assert!(!format!("{found:?}").contains("secret-value"));
    settled(&found);
}

fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "services:",
        "image: patroni",
        "image: haproxy",
        "ports:",
        "- \"5432:5432\"",
        "- 8008",
        "environment:",
        "PATRONI_SCOPE: ${X:-a}",
        "- A=b",
        "<<: *x",
        "&x",
        "networks:",
        "hostname: ${X}",
        "  ",
        "    ",
        "\n",
        "{",
        "}",
        "command: etcd",
        "extends: pg",
        "pg:",
        "etcd:",
        "volumes: [\".:/x\"]",
        "deploy: {replicas: 3}",
        "!reset",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24).prop_map(|words| words.join("\n  "))
}

proptest! {
    #[test]
    fn no_text_makes_discovery_panic(text in prop_oneof![fragment(), any::<String>()], env in any::<String>()) {
        let source = ComposeSource { text: &text, path: Path::new("c.yml"), env_file: None, scope: None, profiles: &[] };
        let _ = from_text(source, &Environment::default(), &|_| None).is_ok();
        let source = ComposeSource { env_file: Some((Path::new(".env"), &env)), ..source };
        let _ = from_text(source, &Environment::default(), &|_| Some(text.clone())).is_ok();
    }

    #[test]
    fn whatever_names_a_stack_has_the_file_loads(
        name in "[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}",
        scope in "[\\PC]{1,20}",
        member in "[\\PC]{1,20}",
        port in 1_u16..,
    ) {
        let tree = serde_json::json!({"services": {name: {
            "ports": [format!("{port}:8008"), format!("{port}:5432")],
            "environment": {"PATRONI_SCOPE": scope.replace('$', "$$"), "PATRONI_NAME": member.replace('$', "$$")},
        }}});
        let text = tree.to_string();
        let source = ComposeSource { text: &text, path: Path::new("c.yml"), env_file: None, scope: None, profiles: &[] };
        let found = from_text(source, &Environment::default(), &|_| None).unwrap();
        settled(&found);
    }
}
