//! The distributed configuration store: the cluster's keys in it, and the health of its own members.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::agent::Registration;
use super::lsn::{Lsn, SystemId, Timeline};
use super::name::NodeName;
use super::text::Text;

/// The leader key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LeaderKey {
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

/// The sync key: who is synchronous at present.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SyncKey {
    /// Leader that wrote it; `None` while it is unset.
    pub leader: Option<NodeName>,
    /// Synchronous (or quorum) standbys.
    pub standbys: Vec<NodeName>,
    /// Votes needed besides the leader's, with quorum commit.
    pub quorum: Option<u32>,
}

/// The failover key with content: an order that waits, runs, or is scheduled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FailoverKey {
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
    pub fn words(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        if self.holder.is_empty() {
            "held by somebody that cannot be read".to_owned()
        } else {
            format!("{} by {}{reason}", self.verb, self.holder)
        }
    }
}

/// The status key.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct StatusKey {
    /// Leader's WAL position, refreshed once a loop.
    pub optime: Option<Lsn>,
    /// Positions of the permanent slots.
    pub slots: BTreeMap<Text, Lsn>,
}

/// The dynamic configuration as it is stored, with whatever passwords are in it: neither printed nor written anywhere.
/// What is shown of it is [`DynamicConfig::lines`].
#[derive(Clone, PartialEq, Default)]
pub struct ConfigValue(Value);

impl ConfigValue {
    /// Takes the parsed value.
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// Whether `changes` would change nothing: each key holds its value, and each `null` is absent. Sections are
    /// compared key by key, as Patroni merges them.
    pub fn holds(&self, changes: &Map<String, Value>) -> bool {
        self.lacking(changes).is_empty()
    }

    /// The keys of `changes` that the configuration does not hold as wanted, dotted: `postgresql.parameters.work_mem`.
    pub fn lacking(&self, changes: &Map<String, Value>) -> Vec<String> {
        let mut lacking = Vec::new();
        compare(&self.0, changes, "", &mut lacking);
        lacking
    }
}

impl std::fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfigValue(..)")
    }
}

fn compare(value: &Value, changes: &Map<String, Value>, path: &str, lacking: &mut Vec<String>) {
    for (key, wanted) in changes {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (value.get(key), wanted) {
            (None, Value::Null) => {}
            // A section merged into nothing: whatever it sets is missing, whatever it removes is not there.
            (present, Value::Object(section)) if present.is_none_or(Value::is_object) => {
                compare(present.unwrap_or(&Value::Null), section, &path, lacking);
            }
            (Some(present), wanted) if present == wanted && !wanted.is_null() => {}
            _ => lacking.push(path),
        }
    }
}

/// Where a standby cluster's WAL comes from, by its configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct StandbySource {
    /// Host (or hosts) to stream from; `None`: it is fed by `restore_command` alone.
    pub host: Option<Text>,
    /// Port, where one is set.
    pub port: Option<Text>,
    /// WAL may come from an archive, too.
    pub restores: bool,
}

/// What a permanent slot is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PermanentSlot {
    /// For a standby, or another cluster.
    Physical,
    /// For a consumer of changes.
    Logical,
}

/// The dynamic configuration: the settings that this program reasons about, and the whole text for display.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct DynamicConfig {
    /// Life of the leader lease.
    pub ttl: Option<Duration>,
    /// Pause between two loops of an agent.
    pub loop_wait: Option<Duration>,
    /// How long a DCS or PostgreSQL operation is retried.
    pub retry_timeout: Option<Duration>,
    /// A replica further behind than this, in bytes, is no candidate. `None`: not configured, or nothing that an agent can
    /// read; see [`Self::maximum_lag`].
    pub maximum_lag_on_failover: Option<u64>,
    /// Synchronous mode is on, with or without quorum.
    pub synchronous_mode: bool,
    /// Writes stop rather than go on unreplicated.
    pub synchronous_mode_strict: bool,
    /// Quorum commit.
    pub quorum: bool,
    /// Failsafe mode is on.
    pub failsafe_mode: bool,
    /// Maintenance mode is on.
    pub paused: bool,
    /// The cluster follows another cluster.
    pub standby_cluster: bool,
    /// Where that cluster's WAL comes from; `None`: it follows none.
    pub standby_source: Option<StandbySource>,
    /// Permanent slots (`slots`), which Patroni keeps on every node.
    pub permanent_slots: BTreeMap<Text, PermanentSlot>,
    /// The whole value, as text, one line an element, secrets masked.
    pub lines: Vec<Text>,
    /// The whole value, to compare with and never to show.
    #[serde(skip)]
    pub value: ConfigValue,
    /// Revision of the key.
    pub mod_revision: i64,
}

