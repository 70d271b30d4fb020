//! Sessions of every node: what they do, who blocks whom, and how many each application holds.

use std::collections::BTreeSet;

use super::cells;
use super::replication::{answered, empty};
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::{AGE_WIDTH, COUNT_WIDTH, DURATION_WIDTH};
use crate::model::member::Member;
use crate::model::observed::Reading;
use crate::model::postgres::{Session, SqlPart, SqlReport};
use crate::model::snapshot::Snapshot;

/// Columns of [`activity`] and [`blockers`]. Rows are named `node/pid`.
pub const ACTIVITY: &[Column] = &[
    Column::text("node", "NODE", 1, 6, 16),
    Column::text("pid", "PID", 0, 8, 24),
    Column::text("database", "DATABASE", 3, 8, 16),
    Column::text("user", "USER", 1, 8, 16),
    Column::text("application", "APPLICATION", 2, 11, 20),
    Column::text("client", "CLIENT", 4, 9, 24),
    Column::text("state", "STATE", 0, 13, 22),
    Column::text("blocked-by", "BLOCKED BY", 0, 10, 16),
    Column::text("wait", "WAIT EVENT", 2, 9, 24),
    Column::numbers("transaction-seconds", "XACT AGE", 0, DURATION_WIDTH),
    Column::numbers("query-seconds", "QUERY AGE", 1, DURATION_WIDTH),
    Column::text("query", "STATEMENT", 0, 12, 0),
];

/// Columns of [`applications`]. Rows are named `node/application`.
pub const APPLICATIONS: &[Column] = &[
    Column::text("node", "NODE", 0, 6, 24),
    Column::text("application", "APPLICATION", 0, 11, 48),
    Column::numbers("sessions", "SESSIONS", 0, COUNT_WIDTH),
    Column::numbers("active", "ACTIVE", 0, COUNT_WIDTH),
    Column::numbers("idle-in-transaction", "IDLE IN XACT", 0, COUNT_WIDTH),
    Column::numbers("age-seconds", "AGE", 1, AGE_WIDTH),
];

/// Why a table is empty, with what to do: `nothing` only where every node that answers tells all.
fn unless_hidden(snapshot: &Snapshot, part: SqlPart, nothing: &'static str) -> (&'static str, &'static str) {
    if answered(snapshot).all(|(_, _, report)| report.knows(part)) {
        return (nothing, "");
    }
    let of_the_past = |report: &SqlReport| report.unread.iter().any(|unread| unread.why == *SqlReport::NOT_KEPT);
    if answered(snapshot).any(|(_, _, report)| of_the_past(report)) {
        return ("unknown: past sessions are not recorded", "");
    }
    (
        "unknown: session states are not visible to this role, or could not be read",
        "GRANT pg_monitor TO the monitoring role",
    )
}

/// Sessions worth showing, oldest transaction first.
pub fn activity(snapshot: &Snapshot) -> Table {
    let nothing = unless_hidden(snapshot, SqlPart::Sessions, "no active, blocked or long-running sessions");
    let mut table = empty(snapshot, ACTIVITY, nothing.0, nothing.1);
    let mut sessions: Vec<_> = answered(snapshot)
        .flat_map(|(member, reading, report)| report.sessions.iter().map(move |session| (member, reading, session)))
        .collect();
    sessions.sort_by_key(|(_, _, session)| std::cmp::Reverse((session.transaction_age, session.query_age)));
    table.rows =
        sessions.into_iter().map(|(member, reading, session)| row(snapshot, member, reading, session, "")).collect();
    table
}

/// Blocked sessions as trees below whoever blocks them. A session blocked by several stands below the first of them that
/// is not blocked by it in turn.
pub fn blockers(snapshot: &Snapshot) -> Table {
    let nothing = unless_hidden(snapshot, SqlPart::Sessions, "no blocked sessions");
    let mut table = empty(snapshot, ACTIVITY, nothing.0, nothing.1);
    for (member, reading, report) in answered(snapshot) {
        let forest = BlockingForest { snapshot, member, reading, report };
        let blocked: BTreeSet<i32> = report
            .sessions
            .iter()
            .filter(|session| !session.blocked_by.is_empty())
            .map(|session| session.pid)
            .collect();
        let blockers: BTreeSet<i32> = report.sessions.iter().flat_map(|session| session.blocked_by.clone()).collect();
        let mut shown = BTreeSet::new();
        for root in blockers.difference(&blocked) {
            forest.grow(*root, "", "", &mut shown, &mut table.rows);
        }
        // Sessions that block each other in a circle (a deadlock about to be found) have no root.
        for pid in &blocked {
            if !shown.contains(pid) {
                forest.grow(*pid, "", "", &mut shown, &mut table.rows);
            }
        }
    }
    table
}

