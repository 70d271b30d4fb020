//! PostgreSQL of one node over SQL: one reused session, one round trip a poll, and an examination for `doctor`.

mod act;
mod check;
mod observe;
mod password;
mod prepared;
mod probe;
mod prove;
mod query_text;
mod report;
mod settings;
mod trouble;

pub use act::PostgresActor;
pub use check::PostgresCheck;
pub use observe::PostgresNode;
pub use prepared::PreparedCheck;
pub use probe::PostgresProbe;
pub use prove::PostgresProver;
