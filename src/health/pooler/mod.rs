//! The poolers against the cluster: whether their clients get through, and to the primary.

mod capacity;
mod database;
mod pause;
mod route;
mod silence;
#[cfg(test)]
mod tests;
mod waiting;

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::moment::Moment;
use crate::model::observed::Reading;
use crate::model::pooler::{PoolerDatabase, PoolerReport};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for reading in &snapshot.poolers {
        silence::examine(snapshot, reading, drafts);
        let Some(report) = reading.fresh(snapshot.now) else { continue };
        let at = reading.answer.as_ref().map(|answer| answer.at);
        let context = PoolerContext { snapshot, reading, report, at };
        pause::examine(&context, drafts);
        capacity::examine(&context, drafts);
        waiting::examine(&context, drafts);
        for database in &report.databases {
            route::examine(&context, database, drafts);
            database::examine(&context, database, drafts);
        }
    }
}

/// One pooler, as it was told last.
struct PoolerContext<'a> {
    snapshot: &'a Snapshot,
    reading: &'a Reading<PoolerReport>,
    report: &'a PoolerReport,
    at: Option<Moment>,
}

impl PoolerContext<'_> {
    fn name(&self) -> &Text {
        &self.reading.source.target
    }

    fn draft(&self, severity: Severity, code: &'static str, title: String) -> FindingDraft {
        FindingDraft::new(severity, code, Subject::Source(self.reading.source.clone()), title)
    }

    /// Adds what the pooler says.
    fn told(&self, draft: FindingDraft, words: impl AsRef<str>) -> FindingDraft {
        draft.evidence(words, Some(self.reading.source.clone()), self.at)
    }

    /// The same of single clients and servers, which may have been asked for before the rest.
    fn told_of_sockets(&self, draft: FindingDraft, words: impl AsRef<str>) -> FindingDraft {
        draft.evidence(words, Some(self.reading.source.clone()), self.report.sockets_asked.or(self.at))
    }

    /// Who leads, by a fresh word.
    fn leader(&self) -> Option<crate::model::observed::Observed<crate::model::name::NodeName>> {
        self.snapshot.leader().filter(|leader| leader.fresh)
    }

    /// Clients of `database` that wait, as far as its pools tell.
    fn waiting(&self, database: &PoolerDatabase) -> u32 {
        let own = self.report.pools.iter().filter(|pool| pool.database == database.name);
        own.filter_map(|pool| pool.clients_waiting).sum()
    }
}

/// `3 clients`.
fn clients(count: u32) -> String {
    crate::model::units::plural(usize::try_from(count).unwrap_or(usize::MAX), "client")
}
