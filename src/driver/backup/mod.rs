//! Backups, by whatever makes them.

pub mod dumps;
