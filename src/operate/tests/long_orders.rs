//! Orders that take long: how far they have come is told, they can be ended, and what they leave is named.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fixture::*;
use crate::action::order::Order;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::permit::{Permit, WriteAccess};
use crate::action::plan::Step;
use crate::action::work::{Artefact, OrderProgress, WorkUnit};
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply};
use crate::operate::progress::{Event, Progress};
use crate::operate::runner::run;

/// How long the long order may take.
const DEADLINE: Duration = Duration::from_secs(3600);

/// The undo of a step, for [`Slow`].
const UNDO: &str = "undo";

/// Takes a minute for the step called `step`, tells how far it is every second, and ends when it is asked to, as a dump would
/// by its child. For [`UNDO`] each undo does so, once nobody waits for the operation lock any more: until then it reaches nobody.
/// What else is sent goes to the stage.
pub(in crate::operate) struct Slow {
    pub(in crate::operate) fixture: RunnerFixture,
    pub(in crate::operate) step: &'static str,
}

impl Act for Slow {
    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        if step.text != *self.step {
            return self.fixture.perform(step, permit, control);
        }
        async move {
            if let Err(broken_off) = self.minute(control).await {
                return broken_off;
            }
            self.fixture.log(format!("sent: {}", step.text));
            let made = Artefact { name: "/backups/app.dump".into(), size: Some(2_000_000) };
            Ok(Reply::accepted("done").leaving(made))
        }
        .boxed()
    }

    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        if self.step != UNDO {
            return self.fixture.undo(order, permit, control);
        }
        async move {
            if self.fixture.with("released").is_empty() {
                return not_sent();
            }
            if let Err(broken_off) = self.minute(control).await {
                return broken_off;
            }
            self.fixture.log("undone: at last");
            let made = Artefact { name: "/backups/before".into(), size: None };
            Ok(Reply::accepted("done").leaving(made))
        }
        .boxed()
    }
}

impl Slow {
    /// A minute of work; an error: what is answered where it was ended before.
    async fn minute(&self, control: OrderControl<'_>) -> Result<(), Result<Reply, NotPerformed>> {
        for done in 0..60 {
            let progress = OrderProgress { done, total: Some(60), unit: WorkUnit::Items, at: "public.orders".into() };
            control.progress.report(progress);
            if control.cancel.run_until_cancelled(tokio::time::sleep(SECOND)).await.is_none() {
                self.fixture.log(format!("broken off at {done}"));
                return Err(Ok(Reply::refused("ended by the operator: its child is gone, and nothing is left of it")));
            }
        }
        Ok(())
    }
}

/// Runs the plan with its step `step` slow, and asks it to end after `cancelled`.
async fn run_slowly(fixture: &RunnerFixture, step: &'static str, cancelled: Duration) -> (Outcome, Vec<Progress>) {
    for planned in &mut fixture.world().plan.steps {
        if planned.text == *step {
            planned.deadline = DEADLINE;
        }
    }
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    let mut parts = fixture.parts(&tracker);
    parts.act = Box::new(Slow { fixture: fixture.clone(), step });
    parts.limits.undo = DEADLINE;
    let (progress, mut reported) = mpsc::unbounded_channel();
    let request = fixture.request();
    let cancels = async {
        tokio::time::sleep(cancelled).await;
        cancel.cancel();
    };
    let access = WriteAccess::granted();
    let runs = run(&request, &access, parts, progress, cancel.clone());
    let (outcome, ()) = tokio::join!(runs, cancels);
    let mut all = Vec::new();
    while let Ok(progress) = reported.try_recv() {
        all.push(progress);
    }
    (outcome, all)
}

