//! From the picture to the document.

use std::time::Duration;

use jiff::SignedDuration;

use super::super::routing::{self, Oddity};
use super::super::topology::{notes, sync_state, tag_words};
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
use crate::model::moment::Began;
use crate::model::name::NodeName;
use crate::model::observed::{Freshness, Observed, Reading};
use crate::model::parts::{BackupOutcome, PreparationState};
use crate::model::postgres::{Invalidation, SqlPart};
use crate::model::router::{PoolPurpose, Router};
use crate::model::snapshot::{Snapshot, SourceStatus, StackKind};
use crate::model::view::MemberView;

const NOBODY_SAYS: &str = "no source says";
const LEADS: &str = "the member leads or takes writes";
const HIDDEN: &str = "the role may not see it, or it could not be read";

/// The document of these clusters.
pub fn status<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> StatusDocument {
    StatusDocument { schema_version: SCHEMA_VERSION, clusters: snapshots.into_iter().map(cluster).collect() }
}

fn cluster(snapshot: &Snapshot) -> ClusterDocument {
    let now = snapshot.now;
    let identity = &snapshot.identity;
    let no_leader = if snapshot.record_is_fresh() { "nobody holds the leader lock" } else { NOBODY_SAYS };
    let standby = snapshot.recorded(|content| content.config().map(|config| config.standby_cluster));
    ClusterDocument {
        name: identity.name.to_string(),
        kind: match identity.kind {
            StackKind::Patroni => "patroni",
            StackKind::Streaming => "streaming",
            StackKind::Simulated => "simulated",
        },
        scope: identity.scope.as_ref().map(ToString::to_string),
        namespace: identity.namespace.as_ref().map(ToString::to_string),
        read_only: identity.read_only,
        protected: identity.protected,
        taken_at: snapshot.wall.to_string(),
        age_seconds: snapshot.age(now).map(seconds),
        wellbeing: clusters::word(snapshot.wellbeing()),
        leader: match snapshot.undoubted_leader() {
            // Known, and known to be nobody, is another thing than not known.
            None if snapshot.keeps_a_fresh_record() => Value::none(no_leader),
            leader => Value::of(text(leader), now, no_leader),
        },
        timeline: Value::of(snapshot.timeline().map(|fact| fact.map(|timeline| timeline.0)), now, NOBODY_SAYS),
        system_identifier: Value::of(text(snapshot.system_id()), now, NOBODY_SAYS),
        paused: Value::of(snapshot.paused(), now, NOBODY_SAYS),
        pause: pause(snapshot),
        scheduled_switchover: scheduled(snapshot),
        standby_cluster: Value::of(standby, now, NOBODY_SAYS),
        members: snapshot.views().map(member).collect(),
        dcs: DcsDocument {
            record_is_fresh: snapshot.record_is_fresh(),
            operation_lock: operation_lock(snapshot),
            members: snapshot.dcs.members.iter().map(|reading| dcs_member(snapshot, reading)).collect(),
        },
        routers: snapshot.routers.iter().map(|one| router(snapshot, one)).collect(),
        backups: backups(snapshot),
        preparation: preparation(snapshot),
        findings: snapshot.findings.iter().map(|one| finding(snapshot, one)).collect(),
        settling: snapshot.settling.iter().map(|one| finding(snapshot, one)).collect(),
        sources: snapshot.sources().iter().map(source).collect(),
    }
}

fn pause(snapshot: &Snapshot) -> Option<PauseDocument> {
    let (began_at, span) = match snapshot.paused_since? {
        Began::At(at) => {
            let span = snapshot.now.since(at);
            let began = SignedDuration::try_from(span).ok().and_then(|span| snapshot.wall.checked_sub(span).ok());
            (began, span)
        }
        Began::Before(at) => (None, snapshot.now.since(at)),
        // Where the wall clock was set back since, the span is not known.
        Began::OnRecord(at) => (Some(at), Duration::try_from(snapshot.wall.duration_since(at)).unwrap_or_default()),
    };
    Some(PauseDocument {
        began_at: began_at.map(|at| at.to_string()),
        seen_for_seconds: seconds(span),
        by: snapshot.paused_by.as_ref().map(ToString::to_string),
    })
}

