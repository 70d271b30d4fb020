//! Databases that take no new clients.

use super::super::finding_draft::FindingDraft;
use super::PoolerContext;
use crate::model::finding::Severity;
use crate::model::pooler::PoolerDatabase;

pub(super) fn examine(context: &PoolerContext<'_>, database: &PoolerDatabase, drafts: &mut Vec<FindingDraft>) {
    if database.disabled != Some(true) {
        return;
    }
    let severity = if database.is_configured { Severity::Critical } else { Severity::Warning };
    let title = format!("database {} of pooler {} is disabled: new clients are refused", database.name, context.name());
    let draft = context.draft(severity, "pooler-disabled", title).part(&database.name);
    let advice = format!("if it was left so, run ENABLE {} on its admin console", database.name);
    drafts.push(context.told(draft, "SHOW DATABASES: disabled 1").settling().advise(advice));
}
