//! Replication: who follows whom and how far behind, over time; slots, receivers, archivers, timelines.

use super::{Body, Pane, Scene, Size};
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

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let snapshot = &scene.picture.snapshot;
    let mut panes = vec![Pane::table(STANDBYS, "Standbys", replication::standbys(snapshot), Size::Natural)];
    let graphs = graphs(scene);
    if scene.height >= ROOM_FOR_GRAPHS && !graphs.is_empty() {
        panes.push(Pane {
            key: "graphs".into(),
            title: "Lag over time".into(),
            body: Body::Graphs(graphs),
            size: Size::Natural,
        });
    }
    panes.extend([
        Pane::table("slots", "Slots", replication::slots(snapshot), Size::Natural),
        Pane::table("receivers", "Receivers", replication::receivers(snapshot), Size::Natural),
        Pane::table("archivers", "Archivers", replication::archivers(snapshot), Size::Natural),
        Pane::table("history", "Timelines", replication::history(snapshot, scene.zone), Size::Share(1)),
    ]);
    panes
}

/// One curve a standby, in bytes; where no bytes are known, in time; and the leader's WAL.
fn graphs(scene: Scene<'_>) -> Vec<Graph> {
    let series = &scene.picture.series;
    let curve = |key: &SeriesKey, title: String, unit: Unit| {
        let samples = series.get(key)?;
        (samples.max().is_some()).then(|| Graph::new(title, unit, samples))
    };
    let mut graphs: Vec<Graph> = Vec::new();
    for member in &scene.picture.snapshot.members {
        let name = &member.name;
        let bytes = curve(&SeriesKey::LagBytes(name.clone()), format!("{name} behind"), Unit::Bytes);
        let time = || curve(&SeriesKey::LagSeconds(name.clone()), format!("{name} behind"), Unit::Seconds);
        graphs.extend(bytes.or_else(time));
    }
    graphs.extend(curve(&SeriesKey::WalRate, "WAL written".to_owned(), Unit::BytesRate));
    graphs
}

pub(super) fn detail(scene: Scene<'_>, row: &Text) -> Vec<Group> {
    let snapshot = &scene.picture.snapshot;
    let (head, tail) = row.as_str().split_once('/').unwrap_or((row.as_str(), ""));
    match (head, tail) {
        (node, "") => detail::member(snapshot, &NodeName::new(node)),
        // A standby by its own name; a slot keeps its cells.
        (_, standby) => detail::member(snapshot, &NodeName::new(standby)),
    }
}
