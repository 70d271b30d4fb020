//! An action that is shown and not yet begun: its plan and checks, kept up to date, and what was typed so far.

use std::time::Duration;

use tui_input::Input;

use super::dialog_options::{self, DialogOption};
use crate::action::Intent;
use crate::action::intent::LeadIntent;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::permit::Confirmation;
use crate::action::plan::{Confirm, Infeasible, Plan};
use crate::action::preflight::{self, Candidate};
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::operate::plan_service::{CheckedPlan, PlanService};
use crate::report::table::Tone;
use crate::tui::event::ClusterIndex;

/// How long what was typed confirms anything. A console that was left alone must not go on where somebody else sits down.
const TYPED_TEXT_LIFETIME: Duration = Duration::from_secs(60);

/// What is asked of the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::tui) enum Ask {
    /// Why.
    Reason,
    /// The name that confirms.
    Name(Text),
    /// Yes or no.
    Yes,
    /// The value of an option.
    Option(&'static DialogOption),
}

/// A question and what was typed so far.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Typing {
    pub(in crate::tui) ask: Ask,
    pub(in crate::tui) input: Input,
}

/// What an answer leads to.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::tui) enum AskOutcome {
    /// Another question, or none.
    Further,
    /// It was confirmed: this very plan.
    Confirmed(Box<Plan>, Confirmation),
    /// The value of an option was typed.
    Option(&'static DialogOption, String),
}

/// The action.
#[derive(Clone, Debug)]
pub struct PendingAction {
    pub(in crate::tui) cluster: ClusterIndex,
    pub(in crate::tui) intent: Intent,
    /// Draws it up, and its checks anew: the cluster's, or the one that was prepared for a drill.
    plan_service: PlanService,
    /// Plan and checks as shown.
    pub(in crate::tui) drawn: Result<CheckedPlan, Infeasible>,
    /// Who could take the lead over, best first; empty where nobody is to be chosen.
    pub(in crate::tui) candidates: Vec<Candidate>,
    /// Checks whose block is overridden.
    pub(in crate::tui) overridden: Vec<Text>,
    reason: Option<Text>,
    pub(in crate::tui) typing: Option<Typing>,
    touched: Duration,
    /// Every check is shown, not only those that did not pass.
    pub(in crate::tui) all: bool,
    pub(in crate::tui) scroll: usize,
    /// What the dialog has to say beside the plan.
    pub(in crate::tui) word: Option<(Tone, String)>,
}

impl PendingAction {
    /// `intent` as seen from `snapshot`.
    pub(in crate::tui) fn new(
        cluster: ClusterIndex,
        intent: Intent,
        plan_service: PlanService,
        snapshot: &Snapshot,
    ) -> Self {
        let mut pending_action = Self {
            cluster,
            drawn: plan_service.make_plan(snapshot, &intent),
            intent,
            plan_service,
            candidates: Vec::new(),
            overridden: Vec::new(),
            reason: None,
            typing: None,
            touched: Duration::ZERO,
            all: false,
            scroll: 0,
            word: None,
        };
        pending_action.rank(snapshot);
        pending_action
    }

    fn rank(&mut self, snapshot: &Snapshot) {
        self.candidates = match self.intent {
            Intent::Lead(LeadIntent::Switchover { .. }) => preflight::candidates(snapshot),
            _ => Vec::new(),
        };
    }

    /// Plans and checks anew. What was typed confirms only the plan that it was typed below: where that moves, it is
    /// discarded, and what moved is said. Numbers in what users will notice may change without that.
    pub(in crate::tui) fn renew(&mut self, snapshot: &Snapshot) {
        self.rank(snapshot);
        let fresh = self.plan_service.make_plan(snapshot, &self.intent);
        let reported = match (&mut self.drawn, fresh) {
            (Ok(shown), Ok(fresh)) => {
                let moved = moved(&shown.plan, &fresh.plan);
                if moved.is_empty() {
                    shown.notes = fresh.notes;
                    if self.typing.is_none() {
                        shown.plan = fresh.plan;
                    }
                    return;
                }
                *shown = fresh;
                moved.join("; ")
            }
            (shown @ Ok(_), Err(why)) => {
                let reported = why.to_string();
                *shown = Err(why);
                reported
            }
            (shown @ Err(_), fresh) => {
                *shown = fresh;
                return;
            }
        };
        self.discard(&format!("the plan changed: {reported}"));
    }

