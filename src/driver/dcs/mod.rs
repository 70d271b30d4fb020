//! Drivers for distributed configuration stores.

pub mod etcd;
