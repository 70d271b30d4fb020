//! The runner against doubles of its ports: what is sent, what is written down, and in which order.

pub(super) mod fixture;
pub(super) mod long_orders;
mod pooler_release;
mod router_handover;
mod undoing;

use fixture::*;
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use crate::action::outcome::OutcomeKind;
use crate::operate::progress::Event;

/// Nothing was sent, the refusal is on record, and the lock, if it was taken, was given back.
fn assert_untouched(fixture: &RunnerFixture) {
    assert_eq!(fixture.sent(), [""; 0]);
    assert_eq!(fixture.with("journal: "), ["refused"]);
    assert_eq!(fixture.with("locked").len(), fixture.with("released").len());
}

#[tokio::test(start_paused = true)]
async fn everything_is_written_down_before_it_is_done() {
    let fixture = RunnerFixture::new();
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Done);
    let log = fixture.world().log.join("\n");
    insta::assert_snapshot!(log, @r"
    examined
    locked for switchover
    examined
    journal: started
    journal: began 0
    sent: CHECKPOINT on pg-0
    journal: ended 0
    owed 1
    journal: began 1
    sent: drain pg-0
    journal: ended 1
    journal: began 2
    journal: ended 2
    journal: began 3
    sent: POST /switchover
    journal: ended 3
    journal: began 4
    journal: reached pg-1 promoted
    journal: ended 4
    journal: began 5
    sent: health up pg-1
    journal: ended 5
    undone: pg-0 ready
    journal: undone 1
    settled 1 Undone
    journal: ended as done
    released
    ");
}

#[tokio::test(start_paused = true)]
async fn the_progress_tells_the_story_with_times() {
    let fixture = RunnerFixture::new();
    let (_, reported) = fixture.run_as(&fixture.request(), CancellationToken::new()).await;
    assert!(matches!(reported.last().map(|progress| &progress.event), Some(Event::Ended { .. })));
    let reached =
        reported.iter().find(|progress| matches!(progress.event, Event::Reached { .. })).expect("a milestone");
    let after = reached.after.expect("steps had begun");
    assert!(after >= SECOND * 3 && after < SECOND * 4, "checkpoint and switchover took 3 s: {after:?}");
    for progress in reported {
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<crate::operate::Progress>(&text).unwrap(), progress);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_moved_since_the_plan_was_made_stops_everything() {
    let fixture = RunnerFixture::new();
    fixture.world().leader = Some("pg-2");
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Refused);
    assert!(outcome.text.as_str().contains("the leader was pg-0 and is now pg-2"), "{}", outcome.text);
    assert_untouched(&fixture);
    assert_eq!(fixture.with("locked"), [""; 0], "nobody is locked out for what is refused anyway");
}

