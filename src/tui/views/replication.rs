//! Replication: who follows whom and how far behind, over time; slots, receivers, archivers, timelines.

use super::{Pane, PaneBody, PaneHeight, ViewModel};
use crate::model::name::NodeName;
use crate::model::text::Text;
use crate::observe::picture::SeriesKey;
use crate::report::detail::{self, Group};
use crate::report::replication;
use crate::tui::widgets::graph::{Graph, Unit};

/// Name of the table of standbys.
pub(super) const STANDBYS: &str = "standbys";

/// Fewest rows of the view that leave room for curves.
const ROOM_FOR_GRAPHS: u16 = 26;

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let snapshot = &view_model.picture.snapshot;
    let mut panes = vec![Pane::table(STANDBYS, "Standbys", replication::standbys(snapshot), PaneHeight::Natural)];
    let graphs = graphs(view_model);
    if view_model.height >= ROOM_FOR_GRAPHS && !graphs.is_empty() {
        panes.push(Pane {
            key: "graphs".into(),
            title: "Lag over time".into(),
            body: PaneBody::Graphs(graphs),
            height: PaneHeight::Natural,
        });
    }
    panes.extend([
        Pane::table("slots", "Slots", replication::slots(snapshot), PaneHeight::Natural),
        Pane::table("receivers", "Receivers", replication::receivers(snapshot), PaneHeight::Natural),
        Pane::table("archivers", "Archivers", replication::archivers(snapshot), PaneHeight::Natural),
        Pane::table("history", "Timelines", replication::history(snapshot, view_model.zone), PaneHeight::Share(1)),
    ]);
    panes
}

/// One curve a standby, in bytes; where no bytes are known, in time; and the leader's WAL.
fn graphs(view_model: ViewModel<'_>) -> Vec<Graph> {
    let series = &view_model.picture.series;
    let curve = |key: &SeriesKey, title: String, unit: Unit| {
        let samples = series.get(key)?;
        (samples.max().is_some()).then(|| Graph::new(title, unit, samples))
    };
    let mut graphs: Vec<Graph> = Vec::new();
    for member in &view_model.picture.snapshot.members {
        let name = &member.name;
        let bytes = curve(&SeriesKey::LagBytes(name.clone()), format!("{name} lag"), Unit::Bytes);
        let time = || curve(&SeriesKey::LagSeconds(name.clone()), format!("{name} lag"), Unit::Seconds);
        graphs.extend(bytes.or_else(time));
    }
    graphs.extend(curve(&SeriesKey::WalRate, "WAL written".to_owned(), Unit::BytesRate));
    graphs
}

pub(super) fn detail(view_model: ViewModel<'_>, row: &Text) -> Vec<Group> {
    let snapshot = &view_model.picture.snapshot;
    let (head, tail) = row.as_str().split_once('/').unwrap_or((row.as_str(), ""));
    match (head, tail) {
        (node, "") => detail::member(snapshot, &NodeName::new(node)),
        // A standby by its own name; a slot keeps its cells.
        (_, standby) => detail::member(snapshot, &NodeName::new(standby)),
    }
}
