//! The cluster as a whole: is it known, who leads, do all agree, is something ordered already.

use super::super::note::Note;
use super::handover::kept_from_handover;
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use crate::model::name::NodeName;
use crate::model::view::MemberView;
use crate::model::writers::Writes;

/// The configuration itself says that nothing may be done.
pub(super) fn writable(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    if scene.snapshot.identity.read_only {
        notes.push(block("read-only", format!("{} is configured as read-only", scene.snapshot.identity.name)));
    }
}

/// What every action needs that presumes a leader.
pub(super) fn examine(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    record(scene, notes);
    leader(scene, notes);
    primaries(scene, notes);
    agreement(scene, notes);
}

pub(super) fn record(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "record-fresh";
    let snapshot = scene.snapshot;
    notes.push(match fresh(snapshot.recorded(|content| Some((content.revision, content.defects.len())))) {
        Some(fact) if fact.value.1 > 0 => {
            let text = format!("{} value(s) of the record cannot be read", fact.value.1);
            warn(CHECK, text).by(&fact)
        }
        Some(fact) => {
            let age = fact.age(snapshot.now).as_millis();
            pass(CHECK, format!("the record was heard {age} ms ago, revision {}", fact.value.0)).by(&fact)
        }
        None => block(CHECK, "the cluster's record is not heard: whatever is shown of it is old"),
    });
}

fn leader(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "leader-known";
    let Some(leader) = scene.leader() else {
        notes.push(block(CHECK, "nobody is known to hold the leader lock"));
        return;
    };
    let name = &leader.value;
    let Some(view) = scene.view(name) else {
        notes.push(block(CHECK, format!("{name} holds the leader lock and is not a member")).by(&leader));
        return;
    };
    let claim = fresh(view.sql_role()).or_else(|| fresh(view.agent_role()));
    let note = match claim {
        // An agent goes on saying "primary" of a server that is down.
        Some(claim) if scene.is_down(view) => {
            let text = format!(
                "{name} holds the leader lock and its PostgreSQL is down: wait until Patroni starts it or gives the lock up"
            );
            block(CHECK, text).by(&claim)
        }
        Some(claim) if claim.value.is_writable() || claim.value.leads() || scene.snapshot.is_standby_cluster() => {
            pass(CHECK, format!("{name} holds the leader lock and is {}", claim.value)).by(&claim)
        }
        Some(claim) => {
            let text = format!(
                "{name} holds the leader lock but is {}: wait until Patroni promotes it or gives the lock up",
                claim.value
            );
            block(CHECK, text).by(&claim)
        }
        None => block(CHECK, format!("{name} holds the leader lock and does not answer")).by(&leader).overridable(),
    };
    notes.push(note.about(name));
}

/// Two that take writes are never worked on, and nobody may say otherwise.
pub(super) fn primaries(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "split-brain";
    let leader = scene.leader().map(|leader| leader.value);
    let cluster = scene.snapshot.cluster_system_id().map(|id| id.value);
    let mut writers = Vec::new();
    let mut silent = Vec::new();
    // A node that the DCS has forgotten may write all the same.
    for view in scene.snapshot.views().filter(|view| !view.is_of_another_cluster(cluster)) {
        match view.writes() {
            Writes::Yes(claim) => writers.push((view.name(), claim)),
            Writes::No(_) => {}
            Writes::Unknown => silent.push(view.name().as_str()),
        }
    }
    let astray = writers.iter().find(|(name, _)| leader.as_ref().is_some_and(|leader| leader != *name));
    if writers.len() > 1 {
        let names: Vec<&str> = writers.iter().map(|(name, _)| name.as_str()).collect();
        notes.push(block(CHECK, format!("{} all take writes", names.join(" and "))));
    } else if let (Some((name, claim)), Some(leader)) = (astray, &leader) {
        let text = format!("{name} takes writes and {leader} holds the lock");
        notes.push(block(CHECK, text).about(name).by(claim));
    } else if silent.is_empty() {
        let text = writers
            .first()
            .map_or_else(|| "no member takes writes".to_owned(), |(name, _)| format!("{name} alone takes writes"));
        notes.push(pass(CHECK, text));
    } else {
        let text = format!("whether {} takes writes is unknown: no answer", silent.join(", "));
        notes.push(unknown(CHECK, text));
    }
}

