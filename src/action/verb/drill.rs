//! Practice. On the command line it has verbs of its own, since reports belong to it.

use super::super::drill::Scenario;
use super::super::intent::Intent;
use super::super::parse::ParseError;
use super::super::plan::Danger;
use super::{Argument, IntentRequest, Shortcut, Subject, Verb};
use crate::model::units;

pub(super) static DRILL: Verb = Verb {
    name: "drill",
    about: "Run a drill: inject a fault, revert it, and measure the impact on clients",
    arguments: &[
        Argument::word("scenario", "SCENARIO", true, "The scenario"),
        Argument::option("target", "SPAN", "RTO target"),
    ],
    wanted: |given| {
        let word = given.text("scenario").unwrap_or_default();
        let scenario = Scenario::from_name(word).ok_or_else(|| ParseError(format!("{word}: no such scenario")))?;
        let target = given.text("target").map(units::parsed_duration).transpose().map_err(ParseError)?;
        Ok(IntentRequest::Whole(Intent::Drill { scenario, target }))
    },
    commands: &[&RUN_DRILL],
};

/// Its command.
pub static RUN_DRILL: Shortcut = Shortcut {
    verb: &DRILL,
    name: "drill",
    aliases: &["practise", "practice"],
    letter: 'b',
    danger: Danger::Destructive,
    help: "inject a fault, revert it, and measure the impact on clients",
    subject: Subject::Scenario,
    says: &[],
};
