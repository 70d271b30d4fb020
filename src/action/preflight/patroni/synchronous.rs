//! Synchronous mode: who may take over in order, and what a failover may lose.

use super::handover::kept_from_handover;
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, Purpose, block, fresh, pass, unknown};
use crate::model::observed::Observed;
use crate::model::view::MemberView;

/// Whether it is on.
pub(in crate::action::preflight) fn synchronous_mode(context: &CheckContext<'_>) -> Option<Observed<bool>> {
    fresh(context.snapshot.from_record(|content| content.config().map(|config| config.synchronous_mode)))
}

/// Whether the sync key lists the member, which is what Patroni goes by.
pub(in crate::action::preflight) fn is_synchronous(
    context: &CheckContext<'_>,
    view: &MemberView<'_>,
) -> Option<Observed<bool>> {
    let name = view.name();
    fresh(context.snapshot.from_record(|content| Some(content.sync().is_some_and(|sync| sync.standbys.contains(name)))))
}

/// The member who is to lead, by its place in the sync key.
pub(in crate::action::preflight) fn candidate(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    purpose: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-sync";
    let name = view.name();
    let (Some(mode), Some(listed)) = (synchronous_mode(context), is_synchronous(context, &view)) else {
        let text = format!("unknown whether {name} must be synchronous and is");
        notes.push(match purpose {
            Purpose::Switchover => unknown(CHECK, text),
            Purpose::Failover => block(CHECK, text).overridable(),
        });
        return;
    };
    notes.push(match (mode.value, listed.value, purpose) {
        (false, _, _) => pass(CHECK, "synchronous mode is off").by(&mode),
        (true, true, _) => pass(CHECK, format!("{name} is synchronous")).by(&listed),
        (true, false, Purpose::Switchover) => {
            let why = kept_from_handover(context.snapshot, name);
            block(CHECK, why.unwrap_or_else(|| format!("{name} is not synchronous"))).by(&listed)
        }
        (true, false, Purpose::Failover) => {
            block(CHECK, format!("{name} is not synchronous: acknowledged commits may be lost"))
                .by(&listed)
                .overridable()
        }
    });
}
