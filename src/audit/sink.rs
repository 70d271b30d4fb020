//! Where records go.

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::error::JournalError;
use super::journal::Journal;
use crate::action::record::Record;

/// Takes records. A record that was taken is on disk: it survives the loss of power that follows.
pub trait Sink: Send {
    /// Writes one record down.
    ///
    /// # Errors
    /// When it is not on disk; then what it tells of must not begin.
    fn append<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), JournalError>>;
}

/// On a thread of its own: a slow disk must not keep the operation lock from being renewed.
impl Sink for Journal {
    fn append<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), JournalError>> {
        let (journal, record) = (self.clone(), record.clone());
        async move {
            let written = tokio::task::spawn_blocking(move || Self::append(&journal, &record)).await;
            written.unwrap_or_else(|error| Err(JournalError::Interrupted(error.to_string())))
        }
        .boxed()
    }
}
