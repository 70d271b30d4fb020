use crate::model::record::Counter;
use rstest::{Context, rstest};
use serde_json::json;

use super::*;
use crate::action::intent::{AfterDrain, EndSession, LeadIntent, NodeIntent, PendingUndo, RouterIntent, SessionIntent};
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, HaOrder, Order, PatroniOrder, RecordRequest, RouterRequest};
use crate::action::plan::Danger;
use crate::model::postgres::Session;
use crate::model::role::Role;
use crate::model::test_support::{cut, rows, seconds, session, sql};

fn swift() -> Intent {
    Intent::Lead(LeadIntent::Switchover { candidate: Some(pg(1)), at: None, swift: true, through_poolers: None })
}

fn scheduled() -> Intent {
    Intent::Lead(LeadIntent::Switchover {
        candidate: Some(pg(1)),
        at: Some(later()),
        swift: true,
        through_poolers: None,
    })
}

fn later_restart() -> Intent {
    Intent::Node(NodeIntent::Restart { target: Target::All, only_pending: true, at: Some(later()) })
}

fn with_order() -> Snapshot {
    let mut snapshot = healthy();
    ordered(&mut snapshot, Some("2026-11-21T23:00:00+00:00"));
    snapshot
}

fn with_restart() -> Snapshot {
    let mut snapshot = healthy();
    restart_scheduled(&mut snapshot, "pg-2");
    snapshot
}

fn with_session() -> Snapshot {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| report.sessions = vec![session(4711, "shop", &[], Some(7800))]);
    snapshot
}

fn end_session(how: EndSession) -> Intent {
    Intent::Session(SessionIntent::End {
        member: pg(0),
        pid: 4711,
        started: "2026-11-21T11:52:07.250Z".parse().unwrap(),
        how,
    })
}

/// A server of the read backend as a hand has set it.
fn manually(server: u8, status: &str) -> Snapshot {
    let mut snapshot = healthy();
    let name = pg(server);
    rows(&mut snapshot, |rows| {
        let row = rows.iter_mut().find(|row| row.proxy == "replicas" && row.server == *name.text()).unwrap();
        row.status = crate::model::router::ProxyStatus::from_name(status);
    });
    snapshot
}

fn maintained(server: u8) -> Snapshot {
    manually(server, "MAINT")
}

fn drained(server: u8) -> Snapshot {
    manually(server, "DRAIN")
}

fn silent_leader() -> Snapshot {
    let mut snapshot = healthy();
    cut(&mut snapshot, "pg-0", seconds(12));
    snapshot
}

#[rstest]
#[case::switchover(healthy(), switchover(Some(1)))]
#[case::switchover_anybody(healthy(), switchover(None))]
#[case::switchover_swift(healthy(), swift())]
#[case::switchover_scheduled(healthy(), scheduled())]
#[case::cancel_switchover(with_order(), Intent::Lead(LeadIntent::CancelSwitchover))]
#[case::failover(leaderless(), failover(2))]
#[case::failover_silent_leader(silent_leader(), failover(1))]
#[case::reinit(healthy(), reinit(2))]
#[case::restart_replica(healthy(), restart(Target::Member(pg(1))))]
#[case::restart_leader(healthy(), restart(Target::Role(Role::Leader)))]
#[case::restart_all(healthy(), restart(Target::All))]
#[case::restart_scheduled(pending(&["pg-0", "pg-2"]), later_restart())]
#[case::cancel_restart(with_restart(), Intent::Node(NodeIntent::CancelRestart { member: pg(2) }))]
#[case::reload(healthy(), Intent::Node(NodeIntent::Reload { target: Target::Role(Role::Replica) }))]
#[case::pause(healthy(), Intent::Lead(LeadIntent::Pause))]
#[case::resume(paused(), Intent::Lead(LeadIntent::Resume))]
#[case::configure(healthy(), configure(json!({"ttl": 60, "maximum_lag_on_failover": null, "loop_wait": 10, "postgresql": {"parameters": {"max_connections": 300, "pg_stat_statements.max": 5000}}, "colour": "blue"})))]
#[case::rolling_restart(pending(&["pg-0", "pg-1", "pg-2"]), Intent::Node(NodeIntent::RollingRestart))]
#[case::rolling_restart_replicas(pending(&["pg-2"]), Intent::Node(NodeIntent::RollingRestart))]
#[case::router_drain(healthy(), server("replicas", 1, ServerState::Drain))]
#[case::router_maintenance_of_the_last(healthy(), server("primary", 0, ServerState::Maintenance))]
#[case::drain_left_standing(healthy(), drain(1, AfterDrain::Leave))]
#[case::drain_then_restart(maintained(2), drain(1, AfterDrain::Restart))]
#[case::drain_then_reinitialise(healthy(), drain(2, AfterDrain::Reinit))]
#[case::undrain(drained(1), Intent::Router(RouterIntent::Undrain { member: pg(1) }))]
#[case::cancel_statement(with_session(), end_session(EndSession::Cancel))]
#[case::terminate_session(with_session(), end_session(EndSession::Terminate))]
fn a_plan_says_everything_that_is_done(
    #[context] context: Context,
    #[case] snapshot: Snapshot,
    #[case] intent: Intent,
) {
    let name = context.description.expect("a named case");
    insta::assert_snapshot!(name, rendered(&planned(&snapshot, &intent)));
}

