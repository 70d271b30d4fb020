//! One member's word on itself, asked of one endpoint and no other.

use std::time::{Duration, Instant};

use etcd_client::{AlarmAction, AlarmType, GetOptions};
use futures::future::join;
use tokio::time::Instant as Clock;

use super::connect::{AuthenticatedConnection, Connector, Login, bounded};
use super::error::EtcdError;
use crate::client::cause::Cause;

/// The member list changes by hand only.
const MEMBERS_EVERY: Duration = Duration::from_secs(60);
/// How often the status is asked for where nothing speaks for a change: sizes and alarms move slowly, and another term
/// or a lost majority shows in the read that is made each time.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// The key that etcd's own tools read to see whether reading works. It need not exist.
pub(super) const PROBE: &str = "health";

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

/// A member's word on itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Identifier of the member that answered; 0 where nothing told it.
    pub id: u64,
    /// Raft term; 0 where nothing told it.
    pub term: u64,
    /// Store revision; 0 where only a read would tell and none went through.
    pub revision: i64,
    /// Its status, or in its words why this login is not told: since etcd 3.5.28, where authentication is on, the status
    /// is for root alone.
    pub status: Result<MemberStatus, String>,
    /// Alarms by the alarm list, which is only asked for where the status is refused.
    pub alarms: Vec<RaisedAlarm>,
    /// Time from asking to the newest answer.
    pub latency: Duration,
    /// Whether it reaches the majority.
    pub majority: Majority,
    /// How the login went.
    pub login: Login,
    /// Members, as last told; `None` where the list could not be had.
    pub members: Option<Vec<StoreMember>>,
}

/// What the maintenance API tells of a member. Sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberStatus {
    /// Server version.
    pub version: String,
    /// Whom it sees as leader; 0 for nobody.
    pub leader: u64,
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
}

/// One line of the alarm list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RaisedAlarm {
    /// The member that raised it.
    pub member: u64,
    /// `NOSPACE`, `CORRUPT`, or the number of a kind that this version does not know.
    pub kind: String,
}

/// Asks one endpoint.
#[derive(Debug)]
pub struct HealthClient {
    connector: Connector,
    /// The key by which the majority is tried.
    probe: String,
    link: Option<AuthenticatedConnection>,
    members: Members,
    status: Option<KnownStatus>,
    alarms: Option<(Instant, Vec<RaisedAlarm>)>,
}

/// A status of before, or its refusal, with when it was told.
#[derive(Debug)]
struct KnownStatus {
    reported: Instant,
    id: u64,
    term: u64,
    revision: i64,
    status: Result<MemberStatus, String>,
}

impl std::fmt::Debug for AuthenticatedConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl HealthClient {
    /// A client for the first endpoint of `connector`. `readable` is a key that the login may read, by which the majority
    /// is tried and identifier and term are learnt where the status is refused; it need not exist.
    pub fn new(connector: Connector, readable: Option<&str>) -> Self {
        let probe = readable.unwrap_or(PROBE).to_owned();
        Self { connector, probe, link: None, members: None, status: None, alarms: None }
    }

    /// Tries the majority, and asks for the status where it is due or something speaks for a change.
    ///
    /// # Errors
    /// When the member does not answer for itself. A member without majority does, and so does one that keeps its status
    /// from this login.
    pub async fn ask(&mut self) -> Result<Health, EtcdError> {
        // Taken out while in use: a call that is dropped midway leaves no half-used connection behind.
        let link = match self.link.take() {
            Some(link) => link,
            None => Box::pin(self.connector.open(0, false)).await?,
        };
        // Names and status are independent of each other: nobody waits for one to ask for the other.
        let members = members(&link, self.members.take());
        let time_limit = self.connector.timeouts().request / 2;
        let asking = Box::pin(ask_over(&link, time_limit, &self.probe, self.status.take()));
        let (answer, members) = join(asking, members).await;
        self.members = members;
        let (mut health, status) = answer?;
        self.status = Some(status);
        if health.status.is_err() {
            // The alarm list is a proposal to the majority: rarely, and not without one.
            if health.majority == Majority::Reached {
                self.alarms = alarms(&link, self.alarms.take()).await;
            }
            health.alarms = self.alarms.as_ref().map(|(_, alarms)| alarms.clone()).unwrap_or_default();
        }
        health.members = self.members.as_ref().map(|listed| listed.members.clone());
        if let (0, Some(listed)) = (health.id, &self.members) {
            health.id = listed.reported_by;
        }
        // Without login it serves this once: the next call tries to log in again.
        self.link = (link.login != Login::Impossible).then_some(link);
        Ok(health)
    }
}

/// The member's word on itself, and its status with when it was told. `known`: the status of before.
async fn ask_over(
    link: &AuthenticatedConnection,
    time_limit: Duration,
    probe: &str,
    known: Option<KnownStatus>,
) -> Result<(Health, KnownStatus), EtcdError> {
    let asked = Clock::now();
    let known = known.filter(|known| {
        let due = if known.status.is_ok() { STATUS_EVERY } else { MEMBERS_EVERY };
        known.reported.elapsed() < due
    });
    let (status, read) = if let Some(known) = known {
        let read = linearizable(link, time_limit, probe).await;
        let same_term = read.header.as_ref().is_none_or(|header| header.term == known.term);
        if known.status.is_err() || (read.majority == Majority::Reached && same_term) {
            return Ok((health(&known, &read, asked.elapsed(), link.login), known));
        }
        (ask_status(link).await?, read)
    } else {
        let (status, probing) = (ask_status(link), linearizable(link, time_limit, probe));
        tokio::pin!(status, probing);
        tokio::select! {
            // A member that knows no leader need not be waited for.
            reported = &mut status => {
                let reported = reported?;
                let read = if reported.routes_nowhere() { Read::missing() } else { probing.await };
                (reported, read)
            }
            read = &mut probing => (status.await?, read),
        }
    };
    let read = if status.routes_nowhere() { Read::missing() } else { read };
    // A login that is told nothing, through a member that could not log it in either, is nobody's answer.
    if let (Err(words), Majority::Unknown) = (&status.status, read.majority) {
        return Err(EtcdError::new(&link.endpoint, Cause::Credentials, words.clone()));
    }
    Ok((health(&status, &read, asked.elapsed(), link.login), status))
}

