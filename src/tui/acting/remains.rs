//! An action whose process died, or that left something to be taken back: what it had done, what is open, how the cluster looks now, and what can be taken back.

use super::sheet::Sheet;
use crate::action::order::Order;
use crate::action::plan::Plan;
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::operate::hand::Listed;
use crate::operate::job::{JobState, Remains};
use crate::report::line::Line;
use crate::report::summary::summary;
use crate::report::table::Tone;
use crate::tui::widgets::wrap::fold;

/// The dialog. `cluster`: the picture of its cluster, and the moment, where this console shows it; `can_take_back`: this
/// console may take back what is left.
pub(super) fn sheet(
    one: &Listed,
    cluster: Option<(&Snapshot, Moment)>,
    can_take_back: bool,
    scroll: usize,
    width: usize,
) -> Sheet {
    let plan = &one.request.plan;
    let (word, owed) = match &one.state {
        JobState::Died(remains) => ("Died", &remains.owed),
        JobState::Ended { owed, .. } if owed.is_empty() => ("Ended", owed),
        JobState::Ended { owed, .. } => ("Undo pending", owed),
        JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => return Sheet::default(),
    };
    let mut lines = match &one.state {
        JobState::Died(remains) => {
            let mut lines = vec![died(one, remains)];
            steps(plan, remains, &mut lines);
            lines
        }
        JobState::Ended { outcome, .. } => {
            let line =
                Line::new().with(format!("{}: ", outcome.ending.word()), Tone::Look).plain(outcome.text.as_str());
            vec![line.dim(format!("   {} by {}", one.action(), one.request.operator))]
        }
        JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => Vec::new(),
    };
    to_be_taken_back(owed, &mut lines);
    lines.push(Line::new());
    match cluster {
        Some((snapshot, now)) => {
            lines.push(Line::new().with("THE CLUSTER NOW", Tone::Strong));
            lines.push(summary(snapshot, now).line());
        }
        None => lines.push(Line::new().dim(format!("{} is not among the clusters of this console", plan.cluster))),
    }
    let mut foot = vec![];
    if is_for_its_guard(one) {
        // Without lock and checks: the one may be gone with the DCS that the drill broke.
        foot.push(
            Line::new()
                .with("What it broke may still stand. ", Tone::Act)
                .plain("Its guard takes that back by itself; if it does not, run pgctl-tui drill mend"),
        );
    } else if owed.is_empty() {
        foot.push(Line::new().plain("Nothing temporary is left. Look at the cluster before you try again."));
    } else {
        let count = crate::report::units::plural(owed.len(), "temporary step");
        let how = if can_take_back {
            "u: plan how to take that back".to_owned()
        } else {
            format!("pgctl-tui undo {} takes that back", one.action())
        };
        foot.push(Line::new().with(format!("{count} may still stand. "), Tone::Act).plain(how));
    }
    Sheet {
        title: format!("{word}: {}", plan.title),
        body: lines.iter().flat_map(|line| fold(line, width, 2)).collect(),
        foot: foot.iter().flat_map(|line| fold(line, width, 2)).collect(),
        scroll,
        ..Sheet::default()
    }
}

/// Whether its guard takes back what it left: what a drill broke.
pub(super) fn is_for_its_guard(one: &Listed) -> bool {
    one.state.owed().iter().any(|(_, order)| matches!(order, Order::Drill { .. }))
}

fn died(one: &Listed, remains: &Remains) -> Line {
    let process = remains.process.as_ref().map(|process| format!(" {} on {}", process.pid, process.host));
    let place = match (remains.started, remains.past_no_return) {
        (false, _) => "before anything was sent",
        (true, false) => "before the point of no return",
        (true, true) => "after the point of no return, or at it",
    };
    Line::new().with(format!("Its process{} died {place}.", process.unwrap_or_default()), Tone::Act).dim(format!(
        "   {} by {}",
        one.action(),
        one.request.operator
    ))
}

fn steps(plan: &Plan, remains: &Remains, lines: &mut Vec<Line>) {
    let mut section = |title: &str, rows: Vec<Line>| {
        if !rows.is_empty() {
            lines.push(Line::new());
            lines.push(Line::new().with(title, Tone::Strong));
            lines.extend(rows);
        }
    };
    let answered = remains.answered.iter().map(|(step, words, accepted)| {
        let line = Line::new().dim(format!("{} ", step + 1)).plain(words.as_str());
        match accepted {
            Some(true) => line.with("   accepted", Tone::Well),
            Some(false) => line.with("   refused", Tone::Look),
            None => line.with("   no answer: it may have happened", Tone::Act),
        }
    });
    section("IT HAD DONE", answered.collect());
    let open = remains.open.iter().map(|(step, words)| {
        let line = Line::new().dim(format!("{} ", step + 1)).with(words.as_str(), Tone::Look);
        let waits = plan.steps.get(*step).is_some_and(|step| matches!(step.order, Order::Await { .. }));
        line.dim(if waits {
            "   it was waited for; nothing was sent"
        } else {
            "   begun and not answered: it may have happened, or may happen yet"
        })
    });
    section("OPEN", open.collect());
    let left = remains.not_begun.iter();
    let left = left.map(|(step, words)| Line::new().dim(format!("{} {words}", step + 1)));
    section("NOT BEGUN", left.collect());
}

fn to_be_taken_back(owed: &[(usize, Order)], lines: &mut Vec<Line>) {
    if owed.is_empty() {
        return;
    }
    lines.push(Line::new());
    lines.push(Line::new().with("TO BE TAKEN BACK", Tone::Strong));
    lines.extend(owed.iter().map(|(step, order)| {
        Line::new().with(order.words(), Tone::Look).dim(format!("   takes step {} back", step + 1))
    }));
}
