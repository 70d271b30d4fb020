//! What can be done to a cluster: one row a verb. Command line, palette, menu, dialogs and the key reference are made from
//! these rows, so that a verb is said in one place: what it is called, what follows it, whom it is about, how dangerous it
//! is, and what it wants.

mod argument;
mod argument_values;
mod configuration;
mod drill;
mod intent_request;
mod lead;
mod node;
mod pooler;
mod router;
mod session;
mod undo;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::intent::{ConfigurationIntent, Intent, LeadIntent, NodeIntent, RouterIntent, SessionIntent};
use super::parse::ParseError;
use super::plan::Danger;
pub use argument::{Argument, Choice, Kind, Place};
pub use argument_values::ArgumentValues;
pub use configuration::{CONFIGURE, SET};
pub use drill::RUN_DRILL;
pub use intent_request::IntentRequest;
pub use lead::{CANCEL_SWITCHOVER, FAILOVER_SHORTCUT, PAUSE, RESUME, SWITCHOVER_SHORTCUT};
pub use node::{CANCEL_RESTART, REINIT_SHORTCUT, RELOAD, RESTART, RESTART_PENDING, ROLLING_RESTART};
pub use pooler::{POOLER_KILL, POOLER_PAUSE, POOLER_RECONNECT, POOLER_RESUME};
pub use router::{DRAIN, FIX_ROUTING, SERVER_DRAIN, SERVER_MAINTENANCE, SERVER_READY, UNDRAIN};
pub use session::{CANCEL_STATEMENT, END_SESSION};

/// A verb, as the command line has it.
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence or two without the last stop.
    pub about: &'static str,
    /// What may follow it, in its order; how it is confirmed follows for every verb alike.
    pub arguments: &'static [Argument],
    /// What is wanted, of what was given.
    pub wanted: fn(&ArgumentValues<'_>) -> Result<IntentRequest, ParseError>,
    /// How the console offers it: a verb may have several commands that say part of it already.
    pub commands: &'static [&'static Shortcut],
}

/// A verb in the palette and in the menu of actions, with part of what may follow it said already.
pub struct Shortcut {
    /// Its verb.
    pub verb: &'static Verb,
    /// Its name in the palette.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Its letter in the menu of actions.
    pub letter: char,
    /// How much harm it can do.
    pub danger: Danger,
    /// One line, imperative, about the selected row.
    pub help: &'static str,
    /// Whom it is about, and what may be typed behind its name.
    pub subject: Subject,
    /// Arguments of the verb that it says already.
    pub says: &'static [(&'static str, &'static str)],
}

/// Whom a command is about, where nothing is typed: what kind of row it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The cluster as a whole; nothing follows.
    Cluster,
    /// The member that is to lead: the one typed, the selected one where it is well, or the best.
    Candidate,
    /// The member that is to lead a cluster that nobody leads.
    Successor,
    /// A member.
    Member,
    /// A member, those of a role, or all of them.
    Members,
    /// A member; behind it what is done once it is drained, and how long its sessions are waited for.
    Drained,
    /// A server of a router, as BACKEND/SERVER.
    Server,
    /// A pooler, or a database of one as POOLER/DATABASE.
    Pooler,
    /// A session, as NODE/PID.
    Session,
    /// Changes of the configuration, as KEY=VALUE.
    Changes,
    /// A scenario, and the longest outage wished for.
    Scenario,
}

impl Subject {
    /// Whether nobody needs to be selected: who is best is known, or is chosen afterwards.
    pub fn needs_nobody(self) -> bool {
        matches!(self, Self::Candidate | Self::Successor | Self::Scenario)
    }
}

/// Names that verbs had in earlier versions. They go on working on the command line and in filters, and are not shown.
const FORMER_NAMES: [(&str, &str); 1] = [("settle", "fix-routing")];

/// The present name of the verb that `name` was, or is.
pub fn present_name(name: &str) -> &str {
    FORMER_NAMES.iter().find(|(former, _)| *former == name).map_or(name, |(_, present)| present)
}

/// The names that the verb `name` had in earlier versions.
pub fn former_names(name: &str) -> impl Iterator<Item = &'static str> {
    FORMER_NAMES.iter().filter(move |(_, present)| *present == name).map(|(former, _)| *former)
}

/// Every verb, in the order of the command line's help.
pub static VERBS: &[&Verb] = &[
    &lead::SWITCHOVER,
    &lead::FAILOVER,
    &node::REINIT,
    &node::RESTART_VERB,
    &node::RELOAD_VERB,
    &lead::PAUSE_VERB,
    &lead::RESUME_VERB,
    &CONFIGURE,
    &node::ROLLING_RESTART_VERB,
    &lead::CANCEL,
    &router::DRAIN_VERB,
    &router::UNDRAIN_VERB,
    &session::SESSION,
    &router::FIX_ROUTING_VERB,
    &undo::UNDO,
    &router::SERVER,
    &pooler::POOLER,
];

