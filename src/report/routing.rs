//! Which server of a router is which member, and where that contradicts the DCS.

use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, Router, RouterReport};
use crate::model::snapshot::Snapshot;

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
        self.reading.is_fresh(snapshot.now) && self.row.status.takes_traffic()
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
        let rows = reading.last().map(|report| report.rows.as_slice()).unwrap_or_default();
        rows.iter().filter(|row| row.kind == ProxyKind::Server).map(move |row| Server {
            router,
            reading,
            row,
            purpose: router.purpose(&row.proxy),
        })
    })
}

/// What is odd about a server, seen from the DCS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Oddity {
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
pub fn oddity(snapshot: &Snapshot, server: &Server<'_>) -> Option<Oddity> {
    if !server.reading.is_fresh(snapshot.now) {
        return None;
    }
    let member = snapshot.member_of(server.row)?;
    let up = server.row.status.takes_traffic();
    let leader = snapshot.leader();
    let leader_is_known = snapshot.record_is_fresh() || leader.as_ref().is_some_and(|leader| leader.fresh);
    let leads = leader.as_ref().is_some_and(|leader| leader.value == member.name);
    match (server.purpose, up, leads) {
        (PoolPurpose::Write, true, false) if leader_is_known => {
            Some(Oddity::WritesElsewhere { leader: leader.map(|leader| leader.value) })
        }
        (PoolPurpose::Write, false, true) => Some(Oddity::LeaderIsDown),
        (PoolPurpose::Read, false, false) => {
            let view = snapshot.view(member);
            let wanted = view.tags().is_none_or(|tags| !tags.value.noloadbalance);
            let streams = view.streams().is_some_and(|streams| streams.fresh && streams.value);
            (wanted && streams).then_some(Oddity::ReplicaIsDown)
        }
        _ => None,
    }
}

/// Sessions through the pools of one purpose, summed over the routers that answer. `None`: none answers, none has such a
/// pool, or one of them does not tell.
pub fn sessions(snapshot: &Snapshot, purpose: PoolPurpose) -> Option<u64> {
    let rows = snapshot.routers.iter().flat_map(|router| {
        let report = router.reading(snapshot.now).and_then(|reading| reading.fresh(snapshot.now));
        report.into_iter().flat_map(move |report| {
            report
                .rows
                .iter()
                .filter(move |row| row.kind == ProxyKind::Backend && router.purpose(&row.proxy) == purpose)
        })
    });
    let counts: Option<Vec<u64>> = rows.map(|row| row.sessions).collect();
    counts?.into_iter().reduce(|sum, next| sum + next)
}
