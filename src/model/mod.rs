//! The vocabulary: what a cluster is made of and what can be known about it.
//!
//! Pure data and pure functions on it. This room knows no wire, no clock, no task and no screen; whoever fills it in
//! says when and from where. Everything textual that comes from outside is [`text::Text`], which cannot hold what a
//! terminal would obey.

pub mod acknowledgement;
pub mod agent;
pub mod agent_reading;
pub mod blocking;
pub mod checkup;
pub mod dcs;
pub mod dump;
pub mod event;
pub mod finding;
pub mod identity;
pub mod inventory;
pub mod lag;
pub mod lag_limit;
pub mod lsn;
pub mod member;
pub mod metrics;
pub mod moment;
pub mod name;
pub mod observed;
pub mod parts;
pub mod patroni_record;
pub mod pooler;
pub mod postgres;
pub mod record;
pub mod role;
pub mod router;
pub mod series;
pub mod setting;
pub mod snapshot;
pub mod source;
pub mod stack;
pub mod standing;
pub mod streaming;
#[cfg(test)]
pub(crate) mod test_support;
pub mod text;
pub mod thresholds;
pub mod trend;
pub mod units;
pub mod view;
pub mod writers;
