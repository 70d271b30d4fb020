//! The routers: each with its line, its frontends, backends and servers.

use super::{Pane, PaneHeight, ViewModel, nothing};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::router;

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let snapshot = &view_model.picture.snapshot;
    if snapshot.routers.is_empty() {
        let lines = nothing("no router is configured for this cluster");
        return vec![Pane::lines("none", "Router", lines, PaneHeight::Share(1))];
    }
    let several = snapshot.routers.len() > 1;
    let mut panes = Vec::new();
    for one in &snapshot.routers {
        let title = |what: &str| Text::new(if several { format!("{what} of {}", one.name) } else { what.to_owned() });
        let key = |what: &str| format!("{what}/{}", one.name);
        let mut headline = Pane::lines("headline", "", vec![router::headline(snapshot, one)], PaneHeight::Natural);
        headline.key = key("headline").into();
        panes.push(headline);
        panes.push(Pane::table(key("servers"), title("Servers"), router::servers(snapshot, one), PaneHeight::Natural));
        panes.push(Pane::table(
            key("backends"),
            title("Backends"),
            router::backends(snapshot, one),
            PaneHeight::Natural,
        ));
        panes.push(Pane::table(
            key("frontends"),
            title("Frontends"),
            router::frontends(snapshot, one),
            PaneHeight::Natural,
        ));
    }
    panes
}

pub(super) fn detail(view_model: ViewModel<'_>, row: &Text) -> Vec<Group> {
    detail::router_server(&view_model.picture.snapshot, row)
}
