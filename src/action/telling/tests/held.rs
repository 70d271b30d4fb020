//! A state must hold in the picture by which the outcome is called; and what the users do not get is no "done".

use rstest::rstest;

use super::super::{Attempt, Heard, Judgement, Reply, Stage, judge};
use crate::action::expectation::Expectation;
use crate::action::intent::{Intent, Owed, ServerState, Target};
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, Order, RouterRequest};
use crate::action::outcome::{Ending, Outcome};
use crate::action::plan::{Plan, Step};
use crate::action::record::ActionId;
use crate::action::test_support::*;
use crate::model::name::RouterName;
use crate::model::router::ProxyStatus;
use crate::model::snapshot::Snapshot;

fn begun(replies: Vec<Heard>) -> Attempt {
    let mut attempt = Attempt::begun(since());
    attempt.replies = replies.into_iter().enumerate().map(|(step, heard)| Reply { step, at: since(), heard }).collect();
    attempt.stage = Stage::Watching;
    attempt
}

fn look(plan: &Plan, attempt: &mut Attempt, snapshot: &mut Snapshot) -> Judgement {
    pass(snapshot, seconds(1));
    let judgement = judge(plan, &before(), attempt, snapshot);
    attempt.learn(&judgement, snapshot.now);
    judgement
}

fn overdue(plan: &Plan, attempt: &mut Attempt, snapshot: &mut Snapshot) -> Outcome {
    attempt.stage = Stage::Overdue;
    look(plan, attempt, snapshot).outcome.expect("the time is over")
}

fn accepted() -> Heard {
    Heard::Accepted("200 Successfully switched over to \"pg-1\"".into())
}

/// pg-1 was promoted, and was seen to be, before the routers followed.
fn promoted_once(attempt: &mut Attempt) -> Snapshot {
    let mut snapshot = switched();
    leads_to(&mut snapshot, &["pg-0"]);
    let judgement = look(&switchover(Some(1)), attempt, &mut snapshot);
    assert!(judgement.decided && judgement.outcome.is_none(), "{judgement:?}");
    snapshot
}

#[test]
fn a_leader_that_was_promoted_and_is_gone_again_is_not_done() {
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = promoted_once(&mut attempt);
    // pg-1 crashes; nobody leads.
    record(&mut snapshot, |content| content.leader = None);
    fail_sql(&mut snapshot, 1, crate::model::source::Trouble::Refused);
    let outcome = overdue(&switchover(Some(1)), &mut attempt, &mut snapshot);
    assert_eq!(outcome.ending, Ending::Unknown, "{outcome:?}");
    assert!(outcome.text.as_str().contains("pg-1 promoted (was seen at +"), "{}", outcome.text);
    assert!(outcome.text.as_str().contains("and is no more"), "{}", outcome.text);
}

#[test]
fn a_leader_that_was_promoted_and_followed_by_another_has_failed() {
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = promoted_once(&mut attempt);
    lock(&mut snapshot, 2);
    promote(&mut snapshot, 2);
    follow(&mut snapshot, 1, 2);
    let outcome = look(&switchover(Some(1)), &mut attempt, &mut snapshot).outcome.expect("ruled out");
    assert_eq!(outcome.ending, Ending::Failed, "{outcome:?}");
    assert!(outcome.text.as_str().contains("and is no more"), "{}", outcome.text);
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
    assert!(look(&plan, &mut attempt, &mut snapshot).decided);
    let outcome = overdue(&plan, &mut attempt, &mut snapshot);
    assert_eq!(outcome.ending, Ending::Unverified, "{outcome:?}");
    assert!(outcome.text.as_str().contains("does not lead writes to pg-1"), "{}", outcome.text);
}

/// What the far end itself refused needs no proof of two loops.
#[test]
fn a_reload_that_is_refused_for_want_of_a_login_has_failed_at_once() {
    let intent = Intent::Reload { target: Target::Member(pg(2)) };
    let expectation = Expectation::of([Milestone::Reloaded { member: pg(2) }], seconds(60));
    let plan = plan(intent, 2, AgentRequest::Reload, expectation);
    let mut attempt = begun(vec![Heard::Refused("401 no auth header received".into())]);
    let mut snapshot = healthy();
    // Whether the files were read cannot be told there.
    sql(&mut snapshot, 2, |report| report.files_read = None);
    let outcome = look(&plan, &mut attempt, &mut snapshot).outcome.expect("refused");
    assert_eq!(outcome.ending, Ending::Failed);
    assert!(outcome.text.as_str().contains("401"), "{}", outcome.text);
}

