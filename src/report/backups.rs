//! Backups.

use jiff::tz::TimeZone;

use super::cells;
use super::replication::time_since;
use super::table::{Cell, Column, SortKey, Table, Tone};
use super::units::{self, AGE_WIDTH, BYTES_WIDTH, DATE_TIME_WIDTH, DURATION_WIDTH};
use crate::model::parts::BackupOutcome;
use crate::model::snapshot::Snapshot;

/// Columns of [`table`]. Rows are named `repository/label`.
pub const COLUMNS: &[Column] = &[
    Column::text("label", "BACKUP", 0, 12, 40),
    Column::text("kind", "KIND", 1, 6, 12),
    Column::text("outcome", "OUTCOME", 0, 7, 40),
    Column::text("started", "STARTED", 1, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::numbers("age-seconds", "AGE", 0, AGE_WIDTH),
    Column::numbers("took-seconds", "DURATION", 2, DURATION_WIDTH),
    Column::numbers("size-bytes", "SIZE", 0, BYTES_WIDTH),
    Column::text("repository", "REPOSITORY", 3, 10, 32),
];

/// Backups, newest first. Times are written in `zone`.
pub fn table(snapshot: &Snapshot, zone: &TimeZone) -> Table {
    let Some(first) = snapshot.backups.first() else {
        let hint = "this version does not read backup repositories yet; backups may exist";
        return Table::new(COLUMNS, "no backup source is configured for this cluster", hint);
    };
    let mut table = match (&first.answer, &first.failure) {
        (Some(_), _) => Table::new(COLUMNS, "no backups in the repository", ""),
        (None, Some(failure)) => {
            Table::new(COLUMNS, failure.error.to_string(), failure.error.remedy(first.source.kind))
        }
        (None, None) => Table::new(COLUMNS, "waiting for the first response", ""),
    };
    for reading in &snapshot.backups {
        let Some(report) = reading.last() else { continue };
        for backup in &report.backups {
            let outcome = match &backup.outcome {
                BackupOutcome::Good => Cell::ranked(0, "good", Tone::Ok),
                BackupOutcome::Running => Cell::ranked(1, "running", Tone::Plain),
                BackupOutcome::Failed(words) if words.is_empty() => Cell::ranked(2, "failed", Tone::Critical),
                BackupOutcome::Failed(words) => Cell::ranked(2, format!("failed: {words}"), Tone::Critical),
            };
            let started = Cell {
                key: SortKey::Number(backup.started.as_millisecond() as f64),
                ..Cell::text(units::date_time(backup.started, zone), Tone::Dim)
            };
            let running = backup.outcome == BackupOutcome::Running;
            let cells = vec![
                Cell::text(backup.label.clone(), Tone::Plain),
                cells::text_cell(&backup.kind, Tone::Plain),
                outcome,
                started,
                cells::ago(Some(time_since(snapshot, backup.started)), Tone::Plain),
                if running { Cell::none() } else { cells::span(backup.took, Tone::Plain) },
                cells::bytes(backup.size, Tone::Plain),
                cells::text_cell(&report.tool, Tone::Dim),
            ];
            let id = format!("{}/{}", reading.source.target, backup.label);
            table.rows.push(cells::row(reading, snapshot.now, id, cells));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;
    use crate::model::parts::{Backup, BackupReport};
    use crate::model::source::SourceKind;

    #[test]
    fn without_a_backup_source_it_says_so_and_claims_nothing() {
        insta::assert_snapshot!(rendered(&table(&healthy(), &TimeZone::UTC)), @r"
        no backup source is configured for this cluster
        this version does not read backup repositories yet; backups may exist
        ");
    }

    #[test]
    fn backups_tell_how_old_and_how_good_they_are() {
        let mut snapshot = healthy();
        let backup = |label: &str, outcome, hour: &str| Backup {
            label: label.into(),
            kind: "full".into(),
            started: format!("2026-11-21T{hour}:00:00Z").parse().unwrap(),
            took: Some(seconds(1800)),
            size: Some(41 << 30),
            outcome,
        };
        let backups = vec![
            backup("b3", BackupOutcome::Running, "14"),
            backup("b2", BackupOutcome::Failed("disk full".into()), "09"),
            backup("b1", BackupOutcome::Good, "05"),
        ];
        let report = BackupReport { tool: "pgbackrest".into(), backups };
        snapshot.backups = vec![reading_of(SourceKind::Backup, "repo1", 900, report)];
        insta::assert_snapshot!(rendered(&table(&snapshot, &TimeZone::UTC)), @r"
        BACKUP        KIND    OUTCOME            STARTED                       AGE  DURATION      SIZE  REPOSITORY
        b3            full    running            2026-11-21 14:00:00     2 min ago         –   41.0 GB  pgbackrest
        b2            full    failed: disk full  2026-11-21 09:00:00     5h 2m ago    30 min   41.0 GB  pgbackrest
        b1            full    good               2026-11-21 05:00:00     9h 2m ago    30 min   41.0 GB  pgbackrest
        ");
        let lines = super::super::topology::footer_lines(&snapshot);
        insta::assert_snapshot!(lines.last().unwrap().text(), @"BACKUPS  last successful 9h 2m ago, 41.0 GB");
    }
}
