//! How Patroni writes its record, wherever it is read: the keys in etcd and the answers of its REST interface are made
//! of the same pieces. Pure functions from JSON to the model; what cannot be read is left unknown or told as a defect.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::client::lenient;
use crate::model::agent::{Address, PendingSetting, Registration, ScheduledRestart, Tags};
use crate::model::agent_reading;
use crate::model::lag_limit::LagLimit;
use crate::model::lsn::{Lsn, Timeline};
use crate::model::name::NodeName;
use crate::model::patroni_record::{ConfigValue, DynamicConfig, PermanentSlot, StandbySource, SyncKey};
use crate::model::record::{HistoryEntry, PendingOrder};
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::text::{MASK, Text};

/// Lines kept of a dynamic configuration; an honest one has some dozens.
const MAX_LINES: usize = 2000;

/// Tags of a site's own that are kept of one member.
const MAX_OTHER_TAGS: usize = 32;

/// Timelines kept of a history: each is one promotion, and Patroni keeps 100 unless told otherwise.
const MAX_HISTORY: usize = 1000;

/// Port of PostgreSQL where a connection URL names none.
const POSTGRES_PORT: u16 = 5432;

/// A member as its key in etcd (`members/NAME`) or its entry in `/cluster` describes it. The two differ in few keys,
/// and both are read here: `conn_url` or `host` and `port`; `xlog_location` as bytes or `lsn` as text.
pub fn registration(name: NodeName, record: &Value) -> Registration {
    let role_name = as_str(record, "role");
    let role = Role::from_name(&role_name);
    let (pending_restart, pending_settings) = pending(record);
    Registration {
        name,
        state: state(record, &role),
        api_url: record.get("api_url").and_then(Value::as_str).and_then(base_url),
        postgres: record.get("conn_url").and_then(Value::as_str).and_then(address_from_conn_url).or_else(|| {
            let host = record.get("host").and_then(Value::as_str).filter(|host| !host.trim().is_empty())?;
            let port = record.get("port").map_or(Some(u64::from(POSTGRES_PORT)), lenient::unsigned)?;
            Some(Address { host: Text::new(host), port: u16::try_from(port).ok()? })
        }),
        timeline: record.get("timeline").and_then(timeline),
        position: position(record),
        lag: record.get("lag").and_then(lenient::unsigned),
        sync: sync_of_role(&role_name),
        agent_version: record.get("version").and_then(Value::as_str).map(Text::new),
        tags: record.get("tags").map(tags).unwrap_or_default(),
        pending_restart,
        pending_settings,
        scheduled_restart: record.get("scheduled_restart").and_then(scheduled_restart),
        paused: record.get("pause").and_then(lenient::flag).unwrap_or(false),
        occurrences: 1,
        role,
    }
}

/// Which kind of synchronous standby the words that `/cluster` uses for a role mean.
pub fn sync_of_role(word: &str) -> Option<SyncState> {
    match word {
        "sync_standby" => Some(SyncState::Sync),
        "quorum_standby" => Some(SyncState::Quorum),
        _ => None,
    }
}

/// A member's tags, from the value of `tags`, judged as Patroni judges them (`patroni/tags.py`). Explicit `false` and
/// `null` are no tags, but a false `nofailover` or `nosync` beats the priority beside it.
pub fn tags(value: &Value) -> Tags {
    let mut tags = Tags::default();
    let Some(object) = value.as_object() else { return tags };
    for (name, value) in object {
        let set = truth(value);
        match name.as_str() {
            "nofailover" => (tags.nofailover, tags.failover_allowed) = (set, !set && !value.is_null()),
            "noloadbalance" => tags.noloadbalance = set,
            "nosync" => (tags.nosync, tags.sync_allowed) = (set, !set && !value.is_null()),
            // The one flag that Patroni reads as a word: "false" is false here.
            "nostream" => tags.nostream = agent_reading::flag(value).unwrap_or(false),
            "clonefrom" => tags.clonefrom = set,
            "replicatefrom" => {
                tags.replicatefrom = value.as_str().filter(|name| !name.is_empty()).map(NodeName::new);
            }
            "failover_priority" => tags.failover_priority = agent_reading::as_integer(value),
            "sync_priority" => tags.sync_priority = agent_reading::as_integer(value),
            _ => {
                // They are only shown; what is beyond is no tag that anybody reads.
                let has_room = tags.other.len() < MAX_OTHER_TAGS;
                if has_room && !value.is_null() && *value != Value::Bool(false) {
                    tags.other.insert(Text::new(name), Text::redacted(plain(value)));
                }
            }
        }
        if set && FLAGS.contains(&name.as_str()) && *value != Value::Bool(true) {
            tags.as_written.insert(Text::new(name), Text::redacted(masked(value).to_string()));
        }
    }
    tags
}

