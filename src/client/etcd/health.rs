//! One member's word on itself, asked of one endpoint and no other.

use std::time::{Duration, Instant};

use etcd_client::{GetOptions, StatusResponse};
use futures::future::join;
use tokio::time::Instant as Clock;

use super::connect::{Connector, Link, Login, bounded};
use super::error::EtcdError;
use crate::client::cause::Cause;

/// The member list changes by hand only.
const MEMBERS_EVERY: Duration = Duration::from_secs(60);
/// How often the status is asked for where nothing speaks for a change: sizes and alarms move slowly, and another term
/// or a lost majority shows in the read that is made each time.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// The key that etcd's own tools read to see whether reading works. It need not exist.
const PROBE: &str = "health";

/// Whether the member reaches the majority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Majority {
    /// A linearizable read went through.
    Reached,
    /// The member answers for itself, but no linearizable read goes through.
    Missing,
    /// Cannot be said.
    Unknown,
}

/// A member as the member list has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreMember {
    /// Identifier.
    pub id: u64,
    /// Name; empty if it never started.
    pub name: String,
    /// Does not vote.
    pub learner: bool,
    /// URLs it advertises to clients.
    pub client_urls: Vec<String>,
}

/// A member's status. Sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Identifier of the member that answered.
    pub id: u64,
    /// Server version.
    pub version: String,
    /// Whom it sees as leader; 0 for nobody.
    pub leader: u64,
    /// Raft term.
    pub term: u64,
    /// Store revision; 0 where only a read would tell and none went through.
    pub revision: i64,
    /// Raft log index.
    pub raft_index: u64,
    /// Index applied.
    pub raft_applied: u64,
    /// Database file.
    pub db_size: i64,
    /// Part of it in use; 0 where the server does not say.
    pub db_in_use: i64,
    /// Quota; 0 where the server does not say (before 3.6).
    pub db_quota: i64,
    /// Does not vote.
    pub learner: bool,
    /// Errors in the member's words: alarms of all members, and the lack of a leader.
    pub errors: Vec<String>,
    /// Time from asking to the newest answer.
    pub latency: Duration,
    /// Whether it reaches the majority.
    pub majority: Majority,
    /// How the login went.
    pub login: Login,
    /// Members, as last told; `None` where the list could not be had.
    pub members: Option<Vec<StoreMember>>,
}

