//! Detail of an event.

use jiff::tz::TimeZone;

use super::super::table::Tone;
use super::super::{tones, units};
use super::{FactLine, Group};
use crate::model::event::Event;
use crate::model::moment::Moment;

/// Everything known of an event, seen at `now`.
pub fn event(event: &Event, now: Moment, zone: &TimeZone) -> Vec<Group> {
    let tone = tones::severity(event.severity);
    let what = FactLine {
        label: "what".into(),
        value: event.text.clone(),
        source: event.source.clone(),
        age: Some(now.since(event.at)),
        tone,
    };
    let facts = vec![
        what,
        FactLine::stated("when", units::date_time(event.wall, zone), Tone::Plain),
        FactLine::stated("kind", event.kind.as_str(), Tone::Plain),
        FactLine::stated("severity", event.severity.as_str(), tone),
        FactLine::stated("about", event.subject.to_string(), Tone::Plain),
    ];
    vec![Group { title: "Event".into(), facts }]
}
