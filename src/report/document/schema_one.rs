//! The document of schema version 1, which `status --schema 1` goes on writing for one release: the same values under
//! their former names and words.

use serde::Serialize;

use super::build;
use super::{
    BackupsDocument, ClusterDocument, DcsMemberDocument, FindingDocument, MemberDocument, OperationLockDocument,
    PauseDocument, PreparationDocument, RouterDocument, ScheduledDocument, ServerDocument, SlotDocument,
    SourceDocument, Value,
};
use crate::model::finding::Consequence;
use crate::model::snapshot::{ClusterHealth, Snapshot, StackKind};

#[derive(Serialize)]
struct FormerStatus<'a> {
    schema_version: u32,
    clusters: Vec<FormerCluster<'a>>,
}

#[derive(Serialize)]
struct FormerCluster<'a> {
    name: &'a str,
    kind: &'static str,
    scope: &'a Option<String>,
    namespace: &'a Option<String>,
    read_only: bool,
    protected: bool,
    taken_at: &'a str,
    age_seconds: Option<f64>,
    #[serde(rename = "wellbeing")]
    cluster_health: &'static str,
    leader: &'a Value<String>,
    timeline: &'a Value<u32>,
    system_identifier: &'a Value<String>,
    paused: &'a Value<bool>,
    pause: &'a Option<PauseDocument>,
    scheduled_switchover: &'a Option<ScheduledDocument>,
    standby_cluster: &'a Value<bool>,
    members: Vec<FormerMember<'a>>,
    dcs: FormerDcs<'a>,
    routers: Vec<FormerRouter<'a>>,
    backups: &'a BackupsDocument,
    preparation: &'a Option<PreparationDocument>,
    findings: Vec<FindingDocument>,
    settling: Vec<FindingDocument>,
    sources: Vec<FormerSource<'a>>,
}

#[derive(Serialize)]
struct FormerMember<'a> {
    name: &'a str,
    on_record: Option<bool>,
    missing_for_seconds: Option<f64>,
    answers: bool,
    role: &'a Value<String>,
    state: &'a Value<String>,
    timeline: &'a Value<u32>,
    position: &'a Value<String>,
    lag_bytes: &'a Value<u64>,
    receive_lag_bytes: &'a Value<u64>,
    lag_seconds: &'a Value<f64>,
    sync: &'a Value<String>,
    follows: &'a Value<String>,
    uptime_seconds: &'a Value<f64>,
    server_version: &'a Value<String>,
    pending_restart: &'a Value<bool>,
    pending_settings: &'a [String],
    tags: &'a Value<Vec<String>>,
    slots: &'a Value<Vec<SlotDocument>>,
    blocked_sessions: &'a Value<u64>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct FormerDcs<'a> {
    record_is_fresh: bool,
    operation_lock: &'a Option<OperationLockDocument>,
    members: Vec<FormerDcsMember<'a>>,
}

#[derive(Serialize)]
struct FormerDcsMember<'a> {
    endpoint: &'a str,
    answers: bool,
    name: &'a Value<String>,
    leads: &'a Value<bool>,
    term: &'a Value<u64>,
    quorum: &'a Value<bool>,
    size_bytes: &'a Value<u64>,
    latency_seconds: &'a Value<f64>,
    alarms: &'a Value<Vec<String>>,
}

#[derive(Serialize)]
struct FormerRouter<'a> {
    name: &'a str,
    answers: bool,
    servers: Vec<FormerServer<'a>>,
}

#[derive(Serialize)]
struct FormerServer<'a> {
    backend: &'a str,
    server: &'a str,
    #[serde(rename = "leads_to")]
    routes_to: Option<&'static str>,
    member: &'a Option<String>,
    status: &'a Value<String>,
    takes_traffic: &'a Value<bool>,
    sessions: &'a Value<u64>,
    #[serde(rename = "oddity")]
    routing_anomaly: Option<&'static str>,
}

#[derive(Serialize)]
struct FormerSource<'a> {
    source: &'a str,
    freshness: &'static str,
    age_seconds: Option<f64>,
    took_seconds: Option<f64>,
    #[serde(rename = "trouble")]
    failure_kind: &'a Option<String>,
    remedy: &'a Option<String>,
}

