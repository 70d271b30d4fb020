//! Acting: one order, one reply.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::work::{Artefact, OrderProgress};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// What a reply means for the order. Decided by the driver, which knows its wire; never by whoever reads the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyVerdict {
    /// Taken. A taken order is not yet a done one.
    Accepted,
    /// Refused, and proven that nothing was begun.
    RefusedNothingBegun,
    /// Refused, or broken off, in a way that proves nothing: it may have happened in whole or in part, or happen yet.
    RefusedMayHappen,
}

/// What came back from the far end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// What it means.
    pub verdict: ReplyVerdict,
    /// Its own words, cleaned, with its status where it has one: `200 Successfully switched over to "pg-1"`.
    #[serde(rename = "words")]
    pub text: Text,
    /// What the order has made that stays: a dump, a base backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact: Option<Artefact>,
}

impl Reply {
    /// It took the order.
    pub fn accepted(words: impl AsRef<str>) -> Self {
        Self { verdict: ReplyVerdict::Accepted, text: Text::redacted(words), artefact: None }
    }

    /// It refused, and nothing was begun.
    pub fn refused(words: impl AsRef<str>) -> Self {
        Self { verdict: ReplyVerdict::RefusedNothingBegun, text: Text::redacted(words), artefact: None }
    }

    /// It refused, and that proves nothing.
    pub fn in_doubt(words: impl AsRef<str>) -> Self {
        Self { verdict: ReplyVerdict::RefusedMayHappen, text: Text::redacted(words), artefact: None }
    }

    /// The same, with what the order has made.
    #[must_use]
    pub fn leaving(self, artefact: Artefact) -> Self {
        Self { artefact: Some(artefact), ..self }
    }

    /// Whether it took the order.
    pub fn is_accepted(&self) -> bool {
        self.verdict == ReplyVerdict::Accepted
    }
}

/// Why there is no reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotPerformed {
    /// Proven that nothing reached the far end.
    #[error("not sent: {0}")]
    NotSent(SourceError),
    /// It was sent, or may have been, and nobody answered: it may happen yet. Never sent again.
    #[error("no response: {0}")]
    NoAnswer(SourceError),
}

/// Nothing was sent to `place`, since what spoke for it had lapsed when the connection stood.
pub fn no_longer(place: &str) -> NotPerformed {
    let words = "not sent: the verification was too old when the connection was established";
    NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, place, words))
}

/// Takes what is told of an order while it is carried out. Never waits: whoever carries it out is not held up by who looks on.
pub trait ProgressSink: Send + Sync {
    /// The order has come so far. What nobody has looked at yet is replaced.
    fn report(&self, progress: OrderProgress);
}

/// What goes along with an order while it is carried out.
#[derive(Clone, Copy)]
pub struct OrderControl<'a> {
    /// Where its progress is told. Whoever knows of none tells none.
    pub progress: &'a dyn ProgressSink,
    /// Cancelled when the operator wants the action to end while it still may. A child process ends with it, and the reply
    /// says what that has left. An order that must not be broken off goes on to its own end. A deadline drops the call
    /// instead, and nothing may run on after that either.
    pub cancel: &'a CancellationToken,
}

impl<'a> OrderControl<'a> {
    /// Nobody looks on; `cancel` still ends it.
    pub fn unattended(cancel: &'a CancellationToken) -> Self {
        Self { progress: &Unattended, cancel }
    }
}

/// Takes progress that nobody looks at.
struct Unattended;

impl ProgressSink for Unattended {
    fn report(&self, _: OrderProgress) {}
}

/// Carries out the orders of a permitted plan. Made only where a `WriteAccess` was granted.
pub trait Act: Send {
    /// Makes ready what `steps` will need soon and quickly, such as logins to poolers that are held up by every moment. Sends
    /// nothing that changes anything; what fails here is tried again when it is needed.
    fn prepare<'a>(&'a mut self, _steps: &'a [Step]) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Sends one order, once. `Order::Await` sends nothing and `Order::RouterHandover` is a [`LeadWatcher`](super::LeadWatcher)'s: neither comes here.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>>;

    /// Sends the undo of a temporary step, once. It needs no permit that is still valid: what was made must be unmade. So
    /// `control` breaks it off only where the operator has read what is left, and gives that up for now.
    ///
    /// # Errors
    /// As [`Act::perform`].
    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>>;
}
