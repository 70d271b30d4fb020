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
mod drain;
mod drill;
mod end_session;
mod failover;
mod ground;
mod impact;
mod pause;
mod reinitialise;
mod reload;
pub mod request;
mod restart;
mod rolling_restart;
mod router_server;
mod swift;
mod switchover;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::BTreeMap;

use self::ground::Ground;
use crate::action::Intent;
use crate::action::drill::Survey;
use crate::action::plan::{Impossible, Plan};
use crate::config::ClusterSettings;
use crate::config::address::AddressMap;
use crate::config::endpoint::RuntimeApi;
use crate::driver::port::Manage;
use crate::model::name::RouterName;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Makes plans for a Patroni cluster. Holds what the picture does not show: by which ways this console may act.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PatroniManager {
    /// User at the agents, for the commands shown; `None`: no login is configured.
    pub rest_user: Option<Text>,
    /// User and database for acting over SQL; `None`: not configured, so nothing is done over SQL.
    pub sql: Option<(Text, Text)>,
    /// Prefix of the cluster's keys in etcd, where its configuration may be written there itself; `None`: only agents are
    /// asked.
    pub config_prefix: Option<Text>,
    /// Routers whose runtime API may be used for acting, with its address in socat's words.
    pub runtimes: BTreeMap<RouterName, Text>,
    /// Whether the record is read from etcd itself, with the majority.
    pub reads_etcd: bool,
    /// From the addresses that routers know members by to those that this console knows.
    pub address_map: AddressMap,
    /// What drills need to know besides the picture; `None`: nobody has asked, and no drill is planned.
    pub drill: Option<Survey>,
}

impl PatroniManager {
    /// As the cluster is configured.
    pub fn of(settings: &ClusterSettings) -> Self {
        let acting = settings.postgres.as_ref().and_then(|postgres| postgres.acting.as_ref());
        let runtimes = settings.routers.iter().filter_map(|router| {
            let address = match router.acting_runtime.as_ref()? {
                RuntimeApi::Tcp(address) => format!("tcp-connect:{address}"),
                RuntimeApi::Unix(path) => format!("unix-connect:{}", path.display()),
            };
            Some((router.name.clone(), Text::new(address)))
        });
        Self {
            rest_user: settings.patroni.acting.as_ref().map(|login| Text::new(&login.user)),
            sql: acting.map(|access| (Text::new(&access.user), Text::new(&access.database))),
            config_prefix: settings.etcd_writes_config.then(|| settings.prefix()).flatten().map(Text::new),
            runtimes: runtimes.collect(),
            reads_etcd: settings.etcd.is_some(),
            address_map: settings.address_map.clone(),
            drill: None,
        }
    }
}

impl Manage for PatroniManager {
    fn plan(&self, snapshot: &Snapshot, intent: &Intent) -> Result<Plan, Impossible> {
        let ground = Ground::of(self, snapshot, intent)?;
        match intent {
            Intent::Switchover { candidate, at, swift } => switchover::plan(&ground, candidate.as_ref(), *at, *swift),
            Intent::CancelSwitchover => cancel_switchover::plan(&ground),
            Intent::Failover { candidate } => failover::plan(&ground, candidate),
            Intent::Reinitialise { member, source, again } => reinitialise::plan(&ground, member, *source, *again),
            Intent::Restart { target, only_pending, at } => restart::plan(&ground, target, *only_pending, *at),
            Intent::CancelRestart { member } => cancel_restart::plan(&ground, member),
            Intent::Reload { target } => reload::plan(&ground, target),
            Intent::Pause => pause::plan(&ground, true),
            Intent::Resume => pause::plan(&ground, false),
            Intent::Configure { changes } => configure::plan(&ground, changes),
            Intent::RollingRestart => rolling_restart::plan(&ground),
            Intent::RouterServer { router, backend, server, state } => {
                router_server::plan(&ground, router, backend, server, *state)
            }
            Intent::Drain { member, then, wait } => drain::plan(&ground, member, *then, *wait),
            Intent::Undrain { member } => drain::take_back(&ground, member),
            Intent::SettleRouters => swift::settle(&ground),
            Intent::Drill { scenario, target } => drill::plan(&ground, *scenario, *target),
            Intent::EndSession { member, pid, started, how } => {
                end_session::plan(&ground, member, *pid, *started, *how)
            }
            Intent::Undo { action, owed } => undo::plan(&ground, action, owed),
        }
    }
}
