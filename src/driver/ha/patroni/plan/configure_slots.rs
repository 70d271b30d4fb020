//! What a change of the permanent slots does. Patroni makes a permanent logical slot on the leader and copies it to every
//! replica, for which it restarts PostgreSQL there, on all of them at once (Patroni 4.1 on PostgreSQL 18 and 19, tried).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::context::PlanContext;
use crate::driver::plan::impact;
use crate::model::text::Text;

/// How a slot's entry in the configuration fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SlotChange {
    Made,
    Remade,
    Dropped,
    Kept,
}

/// Names of the logical slots that are configured, or that the leader has.
pub(super) fn logical(context: &PlanContext<'_>) -> Vec<String> {
    let configured = context.config.as_ref().and_then(|config| config.get("slots")).and_then(Value::as_object);
    let mut names: Vec<String> =
        configured.into_iter().flatten().filter(|(_, entry)| is_logical(entry)).map(|(name, _)| name.clone()).collect();
    let leader = context.generation.leader.as_ref().and_then(|name| context.snapshot.member(name));
    let report = leader.and_then(|leader| leader.sql.as_ref()?.fresh(context.snapshot.now));
    let slots = report.into_iter().flat_map(|report| &report.slots);
    names.extend(slots.filter(|slot| slot.logical && !slot.temporary).map(|slot| slot.name.to_string()));
    names.sort();
    names.dedup();
    names
}

/// What becomes of each slot by changing `slots` by `value`, with its entry afterwards.
fn slot_changes(context: &PlanContext<'_>, value: &Value) -> Vec<(String, SlotChange, Option<Value>)> {
    let none = Map::new();
    let old =
        context.config.as_ref().and_then(|config| config.get("slots")).and_then(Value::as_object).unwrap_or(&none);
    let changes: Vec<(&String, &Value)> = match value {
        Value::Object(changes) => changes.iter().collect(),
        // Everything is taken out.
        _ => Vec::new(),
    };
    let all = old.keys().filter(|_| !value.is_object()).map(|name| (name, &Value::Null));
    let changes = changes.into_iter().chain(all);
    let slot_change = |(name, change): (&String, &Value)| {
        let before = old.get(name);
        let after = merged(before, change);
        let slot_change = match (before, &after) {
            (None, Some(_)) => SlotChange::Made,
            (Some(_), None) => SlotChange::Dropped,
            (Some(before), Some(after)) if identity(before) != identity(after) => SlotChange::Remade,
            (Some(_), Some(_)) | (None, None) => SlotChange::Kept,
        };
        (name.clone(), slot_change, after)
    };
    changes.map(slot_change).collect()
}

/// Which slots the leader must have, and have no more, for `value` to be in force.
pub(super) fn wanted(context: &PlanContext<'_>, value: &Value) -> BTreeMap<Text, bool> {
    let reported = slot_changes(context, value).into_iter().filter_map(|(name, slot_change, _)| match slot_change {
        SlotChange::Made | SlotChange::Remade => Some((Text::new(name), true)),
        SlotChange::Dropped => Some((Text::new(name), false)),
        SlotChange::Kept => None,
    });
    reported.collect()
}

/// What follows from changing `slots` by `value`.
pub(super) fn effects(context: &PlanContext<'_>, value: &Value) -> Vec<String> {
    let slot_changes = slot_changes(context, value);
    let mut lines = Vec::new();
    let mut copied = Vec::new();
    for (name, slot_change, after) in &slot_changes {
        let is_copied =
            after.as_ref().is_some_and(is_logical) && matches!(slot_change, SlotChange::Made | SlotChange::Remade);
        if is_copied {
            copied.push(name.as_str());
            let lacks = |key: &str| after.as_ref().is_none_or(|entry| entry.get(key).is_none());
            if lacks("database") || lacks("plugin") {
                lines.push(format!(
                    "logical slot {name} lacks its database or plugin: Patroni ignores it until it has both"
                ));
            }
        }
        match slot_change {
            SlotChange::Dropped => lines.push(format!("slot {name} is dropped on every member, and its consumer loses its position")),
            SlotChange::Remade => {
                lines.push(format!("slot {name} is dropped and recreated, and its consumer loses its position"));
            }
            SlotChange::Made if !is_copied => lines.push(format!(
                "slot {name} retains WAL on the leader until its consumer has received it: without a consumer the disk fills up"
            )),
            SlotChange::Made | SlotChange::Kept => {}
        }
    }
    if !copied.is_empty() {
        lines.extend(restarts(context, &copied));
    }
    lines
}

/// Every replica is restarted for its copy of the slot.
fn restarts(context: &PlanContext<'_>, copied: &[&str]) -> Vec<String> {
    let replicas: Vec<_> = context.present().filter(|view| !context.leads(view.name())).collect();
    let names = replicas.iter().map(|view| view.name().to_string()).collect::<Vec<_>>().join(", ");
    let slots = copied.join(", ");
    if replicas.is_empty() {
        return vec![format!(
            "logical slot {slots} is copied to every replica, which restarts its PostgreSQL; there is none now"
        )];
    }
    let mut lines = vec![format!(
        "PostgreSQL on every replica ({names}) restarts at once to copy logical slot {slots}: meanwhile no replica serves reads \
            and none can be promoted"
    )];
    lines.extend(replicas.iter().map(|view| impact::readers_cut(*view)));
    lines.push(format!(
        "{slots} retains WAL on the leader until its consumer has received it: without a consumer the disk fills up"
    ));
    lines
}

/// What becomes of an entry by a change; Patroni merges objects.
fn merged(before: Option<&Value>, change: &Value) -> Option<Value> {
    match (before, change) {
        (_, Value::Null) => None,
        (Some(Value::Object(before)), Value::Object(change)) => {
            Some(Value::Object(crate::action::parse::changed(before, change)))
        }
        (_, change) => Some(change.clone()),
    }
}

/// What makes it another slot. Without a type a slot is physical.
fn identity(entry: &Value) -> (Option<&str>, Option<&str>, Option<&str>) {
    let word = |key: &str| entry.get(key).and_then(Value::as_str);
    (word("type"), word("database"), word("plugin"))
}

fn is_logical(entry: &Value) -> bool {
    match entry.get("type").and_then(Value::as_str) {
        Some(word) => word.eq_ignore_ascii_case("logical"),
        // Patroni takes an entry with a database and a plugin for a logical one.
        None => entry.get("database").is_some() && entry.get("plugin").is_some(),
    }
}
