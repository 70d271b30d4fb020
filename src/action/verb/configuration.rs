//! The verb about the configuration that all members share.

use super::super::intent::{ConfigurationIntent, Intent};
use super::super::parse::changes;
use super::super::plan::Danger;
use super::argument::Kind;
use super::{Argument, IntentRequest, Shortcut, Subject, Verb};

/// Keys of it change.
pub static CONFIGURE: Verb = Verb {
    name: "configure",
    about: "Change the dynamic configuration: `ttl=30`, `postgresql.parameters.work_mem=64MB`; `NAME=` removes a key",
    arguments: &[
        Argument { name: "changes", form: "KEY=VALUE", kind: Kind::Changes { unless: "edit" }, help: "Changes" },
        Argument::flag("edit", "Open the whole configuration in $VISUAL or $EDITOR with these changes applied"),
    ],
    wanted: |given| {
        let changes = changes(given.texts("changes"))?;
        Ok(IntentRequest::Whole(Intent::Configuration(ConfigurationIntent::Configure { changes })))
    },
    commands: &[&SET],
};

/// Its command.
pub static SET: Shortcut = Shortcut {
    verb: &CONFIGURE,
    name: "configure",
    aliases: &["set"],
    letter: 'c',
    danger: Danger::Destructive,
    help: "change keys of the dynamic configuration; KEY= removes one",
    subject: Subject::Changes,
    says: &[],
};
