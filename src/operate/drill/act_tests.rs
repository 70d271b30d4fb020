//! What is written down of a drill: from when it counts, and that its report outlives whoever is asked last.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use rstest::rstest;
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tests::{fault, fixture, order};
use super::*;
use crate::action::drill::{DrillRequest, Fault, Scenario};
use crate::action::drill_report::{AnsweringServer, DrillReport, ReadResult, WriteResult, row_number};
use crate::action::order::Order;
use crate::action::permit::{Permit, WriteAccess};
use crate::action::plan::Step;
use crate::driver::port::drill::{InjectFaults, Probe, ProbeEnvironment};
use crate::driver::port::{Act as _, NotPerformed, OrderControl, Reply};
use crate::model::lsn::Timeline;
use crate::model::moment::Moment;
use crate::model::name::PoolerName;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::tests::fixture::{RunnerFixture, SECOND, accepted, no_answer, not_sent, refused, refused_outright};

/// A double of a client to whom every row is acknowledged. Whether it tells which are there, and whether it dropped its
/// schema, is the test's to say and to ask.
#[derive(Default)]
struct Client {
    is_silent: AtomicBool,
    cleared: AtomicBool,
    /// How many of the next questions are refused.
    refusals: AtomicU32,
    written: Arc<Mutex<BTreeSet<u64>>>,
}

impl Client {
    fn refuse(&self) -> Result<(), SourceError> {
        let left = self.refusals.load(Ordering::Relaxed);
        if left == 0 {
            return Ok(());
        }
        self.refusals.store(left - 1, Ordering::Relaxed);
        Err(SourceError::new(FailureKind::Refused, "10.0.0.20:5432", ""))
    }
}

fn server() -> AnsweringServer {
    let started = Timestamp::from_second(7).expect("a time");
    AnsweringServer { postmaster_started: started, address: Text::new("10.0.0.20:5432"), timeline: Some(Timeline(12)) }
}

impl Probe for Client {
    fn environment(&self) -> BoxFuture<'_, Result<ProbeEnvironment, SourceError>> {
        async { Ok(ProbeEnvironment { synchronous_commit: Text::new("on"), publications: Vec::new() }) }.boxed()
    }

    fn create_schema(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async { Ok(()) }.boxed()
    }

    fn write(&self, number: u64, _: Duration) -> BoxFuture<'static, WriteResult> {
        let written = Arc::clone(&self.written);
        async move {
            written.lock().expect("nobody panicked").insert(number);
            WriteResult::Acknowledged(server())
        }
        .boxed()
    }

    fn poolers(&self) -> Vec<PoolerName> {
        vec![PoolerName::new("edge")]
    }

    /// Its 30th row waits as behind a pause, and its 40th is refused.
    fn write_through(&self, _: &PoolerName, number: u64, deadline: Duration) -> BoxFuture<'static, WriteResult> {
        let written = Arc::clone(&self.written);
        async move {
            if number == row_number(0, 40) {
                return WriteResult::Refused(Text::new("no such database"));
            }
            if number == row_number(0, 30) {
                assert!(deadline > SECOND * 20, "no pause is an error");
                tokio::time::sleep(Duration::from_millis(1_400)).await;
            }
            written.lock().expect("nobody panicked").insert(number);
            WriteResult::Acknowledged(server())
        }
        .boxed()
    }

    fn read(&self, _: Duration) -> Option<BoxFuture<'static, Result<ReadResult, Text>>> {
        None
    }

    fn stored_rows(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>> {
        async {
            if self.is_silent.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            self.refuse()?;
            let mut kept = self.written.lock().expect("nobody panicked").clone();
            kept.pop_first();
            Ok(kept)
        }
        .boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async {
            self.refuse()?;
            self.cleared.store(true, Ordering::Relaxed);
            Ok(())
        }
        .boxed()
    }

    fn needs_own_thread(&self) -> bool {
        false
    }
}

/// A double that takes its time to break anything, and answers as it is told.
struct FaultInjectorDouble {
    takes: Duration,
    reply: Option<Result<Reply, NotPerformed>>,
}

impl InjectFaults for FaultInjectorDouble {
    fn inject<'a>(&'a mut self, _: &'a Fault, _: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async {
            tokio::time::sleep(self.takes).await;
            self.reply.take().expect("it is broken once")
        }
        .boxed()
    }

    fn repair<'a>(&'a mut self, _: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async { accepted() }.boxed()
    }

    fn admit<'a>(&'a mut self, _: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async { accepted() }.boxed()
    }
}

