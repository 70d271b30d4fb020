//! The hand of the console: from a command to what is wanted, the one dialog in which it is shown and confirmed, and how
//! it goes on.
//!
//! Nothing here sends anything or reads a file: plans come from a desk, everything else is an effect. What is confirmed is
//! the plan that was on the screen, whatever the next picture brings.

mod clock;
mod debts;
mod draft;
mod draft_keys;
mod draft_lines;
mod drill_keys;
mod hints;
mod keys;
mod listing;
mod matter;
mod menu;
mod news;
mod practice;
mod preparing;
mod remains;
mod remedy;
mod saying;
mod sheet;
mod story;
mod subject;
mod undo;
mod watch;
mod watch_lines;
#[cfg(test)]
mod watch_tests;
mod wish;

pub(in crate::tui) use self::draft::Draft;
pub(in crate::tui) use self::news::Acting;
pub(in crate::tui) use self::practice::Preparing;
pub(in crate::tui) use self::sheet::width_in;
pub(in crate::tui) use self::story::Story;
pub(in crate::tui) use self::watch::Watch;

/// The same beginning with a capital.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
