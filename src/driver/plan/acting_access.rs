//! By which ways this console may act on a cluster, whatever manages it: what no picture shows.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::endpoint::RuntimeApi;
use crate::config::resolved::{ClusterSettings, PoolerSettings};
use crate::model::name::{PoolerName, RouterName};
use crate::model::text::Text;

/// What is configured for acting.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ActingAccess {
    /// User and database for acting over SQL; `None`: not configured, so nothing is done over SQL.
    pub sql: Option<(Text, Text)>,
    /// Routers whose runtime API may be used for acting, with its address in socat's words.
    pub runtimes: BTreeMap<RouterName, Text>,
    /// Poolers with a login that may pause them.
    pub poolers: BTreeSet<PoolerName>,
    /// Those that a command can point at another member.
    pub repoints: BTreeSet<PoolerName>,
}

impl ActingAccess {
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
        let poolers = |has: fn(&PoolerSettings) -> bool| {
            settings.poolers.iter().filter(|pooler| has(pooler)).map(|pooler| pooler.name.clone()).collect()
        };
        Self {
            sql: acting.map(|access| (Text::new(&access.user), Text::new(&access.database))),
            runtimes: runtimes.collect(),
            poolers: poolers(|pooler| pooler.acting.is_some()),
            repoints: poolers(|pooler| !pooler.repoint.is_empty()),
        }
    }
}
