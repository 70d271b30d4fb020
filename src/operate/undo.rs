//! What is owed: the undo of every temporary step, on disk before the step is made.

use futures::future::BoxFuture;

use crate::action::order::Order;
use crate::audit::JournalError;

/// Why nothing is owed for a step any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoResult {
    /// It was taken back.
    Undone,
    /// It was never made: the far end refused it, or nothing was sent.
    NeverMade,
}

/// The book of what is owed. What is in it survives the process.
pub trait UndoBook: Send {
    /// Writes down how step `step` is taken back.
    ///
    /// # Errors
    /// When it is not on disk; then the step must not be made.
    fn record_pending_undo<'a>(&'a mut self, step: usize, order: &'a Order) -> BoxFuture<'a, Result<(), JournalError>>;

    /// Strikes step `step` out.
    ///
    /// # Errors
    /// When that is not on disk; it then looks as if it were still owed.
    fn mark_done(&mut self, step: usize, how: UndoResult) -> BoxFuture<'_, Result<(), JournalError>>;
}
