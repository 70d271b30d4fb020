//! Every trouble that the rules can find, provoked in the simulated cluster and found through the same merge as a real
//! one's; and a calm cluster, in which nothing may be found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use pgctl::driver::ha::sim::{Fault, Order, Scenario, SimulatedCluster};
use pgctl::driver::port::{Contact, Observe};
use pgctl::health;
use pgctl::model::moment::Moment;
use pgctl::model::name::NodeName;
use pgctl::model::source::Source;
use pgctl::model::thresholds::Thresholds;
use pgctl::observe::merge::{Merge, Observation};
use rstest::rstest;

const GIB: u64 = 1 << 30;
const STALE_AFTER: Duration = Duration::from_secs(3);

/// An observer on virtual time: asks everything once a second.
struct Watch {
    cluster: SimulatedCluster,
    merge: Merge,
    sources: BTreeMap<Source, Box<dyn Observe>>,
    contacts: BTreeMap<NodeName, Contact>,
    epoch: Timestamp,
}

impl Watch {
    fn over(cluster: SimulatedCluster, epoch: Timestamp) -> Self {
        let mut merge = Merge::new(cluster.identity(), Thresholds::default(), Moment::START, epoch);
        cluster.routers().into_iter().for_each(|router| merge.add_router(router));
        let mut watch = Self { merge, sources: BTreeMap::new(), contacts: BTreeMap::new(), epoch, cluster };
        for source in watch.cluster.sources() {
            watch.add(source, Moment::START);
        }
        for contact in watch.cluster.contacts() {
            watch.meet(contact, Moment::START);
        }
        watch
    }

    fn add(&mut self, source: Box<dyn Observe>, now: Moment) {
        self.merge.announce(source.source(), STALE_AFTER, now);
        self.sources.insert(source.source().clone(), source);
    }

    fn meet(&mut self, contact: Contact, now: Moment) {
        self.merge.add_member(&contact);
        if contact.agent_url.is_some() {
            for source in self.cluster.node_sources().sources(&contact) {
                self.add(source, now);
            }
        }
        self.contacts.insert(contact.name.clone(), contact);
    }

    /// Codes found at `now`.
    fn look(&mut self, now: Moment) -> BTreeSet<&'static str> {
        for source in self.sources.values_mut() {
            let outcome = source.observe(now).now_or_never().expect("virtual time does not wait");
            let (source, took) = (source.source().clone(), Duration::from_millis(1));
            self.merge.take(Observation { source, at: now, took, outcome });
        }
        if let Some(record) = self.merge.fresh_record(now) {
            let names: Vec<NodeName> = record.members.iter().map(|member| member.name.clone()).collect();
            self.merge.mark_presence(&names, &[], now);
        }
        let snapshot = self.merge.snapshot(now, self.epoch + now.since_start());
        health::examine(&snapshot).into_iter().map(|draft| draft.finding.code).collect()
    }
}

fn epoch() -> Timestamp {
    "2026-11-21T14:00:00Z".parse().expect("a time")
}

fn calm() -> SimulatedCluster {
    SimulatedCluster::new("prod-eu", 7, Scenario::Calm, epoch())
}

fn at(second: u64) -> Moment {
    Moment::after_start(Duration::from_secs(second))
}

/// Every code found in the first `seconds`, from the first on.
fn found(cluster: SimulatedCluster, seconds: u64) -> BTreeSet<&'static str> {
    let mut watch = Watch::over(cluster, epoch());
    (1..=seconds).flat_map(|second| watch.look(at(second))).collect()
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
#[case::start_fails(Fault::StartFails(pg(2)), 20, "postgres-down")]
#[case::starting(Fault::CrashPostgres(pg(2)), 20, "postgres-in-transition")]
#[case::odd_state(Fault::OddState(pg(2)), 10, "state-unknown")]
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
#[case::scheduled(Order::Switchover { candidate: None, after: Duration::from_secs(60) }, "switchover-scheduled")]
#[case::asked(Order::Switchover { candidate: None, after: Duration::ZERO }, "failover-pending")]
#[case::restart(Order::ScheduleRestart { node: pg(2), after: Duration::from_secs(60) }, "restart-scheduled")]
#[case::paused(Order::Pause, "paused")]
fn what_a_colleague_ordered_is_found(#[case] order: Order, #[case] code: &str) {
    let cluster = calm();
    cluster.world().lock().expect("no other holder").order(at(1), order);
    let codes = found(cluster, 15);
    assert!(codes.contains(code), "{code} is not among {codes:?}");
}

#[test]
fn failsafe_mode_at_work_is_found() {
    let cluster = calm();
    let mut world = cluster.world().lock().expect("no other holder");
    world.order(at(1), Order::Failsafe(true));
    world.schedule(at(5), Fault::LoseDcsMajority);
    drop(world);
    assert!(found(cluster, 30).contains("failsafe-active"));
}
