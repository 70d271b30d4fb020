//! What is asked for now and then: kept between two such questions, and put into each report with its own age.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::report::{HIDDEN, UnreadParts, bytes, count, span, text};
use crate::client::postgres::poll_result::{
    ApplicationRow, BaseBackupRow, PartResult, PreparedRow, SlotRow, SlowPollResult, TransactionRow, XidAgeRow,
};
use crate::model::agent::Address;
use crate::model::moment::Moment;
use crate::model::postgres::{
    ApplicationLoad, BaseBackup, Invalidation, LongTransaction, Slot, SqlPart, SqlReport, UnreadPart, WalStatus, XidAge,
};
use crate::model::text::Text;

/// How often it is asked for while nothing speaks for a change.
const INTERVAL: Duration = Duration::from_secs(10);

/// When it is asked for.
pub(super) struct SlowSchedule {
    /// Where in its turn this node is asked, from 0 to 1: a fleet's nodes are not asked all in the same second.
    phase: f64,
    /// `None`: it was never asked for.
    next: Option<Moment>,
    /// What every poll tells that it hangs on, when it was asked for last.
    constellation: u64,
    /// The next answer is to hold nothing older.
    demanded: bool,
}

impl SlowSchedule {
    /// The schedule of the node at `address`.
    pub(super) fn of(address: &Address) -> Self {
        let mut hasher = DefaultHasher::new();
        address.hash(&mut hasher);
        let phase = f64::from(u16::try_from(hasher.finish() % 1_000).unwrap_or_default()) / 1_000.0;
        Self { phase, next: None, constellation: 0, demanded: false }
    }

    /// Asks for it with the next poll.
    pub(super) fn demand(&mut self) {
        self.demanded = true;
    }

    /// Whether it is asked for with the poll that begins now.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.demanded || self.next.is_none_or(|next| now >= next)
    }

    /// Whether what a poll tells speaks for a change of it.
    pub(super) fn is_moved_by(&self, report: &SqlReport) -> bool {
        self.constellation != constellation(report)
    }

    /// It was asked for, in or right after the poll that began `now` and told `report`.
    pub(super) fn asked(&mut self, now: Moment, report: &SqlReport) {
        self.next = Some(now + if self.next.is_some() { INTERVAL } else { INTERVAL.mul_f64(self.phase) });
        self.constellation = constellation(report);
        self.demanded = false;
    }
}

/// What the parts that are asked for now and then hang on: who serves whom, as what, since when. A slot is taken and left
/// with a stream, a promotion moves everything, and a prepared transaction that blocks is to be named.
fn constellation(report: &SqlReport) -> u64 {
    let mut hasher = DefaultHasher::new();
    (report.postmaster_started, report.in_recovery, report.timeline, &report.synchronous_names).hash(&mut hasher);
    for row in &report.downstream {
        (row.pid, &row.state, row.sync).hash(&mut hasher);
    }
    if let Some(receiver) = &report.receiver {
        (&receiver.status, &receiver.sender_host, receiver.sender_port, &receiver.slot).hash(&mut hasher);
    }
    report.sessions.iter().any(|session| session.blocked_by.contains(&0)).hash(&mut hasher);
    hasher.finish()
}

/// What was told.
pub(super) struct Slow {
    asked: Moment,
    slots: Vec<Slot>,
    ready: Option<u64>,
    oldest_transaction: Option<LongTransaction>,
    prepared_count: Option<u32>,
    oldest_prepared: Option<LongTransaction>,
    xid_age: Option<XidAge>,
    pending_restart: Vec<Text>,
    files_read: Option<jiff::Timestamp>,
    since_checkpoint: Option<u64>,
    base_backups: Vec<BaseBackup>,
    applications: Vec<ApplicationLoad>,
    unread: Vec<UnreadPart>,
}

