//! Each check: what passes, what warns or blocks, what is unknown.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Eligibility, candidates, examine};
use crate::action::expectation::Expectation;
use crate::action::intent::{CopySource, EndSession, Intent, LeadIntent, NodeIntent, SessionIntent, Target};
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::order::AgentRequest;
use crate::action::plan::Plan;
use crate::action::test_support::*;
use crate::model::agent::ScheduledRestart;
use crate::model::dcs::{DcsAlarm, DcsAlarmKind, Quorum};
use crate::model::lag_limit::LagLimit;
use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::postgres::{BaseBackup, LongTransaction, Replay, Slot, SqlPart, UnreadPart};
use crate::model::record::PendingOrder;
use crate::model::role::MemberState;
use crate::model::router::ProxyStatus;
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, Source, SourceKind};
use crate::model::units;

use CheckVerdict::{Block, Pass, Unknown, Warn};

type Edit = fn(&mut Snapshot);

fn as_is(_: &mut Snapshot) {}

/// The receiver of pg-1 stands still, and both ends go on saying "streaming".
fn stopped_receiver(snapshot: &mut Snapshot) {
    sql(snapshot, 1, |report| report.receiver.as_mut().unwrap().message_age = Some(seconds(15)));
    sql(snapshot, 0, |report| report.downstream[0].reply_age = Some(seconds(15)));
}

fn failover_plan() -> Plan {
    let intent = Intent::Lead(LeadIntent::Failover { candidate: pg(1) });
    plan(intent, 1, AgentRequest::Failover { candidate: pg(1) }, Expectation::default())
}

fn reinit(number: u8, again: bool) -> Plan {
    let intent = Intent::Node(NodeIntent::Reinit { member: pg(number), source: CopySource::Any, again });
    let request = AgentRequest::Reinit { source: CopySource::Any, force: again };
    plan(intent, number, request, Expectation::default())
}

/// What `check` found; the worst, where it looked at several things.
#[track_caller]
pub(super) fn verdict(notes: &[CheckNote], check: &str) -> (CheckVerdict, bool) {
    let found = notes.iter().filter(|note| note.check == *check).max_by_key(|note| note.verdict);
    let note = found.unwrap_or_else(|| panic!("no {check} among {:?}", names(notes)));
    (note.verdict, note.can_override)
}

/// What `check` found is as `expected`. What blocks because it is known stays blocked; what rests on something unknown says so
/// and may be overridden, but for identity and for two that may write.
#[track_caller]
fn judged(notes: &[CheckNote], check: &str, expected: CheckVerdict) {
    const NEVER: [&str; 5] = ["record-fresh", "candidate-system-id", "target-pinned", "leader-gone", "session-there"];
    let found = notes.iter().filter(|note| note.check == *check).max_by_key(|note| note.verdict);
    let note = found.unwrap_or_else(|| panic!("no {check} among {:?}", names(notes)));
    let text = note.text.as_str();
    let is_unknown = (text.contains("unknown") || text.contains("is unreachable")) && !NEVER.contains(&check);
    let may = expected == Block && (is_unknown || check == "leader-archiver");
    assert_eq!((note.verdict, note.can_override), (expected, may), "{text}");
}

fn names(notes: &[CheckNote]) -> Vec<&str> {
    notes.iter().map(|note| note.check.as_str()).collect()
}

fn blocks(notes: &[CheckNote]) -> Vec<&CheckNote> {
    notes.iter().filter(|note| note.verdict == Block).collect()
}

fn notes_of(snapshot: &mut Snapshot, edit: Edit, plan: &Plan) -> Vec<CheckNote> {
    edit(snapshot);
    examine(snapshot, plan)
}

#[test]
fn a_healthy_cluster_lets_every_action_through() {
    let actions = [
        switchover(Some(1)),
        switchover(None),
        reinit(2, false),
        restart(0),
        restart(2),
        plan(
            Intent::Lead(LeadIntent::Pause),
            0,
            AgentRequest::Configure { changes: serde_json::Map::new() },
            Expectation::default(),
        ),
    ];
    for action in actions {
        let notes = examine(&healthy(), &action);
        assert_eq!(blocks(&notes), Vec::<&CheckNote>::new(), "{}", action.title);
    }
    let notes = examine(&leaderless(), &failover_plan());
    assert_eq!(blocks(&notes), Vec::<&CheckNote>::new());
}

#[test]
fn checks_come_in_the_same_order_whatever_they_find() {
    let calm = examine(&healthy(), &switchover(Some(1)));
    let mut snapshot = healthy();
    config(&mut snapshot, |config| config.paused = true);
    sql(&mut snapshot, 1, |report| report.replay = Some(Replay { paused: true, delay: Duration::ZERO, lag: None }));
    let troubled = examine(&snapshot, &switchover(Some(1)));
    assert_eq!(names(&calm), names(&troubled));
    let kebab = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    assert!(names(&calm).iter().all(kebab));
    let distinct: BTreeSet<_> = calm.iter().map(|note| (&note.check, &note.member)).collect();
    assert_eq!(distinct.len(), calm.len(), "an override must name one check: {:?}", names(&calm));
}

