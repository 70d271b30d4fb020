//! The probe of a drill: PostgreSQL through a router, as the users reach it. Sessions that served are kept for the next
//! row; a row that finds none at hand opens one, so that no attempt waits for the one before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::failure_kind::source_error;
use super::password::Password;
use crate::action::drill_report::{AnsweringServer, ReadResult, WriteResult};
use crate::client::postgres::PostgresError;
use crate::client::postgres::probe::{Answering, CleanupOutcome, ProbeSession};
use crate::client::sending::Unanswered;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::port::drill::{Probe, ProbeEnvironment};
use crate::model::agent::Address;
use crate::model::lsn::Timeline;
use crate::model::name::PoolerName;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// How long making, looking and dropping may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Sessions kept for the next row.
const IDLE_SESSIONS: usize = 2;

/// A way through the router, with the sessions at hand.
#[derive(Clone)]
struct ProbeRoute {
    address: Address,
    /// A pooler is on the way.
    is_pooled: bool,
    idle: Arc<Mutex<Vec<ProbeSession>>>,
    /// Logins under way: dropping one ends it.
    opening: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

impl ProbeRoute {
    fn to(address: Address) -> Self {
        Self { address, is_pooled: false, idle: Arc::default(), opening: Arc::default() }
    }

    fn through_pooler(address: Address) -> Self {
        Self { is_pooled: true, ..Self::to(address) }
    }

    /// A place among the logins under way. Each keeps its whole deadline, since a router may try again only after a second,
    /// and a node that has just come back takes long for its first logins. The receiver tells that it is not wanted any more.
    fn begin(&self) -> oneshot::Receiver<()> {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        opening.retain(|place| !place.is_closed());
        let (place, wanted) = oneshot::channel();
        opening.push(place);
        wanted
    }

    /// Gives up every login under way: there is a session now.
    fn close_idle(&self) {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A session that is still open.
    fn is_available(&self) -> Option<ProbeSession> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut session) = idle.pop() {
            if !session.is_over() {
                return Some(session);
            }
        }
        None
    }

    fn return_session(&self, session: ProbeSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_SESSIONS {
            idle.push(session);
        }
        drop(idle);
        self.close_idle();
    }
}

/// Login and way, for one row.
#[derive(Clone)]
struct RowRoute {
    access: Arc<PostgresAccess>,
    password: Option<SecretString>,
    way: ProbeRoute,
}

impl RowRoute {
    async fn session(&self, deadline: Duration) -> Result<ProbeSession, PostgresError> {
        match self.way.is_available() {
            Some(session) => Ok(session),
            None => {
                let wanted = self.way.begin();
                tokio::select! {
                    biased;
                    opened = self.connect(deadline) => opened,
                    _ = wanted => Err(PostgresError::Protocol("abandoned, since another attempt has a session".to_owned())),
                }
            }
        }
    }

    async fn connect(&self, deadline: Duration) -> Result<ProbeSession, PostgresError> {
        let Address { host, port } = &self.way.address;
        let (place, password) = ((host.as_str(), *port), self.password.as_ref());
        if self.way.is_pooled {
            ProbeSession::connect_through_pooler(&self.access, place, password, deadline).await
        } else {
            ProbeSession::connect(&self.access, place, password, deadline).await
        }
    }
}

/// The probe of one cluster.
pub struct PostgresProbe {
    access: Arc<PostgresAccess>,
    password: tokio::sync::Mutex<Password>,
    /// Fetched once, before the first row.
    secret: Mutex<Option<SecretString>>,
    write: ProbeRoute,
    read: Option<ProbeRoute>,
    poolers: Vec<(PoolerName, ProbeRoute)>,
}

impl PostgresProbe {
    /// A probe that writes at `write` and reads at `read`. Nothing is connected or fetched yet.
    pub fn new(access: PostgresAccess, write: Address, read: Option<Address>, environment: Arc<Environment>) -> Self {
        let password = tokio::sync::Mutex::new(Password::new(&access, &write, environment));
        Self {
            access: Arc::new(access),
            password,
            secret: Mutex::new(None),
            write: ProbeRoute::to(write),
            read: read.map(ProbeRoute::to),
            poolers: Vec::new(),
        }
    }

    /// The same, and it writes through `poolers` besides, each at its address.
    #[must_use]
    pub fn through(self, poolers: impl Iterator<Item = (PoolerName, Address)>) -> Self {
        let poolers = poolers.map(|(name, address)| (name, ProbeRoute::through_pooler(address))).collect();
        Self { poolers, ..self }
    }

    fn endpoint(&self) -> Text {
        Text::new(self.write.address.to_string())
    }

    fn row_route(&self, way: &ProbeRoute) -> RowRoute {
        let password = self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
        RowRoute { access: Arc::clone(&self.access), password, way: way.clone() }
    }

