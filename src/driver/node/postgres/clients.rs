//! Who is connected to a member's PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use super::failure_kind::source_error;
use super::password::Password;
use crate::action::pooler_traffic::ClientSession;
use crate::client::postgres::clients;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::model::agent::Address;
use crate::model::source::SourceError;
use crate::model::text::Text;

/// Every client session at `address`.
///
/// # Errors
/// Whatever kept it from answering.
pub async fn client_sessions(
    access: &PostgresAccess,
    address: &Address,
    environment: Arc<Environment>,
) -> Result<Vec<ClientSession>, SourceError> {
    let endpoint = Text::new(address.to_string());
    let mut password = Password::new(access, address, environment);
    let secret = password.get().await.map_err(|error| error.at(&endpoint))?;
    let place = (address.host.as_str(), address.port);
    let rows = clients::client_sessions(access, place, secret.as_ref(), access.timeouts.request).await;
    let rows = rows.map_err(|error| source_error(&error, &endpoint, password.hint()))?;
    let text = |value: Option<String>| value.map(Text::new).unwrap_or_default();
    let age = |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    let session = |row: clients::ClientRow| ClientSession {
        pid: row.pid,
        user: text(row.user),
        application: text(row.application),
        client: text(row.address),
        state: text(row.state),
        transaction_age: row.transaction_age.and_then(age),
        only_watches: row.only_watches,
    };
    Ok(rows.into_iter().map(session).collect())
}
