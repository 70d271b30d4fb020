//! The head of an archive: version, format, compression, when and from what it was made.

use std::io::Read;

use super::error::ArchiveError;
use super::primitives::{Primitives, Widths};

/// What every archive begins with.
pub const MAGIC: &[u8; 5] = b"PGDMP";

/// Version of the archive's own form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ArchiveVersion(pub u8, pub u8);

impl ArchiveVersion {
    /// The oldest that is read: `pg_dump` 9.0.
    pub const OLDEST: Self = Self(1, 12);
    /// Access methods of tables: `pg_dump` 12.
    pub const TABLE_ACCESS_METHOD: Self = Self(1, 14);
    /// One byte says by what data are compressed: `pg_dump` 16.
    pub const COMPRESSION_ALGORITHM: Self = Self(1, 15);
    /// The kind of each relation: `pg_dump` 17.
    pub const RELATION_KIND: Self = Self(1, 16);
    /// The newest that is read: `pg_dump` 17 to 19.
    pub const NEWEST: Self = Self(1, 16);
}

/// The form of an archive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArchiveFormat {
    /// One file with everything.
    Custom,
    /// A member of a tar file. The table of contents of a directory says this of itself as well.
    Tar,
    /// A directory with a file for each table.
    Directory,
}

/// By what the data are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compression {
    /// Not at all.
    None,
    /// zlib in an archive of one file, gzip in a directory.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

/// The wall clock of the machine that dumped, whose zone nobody wrote down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalTime {
    /// Year.
    pub year: i32,
    /// Month, from 1.
    pub month: i32,
    /// Day, from 1.
    pub day: i32,
    /// Hour.
    pub hour: i32,
    /// Minute.
    pub minute: i32,
    /// Second, up to 60.
    pub second: i32,
}

/// The head of an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Version of its form.
    pub version: ArchiveVersion,
    /// Its form.
    pub format: ArchiveFormat,
    /// Widths of its numbers.
    pub widths: Widths,
    /// By what its data are compressed.
    pub compression: Compression,
    /// When it was begun.
    pub begun: LocalTime,
    /// The database that was dumped.
    pub database: Option<String>,
    /// The server's version as it told it: `17.12 (Debian 17.12-1)`.
    pub server_version: Option<String>,
    /// The version of `pg_dump`.
    pub dump_version: Option<String>,
}

/// Reads the head of an archive; `source` is at its first byte. Afterwards the table of contents follows.
///
/// # Errors
/// Where it is none, of an unknown version, or damaged.
pub fn read_header<R: Read>(source: &mut Primitives<R>) -> Result<Header, ArchiveError> {
    const WHAT: &str = "the header";
    let mut magic = [0; MAGIC.len()];
    match source.bytes(&mut magic, WHAT) {
        Ok(()) if magic == *MAGIC => {}
        Ok(()) | Err(ArchiveError::Truncated { .. }) => return Err(ArchiveError::NotAnArchive),
        Err(error) => return Err(error),
    }
    let version = ArchiveVersion(source.byte(WHAT)?, source.byte(WHAT)?);
    let _revision = source.byte(WHAT)?;
    if version < ArchiveVersion::OLDEST || version > ArchiveVersion::NEWEST {
        return Err(ArchiveError::UnsupportedVersion { major: version.0, minor: version.1 });
    }
    let at = source.at();
    let damaged = |what: String| ArchiveError::Damaged { at, what };
    let widths = Widths { int: source.byte(WHAT)?, offset: source.byte(WHAT)? };
    if ![4, 8].contains(&widths.int) || ![4, 8].contains(&widths.offset) {
        return Err(damaged(format!("numbers of {} and {} bytes", widths.int, widths.offset)));
    }
    source.set_widths(widths);
    let format = match source.byte(WHAT)? {
        1 => ArchiveFormat::Custom,
        3 => ArchiveFormat::Tar,
        5 => ArchiveFormat::Directory,
        other => return Err(damaged(format!("{other} as the format"))),
    };
    let compression = if version >= ArchiveVersion::COMPRESSION_ALGORITHM {
        match source.byte(WHAT)? {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Lz4,
            3 => Compression::Zstd,
            other => return Err(damaged(format!("{other} as the compression"))),
        }
    } else if source.int(WHAT)? == 0 {
        // A level: -1 is zlib's default.
        Compression::None
    } else {
        Compression::Gzip
    };
    let [second, minute, hour, day, month, year, _daylight_saving] = read_time(source)?;
    let begun =
        LocalTime { year: year.saturating_add(1900), month: month.saturating_add(1), day, hour, minute, second };
    Ok(Header {
        version,
        format,
        widths,
        compression,
        begun,
        database: source.text(WHAT)?,
        server_version: source.text(WHAT)?,
        dump_version: source.text(WHAT)?,
    })
}

fn read_time<R: Read>(source: &mut Primitives<R>) -> Result<[i32; 7], ArchiveError> {
    let mut time = [0; 7];
    for part in &mut time {
        *part = source.int("the header")?;
    }
    Ok(time)
}
