//! Plans for clusters that Patroni manages, the simulated one among them. Pure: the same picture and the same intent
//! give the same plan; nothing here asks, sends or waits.
//!
//! A plan is refused here where the cluster cannot do what is wanted at all, with what to do instead. Whether it is wise
//! at present is for the checks in [`action`](crate::action) to say.

mod cancel_restart;
mod cancel_switchover;
mod configure;
mod configure_effects;
mod configure_rules;
mod configure_slots;
mod context;
mod failover;
mod ha_operations;
mod pause;
mod reinit;
mod reload;
pub mod request;
mod restart;
mod rolling_restart;
mod switchover;
#[cfg(test)]
mod tests;

use self::context::PlanContext;
use super::capabilities::CAPABILITIES;
use crate::action::Intent;
use crate::action::capability::Capabilities;
use crate::action::inspected::Inspected;
use crate::action::plan::{Infeasible, Plan};
use crate::config::ClusterSettings;
use crate::driver::plan::{self, ActingAccess};
use crate::driver::port::Planner;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Makes plans for a Patroni cluster. Holds what the picture does not show: by which ways this console may act.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PatroniManager {
    /// What is the same for every stack.
    pub acting_access: ActingAccess,
    /// User at the agents, for the commands shown; `None`: no login is configured.
    pub rest_user: Option<Text>,
    /// Prefix of the cluster's keys in etcd, where its configuration may be written there itself; `None`: only agents are
    /// asked.
    pub config_prefix: Option<Text>,
    /// Whether the record is read from etcd itself, with the majority.
    pub reads_etcd: bool,
}

impl PatroniManager {
    /// As the cluster is configured.
    pub fn of(settings: &ClusterSettings) -> Self {
        Self {
            acting_access: ActingAccess::of(settings),
            rest_user: settings.patroni.acting.as_ref().map(|login| Text::new(&login.user)),
            config_prefix: settings.etcd_writes_config.then(|| settings.prefix()).flatten().map(Text::new),
            reads_etcd: settings.etcd.is_some(),
        }
    }
}

impl Planner for PatroniManager {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn plan(&self, snapshot: &Snapshot, inspected: &Inspected, intent: &Intent) -> Result<Plan, Infeasible> {
        plan::plan(&PlanContext::of(self, snapshot, inspected, intent)?, intent)
    }
}
