//! The interactive face: a console over the pictures of one or many clusters.
//!
//! Events come in one by one ([`event`]), change the state of its one owner ([`app`]) and leave effects ([`effect`]),
//! which the [`runner`] performs. Views and widgets only read. This room knows pictures and reports; it knows no
//! client, no driver, and starts no process: what it needs of those comes in as [`options::Hooks`].

mod acting;
pub mod app;
pub mod clipboard;
pub mod command;
pub mod dialogs;
pub mod effect;
pub mod event;
pub mod export;
pub mod filter;
pub mod history;
pub mod keymap;
pub mod options;
pub mod palette;
mod runner;
pub mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod theme;
pub mod views;
mod wall;
pub mod widgets;

pub use self::effect::Outcome;
pub use self::options::{Alerts, Hooks, Options};
pub use self::runner::{Console, ConsoleError, Ended, run, still};
