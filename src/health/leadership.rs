//! Who leads, and whether everybody agrees: no leader, several primaries, a lock that lies.

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::record::ClusterRecord;
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::stack::Promoter;
use crate::model::view::MemberView;
use crate::model::writers::Writes;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    no_leader(snapshot, drafts);
    nobody_writes(snapshot, drafts);
    several_primaries(snapshot, drafts);
    leader_in_doubt(snapshot, drafts);
    lock_and_node(snapshot, drafts);
    records_disagree(snapshot, drafts);
    identifiers(snapshot, drafts);
}

fn no_leader(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let Some(record) = snapshot.record().filter(|record| record.is_fresh(snapshot.now)) else { return };
    let nobody_leads = |record: &ClusterRecord| record.leader.is_none() && record.patroni().is_some();
    let Some(unlocked) = record.fact(snapshot.now, |content| nobody_leads(content).then_some(())) else { return };
    let paused = snapshot.paused().is_some_and(|paused| paused.value);
    let advice = if paused {
        "the cluster is in maintenance mode, so there is no automatic failover: resume it, or fail over to a chosen member"
    } else {
        "wait one ttl for the election; if no member is promoted, check the candidates' lag, tags and Patroni logs"
    };
    drafts.push(
        FindingDraft::new(
            Severity::Critical,
            "no-leader",
            Subject::Cluster,
            "no leader: no member holds the leader key",
        )
        .because(&unlocked, "the leader key is absent")
        .advise(advice),
    );
}

/// Without a record to go by, the members' own words: a leader that lost the DCS steps down, and then nobody writes.
fn nobody_writes(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
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
        count => format!(", {} {} unreachable", names(&silent), verb(count, "is", "are")),
    };
    let verb = verb(standing.len(), "is", "are");
    let title = format!("no primary, writes fail: {} {verb} in recovery{rest}", names(&standing));
    let mut draft = FindingDraft::new(Severity::Critical, "nobody-writes", Subject::Cluster, title);
    for (view, role) in standing.iter().filter_map(|view| Some((view, word(view)?))) {
        draft = draft.because(&role, format!("{} is in recovery", view.name()));
    }
    drafts.push(draft.advise(if snapshot.identity.traits.promotes == Promoter::Operator {
        "check the node that was the primary: start it again, or promote the standby with the least lag"
    } else {
        "restore the DCS first: without it no member can be promoted; then check the Patroni logs"
    }));
}

fn several_primaries(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let primaries = snapshot.writers();
    if primaries.len() < 2 {
        return;
    }
    let names: Vec<&str> = primaries.iter().map(|(view, _)| view.name().as_str()).collect();
    let title = format!("split brain: {} all accept writes", names.join(" and "));
    let mut draft = FindingDraft::new(Severity::Critical, "several-primaries", Subject::Cluster, title);
    for (view, claim) in &primaries {
        let timeline = view.timeline().map_or_else(|| "?".to_owned(), |timeline| timeline.value.to_string());
        let missing = if view.is_missing() { ", and not in the DCS" } else { "" };
        draft = draft.because(claim, format!("{} is not in recovery, timeline {timeline}{missing}", view.name()));
    }
    if let Some(leader) = snapshot.leader() {
        draft = draft.because(&leader, format!("the leader key is held by {}", leader.value));
    }
    let advice = if snapshot.identity.traits.has_dcs() {
        "disconnect clients from the node that does not hold the leader key, then stop it; compare timelines before any rewind"
    } else {
        "disconnect clients from the one that should not be the primary, then stop it; compare timelines before any rewind"
    };
    drafts.push(draft.settling().advise(advice));
}

/// Where nobody keeps a record, a node that cannot be asked may have been promoted.
fn leader_in_doubt(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let Some(doubt) = snapshot.doubt() else { return };
    // A split brain and a cluster that nobody writes to are told as such.
    if snapshot.writers().len() != 1 {
        return;
    }
    drafts.push(
        FindingDraft::new(
            Severity::Warning,
            "leader-in-doubt",
            Subject::Cluster,
            format!("no leader is known: {}", doubt.value),
        )
        .because(&doubt, doubt.value.as_str())
        .settling()
        .advise(
            "bring the unreachable node back, or verify on its host that PostgreSQL is stopped; until then no switchover or failover is possible",
        ),
    );
}

/// The lock against what each node says of itself.
fn lock_and_node(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let Some(leader) = snapshot.leader().filter(|leader| leader.fresh && snapshot.keeps_a_fresh_record()) else {
        return;
    };
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
                FindingDraft::new(
                    Severity::Critical,
                    "leader-in-recovery",
                    subject,
                    format!("{} holds the leader key but is in recovery: writes fail", view.name()),
                )
                .because(&leader, "leader key")
                .because(&claim, "in recovery")
                .settling()
                .advise("promotion is in progress or has failed: check its Patroni and PostgreSQL logs"),
            );
        } else if !holds && writes {
            drafts.push(
                FindingDraft::new(
                    Severity::Critical,
                    "primary-without-lock",
                    subject,
                    format!("{} accepts writes but {} holds the leader key", view.name(), leader.value),
                )
                .because(&leader, format!("leader key names {}", leader.value))
                .because(&claim, format!("{} is not in recovery", view.name()))
                .settling()
                .advise("disconnect clients from it and find out why its Patroni does not demote it"),
            );
        }
    }
}

/// etcd's own record against what a Patroni node relays of it.
fn records_disagree(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let holder = |index: usize| {
        let reading = snapshot.records.get(index)?;
        let leader =
            reading.fact(snapshot.now, |content| content.leader.as_ref().map(|leader| leader.holder.clone()))?;
        leader.fresh.then_some(leader)
    };
    let Some(first) = holder(0) else { return };
    for other in (1..snapshot.records.len()).filter_map(holder).filter(|other| other.value != first.value) {
        drafts.push(
            FindingDraft::new(
                Severity::Warning,
                "records-disagree",
                Subject::Source(other.source.clone()),
                format!("{} says the leader is {}, {} says {}", first.source, first.value, other.source, other.value),
            )
            .because(&first, format!("leader {}", first.value))
            .because(&other, format!("leader {}", other.value))
            .settling()
            .advise("check that both belong to the same cluster: scope, namespace, and DCS endpoints"),
        );
    }
}

/// Nodes whose data directory belongs to another cluster.
fn identifiers(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let recorded = snapshot.from_record(|content| content.system_id);
    let of_leader = snapshot
        .leader()
        .and_then(|leader| snapshot.member(&leader.value))
        .and_then(|member| snapshot.view(member).system_id());
    let Some(right) = recorded.or(of_leader) else { return };
    for view in snapshot.views().filter(|view| view.two_servers().is_none()) {
        let Some(own) = view.system_id().filter(|own| own.fresh && own.value != right.value) else { continue };
        drafts.push(
            FindingDraft::new(
                Severity::Critical,
                "foreign-system-identifier",
                Subject::Node(view.name().clone()),
                format!("{} has a different system identifier: its data belongs to another cluster", view.name()),
            )
            .because(&right, format!("system identifier of the cluster: {}", right.value))
            .because(&own, format!("system identifier of the node: {}", own.value))
            .settling()
            .advise("check that the address is the one of this node; if so, reinit it"),
        );
    }
}