#[test]
fn a_rolling_restart_that_leaves_a_setting_waiting_is_not_simply_done() {
    let plan = Plan { intent: Intent::RollingRestart, ..restart(2) };
    let mut attempt = begun(vec![accepted()]);
    let mut snapshot = healthy();
    let later = started() + jiff::SignedDuration::from_hours(2);
    sql(&mut snapshot, 2, |report| {
        report.postmaster_started = later;
        report.pending_restart = vec!["max_connections".into()];
    });
    agent(&mut snapshot, 2, |report| report.postmaster_started = Some(later));
    let outcome = look(&plan, &mut attempt, &mut snapshot).outcome.expect("restarted");
    assert_eq!(outcome.ending, Ending::Unverified, "{outcome:?}");
    assert!(outcome.text.as_str().contains("pg-2 still waits for a restart"), "{}", outcome.text);
}

/// An order that is not on record is proven to be none while its answer is still out: nobody waits for that any longer.
#[test]
fn two_loops_without_the_order_count_from_when_it_was_sent() {
    let plan = switchover(Some(1));
    let mut attempt = begun(Vec::new());
    attempt.sends(since());
    let mut snapshot = healthy();
    attempt.stage = Stage::Sending;
    for _ in 0..22 {
        assert_eq!(look(&plan, &mut attempt, &mut snapshot).outcome, None);
    }
    attempt.replies.push(Reply { step: 0, at: snapshot.now, heard: Heard::NoAnswer("no answer".into()) });
    attempt.stage = Stage::Watching;
    let outcome = look(&plan, &mut attempt, &mut snapshot).outcome.expect("two loops have passed");
    assert_eq!(outcome.ending, Ending::Failed);
}

fn end_drain(server: &str) -> Order {
    let request = RouterRequest::EndDrain { backend: "primary".into(), server: server.into() };
    Order::Router { router: RouterName::new("edge"), request }
}

/// Two drains that a job has left.
fn undo(servers: [&str; 2]) -> Plan {
    let owed = servers.iter().enumerate().map(|(step, server)| Owed { step, order: end_drain(server) }).collect();
    let ready = |server: &&str| Milestone::RouterServer {
        router: RouterName::new("edge"),
        backend: "primary".into(),
        server: (*server).into(),
        state: ServerState::Ready,
    };
    let expectation = Expectation::of(servers.iter().map(ready), seconds(15));
    let plan = plan(Intent::Undo { action: ActionId("a0".into()), owed }, 0, AgentRequest::Reload, expectation);
    let steps = servers.iter().map(|server| Step {
        words: format!("end the drain of {server}").into(),
        order: end_drain(server),
        undo: None,
        deadline: seconds(10),
    });
    Plan { steps: steps.collect(), ..plan }
}

#[rstest]
#[case::both(Heard::Accepted("ready".into()), Heard::Accepted("ready".into()), Ending::Done)]
#[case::both_seen_whatever_was_said(Heard::NoAnswer("late".into()), Heard::NotSent("refused".into()), Ending::Done)]
fn what_was_taken_back_is_told_by_what_is_seen(#[case] first: Heard, #[case] second: Heard, #[case] ending: Ending) {
    let plan = undo(["pg-0", "pg-1"]);
    let mut attempt = begun(vec![first, second]);
    assert_eq!(look(&plan, &mut attempt, &mut healthy()).outcome.expect("seen").ending, ending);
}

#[rstest]
#[case::one_is_left(Heard::Accepted("ready".into()), Ending::Unverified)]
#[case::the_other_was_so_already(Heard::NotSent("refused".into()), Ending::Unverified)]
fn what_could_not_be_taken_back_is_named_with_its_reason(#[case] first: Heard, #[case] ending: Ending) {
    let plan = undo(["pg-0", "pg-1"]);
    let mut attempt = begun(vec![first, Heard::Refused("Permission denied".into())]);
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| {
        for row in rows.iter_mut().filter(|row| row.server == *"pg-1") {
            row.status = ProxyStatus::Drain;
        }
    });
    let outcome = overdue(&plan, &mut attempt, &mut snapshot);
    assert_eq!(outcome.ending, ending, "{outcome:?}");
    assert!(outcome.text.as_str().contains("not taken back: end the drain of pg-1 (Permission denied)"), "{outcome:?}");
    assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui undo a0")), "{outcome:?}");
}

/// A server that the router no longer has is in no drain.
#[test]
fn a_server_that_is_gone_holds_nothing_up() {
    let plan = undo(["pg-0", "pg-9"]);
    let gone = Heard::Accepted("HAProxy has no such server any more".into());
    let mut attempt = begun(vec![Heard::Accepted("ready".into()), gone]);
    assert_eq!(look(&plan, &mut attempt, &mut healthy()).outcome.expect("all of it").ending, Ending::Done);
}
