//! Who is connected to a server: every client session, once, for a decision about all of them.

use std::time::Duration;

use secrecy::SecretString;

use super::connect::connect_for_proving;
use super::error::PostgresError;
use super::session::{drive, within};
use super::statement::Statement;
use crate::config::endpoint::PostgresAccess;

/// One session.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientRow {
    /// Backend.
    pub pid: i32,
    /// Role.
    pub user: Option<String>,
    /// `application_name`; `None`: this role may not see it.
    pub application: Option<String>,
    /// Client address; `None`: a local socket, or not seen.
    pub address: Option<String>,
    /// State.
    pub state: Option<String>,
    /// Seconds since its transaction began.
    pub transaction_age: Option<f64>,
    /// Its role is a member of `pg_monitor` and no superuser.
    pub only_watches: bool,
}

/// Every client session of the server at `host` and `port`, within `deadline` for each of login and answer.
///
/// # Errors
/// Whatever kept it from answering.
pub async fn client_sessions(
    access: &PostgresAccess,
    (host, port): (&str, u16),
    password: Option<&SecretString>,
    deadline: Duration,
) -> Result<Vec<ClientRow>, PostgresError> {
    let mut opened = connect_for_proving(access, host, port, password, deadline).await?;
    let asking = opened.client.query_typed(Statement::Clients.text(0), &[]);
    let rows = within(deadline, drive(&mut opened.driving, asking)).await?;
    let rows = rows.map_err(|error| PostgresError::from_wire(&error))?;
    let odd = |_| PostgresError::Protocol("unexpected response format".to_owned());
    let row = |row: &tokio_postgres::Row| {
        Ok(ClientRow {
            pid: row.try_get(0).map_err(odd)?,
            user: row.try_get(1).map_err(odd)?,
            application: row.try_get(2).map_err(odd)?,
            address: row.try_get(3).map_err(odd)?,
            state: row.try_get(4).map_err(odd)?,
            transaction_age: row.try_get(5).map_err(odd)?,
            only_watches: row.try_get(6).map_err(odd)?,
        })
    };
    rows.iter().map(row).collect()
}
