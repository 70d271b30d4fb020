//! What can still be chosen in the dialog of an action: a row for each option, which stands for an argument of its verb. Keys, hints
//! and the line that tells what is chosen are made from the rows.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::action::Intent;
use crate::action::intent::{AfterDrain, CopySource, DRAIN_WAIT, LeadIntent, NodeIntent, RouterIntent};
use crate::action::parse::moment;
use crate::config::duration;
use crate::report::units;

/// An option.
#[derive(Debug)]
pub(in crate::tui) struct DialogOption {
    /// Its key.
    pub(super) letter: char,
    /// The argument of the verb that says the same on the command line.
    argument: &'static str,
    /// What it is called where its value is shown.
    pub(super) label: &'static str,
    /// What it is called among the keys.
    pub(super) hint: &'static str,
    /// What is chosen; `None`: the intent leaves nothing to choose here.
    chosen: fn(&Intent, &TimeZone) -> Option<String>,
    /// How another value is chosen.
    pub(super) change: OptionChange,
}

/// How another value is chosen.
#[derive(Clone, Copy, Debug)]
pub(in crate::tui) enum OptionChange {
    /// The key chooses the next one.
    Next(fn(&mut Intent)),
    /// It is typed.
    Typed {
        /// What is asked.
        question: &'static str,
        /// Takes what was typed, at this time of day; an error: what is wrong with it.
        take: fn(&mut Intent, &str, Timestamp) -> Result<(), String>,
    },
}

