//! What becomes of this user's processes when the session they were started from ends. systemd's login manager can be
//! set to end them (`KillUserProcesses=yes` in `logind.conf`), whatever they did to leave the session's terminal; only what
//! runs below a user manager that lingers is spared then.
//!
//! Sources: the control group of this process (`/proc/self/cgroup`), the manager's property over the system bus, and the
//! files by which the manager knows who lingers (`/var/lib/systemd/linger`).

use std::path::Path;
use std::time::Duration;

use super::process;

/// How long the system bus may take: it is local, and a console that begins does not wait for one that hangs.
const DEADLINE: Duration = Duration::from_millis(300);

/// Most bytes of an answer: one word is expected.
const LIMIT: usize = 256;

/// What the end of the session does to a process that was started from it and left to itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionPolicy {
    /// Nothing.
    Survives,
    /// It is ended, unless it is started below the user's own manager, which lingers: see [`below_the_user_manager`].
    SurvivesUnderManager,
    /// It is ended: the user does not linger.
    Ended,
    /// The manager did not say.
    Unknown,
}

/// Where a process stands in the tree of control groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CgroupLocation {
    /// In a login session.
    Session,
    /// Below the user's own manager.
    Manager,
    /// Elsewhere: a container, cron, a service.
    Elsewhere,
}

/// What becomes of a process that this one starts and leaves to itself. `user`: the name under which this process runs.
pub async fn session_policy(user: &str) -> SessionPolicy {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let place = place(&groups);
    let lingers = !user.is_empty() && !user.contains('/') && Path::new("/var/lib/systemd/linger").join(user).exists();
    let kills = if place == CgroupLocation::Session { kills_user_processes().await } else { None };
    judge(place, kills, lingers)
}

/// `command`, started so that the user's manager owns it.
pub fn below_the_user_manager(command: Vec<String>) -> Vec<String> {
    let start = ["systemd-run", "--user", "--scope", "--quiet", "--collect", "--"];
    start.into_iter().map(str::to_owned).chain(command).collect()
}

fn place(groups: &str) -> CgroupLocation {
    let has = |part: &dyn Fn(&str) -> bool| groups.lines().any(|line| line.split('/').any(part));
    if has(&|part| part.strip_prefix("user@").is_some_and(|rest| rest.strip_suffix(".service").is_some())) {
        CgroupLocation::Manager
    } else if has(&|part| part.strip_prefix("session-").is_some_and(|rest| rest.strip_suffix(".scope").is_some())) {
        CgroupLocation::Session
    } else {
        CgroupLocation::Elsewhere
    }
}

fn judge(place: CgroupLocation, kills: Option<bool>, lingers: bool) -> SessionPolicy {
    match (place, kills, lingers) {
        (CgroupLocation::Elsewhere, _, _)
        | (CgroupLocation::Manager, _, true)
        | (CgroupLocation::Session, Some(false), _) => SessionPolicy::Survives,
        // The manager itself ends with the user's last session.
        (CgroupLocation::Manager, _, false) | (CgroupLocation::Session, Some(true), false) => SessionPolicy::Ended,
        (CgroupLocation::Session, Some(true), true) => SessionPolicy::SurvivesUnderManager,
        (CgroupLocation::Session, None, _) => SessionPolicy::Unknown,
    }
}

/// `KillUserProcesses` as the manager has it in effect. `None`: it did not say.
async fn kills_user_processes() -> Option<bool> {
    let question = [
        "busctl",
        "--system",
        "get-property",
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
        "KillUserProcesses",
    ];
    let question: Vec<String> = question.into_iter().map(str::to_owned).collect();
    let answer = process::run(&question, DEADLINE, LIMIT).await.ok()?;
    property(&String::from_utf8_lossy(&answer.stdout))
}

/// A boolean as `busctl` prints it: its type, and its value.
fn property(answer: &str) -> Option<bool> {
    match answer.trim() {
        "b true" => Some(true),
        "b false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SESSION: &str = "0::/user.slice/user-1000.slice/session-42.scope\n";
    const MANAGER: &str = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/tmux.scope\n";
    const CONTAINER: &str = "0::/\n";
    const OLD: &str = "4:cpu:/\n1:name=systemd:/user.slice/user-1000.slice/session-7.scope\n";

    #[rstest]
    #[case::a_plain_session_is_spared(SESSION, "b false", false, SessionPolicy::Survives)]
    #[case::a_strict_one_ends_all(SESSION, "b true", false, SessionPolicy::Ended)]
    #[case::also_in_the_old_tree(OLD, "b true", false, SessionPolicy::Ended)]
    #[case::who_lingers_has_a_manager_that_stays(SESSION, "b true\n", true, SessionPolicy::SurvivesUnderManager)]
    #[case::nobody_says(SESSION, "", false, SessionPolicy::Unknown)]
    #[case::below_the_manager_it_ends_with_the_last_session(MANAGER, "", false, SessionPolicy::Ended)]
    #[case::unless_it_lingers(MANAGER, "", true, SessionPolicy::Survives)]
    #[case::no_session_at_all(CONTAINER, "", false, SessionPolicy::Survives)]
    fn the_end_of_a_session_ends_a_job_or_spares_it(
        #[case] groups: &str,
        #[case] answer: &str,
        #[case] lingers: bool,
        #[case] expected: SessionPolicy,
    ) {
        assert_eq!(judge(place(groups), property(answer), lingers), expected);
    }

    #[test]
    fn a_job_below_the_manager_is_the_same_command() {
        let job = ["pgctl-tui", "--cluster", "a b", "job", "run", "--", "x"].map(str::to_owned).to_vec();
        let started = below_the_user_manager(job.clone());
        let (own, rest) = started.split_at(started.len() - job.len());
        assert_eq!(rest, job, "word for word");
        assert_eq!(own.last().map(String::as_str), Some("--"), "none of its words is taken for one of the manager's");
        assert!(own.iter().any(|word| word == "--user") && own.iter().any(|word| word == "--scope"), "{own:?}");
    }
}
