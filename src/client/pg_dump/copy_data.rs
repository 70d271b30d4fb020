//! The data of a table as `pg_dump` writes them. For COPY: a line a row, and at the end `\.` on a line of its own, which is followed by two
//! empty lines; a line feed within a value is written as `\n`, so that lines are rows. As INSERT statements: at the end two empty lines.

use std::io::{self, ErrorKind, Read};

/// How the data of a table are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataForm {
    /// For COPY.
    Copy,
    /// As statements.
    Statements,
    /// As they are: large objects.
    Raw,
}

impl DataForm {
    /// What `pg_dump` ends such data with.
    fn end(self) -> &'static [u8] {
        match self {
            Self::Copy => b"\\.\n\n\n",
            Self::Statements => b"\n\n",
            Self::Raw => b"",
        }
    }
}

/// Line feeds of the end of rows for COPY.
const LINES_OF_THE_END: u64 = 3;
/// One more than the longest end: the line before it must be over.
const TAIL: usize = 6;

/// What was read of the data of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadData {
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Rows before the end, or before where it stops; `None`: they are not written a line each.
    pub rows: Option<u64>,
    /// The end is there.
    pub is_complete: bool,
}

/// Reads `data` to its end, and counts rows where `form` has them.
///
/// # Errors
/// Where it cannot be read or decompressed to its end.
pub fn read_data(data: &mut dyn Read, form: DataForm, buffer: &mut [u8]) -> io::Result<ReadData> {
    let mut tail: Vec<u8> = Vec::with_capacity(2 * TAIL);
    let (mut bytes, mut lines) = (0_u64, 0_u64);
    loop {
        let read = match data.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = &buffer[..read];
        bytes += read as u64;
        if form == DataForm::Copy {
            lines += memchr::memchr_iter(b'\n', part).count() as u64;
        }
        tail.extend_from_slice(&part[part.len().saturating_sub(TAIL)..]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
    let end = form.end();
    let ends = tail.ends_with(end);
    let begins_a_line = tail.len().checked_sub(end.len() + 1).is_none_or(|before| tail[before] == b'\n');
    let (rows, is_complete) = match form {
        DataForm::Copy if ends && begins_a_line => (Some(lines - LINES_OF_THE_END), true),
        DataForm::Copy => (Some(lines), false),
        DataForm::Statements | DataForm::Raw => (None, ends),
    };
    Ok(ReadData { bytes, rows, is_complete })
}
