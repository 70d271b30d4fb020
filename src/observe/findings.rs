//! Remembers since when each finding stands, and holds back disagreements until they have settled.

use std::time::Duration;

use crate::health::Draft;
use crate::model::finding::{Finding, Subject};
use crate::model::moment::Moment;
use crate::model::text::Text;

/// Memory of the findings of one cluster.
#[derive(Debug, Default)]
pub struct FindingMemory {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    code: &'static str,
    subject: Subject,
    part: Text,
    since: Moment,
}

impl FindingMemory {
    /// Turns the rules' drafts at `now` into findings with their beginning, in the order of [`Finding::urgency`].
    pub fn settle(&mut self, drafts: Vec<Draft>, settle: Duration, now: Moment) -> Vec<Finding> {
        self.known.retain(|known| drafts.iter().any(|draft| known.is(&draft.finding)));
        let mut findings = Vec::with_capacity(drafts.len());
        for Draft { mut finding, settles } in drafts {
            let since = match self.known.iter().find(|known| known.is(&finding)) {
                Some(known) => known.since,
                None => {
                    let (code, subject, part) = (finding.code, finding.subject.clone(), finding.part.clone());
                    self.known.push(Known { code, subject, part, since: now });
                    now
                }
            };
            finding.since = Some(since);
            if !settles || now.since(since) >= settle {
                findings.push(finding);
            }
        }
        findings.sort_by(Finding::urgency);
        findings
    }

    /// When a disagreement that is still held back will have settled; `None` if none is.
    pub fn next_settling(&self, settle: Duration, now: Moment) -> Option<Moment> {
        self.known.iter().map(|known| known.since + settle).filter(|due| *due > now).min()
    }
}

impl Known {
    fn is(&self, finding: &Finding) -> bool {
        self.code == finding.code && self.subject == finding.subject && self.part == finding.part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;

    const SECOND: Duration = Duration::from_secs(1);

    fn draft(severity: Severity, code: &'static str) -> Draft {
        Draft::new(severity, code, Subject::Cluster, code)
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
        let findings = memory.settle(drafts(&all), SECOND, Moment::START + SECOND * 9);
        assert_eq!(
            order(&findings),
            ["several-primaries", "no-successor", "router-silent", "dcs-member-silent", "lag", "pending-restart"]
        );
    }
}
