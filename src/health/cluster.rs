//! The cluster as a whole: seen at all, maintenance mode, pending orders, and who could take over.

use super::finding_draft::FindingDraft;
use super::orders;
use crate::model::finding::{Severity, Subject};
use crate::model::lag_limit::LagLimit;
use crate::model::moment::StartTime;
use crate::model::observed::{Freshness, Observed};
use crate::model::postgres::{Downstream, SqlPart};
use crate::model::role::{Role, SyncState};
use crate::model::snapshot::Snapshot;
use crate::model::units;
use crate::model::view::MemberView;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    unseen(snapshot, drafts);
    paused(snapshot, drafts);
    orders::examine(snapshot, drafts);
    successors(snapshot, drafts);
    synchronous(snapshot, drafts);
}

/// No source at all answers.
fn unseen(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    // A container engine goes on answering though nothing of the cluster does.
    let mut sources = snapshot.sources();
    sources.retain(|status| status.source.kind.describes_the_cluster());
    let silent = |freshness| matches!(freshness, Freshness::Stale | Freshness::Lost);
    if sources.is_empty() || !sources.iter().all(|source| silent(source.freshness)) {
        return;
    }
    let mut draft = FindingDraft::new(
        Severity::Critical,
        "unseen",
        Subject::Cluster,
        "no source responds: the state of the cluster is unknown",
    );
    for source in sources.iter().take(6) {
        let failure_kind = source.failure_kind.as_deref().unwrap_or("no response");
        draft = draft.evidence(failure_kind, Some(source.source.clone()), None);
    }
    drafts.push(draft.advise("check the network of this host first, then run `pgctl-tui doctor`"));
}

fn paused(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let Some(paused) = snapshot.paused().filter(|paused| paused.value) else { return };
    let title = "maintenance mode is on: no automatic failover if the leader fails";
    let mut draft = FindingDraft::new(Severity::Warning, "paused", Subject::Cluster, title)
        .because(&paused, "pause is set in the DCS");
    match snapshot.paused_since {
        Some(StartTime::At(at)) => {
            let by = snapshot.paused_by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
            draft = draft.evidence(format!("start observed{by}"), None, Some(at));
        }
        Some(StartTime::OnRecord(at)) => {
            let by = snapshot.paused_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let reported =
                format!("switched on{by} at {} according to the journal on this host; unchanged since", units::utc(at));
            draft = draft.evidence(reported, None, None);
        }
        Some(StartTime::Before(at)) => {
            draft = draft.evidence("was already on when monitoring started", None, Some(at));
        }
        None => {}
    }
    drafts.push(draft.advise("resume automatic failover when the maintenance is done"));
}

/// Whether a replica could take over; `None`: what is known of it does not tell.
fn could_take_over(view: &MemberView<'_>, leader: &MemberView<'_>) -> Option<bool> {
    if view.is_missing() || view.tags().is_some_and(|tags| tags.value.forbids_failover()) {
        return Some(false);
    }
    // By such a limit Patroni promotes only what is ahead of the position that the leader last wrote into the DCS: luck.
    if view.doubt().is_some() || lag_limit(view.snapshot).allows_nobody() {
        return None;
    }
    if !view.answers() {
        return served(view);
    }
    let role = view.role().filter(|role| role.fresh)?;
    let state = view.state().filter(|state| state.fresh)?;
    if role.value != Role::Replica || !state.value.is_up() {
        return Some(false);
    }
    let streams = view.streams().filter(|streams| streams.fresh).map(|streams| streams.value);
    if streams == Some(true) {
        return Some(true);
    }
    // A leader that is gone ends every stream, and one that lives on the archive has none: what counts then is how far
    // the replica had come.
    if leader.is_silent() || view.upstream_is_gone() || view.is_archive_fed() {
        return keeps_up(view, leader);
    }
    // Known not to stream, or untold: an old agent does not say.
    streams
}

/// Whether somebody that answers still serves a replica that does not answer from here; `None`: nobody can tell.
fn served(view: &MemberView<'_>) -> Option<bool> {
    let snapshot = view.snapshot;
    let upstream = view.upstream()?;
    let upstream = snapshot.view(snapshot.member(&upstream.value)?);
    let name = view.name().as_str();
    let by_sql = upstream.member.sql.as_ref().and_then(|sql| sql.fresh(snapshot.now)).filter(|report| report.monitor);
    let by_agent = upstream.member.agent.as_ref().and_then(|agent| agent.fresh(snapshot.now));
    match (by_sql.filter(|report| report.knows(SqlPart::Downstream)), by_agent) {
        (Some(report), _) => Some(report.downstream.iter().any(|row| row.application.as_str() == name)),
        (None, Some(report)) => Some(report.downstream.iter().any(|row| row.application.as_str() == name)),
        (None, None) => None,
    }
}

/// Whether a replica is near enough to where the leader was last seen, on its timeline.
fn keeps_up(view: &MemberView<'_>, leader: &MemberView<'_>) -> Option<bool> {
    if let (Some(own), Some(last)) = (view.timeline(), leader.timeline())
        && own.value < last.value
    {
        return Some(false);
    }
    let (own, last) = (view.position()?, leader.position()?);
    Some(lag_limit(view.snapshot).allows(own.value.bytes_to(last.value)))
}

