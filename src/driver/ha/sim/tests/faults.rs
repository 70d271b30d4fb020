//! Each fault shows in what the sources say, and is gone once healed.

use rstest::rstest;

use crate::driver::ha::sim::Repair;
use crate::model::dcs::{DcsAlarmKind, Quorum, RaftLeader};
use crate::model::lsn::Timeline;
use crate::model::parts::BackupOutcome;
use crate::model::postgres::WalStatus;
use crate::model::role::{MemberState, Role};
use crate::model::router::ProxyStatus;

use super::*;

const GIB: u64 = 1 << 30;

/// A calm cluster struck at its first second.
fn injected(fault: Fault) -> ObservedFixture {
    let fixture = ObservedFixture::calm();
    fixture.inject(at(1.0), fault);
    fixture
}

fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

#[rstest]
#[case(Fault::KillNode(pg(2)), FailureKind::Refused, "L4CON")]
#[case(Fault::FreezeNode(pg(2)), FailureKind::TimedOut, "L7TOUT")]
#[case(Fault::CutNode(pg(2)), FailureKind::TimedOut, "L4TOUT")]
fn a_node_that_is_gone_frozen_or_cut_off_fails_in_its_own_way(
    #[case] fault: Fault,
    #[case] expected: FailureKind,
    #[case] check: &str,
) {
    let mut fixture = injected(fault);
    let answers = fixture.ask_all(at(5.0), 0);
    for kind in [SourceKind::PatroniRest, SourceKind::Sql, SourceKind::PatroniMetrics, SourceKind::Exporter] {
        let outcome = answers.get(&Source::new(kind, "pg-2")).unwrap();
        assert_eq!(outcome.as_ref().unwrap_err().failure_kind, expected, "{kind:?}");
        assert!(answers.get(&Source::new(kind, "pg-1")).unwrap().is_ok(), "the others go on");
    }
    let row = fixture.server(at(12.0), "replicas", "pg-2");
    assert_eq!(row.status, ProxyStatus::Down);
    assert_eq!(row.check.unwrap().result, *check);
    // Its key lives as long as its lease.
    assert!(fixture.record(at(20.0)).unwrap().member(&pg(2)).is_some());
    assert!(fixture.record(at(32.0)).unwrap().member(&pg(2)).is_none());
    fixture.inject(at(40.0), Fault::Heal(Repair::Node(pg(2))));
    fixture.first(40.0, 62.0, |fixture, now| fixture.sql(now, "pg-2").is_ok_and(|report| report.receiver.is_some()));
}

#[test]
fn a_dead_standbys_slot_keeps_wal_and_says_since_when() {
    let mut fixture = injected(Fault::KillNode(pg(2)));
    let report = fixture.sql(at(300.0), "pg-0").unwrap();
    let slot = report.slots.iter().find(|slot| slot.name == "pg_2").unwrap();
    assert!(!slot.active && slot.inactive_since.is_some());
    assert!(slot.retained_bytes.unwrap() > GIB, "{:?}", slot.retained_bytes);
    assert!(report.downstream.iter().all(|row| row.application != "pg-2"));
    // After half an hour the manager drops it.
    let later = fixture.sql(at(2_000.0), "pg-0").unwrap();
    assert!(later.slots.iter().all(|slot| slot.name != "pg_2"));
}

#[test]
fn a_frozen_standbys_row_stays_and_ages_until_the_timeout() {
    let mut fixture = injected(Fault::FreezeNode(pg(2)));
    let row = |fixture: &mut ObservedFixture, second: f64| {
        let rows = fixture.sql(at(second), "pg-0").unwrap().downstream;
        rows.into_iter().find(|row| row.application == "pg-2")
    };
    let early = row(&mut fixture, 30.0).expect("the connection is open");
    assert!(early.reply_age.unwrap() > Duration::from_secs(28));
    assert!(early.replay_lag_bytes.unwrap() > 50 << 20);
    assert_eq!(row(&mut fixture, 63.0), None, "wal_sender_timeout");
}

