//! Remembers since when each finding stands, and holds back disagreements until they have settled.

use std::time::Duration;

use crate::health::Draft;
use crate::model::finding::{Finding, Subject};
use crate::model::moment::Moment;
use crate::model::text::Text;

/// Disagreements that are told at once where they are there when a console begins to look: nobody knows how long they
/// last already, and who looks because of them must not see a calm screen first.
const TOLD_AT_FIRST_SIGHT: [&str; 2] = ["several-primaries", "primary-without-lock"];

/// What is seen this soon after the beginning was there before it.
const FIRST_SIGHT: Duration = Duration::from_millis(1_500);

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
    /// Turns the rules' drafts at `now` into findings with their beginning, worst and then oldest first.
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
            let at_first_sight = TOLD_AT_FIRST_SIGHT.contains(&finding.code) && since.since_start() <= FIRST_SIGHT;
            if !settles || at_first_sight || now.since(since) >= settle {
                findings.push(finding);
            }
        }
        findings.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then(a.since.cmp(&b.since)).then_with(|| a.subject.cmp(&b.subject))
        });
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
