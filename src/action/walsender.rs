//! Whom a server sends WAL to, and what a shutdown of it waits for. Since PostgreSQL 10 a fast shutdown ends only once every
//! walsender has sent everything and got it confirmed, or was cut off for its silence. Source: `walsender.c`, `WalSndDone`
//! and `WalSndCheckTimeOut`; a base backup alone is cut (`HandleWalSndInitStopping`).

use std::time::Duration;

use crate::model::name::NodeName;
use crate::model::postgres::{Downstream, SenderLimits, SqlPart, SqlReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;

/// Whoever is further behind makes a shutdown noticeably longer.
const THRESHOLD: u64 = 16 << 20;
/// Receivers report at least every `wal_receiver_status_interval`, and `pg_recvlogical` too, by default 10 s.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);
/// What a report may be late.
const SLACK: Duration = Duration::from_secs(4);

/// What it sends to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Consumer {
    /// A member of the cluster.
    Member(NodeName),
    /// A consumer of a logical slot.
    Logical(Text),
    /// A base backup.
    Backup,
    /// A standby or another receiver that is no member: another cluster's, or an archiver of WAL.
    Other,
}

/// How far its consumer keeps up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ConsumerProgress {
    /// It replies, and is close.
    Up,
    /// It is cut by a shutdown, which does not wait for it.
    Cut,
    /// How it does may not be seen.
    Hidden,
    /// It replies, and has much to confirm yet.
    Behind,
    /// It has stopped replying.
    Silent,
}

/// How long a shutdown may wait for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ShutdownWait {
    /// Not noticeably.
    None,
    /// At most so long.
    AtMost(Duration),
    /// Nothing ends it.
    Endless,
}

/// One walsender.
#[derive(Clone, PartialEq, Debug)]
pub struct ActiveWalsender<'a> {
    /// Its row.
    pub row: &'a Downstream,
    /// What it sends to.
    pub consumer: Consumer,
    /// How that keeps up.
    pub keeps: ConsumerProgress,
    limits: SenderLimits,
}

/// Every walsender of the server that says `report`, worst first. `None`: they cannot be seen.
pub fn senders<'a>(snapshot: &Snapshot, report: &'a SqlReport) -> Option<Vec<ActiveWalsender<'a>>> {
    if !report.knows(SqlPart::Downstream) {
        return None;
    }
    let mut all: Vec<ActiveWalsender<'a>> =
        report.downstream.iter().map(|row| ActiveWalsender::of(snapshot, report, row)).collect();
    all.sort_by_key(|sender| (std::cmp::Reverse(sender.keeps), sender.row.pid));
    Some(all)
}

/// How long a shutdown of the server that says `report` may wait for all of them.
pub fn shutdown_waits(snapshot: &Snapshot, report: &SqlReport) -> ShutdownWait {
    let all = senders(snapshot, report).unwrap_or_default();
    all.iter().map(ActiveWalsender::wait).max().unwrap_or(ShutdownWait::None)
}

impl<'a> ActiveWalsender<'a> {
    fn of(snapshot: &Snapshot, report: &'a SqlReport, row: &'a Downstream) -> Self {
        let slot = report.slots.iter().find(|slot| slot.active_pid == Some(row.pid));
        let is_backup = row.state.as_ref().is_some_and(|state| *state == "backup");
        let member = snapshot.members.iter().find(|member| member.name.as_str() == row.application.as_str());
        let consumer = match (slot.filter(|slot| slot.logical), member) {
            _ if is_backup => Consumer::Backup,
            (Some(slot), _) => Consumer::Logical(slot.name.clone()),
            (None, Some(member)) => Consumer::Member(member.name.clone()),
            (None, None) => Consumer::Other,
        };
        Self { keeps: keeps(row, is_backup, report.sender_limits), row, consumer, limits: report.sender_limits }
    }

    /// Bytes that are not confirmed yet: flushed, or for who never flushes, written.
    pub fn behind(&self) -> Option<u64> {
        self.row.flush_lag_bytes.or(self.row.write_lag_bytes)
    }

    /// How long a shutdown may wait for it.
    pub fn wait(&self) -> ShutdownWait {
        let natural = match self.keeps {
            ConsumerProgress::Up | ConsumerProgress::Cut | ConsumerProgress::Hidden => return ShutdownWait::None,
            // It replies, so that nothing cuts it off; how fast it confirms is its own affair.
            ConsumerProgress::Behind => ShutdownWait::Endless,
            ConsumerProgress::Silent => match self.limits.timeout {
                Some(timeout) if !timeout.is_zero() => {
                    ShutdownWait::AtMost(timeout.saturating_sub(self.row.reply_age.unwrap_or_default()))
                }
                Some(_) | None => ShutdownWait::Endless,
            },
        };
        match self.limits.shutdown {
            Some(limit) => natural.min(ShutdownWait::AtMost(limit)),
            None => natural,
        }
    }

