//! What a console acts with, as ports that the composition fills: a [`JobStore`] tells what runs and what ran, a [`JobLauncher`]
//! begins and ends. Apart, since a console that only looks is given no hand at all. [`Drills`] tells what was practised.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::job::JobState;
use super::progress::Progress;
use super::runner::Request;
use crate::action::drill_report::DrillReport;
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::ActionId;
use crate::model::name::ClusterName;

/// News of an action, from its beginning. The last piece is its end; where none comes, the console that told it is gone.
pub type JobUpdates = mpsc::UnboundedReceiver<Progress>;

/// One action of this user on this host.
#[derive(Clone, PartialEq, Debug)]
pub struct JobSummary {
    /// What was asked for, how it was confirmed, by whom.
    pub request: Request,
    /// When.
    pub at: Timestamp,
    /// How it stands with it.
    pub state: JobState,
    /// Its operator has seen that it died, and wants no more of it.
    pub acknowledged: bool,
}

impl JobSummary {
    /// Its name.
    pub fn action(&self) -> &ActionId {
        &self.request.action
    }

    /// Leaves out of what it owes each step that is seen to be `gone`. When nothing is left of it, nobody is told of its death
    /// any more.
    pub fn mark_reverted(&mut self, gone: impl Fn(usize) -> bool) {
        let pending_undo = !self.state.pending_undo().is_empty();
        self.state.mark_reverted(gone);
        self.acknowledged |= pending_undo && self.state.pending_undo().is_empty();
    }

    /// Whether it died or left something to be taken back, and nobody has said yet that they know.
    pub fn needs_attention(&self) -> bool {
        (matches!(self.state, JobState::Died(_)) || !self.state.pending_undo().is_empty()) && !self.acknowledged
    }
}

/// Reads what runs and what ran.
pub trait JobStore: Send + Sync {
    /// The newest actions, newest first. The error is one line.
    fn list(&self) -> BoxFuture<'static, Result<Vec<JobSummary>, String>>;

    /// The news of `action`, also of one that is over or that another console began.
    fn follow(&self, action: &ActionId) -> JobUpdates;
}

/// Begins and ends actions. Made only for a console that may act.
pub trait JobLauncher: Send + Sync {
    /// Begins the very plan that was confirmed, in a way that outlives the console. The error is one line; then nothing
    /// was begun.
    fn begin(
        &self,
        plan: Plan,
        confirmation: Confirmation,
    ) -> BoxFuture<'static, Result<(ActionId, JobUpdates), String>>;

    /// Whether what is begun goes on when the console ends.
    fn outlives(&self) -> bool {
        true
    }

    /// Asks `action` to end as far as it still can. The error is one line.
    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>>;

    /// Writes down that the death of `action` is known. The error is one line.
    fn acknowledge(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>>;

    /// Strikes `steps` out of what `action` owes: their effect is seen to be gone. The error is one line.
    fn mark_reverted(&self, action: &ActionId, steps: Vec<usize>) -> BoxFuture<'static, Result<(), String>>;
}

/// What drills have shown.
pub trait Drills: Send + Sync {
    /// The reports of `cluster`, oldest first. The error is one line.
    fn reports(&self, cluster: &ClusterName) -> BoxFuture<'static, Result<Vec<DrillReport>, String>>;

    /// The longest outage that the configuration wishes for in drills of `cluster`, where nothing else is said.
    fn target(&self, cluster: &ClusterName) -> Option<Duration> {
        let _ = cluster;
        None
    }
}
