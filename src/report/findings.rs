//! What is wrong, worst first.

use super::cells;
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::DURATION_WIDTH;
use crate::model::finding::Finding;
use crate::model::snapshot::{Snapshot, Wellbeing};
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by [`row_id`].
pub const COLUMNS: &[Column] = &[
    Column::words("severity", "SEVERITY", 0, 8, 10),
    Column::words("subject", "ABOUT", 2, 8, 24),
    Column::words("title", "FINDING", 0, 20, 0),
    Column::numbers("since-seconds", "SINCE", 1, DURATION_WIDTH),
    Column::words("evidence", "EVIDENCE", 2, 12, 60),
];

/// The name of a finding's row: `code@subject`.
pub fn row_id(finding: &Finding) -> Text {
    Text::new(format!("{}@{}", finding.code, finding.subject))
}

/// Findings of one cluster.
pub fn table(snapshot: &Snapshot) -> Table {
    let mut table = match snapshot.wellbeing() {
        Wellbeing::Unknown => {
            Table::new(COLUMNS, "nothing is known: no source answers", "pgctl-tui doctor examines every endpoint")
        }
        Wellbeing::Look if snapshot.findings.is_empty() => {
            let hint = "a finding is told once it has lasted: members change places in every switchover";
            Table::new(COLUMNS, "no finding yet, but a member is not in order", hint)
        }
        Wellbeing::Well | Wellbeing::Look | Wellbeing::Act => {
            Table::new(COLUMNS, "nothing is wrong that can be seen", "")
        }
    };
    table.rows = snapshot.findings.iter().map(|finding| row(snapshot, finding)).collect();
    table
}

fn row(snapshot: &Snapshot, finding: &Finding) -> Row {
    let tone = tones::severity(finding.severity);
    let evidence = finding.evidence.first().map(|first| {
        let more = finding.evidence.len() - 1;
        let more = if more > 0 { format!(" (+{more})") } else { String::new() };
        Text::new(format!("{}{more}", first.text))
    });
    let cells = vec![
        Cell::ranked(finding.severity as i64, finding.severity.word(), tone),
        Cell::text(finding.subject.to_string(), Tone::Plain),
        Cell::text(finding.title.clone(), tone),
        cells::span(finding.since.map(|since| snapshot.now.since(since)), Tone::Dim),
        evidence.map_or_else(Cell::none, |words| cells::words(&words, Tone::Dim)),
    ];
    Row { id: row_id(finding), cells }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;

    #[test]
    fn findings_tell_since_when_and_on_what_evidence() {
        let mut snapshot = healthy();
        snapshot.findings = findings();
        insta::assert_snapshot!(drawn(&table(&snapshot)), @r"
        SEVERITY  ABOUT     FINDING                    SINCE  EVIDENCE
        warning   pg-2      pg-2 is 1.2 GB behind      4 min  pg_stat_replication on pg-0 says 1.2 GB (+1)
        note      cluster   no node has a watchdog         ?  –
        ");
    }

    #[test]
    fn an_unseen_cluster_is_not_called_well() {
        assert_eq!(table(&bare()).empty.reason, "nothing is known: no source answers");
        assert_eq!(table(&healthy()).empty.reason, "nothing is wrong that can be seen");
    }
}
