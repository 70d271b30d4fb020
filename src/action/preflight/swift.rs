//! What a switchover whose routers are told wants beyond any other: it is only as swift as the slowest part of it.

use super::super::note::Note;
use super::super::order::Order;
use super::super::plan::Plan;
use super::scene::{Scene, block, fresh, pass, unknown};
use crate::model::name::NodeName;
use crate::model::units;

/// What a candidate may be behind: it is received within some milliseconds.
const SMALL: u64 = 1 << 20;

/// Everything, for a plan that tells the routers alongside.
pub(super) fn examine(scene: &Scene<'_>, plan: &Plan, candidate: Option<&NodeName>, notes: &mut Vec<Note>) {
    let tells = plan.steps.iter().any(|step| matches!(&step.order, Order::Escort(escort) if escort.from.is_some()));
    if tells {
        transactions(scene, notes);
        notes.extend(candidate.map(|candidate| lag(scene, candidate)));
    }
}

/// A long transaction is rolled back, and what it has done must be done again: that is the operator's to decide.
fn transactions(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "swift-transactions";
    let limit = scene.snapshot.thresholds.transaction_age.warning;
    let Some(view) = scene.leader_view() else { return };
    let name = view.name();
    let Some(sql) = scene.sql(view) else {
        notes.push(unknown(CHECK, format!("the transactions of {name} cannot be seen")).about(name));
        return;
    };
    let note = match &sql.value.oldest_transaction {
        Some(oldest) if oldest.age >= limit => {
            let age = units::duration(oldest.age);
            block(CHECK, format!("a transaction of {age} would be cut on {name}: end it first, or override"))
                .overridable()
        }
        Some(_) | None => pass(CHECK, format!("no transaction of {name} runs for long")),
    };
    notes.push(note.about(name).by(&sql));
}

fn lag(scene: &Scene<'_>, candidate: &NodeName) -> Note {
    const CHECK: &str = "swift-lag";
    let bytes = scene.view(candidate).and_then(|view| fresh(view.lag().bytes));
    let note = match &bytes {
        None => unknown(CHECK, format!("how far {candidate} is behind is unknown")),
        Some(bytes) if bytes.value > SMALL => {
            let text = format!(
                "{candidate} is {} behind, and writes stand still until it has that: wait until it is below {}",
                units::bytes(bytes.value),
                units::bytes(SMALL)
            );
            block(CHECK, text).overridable()
        }
        Some(bytes) => pass(CHECK, format!("{candidate} is {} behind", units::bytes(bytes.value))),
    };
    let note = note.about(candidate);
    match &bytes {
        Some(bytes) => note.by(bytes),
        None => note,
    }
}
