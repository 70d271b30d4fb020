//! How taking back ended: each order for itself, and what is left of them.

use super::super::intent::Intent;
use super::super::milestone::Milestone;
use super::super::order::{Order, PoolerRequest, RouterRequest};
use super::super::outcome::{Outcome, OutcomeKind};
use super::super::plan::Plan;
use super::{Attempt, MilestoneStatus, ReplyStatus, RunStage};

/// How it stands with one order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum UndoStatus {
    /// Seen to be taken back; or there is nothing any more that could be.
    Reverted,
    /// Refused, or never sent.
    Refused,
    /// Accepted, and not seen.
    Unseen,
    /// Nobody knows.
    Unknown,
}

/// The outcome of a plan that takes back; `None`: watch further.
pub(super) fn outcome(plan: &Plan, attempt: &Attempt, milestone_statuses: &[MilestoneStatus]) -> Option<Outcome> {
    if attempt.stage == RunStage::Waiting {
        return None;
    }
    let mut fates = Vec::with_capacity(plan.steps.len());
    let (mut back, mut left) = (Vec::new(), Vec::new());
    for (index, step) in plan.steps.iter().enumerate() {
        let received = attempt.replies.iter().rev().find(|reply| reply.step == index).map(|reply| &reply.received);
        let milestone_status = milestone_status(plan, milestone_statuses, &step.order);
        let undo_status = undo_status(received, milestone_status);
        fates.push(undo_status);
        match undo_status {
            UndoStatus::Reverted => back.push(step.text.to_string()),
            UndoStatus::Refused | UndoStatus::Unseen | UndoStatus::Unknown => {
                left.push(format!("{} ({})", step.text, why(received, milestone_status)));
            }
        }
    }
    let open = fates.iter().any(|undo_status| matches!(undo_status, UndoStatus::Unseen | UndoStatus::Unknown));
    if left.is_empty() {
        return Some(Outcome::new(OutcomeKind::Done, plan.title.as_str()));
    }
    if open && attempt.stage != RunStage::Overdue {
        return None;
    }
    let ending = match fates.iter().max() {
        Some(UndoStatus::Unknown) | None => OutcomeKind::Unknown,
        Some(UndoStatus::Refused | UndoStatus::Reverted) if back.is_empty() => OutcomeKind::Failed,
        Some(UndoStatus::Unseen | UndoStatus::Refused | UndoStatus::Reverted) => OutcomeKind::Unverified,
    };
    let back = if back.is_empty() { "nothing".to_owned() } else { back.join("; ") };
    let text = format!("reverted: {back}; not reverted: {}", left.join("; "));
    let outcome = Outcome::new(ending, text);
    let Intent::Undo { action, .. } = &plan.intent else { return Some(outcome) };
    Some(outcome.next(format!("what is left stays listed; try again: pgctl-tui undo {action}")))
}

fn undo_status(received: Option<&ReplyStatus>, milestone_status: Option<&MilestoneStatus>) -> UndoStatus {
    match (milestone_status, received) {
        (Some(MilestoneStatus::Reached { .. }), _)
        | (Some(MilestoneStatus::Contradicted { .. }), Some(ReplyStatus::Accepted(_))) => UndoStatus::Reverted,
        (_, Some(ReplyStatus::Accepted(_))) => UndoStatus::Unseen,
        (_, Some(ReplyStatus::Refused(_) | ReplyStatus::NotSent(_))) => UndoStatus::Refused,
        (_, Some(ReplyStatus::InDoubt(_) | ReplyStatus::NoAnswer(_)) | None) => UndoStatus::Unknown,
    }
}

fn why(received: Option<&ReplyStatus>, milestone_status: Option<&MilestoneStatus>) -> String {
    match (received, milestone_status) {
        (
            Some(
                ReplyStatus::Refused(words)
                | ReplyStatus::NotSent(words)
                | ReplyStatus::InDoubt(words)
                | ReplyStatus::NoAnswer(words),
            ),
            _,
        ) => words.to_string(),
        (Some(ReplyStatus::Accepted(words)), Some(milestone_status)) => {
            format!("{words}; but {}", milestone_status.describe())
        }
        (Some(ReplyStatus::Accepted(words)), None) => format!("{words}; completion cannot be observed"),
        (None, _) => "not sent".to_owned(),
    }
}

/// What observation says of the state that `order` brings back; `None`: nothing tells it.
fn milestone_status<'t>(
    plan: &Plan,
    milestone_statuses: &'t [MilestoneStatus],
    order: &Order,
) -> Option<&'t MilestoneStatus> {
    if let Order::Pooler { pooler, request } = order {
        let wanted = match request {
            PoolerRequest::Resume { database } => Some(database),
            PoolerRequest::ResumeAll => None,
            _ => return None,
        };
        let mut all = plan.expectation.sequence.iter().zip(milestone_statuses);
        let found = all.find(|(expected, _)| {
            matches!(&expected.milestone, Milestone::PoolerFlow { pooler: of, database, paused: false }
                if of == pooler && database.as_ref() == wanted)
        });
        return found.map(|(_, milestone_status)| milestone_status);
    }
    let Order::Router { router, request } = order else { return None };
    let (RouterRequest::State { backend, server, .. } | RouterRequest::EndDrain { backend, server }) = request else {
        return None;
    };
    let mut all = plan.expectation.sequence.iter().zip(milestone_statuses);
    let found = all.find(|(expected, _)| match &expected.milestone {
        Milestone::RouterServer { router: of, backend: within, server: one, .. } => {
            (of, within, one) == (router, backend, server)
        }
        _ => false,
    });
    found.map(|(_, milestone_status)| milestone_status)
}
