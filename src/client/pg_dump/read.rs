//! A dump of any kind, read to one of two depths.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::num::NonZeroUsize;
use std::path::Path;

use super::custom::UNKNOWN_WIDTHS;
use super::error::ArchiveError;
use super::header::{Compression, Header, read_header};
use super::kind::{DumpForm, DumpKind, kind_of, open};
use super::plain::{PlainSummary, read_plain};
use super::primitives::Primitives;
use super::toc::{TocEntry, read_toc};
use super::verify::{self, DataSummary};

/// Of a text, the versions stand before its first statement.
const PLAIN_HEAD: u64 = 4096;

/// How much of a dump is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Depth {
    /// Header and table of contents.
    Header,
    /// All of it.
    Blocks,
}

/// An archive, as far as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Archive {
    /// Its head.
    pub header: Header,
    /// Its table of contents.
    pub entries: Vec<TocEntry>,
    /// Its data; `None`: they were not read.
    pub data: Option<DataSummary>,
}

/// What a dump turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contents {
    /// An archive of `pg_restore`'s.
    Archive(Box<Archive>),
    /// SQL text, read to its end.
    Plain(PlainSummary),
    /// SQL text, of which only the beginning was read.
    PlainHead(PlainSummary),
    /// Nothing.
    Empty,
    /// No dump.
    Unknown,
}

/// Reads the dump at `path` to `depth`; all of an archive by several threads.
///
/// # Errors
/// When it cannot be opened, or header or table of contents cannot be read.
pub fn read(path: &Path, depth: Depth, threads: NonZeroUsize) -> Result<(DumpKind, Contents), ArchiveError> {
    let kind = kind_of(path)?;
    let contents = match kind {
        DumpKind::Directory => {
            let toc = &mut File::open(path.join("toc.dat"))?;
            archive(toc, depth, || verify::directory(path, threads))?
        }
        DumpKind::File(DumpForm::Custom, Compression::None) => {
            let file = File::open(path)?;
            archive(&mut &file, depth, || verify::custom_file(&file, threads))?
        }
        DumpKind::File(DumpForm::Custom, compression) => {
            archive(&mut *open(path, compression)?, depth, || verify::custom(&mut *open(path, compression)?))?
        }
        DumpKind::File(DumpForm::Tar, compression) => {
            // Behind the member's own head.
            let mut toc = open(path, compression)?;
            toc.read_exact(&mut [0; 512])?;
            archive(&mut *toc, depth, || verify::tar(&mut *open(path, compression)?))?
        }
        DumpKind::File(DumpForm::Plain, compression) => {
            let source = open(path, compression)?;
            match depth {
                Depth::Header => Contents::PlainHead(read_plain(&mut BufReader::new(source.take(PLAIN_HEAD)))?),
                Depth::Blocks => Contents::Plain(read_plain(&mut BufReader::with_capacity(128 * 1024, source))?),
            }
        }
        DumpKind::File(DumpForm::Empty, _) => Contents::Empty,
        DumpKind::File(DumpForm::Unknown, _) => Contents::Unknown,
    };
    Ok((kind, contents))
}

fn archive(
    toc: &mut dyn std::io::Read,
    depth: Depth,
    data: impl FnOnce() -> Result<DataSummary, ArchiveError>,
) -> Result<Contents, ArchiveError> {
    let mut source = Primitives::new(BufReader::new(toc), 0, UNKNOWN_WIDTHS);
    let header = read_header(&mut source)?;
    let entries = read_toc(&mut source, &header)?;
    let data = match depth {
        Depth::Header => None,
        Depth::Blocks => Some(data()?),
    };
    Ok(Contents::Archive(Box::new(Archive { header, entries, data })))
}
