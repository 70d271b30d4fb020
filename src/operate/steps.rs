//! The steps, one by one: each written down before it is made, none made twice.

mod guards;
mod perform;
mod waiting;

use std::time::Duration;

use super::runner::Run;
use crate::action::before::StateBefore;
use crate::action::evaluation::ReplyStatus;
use crate::action::on_failure::OnFailure;
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::driver::port::Act;
use crate::model::name::NodeName;
use crate::model::text::Text;

pub(super) use perform::sent;

/// How far the steps went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum StepsOutcome {
    /// To the end.
    Through,
    /// Not to the point of no return: the action has not happened.
    Aborted(String),
    /// Past the point of no return, but not to the end.
    Stopped(String),
}

/// What became of a step that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum StepOutcome {
    /// It was sent, or may have been, or is proven not to have been.
    Sent(ReplyStatus),
    /// The awaited state was seen.
    Shown(Text),
    /// The awaited state was not seen in time: what was seen last instead, as far as that was said.
    NotShown(Text),
}

/// Who may lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Leadership {
    /// The leader of the plan, by the same holding of the lock.
    AsPlanned,
    /// A step has asked for another: this one, or any.
    HandedOver(Option<NodeName>),
}

/// One step in its turn.
pub(super) struct StepRun<'s> {
    pub(super) index: usize,
    pub(super) step: &'s Step,
    pub(super) permit: &'s Permit,
    pub(super) before: &'s StateBefore,
    /// It lies before the point of no return, or is that.
    can_abort: bool,
    /// The decisive step was not accepted.
    in_doubt: bool,
    /// What it is to bring about is seen already, so that its effect tells nothing of it.
    pub(super) is_shown_before: bool,
    /// The step before was refused in words that prove nothing: its effect is awaited, but no longer than this.
    at_most: Option<Duration>,
}

/// How long the effect of a step is awaited that was refused in words that prove nothing: it has happened by then, or the
/// refusal was one.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(30);

/// Why a drill that the operator ended was not gone through.
const CUT_SHORT: &str = "aborted by the operator";

impl Run<'_> {
    /// Makes every step, as long as nothing speaks against it.
    pub(super) async fn go(&mut self, act: &mut dyn Act, permit: &Permit, before: &StateBefore) -> StepsOutcome {
        // The decisive step was not accepted: what follows is sent only when its effect was seen.
        let mut in_doubt = false;
        let mut at_most = None;
        let plan = &self.request.plan;
        let mut handover_report = None;
        for (index, step) in plan.steps.iter().enumerate() {
            if handover_report == Some(index) {
                // It went along with the step before.
                continue;
            }
            let can_abort = index <= plan.no_return;
            if can_abort && let Err(why) = self.may_go_on(permit) {
                return StepsOutcome::Aborted(why);
            }
            if !can_abort && self.is_cut_short() {
                return StepsOutcome::Stopped(CUT_SHORT.to_owned());
            }
            if in_doubt && !matches!(step.order, Order::Await { .. }) {
                return StepsOutcome::Stopped(format!(
                    "not sent, because the previous step was not accepted: {}",
                    step.text
                ));
            }
            let is_shown_before = self.is_brought_about(index, before);
            let step_run =
                StepRun { index, step, permit, before, can_abort, in_doubt, is_shown_before, at_most: at_most.take() };
            let on_failure = plan.on_failure(index);
            // Then its effect tells what its answer does not.
            let is_awaited = !is_shown_before && on_failure == OnFailure::AwaitEffect;
            let made = match self.handover_of(index) {
                Some(router_handover) => {
                    handover_report = Some(router_handover.0);
                    self.perform_with_handover(act, &step_run, router_handover).await
                }
                None => self.perform(act, &step_run).await,
            };
            let answer = match made {
                Ok(answer) => answer,
                Err(why) => return StepsOutcome::Aborted(why),
            };
            let is_decisive = index == plan.no_return;
            match answer {
                StepOutcome::Sent(ReplyStatus::Accepted(_)) => {}
                StepOutcome::Shown(_) => in_doubt = false,
                // What became of each is told by its reply and by what is seen.
                StepOutcome::Sent(_) if on_failure == OnFailure::Continue => {}
                StepOutcome::Sent(ReplyStatus::NotSent(why)) if can_abort => {
                    return StepsOutcome::Aborted(why.to_string());
                }
                StepOutcome::Sent(ReplyStatus::NoAnswer(_)) if is_awaited => in_doubt = in_doubt || is_decisive,
                StepOutcome::Sent(ReplyStatus::InDoubt(_)) if is_awaited && !is_decisive => {
                    at_most = Some(REFUSAL_DEADLINE);
                }
                // Nothing is broken, or what is will be mended: nothing has to be awaited.
                StepOutcome::Sent(ReplyStatus::Refused(why) | ReplyStatus::InDoubt(why))
                    if can_abort && (!is_decisive || step.is_fault()) =>
                {
                    return StepsOutcome::Aborted(format!("{}: {why}", step.text));
                }
                StepOutcome::Sent(ReplyStatus::NoAnswer(why)) if can_abort && !is_decisive => {
                    return StepsOutcome::Aborted(format!("{}: {why}; it may have happened", step.text));
                }
                StepOutcome::NotShown(_) if !can_abort && self.is_cut_short() => {
                    return StepsOutcome::Stopped(CUT_SHORT.to_owned());
                }
                StepOutcome::NotShown(instead) if can_abort => {
                    return StepsOutcome::Aborted(not_shown(&step.text, &instead));
                }
                StepOutcome::NotShown(instead) => return StepsOutcome::Stopped(not_shown(&step.text, &instead)),
                StepOutcome::Sent(ReplyStatus::Refused(_) | ReplyStatus::InDoubt(_) | ReplyStatus::NoAnswer(_)) => {
                    in_doubt = in_doubt || is_decisive;
                }
                StepOutcome::Sent(ReplyStatus::NotSent(why)) => self.action_log.remark(format!("{}: {why}", step.text)),
            }
        }
        StepsOutcome::Through
    }
}

/// What is said of an awaited state that was not seen.
fn not_shown(step: &Text, instead: &Text) -> String {
    if instead.is_empty() {
        format!("not observed in time: {step}")
    } else {
        format!("not observed in time: {step}: {instead}")
    }
}
