//! Whether a candidate holds the right data, and has room for the leader's clients.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, Purpose, block, fresh, pass, unknown, warn};
use crate::model::lsn::Timeline;
use crate::model::observed::Observed;
use crate::model::record::ClusterRecord;
use crate::model::view::MemberView;

pub(in crate::action::preflight) fn timeline(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    purpose: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-timeline";
    let name = view.name();
    let right = match purpose {
        Purpose::Switchover => context.timeline(),
        Purpose::Failover => last_timeline(context),
    };
    let own = fresh(view.timeline());
    notes.push(match (right, own) {
        (Some(right), Some(own)) if right.value == own.value => {
            pass(CHECK, format!("{name} is on timeline {}", own.value)).by(&own)
        }
        (Some(right), Some(own)) => {
            block(CHECK, format!("{name} is on timeline {}, the leader is on {}", own.value, right.value)).by(&own)
        }
        (_, None) => block(CHECK, format!("the timeline of {name} is unknown")).overridable(),
        (None, Some(own)) => {
            block(CHECK, format!("{name} is on timeline {}, that of the leader is unknown", own.value))
                .by(&own)
                .overridable()
        }
    });
}

/// The last timeline on record: one after the last that ended. A record without any such entry may be a copy's, so then
/// the highest that anybody is on.
fn last_timeline(context: &CheckContext<'_>) -> Option<Observed<Timeline>> {
    let ended =
        |content: &ClusterRecord| content.history.last().map(|entry| Timeline(entry.timeline.0.saturating_add(1)));
    fresh(context.snapshot.from_record(ended))
        .or_else(|| context.snapshot.views().filter_map(|view| fresh(view.timeline())).max_by_key(|own| own.value))
}

pub(in crate::action::preflight) fn system_id(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-system-id";
    let name = view.name();
    notes.push(match (context.system_id(), fresh(view.system_id())) {
        (Some(right), Some(own)) if right.value == own.value => {
            pass(CHECK, format!("{name} has the system identifier {} of the cluster", own.value)).by(&own)
        }
        (Some(right), Some(own)) => {
            let text = format!("{name} has system identifier {}, the cluster has {}", own.value, right.value);
            block(CHECK, text).by(&own)
        }
        (_, None) => block(CHECK, format!("the system identifier of {name} is unknown")),
        (None, Some(own)) => block(CHECK, "the system identifier of the cluster is unknown").by(&own),
    });
}

/// The leader's clients will all come.
pub(in crate::action::preflight) fn connections(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-connections";
    let name = view.name();
    let used = |view: MemberView<'_>| {
        let known = view.member.sql.as_ref()?;
        fresh(known.fact(context.snapshot.now, |report| {
            let used = report.connections.used.filter(|_| report.connections.max > 0)?;
            Some((used, report.connections))
        }))
    };
    let Some(own) = used(view) else {
        notes.push(unknown(CHECK, format!("the number of free connections of {name} is unknown")));
        return;
    };
    let (taken, slots) = own.value;
    let free = slots.max.saturating_sub(taken).saturating_sub(slots.reserved);
    let coming = context.leader_view().and_then(used).map(|of_leader| of_leader.value.0);
    notes.push(match coming {
        Some(coming) if coming > free => {
            warn(CHECK, format!("free connections of {name}: {free}, clients of the leader use {coming}")).by(&own)
        }
        Some(coming) => {
            pass(CHECK, format!("free connections of {name}: {free}, clients of the leader use {coming}")).by(&own)
        }
        None => pass(CHECK, format!("free connections of {name}: {free}")).by(&own),
    });
}
