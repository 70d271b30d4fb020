//! What prepares the cluster once: a failure of it is told; that it has not ended, or is gone, is no trouble.

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::observed::Reading;
use crate::model::parts::{PreparationState, RuntimeReport};
use crate::model::snapshot::Snapshot;
use crate::model::units;

/// Lines of its log that are told.
const MAX_LINES: usize = 5;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    drafts.extend(snapshot.runtimes.iter().filter_map(|reading| failed(snapshot, reading)));
}

fn failed(snapshot: &Snapshot, reading: &Reading<RuntimeReport>) -> Option<FindingDraft> {
    let preparation = reading.fresh(snapshot.now)?.preparation.as_ref()?;
    let PreparationState::Failed { code, out_of_memory, retries, at, lines } = &preparation.state else { return None };
    let name = &preparation.container;
    let title = format!("{name}, the setup container of the cluster, exited with code {code}");
    let mut draft = FindingDraft::new(Severity::Warning, "preparation-failed", Subject::Cluster, title).part(name);
    let source = || Some(reading.source.clone());
    let answered = reading.answer.as_ref().map(|answer| answer.at);
    if let Some(at) = at {
        let again = if *retries { "; its restart policy restarts it" } else { "" };
        draft = draft.evidence(format!("exited at {}{again}", units::utc(*at)), source(), answered);
    }
    if *out_of_memory {
        draft = draft.evidence("killed by the kernel: out of memory", source(), answered);
    }
    for line in &lines[lines.len().saturating_sub(MAX_LINES)..] {
        draft = draft.evidence(format!("last log line: {line}"), source(), answered);
    }
    Some(draft.advise(format!(
        "read its log (docker logs {name}), fix the cause, and start it again (docker start {name}); `pgctl-tui doctor` \
            checks whether the role and the database that it creates exist"
    )))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::parts::Preparation;
    use crate::model::source::{Source, SourceKind};
    use crate::model::test_support::{healthy, now, seconds};

    fn evaluated(state: PreparationState, ago: Duration) -> Vec<FindingDraft> {
        let mut snapshot = healthy();
        let source = Source::new(SourceKind::Runtime, "db-init");
        let mut reading = Reading::not_attempted(source, seconds(62), now() - seconds(300));
        let preparation = Some(Preparation { container: "shop_db-init_1".into(), state });
        let report = RuntimeReport { version: "".into(), containers: Vec::new(), preparation };
        reading.take(now() - ago, seconds(0), Ok(Arc::new(report)));
        snapshot.runtimes.push(reading);
        let mut drafts = Vec::new();
        examine(&snapshot, &mut drafts);
        drafts
    }

    fn failed() -> PreparationState {
        let lines = (0..7).map(|number| format!("line {number}").into()).collect();
        PreparationState::Failed { code: 3, out_of_memory: false, retries: true, at: None, lines }
    }

    #[test]
    fn a_failure_is_reported_with_its_code_its_last_lines_and_what_to_do() {
        let drafts = evaluated(failed(), seconds(5));
        let [draft] = drafts.as_slice() else { panic!("{drafts:?}") };
        let finding = &draft.finding;
        assert_eq!((finding.code, finding.severity), ("preparation-failed", Severity::Warning));
        assert!(finding.title.as_str().contains("shop_db-init_1") && finding.title.as_str().contains("code 3"));
        let said: Vec<&str> = finding.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        assert_eq!(
            said,
            [
                "last log line: line 2",
                "last log line: line 3",
                "last log line: line 4",
                "last log line: line 5",
                "last log line: line 6"
            ]
        );
        assert!(finding.advice.as_str().contains("docker logs shop_db-init_1"), "{}", finding.advice);
    }

    #[test]
    fn what_is_done_goes_on_is_gone_or_was_reported_long_ago_is_no_failure() {
        let quiet = [
            PreparationState::Absent,
            PreparationState::Waiting,
            PreparationState::Running { since: None },
            PreparationState::Done { at: None },
        ];
        for state in quiet {
            assert!(evaluated(state.clone(), seconds(5)).is_empty(), "{state:?}");
        }
        assert!(evaluated(failed(), seconds(200)).is_empty(), "nobody knows what has become of it");
    }
}
