//! What a file or directory is, by its first bytes: its name says nothing (a custom archive is called `.sql.gz` where a backup
//! container was asked for one).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::compression::{Wrapping, decompressed};
use super::header::{Compression, MAGIC};

/// The file with the header of a directory.
const TOC: &str = "toc.dat";
/// Enough to tell.
const HEAD: usize = 1024;
/// Where a tar file says what it is.
const TAR_MARK: std::ops::Range<usize> = 257..262;

/// What is in a file, or under its compression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DumpForm {
    /// A custom archive.
    Custom,
    /// A tar archive.
    Tar,
    /// SQL text.
    Plain,
    /// Nothing.
    Empty,
    /// Something else.
    Unknown,
}

/// What a path is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DumpKind {
    /// A directory with a table of contents.
    Directory,
    /// A file; by what it is compressed as a whole.
    File(DumpForm, Compression),
}

/// What `path` is.
///
/// # Errors
/// When it cannot be read.
pub fn kind_of(path: &Path) -> io::Result<DumpKind> {
    if path.is_dir() {
        let is_dump = path.join(TOC).is_file();
        return Ok(if is_dump { DumpKind::Directory } else { DumpKind::File(DumpForm::Unknown, Compression::None) });
    }
    let head = head(&mut File::open(path)?)?;
    let compression = match head.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Lz4,
        _ => return Ok(DumpKind::File(form(&head), Compression::None)),
    };
    let inner = open(path, compression).and_then(|mut inner| self::head(&mut inner));
    // One whose compression is broken from its beginning on may be anything.
    let form = inner.map_or(DumpForm::Unknown, |inner| form(&inner));
    Ok(DumpKind::File(form, compression))
}

/// A file as it was before it was compressed as a whole.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path, compression: Compression) -> io::Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(128 * 1024, File::open(path)?);
    decompressed(file, compression, Wrapping::File)
}

fn head(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    source.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn form(head: &[u8]) -> DumpForm {
    let text = String::from_utf8_lossy(head);
    let first_words = text.lines().find(|line| !line.trim().is_empty() && *line != "--");
    if head.is_empty() {
        DumpForm::Empty
    } else if head.starts_with(MAGIC) {
        DumpForm::Custom
    } else if head.starts_with(TOC.as_bytes()) && head.get(TAR_MARK) == Some(b"ustar") {
        DumpForm::Tar
    } else if first_words.is_some_and(|line| line.starts_with("-- PostgreSQL database")) {
        DumpForm::Plain
    } else {
        DumpForm::Unknown
    }
}
