//! Performing effects.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{BackgroundResult, Runner, Urgency, save, signals};
use crate::model::text::Text;
use crate::observe::once::settled;
use crate::observe::picture::Order;
use crate::report::alerts::{Alert, Change};
use crate::tui::clipboard::{copy_sequence, notify_sequence};
use crate::tui::effect::{Effect, Outcome, PsqlTarget};
use crate::tui::event::{ClusterIndex, Event, Notice};
use crate::tui::{export, terminal};

/// How long a picture may take from which more is asked.
const SETTLED: Duration = Duration::from_secs(5);
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
                            .map(BackgroundResult::NoticeReady)
                            .boxed(),
                    );
                }
            }
            Effect::Psql(target) => return self.psql(target).await,
            Effect::Begin { ticket, plan, confirmation } => {
                if let Some(launcher) = &self.console.hooks.launcher {
                    let begun = launcher.begin(*plan, confirmation);
                    self.jobs.push(begun.map(move |begun| BackgroundResult::ActionStarted(ticket, begun)).boxed());
                }
            }
            Effect::Follow { ticket, action } => {
                if let Some(job_store) = &self.console.hooks.job_store {
                    let updates = job_store.follow(&action);
                    self.listen(ticket, updates);
                }
            }
            Effect::End(action) => {
                if let Some(launcher) = &self.console.hooks.launcher {
                    let asked = launcher.ask_to_end(&action);
                    self.jobs.push(
                        asked
                            .map(|asked| BackgroundResult::NoticeReady(written("cancellation requested", asked)))
                            .boxed(),
                    );
                }
            }
            Effect::Acknowledge(action) => {
                if let Some(launcher) = &self.console.hooks.launcher {
                    let known = launcher.acknowledge(&action);
                    self.jobs.push(known.map(|known| BackgroundResult::NoticeReady(written("logged", known))).boxed());
                }
            }
            Effect::Strike { action, steps } => {
                if let (Some(launcher), Some(job_store)) = (&self.console.hooks.launcher, &self.console.hooks.job_store)
                {
                    let (injected, list) = (launcher.mark_reverted(&action, steps), job_store.list());
                    let struck_and_read = async move {
                        if let Err(error) = injected.await {
                            // The world was asked; the book only looks as if it were still owed.
                            tracing::warn!(error, action = action.0, "a completed undo was not removed from the list");
                        }
                        BackgroundResult::ActionsListed(list.await)
                    };
                    self.jobs.push(struck_and_read.boxed());
                }
            }
            Effect::Know { cluster, finding, known } => {
                if let Some(hook) = &self.console.hooks.acknowledge {
                    let what = if known.is_some() { "acknowledged" } else { "not acknowledged any more" };
                    let done = hook(cluster, *finding, known);
                    self.jobs.push(done.map(move |done| BackgroundResult::NoticeReady(written(what, done))).boxed());
                }
            }
            Effect::List => {
                if let Some(job_store) = &self.console.hooks.job_store {
                    self.jobs.push(job_store.list().map(BackgroundResult::ActionsListed).boxed());
                }
            }
            Effect::Reports(index) => {
                if let (Some(drills), Some(handle)) = (&self.console.hooks.drills, self.console.handles.get(index)) {
                    let reports = drills.reports(&handle.cluster);
                    self.jobs
                        .push(reports.map(move |reports| BackgroundResult::DrillReportsRead(index, reports)).boxed());
                }
            }
            Effect::Prepare { ticket, cluster, intent } => {
                if let Some(handle) = self.console.handles.get(cluster)
                    && let Some(plan_service) = self.console.hooks.plan_services.get(&handle.cluster)
                {
                    let (plan_service, mut handle) = (plan_service.clone(), handle.clone());
                    let asks = async move {
                        let picture = settled(&mut handle, SETTLED).await;
                        BackgroundResult::DrillInspected(
                            ticket,
                            plan_service.inspect(Arc::clone(&picture.snapshot), *intent).await,
                        )
                    };
                    self.jobs.push(asks.boxed());
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
        self.jobs.push(std::future::ready(BackgroundResult::NoticeReady(notice)).boxed());
    }

    fn save_screen(&mut self) {
        let Ok(size) = self.terminal.size() else { return };
        let buffer = self.app.screen(size.width, size.height);
        let (text, picture) = (export::text(&buffer), export::svg(&buffer, self.app.theme()));
        let directory = self.console.options.save_directory.clone();
        let name = self.app.save_name();
        let home = self.console.options.home.clone();
        let job = tokio::task::spawn_blocking(move || save::save(&directory, &name, &text, &picture));
        let reported: BoxFuture<'static, BackgroundResult> = job
            .map(move |saved| match saved {
                Ok(Ok(path)) => Notice::done(format!("screen saved as {}", save::saved_as(&path, home.as_deref()))),
                Ok(Err(why)) => Notice::failed(format!("screen not saved: {why}")),
                Err(_) => Notice::failed("screen not saved"),
            })
            .map(BackgroundResult::NoticeReady)
            .boxed();
        self.jobs.push(reported);
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
            let word = if alert.change == Change::Ended { "resolved: " } else { "" };
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