impl KnownStatus {
    /// It says that there is no leader of the store.
    fn routes_nowhere(&self) -> bool {
        self.status.as_ref().is_ok_and(|status| status.leader == 0)
    }
}

/// The member list, with the member that told it.
#[derive(Clone, Debug)]
struct MemberListAnswer {
    asked: Instant,
    reported_by: u64,
    members: Vec<StoreMember>,
}

type Members = Option<MemberListAnswer>;

/// The members, asked for where `known` is too old.
async fn members(link: &AuthenticatedConnection, known: Members) -> Members {
    if known.as_ref().is_some_and(|listed| listed.asked.elapsed() < MEMBERS_EVERY) {
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
            let reported_by = list.header().map_or(0, etcd_client::ResponseHeader::member_id);
            Some(MemberListAnswer { asked: Instant::now(), reported_by, members: members.collect() })
        }
        // An old list is better than none: it is only names.
        Err(error) => {
            tracing::debug!(%error, "etcd: no member list");
            known
        }
    }
}

/// The alarm list, asked for where `known` is too old.
async fn alarms(
    link: &AuthenticatedConnection,
    known: Option<(Instant, Vec<RaisedAlarm>)>,
) -> Option<(Instant, Vec<RaisedAlarm>)> {
    if known.as_ref().is_some_and(|(at, _)| at.elapsed() < MEMBERS_EVERY) {
        return known;
    }
    let mut maintenance = link.client.maintenance_client();
    match link.within(maintenance.alarm(AlarmAction::Get, AlarmType::None, None)).await {
        Ok(list) => {
            let alarms = list.alarms().iter().map(|alarm| RaisedAlarm {
                member: alarm.member_id(),
                kind: match alarm.alarm() {
                    AlarmType::Nospace => "NOSPACE".to_owned(),
                    AlarmType::Corrupt => "CORRUPT".to_owned(),
                    other @ AlarmType::None => format!("{other:?}"),
                },
            });
            Some((Instant::now(), alarms.collect()))
        }
        Err(error) => {
            tracing::debug!(%error, "etcd: no alarm list");
            known
        }
    }
}

/// What a linearizable read tells beside whether it goes through.
struct Read {
    majority: Majority,
    header: Option<Header>,
}

struct Header {
    id: u64,
    term: u64,
    revision: i64,
}

impl Read {
    fn missing() -> Self {
        Self { majority: Majority::Missing, header: None }
    }
}

async fn linearizable(link: &AuthenticatedConnection, time_limit: Duration, probe: &str) -> Read {
    let mut kv = link.client.kv_client();
    let read = bounded(&link.endpoint, time_limit, kv.get(probe, Some(GetOptions::new().with_count_only()))).await;
    let error = match read {
        Ok(answer) => {
            let header = answer.header().map(|header| Header {
                id: header.member_id(),
                term: header.raft_term(),
                revision: header.revision(),
            });
            return Read { majority: Majority::Reached, header };
        }
        Err(error) => error,
    };
    let majority = match error.cause {
        // Rights are looked at after the majority has answered, and so is the lack of a login.
        Cause::Permission => Majority::Reached,
        Cause::Credentials if error.detail == "user name is empty" => Majority::Reached,
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
        | Cause::NotReady
        | Cause::TooManyOpenFiles => Majority::Unknown,
    };
    Read { majority, header: None }
}

/// The status; a refusal of it is an answer, too.
async fn ask_status(link: &AuthenticatedConnection) -> Result<KnownStatus, EtcdError> {
    let mut maintenance = link.client.maintenance_client();
    let reported = Instant::now();
    match link.within(maintenance.status()).await {
        Ok(answer) => {
            let header = answer.header();
            Ok(KnownStatus {
                reported,
                id: header.map_or(0, etcd_client::ResponseHeader::member_id),
                term: answer.raft_term(),
                revision: header.map_or(0, etcd_client::ResponseHeader::revision),
                status: Ok(MemberStatus {
                    version: answer.version().to_owned(),
                    leader: answer.leader(),
                    raft_index: answer.raft_index(),
                    raft_applied: answer.raft_applied_index(),
                    db_size: answer.db_size(),
                    db_in_use: answer.raft_used_db_size(),
                    db_quota: answer.db_size_quota(),
                    learner: answer.is_learner(),
                    errors: answer.errors().to_vec(),
                }),
            })
        }
        // Who is let in is not let see everything; without a login, nobody is told anything.
        Err(error) if error.cause == Cause::Permission || link.login == Login::Impossible && error.is_alive() => {
            Ok(KnownStatus { reported, id: 0, term: 0, revision: 0, status: Err(error.detail) })
        }
        Err(error) => Err(error),
    }
}

fn health(known: &KnownStatus, read: &Read, latency: Duration, login: Login) -> Health {
    let header = read.header.as_ref();
    Health {
        id: if known.id == 0 { header.map_or(0, |header| header.id) } else { known.id },
        term: header.map_or(known.term, |header| header.term),
        revision: header.map_or(known.revision, |header| header.revision),
        status: known.status.clone(),
        alarms: Vec::new(),
        latency,
        majority: read.majority,
        login,
        members: None,
    }
}