#[test]
fn a_protected_cluster_wants_a_reason_for_everything() {
    let mut snapshot = pending(&["pg-1"]);
    snapshot.identity.protected = true;
    for intent in [
        switchover(Some(1)),
        restart(Target::All),
        Intent::Lead(LeadIntent::Pause),
        Intent::Node(NodeIntent::RollingRestart),
        reinit(1),
    ] {
        assert!(planned(&snapshot, &intent).needs_reason, "{intent:?}");
    }
    assert!(!planned(&healthy(), &Intent::Lead(LeadIntent::Pause)).needs_reason);
}

#[test]
fn the_request_goes_to_the_member_that_was_picked_and_to_no_other() {
    for member in [1, 2] {
        for intent in [restart(Target::Member(pg(member))), reinit(member)] {
            let plan = planned(&healthy(), &intent);
            let Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { member: asked, .. })) = &plan.steps[0].order else {
                panic!("not an agent")
            };
            assert_eq!(*asked, pg(member));
            assert!(plan.steps[0].text.as_str().contains(&format!("http://10.0.0.{member}:8008/")));
        }
    }
}

#[test]
fn pausing_patches_the_configuration_since_patroni_knows_no_other_way() {
    assert_eq!(
        sent(&planned(&healthy(), &Intent::Lead(LeadIntent::Pause))),
        [r#"PATCH http://10.0.0.0:8008/config {"pause":true}"#]
    );
    assert_eq!(
        sent(&planned(&paused(), &Intent::Lead(LeadIntent::Resume))),
        [r#"PATCH http://10.0.0.0:8008/config {"pause":null}"#]
    );
}

#[test]
fn what_any_agent_does_is_asked_of_one_that_answers() {
    let mut snapshot = paused();
    snapshot.members[0].agent = None;
    assert!(
        sent(&planned(&snapshot, &Intent::Lead(LeadIntent::Resume)))[0]
            .starts_with("PATCH http://10.0.0.1:8008/config")
    );
    // Without a leader, the candidate is asked, as patronictl does.
    assert!(sent(&planned(&leaderless(), &failover(2)))[0].starts_with("POST http://10.0.0.2:8008/failover"));
}

#[test]
fn a_restart_of_a_replica_never_hits_a_leader() {
    let request = |plan: &Plan, step: usize| match &plan.steps[step].order {
        Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { request: AgentRequest::Restart { role, .. }, .. })) => {
            role.clone()
        }
        other => panic!("not a restart: {other:?}"),
    };
    let plan = planned(&healthy(), &restart(Target::All));
    let last = plan.steps.len() - 1;
    assert_eq!((request(&plan, 0), request(&plan, last)), (Some(Role::Replica), None));
    assert_eq!(plan.no_return, last);
}

#[test]
fn without_sql_for_acting_a_swift_switchover_goes_without_checkpoints_and_says_so() {
    let bare = PatroniManager::default();
    let plan = bare.plan(&healthy(), &Inspected::default(), &swift()).unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.impact.iter().any(|line| line.as_str().contains("no checkpoint beforehand")));
    assert!(plan.equivalent.iter().all(|line| !line.as_str().contains(" -u ")), "no login is configured");
}

