//! Where a node stands among the others, and what the exporter beside it says.

use crate::model::agent::Position;
use crate::model::lsn::{Lsn, SystemId};
use crate::model::metrics::MetricsReport;
use crate::model::role::SyncState;
use crate::model::source::SourceError;
use crate::model::text::Text;

use super::super::core::World;
use super::texts::TEXTS;
use super::{reach, refused};

impl World {
    pub(crate) fn exporter_metrics(&self, index: usize, endpoint: &Text) -> Result<MetricsReport, SourceError> {
        let node = &self.nodes[index];
        reach(node.power, endpoint)?;
        if node.faults.exporter_down {
            return Err(refused(endpoint));
        }
        let samples = if node.accepts() { 412 + 9 * self.nodes.len() as u32 } else { 38 };
        Ok(MetricsReport {
            up: Some(node.accepts()),
            version: Some(TEXTS.exporter_version.clone()),
            samples,
            dcs_last_seen: None,
        })
    }

    /// Where a node that is up stands in the WAL.
    pub(crate) fn position(&self, index: usize) -> Position {
        let node = &self.nodes[index];
        if node.writable {
            return Position::Writing { at: Lsn(node.written) };
        }
        Position::Replaying {
            received: Some(Lsn(node.written)),
            replayed: Some(Lsn(node.replayed)),
            replayed_at: Some(self.clock.wall(node.replayed_at)),
            paused: Some(node.faults.replay_paused),
        }
    }

    /// Whether a member is among the synchronous standbys.
    pub(crate) fn is_synchronous(&self, index: usize) -> bool {
        self.synchronous.as_ref().is_some_and(|sync| sync.standbys.contains(&index))
    }

    pub(crate) fn system_id_of(&self, index: usize) -> SystemId {
        SystemId(self.system_id + u64::from(self.nodes[index].faults.foreign) * 1_000_003)
    }

    /// Standbys that stream from a node.
    pub(crate) fn fed_by(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(move |other| {
            *other != index && self.nodes[*other].stream.is_some_and(|stream| stream.from == index)
        })
    }

    /// How `other` counts for `index`, whose standby it is.
    pub(crate) fn sync_state(&self, index: usize, other: usize) -> SyncState {
        let counts = self.nodes[index].writable && self.is_synchronous(other);
        if counts { SyncState::Sync } else { SyncState::Async }
    }
}
