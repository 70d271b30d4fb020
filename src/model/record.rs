//! The cluster's record: who leads and who belongs to it, by whoever keeps it (a DCS, a node that relays one, or, where
//! nobody does, the nodes' own words put together). What only one kind of stack records is in [`StackRecord`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::agent::Registration;
use super::dcs::RawKey;
use super::lsn::{Lsn, SystemId, Timeline};
use super::name::NodeName;
use super::patroni_record::{DynamicConfig, PatroniRecord, StatusKey, SyncKey};
use super::text::Text;

/// Who leads: the leader key, or what stands for it where no DCS keeps one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lead {
    /// Member that holds the lock.
    pub holder: NodeName,
    /// Revision at which this holding began; changes with each new leader. 0 where the source has no revisions.
    pub create_revision: i64,
    /// Revision of the newest heartbeat.
    pub mod_revision: i64,
    /// Time left on the lease when it was asked for.
    pub lease_left: Option<Duration>,
}

/// One entry of the history key: how a timeline ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HistoryEntry {
    /// Timeline that ended.
    pub timeline: Timeline,
    /// Where it ended.
    pub lsn: Lsn,
    /// PostgreSQL's reason.
    pub reason: Text,
    /// When the next timeline began; absent in old records.
    pub at: Option<Timestamp>,
    /// Leader of the next timeline; absent in old records.
    pub new_leader: Option<NodeName>,
}

/// The failover key with content: an order that waits, runs, or is scheduled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PendingOrder {
    /// Present leader, in a switchover.
    pub leader: Option<NodeName>,
    /// Wanted leader.
    pub candidate: Option<NodeName>,
    /// Time it is scheduled for, in the source's words.
    pub scheduled_at: Option<Text>,
}

/// The operation lock: somebody acts on the cluster, from whichever console.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OperationLock {
    /// Who: `user@host`; empty where the key cannot be read as a lock.
    pub holder: Text,
    /// What is done, such as `switchover`; empty where it cannot be read.
    pub verb: Text,
    /// Since when, by the holder's clock.
    pub since: Option<Timestamp>,
    /// Why, where a reason was given.
    pub reason: Option<Text>,
    /// Identifier of the action, as the journal and the job have it.
    pub action: Text,
}

impl OperationLock {
    /// `switchover by alice@bastion: reason`.
    pub fn describe(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        if self.holder.is_empty() {
            "held by an unknown owner".to_owned()
        } else {
            format!("{} by {}{reason}", self.verb, self.holder)
        }
    }
}

/// Which cluster a record is of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RecordLocation {
    /// Namespace, with a slash at both ends; `None`: the source does not tell.
    pub namespace: Option<Text>,
    /// Scope; of a group of a Citus cluster with the group, `shop/0`.
    pub scope: Text,
}

/// A scope without the group of a Citus cluster, which agents leave out of what they tell: `shop` of `shop/0`.
pub fn without_group(scope: &str) -> &str {
    match scope.rsplit_once('/') {
        Some((scope, group)) if !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()) => scope,
        Some(_) | None => scope,
    }
}

/// Something that the cluster itself counts or names, and that moves when what it is about has changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counter {
    /// Who leads, apart from the name: the revision at which the leader took the lock.
    Lead,
    /// The configuration that the whole cluster shares.
    Configuration,
    /// Which standbys are synchronous.
    SynchronousSet,
    /// Orders for a handover.
    PendingOrder,
    /// Who is who where nobody keeps a record: each node's role, system identifier and upstream, as one number.
    Roles,
}

impl fmt::Display for Counter {
    /// What has happened when it moved.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lead => "the leader lost the leader key and acquired it again",
            Self::Configuration => "the dynamic configuration was changed",
            Self::SynchronousSet => "the synchronous set was changed",
            Self::PendingOrder => "another failover or switchover was requested",
            Self::Roles => "role, upstream or system identifier of a node changed",
        })
    }
}

/// What only one kind of stack records.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackRecord {
    /// Patroni's keys, in the DCS or as a node relays them. Shared, since heartbeats leave them as they are.
    Patroni(Arc<PatroniRecord>),
    /// Nobody keeps a record: it was put together from what the nodes say.
    Nodes {
        /// Hash of who is what; equal numbers mean that nobody changed its role, upstream or system identifier.
        roles: u64,
        /// Why nobody can be named as the leader; `None`: one can.
        doubt: Option<Text>,
    },
}

impl Default for StackRecord {
    fn default() -> Self {
        Self::Patroni(Arc::default())
    }
}

