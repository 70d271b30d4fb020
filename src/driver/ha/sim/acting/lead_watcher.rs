//! What goes alongside a change of leader in a simulated world.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::action::order::{Order, RouterRequest};
use crate::action::permit::Permit;
use crate::action::router_handover::{LeadAnswer, LeadRecord};
use crate::driver::ha::sim::cluster::ROUTER_RUNTIME;
use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::router::Check;
use crate::driver::ha::sim::simulation::Simulation;
use crate::driver::port::{LeadWatcher, NotPerformed, Reply, StillAllowed, no_longer};
use crate::model::name::{NodeName, RouterName};
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

use super::{ROUTER_TIMEOUT, SimulatedActor, world_of};

impl SimulatedActor {
    /// Asks the world as it is at present.
    pub(super) fn ask<T>(&self, what: impl FnOnce(&mut Simulation) -> T) -> T {
        let now = (self.clock)();
        let mut world = world_of(&self.simulation);
        world.advance(now);
        what(&mut world)
    }
}

impl World {
    fn lead_answer(&self, member: &NodeName) -> Result<LeadAnswer, SourceError> {
        let index = self.find(member).ok_or_else(|| SourceError::new(FailureKind::Name, member.as_str(), ""))?;
        let report = self.sql_report(index, &Text::new(format!("{member}:5432")))?;
        Ok(LeadAnswer { in_recovery: report.in_recovery, system_id: report.system_id, timeline: report.timeline })
    }
}

impl Simulation {
    /// Whether a check of `member` that looks for the primary passes.
    fn is_reported_primary(&mut self, member: &NodeName) -> Result<bool, SourceError> {
        let error = |failure_kind| SourceError::new(failure_kind, member.as_str(), "");
        let (world, manager) = self.parts();
        let index = world.find(member).ok_or_else(|| error(FailureKind::Name))?;
        match manager.check(world, index, PoolPurpose::Write) {
            Check::Passed => Ok(true),
            Check::WrongStatus => Ok(false),
            Check::Refused => Err(error(FailureKind::Refused)),
            Check::ConnectTimeout | Check::AnswerTimeout => Err(error(FailureKind::TimedOut)),
        }
    }
}

impl LeadWatcher for SimulatedActor {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        ready(self.ask(|simulation| {
            let (world, manager) = simulation.parts();
            manager.lead_record(world)
        }))
        .boxed()
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadAnswer, SourceError>> {
        ready(self.ask(|simulation| simulation.world.lead_answer(member))).boxed()
    }

    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        ready(self.ask(|simulation| simulation.is_reported_primary(member))).boxed()
    }

    fn servers<'a>(
        &'a self,
        _router: &'a RouterName,
        backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        let report = self.ask(|simulation| simulation.world.router_report(true, &Text::new(ROUTER_RUNTIME)));
        let of_backend = |row: &ProxyRow| row.kind == ProxyKind::Server && row.proxy == *backend;
        ready(report.map(|report| report.rows.into_iter().filter(of_backend).collect())).boxed()
    }

    fn update_router<'a>(
        &'a self,
        router: &'a RouterName,
        request: &'a RouterRequest,
        permit: &'a Permit,
        still: StillAllowed<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            if !still() {
                return Err(no_longer(router.as_str()));
            }
            let order = Order::Router { router: router.clone(), request: request.clone() };
            self.send(&order, permit, ROUTER_TIMEOUT).await
        }
        .boxed()
    }
}
