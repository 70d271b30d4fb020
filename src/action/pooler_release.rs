//! Poolers that are paused while the leader changes: what is to hold before their clients are let on, and when they are let
//! on whatever holds. Pure: who looks and who sends is the runner's business.
//!
//! A pause is a debt from the moment at which it is asked for. It is paid by the escort as soon as the new leader is proven
//! and the pooler's way leads there, by the undo of its step where that did not come about, and by a guard process where
//! nobody else is left: within [`PAUSE_LIMIT`] clients go on in any case, for an error is worth more than a wait without end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::router_handover::RouterRoute;
use crate::model::name::{NodeName, PoolerName};
use crate::model::pooler::{PoolerReport, PoolerRoute, PoolerState};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// How long a pause may take to come about. One that takes longer is given up, and the action with it.
pub const PAUSE_TIMEOUT: Duration = Duration::from_secs(5);
/// After this long a pause ends, whatever has been proven: time is left for the resume itself to be over after 20 s.
pub const PAUSE_LIMIT: Duration = Duration::from_secs(18);

/// One pooler that is paused, and what lets its clients on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PoolerRelease {
    /// Pooler.
    pub pooler: PoolerName,
    /// Its databases that are paused.
    pub databases: Vec<Text>,
    /// By which way its servers reach the leader.
    pub way: PoolerWay,
}

/// By which way a pooler's servers reach the leader.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerWay {
    /// Through a router: clients go on once each of these write backends reads back that it leads to the leader alone.
    Router(Vec<RouterRoute>),
    /// Straight to a member: it is re-pointed by its command first. The address of each member, as it advertises it.
    Repointed(BTreeMap<NodeName, PoolerTarget>),
}

/// Where a pooler is pointed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PoolerTarget {
    /// Member.
    pub member: NodeName,
    /// Host, as the member advertises it.
    pub host: Text,
    /// Its port.
    pub port: u16,
}

impl PoolerTarget {
    /// `command` with the target in the place of what stands for it: an argument each, never a shell's words.
    pub fn fill(&self, command: &[String]) -> Vec<String> {
        let port = self.port.to_string();
        let fill = |argument: &String| {
            let filled = argument.replace("{member}", self.member.as_str());
            filled.replace("{host}", self.host.as_str()).replace("{port}", &port)
        };
        command.iter().map(fill).collect()
    }
}

impl PoolerRelease {
    /// What is done with it, in words.
    pub fn describe(&self) -> String {
        let what =
            format!("{} of {}", self.databases.iter().map(Text::as_str).collect::<Vec<_>>().join(", "), self.pooler);
        match &self.way {
            PoolerWay::Router(routes) => {
                let places = routes.iter().map(|route| format!("{} of {}", route.backend, route.router));
                let places = places.collect::<Vec<_>>().join(", ");
                format!("RESUME {what} once {places} routes to the verified leader alone")
            }
            PoolerWay::Repointed(_) => {
                format!("re-point and RELOAD {}, and RESUME {what} once it routes to the verified leader", self.pooler)
            }
        }
    }

    /// Why its databases do not lead to `member` and nowhere else, by what it says itself; `None`: they do.
    ///
    /// RELOAD is believed by neither its answer nor the host alone: an old version takes a file that it has refused, and
    /// servers of before are closed one by one.
    pub fn strays(&self, report: &PoolerReport, snapshot: &Snapshot, member: &NodeName) -> Option<Text> {
        let is_member = |route: &PoolerRoute<'_>| matches!(route, PoolerRoute::Member { member: known, .. } if known.name == *member);
        for name in &self.databases {
            let Some(database) = report.database(name) else {
                return Some(Text::redacted(format!("it has no database {name} any more")));
            };
            let routes = snapshot.pooler_routes(database);
            if routes.is_empty() || !routes.iter().all(is_member) {
                let host =
                    database.address().map_or_else(|| "a local socket".to_owned(), |address| address.to_string());
                return Some(Text::redacted(format!("{name} routes to {host}")));
            }
            let Some(servers) = &report.servers else { return Some(Text::new("it does not report its servers")) };
            let mut elsewhere = servers.iter().filter(|server| server.database == *name);
            let stays =
                elsewhere.find(|server| server.closing > 0 || !is_member(&snapshot.server_address_owner(server)));
            if let Some(server) = stays {
                return Some(Text::redacted(format!("{name} still has servers at {}", server.address)));
            }
        }
        None
    }

