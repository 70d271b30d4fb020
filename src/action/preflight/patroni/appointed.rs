//! What keeps Patroni from promoting a member that could lead: its tags, its watchdog.

use super::synchronous::synchronous_mode;
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, Purpose, block, fresh, pass, unknown, warn};
use crate::model::view::MemberView;

/// Whether a tag speaks against it.
pub(in crate::action::preflight) fn tags(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-tags";
    let name = view.name();
    notes.push(match fresh(view.tags()) {
        None => block(CHECK, format!("the tags of {name} are unknown: they may forbid its promotion")).overridable(),
        Some(tags) if tags.value.forbids_failover() => {
            let tag = tags.value.why_no_failover().unwrap_or_default();
            block(CHECK, format!("{name} has the tag {tag}")).by(&tags)
        }
        Some(tags) if tags.value.forbids_sync() && synchronous_mode(context).is_some_and(|sync| sync.value) => {
            warn(CHECK, format!("{name} has the tag nosync: it is never synchronous")).by(&tags)
        }
        Some(tags) if tags.value.replicatefrom.is_some() => {
            warn(CHECK, format!("{name} has the tag replicatefrom: it is a cascading standby")).by(&tags)
        }
        Some(tags) => pass(CHECK, format!("no tag of {name} prevents its promotion")).by(&tags),
    });
}

/// Whether its watchdog could be armed.
pub(in crate::action::preflight) fn watchdog(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-watchdog";
    let name = view.name();
    let agent = view.member.agent.as_ref();
    let failed = agent.and_then(|agent| fresh(agent.fact(context.snapshot.now, |report| Some(report.watchdog_failed))));
    notes.push(match failed {
        None => unknown(CHECK, format!("the watchdog of {name} is not checked")),
        Some(failed) if failed.value => {
            block(CHECK, format!("{name} could not activate its watchdog: Patroni does not promote it")).by(&failed)
        }
        Some(failed) => pass(CHECK, format!("{name} reports no watchdog problem")).by(&failed),
    });
}
