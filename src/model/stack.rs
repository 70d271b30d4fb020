//! What a kind of stack has and what it has not. It is declared once for each kind, where a cluster is put together; rules,
//! tables and views ask this, and never which kind it is.

use serde::Serialize;

/// Who keeps the cluster's record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKeeper {
    /// A DCS, with the lock of whoever leads.
    Dcs,
    /// Nobody: it is what the nodes say of themselves, put together.
    Nodes,
}

/// Who makes another node the primary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promoter {
    /// The manager, by itself.
    Manager,
    /// An operator, by hand.
    Operator,
}

/// By whom nodes are given their names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// The manager: in the record, and in `application_name` of every standby.
    Manager,
    /// The configuration: PostgreSQL knows nothing of them.
    Configuration,
}

/// What a kind of stack has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct StackTraits {
    /// What it is called in a sentence.
    pub called: &'static str,
    /// Who keeps the record.
    pub record: RecordKeeper,
    /// Whether an agent is beside each PostgreSQL, and can be asked.
    pub agents: bool,
    /// Who promotes.
    pub promotes: Promoter,
    /// Whose the names are.
    pub names: Naming,
}

impl StackTraits {
    /// Patroni's agents with a DCS.
    pub const PATRONI: Self = Self {
        called: "Patroni",
        record: RecordKeeper::Dcs,
        agents: true,
        promotes: Promoter::Manager,
        names: Naming::Manager,
    };

    /// A primary and its standbys, with nobody to manage them.
    pub const STREAMING: Self = Self {
        called: "plain streaming replication",
        record: RecordKeeper::Nodes,
        agents: false,
        promotes: Promoter::Operator,
        names: Naming::Configuration,
    };

    /// Whether there is a DCS, with a lock in it.
    pub fn has_dcs(self) -> bool {
        self.record == RecordKeeper::Dcs
    }
}
