//! What holds whatever happens.

use proptest::prelude::*;

use crate::action::generation::Generation;
use crate::action::intent::{CopySource, EndSession, ServerState};
use crate::action::order::{AgentRequest, Order as Act, RouterRequest, SqlRequest};
use crate::driver::ha::sim::{ApiDefect, ManagerOrder, Repair, Simulation};

use super::*;

/// What must not fall from one look to the next.
#[derive(Clone, Debug, Default)]
struct MonotonicMarks {
    revision: i64,
    term: u64,
    index: u64,
    router_started: u64,
    totals: Vec<u64>,
    history: usize,
    timeline: u32,
    /// Creation of the lock, and the holder's position.
    lead: Option<(i64, u64)>,
}

fn marks(simulation: &mut Simulation) -> MonotonicMarks {
    let (record, etcd) = {
        let patroni = simulation.patroni();
        (patroni.record.clone(), patroni.etcd.clone())
    };
    let world = &simulation.world;
    let holder = record.leader.map(|lock| (lock.created, &world.nodes[lock.holder]));
    let sections = world.router.sections.iter();
    let counters = sections.flat_map(|section| {
        section
            .servers
            .iter()
            .flat_map(|server| [server.traffic.total, server.traffic.bytes_in, server.downs, server.failures])
    });
    MonotonicMarks {
        revision: record.revision,
        term: etcd.term,
        index: etcd.index,
        router_started: world.router.started,
        totals: counters.collect(),
        history: record.history.len(),
        timeline: record.history.last().map_or(0, |entry| entry.timeline.0),
        lead: holder.filter(|(_, node)| node.takes_writes()).map(|(created, node)| (created, node.written)),
    }
}

fn check(simulation: &mut Simulation, before: &MonotonicMarks) -> MonotonicMarks {
    let now = marks(simulation);
    let history: Vec<u32> = simulation.patroni().record.history.iter().map(|entry| entry.timeline.0).collect();
    let world = &simulation.world;
    assert!(now.revision >= before.revision && now.term >= before.term && now.index >= before.index);
    if now.router_started == before.router_started {
        assert!(now.totals.iter().zip(&before.totals).all(|(now, before)| now >= before), "a counter fell");
    }
    assert!(now.timeline >= before.timeline && now.history >= before.history.min(64));
    if let (Some(now), Some(before)) = (now.lead, before.lead)
        && now.0 == before.0
    {
        assert!(now.1 >= before.1, "the leader's WAL went backwards");
    }
    for node in &world.nodes {
        assert!(node.replayed <= node.written, "{} replayed what it does not have", node.name);
        assert!(node.replayed_at <= world.clock.now());
    }
    assert!(history.windows(2).all(|pair| pair[0] < pair[1]), "{history:?}");
    now
}

fn node(number: usize) -> NodeName {
    NodeName::new(format!("pg-{}", number % 4))
}

/// Something that is done to the world.
#[derive(Clone, Debug)]
enum WorldOp {
    Fault(Fault),
    Order(ManagerOrder),
    /// As somebody who acts would order it.
    Act(Act),
    /// The same, of a session that is there.
    End(usize, EndSession),
}

impl WorldOp {
    fn plan(&self, world: &mut Simulation, when: Moment) {
        match self.clone() {
            Self::Fault(fault) => world.schedule(when, fault),
            Self::Order(order) => world.order(when, order),
            Self::Act(_) | Self::End(..) => {}
        }
    }

    /// Does now what cannot be planned.
    fn act(&self, world: &mut Simulation) {
        let order = match self {
            Self::Act(order) => order.clone(),
            Self::End(index, how) => {
                let clients = world.world.clients(*index);
                let Some(session) = clients.sessions.first() else { return };
                let request = SqlRequest::EndSession {
                    pid: session.pid.unsigned_abs(),
                    started: session.started.unwrap(),
                    how: *how,
                };
                Act::Sql { member: node(*index), system_id: None, request }
            }
            Self::Fault(_) | Self::Order(_) => return,
        };
        world.take(&order, &Generation::default());
    }
}

/// Does what is due in this second.
fn act(world: &mut Simulation, deeds: &[(u64, WorldOp)], second: u64) {
    for (_, op) in deeds.iter().filter(|(when, _)| *when == second) {
        op.act(world);
    }
}

