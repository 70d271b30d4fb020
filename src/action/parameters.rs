//! PostgreSQL's parameters within Patroni's dynamic configuration, and what a restart of a member makes of them.

use serde_json::{Map, Value};

use super::Intent;
use super::configuration;
use crate::action::intent::{ConfigurationIntent, NodeIntent};
use crate::model::agent_reading;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::view::MemberView;

/// What Patroni decides by itself whatever the dynamic configuration says, with the reason. Source: `CMDLINE_OPTIONS` and
/// `get_server_parameters` in `config.py` of Patroni 4.1, and its documentation of the dynamic configuration.
pub const MANAGED: [(&str, &str); 12] = [
    ("listen_addresses", "Patroni takes it from postgresql.listen in the patroni.yml of each member"),
    ("port", "Patroni takes it from postgresql.listen in the patroni.yml of each member"),
    ("cluster_name", "Patroni sets it to the scope"),
    ("hot_standby", "Patroni always sets it to on"),
    ("data_directory", "Patroni takes it from postgresql.data_dir in the patroni.yml of each member"),
    ("config_file", "Patroni writes that file itself"),
    ("external_pid_file", "Patroni starts PostgreSQL itself"),
    ("primary_conninfo", "Patroni sets it depending on the role"),
    ("primary_slot_name", "Patroni sets it depending on the role"),
    ("wal_keep_segments", "Patroni derives wal_keep_size from it, in segments of 16 MB: set wal_keep_size"),
    ("recovery_target_timeline", "Patroni sets it itself"),
    ("synchronous_standby_names", "synchronous mode is on, and Patroni sets it depending on the state of the standbys"),
];

/// What a standby must have at least as much of as its primary, by the control file, and what Patroni sets where nothing is
/// configured. Source: `CheckRequiredParameterValues` in PostgreSQL, `CMDLINE_OPTIONS` in Patroni.
pub(super) const GUARDED_PARAMETERS: [(&str, u64); 5] = [
    ("max_connections", 100),
    ("max_locks_per_transaction", 64),
    ("max_prepared_transactions", 0),
    ("max_wal_senders", 10),
    ("max_worker_processes", 8),
];

/// Which way a guarded parameter goes with a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// It rises: a standby must have it before the primary.
    Rises,
    /// It falls: the primary must have it before a standby.
    Falls,
}

/// A guarded parameter of a member that waits for a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuardedParameter {
    /// Name.
    pub name: Text,
    /// In force.
    pub old: u64,
    /// After the restart.
    pub new: u64,
}

impl GuardedParameter {
    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        if self.new < self.old { Direction::Falls } else { Direction::Rises }
    }

    /// `max_connections falls from 120 to 100`.
    pub fn describe(&self) -> String {
        let way = match self.direction() {
            Direction::Falls => "falls",
            Direction::Rises => "rises",
        };
        format!("{} {way} from {} to {}", self.name, self.old, self.new)
    }
}

/// The parameters that `changes` sets or, with `null`, removes.
pub fn set_by(changes: &Map<String, Value>) -> Map<String, Value> {
    let section = changes.get("postgresql").and_then(|section| section.get("parameters"));
    section.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Whether a plan of `intent` depends on what the servers tell of their settings: which of them there are and what they may
/// be, or which way one that waits for a restart goes.
pub fn needs_settings(intent: &Intent) -> bool {
    match intent {
        // Parameters are held against them, and a logical slot wants a wal_level.
        Intent::Configuration(ConfigurationIntent::Configure { .. }) | Intent::Node(NodeIntent::RollingRestart) => true,
        Intent::Node(NodeIntent::Restart { only_pending, .. }) => *only_pending,
        _ => false,
    }
}

/// Whether a server that answers has not told its settings yet.
pub fn lacks_settings(snapshot: &Snapshot) -> bool {
    let answers = snapshot.members.iter().filter_map(|member| member.sql.as_ref()?.fresh(snapshot.now));
    answers.into_iter().any(|report| report.settings.is_none())
}

/// A parameter's value as PostgreSQL is given it.
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The guarded parameters of `view` that wait for a restart, where it is known which way they go: by the agent's word (Patroni
/// 3.3), else by what the server has in force and what the configuration says.
pub fn guarded(snapshot: &Snapshot, view: MemberView<'_>) -> Vec<GuardedParameter> {
    if !view.pending_restart().is_some_and(|pending| pending.value) {
        return Vec::new();
    }
    let agent = view.member.agent.as_ref().and_then(|agent| agent.fresh(snapshot.now));
    let sql = view.member.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now));
    let config = configuration::present(snapshot).map(|config| set_by(&config));
    let number = |text: &Text| text.as_str().parse::<u64>().ok();
    let of = |(name, default): &(&str, u64)| {
        let listed = agent.and_then(|agent| agent.pending_settings.iter().find(|setting| setting.name == **name));
        let reported = |pick: fn(&crate::model::agent::PendingSetting) -> Option<&Text>| number(pick(listed?)?);
        let in_force = || number(sql?.settings.as_ref()?.get(name)?.value);
        let wanted = || match config.as_ref()?.get(*name) {
            Some(value) => agent_reading::as_integer(value).and_then(|number| u64::try_from(number).ok()),
            None => Some(*default),
        };
        let old = reported(|setting| setting.old.as_ref()).or_else(in_force)?;
        let new = reported(|setting| setting.new.as_ref()).or_else(wanted)?;
        (old != new).then(|| GuardedParameter { name: Text::new(name), old, new })
    };
    GUARDED_PARAMETERS.iter().filter_map(of).collect()
}
