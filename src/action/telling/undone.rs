//! How taking back ended: each order for itself, and what is left of them.

use super::super::intent::Intent;
use super::super::milestone::Milestone;
use super::super::order::{Order, RouterRequest};
use super::super::outcome::{Ending, Outcome};
use super::super::plan::Plan;
use super::{Attempt, Heard, Stage, Telling};

/// How it stands with one order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
    /// Seen to be taken back; or there is nothing any more that could be.
    TakenBack,
    /// Refused, or never sent.
    Refused,
    /// Accepted, and not seen.
    Unseen,
    /// Nobody knows.
    Unknown,
}

/// The outcome of a plan that takes back; `None`: watch further.
pub(super) fn outcome(plan: &Plan, attempt: &Attempt, tellings: &[Telling]) -> Option<Outcome> {
    if attempt.stage == Stage::Waiting {
        return None;
    }
    let mut fates = Vec::with_capacity(plan.steps.len());
    let (mut back, mut left) = (Vec::new(), Vec::new());
    for (index, step) in plan.steps.iter().enumerate() {
        let heard = attempt.replies.iter().rev().find(|reply| reply.step == index).map(|reply| &reply.heard);
        let telling = telling(plan, tellings, &step.order);
        let fate = fate(heard, telling);
        fates.push(fate);
        match fate {
            Fate::TakenBack => back.push(step.words.to_string()),
            Fate::Refused | Fate::Unseen | Fate::Unknown => {
                left.push(format!("{} ({})", step.words, why(heard, telling)));
            }
        }
    }
    let open = fates.iter().any(|fate| matches!(fate, Fate::Unseen | Fate::Unknown));
    if left.is_empty() {
        return Some(Outcome::new(Ending::Done, plan.title.as_str()));
    }
    if open && attempt.stage != Stage::Overdue {
        return None;
    }
    let ending = match fates.iter().max() {
        Some(Fate::Unknown) | None => Ending::Unknown,
        Some(Fate::Refused | Fate::TakenBack) if back.is_empty() => Ending::Failed,
        Some(Fate::Unseen | Fate::Refused | Fate::TakenBack) => Ending::Unverified,
    };
    let back = if back.is_empty() { "nothing".to_owned() } else { back.join("; ") };
    let text = format!("taken back: {back}; not taken back: {}", left.join("; "));
    let outcome = Outcome::new(ending, text);
    let Intent::Undo { action, .. } = &plan.intent else { return Some(outcome) };
    Some(outcome.next(format!("what is left stays listed; try again: pgctl-tui undo {action}")))
}

fn fate(heard: Option<&Heard>, telling: Option<&Telling>) -> Fate {
    match (telling, heard) {
        (Some(Telling::Reached { .. }), _) | (Some(Telling::Contradicted { .. }), Some(Heard::Accepted(_))) => {
            Fate::TakenBack
        }
        (_, Some(Heard::Accepted(_))) => Fate::Unseen,
        (_, Some(Heard::Refused(_) | Heard::NotSent(_))) => Fate::Refused,
        (_, Some(Heard::InDoubt(_) | Heard::NoAnswer(_)) | None) => Fate::Unknown,
    }
}

fn why(heard: Option<&Heard>, telling: Option<&Telling>) -> String {
    match (heard, telling) {
        (Some(Heard::Refused(words) | Heard::NotSent(words) | Heard::InDoubt(words) | Heard::NoAnswer(words)), _) => {
            words.to_string()
        }
        (Some(Heard::Accepted(words)), Some(telling)) => format!("{words}; but {}", telling.words()),
        (Some(Heard::Accepted(words)), None) => format!("{words}; nothing that can be observed tells of it"),
        (None, _) => "not sent".to_owned(),
    }
}

/// What observation says of the state that `order` brings back; `None`: nothing tells it.
fn telling<'t>(plan: &Plan, tellings: &'t [Telling], order: &Order) -> Option<&'t Telling> {
    let Order::Router { router, request } = order else { return None };
    let (RouterRequest::State { backend, server, .. } | RouterRequest::EndDrain { backend, server }) = request else {
        return None;
    };
    let mut all = plan.expectation.sequence.iter().zip(tellings);
    let found = all.find(|(expected, _)| match &expected.milestone {
        Milestone::RouterServer { router: of, backend: within, server: one, .. } => {
            (of, within, one) == (router, backend, server)
        }
        _ => false,
    });
    found.map(|(_, telling)| telling)
}
