//! All clusters, worst first.

use super::{Pane, PaneHeight, ViewModel};
use crate::report::clusters;

/// Name of the table of clusters.
pub(in crate::tui) const CLUSTERS: &str = "clusters";

pub(super) fn panes(view_model: ViewModel<'_>) -> Vec<Pane> {
    let table = clusters::arrange(view_model.fleet.iter().copied());
    let totals = clusters::totals(view_model.fleet.iter().map(|entry| entry.cluster_health)).text();
    vec![Pane::table(CLUSTERS, format!("Clusters   {totals}   of"), table, PaneHeight::Share(1))]
}
