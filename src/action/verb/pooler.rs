//! Verbs about what poolers do with their clients and servers.

use super::super::intent::{Intent, PoolerIntent};
use super::super::parse::ParseError;
use super::super::plan::Danger;
use super::argument::Place;
use super::{Argument, Choice, IntentRequest, Shortcut, Subject, Verb};
use crate::model::name::PoolerName;
use crate::model::text::Text;

/// Clients of a pooler wait, go on or are dropped, or its servers are opened anew.
pub(super) static POOLER: Verb = Verb {
    name: "pooler",
    about: "Pause or resume the clients of a pooler, have it reconnect to its servers, or drop the clients of a database",
    arguments: &[
        Argument::choice(
            "command",
            "COMMAND",
            &[
                Choice::of("pause", "PAUSE: clients wait once their transactions have ended, until they are resumed"),
                Choice::of("resume", "RESUME: they go on, also if another user has paused them"),
                Choice::of("reconnect", "RECONNECT: servers are closed once their clients let go, and opened again"),
                Choice::of("kill", "KILL: clients and servers of a database are dropped, and it stays paused"),
            ],
            Place::Positional,
            "What is to be done",
        ),
        Argument::word("pooler", "POOLER", true, "The pooler, by its name in the configuration"),
        Argument::option(
            "database",
            "DATABASE",
            "The database, as clients of the pooler ask for it [default: all; for kill the only one]",
        ),
    ],
    wanted: |given| {
        let pooler = given.text("pooler").map(PoolerName::new).ok_or_else(|| ParseError("give a pooler".to_owned()))?;
        let database = given.text("database").map(Text::new);
        Ok(IntentRequest::Whole(Intent::Pooler(match given.text("command") {
            Some("pause") => PoolerIntent::Pause { pooler, database },
            Some("reconnect") => PoolerIntent::Reconnect { pooler, database },
            Some("kill") => PoolerIntent::Kill { pooler, database },
            _ => PoolerIntent::Resume { pooler, database },
        })))
    },
    commands: &[&POOLER_PAUSE, &POOLER_RESUME, &POOLER_RECONNECT, &POOLER_KILL],
};

/// Clients wait.
pub static POOLER_PAUSE: Shortcut = Shortcut {
    verb: &POOLER,
    name: "pooler-pause",
    aliases: &["pause-pooler"],
    letter: 'z',
    danger: Danger::Disruptive,
    help: "pause the selected pooler or database of a pooler: its clients wait until it is resumed",
    subject: Subject::Pooler,
    says: &[("command", "pause")],
};

/// They go on.
pub static POOLER_RESUME: Shortcut = Shortcut {
    verb: &POOLER,
    name: "pooler-resume",
    aliases: &["resume-pooler"],
    letter: 'o',
    danger: Danger::Reversible,
    help: "resume the selected pooler or database of a pooler, also if another user has paused it",
    subject: Subject::Pooler,
    says: &[("command", "resume")],
};

/// Servers are opened anew.
pub static POOLER_RECONNECT: Shortcut = Shortcut {
    verb: &POOLER,
    name: "pooler-reconnect",
    aliases: &["reconnect-pooler"],
    letter: 'v',
    danger: Danger::Reversible,
    help: "have the selected pooler reconnect to its servers as its clients let go of them",
    subject: Subject::Pooler,
    says: &[("command", "reconnect")],
};

/// Clients are dropped.
pub static POOLER_KILL: Shortcut = Shortcut {
    verb: &POOLER,
    name: "pooler-kill",
    aliases: &["kill-pooler"],
    letter: 'K',
    danger: Danger::Disruptive,
    help: "drop all clients and servers of the selected database of a pooler; it stays paused",
    subject: Subject::Pooler,
    says: &[("command", "kill")],
};
