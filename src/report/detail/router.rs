//! Detail of a router.

use super::Group;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Everything known of the router row called `row_id` in the tables of [`router`](crate::report::router).
pub fn router_server(snapshot: &Snapshot, row_id: &Text) -> Vec<Group> {
    let _ = (snapshot, row_id);
    Vec::new()
}
