use rstest::rstest;
use serde_json::json;

use super::*;
use crate::action::intent::{ConfigurationIntent, EndSession, LeadIntent, RouterIntent, SessionIntent};
use crate::model::agent::Tags;
use crate::model::postgres::Session;
use crate::model::role::{MemberState, Role};
use crate::model::router::ProxyStatus;
use crate::model::source::FailureKind;
use crate::model::test_support::{cut, dcs_lost, fail, missing, rows, seconds, session, sql};

fn at(time: Timestamp) -> Intent {
    Intent::Lead(LeadIntent::Switchover { candidate: Some(pg(1)), at: Some(time), swift: false, through_poolers: None })
}

fn restart_at(target: Target) -> Intent {
    Intent::Node(NodeIntent::Restart { target, only_pending: false, at: Some(later()) })
}

fn only_pending(target: Target) -> Intent {
    Intent::Node(NodeIntent::Restart { target, only_pending: true, at: None })
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
    rows(&mut snapshot, |rows| rows[2].status = ProxyStatus::from_name("MAINT (via a/b)"));
    snapshot
}

fn from_leader() -> Intent {
    Intent::Node(NodeIntent::Reinit { member: pg(2), source: CopySource::Leader, again: false })
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
    "the leader of prod-eu is unknown: its DCS state is stale; try again once it can be read"
)]
#[case::switchover_without_leader(
    leaderless(),
    switchover(Some(1)),
    "prod-eu has no leader: there is no leader to switch over from; fail over to a chosen member instead"
)]
#[case::failover_with_a_leader(
    healthy(),
    failover(1),
    "pg-0 is the leader and reachable: switch over to pg-1 instead, without data loss"
)]
#[case::failover_to_the_leader(healthy(), failover(0), "pg-0 is already the leader: nothing to do")]
#[case::reinit_of_the_leader(
    healthy(),
    reinit(0),
    "pg-0 is the leader and cannot be reinitialized: switch over to another member first"
)]
#[case::reinit_without_leader(
    leaderless(),
    reinit(1),
    "prod-eu has no leader: there is no member to clone pg-1 from; wait for a leader, or fail over first"
)]
#[case::reinit_of_a_writer(
    writable_replica(),
    reinit(2),
    "pg-2 reports that it accepts writes, without the leader key: clarify who is the leader first"
)]
#[case::reinit_under_way(
    copying(),
    reinit(2),
    "a reinit of pg-2 is already running: wait for it, or repeat with `again` to cancel it and start over"
)]
#[case::reinit_from_leader(
    healthy(),
    from_leader(),
    "cloning from the leader needs Patroni 4.1, pg-2 runs 4.0.4: clone from any member"
)]
#[case::unknown_member(healthy(), switchover(Some(9)), "pg-9 is not a member of prod-eu; available: pg-0, pg-1, pg-2")]
#[case::unknown_restart(
    healthy(),
    restart(Target::Member(pg(9))),
    "pg-9 is not a member of prod-eu; available: pg-0, pg-1, pg-2"
)]
#[case::missing_member(gone(), reinit(2), "pg-2 is not in the DCS: start its agent first")]
#[case::no_address(
    no_address(),
    restart(Target::Member(pg(2))),
    "the address of the agent of pg-2 is unknown: set nodes.pg-2.rest"
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
    "prod-eu is paused: choose the candidate, Patroni does not choose one then"
)]
#[case::pause_when_paused(paused(), Intent::Lead(LeadIntent::Pause), "prod-eu is already paused: nothing to do")]
#[case::resume_when_not_paused(healthy(), Intent::Lead(LeadIntent::Resume), "prod-eu is not paused: nothing to resume")]
#[case::nothing_scheduled(
    healthy(),
    Intent::Lead(LeadIntent::CancelSwitchover),
    "no switchover of prod-eu is scheduled: nothing to cancel"
)]
#[case::not_scheduled_but_running(
    under_way(),
    Intent::Lead(LeadIntent::CancelSwitchover),
    "the switchover from pg-0 to pg-2 is not scheduled for later and cannot be cancelled: wait until it ends"
)]
#[case::no_restart_scheduled(healthy(), Intent::Node(NodeIntent::CancelRestart { member: pg(1) }), "no restart of pg-1 is scheduled: nothing to cancel")]
#[case::restart_scheduled_already(
    restart_waits(),
    restart_at(Target::Member(pg(1))),
    "a restart of pg-1 is scheduled for 2026-11-21T23:00:00+00:00: cancel it first"
)]
#[case::nothing_pending(
    healthy(),
    Intent::Node(NodeIntent::RollingRestart),
    "no member of prod-eu has a pending restart: nothing to do"
)]
#[case::nothing_pending_in_all(
    healthy(),
    only_pending(Target::All),
    "no member of prod-eu has a pending restart: nothing to do"
)]
#[case::nothing_pending_there(
    healthy(),
    only_pending(Target::Member(pg(1))),
    "pg-1 is not pending restart: restart it unconditionally if necessary"
)]
#[case::candidate_leads(healthy(), switchover(Some(0)), "pg-0 is already the leader: nothing to do")]
#[case::candidate_tagged(tagged(Tags { nofailover: true, ..Tags::default() }), switchover(Some(1)), "pg-1 has the tag nofailover or failover_priority 0: choose pg-2")]
#[case::candidate_without_priority(tagged(Tags { failover_priority: Some(0), ..Tags::default() }), switchover(Some(1)), "pg-1 has the tag nofailover or failover_priority 0: choose pg-2")]
#[case::nobody_else(
    alone(),
    switchover(None),
    "no other member of prod-eu can become the leader: add a replica without the tag nofailover"
)]
#[case::time_has_passed(healthy(), at(wall() - SignedDuration::from_secs(1)), "2026-11-21T14:02:06Z has passed: it is now 2026-11-21T14:02:07Z; give a later time")]
#[case::colleague(
    scheduled_by_a_colleague(),
    switchover(Some(1)),
    "a switchover from pg-0 to pg-2 at 2026-11-21T23:00:00+00:00 is pending and would be replaced: cancel it first"
)]
#[case::colleague_now(
    under_way(),
    switchover(Some(1)),
    "a switchover from pg-0 to pg-2 is already pending: wait until it ends"
)]
#[case::order_not_readable(
    unreadable_order(),
    switchover(Some(1)),
    "the failover key cannot be read and would be replaced: check it in the DCS view first"
)]
#[case::standby_cluster(
    standby_cluster(),
    switchover(Some(1)),
    "prod-eu is a standby cluster: a switchover cannot be verified there yet, use patronictl"
)]
#[case::no_successor(
    nobody_to_follow(),
    Intent::Node(NodeIntent::RollingRestart),
    "there is no candidate to switch over from pg-0 (a streaming replica and is synchronous): restart the others one by one, and pg-0 by itself"
)]
#[case::odd_role(
    healthy(),
    restart(Target::Role(Role::Demoted)),
    "members cannot be selected by role demoted: use leader or replica, or give one"
)]
#[case::leaderless_role(
    leaderless(),
    restart(Target::Role(Role::Leader)),
    "prod-eu currently has no member with role leader"
)]
#[case::nothing_to_remove(healthy(), configure(json!({"postgresql": {"parameters": {"auto_explain.log_min_duration": null}}})), "nothing to remove: postgresql.parameters.auto_explain.log_min_duration is not in the dynamic configuration")]
#[case::tags(healthy(), configure(json!({"tags": {"nofailover": true}})), "tags is not a key of the dynamic configuration: tags are set in the patroni.yml of each member; change it there, then reload")]
#[case::less_than_patroni_takes(healthy(), configure(json!({"postgresql": {"parameters": {"max_connections": 10}}})), "max_connections must be a whole number from 25 to 262143, not 10")]
#[case::no_change(healthy(), configure(json!({"ttl": 30, "nothing": null})), "nothing to change: every key already has this value")]
#[case::pause_by_hand(healthy(), configure(json!({"pause": true})), "do not set maintenance mode here: use pause or resume")]
#[case::secret(healthy(), configure(json!({"postgresql": {"recovery_conf": {"primary_conninfo": "host=a password=geheim"}}})), "secrets cannot be changed here, because plans are shown and logged: use patronictl edit-config")]
#[case::periods(healthy(), configure(json!({"retry_timeout": 15})), "ttl 30 is less than loop_wait 10 + 2 × retry_timeout 15 = 40: raise ttl or lower the others")]
#[case::default_of_a_removed_period(healthy(), configure(json!({"ttl": null, "loop_wait": 11})), "ttl 30 is less than loop_wait 11 + 2 × retry_timeout 10 = 31: raise ttl or lower the others")]
#[case::range(healthy(), configure(json!({"ttl": 19, "loop_wait": 0})), "loop_wait must be a whole number of at least 1, not 0; ttl must be a whole number of at least 20, not 19; ttl 19 is less than loop_wait 0 + 2 × retry_timeout 10 = 20: raise ttl or lower the others")]
#[case::kinds(healthy(), configure(json!({"synchronous_mode": "often", "slots": [], "postgresql": {"parameters": {"max_connections": "many"}}})), "slots must be an object, not []; synchronous_mode must be true, false or quorum, not \"often\"; max_connections must be a whole number from 25 to 262143, not \"many\"")]
#[case::router(healthy(), Intent::Router(RouterIntent::Server { router: RouterName::new("edge"), backend: "primary".into(), server: "pg-0".into(), state: ServerState::Drain }), "edge is not a router of prod-eu; available: pg-router")]
#[case::server(
    healthy(),
    server("primary", 7, ServerState::Drain),
    "pg-router has no server primary/pg-7; available: primary/pg-0, primary/pg-1, primary/pg-2, replicas/pg-0, replicas/pg-1, replicas/pg-2"
)]
#[case::server_state(
    healthy(),
    server("primary", 0, ServerState::Ready),
    "primary/pg-0 is already ready: nothing to do"
)]
#[case::drain_of_the_leader(
    healthy(),
    drain(0, AfterDrain::Restart),
    "pg-0 is the leader, draining it would stop all writes: switch over first, then drain it"
)]
#[case::drain_of_nothing(
    served_by_nobody(),
    drain(1, AfterDrain::Restart),
    "no router routes sessions to pg-1: restart it without a drain"
)]
#[case::drain_unseen(
    silent_router(),
    drain(1, AfterDrain::Leave),
    "pg-router is unreachable: unknown whether it routes sessions to pg-1; try again once it is up"
)]
#[case::drain_of_a_writer(
    wrong_writer(),
    drain(1, AfterDrain::Leave),
    "primary/pg-1 of pg-router accepts writes, but pg-1 is not the leader: clarify that first"
)]
#[case::undrain_of_nothing(
    healthy(),
    Intent::Router(RouterIntent::Undrain { member: pg(1) }),
    "pg-1 is not drained: primary/pg-1 of pg-router is DOWN, replicas/pg-1 of pg-router is UP; a drained server whose health check fails shows as DOWN, change that with the verb `server`"
)]
#[case::server_tracked(
    tracked(),
    server("primary", 1, ServerState::Ready),
    "primary/pg-1 is in maintenance because it tracks a/b: change the state of that server instead"
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
    let refusal = bare
        .plan(&healthy(), &Inspected::default(), &server("primary", 1, ServerState::Drain))
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("runtime API of pg-router is not configured for acting"), "{refusal}");
    let end = Intent::Session(SessionIntent::End { member: pg(0), pid: 1, started: wall(), how: EndSession::Cancel });
    let refusal = bare.plan(&healthy(), &Inspected::default(), &end).unwrap_err().to_string();
    assert!(refusal.contains("SQL login for acting is not configured"), "{refusal}");
}