/// Flags of which Patroni asks no more than whether Python takes their value as true.
const FLAGS: [&str; 4] = ["nofailover", "noloadbalance", "nosync", "clonefrom"];

/// Whether Python takes a value as true: any text but the empty one, `"false"` too; any number but zero.
fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

/// Whether a restart is needed and for which settings, from the record that holds `pending_restart` and, since
/// Patroni 3.3, `pending_restart_reason`.
pub fn pending(record: &Value) -> (bool, Vec<PendingSetting>) {
    let reasons = record.get("pending_restart_reason").and_then(Value::as_object);
    let settings: Vec<_> = reasons.into_iter().flatten().map(|(name, reason)| pending_setting(name, reason)).collect();
    let flagged = record.get("pending_restart").and_then(lenient::flag).unwrap_or(false);
    (flagged || !settings.is_empty(), settings)
}

fn pending_setting(name: &str, reason: &Value) -> PendingSetting {
    let side = |key| reason.get(key).filter(|value| !value.is_null()).map(|value| Text::redacted(plain(value)));
    PendingSetting { name: Text::new(name), old: side("old_value"), new: side("new_value") }
}

/// A scheduled restart, from the value of `scheduled_restart`. `None` where nothing is scheduled.
pub fn scheduled_restart(value: &Value) -> Option<ScheduledRestart> {
    let object = value.as_object().filter(|object| !object.is_empty())?;
    let mut conditions = Vec::new();
    for (name, value) in object {
        match name.as_str() {
            "schedule" | "postmaster_start_time" => {}
            // Patroni looks at the presence of this key, not at its value.
            "restart_pending" => conditions.push(Text::new("only if a restart is pending")),
            "postgres_version" => conditions.push(Text::new(format!("only below version {}", plain(value)))),
            "role" => conditions.push(Text::new(format!("only as {}", plain(value)))),
            _ => conditions.push(Text::redacted(format!("{name}: {}", plain(value)))),
        }
    }
    let at = object.get("schedule").and_then(Value::as_str).map(Text::new).unwrap_or_default();
    Some(ScheduledRestart { at, conditions })
}

/// How earlier timelines ended, from the value of the history key or of `/history`, with one line for each entry that
/// cannot be read.
pub fn history(value: &Value) -> (Vec<HistoryEntry>, Vec<Text>) {
    let Some(items) = value.as_array() else {
        let silent = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        let defect = || vec![Text::redacted(format!("history: {} where a list should be", brief(value)))];
        return (Vec::new(), if silent { Vec::new() } else { defect() });
    };
    let mut entries = Vec::with_capacity(items.len().min(MAX_HISTORY));
    let mut defects = Vec::new();
    // The newest stand last.
    for (number, item) in (1..).zip(items).skip(items.len().saturating_sub(MAX_HISTORY)) {
        match history_entry(item) {
            Some(entry) => entries.push(entry),
            None => {
                let of = format!("history: entry {number} of {}", items.len());
                defects.push(Text::redacted(format!("{of} is {}, not a timeline with its end", brief(item))));
            }
        }
    }
    (entries, defects)
}

fn history_entry(item: &Value) -> Option<HistoryEntry> {
    let fields = item.as_array()?;
    Some(HistoryEntry {
        timeline: fields.first().and_then(timeline)?,
        lsn: fields.get(1).and_then(lsn)?,
        reason: fields.get(2).and_then(Value::as_str).map(Text::new).unwrap_or_default(),
        at: fields.get(3).and_then(Value::as_str).and_then(timestamp),
        new_leader: fields.get(4).and_then(Value::as_str).map(NodeName::new),
    })
}

