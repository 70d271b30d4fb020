//! Which server of a router is which member, and where that contradicts the DCS.

use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::router::{Bypass, PoolPurpose, ProxyRow, Router, RouterReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// One server of one router.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    /// The router.
    pub router: &'a Router,
    /// What the router says, and how old that is.
    pub reading: &'a Reading<RouterReport>,
    /// The server's row.
    pub row: &'a ProxyRow,
    /// What its pool is for.
    pub purpose: PoolPurpose,
}

impl Server<'_> {
    /// Whether new connections are sent there by a router that answers in time.
    pub fn takes_traffic(&self, snapshot: &Snapshot) -> bool {
        self.reading.is_fresh(snapshot.now) && self.row.takes_traffic()
    }
}

/// Every server of every router, by the interface to believe.
pub fn servers(snapshot: &Snapshot) -> impl Iterator<Item = Server<'_>> {
    snapshot.routers.iter().flat_map(move |router| servers_of(snapshot, router))
}

/// Every server of one router.
pub fn servers_of<'a>(snapshot: &'a Snapshot, router: &'a Router) -> impl Iterator<Item = Server<'a>> {
    let reading = router.reading(snapshot.now);
    reading.into_iter().flat_map(move |reading| {
        let servers = reading.last().into_iter().flat_map(RouterReport::servers);
        servers.map(move |row| Server { router, reading, row, purpose: router.purpose(&row.proxy) })
    })
}

/// What is odd about a server, seen from the DCS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RoutingAnomaly {
    /// Writes go to a member that does not lead.
    WritesElsewhere {
        /// Who leads by the DCS; `None`: nobody.
        leader: Option<NodeName>,
    },
    /// The leader gets no writes.
    LeaderIsDown,
    /// A replica that streams gets no reads.
    ReplicaIsDown,
}

/// What is odd about `server`, by fresh sources alone. A replica that is down in the write pool is as it should be.
pub fn routing_anomaly(snapshot: &Snapshot, server: &Server<'_>) -> Option<RoutingAnomaly> {
    // A word that is not known accuses nobody.
    if !server.reading.is_fresh(snapshot.now) || !server.row.status.is_known() {
        return None;
    }
    let member = snapshot.member_of(server.row)?;
    let up = server.row.takes_traffic();
    let leader = snapshot.leader();
    // Where nobody keeps a record and nobody can be named, no server is in the wrong place.
    let leader_is_known = snapshot.keeps_a_fresh_record() || leader.as_ref().is_some_and(|leader| leader.fresh);
    let leads = leader.as_ref().is_some_and(|leader| leader.value == member.name);
    match (server.purpose, up, leads) {
        (PoolPurpose::Write, true, false) if leader_is_known => {
            Some(RoutingAnomaly::WritesElsewhere { leader: leader.map(|leader| leader.value) })
        }
        // Nobody takes writes in a standby cluster.
        (PoolPurpose::Write, false, true) if !snapshot.is_standby_cluster() => Some(RoutingAnomaly::LeaderIsDown),
        // A spare is there to be idle, and a pool may be of fewer than all replicas: of synchronous ones, say.
        (PoolPurpose::Read, false, false)
            if server.row.bypass != Some(Bypass::Spare) && !reads_elsewhere(snapshot, server, member) =>
        {
            let view = snapshot.view(member);
            let wanted = view.tags().is_none_or(|tags| !tags.value.noloadbalance);
            let streams = view.streams().is_some_and(|streams| streams.fresh && streams.value);
            (wanted && streams).then_some(RoutingAnomaly::ReplicaIsDown)
        }
        _ => None,
    }
}

/// Whether `member` gets reads through another pool of the same router, and this one's check only says no.
fn reads_elsewhere(snapshot: &Snapshot, server: &Server<'_>, member: &Member) -> bool {
    let says_no = server.row.check.as_ref().is_some_and(|check| check.result == "L7STS");
    says_no
        && servers_of(snapshot, server.router).any(|other| {
            other.purpose == PoolPurpose::Read
                && other.row.proxy != server.row.proxy
                && other.row.takes_traffic()
                && snapshot.member_of(other.row).is_some_and(|own| own.name == member.name)
        })
}

/// Why a pool of `router` that serves nobody is as it should be; `None`: it is not.
pub fn empty_by_design(snapshot: &Snapshot, router: &Router, pool: &Text) -> Option<&'static str> {
    if router.purpose(pool) == PoolPurpose::Write {
        return snapshot.is_standby_cluster().then_some("a standby cluster accepts no writes");
    }
    let report = router.fresh_report(snapshot.now)?;
    snapshot.empty_by_design(router, report, pool)
}

/// Sessions through the pools of one purpose, summed over the routers that answer. `None`: none answers, none has such a
/// pool, or one of them does not tell.
pub fn sessions(snapshot: &Snapshot, purpose: PoolPurpose) -> Option<u64> {
    let rows = snapshot.routers.iter().flat_map(|router| {
        let report = router.fresh_report(snapshot.now).into_iter();
        report.flat_map(move |report| router.backends_for(report, purpose))
    });
    let counts: Option<Vec<u64>> = rows.map(|row| row.sessions).collect();
    counts?.into_iter().reduce(|sum, next| sum + next)
}
