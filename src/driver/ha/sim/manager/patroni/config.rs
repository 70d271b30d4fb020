//! The dynamic configuration: what it says, how it is changed, and what follows from it.

use serde_json::{Map, Value, json};

use crate::model::agent::PendingSetting;
use crate::model::agent_reading;
use crate::model::lag_limit::LagLimit;
use crate::model::text::Text;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, Time};

use super::Patroni;

/// Parameters of PostgreSQL that only a restart puts in force.
const NEED_RESTART: [&str; 11] = [
    "archive_mode",
    "huge_pages",
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "shared_buffers",
    "shared_preload_libraries",
    "wal_level",
];

/// `synchronous_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Synchronous {
    Off,
    On,
    Quorum,
}

/// What the agents make of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// `ttl`: life of a lease.
    pub(crate) ttl: Time,
    /// `loop_wait`: pause between two loops of an agent.
    pub(crate) loop_wait: Time,
    /// `retry_timeout`: how long an agent tries to reach the DCS before it gives its primary up.
    pub(crate) retry_timeout: Time,
    /// `maximum_lag_on_failover`, in bytes.
    pub(crate) most_lag: LagLimit,
    /// `synchronous_mode`.
    pub(crate) synchronous: Synchronous,
    /// `synchronous_mode_strict`.
    pub(crate) strict: bool,
}

impl Settings {
    /// As Patroni reads them: what cannot be read is taken at its default, and times that do not fit into the lease are
    /// shortened until they do.
    pub(crate) fn read(config: &Map<String, Value>) -> Self {
        let read = |key: &str, as_agent: fn(&Value) -> Option<i64>, default: u64| {
            config.get(key).and_then(as_agent).map_or(default, |number| u64::try_from(number).unwrap_or(0))
        };
        let period = |key: &str, default: u64| read(key, agent_reading::integer, default);
        let ttl = period("ttl", 30).max(20);
        let (mut wait, mut retry) = (period("loop_wait", 10).max(1), period("retry_timeout", 10).max(3));
        if 1 + 2 * retry > ttl {
            (wait, retry) = (1, (ttl - 1) / 2);
        } else if wait + 2 * retry > ttl {
            wait = ttl - 2 * retry;
        }
        let synchronous = config.get("synchronous_mode");
        Self {
            ttl: ttl * SECOND,
            loop_wait: wait * SECOND,
            retry_timeout: retry * SECOND,
            most_lag: config
                .get("maximum_lag_on_failover")
                .and_then(agent_reading::as_integer)
                .map_or(LagLimit::DEFAULT, LagLimit),
            synchronous: match synchronous {
                Some(Value::String(word)) if word == "quorum" => Synchronous::Quorum,
                other if is_on(other) => Synchronous::On,
                _ => Synchronous::Off,
            },
            strict: is_on(config.get("synchronous_mode_strict")),
        }
    }
}

/// The configuration of a new cluster, but for maintenance and failsafe mode, which the record keeps by themselves.
pub(crate) fn first(synchronous: bool) -> Map<String, Value> {
    let mut config = json!({
        "ttl": 30,
        "loop_wait": 10,
        "retry_timeout": 10,
        "maximum_lag_on_failover": 1 << 20,
        "postgresql": {
            "use_pg_rewind": true,
            "use_slots": true,
            "parameters": {
                "max_connections": 400,
                "max_wal_size": "8GB",
                "max_slot_wal_keep_size": "64GB",
                "wal_level": "logical",
                "archive_mode": "on",
                "archive_command": "pgbackrest --stanza=main archive-push %p"
            }
        },
        "slots": { "orders_cdc": { "type": "logical", "database": "orders", "plugin": "pgoutput" } }
    });
    if synchronous {
        config["synchronous_mode"] = Value::Bool(true);
    }
    config.as_object().cloned().unwrap_or_default()
}

/// Whether a setting is on, in any of the ways in which Patroni lets it be said.
fn is_on(value: Option<&Value>) -> bool {
    value.and_then(agent_reading::flag) == Some(true)
}

