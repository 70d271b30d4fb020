//! What an agent answers to HAProxy's health checks.

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::router::Check;
use crate::model::router::PoolPurpose;

use super::Patroni;

impl Patroni {
    /// `/primary`, `/replica` or `/health` of a node's agent.
    pub(super) fn answer_check(&self, world: &World, index: usize, purpose: PoolPurpose) -> Check {
        let (node, agent) = (&world.nodes[index], &self.agents[index]);
        if let Some(silence) = Check::of_host(node.power) {
            return silence;
        }
        if world.clock.now() < agent.up_at {
            return Check::Refused;
        }
        let good = match purpose {
            PoolPurpose::Write if world.router.unchecked => true,
            PoolPurpose::Write => (agent.leads && node.accepts()) || (node.faults.rogue && node.writable),
            PoolPurpose::Read => node.accepts() && !node.writable && !agent.tags.noloadbalance && !agent.leads,
            PoolPurpose::Any | PoolPurpose::Unknown => node.accepts(),
        };
        if good { Check::Passed } else { Check::WrongStatus }
    }
}
