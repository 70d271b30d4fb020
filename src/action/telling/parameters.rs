//! PostgreSQL's parameters on every member: in force, or pending a restart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::parameters::text_of;
use super::Telling;
use super::evidence::Scene;
use crate::model::member::Presence;
use crate::model::name::NodeName;
use crate::model::postgres::SqlPart;
use crate::model::setting::Takes;
use crate::model::text::Text;

/// How a member took one parameter.
enum Taken {
    InForce,
    Pending,
    Not(String),
}

pub(super) fn in_force(scene: &Scene<'_>, parameters: &Map<String, Value>) -> Telling {
    let mut pending = Vec::new();
    let mut have = Vec::new();
    for member in scene.snapshot.members.iter().filter(|member| matches!(member.presence, Presence::Present)) {
        let name = &member.name;
        let mut waits = Vec::new();
        for (parameter, value) in parameters {
            match taken(scene, name, parameter, value) {
                Ok(Taken::InForce) => {}
                Ok(Taken::Pending) => waits.push(parameter.as_str()),
                Ok(Taken::Not(why)) => return Telling::not_yet(why),
                Err(telling) => return telling,
            }
        }
        if waits.is_empty() {
            have.push(name.as_str());
        } else {
            pending.push(format!("{name} ({})", waits.join(", ")));
        }
    }
    let mut words = Vec::new();
    if !have.is_empty() {
        words.push(format!("in force on {}", have.join(", ")));
    }
    if !pending.is_empty() {
        words.push(format!("pending restart on {}", pending.join(", ")));
    }
    if words.is_empty() { Telling::not_yet("no member is in the DCS") } else { Telling::reached(words.join("; ")) }
}

fn taken(scene: &Scene<'_>, member: &NodeName, name: &str, value: &Value) -> Result<Taken, Telling> {
    let sql = scene.sql(member).map_err(super::evidence::Doubt::told)?;
    let report = sql.value;
    let Some(settings) = &report.settings else {
        return Err(Telling::not_yet(format!("the settings of {member} are not told")));
    };
    let setting = settings.get(name);
    let agent = scene.agent(member);
    // Before 3.3 an agent tells that something waits, and not what.
    let by_agent = agent.is_some_and(|agent| {
        let listed = &agent.value.pending_settings;
        let is_it = listed.iter().any(|pending| pending.name.as_str().eq_ignore_ascii_case(name));
        let unnamed = agent.value.pending_restart && listed.is_empty();
        is_it || unnamed && setting.is_some_and(|setting| setting.definition.takes == Takes::Restart)
    });
    let by_sql = setting.is_some_and(|setting| setting.pending)
        || report.pending_restart.iter().any(|pending| pending.as_str().eq_ignore_ascii_case(name));
    let reloaded = is_later(report.files_read, scene.was(member).and_then(|was| was.files_read));
    Ok(match (setting, value) {
        (Some(setting), value) if !value.is_null() && setting.of_server && setting.holds(&text_of(value)) => {
            Taken::InForce
        }
        _ if by_agent || by_sql => Taken::Pending,
        // What no server lists, or what this console's own session has otherwise: a reload is all that can be seen.
        (None, _) if name.contains('.') && reloaded => Taken::InForce,
        (None, _) if name.contains('.') => Taken::Not(format!("{member} has not read its configuration since")),
        (None, Value::Null) => Taken::InForce,
        (None, _) => Taken::Not(format!("{member} knows no {name}: it was left out there")),
        (Some(setting), Value::Null) if reloaded || setting.value == &setting.definition.boot => Taken::InForce,
        (Some(setting), Value::Null) => Taken::Not(format!("{member}: {name} is still {}", setting.shown())),
        // `archive_command` shows itself only where archiving is on.
        (Some(setting), _) if (!setting.of_server || *setting.value == *"(disabled)") && reloaded => Taken::InForce,
        (Some(setting), _) => Taken::Not(format!("{member}: {name} is {}", setting.shown())),
    })
}

fn is_later(now: Option<Timestamp>, was: Option<Timestamp>) -> bool {
    matches!((now, was), (Some(now), Some(was)) if now > was)
}

/// The slots of whoever leads, by its own word.
pub(super) fn slots(scene: &Scene<'_>, wanted: &BTreeMap<Text, bool>) -> Telling {
    let Some(record) = scene.record() else { return Telling::not_yet("the record has not been heard since") };
    let Some(key) = &record.value.leader else { return Telling::not_yet("nobody holds the leader lock") };
    let leader = &key.holder;
    let sql = match scene.sql(leader) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.told(),
    };
    if !sql.value.knows(SqlPart::Slots) {
        return Telling::not_yet(format!("the slots of {leader} cannot be seen"));
    }
    for (name, there) in wanted {
        if sql.value.slots.iter().any(|slot| slot.name == *name) != *there {
            let is = if *there { "is not there" } else { "is still there" };
            return Telling::not_yet(format!("slot {name} {is} on {leader}"));
        }
    }
    Telling::reached(format!("{}: as configured", sql.source))
}

