//! What is wrong: rules from a snapshot to findings with severity, evidence and advice.
//!
//! Pure. A rule sees one snapshot; that a disagreement must last before it is believed is the observer's business,
//! which remembers. No rule takes a stale value for a present one, and silence is a finding of its own.

mod cluster;
mod dcs;
mod finding_draft;
mod inventory;
mod leadership;
mod node;
mod orders;
mod pooler;
mod postgres;
mod preparation;
mod rank;
pub mod readiness;
mod replication;
mod router;
mod sessions;

pub use finding_draft::FindingDraft;

use crate::model::snapshot::Snapshot;

/// Every rule on `snapshot`, in no particular order.
pub fn examine(snapshot: &Snapshot) -> Vec<FindingDraft> {
    let mut drafts = Vec::new();
    cluster::examine(snapshot, &mut drafts);
    leadership::examine(snapshot, &mut drafts);
    inventory::examine(snapshot, &mut drafts);
    node::examine(snapshot, &mut drafts);
    replication::examine(snapshot, &mut drafts);
    postgres::examine(snapshot, &mut drafts);
    sessions::examine(snapshot, &mut drafts);
    dcs::examine(snapshot, &mut drafts);
    router::examine(snapshot, &mut drafts);
    pooler::examine(snapshot, &mut drafts);
    preparation::examine(snapshot, &mut drafts);
    drafts
}
