//! PostgreSQL of each node passing from one phase to the next.

use super::World;
use super::clock::{MILLISECOND, SECOND, STEP, Time};
use super::node::{AfterStop, Phase};
use super::record::SyncRecord;
use super::spec::MIB;

/// How fast a new replica's data is copied, in bytes a second.
const COPY_RATE: u64 = 420 * MIB;
/// How long a shutdown waits for its last record to arrive.
const SHIPPING: Time = 10 * SECOND;
/// Timelines whose end is remembered.
const MOST_FORKS: usize = 64;

impl World {
    /// One step of every node.
    pub(super) fn pass_phases(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].executes() {
                self.pass_phase(index);
            }
        }
    }

    fn pass_phase(&mut self, index: usize) {
        let now = self.clock.now();
        if let Some(planned) = self.nodes[index].restart_at.take_if(|planned| now >= planned.at)
            && self.may_restart(index, &planned.conditions)
        {
            self.begin_restart(index);
        }
        let phase = self.nodes[index].phase;
        match phase {
            Phase::Starting { until } if now >= until => {
                let node = &mut self.nodes[index];
                if node.ails.start_fails {
                    node.phase = Phase::StartFailed;
                } else {
                    node.phase = Phase::Running;
                    node.writable = false;
                    node.started = now;
                    node.files_read = now;
                    node.retry_at = now + 400 * MILLISECOND;
                    self.take_pending(index);
                }
                let node = &mut self.nodes[index];
                node.agent.next_loop = now + 300 * MILLISECOND;
            }
            Phase::Restarting { until } if now >= until && self.nodes[index].ails.start_fails => {
                self.nodes[index].phase = Phase::StartFailed;
                self.nodes[index].agent.next_loop = now + 300 * MILLISECOND;
            }
            Phase::Restarting { until } if now >= until => {
                let node = &mut self.nodes[index];
                node.phase = Phase::Running;
                node.started = now;
                node.files_read = now;
                node.retry_at = now + 400 * MILLISECOND;
                node.agent.next_loop = now + 300 * MILLISECOND;
                self.take_pending(index);
            }
            Phase::Promoting { until } if now >= until && self.nodes[index].ails.promotion_fails => {
                self.fail_promotion(index);
            }
            Phase::Promoting { until } if now >= until => self.finish_promotion(index),
            Phase::Stopping { until, then } if now >= until => self.finish_stop(index, then, until),
            Phase::Rewinding { until } if now >= until => {
                let node = &mut self.nodes[index];
                if let Some((timeline, position)) = node.ails.strayed.take() {
                    (node.timeline, node.written) = (timeline, position);
                }
                let fork = self.forks.iter().find(|fork| fork.0 == node.timeline).map(|fork| fork.1);
                node.written = node.written.min(fork.unwrap_or(node.written));
                node.replayed = node.written;
                node.writable = false;
                node.phase = Phase::Starting { until: now + 2_200 * MILLISECOND };
            }
            Phase::Creating { copied } => self.copy_data(index, copied),
            Phase::Running
            | Phase::Starting { .. }
            | Phase::Restarting { .. }
            | Phase::Promoting { .. }
            | Phase::Stopping { .. }
            | Phase::Rewinding { .. }
            | Phase::Stopped
            | Phase::Crashed
            | Phase::StartFailed => {}
        }
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
        node.agent.next_loop = now + 100 * MILLISECOND;
        self.forks.retain(|known| known.0 < ended);
        self.forks.push((ended, fork, now));
        if self.forks.len() > MOST_FORKS {
            self.forks.remove(0);
        }
    }

    /// PostgreSQL stays in recovery: the agent gives the lock back and drops the order, and whoever was synchronous
    /// before may lead.
    fn fail_promotion(&mut self, index: usize) {
        let now = self.clock.now();
        self.nodes[index].phase = Phase::Running;
        self.nodes[index].agent.leads = false;
        self.nodes[index].retry_at = now + SECOND;
        if self.record.holder() != Some(index) || !self.etcd.takes_writes() {
            return;
        }
        if let (Some(before), Some(_)) = (self.record.sync_before.take(), self.record.sync.as_ref()) {
            let modified = self.bump();
            self.record.sync = Some(SyncRecord { modified, ..before });
        }
        if self.record.failover.as_ref().is_some_and(|order| order.at.is_none()) {
            self.clear_failover();
        }
        self.release_lock();
    }

    fn finish_stop(&mut self, index: usize, then: AfterStop, until: Time) {
        let now = self.clock.now();
        match then {
            AfterStop::HandOver => {
                if self.hand_over(index, until) {
                    // The former leader waits until somebody else has the lock.
                    self.nodes[index].agent.next_loop = now + 2 * SECOND;
                }
            }
            AfterStop::PowerOff => {
                if self.hand_over(index, until) {
                    self.power_off(index);
                }
            }
            AfterStop::Rejoin => {
                self.nodes[index].phase = Phase::Stopped;
                self.nodes[index].agent.next_loop = now + 200 * MILLISECOND;
            }
            AfterStop::ReadOnly => {
                let node = &mut self.nodes[index];
                node.writable = false;
                node.upstream = None;
                node.phase = Phase::Starting { until: now + 1_500 * MILLISECOND };
            }
        }
    }

    /// The end of a shutdown in good order: everything is shipped, and the lock given back. `false`: not yet.
    fn hand_over(&mut self, index: usize, until: Time) -> bool {
        let now = self.clock.now();
        let candidate = self.record.failover.as_ref().and_then(|order| order.candidate);
        let end = self.nodes[index].written;
        let shipped = candidate.is_none_or(|candidate| {
            let node = &self.nodes[candidate];
            node.written + MIB >= end || node.power != super::node::Power::On
        });
        // A walsender that gets no answer is not waited for without end.
        if !shipped && now < until + SHIPPING || self.stories.consumer_frozen.is_some() {
            return false;
        }
        // A shutdown in good order ends only when each standby that streams has the last record.
        for other in 0..self.nodes.len() {
            if self.nodes[other].stream.is_some_and(|stream| stream.from == index && stream.heard + SECOND > now) {
                self.nodes[other].written = end.max(self.nodes[other].written);
            }
        }
        let node = &mut self.nodes[index];
        node.agent.leads = false;
        node.writable = false;
        node.phase = Phase::Stopped;
        self.touch_member(index);
        // One that stood still meanwhile has lost the lock already, maybe to another.
        if self.record.holder() == Some(index) {
            self.release_lock();
        }
        true
    }

    /// How a node that was away comes back: as it is, rewound to where its history left the leader's, or copied anew.
    pub(super) fn rejoin(&mut self, index: usize) {
        let now = self.clock.now();
        let leader_up = self.record.holder().is_some_and(|holder| self.nodes[holder].serves());
        let diverged = self.has_diverged(index);
        let spell = self.dice.between(5_000, 9_000) * MILLISECOND;
        let node = &mut self.nodes[index];
        if (node.ails.reinit || diverged) && !leader_up {
            return;
        }
        node.phase = if node.ails.reinit {
            Phase::Creating { copied: 0 }
        } else if diverged {
            Phase::Rewinding { until: now + spell }
        } else {
            Phase::Starting { until: now + spell / 3 }
        };
    }

    fn copy_data(&mut self, index: usize, copied: u64) {
        let holder = self.record.holder().filter(|holder| *holder != index && self.nodes[*holder].serves());
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
        node.ails.reinit = false;
        node.ails.foreign = false;
        node.ails.strayed = None;
        node.writable = false;
        node.timeline = timeline;
        // Consistent as of the start of the copy; the rest is streamed.
        node.written = end.saturating_sub(180 * MIB).max(node.written.min(end));
        node.replayed = node.written;
        node.replayed_at = now.saturating_sub(30 * SECOND);
        node.phase = Phase::Starting { until: now + 2 * SECOND };
    }
}