/// One drill with doubles around it.
struct DrillFixture {
    fixture: RunnerFixture,
    client: Arc<Client>,
    act: DrillAct,
    reports: Reports,
    permit: Permit,
    handle: Handle,
    _tracker: TaskTracker,
    _home: TempDir,
}

impl DrillFixture {
    fn new(fault_injector: FaultInjectorDouble) -> Self {
        let (fixture, tracker) = (fixture(), TaskTracker::new());
        let home = tempfile::tempdir().expect("a directory");
        let (reports, client) = (Reports::below(home.path()), Arc::new(Client::default()));
        let handle = fixture.parts(&tracker).handle;
        let clock = handle.clock;
        let request = fixture.request();
        let drill = Drill {
            action: request.action.clone(),
            cluster: request.plan.cluster.clone(),
            scenario: Scenario::Router,
            operator: request.operator.clone(),
            target: None,
        };
        let (inner, probe) = (Box::new(fixture.clone()), Arc::clone(&client));
        let act = DrillAct::new(drill, inner, Box::new(fault_injector), probe, handle.clone(), reports.clone());
        let permit = request.plan.permit(&[], &request.confirmation, &WriteAccess::granted(), clock.now());
        let permit = permit.expect("confirmed");
        Self { fixture, client, act, reports, permit, handle, _tracker: tracker, _home: home }
    }

    async fn perform(&mut self, request: DrillRequest) -> Result<Reply, NotPerformed> {
        let step = Step { text: "a step".into(), order: order(request), undo: None, deadline: SECOND };
        let cancel = CancellationToken::new();
        self.act.perform(&step, &self.permit, OrderControl::unattended(&cancel)).await
    }

    async fn undo(&mut self, order: &Order) -> Result<Reply, NotPerformed> {
        let cancel = CancellationToken::new();
        self.act.undo(order, &self.permit, OrderControl::unattended(&cancel)).await
    }

    fn now(&self) -> Moment {
        self.handle.clock.now()
    }

    /// The time of day that pictures go by.
    fn wall(&self) -> Timestamp {
        self.handle.latest().snapshot.wall
    }

    fn report(&self) -> Option<DrillReport> {
        self.reports.list(None).expect("readable").0.pop()
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_counts_from_when_it_was_sent_however_late_it_is_answered() {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: SECOND * 4, reply: Some(accepted()) });
    let began = drill_fixture.wall();
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    let sent = drill_fixture.now();
    drill_fixture.perform(DrillRequest::Break { fault: fault() }).await.expect("broken");
    assert!(drill_fixture.now().since(sent) >= SECOND * 4);
    drill_fixture.perform(DrillRequest::Mend { fault: fault() }).await.expect("mended");
    drill_fixture.perform(DrillRequest::End).await.expect("ended");
    let report = drill_fixture.report().expect("a report");
    assert!(
        report.at.duration_since(began).as_millis() < 500,
        "the times of day in a report count from here: {report:?}"
    );
    let (broken, repaired) = (report.broken.expect("broken"), report.repaired.expect("mended"));
    assert!(repaired.checked_sub(broken).is_some_and(|between| between >= SECOND * 4), "{broken:?}, {repaired:?}");
    assert!(report.figures.outage.is_some_and(|gap| gap.to.is_some_and(|to| to >= broken)));
}

#[rstest]
#[case::refused(refused_outright(), false)]
#[case::refused_and_that_proves_nothing(refused(), true)]
#[case::not_sent(not_sent(), false)]
#[case::nobody_knows(no_answer(), true)]
#[tokio::test(start_paused = true)]
async fn a_fault_that_was_never_set_is_neither_counted_nor_left_standing(
    #[case] reply: Result<Reply, NotPerformed>,
    #[case] may_stand: bool,
) {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: Duration::ZERO, reply: Some(reply) });
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    let _ = drill_fixture.perform(DrillRequest::Break { fault: fault() }).await;
    tokio::time::sleep(SECOND).await;
    drill_fixture.perform(DrillRequest::End).await.expect("ended");
    let report = drill_fixture.report().expect("a report");
    assert_eq!(report.broken.is_some(), may_stand);
    assert_eq!(report.figures.outage.is_some(), may_stand, "without a fault there is no outage");
    assert_eq!(report.left.len(), usize::from(may_stand));
    assert_eq!(report.fault.is_empty(), !may_stand);
}

