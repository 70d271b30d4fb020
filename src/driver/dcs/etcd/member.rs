//! One etcd member's health.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{alone, source_error};
use crate::client::etcd::{Connector, Health, HealthClient, Majority, StoreMember};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::port::{Facts, Observe, Pace};
use crate::model::dcs::{DcsAlarm, DcsMember, Quorum};
use crate::model::moment::Moment;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// The member behind one endpoint.
#[derive(Debug)]
pub struct EtcdMemberHealth {
    source: Source,
    endpoints: EtcdEndpoints,
    client: Option<HealthClient>,
}

impl EtcdMemberHealth {
    /// One for each of `endpoints`. Connects when first observed.
    pub fn each(endpoints: &EtcdEndpoints) -> Vec<Self> {
        alone(endpoints)
            .map(|(name, endpoints)| Self {
                source: Source::new(SourceKind::EtcdMember, name),
                endpoints,
                client: None,
            })
            .collect()
    }

    async fn ask(&mut self) -> Result<Facts, SourceError> {
        let client = match &mut self.client {
            Some(client) => client,
            unset => {
                let connector = Connector::new(&self.endpoints).map_err(|error| source_error(&error))?;
                unset.insert(HealthClient::new(connector))
            }
        };
        let health = Box::pin(client.ask()).await.map_err(|error| source_error(&error))?;
        Ok(Facts::DcsMember(Box::new(member(&health))))
    }
}

impl Observe for EtcdMemberHealth {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.source.target.clone()
    }

    fn pace(&self) -> Pace {
        Pace::Each
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        self.ask().boxed()
    }
}

pub(super) fn member(health: &Health) -> DcsMember {
    let members = health.members.as_deref().unwrap_or_default();
    let voters = members.iter().filter(|member| !member.learner).count();
    DcsMember {
        id: health.id,
        name: name_of(health.id, members).map(Text::new).unwrap_or_default(),
        version: Text::new(&health.version),
        leader_id: health.leader,
        term: health.term,
        revision: health.revision,
        raft_index: health.raft_index,
        raft_applied: health.raft_applied,
        db_size: u64::try_from(health.db_size).unwrap_or(0),
        db_in_use: positive(health.db_in_use),
        db_quota: positive(health.db_quota),
        learner: health.learner,
        alarms: health.errors.iter().filter_map(|error| alarm(error, health.id, members)).collect(),
        quorum: match health.majority {
            Majority::Reached => Quorum::Reached,
            Majority::Missing => Quorum::Missing,
            Majority::Unknown => Quorum::Unknown,
        },
        latency: health.latency,
        voters: u32::try_from(voters).unwrap_or(u32::MAX),
    }
}

fn name_of(id: u64, members: &[StoreMember]) -> Option<&str> {
    members.iter().find(|member| member.id == id).map(|member| member.name.as_str()).filter(|name| !name.is_empty())
}

fn positive(bytes: i64) -> Option<u64> {
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

/// One line of a status answer's errors. Alarms read `memberID:10501334649042878790 alarm:NOSPACE`, and each member
/// tells those of all members.
fn alarm(line: &str, own_id: u64, members: &[StoreMember]) -> Option<DcsAlarm> {
    let line = line.trim();
    if line.is_empty() || line == "etcdserver: no leader" {
        // The lack of a leader is told by `leader_id` and `quorum`.
        return None;
    }
    let part = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
    let Some(kind) = part("alarm:") else { return Some(DcsAlarm::Other(Text::redacted(line))) };
    let whose = part("memberID:").and_then(|id| id.parse::<u64>().ok());
    Some(match (kind, whose) {
        ("NOSPACE", Some(id)) if id == own_id => DcsAlarm::NoSpace,
        ("CORRUPT", Some(id)) if id == own_id => DcsAlarm::Corrupt,
        (kind, Some(id)) if id != own_id => {
            let other = name_of(id, members).map_or_else(|| format!("{id:x}"), ToOwned::to_owned);
            DcsAlarm::Other(Text::redacted(format!("{kind} on {other}")))
        }
        (kind, _) => DcsAlarm::Other(Text::redacted(kind)),
    })
}
