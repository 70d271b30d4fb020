//! Every parser of bytes from outside, by name: what `dev/fuzz` feeds, and what the tests replay from
//! `fixtures/fuzz/NAME`. A parser may refuse what it is given; it may not panic, hang, or hand on what a terminal obeys.

use std::path::Path;

use serde_json::Value;

use crate::client::etcd::{EndpointName, Key, Record};
use crate::client::haproxy::StatTable;
use crate::client::patroni::PatroniStatus;
use crate::client::prometheus::Scan;
use crate::config::compose::{ComposeSource, from_text};
use crate::config::environment::Environment;
use crate::config::libpq::{passfile, service};
use crate::driver::dcs::etcd::content;
use crate::driver::ha::patroni::{agent, record};
use crate::model::lsn::Lsn;
use crate::model::text::Text;

/// A parser of bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Parser {
    /// Its name: that of its corpus and of its fuzz target.
    pub name: &'static str,
    /// Gives it bytes as they come, and drops what it makes of them.
    pub feed: fn(&[u8]),
}

/// All of them.
pub const PARSERS: &[Parser] = &[
    Parser { name: "compose-file", feed: compose_file },
    Parser { name: "compose-environment", feed: compose_environment },
    Parser { name: "patroni-settings", feed: patroni_settings },
    Parser { name: "haproxy-configuration", feed: haproxy_configuration },
    Parser { name: "haproxy-statistics", feed: haproxy_statistics },
    Parser { name: "prometheus-metrics", feed: prometheus_metrics },
    Parser { name: "password-file", feed: password_file },
    Parser { name: "service-file", feed: service_file },
    Parser { name: "patroni-status", feed: patroni_status },
    Parser { name: "patroni-record", feed: patroni_record_values },
    Parser { name: "etcd-record", feed: etcd_record },
    Parser { name: "addresses", feed: addresses },
    Parser { name: "configuration", feed: configuration },
    Parser { name: "terminal-text", feed: terminal_text },
];

/// The parser called `name`.
pub fn parser(name: &str) -> Option<&'static Parser> {
    PARSERS.iter().find(|parser| parser.name == name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads a compose file with `files` beside it.
fn compose(text: &str, environment: Option<&str>, files: &dyn Fn(&Path) -> Option<String>) {
    let env_file = environment.map(|text| (Path::new("/srv/.env"), text));
    let source = ComposeSource { text, path: Path::new("/srv/compose.yml"), env_file, scope: None, profiles: &[] };
    // Refused or not, it has been read.
    drop(from_text(source, &Environment::default(), files));
}

fn compose_file(bytes: &[u8]) {
    compose(&text(bytes), None, &|_| None);
}

/// A stack whose nodes and router are described by files beside it.
const STACK: &str = "services:\n  pg:\n    image: patroni\n    volumes: ['./patroni.yml:/etc/patroni.yml']\n  lb:\n    \
                     image: haproxy:3.0\n    ports: ['5000:5000', '7000:7000']\n    volumes: \
                     ['./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg']\n";

fn compose_environment(bytes: &[u8]) {
    compose(STACK, Some(&text(bytes)), &|_| None);
}

fn patroni_settings(bytes: &[u8]) {
    compose(STACK, None, &|path| path.ends_with("patroni.yml").then(|| text(bytes)));
}

fn haproxy_configuration(bytes: &[u8]) {
    compose(STACK, None, &|path| path.ends_with("haproxy.cfg").then(|| text(bytes)));
}

fn haproxy_statistics(bytes: &[u8]) {
    if let Ok(table) = StatTable::parse(bytes) {
        for row in table.rows() {
            for column in ["pxname", "svname", "status", "check_status", "addr"] {
                row.get(column).map(Text::new);
            }
            row.number("scur");
        }
    }
}

/// In two pieces, as a network cuts it.
fn prometheus_metrics(bytes: &[u8]) {
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let mut scan = Scan::default();
    let mut take = |sample: &crate::client::prometheus::Sample<'_>| {
        sample.number();
        sample.label("server");
    };
    scan.push(first, &mut take);
    scan.push(rest, &mut take);
    scan.finish(&mut take);
}

fn password_file(bytes: &[u8]) {
    let target = passfile::Target { host: "pg-0", port: 5432, database: "app", user: "pgctl_monitor" };
    passfile::find(&text(bytes), &target);
}

fn service_file(bytes: &[u8]) {
    drop(service::parse(&text(bytes), "prod", Path::new("/srv/pg_service.conf")));
}

fn patroni_status(bytes: &[u8]) {
    if let Ok(status) = serde_json::from_slice::<PatroniStatus>(bytes) {
        agent::agent_report(&status);
    }
}

fn patroni_record_values(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    record::registration("pg-0".into(), &value);
    record::tags(&value);
    record::history(&value);
    record::dynamic_config(&value, 7);
    record::sync_key(&value);
    record::scheduled_switchover(&value);
    drop(record::failover_key(&text(bytes)));
}

/// The bytes as the value of every key that Patroni keeps.
fn etcd_record(bytes: &[u8]) {
    let names = ["config", "initialize", "leader", "members/pg-0", "history", "status", "sync", "failover", "failsafe"];
    let key = || Key { value: bytes.to_vec(), create_revision: 3, mod_revision: 5, lease: 7 };
    let keys = names.into_iter().map(|name| (name.to_owned(), key())).collect();
    content(&Record { keys, revision: 9, ..Record::default() }, None);
}

fn addresses(bytes: &[u8]) {
    let text = text(bytes);
    drop(EndpointName::parse(&text));
    record::address_from_conn_url(&text);
    record::base_url(&text);
    record::timestamp(&text);
    drop(text.parse::<Lsn>());
}

fn configuration(bytes: &[u8]) {
    drop(crate::config::from_text(&text(bytes), Path::new("/srv/config.toml"), &Environment::default()));
}

/// What is to be shown must not steer a terminal.
fn terminal_text(bytes: &[u8]) {
    let outside = text(bytes);
    for shown in [Text::new(&outside), Text::redacted(&outside)] {
        let steers = |c: char| {
            c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!shown.as_str().contains(steers), "{:?} reaches a terminal", shown.as_str());
    }
}
