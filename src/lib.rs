//! `pgctl`: the management core of pgctl-tui and its faces. Reads flow up, writes flow down.
//!
//! | room | for |
//! |---|---|
//! | [`model`] | vocabulary: what a cluster is and what can be known about it |
//! | [`config`] | configuration as written and as resolved |
//! | [`client`] | one per wire: protocols, TLS, secrets; returns wire types |
//! | [`driver`] | one per component kind: wire types to observations |
//! | [`health`] | rules: snapshot to findings |
//! | [`observe`] | tasks that ask drivers, and the merge into one picture |
//! | [`cli`] | arguments, one verb a file, exit codes |
//! | [`report`] | rows, units and documents that screen and command line share |

pub mod cli;
pub mod client;
pub mod config;
pub mod driver;
pub mod health;
pub mod model;
pub mod observe;
pub mod report;
