//! Hand-built pictures for the tests of this room: a healthy cluster of three, and what may befall it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::before::StateBefore;
use super::expectation::Expectation;
use super::generation::Generation;
use super::intent::{ConfigurationIntent, Intent, LeadIntent, NodeIntent, Target};
use super::milestone::Milestone;
use super::order::{AgentRequest, Order};
use super::plan::{Confirm, Danger, Plan, Step};
use super::preflight::patroni::checks;
use crate::model::agent::{Address, AgentReport, Position, Registration};
use crate::model::dcs::{DcsMember, Quorum, RawKey};
use crate::model::lag_limit::LagLimit;
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::member::Member;
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, NodeName, RouterName};
use crate::model::observed::Reading;
use crate::model::patroni_record::{ConfigValue, DynamicConfig, PatroniRecord, StatusKey, SyncKey};
use crate::model::postgres::{
    Archiver, Connections, Downstream, Replay, SenderLimits, Session, SqlReport, WalReceiver,
};
use crate::model::record::{ClusterRecord, HistoryEntry, Lead, StackRecord};
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::router::{ProxyKind, ProxyRow, ProxyStatus, Router, RouterReport};
use crate::model::setting::{Definition, EffectiveSetting, SettingContext, SettingKind, Settings, Unit};
use crate::model::snapshot::{Dcs, Identity, Snapshot};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::test_support::{self, host, identity};
use crate::model::thresholds::Thresholds;

pub(super) use crate::model::test_support::seconds;

pub(super) const SYSTEM: SystemId = SystemId(7_301_234_567_890_123_456);
pub(super) const END: u64 = 0x1_6000_0000;
const READING_DURATION: Duration = Duration::from_millis(4);
const STALE: Duration = Duration::from_secs(3);

/// When the healthy picture is taken.
pub(super) fn now() -> Moment {
    Moment::START + seconds(1000)
}

/// When an action begins: right after the healthy picture.
pub(super) fn since() -> Moment {
    now() + Duration::from_millis(100)
}

pub(super) fn wall() -> Timestamp {
    "2026-11-21T14:02:07Z".parse().unwrap()
}

pub(super) fn started() -> Timestamp {
    wall() - SignedDuration::from_hours(24)
}

pub(super) fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

fn reading_of<T>(kind: SourceKind, target: &str, value: T) -> Reading<T> {
    let mut reading = Reading::not_attempted(Source::new(kind, target), STALE, Moment::START);
    reading.take(now() - Duration::from_millis(300), READING_DURATION, Ok(Arc::new(value)));
    reading
}

/// pg-0 leads on timeline 12, pg-1 is listed as synchronous, pg-2 is not; three etcd members; one HAProxy.
pub(super) fn healthy() -> Snapshot {
    let identity = Identity { scope: Some("pg-ha".into()), namespace: Some("/service".into()), ..identity() };
    let mut snapshot = Snapshot::empty(identity, Thresholds::default(), now(), wall());
    snapshot.members = vec![node("pg-0", false), node("pg-1", true), node("pg-2", true)];
    sql(&mut snapshot, 0, |report| report.downstream = vec![served("pg-1"), served("pg-2")]);
    snapshot.records = vec![reading_of(SourceKind::Etcd, "", content())];
    snapshot.dcs = Dcs {
        members: (1..=3).map(|id| reading_of(SourceKind::EtcdMember, &format!("etcd-{id}:2379"), etcd(id))).collect(),
        ..Dcs::default()
    };
    let rows = vec![
        row("primary", "pg-0", ProxyStatus::Up),
        row("primary", "pg-1", ProxyStatus::Down),
        row("primary", "pg-2", ProxyStatus::Down),
    ];
    let report = RouterReport { info: None, rows };
    snapshot.routers = vec![Router {
        name: RouterName::new("edge"),
        http: Some(reading_of(SourceKind::RouterHttp, "edge", report.clone())),
        runtime: Some(reading_of(SourceKind::RouterRuntime, "edge", report)),
        acting: None,
        write_backends: vec!["primary".into()],
        read_backends: vec!["replicas".into()],
        write_address: None,
        read_address: None,
    }];
    snapshot
}

