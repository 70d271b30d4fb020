//! Standbys and slots: lag, broken streams, timelines left behind, paused or delayed replay, WAL kept or lost; and whether
//! a cluster that follows another is fed.

mod lag;
mod replay;
mod slots;
mod standby_cluster;
mod stream;
mod tags;
mod timeline;

#[cfg(test)]
mod tests;

use super::finding_draft::FindingDraft;
use crate::model::finding::Subject;
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for view in snapshot.views() {
        let role = view.role().filter(|role| role.fresh).map(|role| role.value);
        // Facts that may be another server's accuse nobody.
        if view.doubt().is_none() {
            match role {
                Some(Role::Replica) => {
                    stream::examine(&view, drafts);
                    lag::examine(&view, drafts);
                    timeline::examine(&view, drafts);
                    replay::examine(&view, drafts);
                    tags::upstream(&view, drafts);
                }
                Some(Role::StandbyLeader) => {
                    standby_cluster::examine(&view, drafts);
                    if !view.is_cut_off() {
                        lag::examine(&view, drafts);
                    }
                    replay::examine(&view, drafts);
                }
                _ => {}
            }
            tags::conflicts(&view, drafts);
        }
        slots::examine(&view, drafts);
    }
}

fn subject(view: &MemberView<'_>) -> Subject {
    Subject::Node(view.name().clone())
}
