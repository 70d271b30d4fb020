//! What a whole picture tells of itself.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::source::{Source, SourceKind};
use crate::model::test_support::identity;

/// A cluster of which nothing was heard in the first minute.
fn after_a_minute() -> Snapshot {
    let now = Moment::START + Duration::from_secs(60);
    Snapshot::empty(identity(), Thresholds::default(), now, Timestamp::UNIX_EPOCH)
}

#[test]
fn where_nobody_keeps_a_lock_on_record_the_session_that_holds_it_tells() {
    use crate::model::test_support::{cut, operation_lock, plain, seconds, sql};
    let mut snapshot = plain();
    assert_eq!(snapshot.operation_lock(), None);
    sql(&mut snapshot, "pg-1", |report| report.operation_lock = Some(operation_lock()));
    let reported = snapshot.operation_lock().expect("held");
    assert_eq!((&reported.value, reported.fresh), (&operation_lock(), true));
    cut(&mut snapshot, "pg-1", seconds(38));
    assert!(snapshot.operation_lock().is_some_and(|lock| !lock.fresh), "its node is silent: by its last word");
}

#[test]
fn a_source_with_a_slow_pace_does_not_make_the_picture_look_old() {
    let second = Duration::from_secs(1);
    let mut snapshot = after_a_minute();
    let now = snapshot.now;
    let answered = |reading: &mut Reading<BackupReport>, ago: Duration| {
        let report = BackupReport { tool: Text::new("pgbackrest"), backups: Vec::new() };
        reading.take(now - ago, second, Ok(Arc::new(report)));
    };
    for (target, stale_after, ago) in [("quick", second * 4, second), ("slow", second * 120, second * 45)] {
        let mut reading = Reading::not_attempted(Source::new(SourceKind::Backup, target), stale_after, Moment::START);
        answered(&mut reading, ago);
        snapshot.backups.push(reading);
    }
    assert_eq!(snapshot.age(now + second), Some(second * 2));
}

#[test]
fn a_container_engine_that_answers_sees_nothing_of_the_cluster() {
    let second = Duration::from_secs(1);
    let mut snapshot = after_a_minute();
    let now = snapshot.now;
    let mut reading = Reading::not_attempted(Source::new(SourceKind::Runtime, "init"), second * 60, Moment::START);
    let report = RuntimeReport { version: Text::default(), containers: Vec::new(), preparation: None };
    reading.take(now - second, second, Ok(Arc::new(report)));
    snapshot.runtimes.push(reading);
    assert!(!snapshot.sees_anything());
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Unknown);
}
