//! How the cluster does: the findings in their order, and one word for all of it.

use serde::Serialize;

use super::super::finding::{Finding, Severity, Subject};
use super::super::view::MemberView;
use super::Snapshot;

/// How the cluster does, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterHealth {
    /// Nothing to see.
    #[serde(rename = "well")]
    Ok,
    /// Look.
    #[serde(rename = "look")]
    Warning,
    /// Nothing fresh is known.
    Unknown,
    /// Act.
    #[serde(rename = "act")]
    Critical,
}

impl Snapshot {
    /// The worst finding that nobody has acknowledged.
    pub fn worst(&self) -> Option<&Finding> {
        self.findings.first().filter(|finding| finding.acknowledged.is_none())
    }

    /// Everything found in the one order for lists and headlines, each with whether it is still in the making: what nobody
    /// has acknowledged first, then by severity; of one severity, what stands before what is in the making.
    pub fn ranked_findings(&self) -> Vec<(&Finding, bool)> {
        let standing = self.findings.iter().map(|finding| (finding, false));
        let mut all: Vec<_> = standing.chain(self.pending_findings.iter().map(|finding| (finding, true))).collect();
        let rank = |finding: &Finding| (finding.acknowledged.is_none(), finding.severity);
        all.sort_by(|(one, making), (other, other_making)| {
            let by_rank = rank(other).cmp(&rank(one)).then_with(|| making.cmp(other_making));
            by_rank.then_with(|| one.urgency(other))
        });
        all
    }

    /// The worst finding in the making that would be worth a look.
    pub fn worst_settling(&self) -> Option<&Finding> {
        self.pending_findings
            .first()
            .filter(|finding| finding.acknowledged.is_none() && finding.severity >= Severity::Warning)
    }

    /// Members on record that are known not to be in order, those left aside whose trouble somebody has acknowledged.
    pub fn out_of_order(&self) -> impl Iterator<Item = MemberView<'_>> {
        let known_of = |view: &MemberView<'_>| {
            let acknowledged = self.findings.iter().filter(|finding| finding.acknowledged.is_some());
            let mut of_node = acknowledged.filter(|finding| finding.severity >= Severity::Warning);
            of_node.any(|finding| finding.subject == Subject::Node(view.name().clone()))
        };
        let present = self.views().filter(|view| !view.is_missing());
        present.filter(move |view| view.in_order() == Some(false) && !known_of(view))
    }

    /// How the cluster does. Unknown when no source at all answers: an unseen cluster is not a well one; nor is one of
    /// which a member or a router has not been heard yet. One with a finding in the making, or with a member out of order,
    /// is worth a look.
    pub fn cluster_health(&self) -> ClusterHealth {
        if !self.sees_anything() {
            return ClusterHealth::Unknown;
        }
        match self.worst().map(|finding| finding.severity) {
            Some(Severity::Critical) => ClusterHealth::Critical,
            Some(Severity::Warning) => ClusterHealth::Warning,
            Some(Severity::Note) | None => {
                if self.worst_settling().is_some() || self.out_of_order().next().is_some() {
                    ClusterHealth::Warning
                } else if self.not_reasked().next().is_some() {
                    ClusterHealth::Unknown
                } else {
                    ClusterHealth::Ok
                }
            }
        }
    }
}
