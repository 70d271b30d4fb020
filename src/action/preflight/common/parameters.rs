//! Parameters of PostgreSQL that a change of the configuration sets, held against what the servers themselves know. Patroni
//! takes any JSON: what a server would refuse it removes, or puts the nearest bound in its place, and tells nobody but its
//! log. Source: `config.py` (`reload_config`) and `validator.py` of Patroni 4.1.

use std::sync::Arc;

use serde_json::Value;

use super::parameter_effects;
use crate::action::intent::{ConfigurationIntent, Intent};
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::parameters::{MANAGED, set_by, text_of};
use crate::action::preflight::context::{CheckContext, block, pass, unknown, warn};
use crate::model::name::NodeName;
use crate::model::setting::{SettingContext, Settings, ValueMismatch};

const CHECK: &str = "configuration-parameters";

/// A server whose settings are known.
struct Server<'a> {
    name: &'a NodeName,
    settings: Arc<Settings>,
    /// Its role sees every name.
    sees_all: bool,
}

/// Parameters that are set.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(Intent::Configuration(ConfigurationIntent::Configure { changes })) = context.intent() else { return };
    let parameters = set_by(changes);
    if parameters.is_empty() {
        return;
    }
    // What is removed need not be known to anybody.
    let set = || parameters.iter().filter(|(_, value)| !value.is_null());
    notes.extend(set().filter_map(|(name, _)| managed(context, name)));
    parameter_effects::examine(context, &parameters, notes);
    let mut servers = Vec::new();
    let mut silent = Vec::new();
    let mut has_sql = false;
    for view in context.snapshot.views().filter(|view| !view.is_missing()) {
        has_sql |= view.member.sql.is_some();
        match context.sql(view).and_then(|sql| Some((sql.value.settings.clone()?, sql.value.monitor))) {
            Some((settings, sees_all)) => servers.push(Server { name: view.name(), settings, sees_all }),
            None => silent.push(view.name().as_str()),
        }
    }
    if servers.is_empty() {
        let text = "unknown whether the servers accept these parameters and values: no PostgreSQL reports its settings";
        // Where SQL is configured, an answer is worth waiting for.
        notes.push(if has_sql { block(CHECK, text).overridable() } else { unknown(CHECK, text) });
        return;
    }
    let before = notes.len();
    for (name, value) in set().filter(|(name, _)| managed(context, name).is_none()) {
        notes.extend(known(name, &servers));
        notes.extend(fits(name, value, &servers));
    }
    let fits = notes.iter().skip(before).all(|note| note.verdict == CheckVerdict::Pass);
    if !silent.is_empty() {
        notes.push(unknown(CHECK, format!("not checked, unreachable: {}", silent.join(", "))));
    }
    if fits && parameters.keys().any(|name| managed(context, name).is_none()) {
        let asked = parameters.keys().filter(|name| managed(context, name).is_none());
        let names: Vec<&str> = asked.map(String::as_str).take(5).collect();
        let servers: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        notes.push(pass(CHECK, format!("{} accepted according to {}", names.join(", "), servers.join(", "))));
    }
}

/// What Patroni decides by itself, or leaves to another place.
fn managed(context: &CheckContext<'_>, name: &str) -> Option<CheckNote> {
    let (_, why) = MANAGED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    if name.eq_ignore_ascii_case("synchronous_standby_names") {
        let synchronous =
            crate::action::preflight::patroni::synchronous::synchronous_mode(context).is_some_and(|mode| mode.value);
        return synchronous.then(|| block("configuration-managed", format!("{name}: {why}")).overridable());
    }
    Some(block("configuration-managed", format!("{name} has no effect here: {why}")).overridable())
}

