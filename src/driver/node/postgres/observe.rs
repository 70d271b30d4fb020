//! Observing one node.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::password::Password;
use super::report::report;
use super::settings::Remembered;
use super::trouble::source_error;
use crate::client::postgres::{PostgresError, Session, connect};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::port::{Facts, Observe, Pace};
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
    settings: Remembered,
}

impl PostgresNode {
    /// The node `member` at `address`. `environment` is where libpq's variables and files are looked for.
    pub fn new(member: &NodeName, access: PostgresAccess, address: Address, environment: Arc<Environment>) -> Self {
        Self {
            source: Source::new(SourceKind::Sql, member.as_str()),
            password: Password::new(&access, &address, environment),
            address,
            access,
            session: None,
            settings: Remembered::default(),
        }
    }

    async fn ask(&mut self) -> Result<SqlReport, SourceError> {
        if let Some(mut session) = self.session.take() {
            match session.poll(self.access.timeouts.request).await {
                Ok(sheet) => {
                    let mut report = report(sheet).map_err(|error| self.failure(&error))?;
                    let asked = self.settings.fill(&mut report, &mut session, self.access.timeouts.request).await;
                    asked.map_err(|error| self.failure(&error))?;
                    self.session = Some(session);
                    return Ok(report);
                }
                // Ended while nobody looked, by a restart or by an idle timeout: a fresh session says which.
                Err(PostgresError::Closed(_) | PostgresError::NotReady(_)) => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        let host = self.address.host.clone();
        let password = self.password.get().await.map_err(|error| error.at(&self.endpoint_text()))?;
        let opened = connect(&self.access, host.as_str(), self.address.port, password.as_ref()).await;
        let mut session = opened.map_err(|error| {
            if error.concerns_password() {
                self.password.forget();
            }
            self.failure(&error)
        })?;
        let sheet = session.poll(self.access.timeouts.request).await.map_err(|error| self.failure(&error))?;
        self.session = Some(session);
        let mut report = report(sheet).map_err(|error| self.failure(&error))?;
        // No first picture waits for the settings: they come with the next poll.
        self.settings.recall(&mut report);
        Ok(report)
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

    fn pace(&self) -> Pace {
        Pace::Each
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async { Ok(Facts::Sql(Box::new(self.ask().await?))) })
    }
}
