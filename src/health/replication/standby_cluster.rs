//! The leader of a cluster that follows another one: whether WAL comes in at all.

use std::time::Duration;

use super::super::draft::Draft;
use super::subject;
use crate::model::finding::Severity;
use crate::model::observed::Observed;
use crate::model::role::MemberState;
use crate::model::units;
use crate::model::view::MemberView;

/// A copy for disasters fails in silence: it stays up and its replicas stay close to it, and all of them grow old.
pub(super) fn examine(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
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
                format!("it is unknown whether the standby leader {leader} streams: this cluster may not be fed");
            (Severity::Note, "feed-unknown", title)
        }
        (Some(_), true) => {
            let title = format!("the standby leader {leader} reads WAL from the archive: it does not stream");
            (Severity::Warning, "not-fed", title)
        }
        (Some(_), false) => {
            let title = format!("the standby leader {leader} does not stream: this cluster is no longer fed");
            (severity(view, since.as_ref()), "not-fed", title)
        }
    };
    let title = match since.as_ref().filter(|_| streams.is_some() && !archive) {
        Some(since) => format!("{title}, {}", words(view, since)),
        None => title,
    };
    let mut draft = Draft::new(severity, code, subject(view), title);
    draft = match &streams {
        Some(streams) => draft.because(streams, "no WAL receiver that streams"),
        None => draft.since_all("neither its agent nor its PostgreSQL tells whether it streams"),
    };
    if let Some(since) = &since {
        draft = draft.because(since, words(view, since));
    }
    if let Some(source) = snapshot.recorded(|content| content.config()?.standby_source.clone()) {
        let part = |name: &str, value: &Option<_>| value.as_ref().map(|value| format!("{name} {value}"));
        let parts: Vec<String> =
            [part("host", &source.value.host), part("port", &source.value.port)].into_iter().flatten().collect();
        draft = draft.because(&source, format!("standby_cluster: {}", parts.join(", ")));
    }
    let advice = match streams {
        Some(_) => {
            "check that the source cluster is there and reached from this node: host, port, login, slot; see its PostgreSQL log"
        }
        None => "give the cluster a PostgreSQL login with pg_monitor, so that its WAL receiver can be seen",
    };
    drafts.push(draft.settling().advise(advice));
}

/// As long as it is not known for how long no WAL came, it is not said to be long.
fn severity(view: &MemberView<'_>, since: Option<&Observed<Duration>>) -> Severity {
    let limits = &view.snapshot.thresholds.lag_time;
    since.and_then(|since| limits.judge(since.value)).unwrap_or(Severity::Warning)
}

fn words(view: &MemberView<'_>, since: &Observed<Duration>) -> String {
    let time = units::duration(since.value);
    if view.member.fed_at.is_some() { format!("no WAL for {time}") } else { format!("its last commit is {time} old") }
}
