//! Sessions that somebody ended.

use crate::action::intent::EndSession;

use super::World;
use super::clock::{SECOND, Time, noise};

/// Process of the nightly job's long transaction.
pub(crate) const JOB_PID: i32 = 4_711;
/// Process of the migration that holds the lock.
pub(crate) const MIGRATION_PID: i32 = 5_083;
/// How long a pool takes to open a session anew.
const RECONNECT: Time = SECOND;
/// Endings remembered.
const MAX_ENTRIES: usize = 256;

/// One ending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ended {
    pub(crate) node: usize,
    pub(crate) pid: i32,
    pub(crate) at: Time,
    pub(crate) how: EndSession,
}

/// The backend behind one place of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    /// When it started, or will: a pool opens a session anew a moment after it lost one.
    pub(crate) started: Time,
    /// When its statement was last cancelled.
    pub(crate) cancelled: Option<Time>,
}

impl World {
    /// Ends what a session does, or the session. A cancel does nothing to one that is idle in its transaction.
    pub(crate) fn end_session(&mut self, node: usize, pid: i32, how: EndSession) {
        match (pid, how) {
            (JOB_PID, _) => self.session_scenarios.long_transaction = None,
            (MIGRATION_PID, EndSession::Terminate) => self.session_scenarios.locks = None,
            (MIGRATION_PID, EndSession::Cancel) => {}
            _ => {
                let at = self.clock.now();
                self.endings.push(Ended { node, pid, at, how });
                if self.endings.len() > MAX_ENTRIES {
                    self.endings.remove(0);
                }
            }
        }
    }

    /// The backend at a place of a node's pools, whose first one started at `begun`.
    pub(crate) fn backend(&self, node: usize, place: u64, begun: Time) -> Backend {
        let pid = |generation: u64| 2_100 + (noise(self.seed, 0x94 + (generation << 8), place) % 40_000) as i32;
        let mut generation = 0;
        let mut backend = Backend { pid: pid(generation), started: begun, cancelled: None };
        for ended in self.endings.iter().filter(|ended| ended.node == node && ended.at >= begun) {
            if ended.pid == backend.pid {
                match ended.how {
                    EndSession::Cancel => backend.cancelled = Some(ended.at),
                    EndSession::Terminate => {
                        generation += 1;
                        backend = Backend { pid: pid(generation), started: ended.at + RECONNECT, cancelled: None };
                    }
                }
            }
        }
        backend
    }

    /// Whether a session that began at `since` was ended.
    pub(crate) fn is_ended(&self, node: usize, pid: i32, since: Time) -> bool {
        self.endings.iter().any(|ended| ended.node == node && ended.pid == pid && ended.at >= since)
    }
}
