//! Every trouble that the rules can find, provoked in the simulated cluster and found through the same merge as a real
//! one's; a calm cluster, in which nothing may be found; and what an operator is told in the course of a trouble.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[path = "support/fixture.rs"]
mod fixture;

use std::collections::BTreeSet;
use std::time::Duration;

use fixture::Fixture;
use pgctl::driver::ha::sim::{Fault, ManagerOrder, Repair, Scenario, SimulatedCluster};
use pgctl::model::finding::{Finding, Severity, Subject};
use pgctl::model::moment::Moment;
use pgctl::model::name::NodeName;
use pgctl::model::snapshot::{ClusterHealth, Snapshot};
use pgctl::model::source::SourceKind;
use rstest::rstest;

const GIB: u64 = 1 << 30;

fn calm() -> SimulatedCluster {
    SimulatedCluster::new("prod-eu", 7, Scenario::Calm, fixture::epoch())
}

fn at(second: u64) -> Moment {
    Moment::after_start(Duration::from_secs(second))
}

/// Every code found in the first `seconds`, from the first on.
fn found(cluster: SimulatedCluster, seconds: u64) -> BTreeSet<&'static str> {
    let mut fixture = Fixture::around(cluster);
    let mut all = BTreeSet::new();
    for _ in 0..seconds {
        fixture.tick();
        all.extend(fixture.drafts().into_iter().map(|draft| draft.finding.code));
    }
    all
}

fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

#[test]
fn nothing_is_found_in_a_calm_cluster() {
    assert_eq!(found(calm(), 300), BTreeSet::new());
}

