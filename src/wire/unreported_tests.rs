//! What nobody tells, end to end: agents that are old, standby leaders without their source, servers without a free
//! connection. Real wires on loopback; the agents' words are those that were seen in the field.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::tests::{SYSTEM, agent, http, observe, on_record};
use crate::client::double;
use crate::client::etcd::double::Member as Etcd;
use crate::health::readiness::{Condition, unmet};
use crate::model::finding::{Finding, Severity};
use crate::model::observed::Freshness;
use crate::model::snapshot::{ClusterHealth, Snapshot};
use crate::observe::once::settled;
use crate::observe::picture::Handle;
use crate::report;

fn answering(status: &Value) -> String {
    double::answering(http("200 OK", status.to_string()))
}

/// A cluster of these members with this configuration, observed until nothing is waited for.
async fn seen(
    config: &Value,
    leader: &str,
    members: &[(&str, &str, &str)],
    more: &str,
) -> (Arc<Snapshot>, Handle, Etcd) {
    let config = config.to_string();
    let mut keys = vec![
        ("/service/pg-ha/leader".to_owned(), leader.to_owned()),
        ("/service/pg-ha/initialize".to_owned(), SYSTEM.to_owned()),
        ("/service/pg-ha/config".to_owned(), config),
    ];
    for (name, role, address) in members {
        keys.push((format!("/service/pg-ha/members/{name}"), on_record(role, address)));
    }
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let etcd = Etcd::start(&keys).await;
    let text = format!(
        "interval = \"300ms\"\n[timeouts]\nconnect = \"500ms\"\nrequest = \"500ms\"\n[clusters.c]\nscope = \"pg-ha\"\n\
         [clusters.c.patroni]\nmetrics = false\n[clusters.c.etcd]\nendpoints = [\"{}\"]\n{more}",
        etcd.url
    );
    let mut handle = observe(&text, "pg-ha");
    settled(&mut handle, Duration::from_secs(10)).await;
    let all = |snapshot: &Snapshot| {
        let answered = |member: &crate::model::member::Member| {
            member.agent.as_ref().is_some_and(|agent| agent.freshness(snapshot.now) == Freshness::Fresh)
        };
        snapshot.members.len() == members.len() && snapshot.members.iter().all(answered)
    };
    let pictures = handle.pictures.wait_for(|picture| all(&picture.snapshot)).await.expect("an observer").clone();
    (Arc::clone(&pictures.snapshot), handle, etcd)
}

fn drafts(snapshot: &Snapshot) -> Vec<Finding> {
    crate::health::examine(snapshot).into_iter().map(|draft| draft.finding).collect()
}

fn of(snapshot: &Snapshot, code: &str) -> Finding {
    let all = drafts(snapshot);
    all.iter().find(|finding| finding.code == code).cloned().unwrap_or_else(|| panic!("no {code} among {all:#?}"))
}

fn cell(snapshot: &Snapshot, member: &str, column: &str) -> String {
    let table = report::topology::table(snapshot);
    let at = table.columns.iter().position(|known| known.key == column).expect("a column");
    let row = table.rows.iter().find(|row| row.id == *member).unwrap_or_else(|| panic!("no row {member}"));
    row.cells[at].text.to_string()
}

#[tokio::test]
async fn a_standby_cluster_without_its_source_is_not_healthy() {
    let status = json!({"state": "running", "role": "standby_leader", "server_version": 170_012, "timeline": 2,
        "xlog": {"received_location": 136_967_384, "replayed_location": 136_967_384, "paused": false},
        "database_system_identifier": SYSTEM, "patroni": {"version": "4.0.7", "scope": "pg-ha", "name": "dr-a"}});
    let config = json!({"standby_cluster": {"host": "pg-nowhere", "port": 5432}});
    let (snapshot, _handle, _etcd) =
        seen(&config, "dr-a", &[("dr-a", "standby_leader", &answering(&status))], "").await;
    // This agent is new enough to name a stream, and names none.
    let reported = of(&snapshot, "not-fed");
    assert!(reported.severity >= Severity::Warning);
    assert!(
        reported
            .title
            .as_str()
            .starts_with("the standby leader dr-a is not streaming: this cluster is not replicating")
    );
    assert!(
        reported.evidence.iter().any(|fact| fact.text.as_str().contains("host pg-nowhere, port 5432")),
        "{reported:#?}"
    );
    assert_ne!(snapshot.cluster_health(), ClusterHealth::Ok);
    assert_eq!(cell(&snapshot, "dr-a", "lag-bytes"), "?");
    assert_eq!(cell(&snapshot, "dr-a", "lag-seconds"), "?");
    let unmet = unmet(&snapshot, &Condition::Streaming(None));
    assert_eq!(unmet, ["dr-a is not streaming"]);
    let document = serde_json::to_value(report::document::status([&*snapshot])).expect("a document");
    assert_eq!(document["clusters"][0]["members"][0]["lag_bytes"]["value"], Value::Null);
}

