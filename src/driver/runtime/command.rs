//! Faults by configured commands: a program with its arguments, run without a shell.

use std::time::Duration;

use crate::action::drill::ClusterPart;
use crate::client::process::{self, ProcessError};
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{FailureKind, SourceError};

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest output that is kept, in bytes.
const MAX_OUTPUT: usize = 2_000;

/// Runs `command` for `part`. An exit code other than 0 is a refusal.
pub(super) async fn run(command: &[String], part: &ClusterPart) -> Result<Reply, NotPerformed> {
    match process::run(command, TIMEOUT, MAX_OUTPUT).await {
        Ok(finished) if finished.status.success() => Ok(Reply::accepted("done")),
        Ok(finished) => {
            let said = String::from_utf8_lossy(&finished.stderr);
            let words = format!("{} exited with {}: {}", command[0], finished.status, said.trim().replace('\n', "; "));
            // It may have done half of it.
            Err(NotPerformed::NoAnswer(SourceError::new(FailureKind::UnexpectedAnswer, part.name(), words)))
        }
        Err(error @ (ProcessError::Empty | ProcessError::Start { .. })) => {
            Err(NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, part.name(), error.to_string())))
        }
        Err(error @ (ProcessError::Lost { .. } | ProcessError::TimedOut { .. })) => {
            Err(NotPerformed::NoAnswer(SourceError::new(FailureKind::TimedOut, part.name(), error.to_string())))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::action::drill::{FaultKind, InjectionMethod};
    use crate::config::resolved::{DrillSettings, FaultCommands, FaultKind as Written};
    use crate::driver::runtime::find::{PartLocation, injection_methods};
    use crate::model::name::NodeName;

    #[tokio::test]
    async fn a_configured_command_is_run_word_for_word_and_not_as_it_would_be_shown() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("said");
        // A comment, line breaks, blanks at the end, and a zero-width character: all of it changes when it is cleaned.
        let script = format!("set -e\n# a note\nprintf '%s' \"$1\" > {}\n", file.display());
        let make: Vec<String> = ["sh", "-c", &script, "sh", "a\tb\u{200b}  "].map(str::to_owned).to_vec();
        let commands = FaultCommands { make, repair: vec!["true".to_owned()] };
        let faults = BTreeMap::from([(("pg-0".to_owned(), Written::Kill), commands)]);
        let settings = DrillSettings { faults, ..DrillSettings::default() };
        let part = ClusterPart::Member(NodeName::new("pg-0"));
        let parts = BTreeMap::from([(part.clone(), PartLocation::default())]);
        let found = injection_methods(&settings, "unix:///nonexistent", &parts).await;
        let Some(Ok(InjectionMethod::Command { make, .. })) = found.get(&(part.clone(), FaultKind::Kill)) else {
            panic!("by command: {found:?}")
        };
        assert!(run(make, &part).await.expect("it ran").is_accepted());
        assert_eq!(std::fs::read_to_string(&file).expect("it was run"), "a\tb\u{200b}  ");
        // Over the file that a job reads it from, too.
        let written = serde_json::to_string(make).expect("JSON");
        assert_eq!(&serde_json::from_str::<Vec<String>>(&written).expect("JSON"), make);
    }
}
