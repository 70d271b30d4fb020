//! The PostgreSQL wire, for looking: one session a node, and one fixed list of statements that it can send.
//!
//! `default_transaction_read_only` alone makes nobody harmless: `pg_promote` and `pg_terminate_backend` run in a
//! read-only transaction too. So a [`Session`] has no way to send anything but what [`statement`] lists.

mod connect;
mod decode;
mod error;
mod session;
pub mod sheet;
mod statement;

pub use connect::{Encryption, connect};
pub use error::{PostgresError, lost_on_the_way};
pub use session::{Examination, Session};
pub use statement::Statement;
