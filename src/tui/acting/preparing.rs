//! The dialog of an action whose plan is not there yet: what is being asked, and for how long already.

use std::time::Duration;

use super::dialog_model::DialogModel;
use super::drills::Preparing;
use crate::action::Intent;
use crate::action::drill_report::DrillReport;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// The dialog on the cluster called `name`, of which these drills are `known`.
pub(super) fn dialog_model(
    preparing: &Preparing,
    name: &str,
    known: &[DrillReport],
    at: Duration,
    width: usize,
) -> DialogModel {
    let (title, body, asked) = match &preparing.intent {
        Intent::Drill { scenario, .. } => {
            let expected = drill::expectation(known, *scenario);
            let mut body = vec![Line::new().plain(format!("expected downtime: {expected}")), Line::new()];
            body.extend(drill::about(*scenario));
            let asked = ": containers, the login of the probe, other clusters in the DCS";
            (format!("Drill on {name}: {}", scenario.describe()), body, asked)
        }
        other => (format!("{} on {name}", super::capital(other.verb())), Vec::new(), ""),
    };
    let foot = match &preparing.failed {
        Some(why) => Line::new().with("Planning failed: ", Tone::Critical).plain(why),
        None => {
            let waited = at.saturating_sub(preparing.since).as_secs();
            let line = Line::new().with("Collecting what the plan needs", Tone::Warning).plain(asked);
            // Counted by the second, so that a wait is told from a screen that hangs.
            if waited > 0 { line.dim(format!("   {}", units::duration(Duration::from_secs(waited)))) } else { line }
        }
    };
    DialogModel {
        title,
        body: body.iter().flat_map(|line| fold(line, width, 10)).collect(),
        foot: fold(&foot, width, 2),
        ..DialogModel::default()
    }
}
