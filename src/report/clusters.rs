//! All clusters at a glance, worst first; one that cannot be seen comes before one that is well.

use jiff::{SignedDuration, Timestamp};

use super::cells;
use super::line::Line;
use super::routing;
use super::summary::{Summary, summary};
use super::symbol::Mark;
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::{BYTES_WIDTH, DURATION_WIDTH};
use crate::model::finding::{Consequence, Severity};
use crate::model::router::PoolPurpose;
use crate::model::snapshot::{ClusterHealth, Snapshot};

/// Columns of [`table`]. Rows are named by their cluster.
pub const COLUMNS: &[Column] = &[
    Column::text("cluster", "CLUSTER", 0, 12, 32),
    Column::text("wellbeing", "HEALTH", 0, 8, 8),
    Column::text("leader", "LEADER", 0, 9, 24),
    Column::numbers("timeline", "TL", 2, 4),
    Column::text("members", "MEMBERS", 0, 7, 9),
    Column::numbers("lag-bytes", "LAG", 1, BYTES_WIDTH),
    Column::text("dcs", "DCS", 1, 3, 7),
    Column::text("router", "ROUTER", 2, 10, 32),
    Column::numbers("blocked", "BLOCKED", 1, 7),
    Column::text("finding", "WORST FINDING", 0, 14, 0),
    Column::numbers("age-seconds", "AGE", 1, DURATION_WIDTH),
];

/// A cluster's row, and what decides on its place among the others. Made once a picture: a fleet is drawn far more
/// often than each of its clusters changes.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// How the cluster does.
    pub cluster_health: ClusterHealth,
    urgency: Urgency,
    row: Row,
}

/// The entry of one cluster.
pub fn entry(snapshot: &Snapshot) -> Entry {
    let summary = summary(snapshot, snapshot.now);
    Entry { cluster_health: summary.cluster_health, urgency: urgency(snapshot), row: row(&summary, snapshot) }
}

/// One row a cluster, the one that most wants to be looked at first.
pub fn arrange<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Table {
    let mut all: Vec<&Entry> = entries.into_iter().collect();
    all.sort_by(|a, b| b.urgency.cmp(&a.urgency).then_with(|| a.row.id.cmp(&b.row.id)));
    let mut table =
        Table::new(COLUMNS, "no cluster is configured", "run `pgctl-tui init --patroni URL` to write a configuration");
    table.rows = all.into_iter().map(|entry| entry.row.clone()).collect();
    table
}

/// The same from pictures.
pub fn table<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Table {
    let entries: Vec<Entry> = snapshots.into_iter().map(entry).collect();
    arrange(&entries)
}

/// How much a cluster wants to be looked at, the greater the more: act, unknown, look, well; then by its worst finding, in
/// the order of [`Finding::urgency`](crate::model::finding::Finding::urgency).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Urgency {
    rank: u8,
    worst: Option<(Severity, Consequence)>,
    /// When the worst began, on the wall clock: observers' own clocks cannot be compared.
    began: Option<Timestamp>,
}

impl Urgency {
    /// The same for a cluster that is not seen as it thinks it is.
    #[must_use]
    pub fn as_if(self, cluster_health: ClusterHealth) -> Self {
        Self { rank: rank(cluster_health), ..self }
    }
}

/// How much a cluster wants to be looked at.
pub fn urgency(snapshot: &Snapshot) -> Urgency {
    let worst = snapshot.worst();
    let began = worst.and_then(|worst| worst.since).and_then(|since| {
        let ago = SignedDuration::try_from(snapshot.now.since(since)).ok()?;
        snapshot.wall.checked_sub(ago).ok()
    });
    Urgency {
        rank: rank(snapshot.cluster_health()),
        worst: worst.map(|worst| (worst.severity, worst.consequence)),
        began,
    }
}

fn rank(cluster_health: ClusterHealth) -> u8 {
    match cluster_health {
        ClusterHealth::Critical => 3,
        ClusterHealth::Unknown => 2,
        ClusterHealth::Warning => 1,
        ClusterHealth::Ok => 0,
    }
}

/// How a cluster does, as it is shown: the words of findings.
pub fn state(cluster_health: ClusterHealth) -> &'static str {
    match cluster_health {
        ClusterHealth::Critical => "CRITICAL",
        ClusterHealth::Unknown => "UNKNOWN",
        ClusterHealth::Warning => "WARNING",
        ClusterHealth::Ok => "OK",
    }
}