#[rstest]
#[case::lag(Fault::ReplicaLag { node: pg(2), bytes_per_second: 1 << 16 }, 60, "lag")]
#[case::stopped_receiver(Fault::StopReceiver(pg(2)), 30, "not-streaming")]
#[case::paused_replay(Fault::PauseReplay(pg(2)), 10, "replay-paused")]
#[case::delayed_replay(Fault::DelayReplay { node: pg(2), delay: Duration::from_secs(600) }, 10, "replay-delayed")]
#[case::killed(Fault::KillNode(pg(2)), 10, "node-silent")]
#[case::frozen(Fault::FreezeNode(pg(2)), 10, "node-silent")]
#[case::cut(Fault::CutNode(pg(2)), 10, "node-silent")]
#[case::agent_gone(Fault::AgentDown(pg(2)), 10, "agent-silent")]
#[case::two_writers(Fault::AgentDown(pg(0)), 50, "several-primaries")]
#[case::postgres_silent(Fault::SqlSilent(pg(2)), 10, "postgres-silent")]
#[case::start_fails(Fault::StartFails(pg(2)), 20, "postgres-not-running")]
#[case::starting(Fault::CrashPostgres(pg(2)), 20, "postgres-not-running")]
#[case::odd_state(Fault::OddState(pg(2)), 10, "state-unknown")]
#[case::wrong_tunnel(Fault::WrongAddress(pg(2)), 10, "two-servers-as-one")]
#[case::exporter(Fault::ExporterDown(pg(2)), 40, "exporter-silent")]
#[case::exporter_blind(Fault::StartFails(pg(2)), 40, "exporter-blind")]
#[case::old_agent(Fault::OldAgent(pg(2)), 10, "versions-mixed")]
#[case::weak_role(Fault::WeakRole(pg(0)), 10, "role-too-weak")]
#[case::wrong_address(Fault::WrongAddress(pg(2)), 10, "address-leads-elsewhere")]
#[case::removed(Fault::RemoveMember(pg(3)), 10, "member-missing")]
#[case::no_cascade(Fault::RemoveMember(pg(1)), 10, "cascade-without-upstream")]
#[case::twice(Fault::DuplicateMember(pg(3)), 10, "name-repeated")]
#[case::split_brain(Fault::SplitBrain(pg(2)), 10, "several-primaries")]
#[case::split_timeline(Fault::SplitBrain(pg(1)), 20, "timeline-differs")]
#[case::split_router(Fault::SplitBrain(pg(2)), 20, "router-several-primaries")]
#[case::lie(Fault::MetadataLie(pg(1)), 10, "leader-in-recovery")]
#[case::no_lock(Fault::MetadataLie(pg(1)), 10, "primary-without-lock")]
#[case::foreign(Fault::ForeignNode(pg(2)), 10, "foreign-system-identifier")]
#[case::archive(Fault::ArchiveFailing(pg(0)), 40, "archive-failing")]
#[case::archive_backlog(Fault::ArchiveFailing(pg(0)), 60, "archive-behind")]
#[case::pending(Fault::PendingRestart(pg(2)), 10, "pending-restart")]
#[case::clock(Fault::ClockSkew { node: pg(2), milliseconds: 31_000 }, 10, "clock-offset")]
#[case::watchdog(Fault::WatchdogFailed(pg(0)), 10, "watchdog-failed")]
#[case::long(Fault::LongTransaction(Duration::from_secs(3600)), 10, "long-transaction")]
#[case::prepared(Fault::PreparedTransaction(Duration::from_secs(86_400)), 10, "prepared-transaction")]
#[case::connections(Fault::FillConnections(97), 10, "connections")]
#[case::wraparound(Fault::XidAge(60), 10, "wraparound")]
#[case::slot(Fault::AbandonSlot { retained: 8 * GIB }, 10, "slot-retains")]
#[case::slot_unreserved(Fault::AbandonSlot { retained: 64 * GIB + GIB / 4 }, 10, "slot-unreserved")]
#[case::slot_lost(Fault::AbandonSlot { retained: 70 * GIB }, 10, "slot-lost")]
#[case::dcs_member(Fault::DropDcsMember("etcd-3".into()), 10, "dcs-member-silent")]
#[case::dcs_frozen(Fault::FreezeDcsMember("etcd-3".into()), 10, "dcs-member-silent")]
#[case::dcs_term(Fault::IsolateDcsMember("etcd-3".into()), 10, "dcs-terms-differ")]
#[case::dcs_learner(Fault::DcsLearner("etcd-3".into()), 10, "dcs-learner")]
#[case::dcs_quota(Fault::FillDcs(80), 10, "dcs-quota")]
#[case::dcs_alarm(Fault::FillDcs(100), 10, "dcs-alarm")]
#[case::dcs_leaderless(Fault::FillDcs(100), 50, "no-leader")]
#[case::no_quorum(Fault::LoseDcsMajority, 10, "dcs-no-quorum")]
#[case::defect(Fault::DefectiveRecord, 10, "record-defect")]
#[case::router(Fault::RouterDown, 10, "router-silent")]
#[case::router_page(Fault::RouterPageDown, 10, "router-half-silent")]
#[case::router_checks(Fault::RouterUnchecked, 10, "router-no-check")]
#[case::router_maintenance(Fault::RouterMaintenance(pg(2)), 20, "router-maintenance")]
#[case::no_primary(Fault::KillNode(pg(0)), 25, "router-no-primary")]
#[case::queue(Fault::KillNode(pg(0)), 25, "router-queue")]
#[case::dead_leader(Fault::KillNode(pg(0)), 10, "node-silent")]
#[case::pooler(Fault::PoolerDown, 20, "pooler-silent")]
#[case::pooler_elsewhere(Fault::PoolerStale(pg(2)), 20, "pooler-wrong-primary")]
#[case::pooler_starved(Fault::PoolerStarved, 20, "pooler-clients-waiting")]
#[case::copy(Fault::CrashNode { node: pg(2), back_after: Duration::from_secs(5), reinit: true }, 40, "copy-running")]
fn a_fault_is_found(#[case] fault: Fault, #[case] seconds: u64, #[case] code: &str) {
    let cluster = calm();
    cluster.world().lock().expect("no other holder").schedule(at(1), fault);
    let codes = found(cluster, seconds);
    assert!(codes.contains(code), "{code} is not among {codes:?}");
}

