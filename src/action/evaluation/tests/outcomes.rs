use rstest::rstest;

use super::super::{Attempt, Judgement, Reply, ReplyStatus, RunStage, judge};
use crate::action::before::StateBefore;
use crate::action::expectation::Expectation;
use crate::action::intent::{CopySource, Intent, LeadIntent, NodeIntent};
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::plan::Plan;
use crate::action::test_support::*;
use crate::model::lsn::Timeline;
use crate::model::record::PendingOrder;
use crate::model::role::MemberState;
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;

/// An action of which the runner has made every step.
struct Run {
    plan: Plan,
    attempt: Attempt,
}

impl Run {
    fn of(plan: Plan, received: ReplyStatus) -> Self {
        let mut attempt = Attempt::begun(since());
        attempt.replies.push(Reply { step: 0, at: since(), received });
        attempt.stage = RunStage::Watching;
        Self { plan, attempt }
    }

    /// Shows it one picture after the other, a second apart, for as long as it takes to end.
    fn watch(&mut self, snapshot: &mut Snapshot, count: u64) -> Option<Outcome> {
        for _ in 0..count {
            let judgement = self.judge_at(snapshot);
            if judgement.outcome.is_some() {
                return judgement.outcome;
            }
        }
        None
    }

    fn judge_at(&mut self, snapshot: &mut Snapshot) -> Judgement {
        pass(snapshot, seconds(1));
        let judgement = judge(&self.plan, &before(), &self.attempt, snapshot);
        self.attempt.learn(&judgement, snapshot.now);
        judgement
    }

    /// The outcome once the time is over.
    fn overdue(&mut self, snapshot: &mut Snapshot) -> Outcome {
        self.attempt.stage = RunStage::Overdue;
        self.judge_at(snapshot).outcome.unwrap()
    }
}

fn accepted() -> ReplyStatus {
    ReplyStatus::Accepted("200 Successfully switched over to \"pg-1\"".into())
}

fn unavailable() -> ReplyStatus {
    ReplyStatus::InDoubt("503 Switchover status unknown".into())
}

fn unanswered() -> ReplyStatus {
    ReplyStatus::NoAnswer("http://pg-0:8008: timed out".into())
}

fn has_next(outcome: &Outcome, word: &str) -> bool {
    outcome.next.iter().any(|next| next.as_str().contains(word))
}

/// "503 but it happened", "timeout then happened": the reply decides nothing.
#[rstest]
#[case::accepted(accepted())]
#[case::unavailable(unavailable())]
#[case::unanswered(unanswered())]
#[case::refused(ReplyStatus::Refused("412 leader name does not match".into()))]
fn what_is_seen_is_done_whatever_was_replied(#[case] received: ReplyStatus) {
    let outcome = Run::of(switchover(Some(1)), received).watch(&mut switched(), 5).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Done);
}

#[test]
fn what_happens_late_is_still_done() {
    let mut run = Run::of(switchover(Some(1)), unavailable());
    assert_eq!(run.watch(&mut healthy(), 15), None);
    let mut later = switched();
    pass(&mut later, seconds(16));
    assert_eq!(run.watch(&mut later, 5).unwrap().ending, OutcomeKind::Done);
}

/// "200 but it did not".
#[rstest]
#[case::accepted(accepted())]
#[case::unavailable(unavailable())]
#[case::unanswered(unanswered())]
fn a_switchover_failed_when_all_is_as_before_for_two_loops(#[case] received: ReplyStatus) {
    let mut run = Run::of(switchover(Some(1)), received);
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 20), None, "a loop is 10 s");
    let outcome = run.watch(&mut snapshot, 2).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains("pg-0 is still the leader"), "{}", outcome.text);
}

#[test]
fn the_two_loops_begin_again_when_the_proof_breaks() {
    let mut run = Run::of(switchover(Some(1)), unavailable());
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 15), None);
    let order = PendingOrder { leader: Some(pg(0)), candidate: Some(pg(1)), scheduled_at: None };
    failover(&mut snapshot, Some(order), 61);
    assert_eq!(run.watch(&mut snapshot, 2), None);
    failover(&mut snapshot, None, 62);
    assert_eq!(run.watch(&mut snapshot, 20), None);
    assert_eq!(run.watch(&mut snapshot, 2).unwrap().ending, OutcomeKind::Failed);
}

#[test]
fn a_refusal_before_anything_was_begun_fails_at_once() {
    let mut run = Run::of(switchover(Some(1)), ReplyStatus::Refused("412 leader name does not match".into()));
    let outcome = run.watch(&mut healthy(), 3).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains("412"), "{}", outcome.text);
}

