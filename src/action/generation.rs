//! What the cluster itself counts, to tell whether the world has moved since a plan was made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::NodeName;
use crate::model::record::{ClusterRecord, Counter};
use crate::model::snapshot::Snapshot;

/// The state of the cluster's own counters. Two equal generations mean that nothing a plan depends on has changed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "WrittenGeneration")]
pub struct Generation {
    /// Who leads; `None`: nobody.
    pub leader: Option<NodeName>,
    /// What the cluster counts. What its record does not count is left out, or 0.
    pub counters: BTreeMap<Counter, i64>,
    /// System identifier on record.
    pub system_id: Option<SystemId>,
    /// Timeline of the leader; where nobody leads, or the leader does not tell, the newest one on record.
    pub timeline: Option<Timeline>,
}

/// The newest timeline on record: the one that began when the last of the history ended, or a member's.
fn newest_timeline(record: &ClusterRecord) -> Option<Timeline> {
    let begun = record.history.last().map(|ended| Timeline(ended.timeline.0.saturating_add(1)));
    record.members.iter().filter_map(|member| member.timeline).chain(begun).max()
}

/// A generation as the journal and the jobs have it, those of versions that knew Patroni's counters alone among them.
#[derive(Deserialize)]
struct WrittenGeneration {
    leader: Option<NodeName>,
    #[serde(default)]
    counters: BTreeMap<Counter, i64>,
    system_id: Option<SystemId>,
    timeline: Option<Timeline>,
    leader_revision: Option<i64>,
    config_revision: Option<i64>,
    sync_revision: Option<i64>,
    failover_revision: Option<i64>,
}

impl From<WrittenGeneration> for Generation {
    fn from(written: WrittenGeneration) -> Self {
        let mut counters = written.counters;
        let formerly = [
            (Counter::Lead, written.leader_revision),
            (Counter::Configuration, written.config_revision),
            (Counter::SynchronousSet, written.sync_revision),
            (Counter::PendingOrder, written.failover_revision),
        ];
        for (counter, value) in formerly {
            if let Some(value) = value {
                counters.entry(counter).or_insert(value);
            }
        }
        Self { leader: written.leader, counters, system_id: written.system_id, timeline: written.timeline }
    }
}

impl Generation {
    /// The generation in `snapshot`. `None`: no record is fresh, so nothing can be pinned.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let record = snapshot.records.iter().find_map(|reading| reading.fresh(snapshot.now))?;
        Some(Self {
            leader: record.leader.as_ref().map(|leader| leader.holder.clone()),
            counters: record.counters(),
            system_id: record.system_id,
            timeline: {
                let reported = snapshot.timeline().filter(|timeline| timeline.fresh).map(|timeline| timeline.value);
                reported.or_else(|| newest_timeline(record))
            },
        })
    }

    /// The value of `counter`; 0 where it is not counted.
    pub fn count(&self, counter: Counter) -> i64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }

    /// The same with `counter` at `value`.
    #[must_use]
    pub fn counting(mut self, counter: Counter, value: i64) -> Self {
        self.counters.insert(counter, value);
        self
    }

    /// What of it is about the lead alone: who leads which cluster, and since which taking of the lead.
    #[must_use]
    pub fn lead_alone(&self) -> Self {
        let lead = Self { leader: self.leader.clone(), system_id: self.system_id, ..Self::default() };
        lead.counting(Counter::Lead, self.count(Counter::Lead))
    }

    /// What has moved from this generation to `present`, in words; empty: nothing. A timeline that is unknown on either
    /// side does not count as moved while the same leader holds the same lead.
    pub fn moved(&self, present: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        let name =
            |leader: &Option<NodeName>| leader.as_ref().map_or_else(|| "no member".to_owned(), ToString::to_string);
        if self.leader != present.leader {
            moved.push(format!("the leader was {} and is now {}", name(&self.leader), name(&present.leader)));
        } else if self.count(Counter::Lead) != present.count(Counter::Lead) {
            moved.push(format!("{} lost the leader key and acquired it again", name(&present.leader)));
        }
        if self.system_id != present.system_id {
            moved.push("the system identifier changed: this is not the same cluster".to_owned());
        }
        if let (Some(was), Some(is)) = (self.timeline, present.timeline)
            && was != is
        {
            moved.push(format!("the timeline was {was} and is now {is}"));
        }
        let counted: BTreeSet<Counter> = self.counters.keys().chain(present.counters.keys()).copied().collect();
        for counter in counted.into_iter().filter(|counter| *counter != Counter::Lead) {
            if self.count(counter) != present.count(counter) {
                moved.push(counter.to_string());
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_wrote_down_is_read() {
        let written = r#"{"leader":"pg-0","leader_revision":41,"config_revision":7,"sync_revision":0,
            "failover_revision":3,"system_id":null,"timeline":5}"#;
        let read: Generation = serde_json::from_str(written).unwrap();
        assert_eq!(read.count(Counter::Lead), 41);
        assert_eq!((read.count(Counter::Configuration), read.count(Counter::PendingOrder)), (7, 3));
        assert_eq!(read.timeline, Some(Timeline(5)));
        let again: Generation = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }

    #[test]
    fn whatever_the_cluster_counts_and_moved_is_reported() {
        let was = Generation { leader: Some("db-a".into()), ..Generation::default() }.counting(Counter::Roles, 1);
        let mut is = was.clone().counting(Counter::Roles, 2);
        assert_eq!(was.moved(&is), ["role, upstream or system identifier of a node changed"]);
        is.leader = None;
        assert_eq!(was.moved(&is).len(), 2);
        assert!(was.moved(&was).is_empty());
    }
}
