//! That somebody knows of a finding: until when, why, and who. It belongs to this host, not to the cluster.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::{Consequence, Finding, Severity};
use super::name::ClusterName;
use super::text::Text;

/// A finding that somebody knows of. It sinks below the others until this expires, or until it gets worse.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Cluster, by its name in the configuration.
    pub cluster: ClusterName,
    /// Rule.
    pub code: Text,
    /// What the finding is about, as it is shown.
    pub subject: Text,
    /// Part of the subject; empty where the finding has none.
    pub part: Text,
    /// How severe it was then.
    pub severity: Severity,
    /// What it cost then.
    pub consequence: Consequence,
    /// `user@host`.
    pub by: Text,
    /// Why.
    pub reason: Text,
    /// When.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Acknowledgement {
    /// Of `finding` as it is now.
    pub fn of(
        cluster: &ClusterName,
        finding: &Finding,
        (by, reason): (Text, Text),
        (at, until): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            cluster: cluster.clone(),
            code: Text::new(finding.code),
            subject: Text::new(finding.subject.to_string()),
            part: finding.part.clone(),
            severity: finding.severity,
            consequence: finding.consequence,
            by,
            reason,
            at,
            until,
        }
    }

    /// Whether both are of the same finding.
    pub fn same_finding(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && self.code == other.code
            && self.subject == other.subject
            && self.part == other.part
    }

    /// Whether it holds for `finding` of its cluster at `wall`. What is worse than what was acknowledged is news.
    pub fn covers(&self, finding: &Finding, wall: Timestamp) -> bool {
        wall < self.until
            && finding.code == self.code.as_str()
            && finding.part == self.part
            && finding.severity <= self.severity
            && finding.consequence <= self.consequence
            && finding.subject.to_string() == self.subject.as_str()
    }
}
