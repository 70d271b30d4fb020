//! The cluster in one line: what every view's header says.

use std::time::Duration;

use super::line::{Line, Span};
use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::model::snapshot::{Snapshot, Wellbeing};
use crate::model::text::Text;

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
    pub wellbeing: Wellbeing,
    /// Name of the leader, `no leader`, or `?`.
    pub leader: Span,
    /// Timeline, or `?`.
    pub timeline: Span,
    /// Synchronous standbys streaming of those on record: `1/1`. `None` where synchronous mode is off or unknown.
    pub sync: Option<Span>,
    /// Members in order of those expected: `3/3`.
    pub members: Span,
    /// DCS members in order of those configured: `2/3`; `None` where no DCS member is configured.
    pub dcs: Option<Span>,
    /// `PAUSED`, or `pause ?` where nobody can tell; `None`: not paused.
    pub paused: Option<Span>,
    /// `READ-ONLY` or `READ-WRITE`: what this console may do.
    pub access: Span,
    /// Actions need a reason.
    pub protected: bool,
    /// Title of the worst finding.
    pub worst: Option<Span>,
    /// Findings by severity.
    pub counts: Counts,
    /// Age of the picture: of the oldest answer among the sources that answer in time. `None`: none does.
    pub age: Option<Duration>,
    /// The age in words, `0.3 s ago` or `nothing seen`.
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
    let unknown = || Span::new("?", super::table::Tone::Stale);
    Summary {
        cluster: snapshot.identity.name.clone(),
        colour: None,
        simulated: false,
        wellbeing: Wellbeing::Unknown,
        leader: unknown(),
        timeline: unknown(),
        sync: None,
        members: unknown(),
        dcs: None,
        paused: None,
        access: unknown(),
        protected: false,
        worst: None,
        counts: Counts::default(),
        age: snapshot.age(now),
        age_text: unknown(),
        silent: 0,
        sources: 0,
        lag: unknown(),
        write_sessions: None,
        read_sessions: None,
    }
}

impl Summary {
    /// `leader pg-0 · timeline 12 · sync 1/1 · DCS 2/3 · PAUSED · 2 warnings`: the middle of the header.
    pub fn line(&self) -> Line {
        Line::new()
    }
}
