//! Drivers for a database node itself.

pub mod postgres;
