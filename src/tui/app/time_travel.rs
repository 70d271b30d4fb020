//! Holding the picture still, and stepping through the last hour.

use std::time::Duration;

use super::App;
use crate::tui::event::Notice;

impl App {
    /// Holds the picture still, or goes back to live.
    pub(in crate::tui) fn toggle_freeze(&mut self) {
        if self.frozen.take().is_some() {
            self.clusters.iter_mut().for_each(super::cluster::ClusterState::release);
        } else {
            self.frozen = Some(self.at);
            self.clusters.iter_mut().for_each(|cluster| cluster.hold(None));
        }
    }

    /// One frame of the cluster in focus back.
    pub(in crate::tui) fn step_back(&mut self) {
        let present = self.frozen.unwrap_or(self.at);
        match self.cluster().and_then(|cluster| cluster.history.before(present)).map(|frame| frame.at) {
            Some(at) => self.hold_at(at),
            None => self.tell(Notice::failed("no earlier data in this console")),
        }
    }

    /// One frame on; past the last one, live.
    pub(in crate::tui) fn step_forward(&mut self) {
        let Some(present) = self.frozen else { return };
        match self.cluster().and_then(|cluster| cluster.history.after(present)).map(|frame| frame.at) {
            Some(at) => self.hold_at(at),
            None => self.toggle_freeze(),
        }
    }

    fn hold_at(&mut self, at: Duration) {
        self.frozen = Some(at);
        self.clusters.iter_mut().for_each(|cluster| cluster.hold(Some(at)));
    }
}
