//! A sequence of drills as a file tells it.

use std::time::Duration;

use serde::Deserialize;

use crate::action::drill::Scenario;
use crate::config::duration;

/// A sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// The cluster it is written for; `None`: for any.
    pub cluster: Option<String>,
    /// The drills, in order.
    pub steps: Vec<SequenceStep>,
}

/// One drill of a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequenceStep {
    /// What is practised.
    pub scenario: Scenario,
    /// The longest outage wished for.
    pub target: Option<Duration>,
    /// How long the cluster is left whole after it.
    pub pause: Duration,
}

/// Why a file is no sequence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SequenceError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SequenceFile {
    cluster: Option<String>,
    target: Option<String>,
    pause: Option<String>,
    #[serde(default)]
    steps: Vec<WrittenStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    scenario: String,
    target: Option<String>,
    pause: Option<String>,
}

/// How long the cluster is left whole after a drill, unless the file says otherwise.
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);

impl Sequence {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn read(text: &str) -> Result<Self, SequenceError> {
        let written: SequenceFile =
            toml::from_str(text).map_err(|error| SequenceError(error.to_string().trim().replace('\n', " ")))?;
        let span = |key: &str, text: Option<&String>| {
            let read = text.map(|text| duration(text).map_err(|problem| SequenceError(format!("{key}: {problem}"))));
            read.transpose()
        };
        let target = span("target", written.target.as_ref())?;
        let pause = span("pause", written.pause.as_ref())?.unwrap_or(DEFAULT_PAUSE);
        let mut steps = Vec::new();
        for (at, step) in (1..).zip(&written.steps) {
            let scenario = Scenario::from_name(&step.scenario).ok_or_else(|| {
                let known: Vec<&str> = Scenario::ALL.into_iter().map(Scenario::as_str).collect();
                SequenceError(format!("step {at}: no scenario {}; available: {}", step.scenario, known.join(", ")))
            })?;
            steps.push(SequenceStep {
                scenario,
                target: span("target", step.target.as_ref())?.or(target),
                pause: span("pause", step.pause.as_ref())?.unwrap_or(pause),
            });
        }
        if steps.is_empty() {
            return Err(SequenceError("it has no [[steps]]".to_owned()));
        }
        Ok(Self { cluster: written.cluster, steps })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn what_a_step_does_not_say_the_file_says_for_all() {
        let text = "cluster = \"lab\"\ntarget = \"40s\"\n[[steps]]\nscenario = \"switchover\"\ntarget = \"5s\"\n\
                    [[steps]]\nscenario = \"kill\"\npause = \"1m\"\n";
        let sequence = Sequence::read(text).expect("a sequence");
        let reported: Vec<_> = sequence.steps.iter().map(|s| (s.scenario, s.target, s.pause)).collect();
        let seconds = Duration::from_secs;
        assert_eq!(
            reported,
            [(Scenario::Switchover, Some(seconds(5)), DEFAULT_PAUSE), (Scenario::Kill, Some(seconds(40)), seconds(60)),]
        );
    }

    #[rstest]
    #[case("", "no [[steps]]")]
    #[case("[[steps]]\nscenario = \"quake\"", "step 1: no scenario quake; available: switchover, stop")]
    #[case("[[steps]]\nscenario = \"kill\"\ntarget = \"soon\"", "target")]
    #[case("[[steps]]\nscenario = \"kill\"\nnode = \"pg-0\"", "node")]
    fn nonsense_is_named(#[case] text: &str, #[case] expected: &str) {
        let error = Sequence::read(text).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
