use rstest::rstest;
use serde_json::json;

use super::*;
use crate::action::intent::EndSession;
use crate::model::agent::Tags;
use crate::model::postgres::Session;
use crate::model::role::{MemberState, Role};
use crate::model::router::ProxyStatus;
use crate::model::source::Trouble;
use crate::model::test_support::{cut, dcs_lost, fail, missing, rows, seconds, session, sql};

fn at(time: Timestamp) -> Intent {
    Intent::Switchover { candidate: Some(pg(1)), at: Some(time), swift: false }
}

fn restart_at(target: Target) -> Intent {
    Intent::Restart { target, only_pending: false, at: Some(later()) }
}

fn only_pending(target: Target) -> Intent {
    Intent::Restart { target, only_pending: true, at: None }
}

fn tagged(tags: Tags) -> Snapshot {
    let mut snapshot = healthy();
    agent(&mut snapshot, "pg-1", |report| report.tags = tags);
    snapshot
}

fn without_record() -> Snapshot {
    let mut snapshot = healthy();
    dcs_lost(&mut snapshot, seconds(20));
    snapshot
}

fn scheduled_by_a_colleague() -> Snapshot {
    let mut snapshot = healthy();
    ordered(&mut snapshot, Some("2026-11-21T23:00:00+00:00"));
    snapshot
}

fn under_way() -> Snapshot {
    let mut snapshot = healthy();
    ordered(&mut snapshot, None);
    snapshot
}

fn unreadable_order() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.defects = vec!["failover: cannot be read: [1]".into()]);
    snapshot
}

fn copying() -> Snapshot {
    let mut snapshot = healthy();
    agent(&mut snapshot, "pg-2", |report| report.state = MemberState::CreatingReplica);
    agent(&mut snapshot, "pg-2", |report| report.replication_state = None);
    snapshot
}

fn writable_replica() -> Snapshot {
    let mut snapshot = healthy();
    crate::model::test_support::sql(&mut snapshot, "pg-2", |report| report.in_recovery = false);
    snapshot
}

fn gone() -> Snapshot {
    let mut snapshot = healthy();
    missing(&mut snapshot, "pg-2");
    snapshot
}

fn alone() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.members.truncate(1);
    snapshot
}

fn standby_cluster() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.patroni_mut().config.as_mut().unwrap().standby_cluster = true);
    snapshot
}

fn nobody_to_follow() -> Snapshot {
    let mut snapshot = pending(&["pg-0"]);
    record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().unwrap().standbys.clear());
    snapshot
}

fn restart_waits() -> Snapshot {
    let mut snapshot = healthy();
    restart_scheduled(&mut snapshot, "pg-1");
    snapshot
}

fn tracked() -> Snapshot {
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| rows[2].status = ProxyStatus::from_word("MAINT (via a/b)"));
    snapshot
}

fn from_leader() -> Intent {
    Intent::Reinitialise { member: pg(2), source: CopySource::Leader, again: false }
}

fn no_address() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.members[2].agent_url = None;
    snapshot
}

