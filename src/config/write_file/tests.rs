use std::path::Path;

use proptest::prelude::*;

use super::super::discovered::{Discovered, DiscoveredLogin, DiscoveredMember, DiscoveredRouter, Reach};
use super::super::endpoint::SecretSource;
use super::*;
use crate::config::{Environment, Settings, from_text};

fn load(text: &str) -> Settings {
    let environment: Environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
    from_text(text, Path::new("config.toml"), &environment).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn member(name: &str, reach: Reach) -> DiscoveredMember {
    DiscoveredMember {
        name: name.to_owned(),
        api_url: Some(format!("http://{name}:8008")),
        host: Some(name.to_owned()),
        port: Some(5432),
        reach,
        ..DiscoveredMember::default()
    }
}

#[test]
fn what_was_found_is_in_the_file_and_what_fails_is_shown_with_its_reason() {
    let found = Discovered {
        scope: Some("pg-ha".to_owned()),
        namespace: Some("/service/".to_owned()),
        members: vec![
            member("pg-0", Reach::Answers),
            member("pg-1", Reach::Fails("the name does not resolve (a resolver's long words)".to_owned())),
        ],
        ..Discovered::default()
    };
    let asked = Asked {
        patroni: vec!["http://127.0.0.1:8008".to_owned()],
        etcd: vec!["http://127.0.0.1:2379".to_owned()],
        routers: vec![("edge".to_owned(), "http://127.0.0.1:7000/;csv".to_owned())],
        ..Asked::default()
    };
    let text = commented_file(&found, &asked);
    for port in ["8008", "5432"] {
        assert!(text.contains(&format!("# \"pg-1:{port}\" = \"ADDRESS:{port}\"   # pg-1\n")), "{text}");
    }
    assert!(text.contains("(pg-1: the name does not resolve)") && !text.contains("resolver's"), "{text}");
    let settings = load(&text);
    let cluster = settings.cluster("pg-ha").expect("the cluster");
    assert_eq!(cluster.prefix().as_deref(), Some("/service/pg-ha/"));
    assert_eq!(cluster.patroni.seeds, ["http://127.0.0.1:8008", "http://pg-0:8008"]);
    assert_eq!(cluster.etcd.as_ref().expect("etcd").urls, ["http://127.0.0.1:2379"]);
    assert_eq!(cluster.routers[0].name, *"edge");
    assert!(cluster.postgres.is_none() && settings.warnings.is_empty());
}

#[test]
fn every_line_in_comments_is_good_once_it_is_uncommented() {
    let found = Discovered { members: vec![member("pg-0", Reach::Untried)], ..Discovered::default() };
    let text = commented_file(&found, &Asked { patroni: vec!["http://h:8008".to_owned()], ..Asked::default() });
    let mut uncommented = String::new();
    for line in text.lines() {
        let code = line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('['));
        uncommented.push_str(code.filter(|rest| !rest.contains("scope =")).unwrap_or(line));
        uncommented.push('\n');
    }
    let cluster = load(&uncommented).clusters.remove(0);
    assert!(cluster.postgres.is_some() && cluster.protected && cluster.etcd.is_some());
    assert!(cluster.patroni.acting.is_some() && cluster.routers[0].read_address.is_some());
}

#[test]
fn a_router_that_may_be_another_clusters_is_only_a_comment_with_the_reason() {
    let router = DiscoveredRouter {
        name: "haproxy".to_owned(),
        stats: Some("http://127.0.0.1:7000/".to_owned()),
        doubt: Some("none of its servers is a member of this cluster (db-a)".to_owned()),
        ..DiscoveredRouter::default()
    };
    let found = Discovered {
        scope: Some("pg-ha".to_owned()),
        members: vec![member("pg-0", Reach::Answers)],
        routers: vec![router],
        ..Discovered::default()
    };
    let text = commented_file(&found, &Asked::default());
    assert!(load(&text).clusters[0].routers.is_empty(), "{text}");
    assert!(text.contains("(db-a)") && text.contains("# stats = \"http://127.0.0.1:7000/\""), "{text}");
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(any::<String>())
}

proptest! {
    #[test]
    fn whatever_was_found_the_file_loads(
        scope in some_text(),
        namespace in some_text(),
        notes in proptest::collection::vec(any::<String>(), 0..3),
        members in proptest::collection::vec((any::<String>(), some_text(), some_text(), any::<String>()), 0..4),
        asked in proptest::collection::vec(any::<String>(), 0..3),
        more in proptest::collection::vec(any::<String>(), 9),
        map in proptest::collection::btree_map("[a-z0-9:.]{0,12}", "[a-z0-9:.]{0,12}", 0..4),
        is_managed in any::<bool>(),
    ) {
        let members = members.into_iter().map(|(name, api_url, host, why)| DiscoveredMember {
            name, host, reach: Reach::Fails(why.clone()), postgres: Some((why.clone(), 5432)),
            api_url: api_url.filter(|_| is_managed), rest: is_managed.then(|| format!("http://{why}")),
            remarks: vec![why], ..DiscoveredMember::default()
        });
        let login = |at: usize, password| Some(DiscoveredLogin {
            user: more[at].clone(), password: Some(password), remarks: vec![more[at + 1].clone()],
        });
        let found = Discovered {
            scope: scope.filter(|_| is_managed),
            namespace: namespace.filter(|_| is_managed),
            notes,
            members: members.collect(),
            agents: is_managed.then(|| more[0].clone()).into_iter().collect(),
            origin: Some(more[1].clone()),
            agents_login: login(2, SecretSource::Environment(more[3].clone())),
            etcd_login: login(4, SecretSource::Command(vec![more[5].clone()])),
            postgres_login: login(6, SecretSource::File(more[7].clone().into())),
            routers: vec![DiscoveredRouter {
                name: more[8].clone(), runtime: Some("h:9999".to_owned()),
                write_address: Some(more[0].clone()), read_address: Some("h:5001".to_owned()), ..DiscoveredRouter::default()
            }],
            address_map: map,
            ..Discovered::default()
        };
        let asked = Asked {
            name: None,
            patroni: if is_managed { asked.clone() } else { Vec::new() },
            etcd: if is_managed { asked.clone() } else { Vec::new() },
            routers: asked.into_iter().map(|url| (url.clone(), url)).collect(),
        };
        prop_assert_eq!(load(&commented_file(&found, &asked)).clusters.len(), 1);
    }
}
