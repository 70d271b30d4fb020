//! The other standbys: how many are left, and whether one may be thrown away.

use super::archive;
use crate::action::intent::{Intent, NodeIntent, RouterIntent};
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::action::preflight::patroni::synchronous::synchronous_mode;
use crate::model::lsn::Lsn;
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::record::without_group;
use crate::model::role::{MemberState, Role};
use crate::model::units;
use crate::model::view::MemberView;

/// Standbys that follow neither now nor, likely, afterwards.
pub(in crate::action::preflight) fn that_stay(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "standbys-healthy";
    let leader = context.leader().map(|leader| leader.value);
    let standbys: Vec<MemberView<'_>> =
        context.snapshot.views().filter(|v| Some(v.name()) != leader.as_ref()).collect();
    let ill: Vec<&MemberView<'_>> = standbys.iter().filter(|view| !context.is_healthy_standby(**view)).collect();
    let well = standbys.len() - ill.len();
    // One that answers and of which nobody tells is not said to be ill.
    let (unreported, ill): (Vec<_>, Vec<_>) =
        ill.into_iter().partition(|view| view.answers() && view.streams().is_none());
    let named = |which: &str, views: &[&MemberView<'_>]| {
        let names: Vec<&str> = views.iter().map(|view| view.name().as_str()).collect();
        if names.is_empty() { String::new() } else { format!("; {which} {}", names.join(", ")) }
    };
    notes.push(if well == standbys.len() {
        pass(CHECK, format!("all standbys are streaming ({well})"))
    } else {
        let rest = named("not streaming:", &ill) + &named("unknown:", &unreported);
        warn(CHECK, format!("{well} of {} standbys streaming{rest}", standbys.len()))
    });
}

/// The member that is copied anew.
pub(in crate::action::preflight) fn reinit(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let (name, again) = match context.intent() {
        Some(Intent::Node(NodeIntent::Reinit { member, again, .. })) => (member, *again),
        Some(Intent::Router(RouterIntent::Drain { member, .. })) => (member, false),
        _ => return,
    };
    let Some(view) = context.view(name) else {
        notes.push(block("target-known", format!("there is no member {name}")).about(name));
        return;
    };
    let from = notes.len();
    never_the_leader(context, view, notes);
    pinned(context, view, notes);
    busy(view, again, notes);
    last_healthy(context, view, notes);
    synchronous(context, view, notes);
    ahead(context, view, notes);
    archive::of_target(context, view, notes);
    for note in notes.iter_mut().skip(from) {
        note.member = Some(name.clone());
    }
}

fn never_the_leader(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-not-leader";
    let name = view.name();
    // By anybody's word at all, fresh or not: this is the one mistake that cannot be mended.
    let by_record = context.snapshot.records.iter().filter_map(|reading| reading.last());
    let holds = by_record.flat_map(|content| &content.leader).any(|key| key.holder == *name);
    let claims = [view.sql_role(), view.agent_role()].into_iter().flatten();
    let claim = claims.into_iter().find(|role| role.value.is_writable() || role.value.leads());
    notes.push(match claim {
        _ if holds => block(CHECK, format!("{name} holds the leader key")),
        Some(claim) => block(CHECK, format!("{name} reports itself as {}", claim.value)).by(&claim),
        None => pass(CHECK, format!("no source reports {name} as the leader")),
    });
}

