//! What goes alongside a change of leader in a simulated world.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::action::escort::{LeadOrder, LeadRecord, LeadWord};
use crate::action::order::{Order, RouterRequest};
use crate::action::permit::Permit;
use crate::driver::ha::sim::cluster::ROUTER_RUNTIME;
use crate::driver::ha::sim::world::World;
use crate::driver::port::{Companion, NotPerformed, Reply, Still, not_any_more};
use crate::model::name::{NodeName, RouterName};
use crate::model::router::{ProxyKind, ProxyRow};
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

use super::{SimulatedActor, TELLING, world_of};

impl SimulatedActor {
    /// Asks the world as it is at present.
    pub(super) fn ask<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        let now = (self.clock)();
        let mut world = world_of(&self.world);
        world.advance(now);
        what(&mut world)
    }
}

impl World {
    fn lead_record(&self) -> Result<LeadRecord, SourceError> {
        if !self.etcd.takes_writes() {
            return Err(SourceError::new(Trouble::NoQuorum, "etcd", ""));
        }
        let name = |index: usize| self.nodes[index].name.clone();
        let order = self.record.failover.as_ref().filter(|order| order.at.is_none());
        Ok(LeadRecord {
            holder: self.record.holder().map(name),
            order: order.map(|order| LeadOrder {
                from: order.leader.map(name),
                to: order.candidate.map(name),
                revision: order.modified,
            }),
        })
    }

    fn lead_word(&self, member: &NodeName) -> Result<LeadWord, SourceError> {
        let index = self.find(member).ok_or_else(|| SourceError::new(Trouble::Name, member.as_str(), ""))?;
        let report = self.sql_report(index, &Text::new(format!("{member}:5432")))?;
        Ok(LeadWord { in_recovery: report.in_recovery, system_id: report.system_id, timeline: report.timeline })
    }
}

impl Companion for SimulatedActor {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        ready(self.ask(|world| world.lead_record())).boxed()
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadWord, SourceError>> {
        ready(self.ask(|world| world.lead_word(member))).boxed()
    }

    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        ready(self.ask(|world| world.is_told_primary(member))).boxed()
    }

    fn servers<'a>(
        &'a self,
        _router: &'a RouterName,
        backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        let report = self.ask(|world| world.router_report(true, &Text::new(ROUTER_RUNTIME)));
        let of_backend = |row: &ProxyRow| row.kind == ProxyKind::Server && row.proxy == *backend;
        ready(report.map(|report| report.rows.into_iter().filter(of_backend).collect())).boxed()
    }

    fn tell<'a>(
        &'a self,
        router: &'a RouterName,
        request: &'a RouterRequest,
        permit: &'a Permit,
        still: Still<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            if !still() {
                return Err(not_any_more(router.as_str()));
            }
            let order = Order::Router { router: router.clone(), request: request.clone() };
            self.send(&order, permit, TELLING).await
        }
        .boxed()
    }
}
