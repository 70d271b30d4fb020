//! One Patroni node: `GET /patroni`, the agent's word on its own node. It never blocks on the DCS.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::record::{pending, scheduled_restart, tags, timestamp};
use crate::client::patroni::{Patroni, PatroniResponse, PatroniStatus, Walsender, Xlog};
use crate::config::endpoint::HttpEndpoint;
use crate::driver::failure_kind;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::agent::{AgentReport, AgentWalsender, Position};
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::record::without_group;
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::source::{AgentIdentity, FailureKind, Source, SourceError, SourceKind};
use crate::model::text::Text;

/// Standbys of one node that are kept; PostgreSQL's own limit of walsenders is far lower in practice.
const MAX_DOWNSTREAM: usize = 256;

/// The agent of one node. It also examines its endpoint for `doctor`.
#[derive(Debug)]
pub struct PatroniNode {
    pub(super) source: Source,
    pub(super) name: Option<NodeName>,
    pub(super) scope: Option<Text>,
    pub(super) endpoint: HttpEndpoint,
    patroni: Option<Patroni>,
    /// The last answer as it was sent, by its hash, and what it says.
    last: Option<(u64, Box<AgentReport>)>,
    hasher: RandomState,
    pace: PollPace,
}

impl PatroniNode {
    /// The agent of `name` at `endpoint` (the base URL, or `api_url` as advertised). Where `scope` is given, an agent
    /// of another cluster is not believed.
    pub fn new(name: NodeName, endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        let source = Source::new(SourceKind::PatroniRest, name.as_str());
        Self { name: Some(name), ..Self::at(source, endpoint, scope) }
    }

    fn at(source: Source, endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        let (patroni, last, hasher) = (None, None, RandomState::new());
        Self { source, name: None, scope, endpoint, patroni, last, hasher, pace: PollPace::Each }
    }

    /// Where PostgreSQL of the node is asked as well, which tells most changes first: each question to an agent takes a
    /// connection, and with TLS a handshake, since Patroni closes it.
    #[must_use]
    pub fn beside_sql(self) -> Self {
        Self { pace: PollPace::Relaxed, ..self }
    }

    /// Whichever agent is at `endpoint`, called `label` until it says its name.
    pub fn of_place(label: &NodeName, endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        Self::at(Source::new(SourceKind::PatroniRest, label.as_str()), endpoint, scope)
    }

    /// Whichever agent is at `endpoint`: an address to begin with.
    pub fn anybody(endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        let source = Source::new(SourceKind::PatroniRest, Text::redacted(&endpoint.url).as_str());
        Self::at(source, endpoint, scope)
    }

    /// Asks once.
    pub(super) async fn ask(&mut self) -> Result<PatroniResponse<PatroniStatus>, SourceError> {
        let asked = self.patroni()?.status().await;
        asked.map_err(|error| failure_kind::http(&self.endpoint.url, &error))
    }

    /// Made at the first question and kept: settings that are wrong are this source's failure, told like any other.
    fn patroni(&mut self) -> Result<&Patroni, SourceError> {
        let patroni = match self.patroni.take() {
            Some(patroni) => Ok(patroni),
            None => Patroni::new(&self.endpoint),
        };
        Ok(self.patroni.insert(patroni.map_err(|error| failure_kind::http(&self.endpoint.url, &error))?))
    }

    /// What the agent says now. An answer that is the last one over again is not read again.
    async fn report(&mut self) -> Result<Box<AgentReport>, SourceError> {
        let asked = self.patroni()?.status_as_sent().await;
        let failed = |error| failure_kind::http(&self.endpoint.url, &error);
        let answer = asked.map_err(failed)?;
        let hash = self.hasher.hash_one(&answer.body);
        if let Some((_, report)) = self.last.as_ref().filter(|(known, _)| *known == hash) {
            return Ok(report.clone());
        }
        let report = Box::new(agent_report(&Patroni::read_status(&answer).map_err(failed)?));
        self.last = Some((hash, report.clone()));
        Ok(report)
    }

