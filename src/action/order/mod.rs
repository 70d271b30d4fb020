//! What can be sent to a part of the cluster. An order is data: it is shown, hashed, confirmed and journalled before it
//! is sent, and drivers send nothing else. Surfaces that every stack may have (routers, PostgreSQL) are the same for all;
//! what a stack's own manager is asked is a file of that stack, and nobody outside its driver needs to know it: what an
//! order does to the cluster is its [`Effect`].

mod patroni;
mod pooler;
mod router;
mod sql;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drill::DrillRequest;
use super::effect::Effect;
use super::milestone::Milestone;
use super::router_handover::RouterHandover;
use crate::model::lsn::SystemId;
use crate::model::name::{NodeName, PoolerName, RouterName};
use crate::model::text::Text;
pub use patroni::{AgentRequest, PatroniOrder, RecordRequest};
pub use pooler::PoolerRequest;
pub use router::RouterRequest;
pub use sql::SqlRequest;

/// One thing to send or to wait for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// To a router's runtime API.
    Router {
        /// Router.
        router: RouterName,
        /// What.
        request: RouterRequest,
    },
    /// To a pooler's console.
    Pooler {
        /// Pooler.
        pooler: PoolerName,
        /// What.
        request: PoolerRequest,
    },
    /// To PostgreSQL on a member.
    Sql {
        /// Member.
        member: NodeName,
        /// The data the member must have: another system is not touched.
        system_id: Option<SystemId>,
        /// What.
        request: SqlRequest,
    },
    /// Routers are told of the change of leader that the step before brings about, as it is proven. It begins with that
    /// step, not after it.
    #[serde(rename = "escort")]
    RouterHandover(RouterHandover),
    /// What only drills do: the probe, the fault and its undo.
    Drill {
        /// What.
        request: DrillRequest,
    },
    /// Nothing is sent; the next step waits until observation shows the milestone.
    Await {
        /// What is awaited.
        milestone: Milestone,
        /// Longest wait; after it the action ends without the following steps.
        at_most: Duration,
    },
    /// To what manages the cluster. Written down without a tag of its own, so that each stack's words stand by themselves.
    #[serde(untagged)]
    Ha(HaOrder),
}

/// What the manager of a stack can be asked, each in the words of its own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HaOrder {
    /// Patroni.
    Patroni(PatroniOrder),
}

impl HaOrder {
    /// What it does to the cluster.
    pub fn effect(&self) -> Effect<'_> {
        match self {
            Self::Patroni(order) => order.effect(),
        }
    }

    /// Whether somebody on the way is asked, who passes it on and may hang or die before or after that: what is seen of it
    /// counts for more than the answer.
    pub fn is_passed_on(&self) -> bool {
        match self {
            Self::Patroni(order) => matches!(order, PatroniOrder::Agent { .. }),
        }
    }

    /// The member that is asked, whoever it is about; `None`: nobody's.
    pub fn asks(&self) -> Option<&NodeName> {
        match self {
            Self::Patroni(PatroniOrder::Agent { member, .. }) => Some(member),
            Self::Patroni(PatroniOrder::Record { .. }) => None,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Patroni(order) => order.describe(),
        }
    }
}

impl Order {
    /// A request to the Patroni agent of `member`.
    pub fn agent(member: NodeName, request: AgentRequest) -> Self {
        Self::Ha(HaOrder::Patroni(PatroniOrder::Agent { member, request }))
    }

    /// A write of Patroni's record in the DCS.
    pub fn record(request: RecordRequest) -> Self {
        Self::Ha(HaOrder::Patroni(PatroniOrder::Record { request }))
    }

    /// What it does to the cluster.
    pub fn effect(&self) -> Effect<'_> {
        match self {
            Self::Ha(order) => order.effect(),
            Self::Router { router, .. } => Effect::UpdatesRouter { router },
            Self::Sql { member, request, .. } => request.effect(member),
            Self::RouterHandover(_) => Effect::UpdatesRouters,
            Self::Drill { request: DrillRequest::Break { .. } } => Effect::Breaks,
            Self::Pooler { .. } | Self::Drill { .. } | Self::Await { .. } => Effect::None,
        }
    }

    /// Whether it may be sent again after no answer: it sets a state and does nothing where that holds already.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Router { .. } | Self::Drill { request: DrillRequest::Mend { .. } | DrillRequest::End } => true,
            Self::Pooler { request, .. } => request.is_repeatable(),
            Self::Ha(_) | Self::Sql { .. } | Self::RouterHandover(_) | Self::Drill { .. } | Self::Await { .. } => false,
        }
    }

    /// Pauses `database` of `pooler`.
    pub fn pause_pooler(pooler: &PoolerName, database: &Text) -> Self {
        Self::Pooler { pooler: pooler.clone(), request: PoolerRequest::Pause { database: database.clone() } }
    }

    /// Resumes `database` of `pooler`.
    pub fn resume_pooler(pooler: &PoolerName, database: &Text) -> Self {
        Self::Pooler { pooler: pooler.clone(), request: PoolerRequest::Resume { database: database.clone() } }
    }

    /// What `pooler` is asked.
    pub fn pooler(pooler: &PoolerName, request: PoolerRequest) -> Self {
        Self::Pooler { pooler: pooler.clone(), request }
    }

    /// The pooler whose clients it lets on, and the database.
    pub fn resumes(&self) -> Option<(&PoolerName, &Text)> {
        match self {
            Self::Pooler { pooler, request: PoolerRequest::Resume { database } } => Some((pooler, database)),
            _ => None,
        }
    }

    /// What it does, in words for an operator who sees it without a plan.
    pub fn describe(&self) -> String {
        match self {
            Self::Ha(order) => order.describe(),
            Self::Router { router, request } => format!("{router}: {}", request.describe()),
            Self::Pooler { pooler, request } => format!("{pooler}: {}", request.statement()),
            Self::Sql { member, request, .. } => request.describe(member),
            Self::RouterHandover(router_handover) => router_handover.describe(),
            Self::Drill { request } => request.describe(),
            Self::Await { milestone, .. } => format!("wait for: {}", milestone.describe()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// Journals and jobs of earlier versions are read.
    #[rstest]
    #[case(
        json!({"agent": {"member": "pg-1", "request": {"switchover": {"leader": "pg-0", "candidate": "pg-1", "at": null}}}}),
        Effect::Handover { to: Some(&"pg-1".into()), at: None }
    )]
    #[case(json!({"agent": {"member": "pg-1", "request": "reload"}}), Effect::Reloads { member: &"pg-1".into() })]
    #[case(json!({"record": {"request": {"clear-failover": {"revision": 7}}}}), Effect::ClearsHandover)]
    #[case(
        json!({"router": {"router": "edge", "request": {"health": {"backend": "b", "server": "s", "up": true}}}}),
        Effect::UpdatesRouter { router: &"edge".into() }
    )]
    fn orders_are_written_down_as_they_always_were(#[case] written: serde_json::Value, #[case] effect: Effect<'_>) {
        let order: Order = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(order.effect(), effect);
        assert_eq!(serde_json::to_value(&order).unwrap(), written);
    }
}