#[test]
fn a_slow_replay_lags_in_bytes_and_in_time_by_the_same_measure_and_recovers() {
    let mut fixture = injected(Fault::ReplicaLag { node: pg(2), bytes_per_second: 1 << 20 });
    let lag = |fixture: &mut ObservedFixture, second: f64| {
        let row = fixture.sql(at(second), "pg-0").unwrap().downstream.into_iter().find(|row| row.application == "pg-2");
        let time = fixture.sql(at(second), "pg-2").unwrap().replay.unwrap().lag.unwrap();
        (row.unwrap(), time)
    };
    let (row, time) = lag(&mut fixture, 121.0);
    let bytes = row.replay_lag_bytes.unwrap();
    assert!(bytes > 300 << 20, "{bytes}");
    assert!(row.flush_lag_bytes.unwrap() < 1 << 20, "it receives well");
    // 120 s of writing, of which one sixth or so is replayed.
    assert!((70..120).contains(&time.as_secs()), "{time:?}");
    let (later, later_time) = lag(&mut fixture, 181.0);
    assert!(later.replay_lag_bytes.unwrap() > bytes && later_time > time, "it grows");
    fixture.inject(at(182.0), Fault::Heal(Repair::Node(pg(2))));
    fixture.first(182.0, 215.0, |fixture, now| {
        fixture.sql(now, "pg-2").unwrap().replay.unwrap().lag.unwrap() < Duration::from_millis(200)
    });
}

#[test]
fn a_slow_stream_catches_up_rather_than_streams() {
    let mut fixture = injected(Fault::SlowStream { node: pg(2), bytes_per_second: 1 << 20 });
    let rows = fixture.sql(at(60.0), "pg-0").unwrap().downstream;
    let row = rows.iter().find(|row| row.application == "pg-2").unwrap();
    assert_eq!(row.state.as_ref().unwrap(), "catchup");
    assert!(row.flush_lag_bytes.unwrap() > 64 << 20 && row.send_lag_bytes.unwrap() > 32 << 20);
}

#[test]
fn paused_replay_says_so_and_a_stopped_receiver_leaves_no_row() {
    let mut fixture = injected(Fault::PauseReplay(pg(2)));
    fixture.inject(at(1.0), Fault::StopReceiver(pg(3)));
    let paused = fixture.sql(at(20.0), "pg-2").unwrap();
    assert!(paused.replay.unwrap().paused && paused.replay.unwrap().lag.unwrap() > Duration::from_secs(15));
    let stopped = fixture.sql(at(20.0), "pg-3").unwrap();
    assert_eq!((stopped.receiver, stopped.timeline), (None, None));
    assert_eq!(fixture.agent(at(20.0), "pg-3").unwrap().replication_state, None);
}

#[test]
fn a_split_brain_shows_two_primaries_and_two_servers_in_the_write_pool() {
    let mut fixture = injected(Fault::SplitBrain(pg(2)));
    let now = at(15.0);
    let (left, right) = (fixture.sql(now, "pg-0").unwrap(), fixture.sql(now, "pg-2").unwrap());
    assert!(!left.in_recovery && !right.in_recovery);
    assert_eq!((left.timeline, right.timeline), (Some(Timeline(12)), Some(Timeline(13))));
    assert_eq!(left.system_id, right.system_id);
    assert_eq!(fixture.agent(now, "pg-2").unwrap().role, Role::Primary);
    assert_eq!(fixture.holder(now).unwrap(), "pg-0");
    assert_eq!(fixture.server(now, "primary", "BACKEND").active, Some(2));
    fixture.inject(at(20.0), Fault::Heal(Repair::Node(pg(2))));
    fixture.first(20.0, 60.0, |fixture, now| {
        fixture.sql(now, "pg-2").is_ok_and(|report| report.receiver.is_some() && report.timeline == Some(Timeline(12)))
    });
}

#[test]
fn the_record_can_lie_while_sql_tells_the_truth() {
    let mut fixture = injected(Fault::MetadataLie(pg(1)));
    assert_eq!(fixture.holder(at(2.0)).unwrap(), "pg-1");
    assert!(fixture.sql(at(2.0), "pg-1").unwrap().in_recovery);
    assert!(!fixture.sql(at(2.0), "pg-0").unwrap().in_recovery);
    fixture.inject(at(3.0), Fault::Heal(Repair::Dcs));
    assert_eq!(fixture.holder(at(4.0)).unwrap(), "pg-0");
}

