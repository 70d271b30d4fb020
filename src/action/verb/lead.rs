//! Verbs about who leads.

use super::super::intent::{Intent, LeadIntent, NodeIntent};
use super::super::parse::ParseError;
use super::super::plan::Danger;
use super::argument::Place;
use super::{Argument, CANCEL_RESTART, Choice, IntentRequest, Shortcut, Subject, Verb};
use crate::model::name::NodeName;

/// Another member leads, in good order.
pub(super) static SWITCHOVER: Verb = Verb {
    name: "switchover",
    about: "Switchover: make another member the leader in a controlled way",
    arguments: &[
        Argument::word(
            "candidate",
            "CANDIDATE",
            false,
            "The new leader [default: the best candidate, chosen by Patroni]",
        ),
        Argument::AT,
        Argument::flag("no-swift", "Leave the routers to their own health checks"),
        Argument::choice(
            "through-poolers",
            "WHEN",
            &[
                Choice::of("auto", "Where every writer is known to come through poolers that can be paused"),
                Choice::of("yes", "Pause those that can be paused"),
                Choice::of("no", "Pause none: their clients get errors"),
            ],
            Place::Option,
            "Pause the poolers meanwhile, so that their clients wait and get no errors",
        ),
    ],
    wanted: |given| {
        let candidate = given.text("candidate").map(NodeName::new);
        let (at, swift) = (given.time("at")?, !given.has("no-swift"));
        let through_poolers = match given.text("through-poolers") {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        };
        Ok(IntentRequest::Whole(Intent::Lead(LeadIntent::Switchover { candidate, at, swift, through_poolers })))
    },
    commands: &[&SWITCHOVER_SHORTCUT],
};

/// Its command.
pub static SWITCHOVER_SHORTCUT: Shortcut = Shortcut {
    verb: &SWITCHOVER,
    name: "switchover",
    aliases: &["switch-over"],
    letter: 's',
    danger: Danger::Disruptive,
    help: "switch over to the selected or the best member",
    subject: Subject::Candidate,
    says: &[],
};

/// A member leads although nobody hands over.
pub(super) static FAILOVER: Verb = Verb {
    name: "failover",
    about: "Failover: make a member the leader of a cluster without one",
    arguments: &[Argument::word("node", "NODE", true, "The new leader")],
    wanted: |given| Ok(IntentRequest::Whole(Intent::Lead(LeadIntent::Failover { candidate: given.member("node")? }))),
    commands: &[&FAILOVER_SHORTCUT],
};

/// Its command.
pub static FAILOVER_SHORTCUT: Shortcut = Shortcut {
    verb: &FAILOVER,
    name: "failover",
    aliases: &["fail-over"],
    letter: 'f',
    danger: Danger::Destructive,
    help: "failover: make the selected member the leader of a cluster without one",
    subject: Subject::Successor,
    says: &[],
};

/// Automatic failover off.
pub(super) static PAUSE_VERB: Verb = Verb {
    name: "pause",
    about: "Maintenance mode on: no automatic failover",
    arguments: &[],
    wanted: |_| Ok(IntentRequest::Whole(Intent::Lead(LeadIntent::Pause))),
    commands: &[&PAUSE],
};

/// Its command.
pub static PAUSE: Shortcut = Shortcut {
    verb: &PAUSE_VERB,
    name: "pause",
    aliases: &["maintenance"],
    letter: 'P',
    danger: Danger::Reversible,
    help: "maintenance mode on: no automatic failover",
    subject: Subject::Cluster,
    says: &[],
};

/// Automatic failover on again.
pub(super) static RESUME_VERB: Verb = Verb {
    name: "resume",
    about: "Maintenance mode off: automatic failover again",
    arguments: &[],
    wanted: |_| Ok(IntentRequest::Whole(Intent::Lead(LeadIntent::Resume))),
    commands: &[&RESUME],
};

/// Its command.
pub static RESUME: Shortcut = Shortcut {
    verb: &RESUME_VERB,
    name: "resume",
    aliases: &[],
    letter: 'U',
    danger: Danger::Reversible,
    help: "maintenance mode off: automatic failover again",
    subject: Subject::Cluster,
    says: &[],
};

/// What is scheduled does not happen.
pub(super) static CANCEL: Verb = Verb {
    name: "cancel",
    about: "Cancel what is scheduled: the switchover, or the restart of NODE",
    arguments: &[
        Argument::choice(
            "what",
            "WHAT",
            &[Choice::of("switchover", "The switchover"), Choice::of("restart", "A restart")],
            Place::Positional,
            "What",
        ),
        Argument::word("node", "NODE", false, "The member whose restart is cancelled"),
    ],
    wanted: |given| {
        let intent = match (given.text("what"), given.text("node")) {
            (Some("restart"), Some(node)) => Intent::Node(NodeIntent::CancelRestart { member: NodeName::new(node) }),
            (Some("restart"), None) => {
                let words = "give the node whose restart is cancelled: cancel restart NODE";
                return Err(ParseError(words.to_owned()));
            }
            (_, None) => Intent::Lead(LeadIntent::CancelSwitchover),
            (_, Some(_)) => {
                let words = "a cluster has only one scheduled switchover: omit the node";
                return Err(ParseError(words.to_owned()));
            }
        };
        Ok(IntentRequest::Whole(intent))
    },
    commands: &[&CANCEL_SWITCHOVER, &CANCEL_RESTART],
};

/// Of the switchover.
pub static CANCEL_SWITCHOVER: Shortcut = Shortcut {
    verb: &CANCEL,
    name: "cancel-switchover",
    aliases: &[],
    letter: 'w',
    danger: Danger::Reversible,
    help: "cancel the scheduled switchover",
    subject: Subject::Cluster,
    says: &[("what", "switchover")],
};
