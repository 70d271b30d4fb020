//! Performing effects.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Finished, Runner, Urgency, save, signals};
use crate::model::text::Text;
use crate::observe::picture::Order;
use crate::report::alerts::{Alert, Change};
use crate::tui::clipboard::{copy_sequence, notify_sequence};
use crate::tui::effect::{Effect, Outcome, PsqlTarget};
use crate::tui::event::{ClusterIndex, Event, Notice};
use crate::tui::{export, terminal};

/// How long to wait for the stop to take hold and be lifted, before taking the terminal back without one.
const STOP: Duration = Duration::from_millis(500);

impl Runner {
    /// Performs an effect. Returns why the console ends, where it does.
    pub(super) async fn perform(&mut self, effect: Effect) -> Option<Outcome> {
        match effect {
            Effect::Quit(outcome) => return Some(outcome),
            Effect::Order(index, order) => {
                if let Some(handle) = self.console.handles.get(index) {
                    handle.order(order);
                }
            }
            Effect::Interval(interval) => {
                self.console.handles.iter().for_each(|handle| handle.order(Order::SetInterval(interval)));
            }
            Effect::Copy(text) => match copy_sequence(&text, self.console.options.multiplexer) {
                Some(sequence) => self.writer.send(sequence.into_bytes()),
                None => self.say(Notice::failed("too long for the clipboard; save the screen instead (w)")),
            },
            Effect::SaveScreen => self.save_screen(),
            Effect::Evidence(cluster, picture) => {
                if let Some(hook) = &self.console.hooks.evidence {
                    let written = hook(cluster, picture);
                    let home = self.console.options.home.clone();
                    self.jobs.push(
                        written
                            .map(move |written| match written {
                                Ok(path) => {
                                    Notice::done(format!("evidence written to {}", save::short(&path, home.as_deref())))
                                }
                                Err(why) => Notice::failed(format!("no evidence written: {why}")),
                            })
                            .map(Finished::Told)
                            .boxed(),
                    );
                }
            }
            Effect::Psql(target) => return self.psql(target).await,
            Effect::Begin { ticket, plan, confirmation } => {
                if let Some(hand) = &self.console.hooks.hand {
                    let begun = hand.begin(*plan, confirmation);
                    self.jobs.push(begun.map(move |begun| Finished::Begun(ticket, begun)).boxed());
                }
            }
            Effect::Follow { ticket, action } => {
                if let Some(ledger) = &self.console.hooks.ledger {
                    let news = ledger.follow(&action);
                    self.listen(ticket, news);
                }
            }
            Effect::End(action) => {
                if let Some(hand) = &self.console.hooks.hand {
                    let asked = hand.ask_to_end(&action);
                    self.jobs.push(asked.map(|asked| Finished::Told(written("asked to end", asked))).boxed());
                }
            }
            Effect::Acknowledge(action) => {
                if let Some(hand) = &self.console.hooks.hand {
                    let known = hand.acknowledge(&action);
                    self.jobs.push(known.map(|known| Finished::Told(written("written down", known))).boxed());
                }
            }
            Effect::Strike { action, steps } => {
                if let (Some(hand), Some(ledger)) = (&self.console.hooks.hand, &self.console.hooks.ledger) {
                    let (struck, list) = (hand.strike(&action, steps), ledger.list());
                    let struck_and_read = async move {
                        if let Err(error) = struck.await {
                            // The world was asked; the book only looks as if it were still owed.
                            tracing::warn!(error, action = action.0, "what is owed no more is not struck out");
                        }
                        Finished::Listed(list.await)
                    };
                    self.jobs.push(struck_and_read.boxed());
                }
            }
            Effect::Know { cluster, finding, known } => {
                if let Some(hook) = &self.console.hooks.know {
                    let what = if known.is_some() { "acknowledged" } else { "not acknowledged any more" };
                    let done = hook(cluster, *finding, known);
                    self.jobs.push(done.map(move |done| Finished::Told(written(what, done))).boxed());
                }
            }
            Effect::List => {
                if let Some(ledger) = &self.console.hooks.ledger {
                    self.jobs.push(ledger.list().map(Finished::Listed).boxed());
                }
            }
            Effect::Reports(index) => {
                if let (Some(drills), Some(handle)) = (&self.console.hooks.drills, self.console.handles.get(index)) {
                    let reports = drills.reports(&handle.cluster);
                    self.jobs.push(reports.map(move |reports| Finished::Reports(index, reports)).boxed());
                }
            }
            Effect::Prepare { ticket, cluster, scenario } => {
                if let (Some(drills), Some(handle)) = (&self.console.hooks.drills, self.console.handles.get(cluster)) {
                    let desk = drills.prepare(&handle.cluster, scenario);
                    self.jobs.push(desk.map(move |desk| Finished::Prepared(ticket, desk)).boxed());
                }
            }
            Effect::Edit { cluster, text } => return self.edit(cluster, text).await,
            Effect::Mouse(on) => self.writer.send(terminal::mouse_sequence(on)),
            Effect::Suspend => return self.suspend().await,
            Effect::Redraw => {
                // A stop from outside leaves the terminal as the shell had it: take it anew.
                self.go_away().await;
                return self.come_back().is_err().then_some(Outcome::TerminalLost);
            }
            Effect::Alert(alert) => self.alert(alert),
        }
        None
    }