/// Asks one endpoint.
#[derive(Debug)]
pub struct HealthClient {
    connector: Connector,
    link: Option<Link>,
    members: Option<(Instant, Vec<StoreMember>)>,
    status: Option<(Instant, StatusResponse)>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl HealthClient {
    /// A client for the first endpoint of `connector`.
    pub fn new(connector: Connector) -> Self {
        Self { connector, link: None, members: None, status: None }
    }

    /// Tries the majority, and asks for the status where it is due or something speaks for a change.
    ///
    /// # Errors
    /// When the member does not answer for itself. A member without majority does.
    pub async fn ask(&mut self) -> Result<Health, EtcdError> {
        // Taken out while in use: a call that is dropped midway leaves no half-used connection behind.
        let link = match self.link.take() {
            Some(link) => link,
            None => Box::pin(self.connector.open(0, false)).await?,
        };
        // Names and status are independent of each other: nobody waits for one to ask for the other.
        let members = members(&link, self.members.take());
        let (health, members) =
            join(Box::pin(ask_over(&link, self.connector.timeouts().request / 2, self.status.take())), members).await;
        self.members = members;
        let (health, status) = health?;
        self.status = Some(status);
        let health = Health { members: self.members.as_ref().map(|(_, members)| members.clone()), ..health };
        // Without login it serves this once: the next call tries to log in again.
        self.link = (link.login != Login::Impossible).then_some(link);
        Ok(health)
    }
}

/// The member's word on itself, and its status with when it was told. `known`: the status of before.
async fn ask_over(
    link: &Link,
    patience: Duration,
    known: Option<(Instant, StatusResponse)>,
) -> Result<(Health, (Instant, StatusResponse)), EtcdError> {
    let known = known.filter(|(at, _)| at.elapsed() < STATUS_EVERY);
    let (status, latency, majority) = if let Some((told, status)) = known {
        let asked = Clock::now();
        let read = linearizable(link, patience).await;
        if read.majority == Majority::Reached && read.term.is_none_or(|term| term == status.raft_term()) {
            let health = health(&status, asked.elapsed(), read.majority, link.login);
            let health = Health { revision: read.revision.unwrap_or(health.revision), ..health };
            return Ok((health, (told, status)));
        }
        let (status, latency) = ask_status(link).await?;
        (status, latency, read.majority)
    } else {
        let (status, probe) = (ask_status(link), linearizable(link, patience));
        tokio::pin!(status, probe);
        tokio::select! {
            // A member that knows no leader need not be waited for.
            told = &mut status => {
                let (status, latency) = told?;
                let majority = if status.leader() == 0 { Majority::Missing } else { probe.await.majority };
                (status, latency, majority)
            }
            read = &mut probe => {
                let (status, latency) = status.await?;
                (status, latency, read.majority)
            }
        }
    };
    let majority = if status.leader() == 0 { Majority::Missing } else { majority };
    let health = health(&status, latency, majority, link.login);
    Ok((health, (Instant::now(), status)))
}

type Members = Option<(Instant, Vec<StoreMember>)>;

/// The members, asked for where `known` is too old.
async fn members(link: &Link, known: Members) -> Members {
    if known.as_ref().is_some_and(|(at, _)| at.elapsed() < MEMBERS_EVERY) {
        return known;
    }
    let mut cluster = link.client.cluster_client();
    match link.within(cluster.member_list()).await {
        Ok(list) => {
            let members = list.members().iter().map(|member| StoreMember {
                id: member.id(),
                name: member.name().to_owned(),
                learner: member.is_learner(),
                client_urls: member.client_urls().to_vec(),
            });
            Some((Instant::now(), members.collect()))
        }
        // An old list is better than none: it is only names.
        Err(error) => {
            tracing::debug!(%error, "etcd: no member list");
            known
        }
    }
}

/// What a linearizable read tells beside whether it goes through.
struct Read {
    majority: Majority,
    revision: Option<i64>,
    term: Option<u64>,
}

async fn linearizable(link: &Link, patience: Duration) -> Read {
    let mut kv = link.client.kv_client();
    let read = bounded(&link.endpoint, patience, kv.get(PROBE, Some(GetOptions::new().with_count_only()))).await;
    let error = match read {
        Ok(answer) => {
            let (revision, term) = answer.header().map(|header| (header.revision(), header.raft_term())).unzip();
            return Read { majority: Majority::Reached, revision, term };
        }
        Err(error) => error,
    };
    let majority = match error.cause {
        // Rights are looked at after the majority has answered.
        Cause::Permission => Majority::Reached,
        // A member that is gone altogether does not answer for its status either, and that counts.
        Cause::NoQuorum | Cause::TimedOut => Majority::Missing,
        Cause::Refused
        | Cause::Name
        | Cause::Unreachable
        | Cause::Tls
        | Cause::Credentials
        | Cause::Withheld
        | Cause::Closed
        | Cause::UnexpectedAnswer
        | Cause::TooLarge
        | Cause::Unsupported
        | Cause::NotReady => Majority::Unknown,
    };
    Read { majority, revision: None, term: None }
}

async fn ask_status(link: &Link) -> Result<(StatusResponse, Duration), EtcdError> {
    let mut maintenance = link.client.maintenance_client();
    let asked = Clock::now();
    let status = link.within(maintenance.status()).await?;
    Ok((status, asked.elapsed()))
}

fn health(status: &StatusResponse, latency: Duration, majority: Majority, login: Login) -> Health {
    Health {
        id: status.header().map_or(0, etcd_client::ResponseHeader::member_id),
        version: status.version().to_owned(),
        leader: status.leader(),
        term: status.raft_term(),
        revision: status.header().map_or(0, etcd_client::ResponseHeader::revision),
        raft_index: status.raft_index(),
        raft_applied: status.raft_applied_index(),
        db_size: status.db_size(),
        db_in_use: status.raft_used_db_size(),
        db_quota: status.db_size_quota(),
        learner: status.is_learner(),
        errors: status.errors().to_vec(),
        latency,
        majority,
        login,
        members: None,
    }
}
