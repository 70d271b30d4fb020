//! Keys in the dialogs of actions, and what each of those dialogs shows.

use super::dialog_model::DialogModel;
use super::menu::{Choice, MenuEntry};
use super::pending_action_lines::{self, PendingActionView};
use super::{drill_report, leftovers, listing, menu, preparing, watch_lines};
use crate::action::plan::Danger;
use crate::action::verb::{Shortcut, Subject};
use crate::model::snapshot::Snapshot;
use crate::operate::job::JobState;
use crate::operate::ports::JobSummary;
use crate::tui::app::App;
use crate::tui::command::Command;
use crate::tui::dialogs::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::{ActionTicket, Notice};
use crate::tui::keymap::{ActingKey, Key};

impl App {
    /// Opens the dialog of `verb`.
    pub(in crate::tui) fn act(&mut self, verb: &'static Shortcut, argument: Option<&str>) -> Vec<Effect> {
        if verb.subject == Subject::Changes && argument.is_none_or(|text| text.trim().is_empty()) {
            self.open_palette_with("configure ");
            return Vec::new();
        }
        let argument = argument.map(str::trim).filter(|text| !text.is_empty());
        if verb.subject == Subject::Scenario && argument.is_none() && self.selected_scenario().is_none() {
            self.open_palette_with("drill ");
            return Vec::new();
        }
        match self.resolve_intent(verb, argument) {
            Ok(intent) if self.must_ask(&intent) => self.prepare(self.focus, intent),
            Ok(intent) => self.pending_action(self.focus, intent),
            Err(why) => {
                self.tell(Notice::failed(why));
                Vec::new()
            }
        }
    }

    /// Lists actions.
    pub(in crate::tui) fn open_actions(&mut self) -> Vec<Effect> {
        self.dialogs.push(Dialog::Actions { selected: 0 });
        vec![Effect::List]
    }

    /// Asks the newest action of this console that runs to end.
    pub(in crate::tui) fn cancel_running(&mut self) -> Vec<Effect> {
        match self.acting.running().map(|watch| watch.ticket) {
            Some(ticket) => self.ask_to_end(ticket),
            None => Vec::new(),
        }
    }

    fn ask_to_end(&mut self, ticket: ActionTicket) -> Vec<Effect> {
        let Some(watch) = self.acting.watches.iter_mut().find(|watch| watch.ticket == ticket) else {
            return Vec::new();
        };
        let reported = if watch.is_over() {
            Err("the action has ended")
        } else if !watch.can_be_ended() && watch.plan.danger == Danger::Reversible {
            Err("already sent: it can no longer be cancelled")
        } else if !watch.can_be_ended() {
            Err("past the point of no return: it can no longer be cancelled")
        } else if !self.acting.has_launcher {
            Err("this console is read-only")
        } else {
            watch.action.clone().ok_or("the action is just starting: try again")
        };
        match reported {
            Ok(action) => {
                watch.asked = true;
                self.tell(Notice::done("cancellation requested"));
                vec![Effect::End(action)]
            }
            Err(why) => {
                self.tell(Notice::failed(why));
                Vec::new()
            }
        }
    }

