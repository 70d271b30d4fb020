//! What Patroni accepts in its dynamic configuration. Source: `validator.py` and `config.py` of Patroni 4.1; Patroni
//! itself takes any JSON, and corrects or ignores in silence what is refused or warned of here.

use std::time::Duration;

use serde_json::{Map, Value};

use super::context::Timing;
use crate::model::agent_reading::{as_integer, flag, integer};

/// What is odd about a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    /// It must not be sent.
    Wrong(String),
    /// It may be sent; the operator should know.
    Warning(String),
}

impl Finding {
    pub(super) fn wrong(&self) -> Option<String> {
        match self {
            Self::Wrong(text) => Some(text.clone()),
            Self::Warning(_) => None,
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        match self {
            Self::Warning(text) => Some(text.clone()),
            Self::Wrong(_) => None,
        }
    }
}

/// What a value may be.
enum Shape {
    /// A whole number, no less and no more than these.
    Whole(i64, i64),
    /// True or false, or one of the words for it.
    Flag,
    /// The same, or `quorum`.
    Synchronous,
    /// An object.
    Object,
    /// A list.
    List,
    /// A number of seconds, or text with a unit.
    Span,
    /// Whatever a script or a member's own file makes of it.
    Any,
}

const UNBOUNDED: i64 = i64::MAX;

/// Keys at the top.
const TOP: [(&str, Shape); 22] = [
    ("ttl", Shape::Whole(20, UNBOUNDED)),
    ("loop_wait", Shape::Whole(1, UNBOUNDED)),
    ("retry_timeout", Shape::Whole(3, UNBOUNDED)),
    ("maximum_lag_on_failover", Shape::Whole(0, UNBOUNDED)),
    ("maximum_lag_on_syncnode", Shape::Whole(-1, UNBOUNDED)),
    ("max_timelines_history", Shape::Whole(0, UNBOUNDED)),
    ("primary_start_timeout", Shape::Whole(0, UNBOUNDED)),
    ("master_start_timeout", Shape::Whole(0, UNBOUNDED)),
    ("primary_stop_timeout", Shape::Whole(0, UNBOUNDED)),
    ("master_stop_timeout", Shape::Whole(0, UNBOUNDED)),
    ("primary_race_backoff", Shape::Whole(0, UNBOUNDED)),
    ("synchronous_node_count", Shape::Whole(1, UNBOUNDED)),
    ("synchronous_mode", Shape::Synchronous),
    ("synchronous_mode_strict", Shape::Flag),
    ("failsafe_mode", Shape::Flag),
    ("check_timeline", Shape::Flag),
    ("member_slots_ttl", Shape::Span),
    ("postgresql", Shape::Object),
    ("standby_cluster", Shape::Object),
    ("slots", Shape::Object),
    ("ignore_slots", Shape::List),
    ("citus", Shape::Object),
];

/// Keys below `postgresql`.
const POSTGRESQL: [(&str, Shape); 21] = [
    ("use_pg_rewind", Shape::Flag),
    ("use_slots", Shape::Flag),
    ("remove_data_directory_on_rewind_failure", Shape::Flag),
    ("remove_data_directory_on_diverged_timelines", Shape::Flag),
    ("pg_ctl_timeout", Shape::Whole(0, UNBOUNDED)),
    ("parameters", Shape::Object),
    ("recovery_conf", Shape::Object),
    ("pg_hba", Shape::List),
    ("pg_ident", Shape::List),
    ("create_replica_methods", Shape::List),
    ("callbacks", Shape::Object),
    ("basebackup", Shape::Any),
    ("rewind", Shape::Any),
    ("custom_conf", Shape::Any),
    ("krbsrvname", Shape::Any),
    ("pre_promote", Shape::Any),
    ("before_stop", Shape::Any),
    ("use_unix_socket", Shape::Flag),
    ("use_unix_socket_repl", Shape::Flag),
    ("bin_dir", Shape::Any),
    ("bin_name", Shape::Object),
];

/// Parameters below `postgresql.parameters` with a range that Patroni knows (`CMDLINE_OPTIONS`): it passes them to PostgreSQL
/// itself, they take effect with a restart, and below the least it takes its own default without a word.
const PARAMETERS: [(&str, i64, i64); 6] = [
    ("max_connections", 25, 262_143),
    ("max_locks_per_transaction", 32, 2_147_483_647),
    ("max_prepared_transactions", 0, 262_143),
    ("max_replication_slots", 4, 262_143),
    ("max_wal_senders", 3, 262_143),
    ("max_worker_processes", 2, 262_143),
];

/// Parameters that take effect with a restart, beside those of [`PARAMETERS`].
const RESTART: [&str; 10] = [
    "archive_mode",
    "hot_standby",
    "huge_pages",
    "shared_buffers",
    "shared_preload_libraries",
    "track_commit_timestamp",
    "wal_buffers",
    "wal_level",
    "wal_log_hints",
    "autovacuum_max_workers",
];

/// What `postgresql` holds in a member's own file, and Patroni ignores here.
const LOCAL: [&str; 7] =
    ["connect_address", "proxy_address", "listen", "config_dir", "data_dir", "pgpass", "authentication"];

/// Sections of a member's own file, that Patroni ignores in the dynamic configuration.
const OF_MEMBERS: [(&str, &str); 16] = [
    ("tags", "tags are set"),
    ("name", "the name of a member is set"),
    ("scope", "the scope is set"),
    ("namespace", "the namespace is set"),
    ("restapi", "the REST API is set up"),
    ("etcd", "the DCS is set up"),
    ("etcd3", "the DCS is set up"),
    ("consul", "the DCS is set up"),
    ("zookeeper", "the DCS is set up"),
    ("exhibitor", "the DCS is set up"),
    ("kubernetes", "the DCS is set up"),
    ("raft", "the DCS is set up"),
    ("log", "logging is set up"),
    ("watchdog", "the watchdog is set up"),
    ("ctl", "patronictl is set up"),
    ("bootstrap", "the bootstrap is set up, and used only once,"),
];

/// Everything odd about `changes`, with the periods in force of what they do not change.
pub(super) fn examine(changes: &Map<String, Value>, timing: Timing) -> Vec<Finding> {
    let mut found = Vec::new();
    section(&mut found, "", changes, &TOP);
    if let Some(postgresql) = changes.get("postgresql").and_then(Value::as_object) {
        let (local, others): (Map<_, _>, Map<_, _>) =
            postgresql.clone().into_iter().partition(|(key, _)| LOCAL.contains(&key.as_str()));
        for key in local.keys() {
            found.push(Finding::Warning(format!(
                "postgresql.{key} has no effect here: set it in the patroni.yml of each member"
            )));
        }
        section(&mut found, "postgresql.", &others, &POSTGRESQL);
        if let Some(parameters) = postgresql.get("parameters").and_then(Value::as_object) {
            of_postgresql(&mut found, parameters);
        }
    }
    found.extend(periods(changes, timing));
    found
}

fn section(found: &mut Vec<Finding>, above: &str, values: &Map<String, Value>, known: &[(&str, Shape)]) {
    for (key, value) in values {
        match known.iter().find(|(name, _)| name == key) {
            None if above.is_empty() && OF_MEMBERS.iter().any(|(known, _)| known == key) => {
                let what = OF_MEMBERS.iter().find(|(known, _)| known == key).map_or("it", |(_, what)| *what);
                found.push(Finding::Wrong(format!(
                    "{key} is not a key of the dynamic configuration: {what} in the patroni.yml of each member; \
                        change it there, then reload"
                )));
            }
            None => found.push(Finding::Warning(format!("{above}{key} is not a known key: check its spelling"))),
            Some(_) if value.is_null() => {}
            Some((_, shape)) => {
                let wanted = shape.unmet(value);
                found
                    .extend(wanted.map(|wanted| Finding::Wrong(format!("{above}{key} must be {wanted}, not {value}"))));
            }
        }
    }
}

impl Shape {
    /// What the value must be, where it is not.
    fn unmet(&self, value: &Value) -> Option<String> {
        let is_flag = || flag(value).is_some();
        let (holds, wanted) = match self {
            Self::Whole(least, most) => {
                (as_integer(value).is_some_and(|number| (*least..=*most).contains(&number)), range(*least, *most))
            }
            Self::Flag => (is_flag(), "true or false".to_owned()),
            Self::Synchronous => {
                let quorum = value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("quorum"));
                (quorum || is_flag(), "true, false or quorum".to_owned())
            }
            Self::Any => (true, String::new()),
            Self::Object => (value.is_object(), "an object".to_owned()),
            Self::List => (value.is_array(), "a list".to_owned()),
            Self::Span => {
                let text = value.as_str().is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
                (text || as_integer(value).is_some_and(|number| number >= 0), "a time such as 30min".to_owned())
            }
        };
        (!holds).then_some(wanted)
    }
}

