//! The PostgreSQL wire, for looking: one session a node, and one fixed list of statements that it can send.
//!
//! `default_transaction_read_only` alone makes nobody harmless: `pg_promote` and `pg_terminate_backend` run in a
//! read-only transaction too. So a [`Session`] has no way to send anything but what [`statement`] lists. What changes
//! something is in [`write`] alone, on a connection of its own with a login of its own.

mod connect;
mod decode;
mod error;
mod guard;
pub mod probe;
pub mod prove;
mod session;
pub mod sheet;
mod statement;
pub mod write;

pub use connect::{Encryption, connect};
pub use error::{PostgresError, lost_on_the_way};
pub use guard::Refusal;
pub use session::{Examination, Session};
pub use statement::Statement;
