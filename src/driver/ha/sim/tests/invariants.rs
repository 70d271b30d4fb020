//! What holds whatever happens.

use proptest::prelude::*;

use crate::action::generation::Generation;
use crate::action::intent::{CopySource, EndSession, ServerState};
use crate::action::order::{AgentRequest, Order as Act, RouterRequest, SqlRequest};
use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::{ApiDefect, Cure, Order};

use super::*;

/// What must not fall from one look to the next.
#[derive(Clone, Debug, Default)]
struct Marks {
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

fn marks(world: &World) -> Marks {
    let holder = world.record.leader.map(|lock| (lock.created, &world.nodes[lock.holder]));
    let sections = world.router.sections.iter();
    let counters = sections.flat_map(|section| {
        section
            .servers
            .iter()
            .flat_map(|server| [server.traffic.total, server.traffic.bytes_in, server.downs, server.failures])
    });
    Marks {
        revision: world.record.revision,
        term: world.etcd.term,
        index: world.etcd.index,
        router_started: world.router.started,
        totals: counters.collect(),
        history: world.record.history.len(),
        timeline: world.record.history.last().map_or(0, |entry| entry.timeline.0),
        lead: holder.filter(|(_, node)| node.takes_writes()).map(|(created, node)| (created, node.written)),
    }
}

fn check(world: &World, before: &Marks) -> Marks {
    let now = marks(world);
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
    let history: Vec<u32> = world.record.history.iter().map(|entry| entry.timeline.0).collect();
    assert!(history.windows(2).all(|pair| pair[0] < pair[1]), "{history:?}");
    now
}

fn node(number: usize) -> NodeName {
    NodeName::new(format!("pg-{}", number % 4))
}

/// Something that is done to the world.
#[derive(Clone, Debug)]
enum Deed {
    Fault(Fault),
    Order(Order),
    /// As somebody who acts would order it.
    Act(Act),
    /// The same, of a session that is there.
    End(usize, EndSession),
}

impl Deed {
    fn plan(&self, world: &mut World, when: Moment) {
        match self.clone() {
            Self::Fault(fault) => world.schedule(when, fault),
            Self::Order(order) => world.order(when, order),
            Self::Act(_) | Self::End(..) => {}
        }
    }

    /// Does now what cannot be planned.
    fn act(&self, world: &mut World) {
        let order = match self {
            Self::Act(order) => order.clone(),
            Self::End(index, how) => {
                let clients = world.clients(*index);
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
fn act(world: &mut World, deeds: &[(u64, Deed)], second: u64) {
    for (_, deed) in deeds.iter().filter(|(when, _)| *when == second) {
        deed.act(world);
    }
}

/// Any order that somebody who acts can give.
fn act_of_any_kind() -> impl Strategy<Value = Deed> {
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
        any::<bool>().prop_map(|force| AgentRequest::Reinitialise { source: CopySource::Any, force }),
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
    let router = |request: RouterRequest| Deed::Act(Act::Router { router: "pg-router".into(), request });
    prop_oneof![
        8 => (0..4_usize, request).prop_map(|(n, request)| Deed::Act(Act::Agent { member: node(n), request })),
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
        1 => (0..4_usize).prop_map(|n| Deed::Act(Act::Sql {
            member: node(n),
            system_id: None,
            request: SqlRequest::Checkpoint,
        })),
        1 => (0..4_usize, how).prop_map(|(n, how)| Deed::End(n, how)),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![1 => planned().prop_map(|deed| deed.map_or_else(Deed::Order, Deed::Fault)), 1 => act_of_any_kind()]
}

fn planned() -> impl Strategy<Value = Result<Fault, Order>> {
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
        Just(Ok(Fault::Heal(Cure::Everything))),
        Just(Ok(Fault::Heal(Cure::Everything))),
        (0..4_usize).prop_map(|n| Ok(Fault::Heal(Cure::Node(node(n))))),
        (0..4_usize, 0..30_u64)
            .prop_map(move |(n, s)| Err(Order::Switchover { candidate: Some(node(n)), after: span(s) })),
        Just(Err(Order::Pause)),
        Just(Err(Order::Resume)),
        (0..4_usize).prop_map(|n| Err(Order::Restart(node(n)))),
        (0..4_usize).prop_map(|n| Err(Order::Reinitialise(node(n)))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_impossible_happens(seed in any::<u64>(), deeds in prop::collection::vec((0..300_u64, deed()), 0..10)) {
        let mut bench = Bench::new(seed, Scenario::Calm);
        {
            let mut world = bench.cluster.world().lock().unwrap();
            for (second, deed) in &deeds {
                deed.plan(&mut world, Moment::after_start(Duration::from_secs(*second)));
            }
        }
        let mut before = Marks::default();
        for second in 0..360_u32 {
            let now = at(f64::from(second));
            {
                let mut world = bench.cluster.world().lock().unwrap();
                world.advance(now);
                act(&mut world, &deeds, u64::from(second));
            }
            before = check(&bench.cluster.world().lock().unwrap(), &before);
            if second % 20 == 0 {
                bench.ask_all(now, 0);
            }
        }
    }

    #[test]
    fn whatever_happened_a_healed_cluster_finds_back(seed in any::<u64>(), deeds in prop::collection::vec((0..200_u64, deed()), 0..8)) {
        let bench = Bench::new(seed, Scenario::Calm);
        let mut world = bench.cluster.world().lock().unwrap();
        for (second, deed) in &deeds {
            deed.plan(&mut world, Moment::after_start(Duration::from_secs(*second)));
        }
        for second in 0..200_u32 {
            world.advance(at(f64::from(second)));
            act(&mut world, &deeds, u64::from(second));
        }
        world.schedule(at(300.0), Fault::Heal(Cure::Everything));
        // A store that has only just found its majority again takes no order yet.
        world.order(at(320.0), Order::Resume);
        world.advance(at(540.0));
        let leader = world.leader();
        prop_assert!(leader.is_some(), "nobody leads");
        for node in &world.nodes {
            if Some(&node.name) == leader.as_ref() {
                prop_assert!(node.takes_writes());
            } else {
                prop_assert!(!node.writable && node.stream.is_some(), "{} does not stream: {:?}", node.name, node);
                prop_assert_eq!(node.timeline, world.nodes[world.record.holder().unwrap()].timeline);
            }
        }
    }
}

#[test]
fn a_day_of_the_demo_does_not_grow() {
    let mut bench = Bench::new(3, Scenario::Demo);
    let mut before = Marks::default();
    let size = |bench: &mut Bench, now| {
        let record =
            bench.record(now).map_or(0, |record| record.keys().iter().map(|key| key.value.as_str().len()).sum());
        let world = bench.cluster.world().lock().unwrap();
        (record, world.record.history.len(), world.forks.len(), world.agenda_length())
    };
    let mut leaders = std::collections::BTreeSet::new();
    for minute in 0..=1440_u32 {
        let now = at(f64::from(minute) * 60.0);
        bench.cluster.world().lock().unwrap().advance(now);
        before = check(&bench.cluster.world().lock().unwrap(), &before);
        leaders.extend(bench.cluster.world().lock().unwrap().leader());
        if minute % 60 == 0 {
            bench.ask_all(now, 0);
            let (keys, history, forks, agenda) = size(&mut bench, now);
            assert!(keys < 20_000 && history <= 64 && forks <= 64 && agenda < 4, "{keys} {history} {forks} {agenda}");
        }
    }
    assert!(leaders.len() >= 3, "the lead goes round: {leaders:?}");
    assert!(before.timeline > 80, "something happened all day: {}", before.timeline);
}
