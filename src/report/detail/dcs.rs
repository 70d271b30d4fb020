//! Detail of a dcs.

use super::Group;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Everything known of the DCS member at `endpoint`.
pub fn dcs_member(snapshot: &Snapshot, endpoint: &Text) -> Vec<Group> {
    let _ = (snapshot, endpoint);
    Vec::new()
}
