//! What is wrong, with evidence and advice.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::acknowledgement::Acknowledgement;
use super::moment::Moment;
use super::name::{NodeName, RouterName};
use super::source::Source;
use super::text::Text;

/// How much it matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; needs nothing.
    Note,
    /// Look at it today.
    Warning,
    /// Act now.
    Critical,
}

impl Severity {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a finding costs, or may cost, the cluster's users. From the least to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// Nothing yet: housekeeping, or the console itself sees less than it could.
    Hygiene,
    /// Users wait, or will.
    Performance,
    /// Nothing is lost yet, and one part fewer may fail.
    RedundancyLost,
    /// If the leader fails, nobody takes over by itself.
    NoFailover,
    /// What was acknowledged may be lost, or could not be brought back.
    DataAtRisk,
    /// More than one node may take writes.
    SplitBrainPossible,
    /// Nobody can write, or will in a moment.
    WritesDown,
    /// More than one node takes writes: each further one is lost on one side or the other, so nothing is worse.
    SplitBrain,
}

impl Consequence {
    /// Every one, the worst first.
    pub const ALL: [Self; 8] = [
        Self::SplitBrain,
        Self::WritesDown,
        Self::SplitBrainPossible,
        Self::DataAtRisk,
        Self::NoFailover,
        Self::RedundancyLost,
        Self::Performance,
        Self::Hygiene,
    ];

    /// The word for scripts, as JSON and Prometheus have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hygiene => "hygiene",
            Self::Performance => "performance",
            Self::RedundancyLost => "redundancy-lost",
            Self::NoFailover => "no-failover",
            Self::DataAtRisk => "data-at-risk",
            Self::SplitBrainPossible => "split-brain-possible",
            Self::WritesDown => "writes-down",
            Self::SplitBrain => "split-brain",
        }
    }

    /// The phrase shown.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Hygiene => "hygiene",
            Self::Performance => "performance",
            Self::RedundancyLost => "redundancy lost",
            Self::NoFailover => "no failover possible",
            Self::DataAtRisk => "data at risk",
            Self::SplitBrainPossible => "split brain possible",
            Self::WritesDown => "writes down",
            Self::SplitBrain => "split brain",
        }
    }
}

/// What a finding or an event is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The cluster as a whole.
    Cluster,
    /// One node.
    Node(NodeName),
    /// One router.
    Router(RouterName),
    /// One DCS member, by endpoint or name.
    DcsMember(Text),
    /// One source.
    Source(Source),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.pad("cluster"),
            Self::Node(name) => fmt::Display::fmt(name, f),
            Self::Router(name) => fmt::Display::fmt(name, f),
            Self::DcsMember(name) => fmt::Display::fmt(name, f),
            Self::Source(source) => f.pad(&source.to_string()),
        }
    }
}

/// One fact that supports a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Evidence {
    /// The fact in words.
    pub text: Text,
    /// Who said it; `None` where it follows from several.
    pub source: Option<Source>,
    /// When it was said.
    pub at: Option<Moment>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Stable kebab-case name of the rule, for scripts and for the manual.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it costs.
    pub consequence: Consequence,
    /// What it is about.
    pub subject: Subject,
    /// Which part of the subject (a slot, a pool), where a rule may find several; else empty.
    pub part: Text,
    /// One line, with names and numbers.
    pub title: Text,
    /// Facts behind it.
    pub evidence: Vec<Evidence>,
    /// What to do about it: one imperative line.
    pub advice: Text,
    /// When it was first found; filled in by the observer, which remembers.
    pub since: Option<Moment>,
    /// Who knows of it, why and until when; filled in by the observer. `None`: nobody, or it got worse since.
    pub acknowledged: Option<Arc<Acknowledgement>>,
}

impl Finding {
    /// Whether two findings are the same trouble, at two moments.
    pub fn same_as(&self, other: &Self) -> bool {
        self.code == other.code && self.subject == other.subject && self.part == other.part
    }

    /// The one order of findings, wherever they are listed, and what a headline is picked by: what nobody has
    /// acknowledged before what somebody has, the more severe first, then the worse consequence, then the newer (what has stood for weeks must not hide what has just begun), then by subject
    /// and rule, so that nothing changes places without cause.
    pub fn urgency(&self, other: &Self) -> Ordering {
        let rank =
            |finding: &Self| (finding.acknowledged.is_none(), finding.severity, finding.consequence, finding.since);
        rank(other)
            .cmp(&rank(self))
            .then_with(|| self.subject.cmp(&other.subject))
            .then_with(|| self.code.cmp(other.code))
            .then_with(|| self.part.cmp(&other.part))
    }
}