/// That the request reaches this member and no other: its agent's own name and scope, its address, its data.
fn pinned(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-pinned";
    let (name, now) = (view.name(), context.snapshot.now);
    let agent = view.member.agent.as_ref().and_then(|agent| fresh(agent.fact(now, Some)));
    let Some(agent) = agent else {
        notes.push(block(CHECK, format!("the agent of {name} is unreachable, so the target cannot be verified")));
        return;
    };
    let address = view.member.agent_url.as_ref().map_or_else(|| "an unknown address".to_owned(), ToString::to_string);
    let scope = context.snapshot.identity.scope.as_ref();
    let right = context.system_id();
    let own = fresh(view.system_id());
    let note = match (&agent.value.name, &agent.value.scope, &own, &right) {
        (Some(other), ..) if other != name => block(CHECK, format!("{address} is the agent of {other}")),
        (_, Some(other), ..)
            if scope.is_some_and(|scope| scope != other && without_group(scope.as_str()) != other.as_str()) =>
        {
            block(CHECK, format!("{address} is an agent of scope {other}"))
        }
        (.., Some(own), Some(right)) if own.value != right.value => {
            let (own, right) = (own.value, right.value);
            block(CHECK, format!("{address} has system identifier {own}, the cluster has {right}"))
        }
        _ if context.two_servers(view) => {
            block(CHECK, format!("REST and SQL addresses of {name} belong to different servers"))
        }
        (None, ..) => warn(CHECK, format!("the agent at {address} does not report its name (Patroni before 3.2)")),
        (Some(_), _, None, _) => {
            unknown(CHECK, format!("{name} at {address}; no system identifier without PostgreSQL"))
        }
        (Some(_), _, Some(own), _) => pass(CHECK, format!("{name} at {address}, system {}", own.value)),
    };
    notes.push(note.by(&agent));
}

fn busy(view: MemberView<'_>, again: bool, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-free";
    let name = view.name();
    notes.push(match fresh(view.state()) {
        Some(state) if state.value == MemberState::CreatingReplica && !again => block(
            CHECK,
            format!(
                "a reinit of {name} is already running: wait for it, or repeat with `again` to cancel it and start over"
            ),
        )
        .by(&state),
        Some(state) if state.value == MemberState::CreatingReplica => {
            warn(CHECK, format!("the running reinit of {name} is discarded")).by(&state)
        }
        Some(state) => pass(CHECK, format!("{name} is {}", state.value)).by(&state),
        None => unknown(CHECK, format!("the state of {name} is unknown")),
    });
}

