//! The one table of what the console can do. Keys, help, the palette, the key line and `docs/keys.md` are made from it.

mod offered;
mod reference;
mod table;

use super::views::View;
use crate::action::plan;
use crate::action::verb::{Shortcut, Subject};

pub use self::offered::OFFERED;
pub use self::reference::reference;
pub use self::table::COMMANDS;

/// What the operator can mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Command {
    /// Show a view.
    View(View),
    /// Close what is on top; at the bottom, leave the console.
    Close,
    /// Leave the console.
    Quit,
    /// Close what is open, clear the filter, or go back to where one came from.
    Back,
    /// Everything known of the selected row.
    Detail,
    /// Focus the next pane.
    NextPane,
    /// Focus the pane before.
    PreviousPane,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// First row.
    First,
    /// Last row.
    Last,
    /// Scroll the last column towards its beginning.
    ScrollLeft,
    /// Scroll the last column towards its end.
    ScrollRight,
    /// Sort by the next column.
    SortNext,
    /// Sort by the column before.
    SortPrevious,
    /// Turn the direction of the sort.
    SortDirection,
    /// Filter the rows.
    Filter,
    /// Open the palette.
    Palette,
    /// List every command.
    Help,
    /// Copy the row.
    CopyRow,
    /// Copy the row's name.
    CopyName,
    /// Save the screen.
    SaveScreen,
    /// Hold the picture still, or go back to live.
    Freeze,
    /// One frame into the past.
    StepBack,
    /// One frame towards the present.
    StepForward,
    /// Refresh more often.
    Faster,
    /// Refresh less often.
    Slower,
    /// Set the interval.
    Interval,
    /// Ask every source now.
    PollNow,
    /// Forget a missing member.
    Dismiss,
    /// Note that a finding is known.
    Acknowledge,
    /// Focus the next cluster.
    NextCluster,
    /// Focus the cluster before.
    PreviousCluster,
    /// Focus a cluster by name.
    Cluster,
    /// Open psql.
    Psql,
    /// Write an evidence bundle.
    Evidence,
    /// Choose a theme.
    Theme,
    /// Switch the mouse.
    Mouse,
    /// Open the dialog of an action.
    Act(&'static Shortcut),
    /// Edit the dynamic configuration in the operator's editor.
    EditConfiguration,
    /// Choose an action for the selected row.
    Menu,
    /// List the actions that run and that ran.
    Actions,
    /// Ask the running action to end.
    CancelAction,
    /// Take back what an action that died has left.
    Undo,
    /// Stop, as the shell's Ctrl-Z does.
    Suspend,
    /// Draw the whole screen anew.
    Redraw,
}

/// Commands that belong together in the help.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// Which view.
    Views,
    /// Moving about.
    Moving,
    /// What is shown.
    Looking,
    /// Past and pace.
    Time,
    /// Taking something along.
    Keeping,
    /// Doing something to the cluster.
    Acting,
    /// The console itself.
    Console,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 7] =
        [Self::Views, Self::Moving, Self::Looking, Self::Time, Self::Keeping, Self::Acting, Self::Console];

    /// Heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Views => "Views",
            Self::Moving => "Navigation",
            Self::Looking => "Viewing",
            Self::Time => "Time",
            Self::Keeping => "Copy and save",
            Self::Acting => "Actions",
            Self::Console => "Console",
        }
    }
}

/// What a command can do to the cluster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Danger {
    /// Nothing.
    None,
    /// Opens a session that can do what its login may do.
    Session,
    /// Undone by its opposite; nobody is disconnected.
    Reversible,
    /// Sessions are cut or wait.
    Disruptive,
    /// Data, a leader or a copy can be lost.
    Destructive,
}

impl Danger {
    /// That of an action.
    pub const fn of(danger: plan::Danger) -> Self {
        match danger {
            plan::Danger::Reversible => Self::Reversible,
            plan::Danger::Disruptive => Self::Disruptive,
            plan::Danger::Destructive => Self::Destructive,
        }
    }
}

/// What may follow a command's name in the palette.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    /// Nothing.
    None,
    /// The name of a cluster.
    Cluster,
    /// The name of a theme; without one, the list opens.
    Theme,
    /// Seconds.
    Seconds,
    /// How long, and why; `off` takes it back.
    Reason,
    /// Whom an action is about; without it, the selected row.
    Subject(Subject),
    /// The name of an action.
    Action,
}

impl Argument {
    /// How it is written behind the command's name.
    pub const fn form(self) -> &'static str {
        match self {
            Self::None | Self::Subject(Subject::Cluster) => "",
            Self::Cluster => " NAME",
            Self::Theme => " [NAME]",
            Self::Seconds => " SECONDS",
            Self::Reason => " [8h] REASON",
            Self::Subject(Subject::Candidate | Subject::Successor | Subject::Member | Subject::Members) => " [NODE]",
            Self::Subject(Subject::Server) => " [BACKEND/SERVER]",
            Self::Subject(Subject::Drained) => " [NODE] [restart|reinit] [90s]",
            Self::Subject(Subject::Scenario) => " [SCENARIO] [30s]",
            Self::Subject(Subject::Pooler) => " [POOLER[/DATABASE]]",
            Self::Subject(Subject::Session) => " [NODE/PID]",
            Self::Subject(Subject::Changes) => " KEY=VALUE",
            Self::Action => " [ACTION]",
        }
    }
}

/// Everything about one command.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// The command.
    pub command: Command,
    /// Its name in the palette.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Keys, as the keymap reads them; the first is the one shown.
    pub keys: &'static [&'static str],
    /// One line, imperative.
    pub help: &'static str,
    /// Group.
    pub group: Group,
    /// Danger.
    pub danger: Danger,
    /// Argument.
    pub argument: Argument,
    /// Its letter in the menu of actions; `None`: it is not in it.
    pub letter: Option<char>,
}

/// The keys of the wall, which obeys no other.
pub const WALL_COMMANDS: [Command; 5] =
    [Command::Close, Command::Quit, Command::PageUp, Command::PageDown, Command::Redraw];

impl Command {
    /// Its row of the table.
    pub fn spec(self) -> Option<&'static CommandSpec> {
        COMMANDS.iter().find(|spec| spec.command == self)
    }

    /// The command called `name`, by name or alias.
    pub fn named(name: &str) -> Option<&'static CommandSpec> {
        COMMANDS.iter().find(|spec| spec.name == name || spec.aliases.contains(&name))
    }

    /// The commands of the menu of actions, in its order.
    pub fn menu() -> impl Iterator<Item = (char, &'static CommandSpec)> {
        COMMANDS.iter().filter_map(|spec| spec.letter.map(|letter| (letter, spec)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut seen = BTreeSet::new();
        for spec in COMMANDS.iter() {
            for name in std::iter::once(&spec.name).chain(spec.aliases) {
                assert!(seen.insert(*name), "{name} is used twice");
            }
        }
    }

    #[test]
    fn a_letter_of_the_menu_means_one_thing_and_nothing_there_is_on_a_key_of_its_own() {
        let mut seen = BTreeSet::new();
        for (letter, spec) in Command::menu() {
            assert!(seen.insert(letter), "{letter} is used twice");
            assert!(!matches!(spec.command, Command::Act(_)) || spec.keys.is_empty(), "{} has a key", spec.name);
        }
    }

    #[test]
    fn the_key_reference_in_docs_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, reference(), "run `UPDATE_DOCS=1 cargo test the_key_reference` and commit docs/keys.md");
    }
}