/// Everybody who tells of the leader names the same one.
fn agreement(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "leader-agreed";
    let snapshot = scene.snapshot;
    let Some(leader) = scene.leader() else {
        notes.push(block(CHECK, "there is no leader to agree on"));
        return;
    };
    let mut against = Vec::new();
    for reading in &snapshot.records {
        let other = reading.fresh(snapshot.now).and_then(|content| content.leader.as_ref());
        if let Some(other) = other.filter(|other| other.holder != leader.value) {
            against.push(format!("{} names {}", reading.source, other.holder));
        }
    }
    for view in snapshot.views() {
        let agent = view.member.agent.as_ref().and_then(|agent| agent.fresh(snapshot.now));
        if agent.is_some_and(|agent| agent.unlocked) {
            against.push(format!("the agent of {} sees no lock", view.name()));
        }
        let follows = fresh(view.receiver_upstream());
        if let Some(upstream) = follows.filter(|upstream| upstream.value != leader.value) {
            let tagged = view.tags().and_then(|tags| tags.value.replicatefrom);
            if tagged.as_ref() != Some(&upstream.value) {
                against.push(format!("{} streams from {}", view.name(), upstream.value));
            }
        }
    }
    notes.push(if against.is_empty() {
        pass(CHECK, format!("everybody who answers names {} as the leader", leader.value)).by(&leader)
    } else {
        block(CHECK, format!("{} leads, but {}", leader.value, against.join("; "))).by(&leader)
    });
}

/// A switchover or failover on record is somebody else's, and `POST` would silently replace it.
pub(super) fn no_order(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "no-pending-order";
    notes.push(match fresh(scene.snapshot.recorded(|content| Some(content.order.clone()))) {
        Some(fact) => match &fact.value {
            None => pass(CHECK, "no switchover or failover is on record").by(&fact),
            Some(key) => block(CHECK, format!("already on record: {}", order_words(key))).by(&fact),
        },
        None => block(CHECK, "whether a switchover is on record is unknown").overridable(),
    });
}

/// The same for what changes nobody's lead: an order for later does not speak against it.
pub(super) fn no_order_under_way(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    let later = fresh(scene.snapshot.recorded(|content| content.order.clone()));
    match later.filter(|fact| fact.value.scheduled_at.is_some()) {
        Some(fact) => {
            let text = format!("on record for later: {}", order_words(&fact.value));
            notes.push(pass("no-pending-order", text).by(&fact));
        }
        None => no_order(scene, notes),
    }
}

fn order_words(key: &crate::model::record::PendingOrder) -> String {
    let to = key.candidate.as_ref().map_or_else(|| "whoever is best".to_owned(), ToString::to_string);
    let when = key.scheduled_at.as_ref().map_or_else(|| "at once".to_owned(), |at| format!("at {at}"));
    match &key.leader {
        Some(leader) => format!("switchover from {leader} to {to}, {when}"),
        None => format!("failover to {to}, {when}"),
    }
}

/// There must be something to cancel.
pub(super) fn an_order(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "scheduled-switchover";
    notes.push(match fresh(scene.snapshot.recorded(|content| Some(content.order.clone()))) {
        Some(fact) => match &fact.value {
            Some(key) if key.scheduled_at.is_some() => {
                pass(CHECK, format!("on record: {}", order_words(key))).by(&fact)
            }
            Some(key) => {
                block(CHECK, format!("not scheduled for later, and cannot be cancelled: {}", order_words(key)))
                    .by(&fact)
            }
            None => block(CHECK, "no switchover is scheduled").by(&fact),
        },
        None => block(CHECK, "whether a switchover is scheduled is unknown").overridable(),
    });
}

/// In maintenance mode Patroni switches over by hand alone: to a named candidate, and not later.
pub(super) fn pause_of_switchover(scene: &Scene<'_>, scheduled: bool, notes: &mut Vec<Note>) {
    const CHECK: &str = "pause";
    notes.push(match fresh(scene.snapshot.paused()) {
        None => block(CHECK, "whether maintenance mode is on is unknown").overridable(),
        Some(paused) if !paused.value => pass(CHECK, "maintenance mode is off").by(&paused),
        Some(paused) if scheduled => {
            block(CHECK, "maintenance mode is on: Patroni schedules nothing in it").by(&paused)
        }
        Some(paused) if scene.candidate().is_none() => {
            block(CHECK, "maintenance mode is on: Patroni wants a named candidate").by(&paused)
        }
        Some(paused) => warn(CHECK, "maintenance mode is on: nobody takes over by itself if this fails").by(&paused),
    });
}