/// What an agent takes for `maximum_lag_on_failover` where it is not configured, in bytes.
pub const MAXIMUM_LAG: u64 = 1 << 20;

impl DynamicConfig {
    /// A replica further behind than this, in bytes, is no candidate, by whatever the agents take.
    pub fn maximum_lag(&self) -> u64 {
        self.maximum_lag_on_failover.unwrap_or(MAXIMUM_LAG)
    }
}

/// One raw key, for the DCS view.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RawKey {
    /// Path below the cluster's prefix.
    pub name: Text,
    /// Value, secrets masked, cut where long.
    pub value: Text,
    /// Revision at which it was created.
    pub create_revision: i64,
    /// Revision at which it was last written.
    pub mod_revision: i64,
    /// Whether it hangs on a lease.
    pub leased: bool,
}

/// Which cluster a record is of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RecordPlace {
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

/// The cluster as the DCS has it on record.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct DcsContent {
    /// The leader key; `None`: nobody holds the lock.
    pub leader: Option<LeaderKey>,
    /// Members on record.
    pub members: Vec<Registration>,
    /// Dynamic configuration; `None` where the source does not carry it.
    pub config: Option<DynamicConfig>,
    /// System identifier in the initialize key; `None`: absent or being bootstrapped.
    pub system_id: Option<SystemId>,
    /// How earlier timelines ended, oldest first.
    pub history: Vec<HistoryEntry>,
    /// The status key.
    pub status: Option<StatusKey>,
    /// The sync key.
    pub sync: Option<SyncKey>,
    /// The failover key, only with content.
    pub failover: Option<FailoverKey>,
    /// Members that answer for failsafe mode, with their address.
    pub failsafe: BTreeMap<NodeName, Text>,
    /// Who acts on the cluster at present; `None`: nobody, or the source cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<OperationLock>,
    /// Maintenance mode, where the source says so apart from the configuration.
    pub paused: bool,
    /// Which cluster the source says this is; `None`: it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<RecordPlace>,
    /// Revision of the store at the answer; 0 where the source has none.
    pub revision: i64,
    /// Every key under the prefix, in order.
    pub keys: Vec<RawKey>,
    /// Values that could not be read, each in one line: shown, never guessed.
    pub defects: Vec<Text>,
}

impl DcsContent {
    /// The registration of `name`.
    pub fn member(&self, name: &NodeName) -> Option<&Registration> {
        self.members.iter().find(|member| member.name == *name)
    }

    /// Whether `other` tells nothing else than heartbeats do: renewed leases, younger revisions.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let lock = |content: &Self| content.leader.as_ref().map(|lock| (lock.holder.clone(), lock.create_revision));
        lock(self) == lock(other)
            && self.members == other.members
            && self.config == other.config
            && self.system_id == other.system_id
            && self.history == other.history
            && self.status == other.status
            && self.sync == other.sync
            && self.failover == other.failover
            && self.failsafe == other.failsafe
            && self.paused == other.paused
            && self.defects == other.defects
    }

    /// Whether maintenance mode is on by any word of the record.
    pub fn is_paused(&self) -> bool {
        self.paused || self.config.as_ref().is_some_and(|config| config.paused)
    }
}

/// An alarm of the DCS. Every member tells those of all members.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DcsAlarm {
    /// What is wrong.
    pub kind: DcsAlarmKind,
    /// The member that raised it, by name or else by identifier; empty where that is not told.
    pub raised_by: Text,
    /// Whether the member that tells it raised it itself.
    pub own: bool,
}

/// What an alarm of the DCS says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DcsAlarmKind {
    /// A quota is used up: only reads and deletes work, on every member.
    NoSpace,
    /// The member's data is corrupt.
    Corrupt,
    /// An alarm this version does not know, in etcd's words.
    Other(Text),
}

impl fmt::Display for DcsAlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => f.write_str("NOSPACE"),
            Self::Corrupt => f.write_str("CORRUPT"),
            Self::Other(words) => fmt::Display::fmt(words, f),
        }
    }
}

/// Whether a member can serve reads that need the majority.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// A linearizable read went through.
    Reached,
    /// The member answers, but a linearizable read does not go through.
    Missing,
    /// Not tried, or not allowed to try.
    Unknown,
}