    /// What `key` does in the dialog on top, where that is one of actions. `None`: what it always means.
    pub(in crate::tui) fn acting_key(&mut self, key: Key) -> Option<Vec<Effect>> {
        match self.dialogs.last()? {
            Dialog::PendingAction(_) => {
                let Some(Dialog::PendingAction(mut pending_action)) = self.dialogs.pop() else { return None };
                let place = self.dialogs.len();
                let (keep, effects) = self.pending_action_key(&mut pending_action, key);
                if keep {
                    // What it opened stands above it.
                    self.dialogs.insert(place.min(self.dialogs.len()), Dialog::PendingAction(pending_action));
                }
                effects
            }
            Dialog::Preparing(preparing) => {
                let failed = preparing.failed.is_some();
                self.preparing_key(failed, key)
            }
            Dialog::Story { report_selection, .. } => {
                let report_selection = report_selection.clone();
                self.report_key(&report_selection, key)
            }
            Dialog::Menu { selected, is_whole } => self.menu_key(*selected, *is_whole, key),
            Dialog::Watch { ticket, .. } => {
                let ticket = *ticket;
                match ActingKey::of(key)? {
                    ActingKey::Letter('x') => Some(self.ask_to_end(ticket)),
                    // The views stay beside it.
                    ActingKey::Letter(digit) if digit.is_ascii_digit() => {
                        if let Some(Command::View(view)) = self.keymap.command(key) {
                            self.go(view, self.focus);
                        }
                        Some(Vec::new())
                    }
                    // Whoever types a name where none is asked for any more should still see what runs.
                    ActingKey::Enter if self.acting.watch(ticket).is_some_and(|watch| !watch.is_over()) => {
                        Some(Vec::new())
                    }
                    ActingKey::Enter => match self.report_selection_of(ticket) {
                        Some(report_selection) => {
                            self.dialogs.push(Dialog::Story { report_selection, scroll: 0 });
                            Some(Vec::new())
                        }
                        None => self.plain_key(ActingKey::Enter),
                    },
                    other => self.plain_key(other),
                }
            }
            Dialog::Actions { selected } => self.listing_key(*selected, key),
            Dialog::Leftovers { action, .. } => {
                let action = action.clone();
                match ActingKey::of(key)? {
                    ActingKey::Letter('u') if self.acting.listed(&action).is_none_or(leftovers::is_for_its_guard) => {
                        Some(Vec::new())
                    }
                    ActingKey::Letter('u') => Some(self.undo(&action)),
                    ActingKey::Letter('n') => {
                        self.dialogs.pop();
                        if self.acting.has_launcher {
                            return Some(vec![Effect::Acknowledge(action), Effect::List]);
                        }
                        self.tell(Notice::failed("this console is read-only"));
                        Some(Vec::new())
                    }
                    other => self.plain_key(other),
                }
            }
            Dialog::Help { .. }
            | Dialog::Detail { .. }
            | Dialog::Message { .. }
            | Dialog::Themes { .. }
            | Dialog::Leaving => None,
        }
    }

    /// Keys that mean the same in each of them.
    pub(super) fn plain_key(&mut self, key: ActingKey) -> Option<Vec<Effect>> {
        let (total, visible) = self.surface.dialog;
        let page = isize::try_from(visible.max(2) - 1).unwrap_or(1);
        let step = match key {
            ActingKey::Leave | ActingKey::Enter => {
                self.dialogs.pop();
                return Some(Vec::new());
            }
            ActingKey::Up | ActingKey::Letter('k') => -1,
            ActingKey::Down | ActingKey::Letter('j') => 1,
            ActingKey::PageUp => -page,
            ActingKey::PageDown => page,
            ActingKey::Letter('y') => return Some(vec![Effect::Copy(self.dialog_text())]),
            ActingKey::Letter('g') => isize::MIN / 2,
            ActingKey::Letter('G') => isize::MAX / 2,
            // What is meant for the console works over each of them, and a digit leads on.
            ActingKey::Letter(letter) if "w?r:mA []".contains(letter) || letter.is_ascii_digit() => return None,
            ActingKey::Next | ActingKey::Previous | ActingKey::Letter(_) => return Some(Vec::new()),
        };
        if let Some(dialog) = self.dialogs.last_mut() {
            dialog.scroll(step, total, visible);
        }
        Some(Vec::new())
    }

    fn menu_key(&mut self, selected: usize, is_whole: bool, key: Key) -> Option<Vec<Effect>> {
        let key = ActingKey::of(key)?;
        let chosen = match key {
            ActingKey::Letter('j' | 'k' | 'g' | 'G') => return self.plain_key(key),
            ActingKey::Letter(letter) => self.menu_letter(letter),
            ActingKey::Next | ActingKey::Previous => return Some(self.fold_menu(selected, !is_whole)),
            ActingKey::Enter => match self.menu_choice(selected, is_whole)? {
                Choice::Action(entry) => Some(entry),
                Choice::More => return Some(self.fold_menu(selected, true)),
            },
            _ => None,
        };
        let Some(MenuEntry { spec, argument, refusal, .. }) = chosen else {
            return match key {
                // A letter of no action leads nowhere from here.
                ActingKey::Letter(letter) if !"w?:".contains(letter) => Some(Vec::new()),
                other => self.plain_key(other),
            };
        };
        if let Some(reason) = refusal {
            self.tell(Notice::failed(reason));
            return Some(Vec::new());
        }
        self.dialogs.pop();
        Some(self.run(spec.command, argument))
    }

