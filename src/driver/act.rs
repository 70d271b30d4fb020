//! Carrying out the orders of a permitted plan: each goes to the surface that knows its wire, once. Whose permit it is is looked
//! at here, for all of them.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply};
use crate::model::name::ClusterName;
use crate::model::source::{FailureKind, SourceError};

/// A surface of a cluster that orders are sent to: the agents of a manager with their record, PostgreSQL, routers.
pub trait OrderExecutor: Send {
    /// Sends `order`, once, and waits for the answer as long as `patience`, or longer where its wire is known to need it. An
    /// order of another surface is refused.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn perform<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        time_limit: Duration,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>>;

    /// Makes ready what `order` will need, as far as time is dear then.
    fn prepare<'a>(&'a mut self, _order: &'a Order) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// How long to wait for the answer to `order` where it is the undo of a step, and nothing is planned for it.
    fn undo_time_limit(&self, _order: &Order) -> Duration {
        Duration::ZERO
    }
}

/// The actor of one cluster.
pub struct OrderDispatch {
    cluster: ClusterName,
    ha: Option<Box<dyn OrderExecutor>>,
    sql: Box<dyn OrderExecutor>,
    routers: Box<dyn OrderExecutor>,
    poolers: Option<Box<dyn OrderExecutor>>,
}

impl OrderDispatch {
    /// What acts on `cluster`: `ha` on whatever manages it (`None`: nothing does), `sql` on its PostgreSQL, `routers` on those.
    pub fn new(
        cluster: &ClusterName,
        ha: Option<Box<dyn OrderExecutor>>,
        sql: Box<dyn OrderExecutor>,
        routers: Box<dyn OrderExecutor>,
    ) -> Self {
        Self { cluster: cluster.clone(), ha, sql, routers, poolers: None }
    }

    /// The same with what acts on its poolers.
    #[must_use]
    pub fn with_poolers(self, poolers: Box<dyn OrderExecutor>) -> Self {
        Self { poolers: Some(poolers), ..self }
    }

    /// The surface of `order`, if the permit is for this cluster.
    fn surface(&mut self, order: &Order, permit: &Permit) -> Result<&mut dyn OrderExecutor, NotPerformed> {
        permitted(&self.cluster, permit)?;
        match order {
            Order::Ha(_) => match &mut self.ha {
                Some(ha) => Ok(&mut **ha),
                None => Err(refused(self.cluster.as_str(), "this cluster has no manager to send requests to")),
            },
            Order::Router { .. } => Ok(&mut *self.routers),
            Order::Sql { .. } => Ok(&mut *self.sql),
            Order::Pooler { pooler, .. } => match &mut self.poolers {
                Some(poolers) => Ok(&mut **poolers),
                None => Err(refused(pooler.as_str(), "nothing here acts on poolers")),
            },
            Order::RouterHandover(_) => Err(refused("", "router updates are not a single request")),
            Order::Drill { .. } => Err(refused("", "only a drill can inject faults, and this is not one")),
            Order::Await { .. } => Err(refused("", "a wait step cannot be sent")),
        }
    }
}

impl Act for OrderDispatch {
    fn prepare<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(poolers) = &mut self.poolers else { return };
            for step in steps.iter().filter(|step| matches!(step.order, Order::Pooler { .. })) {
                poolers.prepare(&step.order).await;
            }
        })
    }

    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            let surface = self.surface(&step.order, permit)?;
            surface.perform(&step.order, permit, step.deadline, control).await
        })
    }

    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(async move {
            let surface = self.surface(order, permit)?;
            let time_limit = surface.undo_time_limit(order);
            surface.perform(order, permit, time_limit, control).await
        })
    }
}

/// Refused where the permit is for another cluster.
pub(in crate::driver) fn permitted(cluster: &ClusterName, permit: &Permit) -> Result<(), NotPerformed> {
    if permit.cluster() == cluster {
        return Ok(());
    }
    let words = format!("the permit is for {}, and this is {cluster}", permit.cluster());
    Err(refused(cluster.as_str(), words))
}

/// Refused here: nothing was sent.
pub(in crate::driver) fn refused(at: &str, words: impl AsRef<str>) -> NotPerformed {
    NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, at, words))
}

/// Refused since `order` is of another surface than the one that was asked.
pub(in crate::driver) fn wrong_destination(order: &Order) -> NotPerformed {
    refused("", format!("cannot be sent to this cluster: {}", order.describe()))
}

#[cfg(test)]
mod tests;
