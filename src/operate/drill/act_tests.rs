//! What is written down of a drill: from when it counts, and that its report outlives whoever is asked last.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use rstest::rstest;
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::tests::{fault, order, stage};
use super::*;
use crate::action::drill::{DrillRequest, Fault, Scenario};
use crate::action::drill_report::{Answer, Report, Seen, Server};
use crate::action::order::Order;
use crate::action::permit::{Permit, WriteAccess};
use crate::action::plan::Step;
use crate::driver::port::drill::{Break, Probe, ProbeGround};
use crate::driver::port::{Act as _, NotPerformed, Reply};
use crate::model::lsn::Timeline;
use crate::model::moment::Moment;
use crate::model::source::SourceError;
use crate::model::text::Text;
use crate::observe::picture::Handle;
use crate::operate::tests::stage::{SECOND, Stage, accepted, no_answer, not_sent, refused, refused_outright};

/// A double of a client to whom every row is acknowledged. Whether it tells which are there, and whether it dropped its
/// schema, is the test's to say and to ask.
#[derive(Default)]
struct Client {
    is_silent: AtomicBool,
    cleared: AtomicBool,
    written: Arc<Mutex<BTreeSet<u64>>>,
}

fn server() -> Server {
    let started = Timestamp::from_second(7).expect("a time");
    Server { started, address: Text::new("10.0.0.20:5432"), timeline: Some(Timeline(12)) }
}

impl Probe for Client {
    fn survey(&self) -> BoxFuture<'_, Result<ProbeGround, SourceError>> {
        async { Ok(ProbeGround { synchronous_commit: Text::new("on"), publications: Vec::new() }) }.boxed()
    }

    fn make(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async { Ok(()) }.boxed()
    }

    fn write(&self, number: u64, _: Duration) -> BoxFuture<'static, Answer> {
        let written = Arc::clone(&self.written);
        async move {
            written.lock().expect("nobody panicked").insert(number);
            Answer::Acknowledged(server())
        }
        .boxed()
    }

    fn read(&self, _: Duration) -> Option<BoxFuture<'static, Result<Seen, Text>>> {
        None
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>> {
        async {
            if self.is_silent.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let mut kept = self.written.lock().expect("nobody panicked").clone();
            kept.pop_first();
            Ok(kept)
        }
        .boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async {
            self.cleared.store(true, Ordering::Relaxed);
            Ok(())
        }
        .boxed()
    }

    fn wants_own_thread(&self) -> bool {
        false
    }
}

/// A double that takes its time to break anything, and answers as it is told.
struct Breaker {
    takes: Duration,
    reply: Option<Result<Reply, NotPerformed>>,
}

impl Break for Breaker {
    fn make<'a>(&'a mut self, _: &'a Fault, _: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async {
            tokio::time::sleep(self.takes).await;
            self.reply.take().expect("it is broken once")
        }
        .boxed()
    }

    fn mend<'a>(&'a mut self, _: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async { accepted() }.boxed()
    }

    fn admit<'a>(&'a mut self, _: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async { accepted() }.boxed()
    }
}

/// One drill with doubles around it.
struct Bench {
    stage: Stage,
    client: Arc<Client>,
    act: DrillAct,
    reports: Reports,
    permit: Permit,
    handle: Handle,
    _tracker: TaskTracker,
    _home: TempDir,
}

impl Bench {
    fn new(breaker: Breaker) -> Self {
        let (stage, tracker) = (stage(), TaskTracker::new());
        let home = tempfile::tempdir().expect("a directory");
        let (reports, client) = (Reports::below(home.path()), Arc::new(Client::default()));
        let handle = stage.parts(&tracker).handle;
        let clock = handle.clock;
        let request = stage.request();
        let drill = Drill {
            action: request.action.clone(),
            cluster: request.plan.cluster.clone(),
            scenario: Scenario::Router,
            operator: request.operator.clone(),
            target: None,
        };
        let (inner, probe) = (Box::new(stage.clone()), Arc::clone(&client));
        let act = DrillAct::new(drill, inner, Box::new(breaker), probe, handle.clone(), reports.clone());
        let permit = request.plan.permit(&[], &request.confirmation, &WriteAccess::granted(), clock.now());
        let permit = permit.expect("confirmed");
        Self { stage, client, act, reports, permit, handle, _tracker: tracker, _home: home }
    }

    async fn perform(&mut self, request: DrillRequest) -> Result<Reply, NotPerformed> {
        let step = Step { words: "a step".into(), order: order(request), undo: None, deadline: SECOND };
        self.act.perform(&step, &self.permit).await
    }

    fn now(&self) -> Moment {
        self.handle.clock.now()
    }

    /// The time of day that pictures go by.
    fn wall(&self) -> Timestamp {
        self.handle.latest().snapshot.wall
    }

