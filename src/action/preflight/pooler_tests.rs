//! Checks of what a pooler is asked by hand.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;

use super::tests::verdict;
use super::{examine, inspected};
use crate::action::expectation::Expectation;
use crate::action::inspected::Inspected;
use crate::action::intent::{Intent, PoolerIntent};
use crate::action::note::CheckVerdict;
use crate::action::order::AgentRequest;
use crate::action::plan::Plan;
use crate::action::pooler_traffic::{ClientSession, PoolerServer, PoolerTraffic};
use crate::action::test_support::*;
use crate::model::name::PoolerName;
use crate::model::pooler::test_support::{pooler, working};
use crate::model::pooler::{GiveUp, PoolMode, PoolerReport, PoolerState};
use crate::model::snapshot::Snapshot;

use CheckVerdict::{Block, Pass, Unknown, Warn};

fn pause() -> PoolerIntent {
    PoolerIntent::Pause { pooler: PoolerName::new("edge"), database: Some("shop".into()) }
}

fn kill() -> PoolerIntent {
    PoolerIntent::Kill { pooler: PoolerName::new("edge"), database: Some("shop".into()) }
}

fn plan_of(intent: PoolerIntent) -> Plan {
    plan(Intent::Pooler(intent), 0, AgentRequest::Reload, Expectation::default())
}

fn behind(edit: impl FnOnce(&mut PoolerReport)) -> Snapshot {
    let mut report = working();
    edit(&mut report);
    let mut reading = pooler();
    if let Some(answer) = &mut reading.answer {
        answer.value = Arc::new(report);
    }
    Snapshot { poolers: vec![reading], ..healthy() }
}

#[rstest]
#[case::nobody_pauses(pause(), |_: &mut PoolerReport| {}, "pooler-paused", Pass)]
#[case::its_database(pause(), |report: &mut PoolerReport| report.databases[0].paused = Some(true), "pooler-paused", Block)]
#[case::everything(pause(), |report: &mut PoolerReport| report.state = PoolerState::Paused, "pooler-paused", Block)]
#[case::suspended(kill(), |report: &mut PoolerReport| report.state = PoolerState::Suspended, "pooler-paused", Block)]
#[case::not_told(pause(), |report: &mut PoolerReport| report.state = PoolerState::Unknown, "pooler-paused", Unknown)]
#[case::by_transaction(pause(), |_: &mut PoolerReport| {}, "pooler-session-pooling", Pass)]
#[case::by_session(
    pause(),
    |report: &mut PoolerReport| report.pools[0].mode = Some(PoolMode::Session),
    "pooler-session-pooling",
    Block
)]
#[case::patient(pause(), |_: &mut PoolerReport| {}, "pooler-wait-timeout", Pass)]
#[case::impatient(
    pause(),
    |report: &mut PoolerReport| report.settings.query_wait_timeout = Some(GiveUp::After(seconds(5))),
    "pooler-wait-timeout",
    Warn
)]
#[case::dropped(kill(), |_: &mut PoolerReport| {}, "pooler-clients", Warn)]
fn what_a_pause_meets_is_told_beforehand(
    #[case] intent: PoolerIntent,
    #[case] edit: fn(&mut PoolerReport),
    #[case] check: &str,
    #[case] expected: CheckVerdict,
) {
    let notes = examine(&behind(edit), &plan_of(intent));
    assert_eq!(verdict(&notes, check).0, expected, "{notes:?}");
}

#[test]
fn a_pooler_that_does_not_answer_is_asked_nothing() {
    let notes = examine(&healthy(), &plan_of(pause()));
    assert_eq!(verdict(&notes, "pooler-answers"), (Block, false));
}

#[rstest]
#[case::long(Some(30), Block)]
#[case::short(Some(0), Pass)]
#[case::none(None, Pass)]
fn whoever_has_had_a_server_for_long_is_named(#[case] age: Option<u64>, #[case] expected: CheckVerdict) {
    let session = ClientSession {
        pid: 77,
        user: "shop".into(),
        application: "till".into(),
        client: "10.0.0.9".into(),
        state: "idle in transaction".into(),
        transaction_age: age.map(Duration::from_secs),
        only_watches: false,
    };
    let server =
        PoolerServer { database: "shop".into(), pid: Some(77), client: Some("till (shop) from 10.0.0.9".into()) };
    let traffic =
        PoolerTraffic { sessions: Ok(vec![session]), poolers: [(PoolerName::new("edge"), Ok(vec![server]))].into() };
    let asked = Inspected { pooler_traffic: Some(traffic), ..Inspected::default() };
    let notes = inspected(&asked, &plan_of(pause()));
    assert_eq!(verdict(&notes, "pooler-held-servers").0, expected, "{notes:?}");
    if expected == Block {
        let text = notes[0].text.as_str();
        assert!(text.contains("till (shop) from 10.0.0.9, idle in transaction for 30.0 s"), "{text}");
    }
}