/// Any order that somebody who acts can give.
fn act_of_any_kind() -> impl Strategy<Value = WorldOp> {
    let when = |second: u64| epoch() + Duration::from_secs(second);
    let request = prop_oneof![
        (0..5_usize, 0..5_usize, any::<bool>(), prop::option::of(0..400_u64)).prop_map(
            move |(leader, candidate, named, at)| AgentRequest::Switchover {
                leader: node(leader),
                candidate: named.then(|| node(candidate)),
                at: at.map(when),
            }
        ),
        (0..4_usize).prop_map(|n| AgentRequest::Failover { candidate: node(n) }),
        Just(AgentRequest::CancelSwitchover),
        (any::<bool>(), prop::option::of(0..400_u64)).prop_map(move |(only_pending, at)| AgentRequest::Restart {
            role: None,
            only_pending,
            at: at.map(when)
        }),
        Just(AgentRequest::CancelRestart),
        Just(AgentRequest::Reload),
        any::<bool>().prop_map(|force| AgentRequest::Reinit { source: CopySource::Any, force }),
        prop_oneof![
            Just(serde_json::json!({ "pause": true })),
            Just(serde_json::json!({ "pause": null, "synchronous_mode": null })),
            Just(serde_json::json!({ "synchronous_mode": true, "ttl": 25 })),
            Just(serde_json::json!({ "loop_wait": 3, "retry_timeout": 5 })),
            Just(serde_json::json!({ "maximum_lag_on_failover": 1_u64 << 30, "failsafe_mode": true })),
        ]
        .prop_map(|changes| AgentRequest::Configure { changes: changes.as_object().cloned().unwrap() }),
    ];
    let state = prop_oneof![Just(ServerState::Ready), Just(ServerState::Drain), Just(ServerState::Maintenance)];
    let how = prop_oneof![Just(EndSession::Cancel), Just(EndSession::Terminate)];
    let router = |request: RouterRequest| WorldOp::Act(Act::Router { router: "pg-router".into(), request });
    prop_oneof![
        8 => (0..4_usize, request).prop_map(|(n, request)| WorldOp::Act(Act::agent(node(n), request))),
        1 => (0..4_usize, state).prop_map(move |(n, state)| router(RouterRequest::State {
            backend: "primary".into(),
            server: node(n).text().clone(),
            state,
        })),
        1 => (0..4_usize, any::<bool>()).prop_map(move |(n, up)| router(RouterRequest::Health {
            backend: "replicas".into(),
            server: node(n).text().clone(),
            up,
        })),
        1 => (0..4_usize).prop_map(|n| WorldOp::Act(Act::Sql {
            member: node(n),
            system_id: None,
            request: SqlRequest::Checkpoint,
        })),
        1 => (0..4_usize, how).prop_map(|(n, how)| WorldOp::End(n, how)),
    ]
}

fn op() -> impl Strategy<Value = WorldOp> {
    prop_oneof![1 => planned().prop_map(|op| op.map_or_else(WorldOp::Order, WorldOp::Fault)), 1 => act_of_any_kind()]
}

