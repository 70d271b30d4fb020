//! The other standbys: how many are left, and whether one may be thrown away.

use super::super::note::Note;
use super::archive;
use super::candidate::synchronous_mode;
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use crate::model::lsn::Lsn;
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::record::without_group;
use crate::model::role::{MemberState, Role};
use crate::model::units;
use crate::model::view::MemberView;

/// Standbys that follow neither now nor, likely, afterwards.
pub(super) fn that_stay(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "standbys-healthy";
    let leader = scene.leader().map(|leader| leader.value);
    let standbys: Vec<MemberView<'_>> = scene.snapshot.views().filter(|v| Some(v.name()) != leader.as_ref()).collect();
    let ill: Vec<&MemberView<'_>> = standbys.iter().filter(|view| !scene.is_healthy_standby(**view)).collect();
    let well = standbys.len() - ill.len();
    // One that answers and of which nobody tells is not said to be ill.
    let (untold, ill): (Vec<_>, Vec<_>) = ill.into_iter().partition(|view| view.answers() && view.streams().is_none());
    let named = |which: &str, views: &[&MemberView<'_>]| {
        let names: Vec<&str> = views.iter().map(|view| view.name().as_str()).collect();
        if names.is_empty() { String::new() } else { format!("; {which} {}", names.join(", ")) }
    };
    notes.push(if well == standbys.len() {
        pass(CHECK, format!("all {well} standbys stream"))
    } else {
        let rest = named("not so", &ill) + &named("unknown of", &untold);
        warn(CHECK, format!("{well} of {} standbys stream{rest}", standbys.len()))
    });
}

pub(super) fn reinitialise(scene: &Scene<'_>, name: &NodeName, again: bool, notes: &mut Vec<Note>) {
    let Some(view) = scene.view(name) else {
        notes.push(block("target-known", format!("there is no member {name}")).about(name));
        return;
    };
    let from = notes.len();
    never_the_leader(scene, view, notes);
    pinned(scene, view, notes);
    busy(view, again, notes);
    last_healthy(scene, view, notes);
    synchronous(scene, view, notes);
    ahead(scene, view, notes);
    archive::of_target(scene, view, notes);
    for note in notes.iter_mut().skip(from) {
        note.member = Some(name.clone());
    }
}

fn never_the_leader(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-not-leader";
    let name = view.name();
    // By anybody's word at all, fresh or not: this is the one mistake that cannot be mended.
    let by_record = scene.snapshot.records.iter().filter_map(|reading| reading.last());
    let holds = by_record.flat_map(|content| &content.leader).any(|key| key.holder == *name);
    let claims = [view.sql_role(), view.agent_role()].into_iter().flatten();
    let claim = claims.into_iter().find(|role| role.value.is_writable() || role.value.leads());
    notes.push(match claim {
        _ if holds => block(CHECK, format!("{name} holds the leader lock")),
        Some(claim) => block(CHECK, format!("{name} is {} by its own word", claim.value)).by(&claim),
        None => pass(CHECK, format!("{name} does not lead, by nobody's word")),
    });
}

/// That the request reaches this member and no other: its agent's own name and scope, its address, its data.
fn pinned(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-pinned";
    let (name, now) = (view.name(), scene.snapshot.now);
    let agent = view.member.agent.as_ref().and_then(|agent| fresh(agent.fact(now, Some)));
    let Some(agent) = agent else {
        notes.push(block(CHECK, format!("the agent of {name} does not answer, so nobody knows who would be asked")));
        return;
    };
    let address = view.member.agent_url.as_ref().map_or_else(|| "an unknown address".to_owned(), ToString::to_string);
    let scope = scene.snapshot.identity.scope.as_ref();
    let right = scene.system_id();
    let own = fresh(view.system_id());
    let note = match (&agent.value.name, &agent.value.scope, &own, &right) {
        (Some(other), ..) if other != name => block(CHECK, format!("{address} leads to the agent of {other}")),
        (_, Some(other), ..)
            if scope.is_some_and(|scope| scope != other && without_group(scope.as_str()) != other.as_str()) =>
        {
            block(CHECK, format!("{address} leads to an agent of scope {other}"))
        }
        (.., Some(own), Some(right)) if own.value != right.value => {
            let (own, right) = (own.value, right.value);
            block(CHECK, format!("{address} has system identifier {own}, the cluster's is {right}"))
        }
        _ if scene.two_servers(view) => block(CHECK, format!("REST and SQL of {name} lead to two different servers")),
        (None, ..) => warn(CHECK, format!("the agent at {address} does not tell its name (Patroni before 3.2)")),
        (Some(_), _, None, _) => {
            unknown(CHECK, format!("{name} at {address}; without PostgreSQL it tells no system identifier"))
        }
        (Some(_), _, Some(own), _) => pass(CHECK, format!("{name} at {address}, system {}", own.value)),
    };
    notes.push(note.by(&agent));
}

fn busy(view: MemberView<'_>, again: bool, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-free";
    let name = view.name();
    notes.push(match fresh(view.state()) {
        Some(state) if state.value == MemberState::CreatingReplica && !again => {
            block(CHECK, format!("{name} is being copied already: ask for it again to begin anew")).by(&state)
        }
        Some(state) if state.value == MemberState::CreatingReplica => {
            warn(CHECK, format!("the copy of {name} that runs is thrown away")).by(&state)
        }
        Some(state) => pass(CHECK, format!("{name} is {}", state.value)).by(&state),
        None => unknown(CHECK, format!("what {name} is doing is unknown")),
    });
}