#[test]
fn a_note_tells_who_stated_so_and_when() {
    let notes = examine(&healthy(), &switchover(Some(1)));
    let lag = notes.iter().find(|note| note.check == *"candidate-lag").unwrap();
    assert_eq!(lag.source, Some(Source::new(SourceKind::Sql, "pg-0")), "the sender compares both ends at one moment");
    assert!(lag.at.is_some());
    let text = lag.text.as_str();
    assert!(text.contains("pg-1") && text.contains(&units::bytes(1 << 20)), "{text}");
}

fn old_record(snapshot: &mut Snapshot) {
    snapshot.now = snapshot.now + seconds(10);
    for number in 0..3 {
        let reading = member(snapshot, number).sql.as_mut().unwrap();
        reading.answer.as_mut().unwrap().at = crate::model::moment::Moment::START + seconds(1010);
    }
}

fn write_too(snapshot: &mut Snapshot) {
    sql(snapshot, 2, |report| report.in_recovery = false);
}

fn order(snapshot: &mut Snapshot) {
    let key = PendingOrder { leader: Some(pg(0)), candidate: Some(pg(2)), scheduled_at: Some("04:00".into()) };
    failover(snapshot, Some(key), 61);
}

fn pause(snapshot: &mut Snapshot) {
    config(snapshot, |config| config.paused = true);
}

fn synchronous(snapshot: &mut Snapshot) {
    config(snapshot, |config| config.synchronous_mode = true);
}

fn transaction(age: u64) -> LongTransaction {
    LongTransaction { pid: 7, user: "etl".into(), application: "nightly".into(), age: seconds(age) }
}

fn logical(failover: bool) -> Slot {
    Slot {
        name: "cdc".into(),
        logical: true,
        active: true,
        active_pid: None,
        database: Some("shop".into()),
        temporary: false,
        wal_status: None,
        retained_bytes: None,
        safe_wal_size: None,
        inactive_since: None,
        failover: Some(failover),
        invalidation: None,
        restart_lsn: None,
        confirmed_flush_lsn: None,
    }
}

fn unread(part: SqlPart) -> Vec<UnreadPart> {
    vec![UnreadPart { part, why: "permission denied".into() }]
}

