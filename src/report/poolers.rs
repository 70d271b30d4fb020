//! Pools of the connection poolers.

use std::time::Duration;

use super::cells;
use super::table::{Cell, Column, Table, Tone};
use super::units::{COUNT_WIDTH, DURATION_WIDTH};
use crate::model::snapshot::Snapshot;

/// Columns of [`table`]. Rows are named `pooler/database/user`.
pub const COLUMNS: &[Column] = &[
    Column::words("pooler", "POOLER", 1, 8, 24),
    Column::words("database", "DATABASE", 0, 8, 24),
    Column::words("user", "USER", 0, 8, 24),
    Column::numbers("clients-active", "CLIENTS", 0, COUNT_WIDTH),
    Column::numbers("clients-waiting", "WAITING", 0, COUNT_WIDTH),
    Column::numbers("servers-active", "SERVERS", 0, COUNT_WIDTH),
    Column::numbers("servers-idle", "IDLE", 1, COUNT_WIDTH),
    Column::numbers("longest-wait-seconds", "LONGEST", 0, DURATION_WIDTH),
    Column::words("host", "LEADS TO", 1, 8, 32),
];

/// A client that waits longer than this for a server is worth a look.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// Pools of every pooler.
pub fn table(snapshot: &Snapshot) -> Table {
    let Some(first) = snapshot.poolers.first() else {
        return Table::new(COLUMNS, "no connection pooler is configured for this cluster", "");
    };
    let mut table = match (&first.answer, &first.failure) {
        (Some(_), _) => Table::new(COLUMNS, "the pooler has no pool", ""),
        (None, Some(failure)) => {
            Table::new(COLUMNS, failure.error.to_string(), failure.error.remedy(first.source.kind))
        }
        (None, None) => Table::new(COLUMNS, "waiting for the first answer", ""),
    };
    for reading in &snapshot.poolers {
        for pool in reading.last().into_iter().flat_map(|report| &report.pools) {
            let waiting = if pool.clients_waiting > 0 { Tone::Look } else { Tone::Plain };
            let longest = if pool.longest_wait >= LONG_WAIT { Tone::Look } else { Tone::Plain };
            let cells = vec![
                cells::words(&reading.source.target, Tone::Plain),
                Cell::text(pool.database.clone(), Tone::Plain),
                Cell::text(pool.user.clone(), Tone::Plain),
                cells::count(Some(pool.clients_active.into()), Tone::Plain),
                cells::count(Some(pool.clients_waiting.into()), waiting),
                cells::count(Some(pool.servers_active.into()), Tone::Plain),
                cells::count(Some(pool.servers_idle.into()), Tone::Dim),
                cells::span(Some(pool.longest_wait), longest),
                cells::words(&pool.host, Tone::Dim),
            ];
            let id = format!("{}/{}/{}", reading.source.target, pool.database, pool.user);
            table.rows.push(cells::row(reading, snapshot.now, id, cells));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;
    use crate::model::parts::{Pool, PoolerReport};
    use crate::model::source::SourceKind;

    #[test]
    fn waiting_clients_are_worth_a_look() {
        let mut snapshot = healthy();
        let pool = Pool {
            database: "shop".into(),
            user: "app".into(),
            clients_active: 40,
            clients_waiting: 3,
            servers_active: 20,
            servers_idle: 0,
            longest_wait: seconds(2),
            host: "10.0.0.0".into(),
        };
        let report = PoolerReport { version: "1.24".into(), pools: vec![pool] };
        snapshot.poolers = vec![said(SourceKind::Pooler, "bouncer-1", 200, report)];
        insta::assert_snapshot!(drawn(&table(&snapshot)), @r"
        POOLER     DATABASE  USER       CLIENTS   WAITING   SERVERS      IDLE   LONGEST  LEADS TO
        bouncer-1  shop      app             40         3        20         0     2.0 s  10.0.0.0
        ");
        assert_eq!(table(&snapshot).rows[0].cells[4].tone, Tone::Look);
        assert_eq!(table(&healthy()).empty.reason, "no connection pooler is configured for this cluster");
    }
}