fn lag_limit(snapshot: &Snapshot) -> LagLimit {
    snapshot.from_record(|content| Some(content.config()?.maximum_lag())).map_or(LagLimit::DEFAULT, |limit| limit.value)
}

fn successors(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    // Only with a leader: without one, "no leader" is the finding, and its candidates are looked at there.
    let Some(leader) = snapshot.leader().filter(|leader| leader.fresh) else { return };
    if snapshot.members.len() < 2 || snapshot.views().any(|view| view.is_waiting()) {
        return;
    }
    let Some(leads) = snapshot.member(&leader.value).map(|member| snapshot.view(member)) else { return };
    let others = || snapshot.views().filter(|view| *view.name() != leader.value);
    let chances: Vec<Option<bool>> = others().map(|view| could_take_over(&view, &leads)).collect();
    if chances.contains(&Some(true)) {
        return;
    }
    let unknown = chances.contains(&None);
    let (severity, code, title) = if unknown {
        let title = format!("unknown whether any replica could be promoted if {} fails", leader.value);
        (Severity::Note, "successor-unknown", title)
    } else {
        (Severity::Critical, "no-successor", format!("no replica could be promoted if {} fails", leader.value))
    };
    let mut draft = FindingDraft::new(severity, code, Subject::Cluster, title);
    for view in others() {
        let state = view.state().map_or_else(|| "no response".to_owned(), |state| state.value.to_string());
        let state = if view.answers() { state } else { format!("unreachable, last known state {state}") };
        let words = match view.tags().and_then(|tags| tags.value.why_no_failover()) {
            Some(tag) => format!("{}: {state}, {tag}", view.name()),
            None => format!("{}: {state}", view.name()),
        };
        draft = draft.since_all(words);
    }
    drafts.push(draft.settling().advise(if lag_limit(snapshot).allows_nobody() {
        "set maximum_lag_on_failover to 0 or more"
    } else if unknown {
        "make the replicas reachable from here, and configure SQL access where Patroni is older than 3.0.4: check names, addresses, network"
    } else {
        "restore at least one streaming replica that has no nofailover tag"
    }));
}

/// Synchronous mode without a synchronous standby. Patroni's list decides who may take over; whether commits wait is for
/// PostgreSQL to say, which in strict mode waits for any standby at all (`*`).
fn synchronous(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let mode = snapshot.from_record(|content| {
        content.config().filter(|config| config.synchronous_mode).map(|config| config.synchronous_mode_strict)
    });
    let Some(mode) = mode.filter(|mode| mode.fresh) else { return };
    let standbys = snapshot.from_record(|content| match (content.sync(), content.revision) {
        (Some(sync), _) => Some(sync.standbys.len()),
        // Another way to the record than etcd's own does not carry the key: that tells nothing.
        (None, 0) => None,
        (None, _) => Some(0),
    });
    let Some(standbys) = standbys.filter(|standbys| standbys.value == 0) else { return };
    let waits = if mode.value { commits_wait(snapshot) } else { None };
    let (severity, title) = match (mode.value, &waits) {
        (false, _) => (
            Severity::Warning,
            "synchronous mode is on, but there is no synchronous standby: a failover can lose commits".to_owned(),
        ),
        (true, Some(waits)) if waits.value.is_empty() => {
            (Severity::Critical, "strict synchronous mode has no synchronous standby: commits hang".to_owned())
        }
        (true, Some(waits)) => {
            let names = waits.value.join(", ");
            let title = format!(
                "Patroni lists no synchronous standby: no automatic failover; commits are confirmed by {names}"
            );
            (Severity::Critical, title)
        }
        (true, None) => (
            Severity::Critical,
            "Patroni lists no synchronous standby: no automatic failover; unknown whether commits hang".to_owned(),
        ),
    };
    let mut draft = FindingDraft::new(severity, "no-synchronous-standby", Subject::Cluster, title)
        .because(&mode, "synchronous_mode is on")
        .because(&standbys, "the sync key lists no standby");
    if let Some(waits) = &waits {
        let confirming = if waits.value.is_empty() { "none".to_owned() } else { waits.value.join(", ") };
        draft = draft.because(waits, format!("synchronous according to pg_stat_replication: {confirming}"));
    }
    drafts.push(draft.settling().advise("restore a replica that has no nosync tag"));
}

/// Standbys that confirm commits by the leader's PostgreSQL; `None`: it does not tell. Without any name to wait for it
/// waits for nobody, and then nothing hangs.
fn commits_wait(snapshot: &Snapshot) -> Option<Observed<Vec<String>>> {
    let leader = snapshot.member(&snapshot.leader()?.value)?;
    let reported = leader.sql.as_ref()?.fact(snapshot.now, |report| {
        if !report.knows(SqlPart::Downstream) || report.synchronous_names.is_empty() {
            return None;
        }
        let confirms = |row: &&Downstream| matches!(row.sync, Some(SyncState::Sync | SyncState::Quorum));
        Some(report.downstream.iter().filter(confirms).map(|row| row.application.to_string()).collect())
    });
    reported.filter(|reported| reported.fresh)
}