#[rstest]
#[case::stuck_router(vec![Fault::RouterStuck, Fault::KillNode(pg(0))], 60, "router-wrong-primary")]
#[case::no_record(["etcd-1", "etcd-2", "etcd-3"].map(|name| Fault::DropDcsMember(name.into())).to_vec(), 10, "record-silent")]
#[case::no_replica(vec![Fault::KillNode(pg(1)), Fault::KillNode(pg(2))], 30, "router-no-replica")]
#[case::no_successor(vec![Fault::KillNode(pg(1)), Fault::KillNode(pg(2)), Fault::KillNode(pg(3))], 30, "no-successor")]
#[case::nobody_synchronous(vec![Fault::KillNode(pg(1)), Fault::KillNode(pg(2))], 30, "no-synchronous-standby")]
fn faults_together_are_found(#[case] faults: Vec<Fault>, #[case] seconds: u64, #[case] code: &str) {
    let cluster = calm();
    for fault in faults {
        cluster.world().lock().expect("no other holder").schedule(at(1), fault);
    }
    let codes = found(cluster, seconds);
    assert!(codes.contains(code), "{code} is not among {codes:?}");
}

#[test]
fn a_cluster_of_which_nothing_answers_is_unseen() {
    let cluster = calm();
    let mut faults: Vec<Fault> = (0..4).map(|number| Fault::KillNode(pg(number))).collect();
    faults.extend((1..4).map(|number| Fault::DropDcsMember(format!("etcd-{number}").into())));
    faults.extend([Fault::RouterDown, Fault::PoolerDown, Fault::RuntimeDown, Fault::BackupsUnreachable]);
    for fault in faults {
        cluster.world().lock().expect("no other holder").schedule(at(1), fault);
    }
    assert!(found(cluster, 10).contains("unseen"));
}

#[rstest]
#[case::scheduled(ManagerOrder::Switchover { candidate: None, after: Duration::from_secs(60) }, "switchover-scheduled")]
#[case::asked(ManagerOrder::Switchover { candidate: None, after: Duration::ZERO }, "failover-pending")]
#[case::restart(ManagerOrder::ScheduleRestart { node: pg(2), after: Duration::from_secs(60) }, "restart-scheduled")]
#[case::paused(ManagerOrder::Pause, "paused")]
fn what_a_colleague_ordered_is_found(#[case] order: ManagerOrder, #[case] code: &str) {
    let cluster = calm();
    cluster.world().lock().expect("no other holder").order(at(1), order);
    let codes = found(cluster, 15);
    assert!(codes.contains(code), "{code} is not among {codes:?}");
}

#[test]
fn failsafe_mode_at_work_is_found() {
    let cluster = calm();
    let mut world = cluster.world().lock().expect("no other holder");
    world.order(at(1), ManagerOrder::Failsafe(true));
    world.schedule(at(5), Fault::LoseDcsMajority);
    drop(world);
    assert!(found(cluster, 30).contains("failsafe-active"));
}

fn codes(snapshot: &Snapshot) -> Vec<&'static str> {
    snapshot.findings.iter().map(|finding| finding.code).collect()
}

fn finding<'a>(snapshot: &'a Snapshot, code: &str) -> &'a Finding {
    snapshot
        .findings
        .iter()
        .find(|finding| finding.code == code)
        .unwrap_or_else(|| panic!("no {code} among {:?}", codes(snapshot)))
}

#[test]
fn what_is_repaired_is_no_longer_found() {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    fixture.inject(Fault::PauseReplay("pg-1".into()));
    let broken = fixture.pass(20);
    assert!(codes(&broken).contains(&"replay-paused"));
    fixture.inject(Fault::Heal(Repair::Everything));
    let repaired = fixture.pass(60);
    assert!(!codes(&repaired).contains(&"replay-paused"), "{:?}", codes(&repaired));
}

#[test]
fn a_silent_leader_is_critical_a_silent_replica_is_not() {
    for (node, severity) in [("pg-0", Severity::Critical), ("pg-2", Severity::Warning)] {
        let mut fixture = Fixture::new(Scenario::Calm);
        fixture.pass(5);
        fixture.inject(Fault::FreezeNode(node.into()));
        let snapshot = fixture.pass(6);
        let silent = finding(&snapshot, "node-silent");
        assert_eq!((silent.severity, &silent.subject), (severity, &Subject::Node(node.into())));
    }
}