/// Something on the way to the agent answers in its place, and passes the order on.
#[rstest]
#[case::refused(ReplyStatus::Refused("412 leader name does not match".into()), 1)]
#[case::waited_too_long(ReplyStatus::InDoubt("408 Request Time-out".into()), 20)]
fn a_refusal_is_not_believed_before_the_order_could_be_on_record(#[case] received: ReplyStatus, #[case] quiet: u64) {
    let mut run = Run::of(switchover(Some(1)), received);
    assert_eq!(run.watch(&mut healthy(), quiet), None);
    let mut later = switched();
    pass(&mut later, seconds(quiet + 1));
    assert_eq!(run.watch(&mut later, 5).unwrap().ending, OutcomeKind::Done);
}

#[test]
fn what_was_not_sent_has_failed() {
    let mut run = Run::of(switchover(Some(1)), ReplyStatus::NotSent("connection refused".into()));
    assert_eq!(run.watch(&mut healthy(), 1).unwrap().ending, OutcomeKind::Failed);
}

/// The order may fire as long as it is on record.
#[test]
fn an_order_that_is_still_on_record_is_unknown_and_its_clearing_is_offered() {
    let mut run = Run::of(switchover(Some(1)), unavailable());
    let mut snapshot = healthy();
    let order = PendingOrder { leader: Some(pg(0)), candidate: Some(pg(1)), scheduled_at: None };
    failover(&mut snapshot, Some(order), 61);
    assert_eq!(run.watch(&mut snapshot, 40), None);
    let outcome = run.overdue(&mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Unknown);
    assert!(has_next(&outcome, "clear the failover key"), "{outcome:?}");
}

#[test]
fn without_quorum_the_outcome_is_unknown() {
    let mut run = Run::of(switchover(Some(1)), unanswered());
    let mut snapshot = healthy();
    lose_dcs(&mut snapshot);
    assert_eq!(run.watch(&mut snapshot, 40), None);
    let outcome = run.overdue(&mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Unknown);
    assert!(has_next(&outcome, "DCS"), "{outcome:?}");
}

/// A record that speaks while no member reaches the majority proves no absence.
#[test]
fn without_a_majority_nothing_is_proven_to_have_failed() {
    let mut run = Run::of(switchover(Some(1)), unavailable());
    let mut snapshot = healthy();
    etcds(&mut snapshot, |member| member.quorum = crate::model::dcs::Quorum::Missing);
    assert_eq!(run.watch(&mut snapshot, 40), None);
    assert_eq!(run.overdue(&mut snapshot).ending, OutcomeKind::Unknown);
}

#[test]
fn another_one_than_wanted_is_a_failure_that_says_who() {
    let mut snapshot = healthy();
    lock(&mut snapshot, 2);
    promote(&mut snapshot, 2);
    follow(&mut snapshot, 0, 2);
    let outcome = Run::of(switchover(Some(1)), accepted()).watch(&mut snapshot, 3).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains("pg-2 was promoted instead of pg-1"), "{}", outcome.text);
}

/// Promoted, and the old leader neither in recovery nor proven stopped: two may take writes.
#[test]
fn a_new_leader_beside_one_that_is_silent_is_unknown() {
    let mut snapshot = switched();
    lose(&mut snapshot, 0);
    let mut run = Run::of(switchover(Some(1)), accepted());
    assert_eq!(run.watch(&mut snapshot, 5), None);
    let outcome = run.overdue(&mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Unknown);
    assert!(outcome.text.as_str().contains("not verified to have stopped"), "{}", outcome.text);
}

#[test]
fn a_leader_that_stepped_down_for_nobody_is_unknown_and_a_failover_is_offered() {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.leader = None);
    fail_sql(&mut snapshot, 0, FailureKind::Refused);
    let mut run = Run::of(switchover(Some(1)), unavailable());
    assert_eq!(run.watch(&mut snapshot, 40), None);
    let outcome = run.overdue(&mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Unknown);
    assert!(has_next(&outcome, "pgctl-tui failover"), "{outcome:?}");
}

#[test]
fn what_does_not_decide_is_waited_for_and_then_remarked() {
    let mut snapshot = switched();
    lose(&mut snapshot, 2);
    let mut run = Run::of(switchover(Some(1)), accepted());
    assert_eq!(run.watch(&mut snapshot, 5), None);
    assert!(run.judge_at(&mut snapshot).decided);
    let outcome = run.overdue(&mut snapshot);
    assert_eq!(outcome.ending, OutcomeKind::Done);
    assert!(outcome.text.as_str().contains("all standbys streaming"), "{}", outcome.text);
}

