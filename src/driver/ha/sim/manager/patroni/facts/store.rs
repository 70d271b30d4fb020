//! What each member of the store says of itself.

use std::time::Duration;

use crate::model::dcs::{DcsAlarm, DcsAlarmKind, DcsMember, Quorum, RaftLeader};
use crate::model::source::SourceError;
use crate::model::text::Text;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, noise};
use crate::driver::ha::sim::manager::patroni::Patroni;
use crate::driver::ha::sim::manager::patroni::etcd::StoreMemberState;
use crate::driver::ha::sim::sources::texts::TEXTS;
use crate::driver::ha::sim::sources::{refused, silent};

impl Patroni {
    pub(in crate::driver::ha::sim::manager::patroni) fn store_member(
        &self,
        world: &World,
        index: usize,
        endpoint: &Text,
    ) -> Result<DcsMember, SourceError> {
        let store = &self.etcd;
        let member = &store.members[index];
        match member.seat {
            StoreMemberState::Up | StoreMemberState::Alone => {}
            StoreMemberState::Down => return Err(refused(endpoint)),
            StoreMemberState::Frozen => return Err(silent(endpoint)),
        }
        // One that is cut off from its peers calls elections that nobody hears: its term runs ahead.
        let alone = member.seat == StoreMemberState::Alone;
        let latency = 600 + noise(world.seed, 0xe7 + index as u64, world.clock.now() / SECOND) % 1_900;
        Ok(DcsMember {
            id: member.id,
            name: member.name.clone(),
            version: TEXTS.store_version.clone(),
            leader: store
                .leader
                .filter(|_| !alone)
                .map_or(RaftLeader::Nobody, |leader| RaftLeader::Known(store.members[leader].id)),
            term: Some(store.term + u64::from(alone) * 3),
            revision: self.record.revision,
            raft_index: Some(if alone { member.applied } else { store.index }),
            raft_applied: Some(member.applied.min(store.index)),
            db_size: Some(store.size + index as u64 * 12_288),
            db_in_use: Some(if store.no_space { store.size / 100 * 98 } else { store.size / 5 * 2 }),
            db_quota: Some(store.quota),
            learner: Some(member.learner),
            status_refused: None,
            alarms: if store.no_space {
                vec![DcsAlarm { kind: DcsAlarmKind::NoSpace, raised_by: member.name.clone(), own: true }]
            } else {
                Vec::new()
            },
            quorum: if store.serves() && !alone { Quorum::Reached } else { Quorum::Missing },
            latency: Duration::from_micros(latency),
            voters: store.members.iter().filter(|member| !member.learner).count() as u32,
        })
    }
}
