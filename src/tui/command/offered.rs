//! Which commands the line of keys offers, and in which words: the table itself is too long for one line.

use super::Command;

/// The commands that are offered where they can be done, the most wanted first, each with the word it has in the line of
/// keys. What has no room there stands in the help.
pub const OFFERED: &[(Command, &str)] = &[
    (Command::Detail, "details"),
    (Command::Menu, "act"),
    (Command::Back, "back"),
    (Command::Freeze, "freeze"),
    (Command::Filter, "filter"),
    (Command::SortNext, "sort"),
    (Command::NextPane, "next pane"),
    (Command::NextCluster, "next cluster"),
    (Command::Dismiss, "forget"),
    (Command::Psql, "psql"),
    (Command::StepBack, "earlier"),
    (Command::StepForward, "later"),
    (Command::Actions, "actions"),
    (Command::CopyRow, "copy"),
    (Command::PollNow, "refresh"),
    (Command::SaveScreen, "save"),
    (Command::Evidence, "evidence"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_has_a_key() {
        for (command, word) in OFFERED {
            let spec = command.spec().unwrap_or_else(|| panic!("{command:?} is not in the table"));
            assert!(!spec.keys.is_empty() && !word.is_empty(), "{}", spec.name);
        }
    }
}