/// Before the promotion the router leads to the old leader alone, and every standby streams: that is no milestone.
#[test]
fn routers_and_streams_are_reported_only_after_the_promotion() {
    let mut run = Run::of(switchover(Some(1)), accepted());
    let judgement = run.judge_at(&mut healthy());
    assert!(
        judgement.milestone_statuses.iter().all(|milestone_status| !milestone_status.is_reached()),
        "{:?}",
        judgement.milestone_statuses
    );
}

#[test]
fn nothing_ends_while_steps_are_to_be_made() {
    let mut run = Run::of(switchover(Some(1)), accepted());
    run.attempt.stage = RunStage::Sending;
    assert_eq!(run.watch(&mut switched(), 30), None);
}

/// The API hangs for a minute: what is done is done, and what is not may come yet.
#[test]
fn while_the_reply_is_awaited_it_can_be_done_but_not_failed() {
    let mut run = Run::of(switchover(Some(1)), accepted());
    run.attempt.replies.clear();
    run.attempt.stage = RunStage::Waiting;
    assert_eq!(run.watch(&mut healthy(), 60), None);
    let mut done = switched();
    pass(&mut done, seconds(61));
    assert_eq!(run.watch(&mut done, 5).unwrap().ending, OutcomeKind::Done);
}

/// The leader has died, and its lock has run out.
fn leaderless() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.leader = None);
    lose(&mut snapshot, 0);
    fail_sql(&mut snapshot, 0, FailureKind::Refused);
    snapshot
}

fn failover_from_the_dead(received: ReplyStatus) -> (Run, StateBefore) {
    let milestones = [Milestone::SteppedDown { member: pg(0) }, Milestone::Promoted { member: Some(pg(1)) }];
    let intent = Intent::Lead(LeadIntent::Failover { candidate: pg(1) });
    let expectation = Expectation::of(milestones, seconds(70));
    let plan = plan(intent, 1, AgentRequest::Failover { candidate: pg(1) }, expectation);
    (Run::of(plan, received), StateBefore::of(&leaderless()).unwrap())
}

/// Nobody tells the timeline of a dead leader; the record does.
#[test]
fn a_failover_from_a_dead_leader_is_done_when_the_new_one_is_on_a_newer_timeline() {
    let (run, before) = failover_from_the_dead(unanswered());
    assert_eq!(before.generation.timeline, Some(Timeline(12)));
    let mut snapshot = leaderless();
    lock(&mut snapshot, 1);
    promote(&mut snapshot, 1);
    pass(&mut snapshot, seconds(3));
    fail_sql(&mut snapshot, 0, FailureKind::Refused);
    let outcome = judge(&run.plan, &before, &run.attempt, &snapshot).outcome.unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Done);
}

/// Its port is forwarded, so that nobody refuses; its agent answers and says that it is stopped.
#[test]
fn a_failover_from_a_leader_that_was_stopped_in_order_is_done() {
    let (run, before) = failover_from_the_dead(accepted());
    let mut snapshot = healthy();
    lock(&mut snapshot, 1);
    promote(&mut snapshot, 1);
    follow(&mut snapshot, 2, 1);
    agent(&mut snapshot, 0, |report| report.state = MemberState::Stopped);
    pass(&mut snapshot, seconds(3));
    fail_sql(&mut snapshot, 0, FailureKind::Closed);
    let outcome = judge(&run.plan, &before, &run.attempt, &snapshot).outcome.unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
}

/// That the old leader is gone was so before.
#[rstest]
#[case::accepted(accepted())]
#[case::unavailable(unavailable())]
#[case::unanswered(unanswered())]
fn a_failover_after_which_nobody_leads_for_two_loops_has_failed(#[case] received: ReplyStatus) {
    let (mut run, before) = failover_from_the_dead(received);
    let mut snapshot = leaderless();
    let mut look = |run: &mut Run| {
        pass(&mut snapshot, seconds(1));
        fail_sql(&mut snapshot, 0, FailureKind::Refused);
        let judgement = judge(&run.plan, &before, &run.attempt, &snapshot);
        run.attempt.learn(&judgement, snapshot.now);
        judgement.outcome
    };
    assert!((0..20).all(|_| look(&mut run).is_none()));
    let outcome = (0..2).find_map(|_| look(&mut run)).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Failed, "{outcome:?}");
    assert!(outcome.text.as_str().contains("still no leader"), "{}", outcome.text);
}

