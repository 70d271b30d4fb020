//! One Patroni node: `GET /patroni`, the agent's word on its own node. It never blocks on the DCS.

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::patroni_record::{pending, scheduled_restart, tags, timestamp};
use crate::client::patroni::{Answered, Patroni, Status, Walsender, Xlog};
use crate::config::endpoint::HttpEndpoint;
use crate::driver::port::{Facts, Observe, Pace};
use crate::driver::trouble;
use crate::model::agent::{AgentReport, DownstreamName, Position};
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::record::without_group;
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::source::{Answerer, Source, SourceError, SourceKind, Trouble};
use crate::model::text::Text;

/// Standbys of one node that are kept; PostgreSQL's own limit of walsenders is far lower in practice.
const MOST_DOWNSTREAM: usize = 256;

/// The agent of one node. It also examines its endpoint for `doctor`.
#[derive(Debug)]
pub struct PatroniNode {
    pub(super) source: Source,
    pub(super) name: Option<NodeName>,
    pub(super) scope: Option<Text>,
    pub(super) endpoint: HttpEndpoint,
    patroni: Option<Patroni>,
}

impl PatroniNode {
    /// The agent of `name` at `endpoint` (the base URL, or `api_url` as advertised). Where `scope` is given, an agent
    /// of another cluster is not believed.
    pub fn new(name: NodeName, endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        let source = Source::new(SourceKind::PatroniRest, name.as_str());
        Self { source, name: Some(name), scope, endpoint, patroni: None }
    }

    /// Whichever agent is at `endpoint`, called `label` until it says its name.
    pub fn of_place(label: &NodeName, endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        let source = Source::new(SourceKind::PatroniRest, label.as_str());
        Self { source, name: None, scope, endpoint, patroni: None }
    }

    /// Whichever agent is at `endpoint`: an address to begin with.
    pub fn anybody(endpoint: HttpEndpoint, scope: Option<Text>) -> Self {
        let source = Source::new(SourceKind::PatroniRest, Text::redacted(&endpoint.url).as_str());
        Self { source, name: None, scope, endpoint, patroni: None }
    }

    /// Asks once.
    pub(super) async fn ask(&mut self) -> Result<Answered<Status>, SourceError> {
        // Made at the first question and kept: settings that are wrong are this source's failure, told like any other.
        let patroni = match self.patroni.take() {
            Some(patroni) => Ok(patroni),
            None => Patroni::new(&self.endpoint),
        };
        let patroni = self.patroni.insert(patroni.map_err(|error| trouble::http(&self.endpoint.url, &error))?);
        patroni.status().await.map_err(|error| trouble::http(&self.endpoint.url, &error))
    }

    /// Whether the answer is this node's: an address map that leads to another node would put its facts on the wrong
    /// line.
    pub(super) fn stranger(&self, report: &AgentReport) -> Option<String> {
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

    fn pace(&self) -> Pace {
        Pace::Each
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move {
            let report = agent_report(&self.ask().await?.value);
            match self.stranger(&report) {
                Some(detail) => {
                    let AgentReport { name, scope, system_id, .. } = report;
                    let error = SourceError::new(Trouble::UnexpectedAnswer, &self.endpoint.url, detail);
                    Err(error.answered_by(Answerer { name, scope, system_id }))
                }
                None => Ok(Facts::Agent(Box::new(report))),
            }
        })
    }
}

/// What a status says, in the model's words.
pub(crate) fn agent_report(status: &Status) -> AgentReport {
    let agent = status.patroni.clone().unwrap_or_default();
    let (pending_restart, pending_settings) = pending(&status.record);
    let part = |key: &str| status.record.get(key);
    AgentReport {
        state: MemberState::from_word(status.state.as_deref().unwrap_or_default()),
        role: Role::from_word(status.role.as_deref().unwrap_or_default()),
        replication_state: status.replication_state.as_deref().map(MemberState::from_word),
        server_version: status.server_version.and_then(|version| u32::try_from(version).ok()),
        postmaster_started: status.postmaster_start_time.as_deref().and_then(timestamp),
        timeline: status.timeline.and_then(|number| u32::try_from(number).ok()).filter(|n| *n > 0).map(Timeline),
        position: status.xlog.as_ref().and_then(position),
        sync: match (status.sync_standby, status.quorum_standby) {
            (Some(true), _) => Some(SyncState::Sync),
            (_, Some(true)) => Some(SyncState::Quorum),
            _ => None,
        },
        downstream: status.replication.iter().take(MOST_DOWNSTREAM).map(downstream).collect(),
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

fn downstream(walsender: &Walsender) -> DownstreamName {
    DownstreamName {
        application: Text::new(walsender.application_name.as_deref().unwrap_or_default()),
        state: Text::new(walsender.state.as_deref().unwrap_or_default()),
        sync: walsender.sync_state.as_deref().and_then(SyncState::from_word),
    }
}

#[cfg(test)]
mod tests;
