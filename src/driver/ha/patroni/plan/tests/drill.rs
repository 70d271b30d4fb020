//! Plans of drills: everything that breaks has its undo, and what cannot be broken is refused with the remedy.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::action::drill::{ClusterPart, DrillRequest, FaultKind, InjectionMethod, Scenario, Survey};
use crate::action::intent::{LeadIntent, PendingUndo};
use crate::action::plan::Danger;
use crate::action::record::ActionId;

fn surveyed() -> Survey {
    let dcs: Vec<Text> = ["etcd-1", "etcd-2", "etcd-3"].map(Text::new).to_vec();
    let members = (0..3).map(|number| ClusterPart::Member(pg(number)));
    let parts = members.chain(dcs.iter().map(|name| ClusterPart::Dcs(name.clone())));
    let router = ClusterPart::Router(RouterName::new("pg-router"));
    let mut survey = Survey { opted_in: true, dcs: dcs.clone(), hold: Duration::from_secs(30), ..Survey::default() };
    for part in parts.chain([router]) {
        for kind in Survey::KINDS {
            let name = Text::new(format!("lab_{part}_1"));
            let means = InjectionMethod::Container { id: Text::new("0123"), name, port: Some(5432) };
            survey.injection_methods.insert((part.clone(), kind), Ok(means));
        }
    }
    survey
}

fn drill(survey: Survey, scenario: Scenario) -> Result<Plan, Infeasible> {
    let mut snapshot = healthy();
    let address = crate::model::agent::Address { host: "127.0.0.1".into(), port: 5000 };
    snapshot.routers[0].write_address = Some(address);
    manager().plan(
        &snapshot,
        &Inspected { drill: Some(survey), ..Inspected::default() },
        &Intent::Drill { scenario, target: None },
    )
}

#[rstest]
#[case(Scenario::Switchover)]
#[case(Scenario::Stop)]
#[case(Scenario::Kill)]
#[case(Scenario::Freeze)]
#[case(Scenario::Cut)]
#[case(Scenario::Dcs)]
#[case(Scenario::Router)]
fn the_probe_comes_first_and_every_fault_is_reverted_by_a_step_of_its_own(#[case] scenario: Scenario) {
    let plan = drill(surveyed(), scenario).unwrap();
    assert_eq!(plan.steps[0].order, Order::Drill { request: DrillRequest::Begin });
    let end = Order::Drill { request: DrillRequest::End };
    assert_eq!((plan.steps[0].undo.as_ref(), plan.steps.last().map(|step| &step.order)), (Some(&end), Some(&end)));
    assert_eq!(plan.confirm, Confirm::Type("prod-eu".into()));
    let breaks: Vec<usize> = (0..plan.steps.len())
        .filter(|at| matches!(plan.steps[*at].order, Order::Drill { request: DrillRequest::Break { .. } }))
        .collect();
    if scenario == Scenario::Switchover {
        assert_eq!((breaks.len(), plan.danger), (0, Danger::Disruptive));
        return;
    }
    assert_eq!((breaks.as_slice(), plan.danger), ([plan.no_return].as_slice(), Danger::Destructive));
    let undo = plan.steps[plan.no_return].undo.as_ref().expect("an undo");
    let paid = plan.steps.iter().skip(plan.no_return + 1).filter(|step| step.order == *undo).count();
    assert_eq!(paid, 1, "{}", rendered(&plan));
}

#[test]
fn a_majority_of_the_dcs_is_hit_and_no_more() {
    let plan = drill(surveyed(), Scenario::Dcs).unwrap();
    assert_eq!(plan.steps[1].text, "kill etcd-3 (container lab_etcd-3_1) and etcd-2 (container lab_etcd-2_1)");
}

#[test]
fn a_switchover_drill_is_the_switchover_that_would_be_made() {
    let plan = drill(surveyed(), Scenario::Switchover).unwrap();
    let inner = planned(
        &healthy(),
        &Intent::Lead(LeadIntent::Switchover { candidate: None, at: None, swift: true, through_poolers: None }),
    );
    let orders = |plan: &Plan| plan.steps.iter().map(|step| step.order.clone()).collect::<Vec<_>>();
    assert_eq!(orders(&plan)[1..=inner.steps.len()], orders(&inner));
    assert_eq!(plan.steps[plan.no_return].order, inner.steps[inner.no_return].order);
}

#[test]
fn what_nothing_can_break_is_refused_with_the_remedy() {
    let mut survey = surveyed();
    survey.injection_methods.remove(&(ClusterPart::Member(pg(0)), FaultKind::Kill));
    let why = drill(survey, Scenario::Kill).unwrap_err().to_string();
    assert!(why.starts_with("cannot kill pg-0: ") && why.contains("drills.containers"), "{why}");
    let why = refused(&healthy(), &Intent::Drill { scenario: Scenario::Kill, target: None });
    assert!(why.contains("pgctl-tui drill run"), "{why}");
}

#[test]
fn the_expected_outage_is_what_earlier_drills_measured() {
    let mut survey = surveyed();
    let reported = |survey: Survey| drill(survey, Scenario::Kill).unwrap().impact[0].to_string();
    assert!(reported(survey.clone()).contains("not measured by a drill yet"));
    let seconds = [22, 20, 30].map(Duration::from_secs);
    survey.earlier.insert(Scenario::Kill, seconds.to_vec());
    assert_eq!(reported(survey), "expected downtime 22.0 s (median of 3 drills)");
}

/// Without its majority the DCS gives no lock, which taking back by a plan would need.
#[test]
fn what_a_drill_left_is_not_reverted_by_a_plan() {
    let plan = drill(surveyed(), Scenario::Dcs).unwrap();
    let order = plan.steps[plan.no_return].undo.clone().expect("an undo");
    let action = ActionId("2026-drill".to_owned());
    let pending_undo = vec![PendingUndo { step: plan.no_return, order }];
    let why = refused(&healthy(), &Intent::Undo { action, pending_undo });
    assert!(why.contains("pgctl-tui drill revert"), "{why}");
}

#[test]
fn a_plan_is_another_where_a_part_is_another_container() {
    let same = |survey: Survey| drill(survey, Scenario::Kill).unwrap();
    let mut moved = surveyed();
    let again = InjectionMethod::Container { id: Text::new("4567"), name: Text::new("lab_pg-0_1"), port: Some(5432) };
    moved.injection_methods.insert((ClusterPart::Member(pg(0)), FaultKind::Kill), Ok(again));
    let (before, after) = (same(surveyed()), same(moved));
    assert_eq!(before.steps[1].text, after.steps[1].text, "to the eye it is the same");
    assert_ne!(before.hash(), after.hash());
    assert_eq!(before.hash(), same(surveyed()).hash());
}
