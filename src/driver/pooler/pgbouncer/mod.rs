//! PgBouncer by its admin console: one session that is kept, what moves by the second in each poll, and the rest seldom.

mod act;
mod act_by_hand;
#[cfg(test)]
mod act_tests;
mod check;
mod failure_kind;
mod holders;
mod observe;
mod repoint;
mod rows;
mod session;
mod sockets;
#[cfg(test)]
mod tests;

pub use act::{PoolerActor, PoolerExecutor};
pub use check::PgBouncerCheck;
pub use observe::PgBouncer;
pub use session::PoolerSession;
