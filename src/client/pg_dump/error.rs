//! Why an archive could not be read.

use std::io;

/// Why an archive, or a part of it, could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It does not begin as an archive of `pg_dump` does.
    #[error("not an archive of pg_dump")]
    NotAnArchive,
    /// It is of a version that this program does not know.
    #[error("archive version {major}.{minor} is not supported (1.12 to 1.16 are)")]
    UnsupportedVersion {
        /// Major number.
        major: u8,
        /// Minor number.
        minor: u8,
    },
    /// It ends before what it announces.
    #[error("it ends at byte {at}, in the middle of {what}")]
    Truncated {
        /// Where.
        at: u64,
        /// Of what.
        what: &'static str,
    },
    /// What stands there cannot be.
    #[error("damaged at byte {at}: {what}")]
    Damaged {
        /// Where.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// Larger than any honest one.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The most that is read.
        limit: u64,
    },
    /// It cannot be read at all.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}