#[rstest]
#[case::no_record(
    without_record(),
    switchover(Some(1)),
    "nobody can say who leads prod-eu: its record in the DCS is not fresh; act once it is read again"
)]
#[case::switchover_without_leader(
    leaderless(),
    switchover(Some(1)),
    "nobody leads prod-eu: there is nothing to switch over from; fail over to a chosen member instead"
)]
#[case::failover_with_a_leader(
    healthy(),
    failover(1),
    "pg-0 leads and answers: switch over to pg-1 instead, which loses nothing"
)]
#[case::failover_to_the_leader(healthy(), failover(0), "pg-0 is the leader already: nothing to do")]
#[case::reinit_of_the_leader(
    healthy(),
    reinitialise(0),
    "pg-0 is the leader and is never thrown away: switch over to another member first"
)]
#[case::reinit_without_leader(
    leaderless(),
    reinitialise(1),
    "nobody leads prod-eu: pg-1 could be copied from nobody; wait for a leader, or fail over first"
)]
#[case::reinit_of_a_writer(
    writable_replica(),
    reinitialise(2),
    "pg-2 takes writes by its own word, without the lock: settle who leads first"
)]
#[case::reinit_under_way(
    copying(),
    reinitialise(2),
    "pg-2 is being copied already: wait, or cancel the copy and begin again"
)]
#[case::reinit_from_leader(
    healthy(),
    from_leader(),
    "copying from the leader by choice needs Patroni 4.1, pg-2 runs 4.0.4: copy from any"
)]
#[case::unknown_member(healthy(), switchover(Some(9)), "pg-9 is no member of prod-eu: there are pg-0, pg-1, pg-2")]
#[case::unknown_restart(
    healthy(),
    restart(Target::Member(pg(9))),
    "pg-9 is no member of prod-eu: there are pg-0, pg-1, pg-2"
)]
#[case::missing_member(
    gone(),
    reinitialise(2),
    "pg-2 is off the record: start its agent first, so that it can be reached"
)]
#[case::no_address(
    no_address(),
    restart(Target::Member(pg(2))),
    "where the agent of pg-2 is reached is unknown: set nodes.pg-2.rest"
)]
#[case::schedule_while_paused(
    paused(),
    at(later()),
    "a switchover cannot be scheduled while prod-eu is paused: resume it, or act now"
)]
#[case::schedule_restart_while_paused(
    paused(),
    restart_at(Target::Member(pg(1))),
    "a restart cannot be scheduled while prod-eu is paused: resume it, or act now"
)]
#[case::paused_without_candidate(
    paused(),
    switchover(None),
    "prod-eu is paused: name the candidate, Patroni chooses none then"
)]
#[case::pause_when_paused(paused(), Intent::Pause, "prod-eu is paused already: nothing to do")]
#[case::resume_when_not_paused(healthy(), Intent::Resume, "prod-eu is not paused: nothing to resume")]
#[case::nothing_scheduled(
    healthy(),
    Intent::CancelSwitchover,
    "no switchover of prod-eu is scheduled: nothing to cancel"
)]
#[case::not_scheduled_but_running(
    under_way(),
    Intent::CancelSwitchover,
    "the switchover from pg-0 to pg-2 is for now, not scheduled, and cannot be taken back: wait for its end"
)]
#[case::no_restart_scheduled(healthy(), Intent::CancelRestart { member: pg(1) }, "no restart of pg-1 is scheduled: nothing to cancel")]
#[case::restart_scheduled_already(
    restart_waits(),
    restart_at(Target::Member(pg(1))),
    "a restart of pg-1 is scheduled for 2026-11-21T23:00:00+00:00: cancel it first"
)]
#[case::nothing_pending(healthy(), Intent::RollingRestart, "no member of prod-eu has a pending restart: nothing to do")]
#[case::nothing_pending_in_all(
    healthy(),
    only_pending(Target::All),
    "no member of prod-eu has a pending restart: nothing to do"
)]
#[case::nothing_pending_there(
    healthy(),
    only_pending(Target::Member(pg(1))),
    "no setting of pg-1 waits for a restart: restart it unconditionally if need be"
)]
#[case::candidate_leads(healthy(), switchover(Some(0)), "pg-0 is the leader already: nothing to do")]
#[case::candidate_tagged(tagged(Tags { nofailover: true, ..Tags::default() }), switchover(Some(1)), "pg-1 is tagged never to lead (nofailover or failover_priority 0): choose pg-2")]
#[case::candidate_without_priority(tagged(Tags { failover_priority: Some(0), ..Tags::default() }), switchover(Some(1)), "pg-1 is tagged never to lead (nofailover or failover_priority 0): choose pg-2")]
#[case::nobody_else(
    alone(),
    switchover(None),
    "no other member of prod-eu may lead: add a replica without the tag nofailover"
)]
#[case::time_has_passed(healthy(), at(wall() - SignedDuration::from_secs(1)), "2026-11-21T14:02:06Z has passed: it is 2026-11-21T14:02:07Z now; name a later time")]
#[case::colleague(
    scheduled_by_a_colleague(),
    switchover(Some(1)),
    "a switchover from pg-0 to pg-2 at 2026-11-21T23:00:00+00:00 is on record and would be replaced: cancel it first"
)]
#[case::colleague_now(
    under_way(),
    switchover(Some(1)),
    "a switchover from pg-0 to pg-2 is on record and not done yet: wait for its end"
)]
#[case::order_not_readable(
    unreadable_order(),
    switchover(Some(1)),
    "the failover key cannot be read, and would be replaced: look at it in the DCS view first"
)]
#[case::standby_cluster(
    standby_cluster(),
    switchover(Some(1)),
    "prod-eu is a standby cluster: a switchover cannot be verified there yet, use patronictl"
)]
#[case::no_successor(
    nobody_to_follow(),
    Intent::RollingRestart,
    "no replica can take over from pg-0 (one that streams and is synchronous): restart the others one by one, and pg-0 by itself"
)]
#[case::odd_role(
    healthy(),
    restart(Target::Role(Role::Demoted)),
    "members cannot be chosen by the role demoted: choose leader or replica, or name one"
)]
#[case::leaderless_role(
    leaderless(),
    restart(Target::Role(Role::Leader)),
    "prod-eu has no member of the role leader at present"
)]
#[case::nothing_to_remove(healthy(), configure(json!({"postgresql": {"parameters": {"auto_explain.log_min_duration": null}}})), "nothing to remove: postgresql.parameters.auto_explain.log_min_duration is not in the dynamic configuration")]
#[case::tags(healthy(), configure(json!({"tags": {"nofailover": true}})), "tags is no key of the dynamic configuration: tags live in each member's own file (patroni.yml); change it there, then reload")]
#[case::less_than_patroni_takes(healthy(), configure(json!({"postgresql": {"parameters": {"max_connections": 10}}})), "max_connections must be a whole number from 25 to 262143, not 10")]
#[case::no_change(healthy(), configure(json!({"ttl": 30, "nothing": null})), "nothing would change: every key has this value already")]
#[case::pause_by_hand(healthy(), configure(json!({"pause": true})), "maintenance mode is not set by hand: use pause or resume")]
#[case::secret(healthy(), configure(json!({"postgresql": {"recovery_conf": {"primary_conninfo": "host=a password=geheim"}}})), "a secret is not changed here, since plans are shown and written down: use patronictl edit-config")]
#[case::periods(healthy(), configure(json!({"retry_timeout": 15})), "ttl 30 is less than loop_wait 10 + 2 × retry_timeout 15 = 40: raise ttl or lower the others")]
#[case::default_of_a_removed_period(healthy(), configure(json!({"ttl": null, "loop_wait": 11})), "ttl 30 is less than loop_wait 11 + 2 × retry_timeout 10 = 31: raise ttl or lower the others")]
#[case::range(healthy(), configure(json!({"ttl": 19, "loop_wait": 0})), "loop_wait must be a whole number of at least 1, not 0; ttl must be a whole number of at least 20, not 19; ttl 19 is less than loop_wait 0 + 2 × retry_timeout 10 = 20: raise ttl or lower the others")]
#[case::kinds(healthy(), configure(json!({"synchronous_mode": "often", "slots": [], "postgresql": {"parameters": {"max_connections": "many"}}})), "slots must be an object, not []; synchronous_mode must be true, false or quorum, not \"often\"; max_connections must be a whole number from 25 to 262143, not \"many\"")]
#[case::router(healthy(), Intent::RouterServer { router: RouterName::new("edge"), backend: "primary".into(), server: "pg-0".into(), state: ServerState::Drain }, "edge is no router of prod-eu: there are pg-router")]
#[case::server(
    healthy(),
    server("primary", 7, ServerState::Drain),
    "pg-router has no server primary/pg-7: there are primary/pg-0, primary/pg-1, primary/pg-2, replicas/pg-0, replicas/pg-1, replicas/pg-2"
)]
#[case::server_state(
    healthy(),
    server("primary", 0, ServerState::Ready),
    "primary/pg-0 is in the state ready already: nothing to do"
)]
#[case::drain_of_the_leader(
    healthy(),
    drain(0, AfterDrain::Restart),
    "pg-0 leads, and draining it would stop all writes: switch over first, then drain it"
)]
#[case::drain_of_nothing(
    served_by_nobody(),
    drain(1, AfterDrain::Restart),
    "no router leads sessions to pg-1: restart it without a drain"
)]
#[case::drain_unseen(
    silent_router(),
    drain(1, AfterDrain::Leave),
    "pg-router does not answer: whether it leads sessions to pg-1 is unknown; act once it answers"
)]
#[case::drain_of_a_writer(
    wrong_writer(),
    drain(1, AfterDrain::Leave),
    "primary/pg-1 of pg-router takes writes, and pg-1 does not lead: settle that first"
)]
#[case::undrain_of_nothing(
    healthy(),
    Intent::Undrain { member: pg(1) },
    "pg-1 is not drained: primary/pg-1 of pg-router is DOWN, replicas/pg-1 of pg-router is UP; a drained server whose check fails shows as DOWN, take that back with server"
)]
#[case::server_tracked(
    tracked(),
    server("primary", 1, ServerState::Ready),
    "primary/pg-1 is in maintenance with a/b, whose state it follows: its own has no effect, change that one"
)]
fn what_cannot_be_done_is_refused_with_what_to_do_instead(
    #[case] snapshot: Snapshot,
    #[case] intent: Intent,
    #[case] words: &str,
) {
    assert_eq!(refused(&snapshot, &intent), words);
}

