//! PgBouncer's admin console: for looking one session that is kept, and one fixed list of statements that it can send; for
//! acting a session of its own with three.
//!
//! The console speaks the simple query protocol alone: any message of the extended one ends the session.

mod answer;
mod error;
mod reader;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

pub use answer::{Record, Rows};
pub use error::{ConsoleError, Refusal};
pub use reader::{AdminReader, Show};
pub use writer::{AdminWriter, PoolerCommand};
