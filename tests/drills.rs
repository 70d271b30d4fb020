//! Whole drills on the simulated cluster: what its users would have noticed is what the report says, and everything that
//! was broken is whole again.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::time::Duration;

use jiff::Timestamp;
use pgctl::action::Intent;
use pgctl::action::drill::Scenario;
use pgctl::action::drill_report::{DrillReport, Phase, ServiceGap};
use pgctl::action::intent::ConfigurationIntent;
use pgctl::action::note::{CheckNote, CheckVerdict};
use pgctl::action::outcome::{Outcome, OutcomeKind};
use pgctl::action::permit::Confirmation;
use pgctl::driver::ha::sim::{Fault, Scenario as ReportSelection, SimulatedCluster};
use pgctl::model::name::NodeName;
use pgctl::model::thresholds::{Limits, Thresholds};
use pgctl::observe::cluster::{ClusterSetup, start};
use pgctl::observe::picture::Handle;
use pgctl::operate::plan_service::PlanService;
use pgctl::operate::ports::{Drills as _, JobLauncher as _, JobStore as _};
use pgctl::operate::progress::Event;
use pgctl::wire::rehearsal::DemoJobs;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// A simulated cluster that is observed, and the hand that practises on it.
struct Fixture {
    cluster: SimulatedCluster,
    handle: Handle,
    launcher: DemoJobs,
    _tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Fixture {
    /// A calm cluster of four with a synchronous standby, a few seconds old.
    async fn new() -> Self {
        // How much is written depends on the time of the day.
        let epoch: Timestamp = "2026-11-21T14:00:00Z".parse().expect("a time");
        let cluster = SimulatedCluster::new("prod-eu", 3, ReportSelection::Calm, epoch);
        let stack = ClusterSetup {
            identity: cluster.identity(),
            // Virtual time runs faster than this host's clock.
            thresholds: Thresholds { clock_offset: Limits { warning: DAY, critical: DAY }, ..Thresholds::default() },
            interval: SECOND,
            deadline: SECOND * 2,
            sources: cluster.sources(),
            nodes: cluster.node_sources(),
            configured: Vec::new(),
            namespace_is_assumed: false,
            routers: cluster.routers(),
            speed_up: false,
            attentive: false,
            gather: Duration::from_millis(50),
        };
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let handle = start(stack, &tracker, &cancel);
        let launcher = DemoJobs::on([(cluster.clone(), handle.clone())]).expect("a place for files");
        tokio::time::sleep(SECOND * 8).await;
        Self { cluster, handle, launcher, _tracker: tracker, cancel }
    }

    fn inject(&self, fault: Fault) {
        self.cluster.world().lock().expect("a world").schedule(self.handle.clock.now(), fault);
    }

    /// Where `intent` is planned, once it was asked what its plan needs to know.
    async fn plan_service(&self, intent: &Intent) -> PlanService {
        let plan_service = self.launcher.plan_services().remove(self.cluster.name()).expect("a desk");
        assert_eq!(plan_service.asks(intent), matches!(intent, Intent::Drill { .. }));
        plan_service.inspect(self.handle.latest().snapshot.clone(), intent.clone()).await.expect("answers")
    }

    /// Does `intent` as an operator would who overrides what may be overridden, and follows it to its end.
    async fn run(&self, intent: &Intent) -> Outcome {
        let plan_service = self.plan_service(intent).await;
        let drawn = plan_service.make_plan(&self.handle.latest().snapshot, intent).expect("a plan");
        let blocks = |note: &&CheckNote| note.verdict == CheckVerdict::Block;
        let confirmation = Confirmation {
            plan: Some(drawn.plan.hash()),
            typed: Some(self.cluster.name().text().clone()),
            reason: Some("practice".into()),
            overridden: drawn.notes.iter().filter(blocks).map(|note| note.check.clone()).collect(),
        };
        let (_, mut updates) = self.launcher.begin(drawn.plan, confirmation).await.expect("begun");
        while let Some(progress) = updates.recv().await {
            if let Event::Ended { outcome } = progress.event {
                return outcome;
            }
        }
        panic!("its news ended before it did");
    }

    async fn reports(&self) -> Vec<DrillReport> {
        self.launcher.reports(self.cluster.name()).await.expect("reports")
    }

    /// Practises `scenario` to its end.
    async fn drill(&self, scenario: Scenario) -> DrillReport {
        let outcome = self.run(&Intent::Drill { scenario, target: Some(SECOND * 45) }).await;
        assert_eq!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
        let report = self.reports().await.pop().expect("a report");
        assert_eq!((report.scenario, &report.left, report.cut_short), (scenario, &Vec::new(), false), "{report:#?}");
        report
    }

    fn leader(&self) -> NodeName {
        self.cluster.world().lock().expect("a world").leader().expect("a leader")
    }
}

fn after(report: &DrillReport, phase: Phase) -> Option<Duration> {
    report.phases.iter().find(|seen| seen.phase == phase).map(|seen| seen.after)
}

fn read_gap(report: &DrillReport) -> Duration {
    report.figures.read_gap.and_then(ServiceGap::length).expect("reads came back")
}

/// What every takeover with a synchronous standby has in common.
fn took_over(report: &DrillReport, old: &NodeName, new: &NodeName) {
    let order = [Phase::KeyReleased, Phase::Promoted, Phase::FirstWrite, Phase::OldLeaderBack];
    let times: Vec<Duration> = order.iter().filter_map(|phase| after(report, *phase)).collect();
    assert_eq!(times.len(), order.len(), "{:?}", report.phases);
    assert!(after(report, Phase::RouterUp).is_some(), "{:?}", report.phases);
    assert!(times[0] <= times[1] && times[2] < times[3], "{:?}", report.phases);
    assert_eq!((report.figures.lost, report.figures.split_brain), (Some(0), 0));
    let served: Vec<&str> = report.figures.serving_periods.iter().map(|stretch| stretch.node.as_str()).collect();
    assert_eq!(served, [old.as_str(), new.as_str()]);
    assert!(report.repaired.is_some() && report.broken.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_killed_is_missed_until_its_lease_is_over() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Kill).await;
    took_over(&report, &old, &fixture.leader());
    let rto = report.figures.rto().expect("writes came back");
    // The lease runs 30 s from its last renewal, which was at most one loop of 10 s ago.
    assert!((SECOND * 19..SECOND * 45).contains(&rto), "{rto:?}");
    assert_eq!(report.meets_target(), Some(true));
    assert!(read_gap(&report) < SECOND, "replicas are read on");
    // The read pool takes its checks to see that one of its servers leads now.
    assert!((1..200).contains(&report.figures.reads_by_primary), "{}", report.figures.reads_by_primary);
    assert!(report.figures.acknowledged > 200 && report.figures.reads > 200);
    // The next plan knows by then how long it takes.
    let next = Intent::Drill { scenario: Scenario::Kill, target: None };
    let drawn = fixture.plan_service(&next).await.make_plan(&fixture.handle.latest().snapshot, &next);
    let impact: Vec<String> = drawn.expect("a plan").plan.impact.iter().map(ToString::to_string).collect();
    assert!(impact[0].contains("median of 1 drill"), "{impact:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_frozen_takes_no_row_after_it_is_thawed() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Freeze).await;
    took_over(&report, &old, &fixture.leader());
    // The rows of sessions that were open when it froze were sent and never answered.
    assert!(report.figures.ambiguous > 0);
    assert_eq!(report.figures.ambiguous_kept, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_cut_off_comes_back_as_a_replica() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Cut).await;
    took_over(&report, &old, &fixture.leader());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_stopped_in_good_order_gives_the_leadership_away_before_it_is_gone() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Stop).await;
    took_over(&report, &old, &fixture.leader());
    let rto = report.figures.rto().expect("writes came back");
    assert!(rto < SECOND * 15, "nobody waits for a lease: {rto:?}");
    // The states count from the moment it was asked to stop, not from the answer that it has.
    assert!(after(&report, Phase::KeyReleased).is_some_and(|after| after > Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_swift_switchover_costs_a_few_seconds_and_breaks_nothing() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Switchover).await;
    let rto = report.figures.rto().expect("writes came back");
    assert!(rto < SECOND * 5, "the escort tells the router: {rto:?}");
    assert_eq!((report.figures.lost, report.figures.split_brain), (Some(0), 0));
    assert_eq!((report.repaired, report.figures.serving_periods.len()), (None, 2));
    assert_ne!(fixture.leader(), old);
    for phase in [Phase::KeyReleased, Phase::Promoted, Phase::RouterUp, Phase::FirstWrite, Phase::OldLeaderBack] {
        assert!(after(&report, phase).is_some(), "{phase:?} is missing: {:?}", report.phases);
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_store_the_leader_steps_down_and_leads_again_when_it_is_back() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Dcs).await;
    let seen = [Phase::SteppedDown, Phase::Promoted, Phase::FirstWrite].map(|phase| after(&report, phase));
    let [Some(stepped_down), Some(promoted), Some(first_write)] = seen else { panic!("{:?}", report.phases) };
    let repaired =
        report.repaired.expect("mended").checked_sub(report.broken.expect("broken")).expect("after the fault");
    assert!(
        stepped_down < repaired && repaired < promoted.max(first_write),
        "{:?}, mended {repaired:?}",
        report.phases
    );
    assert_eq!(report.figures.lost, Some(0));
    assert!(report.figures.rto().is_some_and(|rto| rto > SECOND * 10));
    assert!(read_gap(&report) < SECOND * 2, "standbys are read on");
    let same = fixture.leader() == old;
    assert_eq!(after(&report, Phase::OldLeaderBack).is_none(), same, "who leads again is not back as a replica");
}

#[tokio::test(start_paused = true)]
async fn with_failsafe_mode_the_loss_of_the_store_costs_nothing_and_nobody_steps_down() {
    let fixture = Fixture::new().await;
    let changes = serde_json::json!({"failsafe_mode": true}).as_object().cloned().expect("an object");
    let outcome = fixture.run(&Intent::Configuration(ConfigurationIntent::Configure { changes })).await;
    assert_eq!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
    tokio::time::sleep(SECOND * 15).await;
    let report = fixture.drill(Scenario::Dcs).await;
    assert!(report.figures.rto().is_some_and(|rto| rto < SECOND), "{:?}", report.figures.outage);
    assert_eq!(report.phases, [], "nothing happened to be told");
}

#[tokio::test(start_paused = true)]
async fn while_the_router_is_gone_nothing_goes_through_and_nothing_is_lost() {
    let fixture = Fixture::new().await;
    let old = fixture.leader();
    let report = fixture.drill(Scenario::Router).await;
    let gap = report.figures.rto().expect("writes came back");
    assert!((SECOND * 9..SECOND * 20).contains(&gap), "{gap:?}");
    assert!(read_gap(&report) > SECOND * 9, "readers come through it, too");
    assert_eq!((report.figures.lost, fixture.leader()), (Some(0), old));
    assert!(after(&report, Phase::RouterUp).is_some_and(|after| after >= SECOND * 10), "{:?}", report.phases);
    assert!(report.figures.refused > 100, "nobody listens there");
}

#[tokio::test(start_paused = true)]
async fn rows_that_no_replica_had_are_lost_with_the_leader_and_counted_one_by_one() {
    let fixture = Fixture::new().await;
    let changes = serde_json::json!({"synchronous_mode": false, "maximum_lag_on_failover": 1_073_741_824_u64});
    let changes = changes.as_object().cloned().expect("an object");
    let outcome = fixture.run(&Intent::Configuration(ConfigurationIntent::Configure { changes })).await;
    assert_eq!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
    tokio::time::sleep(SECOND * 15).await;
    for replica in ["pg-1", "pg-2", "pg-3"] {
        fixture.inject(Fault::SlowStream { node: NodeName::new(replica), bytes_per_second: 5 << 20 });
    }
    let report = fixture.drill(Scenario::Kill).await;
    let figures = &report.figures;
    let lost = figures.lost.expect("it was looked for");
    let of_old = figures.serving_periods[0].writes;
    assert!((5..of_old).contains(&lost), "{lost} of the old leader's {of_old}");
    // What was lost was acknowledged by the old leader last, without a gap.
    let first = figures.lost_numbers.first().copied().expect("a number");
    let together = figures.lost_numbers.iter().copied().zip(first..).all(|(lost, expected)| lost == expected);
    assert!(together, "{:?}", figures.lost_numbers);
    assert_eq!(figures.split_brain, 0);
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_is_called_off_takes_its_fault_back_and_still_reports() {
    let fixture = Fixture::new().await;
    let intent = Intent::Drill { scenario: Scenario::Kill, target: None };
    let calls_off = async {
        loop {
            tokio::time::sleep(SECOND).await;
            let listed = fixture.launcher.job_store().list().await.expect("a list");
            let gone = fixture
                .handle
                .latest()
                .snapshot
                .member(&NodeName::new("pg-0"))
                .is_some_and(|member| member.sql.as_ref().is_some_and(|reading| reading.failure.is_some()));
            if let (Some(job), true) = (listed.first(), gone) {
                fixture.launcher.ask_to_end(job.action()).await.expect("asked");
                return;
            }
        }
    };
    let (outcome, ()) = tokio::join!(fixture.run(&intent), calls_off);
    assert!(outcome.next.iter().any(|next| next.as_str().contains("aborted")), "{outcome:?}");
    let report = fixture.reports().await.pop().expect("a report");
    assert!(report.cut_short && report.left.is_empty() && report.repaired.is_some(), "{report:#?}");
    tokio::time::sleep(SECOND * 60).await;
    let again = fixture.drill(Scenario::Router).await;
    assert!(again.at > report.at, "the cluster is whole, and can be practised on again");
}
