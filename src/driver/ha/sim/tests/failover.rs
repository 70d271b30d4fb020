//! A leader dies, and everything that follows, in its order and with its times.

use crate::driver::ha::sim::{ManagerOrder, Repair};
use crate::model::lsn::Timeline;
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::router::ProxyStatus;

use super::*;

/// Kills pg-0 at 10 s; returns the bench and the second at which the leader key vanished.
fn without_leader() -> (ObservedFixture, f64) {
    let mut fixture = ObservedFixture::calm();
    fixture.inject(at(10.0), Fault::KillNode("pg-0".into()));
    let gone = fixture.first(10.0, 60.0, |fixture, now| fixture.holder(now).is_none());
    (fixture, gone)
}

#[test]
fn the_dead_leader_refuses_at_once_and_its_standbys_stop_streaming() {
    let mut fixture = ObservedFixture::calm();
    fixture.inject(at(10.0), Fault::KillNode("pg-0".into()));
    assert!(fixture.agent(at(9.9), "pg-0").is_ok());
    let now = at(10.5);
    assert_eq!(failure_kind(fixture.agent(now, "pg-0")), FailureKind::Refused);
    assert_eq!(failure_kind(fixture.sql(now, "pg-0")), FailureKind::Refused);
    let replica = fixture.sql(now, "pg-1").unwrap();
    assert_eq!(replica.receiver, None);
    assert!(replica.in_recovery);
    let agent = fixture.agent(now, "pg-1").unwrap();
    assert_eq!((agent.state, agent.replication_state), (MemberState::Running, None));
    // The lock is still there: nobody may take over before the lease is over.
    let leader = fixture.record(now).unwrap().leader.unwrap();
    assert_eq!(leader.holder, "pg-0");
    assert!(leader.lease_left.unwrap() > Duration::from_secs(18));
}

#[test]
fn the_lease_runs_out_between_twenty_and_thirty_seconds_after_the_death() {
    let (mut fixture, gone) = without_leader();
    assert!((30.0..=40.5).contains(&gone), "{gone}");
    let record = fixture.record(at(gone)).unwrap();
    assert_eq!(record.member(&"pg-0".into()), None, "its member key hung on the same lease");
    assert!(fixture.agent(at(gone), "pg-1").unwrap().unlocked);
}

#[test]
fn the_synchronous_standby_takes_over_within_three_seconds_of_the_lock_being_free() {
    let (mut fixture, gone) = without_leader();
    let before = fixture.record(at(gone)).unwrap();
    assert_eq!(before.sync().cloned().unwrap().standbys, [NodeName::from("pg-1")]);
    let locked = fixture.first(gone, gone + 2.0, |fixture, now| fixture.holder(now).is_some());
    assert_eq!(fixture.holder(at(locked)).unwrap(), "pg-1");
    assert!(fixture.sql(at(locked), "pg-1").unwrap().in_recovery, "the lock comes before the promotion");
    let promoted = fixture.first(locked, locked + 3.0, |fixture, now| !fixture.sql(now, "pg-1").unwrap().in_recovery);
    assert!(promoted > locked);
    assert_eq!(fixture.sql(at(promoted), "pg-1").unwrap().timeline, Some(Timeline(13)));
    let written =
        fixture.first(promoted, promoted + 1.0, |fixture, now| fixture.record(now).unwrap().history.len() == 12);
    let record = fixture.record(at(written)).unwrap();
    let entry = record.history.last().unwrap();
    assert_eq!((entry.timeline, entry.new_leader.clone()), (Timeline(12), Some("pg-1".into())));
    assert!(entry.lsn <= fixture.sql(at(written), "pg-1").unwrap().position.furthest().unwrap());
    assert!(record.sync().cloned().unwrap().standbys.is_empty(), "nobody is synchronous until somebody streams");
}

