//! Changes of the dynamic configuration.

use serde_json::{Map, Value};

use crate::action::effect::Effect;
use crate::action::intent::{ConfigurationIntent, Intent};
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::agent_reading;
use crate::model::observed::Observed;
use crate::model::patroni_record::DynamicConfig;
use crate::model::view::MemberView;

/// Keys whose change can cost a leader, a slot or data.
const DANGEROUS_SETTINGS: [&str; 9] = [
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
pub(in crate::action::preflight) fn is_grave(key: &str) -> bool {
    DANGEROUS_SETTINGS.contains(&key) || key.starts_with("synchronous_")
}

/// What the changed keys decide.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(Intent::Configuration(ConfigurationIntent::Configure { changes })) = context.intent() else { return };
    let config = fresh(context.snapshot.from_record(|content| content.config().cloned()));
    let Some(config) = config else {
        notes.push(block("configuration-known", "the current configuration is unknown"));
        return;
    };
    let missing = config.value.value.missing_changes(changes);
    notes.push(if missing.is_empty() {
        warn("configuration-changes", "the configuration already has these values").by(&config)
    } else {
        pass("configuration-changes", format!("changes {}", missing.join(", "))).by(&config)
    });
    let grave: Vec<&str> = changes.keys().map(String::as_str).filter(|key| is_grave(key)).collect();
    notes.push(if grave.is_empty() {
        pass("configuration-grave", "no key that affects leader election, slots or synchronous commit")
    } else {
        warn(
            "configuration-grave",
            format!("affects leader election, slots or synchronous commit: {}", grave.join(", ")),
        )
    });
    notes.push(timing(changes, &config));
    notes.extend(synchronous(context, changes, &config));
    notes.extend(decoding(context, changes));
    let is_blind = context.has_effect(|effect| *effect == Effect::Configures { only_if_unchanged: false });
    notes.push(if is_blind {
        let text = "PATCH is not conditional: concurrent changes are merged";
        warn("configuration-atomic", text)
    } else {
        pass("configuration-atomic", "written only if unchanged since")
    });
}

/// Synchronous mode wants a standby that can be synchronous: in its strict form writes wait for one.
fn synchronous(
    context: &CheckContext<'_>,
    changes: &Map<String, Value>,
    config: &Observed<DynamicConfig>,
) -> Option<CheckNote> {
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
    let then = if strict {
        "writes will hang until there is one"
    } else {
        "commits are not synchronously replicated until there is one"
    };
    let leader = context.leader().map(|leader| leader.value);
    let (mut able, mut unknown_ones, mut unable) = (Vec::new(), Vec::new(), Vec::new());
    for view in context.snapshot.views().filter(|view| !view.is_missing() && leader.as_ref() != Some(view.name())) {
        match why_not(context, view) {
            Ok(()) => able.push(view.name().to_string()),
            Err((true, why)) => unable.push(format!("{} {why}", view.name())),
            Err((false, why)) => unknown_ones.push(format!("{} {why}", view.name())),
        }
    }
    Some(if !able.is_empty() {
        pass(CHECK, format!("can be synchronous: {}", able.join(", ")))
    } else if !unknown_ones.is_empty() {
        unknown(
            CHECK,
            format!("unknown whether a standby can be synchronous ({}); if none, {then}", unknown_ones.join(", ")),
        )
    } else if unable.is_empty() {
        warn(CHECK, format!("there is no standby to be synchronous: {then}"))
    } else {
        warn(CHECK, format!("no standby can be synchronous ({}): {then}", unable.join(", ")))
    })
}

/// Why a member cannot be a synchronous standby, and whether that is known. By Patroni's rule: it streams from the leader, is
/// not tagged nosync, and is not meant to follow another standby.
fn why_not(context: &CheckContext<'_>, view: MemberView<'_>) -> Result<(), (bool, String)> {
    match fresh(view.tags()) {
        None => return Err((false, "tags unknown".to_owned())),
        Some(tags) if tags.value.forbids_sync() => return Err((true, "has the tag nosync".to_owned())),
        Some(tags) => {
            if let Some(from) = tags.value.replicatefrom.filter(|from| context.view(from).is_some()) {
                return Err((true, format!("streams from {from}")));
            }
        }
    }
    match fresh(view.streams()) {
        Some(streams) if streams.value => Ok(()),
        Some(_) => Err((true, "is not streaming".to_owned())),
        None => Err((false, "may not be streaming".to_owned())),
    }
}