/// Whether the servers know the name at all.
fn known(name: &str, servers: &[Server<'_>]) -> Option<CheckNote> {
    let missing: Vec<&Server<'_>> = servers.iter().filter(|server| server.settings.get(name).is_none()).collect();
    if missing.is_empty() {
        let built_in = servers.iter().any(|server| {
            server.settings.get(name).is_some_and(|setting| setting.definition.takes == SettingContext::Never)
        });
        return built_in.then(|| block(CHECK, format!("{name} is a preset option and cannot be set")).overridable());
    }
    // A name with a dot is an extension's: any server takes it, also before the library is there.
    if name.contains('.') {
        let text =
            format!("{name} is a customized option: every server accepts it, but only a loaded extension uses it");
        return (missing.len() == servers.len()).then(|| pass(CHECK, text));
    }
    if missing.len() < servers.len() {
        let names: Vec<&str> = missing.iter().map(|server| server.name.as_str()).collect();
        return Some(warn(CHECK, format!("{} has no parameter {name}: Patroni ignores it there", names.join(", "))));
    }
    if !servers.iter().any(|server| server.sees_all) {
        let text = format!("unknown whether a parameter {name} exists: grant pg_monitor to the monitoring role");
        return Some(unknown(CHECK, text));
    }
    let meant = servers.iter().find_map(|server| server.settings.nearest(name));
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    Some(
        block(CHECK, format!("no server has a parameter {name}: Patroni would silently ignore it{meant}"))
            .overridable(),
    )
}

/// Whether the value is one that a server takes.
fn fits(name: &str, value: &Value, servers: &[Server<'_>]) -> Option<CheckNote> {
    let text = text_of(value);
    servers.iter().find_map(|server| {
        let setting = server.settings.get(name)?;
        let value_mismatch = setting.definition.kind.read(&text).err()?;
        let then = match value_mismatch {
            ValueMismatch::Unreadable(_) => "Patroni would silently ignore it",
            ValueMismatch::OutOfRange(_) => "Patroni would use the nearest bound instead",
        };
        let text =
            format!("{name} must be {}, not {text} (according to {}): {then}", value_mismatch.wanted(), server.name);
        Some(block(CHECK, text).overridable())
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Map, json};

    use super::*;
    use crate::action::expectation::Expectation;
    use crate::action::intent::Intent;
    use crate::action::order::AgentRequest;
    use crate::action::preflight::examine;
    use crate::action::test_support::{healthy, plan, settings, sql};
    use crate::model::snapshot::Snapshot;

    fn known() -> Snapshot {
        let mut snapshot = healthy();
        for number in 0..3 {
            sql(&mut snapshot, number, |report| report.settings = Some(settings(&[])));
        }
        snapshot
    }

    fn notes(snapshot: &Snapshot, name: &str, value: Value) -> Vec<CheckNote> {
        let parameters: Map<String, Value> = [(name.to_owned(), value)].into_iter().collect();
        let changes = json!({"postgresql": {"parameters": parameters}}).as_object().cloned().unwrap();
        let request = AgentRequest::Configure { changes: changes.clone() };
        let notes = examine(
            snapshot,
            &plan(
                Intent::Configuration(ConfigurationIntent::Configure { changes }),
                0,
                request,
                Expectation::default(),
            ),
        );
        notes.into_iter().filter(|note| [CHECK, "configuration-managed"].contains(&note.check.as_str())).collect()
    }

    #[rstest]
    #[case::size("work_mem", json!("64MB"), CheckVerdict::Pass, "accepted according to")]
    #[case::whole("max_connections", json!(120), CheckVerdict::Pass, "accepted according to")]
    #[case::flag("autovacuum", json!(true), CheckVerdict::Pass, "accepted according to")]
    #[case::removed("work_mem", json!(null), CheckVerdict::Pass, "accepted according to")]
    #[case::any_case("Work_Mem", json!("64MB"), CheckVerdict::Pass, "accepted according to")]
    #[case::of_an_extension("auto_explain.log_min_duration", json!("1s"), CheckVerdict::Pass, "customized option")]
    #[case::misspelt("work_memm", json!("64MB"), CheckVerdict::Block, "did you mean work_mem?")]
    #[case::nonsense("nonsense_guc", json!(1), CheckVerdict::Block, "no server has a parameter")]
    #[case::bad_unit("work_mem", json!("64GBB"), CheckVerdict::Block, "silently ignore it")]
    #[case::out_of_range("work_mem", json!("-3MB"), CheckVerdict::Block, "nearest bound")]
    #[case::no_such_word("wal_level", json!("archive"), CheckVerdict::Block, "minimal, replica, logical")]
    #[case::built_in("server_version", json!("18"), CheckVerdict::Block, "preset option")]
    #[case::managed("port", json!(5433), CheckVerdict::Block, "postgresql.listen")]
    fn what_the_servers_would_not_take_is_reported_beforehand(
        #[case] name: &str,
        #[case] value: Value,
        #[case] verdict: CheckVerdict,
        #[case] words: &str,
    ) {
        let notes = notes(&known(), name, value);
        assert_eq!(notes.iter().map(|note| note.verdict).max(), Some(verdict), "{notes:?}");
        assert!(notes.iter().any(|note| note.text.as_str().contains(words)), "{notes:?}");
        assert!(notes.iter().all(|note| note.verdict != CheckVerdict::Block || note.can_override));
    }

    #[test]
    fn servers_that_have_not_reported_their_settings_are_waited_for_and_a_console_without_sql_says_that_it_does_not_know()
     {
        let unreported = notes(&healthy(), "work_mem", json!("64MB"));
        assert!(
            unreported.iter().any(|note| note.verdict == CheckVerdict::Block && note.can_override),
            "{unreported:?}"
        );
        let mut without = healthy();
        without.members.iter_mut().for_each(|member| member.sql = None);
        let unknown = notes(&without, "work_mem", json!("64MB"));
        assert!(unknown.iter().all(|note| note.verdict == CheckVerdict::Unknown) && !unknown.is_empty(), "{unknown:?}");
    }

    #[rstest]
    #[case::replica(&[], CheckVerdict::Block)]
    #[case::logical(&[("wal_level", "logical")], CheckVerdict::Pass)]
    fn a_logical_slot_wants_a_wal_that_can_be_decoded(#[case] held: &[(&str, &str)], #[case] verdict: CheckVerdict) {
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| report.settings = Some(settings(held)));
        let changes = json!({"slots": {"feed": {"type": "logical"}}}).as_object().cloned().unwrap();
        let request = AgentRequest::Configure { changes: changes.clone() };
        let notes = examine(
            &snapshot,
            &plan(
                Intent::Configuration(ConfigurationIntent::Configure { changes }),
                0,
                request,
                Expectation::default(),
            ),
        );
        let note = notes.iter().find(|note| note.check == *"configuration-slots").unwrap();
        assert_eq!((note.verdict, note.can_override), (verdict, verdict == CheckVerdict::Block));
    }

    #[test]
    fn a_poor_role_does_not_see_every_name_so_that_none_is_called_nonsense() {
        let mut snapshot = known();
        for number in 0..3 {
            sql(&mut snapshot, number, |report| report.monitor = false);
        }
        let notes = notes(&snapshot, "shared_preload_libraries", json!("auto_explain"));
        assert!(notes.iter().all(|note| note.verdict == CheckVerdict::Unknown), "{notes:?}");
    }
}
