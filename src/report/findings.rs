//! What is wrong, worst first.

use std::time::Duration;

use super::cells;
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::{self, DURATION_WIDTH};
use crate::model::finding::Finding;
use crate::model::snapshot::{ClusterHealth, Snapshot};
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by [`row_id`].
pub const COLUMNS: &[Column] = &[
    Column::text("severity", "SEVERITY", 0, 8, 10),
    Column::text("subject", "SUBJECT", 2, 8, 24),
    Column::text("title", "FINDING", 0, 20, 0),
    Column::numbers("since-seconds", "SINCE", 1, DURATION_WIDTH),
    Column::text("evidence", "EVIDENCE", 2, 12, 60),
];

/// The name of a finding's row: `code@subject`, and `#part` where the finding has a part.
pub fn row_id(finding: &Finding) -> Text {
    let part = if finding.part.is_empty() { String::new() } else { format!("#{}", finding.part) };
    Text::new(format!("{}@{}{part}", finding.code, finding.subject))
}

/// The finding of the row called `id`, whether it stands or is in the making.
pub fn named<'a>(snapshot: &'a Snapshot, id: &Text) -> Option<&'a Finding> {
    snapshot.findings.iter().chain(&snapshot.pending_findings).find(|finding| row_id(finding) == *id)
}

/// Who knows of a finding, how long that holds and why: `acknowledged by alice@bastion, 2 h left: maintenance`.
pub fn acknowledged_text(snapshot: &Snapshot, finding: &Finding) -> Option<String> {
    let known = finding.acknowledged.as_ref()?;
    let left = Duration::try_from(known.until.duration_since(snapshot.wall)).unwrap_or_default();
    Some(format!("acknowledged by {}, {} left: {}", known.by, units::duration(left), known.reason))
}

/// Findings of one cluster.
pub fn table(snapshot: &Snapshot) -> Table {
    let mut table = match snapshot.cluster_health() {
        ClusterHealth::Unknown if snapshot.sees_anything() => {
            let not_reasked: Vec<String> = snapshot.not_reasked().map(|source| source.to_string()).collect();
            Table::new(COLUMNS, format!("no response yet from {}", not_reasked.join(", ")), "")
        }
        ClusterHealth::Unknown => {
            Table::new(COLUMNS, "state unknown: no source responds", "pgctl-tui doctor checks every endpoint")
        }
        ClusterHealth::Warning if snapshot.findings.is_empty() => {
            let hint = "a finding is raised once the condition has persisted: a switchover causes short ones";
            Table::new(COLUMNS, "no finding yet, but a member is not healthy", hint)
        }
        ClusterHealth::Ok | ClusterHealth::Warning | ClusterHealth::Critical => {
            Table::new(COLUMNS, "no findings: no problems detected", "")
        }
    };
    table.rows = snapshot.ranked_findings().into_iter().map(|(finding, _)| row(snapshot, finding)).collect();
    table
}

fn row(snapshot: &Snapshot, finding: &Finding) -> Row {
    let settles = snapshot.pending_findings.iter().any(|other| std::ptr::eq(other, finding));
    let tone = if settles || finding.acknowledged.is_some() { Tone::Dim } else { tones::severity(finding.severity) };
    let title = match acknowledged_text(snapshot, finding) {
        Some(words) => Text::new(format!("{}: {words}", finding.title)),
        None if settles => Text::new(format!("{} (pending)", finding.title)),
        None => finding.title.clone(),
    };
    let evidence = finding.evidence.first().map(|first| {
        let more = finding.evidence.len() - 1;
        let more = if more > 0 { format!(" (+{more})") } else { String::new() };
        Text::new(format!("{}{more}", first.text))
    });
    let cells = vec![
        Cell::ranked(finding.severity as i64, finding.severity.as_str(), tone),
        Cell::text(finding.subject.to_string(), Tone::Plain),
        Cell::text(title, tone),
        cells::span(finding.since.map(|since| snapshot.now.since(since)), Tone::Dim),
        evidence.map_or_else(Cell::none, |words| cells::text_cell(&words, Tone::Dim)),
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
        insta::assert_snapshot!(rendered(&table(&snapshot)), @r"
        SEVERITY  SUBJECT   FINDING                    SINCE  EVIDENCE
        warning   pg-2      pg-2 replay lag 1.2 GB     4 min  pg_stat_replication on pg-0 says 1.2 GB (+1)
        note      cluster   no node has a watchdog         ?  –
        ");
    }

    #[test]
    fn an_unseen_cluster_is_not_called_healthy() {
        assert_eq!(table(&bare()).empty.reason, "state unknown: no source responds");
        assert_eq!(table(&healthy()).empty.reason, "no findings: no problems detected");
    }

    #[test]
    fn what_is_in_the_making_and_what_is_acknowledged_stand_below_and_say_so() {
        let mut snapshot = healthy();
        snapshot.findings = findings();
        acknowledge(&mut snapshot, |finding| finding.code == "replica-lags");
        snapshot.pending_findings =
            vec![Finding { code: "not-streaming", title: "pg-1 is not streaming".into(), ..findings()[0].clone() }];
        let table = table(&snapshot);
        let reported: Vec<_> =
            table.rows.iter().map(|row| (row.cells[2].text.to_string(), row.cells[2].tone)).collect();
        // A warning in the making before a note that stands, as the headline has it.
        assert_eq!(reported[0], ("pg-1 is not streaming (pending)".to_owned(), Tone::Dim));
        assert_eq!(reported[1], ("no node has a watchdog".to_owned(), Tone::Plain));
        assert!(
            reported[2].0.ends_with("acknowledged by alice@bastion, 2h 0m left: maintenance window"),
            "{reported:?}"
        );
        assert_eq!(reported[2].1, Tone::Dim);
    }

    /// The first row and the headline are one and the same, whatever stands and whatever is in the making.
    #[test]
    fn the_list_and_the_headline_rank_alike() {
        use crate::model::finding::Severity;
        use crate::report::summary::summary;
        let of = |severity, title: &str, code| Finding { severity, title: title.into(), code, ..findings()[0].clone() };
        for standing in [Severity::Warning, Severity::Critical] {
            for making in [Severity::Warning, Severity::Critical] {
                let mut snapshot = healthy();
                snapshot.findings = vec![of(standing, "stands", "lag")];
                snapshot.pending_findings = vec![of(making, "begins", "not-streaming")];
                let headline = summary(&snapshot, snapshot.now).headline().unwrap().text();
                let first = table(&snapshot).rows[0].cells[2].text.to_string();
                let of_first = first.split_whitespace().next().unwrap();
                assert!(headline.starts_with(of_first), "{standing:?}, {making:?}: {headline} against {first}");
                assert_eq!(of_first == "begins", making > standing);
            }
        }
    }

    #[test]
    fn two_parts_of_one_subject_have_rows_of_their_own() {
        let mut snapshot = healthy();
        let of = |part: &str| Finding { part: part.into(), ..findings()[0].clone() };
        snapshot.findings = vec![of("a"), of("b")];
        let ids: Vec<_> = table(&snapshot).rows.iter().map(|row| row.id.clone()).collect();
        assert_eq!(named(&snapshot, &ids[1]).map(|finding| finding.part.as_str()), Some("b"));
    }
}
