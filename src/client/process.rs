//! Child processes: the one place where they are started. No shell, no terminal, bounded in time and in output, without
//! the passwords that this process was given in its environment.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::config::environment::variable;

/// How a child process came out.
#[derive(Debug)]
pub struct ProcessOutput {
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
    #[error("lost track of {program} while it ran")]
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

/// How long the outputs of a child that has ended are read on: something that it left behind may hold them open for ever.
const PIPE_GRACE: Duration = Duration::from_millis(100);

/// Says to a process that [`spawn_detached`] has started it.
const LEFT_VARIABLE: &str = "PGCTL_LEFT";

/// Variables that hold passwords. libpq's own is one always.
static SECRET: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Keeps the variables called `names` from every child that is not this program itself.
pub fn withhold(names: impl IntoIterator<Item = String>) {
    SECRET.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
}

fn command(line: &[String]) -> Result<(Command, String), ProcessError> {
    let (program, arguments) = line.split_first().ok_or(ProcessError::Empty)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place where child processes are started")]
    let mut command = Command::new(program);
    command.args(arguments);
    Ok((command, program.clone()))
}

/// Takes the passwords out of what `command` inherits.
fn without_secrets(command: &mut Command) -> &mut Command {
    command.env_remove("PGPASSWORD").env_remove(LEFT_VARIABLE);
    for name in &*SECRET.lock().unwrap_or_else(PoisonError::into_inner) {
        command.env_remove(name);
    }
    command
}

/// The process group of a child, which is killed with all that the child has started when this is dropped.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self(number.and_then(rustix::process::Pid::from_raw))
    }

    /// The child has ended and its number may be somebody else's: what it has left behind is meant to stay.
    fn let_go(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended in this very moment.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Runs `line` (a program and its arguments) to its end, with no standard input, and keeps at most `limit` bytes
/// of each output. A child that outlives `deadline`, or whose caller goes away, is killed with all that it has started.
///
/// # Errors
/// When the program does not start or does not end in time. An exit status other than 0 is a result, not an error.
pub async fn run(line: &[String], deadline: Duration, limit: usize) -> Result<ProcessOutput, ProcessError> {
    let (mut command, program) = command(line)?;
    without_secrets(&mut command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: Ctrl-C in the console is not meant for it, and it cannot read the console's terminal.
        .process_group(0)
        .kill_on_drop(true);
    let lost = |source| ProcessError::Lost { program: program.clone(), source };
    let mut child = command.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let mut group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let finish = async {
        let mut reading = std::pin::pin!(async {
            tokio::try_join!(drain(stdout, limit, &mut out), drain(stderr, limit, &mut err)).map(|_| ())
        });
        let status = tokio::select! {
            read = &mut reading => {
                read?;
                child.wait().await?
            }
            status = child.wait() => {
                let status = status?;
                if let Ok(read) = tokio::time::timeout(PIPE_GRACE, reading).await {
                    read?;
                }
                status
            }
        };
        Ok(status)
    };
    match tokio::time::timeout(deadline, finish).await {
        Ok(outcome) => {
            let status = outcome.map_err(lost)?;
            group.let_go();
            Ok(ProcessOutput { status, stdout: out, stderr: err })
        }
        Err(_) => Err(ProcessError::TimedOut { program, deadline }),
    }
}

/// Runs `line` in the terminal of this process, to its end, with `environment` added to the present one, from which
/// passwords are taken. For programs that talk to the operator; the caller has given the terminal up before.
///
/// # Errors
/// When the program does not start, or its end cannot be awaited.
pub async fn run_attached(line: &[String], environment: &[(String, SecretString)]) -> Result<ExitStatus, ProcessError> {
    let (mut command, program) = command(line)?;
    without_secrets(&mut command);
    for (name, value) in environment {
        command.env(name, value.expose_secret());
    }
    let mut child = command.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    child.wait().await.map_err(|source| ProcessError::Lost { program, source })
}

/// Runs `line` to its end with `input` on its standard input and its output thrown away. A child that outlives
/// `deadline`, or whose caller goes away, is killed with all that it has started.
///
/// # Errors
/// As [`run`].
pub async fn run_with_input(line: &[String], input: &[u8], deadline: Duration) -> Result<ExitStatus, ProcessError> {
    let (mut command, program) = command(line)?;
    without_secrets(&mut command)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let mut group = Group::of(&child);
    let stdin = child.stdin.take();
    let finish = async {
        let writes = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input is no error.
                let _ = stdin.write_all(input).await;
            }
        };
        let mut writes = std::pin::pin!(writes);
        tokio::select! {
            () = &mut writes => child.wait().await,
            // It has ended, and something that it left behind holds its input open.
            status = child.wait() => status,
        }
    };
    match tokio::time::timeout(deadline, finish).await {
        Ok(outcome) => {
            let status = outcome.map_err(|source| ProcessError::Lost { program, source })?;
            group.let_go();
            Ok(status)
        }
        Err(_) => Err(ProcessError::TimedOut { program, deadline }),
    }
}

