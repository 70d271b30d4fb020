//! What single sockets tell and no sum does: where servers really are, and who waits for a login.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::DateTime;

use super::rows::{CONSOLE, wait};
use crate::client::pgbouncer::{Record, Rows};
use crate::model::pooler::{LoginWait, ServerAddress};
use crate::model::text::Text;

/// What a socket without an address shows.
const UNIX: &str = "unix";

/// Servers by database and address.
pub(super) fn servers(rows: &Rows) -> Vec<ServerAddress> {
    let mut found: BTreeMap<(&str, &str, Option<u16>), ServerAddress> = BTreeMap::new();
    for row in rows.iter() {
        let (Some(database), Some(address)) = (row.filled("database"), row.filled("addr")) else { continue };
        // Before 1.18 the path follows the word.
        let is_unix = address.starts_with(UNIX);
        let port = row.parsed("port").filter(|_| !is_unix);
        let server = found.entry((database, address, port)).or_insert_with(|| ServerAddress {
            database: Text::new(database),
            address: Text::new(address),
            port,
            connections: 0,
            active: 0,
            closing: 0,
        });
        server.connections += 1;
        server.active += u32::from(row.get("state") == Some("active"));
        server.closing += u32::from(row.parsed::<u32>("close_needed").is_some_and(|needed| needed != 0));
    }
    found.into_values().collect()
}

/// Clients that wait for their login; `None`: the answer does not tell waits.
///
/// The wait of a client is counted from the moment at which it asked for a server. Who is not let in yet, since no server has
/// been logged in to, has asked for none: it is waiting, and its wait is exactly zero.
pub(super) fn login_waits(rows: &Rows) -> Option<Vec<LoginWait>> {
    let mut found: BTreeMap<(&str, &str), LoginWait> = BTreeMap::new();
    // This console's own question is the newest request there is: the pooler's clock.
    let own = rows.iter().filter(|row| row.get("database") == Some(CONSOLE));
    let now = own.filter_map(|row| time(row, "request_time")).max();
    for row in rows.iter() {
        let (Some(database), Some(user)) = (row.filled("database"), row.get("user")) else { continue };
        if row.get("state") != Some("waiting") || !wait(row, "wait", "wait_us")?.is_zero() {
            continue;
        }
        let since = time(row, "connect_time");
        let waited = now.zip(since).and_then(|(now, since)| Duration::try_from(now.duration_since(since)).ok());
        let entry = found.entry((database, user)).or_insert_with(|| LoginWait {
            database: Text::new(database),
            user: Text::new(user),
            clients: 0,
            longest: None,
        });
        entry.clients += 1;
        entry.longest = entry.longest.max(waited);
    }
    Some(found.into_values().collect())
}

/// A time as the pooler writes it, `2026-12-01 04:46:34 UTC`. Its zone does not matter: times are compared with one another.
fn time(row: Record<'_>, column: &str) -> Option<DateTime> {
    row.get(column)?.get(..19)?.parse().ok()
}
