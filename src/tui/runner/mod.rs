//! The loop: takes events from the terminal, the observers, the signals and the clock in one order, lets the state
//! change, performs what follows, and draws. It never waits for the terminal: frames are written by a thread of their
//! own, and while one is on its way the next is only drawn, not queued.

mod backend;
mod effects;
mod input;
mod save;
mod signals;
mod writer;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use self::backend::CollectingBackend;
use self::input::Input;
use self::signals::Signals;
use self::writer::Writer;
use super::app::App;
use super::effect::{Effect, Outcome};
use super::event::{ActionTicket, ClusterIndex, Event, Notice};
use super::options::{Hooks, Options};
use super::terminal::TerminalGuard;
use super::theme::Theme;
use crate::action::drill_report::DrillReport;
use crate::action::record::ActionId;
use crate::observe::picture::{Handle, Picture};
use crate::operate::Progress;
use crate::operate::plan_service::PlanService;
use crate::operate::ports::{JobSummary, JobUpdates};

/// Shortest time between two frames that no key asked for.
const FRAME_INTERVAL: Duration = Duration::from_millis(100);

/// The same where nothing but numbers and ages moved: nobody reads them faster than a clock.
const IDLE_FRAME: Duration = Duration::from_millis(900);

/// A clock younger than this is not drawn for its own sake.
const CLOCK_INTERVAL: Duration = Duration::from_millis(950);

/// Most keys taken in before a frame: a pasted text is one frame, a held key is many.
const MAX_KEYS_PER_FRAME: usize = 64;

/// How long the last frame may take before the terminal is handed over without it.
const LAST_FRAME_TIMEOUT: Duration = Duration::from_millis(500);

/// How often an action in front is drawn anew: its clock ticks.
const PULSE_INTERVAL: Duration = Duration::from_millis(200);

/// How the console ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Why.
    pub outcome: Outcome,
    /// What is to be said on the terminal: one line for each of its actions that still runs.
    pub shutdown_message: Vec<String>,
}

/// What a console is made of.
#[derive(Debug)]
pub struct Console {
    /// The clusters, in the order of the configuration.
    pub handles: Vec<Handle>,
    /// How it looks and behaves.
    pub options: Options,
    /// What it cannot do itself.
    pub hooks: Hooks,
}

/// The console could not run.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The terminal could not be taken.
    #[error("cannot use the terminal")]
    Terminal(#[source] io::Error),
    /// Signals could not be listened to.
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
}

/// One frame of the console without a terminal: for `--check`, for pictures in the manual. Returns the screen and the
/// theme to write it as a picture with.
pub async fn still(console: &Console, width: u16, height: u16) -> (Buffer, Theme) {
    let mut app = new_app(console);
    for effect in app.update(Event::Tick, Duration::ZERO) {
        // What a view reads from disk; nothing else can be waited for.
        if let (Effect::Reports(index), Some(drills)) = (effect, &console.hooks.drills)
            && let Some(handle) = console.handles.get(index)
        {
            let reports = drills.reports(&handle.cluster).await;
            app.deposit_reports(index, reports);
            app.update(Event::Reports(index), Duration::ZERO);
        }
    }
    let buffer = app.screen(width, height);
    (buffer, app.theme().clone())
}

fn new_app(console: &Console) -> App {
    let clusters = console.handles.iter().map(|handle| (handle.cluster.clone(), handle.latest())).collect();
    App::new(clusters, console.options.clone(), &console.hooks)
}

/// Runs the console in the terminal until the operator leaves, a signal comes, or the terminal is gone. The terminal is
/// given back in any case.
///
/// # Errors
/// When the terminal cannot be taken, or signals cannot be listened to.
pub async fn run(console: Console) -> Result<Ended, ConsoleError> {
    let signals = Signals::listen().map_err(ConsoleError::Signals)?;
    let app = new_app(&console);
    let guard = TerminalGuard::enter(app.mouse).map_err(ConsoleError::Terminal)?;
    let terminal = Terminal::new(CollectingBackend::new()).map_err(ConsoleError::Terminal)?;
    let pictures =
        console.handles.iter().enumerate().map(|(index, handle)| picture_changed(index, handle.pictures.clone()));
    let mut runner = Runner {
        app,
        signals,
        guard,
        terminal,
        writer: Writer::start().map_err(ConsoleError::Terminal)?,
        input: Some(Input::open()),
        pictures: pictures.collect(),
        jobs: FuturesUnordered::new(),
        updates: FuturesUnordered::new(),
        start: Instant::now(),
        drawn: None,
        dirty: Some(Urgency::Now),
        console,
    };
    let outcome = runner.until_end().await;
    Ok(Ended { outcome, shutdown_message: runner.app.shutdown_message() })
}