#[test]
fn the_store_loses_a_member_its_leader_and_its_majority_apart() {
    let mut fixture = injected(Fault::DropDcsMember("etcd-3".into()));
    assert_eq!(failure_kind(fixture.store(at(2.0), "etcd-3:2379")), FailureKind::Refused);
    assert!(fixture.record(at(2.0)).is_ok(), "two of three are a majority");
    assert_eq!(fixture.store(at(2.0), "etcd-1:2379").unwrap().term, Some(7));
    fixture.inject(at(10.0), Fault::Heal(Repair::Dcs));
    fixture.inject(at(20.0), Fault::FreezeDcsMember("etcd-1".into()));
    assert_eq!(failure_kind(fixture.record(at(20.5))), FailureKind::NoQuorum, "until a new leader is elected");
    assert_eq!(failure_kind(fixture.store(at(20.5), "etcd-1:2379")), FailureKind::TimedOut);
    let elected = fixture.store(at(23.0), "etcd-2:2379").unwrap();
    assert_eq!((elected.term, elected.quorum), (Some(8), Quorum::Reached));
    assert!(fixture.record(at(23.0)).is_ok());
    fixture.inject(at(30.0), Fault::DropDcsMember("etcd-2".into()));
    let alone = fixture.store(at(31.0), "etcd-3:2379").unwrap();
    assert_eq!((alone.quorum, alone.leader), (Quorum::Missing, RaftLeader::Nobody));
}

#[test]
fn a_full_store_raises_its_alarm_and_costs_the_cluster_its_leader() {
    let mut fixture = injected(Fault::FillDcs(100));
    let member = fixture.store(at(2.0), "etcd-1:2379").unwrap();
    assert!(member.raises_alarm() && member.alarms[0].kind == DcsAlarmKind::NoSpace);
    assert!(member.quota_used() >= Some(99));
    fixture.first(2.0, 60.0, |fixture, now| fixture.record(now).unwrap().leader.is_none());
    let half = injected(Fault::FillDcs(80)).store(at(2.0), "etcd-1:2379").unwrap();
    assert!(half.alarms.is_empty() && half.quota_used() >= Some(79));
}

#[test]
fn a_router_that_is_gone_refuses_on_both_interfaces_and_counts_again_when_it_is_back() {
    let mut fixture = injected(Fault::RouterDown);
    assert_eq!(failure_kind(fixture.ask(at(2.0), SourceKind::RouterHttp, "pg-router")), FailureKind::Refused);
    assert_eq!(failure_kind(fixture.router(at(2.0))), FailureKind::Refused);
    fixture.inject(at(10.0), Fault::Heal(Repair::Router));
    let report = fixture.router(at(25.0)).unwrap();
    assert!(report.info.unwrap().uptime < Duration::from_secs(16));
    let leader = report.rows.iter().find(|row| row.proxy == "primary" && row.server == "pg-0").unwrap();
    assert!(leader.sessions_total.unwrap() < 2_000 && leader.status == ProxyStatus::Up);
    let replica = report.rows.iter().find(|row| row.proxy == "primary" && row.server == "pg-1").unwrap();
    assert_eq!(replica.status, ProxyStatus::Down);
}

#[test]
fn only_the_runtime_interface_tells_addresses_and_the_process() {
    let mut fixture = ObservedFixture::calm();
    let runtime = fixture.router(at(1.0)).unwrap();
    assert!(runtime.info.is_some() && runtime.rows.iter().any(|row| row.address.is_some()));
    let Ok(Facts::Router(page)) = fixture.ask(at(1.0), SourceKind::RouterHttp, "pg-router") else { panic!("no page") };
    assert!(page.info.is_none() && page.rows.iter().all(|row| row.address.is_none()));
    assert_eq!(page.rows.len(), runtime.rows.len());
}

#[test]
fn a_stuck_router_keeps_sending_to_the_old_leader() {
    let mut fixture = injected(Fault::RouterStuck);
    fixture.inject(at(2.0), Fault::KillNode(pg(0)));
    fixture.first(2.0, 50.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder == "pg-1"));
    assert!(fixture.server(at(60.0), "primary", "pg-0").status.takes_traffic());
    assert!(!fixture.server(at(60.0), "primary", "pg-1").status.takes_traffic());
}

