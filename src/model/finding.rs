//! What is wrong, with evidence and advice.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
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
}

impl Finding {
    /// Whether two findings are the same trouble, at two moments.
    pub fn same_as(&self, other: &Self) -> bool {
        self.code == other.code && self.subject == other.subject && self.part == other.part
    }
}