impl Slow {
    /// What `sheet` says, asked at `asked` by a role that has the rights of `pg_monitor` or has not.
    pub(super) fn new(poll_result: SlowPollResult, asked: Moment, monitor: bool) -> Self {
        let SlowPollResult {
            slots,
            archive_ready_count: archive_ready,
            oldest_transaction,
            prepared_transactions: prepared,
            xid_age,
            pending_restart,
            config_files_read_at: files_read,
            wal_since_checkpoint: since_checkpoint,
            base_backups,
            applications,
        } = poll_result;
        let mut gaps = UnreadParts::of(monitor);
        let ready = gaps.fill(SqlPart::ArchiveReady, archive_ready).flatten().map(bytes);
        let prepared = gaps.fill(SqlPart::Prepared, prepared);
        for part in [SqlPart::OldestTransaction, SqlPart::Applications] {
            gaps.hidden(part);
        }
        Self {
            asked,
            slots: gaps.list(SqlPart::Slots, slots).into_iter().map(slot).collect(),
            ready,
            oldest_transaction: gaps.fill(SqlPart::OldestTransaction, oldest_transaction).flatten().map(
                |TransactionRow { pid, user, application, age }| LongTransaction {
                    pid,
                    user: text(user),
                    application: text(application),
                    age: span(Some(age)).unwrap_or_default(),
                },
            ),
            prepared_count: prepared.as_ref().map(|row| row.as_ref().map_or(0, |row| count(row.count))),
            oldest_prepared: prepared.flatten().map(|PreparedRow { count: _, owner, identifier, age }| {
                LongTransaction {
                    pid: 0,
                    user: text(owner),
                    application: Text::redacted(identifier),
                    age: span(Some(age)).unwrap_or_default(),
                }
            }),
            xid_age: gaps.fill(SqlPart::XidAge, xid_age).flatten().map(
                |XidAgeRow { database, age, freeze_max_age }| XidAge {
                    database: Text::new(database),
                    age: bytes(age),
                    freeze_max_age: bytes(freeze_max_age),
                },
            ),
            pending_restart: gaps.list(SqlPart::PendingRestart, pending_restart).iter().map(Text::new).collect(),
            files_read: gaps.fill(SqlPart::FilesRead, files_read),
            since_checkpoint: gaps.fill(SqlPart::SinceCheckpoint, since_checkpoint).flatten().map(bytes),
            base_backups: self::base_backups(&mut gaps, base_backups),
            applications: gaps.list(SqlPart::Applications, applications).into_iter().map(application).collect(),
            unread: gaps.unread,
        }
    }

    /// Puts it into a report whose question began at `asked`.
    pub(super) fn put_into(&self, report: &mut SqlReport, asked: Moment) {
        report.slots.clone_from(&self.slots);
        if let Some(archiver) = &mut report.archiver {
            archiver.ready = self.ready;
        }
        report.oldest_transaction.clone_from(&self.oldest_transaction);
        report.prepared_count = self.prepared_count;
        report.oldest_prepared.clone_from(&self.oldest_prepared);
        report.xid_age.clone_from(&self.xid_age);
        report.pending_restart.clone_from(&self.pending_restart);
        report.files_read = self.files_read;
        report.since_checkpoint = self.since_checkpoint;
        report.base_backups.clone_from(&self.base_backups);
        report.applications.clone_from(&self.applications);
        report.unread.extend(self.unread.iter().cloned());
        report.slow_asked = (self.asked != asked).then_some(self.asked);
    }
}

fn base_backups(gaps: &mut UnreadParts, answer: PartResult<Vec<BaseBackupRow>>) -> Vec<BaseBackup> {
    let rows = gaps.list(SqlPart::BaseBackups, answer);
    let mut running = Vec::new();
    for BaseBackupRow { pid, phase, streamed, total } in rows {
        match streamed {
            Some(streamed) => {
                running.push(BaseBackup {
                    pid,
                    phase: text(phase),
                    streamed: bytes(streamed),
                    total: total.map(bytes),
                });
            }
            None => gaps.miss(SqlPart::BaseBackups, HIDDEN),
        }
    }
    running
}

fn slot(row: SlotRow) -> Slot {
    Slot {
        name: Text::new(row.name),
        logical: row.kind == "logical",
        active: row.active,
        active_pid: row.active_pid,
        database: row.database.map(Text::new),
        temporary: row.temporary,
        wal_status: row.wal_status.map(|word| match word.as_str() {
            "reserved" => WalStatus::Reserved,
            "extended" => WalStatus::Extended,
            "unreserved" => WalStatus::Unreserved,
            "lost" => WalStatus::Lost,
            _ => WalStatus::Unknown(Text::new(word)),
        }),
        retained_bytes: row.retained_bytes.map(bytes),
        safe_wal_size: row.safe_wal_size,
        inactive_since: row.inactive_since,
        failover: row.failover,
        invalidation: row.invalidation_reason.as_deref().map(Invalidation::from_name),
        restart_lsn: row.restart_lsn.and_then(|text| text.parse().ok()),
        confirmed_flush_lsn: row.confirmed_flush_lsn.and_then(|text| text.parse().ok()),
    }
}

