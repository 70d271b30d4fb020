//! What changed at the poolers: what holds their clients, and where they lead.

use super::Changes;
use crate::model::event::EventKind;
use crate::model::finding::{Severity, Subject};
use crate::model::pooler::{PoolerDatabase, PoolerState};
use crate::model::snapshot::Snapshot;

pub(super) fn poolers(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    for reading in &after.poolers {
        let old = before.poolers.iter().find(|old| old.source == reading.source);
        let (Some(was), Some(is)) = (old.and_then(|old| old.last()), reading.fresh(after.now)) else { continue };
        let mut push = |severity, text: String| {
            let source = reading.source.clone();
            changes.push(EventKind::Pooler, severity, Subject::Source(source.clone()), text, Some(source));
        };
        if was.state != is.state && [was.state, is.state].iter().all(|state| *state != PoolerState::Unknown) {
            let severity = if is.state == PoolerState::Active { Severity::Note } else { Severity::Warning };
            push(severity, format!("{} → {}", was.state.as_str(), is.state.as_str()));
        }
        for database in &is.databases {
            let Some(old) = was.database(&database.name) else { continue };
            for (severity, text) in of_database(old, database) {
                push(severity, text);
            }
        }
    }
}

fn of_database(was: &PoolerDatabase, is: &PoolerDatabase) -> Vec<(Severity, String)> {
    let name = &is.name;
    let mut events = Vec::new();
    let flag = |was: Option<bool>, is: Option<bool>| is.filter(|_| was.is_some() && was != is);
    match flag(was.paused, is.paused) {
        Some(true) => events.push((Severity::Warning, format!("database {name} paused"))),
        Some(false) => events.push((Severity::Note, format!("database {name} resumed"))),
        None => {}
    }
    match flag(was.disabled, is.disabled) {
        Some(true) => events.push((Severity::Warning, format!("database {name} disabled"))),
        Some(false) => events.push((Severity::Note, format!("database {name} enabled"))),
        None => {}
    }
    if let (Some(old), Some(new)) = (was.address(), is.address())
        && old != new
    {
        events.push((Severity::Note, format!("database {name} routes to {old} → {new}")));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::super::between;
    use crate::model::pooler::PoolerReport;
    use crate::model::pooler::PoolerState;
    use crate::model::pooler::test_support::working;
    use crate::model::source::SourceKind;
    use crate::model::test_support::{healthy, reading_of};

    fn texts(before: impl FnOnce(&mut PoolerReport), after: impl FnOnce(&mut PoolerReport)) -> Vec<String> {
        let with = |report| {
            let mut snapshot = healthy();
            snapshot.poolers = vec![reading_of(SourceKind::Pooler, "edge", 100, report)];
            snapshot
        };
        let (mut old, mut new) = (working(), working());
        before(&mut old);
        after(&mut new);
        between(&with(old), &with(new), 0).into_iter().map(|event| event.text.to_string()).collect()
    }

    #[test]
    fn pauses_and_other_addresses_are_events_and_what_becomes_unknown_is_none() {
        assert_eq!(texts(|_| {}, |report| report.state = PoolerState::Paused), ["active → paused"]);
        assert_eq!(texts(|_| {}, |report| report.databases[0].paused = Some(true)), ["database shop paused"]);
        assert_eq!(texts(|report| report.databases[0].disabled = Some(true), |_| {}), ["database shop enabled"]);
        assert_eq!(
            texts(|_| {}, |report| report.databases[0].host = Some("10.0.0.1".into())),
            ["database shop routes to 10.0.0.0:5432 → 10.0.0.1:5432"]
        );
        let unknown = |report: &mut PoolerReport| {
            report.state = PoolerState::Unknown;
            report.databases[0].paused = None;
        };
        assert!(texts(|_| {}, unknown).is_empty());
    }
}