/// How many clusters are in each state, the worst first: `2 CRITICAL   3 WARNING   25 OK`. A state without any is left out.
pub fn totals(states: impl IntoIterator<Item = ClusterHealth>) -> Line {
    let states: Vec<ClusterHealth> = states.into_iter().collect();
    let mut line = Line::new();
    for state_of in [ClusterHealth::Critical, ClusterHealth::Unknown, ClusterHealth::Warning, ClusterHealth::Ok] {
        let count = states.iter().filter(|other| **other == state_of).count();
        if count > 0 {
            let gap = if line.spans.is_empty() { "" } else { "   " };
            line.push(gap, Tone::Plain);
            line.push(format!("{count} {}", state(state_of)), tones::cluster_health(state_of));
        }
    }
    line
}

/// How a cluster does, in the word that scripts read.
pub fn as_str(cluster_health: ClusterHealth) -> &'static str {
    match cluster_health {
        ClusterHealth::Critical => "critical",
        ClusterHealth::Unknown => "unknown",
        ClusterHealth::Warning => "warning",
        ClusterHealth::Ok => "ok",
    }
}

fn row(summary: &Summary, snapshot: &Snapshot) -> Row {
    let mark = match summary.cluster_health {
        ClusterHealth::Critical => Mark::Failed,
        ClusterHealth::Warning => Mark::Warning,
        ClusterHealth::Ok => Mark::Ok,
        ClusterHealth::Unknown if snapshot.sources().iter().all(|status| status.failure_kind.is_none()) => {
            Mark::Waiting
        }
        ClusterHealth::Unknown => Mark::Silent,
    };
    let span = |span: &super::line::Span| {
        if span.text == *super::table::UNKNOWN { Cell::unknown() } else { Cell::text(span.text.clone(), span.tone) }
    };
    let worst_lag = super::summary::worst_lag(snapshot);
    let cells = vec![
        Cell::text(summary.cluster.text().clone(), Tone::Strong).marked(mark),
        Cell::ranked(
            rank(summary.cluster_health).into(),
            state(summary.cluster_health),
            tones::cluster_health(summary.cluster_health),
        ),
        span(&summary.leader),
        cells::fact_cell(snapshot.timeline(), |timeline| {
            Cell::number(f64::from(timeline.0), timeline.to_string(), Tone::Plain)
        }),
        span(&summary.members),
        cells::fact_cell(worst_lag, |lag| cells::bytes(Some(lag), tones::limits(&snapshot.thresholds.lag_bytes, lag))),
        summary.dcs.as_ref().map_or_else(Cell::none, span),
        router(snapshot),
        blocked(snapshot),
        // While a finding is in the making its reason is there too: a colour without a word explains nothing.
        summary.headline().map_or_else(
            || Cell::text("", Tone::Plain),
            |line| Cell::text(line.text(), line.spans.first().map_or(Tone::Plain, |span| span.tone)),
        ),
        cells::span(summary.age, Tone::Dim),
    ];
    Row { id: summary.cluster.text().clone(), cells }
}

/// Sessions that wait for another's lock.
fn blocked(snapshot: &Snapshot) -> Cell {
    let readings = || snapshot.members.iter().filter_map(|member| member.sql.as_ref());
    if readings().next().is_none() {
        return Cell::none();
    }
    let mut fresh = readings().filter_map(|reading| reading.fresh(snapshot.now)).peekable();
    if fresh.peek().is_none() {
        return Cell::unknown();
    }
    let count: usize = fresh.map(|report| report.blocked().count()).sum();
    if count == 0 { Cell::number(0.0, "–", Tone::Dim) } else { cells::count(Some(count as u64), Tone::Warning) }
}

