//! PostgreSQL of each node passing from one phase to the next.

use super::World;
use super::clock::{MILLISECOND, SECOND, STEP, Time};
use super::node::{Phase, Power};
use super::spec::MIB;
use crate::driver::ha::sim::manager::{Event, Manager};

/// How fast a new replica's data is copied, in bytes a second.
const COPY_RATE: u64 = 420 * MIB;
/// How long a shutdown waits for its last record to arrive.
const SHIPPING_TIME: Time = 10 * SECOND;
/// Timelines whose end is remembered.
const MAX_FORKS: usize = 64;

impl World {
    /// One step of every node.
    pub(super) fn pass_phases(&mut self, manager: &mut dyn Manager) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].executes() {
                manager.before(self, index);
                if let Some(event) = self.pass_phase(index) {
                    manager.react(self, index, event);
                }
            }
        }
    }

    fn pass_phase(&mut self, index: usize) -> Option<Event> {
        let now = self.clock.now();
        match self.nodes[index].phase {
            Phase::Starting { until } | Phase::Restarting { until }
                if now >= until && self.nodes[index].faults.start_fails =>
            {
                self.nodes[index].phase = Phase::StartFailed;
                Some(Event::Started)
            }
            Phase::Starting { until } if now >= until => {
                self.nodes[index].writable = false;
                Some(self.start(index))
            }
            Phase::Restarting { until } if now >= until => Some(self.start(index)),
            Phase::Promoting { until } if now >= until && self.nodes[index].faults.promotion_fails => {
                self.nodes[index].phase = Phase::Running;
                self.nodes[index].retry_at = now + SECOND;
                Some(Event::PromotionFailed)
            }
            Phase::Promoting { until } if now >= until => {
                self.finish_promotion(index);
                Some(Event::Promoted)
            }
            Phase::Stopping { until, then } if now >= until => Some(Event::Stopping { then, until }),
            Phase::Rewinding { until } if now >= until => {
                self.finish_rewind(index);
                None
            }
            Phase::Creating { copied } => {
                self.copy_data(index, copied);
                None
            }
            Phase::Running
            | Phase::Starting { .. }
            | Phase::Restarting { .. }
            | Phase::Promoting { .. }
            | Phase::Stopping { .. }
            | Phase::Rewinding { .. }
            | Phase::Stopped
            | Phase::Crashed
            | Phase::StartFailed => None,
        }
    }

    /// PostgreSQL is up again.
    fn start(&mut self, index: usize) -> Event {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        node.phase = Phase::Running;
        node.started = now;
        node.files_read = now;
        node.retry_at = now + 400 * MILLISECOND;
        self.take_pending(index);
        Event::Started
    }

    fn finish_rewind(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        if let Some((timeline, position)) = node.faults.unrouted_for.take() {
            (node.timeline, node.written) = (timeline, position);
        }
        let fork = self.forks.iter().find(|fork| fork.0 == node.timeline).map(|fork| fork.1);
        node.written = node.written.min(fork.unwrap_or(node.written));
        node.replayed = node.written;
        node.writable = false;
        node.phase = Phase::Starting { until: now + 2_200 * MILLISECOND };
    }

    /// PostgreSQL of a node that is up goes down and comes back.
    pub(crate) fn begin_restart(&mut self, manager: &mut dyn Manager, index: usize) {
        let now = self.clock.now();
        let until = now + self.dice.between(2_000, 4_500) * MILLISECOND;
        let node = &mut self.nodes[index];
        if node.phase == Phase::Running {
            node.phase = Phase::Restarting { until };
            node.stream = None;
            manager.react(self, index, Event::Restarting);
        }
    }

    /// `pg_promote()`: what was received is replayed before recovery ends.
    pub(crate) fn promote(&mut self, index: usize) {
        let node = &self.nodes[index];
        let backlog = (node.written - node.replayed) / (90 << 20) * SECOND;
        let until = self.clock.now() + self.dice.between(700, 1_500) * MILLISECOND + backlog;
        let node = &mut self.nodes[index];
        node.phase = Phase::Promoting { until };
        node.stream = None;
        node.upstream = None;
        // A promotion resumes replay that was paused.
        node.faults.replay_paused = false;
    }

    fn finish_promotion(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        node.phase = Phase::Running;
        node.writable = true;
        node.promoted = now;
        // The end-of-recovery record, on the new timeline.
        let (ended, fork) = (node.timeline, node.written);
        node.timeline += 1;
        node.written += 192;
        node.replayed = node.written;
        node.archived = super::replication::segment(node.written);
        self.forks.retain(|known| known.0 < ended);
        self.forks.push((ended, fork, now));
        if self.forks.len() > MAX_FORKS {
            self.forks.remove(0);
        }
    }

    /// The end of a shutdown in good order: each standby that streams has the last record. `false`: not yet. Whoever is
    /// to take over, `candidate`, is waited for, but not without end.
    pub(crate) fn has_shipped(&mut self, index: usize, candidate: Option<usize>, until: Time) -> bool {
        let now = self.clock.now();
        let end = self.nodes[index].written;
        let shipped = candidate.is_none_or(|candidate| {
            let node = &self.nodes[candidate];
            node.written + MIB >= end || node.power != Power::On
        });
        // A walsender that gets no answer is not waited for without end.
        if !shipped && now < until + SHIPPING_TIME || self.session_scenarios.consumer_frozen.is_some() {
            return false;
        }
        for other in 0..self.nodes.len() {
            if self.nodes[other].stream.is_some_and(|stream| stream.from == index && stream.received + SECOND > now) {
                self.nodes[other].written = end.max(self.nodes[other].written);
            }
        }
        let node = &mut self.nodes[index];
        node.writable = false;
        node.phase = Phase::Stopped;
        true
    }

    fn copy_data(&mut self, index: usize, copied: u64) {
        let holder = self.leads.filter(|holder| *holder != index && self.nodes[*holder].serves());
        let Some(holder) = holder else {
            self.nodes[index].phase = Phase::Stopped;
            return;
        };
        let copied = copied + COPY_RATE * STEP / SECOND;
        if copied < self.spec.data_size {
            self.nodes[index].phase = Phase::Creating { copied };
            return;
        }
        let now = self.clock.now();
        let (end, timeline) = (self.nodes[holder].written, self.nodes[holder].timeline);
        let node = &mut self.nodes[index];
        node.faults.reinit = false;
        node.faults.foreign = false;
        node.faults.unrouted_for = None;
        node.writable = false;
        node.timeline = timeline;
        // Consistent as of the start of the copy; the rest is streamed.
        node.written = end.saturating_sub(180 * MIB).max(node.written.min(end));
        node.replayed = node.written;
        node.replayed_at = now.saturating_sub(30 * SECOND);
        node.phase = Phase::Starting { until: now + 2 * SECOND };
    }
}