#[tokio::test(start_paused = true)]
async fn how_far_an_order_has_come_is_reported_and_what_it_made_is_named() {
    let fixture = RunnerFixture::new();
    let (outcome, reported) = run_slowly(&fixture, CHECKPOINT, DEADLINE).await;
    assert_eq!(outcome.ending, OutcomeKind::Done, "{}", outcome.text);
    let done: Vec<u64> = reported
        .iter()
        .filter_map(|news| match &news.event {
            Event::Progressed { step: 0, progress } => Some(progress.done),
            _ => None,
        })
        .collect();
    assert_eq!(done.first(), Some(&0), "the first word comes at once: {done:?}");
    assert!(done.is_sorted() && (25..=31).contains(&done.len()), "every other second: {done:?}");
    let made = reported
        .iter()
        .position(|news| matches!(&news.event, Event::Made { step: 0, artefact } if artefact.size == Some(2_000_000)));
    let ended = reported.iter().position(|news| matches!(news.event, Event::StepEnded { step: 0, .. }));
    assert!(made.is_some() && made < ended, "{reported:?}");
    assert_eq!(fixture.with("journal: ended 0"), [", leaving /backups/app.dump"], "it is named where its end is");
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_ends_an_action_reaches_the_order_under_way_long_before_its_deadline() {
    let fixture = RunnerFixture::new();
    let (outcome, reported) = run_slowly(&fixture, CHECKPOINT, SECOND * 5).await;
    assert_eq!(outcome.ending, OutcomeKind::Failed, "{}", outcome.text);
    assert_eq!(fixture.with("broken off at ").len(), 1);
    assert_eq!(fixture.sent(), [""; 0], "nothing is sent after it");
    let after = reported.last().and_then(|news| news.after).expect("a step had begun");
    assert!(after < SECOND * 7, "it did not wait for its deadline: {after:?}");
}

#[tokio::test(start_paused = true)]
async fn past_the_point_of_no_return_nothing_is_broken_off() {
    let fixture = RunnerFixture::new();
    // The switchover is sent after some two seconds, and what comes after it takes a minute.
    let (outcome, _) = run_slowly(&fixture, HEALTH_UP_ORDER, SECOND * 20).await;
    assert_eq!(outcome.ending, OutcomeKind::Done, "{}", outcome.text);
    assert_eq!(fixture.with("broken off at "), [""; 0]);
    assert_eq!(fixture.sent().last().map(String::as_str), Some(HEALTH_UP_ORDER));
}

#[tokio::test(start_paused = true)]
async fn how_far_an_undo_has_come_is_reported_and_what_it_made_is_written_down() {
    let fixture = RunnerFixture::new();
    let (outcome, reported) = run_slowly(&fixture, UNDO, DEADLINE).await;
    assert_eq!(outcome.ending, OutcomeKind::Done, "{}", outcome.text);
    let ended = reported.iter().rposition(|news| matches!(news.event, Event::StepEnded { .. })).expect("steps ended");
    let of_undo =
        reported.iter().skip(ended).filter(|news| matches!(news.event, Event::Progressed { step: 1, .. })).count();
    assert!((25..=31).contains(&of_undo), "every other second: {of_undo}");
    assert!(reported.iter().any(|news| matches!(news.event, Event::Made { step: 1, .. })), "{reported:?}");
    assert!(fixture.with("journal: undone 1").contains(&", leaving /backups/before".to_owned()));
}

/// Once the operation lock is released the operator has read what is left, and may leave it for later.
#[tokio::test(start_paused = true)]
async fn an_operator_who_gives_up_waiting_for_an_undo_ends_it_and_it_stays_pending() {
    let fixture = RunnerFixture::new();
    let (outcome, reported) = run_slowly(&fixture, UNDO, SECOND * 75).await;
    assert_eq!(outcome.ending, OutcomeKind::Unverified, "{}", outcome.text);
    assert_eq!(fixture.with("broken off at ").len(), 1);
    assert_eq!(fixture.with("settled 1"), [""; 0], "it is still owed");
    let after = reported.last().and_then(|news| news.after).expect("steps had begun");
    assert!(after < SECOND * 80, "it did not wait for its end: {after:?}");
}