#[tokio::test]
async fn the_list_of_an_old_leader_proves_that_its_replica_streams() {
    let leader = json!({"state": "running", "role": "master", "server_version": 150_006, "timeline": 7,
        "xlog": {"location": 83_886_080}, "replication": [{"application_name": "n2", "state": "streaming"}],
        "patroni": {"version": "3.0.2", "scope": "pg-ha"}});
    let replica = json!({"state": "running", "role": "replica", "server_version": 150_006, "timeline": 7,
        "patroni": {"version": "3.0.2", "scope": "pg-ha"},
        "xlog": {"received_location": 83_886_080, "replayed_location": 83_886_080, "paused": false}});
    let members = [("n1", "master", answering(&leader)), ("n2", "replica", answering(&replica))];
    let members: Vec<_> = members.iter().map(|(name, role, at)| (*name, *role, at.as_str())).collect();
    let (snapshot, _handle, _etcd) = seen(&json!({}), "n1", &members, "").await;
    let all = drafts(&snapshot);
    assert!(all.iter().all(|finding| finding.severity < Severity::Warning), "{all:#?}");
    assert!(unmet(&snapshot, &Condition::Streaming(None)).is_empty());
}

#[tokio::test]
async fn what_an_old_agent_does_not_tell_is_a_question_mark() {
    let leader = json!({"state": "running", "role": "master", "server_version": 150_006, "timeline": 7,
        "xlog": {"location": 110_100_480}, "replication": [], "patroni": {"version": "3.0.2", "scope": "pg-ha"}});
    let replica = json!({"state": "running", "role": "replica", "server_version": 150_006, "timeline": 7,
        "patroni": {"version": "3.0.2", "scope": "pg-ha"},
        "xlog": {"received_location": 83_886_080, "replayed_location": 83_886_080, "paused": false}});
    let members = [("n1", "master", answering(&leader)), ("n2", "replica", answering(&replica))];
    let members: Vec<_> = members.iter().map(|(name, role, at)| (*name, *role, at.as_str())).collect();
    let (snapshot, _handle, _etcd) = seen(&json!({}), "n1", &members, "").await;
    assert_eq!(cell(&snapshot, "n2", "lag-seconds"), "?");
    assert_eq!(cell(&snapshot, "n2", "sync"), "?");
    assert!(!report::prometheus::exposition([&*snapshot]).contains("pgctl_member_lag_seconds{"), "no sample");
    assert_eq!(of(&snapshot, "successor-unknown").severity, Severity::Note);
    assert!(drafts(&snapshot).iter().all(|finding| finding.severity < Severity::Critical));
    assert!(unmet(&snapshot, &Condition::Ready).contains(&"unknown whether n2 is streaming".to_owned()));
    assert_eq!(report::summary::summary(&snapshot, snapshot.now).members.text, "1/2?");
}

#[rstest]
#[case("sorry, too many clients already", "connection-slots-taken", Severity::Critical)]
#[case("too many connections for role \"monitor\"", "postgres-refuses", Severity::Warning)]
#[tokio::test]
async fn a_leader_without_a_free_connection_is_reported_as_such(
    #[case] words: &'static str,
    #[case] code: &str,
    #[case] severity: Severity,
) {
    let full = double::refusing_sql("53300", words);
    let (host, port) = full.rsplit_once(':').expect("a port");
    let more = format!(
        "[clusters.c.postgres]\nuser = \"monitor\"\npassword_command = [\"echo\", \"any\"]\nsslmode = \"disable\"\n\
         [clusters.c.nodes.pg-0]\npostgres = \"{host}:{port}\"\n"
    );
    let pg_0 = agent("pg-0", "primary", SYSTEM);
    let (_, mut handle, _etcd) = seen(&json!({}), "pg-0", &[("pg-0", "primary", &pg_0)], &more).await;
    let reported = |snapshot: &Snapshot| drafts(snapshot).iter().any(|finding| finding.code == code);
    let picture = handle.pictures.wait_for(|picture| reported(&picture.snapshot)).await.expect("an observer").clone();
    let finding = of(&picture.snapshot, code);
    assert_eq!(finding.severity, severity, "{finding:#?}");
    if severity == Severity::Critical {
        assert_eq!(finding.title.as_str(), "pg-0 has no free connection slots: new clients are rejected");
        assert_eq!(picture.snapshot.cluster_health(), ClusterHealth::Critical);
    }
}