/// As Patroni reads `synchronous_mode`: on, or by quorum.
fn is_on(value: &Value) -> bool {
    agent_reading::flag(value) == Some(true) || value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("quorum"))
}

/// A logical slot wants `wal_level` logical where it is made; from PostgreSQL 19 on the slot itself sees to that.
fn decoding(context: &CheckContext<'_>, changes: &Map<String, Value>) -> Option<CheckNote> {
    const CHECK: &str = "configuration-slots";
    let slots = changes.get("slots")?.as_object()?;
    let made = slots.iter().find(|(_, slot)| slot.get("type").and_then(Value::as_str) == Some("logical"))?.0;
    let leader = context.leader_view()?;
    let sql = context.sql(leader)?;
    let level = sql.value.settings.as_ref()?.get("wal_level")?;
    let name = leader.name();
    let note = if level.holds("logical") || sql.value.version >= 190_000 {
        pass(CHECK, format!("{name} has wal_level logical for slot {made}"))
    } else {
        let text = format!(
            "wal_level is {} on {name}: logical slot {made} cannot be created there; set postgresql.parameters.wal_level=logical \
                first, which needs a restart of every member",
            level.value
        );
        block(CHECK, text).overridable()
    };
    Some(note.about(name).by(&sql))
}

/// Patroni's own rule, `loop_wait + 2 * retry_timeout <= ttl`: else a slow DCS costs the leader its lock.
fn timing(changes: &Map<String, Value>, config: &Observed<DynamicConfig>) -> CheckNote {
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
        block(CHECK, format!("{text}: loop_wait + 2 × retry_timeout must not exceed ttl")).by(config)
    } else {
        pass(CHECK, text).by(config)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::action::note::CheckVerdict;
    use crate::action::preflight::examine;
    use crate::action::test_support::{agent, config, configure, healthy, lose, pg, record};
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
    #[case::well(|_: &mut Snapshot| (), json!({"synchronous_mode_strict": true}), Some(CheckVerdict::Pass), "can be synchronous: pg-1, pg-2")]
    #[case::nosync(nosync, json!({"synchronous_mode_strict": true}), Some(CheckVerdict::Warn), "writes will hang until there is one")]
    #[case::nosync_by_word(nosync, json!({"synchronous_mode_strict": "on"}), Some(CheckVerdict::Warn), "pg-1 has the tag nosync")]
    #[case::nosync_lenient(nosync, json!({"synchronous_mode": true}), Some(CheckVerdict::Warn), "not synchronously replicated")]
    #[case::quorum(nosync, json!({"synchronous_mode": "quorum", "synchronous_mode_strict": true}), Some(CheckVerdict::Warn), "will hang")]
    #[case::cascading(cascading, json!({"synchronous_mode_strict": true}), Some(CheckVerdict::Warn), "pg-2 streams from pg-1")]
    #[case::alone(|s: &mut Snapshot| s.members.truncate(1), json!({"synchronous_mode_strict": true}), Some(CheckVerdict::Warn), "there is no standby")]
    #[case::silent(silent, json!({"synchronous_mode_strict": true}), Some(CheckVerdict::Unknown), "unknown whether")]
    #[case::off(nosync, json!({"synchronous_mode": false}), None, "")]
    #[case::strict_without_the_mode(
        |s: &mut Snapshot| { nosync(s); config(s, |config| config.synchronous_mode = false) },
        json!({"synchronous_mode_strict": true}), None, ""
    )]
    #[case::another_key(nosync, json!({"ttl": 40}), None, "")]
    fn synchronous_mode_wants_a_standby_that_can_be(
        #[case] edit: fn(&mut Snapshot),
        #[case] changes: serde_json::Value,
        #[case] verdict: Option<CheckVerdict>,
        #[case] words: &str,
    ) {
        let mut snapshot = healthy();
        config(&mut snapshot, |config| config.synchronous_mode = true);
        edit(&mut snapshot);
        let notes = examine(&snapshot, &configure(&changes));
        let note = notes.iter().find(|note| note.check == *"configuration-synchronous");
        assert_eq!(note.map(|note| note.verdict), verdict, "{note:?}");
        assert!(note.is_none_or(|note| note.text.as_str().contains(words)), "{note:?}");
    }
}
