//! Drivers: one per kind of component. A driver turns a client's wire types into observations of the model, and is the
//! border where outside text is stripped and redacted. Drivers know nothing of the observer, the runner or the screen;
//! both reach them through the traits in [`port`].

pub mod act;
pub mod backup;
pub(crate) mod checklist;
pub mod dcs;
pub mod exporter;
pub(crate) mod failure_kind;
pub mod ha;
pub mod lead_watcher;
pub mod lock;
pub mod node;
pub mod plan;
pub mod pooler;
pub mod port;
pub mod router;
pub mod runtime;
pub mod side_metrics;
mod well_known;
