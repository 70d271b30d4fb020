//! What a header tells, part by part: each from the picture, as a phrase in its tone.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::line::Span;
use super::super::table::{NONE, Tone, UNKNOWN};
use super::super::topology::{self, share};
use super::super::{findings, tones, units};
use super::{NO_LEADER, NO_PRIMARY};
use crate::model::dcs::{Quorum, RaftLeader};
use crate::model::member::{Member, Presence};
use crate::model::moment::StartTime;
use crate::model::name::NodeName;
use crate::model::observed::{Freshness, Observed};
use crate::model::patroni_record::DynamicConfig;
use crate::model::role::SyncState;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::view::MemberView;

/// What is in the making, or out of order without a finding.
pub(super) fn making(snapshot: &Snapshot) -> Option<Span> {
    if let Some(finding) = snapshot.worst_settling() {
        let lasts = finding.since.map(|since| snapshot.now.since(since).as_secs()).unwrap_or_default();
        return Some(Span::new(format!("{} (pending {lasts} s)", finding.title), Tone::Dim));
    }
    let names: Vec<&str> = snapshot.out_of_order().map(|view| view.name().as_str()).collect();
    (!names.is_empty()).then(|| Span::new(format!("not healthy: {} (no finding yet)", names.join(", ")), Tone::Dim))
}

pub(super) fn acknowledged(snapshot: &Snapshot) -> Option<Span> {
    let mut known = snapshot.findings.iter().filter(|finding| finding.acknowledged.is_some());
    let first = known.next()?;
    let more = known.count();
    let more = if more > 0 { format!(", +{more} more") } else { String::new() };
    let words = findings::acknowledged_text(snapshot, first)?;
    Some(Span::new(format!("{}: {words}{more}", first.title), Tone::Dim))
}

pub(super) fn blocked(snapshot: &Snapshot) -> Option<Span> {
    let fresh = snapshot.members.iter().filter_map(|member| member.sql.as_ref()?.fresh(snapshot.now));
    let count: usize = fresh.map(|report| report.blocked().count()).sum();
    (count > 0).then(|| Span::new(format!("{count} blocked"), Tone::Warning))
}

pub(super) fn fact_span<T>(fact: Option<Observed<T>>, draw: impl FnOnce(T) -> Span) -> Span {
    let Some(fact) = fact else { return Span::new(UNKNOWN, Tone::Stale) };
    let span = draw(fact.value);
    if fact.fresh { span } else { Span { tone: Tone::Stale, ..span } }
}

pub(super) fn leader(snapshot: &Snapshot) -> Span {
    match snapshot.leader() {
        None if snapshot.keeps_a_fresh_record() => Span::new(NO_LEADER, Tone::Critical),
        None | Some(_) if snapshot.nobody_writes() => Span::new(NO_PRIMARY, Tone::Critical),
        // Another may take writes too.
        _ if snapshot.doubt().is_some() => Span::new(UNKNOWN, Tone::Critical),
        // Who led when the record could last be read, and may not any more.
        Some(leader) if !leader.fresh => Span::new(format!("{}?", leader.value), Tone::Stale),
        leader => fact_span(leader, |leader| Span::new(leader.text().clone(), Tone::Strong)),
    }
}

pub(super) fn sync(snapshot: &Snapshot) -> Option<Span> {
    // A cluster that follows another has no commits of its own to wait for.
    let is_on = |config: &DynamicConfig| config.synchronous_mode && !config.standby_cluster;
    let mode = snapshot.from_record(|content| content.config().map(is_on))?;
    if !mode.value {
        return None;
    }
    let key = snapshot.from_record(|content| content.sync().cloned());
    let Some(key) = key else { return Some(Span::new(UNKNOWN, Tone::Stale)) };
    let streams = |name: &NodeName| {
        let view = snapshot.view(snapshot.member(name)?);
        // Whoever takes writes is nobody's standby any more.
        let reported = || view.streams().filter(|streams| streams.fresh).map(|streams| streams.value);
        if view.follows() { reported() } else { Some(false) }
    };
    let mut standbys: BTreeSet<&NodeName> = key.value.standbys.iter().collect();
    // Whom the table of members calls synchronous is counted too: the header tells no other truth.
    let is_one = |view: &MemberView<'_>| {
        let state = topology::sync_state(*view).filter(|state| state.fresh);
        view.follows() && state.is_some_and(|state| matches!(state.value, SyncState::Sync | SyncState::Quorum))
    };
    standbys.extend(snapshot.views().filter(is_one).map(|view| &view.member.name));
    let all: Vec<Option<bool>> = standbys.into_iter().map(streams).collect();
    let streaming = all.iter().filter(|streams| **streams == Some(true)).count();
    let (text, tone) = match all.len() {
        // Synchronous mode is on and nobody is synchronous: commits are not replicated, or wait.
        0 => ("none".to_owned(), Tone::Warning),
        whole if all.contains(&None) => (format!("{}?", share(streaming, whole).0), Tone::Stale),
        whole => share(streaming, whole),
    };
    Some(fact_span(Some(key), |_| Span::new(text, tone)))
}

