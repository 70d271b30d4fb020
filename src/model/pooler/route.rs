//! Where a pooler's database leads: to a member, by the same signs as a router's server, or to a router.

use super::super::member::Member;
use super::super::name::NodeName;
use super::super::router::{
    IdentifiedBy, PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, Router, ServerOwner, contradiction,
};
use super::super::snapshot::Snapshot;
use super::super::text::Text;
use super::{PoolerDatabase, ServerAddress};

/// Where one host of a database leads.
#[derive(Clone, Debug)]
pub enum PoolerRoute<'a> {
    /// To a member.
    Member {
        /// Which.
        member: &'a Member,
        /// By what that is known.
        by: IdentifiedBy,
    },
    /// To a router.
    Router {
        /// Which.
        router: &'a Router,
        /// What the port is for, as far as the configuration tells.
        purpose: PoolPurpose,
    },
    /// Sure signs name different members.
    Contradicted(Vec<(IdentifiedBy, &'a NodeName)>),
    /// To nobody that is known.
    Unknown,
}

impl PoolerRoute<'_> {
    /// Who it is, in a word; `None`: not known.
    pub fn name(&self) -> Option<&Text> {
        match self {
            Self::Member { member, .. } => Some(member.name.text()),
            Self::Router { router, .. } => Some(router.name.text()),
            Self::Contradicted(_) | Self::Unknown => None,
        }
    }

    /// In words, with what it is known by.
    pub fn describe(&self) -> String {
        match self {
            Self::Member { member, by } => format!("{} by {}", member.name, by.describe()),
            Self::Router { router, .. } => format!("router {}", router.name),
            Self::Contradicted(claims) => contradiction(claims),
            Self::Unknown => "no known member".to_owned(),
        }
    }
}

