//! Hand-built pictures for the tests of every room: a healthy cluster, and what may befall it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::agent::{Address, AgentReport, AgentWalsender, Position, Registration, Tags};
use crate::model::dcs::{DcsMember, Quorum, RawKey};
use crate::model::finding::{Consequence, Evidence, Finding, Severity, Subject};
use crate::model::lag_limit::LagLimit;
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::member::{Member, Presence};
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, NodeName, RouterName};
use crate::model::observed::Reading;
use crate::model::patroni_record::{DynamicConfig, PatroniRecord, SyncKey};
use crate::model::postgres::{
    Activity, ApplicationLoad, Archiver, Connections, Downstream, Replay, SenderLimits, Session, Slot, SqlReport,
    WalReceiver, WalStatus,
};
use crate::model::record::{ClusterRecord, HistoryEntry, Lead, StackRecord};
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::router::{HealthCheck, ProxyKind, ProxyRow, ProxyStatus, Router, RouterInfo, RouterReport};
use crate::model::snapshot::{Dcs, Identity, Snapshot, StackKind};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::stack::StackTraits;
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;

pub(crate) const NOW: Moment = Moment::START;
const SYSTEM: SystemId = SystemId(7_301_234_567_890_123_456);
const END: u64 = 0x1_6000_0000;

pub(crate) fn now() -> Moment {
    NOW + Duration::from_secs(1000)
}

pub(crate) fn wall() -> Timestamp {
    "2026-11-21T14:02:07Z".parse().unwrap()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn ago(span: Duration) -> Timestamp {
    wall() - SignedDuration::try_from(span).unwrap()
}

/// A reading answered `millis` ago.
pub(crate) fn reading_of<T>(kind: SourceKind, target: &str, millis: u64, value: T) -> Reading<T> {
    let mut reading = Reading::not_attempted(Source::new(kind, target), seconds(3), NOW);
    reading.take(now() - Duration::from_millis(millis), Duration::from_millis(4), Ok(Arc::new(value)));
    reading
}

/// Fails `reading` for `lasts`.
pub(crate) fn fail<T>(reading: &mut Reading<T>, failure_kind: FailureKind, lasts: Duration) {
    let since = now() - lasts;
    if let Some(answer) = &mut reading.answer {
        answer.at = since - seconds(1);
    }
    reading.take(since, seconds(1), Err(SourceError::new(failure_kind, "10.0.0.9:8008", "")));
}

/// A cluster that Patroni manages and of which the configuration says no more.
pub(crate) fn identity() -> Identity {
    Identity {
        name: ClusterName::new("prod-eu"),
        kind: StackKind::Patroni,
        traits: StackTraits::PATRONI,
        scope: None,
        namespace: None,
        colour: None,
        read_only: false,
        protected: false,
    }
}

pub(crate) fn bare() -> Snapshot {
    let identity = Identity {
        scope: Some("pg-ha".into()),
        namespace: Some("/service".into()),
        colour: Some("blue".into()),
        ..identity()
    };
    Snapshot::empty(identity, Thresholds::default(), now(), wall())
}

/// pg-0 leads, pg-1 is synchronous, pg-2 is asynchronous; three etcd members; one HAProxy.
pub(crate) fn healthy() -> Snapshot {
    let mut snapshot = bare();
    snapshot.members = vec![leader("pg-0"), replica("pg-1", 48 << 10, 200), replica("pg-2", 112 << 10, 400)];
    sql(&mut snapshot, "pg-0", |report| {
        report.downstream =
            vec![served("pg-1", SyncState::Sync, 48 << 10, 200), served("pg-2", SyncState::Async, 112 << 10, 400)];
    });
    agent(&mut snapshot, "pg-0", |report| {
        report.downstream = vec![listed("pg-1", SyncState::Sync), listed("pg-2", SyncState::Async)];
    });
    agent(&mut snapshot, "pg-1", |report| report.sync = Some(SyncState::Sync));
    snapshot.records = vec![reading_of(SourceKind::Etcd, "", 100, content())];
    snapshot.dcs = Dcs {
        members: (1..=3)
            .map(|id| reading_of(SourceKind::EtcdMember, &format!("etcd-{id}:2379"), 300, etcd(id)))
            .collect(),
        ..Dcs::default()
    };
    snapshot.routers = vec![router()];
    snapshot
}

/// The same servers without agents, DCS and router: nobody keeps a record.
pub(crate) fn plain() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.identity = Identity {
        kind: StackKind::Streaming,
        traits: StackTraits::STREAMING,
        scope: None,
        namespace: None,
        ..snapshot.identity
    };
    (snapshot.records, snapshot.dcs, snapshot.routers) = (Vec::new(), Dcs::default(), Vec::new());
    for member in &mut snapshot.members {
        (member.agent, member.agent_url) = (None, None);
    }
    // Without agents their starts tell the servers apart.
    for (name, ago) in [("pg-0", 1), ("pg-1", 2), ("pg-2", 3)] {
        sql(&mut snapshot, name, |report| report.postmaster_started -= seconds(ago));
    }
    snapshot
}

