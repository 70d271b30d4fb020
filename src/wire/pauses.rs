//! Tells observers of the pauses that were made from this host before they began to look: Patroni keeps neither who
//! switched maintenance mode on nor when.

use crate::model::record::Counter;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use jiff::SignedDuration;

use super::job;
use crate::action::Intent;
use crate::action::account::{ActionHistory, action_histories};
use crate::action::intent::LeadIntent;
use crate::action::outcome::OutcomeKind;
use crate::action::record::{ActionId, Entry, Record};
use crate::audit::{Journal, JournalError};
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::pause::RecordedPause;
use crate::observe::picture::{Handle, Order};

/// How far back a pause is looked for.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Actions whose end was read and whose beginning was not: more are those of a journal that is damaged.
const MAX_OPEN: usize = 10_000;

/// Reads the journal of this user from its end, and tells each observer of the newest pause of its cluster. A journal that
/// cannot be read tells nothing here; `audit` says why.
pub(super) async fn recall(handles: Vec<Handle>) {
    let clusters: BTreeSet<ClusterName> = handles.iter().map(|handle| handle.cluster.clone()).collect();
    let read = tokio::task::spawn_blocking(move || newest(&Journal::at(job::state()), clusters));
    let mut pauses = match read.await {
        Ok(Ok(pauses)) => pauses,
        Ok(Err(error)) => return tracing::warn!(%error, "the journal cannot be read: unknown who paused"),
        Err(error) => return tracing::warn!(%error, "the journal was not read: unknown who paused"),
    };
    for handle in handles {
        if let Some(pause) = pauses.remove(&handle.cluster) {
            handle.order(Order::Remember(pause));
        }
    }
}

/// The newest pause of each of `wanted` that was seen to take effect. No more of the journal is read than that needs.
fn newest(
    journal: &Journal,
    mut wanted: BTreeSet<ClusterName>,
) -> Result<BTreeMap<ClusterName, RecordedPause>, JournalError> {
    let mut pauses = BTreeMap::new();
    let mut ends: HashMap<ActionId, Record> = HashMap::new();
    let mut youngest = None;
    journal.newest_first(|record| {
        let age = youngest.get_or_insert(record.at).duration_since(record.at);
        if wanted.is_empty() || age > MAX_PAUSE || ends.len() > MAX_OPEN {
            return ControlFlow::Break(());
        }
        match &record.entry {
            Entry::Ended { .. } if wanted.contains(&record.cluster) => {
                ends.insert(record.action.clone(), record);
            }
            Entry::Started { .. } => {
                let Some(end) = ends.remove(&record.action) else { return ControlFlow::Continue(()) };
                let cluster = record.cluster.clone();
                if let Some(pause) = action_histories(&[record, end]).first().and_then(pause)
                    && wanted.remove(&cluster)
                {
                    pauses.insert(cluster, pause);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(pauses)
}

fn pause(account: &ActionHistory) -> Option<RecordedPause> {
    let is_pause = account.plan.as_ref().is_some_and(|plan| plan.intent == Intent::Lead(LeadIntent::Pause));
    let (operator, after) = (account.operator.as_ref()?, account.after.as_ref()?);
    (is_pause && account.ending() == Some(OutcomeKind::Done)).then(|| RecordedPause {
        at: account.last,
        by: Text::new(operator.to_string()),
        system: after.generation.system_id,
        revision: after.generation.count(Counter::Configuration),
    })
}
