//! The verb that takes back what an action has left.

use super::super::parse::ParseError;
use super::super::record::ActionId;
use super::{Argument, IntentRequest, Verb};

/// What a dead action has left is taken back. The console has a command of its own for it.
pub(super) static UNDO: Verb = Verb {
    name: "undo",
    about: "Undo what an action left behind when its process died",
    arguments: &[Argument::word("action", "ACTION", true, "The action ID, as in `pgctl-tui audit`")],
    wanted: |given| {
        let action = given.text("action").ok_or_else(|| ParseError("give the action ID".to_owned()))?;
        Ok(IntentRequest::Undo(ActionId(action.to_owned())))
    },
    commands: &[],
};
