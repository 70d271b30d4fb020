//! What Patroni's REST interface and its metrics say of a node.

use crate::model::agent::{AgentReport, AgentWalsender, ScheduledRestart};
use crate::model::lsn::Timeline;
use crate::model::metrics::MetricsReport;
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::source::SourceError;
use crate::model::text::Text;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::SECOND;
use crate::driver::ha::sim::core::node::{Node, Phase};
use crate::driver::ha::sim::manager::patroni::{Agent, Patroni};
use crate::driver::ha::sim::sources::SERVER_VERSION;
use crate::driver::ha::sim::sources::texts::TEXTS;
use crate::driver::ha::sim::sources::{reach, refused};

impl Patroni {
    pub(in crate::driver::ha::sim::manager::patroni) fn agent_report(
        &self,
        world: &World,
        index: usize,
        endpoint: &Text,
    ) -> Result<AgentReport, SourceError> {
        let now = world.clock.now();
        // An address that leads elsewhere leads to the neighbour.
        let index = if self.agents[index].faults.wrong_address { (index + 1) % world.nodes.len() } else { index };
        let (node, agent) = (&world.nodes[index], &self.agents[index]);
        reach(node.power, endpoint)?;
        if now < agent.up_at {
            return Err(refused(endpoint));
        }
        let up = node.accepts();
        Ok(AgentReport {
            state: self.reported_state(world, index),
            role: agent_role(node),
            replication_state: (up && !node.writable && !agent.faults.odd_state && node.stream.is_some())
                .then_some(MemberState::Streaming),
            server_version: up.then_some(SERVER_VERSION),
            postmaster_started: up.then(|| world.clock.wall(node.started)),
            timeline: up.then_some(Timeline(node.timeline)),
            position: up.then(|| world.position(index)),
            sync: world.is_synchronous(index).then_some(SyncState::Sync),
            downstream: if up { downstream_names(world, index) } else { Vec::new() },
            paused: self.record.paused,
            unlocked: self.record.leader.is_none() || !self.reaches_dcs(world, index),
            failsafe_active: agent.failsafe,
            watchdog_failed: agent.faults.watchdog_failed,
            pending_settings: node.pending.clone(),
            pending_restart: !node.pending.is_empty(),
            scheduled_restart: self.scheduled_restart(world, index),
            tags: agent.tags.clone(),
            system_id: up.then(|| world.system_id_of(index)),
            dcs_last_seen: Some(world.clock.wall(agent.last_contact / SECOND * SECOND)),
            agent_version: Some(agent_version(agent)),
            scope: Some(world.spec.name.text().clone()),
            name: Some(node.name.clone()),
        })
    }

    pub(in crate::driver::ha::sim::manager::patroni) fn agent_metrics(
        &self,
        world: &World,
        index: usize,
        endpoint: &Text,
    ) -> Result<MetricsReport, SourceError> {
        let report = self.agent_report(world, index, endpoint)?;
        Ok(MetricsReport {
            up: Some(report.position.is_some()),
            version: report.agent_version,
            samples: 27,
            dcs_last_seen: report.dcs_last_seen,
        })
    }

    /// A restart that waits for its time.
    pub(super) fn scheduled_restart(&self, world: &World, index: usize) -> Option<ScheduledRestart> {
        let planned = self.agents[index].restart_at.as_ref()?;
        let role = planned.conditions.writes.map(|writes| if writes { "role primary" } else { "role replica" });
        let pending = planned.conditions.only_pending.then_some("restart pending");
        let conditions = role.into_iter().chain(pending).map(Text::new).collect();
        Some(ScheduledRestart { at: Text::new(world.clock.wall(planned.at).to_string()), conditions })
    }
}

fn downstream_names(world: &World, index: usize) -> Vec<AgentWalsender> {
    let fed = world.fed_by(index);
    fed.map(|other| AgentWalsender {
        application: world.nodes[other].name.text().clone(),
        state: TEXTS.streaming.clone(),
        sync: Some(world.sync_state(index, other)),
    })
    .collect()
}

/// Version of a node's agent.
pub(super) fn agent_version(agent: &Agent) -> Text {
    if agent.faults.old { TEXTS.old_agent_version.clone() } else { TEXTS.agent_version.clone() }
}

fn agent_role(node: &Node) -> Role {
    match node.phase {
        Phase::Creating { .. } => Role::Uninitialized,
        Phase::Running | Phase::Promoting { .. } | Phase::Restarting { .. } if node.writable => Role::Primary,
        Phase::Running | Phase::Promoting { .. } | Phase::Restarting { .. } | Phase::Starting { .. } => Role::Replica,
        Phase::Stopping { .. } | Phase::Stopped | Phase::Crashed | Phase::Rewinding { .. } | Phase::StartFailed => {
            if node.promoted > node.started {
                Role::Demoted
            } else {
                Role::Replica
            }
        }
    }
}
