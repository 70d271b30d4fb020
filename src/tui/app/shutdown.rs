//! What is said on the terminal once the console has left it: which of its actions go on, and where their end is told.

use super::App;
use crate::tui::acting::Watch;
use crate::tui::dialogs::Dialog;

impl App {
    /// Whether what is on the screen moves by itself: an action that runs is in front.
    pub(in crate::tui) fn has_pulse(&self) -> bool {
        let Some(Dialog::Watch { ticket, .. }) = self.dialogs.last() else { return false };
        self.acting.watch(*ticket).is_some_and(|watch| !watch.is_over())
    }

    /// A line for each action of this console that still runs.
    pub(in crate::tui) fn shutdown_message(&self) -> Vec<String> {
        let line = |watch: &Watch| {
            let (verb, cluster) = (watch.plan.intent.verb(), &watch.cluster);
            match (&watch.action, self.acting.outlives) {
                (Some(action), true) => {
                    format!("{verb} {action} of {cluster} is still running: pgctl-tui audit {action}")
                }
                (Some(action), false) => {
                    format!("{verb} {action} on {cluster} (simulated) was discarded with the demo")
                }
                (None, _) => {
                    format!("{verb} of {cluster} was just confirmed and may not have started: pgctl-tui audit")
                }
            }
        };
        self.acting.running_here().map(line).collect()
    }
}
