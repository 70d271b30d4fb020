//! How long an action has run, how long it may wait yet, and for how long no node took writes: by its own news, which
//! carry the wall clock of whoever runs it, and the wall clock now.

use std::time::Duration;

use jiff::Timestamp;

use super::watch::Watch;
use crate::action::milestone::Milestone;
use crate::operate::{Event, Progress};

/// What is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Waits {
    /// In a few words.
    pub(super) for_what: String,
    /// Since when.
    pub(super) since: Duration,
    /// For how long at most.
    pub(super) at_most: Duration,
}

/// How long no node took writes, as far as it was observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stall {
    /// How long; it goes on where no end is known.
    pub(super) lasted: Duration,
    /// What ended it; `None`: nothing yet.
    pub(super) until: Option<String>,
    /// What began it.
    pub(super) since: String,
}

/// From one piece of news to a later one: by the clock of whoever told both, where that ran, and else by the wall.
fn span(from: &Progress, to: &Progress) -> Duration {
    match (from.after, to.after) {
        (Some(from), Some(to)) => to.saturating_sub(from),
        _ => between(from.at, to.at),
    }
}

/// From a piece of news until now.
fn so_far(watch: &Watch, from: &Progress, now: Timestamp) -> Duration {
    watch.updates.last().map_or_else(Duration::default, |last| span(from, last) + between(last.at, now))
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    // A clock that was set back makes it begin now.
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Time since the first thing that was told of it, while it runs.
pub(super) fn running(watch: &Watch, now: Timestamp) -> Option<Duration> {
    let first = watch.updates.first()?;
    (!watch.is_over()).then(|| so_far(watch, first, now))
}

/// Time since the request, which is what users begin to notice, and not since what prepares it.
pub(super) fn since_request(watch: &Watch, now: Timestamp) -> Option<Duration> {
    requested(watch).filter(|_| !watch.is_over()).map(|progress| so_far(watch, progress, now))
}

/// The news that the step began which cannot be taken back.
pub(super) fn requested(watch: &Watch) -> Option<&Progress> {
    watch.updates.iter().find(|progress| match &progress.event {
        Event::StepBegan { step, .. } => *step == watch.plan.no_return,
        _ => false,
    })
}

/// What it waits for at this moment; `None`: for nothing that has a limit.
pub(super) fn waits(watch: &Watch, now: Timestamp) -> Option<Waits> {
    if watch.is_over() {
        return None;
    }
    let ended =
        |at: usize| watch.updates.iter().any(|one| matches!(&one.event, Event::StepEnded { step, .. } if *step == at));
    for progress in watch.updates.iter().rev() {
        let since = so_far(watch, progress, now);
        match &progress.event {
            Event::Waiting { milestone, at_most } => {
                return Some(Waits { for_what: milestone.describe(), since, at_most: *at_most });
            }
            Event::StepBegan { step, .. } if !ended(*step) => {
                let at_most = watch.plan.steps.get(*step)?.deadline;
                return Some(Waits { for_what: format!("the response to step {}", step + 1), since, at_most });
            }
            Event::StepEnded { step, .. } if step + 1 == watch.plan.steps.len() => {
                let open = watch.plan.expectation.sequence.iter().find(|one| reached(watch, &one.milestone).is_none());
                let for_what = open.map_or_else(|| "the outcome".to_owned(), |one| one.milestone.describe());
                return Some(Waits { for_what, since, at_most: watch.plan.expectation.within });
            }
            _ => {}
        }
    }
    None
}

/// The news that a state was seen.
pub(super) fn reached<'a>(watch: &'a Watch, wanted: &Milestone) -> Option<&'a Progress> {
    watch
        .updates
        .iter()
        .find(|progress| matches!(&progress.event, Event::Reached { milestone, .. } if milestone == wanted))
}

/// For how long no node took writes: from the old leader's stepping down until clients reach the new one, or, without a
/// router, until that is promoted. `None`: it was not observed.
pub(super) fn stall(watch: &Watch, now: Timestamp) -> Option<Stall> {
    let sequence = || watch.plan.expectation.sequence.iter().map(|expected| &expected.milestone);
    let stepped_down = sequence().find(|milestone| matches!(milestone, Milestone::SteppedDown { .. }))?;
    let began = reached(watch, stepped_down)?;
    let ends = sequence()
        .find(|milestone| matches!(milestone, Milestone::RouterFollows))
        .or_else(|| sequence().find(|milestone| matches!(milestone, Milestone::Promoted { .. })))?;
    let end = reached(watch, ends);
    // One that is over without the end having been seen has no figure.
    if end.is_none() && watch.is_over() {
        return None;
    }
    let lasted = end.map_or_else(|| so_far(watch, began, now), |end| span(began, end));
    Some(Stall { lasted, until: end.map(|_| ends.describe()), since: stepped_down.describe() })
}

/// Time from the request to the last state that decides; `None`: it is not over, or none was seen.
pub(super) fn took(watch: &Watch) -> Option<Duration> {
    let zero = requested(watch)?;
    let deciding = watch.plan.expectation.sequence.iter().filter(|expected| expected.decides);
    let last = deciding
        .filter_map(|expected| reached(watch, &expected.milestone))
        .map(|progress| span(zero, progress))
        .max()?;
    watch.is_over().then_some(last)
}