#[test]
fn the_router_follows_by_its_own_checks() {
    let mut fixture = ObservedFixture::calm();
    fixture.inject(at(10.0), Fault::KillNode("pg-0".into()));
    // Three failed checks, three seconds apart, long before the lease is over.
    let down =
        fixture.first(10.0, 25.0, |fixture, now| fixture.server(now, "primary", "pg-0").status == ProxyStatus::Down);
    assert!((16.0..=19.5).contains(&down), "{down}");
    let row = fixture.server(at(down), "primary", "pg-0");
    assert_eq!(row.check.unwrap().result, "L4CON");
    assert_eq!(row.sessions, Some(0), "a server that goes down loses its sessions");
    let backend = fixture.server(at(down), "primary", "BACKEND");
    assert_eq!((backend.status, backend.active), (ProxyStatus::Down, Some(0)));
    let gone = fixture.first(down, 60.0, |fixture, now| fixture.holder(now).is_none());
    let up =
        fixture.first(gone, gone + 12.0, |fixture, now| fixture.server(now, "primary", "pg-1").status.takes_traffic());
    // Two good checks, three seconds apart, after the lock was taken.
    assert!((gone + 3.0..=gone + 7.5).contains(&up), "{gone} {up}");
    let busy = fixture.server(at(up + 15.0), "primary", "pg-1");
    assert!(busy.sessions.unwrap() > 40, "the clients come back");
}

#[test]
fn the_others_follow_the_new_leader_and_one_of_them_becomes_synchronous() {
    let (mut fixture, gone) = without_leader();
    let on_new = |fixture: &mut ObservedFixture, now, node: &str| {
        let report = fixture.sql(now, node).unwrap();
        report.timeline == Some(Timeline(13)) && report.receiver.is_some()
    };
    let streams = fixture.first(gone, gone + 15.0, |fixture, now| on_new(fixture, now, "pg-2"));
    assert!(streams > gone + 1.0);
    assert_eq!(fixture.sql(at(streams), "pg-2").unwrap().receiver.unwrap().sender_host.unwrap(), "pg-1");
    fixture.first(gone, gone + 15.0, |fixture, now| on_new(fixture, now, "pg-3"));
    let sync = fixture.first(streams, streams + 21.0, |fixture, now| {
        fixture.record(now).unwrap().sync().cloned().unwrap().standbys == [NodeName::from("pg-2")]
    });
    let leader = fixture.sql(at(sync), "pg-1").unwrap();
    let row = leader.downstream.iter().find(|row| row.application == "pg-2").unwrap();
    assert_eq!(row.sync, Some(SyncState::Sync));
    assert_eq!(leader.synchronous_names, "\"pg-2\"");
    // A member writes its key once a loop, so that the record is behind the nodes for a while.
    let known = fixture.first(streams, streams + 12.0, |fixture, now| {
        fixture.record(now).unwrap().member(&"pg-2".into()).unwrap().timeline == Some(Timeline(13))
    });
    assert!(known >= streams);
}

#[test]
fn the_old_leader_comes_back_as_a_replica_on_the_new_timeline() {
    let (mut fixture, gone) = without_leader();
    let back = gone + 20.0;
    fixture.inject(at(back), Fault::Heal(Repair::Node("pg-0".into())));
    assert_eq!(failure_kind(fixture.agent(at(back + 1.0), "pg-0")), FailureKind::Refused);
    let agent_up = fixture.first(back, back + 6.0, |fixture, now| fixture.agent(now, "pg-0").is_ok());
    let agent = fixture.agent(at(agent_up), "pg-0").unwrap();
    assert_eq!((agent.position, agent.timeline), (None, None), "the agent is up before PostgreSQL is");
    assert_eq!(failure_kind(fixture.sql(at(agent_up), "pg-0")), FailureKind::Refused);
    fixture.first(agent_up, agent_up + 14.0, |fixture, now| {
        fixture.sql(now, "pg-0").is_err_and(|error| error.failure_kind == FailureKind::NotReady)
    });
    let streams = fixture.first(agent_up, agent_up + 25.0, |fixture, now| {
        fixture.sql(now, "pg-0").is_ok_and(|report| report.receiver.is_some())
    });
    let report = fixture.sql(at(streams + 1.0), "pg-0").unwrap();
    assert!(report.in_recovery);
    assert_eq!(report.timeline, Some(Timeline(13)));
    assert_eq!(fixture.agent(at(streams + 1.0), "pg-0").unwrap().role, Role::Replica);
    assert_eq!(fixture.holder(at(streams + 1.0)).unwrap(), "pg-1", "the lead stays where it is");
    let uptime = fixture.sql(at(streams + 1.0), "pg-0").unwrap();
    let age = uptime.server_time.duration_since(uptime.postmaster_started);
    assert!(age.as_secs() < 30, "its uptime began anew");
}

