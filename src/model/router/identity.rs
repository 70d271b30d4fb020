//! Which member a server of a router stands for, and by what that is known.
//!
//! Nobody writes that down anywhere: the router knows names and addresses of its own network, the DCS what members
//! advertise, the console how it reaches them, and each PostgreSQL its own end of a session. None of them is believed where
//! two members share it (several nodes behind one published host), and where two of them name different members, nobody is
//! named at all.

// An address as such: what core has opens no socket.
use core::net::IpAddr;
use std::collections::BTreeSet;

use serde::Serialize;

use super::super::agent::Address;
use super::super::member::Member;
use super::super::name::NodeName;
use super::super::observed::Reading;
use super::super::postgres::SqlReport;
use super::super::snapshot::Snapshot;
use super::super::text::Text;
use super::{ProxyKind, ProxyRow, RouterReport};

/// By what a server is known to be a member's, the surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifiedBy {
    /// The name that the router resolves for it, and its port, are what the member advertises.
    Fqdn,
    /// Its address and port are PostgreSQL's own end of the console's session with the member.
    OwnAddress,
    /// Its address and port are what the member advertises in the DCS.
    Advertised,
    /// Its address and port are what the member's host name resolves to.
    Resolved,
    /// Its name is the member's. Names are given by hand.
    Name,
    /// Its address is where the console reaches the member: by configuration, or through the address map.
    Contact,
    /// Its host is the member's, and no other member's; its port is another, as of a pooler in between.
    Host,
}

impl IdentifiedBy {
    /// In words, behind "by".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Fqdn => "FQDN",
            Self::OwnAddress => "the address of PostgreSQL",
            Self::Advertised => "the address in the DCS",
            Self::Resolved => "the resolved address",
            Self::Name => "name only",
            Self::Contact => "the address map or the configuration",
            Self::Host => "host only",
        }
    }

    /// Whether the router may be told of the server by it. A name or a host alone proves nothing.
    pub fn is_proof(self) -> bool {
        match self {
            Self::Fqdn | Self::OwnAddress | Self::Advertised | Self::Resolved | Self::Contact => true,
            Self::Name | Self::Host => false,
        }
    }

    /// Whether it follows the member wherever it goes, and no hand wrote it down.
    fn is_strong(self) -> bool {
        matches!(self, Self::Fqdn | Self::OwnAddress | Self::Advertised | Self::Resolved)
    }
}

mod owners;

pub use owners::ServerOwners;