/// Its record as it is put together from what its nodes say: who leads, or why nobody can be named.
pub(crate) fn by_nodes(snapshot: &mut Snapshot, reported: Result<&str, &str>) {
    let lead = |name: &str| Lead { holder: name.into(), create_revision: 0, mod_revision: 0, lease_left: None };
    let record = ClusterRecord {
        leader: reported.ok().map(lead),
        stack_record: StackRecord::Nodes { roles: 1, doubt: reported.err().map(Text::new) },
        ..ClusterRecord::default()
    };
    snapshot.records = vec![reading_of(SourceKind::Nodes, "", 100, record)];
}

/// The healthy cluster, but pg-2 follows pg-1 and is tagged so.
pub(crate) fn cascade() -> Snapshot {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| report.downstream.truncate(1));
    agent(&mut snapshot, "pg-0", |report| report.downstream.truncate(1));
    sql(&mut snapshot, "pg-1", |report| report.downstream = vec![served("pg-2", SyncState::Async, 64 << 10, 200)]);
    sql(&mut snapshot, "pg-2", |report| {
        if let Some(receiver) = &mut report.receiver {
            receiver.sender_host = Some("10.0.0.1".into());
        }
    });
    agent(&mut snapshot, "pg-2", |report| {
        report.tags = Tags { replicatefrom: Some(NodeName::new("pg-1")), noloadbalance: true, ..Tags::default() };
    });
    snapshot
}

/// All wires to `name` time out for `lasts`; its last answers are kept.
pub(crate) fn cut(snapshot: &mut Snapshot, name: &str, lasts: Duration) {
    let member = member(snapshot, name);
    if let Some(reading) = &mut member.agent {
        fail(reading, FailureKind::TimedOut, lasts);
    }
    if let Some(reading) = &mut member.sql {
        fail(reading, FailureKind::TimedOut, lasts);
    }
    for other in ["pg-0", "pg-1", "pg-2"] {
        sql(snapshot, other, |report| report.downstream.retain(|row| row.application != *name));
        if snapshot.members.iter().any(|member| member.name == *other && member.agent.is_some()) {
            agent(snapshot, other, |report| report.downstream.retain(|row| row.application != *name));
        }
    }
}

/// Nobody holds the lock; the old leader does not answer.
pub(crate) fn leaderless() -> Snapshot {
    let mut snapshot = healthy();
    cut(&mut snapshot, "pg-0", seconds(41));
    record(&mut snapshot, |content| content.leader = None);
    for name in ["pg-1", "pg-2"] {
        sql(&mut snapshot, name, |report| report.receiver = None);
        agent(&mut snapshot, name, |report| report.replication_state = None);
    }
    snapshot
}

/// pg-1 was promoted and holds the lock; pg-0 still takes writes, and the router still sends them there.
pub(crate) fn split() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| {
        if let Some(leader) = &mut content.leader {
            leader.holder = NodeName::new("pg-1");
        }
    });
    sql(&mut snapshot, "pg-0", |report| report.downstream.clear());
    agent(&mut snapshot, "pg-0", |report| report.downstream.clear());
    let promoted = Position::Writing { at: Lsn(END + 4096) };
    sql(&mut snapshot, "pg-1", |report| {
        report.in_recovery = false;
        report.timeline = Some(Timeline(13));
        report.position = promoted;
        report.receiver = None;
        report.replay = None;
    });
    agent(&mut snapshot, "pg-1", |report| {
        report.role = Role::Primary;
        report.replication_state = None;
        report.sync = None;
        report.timeline = Some(Timeline(13));
        report.position = Some(promoted);
    });
    snapshot
}