fn again<T>(reading: &mut Reading<T>, at: Moment) {
    if reading.failure.is_some() {
        let error = reading.failure.as_ref().map(|failure| failure.error.clone()).unwrap();
        reading.take(at, READING_DURATION, Err(error));
    } else if let Some(answer) = &mut reading.answer {
        answer.at = at;
    }
}

/// Lets `span` pass, in which every source that answers answers anew, with what it said.
pub(super) fn pass(snapshot: &mut Snapshot, span: Duration) {
    snapshot.now = snapshot.now + span;
    let at = snapshot.now;
    snapshot.records.iter_mut().for_each(|reading| again(reading, at));
    snapshot.dcs.members.iter_mut().for_each(|reading| again(reading, at));
    for member in &mut snapshot.members {
        member.agent.iter_mut().for_each(|reading| again(reading, at));
        member.sql.iter_mut().for_each(|reading| again(reading, at));
    }
    for router in &mut snapshot.routers {
        router.http.iter_mut().for_each(|reading| again(reading, at));
        router.runtime.iter_mut().for_each(|reading| again(reading, at));
    }
}

fn change<T: Clone>(reading: &mut Reading<T>, change: impl FnOnce(&mut T)) {
    change(Arc::make_mut(&mut reading.answer.as_mut().unwrap().value));
}

pub(super) fn member(snapshot: &mut Snapshot, number: u8) -> &mut Member {
    let name = pg(number);
    snapshot.members.iter_mut().find(|member| member.name == name).unwrap()
}

pub(super) fn sql(snapshot: &mut Snapshot, number: u8, edit: impl FnOnce(&mut SqlReport)) {
    change(member(snapshot, number).sql.as_mut().unwrap(), edit);
}

pub(super) fn agent(snapshot: &mut Snapshot, number: u8, edit: impl FnOnce(&mut AgentReport)) {
    change(member(snapshot, number).agent.as_mut().unwrap(), edit);
}

pub(super) fn record(snapshot: &mut Snapshot, edit: impl FnOnce(&mut ClusterRecord)) {
    change(&mut snapshot.records[0], edit);
}

pub(super) fn config(snapshot: &mut Snapshot, edit: impl FnOnce(&mut DynamicConfig)) {
    record(snapshot, |content| edit(content.patroni_mut().config.as_mut().unwrap()));
}

pub(super) fn etcds(snapshot: &mut Snapshot, edit: impl Fn(&mut DcsMember)) {
    snapshot.dcs.members.iter_mut().for_each(|reading| change(reading, &edit));
}

pub(super) fn rows(snapshot: &mut Snapshot, edit: impl Fn(&mut Vec<ProxyRow>)) {
    change(snapshot.routers[0].http.as_mut().unwrap(), |report| edit(&mut report.rows));
    change(snapshot.routers[0].runtime.as_mut().unwrap(), |report| edit(&mut report.rows));
}

/// Servers of the write backend that are up; the others are down.
pub(super) fn routes_to(snapshot: &mut Snapshot, up: &[&str]) {
    rows(snapshot, |rows| {
        for row in rows {
            row.status = if up.contains(&row.server.as_str()) { ProxyStatus::Up } else { ProxyStatus::Down };
        }
    });
}

pub(super) fn fail<T>(reading: &mut Reading<T>, failure_kind: FailureKind, at: Moment) {
    reading.take(at, READING_DURATION, Err(SourceError::new(failure_kind, "10.0.0.9:8008", "")));
}

pub(super) fn fail_sql(snapshot: &mut Snapshot, number: u8, failure_kind: FailureKind) {
    let at = snapshot.now;
    fail(member(snapshot, number).sql.as_mut().unwrap(), failure_kind, at);
}

pub(super) fn fail_agent(snapshot: &mut Snapshot, number: u8, failure_kind: FailureKind) {
    let at = snapshot.now;
    fail(member(snapshot, number).agent.as_mut().unwrap(), failure_kind, at);
}

