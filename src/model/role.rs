//! What a node is and what it is doing, in the field's own words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::Text;

/// What a node is. As said by one source (then `Leader` means: it holds the leader lock), or as merged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Holds the leader lock and takes writes.
    Leader,
    /// Holds the leader lock of a standby cluster: replays from a remote cluster.
    StandbyLeader,
    /// Not in recovery: takes writes, whatever the lock says.
    Primary,
    /// In recovery, follows another node.
    Replica,
    /// Was the leader, is down or stepping back.
    Demoted,
    /// Has no data directory yet.
    Uninitialized,
    /// A role this version does not know, in the source's own word; or no word at all (empty).
    Unknown(Text),
}

impl Role {
    /// Whether the word claims that the node takes writes.
    pub fn is_writable(&self) -> bool {
        matches!(self, Self::Leader | Self::Primary)
    }

    /// Whether the node leads its cluster, be it a standby cluster.
    pub fn leads(&self) -> bool {
        matches!(self, Self::Leader | Self::StandbyLeader)
    }

    /// The word of Patroni, 3.x or 4.x, or of SQL. `master` is `primary`; the lock is another question.
    pub fn from_name(word: &str) -> Self {
        match word {
            "leader" => Self::Leader,
            "master" | "primary" | "promoted" => Self::Primary,
            "standby_leader" | "standby-leader" => Self::StandbyLeader,
            "replica" | "sync_standby" | "quorum_standby" | "standby" => Self::Replica,
            "demoted" => Self::Demoted,
            "uninitialized" => Self::Uninitialized,
            other => Self::Unknown(Text::new(other)),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Leader => "leader",
            Self::StandbyLeader => "standby leader",
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Demoted => "demoted",
            Self::Uninitialized => "uninitialized",
            Self::Unknown(word) if word.is_empty() => "?",
            Self::Unknown(word) => word.as_str(),
        })
    }
}

/// How a standby counts for synchronous commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncState {
    /// Commits wait for it.
    Sync,
    /// Commits wait for some of its group.
    Quorum,
    /// Next in line to be synchronous.
    Potential,
    /// Commits do not wait for it.
    Async,
}

impl SyncState {
    /// The word of `pg_stat_replication.sync_state`.
    pub fn from_name(word: &str) -> Option<Self> {
        match word {
            "sync" => Some(Self::Sync),
            "quorum" => Some(Self::Quorum),
            "potential" => Some(Self::Potential),
            "async" => Some(Self::Async),
            _ => None,
        }
    }

    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Quorum => "quorum",
            Self::Potential => "potential",
            Self::Async => "async",
        }
    }
}

/// What the PostgreSQL of a member is doing, as its manager says. Patroni's words; see its `PostgresqlState`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    /// Up and accepting.
    Running,
    /// Up, and receiving WAL from its upstream.
    Streaming,
    /// Up, and reading WAL from the archive: not streaming.
    InArchiveRecovery,
    /// Starting, or starting after a bootstrap.
    Starting,
    /// Being restarted.
    Restarting,
    /// Shutting down.
    Stopping,
    /// Down.
    Stopped,
    /// Died.
    Crashed,
    /// Being copied from another member or a backup.
    CreatingReplica,
    /// The first bootstrap of the cluster is running.
    Bootstrapping,
    /// A start, restart, stop or bootstrap that failed, in the manager's words.
    Failed(Text),
    /// A state this version does not know, in the source's own word; or none (empty).
    Unknown(Text),
}

impl MemberState {
    /// Patroni's word for a state.
    pub fn from_name(word: &str) -> Self {
        match word {
            "running" => Self::Running,
            "streaming" => Self::Streaming,
            "in archive recovery" => Self::InArchiveRecovery,
            "starting" | "starting after custom bootstrap" => Self::Starting,
            "restarting" => Self::Restarting,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "crashed" => Self::Crashed,
            "creating replica" => Self::CreatingReplica,
            "initializing new cluster" | "initdb" | "running custom bootstrap script" => Self::Bootstrapping,
            failed if failed.ends_with("failed") => Self::Failed(Text::new(failed)),
            other => Self::Unknown(Text::new(other)),
        }
    }

    /// Whether PostgreSQL is up in this state.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Running | Self::Streaming | Self::InArchiveRecovery)
    }

    /// Whether no PostgreSQL runs in this state: its manager has seen it end, or its start has come to nothing. A stop or a
    /// restart that failed proves neither.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Stopped | Self::Crashed => true,
            Self::Failed(word) => *word == "start failed",
            Self::Running
            | Self::Streaming
            | Self::InArchiveRecovery
            | Self::Starting
            | Self::Restarting
            | Self::Stopping
            | Self::CreatingReplica
            | Self::Bootstrapping
            | Self::Unknown(_) => false,
        }
    }
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Streaming => "streaming",
            Self::InArchiveRecovery => "archive recovery",
            Self::Starting => "starting",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::CreatingReplica => "creating replica",
            Self::Bootstrapping => "bootstrapping",
            Self::Unknown(word) if word.is_empty() => "?",
            Self::Failed(word) | Self::Unknown(word) => word.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_words_for_the_primary_are_one() {
        assert_eq!(Role::from_name("master"), Role::from_name("primary"));
        assert_eq!(Role::from_name("witch"), Role::Unknown("witch".into()));
    }

    #[test]
    fn every_failed_state_stays_recognisable_as_failed() {
        for word in ["start failed", "restart failed", "stop failed", "initdb failed", "custom bootstrap failed"] {
            assert_eq!(MemberState::from_name(word), MemberState::Failed(word.into()));
        }
    }
}