/// Merges `changes` in: `null` removes a key, an object goes into an object, anything else replaces. Returns whether
/// anything is another than before.
fn merge(config: &mut Map<String, Value>, changes: &Map<String, Value>) -> bool {
    let mut differs = false;
    for (key, value) in changes {
        differs |= match (value, config.get_mut(key)) {
            (Value::Null, _) => config.remove(key).is_some(),
            (Value::Object(inner), Some(Value::Object(present))) => merge(present, inner),
            (value, Some(present)) if present == value => false,
            (value, _) => {
                config.insert(key.clone(), value.clone());
                true
            }
        };
    }
    differs
}

impl Patroni {
    /// The whole value of the config key.
    pub(crate) fn config_value(&self) -> Map<String, Value> {
        let mut config = self.record.config.clone();
        for (name, on) in [("failsafe_mode", self.record.failsafe), ("pause", self.record.paused)] {
            if on {
                config.insert(name.to_owned(), Value::Bool(true));
            }
        }
        config
    }

    /// Changes the configuration as `PATCH /config` does; every agent sees it by its watch.
    pub(super) fn patch_config(&mut self, world: &mut World, changes: &Map<String, Value>) {
        let mut config = self.config_value();
        let before = config.clone();
        if !merge(&mut config, changes) {
            return;
        }
        self.record.paused = is_on(config.remove("pause").as_ref());
        self.record.failsafe = is_on(config.remove("failsafe_mode").as_ref());
        self.record.settings = Settings::read(&config);
        self.record.config = config;
        self.record.config_modified = self.bump();
        (world.parameters, world.slots) = written(&self.record.config);
        self.await_restarts(world, &before);
        for index in 0..world.nodes.len() {
            world.renew_settings(index);
            self.agents[index].reload_asked = true;
            self.speed_up(world, index);
        }
    }

    /// Every member waits for a restart where a parameter that needs one is another than `before`.
    fn await_restarts(&self, world: &mut World, before: &Map<String, Value>) {
        for name in NEED_RESTART {
            let (old, new) = (parameter(before, name), parameter(&self.record.config, name));
            if old == new {
                continue;
            }
            for node in &mut world.nodes {
                let waits = node.pending.iter().position(|setting| setting.name == *name);
                let in_force = waits.map_or(old.clone(), |waits| node.pending.remove(waits).old);
                // Changed back to what is in force: nothing waits any more.
                if in_force != new {
                    node.pending.push(PendingSetting { name: Text::new(name), old: in_force, new: new.clone() });
                }
            }
        }
    }
}

/// What the agents write into PostgreSQL's files, and the slots that they keep on every member.
pub(super) fn written(config: &Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    (object(config.get("postgresql").and_then(|section| section.get("parameters"))), object(config.get("slots")))
}

/// A parameter of PostgreSQL as text.
fn parameter(config: &Map<String, Value>, name: &str) -> Option<Text> {
    let value = config.get("postgresql")?.get("parameters")?.get(name)?;
    Some(Text::new(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_patch_goes_into_what_is_there_and_null_removes() {
        let mut config = map(&json!({ "ttl": 30, "postgresql": { "use_slots": true, "parameters": { "a": 1 } } }));
        let changes =
            map(&json!({ "ttl": 40, "postgresql": { "use_slots": null, "parameters": { "b": 2 } }, "x": null }));
        assert!(merge(&mut config, &changes));
        assert_eq!(config, map(&json!({ "ttl": 40, "postgresql": { "parameters": { "a": 1, "b": 2 } } })));
        assert!(!merge(&mut config, &map(&json!({ "ttl": 40, "x": null }))), "nothing new");
    }

    #[test]
    fn times_that_do_not_fit_into_the_lease_are_shortened() {
        let read = |value: Value| {
            let settings = Settings::read(&map(&value));
            (settings.ttl / SECOND, settings.loop_wait / SECOND, settings.retry_timeout / SECOND)
        };
        assert_eq!(read(json!({})), (30, 10, 10));
        assert_eq!(read(json!({ "ttl": 5, "loop_wait": 0 })), (20, 1, 9));
        assert_eq!(read(json!({ "ttl": 30, "loop_wait": 60 })), (30, 10, 10));
        assert_eq!(read(json!({ "ttl": "soon", "retry_timeout": 40 })), (30, 1, 14));
    }
}