/// Every option, in the order in which values are shown.
static OPTIONS: &[DialogOption] = &[
    DialogOption {
        letter: 't',
        argument: "at",
        label: "when",
        hint: "when",
        chosen: |intent, zone| match intent {
            Intent::Lead(LeadIntent::Switchover { at, .. }) | Intent::Node(NodeIntent::Restart { at, .. }) => {
                Some(at.map_or_else(|| "now".to_owned(), |at| units::date_time(at, zone)))
            }
            _ => None,
        },
        change: OptionChange::Typed {
            question: "When (+10m, or 2026-11-21T03:00:00+01:00; empty: now): ",
            take: |intent, typed, wall| {
                let when =
                    if typed.is_empty() { None } else { Some(moment(typed, wall).map_err(|why| why.to_string())?) };
                if let Intent::Lead(LeadIntent::Switchover { at, .. }) | Intent::Node(NodeIntent::Restart { at, .. }) =
                    intent
                {
                    *at = when;
                }
                Ok(())
            },
        },
    },
    DialogOption {
        letter: 's',
        argument: "no-swift",
        label: "swift",
        hint: "swift",
        chosen: |intent, _| match intent {
            // At its time Patroni carries it out by itself, and nobody is there to tell a router.
            Intent::Lead(LeadIntent::Switchover { at: None, swift, .. }) => Some(on_or_off(*swift)),
            _ => None,
        },
        change: OptionChange::Next(|intent| {
            if let Intent::Lead(LeadIntent::Switchover { swift, .. }) = intent {
                *swift = !*swift;
            }
        }),
    },
    DialogOption {
        letter: 'b',
        argument: "through-poolers",
        label: "through poolers",
        hint: "poolers",
        chosen: |intent, _| match intent {
            // At its time nobody is there to pause one.
            Intent::Lead(LeadIntent::Switchover { at: None, through_poolers, .. }) => {
                Some(through_poolers.map_or_else(|| "auto".to_owned(), on_or_off))
            }
            _ => None,
        },
        change: OptionChange::Next(|intent| {
            if let Intent::Lead(LeadIntent::Switchover { through_poolers, .. }) = intent {
                *through_poolers = match through_poolers {
                    None => Some(true),
                    Some(true) => Some(false),
                    Some(false) => None,
                };
            }
        }),
    },
    DialogOption {
        letter: 'p',
        argument: "pending",
        label: "only if pending restart",
        hint: "only if pending",
        chosen: |intent, _| match intent {
            Intent::Node(NodeIntent::Restart { only_pending, .. }) => Some(on_or_off(*only_pending)),
            _ => None,
        },
        change: OptionChange::Next(|intent| {
            if let Intent::Node(NodeIntent::Restart { only_pending, .. }) = intent {
                *only_pending = !*only_pending;
            }
        }),
    },
    DialogOption {
        letter: 'n',
        argument: "then",
        label: "then",
        hint: "then",
        chosen: |intent, _| match intent {
            Intent::Router(RouterIntent::Drain { then, .. }) => Some(
                match then {
                    AfterDrain::Leave => "leave it drained",
                    AfterDrain::Restart => "restart it, then undrain",
                    AfterDrain::Reinit => "reinit it, then undrain",
                }
                .to_owned(),
            ),
            _ => None,
        },
        change: OptionChange::Next(|intent| {
            if let Intent::Router(RouterIntent::Drain { then, .. }) = intent {
                *then = match then {
                    AfterDrain::Leave => AfterDrain::Restart,
                    AfterDrain::Restart => AfterDrain::Reinit,
                    AfterDrain::Reinit => AfterDrain::Leave,
                };
            }
        }),
    },
    DialogOption {
        letter: 't',
        argument: "wait",
        label: "max wait",
        hint: "max wait",
        chosen: |intent, _| match intent {
            Intent::Router(RouterIntent::Drain { wait, .. }) => Some(units::duration(*wait)),
            _ => None,
        },
        change: OptionChange::Typed {
            question: "Max wait for its sessions to end (90s, 10m; empty: 1 min): ",
            take: |intent, typed, _| {
                let longest = if typed.is_empty() { DRAIN_WAIT } else { duration(typed)? };
                if let Intent::Router(RouterIntent::Drain { wait, .. }) = intent {
                    *wait = longest;
                }
                Ok(())
            },
        },
    },
    DialogOption {
        letter: 't',
        argument: "target",
        label: "target",
        hint: "target",
        chosen: |intent, _| match intent {
            Intent::Drill { target, .. } => Some(target.map_or_else(|| "none".to_owned(), units::latency)),
            _ => None,
        },
        change: OptionChange::Typed {
            question: "RTO target (30s; empty: none): ",
            take: |intent, typed, _| {
                let longest = if typed.is_empty() { None } else { Some(duration(typed)?) };
                if let Intent::Drill { target, .. } = intent {
                    *target = longest;
                }
                Ok(())
            },
        },
    },
    DialogOption {
        letter: 'l',
        argument: "from-leader",
        label: "clone from",
        hint: "clone from",
        chosen: |intent, _| match intent {
            Intent::Node(NodeIntent::Reinit { source: CopySource::Leader, .. }) => Some("the leader".to_owned()),
            Intent::Node(NodeIntent::Reinit { source: CopySource::Any, .. }) => Some("chosen by Patroni".to_owned()),
            _ => None,
        },
        change: OptionChange::Next(|intent| {
            if let Intent::Node(NodeIntent::Reinit { source, .. }) = intent {
                *source = if *source == CopySource::Any { CopySource::Leader } else { CopySource::Any };
            }
        }),
    },
    DialogOption {
        letter: 'g',
        argument: "again",
        label: "cancel a running reinit first",
        hint: "cancel a running reinit",
        chosen: |intent, _| match intent {
            Intent::Node(NodeIntent::Reinit { again, .. }) => Some(on_or_off(*again)),
            _ => None,
        },
        change: OptionChange::Next(|intent| {
            if let Intent::Node(NodeIntent::Reinit { again, .. }) = intent {
                *again = !*again;
            }
        }),
    },
];

fn on_or_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

/// The options that `intent` leaves, each with what is chosen; times are written in `zone`.
pub(super) fn options(intent: &Intent, zone: &TimeZone) -> impl Iterator<Item = (&'static DialogOption, String)> {
    OPTIONS.iter().filter_map(move |option| Some((option, (option.chosen)(intent, zone)?)))
}

