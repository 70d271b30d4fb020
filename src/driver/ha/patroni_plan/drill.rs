//! Drills: the probe, the fault, the waits, the undo, the report.

use std::time::Duration;

use super::ground::{Ground, Sketch, no, quoted, wait};
use super::{impact, switchover};
use crate::action::drill::{DrillRequest, Fault, FaultKind, Means, Part, Scenario, Survey};
use crate::action::drill_report::Past;
use crate::action::expectation::Expectation;
use crate::action::milestone::Milestone;
use crate::action::order::Order;
use crate::action::plan::{Danger, Impossible, Plan, Step};
use crate::model::text::Text;
use crate::model::units;

/// How long the probe may take to be ready.
const BEGIN: Duration = Duration::from_secs(40);
/// How long the end of the probe may take: rows are looked for when writes go through again.
const END: Duration = Duration::from_secs(120);
/// A graceful stop: PostgreSQL gets a minute.
const BREAK: Duration = Duration::from_secs(90);
/// How long mending may take: a node that was frozen is let in again when it is seen not to lead.
const MEND: Duration = Duration::from_secs(150);
/// Writes count as recovered when they have been acknowledged so long without a break.
const QUIET: Duration = Duration::from_secs(3);
/// How long a router is left dead.
const WITHOUT_ROUTER: Duration = Duration::from_secs(10);

pub(super) fn plan(ground: &Ground<'_>, scenario: Scenario, target: Option<Duration>) -> Result<Plan, Impossible> {
    let Some(survey) = &ground.manager.drill else {
        return Err(no("drills are begun with `pgctl-tui drill run SCENARIO`, which asks what a plan needs to know"));
    };
    ground.no_standby_cluster("a drill")?;
    let leader = ground.leader("a drill needs a healthy cluster")?;
    let timing = ground.timing;
    let mut impact = vec![expected(survey, scenario, target, ground)];
    let begin = order(
        "write and read through the router every 50 ms, in the schema pgctl_drill".to_owned(),
        DrillRequest::Begin,
        BEGIN,
    );
    let begin = Step { undo: Some(Order::Drill { request: DrillRequest::End }), ..begin };
    let end =
        order("look for every acknowledged row, write the report, drop the schema".to_owned(), DrillRequest::End, END);
    let recovered = |at_most: Duration| {
        let words = format!("wait until writes go through for {} s, at most {} s", QUIET.as_secs(), at_most.as_secs());
        order(words, DrillRequest::Recovered { quiet: QUIET }, at_most)
    };
    let mut steps = vec![begin];
    let (mut no_return, mut equivalent) = (1, Vec::new());
    let back = Milestone::Streaming { member: leader.name().clone() };
    let expectation = match scenario {
        Scenario::Switchover => {
            let inner = switchover::plan(ground, None, None, true)?;
            no_return = inner.no_return + 1;
            steps.extend(inner.steps);
            steps.push(recovered(timing.takeover()));
            steps.push(wait(back, timing.rejoin()));
            impact.extend(inner.impact.iter().map(ToString::to_string));
            equivalent.extend(inner.equivalent.iter().map(ToString::to_string));
            inner.expectation
        }
        Scenario::Stop | Scenario::Kill | Scenario::Freeze | Scenario::Cut => {
            let waits = timing.takeover() + timing.takeover();
            let parts = vec![Part::Member(leader.name().clone())];
            let (fault, hit) = set(survey, scenario, parts, waits)?;
            equivalent.extend(by_hand(&fault));
            steps.push(hit);
            steps.push(wait(Milestone::Promoted { member: None }, timing.takeover()));
            steps.push(recovered(timing.takeover()));
            steps.push(mend(&fault));
            steps.push(wait(back.clone(), timing.rejoin()));
            impact.push(impact::writers_cut(leader));
            impact.extend(impact::long_transaction(leader));
            let promoted = Expectation::of([Milestone::Promoted { member: None }], timing.takeover() + timing.rejoin());
            promoted.then(Milestone::RouterFollows).then(back).then(Milestone::AllStreaming)
        }
        Scenario::Dcs => {
            let hold = survey.hold.max(timing.ttl + timing.loop_wait);
            let (fault, hit) = set(survey, scenario, majority(survey)?, hold)?;
            equivalent.extend(by_hand(&fault));
            steps.push(hit);
            steps.push(hold_on(hold));
            steps.push(mend(&fault));
            steps.push(recovered(timing.takeover()));
            impact.push(
                "without the DCS the leader steps down when its lease runs out, unless failsafe_mode is on".to_owned(),
            );
            Expectation::of([Milestone::AllStreaming], timing.takeover() + timing.rejoin())
        }
        Scenario::Router => {
            let router = ground.snapshot.routers.iter().find(|router| router.write_address.is_some());
            let router = router.ok_or_else(|| no("no router with a write_address is configured: nothing to lose"))?;
            let (fault, hit) = set(survey, scenario, vec![Part::Router(router.name.clone())], WITHOUT_ROUTER)?;
            equivalent.extend(by_hand(&fault));
            steps.push(hit);
            steps.push(hold_on(WITHOUT_ROUTER));
            steps.push(mend(&fault));
            steps.push(recovered(timing.takeover()));
            impact.push(format!("every session through {} is cut", router.name));
            Expectation::of([Milestone::RouterFollows], timing.takeover())
        }
    };
    steps.push(end);
    Ok(ground.plan(Sketch {
        title: format!("drill on {}: {}", ground.cluster(), scenario.words()),
        danger: if scenario.breaks().is_some() { Danger::Destructive } else { Danger::Disruptive },
        confirm: ground.type_cluster(),
        steps,
        no_return,
        impact,
        equivalent,
        expectation,
    }))
}

