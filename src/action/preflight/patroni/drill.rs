//! Drills on a Patroni cluster: somebody must take over, and may lose commits by it.

use super::synchronous::synchronous_mode;
use crate::action::drill::Scenario;
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass};

/// Whether anybody would take over at all.
pub(in crate::action::preflight) fn not_paused(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "drill-pause";
    notes.push(match fresh(context.snapshot.paused()) {
        None => block(CHECK, "unknown whether maintenance mode is on").overridable(),
        Some(paused) if paused.value => {
            block(CHECK, "maintenance mode is on: there would be no failover to measure").by(&paused)
        }
        Some(paused) => pass(CHECK, "maintenance mode is off").by(&paused),
    });
}

/// What is acknowledged before it is copied is lost with the leader.
pub(in crate::action::preflight) fn may_lose(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "data-loss";
    if !context.scenario().is_some_and(Scenario::takes_leader) {
        return;
    }
    notes.push(match synchronous_mode(context) {
        None => block(CHECK, "unknown whether replication is synchronous: commits may be lost").overridable(),
        Some(mode) if mode.value => pass(CHECK, "replication is synchronous").by(&mode),
        Some(mode) => {
            let text =
                "replication is asynchronous: the last commits of clients may be lost, not only those of the probe";
            block(CHECK, text).by(&mode).overridable()
        }
    });
}