/// The dynamic configuration, from the value of the config key or of `/config`. Flags and numbers are what Patroni makes of
/// them.
pub fn dynamic_config(value: &Value, mod_revision: i64) -> DynamicConfig {
    let flag = |key| value.get(key).and_then(agent_reading::flag).unwrap_or(false);
    let [ttl, loop_wait, retry_timeout] = periods(value);
    let most_lag = value.get("maximum_lag_on_failover").and_then(agent_reading::as_integer);
    let quorum = as_str(value, "synchronous_mode").eq_ignore_ascii_case("quorum");
    DynamicConfig {
        ttl,
        loop_wait,
        retry_timeout,
        maximum_lag_on_failover: most_lag.map(LagLimit),
        synchronous_mode: quorum || flag("synchronous_mode"),
        synchronous_mode_strict: flag("synchronous_mode_strict"),
        quorum,
        failsafe_mode: flag("failsafe_mode"),
        paused: flag("pause"),
        standby_cluster: value.get("standby_cluster").is_some_and(follows_another),
        standby_source: value.get("standby_cluster").filter(|section| follows_another(section)).map(standby_source),
        permanent_slots: permanent_slots(value),
        lines: lines(value),
        value: ConfigValue::new(value.clone()),
        mod_revision,
    }
}

/// The three periods in force, each `None` where it is not configured and nothing else changes it. Patroni raises what is
/// too small and lowers `loop_wait`, then `retry_timeout`, until they fit into `ttl` (`_validate_and_adjust_timeouts`). Where
/// one of them is no number it keeps the configuration that it had, and none is known.
fn periods(config: &Value) -> [Option<Duration>; 3] {
    let read = PERIODS.map(|(key, usual, least)| match config.get(key) {
        None => Some(usual),
        Some(value) => agent_reading::integer(value).map(|number| number.max(least)),
    });
    let [Some(ttl), Some(mut wait), Some(mut retry)] = read else { return [None; 3] };
    let [_, (_, _, least_wait), _] = PERIODS;
    if least_wait.saturating_add(retry.saturating_mul(2)) > ttl {
        (wait, retry) = (least_wait, (ttl - least_wait) / 2);
    } else if wait.saturating_add(retry.saturating_mul(2)) > ttl {
        wait = ttl - 2 * retry;
    }
    let mut of = PERIODS.iter().zip([ttl, wait, retry]).map(|((key, usual, _), in_force)| {
        let reported = config.get(key).is_some() || in_force != *usual;
        u64::try_from(in_force).ok().filter(|_| reported).map(Duration::from_secs)
    });
    std::array::from_fn(|_| of.next().flatten())
}

/// `ttl`, `loop_wait` and `retry_timeout`: what Patroni takes where nothing is configured, and the least.
const PERIODS: [(&str, i64, i64); 3] = [("ttl", 30, 20), ("loop_wait", 10, 1), ("retry_timeout", 10, 3)];

/// Numbers of which Patroni takes its own default where it cannot read them, with that.
const NUMBERS: [(&str, &str); 8] = [
    ("maximum_lag_on_failover", "1048576 (1 MB)"),
    ("maximum_lag_on_syncnode", "-1 (no limit)"),
    ("max_timelines_history", "0 (no limit)"),
    ("primary_start_timeout", "300"),
    ("master_start_timeout", "300"),
    ("primary_stop_timeout", "0"),
    ("master_stop_timeout", "0"),
    ("synchronous_node_count", "1"),
];

/// One line for each number of the dynamic configuration that Patroni cannot read, with what it does instead.
pub fn unread_numbers(config: &Value) -> Vec<Text> {
    let is_unread = |key: &str, read: fn(&Value) -> Option<i64>| config.get(key).filter(|value| read(value).is_none());
    let reported = NUMBERS.iter().filter_map(|(key, usual)| {
        let value = is_unread(key, agent_reading::as_integer)?;
        Some(format!("config: {key} is {}, which Patroni reads as {usual}: use a number without a unit", brief(value)))
    });
    let refused = PERIODS.iter().filter_map(|(key, ..)| {
        let value = is_unread(key, agent_reading::integer)?;
        Some(format!(
            "config: {key} is {}, not a number of seconds: Patroni rejects the whole configuration and keeps the previous one",
            brief(value)
        ))
    });
    let limit = config.get("maximum_lag_on_failover").and_then(agent_reading::as_integer).map(LagLimit);
    let unmet = limit.filter(|limit| limit.allows_nobody()).map(|limit| {
        format!(
            "config: maximum_lag_on_failover is {}: Patroni refuses even a replica with a lag of 0: use 0 or more",
            limit.0
        )
    });
    refused.chain(reported).chain(unmet).map(Text::redacted).collect()
}

