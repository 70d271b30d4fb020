//! Values that know who said them and when.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::moment::Moment;
use super::source::{Source, SourceError};

/// One value with its source and the moment its answer came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Observed<T> {
    /// What was said.
    pub value: T,
    /// Who said it.
    pub source: Source,
    /// When the answer arrived.
    pub at: Moment,
    /// Whether the source is still answering in time; an old answer is kept but shown as such.
    pub fresh: bool,
}

impl<T> Observed<T> {
    /// Time since the answer came.
    pub fn age(&self, now: Moment) -> Duration {
        now.since(self.at)
    }

    /// The same source and moment with a value drawn out of this one.
    pub fn map<U>(self, draw: impl FnOnce(T) -> U) -> Observed<U> {
        Observed { value: draw(self.value), source: self.source, at: self.at, fresh: self.fresh }
    }
}

/// How much a reading can be trusted at a given moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// The source answers in time.
    Fresh,
    /// Asked, not answered yet, and not yet overdue: the first seconds after start.
    Waiting,
    /// The last answer is older than it should be, or the newest attempt failed; the value is kept.
    Stale,
    /// There never was an answer, and attempts fail or are overdue.
    Lost,
}

/// A good answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LastAnswer<T> {
    /// What was said; shared, since snapshots are kept and compared.
    pub value: Arc<T>,
    /// When it arrived.
    pub at: Moment,
    /// How long the source took to say it.
    pub took: Duration,
}

/// A run of failed attempts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// The newest failure.
    pub error: SourceError,
    /// When the run of failures began.
    pub since: Moment,
    /// When the newest attempt failed.
    pub at: Moment,
}

/// Everything one source has said about one thing: its last good answer, and its trouble since then if any.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reading<T> {
    /// Who is asked.
    pub source: Source,
    /// An answer older than this is stale: twice the cadence and the deadline together.
    pub stale_after: Duration,
    /// When asking began; before the first answer this decides between waiting and lost.
    pub asked_since: Moment,
    /// The last good answer.
    pub answer: Option<LastAnswer<T>>,
    /// Set while the newest attempt has failed.
    pub failure: Option<Failure>,
}

impl<T> Reading<T> {
    /// A reading nobody has answered yet.
    pub fn not_attempted(source: Source, stale_after: Duration, now: Moment) -> Self {
        Self { source, stale_after, asked_since: now, answer: None, failure: None }
    }

    /// Takes in one attempt's outcome.
    pub fn take(&mut self, at: Moment, took: Duration, outcome: Result<Arc<T>, SourceError>) {
        match outcome {
            Ok(value) => {
                self.answer = Some(LastAnswer { value, at, took });
                self.failure = None;
            }
            Err(error) => {
                let since = self.failure.as_ref().map_or(at, |failure| failure.since);
                self.failure = Some(Failure { error, since, at });
            }
        }
    }

    /// How much to trust the reading at `now`.
    pub fn freshness(&self, now: Moment) -> Freshness {
        match (&self.answer, &self.failure) {
            (Some(answer), None) if now.since(answer.at) <= self.stale_after => Freshness::Fresh,
            (Some(_), _) => Freshness::Stale,
            (None, None) if now.since(self.asked_since) <= self.stale_after => Freshness::Waiting,
            (None, _) => Freshness::Lost,
        }
    }

    /// The moment at which the reading goes stale, or lost, if nothing more is heard.
    pub fn stale_at(&self) -> Moment {
        self.answer.as_ref().map_or(self.asked_since, |answer| answer.at) + self.stale_after
    }

    /// Whether the source answers in time.
    pub fn is_fresh(&self, now: Moment) -> bool {
        self.freshness(now) == Freshness::Fresh
    }

    /// The last good value, however old.
    pub fn last(&self) -> Option<&T> {
        self.answer.as_ref().map(|answer| &*answer.value)
    }

    /// Since when the source is silent; `None` while it answers in time, or may still be about to.
    pub fn silent_since(&self, now: Moment) -> Option<Moment> {
        let silent = matches!(self.freshness(now), Freshness::Stale | Freshness::Lost);
        silent.then(|| self.failure.as_ref().map_or_else(|| self.stale_at(), |failure| failure.since))
    }

