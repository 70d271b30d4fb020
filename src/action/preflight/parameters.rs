//! Parameters of PostgreSQL that a change of the configuration sets, held against what the servers themselves know. Patroni
//! takes any JSON: what a server would refuse it removes, or puts the nearest bound in its place, and tells nobody but its
//! log. Source: `config.py` (`reload_config`) and `validator.py` of Patroni 4.1.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::note::{Note, Verdict};
use super::super::parameters::{MANAGED, set_by, text_of};
use super::parameter_effects;
use super::scene::{Scene, block, pass, unknown, warn};
use crate::model::name::NodeName;
use crate::model::setting::{Misfit, Settings, Takes};

const CHECK: &str = "configuration-parameters";

/// A server whose settings are known.
struct Server<'a> {
    name: &'a NodeName,
    settings: Arc<Settings>,
    /// Its role sees every name.
    sees_all: bool,
}

pub(super) fn examine(scene: &Scene<'_>, changes: &Map<String, Value>, notes: &mut Vec<Note>) {
    let parameters = set_by(changes);
    if parameters.is_empty() {
        return;
    }
    // What is removed need not be known to anybody.
    let set = || parameters.iter().filter(|(_, value)| !value.is_null());
    notes.extend(set().filter_map(|(name, _)| managed(scene, name)));
    parameter_effects::examine(scene, &parameters, notes);
    let mut servers = Vec::new();
    let mut silent = Vec::new();
    let mut has_sql = false;
    for view in scene.snapshot.views().filter(|view| !view.is_missing()) {
        has_sql |= view.member.sql.is_some();
        match scene.sql(view).and_then(|sql| Some((sql.value.settings.clone()?, sql.value.monitor))) {
            Some((settings, sees_all)) => servers.push(Server { name: view.name(), settings, sees_all }),
            None => silent.push(view.name().as_str()),
        }
    }
    if servers.is_empty() {
        let text = "whether the servers know these parameters and take these values is unknown: no PostgreSQL tells its settings";
        // Where SQL is configured, an answer is worth waiting for.
        notes.push(if has_sql { block(CHECK, text).overridable() } else { unknown(CHECK, text) });
        return;
    }
    let before = notes.len();
    for (name, value) in set().filter(|(name, _)| managed(scene, name).is_none()) {
        notes.extend(known(name, &servers));
        notes.extend(fits(name, value, &servers));
    }
    let fits = notes.iter().skip(before).all(|note| note.verdict == Verdict::Pass);
    if !silent.is_empty() {
        notes.push(unknown(CHECK, format!("not asked, since it does not answer: {}", silent.join(", "))));
    }
    if fits && parameters.keys().any(|name| managed(scene, name).is_none()) {
        let asked = parameters.keys().filter(|name| managed(scene, name).is_none());
        let names: Vec<&str> = asked.map(String::as_str).take(5).collect();
        let servers: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        notes.push(pass(CHECK, format!("{} may be set so, by the word of {}", names.join(", "), servers.join(", "))));
    }
}

/// What Patroni decides by itself, or leaves to another place.
fn managed(scene: &Scene<'_>, name: &str) -> Option<Note> {
    let (_, why) = MANAGED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    if name.eq_ignore_ascii_case("synchronous_standby_names") {
        let synchronous = super::candidate::synchronous_mode(scene).is_some_and(|mode| mode.value);
        return synchronous.then(|| block("configuration-managed", format!("{name}: {why}")).overridable());
    }
    Some(block("configuration-managed", format!("{name} has no effect here: {why}")).overridable())
}

