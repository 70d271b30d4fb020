//! What changed, with time and source.

use jiff::tz::TimeZone;

use super::cells;
use super::symbol;
use super::table::{Cell, Column, Row, SortKey, Table, Tone};
use super::tones;
use super::units::{self, DATE_TIME_WIDTH};
use crate::model::event::Event;
use crate::model::finding::Subject;
use crate::model::source::Source;
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by the event's number.
pub const COLUMNS: &[Column] = &[
    // With a mark before it, which says how much it matters where the word has no room.
    Column::text("at", "WHEN", 0, DATE_TIME_WIDTH + 2, DATE_TIME_WIDTH + 2),
    Column::text("severity", "SEVERITY", 2, 8, 8),
    Column::text("kind", "KIND", 2, 11, 13),
    Column::text("subject", "SUBJECT", 1, 8, 24),
    Column::text("text", "EVENT", 0, 44, 0),
    Column::text("source", "SOURCE", 3, 9, 24),
];

/// Events, newest first. `events` is oldest first, as the picture has it; times are written in `zone`.
pub fn table(events: &[Event], zone: &TimeZone) -> Table {
    let mut table = Table::new(COLUMNS, "no events since this console started", "");
    table.rows = events.iter().rev().map(|event| row(event, zone)).collect();
    table
}

fn row(event: &Event, zone: &TimeZone) -> Row {
    let tone = tones::severity(event.severity);
    let at = Cell {
        // The observer's clock keeps the order where the wall clock jumped.
        key: SortKey::Number(event.at.since_start().as_secs_f64()),
        ..Cell::text(units::date_time(event.wall, zone), Tone::Dim).marked(symbol::severity(event.severity))
    };
    let source = event.source.as_ref().and_then(|source| origin(source, &event.subject));
    let cells = vec![
        at,
        Cell::ranked(event.severity as i64, event.severity.as_str(), tone),
        Cell::text(event.kind.as_str(), Tone::Dim),
        Cell::text(event.subject.to_string(), Tone::Plain),
        Cell::text(event.text.clone(), tone),
        source.map_or_else(Cell::none, |source| cells::text_cell(&source, Tone::Dim)),
    ];
    Row { id: Text::new(event.number.to_string()), cells }
}

/// The source, without what ABOUT says already.
fn origin(source: &Source, about: &Subject) -> Option<Text> {
    let same = match about {
        Subject::Source(about) => return (about != source).then(|| Text::new(source.to_string())),
        Subject::Node(name) => *name.text() == source.target,
        Subject::Router(name) => name.as_str() == source.target.as_str(),
        Subject::DcsMember(name) => *name == source.target,
        Subject::Cluster => false,
    };
    Some(if same { Text::new(source.kind.as_str()) } else { Text::new(source.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::super::test_support::*;
    use super::*;
    use crate::model::event::EventKind;
    use crate::model::finding::Severity;
    use crate::model::name::NodeName;
    use crate::model::source::SourceKind;

    #[test]
    fn the_newest_event_comes_first_with_time_and_source() {
        let event = |seconds_ago: u64, kind, severity, subject, text: &str, source| Event {
            number: 100 - seconds_ago,
            at: now() - seconds(seconds_ago),
            wall: wall() - jiff::SignedDuration::from_secs(i64::try_from(seconds_ago).unwrap()),
            kind,
            severity,
            subject,
            text: text.into(),
            source,
        };
        let etcd = Some(Source::new(SourceKind::Etcd, ""));
        let pg_1 = Subject::Node(NodeName::new("pg-1"));
        let events = [
            event(40, EventKind::Leader, Severity::Critical, Subject::Cluster, "leader pg-0 → nobody", etcd.clone()),
            event(21, EventKind::Leader, Severity::Warning, pg_1, "leader nobody → pg-1", etcd),
            event(20, EventKind::Finding, Severity::Note, Subject::Cluster, "no leader: ended", None),
        ];
        insta::assert_snapshot!(rendered(&table(&events, &TimeZone::UTC)), @r"
        WHEN                   SEVERITY  KIND         SUBJECT   EVENT                                         SOURCE
        · 2026-11-21 14:01:47  note      finding      cluster   no leader: ended                              –
        ◐ 2026-11-21 14:01:46  warning   leader       pg-1      leader nobody → pg-1                          etcd
        ✖ 2026-11-21 14:01:27  critical  leader       cluster   leader pg-0 → nobody                          etcd
        ");
        assert!(!table(&[], &TimeZone::UTC).empty.reason.is_empty());
    }

    #[test]
    fn how_much_an_event_matters_is_marked_where_its_word_has_no_room() {
        let kept = super::super::fit::fit(&table(&[], &TimeZone::UTC), 78);
        assert_eq!(COLUMNS[kept[0].0].key, "at");
        assert!(kept.iter().all(|(at, _)| COLUMNS[*at].key != "severity"), "{kept:?}");
        let marks = [Severity::Critical, Severity::Warning, Severity::Note].map(symbol::severity);
        assert_eq!(marks.map(super::super::symbol::Mark::symbol), ['✖', '◐', '·']);
    }

    #[test]
    fn the_source_does_not_repeat_what_the_event_is_about() {
        let rest = Source::new(SourceKind::PatroniRest, "pg-1");
        let reported = |about| origin(&rest, &about).map(|text| text.to_string());
        assert_eq!(reported(Subject::Node(NodeName::new("pg-1"))).as_deref(), Some("REST"));
        assert_eq!(reported(Subject::Node(NodeName::new("pg-0"))).as_deref(), Some("REST pg-1"));
        assert_eq!(reported(Subject::Source(rest.clone())), None);
    }

    #[test]
    fn what_happened_keeps_its_room_before_who_stated_it() {
        let kept: Vec<_> =
            super::super::fit::fit(&table(&[], &TimeZone::UTC), 100).iter().map(|(at, _)| COLUMNS[*at].key).collect();
        assert_eq!(kept, ["at", "severity", "kind", "subject", "text"]);
    }
}