/// Every wire to a node is dead, and its upstream no longer serves it.
pub(super) fn lose(snapshot: &mut Snapshot, number: u8) {
    fail_sql(snapshot, number, FailureKind::TimedOut);
    fail_agent(snapshot, number, FailureKind::TimedOut);
    let name = pg(number);
    for other in 0..3 {
        sql(snapshot, other, |report| report.downstream.retain(|row| row.application.as_str() != name.as_str()));
    }
}

pub(super) fn lose_dcs(snapshot: &mut Snapshot) {
    let at = snapshot.now;
    snapshot.records.iter_mut().for_each(|reading| fail(reading, FailureKind::NoQuorum, at));
    snapshot.dcs.members.iter_mut().for_each(|reading| change(reading, |member| member.quorum = Quorum::Missing));
}

/// The leader is dead, its lock has expired, and nobody has taken it.
pub(super) fn leaderless() -> Snapshot {
    let mut snapshot = healthy();
    lose(&mut snapshot, 0);
    record(&mut snapshot, |content| content.leader = None);
    for number in [1, 2] {
        sql(&mut snapshot, number, |report| report.receiver = None);
        agent(&mut snapshot, number, |report| report.replication_state = None);
    }
    snapshot
}

/// `number` holds the lock, by a new holding.
pub(super) fn lock(snapshot: &mut Snapshot, number: u8) {
    record(snapshot, |content| {
        content.leader = Some(Lead { holder: pg(number), create_revision: 900, mod_revision: 901, lease_left: None });
    });
}

/// `number` takes writes on timeline 13.
pub(super) fn promote(snapshot: &mut Snapshot, number: u8) {
    let position = Position::Writing { at: Lsn(END + 4096) };
    sql(snapshot, number, |report| {
        report.in_recovery = false;
        report.timeline = Some(Timeline(13));
        report.position = position;
        report.receiver = None;
        report.replay = None;
    });
    agent(snapshot, number, |report| {
        report.role = Role::Primary;
        report.timeline = Some(Timeline(13));
        report.position = Some(position);
        report.replication_state = None;
    });
}

/// `number` follows `leader` on timeline 13, seen from both sides.
pub(super) fn follow(snapshot: &mut Snapshot, number: u8, leader: u8) {
    let name = pg(number);
    sql(snapshot, number, |report| {
        report.in_recovery = true;
        report.timeline = Some(Timeline(13));
        report.position = behind(0);
        report.receiver = Some(receiver(13, leader));
        report.replay = Some(Replay { paused: false, delay: Duration::ZERO, lag: Some(Duration::ZERO) });
        report.downstream.clear();
    });
    agent(snapshot, number, |report| {
        report.role = Role::Replica;
        report.timeline = Some(Timeline(13));
        report.position = Some(behind(0));
        report.replication_state = Some(MemberState::Streaming);
    });
    sql(snapshot, leader, |report| report.downstream.push(served(name.as_str())));
}

/// The whole of a switchover from pg-0 to pg-1, as it looks afterwards.
pub(super) fn switched() -> Snapshot {
    let mut snapshot = healthy();
    lock(&mut snapshot, 1);
    promote(&mut snapshot, 1);
    follow(&mut snapshot, 0, 1);
    follow(&mut snapshot, 2, 1);
    routes_to(&mut snapshot, &["pg-1"]);
    snapshot
}

fn receiver(timeline: u32, leader: u8) -> WalReceiver {
    WalReceiver {
        status: "streaming".into(),
        timeline: Some(Timeline(timeline)),
        sender_host: Some(format!("10.0.0.{leader}").into()),
        sender_port: Some(5432),
        slot: None,
        latest_end: Some(Lsn(END)),
        message_age: Some(Duration::from_millis(300)),
    }
}

/// The position of a standby so many bytes behind.
pub(super) fn behind(bytes: u64) -> Position {
    Position::Replaying {
        received: Some(Lsn(END - bytes)),
        replayed: Some(Lsn(END - bytes)),
        replayed_at: Some(wall()),
        paused: Some(false),
    }
}

