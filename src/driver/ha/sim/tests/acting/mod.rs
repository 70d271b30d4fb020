//! What comes of each order, as the sources show it, and how each is refused.

mod api;
mod drill;
mod lead;
mod lock;
mod members;
mod pooler;
mod router;
mod settings;
mod sql;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::intent::{Intent, LeadIntent};
use crate::action::order::{AgentRequest, Order as Step};
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::{Confirm, Danger, Plan, Step as PlanStep};
use crate::driver::ha::sim::{ApiDefect, Repair, SimulatedActor, Ticking};
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply};

use super::*;

/// A cluster with somebody who acts on it. Time is tokio's, which the tests stop and which runs on while they wait.
pub(super) struct ActingFixture {
    pub(super) fixture: ObservedFixture,
    pub(super) clock: Ticking,
    pub(super) generation: Generation,
    actor: SimulatedActor,
}

/// A clock that began `after` the observer.
fn ticking(after: Duration) -> Ticking {
    let began = tokio::time::Instant::now();
    Arc::new(move || Moment::after_start(after + began.elapsed()))
}

/// A permit for a plan on `cluster`.
pub(super) fn permit(cluster: &str, generation: Generation) -> Permit {
    let plan = Plan {
        cluster: cluster.into(),
        intent: Intent::Lead(LeadIntent::Pause),
        title: "try".into(),
        generation,
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        needs_reason: false,
        checks: Vec::new(),
        steps: Vec::new(),
        no_return: 0,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation: Expectation::default(),
    };
    let confirmation = Confirmation { plan: Some(plan.hash()), ..Confirmation::default() };
    plan.permit(&[], &confirmation, &WriteAccess::granted(), Moment::START).unwrap()
}

pub(super) fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

pub(super) fn agent(number: u8, request: AgentRequest) -> Step {
    Step::agent(pg(number), request)
}

pub(super) fn switchover(candidate: Option<u8>) -> Step {
    agent(0, AgentRequest::Switchover { leader: pg(0), candidate: candidate.map(pg), at: None })
}

impl ActingFixture {
    pub(super) fn new() -> Self {
        Self::around(ObservedFixture::calm())
    }

    pub(super) fn around(fixture: ObservedFixture) -> Self {
        let clock = ticking(Duration::from_secs(1));
        let actor = fixture.cluster.actor(&WriteAccess::granted(), Arc::clone(&clock));
        Self { fixture, clock, generation: Generation::default(), actor }
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }

    pub(super) fn inject(&self, fault: Fault) {
        self.fixture.inject(self.now(), fault);
    }

    /// Orders, and waits 30 s at most.
    pub(super) async fn order(&mut self, order: Step) -> Result<Reply, NotPerformed> {
        let step = PlanStep { text: "try".into(), order, undo: None, deadline: Duration::from_secs(30) };
        let permit = permit("prod-eu", self.generation.clone());
        self.actor.perform(&step, &permit, OrderControl::unattended(&CancellationToken::new())).await
    }

    /// Orders, and gives what was said to it: whether it was accepted, and the words.
    pub(super) async fn result_of(&mut self, order: Step) -> (bool, String) {
        let reply = self.order(order).await.expect("an answer");
        (reply.is_accepted(), reply.text.to_string())
    }

    /// Orders, expecting an acceptance.
    pub(super) async fn done(&mut self, order: Step) -> String {
        let (accepted, words) = self.result_of(order).await;
        assert!(accepted, "{words}");
        words
    }

    /// Lets time pass.
    pub(super) async fn pass(&mut self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let now = self.now();
        self.fixture.cluster.world().lock().unwrap().advance(now);
    }

    /// Waits at most `limit` seconds until `holds`; gives how long it took, in seconds.
    pub(super) async fn until(
        &mut self,
        limit: f64,
        mut holds: impl FnMut(&mut ObservedFixture, Moment) -> bool,
    ) -> f64 {
        let began = self.now();
        loop {
            let now = self.now();
            let waited = now.since(began).as_secs_f64();
            if holds(&mut self.fixture, now) {
                return waited;
            }
            assert!(waited <= limit, "did not come to pass within {limit} s");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a member streams on a timeline.
    pub(super) async fn streams(&mut self, member: &str, timeline: u32, limit: f64) {
        self.until(limit, |fixture, now| {
            fixture.sql(now, member).is_ok_and(|report| {
                report.receiver.is_some() && report.timeline.is_some_and(|there| there.0 == timeline)
            })
        })
        .await;
    }

    /// Wall time so many seconds from now.
    pub(super) fn wall(&self, seconds: i64) -> Timestamp {
        let now = i64::try_from(self.now().since_start().as_micros()).unwrap();
        Timestamp::from_microsecond(epoch().as_microsecond() + now + seconds * 1_000_000).unwrap()
    }
}

/// What the error says, and whether anything was sent.
pub(super) fn unsent(outcome: Result<Reply, NotPerformed>) -> FailureKind {
    match outcome {
        Err(NotPerformed::NotSent(error)) => error.failure_kind,
        other => panic!("expected that nothing was sent: {other:?}"),
    }
}

pub(super) fn unanswered(outcome: Result<Reply, NotPerformed>) -> FailureKind {
    match outcome {
        Err(NotPerformed::NoAnswer(error)) => error.failure_kind,
        other => panic!("expected no answer: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_cluster_sends_nothing() {
    let mut fixture = ActingFixture::new();
    let step = PlanStep { text: "try".into(), order: switchover(None), undo: None, deadline: Duration::from_secs(9) };
    let (permit, cancel) = (permit("prod-us", Generation::default()), CancellationToken::new());
    let outcome = fixture.actor.perform(&step, &permit, OrderControl::unattended(&cancel)).await;
    assert_eq!(unsent(outcome), FailureKind::Unsupported);
    fixture.pass(20.0).await;
    assert_eq!(fixture.fixture.holder(fixture.now()), Some(pg(0)));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_goes_to_nobody_is_not_sent() {
    let mut fixture = ActingFixture::new();
    assert_eq!(unsent(fixture.order(agent(9, AgentRequest::Reload)).await), FailureKind::Name);
    fixture.inject(Fault::KillNode(pg(1)));
    fixture.inject(Fault::CutNode(pg(2)));
    fixture.inject(Fault::WrongAddress(pg(3)));
    fixture.pass(0.3).await;
    assert_eq!(unsent(fixture.order(agent(1, AgentRequest::Reload)).await), FailureKind::Refused);
    assert_eq!(unsent(fixture.order(agent(2, AgentRequest::Reload)).await), FailureKind::TimedOut);
    let restart = AgentRequest::Restart { role: None, only_pending: false, at: None };
    assert_eq!(unsent(fixture.order(agent(3, restart)).await), FailureKind::UnexpectedAnswer);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_leaves_nothing_behind_but_what_was_done() {
    let mut fixture = ActingFixture::new();
    let outcome = tokio::time::timeout(Duration::from_secs(1), fixture.order(switchover(Some(1)))).await;
    assert!(outcome.is_err(), "it blocks until it is over");
    let later = fixture.until(12.0, |fixture, now| fixture.holder(now) == Some(pg(1))).await;
    assert!(later > 0.0);
    assert_eq!(fixture.fixture.cluster.world().lock().unwrap().fail_open_requests(), 0);
}
