//! Drivers for connection poolers.

pub mod pgbouncer;