#[test]
fn an_archive_that_fails_piles_up_segments_and_works_them_off() {
    let mut fixture = injected(Fault::ArchiveFailing(pg(0)));
    let archiver = fixture.sql(at(120.0), "pg-0").unwrap().archiver.unwrap();
    assert!(archiver.failing && archiver.ready.unwrap() > 20 && archiver.failed_count > 0);
    assert!(archiver.last_failed_at > archiver.last_archived_at);
    fixture.inject(at(121.0), Fault::Heal(Repair::Node(pg(0))));
    let healed = fixture.sql(at(140.0), "pg-0").unwrap().archiver.unwrap();
    assert!(!healed.failing && healed.ready == Some(0));
}

#[test]
fn a_full_disk_takes_postgresql_down_and_the_leadership_away() {
    let mut fixture = injected(Fault::DiskFull(pg(0)));
    fixture.first(1.0, 10.0, |fixture, now| {
        fixture.agent(now, "pg-0").unwrap().state == MemberState::Failed("start failed".into())
    });
    // The agent gives the lock back, so that nobody has to wait for the lease.
    fixture.first(1.0, 15.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder == "pg-1"));
    assert!(fixture.sql(at(20.0), "pg-0").is_err());
}

#[test]
fn a_pending_restart_is_reported_by_agent_record_and_sql_until_the_restart() {
    let mut fixture = injected(Fault::PendingRestart(pg(2)));
    let now = at(13.0);
    let agent = fixture.agent(now, "pg-2").unwrap();
    assert!(
        agent.pending_restart
            && agent.pending_settings.first().is_some_and(|setting| setting.name == "max_connections")
    );
    assert!(fixture.record(now).unwrap().member(&pg(2)).unwrap().pending_restart);
    assert_eq!(fixture.sql(now, "pg-2").unwrap().pending_restart.len(), 1);
    let order = crate::driver::ha::sim::ManagerOrder::Restart(pg(2));
    fixture.cluster.world().lock().unwrap().order(at(14.0), order);
    assert_eq!(fixture.agent(at(14.5), "pg-2").unwrap().state, MemberState::Restarting);
    assert!(!fixture.agent(at(25.0), "pg-2").unwrap().pending_restart);
}

#[test]
fn what_clients_do_shows_on_the_primary_alone() {
    let mut fixture = injected(Fault::LongTransaction(Duration::from_secs(5 * 3600)));
    for fault in [
        Fault::LockChain(6),
        Fault::PreparedTransaction(Duration::from_secs(7200)),
        Fault::FillConnections(96),
        Fault::XidAge(81),
        Fault::AbandonSlot { retained: 21 * GIB },
    ] {
        fixture.inject(at(1.0), fault);
    }
    let report = fixture.sql(at(30.0), "pg-0").unwrap();
    assert!(report.oldest_transaction.unwrap().age >= Duration::from_secs(5 * 3600));
    assert_eq!(report.connections.doing.unwrap().blocked, 6);
    let waiting: Vec<_> = report.sessions.iter().filter(|session| !session.blocked_by.is_empty()).collect();
    assert_eq!(waiting.len(), 6);
    assert!(waiting.iter().all(|session| report.sessions.iter().any(|other| other.pid == session.blocked_by[0])));
    assert_eq!((report.prepared_count.unwrap(), report.oldest_prepared.unwrap().age.as_secs() / 60), (1, 120));
    assert!(report.connections.used.unwrap() * 100 / report.connections.max >= 95);
    assert!(report.xid_age.unwrap().age > 1_700_000_000);
    let slot = report.slots.iter().find(|slot| slot.logical).unwrap();
    assert!(!slot.active && slot.retained_bytes.unwrap() >= 21 * GIB && slot.wal_status == Some(WalStatus::Extended));
    let replica = fixture.sql(at(30.0), "pg-1").unwrap();
    assert_eq!((replica.connections.doing.unwrap().blocked, replica.prepared_count.unwrap()), (0, 0));
    fixture.inject(at(31.0), Fault::Heal(Repair::Clients));
    assert_eq!(fixture.sql(at(32.0), "pg-0").unwrap().connections.doing.unwrap().blocked, 0);
}