/// Checks of a switchover from pg-0 to pg-1: the check, what it finds, and whether that may be overridden.
#[rstest]
#[case("record-fresh", as_is, Pass)]
#[case("record-fresh", |s: &mut Snapshot| record(s, |r| r.defects = vec!["history: cut".into()]), Warn)]
#[case("record-fresh", old_record, Block)]
#[case("record-fresh", lose_dcs, Block)]
#[case("read-only", |s: &mut Snapshot| s.identity.read_only = true, Block)]
#[case("leader-known", as_is, Pass)]
#[case("leader-known", |s: &mut Snapshot| record(s, |r| r.leader = None), Block)]
#[case("leader-known", |s: &mut Snapshot| lose(s, 0), Block)]
#[case("leader-known", |s: &mut Snapshot| { sql(s, 0, |r| r.in_recovery = true) }, Block)]
#[case("split-brain", as_is, Pass)]
#[case("split-brain", write_too, Block)]
#[case("split-brain", |s: &mut Snapshot| lose(s, 2), Unknown)]
#[case("leader-agreed", as_is, Pass)]
#[case("leader-agreed", |s: &mut Snapshot| agent(s, 2, |r| r.unlocked = true), Block)]
#[case("leader-agreed", |s: &mut Snapshot| sql(s, 2, |r| r.receiver.as_mut().unwrap().sender_host = Some("10.0.0.1".into())), Block)]
#[case("dcs-quorum", as_is, Pass)]
#[case("dcs-quorum", |s: &mut Snapshot| { let at = s.now; fail(&mut s.dcs.members[2], FailureKind::Refused, at) }, Warn)]
#[case("dcs-quorum", |s: &mut Snapshot| etcds(s, |m| m.quorum = Quorum::Missing), Block)]
#[case("dcs-quorum", |s: &mut Snapshot| etcds(s, |m| m.quorum = Quorum::Unknown), Block)]
#[case("dcs-quorum", |s: &mut Snapshot| s.dcs.members.clear(), Unknown)]
#[case("dcs-alarms", as_is, Pass)]
#[case("dcs-alarms", |s: &mut Snapshot| etcds(s, |m| m.alarms = vec![DcsAlarm { kind: DcsAlarmKind::NoSpace, raised_by: m.name.clone(), own: true }]), Block)]
#[case("dcs-agreement", as_is, Pass)]
#[case("dcs-agreement", |s: &mut Snapshot| etcds(s, |m| m.term = Some(7 + m.id)), Block)]
#[case("dcs-agreement", |s: &mut Snapshot| etcds(s, |m| if m.id == 3 { m.term = Some(10); m.quorum = Quorum::Missing }), Warn)]
#[case("dcs-agreement", |s: &mut Snapshot| etcds(s, |m| m.leader = crate::model::dcs::RaftLeader::Nobody), Block)]
#[case("no-pending-order", as_is, Pass)]
#[case("no-pending-order", order, Block)]
#[case("no-pending-order", lose_dcs, Block)]
#[case("pause", as_is, Pass)]
#[case("pause", pause, Warn)]
#[case("candidate-known", as_is, Pass)]
#[case("candidate-known", |s: &mut Snapshot| record(s, |r| r.members[1].occurrences = 2), Block)]
#[case("candidate-known", |s: &mut Snapshot| record(s, |r| r.members.truncate(1)), Block)]
#[case("candidate-known", |s: &mut Snapshot| s.members.truncate(1), Block)]
#[case("candidate-rest", as_is, Pass)]
#[case("candidate-rest", |s: &mut Snapshot| fail_agent(s, 1, FailureKind::TimedOut), Block)]
#[case("candidate-rest", |s: &mut Snapshot| member(s, 1).agent = None, Unknown)]
#[case("candidate-rest", |s: &mut Snapshot| agent(s, 1, |r| r.name = Some(pg(2))), Block)]
#[case("candidate-sql", as_is, Pass)]
#[case("candidate-sql", |s: &mut Snapshot| fail_sql(s, 1, FailureKind::Refused), Block)]
#[case("candidate-sql", |s: &mut Snapshot| member(s, 1).sql = None, Unknown)]
#[case("candidate-same-server", |s: &mut Snapshot| agent(s, 1, |r| r.postmaster_started = Some(wall())), Block)]
#[case("candidate-state", as_is, Pass)]
#[case("candidate-state", |s: &mut Snapshot| agent(s, 1, |r| { r.replication_state = None; r.state = MemberState::Starting }), Block)]
#[case("candidate-receives", as_is, Pass)]
#[case("candidate-receives", |s: &mut Snapshot| sql(s, 1, |r| r.receiver = None), Block)]
#[case("candidate-receives", |s: &mut Snapshot| sql(s, 1, |r| r.receiver.as_mut().unwrap().message_age = Some(seconds(90))), Block)]
#[case("candidate-receives", |s: &mut Snapshot| sql(s, 1, |r| r.receiver.as_mut().unwrap().message_age = Some(seconds(15))), Pass)]
#[case("candidate-receives", |s: &mut Snapshot| stopped_receiver(s), Block)]
#[case("candidate-receives", |s: &mut Snapshot| member(s, 1).sql = None, Warn)]
#[case("candidate-receives", |s: &mut Snapshot| lose(s, 1), Block)]
#[case("candidate-served", as_is, Pass)]
#[case("candidate-served", |s: &mut Snapshot| sql(s, 0, |r| r.downstream[0].state = Some("catchup".into())), Block)]
#[case("candidate-served", |s: &mut Snapshot| sql(s, 0, |r| r.downstream.clear()), Block)]
#[case("candidate-lag", as_is, Pass)]
#[case("candidate-lag-time", as_is, Pass)]
#[case("candidate-lag-time", |s: &mut Snapshot| { sql(s, 0, |r| { r.downstream[0].replay_lag_bytes = Some(9); r.downstream[0].replay_lag = Some(seconds(60)) }) }, Warn)]
#[case("candidate-lag-time", |s: &mut Snapshot| lose(s, 1), Unknown)]
#[case("candidate-timeline", as_is, Pass)]
#[case("candidate-timeline", |s: &mut Snapshot| sql(s, 1, |r| r.timeline = Some(Timeline(11))), Block)]
#[case("candidate-timeline", |s: &mut Snapshot| lose(s, 1), Block)]
#[case("candidate-system-id", as_is, Pass)]
#[case("candidate-system-id", |s: &mut Snapshot| sql(s, 1, |r| r.system_id = Some(SystemId(1))), Block)]
#[case("candidate-system-id", |s: &mut Snapshot| lose(s, 1), Block)]
#[case("candidate-tags", as_is, Pass)]
#[case("candidate-tags", |s: &mut Snapshot| agent(s, 1, |r| r.tags.nofailover = true), Block)]
#[case("candidate-tags", |s: &mut Snapshot| agent(s, 1, |r| r.tags.failover_priority = Some(0)), Block)]
#[case("candidate-tags", |s: &mut Snapshot| { synchronous(s); agent(s, 1, |r| r.tags.nosync = true) }, Warn)]
#[case("candidate-tags", |s: &mut Snapshot| lose(s, 1), Block)]
#[case("candidate-sync", as_is, Pass)]
#[case("candidate-sync", synchronous, Pass)]
#[case("candidate-sync", |s: &mut Snapshot| { synchronous(s); record(s, |r| r.patroni_mut().sync.as_mut().unwrap().standbys = vec![pg(2)]) }, Block)]
#[case("candidate-sync", |s: &mut Snapshot| record(s, |r| r.patroni_mut().config = None), Unknown)]
#[case("candidate-watchdog", as_is, Pass)]
#[case("candidate-watchdog", |s: &mut Snapshot| agent(s, 1, |r| r.watchdog_failed = true), Block)]
#[case("candidate-watchdog", |s: &mut Snapshot| fail_agent(s, 1, FailureKind::Refused), Unknown)]
#[case("candidate-pending-restart", as_is, Pass)]
#[case("candidate-pending-restart", |s: &mut Snapshot| agent(s, 1, |r| r.pending_restart = true), Warn)]
#[case("candidate-pending-restart", |s: &mut Snapshot| lose(s, 1), Unknown)]
#[case("candidate-replay", as_is, Pass)]
#[case("candidate-replay", |s: &mut Snapshot| sql(s, 1, |r| r.replay.as_mut().unwrap().paused = true), Block)]
#[case("candidate-replay", |s: &mut Snapshot| fail_sql(s, 1, FailureKind::Refused), Unknown)]
#[case("candidate-connections", as_is, Pass)]
#[case("candidate-connections", |s: &mut Snapshot| sql(s, 1, |r| r.connections.max = 160), Warn)]
#[case("candidate-connections", |s: &mut Snapshot| sql(s, 1, |r| r.connections.used = None), Unknown)]
#[case("leader-answers", as_is, Pass)]
#[case("leader-answers", |s: &mut Snapshot| fail_sql(s, 0, FailureKind::TimedOut), Warn)]
#[case("leader-answers", |s: &mut Snapshot| fail_agent(s, 0, FailureKind::TimedOut), Block)]
#[case("leader-transactions", as_is, Pass)]
#[case("leader-transactions", |s: &mut Snapshot| sql(s, 0, |r| r.oldest_transaction = Some(transaction(3600))), Warn)]
#[case("leader-transactions", |s: &mut Snapshot| sql(s, 0, |r| r.oldest_transaction = Some(transaction(2))), Pass)]
#[case("leader-transactions", |s: &mut Snapshot| sql(s, 0, |r| r.unread = unread(SqlPart::OldestTransaction)), Unknown)]
#[case("leader-prepared", as_is, Pass)]
#[case("leader-prepared", |s: &mut Snapshot| sql(s, 0, |r| r.prepared_count = Some(2)), Warn)]
#[case("leader-prepared", |s: &mut Snapshot| sql(s, 0, |r| r.unread = unread(SqlPart::Prepared)), Unknown)]
#[case("leader-archiver", as_is, Pass)]
#[case("leader-archiver", |s: &mut Snapshot| sql(s, 0, |r| r.archiver.as_mut().unwrap().failing = true), Block)]
#[case("leader-archiver", |s: &mut Snapshot| sql(s, 0, |r| r.archiver.as_mut().unwrap().ready = Some(50)), Block)]
#[case("leader-archiver", |s: &mut Snapshot| sql(s, 0, |r| r.archiver.as_mut().unwrap().ready = None), Unknown)]
#[case("leader-base-backup", as_is, Pass)]
#[case("leader-base-backup", |s: &mut Snapshot| sql(s, 0, |r| r.base_backups = vec![BaseBackup { pid: 9, phase: "streaming".into(), streamed: 1, total: None }]), Warn)]
#[case("leader-base-backup", |s: &mut Snapshot| sql(s, 0, |r| r.unread = unread(SqlPart::BaseBackups)), Unknown)]
#[case("leader-logical-slots", as_is, Pass)]
#[case("leader-logical-slots", |s: &mut Snapshot| sql(s, 0, |r| r.slots = vec![logical(false)]), Warn)]
#[case("leader-logical-slots", |s: &mut Snapshot| sql(s, 0, |r| r.slots = vec![logical(true)]), Pass)]
#[case("leader-logical-slots", |s: &mut Snapshot| sql(s, 0, |r| r.unread = unread(SqlPart::Slots)), Unknown)]
#[case("leader-connections", as_is, Pass)]
#[case("leader-connections", |s: &mut Snapshot| sql(s, 0, |r| r.connections.used = Some(190)), Warn)]
#[case("leader-connections", |s: &mut Snapshot| fail_sql(s, 0, FailureKind::TimedOut), Unknown)]
#[case("leader-checkpoint", as_is, Pass)]
#[case("leader-checkpoint", |s: &mut Snapshot| sql(s, 0, |r| r.since_checkpoint = Some(2 << 30)), Warn)]
#[case("leader-checkpoint", |s: &mut Snapshot| sql(s, 0, |r| r.unread = unread(SqlPart::SinceCheckpoint)), Unknown)]
#[case("router-answers", as_is, Pass)]
#[case("router-answers", |s: &mut Snapshot| { let at = s.now; s.routers[0].http = None; fail(s.routers[0].runtime.as_mut().unwrap(), FailureKind::Refused, at) }, Warn)]
#[case("router-answers", |s: &mut Snapshot| s.routers.clear(), Unknown)]
#[case("router-leader", as_is, Pass)]
#[case("router-leader", |s: &mut Snapshot| routes_to(s, &["pg-2"]), Warn)]
#[case("router-leader", |s: &mut Snapshot| routes_to(s, &[]), Warn)]
#[case("router-leader", |s: &mut Snapshot| routes_to(s, &["pg-0", "pg-1"]), Warn)]
#[case("router-candidate", as_is, Pass)]
#[case("router-candidate", |s: &mut Snapshot| rows(s, |rows| rows[1].status = ProxyStatus::NoCheck), Warn)]
#[case("standbys-healthy", as_is, Pass)]
#[case("standbys-healthy", |s: &mut Snapshot| lose(s, 2), Warn)]
fn a_switchover_is_checked(#[case] check: &str, #[case] edit: Edit, #[case] expected: CheckVerdict) {
    judged(&notes_of(&mut healthy(), edit, &switchover(Some(1))), check, expected);
}

