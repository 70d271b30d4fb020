//! The failover key: what is ordered already, and who could take over against it.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass};

/// A switchover or failover on record is somebody else's, and `POST` would silently replace it.
pub(in crate::action::preflight) fn no_order(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "no-pending-order";
    notes.push(match fresh(context.snapshot.from_record(|content| Some(content.order.clone()))) {
        Some(fact) => match &fact.value {
            None => pass(CHECK, "no switchover or failover is pending").by(&fact),
            Some(key) => block(CHECK, format!("already pending: {}", order_description(key))).by(&fact),
        },
        None => block(CHECK, "unknown whether a switchover is pending").overridable(),
    });
}

/// The same for what changes nobody's lead: an order for later does not speak against it.
pub(in crate::action::preflight) fn no_order_under_way(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let later = fresh(context.snapshot.from_record(|content| content.order.clone()));
    match later.filter(|fact| fact.value.scheduled_at.is_some()) {
        Some(fact) => {
            let text = format!("scheduled: {}", order_description(&fact.value));
            notes.push(pass("no-pending-order", text).by(&fact));
        }
        None => no_order(context, notes),
    }
}

/// An order on record, in words.
pub(super) fn order_description(key: &crate::model::record::PendingOrder) -> String {
    let to = key.candidate.as_ref().map_or_else(|| "the best candidate".to_owned(), ToString::to_string);
    let when = key.scheduled_at.as_ref().map_or_else(|| "immediately".to_owned(), |at| format!("at {at}"));
    match &key.leader {
        Some(leader) => format!("switchover from {leader} to {to}, {when}"),
        None => format!("failover to {to}, {when}"),
    }
}

/// There must be something to cancel.
pub(in crate::action::preflight) fn an_order(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "scheduled-switchover";
    notes.push(match fresh(context.snapshot.from_record(|content| Some(content.order.clone()))) {
        Some(fact) => match &fact.value {
            Some(key) if key.scheduled_at.is_some() => {
                pass(CHECK, format!("scheduled: {}", order_description(key))).by(&fact)
            }
            Some(key) => {
                block(CHECK, format!("not scheduled for later, cannot be cancelled: {}", order_description(key)))
                    .by(&fact)
            }
            None => block(CHECK, "no switchover is scheduled").by(&fact),
        },
        None => block(CHECK, "unknown whether a switchover is scheduled").overridable(),
    });
}
