//! What Patroni's REST interface and its metrics say of a node.

use crate::model::agent::{AgentReport, DownstreamName, Position, ScheduledRestart};
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::metrics::MetricsReport;
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::source::SourceError;
use crate::model::text::Text;

use super::super::world::World;
use super::super::world::clock::SECOND;
use super::super::world::node::{Node, Phase};
use super::words::WORDS;
use super::{reach, refused};

/// PostgreSQL's version everywhere.
pub(super) const SERVER_VERSION: u32 = 170_011;

impl World {
    pub(crate) fn agent_report(&self, index: usize, endpoint: &Text) -> Result<AgentReport, SourceError> {
        let now = self.clock.now();
        // An address that leads elsewhere leads to the neighbour.
        let index = if self.nodes[index].ails.wrong_address { (index + 1) % self.nodes.len() } else { index };
        let node = &self.nodes[index];
        reach(node.power, endpoint)?;
        if now < node.agent.up_at {
            return Err(refused(endpoint));
        }
        let up = node.accepts();
        Ok(AgentReport {
            state: node.reported_state(),
            role: agent_role(node),
            replication_state: (up && !node.writable && !node.ails.odd_state && node.stream.is_some())
                .then_some(MemberState::Streaming),
            server_version: up.then_some(SERVER_VERSION),
            postmaster_started: up.then(|| self.clock.wall(node.started)),
            timeline: up.then_some(Timeline(node.timeline)),
            position: up.then(|| self.position(index)),
            sync: self.synchronous(index).then_some(SyncState::Sync),
            downstream: if up { self.downstream_names(index) } else { Vec::new() },
            paused: self.record.paused,
            unlocked: self.record.leader.is_none() || !self.reaches_dcs(index),
            failsafe_active: node.agent.failsafe,
            watchdog_failed: node.ails.watchdog_failed,
            pending_settings: node.pending.clone(),
            pending_restart: !node.pending.is_empty(),
            scheduled_restart: self.scheduled_restart(index),
            tags: node.tags.clone(),
            system_id: up.then(|| self.system_id_of(index)),
            dcs_last_seen: Some(self.clock.wall(node.agent.last_contact / SECOND * SECOND)),
            agent_version: Some(agent_version(node)),
            scope: Some(self.spec.name.text().clone()),
            name: Some(node.name.clone()),
        })
    }

    pub(crate) fn agent_metrics(&self, index: usize, endpoint: &Text) -> Result<MetricsReport, SourceError> {
        let report = self.agent_report(index, endpoint)?;
        Ok(MetricsReport {
            up: Some(report.position.is_some()),
            version: report.agent_version,
            samples: 27,
            dcs_last_seen: report.dcs_last_seen,
        })
    }

    pub(crate) fn exporter_metrics(&self, index: usize, endpoint: &Text) -> Result<MetricsReport, SourceError> {
        let node = &self.nodes[index];
        reach(node.power, endpoint)?;
        if node.ails.exporter_down {
            return Err(refused(endpoint));
        }
        let samples = if node.accepts() { 412 + 9 * self.nodes.len() as u32 } else { 38 };
        Ok(MetricsReport {
            up: Some(node.accepts()),
            version: Some(WORDS.exporter_version.clone()),
            samples,
            dcs_last_seen: None,
        })
    }

    /// A restart that waits for its time.
    pub(super) fn scheduled_restart(&self, index: usize) -> Option<ScheduledRestart> {
        let planned = self.nodes[index].restart_at.as_ref()?;
        let role = planned.conditions.writes.map(|writes| if writes { "role primary" } else { "role replica" });
        let pending = planned.conditions.only_pending.then_some("restart pending");
        let conditions = role.into_iter().chain(pending).map(Text::new).collect();
        Some(ScheduledRestart { at: Text::new(self.clock.wall(planned.at).to_string()), conditions })
    }

    /// Where a node that is up stands in the WAL.
    pub(super) fn position(&self, index: usize) -> Position {
        let node = &self.nodes[index];
        if node.writable {
            return Position::Writing { at: Lsn(node.written) };
        }
        Position::Replaying {
            received: Some(Lsn(node.written)),
            replayed: Some(Lsn(node.replayed)),
            replayed_at: Some(self.clock.wall(node.replayed_at)),
            paused: Some(node.ails.replay_paused),
        }
    }

    /// Whether the record has a member among the synchronous standbys.
    pub(super) fn synchronous(&self, index: usize) -> bool {
        self.record.sync.as_ref().is_some_and(|sync| sync.standbys.contains(&index))
    }

    pub(crate) fn system_id_of(&self, index: usize) -> SystemId {
        SystemId(self.system_id + u64::from(self.nodes[index].ails.foreign) * 1_000_003)
    }

    fn downstream_names(&self, index: usize) -> Vec<DownstreamName> {
        let fed = self.fed_by(index);
        fed.map(|other| DownstreamName {
            application: self.nodes[other].name.text().clone(),
            state: WORDS.streaming.clone(),
            sync: Some(self.sync_state(index, other)),
        })
        .collect()
    }

    /// Standbys that stream from a node.
    pub(super) fn fed_by(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(move |other| {
            *other != index && self.nodes[*other].stream.is_some_and(|stream| stream.from == index)
        })
    }

    /// How `other` counts for `index`, whose standby it is.
    pub(super) fn sync_state(&self, index: usize, other: usize) -> SyncState {
        let counts = self.nodes[index].writable && self.synchronous(other);
        if counts { SyncState::Sync } else { SyncState::Async }
    }
}

/// Version of a node's agent.
pub(super) fn agent_version(node: &Node) -> Text {
    if node.ails.old_agent { WORDS.old_agent_version.clone() } else { WORDS.agent_version.clone() }
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