/// Where a block may be overridden, with a reason.
#[rstest]
#[case("candidate-lag", |s: &mut Snapshot| sql(s, 0, |r| r.downstream[0].replay_lag_bytes = Some(2 << 20)))]
#[case("candidate-lag", |s: &mut Snapshot| record(s, |r| {
    r.patroni_mut().config.as_mut().unwrap().maximum_lag_on_failover = Some(LagLimit(-1));
}))]
#[case("candidate-replay", |s: &mut Snapshot| sql(s, 1, |r| r.replay.as_mut().unwrap().delay = seconds(600)))]
#[case("router-candidate", |s: &mut Snapshot| rows(s, |rows| rows[1].status = ProxyStatus::Maintenance("".into())))]
#[case("router-candidate", |s: &mut Snapshot| rows(s, |rows| rows.truncate(1)))]
#[case("candidate-served", |s: &mut Snapshot| fail_sql(s, 0, FailureKind::TimedOut))]
fn some_blocks_of_a_switchover_may_be_overridden(#[case] check: &str, #[case] edit: Edit) {
    let notes = notes_of(&mut healthy(), edit, &switchover(Some(1)));
    assert_eq!(verdict(&notes, check), (Block, true));
}

#[test]
fn an_unknown_lag_blocks_unless_an_operator_says_otherwise() {
    let mut snapshot = healthy();
    lose(&mut snapshot, 1);
    assert_eq!(verdict(&examine(&snapshot, &switchover(Some(1))), "candidate-lag"), (Block, true));
    let notes =
        notes_of(&mut leaderless(), |s: &mut Snapshot| record(s, |r| r.patroni_mut().status = None), &failover_plan());
    assert_eq!(verdict(&notes, "candidate-lag"), (Block, true));
}

