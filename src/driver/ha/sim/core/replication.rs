//! WAL on its way: written by the leader, received and replayed by the standbys, kept by slots.

use super::World;
use super::clock::{MILLISECOND, SECOND, STEP, Time, noise};
use super::node::{Node, Phase, Power, SlotForMember, Stream};
use super::spec::MIB;
use crate::driver::ha::sim::manager::{Event, Manager, SlotUpkeep};

/// What a stream carries and a standby replays unless something limits it, in bytes a second.
const STREAM_RATE: u64 = 140 * MIB;
const REPLAY_RATE: u64 = 90 * MIB;
/// `wal_sender_timeout` and `wal_receiver_timeout`.
const STREAM_TIMEOUT: Time = 60 * SECOND;
/// `wal_retrieve_retry_interval`.
const RETRY: Time = 5 * SECOND;
/// `max_slot_wal_keep_size`.
pub(crate) const SLOT_LIMIT: u64 = 64 * 1024 * MIB;

impl World {
    /// One step of writing.
    pub(super) fn write(&mut self) {
        let now = self.clock.now();
        let share = self.writing_share();
        self.load.flow = 0;
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if !node.takes_writes() || !matches!(node.phase, Phase::Running) {
                continue;
            }
            let bytes = if node.faults.rogue { 4 * 1024 } else { self.load.of_step(share) };
            // Records are aligned to 8 bytes.
            node.written += bytes & !7;
            node.replayed = node.written;
            node.replayed_at = now;
            if !node.faults.rogue && bytes >= 8 {
                self.load.flow = bytes * SECOND / STEP;
                self.load.last_commit = now;
            }
        }
    }

    /// What part of the load gets through: clients must have found the primary, and a synchronous commit its standby.
    fn writing_share(&self) -> f64 {
        if self.commits_wait() { 0.01 } else { 0.04 + 0.96 * self.router.write_share() }
    }

    /// Whether commits wait for a synchronous standby that does not answer.
    pub(crate) fn commits_wait(&self) -> bool {
        let now = self.clock.now();
        let answers =
            |standby: &usize| self.nodes[*standby].stream.is_some_and(|stream| stream.received + SECOND >= now);
        let sync = self.synchronous.as_ref();
        sync.is_some_and(|sync| !sync.standbys.is_empty() && !sync.standbys.iter().any(answers))
    }

    /// One step of every stream and every replay.
    pub(super) fn replicate(&mut self, manager: &mut dyn Manager) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].writable {
                self.nodes[index].stream = None;
                continue;
            }
            self.keep_stream(manager, index);
            self.open_stream(index);
            self.receive(index);
            self.replay(index);
        }
    }

    fn keep_stream(&mut self, manager: &mut dyn Manager, index: usize) {
        let now = self.clock.now();
        let node = &self.nodes[index];
        let Some(stream) = node.stream else { return };
        let upstream = &self.nodes[stream.from];
        let reached = upstream.power == Power::On && !upstream.shut;
        let flows = node.power == Power::On && node.stands_by() && reached && upstream.feeds();
        let broken = node.power == Power::Off
            || upstream.power == Power::Off
            || (upstream.executes() && !upstream.feeds())
            || (node.executes() && !node.stands_by())
            || node.faults.receiver_stopped
            || node.upstream != Some(stream.from);
        let diverged = flows && self.has_left(index, stream.from);
        let node = &mut self.nodes[index];
        if diverged {
            node.stream = None;
            node.retry_at = now + RETRY;
            manager.react(self, index, Event::Diverged);
        } else if broken || now.saturating_sub(stream.received) > STREAM_TIMEOUT {
            node.stream = None;
            node.retry_at = now + 400 * MILLISECOND;
        } else if flows {
            node.stream = Some(Stream { received: now, ..stream });
        }
    }

    fn open_stream(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &self.nodes[index];
        if node.stream.is_some()
            || node.power != Power::On
            || !node.stands_by()
            || node.faults.receiver_stopped
            || node.faults.foreign
            || now < node.retry_at
        {
            return;
        }
        let Some(from) = node.upstream.filter(|from| *from != index) else { return };
        let upstream = &self.nodes[from];
        let fed = upstream.writable || upstream.stream.is_some();
        let serves = upstream.serves() && fed && !upstream.faults.foreign;
        let lost = upstream.kept[index].is_some_and(|kept| upstream.written.saturating_sub(kept.restart) > SLOT_LIMIT);
        if serves && upstream.timeline >= node.timeline && !lost && !self.has_left(index, from) {
            let pid = self.new_pid();
            self.nodes[index].stream = Some(Stream { from, since: now, received: now, pid });
        } else {
            self.nodes[index].retry_at = now + RETRY;
        }
    }

    fn receive(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &self.nodes[index];
        let Some(stream) = node.stream.filter(|stream| stream.received == now) else { return };
        let upstream = &self.nodes[stream.from];
        let (end, timeline) = (upstream.written, upstream.timeline);
        // Whoever follows one that strayed strays with it.
        let unrouted = upstream.faults.unrouted_for.filter(|_| timeline > node.timeline);
        // The network's delay: a synchronous standby is chosen for a short one.
        let near = self.synchronous.as_ref().is_some_and(|sync| sync.standbys.contains(&index));
        let chance = noise(self.seed, now, index as u64);
        let delay = if near { 300 + chance % 500 } else { 900 + chance % 2_800 };
        let target = end.saturating_sub(self.load.flow * delay / SECOND) & !7;
        let most = node.written + node.faults.stream_limit.unwrap_or(STREAM_RATE) * STEP / SECOND;
        let node = &mut self.nodes[index];
        if let (Some((_, position)), None) = (unrouted, node.faults.unrouted_for) {
            node.faults.unrouted_for = Some((node.timeline, position.min(node.written)));
        }
        node.written = node.written.max(target.min(most));
        node.timeline = node.timeline.max(timeline);
    }

    fn replay(&mut self, index: usize) {
        let now = self.clock.now();
        let end = self.nodes.iter().filter(|node| node.writable).map(|node| node.written).max();
        let last_commit = self.load.last_commit;
        let rate = self.load.flow;
        let delay = 4_000 + noise(self.seed, now, 64 + index as u64) % 22_000;
        let node = &mut self.nodes[index];
        if !node.stands_by() || node.faults.replay_paused {
            return;
        }
        let streams = node.stream.is_some_and(|stream| stream.received == now);
        let behind = if streams { rate * (delay + node.faults.replay_delay) / SECOND } else { 0 };
        let target = node.written.saturating_sub(behind) & !7;
        let most = node.replayed + node.faults.replay_limit.unwrap_or(REPLAY_RATE) * STEP / SECOND;
        let replayed = node.replayed.max(target.min(most));
        // Commits are spread evenly over what is not replayed yet.
        let gap = end.unwrap_or(node.written).max(node.written) - node.replayed;
        let done = replayed - node.replayed;
        if done > 0 {
            let open = now.saturating_sub(node.replayed_at) as f64;
            node.replayed_at += (open * done as f64 / gap.max(1) as f64) as Time;
            node.replayed_at = node.replayed_at.min(last_commit.max(node.replayed_at.min(now)));
        }
        node.replayed = replayed;
    }

    /// Whether a node holds WAL that the history of `other` does not have.
    pub(crate) fn has_left(&self, index: usize, other: usize) -> bool {
        self.nodes[other].timeline > self.nodes[index].timeline && self.has_diverged(index)
    }

    /// Whether a node holds WAL that the newest history does not have.
    pub(crate) fn has_diverged(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let fork = self.forks.iter().find(|fork| fork.0 == node.timeline);
        node.faults.unrouted_for.is_some() || fork.is_some_and(|fork| node.written > fork.1)
    }

    /// Once a second: what the slots keep, and what the archiver has done.
    pub(super) fn keep_wal(&mut self, manager: &dyn Manager) {
        let now = self.clock.now();
        for holder in 0..self.nodes.len() {
            for owner in 0..self.nodes.len() {
                if owner != holder {
                    let kept = self.kept_for(manager.upkeep(owner), holder, owner, now);
                    self.nodes[holder].kept[owner] = kept;
                }
            }
            self.archive(holder, now);
        }
    }

    /// The slot of `owner` on `holder`. One that is not used stays where it is, unless somebody sees to it.
    fn kept_for(&self, upkeep: SlotUpkeep, holder: usize, owner: usize, now: Time) -> Option<SlotForMember> {
        let (kept, node) = (self.nodes[holder].kept[owner], &self.nodes[owner]);
        if !self.nodes[holder].executes() {
            return kept;
        }
        let used = node.stream.is_some_and(|stream| stream.from == holder);
        let end = self.nodes[holder].written;
        let reported = match upkeep {
            SlotUpkeep::Left | SlotUpkeep::Orphaned { .. } => None,
            SlotUpkeep::Moved(position) => position,
        };
        let seen = if used { Some(node.written) } else { reported };
        let restart = seen.map(|seen| seen.min(end)).max(kept.map(|kept| kept.restart))?.min(end);
        let idle_since = if used { None } else { kept.and_then(|kept| kept.idle_since).or(Some(now)) };
        let forgotten = match upkeep {
            SlotUpkeep::Orphaned { after } => idle_since.is_some_and(|since| now - since > after),
            SlotUpkeep::Left | SlotUpkeep::Moved(_) => false,
        };
        (!forgotten).then_some(SlotForMember { restart, idle_since })
    }

    fn archive(&mut self, index: usize, now: Time) {
        let node = &mut self.nodes[index];
        if !node.takes_writes() {
            node.archived = segment(node.written);
            return;
        }
        if node.faults.archive_failing.is_some() {
            if (now / SECOND).is_multiple_of(20) {
                node.archive_failures += 3;
            }
        } else if node.archived < segment(node.written) {
            // Works through a backlog at some ten segments a second.
            node.archived = segment(node.written).min(node.archived + 12);
            node.archived_at = now;
        }
    }

    /// A process id that looks like one.
    pub(super) fn new_pid(&mut self) -> i32 {
        self.dice.between(900, 62_000) as i32
    }
}

/// Number of the segment of 16 MiB that holds a position.
pub(crate) fn segment(position: u64) -> u64 {
    position / (16 * MIB)
}

/// Time by which a standby's receiver or its upstream's sender has not heard of the other.
pub(crate) fn silence(node: &Node, now: Time) -> Time {
    node.stream.map_or(0, |stream| now.saturating_sub(stream.received))
}
