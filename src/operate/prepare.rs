//! Looking before acting: the picture is whole, the world is the one that was confirmed, and nothing blocks.

use tokio::time::{Instant, timeout_at};

use super::freshness::{not_reasked, record_is_new};
use super::lease_keeper::LockState;
use super::progress::Event;
use super::runner::{Replanner, Run};
use crate::action::before::StateBefore;
use crate::action::generation::Generation;
use crate::action::note::CheckNote;
use crate::action::parameters::{lacks_settings, needs_settings};
use crate::action::permit::Permit;
use crate::action::plan::Plan;
use crate::model::moment::Moment;
use crate::model::observed::Freshness;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::Order;

/// All that is needed to begin.
pub(super) struct Ready {
    pub(super) permit: Permit,
    pub(super) notes: Vec<CheckNote>,
    pub(super) before: StateBefore,
}

impl Run<'_> {
    /// Before the lock: refuses what would be refused anyway, so that nobody is locked out for nothing.
    pub(super) async fn first_look(&mut self) -> Result<(), String> {
        let settled = |snapshot: &Snapshot| {
            let sources = snapshot.sources();
            !sources.is_empty() && !sources.iter().any(|status| status.freshness == Freshness::Waiting)
        };
        let (again, plan) = (self.again, &self.request.plan);
        self.picture(|snapshot| {
            settled(snapshot) && !lacks_needed_settings(plan, snapshot) && !may_change_leader(again, plan, snapshot)
        })
        .await?;
        self.check().map(|_| ())
    }

    /// Under the lock: everything again, on answers to questions that were asked since.
    pub(super) async fn second_look(&mut self) -> Result<Ready, String> {
        let since = self.now();
        self.handle.order(Order::PollNow);
        let (again, plan) = (self.again, &self.request.plan);
        let received = |snapshot: &Snapshot| not_reasked(snapshot, since).is_empty();
        self.picture(|snapshot| received(snapshot) && !may_change_leader(again, plan, snapshot)).await?;
        self.reasked_since(since)?;
        if let LockState::Lost(why) = &*self.held.borrow() {
            return Err(why.to_string());
        }
        self.check()
    }

    /// Waits until a picture is as wanted, or the time is up: then it is taken as it is.
    async fn picture(&mut self, is_enough: impl Fn(&Snapshot) -> bool) -> Result<(), String> {
        let end = Instant::now() + self.limits.picture;
        loop {
            if is_enough(&self.handle.pictures.borrow_and_update().snapshot) {
                return self.uncancelled();
            }
            let cancel = self.cancel.clone();
            let changed = timeout_at(end, self.handle.pictures.changed());
            match cancel.run_until_cancelled(changed).await {
                None => return self.uncancelled(),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(_))) => return Err("the observer of the cluster has ended".to_owned()),
                Some(Err(_)) => return Ok(()),
            }
        }
    }

    fn uncancelled(&self) -> Result<(), String> {
        if self.cancel.is_cancelled() { Err("cancelled before anything was sent".to_owned()) } else { Ok(()) }
    }

    /// The record must be new. A source that said nothing since is no trouble where what it said before no longer counts
    /// either: the checks see it as unknown.
    fn reasked_since(&self, since: Moment) -> Result<(), String> {
        let snapshot = self.snapshot();
        if !record_is_new(&snapshot, since) {
            return Err("the DCS state could not be read again under the lock".to_owned());
        }
        let old: Vec<String> = not_reasked(&snapshot, since)
            .into_iter()
            .filter(|(_, is_fresh)| *is_fresh)
            .map(|(source, _)| source.to_string())
            .collect();
        if old.is_empty() { Ok(()) } else { Err(format!("no fresh response under the lock: {}", old.join(", "))) }
    }

    /// Compares the newest picture with what was confirmed, and asks the rules.
    fn check(&self) -> Result<Ready, String> {
        let snapshot = self.snapshot();
        let plan = &self.request.plan;
        if snapshot.identity.name != plan.cluster {
            return Err(format!("the plan is for {}, this is {}", plan.cluster, snapshot.identity.name));
        }
        if snapshot.identity.read_only {
            return Err(format!("{} is configured read-only", plan.cluster));
        }
        let (Some(present), Some(before)) = (Generation::of(&snapshot), StateBefore::of(&snapshot)) else {
            return Err("the DCS state is stale: unknown whether the plan is still valid".to_owned());
        };
        let moved = plan.generation.moved(&present);
        if !moved.is_empty() {
            return Err(format!("the cluster has changed since the plan was made: {}", moved.join("; ")));
        }
        let again = self.again.plan(&snapshot, plan).map_err(|error| error.to_string())?;
        if !sends_the_same(&again, plan) {
            return Err("the current state requires a different plan: review and confirm it again".to_owned());
        }
        let notes = self.judge.examine(&snapshot, self.again.inspected, &again);
        self.action_log.record(Event::Checked { notes: notes.clone() });
        let permit = plan.permit(&notes, &self.request.confirmation, self.access, self.now());
        let permit = permit.map_err(|refusal| refusal.to_string())?;
        Ok(Ready { permit, notes, before })
    }
}

/// Whether the plan depends on settings that a server which answers has not told yet: they come with the second poll.
fn lacks_needed_settings(plan: &Plan, snapshot: &Snapshot) -> bool {
    needs_settings(&plan.intent) && lacks_settings(snapshot)
}

/// Words and impact may carry numbers that change by the second; what is sent may not.
fn sends_the_same(a: &Plan, b: &Plan) -> bool {
    let orders =
        |plan: &Plan| plan.steps.iter().map(|step| (step.order.clone(), step.undo.clone())).collect::<Vec<_>>();
    orders(a) == orders(b) && a.no_return == b.no_return
}

/// Whether nothing has moved, and yet another plan would be made: a source that failed once answers again in the next
/// picture. What has moved stays so, and need not be waited for.
fn may_change_leader(again: Replanner<'_>, plan: &Plan, snapshot: &Snapshot) -> bool {
    let moved = Generation::of(snapshot).is_none_or(|present| !plan.generation.moved(&present).is_empty());
    !moved && again.plan(snapshot, plan).is_ok_and(|again| !sends_the_same(&again, plan))
}