/// The first second: everything is asked, nothing has answered.
pub(crate) fn waiting() -> Snapshot {
    let mut snapshot = bare();
    let mut pg_0 = Member::new(NodeName::new("pg-0"));
    pg_0.agent = Some(Reading::not_attempted(Source::new(SourceKind::PatroniRest, "pg-0"), seconds(3), now()));
    pg_0.sql = Some(Reading::not_attempted(Source::new(SourceKind::Sql, "pg-0"), seconds(3), now()));
    snapshot.members = vec![pg_0];
    snapshot.records = vec![Reading::not_attempted(Source::new(SourceKind::Etcd, ""), seconds(3), now())];
    snapshot
}

/// `name` vanished from the record two minutes ago.
pub(crate) fn missing(snapshot: &mut Snapshot, name: &str) {
    cut(snapshot, name, seconds(130));
    member(snapshot, name).presence = Presence::Missing { since: now() - seconds(120) };
    record(snapshot, |content| content.members.retain(|known| known.name != *name));
}

/// etcd and everything relayed from it is silent.
pub(crate) fn dcs_lost(snapshot: &mut Snapshot, lasts: Duration) {
    for reading in &mut snapshot.records {
        fail(reading, FailureKind::NoQuorum, lasts);
    }
    for reading in &mut snapshot.dcs.members {
        fail(reading, FailureKind::Refused, lasts);
    }
}

pub(crate) fn member<'a>(snapshot: &'a mut Snapshot, name: &str) -> &'a mut Member {
    snapshot.members.iter_mut().find(|member| member.name == *name).unwrap()
}

fn change<T: Clone>(reading: &mut Reading<T>, change: impl FnOnce(&mut T)) {
    if let Some(answer) = &mut reading.answer {
        change(Arc::make_mut(&mut answer.value));
    }
}

pub(crate) fn sql(snapshot: &mut Snapshot, name: &str, edit: impl FnOnce(&mut SqlReport)) {
    change(member(snapshot, name).sql.as_mut().unwrap(), edit);
}

pub(crate) fn agent(snapshot: &mut Snapshot, name: &str, edit: impl FnOnce(&mut AgentReport)) {
    change(member(snapshot, name).agent.as_mut().unwrap(), edit);
}

pub(crate) fn record(snapshot: &mut Snapshot, edit: impl FnOnce(&mut ClusterRecord)) {
    change(&mut snapshot.records[0], edit);
}

pub(crate) fn rows(snapshot: &mut Snapshot, edit: impl FnOnce(&mut Vec<ProxyRow>)) {
    change(snapshot.routers[0].http.as_mut().unwrap(), |report| edit(&mut report.rows));
}

pub(crate) fn host(name: &str) -> String {
    format!("10.0.0.{}", name.trim_start_matches("pg-"))
}

fn leader(name: &str) -> Member {
    let position = Position::Writing { at: Lsn(END) };
    node(name, Role::Primary, None, position, None, None)
}

fn replica(name: &str, behind: u64, millis: u64) -> Member {
    let receiver = WalReceiver {
        status: "streaming".into(),
        timeline: Some(Timeline(12)),
        sender_host: Some("10.0.0.0".into()),
        sender_port: Some(5432),
        slot: Some(name.replace('-', "_").into()),
        latest_end: Some(Lsn(END)),
        message_age: Some(Duration::from_millis(300)),
    };
    let position = Position::Replaying {
        received: Some(Lsn(END)),
        replayed: Some(Lsn(END - behind)),
        replayed_at: Some(ago(Duration::from_millis(millis))),
        paused: Some(false),
    };
    let replay = Replay { paused: false, delay: Duration::ZERO, lag: Some(Duration::from_millis(millis)) };
    let mut member = node(name, Role::Replica, Some(MemberState::Streaming), position, Some(receiver), Some(replay));
    // Watched all the while, without ever being caught in between.
    member.replayed_all = Some(NOW);
    member
}