fn preparation(snapshot: &Snapshot) -> Option<PreparationDocument> {
    let reading =
        snapshot.runtimes.iter().find(|reading| reading.last().is_some_and(|told| told.preparation.is_some()))?;
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
    let order = snapshot.recorded(|content| content.order.clone())?;
    let name = |name: &Option<NodeName>| name.as_ref().map(ToString::to_string);
    Some(ScheduledDocument {
        from: name(&order.value.leader),
        to: name(&order.value.candidate),
        at: order.value.scheduled_at.as_ref()?.to_string(),
        is_fresh: order.fresh,
    })
}

fn operation_lock(snapshot: &Snapshot) -> Option<OperationLockDocument> {
    let lock = snapshot.recorded(|content| content.lock.clone())?;
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
    let slots = sql.and_then(|sql| sql.fact(now, |report| report.knows(SqlPart::Slots).then_some(&report.slots)));
    let no_slots = if sql.is_some_and(|sql| sql.answer.is_some()) { HIDDEN } else { NOBODY_SAYS };
    let slots = slots.map(|fact| {
        fact.map(|slots| {
            let slot = |slot: &crate::model::postgres::Slot| SlotDocument {
                name: slot.name.to_string(),
                logical: slot.logical,
                active: slot.active,
                retained_bytes: slot.retained,
                invalid: slot.invalid.as_ref().map(Invalidation::words),
            };
            slots.iter().map(slot).collect()
        })
    });
    let blocked = view.member.sql.as_ref().and_then(|sql| {
        let told = |report: &crate::model::postgres::SqlReport| {
            report.connections.doing.as_ref().map(|doing| u64::from(doing.blocked))
        };
        sql.fact(now, told)
    });
    MemberDocument {
        name: view.name().to_string(),
        on_record: match view.member.presence {
            Presence::Present => Some(true),
            Presence::Missing { .. } => Some(false),
            Presence::Unconfirmed => None,
        },
        missing_for_seconds: missing,
        answers: view.answers(),
        role: Value::of(text(view.role()), now, NOBODY_SAYS),
        state: Value::of(text(view.state()), now, NOBODY_SAYS),
        timeline: Value::of(view.timeline().map(|fact| fact.map(|timeline| timeline.0)), now, NOBODY_SAYS),
        position: Value::of(view.position().map(|fact| fact.map(|at| view.lsn_text(at))), now, NOBODY_SAYS),
        lag_bytes: of_standby(writes, || Value::of(lag.bytes, now, NOBODY_SAYS)),
        receive_lag_bytes: of_standby(writes, || Value::of(lag.receive_bytes, now, NOBODY_SAYS)),
        lag_seconds: of_standby(writes, || Value::of(lag.time.map(|fact| fact.map(seconds)), now, NOBODY_SAYS)),
        sync: of_standby(writes, || {
            let sync = sync_state(view).map(|fact| fact.map(|sync| sync.word().to_owned()));
            Value::of(sync, now, NOBODY_SAYS)
        }),
        follows: of_standby(writes, || Value::of(text(view.upstream()), now, NOBODY_SAYS)),
        uptime_seconds: Value::of(view.uptime().map(|fact| fact.map(seconds)), now, NOBODY_SAYS),
        server_version: Value::of(view.version_name(), now, NOBODY_SAYS),
        pending_restart: Value::of(view.pending_restart(), now, NOBODY_SAYS),
        pending_settings: view.pending_settings().iter().map(ToString::to_string).collect(),
        tags: Value::of(
            view.tags().map(|fact| {
                fact.map(|tags| {
                    let from = tags.replicatefrom.as_ref().map(|from| format!("replicatefrom={from}"));
                    from.into_iter().chain(tag_words(&tags)).collect()
                })
            }),
            now,
            NOBODY_SAYS,
        ),
        slots: Value::of(slots, now, no_slots),
        blocked_sessions: Value::of(blocked, now, NOBODY_SAYS),
        notes: notes(view).into_iter().map(|note| note.text.to_string()).collect(),
    }
}

