//! The PostgreSQL wire, for looking: one session a node, and one fixed list of statements that it can send.
//!
//! `default_transaction_read_only` alone makes nobody harmless: `pg_promote` and `pg_terminate_backend` run in a
//! read-only transaction too. So a [`Session`] has no way to send anything but what [`statement`] lists. What changes
//! something is in [`write`] alone, on a connection of its own with a login of its own.

pub mod assertion;
pub mod clients;
mod connect;
mod decode;
mod error;
mod guard;
pub mod lead_check;
pub mod lock;
pub mod poll_result;
pub mod probe;
pub mod schema;
mod session;
mod statement;
pub mod write;

#[cfg(unix)]
pub(in crate::client) use connect::connect_for_administering_through;
pub(in crate::client) use connect::{Driving, OpenedConnection, connect_for_administering};
pub use connect::{Encryption, connect};
pub use error::{PostgresError, lost_on_the_way};
pub use guard::Refusal;
pub use session::{Examination, QueryScope, Session};
pub(in crate::client) use session::{drive, within};
pub use statement::Statement;