fn application(row: ApplicationRow) -> ApplicationLoad {
    ApplicationLoad {
        application: text(row.application),
        sessions: count(row.sessions),
        active: count(row.active),
        idle_in_transaction: count(row.idle_in_transaction),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Moment {
        Moment::START + SECOND * seconds
    }

    fn schedule() -> SlowSchedule {
        SlowSchedule::of(&Address { host: "pg-0".into(), port: 5432 })
    }

    /// How often it is asked for in `seconds`, with a poll each second of what `told` says.
    fn asked(
        schedule: &mut SlowSchedule,
        seconds: std::ops::Range<u32>,
        reported: impl Fn(u32) -> SqlReport,
    ) -> Vec<u32> {
        let mut asked = Vec::new();
        for second in seconds {
            let report = reported(second);
            if schedule.is_due(at(second)) || schedule.is_moved_by(&report) {
                schedule.asked(at(second), &report);
                asked.push(second);
            }
        }
        asked
    }

    fn report() -> SqlReport {
        let snapshot = crate::model::test_support::healthy();
        let mut reports = snapshot.members.iter().filter_map(|member| member.sql.as_ref()?.last());
        reports.find(|report| !report.downstream.is_empty()).cloned().unwrap()
    }

    #[test]
    fn what_moves_slowly_is_asked_for_at_once_and_then_every_ten_seconds() {
        let mut schedule = schedule();
        let asked = asked(&mut schedule, 0..61, |_| report());
        assert_eq!(asked.first(), Some(&0));
        assert!((6..=8).contains(&asked.len()), "{asked:?}");
        assert!(asked.windows(2).all(|two| two[1] - two[0] <= 10), "{asked:?}");
    }

    #[test]
    fn it_is_asked_for_at_once_where_what_it_hangs_on_has_moved_and_where_somebody_wants_it() {
        let mut schedule = schedule();
        let last = *asked(&mut schedule, 0..60, |_| report()).last().unwrap();
        let moved = last + 4;
        let gone = |second| SqlReport {
            downstream: if second < moved { report().downstream } else { Vec::new() },
            ..report()
        };
        assert_eq!(asked(&mut schedule, last + 1..last + 10, gone), [moved], "a standby is gone, and its slot with it");
        schedule.demand();
        assert_eq!(asked(&mut schedule, last + 10..last + 13, gone), [last + 10]);
    }

    #[test]
    fn what_was_not_asked_in_a_poll_tells_its_own_age_in_the_report() {
        let none = || -> PartResult<Vec<SlotRow>> { Ok(Vec::new()) };
        let poll_result = SlowPollResult {
            slots: none(),
            archive_ready_count: Ok(None),
            oldest_transaction: Ok(None),
            prepared_transactions: Ok(None),
            xid_age: Ok(None),
            pending_restart: Ok(vec!["max_connections".to_owned()]),
            config_files_read_at: Ok(jiff::Timestamp::UNIX_EPOCH),
            wal_since_checkpoint: Ok(None),
            base_backups: Ok(Vec::new()),
            applications: Ok(Vec::new()),
        };
        let slow = Slow::new(poll_result, at(10), true);
        let mut same = report();
        slow.put_into(&mut same, at(10));
        assert_eq!(same.read_at(SqlPart::PendingRestart, at(10)), at(10));
        assert!(same.is_asked_since(at(10)));
        let mut later = report();
        slow.put_into(&mut later, at(17));
        assert_eq!(later.pending_restart, ["max_connections"]);
        assert_eq!(later.read_at(SqlPart::PendingRestart, at(17)), at(10));
        assert_eq!(later.read_at(SqlPart::Sessions, at(17)), at(17));
        assert!(!later.is_asked_since(at(17)));
    }

    #[test]
    fn an_application_may_call_itself_what_it_likes_and_no_terminal_obeys() {
        let row = ApplicationRow {
            application: Some("app\u{1b}]0;owned\u{7}\u{9b}31m\r\nother\u{202e}".to_owned()),
            sessions: 3,
            active: -1,
            idle_in_transaction: 0,
        };
        let load = application(row);
        let name = load.application.as_str();
        assert!(name.starts_with("app") && name.contains("other") && !name.contains("owned"), "{name:?}");
        assert!(!name.chars().any(|c| c.is_control() || c == '\u{202e}'), "{name:?}");
        assert_eq!((load.sessions, load.active), (3, 0));
    }
}
