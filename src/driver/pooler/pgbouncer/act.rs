//! Pausing and resuming one pooler, each told from what its console shows afterwards on another session, and
//! never from its answer alone.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, Either, select};
use tokio::time::{Instant, sleep, timeout};

use super::failure_kind::source_error;
use super::observe::password_for;
use super::session::PoolerSession;
use crate::action::order::{Order, PoolerRequest};
use crate::action::permit::{Permit, WriteAccess};
use crate::client::pgbouncer::{AdminWriter, PoolerCommand};
use crate::config::Environment;
use crate::config::resolved::{ClusterSettings, PoolerSettings as Configured};
use crate::driver::act::{OrderExecutor, refused, wrong_destination};
use crate::driver::port::{NotPerformed, OrderControl, Reply};
use crate::model::name::PoolerName;
use crate::model::pooler::{PoolerReport, PoolerState};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;
use crate::model::units;

/// Between two looks whether a pause has come about, or a resume: every one of them holds clients.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// What is left of a deadline for the answer to be told.
const MARGIN: Duration = Duration::from_millis(200);
/// How long a resume may take to show.
pub(super) const RESUME_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a session that was made beforehand may take to show that it is still there.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest wait for logins that are made beforehand.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(2);

/// One pooler, with the login for acting.
pub struct PoolerActor {
    pub(super) configured: Configured,
    environment: Arc<Environment>,
    looking: PoolerSession,
    /// A session for acting, made beforehand.
    pub(super) ready: Option<AdminWriter>,
}

impl PoolerActor {
    /// The pooler that `configured` describes. Nothing is connected yet. Only where somebody may write.
    pub fn new(configured: Configured, environment: Arc<Environment>, _access: &WriteAccess) -> Self {
        let looking = PoolerSession::new(configured.clone(), Arc::clone(&environment));
        Self { configured, environment, looking, ready: None }
    }

    /// Logs in for acting, so that no login stands between a proof and what follows from it.
    ///
    /// # Errors
    /// Whatever kept it out.
    pub async fn warm(&mut self) -> Result<(), SourceError> {
        if self.ready.is_none() {
            self.ready = Some(open(&self.configured, &self.environment).await?);
        }
        Ok(())
    }

    /// How it stands.
    ///
    /// # Errors
    /// Whatever kept it from answering.
    pub async fn standing(&mut self) -> Result<PoolerReport, SourceError> {
        self.looking.standing().await
    }

    /// A session for acting that answers.
    pub(super) async fn writer(&mut self) -> Result<AdminWriter, NotPerformed> {
        if let Some(mut writer) = self.ready.take()
            && writer.is_alive(PING_TIMEOUT).await
        {
            return Ok(writer);
        }
        open(&self.configured, &self.environment).await.map_err(NotPerformed::NotSent)
    }

