//! Whether a server takes writes, asked many times a second while a leader changes: one statement on a session that is
//! kept, and a new login as soon as that has ended.

use std::time::Duration;

use secrecy::SecretString;

use super::connect::{OpenedConnection, connect_for_proving};
use super::error::PostgresError;
use super::session::{drive, within};
use super::statement::Statement;
use crate::config::endpoint::PostgresAccess;

/// What a server says of itself, in one statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerAnswer {
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// System identifier.
    pub system_id: Option<u64>,
    /// Timeline of the position it writes at; `None`: in recovery.
    pub timeline: Option<u32>,
}

/// One server.
pub struct LeadChecker {
    access: PostgresAccess,
    host: String,
    port: u16,
    /// Taken out while it is asked: a call that is dropped in the middle takes the session with it.
    opened: Option<OpenedConnection>,
    /// With which words the server has ended a session, or refused one, since it last answered.
    leaving: Option<String>,
}

impl LeadChecker {
    /// The server at `host` and `port`. Nothing is connected yet.
    pub fn new(access: PostgresAccess, host: impl Into<String>, port: u16) -> Self {
        Self { access, host: host.into(), port, opened: None, leaving: None }
    }

    /// Asks, within `deadline` for each of login and answer.
    ///
    /// # Errors
    /// Whatever kept it from answering. Where the server said that it shuts down and is gone since, that.
    pub async fn ask(
        &mut self,
        password: Option<&SecretString>,
        deadline: Duration,
    ) -> Result<ServerAnswer, PostgresError> {
        if let Some(opened) = self.opened.take() {
            match self.once(opened, deadline).await {
                // A session ends before its server does: a new login tells which of the two it was.
                Err(PostgresError::NotReady(words)) => self.leaving = Some(words),
                Err(PostgresError::Closed(_)) => {}
                outcome => return outcome,
            }
        }
        let opening = connect_for_proving(&self.access, &self.host, self.port, password, deadline);
        match opening.await {
            Ok(opened) => self.once(opened, deadline).await,
            Err(PostgresError::NotReady(words)) => {
                self.leaving = Some(words.clone());
                Err(PostgresError::NotReady(words))
            }
            // Behind a proxy, a port that nobody listens on takes a connection and closes it.
            Err(error @ PostgresError::Closed(_)) => Err(self.leaving.clone().map_or(error, PostgresError::NotReady)),
            Err(error) => Err(error),
        }
    }

    async fn once(&mut self, mut opened: OpenedConnection, deadline: Duration) -> Result<ServerAnswer, PostgresError> {
        let rows = {
            let asking = opened.client.query_typed(Statement::Lead.text(0), &[]);
            within(deadline, drive(&mut opened.driving, asking))
                .await?
                .map_err(|error| PostgresError::from_wire(&error))?
        };
        let odd = || PostgresError::Protocol("unexpected response format".to_owned());
        let row = rows.first().ok_or_else(odd)?;
        let system_id: Option<String> = row.try_get(1).map_err(|_| odd())?;
        let timeline: Option<String> = row.try_get(2).map_err(|_| odd())?;
        let word = ServerAnswer {
            in_recovery: row.try_get(0).map_err(|_| odd())?,
            system_id: system_id.and_then(|text| text.parse().ok()),
            timeline: timeline.and_then(|text| u32::from_str_radix(&text, 16).ok()),
        };
        self.opened = Some(opened);
        self.leaving = None;
        Ok(word)
    }
}

impl std::fmt::Debug for LeadChecker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}
