//! What is on record: maintenance mode, orders for later, the dynamic configuration.

use serde_json::{Map, Value};

use super::Telling;
use super::evidence::Scene;
use crate::model::name::NodeName;
use crate::model::record::{ClusterRecord, Counter};

const UNHEARD: &str = "the record has not been heard since";

pub(super) fn maintenance(scene: &Scene<'_>, on: bool) -> Telling {
    let word = |on: bool| if on { "paused" } else { "not paused" };
    let Some(record) = scene.record() else { return Telling::not_yet(UNHEARD) };
    if record.value.is_paused() != on {
        let revision = record.value.config().map_or(0, |config| config.mod_revision);
        let was = scene.before.generation.count(Counter::Configuration);
        return if was > 0 && revision > was {
            Telling::contradicted(format!("the configuration was written since, and says {}", word(!on)))
        } else {
            Telling::not_yet(format!("{}: {}", record.source, word(!on)))
        };
    }
    let agents: Vec<_> = scene.snapshot.members.iter().filter_map(|member| scene.agent(&member.name)).collect();
    let lacking: Vec<_> =
        agents.iter().filter(|agent| agent.value.paused != on).map(|agent| agent.source.target.as_str()).collect();
    if agents.is_empty() {
        return Telling::not_yet("no agent has answered since");
    }
    if !lacking.is_empty() {
        return Telling::not_yet(format!("not yet seen by {}", lacking.join(", ")));
    }
    Telling::reached(format!("{}: {}; so say {} agents", record.source, word(on), agents.len()))
}

pub(super) fn switchover_scheduled(scene: &Scene<'_>, scheduled: bool) -> Telling {
    let Some(record) = scene.record() else { return Telling::not_yet(UNHEARD) };
    let key = record.value.order.as_ref();
    let written = revision(record.value);
    let anew = written > scene.before.generation.count(Counter::PendingOrder);
    match (key.map(|key| (key, key.scheduled_at.as_ref())), scheduled) {
        (Some((_, Some(at))), true) if anew || written == 0 => {
            Telling::reached(format!("{}: scheduled for {at}, revision {written}", record.source))
        }
        (Some((_, Some(at))), true) => Telling::not_yet(format!("the switchover of before is on record, for {at}")),
        (Some((_, None)), true) => Telling::contradicted("a switchover without a time is on record: it runs at once"),
        (None, true) => Telling::not_yet("no switchover is on record"),
        (None, false) => Telling::reached(format!("{}: no switchover is on record", record.source)),
        (Some((_, at)), false) if anew && scene.before.generation.count(Counter::PendingOrder) > 0 => {
            let at = at.map_or_else(|| "at once".to_owned(), |at| format!("for {at}"));
            Telling::contradicted(format!("another switchover was written since, {at}"))
        }
        (Some(_), false) => Telling::not_yet("the switchover is still on record"),
    }
}

/// Revision of the failover key; 0: it was never written, or the source has no revisions.
fn revision(record: &ClusterRecord) -> i64 {
    record.keys().iter().find(|key| key.name == *"failover").map_or(0, |key| key.mod_revision)
}

/// Whether the order of before is still on record, untouched.
pub(super) fn is_as_before(scene: &Scene<'_>) -> bool {
    let was = scene.before.generation.count(Counter::PendingOrder);
    scene.record().is_some_and(|record| record.value.order.is_some() && was > 0 && revision(record.value) == was)
}

pub(super) fn restart_scheduled(scene: &Scene<'_>, member: &NodeName, scheduled: bool) -> Telling {
    let Some(agent) = scene.agent(member) else {
        return Telling::not_yet(format!("no answer of the agent of {member} since"));
    };
    let own = agent.value.scheduled_restart.as_ref();
    if own.is_some() != scheduled {
        let still = if scheduled { "tells of no scheduled restart" } else { "still tells of a scheduled restart" };
        return Telling::not_yet(format!("{} {still}", agent.source));
    }
    let Some(record) = scene.record() else { return Telling::not_yet(UNHEARD) };
    let written = record.value.member(member);
    if written.is_some_and(|written| written.scheduled_restart.is_some() != scheduled) {
        return Telling::not_yet(format!("{} does not say so yet", record.source));
    }
    let at = own.map_or_else(|| "none".to_owned(), |restart| restart.at.to_string());
    Telling::reached(format!("{} and {}: {at}", agent.source, record.source))
}

pub(super) fn configured(scene: &Scene<'_>, changes: &Map<String, Value>) -> Telling {
    let Some(record) = scene.record() else { return Telling::not_yet(UNHEARD) };
    let Some(config) = record.value.config() else {
        return Telling::not_yet(format!("{} does not tell the configuration", record.source));
    };
    let lacking = config.value.lacking(changes);
    let revision = config.mod_revision;
    if lacking.is_empty() {
        return Telling::reached(format!("{}: in the DCS, revision {revision}", record.source));
    }
    let keys = lacking.join(", ");
    let was = scene.before.generation.count(Counter::Configuration);
    if was > 0 && revision > was {
        return Telling::contradicted(format!("the configuration was written since with other values of {keys}"));
    }
    Telling::not_yet(format!("not as wanted: {keys}"))
}
