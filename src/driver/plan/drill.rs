//! Drills: the probe, the fault, the waits, the undo, the report.

use std::time::Duration;

use super::context::{PlanDraft, quoted, refuse, wait};
use super::ha_operations::HaOperations;
use super::impact;
use crate::action::drill::{ClusterPart, DrillRequest, Fault, FaultKind, InjectionMethod, Scenario, Survey};
use crate::action::drill_report::DrillHistory;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::Order;
use crate::action::plan::{Danger, Infeasible, Plan, Step};
use crate::model::text::Text;
use crate::model::units;

/// How long the probe may take to be ready.
const BEGIN_DEADLINE: Duration = Duration::from_secs(40);
/// How long the end of the probe may take: rows are looked for when writes go through again.
const END_DEADLINE: Duration = Duration::from_secs(120);
/// A graceful stop: PostgreSQL gets a minute.
const INJECT_DEADLINE: Duration = Duration::from_secs(90);
/// How long mending may take: a node that was frozen is let in again when it is seen not to lead.
const REPAIR_DEADLINE: Duration = Duration::from_secs(150);
/// Writes count as recovered when they have been acknowledged so long without a break.
const QUIET_PERIOD: Duration = Duration::from_secs(3);
/// How long a router is left dead.
const WITHOUT_ROUTER: Duration = Duration::from_secs(10);

pub(super) fn plan(
    ha_operations: &dyn HaOperations<'_>,
    scenario: Scenario,
    target: Option<Duration>,
) -> Result<Plan, Infeasible> {
    let context = ha_operations.context();
    let Some(survey) = &context.inspected.drill else {
        return Err(refuse("start drills with `pgctl-tui drill run SCENARIO`, which collects what the plan needs"));
    };
    ha_operations.can_verify("a drill")?;
    let leader = context.leader("a drill needs a healthy cluster")?;
    let periods = context.periods;
    let mut impact = vec![expected(survey, scenario, target, ha_operations)];
    let begin = order(
        "write and read through the router every 50 ms, in the schema pgctl_drill".to_owned(),
        DrillRequest::Begin,
        BEGIN_DEADLINE,
    );
    let begin = Step { undo: Some(Order::Drill { request: DrillRequest::End }), ..begin };
    let end = order(
        "verify every acknowledged row, write the report, drop the schema".to_owned(),
        DrillRequest::End,
        END_DEADLINE,
    );
    let recovered = |at_most: Duration| {
        let words =
            format!("wait until writes succeed for {} s, at most {} s", QUIET_PERIOD.as_secs(), at_most.as_secs());
        order(words, DrillRequest::Recovered { quiet: QUIET_PERIOD }, at_most)
    };
    let mut steps = vec![begin];
    let (mut no_return, mut equivalent) = (1, Vec::new());
    let back = Milestone::Streaming { member: leader.name().clone() };
    let expectation = match scenario {
        Scenario::Switchover => {
            let inner = ha_operations.handover()?;
            no_return = inner.no_return + 1;
            steps.extend(inner.steps);
            steps.push(recovered(periods.takeover));
            steps.push(wait(back, periods.rejoin));
            impact.extend(inner.impact.iter().map(ToString::to_string));
            equivalent.extend(inner.equivalent.iter().map(ToString::to_string));
            inner.expectation
        }
        Scenario::Stop | Scenario::Kill | Scenario::Freeze | Scenario::Cut => {
            let waits = periods.takeover + periods.takeover;
            let parts = vec![ClusterPart::Member(leader.name().clone())];
            let (fault, hit) = set(survey, scenario, parts, waits)?;
            equivalent.extend(manually(&fault));
            steps.push(hit);
            steps.push(wait(Milestone::Promoted { member: None }, periods.takeover));
            steps.push(recovered(periods.takeover));
            steps.push(repair(&fault));
            steps.push(wait(back.clone(), periods.rejoin));
            impact.push(impact::writers_cut(leader));
            impact.extend(impact::long_transaction(leader));
            let promoted = Expectation::of([Milestone::Promoted { member: None }], periods.takeover + periods.rejoin);
            promoted.then(Milestone::RouterFollows).then(back).then(Milestone::AllStreaming)
        }
        Scenario::Dcs => {
            let hold = survey.hold.max(periods.step_down);
            let (fault, hit) = set(survey, scenario, majority(survey)?, hold)?;
            equivalent.extend(manually(&fault));
            steps.push(hit);
            steps.push(hold_on(hold));
            steps.push(repair(&fault));
            steps.push(recovered(periods.takeover));
            impact.push(ha_operations.without_store());
            Expectation::of([Milestone::AllStreaming], periods.takeover + periods.rejoin)
        }
        Scenario::Router => {
            let router = context.snapshot.routers.iter().find(|router| router.write_address.is_some());
            let router =
                router.ok_or_else(|| refuse("no router with a write_address is configured: nothing to lose"))?;
            let (fault, hit) = set(survey, scenario, vec![ClusterPart::Router(router.name.clone())], WITHOUT_ROUTER)?;
            equivalent.extend(manually(&fault));
            steps.push(hit);
            steps.push(hold_on(WITHOUT_ROUTER));
            steps.push(repair(&fault));
            steps.push(recovered(periods.takeover));
            impact.push(format!("every session through {} is disconnected", router.name));
            Expectation::of([Milestone::RouterFollows], periods.takeover)
        }
    };
    steps.push(end);
    Ok(context.plan(PlanDraft {
        title: format!("drill on {}: {}", context.cluster(), scenario.describe()),
        danger: if scenario.breaks().is_some() { Danger::Destructive } else { Danger::Disruptive },
        confirm: context.type_cluster(),
        steps,
        no_return,
        impact,
        equivalent,
        expectation,
    }))
}

