//! What the cluster itself counts, to tell whether the world has moved since a plan was made.

use serde::{Deserialize, Serialize};

use crate::model::dcs::DcsContent;
use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;

/// The state of the cluster's own counters. Two equal generations mean that nothing a plan depends on has changed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Generation {
    /// Holder of the leader lock; `None`: nobody.
    pub leader: Option<NodeName>,
    /// Revision at which this holding began; 0 where the record has no revisions.
    pub leader_revision: i64,
    /// Revision of the dynamic configuration.
    pub config_revision: i64,
    /// Revision of the sync key.
    pub sync_revision: i64,
    /// Revision of the failover key; 0: it was never written, or is gone.
    pub failover_revision: i64,
    /// System identifier on record.
    pub system_id: Option<SystemId>,
    /// Timeline of the leader; where nobody leads, or the leader does not tell, the newest one on record.
    pub timeline: Option<Timeline>,
}

/// The newest timeline on record: the one that began when the last of the history ended, or a member's.
fn newest_timeline(record: &DcsContent) -> Option<Timeline> {
    let begun = record.history.last().map(|ended| Timeline(ended.timeline.0.saturating_add(1)));
    record.members.iter().filter_map(|member| member.timeline).chain(begun).max()
}

impl Generation {
    /// The generation in `snapshot`. `None`: no record is fresh, so nothing can be pinned.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let record = snapshot.dcs.content.iter().find_map(|reading| reading.fresh(snapshot.now))?;
        let revision = |name: &str| {
            let key = record.keys.iter().find(|key| key.name == *name);
            key.map_or(0, |key| key.mod_revision)
        };
        Some(Self {
            leader: record.leader.as_ref().map(|leader| leader.holder.clone()),
            leader_revision: record.leader.as_ref().map_or(0, |leader| leader.create_revision),
            config_revision: record.config.as_ref().map_or(0, |config| config.mod_revision),
            sync_revision: revision("sync"),
            failover_revision: revision("failover"),
            system_id: record.system_id,
            timeline: {
                let told = snapshot.timeline().filter(|timeline| timeline.fresh).map(|timeline| timeline.value);
                told.or_else(|| newest_timeline(record))
            },
        })
    }

    /// What has moved from this generation to `present`, in words; empty: nothing. A timeline that is unknown on either
    /// side does not count as moved while the same leader holds the same lock.
    pub fn moved(&self, present: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        let name = |leader: &Option<NodeName>| leader.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        if self.leader != present.leader {
            moved.push(format!("the leader was {} and is {}", name(&self.leader), name(&present.leader)));
        } else if self.leader_revision != present.leader_revision {
            moved.push(format!("{} lost the leader lock and took it again", name(&present.leader)));
        }
        if self.system_id != present.system_id {
            moved.push("the system identifier is another: this is not the same cluster".to_owned());
        }
        if let (Some(was), Some(is)) = (self.timeline, present.timeline)
            && was != is
        {
            moved.push(format!("the timeline was {was} and is {is}"));
        }
        for (was, is, what) in [
            (self.config_revision, present.config_revision, "the dynamic configuration was changed"),
            (self.sync_revision, present.sync_revision, "the synchronous set was changed"),
            (self.failover_revision, present.failover_revision, "somebody else's failover or switchover was written"),
        ] {
            if was != is {
                moved.push(what.to_owned());
            }
        }
        moved
    }
}