    /// Wants something else from now on, and plans that.
    pub(in crate::tui) fn request_action(&mut self, intent: Intent, snapshot: &Snapshot) {
        self.intent = intent;
        self.forget();
        self.overridden.clear();
        self.word = None;
        self.rank(snapshot);
        self.drawn = self.plan_service.make_plan(snapshot, &self.intent);
    }

    fn forget(&mut self) {
        self.typing = None;
        self.reason = None;
    }

    /// Forgets what was typed, and says why.
    fn discard(&mut self, why: &str) {
        let typed = self.typing.is_some() || self.reason.is_some();
        self.forget();
        let lost = if typed { "; your input was discarded, review the plan" } else { "" };
        self.word = Some((Tone::Warning, format!("{why}{lost}")));
    }

    /// Forgets what was typed too long ago.
    pub(in crate::tui) fn expire(&mut self, at: Duration) {
        if (self.typing.is_some() || self.reason.is_some()) && at.saturating_sub(self.touched) > TYPED_TEXT_LIFETIME {
            self.discard("no input for a minute");
        }
    }

    /// Somebody typed.
    pub(in crate::tui) fn touch(&mut self, at: Duration) {
        self.touched = at;
    }

    /// Checks that block and are not overridden.
    pub(in crate::tui) fn blocks(&self) -> Vec<&CheckNote> {
        let blocking = self.notes().iter().filter(|note| note.verdict == CheckVerdict::Block);
        blocking.filter(|note| !(note.can_override && self.overridden.contains(&note.check))).collect()
    }

    /// Every check.
    pub(in crate::tui) fn notes(&self) -> &[CheckNote] {
        self.drawn.as_ref().map(|drawn| drawn.notes.as_slice()).unwrap_or_default()
    }

    /// The plan.
    pub(in crate::tui) fn plan(&self) -> Option<&Plan> {
        self.drawn.as_ref().ok().map(|drawn| &drawn.plan)
    }

    /// Overrides the next check that may be; after the last, none is.
    pub(in crate::tui) fn override_next(&mut self) {
        self.forget();
        let next = self.blocks().into_iter().find(|note| note.can_override).map(|note| note.check.clone());
        match next {
            Some(check) => self.overridden.push(check),
            None => self.overridden.clear(),
        }
    }

    /// Whether there is a check that may be overridden, or one that is.
    pub(in crate::tui) fn can_override(&self) -> bool {
        let may = |note: &CheckNote| note.verdict == CheckVerdict::Block && note.can_override;
        !self.overridden.is_empty() || self.notes().iter().any(may)
    }

    /// Those of the overridden checks that block at present.
    fn in_force(&self) -> Vec<Text> {
        let blocks = |check: &&Text| {
            self.notes().iter().any(|note| note.verdict == CheckVerdict::Block && note.check == **check)
        };
        self.overridden.iter().filter(blocks).cloned().collect()
    }

    fn needs_reason(&self) -> bool {
        self.plan().is_some_and(|plan| plan.needs_reason) || !self.in_force().is_empty()
    }

    /// The next question before it can begin.
    pub(in crate::tui) fn ask(&mut self) {
        let Some(plan) = self.plan() else { return };
        let ask = match &plan.confirm {
            _ if self.needs_reason() && self.reason.is_none() => Ask::Reason,
            Confirm::Yes => Ask::Yes,
            Confirm::Type(name) => Ask::Name(name.clone()),
        };
        self.ask_for(ask, "");
    }

