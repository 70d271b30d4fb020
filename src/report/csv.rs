//! A table as CSV.

use super::symbol;
use super::table::{Cell, NONE, SortKey, Table, UNKNOWN};
use crate::model::name::ClusterName;

/// The table with the columns' keys as its head. Numbers are bare, in the unit that the key names; what is unknown says
/// `unknown`, what does not apply is empty.
///
/// # Errors
/// Where the writer fails, which memory does not.
pub fn write(table: &Table) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|column| column.key))?;
    for row in &table.rows {
        writer.write_record(row.cells.iter().map(field))?;
    }
    text(writer)
}

/// The tables of several clusters under one head, with the cluster's name as the first column.
///
/// # Errors
/// As [`write`].
pub fn write_clusters<'a>(tables: impl IntoIterator<Item = (&'a ClusterName, Table)>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (at, (cluster, table)) in tables.into_iter().enumerate() {
        if at == 0 {
            writer.write_record(std::iter::once("cluster").chain(table.columns.iter().map(|column| column.key)))?;
        }
        for row in &table.rows {
            writer.write_record(std::iter::once(cluster.to_string()).chain(row.cells.iter().map(field)))?;
        }
    }
    text(writer)
}

fn text(writer: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn field(cell: &Cell) -> String {
    match &cell.key {
        SortKey::Unknown if cell.text == *UNKNOWN => "unknown".to_owned(),
        SortKey::Unknown if cell.text == *NONE => String::new(),
        // No clock here tells more than a thousandth of a second.
        SortKey::Number(number) => ((number * 1000.0).round() / 1000.0).to_string(),
        SortKey::Unknown | SortKey::Rank(_) | SortKey::Text(_) => harmless_text(cell.text.as_str()),
    }
}

/// A program reads words, not symbols.
fn harmless_text(text: &str) -> String {
    text.replace(symbol::UP, "up").replace(symbol::DOWN, "down").replace(" · ", "; ").replace('→', "->")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::test_support::{cut, findings, healthy, seconds};
    use super::super::{findings as report, replication, topology};
    use super::*;

    #[test]
    fn numbers_are_bare_the_unknown_says_so_and_what_does_not_apply_is_empty() {
        let mut snapshot = healthy();
        cut(&mut snapshot, "pg-2", seconds(38));
        insta::assert_snapshot!(write(&topology::table(&snapshot)).unwrap(), @r#"
        member,role,state,timeline,lag-bytes,lag-seconds,sync,uptime-seconds,router,notes
        pg-0,leader,running,12,,,,1051200,primary up,
        pg-1,replica,streaming,12,49152,0.2,sync,1051200,replicas up,
        pg-2,replica,unreachable,12,114688,0.4,async,1051200,replicas up,"REST, SQL: timed out for 38.0 s, last seen streaming"
        "#);
    }

    #[test]
    fn words_that_sort_by_rank_stay_words_and_commas_are_quoted() {
        let mut snapshot = healthy();
        snapshot.findings = findings();
        snapshot.findings[0].title = "late, \"very\"".into();
        let text = write(&report::table(&snapshot)).unwrap();
        assert!(text.contains("warning,pg-2,\"late, \"\"very\"\"\",240,"), "{text}");
    }

    #[test]
    fn seconds_have_three_decimals_at_most_and_no_symbol_is_left() {
        let cell = |seconds: f64| field(&Cell::number(seconds, "x", super::super::table::Tone::Plain));
        assert_eq!([cell(0.123_456_789), cell(0.2), cell(3.0)], ["0.123", "0.2", "3"]);
        assert_eq!(harmless_text("primary ▲ · replicas ▼"), "primary up; replicas down");
    }

    #[test]
    fn several_clusters_share_one_head_and_are_distinguished() {
        let snapshot = healthy();
        let (one, other) = (ClusterName::new("a"), ClusterName::new("b"));
        let tables = [(&one, topology::table(&snapshot)), (&other, topology::table(&snapshot))];
        let text = write_clusters(tables).unwrap();
        let firsts: Vec<_> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(firsts, ["cluster", "a", "a", "a", "b", "b", "b"]);
    }

    #[test]
    fn every_row_has_as_many_fields_as_the_head() {
        let snapshot = healthy();
        let tables = [
            replication::standbys(&snapshot),
            replication::slots(&snapshot),
            replication::history(&snapshot, &TimeZone::UTC),
        ];
        for table in tables {
            assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
            let text = write(&table).unwrap();
            assert_eq!(csv::Reader::from_reader(text.as_bytes()).records().flatten().count(), table.rows.len());
        }
    }
}
