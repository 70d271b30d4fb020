//! One etcd member's health.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{each, source_error};
use crate::client::etcd::{Connector, Health, HealthClient, Majority, StoreMember};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::dcs::{DcsAlarm, DcsAlarmKind, DcsMember, Quorum, RaftLeader};
use crate::model::moment::Moment;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// An answer younger than this is not asked for again: clusters by the hundred may share a store.
const MAX_SHARED_AGE: Duration = Duration::from_millis(250);

/// The member behind one endpoint. All clusters whose records are in its store share what one of them asks of it.
#[derive(Debug)]
pub struct EtcdMemberHealth {
    source: Source,
    /// All of the store: they share their login.
    endpoints: EtcdEndpoints,
    url: String,
    readable: Option<String>,
    asked: Option<Arc<AskToken>>,
    /// Tells this one from the others that share its answers.
    number: u64,
    /// The next answer is to be to a question of now.
    demanded: bool,
    lateness: Duration,
}

/// Numbers given out.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// One at a time asks.
type AskToken = tokio::sync::Mutex<SharedMember>;

/// What is asked of one endpoint, whoever asks.
#[derive(Debug, Default)]
struct SharedMember {
    client: Option<HealthClient>,
    /// The last answer or failure, when it came, and who had asked.
    last: Option<(Instant, u64, Result<DcsMember, SourceError>)>,
}

/// By URL: the settings, and what is asked with them.
type SharedMembers = HashMap<String, Vec<(EtcdEndpoints, Weak<AskToken>)>>;

fn shared(url: &str, endpoints: &EtcdEndpoints) -> Arc<AskToken> {
    static SHARED_MEMBERS: std::sync::OnceLock<Mutex<SharedMembers>> = std::sync::OnceLock::new();
    let mut known = SHARED_MEMBERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let here = known.entry(url.to_owned()).or_default();
    here.retain(|(_, asked)| asked.strong_count() > 0);
    if let Some(same) = here.iter().find(|(other, _)| other == endpoints).and_then(|(_, asked)| asked.upgrade()) {
        return same;
    }
    let new = Arc::new(AskToken::default());
    here.push((endpoints.clone(), Arc::downgrade(&new)));
    new
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
                asked: None,
                number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
                demanded: false,
                lateness: Duration::ZERO,
            })
            .collect()
    }

    async fn ask(&mut self) -> Result<Facts, SourceError> {
        let (url, endpoints) = (&self.url, &self.endpoints);
        let asked = self.asked.get_or_insert_with(|| shared(url, endpoints));
        // Whoever waits here for another's question has its answer a moment later.
        let mut shared = asked.lock().await;
        let young = |came: &Instant, who: &u64| *who != self.number && came.elapsed() < MAX_SHARED_AGE;
        let young = shared.last.as_ref().filter(|(came, who, _)| !self.demanded && young(came, who));
        if let Some((came, _, outcome)) = young {
            self.lateness = came.elapsed();
            return outcome.clone().map(|member| Facts::DcsMember(Box::new(member)));
        }
        self.demanded = false;
        self.lateness = Duration::ZERO;
        let SharedMember { client, last } = &mut *shared;
        let outcome = question(client, endpoints, url, self.readable.as_deref()).await;
        *last = Some((Instant::now(), self.number, outcome.clone()));
        outcome.map(|member| Facts::DcsMember(Box::new(member)))
    }
}

async fn question(
    client: &mut Option<HealthClient>,
    endpoints: &EtcdEndpoints,
    url: &str,
    readable: Option<&str>,
) -> Result<DcsMember, SourceError> {
    let client = match client {
        Some(client) => client,
        unset => {
            let connector = Connector::only(endpoints, url).map_err(|error| source_error(&error))?;
            unset.insert(HealthClient::new(connector, readable))
        }
    };
    let health = Box::pin(client.ask()).await.map_err(|error| source_error(&error))?;
    Ok(member(&health))
}

impl Observe for EtcdMemberHealth {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.source.target.clone()
    }

    /// The record's own reads tell as well whether the majority is reached.
    fn pace(&self) -> PollPace {
        PollPace::Relaxed
    }

    fn demand_all(&mut self) {
        self.demanded = true;
    }

    fn lateness(&self) -> Duration {
        self.lateness
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
