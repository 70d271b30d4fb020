//! Which member a server of a router stands for, and by what that is known.
//!
//! Nobody writes that down anywhere: the router knows names and addresses of its own network, the DCS what members
//! advertise, the console how it reaches them, and each PostgreSQL its own end of a session. None of them is believed where
//! two members share it (several nodes behind one published host), and where two of them name different members, nobody is
//! named at all.

// An address as such: what core has opens no socket.
use core::net::IpAddr;

use serde::Serialize;

use super::super::agent::Address;
use super::super::member::Member;
use super::super::name::NodeName;
use super::super::observed::Reading;
use super::super::postgres::SqlReport;
use super::super::snapshot::Snapshot;
use super::ProxyRow;

/// By what a server is known to be a member's, the surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
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

impl KnownBy {
    /// In words, behind "by".
    pub fn words(self) -> &'static str {
        match self {
            Self::Fqdn => "its FQDN",
            Self::OwnAddress => "PostgreSQL's own address",
            Self::Advertised => "the address in the DCS",
            Self::Resolved => "the resolved address",
            Self::Name => "its name alone",
            Self::Contact => "the address map or the configuration",
            Self::Host => "its host alone",
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

/// Whose a server is.
#[derive(Clone, Debug)]
pub enum Whose<'a> {
    /// A member's.
    Member {
        /// Whose.
        member: &'a Member,
        /// By what that is known.
        by: KnownBy,
    },
    /// Sure signs name different members: the router leads elsewhere than it says, or has not followed a change.
    Contradicted(Vec<(KnownBy, &'a NodeName)>),
    /// No member's, as far as anything tells.
    Nobody,
}

/// Signs that contradict each other, in words: `pg-1 by its FQDN, pg-2 by PostgreSQL's own address`.
pub fn contradiction(claims: &[(KnownBy, &NodeName)]) -> String {
    claims.iter().map(|(by, name)| format!("{name} by {}", by.words())).collect::<Vec<_>>().join(", ")
}

impl Snapshot {
    /// Whose `row`, a server of a router, is.
    pub fn whose(&self, row: &ProxyRow) -> Whose<'_> {
        let signs = Signs::of(self, row);
        let mut claims = Vec::new();
        for kind in [
            KnownBy::Fqdn,
            KnownBy::OwnAddress,
            KnownBy::Advertised,
            KnownBy::Resolved,
            KnownBy::Name,
            KnownBy::Contact,
            KnownBy::Host,
        ] {
            claims.extend(signs.only(kind).map(|member| (kind, member)));
        }
        let strong: Vec<(KnownBy, &Member)> = claims.iter().copied().filter(|(by, _)| by.is_strong()).collect();
        if let [(by, member), others @ ..] = strong.as_slice() {
            if others.iter().any(|(_, other)| other.name != member.name) {
                return Whose::Contradicted(strong.iter().map(|(by, member)| (*by, &member.name)).collect());
            }
            return Whose::Member { member, by: *by };
        }
        let by_kind = |kind: KnownBy| claims.iter().find(|(by, _)| *by == kind).map(|(_, member)| *member);
        // What was written by hand is as good as the name that was given by hand, and proves more where both agree.
        match (by_kind(KnownBy::Name), by_kind(KnownBy::Contact), by_kind(KnownBy::Host)) {
            (Some(named), Some(reached), _) if named.name == reached.name => {
                Whose::Member { member: named, by: KnownBy::Contact }
            }
            (Some(named), _, _) => Whose::Member { member: named, by: KnownBy::Name },
            (None, Some(member), _) => Whose::Member { member, by: KnownBy::Contact },
            (None, None, Some(member)) => Whose::Member { member, by: KnownBy::Host },
            (None, None, None) => Whose::Nobody,
        }
    }

    /// The member a server of the router stands for; `None` also where the signs contradict each other.
    pub fn member_of(&self, row: &ProxyRow) -> Option<&Member> {
        match self.whose(row) {
            Whose::Member { member, .. } => Some(member),
            Whose::Contradicted(_) | Whose::Nobody => None,
        }
    }
}

/// What a row tells of where it leads, beside what is known of every member.
struct Signs<'a, 'b> {
    snapshot: &'a Snapshot,
    row: &'b ProxyRow,
    /// Host and port of the server.
    place: Option<(&'b str, Option<u16>)>,
    /// The same where the address map leads it.
    reached: Option<(&'b str, Option<u16>)>,
    /// Name and port.
    named: Option<(&'b str, Option<u16>)>,
}

impl<'a, 'b> Signs<'a, 'b> {
    fn of(snapshot: &'a Snapshot, row: &'b ProxyRow) -> Self {
        let split = |text: Option<&'b super::super::text::Text>| text.map(|text| host_and_port(text.as_str()));
        let place = split(row.address.as_ref()).filter(|(host, _)| !is_unspecified(host));
        let named = row.fqdn.as_ref().map(|name| (name.as_str(), row.port));
        Self { snapshot, row, place, reached: split(row.reached.as_ref()), named }
    }

    /// The one member of whom `kind` holds; `None`: none, or several, among whom nobody can choose.
    fn only(&self, kind: KnownBy) -> Option<&'a Member> {
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
    fn holds(&self, kind: KnownBy, member: &Member) -> Option<bool> {
        let now = self.snapshot.now;
        let advertised = || {
            let record = self.snapshot.record()?;
            let address = record.last()?.member(&member.name)?.postgres.as_ref()?;
            Some((address, record.is_fresh(now)))
        };
        match kind {
            KnownBy::Fqdn => {
                let (address, fresh) = advertised()?;
                self.named.is_some_and(|named| is_at(named, address)).then_some(fresh)
            }
            KnownBy::OwnAddress => {
                let sql = member.sql.as_ref()?;
                let address = sql.last()?.address.as_ref().filter(|address| !is_loopback(address.host.as_str()))?;
                let is_there = self.place.is_some_and(|place| is_at(place, address));
                // Whether it may be another server's takes a look at every member: only where it matters.
                (is_there && self.own_sql(member).is_some()).then(|| sql.is_fresh(now))
            }
            KnownBy::Advertised => {
                let (address, fresh) = advertised()?;
                self.place.is_some_and(|place| is_at(place, address)).then_some(fresh)
            }
            KnownBy::Resolved => {
                // Where the console goes another way than the members, the far end is that way's.
                let (advertised, _) = advertised()?;
                let contact = member.postgres_address.as_ref()?;
                if !is_at((contact.host.as_str(), Some(contact.port)), advertised) {
                    return None;
                }
                let sql = self.own_sql(member)?;
                let address = sql.last()?.peer.as_ref().filter(|address| !is_loopback(address.host.as_str()))?;
                self.place.is_some_and(|place| is_at(place, address)).then(|| sql.is_fresh(now))
            }
            KnownBy::Name => (*member.name.text() == self.row.server).then_some(true),
            KnownBy::Contact => {
                let address = member.postgres_address.as_ref()?;
                let ways = [self.place, self.reached, self.named];
                ways.into_iter().flatten().any(|place| is_at(place, address)).then_some(true)
            }
            KnownBy::Host => {
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
