//! A cluster that nobody manages: nothing is put right by itself.

use crate::driver::ha::sim::{ManagerOrder, Repair};
use crate::model::lsn::Timeline;

use super::*;

fn plain() -> ObservedFixture {
    ObservedFixture::around(SimulatedCluster::plain("depot", 7, Scenario::Calm, epoch()))
}

impl ObservedFixture {
    fn order(&self, at: Moment, order: ManagerOrder) {
        self.cluster.world().lock().unwrap().order(at, order);
    }

    /// Nodes that say that they take writes.
    fn writers(&mut self, now: Moment) -> Vec<&'static str> {
        let writes = |fixture: &mut Self, node: &str| fixture.sql(now, node).is_ok_and(|report| !report.in_recovery);
        ["pg-0", "pg-1", "pg-2", "pg-3"].into_iter().filter(|node| writes(self, node)).collect()
    }

    /// Whom a standby's receiver is connected to.
    fn upstream(&mut self, now: Moment, node: &str) -> Option<String> {
        self.sql(now, node).ok()?.receiver?.sender_host.map(|host| host.to_string())
    }

    /// Servers of a pool that take traffic.
    fn up(&mut self, now: Moment, pool: &str) -> Vec<String> {
        let rows = self.router(now).unwrap().rows.into_iter();
        rows.filter(|row| row.proxy == *pool && row.kind == crate::model::router::ProxyKind::Server)
            .filter(ProxyRow::takes_traffic)
            .map(|row| row.server.to_string())
            .collect()
    }
}

#[test]
fn it_is_reported_of_over_sql_and_by_the_router_alone() {
    let mut fixture = plain();
    let answers = fixture.ask_all(at(0.0), 0);
    let kinds: std::collections::BTreeSet<SourceKind> = answers.keys().map(|source| source.kind).collect();
    let all = [SourceKind::Sql, SourceKind::Exporter, SourceKind::RouterHttp, SourceKind::RouterRuntime];
    assert_eq!(kinds, all.into());
    assert!(answers.values().all(Result::is_ok));
    assert_eq!(fixture.writers(at(1.0)), ["pg-0"]);
    assert_eq!(fixture.upstream(at(1.0), "pg-1").as_deref(), Some("pg-0"));
    assert_eq!(fixture.upstream(at(1.0), "pg-3").as_deref(), Some("pg-1"));
    assert_eq!(fixture.up(at(1.0), "primary"), ["pg-0"]);
    assert_eq!(fixture.up(at(1.0), "replicas"), ["pg-1", "pg-2"]);
}

#[test]
fn a_node_keeps_slots_for_those_that_it_feeds_and_for_nobody_else() {
    let mut fixture = plain();
    let mut slots = |node: &str| fixture.sql(at(1.0), node).unwrap().slots.len();
    assert_eq!(["pg-0", "pg-1", "pg-2", "pg-3"].map(&mut slots), [2, 1, 0, 0]);
}

#[test]
fn nobody_takes_over_from_a_primary_that_is_killed() {
    let mut fixture = plain();
    fixture.inject(at(5.0), Fault::KillNode("pg-0".into()));
    for second in [10.0, 60.0, 600.0] {
        assert!(fixture.writers(at(second)).is_empty());
        assert_eq!(fixture.upstream(at(second), "pg-3").as_deref(), Some("pg-1"), "the cascade stands");
    }
    assert!(fixture.up(at(600.0), "primary").is_empty());
    // Its host comes back, and it is what it was.
    fixture.inject(at(601.0), Fault::Heal(Repair::Node("pg-0".into())));
    assert_eq!(fixture.writers(at(606.0)), ["pg-0"]);
    assert_eq!(fixture.sql(at(606.0), "pg-0").unwrap().timeline, Some(Timeline(12)), "no new timeline");
    assert_eq!(fixture.upstream(at(620.0), "pg-2").as_deref(), Some("pg-0"));
}

