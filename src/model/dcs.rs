//! The distributed configuration store itself: the health of its members.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::text::Text;

/// An alarm of the DCS. Every member tells those of all members.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DcsAlarm {
    /// What is wrong.
    pub kind: DcsAlarmKind,
    /// The member that raised it, by name or else by identifier; empty where that is not told.
    pub raised_by: Text,
    /// Whether the member that tells it raised it itself.
    pub own: bool,
}

/// What an alarm of the DCS says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DcsAlarmKind {
    /// A quota is used up: only reads and deletes work, on every member.
    NoSpace,
    /// The member's data is corrupt.
    Corrupt,
    /// An alarm this version does not know, in etcd's words.
    Other(Text),
}

impl fmt::Display for DcsAlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => f.write_str("NOSPACE"),
            Self::Corrupt => f.write_str("CORRUPT"),
            Self::Other(words) => fmt::Display::fmt(words, f),
        }
    }
}

/// Whether a member can serve reads that need the majority.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// A linearizable read went through.
    Reached,
    /// The member answers, but a linearizable read does not go through.
    Missing,
    /// Not tried, or not allowed to try.
    Unknown,
}

/// One DCS member's own word on itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DcsMember {
    /// The member's identifier.
    pub id: u64,
    /// The member's name, from the member list; empty if it never started or the list could not be had.
    pub name: Text,
    /// Server version; empty where it was not told.
    pub version: Text,
    /// Whom it sees as leader of the DCS.
    pub leader: RaftLeader,
    /// Raft term; `None` where nothing told it.
    pub term: Option<u64>,
    /// Store revision.
    pub revision: i64,
    /// Raft log index; `None` where its status is not told.
    pub raft_index: Option<u64>,
    /// Applied index; far behind `raft_index` is a slow member.
    pub raft_applied: Option<u64>,
    /// Database size on disk, in bytes; `None` where its status is not told.
    pub db_size: Option<u64>,
    /// Bytes in use; unknown on old servers.
    pub db_in_use: Option<u64>,
    /// Quota in bytes, since etcd 3.6.
    pub db_quota: Option<u64>,
    /// Does not vote; `None` where nobody tells.
    pub learner: Option<bool>,
    /// Why the member keeps its status (version, leader, size) from the login used, in its own words. Since etcd 3.5.28
    /// with authentication it is for root alone. `None`: it told.
    pub status_refused: Option<Text>,
    /// Alarms of the DCS as this member tells them.
    pub alarms: Vec<DcsAlarm>,
    /// Whether it reaches the majority.
    pub quorum: Quorum,
    /// Time a status call took.
    pub latency: Duration,
    /// Voting members in its member list; 0 where the list could not be had.
    pub voters: u32,
}

impl DcsMember {
    /// Whether it says the same as `other` of everything but how far the log has come, how large it is, and how long the
    /// answer took.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let still = |member: &Self| Self {
            revision: 0,
            raft_index: None,
            raft_applied: None,
            db_size: None,
            db_in_use: None,
            latency: Duration::ZERO,
            ..member.clone()
        };
        still(self) == still(other)
    }

    /// Whether this member is the raft leader.
    pub fn leads(&self) -> bool {
        self.id != 0 && self.leader == RaftLeader::Known(self.id)
    }

    /// Its term in words; `?` where nothing told it.
    pub fn describe_term(&self) -> String {
        self.term.map_or_else(|| "?".to_owned(), |term| term.to_string())
    }

    /// Whether it raised an alarm itself.
    pub fn raises_alarm(&self) -> bool {
        self.alarms.iter().any(|alarm| alarm.own)
    }

    /// Entries of the raft log that are not applied yet; `None` where its status is not told.
    pub fn raft_behind(&self) -> Option<u64> {
        Some(self.raft_index?.saturating_sub(self.raft_applied?))
    }

    /// Used share of its quota in percent; `None` where size or quota is not told.
    pub fn quota_used(&self) -> Option<u64> {
        let quota = self.db_quota.filter(|quota| *quota > 0)?;
        Some(self.db_size?.saturating_mul(100) / quota)
    }
}

/// Whom a member of the DCS sees as the DCS's own leader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RaftLeader {
    /// The member with this identifier.
    Known(u64),
    /// Nobody: it is cut off, or an election is on.
    Nobody,
    /// It does not tell this login.
    Unknown,
}

impl RaftLeader {
    /// From etcd's status answer, where 0 is nobody.
    pub fn from_id(id: u64) -> Self {
        if id == 0 { Self::Nobody } else { Self::Known(id) }
    }
}

impl fmt::Display for RaftLeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "{id:x}"),
            Self::Nobody => f.write_str("none"),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// One raw key, for the DCS view.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RawKey {
    /// Path below the cluster's prefix.
    pub name: Text,
    /// Value, secrets masked, cut where long.
    pub value: Text,
    /// Revision at which it was created.
    pub create_revision: i64,
    /// Revision at which it was last written.
    pub mod_revision: i64,
    /// Whether it hangs on a lease.
    pub leased: bool,
}