/// The option of `intent` with the key `letter`.
pub(super) fn option(intent: &Intent, letter: char) -> Option<&'static DialogOption> {
    available(intent).into_iter().find(|option| option.letter == letter)
}

/// The options that `intent` leaves.
pub(super) fn available(intent: &Intent) -> Vec<&'static DialogOption> {
    options(intent, &TimeZone::UTC).map(|(option, _)| option).collect()
}

impl DialogOption {
    /// `intent` with the next value; `None`: values are typed.
    pub(super) fn with_next_value(&self, intent: &Intent) -> Option<Intent> {
        let OptionChange::Next(turn) = self.change else { return None };
        let mut turned = intent.clone();
        turn(&mut turned);
        Some(turned)
    }

    /// `intent` with what was typed, at the time of day `wall`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn typed(&self, intent: &Intent, typed: &str, wall: Timestamp) -> Result<Intent, String> {
        let mut changed = intent.clone();
        if let OptionChange::Typed { take, .. } = self.change {
            take(&mut changed, typed, wall)?;
        }
        Ok(changed)
    }

    /// What is asked, where values are typed.
    pub(super) fn question(&self) -> Option<&'static str> {
        match self.change {
            OptionChange::Typed { question, .. } => Some(question),
            OptionChange::Next(_) => None,
        }
    }
}

impl PartialEq for DialogOption {
    fn eq(&self, other: &Self) -> bool {
        self.argument == other.argument
    }
}

impl Eq for DialogOption {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::action::drill::Scenario;
    use crate::action::intent::Target;
    use crate::action::verb::Verb;

    fn intents() -> Vec<Intent> {
        vec![
            Intent::Lead(LeadIntent::Switchover { candidate: None, at: None, swift: true, through_poolers: None }),
            Intent::Node(NodeIntent::Restart { target: Target::All, only_pending: false, at: None }),
            Intent::Node(NodeIntent::Reinit { member: "pg-1".into(), source: CopySource::Any, again: false }),
            Intent::Router(RouterIntent::Drain { member: "pg-1".into(), then: AfterDrain::Leave, wait: DRAIN_WAIT }),
            Intent::Drill { scenario: Scenario::Router, target: None },
        ]
    }

    #[test]
    fn every_option_is_an_argument_of_its_verb_and_has_a_key_of_its_own_there() {
        let mut seen = BTreeSet::new();
        for intent in intents() {
            let verb = Verb::of(&intent);
            let mut letters = BTreeSet::new();
            for (option, _) in options(&intent, &TimeZone::UTC) {
                let is_argument = verb.arguments.iter().any(|argument| argument.name == option.argument);
                assert!(is_argument, "{} has no {}", verb.name, option.argument);
                assert!(letters.insert(option.letter), "{}: {} means two things", verb.name, option.letter);
                seen.insert(option.argument);
            }
        }
        assert_eq!(seen.len(), OPTIONS.len(), "an option that no dialog has");
    }

    #[test]
    fn another_value_is_shown_once_it_is_chosen() {
        for intent in intents() {
            for (option, before) in options(&intent, &TimeZone::UTC) {
                let wall = Timestamp::UNIX_EPOCH;
                let changed = option.with_next_value(&intent).or_else(|| option.typed(&intent, "30s", wall).ok());
                let changed = changed.or_else(|| option.typed(&intent, "+10m", wall).ok()).expect("another value");
                let after = (option.chosen)(&changed, &TimeZone::UTC);
                assert_ne!(after, Some(before), "{} of {}", option.argument, intent.verb());
                if option.question().is_some() {
                    assert!(option.typed(&intent, "soon", wall).is_err(), "{} takes anything", option.argument);
                    assert_eq!(option.typed(&changed, "", wall).as_ref(), Ok(&intent), "{}", option.argument);
                }
            }
        }
    }
}
