//! Everything that is known of one thing: each fact with its source and its age, and where sources disagree, one below
//! the other.

mod dcs;
mod event;
mod finding;
mod member;
mod opinions;
mod pooler;
mod router;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use dcs::dcs_member;
pub use event::event;
pub use finding::finding;
pub use member::member;
pub use pooler::{pooler, pooler_database};
pub use router::router_server;

use super::table::Tone;
use crate::model::source::Source;
use crate::model::text::Text;

/// One fact.
#[derive(Clone, PartialEq, Debug)]
pub struct FactLine {
    /// What it is about. Empty: another opinion on the label above.
    pub label: Text,
    /// What is said.
    pub value: Text,
    /// Who says it; `None` where it follows from several, or is configured.
    pub source: Option<Source>,
    /// How long ago it was said.
    pub age: Option<Duration>,
    /// Tone of the value.
    pub tone: Tone,
}

impl FactLine {
    /// A fact that no source stands for.
    pub fn stated(label: impl Into<Text>, value: impl Into<Text>, tone: Tone) -> Self {
        Self { label: label.into(), value: value.into(), source: None, age: None, tone }
    }

    /// Source and age in one text, such as `SQL pg-0, 1 s ago`; empty where no source stands for it.
    pub fn origin(&self) -> String {
        match (&self.source, self.age) {
            (Some(source), Some(age)) => format!("{source}, {}", super::units::age(age)),
            (Some(source), None) => source.to_string(),
            (None, Some(age)) => super::units::age(age),
            (None, None) => String::new(),
        }
    }
}

/// Facts that belong together.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// Heading.
    pub title: Text,
    /// Facts.
    pub facts: Vec<FactLine>,
}