    /// Whether traffic of all its databases flows, by what it says itself; `None`: it does not tell.
    pub fn flows(&self, report: &PoolerReport) -> Option<bool> {
        if matches!(report.state, PoolerState::Paused | PoolerState::Suspended) {
            return Some(false);
        }
        // Without a state of the process (before 1.19) the databases alone tell.
        let each = self.databases.iter().filter_map(|name| report.database(name)).map(|database| database.paused);
        each.map(|paused| paused.map(|paused| !paused)).try_fold(true, |all, flows| Some(all && flows?))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::agent::Address;
    use crate::model::pooler::{PoolerDatabase, ServerAddress};
    use crate::model::test_support::{healthy, member};

    fn cluster() -> Snapshot {
        let mut snapshot = healthy();
        for (number, name) in ["pg-0", "pg-1", "pg-2"].into_iter().enumerate() {
            let host = Text::new(format!("10.7.0.{}", 20 + number));
            member(&mut snapshot, name).postgres_address = Some(Address { host, port: 5432 });
        }
        snapshot
    }

    fn release() -> PoolerRelease {
        PoolerRelease {
            pooler: PoolerName::new("edge"),
            databases: vec!["app".into()],
            way: PoolerWay::Repointed(BTreeMap::new()),
        }
    }

    fn report(host: &str, servers: &[(&str, u32)]) -> PoolerReport {
        let server = |(address, closing): &(&str, u32)| ServerAddress {
            database: "app".into(),
            address: (*address).into(),
            port: Some(5432),
            connections: 1,
            active: 0,
            closing: *closing,
        };
        let database = PoolerDatabase { host: Some(host.into()), port: Some(5432), ..PoolerDatabase::named("app") };
        PoolerReport {
            databases: vec![database],
            servers: Some(servers.iter().map(server).collect()),
            ..PoolerReport::default()
        }
    }

    #[rstest]
    #[case::moved(report("10.7.0.21", &[]), None)]
    #[case::with_new_servers(report("10.7.0.21", &[("10.7.0.21", 0)]), None)]
    #[case::the_file_was_refused(report("10.7.0.20", &[]), Some("app routes to 10.7.0.20:5432"))]
    #[case::shown_before_servers_move(
        report("10.7.0.21", &[("10.7.0.20", 1)]),
        Some("app still has servers at 10.7.0.20")
    )]
    #[case::one_that_closes(report("10.7.0.21", &[("10.7.0.21", 1)]), Some("app still has servers at 10.7.0.21"))]
    #[case::to_nobody_known(report("10.9.9.9", &[]), Some("app routes to 10.9.9.9:5432"))]
    #[case::gone(PoolerReport::default(), Some("it has no database app any more"))]
    fn a_pooler_is_moved_by_its_databases_and_its_servers_alone(
        #[case] report: PoolerReport,
        #[case] expected: Option<&str>,
    ) {
        let strays = release().strays(&report, &cluster(), &"pg-1".into());
        assert_eq!(strays.as_ref().map(Text::as_str), expected);
    }

    #[rstest]
    #[case::paused(PoolerState::Active, Some(true), Some(false))]
    #[case::flows(PoolerState::Active, Some(false), Some(true))]
    #[case::everything_is_paused(PoolerState::Paused, Some(false), Some(false))]
    #[case::not_told(PoolerState::Active, None, None)]
    fn traffic_flows_only_where_neither_pause_holds_it(
        #[case] state: PoolerState,
        #[case] paused: Option<bool>,
        #[case] expected: Option<bool>,
    ) {
        let databases = vec![PoolerDatabase { paused, ..PoolerDatabase::named("app") }];
        let report = PoolerReport { state, databases, ..PoolerReport::default() };
        assert_eq!(release().flows(&report), expected);
    }

    #[test]
    fn a_target_is_put_into_arguments_and_never_into_a_shell() {
        let target = PoolerTarget { member: "pg-1".into(), host: "10.7.0.21; rm -rf /".into(), port: 5433 };
        let command =
            ["/usr/local/bin/move".to_owned(), "{host}".to_owned(), "--port={port}".to_owned(), "{member}".to_owned()];
        assert_eq!(target.fill(&command), ["/usr/local/bin/move", "10.7.0.21; rm -rf /", "--port=5433", "pg-1"]);
    }
}
