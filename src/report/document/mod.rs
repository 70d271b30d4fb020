//! The picture as a document for scripts: versioned, with the source and age of every value. These structures *are* the
//! schema (`docs/status.schema.json`); the model may change beneath them without scripts noticing.

mod build;
mod pooler;
mod schema_one;
mod value;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use build::{finding, status};
pub use pooler::{PoolDocument, PoolerDatabaseDocument, PoolerDocument};
pub use schema_one::json as json_of_schema_one;
pub use value::{Status, Value};

/// Version of the schema. Raised when a field changes its meaning or goes; new fields may come without it.
pub const SCHEMA_VERSION: u32 = 2;

/// What `status --output json` prints.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StatusDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Clusters in the order asked for.
    pub clusters: Vec<ClusterDocument>,
}

/// One cluster.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ClusterDocument {
    /// Name in the configuration.
    pub name: String,
    /// What runs the cluster: `patroni`, or `streaming` for plain streaming replication.
    pub stack: &'static str,
    /// The cluster is simulated.
    pub simulated: bool,
    /// Patroni's scope.
    pub scope: Option<String>,
    /// Patroni's namespace.
    pub namespace: Option<String>,
    /// This console may only look.
    pub read_only: bool,
    /// Actions need a reason.
    pub protected: bool,
    /// When the picture was put together, RFC 3339.
    pub taken_at: String,
    /// Age of the oldest answer among the sources that answer in time; null: none does.
    pub age_seconds: Option<f64>,
    /// `ok`, `warning`, `critical` or `unknown`.
    pub health: &'static str,
    /// The leader.
    pub leader: Value<String>,
    /// The leader's timeline.
    pub timeline: Value<u32>,
    /// System identifier; a text, since it is larger than what many readers hold in a number.
    pub system_identifier: Value<String>,
    /// Maintenance mode.
    pub paused: Value<bool>,
    /// Since when and by whom, as far as that was seen; null: it is off, or nobody can tell.
    pub pause: Option<PauseDocument>,
    /// Failover or switchover that waits in the record for its time; null: none that the record tells of.
    pub scheduled_switchover: Option<ScheduledDocument>,
    /// The cluster follows another cluster.
    pub standby_cluster: Value<bool>,
    /// Members in order of name.
    pub members: Vec<MemberDocument>,
    /// The DCS; null: this kind of cluster has none.
    pub dcs: Option<DcsDocument>,
    /// Who acts on the cluster at present; null: nobody, as far as that can be seen.
    pub operation_lock: Option<OperationLockDocument>,
    /// Routers.
    pub routers: Vec<RouterDocument>,
    /// Connection poolers.
    pub poolers: Vec<PoolerDocument>,
    /// Backups.
    pub backups: BackupsDocument,
    /// What prepares the cluster once; null: nothing is configured that does, or no container engine told of it.
    pub preparation: Option<PreparationDocument>,
    /// What is wrong, worst first; what somebody has acknowledged last.
    pub findings: Vec<FindingDocument>,
    /// Findings whose condition has not lasted long enough yet, worst first.
    pub pending_findings: Vec<FindingDocument>,
    /// Every source asked.
    pub sources: Vec<SourceDocument>,
}

/// The container that prepares a cluster once, and ends.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PreparationDocument {
    /// Its name.
    pub container: String,
    /// `absent`, `waiting`, `running`, `done` or `failed`.
    pub state: &'static str,
    /// With which code it ended; null: it has not.
    pub exit_code: Option<i64>,
    /// Since when it is so, RFC 3339; null: the engine does not tell.
    pub since: Option<String>,
    /// Whether that was told in time.
    pub is_fresh: bool,
}

/// One member.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemberDocument {
    /// Name.
    pub name: String,
    /// Whether it is in the DCS; false: it is configured, or was there, and is not; null: the DCS has not been read.
    pub in_dcs: Option<bool>,
    /// Time since it vanished, or since the DCS was first read without it.
    pub missing_for_seconds: Option<f64>,
    /// Whether the node responds on any interface.
    pub reachable: bool,
    /// Role.
    pub role: Value<String>,
    /// What its PostgreSQL does.
    pub state: Value<String>,
    /// Timeline.
    pub timeline: Value<u32>,
    /// Furthest WAL position known of it, `X/Y`.
    pub position: Value<String>,
    /// Bytes not yet replayed.
    pub lag_bytes: Value<u64>,
    /// Bytes not yet received.
    pub receive_lag_bytes: Value<u64>,
    /// Time behind.
    pub lag_seconds: Value<f64>,
    /// `sync`, `quorum`, `potential` or `async`.
    pub sync: Value<String>,
    /// The member it replicates from.
    pub upstream: Value<String>,
    /// Time since PostgreSQL started.
    pub uptime_seconds: Value<f64>,
    /// Version of PostgreSQL.
    pub server_version: Value<String>,
    /// A restart is needed.
    pub pending_restart: Value<bool>,
    /// Settings that wait for it.
    pub pending_settings: Vec<String>,
    /// Tags in effect, in words.
    pub tags: Value<Vec<String>>,
    /// Replication slots.
    pub slots: Value<Vec<SlotDocument>>,
    /// Client backends that wait for a lock.
    pub blocked_sessions: Value<u64>,
    /// What is worth saying beside, in words. For people: not to be parsed.
    pub notes: Vec<String>,
}