/// The handover restarts the leader that alone waits: nothing says that nobody is restarted.
#[test]
fn a_leader_that_alone_waits_is_restarted_by_its_handover() {
    let snapshot = pending(&["pg-0"]);
    let plan = planned(&snapshot, &Intent::Node(NodeIntent::RollingRestart));
    assert!(
        plan.expectation
            .sequence
            .iter()
            .any(|expected| { matches!(&expected.milestone, Milestone::Restarted { member } if *member == pg(0)) })
    );
    let notes = crate::action::preflight::examine(&snapshot, &plan);
    assert!(notes.iter().all(|note| note.check != *"targets"), "{notes:#?}");
}

#[test]
fn a_rolling_restart_stops_at_the_first_failure_since_it_waits_after_each() {
    let plan = planned(&pending(&["pg-0", "pg-1", "pg-2"]), &Intent::Node(NodeIntent::RollingRestart));
    let mut open: Option<NodeName> = None;
    for step in &plan.steps {
        match &step.order {
            Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { request: AgentRequest::Restart { .. }, member })) => {
                assert_eq!(open.replace(member.clone()), None, "one member at a time");
            }
            Order::Ha(HaOrder::Patroni(PatroniOrder::Agent {
                request: AgentRequest::Switchover { candidate, .. },
                ..
            })) => {
                assert_eq!(open, None, "everybody is back before the lead is handed over");
                assert_eq!(*candidate, Some(pg(1)), "the synchronous one");
            }
            Order::Await { milestone: Milestone::Streaming { member }, .. } if Some(member) == open.as_ref() => {
                open = None;
            }
            _ => {}
        }
    }
    assert_eq!(open, None);
}

#[rstest]
#[case("ttl", Danger::Destructive)]
#[case("synchronous_node_count", Danger::Destructive)]
#[case("maximum_lag_on_failover", Danger::Disruptive)]
fn settings_that_can_lose_data_are_destructive(#[case] key: &str, #[case] danger: Danger) {
    let plan = planned(&healthy(), &configure(json!({key: 100})));
    assert_eq!((plan.danger, plan.confirm), (danger, Confirm::Type("prod-eu".into())));
}

#[test]
fn old_values_that_cannot_be_read_are_unknown_not_absent() {
    let snapshot = crate::model::test_support::healthy();
    let plan = planned(&snapshot, &configure(json!({"ttl": 60})));
    assert_eq!(plan.impact[0].as_str(), "ttl: ? → 60");
}

#[test]
fn a_server_that_somebody_took_out_of_service_is_pointed_at() {
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| {
        let row = rows.iter_mut().find(|row| row.proxy == "replicas" && row.server == "pg-2").unwrap();
        row.status = crate::model::router::ProxyStatus::from_name("MAINT");
    });
    let plan = planned(&snapshot, &server("replicas", 2, ServerState::Ready));
    assert!(plan.impact.iter().any(|line| line.as_str().starts_with("it was taken out")), "{:?}", plan.impact);
}

#[test]
fn names_from_outside_are_one_word_of_the_shell() {
    let mut snapshot = healthy();
    snapshot.identity.scope = Some("pg ha; rm -rf 'x'".into());
    let plan = planned(&snapshot, &Intent::Lead(LeadIntent::Pause));
    assert_eq!(plan.equivalent[0].as_str(), r"patronictl pause 'pg ha; rm -rf '\''x'\''' --wait");
}

#[test]
fn equal_pictures_give_equal_plans_and_another_generation_another_plan() {
    let intent = switchover(Some(1));
    let hash = planned(&healthy(), &intent).hash();
    assert_eq!(planned(&healthy(), &intent).hash(), hash);
    let mut moved = healthy();
    record(&mut moved, |content| content.leader.as_mut().unwrap().create_revision += 1);
    assert_ne!(planned(&moved, &intent).hash(), hash);
}

