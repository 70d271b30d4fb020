//! What a rule hands over: a finding without a past.

use super::rank;
use crate::model::finding::{Evidence, Finding, Severity, Subject};
use crate::model::moment::Moment;
use crate::model::observed::Observed;
use crate::model::source::Source;
use crate::model::text::Text;

/// A finding as one rule makes it at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct FindingDraft {
    /// The finding, without its beginning.
    pub finding: Finding,
    /// A disagreement between samples of different moments: to be believed only once it has lasted.
    pub settles: bool,
}

impl FindingDraft {
    /// A finding of rule `code` about `subject`.
    pub fn new(severity: Severity, code: &'static str, subject: Subject, title: impl AsRef<str>) -> Self {
        Self {
            finding: Finding {
                code,
                severity,
                consequence: rank::consequence(code, severity),
                subject,
                part: Text::default(),
                title: Text::new(title),
                evidence: Vec::new(),
                advice: Text::default(),
                since: None,
                acknowledged: None,
            },
            settles: false,
        }
    }

    /// Names the part of the subject, for a rule that may find several on one subject.
    #[must_use]
    pub fn part(mut self, part: &Text) -> Self {
        self.finding.part = part.clone();
        self
    }

    /// Adds a fact with its source and moment.
    #[must_use]
    pub fn because<T>(self, fact: &Observed<T>, words: impl AsRef<str>) -> Self {
        self.evidence(words, Some(fact.source.clone()), Some(fact.at))
    }

    /// Adds what follows from several facts.
    #[must_use]
    pub fn since_all(self, words: impl AsRef<str>) -> Self {
        self.evidence(words, None, None)
    }

    /// Adds what one source says, or that it says nothing.
    #[must_use]
    pub fn evidence(mut self, words: impl AsRef<str>, source: Option<Source>, at: Option<Moment>) -> Self {
        self.finding.evidence.push(Evidence { text: Text::new(words), source, at });
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl AsRef<str>) -> Self {
        self.finding.advice = Text::new(advice);
        self
    }

    /// Marks a disagreement that must last before it is believed.
    #[must_use]
    pub fn settling(mut self) -> Self {
        self.settles = true;
        self
    }
}
