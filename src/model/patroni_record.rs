//! What Patroni records of a cluster, beside what every stack has: its dynamic configuration and its other keys.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::dcs::RawKey;
use super::lag_limit::LagLimit;
use super::lsn::Lsn;
use super::name::NodeName;
use super::record::Counter;
use super::text::Text;

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
        self.missing_changes(changes).is_empty()
    }

    /// The keys of `changes` that the configuration does not hold as wanted, dotted: `postgresql.parameters.work_mem`.
    pub fn missing_changes(&self, changes: &Map<String, Value>) -> Vec<String> {
        let mut missing = Vec::new();
        compare(&self.0, changes, "", &mut missing);
        missing
    }
}

impl std::fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfigValue(..)")
    }
}

fn compare(value: &Value, changes: &Map<String, Value>, path: &str, missing: &mut Vec<String>) {
    for (key, wanted) in changes {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (value.get(key), wanted) {
            (None, Value::Null) => {}
            // A section merged into nothing: whatever it sets is missing, whatever it removes is not there.
            (present, Value::Object(section)) if present.is_none_or(Value::is_object) => {
                compare(present.unwrap_or(&Value::Null), section, &path, missing);
            }
            (Some(present), wanted) if present == wanted && !wanted.is_null() => {}
            _ => missing.push(path),
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
    pub maximum_lag_on_failover: Option<LagLimit>,
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

impl DynamicConfig {
    /// A replica further behind than this, in bytes, is no candidate, by whatever the agents take.
    pub fn maximum_lag(&self) -> LagLimit {
        self.maximum_lag_on_failover.unwrap_or_default()
    }
}

/// Patroni's keys, apart from those that [`super::record::ClusterRecord`] has for every stack.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct PatroniRecord {
    /// Dynamic configuration; `None` where the source does not carry it.
    pub config: Option<DynamicConfig>,
    /// The status key.
    pub status: Option<StatusKey>,
    /// The sync key.
    pub sync: Option<SyncKey>,
    /// Members that answer for failsafe mode, with their address.
    pub failsafe: BTreeMap<NodeName, Text>,
    /// Every key under the prefix, in order; empty where the source has no keys.
    pub keys: Vec<RawKey>,
}

impl PatroniRecord {
    /// Whether `other` tells nothing else than heartbeats do.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.config == other.config
            && self.sync == other.sync
            && self.status == other.status
            && self.failsafe == other.failsafe
    }

    /// Puts in what these keys count. A key that is absent, or was never written, counts 0.
    pub(super) fn count(&self, counters: &mut BTreeMap<Counter, i64>) {
        let revision = |name: &str| {
            let key = self.keys.iter().find(|key| key.name == *name);
            key.map_or(0, |key| key.mod_revision)
        };
        counters.insert(Counter::Configuration, self.config.as_ref().map_or(0, |config| config.mod_revision));
        counters.insert(Counter::SynchronousSet, revision("sync"));
        counters.insert(Counter::PendingOrder, revision("failover"));
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
            assert_eq!(config.missing_changes(&changes(&missed)), [key], "{missed}");
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
