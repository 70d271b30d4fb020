//! Detail of a finding.

use super::super::findings;
use super::super::table::Tone;
use super::super::{tones, units};
use super::{FactLine, Group};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Full evidence and advice of the finding called `row_id` in [`findings`](crate::report::findings).
pub fn finding(snapshot: &Snapshot, row_id: &Text) -> Vec<Group> {
    let Some(finding) = findings::named(snapshot, row_id) else { return Vec::new() };
    let settles = snapshot.pending_findings.iter().any(|other| other.same_as(finding));
    let mut state = Vec::new();
    if settles {
        let lasts = units::duration(snapshot.thresholds.settle);
        state.push(FactLine::stated("state", format!("pending: raised once it has lasted {lasts}"), Tone::Dim));
    }
    if let Some(words) = findings::acknowledged_text(snapshot, finding) {
        state.push(FactLine::stated("state", words, Tone::Dim));
    }
    let since = finding.since.map_or_else(
        || FactLine::stated("since", super::super::table::UNKNOWN, Tone::Stale),
        |since| FactLine::stated("since", units::age(snapshot.now.since(since)), Tone::Plain),
    );
    let what = Group {
        title: "Finding".into(),
        facts: vec![
            FactLine::stated("what", finding.title.clone(), tones::severity(finding.severity)),
            FactLine::stated("severity", finding.severity.as_str(), tones::severity(finding.severity)),
            FactLine::stated("consequence", finding.consequence.phrase(), Tone::Plain),
            FactLine::stated("about", finding.subject.to_string(), Tone::Plain),
            since,
            FactLine::stated("rule", finding.code, Tone::Dim),
        ]
        .into_iter()
        .chain(state)
        .collect(),
    };
    let evidence = finding.evidence.iter().map(|fact| FactLine {
        label: Text::default(),
        value: fact.text.clone(),
        source: fact.source.clone(),
        age: fact.at.map(|at| snapshot.now.since(at)),
        tone: Tone::Plain,
    });
    let evidence = Group { title: "Evidence".into(), facts: evidence.collect() };
    let advice =
        Group { title: "Advice".into(), facts: vec![FactLine::stated("", finding.advice.clone(), Tone::Plain)] };
    [what, evidence, advice].into_iter().filter(|group| !group.facts.is_empty()).collect()
}