fn range(least: i64, most: i64) -> String {
    if most == UNBOUNDED {
        format!("a whole number of at least {least}")
    } else {
        format!("a whole number from {least} to {most}")
    }
}

fn of_postgresql(found: &mut Vec<Finding>, parameters: &Map<String, Value>) {
    let mut restart = Vec::new();
    for (name, value) in parameters {
        let ranged = PARAMETERS.iter().find(|(known, ..)| known == name);
        if let Some((_, least, most)) = ranged
            && !value.is_null()
            && let Some(wanted) = Shape::Whole(*least, *most).unmet(value)
        {
            found.push(Finding::Wrong(format!("{name} must be {wanted}, not {value}")));
        }
        if value.is_object() || value.is_array() {
            found.push(Finding::Wrong(format!("{name} must be one value, not {value}")));
        }
        if ranged.is_some() || RESTART.contains(&name.as_str()) {
            restart.push(name.as_str());
        }
    }
    if !restart.is_empty() {
        found.push(Finding::Warning(format!("needs a restart of every member: {}", restart.join(", "))));
    }
}

/// The rule that the three periods keep together. Patroni would change them by itself.
fn periods(changes: &Map<String, Value>, timing: Timing) -> Option<Finding> {
    let period = |key: &str, in_force: Duration, default: i64| match changes.get(key) {
        None => Some(i64::try_from(in_force.as_secs()).unwrap_or(UNBOUNDED)),
        Some(Value::Null) => Some(default),
        Some(value) => integer(value),
    };
    if !["ttl", "loop_wait", "retry_timeout"].iter().any(|key| changes.contains_key(*key)) {
        return None;
    }
    let ttl = period("ttl", timing.ttl, 30)?;
    let (loop_wait, retry) =
        (period("loop_wait", timing.loop_wait, 10)?, period("retry_timeout", timing.retry_timeout, 10)?);
    let least = loop_wait.saturating_add(retry.saturating_mul(2));
    (ttl < least).then(|| {
        Finding::Wrong(format!(
            "ttl {ttl} is less than loop_wait {loop_wait} + 2 × retry_timeout {retry} = {least}: raise ttl or lower the others"
        ))
    })
}