    /// Pauses `database`, and waits within `deadline` until no client has a server of it any more.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    pub async fn pause(&mut self, database: &Text, deadline: Duration) -> Result<Reply, NotPerformed> {
        self.pause_scope(Some(database), deadline).await
    }

    /// The same for everything where `database` is none.
    pub(super) async fn pause_scope(
        &mut self,
        database: Option<&Text>,
        deadline: Duration,
    ) -> Result<Reply, NotPerformed> {
        let began = Instant::now();
        let end = began + deadline.saturating_sub(MARGIN);
        let before = self.standing().await.map_err(NotPerformed::NotSent)?;
        match held(&before, database) {
            None => {
                let what = database.map_or_else(
                    || "it does not report whether it is paused".to_owned(),
                    |database| format!("it has no database {database}, or does not report whether it is paused"),
                );
                return Ok(Reply::refused(what));
            }
            // Ours would end with theirs, or theirs with ours.
            Some(true) => {
                let what = database.map_or("everything", Text::as_str);
                return Ok(Reply::refused(format!("{what} is paused already, by another user")));
            }
            Some(false) => {}
        }
        let mut writer = self.writer().await?;
        let command = match database {
            Some(database) => PoolerCommand::Pause(database.as_str().to_owned()),
            None => PoolerCommand::PauseAll,
        };
        let place = Text::new(self.configured.address.to_string());
        let left = end.saturating_duration_since(Instant::now());
        let mut sending = std::pin::pin!(writer.send(&command, left));
        let mut answered = false;
        loop {
            if answered {
                sleep(LOOK_INTERVAL).await;
            } else {
                match select(&mut sending, Box::pin(sleep(LOOK_INTERVAL))).await {
                    Either::Left((Ok(Ok(())), _)) => answered = true,
                    // A complaint has paused nothing. Whatever is held all the same, somebody else has paused meanwhile, and our
                    // resume would end it.
                    Either::Left((Ok(Err(refusal)), _)) => return Ok(Reply::refused(refusal.to_string())),
                    Either::Left((Err(error), _)) if Instant::now() < end => {
                        return Err(NotPerformed::NoAnswer(source_error(&error, &place, None)));
                    }
                    Either::Left((Err(_), _)) | Either::Right(_) => {}
                }
            }
            if answered || Instant::now() >= end {
                let seen = self.looking.standing().await;
                let active = seen.as_ref().ok().and_then(|seen| active(seen, database));
                let is_held = seen.as_ref().ok().and_then(|seen| held(seen, database));
                if answered && active == Some(0) && is_held == Some(true) {
                    let took = units::latency(began.elapsed());
                    return Ok(Reply::accepted(format!("PAUSE after {took}, verified: paused, no server in use")));
                }
                if Instant::now() >= end {
                    let took = units::duration(began.elapsed());
                    let words = match active {
                        None => format!("not paused after {took}: its servers are unknown"),
                        Some(0) => format!("not paused after {took}, although no server has a client"),
                        Some(active) => {
                            let holders = self.looking.holders(database).await.unwrap_or_default();
                            format!("not paused after {took}: {active} of its servers still have a client{holders}")
                        }
                    };
                    return Ok(Reply::in_doubt(words));
                }
            }
        }
    }

    /// Lets the clients of `databases` on. What reads back as flowing is done, whatever was answered.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    pub async fn resume(&mut self, databases: &[Text]) -> Result<Reply, NotPerformed> {
        let end = Instant::now() + RESUME_TIMEOUT;
        let mut writer = self.writer().await?;
        let mut words = Vec::new();
        for database in databases {
            let command = PoolerCommand::Resume(database.as_str().to_owned());
            match writer.send(&command, RESUME_TIMEOUT).await {
                Ok(Ok(())) => words.push(format!("RESUME {database}")),
                Ok(Err(refusal)) => words.push(refusal.to_string()),
                Err(error) => {
                    let place = Text::new(self.configured.address.to_string());
                    return Err(NotPerformed::NoAnswer(source_error(&error, &place, None)));
                }
            }
        }
        self.ready = Some(writer);
        loop {
            let seen = self.standing().await.map_err(NotPerformed::NoAnswer)?;
            let mut each = databases.iter().map(|database| held(&seen, Some(database)));
            if each.all(|held| held == Some(false)) {
                return Ok(Reply::accepted(format!("{}, verified: not paused", words.join(", "))));
            }
            if seen.state == PoolerState::Paused {
                let words = format!("{}, but everything is paused by another user", words.join(", "));
                return Ok(Reply::in_doubt(words));
            }
            if Instant::now() >= end {
                return Ok(Reply::in_doubt(format!("{}, but still paused", words.join(", "))));
            }
            sleep(LOOK_INTERVAL).await;
        }
    }
}

pub(super) async fn open(configured: &Configured, environment: &Arc<Environment>) -> Result<AdminWriter, SourceError> {
    let place = Text::new(configured.address.to_string());
    let Some(access) = &configured.acting else {
        let words = "no login for acting is configured ([clusters.NAME.poolers.POOLER.acting])";
        return Err(SourceError::new(FailureKind::Unsupported, configured.name.as_str(), words));
    };
    let mut password = password_for(configured, access, Arc::clone(environment));
    let secret = password.get().await.map_err(|error| error.at(&place))?;
    let opened = AdminWriter::open(access, &configured.address, secret.as_ref()).await;
    opened.map_err(|error| source_error(&error, &place, password.hint()))
}

