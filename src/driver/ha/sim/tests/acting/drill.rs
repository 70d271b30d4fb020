//! Breaking the world for a drill, and a client beside it: what reaches whom, and which rows are there afterwards.

use crate::action::drill::{ClusterPart, Fault as Broken, FaultKind, InjectionMethod};
use crate::action::drill_report::WriteResult;
use crate::driver::ha::sim::SimulatedProbe;
use crate::driver::port::drill::{InjectFaults as _, Probe as _};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn broken(kind: FaultKind, part: ClusterPart) -> Broken {
    Broken { kind, parts: vec![(part, InjectionMethod::Simulated)], expires: SECOND }
}

fn frozen(number: u8) -> Broken {
    broken(FaultKind::Freeze, ClusterPart::Member(pg(number)))
}

/// A stage with a client whose table is there.
async fn watched() -> (ActingFixture, SimulatedProbe) {
    let fixture = ActingFixture::new();
    let probe = fixture.fixture.cluster.probe(&WriteAccess::granted(), Arc::clone(&fixture.clock));
    probe.create_schema().await.expect("a table");
    (fixture, probe)
}

fn allowed() -> Permit {
    permit("prod-eu", Generation::default())
}

async fn written(probe: &SimulatedProbe, numbers: std::ops::Range<u64>) -> Vec<WriteResult> {
    let mut answers = Vec::new();
    for number in numbers {
        answers.push(probe.write(number, SECOND).await);
    }
    answers
}

fn is_acknowledged(answer: &WriteResult) -> bool {
    matches!(answer, WriteResult::Acknowledged(_))
}

#[tokio::test(start_paused = true)]
async fn a_leader_of_old_takes_no_row_before_its_clients_are_let_in_again() {
    let (mut fixture, probe) = watched().await;
    // A router that notices nothing leads there all the time.
    fixture.inject(Fault::RouterStuck);
    fixture.pass(1.0).await;
    assert!(is_acknowledged(&probe.write(1, SECOND).await));
    fixture.actor.inject(&frozen(0), &allowed()).await.expect("frozen");
    assert!(matches!(probe.write(2, SECOND).await, WriteResult::Ambiguous(_)), "the session at hand took it along");
    assert!(matches!(probe.write(3, SECOND).await, WriteResult::Refused(_)), "no session came about");
    fixture.until(60.0, |fixture, now| fixture.holder(now).is_some_and(|holder| holder != pg(0))).await;
    fixture.pass(10.0).await;
    fixture.actor.repair(&frozen(0)).await.expect("thawed");
    let answer = probe.write(4, SECOND / 5).await;
    assert!(!is_acknowledged(&answer), "it still takes itself for the leader: {answer:?}");
    fixture.pass(30.0).await;
    fixture.actor.admit(&frozen(0)).await.expect("let in");
    // By then it is a standby, and says so.
    let answer = probe.write(5, SECOND).await;
    assert!(matches!(&answer, WriteResult::Refused(why) if why.as_str().contains("read-only")), "{answer:?}");
    fixture.streams("pg-0", 13, 60.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_waits_for_its_standby_is_not_answered_and_is_there_all_the_same() {
    let (mut fixture, probe) = watched().await;
    fixture.actor.inject(&frozen(1), &allowed()).await.expect("frozen");
    fixture.pass(1.0).await;
    let waits = written(&probe, 1..4).await;
    assert!(waits.iter().all(|answer| matches!(answer, WriteResult::Ambiguous(_))), "{waits:?}");
    // The leader takes another for synchronous, and what waited is there with what comes now.
    fixture.pass(30.0).await;
    assert!(written(&probe, 4..7).await.iter().all(is_acknowledged));
    assert_eq!(probe.stored_rows().await.expect("the leader tells").len(), 6);
    // Readers come to a replica, which has them too.
    fixture.pass(1.0).await;
    let seen = probe.read(SECOND).expect("a way to read").await.expect("a replica answers");
    assert_eq!((seen.newest, seen.in_recovery), (Some(6), true));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_this_worlds_is_left_alone() {
    let (mut fixture, probe) = watched().await;
    let container = InjectionMethod::Container { id: "0123".into(), name: "lab_pg-0_1".into(), port: None };
    let foreign = Broken { parts: vec![(ClusterPart::Member(pg(0)), container)], ..frozen(0) };
    assert_eq!(unsent(fixture.actor.inject(&foreign, &allowed()).await), FailureKind::Unsupported);
    assert_eq!(unsent(fixture.actor.inject(&frozen(9), &allowed()).await), FailureKind::Unsupported);
    let router = broken(FaultKind::Freeze, ClusterPart::Router("pg-router".into()));
    assert_eq!(unsent(fixture.actor.inject(&router, &allowed()).await), FailureKind::Unsupported);
    let other = permit("prod-us", Generation::default());
    assert_eq!(unsent(fixture.actor.inject(&frozen(0), &other).await), FailureKind::Unsupported);
    assert!(is_acknowledged(&probe.write(1, SECOND).await), "nothing was touched");
}

#[tokio::test(start_paused = true)]
async fn mending_what_is_whole_changes_nothing_but_that_clients_are_kept_out() {
    let (mut fixture, probe) = watched().await;
    let killed = broken(FaultKind::Kill, ClusterPart::Member(pg(0)));
    for _ in 0..2 {
        assert!(fixture.actor.repair(&killed).await.expect("whole").is_accepted());
        assert!(is_acknowledged(&probe.write(1, SECOND).await));
    }
    let router = broken(FaultKind::Kill, ClusterPart::Router("pg-router".into()));
    fixture.actor.repair(&router).await.expect("whole");
    assert!(is_acknowledged(&probe.write(2, SECOND).await), "its sessions were not cut");
    fixture.actor.repair(&frozen(0)).await.expect("whole");
    assert!(!is_acknowledged(&probe.write(3, SECOND).await));
    fixture.actor.admit(&frozen(0)).await.expect("let in");
    assert!(is_acknowledged(&probe.write(4, SECOND).await));
}
