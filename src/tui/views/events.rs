//! What changed, newest first.

use super::{Pane, Scene, Size};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::events;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    vec![Pane::table("events", "Events", events::table(&scene.picture.events, scene.zone), Size::Share(1))]
}

pub(super) fn detail(scene: Scene<'_>, row: &Text) -> Vec<Group> {
    let event = scene.picture.events.iter().find(|event| row.as_str().parse() == Ok(event.number));
    event.map(|event| detail::event(event, scene.now, scene.zone)).unwrap_or_default()
}