#[test]
fn odd_nodes_are_distinguished_by_identity_clock_watchdog_and_exporter() {
    let mut fixture = injected(Fault::ForeignNode(pg(2)));
    fixture.inject(at(1.0), Fault::ClockSkew { node: pg(1), milliseconds: -45_000 });
    fixture.inject(at(1.0), Fault::WatchdogFailed(pg(1)));
    fixture.inject(at(1.0), Fault::ExporterDown(pg(1)));
    fixture.inject(at(1.0), Fault::DuplicateMember(pg(3)));
    let now = at(12.0);
    let record = fixture.record(now).unwrap();
    assert_ne!(fixture.sql(now, "pg-2").unwrap().system_id, record.system_id);
    assert_eq!(fixture.sql(now, "pg-1").unwrap().system_id, record.system_id);
    let behind = epoch() + Duration::from_secs(12) - Duration::from_secs(45);
    assert_eq!(fixture.sql(now, "pg-1").unwrap().server_time, behind);
    assert!(fixture.agent(now, "pg-1").unwrap().watchdog_failed);
    assert_eq!(failure_kind(fixture.ask(now, SourceKind::Exporter, "pg-1")), FailureKind::Refused);
    assert_eq!(record.member(&pg(3)).unwrap().occurrences, 2);
}

#[test]
fn a_removed_member_is_off_the_record_at_once() {
    let mut fixture = injected(Fault::RemoveMember(pg(3)));
    assert_eq!(fixture.record(at(1.5)).unwrap().members.len(), 3);
    assert_eq!(failure_kind(fixture.agent(at(1.5), "pg-3")), FailureKind::Refused);
}

#[test]
fn a_node_that_needs_a_new_copy_shows_the_copy_on_both_ends() {
    let fault = Fault::CrashNode { node: pg(2), back_after: Duration::from_secs(10), reinit: true };
    let mut fixture = injected(fault);
    let begun = fixture.first(1.0, 30.0, |fixture, now| {
        fixture.agent(now, "pg-2").is_ok_and(|report| report.state == MemberState::CreatingReplica)
    });
    let leader = fixture.sql(at(begun + 20.0), "pg-0").unwrap();
    let copy = leader.base_backups.first().expect("a base backup");
    assert!(copy.streamed > 0 && Some(copy.streamed) < copy.total);
    assert!(leader.downstream.iter().any(|row| row.state.as_ref().is_some_and(|state| state == "backup")));
    fixture.first(begun, begun + 60.0, |fixture, now| {
        fixture.sql(now, "pg-2").is_ok_and(|report| report.receiver.is_some())
    });
}

#[test]
fn pooler_runtime_and_backups_answer_and_fail_on_their_own() {
    let mut fixture = ObservedFixture::calm();
    let parts =
        [(SourceKind::Pooler, "pgbouncer"), (SourceKind::Runtime, "docker"), (SourceKind::Backup, "pgbackrest")];
    for (kind, target) in parts {
        assert!(fixture.ask(at(0.5), kind, target).is_ok());
    }
    let Ok(Facts::Backup(backups)) = fixture.ask(at(0.5), SourceKind::Backup, "pgbackrest") else {
        panic!("no backups")
    };
    assert!(backups.backups.len() > 20 && backups.backups.iter().all(|backup| backup.outcome == BackupOutcome::Good));
    assert!(backups.backups.windows(2).all(|pair| pair[0].started > pair[1].started), "newest first");
    assert!(backups.backups.iter().any(|backup| backup.kind == "full"));
    fixture.inject(at(1.0), Fault::PoolerStale(pg(2)));
    fixture.inject(at(1.0), Fault::RuntimeDown);
    fixture.inject(at(1.0), Fault::BackupsFail(Duration::from_secs(3 * 86_400)));
    let Ok(Facts::Pooler(pooler)) = fixture.ask(at(2.0), SourceKind::Pooler, "pgbouncer") else { panic!("no pooler") };
    assert!(pooler.databases.iter().all(|database| database.host.as_ref().is_some_and(|host| *host == "pg-2")));
    assert!(pooler.pools.iter().all(|pool| pool.has_no_server() == Some(true)));
    assert_eq!(failure_kind(fixture.ask(at(2.0), SourceKind::Runtime, "docker")), FailureKind::Refused);
    let Ok(Facts::Backup(failed)) = fixture.ask(at(2.0), SourceKind::Backup, "pgbackrest") else {
        panic!("no backups")
    };
    assert_eq!(failed.backups.iter().filter(|backup| matches!(backup.outcome, BackupOutcome::Failed(_))).count(), 3);
}

