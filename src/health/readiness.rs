//! Conditions that scripts wait for.

use super::examine;
use crate::model::finding::{Finding, Severity};
use crate::model::name::NodeName;
use crate::model::role::Role;
use crate::model::router::PoolPurpose;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;
use crate::model::writers::Writes;

/// What is awaited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Everything: leader, streams, routers, nothing critical.
    Ready,
    /// A leader that takes writes; the named one, if named.
    Leader(Option<NodeName>),
    /// The named replica streams; every one, if none is named.
    Streaming(Option<NodeName>),
}

/// What keeps `condition` from holding, each in one line; empty: it holds. Unknown keeps it from holding.
pub fn unmet(snapshot: &Snapshot, condition: &Condition) -> Vec<String> {
    match condition {
        Condition::Leader(name) => leader(snapshot, name.as_ref()),
        Condition::Streaming(name) => streaming(snapshot, name.as_ref()),
        Condition::Ready => {
            let mut reasons = leader(snapshot, None);
            reasons.extend(streaming(snapshot, None));
            reasons.extend(routers(snapshot));
            let drafts = examine(snapshot).into_iter().map(|draft| draft.finding);
            let mut critical: Vec<_> = drafts.filter(|finding| finding.severity == Severity::Critical).collect();
            critical.sort_by(Finding::urgency);
            reasons.extend(critical.iter().map(|finding| finding.title.to_string()));
            reasons.dedup();
            reasons
        }
    }
}

fn leader(snapshot: &Snapshot, wanted: Option<&NodeName>) -> Vec<String> {
    let Some(leader) = snapshot.leader().filter(|leader| leader.fresh) else {
        return vec!["no leader is known".to_owned()];
    };
    if let Some(wanted) = wanted.filter(|wanted| **wanted != leader.value) {
        return vec![format!("the leader is {}, not {wanted}", leader.value)];
    }
    let view = snapshot.member(&leader.value).map(|member| snapshot.view(member));
    // An agent goes on saying "primary" of a server that is down.
    if view.is_some_and(|view| matches!(view.writes(), Writes::Yes(_))) {
        return Vec::new();
    }
    let claim = view.and_then(|view| view.claimed_role()).filter(|role| role.fresh);
    match claim.map(|claim| claim.value) {
        Some(Role::Primary | Role::Leader) => {
            vec![format!("{} holds the leader key but does not accept writes", leader.value)]
        }
        Some(Role::StandbyLeader | Role::Replica) if snapshot.is_standby_cluster() => Vec::new(),
        Some(other) => vec![format!("{} holds the leader key but is {other}", leader.value)],
        None => vec![format!("{} holds the leader key but is unreachable", leader.value)],
    }
}

fn streaming(snapshot: &Snapshot, wanted: Option<&NodeName>) -> Vec<String> {
    if let Some(name) = wanted.filter(|name| snapshot.member(name).is_none()) {
        return vec![format!("there is no member {name}")];
    }
    // Of nobody nothing holds: the first picture is taken before anybody has answered.
    if snapshot.members.is_empty() {
        return vec!["no member is known".to_owned()];
    }
    // The leader of a cluster that follows another one streams from that one.
    let fed = snapshot.is_standby_cluster() && !snapshot.is_fed_by_archive();
    let leads = |view: &MemberView<'_>| snapshot.leader().is_some_and(|leader| leader.value == *view.name());
    let of_interest = |view: &MemberView<'_>| match wanted {
        Some(name) => view.name() == name,
        None => (fed || !leads(view)) && !view.is_archive_fed(),
    };
    let missing = snapshot.views().filter(of_interest).filter_map(|view| {
        match view.streams().filter(|streams| streams.fresh).map(|streams| streams.value) {
            Some(true) => None,
            Some(false) => Some(format!("{} is not streaming", view.name())),
            None if view.answers() => Some(format!("unknown whether {} is streaming", view.name())),
            None => Some(format!("{} is unreachable: unknown whether it is streaming", view.name())),
        }
    });
    missing.collect()
}

fn routers(snapshot: &Snapshot) -> Vec<String> {
    let mut reasons = Vec::new();
    let leader = snapshot.leader();
    for router in &snapshot.routers {
        let Some(report) = router.fresh_report(snapshot.now) else {
            reasons.push(format!("{} is unreachable", router.name));
            continue;
        };
        for pool in router.backends_for(report, PoolPurpose::Write) {
            let up: Vec<_> = report.servers_of(&pool.proxy).filter(|server| server.takes_traffic()).collect();
            let leads_there = up.len() == 1
                && up
                    .iter()
                    .filter_map(|server| snapshot.member_of(server))
                    .all(|member| leader.as_ref().is_some_and(|leader| leader.value == member.name));
            // Nobody takes writes in a standby cluster.
            let by_design = up.is_empty() && snapshot.is_standby_cluster();
            if !leads_there && !by_design {
                reasons.push(format!("backend {} of {} does not route to the leader only", pool.proxy, router.name));
            }
        }
    }
    reasons
}
