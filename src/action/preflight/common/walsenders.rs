//! Whom a shutdown of the leader waits for: it ends only once each of them has confirmed everything, or was cut off.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, pass, unknown, warn};
use crate::action::walsender::{ActiveWalsender, Consumer, ConsumerProgress, ShutdownWait, ending, senders};
use crate::model::name::NodeName;
use crate::model::units;

const CHECK: &str = "leader-walsenders";

/// Every walsender of the leader.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(view) = context.leader_view() else {
        notes.push(unknown(CHECK, "no leader is known"));
        return;
    };
    let name = view.name();
    let Some(sql) = context.sql(view) else {
        let text =
            format!("unknown which walsenders a shutdown of {name} would wait for: its PostgreSQL is unreachable");
        notes.push(unknown(CHECK, text).about(name));
        return;
    };
    let Some(all) = senders(context.snapshot, sql.value) else {
        notes.push(unknown(CHECK, format!("the walsenders of {name} are not visible")).about(name).by(&sql));
        return;
    };
    let before = notes.len();
    notes.extend(all.iter().filter_map(|sender| note(sender, name)).map(|note| note.about(name).by(&sql)));
    if notes.len() == before {
        let text = match all.len() {
            0 => format!("{name} has no walsenders"),
            1 => format!("the only WAL receiver of {name} replies and keeps up"),
            several => format!("all {several} WAL receivers of {name} reply and keep up"),
        };
        notes.push(pass(CHECK, text).about(name).by(&sql));
    }
    if let Some(limit) = sql.value.sender_limits.shutdown {
        let text = format!(
            "wal_sender_shutdown_timeout is {} on {name}: a shutdown then terminates every walsender, even those that keep up, \
                before the last WAL record is sent, and {name} may need pg_rewind",
            units::duration(limit)
        );
        notes.push(warn("leader-walsender-limit", text).about(name).by(&sql));
    }
}

fn note(sender: &ActiveWalsender<'_>, leader: &NodeName) -> Option<CheckNote> {
    let (who, how) = (sender.who(), sender.how());
    let remedy = match &sender.consumer {
        Consumer::Member(_) => format!("check its WAL receiver, or terminate it: {}", ending(leader, sender.row.pid)),
        Consumer::Logical(_) | Consumer::Backup | Consumer::Other => {
            format!("let it catch up, or terminate it: {}", ending(leader, sender.row.pid))
        }
    };
    Some(match sender.keeps {
        ConsumerProgress::Up => return None,
        ConsumerProgress::Cut => warn(CHECK, format!("{who} on {leader} is terminated by the shutdown")),
        ConsumerProgress::Hidden => {
            unknown(CHECK, format!("unknown whether {who} on {leader} keeps up: grant pg_monitor"))
        }
        ConsumerProgress::Behind => warn(
            CHECK,
            format!("the shutdown of {leader} waits for {who}, {how}, until all WAL is confirmed; {remedy}"),
        ),
        ConsumerProgress::Silent => {
            let until = match sender.wait() {
                ShutdownWait::AtMost(longest) => format!("up to {} more", units::duration(longest)),
                ShutdownWait::Endless | ShutdownWait::None => "without a limit".to_owned(),
            };
            block(CHECK, format!("the shutdown of {leader} waits for {who}, {how}: {until}; {remedy}")).overridable()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::action::note::CheckVerdict;
    use crate::action::preflight::examine;
    use crate::action::test_support::{healthy, served, sql, switchover};
    use crate::model::postgres::{Downstream, Slot};
    use crate::model::snapshot::Snapshot;

    /// A consumer of the slot `feed` on the leader.
    fn consumer(snapshot: &mut Snapshot, behind: u64, age: u64) {
        sql(snapshot, 0, |report| {
            report.downstream.push(Downstream {
                pid: 4711,
                application: "pg_recvlogical".into(),
                flush_lag_bytes: Some(behind),
                reply_age: Some(Duration::from_secs(age)),
                ..served("pg_recvlogical")
            });
            report.slots.push(Slot {
                name: "feed".into(),
                logical: true,
                active: true,
                active_pid: Some(4711),
                database: Some("shop".into()),
                temporary: false,
                wal_status: None,
                retained_bytes: Some(behind),
                safe_wal_size: None,
                inactive_since: None,
                failover: Some(true),
                invalidation: None,
                restart_lsn: None,
                confirmed_flush_lsn: None,
            });
        });
    }

    fn notes(snapshot: &Snapshot) -> Vec<CheckNote> {
        let all = examine(snapshot, &switchover(Some(1)));
        all.into_iter().filter(|note| note.check == *CHECK).collect()
    }

    #[test]
    fn a_consumer_that_stopped_replying_blocks_with_all_that_is_needed_to_end_it() {
        let mut snapshot = healthy();
        consumer(&mut snapshot, 88 << 20, 16);
        let notes = notes(&snapshot);
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert_eq!((note.verdict, note.can_override), (CheckVerdict::Block, true));
        for words in [
            "pg_recvlogical",
            "pid 4711",
            "slot feed",
            "lag 88.0 MB",
            "16.0 s ago",
            "up to 44.0 s",
            "session terminate pg-0 4711",
        ] {
            assert!(note.text.as_str().contains(words), "{words}: {}", note.text);
        }
    }

    #[test]
    fn a_consumer_that_is_only_slow_is_warned_of_and_one_that_keeps_up_is_not() {
        let mut snapshot = healthy();
        consumer(&mut snapshot, 92_000_000, 1);
        assert!(notes(&snapshot).iter().all(|note| note.verdict == CheckVerdict::Warn));
        let mut snapshot = healthy();
        consumer(&mut snapshot, 20_000, 1);
        assert!(notes(&snapshot).iter().all(|note| note.verdict == CheckVerdict::Pass), "{:?}", notes(&snapshot));
    }

    #[test]
    fn a_member_whose_receiver_hangs_is_waited_for_like_any_other() {
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| {
            let row = report.downstream.iter_mut().find(|row| row.application == *"pg-2").unwrap();
            (row.flush_lag_bytes, row.reply_age) = (Some(4096), Some(Duration::from_secs(30)));
        });
        let notes = notes(&snapshot);
        assert!(
            notes.iter().any(|note| note.verdict == CheckVerdict::Block && note.text.as_str().contains("pg-2")),
            "{notes:?}"
        );
    }

    #[test]
    fn where_nothing_may_be_seen_it_is_reported_and_nothing_is_claimed() {
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| {
            report
                .downstream
                .iter_mut()
                .for_each(|row| (row.flush_lag_bytes, row.write_lag_bytes, row.reply_age) = (None, None, None));
        });
        assert!(notes(&snapshot).iter().all(|note| note.verdict == CheckVerdict::Unknown));
    }
}
