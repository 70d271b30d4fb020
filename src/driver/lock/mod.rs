//! The operation lock: in etcd, by advisory locks of PostgreSQL where there is no DCS, or nowhere. Which of them a cluster
//! uses is decided where everything is put together.

pub mod advisory;
pub mod claim;
pub mod etcd;
#[cfg(test)]
mod etcd_tests;
pub mod none;
