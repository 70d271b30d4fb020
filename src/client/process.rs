//! Child processes: the one place where they are started. No shell, no terminal, bounded in time and in output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt as _};

/// How a child process came out.
#[derive(Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output, cut at the limit asked for.
    pub stdout: Vec<u8>,
    /// Standard error, cut at the same limit.
    pub stderr: Vec<u8>,
}

/// Why a child process has no result.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no program to start.
    #[error("the command is empty")]
    Empty,
    /// It could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Its output could not be read, or its end not be awaited.
    #[error("lost {program} while it ran")]
    Lost {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ran longer than allowed, and was killed.
    #[error("{program} did not end within {:.1} s", .deadline.as_secs_f64())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        deadline: Duration,
    },
}

/// Runs `command` (a program and its arguments) to its end, with no standard input, and keeps at most `limit` bytes
/// of each output. A child that outlives `deadline`, or whose caller goes away, is killed.
///
/// # Errors
/// When the program does not start or does not end in time. An exit status other than 0 is a result, not an error.
pub async fn run(command: &[String], deadline: Duration, limit: usize) -> Result<Finished, ProcessError> {
    let (program, arguments) = command.split_first().ok_or(ProcessError::Empty)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place where child processes are started")]
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A group of its own: Ctrl-C in the console is not meant for it, and it cannot read the console's terminal.
    #[cfg(unix)]
    child.process_group(0);
    let mut child = child.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let finish = async {
        let (stdout, stderr, status) = tokio::try_join!(drain(stdout, limit), drain(stderr, limit), child.wait())?;
        Ok(Finished { status, stdout, stderr })
    };
    match tokio::time::timeout(deadline, finish).await {
        Ok(outcome) => outcome.map_err(|source| ProcessError::Lost { program: program.clone(), source }),
        Err(_) => Err(ProcessError::TimedOut { program: program.clone(), deadline }),
    }
}

/// Runs `command` in the terminal of this process, to its end, with `environment` added to the present one. For programs
/// that talk to the operator; the caller has given the terminal up before.
///
/// # Errors
/// When the program does not start, or its end cannot be awaited.
pub async fn attach(command: &[String], environment: &[(String, SecretString)]) -> Result<ExitStatus, ProcessError> {
    let (program, arguments) = command.split_first().ok_or(ProcessError::Empty)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place where child processes are started")]
    let mut child = tokio::process::Command::new(program);
    child.args(arguments);
    for (name, value) in environment {
        child.env(name, value.expose_secret());
    }
    let mut child = child.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    child.wait().await.map_err(|source| ProcessError::Lost { program: program.clone(), source })
}

/// Runs `command` to its end with `input` on its standard input and its output thrown away. A child that outlives
/// `deadline`, or whose caller goes away, is killed.
///
/// # Errors
/// As [`run`].
pub async fn feed(command: &[String], input: &[u8], deadline: Duration) -> Result<ExitStatus, ProcessError> {
    let (program, arguments) = command.split_first().ok_or(ProcessError::Empty)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place where child processes are started")]
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    child.process_group(0);
    let mut child = child.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let stdin = child.stdin.take();
    let finish = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input is no error.
            let _ = stdin.write_all(input).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(deadline, finish).await {
        Ok(outcome) => outcome.map_err(|source| ProcessError::Lost { program: program.clone(), source }),
        Err(_) => Err(ProcessError::TimedOut { program: program.clone(), deadline }),
    }
}

/// Starts `command` and leaves it to itself: nothing of this process's terminal is its own, and it goes on when this
/// process ends. Returns its number. The child should call [`own_session`] first of all.
///
/// # Errors
/// When the program does not start.
pub fn leave(command: &[String]) -> Result<Option<u32>, ProcessError> {
    let (program, arguments) = command.split_first().ok_or(ProcessError::Empty)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place where child processes are started")]
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(false);
    let child = child.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    // Dropped, not awaited: the runtime collects it when it ends.
    Ok(child.id())
}

/// Makes this process the first of a session of its own, so that the end of the session that started it, and Ctrl-C in
/// that one's terminal, do not reach it. It must do so itself: the one who starts it has no safe way to.
///
/// # Errors
/// When it leads a process group already, as a program that was typed into a shell does.
#[cfg(unix)]
pub fn own_session() -> io::Result<()> {
    rustix::process::setsid().map(|_| ()).map_err(io::Error::from)
}

/// Reads to the end and keeps the first `limit` bytes. Output past the limit is read and dropped: a child that is
/// left with a full pipe would never end.
async fn drain(output: Option<impl AsyncRead + Unpin>, limit: usize) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut output) = output {
        (&mut output).take(limit as u64).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut output, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn output_past_the_limit_is_dropped_and_the_child_still_ends() {
        let finished = run(&shell("head -c 1000000 /dev/zero; exit 3"), PATIENCE, 10).await.expect("it ran");
        assert_eq!((finished.stdout.len(), finished.status.code()), (10, Some(3)));
    }

    #[tokio::test]
    async fn a_child_that_is_left_to_itself_outlives_its_handle() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("written");
        let child = leave(&shell(&format!("sleep 0.2; echo here > {}", file.display()))).expect("it started");
        assert!(child.is_some());
        let began = std::time::Instant::now();
        while std::fs::read(&file).is_ok_and(|text| text == b"here\n").eq(&false) {
            assert!(began.elapsed() < PATIENCE, "it was ended with its handle");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_hangs_is_given_up_and_a_missing_one_is_named() {
        let hung = run(&shell("sleep 60"), Duration::from_millis(50), 10).await;
        assert!(matches!(hung, Err(ProcessError::TimedOut { .. })));
        let missing = run(&["/nonexistent/program".to_owned()], PATIENCE, 10).await;
        assert_eq!(missing.map(|_| ()).unwrap_err().to_string(), "cannot start /nonexistent/program");
        assert!(matches!(run(&[], PATIENCE, 10).await, Err(ProcessError::Empty)));
    }
}
