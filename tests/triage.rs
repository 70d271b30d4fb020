//! What the eye is led to, in every trouble that the simulated cluster can be given: the headline never calls well what a
//! row shows in red, and colour has a reason.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "shared with the other tests of findings")]
#[path = "support/fixture.rs"]
mod fixture;

use std::time::Duration;

use fixture::Fixture;
use pgctl::driver::ha::sim::{Fault, Scenario, SimulatedCluster};
use pgctl::model::finding::{Consequence, Severity};
use pgctl::model::moment::Moment;
use pgctl::model::name::NodeName;
use pgctl::model::snapshot::{ClusterHealth, Snapshot};
use pgctl::report::table::{Table, Tone};
use pgctl::report::{clusters, dcs, findings, replication, router, sessions, summary, topology};
use rstest::rstest;

fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

/// Every picture of the first `seconds`, one a second, with `faults` from the first second on.
fn pictures(faults: Vec<Fault>, seconds: u64) -> Vec<Snapshot> {
    let cluster = SimulatedCluster::new("prod-eu", 7, Scenario::Calm, fixture::epoch());
    for fault in faults {
        let at = Moment::after_start(Duration::from_secs(1));
        cluster.world().lock().expect("no other holder").schedule(at, fault);
    }
    let mut fixture = Fixture::around(cluster);
    let mut all = Vec::new();
    for _ in 0..seconds {
        all.push(fixture.pass(1));
    }
    all
}

fn red(table: &Table) -> Option<String> {
    let rows = table.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
    let mut red = rows.filter(|(_, cell)| cell.tone == Tone::Critical);
    red.next().map(|(row, cell)| format!("{}: {}", row.id, cell.text))
}

#[rstest]
#[case::leader_killed(vec![Fault::KillNode(pg(0))])]
#[case::leader_frozen(vec![Fault::FreezeNode(pg(0))])]
#[case::leader_cut(vec![Fault::CutNode(pg(0))])]
#[case::replica_killed(vec![Fault::KillNode(pg(2))])]
#[case::most_killed(vec![Fault::KillNode(pg(1)), Fault::KillNode(pg(2)), Fault::KillNode(pg(3))])]
#[case::crash(vec![Fault::CrashPostgres(pg(0))])]
#[case::start_fails(vec![Fault::StartFails(pg(2))])]
#[case::split_brain(vec![Fault::SplitBrain(pg(2))])]
#[case::lie(vec![Fault::MetadataLie(pg(1))])]
#[case::archive(vec![Fault::ArchiveFailing(pg(0))])]
#[case::no_quorum(vec![Fault::LoseDcsMajority])]
#[case::router_down(vec![Fault::RouterDown])]
#[case::router_stuck(vec![Fault::RouterStuck, Fault::KillNode(pg(0))])]
#[case::stopped_receiver(vec![Fault::StopReceiver(pg(2))])]
#[case::lag(vec![Fault::ReplicaLag { node: pg(2), bytes_per_second: 1 << 16 }])]
#[case::wrong_address(vec![Fault::WrongAddress(pg(2))])]
#[case::foreign(vec![Fault::ForeignNode(pg(2))])]
fn a_header_is_never_green_over_a_red_row(#[case] faults: Vec<Fault>) {
    for (second, snapshot) in pictures(faults, 60).iter().enumerate() {
        let zone = jiff::tz::TimeZone::UTC;
        let tables = [
            topology::table(snapshot),
            replication::standbys(snapshot),
            replication::receivers(snapshot),
            replication::slots(snapshot),
            replication::archivers(snapshot),
            replication::history(snapshot, &zone),
            router::all_servers(snapshot),
            dcs::members(snapshot),
            sessions::activity(snapshot),
            clusters::table([snapshot]),
        ];
        let cluster_health = snapshot.cluster_health();
        if let Some(red) = tables.iter().find_map(red) {
            assert_ne!(cluster_health, ClusterHealth::Ok, "second {second}: {red}");
        }
        let reported = summary::summary(snapshot, snapshot.now);
        if matches!(cluster_health, ClusterHealth::Warning | ClusterHealth::Critical) {
            assert!(reported.headline().is_some(), "second {second}: colour without a reason");
        }
        let empty = findings::table(snapshot);
        if cluster_health != ClusterHealth::Ok && empty.rows.is_empty() {
            assert_ne!(empty.empty.reason, "no findings: no problems detected", "second {second}");
        }
    }
}

/// A warning that has stood from the beginning does not hide what is worse, nor what began later and costs more.
#[test]
fn an_old_warning_does_not_hide_the_loss_of_a_dcs_member_nor_that_of_the_leader() {
    let faults = vec![Fault::PendingRestart(pg(2)), Fault::DropDcsMember("etcd-3".into())];
    let last = pictures(faults, 20).pop().expect("a picture");
    let worst = last.worst().expect("a finding");
    assert_eq!((worst.code, worst.consequence), ("dcs-member-silent", Consequence::RedundancyLost));
    let last = pictures(vec![Fault::PendingRestart(pg(2)), Fault::KillNode(pg(0))], 12).pop().expect("a picture");
    let worst = last.worst().expect("a finding");
    assert_eq!((worst.severity, worst.consequence), (Severity::Critical, Consequence::WritesDown), "{}", worst.title);
}

#[test]
fn a_lock_pile_up_is_found_counted_and_seen() {
    let last = pictures(vec![Fault::LockChain(5)], 40).pop().expect("a picture");
    let found = last.findings.iter().find(|finding| finding.code == "blocked-sessions").expect("a finding");
    assert!(
        found.title.as_str().contains("blocked by pid") && found.title.as_str().contains("deployer"),
        "{}",
        found.title
    );
    let reported = summary::summary(&last, last.now);
    assert!(reported.line().text().contains(" blocked"), "{}", reported.line().text());
    let table = sessions::activity(&last);
    let state = table.columns.iter().position(|column| column.key == "state").expect("a state");
    let waits: Vec<_> = table.rows.iter().filter(|row| row.cells[state].text.as_str() == "active (Lock)").collect();
    assert!(!waits.is_empty() && waits.iter().all(|row| row.cells[state].tone == Tone::Warning));
    let by = table.columns.iter().find(|column| column.key == "blocked-by").expect("a column");
    assert_eq!(by.rank, 0, "never dropped");
}