    /// Shows the rest of the menu, or hides it.
    fn fold_menu(&mut self, selected: usize, is_whole: bool) -> Vec<Effect> {
        let last = self.menu_length(is_whole).saturating_sub(1);
        if let Some(Dialog::Menu { selected: at, is_whole: whole }) = self.dialogs.last_mut() {
            (*at, *whole) = (selected.min(last), is_whole);
        }
        Vec::new()
    }

    fn listing_key(&mut self, selected: usize, key: Key) -> Option<Vec<Effect>> {
        let key = ActingKey::of(key)?;
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok());
        let one: Option<JobSummary> =
            listed.and_then(|listed| listed.get(selected.min(listed.len().saturating_sub(1)))).cloned();
        let Some(one) = one else { return self.plain_key(key) };
        match key {
            ActingKey::Enter if matches!(one.state, JobState::Died(_)) || !one.state.pending_undo().is_empty() => {
                self.dialogs.push(Dialog::Leftovers { action: one.action().clone(), scroll: 0 });
                Some(Vec::new())
            }
            ActingKey::Enter => Some(self.attach(&one)),
            ActingKey::Letter('x') => Some(match one.state {
                _ if !self.acting.has_launcher => {
                    self.tell(Notice::failed("this console is read-only"));
                    Vec::new()
                }
                // How far it has got, and so whether it can still be ended, is known where it is watched.
                JobState::Running(_) | JobState::Waiting | JobState::Elsewhere(_) => self.attach(&one),
                JobState::Ended { .. } | JobState::Died(_) => {
                    self.tell(Notice::failed("the action has ended"));
                    Vec::new()
                }
            }),
            other => self.plain_key(other),
        }
    }

    /// What the dialog of an action shows in `width` columns; `None`: it is another dialog.
    pub(in crate::tui) fn dialog_model(&self, dialog: &Dialog, width: usize) -> Option<DialogModel> {
        Some(match dialog {
            Dialog::PendingAction(pending_action) => {
                let cluster = self.clusters.get(pending_action.cluster)?;
                let scene = PendingActionView {
                    snapshot: &cluster.live().snapshot,
                    now: cluster.live().snapshot.now + cluster.since_live(self.at),
                    zone: &self.options.zone,
                    refusal: self.refusal(pending_action),
                    width,
                };
                pending_action_lines::dialog_model(pending_action, &scene)
            }
            Dialog::Preparing(preparing) => {
                let name = &self.clusters.get(preparing.cluster)?.name;
                let known = self.acting.drills.known(preparing.cluster);
                preparing::dialog_model(preparing, name.as_str(), known, self.at, width)
            }
            Dialog::Story { report_selection, scroll } => drill_report::dialog_model(
                report_selection,
                self.acting.drills.known(report_selection.cluster),
                &self.options.zone,
                *scroll,
                width,
            ),
            Dialog::Menu { selected, is_whole } => menu::dialog_model(self, *selected, *is_whole, width),
            Dialog::Watch { ticket, scroll } => {
                let watch = self.acting.watch(*ticket)?;
                let cluster = self.clusters.iter().find(|cluster| cluster.name == watch.cluster);
                let scene = watch_lines::WatchView {
                    snapshot: cluster.map(|cluster| &*cluster.live().snapshot),
                    now: cluster.map(|cluster| self.wall_of(cluster)),
                    report: self.report_of(watch),
                    may_end: self.acting.has_launcher,
                };
                watch_lines::dialog_model(watch, &scene, *scroll, width)
            }
            Dialog::Actions { selected } => {
                listing::dialog_model(self.acting.listed.as_ref(), *selected, &self.options.zone, width)
            }
            Dialog::Leftovers { action, scroll } => {
                let one = self.acting.listed(action)?;
                let cluster = &one.request.plan.cluster;
                let picture = self.picture_of(cluster).map(|snapshot| (snapshot, snapshot.now));
                leftovers::dialog_model(one, picture, self.can_revert(action), *scroll, width)
            }
            Dialog::Help { .. }
            | Dialog::Detail { .. }
            | Dialog::Message { .. }
            | Dialog::Themes { .. }
            | Dialog::Leaving => {
                return None;
            }
        })
    }

    fn picture_of(&self, name: &crate::model::name::ClusterName) -> Option<&Snapshot> {
        let cluster = self.clusters.iter().find(|cluster| cluster.name == *name)?;
        Some(&cluster.live().snapshot)
    }
}

pub(super) fn paged((_, visible): (usize, usize)) -> isize {
    isize::try_from(visible.max(2) - 1).unwrap_or(1)
}
