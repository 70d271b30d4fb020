//! What comes of each order, as the sources show it, and how each is refused.

mod api;
mod drill;
mod lead;
mod lock;
mod members;
mod router;
mod settings;
mod sql;

use std::sync::Arc;

use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::intent::Intent;
use crate::action::order::{AgentRequest, Order as Step};
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::{Confirm, Danger, Plan, Step as PlanStep};
use crate::driver::ha::sim::{ApiDefect, Cure, SimulatedActor, Ticking};
use crate::driver::port::{Act, NotPerformed, Reply};

use super::*;

/// A cluster with somebody who acts on it. Time is tokio's, which the tests stop and which runs on while they wait.
pub(super) struct Stage {
    pub(super) bench: Bench,
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
        intent: Intent::Pause,
        title: "try".into(),
        generation,
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        wants_reason: false,
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
    Step::Agent { member: pg(number), request }
}

pub(super) fn switchover(candidate: Option<u8>) -> Step {
    agent(0, AgentRequest::Switchover { leader: pg(0), candidate: candidate.map(pg), at: None })
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::around(Bench::calm())
    }

    pub(super) fn around(bench: Bench) -> Self {
        let clock = ticking(Duration::from_secs(1));
        let actor = bench.cluster.actor(&WriteAccess::granted(), Arc::clone(&clock));
        Self { bench, clock, generation: Generation::default(), actor }
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }

    pub(super) fn strike(&self, fault: Fault) {
        self.bench.strike(self.now(), fault);
    }

    /// Orders, and waits 30 s at most.
    pub(super) async fn order(&mut self, order: Step) -> Result<Reply, NotPerformed> {
        let step = PlanStep { words: "try".into(), order, undo: None, deadline: Duration::from_secs(30) };
        self.actor.perform(&step, &permit("prod-eu", self.generation.clone())).await
    }

    /// Orders, and gives what was said to it: whether it was accepted, and the words.
    pub(super) async fn said(&mut self, order: Step) -> (bool, String) {
        let reply = self.order(order).await.expect("an answer");
        (reply.is_accepted(), reply.words.to_string())
    }

    /// Orders, expecting an acceptance.
    pub(super) async fn done(&mut self, order: Step) -> String {
        let (accepted, words) = self.said(order).await;
        assert!(accepted, "{words}");
        words
    }

    /// Lets time pass.
    pub(super) async fn pass(&mut self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let now = self.now();
        self.bench.cluster.world().lock().unwrap().advance(now);
    }

    /// Waits at most `limit` seconds until `holds`; gives how long it took, in seconds.
    pub(super) async fn until(&mut self, limit: f64, mut holds: impl FnMut(&mut Bench, Moment) -> bool) -> f64 {
        let began = self.now();
        loop {
            let now = self.now();
            let waited = now.since(began).as_secs_f64();
            if holds(&mut self.bench, now) {
                return waited;
            }
            assert!(waited <= limit, "did not come to pass within {limit} s");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a member streams on a timeline.
    pub(super) async fn streams(&mut self, member: &str, timeline: u32, limit: f64) {
        self.until(limit, |bench, now| {
            bench.sql(now, member).is_ok_and(|report| {
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
pub(super) fn unsent(outcome: Result<Reply, NotPerformed>) -> Trouble {
    match outcome {
        Err(NotPerformed::NotSent(error)) => error.trouble,
        other => panic!("expected that nothing was sent: {other:?}"),
    }
}

pub(super) fn unanswered(outcome: Result<Reply, NotPerformed>) -> Trouble {
    match outcome {
        Err(NotPerformed::NoAnswer(error)) => error.trouble,
        other => panic!("expected no answer: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_another_cluster_sends_nothing() {
    let mut stage = Stage::new();
    let step = PlanStep { words: "try".into(), order: switchover(None), undo: None, deadline: Duration::from_secs(9) };
    let outcome = stage.actor.perform(&step, &permit("prod-us", Generation::default())).await;
    assert_eq!(unsent(outcome), Trouble::Unsupported);
    stage.pass(20.0).await;
    assert_eq!(stage.bench.holder(stage.now()), Some(pg(0)));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_goes_to_nobody_is_not_sent() {
    let mut stage = Stage::new();
    assert_eq!(unsent(stage.order(agent(9, AgentRequest::Reload)).await), Trouble::Name);
    stage.strike(Fault::KillNode(pg(1)));
    stage.strike(Fault::CutNode(pg(2)));
    stage.strike(Fault::WrongAddress(pg(3)));
    stage.pass(0.3).await;
    assert_eq!(unsent(stage.order(agent(1, AgentRequest::Reload)).await), Trouble::Refused);
    assert_eq!(unsent(stage.order(agent(2, AgentRequest::Reload)).await), Trouble::TimedOut);
    let restart = AgentRequest::Restart { role: None, only_pending: false, at: None };
    assert_eq!(unsent(stage.order(agent(3, restart)).await), Trouble::UnexpectedAnswer);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_leaves_nothing_behind_but_what_was_done() {
    let mut stage = Stage::new();
    let outcome = tokio::time::timeout(Duration::from_secs(1), stage.order(switchover(Some(1)))).await;
    assert!(outcome.is_err(), "it blocks until it is over");
    let later = stage.until(12.0, |bench, now| bench.holder(now) == Some(pg(1))).await;
    assert!(later > 0.0);
    assert_eq!(stage.bench.cluster.world().lock().unwrap().open_calls(), 0);
}