/// Where writes go.
fn router(snapshot: &Snapshot) -> Cell {
    if snapshot.routers.is_empty() {
        return Cell::none();
    }
    let fresh =
        snapshot.routers.iter().any(|router| router.reading(snapshot.now).is_some_and(|r| r.is_fresh(snapshot.now)));
    if !fresh {
        return Cell::unknown();
    }
    let mut odd = false;
    let mut up: Vec<_> = routing::servers(snapshot)
        .filter(|server| server.purpose == PoolPurpose::Write && server.takes_traffic(snapshot))
        .map(|server| {
            odd |= routing::routing_anomaly(snapshot, &server).is_some();
            server.row.server.clone()
        })
        .collect();
    up.sort();
    up.dedup();
    let names: Vec<_> = up.iter().map(ToString::to_string).collect();
    match names.len() {
        0 => Cell::text("→ no node", Tone::Critical),
        1 if !odd => Cell::text(format!("→ {}", names[0]), Tone::Plain),
        _ => Cell::text(format!("→ {}", names.join(", ")), Tone::Critical),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;
    use crate::model::finding::Finding;
    use crate::model::name::ClusterName;

    #[test]
    fn the_worst_comes_first_and_the_unseen_before_the_healthy() {
        let named = |name: &str, mut snapshot: Snapshot| {
            snapshot.identity.name = ClusterName::new(name);
            snapshot
        };
        let mut warned = named("b-warned", healthy());
        warned.findings = findings();
        let mut broken = named("z-broken", split());
        broken.findings = findings();
        broken.findings[0] = Finding { severity: Severity::Critical, ..broken.findings[0].clone() };
        let all =
            [named("a-well", healthy()), warned, named("c-unseen", bare()), named("d-waiting", waiting()), broken];
        let table = table(&all);
        let order: Vec<_> = table.rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(order, ["z-broken", "c-unseen", "d-waiting", "b-warned", "a-well"]);
        insta::assert_snapshot!(rendered(&table), @r"
        CLUSTER       HEALTH    LEADER       TL  MEMBERS       LAG  DCS  ROUTER      BLOCKED  WORST FINDING                AGE
        ✖ z-broken    CRITICAL  pg-1         13  2/3        116 kB  3/3  → pg-0            –  pg-2 replay lag 1.2 GB     0.4 s
        ◌ c-unseen    UNKNOWN   ?             ?  ?               ?  –    –                 –                                 ?
        ◌ d-waiting   UNKNOWN   ?             ?  ?               ?  –    –                 ?                                 ?
        ◐ b-warned    WARNING   pg-0         12  3/3        112 kB  3/3  → pg-0            –  pg-2 replay lag 1.2 GB     0.4 s
        ● a-well      OK        pg-0         12  3/3        112 kB  3/3  → pg-0            –                             0.4 s
        ");
    }

    #[test]
    fn among_clusters_that_want_an_operator_the_worst_consequence_comes_first_and_then_the_newest() {
        let troubled = |name: &str, consequence, ago| {
            let mut snapshot = healthy();
            snapshot.identity.name = ClusterName::new(name);
            snapshot.findings = findings();
            let first = &mut snapshot.findings[0];
            (first.severity, first.consequence) = (Severity::Critical, consequence);
            first.since = Some(now() - seconds(ago));
            snapshot
        };
        let all = [
            troubled("a-redundancy", Consequence::RedundancyLost, 1),
            troubled("b-old-writes", Consequence::WritesDown, 300),
            troubled("c-new-writes", Consequence::WritesDown, 20),
            troubled("d-split", Consequence::SplitBrain, 600),
            troubled("e-split-perhaps", Consequence::SplitBrainPossible, 1),
        ];
        let order: Vec<_> = table(&all).rows.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(order, ["d-split", "c-new-writes", "b-old-writes", "e-split-perhaps", "a-redundancy"]);
    }

    #[test]
    fn the_fleet_is_counted_by_state() {
        let states = [
            ClusterHealth::Ok,
            ClusterHealth::Critical,
            ClusterHealth::Ok,
            ClusterHealth::Warning,
            ClusterHealth::Critical,
        ];
        assert_eq!(totals(states).text(), "2 CRITICAL   1 WARNING   2 OK");
    }

    #[test]
    fn blocked_sessions_are_counted_and_an_unseen_count_is_unknown() {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-0", |report| report.sessions = vec![session(11, "shop", &[10], Some(30))]);
        assert_eq!(blocked(&snapshot).text, "1");
        assert_eq!(blocked(&healthy()).text, super::super::table::NONE);
        for name in ["pg-0", "pg-1", "pg-2"] {
            cut(&mut snapshot, name, seconds(38));
        }
        assert_eq!(blocked(&snapshot).text, super::super::table::UNKNOWN);
    }
}
