//! The loop of each agent: hold the lock, follow whoever holds it, or run for it.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{MILLISECOND, SECOND, Time};
use crate::driver::ha::sim::core::node::{AfterStop, Phase, Power};
use crate::model::role::MemberState;
use crate::model::text::Text;

use super::Patroni;

impl Patroni {
    /// Patroni's word for what PostgreSQL of a node does.
    pub(super) fn reported_state(&self, world: &World, index: usize) -> MemberState {
        match world.nodes[index].phase {
            Phase::Running if self.agents[index].faults.odd_state => MemberState::Unknown(Text::new("hibernating")),
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

    /// Whether the agent of a node is there, be it cut off.
    fn runs(&self, world: &World, index: usize, now: Time) -> bool {
        world.nodes[index].executes() && now >= self.agents[index].up_at
    }

    /// Runs the loops that are due.
    pub(super) fn run_agents(&mut self, world: &mut World) {
        let now = world.clock.now();
        for index in 0..world.nodes.len() {
            let due = now >= self.agents[index].next_loop && !world.nodes[index].faults.rogue;
            if due && self.runs(world, index, now) {
                self.run_agent(world, index);
            }
        }
    }

    /// Whether a node's agent gets through to a DCS that can decide.
    pub(super) fn reaches_dcs(&self, world: &World, index: usize) -> bool {
        world.nodes[index].power == Power::On && self.etcd.has_majority()
    }

    fn run_agent(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        let ripple = world.dice.between(0, 40) * MILLISECOND;
        let agent = &mut self.agents[index];
        agent.next_loop = now + self.record.settings.loop_wait + ripple;
        // A server that is down reads them when it starts.
        if std::mem::take(&mut agent.reload_asked) && world.nodes[index].accepts() {
            world.nodes[index].files_read = now;
        }
        if !self.reaches_dcs(world, index) || self.etcd.no_space {
            self.loop_without_dcs(world, index);
            return;
        }
        if !self.etcd.serves() {
            // An election is under way: retried within the same loop.
            self.agents[index].next_loop = now + 500 * MILLISECOND;
            return;
        }
        let agent = &mut self.agents[index];
        agent.last_contact = now;
        agent.retrying = false;
        agent.failsafe = false;
        self.record.renewed[index] = now;
        match self.record.holder() {
            Some(holder) if holder == index => self.loop_as_holder(world, index),
            Some(holder) => self.loop_as_follower(world, index, holder),
            None => self.loop_without_leader(world, index),
        }
        self.touch_member(world, index);
    }

    /// A leader gives up once it could not renew its lock for a while, unless every member backs it.
    fn loop_without_dcs(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        let backed = self.record.failsafe && world.nodes.iter().all(|node| node.power == Power::On);
        let (node, agent) = (&mut world.nodes[index], &mut self.agents[index]);
        if !agent.leads || !node.writable {
            return;
        }
        if backed {
            agent.failsafe = true;
        } else if agent.retrying {
            agent.leads = false;
            agent.retrying = false;
            node.phase = Phase::Stopping { until: now + SECOND, then: AfterStop::ReadOnly };
        } else {
            agent.retrying = true;
            agent.next_loop = now + self.record.settings.retry_timeout;
        }
    }

    fn loop_as_holder(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        self.agents[index].leads = true;
        match world.nodes[index].phase {
            Phase::Running if !world.nodes[index].writable => world.promote(index),
            Phase::Running => {
                self.write_history(world, index);
                self.follow_mode(world, index);
                self.choose_synchronous(world, index);
                self.record.optime = world.nodes[index].written;
                self.record.status_modified = self.bump();
                self.keep_appointment(world, index);
            }
            Phase::Stopped | Phase::Crashed => {
                world.nodes[index].phase = Phase::Starting { until: now + 2_500 * MILLISECOND };
            }
            // It tried, and gives the lock to whoever can do better.
            Phase::StartFailed => {
                self.agents[index].leads = false;
                self.release_lock(world);
            }
            Phase::Starting { .. }
            | Phase::Restarting { .. }
            | Phase::Promoting { .. }
            | Phase::Stopping { .. }
            | Phase::Rewinding { .. }
            | Phase::Creating { .. } => {}
        }
    }

    fn loop_as_follower(&mut self, world: &mut World, index: usize, holder: usize) {
        let now = world.clock.now();
        let desired = self.upstream_for(world, index, holder);
        let behind = world.nodes[holder].timeline > world.nodes[index].timeline;
        // One that strayed is rewound once it has lost whom it strayed after.
        let lost = world.nodes[index].faults.unrouted_for.is_some() && world.nodes[index].stream.is_none();
        let diverged = lost || (behind && world.has_diverged(index));
        self.agents[index].leads = false;
        let node = &mut world.nodes[index];
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
                self.rejoin(world, index);
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
    fn upstream_for(&self, world: &World, index: usize, holder: usize) -> usize {
        let found = self.agents[index].tags.replicatefrom.as_ref().and_then(|wanted| world.find(wanted));
        found.filter(|found| *found != index && self.record.members[*found].is_some()).unwrap_or(holder)
    }

    fn loop_without_leader(&mut self, world: &mut World, index: usize) {
        let now = world.clock.now();
        let current = world.nodes[index].timeline >= self.newest_timeline();
        let node = &mut world.nodes[index];
        if node.writable && node.phase == Phase::Running {
            if current {
                self.take_lock(world, index);
            } else {
                // Others have led since: it was away too long to go on as if nothing had been.
                node.phase = Phase::Stopping { until: now + SECOND, then: AfterStop::ReadOnly };
            }
            return;
        }
        let appointed = self.record.failover.as_ref().filter(|order| order.at.is_none()).and_then(|o| o.candidate);
        // Nobody waits for one that cannot.
        let appointed = appointed.filter(|candidate| world.nodes[*candidate].stands_by());
        let may = match appointed {
            // It stands by, as is looked at above.
            Some(candidate) => candidate == index,
            None => !self.record.paused && self.is_eligible(world, index),
        };
        if may {
            self.take_lock(world, index);
        } else if matches!(world.nodes[index].phase, Phase::Crashed | Phase::Stopped)
            && !world.nodes[index].faults.reinit
        {
            world.nodes[index].phase = Phase::Starting { until: now + 3 * SECOND };
        }
    }
}
