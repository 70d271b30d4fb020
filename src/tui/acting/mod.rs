//! The hand of the console: from a command to what is wanted, the one dialog in which it is shown and confirmed, and how
//! it goes on.
//!
//! Nothing here sends anything or reads a file: plans come from a desk, everything else is an effect. What is confirmed is
//! the plan that was on the screen, whatever the next picture brings.

mod clock;
mod describe;
mod dialog_model;
mod dialog_options;
mod drill_keys;
mod drill_report;
mod drills;
mod hints;
mod keys;
mod leftovers;
mod listing;
mod menu;
mod pending_action;
mod pending_action_keys;
mod pending_action_lines;
mod pending_undo;
mod preparing;
mod remedy;
mod resolve_intent;
mod row_subject;
mod subject;
mod undo;
mod updates;
mod watch;
mod watch_lines;
#[cfg(test)]
mod watch_tests;

pub(in crate::tui) use self::dialog_model::width_in;
pub(in crate::tui) use self::drill_report::ReportSelection;
pub(in crate::tui) use self::drills::Preparing;
pub(in crate::tui) use self::pending_action::PendingAction;
pub(in crate::tui) use self::updates::ActingState;
pub(in crate::tui) use self::watch::Watch;

/// The same beginning with a capital.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
