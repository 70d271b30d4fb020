//! A state must hold in the picture by which the outcome is called; and what the users do not get is no "done".

use rstest::rstest;

use super::super::{Attempt, Judgement, Reply, ReplyStatus, RunStage, judge};
use crate::action::expectation::Expectation;
use crate::action::intent::{Intent, NodeIntent, PendingUndo, ServerState, Target};
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, Order, RouterRequest};
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::plan::{Plan, Step};
use crate::action::record::ActionId;
use crate::action::test_support::*;
use crate::model::name::RouterName;
use crate::model::router::ProxyStatus;
use crate::model::snapshot::Snapshot;

fn begun(replies: Vec<ReplyStatus>) -> Attempt {
    let mut attempt = Attempt::begun(since());
    attempt.replies =
        replies.into_iter().enumerate().map(|(step, received)| Reply { step, at: since(), received }).collect();
    attempt.stage = RunStage::Watching;
    attempt
}

fn judge_at(plan: &Plan, attempt: &mut Attempt, snapshot: &mut Snapshot) -> Judgement {
    pass(snapshot, seconds(1));
    let judgement = judge(plan, &before(), attempt, snapshot);
    attempt.learn(&judgement, snapshot.now);
    judgement
}

fn overdue(plan: &Plan, attempt: &mut Attempt, snapshot: &mut Snapshot) -> Outcome {
    attempt.stage = RunStage::Overdue;
    judge_at(plan, attempt, snapshot).outcome.expect("timed out")
}

fn accepted() -> ReplyStatus {
    ReplyStatus::Accepted("200 Successfully switched over to \"pg-1\"".into())
}

/// pg-1 was promoted, and was seen to be, before the routers followed.
fn promoted_once(attempt: &mut Attempt) -> Snapshot {
    let mut snapshot = switched();
    routes_to(&mut snapshot, &["pg-0"]);
    let judgement = judge_at(&switchover(Some(1)), attempt, &mut snapshot);
    assert!(judgement.decided && judgement.outcome.is_none(), "{judgement:?}");
    snapshot
}

#[test]
fn a_leader_that_was_promoted_and_is_gone_again_is_not_done() {
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = promoted_once(&mut attempt);
    // pg-1 crashes; nobody leads.
    record(&mut snapshot, |content| content.leader = None);
    fail_sql(&mut snapshot, 1, crate::model::source::FailureKind::Refused);
    let outcome = overdue(&switchover(Some(1)), &mut attempt, &mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Unknown, "{outcome:?}");
    assert!(outcome.text.as_str().contains("pg-1 promoted (was true at +"), "{}", outcome.text);
    assert!(outcome.text.as_str().contains("and no longer is"), "{}", outcome.text);
}

#[test]
fn a_leader_that_was_promoted_and_followed_by_another_has_failed() {
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = promoted_once(&mut attempt);
    lock(&mut snapshot, 2);
    promote(&mut snapshot, 2);
    follow(&mut snapshot, 1, 2);
    let outcome = judge_at(&switchover(Some(1)), &mut attempt, &mut snapshot).outcome.expect("ruled out");
    assert_eq!(outcome.ending, OutcomeKind::Failed, "{outcome:?}");
    assert!(outcome.text.as_str().contains("and no longer is"), "{}", outcome.text);
}

/// Somebody puts the new leader's server in maintenance while the switchover runs: nobody can write.
#[rstest]
#[case::maintenance(ProxyStatus::Maintenance("".into()))]
#[case::drain(ProxyStatus::Drain)]
#[case::down(ProxyStatus::Down)]
fn a_switchover_after_which_nobody_can_write_through_the_router_is_not_simply_done(#[case] status: ProxyStatus) {
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = switched();
    rows(&mut snapshot, |rows| {
        for row in rows.iter_mut().filter(|row| row.server == *"pg-1") {
            row.status = status.clone();
        }
    });
    let plan = switchover(Some(1));
    assert!(judge_at(&plan, &mut attempt, &mut snapshot).decided);
    let outcome = overdue(&plan, &mut attempt, &mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Unverified, "{outcome:?}");
    assert!(outcome.text.as_str().contains("does not route writes to pg-1"), "{}", outcome.text);
}

/// What the far end itself refused needs no proof of two loops.
#[test]
fn a_reload_that_is_refused_for_want_of_a_login_has_failed_at_once() {
    let intent = Intent::Node(NodeIntent::Reload { target: Target::Member(pg(2)) });
    let expectation = Expectation::of([Milestone::Reloaded { member: pg(2) }], seconds(60));
    let plan = plan(intent, 2, AgentRequest::Reload, expectation);
    let mut attempt = begun(vec![ReplyStatus::Refused("401 no auth header received".into())]);
    let mut snapshot = healthy();
    // Whether the files were read cannot be told there.
    sql(&mut snapshot, 2, |report| report.files_read = None);
    let outcome = judge_at(&plan, &mut attempt, &mut snapshot).outcome.expect("refused");
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains("401"), "{}", outcome.text);
}

