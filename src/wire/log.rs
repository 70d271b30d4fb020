//! Where the log goes: to a file, only if asked, never to the screen. Secrets are never in it: what carries them does
//! not print them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use tracing::Subscriber;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::environment::Environment;
use crate::model::text::Text;

/// Begins logging to `path`. The guard writes what is left when it is dropped: keep it until after the terminal is
/// restored.
///
/// # Errors
/// When the file cannot be opened, or `PGCTL_LOG_LEVEL` cannot be read.
pub(super) fn begin(path: &Path) -> anyhow::Result<WorkerGuard> {
    let file = open(path).with_context(|| format!("cannot write the log to {}", path.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = match Environment::of_process().get("PGCTL_LOG_LEVEL") {
        Some(level) => EnvFilter::try_new(level)
            .with_context(|| format!("PGCTL_LOG_LEVEL={level} is not a valid filter; use info or pgctl=debug"))?,
        None => EnvFilter::new("info"),
    };
    subscriber(filter, writer).init();
    Ok(guard)
}

/// A log may tell more of a cluster than everybody should know, and its place may be one where everybody can put a link.
fn open(path: &Path) -> io::Result<File> {
    let follow_no_link = rustix::fs::OFlags::NOFOLLOW.bits();
    OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(follow_no_link.cast_signed()).open(path)
}

fn subscriber<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(Cleaned(writer)).with_ansi(false).finish()
}

/// Writes lines without what a terminal would obey and with passwords masked: errors carry words from outside, and logs
/// are read in terminals.
struct Cleaned<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Cleaned<W> {
    type Writer = Cleaned<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Cleaned(self.0.make_writer())
    }
}

impl<W: Write> Write for Cleaned<W> {
    /// Each event comes whole, in one call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = Text::redacted(String::from_utf8_lossy(event).trim_end());
        self.0.write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_log_is_its_owners_alone_and_follows_no_link() {
        let home = tempfile::tempdir().expect("a directory");
        let log = home.path().join("log");
        drop(open(&log).expect("made"));
        assert_eq!(std::fs::metadata(&log).expect("there").permissions().mode() & 0o777, 0o600);
        drop(open(&log).expect("appended to"));
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &link).expect("a link");
        assert!(open(&link).is_err());
        assert!(!home.path().join("elsewhere").exists());
    }

    #[test]
    fn what_a_terminal_obeys_is_written_as_letters_since_logs_are_read_in_terminals() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let writer = file.reopen().expect("the same file");
        let log = subscriber(EnvFilter::new("debug"), std::sync::Mutex::new(writer));
        tracing::subscriber::with_default(log, || {
            let error = "pg\u{1b}]0;owned\u{7}-0 \u{9b}2J gone\nforged line";
            tracing::warn!(%error, name = error, "cannot ask {error}, password=s3cret");
            tracing::warn!("the next line");
        });
        let text = std::fs::read_to_string(file.path()).expect("a log");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("cannot ask pg") && lines[0].contains("forged line"), "{text}");
        assert!(lines[1].ends_with("the next line"), "{text}");
        assert!(!lines.iter().any(|line| line.chars().any(char::is_control)), "{text:?}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}