/// Starts `line`, which is this program again, and leaves it to itself: nothing of this process's terminal is its own, and
/// it goes on when this process ends. What it complains of goes to `stderr`. Returns its number. The child should call
/// [`settle_down`] first of all.
///
/// It leads a process group from its first moment, so that a Ctrl-C meant for this process never reaches it.
///
/// # Errors
/// When the program does not start.
pub fn spawn_detached(line: &[String], stderr: Option<File>) -> Result<Option<u32>, ProcessError> {
    let (mut command, program) = command(line)?;
    command
        .env(LEFT_VARIABLE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.map_or_else(Stdio::null, Stdio::from))
        .process_group(0)
        .kill_on_drop(false);
    let child = command.spawn().map_err(|source| ProcessError::Start { program, source })?;
    // Dropped, not awaited: the runtime collects it when it ends.
    Ok(child.id())
}

/// What a process that was started has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExecContext {
    /// Its work.
    Here,
    /// Nothing: it has started itself once more, in a session of its own, and that one works.
    Elsewhere,
}

/// Makes this process the first of a session of its own, so that the end of the session that started it does not reach it,
/// and nothing that it starts can ask at that one's terminal. Who leads a process group has no way to that but to start
/// itself once more; this is done where [`spawn_detached`] started it. Typed into a shell it stays where it is: then the shell's
/// signals are meant for it.
///
/// # Errors
/// When it cannot be started once more.
pub fn settle_down() -> Result<ExecContext, ProcessError> {
    if rustix::process::setsid().is_ok() || variable(LEFT_VARIABLE).is_none() {
        return Ok(ExecContext::Here);
    }
    let reported = |source| ProcessError::Start { program: "this program".to_owned(), source };
    let program = std::env::current_exe().map_err(reported)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place where child processes are started")]
    let mut again = std::process::Command::new(program);
    again.args(std::env::args_os().skip(1)).env_remove(LEFT_VARIABLE).stdin(Stdio::null()).stdout(Stdio::null());
    again.spawn().map_err(reported)?;
    Ok(ExecContext::Elsewhere)
}

