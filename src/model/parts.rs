//! Parts a cluster may have beside its nodes, DCS, routers and poolers: backups, a container runtime.
//!
//! Of these, a real cluster has what prepared it; the rest only the simulated cluster shows so far.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::name::NodeName;
use super::text::Text;

/// How a backup ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupOutcome {
    /// Complete.
    Good,
    /// Running.
    Running,
    /// Failed, in the tool's words.
    Failed(Text),
}

/// One backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Backup {
    /// The tool's label for it.
    pub label: Text,
    /// `full`, `incremental`, `dump` ...
    pub kind: Text,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub took: Option<Duration>,
    /// Bytes.
    pub size: Option<u64>,
    /// How it ended.
    pub outcome: BackupOutcome,
}

/// What a backup repository says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BackupReport {
    /// The tool.
    pub tool: Text,
    /// Backups, newest first.
    pub backups: Vec<Backup>,
}

/// One container.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Container {
    /// Member that runs in it.
    pub node: NodeName,
    /// The runtime's state word.
    pub state: Text,
    /// Automatic restarts.
    pub restarts: u32,
}

/// How what prepares a cluster stands: the container that makes its application's role and database once, and ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreparationState {
    /// There is no such container: it was never made, or was removed since.
    Absent,
    /// Made, and not started yet.
    Waiting,
    /// It is about it.
    Running {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It ended well.
    Done {
        /// When.
        at: Option<Timestamp>,
    },
    /// It ended badly.
    Failed {
        /// Exit code.
        code: i64,
        /// The kernel ended it for want of memory.
        out_of_memory: bool,
        /// It is started again by its restart policy.
        retries: bool,
        /// When.
        at: Option<Timestamp>,
        /// What it said last.
        lines: Vec<Text>,
    },
}

/// What prepares a cluster, as its container runtime has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Preparation {
    /// The container; where there is none, as it is configured.
    pub container: Text,
    /// How it stands.
    pub state: PreparationState,
}

/// What a container runtime says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RuntimeReport {
    /// The runtime and its version.
    pub version: Text,
    /// Containers of the cluster.
    pub containers: Vec<Container>,
    /// What prepares the cluster; `None`: nothing is configured that does.
    pub preparation: Option<Preparation>,
}
