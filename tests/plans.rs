//! Plans made from pictures of simulated clusters in every state: none ever panics, and the same picture and the same
//! intent give the same plan.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]

#[path = "support/fixture.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod fixture;

use pgctl::model::record::Counter;
use std::time::Duration;

use fixture::Fixture;
use jiff::Timestamp;
use pgctl::action::Intent;
use pgctl::action::inspected::Inspected;
use pgctl::action::intent::{
    AfterDrain, ConfigurationIntent, CopySource, EndSession, LeadIntent, NodeIntent, RouterIntent, ServerState,
    SessionIntent, Target,
};
use pgctl::action::order::Order as Sent;
use pgctl::action::plan::Plan;
use pgctl::driver::ha::patroni::plan::PatroniManager;
use pgctl::driver::ha::sim::{Fault, ManagerOrder, Scenario, SimulatedCluster};
use pgctl::driver::plan::ActingAccess;
use pgctl::driver::port::Planner as _;
use pgctl::model::moment::Moment;
use pgctl::model::name::{NodeName, RouterName};
use pgctl::model::role::Role;
use pgctl::model::snapshot::Snapshot;
use proptest::prelude::*;
use serde_json::{Map, Value};

fn manager() -> PatroniManager {
    PatroniManager {
        acting_access: ActingAccess {
            sql: Some(("operator".into(), "postgres".into())),
            runtimes: [(RouterName::new("pg-router"), "tcp-connect:pg-router:7001".into())].into(),
            ..ActingAccess::default()
        },
        rest_user: None,
        config_prefix: None,
        reads_etcd: true,
    }
}

/// One member more than there are.
fn member() -> impl Strategy<Value = NodeName> {
    (0_u8..5).prop_map(|number| NodeName::new(format!("pg-{number}")))
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-7200_i64..7200).prop_map(|seconds| fixture::epoch() + jiff::SignedDuration::from_secs(seconds))
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        member().prop_map(Target::Member),
        Just(Target::Role(Role::Leader)),
        Just(Target::Role(Role::Replica)),
        Just(Target::Role(Role::Demoted)),
        Just(Target::All),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..100).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    plain.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = ["ttl", "loop_wait", "retry_timeout", "postgresql", "parameters", "slots", "max_connections", "pause"];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), ".{0,6}"]
}

fn intent() -> impl Strategy<Value = Intent> {
    let state = prop::sample::select(vec![ServerState::Ready, ServerState::Drain, ServerState::Maintenance]);
    let backend = prop::sample::select(vec!["primary", "replicas", "nothing"]);
    prop_oneof![
        (prop::option::of(member()), prop::option::of(time()), any::<bool>()).prop_map(|(candidate, at, swift)| {
            Intent::Lead(LeadIntent::Switchover { candidate, at, swift, through_poolers: None })
        }),
        Just(Intent::Lead(LeadIntent::CancelSwitchover)),
        member().prop_map(|candidate| Intent::Lead(LeadIntent::Failover { candidate })),
        (member(), any::<bool>(), any::<bool>()).prop_map(|(member, leader, again)| {
            let source = if leader { CopySource::Leader } else { CopySource::Any };
            Intent::Node(NodeIntent::Reinit { member, source, again })
        }),
        (target(), any::<bool>(), prop::option::of(time()))
            .prop_map(|(target, only_pending, at)| Intent::Node(NodeIntent::Restart { target, only_pending, at })),
        member().prop_map(|member| Intent::Node(NodeIntent::CancelRestart { member })),
        target().prop_map(|target| Intent::Node(NodeIntent::Reload { target })),
        Just(Intent::Lead(LeadIntent::Pause)),
        Just(Intent::Lead(LeadIntent::Resume)),
        prop::collection::btree_map(key(), value(), 0..4).prop_map(|changes| Intent::Configuration(
            ConfigurationIntent::Configure { changes: changes.into_iter().collect() }
        )),
        Just(Intent::Node(NodeIntent::RollingRestart)),
        (backend, member(), state).prop_map(|(backend, server, state)| Intent::Router(RouterIntent::Server {
            router: RouterName::new("pg-router"),
            backend: backend.into(),
            server: server.text().clone(),
            state,
        })),
        (member(), prop::sample::select(vec![AfterDrain::Leave, AfterDrain::Restart, AfterDrain::Reinit])).prop_map(
            |(member, then)| Intent::Router(RouterIntent::Drain { member, then, wait: Duration::from_secs(60) })
        ),
        member().prop_map(|member| Intent::Router(RouterIntent::Undrain { member })),
        (member(), any::<u32>(), time()).prop_map(|(member, pid, started)| Intent::Session(SessionIntent::End {
            member,
            pid,
            started,
            how: EndSession::Terminate,
        })),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        member().prop_map(Fault::KillNode),
        member().prop_map(Fault::StopNode),
        member().prop_map(Fault::CutNode),
        member().prop_map(Fault::AgentDown),
        member().prop_map(Fault::SqlSilent),
        member().prop_map(Fault::OddState),
        member().prop_map(Fault::NoAddress),
        member().prop_map(Fault::RemoveMember),
        member().prop_map(Fault::SplitBrain),
        member().prop_map(Fault::MetadataLie),
        member().prop_map(Fault::PendingRestart),
        member().prop_map(Fault::RouterMaintenance),
        Just(Fault::DefectiveRecord),
        Just(Fault::LoseDcsMajority),
        Just(Fault::RouterDown),
    ]
}