/// Patroni takes the section for a standby cluster's only with one of these in it.
fn follows_another(section: &Value) -> bool {
    ["host", "port", "restore_command"].iter().any(|key| match section.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    })
}

fn standby_source(section: &Value) -> StandbySource {
    let text = |key| section.get(key).and_then(lenient::text).filter(|text| !text.is_empty());
    StandbySource {
        host: text("host").map(Text::new),
        port: text("port").map(Text::new),
        restores: text("restore_command").is_some(),
    }
}

/// The permanent slots. One without a type is physical, as in Patroni.
fn permanent_slots(config: &Value) -> BTreeMap<Text, PermanentSlot> {
    let slots = config.get("slots").and_then(Value::as_object);
    let kind = |slot: &Value| match slot.get("type").and_then(Value::as_str) {
        Some("logical") => PermanentSlot::Logical,
        Some(_) | None => PermanentSlot::Physical,
    };
    slots.into_iter().flatten().map(|(name, slot)| (Text::new(name), kind(slot))).collect()
}

/// The sync key. `None` where the value is not an object.
pub fn sync_key(value: &Value) -> Option<SyncKey> {
    let object = value.as_object()?;
    let name = |key: &str| object.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    let standbys = name("sync_standby").unwrap_or_default();
    Some(SyncKey {
        leader: name("leader").map(NodeName::new),
        standbys: standbys.split(',').map(str::trim).filter(|name| !name.is_empty()).map(NodeName::new).collect(),
        quorum: object.get("quorum").and_then(lenient::unsigned).and_then(|quorum| u32::try_from(quorum).ok()),
    })
}

/// The failover key, from its text: JSON, or `leader:candidate` as old versions wrote it. `None` where it orders
/// nothing: Patroni empties it to `{}` rather than delete it.
///
/// # Errors
/// One line where the text is neither.
pub fn failover_key(raw: &str) -> Result<Option<PendingOrder>, Text> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Ok(None);
    }
    if let Ok(value) = serde_json::from_str::<Value>(raw)
        && let Some(object) = value.as_object()
    {
        let name = |key: &str| object.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
        let key = PendingOrder {
            leader: name("leader").map(NodeName::new),
            candidate: name("member").or_else(|| name("candidate")).map(NodeName::new),
            scheduled_at: name("scheduled_at").map(Text::new),
        };
        let empty = key.leader.is_none() && key.candidate.is_none() && key.scheduled_at.is_none();
        return match (empty, object.is_empty()) {
            (true, true) => Ok(None),
            (true, false) => Err(Text::new("failover: an object that names neither leader, candidate nor time")),
            (false, _) => Ok(Some(key)),
        };
    }
    match raw.split_once(':') {
        Some((leader, candidate)) if !raw.starts_with(['{', '[', '"']) => {
            let name = |part: &str| Some(part.trim()).filter(|part| !part.is_empty()).map(NodeName::new);
            Ok(Some(PendingOrder { leader: name(leader), candidate: name(candidate), scheduled_at: None }))
        }
        _ => Err(Text::new("failover: neither an object nor leader:candidate")),
    }
}

/// A scheduled switchover, from the value of `scheduled_switchover` in `/cluster`.
pub fn scheduled_switchover(value: &Value) -> Option<PendingOrder> {
    let object = value.as_object().filter(|object| !object.is_empty())?;
    let name = |key: &str| object.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    Some(PendingOrder {
        leader: name("from").map(NodeName::new),
        candidate: name("to").map(NodeName::new),
        scheduled_at: name("at").map(Text::new),
    })
}

/// Host and port of a connection URL such as `postgres://10.0.0.1:5432/postgres`. User and password are dropped; of
/// several hosts the first counts.
pub fn address_from_conn_url(url: &str) -> Option<Address> {
    let (_, rest) = url.trim().split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let first = authority.split(',').next()?;
    host_and_port(first, POSTGRES_PORT)
}

fn host_and_port(authority: &str, default_port: u16) -> Option<Address> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else {
        match authority.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            // An address of version 6 without brackets carries no port.
            Some(_) | None => (authority, None),
        }
    };
    let port = match port {
        Some("") | None => default_port,
        Some(digits) => digits.parse().ok()?,
    };
    let host = Text::new(host);
    (!host.is_empty()).then_some(Address { host, port })
}

