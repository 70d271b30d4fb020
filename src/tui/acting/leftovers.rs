//! An action whose process died, or that left something to be taken back: what it had done, what is open, how the cluster looks now, and what can be taken back.

use super::dialog_model::DialogModel;
use crate::action::order::Order;
use crate::action::plan::Plan;
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::operate::job::{JobState, Leftovers};
use crate::operate::ports::JobSummary;
use crate::report::line::Line;
use crate::report::summary::summary;
use crate::report::table::Tone;
use crate::tui::widgets::wrap::fold;

/// The dialog. `cluster`: the picture of its cluster, and the moment, where this console shows it; `can_revert`: this
/// console may take back what is left.
pub(super) fn dialog_model(
    one: &JobSummary,
    cluster: Option<(&Snapshot, Moment)>,
    can_revert: bool,
    scroll: usize,
    width: usize,
) -> DialogModel {
    let plan = &one.request.plan;
    let (word, pending_undo) = match &one.state {
        JobState::Died(leftovers) => ("Died", &leftovers.pending_undo),
        JobState::Ended { pending_undo, .. } if pending_undo.is_empty() => ("Ended", pending_undo),
        JobState::Ended { pending_undo, .. } => ("Undo pending", pending_undo),
        JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => return DialogModel::default(),
    };
    let mut lines = match &one.state {
        JobState::Died(leftovers) => {
            let mut lines = vec![died(one, leftovers)];
            steps(plan, leftovers, &mut lines);
            lines
        }
        JobState::Ended { outcome, .. } => {
            let line =
                Line::new().with(format!("{}: ", outcome.ending.as_str()), Tone::Warning).plain(outcome.text.as_str());
            vec![line.dim(format!("   {} by {}", one.action(), one.request.operator))]
        }
        JobState::Waiting | JobState::Running(_) | JobState::Elsewhere(_) => Vec::new(),
    };
    reverted_phrase(pending_undo, &mut lines);
    lines.push(Line::new());
    match cluster {
        Some((snapshot, now)) => {
            lines.push(Line::new().with("THE CLUSTER NOW", Tone::Strong));
            lines.push(summary(snapshot, now).line());
        }
        None => lines.push(Line::new().dim(format!("{} is not a cluster of this console", plan.cluster))),
    }
    let mut foot = vec![];
    if is_for_its_guard(one) {
        // Without lock and checks: the one may be gone with the DCS that the drill broke.
        foot.push(
            Line::new()
                .with("The injected fault may still be active. ", Tone::Critical)
                .plain("Its guard process reverts it; if not, run `pgctl-tui drill revert`"),
        );
    } else if pending_undo.is_empty() {
        foot.push(Line::new().plain("No temporary changes are left. Check the cluster before you try again."));
    } else {
        let count = crate::report::units::plural(pending_undo.len(), "temporary change");
        let how = if can_revert { "u: undo".to_owned() } else { format!("pgctl-tui undo {} reverts it", one.action()) };
        foot.push(Line::new().with(format!("{count} may still be in place. "), Tone::Critical).plain(how));
    }
    DialogModel {
        title: format!("{word}: {}", plan.title),
        body: lines.iter().flat_map(|line| fold(line, width, 2)).collect(),
        foot: foot.iter().flat_map(|line| fold(line, width, 2)).collect(),
        scroll,
        ..DialogModel::default()
    }
}

/// Whether its guard takes back what it left: what a drill broke.
pub(super) fn is_for_its_guard(one: &JobSummary) -> bool {
    one.state.pending_undo().iter().any(|(_, order)| matches!(order, Order::Drill { .. }))
}

fn died(one: &JobSummary, leftovers: &Leftovers) -> Line {
    let process = leftovers.process.as_ref().map(|process| format!(" {} on {}", process.pid, process.host));
    let place = match (leftovers.started, leftovers.past_no_return) {
        (false, _) => "before anything was sent",
        (true, false) => "before the point of no return",
        (true, true) => "at or after the point of no return",
    };
    Line::new().with(format!("Its process{} died {place}.", process.unwrap_or_default()), Tone::Critical).dim(format!(
        "   {} by {}",
        one.action(),
        one.request.operator
    ))
}

fn steps(plan: &Plan, leftovers: &Leftovers, lines: &mut Vec<Line>) {
    let mut section = |title: &str, rows: Vec<Line>| {
        if !rows.is_empty() {
            lines.push(Line::new());
            lines.push(Line::new().with(title, Tone::Strong));
            lines.extend(rows);
        }
    };
    let answered = leftovers.answered.iter().map(|(step, words, accepted)| {
        let line = Line::new().dim(format!("{} ", step + 1)).plain(words.as_str());
        match accepted {
            Some(true) => line.with("   accepted", Tone::Ok),
            Some(false) => line.with("   rejected", Tone::Warning),
            None => line.with("   no response: it may have happened", Tone::Critical),
        }
    });
    section("COMPLETED STEPS", answered.collect());
    let open = leftovers.open.iter().map(|(step, words)| {
        let line = Line::new().dim(format!("{} ", step + 1)).with(words.as_str(), Tone::Warning);
        let waits = plan.steps.get(*step).is_some_and(|step| matches!(step.order, Order::Await { .. }));
        line.dim(if waits {
            "   waiting; nothing was sent"
        } else {
            "   sent, no response: it may have happened or may still happen"
        })
    });
    section("OPEN STEPS", open.collect());
    let left = leftovers.not_begun.iter();
    let left = left.map(|(step, words)| Line::new().dim(format!("{} {words}", step + 1)));
    section("NOT STARTED", left.collect());
}

fn reverted_phrase(pending_undo: &[(usize, Order)], lines: &mut Vec<Line>) {
    if pending_undo.is_empty() {
        return;
    }
    lines.push(Line::new());
    lines.push(Line::new().with("TO BE REVERTED", Tone::Strong));
    lines.extend(pending_undo.iter().map(|(step, order)| {
        Line::new().with(order.describe(), Tone::Warning).dim(format!("   reverts step {}", step + 1))
    }));
}
