//! Maintenance mode.

use super::order::order_description;
use crate::action::intent::{Intent, LeadIntent};
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, warn};

/// In maintenance mode Patroni switches over by hand alone: to a named candidate, and not later.
pub(in crate::action::preflight) fn of_switchover(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "pause";
    let scheduled = matches!(context.intent(), Some(Intent::Lead(LeadIntent::Switchover { at: Some(_), .. })));
    notes.push(match fresh(context.snapshot.paused()) {
        None => block(CHECK, "unknown whether maintenance mode is on").overridable(),
        Some(paused) if !paused.value => pass(CHECK, "maintenance mode is off").by(&paused),
        Some(paused) if scheduled => {
            block(CHECK, "maintenance mode is on: Patroni does not schedule actions in it").by(&paused)
        }
        Some(paused) if context.candidate().is_none() => {
            block(CHECK, "maintenance mode is on: Patroni requires a named candidate").by(&paused)
        }
        Some(paused) => warn(CHECK, "maintenance mode is on: no automatic failover if this fails").by(&paused),
    });
}

/// What turning it on or off meets.
pub(in crate::action::preflight) fn changes(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "pause";
    let on = context.intent() == Some(&Intent::Lead(LeadIntent::Pause));
    let word = |on: bool| if on { "on" } else { "off" };
    notes.push(match fresh(context.snapshot.paused()) {
        None => block(CHECK, "unknown whether maintenance mode is on").overridable(),
        Some(paused) if paused.value == on => {
            warn(CHECK, format!("maintenance mode is already {}", word(on))).by(&paused)
        }
        Some(paused) => pass(CHECK, format!("maintenance mode is {}", word(paused.value))).by(&paused),
    });
    let scheduled = fresh(context.snapshot.from_record(|content| content.order.clone()));
    if let Some(order) = scheduled.filter(|_| on) {
        let text = format!("scheduled, but blocked by maintenance mode: {}", order_description(&order.value));
        notes.push(warn("no-pending-order", text).by(&order));
    }
    let leaderless = fresh(context.snapshot.from_record(|content| content.leader.is_none().then_some(())));
    if let Some(leaderless) = leaderless.filter(|_| on) {
        notes.push(
            warn("leader-known", "there is no leader, and in maintenance mode none will be elected").by(&leaderless),
        );
    }
}