#[tokio::test(start_paused = true)]
async fn a_report_is_on_disk_before_anybody_is_asked_which_rows_are_left() {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: Duration::ZERO, reply: Some(accepted()) });
    drill_fixture.client.is_silent.store(true, Ordering::Relaxed);
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    drill_fixture.perform(DrillRequest::Break { fault: fault() }).await.expect("broken");
    tokio::time::sleep(SECOND).await;
    drill_fixture.perform(DrillRequest::Mend { fault: fault() }).await.expect("mended");
    // The runner's patience is over before anybody has answered: what it asked is dropped where it stands.
    let outlived = timeout(SECOND * 10, drill_fixture.perform(DrillRequest::End)).await;
    assert!(outlived.is_err() && !drill_fixture.client.cleared.load(Ordering::Relaxed));
    let report = drill_fixture.report().expect("a report all the same");
    assert_eq!((report.figures.lost, report.figures.rto().is_some()), (None, true));
    // The undo of the first step is asked for the same, and finds what was missing.
    drill_fixture.client.is_silent.store(false, Ordering::Relaxed);
    let end = Order::Drill { request: DrillRequest::End };
    let reply = drill_fixture.undo(&end).await.expect("ended");
    assert!(reply.is_accepted() && drill_fixture.client.cleared.load(Ordering::Relaxed));
    let again = drill_fixture.report().expect("the same report");
    assert_eq!((again.figures.lost, again.figures.lost_numbers.as_slice()), (Some(1), [1].as_slice()));
    assert_eq!(again.lasted, report.lasted, "the probe had ended with the first attempt");
}

#[tokio::test(start_paused = true)]
async fn one_who_never_tells_which_rows_are_left_keeps_no_schema_from_being_dropped() {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: Duration::ZERO, reply: Some(accepted()) });
    drill_fixture.client.is_silent.store(true, Ordering::Relaxed);
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    let began = drill_fixture.now();
    let reply = drill_fixture.perform(DrillRequest::End).await.expect("ended");
    assert!(drill_fixture.now().since(began) < SECOND * 60, "well within the step's deadline");
    assert!(reply.text.as_str().contains("timed out"), "{}", reply.text);
    assert!(drill_fixture.client.cleared.load(Ordering::Relaxed));
    assert_eq!(drill_fixture.report().expect("a report").figures.lost, None);
    assert!(drill_fixture.fixture.sent().is_empty(), "nothing of a drill is the cluster's own actor's");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_refused_once_leaves_neither_the_loss_unknown_nor_a_schema_behind() {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: Duration::ZERO, reply: Some(accepted()) });
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    tokio::time::sleep(SECOND).await;
    for refusals in [2, 1] {
        drill_fixture.client.refusals.store(refusals, Ordering::Relaxed);
        drill_fixture.perform(DrillRequest::End).await.expect("ended");
        assert!(drill_fixture.client.cleared.swap(false, Ordering::Relaxed));
    }
    assert_eq!(drill_fixture.report().expect("a report").figures.lost, Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_clients_of_a_pooler_notice_is_reported_apart_from_those_past_it() {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: Duration::ZERO, reply: Some(accepted()) });
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    drill_fixture.perform(DrillRequest::Break { fault: fault() }).await.expect("broken");
    tokio::time::sleep(SECOND * 5).await;
    drill_fixture.perform(DrillRequest::Mend { fault: fault() }).await.expect("mended");
    drill_fixture.perform(DrillRequest::End).await.expect("ended");
    let figures = drill_fixture.report().expect("a report").figures;
    let [pooled] = figures.pooled.as_slice() else { panic!("{:?}", figures.pooled) };
    assert_eq!((pooled.pooler.as_str(), pooled.errors, pooled.lost), ("edge", 1, Some(0)));
    assert_eq!(pooled.longest_wait, Some(Duration::from_millis(1_400)));
    assert!(pooled.acknowledged > 40, "it went on after the error: {pooled:?}");
    assert_eq!((figures.lost, figures.lost_numbers.as_slice()), (Some(1), [1].as_slice()), "of those past the pooler");
    assert!(figures.rto().is_some_and(|rto| rto < SECOND), "who waits at a pooler is no outage past it");
}

/// A switchover has no fault to be taken back: that its drill was called off shows in how its probe ends.
#[tokio::test(start_paused = true)]
async fn a_drill_that_is_called_off_before_its_last_step_is_cut_short() {
    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: SECOND, reply: None });
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    drill_fixture.undo(&order(DrillRequest::End)).await.expect("ended");
    assert!(drill_fixture.report().expect("a report").cut_short);

    let mut drill_fixture = DrillFixture::new(FaultInjectorDouble { takes: SECOND, reply: None });
    drill_fixture.perform(DrillRequest::Begin).await.expect("begun");
    drill_fixture.perform(DrillRequest::End).await.expect("ended");
    assert!(!drill_fixture.report().expect("a report").cut_short);
}
