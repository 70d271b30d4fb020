//! Where the log goes: to a file, only if asked, never to the screen. Secrets are never in it: what carries them does
//! not print them.

use std::path::Path;

use anyhow::Context as _;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// Begins logging to `path`. The guard writes what is left when it is dropped: keep it until after the terminal is
/// restored.
///
/// # Errors
/// When the file cannot be opened, or `PGCTL_LOG_LEVEL` cannot be read.
pub(super) fn begin(path: &Path) -> anyhow::Result<WorkerGuard> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let file = file.with_context(|| format!("cannot write the log to {}", path.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = match std::env::var("PGCTL_LOG_LEVEL") {
        Ok(level) => EnvFilter::try_new(&level)
            .with_context(|| format!("PGCTL_LOG_LEVEL={level} is no filter; write info, or pgctl=debug"))?,
        Err(_) => EnvFilter::new("info"),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).init();
    Ok(guard)
}
