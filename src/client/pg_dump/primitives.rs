//! Numbers and strings as an archive writes them: a sign and the bytes of the number, least first; a string after its length.

use std::io::{self, ErrorKind, Read};

use super::error::ArchiveError;

/// Of one string no more is held than this; a definition that is longer is read past.
pub const MAX_TEXT: u64 = 64 * 1024;
/// The most that a header and a table of contents may take in all: some million objects.
const MAX_LENGTH: u64 = 1 << 30;

/// How wide the numbers of one archive are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Widths {
    /// Bytes of a number.
    pub int: u8,
    /// Bytes of a place in the file.
    pub offset: u8,
}

/// Where an entry's data begin, as its archive has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offset {
    /// They are there; where was not written down, since the archive was written into a pipe.
    Unrecorded,
    /// They begin at this byte.
    At(u64),
    /// There are none.
    NoData,
}

/// Reads primitives from `source`, and knows where it is.
#[derive(Debug)]
pub struct Primitives<R> {
    source: R,
    at: u64,
    widths: Widths,
}

impl<R: Read> Primitives<R> {
    /// A reader at byte `at` of an archive.
    pub fn new(source: R, at: u64, widths: Widths) -> Self {
        Self { source, at, widths }
    }

    /// Sets the widths, once the header has told them.
    pub fn set_widths(&mut self, widths: Widths) {
        self.widths = widths;
    }

    /// The next byte's place in the archive.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How wide numbers are.
    pub fn widths(&self) -> Widths {
        self.widths
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// Where the source ends before it, or fails.
    pub fn bytes(&mut self, buffer: &mut [u8], what: &'static str) -> Result<(), ArchiveError> {
        self.source.read_exact(buffer).map_err(|error| self.ended(error, what))?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn byte(&mut self, what: &'static str) -> Result<u8, ArchiveError> {
        let mut byte = [0];
        self.bytes(&mut byte, what)?;
        Ok(byte[0])
    }

    /// One byte, or `None` where the source ends exactly here.
    ///
    /// # Errors
    /// Where the source fails.
    pub fn byte_or_end(&mut self) -> Result<Option<u8>, ArchiveError> {
        let mut byte = [0];
        loop {
            match self.source.read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => {
                    self.at += 1;
                    return Ok(Some(byte[0]));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A number.
    ///
    /// # Errors
    /// As [`Self::bytes`], and for one that no 32 bits hold.
    pub fn int(&mut self, what: &'static str) -> Result<i32, ArchiveError> {
        let begin = self.at;
        let sign = self.byte(what)?;
        let mut bytes = [0; 8];
        let width = usize::from(self.widths.int).min(bytes.len());
        self.bytes(&mut bytes[..width], what)?;
        let size = i64::try_from(u64::from_le_bytes(bytes)).unwrap_or(i64::MAX);
        let damaged = |words: &str| ArchiveError::Damaged { at: begin, what: format!("{words} in {what}") };
        let value = match sign {
            0 => size,
            1 if size > 0 => -size,
            _ => return Err(damaged("no sign")),
        };
        i32::try_from(value).map_err(|_| damaged("a number beyond any"))
    }

    /// A length or count: a number that is not negative.
    ///
    /// # Errors
    /// As [`Self::int`], and for a negative one.
    pub fn count(&mut self, what: &'static str) -> Result<u64, ArchiveError> {
        let begin = self.at;
        let value = self.int(what)?;
        u64::try_from(value)
            .map_err(|_| ArchiveError::Damaged { at: begin, what: format!("{value} as the length of {what}") })
    }

    /// A string; `None`: it is absent. Of a longer one than [`MAX_TEXT`] the beginning.
    ///
    /// # Errors
    /// As [`Self::int`].
    pub fn text(&mut self, what: &'static str) -> Result<Option<String>, ArchiveError> {
        let Some(length) = self.text_length(what)? else { return Ok(None) };
        let held = length.min(MAX_TEXT);
        let mut bytes = vec![0; usize::try_from(held).unwrap_or(0)];
        self.bytes(&mut bytes, what)?;
        self.skip(length - held, what)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Reads past a string; whether there was any.
    ///
    /// # Errors
    /// As [`Self::int`].
    pub fn skip_text(&mut self, what: &'static str) -> Result<bool, ArchiveError> {
        let Some(length) = self.text_length(what)? else { return Ok(false) };
        self.skip(length, what)?;
        Ok(length > 0)
    }

    fn text_length(&mut self, what: &'static str) -> Result<Option<u64>, ArchiveError> {
        let begin = self.at;
        let length = self.int(what)?;
        match u64::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(ArchiveError::Damaged { at: begin, what: format!("{length} as the length of {what}") }),
        }
    }

    /// Reads past `length` bytes.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn skip(&mut self, length: u64, what: &'static str) -> Result<(), ArchiveError> {
        if self.at.saturating_add(length) > MAX_LENGTH {
            return Err(ArchiveError::TooLarge { what: "table of contents", limit: MAX_LENGTH });
        }
        let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
        self.at += skipped;
        if skipped == length { Ok(()) } else { Err(ArchiveError::Truncated { at: self.at, what }) }
    }

    /// Where an entry's data are.
    ///
    /// # Errors
    /// As [`Self::bytes`], and for a state that is none.
    pub fn offset(&mut self) -> Result<Offset, ArchiveError> {
        let begin = self.at;
        let state = self.byte("an entry")?;
        let mut bytes = [0; 8];
        let width = usize::from(self.widths.offset).min(bytes.len());
        self.bytes(&mut bytes[..width], "an entry")?;
        match state {
            1 => Ok(Offset::Unrecorded),
            2 => Ok(Offset::At(u64::from_le_bytes(bytes))),
            3 => Ok(Offset::NoData),
            other => Err(ArchiveError::Damaged { at: begin, what: format!("{other} as the state of an entry's data") }),
        }
    }

    fn ended(&self, error: io::Error, what: &'static str) -> ArchiveError {
        match error.kind() {
            ErrorKind::UnexpectedEof => ArchiveError::Truncated { at: self.at, what },
            _ => error.into(),
        }
    }
}
