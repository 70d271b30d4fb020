//! The loop of each agent: hold the lock, follow whoever holds it, or run for it.

use crate::model::record::HistoryEntry;
use crate::model::role::MemberState;
use crate::model::text::Text;

use super::World;
use super::clock::{MILLISECOND, SECOND, Time};
use super::config::Synchronous;
use super::node::{AfterStop, Node, Phase, Power};
use super::record::{Appointment, Lock, SyncRecord};

/// How long an agent waits for the REST answer of a member that is silent, in the race for the lock.
const RACE_TIMEOUT: Time = 2 * SECOND;
/// How long a checkpoint by hand makes a shutdown shorter.
const CLEAN: Time = 30 * SECOND;
/// A scheduled switchover that is later than this is dropped.
const TOO_LATE: Time = 15 * SECOND;

impl Node {
    /// Patroni's word for what PostgreSQL does.
    pub(crate) fn reported_state(&self) -> MemberState {
        match self.phase {
            Phase::Running if self.ails.odd_state => MemberState::Unknown(Text::new("hibernating")),
            Phase::Running | Phase::Promoting { .. } => MemberState::Running,
            Phase::Starting { .. } => MemberState::Starting,
            Phase::Restarting { .. } => MemberState::Restarting,
            Phase::Stopping { .. } => MemberState::Stopping,
            Phase::Stopped | Phase::Rewinding { .. } => MemberState::Stopped,
            Phase::Crashed => MemberState::Crashed,
            Phase::Creating { .. } => MemberState::CreatingReplica,
            Phase::StartFailed => MemberState::Failed(Text::new("start failed")),
        }
    }
}

