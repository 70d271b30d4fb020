//! The data of a custom archive: blocks behind the table of contents, each of chunks behind their lengths, to the end of the file.

use std::io::{self, BufRead, Read};

use super::error::ArchiveError;
use super::primitives::{Primitives, Widths};

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BlockKind {
    /// The data of one entry.
    Data,
    /// Large objects, each behind its oid.
    LargeObjects,
}

/// The head of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockHead {
    /// What it holds.
    pub kind: BlockKind,
    /// The entry it belongs to.
    pub dump_id: i32,
}

/// The longest chunk that `pg_dump` writes is one buffer of data; no honest one is near this.
const MAX_CHUNK: u64 = 1 << 30;

/// Reads the head of the next block; `None`: the archive ends here, as it should.
///
/// # Errors
/// For anything else.
pub fn next_block<R: Read>(source: &mut Primitives<R>) -> Result<Option<BlockHead>, ArchiveError> {
    let at = source.at();
    let kind = match source.byte_or_end()? {
        None => return Ok(None),
        Some(1) => BlockKind::Data,
        Some(3) => BlockKind::LargeObjects,
        Some(other) => return Err(ArchiveError::Damaged { at, what: format!("{other} as the kind of a block") }),
    };
    let dump_id = source.int("the head of a block")?;
    if dump_id <= 0 {
        return Err(ArchiveError::Damaged { at, what: format!("{dump_id} as the entry of a block") });
    }
    Ok(Some(BlockHead { kind, dump_id }))
}

/// The oid of the next large object of a block; `None`: there is no more.
///
/// # Errors
/// Where the archive ends or fails.
pub fn next_large_object<R: Read>(source: &mut Primitives<R>) -> Result<Option<u32>, ArchiveError> {
    // An oid is unsigned and is written as a number with a sign: the upper half comes as negative ones.
    let oid = source.int("a large object")?;
    Ok((oid != 0).then_some(oid.cast_unsigned()))
}

/// The chunks of one block, or of one large object, as one stream. It ends with the chunk of length 0, which is read past.
#[derive(Debug)]
pub struct Chunks<'a, R> {
    source: &'a mut Primitives<R>,
    buffer: Vec<u8>,
    used: usize,
    left: u64,
    ended: bool,
}

/// Held of a chunk at once.
const BUFFER: usize = 64 * 1024;

impl<'a, R: Read> Chunks<'a, R> {
    /// The chunks that begin where `source` is.
    pub fn new(source: &'a mut Primitives<R>) -> Self {
        Self { source, buffer: Vec::new(), used: 0, left: 0, ended: false }
    }

    /// Reads what is left of them, and tells how many bytes that were: behind the end of what is compressed there is to be
    /// nothing.
    ///
    /// # Errors
    /// As reading.
    pub fn finish(mut self) -> io::Result<u64> {
        let mut surplus = 0;
        loop {
            let length = self.fill_buf()?.len();
            if length == 0 {
                return Ok(surplus);
            }
            surplus += length as u64;
            self.consume(length);
        }
    }

    fn refill(&mut self) -> Result<(), ArchiveError> {
        if self.left == 0 {
            let at = self.source.at();
            self.left = self.source.count("a chunk of data")?;
            if self.left > MAX_CHUNK {
                return Err(ArchiveError::Damaged { at, what: format!("a chunk of {} bytes", self.left) });
            }
            if self.left == 0 {
                self.ended = true;
                return Ok(());
            }
        }
        let length = usize::try_from(self.left).unwrap_or(BUFFER).min(BUFFER);
        self.buffer.resize(length, 0);
        self.used = 0;
        // What is announced must be there.
        let read = self.source.bytes(&mut self.buffer, "a chunk of data");
        if read.is_err() {
            self.buffer.clear();
        }
        read?;
        self.left -= length as u64;
        Ok(())
    }
}

impl<R: Read> Read for Chunks<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = {
            let available = self.fill_buf()?;
            let length = available.len().min(into.len());
            into[..length].copy_from_slice(&available[..length]);
            length
        };
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Chunks<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.buffer.len() && !self.ended {
            self.refill().map_err(|error| match error {
                ArchiveError::Io(error) => error,
                other => io::Error::new(io::ErrorKind::InvalidData, other),
            })?;
            if self.ended {
                self.buffer.clear();
                self.used = 0;
            }
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, length: usize) {
        self.used = (self.used + length).min(self.buffer.len());
    }
}

/// Widths before a header has told them: of the magic alone nothing depends on them.
pub const UNKNOWN_WIDTHS: Widths = Widths { int: 4, offset: 8 };
