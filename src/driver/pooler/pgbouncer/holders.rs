//! Who keeps servers, and so keeps a pause from coming about.

use std::collections::BTreeMap;

use super::rows::CONSOLE;
use crate::client::pgbouncer::{Record, Rows};
use crate::model::text::Text;

/// Clients that are named one by one.
const MAX_NAMED: usize = 3;

/// Clients that have a server of `database`, or of any, by their addresses: `: held by shop from 10.0.0.9:40112, last request
/// 2026-12-01 13:05:11 UTC`. Empty where none is told.
pub(super) fn words(servers: &Rows, clients: &Rows, database: Option<&Text>) -> String {
    let by_pointer: BTreeMap<&str, Record<'_>> =
        clients.iter().filter_map(|row| Some((row.filled("ptr")?, row))).collect();
    let held = servers.iter().filter(|row| {
        let name = row.filled("database").filter(|name| *name != CONSOLE);
        let is_its = name.is_some_and(|name| database.is_none_or(|database| database == name));
        // A server that only waits is linked to nobody.
        is_its && row.filled("link").is_some()
    });
    let mut named = Vec::new();
    let mut more = 0;
    for row in held {
        if named.len() == MAX_NAMED {
            more += 1;
            continue;
        }
        named.push(match row.get("link").and_then(|link| by_pointer.get(link)) {
            Some(client) => client_words(*client),
            None => "a client that has just gone".to_owned(),
        });
    }
    if more > 0 {
        named.push(format!("{more} more"));
    }
    if named.is_empty() { String::new() } else { format!(": held by {}", named.join("; ")) }
}

fn client_words(client: Record<'_>) -> String {
    let user = client.filled("user").unwrap_or("?");
    let place = match (client.filled("addr"), client.filled("port")) {
        (Some(address), Some(port)) if port != "0" && !address.starts_with("unix") => format!("{address}:{port}"),
        (Some(address), _) => address.to_owned(),
        (None, _) => "an unknown address".to_owned(),
    };
    let since = client.filled("request_time").map(|at| format!(", last request {at}")).unwrap_or_default();
    match client.filled("application_name") {
        Some(application) => format!("{application} ({user}) from {place}{since}"),
        None => format!("{user} from {place}{since}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&str], cells: &[&[&str]]) -> Rows {
        let row = |row: &&[&str]| row.iter().map(|cell| Some((*cell).to_owned())).collect();
        Rows::new(columns.iter().map(|column| (*column).to_owned()).collect(), cells.iter().map(row).collect())
    }

    #[test]
    fn whoever_has_a_server_is_named_by_address_and_last_request() {
        let servers = rows(
            &["database", "link"],
            &[&["app", "0x1"], &["app", ""], &["billing", "0x2"], &["pgbouncer", "0x3"], &["app", "0x9"]],
        );
        let clients = rows(
            &["user", "addr", "port", "ptr", "request_time"],
            &[&["shop", "10.0.0.9", "40112", "0x1", "2026-12-01 13:05:11 UTC"], &["bill", "unix", "0", "0x2", ""]],
        );
        let of_app = words(&servers, &clients, Some(&"app".into()));
        let shop = "shop from 10.0.0.9:40112, last request 2026-12-01 13:05:11 UTC";
        assert_eq!(of_app, format!(": held by {shop}; a client that has just gone"));
        assert!(words(&servers, &clients, None).contains("bill from unix"), "a pause of everything waits for all");
        assert_eq!(words(&servers, &clients, Some(&"other".into())), "");
    }
}