/// One DCS member's own word on itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DcsMember {
    /// The member's identifier.
    pub id: u64,
    /// The member's name, from the member list; empty if it never started or the list could not be had.
    pub name: Text,
    /// Server version; empty where it was not told.
    pub version: Text,
    /// Whom it sees as leader of the DCS.
    pub leader: RaftLeader,
    /// Raft term; `None` where nothing told it.
    pub term: Option<u64>,
    /// Store revision.
    pub revision: i64,
    /// Raft log index; `None` where its status is not told.
    pub raft_index: Option<u64>,
    /// Applied index; far behind `raft_index` is a slow member.
    pub raft_applied: Option<u64>,
    /// Database size on disk, in bytes; `None` where its status is not told.
    pub db_size: Option<u64>,
    /// Bytes in use; unknown on old servers.
    pub db_in_use: Option<u64>,
    /// Quota in bytes, since etcd 3.6.
    pub db_quota: Option<u64>,
    /// Does not vote; `None` where nobody tells.
    pub learner: Option<bool>,
    /// Why the member keeps its status (version, leader, size) from the login used, in its own words. Since etcd 3.5.28
    /// with authentication it is for root alone. `None`: it told.
    pub status_refused: Option<Text>,
    /// Alarms of the DCS as this member tells them.
    pub alarms: Vec<DcsAlarm>,
    /// Whether it reaches the majority.
    pub quorum: Quorum,
    /// Time a status call took.
    pub latency: Duration,
    /// Voting members in its member list; 0 where the list could not be had.
    pub voters: u32,
}

impl DcsMember {
    /// Whether this member is the raft leader.
    pub fn leads(&self) -> bool {
        self.id != 0 && self.leader == RaftLeader::Known(self.id)
    }

    /// Its term in words; `?` where nothing told it.
    pub fn term_words(&self) -> String {
        self.term.map_or_else(|| "?".to_owned(), |term| term.to_string())
    }

    /// Whether it raised an alarm itself.
    pub fn raises_alarm(&self) -> bool {
        self.alarms.iter().any(|alarm| alarm.own)
    }

    /// Entries of the raft log that are not applied yet; `None` where its status is not told.
    pub fn raft_behind(&self) -> Option<u64> {
        Some(self.raft_index?.saturating_sub(self.raft_applied?))
    }

    /// Used share of its quota in percent; `None` where size or quota is not told.
    pub fn quota_used(&self) -> Option<u64> {
        let quota = self.db_quota.filter(|quota| *quota > 0)?;
        Some(self.db_size?.saturating_mul(100) / quota)
    }
}

/// Whom a member of the DCS sees as the DCS's own leader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RaftLeader {
    /// The member with this identifier.
    Known(u64),
    /// Nobody: it is cut off, or an election is on.
    Nobody,
    /// It does not tell this login.
    Unknown,
}

impl RaftLeader {
    /// From etcd's status answer, where 0 is nobody.
    pub fn from_id(id: u64) -> Self {
        if id == 0 { Self::Nobody } else { Self::Known(id) }
    }
}

impl fmt::Display for RaftLeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "{id:x}"),
            Self::Nobody => f.write_str("nobody"),
            Self::Unknown => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_change_is_held_where_every_key_of_it_is() {
        let config = ConfigValue::new(json!({"ttl": 30, "postgresql": {"parameters": {"work_mem": "8MB"}}}));
        for held in [
            json!({"ttl": 30}),
            json!({"pause": null}),
            json!({"postgresql": {"parameters": {"work_mem": "8MB", "wal_level": null}}}),
            json!({"slots": {"cdc": null}}),
        ] {
            assert!(config.holds(&changes(&held)), "{held}");
        }
        for (missed, key) in [
            (json!({"ttl": 31}), "ttl"),
            (json!({"ttl": null}), "ttl"),
            (json!({"postgresql": {"parameters": {"work_mem": "9MB"}}}), "postgresql.parameters.work_mem"),
            (json!({"slots": {"cdc": {"type": "logical"}}}), "slots.cdc.type"),
            (json!({"ttl": {"a": 1}}), "ttl"),
        ] {
            assert_eq!(config.lacking(&changes(&missed)), [key], "{missed}");
        }
    }

    #[test]
    fn a_password_in_the_configuration_is_not_printed() {
        let value = ConfigValue::new(json!({"standby_cluster": {"primary_conninfo": "password=hunter2"}}));
        let config = DynamicConfig { value, ..DynamicConfig::default() };
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
    }
}
