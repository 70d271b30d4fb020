//! The operation lock of a cluster without a DCS: a session advisory lock on every node that can be reached, held by
//! sessions to the servers themselves.
//!
//! It is taken on all of them or on none, the primary first and then by name, so that two consoles meet on their first
//! node. A node that the plan itself stops takes its part of the lock along: that is no loss, and the part is taken again
//! when the node is back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join, join_all};
use tokio::time::{Instant, timeout};

use super::claim;
use crate::client::postgres::PostgresError;
use crate::client::postgres::lock::{AcquireOutcome, Holder, HolderComment, Key, LockSession, RenewOutcome};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::node::postgres::{Password, source_error};
use crate::driver::port::{Lock, LockClaim, LockError};
use crate::model::agent::Address;
use crate::model::name::NodeName;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// The shortest that one answer is waited for: an answer that is late is no lock that is lost.
const MIN_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest.
const MAX_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a node that the plan has stopped is tried in one renewal.
const REGAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// A node with the login for acting.
#[derive(Clone, PartialEq, Debug)]
pub struct LockNode {
    /// Node.
    pub member: NodeName,
    /// Where its PostgreSQL is reached.
    pub address: Address,
    /// How to log in there.
    pub access: PostgresAccess,
}

/// Every node of the cluster at present.
pub type LockNodes = Box<dyn Fn() -> Vec<LockNode> + Send + Sync>;

/// The operation lock of one cluster.
pub struct AdvisoryLock {
    lock_nodes: LockNodes,
    environment: Arc<Environment>,
    nodes: Vec<NodeAccess>,
    held: Vec<NodeLock>,
    /// Nodes that may take their part of the lock along.
    may_go: BTreeSet<NodeName>,
    /// Those of them that have.
    gone: BTreeSet<NodeName>,
    text: Option<HolderTexts>,
}

/// What is said of whoever holds it.
#[derive(Clone)]
struct HolderTexts {
    claim: LockClaim,
    application: String,
    holder_comment: HolderComment,
}

impl HolderTexts {
    fn of(claim: &LockClaim) -> Self {
        Self {
            claim: claim.clone(),
            application: claim::application(claim),
            holder_comment: claim::holder_comment(claim),
        }
    }
}

/// A node with the way to its password, which is kept between attempts.
struct NodeAccess {
    node: LockNode,
    password: Password,
}

/// A session on one node.
struct NodeLock {
    member: NodeName,
    endpoint: Text,
    time_limit: Duration,
    session: LockSession,
}

/// Why there is no session on a node.
enum NoSession {
    /// Nobody answers there: the lock is had without it.
    Silent(SourceError),
    /// Somebody answers, and the lock cannot be had there.
    Refused(SourceError),
}

impl NodeAccess {
    async fn open(&mut self) -> Result<NodeLock, NoSession> {
        let LockNode { member, address, access } = &self.node;
        let endpoint = Text::new(address.to_string());
        let password = self.password.get().await.map_err(|error| NoSession::Refused(error.at(&endpoint)))?;
        let place = (address.host.as_str(), address.port);
        let opened = LockSession::open(access, place, password.as_ref(), Key::Operation).await;
        let session = opened.map_err(|error| {
            if error.concerns_password() {
                self.password.forget();
            }
            let reported = source_error(&error, &endpoint, self.password.hint());
            if is_silence(&error) { NoSession::Silent(reported) } else { NoSession::Refused(reported) }
        })?;
        if session.answers().is_pooled() {
            return Err(NoSession::Refused(pooled(&endpoint)));
        }
        let time_limit = access.timeouts.request.clamp(MIN_TIMEOUT, MAX_TIMEOUT);
        Ok(NodeLock { member: member.clone(), endpoint, time_limit, session })
    }
}

/// A pooler answers at `endpoint`.
pub(in crate::driver) fn pooled(endpoint: &Text) -> SourceError {
    let words = "this is a connection pooler, which would hand the session that holds the lock to other clients";
    let advice = "configure the address of the server itself under [nodes] or in the address map";
    SourceError::new(FailureKind::Unsupported, endpoint.as_str(), words).advising(advice)
}

