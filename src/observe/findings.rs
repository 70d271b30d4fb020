//! Remembers since when each finding stands, and holds back disagreements until they have settled.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::health::FindingDraft;
use crate::model::acknowledgement::Acknowledgement;
use crate::model::finding::{Finding, Subject};
use crate::model::moment::Moment;
use crate::model::text::Text;

/// Disagreements that are told at once where they are there when a console begins to look: nobody knows how long they
/// last already, and who looks because of them must not see a calm screen first.
const REPORTED_IMMEDIATELY: [&str; 2] = ["several-primaries", "primary-without-lock"];

/// What is seen this soon after the beginning was there before it.
const FIRST_SIGHT_DELAY: Duration = Duration::from_millis(1_500);

/// What stands at one moment, and what is in the making.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JudgedFindings {
    /// What is told.
    pub findings: Vec<Finding>,
    /// What has not lasted long enough yet.
    pub settling: Vec<Finding>,
}

impl JudgedFindings {
    /// Notes on every finding who knows of it at `wall`, by `acknowledgements` of this cluster.
    #[must_use]
    pub fn noting(mut self, acknowledgements: &[Arc<Acknowledgement>], wall: Timestamp) -> Self {
        if acknowledgements.is_empty() {
            return self;
        }
        for finding in self.findings.iter_mut().chain(&mut self.settling) {
            finding.acknowledged = acknowledgements.iter().rev().find(|known| known.covers(finding, wall)).cloned();
        }
        self.sort();
        self
    }

    fn sort(&mut self) {
        self.findings.sort_by(Finding::urgency);
        self.settling.sort_by(Finding::urgency);
    }
}

/// Memory of the findings of one cluster.
#[derive(Debug, Default)]
pub struct FindingMemory {
    known: Vec<TrackedFinding>,
}

#[derive(Debug)]
struct TrackedFinding {
    code: &'static str,
    subject: Subject,
    part: Text,
    since: Moment,
}

impl FindingMemory {
    /// Turns the rules' drafts at `now` into findings with their beginning, in the order of [`Finding::urgency`].
    pub fn settle(&mut self, drafts: Vec<FindingDraft>, settle: Duration, now: Moment) -> JudgedFindings {
        self.known.retain(|known| drafts.iter().any(|draft| known.is(&draft.finding)));
        let mut settled = JudgedFindings::default();
        for FindingDraft { mut finding, settles } in drafts {
            let since = match self.known.iter().find(|known| known.is(&finding)) {
                Some(known) => known.since,
                None => {
                    let (code, subject, part) = (finding.code, finding.subject.clone(), finding.part.clone());
                    self.known.push(TrackedFinding { code, subject, part, since: now });
                    now
                }
            };
            finding.since = Some(since);
            let at_first_sight =
                REPORTED_IMMEDIATELY.contains(&finding.code) && since.since_start() <= FIRST_SIGHT_DELAY;
            if !settles || at_first_sight || now.since(since) >= settle {
                settled.findings.push(finding);
            } else {
                settled.settling.push(finding);
            }
        }
        settled.sort();
        settled
    }

    /// When a disagreement that is still held back will have settled; `None` if none is.
    pub fn next_due(&self, settle: Duration, now: Moment) -> Option<Moment> {
        self.known.iter().map(|known| known.since + settle).filter(|due| *due > now).min()
    }
}

impl TrackedFinding {
    fn is(&self, finding: &Finding) -> bool {
        self.code == finding.code && self.subject == finding.subject && self.part == finding.part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;

    const SECOND: Duration = Duration::from_secs(1);

    fn draft(severity: Severity, code: &'static str) -> FindingDraft {
        FindingDraft::new(severity, code, Subject::Cluster, code)
    }

    fn order(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.code).collect()
    }

    /// What has stood for weeks must not be the headline of what has just begun, and the worst consequence comes first
    /// whatever began when.
    #[test]
    fn the_worst_consequence_comes_first_and_within_it_the_newest() {
        use Severity::{Critical, Warning};
        let old = [(Warning, "pending-restart"), (Warning, "router-silent"), (Critical, "no-successor")];
        let new = [(Warning, "lag"), (Warning, "dcs-member-silent"), (Critical, "several-primaries")];
        let mut memory = FindingMemory::default();
        let drafts = |of: &[(Severity, &'static str)]| of.iter().map(|(s, code)| draft(*s, code)).collect::<Vec<_>>();
        memory.settle(drafts(&old), SECOND, Moment::START);
        let with_lag = [&old[..], &new[..1]].concat();
        memory.settle(drafts(&with_lag), SECOND, Moment::START + SECOND * 5);
        let all = [&old[..], &new[..]].concat();
        let findings = memory.settle(drafts(&all), SECOND, Moment::START + SECOND * 9).findings;
        assert_eq!(
            order(&findings),
            ["several-primaries", "no-successor", "dcs-member-silent", "lag", "router-silent", "pending-restart"]
        );
    }

    fn acknowledged(finding: &Finding, until: Timestamp) -> Vec<Arc<Acknowledgement>> {
        let reported = (Text::new("alice@bastion"), Text::new("maintenance window"));
        vec![Arc::new(Acknowledgement::of(&"prod-eu".into(), finding, reported, (Timestamp::UNIX_EPOCH, until)))]
    }

    #[test]
    fn what_is_acknowledged_sinks_until_it_expires_or_gets_worse() {
        use Severity::{Critical, Warning};
        let until = Timestamp::from_second(3600).unwrap();
        let known = acknowledged(&draft(Warning, "router-silent").finding, until);
        let reported = |severity, at| {
            let drafts = vec![draft(severity, "router-silent"), draft(Warning, "pending-restart")];
            let settled = FindingMemory::default().settle(drafts, Duration::ZERO, Moment::START).noting(&known, at);
            order(&settled.findings).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(reported(Warning, Timestamp::UNIX_EPOCH), ["pending-restart", "router-silent"]);
        assert_eq!(reported(Warning, until), ["router-silent", "pending-restart"], "it has expired");
        assert_eq!(reported(Critical, Timestamp::UNIX_EPOCH), ["router-silent", "pending-restart"], "it got worse");
    }

    #[test]
    fn what_has_not_lasted_is_in_the_making_and_not_lost() {
        let mut memory = FindingMemory::default();
        let drafts = || vec![draft(Severity::Warning, "not-streaming").settling()];
        let settled = memory.settle(drafts(), SECOND * 5, Moment::START);
        assert_eq!((order(&settled.findings).len(), order(&settled.settling)), (0, vec!["not-streaming"]));
        let settled = memory.settle(drafts(), SECOND * 5, Moment::START + SECOND * 5);
        assert_eq!((order(&settled.findings), settled.settling.len()), (vec!["not-streaming"], 0));
    }
}
