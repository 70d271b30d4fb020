//! All clusters, worst first.

use super::{Pane, Scene, Size};
use crate::report::clusters;

/// Name of the table of clusters.
pub(in crate::tui) const CLUSTERS: &str = "clusters";

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    let table = clusters::arrange(scene.fleet.iter().copied());
    let totals = clusters::totals(scene.fleet.iter().map(|entry| entry.wellbeing)).text();
    vec![Pane::table(CLUSTERS, format!("Clusters   {totals}   of"), table, Size::Share(1))]
}
