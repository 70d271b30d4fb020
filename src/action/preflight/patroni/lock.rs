//! The leader lock, where there should be nobody left who holds it.

use super::handover::kept_from_handover;
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass};
use crate::model::name::NodeName;
use crate::model::view::MemberView;
use crate::model::writers::Writes;

/// A failover presumes that there is nobody left to hand over.
pub(in crate::action::preflight) fn leader_is_gone(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "leader-gone";
    let snapshot = context.snapshot;
    let holder = fresh(snapshot.from_record(|content| Some(content.leader.as_ref().map(|key| key.holder.clone()))));
    let leads =
        |view: &MemberView<'_>| holder.as_ref().is_some_and(|holder| holder.value.as_ref() == Some(view.name()));
    let cluster = snapshot.cluster_system_id().map(|id| id.value);
    let obstacle = context.candidate().and_then(|name| kept_from_handover(snapshot, &name));
    let instead = |what: String| match &obstacle {
        None => format!("{what}: switch over instead"),
        Some(why) => format!("{what}, so a switchover would be needed; {why}"),
    };
    for view in snapshot.views().filter(|view| !view.is_of_another_cluster(cluster)) {
        let text = match view.writes() {
            Writes::Yes(claim) if leads(&view) => (instead(format!("{} accepts writes", view.name())), claim),
            Writes::Yes(claim) => (format!("{} accepts writes without the leader key", view.name()), claim),
            // A standby leader takes no writes, and leads all the same while it runs.
            Writes::No(claim) if claim.value.leads() && context.is_up(view) => {
                (instead(format!("the agent of {} reports {}", view.name(), claim.value)), claim)
            }
            Writes::No(_) | Writes::Unknown => continue,
        };
        notes.push(block(CHECK, text.0).about(view.name()).by(&text.1));
        return;
    }
    let is_down = |holder: &NodeName| context.view(holder).is_some_and(|view| context.is_down(view));
    notes.push(match holder {
        None => block(CHECK, "unknown whether a member holds the leader key"),
        Some(fact) => match &fact.value {
            // Patroni starts it again, or gives the lock up: either ends by itself.
            Some(holder) if is_down(holder) => {
                let text = format!(
                    "{holder} still holds the leader key, and its PostgreSQL is down: wait until Patroni starts it or \
                        releases the key"
                );
                block(CHECK, text).about(holder).by(&fact)
            }
            Some(holder) if context.view(holder).is_some_and(|view| view.answers()) => {
                let text = format!(
                    "{holder} holds the leader key but does not accept writes: wait until Patroni promotes it or releases the key"
                );
                block(CHECK, text).about(holder).by(&fact)
            }
            Some(holder) => {
                let text = format!(
                    "{holder} holds the leader key and is unreachable: wait until the key expires; if it does not, its \
                        agent is up and only unreachable from here"
                );
                block(CHECK, text).about(holder).by(&fact)
            }
            None => pass(CHECK, "no member holds the leader key, and no reachable member accepts writes").by(&fact),
        },
    });
}
