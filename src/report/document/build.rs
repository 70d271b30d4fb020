//! From the picture to the document.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;

use super::super::routing::{self, RoutingAnomaly};
use super::super::topology::{notes, sync_state, tag_text};
use super::super::{clusters, dcs};
use super::value::seconds;
use super::{
    AcknowledgedDocument, BackupsDocument, ClusterDocument, DcsDocument, DcsMemberDocument, EvidenceDocument,
    FindingDocument, MemberDocument, OperationLockDocument, PauseDocument, PreparationDocument, RouterDocument,
    SCHEMA_VERSION, ScheduledDocument, ServerDocument, SlotDocument, SourceDocument, StatusDocument, Value,
};
use crate::model::dcs::{DcsMember, Quorum, RaftLeader};
use crate::model::finding::Finding;
use crate::model::member::Presence;
use crate::model::moment::StartTime;
use crate::model::name::NodeName;
use crate::model::observed::{Freshness, Observed, Reading};
use crate::model::parts::{BackupOutcome, PreparationState};
use crate::model::postgres::{Invalidation, SqlPart};
use crate::model::router::{PoolPurpose, Router};
use crate::model::snapshot::{Snapshot, SourceStatus, StackKind};
use crate::model::view::MemberView;

const NO_SOURCE: &str = "not reported by any source";
const LEADS: &str = "the member is the leader or accepts writes";
const HIDDEN: &str = "not visible to the role, or not readable";

/// The document of these clusters.
pub fn status<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> StatusDocument {
    StatusDocument { schema_version: SCHEMA_VERSION, clusters: snapshots.into_iter().map(cluster).collect() }
}

pub(super) fn cluster(snapshot: &Snapshot) -> ClusterDocument {
    let now = snapshot.now;
    let identity = &snapshot.identity;
    let no_leader = if snapshot.keeps_a_fresh_record() { "no member holds the leader key" } else { NO_SOURCE };
    let doubt = snapshot.doubt();
    let unnamed = doubt.map_or(Cow::Borrowed(no_leader), |doubt| Cow::Owned(doubt.value.to_string()));
    let standby = snapshot.from_record(|content| content.config().map(|config| config.standby_cluster));
    ClusterDocument {
        name: identity.name.to_string(),
        stack: if identity.traits.has_dcs() { "patroni" } else { "streaming" },
        simulated: identity.kind == StackKind::Simulated,
        scope: identity.scope.as_ref().map(ToString::to_string),
        namespace: identity.namespace.as_ref().map(ToString::to_string),
        read_only: identity.read_only,
        protected: identity.protected,
        taken_at: snapshot.wall.to_string(),
        age_seconds: snapshot.age(now).map(seconds),
        health: clusters::as_str(snapshot.cluster_health()),
        leader: match snapshot.undoubted_leader() {
            // Known, and known to be nobody, is another thing than not known.
            None if snapshot.is_known_leaderless() => Value::none(unnamed),
            leader => Value::of(text(leader), now, unnamed),
        },
        timeline: Value::of(snapshot.timeline().map(|fact| fact.map(|timeline| timeline.0)), now, NO_SOURCE),
        system_identifier: Value::of(text(snapshot.system_id()), now, NO_SOURCE),
        paused: Value::of(snapshot.paused(), now, NO_SOURCE),
        pause: pause(snapshot),
        scheduled_switchover: scheduled(snapshot),
        standby_cluster: Value::of(standby, now, NO_SOURCE),
        members: snapshot.views().map(member).collect(),
        dcs: identity.traits.has_dcs().then(|| DcsDocument {
            is_fresh: snapshot.record_is_fresh(),
            members: snapshot.dcs.members.iter().map(|reading| dcs_member(snapshot, reading)).collect(),
        }),
        operation_lock: operation_lock(snapshot),
        routers: snapshot.routers.iter().map(|one| router(snapshot, one)).collect(),
        poolers: snapshot.poolers.iter().map(|one| super::pooler::pooler(snapshot, one)).collect(),
        backups: backups(snapshot),
        preparation: preparation(snapshot),
        findings: snapshot.findings.iter().map(|one| finding(snapshot, one)).collect(),
        pending_findings: snapshot.pending_findings.iter().map(|one| finding(snapshot, one)).collect(),
        sources: snapshot.sources().iter().map(source).collect(),
    }
}