struct BlockingForest<'a> {
    snapshot: &'a Snapshot,
    member: &'a Member,
    reading: &'a Reading<SqlReport>,
    report: &'a SqlReport,
}

impl BlockingForest<'_> {
    fn grow(&self, pid: i32, branches: &str, below: &str, shown: &mut BTreeSet<i32>, rows: &mut Vec<Row>) {
        if !shown.insert(pid) {
            return;
        }
        match self.report.sessions.iter().find(|session| session.pid == pid) {
            Some(session) => rows.push(row(self.snapshot, self.member, self.reading, session, branches)),
            None => rows.push(self.unlisted(pid, branches)),
        }
        let waits = |session: &&Session| session.blocked_by.contains(&pid) && !shown.contains(&session.pid);
        let waiting: Vec<_> = self.report.sessions.iter().filter(waits).map(|session| session.pid).collect();
        for (place, next) in waiting.iter().enumerate() {
            if shown.contains(next) {
                continue;
            }
            let last = place + 1 == waiting.len();
            let (branch, deeper) = if last { ("└─", "  ") } else { ("├─", "│ ") };
            self.grow(*next, &format!("{below}{branch}"), &format!("{below}{deeper}"), shown, rows);
        }
    }

    /// A blocker that is not among the sessions told: idle for long, a background process, or (0) a prepared
    /// transaction.
    fn unlisted(&self, pid: i32, branches: &str) -> Row {
        let (name, state) =
            if pid == 0 { ("prepared".to_owned(), "prepared transaction") } else { (pid.to_string(), "?") };
        let mut cells = vec![
            Cell::text(self.member.name.text().clone(), Tone::Plain),
            Cell::number(f64::from(pid), name, Tone::Warning).led(branches),
        ];
        cells.resize_with(ACTIVITY.len(), Cell::unknown);
        if pid == 0 {
            cells[6] = Cell::text(state, Tone::Warning);
        }
        cells::row(self.reading, self.snapshot.now, format!("{}/{pid}", self.member.name), cells)
    }
}

fn row(snapshot: &Snapshot, member: &Member, reading: &Reading<SqlReport>, session: &Session, branches: &str) -> Row {
    let waits = !session.blocked_by.is_empty() || session.wait.as_str().starts_with("Lock");
    let state = match session.state.as_str() {
        // Active in name only: it can do nothing until another lets go.
        "active" if waits => Tone::Warning,
        "active" => Tone::Ok,
        state if state.starts_with("idle in transaction") => Tone::Warning,
        _ => Tone::Dim,
    };
    let age = session.transaction_age;
    let age_tone = age.map_or(Tone::Plain, |age| tones::limits(&snapshot.thresholds.transaction_age, age));
    let blocked = if waits { Tone::Warning } else { Tone::Plain };
    let state_text = if waits && !session.state.is_empty() {
        crate::model::text::Text::new(format!("{} (Lock)", session.state))
    } else {
        session.state.clone()
    };
    let cells = vec![
        Cell::text(member.name.text().clone(), Tone::Plain),
        Cell::number(f64::from(session.pid), session.pid.to_string(), Tone::Plain).led(branches),
        cells::text_cell(&session.database, Tone::Plain),
        cells::text_cell(&session.user, Tone::Plain),
        cells::text_cell(&session.application, Tone::Plain),
        if session.client.is_empty() {
            Cell::text("local", Tone::Dim)
        } else {
            Cell::text(session.client.clone(), Tone::Dim)
        },
        cells::text_or_unknown(Some(&state_text), state),
        blocked_by(session),
        cells::text_cell(&session.wait, blocked),
        age.map_or_else(Cell::none, |age| cells::span(Some(age), age_tone)),
        session.query_age.map_or_else(Cell::none, |age| cells::span(Some(age), Tone::Plain)),
        // The role may not see it: that is unknown, not an empty query.
        cells::text_or_unknown(Some(&session.query), Tone::Plain),
    ];
    cells::row(reading, snapshot.now, format!("{}/{}", member.name, session.pid), cells)
}

/// Whom a session waits for: the first, and how many more.
fn blocked_by(session: &Session) -> Cell {
    let name = |pid: i32| if pid == 0 { "prepared".to_owned() } else { pid.to_string() };
    match session.blocked_by.as_slice() {
        [] => Cell::none(),
        [one] => Cell::number(f64::from(*one), name(*one), Tone::Warning),
        [first, rest @ ..] => {
            Cell::number(f64::from(*first), format!("{} +{}", name(*first), rest.len()), Tone::Warning)
        }
    }
}