#[test]
fn where_etcd_may_be_written_the_configuration_is_compared_and_set() {
    let manager = PatroniManager { config_prefix: Some("/service/pg-ha/".into()), ..manager() };
    let intent = configure(json!({"ttl": 60, "loop_wait": 10}));
    let plan = manager.plan(&healthy(), &Inspected::default(), &intent).unwrap();
    insta::assert_snapshot!(rendered(&plan));
    let Order::Ha(HaOrder::Patroni(PatroniOrder::Record { request: RecordRequest::Configure { revision, .. } })) =
        &plan.steps[0].order
    else {
        panic!("not the record: {:?}", plan.steps)
    };
    assert_eq!(*revision, plan.generation.count(Counter::Configuration));
    // A record relayed by an agent tells no revisions: nothing could be compared.
    let mut relayed = healthy();
    record(&mut relayed, |content| content.patroni_mut().config.as_mut().unwrap().mod_revision = 0);
    let plan = manager.plan(&relayed, &Inspected::default(), &intent).unwrap();
    assert!(matches!(plan.steps[0].order, Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { .. }))), "{:?}", plan.steps);
}

#[test]
fn only_what_changes_is_sent() {
    let wanted =
        json!({"ttl": 60, "loop_wait": 10, "postgresql": {"parameters": {"work_mem": "16MB", "wal_level": "logical"}}});
    let plan = planned(&healthy(), &configure(wanted));
    let body = r#"{"postgresql":{"parameters":{"wal_level":"logical"}},"ttl":60}"#;
    assert_eq!(sent(&plan), [format!("PATCH http://10.0.0.0:8008/config {body}")]);
}

#[test]
fn a_leader_that_is_off_the_record_is_no_leader_that_answers() {
    let mut snapshot = healthy();
    snapshot.members.remove(0);
    assert!(plan(&snapshot, &failover(1)).is_ok());
}

#[test]
fn periods_of_the_cluster_set_how_long_is_waited() {
    let mut snapshot = healthy();
    configured(&mut snapshot, &json!({"ttl": 120, "loop_wait": 40, "retry_timeout": 20, "primary_start_timeout": 900}));
    let now = planned(&snapshot, &switchover(Some(1)));
    assert_eq!((now.steps[0].deadline, now.expectation.within), (seconds(105), seconds(240)));
    assert_eq!(planned(&snapshot, &restart(Target::Member(pg(1)))).steps[0].deadline, seconds(960));
    configured(&mut snapshot, &json!({"ttl": 9_000_000_000_u64, "primary_start_timeout": u64::MAX}));
    assert!(planned(&snapshot, &switchover(Some(1))).expectation.within <= seconds(4000), "nonsense is no deadline");
}

#[rstest]
#[case(json!({"synchronous_mode": false}), "commits do not wait for a standby: a failover may lose acknowledged commits")]
#[case(json!({"synchronous_mode": null}), "commits do not wait for a standby: a failover may lose acknowledged commits")]
#[case(json!({"synchronous_mode": "quorum"}), "commits wait for a standby; only synchronous standbys can be promoted")]
#[case(json!({"synchronous_mode_strict": "on"}), "without a synchronous standby, writes hang")]
#[case(json!({"standby_cluster": {"host": "far"}}), "the leader stops accepting writes and becomes the standby leader of another cluster")]
#[case(json!({"slots": {"cdc": {"type": "logical"}}}), "PostgreSQL on every replica (pg-1, pg-2) restarts at once to copy logical slot cdc: meanwhile no replica serves reads and none can be promoted")]
#[case(json!({"slots": {"cdc": {"type": "logical"}}}), "83 sessions on pg-2 are disconnected")]
#[case(json!({"slots": {"dr": {"type": "physical"}}}), "slot dr retains WAL on the leader until its consumer has received it: without a consumer the disk fills up")]
#[case(json!({"synchronous_node_count": 2}), "synchronous standbys that commits wait for: 2")]
#[case(json!({"failsafe_mode": true}), "the leader keeps accepting writes while the DCS is unreachable, as long as it reaches every member")]
#[case(json!({"loop_wait": 5}), "agents check every 5 s: requests and failures may be noticed that much later")]
#[case(json!({"retry_timeout": 5}), "a leader whose DCS or PostgreSQL does not respond for 5 s is demoted, and all its sessions are terminated")]
#[case(json!({"failsafe_mode": 0}), "the leader is demoted while the DCS is unreachable")]
#[case(json!({"ttl": 45}), "a leader that crashes is replaced after about 45 s (ttl)")]
fn what_a_setting_means_for_the_users_is_reported(#[case] changes: Value, #[case] words: &str) {
    let plan = planned(&healthy(), &configure(changes));
    assert!(plan.impact.iter().any(|line| line.as_str() == words), "{:?}", plan.impact);
    assert_eq!(plan.danger, Danger::Destructive);
}

