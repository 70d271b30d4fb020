//! PostgreSQL for real: the nodes of the lab, or those that `PGCTL_TEST_POSTGRES` names (`host:port`, separated by
//! blanks; roles from the lab's variables). Ignored unless asked for, since they need running servers.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use pgctl::client::tls::install_provider;
use pgctl::config::Environment;
use pgctl::config::endpoint::{PostgresAccess, SslMode, Timeouts};
use pgctl::driver::node::postgres::PostgresNode;
use pgctl::driver::port::{Facts, Observe};
use pgctl::model::agent::{Address, Position};
use pgctl::model::moment::Moment;
use pgctl::model::name::NodeName;
use pgctl::model::postgres::{SqlPart, SqlReport};
use pgctl::model::source::{FailureKind, SourceError};

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn addresses() -> Vec<Address> {
    let named = variable("PGCTL_TEST_POSTGRES", "");
    if !named.is_empty() {
        let address = |text: &str| {
            let (host, port) = text.split_once(':').expect("host:port");
            Address { host: host.into(), port: port.parse().expect("a port") }
        };
        return named.split_whitespace().map(address).collect();
    }
    let port = |node: usize| variable(&format!("LAB_PG_{node}_PORT"), &(5432 + node).to_string());
    (0..3).map(|node| Address { host: "127.0.0.1".into(), port: port(node).parse().expect("a port") }).collect()
}

fn monitor() -> (String, String) {
    (variable("LAB_MONITOR_USER", "pgctl_monitor"), variable("LAB_MONITOR_PASSWORD", "lab-monitor"))
}

fn application() -> (String, String) {
    (variable("LAB_APP_USER", "app"), variable("LAB_APP_PASSWORD", "lab-app"))
}

/// A node asked with a password file, as an operator's would be, and the file that must outlive it.
fn node(address: &Address, (user, password): (String, String), sslmode: SslMode) -> (PostgresNode, tempfile::TempPath) {
    install_provider();
    let mut passfile = tempfile::NamedTempFile::new().expect("a file");
    writeln!(passfile, "*:*:*:*:{password}").expect("written");
    let passfile = passfile.into_temp_path();
    let access = PostgresAccess {
        passfile: Some(passfile.to_path_buf()),
        timeouts: Timeouts { connect: Duration::from_secs(5), request: Duration::from_secs(5) },
        ..PostgresAccess::of(user, sslmode)
    };
    let name = NodeName::new(address.to_string());
    (PostgresNode::new(&name, access, address.clone(), Arc::new(Environment::default())), passfile)
}

async fn ask(node: &mut PostgresNode) -> Result<SqlReport, SourceError> {
    match node.observe(Moment::START).await? {
        Facts::Sql(report) => Ok(*report),
        other => panic!("not SQL: {other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn every_node_tells_its_place_in_one_cluster() {
    let mut reports = Vec::new();
    for address in addresses() {
        let (mut node, _passfile) = node(&address, monitor(), SslMode::Prefer);
        let first = ask(&mut node).await.expect("a report");
        let second = ask(&mut node).await.expect("a report from the same session");
        assert_eq!(first.postmaster_started, second.postmaster_started);
        assert_eq!(second.unread, [], "pg_monitor sees everything");
        assert!(second.monitor && second.version >= 130_000);
        assert!(second.connections.max > 0 && second.xid_age.is_some() && second.archiver.is_some());
        reports.push(second);
    }
    let (primaries, standbys): (Vec<_>, Vec<_>) = reports.iter().partition(|report| !report.in_recovery);
    assert_eq!(primaries.len(), 1, "one node accepts writes");
    let primary = primaries[0];
    let Position::Writing { at } = primary.position else { panic!("a primary writes") };
    assert!(at.0 > 0 && primary.timeline.is_some() && primary.replay.is_none());
    assert_eq!(primary.downstream.len(), standbys.len(), "{:?}", primary.downstream);
    for standby in standbys {
        assert_eq!(standby.system_id, primary.system_id);
        assert_eq!(standby.timeline, primary.timeline);
        let receiver = standby.receiver.as_ref().expect("a standby of the lab streams");
        assert_eq!(receiver.status, *"streaming");
        assert!(standby.replay.is_some());
        assert!(standby.position.furthest().is_some());
    }
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn a_role_without_pg_monitor_sees_less_and_says_so() {
    let address = &addresses()[0];
    let (mut node, _passfile) = node(address, application(), SslMode::Prefer);
    let report = ask(&mut node).await.expect("a report");
    assert!(!report.monitor);
    assert!(!report.knows(SqlPart::Sessions) && !report.knows(SqlPart::ArchiveReady) || report.archiver.is_some());
    assert!(report.knows(SqlPart::Slots), "the slots are open to all");
    assert!(report.position.furthest().is_some());
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn a_wrong_password_is_distinguished() {
    let address = &addresses()[0];
    let (mut node, _passfile) = node(address, (monitor().0, "wrong".to_owned()), SslMode::Prefer);
    let error = ask(&mut node).await.unwrap_err();
    assert_eq!(error.failure_kind, FailureKind::Credentials, "{error}");
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn an_unverifiable_certificate_or_its_absence_is_a_tls_failure() {
    let address = &addresses()[0];
    let (mut node, _passfile) = node(address, monitor(), SslMode::VerifyFull);
    let error = ask(&mut node).await.unwrap_err();
    assert_eq!(error.failure_kind, FailureKind::Tls, "{error}");
}
