//! Collecting facts into a group, opinions on one thing side by side.

use super::super::table::{Tone, UNKNOWN};
use super::super::units;
use super::{FactLine, Group};
use crate::model::moment::Moment;
use crate::model::observed::{Freshness, Observed, Reading};
use crate::model::text::Text;

/// What one source says, in words, and what must be equal for two sources to agree.
pub(super) type Opinion = Option<Observed<(String, String)>>;

/// An opinion that agrees with those of the same words.
pub(super) fn opinion_of<T: ToString>(fact: Option<Observed<T>>) -> Opinion {
    fact.map(|fact| fact.map(|value| (value.to_string(), value.to_string())))
}

/// An opinion shown as `words`, which agrees with those of the same `key`.
pub(super) fn says_as<T>(
    fact: Option<Observed<T>>,
    words: impl FnOnce(&T) -> String,
    key: impl FnOnce(&T) -> String,
) -> Opinion {
    fact.map(|fact| fact.map(|value| (words(&value), key(&value))))
}

/// A group in the making.
pub(super) struct Collector {
    now: Moment,
    group: Group,
}

impl Collector {
    pub(super) fn new(title: &str, now: Moment) -> Self {
        Self { now, group: Group { title: title.into(), facts: Vec::new() } }
    }

    /// One line an opinion; sources that answer in time and disagree are toned to be looked at. Nobody's opinion is `?`.
    pub(super) fn push_opinions(&mut self, label: &str, opinions: impl IntoIterator<Item = Opinion>) -> &mut Self {
        let opinions: Vec<_> = opinions.into_iter().flatten().collect();
        let mut keys: Vec<_> = opinions.iter().filter(|fact| fact.fresh).map(|fact| fact.value.1.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        let agreed = if keys.len() > 1 { Tone::Warning } else { Tone::Plain };
        if opinions.is_empty() {
            return self.push_unsourced(label, UNKNOWN, Tone::Stale);
        }
        for (place, opinion) in opinions.iter().enumerate() {
            self.group.facts.push(FactLine {
                label: if place == 0 { Text::new(label) } else { Text::default() },
                value: Text::new(&opinion.value.0),
                source: Some(opinion.source.clone()),
                age: Some(opinion.age(self.now)),
                tone: if opinion.fresh { agreed } else { Tone::Stale },
            });
        }
        self
    }

    /// One fact, left out where nobody says it.
    pub(super) fn push_if_known<T>(
        &mut self,
        label: &str,
        fact: Option<Observed<T>>,
        draw: impl FnOnce(&T) -> (String, Tone),
    ) -> &mut Self {
        if let Some(fact) = fact {
            let (value, tone) = draw(&fact.value);
            self.group.facts.push(FactLine {
                label: label.into(),
                value: value.into(),
                source: Some(fact.source.clone()),
                age: Some(fact.age(self.now)),
                tone: if fact.fresh { tone } else { Tone::Stale },
            });
        }
        self
    }

    /// One fact in ordinary tone, left out where nobody says it.
    pub(super) fn push_fact<T>(
        &mut self,
        label: &str,
        fact: Option<Observed<T>>,
        draw: impl FnOnce(&T) -> String,
    ) -> &mut Self {
        self.push_if_known(label, fact, |value| (draw(value), Tone::Plain))
    }

    /// A line that no source stands for.
    pub(super) fn push_unsourced(&mut self, label: &str, value: impl Into<Text>, tone: Tone) -> &mut Self {
        self.group.facts.push(FactLine::stated(label, value, tone));
        self
    }

    /// State of a source: how it answers, or its trouble and what mends it.
    pub(super) fn push_reading<T>(&mut self, reading: &Reading<T>) -> &mut Self {
        let label = reading.source.to_string();
        let took = reading.answer.as_ref().map(|answer| units::latency(answer.took)).unwrap_or_default();
        let (value, tone) = match reading.freshness(self.now) {
            Freshness::Fresh => (format!("responds in {took}"), Tone::Ok),
            Freshness::Waiting => ("waiting for the first response".to_owned(), Tone::Stale),
            Freshness::Stale | Freshness::Lost => {
                let (words, lasts) = reading.failure_kind(self.now).unwrap_or_default();
                (format!("{words} for {}", units::duration(lasts)), Tone::Warning)
            }
        };
        self.group.facts.push(FactLine {
            label: label.into(),
            value: value.into(),
            source: None,
            age: reading.age(self.now),
            tone,
        });
        if let Some(failure) = &reading.failure {
            self.push_unsourced("", format!("at {}", failure.error.endpoint), Tone::Dim);
            self.push_unsourced("", failure.error.remedy(reading.source.kind), Tone::Dim);
        }
        self
    }

    /// The group; `None` if nothing is in it.
    pub(super) fn into_group(self) -> Option<Group> {
        (!self.group.facts.is_empty()).then_some(self.group)
    }
}
