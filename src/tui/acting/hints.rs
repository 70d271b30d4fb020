//! What can be pressed in the dialogs of actions.

use super::draft::{Ask, Draft};
use super::watch::Watch;
use crate::action::Intent;
use crate::operate::job::JobState;
use crate::tui::app::App;
use crate::tui::dialogs::{Dialog, choose, close, scroll};
use crate::tui::keymap::Hint;

/// Letters that turn an option of an intent, and what each is called in the line of keys.
const OPTIONS: [(char, &str); 5] =
    [('s', "swift"), ('l', "copy from"), ('g', "end a copy under way"), ('n', "then"), ('p', "only where pending")];

impl App {
    /// What can be pressed in `dialog`, the most wanted first. `shown`: its lines, and how many of them show.
    pub(in crate::tui) fn acting_hints(&self, dialog: &Dialog, shown: (usize, usize)) -> Vec<Hint> {
        match dialog {
            Dialog::Draft(draft) => self.draft_hints(draft, shown),
            Dialog::Preparing(preparing) if preparing.failed.is_some() => vec![close(&[], "leave")],
            Dialog::Preparing(_) => vec![leave("leave")],
            Dialog::Story { story, .. } => {
                let mut hints = vec![close(&[], "close")];
                if self.may_drill_of(story.cluster).is_ok() {
                    hints.push(Hint::letter('b', "practise it"));
                }
                if story.report(self.acting.practice.known(story.cluster)).is_some() {
                    hints.push(Hint::letter('y', "copy as Markdown"));
                }
                hints.extend(scroll(shown));
                hints
            }
            Dialog::Menu { is_whole, .. } => {
                let more = Hint::new(&["Tab", "Shift-Tab"], if *is_whole { "fewer" } else { "more" });
                vec![Hint::new(&["Enter"], "its dialog"), leave("leave"), more, choose()]
            }
            Dialog::Watch { ticket, .. } => self
                .acting
                .watch(*ticket)
                .map_or_else(|| vec![close(&[], "close")], |watch| self.watch_hints(watch, shown)),
            Dialog::Actions { selected } => self.listing_hints(*selected),
            Dialog::Remains { action, .. } => {
                let mut hints = Vec::new();
                if self.can_take_back(action) {
                    hints.push(Hint::letter('u', "take it back"));
                }
                hints.push(close(&[], "close"));
                if self.acting.has_hand {
                    hints.push(Hint::letter('n', "known, do not tell again"));
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

    fn draft_hints(&self, draft: &Draft, shown: (usize, usize)) -> Vec<Hint> {
        match draft.typing.as_ref().map(|typing| &typing.ask) {
            Some(Ask::Yes) => return vec![Hint::letter('y', "yes, run it"), Hint::new(&["Esc"], "no")],
            Some(_) => return vec![Hint::new(&["Enter"], "take"), Hint::new(&["Esc", "Ctrl-c", "Ctrl-g"], "back")],
            None => {}
        }
        let mut hints = Vec::new();
        if self.refusal(draft).is_none() {
            hints.push(Hint::new(&["Enter"], "confirm"));
        }
        hints.push(leave("leave"));
        if draft.can_override() {
            hints.push(Hint::letter('o', "override"));
        }
        hints.push(Hint::letter('d', "dry run"));
        if !draft.notes().is_empty() {
            hints.push(Hint::letter('c', if draft.all { "fewer checks" } else { "all checks" }));
        }
        if draft.next_candidate(1).is_some() && draft.candidates.len() > 1 {
            hints.push(Hint::new(&["Tab", "Shift-Tab"], "next candidate"));
        }
        if let Some(ask) = draft.asks_for_time() {
            let word = match ask {
                Ask::Wait => "longest wait",
                Ask::Target => "target",
                _ => "when",
            };
            hints.push(Hint::letter('t', word));
        }
        hints.extend(
            OPTIONS
                .iter()
                .filter(|(letter, _)| draft.turned(*letter).is_some())
                .map(|(letter, word)| Hint::letter(*letter, *word)),
        );
        if matches!(draft.intent, Intent::Configure { .. }) && self.acting.has_editor {
            hints.push(Hint::letter('e', "edit"));
        }
        if draft.plan().is_some_and(|plan| !plan.equivalent.is_empty()) {
            hints.push(Hint::letter('y', "copy the command"));
        }
        hints.extend(scroll(shown));
        hints
    }

    fn watch_hints(&self, watch: &Watch, shown: (usize, usize)) -> Vec<Hint> {
        let mut hints = Vec::new();
        if !watch.is_over() {
            hints.push(leave("to the background"));
            if watch.can_be_ended() && !watch.asked && self.acting.has_hand && watch.action.is_some() {
                hints.push(Hint::letter('x', "ask it to end"));
            }
        } else if self.story_of(watch.ticket).is_some() {
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
        let word = if matches!(one.state, JobState::Died(_)) || !one.state.owed().is_empty() {
            "what it left"
        } else {
            "its course"
        };
        let mut hints = vec![Hint::new(&["Enter"], word), leave("close")];
        if self.acting.has_hand && matches!(one.state, JobState::Running(_) | JobState::Waiting) {
            hints.push(Hint::letter('x', "where it is ended"));
        }
        hints.extend([Hint::letter('y', "copy"), choose()]);
        hints
    }
}

/// Leaves a dialog in which Enter does something else.
fn leave(word: &'static str) -> Hint {
    Hint::new(&["Esc", "q", "Backspace"], word)
}