impl Snapshot {
    /// Where `database` leads, a route for each host; empty: it tells none, as with a Unix socket.
    pub fn pooler_routes(&self, database: &PoolerDatabase) -> Vec<PoolerRoute<'_>> {
        let hosts = database.host.as_ref().map(Text::as_str).unwrap_or_default();
        let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        hosts.map(|host| self.pooler_route(host, database.port)).collect()
    }

    /// Where `host` and `port` lead.
    pub fn pooler_route(&self, host: &str, port: Option<u16>) -> PoolerRoute<'_> {
        if let Some(router) = self.router_at(host, port) {
            return router;
        }
        let mut row = ProxyRow::of("", host, ProxyKind::Server, ProxyStatus::NoCheck);
        row.port = port;
        if host.parse::<core::net::IpAddr>().is_ok() {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            row.address = Some(Text::new(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))));
        } else {
            row.fqdn = Some(Text::new(host));
        }
        match self.server_owner(&row) {
            ServerOwner::Member { member, by } => PoolerRoute::Member { member, by },
            ServerOwner::Contradicted(claims) => PoolerRoute::Contradicted(claims),
            ServerOwner::Nobody => PoolerRoute::Unknown,
        }
    }

    /// Whether `database` leads to the primary now; `None`: not known. By a router it does where the router's write pool
    /// leads to nobody else.
    pub fn leads_to_primary(&self, database: &PoolerDatabase) -> Option<bool> {
        let leader = self.leader().filter(|leader| leader.fresh)?.value;
        let routes = self.pooler_routes(database);
        let answers: Vec<Option<bool>> = routes
            .iter()
            .map(|route| match route {
                PoolerRoute::Member { member, .. } => Some(member.name == leader),
                PoolerRoute::Router { router, purpose: PoolPurpose::Write } => self.writes_reach(router, &leader),
                PoolerRoute::Router { .. } | PoolerRoute::Contradicted(_) | PoolerRoute::Unknown => None,
            })
            .collect();
        match answers.as_slice() {
            [] => None,
            answers if answers.contains(&Some(false)) => Some(false),
            answers => answers.iter().all(|answer| *answer == Some(true)).then_some(true),
        }
    }

    /// Whose a server connection's real address is.
    pub fn server_address_owner(&self, server: &ServerAddress) -> PoolerRoute<'_> {
        self.pooler_route(server.address.as_str(), server.port)
    }

    fn router_at(&self, host: &str, port: Option<u16>) -> Option<PoolerRoute<'_>> {
        let same = |other: &Text| host.trim_end_matches('.').eq_ignore_ascii_case(other.as_str());
        for router in &self.routers {
            let is_named = same(router.name.text());
            let mut purpose = None;
            for (address, meant) in
                [(&router.write_address, PoolPurpose::Write), (&router.read_address, PoolPurpose::Read)]
            {
                let Some(address) = address else { continue };
                // The router's name with the port that clients use is the same door, whatever its host is called here.
                if port == Some(address.port) && (is_named || same(&address.host)) {
                    purpose = Some(meant);
                }
            }
            if let Some(purpose) = purpose {
                return Some(PoolerRoute::Router { router, purpose });
            }
            if is_named {
                return Some(PoolerRoute::Router { router, purpose: PoolPurpose::Unknown });
            }
        }
        None
    }

    /// Whether the write pools of `router` lead to `leader` and to nobody else; `None`: it does not tell.
    fn writes_reach(&self, router: &Router, leader: &NodeName) -> Option<bool> {
        let report = router.reading(self.now)?.fresh(self.now)?;
        let is_up = |row: &&ProxyRow| {
            row.kind == ProxyKind::Server && router.purpose(&row.proxy) == PoolPurpose::Write && row.takes_traffic()
        };
        let mut owners = report.rows.iter().filter(is_up).map(|row| self.member_of(row)).peekable();
        owners.peek()?;
        owners.map(|owner| owner.map(|member| member.name == *leader)).try_fold(true, |all, one| Some(all && one?))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::agent::Address;
    use crate::model::name::RouterName;
    use crate::model::test_support::{healthy, member};

    fn database(host: &str, port: u16) -> PoolerDatabase {
        PoolerDatabase { host: Some(host.into()), port: Some(port), ..PoolerDatabase::named("app") }
    }

    fn cluster() -> Snapshot {
        let mut snapshot = healthy();
        for (number, name) in ["pg-0", "pg-1", "pg-2"].into_iter().enumerate() {
            let host = Text::new(format!("10.7.0.{}", 20 + number));
            member(&mut snapshot, name).postgres_address = Some(Address { host, port: 5432 });
        }
        snapshot
    }

    #[rstest]
    #[case("10.7.0.20", Some("pg-0"), Some(true))]
    #[case::by_name("pg-0", Some("pg-0"), Some(true))]
    #[case("10.7.0.21", Some("pg-1"), Some(false))]
    #[case::a_stranger("192.0.2.9", None, None)]
    #[case::two_hosts("10.7.0.20,10.7.0.21", Some("pg-0"), Some(false))]
    #[case::half_known("10.7.0.20,192.0.2.9", Some("pg-0"), None)]
    fn a_database_leads_to_a_member(#[case] host: &str, #[case] first: Option<&str>, #[case] primary: Option<bool>) {
        let snapshot = cluster();
        assert!(snapshot.leader().is_some_and(|leader| leader.value == "pg-0"));
        let database = database(host, 5432);
        let routes = snapshot.pooler_routes(&database);
        assert_eq!(routes[0].name().map(Text::as_str), first, "{routes:?}");
        assert_eq!(snapshot.leads_to_primary(&database), primary);
    }

    #[test]
    fn by_a_router_it_leads_where_the_routers_write_pool_leads() {
        let mut snapshot = cluster();
        let name = snapshot.routers[0].name.clone();
        snapshot.routers[0].write_address = Some(Address { host: "127.0.0.1".into(), port: 5000 });
        assert_eq!(snapshot.leads_to_primary(&database("127.0.0.1", 5000)), Some(true));
        assert_eq!(snapshot.leads_to_primary(&database(name.as_str(), 5000)), Some(true), "by its name");
        assert_eq!(snapshot.leads_to_primary(&database(name.as_str(), 5001)), None, "another door of it");
        snapshot.routers[0].name = RouterName::new("elsewhere");
        assert_eq!(snapshot.leads_to_primary(&database(name.as_str(), 5000)), None);
        assert_eq!(snapshot.leads_to_primary(&PoolerDatabase::named("app")), None, "a Unix socket");
    }
}