#[test]
fn one_lost_dcs_member_of_three_says_that_no_more_may_be_lost() {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    fixture.inject(Fault::DropDcsMember("etcd-3".into()));
    let snapshot = fixture.pass(10);
    assert!(finding(&snapshot, "dcs-member-silent").title.as_str().contains("failover is impossible"));
}

#[test]
fn without_a_majority_the_leader_is_not_shown_as_fresh() {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    fixture.inject(Fault::LoseDcsMajority);
    let snapshot = fixture.pass(10);
    assert!(!snapshot.record_is_fresh(), "a record without a majority is old");
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Critical);
}

/// A failover from its first second to its last: what an operator is told, in what order.
#[test]
fn a_failover_is_distinguished_from_silence_to_health() {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    fixture.inject(Fault::CrashNode { node: "pg-0".into(), back_after: Duration::from_secs(70), reinit: false });
    let mut reported: Vec<&str> = Vec::new();
    let mut leaders = Vec::new();
    let mut last = None;
    for _ in 0..300 {
        let snapshot = fixture.pass(1);
        for code in codes(&snapshot) {
            if !reported.contains(&code) {
                reported.push(code);
            }
        }
        if let Some(leader) = snapshot.leader()
            && leaders.last() != Some(&leader.value)
        {
            leaders.push(leader.value);
        }
        last = Some(snapshot);
    }
    assert_eq!(reported.first(), Some(&"node-silent"), "{reported:?}");
    assert!(reported.contains(&"no-leader"), "{reported:?}");
    assert_eq!(leaders.len(), 2, "{leaders:?}");
    let last = last.expect("a picture");
    let worth: Vec<_> = last.findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    assert!(worth.is_empty(), "five minutes later all is well again: {worth:#?}");
    assert!(!reported.contains(&"several-primaries"), "an orderly failover cries no split brain: {reported:?}");
}

/// What a member wrote into the record before it was cut off is old, however fresh the record is: if it is said to lag,
/// then because its upstream sees it lag.
#[test]
fn nothing_is_concluded_from_what_a_cut_replica_once_wrote() {
    let mut fixture = Fixture::new(Scenario::Calm);
    fixture.pass(5);
    fixture.inject(Fault::CutNode("pg-2".into()));
    let snapshot = fixture.pass(15);
    finding(&snapshot, "node-silent");
    let about = snapshot.findings.iter().filter(|finding| finding.subject == Subject::Node("pg-2".into()));
    let by_record = about
        .flat_map(|finding| &finding.evidence)
        .filter(|evidence| evidence.source.as_ref().is_some_and(|source| source.kind == SourceKind::Etcd))
        // The limit it is held against is the configuration's, not the replica's.
        .filter(|evidence| !evidence.text.as_str().contains("maximum_lag_on_failover"));
    assert_eq!(by_record.count(), 0);
}

#[test]
fn a_lag_is_reported_with_where_it_is_going() {
    let cluster = calm();
    let fault = Fault::ReplicaLag { node: pg(2), bytes_per_second: 1 << 16 };
    cluster.world().lock().expect("no other holder").schedule(at(1), fault);
    let mut fixture = Fixture::around(cluster);
    let lag = |fixture: &mut Fixture, seconds| {
        let findings = fixture.pass(seconds).findings;
        findings.into_iter().find(|finding| finding.code == "lag").map(|finding| finding.title.to_string())
    };
    let title = lag(&mut fixture, 180).expect("far behind");
    assert!(title.contains(", growing ") && title.ends_with("/s"), "{title}");
    fixture.inject(Fault::Heal(Repair::Node(pg(2))));
    let titles: Vec<_> = (0..30).filter_map(|_| lag(&mut fixture, 1)).collect();
    let reported = |title: &String| title.contains(", shrinking, about ") && title.ends_with(" to catch up");
    assert!(titles.iter().any(reported), "{titles:#?}");
    assert!(!titles.iter().skip(4).any(|title| title.contains("growing")), "{titles:#?}");
}
