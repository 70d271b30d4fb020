//! What is on record: maintenance mode, orders for later, the dynamic configuration.

use serde_json::{Map, Value};

use super::MilestoneStatus;
use super::evidence::EvaluationContext;
use crate::model::name::NodeName;
use crate::model::record::{ClusterRecord, Counter};

const RECORD_NOT_REFRESHED: &str = "the DCS state has not been read since the action started";

pub(super) fn maintenance(context: &EvaluationContext<'_>, on: bool) -> MilestoneStatus {
    let word = |on: bool| if on { "paused" } else { "not paused" };
    let Some(record) = context.record() else { return MilestoneStatus::not_yet(RECORD_NOT_REFRESHED) };
    if record.value.is_paused() != on {
        let revision = record.value.config().map_or(0, |config| config.mod_revision);
        let was = context.before.generation.count(Counter::Configuration);
        return if was > 0 && revision > was {
            MilestoneStatus::contradicted(format!("the configuration was changed since, and says {}", word(!on)))
        } else {
            MilestoneStatus::not_yet(format!("{}: {}", record.source, word(!on)))
        };
    }
    let agents: Vec<_> = context.snapshot.members.iter().filter_map(|member| context.agent(&member.name)).collect();
    let missing: Vec<_> =
        agents.iter().filter(|agent| agent.value.paused != on).map(|agent| agent.source.target.as_str()).collect();
    if agents.is_empty() {
        return MilestoneStatus::not_yet("no agent has responded since");
    }
    if !missing.is_empty() {
        return MilestoneStatus::not_yet(format!("not yet reported by {}", missing.join(", ")));
    }
    MilestoneStatus::reached(format!(
        "{}: {}; confirmed by {}",
        record.source,
        word(on),
        crate::model::units::plural(agents.len(), "agent")
    ))
}

pub(super) fn switchover_scheduled(context: &EvaluationContext<'_>, scheduled: bool) -> MilestoneStatus {
    let Some(record) = context.record() else { return MilestoneStatus::not_yet(RECORD_NOT_REFRESHED) };
    let key = record.value.order.as_ref();
    let written = revision(record.value);
    let again = written > context.before.generation.count(Counter::PendingOrder);
    match (key.map(|key| (key, key.scheduled_at.as_ref())), scheduled) {
        (Some((_, Some(at))), true) if again || written == 0 => {
            MilestoneStatus::reached(format!("{}: scheduled for {at}, revision {written}", record.source))
        }
        (Some((_, Some(at))), true) => {
            MilestoneStatus::not_yet(format!("the previous switchover is still scheduled, for {at}"))
        }
        (Some((_, None)), true) => {
            MilestoneStatus::contradicted("a switchover without a time is pending: it runs immediately")
        }
        (None, true) => MilestoneStatus::not_yet("no switchover is pending"),
        (None, false) => MilestoneStatus::reached(format!("{}: no switchover is pending", record.source)),
        (Some((_, at)), false) if again && context.before.generation.count(Counter::PendingOrder) > 0 => {
            let at = at.map_or_else(|| "immediately".to_owned(), |at| format!("for {at}"));
            MilestoneStatus::contradicted(format!("another switchover was requested since, {at}"))
        }
        (Some(_), false) => MilestoneStatus::not_yet("the switchover is still pending"),
    }
}

/// Revision of the failover key; 0: it was never written, or the source has no revisions.
fn revision(record: &ClusterRecord) -> i64 {
    record.keys().iter().find(|key| key.name == *"failover").map_or(0, |key| key.mod_revision)
}

/// Whether the order of before is still on record, untouched.
pub(super) fn is_as_before(context: &EvaluationContext<'_>) -> bool {
    let was = context.before.generation.count(Counter::PendingOrder);
    context.record().is_some_and(|record| record.value.order.is_some() && was > 0 && revision(record.value) == was)
}

pub(super) fn restart_scheduled(
    context: &EvaluationContext<'_>,
    member: &NodeName,
    scheduled: bool,
) -> MilestoneStatus {
    let Some(agent) = context.agent(member) else {
        return MilestoneStatus::not_yet(format!("no response from the agent of {member} since"));
    };
    let own = agent.value.scheduled_restart.as_ref();
    if own.is_some() != scheduled {
        let still = if scheduled { "reports no scheduled restart" } else { "still reports a scheduled restart" };
        return MilestoneStatus::not_yet(format!("{} {still}", agent.source));
    }
    let Some(record) = context.record() else { return MilestoneStatus::not_yet(RECORD_NOT_REFRESHED) };
    let written = record.value.member(member);
    if written.is_some_and(|written| written.scheduled_restart.is_some() != scheduled) {
        return MilestoneStatus::not_yet(format!("{} does not report it yet", record.source));
    }
    let at = own.map_or_else(|| "none".to_owned(), |restart| restart.at.to_string());
    MilestoneStatus::reached(format!("{} and {}: {at}", agent.source, record.source))
}

pub(super) fn configured(context: &EvaluationContext<'_>, changes: &Map<String, Value>) -> MilestoneStatus {
    let Some(record) = context.record() else { return MilestoneStatus::not_yet(RECORD_NOT_REFRESHED) };
    let Some(config) = record.value.config() else {
        return MilestoneStatus::not_yet(format!("{} does not report the configuration", record.source));
    };
    let missing = config.value.missing_changes(changes);
    let revision = config.mod_revision;
    if missing.is_empty() {
        return MilestoneStatus::reached(format!("{}: in the DCS, revision {revision}", record.source));
    }
    let keys = missing.join(", ");
    let was = context.before.generation.count(Counter::Configuration);
    if was > 0 && revision > was {
        return MilestoneStatus::contradicted(format!(
            "the configuration was changed since with other values of {keys}"
        ));
    }
    MilestoneStatus::not_yet(format!("not as requested: {keys}"))
}
