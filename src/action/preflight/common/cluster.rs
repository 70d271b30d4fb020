//! The cluster as a whole: is it known, who leads, do all agree, is something ordered already.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::writers::Writes;

/// The configuration itself says that nothing may be done.
pub(in crate::action::preflight) fn writable(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    if context.snapshot.identity.read_only {
        notes.push(block("read-only", format!("{} is configured as read-only", context.snapshot.identity.name)));
    }
}

/// Whether the record is heard.
pub(in crate::action::preflight) fn record(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "record-fresh";
    let snapshot = context.snapshot;
    notes.push(match fresh(snapshot.from_record(|content| Some((content.revision, content.defects.len())))) {
        Some(fact) if fact.value.1 > 0 => {
            let text = format!("{} in the DCS", crate::model::units::plural(fact.value.1, "invalid value"));
            warn(CHECK, text).by(&fact)
        }
        Some(fact) => {
            let age = fact.age(snapshot.now).as_millis();
            pass(CHECK, format!("DCS state read {age} ms ago, revision {}", fact.value.0)).by(&fact)
        }
        None => block(CHECK, "the DCS state cannot be read: what is shown of it is stale"),
    });
}

/// Whether somebody leads, by the record and by their own word.
pub(in crate::action::preflight) fn leader(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "leader-known";
    let Some(leader) = context.leader() else {
        notes.push(block(CHECK, "no member is known to hold the leader key"));
        return;
    };
    let name = &leader.value;
    let Some(view) = context.view(name) else {
        notes.push(block(CHECK, format!("{name} holds the leader key but is not a member")).by(&leader));
        return;
    };
    let claim = fresh(view.sql_role()).or_else(|| fresh(view.agent_role()));
    let note = match claim {
        // An agent goes on saying "primary" of a server that is down.
        Some(claim) if context.is_down(view) => {
            let text = format!(
                "{name} holds the leader key and its PostgreSQL is down: wait until Patroni starts it or releases the key"
            );
            block(CHECK, text).by(&claim)
        }
        Some(claim) if claim.value.is_writable() || claim.value.leads() || context.snapshot.is_standby_cluster() => {
            pass(CHECK, format!("{name} holds the leader key and is {}", claim.value)).by(&claim)
        }
        Some(claim) => {
            let text = format!(
                "{name} holds the leader key but is {}: wait until Patroni promotes it or releases the key",
                claim.value
            );
            block(CHECK, text).by(&claim)
        }
        None => block(CHECK, format!("{name} holds the leader key and is unreachable")).by(&leader).overridable(),
    };
    notes.push(note.about(name));
}

/// Two that take writes are never worked on, and nobody may say otherwise.
pub(in crate::action::preflight) fn primaries(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "split-brain";
    let leader = context.leader().map(|leader| leader.value);
    let cluster = context.snapshot.cluster_system_id().map(|id| id.value);
    let mut writers = Vec::new();
    let mut silent = Vec::new();
    // A node that the DCS has forgotten may write all the same.
    for view in context.snapshot.views().filter(|view| !view.is_of_another_cluster(cluster)) {
        match view.writes() {
            Writes::Yes(claim) => writers.push((view.name(), claim)),
            Writes::No(_) => {}
            Writes::Unknown => silent.push(view.name().as_str()),
        }
    }
    let unrouted = writers.iter().find(|(name, _)| leader.as_ref().is_some_and(|leader| leader != *name));
    if writers.len() > 1 {
        let names: Vec<&str> = writers.iter().map(|(name, _)| name.as_str()).collect();
        notes.push(block(CHECK, format!("{} all accept writes", names.join(" and "))));
    } else if let (Some((name, claim)), Some(leader)) = (unrouted, &leader) {
        let text = format!("{name} accepts writes but {leader} holds the leader key");
        notes.push(block(CHECK, text).about(name).by(claim));
    } else if silent.is_empty() {
        let text = writers
            .first()
            .map_or_else(|| "no member accepts writes".to_owned(), |(name, _)| format!("only {name} accepts writes"));
        notes.push(pass(CHECK, text));
    } else {
        let text = format!("unknown whether {} accepts writes: no response", silent.join(", "));
        notes.push(unknown(CHECK, text));
    }
}

/// Everybody who tells of the leader names the same one.
pub(in crate::action::preflight) fn agreement(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "leader-agreed";
    let snapshot = context.snapshot;
    let Some(leader) = context.leader() else {
        notes.push(block(CHECK, "there is no leader to agree on"));
        return;
    };
    let mut against = Vec::new();
    for reading in &snapshot.records {
        let other = reading.fresh(snapshot.now).and_then(|content| content.leader.as_ref());
        if let Some(other) = other.filter(|other| other.holder != leader.value) {
            against.push(format!("{} reports {}", reading.source, other.holder));
        }
    }
    for view in snapshot.views() {
        let agent = view.member.agent.as_ref().and_then(|agent| agent.fresh(snapshot.now));
        if agent.is_some_and(|agent| agent.unlocked) {
            against.push(format!("the agent of {} sees no leader key", view.name()));
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
        pass(CHECK, format!("all reachable members report {} as the leader", leader.value)).by(&leader)
    } else {
        block(CHECK, format!("{} is the leader, but {}", leader.value, against.join("; "))).by(&leader)
    });
}
