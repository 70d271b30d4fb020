//! What changed, newest first.

use super::{Pane, PaneHeight, ViewModel};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::events;

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    vec![Pane::table(
        "events",
        "Events",
        events::table(&view_model.picture.events, view_model.zone),
        PaneHeight::Share(1),
    )]
}

pub(super) fn detail(view_model: ViewModel<'_>, row: &Text) -> Vec<Group> {
    let event = view_model.picture.events.iter().find(|event| row.as_str().parse() == Ok(event.number));
    event.map(|event| detail::event(event, view_model.now, view_model.zone)).unwrap_or_default()
}
