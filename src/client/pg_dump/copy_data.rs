//! The data of a table as COPY has them: a line a row, and at the end `\.` on a line of its own, which pg_dump follows by two empty
//! lines. A line feed within a value is written as `\n`, so that lines are rows.

use std::io::{self, ErrorKind, Read};

/// What pg_dump ends the data of a table with.
const END: &[u8] = b"\\.\n\n\n";
/// Line feeds of [`END`].
const LINES_OF_THE_END: u64 = 3;

/// What was read of the data of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopiedRows {
    /// Bytes, decompressed.
    pub bytes: u64,
    /// Rows before the end, or before where it stops.
    pub rows: u64,
    /// The end is there.
    pub is_complete: bool,
}

/// Reads `data` to its end and counts.
///
/// # Errors
/// Where it cannot be read or decompressed to its end.
pub fn count_rows(data: &mut dyn Read, buffer: &mut [u8]) -> io::Result<CopiedRows> {
    let mut tail: Vec<u8> = Vec::with_capacity(END.len() + 1);
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
        lines += memchr::memchr_iter(b'\n', part).count() as u64;
        // One more than the end itself: the line before it must be over.
        let kept = END.len() + 1;
        if part.len() >= kept {
            tail.clear();
            tail.extend_from_slice(&part[part.len() - kept..]);
        } else {
            tail.extend_from_slice(part);
            let surplus = tail.len().saturating_sub(kept);
            tail.drain(..surplus);
        }
    }
    let is_complete =
        tail.ends_with(END) && tail.len().checked_sub(END.len() + 1).is_none_or(|before| tail[before] == b'\n');
    Ok(CopiedRows { bytes, rows: if is_complete { lines - LINES_OF_THE_END } else { lines }, is_complete })
}