/// Members that lead or stream, of those expected. Those of which it is not known are neither: `2/3?`.
pub(super) fn members(snapshot: &Snapshot) -> Span {
    // One that is configured is expected, whether or not the DCS knows it.
    let is_expected =
        |member: &&Member| !matches!(member.presence, Presence::Missing { .. }) || member.named_by.is_some();
    let expected = snapshot.members.iter().filter(is_expected);
    let states: Vec<_> = expected.map(|member| snapshot.view(member).in_order()).collect();
    if states.is_empty() || states.iter().all(Option::is_none) {
        return Span::new(UNKNOWN, Tone::Stale);
    }
    let well = states.iter().filter(|state| **state == Some(true)).count();
    let (text, tone) = share(well, states.len());
    match (states.contains(&None), states.contains(&Some(false))) {
        (true, ill) => Span::new(format!("{text}?"), if ill { tone } else { Tone::Stale }),
        (false, _) => Span::new(text, tone),
    }
}

pub(super) fn dcs(snapshot: &Snapshot) -> Option<Span> {
    let all = &snapshot.dcs.members;
    if all.is_empty() {
        return None;
    }
    let well = |member: &crate::model::dcs::DcsMember| {
        member.leader != RaftLeader::Nobody && member.quorum != Quorum::Missing && !member.raises_alarm()
    };
    if all.iter().all(|reading| reading.freshness(snapshot.now) == Freshness::Waiting) {
        return Some(Span::new(UNKNOWN, Tone::Stale));
    }
    let answering: Vec<_> = all.iter().filter_map(|reading| reading.fresh(snapshot.now)).collect();
    let (text, tone) = share(answering.len(), all.len());
    let in_order = answering.iter().filter(|member| well(member)).count();
    Some(Span::new(text, tones::worst([tone, share(in_order, all.len()).1])))
}

pub(super) fn paused(snapshot: &Snapshot) -> Option<Span> {
    match snapshot.paused() {
        None => Some(Span::new("pause ?", Tone::Stale)),
        Some(paused) if !paused.value => None,
        paused => Some(fact_span(paused, |_| Span::new("PAUSED", Tone::Warning))),
    }
}

/// Told by how far away it is: a time of day would need a zone, and may be of another day.
pub(super) fn scheduled(snapshot: &Snapshot) -> Option<Span> {
    let order = snapshot.from_record(|content| content.order.clone().filter(|key| key.scheduled_at.is_some()))?;
    let at: Option<jiff::Timestamp> = order.value.scheduled_at.as_ref().and_then(|at| at.as_str().parse().ok());
    let when = match at.map(|at| Duration::try_from(at.duration_since(snapshot.wall))) {
        Some(Ok(left)) => format!("in {}", units::duration(left)),
        Some(Err(_)) => "due".to_owned(),
        None => "scheduled".to_owned(),
    };
    Some(fact_span(Some(order), |key| {
        let who = match (&key.leader, &key.candidate) {
            (Some(from), Some(to)) => format!(" ({from} → {to})"),
            (Some(from), None) => format!(" (from {from})"),
            (None, Some(to)) => format!(" (to {to})"),
            (None, None) => String::new(),
        };
        Span::new(format!("switchover {when}{who}"), Tone::Warning)
    }))
}

pub(super) fn operation(snapshot: &Snapshot) -> Option<Span> {
    let lock = snapshot.operation_lock()?;
    Some(fact_span(Some(lock), |lock| Span::new(lock.describe(), Tone::Warning)))
}

/// How long something lasts, in whole seconds at first: tenths would flicker.
pub(super) fn lasts(began: StartTime, snapshot: &Snapshot) -> String {
    let now = snapshot.now;
    let words = |span: Duration| match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => units::duration(span),
    };
    match began {
        StartTime::At(at) => words(now.since(at)),
        StartTime::Before(at) if now.since(at) < Duration::from_secs(1) => String::new(),
        StartTime::Before(at) => format!("over {}", words(now.since(at))),
        // Where the wall clock was set back since, nothing is known of the span.
        StartTime::OnRecord(at) => {
            Duration::try_from(snapshot.wall.duration_since(at)).map_or_else(|_| String::new(), words)
        }
    }
}

/// Largest replay lag in bytes among the replicas; a fresh one before a stale one.
pub(in crate::report) fn worst_lag(snapshot: &Snapshot) -> Option<Observed<u64>> {
    let lags = snapshot.views().filter_map(|view| view.lag().bytes);
    lags.reduce(|worst, next| if (next.fresh, next.value) > (worst.fresh, worst.value) { next } else { worst })
}

pub(super) fn lag(snapshot: &Snapshot) -> Span {
    if !snapshot.members.is_empty() && !snapshot.views().any(|view| view.follows()) {
        return Span::new(NONE, Tone::Dim);
    }
    let span = fact_span(worst_lag(snapshot), |lag| {
        Span::new(units::bytes(lag), tones::limits(&snapshot.thresholds.lag_bytes, lag))
    });
    // The largest of those that are known; another that answers may be further behind.
    let unreported =
        |view: crate::model::view::MemberView<'_>| view.follows() && view.answers() && view.lag().bytes.is_none();
    let more = snapshot.views().any(unreported) && span.text != *UNKNOWN;
    if more { Span { text: Text::new(format!("{}?", span.text)), ..span } } else { span }
}