fn planned() -> impl Strategy<Value = Result<Fault, ManagerOrder>> {
    let span = Duration::from_secs;
    prop_oneof![
        (0..4_usize).prop_map(|n| Ok(Fault::KillNode(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::StopNode(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::FreezeNode(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::CutNode(node(n)))),
        (0..4_usize, 5..90_u64, any::<bool>()).prop_map(move |(n, s, reinit)| Ok(Fault::CrashNode {
            node: node(n),
            back_after: span(s),
            reinit
        })),
        (0..4_usize).prop_map(|n| Ok(Fault::CrashPostgres(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::StopReceiver(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::SplitBrain(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::PromotionFails(node(n)))),
        (0..4_usize).prop_map(|n| Ok(Fault::AgentApi { node: node(n), defect: ApiDefect::Dies })),
        (0..4_usize).prop_map(|n| Ok(Fault::AgentApi { node: node(n), defect: ApiDefect::Alarms })),
        Just(Ok(Fault::LoseDcsMajority)),
        Just(Ok(Fault::DropDcsMember("etcd-1".into()))),
        Just(Ok(Fault::RouterDown)),
        Just(Ok(Fault::FillDcs(100))),
        Just(Ok(Fault::Heal(Repair::Everything))),
        Just(Ok(Fault::Heal(Repair::Everything))),
        (0..4_usize).prop_map(|n| Ok(Fault::Heal(Repair::Node(node(n))))),
        (0..4_usize, 0..30_u64)
            .prop_map(move |(n, s)| Err(ManagerOrder::Switchover { candidate: Some(node(n)), after: span(s) })),
        Just(Err(ManagerOrder::Pause)),
        Just(Err(ManagerOrder::Resume)),
        (0..4_usize).prop_map(|n| Err(ManagerOrder::Restart(node(n)))),
        (0..4_usize).prop_map(|n| Err(ManagerOrder::Reinit(node(n)))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_impossible_happens(seed in any::<u64>(), deeds in prop::collection::vec((0..300_u64, op()), 0..10)) {
        let mut fixture = ObservedFixture::new(seed, Scenario::Calm);
        {
            let mut world = fixture.cluster.world().lock().unwrap();
            for (second, op) in &deeds {
                op.plan(&mut world, Moment::after_start(Duration::from_secs(*second)));
            }
        }
        let mut before = MonotonicMarks::default();
        for second in 0..360_u32 {
            let now = at(f64::from(second));
            {
                let mut world = fixture.cluster.world().lock().unwrap();
                world.advance(now);
                act(&mut world, &deeds, u64::from(second));
            }
            before = check(&mut fixture.cluster.world().lock().unwrap(), &before);
            if second % 20 == 0 {
                fixture.ask_all(now, 0);
            }
        }
    }

    #[test]
    fn whatever_happened_a_healed_cluster_finds_back(seed in any::<u64>(), deeds in prop::collection::vec((0..200_u64, op()), 0..8)) {
        let fixture = ObservedFixture::new(seed, Scenario::Calm);
        let mut world = fixture.cluster.world().lock().unwrap();
        for (second, op) in &deeds {
            op.plan(&mut world, Moment::after_start(Duration::from_secs(*second)));
        }
        for second in 0..200_u32 {
            world.advance(at(f64::from(second)));
            act(&mut world, &deeds, u64::from(second));
        }
        world.schedule(at(300.0), Fault::Heal(Repair::Everything));
        // A store that has only just found its majority again takes no order yet.
        world.order(at(320.0), ManagerOrder::Resume);
        world.advance(at(540.0));
        let leader = world.leader();
        prop_assert!(leader.is_some(), "nobody leads");
        let world = &world.world;
        for node in &world.nodes {
            if Some(&node.name) == leader.as_ref() {
                prop_assert!(node.takes_writes());
            } else {
                prop_assert!(!node.writable && node.stream.is_some(), "{} is not streaming: {:?}", node.name, node);
                prop_assert_eq!(node.timeline, world.nodes[world.leads.unwrap()].timeline);
            }
        }
    }
}

#[test]
fn a_day_of_the_demo_does_not_grow() {
    let mut fixture = ObservedFixture::new(3, Scenario::Demo);
    let mut before = MonotonicMarks::default();
    let size = |fixture: &mut ObservedFixture, now| {
        let record =
            fixture.record(now).map_or(0, |record| record.keys().iter().map(|key| key.value.as_str().len()).sum());
        let mut simulation = fixture.cluster.world().lock().unwrap();
        let history = simulation.patroni().record.history.len();
        (record, history, simulation.world.forks.len(), simulation.world.agenda_length())
    };
    let mut leaders = std::collections::BTreeSet::new();
    for minute in 0..=1440_u32 {
        let now = at(f64::from(minute) * 60.0);
        fixture.cluster.world().lock().unwrap().advance(now);
        before = check(&mut fixture.cluster.world().lock().unwrap(), &before);
        leaders.extend(fixture.cluster.world().lock().unwrap().leader());
        if minute % 60 == 0 {
            fixture.ask_all(now, 0);
            let (keys, history, forks, agenda) = size(&mut fixture, now);
            assert!(keys < 20_000 && history <= 64 && forks <= 64 && agenda < 4, "{keys} {history} {forks} {agenda}");
        }
    }
    assert!(leaders.len() >= 3, "the lead goes round: {leaders:?}");
    assert!(before.timeline > 80, "something happened all day: {}", before.timeline);
}
