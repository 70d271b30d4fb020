//! Keys in the dialog in which an action is shown and confirmed.

use super::draft::{Answered, Ask, Draft};
use super::draft_lines::OLDEST;
use super::keys::paged;
use crate::action::Intent;
use crate::action::intent::DRAIN_WAIT;
use crate::action::note::Verdict;
use crate::action::typed::moment;
use crate::config::duration;
use crate::observe::picture::Order;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::effect::Effect;
use crate::tui::event::Notice;
use crate::tui::keymap::{ActingKey, Key, PromptKey};

impl App {
    /// What `key` does to a draft that is out of the list of dialogs, and whether it goes back there.
    pub(super) fn draft_key(&mut self, draft: &mut Draft, key: Key) -> (bool, Option<Vec<Effect>>) {
        draft.touch(self.at);
        if draft.typing.is_some() {
            return self.typing_key(draft, key);
        }
        let Some(key) = ActingKey::of(key) else { return (true, None) };
        let effects = match key {
            ActingKey::Leave => return (false, Some(Vec::new())),
            ActingKey::Enter => {
                match self.refusal(draft) {
                    Some(why) => self.tell(Notice::failed(why)),
                    None => draft.ask(),
                }
                Vec::new()
            }
            ActingKey::Up | ActingKey::Letter('k') => scrolled(draft, -1, self.surface.dialog),
            ActingKey::Down | ActingKey::Letter('j') => scrolled(draft, 1, self.surface.dialog),
            ActingKey::PageUp => scrolled(draft, -paged(self.surface.dialog), self.surface.dialog),
            ActingKey::PageDown => scrolled(draft, paged(self.surface.dialog), self.surface.dialog),
            ActingKey::Next => self.wants(draft, draft.next_candidate(1)),
            ActingKey::Previous => self.wants(draft, draft.next_candidate(-1)),
            ActingKey::Letter('c') if draft.notes().is_empty() => Vec::new(),
            ActingKey::Letter('c') => {
                draft.all = !draft.all;
                Vec::new()
            }
            ActingKey::Letter('y') => return (true, Some(self.copy_equivalent(draft))),
            ActingKey::Letter('o') => {
                if draft.can_override() {
                    draft.override_next();
                } else {
                    self.tell(Notice::failed("no check that blocks can be overridden"));
                }
                Vec::new()
            }
            ActingKey::Letter('d') => self.dry_run(draft),
            ActingKey::Letter('t') => {
                if let Some(ask) = draft.asks_for_time() {
                    draft.ask_for(ask, "");
                }
                Vec::new()
            }
            ActingKey::Letter('w' | '?' | ':') => return (true, None),
            ActingKey::Letter('g') if draft.turned('g').is_none() => {
                scrolled(draft, isize::MIN / 2, self.surface.dialog)
            }
            ActingKey::Letter('G') => scrolled(draft, isize::MAX / 2, self.surface.dialog),
            ActingKey::Letter(letter) => match &draft.intent {
                Intent::Configure { changes } if letter == 'e' && self.acting.has_editor => {
                    // It stays, should nothing come of it.
                    self.edit_configuration(draft.cluster, changes)
                }
                Intent::Configure { .. } if letter == 'e' => {
                    self.tell(Notice::failed("not available in this console"));
                    Vec::new()
                }
                _ => self.wants(draft, draft.turned(letter)),
            },
        };
        (true, Some(effects))
    }