type PictureChange = BoxFuture<'static, (ClusterIndex, Option<watch::Receiver<Arc<Picture>>>)>;

/// Waits for another picture of a cluster. `None`: its observer ended.
fn picture_changed(index: ClusterIndex, mut pictures: watch::Receiver<Arc<Picture>>) -> PictureChange {
    async move {
        let alive = pictures.changed().await.is_ok();
        (index, alive.then_some(pictures))
    }
    .boxed()
}

/// How soon what changed must be on the screen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Urgency {
    /// It is what is shown already, a little younger.
    Calm,
    /// With the next frame.
    Soon,
    /// At once: somebody pressed a key.
    Now,
}

/// What came of something that was begun beside the loop.
enum BackgroundResult {
    /// Something to say.
    NoticeReady(Notice),
    /// An action was begun, or could not be.
    ActionStarted(ActionTicket, Result<(ActionId, JobUpdates), String>),
    /// The list of actions was read.
    ActionsListed(Result<Vec<JobSummary>, String>),
    /// The reports of a cluster's drills were read.
    DrillReportsRead(ClusterIndex, Result<Vec<DrillReport>, String>),
    /// A drill can be planned, or cannot.
    DrillInspected(ActionTicket, Result<PlanService, String>),
}

/// Most pieces of news taken at once.
const MAX_UPDATES_AT_ONCE: usize = 64;

struct Runner {
    app: App,
    console: Console,
    signals: Signals,
    guard: TerminalGuard,
    terminal: Terminal<CollectingBackend>,
    writer: Writer,
    input: Option<Input>,
    pictures: FuturesUnordered<PictureChange>,
    jobs: FuturesUnordered<BoxFuture<'static, BackgroundResult>>,
    updates: FuturesUnordered<BoxFuture<'static, (ActionTicket, Vec<Progress>, JobUpdates)>>,
    start: Instant,
    drawn: Option<Instant>,
    dirty: Option<Urgency>,
}