#[test]
fn a_rolling_restart_that_leaves_a_setting_waiting_is_not_simply_done() {
    let plan = Plan { intent: Intent::Node(NodeIntent::RollingRestart), ..restart(2) };
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = healthy();
    let later = started() + jiff::SignedDuration::from_hours(2);
    sql(&mut snapshot, 2, |report| {
        report.postmaster_started = later;
        report.pending_restart = vec!["max_connections".into()];
    });
    agent(&mut snapshot, 2, |report| report.postmaster_started = Some(later));
    let outcome = judge_at(&plan, &mut attempt, &mut snapshot).outcome.expect("restarted");
    assert_eq!(outcome.ending, OutcomeKind::Unverified, "{outcome:?}");
    assert!(outcome.text.as_str().contains("pg-2 is still pending restart"), "{}", outcome.text);
}

/// An order that is not on record is proven to be none while its answer is still out: nobody waits for that any longer.
#[test]
fn two_loops_without_the_order_count_from_when_it_was_sent() {
    let plan = switchover(Some(1));
    let mut attempt = begun(Vec::new());
    attempt.sends(since());
    let mut snapshot = healthy();
    attempt.stage = RunStage::Sending;
    for _ in 0..22 {
        assert_eq!(judge_at(&plan, &mut attempt, &mut snapshot).outcome, None);
    }
    attempt.replies.push(Reply { step: 0, at: snapshot.now, received: ReplyStatus::NoAnswer("no response".into()) });
    attempt.stage = RunStage::Watching;
    let outcome = judge_at(&plan, &mut attempt, &mut snapshot).outcome.expect("two loops have passed");
    assert_eq!(outcome.ending, OutcomeKind::Failed);
}

fn end_drain(server: &str) -> Order {
    let request = RouterRequest::EndDrain { backend: "primary".into(), server: server.into() };
    Order::Router { router: RouterName::new("edge"), request }
}

/// Two drains that a job has left.
fn undo(servers: [&str; 2]) -> Plan {
    let pending_undo =
        servers.iter().enumerate().map(|(step, server)| PendingUndo { step, order: end_drain(server) }).collect();
    let ready = |server: &&str| Milestone::RouterServer {
        router: RouterName::new("edge"),
        backend: "primary".into(),
        server: (*server).into(),
        state: ServerState::Ready,
    };
    let expectation = Expectation::of(servers.iter().map(ready), seconds(15));
    let plan = plan(Intent::Undo { action: ActionId("a0".into()), pending_undo }, 0, AgentRequest::Reload, expectation);
    let steps = servers.iter().map(|server| Step {
        text: format!("end the drain of {server}").into(),
        order: end_drain(server),
        undo: None,
        deadline: seconds(10),
    });
    Plan { steps: steps.collect(), ..plan }
}

#[rstest]
#[case::both(ReplyStatus::Accepted("ready".into()), ReplyStatus::Accepted("ready".into()), OutcomeKind::Done)]
#[case::both_seen_whatever_was_stated(ReplyStatus::NoAnswer("late".into()), ReplyStatus::NotSent("refused".into()), OutcomeKind::Done)]
fn what_was_reverted_is_reported_by_what_is_seen(
    #[case] first: ReplyStatus,
    #[case] second: ReplyStatus,
    #[case] ending: OutcomeKind,
) {
    let plan = undo(["pg-0", "pg-1"]);
    let mut attempt = begun(vec![first, second]);
    assert_eq!(judge_at(&plan, &mut attempt, &mut healthy()).outcome.expect("seen").ending, ending);
}

#[rstest]
#[case::one_is_left(ReplyStatus::Accepted("ready".into()), OutcomeKind::Unverified)]
#[case::the_other_was_so_already(ReplyStatus::NotSent("refused".into()), OutcomeKind::Unverified)]
fn what_could_not_be_reverted_is_named_with_its_reason(#[case] first: ReplyStatus, #[case] ending: OutcomeKind) {
    let plan = undo(["pg-0", "pg-1"]);
    let mut attempt = begun(vec![first, ReplyStatus::Refused("Permission denied".into())]);
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| {
        for row in rows.iter_mut().filter(|row| row.server == *"pg-1") {
            row.status = ProxyStatus::Drain;
        }
    });
    let outcome = overdue(&plan, &mut attempt, &mut snapshot);
    assert_eq!(outcome.ending, ending, "{outcome:?}");
    assert!(outcome.text.as_str().contains("not reverted: end the drain of pg-1 (Permission denied)"), "{outcome:?}");
    assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui undo a0")), "{outcome:?}");
}

/// A server that the router no longer has is in no drain.
#[test]
fn a_server_that_is_gone_holds_nothing_up() {
    let plan = undo(["pg-0", "pg-9"]);
    let gone = ReplyStatus::Accepted("the server no longer exists in HAProxy".into());
    let mut attempt = begun(vec![ReplyStatus::Accepted("ready".into()), gone]);
    assert_eq!(judge_at(&plan, &mut attempt, &mut healthy()).outcome.expect("all of it").ending, OutcomeKind::Done);
}
