//! What began, got worse or ended between two pictures: what bells, hooks and `watch` tell of. What somebody has
//! acknowledged disturbs nobody.

use serde::Serialize;

use crate::model::finding::{Finding, Severity};
use crate::model::name::ClusterName;

/// What became of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was there when the looking began.
    Stands,
    /// It began.
    Began,
    /// It is more severe than it was.
    Worse,
    /// It ended.
    Ended,
}

impl Change {
    /// The word shown.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Stands => "active",
            Self::Began => "started",
            Self::Worse => "escalated",
            Self::Ended => "resolved",
        }
    }

    /// The word that scripts read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Began => "began",
            Self::Worse => "worse",
            Self::Ended => "ended",
        }
    }
}

/// One finding with what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// Cluster.
    pub cluster: ClusterName,
    /// What became of it.
    pub change: Change,
    /// As it is, or as it last was.
    pub finding: Finding,
}

/// What leads from `before` to `after`, the worst first, then what ended. Notes are not told.
pub fn between(cluster: &ClusterName, before: &[Finding], after: &[Finding]) -> Vec<Alert> {
    let disturbs = |finding: &&Finding| finding.severity >= Severity::Warning && finding.acknowledged.is_none();
    let begun = after.iter().filter(disturbs).filter_map(|new| {
        let old = before.iter().filter(disturbs).find(|old| old.same_as(new));
        let change = match old {
            None => Change::Began,
            Some(old) if old.severity < new.severity => Change::Worse,
            Some(_) => return None,
        };
        Some((change, new))
    });
    let ended = before.iter().filter(disturbs).filter(|old| {
        // One that is only a note by now is over for whoever is disturbed by it; one that somebody acknowledged is not.
        !after.iter().any(|new| new.same_as(old) && new.severity >= Severity::Warning)
    });
    let alert =
        |(change, finding): (Change, &Finding)| Alert { cluster: cluster.clone(), change, finding: finding.clone() };
    begun.chain(ended.map(|old| (Change::Ended, old))).map(alert).collect()
}

/// What stands when the looking begins.
pub fn standing(cluster: &ClusterName, findings: &[Finding]) -> Vec<Alert> {
    let mut alerts = between(cluster, &[], findings);
    for alert in &mut alerts {
        alert.change = Change::Stands;
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{acknowledge, findings, healthy};
    use super::*;

    fn alerts_between(before: &[Finding], after: &[Finding]) -> Vec<(Change, &'static str)> {
        between(&"prod-eu".into(), before, after).into_iter().map(|alert| (alert.change, alert.finding.code)).collect()
    }

    #[test]
    fn what_begins_gets_worse_and_ends_is_reported_once_each_and_notes_are_not() {
        let warned = findings();
        let mut worse = warned.clone();
        worse[0].severity = Severity::Critical;
        assert_eq!(alerts_between(&[], &warned), [(Change::Began, "replica-lags")]);
        assert_eq!(alerts_between(&warned, &warned), []);
        assert_eq!(alerts_between(&warned, &worse), [(Change::Worse, "replica-lags")]);
        assert_eq!(alerts_between(&worse, &warned), []);
        assert_eq!(alerts_between(&warned, &[]), [(Change::Ended, "replica-lags")]);
    }

    #[test]
    fn what_is_acknowledged_is_neither_reported_nor_stated_to_have_ended_and_comes_back_when_that_is_over() {
        let mut snapshot = healthy();
        snapshot.findings = findings();
        acknowledge(&mut snapshot, |_| true);
        assert_eq!(alerts_between(&[], &snapshot.findings), []);
        assert_eq!(alerts_between(&findings(), &snapshot.findings), []);
        assert_eq!(alerts_between(&snapshot.findings, &findings()), [(Change::Began, "replica-lags")]);
    }
}
