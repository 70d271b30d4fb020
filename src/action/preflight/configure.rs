//! Changes of the dynamic configuration.

use serde_json::{Map, Value};

use super::super::note::Note;
use super::super::order::AgentRequest;
use super::scene::{Scene, block, fresh, pass, warn};

/// Keys whose change can cost a leader, a slot or data.
const GRAVE: [&str; 9] = [
    "standby_cluster",
    "slots",
    "synchronous_mode",
    "synchronous_mode_strict",
    "synchronous_node_count",
    "failsafe_mode",
    "ttl",
    "loop_wait",
    "retry_timeout",
];

/// Whether a key is one whose change can cost a leader, a slot or data.
pub(super) fn is_grave(key: &str) -> bool {
    GRAVE.contains(&key) || key.starts_with("synchronous_")
}

pub(super) fn examine(scene: &Scene<'_>, changes: &Map<String, Value>, notes: &mut Vec<Note>) {
    let config = fresh(scene.snapshot.recorded(|content| content.config.clone()));
    let Some(config) = config else {
        notes.push(block("configuration-known", "the present configuration is unknown"));
        return;
    };
    let lacking = config.value.value.lacking(changes);
    notes.push(if lacking.is_empty() {
        warn("configuration-changes", "the configuration holds all of this already").by(&config)
    } else {
        pass("configuration-changes", format!("changes {}", lacking.join(", "))).by(&config)
    });
    let grave: Vec<&str> = changes.keys().map(String::as_str).filter(|key| is_grave(key)).collect();
    notes.push(if grave.is_empty() {
        pass("configuration-grave", "no key that decides over leader, slots or synchronous commit")
    } else {
        warn("configuration-grave", format!("decides over leader, slots or synchronous commit: {}", grave.join(", ")))
    });
    notes.push(timing(changes, &config));
    notes.extend(decoding(scene, changes));
    let by_agent = !scene.asked(|request| matches!(request, AgentRequest::Configure { .. })).is_empty();
    notes.push(if by_agent {
        let text = "PATCH compares nothing: what somebody else writes at the same moment is merged with it";
        warn("configuration-atomic", text)
    } else {
        pass("configuration-atomic", "written only where nobody else has written since")
    });
}

/// A logical slot wants `wal_level` logical where it is made; from PostgreSQL 19 on the slot itself sees to that.
fn decoding(scene: &Scene<'_>, changes: &Map<String, Value>) -> Option<Note> {
    const CHECK: &str = "configuration-slots";
    let slots = changes.get("slots")?.as_object()?;
    let made = slots.iter().find(|(_, slot)| slot.get("type").and_then(Value::as_str) == Some("logical"))?.0;
    let leader = scene.leader_view()?;
    let sql = scene.sql(leader)?;
    let level = sql.value.settings.as_ref()?.get("wal_level")?;
    let name = leader.name();
    let note = if level.holds("logical") || sql.value.version >= 190_000 {
        pass(CHECK, format!("{name} can decode its WAL for slot {made}"))
    } else {
        let text = format!(
            "wal_level is {} on {name}: logical slot {made} cannot be made there; set postgresql.parameters.wal_level=logical \
             first, which takes a restart of every member",
            level.value
        );
        block(CHECK, text).overridable()
    };
    Some(note.about(name).by(&sql))
}

/// Patroni's own rule, `loop_wait + 2 * retry_timeout <= ttl`: else a slow DCS costs the leader its lock.
fn timing(
    changes: &Map<String, Value>,
    config: &crate::model::observed::Observed<crate::model::dcs::DynamicConfig>,
) -> Note {
    const CHECK: &str = "configuration-timing";
    let after = |key: &str, present: Option<std::time::Duration>, usual: u64| match changes.get(key) {
        None => present.map_or(usual, |present| present.as_secs()),
        Some(value) => value.as_u64().unwrap_or(usual),
    };
    let ttl = after("ttl", config.value.ttl, 30);
    let loop_wait = after("loop_wait", config.value.loop_wait, 10);
    let retry_timeout = after("retry_timeout", config.value.retry_timeout, 10);
    let text = format!("ttl {ttl} s, loop_wait {loop_wait} s, retry_timeout {retry_timeout} s");
    if loop_wait.saturating_add(retry_timeout.saturating_mul(2)) > ttl {
        block(CHECK, format!("{text}: loop_wait and twice retry_timeout must fit into ttl")).by(config)
    } else {
        pass(CHECK, text).by(config)
    }
}
