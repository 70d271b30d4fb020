//! One cluster as the console has it: the newest picture, the past, and the picture that is held still.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::observe::picture::Picture;
use crate::report::alerts::{self, Alert};
use crate::report::clusters::{self, Entry};
use crate::tui::history::{self, History};

/// One cluster.
#[derive(Clone, Debug)]
pub(in crate::tui) struct ClusterState {
    /// Name.
    pub(in crate::tui) name: ClusterName,
    live: Arc<Picture>,
    held: Option<Arc<Picture>>,
    arrived: Duration,
    /// Age of the snapshot when it arrived here.
    delay: Duration,
    /// The row of the picture shown, made when it is first wanted.
    entry: OnceCell<Entry>,
    /// The last hour.
    pub(in crate::tui) history: History,
}

impl ClusterState {
    /// A cluster with its first picture.
    pub(in crate::tui) fn new(name: ClusterName, picture: Arc<Picture>, history: History) -> Self {
        Self {
            name,
            live: picture,
            held: None,
            arrived: Duration::ZERO,
            delay: Duration::ZERO,
            entry: OnceCell::new(),
            history,
        }
    }

    /// Takes in a picture that was put together `delay` ago. Returns what began and ended with it.
    pub(in crate::tui) fn receive(&mut self, picture: Arc<Picture>, delay: Duration, at: Duration) -> Vec<Alert> {
        let alerts = alerts::between(&self.name, &self.live.snapshot.findings, &picture.snapshot.findings);
        self.history.take(at, &picture);
        (self.live, self.arrived, self.delay) = (picture, at, delay);
        self.entry.take();
        alerts
    }

    /// The picture to show.
    pub(in crate::tui) fn shown(&self) -> &Arc<Picture> {
        self.held.as_ref().unwrap_or(&self.live)
    }

    /// The row of the picture to show.
    pub(in crate::tui) fn entry(&self) -> &Entry {
        self.entry.get_or_init(|| clusters::entry(&self.shown().snapshot))
    }

    /// The newest picture.
    pub(in crate::tui) fn live(&self) -> &Arc<Picture> {
        &self.live
    }

    /// Now, on the observer's clock, for the picture to show. A picture held still does not age.
    pub(in crate::tui) fn now(&self, at: Duration) -> Moment {
        match &self.held {
            Some(held) => held.snapshot.now,
            None => self.live.snapshot.now + self.since_live(at),
        }
    }

    /// Time since the newest picture was put together.
    pub(in crate::tui) fn since_live(&self, at: Duration) -> Duration {
        at.saturating_sub(self.arrived) + self.delay
    }

    /// Holds the picture of the console's moment `at` still; `None` holds the newest.
    pub(in crate::tui) fn hold(&mut self, at: Option<Duration>) {
        self.entry.take();
        let frame = at.and_then(|at| self.history.at(at));
        self.held = Some(match frame {
            Some(frame) => Arc::new(history::as_it_was(&frame.snapshot, &self.live)),
            None => self.live.clone(),
        });
    }

    /// Goes back to the newest picture.
    pub(in crate::tui) fn release(&mut self) {
        self.entry.take();
        self.held = None;
    }
}