fn node(
    name: &str,
    role: Role,
    replication_state: Option<MemberState>,
    position: Position,
    receiver: Option<WalReceiver>,
    replay: Option<Replay>,
) -> Member {
    let started = ago(seconds(12 * 86_400 + 4 * 3600));
    let in_recovery = role == Role::Replica;
    let agent = AgentReport {
        replication_state,
        server_version: Some(170_002),
        postmaster_started: Some(started),
        timeline: Some(Timeline(12)),
        position: Some(position),
        system_id: Some(SYSTEM),
        dcs_last_seen: Some(ago(seconds(3))),
        agent_version: Some("4.0.4".into()),
        scope: Some("pg-ha".into()),
        name: Some(NodeName::new(name)),
        ..AgentReport::of(MemberState::Running, role)
    };
    let report = SqlReport {
        version: 170_002,
        version_text: "17.2 (Debian 17.2-1.pgdg120+1)".into(),
        in_recovery,
        postmaster_started: started,
        address: None,
        peer: None,
        cluster_name: "pg-ha".into(),
        system_id: Some(SYSTEM),
        timeline: Some(Timeline(12)),
        position,
        downstream: Vec::new(),
        receiver,
        replay,
        slots: if in_recovery { Vec::new() } else { vec![slot("pg_1", true), slot("pg_2", true)] },
        archiver: Some(Archiver {
            enabled: true,
            last_archived: Some("0000000C0000000100000060".into()),
            last_archived_at: Some(ago(seconds(3))),
            last_failed: None,
            last_failed_at: None,
            failed_count: 0,
            failing: false,
            ready: Some(0),
        }),
        connections: Connections {
            used: Some(83),
            max: 200,
            reserved: 3,
            doing: Some(Activity { active: 4, idle: 77, idle_in_transaction: 2, blocked: 1 }),
        },
        oldest_transaction: None,
        prepared_count: Some(0),
        oldest_prepared: None,
        xid_age: None,
        pending_restart: Vec::new(),
        files_read: Some(started),
        since_checkpoint: (!in_recovery).then_some(48 << 20),
        synchronous_names: "".into(),
        idle_slot_timeout: None,
        sender_limits: SenderLimits { timeout: Some(seconds(60)), shutdown: None },
        settings: None,
        base_backups: Vec::new(),
        sessions: Vec::new(),
        operation_lock: None,
        applications: vec![ApplicationLoad {
            application: "shop".into(),
            sessions: 80,
            active: 4,
            idle_in_transaction: 2,
        }],
        server_time: wall(),
        monitor: true,
        unread: Vec::new(),
        slow_asked: None,
    };
    let mut member = Member::new(NodeName::new(name));
    member.agent_url = Some(format!("http://{}:8008", host(name)).into());
    member.postgres_address = Some(Address { host: host(name).into(), port: 5432 });
    member.agent = Some(reading_of(SourceKind::PatroniRest, name, 400, agent));
    member.sql = Some(reading_of(SourceKind::Sql, name, 300, report));
    member
}

pub(crate) fn slot(name: &str, active: bool) -> Slot {
    Slot {
        name: name.into(),
        logical: false,
        active,
        active_pid: active.then_some(4000),
        database: None,
        temporary: false,
        wal_status: Some(WalStatus::Reserved),
        retained_bytes: Some(48 << 10),
        safe_wal_size: None,
        inactive_since: (!active).then(|| ago(seconds(7800))),
        failover: Some(false),
        invalidation: None,
        restart_lsn: None,
        confirmed_flush_lsn: None,
    }
}

pub(crate) fn served(name: &str, sync: SyncState, behind: u64, millis: u64) -> Downstream {
    let span = Some(Duration::from_millis(millis));
    Downstream {
        pid: 4000,
        application: name.into(),
        user: Some("replicator".into()),
        address: Some(host(name).into()),
        state: Some("streaming".into()),
        sync: Some(sync),
        send_lag_bytes: Some(0),
        write_lag_bytes: Some(behind / 4),
        flush_lag_bytes: Some(behind / 2),
        replay_lag_bytes: Some(behind),
        write_lag: span,
        flush_lag: span,
        replay_lag: span,
        reply_age: span,
        reply_ahead: Duration::ZERO,
        started: Some(ago(seconds(3600))),
    }
}

fn listed(name: &str, sync: SyncState) -> AgentWalsender {
    AgentWalsender { application: name.into(), state: "streaming".into(), sync: Some(sync) }
}

fn registration(name: &str, role: Role) -> Registration {
    Registration {
        state: if role == Role::Replica { MemberState::Streaming } else { MemberState::Running },
        api_url: Some(format!("http://{}:8008/patroni", host(name)).into()),
        postgres: Some(Address { host: host(name).into(), port: 5432 }),
        timeline: Some(Timeline(12)),
        position: Some(Lsn(END - 4096)),
        agent_version: Some("4.0.4".into()),
        ..Registration::new(NodeName::new(name), role)
    }
}

