//! The keys under one prefix, kept as they are: read whole, then followed by a watch, and checked while it is silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::{GetOptions, KeyValue, WatchOptions, WatchResponse, WatchStream};
use futures::FutureExt;
use futures::future::join;
use tokio::time::timeout;

use super::connect::{AuthenticatedConnection, Connector, bounded};
use super::error::EtcdError;
use crate::client::cause::Cause;
use crate::config::endpoint::Timeouts;

/// How long a check that disagrees with the watch waits for the watch to catch up.
const CATCH_UP: Duration = Duration::from_millis(50);
/// A watch that ends younger than this is not replaced at once, lest a refusal become a storm of reads.
const MIN_RECORD_AGE: Duration = Duration::from_secs(1);

/// One key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// Value as it came.
    pub value: Vec<u8>,
    /// Revision at which the key was created.
    pub create_revision: i64,
    /// Revision at which it was last written.
    pub mod_revision: i64,
    /// Lease it hangs on; 0 for none.
    pub lease: i64,
}

/// All keys under a prefix at one revision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// Keys by their path below the prefix; bytes that are not UTF-8 are replaced.
    pub keys: BTreeMap<String, Key>,
    /// The one key elsewhere that is followed with them.
    pub beside: OutsideKey,
    /// Revision of the store.
    pub revision: i64,
    /// Endpoint that told it, `host:port`.
    pub endpoint: String,
}

/// A key outside of the prefix.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum OutsideKey {
    /// None is followed.
    #[default]
    NotFollowed,
    /// It may not be read, in the store's words.
    Forbidden(String),
    /// It is not there.
    Absent,
    /// It is there.
    Present(Key),
}

impl OutsideKey {
    /// What a check compares; `None`: nothing to compare.
    fn revision(&self) -> Option<i64> {
        match self {
            Self::NotFollowed | Self::Forbidden(_) => None,
            Self::Absent => Some(0),
            Self::Present(key) => Some(key.mod_revision),
        }
    }
}

/// What [`RecordClient::next`] returned for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordChange {
    /// The record was read anew.
    Read,
    /// Keys changed.
    Events,
    /// Nothing changed; a linearizable read has just confirmed it.
    Quiet,
}

/// Follows the keys under one prefix over all endpoints of an etcd cluster.
#[derive(Debug)]
pub struct RecordClient {
    connector: Connector,
    followed: FollowedKeys,
    beacon: String,
    preferred: usize,
    session: Option<Session>,
    record: Record,
}

/// What is followed.
#[derive(Clone, Debug)]
struct FollowedKeys {
    prefix: String,
    beside: Option<String>,
}

struct Session {
    link: Arc<AuthenticatedConnection>,
    watch: Option<WatchStream>,
    since: Instant,
    /// How often the watch's silence was looked into.
    confirmed: u32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("endpoint", &self.link.endpoint).finish_non_exhaustive()
    }
}

/// The longest that [`RecordClient::next`] takes beyond its heartbeat once it has read: the time to find out that the
/// connection died in silence, and that no other endpoint answers at once either.
pub fn slack(timeouts: Timeouts) -> Duration {
    // A check waits for half the deadline, lest a connection that died in silence hold up the move to another.
    timeouts.request / 2 + quick(timeouts)
}

/// How long a move to another endpoint may take before the record is given up as unconfirmed. What takes longer is tried
/// by the next call, with all the patience there is, while the record is seen to be stale.
fn quick(timeouts: Timeouts) -> Duration {
    timeouts.request / 2
}

impl RecordClient {
    /// Follows the keys under `prefix`, which ends in a slash. Where the majority is lost, `beacon` is the one key
    /// below it that a surviving member is asked for, for the message.
    pub fn new(connector: Connector, prefix: impl Into<String>, beacon: impl Into<String>) -> Self {
        Self {
            connector,
            followed: FollowedKeys { prefix: prefix.into(), beside: None },
            beacon: beacon.into(),
            preferred: 0,
            session: None,
            record: Record::default(),
        }
    }