/// What earlier drills let expect, or what the cluster's own periods do.
fn expected(survey: &Survey, scenario: Scenario, target: Option<Duration>, ground: &Ground<'_>) -> String {
    let earlier = survey.earlier.get(&scenario).map(Vec::as_slice).unwrap_or_default();
    let target = target.map(|target| format!(", target {}", units::latency(target))).unwrap_or_default();
    if let Some(past) = Past::of(earlier) {
        let drills = units::plural(past.drills, "drill");
        return format!("expected outage {} (median of {drills}){target}", units::latency(past.median));
    }
    let ttl = ground.timing.ttl.as_secs();
    let guess = match scenario {
        Scenario::Switchover | Scenario::Stop => "some seconds".to_owned(),
        Scenario::Kill | Scenario::Freeze | Scenario::Cut => {
            format!("until the leader key expires ({ttl} s at most), and some seconds more")
        }
        Scenario::Dcs => "none with failsafe_mode, else until the DCS is back and a leader is found".to_owned(),
        Scenario::Router => format!("{} s and some more", WITHOUT_ROUTER.as_secs()),
    };
    format!("expected outage: {guess}; no drill has measured it yet{target}")
}

/// So many members of the DCS that the others are no majority; those that come last, since clients ask the first first.
fn majority(survey: &Survey) -> Result<Vec<Part>, Impossible> {
    let all = survey.dcs.len();
    if all == 0 {
        return Err(no("the members of the DCS are unknown: configure etcd, and wait until it answers"));
    }
    let hit = all - all / 2;
    Ok(survey.dcs.iter().rev().take(hit).map(|name| Part::Dcs(name.clone())).collect())
}

/// The step that sets the fault, with its undo. `waits`: how long it is meant to stand.
fn set(survey: &Survey, scenario: Scenario, parts: Vec<Part>, waits: Duration) -> Result<(Fault, Step), Impossible> {
    let Some(kind) = scenario.breaks() else { return Err(no(format!("{scenario} breaks nothing"))) };
    let mut pinned = Vec::new();
    for part in parts {
        let means = survey.means(&part, kind).map_err(|why| no(format!("cannot {} {part}: {why}", kind.word())))?;
        pinned.push((part, means.clone()));
    }
    let fault = Fault { kind, parts: pinned, expires: waits + MEND };
    let step = order(fault.words(), DrillRequest::Break { fault: fault.clone() }, BREAK);
    let undo = Some(Order::Drill { request: DrillRequest::Mend { fault: fault.clone() } });
    Ok((fault, Step { undo, ..step }))
}

fn mend(fault: &Fault) -> Step {
    let members: Vec<&str> = fault.members().map(crate::model::name::NodeName::as_str).collect();
    let mut words = fault.mended();
    if fault.kind.may_revive_a_leader() && !members.is_empty() {
        words = format!("{words}; let clients in again when {} is seen not to lead", members.join(", "));
    }
    order(words, DrillRequest::Mend { fault: fault.clone() }, MEND)
}

fn hold_on(time: Duration) -> Step {
    let words = format!("leave it so for {} s", time.as_secs());
    order(words, DrillRequest::Hold { time }, time + Duration::from_secs(5))
}

fn order(words: String, request: DrillRequest, deadline: Duration) -> Step {
    Step { words: Text::redacted(words), order: Order::Drill { request }, undo: None, deadline }
}

/// The same with the engine's own tool.
fn by_hand(fault: &Fault) -> Vec<String> {
    let (make, mend) = match fault.kind {
        FaultKind::Stop => ("docker stop -t 60", "docker start"),
        FaultKind::Kill => ("docker kill", "docker start"),
        FaultKind::Freeze => ("docker pause", "docker unpause"),
        FaultKind::Cut => ("docker network disconnect NETWORK", "docker network connect NETWORK"),
    };
    let each = fault.parts.iter().filter_map(|(_, means)| match means {
        Means::Container { name, .. } => Some(quoted(name.as_str())),
        Means::Command { .. } | Means::Simulated => None,
    });
    each.flat_map(|name| [format!("{make} {name}"), format!("{mend} {name}")]).collect()
}
