//! `wait`: until a condition holds, for scripts.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::exit::Exit;
use super::printer::Printer;
use crate::health::readiness::{Condition, unmet};
use crate::model::snapshot::ClusterHealth;
use crate::observe::picture::Handle;

/// Waits until `condition` holds in one picture whose every part is present knowledge.
///
/// Exit codes: 0 it holds; 6 the time is up and it is known not to hold; 5 the time is up and nothing is known.
pub async fn run(mut handle: Handle, condition: &Condition, timeout: Duration, printer: &mut Printer) -> Exit {
    let end = Instant::now() + timeout;
    loop {
        let picture = handle.pictures.borrow_and_update().clone();
        let reasons = unmet(&picture.snapshot, condition);
        if reasons.is_empty() {
            return Exit::Done;
        }
        if let Ok(Ok(())) = timeout_at(end, handle.pictures.changed()).await {
            continue;
        }
        let last = handle.latest();
        for reason in unmet(&last.snapshot, condition) {
            printer.say(format!("{}: {reason}", handle.cluster));
        }
        let known = last.snapshot.cluster_health() != ClusterHealth::Unknown;
        return if known { Exit::Failed } else { Exit::Unknown };
    }
}
