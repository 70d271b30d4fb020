//! Reading a file of lines that grows, each time from where it was left.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::error::JobError;

/// A file of JSON lines with the place up to which it was read.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// Opened once it is there.
    file: Option<File>,
    /// Half a line that was read already.
    half: Vec<u8>,
}

impl Tail {
    /// The file at `path`, from its beginning. It need not be there yet.
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path, file: None, half: Vec::new() }
    }

    /// Every whole line that has come since. Half a line at the end is of a process that writes it, or died while it wrote
    /// it.
    pub(super) fn news<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, JobError> {
        let reported = |source| JobError::Read { path: self.path.clone(), source };
        let file = match &mut self.file {
            Some(file) => file,
            None => match File::open(&self.path) {
                Ok(file) => self.file.insert(file),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(source) => return Err(reported(source)),
            },
        };
        file.read_to_end(&mut self.half).map_err(reported)?;
        let Some(end) = self.half.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let rest = self.half.split_off(end + 1);
        let whole = std::mem::replace(&mut self.half, rest);
        let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(JobError::from)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn only_what_is_new_is_read_and_half_a_line_waits_for_its_other_half() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lines");
        let mut tail = Tail::of(path.clone());
        let mut news = || tail.news::<u32>().unwrap();
        assert_eq!(news(), [0; 0], "not there yet");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"1\n2\n3").unwrap();
        assert_eq!(news(), [1, 2]);
        assert_eq!(news(), [0; 0]);
        file.write_all(b"4\n5\n").unwrap();
        assert_eq!(news(), [34, 5]);
        // What was read before is not looked at again.
        file.set_len(0).unwrap();
        assert_eq!(news(), [0; 0]);
    }
}
