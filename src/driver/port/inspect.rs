//! Asking, before a plan is made, what no picture shows and only a tool can tell: by what a part can be broken, what a dry run
//! finds, what a dump holds.

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::action::Intent;
use crate::action::inspected::Inspected;
use crate::action::plan::Infeasible;
use crate::model::snapshot::Snapshot;

/// Asks beforehand. The console asks once, while a dialog says so; the job asks anew before it looks. Changes nothing.
pub trait Inspect: Send + Sync {
    /// Whether there is anything to ask for `intent`. Where there is not, nobody is kept waiting.
    fn asks(&self, intent: &Intent) -> bool;

    /// Asks. What cannot be told is part of the answer, as unknown; it is for planner and checks to say what follows. Ends by
    /// deadlines of its own.
    ///
    /// # Errors
    /// When nothing can be asked at all, with what to do instead.
    fn inspect<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        intent: &'a Intent,
    ) -> BoxFuture<'a, Result<Inspected, Infeasible>>;
}

/// Asks nothing: pictures tell all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingToAsk;

impl Inspect for NothingToAsk {
    fn asks(&self, _intent: &Intent) -> bool {
        false
    }

    fn inspect<'a>(&'a self, _: &'a Snapshot, _: &'a Intent) -> BoxFuture<'a, Result<Inspected, Infeasible>> {
        std::future::ready(Ok(Inspected::default())).boxed()
    }
}
