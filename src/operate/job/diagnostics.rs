//! What the process of a job complained of before it could write news: a configuration that is wrong by now, a secret that
//! is missing, a defect of the program itself.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;

use super::Job;
use super::error::JobError;
use crate::model::text::Text;

/// Name of the file.
const STDERR_FILE: &str = "stderr";
/// Most bytes that are read of it, from its end.
const MAX_ENTRIES: u64 = 16 << 10;
/// Most lines that are told.
const MAX_LINES: usize = 50;

impl Job {
    /// The file for what its process complains of. Its owner alone can read it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn diagnostics_file(&self) -> Result<File, JobError> {
        let path = self.directory().join(STDERR_FILE);
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        file.map_err(|source| JobError::Write { path, source })
    }

    /// What its process complained of, the last lines of it.
    ///
    /// # Errors
    /// When that is there and cannot be read.
    pub fn diagnostics(&self) -> Result<Vec<Text>, JobError> {
        let path = self.directory().join(STDERR_FILE);
        let reported = |source| JobError::Read { path: path.clone(), source };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(reported(source)),
        };
        let length = file.metadata().map_err(reported)?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_ENTRIES))).map_err(reported)?;
        let mut text = Vec::new();
        file.take(MAX_ENTRIES).read_to_end(&mut text).map_err(reported)?;
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<Text> = text.lines().map(Text::redacted).filter(|line| !line.is_empty()).collect();
        Ok(lines[lines.len().saturating_sub(MAX_LINES)..].to_vec())
    }
}
