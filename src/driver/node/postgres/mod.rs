//! PostgreSQL of one node over SQL: one reused session, one round trip a poll (what moves slowly is not asked in each), and an examination for `doctor`.

mod act;
mod acting_check;
mod assertion_check;
mod check;
mod clients;
mod failure_kind;
mod lead_check;
mod observe;
mod password;
mod prepared;
mod probe;
mod proposals;
mod query_text;
mod report;
mod settings;
mod slow;
mod surface;

pub use act::PostgresActor;
pub use acting_check::ActingCheck;
pub use assertion_check::AssertionCheck;
pub use check::PostgresCheck;
pub use clients::client_sessions;
pub(in crate::driver) use failure_kind::source_error;
pub use lead_check::PostgresLeadChecker;
pub use observe::PostgresNode;
pub(in crate::driver) use password::Password;
pub use prepared::PreparedCheck;
pub use probe::PostgresProbe;
pub use proposals::proposals;
pub use surface::PostgresExecutor;
