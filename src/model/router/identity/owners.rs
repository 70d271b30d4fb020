//! Whose the servers of a finished picture are, told once for all who ask: rules, tables and notes look at the same servers
//! dozens of times for each frame, and telling takes a look at every member.

use std::fmt;
use std::sync::OnceLock;

use super::super::super::name::NodeName;
use super::super::super::snapshot::Snapshot;
use super::super::super::text::Text;
use super::super::ProxyRow;
use super::{IdentifiedBy, ServerOwner};

/// Owners of the servers of one picture. Empty in a picture that may still change, which every copy may.
#[derive(Default)]
pub struct ServerOwners(Option<OnceLock<Vec<(ServerAddresses, Owner)>>>);

/// What a row tells of itself: rows that tell the same have the same owner.
#[derive(PartialEq, Eq)]
struct ServerAddresses {
    server: Text,
    address: Option<Text>,
    reached: Option<Text>,
    fqdn: Option<Text>,
    port: Option<u16>,
}

/// [`ServerOwner`] by the places of members in the picture.
enum Owner {
    Member { place: usize, by: IdentifiedBy },
    Contradicted(Vec<(IdentifiedBy, usize)>),
    Nobody,
}

impl ServerAddresses {
    fn of(row: &ProxyRow) -> Self {
        Self {
            server: row.server.clone(),
            address: row.address.clone(),
            reached: row.reached.clone(),
            fqdn: row.fqdn.clone(),
            port: row.port,
        }
    }

    fn are_of(&self, row: &ProxyRow) -> bool {
        self.server == row.server
            && self.address == row.address
            && self.reached == row.reached
            && self.fqdn == row.fqdn
            && self.port == row.port
    }
}

impl Snapshot {
    /// From here on neither members nor records nor routers of this picture change: what follows from them is kept. A copy
    /// may be changed, and keeps nothing.
    pub fn finish(&mut self) {
        self.owners = ServerOwners(Some(OnceLock::new()));
    }
}

impl ServerOwners {
    /// Whose `row` of a router of `snapshot` is, told at the first question. `None`: it is to be told anew, since the picture
    /// may change, or the row is none of it.
    pub(super) fn get<'a>(&self, snapshot: &'a Snapshot, row: &ProxyRow) -> Option<ServerOwner<'a>> {
        let known = self.0.as_ref()?.get_or_init(|| identify_all(snapshot));
        let (_, owner) = known.iter().find(|(signs, _)| signs.are_of(row))?;
        owner.in_picture(snapshot)
    }
}

/// The owners of every server of every router.
fn identify_all(snapshot: &Snapshot) -> Vec<(ServerAddresses, Owner)> {
    let mut known: Vec<(ServerAddresses, Owner)> = Vec::new();
    let readings = snapshot.routers.iter().flat_map(|router| [&router.http, &router.runtime]).flatten();
    for row in readings.filter_map(|reading| reading.last()).flat_map(|report| &report.rows) {
        if !known.iter().any(|(signs, _)| signs.are_of(row)) {
            let owner = Owner::of(snapshot, &snapshot.identify_owner(row));
            known.push((ServerAddresses::of(row), owner));
        }
    }
    known
}

impl Owner {
    fn of(snapshot: &Snapshot, owner: &ServerOwner<'_>) -> Self {
        let place = |name: &NodeName| snapshot.members.iter().position(|member| member.name == *name);
        match owner {
            ServerOwner::Member { member, by } => {
                place(&member.name).map_or(Self::Nobody, |place| Self::Member { place, by: *by })
            }
            ServerOwner::Contradicted(claims) => {
                Self::Contradicted(claims.iter().filter_map(|(by, name)| Some((*by, place(name)?))).collect())
            }
            ServerOwner::Nobody => Self::Nobody,
        }
    }

    fn in_picture<'a>(&self, snapshot: &'a Snapshot) -> Option<ServerOwner<'a>> {
        Some(match self {
            Self::Member { place, by } => ServerOwner::Member { member: snapshot.members.get(*place)?, by: *by },
            Self::Contradicted(claims) => {
                let named = |(by, place): &(IdentifiedBy, usize)| Some((*by, &snapshot.members.get(*place)?.name));
                ServerOwner::Contradicted(claims.iter().map(named).collect::<Option<_>>()?)
            }
            Self::Nobody => ServerOwner::Nobody,
        })
    }
}

/// A copy may be changed.
impl Clone for ServerOwners {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What is kept follows from the rest.
impl PartialEq for ServerOwners {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for ServerOwners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOwners").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_support::healthy;

    fn owners(snapshot: &Snapshot) -> Vec<Option<NodeName>> {
        let reports = snapshot.routers.iter().filter_map(|router| router.http.as_ref().or(router.runtime.as_ref()));
        let rows = reports.filter_map(|reading| reading.last()).flat_map(|report| &report.rows);
        rows.map(|row| snapshot.member_of(row).map(|member| member.name.clone())).collect()
    }

    #[test]
    fn a_finished_picture_tells_the_same_and_a_changed_copy_tells_anew() {
        let before = healthy();
        let told = owners(&before);
        assert!(told.iter().any(Option::is_some), "{told:?}");
        let mut finished = before;
        finished.finish();
        assert_eq!(owners(&finished), told);
        assert_eq!(owners(&finished), told, "by what is kept");
        let mut copy = finished.clone();
        copy.members.clear();
        assert!(owners(&copy).iter().all(Option::is_none), "what the original knew is nothing of the copy");
    }
}
