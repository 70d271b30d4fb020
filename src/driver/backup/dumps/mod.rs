//! Dumps of `pg_dump`: what is in one, and how far it can be proven.

mod contents;
mod grantees;
#[cfg(test)]
mod tests;
mod verify;

pub use verify::verify;
