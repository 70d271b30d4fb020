//! Keys: into the line being typed, into the dialog on top, or into commands.

use tui_input::InputRequest;

use super::{App, Prompt};
use crate::tui::command::{Command, CommandSpec};
use crate::tui::dialogs::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::Notice;
use crate::tui::filter::FilterPrompt;
use crate::tui::keymap::{Key, PromptKey};

impl App {
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        // Whoever goes on has read it.
        self.notice = None;
        // A terminal sends Alt and a key as Escape and the key, and a slow line brings Escape and the next key in one
        // piece: no key here has Alt, so both are meant one after the other.
        if let Some((first, second)) = key.as_escape_and_key() {
            let mut effects = self.key(first);
            effects.extend(self.key(second));
            return effects;
        }
        if self.prompt.is_some() {
            return self.prompt_key(key);
        }
        if let Some(effects) = self.acting_key(key) {
            return effects;
        }
        match self.keymap.command(key) {
            Some(command) => self.run(command, None),
            None => Vec::new(),
        }
    }

    fn prompt_key(&mut self, key: Key) -> Vec<Effect> {
        match PromptKey::of(key) {
            Some(PromptKey::Accept) => return self.accept(),
            Some(PromptKey::Cancel) => self.cancel(),
            Some(PromptKey::Complete) => {
                if let Some(Prompt::Palette(palette)) = &mut self.prompt {
                    palette.complete();
                }
            }
            Some(PromptKey::Up) => self.move_in_prompt(-1),
            Some(PromptKey::Down) => self.move_in_prompt(1),
            None => match key.edit() {
                Some(InputRequest::DeletePrevChar) if self.prompt_is_empty() => self.cancel(),
                Some(request) => self.edit(request),
                None => {}
            },
        }
        Vec::new()
    }

    fn prompt_is_empty(&self) -> bool {
        match &self.prompt {
            Some(Prompt::Filter(filter)) => filter.input.value().is_empty(),
            Some(Prompt::Palette(palette)) => palette.input.value().is_empty(),
            None => false,
        }
    }

    fn edit(&mut self, request: InputRequest) {
        if let (None, Some(Dialog::PendingAction(pending_action))) = (&self.prompt, self.dialogs.last_mut()) {
            if let Some(typing) = &mut pending_action.typing {
                typing.input.handle(request);
            }
            return;
        }
        match &mut self.prompt {
            Some(Prompt::Filter(filter)) => {
                filter.input.handle(request);
                let text = filter.input.value().to_owned();
                self.set_filter(text);
            }
            Some(Prompt::Palette(palette)) => {
                palette.input.handle(request);
                palette.selected = 0;
            }
            None => {}
        }
    }

    /// Text pasted goes where one types, and nowhere else: a pasted text is no row of commands.
    pub(super) fn paste(&mut self, text: &str) {
        let clean = crate::model::text::Text::new(text);
        for c in clean.as_str().chars() {
            self.edit(InputRequest::InsertChar(c));
        }
    }

    fn move_in_prompt(&mut self, step: isize) {
        match &mut self.prompt {
            Some(Prompt::Palette(palette)) => {
                let last = palette.entries().len().saturating_sub(1);
                palette.selected = palette.selected.min(last).saturating_add_signed(step).min(last);
            }
            Some(Prompt::Filter(_)) => {
                self.select(|present, rows| present.saturating_add_signed(step).min(rows.saturating_sub(1)));
            }
            None => {}
        }
    }

    fn accept(&mut self) -> Vec<Effect> {
        match self.prompt.take() {
            Some(Prompt::Palette(palette)) => match palette.chosen() {
                Some((spec, argument)) => self.typed(spec, argument),
                None => {
                    if !palette.input.value().trim().is_empty() {
                        self.tell(Notice::failed(format!("no command {}", palette.input.value().trim())));
                    }
                    Vec::new()
                }
            },
            Some(Prompt::Filter(_)) | None => Vec::new(),
        }
    }

    /// What a command still needs to be typed behind it, where that can be chosen from: nothing is selected that would say it.
    fn lacks(&self, spec: &CommandSpec, argument: Option<&str>) -> bool {
        let is_left_out = argument.is_none_or(|text| text.trim().is_empty());
        let may = match spec.command {
            Command::Act(verb) => self.may_act().is_ok() && self.resolve_intent(verb, None).is_err(),
            Command::Cluster => self.clusters.len() > 1,
            _ => false,
        };
        is_left_out && may && self.choices().of(spec.argument)
    }

    /// Does a command that was typed out: it is meant for what lies below a dialog, but for what each dialog knows.
    fn typed(&mut self, spec: &CommandSpec, argument: Option<String>) -> Vec<Effect> {
        if self.lacks(spec, argument.as_deref()) {
            self.open_palette_with(&format!("{} ", spec.name));
            return Vec::new();
        }
        let is_meant_for_the_dialog = matches!(
            spec.command,
            Command::Help
                | Command::Close
                | Command::Back
                | Command::CopyRow
                | Command::CopyName
                | Command::SaveScreen
                | Command::PollNow
                | Command::Redraw
                | Command::Mouse
                | Command::Suspend
                | Command::Quit
        );
        if is_meant_for_the_dialog {
            return self.run(spec.command, argument);
        }
        // What is asked there is asked no more: nothing was begun.
        while !self.dialogs.is_empty() {
            self.close_dialog();
        }
        self.carry_out(spec.command, argument)
    }

    fn cancel(&mut self) {
        if let Some(Prompt::Filter(filter)) = self.prompt.take() {
            self.set_filter(filter.before);
        }
    }

    pub(super) fn open_filter(&mut self) {
        if let Some((key, _)) = self.focused_table() {
            let present = self.table_state(key.0, &key.1).filter;
            self.prompt = Some(Prompt::Filter(FilterPrompt::new(&present)));
        }
    }

    pub(super) fn set_filter(&mut self, text: String) {
        if let Some((key, _)) = self.focused_table() {
            self.tables.entry(key).or_default().filter = text;
        }
    }

    /// What a command means where it is asked whether to leave: the key of copying is that of yes too.
    fn while_leaving(&mut self, command: Command) -> Option<Vec<Effect>> {
        match command {
            Command::Back | Command::Close => {
                self.close_dialog();
                Some(Vec::new())
            }
            Command::Detail | Command::CopyRow => Some(self.leave()),
            Command::Quit | Command::Redraw | Command::Suspend => None,
            _ => Some(Vec::new()),
        }
    }

    /// What a command means while a dialog is open. `None`: what it always means.
    pub(super) fn in_dialog(&mut self, command: Command) -> Option<Vec<Effect>> {
        let (total, visible) = self.surface.dialog;
        let page = isize::try_from(visible.max(2) - 1).unwrap_or(1);
        let dialog = self.dialogs.last_mut()?;
        if matches!(dialog, Dialog::Leaving) {
            return self.while_leaving(command);
        }
        let step = match command {
            Command::Up => -1,
            Command::Down => 1,
            Command::PageUp => -page,
            Command::PageDown => page,
            Command::First => isize::MIN / 2,
            Command::Last => isize::MAX / 2,
            Command::Back | Command::Close => {
                self.close_dialog();
                return Some(Vec::new());
            }
            Command::Detail => {
                // Enter takes what a list offers, and leaves everything else.
                self.dialogs.pop();
                return Some(Vec::new());
            }
            Command::CopyRow | Command::CopyName => return Some(vec![Effect::Copy(self.dialog_text())]),
            Command::View(_) => {
                while !self.dialogs.is_empty() {
                    self.close_dialog();
                }
                return None;
            }
            Command::Actions if matches!(dialog, Dialog::Actions { .. }) || !dialog.is_informational() => {
                return Some(Vec::new());
            }
            Command::Help if matches!(dialog, Dialog::Help { .. }) => {
                self.close_dialog();
                return Some(Vec::new());
            }
            Command::Quit
            | Command::Freeze
            | Command::StepBack
            | Command::StepForward
            | Command::PollNow
            | Command::SaveScreen
            | Command::Mouse
            | Command::Redraw
            | Command::Suspend
            | Command::Help
            // The header promises it.
            | Command::Actions
            | Command::Palette => return None,
            _ => return Some(Vec::new()),
        };
        dialog.scroll(step, total, visible);
        if let Dialog::Themes { names, selected, .. } = dialog {
            let name = names.get(*selected).cloned().unwrap_or_default();
            self.preview(&name);
        }
        Some(Vec::new())
    }
}
