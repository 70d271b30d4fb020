//! How many more clients a pooler takes.

use super::super::finding_draft::FindingDraft;
use super::{PoolerContext, clients};
use crate::model::finding::Severity;

/// From this share of `max_client_conn` on, in percent, it is worth a look.
const NEARLY_FULL: u64 = 90;

pub(super) fn examine(context: &PoolerContext<'_>, drafts: &mut Vec<FindingDraft>) {
    let report = context.report;
    // What counts against the limit is every client, those of the admin console too; the pools' own are the least of it.
    let used = report.sockets.used_clients.or_else(|| report.clients());
    let (Some(used), Some(most)) = (used, report.settings.max_client_connections) else { return };
    if u64::from(used) * 100 < u64::from(most) * NEARLY_FULL {
        return;
    }
    let is_full = used >= most;
    let severity = if is_full { Severity::Critical } else { Severity::Warning };
    let title = if is_full {
        format!("pooler {} takes no more clients: {} of {most}", context.name(), clients(used))
    } else {
        format!("pooler {} is nearly full: {} of {most}", context.name(), clients(used))
    };
    let draft = context.draft(severity, "pooler-full", title);
    let draft = context.told(draft, format!("used_clients {used}, max_client_conn {most}"));
    drafts.push(draft.advise("end idle clients, or raise max_client_conn (and the limit of open files), then RELOAD"));
}
