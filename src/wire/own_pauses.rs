//! Which pauses of poolers the jobs of this host have left: their books say so.

use crate::action::Intent;
use crate::action::intent::RouterIntent;
use crate::action::own_pause::OwnPause;
use crate::config::resolved::ClusterSettings;
use crate::model::name::ClusterName;
use crate::wire::job;

/// Whether they matter for `intent`.
pub(super) fn matter(cluster: &ClusterSettings, intent: &Intent) -> bool {
    matches!(intent, Intent::Router(RouterIntent::Settle)) && !cluster.poolers.is_empty()
}

/// Those on `cluster`. What cannot be read is left out: it is found by its own `undo`.
pub(super) async fn find(cluster: ClusterName) -> Vec<OwnPause> {
    // Waits for the disk.
    tokio::task::spawn_blocking(move || read(&cluster)).await.unwrap_or_default()
}

fn read(cluster: &ClusterName) -> Vec<OwnPause> {
    let job_store = job::job_store();
    let journal = job_store.journal();
    let mut found = Vec::new();
    for job in job_store.jobs().list().unwrap_or_default() {
        let (Ok(spec), Ok(state)) = (job.spec(), job.state(&journal)) else { continue };
        // A pause by hand is meant to stay.
        if spec.request.plan.cluster != *cluster || matches!(spec.request.plan.intent, Intent::Pooler(_)) {
            continue;
        }
        let resumes = state.pending_undo().iter().filter_map(|(_, order)| order.resumes());
        found.extend(resumes.map(|(pooler, database)| OwnPause {
            pooler: pooler.clone(),
            database: database.clone(),
            action: job.action.clone(),
        }));
    }
    found
}