    fn typing_key(&mut self, draft: &mut Draft, key: Key) -> (bool, Option<Vec<Effect>>) {
        let nothing = (true, Some(Vec::new()));
        if PromptKey::of(key) == Some(PromptKey::Cancel) {
            draft.typing = None;
            return nothing;
        }
        let is_yes = draft.typing.as_ref().is_some_and(|typing| typing.ask == Ask::Yes);
        let answered = if is_yes {
            if ActingKey::of(key) != Some(ActingKey::Letter('y')) {
                draft.typing = None;
                return nothing;
            }
            draft.confirmed(None)
        } else if PromptKey::of(key) == Some(PromptKey::Accept) {
            draft.answer()
        } else {
            if let (Some(typing), Some(request)) = (&mut draft.typing, key.edit()) {
                typing.input.handle(request);
            }
            return nothing;
        };
        match answered {
            Answered::Further => nothing,
            Answered::Time(typed) => {
                let when =
                    if typed.is_empty() { Ok(None) } else { moment(&typed, self.wall_of_draft(draft)).map(Some) };
                match when {
                    Ok(when) => {
                        let intent = draft.timed(when);
                        (true, Some(self.wants(draft, Some(intent))))
                    }
                    Err(why) => {
                        draft.word = Some((Tone::Look, why.to_string()));
                        nothing
                    }
                }
            }
            Answered::Wait(typed) => {
                let wait = if typed.is_empty() { Ok(DRAIN_WAIT) } else { duration(&typed) };
                match wait {
                    Ok(wait) => {
                        let intent = draft.waiting(wait);
                        (true, Some(self.wants(draft, Some(intent))))
                    }
                    Err(why) => {
                        draft.word = Some((Tone::Look, why));
                        nothing
                    }
                }
            }
            Answered::Target(typed) => {
                let target = if typed.is_empty() { Ok(None) } else { duration(&typed).map(Some) };
                match target {
                    Ok(target) => {
                        let intent = draft.aiming(target);
                        (true, Some(self.wants(draft, Some(intent))))
                    }
                    Err(why) => {
                        draft.word = Some((Tone::Look, why));
                        nothing
                    }
                }
            }
            Answered::Confirmed(plan, confirmation) => match self.refusal(draft) {
                Some(why) => {
                    self.tell(Notice::failed(why));
                    nothing
                }
                None => (false, Some(self.begin(draft.cluster, plan, confirmation))),
            },
        }
    }

    fn wall_of_draft(&self, draft: &Draft) -> jiff::Timestamp {
        self.clusters.get(draft.cluster).map_or_else(jiff::Timestamp::default, |cluster| self.wall_of(cluster))
    }

    fn wants(&mut self, draft: &mut Draft, intent: Option<Intent>) -> Vec<Effect> {
        let (Some(intent), Some(cluster)) = (intent, self.clusters.get(draft.cluster)) else { return Vec::new() };
        draft.want(intent, &cluster.live().snapshot);
        Vec::new()
    }

    fn copy_equivalent(&mut self, draft: &Draft) -> Vec<Effect> {
        let Some(text) = draft.plan().and_then(|plan| plan.equivalent.first()).map(ToString::to_string) else {
            self.tell(Notice::failed("there is no plan to copy"));
            return Vec::new();
        };
        self.tell(Notice::done("command copied"));
        vec![Effect::Copy(text)]
    }

    /// Asks every source again, and says whether it could be run. Nothing is sent.
    fn dry_run(&mut self, draft: &mut Draft) -> Vec<Effect> {
        draft.all = true;
        let warnings = draft.notes().iter().filter(|note| note.verdict == Verdict::Warn).count();
        draft.word = Some(match self.refusal(draft) {
            Some(why) => (Tone::Act, format!("dry run, nothing was sent: it would be refused: {why}")),
            None if warnings > 0 => {
                let warnings = crate::report::units::plural(warnings, "warning");
                (Tone::Look, format!("dry run, nothing was sent: it could be run, with {warnings}"))
            }
            None => (Tone::Well, "dry run, nothing was sent: nothing speaks against it".to_owned()),
        });
        vec![Effect::Order(draft.cluster, Order::PollNow)]
    }

    /// Why a draft cannot be confirmed; `None`: it can.
    pub(super) fn refusal(&self, draft: &Draft) -> Option<String> {
        let cluster = self.clusters.get(draft.cluster)?;
        let snapshot = &cluster.live().snapshot;
        if let Err(why) = &draft.drawn {
            return Some(why.to_string());
        }
        let age = cluster.since_live(self.at);
        if age > OLDEST.max(self.interval * 3) {
            return Some(format!("the picture is {} old", crate::report::units::duration(age)));
        }
        let lock = snapshot.recorded(|content| content.lock.clone()).filter(|lock| lock.fresh);
        if let Some(lock) = lock {
            return Some(format!("the operation lock is held: {}", lock.value.words()));
        }
        match draft.blocks().len() {
            0 => None,
            1 => Some("a check blocks".to_owned()),
            count => Some(format!("{count} checks block")),
        }
    }
}

fn scrolled(draft: &mut Draft, step: isize, (total, visible): (usize, usize)) -> Vec<Effect> {
    draft.scroll = draft.scroll.saturating_add_signed(step).min(total.saturating_sub(visible));
    Vec::new()
}
