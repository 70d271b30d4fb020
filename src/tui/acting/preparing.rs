//! The dialog of a drill whose plan is not there yet: what is being asked, and for how long already.

use std::time::Duration;

use super::practice::Preparing;
use super::sheet::Sheet;
use crate::report::drill;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// The dialog on the cluster called `name`; `expected` is what earlier drills let expect.
pub(super) fn sheet(preparing: &Preparing, name: &str, expected: &str, at: Duration, width: usize) -> Sheet {
    let mut body = vec![Line::new().plain(format!("expected outage: {expected}")), Line::new()];
    body.extend(drill::about(preparing.scenario));
    let foot = match &preparing.failed {
        Some(why) => Line::new().with("It cannot be planned: ", Tone::Act).plain(why),
        None => {
            let waited = at.saturating_sub(preparing.since).as_secs();
            let line = Line::new().with("Asking what its plan needs to know", Tone::Look);
            let line = line.plain(": containers, the probe's login, who else is in the DCS");
            // Counted by the second, so that a wait is told from a screen that hangs.
            if waited > 0 { line.dim(format!("   {}", units::duration(Duration::from_secs(waited)))) } else { line }
        }
    };
    Sheet {
        title: format!("Drill on {name}: {}", preparing.scenario.words()),
        body: body.iter().flat_map(|line| fold(line, width, 10)).collect(),
        foot: fold(&foot, width, 2),
        ..Sheet::default()
    }
}