fn last_healthy(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "standbys-left";
    let name = view.name();
    let others = scene.snapshot.views().filter(|other| other.name() != name);
    let left: Vec<MemberView<'_>> = others.filter(|other| scene.is_healthy_standby(*other)).collect();
    let names = |views: &[MemberView<'_>]| views.iter().map(|view| view.name().as_str()).collect::<Vec<_>>().join(", ");
    let able: Vec<MemberView<'_>> = left.iter().copied().filter(|other| may_lead(*other)).collect();
    notes.push(if !able.is_empty() {
        pass(CHECK, format!("healthy standbys left that may take over: {}", names(&able)))
    } else if !left.is_empty() {
        let text =
            format!("only {} is left meanwhile, and may not lead (nofailover): nobody could take over", names(&left));
        if may_lead(view) { block(CHECK, text).overridable() } else { warn(CHECK, text) }
    } else if scene.is_healthy_standby(view) {
        block(CHECK, format!("{name} is the last healthy standby"))
    } else {
        warn(CHECK, "no healthy standby is left until the copy is done")
    });
}

fn synchronous(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-not-synchronous";
    let name = view.name();
    let listed =
        fresh(scene.snapshot.recorded(|content| Some(content.sync().is_some_and(|sync| sync.standbys.contains(name)))));
    notes.push(match (synchronous_mode(scene), listed) {
        (Some(mode), _) if !mode.value => pass(CHECK, "synchronous mode is off").by(&mode),
        (_, Some(listed)) if listed.value => {
            block(CHECK, format!("{name} is synchronous: commits wait for it")).by(&listed)
        }
        (Some(_), Some(listed)) => pass(CHECK, format!("{name} is not synchronous")).by(&listed),
        (_, None) => block(CHECK, format!("whether {name} is synchronous is unknown")).overridable(),
        (None, Some(_)) => unknown(CHECK, "whether synchronous mode is on is unknown"),
    });
}

/// WAL that only the target has is lost with it.
fn ahead(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-not-ahead";
    let name = view.name();
    // One that streams from somebody on the leader's timeline holds nothing but what it was sent.
    if scene.is_healthy_standby(view) {
        notes.push(pass(CHECK, format!("{name} streams: it holds nothing that the leader lacks")));
        return;
    }
    let (Some(timeline), Some(own), Some(position)) =
        (scene.timeline(), fresh(view.timeline()), fresh(view.position()))
    else {
        notes.push(unknown(CHECK, format!("where {name} stands is unknown: what only it has would be lost")));
        return;
    };
    let note = if own.value > timeline.value {
        block(CHECK, format!("{name} is on timeline {}, ahead of the leader's {}", own.value, timeline.value))
    } else {
        match fork(scene, own.value, timeline.value) {
            Some(end) if position.value > end.value => {
                let past = units::bytes(end.value.bytes_to(position.value));
                block(CHECK, format!("{name} holds {past} of timeline {} that the leader lacks", own.value))
            }
            Some(_) => pass(CHECK, format!("{name} holds nothing that the leader lacks")),
            None => unknown(CHECK, format!("where timeline {} of {name} was left is unknown", own.value)),
        }
    };
    notes.push(note.by(&position));
}

/// Up to where the leader has what is on timeline `own`: where it was left, or on its own timeline where it stands.
fn fork(
    scene: &Scene<'_>,
    own: crate::model::lsn::Timeline,
    leader: crate::model::lsn::Timeline,
) -> Option<Observed<Lsn>> {
    if own == leader {
        return fresh(scene.leader_view()?.position());
    }
    fresh(
        scene
            .snapshot
            .recorded(|content| content.history.iter().find(|entry| entry.timeline == own).map(|entry| entry.lsn)),
    )
}

/// Whether no tag keeps it from leading, as far as is known.
fn may_lead(view: MemberView<'_>) -> bool {
    fresh(view.tags()).is_none_or(|tags| !tags.value.forbids_failover())
}

/// Healthy standbys that may lead, but for those called `names`.
pub(super) fn able_without<'a>(scene: &Scene<'a>, names: &[&NodeName]) -> Vec<&'a NodeName> {
    let left = scene.snapshot.views().filter(|view| !names.contains(&view.name()));
    left.filter(|view| scene.is_healthy_standby(*view) && may_lead(*view)).map(|view| view.name()).collect()
}

/// That somebody could take over while `name`, a member that is asked to restart, is away.
pub(super) fn somebody_left(scene: &Scene<'_>, name: &NodeName, notes: &mut Vec<Note>) {
    const CHECK: &str = "standbys-left";
    let able = able_without(scene, &[name]);
    notes.push(if able.is_empty() {
        warn(CHECK, format!("while {name} is away nobody could take over: no other standby is healthy and may lead"))
    } else {
        let names: Vec<&str> = able.iter().map(|name| name.as_str()).collect();
        pass(CHECK, format!("could take over meanwhile: {}", names.join(", ")))
    });
}

/// Whether commits stop while `name` is away: strict synchronous mode, and it is the only one.
pub(super) fn commits_stop_without(scene: &Scene<'_>, name: &NodeName) -> bool {
    let only = |content: &crate::model::record::ClusterRecord| {
        let strict = content.config().is_some_and(|config| config.synchronous_mode_strict);
        let standbys = content.sync().map(|sync| sync.standbys.as_slice()).unwrap_or_default();
        Some(strict && standbys == [name.clone()])
    };
    fresh(scene.snapshot.recorded(only)).is_some_and(|only| only.value)
}

/// Whether a member leads, by anybody who is fresh.
pub(super) fn leads(scene: &Scene<'_>, view: MemberView<'_>) -> bool {
    scene.leader().is_some_and(|leader| leader.value == *view.name())
        || fresh(view.claimed_role()).is_some_and(|role| role.value == Role::Primary || role.value.leads())
}
