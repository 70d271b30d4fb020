//! The traits through which the observer, discovery, `doctor` and the runner reach any driver, and the data that passes: a
//! file for each purpose.
//!
//! A driver never decides when it is asked: cadence, deadlines, back-off and cancellation belong to whoever asks.

mod act;
mod check;
pub mod drill;
mod inspect;
mod lead;
mod lock;
mod observe;
mod plan;

pub use act::{Act, NotPerformed, OrderControl, ProgressSink, Reply, ReplyVerdict, no_longer};
pub use check::Check;
pub use inspect::{Inspect, NothingToAsk};
pub use lead::{LeadWatcher, StillAllowed};
pub use lock::{Lock, LockClaim, LockError};
pub use observe::{Facts, MemberAddress, MemberAddresses, NodeSources, Observe, PollPace};
pub use plan::Planner;