/// Whether there is no server at present with whom a lock could be taken.
fn is_silence(error: &PostgresError) -> bool {
    matches!(
        error,
        PostgresError::Name(_)
            | PostgresError::Refused
            | PostgresError::Unreachable(_)
            | PostgresError::TimedOut { .. }
            | PostgresError::NotReady(_)
            | PostgresError::Closed(_)
    )
}

impl NodeLock {
    fn failure(&self, error: &PostgresError) -> SourceError {
        source_error(error, &self.endpoint, None)
    }

    fn unavailable(&self, error: &PostgresError) -> LockError {
        LockError::Unavailable(self.failure(error))
    }

    async fn take(&mut self, words: &HolderTexts) -> Result<(), LockError> {
        match self.session.take(&words.application, &words.holder_comment, self.time_limit).await {
            Ok(AcquireOutcome::Taken) => Ok(()),
            Ok(AcquireOutcome::Busy(holder)) => Err(self.taken(&holder)),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    fn taken(&self, holder: &Holder) -> LockError {
        let left = holder.left.filter(|left| *left >= 0.0).and_then(|left| Duration::try_from_secs_f64(left).ok());
        match read(holder) {
            Some(claim) => LockError::Taken { claim: Box::new(claim), left },
            None => {
                let words = "it is held, the owner is not visible; grant pg_read_all_stats to the login for acting";
                LockError::Unavailable(SourceError::new(FailureKind::UnexpectedAnswer, self.endpoint.as_str(), words))
            }
        }
    }
}

fn read(holder: &Holder) -> Option<LockClaim> {
    claim::read(holder.application.as_deref(), holder.query.as_deref())
}

impl AdvisoryLock {
    /// The lock on the nodes of `places`. `environment` is where libpq's variables and files are looked for. Connects when
    /// first needed.
    pub fn new(places: LockNodes, environment: Arc<Environment>) -> Self {
        Self {
            lock_nodes: places,
            environment,
            nodes: Vec::new(),
            held: Vec::new(),
            may_go: BTreeSet::new(),
            gone: BTreeSet::new(),
            text: None,
        }
    }

    /// The ways to the nodes as they are reached now.
    fn refresh_nodes(&mut self) {
        let mut known = std::mem::take(&mut self.nodes);
        for place in (self.lock_nodes)() {
            let way = known.iter().position(|way| way.node == place).map(|index| known.swap_remove(index));
            let way = way.unwrap_or_else(|| NodeAccess {
                password: Password::new(&place.access, &place.address, Arc::clone(&self.environment)),
                node: place,
            });
            self.nodes.push(way);
        }
    }

    /// A session on every node that answers, in the order in which the lock is taken.
    async fn open(&mut self) -> Result<Vec<NodeLock>, LockError> {
        self.refresh_nodes();
        let mut parts: Vec<NodeLock> = Vec::new();
        let mut silent = None;
        for opened in join_all(self.nodes.iter_mut().map(NodeAccess::open)).await {
            match opened {
                Ok(part) => parts.push(part),
                Err(NoSession::Silent(error)) => silent = silent.or(Some(error)),
                Err(NoSession::Refused(error)) => return Err(LockError::Unavailable(error)),
            }
        }
        if parts.is_empty() {
            let none = || SourceError::new(FailureKind::Unsupported, "operation lock", "no node address is known");
            return Err(LockError::Unavailable(silent.unwrap_or_else(none)));
        }
        parts.sort_by(|a, b| {
            let place = |part: &NodeLock| (part.session.answers().in_recovery, part.member.clone());
            place(a).cmp(&place(b))
        });
        // A node may be known by two names.
        let mut seen = BTreeSet::new();
        parts.retain(|part| seen.insert((part.session.answers().system_id, part.session.answers().started)));
        one_system(&parts)?;
        Ok(parts)
    }

    async fn read_claim(&mut self) -> Result<Option<LockClaim>, LockError> {
        if let (Some(words), false) = (&self.text, self.held.is_empty()) {
            return Ok(Some(words.claim.clone()));
        }
        for part in &mut self.open().await? {
            match part.session.other(part.time_limit).await {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    return match read(&holder) {
                        Some(claim) => Ok(Some(claim)),
                        None => Err(part.taken(&holder)),
                    };
                }
                Err(error) => return Err(part.unavailable(&error)),
            }
        }
        Ok(None)
    }

    async fn take(&mut self, claim: &LockClaim) -> Result<Instant, LockError> {
        if !self.held.is_empty() {
            return self.renew().await;
        }
        let parts = self.open().await?;
        let words = HolderTexts::of(claim);
        let since = Instant::now();
        let mut taken: Vec<NodeLock> = Vec::new();
        for mut part in parts {
            if let Err(error) = part.take(&words).await {
                // All or none. Those that are not answered for are given back by the connection's end.
                let given = taken.into_iter().map(|part| part.session.release(part.time_limit));
                join_all(given).await;
                return Err(error);
            }
            taken.push(part);
        }
        (self.held, self.text) = (taken, Some(words));
        self.gone.clear();
        Ok(since)
    }

    async fn renew(&mut self) -> Result<Instant, LockError> {
        let Some(words) = self.text.clone().filter(|_| !(self.held.is_empty() && self.gone.is_empty())) else {
            return Err(LockError::Lost);
        };
        let since = Instant::now();
        // The sessions stay in their place meanwhile: whoever gives up waiting must not give the lock back.
        let keeping =
            join_all(self.held.iter_mut().map(|part| part.session.renew(&words.holder_comment, part.time_limit)));
        let gone = &self.gone;
        let nodes = self.nodes.iter_mut().filter(|way| gone.contains(&way.node.member));
        let regaining = join_all(nodes.map(|way| timeout(REGAIN_TIMEOUT, regain(way, &words))));
        let (kept, regained) = join(keeping, regaining).await;
        let mut failure_kind = None;
        for (part, kept) in std::mem::take(&mut self.held).into_iter().zip(kept) {
            let goes = self.may_go.contains(&part.member);
            match kept {
                Ok(RenewOutcome::Held) => self.held.push(part),
                // It may answer yet, and the server ends the session by itself if it hears nothing.
                Err(error @ PostgresError::TimedOut { .. }) => {
                    if !goes {
                        failure_kind = failure_kind.or(Some(part.unavailable(&error)));
                    }
                    self.held.push(part);
                }
                Ok(RenewOutcome::Gone) | Err(_) if goes => {
                    self.gone.insert(part.member);
                }
                Ok(RenewOutcome::Gone) => {
                    let why =
                        SourceError::new(FailureKind::Closed, part.endpoint.as_str(), "the session no longer holds it");
                    failure_kind = Some(LockError::LostOn { member: part.member, why });
                }
                Err(error) => {
                    let why = part.failure(&error);
                    failure_kind = Some(LockError::LostOn { member: part.member, why });
                }
            }
        }
        for part in regained.into_iter().flatten().flatten() {
            self.gone.remove(&part.member);
            self.held.push(part);
        }
        failure_kind.map_or(Ok(since), Err)
    }

    async fn release(&mut self) -> Result<(), LockError> {
        let held = std::mem::take(&mut self.held);
        self.text = None;
        let may_go = &self.may_go;
        let giving = held.into_iter().map(|part| async move {
            let goes = may_go.contains(&part.member);
            let given = part.session.release(part.time_limit).await;
            match given {
                Err(error) if !goes => Err(LockError::Unavailable(source_error(&error, &part.endpoint, None))),
                Ok(()) | Err(_) => Ok(()),
            }
        });
        let given = join_all(giving).await;
        self.gone.clear();
        given.into_iter().find(Result::is_err).unwrap_or(Ok(()))
    }
}

/// Takes the lock again on a node that is back; `None`: not yet.
async fn regain(way: &mut NodeAccess, words: &HolderTexts) -> Option<NodeLock> {
    let mut part = way.open().await.ok()?;
    part.take(words).await.ok()?;
    Some(part)
}

/// The lock of one cluster is no lock on another's node.
fn one_system(parts: &[NodeLock]) -> Result<(), LockError> {
    let Some(first) = parts.first() else { return Ok(()) };
    let id = |part: &NodeLock| part.session.answers().system_id;
    let Some(other) = parts.iter().find(|part| id(part) != id(first)) else { return Ok(()) };
    let words =
        format!("{} has another system identifier ({}) than {} ({})", other.member, id(other), first.member, id(first));
    let error = SourceError::new(FailureKind::UnexpectedAnswer, other.endpoint.as_str(), words);
    Err(LockError::Unavailable(error.advising("remove the node of another cluster from [nodes]")))
}

impl Lock for AdvisoryLock {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
        Box::pin(self.read_claim())
    }