/// A lock that somebody holds.
pub(crate) fn operation_lock() -> crate::model::record::OperationLock {
    crate::model::record::OperationLock {
        holder: "alice@bastion".into(),
        verb: "switchover".into(),
        since: Some(jiff::Timestamp::UNIX_EPOCH),
        reason: Some("maintenance".into()),
        action: "a-1".into(),
    }
}

fn content() -> ClusterRecord {
    let key = |name: &str, value: &str, leased| RawKey {
        name: name.into(),
        value: value.into(),
        create_revision: 40,
        mod_revision: 4711,
        leased,
    };
    let own = PatroniRecord {
        config: Some(DynamicConfig {
            ttl: Some(seconds(30)),
            loop_wait: Some(seconds(10)),
            retry_timeout: Some(seconds(10)),
            maximum_lag_on_failover: Some(LagLimit(1 << 20)),
            synchronous_mode: true,
            lines: vec!["ttl: 30".into(), "synchronous_mode: true".into()],
            mod_revision: 12,
            ..DynamicConfig::default()
        }),
        sync: Some(SyncKey {
            leader: Some(NodeName::new("pg-0")),
            standbys: vec![NodeName::new("pg-1")],
            quorum: None,
        }),
        keys: vec![key("config", "{\"ttl\":30}", false), key("leader", "pg-0", true)],
        ..PatroniRecord::default()
    };
    ClusterRecord {
        leader: Some(Lead {
            holder: NodeName::new("pg-0"),
            create_revision: 40,
            mod_revision: 4711,
            lease_left: Some(seconds(18)),
        }),
        members: vec![
            registration("pg-0", Role::Primary),
            registration("pg-1", Role::Replica),
            registration("pg-2", Role::Replica),
        ],
        system_id: Some(SYSTEM),
        history: vec![
            HistoryEntry {
                timeline: Timeline(10),
                lsn: Lsn(0x1_2000_00A0),
                reason: "no recovery target specified".into(),
                at: None,
                new_leader: None,
            },
            HistoryEntry {
                timeline: Timeline(11),
                lsn: Lsn(0x1_5000_00A0),
                reason: "no recovery target specified".into(),
                at: Some("2026-11-09T09:58:00Z".parse().unwrap()),
                new_leader: Some(NodeName::new("pg-0")),
            },
        ],
        revision: 4711,
        stack_record: StackRecord::Patroni(Arc::new(own)),
        ..ClusterRecord::default()
    }
}

pub(crate) fn etcd(id: u64) -> DcsMember {
    DcsMember {
        id,
        name: format!("etcd-{id}").into(),
        version: "3.5.16".into(),
        leader: crate::model::dcs::RaftLeader::Known(1),
        term: Some(7),
        revision: 4711,
        raft_index: Some(9000),
        raft_applied: Some(9000),
        db_size: Some(20 << 20),
        db_in_use: Some(2 << 20),
        db_quota: None,
        learner: Some(false),
        status_refused: None,
        alarms: Vec::new(),
        quorum: Quorum::Reached,
        latency: Duration::from_micros(1200),
        voters: 3,
    }
}

pub(crate) fn proxy_row(proxy: &str, server: &str, kind: ProxyKind, status: &str) -> ProxyRow {
    let up = status.starts_with("UP");
    ProxyRow {
        sessions: Some(if up || kind != ProxyKind::Server { 83 } else { 0 }),
        sessions_max: Some(120),
        sessions_limit: Some(100),
        sessions_total: Some(41_204),
        rate: Some(412),
        rate_max: Some(900),
        queue: Some(0),
        queue_max: Some(3),
        bytes_in: Some(5 << 30),
        bytes_out: Some(7 << 30),
        errors_connection: Some(2),
        errors_response: Some(0),
        retries: Some(0),
        redispatches: Some(0),
        aborts_client: Some(0),
        aborts_server: Some(0),
        active: Some(1),
        backup: Some(0),
        weight: Some(1),
        check: (kind == ProxyKind::Server).then(|| HealthCheck {
            result: if up { "L7OK".into() } else { "L7STS".into() },
            code: Some(if up { 200 } else { 503 }),
            took: Some(Duration::from_millis(3)),
            description: "".into(),
            in_progress: false,
        }),
        check_failures: Some(0),
        downs: Some(1),
        last_change: Some(seconds(7800)),
        downtime: Some(seconds(30)),
        last_session: Some(seconds(0)),
        connect_time: Some(Duration::from_millis(1)),
        ..ProxyRow::of(proxy, server, kind, ProxyStatus::from_name(status))
    }
}