#[test]
fn a_frozen_leader_keeps_its_rows_until_the_timeout_and_answers_nothing() {
    let mut fixture = ObservedFixture::calm();
    fixture.inject(at(10.0), Fault::FreezeNode("pg-0".into()));
    let now = at(20.0);
    assert_eq!(failure_kind(fixture.agent(now, "pg-0")), FailureKind::TimedOut);
    let receiver = fixture.sql(now, "pg-2").unwrap().receiver.expect("the connection is still open");
    assert!(receiver.message_age.unwrap() > Duration::from_secs(9));
    fixture.first(30.0, 48.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder == "pg-1"));
    // Thawed, it finds its lock gone and steps back.
    fixture.inject(at(80.0), Fault::Heal(Repair::Node("pg-0".into())));
    let thawed = fixture.sql(at(80.2), "pg-0").unwrap();
    assert!(!thawed.in_recovery, "for a moment there are two that take writes");
    let stepped_back = fixture.first(80.0, 83.0, |fixture, now| fixture.sql(now, "pg-0").is_err());
    fixture.first(stepped_back, 110.0, |fixture, now| {
        fixture.sql(now, "pg-0").is_ok_and(|report| report.receiver.is_some())
    });
}

#[test]
fn a_switchover_moves_the_leadership_within_seconds_and_loses_nothing() {
    let mut fixture = ObservedFixture::calm();
    let order = ManagerOrder::Switchover { candidate: Some("pg-1".into()), after: Duration::ZERO };
    fixture.cluster.world().lock().unwrap().order(at(10.0), order);
    let asked = fixture.record(at(10.1)).unwrap().order.expect("an order in the DCS");
    assert_eq!((asked.leader, asked.candidate), (Some("pg-0".into()), Some("pg-1".into())));
    let led = fixture.first(10.0, 16.0, |fixture, now| {
        fixture.holder(now).is_some_and(|holder| holder == "pg-1") && !fixture.sql(now, "pg-1").unwrap().in_recovery
    });
    assert!(led < 14.0, "{led}");
    let back = fixture
        .first(led, led + 20.0, |fixture, now| fixture.sql(now, "pg-0").is_ok_and(|report| report.receiver.is_some()));
    let report = fixture.sql(at(back + 2.0), "pg-0").unwrap();
    assert_eq!(report.timeline, Some(Timeline(13)));
    assert_eq!(fixture.record(at(back + 12.0)).unwrap().order, None, "the order is cleared");
}

#[test]
fn a_scheduled_switchover_waits_for_its_time() {
    let mut fixture = ObservedFixture::calm();
    let order = ManagerOrder::Switchover { candidate: None, after: Duration::from_secs(60) };
    fixture.cluster.world().lock().unwrap().order(at(5.0), order);
    let scheduled = fixture.record(at(20.0)).unwrap().order.unwrap().scheduled_at.unwrap();
    assert!(scheduled.as_str().starts_with("2026-11-21T14:01:05"), "{scheduled}");
    assert_eq!(fixture.holder(at(64.0)).unwrap(), "pg-0");
    fixture.first(65.0, 72.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder == "pg-1"));
}

#[test]
fn nobody_takes_over_while_the_cluster_is_paused() {
    let mut fixture = ObservedFixture::calm();
    fixture.cluster.world().lock().unwrap().order(at(1.0), ManagerOrder::Pause);
    let record = fixture.record(at(3.0)).unwrap();
    assert!(record.is_paused() && record.members.iter().all(|member| member.paused));
    fixture.inject(at(10.0), Fault::KillNode("pg-0".into()));
    assert_eq!(fixture.holder(at(90.0)), None);
    fixture.cluster.world().lock().unwrap().order(at(91.0), ManagerOrder::Resume);
    fixture.first(91.0, 95.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder == "pg-1"));
}

