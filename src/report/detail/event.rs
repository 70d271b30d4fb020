//! Detail of a event.

use super::Group;
use jiff::tz::TimeZone;

use crate::model::event::Event;
use crate::model::moment::Moment;

/// Everything known of an event.
pub fn event(event: &Event, now: Moment, zone: &TimeZone) -> Vec<Group> {
    let _ = (event, now, zone);
    Vec::new()
}
