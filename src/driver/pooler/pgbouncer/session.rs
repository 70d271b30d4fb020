//! A session with a pooler's console that is asked now and then, apart from the polls: many times a second while the leader
//! changes, once before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::failure_kind::source_error;
use super::observe::password;
use super::{holders, rows, sockets};
use crate::action::pooler_traffic::PoolerServer;
use crate::client::pgbouncer::{AdminReader, ConsoleError, Record, Refusal, Rows, Show};
use crate::config::Environment;
use crate::config::resolved::PoolerSettings as Configured;
use crate::driver::node::postgres::Password;
use crate::model::pooler::PoolerReport;
use crate::model::source::SourceError;
use crate::model::text::Text;

/// The console of one pooler, with the login for looking.
pub struct PoolerSession {
    configured: Configured,
    password: Password,
    /// Taken out while it is asked: a call that is dropped in the middle takes the session with it.
    session: Option<AdminReader>,
}

impl PoolerSession {
    /// The pooler that `configured` describes. Nothing is connected yet.
    pub fn new(configured: Configured, environment: Arc<Environment>) -> Self {
        Self { password: password(&configured, environment), configured, session: None }
    }

    /// Its state, databases and servers.
    ///
    /// # Errors
    /// Whatever kept it from answering.
    pub async fn standing(&mut self) -> Result<PoolerReport, SourceError> {
        let mut answers = self.ask(&[Show::State, Show::Databases, Show::Servers, Show::Pools]).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Err(Refusal::Unknown));
        let state = next().map(|answer| rows::state(&answer)).unwrap_or_default();
        let databases = next().map_err(|refusal| self.failure(&odd(Show::Databases, &refusal)))?;
        let servers = next().ok().map(|answer| sockets::servers(&answer));
        let pools = next().map_err(|refusal| self.failure(&odd(Show::Pools, &refusal)))?;
        Ok(PoolerReport {
            state,
            databases: rows::databases(&databases, &self.configured.databases),
            servers,
            pools: rows::pools(&pools),
            ..PoolerReport::default()
        })
    }

    /// Its server connections, one by one, each with the client that has it.
    ///
    /// # Errors
    /// Whatever kept it from answering.
    pub async fn servers(&mut self) -> Result<Vec<PoolerServer>, SourceError> {
        let mut answers = self.ask(&[Show::Servers, Show::Clients]).await?.into_iter();
        let mut next = |show| answers.next().unwrap_or(Err(Refusal::Unknown)).map_err(|refusal| odd(show, &refusal));
        let servers = next(Show::Servers).map_err(|error| self.failure(&error))?;
        let clients = next(Show::Clients).map_err(|error| self.failure(&error))?;
        Ok(linked(&servers, &clients))
    }

    /// Who has servers of `database`, or of any, in words to be put behind others: each by its address, and since when it has
    /// said nothing. Empty where nobody has.
    ///
    /// # Errors
    /// Whatever kept it from answering.
    pub(super) async fn holders(&mut self, database: Option<&Text>) -> Result<String, SourceError> {
        let mut answers = self.ask(&[Show::Servers, Show::Clients]).await?.into_iter();
        let mut next = |show| answers.next().unwrap_or(Err(Refusal::Unknown)).map_err(|refusal| odd(show, &refusal));
        let servers = next(Show::Servers).map_err(|error| self.failure(&error))?;
        let clients = next(Show::Clients).map_err(|error| self.failure(&error))?;
        Ok(holders::words(&servers, &clients, database))
    }

    async fn ask(&mut self, asked: &[Show]) -> Result<Vec<Result<Rows, Refusal>>, SourceError> {
        let deadline = self.configured.access.timeouts.request;
        if let Some(mut session) = self.session.take() {
            match session.ask(asked, deadline).await {
                Ok(answers) => {
                    self.session = Some(session);
                    return Ok(answers);
                }
                Err(error) if error.is_closed() => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        let endpoint = Text::new(self.configured.address.to_string());
        let password = self.password.get().await.map_err(|error| error.at(&endpoint))?;
        let opened = AdminReader::open(&self.configured.access, &self.configured.address, password.as_ref()).await;
        let mut session = opened.map_err(|error| {
            if error.concerns_password() {
                self.password.forget();
            }
            self.failure(&error)
        })?;
        let answers = session.ask(asked, deadline).await.map_err(|error| self.failure(&error))?;
        self.session = Some(session);
        Ok(answers)
    }

    fn failure(&self, error: &ConsoleError) -> SourceError {
        source_error(error, &Text::new(self.configured.address.to_string()), self.password.hint())
    }
}

fn odd(show: Show, refusal: &Refusal) -> ConsoleError {
    ConsoleError::Foreign(format!("{}: {refusal}", show.as_str()))
}

/// Servers with their clients: each row of one names that of the other by its address in the process.
fn linked(servers: &Rows, clients: &Rows) -> Vec<PoolerServer> {
    let client = |row: Record<'_>| {
        let (user, address) = (row.get("user").unwrap_or_default(), row.get("addr").unwrap_or_default());
        Text::redacted(match row.filled("application_name") {
            Some(application) => format!("{application} ({user}) from {address}"),
            None => format!("{user} from {address}"),
        })
    };
    let clients: BTreeMap<&str, Text> =
        clients.iter().filter_map(|row| Some((row.filled("ptr")?, client(row)))).collect();
    let server = |row: Record<'_>| {
        let link = row.filled("link");
        Some(PoolerServer {
            database: Text::new(row.filled("database")?),
            pid: row.parsed("remote_pid").filter(|pid| *pid != 0),
            client: link.map(|link| clients.get(link).cloned().unwrap_or_else(|| Text::new("a client"))),
        })
    };
    servers.iter().filter_map(server).filter(|server| server.database != *rows::CONSOLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_backend_and_the_client_that_has_it() {
        let rows = |columns: &[&str], cells: &[&[&str]]| {
            let row = |row: &&[&str]| row.iter().map(|cell| Some((*cell).to_owned())).collect();
            Rows::new(columns.iter().map(|column| (*column).to_owned()).collect(), cells.iter().map(row).collect())
        };
        let servers = rows(
            &["database", "state", "ptr", "link", "remote_pid"],
            &[
                &["app", "active", "0x2", "0x1", "77"],
                &["app", "idle", "0x3", "", "78"],
                &["app", "new", "0x4", "", "0"],
            ],
        );
        let clients = rows(&["user", "addr", "ptr", "application_name"], &[&["shop", "10.0.0.9", "0x1", "till"]]);
        let found = linked(&servers, &clients);
        let seen: Vec<_> = found.iter().map(|server| (server.pid, server.client.as_ref().map(Text::as_str))).collect();
        assert_eq!(seen, [(Some(77), Some("till (shop) from 10.0.0.9")), (Some(78), None), (None, None)]);
    }
}
