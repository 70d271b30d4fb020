//! Tells observers of the pauses that were made from this host before they began to look: Patroni keeps neither who
//! switched maintenance mode on nor when.

use std::collections::BTreeMap;

use super::job;
use crate::action::Intent;
use crate::action::account::{Account, accounts};
use crate::action::outcome::Ending;
use crate::audit::Journal;
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::pause::PauseOnRecord;
use crate::observe::picture::{Handle, Order};

/// Reads the journal of this user, and tells each observer of the newest pause of its cluster. A journal that cannot be
/// read tells nothing here; `audit` says why.
pub(super) async fn recall(handles: Vec<Handle>) {
    let read = tokio::task::spawn_blocking(|| Journal::at(job::state()).read());
    let records = match read.await {
        Ok(Ok(reading)) => reading.records,
        Ok(Err(error)) => return tracing::warn!(%error, "the journal cannot be read: who paused is not known"),
        Err(error) => return tracing::warn!(%error, "the journal was not read: who paused is not known"),
    };
    let mut pauses = newest(&accounts(&records));
    for handle in handles {
        if let Some(pause) = pauses.remove(&handle.cluster) {
            handle.order(Order::Remember(pause));
        }
    }
}

/// The newest pause of each cluster that was seen to take effect.
fn newest(accounts: &[Account]) -> BTreeMap<ClusterName, PauseOnRecord> {
    let mut pauses: BTreeMap<ClusterName, PauseOnRecord> = BTreeMap::new();
    for account in accounts {
        let Some(pause) = pause(account) else { continue };
        let known = pauses.entry(account.cluster.clone()).or_insert_with(|| pause.clone());
        if known.at < pause.at {
            *known = pause;
        }
    }
    pauses
}

fn pause(account: &Account) -> Option<PauseOnRecord> {
    let is_pause = account.plan.as_ref().is_some_and(|plan| plan.intent == Intent::Pause);
    let (operator, after) = (account.operator.as_ref()?, account.after.as_ref()?);
    (is_pause && account.ending() == Some(Ending::Done)).then(|| PauseOnRecord {
        at: account.last,
        by: Text::new(operator.to_string()),
        system: after.generation.system_id,
        revision: after.generation.config_revision,
    })
}
