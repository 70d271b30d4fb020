//! Verbs about PostgreSQL on the nodes.

use super::super::intent::{CopySource, Intent, NodeIntent};
use super::super::plan::Danger;
use super::lead::CANCEL;
use super::{Argument, IntentRequest, Shortcut, Subject, Verb};

/// The data of a replica is copied anew.
pub(super) static REINIT: Verb = Verb {
    name: "reinit",
    about: "Reinit: wipe a replica and re-clone it",
    arguments: &[
        Argument::word("node", "NODE", true, "The replica"),
        Argument::flag("from-leader", "Clone from the leader"),
        Argument::flag("again", "Cancel a running reinit and start over"),
    ],
    wanted: |given| {
        let source = if given.has("from-leader") { CopySource::Leader } else { CopySource::Any };
        let (member, again) = (given.member("node")?, given.has("again"));
        Ok(IntentRequest::Whole(Intent::Node(NodeIntent::Reinit { member, source, again })))
    },
    commands: &[&REINIT_SHORTCUT],
};

/// Its command.
pub static REINIT_SHORTCUT: Shortcut = Shortcut {
    verb: &REINIT,
    name: "reinit",
    aliases: &["reinitialise", "reinitialize"],
    letter: 'i',
    danger: Danger::Destructive,
    help: "reinit: wipe the selected replica and re-clone it",
    subject: Subject::Member,
    says: &[],
};

/// PostgreSQL restarts.
pub(super) static RESTART_VERB: Verb = Verb {
    name: "restart",
    about: "Restart PostgreSQL",
    arguments: &[Argument::MEMBERS, Argument::flag("pending", "Only if a restart is pending"), Argument::AT],
    wanted: |given| {
        let (target, only_pending, at) = (given.members()?, given.has("pending"), given.time("at")?);
        Ok(IntentRequest::Whole(Intent::Node(NodeIntent::Restart { target, only_pending, at })))
    },
    commands: &[&RESTART, &RESTART_PENDING],
};

/// Whatever waits for it.
pub static RESTART: Shortcut = Shortcut {
    verb: &RESTART_VERB,
    name: "restart",
    aliases: &[],
    letter: 'r',
    danger: Danger::Disruptive,
    help: "restart PostgreSQL on the selected member",
    subject: Subject::Members,
    says: &[],
};

/// Only where a setting waits for it.
pub static RESTART_PENDING: Shortcut = Shortcut {
    verb: &RESTART_VERB,
    name: "restart-pending",
    aliases: &[],
    letter: 'p',
    danger: Danger::Disruptive,
    help: "restart the selected member if a restart is pending",
    subject: Subject::Members,
    says: &[("pending", "")],
};

/// Every member with a setting that waits restarts, in turn.
pub(super) static ROLLING_RESTART_VERB: Verb = Verb {
    name: "rolling-restart",
    about: "Rolling restart of all members with a pending restart: replicas, switchover, old leader",
    arguments: &[],
    wanted: |_| Ok(IntentRequest::Whole(Intent::Node(NodeIntent::RollingRestart))),
    commands: &[&ROLLING_RESTART],
};

/// Its command.
pub static ROLLING_RESTART: Shortcut = Shortcut {
    verb: &ROLLING_RESTART_VERB,
    name: "rolling-restart",
    aliases: &[],
    letter: 'R',
    danger: Danger::Disruptive,
    help: "rolling restart of all members with a pending restart: replicas, switchover, old leader",
    subject: Subject::Cluster,
    says: &[],
};

/// Configuration files are read anew.
pub(super) static RELOAD_VERB: Verb = Verb {
    name: "reload",
    about: "Reload the configuration files",
    arguments: &[Argument::MEMBERS],
    wanted: |given| Ok(IntentRequest::Whole(Intent::Node(NodeIntent::Reload { target: given.members()? }))),
    commands: &[&RELOAD],
};

/// Its command.
pub static RELOAD: Shortcut = Shortcut {
    verb: &RELOAD_VERB,
    name: "reload",
    aliases: &[],
    letter: 'l',
    danger: Danger::Reversible,
    help: "reload the configuration files of the selected member",
    subject: Subject::Members,
    says: &[],
};

/// A scheduled restart does not happen.
pub static CANCEL_RESTART: Shortcut = Shortcut {
    verb: &CANCEL,
    name: "cancel-restart",
    aliases: &[],
    letter: 'x',
    danger: Danger::Reversible,
    help: "cancel the scheduled restart of the selected member",
    subject: Subject::Member,
    says: &[("what", "restart")],
};
