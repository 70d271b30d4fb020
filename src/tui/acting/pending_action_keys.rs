//! Keys in the dialog in which an action is shown and confirmed.

use super::dialog_options;
use super::keys::paged;
use super::pending_action::{Ask, AskOutcome, PendingAction};
use super::pending_action_lines::MAX_CHECK_AGE;
use crate::action::Intent;
use crate::action::intent::ConfigurationIntent;
use crate::action::note::CheckVerdict;
use crate::observe::picture::Order;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::effect::Effect;
use crate::tui::event::Notice;
use crate::tui::keymap::{ActingKey, Key, PromptKey};

impl App {
    /// What `key` does to a draft that is out of the list of dialogs, and whether it goes back there.
    pub(super) fn pending_action_key(
        &mut self,
        pending_action: &mut PendingAction,
        key: Key,
    ) -> (bool, Option<Vec<Effect>>) {
        pending_action.touch(self.at);
        if pending_action.typing.is_some() {
            return self.typing_key(pending_action, key);
        }
        let Some(key) = ActingKey::of(key) else { return (true, None) };
        let effects = match key {
            ActingKey::Leave => return (false, Some(Vec::new())),
            ActingKey::Enter => {
                match self.refusal(pending_action) {
                    Some(why) => self.tell(Notice::failed(why)),
                    None => pending_action.ask(),
                }
                Vec::new()
            }
            ActingKey::Up | ActingKey::Letter('k') => scrolled(pending_action, -1, self.surface.dialog),
            ActingKey::Down | ActingKey::Letter('j') => scrolled(pending_action, 1, self.surface.dialog),
            ActingKey::PageUp => scrolled(pending_action, -paged(self.surface.dialog), self.surface.dialog),
            ActingKey::PageDown => scrolled(pending_action, paged(self.surface.dialog), self.surface.dialog),
            ActingKey::Next => self.wants(pending_action, pending_action.next_candidate(1)),
            ActingKey::Previous => self.wants(pending_action, pending_action.next_candidate(-1)),
            ActingKey::Letter('c') if pending_action.notes().is_empty() => Vec::new(),
            ActingKey::Letter('c') => {
                pending_action.all = !pending_action.all;
                Vec::new()
            }
            ActingKey::Letter('y') => return (true, Some(self.copy_equivalent(pending_action))),
            ActingKey::Letter('o') => {
                if pending_action.can_override() {
                    pending_action.override_next();
                } else {
                    self.tell(Notice::failed("no blocking check can be overridden"));
                }
                Vec::new()
            }
            ActingKey::Letter('d') => self.dry_run(pending_action),
            ActingKey::Letter('t') => {
                if let Some(option) = dialog_options::option(&pending_action.intent, 't') {
                    pending_action.ask_for(Ask::Option(option), "");
                }
                Vec::new()
            }
            ActingKey::Letter('w' | '?' | ':') => return (true, None),
            ActingKey::Letter('g') if pending_action.with_next_value('g').is_none() => {
                scrolled(pending_action, isize::MIN / 2, self.surface.dialog)
            }
            ActingKey::Letter('G') => scrolled(pending_action, isize::MAX / 2, self.surface.dialog),
            ActingKey::Letter(letter) => match &pending_action.intent {
                Intent::Configuration(ConfigurationIntent::Configure { changes })
                    if letter == 'e' && self.acting.has_editor =>
                {
                    // It stays, should nothing come of it.
                    self.edit_configuration(pending_action.cluster, changes)
                }
                Intent::Configuration(ConfigurationIntent::Configure { .. }) if letter == 'e' => {
                    self.tell(Notice::failed("not available in this console"));
                    Vec::new()
                }
                _ => self.wants(pending_action, pending_action.with_next_value(letter)),
            },
        };
        (true, Some(effects))
    }

