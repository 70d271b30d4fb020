//! The routers: each with its line, its frontends, backends and servers.

use super::{Pane, Scene, Size, nothing};
use crate::model::text::Text;
use crate::report::detail::{self, Group};
use crate::report::router;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let snapshot = &scene.picture.snapshot;
    if snapshot.routers.is_empty() {
        let lines = nothing("no router is configured for this cluster");
        return vec![Pane::lines("none", "Router", lines, Size::Share(1))];
    }
    let several = snapshot.routers.len() > 1;
    let mut panes = Vec::new();
    for one in &snapshot.routers {
        let title = |what: &str| Text::new(if several { format!("{what} of {}", one.name) } else { what.to_owned() });
        let key = |what: &str| format!("{what}/{}", one.name);
        let mut headline = Pane::lines("headline", "", vec![router::headline(snapshot, one)], Size::Natural);
        headline.key = key("headline").into();
        panes.push(headline);
        panes.push(Pane::table(key("servers"), title("Servers"), router::servers(snapshot, one), Size::Natural));
        panes.push(Pane::table(key("backends"), title("Backends"), router::backends(snapshot, one), Size::Natural));
        panes.push(Pane::table(key("frontends"), title("Frontends"), router::frontends(snapshot, one), Size::Natural));
    }
    panes
}

pub(super) fn detail(scene: Scene<'_>, row: &Text) -> Vec<Group> {
    detail::router_server(&scene.picture.snapshot, row)
}
