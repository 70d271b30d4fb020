//! The configuration store: its members, the cluster's record in it, its keys, the dynamic configuration.

use super::{Pane, PaneHeight, ViewModel};
use crate::model::text::Text;
use crate::report::dcs;
use crate::report::detail::{self, Group};

const MEMBERS: &str = "members";

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let snapshot = &view_model.picture.snapshot;
    vec![
        Pane::table(MEMBERS, "DCS members", dcs::members(snapshot), PaneHeight::Natural),
        Pane::lines("record", "", dcs::record_lines(snapshot), PaneHeight::Natural),
        Pane::table("keys", "Keys", dcs::keys(snapshot), PaneHeight::Natural),
        Pane::lines("configuration", "Dynamic configuration", dcs::config_lines(snapshot), PaneHeight::Share(1)),
    ]
}

pub(super) fn detail(view_model: ViewModel<'_>, pane: &str, row: &Text) -> Vec<Group> {
    if pane == MEMBERS { detail::dcs_member(&view_model.picture.snapshot, row) } else { Vec::new() }
}