#[test]
fn what_is_not_configured_for_acting_is_not_planned() {
    let bare = PatroniManager::default();
    let refusal = bare.plan(&healthy(), &server("primary", 1, ServerState::Drain)).unwrap_err().to_string();
    assert!(refusal.contains("runtime API of pg-router is not configured for acting"), "{refusal}");
    let end = Intent::EndSession { member: pg(0), pid: 1, started: wall(), how: EndSession::Cancel };
    let refusal = bare.plan(&healthy(), &end).unwrap_err().to_string();
    assert!(refusal.contains("acting over SQL is not configured"), "{refusal}");
}

fn with_row(backend: &str, status: &str) -> Snapshot {
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| {
        let row = rows.iter_mut().find(|row| row.proxy == *backend && row.server == "pg-1").unwrap();
        row.status = ProxyStatus::from_word(status);
    });
    snapshot
}

fn served_by_nobody() -> Snapshot {
    with_row("replicas", "MAINT")
}

fn wrong_writer() -> Snapshot {
    with_row("primary", "UP")
}

fn silent_router() -> Snapshot {
    let mut snapshot = healthy();
    fail(snapshot.routers[0].http.as_mut().unwrap(), Trouble::TimedOut, seconds(20));
    snapshot
}

#[test]
fn a_router_that_may_not_be_told_keeps_a_node_from_being_drained() {
    let manager = PatroniManager { runtimes: std::collections::BTreeMap::new(), ..manager() };
    let refusal = manager.plan(&healthy(), &drain(1, AfterDrain::Restart)).unwrap_err().to_string();
    assert!(refusal.contains("pg-router leads to pg-1, and its runtime API is not configured"), "{refusal}");
}