/// The role of this console has no `pg_monitor`: the receiver is there, and none of its columns.
#[test]
fn a_receiver_that_may_not_be_seen_is_taken_by_the_word_of_the_agent() {
    let mut snapshot = healthy();
    for number in [0, 1] {
        sql(&mut snapshot, number, |report| {
            (report.receiver, report.monitor) = (None, false);
            report.unread = unread(SqlPart::Receiver);
            report
                .downstream
                .iter_mut()
                .for_each(|row| (row.state, row.sync, row.replay_lag_bytes) = (None, None, None));
        });
    }
    let notes = examine(&snapshot, &switchover(Some(1)));
    assert_eq!(verdict(&notes, "candidate-receives").0, Warn, "the agent says that it streams");
    agent(&mut snapshot, 1, |report| {
        report.replication_state = None;
        report.agent_version = Some("3.0.2".into());
    });
    let notes = examine(&snapshot, &switchover(Some(1)));
    assert_eq!(verdict(&notes, "candidate-receives"), (Block, true), "nobody tells");
}

#[test]
fn the_leader_is_no_candidate() {
    assert_eq!(verdict(&examine(&healthy(), &switchover(Some(0))), "candidate-not-leader"), (Block, false));
}

#[test]
fn a_paused_cluster_wants_a_named_candidate_and_no_time() {
    let mut snapshot = healthy();
    pause(&mut snapshot);
    assert_eq!(verdict(&examine(&snapshot, &switchover(None)), "pause").0, Block);
    let mut later = switchover(Some(1));
    later.intent = Intent::Lead(LeadIntent::Switchover {
        candidate: Some(pg(1)),
        at: Some(wall()),
        swift: false,
        through_poolers: None,
    });
    assert_eq!(verdict(&examine(&snapshot, &later), "pause").0, Block);
}

#[test]
fn without_a_named_candidate_somebody_must_be_able_to_take_over() {
    let mut snapshot = healthy();
    assert_eq!(verdict(&examine(&snapshot, &switchover(None)), "candidates").0, Pass);
    lose(&mut snapshot, 2);
    assert_eq!(verdict(&examine(&snapshot, &switchover(None)), "candidates").0, Warn);
    agent(&mut snapshot, 1, |report| report.tags.nofailover = true);
    assert_eq!(verdict(&examine(&snapshot, &switchover(None)), "candidates").0, Block);
}

#[test]
fn candidates_come_best_first_each_with_its_reasons() {
    let mut snapshot = healthy();
    let order = |snapshot: &Snapshot| candidates(snapshot).into_iter().map(|c| c.member).collect::<Vec<NodeName>>();
    assert_eq!(order(&snapshot), [pg(1), pg(2)], "the synchronous one first");
    agent(&mut snapshot, 1, |report| report.tags.nofailover = true);
    assert_eq!(order(&snapshot), [pg(2), pg(1)]);
    let last = candidates(&snapshot).pop().unwrap();
    assert!(!last.is_eligible() && last.notes.len() > 10, "every check, not only the first");
}

/// One agent is reached from here, and the record is what it relays; there is no SQL.
fn one_agent_alone(snapshot: &mut Snapshot) {
    let now = snapshot.now;
    for name in [1, 2] {
        let agent = member(snapshot, name).agent.as_mut().unwrap();
        *agent = Reading::not_attempted(agent.source.clone(), agent.stale_after, now);
        fail_agent(snapshot, name, FailureKind::Name);
    }
    snapshot.members.iter_mut().for_each(|member| member.sql = None);
    snapshot.dcs.members.clear();
    record(snapshot, |content| content.system_id = None);
}

