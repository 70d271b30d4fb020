//! Fetching secrets from where the configuration says they are, when they are needed and not before.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::client::process::{self, ProcessError};
use crate::config::endpoint::SecretSource;
use crate::config::environment::variable;

/// How long a command may take to print a secret.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(10);

/// More than any secret is long; a larger file is not a secret's.
const MAX_SECRET_SIZE: usize = 64 * 1024;

/// Why a secret cannot be had. No variant carries the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the password file {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is a directory, a pipe, or too large.
    #[error("the password file {} is not a small plain file", .0.display())]
    NotAFile(PathBuf),
    /// Others than the owner may read the file, or write it.
    #[error("the password file {} is readable by others (mode {mode:04o}): run chmod 600", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// What came is not text.
    #[error("the password from {0} is not UTF-8 text")]
    NotText(String),
    /// Nothing came.
    #[error("the password from {0} is empty")]
    Empty(String),
    /// The command did not run to its end.
    #[error("the password command failed")]
    Command(#[source] ProcessError),
    /// The command failed.
    #[error("the password command {program} exited with {status}{}", complaint(.stderr))]
    Status {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// First line of its standard error.
        stderr: String,
    },
}

fn complaint(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}

/// Fetches the secret that `source` describes: its first line, without the line's end.
///
/// # Errors
/// When the source is missing, empty, unreadable, or too readable.
pub async fn fetch(source: &SecretSource) -> Result<SecretString, SecretError> {
    match source {
        SecretSource::File(path) => first_line(&from_file(path).await?, &format!("file {}", path.display())),
        SecretSource::Environment(name) => {
            let value = variable(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
            first_line(value.as_encoded_bytes(), &format!("variable {name}"))
        }
        SecretSource::Command(command) => from_command(command).await,
    }
}

async fn from_file(path: &Path) -> Result<Vec<u8>, SecretError> {
    let read = |source| SecretError::Read { path: path.to_owned(), source };
    let about = tokio::fs::metadata(path).await.map_err(read)?;
    if !about.is_file() || about.len() > MAX_SECRET_SIZE as u64 {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = about.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed { path: path.to_owned(), mode });
        }
    }
    tokio::fs::read(path).await.map_err(read)
}

async fn from_command(command: &[String]) -> Result<SecretString, SecretError> {
    let finished = process::run(command, COMMAND_DEADLINE, MAX_SECRET_SIZE).await.map_err(SecretError::Command)?;
    let program = command.first().cloned().unwrap_or_default();
    if !finished.status.success() {
        let stderr = String::from_utf8_lossy(&finished.stderr);
        let stderr = stderr.lines().next().unwrap_or_default().trim().to_owned();
        return Err(SecretError::Status { program, status: finished.status, stderr });
    }
    first_line(&finished.stdout, &format!("command {program}"))
}

fn first_line(bytes: &[u8], place: &str) -> Result<SecretString, SecretError> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| SecretError::NotText(place.to_owned()))?;
    if text.is_empty() { Err(SecretError::Empty(place.to_owned())) } else { Ok(SecretString::from(text)) }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(content.as_bytes()).expect("written");
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).expect("mode");
        file
    }

    #[tokio::test]
    async fn the_first_line_of_a_private_file_is_the_secret() {
        let file = file("s3cret\r\nnot this\n", 0o600);
        let secret = fetch(&SecretSource::File(file.path().to_owned())).await.expect("a secret");
        assert_eq!(secret.expose_secret(), "s3cret");
    }

    #[tokio::test]
    async fn a_file_that_others_may_read_is_refused_with_its_mode() {
        let file = file("s3cret\n", 0o640);
        let error = fetch(&SecretSource::File(file.path().to_owned())).await.unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600") && !error.contains("s3cret"), "{error}");
    }

    #[tokio::test]
    async fn an_empty_or_missing_secret_is_an_error() {
        let file = file("\nsecond\n", 0o600);
        assert!(matches!(fetch(&SecretSource::File(file.path().to_owned())).await, Err(SecretError::Empty(_))));
        let unset = fetch(&SecretSource::Environment("PGCTL_TEST_NEVER_SET".to_owned())).await;
        assert!(matches!(unset, Err(SecretError::Unset(_))));
        assert!(matches!(fetch(&SecretSource::File("/".into())).await, Err(SecretError::NotAFile(_))));
    }

    #[tokio::test]
    async fn a_command_prints_the_secret_or_tells_its_diagnostic() {
        let command = |words: &[&str]| SecretSource::Command(words.iter().map(|&word| word.to_owned()).collect());
        let secret = fetch(&command(&["printf", "s3cret\nmore"])).await.expect("a secret");
        assert_eq!(secret.expose_secret(), "s3cret");
        let error = fetch(&command(&["sh", "-c", "echo locked >&2; exit 2"])).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 2") && error.ends_with("locked"), "{error}");
    }
}
