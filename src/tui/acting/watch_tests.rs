//! How an action that runs is told: in which order, with which clocks, and with which figures once it is over.

use std::time::Duration;

use jiff::Timestamp;

use super::watch::Watch;
use super::watch_lines::{WatchView, dialog_model};
use crate::action::milestone::Milestone;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::model::name::NodeName;
use crate::operate::{Event, Progress};
use crate::tui::testing::switchover;

const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

fn at(millis: u64) -> Timestamp {
    EPOCH.checked_add(Duration::from_millis(millis)).expect("a time")
}

fn reported(millis: u64, event: Event) -> Progress {
    Progress { at: at(millis), after: Some(Duration::from_millis(millis)), event }
}

fn reached(millis: u64, milestone: Milestone) -> Progress {
    reported(millis, Event::Reached { milestone, evidence: "SQL".into() })
}

fn member(name: &str) -> NodeName {
    NodeName::new(name)
}

fn watch(updates: Vec<Progress>) -> Watch {
    let mut watch = Watch::new(1, switchover(), None);
    let no_return = watch.plan.no_return;
    let last = watch.plan.steps.len() - 1;
    let mut all = vec![reported(0, Event::StepBegan { step: no_return, text: "POST".into() })];
    all.push(reported(
        100,
        Event::StepEnded { step: last, took: Duration::ZERO, reply: "".into(), accepted: Some(true) },
    ));
    all.extend(updates);
    watch.take(all);
    watch
}

fn text(watch: &Watch, now: u64) -> Vec<String> {
    let view = WatchView { snapshot: None, now: Some(at(now)), report: None, may_end: true };
    let dialog_model = dialog_model(watch, &view, 0, 100);
    dialog_model.body.iter().chain(&dialog_model.foot).map(|line| line.text().trim_end().to_owned()).collect()
}

fn place(lines: &[String], what: &str) -> usize {
    lines.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} is not in {lines:#?}"))
}

#[test]
fn what_was_seen_stands_by_its_time_and_what_is_awaited_behind_it() {
    let router = reached(3100, Milestone::RouterFollows);
    let promoted = reached(2600, Milestone::Promoted { member: Some(member("pg-1")) });
    let all = watch(vec![reached(900, Milestone::SteppedDown { member: member("pg-0") }), router, promoted]);
    let lines = text(&all, 9000);
    assert!(place(&lines, "pg-1 promoted") < place(&lines, "router follows"), "{lines:#?}");
    assert!(place(&lines, "router follows") < place(&lines, "pg-0 streaming"), "{lines:#?}");
    assert!(lines[place(&lines, "◌")].contains("9.0 s"), "{lines:#?}");
}

#[test]
fn while_it_runs_the_time_the_longest_wait_and_the_standstill_of_writes_tick() {
    let running = watch(vec![reached(900, Milestone::SteppedDown { member: member("pg-0") })]);
    for (now, clock, wait, writes) in
        [(1900, "running 1.9 s", "1.8 s of max 70 s", "1.0 s"), (13_200, "running 13.2 s", "13.1 s of max", "12.3 s")]
    {
        let lines = text(&running, now);
        place(&lines, clock);
        place(&lines, wait);
        place(&lines, &format!("writes down for {writes}"));
    }
    let before = watch(Vec::new());
    assert!(text(&before, 500).iter().all(|line| !line.contains("writes down")), "nothing was observed yet");
}

#[test]
fn the_outcome_has_its_figures() {
    let mut done = watch(vec![
        reached(900, Milestone::SteppedDown { member: member("pg-0") }),
        reached(2600, Milestone::Promoted { member: Some(member("pg-1")) }),
        reached(3000, Milestone::RouterFollows),
    ]);
    done.take(vec![reported(30_000, Event::Ended { outcome: Outcome::new(OutcomeKind::Done, "switched over") })]);
    let lines = text(&done, 99_000);
    place(&lines, "done in 2.6 s");
    place(&lines, "writes were down for about 2.1 s");
    let mut failed = watch(vec![reached(900, Milestone::SteppedDown { member: member("pg-0") })]);
    failed.take(vec![reported(9000, Event::Ended { outcome: Outcome::new(OutcomeKind::Unknown, "no response") })]);
    let lines = text(&failed, 99_000);
    assert!(lines.iter().all(|line| !line.contains("writes were down") && !line.contains("done in")), "{lines:#?}");
}
