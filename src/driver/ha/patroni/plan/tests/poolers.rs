//! Switchovers that clients of a pooler wait through: when they are planned, and what is said where they are not.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::action::intent::RouterIntent;
use crate::action::order::AgentRequest;
use crate::action::own_pause::OwnPause;
use crate::action::pooler_release::PoolerWay;
use crate::action::pooler_traffic::{ClientSession, PoolerServer, PoolerTraffic};
use crate::action::record::ActionId;
use crate::model::name::PoolerName;
use crate::model::pooler::test_support::pooler;
use crate::model::test_support::healthy;

/// A console that may pause `edge`, which leads straight to pg-0, and point it elsewhere.
fn with_poolers(can_repoint: bool) -> PatroniManager {
    let edge = PoolerName::new("edge");
    let repoints = can_repoint.then(|| edge.clone()).into_iter().collect();
    let mut manager = manager();
    manager.acting_access.poolers = [edge].into();
    manager.acting_access.repoints = repoints;
    manager
}

fn session(pid: i32, application: &str) -> ClientSession {
    ClientSession {
        pid,
        user: "app".into(),
        application: application.into(),
        client: "10.0.0.77".into(),
        state: "idle".into(),
        transaction_age: None,
        only_watches: false,
    }
}

/// The pooler has a server with the backend 7; these are the sessions there.
fn asked(sessions: Result<Vec<ClientSession>, Text>) -> Inspected {
    let server = PoolerServer { database: "shop".into(), pid: Some(7), client: None };
    let poolers = BTreeMap::from([(PoolerName::new("edge"), Ok(vec![server]))]);
    Inspected { pooler_traffic: Some(PoolerTraffic { sessions, poolers }), ..Inspected::default() }
}

fn cluster() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.poolers = vec![pooler()];
    snapshot
}

fn wanted(through_poolers: Option<bool>) -> Intent {
    Intent::Lead(LeadIntent::Switchover { candidate: Some(pg(1)), at: None, swift: false, through_poolers })
}

fn planned_by(
    manager: &PatroniManager,
    inspected: &Inspected,
    through_poolers: Option<bool>,
) -> Result<Plan, Infeasible> {
    manager.plan(&cluster(), inspected, &wanted(through_poolers))
}

fn pauses(plan: &Plan) -> usize {
    plan.steps.iter().filter(|step| step.undo.as_ref().is_some_and(|undo| undo.resumes().is_some())).count()
}

#[test]
fn a_pause_is_the_last_thing_before_the_request_and_is_ended_beside_it() {
    let plan = planned_by(&with_poolers(true), &asked(Ok(vec![session(7, "till")])), None).expect("a plan");
    let [pause, request, beside] = plan.steps.as_slice() else { panic!("{:#?}", plan.steps) };
    assert_eq!(pause.order, Order::pause_pooler(&"edge".into(), &"shop".into()));
    assert_eq!(pause.undo, Some(Order::resume_pooler(&"edge".into(), &"shop".into())));
    assert_eq!(pause.deadline, Duration::from_secs(5));
    let is_switchover = matches!(
        &request.order,
        Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { request: AgentRequest::Switchover { .. }, .. }))
    );
    assert!(is_switchover && plan.no_return == 1, "{request:?}");
    let Order::RouterHandover(beside) = &beside.order else { panic!("{beside:?}") };
    let [release] = beside.poolers.as_slice() else { panic!("{beside:?}") };
    let PoolerWay::Repointed(targets) = &release.way else { panic!("{release:?}") };
    assert_eq!(targets[&pg(1)].host, Text::new("10.0.0.1"), "as the member advertises itself");
}

