//! The connection poolers: their processes, databases and pools.

use super::{Pane, PaneHeight, ViewModel};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::poolers;

/// The processes.
const POOLERS: &str = "poolers";
/// Their databases.
const DATABASES: &str = "databases";

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let snapshot = &view_model.picture.snapshot;
    let instances = poolers::instances(snapshot);
    if snapshot.poolers.is_empty() {
        return vec![Pane::table(POOLERS, "Poolers", instances, PaneHeight::Share(1))];
    }
    vec![
        Pane::table(POOLERS, "Poolers", instances, PaneHeight::Natural),
        Pane::table(DATABASES, "Databases", poolers::databases(snapshot), PaneHeight::Natural),
        Pane::table("pools", "Pools", poolers::pools(snapshot), PaneHeight::Share(1)),
    ]
}

pub(super) fn detail(view_model: ViewModel<'_>, pane: &str, row: &Text) -> Vec<Group> {
    let snapshot = &view_model.picture.snapshot;
    match pane {
        POOLERS => detail::pooler(snapshot, row),
        DATABASES => detail::pooler_database(snapshot, row),
        _ => Vec::new(),
    }
}