/// Sessions by application, busiest first.
pub fn applications(snapshot: &Snapshot) -> Table {
    let nothing = unless_hidden(snapshot, SqlPart::Applications, "no clients connected to any reachable node");
    let mut table = empty(snapshot, APPLICATIONS, nothing.0, nothing.1);
    for (member, reading, report) in answered(snapshot) {
        // Without pg_monitor a foreign session is seen to be there, and not what it does.
        let reported = report.monitor;
        for load in &report.applications {
            let idle = if load.idle_in_transaction > 0 { Tone::Warning } else { Tone::Plain };
            let cells = vec![
                Cell::text(member.name.text().clone(), Tone::Plain),
                if load.application.is_empty() {
                    Cell::text("(no name)", Tone::Dim)
                } else {
                    Cell::text(load.application.clone(), Tone::Plain)
                },
                cells::count(Some(load.sessions.into()), Tone::Plain),
                cells::count(reported.then_some(load.active.into()), Tone::Plain),
                cells::count(reported.then_some(load.idle_in_transaction.into()), idle),
                cells::seen_part(reading, SqlPart::Applications, snapshot.now),
            ];
            let id = format!("{}/{}", member.name, load.application);
            table.rows.push(cells::row(reading, snapshot.now, id, cells));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;

    fn busy() -> Snapshot {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-0", |report| {
            let mut blind = session(4711, "etl", &[], None);
            blind.query = "".into();
            report.sessions = vec![
                blind,
                session(4713, "shop", &[4712], Some(20)),
                session(4714, "shop", &[4713], Some(10)),
                session(4712, "batch", &[], Some(3600)),
                session(4715, "shop", &[0], Some(5)),
            ];
        });
        snapshot
    }

    #[test]
    fn the_oldest_transaction_comes_first() {
        insta::assert_snapshot!(rendered(&activity(&busy())), @r"
        NODE    PID       DATABASE  USER      APPLICATION  CLIENT     STATE          BLOCKED BY  WAIT EVENT           XACT AGE  QUERY AGE  STATEMENT
        pg-0    4712      shop      app       batch        10.0.1.7   active         –           –                       1h 0m      2.0 s  UPDATE stock SET count = count - 1
        pg-0    4713      shop      app       shop         10.0.1.7   active (Lock)  4712        Lock: transactionid    20.0 s      2.0 s  UPDATE stock SET count = count - 1
        pg-0    4714      shop      app       shop         10.0.1.7   active (Lock)  4713        Lock: transactionid    10.0 s      2.0 s  UPDATE stock SET count = count - 1
        pg-0    4715      shop      app       shop         10.0.1.7   active (Lock)  prepared    Lock: transactionid     5.0 s      2.0 s  UPDATE stock SET count = count - 1
        pg-0    4711      shop      app       etl          10.0.1.7   active         –           –                           –      2.0 s  ?
        ");
    }

    #[test]
    fn who_waits_stands_below_who_blocks() {
        insta::assert_snapshot!(rendered(&blockers(&busy())), @r"
        NODE    PID       DATABASE  USER      APPLICATION  CLIENT     STATE                 BLOCKED BY  WAIT EVENT           XACT AGE  QUERY AGE  STATEMENT
        pg-0    prepared  ?         ?         ?            ?          prepared transaction  ?           ?                           ?          ?  ?
        pg-0    └─4715    shop      app       shop         10.0.1.7   active (Lock)         prepared    Lock: transactionid     5.0 s      2.0 s  UPDATE stock SET count = count - 1
        pg-0    4712      shop      app       batch        10.0.1.7   active                –           –                       1h 0m      2.0 s  UPDATE stock SET count = count - 1
        pg-0    └─4713    shop      app       shop         10.0.1.7   active (Lock)         4712        Lock: transactionid    20.0 s      2.0 s  UPDATE stock SET count = count - 1
        pg-0      └─4714  shop      app       shop         10.0.1.7   active (Lock)         4713        Lock: transactionid    10.0 s      2.0 s  UPDATE stock SET count = count - 1
        ");
    }

    #[test]
    fn sessions_that_block_each_other_are_each_shown_once() {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-0", |report| {
            report.sessions = vec![session(1, "a", &[2], Some(5)), session(2, "b", &[1], Some(5))];
        });
        let ids: Vec<_> = blockers(&snapshot).rows.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids, ["pg-0/1", "pg-0/2"]);
        assert_eq!(blockers(&healthy()).empty.reason, "no blocked sessions");
    }

    #[test]
    fn applications_are_counted_per_node() {
        let table = applications(&healthy());
        assert_eq!(table.rows.len(), 3);
        assert_eq!(table.rows[0].cells[4].tone, Tone::Warning);
    }
}
