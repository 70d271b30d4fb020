//! Pointing a pooler at another member: the command that is configured for it, then RELOAD. Whether it has moved is for its console
//! to say.

use std::time::Duration;

use super::act::{PoolerActor, RESUME_TIMEOUT};
use super::failure_kind::source_error;
use crate::action::pooler_release::PoolerTarget;
use crate::client::pgbouncer::PoolerCommand;
use crate::client::process;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// Longest run of the command.
const REPOINT_TIMEOUT: Duration = Duration::from_secs(8);
/// What is kept of its words.
const OUTPUT_LIMIT: usize = 4096;

impl PoolerActor {
    /// Runs the command that writes `target` into its configuration, and has it read that.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    pub async fn repoint(&mut self, target: &PoolerTarget) -> Result<Reply, NotPerformed> {
        let line = target.fill(&self.configured.repoint);
        let at = |error: String| SourceError::new(FailureKind::Unsupported, self.configured.name.as_str(), error);
        if line.is_empty() {
            return Err(NotPerformed::NotSent(at("no command re-points it (repoint)".to_owned())));
        }
        let ran = process::run(&line, REPOINT_TIMEOUT, OUTPUT_LIMIT).await;
        let ran = ran.map_err(|error| NotPerformed::NoAnswer(at(error.to_string())))?;
        if !ran.status.success() {
            let words = String::from_utf8_lossy(&ran.stderr);
            return Ok(Reply::in_doubt(format!("{} failed ({}): {}", line[0], ran.status, words.trim())));
        }
        let mut writer = self.writer().await?;
        let place = Text::new(self.configured.address.to_string());
        match writer.send(&PoolerCommand::Reload, RESUME_TIMEOUT).await {
            Ok(Ok(())) => {
                self.ready = Some(writer);
                Ok(Reply::accepted("command run, RELOAD"))
            }
            Ok(Err(refusal)) => {
                self.ready = Some(writer);
                Ok(Reply::in_doubt(format!("RELOAD: {refusal}")))
            }
            Err(error) => Err(NotPerformed::NoAnswer(source_error(&error, &place, None))),
        }
    }
}