/// A time as Patroni writes it: a blank or a `T` between date and time, an offset or `UTC` behind. A time without a
/// zone is not a moment and is not guessed.
pub fn timestamp(raw: &str) -> Option<Timestamp> {
    let raw = raw.trim();
    let zulu = raw.strip_suffix("UTC").or_else(|| raw.strip_suffix("GMT"));
    let spelt = zulu.map_or_else(|| raw.to_owned(), |local| format!("{}Z", local.trim_end()));
    spelt.parse().ok()
}

/// A WAL position: bytes as a number, or `X/Y` as text. `"unknown"` is unknown.
pub fn lsn(value: &Value) -> Option<Lsn> {
    let as_text = value.as_str().and_then(|text| text.parse().ok());
    as_text.or_else(|| lenient::unsigned(value).map(Lsn))
}

/// A timeline; Patroni writes 0 or nothing where it does not know.
pub fn timeline(value: &Value) -> Option<Timeline> {
    lenient::unsigned(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0).map(Timeline)
}

/// Scheme, host and port of a URL: an agent's `api_url` ends in `/patroni`.
pub fn base_url(url: &str) -> Option<Text> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    Some(Text::redacted(format!("{scheme}://{authority}")))
}

/// The furthest position on record. `/cluster` tells text and, since 4.1, receive and replay positions; the key tells
/// bytes.
fn position(record: &Value) -> Option<Lsn> {
    ["xlog_location", "lsn", "receive_lsn", "replay_lsn"].iter().filter_map(|key| record.get(key).and_then(lsn)).max()
}

/// `/cluster` already puts the replication state in the place of `running`; the key keeps both.
fn state(record: &Value, role: &Role) -> MemberState {
    let state = MemberState::from_name(&as_str(record, "state"));
    let streams = record.get("replication_state").and_then(Value::as_str).map(MemberState::from_name);
    match (&state, streams) {
        (MemberState::Running, Some(streams)) if !role.is_writable() && streams.is_up() => streams,
        _ => state,
    }
}

fn as_str(record: &Value, key: &str) -> String {
    record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What a value is, for a sentence: a short one as it is written, of every other its kind. What a server sent by mistake
/// is no text for a line of one's own.
pub(crate) fn brief(value: &Value) -> String {
    const MAX_LENGTH: usize = 24;
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > MAX_LENGTH => "a long text".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// A value on one line; text without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| masked(value).to_string(), ToOwned::to_owned)
}

fn lines(value: &Value) -> Vec<Text> {
    let text = serde_json::to_string_pretty(&masked(value)).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().take(MAX_LINES).map(Text::redacted).collect();
    if text.lines().nth(MAX_LINES).is_some() {
        lines.push(Text::new("…"));
    }
    lines
}

/// The same value with secrets masked by their key, whatever the shape of what they hold.
pub(crate) fn masked(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), mask(key, value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(masked).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain.clone(),
    }
}

fn mask(key: &str, value: &Value) -> Value {
    let key = key.to_ascii_lowercase();
    let secret = ["password", "passwd", "secret", "token"].iter().any(|word| key.contains(word));
    // `password_encryption` and its like are settings, not secrets.
    let setting = ["password_encryption", "passwordcheck", "scram", "min_"].iter().any(|word| key.contains(word));
    if secret && !setting && !value.is_null() { Value::String(MASK.to_owned()) } else { masked(value) }
}

/// Registrations with a repeated name made one, which counts its occurrences, and a line for each such name.
pub fn merge_records(registrations: Vec<Registration>) -> (Vec<Registration>, Vec<Text>) {
    let mut by_name: BTreeMap<NodeName, Registration> = BTreeMap::new();
    for registration in registrations {
        match by_name.get_mut(&registration.name) {
            Some(known) => known.occurrences += 1,
            None => {
                by_name.insert(registration.name.clone(), registration);
            }
        }
    }
    let repeated = by_name.values().filter(|known| known.occurrences > 1);
    let defects = repeated
        .map(|known| Text::new(format!("member {} is {} times in the DCS", known.name, known.occurrences)))
        .collect();
    (by_name.into_values().collect(), defects)
}

#[cfg(test)]
pub(super) mod tests;