    /// Who it is: `pg_recvlogical (pid 4711, logical slot feed)`.
    pub fn who(&self) -> String {
        let pid = self.row.pid;
        let name = if self.row.application.is_empty() { "a WAL receiver" } else { self.row.application.as_str() };
        match &self.consumer {
            Consumer::Member(_) => format!("{name} (pid {pid})"),
            Consumer::Logical(slot) => format!("{name} (pid {pid}, logical slot {slot})"),
            Consumer::Backup => format!("{name} (pid {pid}, a base backup)"),
            Consumer::Other => {
                let from = self.row.address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
                format!("{name} (pid {pid}{from}, not a member of this cluster)")
            }
        }
    }

    /// How it does: `92.4 MB behind, last reply 16 s ago`.
    pub fn how(&self) -> String {
        let behind = self.behind().map(|bytes| format!("lag {}", units::bytes(bytes)));
        let reply = self.row.reply_age.map(|age| format!("last reply {} ago", units::duration(age)));
        let reported: Vec<String> = behind.into_iter().chain(reply).collect();
        if reported.is_empty() { "lag unknown".to_owned() } else { reported.join(", ") }
    }
}

fn keeps(row: &Downstream, is_backup: bool, limits: SenderLimits) -> ConsumerProgress {
    if is_backup {
        return ConsumerProgress::Cut;
    }
    let behind = row.flush_lag_bytes.or(row.write_lag_bytes);
    let (Some(behind), Some(age)) = (behind, row.reply_age) else { return ConsumerProgress::Hidden };
    // Who has everything may report as seldom as the sender asks for it: after half of the timeout.
    let asked = limits.timeout.filter(|timeout| !timeout.is_zero()).map_or(STATUS_INTERVAL * 3, |timeout| timeout / 2);
    let time_limit = if behind > 0 { STATUS_INTERVAL } else { asked.max(STATUS_INTERVAL) } + SLACK;
    if age > time_limit {
        ConsumerProgress::Silent
    } else if behind > THRESHOLD {
        ConsumerProgress::Behind
    } else {
        ConsumerProgress::Up
    }
}

/// The command that ends what process `pid` of `node` does.
pub fn ending(node: &NodeName, pid: i32) -> String {
    format!("pgctl-tui session terminate {node} {pid}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::test_support::served;

    const LIMITS: SenderLimits = SenderLimits { timeout: Some(Duration::from_secs(60)), shutdown: None };

    fn row(behind: u64, age: u64) -> Downstream {
        let seconds = Duration::from_secs(age);
        Downstream {
            flush_lag_bytes: Some(behind),
            reply_age: Some(seconds),
            ..served("feed", crate::model::role::SyncState::Async, 0, 1)
        }
    }

    #[rstest]
    #[case::idle_standby(0, 9, ConsumerProgress::Up)]
    #[case::asked_only_by_the_sender(0, 31, ConsumerProgress::Up)]
    #[case::stopped_and_idle(0, 40, ConsumerProgress::Silent)]
    #[case::stopped_with_little(5_000, 16, ConsumerProgress::Silent)]
    #[case::slow(92 << 20, 3, ConsumerProgress::Behind)]
    #[case::close(1 << 20, 3, ConsumerProgress::Up)]
    fn who_stopped_replying_is_distinguished_from_who_is_only_idle(
        #[case] behind: u64,
        #[case] age: u64,
        #[case] keeps: ConsumerProgress,
    ) {
        assert_eq!(super::keeps(&row(behind, age), false, LIMITS), keeps);
    }

    #[test]
    fn a_role_that_may_not_look_sees_nothing_and_is_reported_so() {
        let hidden = Downstream { flush_lag_bytes: None, write_lag_bytes: None, ..row(0, 1) };
        assert_eq!(keeps(&hidden, false, LIMITS), ConsumerProgress::Hidden);
    }

    #[rstest]
    #[case::cut_off_by_its_silence(16, LIMITS, ShutdownWait::AtMost(Duration::from_secs(44)))]
    #[case::never(16, SenderLimits { timeout: Some(Duration::ZERO), ..LIMITS }, ShutdownWait::Endless)]
    #[case::by_the_shutdown_itself(16, SenderLimits { shutdown: Some(Duration::from_secs(5)), ..LIMITS }, ShutdownWait::AtMost(Duration::from_secs(5)))]
    fn what_ends_the_wait_is_known_beforehand(
        #[case] age: u64,
        #[case] limits: SenderLimits,
        #[case] wait: ShutdownWait,
    ) {
        let row = row(92 << 20, age);
        let sender =
            ActiveWalsender { row: &row, consumer: Consumer::Other, keeps: keeps(&row, false, limits), limits };
        assert_eq!(sender.wait(), wait);
    }
}
