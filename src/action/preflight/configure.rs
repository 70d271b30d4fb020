//! Changes of the dynamic configuration.

use serde_json::{Map, Value};

use super::super::note::Note;
use super::super::order::AgentRequest;
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use crate::model::agent_reading;
use crate::model::observed::Observed;
use crate::model::patroni_record::DynamicConfig;
use crate::model::view::MemberView;

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
    let config = fresh(scene.snapshot.recorded(|content| content.config().cloned()));
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
    notes.extend(synchronous(scene, changes, &config));
    notes.extend(decoding(scene, changes));
    let by_agent = !scene.asked(|request| matches!(request, AgentRequest::Configure { .. })).is_empty();
    notes.push(if by_agent {
        let text = "PATCH compares nothing: what somebody else writes at the same moment is merged with it";
        warn("configuration-atomic", text)
    } else {
        pass("configuration-atomic", "written only where nobody else has written since")
    });
}

/// Synchronous mode wants a standby that can be synchronous: in its strict form writes wait for one.
fn synchronous(scene: &Scene<'_>, changes: &Map<String, Value>, config: &Observed<DynamicConfig>) -> Option<Note> {
    const CHECK: &str = "configuration-synchronous";
    if !["synchronous_mode", "synchronous_mode_strict"].iter().any(|key| changes.contains_key(*key)) {
        return None;
    }
    let after = |key: &str, present: bool| changes.get(key).map_or(present, is_on);
    let follows_another = changes.get("standby_cluster").map_or(config.value.standby_cluster, |value| !value.is_null());
    if !after("synchronous_mode", config.value.synchronous_mode) || follows_another {
        return None;
    }
    let strict = after("synchronous_mode_strict", config.value.synchronous_mode_strict);
    let then =
        if strict { "writes will wait until one can" } else { "commits go on without a second copy until one can" };
    let leader = scene.leader().map(|leader| leader.value);
    let (mut able, mut unknown_ones, mut unable) = (Vec::new(), Vec::new(), Vec::new());
    for view in scene.snapshot.views().filter(|view| !view.is_missing() && leader.as_ref() != Some(view.name())) {
        match why_not(scene, view) {
            Ok(()) => able.push(view.name().to_string()),
            Err((true, why)) => unable.push(format!("{} {why}", view.name())),
            Err((false, why)) => unknown_ones.push(format!("{} {why}", view.name())),
        }
    }
    Some(if !able.is_empty() {
        pass(CHECK, format!("{} can be synchronous", able.join(", ")))
    } else if !unknown_ones.is_empty() {
        unknown(
            CHECK,
            format!("whether a standby can be synchronous is unknown ({}); if none, {then}", unknown_ones.join(", ")),
        )
    } else if unable.is_empty() {
        warn(CHECK, format!("there is no standby that could be synchronous: {then}"))
    } else {
        warn(CHECK, format!("no standby can be synchronous ({}): {then}", unable.join(", ")))
    })
}

/// Why a member cannot be a synchronous standby, and whether that is known. By Patroni's rule: it streams from the leader, is
/// not tagged nosync, and is not meant to follow another standby.
fn why_not(scene: &Scene<'_>, view: MemberView<'_>) -> Result<(), (bool, String)> {
    match fresh(view.tags()) {
        None => return Err((false, "tells no tags".to_owned())),
        Some(tags) if tags.value.forbids_sync() => return Err((true, "is tagged nosync".to_owned())),
        Some(tags) => {
            if let Some(from) = tags.value.replicatefrom.filter(|from| scene.view(from).is_some()) {
                return Err((true, format!("follows {from}")));
            }
        }
    }
    match fresh(view.streams()) {
        Some(streams) if streams.value => Ok(()),
        Some(_) => Err((true, "does not stream".to_owned())),
        None => Err((false, "may not stream".to_owned())),
    }
}

