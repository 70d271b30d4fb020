//! Who leads, and whether everybody agrees: no leader, several primaries, a lock that lies.

use super::draft::Draft;
use crate::model::finding::{Severity, Subject};
use crate::model::record::ClusterRecord;
use crate::model::role::Role;
use crate::model::snapshot::{Snapshot, StackKind};
use crate::model::view::MemberView;
use crate::model::writers::Writes;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    no_leader(snapshot, drafts);
    nobody_writes(snapshot, drafts);
    several_primaries(snapshot, drafts);
    leader_in_doubt(snapshot, drafts);
    lock_and_node(snapshot, drafts);
    records_disagree(snapshot, drafts);
    identifiers(snapshot, drafts);
}

fn no_leader(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let Some(record) = snapshot.record().filter(|record| record.is_fresh(snapshot.now)) else { return };
    let nobody_leads = |record: &ClusterRecord| record.leader.is_none() && record.patroni().is_some();
    let Some(unlocked) = record.fact(snapshot.now, |content| nobody_leads(content).then_some(())) else { return };
    let paused = snapshot.paused().is_some_and(|paused| paused.value);
    let advice = if paused {
        "the cluster is in maintenance mode, so nobody takes over by itself: resume it, or fail over to a chosen member"
    } else {
        "wait one ttl for the election; if nobody takes over, look at the candidates' lag, tags and Patroni logs"
    };
    drafts.push(
        Draft::new(Severity::Critical, "no-leader", Subject::Cluster, "no leader: nobody holds the lock")
            .because(&unlocked, "the leader key is absent")
            .advise(advice),
    );
}

/// Without a record to go by, the members' own words: a leader that lost the DCS steps down, and then nobody writes.
fn nobody_writes(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    if !snapshot.nobody_writes() {
        return;
    }
    let word = |view: &MemberView<'_>| {
        view.sql_role().filter(|role| role.fresh).or_else(|| view.agent_role().filter(|role| role.fresh))
    };
    let (standing, silent): (Vec<_>, Vec<_>) =
        snapshot.views().filter(|view| !view.is_missing()).partition(|view| word(view).is_some());
    let names = |views: &[MemberView<'_>]| {
        let names: Vec<&str> = views.iter().map(|view| view.name().as_str()).collect();
        names.join(", ")
    };
    let verb = |count: usize, one: &'static str, many: &'static str| if count == 1 { one } else { many };
    let rest = match silent.len() {
        0 => String::new(),
        count => format!(", {} {} not answer", names(&silent), verb(count, "does", "do")),
    };
    let verb = verb(standing.len(), "is", "are");
    let title = format!("nobody takes writes: {} {verb} in recovery{rest}", names(&standing));
    let mut draft = Draft::new(Severity::Critical, "nobody-writes", Subject::Cluster, title);
    for (view, role) in standing.iter().filter_map(|view| Some((view, word(view)?))) {
        draft = draft.because(&role, format!("{} is in recovery", view.name()));
    }
    drafts.push(draft.advise(if snapshot.identity.kind == StackKind::Streaming {
        "look at the node that was the primary: start it again, or promote the standby that is furthest ahead"
    } else {
        "bring the DCS back first: without it nobody may be promoted; then look at the Patroni logs"
    }));
}

fn several_primaries(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let primaries = snapshot.writers();
    if primaries.len() < 2 {
        return;
    }
    let names: Vec<&str> = primaries.iter().map(|(view, _)| view.name().as_str()).collect();
    let title = format!("split brain: {} all take writes", names.join(" and "));
    let mut draft = Draft::new(Severity::Critical, "several-primaries", Subject::Cluster, title);
    for (view, claim) in &primaries {
        let timeline = view.timeline().map_or_else(|| "?".to_owned(), |timeline| timeline.value.to_string());
        let missing = if view.is_missing() { ", and not in the DCS" } else { "" };
        draft = draft.because(claim, format!("{} is not in recovery, timeline {timeline}{missing}", view.name()));
    }
    if let Some(leader) = snapshot.leader() {
        draft = draft.because(&leader, format!("the lock is held by {}", leader.value));
    }
    let advice = if snapshot.identity.kind == StackKind::Streaming {
        "cut clients off the one that is not meant to be the primary, then stop it; compare timelines before anything is rewound"
    } else {
        "cut clients off the node without the lock, then stop it; compare timelines before anything is rewound"
    };
    drafts.push(draft.settling().advise(advice));
}

