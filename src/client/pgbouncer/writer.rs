//! A session with the admin console that pauses, resumes, reconnects, kills and reloads, and does nothing else: what sets flags
//! that no command clears (`WAIT_CLOSE`), or ends the process, does not exist here. Whether it has is not in the
//! answer: an old version answers RELOAD where it has refused the file, a PAUSE after a `WAIT_CLOSE` is answered at once, and
//! RESUME is an error where another has resumed. Whoever sends looks afterwards, by another session.

use std::time::Duration;

use secrecy::SecretString;

use super::error::{ConsoleError, Refusal};
use super::reader::{AdminReader, Show};
use crate::config::endpoint::{PoolerAddress, PostgresAccess};

/// The statements that exist here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PoolerCommand {
    /// `PAUSE` of one database.
    Pause(String),
    /// `RESUME` of one database.
    Resume(String),
    /// `PAUSE` of everything.
    PauseAll,
    /// `RESUME` of everything; a database that is paused by itself stays so.
    ResumeAll,
    /// `RECONNECT` of one database, or of all.
    Reconnect(Option<String>),
    /// `KILL` of one database.
    Kill(String),
    /// `RELOAD`.
    Reload,
}

impl PoolerCommand {
    /// The statement.
    pub fn statement(&self) -> String {
        match self.name() {
            Some(name) => format!("{} \"{}\"", self.word(), name.replace('"', "\"\"")),
            None => self.word().to_owned(),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Pause(name) | Self::Resume(name) | Self::Kill(name) => Some(name),
            Self::Reconnect(name) => name.as_deref(),
            Self::PauseAll | Self::ResumeAll | Self::Reload => None,
        }
    }

    /// The word that begins it, with which PgBouncer answers as well.
    fn word(&self) -> &'static str {
        match self {
            Self::Pause(_) | Self::PauseAll => "PAUSE",
            Self::Resume(_) | Self::ResumeAll => "RESUME",
            Self::Reconnect(_) => "RECONNECT",
            Self::Kill(_) => "KILL",
            Self::Reload => "RELOAD",
        }
    }
}

/// A session with the admin console that can act.
pub struct AdminWriter(AdminReader);

impl AdminWriter {
    /// Opens a session at `address` with the login for acting, within the deadline that `access` sets.
    ///
    /// # Errors
    /// Whatever kept it from being opened; nothing was sent.
    pub async fn open(
        access: &PostgresAccess,
        address: &PoolerAddress,
        password: Option<&SecretString>,
    ) -> Result<Self, ConsoleError> {
        AdminReader::open(access, address, password).await.map(Self)
    }

    /// Whether the far end still answers; otherwise the session must not be used again.
    pub async fn is_alive(&mut self, deadline: Duration) -> bool {
        self.0.ask(&[Show::Version], deadline).await.is_ok()
    }

    /// Sends `command`, once. A complaint is a [`Refusal`]. After an error, or when the future was dropped, the session must
    /// not be used again; dropping it takes nothing back.
    ///
    /// # Errors
    /// No answer within `deadline`, or the connection ended: it may have happened.
    pub async fn send(
        &mut self,
        command: &PoolerCommand,
        deadline: Duration,
    ) -> Result<Result<(), Refusal>, ConsoleError> {
        self.0.command(&command.statement(), command.word(), deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_and_ends_no_statement() {
        assert_eq!(PoolerCommand::PauseAll.statement(), "PAUSE");
        assert_eq!(PoolerCommand::Reconnect(None).statement(), "RECONNECT");
        assert_eq!(PoolerCommand::Kill("App".to_owned()).statement(), "KILL \"App\"");
        assert_eq!(PoolerCommand::Pause("app".to_owned()).statement(), "PAUSE \"app\"");
        assert_eq!(PoolerCommand::Resume("a\"; KILL b".to_owned()).statement(), "RESUME \"a\"\"; KILL b\"");
    }
}
