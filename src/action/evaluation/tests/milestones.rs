use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::json;

use super::super::{MilestoneStatus, evaluate};
use crate::action::intent::{EndSession, ServerState};
use crate::action::milestone::{Milestone, ServerLocation};
use crate::action::test_support::*;
use crate::model::agent::ScheduledRestart;
use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::RouterName;
use crate::model::patroni_record::ConfigValue;
use crate::model::postgres::{Session, SqlPart, UnreadPart};
use crate::model::record::PendingOrder;
use crate::model::role::MemberState;
use crate::model::router::ProxyStatus;
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;

/// What is told two seconds after the action began, of a picture in which every source has spoken again.
fn reported(mut snapshot: Snapshot, milestone: &Milestone) -> MilestoneStatus {
    pass(&mut snapshot, seconds(2));
    evaluate(milestone, &snapshot, &before(), since())
}

#[track_caller]
fn reached(snapshot: Snapshot, milestone: &Milestone) {
    let stale = evaluate(milestone, &snapshot, &before(), since());
    assert!(!stale.is_reached(), "told from what was said before the action: {stale:?}");
    let milestone_status = reported(snapshot, milestone);
    assert!(milestone_status.is_reached(), "{milestone_status:?}");
}

#[track_caller]
fn not_yet(snapshot: Snapshot, milestone: &Milestone, word: &str) {
    match reported(snapshot, milestone) {
        MilestoneStatus::NotYet { why } => assert!(why.as_str().contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn contradicted(snapshot: Snapshot, milestone: &Milestone, word: &str) {
    match reported(snapshot, milestone) {
        MilestoneStatus::Contradicted { why } => assert!(why.as_str().contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

fn with(mut snapshot: Snapshot, edit: impl FnOnce(&mut Snapshot)) -> Snapshot {
    edit(&mut snapshot);
    snapshot
}

#[test]
fn a_leader_has_stepped_down_when_its_sql_is_in_recovery_or_gone_and_the_lock_is_not_its_own() {
    let milestone = Milestone::SteppedDown { member: pg(0) };
    reached(switched(), &milestone);
    for gone in [FailureKind::Refused, FailureKind::NotReady] {
        let snapshot = with(switched(), |s| fail_sql(s, 0, gone));
        assert!(reported(snapshot, &milestone).is_reached(), "{gone:?}");
    }
    // A firewall refuses in the name of a server that runs.
    let fenced_from_here = with(switched(), |s| {
        fail_sql(s, 0, FailureKind::Refused);
        agent(s, 0, |report| report.role = crate::model::role::Role::Primary);
    });
    not_yet(fenced_from_here, &milestone, "its agent reports it running as primary");
    not_yet(healthy(), &milestone, "holds the leader key");
    not_yet(with(healthy(), |s| lock(s, 1)), &milestone, "still not in recovery");
    contradicted(with(healthy(), |s| lock(s, 0)), &milestone, "acquired it again");
}

/// A server that is cut off or frozen runs on: its silence is no proof that it takes no writes.
#[rstest]
#[case(FailureKind::TimedOut)]
#[case(FailureKind::Unreachable)]
#[case(FailureKind::Closed)]
fn silence_is_no_stepping_down(#[case] failure_kind: FailureKind) {
    not_yet(
        with(switched(), |s| fail_sql(s, 0, failure_kind)),
        &Milestone::SteppedDown { member: pg(0) },
        "no response",
    );
}

/// Behind a forwarded port a stopped server is as silent as a frozen one; its own agent knows which it is.
#[rstest]
#[case::stopped(MemberState::Stopped, true)]
#[case::crashed(MemberState::Crashed, true)]
#[case::start_failed(MemberState::Failed("start failed".into()), true)]
#[case::stop_failed(MemberState::Failed("stop failed".into()), false)]
#[case::stopping(MemberState::Stopping, false)]
#[case::starting(MemberState::Starting, false)]
#[case::unknown(MemberState::Unknown("dancing".into()), false)]
fn a_leader_has_stepped_down_when_its_agent_says_that_it_does_not_run(#[case] state: MemberState, #[case] ended: bool) {
    use crate::model::role::Role;
    let milestone = Milestone::SteppedDown { member: pg(0) };
    let answer = |role: Role| {
        with(switched(), |s| {
            fail_sql(s, 0, FailureKind::Closed);
            agent(s, 0, |report| (report.state, report.role) = (state.clone(), role));
        })
    };
    // In maintenance mode an agent goes on calling a stopped leader primary.
    for role in [Role::Primary, Role::Replica, Role::Demoted] {
        let stale = evaluate(&milestone, &answer(role.clone()), &before(), since());
        assert!(!stale.is_reached(), "told from what was said before the action: {stale:?}");
        assert_eq!(reported(answer(role.clone()), &milestone).is_reached(), ended, "{role}");
    }
    let not_attempted = with(answer(Role::Primary), |s| fail_agent(s, 0, FailureKind::TimedOut));
    not_yet(not_attempted, &milestone, "no response");
    let foreign = with(answer(Role::Primary), |s| agent(s, 0, |report| report.system_id = Some(SystemId(1))));
    not_yet(foreign, &milestone, "no response");
    let wrong_destination = with(answer(Role::Primary), |s| agent(s, 0, |report| report.name = Some(pg(2))));
    not_yet(wrong_destination, &milestone, "no response");
    // PostgreSQL's own word stands above its agent's.
    let manually = with(healthy(), |s| {
        lock(s, 1);
        agent(s, 0, |report| report.state = state);
    });
    not_yet(manually, &milestone, "still not in recovery");
}

#[test]
fn a_candidate_is_promoted_by_lock_recovery_timeline_and_identifier_together() {
    let milestone = Milestone::Promoted { member: Some(pg(1)) };
    reached(switched(), &milestone);
    reached(switched(), &Milestone::Promoted { member: None });
    not_yet(healthy(), &milestone, "pg-0 still holds the leader key");
    not_yet(with(healthy(), |s| promote(s, 1)), &milestone, "pg-0 still holds the leader key");
    not_yet(with(healthy(), |s| lock(s, 1)), &milestone, "in recovery");
    not_yet(with(healthy(), |s| record(s, |r| r.leader = None)), &milestone, "no member");
    not_yet(with(switched(), |s| sql(s, 1, |r| r.timeline = Some(Timeline(12)))), &milestone, "timeline 12, as before");
    not_yet(with(switched(), |s| sql(s, 1, |r| r.system_id = Some(SystemId(1)))), &milestone, "system");
    not_yet(with(switched(), |s| sql(s, 1, |r| r.system_id = None)), &milestone, "system identifier");
    not_yet(with(switched(), |s| fail_sql(s, 1, FailureKind::TimedOut)), &milestone, "no response");
    not_yet(with(switched(), |s| member(s, 1).sql = None), &milestone, "no SQL");
    contradicted(switched(), &Milestone::Promoted { member: Some(pg(2)) }, "instead of pg-2");
    contradicted(with(healthy(), |s| lock(s, 0)), &milestone, "acquired it again");
}

/// The record alone was enough for peers of ours, and so was SQL alone: each of them can be old, or another server's.
#[test]
fn rest_and_sql_that_started_at_different_times_are_not_one_node() {
    let elsewhere = |s: &mut Snapshot| {
        agent(s, 1, |r| r.postmaster_started = Some(started() - SignedDuration::from_secs(60)));
    };
    not_yet(with(switched(), elsewhere), &Milestone::Promoted { member: Some(pg(1)) }, "different start times");
}

/// A question asked before the action may be answered from before it, however late the answer comes.
#[test]
fn an_answer_to_an_earlier_question_is_no_evidence() {
    let mut snapshot = switched();
    pass(&mut snapshot, seconds(2));
    let reading = member(&mut snapshot, 1).sql.as_mut().unwrap();
    reading.answer.as_mut().unwrap().took = Duration::from_millis(1950);
    let milestone = Milestone::Promoted { member: Some(pg(1)) };
    assert!(!evaluate(&milestone, &snapshot, &before(), since()).is_reached());
}

#[test]
fn a_record_that_went_silent_proves_nothing() {
    let milestone = Milestone::Promoted { member: Some(pg(1)) };
    not_yet(with(switched(), lose_dcs), &milestone, "the DCS state has not been read");
}

/// Without revisions (`/cluster`), only another holder is a new holding.
#[test]
fn a_record_without_revisions_tells_a_new_leader_by_name_alone() {
    let plain = |s: &mut Snapshot| record(s, |r| r.leader.as_mut().unwrap().create_revision = 0);
    assert!(reported(with(switched(), plain), &Milestone::Promoted { member: Some(pg(1)) }).is_reached());
    not_yet(with(healthy(), plain), &Milestone::Promoted { member: Some(pg(1)) }, "pg-0 still holds the leader key");
}

#[test]
fn a_router_follows_when_it_leads_to_the_new_leader_alone() {
    let milestone = Milestone::RouterFollows;
    reached(switched(), &milestone);
    not_yet(with(switched(), |s| routes_to(s, &["pg-0"])), &milestone, "routes to pg-0");
    not_yet(with(switched(), |s| routes_to(s, &["pg-0", "pg-1"])), &milestone, "pg-0 and pg-1");
    not_yet(with(switched(), |s| routes_to(s, &[])), &milestone, "no server UP");
    not_yet(with(switched(), |s| s.routers.clear()), &milestone, "no router");
    let set = |status: ProxyStatus| move |s: &mut Snapshot| rows(s, |rows| rows[1].status = status.clone());
    contradicted(with(switched(), set(ProxyStatus::Maintenance("".into()))), &milestone, "MAINT");
    contradicted(with(switched(), set(ProxyStatus::NoCheck)), &milestone, "no health check");
}

/// Both ends go on saying "streaming" of a receiver whose process was stopped.
#[test]
fn a_receiver_without_a_sign_of_life_does_not_stream() {
    let stopped = |s: &mut Snapshot| {
        sql(s, 2, |report| report.receiver.as_mut().unwrap().message_age = Some(Duration::from_secs(15)));
        for other in 0..2 {
            sql(s, other, |report| {
                for row in report.downstream.iter_mut().filter(|row| row.application == *"pg-2") {
                    row.reply_age = Some(Duration::from_secs(15));
                }
            });
        }
    };
    not_yet(
        with(healthy(), stopped),
        &Milestone::Streaming { member: pg(2) },
        "no message from the WAL receiver of pg-2 for 15",
    );
    not_yet(with(healthy(), stopped), &Milestone::AllStreaming, "no message from the WAL receiver");
}

#[test]
fn a_stream_is_seen_from_both_sides_on_the_leaders_timeline() {
    let milestone = Milestone::Streaming { member: pg(0) };
    reached(switched(), &milestone);
    not_yet(with(switched(), |s| sql(s, 1, |r| r.downstream.clear())), &milestone, "no node has reported");
    not_yet(with(switched(), |s| sql(s, 0, |r| r.receiver = None)), &milestone, "no streaming WAL receiver");
    let old = |s: &mut Snapshot| sql(s, 0, |r| r.receiver.as_mut().unwrap().timeline = Some(Timeline(12)));
    not_yet(with(switched(), old), &milestone, "timeline 12");
    contradicted(healthy(), &milestone, "is the leader");
    contradicted(with(switched(), |s| sql(s, 0, |r| r.in_recovery = false)), &milestone, "not in recovery");
}

#[test]
fn all_stream_when_the_last_one_does() {
    reached(switched(), &Milestone::AllStreaming);
    let one = |s: &mut Snapshot| sql(s, 2, |r| r.receiver = None);
    not_yet(with(switched(), one), &Milestone::AllStreaming, "pg-2");
    not_yet(with(switched(), |s| lose(s, 2)), &Milestone::AllStreaming, "pg-2");
    let tagged = |s: &mut Snapshot| {
        sql(s, 2, |r| r.receiver = None);
        agent(s, 2, |r| r.tags.nostream = true);
    };
    assert!(reported(with(switched(), tagged), &Milestone::AllStreaming).is_reached(), "it is not meant to stream");
}

#[test]
fn a_restart_is_a_later_start_of_the_same_server() {
    let milestone = Milestone::Restarted { member: pg(2) };
    let again = |s: &mut Snapshot| {
        sql(s, 2, |r| r.postmaster_started = wall());
        agent(s, 2, |r| r.postmaster_started = Some(wall()));
    };
    reached(with(healthy(), again), &milestone);
    not_yet(healthy(), &milestone, "as before");
    not_yet(with(healthy(), |s| sql(s, 2, |r| r.postmaster_started = wall())), &milestone, "different start times");
    let starting = |s: &mut Snapshot| {
        again(s);
        agent(s, 2, |r| r.state = MemberState::Starting);
    };
    not_yet(with(healthy(), starting), &milestone, "starting");
    let mut before = before();
    before.members.get_mut(&pg(2)).unwrap().started = None;
    let mut snapshot = with(healthy(), again);
    pass(&mut snapshot, seconds(2));
    assert!(!evaluate(&milestone, &snapshot, &before, since()).is_reached(), "later than what?");
}

#[test]
fn a_copy_is_seen_while_it_runs() {
    let milestone = Milestone::Copying { member: pg(2) };
    reached(with(healthy(), |s| agent(s, 2, |r| r.state = MemberState::CreatingReplica)), &milestone);
    reached(with(healthy(), |s| record(s, |r| r.members[2].state = MemberState::CreatingReplica)), &milestone);
    not_yet(healthy(), &milestone, "running");
    let again = |s: &mut Snapshot| {
        sql(s, 2, |r| r.postmaster_started = wall());
        agent(s, 2, |r| r.postmaster_started = Some(wall()));
    };
    reached(with(healthy(), again), &milestone);
    contradicted(healthy(), &Milestone::Copying { member: pg(0) }, "is the leader");
}

#[test]
fn maintenance_is_on_when_record_and_agents_say_so() {
    let milestone = Milestone::Maintenance { on: true };
    let all = |s: &mut Snapshot| {
        config(s, |c| (c.paused, c.mod_revision) = (true, 51));
        (0..3).for_each(|number| agent(s, number, |r| r.paused = true));
    };
    reached(with(healthy(), all), &milestone);
    let most = |s: &mut Snapshot| {
        all(s);
        agent(s, 2, |r| r.paused = false);
    };
    not_yet(with(healthy(), most), &milestone, "pg-2");
    not_yet(healthy(), &milestone, "not paused");
    contradicted(with(healthy(), |s| config(s, |c| c.mod_revision = 51)), &milestone, "not paused");
    reached(healthy(), &Milestone::Maintenance { on: false });
}

fn order(at: Option<&str>) -> PendingOrder {
    PendingOrder { leader: Some(pg(0)), candidate: Some(pg(1)), scheduled_at: at.map(Into::into) }
}

#[test]
fn a_switchover_is_scheduled_when_it_was_written_since() {
    let milestone = Milestone::SwitchoverScheduled { scheduled: true };
    reached(with(healthy(), |s| failover(s, Some(order(Some("04:00"))), 61)), &milestone);
    not_yet(with(healthy(), |s| failover(s, Some(order(Some("04:00"))), 60)), &milestone, "previous switchover");
    not_yet(healthy(), &milestone, "no switchover");
    contradicted(with(healthy(), |s| failover(s, Some(order(None)), 61)), &milestone, "immediately");
}

#[test]
fn a_switchover_is_cancelled_when_none_is_on_record() {
    let milestone = Milestone::SwitchoverScheduled { scheduled: false };
    reached(healthy(), &milestone);
    not_yet(with(healthy(), |s| failover(s, Some(order(Some("04:00"))), 60)), &milestone, "still");
    contradicted(with(healthy(), |s| failover(s, Some(order(Some("05:00"))), 61)), &milestone, "another");
}

#[test]
fn a_restart_is_scheduled_when_agent_and_record_say_so() {
    let milestone = Milestone::RestartScheduled { member: pg(2), scheduled: true };
    let restart = || Some(ScheduledRestart { at: "04:00".into(), conditions: Vec::new() });
    let both = |s: &mut Snapshot| {
        agent(s, 2, |r| r.scheduled_restart = restart());
        record(s, |r| r.members[2].scheduled_restart = restart());
    };
    reached(with(healthy(), both), &milestone);
    not_yet(
        with(healthy(), |s| agent(s, 2, |r| r.scheduled_restart = restart())),
        &milestone,
        "does not report it yet",
    );
    not_yet(healthy(), &milestone, "no scheduled restart");
    reached(healthy(), &Milestone::RestartScheduled { member: pg(2), scheduled: false });
    not_yet(with(healthy(), both), &Milestone::RestartScheduled { member: pg(2), scheduled: false }, "still");
}

#[test]
fn a_configuration_is_in_force_when_the_record_holds_it() {
    let changes = json!({"ttl": 40, "pause": null}).as_object().cloned().unwrap();
    let milestone = Milestone::Configured { changes };
    let set = |ttl: u64, revision: i64| {
        move |s: &mut Snapshot| {
            config(s, |c| {
                let mut value = config_value();
                value["ttl"] = json!(ttl);
                (c.value, c.mod_revision) = (ConfigValue::new(value), revision);
            });
        }
    };
    reached(with(healthy(), set(40, 51)), &milestone);
    not_yet(healthy(), &milestone, "ttl");
    contradicted(with(healthy(), set(35, 51)), &milestone, "ttl");
    not_yet(with(healthy(), |s| record(s, |r| r.patroni_mut().config = None)), &milestone, "does not report");
}

#[rstest]
#[case(ServerState::Maintenance, ProxyStatus::Maintenance("".into()), true)]
#[case(ServerState::Maintenance, ProxyStatus::Down, false)]
#[case(ServerState::Drain, ProxyStatus::Drain, true)]
#[case(ServerState::Drain, ProxyStatus::Up, false)]
#[case(ServerState::Ready, ProxyStatus::Down, true)]
#[case(ServerState::Ready, ProxyStatus::Drain, false)]
fn a_server_has_the_state_that_the_router_tells(
    #[case] state: ServerState,
    #[case] status: ProxyStatus,
    #[case] is: bool,
) {
    let milestone = |server: &str| Milestone::RouterServer {
        router: RouterName::new("edge"),
        backend: "primary".into(),
        server: server.into(),
        state,
    };
    let snapshot = with(healthy(), |s| rows(s, |rows| rows[1].status = status.clone()));
    assert_eq!(reported(snapshot.clone(), &milestone("pg-1")).is_reached(), is);
    assert!(!evaluate(&milestone("pg-1"), &snapshot, &before(), since()).is_reached(), "nothing was asked since");
    contradicted(snapshot, &milestone("pg-9"), "no server primary/pg-9");
}

#[test]
fn a_reload_is_reported_by_the_time_at_which_the_files_were_read() {
    let milestone = Milestone::Reloaded { member: pg(1) };
    let read = |at: Option<Timestamp>| with(healthy(), move |s| sql(s, 1, |r| r.files_read = at));
    let later = started() + SignedDuration::from_secs(60);
    reached(read(Some(later)), &milestone);
    not_yet(healthy(), &milestone, "not since");
    // Another session tells the server's own reading of a reload that was there before.
    not_yet(read(Some(started() - SignedDuration::from_secs(1))), &milestone, "not since");
    not_yet(read(None), &milestone, "does not report");
    let again = |s: &mut Snapshot| {
        sql(s, 1, |r| r.postmaster_started = later);
        agent(s, 1, |r| r.postmaster_started = Some(later));
    };
    reached(with(healthy(), again), &milestone);
}

#[test]
fn sessions_are_gone_when_no_new_ones_come_and_none_is_left() {
    let place = |server: &str| ServerLocation {
        router: RouterName::new("edge"),
        backend: "primary".into(),
        server: server.into(),
    };
    let milestone = Milestone::SessionsGone { servers: vec![place("pg-1")] };
    let set = |status: ProxyStatus, sessions: Option<u64>| {
        with(healthy(), move |s| {
            rows(s, |rows| {
                rows[1].status = status.clone();
                rows[1].sessions = sessions;
            });
        })
    };
    reached(set(ProxyStatus::Drain, Some(0)), &milestone);
    not_yet(set(ProxyStatus::Up, Some(0)), &milestone, "still gets new sessions");
    not_yet(set(ProxyStatus::Drain, Some(3)), &milestone, "3 sessions left");
    not_yet(set(ProxyStatus::Drain, None), &milestone, "reports no session count");
    contradicted(healthy(), &Milestone::SessionsGone { servers: vec![place("pg-9")] }, "no server primary/pg-9");
    let serves = Milestone::Serving { server: place("pg-1") };
    reached(set(ProxyStatus::Up, None), &serves);
    not_yet(set(ProxyStatus::Down, None), &serves, "DOWN");
    not_yet(set(ProxyStatus::Drain, None), &serves, "DRAIN");
}

#[test]
fn a_standby_has_caught_up_when_it_streams_with_nothing_or_under_a_second_behind() {
    let milestone = Milestone::CaughtUp { member: pg(1) };
    let behind = |bytes: Option<u64>, time: Option<Duration>| {
        with(healthy(), move |s| {
            sql(s, 0, |r| {
                let row = r.downstream.iter_mut().find(|row| row.application == *"pg-1").unwrap();
                (row.replay_lag_bytes, row.replay_lag) = (bytes, time);
            });
        })
    };
    reached(behind(Some(0), None), &milestone);
    reached(behind(Some(40_000), Some(Duration::from_millis(20))), &milestone);
    not_yet(behind(Some(40_000), Some(seconds(3))), &milestone, "lag of");
    not_yet(behind(Some(40_000), None), &milestone, "lag of");
    not_yet(behind(None, None), &milestone, "unknown");
    not_yet(with(behind(Some(0), None), |s| sql(s, 1, |r| r.receiver = None)), &milestone, "receiver");
}

#[test]
fn a_session_has_ended_when_a_whole_list_lacks_it() {
    let end = |how| Milestone::SessionEnded { member: pg(0), pid: 77, started: started(), how };
    let milestone = end(EndSession::Terminate);
    reached(healthy(), &milestone);
    not_yet(with(healthy(), |s| sql(s, 0, |r| r.sessions = vec![session(77)])), &milestone, "still exists");
    let unread = UnreadPart { part: SqlPart::Sessions, why: "cut".into() };
    not_yet(with(healthy(), |s| sql(s, 0, |r| r.unread = vec![unread])), &milestone, "not every session");
    let another = || Session { started: Some(wall()), ..session(77) };
    reached(with(healthy(), |s| sql(s, 0, |r| r.sessions = vec![another()])), &milestone);
    // A cancelled statement leaves its session, which may run the next one at once.
    let busy = |age| Session { query_age: Some(age), state: "active".into(), ..session(77) };
    let runs = |age| with(healthy(), move |s| sql(s, 0, |r| r.sessions = vec![busy(age)]));
    not_yet(runs(seconds(90)), &end(EndSession::Cancel), "still running");
    reached(runs(Duration::from_millis(20)), &end(EndSession::Cancel));
    let idle = || Session { state: "idle in transaction (aborted)".into(), ..busy(seconds(90)) };
    reached(with(healthy(), |s| sql(s, 0, |r| r.sessions = vec![idle()])), &end(EndSession::Cancel));
    let many = (1000..1100).map(session).collect::<Vec<_>>();
    not_yet(with(healthy(), |s| sql(s, 0, |r| r.sessions = many)), &milestone, "not every session");
}