fn reinit() -> Plan {
    let intent = Intent::Node(NodeIntent::Reinit { member: pg(2), source: CopySource::Any, again: false });
    let expectation =
        Expectation::of([Milestone::Copying { member: pg(2) }, Milestone::Streaming { member: pg(2) }], seconds(600));
    plan(intent, 2, AgentRequest::Reinit { source: CopySource::Any, force: false }, expectation)
}

/// A member streams before it is copied, too.
#[test]
fn a_copy_is_done_when_it_was_seen_and_then_streams() {
    let mut run = Run::of(reinit(), ReplyStatus::Accepted("200 reinitialize started".into()));
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 10), None);
    agent(&mut snapshot, 2, |report| report.state = MemberState::CreatingReplica);
    assert_eq!(run.watch(&mut snapshot, 3), None);
    agent(&mut snapshot, 2, |report| report.state = MemberState::Running);
    assert_eq!(run.watch(&mut snapshot, 2).unwrap().ending, OutcomeKind::Done);
}

/// A copy may take a day; that it has not begun shows within two loops.
#[rstest]
#[case::copy(reinit(), "200 reinitialize started")]
#[case::restart(restart(2), "200 restarted successfully")]
fn what_was_accepted_and_is_proven_not_to_have_happened_has_failed(#[case] plan: Plan, #[case] words: &str) {
    let mut run = Run::of(plan, ReplyStatus::Accepted(words.into()));
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 20), None);
    let outcome = run.watch(&mut snapshot, 2).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains("but pg-2 running since"), "{}", outcome.text);
}

#[test]
fn what_was_accepted_and_cannot_be_seen_is_not_verified() {
    let mut run = Run::of(reinit(), ReplyStatus::Accepted("200 reinitialize started".into()));
    let mut snapshot = healthy();
    lose(&mut snapshot, 2);
    assert_eq!(run.watch(&mut snapshot, 60), None);
    assert_eq!(run.overdue(&mut snapshot).ending, OutcomeKind::Unverified);
}

#[test]
fn a_copy_that_was_not_answered_and_has_not_begun_in_two_loops_has_failed() {
    let mut run = Run::of(reinit(), unanswered());
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 20), None);
    assert_eq!(run.watch(&mut snapshot, 2).unwrap().ending, OutcomeKind::Failed);
}

#[test]
fn a_restart_without_an_answer_is_never_proven_to_have_failed() {
    let mut run = Run::of(restart(2), unanswered());
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 60), None);
    assert_eq!(run.overdue(&mut snapshot).ending, OutcomeKind::Unknown);
}

#[test]
fn a_restart_that_was_refused_and_did_not_happen_has_failed() {
    let mut run = Run::of(restart(2), ReplyStatus::InDoubt("503 restart conditions are not satisfied".into()));
    let mut snapshot = healthy();
    assert_eq!(run.watch(&mut snapshot, 20), None);
    assert_eq!(run.watch(&mut snapshot, 3).unwrap().ending, OutcomeKind::Failed);
}

#[test]
fn an_action_that_leaves_no_trace_is_not_verified() {
    let plan = plan(
        Intent::Node(NodeIntent::Reload { target: crate::action::intent::Target::Member(pg(0)) }),
        0,
        AgentRequest::Reload,
        Expectation::default(),
    );
    let outcome = Run::of(plan, ReplyStatus::Accepted("202 reload scheduled".into())).watch(&mut healthy(), 1).unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Unverified);
}

/// The old leader's key goes from the DCS while it starts anew: it is no standby on record then, and still awaited.
#[test]
fn not_all_stream_before_the_old_leader_does() {
    let mut run = Run::of(switchover(Some(1)), accepted());
    let mut snapshot = switched();
    sql(&mut snapshot, 0, |report| report.receiver = None);
    record(&mut snapshot, |content| content.members.retain(|member| member.name != pg(0)));
    for _ in 0..2 {
        run.judge_at(&mut snapshot);
    }
    let reported = run.judge_at(&mut snapshot).milestone_statuses;
    assert!(reported[2].is_reached() && !reported[3].is_reached() && !reported[4].is_reached(), "{reported:?}");
    let mut snapshot = switched();
    let mut run = Run::of(switchover(Some(1)), accepted());
    for _ in 0..2 {
        run.judge_at(&mut snapshot);
    }
    assert!(run.judge_at(&mut snapshot).milestone_statuses[4].is_reached());
}
