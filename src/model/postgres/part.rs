//! The parts that a node's word is made of.

use serde::Serialize;

use crate::model::text::Text;

/// A part of a node's word that is asked for by itself, and can be missing by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlPart {
    /// Standbys served.
    Downstream,
    /// Incoming stream.
    Receiver,
    /// Replication slots.
    Slots,
    /// Archiver.
    Archiver,
    /// Segments waiting for the archiver.
    ArchiveReady,
    /// Use of the connection slots.
    Connections,
    /// Oldest running transaction.
    OldestTransaction,
    /// Prepared transactions.
    Prepared,
    /// Age of transaction ids.
    XidAge,
    /// Settings that wait for a restart.
    PendingRestart,
    /// When the configuration files were read.
    FilesRead,
    /// WAL since the last checkpoint.
    SinceCheckpoint,
    /// Running base backups.
    BaseBackups,
    /// Sessions.
    Sessions,
    /// Sessions by application.
    Applications,
    /// Who holds the operation lock.
    OperationLock,
}

impl SqlPart {
    /// Whether it is asked for only now and then, so that it may be older than the rest of an answer: it moves slowly, or
    /// is dear to find out.
    pub fn is_slow(self) -> bool {
        match self {
            Self::Slots
            | Self::ArchiveReady
            | Self::OldestTransaction
            | Self::Prepared
            | Self::XidAge
            | Self::PendingRestart
            | Self::FilesRead
            | Self::SinceCheckpoint
            | Self::BaseBackups
            | Self::Applications => true,
            Self::Downstream
            | Self::Receiver
            | Self::Archiver
            | Self::Connections
            | Self::Sessions
            | Self::OperationLock => false,
        }
    }

    /// The words shown.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Downstream => "connected standbys",
            Self::Receiver => "WAL receiver",
            Self::Slots => "replication slots",
            Self::Archiver => "archiver",
            Self::ArchiveReady => "WAL segments waiting to be archived",
            Self::Connections => "connections",
            Self::OldestTransaction => "oldest transaction",
            Self::Prepared => "prepared transactions",
            Self::XidAge => "XID age",
            Self::PendingRestart => "settings pending restart",
            Self::FilesRead => "time of the last reload",
            Self::SinceCheckpoint => "WAL since the last checkpoint",
            Self::BaseBackups => "base backups",
            Self::Sessions => "sessions",
            Self::Applications => "applications",
            Self::OperationLock => "operation lock",
        }
    }
}

/// A part that this answer does not hold, or not whole: what stands in its place must not be taken for all there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnreadPart {
    /// Which.
    pub part: SqlPart,
    /// Why, in the server's words or in ours.
    pub why: Text,
}
