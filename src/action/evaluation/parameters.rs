//! PostgreSQL's parameters on every member: in force, or pending a restart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::parameters::text_of;
use super::MilestoneStatus;
use super::evidence::EvaluationContext;
use crate::model::member::Presence;
use crate::model::name::NodeName;
use crate::model::postgres::SqlPart;
use crate::model::setting::SettingContext;
use crate::model::text::Text;

/// How a member took one parameter.
enum ParameterStatus {
    InForce,
    Pending,
    Not(String),
}

pub(super) fn in_force(context: &EvaluationContext<'_>, parameters: &Map<String, Value>) -> MilestoneStatus {
    let mut pending = Vec::new();
    let mut have = Vec::new();
    for member in context.snapshot.members.iter().filter(|member| matches!(member.presence, Presence::Present)) {
        let name = &member.name;
        let mut waits = Vec::new();
        for (parameter, value) in parameters {
            match taken(context, name, parameter, value) {
                Ok(ParameterStatus::InForce) => {}
                Ok(ParameterStatus::Pending) => waits.push(parameter.as_str()),
                Ok(ParameterStatus::Not(why)) => return MilestoneStatus::not_yet(why),
                Err(milestone_status) => return milestone_status,
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
        words.push(format!("active on {}", have.join(", ")));
    }
    if !pending.is_empty() {
        words.push(format!("pending restart on {}", pending.join(", ")));
    }
    if words.is_empty() {
        MilestoneStatus::not_yet("no member is in the DCS")
    } else {
        MilestoneStatus::reached(words.join("; "))
    }
}

fn taken(
    context: &EvaluationContext<'_>,
    member: &NodeName,
    name: &str,
    value: &Value,
) -> Result<ParameterStatus, MilestoneStatus> {
    let sql = context.sql(member).map_err(super::evidence::SqlDoubt::reported)?;
    let report = sql.value;
    let Some(settings) = &report.settings else {
        return Err(MilestoneStatus::not_yet(format!("the settings of {member} are unknown")));
    };
    let setting = settings.get(name);
    let agent = context.agent(member);
    // Before 3.3 an agent tells that something waits, and not what.
    let by_agent = agent.is_some_and(|agent| {
        let listed = &agent.value.pending_settings;
        let is_it = listed.iter().any(|pending| pending.name.as_str().eq_ignore_ascii_case(name));
        let unnamed = agent.value.pending_restart && listed.is_empty();
        is_it || unnamed && setting.is_some_and(|setting| setting.definition.takes == SettingContext::Restart)
    });
    let by_sql = setting.is_some_and(|setting| setting.pending)
        || report.pending_restart.iter().any(|pending| pending.as_str().eq_ignore_ascii_case(name));
    let reloaded = is_later(report.files_read, context.was(member).and_then(|was| was.files_read));
    Ok(match (setting, value) {
        (Some(setting), value) if !value.is_null() && setting.of_server && setting.holds(&text_of(value)) => {
            ParameterStatus::InForce
        }
        _ if by_agent || by_sql => ParameterStatus::Pending,
        // What no server lists, or what this console's own session has otherwise: a reload is all that can be seen.
        (None, _) if name.contains('.') && reloaded => ParameterStatus::InForce,
        (None, _) if name.contains('.') => {
            ParameterStatus::Not(format!("{member} has not reloaded its configuration since"))
        }
        (None, Value::Null) => ParameterStatus::InForce,
        (None, _) => ParameterStatus::Not(format!("{member} has no parameter {name}: it was ignored there")),
        (Some(setting), Value::Null) if reloaded || setting.value == &setting.definition.boot => {
            ParameterStatus::InForce
        }
        (Some(setting), Value::Null) => ParameterStatus::Not(format!("{member}: {name} is still {}", setting.shown())),
        // `archive_command` shows itself only where archiving is on.
        (Some(setting), _) if (!setting.of_server || *setting.value == *"(disabled)") && reloaded => {
            ParameterStatus::InForce
        }
        (Some(setting), _) => ParameterStatus::Not(format!("{member}: {name} is {}", setting.shown())),
    })
}

fn is_later(now: Option<Timestamp>, was: Option<Timestamp>) -> bool {
    matches!((now, was), (Some(now), Some(was)) if now > was)
}

/// The slots of whoever leads, by its own word.
pub(super) fn slots(context: &EvaluationContext<'_>, wanted: &BTreeMap<Text, bool>) -> MilestoneStatus {
    let Some(record) = context.record() else {
        return MilestoneStatus::not_yet("the DCS state has not been read since");
    };
    let Some(key) = &record.value.leader else { return MilestoneStatus::not_yet("no member holds the leader key") };
    let leader = &key.holder;
    let sql = match context.sql(leader) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.reported(),
    };
    if !sql.value.knows(SqlPart::Slots) {
        return MilestoneStatus::not_yet(format!("the slots of {leader} are not visible"));
    }
    for (name, there) in wanted {
        if sql.value.slots.iter().any(|slot| slot.name == *name) != *there {
            let is = if *there { "does not exist" } else { "still exists" };
            return MilestoneStatus::not_yet(format!("slot {name} {is} on {leader}"));
        }
    }
    MilestoneStatus::reached(format!("{}: as configured", sql.source))
}

pub(super) fn nothing_pending(context: &EvaluationContext<'_>, members: &[NodeName]) -> MilestoneStatus {
    for member in members {
        let Some(agent) = context.agent(member) else {
            return MilestoneStatus::not_yet(format!("no response from the agent of {member} since"));
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
            return MilestoneStatus::not_yet(format!("{member} is still pending restart: {}", waiting.join(", ")));
        }
        if let Ok(sql) = context.sql(member)
            && let Some(setting) = sql.value.pending_restart.first()
        {
            return MilestoneStatus::not_yet(format!("{member} still reports pending restart: {setting}"));
        }
    }
    let names: Vec<&str> = members.iter().map(NodeName::as_str).collect();
    MilestoneStatus::reached(format!("no pending restart according to the agents of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;
    use serde_json::json;

    use super::super::super::milestone::Milestone;
    use super::super::evaluate;
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

    fn reported(snapshot: &Snapshot, name: &str, value: Value) -> MilestoneStatus {
        let parameters = [(name.to_owned(), value)].into_iter().collect();
        evaluate(&Milestone::ParametersInForce { parameters }, snapshot, &before(), Moment::START)
    }

    #[test]
    fn a_value_is_in_force_once_every_member_has_it_however_it_is_written() {
        let have: &[(&str, &str)] = &[("work_mem", "65536")];
        assert!(reported(&with([have, have, have]), "work_mem", json!("64MB")).is_reached());
        let milestone_status = reported(&with([have, &[], have]), "work_mem", json!("64MB"));
        assert!(
            !milestone_status.is_reached() && milestone_status.describe().as_str().contains("pg-1: work_mem is 4MB"),
            "{milestone_status:?}"
        );
    }

    #[rstest]
    #[case::taken_out("nonsense_guc", json!(1), "has no parameter nonsense_guc")]
    #[case::bound_in_its_place("work_mem", json!("-3MB"), "work_mem is 4MB")]
    fn what_no_server_took_is_never_in_force(#[case] name: &str, #[case] value: Value, #[case] words: &str) {
        let milestone_status = reported(&with([&[], &[], &[]]), name, value);
        assert!(
            !milestone_status.is_reached() && milestone_status.describe().as_str().contains(words),
            "{milestone_status:?}"
        );
    }

    #[test]
    fn what_waits_for_a_restart_is_taken_and_stated_to_wait() {
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
        let milestone_status = reported(&snapshot, "max_connections", json!(120));
        assert!(
            milestone_status.is_reached() && milestone_status.describe().as_str().contains("pending restart on pg-0"),
            "{milestone_status:?}"
        );
        let members = vec![NodeName::new("pg-0")];
        let pending = evaluate(&Milestone::NothingPending { members }, &snapshot, &before(), Moment::START);
        assert!(
            !pending.is_reached() && pending.describe().as_str().contains("max_connections 100→120"),
            "{pending:?}"
        );
    }

    #[test]
    fn what_no_server_lists_is_taken_once_each_has_read_its_files_again() {
        let mut snapshot = with([&[], &[], &[]]);
        let name = "auto_explain.log_min_duration";
        assert!(!reported(&snapshot, name, json!("1s")).is_reached());
        for number in 0..3 {
            sql(&mut snapshot, number, |report| {
                report.files_read = report.files_read.map(|at| at + SignedDuration::from_secs(5));
            });
        }
        assert!(reported(&snapshot, name, json!("1s")).is_reached());
    }
}