/// Whether the servers know the name at all.
fn known(name: &str, servers: &[Server<'_>]) -> Option<Note> {
    let lacking: Vec<&Server<'_>> = servers.iter().filter(|server| server.settings.get(name).is_none()).collect();
    if lacking.is_empty() {
        let built_in = servers
            .iter()
            .any(|server| server.settings.get(name).is_some_and(|setting| setting.definition.takes == Takes::Never));
        return built_in.then(|| block(CHECK, format!("{name} is built in and cannot be set")).overridable());
    }
    // A name with a dot is an extension's: any server takes it, also before the library is there.
    if name.contains('.') {
        let text = format!("{name} is a custom name: every server takes it, and only a loaded library heeds it");
        return (lacking.len() == servers.len()).then(|| pass(CHECK, text));
    }
    if lacking.len() < servers.len() {
        let names: Vec<&str> = lacking.iter().map(|server| server.name.as_str()).collect();
        return Some(warn(CHECK, format!("{} knows no {name}: Patroni leaves it out there", names.join(", "))));
    }
    if !servers.iter().any(|server| server.sees_all) {
        let text =
            format!("whether there is a setting {name} may not be seen: grant pg_monitor to the role that looks");
        return Some(unknown(CHECK, text));
    }
    let meant = servers.iter().find_map(|server| server.settings.nearest(name));
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    Some(
        block(CHECK, format!("no server knows a setting {name}: Patroni would leave it out in silence{meant}"))
            .overridable(),
    )
}

/// Whether the value is one that a server takes.
fn fits(name: &str, value: &Value, servers: &[Server<'_>]) -> Option<Note> {
    let text = text_of(value);
    servers.iter().find_map(|server| {
        let setting = server.settings.get(name)?;
        let misfit = setting.definition.kind.read(&text).err()?;
        let then = match misfit {
            Misfit::Unreadable(_) => "Patroni would leave it out in silence",
            Misfit::OutOfRange(_) => "Patroni would put the nearest bound in its place",
        };
        let text = format!("{name} must be {}, not {text} (by {}): {then}", misfit.wanted(), server.name);
        Some(block(CHECK, text).overridable())
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::super::examine;
    use super::*;
    use crate::action::expectation::Expectation;
    use crate::action::intent::Intent;
    use crate::action::order::AgentRequest;
    use crate::action::test_support::{healthy, plan, settings, sql};
    use crate::model::snapshot::Snapshot;

    fn known() -> Snapshot {
        let mut snapshot = healthy();
        for number in 0..3 {
            sql(&mut snapshot, number, |report| report.settings = Some(settings(&[])));
        }
        snapshot
    }

    fn notes(snapshot: &Snapshot, name: &str, value: Value) -> Vec<Note> {
        let parameters: Map<String, Value> = [(name.to_owned(), value)].into_iter().collect();
        let changes = json!({"postgresql": {"parameters": parameters}}).as_object().cloned().unwrap();
        let request = AgentRequest::Configure { changes: changes.clone() };
        let notes = examine(snapshot, &plan(Intent::Configure { changes }, 0, request, Expectation::default()));
        notes.into_iter().filter(|note| [CHECK, "configuration-managed"].contains(&note.check.as_str())).collect()
    }

    #[rstest]
    #[case::size("work_mem", json!("64MB"), Verdict::Pass, "may be set so")]
    #[case::whole("max_connections", json!(120), Verdict::Pass, "may be set so")]
    #[case::flag("autovacuum", json!(true), Verdict::Pass, "may be set so")]
    #[case::removed("work_mem", json!(null), Verdict::Pass, "may be set so")]
    #[case::any_case("Work_Mem", json!("64MB"), Verdict::Pass, "may be set so")]
    #[case::of_an_extension("auto_explain.log_min_duration", json!("1s"), Verdict::Pass, "custom name")]
    #[case::misspelt("work_memm", json!("64MB"), Verdict::Block, "did you mean work_mem?")]
    #[case::nonsense("nonsense_guc", json!(1), Verdict::Block, "no server knows")]
    #[case::bad_unit("work_mem", json!("64GBB"), Verdict::Block, "leave it out in silence")]
    #[case::out_of_range("work_mem", json!("-3MB"), Verdict::Block, "nearest bound")]
    #[case::no_such_word("wal_level", json!("archive"), Verdict::Block, "minimal, replica, logical")]
    #[case::built_in("server_version", json!("18"), Verdict::Block, "built in")]
    #[case::managed("port", json!(5433), Verdict::Block, "postgresql.listen")]
    fn what_the_servers_would_not_take_is_told_beforehand(
        #[case] name: &str,
        #[case] value: Value,
        #[case] verdict: Verdict,
        #[case] words: &str,
    ) {
        let notes = notes(&known(), name, value);
        assert_eq!(notes.iter().map(|note| note.verdict).max(), Some(verdict), "{notes:?}");
        assert!(notes.iter().any(|note| note.text.as_str().contains(words)), "{notes:?}");
        assert!(notes.iter().all(|note| note.verdict != Verdict::Block || note.can_override));
    }

    #[test]
    fn servers_that_have_not_told_their_settings_are_waited_for_and_a_console_without_sql_says_that_it_does_not_know() {
        let untold = notes(&healthy(), "work_mem", json!("64MB"));
        assert!(untold.iter().any(|note| note.verdict == Verdict::Block && note.can_override), "{untold:?}");
        let mut without = healthy();
        without.members.iter_mut().for_each(|member| member.sql = None);
        let unknown = notes(&without, "work_mem", json!("64MB"));
        assert!(unknown.iter().all(|note| note.verdict == Verdict::Unknown) && !unknown.is_empty(), "{unknown:?}");
    }

    #[rstest]
    #[case::replica(&[], Verdict::Block)]
    #[case::logical(&[("wal_level", "logical")], Verdict::Pass)]
    fn a_logical_slot_wants_a_wal_that_can_be_decoded(#[case] held: &[(&str, &str)], #[case] verdict: Verdict) {
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| report.settings = Some(settings(held)));
        let changes = json!({"slots": {"feed": {"type": "logical"}}}).as_object().cloned().unwrap();
        let request = AgentRequest::Configure { changes: changes.clone() };
        let notes = examine(&snapshot, &plan(Intent::Configure { changes }, 0, request, Expectation::default()));
        let note = notes.iter().find(|note| note.check == *"configuration-slots").unwrap();
        assert_eq!((note.verdict, note.can_override), (verdict, verdict == Verdict::Block));
    }

    #[test]
    fn a_poor_role_does_not_see_every_name_so_that_none_is_called_nonsense() {
        let mut snapshot = known();
        for number in 0..3 {
            sql(&mut snapshot, number, |report| report.monitor = false);
        }
        let notes = notes(&snapshot, "shared_preload_libraries", json!("auto_explain"));
        assert!(notes.iter().all(|note| note.verdict == Verdict::Unknown), "{notes:?}");
    }
}