fn with_row(backend: &str, status: &str) -> Snapshot {
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| {
        let row = rows.iter_mut().find(|row| row.proxy == *backend && row.server == "pg-1").unwrap();
        row.status = ProxyStatus::from_name(status);
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
    fail(snapshot.routers[0].http.as_mut().unwrap(), FailureKind::TimedOut, seconds(20));
    snapshot
}

#[test]
fn a_router_that_may_not_be_reported_keeps_a_node_from_being_drained() {
    let mut manager = manager();
    manager.acting_access.runtimes.clear();
    let refusal =
        manager.plan(&healthy(), &Inspected::default(), &drain(1, AfterDrain::Restart)).unwrap_err().to_string();
    assert!(refusal.contains("pg-router routes to pg-1, but its runtime API is not configured"), "{refusal}");
}

#[test]
fn an_idle_session_has_no_statement_to_cancel() {
    let mut snapshot = healthy();
    let idle = Session { state: "idle in transaction".into(), ..session(4711, "shop", &[], Some(60)) };
    sql(&mut snapshot, "pg-0", |report| report.sessions = vec![idle]);
    let end = |how| Intent::Session(SessionIntent::End { member: pg(0), pid: 4711, started: wall(), how });
    let words = refused(&snapshot, &end(EndSession::Cancel));
    assert_eq!(words, "session 4711 on pg-0 is idle in transaction: there is no statement to cancel; terminate it");
    assert!(plan(&snapshot, &end(EndSession::Terminate)).is_ok());
}

#[test]
fn a_secret_is_not_even_repeated_in_the_refusal() {
    let changes = object(json!({"standby_cluster": {"host": "a", "token": "geheim"}}));
    assert!(
        !refused(&healthy(), &Intent::Configuration(ConfigurationIntent::Configure { changes })).contains("geheim")
    );
}

#[test]
fn nobody_is_asked_where_nobody_answers() {
    let mut snapshot = healthy();
    for name in ["pg-0", "pg-1", "pg-2"] {
        cut(&mut snapshot, name, seconds(20));
    }
    assert_eq!(
        refused(&snapshot, &Intent::Lead(LeadIntent::Pause)),
        "no agent of prod-eu is reachable: the request cannot be sent"
    );
}

/// Routers want to be settled now, whatever a colleague has planned for the night.
#[test]
fn an_order_for_later_keeps_nobody_from_settling_the_routers() {
    let why = |snapshot: &Snapshot| {
        manager()
            .plan(snapshot, &Inspected::default(), &Intent::Router(RouterIntent::Settle))
            .map_err(|no| no.to_string())
    };
    assert!(why(&under_way()).unwrap_err().contains("already pending"));
    let later = why(&scheduled_by_a_colleague());
    assert!(later.as_ref().map_or_else(|why| !why.contains("on record"), |_| true), "{later:?}");
}