impl World {
    /// Runs the loops that are due.
    pub(super) fn run_agents(&mut self) {
        let now = self.clock.now();
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            if node.agent_runs(now) && now >= node.agent.next_loop && !node.ails.rogue {
                self.run_agent(index);
            }
        }
    }

    /// Whether a node's agent gets through to a DCS that can decide.
    pub(crate) fn reaches_dcs(&self, index: usize) -> bool {
        self.nodes[index].power == Power::On && self.etcd.has_majority()
    }

    fn run_agent(&mut self, index: usize) {
        let now = self.clock.now();
        let ripple = self.dice.between(0, 40) * MILLISECOND;
        self.nodes[index].agent.next_loop = now + self.record.settings.loop_wait + ripple;
        let node = &mut self.nodes[index];
        // A server that is down reads them when it starts.
        if std::mem::take(&mut node.reload_asked) && node.accepts() {
            node.files_read = now;
        }
        if !self.reaches_dcs(index) || self.etcd.no_space {
            self.loop_without_dcs(index);
            return;
        }
        if !self.etcd.serves() {
            // An election is under way: retried within the same loop.
            self.nodes[index].agent.next_loop = now + 500 * MILLISECOND;
            return;
        }
        let agent = &mut self.nodes[index].agent;
        agent.last_contact = now;
        agent.retrying = false;
        agent.failsafe = false;
        self.record.renewed[index] = now;
        match self.record.holder() {
            Some(holder) if holder == index => self.loop_as_holder(index),
            Some(holder) => self.loop_as_follower(index, holder),
            None => self.loop_without_leader(index),
        }
        self.touch_member(index);
    }

    /// A leader gives up once it could not renew its lock for a while, unless every member backs it.
    fn loop_without_dcs(&mut self, index: usize) {
        let now = self.clock.now();
        let backed = self.record.failsafe && self.nodes.iter().all(|node| node.power == Power::On);
        let node = &mut self.nodes[index];
        if !node.agent.leads || !node.writable {
            return;
        }
        if backed {
            node.agent.failsafe = true;
        } else if node.agent.retrying {
            node.agent.leads = false;
            node.agent.retrying = false;
            node.phase = Phase::Stopping { until: now + SECOND, then: AfterStop::ReadOnly };
        } else {
            node.agent.retrying = true;
            node.agent.next_loop = now + self.record.settings.retry_timeout;
        }
    }

    fn loop_as_holder(&mut self, index: usize) {
        let now = self.clock.now();
        self.nodes[index].agent.leads = true;
        match self.nodes[index].phase {
            Phase::Running if !self.nodes[index].writable => self.promote(index),
            Phase::Running => {
                self.write_history(index);
                self.follow_mode(index);
                self.choose_synchronous(index);
                self.record.optime = self.nodes[index].written;
                self.record.status_modified = self.bump();
                self.keep_appointment(index);
            }
            Phase::Stopped | Phase::Crashed => {
                self.nodes[index].phase = Phase::Starting { until: now + 2_500 * MILLISECOND };
            }
            // It tried, and gives the lock to whoever can do better.
            Phase::StartFailed => {
                self.nodes[index].agent.leads = false;
                self.release_lock();
            }
            Phase::Starting { .. }
            | Phase::Restarting { .. }
            | Phase::Promoting { .. }
            | Phase::Stopping { .. }
            | Phase::Rewinding { .. }
            | Phase::Creating { .. } => {}
        }
    }

    fn loop_as_follower(&mut self, index: usize, holder: usize) {
        let now = self.clock.now();
        let desired = self.upstream_for(index, holder);
        let behind = self.nodes[holder].timeline > self.nodes[index].timeline;
        // One that strayed is rewound once it has lost whom it strayed after.
        let lost = self.nodes[index].ails.strayed.is_some() && self.nodes[index].stream.is_none();
        let diverged = lost || (behind && self.has_diverged(index));
        let node = &mut self.nodes[index];
        node.agent.leads = false;
        match node.phase {
            Phase::Running | Phase::Promoting { .. } if node.writable || diverged => {
                node.phase = Phase::Stopping { until: now + SECOND, then: AfterStop::Rejoin };
            }
            Phase::Running if node.upstream != Some(desired) => {
                node.upstream = Some(desired);
                node.retry_at = now + 300 * MILLISECOND;
            }
            Phase::Stopped | Phase::Crashed | Phase::StartFailed => {
                node.upstream = Some(desired);
                self.rejoin(index);
            }
            Phase::Running
            | Phase::Promoting { .. }
            | Phase::Starting { .. }
            | Phase::Restarting { .. }
            | Phase::Stopping { .. }
            | Phase::Rewinding { .. }
            | Phase::Creating { .. } => {}
        }
    }

    /// Whom a member follows: its tag's choice while that one is on record, else the leader.
    fn upstream_for(&self, index: usize, holder: usize) -> usize {
        let wanted = self.nodes[index].tags.replicatefrom.as_ref();
        let found = wanted.and_then(|wanted| self.nodes.iter().position(|node| node.name == *wanted));
        found.filter(|found| *found != index && self.record.members[*found].is_some()).unwrap_or(holder)
    }

    fn loop_without_leader(&mut self, index: usize) {
        let now = self.clock.now();
        let current = self.nodes[index].timeline >= self.newest_timeline();
        let node = &mut self.nodes[index];
        if node.writable && node.phase == Phase::Running {
            if current {
                self.take_lock(index);
            } else {
                // Others have led since: it was away too long to go on as if nothing had been.
                node.phase = Phase::Stopping { until: now + SECOND, then: AfterStop::ReadOnly };
            }
            return;
        }
        let appointed = self.record.failover.as_ref().filter(|order| order.at.is_none()).and_then(|o| o.candidate);
        // Nobody waits for one that cannot.
        let appointed = appointed.filter(|candidate| self.nodes[*candidate].stands_by());
        let may = match appointed {
            // It stands by, as is looked at above.
            Some(candidate) => candidate == index,
            None => !self.record.paused && self.is_eligible(index),
        };
        if may {
            self.take_lock(index);
        } else if matches!(self.nodes[index].phase, Phase::Crashed | Phase::Stopped) && !self.nodes[index].ails.reinit {
            self.nodes[index].phase = Phase::Starting { until: self.clock.now() + 3 * SECOND };
        }
    }

    /// The timeline that the last leader on record had.
    fn newest_timeline(&self) -> u32 {
        self.record.history.last().map_or(0, |entry| entry.timeline.0 + 1)
    }

    /// The race: up, allowed, synchronous where that is asked for, and nobody reachable is further.
    fn is_eligible(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let synchronous =
            self.record.sync.as_ref().is_none_or(|sync| sync.leader == index || sync.standbys.contains(&index));
        let newest = self.newest_timeline();
        let runs = |other: &Node| other.power == Power::On && other.stands_by() && !other.tags.forbids_failover();
        let best = self.nodes.iter().filter(|other| runs(other)).map(|other| other.written).max();
        runs(node)
            && !node.ails.foreign
            && !node.ails.promotion_fails
            && node.ails.strayed.is_none()
            && synchronous
            && node.timeline >= newest
            && node.written + self.record.settings.most_lag >= self.record.optime
            && (self.record.sync.is_some() || best.is_none_or(|best| node.written >= best))
    }

    fn take_lock(&mut self, index: usize) {
        let created = self.bump();
        self.record.leader = Some(Lock { holder: index, created });
        self.nodes[index].agent.leads = true;
        self.record.sync_before = self.record.sync.clone();
        if self.record.sync.is_some() {
            self.set_sync(index, Vec::new());
        }
        if self.nodes[index].phase == Phase::Running && !self.nodes[index].writable {
            self.promote(index);
        }
        self.wake_agents(Some(index));
    }

    fn promote(&mut self, index: usize) {
        let node = &self.nodes[index];
        // Everything received is replayed before recovery ends.
        let backlog = (node.written - node.replayed) / (90 << 20) * SECOND;
        let until = self.clock.now() + self.dice.between(700, 1_500) * MILLISECOND + backlog;
        let node = &mut self.nodes[index];
        node.phase = Phase::Promoting { until };
        node.stream = None;
        node.upstream = None;
        // A promotion resumes replay that was paused.
        node.ails.replay_paused = false;
    }

    /// Agents watch the leader key: those that reach the DCS run their loop at once.
    pub(super) fn wake_agents(&mut self, except: Option<usize>) {
        let now = self.clock.now();
        let silent = self.nodes.iter().any(|node| matches!(node.power, Power::Frozen | Power::Cut));
        let race = if silent && self.record.leader.is_none() { RACE_TIMEOUT } else { 0 };
        for index in (0..self.nodes.len()).filter(|index| Some(*index) != except) {
            if self.reaches_dcs(index) {
                let soon = now + race + self.dice.between(150, 500) * MILLISECOND;
                let agent = &mut self.nodes[index].agent;
                agent.next_loop = agent.next_loop.min(soon);
            }
        }
    }

    /// The new leader's first loops: its timeline goes into the history, the order that made it is cleared.
    fn write_history(&mut self, index: usize) {
        let timeline = self.nodes[index].timeline;
        let missing: Vec<_> = self.forks.iter().filter(|fork| fork.0 < timeline).copied().collect();
        let known = self.record.history.last().map_or(0, |entry| entry.timeline.0);
        for (ended, lsn, at) in missing.into_iter().filter(|fork| fork.0 > known) {
            self.record.remember(HistoryEntry {
                timeline: crate::model::lsn::Timeline(ended),
                lsn: crate::model::lsn::Lsn(lsn),
                reason: Text::new("no recovery target specified"),
                at: Some(self.clock.wall(at)),
                new_leader: Some(self.nodes[index].name.clone()),
            });
            self.record.history_modified = self.bump();
        }
        let made = |order: &Appointment| match order.leader {
            Some(leader) => leader != index,
            None => order.candidate == Some(index),
        };
        let done = self.record.failover.as_ref().is_some_and(|order| order.at.is_none() && made(order));
        if done {
            self.clear_failover();
        }
    }

    fn set_sync(&mut self, leader: usize, standbys: Vec<usize>) {
        let same = self.record.sync.as_ref().is_some_and(|sync| sync.leader == leader && sync.standbys == standbys);
        if !same {
            let modified = self.bump();
            self.record.sync = Some(SyncRecord { leader, standbys, modified });
        }
    }

    /// The sync key comes and goes with `synchronous_mode`.
    fn follow_mode(&mut self, index: usize) {
        match (self.record.settings.synchronous, self.record.sync.is_some()) {
            (Synchronous::Off, true) => {
                self.record.sync = None;
                self.bump();
            }
            (Synchronous::On | Synchronous::Quorum, false) => self.set_sync(index, Vec::new()),
            (Synchronous::Off, false) | (Synchronous::On | Synchronous::Quorum, true) => {}
        }
    }

    /// Keeps the synchronous standby while it streams, else takes the furthest that streams from the leader.
    fn choose_synchronous(&mut self, index: usize) {
        let Some(sync) = self.record.sync.clone() else { return };
        let now = self.clock.now();
        let fit = |other: &usize| {
            let node = &self.nodes[*other];
            let stream = node.stream.filter(|stream| stream.from == index);
            let caught_up = self.nodes[index].written.saturating_sub(node.written) < 16 << 20;
            let heard = stream.is_some_and(|stream| now - stream.heard < 5 * SECOND);
            heard && caught_up && !node.tags.nosync && !node.tags.forbids_failover()
        };
        let kept = sync.standbys.first().copied().filter(|standby| fit(standby));
        // The least lag in replay among the fit, so that a sick one is passed over.
        let best = || (0..self.nodes.len()).filter(fit).max_by_key(|other| self.nodes[*other].replayed);
        let standbys = kept.or_else(best).into_iter().collect();
        self.set_sync(index, standbys);
    }

    /// A switchover that is asked for, now or at its time.
    fn keep_appointment(&mut self, index: usize) {
        let now = self.clock.now();
        let Some(order) = self.record.failover.clone() else { return };
        if let Some(at) = order.at {
            if now < at {
                // The agent shortens its pause to meet the time.
                let agent = &mut self.nodes[index].agent;
                agent.next_loop = agent.next_loop.min(at);
                return;
            }
            if now > at + TOO_LATE {
                self.clear_failover();
                return;
            }
        }
        let candidate = order.candidate.or_else(|| {
            let synchronous = self.record.sync.as_ref().map(|sync| sync.standbys.clone());
            let fit = |other: &usize| {
                let node = &self.nodes[*other];
                *other != index && node.power == Power::On && node.stands_by() && !node.tags.forbids_failover()
            };
            match synchronous {
                Some(standbys) => standbys.into_iter().find(fit),
                None => (0..self.nodes.len()).filter(fit).max_by_key(|other| self.nodes[*other].written),
            }
        });
        let ready = candidate.filter(|other| {
            let node = &self.nodes[*other];
            *other != index
                && node.power == Power::On
                && node.stream.is_some()
                && node.timeline == self.nodes[index].timeline
                && node.written + self.record.settings.most_lag >= self.nodes[index].written
                // A failover does not ask who is synchronous.
                && (order.leader.is_none()
                    || self.record.sync.as_ref().is_none_or(|sync| sync.standbys.contains(other)))
        });
        if order.leader.is_some_and(|leader| leader != index) || ready.is_none() {
            self.clear_failover();
            return;
        }
        let modified = self.bump();
        self.record.failover = Some(Appointment { candidate: ready, at: None, modified, ..order });
        // What a checkpoint has written just now, the shutdown need not write.
        let clean = self.nodes[index].checkpointed.is_some_and(|at| now - at < CLEAN);
        let shutdown = self.dice.between(700, 1_300) * MILLISECOND / if clean { 3 } else { 1 };
        let until = now + shutdown;
        self.nodes[index].phase = Phase::Stopping { until, then: AfterStop::HandOver };
    }
}
