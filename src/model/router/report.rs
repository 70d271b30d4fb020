//! What one router says, and the rows of it that are asked for again and again.

use serde::Serialize;

use super::super::moment::Moment;
use super::super::name::RouterName;
use super::super::snapshot::Snapshot;
use super::super::text::Text;
use super::{PoolPurpose, ProxyKind, ProxyRow, Router, RouterInfo};

/// What one router says.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RouterReport {
    /// The process; only from the runtime API.
    pub info: Option<RouterInfo>,
    /// Rows in the router's order.
    pub rows: Vec<ProxyRow>,
}

impl RouterReport {
    /// Whether its rows are the same servers at the same addresses as those of `other`, whatever state they are in.
    pub fn leads_to_the_same_servers(&self, other: &Self) -> bool {
        let same = |(one, two): (&ProxyRow, &ProxyRow)| {
            one.kind == two.kind
                && one.proxy == two.proxy
                && one.server == two.server
                && one.address == two.address
                && one.reached == two.reached
                && one.fqdn == two.fqdn
                && one.port == two.port
        };
        self.rows.len() == other.rows.len() && self.rows.iter().zip(&other.rows).all(same)
    }

    /// The servers of every backend.
    pub fn servers(&self) -> impl Iterator<Item = &ProxyRow> {
        self.rows.iter().filter(|row| row.kind == ProxyKind::Server)
    }

    /// The servers of one backend.
    pub fn servers_of<'a>(&'a self, backend: &Text) -> impl Iterator<Item = &'a ProxyRow> {
        self.servers().filter(move |row| row.proxy == *backend)
    }

    /// One server by its name.
    pub fn server(&self, backend: &Text, name: &Text) -> Option<&ProxyRow> {
        self.servers_of(backend).find(|row| row.server == *name)
    }

    /// The backends themselves, each as a whole.
    pub fn backends(&self) -> impl Iterator<Item = &ProxyRow> {
        self.rows.iter().filter(|row| row.kind == ProxyKind::Backend)
    }
}

impl Router {
    /// What it says, while it answers in time.
    pub fn fresh_report(&self, now: Moment) -> Option<&RouterReport> {
        self.reading(now)?.fresh(now)
    }

    /// The servers of its write backends, of those that are in `report`.
    pub fn write_servers<'a>(&'a self, report: &'a RouterReport) -> impl Iterator<Item = &'a ProxyRow> {
        report.servers().filter(|row| self.purpose(&row.proxy) == PoolPurpose::Write)
    }

    /// Its backends of one purpose, of those that are in `report`.
    pub fn backends_for<'a>(
        &'a self,
        report: &'a RouterReport,
        purpose: PoolPurpose,
    ) -> impl Iterator<Item = &'a ProxyRow> {
        report.backends().filter(move |row| self.purpose(&row.proxy) == purpose)
    }
}

impl Snapshot {
    /// The router with `name`.
    pub fn router(&self, name: &RouterName) -> Option<&Router> {
        self.routers.iter().find(|router| router.name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::test_support::{healthy, now};
    use super::*;

    fn names<'a>(rows: impl Iterator<Item = &'a ProxyRow>) -> Vec<String> {
        rows.map(|row| format!("{}/{}", row.proxy, row.server)).collect()
    }

    #[test]
    fn the_write_servers_are_those_of_the_backends_that_the_configuration_names() {
        let snapshot = healthy();
        let router = &snapshot.routers[0];
        let report = router.fresh_report(now()).expect("a report");
        let all = names(report.servers());
        let writes = names(router.write_servers(report));
        assert!(!writes.is_empty() && writes.len() < all.len(), "{writes:?} of {all:?}");
        let backends: Vec<&Text> = router.backends_for(report, PoolPurpose::Write).map(|row| &row.proxy).collect();
        assert_eq!(writes, backends.iter().flat_map(|name| names(report.servers_of(name))).collect::<Vec<_>>());

        let read =
            report.servers().find(|row| router.purpose(&row.proxy) == PoolPurpose::Read).expect("a read backend");
        let renamed = Router { write_backends: vec![read.proxy.clone()], ..router.clone() };
        assert_eq!(names(renamed.write_servers(report)), names(report.servers_of(&read.proxy)));
    }

    #[test]
    fn a_server_is_found_in_its_own_backend_only() {
        let snapshot = healthy();
        let report = snapshot.routers[0].fresh_report(now()).expect("a report");
        let server = report.servers().next().expect("a server");
        let found = report.server(&server.proxy, &server.server).expect("the server");
        assert_eq!((&found.proxy, &found.server), (&server.proxy, &server.server));
        assert!(report.server(&"elsewhere".into(), &server.server).is_none());
        assert!(report.server(&server.proxy, &"BACKEND".into()).is_none(), "the backend itself is no server");
    }
}