#[rstest]
#[case::all_through_it(Ok(vec![session(7, "till")]), 1, "clients of edge wait instead of failing")]
#[case::one_past_it(
    Ok(vec![session(7, "till"), session(8, "cron")]),
    0,
    "not every writer is known to come through them (cron (app) from 10.0.0.77)"
)]
#[case::nobody_tells(Err("connection refused".into()), 0, "the sessions are unknown: connection refused")]
fn pauses_are_the_default_only_where_every_writer_is_known_to_come_through_them(
    #[case] sessions: Result<Vec<ClientSession>, Text>,
    #[case] count: usize,
    #[case] said: &str,
) {
    let plan = planned_by(&with_poolers(true), &asked(sessions), None).expect("a plan");
    assert_eq!(pauses(&plan), count, "{:#?}", plan.impact);
    assert!(plan.impact.iter().any(|line| line.as_str().contains(said)), "{:#?}", plan.impact);
}

#[test]
fn who_comes_past_them_is_named_where_pauses_are_chosen() {
    let sessions = vec![session(7, "till"), session(8, "cron")];
    let plan = planned_by(&with_poolers(true), &asked(Ok(sessions)), Some(true)).expect("a plan");
    assert_eq!(pauses(&plan), 1);
    let named = "writers past the poolers get errors: cron (app) from 10.0.0.77";
    assert!(plan.impact.iter().any(|line| line.as_str() == named), "{:#?}", plan.impact);
}

#[test]
fn nothing_is_paused_where_nobody_wants_it() {
    let plan = planned_by(&with_poolers(true), &asked(Ok(Vec::new())), Some(false)).expect("a plan");
    assert_eq!(pauses(&plan), 0);
}

#[rstest]
#[case::straight_to_a_node(
    with_poolers(false),
    "shop: it routes straight to pg-0, and no command re-points it (repoint)"
)]
#[case::no_login(manager(), "edge: no login for acting is configured")]
fn a_pooler_that_cannot_be_paused_is_left_out_and_the_reason_said(
    #[case] manager: PatroniManager,
    #[case] reason: &str,
) {
    let refusal = planned_by(&manager, &asked(Ok(Vec::new())), Some(true)).expect_err("none can be paused");
    assert!(refusal.to_string().contains(reason), "{refusal}");
    let plan = planned_by(&manager, &asked(Ok(Vec::new())), None).expect("a plan without pauses");
    assert!(plan.impact.iter().any(|line| line.as_str().contains(reason)), "{:#?}", plan.impact);
}

/// The pooler with its database paused, and who is known to have paused it.
fn left_paused(by: Option<&str>) -> Result<Plan, Infeasible> {
    let mut snapshot = cluster();
    let report = snapshot.poolers[0].answer.as_mut().expect("an answer");
    std::sync::Arc::make_mut(&mut report.value).databases[0].paused = Some(true);
    let own = by.map(|action| OwnPause {
        pooler: "edge".into(),
        database: "shop".into(),
        action: ActionId(action.to_owned()),
    });
    let inspected = Inspected { own_pauses: own.into_iter().collect(), ..Inspected::default() };
    with_poolers(true).plan(&snapshot, &inspected, &Intent::Router(RouterIntent::Settle))
}

#[test]
fn fixing_the_routing_resumes_what_an_action_of_this_console_has_left_and_nothing_else() {
    let plan = left_paused(Some("20261201-7")).expect("a plan");
    let resume = plan.steps.last().expect("a step");
    assert_eq!(resume.order, Order::resume_pooler(&"edge".into(), &"shop".into()));
    assert!(
        plan.impact.iter().any(|line| line.as_str().contains("20261201-7 has left it paused")),
        "{:#?}",
        plan.impact
    );
    assert!(!plan.impact.iter().any(|line| line.as_str().contains("stays paused")), "{:#?}", plan.impact);
    let foreign = left_paused(None);
    let said = match &foreign {
        Ok(plan) => {
            assert!(plan.steps.iter().all(|step| step.order.resumes().is_none()), "{:#?}", plan.steps);
            plan.impact.iter().map(Text::to_string).collect::<Vec<_>>().join("\n")
        }
        Err(refusal) => refusal.to_string(),
    };
    assert!(said.contains("shop of edge stays paused"), "{said}");
}