    fn say(&mut self, notice: Notice) {
        self.jobs.push(std::future::ready(Finished::Told(notice)).boxed());
    }

    fn save_screen(&mut self) {
        let Ok(size) = self.terminal.size() else { return };
        let buffer = self.app.screen(size.width, size.height);
        let (text, picture) = (export::text(&buffer), export::svg(&buffer, self.app.theme()));
        let directory = self.console.options.save_directory.clone();
        let name = self.app.save_name();
        let home = self.console.options.home.clone();
        let job = tokio::task::spawn_blocking(move || save::save(&directory, &name, &text, &picture));
        let told: BoxFuture<'static, Finished> = job
            .map(move |saved| match saved {
                Ok(Ok(path)) => Notice::done(format!("screen saved as {}", save::told(&path, home.as_deref()))),
                Ok(Err(why)) => Notice::failed(format!("screen not saved: {why}")),
                Err(_) => Notice::failed("screen not saved"),
            })
            .map(Finished::Told)
            .boxed();
        self.jobs.push(told);
    }

    /// Gives the terminal to psql and takes it back, whatever became of psql.
    async fn psql(&mut self, target: PsqlTarget) -> Option<Outcome> {
        let hook = self.console.hooks.psql.clone()?;
        self.go_away().await;
        let ended = tokio::select! {
            ended = hook(target) => ended,
            signal = self.signals.next_fatal() => return Some(Outcome::Signal(signal)),
        };
        if self.come_back().is_err() {
            return Some(Outcome::TerminalLost);
        }
        if let Err(why) = ended {
            self.say(Notice::failed(format!("psql: {why}")));
        }
        None
    }

    /// Gives the terminal to the operator's editor and takes it back, with what became of the text.
    async fn edit(&mut self, cluster: ClusterIndex, text: String) -> Option<Outcome> {
        let hook = self.console.hooks.editor.clone()?;
        self.go_away().await;
        let edited = tokio::select! {
            edited = hook(text) => edited,
            signal = self.signals.next_fatal() => return Some(Outcome::Signal(signal)),
        };
        if self.come_back().is_err() {
            return Some(Outcome::TerminalLost);
        }
        match edited {
            Ok(text) => {
                let at = self.start.elapsed();
                let effects = self.app.update(Event::Edited { cluster, text }, at);
                for effect in effects {
                    if let Some(outcome) = Box::pin(self.perform(effect)).await {
                        return Some(outcome);
                    }
                }
            }
            Err(why) => self.say(Notice::failed(why)),
        }
        None
    }

    async fn suspend(&mut self) -> Option<Outcome> {
        self.go_away().await;
        let stopped = signals::stop();
        if stopped.is_ok() {
            // Running again means that SIGCONT came; without job control nothing stops, and nothing comes.
            let _ = tokio::time::timeout(STOP, self.signals.next()).await;
        }
        self.dirty = Some(Urgency::Now);
        self.come_back().is_err().then_some(Outcome::TerminalLost)
    }

    fn alert(&mut self, alert: Alert) {
        let alerts = self.console.options.alerts;
        if alerts.bell && alert.change != Change::Ended {
            self.writer.send(vec![7]);
        }
        if alerts.desktop {
            let word = if alert.change == Change::Ended { "over: " } else { "" };
            let text = Text::new(format!("{}: {word}{}", alert.cluster, alert.finding.title));
            self.writer.send(notify_sequence(&text, self.console.options.multiplexer).into_bytes());
        }
        if let Some(hook) = &self.console.hooks.alert {
            hook(alert);
        }
    }
}

/// What is said of something that was written down, or was not.
fn written(what: &str, written: Result<(), String>) -> Notice {
    match written {
        Ok(()) => Notice::done(what),
        Err(why) => Notice::failed(format!("not {what}: {why}")),
    }
}