fn node(name: &str, standby: bool) -> Member {
    let position = if standby { behind(0) } else { Position::Writing { at: Lsn(END) } };
    let agent = AgentReport {
        replication_state: standby.then_some(MemberState::Streaming),
        server_version: Some(170_002),
        postmaster_started: Some(started()),
        timeline: Some(Timeline(12)),
        position: Some(position),
        system_id: Some(SYSTEM),
        dcs_last_seen: Some(wall()),
        agent_version: Some("4.0.4".into()),
        scope: Some("pg-ha".into()),
        name: Some(NodeName::new(name)),
        ..AgentReport::of(MemberState::Running, if standby { Role::Replica } else { Role::Primary })
    };
    let report = SqlReport {
        version: 170_002,
        version_text: "17.2 (Debian 17.2-1.pgdg120+1)".into(),
        in_recovery: standby,
        // No two servers start in the same microsecond.
        postmaster_started: started() + jiff::SignedDuration::from_micros(name.bytes().map(i64::from).sum()),
        address: None,
        peer: None,
        cluster_name: "pg-ha".into(),
        system_id: Some(SYSTEM),
        timeline: Some(Timeline(12)),
        position,
        downstream: Vec::new(),
        receiver: standby.then(|| receiver(12, 0)),
        replay: standby.then_some(Replay { paused: false, delay: Duration::ZERO, lag: Some(Duration::ZERO) }),
        slots: Vec::new(),
        archiver: Some(Archiver {
            enabled: true,
            last_archived: Some("0000000C0000000100000060".into()),
            last_archived_at: Some(wall()),
            last_failed: None,
            last_failed_at: None,
            failed_count: 0,
            failing: false,
            ready: Some(0),
        }),
        connections: Connections { used: Some(83), max: 200, reserved: 3, ..Connections::default() },
        oldest_transaction: None,
        prepared_count: Some(0),
        oldest_prepared: None,
        xid_age: None,
        pending_restart: Vec::new(),
        files_read: Some(started()),
        since_checkpoint: Some(48 << 20),
        synchronous_names: "".into(),
        idle_slot_timeout: None,
        sender_limits: SenderLimits { timeout: Some(seconds(60)), shutdown: None },
        settings: None,
        base_backups: Vec::new(),
        sessions: Vec::new(),
        operation_lock: None,
        applications: Vec::new(),
        server_time: wall(),
        monitor: true,
        unread: Vec::new(),
        slow_asked: None,
    };
    let mut member = Member::new(NodeName::new(name));
    member.agent_url = Some(format!("http://{}:8008", host(name)).into());
    member.postgres_address = Some(Address { host: host(name).into(), port: 5432 });
    member.agent = Some(reading_of(SourceKind::PatroniRest, name, agent));
    member.sql = Some(reading_of(SourceKind::Sql, name, report));
    member
}

pub(super) fn session(pid: i32) -> Session {
    Session {
        pid,
        started: Some(started()),
        database: "shop".into(),
        user: "app".into(),
        application: "shop".into(),
        client: "10.0.1.7".into(),
        state: "active".into(),
        wait: "".into(),
        transaction_age: Some(seconds(20)),
        query_age: Some(seconds(20)),
        blocked_by: Vec::new(),
        waited: None,
        query: "UPDATE stock SET count = count - 1".into(),
    }
}

pub(super) fn served(name: &str) -> Downstream {
    Downstream {
        pid: 4000 + i32::from(name.as_bytes().last().copied().unwrap_or(0)),
        application: name.into(),
        user: Some("replicator".into()),
        address: Some(host(name).into()),
        state: Some("streaming".into()),
        sync: Some(SyncState::Async),
        send_lag_bytes: Some(0),
        write_lag_bytes: Some(0),
        flush_lag_bytes: Some(0),
        replay_lag_bytes: Some(0),
        write_lag: None,
        flush_lag: None,
        replay_lag: None,
        reply_age: Some(Duration::from_millis(300)),
        reply_ahead: Duration::ZERO,
        started: Some(started()),
    }
}