/// What earlier drills let expect, or what the cluster's own periods do.
fn expected(
    survey: &Survey,
    scenario: Scenario,
    target: Option<Duration>,
    ha_operations: &dyn HaOperations<'_>,
) -> String {
    let earlier = survey.earlier.get(&scenario).map(Vec::as_slice).unwrap_or_default();
    let target = target.map(|target| format!(", target {}", units::latency(target))).unwrap_or_default();
    if let Some(past) = DrillHistory::of(earlier) {
        let drills = units::plural(past.drills, "drill");
        return format!("expected downtime {} (median of {drills}){target}", units::latency(past.median));
    }
    let guess = match scenario {
        Scenario::Router => format!("{} s plus some seconds", WITHOUT_ROUTER.as_secs()),
        Scenario::Switchover | Scenario::Stop | Scenario::Kill | Scenario::Freeze | Scenario::Cut | Scenario::Dcs => {
            ha_operations.outage(scenario)
        }
    };
    format!("expected downtime: {guess}; not measured by a drill yet{target}")
}

/// So many members of the DCS that the others are no majority; those that come last, since clients ask the first first.
fn majority(survey: &Survey) -> Result<Vec<ClusterPart>, Infeasible> {
    let all = survey.dcs.len();
    if all == 0 {
        return Err(refuse("the members of the DCS are unknown: configure etcd, and wait until it responds"));
    }
    let hit = all - all / 2;
    Ok(survey.dcs.iter().rev().take(hit).map(|name| ClusterPart::Dcs(name.clone())).collect())
}

/// The step that sets the fault, with its undo. `waits`: how long it is meant to stand.
fn set(
    survey: &Survey,
    scenario: Scenario,
    parts: Vec<ClusterPart>,
    waits: Duration,
) -> Result<(Fault, Step), Infeasible> {
    let Some(kind) = scenario.breaks() else { return Err(refuse(format!("{scenario} injects no fault"))) };
    let mut pinned = Vec::new();
    for part in parts {
        let means = survey
            .injection_method(&part, kind)
            .map_err(|why| refuse(format!("cannot {} {part}: {why}", kind.as_str())))?;
        pinned.push((part, means.clone()));
    }
    let fault = Fault { kind, parts: pinned, expires: waits + REPAIR_DEADLINE };
    let step = order(fault.describe(), DrillRequest::Break { fault: fault.clone() }, INJECT_DEADLINE);
    let undo = Some(Order::Drill { request: DrillRequest::Mend { fault: fault.clone() } });
    Ok((fault, Step { undo, ..step }))
}

fn repair(fault: &Fault) -> Step {
    let members: Vec<&str> = fault.members().map(crate::model::name::NodeName::as_str).collect();
    let mut words = fault.repaired();
    if fault.kind.may_revive_a_leader() && !members.is_empty() {
        words = format!("{words}; allow clients again once {} is no longer the leader", members.join(", "));
    }
    order(words, DrillRequest::Mend { fault: fault.clone() }, REPAIR_DEADLINE)
}

fn hold_on(time: Duration) -> Step {
    let words = format!("hold the fault for {} s", time.as_secs());
    order(words, DrillRequest::Hold { time }, time + Duration::from_secs(5))
}

fn order(words: String, request: DrillRequest, deadline: Duration) -> Step {
    Step { text: Text::redacted(words), order: Order::Drill { request }, undo: None, deadline }
}

/// The same with the engine's own tool.
fn manually(fault: &Fault) -> Vec<String> {
    let (make, repair) = match fault.kind {
        FaultKind::Stop => ("docker stop -t 60", "docker start"),
        FaultKind::Kill => ("docker kill", "docker start"),
        FaultKind::Freeze => ("docker pause", "docker unpause"),
        FaultKind::Cut => ("docker network disconnect NETWORK", "docker network connect NETWORK"),
    };
    let each = fault.parts.iter().filter_map(|(_, means)| match means {
        InjectionMethod::Container { name, .. } => Some(quoted(name.as_str())),
        InjectionMethod::Command { .. } | InjectionMethod::Simulated => None,
    });
    each.flat_map(|name| [format!("{make} {name}"), format!("{repair} {name}")]).collect()
}
