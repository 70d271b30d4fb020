//! Dumps of `pg_dump`: what is in one, and how far it can be proven.

mod contents;
mod grantees;
mod inventory;
mod name;
#[cfg(test)]
mod tests;
mod verify;

pub use inventory::inventory;
pub use verify::verify;
