//! What `pg_dump` writes, read without `pg_restore`: header, table of contents and data of the formats custom, directory, tar
//! and plain, whatever the file is called. From PostgreSQL's `src/bin/pg_dump/pg_backup_archiver.c` and
//! `pg_backup_custom.c` (archive versions 1.12 to 1.16: `pg_dump` 9.0 to 19), checked against files of 15, 17, 18 and 19.
//!
//! A file may be damaged anywhere or made to deceive: every length is bounded before anything is held, and nothing is
//! believed that the next bytes do not bear out.

pub mod compression;
pub mod copy_data;
pub mod custom;
pub mod error;
pub mod header;
pub mod kind;
pub mod plain;
pub mod primitives;
pub mod read;
pub mod toc;
pub mod verify;

#[cfg(test)]
mod tests;