#[test]
fn a_checkpoint_is_only_asked_of_nodes_that_answer_over_sql() {
    let mut snapshot = healthy();
    snapshot.members[1].sql = None;
    let plan = planned(&snapshot, &swift());
    assert_eq!(sent(&plan)[0], "CHECKPOINT on pg-0 at 10.0.0.0:5432");
    assert_eq!((plan.steps.len(), plan.no_return), (2, 1));
    assert!(plan.impact.iter().any(|line| line.as_str().starts_with("no checkpoint on pg-1")), "{:?}", plan.impact);
}

#[test]
fn the_console_acts_by_the_ways_that_are_configured_for_acting_alone() {
    let read = |text: &str| {
        let environment = [("HOME", "/home/dba"), ("USER", "dba")].into_iter().collect();
        let settings = crate::config::from_text(text, std::path::Path::new("/etc/pgctl/config.toml"), &environment);
        PatroniManager::of(settings.unwrap().cluster("prod").unwrap())
    };
    let looking = r#"
        [clusters.prod]
        patroni = { urls = ["http://127.0.0.1:8008"] }
        postgres = { user = "monitor", database = "postgres" }
        routers = [{ name = "pg-router", runtime = "tcp:pg-router:7001" }]
    "#;
    assert_eq!(read(looking), PatroniManager::default());
    let acting = r#"
        [clusters.prod]
        patroni = { urls = ["http://127.0.0.1:8008"], user = "patroni", password_env = "SECRET" }
        postgres = { user = "monitor", acting = { user = "operator", database = "postgres" } }
        routers = [{ name = "pg-router", runtime = "tcp:pg-router:7001", acting = { runtime = "tcp:pg-router:7001" } }]
    "#;
    assert_eq!(read(acting), PatroniManager { reads_etcd: false, ..manager() });
}

/// `max_connections` waits on every member, and goes this way.
fn waiting(settings: &[(&str, &str, &str)]) -> Snapshot {
    let mut snapshot = pending(&["pg-0", "pg-1", "pg-2"]);
    for name in ["pg-0", "pg-1", "pg-2"] {
        agent(&mut snapshot, name, |report| {
            let setting = |(name, old, new): &(&str, &str, &str)| crate::model::agent::PendingSetting {
                name: Text::new(name),
                old: Some(Text::new(old)),
                new: Some(Text::new(new)),
            };
            report.pending_settings = settings.iter().map(setting).collect();
        });
    }
    snapshot
}

/// Whom a plan restarts, in its order; `switchover` where it hands the lead over.
fn restarted(plan: &Plan) -> Vec<String> {
    let word = |step: &crate::action::plan::Step| match &step.order {
        Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { request: AgentRequest::Restart { .. }, member })) => {
            Some(member.to_string())
        }
        Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { request: AgentRequest::Switchover { .. }, .. })) => {
            Some("switchover".to_owned())
        }
        _ => None,
    };
    plan.steps.iter().filter_map(word).collect()
}

#[rstest]
#[case::rises(&[("max_connections", "100", "120")], &["pg-1", "pg-2", "switchover"])]
#[case::falls(&[("max_connections", "120", "100")], &["pg-0", "pg-1", "pg-2"])]
#[case::both(&[("max_connections", "120", "100"), ("max_wal_senders", "10", "20")], &["pg-1", "pg-2", "pg-0", "pg-1", "pg-2"])]
#[case::not_guarded(&[("shared_buffers", "256MB", "128MB")], &["pg-1", "pg-2", "switchover"])]
fn a_rolling_restart_goes_the_way_in_which_the_settings_can_follow(
    #[case] settings: &[(&str, &str, &str)],
    #[case] order: &[&str],
) {
    let plan = planned(&waiting(settings), &Intent::Node(NodeIntent::RollingRestart));
    assert_eq!(restarted(&plan), order);
    let decides = |expected: &crate::action::expectation::Expected| {
        expected.decides && matches!(&expected.milestone, Milestone::NothingPending { members } if members.len() == 3)
    };
    assert!(plan.expectation.sequence.iter().any(decides), "done only once nothing is pending");
}

