//! The lines of a file, the last one first. What grows for years is read from its end.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// How much is read at once.
const CHUNK_SIZE: u64 = 64 << 10;

/// Yields whole lines without their ends, the last one first. Half a line at the end of the file is passed over: somebody is
/// writing it, or died while writing it.
#[derive(Debug)]
pub struct ReverseLines {
    file: File,
    /// Bytes of the file before `kept`.
    before: u64,
    /// What was read and is not handed out yet.
    kept: Vec<u8>,
    begun: bool,
    piece: u64,
}

impl ReverseLines {
    /// The lines of `file`.
    ///
    /// # Errors
    /// When its length cannot be told.
    pub fn of(file: File) -> io::Result<Self> {
        let before = file.metadata()?.len();
        Ok(Self { file, before, kept: Vec::new(), begun: false, piece: CHUNK_SIZE })
    }

    /// Reads the piece before what is kept; false at the beginning of the file.
    fn more(&mut self) -> io::Result<bool> {
        let length = self.before.min(self.piece);
        if length == 0 {
            return Ok(false);
        }
        self.before -= length;
        self.file.seek(SeekFrom::Start(self.before))?;
        let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file.read_exact(&mut piece)?;
        piece.append(&mut self.kept);
        self.kept = piece;
        Ok(true)
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        // Where the search for the end of the line before goes on after more was read.
        let mut known = 0;
        loop {
            let unsearched = self.kept.len() - known;
            if let Some(end) = self.kept[..unsearched].iter().rposition(|byte| *byte == b'\n') {
                let line = self.kept.split_off(end + 1);
                self.kept.truncate(end);
                if std::mem::replace(&mut self.begun, true) {
                    return Ok(Some(line));
                }
                known = 0;
                continue;
            }
            known = self.kept.len();
            if !self.more()? {
                let last = std::mem::take(&mut self.kept);
                let whole = self.begun && !last.is_empty();
                return Ok(whole.then_some(last));
            }
        }
    }
}

impl Iterator for ReverseLines {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn backwards(text: &[u8]) -> Vec<Vec<u8>> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text).expect("written");
        ReverseLines::of(file).expect("its length").collect::<io::Result<_>>().expect("lines")
    }

    #[rstest]
    #[case("", &[])]
    #[case("one\n", &["one"])]
    #[case("one\ntwo\n", &["two", "one"])]
    #[case("one\ntwo\nhalf", &["two", "one"])]
    #[case("half", &[])]
    #[case("one\n\nthree\n", &["three", "", "one"])]
    fn whole_lines_come_the_last_one_first(#[case] text: &str, #[case] expected: &[&str]) {
        let expected: Vec<Vec<u8>> = expected.iter().map(|line| line.as_bytes().to_vec()).collect();
        assert_eq!(backwards(text.as_bytes()), expected);
    }

    #[test]
    fn lines_longer_than_what_is_read_at_once_are_whole() {
        let long = "x".repeat(200_000);
        assert_eq!(backwards(format!("a\n{long}\nb\n").as_bytes()), [b"b".to_vec(), long.into_bytes(), b"a".to_vec()]);
    }

    proptest! {
        #[test]
        fn they_are_the_lines_that_reading_forwards_finds(
            lines in proptest::collection::vec("[a-z]{0,9}", 0..20), piece in 1u64..12
        ) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
            // An empty first line has nothing before its end by which to know it.
            prop_assume!(lines.first().is_none_or(|line| !line.is_empty()));
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            let read = ReverseLines { piece, ..ReverseLines::of(file).expect("its length") };
            let read: Vec<Vec<u8>> = read.collect::<io::Result<_>>().expect("lines");
            let expected: Vec<Vec<u8>> = lines.iter().rev().map(|line| line.clone().into_bytes()).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
