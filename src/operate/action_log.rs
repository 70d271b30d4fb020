//! Writes the journal and tells the progress: the same news, once for the record and once for whoever watches.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::progress::{Event, Progress};
use crate::action::record::{ActionId, Entry, Record, SCHEMA};
use crate::audit::{JournalError, Sink};
use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::picture::Handle;

pub(super) struct ActionLog {
    pub(super) action: ActionId,
    pub(super) cluster: ClusterName,
    pub(super) sink: Box<dyn Sink>,
    pub(super) handle: Handle,
    pub(super) progress: mpsc::UnboundedSender<Progress>,
    /// When the first step began.
    pub(super) began: Option<Moment>,
    /// The first thing that could not be written although the action went on.
    pub(super) gap: Option<Text>,
}

impl ActionLog {
    /// Time since the first step began.
    pub(super) fn after(&self) -> Option<Duration> {
        self.began.map(|began| self.handle.clock.now().since(began))
    }

    /// The wall clock, carried on from the newest picture: one clock for all that is written.
    pub(super) fn wall(&self) -> Timestamp {
        let (wall, at) = {
            let picture = self.handle.pictures.borrow();
            (picture.snapshot.wall, picture.snapshot.now)
        };
        let since = jiff::SignedDuration::try_from(self.handle.clock.now().since(at)).unwrap_or_default();
        wall.checked_add(since).unwrap_or(wall)
    }

    pub(super) fn record(&self, event: Event) {
        let progress = Progress { at: self.wall(), after: self.after(), event };
        // Nobody watching is no reason to stop.
        let _ = self.progress.send(progress);
    }

    pub(super) fn remark(&self, text: impl AsRef<str>) {
        self.record(Event::Remark { text: Text::redacted(text) });
    }

    /// Writes a record without which the next thing must not happen.
    pub(super) async fn must(&mut self, entry: Entry) -> Result<(), JournalError> {
        let record = Record {
            schema: SCHEMA,
            action: self.action.clone(),
            at: self.wall(),
            cluster: self.cluster.clone(),
            entry,
        };
        self.sink.append(&record).await
    }

    /// Writes a record of what has happened already, or must happen: a failure is told, and stops nothing.
    pub(super) async fn may(&mut self, entry: Entry) {
        if let Err(error) = self.must(entry).await {
            let line = Text::redacted(error.line());
            self.remark(format!("not logged: {line}"));
            self.gap.get_or_insert(line);
        }
    }
}