#[test]
fn restarting_all_begins_with_the_leader_where_a_setting_falls() {
    let all = restart(Target::All);
    assert_eq!(restarted(&planned(&waiting(&[("max_connections", "120", "100")]), &all)), ["pg-0", "pg-1", "pg-2"]);
    assert_eq!(restarted(&planned(&waiting(&[("max_connections", "100", "120")]), &all)), ["pg-1", "pg-2", "pg-0"]);
}

#[test]
fn a_slot_that_goes_is_named_and_one_that_stays_is_not() {
    let mut snapshot = healthy();
    let slots =
        json!({"feed": {"type": "logical", "database": "shop", "plugin": "pgoutput"}, "dr": {"type": "physical"}});
    configured(&mut snapshot, &json!({"ttl": 30, "slots": slots}));
    let said = |changes: Value| {
        let plan = planned(&snapshot, &configure(changes));
        plan.impact.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let one = said(json!({"slots": {"feed": null}}));
    assert!(one.contains("slot feed is dropped") && !one.contains("slot dr") && !one.contains("restarts"), "{one}");
    let all = said(json!({"slots": null}));
    assert!(all.contains("slot feed is dropped") && all.contains("slot dr is dropped"), "{all}");
    let other = said(json!({"slots": {"feed": {"database": "crm"}}}));
    assert!(other.contains("feed is dropped and recreated") && other.contains("restarts at once"), "{other}");
    let timeout = said(json!({"postgresql": {"parameters": {"idle_replication_slot_timeout": "60s"}}}));
    assert!(timeout.contains("invalidated") && timeout.contains("feed"), "{timeout}");
}

#[rstest]
#[case::cancel(EndSession::Cancel, "its commit is kept")]
#[case::terminate(EndSession::Terminate, "its transaction stays committed here")]
fn ending_a_wait_for_a_standby_is_not_called_a_rollback(#[case] how: EndSession, #[case] words: &str) {
    let mut snapshot = healthy();
    let waits = Session { wait: "IPC: SyncRep".into(), ..session(4711, "shop", &[], Some(60)) };
    sql(&mut snapshot, "pg-0", |report| report.sessions = vec![waits]);
    let impact =
        planned(&snapshot, &Intent::Session(SessionIntent::End { member: pg(0), pid: 4711, started: wall(), how }))
            .impact;
    let reported = impact.iter().any(|line| line.as_str().contains(words));
    assert!(reported && impact.iter().any(|line| line.as_str().contains("the standby may not have it")), "{impact:?}");
    assert!(!impact.iter().any(|line| line.as_str().contains("rolled back")), "{impact:?}");
}

/// By what is sent, not by what it was sent for.
#[rstest]
#[case::end_drain(RouterRequest::EndDrain { backend: "replicas".into(), server: "pg-1".into() }, Danger::Reversible)]
#[case::ready(state_of("pg-1", ServerState::Ready), Danger::Reversible)]
#[case::drain(state_of("pg-1", ServerState::Drain), Danger::Reversible)]
#[case::maintenance(state_of("pg-1", ServerState::Maintenance), Danger::Disruptive)]
#[case::health(RouterRequest::Health { backend: "primary".into(), server: "pg-0".into(), up: true }, Danger::Disruptive)]
fn what_is_reverted_is_as_dangerous_as_what_is_sent_for_it(#[case] request: RouterRequest, #[case] danger: Danger) {
    let pending_undo =
        |step, request| PendingUndo { step, order: Order::Router { router: RouterName::new("pg-router"), request } };
    let action = crate::action::record::ActionId("20261121-140207-000-4711".to_owned());
    let pending_undo = vec![pending_undo(1, state_of("pg-2", ServerState::Ready)), pending_undo(0, request)];
    let plan = planned(&healthy(), &Intent::Undo { action, pending_undo });
    assert_eq!(plan.danger, danger);
    assert_eq!(plan.confirm == Confirm::Yes, danger == Danger::Reversible);
}

fn state_of(server: &str, state: ServerState) -> RouterRequest {
    RouterRequest::State { backend: "replicas".into(), server: server.into(), state }
}