fn router() -> Router {
    let mut all = Vec::new();
    for (proxy, states) in [("primary", ["UP", "DOWN", "DOWN"]), ("replicas", ["DOWN", "UP", "UP"])] {
        all.push(proxy_row(proxy, "FRONTEND", ProxyKind::Frontend, "OPEN"));
        for (name, state) in ["pg-0", "pg-1", "pg-2"].into_iter().zip(states) {
            all.push(proxy_row(proxy, name, ProxyKind::Server, state));
        }
        all.push(proxy_row(proxy, "BACKEND", ProxyKind::Backend, "UP"));
    }
    let info = RouterInfo {
        version: "3.0.11".into(),
        uptime: seconds(90_000),
        connections: 203,
        max_connections: 2000,
        idle_percent: Some(97),
    };
    Router {
        name: RouterName::new("pg-router"),
        http: Some(reading_of(SourceKind::RouterHttp, "pg-router", 400, RouterReport { info: Some(info), rows: all })),
        runtime: None,
        acting: None,
        write_backends: Vec::new(),
        read_backends: Vec::new(),
        write_address: Some(Address { host: "10.0.0.9".into(), port: 5000 }),
        read_address: None,
    }
}

pub(crate) fn session(pid: i32, application: &str, blocked_by: &[i32], transaction: Option<u64>) -> Session {
    Session {
        pid,
        started: Some(ago(seconds(3600))),
        database: "shop".into(),
        user: "app".into(),
        application: application.into(),
        client: "10.0.1.7".into(),
        state: "active".into(),
        wait: if blocked_by.is_empty() { "".into() } else { "Lock: transactionid".into() },
        transaction_age: transaction.map(seconds),
        query_age: Some(seconds(2)),
        blocked_by: blocked_by.to_vec(),
        waited: None,
        query: "UPDATE stock SET count = count - 1".into(),
    }
}

/// Acknowledges for two hours the findings that `which` picks.
pub(crate) fn acknowledge(snapshot: &mut Snapshot, which: impl Fn(&Finding) -> bool) {
    use crate::model::acknowledgement::Acknowledgement;
    let (name, wall) = (snapshot.identity.name.clone(), snapshot.wall);
    for finding in snapshot.findings.iter_mut().filter(|finding| which(finding)) {
        let reported = ("alice@bastion".into(), "maintenance window".into());
        let until = wall + SignedDuration::from_hours(2);
        finding.acknowledged = Some(std::sync::Arc::new(Acknowledgement::of(&name, finding, reported, (wall, until))));
    }
    snapshot.findings.sort_by(Finding::urgency);
}

/// A warning on pg-2's lag and a note.
pub(crate) fn findings() -> Vec<Finding> {
    let evidence = |text: &str, kind, target| Evidence {
        text: text.into(),
        source: Some(Source::new(kind, target)),
        at: Some(now() - Duration::from_millis(400)),
    };
    vec![
        Finding {
            code: "replica-lags",
            severity: Severity::Warning,
            consequence: Consequence::RedundancyLost,
            subject: Subject::Node(NodeName::new("pg-2")),
            part: crate::model::text::Text::default(),
            title: "pg-2 replay lag 1.2 GB".into(),
            evidence: vec![
                evidence("pg_stat_replication on pg-0 says 1.2 GB", SourceKind::Sql, "pg-0"),
                evidence("pg-2 replayed 1/0", SourceKind::Sql, "pg-2"),
            ],
            advice: "look for a long query on pg-2 that holds replay back".into(),
            since: Some(now() - seconds(240)),
            acknowledged: None,
        },
        Finding {
            code: "no-watchdog",
            severity: Severity::Note,
            consequence: Consequence::Hygiene,
            subject: Subject::Cluster,
            part: crate::model::text::Text::default(),
            title: "no node has a watchdog".into(),
            evidence: Vec::new(),
            advice: "consider one".into(),
            since: None,
            acknowledged: None,
        },
    ]
}
