//! Patroni's agents, as far as something is asked of them one by one.

use crate::action::intent::{Intent, NodeIntent};
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::view::MemberView;

/// The agents of the members that the plan restarts: each must answer, and have nothing scheduled that collides.
pub(in crate::action::preflight) fn of_restarts(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let scheduled = matches!(context.intent(), Some(Intent::Node(NodeIntent::Restart { at: Some(_), .. })));
    if scheduled {
        notes.push(match fresh(context.snapshot.paused()) {
            Some(paused) if paused.value => {
                block("pause", "maintenance mode is on: Patroni does not schedule actions in it").by(&paused)
            }
            Some(paused) => pass("pause", "maintenance mode is off").by(&paused),
            None => block("pause", "unknown whether maintenance mode is on").overridable(),
        });
    }
    // Whoever is no member is told of where the restarts themselves are looked at.
    for view in context.restarted().iter().filter_map(|name| context.view(name)) {
        answers(context, view, notes);
        appointment(context, view, scheduled, notes);
    }
}

/// Every agent that the plan asks must answer, under its own name.
pub(in crate::action::preflight) fn agents(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    for name in context.asked() {
        match context.view(&name) {
            Some(view) => answers(context, view, notes),
            None => notes.push(block("target-known", format!("there is no member {name}")).about(&name)),
        }
    }
}

fn answers(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-answers";
    let name = view.name();
    let agent = view.member.agent.as_ref();
    let note = match agent.and_then(|agent| fresh(agent.fact(context.snapshot.now, |report| Some(report.name.clone()))))
    {
        Some(fact) if fact.value.as_ref().is_some_and(|own| own != name) => {
            let own = fact.value.clone().unwrap_or_default();
            block(CHECK, format!("the REST API at the address of {name} is that of {own}")).by(&fact)
        }
        Some(fact) => pass(CHECK, format!("the agent of {name} responds")).by(&fact),
        None => block(CHECK, format!("the agent of {name} is unreachable")).overridable(),
    };
    notes.push(note.about(name));
}

fn appointment(context: &CheckContext<'_>, view: MemberView<'_>, scheduled: bool, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "no-scheduled-restart";
    let name = view.name();
    let agent = view.member.agent.as_ref();
    let known = agent.and_then(|agent| fresh(agent.fact(context.snapshot.now, |r| Some(r.scheduled_restart.clone()))));
    let note = match known {
        None => unknown(CHECK, format!("unknown whether a restart of {name} is scheduled")),
        Some(fact) => match &fact.value {
            None => pass(CHECK, format!("no restart of {name} is scheduled")).by(&fact),
            Some(other) if scheduled => {
                block(CHECK, format!("a restart of {name} is already scheduled for {}", other.at)).by(&fact)
            }
            Some(other) => warn(CHECK, format!("a restart of {name} is also scheduled, for {}", other.at)).by(&fact),
        },
    };
    notes.push(note.about(name));
}

/// There must be something to cancel.
pub(in crate::action::preflight) fn cancel(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "scheduled-restart";
    let Some(Intent::Node(NodeIntent::CancelRestart { member: name })) = context.intent() else { return };
    let Some(view) = context.view(name) else {
        notes.push(block("target-known", format!("there is no member {name}")).about(name));
        return;
    };
    answers(context, view, notes);
    let agent = view.member.agent.as_ref();
    let known = agent.and_then(|agent| fresh(agent.fact(context.snapshot.now, |r| Some(r.scheduled_restart.clone()))));
    let note = match known {
        None => block(CHECK, format!("unknown whether a restart of {name} is scheduled")).overridable(),
        Some(fact) => match &fact.value {
            Some(restart) => pass(CHECK, format!("a restart of {name} is scheduled for {}", restart.at)).by(&fact),
            None => block(CHECK, format!("no restart of {name} is scheduled")).by(&fact),
        },
    };
    notes.push(note.about(name));
}