    /// A fresh session on the way for writing.
    async fn open(&self) -> Result<ProbeSession, SourceError> {
        let endpoint = self.endpoint();
        let mut password = self.password.lock().await;
        let secret = password.get().await.map_err(|error| error.at(&endpoint))?;
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = secret;
        let opened = self.row_route(&self.write).connect(TIMEOUT).await;
        opened.map_err(|error| source_error(&error, &endpoint, password.hint()))
    }

    fn with_failure<T>(&self, outcome: Result<T, PostgresError>) -> Result<T, SourceError> {
        outcome.map_err(|error| source_error(&error, &self.endpoint(), None))
    }
}

impl Probe for PostgresProbe {
    fn environment(&self) -> BoxFuture<'_, Result<ProbeEnvironment, SourceError>> {
        async move {
            let environment = self.open().await?.environment(TIMEOUT).await;
            let environment = self.with_failure(environment)?;
            let wrong =
                |failure_kind, words: String| Err(SourceError::new(failure_kind, self.endpoint().as_str(), words));
            if environment.in_recovery {
                return wrong(FailureKind::UnexpectedAnswer, "a standby responds where writes should go".to_owned());
            }
            if !environment.may_create {
                let PostgresAccess { user, database, .. } = &*self.access;
                let words = format!("the probe needs GRANT CREATE ON DATABASE {database} TO {user}");
                return wrong(FailureKind::Permission, words);
            }
            Ok(ProbeEnvironment {
                synchronous_commit: Text::new(environment.synchronous_commit),
                publications: environment.publications.iter().map(Text::new).collect(),
            })
        }
        .boxed()
    }

    fn create_schema(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async move {
            let mut session = self.open().await?;
            let made = session.create_schema(TIMEOUT).await;
            self.with_failure(made)
        }
        .boxed()
    }

    fn write(&self, number: u64, deadline: Duration) -> BoxFuture<'static, WriteResult> {
        written(self.row_route(&self.write), number, deadline).boxed()
    }

    fn poolers(&self) -> Vec<PoolerName> {
        self.poolers.iter().map(|(name, _)| name.clone()).collect()
    }

    fn write_through(&self, pooler: &PoolerName, number: u64, deadline: Duration) -> BoxFuture<'static, WriteResult> {
        let Some((_, way)) = self.poolers.iter().find(|(name, _)| name == pooler) else {
            let words = format!("{pooler} is not a pooler of this probe");
            return std::future::ready(WriteResult::Refused(Text::redacted(words))).boxed();
        };
        written(self.row_route(way), number, deadline).boxed()
    }

    fn read(&self, deadline: Duration) -> Option<BoxFuture<'static, Result<ReadResult, Text>>> {
        let row_route = self.row_route(self.read.as_ref()?);
        let reading = async move {
            let end = Instant::now() + deadline;
            let words = |error: PostgresError| Text::redacted(error.to_string());
            let mut session = row_route.session(deadline).await.map_err(words)?;
            let sight = timeout_at(end, session.read()).await;
            let sight = sight.map_err(|_| Text::new("timed out"))?.map_err(words)?;
            row_route.way.return_session(session);
            let newest = sight.newest.map(i64::cast_unsigned);
            Ok(ReadResult { newest, server: server(sight.answering, None), in_recovery: sight.in_recovery })
        };
        Some(reading.boxed())
    }

    fn stored_rows(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>> {
        async move {
            let kept = self.open().await?.stored_rows(TIMEOUT).await;
            self.with_failure(kept)
        }
        .boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async move {
            let cleared = self.open().await?.clear(TIMEOUT).await;
            match self.with_failure(cleared)? {
                CleanupOutcome::Dropped | CleanupOutcome::Nothing | CleanupOutcome::Foreign => Ok(()),
            }
        }
        .boxed()
    }
}

/// Row `number` by `row_route`, and what became of it by `deadline`.
async fn written(row_route: RowRoute, number: u64, deadline: Duration) -> WriteResult {
    let end = Instant::now() + deadline;
    let mut session = match row_route.session(deadline).await {
        Ok(session) => session,
        Err(error) => return WriteResult::Refused(Text::redacted(error.to_string())),
    };
    match timeout_at(end, session.write(number.cast_signed())).await {
        Ok(Ok((answering, timeline))) => {
            row_route.way.return_session(session);
            WriteResult::Acknowledged(server(answering, Some(Timeline(timeline.cast_unsigned()))))
        }
        Ok(Err(Unanswered::NotSent(error))) => WriteResult::Refused(Text::redacted(error.to_string())),
        Ok(Err(Unanswered::NoAnswer(error))) => WriteResult::Ambiguous(Text::redacted(error.to_string())),
        Err(_) => WriteResult::Ambiguous(Text::new("timed out")),
    }
}

fn server(answering: Answering, timeline: Option<Timeline>) -> AnsweringServer {
    AnsweringServer { postmaster_started: answering.started, address: Text::new(answering.address), timeline }
}