    fn report(&self) -> Option<Report> {
        self.reports.list(None).expect("readable").0.pop()
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_counts_from_when_it_was_sent_however_late_it_is_answered() {
    let mut bench = Bench::new(Breaker { takes: SECOND * 4, reply: Some(accepted()) });
    let began = bench.wall();
    bench.perform(DrillRequest::Begin).await.expect("begun");
    let sent = bench.now();
    bench.perform(DrillRequest::Break { fault: fault() }).await.expect("broken");
    assert!(bench.now().since(sent) >= SECOND * 4);
    bench.perform(DrillRequest::Mend { fault: fault() }).await.expect("mended");
    bench.perform(DrillRequest::End).await.expect("ended");
    let report = bench.report().expect("a report");
    assert!(
        report.at.duration_since(began).as_millis() < 500,
        "the times of day in a report count from here: {report:?}"
    );
    let (broken, mended) = (report.broken.expect("broken"), report.mended.expect("mended"));
    assert!(mended.checked_sub(broken).is_some_and(|between| between >= SECOND * 4), "{broken:?}, {mended:?}");
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
    let mut bench = Bench::new(Breaker { takes: Duration::ZERO, reply: Some(reply) });
    bench.perform(DrillRequest::Begin).await.expect("begun");
    let _ = bench.perform(DrillRequest::Break { fault: fault() }).await;
    tokio::time::sleep(SECOND).await;
    bench.perform(DrillRequest::End).await.expect("ended");
    let report = bench.report().expect("a report");
    assert_eq!(report.broken.is_some(), may_stand);
    assert_eq!(report.figures.outage.is_some(), may_stand, "without a fault there is no outage");
    assert_eq!(report.left.len(), usize::from(may_stand));
    assert_eq!(report.fault.is_empty(), !may_stand);
}

#[tokio::test(start_paused = true)]
async fn a_report_is_on_disk_before_anybody_is_asked_which_rows_are_left() {
    let mut bench = Bench::new(Breaker { takes: Duration::ZERO, reply: Some(accepted()) });
    bench.client.is_silent.store(true, Ordering::Relaxed);
    bench.perform(DrillRequest::Begin).await.expect("begun");
    bench.perform(DrillRequest::Break { fault: fault() }).await.expect("broken");
    tokio::time::sleep(SECOND).await;
    bench.perform(DrillRequest::Mend { fault: fault() }).await.expect("mended");
    // The runner's patience is over before anybody has answered: what it asked is dropped where it stands.
    let outlived = timeout(SECOND * 10, bench.perform(DrillRequest::End)).await;
    assert!(outlived.is_err() && !bench.client.cleared.load(Ordering::Relaxed));
    let report = bench.report().expect("a report all the same");
    assert_eq!((report.figures.lost, report.figures.rto().is_some()), (None, true));
    // The undo of the first step is asked for the same, and finds what was missing.
    bench.client.is_silent.store(false, Ordering::Relaxed);
    let end = Order::Drill { request: DrillRequest::End };
    let reply = bench.act.undo(&end, &bench.permit).await.expect("ended");
    assert!(reply.is_accepted() && bench.client.cleared.load(Ordering::Relaxed));
    let again = bench.report().expect("the same report");
    assert_eq!((again.figures.lost, again.figures.lost_numbers.as_slice()), (Some(1), [1].as_slice()));
    assert_eq!(again.lasted, report.lasted, "the probe had ended with the first attempt");
}

#[tokio::test(start_paused = true)]
async fn one_who_never_tells_which_rows_are_left_keeps_no_schema_from_being_dropped() {
    let mut bench = Bench::new(Breaker { takes: Duration::ZERO, reply: Some(accepted()) });
    bench.client.is_silent.store(true, Ordering::Relaxed);
    bench.perform(DrillRequest::Begin).await.expect("begun");
    let began = bench.now();
    let reply = bench.perform(DrillRequest::End).await.expect("ended");
    assert!(bench.now().since(began) < SECOND * 60, "well within the step's deadline");
    assert!(reply.words.as_str().contains("no answer in time"), "{}", reply.words);
    assert!(bench.client.cleared.load(Ordering::Relaxed));
    assert_eq!(bench.report().expect("a report").figures.lost, None);
    assert!(bench.stage.sent().is_empty(), "nothing of a drill is the cluster's own actor's");
}

/// A switchover has no fault to be taken back: that its drill was called off shows in how its probe ends.
#[tokio::test(start_paused = true)]
async fn a_drill_that_is_called_off_before_its_last_step_is_cut_short() {
    let mut bench = Bench::new(Breaker { takes: SECOND, reply: None });
    bench.perform(DrillRequest::Begin).await.expect("begun");
    bench.act.undo(&order(DrillRequest::End), &bench.permit).await.expect("ended");
    assert!(bench.report().expect("a report").cut_short);

    let mut bench = Bench::new(Breaker { takes: SECOND, reply: None });
    bench.perform(DrillRequest::Begin).await.expect("begun");
    bench.perform(DrillRequest::End).await.expect("ended");
    assert!(!bench.report().expect("a report").cut_short);
}
