//! The leader of a cluster that follows another one: whether WAL comes in at all.

use std::time::Duration;

use super::super::finding_draft::FindingDraft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::observed::Observed;
use crate::model::role::MemberState;
use crate::model::units;
use crate::model::view::MemberView;

/// A copy for disasters fails in silence: it stays up and its replicas stay close to it, and all of them grow old.
pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let snapshot = view.snapshot;
    let up = view.state().is_some_and(|state| state.fresh && state.value.is_up());
    if !up || snapshot.is_fed_by_archive() {
        return;
    }
    let streams = view.streams().filter(|streams| streams.fresh);
    if streams.as_ref().is_some_and(|streams| streams.value) {
        return;
    }
    let since = view.since_fed();
    let archive = view.state().is_some_and(|state| state.fresh && state.value == MemberState::InArchiveRecovery);
    let leader = view.name();
    let (severity, code, title) = match (&streams, archive) {
        (None, _) => {
            let title =
                format!("unknown whether the standby leader {leader} is streaming: this cluster may receive no WAL");
            (Severity::Note, "feed-unknown", title)
        }
        (Some(_), true) => {
            let title = format!("the standby leader {leader} restores WAL from the archive: it is not streaming");
            (Severity::Warning, "not-fed", title)
        }
        (Some(_), false) => {
            let title = format!("the standby leader {leader} is not streaming: this cluster is not replicating");
            (severity(view, since.as_ref()), "not-fed", title)
        }
    };
    let title = match since.as_ref().filter(|_| streams.is_some() && !archive) {
        Some(since) => format!("{title}, {}", describe(view, since)),
        None => title,
    };
    let mut draft = FindingDraft::new(severity, code, subject(view), title);
    draft = match &streams {
        Some(streams) => draft.because(streams, "no streaming WAL receiver"),
        None => draft.since_all("neither its agent nor its PostgreSQL reports whether it is streaming"),
    };
    if let Some(since) = &since {
        draft = draft.because(since, describe(view, since));
    }
    if let Some(source) = snapshot.from_record(|content| content.config()?.standby_source.clone()) {
        let part = |name: &str, value: &Option<_>| value.as_ref().map(|value| format!("{name} {value}"));
        let parts: Vec<String> =
            [part("host", &source.value.host), part("port", &source.value.port)].into_iter().flatten().collect();
        draft = draft.because(&source, format!("standby_cluster: {}", parts.join(", ")));
    }
    let advice = match streams {
        Some(_) => {
            "check that the source cluster is up and reachable from this node: host, port, login, slot; see its PostgreSQL log"
        }
        None => "configure a PostgreSQL login with pg_monitor for the cluster, so that its WAL receiver is visible",
    };
    drafts.push(draft.settling().advise(advice));
}

/// As long as it is not known for how long no WAL came, it is not said to be long.
fn severity(view: &MemberView<'_>, since: Option<&Observed<Duration>>) -> Severity {
    let limits = &view.snapshot.thresholds.lag_time;
    since.and_then(|since| limits.judge(since.value)).unwrap_or(Severity::Warning)
}

fn describe(view: &MemberView<'_>, since: &Observed<Duration>) -> String {
    let time = units::duration(since.value);
    if view.member.fed_at.is_some() {
        format!("no WAL received for {time}")
    } else {
        format!("last replayed commit is {time} old")
    }
}