    /// The same client, which also follows the one key `beside`. Where that may not be read, the rest is.
    #[must_use]
    pub fn with(mut self, beside: impl Into<String>) -> Self {
        self.followed.beside = Some(beside.into());
        self
    }

    /// The prefix that is followed.
    pub fn prefix(&self) -> &str {
        &self.followed.prefix
    }

    /// The endpoints, in the order of the configuration.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The record as of the last [`next`](Self::next).
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns when the record was read, when it changed, or after `heartbeat` when it was confirmed. The first call
    /// reads. Moves to another endpoint by itself, within the same call. May be dropped at any point.
    ///
    /// # Errors
    /// When no endpoint can tell the record as the majority has it.
    pub async fn next(&mut self, heartbeat: Duration) -> Result<RecordChange, EtcdError> {
        // Boxed: the larger parts are rare.
        let time_limit = self.connector.time_limit();
        let haste = quick(self.connector.timeouts());
        let Some(session) = self.session.as_mut() else { return Box::pin(self.read(0, time_limit)).await };
        let outcome = match session.listen(&self.followed, &mut self.record, heartbeat).await {
            Ok(WatchMessage::Nothing) => Box::pin(self.confirm()).await,
            outcome => outcome,
        };
        match outcome {
            Ok(WatchMessage::Events) => Ok(RecordChange::Events),
            Ok(WatchMessage::Nothing) => Ok(RecordChange::Quiet),
            // Begin anew, from the same endpoint.
            Ok(WatchMessage::Gap) => Box::pin(self.read(0, haste)).await,
            Err(failure_kind) => {
                tracing::debug!(%failure_kind, "etcd: trying another endpoint");
                let young = self.session.take().is_some_and(|session| {
                    session.link.spend();
                    session.since.elapsed() < MIN_RECORD_AGE
                });
                let refused = failure_kind.is_alive() && failure_kind.cause != Cause::NoQuorum;
                if young && refused {
                    return Err(failure_kind);
                }
                let moved = Box::pin(self.read(1, haste)).await;
                // That nobody else answered in such haste says less than what the member itself had said.
                moved.map_err(|error| if failure_kind.cause == Cause::NoQuorum { failure_kind } else { error })
            }
        }
    }

    /// Time left on `lease`; zero when it is gone.
    ///
    /// # Errors
    /// When there is no connection, or no answer within `deadline`.
    pub async fn lease_left(&self, lease: i64, deadline: Duration) -> Result<Duration, EtcdError> {
        let Some(session) = &self.session else {
            return Err(EtcdError::new("etcd", Cause::Closed, "not connected"));
        };
        let mut leases = session.link.client.lease_client();
        let answer = bounded(&session.link.endpoint, deadline, leases.time_to_live(lease, None)).await?;
        Ok(Duration::from_secs(u64::try_from(answer.ttl()).unwrap_or(0)))
    }

    async fn read(&mut self, skip: usize, time_limit: Duration) -> Result<RecordChange, EtcdError> {
        self.session = None;
        let (index, (link, record)) = {
            let (connector, followed, beacon) = (&self.connector, &self.followed, self.beacon.as_str());
            let attempt = |index| async move {
                let link = Box::pin(connector.join(index)).await?;
                match read_all(&link, followed).await {
                    Ok(record) => Ok((link, record)),
                    Err(error) => {
                        link.spend();
                        Err(explain(&link, &format!("{}{beacon}", followed.prefix), error).await)
                    }
                }
            };
            connector.race(self.preferred + skip, time_limit, attempt).await?
        };
        self.preferred = index;
        self.record = record;
        self.session = Some(Session { link, watch: None, since: Instant::now(), confirmed: 0 });
        Ok(RecordChange::Read)
    }

