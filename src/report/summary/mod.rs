//! The cluster in one line: what every view's header says.

mod parts;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

use super::line::Span;
use super::table::Tone;
use super::{routing, tones, units};
use crate::model::finding::Severity;
use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::model::observed::Freshness;
use crate::model::router::PoolPurpose;
use crate::model::snapshot::{ClusterHealth, Snapshot, StackKind};
use crate::model::text::Text;

pub(in crate::report) use parts::worst_lag;

/// What stands for the leader where the record says that nobody holds the lock.
pub const NO_LEADER: &str = "no leader";

/// What stands for the leader where no record is to be had and every member that answers is in recovery.
pub const NO_PRIMARY: &str = "no primary";

/// A picture older than this is worth a look: at every usual interval its sources would be stale by now.
const OLD_AFTER: Duration = Duration::from_secs(30);
/// Findings by severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Act now.
    pub critical: usize,
    /// Look today.
    pub warning: usize,
    /// Worth knowing.
    pub note: usize,
}

/// What a header tells. Every span is a whole phrase in its tone; unknown is said as `?`.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Name of the cluster.
    pub cluster: ClusterName,
    /// Its colour, as the configuration names it.
    pub colour: Option<Text>,
    /// It is not a real one.
    pub simulated: bool,
    /// How it does.
    pub cluster_health: ClusterHealth,
    /// Name of the leader, `no leader`, `no primary` where without a record nobody takes writes, `pg-0?` where only an old
    /// record tells, or `?`.
    pub leader: Span,
    /// Timeline, or `?`.
    pub timeline: Span,
    /// Synchronous standbys that stream, of all: `1/1`; `none`, where nobody is one, or `?`. All are those that the record
    /// lists and those that commits wait for. `None` where synchronous mode is off or unknown.
    pub sync: Option<Span>,
    /// Members in order of those expected: `3/3`.
    pub members: Span,
    /// DCS members that answer of those configured: `2/3`; `None` where no DCS member is configured. Its tone tells
    /// whether those are in order.
    pub dcs: Option<Span>,
    /// `PAUSED`, or `pause ?` where nobody can tell; `None`: not paused.
    pub paused: Option<Span>,
    /// Who acts on the cluster at present, from whichever console: `switchover by alice@bastion`. `None`: nobody.
    pub operation: Option<Span>,
    /// How long it is paused: `12 min`, or `over 12 min` where nobody here saw it begin. Empty: that is not known, or
    /// says nothing yet.
    pub paused_for: String,
    /// Who paused it; `None`: that is not known.
    pub paused_by: Option<Text>,
    /// The switchover that waits for its time: `switchover in 57 min (pg-0 → pg-1)`.
    pub scheduled: Option<Span>,
    /// `READ-ONLY` or `READ-WRITE`: what this console may do.
    pub access: Span,
    /// Actions need a reason.
    pub protected: bool,
    /// Title of the worst finding that nobody has acknowledged.
    pub worst: Option<Span>,
    /// How many others stand beside it that are worth a look.
    pub more: usize,
    /// Why the cluster is worth a look although nothing is told yet, dim: a finding in the making with the time it has
    /// lasted, or the members out of order. `None`: nothing of the kind.
    pub making: Option<Span>,
    /// Whether what is in the making is worse than all that is found.
    pub making_is_worse: bool,
    /// The first of the findings that somebody has acknowledged, with who, why and until when, dim.
    pub acknowledged: Option<Span>,
    /// Sessions that wait for another's lock for longer than a moment: `5 blocked`. `None`: none that is known of.
    pub blocked: Option<Span>,
    /// Findings by severity, those left aside that somebody has acknowledged.
    pub counts: Counts,
    /// Age of the picture: of the oldest answer among the sources that answer in time. `None`: none does.
    pub age: Option<Duration>,
    /// The age in words, `1 s ago` or `nothing seen`.
    pub age_text: Span,
    /// Sources that do not answer in time, those still waiting for their first answer aside.
    pub silent: usize,
    /// Sources in all.
    pub sources: usize,
    /// Largest replay lag in bytes among members; `?` where there are replicas and none is known.
    pub lag: Span,
    /// Sessions through the write pools of all routers, `None` where no router tells.
    pub write_sessions: Option<u64>,
    /// Sessions through the read pools.
    pub read_sessions: Option<u64>,
}

/// The summary of a picture, seen at `now`.
pub fn summary(snapshot: &Snapshot, now: Moment) -> Summary {
    let identity = &snapshot.identity;
    let sources = snapshot.sources();
    let age = snapshot.age(now);
    let open = || snapshot.findings.iter().filter(|finding| finding.acknowledged.is_none());
    let count = |severity| open().filter(|finding| finding.severity == severity).count();
    let silent = sources.iter().filter(|status| matches!(status.freshness, Freshness::Stale | Freshness::Lost)).count();
    let waiting = sources.iter().all(|status| status.freshness == Freshness::Waiting);
    let age_text = match age {
        // A frozen or stuck picture grows old as a whole.
        Some(age) if age > OLD_AFTER => Span::new(units::age(age), Tone::Warning),
        Some(age) => Span::new(units::age(age), Tone::Dim),
        None if waiting && !sources.is_empty() => Span::new("waiting", Tone::Stale),
        None => Span::new("no data", Tone::Stale),
    };
    Summary {
        cluster: identity.name.clone(),
        colour: identity.colour.clone(),
        simulated: identity.kind == StackKind::Simulated,
        cluster_health: snapshot.cluster_health(),
        leader: parts::leader(snapshot),
        timeline: parts::fact_span(snapshot.timeline(), |timeline| Span::new(timeline.to_string(), Tone::Plain)),
        sync: parts::sync(snapshot),
        members: parts::members(snapshot),
        dcs: parts::dcs(snapshot),
        paused: parts::paused(snapshot),
        operation: parts::operation(snapshot),
        paused_for: snapshot.paused_since.map(|began| parts::lasts(began, snapshot)).unwrap_or_default(),
        paused_by: snapshot.paused_by.clone(),
        scheduled: parts::scheduled(snapshot),
        access: if identity.read_only {
            Span::new("READ-ONLY", Tone::Dim)
        } else {
            Span::new("READ-WRITE", Tone::Plain)
        },
        protected: identity.protected,
        worst: snapshot.worst().map(|worst| Span::new(worst.title.clone(), tones::severity(worst.severity))),
        more: open().skip(1).filter(|finding| finding.severity >= Severity::Warning).count(),
        making: parts::making(snapshot),
        making_is_worse: snapshot.worst_settling().is_some_and(|settling| {
            let first = snapshot.ranked_findings().into_iter().next();
            first.is_some_and(|(first, _)| std::ptr::eq(first, settling))
        }),
        acknowledged: parts::acknowledged(snapshot),
        blocked: parts::blocked(snapshot),
        counts: Counts {
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            note: count(Severity::Note),
        },
        age,
        age_text,
        silent,
        sources: sources.len(),
        lag: parts::lag(snapshot),
        write_sessions: routing::sessions(snapshot, PoolPurpose::Write),
        read_sessions: routing::sessions(snapshot, PoolPurpose::Read),
    }
}
