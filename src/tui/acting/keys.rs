//! Keys in the dialogs of actions, and what each of those dialogs shows.

use super::draft::{Answered, Ask, Draft};
use super::draft_lines::{self, OLDEST, Scene};
use super::sheet::Sheet;
use super::{listing, menu, preparing, remains, story, watch_lines};
use crate::action::Intent;
use crate::action::intent::DRAIN_WAIT;
use crate::action::note::Verdict;
use crate::action::typed::moment;
use crate::config::duration;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::Order;
use crate::operate::hand::Listed;
use crate::operate::job::JobState;
use crate::report::drill;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::command::{Command, Verb};
use crate::tui::dialogs::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::{Notice, Ticket};
use crate::tui::keymap::{ActingKey, Key, PromptKey};

impl App {
    /// Opens the dialog of `verb`.
    pub(in crate::tui) fn act(&mut self, verb: Verb, argument: Option<&str>) -> Vec<Effect> {
        if verb == Verb::Configure && argument.is_none_or(|text| text.trim().is_empty()) {
            self.open_palette_with("configure ");
            return Vec::new();
        }
        let argument = argument.map(str::trim).filter(|text| !text.is_empty());
        if verb == Verb::Drill && argument.is_none() && self.selected_scenario().is_none() {
            self.open_palette_with("drill ");
            return Vec::new();
        }
        match self.wish(verb, argument) {
            Ok(Intent::Drill { scenario, target }) => self.prepare_drill(self.focus, scenario, target),
            Ok(intent) => self.draft(self.focus, intent),
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

    fn ask_to_end(&mut self, ticket: Ticket) -> Vec<Effect> {
        let Some(watch) = self.acting.watches.iter_mut().find(|watch| watch.ticket == ticket) else {
            return Vec::new();
        };
        let told = if watch.is_over() {
            Err("it is over")
        } else if !watch.can_be_ended() {
            Err("it is past the point of no return: nothing ends it before its end")
        } else if !self.acting.has_hand {
            Err("this console is read-only")
        } else {
            watch.action.clone().ok_or("it is only just beginning: try again")
        };
        match told {
            Ok(action) => {
                watch.asked = true;
                self.tell(Notice::done("asked to end, as far as it still can"));
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
            Dialog::Draft(_) => {
                let Some(Dialog::Draft(mut draft)) = self.dialogs.pop() else { return None };
                let place = self.dialogs.len();
                let (keep, effects) = self.draft_key(&mut draft, key);
                if keep {
                    // What it opened stands above it.
                    self.dialogs.insert(place.min(self.dialogs.len()), Dialog::Draft(draft));
                }
                effects
            }
            Dialog::Preparing(preparing) => {
                let failed = preparing.failed.is_some();
                self.preparing_key(failed, key)
            }
            Dialog::Story { story, .. } => {
                let story = story.clone();
                self.story_key(&story, key)
            }
            Dialog::Menu { selected } => self.menu_key(*selected, key),
            Dialog::Watch { ticket, .. } => {
                let ticket = *ticket;
                match ActingKey::of(key)? {
                    ActingKey::Letter('x') => Some(self.ask_to_end(ticket)),
                    // Whoever types a name where none is asked for any more should still see what runs.
                    ActingKey::Enter if self.acting.watch(ticket).is_some_and(|watch| !watch.is_over()) => {
                        Some(Vec::new())
                    }
                    ActingKey::Enter => match self.story_of(ticket) {
                        Some(story) => {
                            self.dialogs.push(Dialog::Story { story, scroll: 0 });
                            Some(Vec::new())
                        }
                        None => self.plain_key(ActingKey::Enter),
                    },
                    other => self.plain_key(other),
                }
            }
            Dialog::Actions { selected } => self.listing_key(*selected, key),
            Dialog::Remains { action, .. } => {
                let action = action.clone();
                match ActingKey::of(key)? {
                    ActingKey::Letter('u') => Some(self.undo(&action)),
                    ActingKey::Letter('n') => {
                        self.dialogs.pop();
                        if self.acting.has_hand {
                            return Some(vec![Effect::Acknowledge(action), Effect::List]);
                        }
                        self.tell(Notice::failed("this console is read-only"));
                        Some(Vec::new())
                    }
                    other => self.plain_key(other),
                }
            }
            Dialog::Help { .. } | Dialog::Detail { .. } | Dialog::Message { .. } | Dialog::Themes { .. } => None,
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
            ActingKey::Letter('q' | 'w' | '?' | 'r') => return None,
            ActingKey::Next | ActingKey::Previous | ActingKey::Letter(_) => return Some(Vec::new()),
        };
        if let Some(dialog) = self.dialogs.last_mut() {
            dialog.scroll(step, total, visible);
        }
        Some(Vec::new())
    }

    fn menu_key(&mut self, selected: usize, key: Key) -> Option<Vec<Effect>> {
        let key = ActingKey::of(key)?;
        let chosen = match key {
            ActingKey::Letter(letter) => Command::menu().find(|(known, _)| *known == letter),
            ActingKey::Enter => Command::menu().nth(selected),
            _ => None,
        };
        let Some((_, spec)) = chosen else { return self.plain_key(key) };
        if let Err(reason) = self.availability(spec.command) {
            self.tell(Notice::failed(reason));
            return Some(Vec::new());
        }
        self.dialogs.pop();
        Some(self.run(spec.command, None))
    }

    fn listing_key(&mut self, selected: usize, key: Key) -> Option<Vec<Effect>> {
        let key = ActingKey::of(key)?;
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok());
        let one: Option<Listed> =
            listed.and_then(|listed| listed.get(selected.min(listed.len().saturating_sub(1)))).cloned();
        let Some(one) = one else { return self.plain_key(key) };
        match key {
            ActingKey::Enter if matches!(one.state, JobState::Died(_)) => {
                self.dialogs.push(Dialog::Remains { action: one.action().clone(), scroll: 0 });
                Some(Vec::new())
            }
            ActingKey::Enter => Some(self.attach(&one)),
            ActingKey::Letter('x') => {
                let told = match one.state {
                    _ if !self.acting.has_hand => Err("this console is read-only"),
                    JobState::Running(_) | JobState::Waiting => Ok(one.action().clone()),
                    JobState::Ended(_) | JobState::Died(_) => Err("it is over"),
                };
                Some(match told {
                    Ok(action) => {
                        self.tell(Notice::done("asked to end, as far as it still can"));
                        vec![Effect::End(action)]
                    }
                    Err(why) => {
                        self.tell(Notice::failed(why));
                        Vec::new()
                    }
                })
            }
            other => self.plain_key(other),
        }
    }

    /// What `key` does to a draft that is out of the list of dialogs, and whether it goes back there.
    fn draft_key(&mut self, draft: &mut Draft, key: Key) -> (bool, Option<Vec<Effect>>) {
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
            ActingKey::Letter('c') => {
                draft.all = !draft.all;
                Vec::new()
            }
            ActingKey::Letter('y') => return (true, Some(self.copy_equivalent(draft))),
            ActingKey::Letter('o') => {
                draft.override_next();
                Vec::new()
            }
            ActingKey::Letter('d') => self.dry_run(draft),
            ActingKey::Letter('t') => {
                if let Some(ask) = draft.asks_for_time() {
                    draft.ask_for(ask, "");
                }
                Vec::new()
            }
            ActingKey::Letter('q' | 'w' | '?') => return (true, None),
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
                let when = if typed.is_empty() { Ok(None) } else { moment(&typed, self.wall_of(draft)).map(Some) };
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

    fn wall_of(&self, draft: &Draft) -> jiff::Timestamp {
        let Some(cluster) = self.clusters.get(draft.cluster) else { return jiff::Timestamp::default() };
        let wall = cluster.live().snapshot.wall;
        wall.checked_add(cluster.since_live(self.at)).unwrap_or(wall)
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
    fn refusal(&self, draft: &Draft) -> Option<String> {
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

    /// What the dialog of an action shows in `width` columns; `None`: it is another dialog.
    pub(in crate::tui) fn sheet(&self, dialog: &Dialog, width: usize) -> Option<Sheet> {
        Some(match dialog {
            Dialog::Draft(draft) => {
                let cluster = self.clusters.get(draft.cluster)?;
                let scene = Scene {
                    snapshot: &cluster.live().snapshot,
                    now: cluster.live().snapshot.now + cluster.since_live(self.at),
                    zone: &self.options.zone,
                    refusal: self.refusal(draft),
                    width,
                };
                draft_lines::sheet(draft, &scene)
            }
            Dialog::Preparing(preparing) => {
                let name = &self.clusters.get(preparing.cluster)?.name;
                let expected = drill::expectation(self.acting.practice.known(preparing.cluster), preparing.scenario);
                preparing::sheet(preparing, name.as_str(), &expected, self.at, width)
            }
            Dialog::Story { story, scroll } => {
                story::sheet(story, self.acting.practice.known(story.cluster), &self.options.zone, *scroll, width)
            }
            Dialog::Menu { selected } => menu::sheet(self, *selected, width),
            Dialog::Watch { ticket, scroll } => {
                let watch = self.acting.watch(*ticket)?;
                let report = self.report_of(watch);
                watch_lines::sheet(watch, self.picture_of(&watch.cluster), report, *scroll, width)
            }
            Dialog::Actions { selected } => {
                listing::sheet(self.acting.listed.as_ref(), *selected, &self.options.zone, width)
            }
            Dialog::Remains { action, scroll } => {
                let one = self.acting.listed(action)?;
                let cluster = &one.request.plan.cluster;
                let picture = self.picture_of(cluster).map(|snapshot| (snapshot, snapshot.now));
                remains::sheet(one, picture, *scroll, width)
            }
            Dialog::Help { .. } | Dialog::Detail { .. } | Dialog::Message { .. } | Dialog::Themes { .. } => {
                return None;
            }
        })
    }

    fn picture_of(&self, name: &crate::model::name::ClusterName) -> Option<&Snapshot> {
        let cluster = self.clusters.iter().find(|cluster| cluster.name == *name)?;
        Some(&cluster.live().snapshot)
    }
}

fn paged((_, visible): (usize, usize)) -> isize {
    isize::try_from(visible.max(2) - 1).unwrap_or(1)
}

fn scrolled(draft: &mut Draft, step: isize, (total, visible): (usize, usize)) -> Vec<Effect> {
    draft.scroll = draft.scroll.saturating_add_signed(step).min(total.saturating_sub(visible));
    Vec::new()
}
