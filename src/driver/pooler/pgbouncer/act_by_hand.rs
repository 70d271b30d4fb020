//! What an operator alone asks of a pooler: resuming everything, having servers opened anew, dropping a database's clients.
//! Each is told from what the console shows on another session; refusals are not read, since a resume that another hand has made
//! is refused in as many ways as there are versions.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::act::{LOOK_INTERVAL, PoolerActor, RESUME_TIMEOUT, active, held};
use super::failure_kind::source_error;
use crate::client::pgbouncer::{PoolerCommand, Refusal};
use crate::driver::port::{NotPerformed, Reply};
use crate::model::pooler::{PoolerReport, PoolerState};
use crate::model::text::Text;

/// How long servers that nobody has may take to be closed: those that a client has stay for as long as it has them.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

impl PoolerActor {
    /// Lets everything on that one pause holds. What reads back as flowing is done, whatever was answered.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    pub(super) async fn resume_all(&mut self) -> Result<Reply, NotPerformed> {
        let end = Instant::now() + RESUME_TIMEOUT;
        let answered = self.order(&PoolerCommand::ResumeAll).await?;
        let words = answered.map_or_else(|refusal| refusal.to_string(), |()| "RESUME".to_owned());
        loop {
            let seen = self.standing().await.map_err(NotPerformed::NoAnswer)?;
            if seen.state == PoolerState::Active {
                return Ok(Reply::accepted(format!("{words}, verified: not paused{}", still_paused(&seen))));
            }
            if Instant::now() >= end {
                return Ok(Reply::in_doubt(match seen.state {
                    PoolerState::Unknown => format!("{words}, but this version does not report whether it is paused"),
                    _ => format!("{words}, but it is still {}", seen.state.as_str()),
                }));
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Has servers of `database`, or all of them, opened anew.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    pub(super) async fn reconnect(&mut self, database: Option<&Text>) -> Result<Reply, NotPerformed> {
        let command = PoolerCommand::Reconnect(database.map(|name| name.as_str().to_owned()));
        if let Err(refusal) = self.order(&command).await? {
            return Ok(Reply::refused(refusal.to_string()));
        }
        let end = Instant::now() + CLOSING_TIMEOUT;
        loop {
            let seen = self.standing().await.map_err(NotPerformed::NoAnswer)?;
            match closing(&seen, database) {
                Some(0) => return Ok(Reply::accepted("RECONNECT, verified: no server of before is left")),
                Some(left) if Instant::now() >= end => {
                    let words = format!("RECONNECT; {left} servers are closed once their clients let go of them");
                    return Ok(Reply::accepted(words));
                }
                None if Instant::now() >= end => {
                    return Ok(Reply::accepted("RECONNECT; its servers could not be verified"));
                }
                Some(_) | None => sleep(LOOK_INTERVAL).await,
            }
        }
    }

    /// Drops the clients and servers of `database`, which stays paused.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    pub(super) async fn kill(&mut self, database: &Text) -> Result<Reply, NotPerformed> {
        let command = PoolerCommand::Kill(database.as_str().to_owned());
        if let Err(refusal) = self.order(&command).await? {
            return Ok(Reply::refused(refusal.to_string()));
        }
        let seen = self.standing().await.map_err(NotPerformed::NoAnswer)?;
        Ok(match (held(&seen, Some(database)), active(&seen, Some(database))) {
            (Some(true), Some(0)) => Reply::accepted("KILL, verified: its clients are gone, and it is paused"),
            (Some(true), Some(left)) => {
                Reply::accepted(format!("KILL, paused; {left} of its servers are still in use"))
            }
            (Some(false), _) => Reply::in_doubt("KILL, but it is not paused: another user has resumed it"),
            (Some(true), None) | (None, _) => Reply::in_doubt("KILL; its state could not be verified"),
        })
    }

    /// Sends `command`, once. A refusal leaves the session good.
    async fn order(&mut self, command: &PoolerCommand) -> Result<Result<(), Refusal>, NotPerformed> {
        let mut writer = self.writer().await?;
        match writer.send(command, RESUME_TIMEOUT).await {
            Ok(answered) => {
                self.ready = Some(writer);
                Ok(answered)
            }
            Err(error) => {
                let place = Text::new(self.configured.address.to_string());
                Err(NotPerformed::NoAnswer(source_error(&error, &place, None)))
            }
        }
    }
}

/// Databases that are paused by themselves, whatever holds for the process.
fn still_paused(report: &PoolerReport) -> String {
    let paused = report.databases.iter().filter(|database| database.paused == Some(true));
    let names: Vec<&str> = paused.map(|database| database.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!("; paused by themselves: {}", names.join(", ")) }
}

/// Servers that are marked to be closed; `None`: not told.
fn closing(report: &PoolerReport, database: Option<&Text>) -> Option<u32> {
    let servers = report.servers.as_ref()?;
    let its = servers.iter().filter(|server| database.is_none_or(|database| server.database == *database));
    Some(its.map(|server| server.closing).sum())
}
