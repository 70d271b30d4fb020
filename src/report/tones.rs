//! Tones of values: what a severity, an age or a state means to the eye.

use super::table::Tone;
use crate::model::finding::Severity;
use crate::model::observed::Freshness;
use crate::model::role::MemberState;
use crate::model::snapshot::ClusterHealth;
use crate::model::thresholds::Limits;

/// Tone of a severity.
pub fn severity(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Critical,
        Severity::Warning => Tone::Warning,
        Severity::Note => Tone::Plain,
    }
}

/// Tone of a cluster as a whole.
pub fn cluster_health(cluster_health: ClusterHealth) -> Tone {
    match cluster_health {
        ClusterHealth::Ok => Tone::Ok,
        ClusterHealth::Warning => Tone::Warning,
        ClusterHealth::Critical => Tone::Critical,
        ClusterHealth::Unknown => Tone::Stale,
    }
}

/// Tone of a source.
pub fn freshness(freshness: Freshness) -> Tone {
    match freshness {
        Freshness::Fresh => Tone::Ok,
        Freshness::Waiting => Tone::Dim,
        Freshness::Stale | Freshness::Lost => Tone::Stale,
    }
}

/// Tone of a value against its limits; plain below both.
pub fn limits<T: PartialOrd + Copy>(limits: &Limits<T>, value: T) -> Tone {
    limits.judge(value).map_or(Tone::Plain, severity)
}

/// Tone of what PostgreSQL does on a node that `leads`, or follows.
pub fn state(state: &MemberState, leads: bool) -> Tone {
    match state {
        MemberState::Running if leads => Tone::Ok,
        MemberState::Streaming => Tone::Ok,
        // A standby that runs without streaming falls behind in silence.
        MemberState::Running
        | MemberState::InArchiveRecovery
        | MemberState::Starting
        | MemberState::Restarting
        | MemberState::Stopping
        | MemberState::CreatingReplica
        | MemberState::Bootstrapping => Tone::Warning,
        MemberState::Stopped | MemberState::Crashed | MemberState::Failed(_) => Tone::Critical,
        MemberState::Unknown(_) => Tone::Stale,
    }
}

/// The tone that most wants to be seen.
pub fn worst(tones: impl IntoIterator<Item = Tone>) -> Tone {
    let rank = |tone: &Tone| match tone {
        Tone::Critical => 6,
        Tone::Warning => 5,
        Tone::Stale => 4,
        Tone::Strong => 3,
        Tone::Plain => 2,
        Tone::Ok => 1,
        Tone::Dim => 0,
    };
    tones.into_iter().max_by_key(rank).unwrap_or_default()
}
