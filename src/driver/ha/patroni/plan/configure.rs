//! Changing the dynamic configuration.

use serde_json::{Map, Value};

use super::configure_effects;
use super::configure_rules::{self, Finding};
use super::configure_slots;
use super::context::{PlanContext, PlanDraft, quoted, refuse};
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::AgentRequest;
use crate::action::parameters::set_by;
use crate::action::plan::{Danger, Infeasible, Plan};
use crate::driver::ha::patroni::record::masked;
use crate::model::text::redact;

/// Keys by which a leader, a copy or an acknowledged commit can be lost.
const DESTRUCTIVE: [&str; 7] =
    ["standby_cluster", "slots", "ignore_slots", "failsafe_mode", "ttl", "loop_wait", "retry_timeout"];

/// One changed value: where it is, what it was, what it becomes.
struct Change<'a> {
    path: Vec<&'a str>,
    old: Option<&'a Value>,
    new: &'a Value,
}

pub(super) fn plan(context: &PlanContext<'_>, changes: &Map<String, Value>) -> Result<Plan, Infeasible> {
    if context.record.config().is_none() {
        return Err(refuse(format!(
            "the dynamic configuration of {} is not in the DCS: it cannot be compared",
            context.cluster()
        )));
    }
    if changes.contains_key("pause") {
        return Err(refuse("do not set maintenance mode here: use pause or resume"));
    }
    let text = Value::Object(changes.clone());
    let written = text.to_string();
    if masked(&text) != text || redact(&written) != written {
        // The plan is shown and journalled as it is; a secret must be in neither.
        return Err(refuse(
            "secrets cannot be changed here, because plans are shown and logged: use patronictl edit-config",
        ));
    }
    let mut list = Vec::new();
    let old = context.config.as_ref();
    for (key, value) in changes {
        leaves(&mut list, vec![key], old.and_then(|old| old.get(key)), value);
    }
    // Without the whole of the old, nothing can be told to be the same.
    list.retain(|change| {
        old.is_none() || change.old != Some(change.new) && !(change.old.is_none() && change.new.is_null())
    });
    if list.is_empty() {
        let mut all = Vec::new();
        for (key, value) in changes {
            leaves(&mut all, vec![key], None, value);
        }
        let gone = all.iter().all(|change| change.new.is_null());
        return Err(if gone {
            refuse(format!("nothing to remove: {} is not in the dynamic configuration", keys(&all)))
        } else {
            refuse("nothing to change: every key already has this value")
        });
    }
    let findings = configure_rules::examine(changes, context.timing);
    let wrong: Vec<_> = findings.iter().filter_map(Finding::wrong).collect();
    if !wrong.is_empty() {
        return Err(refuse(wrong.join("; ")));
    }

    let changes = nested(&list);
    let set = list.iter().map(|change| format!("-s {}", quoted(&change.assignment()))).collect::<Vec<_>>().join(" ");
    let mut equivalent = vec![format!("patronictl edit-config {} {set} --force", context.scope())];
    let (step, atomic) = match context.write_config(&changes) {
        Some(step) => (step, "atomic: written only if the configuration is unchanged since this plan was made"),
        None => {
            let agent = context.any_agent(None)?;
            let request = AgentRequest::Configure { changes: changes.clone() };
            equivalent.push(context.curl(&agent, &request)?);
            let words = "not atomic: a concurrent edit of the same keys is overwritten";
            (context.ask(&agent, request)?, words)
        }
    };
    let mut impact: Vec<_> = list.iter().map(|change| change.describe(old.is_some())).collect();
    impact.extend(findings.iter().filter_map(Finding::warning));
    impact.extend(configure_effects::of(context, &changes));
    impact.push(atomic.to_owned());
    let is_destructive = |key: &String| DESTRUCTIVE.contains(&key.as_str()) || key.starts_with("synchronous_");
    let danger = if changes.keys().any(is_destructive) { Danger::Destructive } else { Danger::Disruptive };
    let parameters = set_by(&changes);
    let slots = changes.get("slots").map(|slots| configure_slots::wanted(context, slots)).unwrap_or_default();
    let mut deciding = vec![Milestone::Configured { changes }];
    if !slots.is_empty() {
        deciding.push(Milestone::Slots { wanted: slots });
    }
    if !parameters.is_empty() {
        deciding.push(Milestone::ParametersInForce { parameters });
    }
    Ok(context.plan(PlanDraft {
        title: format!("change {} in the dynamic configuration of {}", keys(&list), context.cluster()),
        danger,
        confirm: context.type_cluster(),
        equivalent,
        steps: vec![step],
        no_return: 0,
        impact,
        expectation: Expectation::of(deciding, context.timing.two_loops()),
    }))
}

impl Change<'_> {
    fn describe(&self, old_is_known: bool) -> String {
        let old = match self.old {
            Some(old) => masked(old).to_string(),
            None if old_is_known => "(absent)".to_owned(),
            None => "?".to_owned(),
        };
        let new = if self.new.is_null() { "(removed)".to_owned() } else { self.new.to_string() };
        format!("{}: {old} → {new}", self.path.join("."))
    }

    /// As `patronictl edit-config -s` takes it: the value is read as YAML, of which JSON is a part.
    fn assignment(&self) -> String {
        format!("{}={}", self.path.join("."), self.new)
    }
}

/// The single values that `new` sets; Patroni merges objects, and replaces everything else.
fn leaves<'a>(list: &mut Vec<Change<'a>>, path: Vec<&'a str>, old: Option<&'a Value>, new: &'a Value) {
    match new {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                let below = path.iter().copied().chain([key.as_str()]).collect();
                leaves(list, below, old.and_then(|old| old.get(key)), value);
            }
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            list.push(Change { path, old, new });
        }
    }
}

/// The changes alone, as Patroni takes them.
fn nested(list: &[Change<'_>]) -> Map<String, Value> {
    let mut whole = Map::new();
    for change in list {
        let Some((key, above)) = change.path.split_last() else { continue };
        let mut section = Some(&mut whole);
        for name in above {
            let below = section.map(|section| section.entry(*name).or_insert_with(|| Value::Object(Map::new())));
            section = below.and_then(Value::as_object_mut);
        }
        if let Some(section) = section {
            section.insert((*key).to_owned(), change.new.clone());
        }
    }
    whole
}

fn keys(list: &[Change<'_>]) -> String {
    let shown = list.iter().take(3).map(|change| change.path.join(".")).collect::<Vec<_>>().join(", ");
    if list.len() > 3 { format!("{shown} and {} more", list.len() - 3) } else { shown }
}
