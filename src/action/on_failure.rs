//! What becomes of an action when one of its steps is not accepted.

use super::drill::DrillRequest;
use super::intent::Intent;
use super::milestone::Milestone;
use super::order::Order;
use super::plan::{Plan, Step};

/// What becomes of the steps after one that was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// Before the point of no return the action ends; after it, what follows is sent only once its effect was seen.
    Abort,
    /// Each step stands for itself: that one fails keeps none of the others from being made.
    Continue,
    /// The state that is awaited next tells whether it happened, whatever was answered.
    AwaitEffect,
}

impl Plan {
    /// What becomes of the plan when step `index` is not accepted.
    pub fn on_failure(&self, index: usize) -> OnFailure {
        if matches!(self.intent, Intent::Undo { .. }) {
            return OnFailure::Continue;
        }
        let next = self.steps.get(index + 1).map(|step| &step.order);
        match next {
            Some(Order::Await { milestone, .. }) if milestone.proves_effect() => OnFailure::AwaitEffect,
            Some(_) | None => OnFailure::Abort,
        }
    }
}

impl Step {
    /// Whether it breaks something on purpose.
    pub fn is_fault(&self) -> bool {
        matches!(self.order, Order::Drill { request: DrillRequest::Break { .. } })
    }
}

impl Milestone {
    /// Whether it tells by itself that something happened since the action began. The others look the same before and
    /// after.
    pub fn proves_effect(&self) -> bool {
        match self {
            Self::Promoted { .. } | Self::Restarted { .. } | Self::Copying { .. } => true,
            Self::SteppedDown { .. }
            | Self::Reloaded { .. }
            | Self::Maintenance { .. }
            | Self::SwitchoverScheduled { .. }
            | Self::RestartScheduled { .. }
            | Self::Configured { .. }
            | Self::ParametersInForce { .. }
            | Self::Slots { .. }
            | Self::NothingPending { .. }
            | Self::RouterFollows
            | Self::Streaming { .. }
            | Self::AllStreaming
            | Self::CaughtUp { .. }
            | Self::SessionsGone { .. }
            | Self::Serving { .. }
            | Self::PoolerFlow { .. }
            | Self::PoolerMoved { .. }
            | Self::RouterServer { .. }
            | Self::SessionEnded { .. } => false,
        }
    }
}