#[tokio::test(start_paused = true)]
async fn what_moves_while_the_lock_is_taken_is_seen_under_it() {
    let fixture = RunnerFixture::new();
    fixture.world().on_lock = Some(Box::new(|world| world.revision = 44));
    let outcome = fixture.run().await;
    assert_eq!(
        outcome.text,
        "the cluster has changed since the plan was made: pg-0 lost the leader key and acquired it again"
    );
    assert_untouched(&fixture);
    assert_eq!(fixture.with("released").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_again_under_the_lock_refuses_although_it_still_counts_as_fresh() {
    let fixture = RunnerFixture::new();
    fixture.world().on_lock = Some(Box::new(|world| world.is_read = false));
    let outcome = fixture.run().await;
    assert_eq!(outcome.text, "the DCS state could not be read again under the lock");
    assert_untouched(&fixture);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_somebody_else_refuses_in_their_words() {
    let fixture = RunnerFixture::new();
    fixture.world().taken = Some(claim_of("bob"));
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Refused);
    assert_eq!(
        outcome.text,
        "reinit of bob@bastion-2 has held the operation lock since 2026-11-21T13:58:00Z; if its process has died, the lock expires within 9 s"
    );
    assert_untouched(&fixture);
}

#[tokio::test(start_paused = true)]
async fn the_lock_is_reported_which_members_the_plan_stops_by_itself() {
    let fixture = RunnerFixture::new();
    fixture.run().await;
    let reported: Vec<_> = fixture.world().may_go.iter().map(ToString::to_string).collect();
    assert_eq!(reported, ["pg-0"], "whoever led is started again as a standby");
}

#[rstest]
#[case::from_the_beginning(false)]
#[case::only_under_the_lock(true)]
#[tokio::test(start_paused = true)]
async fn a_check_that_blocks_refuses_whenever_it_begins_to(#[case] late: bool) {
    let fixture = RunnerFixture::new();
    if late {
        fixture.world().on_lock = Some(Box::new(|world| world.notes = vec![block("pg-1 has a replay lag of 2 GB")]));
    } else {
        fixture.world().notes = vec![block("pg-1 has a replay lag of 2 GB")];
    }
    let outcome = fixture.run().await;
    assert_eq!((outcome.ending, outcome.text.as_str()), (OutcomeKind::Refused, "pg-1 has a replay lag of 2 GB"));
    assert_untouched(&fixture);
}

#[tokio::test(start_paused = true)]
async fn only_the_plan_that_was_confirmed_runs() {
    let fixture = RunnerFixture::new();
    let outcome = fixture.run_as(&mistyped(fixture.request()), CancellationToken::new()).await.0;
    assert_eq!(outcome.text, "not confirmed: type prod-eu");
    assert_untouched(&fixture);

    let fixture = RunnerFixture::new();
    let mut request = fixture.request();
    request.plan.steps.pop();
    let outcome = fixture.run_as(&request, CancellationToken::new()).await.0;
    assert_eq!(outcome.ending, OutcomeKind::Refused, "{}", outcome.text);
    assert_untouched(&fixture);

    let fixture = RunnerFixture::new();
    let request = fixture.request();
    fixture.world().plan.steps.remove(1);
    let outcome = fixture.run_as(&request, CancellationToken::new()).await.0;
    assert!(outcome.text.as_str().contains("confirm it again"), "{}", outcome.text);
    assert_untouched(&fixture);
}

#[tokio::test(start_paused = true)]
async fn without_a_record_on_disk_nothing_is_sent() {
    let fixture = RunnerFixture::new();
    fixture.world().full_at = Some("started");
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Refused);
    assert!(outcome.text.as_str().contains("no space left for the journal"), "{}", outcome.text);
    assert_eq!((fixture.sent().len(), fixture.with("released").len()), (0, 1));
}

#[rstest]
#[case::before_the_first_step("began 0", &[], OutcomeKind::Refused)]
#[case::before_the_drain("began 1", &[CHECKPOINT], OutcomeKind::Failed)]
#[case::before_the_decisive_step("began 3", &[CHECKPOINT, DRAIN], OutcomeKind::Failed)]
#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_ends_the_action_before_the_point_of_no_return(
    #[case] full_at: &'static str,
    #[case] sent: &[&str],
    #[case] ending: OutcomeKind,
) {
    let fixture = RunnerFixture::new();
    fixture.world().full_at = Some(full_at);
    let outcome = fixture.run().await;
    assert_eq!((fixture.sent(), outcome.ending), (sent.iter().map(ToString::to_string).collect(), ending));
    let reverted_steps: &[&str] = if sent.contains(&DRAIN) { &["pg-0 ready"] } else { &[] };
    assert_eq!(fixture.with("undone: "), reverted_steps);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_later_stops_nothing_and_is_reported() {
    let fixture = RunnerFixture::new();
    fixture.world().full_at = Some("ended 3");
    let outcome = fixture.run().await;
    assert_eq!(
        (fixture.sent(), outcome.ending),
        (vec![CHECKPOINT.into(), DRAIN.into(), SWITCH.into(), HEALTH_UP_ORDER.into()], OutcomeKind::Done)
    );
    assert!(outcome.next.iter().any(|next| next.as_str().contains("the journal has a gap")), "{:?}", outcome.next);
}

fn succeeds(world: &mut World) {
    world.leader = Some("pg-1");
    world.revision = 50;
    world.shown.insert(promoted().describe());
}

#[rstest]
#[case::no_answer(no_answer())]
#[case::refused(refused())]
#[tokio::test(start_paused = true)]
async fn what_happened_is_done_whatever_the_agent_stated(
    #[case] reply: Result<crate::driver::port::Reply, crate::driver::port::NotPerformed>,
) {
    let fixture = RunnerFixture::new();
    fixture.when(SWITCH, reply, Some(Box::new(succeeds)));
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Done);
    assert_eq!(
        fixture.sent(),
        [CHECKPOINT, DRAIN, SWITCH, HEALTH_UP_ORDER],
        "nothing twice, and the rest once it was seen"
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_is_not_waited_for_once_its_work_is_seen() {
    let fixture = RunnerFixture::new();
    fixture.world().plan.steps[3].deadline = SECOND * 600;
    fixture.hangs(SWITCH, Box::new(succeeds));
    let (outcome, reported) = fixture.run_as(&fixture.request(), CancellationToken::new()).await;
    assert_eq!(outcome.ending, OutcomeKind::Done);
    assert_eq!(fixture.sent(), [CHECKPOINT, DRAIN, SWITCH, HEALTH_UP_ORDER]);
    let ended = reported.iter().find_map(|progress| match &progress.event {
        Event::StepEnded { step: 3, took, accepted, .. } => Some((*took, *accepted)),
        _ => None,
    });
    let (took, accepted) = ended.expect("the step ended");
    assert!(took < SECOND * 10, "{took:?}");
    assert_eq!(accepted, None, "nobody has accepted anything");
}

#[rstest]
#[case::no_answer_but_restarted(no_answer(), true, &[RESTART, RESTART_NEXT], OutcomeKind::Done)]
#[case::no_answer_and_not_seen(no_answer(), false, &[RESTART], OutcomeKind::Unknown)]
#[case::refused_but_restarted(refused(), true, &[RESTART, RESTART_NEXT], OutcomeKind::Done)]
#[case::refused_and_not_seen(refused(), false, &[RESTART], OutcomeKind::Unknown)]
#[case::refused_outright(refused_outright(), false, &[RESTART], OutcomeKind::Failed)]
#[tokio::test(start_paused = true)]
async fn an_unanswered_step_is_reported_by_the_state_that_is_awaited_next(
    #[case] reply: Result<crate::driver::port::Reply, crate::driver::port::NotPerformed>,
    #[case] restarts_all_the_same: bool,
    #[case] sent: &[&str],
    #[case] ending: OutcomeKind,
) {
    let fixture = RunnerFixture::new();
    fixture.world().plan = restarts();
    let first = crate::action::milestone::Milestone::Restarted { member: "pg-1".into() };
    let then = move |world: &mut World| {
        if restarts_all_the_same {
            world.shown.insert(first.describe());
        }
    };
    fixture.when(RESTART, reply, Some(Box::new(then)));
    fixture.when(RESTART_NEXT, accepted(), None);
    let outcome = fixture.run().await;
    assert_eq!(
        (fixture.sent(), outcome.ending),
        (sent.iter().map(ToString::to_string).collect(), ending),
        "{outcome:?}"
    );
}

#[rstest]
#[case::proven(true, OutcomeKind::Failed)]
#[case::open(false, OutcomeKind::Unknown)]
#[tokio::test(start_paused = true)]
async fn what_was_not_seen_to_happen_is_as_the_rules_judge_it_and_nothing_more_is_sent(
    #[case] is_disproven: bool,
    #[case] ending: OutcomeKind,
) {
    let fixture = RunnerFixture::new();
    fixture.world().is_disproven = is_disproven;
    fixture.when(SWITCH, no_answer(), None);
    let outcome = fixture.run().await;
    assert_eq!((fixture.sent(), outcome.ending), (vec![CHECKPOINT.into(), DRAIN.into(), SWITCH.into()], ending));
    assert_eq!(fixture.with("undone: "), ["pg-0 ready"]);
}

#[tokio::test(start_paused = true)]
async fn a_decisive_step_that_never_left_this_host_is_no_action() {
    let fixture = RunnerFixture::new();
    fixture.when(SWITCH, not_sent(), None);
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains("before the point of no return"), "{}", outcome.text);
    assert_eq!(fixture.with("undone: "), ["pg-0 ready"]);
}

#[rstest]
#[case::lost(|world: &mut World| world.is_lock_lost = true)]
#[case::silent(|world: &mut World| world.lock_silent = true)]
#[case::leader(|world: &mut World| world.leader = Some("pg-2"))]
#[case::retaken(|world: &mut World| world.revision = 41)]
#[case::nobody(|world: &mut World| world.leader = None)]
#[tokio::test(start_paused = true)]
async fn before_the_point_of_no_return_a_lost_lock_or_leader_aborts_and_undoes(#[case] befalls: fn(&mut World)) {
    let fixture = RunnerFixture::new();
    fixture.world().plan.steps[2].order = crate::action::order::Order::Await {
        milestone: crate::action::milestone::Milestone::RouterFollows,
        at_most: SECOND * 60,
    };
    fixture.when(DRAIN, accepted(), Some(Box::new(befalls)));
    let outcome = fixture.run().await;
    assert_eq!((fixture.sent(), outcome.ending), (vec![CHECKPOINT.into(), DRAIN.into()], OutcomeKind::Failed));
    assert_eq!(fixture.with("undone: "), ["pg-0 ready"]);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_did_not_come_about_is_told_with_what_there_was_instead() {
    let fixture = RunnerFixture::new();
    fixture.world().plan.steps[2].order = crate::action::order::Order::Await {
        milestone: crate::action::milestone::Milestone::RouterFollows,
        at_most: SECOND * 5,
    };
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert!(outcome.text.as_str().contains(&format!("not observed in time: {CALM}: not seen")), "{}", outcome.text);
    assert_eq!(fixture.with("undone: "), ["pg-0 ready"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_point_of_no_return_a_lost_lock_stops_nothing() {
    let fixture = RunnerFixture::new();
    fixture.when(
        SWITCH,
        accepted(),
        Some(Box::new(|world| {
            world.is_lock_lost = true;
            succeeds(world);
        })),
    );
    let outcome = fixture.run().await;
    assert_eq!((fixture.sent().len(), outcome.ending), (4, OutcomeKind::Done));
}

#[tokio::test(start_paused = true)]
async fn what_is_temporary_is_reverted_in_reverse_order() {
    let fixture = RunnerFixture::new();
    {
        let mut world = fixture.world();
        let mut second = world.plan.steps[1].clone();
        second.text = HEALTH_UP_ORDER.into();
        if let Some(crate::action::order::Order::Router {
            request: crate::action::order::RouterRequest::State { server, .. },
            ..
        }) = &mut second.undo
        {
            *server = "pg-9".into();
        }
        world.plan.steps.insert(2, second);
        world.plan.no_return += 1;
        world.plan.steps.pop();
    }
    fixture.when(SWITCH, not_sent(), None);
    fixture.run().await;
    assert_eq!(fixture.with("undone: "), ["pg-9 ready", "pg-0 ready"]);
    assert_eq!(fixture.with("settled "), ["2 Undone", "1 Undone"]);
}

#[rstest]
#[case::unanswered(no_answer(), &["pg-0 ready"], "1 Undone")]
#[case::refused(refused_outright(), &[], "1 NeverMade")]
#[case::refused_and_that_proves_nothing(refused(), &["pg-0 ready"], "1 Undone")]
#[case::not_sent(not_sent(), &[], "1 NeverMade")]
#[tokio::test(start_paused = true)]
async fn a_temporary_step_is_reverted_wherever_it_may_have_been_made(
    #[case] reply: Result<crate::driver::port::Reply, crate::driver::port::NotPerformed>,
    #[case] reverted_steps: &[&str],
    #[case] settled: &str,
) {
    let fixture = RunnerFixture::new();
    fixture.when(DRAIN, reply, None);
    let outcome = fixture.run().await;
    assert_eq!(outcome.ending, OutcomeKind::Failed);
    assert_eq!(
        (fixture.sent(), fixture.with("undone: ")),
        (vec![CHECKPOINT.into(), DRAIN.into()], reverted_steps.iter().map(ToString::to_string).collect())
    );
    assert_eq!(fixture.with("settled "), [settled]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_in_vain_leaves_the_following_steps_unsent() {
    let fixture = RunnerFixture::new();
    fixture.when(SWITCH, accepted(), None);
    let outcome = fixture.run().await;
    assert_eq!((fixture.sent().last().map(String::as_str), outcome.ending), (Some(SWITCH), OutcomeKind::Unverified));
    assert!(outcome.next.iter().any(|next| next.as_str().contains("wait for pg-1")), "{:?}", outcome.next);
}

#[rstest]
#[case::at_once(0, &[], OutcomeKind::Refused)]
#[case::before_the_decisive_step(500, &[CHECKPOINT], OutcomeKind::Failed)]
#[case::while_it_is_sent(1_900, &[CHECKPOINT, DRAIN, SWITCH, HEALTH_UP_ORDER], OutcomeKind::Done)]
#[tokio::test(start_paused = true)]
async fn cancelling_ends_it_before_the_point_of_no_return_alone(
    #[case] millis: u64,
    #[case] sent: &[&str],
    #[case] ending: OutcomeKind,
) {
    let fixture = RunnerFixture::new();
    let cancel = CancellationToken::new();
    let request = fixture.request();
    let cancels = async {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        cancel.cancel();
    };
    let ((outcome, _), ()) = tokio::join!(fixture.run_as(&request, cancel.clone()), cancels);
    assert_eq!((fixture.sent(), outcome.ending), (sent.iter().map(ToString::to_string).collect(), ending));
}

#[tokio::test(start_paused = true)]
async fn cancelling_while_nothing_is_left_to_send_ends_the_watching_and_claims_nothing() {
    let fixture = RunnerFixture::new();
    {
        let mut world = fixture.world();
        world.plan.steps.truncate(4);
    }
    fixture.when(SWITCH, accepted(), None);
    let cancel = CancellationToken::new();
    let request = fixture.request();
    let cancels = async {
        tokio::time::sleep(SECOND * 8).await;
        cancel.cancel();
    };
    let ((outcome, reported), ()) = tokio::join!(fixture.run_as(&request, cancel.clone()), cancels);
    assert_eq!(outcome.ending, OutcomeKind::Unknown, "{}", outcome.text);
    let after = reported.last().and_then(|progress| progress.after).expect("steps had begun");
    assert!(after < SECOND * 10, "it did not wait for its deadline: {after:?}");
    assert_eq!(fixture.with("undone: "), ["pg-0 ready"]);
}