/// Every verb that acts: those above, and the one that the command line has among verbs of its own.
pub static EVERY: &[&Verb] = &[
    &lead::SWITCHOVER,
    &lead::FAILOVER,
    &node::REINIT,
    &node::RESTART_VERB,
    &node::ROLLING_RESTART_VERB,
    &node::RELOAD_VERB,
    &lead::PAUSE_VERB,
    &lead::RESUME_VERB,
    &CONFIGURE,
    &lead::CANCEL,
    &router::DRAIN_VERB,
    &router::UNDRAIN_VERB,
    &router::SERVER,
    &router::FIX_ROUTING_VERB,
    &pooler::POOLER,
    &session::SESSION,
    &drill::DRILL,
    &undo::UNDO,
];

impl Verb {
    /// The verb that says `intent`.
    pub fn of(intent: &Intent) -> &'static Self {
        match intent {
            Intent::Lead(LeadIntent::Switchover { .. }) => &lead::SWITCHOVER,
            Intent::Lead(LeadIntent::Failover { .. }) => &lead::FAILOVER,
            Intent::Lead(LeadIntent::Pause) => &lead::PAUSE_VERB,
            Intent::Lead(LeadIntent::Resume) => &lead::RESUME_VERB,
            Intent::Lead(LeadIntent::CancelSwitchover) | Intent::Node(NodeIntent::CancelRestart { .. }) => {
                &lead::CANCEL
            }
            Intent::Node(NodeIntent::Reinit { .. }) => &node::REINIT,
            Intent::Node(NodeIntent::Restart { .. }) => &node::RESTART_VERB,
            Intent::Node(NodeIntent::RollingRestart) => &node::ROLLING_RESTART_VERB,
            Intent::Node(NodeIntent::Reload { .. }) => &node::RELOAD_VERB,
            Intent::Configuration(ConfigurationIntent::Configure { .. }) => &CONFIGURE,
            Intent::Router(RouterIntent::Drain { .. }) => &router::DRAIN_VERB,
            Intent::Router(RouterIntent::Undrain { .. }) => &router::UNDRAIN_VERB,
            Intent::Router(RouterIntent::Server { .. }) => &router::SERVER,
            Intent::Router(RouterIntent::Settle) => &router::FIX_ROUTING_VERB,
            Intent::Pooler(_) => &pooler::POOLER,
            Intent::Session(SessionIntent::End { .. }) => &session::SESSION,
            Intent::Drill { .. } => &drill::DRILL,
            Intent::Undo { .. } => &undo::UNDO,
        }
    }
}

/// Every command of the console that acts, in the order of its help.
pub static SHORTCUTS: &[&Shortcut] = &[
    &SWITCHOVER_SHORTCUT,
    &FAILOVER_SHORTCUT,
    &REINIT_SHORTCUT,
    &RESTART,
    &RESTART_PENDING,
    &ROLLING_RESTART,
    &RELOAD,
    &PAUSE,
    &RESUME,
    &SET,
    &SERVER_READY,
    &SERVER_DRAIN,
    &SERVER_MAINTENANCE,
    &DRAIN,
    &UNDRAIN,
    &FIX_ROUTING,
    &POOLER_PAUSE,
    &POOLER_RESUME,
    &POOLER_RECONNECT,
    &POOLER_KILL,
    &RUN_DRILL,
    &CANCEL_STATEMENT,
    &END_SESSION,
    &CANCEL_SWITCHOVER,
    &CANCEL_RESTART,
];

impl PartialEq for Shortcut {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Shortcut {}

impl PartialOrd for Shortcut {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Shortcut {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl Hash for Shortcut {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl std::fmt::Debug for Shortcut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_belongs_to_its_verb_and_says_only_what_that_takes() {
        for shortcut in SHORTCUTS {
            let name = shortcut.name;
            assert!(shortcut.verb.commands.contains(shortcut), "{name} is no command of {}", shortcut.verb.name);
            for (argument, value) in shortcut.says {
                let known = shortcut.verb.arguments.iter().find(|known| known.name == *argument);
                let known = known.unwrap_or_else(|| panic!("{name}: {argument} is no argument of its verb"));
                if let Kind::Choice { values, .. } = known.kind {
                    assert!(values.iter().any(|choice| choice.name == *value), "{name}: {argument} is never {value}");
                }
            }
        }
        for verb in VERBS {
            assert!(EVERY.iter().any(|every| every.name == verb.name), "{} has no row of a stack", verb.name);
            for command in verb.commands {
                assert!(SHORTCUTS.contains(command), "{} is offered nowhere", command.name);
            }
        }
    }
}
