//! Whether every source has been asked since a moment, so that nothing is decided on what was seen before.

use crate::model::moment::Moment;
use crate::model::observed::Reading;
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};

/// Sources that an action depends on and that have neither answered nor failed since `since`, with whether what they said
/// before still counts as fresh.
pub(super) fn unheard(snapshot: &Snapshot, since: Moment) -> Vec<(Source, bool)> {
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
        member.sql.iter().for_each(|reading| collect(reading, since, now, &mut silent));
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
    if !is_heard(reading, since) {
        silent.push((reading.source.clone(), reading.is_fresh(now)));
    }
}

/// Whether the source has been asked after `since` and has answered or failed. An answer to a question from before does
/// not count, except of a watch, which is one long question: each of its answers tells the store as it is.
fn is_heard<T>(reading: &Reading<T>, since: Moment) -> bool {
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
    snapshot.records.iter().any(|reading| reading.is_fresh(snapshot.now) && is_heard(reading, since))
}