fn last_healthy(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "standbys-left";
    let name = view.name();
    let others = context.snapshot.views().filter(|other| other.name() != name);
    let left: Vec<MemberView<'_>> = others.filter(|other| context.is_healthy_standby(*other)).collect();
    let names = |views: &[MemberView<'_>]| views.iter().map(|view| view.name().as_str()).collect::<Vec<_>>().join(", ");
    let able: Vec<MemberView<'_>> = left.iter().copied().filter(|other| may_lead(*other)).collect();
    notes.push(if !able.is_empty() {
        pass(CHECK, format!("healthy standbys left as failover candidates: {}", names(&able)))
    } else if !left.is_empty() {
        let text = format!("only {} is left meanwhile and has the nofailover tag: no failover possible", names(&left));
        if may_lead(view) { block(CHECK, text).overridable() } else { warn(CHECK, text) }
    } else if context.is_healthy_standby(view) {
        block(CHECK, format!("{name} is the last healthy standby"))
    } else {
        warn(CHECK, "no healthy standby is left until the reinit is done")
    });
}

fn synchronous(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-not-synchronous";
    let name = view.name();
    let listed = fresh(
        context.snapshot.from_record(|content| Some(content.sync().is_some_and(|sync| sync.standbys.contains(name)))),
    );
    notes.push(match (synchronous_mode(context), listed) {
        (Some(mode), _) if !mode.value => pass(CHECK, "synchronous mode is off").by(&mode),
        (_, Some(listed)) if listed.value => {
            block(CHECK, format!("{name} is a synchronous standby: commits wait for it")).by(&listed)
        }
        (Some(_), Some(listed)) => pass(CHECK, format!("{name} is not synchronous")).by(&listed),
        (_, None) => block(CHECK, format!("unknown whether {name} is synchronous")).overridable(),
        (None, Some(_)) => unknown(CHECK, "unknown whether synchronous mode is on"),
    });
}

/// WAL that only the target has is lost with it.
fn ahead(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-not-ahead";
    let name = view.name();
    // One that streams from somebody on the leader's timeline holds nothing but what it was sent.
    if context.is_healthy_standby(view) {
        notes.push(pass(CHECK, format!("{name} is streaming: it has no WAL that the leader lacks")));
        return;
    }
    let (Some(timeline), Some(own), Some(position)) =
        (context.timeline(), fresh(view.timeline()), fresh(view.position()))
    else {
        notes
            .push(unknown(CHECK, format!("the WAL position of {name} is unknown: WAL that only it has would be lost")));
        return;
    };
    let note = if own.value > timeline.value {
        block(CHECK, format!("{name} is on timeline {}, ahead of the leader on {}", own.value, timeline.value))
    } else {
        match fork(context, own.value, timeline.value) {
            Some(end) if position.value > end.value => {
                let past = units::bytes(end.value.bytes_to(position.value));
                block(CHECK, format!("{name} has {past} WAL of timeline {} that the leader lacks", own.value))
            }
            Some(_) => pass(CHECK, format!("{name} has no WAL that the leader lacks")),
            None => unknown(CHECK, format!("the end of timeline {} of {name} is unknown", own.value)),
        }
    };
    notes.push(note.by(&position));
}

/// Up to where the leader has what is on timeline `own`: where it was left, or on its own timeline where it stands.
fn fork(
    context: &CheckContext<'_>,
    own: crate::model::lsn::Timeline,
    leader: crate::model::lsn::Timeline,
) -> Option<Observed<Lsn>> {
    if own == leader {
        return fresh(context.leader_view()?.position());
    }
    fresh(
        context
            .snapshot
            .from_record(|content| content.history.iter().find(|entry| entry.timeline == own).map(|entry| entry.lsn)),
    )
}

/// Whether no tag keeps it from leading, as far as is known.
fn may_lead(view: MemberView<'_>) -> bool {
    fresh(view.tags()).is_none_or(|tags| !tags.value.forbids_failover())
}

/// Healthy standbys that may lead, but for those called `names`.
pub(in crate::action::preflight) fn able_without<'a>(
    context: &CheckContext<'a>,
    names: &[&NodeName],
) -> Vec<&'a NodeName> {
    let left = context.snapshot.views().filter(|view| !names.contains(&view.name()));
    left.filter(|view| context.is_healthy_standby(*view) && may_lead(*view)).map(|view| view.name()).collect()
}

/// That somebody could take over while `name`, a member that is asked to restart, is away.
pub(in crate::action::preflight) fn somebody_left(
    context: &CheckContext<'_>,
    name: &NodeName,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "standbys-left";
    let able = able_without(context, &[name]);
    notes.push(if able.is_empty() {
        warn(CHECK, format!("while {name} is down no failover is possible: there is no other healthy candidate"))
    } else {
        let names: Vec<&str> = able.iter().map(|name| name.as_str()).collect();
        pass(CHECK, format!("failover candidates meanwhile: {}", names.join(", ")))
    });
}

/// Whether commits stop while `name` is away: strict synchronous mode, and it is the only one.
pub(in crate::action::preflight) fn commits_stop_without(context: &CheckContext<'_>, name: &NodeName) -> bool {
    let only = |content: &crate::model::record::ClusterRecord| {
        let strict = content.config().is_some_and(|config| config.synchronous_mode_strict);
        let standbys = content.sync().map(|sync| sync.standbys.as_slice()).unwrap_or_default();
        Some(strict && standbys == [name.clone()])
    };
    fresh(context.snapshot.from_record(only)).is_some_and(|only| only.value)
}

/// Whether a member leads, by anybody who is fresh.
pub(in crate::action::preflight) fn leads(context: &CheckContext<'_>, view: MemberView<'_>) -> bool {
    context.leader().is_some_and(|leader| leader.value == *view.name())
        || fresh(view.claimed_role()).is_some_and(|role| role.value == Role::Primary || role.value.leads())
}