#[test]
fn members_of_whom_the_record_alone_tells_may_be_chosen_and_what_is_not_known_may_be_overridden() {
    let mut snapshot = healthy();
    one_agent_alone(&mut snapshot);
    let all = candidates(&snapshot);
    assert_eq!(all.iter().map(|one| one.member.clone()).collect::<Vec<_>>(), [pg(1), pg(2)]);
    for one in &all {
        assert_eq!(one.eligibility(), Eligibility::Unknown, "{:#?}", blocks(&one.notes));
        for check in ["candidate-rest", "candidate-state", "candidate-timeline", "candidate-lag", "candidate-tags"] {
            judged(&one.notes, check, Block);
        }
        let silent: Vec<_> = one.notes.iter().filter(|note| note.text.as_str().contains("is unreachable")).collect();
        assert!(silent.is_empty(), "it has not been reached, which is another matter: {silent:#?}");
    }
    let somebody = examine(&snapshot, &switchover(None));
    assert_eq!(verdict(&somebody, "candidates"), (Block, true));
    // A named one must be known to be of this cluster; all else is the operator's to answer for.
    let named = examine(&snapshot, &switchover(Some(1)));
    let never: Vec<_> =
        blocks(&named).into_iter().filter(|note| !note.can_override).map(|note| note.check.as_str()).collect();
    assert_eq!(never, ["candidate-system-id"], "{:#?}", blocks(&named));
    // One that has answered and does no more is another matter.
    let mut dead = healthy();
    lose(&mut dead, 1);
    assert_eq!(
        candidates(&dead).pop().map(|one| (one.member.clone(), one.eligibility())),
        Some((pg(1), Eligibility::Unfit))
    );
    // What is known to speak against one still does.
    record(&mut snapshot, |content| content.members.retain(|known| known.name != pg(2)));
    assert_eq!(
        candidates(&snapshot).pop().map(|one| (one.member.clone(), one.eligibility())),
        Some((pg(2), Eligibility::Unfit))
    );
}

#[rstest]
#[case("leader-gone", as_is, Pass)]
#[case("leader-gone", |s: &mut Snapshot| record(s, |r| r.leader = healthy_leader()), Block)]
#[case("leader-gone", |s: &mut Snapshot| sql(s, 2, |r| r.in_recovery = false), Block)]
#[case("leader-gone", lose_dcs, Block)]
#[case("dcs-quorum", |s: &mut Snapshot| etcds(s, |m| m.quorum = Quorum::Unknown), Block)]
#[case("candidate-timeline", as_is, Pass)]
#[case("candidate-timeline", |s: &mut Snapshot| sql(s, 1, |r| r.timeline = Some(Timeline(11))), Block)]
#[case("candidate-lag", as_is, Pass)]
#[case("nobody-ahead", |s: &mut Snapshot| sql(s, 1, |r| r.position = behind(64)), Block)]
#[case("nobody-ahead", |s: &mut Snapshot| lose(s, 1), Block)]
#[case("nobody-ahead", as_is, Warn)]
#[case("nobody-ahead", |s: &mut Snapshot| s.members.retain(|m| m.name != pg(0)), Pass)]
#[case("no-pending-order", order, Block)]
fn a_failover_is_checked(#[case] check: &str, #[case] edit: Edit, #[case] expected: CheckVerdict) {
    judged(&notes_of(&mut leaderless(), edit, &failover_plan()), check, expected);
}

fn healthy_leader() -> Option<crate::model::record::Lead> {
    healthy().records[0].last().unwrap().leader.clone()
}

#[test]
fn what_a_failover_would_lose_may_be_accepted_with_a_reason() {
    let mut snapshot = leaderless();
    for number in [1, 2] {
        sql(&mut snapshot, number, |report| report.position = behind(2 << 20));
    }
    synchronous(&mut snapshot);
    record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().unwrap().standbys = vec![pg(2)]);
    let notes = examine(&snapshot, &failover_plan());
    assert_eq!(verdict(&notes, "candidate-lag"), (Block, true));
    assert_eq!(verdict(&notes, "candidate-sync"), (Block, true));
}

/// A leader that answers on one wire alone lives, whatever the record says.
#[test]
fn a_failover_is_refused_while_the_leader_lives() {
    for wire in 0..2 {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| content.leader = None);
        if wire == 0 {
            fail_sql(&mut snapshot, 0, FailureKind::TimedOut);
        } else {
            fail_agent(&mut snapshot, 0, FailureKind::TimedOut);
        }
        assert_eq!(verdict(&examine(&snapshot, &failover_plan()), "leader-gone"), (Block, false));
    }
}

fn fallen_behind(snapshot: &mut Snapshot) {
    sql(snapshot, 2, |report| {
        report.receiver = None;
        report.timeline = Some(Timeline(11));
        report.position = behind(1 << 25);
    });
    agent(snapshot, 2, |report| report.replication_state = None);
}

fn past_the_fork(snapshot: &mut Snapshot) {
    fallen_behind(snapshot);
    sql(snapshot, 2, |report| report.position = behind(1 << 10));
}

