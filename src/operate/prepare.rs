//! Looking before acting: the picture is whole, the world is the one that was confirmed, and nothing blocks.

use tokio::time::{Instant, timeout_at};

use super::anew::{record_is_new, unheard};
use super::keep::Held;
use super::progress::Event;
use super::runner::Run;
use crate::action::before::Before;
use crate::action::generation::Generation;
use crate::action::note::Note;
use crate::action::parameters::{lacks_settings, needs_settings};
use crate::action::permit::Permit;
use crate::action::plan::Plan;
use crate::driver::port::Manage;
use crate::model::moment::Moment;
use crate::model::observed::Freshness;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::Order;

/// All that is needed to begin.
pub(super) struct Ready {
    pub(super) permit: Permit,
    pub(super) notes: Vec<Note>,
    pub(super) before: Before,
}

impl Run<'_> {
    /// Before the lock: refuses what would be refused anyway, so that nobody is locked out for nothing.
    pub(super) async fn first_look(&mut self) -> Result<(), String> {
        let settled = |snapshot: &Snapshot| {
            let sources = snapshot.sources();
            !sources.is_empty() && !sources.iter().any(|status| status.freshness == Freshness::Waiting)
        };
        let (manager, plan) = (self.manager, &self.request.plan);
        self.picture(|snapshot| {
            settled(snapshot) && !wants_settings(plan, snapshot) && !may_come_round(manager, plan, snapshot)
        })
        .await?;
        self.check().map(|_| ())
    }

    /// Under the lock: everything again, on answers to questions that were asked since.
    pub(super) async fn second_look(&mut self) -> Result<Ready, String> {
        let since = self.now();
        self.handle.order(Order::PollNow);
        let (manager, plan) = (self.manager, &self.request.plan);
        let heard = |snapshot: &Snapshot| unheard(snapshot, since).is_empty();
        self.picture(|snapshot| heard(snapshot) && !may_come_round(manager, plan, snapshot)).await?;
        self.heard_since(since)?;
        if let Held::Lost(why) = &*self.held.borrow() {
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
    fn heard_since(&self, since: Moment) -> Result<(), String> {
        let snapshot = self.snapshot();
        if !record_is_new(&snapshot, since) {
            return Err("the cluster's record could not be read anew under the lock".to_owned());
        }
        let old: Vec<String> = unheard(&snapshot, since)
            .into_iter()
            .filter(|(_, is_fresh)| *is_fresh)
            .map(|(source, _)| source.to_string())
            .collect();
        if old.is_empty() { Ok(()) } else { Err(format!("not heard anew under the lock: {}", old.join(", "))) }
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
        let (Some(present), Some(before)) = (Generation::of(&snapshot), Before::of(&snapshot)) else {
            return Err("no record of the cluster is fresh: nothing tells whether the plan still holds".to_owned());
        };
        let moved = plan.generation.moved(&present);
        if !moved.is_empty() {
            return Err(format!("the cluster has moved since the plan was made: {}", moved.join("; ")));
        }
        let again = self.manager.plan(&snapshot, &plan.intent).map_err(|error| error.to_string())?;
        if !sends_the_same(&again, plan) {
            return Err("the plan made from the present picture is another: look at it and confirm it anew".to_owned());
        }
        let notes = self.judge.examine(&snapshot, plan);
        self.scribe.tell(Event::Checked { notes: notes.clone() });
        let permit = plan.permit(&notes, &self.request.confirmation, self.access, self.now());
        let permit = permit.map_err(|refusal| refusal.to_string())?;
        Ok(Ready { permit, notes, before })
    }
}

/// Whether the plan depends on settings that a server which answers has not told yet: they come with the second poll.
fn wants_settings(plan: &Plan, snapshot: &Snapshot) -> bool {
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
fn may_come_round(manager: &dyn Manage, plan: &Plan, snapshot: &Snapshot) -> bool {
    let moved = Generation::of(snapshot).is_none_or(|present| !plan.generation.moved(&present).is_empty());
    !moved && manager.plan(snapshot, &plan.intent).is_ok_and(|again| !sends_the_same(&again, plan))
}