/// Reads to the end and keeps the first `limit` bytes. Output past the limit is read and dropped: a child that is
/// left with a full pipe would never end. What was read is kept when this is dropped.
async fn drain(output: Option<impl AsyncRead + Unpin>, limit: usize, kept: &mut Vec<u8>) -> io::Result<()> {
    let Some(mut output) = output else { return Ok(()) };
    let mut piece = [0; 4096];
    loop {
        let read = output.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        let room = limit.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..read.min(room)]);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn output_past_the_limit_is_dropped_and_the_child_still_ends() {
        let finished = run(&shell("head -c 1000000 /dev/zero; exit 3"), TIMEOUT, 10).await.expect("it ran");
        assert_eq!((finished.stdout.len(), finished.status.code()), (10, Some(3)));
    }

    #[tokio::test]
    async fn a_child_that_is_left_to_itself_outlives_its_handle() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("written");
        let child =
            spawn_detached(&shell(&format!("sleep 0.2; echo here > {}", file.display())), None).expect("it started");
        assert!(child.is_some());
        let began = std::time::Instant::now();
        while std::fs::read(&file).is_ok_and(|text| text == b"here\n").eq(&false) {
            assert!(began.elapsed() < TIMEOUT, "it was ended with its handle");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_hangs_is_given_up_and_a_missing_one_is_named() {
        let hung = run(&shell("sleep 60"), Duration::from_millis(50), 10).await;
        assert!(matches!(hung, Err(ProcessError::TimedOut { .. })));
        let missing = run(&["/nonexistent/program".to_owned()], TIMEOUT, 10).await;
        assert_eq!(missing.map(|_| ()).unwrap_err().to_string(), "cannot start /nonexistent/program");
        assert!(matches!(run(&[], TIMEOUT, 10).await, Err(ProcessError::Empty)));
    }
    /// Waits until `file` holds a line, and reads it.
    async fn line_of(file: &std::path::Path) -> String {
        let began = std::time::Instant::now();
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            assert!(began.elapsed() < TIMEOUT, "{} stays empty", file.display());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether a process runs: one that was killed may wait for whoever collects it.
    fn runs(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    async fn ends(pid: &str) {
        let began = std::time::Instant::now();
        while runs(pid) {
            assert!(began.elapsed() < TIMEOUT, "{pid} lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_deadline_ends_also_what_the_child_has_started() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("pid");
        let script = format!("sleep 300 & echo $! > {}; wait", file.display());
        let hung = run(&shell(&script), Duration::from_millis(500), 10).await;
        assert!(matches!(hung, Err(ProcessError::TimedOut { .. })));
        ends(&line_of(&file).await).await;
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_ends_also_what_the_child_has_started() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("pid");
        let line = shell(&format!("sleep 300 & echo $! > {}; wait", file.display()));
        let pid = tokio::select! {
            outcome = run(&line, TIMEOUT, 10) => panic!("it ended: {outcome:?}"),
            pid = line_of(&file) => pid,
        };
        ends(&pid).await;
    }

    #[tokio::test]
    async fn an_agent_that_is_left_behind_with_the_output_is_waited_for_no_longer_and_lives_on() {
        let began = std::time::Instant::now();
        let finished = run(&shell("sleep 30 & echo $!; exit 0"), TIMEOUT, 100).await.expect("it ended");
        assert!(finished.status.success() && began.elapsed() < TIMEOUT / 2, "{finished:?}");
        let agent = String::from_utf8(finished.stdout).expect("a number").trim().to_owned();
        assert!(runs(&agent), "nobody told it to end");
        let agent = agent.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a process");
        rustix::process::kill_process(agent, rustix::process::Signal::KILL).expect("it was there");
    }

    #[test]
    fn a_program_inherits_no_variable_that_holds_a_password() {
        withhold(["TEST_ETCD_PASSWORD".to_owned()]);
        let (mut command, _) = command(&shell("env")).expect("a command");
        without_secrets(&mut command);
        let kept_back: Vec<_> =
            command.as_std().get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        for name in ["PGPASSWORD", "TEST_ETCD_PASSWORD"] {
            assert!(kept_back.iter().any(|kept| *kept == name), "{name}: {kept_back:?}");
        }
    }

    #[tokio::test]
    async fn a_detached_process_leads_its_own_group_and_keeps_stderr() {
        let home = tempfile::tempdir().expect("a directory");
        let (said, diagnostics) = (home.path().join("said"), home.path().join("stderr"));
        let script = format!("echo oops >&2; ps -o pgid= -p $$ > {}", said.display());
        let pid =
            spawn_detached(&shell(&script), Some(File::create(&diagnostics).expect("a file"))).expect("it started");
        assert_eq!(line_of(&said).await, pid.expect("a number").to_string());
        assert_eq!(line_of(&diagnostics).await, "oops");
    }
}
