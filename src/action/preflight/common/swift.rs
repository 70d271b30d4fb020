//! What a switchover whose routers are told wants beyond any other: it is only as swift as the slowest part of it.

use crate::action::note::CheckNote;
use crate::action::order::Order;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown};
use crate::model::name::NodeName;
use crate::model::units;

/// What a candidate may be behind: it is received within some milliseconds.
const SMALL_LAG: u64 = 1 << 20;

/// Everything, for a plan that tells the routers alongside.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let tells = context
        .steps()
        .any(|step| matches!(&step.order, Order::RouterHandover(router_handover) if router_handover.from.is_some()));
    if tells {
        transactions(context, notes);
        notes.extend(context.candidate().map(|candidate| lag(context, &candidate)));
    }
}

/// A long transaction is rolled back, and what it has done must be done again: that is the operator's to decide.
fn transactions(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "swift-transactions";
    let limit = context.snapshot.thresholds.transaction_age.warning;
    let Some(view) = context.leader_view() else { return };
    let name = view.name();
    let Some(sql) = context.sql(view) else {
        notes.push(unknown(CHECK, format!("the transactions of {name} are not visible")).about(name));
        return;
    };
    let note = match &sql.value.oldest_transaction {
        Some(oldest) if oldest.age >= limit => {
            let age = units::duration(oldest.age);
            block(CHECK, format!("a transaction open for {age} would be aborted on {name}: end it first, or override"))
                .overridable()
        }
        Some(_) | None => pass(CHECK, format!("no long transactions on {name}")),
    };
    notes.push(note.about(name).by(&sql));
}

fn lag(context: &CheckContext<'_>, candidate: &NodeName) -> CheckNote {
    const CHECK: &str = "swift-lag";
    let bytes = context.view(candidate).and_then(|view| fresh(view.lag().bytes));
    let note = match &bytes {
        None => unknown(CHECK, format!("the lag of {candidate} is unknown")),
        Some(bytes) if bytes.value > SMALL_LAG => {
            let text = format!(
                "{candidate} has a lag of {}, and writes stall until it has caught up: wait until it is below {}",
                units::bytes(bytes.value),
                units::bytes(SMALL_LAG)
            );
            block(CHECK, text).overridable()
        }
        Some(bytes) => pass(CHECK, format!("{candidate} has a lag of {}", units::bytes(bytes.value))),
    };
    let note = note.about(candidate);
    match &bytes {
        Some(bytes) => note.by(bytes),
        None => note,
    }
}