    fn acquire<'a>(&'a mut self, claim: &'a LockClaim) -> BoxFuture<'a, Result<Instant, LockError>> {
        Box::pin(self.take(claim))
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<Instant, LockError>> {
        Box::pin(self.renew())
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        Box::pin(self.release())
    }

    fn expect_loss(&mut self, members: &BTreeSet<NodeName>) {
        self.may_go.clone_from(members);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::record::{ActionId, Operator};
    use crate::client::double;
    use crate::client::tls::install_provider;
    use crate::config::endpoint::{SslMode, Timeouts};

    fn place(member: &str, address: &str) -> LockNode {
        let (host, port) = address.split_once(':').expect("host:port");
        let time_limit = Duration::from_millis(300);
        let access = PostgresAccess {
            timeouts: Timeouts { connect: time_limit, request: time_limit },
            ..PostgresAccess::of("admin", SslMode::Disable)
        };
        let address = Address { host: host.into(), port: port.parse().expect("a port") };
        LockNode { member: member.into(), address, access }
    }

    fn lock(places: Vec<LockNode>) -> AdvisoryLock {
        install_provider();
        let environment: Environment = [("HOME", "/nonexistent")].into_iter().collect();
        AdvisoryLock::new(Box::new(move || places.clone()), Arc::new(environment))
    }

    fn claim() -> LockClaim {
        LockClaim {
            action: ActionId("a-1".to_owned()),
            verb: "switchover".into(),
            operator: Operator::default(),
            reason: None,
            since: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn where_no_node_answers_there_is_no_lock_and_the_reason_is_the_first_ones() {
        let (refused, silent) = (double::refused(), double::silent());
        let error = lock(vec![place("a", &refused), place("b", &silent)]).acquire(&claim()).await.expect_err("nobody");
        let LockError::Unavailable(error) = error else { panic!("{error}") };
        assert_eq!((error.failure_kind, error.endpoint.as_str()), (FailureKind::Refused, refused.as_str()));
        let error = lock(Vec::new()).acquire(&claim()).await.expect_err("no node");
        assert!(error.to_string().contains("no node address is known"), "{error}");
    }

    #[tokio::test]
    async fn a_node_that_answers_and_lets_nobody_in_keeps_the_lock_from_being_had() {
        let (refused, (other, _)) = (double::refused(), double::asking_for_a_password(&[0, 0, 0, 3]));
        let error =
            lock(vec![place("a", &refused), place("b", &other)]).acquire(&claim()).await.expect_err("no password");
        let LockError::Unavailable(error) = error else { panic!("{error}") };
        assert_eq!((error.failure_kind, error.endpoint.as_str()), (FailureKind::Credentials, other.as_str()));
    }

    #[tokio::test]
    async fn what_was_never_held_is_lost_and_released_without_a_word() {
        let mut lock = lock(vec![place("a", &double::refused())]);
        assert_eq!(lock.renew().await, Err(LockError::Lost));
        assert_eq!(lock.release().await, Ok(()));
    }
}
