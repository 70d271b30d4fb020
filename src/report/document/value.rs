//! A value of the document, with who said it and when.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use crate::model::moment::Moment;
use crate::model::observed::Observed;

/// How much a value is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Its source answers in time.
    Known,
    /// Its source said so, and is silent now.
    Stale,
    /// Nobody said it.
    Unknown,
    /// There is no such value: a leader has no lag.
    NotApplicable,
}

/// A value with its source and age. Null exactly where the status is `unknown` or `not-applicable`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Value<T> {
    /// The value.
    pub value: Option<T>,
    /// What it is worth.
    pub status: Status,
    /// Who said it.
    pub source: Option<String>,
    /// How long ago.
    pub age_seconds: Option<f64>,
    /// Why it is null.
    pub reason: Option<Cow<'static, str>>,
}

impl<T> Value<T> {
    /// Of a fact; nobody's is unknown for `reason`.
    pub fn of(fact: Option<Observed<T>>, now: Moment, reason: impl Into<Cow<'static, str>>) -> Self {
        let Some(fact) = fact else {
            return Self {
                value: None,
                status: Status::Unknown,
                source: None,
                age_seconds: None,
                reason: Some(reason.into()),
            };
        };
        Self {
            status: if fact.fresh { Status::Known } else { Status::Stale },
            source: Some(fact.source.to_string()),
            age_seconds: Some(seconds(fact.age(now))),
            value: Some(fact.value),
            reason: None,
        }
    }

    /// That does not exist, for `reason`.
    pub fn none(reason: impl Into<Cow<'static, str>>) -> Self {
        let (source, age_seconds) = (None, None);
        Self { value: None, status: Status::NotApplicable, source, age_seconds, reason: Some(reason.into()) }
    }
}

/// Seconds to the millisecond.
pub(super) fn seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1000.0).round() / 1000.0
}
