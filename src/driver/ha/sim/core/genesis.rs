//! The world on its first day: as if it had run for twelve already.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::model::name::NodeName;
use crate::model::text::Text;

use super::World;
use super::backups::SideFaults;
use super::clock::{Clock, DAY, HOUR, MINUTE, ORIGIN, Random, SECOND, Time, noise};
use super::load::Load;
use super::node::{Node, NodeFaults, Phase, Power, SlotForMember, Stream};
use super::replication::segment;
use super::requests::{OpenRequests, RequestOwner};
use super::router::SimulatedRouter;
use super::sessions::SessionScenarios;
use super::spec::{MIB, Spec};

/// Age of each member's postmaster; the pattern repeats.
pub(crate) const UPTIMES: [Time; 5] = [
    12 * DAY + 4 * HOUR + 7 * MINUTE,
    12 * DAY + 4 * HOUR + 3 * MINUTE,
    2 * HOUR + 10 * MINUTE,
    3 * DAY + HOUR + 26 * MINUTE,
    27 * DAY + 9 * HOUR,
];

impl World {
    /// A world from its seed, that stands `warm_up` before the observer's beginning; `epoch` is the wall time of that
    /// beginning. `parameters` and `slots` are what whoever set it up has configured.
    pub(crate) fn new(
        spec: Spec,
        seed: u64,
        epoch: Timestamp,
        warm_up: Duration,
        (parameters, slots): (Map<String, Value>, Map<String, Value>),
    ) -> Self {
        let clock = Clock::new(epoch, warm_up);
        let now = clock.now();
        let mut dice = Random::new(seed);
        let end = (dice.between(700, 4_000) << 32) + (dice.between(0, 1 << 32) & !7);
        let forks = forks(&spec, end, now, &mut dice);
        let mut nodes: Vec<Node> = (0..spec.members.len()).map(|index| node(&spec, index, end, now, seed)).collect();
        for node in &mut nodes {
            node.settings = super::parameters::in_force(&parameters, &[]);
        }
        let servers: Vec<(Time, bool)> =
            nodes.iter().zip(&spec.members).map(|(node, place)| (node.started, place.takes_readers)).collect();
        let router = SimulatedRouter::new(&servers, (spec.writers, spec.readers), seed, now, 12 * DAY + 4 * HOUR);
        let load = Load::new(spec.wal_rate, seed, now);
        let system_id = 7_400_000_000_000_000_000 + noise(seed, 0x5151, 0) % 200_000_000_000_000_000;
        Self {
            seed,
            spec,
            system_id,
            clock,
            nodes,
            router,
            load,
            session_scenarios: SessionScenarios::default(),
            parts: SideFaults::default(),
            forks,
            leads: Some(0),
            synchronous: None,
            parameters,
            slots,
            checkpoints: OpenRequests::at(RequestOwner::Server),
            endings: Vec::new(),
            drills: None,
            agenda: std::collections::BTreeMap::new(),
            planned: 0,
            dice,
        }
    }
}

fn node(spec: &Spec, index: usize, end: u64, now: Time, seed: u64) -> Node {
    let place = &spec.members[index];
    let name = &place.name;
    let behind = |salt: u64, most: u64| (noise(seed, salt, index as u64) % most) & !7;
    let leads = index == 0;
    let written = if leads { end } else { end - behind(1, 20_000) };
    let replayed = if leads { end } else { written - behind(2, 90_000) };
    let from = place.follows.as_ref().and_then(|from| spec.members.iter().position(|other| other.name == *from));
    let upstream = (!leads).then(|| from.filter(|from| *from != index).unwrap_or(0));
    let started = now - UPTIMES[index % UPTIMES.len()] - behind(3, 50 * MINUTE);
    let subnet = noise(seed, 4, 0) % 200 + 10;
    let kept =
        |other: usize| (other != index).then_some(SlotForMember { restart: end - behind(5, 60_000), idle_since: None });
    Node {
        slot: slot_name(name),
        address: Text::new(format!("10.{subnet}.0.{}", 20 + index)),
        router_address: Text::new(format!("10.{subnet}.0.{}:5432", 20 + index)),
        name: name.clone(),
        power: Power::On,
        shut: false,
        restarts: 0,
        phase: Phase::Running,
        writable: leads,
        timeline: spec.timeline,
        started,
        files_read: started,
        promoted: if leads { now - UPTIMES[0] + 4 * MINUTE } else { 0 },
        written,
        replayed,
        replayed_at: now - 20_000,
        upstream,
        stream: upstream.map(|from| Stream {
            from,
            since: started + 2 * SECOND,
            received: now,
            pid: (1_200 + noise(seed, 7, index as u64) % 40_000) as i32,
        }),
        retry_at: 0,
        kept: (0..spec.members.len()).map(kept).collect(),
        archived: segment(end),
        archive_failures: 0,
        archived_at: now,
        pending: Vec::new(),
        settings: super::parameters::in_force(&Map::new(), &[]),
        checkpointed: None,
        faults: NodeFaults::default(),
    }
}

/// The name of a member's slot, as managers make it: lower case, `-` and `.` as `_`, other characters by their number.
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
fn forks(spec: &Spec, end: u64, now: Time, dice: &mut Random) -> Vec<(u32, u64, Time)> {
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
