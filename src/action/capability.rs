//! What a kind of stack can have done to it: a row for each verb. Each stack has such a table beside it; whoever offers verbs asks
//! it, and lists what the stack lacks with the reason.

use std::fmt::Write as _;

use super::intent::Intent;
use super::plan::Infeasible;
use super::verb::{EVERY, Verb};

/// Whether a stack has a verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capability {
    /// It has, and by what.
    By(&'static str),
    /// It has not.
    Lacks {
        /// Why.
        reason: &'static str,
        /// What to do instead; empty: nothing needs to be done.
        instead: &'static str,
    },
}

impl Capability {
    /// In one line.
    pub fn describe(&self) -> String {
        match self {
            Self::By(means) => (*means).to_owned(),
            Self::Lacks { reason, instead: "" } => (*reason).to_owned(),
            Self::Lacks { reason, instead } => format!("{reason}: {instead}"),
        }
    }
}

/// What one kind of stack can have done to it.
#[derive(Debug)]
pub struct Capabilities {
    /// What the stack is called in a heading.
    pub called: &'static str,
    /// A row for each verb, by its name on the command line.
    pub rows: &'static [(&'static str, Capability)],
}

impl Capabilities {
    /// The row of `verb`; `None`: the table has none, and the planner has the word.
    pub fn of(&self, verb: &Verb) -> Option<Capability> {
        self.rows.iter().find(|(name, _)| *name == verb.name).map(|(_, capability)| *capability)
    }

    /// Whether the stack has `verb`.
    ///
    /// # Errors
    /// Why not, and what to do instead.
    pub fn permit(&self, verb: &Verb) -> Result<(), Infeasible> {
        match self.of(verb) {
            Some(lacks @ Capability::Lacks { .. }) => Err(Infeasible::because(lacks.describe())),
            Some(Capability::By(_)) | None => Ok(()),
        }
    }

    /// The same for the verb that `intent` is of.
    ///
    /// # Errors
    /// As [`Capabilities::permit`].
    pub fn permit_intent(&self, intent: &Intent) -> Result<(), Infeasible> {
        self.permit(Verb::of(intent))
    }

    /// Verbs without a row, and rows that are of no verb or of one that has a row already. A table that is whole has none.
    pub fn gaps(&self) -> Vec<&'static str> {
        let rows_of = |name: &str| self.rows.iter().filter(|(row, _)| *row == name).count();
        let verbs = EVERY.iter().map(|verb| verb.name).filter(|name| rows_of(name) != 1);
        let strangers = self.rows.iter().map(|(name, _)| *name);
        verbs.chain(strangers.filter(|name| EVERY.iter().all(|verb| verb.name != *name))).collect()
    }
}

/// The tables of several stacks as a page of the manual.
pub fn reference(stacks: &[&Capabilities]) -> String {
    let mut text = String::from(
        "# Verbs by stack\n\nGenerated from what each stack declares (`capabilities.rs` in its directory below `src/driver/ha`).\n\
            A verb that a stack lacks is listed by palette, menu and help all the same, with the reason and what to do instead.\n\n| verb |",
    );
    // Writing to a string cannot fail.
    for stack in stacks {
        let _ = write!(text, " {} |", stack.called);
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(stacks.len()));
    for verb in EVERY {
        let _ = write!(text, "| `{}` |", verb.name);
        for stack in stacks {
            let cell = match stack.of(verb) {
                Some(by @ Capability::By(_)) => by.describe(),
                Some(lacks @ Capability::Lacks { .. }) => format!("no: {}", lacks.describe()),
                None => "?".to_owned(),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}