#[test]
fn a_standby_that_is_promoted_manually_is_a_second_primary_and_takes_its_cascade_along() {
    let mut fixture = plain();
    fixture.order(at(5.0), ManagerOrder::Promote("pg-1".into()));
    assert_eq!(fixture.writers(at(40.0)), ["pg-0", "pg-1"]);
    let timeline = |fixture: &mut ObservedFixture, node: &str| {
        fixture.sql(at(60.0), node).unwrap().timeline.map(|reported| reported.0)
    };
    assert_eq!(timeline(&mut fixture, "pg-0"), Some(12));
    assert_eq!(timeline(&mut fixture, "pg-1"), Some(13));
    assert_eq!(
        (fixture.upstream(at(60.0), "pg-3").as_deref(), timeline(&mut fixture, "pg-3")),
        (Some("pg-1"), Some(13))
    );
    assert_eq!(
        (fixture.upstream(at(60.0), "pg-2").as_deref(), timeline(&mut fixture, "pg-2")),
        (Some("pg-0"), Some(12))
    );
    assert_eq!(fixture.up(at(60.0), "primary"), ["pg-0", "pg-1"], "clients write to both");
    // Each writes on: nothing parts a standby from whom it follows.
    fixture.inject(at(61.0), Fault::CrashPostgres("pg-2".into()));
    fixture.inject(at(65.0), Fault::Heal(Repair::Node("pg-2".into())));
    assert_eq!(fixture.upstream(at(80.0), "pg-2").as_deref(), Some("pg-0"));
}

#[test]
fn a_former_primary_is_rewound_when_it_is_reported_to_follow_its_successor() {
    let mut fixture = plain();
    fixture.order(at(5.0), ManagerOrder::Promote("pg-1".into()));
    fixture.order(at(60.0), ManagerOrder::Follow { node: "pg-0".into(), upstream: "pg-1".into() });
    fixture.order(at(60.0), ManagerOrder::Follow { node: "pg-2".into(), upstream: "pg-1".into() });
    assert_eq!(fixture.writers(at(62.0)), ["pg-1"]);
    for node in ["pg-0", "pg-2"] {
        assert_eq!(fixture.upstream(at(90.0), node).as_deref(), Some("pg-1"), "{node}");
        assert_eq!(fixture.sql(at(90.0), node).unwrap().timeline, Some(Timeline(13)), "{node}");
    }
}

#[test]
fn a_standby_that_is_cut_or_reported_to_receive_nothing_falls_behind() {
    let mut fixture = plain();
    fixture.inject(at(5.0), Fault::CutNode("pg-1".into()));
    fixture.inject(at(5.0), Fault::StopReceiver("pg-2".into()));
    assert!(fixture.sql(at(7.0), "pg-1").is_err());
    let behind = fixture.sql(at(60.0), "pg-2").unwrap();
    assert!(behind.receiver.is_none());
    let kept = |fixture: &mut ObservedFixture| {
        let slots = fixture.sql(at(60.0), "pg-0").unwrap().slots;
        slots.into_iter().find(|slot| slot.name == "pg_2").unwrap()
    };
    let slot = kept(&mut fixture);
    assert!(!slot.active && slot.retained_bytes.unwrap() > 64 << 20, "its slot keeps the WAL: {slot:?}");
    assert_eq!(fixture.writers(at(60.0)), ["pg-0"]);
}

#[test]
fn its_demo_loses_the_primary_and_has_two_of_them_and_ends_with_one() {
    let mut fixture = ObservedFixture::around(SimulatedCluster::plain("depot", 7, Scenario::Demo, epoch()));
    let mut seen = Vec::new();
    for second in 0..700_u32 {
        let count = fixture.writers(at(f64::from(second))).len();
        if seen.last() != Some(&count) {
            seen.push(count);
        }
    }
    assert!(seen.starts_with(&[1, 0, 1, 2, 1]), "{seen:?}");
}

#[test]
fn the_same_seed_tells_the_same_of_it_too() {
    let reported = |seed| {
        let mut fixture = ObservedFixture::around(SimulatedCluster::plain("depot", seed, Scenario::Demo, epoch()));
        [0.0, 2.5, 400.0].map(|moment| fixture.ask_all(at(moment), 0))
    };
    assert_eq!(reported(3), reported(3));
    assert_ne!(reported(3), reported(4));
}
