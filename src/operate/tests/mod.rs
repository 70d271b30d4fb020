//! The runner against doubles of its ports: what is sent, what is written down, and in which order.

mod escorting;
pub(super) mod stage;
mod undoing;

use rstest::rstest;
use stage::*;
use tokio_util::sync::CancellationToken;

use crate::action::outcome::Ending;
use crate::operate::progress::Event;

/// Nothing was sent, the refusal is on record, and the lock, if it was taken, was given back.
fn assert_untouched(stage: &Stage) {
    assert_eq!(stage.sent(), [""; 0]);
    assert_eq!(stage.with("journal: "), ["refused"]);
    assert_eq!(stage.with("locked").len(), stage.with("released").len());
}

#[tokio::test(start_paused = true)]
async fn everything_is_written_down_before_it_is_done() {
    let stage = Stage::new();
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Done);
    let log = stage.world().log.join("\n");
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
    let stage = Stage::new();
    let (_, told) = stage.run_as(&stage.request(), CancellationToken::new()).await;
    assert!(matches!(told.last().map(|progress| &progress.event), Some(Event::Ended { .. })));
    let reached = told.iter().find(|progress| matches!(progress.event, Event::Reached { .. })).expect("a milestone");
    let after = reached.after.expect("steps had begun");
    assert!(after >= SECOND * 3 && after < SECOND * 4, "checkpoint and switchover took 3 s: {after:?}");
    for progress in told {
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<crate::operate::Progress>(&text).unwrap(), progress);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_moved_since_the_plan_was_made_stops_everything() {
    let stage = Stage::new();
    stage.world().leader = Some("pg-2");
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Refused);
    assert!(outcome.text.as_str().contains("the leader was pg-0 and is pg-2"), "{}", outcome.text);
    assert_untouched(&stage);
    assert_eq!(stage.with("locked"), [""; 0], "nobody is locked out for what is refused anyway");
}

