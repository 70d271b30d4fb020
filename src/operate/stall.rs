//! How long writes stood still while the leader changed, as far as pictures tell: never less than it was.

use std::time::Duration;

use super::runner::Run;
use crate::action::milestone::Milestone;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;

/// What was seen of writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stall {
    /// When the old leader was last asked and said that it takes writes.
    last: Option<Moment>,
    /// When another leader first said so.
    first: Option<Moment>,
}

impl Stall {
    /// Takes in one picture. `old` led before.
    pub(super) fn observe(&mut self, snapshot: &Snapshot, old: &NodeName) {
        if self.first.is_some() {
            return;
        }
        if let Some((asked, _)) = takes_writes(snapshot, old) {
            self.last = self.last.max(Some(asked));
        }
        let holder = snapshot.from_record(|content| content.leader.clone()).filter(|leader| leader.fresh);
        let holder = holder.map(|leader| leader.value.holder).filter(|holder| holder != old);
        self.first = holder.and_then(|holder| takes_writes(snapshot, &holder)).map(|(_, reported)| reported);
    }

    /// The longest that it can have been; `None`: it was not seen.
    fn length(self) -> Option<Duration> {
        Some(self.first?.since(self.last?))
    }
}

/// When PostgreSQL on `member` was asked, and when it answered, that it takes writes.
fn takes_writes(snapshot: &Snapshot, member: &NodeName) -> Option<(Moment, Moment)> {
    let reading = snapshot.member(member)?.sql.as_ref()?;
    let answer = reading.answer.as_ref().filter(|answer| !answer.value.in_recovery)?;
    (reading.failure.is_none() && reading.is_fresh(snapshot.now)).then(|| (answer.at - answer.took, answer.at))
}

impl Run<'_> {
    /// `outcome` with how long it took and how long writes stood still, where a leader was to change and did.
    pub(super) fn with_figures(&self, outcome: Outcome) -> Outcome {
        let changes_lead = self.request.plan.intent.changes_leader();
        if !changes_lead || !matches!(outcome.ending, OutcomeKind::Done | OutcomeKind::Unverified) {
            return outcome;
        }
        let took = units::latency(self.now().since(self.attempt.since));
        let mut text = format!("{} \u{b7} in {took}", outcome.text);
        if let Some(length) = self.stall.length() {
            text = format!("{text} \u{b7} writes were down <= {}", units::latency(length));
            if let Some(through) = self.through_router() {
                text = format!("{text} (router {})", units::latency(through));
            }
        }
        Outcome { text: Text::redacted(text), ..outcome }
    }

    /// The same as the router's clients have it: until it was seen to lead to the new leader.
    fn through_router(&self) -> Option<Duration> {
        let sequence = &self.request.plan.expectation.sequence;
        let place = sequence.iter().position(|expected| expected.milestone == Milestone::RouterFollows)?;
        let (at, _) = self.attempt.reached.get(&place)?;
        Some(at.since(self.stall.last?))
    }
}