    /// Whether the source answers, and has done so after `moment`: an answer from before a failure elsewhere does not
    /// tell that this source outlived it.
    pub fn answered_since(&self, moment: Moment, now: Moment) -> bool {
        self.is_fresh(now) && self.answer.as_ref().is_some_and(|answer| answer.at > moment)
    }

    /// The value, only while the source answers in time.
    pub fn fresh(&self, now: Moment) -> Option<&T> {
        if self.is_fresh(now) { self.last() } else { None }
    }

    /// A part of the last good value, with this reading's source and age. `None` where nothing was ever said, or
    /// where the answer lacks the part.
    pub fn fact<'a, U>(&'a self, now: Moment, part: impl FnOnce(&'a T) -> Option<U>) -> Option<Observed<U>> {
        let answer = self.answer.as_ref()?;
        let value = part(&answer.value)?;
        Some(Observed { value, source: self.source.clone(), at: answer.at, fresh: self.is_fresh(now) })
    }

    /// Time since the last good answer; `None` if there never was one.
    pub fn age(&self, now: Moment) -> Option<Duration> {
        self.answer.as_ref().map(|answer| now.since(answer.at))
    }

    /// What mends the present failure: one imperative line, by its very cause where that is known.
    pub fn remedy(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.error.remedy(self.source.kind))
    }

    /// The trouble at `now` in words, with how long it lasts: `None` while fresh or still waiting.
    pub fn failure_kind(&self, now: Moment) -> Option<(String, Duration)> {
        if matches!(self.freshness(now), Freshness::Fresh | Freshness::Waiting) {
            return None;
        }
        if let Some(failure) = &self.failure {
            return Some((failure.error.brief(), now.since(failure.since)));
        }
        let last = self.answer.as_ref().map_or(self.asked_since, |answer| answer.at);
        Some(("no response".to_owned(), now.since(last)))
    }
}

/// The best of several opinions: fresh before stale, then in the order given.
pub fn best<T>(opinions: impl IntoIterator<Item = Option<Observed<T>>>) -> Option<Observed<T>> {
    opinions.into_iter().flatten().reduce(|best, next| if !best.fresh && next.fresh { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::{FailureKind, SourceKind};

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Moment {
        Moment::START + SECOND * u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    fn reading() -> Reading<u8> {
        Reading::not_attempted(Source::new(SourceKind::Sql, "pg-0"), SECOND * 2, at(0))
    }

    #[test]
    fn a_reading_passes_from_waiting_to_lost_and_from_fresh_to_stale() {
        let mut sql = reading();
        assert_eq!(sql.freshness(at(1)), Freshness::Waiting);
        assert_eq!(sql.freshness(at(3)), Freshness::Lost);
        sql.take(at(3), SECOND, Ok(Arc::new(7)));
        assert_eq!(sql.freshness(at(5)), Freshness::Fresh);
        assert_eq!(sql.freshness(at(6)), Freshness::Stale);
        assert_eq!(sql.last(), Some(&7));
        assert_eq!(sql.fresh(at(6)), None);
    }

    #[test]
    fn a_failure_keeps_the_last_value_and_counts_from_its_first_attempt() {
        let mut sql = reading();
        sql.take(at(1), SECOND, Ok(Arc::new(7)));
        for second in 2..5 {
            sql.take(at(second), SECOND, Err(SourceError::new(FailureKind::Refused, "h:1", "")));
        }
        assert_eq!(sql.freshness(at(5)), Freshness::Stale);
        assert_eq!(sql.failure_kind(at(5)), Some(("connection refused".to_owned(), SECOND * 3)));
        sql.take(at(5), SECOND, Ok(Arc::new(8)));
        assert_eq!(sql.failure_kind(at(5)), None);
    }

    #[test]
    fn a_fresh_opinion_beats_an_earlier_stale_one() {
        let opinion =
            |fresh| Some(Observed { value: fresh, source: Source::new(SourceKind::Etcd, ""), at: at(0), fresh });
        assert_eq!(best([opinion(false), None, opinion(true)]).map(|o| o.value), Some(true));
        assert_eq!(best([None::<Observed<bool>>]), None);
    }
}
