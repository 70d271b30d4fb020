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
    let settles = snapshot.settling.iter().any(|other| other.same_as(finding));
    let mut state = Vec::new();
    if settles {
        let lasts = units::duration(snapshot.thresholds.settle);
        state.push(FactLine::said("state", format!("in the making: told once it has lasted {lasts}"), Tone::Dim));
    }
    if let Some(words) = findings::acknowledged_words(snapshot, finding) {
        state.push(FactLine::said("state", words, Tone::Dim));
    }
    let since = finding.since.map_or_else(
        || FactLine::said("since", super::super::table::UNKNOWN, Tone::Stale),
        |since| FactLine::said("since", units::age(snapshot.now.since(since)), Tone::Plain),
    );
    let what = Group {
        title: "Finding".into(),
        facts: vec![
            FactLine::said("what", finding.title.clone(), tones::severity(finding.severity)),
            FactLine::said("severity", finding.severity.word(), tones::severity(finding.severity)),
            FactLine::said("consequence", finding.consequence.phrase(), Tone::Plain),
            FactLine::said("about", finding.subject.to_string(), Tone::Plain),
            since,
            FactLine::said("rule", finding.code, Tone::Dim),
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
    let advice = Group { title: "Advice".into(), facts: vec![FactLine::said("", finding.advice.clone(), Tone::Plain)] };
    [what, evidence, advice].into_iter().filter(|group| !group.facts.is_empty()).collect()
}