    /// Whether the answer is this node's: an address map that leads to another node would put its facts on the wrong
    /// line.
    pub(super) fn foreign(&self, report: &AgentReport) -> Option<String> {
        match (&self.scope, &report.scope) {
            // Agents of a Citus cluster tell the scope without their group.
            (Some(expected), Some(scope))
                if expected != scope && without_group(expected.as_str()) != scope.as_str() =>
            {
                return Some(format!("belongs to scope {scope}, not {expected}"));
            }
            _ => {}
        }
        let own = self.name.as_ref()?;
        let name = report.name.as_ref().filter(|name| *name != own)?;
        Some(format!("is the agent of {name}, not of {own}"))
    }
}

impl Observe for PatroniNode {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(&self.endpoint.url)
    }

    fn pace(&self) -> PollPace {
        self.pace
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move {
            let report = self.report().await?;
            match self.foreign(&report) {
                Some(detail) => {
                    let AgentReport { name, scope, system_id, .. } = *report;
                    let error = SourceError::new(FailureKind::UnexpectedAnswer, &self.endpoint.url, detail);
                    Err(error.answered_by(AgentIdentity { name, scope, system_id }))
                }
                None => Ok(Facts::Agent(report)),
            }
        })
    }
}

/// What a status says, in the model's words.
pub(crate) fn agent_report(status: &PatroniStatus) -> AgentReport {
    let agent = status.patroni.clone().unwrap_or_default();
    let (pending_restart, pending_settings) = pending(&status.record);
    let part = |key: &str| status.record.get(key);
    AgentReport {
        state: MemberState::from_name(status.state.as_deref().unwrap_or_default()),
        role: Role::from_name(status.role.as_deref().unwrap_or_default()),
        replication_state: status.replication_state.as_deref().map(MemberState::from_name),
        server_version: status.server_version.and_then(|version| u32::try_from(version).ok()),
        postmaster_started: status.postmaster_start_time.as_deref().and_then(timestamp),
        timeline: status.timeline.and_then(|number| u32::try_from(number).ok()).filter(|n| *n > 0).map(Timeline),
        position: status.xlog.as_ref().and_then(position),
        sync: match (status.sync_standby, status.quorum_standby) {
            (Some(true), _) => Some(SyncState::Sync),
            (_, Some(true)) => Some(SyncState::Quorum),
            _ => None,
        },
        downstream: status.replication.iter().take(MAX_DOWNSTREAM).map(downstream).collect(),
        paused: status.pause.unwrap_or(false),
        unlocked: status.cluster_unlocked.unwrap_or(false),
        failsafe_active: status.failsafe_mode_is_active.unwrap_or(false),
        watchdog_failed: status.watchdog_failed.unwrap_or(false),
        pending_settings,
        pending_restart,
        scheduled_restart: part("scheduled_restart").and_then(scheduled_restart),
        tags: part("tags").map(tags).unwrap_or_default(),
        system_id: status.database_system_identifier.map(SystemId),
        dcs_last_seen: status.dcs_last_seen.and_then(moment),
        agent_version: agent.version.map(Text::new),
        scope: agent.scope.map(Text::new),
        name: agent.name.map(NodeName::new),
    }
}

/// Seconds since 1970; 0 is Patroni's word for never.
fn moment(seconds: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}

/// Patroni writes 0 for a position that PostgreSQL does not know.
fn position(xlog: &Xlog) -> Option<Position> {
    let known = |bytes: Option<u64>| bytes.filter(|bytes| *bytes > 0).map(Lsn);
    if let Some(at) = known(xlog.location) {
        return Some(Position::Writing { at });
    }
    let position = Position::Replaying {
        received: known(xlog.received_location),
        replayed: known(xlog.replayed_location),
        replayed_at: xlog.replayed_timestamp.as_deref().and_then(timestamp),
        paused: xlog.paused,
    };
    position.furthest().map(|_| position)
}

fn downstream(walsender: &Walsender) -> AgentWalsender {
    AgentWalsender {
        application: Text::new(walsender.application_name.as_deref().unwrap_or_default()),
        state: Text::new(walsender.state.as_deref().unwrap_or_default()),
        sync: walsender.sync_state.as_deref().and_then(SyncState::from_name),
    }
}

#[cfg(test)]
mod tests;