pub(super) fn nothing_pending(scene: &Scene<'_>, members: &[NodeName]) -> Telling {
    for member in members {
        let Some(agent) = scene.agent(member) else {
            return Telling::not_yet(format!("no answer of the agent of {member} since"));
        };
        let waiting: Vec<String> = agent
            .value
            .pending_settings
            .iter()
            .map(|setting| match (&setting.old, &setting.new) {
                (Some(old), Some(new)) => format!("{} {old}→{new}", setting.name),
                (None, _) | (_, None) => setting.name.to_string(),
            })
            .collect();
        if agent.value.pending_restart {
            return Telling::not_yet(format!("{member} is still pending restart: {}", waiting.join(", ")));
        }
        if let Ok(sql) = scene.sql(member)
            && let Some(setting) = sql.value.pending_restart.first()
        {
            return Telling::not_yet(format!("{member} is still pending restart, by its own word: {setting}"));
        }
    }
    let names: Vec<&str> = members.iter().map(NodeName::as_str).collect();
    Telling::reached(format!("no pending restart by the agents of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;
    use serde_json::json;

    use super::super::super::milestone::Milestone;
    use super::super::tell;
    use super::*;
    use crate::action::test_support::{agent, before, healthy, settings, sql};
    use crate::model::agent::PendingSetting;
    use crate::model::moment::Moment;
    use crate::model::snapshot::Snapshot;

    fn with(held: [&[(&str, &str)]; 3]) -> Snapshot {
        let mut snapshot = healthy();
        for (number, held) in (0..).zip(held) {
            sql(&mut snapshot, number, |report| report.settings = Some(settings(held)));
        }
        snapshot
    }

    fn told(snapshot: &Snapshot, name: &str, value: Value) -> Telling {
        let parameters = [(name.to_owned(), value)].into_iter().collect();
        tell(&Milestone::ParametersInForce { parameters }, snapshot, &before(), Moment::START)
    }

    #[test]
    fn a_value_is_in_force_once_every_member_has_it_however_it_is_written() {
        let have: &[(&str, &str)] = &[("work_mem", "65536")];
        assert!(told(&with([have, have, have]), "work_mem", json!("64MB")).is_reached());
        let telling = told(&with([have, &[], have]), "work_mem", json!("64MB"));
        assert!(!telling.is_reached() && telling.words().as_str().contains("pg-1: work_mem is 4MB"), "{telling:?}");
    }

    #[rstest]
    #[case::taken_out("nonsense_guc", json!(1), "knows no nonsense_guc")]
    #[case::bound_in_its_place("work_mem", json!("-3MB"), "work_mem is 4MB")]
    fn what_no_server_took_is_never_in_force(#[case] name: &str, #[case] value: Value, #[case] words: &str) {
        let telling = told(&with([&[], &[], &[]]), name, value);
        assert!(!telling.is_reached() && telling.words().as_str().contains(words), "{telling:?}");
    }

    #[test]
    fn what_waits_for_a_restart_is_taken_and_said_to_wait() {
        let mut snapshot = with([&[], &[], &[]]);
        for number in 0..3 {
            agent(&mut snapshot, number, |report| {
                report.pending_restart = true;
                report.pending_settings = vec![PendingSetting {
                    name: "max_connections".into(),
                    old: Some("100".into()),
                    new: Some("120".into()),
                }];
            });
        }
        let telling = told(&snapshot, "max_connections", json!(120));
        assert!(telling.is_reached() && telling.words().as_str().contains("pending restart on pg-0"), "{telling:?}");
        let members = vec![NodeName::new("pg-0")];
        let pending = tell(&Milestone::NothingPending { members }, &snapshot, &before(), Moment::START);
        assert!(!pending.is_reached() && pending.words().as_str().contains("max_connections 100→120"), "{pending:?}");
    }

    #[test]
    fn what_no_server_lists_is_taken_once_each_has_read_its_files_anew() {
        let mut snapshot = with([&[], &[], &[]]);
        let name = "auto_explain.log_min_duration";
        assert!(!told(&snapshot, name, json!("1s")).is_reached());
        for number in 0..3 {
            sql(&mut snapshot, number, |report| {
                report.files_read = report.files_read.map(|at| at + SignedDuration::from_secs(5));
            });
        }
        assert!(told(&snapshot, name, json!("1s")).is_reached());
    }
}