    /// Compares keys and revisions with a linearizable read.
    async fn confirm(&mut self) -> Result<WatchMessage, EtcdError> {
        let Some(session) = self.session.as_mut() else { return Ok(WatchMessage::Gap) };
        let options = GetOptions::new().with_prefix().with_keys_only();
        let time_limit = self.connector.timeouts().request / 2;
        let mut kv = session.link.client.kv_client();
        let keys = bounded(&session.link.endpoint, time_limit, kv.get(self.followed.prefix.as_str(), Some(options)));
        // Not asked for again where it may not be read.
        let readable = self.record.beside.revision().is_some();
        session.confirmed = session.confirmed.wrapping_add(1);
        let due = session.confirmed.is_multiple_of(OUTSIDE_KEYS_EVERY);
        let beside = self.followed.beside.as_deref().filter(|_| readable && due);
        let asked = beside.is_some();
        let (answer, beside) = join(keys, aside(&session.link, beside, time_limit)).await;
        let (answer, beside) = (answer?, beside?);
        let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
        let reported: BTreeMap<String, i64> =
            answer.kvs().iter().map(|kv| (name(kv.key(), &self.followed.prefix), kv.mod_revision())).collect();
        let known = self.record.keys.iter().map(|(name, key)| (name.clone(), key.mod_revision)).collect();
        if reported == known && (!asked || beside.revision() == self.record.beside.revision()) {
            self.record.revision = self.record.revision.max(revision);
            return Ok(WatchMessage::Nothing);
        }
        match session.listen(&self.followed, &mut self.record, CATCH_UP).await? {
            // The watch keeps silent about something.
            WatchMessage::Nothing => Ok(WatchMessage::Gap),
            received => Ok(received),
        }
    }
}

/// The key beside the record hangs on the same watch: what confirms the one speaks for the other, so it is only now and
/// then looked at itself.
const OUTSIDE_KEYS_EVERY: u32 = 5;

/// What a watch said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WatchMessage {
    /// Nothing.
    Nothing,
    /// Events, which were applied.
    Events,
    /// That it cannot tell all that happened: revisions it was asked for are compacted.
    Gap,
}

impl Session {
    /// Takes in what the watch says within `patience`.
    async fn listen(
        &mut self,
        followed: &FollowedKeys,
        record: &mut Record,
        time_limit: Duration,
    ) -> Result<WatchMessage, EtcdError> {
        timeout(time_limit, self.next_message(followed, record)).await.unwrap_or(Ok(WatchMessage::Nothing))
    }

    async fn next_message(&mut self, followed: &FollowedKeys, record: &mut Record) -> Result<WatchMessage, EtcdError> {
        let failed = |error: &etcd_client::Error| EtcdError::library(&self.link.endpoint, error);
        let watch = match &mut self.watch {
            Some(watch) => watch,
            unset => {
                // Nothing between the read and the watch is lost: it begins at the revision after the read.
                let since = WatchOptions::new().with_start_revision(record.revision + 1);
                let mut watches = self.link.client.watch_client();
                let prefix = followed.prefix.as_str();
                let watch = watches.watch(prefix, Some(since.clone().with_prefix())).await;
                let mut watch = watch.map_err(|error| failed(&error))?;
                if let (Some(key), Some(_)) = (&followed.beside, record.beside.revision()) {
                    watch.watch(key.as_str(), Some(since)).await.map_err(|error| failed(&error))?;
                }
                unset.insert(watch)
            }
        };
        let mut received = WatchMessage::Nothing;
        loop {
            // What has already arrived belongs to the same change: a failover writes several keys.
            let message = if received == WatchMessage::Events {
                match watch.message().now_or_never() {
                    Some(message) => message,
                    None => return Ok(received),
                }
            } else {
                watch.message().await
            };
            let ended = || EtcdError::new(&self.link.endpoint, Cause::Closed, "the watch ended");
            let response = message.map_err(|error| failed(&error))?.ok_or_else(ended)?;
            match apply(&self.link.endpoint, followed, record, &response)? {
                WatchMessage::Nothing => {}
                WatchMessage::Events => received = WatchMessage::Events,
                WatchMessage::Gap => return Ok(WatchMessage::Gap),
            }
        }
    }
}