#[test]
fn without_a_majority_the_primary_steps_back_and_leads_again_when_it_returns() {
    let mut fixture = ObservedFixture::calm();
    fixture.inject(at(10.0), Fault::LoseDcsMajority);
    assert_eq!(failure_kind(fixture.record(at(11.0))), FailureKind::NoQuorum);
    assert_eq!(failure_kind(fixture.store(at(11.0), "etcd-2:2379")), FailureKind::Refused);
    let demoted =
        fixture.first(10.0, 45.0, |fixture, now| fixture.sql(now, "pg-0").is_ok_and(|report| report.in_recovery));
    assert!((20.0..=36.0).contains(&demoted), "{demoted}");
    assert!(fixture.agent(at(demoted), "pg-0").unwrap().unlocked);
    // With the majority back the lock is still its own, and it leads again, one timeline on.
    fixture.inject(at(60.0), Fault::Heal(Repair::Dcs));
    fixture.first(60.0, 80.0, |fixture, now| {
        fixture.sql(now, "pg-0").is_ok_and(|report| !report.in_recovery && report.timeline == Some(Timeline(13)))
    });
}

#[test]
fn failsafe_mode_keeps_the_primary_without_a_majority_while_every_member_backs_it() {
    let mut fixture = ObservedFixture::calm();
    fixture.cluster.world().lock().unwrap().patroni().record.failsafe = true;
    fixture.inject(at(10.0), Fault::LoseDcsMajority);
    for second in [25.0, 45.0, 120.0] {
        assert!(!fixture.sql(at(second), "pg-0").unwrap().in_recovery, "{second}");
    }
    assert!(fixture.agent(at(120.0), "pg-0").unwrap().failsafe_active);
    fixture.inject(at(121.0), Fault::KillNode("pg-3".into()));
    fixture.first(121.0, 150.0, |fixture, now| fixture.sql(now, "pg-0").is_ok_and(|report| report.in_recovery));
}

#[test]
fn a_leader_that_stood_still_in_its_handover_takes_nothing_from_the_new_one() {
    let mut fixture = ObservedFixture::calm();
    let order = ManagerOrder::Switchover { candidate: Some("pg-1".into()), after: Duration::ZERO };
    fixture.cluster.world().lock().unwrap().order(at(10.0), order);
    let stops = fixture.first(10.0, 14.0, |fixture, now| fixture.sql(now, "pg-0").is_err());
    fixture.inject(at(stops), Fault::FreezeNode("pg-0".into()));
    let led = fixture.first(stops, 60.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder == "pg-1"));
    assert!(led > stops + 15.0, "only the lease's end frees the lock: {led}");
    let created =
        |fixture: &mut ObservedFixture, now| fixture.record(now).unwrap().leader.map(|leader| leader.create_revision);
    let before = created(&mut fixture, at(led + 10.0));
    fixture.inject(at(led + 10.0), Fault::Heal(Repair::Node("pg-0".into())));
    fixture.first(led + 10.0, led + 30.0, |fixture, now| fixture.sql(now, "pg-0").is_ok());
    assert_eq!(created(&mut fixture, at(led + 30.0)), before, "the lock was never let go");
}

#[test]
fn a_primary_that_slept_through_another_ones_reign_does_not_lead_on() {
    // Who is first at the free lock is chance.
    for seed in 0..12 {
        let mut fixture = ObservedFixture::new(seed, Scenario::Calm);
        fixture.inject(at(3.0), Fault::FreezeNode("pg-0".into()));
        fixture.first(3.0, 60.0, |fixture, now| fixture.record(now).unwrap().history.len() == 12);
        fixture.inject(at(64.0), Fault::FillDcs(100));
        fixture.first(64.0, 130.0, |fixture, now| fixture.holder(now).is_none());
        fixture.inject(at(140.0), Fault::Heal(Repair::Dcs));
        fixture.inject(at(140.0), Fault::Heal(Repair::Node("pg-0".into())));
        for tenth in 1400..1700 {
            let now = at(f64::from(tenth) / 10.0);
            let timeline =
                fixture.sql(now, "pg-0").ok().filter(|report| !report.in_recovery).and_then(|it| it.timeline);
            let leads = fixture.holder(now).is_some_and(|holder| holder == "pg-0");
            assert!(!leads || timeline != Some(Timeline(12)), "seed {seed}: it leads on at {now:?}");
        }
        assert!(fixture.holder(at(200.0)).is_some());
    }
}