impl Runner {
    async fn until_end(&mut self) -> Outcome {
        for effect in self.app.first_effects() {
            if let Some(outcome) = self.perform(effect).await {
                return outcome;
            }
        }
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut liveness = tokio::time::interval(PULSE_INTERVAL);
        liveness.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.draw_if_due().is_err() {
                return Outcome::TerminalLost;
            }
            let wait = self.until_next_frame();
            let event = tokio::select! {
                biased;
                signal = self.signals.next() => Some(Event::Signal(signal)),
                written = self.writer.finished(), if self.writer.is_busy() => {
                    if written.is_err() {
                        return Outcome::TerminalLost;
                    }
                    None
                }
                input = input::next(&mut self.input) => match input {
                    Ok(event) => Some(event),
                    Err(_) => return Outcome::TerminalLost,
                },
                Some((index, pictures)) = self.pictures.next() => pictures.map(|pictures| self.picture(index, pictures)),
                Some(finished) = self.jobs.next() => Some(self.background_event(finished)),
                Some((ticket, reported, updates)) = self.updates.next() => self.deliver(ticket, reported, updates),
                _ = tick.tick() => Some(Event::Tick),
                _ = liveness.tick(), if self.app.has_pulse() => {
                    self.dirty = self.dirty.max(Some(Urgency::Soon));
                    Some(Event::Tick)
                }
                () = tokio::time::sleep(wait), if self.dirty.is_some() && !self.writer.is_busy() => None,
            };
            if let Some(event) = event
                && let Some(outcome) = self.take(event).await
            {
                return outcome;
            }
        }
    }

    /// Takes in an event and the keys that already wait behind it.
    async fn take(&mut self, event: Event) -> Option<Outcome> {
        let mut next = Some(event);
        for _ in 0..MAX_KEYS_PER_FRAME {
            let event = next.take()?;
            let manually = matches!(event, Event::Key(_) | Event::Mouse(_) | Event::Paste(_) | Event::Resize { .. });
            // A picture that was only just drawn has brought the clock along.
            let stale_clock = self.drawn.is_none_or(|drawn| drawn.elapsed() > CLOCK_INTERVAL);
            if event != Event::Tick || stale_clock {
                let urgency = match &event {
                    Event::Picture(index) if !self.app.is_update(*index) => Urgency::Calm,
                    _ if manually => Urgency::Now,
                    _ => Urgency::Soon,
                };
                self.dirty = self.dirty.max(Some(urgency));
            }
            let effects = self.app.update(event, self.start.elapsed());
            for effect in effects {
                if let Some(outcome) = self.perform(effect).await {
                    return Some(outcome);
                }
            }
            if !manually {
                return None;
            }
            next = match self.input.as_mut().map_or(Ok(None), Input::waiting) {
                Ok(event) => event,
                Err(_) => return Some(Outcome::TerminalLost),
            };
        }
        match next {
            Some(event) => self.app.update(event, self.start.elapsed()).into_iter().find_map(|effect| match effect {
                Effect::Quit(outcome) => Some(outcome),
                _ => None,
            }),
            None => None,
        }
    }

    fn background_event(&mut self, finished: BackgroundResult) -> Event {
        match finished {
            BackgroundResult::NoticeReady(notice) => Event::Notice(notice),
            BackgroundResult::ActionStarted(ticket, Ok((action, updates))) => {
                self.listen(ticket, updates);
                Event::Begun { ticket, action }
            }
            BackgroundResult::ActionStarted(ticket, Err(why)) => Event::NotBegun { ticket, why },
            BackgroundResult::ActionsListed(listed) => {
                self.app.deposit_list(listed);
                Event::Listed
            }
            BackgroundResult::DrillReportsRead(cluster, reports) => {
                self.app.deposit_reports(cluster, reports);
                Event::Reports(cluster)
            }
            BackgroundResult::DrillInspected(ticket, plan_service) => {
                self.app.deposit_plan_service(ticket, plan_service);
                Event::Prepared(ticket)
            }
        }
    }

    /// Waits for news of an action.
    fn listen(&mut self, ticket: ActionTicket, mut updates: JobUpdates) {
        let next = async move {
            let mut reported = Vec::new();
            updates.recv_many(&mut reported, MAX_UPDATES_AT_ONCE).await;
            (ticket, reported, updates)
        };
        self.updates.push(next.boxed());
    }

    /// Takes news in. None: no more come.
    fn deliver(&mut self, ticket: ActionTicket, reported: Vec<Progress>, updates: JobUpdates) -> Option<Event> {
        if reported.is_empty() {
            return None;
        }
        self.app.deposit_updates(ticket, reported);
        self.listen(ticket, updates);
        Some(Event::JobUpdates(ticket))
    }

    fn picture(&mut self, index: ClusterIndex, mut pictures: watch::Receiver<Arc<Picture>>) -> Event {
        let picture = pictures.borrow_and_update().clone();
        let clock = self.console.handles.get(index).map(|handle| handle.clock.now());
        let delay = clock.map(|now| now.since(picture.snapshot.now)).unwrap_or_default();
        self.app.deposit(index, picture, delay);
        self.pictures.push(picture_changed(index, pictures));
        Event::Picture(index)
    }

    /// How long the next frame has to wait yet.
    fn until_next_frame(&self) -> Duration {
        match (self.dirty, self.drawn) {
            (Some(Urgency::Calm), Some(drawn)) => IDLE_FRAME.saturating_sub(drawn.elapsed()),
            (Some(Urgency::Soon), Some(drawn)) => FRAME_INTERVAL.saturating_sub(drawn.elapsed()),
            _ => Duration::ZERO,
        }
    }

    /// Draws what changed, unless a frame is on its way or the last one was only just drawn.
    fn draw_if_due(&mut self) -> io::Result<()> {
        if self.dirty.is_none() || self.writer.is_busy() || !self.until_next_frame().is_zero() {
            return Ok(());
        }
        let app = &mut self.app;
        self.terminal.draw(|frame| {
            if let Some(cursor) = app.render(frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        self.writer.send(self.terminal.backend().take());
        self.drawn = Some(Instant::now());
        self.dirty = None;
        Ok(())
    }

    /// Takes the terminal back after a child or a stop, and draws everything anew.
    fn come_back(&mut self) -> io::Result<()> {
        self.guard.resume(self.app.mouse)?;
        self.terminal.backend_mut().forget();
        self.terminal.clear()?;
        self.input = Some(Input::open());
        self.dirty = Some(Urgency::Now);
        Ok(())
    }

    /// Gives the terminal away once the last frame is out.
    async fn go_away(&mut self) {
        // The reader must not take the keys of whoever comes next.
        if let Some(input) = self.input.take() {
            input.close().await;
        }
        let last = async {
            while self.writer.is_busy() {
                if self.writer.finished().await.is_err() {
                    return;
                }
            }
        };
        // A terminal that takes no more bytes is given away all the same.
        let _ = tokio::time::timeout(LAST_FRAME_TIMEOUT, last).await;
        self.guard.suspend();
    }
}