#[tokio::test(start_paused = true)]
async fn what_moves_while_the_lock_is_taken_is_seen_under_it() {
    let stage = Stage::new();
    stage.world().on_lock = Some(Box::new(|world| world.revision = 44));
    let outcome = stage.run().await;
    assert_eq!(
        outcome.text,
        "the cluster has moved since the plan was made: pg-0 lost the leader lock and took it again"
    );
    assert_untouched(&stage);
    assert_eq!(stage.with("released").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_anew_under_the_lock_refuses_although_it_still_counts_as_fresh() {
    let stage = Stage::new();
    stage.world().on_lock = Some(Box::new(|world| world.is_read = false));
    let outcome = stage.run().await;
    assert_eq!(outcome.text, "the cluster's record could not be read anew under the lock");
    assert_untouched(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_somebody_else_refuses_in_their_words() {
    let stage = Stage::new();
    stage.world().taken = Some(claim_of("bob"));
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Refused);
    assert_eq!(
        outcome.text,
        "reinit of bob@bastion-2 holds the operation lock since 2026-11-21T13:58:00Z; should its process have died, the lock expires within 9 s"
    );
    assert_untouched(&stage);
}

#[rstest]
#[case::from_the_beginning(false)]
#[case::only_under_the_lock(true)]
#[tokio::test(start_paused = true)]
async fn a_check_that_blocks_refuses_whenever_it_begins_to(#[case] late: bool) {
    let stage = Stage::new();
    if late {
        stage.world().on_lock = Some(Box::new(|world| world.notes = vec![block("pg-1 is 2 GB behind")]));
    } else {
        stage.world().notes = vec![block("pg-1 is 2 GB behind")];
    }
    let outcome = stage.run().await;
    assert_eq!((outcome.ending, outcome.text.as_str()), (Ending::Refused, "pg-1 is 2 GB behind"));
    assert_untouched(&stage);
}

#[tokio::test(start_paused = true)]
async fn only_the_plan_that_was_confirmed_runs() {
    let stage = Stage::new();
    let outcome = stage.run_as(&mistyped(stage.request()), CancellationToken::new()).await.0;
    assert_eq!(outcome.text, "not confirmed: type prod-eu");
    assert_untouched(&stage);

    let stage = Stage::new();
    let mut request = stage.request();
    request.plan.steps.pop();
    let outcome = stage.run_as(&request, CancellationToken::new()).await.0;
    assert_eq!(outcome.ending, Ending::Refused, "{}", outcome.text);
    assert_untouched(&stage);

    let stage = Stage::new();
    let request = stage.request();
    stage.world().plan.steps.remove(1);
    let outcome = stage.run_as(&request, CancellationToken::new()).await.0;
    assert!(outcome.text.as_str().contains("confirm it anew"), "{}", outcome.text);
    assert_untouched(&stage);
}

#[tokio::test(start_paused = true)]
async fn without_a_record_on_disk_nothing_is_sent() {
    let stage = Stage::new();
    stage.world().full_at = Some("started");
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Refused);
    assert!(outcome.text.as_str().contains("no room is left for the journal"), "{}", outcome.text);
    assert_eq!((stage.sent().len(), stage.with("released").len()), (0, 1));
}

#[rstest]
#[case::before_the_first_step("began 0", &[], Ending::Refused)]
#[case::before_the_drain("began 1", &[CHECKPOINT], Ending::Failed)]
#[case::before_the_decisive_step("began 3", &[CHECKPOINT, DRAIN], Ending::Failed)]
#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_ends_the_action_before_the_point_of_no_return(
    #[case] full_at: &'static str,
    #[case] sent: &[&str],
    #[case] ending: Ending,
) {
    let stage = Stage::new();
    stage.world().full_at = Some(full_at);
    let outcome = stage.run().await;
    assert_eq!((stage.sent(), outcome.ending), (sent.iter().map(ToString::to_string).collect(), ending));
    let undone: &[&str] = if sent.contains(&DRAIN) { &["pg-0 ready"] } else { &[] };
    assert_eq!(stage.with("undone: "), undone);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_later_stops_nothing_and_is_told() {
    let stage = Stage::new();
    stage.world().full_at = Some("ended 3");
    let outcome = stage.run().await;
    assert_eq!(
        (stage.sent(), outcome.ending),
        (vec![CHECKPOINT.into(), DRAIN.into(), SWITCH.into(), TELL.into()], Ending::Done)
    );
    assert!(outcome.next.iter().any(|next| next.as_str().contains("the journal has a gap")), "{:?}", outcome.next);
}

fn succeeds(world: &mut World) {
    world.leader = Some("pg-1");
    world.revision = 50;
    world.shown.insert(promoted().words());
}

#[rstest]
#[case::no_answer(no_answer())]
#[case::refused(refused())]
#[tokio::test(start_paused = true)]
async fn what_happened_is_done_whatever_the_agent_said(
    #[case] reply: Result<crate::driver::port::Reply, crate::driver::port::NotPerformed>,
) {
    let stage = Stage::new();
    stage.when(SWITCH, reply, Some(Box::new(succeeds)));
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!(stage.sent(), [CHECKPOINT, DRAIN, SWITCH, TELL], "nothing twice, and the rest once it was seen");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_is_not_waited_for_once_its_work_is_seen() {
    let stage = Stage::new();
    stage.world().plan.steps[3].deadline = SECOND * 600;
    stage.hangs(SWITCH, Box::new(succeeds));
    let (outcome, told) = stage.run_as(&stage.request(), CancellationToken::new()).await;
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!(stage.sent(), [CHECKPOINT, DRAIN, SWITCH, TELL]);
    let ended = told.iter().find_map(|progress| match &progress.event {
        Event::StepEnded { step: 3, took, accepted, .. } => Some((*took, *accepted)),
        _ => None,
    });
    let (took, accepted) = ended.expect("the step ended");
    assert!(took < SECOND * 10, "{took:?}");
    assert_eq!(accepted, None, "nobody has accepted anything");
}

#[rstest]
#[case::no_answer_but_restarted(no_answer(), true, &[RESTART, RESTART_NEXT], Ending::Done)]
#[case::no_answer_and_not_seen(no_answer(), false, &[RESTART], Ending::Unknown)]
#[case::refused_but_restarted(refused(), true, &[RESTART, RESTART_NEXT], Ending::Done)]
#[case::refused_and_not_seen(refused(), false, &[RESTART], Ending::Unknown)]
#[case::refused_outright(refused_outright(), false, &[RESTART], Ending::Failed)]
#[tokio::test(start_paused = true)]
async fn an_unanswered_step_is_told_by_the_state_that_is_awaited_next(
    #[case] reply: Result<crate::driver::port::Reply, crate::driver::port::NotPerformed>,
    #[case] restarts_all_the_same: bool,
    #[case] sent: &[&str],
    #[case] ending: Ending,
) {
    let stage = Stage::new();
    stage.world().plan = restarts();
    let first = crate::action::milestone::Milestone::Restarted { member: "pg-1".into() };
    let then = move |world: &mut World| {
        if restarts_all_the_same {
            world.shown.insert(first.words());
        }
    };
    stage.when(RESTART, reply, Some(Box::new(then)));
    stage.when(RESTART_NEXT, accepted(), None);
    let outcome = stage.run().await;
    assert_eq!((stage.sent(), outcome.ending), (sent.iter().map(ToString::to_string).collect(), ending), "{outcome:?}");
}

#[rstest]
#[case::proven(true, Ending::Failed)]
#[case::open(false, Ending::Unknown)]
#[tokio::test(start_paused = true)]
async fn what_was_not_seen_to_happen_is_as_the_rules_judge_it_and_nothing_more_is_sent(
    #[case] is_disproven: bool,
    #[case] ending: Ending,
) {
    let stage = Stage::new();
    stage.world().is_disproven = is_disproven;
    stage.when(SWITCH, no_answer(), None);
    let outcome = stage.run().await;
    assert_eq!((stage.sent(), outcome.ending), (vec![CHECKPOINT.into(), DRAIN.into(), SWITCH.into()], ending));
    assert_eq!(stage.with("undone: "), ["pg-0 ready"]);
}

#[tokio::test(start_paused = true)]
async fn a_decisive_step_that_never_left_this_host_is_no_action() {
    let stage = Stage::new();
    stage.when(SWITCH, not_sent(), None);
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Failed);
    assert!(outcome.text.as_str().contains("before the point of no return"), "{}", outcome.text);
    assert_eq!(stage.with("undone: "), ["pg-0 ready"]);
}

#[rstest]
#[case::lost(|world: &mut World| world.is_lock_lost = true)]
#[case::silent(|world: &mut World| world.lock_silent = true)]
#[case::leader(|world: &mut World| world.leader = Some("pg-2"))]
#[case::retaken(|world: &mut World| world.revision = 41)]
#[case::nobody(|world: &mut World| world.leader = None)]
#[tokio::test(start_paused = true)]
async fn before_the_point_of_no_return_a_lost_lock_or_leader_aborts_and_undoes(#[case] befalls: fn(&mut World)) {
    let stage = Stage::new();
    stage.world().plan.steps[2].order = crate::action::order::Order::Await {
        milestone: crate::action::milestone::Milestone::RouterFollows,
        at_most: SECOND * 60,
    };
    stage.when(DRAIN, accepted(), Some(Box::new(befalls)));
    let outcome = stage.run().await;
    assert_eq!((stage.sent(), outcome.ending), (vec![CHECKPOINT.into(), DRAIN.into()], Ending::Failed));
    assert_eq!(stage.with("undone: "), ["pg-0 ready"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_point_of_no_return_a_lost_lock_stops_nothing() {
    let stage = Stage::new();
    stage.when(
        SWITCH,
        accepted(),
        Some(Box::new(|world| {
            world.is_lock_lost = true;
            succeeds(world);
        })),
    );
    let outcome = stage.run().await;
    assert_eq!((stage.sent().len(), outcome.ending), (4, Ending::Done));
}

#[tokio::test(start_paused = true)]
async fn what_is_temporary_is_taken_back_in_reverse_order() {
    let stage = Stage::new();
    {
        let mut world = stage.world();
        let mut second = world.plan.steps[1].clone();
        second.words = TELL.into();
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
    stage.when(SWITCH, not_sent(), None);
    stage.run().await;
    assert_eq!(stage.with("undone: "), ["pg-9 ready", "pg-0 ready"]);
    assert_eq!(stage.with("settled "), ["2 Undone", "1 Undone"]);
}

#[rstest]
#[case::unanswered(no_answer(), &["pg-0 ready"], "1 Undone")]
#[case::refused(refused_outright(), &[], "1 NeverMade")]
#[case::refused_and_that_proves_nothing(refused(), &["pg-0 ready"], "1 Undone")]
#[case::not_sent(not_sent(), &[], "1 NeverMade")]
#[tokio::test(start_paused = true)]
async fn a_temporary_step_is_taken_back_wherever_it_may_have_been_made(
    #[case] reply: Result<crate::driver::port::Reply, crate::driver::port::NotPerformed>,
    #[case] undone: &[&str],
    #[case] settled: &str,
) {
    let stage = Stage::new();
    stage.when(DRAIN, reply, None);
    let outcome = stage.run().await;
    assert_eq!(outcome.ending, Ending::Failed);
    assert_eq!(
        (stage.sent(), stage.with("undone: ")),
        (vec![CHECKPOINT.into(), DRAIN.into()], undone.iter().map(ToString::to_string).collect())
    );
    assert_eq!(stage.with("settled "), [settled]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_in_vain_leaves_the_following_steps_unsent() {
    let stage = Stage::new();
    stage.when(SWITCH, accepted(), None);
    let outcome = stage.run().await;
    assert_eq!((stage.sent().last().map(String::as_str), outcome.ending), (Some(SWITCH), Ending::Unverified));
    assert!(outcome.next.iter().any(|next| next.as_str().contains("wait for pg-1")), "{:?}", outcome.next);
}

#[rstest]
#[case::at_once(0, &[], Ending::Refused)]
#[case::before_the_decisive_step(500, &[CHECKPOINT], Ending::Failed)]
#[case::while_it_is_sent(1_900, &[CHECKPOINT, DRAIN, SWITCH, TELL], Ending::Done)]
#[tokio::test(start_paused = true)]
async fn cancelling_ends_it_before_the_point_of_no_return_alone(
    #[case] millis: u64,
    #[case] sent: &[&str],
    #[case] ending: Ending,
) {
    let stage = Stage::new();
    let cancel = CancellationToken::new();
    let request = stage.request();
    let cancels = async {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        cancel.cancel();
    };
    let ((outcome, _), ()) = tokio::join!(stage.run_as(&request, cancel.clone()), cancels);
    assert_eq!((stage.sent(), outcome.ending), (sent.iter().map(ToString::to_string).collect(), ending));
}

#[tokio::test(start_paused = true)]
async fn cancelling_while_nothing_is_left_to_send_ends_the_watching_and_claims_nothing() {
    let stage = Stage::new();
    {
        let mut world = stage.world();
        world.plan.steps.truncate(4);
    }
    stage.when(SWITCH, accepted(), None);
    let cancel = CancellationToken::new();
    let request = stage.request();
    let cancels = async {
        tokio::time::sleep(SECOND * 8).await;
        cancel.cancel();
    };
    let ((outcome, told), ()) = tokio::join!(stage.run_as(&request, cancel.clone()), cancels);
    assert_eq!(outcome.ending, Ending::Unknown, "{}", outcome.text);
    let after = told.last().and_then(|progress| progress.after).expect("steps had begun");
    assert!(after < SECOND * 10, "it did not wait for its deadline: {after:?}");
    assert_eq!(stage.with("undone: "), ["pg-0 ready"]);
}