/// The cluster as its record has it.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct ClusterRecord {
    /// Who leads; `None`: nobody holds the lead.
    pub leader: Option<Lead>,
    /// Members on record.
    pub members: Vec<Registration>,
    /// System identifier on record; `None`: absent or being bootstrapped.
    pub system_id: Option<SystemId>,
    /// How earlier timelines ended, oldest first.
    pub history: Vec<HistoryEntry>,
    /// An order for a handover that waits, runs, or is scheduled.
    pub order: Option<PendingOrder>,
    /// Who acts on the cluster at present; `None`: nobody, or the source cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<OperationLock>,
    /// Maintenance mode, where the source says so apart from the configuration.
    pub paused: bool,
    /// Which cluster the source says this is; `None`: it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "place")]
    pub location: Option<RecordLocation>,
    /// Revision of the store at the answer; 0 where the source has none.
    pub revision: i64,
    /// Values that could not be read, each in one line: shown, never guessed.
    pub defects: Vec<Text>,
    /// What only this kind of stack records.
    #[serde(rename = "own")]
    pub stack_record: StackRecord,
}

impl ClusterRecord {
    /// The registration of `name`.
    pub fn member(&self, name: &NodeName) -> Option<&Registration> {
        self.members.iter().find(|member| member.name == *name)
    }

    /// Patroni's keys; `None` where the cluster is not Patroni's.
    pub fn patroni(&self) -> Option<&PatroniRecord> {
        match &self.stack_record {
            StackRecord::Patroni(own) => Some(own),
            StackRecord::Nodes { .. } => None,
        }
    }

    /// The same, to be filled in. A record of another kind becomes Patroni's.
    pub fn patroni_mut(&mut self) -> &mut PatroniRecord {
        if !matches!(self.stack_record, StackRecord::Patroni(_)) {
            self.stack_record = StackRecord::default();
        }
        match &mut self.stack_record {
            StackRecord::Patroni(own) => Arc::make_mut(own),
            StackRecord::Nodes { .. } => unreachable!("Patroni just took it over"),
        }
    }

    /// The dynamic configuration; `None` where the source does not carry it, or the stack has none.
    pub fn config(&self) -> Option<&DynamicConfig> {
        self.patroni()?.config.as_ref()
    }

    /// Which standbys are synchronous; `None`: the source does not tell, or the stack keeps no such list.
    pub fn sync(&self) -> Option<&SyncKey> {
        self.patroni()?.sync.as_ref()
    }

    /// The leader's WAL position and those of the permanent slots, as it last wrote them down.
    pub fn status(&self) -> Option<&StatusKey> {
        self.patroni()?.status.as_ref()
    }

    /// Why nobody can be named as the leader, where nobody keeps a record and the nodes' words do not tell.
    pub fn doubt(&self) -> Option<&Text> {
        match &self.stack_record {
            StackRecord::Nodes { doubt, .. } => doubt.as_ref(),
            StackRecord::Patroni(_) => None,
        }
    }

    /// The store's keys as they are; empty where there are none.
    pub fn keys(&self) -> &[RawKey] {
        self.patroni().map_or(&[], |own| &own.keys)
    }

    /// What the cluster counts, with the present values. What a source does not count is left out.
    pub fn counters(&self) -> BTreeMap<Counter, i64> {
        let mut counters = BTreeMap::new();
        if let Some(leader) = &self.leader {
            counters.insert(Counter::Lead, leader.create_revision);
        }
        match &self.stack_record {
            StackRecord::Patroni(own) => own.count(&mut counters),
            StackRecord::Nodes { roles, .. } => {
                counters.insert(Counter::Roles, roles.cast_signed());
            }
        }
        counters
    }

    /// Whether `other` tells nothing else than heartbeats do: renewed leases, younger revisions.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let lead = |record: &Self| record.leader.as_ref().map(|lead| (lead.holder.clone(), lead.create_revision));
        let own = match (&self.stack_record, &other.stack_record) {
            (StackRecord::Patroni(own), StackRecord::Patroni(others)) => {
                Arc::ptr_eq(own, others) || own.says_the_same_as(others)
            }
            (own, others) => own == others,
        };
        own && lead(self) == lead(other)
            && self.members == other.members
            && self.system_id == other.system_id
            && self.history == other.history
            && self.order == other.order
            && self.paused == other.paused
            && self.defects == other.defects
    }

    /// Whether maintenance mode is on by any word of the record.
    pub fn is_paused(&self) -> bool {
        self.paused || self.config().is_some_and(|config| config.paused)
    }
}
