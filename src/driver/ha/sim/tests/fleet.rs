//! The demo's clusters and whole fleets.

use std::collections::BTreeSet;

use crate::driver::ha::sim::{demo, fleet};
use crate::model::lsn::Timeline;
use crate::model::snapshot::StackKind;

use super::*;

#[test]
fn a_fleet_has_as_many_names_as_clusters_and_some_of_them_ail() {
    let clusters = fleet(200, 11, epoch());
    let names: BTreeSet<_> = clusters.iter().map(|cluster| cluster.name().clone()).collect();
    assert_eq!(names.len(), 200);
    let sizes: BTreeSet<_> = clusters.iter().map(|cluster| cluster.member_addresses().len()).collect();
    assert_eq!(sizes, BTreeSet::from([2, 3, 4, 5]));
    let (mut silent, mut leaderless) = (0, 0);
    for cluster in clusters {
        assert_eq!(cluster.identity().kind, StackKind::Simulated);
        let mut fixture = ObservedFixture::around(cluster);
        silent += usize::from(fixture.ask_all(at(0.0), 0).values().any(Result::is_err));
        leaderless += usize::from(fixture.record(at(0.0)).is_ok_and(|record| record.leader.is_none()));
    }
    assert!((8..60).contains(&silent), "{silent} clusters have a source in trouble");
    assert!((1..20).contains(&leaderless), "{leaderless} clusters have no leader");
}

#[test]
fn the_demo_looks_as_if_it_had_run_for_twelve_days() {
    let mut clusters = demo(1, epoch());
    let mut fixture = ObservedFixture::around(clusters.remove(0));
    let now = at(0.0);
    for (source, outcome) in fixture.ask_all(now, 0) {
        assert!(outcome.is_ok(), "{source} answers at the first moment");
    }
    let record = fixture.record(now).unwrap();
    assert_eq!(record.history.len(), 11);
    assert!(record.history.windows(2).all(|pair| pair[0].lsn < pair[1].lsn && pair[0].at < pair[1].at));
    let leader = fixture.sql(now, "pg-0").unwrap();
    assert_eq!(leader.timeline, Some(Timeline(12)));
    let uptime = leader.server_time.duration_since(leader.postmaster_started);
    assert_eq!(uptime.as_hours() / 24, 12);
    let sick = leader.downstream.iter().find(|row| row.application == "pg-2").unwrap();
    assert!(sick.replay_lag_bytes.unwrap() > 64 << 20, "something is worth a look at once");
    assert!(fixture.agent(now, "pg-2").unwrap().pending_restart);
    let cascade = fixture.sql(now, "pg-3").unwrap().receiver.unwrap();
    assert_eq!(cascade.sender_host.unwrap(), "pg-1");
}

#[test]
fn something_new_happens_in_the_demo_every_two_minutes() {
    let mut fixture = ObservedFixture::around(demo(5, epoch()).remove(0));
    let mut seen = Vec::new();
    let mut quiet_since = 0;
    for second in 0..1_200_u32 {
        let now = at(f64::from(second));
        let record = fixture.record(now).ok();
        let leader = record.as_ref().and_then(|record| record.leader.clone()).map(|leader| leader.holder);
        let states: Vec<_> = ["pg-0", "pg-1", "pg-2", "pg-3"].map(|node| fixture.sql(now, node).is_ok()).into();
        let stores: Vec<_> =
            ["etcd-1:2379", "etcd-2:2379", "etcd-3:2379"].map(|member| fixture.store(now, member).is_ok()).into();
        let primary = leader.as_ref().and_then(|leader| fixture.sql(now, leader.as_str()).ok());
        let failure_kind = primary.as_ref().map(|report| {
            let lagging = report.downstream.iter().any(|row| row.replay_lag_bytes.is_some_and(|lag| lag > 64 << 20));
            let archive = report.archiver.as_ref().is_some_and(|archiver| archiver.failing);
            (lagging, report.connections.doing.unwrap().blocked > 0, archive, report.downstream.len())
        });
        let order = record.as_ref().map(|record| (record.order.clone(), record.is_paused()));
        let look = (leader, states, stores, failure_kind, order);
        if seen.last() != Some(&look) {
            quiet_since = second;
            seen.push(look);
        }
        assert!(second - quiet_since < 120, "nothing new since {quiet_since} s");
    }
    assert!(seen.len() > 25, "{}", seen.len());
}
