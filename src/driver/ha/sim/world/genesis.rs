//! The world on its first day: as if it had run for twelve already.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::lsn::{Lsn, Timeline};
use crate::model::name::NodeName;
use crate::model::record::HistoryEntry;
use crate::model::role::MemberState;
use crate::model::text::Text;

use super::World;
use super::backups::Parts;
use super::clock::{Clock, DAY, Dice, HOUR, MINUTE, ORIGIN, SECOND, Time, noise};
use super::config::Settings;
use super::etcd::Etcd;
use super::load::Load;
use super::node::{Agent, Ails, Kept, Node, Phase, Power, Stream};
use super::record::{Lock, MemberKey, Record, SyncRecord};
use super::replication::segment;
use super::router::Balancer;
use super::scenario::{Scenario, Story};
use super::sessions::Stories;
use super::spec::{MIB, Spec};

/// How long the world runs before the observer begins, so that nothing shows that it was just made.
const WARM_UP: Duration = Duration::from_secs(60);

/// Age of each member's postmaster; the pattern repeats.
const UPTIMES: [Time; 5] = [
    12 * DAY + 4 * HOUR + 7 * MINUTE,
    12 * DAY + 4 * HOUR + 3 * MINUTE,
    2 * HOUR + 10 * MINUTE,
    3 * DAY + HOUR + 26 * MINUTE,
    27 * DAY + 9 * HOUR,
];

impl World {
    /// A world from its seed; `epoch` is the wall time of the observer's beginning.
    pub(crate) fn new(spec: Spec, seed: u64, scenario: Scenario, epoch: Timestamp) -> Self {
        let mut world = Self::unwarmed(spec, seed, scenario, epoch, WARM_UP);
        world.advance(crate::model::moment::Moment::START);
        world
    }

    /// The same, with `warm_up` still to run: faults scheduled for the first moment have that long to unfold.
    pub(crate) fn unwarmed(spec: Spec, seed: u64, scenario: Scenario, epoch: Timestamp, warm_up: Duration) -> Self {
        let clock = Clock::new(epoch, warm_up);
        let now = clock.now();
        let mut dice = Dice::new(seed);
        let end = (dice.between(700, 4_000) << 32) + (dice.between(0, 1 << 32) & !7);
        let forks = forks(&spec, end, now, &mut dice);
        let nodes: Vec<Node> = (0..spec.members.len()).map(|index| node(&spec, index, end, now, seed)).collect();
        let etcd = Etcd::new("etcd", seed);
        let record = record(&spec, &nodes, &forks, clock, etcd.index.cast_signed() - 1_204);
        let router = Balancer::new(&nodes, (spec.writers, spec.readers), seed, now, 12 * DAY + 4 * HOUR);
        let load = Load::new(spec.wal_rate, seed, now);
        let system_id = 7_400_000_000_000_000_000 + noise(seed, 0x5151, 0) % 200_000_000_000_000_000;
        Self {
            seed,
            spec,
            system_id,
            clock,
            nodes,
            etcd,
            record,
            router,
            load,
            stories: Stories::default(),
            parts: Parts::default(),
            forks,
            calls: Vec::new(),
            called: 0,
            endings: Vec::new(),
            claim: None,
            practice: None,
            agenda: std::collections::BTreeMap::new(),
            planned: 0,
            story: Story::new(scenario, now),
            dice,
        }
    }
}

fn node(spec: &Spec, index: usize, end: u64, now: Time, seed: u64) -> Node {
    let (name, tags) = &spec.members[index];
    let behind = |salt: u64, most: u64| (noise(seed, salt, index as u64) % most) & !7;
    let leads = index == 0;
    let written = if leads { end } else { end - behind(1, 20_000) };
    let replayed = if leads { end } else { written - behind(2, 90_000) };
    let from = tags.replicatefrom.as_ref().and_then(|from| spec.members.iter().position(|member| member.0 == *from));
    let upstream = (!leads).then(|| from.filter(|from| *from != index).unwrap_or(0));
    let started = now - UPTIMES[index % UPTIMES.len()] - behind(3, 50 * MINUTE);
    let subnet = noise(seed, 4, 0) % 200 + 10;
    let kept = |other: usize| (other != index).then_some(Kept { restart: end - behind(5, 60_000), idle_since: None });
    Node {
        slot: slot_name(name),
        address: Text::new(format!("10.{subnet}.0.{}", 20 + index)),
        agent_url: Text::new(format!("http://{name}:8008")),
        router_address: Text::new(format!("10.{subnet}.0.{}:5432", 20 + index)),
        name: name.clone(),
        tags: tags.clone(),
        power: Power::On,
        shut: false,
        restarts: 0,
        agent: Agent {
            up_at: 0,
            next_loop: now + (1 + noise(seed, 6, index as u64) % 99) * SECOND / 10,
            last_contact: now,
            leads,
            retrying: false,
            failsafe: false,
        },
        phase: Phase::Running,
        writable: leads,
        timeline: spec.timeline,
        started,
        files_read: started,
        reload_asked: false,
        promoted: if leads { now - UPTIMES[0] + 4 * MINUTE } else { 0 },
        written,
        replayed,
        replayed_at: now - 20_000,
        upstream,
        stream: upstream.map(|from| Stream {
            from,
            since: started + 2 * SECOND,
            heard: now,
            pid: (1_200 + noise(seed, 7, index as u64) % 40_000) as i32,
        }),
        retry_at: 0,
        kept: (0..spec.members.len()).map(kept).collect(),
        archived: segment(end),
        archive_failures: 0,
        archived_at: now,
        pending: Vec::new(),
        settings: super::parameters::in_force(&super::config::first(false), &[]),
        restart_at: None,
        checkpointed: None,
        ails: Ails::default(),
    }
}

/// Patroni's name for a member's slot: lower case, `-` and `.` as `_`, other characters by their number.
fn slot_name(name: &NodeName) -> Text {
    let mut slot = String::new();
    for c in name.as_str().to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => slot.push(c),
            '-' | '.' => slot.push('_'),
            other => slot.extend(format!("u{:04x}", u32::from(other)).chars()),
        }
    }
    Text::new(slot)
}

/// How the timelines before the present one ended, oldest first; the last at the leader's promotion.
fn forks(spec: &Spec, end: u64, now: Time, dice: &mut Dice) -> Vec<(u32, u64, Time)> {
    let count = u64::from(spec.timeline.saturating_sub(1));
    let last = now - UPTIMES[0] + 4 * MINUTE;
    let per_day = spec.wal_rate * 86_400;
    (0..count)
        .map(|index| {
            let back = (count - 1 - index) * 19 * DAY + if index + 1 == count { 0 } else { dice.between(0, 15 * DAY) };
            let at = last.saturating_sub(back).max(ORIGIN / 8);
            let lsn = end.saturating_sub(per_day / 2 * ((now - at) / DAY)) & !7;
            ((index + 1) as u32, lsn.max(u64::from((index + 1) as u32) * 16 * MIB), at)
        })
        .collect()
}

fn record(spec: &Spec, nodes: &[Node], forks: &[(u32, u64, Time)], clock: Clock, revision: i64) -> Record {
    let created = revision - 483_000.min(revision / 2);
    let history = forks.iter().enumerate().map(|(index, fork)| {
        let from_end = forks.len() - 1 - index;
        HistoryEntry {
            timeline: Timeline(fork.0),
            lsn: Lsn(fork.1),
            reason: Text::new("no recovery target specified"),
            at: Some(clock.wall(fork.2)),
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
    let now = clock.now();
    let config = super::config::first(spec.synchronous);
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