/// Whose a server is.
#[derive(Clone, Debug)]
pub enum ServerOwner<'a> {
    /// A member's.
    Member {
        /// Whose.
        member: &'a Member,
        /// By what that is known.
        by: IdentifiedBy,
    },
    /// Sure signs name different members: the router leads elsewhere than it says, or has not followed a change.
    Contradicted(Vec<(IdentifiedBy, &'a NodeName)>),
    /// No member's, as far as anything tells.
    Nobody,
}

/// Signs that contradict each other, in words: `pg-1 by its FQDN, pg-2 by PostgreSQL's own address`.
pub fn contradiction(claims: &[(IdentifiedBy, &NodeName)]) -> String {
    claims.iter().map(|(by, name)| format!("{name} by {}", by.describe())).collect::<Vec<_>>().join(", ")
}

impl Snapshot {
    /// Whose `row`, a server of a router, is.
    pub fn server_owner(&self, row: &ProxyRow) -> ServerOwner<'_> {
        self.owners.get(self, row).unwrap_or_else(|| self.identify_owner(row))
    }

    /// The same, told anew.
    fn identify_owner(&self, row: &ProxyRow) -> ServerOwner<'_> {
        let signs = ServerEvidence::of(self, row);
        let mut claims = Vec::new();
        for kind in [
            IdentifiedBy::Fqdn,
            IdentifiedBy::OwnAddress,
            IdentifiedBy::Advertised,
            IdentifiedBy::Resolved,
            IdentifiedBy::Name,
            IdentifiedBy::Contact,
            IdentifiedBy::Host,
        ] {
            claims.extend(signs.only(kind).map(|member| (kind, member)));
        }
        let strong: Vec<(IdentifiedBy, &Member)> = claims.iter().copied().filter(|(by, _)| by.is_strong()).collect();
        if let [(by, member), others @ ..] = strong.as_slice() {
            if others.iter().any(|(_, other)| other.name != member.name) {
                return ServerOwner::Contradicted(strong.iter().map(|(by, member)| (*by, &member.name)).collect());
            }
            return ServerOwner::Member { member, by: *by };
        }
        let by_kind = |kind: IdentifiedBy| claims.iter().find(|(by, _)| *by == kind).map(|(_, member)| *member);
        // What was written by hand is as good as the name that was given by hand, and proves more where both agree.
        match (by_kind(IdentifiedBy::Name), by_kind(IdentifiedBy::Contact), by_kind(IdentifiedBy::Host)) {
            (Some(named), Some(reached), _) if named.name == reached.name => {
                ServerOwner::Member { member: named, by: IdentifiedBy::Contact }
            }
            (Some(named), _, _) => ServerOwner::Member { member: named, by: IdentifiedBy::Name },
            (None, Some(member), _) => ServerOwner::Member { member, by: IdentifiedBy::Contact },
            (None, None, Some(member)) => ServerOwner::Member { member, by: IdentifiedBy::Host },
            (None, None, None) => ServerOwner::Nobody,
        }
    }

    /// The member a server of the router stands for; `None` also where the signs contradict each other.
    pub fn member_of(&self, row: &ProxyRow) -> Option<&Member> {
        match self.server_owner(row) {
            ServerOwner::Member { member, .. } => Some(member),
            ServerOwner::Contradicted(_) | ServerOwner::Nobody => None,
        }
    }

    /// The servers of a router's pools that have a member among their servers, each with its member as far as it is known.
    pub fn servers_of_own_pools<'a, 'r>(&'a self, report: &'r RouterReport) -> Vec<(&'r ProxyRow, Option<&'a Member>)> {
        let servers = report.rows.iter().filter(|row| row.kind == ProxyKind::Server);
        // Telling whose a server is takes a look at every member: once for each.
        let mut servers: Vec<_> = servers.map(|row| (row, self.member_of(row))).collect();
        let own: BTreeSet<&Text> =
            servers.iter().filter(|(_, member)| member.is_some()).map(|(row, _)| &row.proxy).collect();
        servers.retain(|(row, _)| own.contains(&row.proxy));
        servers
    }
}