#[rstest]
#[case("target-not-leader", as_is, Pass)]
#[case("target-not-leader", |s: &mut Snapshot| sql(s, 2, |r| r.in_recovery = false), Block)]
#[case("target-not-leader", |s: &mut Snapshot| { lock(s, 2); lose_dcs(s) }, Block)]
#[case("leader-known", |s: &mut Snapshot| record(s, |r| r.leader = None), Block)]
#[case("target-pinned", as_is, Pass)]
#[case("target-pinned", |s: &mut Snapshot| agent(s, 2, |r| r.name = Some(pg(1))), Block)]
#[case("target-pinned", |s: &mut Snapshot| agent(s, 2, |r| r.scope = Some("other".into())), Block)]
#[case("target-pinned", |s: &mut Snapshot| { sql(s, 2, |r| r.system_id = Some(SystemId(1))) }, Block)]
#[case("target-pinned", |s: &mut Snapshot| fail_agent(s, 2, FailureKind::Refused), Block)]
#[case("target-pinned", |s: &mut Snapshot| agent(s, 2, |r| r.name = None), Warn)]
#[case("target-pinned", |s: &mut Snapshot| { fail_sql(s, 2, FailureKind::Refused); sql_id_gone(s) }, Unknown)]
#[case("target-free", as_is, Pass)]
#[case("target-free", |s: &mut Snapshot| agent(s, 2, |r| { r.replication_state = None; r.state = MemberState::CreatingReplica }), Block)]
#[case("target-free", |s: &mut Snapshot| lose(s, 2), Unknown)]
#[case("standbys-left", as_is, Pass)]
#[case("standbys-left", |s: &mut Snapshot| lose(s, 1), Block)]
#[case("standbys-left", |s: &mut Snapshot| { lose(s, 1); fallen_behind(s) }, Warn)]
#[case("target-not-synchronous", as_is, Pass)]
#[case("target-not-synchronous", |s: &mut Snapshot| { synchronous(s); record(s, |r| r.patroni_mut().sync.as_mut().unwrap().standbys = vec![pg(2)]) }, Block)]
#[case("target-not-synchronous", lose_dcs, Block)]
#[case("target-not-ahead", as_is, Pass)]
#[case("target-not-ahead", fallen_behind, Pass)]
#[case("target-not-ahead", past_the_fork, Block)]
#[case("target-not-ahead", |s: &mut Snapshot| { fallen_behind(s); sql(s, 2, |r| r.timeline = Some(Timeline(13))) }, Block)]
#[case("target-not-ahead", |s: &mut Snapshot| lose(s, 2), Unknown)]
fn a_reinit_is_checked(#[case] check: &str, #[case] edit: Edit, #[case] expected: CheckVerdict) {
    judged(&notes_of(&mut healthy(), edit, &reinit(2, false)), check, expected);
}

fn sql_id_gone(snapshot: &mut Snapshot) {
    agent(snapshot, 2, |report| report.system_id = None);
}

#[test]
fn a_copy_that_runs_is_ended_only_when_asked_again() {
    let mut snapshot = healthy();
    agent(&mut snapshot, 2, |r| {
        (r.replication_state, r.state) = (None, MemberState::CreatingReplica);
    });
    assert_eq!(verdict(&examine(&snapshot, &reinit(2, true)), "target-free").0, Warn);
}

fn appointed(snapshot: &mut Snapshot) {
    let restart = ScheduledRestart { at: "04:00".into(), conditions: Vec::new() };
    agent(snapshot, 2, |report| report.scheduled_restart = Some(restart));
}

#[rstest]
#[case("target-answers", as_is, Pass)]
#[case("target-answers", |s: &mut Snapshot| fail_agent(s, 2, FailureKind::Refused), Block)]
#[case("target-answers", |s: &mut Snapshot| agent(s, 2, |r| r.name = Some(pg(0))), Block)]
#[case("target-free", |s: &mut Snapshot| agent(s, 2, |r| { r.replication_state = None; r.state = MemberState::Restarting }), Block)]
#[case("pending-restart", as_is, Pass)]
#[case("no-scheduled-restart", as_is, Pass)]
#[case("no-scheduled-restart", appointed, Warn)]
#[case("no-scheduled-restart", |s: &mut Snapshot| fail_agent(s, 2, FailureKind::Refused), Unknown)]
#[case("target-not-synchronous", |s: &mut Snapshot| { config(s, |c| c.synchronous_mode_strict = true); record(s, |r| r.patroni_mut().sync.as_mut().unwrap().standbys = vec![pg(2)]) }, Warn)]
#[case("split-brain", write_too, Block)]
fn a_restart_is_checked(#[case] check: &str, #[case] edit: Edit, #[case] expected: CheckVerdict) {
    judged(&notes_of(&mut healthy(), edit, &restart(2)), check, expected);
}

#[test]
fn a_restart_of_the_leader_tells_what_it_cuts() {
    let mut snapshot = healthy();
    sql(&mut snapshot, 0, |report| report.oldest_transaction = Some(transaction(3600)));
    let notes = examine(&snapshot, &restart(0));
    assert_eq!((verdict(&notes, "target-leads").0, verdict(&notes, "leader-transactions").0), (Warn, Warn));
}

