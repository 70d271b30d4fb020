//! What can be pressed where one is: of the view from the command table, of a dialog or a prompt from its own.

use super::{App, PaneKey, Prompt};
use crate::tui::command::{Command, OFFERED};
use crate::tui::dialogs::Dialog;
use crate::tui::keymap::Hint;
use crate::tui::views::{Pane, PaneBody, View};
use crate::tui::widgets::key_line::KeyLine;

/// What counts of the view on the screen.
struct Here {
    /// A row is selected.
    has_row: bool,
    /// The pane in focus has rows to sort and to filter.
    is_table: bool,
    /// There is another pane to go to.
    has_panes: bool,
    is_filtered: bool,
}

impl App {
    /// What can be pressed here, the most wanted first. `panes` are those of the view, `dialog` the lines of the dialog on
    /// top and how many of them show.
    pub(in crate::tui) fn hints(&self, panes: &[Pane], dialog: (usize, usize)) -> Vec<Hint> {
        match (&self.prompt, self.dialogs.last()) {
            (Some(prompt), _) => prompt_hints(prompt),
            (None, Some(top)) => self.dialog_hints(top, dialog),
            (None, None) => self.view_hints(panes),
        }
    }

    /// The keys at the bottom of the screen, whatever room there is for them: what can be pressed here, and everywhere.
    pub fn pressable(&self) -> Vec<Hint> {
        let panes = self.panes();
        let mut hints = self.hints(&panes, self.surface.dialog);
        hints.extend(self.always(&panes));
        if self.digits_lead() {
            hints.push(Hint::new(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], "views"));
        }
        hints
    }

    /// Whether a dialog or a line being typed is open.
    pub fn is_covered(&self) -> bool {
        self.prompt.is_some() || !self.dialogs.is_empty()
    }

    /// Whether keys are text.
    pub fn is_typing(&self) -> bool {
        self.prompt.is_some() || self.dialogs.last().is_some_and(Dialog::is_typed)
    }

    /// How many things lie over the plain view: what is typed, dialogs, a filter, a picture that stands still.
    pub fn layers(&self) -> usize {
        let typed = usize::from(self.is_typing());
        // A filter that is being typed is none yet.
        let is_filter = matches!(self.prompt, Some(Prompt::Filter(_)));
        let filter = usize::from(self.is_filtered() && !is_filter);
        typed + self.dialogs.len() + filter + usize::from(self.frozen.is_some())
    }

    /// The place above which the help lies, and what can be pressed there.
    pub(in crate::tui) fn below_help(&self) -> (String, Vec<Hint>) {
        let below = self.dialogs.iter().rev().find(|dialog| !matches!(dialog, Dialog::Help { .. }));
        match below {
            // As if it did not fit: how to scroll belongs to it.
            Some(dialog) => (dialog.breadcrumb(), self.dialog_hints(dialog, (1, 0))),
            None => (self.view.title().to_owned(), self.view_hints(&self.panes())),
        }
    }

    /// What can be pressed everywhere. While something is typed every key is text.
    pub(in crate::tui) fn always(&self, panes: &[Pane]) -> Vec<Hint> {
        if self.is_typing() {
            return Vec::new();
        }
        let word = match self.dialogs.last() {
            // Its own keys are all there is.
            Some(Dialog::Leaving) => return Vec::new(),
            Some(_) => "close",
            None if self.frozen.is_some() || self.here(panes).is_filtered => "back",
            None => "quit",
        };
        vec![Hint::new(&[":"], "command"), Hint::new(&["?", "F1"], "help"), Hint::new(&["q"], word)]
    }

    /// Whether the digits show another view.
    pub(in crate::tui) fn digits_lead(&self) -> bool {
        let dead = |dialog: &Dialog| matches!(dialog, Dialog::PendingAction(_) | Dialog::Menu { .. } | Dialog::Leaving);
        self.prompt.is_none() && !self.dialogs.last().is_some_and(dead)
    }

    /// The lines at the bottom.
    pub(super) fn key_line<'a>(&self, here: &'a [Hint], always: &'a [Hint]) -> KeyLine<'a> {
        KeyLine { here, always, views: self.digits_lead().then_some(self.view) }
    }

    /// Whether the pane in focus is filtered.
    pub(super) fn is_filtered(&self) -> bool {
        let filtered = |key: PaneKey, _: &_| self.tables.get(&key).is_some_and(|state| !state.filter.is_empty());
        self.with_focused_table(filtered).unwrap_or(false)
    }

    fn here(&self, panes: &[Pane]) -> Here {
        let focus = panes.get(self.focused(panes));
        let table = focus.and_then(|pane| match &pane.body {
            PaneBody::Table(table) => Some((table, self.table_state(self.view, &pane.key))),
            PaneBody::Lines(_) | PaneBody::Graphs(_) => None,
        });
        Here {
            has_row: table.as_ref().is_some_and(|(table, _)| !table.rows.is_empty()),
            is_filtered: table.as_ref().is_some_and(|(_, state)| !state.filter.is_empty()),
            is_table: table.is_some(),
            has_panes: panes.iter().filter(|pane| pane.takes_focus()).count() > 1,
        }
    }

    fn view_hints(&self, panes: &[Pane]) -> Vec<Hint> {
        let here = self.here(panes);
        let offered = OFFERED.iter().filter(|(command, _)| self.applies(*command, &here));
        let hints = offered.filter_map(|(command, word)| {
            let keys = command.spec()?.keys;
            Some(Hint::new(keys, self.as_str(*command, word, &here)))
        });
        hints.collect()
    }

    /// Whether `command` does anything here.
    fn applies(&self, command: Command, here: &Here) -> bool {
        let applies = match command {
            // What is here says it already, and need not be made again for each of them.
            Command::Detail | Command::CopyRow | Command::SortNext => return here.has_row,
            // A filter that hides every row must not hide the way back.
            Command::Filter => return here.is_table && (here.has_row || here.is_filtered),
            Command::NextPane => here.has_panes,
            Command::Back => here.is_filtered || self.frozen.is_some() || !self.trail.is_empty(),
            Command::StepBack => {
                let present = self.frozen.unwrap_or(self.at);
                self.cluster().is_some_and(|cluster| cluster.history.before(present).is_some())
            }
            Command::Freeze | Command::Evidence | Command::PollNow | Command::SaveScreen => self.cluster().is_some(),
            _ => true,
        };
        applies && self.availability(command).is_ok()
    }

    fn as_str(&self, command: Command, usual: &'static str, here: &Here) -> &'static str {
        match (command, self.view) {
            (Command::Detail, View::Clusters) => "open",
            (Command::Detail, View::Drill) => "report",
            (Command::Back, _) if here.is_filtered => "clear filter",
            (Command::Back | Command::Freeze, _) if self.frozen.is_some() => "live",
            _ => usual,
        }
    }
}

fn prompt_hints(prompt: &Prompt) -> Vec<Hint> {
    let leave = Hint::new(&["Esc", "Ctrl-c", "Ctrl-g"], "leave");
    let choose = Hint::new(&["Down", "Up", "Ctrl-n", "Ctrl-p", "Shift-Tab"], "choose").shown_as("Up Down");
    match prompt {
        Prompt::Filter(_) => vec![Hint::new(&["Enter"], "keep the filter"), leave, choose],
        Prompt::Palette(_) => {
            vec![Hint::new(&["Enter"], "run"), leave, Hint::new(&["Tab"], "complete"), choose]
        }
    }
}