    fn typing_key(&mut self, pending_action: &mut PendingAction, key: Key) -> (bool, Option<Vec<Effect>>) {
        let nothing = (true, Some(Vec::new()));
        if PromptKey::of(key) == Some(PromptKey::Cancel) {
            pending_action.typing = None;
            return nothing;
        }
        let is_yes = pending_action.typing.as_ref().is_some_and(|typing| typing.ask == Ask::Yes);
        let answered = if is_yes {
            if ActingKey::of(key) != Some(ActingKey::Letter('y')) {
                pending_action.typing = None;
                return nothing;
            }
            pending_action.confirmed(None)
        } else if PromptKey::of(key) == Some(PromptKey::Accept) {
            pending_action.answer()
        } else {
            if let (Some(typing), Some(request)) = (&mut pending_action.typing, key.edit()) {
                typing.input.handle(request);
            }
            return nothing;
        };
        match answered {
            AskOutcome::Further => nothing,
            AskOutcome::Option(option, typed) => {
                let wall = self.wall_of_pending_action(pending_action);
                match option.typed(&pending_action.intent, &typed, wall) {
                    Ok(intent) => (true, Some(self.wants(pending_action, Some(intent)))),
                    Err(why) => {
                        pending_action.word = Some((Tone::Warning, why));
                        nothing
                    }
                }
            }
            AskOutcome::Confirmed(plan, confirmation) => match self.refusal(pending_action) {
                Some(why) => {
                    self.tell(Notice::failed(why));
                    nothing
                }
                None => (false, Some(self.begin(pending_action.cluster, plan, confirmation))),
            },
        }
    }

    fn wall_of_pending_action(&self, pending_action: &PendingAction) -> jiff::Timestamp {
        self.clusters.get(pending_action.cluster).map_or_else(jiff::Timestamp::default, |cluster| self.wall_of(cluster))
    }

    fn wants(&mut self, pending_action: &mut PendingAction, intent: Option<Intent>) -> Vec<Effect> {
        let (Some(intent), Some(cluster)) = (intent, self.clusters.get(pending_action.cluster)) else {
            return Vec::new();
        };
        pending_action.request_action(intent, &cluster.live().snapshot);
        Vec::new()
    }

    fn copy_equivalent(&mut self, pending_action: &PendingAction) -> Vec<Effect> {
        let Some(text) = pending_action.plan().and_then(|plan| plan.equivalent.first()).map(ToString::to_string) else {
            self.tell(Notice::failed("no plan to copy"));
            return Vec::new();
        };
        self.tell(Notice::done("command copied"));
        vec![Effect::Copy(text)]
    }

    /// Asks every source again, and says whether it could be run. Nothing is sent.
    fn dry_run(&mut self, pending_action: &mut PendingAction) -> Vec<Effect> {
        pending_action.all = true;
        let warnings = pending_action.notes().iter().filter(|note| note.verdict == CheckVerdict::Warn).count();
        pending_action.word = Some(match self.refusal(pending_action) {
            Some(why) => (Tone::Critical, format!("dry run, nothing sent: the action would be refused: {why}")),
            None if warnings > 0 => {
                let warnings = crate::report::units::plural(warnings, "warning");
                (Tone::Warning, format!("dry run, nothing sent: the action can run, with {warnings}"))
            }
            None => (Tone::Ok, "dry run, nothing sent: all checks passed".to_owned()),
        });
        vec![Effect::Order(pending_action.cluster, Order::PollNow)]
    }

    /// Why a draft cannot be confirmed; `None`: it can.
    pub(super) fn refusal(&self, pending_action: &PendingAction) -> Option<String> {
        let cluster = self.clusters.get(pending_action.cluster)?;
        let snapshot = &cluster.live().snapshot;
        if let Err(why) = &pending_action.drawn {
            return Some(why.to_string());
        }
        let age = cluster.since_live(self.at);
        if age > MAX_CHECK_AGE.max(self.interval * 3) {
            return Some(format!("the data shown is {} old: too old to act on", crate::report::units::duration(age)));
        }
        let lock = snapshot.operation_lock().filter(|lock| lock.fresh);
        if let Some(lock) = lock {
            return Some(format!("the operation lock is held: {}", lock.value.describe()));
        }
        match pending_action.blocks().len() {
            0 => None,
            1 => Some("1 check blocks".to_owned()),
            count => Some(format!("{count} checks block")),
        }
    }
}

fn scrolled(pending_action: &mut PendingAction, step: isize, (total, visible): (usize, usize)) -> Vec<Effect> {
    pending_action.scroll = pending_action.scroll.saturating_add_signed(step).min(total.saturating_sub(visible));
    Vec::new()
}