pub(super) fn pause_changes(scene: &Scene<'_>, on: bool, notes: &mut Vec<Note>) {
    const CHECK: &str = "pause";
    let word = |on: bool| if on { "on" } else { "off" };
    notes.push(match fresh(scene.snapshot.paused()) {
        None => block(CHECK, "whether maintenance mode is on is unknown").overridable(),
        Some(paused) if paused.value == on => {
            warn(CHECK, format!("maintenance mode is {} already", word(on))).by(&paused)
        }
        Some(paused) => pass(CHECK, format!("maintenance mode is {}", word(paused.value))).by(&paused),
    });
    let scheduled = fresh(scene.snapshot.recorded(|content| content.order.clone()));
    if let Some(order) = scheduled.filter(|_| on) {
        let text = format!("on record, and held up by a pause: {}", order_words(&order.value));
        notes.push(warn("no-pending-order", text).by(&order));
    }
    let leaderless = fresh(scene.snapshot.recorded(|content| content.leader.is_none().then_some(())));
    if let Some(leaderless) = leaderless.filter(|_| on) {
        notes.push(warn("leader-known", "nobody leads, and paused nobody will by itself").by(&leaderless));
    }
}

/// A failover presumes that there is nobody left to hand over.
pub(super) fn leader_is_gone(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "leader-gone";
    let snapshot = scene.snapshot;
    let holder = fresh(snapshot.recorded(|content| Some(content.leader.as_ref().map(|key| key.holder.clone()))));
    let leads =
        |view: &MemberView<'_>| holder.as_ref().is_some_and(|holder| holder.value.as_ref() == Some(view.name()));
    let cluster = snapshot.cluster_system_id().map(|id| id.value);
    let kept = scene.candidate().and_then(|name| kept_from_handover(snapshot, &name));
    let instead = |what: String| match &kept {
        None => format!("{what}: switch over instead"),
        Some(why) => format!("{what}, so that it would have to hand over; {why}"),
    };
    for view in snapshot.views().filter(|view| !view.is_of_another_cluster(cluster)) {
        let text = match view.writes() {
            Writes::Yes(claim) if leads(&view) => (instead(format!("{} takes writes", view.name())), claim),
            Writes::Yes(claim) => (format!("{} takes writes, without the leader lock", view.name()), claim),
            // A standby leader takes no writes, and leads all the same while it runs.
            Writes::No(claim) if claim.value.leads() && scene.is_up(view) => {
                (instead(format!("the agent of {} answers as {}", view.name(), claim.value)), claim)
            }
            Writes::No(_) | Writes::Unknown => continue,
        };
        notes.push(block(CHECK, text.0).about(view.name()).by(&text.1));
        return;
    }
    let is_down = |holder: &NodeName| scene.view(holder).is_some_and(|view| scene.is_down(view));
    notes.push(match holder {
        None => block(CHECK, "whether somebody holds the leader lock is unknown"),
        Some(fact) => match &fact.value {
            // Patroni starts it again, or gives the lock up: either ends by itself.
            Some(holder) if is_down(holder) => {
                let text = format!(
                    "{holder} still holds the leader lock, and its PostgreSQL is down: wait until Patroni starts it or \
                     gives the lock up"
                );
                block(CHECK, text).about(holder).by(&fact)
            }
            Some(holder) if scene.view(holder).is_some_and(|view| view.answers()) => {
                let text = format!(
                    "{holder} holds the leader lock and takes no writes: wait until Patroni promotes it or gives the lock up"
                );
                block(CHECK, text).about(holder).by(&fact)
            }
            Some(holder) => {
                let text = format!(
                    "{holder} holds the leader lock and does not answer: wait until the lock expires; if it does not, its \
                     agent lives and is only not reached from here"
                );
                block(CHECK, text).about(holder).by(&fact)
            }
            None => pass(CHECK, "nobody holds the leader lock, and nobody who answers takes writes").by(&fact),
        },
    });
}