fn pause(snapshot: &Snapshot) -> Option<PauseDocument> {
    let (began_at, span) = match snapshot.paused_since? {
        StartTime::At(at) => {
            let span = snapshot.now.since(at);
            let began = SignedDuration::try_from(span).ok().and_then(|span| snapshot.wall.checked_sub(span).ok());
            (began, span)
        }
        StartTime::Before(at) => (None, snapshot.now.since(at)),
        // Where the wall clock was set back since, the span is not known.
        StartTime::OnRecord(at) => (Some(at), Duration::try_from(snapshot.wall.duration_since(at)).unwrap_or_default()),
    };
    Some(PauseDocument {
        began_at: began_at.map(|at| at.to_string()),
        seen_for_seconds: seconds(span),
        by: snapshot.paused_by.as_ref().map(ToString::to_string),
    })
}

fn preparation(snapshot: &Snapshot) -> Option<PreparationDocument> {
    let reading = snapshot
        .runtimes
        .iter()
        .find(|reading| reading.last().is_some_and(|reported| reported.preparation.is_some()))?;
    let preparation = reading.last()?.preparation.as_ref()?;
    let (state, exit_code, since) = match &preparation.state {
        PreparationState::Absent => ("absent", None, None),
        PreparationState::Waiting => ("waiting", None, None),
        PreparationState::Running { since } => ("running", None, *since),
        PreparationState::Done { at } => ("done", Some(0), *at),
        PreparationState::Failed { code, at, .. } => ("failed", Some(*code), *at),
    };
    Some(PreparationDocument {
        container: preparation.container.to_string(),
        state,
        exit_code,
        since: since.map(|at| at.to_string()),
        is_fresh: reading.is_fresh(snapshot.now),
    })
}

fn scheduled(snapshot: &Snapshot) -> Option<ScheduledDocument> {
    let order = snapshot.from_record(|content| content.order.clone())?;
    let name = |name: &Option<NodeName>| name.as_ref().map(ToString::to_string);
    Some(ScheduledDocument {
        from: name(&order.value.leader),
        to: name(&order.value.candidate),
        at: order.value.scheduled_at.as_ref()?.to_string(),
        is_fresh: order.fresh,
    })
}

fn operation_lock(snapshot: &Snapshot) -> Option<OperationLockDocument> {
    let lock = snapshot.operation_lock()?;
    Some(OperationLockDocument {
        holder: lock.value.holder.to_string(),
        verb: lock.value.verb.to_string(),
        since: lock.value.since.map(|since| since.to_string()),
        reason: lock.value.reason.as_ref().map(ToString::to_string),
        action: lock.value.action.to_string(),
        is_fresh: lock.fresh,
    })
}

fn text<T: ToString>(fact: Option<Observed<T>>) -> Option<Observed<String>> {
    fact.map(|fact| fact.map(|value| value.to_string()))
}

