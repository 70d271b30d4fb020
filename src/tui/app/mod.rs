//! The state of the console and its one owner. Events come in one by one and leave effects; drawing reads the state
//! and remembers only where things were drawn.

mod acknowledge;
mod act;
mod available;
mod cluster;
mod draw;
mod draw_palette;
mod hints;
mod input;
#[cfg(test)]
mod layer_tests;
mod mouse;
mod shutdown;
mod tables;
#[cfg(test)]
mod tests;
mod time_travel;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Rect;

pub use self::available::Availability;
pub(in crate::tui) use self::cluster::ClusterState;
use super::acting::ActingState;
use super::dialogs::Dialog;
use super::effect::{Effect, Outcome};
use super::event::{ClusterIndex, Event, Notice};
use super::filter::FilterPrompt;
use super::history::History;
use super::keymap::{Key, Keymap};
use super::options::{Hooks, Options};
use super::palette::Palette;
use super::theme::Theme;
use super::views::{Pane, View};
use super::wall::Wall;
use super::widgets::table::{TableState, TableSurface};
use crate::model::name::ClusterName;
use crate::observe::picture::Picture;

/// A pane by view and name.
pub(in crate::tui) type PaneKey = (View, String);

/// How long a notice stays.
const NOTICE_DURATION: Duration = Duration::from_secs(5);

/// Most steps kept for going back.
const MAX_TRAIL: usize = 16;

/// The line being typed.
#[derive(Clone, Debug)]
pub(in crate::tui) enum Prompt {
    /// A filter.
    Filter(FilterPrompt),
    /// A command.
    Palette(Palette),
}

/// What the screen remembers of the last drawing: where things are, for the mouse and for paging.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct DrawnLayout {
    /// Tables.
    pub(in crate::tui) tables: BTreeMap<PaneKey, TableSurface>,
    /// Panes of the view, titles included.
    pub(in crate::tui) panes: Vec<(String, Rect)>,
    /// First line shown of each pane of lines.
    pub(in crate::tui) lines: BTreeMap<PaneKey, usize>,
    /// Keys of the lines at the bottom.
    pub(in crate::tui) keys: Vec<(Rect, Key)>,
    /// Lines of the open dialog, and how many show.
    pub(in crate::tui) dialog: (usize, usize),
    /// Rows that the view had.
    pub(in crate::tui) height: u16,
    /// Columns of the screen.
    pub(in crate::tui) width: u16,
}

/// The console.
#[derive(Clone, Debug)]
pub struct App {
    pub(in crate::tui) options: Options,
    pub(in crate::tui) has_psql: bool,
    pub(in crate::tui) has_evidence: bool,
    /// Findings can be acknowledged from here.
    pub(in crate::tui) can_know: bool,
    pub(in crate::tui) theme: Theme,
    pub(in crate::tui) themes: Vec<Theme>,
    pub(in crate::tui) keymap: Keymap,
    pub(in crate::tui) clusters: Vec<ClusterState>,
    pub(in crate::tui) focus: ClusterIndex,
    pub(in crate::tui) view: View,
    pub(in crate::tui) trail: Vec<(View, ClusterIndex)>,
    pub(in crate::tui) pane_focus: BTreeMap<View, String>,
    pub(in crate::tui) tables: BTreeMap<PaneKey, TableState>,
    pub(in crate::tui) dialogs: Vec<Dialog>,
    pub(in crate::tui) prompt: Option<Prompt>,
    pub(in crate::tui) notice: Option<(Notice, Duration)>,
    pub(in crate::tui) mouse: bool,
    pub(in crate::tui) interval: Duration,
    /// Moment of the console's clock that is held still.
    pub(in crate::tui) frozen: Option<Duration>,
    pub(in crate::tui) wall: Option<Wall>,
    pub(in crate::tui) at: Duration,
    pub(in crate::tui) surface: DrawnLayout,
    /// Actions.
    pub(in crate::tui) acting: ActingState,
    inbox: Vec<Option<(Arc<Picture>, Duration)>>,
    /// Pictures came that may have changed the order of the clusters, and nobody has looked since.
    reordered: bool,
    /// Panes of the frame that is being drawn.
    drawn_panes: RefCell<Option<Rc<Vec<Pane>>>>,
}

impl App {
    /// A console over these clusters, with the picture that each has now.
    pub fn new(clusters: Vec<(ClusterName, Arc<Picture>)>, options: Options, hooks: &Hooks) -> Self {
        let count = clusters.len();
        // All of them now: choosing one later must not touch a disk.
        let load = |name: &str| Theme::load(name, options.theme_directory.as_deref(), options.depth);
        let theme = load(&options.theme);
        let themes = Theme::names(options.theme_directory.as_deref()).iter().map(|name| load(name)).collect();
        let warning = theme.warnings.first().map(|warning| (Notice::failed(warning.clone()), NOTICE_DURATION * 2));
        let names = clusters.iter().map(|(name, _)| name);
        let acting = ActingState::new(hooks, options.read_only || options.wall, names);
        let history = || if options.wall { History::of_a_wall() } else { History::new(count) };
        let first = if count > 1 { View::Clusters } else { View::Topology };
        Self {
            has_psql: hooks.psql.is_some() && !options.read_only && !options.wall,
            has_evidence: hooks.evidence.is_some(),
            can_know: hooks.acknowledge.is_some() && !options.read_only && !options.wall,
            theme,
            themes,
            keymap: if options.wall { Keymap::wall() } else { Keymap::default() },
            clusters: clusters.into_iter().map(|(name, picture)| ClusterState::new(name, picture, history())).collect(),
            focus: 0,
            view: options.view.unwrap_or(first),
            trail: Vec::new(),
            pane_focus: BTreeMap::new(),
            tables: BTreeMap::new(),
            dialogs: Vec::new(),
            prompt: None,
            notice: warning,
            mouse: options.mouse && !options.wall,
            interval: options.interval,
            frozen: None,
            wall: options.wall.then(Wall::default),
            at: Duration::ZERO,
            surface: DrawnLayout::default(),
            acting,
            inbox: vec![None; count],
            reordered: false,
            drawn_panes: RefCell::default(),
            options,
        }
    }

