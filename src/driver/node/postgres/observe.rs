//! Observing one node.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::failure_kind::source_error;
use super::password::Password;
use super::report::report;
use super::settings::{self, CachedSettings};
use super::slow::{Slow, SlowSchedule};
use crate::client::postgres::{PostgresError, QueryScope, Session, connect};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::agent::Address;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::postgres::SqlReport;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// PostgreSQL of one node as a source.
pub struct PostgresNode {
    source: Source,
    address: Address,
    access: PostgresAccess,
    password: Password,
    /// Taken out while it is asked: a call that is dropped in the middle takes the session with it.
    session: Option<Session>,
    settings: CachedSettings,
    schedule: SlowSchedule,
    slow: Option<Slow>,
}

impl PostgresNode {
    /// The node `member` at `address`. `environment` is where libpq's variables and files are looked for.
    pub fn new(member: &NodeName, access: PostgresAccess, address: Address, environment: Arc<Environment>) -> Self {
        Self {
            source: Source::new(SourceKind::Sql, member.as_str()),
            password: Password::new(&access, &address, environment),
            schedule: SlowSchedule::of(&address),
            address,
            access,
            session: None,
            settings: CachedSettings::default(),
            slow: None,
        }
    }

    async fn ask(&mut self, now: Moment) -> Result<SqlReport, SourceError> {
        if let Some(mut session) = self.session.take() {
            match self.poll(&mut session, now).await {
                Ok((mut report, is_whole)) => {
                    if is_whole || !self.settings.is_reported() {
                        let filled = self.settings.fill(&mut report, &mut session, self.access.timeouts.request).await;
                        filled.map_err(|error| self.failure(&error))?;
                    } else {
                        self.settings.recall(&mut report);
                    }
                    self.session = Some(session);
                    return Ok(report);
                }
                // Ended while nobody looked, by a restart or by an idle timeout: a fresh session says which.
                Err(PostgresError::Closed(_) | PostgresError::NotReady(_)) => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        // Nothing that an earlier session told is kept: another server may be there by now.
        self.slow = None;
        let host = self.address.host.clone();
        let password = self.password.get().await.map_err(|error| error.at(&self.endpoint_text()))?;
        let opened = connect(&self.access, host.as_str(), self.address.port, password.as_ref()).await;
        let mut session = opened.map_err(|error| {
            if error.concerns_password() {
                self.password.forget();
            }
            self.failure(&error)
        })?;
        let (mut report, _) = self.poll(&mut session, now).await.map_err(|error| self.failure(&error))?;
        if settings::are_urgent(&report) {
            let filled = self.settings.fill(&mut report, &mut session, self.access.timeouts.request).await;
            filled.map_err(|error| self.failure(&error))?;
        } else {
            // No first picture waits for the settings: they come with the next poll.
            self.settings.recall(&mut report);
        }
        self.session = Some(session);
        Ok(report)
    }

    /// What the server tells, and whether everything was asked for.
    async fn poll(&mut self, session: &mut Session, now: Moment) -> Result<(SqlReport, bool), PostgresError> {
        let deadline = self.access.timeouts.request;
        let is_due = self.slow.is_none() || self.schedule.is_due(now);
        let (poll_result, mut slow) =
            session.poll(if is_due { QueryScope::Whole } else { QueryScope::Each }, deadline).await?;
        let mut report = report(poll_result)?;
        if slow.is_none() && self.schedule.is_moved_by(&report) {
            slow = Some(session.poll_slow(deadline).await?);
        }
        let is_whole = slow.is_some();
        if let Some(poll_result) = slow {
            self.schedule.asked(now, &report);
            self.slow = Some(Slow::new(poll_result, now, report.monitor));
        }
        if let Some(slow) = &self.slow {
            slow.put_into(&mut report, now);
        }
        Ok((report, is_whole))
    }

    fn endpoint_text(&self) -> Text {
        Text::new(self.address.to_string())
    }

    fn failure(&self, error: &PostgresError) -> SourceError {
        source_error(error, &self.endpoint_text(), self.password.hint())
    }
}

impl Observe for PostgresNode {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.endpoint_text()
    }

    fn pace(&self) -> PollPace {
        PollPace::Each
    }

    fn demand_all(&mut self) {
        self.schedule.demand();
    }

    fn observe(&mut self, now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move { Ok(Facts::Sql(Box::new(self.ask(now).await?))) })
    }
}
