//! Taking back: for as long as it takes, each order for itself, and nothing forgotten that could not be.

use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::fixture::*;
use crate::action::intent::{Intent, PendingUndo};
use crate::action::order::Order;
use crate::action::outcome::OutcomeKind;
use crate::action::plan::Step;
use crate::action::record::ActionId;
use crate::driver::port::{NotPerformed, Reply};
use crate::operate::progress::Event;

/// A router that restarts: ten attempts reach nobody, or get no answer.
#[rstest]
#[case::not_sent(not_sent)]
#[case::no_answer(no_answer)]
#[tokio::test(start_paused = true)]
async fn an_undo_that_fails_is_tried_again_until_it_is_made(#[case] fails: fn() -> Result<Reply, NotPerformed>) {
    let fixture = RunnerFixture::new();
    fixture.world().undo_replies = std::iter::repeat_with(fails).take(10).collect();
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
    assert!(outcome.next.is_empty(), "nothing is left: {outcome:?}");
    assert_eq!(fixture.with("undone: ").len(), 11);
    assert_eq!(fixture.with("settled "), ["1 Undone"]);
}

/// Nobody is kept out of the cluster by a router that stays away.
#[tokio::test(start_paused = true)]
async fn the_lock_is_released_while_reverting_goes_on() {
    let fixture = RunnerFixture::new();
    fixture.world().undo_replies = std::iter::repeat_with(not_sent).take(10).collect();
    fixture.run().await;
    let log = fixture.world().log.clone();
    let place = |line: &str| log.iter().position(|logged| logged == line).expect("logged");
    assert!(place("released") < place("settled 1 Undone"), "{log:?}");
    assert!(place("settled 1 Undone") < place("journal: ended as done"), "the end is told when it is known: {log:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_reverted_stays_pending_and_is_not_called_done() {
    let fixture = RunnerFixture::new();
    fixture.world().undo_replies = std::iter::repeat_with(not_sent).take(1000).collect();
    let (outcome, reported) = fixture.run_as(&fixture.request(), CancellationToken::new()).await;
    assert_eq!(outcome.ending, OutcomeKind::Unverified, "{outcome:?}");
    assert!(outcome.text.as_str().contains("not reverted: r: set server primary/pg-0"), "{}", outcome.text);
    assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui undo a1")), "{:?}", outcome.next);
    assert_eq!(fixture.with("settled "), [""; 0], "it is still owed");
    let after = reported.last().and_then(|progress| progress.after).expect("steps had begun");
    assert!(after > SECOND * 300, "tried for minutes: {after:?}");
    let tries = reported.iter().filter(|progress| matches!(progress.event, Event::Undone { .. })).count();
    assert_eq!(tries, 1, "each attempt with the same end is no news");
}

/// The far end's plain no does not change by asking for minutes.
#[tokio::test(start_paused = true)]
async fn an_undo_that_is_refused_outright_is_given_up_soon_and_stays_pending() {
    let fixture = RunnerFixture::new();
    fixture.world().undo_replies = std::iter::repeat_with(refused_outright).take(1000).collect();
    let outcome = fixture.run().await;
    assert_eq!((outcome.ending, fixture.with("undone: ").len()), (OutcomeKind::Unverified, 3), "{outcome:?}");
    assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui undo a1")), "{:?}", outcome.next);
}

fn reverting(fixture: &RunnerFixture) {
    let mut world = fixture.world();
    let drain = world.plan.steps[1].clone();
    let order = drain.undo.expect("a temporary change");
    let step = |words: &str| Step { text: words.into(), order: order.clone(), undo: None, deadline: SECOND * 5 };
    let pending_undo = |step| PendingUndo { step, order: Order::clone(&order) };
    world.plan.intent = Intent::Undo {
        action: ActionId("a0".into()),
        pending_undo: vec![pending_undo(1), pending_undo(2), pending_undo(3)],
    };
    world.plan.steps = vec![step(DRAIN), step(RESTART), step(HEALTH_UP_ORDER)];
    world.plan.no_return = 0;
}

#[rstest]
#[case::not_sent(not_sent())]
#[case::refused(refused_outright())]
#[case::in_doubt(refused())]
#[case::no_answer(no_answer())]
#[tokio::test(start_paused = true)]
async fn each_order_that_reverts_is_made_whatever_becomes_of_the_others(#[case] first: Result<Reply, NotPerformed>) {
    let fixture = RunnerFixture::new();
    reverting(&fixture);
    fixture.when(DRAIN, first, None);
    fixture.when(RESTART, not_sent(), None);
    fixture.when(HEALTH_UP_ORDER, accepted(), None);
    fixture.run().await;
    assert_eq!(fixture.sent(), [DRAIN, RESTART, HEALTH_UP_ORDER]);
}

/// An agent that takes the request, and neither answers nor passes it on.
#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_is_not_waited_for_once_it_is_proven_that_nothing_comes_of_it() {
    let fixture = RunnerFixture::new();
    fixture.world().plan.steps[3].deadline = SECOND * 70;
    fixture.hangs(SWITCH, Box::new(|world| world.is_disproven = true));
    let (outcome, reported) = fixture.run_as(&fixture.request(), CancellationToken::new()).await;
    assert_eq!(outcome.ending, OutcomeKind::Failed, "{outcome:?}");
    let after = reported.last().and_then(|progress| progress.after).expect("steps had begun");
    assert!(after < SECOND * 10, "{after:?}");
    assert_eq!(fixture.with("undone: "), ["pg-0 ready"]);
}