fn order() -> impl Strategy<Value = ManagerOrder> {
    let span = |seconds: u64| Duration::from_secs(seconds);
    prop_oneof![
        (prop::option::of(member()), 0_u64..90)
            .prop_map(move |(candidate, after)| ManagerOrder::Switchover { candidate, after: span(after) }),
        (member(), 0_u64..90).prop_map(move |(node, after)| ManagerOrder::ScheduleRestart { node, after: span(after) }),
        Just(ManagerOrder::Pause),
        member().prop_map(ManagerOrder::Reinit),
        member().prop_map(ManagerOrder::Restart),
    ]
}

/// A picture of a cluster some seconds after trouble.
fn picture(seed: u64, faults: Vec<Fault>, orders: Vec<ManagerOrder>, seconds: u32) -> Snapshot {
    let cluster = SimulatedCluster::new("prod-eu", seed, Scenario::Calm, fixture::epoch());
    {
        let at = Moment::after_start(Duration::from_secs(1));
        let mut world = cluster.world().lock().expect("no other holder");
        for fault in faults {
            world.schedule(at, fault);
        }
        for order in orders {
            world.order(at, order);
        }
    }
    Fixture::around(cluster).pass(seconds)
}

/// What holds for every plan.
fn is_usable(snapshot: &Snapshot, plan: &Plan) {
    assert!(plan.no_return < plan.steps.len(), "{plan:?}");
    let sending = &plan.steps[plan.no_return].order;
    assert!(!matches!(sending, Sent::Await { .. }), "nothing is sent at the point of no return: {plan:?}");
    assert!(!plan.equivalent.is_empty() && !plan.impact.is_empty() && !plan.title.is_empty(), "{plan:?}");
    for step in &plan.steps {
        if let Sent::Ha(order) = &step.order
            && let Some(member) = order.asks()
        {
            let url = snapshot.member(member).and_then(|member| member.agent_url.clone()).expect("an address");
            assert!(step.text.as_str().contains(url.as_str()), "sent elsewhere than said: {step:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_or_a_reason_comes_from_any_picture(
        seed in any::<u64>(),
        faults in prop::collection::vec(fault(), 0..4),
        orders in prop::collection::vec(order(), 0..3),
        seconds in 2_u32..40,
        intents in prop::collection::vec(intent(), 40),
    ) {
        let snapshot = picture(seed, faults, orders, seconds);
        for intent in &intents {
            match (manager().plan(&snapshot, &Inspected::default(), intent), manager().plan(&snapshot, &Inspected::default(), intent)) {
                (Ok(plan), Ok(again)) => {
                    is_usable(&snapshot, &plan);
                    prop_assert_eq!(plan.hash(), again.hash());
                    let mut moved = plan.clone();
                    let lead = moved.generation.count(Counter::Lead);
                    moved.generation = moved.generation.counting(Counter::Lead, lead + 1);
                    prop_assert_ne!(plan.hash(), moved.hash());
                }
                (Err(reason), Err(again)) => {
                    prop_assert!(!reason.0.is_empty() && !reason.0.as_str().contains('\n'), "{}", reason);
                    prop_assert_eq!(reason, again);
                }
                (Ok(_), Err(reason)) | (Err(reason), Ok(_)) => prop_assert!(false, "now so, now so: {}", reason),
            }
        }
    }
}
