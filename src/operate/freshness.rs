//! Whether every source has been asked since a moment, so that nothing is decided on what was seen before.

use crate::model::moment::Moment;
use crate::model::observed::Reading;
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};

/// Sources that an action depends on and that have neither answered nor failed since `since`, with whether what they said
/// before still counts as fresh.
pub(super) fn not_reasked(snapshot: &Snapshot, since: Moment) -> Vec<(Source, bool)> {
    let now = snapshot.now;
    let mut silent = Vec::new();
    for reading in &snapshot.records {
        collect(reading, since, now, &mut silent);
    }
    for reading in &snapshot.dcs.members {
        collect(reading, since, now, &mut silent);
    }
    for member in &snapshot.members {
        member.agent.iter().for_each(|reading| collect(reading, since, now, &mut silent));
        if let Some(reading) = &member.sql {
            // What is asked for now and then counts too: checks go by it.
            let is_whole = reading.last().is_none_or(|report| report.is_asked_since(since));
            if is_whole || reading.failure.as_ref().is_some_and(|failure| failure.at > since) {
                collect(reading, since, now, &mut silent);
            } else {
                silent.push((reading.source.clone(), reading.is_fresh(now)));
            }
        }
    }
    for router in &snapshot.routers {
        router.http.iter().for_each(|reading| collect(reading, since, now, &mut silent));
        router.runtime.iter().for_each(|reading| collect(reading, since, now, &mut silent));
        router.acting.iter().for_each(|reading| collect(reading, since, now, &mut silent));
    }
    snapshot.poolers.iter().for_each(|reading| collect(reading, since, now, &mut silent));
    snapshot.backups.iter().for_each(|reading| collect(reading, since, now, &mut silent));
    // No plan goes by what a container engine says, and no action waits for one.
    silent
}

fn collect<T>(reading: &Reading<T>, since: Moment, now: Moment, silent: &mut Vec<(Source, bool)>) {
    if !is_received(reading, since) {
        silent.push((reading.source.clone(), reading.is_fresh(now)));
    }
}

/// Whether the source has been asked after `since` and has answered or failed. An answer to a question from before does
/// not count, except of a watch, which is one long question: each of its answers tells the store as it is.
fn is_received<T>(reading: &Reading<T>, since: Moment) -> bool {
    let answered = reading.answer.as_ref().is_some_and(|answer| match reading.source.kind {
        SourceKind::Etcd => answer.at > since,
        SourceKind::PatroniRest
        | SourceKind::PatroniCluster
        | SourceKind::PatroniMetrics
        | SourceKind::EtcdMember
        | SourceKind::EtcdClusters
        | SourceKind::Sql
        | SourceKind::Nodes
        | SourceKind::RouterHttp
        | SourceKind::RouterRuntime
        | SourceKind::RouterActing
        | SourceKind::Exporter
        | SourceKind::Pooler
        | SourceKind::Backup
        | SourceKind::Runtime => answer.at - answer.took >= since,
    });
    answered || reading.failure.as_ref().is_some_and(|failure| failure.at > since)
}

/// Whether any record of the cluster is fresh and was heard after `since`.
pub(super) fn record_is_new(snapshot: &Snapshot, since: Moment) -> bool {
    snapshot.records.iter().any(|reading| reading.is_fresh(snapshot.now) && is_received(reading, since))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::test_support::healthy;

    #[test]
    fn a_server_that_reported_what_moves_slowly_before_is_not_asked_again_by_the_rest() {
        let mut snapshot = healthy();
        let reading = snapshot.members[0].sql.as_mut().unwrap();
        let (at, source) = (reading.answer.as_ref().unwrap().at, reading.source.clone());
        let since = at + Duration::from_secs(5);
        let mut tell = |slow_asked| {
            let reading = snapshot.members[0].sql.as_mut().unwrap();
            let mut report = reading.last().unwrap().clone();
            report.slow_asked = slow_asked;
            reading.take(since + Duration::from_secs(1), Duration::ZERO, Ok(Arc::new(report)));
            snapshot.now = since + Duration::from_secs(1);
            not_reasked(&snapshot, since).iter().any(|(silent, _)| *silent == source)
        };
        assert!(tell(Some(at)), "the slots are of before");
        assert!(!tell(Some(since)), "asked at that very moment");
        assert!(!tell(None), "all of it was asked with the rest");
    }
}
