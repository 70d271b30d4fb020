//! What can be pressed in the dialogs of actions.

use super::dialog_options;
use super::pending_action::{Ask, PendingAction};
use super::watch::Watch;
use crate::action::Intent;
use crate::action::intent::ConfigurationIntent;
use crate::operate::job::JobState;
use crate::tui::app::App;
use crate::tui::dialogs::{Dialog, choose, close, scroll};
use crate::tui::keymap::Hint;

impl App {
    /// What can be pressed in `dialog`, the most wanted first. `shown`: its lines, and how many of them show.
    pub(in crate::tui) fn acting_hints(&self, dialog: &Dialog, shown: (usize, usize)) -> Vec<Hint> {
        match dialog {
            Dialog::PendingAction(pending_action) => self.pending_action_hints(pending_action, shown),
            Dialog::Preparing(preparing) if preparing.failed.is_some() => vec![close(&[], "leave")],
            Dialog::Preparing(_) => vec![leave("leave")],
            Dialog::Story { report_selection, .. } => {
                let mut hints = vec![close(&[], "close")];
                if self.may_drill_of(report_selection.cluster).is_ok() {
                    hints.push(Hint::letter('b', "run again"));
                }
                if report_selection.report(self.acting.drills.known(report_selection.cluster)).is_some() {
                    hints.push(Hint::letter('y', "copy as Markdown"));
                }
                hints.extend(scroll(shown));
                hints
            }
            Dialog::Menu { is_whole, .. } => {
                let more = Hint::new(&["Tab", "Shift-Tab"], if *is_whole { "fewer" } else { "more" });
                vec![Hint::new(&["Enter"], "open"), leave("leave"), more, choose()]
            }
            Dialog::Watch { ticket, .. } => self
                .acting
                .watch(*ticket)
                .map_or_else(|| vec![close(&[], "close")], |watch| self.watch_hints(watch, shown)),
            Dialog::Actions { selected } => self.listing_hints(*selected),
            Dialog::Leftovers { action, .. } => {
                let mut hints = Vec::new();
                if self.can_revert(action) {
                    hints.push(Hint::letter('u', "undo"));
                }
                hints.push(close(&[], "close"));
                if self.acting.has_launcher {
                    hints.push(Hint::letter('n', "acknowledge"));
                }
                hints.push(Hint::letter('y', "copy"));
                hints.extend(scroll(shown));
                hints
            }
            Dialog::Help { .. }
            | Dialog::Detail { .. }
            | Dialog::Message { .. }
            | Dialog::Themes { .. }
            | Dialog::Leaving => Vec::new(),
        }
    }

    fn pending_action_hints(&self, pending_action: &PendingAction, shown: (usize, usize)) -> Vec<Hint> {
        match pending_action.typing.as_ref().map(|typing| &typing.ask) {
            Some(Ask::Yes) => return vec![Hint::letter('y', "yes, run it"), Hint::new(&["Esc"], "no")],
            Some(_) => return vec![Hint::new(&["Enter"], "take"), Hint::new(&["Esc", "Ctrl-c", "Ctrl-g"], "back")],
            None => {}
        }
        let mut hints = Vec::new();
        if self.refusal(pending_action).is_none() {
            hints.push(Hint::new(&["Enter"], "confirm"));
        }
        hints.push(leave("leave"));
        if pending_action.can_override() {
            hints.push(Hint::letter('o', "override"));
        }
        hints.push(Hint::letter('d', "dry run"));
        if !pending_action.notes().is_empty() {
            hints.push(Hint::letter('c', if pending_action.all { "fewer checks" } else { "all checks" }));
        }
        if pending_action.next_candidate(1).is_some() && pending_action.candidates.len() > 1 {
            hints.push(Hint::new(&["Tab", "Shift-Tab"], "next candidate"));
        }
        let options = dialog_options::available(&pending_action.intent);
        // What is typed first: it is what is wanted most.
        let (typed, turned): (Vec<_>, Vec<_>) = options.into_iter().partition(|option| option.question().is_some());
        hints.extend(typed.into_iter().chain(turned).map(|option| Hint::letter(option.letter, option.hint)));
        if matches!(pending_action.intent, Intent::Configuration(ConfigurationIntent::Configure { .. }))
            && self.acting.has_editor
        {
            hints.push(Hint::letter('e', "edit"));
        }
        if pending_action.plan().is_some_and(|plan| !plan.equivalent.is_empty()) {
            hints.push(Hint::letter('y', "copy the command"));
        }
        hints.extend(scroll(shown));
        hints
    }

    fn watch_hints(&self, watch: &Watch, shown: (usize, usize)) -> Vec<Hint> {
        let mut hints = Vec::new();
        if !watch.is_over() {
            hints.push(leave("run in background"));
            if watch.can_be_ended() && !watch.asked && self.acting.has_launcher && watch.action.is_some() {
                hints.push(Hint::letter('x', "cancel"));
            }
        } else if self.report_selection_of(watch.ticket).is_some() {
            hints.push(Hint::new(&["Enter"], "report"));
            hints.push(leave("close"));
        } else {
            hints.push(close(&[], "close"));
        }
        hints.push(Hint::letter('y', "copy"));
        hints.extend(scroll(shown));
        hints
    }

    fn listing_hints(&self, selected: usize) -> Vec<Hint> {
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok());
        let one = listed.and_then(|listed| listed.get(selected.min(listed.len().saturating_sub(1))));
        let Some(one) = one else { return vec![close(&[], "close"), Hint::letter('y', "copy")] };
        let word = if matches!(one.state, JobState::Died(_)) || !one.state.pending_undo().is_empty() {
            "what is left"
        } else {
            "progress"
        };
        let mut hints = vec![Hint::new(&["Enter"], word), leave("close")];
        if self.acting.has_launcher && matches!(one.state, JobState::Running(_) | JobState::Waiting) {
            hints.push(Hint::letter('x', "cancel"));
        }
        hints.extend([Hint::letter('y', "copy"), choose()]);
        hints
    }
}

/// Leaves a dialog in which Enter does something else.
fn leave(word: &'static str) -> Hint {
    Hint::new(&["Esc", "q", "Backspace"], word)
}
