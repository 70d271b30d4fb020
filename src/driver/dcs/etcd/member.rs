//! One etcd member's health.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{each, source_error};
use crate::client::etcd::{Connector, Health, HealthClient, Majority, StoreMember};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::port::{Facts, Observe, Pace};
use crate::model::dcs::{DcsAlarm, DcsAlarmKind, DcsMember, Quorum, RaftLeader};
use crate::model::moment::Moment;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// The member behind one endpoint.
#[derive(Debug)]
pub struct EtcdMemberHealth {
    source: Source,
    /// All of the store: they share their login.
    endpoints: EtcdEndpoints,
    url: String,
    readable: Option<String>,
    client: Option<HealthClient>,
}

impl EtcdMemberHealth {
    /// One for each of `endpoints`. Connects when first observed. `readable` is a key that the login may read, by which
    /// the majority is tried; `None`: a key that need not exist, which a login with few rights may not look at.
    pub fn each(endpoints: &EtcdEndpoints, readable: Option<&str>) -> Vec<Self> {
        each(endpoints)
            .map(|(name, url)| Self {
                source: Source::new(SourceKind::EtcdMember, name),
                endpoints: endpoints.clone(),
                url,
                readable: readable.map(ToOwned::to_owned),
                client: None,
            })
            .collect()
    }

    async fn ask(&mut self) -> Result<Facts, SourceError> {
        let client = match &mut self.client {
            Some(client) => client,
            unset => {
                let connector = Connector::only(&self.endpoints, &self.url).map_err(|error| source_error(&error))?;
                unset.insert(HealthClient::new(connector, self.readable.as_deref()))
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
    let status = health.status.as_ref().ok();
    let listed = members.iter().find(|member| member.id == health.id);
    DcsMember {
        id: health.id,
        name: name_of(health.id, members).map(Text::new).unwrap_or_default(),
        version: status.map(|status| Text::new(&status.version)).unwrap_or_default(),
        leader: match (status, health.majority) {
            (Some(status), _) => RaftLeader::from_id(status.leader),
            // Whoever is elected, somebody served the read.
            (None, Majority::Reached | Majority::Unknown) => RaftLeader::Unknown,
            (None, Majority::Missing) => RaftLeader::Nobody,
        },
        term: (health.term > 0).then_some(health.term),
        revision: health.revision,
        raft_index: status.map(|status| status.raft_index),
        raft_applied: status.map(|status| status.raft_applied),
        db_size: status.and_then(|status| u64::try_from(status.db_size).ok()),
        db_in_use: status.and_then(|status| positive(status.db_in_use)),
        db_quota: status.and_then(|status| positive(status.db_quota)),
        learner: status.map(|status| status.learner).or_else(|| listed.map(|member| member.learner)),
        status_refused: health.status.as_ref().err().map(Text::redacted),
        alarms: match &health.status {
            Ok(status) => status.errors.iter().filter_map(|line| alarm_line(line, health.id, members)).collect(),
            Err(_) => {
                let alarms = health.alarms.iter();
                alarms.map(|raised| alarm(&raised.kind, Some(raised.member), health.id, members)).collect()
            }
        },
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
fn alarm_line(line: &str, own_id: u64, members: &[StoreMember]) -> Option<DcsAlarm> {
    let line = line.trim();
    if line.is_empty() || line == "etcdserver: no leader" {
        // The lack of a leader is told by `leader` and `quorum`.
        return None;
    }
    let part = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
    match part("alarm:") {
        None => {
            Some(DcsAlarm { kind: DcsAlarmKind::Other(Text::redacted(line)), raised_by: Text::default(), own: false })
        }
        Some(kind) => Some(alarm(kind, part("memberID:").and_then(|id| id.parse().ok()), own_id, members)),
    }
}

fn alarm(kind: &str, raised_by: Option<u64>, own_id: u64, members: &[StoreMember]) -> DcsAlarm {
    let kind = match kind {
        "NOSPACE" => DcsAlarmKind::NoSpace,
        "CORRUPT" => DcsAlarmKind::Corrupt,
        other => DcsAlarmKind::Other(Text::redacted(other)),
    };
    let name = |id: u64| name_of(id, members).map_or_else(|| format!("{id:x}"), ToOwned::to_owned);
    DcsAlarm {
        kind,
        raised_by: raised_by.map(|id| Text::new(name(id))).unwrap_or_default(),
        own: raised_by == Some(own_id),
    }
}