/// One replication slot.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SlotDocument {
    /// Name.
    pub name: String,
    /// Logical (else physical).
    pub logical: bool,
    /// In use.
    pub active: bool,
    /// WAL kept for it; null: unknown.
    pub retained_bytes: Option<u64>,
    /// Why it can be used no more; null: it can, or a server before 16 does not tell.
    pub invalid: Option<String>,
}

/// The DCS.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DcsDocument {
    /// Whether the state of the cluster in the DCS is read in time.
    pub is_fresh: bool,
    /// Its members.
    pub members: Vec<DcsMemberDocument>,
}

/// The operation lock.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct OperationLockDocument {
    /// `user@host`; empty where the key cannot be read as a lock.
    pub holder: String,
    /// What is done, such as `switchover`.
    pub verb: String,
    /// Since when, RFC 3339, by the holder's clock.
    pub since: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Identifier of the action.
    pub action: String,
    /// Whether the record that says so is read in time.
    pub is_fresh: bool,
}

/// A pause that lasts.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PauseDocument {
    /// When it began, RFC 3339; null: it was on already when this program began to look, and no journal here tells.
    pub began_at: Option<String>,
    /// For how long it is known to last.
    pub seen_for_seconds: f64,
    /// `user@host` of who switched it on with this program; null: not known.
    pub by: Option<String>,
}

/// A switchover that waits for its time.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ScheduledDocument {
    /// Member that leads until then.
    pub from: Option<String>,
    /// Member that is to lead; null: whom Patroni finds best.
    pub to: Option<String>,
    /// When, in Patroni's words.
    pub at: String,
    /// Whether the record that says so is read in time.
    pub is_fresh: bool,
}

/// One DCS member.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DcsMemberDocument {
    /// Endpoint asked.
    pub endpoint: String,
    /// Whether it responds in time.
    pub reachable: bool,
    /// Name.
    pub name: Value<String>,
    /// Whether it is the raft leader.
    pub is_leader: Value<bool>,
    /// Raft term.
    pub term: Value<u64>,
    /// Whether it reaches the majority.
    pub quorum: Value<bool>,
    /// Database size.
    pub size_bytes: Value<u64>,
    /// Time a status call took.
    pub latency_seconds: Value<f64>,
    /// Alarms in words.
    pub alarms: Value<Vec<String>>,
}

/// One router.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RouterDocument {
    /// Name in the configuration.
    pub name: String,
    /// Whether an interface responds in time.
    pub reachable: bool,
    /// Servers.
    pub servers: Vec<ServerDocument>,
}

/// One server of a router.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ServerDocument {
    /// Backend.
    pub backend: String,
    /// Server.
    pub server: String,
    /// What the backend routes to: `leader`, `replicas`, `any`, or null: not known.
    pub routes_to: Option<&'static str>,
    /// Member behind it; null: none of this name or address.
    pub member: Option<String>,
    /// Status in the router's words.
    pub status: Value<String>,
    /// Whether it gets new connections.
    pub takes_traffic: Value<bool>,
    /// Sessions now.
    pub sessions: Value<u64>,
    /// What contradicts the DCS: `writes-elsewhere`, `leader-is-down`, `replica-is-down`; null: nothing seen.
    pub anomaly: Option<&'static str>,
}

/// Backups.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BackupsDocument {
    /// Whether a backup source is configured. False says nothing on whether backups exist.
    pub configured: bool,
    /// When the newest good one began, RFC 3339.
    pub last_good: Value<String>,
}

/// One finding.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FindingDocument {
    /// Stable name of the rule.
    pub code: &'static str,
    /// `critical`, `warning` or `note`.
    pub severity: &'static str,
    /// What it costs: `split-brain`, `writes-down`, `split-brain-possible`, `data-at-risk`, `no-failover`,
    /// `redundancy-lost`, `performance` or `hygiene`.
    pub consequence: &'static str,
    /// What it is about.
    pub subject: String,
    /// One line.
    pub title: String,
    /// How long it has been so; null: not known.
    pub for_seconds: Option<f64>,
    /// Facts behind it.
    pub evidence: Vec<EvidenceDocument>,
    /// What to do.
    pub advice: String,
    /// Who knows of it; null: nobody, or it got worse since.
    pub acknowledged: Option<AcknowledgedDocument>,
}

/// That somebody knows of a finding.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AcknowledgedDocument {
    /// `user@host`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
    /// Until when, RFC 3339.
    pub until: String,
}

/// One fact behind a finding.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EvidenceDocument {
    /// The fact.
    pub text: String,
    /// Who said it.
    pub source: Option<String>,
    /// How long ago.
    pub age_seconds: Option<f64>,
}

/// One source.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SourceDocument {
    /// Its name, as values refer to it.
    pub source: String,
    /// `fresh`, `waiting`, `stale` or `lost`.
    pub freshness: &'static str,
    /// Time since its last good answer; null: there never was one.
    pub age_seconds: Option<f64>,
    /// How long that answer took.
    pub latency_seconds: Option<f64>,
    /// What is wrong with it; null: nothing.
    pub error: Option<String>,
    /// What usually mends that.
    pub remedy: Option<String>,
}

/// The document as JSON, indented, with a line break at its end.
///
/// # Errors
/// Where the document cannot be written as JSON, which no document of [`status`] should bring about.
pub fn json(document: &StatusDocument) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}
