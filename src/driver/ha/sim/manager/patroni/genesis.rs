//! Patroni on the world's first day: as if it had run for twelve already.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, noise};
use crate::driver::ha::sim::core::requests::{OpenRequests, RequestOwner};
use crate::driver::ha::sim::core::spec::{NodeSpec, Spec};
use crate::model::agent::Tags;
use crate::model::lsn::{Lsn, Timeline};
use crate::model::record::HistoryEntry;
use crate::model::role::MemberState;
use crate::model::text::Text;
use serde_json::{Map, Value};

use super::config::{Settings, first, written};
use super::etcd::Etcd;
use super::record::{Lock, MemberKey, Record, SyncRecord};
use super::{Agent, AgentFaults, Patroni};

impl Patroni {
    /// What a new cluster's PostgreSQL is configured with, and the slots that are kept on every member.
    pub(in crate::driver::ha::sim) fn configured() -> (Map<String, Value>, Map<String, Value>) {
        written(&first(false))
    }

    /// Takes over a new world, whose first node leads.
    pub(in crate::driver::ha::sim) fn over(world: &mut World) -> Self {
        let etcd = Etcd::new("etcd", world.seed);
        let record = record(world, etcd.index.cast_signed() - 1_204);
        world.synchronous = record.sync.as_ref().map(SyncRecord::names);
        let agents = (0..world.nodes.len()).map(|index| agent(world, index)).collect();
        Self { agents, etcd, record, open_requests: OpenRequests::at(RequestOwner::Manager), claim: None }
    }
}

fn agent(world: &World, index: usize) -> Agent {
    let now = world.clock.now();
    let place = &world.spec.members[index];
    Agent {
        url: Text::new(format!("http://{}:8008", place.name)),
        tags: tags(place),
        up_at: 0,
        next_loop: now + (1 + noise(world.seed, 6, index as u64) % 99) * SECOND / 10,
        last_contact: now,
        leads: index == 0,
        retrying: false,
        failsafe: false,
        reload_asked: false,
        restart_at: None,
        faults: AgentFaults::default(),
    }
}

/// One that cascades is nobody's reserve.
fn tags(place: &NodeSpec) -> Tags {
    Tags {
        noloadbalance: !place.takes_readers,
        nosync: place.follows.is_some(),
        replicatefrom: place.follows.clone(),
        ..Tags::default()
    }
}

fn record(world: &World, revision: i64) -> Record {
    let (spec, nodes, forks): (&Spec, _, _) = (&world.spec, &world.nodes, &world.forks);
    let created = revision - 483_000.min(revision / 2);
    let history = forks.iter().enumerate().map(|(index, fork)| {
        let from_end = forks.len() - 1 - index;
        HistoryEntry {
            timeline: Timeline(fork.0),
            lsn: Lsn(fork.1),
            reason: Text::new("no recovery target specified"),
            at: Some(world.clock.wall(fork.2)),
            new_leader: Some(nodes[from_end % nodes.len().min(3)].name.clone()),
        }
    });
    let key = |index: usize| MemberKey {
        primary: index == 0,
        state: MemberState::Running,
        streaming: index != 0,
        timeline: Some(spec.timeline),
        position: Some(nodes[index].written),
        paused: false,
        pending_restart: false,
        created: created - 40 + index.cast_signed() as i64,
        modified: revision - index.cast_signed() as i64,
    };
    let now = world.clock.now();
    let config = first(spec.synchronous);
    Record {
        revision,
        leader: Some(Lock { holder: 0, created }),
        members: (0..nodes.len()).map(|index| Some(key(index))).collect(),
        renewed: vec![now; nodes.len()],
        settings: Settings::read(&config),
        config,
        paused: false,
        failsafe: spec.failsafe,
        config_modified: created + 41_307,
        optime: nodes.first().map_or(0, |node| node.written),
        status_modified: revision - 4,
        sync_before: None,
        sync: spec.synchronous.then(|| SyncRecord { leader: 0, standbys: vec![1], modified: created + 12 }),
        failover: None,
        failover_cleared: created,
        history: history.collect(),
        history_modified: created + 9,
        lie: None,
        twice: None,
        defective: false,
        built: None,
    }
}
