//! Faults by configured commands: a program with its arguments, run without a shell.

use std::time::Duration;

use crate::action::drill::Part;
use crate::client::process::{self, ProcessError};
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest output that is kept, in bytes.
const MOST_OUTPUT: usize = 2_000;

/// Runs `command` for `part`. An exit code other than 0 is a refusal.
pub(super) async fn run(command: &[Text], part: &Part) -> Result<Reply, NotPerformed> {
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    match process::run(&command, PATIENCE, MOST_OUTPUT).await {
        Ok(finished) if finished.status.success() => Ok(Reply::accepted("done")),
        Ok(finished) => {
            let said = String::from_utf8_lossy(&finished.stderr);
            let words = format!("{} ended with {}: {}", command[0], finished.status, said.trim().replace('\n', "; "));
            // It may have done half of it.
            Err(NotPerformed::NoAnswer(SourceError::new(Trouble::UnexpectedAnswer, part.name(), words)))
        }
        Err(error @ (ProcessError::Empty | ProcessError::Start { .. })) => {
            Err(NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, part.name(), error.to_string())))
        }
        Err(error @ (ProcessError::Lost { .. } | ProcessError::TimedOut { .. })) => {
            Err(NotPerformed::NoAnswer(SourceError::new(Trouble::TimedOut, part.name(), error.to_string())))
        }
    }
}