fn member(view: MemberView<'_>) -> MemberDocument {
    let now = view.snapshot.now;
    let lag = view.lag();
    let writes = !view.follows();
    let missing = match view.member.presence {
        Presence::Present | Presence::Unconfirmed => None,
        Presence::Missing { since } => Some(seconds(now.since(since))),
    };
    let sql = view.member.sql.as_ref();
    let slots = sql
        .and_then(|sql| sql.part(now, SqlPart::Slots, |report| report.knows(SqlPart::Slots).then_some(&report.slots)));
    let no_slots = if sql.is_some_and(|sql| sql.answer.is_some()) { HIDDEN } else { NO_SOURCE };
    let slots = slots.map(|fact| {
        fact.map(|slots| {
            let slot = |slot: &crate::model::postgres::Slot| SlotDocument {
                name: slot.name.to_string(),
                logical: slot.logical,
                active: slot.active,
                retained_bytes: slot.retained_bytes,
                invalid: slot.invalidation.as_ref().map(Invalidation::describe),
            };
            slots.iter().map(slot).collect()
        })
    });
    let blocked = view.member.sql.as_ref().and_then(|sql| {
        let reported = |report: &crate::model::postgres::SqlReport| {
            report.connections.doing.as_ref().map(|doing| u64::from(doing.blocked))
        };
        sql.fact(now, reported)
    });
    MemberDocument {
        name: view.name().to_string(),
        in_dcs: match view.member.presence {
            Presence::Present => Some(true),
            Presence::Missing { .. } => Some(false),
            Presence::Unconfirmed => None,
        },
        missing_for_seconds: missing,
        reachable: view.answers(),
        role: Value::of(text(view.role()), now, NO_SOURCE),
        state: Value::of(text(view.state()), now, NO_SOURCE),
        timeline: Value::of(view.timeline().map(|fact| fact.map(|timeline| timeline.0)), now, NO_SOURCE),
        position: Value::of(view.position().map(|fact| fact.map(|at| view.lsn_text(at))), now, NO_SOURCE),
        lag_bytes: of_standby(writes, || Value::of(lag.bytes, now, NO_SOURCE)),
        receive_lag_bytes: of_standby(writes, || Value::of(lag.receive_bytes, now, NO_SOURCE)),
        lag_seconds: of_standby(writes, || Value::of(lag.time.map(|fact| fact.map(seconds)), now, NO_SOURCE)),
        sync: of_standby(writes, || {
            let sync = sync_state(view).map(|fact| fact.map(|sync| sync.as_str().to_owned()));
            Value::of(sync, now, NO_SOURCE)
        }),
        upstream: of_standby(writes, || Value::of(text(view.upstream()), now, NO_SOURCE)),
        uptime_seconds: Value::of(view.uptime().map(|fact| fact.map(seconds)), now, NO_SOURCE),
        server_version: Value::of(view.version_name(), now, NO_SOURCE),
        pending_restart: Value::of(view.pending_restart(), now, NO_SOURCE),
        pending_settings: view.pending_settings().iter().map(ToString::to_string).collect(),
        tags: Value::of(
            view.tags().map(|fact| {
                fact.map(|tags| {
                    let from = tags.replicatefrom.as_ref().map(|from| format!("replicatefrom={from}"));
                    from.into_iter().chain(tag_text(&tags)).collect()
                })
            }),
            now,
            NO_SOURCE,
        ),
        slots: Value::of(slots, now, no_slots),
        blocked_sessions: Value::of(blocked, now, NO_SOURCE),
        notes: notes(view).into_iter().map(|note| note.text.to_string()).collect(),
    }
}

fn of_standby<T>(writes: bool, value: impl FnOnce() -> Value<T>) -> Value<T> {
    if writes { Value::none(LEADS) } else { value() }
}

/// A part of what a DCS member says of itself.
fn own<T>(snapshot: &Snapshot, reading: &Reading<DcsMember>, part: impl FnOnce(&DcsMember) -> Option<T>) -> Value<T> {
    Value::of(reading.fact(snapshot.now, part), snapshot.now, NO_SOURCE)
}

fn dcs_member(snapshot: &Snapshot, reading: &Reading<DcsMember>) -> DcsMemberDocument {
    let now = snapshot.now;
    DcsMemberDocument {
        endpoint: reading.source.target.to_string(),
        reachable: reading.is_fresh(now),
        name: own(snapshot, reading, |member| (!member.name.is_empty()).then(|| member.name.to_string())),
        is_leader: own(snapshot, reading, |member| (member.leader != RaftLeader::Unknown).then(|| member.leads())),
        term: own(snapshot, reading, |member| member.term),
        quorum: own(snapshot, reading, |member| match member.quorum {
            Quorum::Reached => Some(true),
            Quorum::Missing => Some(false),
            Quorum::Unknown => None,
        }),
        size_bytes: own(snapshot, reading, |member| member.db_size),
        latency_seconds: own(snapshot, reading, |member| Some(member.latency.as_secs_f64())),
        alarms: own(snapshot, reading, |member| Some(member.alarms.iter().map(dcs::alarm_text).collect())),
    }
}