#[test]
fn an_idle_session_has_no_statement_to_cancel() {
    let mut snapshot = healthy();
    let idle = Session { state: "idle in transaction".into(), ..session(4711, "shop", &[], Some(60)) };
    sql(&mut snapshot, "pg-0", |report| report.sessions = vec![idle]);
    let end = |how| Intent::EndSession { member: pg(0), pid: 4711, started: wall(), how };
    let words = refused(&snapshot, &end(EndSession::Cancel));
    assert_eq!(words, "session 4711 on pg-0 is idle in transaction: it runs no statement to cancel; terminate it");
    assert!(plan(&snapshot, &end(EndSession::Terminate)).is_ok());
}

#[test]
fn a_secret_is_not_even_repeated_in_the_refusal() {
    let changes = object(json!({"standby_cluster": {"host": "a", "token": "geheim"}}));
    assert!(!refused(&healthy(), &Intent::Configure { changes }).contains("geheim"));
}

#[test]
fn nobody_is_asked_where_nobody_answers() {
    let mut snapshot = healthy();
    for name in ["pg-0", "pg-1", "pg-2"] {
        cut(&mut snapshot, name, seconds(20));
    }
    assert_eq!(refused(&snapshot, &Intent::Pause), "no agent of prod-eu answers: nobody can be asked");
}

/// Routers want to be settled now, whatever a colleague has planned for the night.
#[test]
fn an_order_for_later_keeps_nobody_from_settling_the_routers() {
    let why = |snapshot: &Snapshot| manager().plan(snapshot, &Intent::SettleRouters).map_err(|no| no.to_string());
    assert!(why(&under_way()).unwrap_err().contains("on record and not done yet"));
    let later = why(&scheduled_by_a_colleague());
    assert!(later.as_ref().map_or_else(|why| !why.contains("on record"), |_| true), "{later:?}");
}
