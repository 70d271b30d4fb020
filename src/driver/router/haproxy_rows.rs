//! From HAProxy's statistics table to the model's rows. Columns come and go with versions; a cell that is not there
//! stays unknown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::haproxy::{StatRow, StatTable};
use crate::model::router::{HealthCheck, ProxyKind, ProxyRow, ProxyStatus, RouterInfo};
use crate::model::text::Text;

/// Every row of the table. `address` knows addresses of servers that the table leaves out.
pub(super) fn rows(table: &StatTable, address: impl Fn(&str, &str) -> Option<String>) -> Vec<ProxyRow> {
    table.rows().map(|row| proxy_row(&row, &address)).collect()
}

fn proxy_row(row: &StatRow<'_>, address: &impl Fn(&str, &str) -> Option<String>) -> ProxyRow {
    let number = |column| row.number(column);
    let seconds = |column| row.number(column).map(Duration::from_secs);
    let text = |column| Text::new(row.get(column).unwrap_or_default());
    let (proxy, server) = (row.get("pxname").unwrap_or_default(), row.get("svname").unwrap_or_default());
    let kind = kind(row, server);
    let known = row.get("addr").map(ToOwned::to_owned).or_else(|| address(proxy, server));
    ProxyRow {
        proxy: Text::new(proxy),
        server: Text::new(server),
        kind,
        status: ProxyStatus::from_word(text("status").as_str()),
        sessions: number("scur"),
        sessions_max: number("smax"),
        sessions_limit: number("slim"),
        sessions_total: number("stot"),
        rate: number("rate"),
        rate_max: number("rate_max"),
        queue: number("qcur"),
        queue_max: number("qmax"),
        bytes_in: number("bin"),
        bytes_out: number("bout"),
        errors_connection: number("econ"),
        errors_response: number("eresp"),
        retries: number("wretr"),
        redispatches: number("wredis"),
        aborts_client: number("cli_abrt"),
        aborts_server: number("srv_abrt"),
        active: number("act"),
        backup: number("bck"),
        weight: number("weight"),
        check: check(row),
        check_failures: number("chkfail"),
        downs: number("chkdown"),
        last_change: seconds("lastchg"),
        downtime: seconds("downtime"),
        // -1 means never.
        last_session: seconds("lastsess"),
        connect_time: number("ctime").map(Duration::from_millis),
        address: known.map(Text::new),
    }
}

fn kind(row: &StatRow<'_>, server: &str) -> ProxyKind {
    match (row.get("type"), server) {
        (Some("0"), _) | (None, "FRONTEND") => ProxyKind::Frontend,
        (Some("1"), _) | (None, "BACKEND") => ProxyKind::Backend,
        (Some("3"), _) => ProxyKind::Listener,
        (Some(_) | None, _) => ProxyKind::Server,
    }
}

/// `* L7OK` is the last result while the next check runs. The words are what the check says of itself and, where
/// there was one, what was answered.
fn check(row: &StatRow<'_>) -> Option<HealthCheck> {
    let status = row.get("check_status")?;
    let result = status.trim_start_matches(['*', ' ']);
    let words: Vec<_> = [row.get("check_desc"), row.get("last_chk")].into_iter().flatten().collect();
    Some(HealthCheck {
        result: Text::new(result),
        code: row.number("check_code").and_then(|code| u16::try_from(code).ok()),
        took: row.number("check_duration").map(Duration::from_millis),
        description: Text::new(words.join(": ")),
        in_progress: status.starts_with('*'),
    })
}

/// The process, where `show info` tells all of it.
pub(super) fn info(pairs: &BTreeMap<String, String>) -> Option<RouterInfo> {
    let number = |key: &str| pairs.get(key)?.parse::<u64>().ok();
    Some(RouterInfo {
        version: Text::new(pairs.get("Version")?),
        uptime: Duration::from_secs(number("Uptime_sec")?),
        connections: number("CurrConns")?,
        max_connections: number("Maxconn")?,
        idle_percent: number("Idle_pct").and_then(|percent| u8::try_from(percent).ok()),
    })
}
