//! Verbs about where routers lead their clients.

use super::super::intent::{AfterDrain, DRAIN_WAIT, Intent, RouterIntent, ServerState};
use super::super::parse::ParseError;
use super::super::plan::Danger;
use super::argument::{Kind, Place};
use super::{Argument, Choice, IntentRequest, Shortcut, Subject, Verb};
use crate::model::text::Text;

/// A replica gets no new sessions.
pub(super) static DRAIN_VERB: Verb = Verb {
    name: "drain",
    about: "Drain a replica at all routers, wait until its sessions have ended, then restart or reinit it",
    arguments: &[
        Argument::word("node", "NODE", true, "The replica"),
        Argument::choice(
            "then",
            "THEN",
            &[
                Choice::of("stop-here", "no further step: it stays drained until `undrain`"),
                Choice::of("restart", "PostgreSQL is restarted"),
                Choice::of("reinit", "It is wiped and re-cloned (reinit)"),
            ],
            Place::Option,
            "What to do once its sessions have ended; afterwards it is undrained, except with stop-here",
        ),
        Argument {
            name: "wait",
            form: "SPAN",
            kind: Kind::Option { default: Some("60s") },
            help: "Max wait for its sessions to end; if some are left, the action fails and the replica is undrained",
        },
    ],
    wanted: |given| {
        let then = match given.text("then") {
            Some("restart") => AfterDrain::Restart,
            Some("reinit") => AfterDrain::Reinit,
            _ => AfterDrain::Leave,
        };
        let (member, wait) = (given.member("node")?, given.span("wait", DRAIN_WAIT)?);
        Ok(IntentRequest::Whole(Intent::Router(RouterIntent::Drain { member, then, wait })))
    },
    commands: &[&DRAIN],
};

/// Its command.
pub static DRAIN: Shortcut = Shortcut {
    verb: &DRAIN_VERB,
    name: "drain",
    aliases: &["drain-node"],
    letter: 'D',
    danger: Danger::Disruptive,
    help: "drain the selected replica at all routers; then restart or reinit it, or leave it drained",
    subject: Subject::Drained,
    says: &[],
};

/// A drained replica gets sessions again.
pub(super) static UNDRAIN_VERB: Verb = Verb {
    name: "undrain",
    about: "Undrain a replica at all routers",
    arguments: &[Argument::word("node", "NODE", true, "The replica")],
    wanted: |given| Ok(IntentRequest::Whole(Intent::Router(RouterIntent::Undrain { member: given.member("node")? }))),
    commands: &[&UNDRAIN],
};

/// Its command.
pub static UNDRAIN: Shortcut = Shortcut {
    verb: &UNDRAIN_VERB,
    name: "undrain",
    aliases: &["undrain-node"],
    letter: 'u',
    danger: Danger::Reversible,
    help: "undrain the selected replica at all routers",
    subject: Subject::Member,
    says: &[],
};

/// Routers lead writes to whom is proven to lead.
pub(super) static FIX_ROUTING_VERB: Verb = Verb {
    name: "fix-routing",
    about: "Verify the leader and route the writes of all routers to it. Repairs what a swift switchover left behind if \
        its process died",
    arguments: &[],
    wanted: |_| Ok(IntentRequest::Whole(Intent::Router(RouterIntent::Settle))),
    commands: &[&FIX_ROUTING],
};

/// Its command.
pub static FIX_ROUTING: Shortcut = Shortcut {
    verb: &FIX_ROUTING_VERB,
    name: "fix-routing",
    aliases: &["settle", "settle-routers"],
    letter: 'S',
    danger: Danger::Reversible,
    help: "verify the leader and route the writes of all routers to it",
    subject: Subject::Cluster,
    says: &[],
};

/// The state of one server.
pub(super) static SERVER: Verb = Verb {
    name: "server",
    about: "Set the state of a server in a router",
    arguments: &[
        Argument::word("server", "SERVER", true, "The server, as BACKEND/SERVER"),
        Argument::choice(
            "state",
            "STATE",
            &[
                Choice::of("ready", "READY: gets traffic according to its health check"),
                Choice::of("drain", "DRAIN: keeps its sessions, gets no new ones"),
                Choice::of("maint", "MAINT: out of service"),
            ],
            Place::Positional,
            "The state",
        ),
        Argument::option("router", "NAME", "The router, if there are several"),
    ],
    wanted: |given| {
        let path = given.text("server").unwrap_or_default();
        let Some((backend, server)) = path.split_once('/') else {
            return Err(ParseError(format!("{path}: give the server as BACKEND/SERVER, such as primary/pg-0")));
        };
        let state = match given.text("state") {
            Some("ready") => ServerState::Ready,
            Some("drain") => ServerState::Drain,
            _ => ServerState::Maintenance,
        };
        let (router, backend, server) = (given.router()?, Text::new(backend), Text::new(server));
        Ok(IntentRequest::Whole(Intent::Router(RouterIntent::Server { router, backend, server, state })))
    },
    commands: &[&SERVER_READY, &SERVER_DRAIN, &SERVER_MAINTENANCE],
};

/// Into service.
pub static SERVER_READY: Shortcut = Shortcut {
    verb: &SERVER,
    name: "server-ready",
    aliases: &[],
    letter: 'y',
    danger: Danger::Reversible,
    help: "set the selected router server to READY",
    subject: Subject::Server,
    says: &[("state", "ready")],
};

/// No new sessions.
pub static SERVER_DRAIN: Shortcut = Shortcut {
    verb: &SERVER,
    name: "server-drain",
    aliases: &[],
    letter: 'd',
    danger: Danger::Reversible,
    help: "set the selected router server to DRAIN",
    subject: Subject::Server,
    says: &[("state", "drain")],
};

/// Out of service.
pub static SERVER_MAINTENANCE: Shortcut = Shortcut {
    verb: &SERVER,
    name: "server-maint",
    aliases: &[],
    letter: 'm',
    danger: Danger::Disruptive,
    help: "set the selected router server to MAINT",
    subject: Subject::Server,
    says: &[("state", "maint")],
};