#[test]
fn commits_wait_while_the_synchronous_standby_is_silent() {
    let mut fixture = injected(Fault::FreezeNode(pg(1)));
    let position = |fixture: &mut ObservedFixture, second: f64| {
        fixture.sql(at(second), "pg-0").unwrap().position.furthest().unwrap()
    };
    let (early, late) = (position(&mut fixture, 4.0), position(&mut fixture, 5.0));
    assert!(early.bytes_to(late) < 1 << 20, "next to nothing is written");
    let replaced = fixture.first(5.0, 20.0, |fixture, now| {
        fixture.record(now).unwrap().sync().cloned().unwrap().standbys == [NodeName::from("pg-2")]
    });
    let (before, after) = (position(&mut fixture, replaced + 2.0), position(&mut fixture, replaced + 3.0));
    assert!(before.bytes_to(after) > 1 << 20, "the manager has chosen another");
}

#[test]
fn doctor_finds_what_does_not_answer() {
    let fixture = injected(Fault::RouterDown);
    fixture.cluster.world().lock().unwrap().advance(at(2.0));
    let mut lines = Vec::new();
    for mut check in fixture.cluster.checks() {
        lines.extend(check.check().now_or_never().unwrap());
    }
    let failed: Vec<_> =
        lines.iter().filter(|line| line.verdict == crate::model::checkup::CheckupVerdict::Fail).collect();
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|line| !line.remedy.is_empty()));
}

#[test]
fn a_primary_whose_agent_died_goes_on_writing_beside_its_successor() {
    let mut fixture = injected(Fault::AgentDown(pg(0)));
    assert_eq!(failure_kind(fixture.agent(at(2.0), "pg-0")), FailureKind::Refused);
    let taken = fixture.first(2.0, 50.0, |fixture, now| {
        fixture.holder(now).is_some_and(|holder| holder == "pg-1") && !fixture.sql(now, "pg-1").unwrap().in_recovery
    });
    assert!(!fixture.sql(at(taken), "pg-0").unwrap().in_recovery, "nobody stopped it");
    fixture.inject(at(taken + 5.0), Fault::Heal(Repair::Node(pg(0))));
    fixture.first(taken + 5.0, taken + 40.0, |fixture, now| {
        fixture.sql(now, "pg-0").is_ok_and(|report| report.receiver.is_some() && report.timeline == Some(Timeline(13)))
    });
}

#[test]
fn an_isolated_store_member_answers_with_a_term_of_its_own_and_no_leader() {
    let mut fixture = injected(Fault::IsolateDcsMember("etcd-3".into()));
    let (alone, other) =
        (fixture.store(at(5.0), "etcd-3:2379").unwrap(), fixture.store(at(5.0), "etcd-2:2379").unwrap());
    assert_eq!((alone.quorum, alone.leader), (Quorum::Missing, RaftLeader::Nobody));
    assert!(alone.term > other.term && other.quorum == Quorum::Reached);
    assert!(fixture.record(at(5.0)).is_ok());
}

#[test]
fn a_member_without_an_address_on_record_has_nothing_to_be_asked_at() {
    let mut fixture = injected(Fault::NoAddress(pg(3)));
    let record = fixture.record(at(2.0)).unwrap();
    let nodes = fixture.cluster.node_sources();
    let member_address = nodes.member_address(&pg(3), record.member(&pg(3)));
    assert_eq!((member_address.agent_url, member_address.postgres), (None, None));
    let known = nodes.member_address(&pg(2), record.member(&pg(2)));
    assert!(known.agent_url.is_some() && known.postgres.is_some());
}