#[test]
fn a_scheduled_restart_wants_no_pause_and_no_other_one() {
    let mut snapshot = healthy();
    pause(&mut snapshot);
    appointed(&mut snapshot);
    let mut later = restart(2);
    later.intent =
        Intent::Node(NodeIntent::Restart { target: Target::Member(pg(2)), only_pending: true, at: Some(wall()) });
    let notes = examine(&snapshot, &later);
    assert_eq!((verdict(&notes, "pause").0, verdict(&notes, "no-scheduled-restart").0), (Block, Block));
    assert_eq!(verdict(&notes, "pending-restart").0, Warn);
}

#[test]
fn there_must_be_something_to_cancel() {
    let cancel =
        plan(Intent::Lead(LeadIntent::CancelSwitchover), 0, AgentRequest::CancelSwitchover, Expectation::default());
    let mut snapshot = healthy();
    assert_eq!(verdict(&examine(&snapshot, &cancel), "scheduled-switchover").0, Block);
    order(&mut snapshot);
    assert_eq!(verdict(&examine(&snapshot, &cancel), "scheduled-switchover").0, Pass);
    let key = PendingOrder { leader: None, candidate: Some(pg(1)), scheduled_at: None };
    failover(&mut snapshot, Some(key), 62);
    assert_eq!(verdict(&examine(&snapshot, &cancel), "scheduled-switchover").0, Block, "DELETE cancels scheduled ones");

    let restart = Intent::Node(NodeIntent::CancelRestart { member: pg(2) });
    let cancel = plan(restart, 2, AgentRequest::CancelRestart, Expectation::default());
    assert_eq!(verdict(&examine(&snapshot, &cancel), "scheduled-restart").0, Block);
    appointed(&mut snapshot);
    assert_eq!(verdict(&examine(&snapshot, &cancel), "scheduled-restart").0, Pass);
}

#[test]
fn a_pause_tells_whether_it_changes_anything() {
    let request = || AgentRequest::Configure { changes: serde_json::Map::new() };
    let mut snapshot = healthy();
    let resume = plan(Intent::Lead(LeadIntent::Resume), 0, request(), Expectation::default());
    assert_eq!(verdict(&examine(&snapshot, &resume), "pause").0, Warn);
    order(&mut snapshot);
    let pause = plan(Intent::Lead(LeadIntent::Pause), 0, request(), Expectation::default());
    let notes = examine(&snapshot, &pause);
    assert_eq!((verdict(&notes, "pause").0, verdict(&notes, "no-pending-order").0), (Pass, Warn));
}

#[rstest]
#[case(json!({"ttl": 40}), "configuration-grave", Warn)]
#[case(json!({"synchronous_node_count": 2}), "configuration-grave", Warn)]
#[case(json!({"postgresql": {"parameters": {"work_mem": "9MB"}}}), "configuration-grave", Pass)]
#[case(json!({"ttl": 30}), "configuration-changes", Warn)]
#[case(json!({"ttl": 40}), "configuration-changes", Pass)]
#[case(json!({"ttl": 20}), "configuration-timing", Block)]
#[case(json!({"loop_wait": 5}), "configuration-timing", Pass)]
#[case(json!({"ttl": 40}), "configuration-atomic", Warn)]
fn a_configuration_is_checked(#[case] changes: Value, #[case] check: &str, #[case] expected: CheckVerdict) {
    let action = configure(&changes);
    assert_eq!(verdict(&examine(&healthy(), &action), check).0, expected);
    let mut unknown = healthy();
    record(&mut unknown, |content| content.patroni_mut().config = None);
    assert_eq!(verdict(&examine(&unknown, &action), "configuration-known").0, Block);
}

fn end(pid: u32, began: jiff::Timestamp) -> Plan {
    let intent = Intent::Session(SessionIntent::End { member: pg(0), pid, started: began, how: EndSession::Terminate });
    plan(intent, 0, AgentRequest::Reload, Expectation::default())
}

#[test]
fn only_the_session_that_was_picked_is_ended() {
    let mut snapshot = healthy();
    sql(&mut snapshot, 0, |report| report.sessions = vec![session(77)]);
    let verdict_of = |snapshot: &Snapshot, action: &Plan, check: &str| verdict(&examine(snapshot, action), check).0;
    assert_eq!(verdict_of(&snapshot, &end(77, started()), "session-there"), Pass);
    let later = started() + SignedDuration::from_secs(9);
    assert_eq!(verdict_of(&snapshot, &end(77, later), "session-there"), Block, "another backend by now");
    assert_eq!(verdict_of(&snapshot, &end(78, started()), "session-there"), Warn, "idle, or gone");
    assert_eq!(verdict_of(&snapshot, &end(4049, started()), "session-is-clients"), Block, "a walsender");
    sql(&mut snapshot, 0, |report| report.sessions[0].application = "pgctl-tui".into());
    assert_eq!(verdict_of(&snapshot, &end(77, started()), "session-not-ours"), Block);
    sql(&mut snapshot, 0, |report| report.sessions[0].started = None);
    assert_eq!(verdict_of(&snapshot, &end(77, started()), "session-there"), Block, "who knows");
    fail_sql(&mut snapshot, 0, FailureKind::TimedOut);
    assert_eq!(verdict_of(&snapshot, &end(77, started()), "session-there"), Block);
}