fn router(snapshot: &Snapshot, router: &Router) -> RouterDocument {
    let now = snapshot.now;
    let servers = routing::servers_of(snapshot, router).map(|server| {
        let row = server.row;
        let value = |fact| Value::of(fact, now, NO_SOURCE);
        ServerDocument {
            backend: row.proxy.to_string(),
            server: row.server.to_string(),
            routes_to: match server.purpose {
                PoolPurpose::Write => Some("leader"),
                PoolPurpose::Read => Some("replicas"),
                PoolPurpose::Any => Some("any"),
                PoolPurpose::Unknown => None,
            },
            member: snapshot.member_of(row).map(|member| member.name.to_string()),
            status: value(server.reading.fact(now, |_| Some(row.status.as_str()))),
            takes_traffic: Value::of(server.reading.fact(now, |_| Some(row.takes_traffic())), now, NO_SOURCE),
            sessions: Value::of(server.reading.fact(now, |_| row.sessions), now, NO_SOURCE),
            anomaly: routing::routing_anomaly(snapshot, &server).map(|routing_anomaly| match routing_anomaly {
                RoutingAnomaly::WritesElsewhere { .. } => "writes-elsewhere",
                RoutingAnomaly::LeaderIsDown => "leader-is-down",
                RoutingAnomaly::ReplicaIsDown => "replica-is-down",
            }),
        }
    });
    RouterDocument {
        name: router.name.to_string(),
        reachable: router.reading(now).is_some_and(|reading| reading.is_fresh(now)),
        servers: servers.collect(),
    }
}

fn backups(snapshot: &Snapshot) -> BackupsDocument {
    let Some(first) = snapshot.backups.first() else {
        return BackupsDocument { configured: false, last_good: Value::none("no backup source is configured") };
    };
    let good = first.fact(snapshot.now, |report| {
        let good = report.backups.iter().find(|backup| backup.outcome == BackupOutcome::Good);
        good.map(|backup| backup.started.to_string())
    });
    let reason = if first.answer.is_some() { "no successful backup in the repository" } else { NO_SOURCE };
    BackupsDocument { configured: true, last_good: Value::of(good, snapshot.now, reason) }
}

/// The document of one finding of `snapshot`.
pub fn finding(snapshot: &Snapshot, finding: &Finding) -> FindingDocument {
    let since = |at| seconds(snapshot.now.since(at));
    FindingDocument {
        code: finding.code,
        severity: finding.severity.as_str(),
        consequence: finding.consequence.as_str(),
        subject: finding.subject.to_string(),
        title: finding.title.to_string(),
        for_seconds: finding.since.map(since),
        evidence: finding
            .evidence
            .iter()
            .map(|fact| EvidenceDocument {
                text: fact.text.to_string(),
                source: fact.source.as_ref().map(ToString::to_string),
                age_seconds: fact.at.map(since),
            })
            .collect(),
        advice: finding.advice.to_string(),
        acknowledged: finding.acknowledged.as_ref().map(|known| AcknowledgedDocument {
            by: known.by.to_string(),
            reason: known.reason.to_string(),
            at: known.at.to_string(),
            until: known.until.to_string(),
        }),
    }
}

fn source(status: &SourceStatus) -> SourceDocument {
    SourceDocument {
        source: status.source.to_string(),
        freshness: match status.freshness {
            Freshness::Fresh => "fresh",
            Freshness::Waiting => "waiting",
            Freshness::Stale => "stale",
            Freshness::Lost => "lost",
        },
        age_seconds: status.age.map(seconds),
        latency_seconds: status.took.map(|took| took.as_secs_f64()),
        error: status.failure_kind.clone(),
        remedy: status.remedy.clone(),
    }
}
