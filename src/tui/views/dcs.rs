//! The configuration store: its members, the cluster's record in it, its keys, the dynamic configuration.

use super::{Pane, Scene, Size};
use crate::model::text::Text;
use crate::report::dcs;
use crate::report::detail::{self, Group};

const MEMBERS: &str = "members";

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let snapshot = &scene.picture.snapshot;
    vec![
        Pane::table(MEMBERS, "Members of the store", dcs::members(snapshot), Size::Natural),
        Pane::lines("record", "", dcs::record_lines(snapshot), Size::Natural),
        Pane::table("keys", "Keys", dcs::keys(snapshot), Size::Natural),
        Pane::lines("configuration", "Dynamic configuration", dcs::config_lines(snapshot), Size::Share(1)),
    ]
}

pub(super) fn detail(scene: Scene<'_>, pane: &str, row: &Text) -> Vec<Group> {
    if pane == MEMBERS { detail::dcs_member(&scene.picture.snapshot, row) } else { Vec::new() }
}