fn registration(name: &str, role: Role) -> Registration {
    Registration {
        state: if role == Role::Replica { MemberState::Streaming } else { MemberState::Running },
        api_url: Some(format!("http://{}:8008/patroni", host(name)).into()),
        postgres: Some(Address { host: host(name).into(), port: 5432 }),
        timeline: Some(Timeline(12)),
        position: Some(Lsn(END)),
        agent_version: Some("4.0.4".into()),
        ..Registration::new(NodeName::new(name), role)
    }
}

/// The value of the dynamic configuration.
pub(super) fn config_value() -> Value {
    json!({"ttl": 30, "loop_wait": 10, "retry_timeout": 10, "postgresql": {"parameters": {"work_mem": "8MB"}}})
}

fn content() -> ClusterRecord {
    let own = PatroniRecord {
        config: Some(DynamicConfig {
            ttl: Some(seconds(30)),
            loop_wait: Some(seconds(10)),
            retry_timeout: Some(seconds(10)),
            maximum_lag_on_failover: Some(LagLimit(1 << 20)),
            value: ConfigValue::new(config_value()),
            mod_revision: 50,
            ..DynamicConfig::default()
        }),
        status: Some(StatusKey { optime: Some(Lsn(END)), ..StatusKey::default() }),
        sync: Some(SyncKey { leader: Some(pg(0)), standbys: vec![pg(1)], quorum: None }),
        keys: vec![RawKey {
            name: "failover".into(),
            value: "{}".into(),
            create_revision: 30,
            mod_revision: 60,
            leased: false,
        }],
        ..PatroniRecord::default()
    };
    ClusterRecord {
        leader: Some(Lead { holder: pg(0), create_revision: 40, mod_revision: 4711, lease_left: None }),
        members: vec![
            registration("pg-0", Role::Primary),
            registration("pg-1", Role::Replica),
            registration("pg-2", Role::Replica),
        ],
        system_id: Some(SYSTEM),
        history: vec![HistoryEntry {
            timeline: Timeline(11),
            lsn: Lsn(END - (1 << 24)),
            reason: "no recovery target specified".into(),
            at: None,
            new_leader: None,
        }],
        revision: 4711,
        stack_record: StackRecord::Patroni(Arc::new(own)),
        ..ClusterRecord::default()
    }
}

/// The failover key was written at `revision`.
pub(super) fn failover(snapshot: &mut Snapshot, key: Option<crate::model::record::PendingOrder>, revision: i64) {
    record(snapshot, |content| {
        content.order = key;
        content.patroni_mut().keys[0].mod_revision = revision;
    });
}

fn etcd(id: u64) -> DcsMember {
    let (db_size, latency) = (Some(1 << 20), Duration::from_millis(1));
    DcsMember { db_size, db_in_use: None, latency, ..test_support::etcd(id) }
}

pub(super) fn row(proxy: &str, server: &str, status: ProxyStatus) -> ProxyRow {
    ProxyRow::of(proxy, server, ProxyKind::Server, status)
}

/// A plan of one step to one agent.
/// The plan that changes these keys of the dynamic configuration.
pub(super) fn configure(changes: &serde_json::Value) -> Plan {
    let changes = changes.as_object().cloned().expect("an object");
    let request = AgentRequest::Configure { changes: changes.clone() };
    plan(Intent::Configuration(ConfigurationIntent::Configure { changes }), 0, request, Expectation::default())
}

pub(super) fn plan(intent: Intent, member: u8, request: AgentRequest, expectation: Expectation) -> Plan {
    let order = Order::agent(pg(member), request);
    let mut plan = Plan {
        cluster: ClusterName::new("prod-eu"),
        title: intent.verb().into(),
        intent,
        generation: Generation::default(),
        danger: Danger::Disruptive,
        confirm: Confirm::Yes,
        needs_reason: false,
        checks: Vec::new(),
        steps: vec![Step { text: "POST".into(), order, undo: None, deadline: seconds(60) }],
        no_return: 0,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation,
    };
    plan.checks = checks(&plan);
    plan
}

