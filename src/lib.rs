//! `pgctl`: the management core of pgctl-tui and its faces. Reads flow up, writes flow down.
//!
//! | room | for |
//! |---|---|
//! | [`model`] | vocabulary: what a cluster is and what can be known about it |
//! | [`health`] | rules: snapshot to findings |
//! | [`action`] | what can be wanted, planned, checked, confirmed and written down |
//! | [`audit`] | the journal: appended to before anything happens, and read back |
//! | [`config`] | configuration as written and as resolved |
//! | [`client`] | one wire a file: speaks the protocol, knows no cluster |
//! | [`driver`] | one per component kind: wire types to observations |
//! | [`observe`] | tasks that ask drivers, and the merge into one picture |
//! | [`operate`] | the runner of every action, and its jobs |
//! | [`report`] | rows, units and documents that screen and command line share |
//! | [`cli`] | arguments, one verb a file, exit codes |
//! | [`tui`] | the interactive face |

pub mod action;
pub mod audit;
pub mod cli;
pub mod client;
pub mod config;
pub mod driver;
pub mod health;
pub mod model;
pub mod observe;
pub mod operate;
pub mod report;
pub mod tui;
pub mod wire;
