//! What was looked at before an action, and what was found.

use serde::{Deserialize, Serialize};

use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::source::Source;
use crate::model::text::Text;

/// What a check found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// As it should be.
    Pass,
    /// Not looked at by anybody who answers, and not needed for safety.
    Unknown,
    /// The operator should know.
    Warn,
    /// The action must not run; also where the answer is unknown and needed for safety.
    Block,
}

impl CheckVerdict {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Unknown => "unknown",
            Self::Warn => "warning",
            Self::Block => "blocked",
        }
    }
}

/// One thing looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckNote {
    /// Stable kebab-case name of the check, for overrides, scripts and the manual.
    pub check: Text,
    /// The member it is about, where it is about one.
    pub member: Option<NodeName>,
    /// What was found.
    pub verdict: CheckVerdict,
    /// The finding in one line, with names and numbers.
    pub text: Text,
    /// Who said so; `None` where it follows from several, or nobody said anything.
    pub source: Option<Source>,
    /// When it was said, on the observer's clock.
    #[serde(skip)]
    pub at: Option<Moment>,
    /// Whether a block may be overridden, with a reason.
    pub can_override: bool,
}

impl CheckNote {
    /// A note without a source of its own.
    pub fn new(check: &str, verdict: CheckVerdict, text: impl AsRef<str>) -> Self {
        Self {
            check: Text::new(check),
            member: None,
            verdict,
            text: Text::new(text),
            source: None,
            at: None,
            can_override: false,
        }
    }

    /// About `member`.
    #[must_use]
    pub fn about(self, member: &NodeName) -> Self {
        Self { member: Some(member.clone()), ..self }
    }

    /// As `fact` was observed.
    #[must_use]
    pub fn by<T>(self, fact: &Observed<T>) -> Self {
        Self { source: Some(fact.source.clone()), at: Some(fact.at), ..self }
    }

    /// A block for want of knowledge alone: nobody said anything that speaks against it.
    pub fn lacks_knowledge(&self) -> bool {
        // Whether a node is of this cluster at all must be known, and is for nobody to override.
        let is_identity = self.check == *"candidate-system-id";
        self.verdict == CheckVerdict::Block && self.source.is_none() && (self.can_override || is_identity)
    }

    /// A block that an operator may override by giving a reason.
    #[must_use]
    pub fn overridable(self) -> Self {
        Self { can_override: true, ..self }
    }
}