/// As Patroni reads `synchronous_mode`: on, or by quorum.
fn is_on(value: &Value) -> bool {
    agent_reading::flag(value) == Some(true) || value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("quorum"))
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
fn timing(changes: &Map<String, Value>, config: &Observed<DynamicConfig>) -> Note {
    const CHECK: &str = "configuration-timing";
    let after = |key: &str, present: Option<std::time::Duration>, usual: u64| match changes.get(key) {
        None => present.map_or(usual, |present| present.as_secs()),
        Some(value) => agent_reading::integer(value).and_then(|period| u64::try_from(period).ok()).unwrap_or(usual),
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::super::examine;
    use crate::action::expectation::Expectation;
    use crate::action::intent::Intent;
    use crate::action::note::Verdict;
    use crate::action::order::AgentRequest;
    use crate::action::test_support::{agent, config, healthy, lose, pg, plan, record};
    use crate::model::snapshot::Snapshot;

    fn nosync(snapshot: &mut Snapshot) {
        for number in [1, 2] {
            agent(snapshot, number, |report| report.tags.nosync = true);
        }
    }

    fn cascading(snapshot: &mut Snapshot) {
        agent(snapshot, 1, |report| report.tags.nosync = true);
        agent(snapshot, 2, |report| report.tags.replicatefrom = Some(pg(1)));
    }

    fn silent(snapshot: &mut Snapshot) {
        lose(snapshot, 1);
        lose(snapshot, 2);
        for number in [1, 2] {
            record(snapshot, |content| content.members.retain(|member| member.name != pg(number)));
        }
    }

    #[rstest]
    #[case::well(|_: &mut Snapshot| (), json!({"synchronous_mode_strict": true}), Some(Verdict::Pass), "pg-1, pg-2 can be synchronous")]
    #[case::nosync(nosync, json!({"synchronous_mode_strict": true}), Some(Verdict::Warn), "writes will wait until one can")]
    #[case::nosync_by_word(nosync, json!({"synchronous_mode_strict": "on"}), Some(Verdict::Warn), "pg-1 is tagged nosync")]
    #[case::nosync_lenient(nosync, json!({"synchronous_mode": true}), Some(Verdict::Warn), "without a second copy")]
    #[case::quorum(nosync, json!({"synchronous_mode": "quorum", "synchronous_mode_strict": true}), Some(Verdict::Warn), "will wait")]
    #[case::cascading(cascading, json!({"synchronous_mode_strict": true}), Some(Verdict::Warn), "pg-2 follows pg-1")]
    #[case::alone(|s: &mut Snapshot| s.members.truncate(1), json!({"synchronous_mode_strict": true}), Some(Verdict::Warn), "there is no standby")]
    #[case::silent(silent, json!({"synchronous_mode_strict": true}), Some(Verdict::Unknown), "is unknown")]
    #[case::off(nosync, json!({"synchronous_mode": false}), None, "")]
    #[case::strict_without_the_mode(
        |s: &mut Snapshot| { nosync(s); config(s, |config| config.synchronous_mode = false) },
        json!({"synchronous_mode_strict": true}), None, ""
    )]
    #[case::another_key(nosync, json!({"ttl": 40}), None, "")]
    fn synchronous_mode_wants_a_standby_that_can_be(
        #[case] edit: fn(&mut Snapshot),
        #[case] changes: serde_json::Value,
        #[case] verdict: Option<Verdict>,
        #[case] words: &str,
    ) {
        let mut snapshot = healthy();
        config(&mut snapshot, |config| config.synchronous_mode = true);
        edit(&mut snapshot);
        let changes = changes.as_object().cloned().unwrap();
        let request = AgentRequest::Configure { changes: changes.clone() };
        let notes = examine(&snapshot, &plan(Intent::Configure { changes }, 0, request, Expectation::default()));
        let note = notes.iter().find(|note| note.check == *"configuration-synchronous");
        assert_eq!(note.map(|note| note.verdict), verdict, "{note:?}");
        assert!(note.is_none_or(|note| note.text.as_str().contains(words)), "{note:?}");
    }
}
