//! The cluster as it was when an action began: what its outcome is told apart from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::generation::Generation;
use crate::model::lsn::Timeline;
use crate::model::name::NodeName;
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;

/// One member before the action.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MemberBefore {
    /// Role shown.
    pub role: Option<Role>,
    /// Timeline shown.
    pub timeline: Option<Timeline>,
    /// When its postmaster started, by the member's own word.
    pub started: Option<Timestamp>,
    /// When it had last read its configuration files, by its own word.
    #[serde(default)]
    pub files_read: Option<Timestamp>,
    /// Whether it streamed.
    pub streamed: Option<bool>,
}

/// The cluster before the action.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StateBefore {
    /// The cluster's own counters.
    pub generation: Generation,
    /// Members.
    pub members: BTreeMap<NodeName, MemberBefore>,
}

impl StateBefore {
    /// As `snapshot` shows it. Only what is fresh is kept: a stale start time would make any later one look new.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let generation = Generation::of(snapshot)?;
        let member = |view: crate::model::view::MemberView<'_>| {
            let before = MemberBefore {
                role: view.role().filter(|fact| fact.fresh).map(|fact| fact.value),
                timeline: view.timeline().filter(|fact| fact.fresh).map(|fact| fact.value),
                started: view.started().filter(|fact| fact.fresh).map(|fact| fact.value),
                files_read: view.files_read().filter(|fact| fact.fresh).map(|fact| fact.value),
                streamed: view.streams().filter(|fact| fact.fresh).map(|fact| fact.value),
            };
            (view.name().clone(), before)
        };
        Some(Self { generation, members: snapshot.views().map(member).collect() })
    }
}
