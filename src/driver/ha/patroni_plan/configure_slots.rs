//! What a change of the permanent slots does. Patroni makes a permanent logical slot on the leader and copies it to every
//! replica, for which it restarts PostgreSQL there, on all of them at once (Patroni 4.1 on PostgreSQL 18 and 19, tried).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ground::Ground;
use super::impact;
use crate::model::text::Text;

/// How a slot's entry in the configuration fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Made,
    Remade,
    Dropped,
    Kept,
}

/// Names of the logical slots that are configured, or that the leader has.
pub(super) fn logical(ground: &Ground<'_>) -> Vec<String> {
    let configured = ground.config.as_ref().and_then(|config| config.get("slots")).and_then(Value::as_object);
    let mut names: Vec<String> =
        configured.into_iter().flatten().filter(|(_, entry)| is_logical(entry)).map(|(name, _)| name.clone()).collect();
    let leader = ground.generation.leader.as_ref().and_then(|name| ground.snapshot.member(name));
    let report = leader.and_then(|leader| leader.sql.as_ref()?.fresh(ground.snapshot.now));
    let slots = report.into_iter().flat_map(|report| &report.slots);
    names.extend(slots.filter(|slot| slot.logical && !slot.temporary).map(|slot| slot.name.to_string()));
    names.sort();
    names.dedup();
    names
}

/// What becomes of each slot by changing `slots` by `value`, with its entry afterwards.
fn fates(ground: &Ground<'_>, value: &Value) -> Vec<(String, Fate, Option<Value>)> {
    let none = Map::new();
    let old = ground.config.as_ref().and_then(|config| config.get("slots")).and_then(Value::as_object).unwrap_or(&none);
    let changes: Vec<(&String, &Value)> = match value {
        Value::Object(changes) => changes.iter().collect(),
        // Everything is taken out.
        _ => Vec::new(),
    };
    let all = old.keys().filter(|_| !value.is_object()).map(|name| (name, &Value::Null));
    let changes = changes.into_iter().chain(all);
    let fate = |(name, change): (&String, &Value)| {
        let before = old.get(name);
        let after = merged(before, change);
        let fate = match (before, &after) {
            (None, Some(_)) => Fate::Made,
            (Some(_), None) => Fate::Dropped,
            (Some(before), Some(after)) if identity(before) != identity(after) => Fate::Remade,
            (Some(_), Some(_)) | (None, None) => Fate::Kept,
        };
        (name.clone(), fate, after)
    };
    changes.map(fate).collect()
}

/// Which slots the leader must have, and have no more, for `value` to be in force.
pub(super) fn wanted(ground: &Ground<'_>, value: &Value) -> BTreeMap<Text, bool> {
    let told = fates(ground, value).into_iter().filter_map(|(name, fate, _)| match fate {
        Fate::Made | Fate::Remade => Some((Text::new(name), true)),
        Fate::Dropped => Some((Text::new(name), false)),
        Fate::Kept => None,
    });
    told.collect()
}

/// What follows from changing `slots` by `value`.
pub(super) fn effects(ground: &Ground<'_>, value: &Value) -> Vec<String> {
    let fates = fates(ground, value);
    let mut lines = Vec::new();
    let mut copied = Vec::new();
    for (name, fate, after) in &fates {
        let is_copied = after.as_ref().is_some_and(is_logical) && matches!(fate, Fate::Made | Fate::Remade);
        if is_copied {
            copied.push(name.as_str());
            let lacks = |key: &str| after.as_ref().is_none_or(|entry| entry.get(key).is_none());
            if lacks("database") || lacks("plugin") {
                lines.push(format!(
                    "logical slot {name} lacks its database or its plugin: Patroni leaves it out until it has both"
                ));
            }
        }
        match fate {
            Fate::Dropped => lines.push(format!("slot {name} is dropped on every member, and its consumer loses its place")),
            Fate::Remade => {
                lines.push(format!("slot {name} is dropped and made anew, and its consumer loses its place"));
            }
            Fate::Made if !is_copied => lines.push(format!(
                "slot {name} keeps WAL on the leader from now on until its consumer has taken it: without one the disk fills up"
            )),
            Fate::Made | Fate::Kept => {}
        }
    }
    if !copied.is_empty() {
        lines.extend(restarts(ground, &copied));
    }
    lines
}

/// Every replica is restarted for its copy of the slot.
fn restarts(ground: &Ground<'_>, copied: &[&str]) -> Vec<String> {
    let replicas: Vec<_> = ground.present().filter(|view| !ground.leads(view.name())).collect();
    let names = replicas.iter().map(|view| view.name().to_string()).collect::<Vec<_>>().join(", ");
    let slots = copied.join(", ");
    if replicas.is_empty() {
        return vec![format!(
            "logical slot {slots} is copied to every replica, for which its PostgreSQL restarts; there is none now"
        )];
    }
    let mut lines = vec![format!(
        "PostgreSQL on every replica ({names}) restarts at once, to copy logical slot {slots}: no replica serves reads \
         meanwhile, and none can take over"
    )];
    lines.extend(replicas.iter().map(|view| impact::readers_cut(*view)));
    lines.push(format!(
        "{slots} keeps WAL on the leader from now on until its consumer has taken it: without one the disk fills up"
    ));
    lines
}

/// What becomes of an entry by a change; Patroni merges objects.
fn merged(before: Option<&Value>, change: &Value) -> Option<Value> {
    match (before, change) {
        (_, Value::Null) => None,
        (Some(Value::Object(before)), Value::Object(change)) => {
            Some(Value::Object(crate::action::typed::changed(before, change)))
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
