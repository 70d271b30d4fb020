//! Drivers for distributed configuration stores.

pub mod etcd;
pub mod no_lock;