/// The document of these clusters in schema version 1, indented or in one line.
///
/// # Errors
/// Where the document cannot be written as JSON, which none should bring about.
pub fn json(snapshots: &[&Snapshot], indented: bool) -> Result<String, serde_json::Error> {
    let documents: Vec<ClusterDocument> = snapshots.iter().map(|snapshot| build::cluster(snapshot)).collect();
    let clusters = snapshots.iter().zip(&documents).map(|(snapshot, document)| cluster(snapshot, document)).collect();
    let status = FormerStatus { schema_version: 1, clusters };
    if indented {
        serde_json::to_string_pretty(&status).map(|text| text + "\n")
    } else {
        serde_json::to_string(&status)
    }
}

fn cluster<'a>(snapshot: &Snapshot, document: &'a ClusterDocument) -> FormerCluster<'a> {
    FormerCluster {
        name: &document.name,
        kind: match snapshot.identity.kind {
            StackKind::Patroni => "patroni",
            StackKind::Streaming => "streaming",
            StackKind::Simulated => "simulated",
        },
        scope: &document.scope,
        namespace: &document.namespace,
        read_only: document.read_only,
        protected: document.protected,
        taken_at: &document.taken_at,
        age_seconds: document.age_seconds,
        cluster_health: match snapshot.cluster_health() {
            ClusterHealth::Ok => "well",
            ClusterHealth::Warning => "look",
            ClusterHealth::Critical => "act",
            ClusterHealth::Unknown => "unknown",
        },
        leader: &document.leader,
        timeline: &document.timeline,
        system_identifier: &document.system_identifier,
        paused: &document.paused,
        pause: &document.pause,
        scheduled_switchover: &document.scheduled_switchover,
        standby_cluster: &document.standby_cluster,
        members: document.members.iter().map(member).collect(),
        dcs: FormerDcs {
            record_is_fresh: snapshot.record_is_fresh(),
            operation_lock: &document.operation_lock,
            members: document.dcs.iter().flat_map(|dcs| &dcs.members).map(dcs_member).collect(),
        },
        routers: document.routers.iter().map(router).collect(),
        backups: &document.backups,
        preparation: &document.preparation,
        findings: findings(&document.findings),
        settling: findings(&document.pending_findings),
        sources: document.sources.iter().map(source).collect(),
    }
}

/// Version 1 had one word for a split brain that is there and for one that may be.
fn findings(documents: &[FindingDocument]) -> Vec<FindingDocument> {
    let mut findings = documents.to_vec();
    for finding in &mut findings {
        if finding.consequence == Consequence::SplitBrainPossible.as_str() {
            finding.consequence = Consequence::SplitBrain.as_str();
        }
    }
    findings
}

fn member(document: &MemberDocument) -> FormerMember<'_> {
    FormerMember {
        name: &document.name,
        on_record: document.in_dcs,
        missing_for_seconds: document.missing_for_seconds,
        answers: document.reachable,
        role: &document.role,
        state: &document.state,
        timeline: &document.timeline,
        position: &document.position,
        lag_bytes: &document.lag_bytes,
        receive_lag_bytes: &document.receive_lag_bytes,
        lag_seconds: &document.lag_seconds,
        sync: &document.sync,
        follows: &document.upstream,
        uptime_seconds: &document.uptime_seconds,
        server_version: &document.server_version,
        pending_restart: &document.pending_restart,
        pending_settings: &document.pending_settings,
        tags: &document.tags,
        slots: &document.slots,
        blocked_sessions: &document.blocked_sessions,
        notes: &document.notes,
    }
}

fn dcs_member(document: &DcsMemberDocument) -> FormerDcsMember<'_> {
    FormerDcsMember {
        endpoint: &document.endpoint,
        answers: document.reachable,
        name: &document.name,
        leads: &document.is_leader,
        term: &document.term,
        quorum: &document.quorum,
        size_bytes: &document.size_bytes,
        latency_seconds: &document.latency_seconds,
        alarms: &document.alarms,
    }
}

fn router(document: &RouterDocument) -> FormerRouter<'_> {
    FormerRouter {
        name: &document.name,
        answers: document.reachable,
        servers: document.servers.iter().map(server).collect(),
    }
}

fn server(document: &ServerDocument) -> FormerServer<'_> {
    FormerServer {
        backend: &document.backend,
        server: &document.server,
        routes_to: document.routes_to,
        member: &document.member,
        status: &document.status,
        takes_traffic: &document.takes_traffic,
        sessions: &document.sessions,
        routing_anomaly: document.anomaly,
    }
}

fn source(document: &SourceDocument) -> FormerSource<'_> {
    FormerSource {
        source: &document.source,
        freshness: document.freshness,
        age_seconds: document.age_seconds,
        took_seconds: document.latency_seconds,
        failure_kind: &document.error,
        remedy: &document.remedy,
    }
}