    /// Asks this.
    pub(in crate::tui) fn ask_for(&mut self, ask: Ask, present: &str) {
        self.word = None;
        self.typing = Some(Typing { ask, input: Input::new(present.to_owned()) });
    }

    /// Takes the answer to what is asked.
    pub(in crate::tui) fn answer(&mut self) -> AskOutcome {
        let Some(Typing { ask, input }) = self.typing.take() else { return AskOutcome::Further };
        let typed = input.value().trim().to_owned();
        match ask {
            Ask::Option(option) => return AskOutcome::Option(option, typed),
            Ask::Reason if typed.is_empty() => {
                self.word = Some((Tone::Warning, "a reason is required; it is recorded in the journal".to_owned()));
                self.typing = Some(Typing { ask: Ask::Reason, input: Input::default() });
            }
            Ask::Reason => {
                self.reason = Some(Text::redacted(typed));
                self.ask();
            }
            Ask::Name(expected) if expected == *typed.as_str() => return self.confirmed(Some(expected)),
            Ask::Name(expected) => {
                self.word = Some((Tone::Warning, format!("that is not {expected}: nothing was started")));
                self.typing = Some(Typing { ask: Ask::Name(expected), input: Input::default() });
            }
            // Answered by its letter.
            Ask::Yes => {}
        }
        AskOutcome::Further
    }

    /// It was confirmed, by `typed` where something had to be typed.
    pub(in crate::tui) fn confirmed(&mut self, typed: Option<Text>) -> AskOutcome {
        self.typing = None;
        let Some(plan) = self.plan().cloned() else { return AskOutcome::Further };
        let confirmation =
            Confirmation { plan: Some(plan.hash()), typed, reason: self.reason.clone(), overridden: self.in_force() };
        AskOutcome::Confirmed(Box::new(plan), confirmation)
    }

    /// The candidate `step` further on in their ranking, as an intent; `None`: nobody is to be chosen.
    pub(in crate::tui) fn next_candidate(&self, step: isize) -> Option<Intent> {
        let Intent::Lead(LeadIntent::Switchover { candidate, at, swift, through_poolers }) = &self.intent else {
            return None;
        };
        let count = isize::try_from(self.candidates.len()).ok().filter(|count| *count > 0)?;
        let place = |name: &NodeName| self.candidates.iter().position(|known| known.member == *name);
        let present = candidate.as_ref().and_then(place).and_then(|place| isize::try_from(place).ok());
        let next = present.map_or(0, |present| (present + step).rem_euclid(count));
        let next = self.candidates.get(usize::try_from(next).ok()?)?;
        Some(Intent::Lead(LeadIntent::Switchover {
            candidate: Some(next.member.clone()),
            at: *at,
            swift: *swift,
            through_poolers: *through_poolers,
        }))
    }

    /// The intent with the next value of the option of `letter`; `None`: it has none.
    pub(in crate::tui) fn with_next_value(&self, letter: char) -> Option<Intent> {
        dialog_options::option(&self.intent, letter)?.with_next_value(&self.intent)
    }
}

/// What makes another plan of it: anything that is sent, that decides, or that must be known to confirm it.
fn moved(shown: &Plan, fresh: &Plan) -> Vec<String> {
    let mut moved = shown.generation.moved(&fresh.generation);
    let orders = |plan: &Plan| {
        // Words may carry numbers that change by the second; what is sent may not.
        let steps = plan.steps.iter().map(|step| (step.order.clone(), step.undo.clone()));
        (steps.collect::<Vec<_>>(), plan.no_return)
    };
    if orders(shown) != orders(fresh) {
        moved.push("its steps changed".to_owned());
    }
    if (&shown.confirm, shown.needs_reason, shown.danger) != (&fresh.confirm, fresh.needs_reason, fresh.danger) {
        moved.push("its confirmation changed".to_owned());
    }
    if shown.title != fresh.title || shown.expectation != fresh.expectation {
        moved.push(format!("it is now: {}", fresh.title));
    }
    moved
}