fn of_standby<T>(writes: bool, value: impl FnOnce() -> Value<T>) -> Value<T> {
    if writes { Value::none(LEADS) } else { value() }
}

/// A part of what a DCS member says of itself.
fn own<T>(snapshot: &Snapshot, reading: &Reading<DcsMember>, part: impl FnOnce(&DcsMember) -> Option<T>) -> Value<T> {
    Value::of(reading.fact(snapshot.now, part), snapshot.now, NOBODY_SAYS)
}

fn dcs_member(snapshot: &Snapshot, reading: &Reading<DcsMember>) -> DcsMemberDocument {
    let now = snapshot.now;
    DcsMemberDocument {
        endpoint: reading.source.target.to_string(),
        answers: reading.is_fresh(now),
        name: own(snapshot, reading, |member| (!member.name.is_empty()).then(|| member.name.to_string())),
        leads: own(snapshot, reading, |member| (member.leader != RaftLeader::Unknown).then(|| member.leads())),
        term: own(snapshot, reading, |member| member.term),
        quorum: own(snapshot, reading, |member| match member.quorum {
            Quorum::Reached => Some(true),
            Quorum::Missing => Some(false),
            Quorum::Unknown => None,
        }),
        size_bytes: own(snapshot, reading, |member| member.db_size),
        latency_seconds: own(snapshot, reading, |member| Some(member.latency.as_secs_f64())),
        alarms: own(snapshot, reading, |member| Some(member.alarms.iter().map(dcs::alarm_words).collect())),
    }
}

fn router(snapshot: &Snapshot, router: &Router) -> RouterDocument {
    let now = snapshot.now;
    let servers = routing::servers_of(snapshot, router).map(|server| {
        let row = server.row;
        let value = |fact| Value::of(fact, now, NOBODY_SAYS);
        ServerDocument {
            backend: row.proxy.to_string(),
            server: row.server.to_string(),
            leads_to: match server.purpose {
                PoolPurpose::Write => Some("leader"),
                PoolPurpose::Read => Some("replicas"),
                PoolPurpose::Any => Some("any"),
                PoolPurpose::Unknown => None,
            },
            member: snapshot.member_of(row).map(|member| member.name.to_string()),
            status: value(server.reading.fact(now, |_| Some(row.status.word()))),
            takes_traffic: Value::of(server.reading.fact(now, |_| Some(row.takes_traffic())), now, NOBODY_SAYS),
            sessions: Value::of(server.reading.fact(now, |_| row.sessions), now, NOBODY_SAYS),
            oddity: routing::oddity(snapshot, &server).map(|oddity| match oddity {
                Oddity::WritesElsewhere { .. } => "writes-elsewhere",
                Oddity::LeaderIsDown => "leader-is-down",
                Oddity::ReplicaIsDown => "replica-is-down",
            }),
        }
    });
    RouterDocument {
        name: router.name.to_string(),
        answers: router.reading(now).is_some_and(|reading| reading.is_fresh(now)),
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
    let reason = if first.answer.is_some() { "the repository holds no good backup" } else { NOBODY_SAYS };
    BackupsDocument { configured: true, last_good: Value::of(good, snapshot.now, reason) }
}

/// The document of one finding of `snapshot`.
pub fn finding(snapshot: &Snapshot, finding: &Finding) -> FindingDocument {
    let since = |at| seconds(snapshot.now.since(at));
    FindingDocument {
        code: finding.code,
        severity: finding.severity.word(),
        consequence: finding.consequence.word(),
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
        took_seconds: status.took.map(|took| took.as_secs_f64()),
        trouble: status.trouble.clone(),
        remedy: status.remedy.clone(),
    }
}