/// What a row tells of where it leads, beside what is known of every member.
struct ServerEvidence<'a, 'b> {
    snapshot: &'a Snapshot,
    row: &'b ProxyRow,
    /// Host and port of the server.
    place: Option<(&'b str, Option<u16>)>,
    /// The same where the address map leads it.
    reached: Option<(&'b str, Option<u16>)>,
    /// Name and port.
    named: Option<(&'b str, Option<u16>)>,
}

impl<'a, 'b> ServerEvidence<'a, 'b> {
    fn of(snapshot: &'a Snapshot, row: &'b ProxyRow) -> Self {
        let split = |text: Option<&'b super::super::text::Text>| text.map(|text| host_and_port(text.as_str()));
        let place = split(row.address.as_ref()).filter(|(host, _)| !is_unspecified(host));
        let named = row.fqdn.as_ref().map(|name| (name.as_str(), row.port));
        Self { snapshot, row, place, reached: split(row.reached.as_ref()), named }
    }

    /// The one member of whom `kind` holds; `None`: none, or several, among whom nobody can choose.
    fn only(&self, kind: IdentifiedBy) -> Option<&'a Member> {
        let mut fresh = Vec::new();
        let mut old = Vec::new();
        for member in &self.snapshot.members {
            match self.holds(kind, member) {
                Some(true) => fresh.push(member),
                Some(false) => old.push(member),
                None => {}
            }
        }
        match (fresh.as_slice(), old.as_slice()) {
            ([one], _) | ([], [one]) => Some(one),
            _ => None,
        }
    }

    /// What PostgreSQL says of itself, unless it may be another server's: then its address leads to that one.
    fn own_sql(&self, member: &'a Member) -> Option<&'a Reading<SqlReport>> {
        member.sql.as_ref().filter(|_| self.snapshot.view(member).doubt().is_none())
    }

    /// Whether `kind` holds of `member`, and if so, whether by a word that is still good.
    fn holds(&self, kind: IdentifiedBy, member: &Member) -> Option<bool> {
        let now = self.snapshot.now;
        let advertised = || {
            let record = self.snapshot.record()?;
            let address = record.last()?.member(&member.name)?.postgres.as_ref()?;
            Some((address, record.is_fresh(now)))
        };
        match kind {
            IdentifiedBy::Fqdn => {
                let (address, fresh) = advertised()?;
                self.named.is_some_and(|named| is_at(named, address)).then_some(fresh)
            }
            IdentifiedBy::OwnAddress => {
                let sql = member.sql.as_ref()?;
                let address = sql.last()?.address.as_ref().filter(|address| !is_loopback(address.host.as_str()))?;
                let is_there = self.place.is_some_and(|place| is_at(place, address));
                // Whether it may be another server's takes a look at every member: only where it matters.
                (is_there && self.own_sql(member).is_some()).then(|| sql.is_fresh(now))
            }
            IdentifiedBy::Advertised => {
                let (address, fresh) = advertised()?;
                self.place.is_some_and(|place| is_at(place, address)).then_some(fresh)
            }
            IdentifiedBy::Resolved => {
                // Where the console goes another way than the members, the far end is that way's.
                let (advertised, _) = advertised()?;
                let member_address = member.postgres_address.as_ref()?;
                if !is_at((member_address.host.as_str(), Some(member_address.port)), advertised) {
                    return None;
                }
                let sql = self.own_sql(member)?;
                let address = sql.last()?.peer.as_ref().filter(|address| !is_loopback(address.host.as_str()))?;
                self.place.is_some_and(|place| is_at(place, address)).then(|| sql.is_fresh(now))
            }
            IdentifiedBy::Name => (*member.name.text() == self.row.server).then_some(true),
            IdentifiedBy::Contact => {
                let address = member.postgres_address.as_ref()?;
                let ways = [self.place, self.reached, self.named];
                ways.into_iter().flatten().any(|place| is_at(place, address)).then_some(true)
            }
            IdentifiedBy::Host => {
                let sql = self.own_sql(member).and_then(|sql| sql.last());
                let known = [
                    advertised().map(|(address, _)| address),
                    sql.and_then(|report| report.address.as_ref()),
                    member.postgres_address.as_ref(),
                ];
                let mut hosts = known.into_iter().flatten().filter(|address| !is_loopback(address.host.as_str()));
                let places = [self.place, self.named];
                let is_here = |address: &Address| {
                    places.into_iter().flatten().any(|(host, _)| same_host(host, address.host.as_str()))
                };
                hosts.any(is_here).then_some(true)
            }
        }
    }
}

/// `host:port`, `[v6]:port`, or a host alone.
fn host_and_port(text: &str) -> (&str, Option<u16>) {
    if let Some((host, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, port.parse().ok()),
        _ => (text, None),
    }
}

fn is_at((host, port): (&str, Option<u16>), address: &Address) -> bool {
    port == Some(address.port) && same_host(host, address.host.as_str())
}

/// Names without regard to case and to the dot at their end, addresses by what they mean.
fn same_host(one: &str, other: &str) -> bool {
    if one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.')) {
        return true;
    }
    // Only an IPv6 address is written in more than one way.
    if !one.contains(':') && !other.contains(':') {
        return false;
    }
    match (literal(one), literal(other)) {
        (Some(one), Some(other)) => one == other,
        (_, _) => false,
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// An address that means another machine to everybody who reads it.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || literal(host).is_some_and(|address| address.is_loopback() || address.is_unspecified())
}

/// What HAProxy shows before a name is resolved.
fn is_unspecified(host: &str) -> bool {
    host.is_empty() || host == "-" || literal(host).is_some_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests;