    /// Lays down a new picture, put together `delay` ago, for the next [`Event::Picture`] of its cluster to take in.
    /// An older one that nobody took in yet is gone: the newest is the truth.
    pub fn deposit(&mut self, cluster: ClusterIndex, picture: Arc<Picture>, delay: Duration) {
        if let Some(place) = self.inbox.get_mut(cluster) {
            *place = Some((picture, delay));
        }
    }

    /// Whether the picture that lies there for a cluster says more than that time passed: something happened, or another
    /// thing is wrong.
    pub fn is_update(&self, cluster: ClusterIndex) -> bool {
        let waiting = self.inbox.get(cluster).and_then(Option::as_ref);
        let (Some((picture, _)), Some(known)) = (waiting, self.clusters.get(cluster)) else { return false };
        let live = known.live();
        let newest = |picture: &Picture| picture.events.last().map(|event| event.number);
        let found = |picture: &Picture| {
            picture.snapshot.findings.iter().map(|one| (one.code, one.severity)).collect::<Vec<_>>()
        };
        newest(picture) != newest(live) || found(picture) != found(live)
    }

    /// Takes in one event that happened `at`, on the console's own clock, and says what to do.
    pub fn update(&mut self, event: Event, at: Duration) -> Vec<Effect> {
        self.at = self.at.max(at);
        if self.notice.as_ref().is_some_and(|(_, until)| *until <= self.at) {
            self.notice = None;
        }
        // A fleet brings more pictures a second than anybody looks: its order is followed by whoever looks or acts next.
        let mut effects = if matches!(event, Event::Picture(_) | Event::Tick) {
            self.take(event)
        } else {
            self.follow_order();
            let effects = self.take(event);
            self.follow_selection();
            effects
        };
        effects.extend(self.look_at_reports());
        effects
    }

    fn take(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => self.key(key),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Paste(text) => {
                self.paste(&text);
                Vec::new()
            }
            Event::Resize { .. } => Vec::new(),
            Event::Tick => {
                let (at, rotation, pages) = (self.at, self.options.rotation, self.clusters.len());
                if let Some(wall) = &mut self.wall {
                    wall.tick(at, rotation, pages);
                }
                self.renew_pending_action(None);
                self.report_dead_jobs();
                self.reread()
            }
            Event::Picture(index) => {
                self.reordered = true;
                self.receive(index)
            }
            Event::Signal(super::event::Signal::Continue) => vec![Effect::Redraw],
            Event::Signal(signal) => vec![Effect::Quit(Outcome::Signal(signal))],
            Event::Notice(notice) => {
                self.tell(notice);
                Vec::new()
            }
            Event::Begun { ticket, action } => {
                self.begun(ticket, action);
                Vec::new()
            }
            Event::NotBegun { ticket, why } => {
                self.not_begun(ticket, &why);
                Vec::new()
            }
            Event::JobUpdates(ticket) => self.take_updates(ticket),
            Event::Listed => self.take_list(),
            Event::Reports(_) => {
                self.take_reports();
                Vec::new()
            }
            Event::Prepared(ticket) => {
                self.prepared(ticket);
                Vec::new()
            }
            Event::Edited { cluster, text } => self.edited(cluster, &text),
        }
    }

    /// Follows the selection where pictures may have moved it.
    pub(super) fn follow_order(&mut self) {
        if std::mem::take(&mut self.reordered) {
            self.follow_selection();
        }
    }

    fn receive(&mut self, index: ClusterIndex) -> Vec<Effect> {
        let taken = self.inbox.get_mut(index).and_then(Option::take);
        let (Some((picture, delay)), Some(cluster)) = (taken, self.clusters.get_mut(index)) else {
            return Vec::new();
        };
        let mut effects: Vec<Effect> =
            cluster.receive(picture, delay, self.at).into_iter().map(Effect::Alert).collect();
        self.renew_pending_action(Some(index));
        effects.extend(self.request_pending_undos());
        self.report_dead_jobs();
        effects
    }

    /// Shows a line for some seconds.
    pub(in crate::tui) fn tell(&mut self, notice: Notice) {
        self.notice = Some((notice, self.at + NOTICE_DURATION));
    }

    pub(in crate::tui) fn cluster(&self) -> Option<&ClusterState> {
        self.clusters.get(self.focus)
    }

    /// Name of the theme in use.
    pub fn theme(&self) -> &Theme {
        &self.theme
    }

    /// View shown.
    pub fn view(&self) -> View {
        self.view
    }
}