/// A switchover from pg-0 to pg-1, or to whoever is best.
pub(super) fn switchover(candidate: Option<u8>) -> Plan {
    let candidate = candidate.map(pg);
    let milestones = [Milestone::SteppedDown { member: pg(0) }, Milestone::Promoted { member: candidate.clone() }];
    let expectation = Expectation::of(milestones, seconds(60))
        .then(Milestone::RouterFollows)
        .then(Milestone::Streaming { member: pg(0) })
        .then(Milestone::AllStreaming);
    plan(
        Intent::Lead(LeadIntent::Switchover {
            candidate: candidate.clone(),
            at: None,
            swift: false,
            through_poolers: None,
        }),
        0,
        AgentRequest::Switchover { leader: pg(0), candidate, at: None },
        expectation,
    )
}

pub(super) fn restart(number: u8) -> Plan {
    let expectation = Expectation::of([Milestone::Restarted { member: pg(number) }], seconds(60));
    plan(
        Intent::Node(NodeIntent::Restart { target: Target::Member(pg(number)), only_pending: false, at: None }),
        number,
        AgentRequest::Restart { role: None, only_pending: false, at: None },
        expectation,
    )
}

/// The healthy cluster, as what came before.
pub(super) fn before() -> StateBefore {
    StateBefore::of(&healthy()).unwrap()
}

/// What a server tells of its settings: enough of them to have each kind.
pub(super) fn settings(held: &[(&str, &str)]) -> Arc<Settings> {
    let define = |name: &str, kind: SettingKind, takes: SettingContext, boot: &str| Definition {
        name: name.into(),
        kind,
        takes,
        boot: boot.into(),
    };
    let whole = |unit: &str, least: i64, most: i64| SettingKind::Whole { unit: Unit::from_name(unit), least, most };
    let words = |words: &[&str]| SettingKind::Word(words.iter().map(|word| (*word).into()).collect());
    let definitions = vec![
        define("archive_command", SettingKind::Text, SettingContext::Reload, ""),
        define("archive_library", SettingKind::Text, SettingContext::Reload, ""),
        define("archive_mode", words(&["always", "on", "off"]), SettingContext::Restart, "off"),
        define("autovacuum", SettingKind::Flag, SettingContext::Reload, "on"),
        define("data_checksums", SettingKind::Flag, SettingContext::Never, "off"),
        define("max_connections", whole("", 1, 262_143), SettingContext::Restart, "100"),
        define("max_locks_per_transaction", whole("", 10, 2_147_483_647), SettingContext::Restart, "64"),
        define("max_prepared_transactions", whole("", 0, 262_143), SettingContext::Restart, "0"),
        define("max_replication_slots", whole("", 0, 262_143), SettingContext::Restart, "10"),
        define("max_wal_senders", whole("", 0, 262_143), SettingContext::Restart, "10"),
        define("max_wal_size", whole("MB", 2, 2_147_483_647), SettingContext::Reload, "1024"),
        define("max_worker_processes", whole("", 0, 262_143), SettingContext::Restart, "8"),
        define("min_dynamic_shared_memory", whole("MB", 0, 2_147_483_647), SettingContext::Restart, "0"),
        define("min_wal_size", whole("MB", 2, 2_147_483_647), SettingContext::Reload, "80"),
        define("reserved_connections", whole("", 0, 262_143), SettingContext::Restart, "0"),
        define("server_version", SettingKind::Text, SettingContext::Never, "17.2"),
        define("shared_buffers", whole("8kB", 16, 1_073_741_823), SettingContext::Restart, "16384"),
        define("superuser_reserved_connections", whole("", 0, 262_143), SettingContext::Restart, "3"),
        define("wal_buffers", whole("8kB", -1, 262_143), SettingContext::Restart, "-1"),
        define("wal_level", words(&["minimal", "replica", "logical"]), SettingContext::Restart, "replica"),
        define("wal_segment_size", whole("B", 1_048_576, 1_073_741_824), SettingContext::Never, "16777216"),
        define("work_mem", whole("kB", 64, 2_147_483_647), SettingContext::Reload, "4096"),
    ];
    let held = held.iter().map(|(name, value)| EffectiveSetting {
        index: definitions.iter().position(|known| known.name == **name).unwrap(),
        value: (*value).into(),
        of_server: true,
        pending: false,
    });
    let held = held.collect();
    Arc::new(Settings::new(definitions.into(), held))
}