/// Where nobody keeps a record, a node that cannot be asked may have been promoted.
fn leader_in_doubt(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let Some(doubt) = snapshot.doubt() else { return };
    // A split brain and a cluster that nobody writes to are told as such.
    if snapshot.writers().len() != 1 {
        return;
    }
    drafts.push(
        Draft::new(
            Severity::Warning,
            "leader-in-doubt",
            Subject::Cluster,
            format!("no leader is known: {}", doubt.value),
        )
        .because(&doubt, doubt.value.as_str())
        .settling()
        .advise(
            "bring the silent node back, or see on its host that it does not run; until then nothing is handed over",
        ),
    );
}

/// The lock against what each node says of itself.
fn lock_and_node(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let Some(leader) = snapshot.leader().filter(|leader| leader.fresh && snapshot.record_is_fresh()) else { return };
    let cluster = snapshot.cluster_system_id().map(|id| id.value);
    for view in snapshot.views().filter(|view| !view.is_of_another_cluster(cluster)) {
        let holds = *view.name() == leader.value;
        let (claim, writes) = match view.writes() {
            Writes::Yes(claim) => (claim, true),
            Writes::No(claim) => (claim, false),
            Writes::Unknown => continue,
        };
        let subject = Subject::Node(view.name().clone());
        if holds && claim.value == Role::Replica && !snapshot.is_standby_cluster() {
            drafts.push(
                Draft::new(
                    Severity::Critical,
                    "leader-in-recovery",
                    subject,
                    format!("{} holds the lock but is in recovery: nobody takes writes", view.name()),
                )
                .because(&leader, "leader key")
                .because(&claim, "in recovery")
                .settling()
                .advise("it is being promoted, or cannot be: look at its Patroni and PostgreSQL logs"),
            );
        } else if !holds && writes {
            drafts.push(
                Draft::new(
                    Severity::Critical,
                    "primary-without-lock",
                    subject,
                    format!("{} takes writes but {} holds the lock", view.name(), leader.value),
                )
                .because(&leader, format!("leader key names {}", leader.value))
                .because(&claim, format!("{} is not in recovery", view.name()))
                .settling()
                .advise("cut clients off it and find out why its Patroni does not demote it"),
            );
        }
    }
}

/// etcd's own record against what a Patroni node relays of it.
fn records_disagree(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let holder = |index: usize| {
        let reading = snapshot.records.get(index)?;
        let leader =
            reading.fact(snapshot.now, |content| content.leader.as_ref().map(|leader| leader.holder.clone()))?;
        leader.fresh.then_some(leader)
    };
    let Some(first) = holder(0) else { return };
    for other in (1..snapshot.records.len()).filter_map(holder).filter(|other| other.value != first.value) {
        drafts.push(
            Draft::new(
                Severity::Warning,
                "records-disagree",
                Subject::Source(other.source.clone()),
                format!("{} says {} leads, {} says {}", first.source, first.value, other.source, other.value),
            )
            .because(&first, format!("leader {}", first.value))
            .because(&other, format!("leader {}", other.value))
            .settling()
            .advise("check that both speak of one cluster: scope, namespace, and DCS endpoints"),
        );
    }
}

/// Nodes whose data directory belongs to another cluster.
fn identifiers(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let recorded = snapshot.recorded(|content| content.system_id);
    let of_leader = snapshot
        .leader()
        .and_then(|leader| snapshot.member(&leader.value))
        .and_then(|member| snapshot.view(member).system_id());
    let Some(right) = recorded.or(of_leader) else { return };
    for view in snapshot.views().filter(|view| view.two_servers().is_none()) {
        let Some(own) = view.system_id().filter(|own| own.fresh && own.value != right.value) else { continue };
        drafts.push(
            Draft::new(
                Severity::Critical,
                "foreign-system-identifier",
                Subject::Node(view.name().clone()),
                format!("{} has another system identifier: it is not a copy of this cluster", view.name()),
            )
            .because(&right, format!("the cluster's is {}", right.value))
            .because(&own, format!("the node's is {}", own.value))
            .settling()
            .advise("check that the address leads to this node; if it does, reinitialise it"),
        );
    }
}