/// Applies the events of `response`.
fn apply(
    endpoint: &str,
    followed: &FollowedKeys,
    record: &mut Record,
    response: &WatchResponse,
) -> Result<WatchMessage, EtcdError> {
    if response.compact_revision() > 0 {
        return Ok(WatchMessage::Gap);
    }
    if response.canceled() {
        let status = tonic::Status::new(tonic::Code::Cancelled, response.cancel_reason());
        return Err(EtcdError::status(endpoint, &status));
    }
    for event in response.events() {
        let Some(kv) = event.kv() else { continue };
        // Version 0 marks a deletion. The library's own event type panics on a kind it does not know.
        let gone = kv.version() == 0;
        if followed.beside.as_ref().is_some_and(|beside| kv.key() == beside.as_bytes()) {
            record.beside = if gone { OutsideKey::Absent } else { OutsideKey::Present(key(kv)) };
            continue;
        }
        let name = name(kv.key(), &followed.prefix);
        if gone {
            record.keys.remove(&name);
        } else {
            record.keys.insert(name, key(kv));
        }
    }
    if let Some(header) = response.header() {
        record.revision = record.revision.max(header.revision());
    }
    Ok(if response.events().is_empty() { WatchMessage::Nothing } else { WatchMessage::Events })
}

async fn read_all(link: &AuthenticatedConnection, followed: &FollowedKeys) -> Result<Record, EtcdError> {
    let mut kv = link.client.kv_client();
    let prefix = followed.prefix.as_str();
    let keys = link.within(kv.get(prefix, Some(GetOptions::new().with_prefix())));
    // At another revision, maybe: the watch begins at the record's, and tells what is older once more.
    let (answer, beside) = join(keys, aside(link, followed.beside.as_deref(), link.deadline())).await;
    let (mut answer, beside) = (answer?, beside?);
    let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
    let keys = answer.take_kvs().iter().map(|kv| (name(kv.key(), prefix), key(kv))).collect();
    Ok(Record { keys, beside, revision, endpoint: link.endpoint.clone() })
}

/// Reads the key outside of the prefix, where one is followed.
async fn aside(
    link: &AuthenticatedConnection,
    key: Option<&str>,
    time_limit: Duration,
) -> Result<OutsideKey, EtcdError> {
    let Some(name) = key else { return Ok(OutsideKey::NotFollowed) };
    let mut kv = link.client.kv_client();
    match bounded(&link.endpoint, time_limit, kv.get(name, None)).await {
        Ok(answer) => Ok(answer.kvs().first().map_or(OutsideKey::Absent, |kv| OutsideKey::Present(self::key(kv)))),
        Err(error) if error.cause == Cause::Permission => Ok(OutsideKey::Forbidden(error.detail)),
        Err(error) => Err(error),
    }
}

/// Asks a member that could not answer for the majority what it has by itself.
async fn explain(link: &AuthenticatedConnection, beacon: &str, error: EtcdError) -> EtcdError {
    if !matches!(error.cause, Cause::TimedOut | Cause::NoQuorum) {
        return error;
    }
    let own_copy = async {
        let mut kv = link.lenient().await?.kv_client();
        link.within(kv.get(beacon, Some(GetOptions::new().with_serializable()))).await
    };
    let detail = match own_copy.await {
        Ok(answer) => match answer.kvs().first() {
            Some(kv) => {
                let value = String::from_utf8_lossy(kv.value());
                format!("up, but without quorum; its local copy, possibly stale, has {beacon} = {value}")
            }
            None => format!("up, but without quorum; its local copy, possibly stale, has no {beacon}"),
        },
        Err(other) if other.is_alive() => "up, but without quorum".to_owned(),
        Err(_) => return error,
    };
    EtcdError::new(&error.endpoint, Cause::NoQuorum, detail)
}

fn name(key: &[u8], prefix: &str) -> String {
    let below = key.strip_prefix(prefix.as_bytes()).unwrap_or(key);
    String::from_utf8_lossy(below).into_owned()
}

pub(super) fn key(kv: &KeyValue) -> Key {
    Key {
        value: kv.value().to_vec(),
        create_revision: kv.create_revision(),
        mod_revision: kv.mod_revision(),
        lease: kv.lease(),
    }
}
