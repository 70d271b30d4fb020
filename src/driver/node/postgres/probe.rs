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

use super::password::Password;
use super::trouble::source_error;
use crate::action::drill_report::{Answer, Seen, Server};
use crate::client::postgres::PostgresError;
use crate::client::postgres::probe::{Answering, Cleared, ProbeSession};
use crate::client::sending::Unanswered;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::port::drill::{Probe, ProbeGround};
use crate::model::agent::Address;
use crate::model::lsn::Timeline;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// How long making, looking and dropping may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Sessions kept for the next row.
const KEPT: usize = 2;

/// A way through the router, with the sessions at hand.
#[derive(Clone)]
struct Way {
    address: Address,
    idle: Arc<Mutex<Vec<ProbeSession>>>,
    /// Logins under way: dropping one ends it.
    opening: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

impl Way {
    fn to(address: Address) -> Self {
        Self { address, idle: Arc::default(), opening: Arc::default() }
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
    fn settle(&self) {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A session that is still open.
    fn at_hand(&self) -> Option<ProbeSession> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut session) = idle.pop() {
            if !session.is_over() {
                return Some(session);
            }
        }
        None
    }

    fn keep(&self, session: ProbeSession) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(session);
        }
        drop(idle);
        self.settle();
    }
}

/// Login and way, for one row.
#[derive(Clone)]
struct Trip {
    access: Arc<PostgresAccess>,
    password: Option<SecretString>,
    way: Way,
}

impl Trip {
    async fn session(&self, deadline: Duration) -> Result<ProbeSession, PostgresError> {
        match self.way.at_hand() {
            Some(session) => Ok(session),
            None => {
                let wanted = self.way.begin();
                tokio::select! {
                    biased;
                    opened = self.connect(deadline) => opened,
                    _ = wanted => Err(PostgresError::Protocol("given up, since another attempt has a session".to_owned())),
                }
            }
        }
    }

    async fn connect(&self, deadline: Duration) -> Result<ProbeSession, PostgresError> {
        let Address { host, port } = &self.way.address;
        ProbeSession::connect(&self.access, (host.as_str(), *port), self.password.as_ref(), deadline).await
    }
}

/// The probe of one cluster.
pub struct PostgresProbe {
    access: Arc<PostgresAccess>,
    password: tokio::sync::Mutex<Password>,
    /// Fetched once, before the first row.
    secret: Mutex<Option<SecretString>>,
    write: Way,
    read: Option<Way>,
}

impl PostgresProbe {
    /// A probe that writes at `write` and reads at `read`. Nothing is connected or fetched yet.
    pub fn new(access: PostgresAccess, write: Address, read: Option<Address>, environment: Arc<Environment>) -> Self {
        let password = tokio::sync::Mutex::new(Password::new(&access, &write, environment));
        Self {
            access: Arc::new(access),
            password,
            secret: Mutex::new(None),
            write: Way::to(write),
            read: read.map(Way::to),
        }
    }

    fn endpoint(&self) -> Text {
        Text::new(self.write.address.to_string())
    }

    fn trip(&self, way: &Way) -> Trip {
        let password = self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Trip { access: Arc::clone(&self.access), password, way: way.clone() }
    }

    /// A fresh session on the way for writing.
    async fn open(&self) -> Result<ProbeSession, SourceError> {
        let endpoint = self.endpoint();
        let mut password = self.password.lock().await;
        let secret = password.get().await.map_err(|error| error.at(&endpoint))?;
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = secret;
        let opened = self.trip(&self.write).connect(PATIENCE).await;
        opened.map_err(|error| source_error(&error, &endpoint, password.hint()))
    }

    fn told<T>(&self, outcome: Result<T, PostgresError>) -> Result<T, SourceError> {
        outcome.map_err(|error| source_error(&error, &self.endpoint(), None))
    }
}

impl Probe for PostgresProbe {
    fn survey(&self) -> BoxFuture<'_, Result<ProbeGround, SourceError>> {
        async move {
            let ground = self.open().await?.ground(PATIENCE).await;
            let ground = self.told(ground)?;
            let wrong = |trouble, words: String| Err(SourceError::new(trouble, self.endpoint().as_str(), words));
            if ground.in_recovery {
                return wrong(Trouble::UnexpectedAnswer, "a standby answers where writes should go".to_owned());
            }
            if !ground.may_create {
                let PostgresAccess { user, database, .. } = &*self.access;
                let words = format!("the probe needs GRANT CREATE ON DATABASE {database} TO {user}");
                return wrong(Trouble::Permission, words);
            }
            Ok(ProbeGround {
                synchronous_commit: Text::new(ground.synchronous_commit),
                publications: ground.publications.iter().map(Text::new).collect(),
            })
        }
        .boxed()
    }

    fn make(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async move {
            let mut session = self.open().await?;
            let made = session.make(PATIENCE).await;
            self.told(made)
        }
        .boxed()
    }

    fn write(&self, number: u64, deadline: Duration) -> BoxFuture<'static, Answer> {
        let trip = self.trip(&self.write);
        async move {
            let end = Instant::now() + deadline;
            let mut session = match trip.session(deadline).await {
                Ok(session) => session,
                Err(error) => return Answer::Refused(Text::redacted(error.to_string())),
            };
            match timeout_at(end, session.write(number.cast_signed())).await {
                Ok(Ok((answering, timeline))) => {
                    trip.way.keep(session);
                    Answer::Acknowledged(server(answering, Some(Timeline(timeline.cast_unsigned()))))
                }
                Ok(Err(Unanswered::NotSent(error))) => Answer::Refused(Text::redacted(error.to_string())),
                Ok(Err(Unanswered::NoAnswer(error))) => Answer::Ambiguous(Text::redacted(error.to_string())),
                Err(_) => Answer::Ambiguous(Text::new("no answer in time")),
            }
        }
        .boxed()
    }

    fn read(&self, deadline: Duration) -> Option<BoxFuture<'static, Result<Seen, Text>>> {
        let trip = self.trip(self.read.as_ref()?);
        let reading = async move {
            let end = Instant::now() + deadline;
            let words = |error: PostgresError| Text::redacted(error.to_string());
            let mut session = trip.session(deadline).await.map_err(words)?;
            let sight = timeout_at(end, session.read()).await;
            let sight = sight.map_err(|_| Text::new("no answer in time"))?.map_err(words)?;
            trip.way.keep(session);
            let newest = sight.newest.map(i64::cast_unsigned);
            Ok(Seen { newest, server: server(sight.answering, None), in_recovery: sight.in_recovery })
        };
        Some(reading.boxed())
    }

    fn kept(&self) -> BoxFuture<'_, Result<BTreeSet<u64>, SourceError>> {
        async move {
            let kept = self.open().await?.kept(PATIENCE).await;
            self.told(kept)
        }
        .boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        async move {
            let cleared = self.open().await?.clear(PATIENCE).await;
            match self.told(cleared)? {
                Cleared::Dropped | Cleared::Nothing | Cleared::Stranger => Ok(()),
            }
        }
        .boxed()
    }
}

fn server(answering: Answering, timeline: Option<Timeline>) -> Server {
    Server { started: answering.started, address: Text::new(answering.address), timeline }
}