/// Whether traffic of `database` is held, or of everything by one pause; `None`: not told.
pub(super) fn held(report: &PoolerReport, database: Option<&Text>) -> Option<bool> {
    match (report.state, database) {
        (PoolerState::Paused | PoolerState::Suspended, None) => Some(true),
        (PoolerState::Active, None) => Some(false),
        (PoolerState::Unknown, None) => None,
        (state, Some(database)) => {
            let known = report.database(database)?;
            if matches!(state, PoolerState::Paused | PoolerState::Suspended) { Some(true) } else { known.paused }
        }
    }
}

/// Its servers that somebody has, those that carry a cancel request or are kept for one among them; `None`: not told.
pub(super) fn active(report: &PoolerReport, database: Option<&Text>) -> Option<u32> {
    let is_of = |name: &Text| database.is_none_or(|database| database == name);
    let in_pools = report.pools.iter().filter(|pool| is_of(&pool.database)).map(|pool| {
        // Before 1.18 there are none of the other two to be told of.
        let others = pool.servers_canceling.unwrap_or(0).saturating_add(pool.servers_being_canceled.unwrap_or(0));
        Some(pool.servers_active?.saturating_add(others))
    });
    let in_pools: u32 = in_pools.sum::<Option<u32>>()?;
    let servers = report.servers.as_ref()?;
    let by_server: u32 = servers.iter().filter(|server| is_of(&server.database)).map(|server| server.active).sum();
    Some(in_pools.max(by_server))
}

/// The poolers of a cluster.
pub struct PoolerExecutor {
    poolers: Vec<(PoolerName, PoolerActor)>,
}

impl PoolerExecutor {
    /// The poolers that `settings` name.
    pub fn new(settings: &ClusterSettings, environment: &Arc<Environment>, access: &WriteAccess) -> Self {
        let actor = |configured: &Configured| {
            (configured.name.clone(), PoolerActor::new(configured.clone(), Arc::clone(environment), access))
        };
        Self { poolers: settings.poolers.iter().map(actor).collect() }
    }

    async fn send(&mut self, order: &Order, time_limit: Duration) -> Result<Reply, NotPerformed> {
        let Order::Pooler { pooler, request } = order else { return Err(wrong_destination(order)) };
        let known = self.poolers.iter_mut().find(|(name, _)| name == pooler);
        let Some((_, actor)) = known else { return Err(refused(pooler.as_str(), "pooler not configured")) };
        match request {
            PoolerRequest::Pause { database } => actor.pause(database, time_limit).await,
            PoolerRequest::Resume { database } => actor.resume(std::slice::from_ref(database)).await,
            PoolerRequest::PauseAll => actor.pause_scope(None, time_limit).await,
            PoolerRequest::ResumeAll => actor.resume_all().await,
            PoolerRequest::Reconnect { database } => actor.reconnect(database.as_ref()).await,
            PoolerRequest::Kill { database } => actor.kill(database).await,
        }
    }
}

impl OrderExecutor for PoolerExecutor {
    fn prepare<'a>(&'a mut self, order: &'a Order) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Order::Pooler { pooler, .. } = order else { return };
            if let Some((_, actor)) = self.poolers.iter_mut().find(|(name, _)| name == pooler) {
                // Whatever keeps it out now is told when it is needed.
                let _ = timeout(PREPARE_TIMEOUT, async { actor.warm().await.and(actor.standing().await.map(|_| ())) })
                    .await;
            }
        })
    }

    fn perform<'a>(
        &'a mut self,
        order: &'a Order,
        _: &'a Permit,
        time_limit: Duration,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(self.send(order, time_limit))
    }
}
