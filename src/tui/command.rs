//! The one table of what the console can do. Keys, help, the palette, the key line and `docs/keys.md` are made from it.

use std::fmt::Write as _;

use super::views::View;

/// What the operator can mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Command {
    /// Show a view.
    View(View),
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
    /// The console itself.
    Console,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 6] = [Self::Views, Self::Moving, Self::Looking, Self::Time, Self::Keeping, Self::Console];

    /// Heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Views => "Views",
            Self::Moving => "Moving",
            Self::Looking => "Looking",
            Self::Time => "Time",
            Self::Keeping => "Keeping",
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
}

const fn spec(
    command: Command,
    name: &'static str,
    aliases: &'static [&'static str],
    keys: &'static [&'static str],
    group: Group,
    help: &'static str,
) -> CommandSpec {
    CommandSpec { command, name, aliases, keys, help, group, danger: Danger::None, argument: Argument::None }
}

const fn taking(mut spec: CommandSpec, argument: Argument) -> CommandSpec {
    spec.argument = argument;
    spec
}

const fn dangerous(mut spec: CommandSpec, danger: Danger) -> CommandSpec {
    spec.danger = danger;
    spec
}

use Command as C;
use Group as G;

/// Every command, in the order of the help.
pub const COMMANDS: &[CommandSpec] = &[
    spec(C::View(View::Clusters), "clusters", &["fleet"], &["0"], G::Views, "all clusters, worst first"),
    spec(
        C::View(View::Topology),
        "topology",
        &["members", "nodes"],
        &["1"],
        G::Views,
        "members as a tree: role, state, lag, router",
    ),
    spec(
        C::View(View::Replication),
        "replication",
        &["lag", "slots"],
        &["2"],
        G::Views,
        "standbys, graphs, slots, receivers, archiver, timelines",
    ),
    spec(
        C::View(View::Router),
        "router",
        &["haproxy"],
        &["3"],
        G::Views,
        "frontends, backends and servers of the routers",
    ),
    spec(C::View(View::Dcs), "dcs", &["etcd"], &["4"], G::Views, "members and keys of the configuration store"),
    spec(C::View(View::Backups), "backups", &[], &["5"], G::Views, "backups and what is known of them"),
    spec(
        C::View(View::Sessions),
        "sessions",
        &["activity", "locks"],
        &["6"],
        G::Views,
        "activity, blockers, sessions by application",
    ),
    spec(C::View(View::Events), "events", &["log"], &["7"], G::Views, "everything that changed, newest first"),
    spec(
        C::View(View::Findings),
        "findings",
        &["problems"],
        &["8"],
        G::Views,
        "what is wrong, with evidence and advice",
    ),
    spec(C::View(View::Poolers), "poolers", &["pgbouncer"], &[], G::Views, "pools of the connection poolers"),
    spec(
        C::View(View::Sources),
        "sources",
        &["wires"],
        &[],
        G::Views,
        "every source: whether it answers, how fast, what to do",
    ),
    spec(C::Up, "up", &[], &["Up", "k"], G::Moving, "one row up"),
    spec(C::Down, "down", &[], &["Down", "j"], G::Moving, "one row down"),
    spec(C::PageUp, "page-up", &[], &["PageUp", "Ctrl-b"], G::Moving, "one page up"),
    spec(C::PageDown, "page-down", &[], &["PageDown", "Ctrl-f"], G::Moving, "one page down"),
    spec(C::First, "first", &[], &["Home", "g"], G::Moving, "the first row"),
    spec(C::Last, "last", &[], &["End", "G"], G::Moving, "the last row"),
    spec(C::ScrollLeft, "scroll-left", &[], &["Left", "h"], G::Moving, "scroll long text back"),
    spec(C::ScrollRight, "scroll-right", &[], &["Right", "l"], G::Moving, "scroll long text on"),
    spec(C::NextPane, "next-pane", &[], &["Tab"], G::Moving, "focus the next pane of the view"),
    spec(C::PreviousPane, "previous-pane", &[], &["Shift-Tab"], G::Moving, "focus the pane before"),
    spec(
        C::Detail,
        "detail",
        &["open"],
        &["Enter"],
        G::Moving,
        "everything known of the selected row, each fact with source and age",
    ),
    spec(C::Back, "back", &[], &["Esc", "Backspace"], G::Moving, "close, clear the filter, or go back"),
    spec(C::NextCluster, "next-cluster", &[], &["c"], G::Moving, "the next cluster"),
    spec(C::PreviousCluster, "previous-cluster", &[], &["C"], G::Moving, "the cluster before"),
    taking(spec(C::Cluster, "cluster", &["use"], &[], G::Moving, "the cluster of this name"), Argument::Cluster),
    spec(C::SortNext, "sort", &["sort-next"], &["s", ">"], G::Looking, "sort by the next column"),
    spec(C::SortPrevious, "sort-previous", &[], &["<"], G::Looking, "sort by the column before"),
    spec(C::SortDirection, "sort-direction", &["reverse"], &["S"], G::Looking, "turn the direction of the sort"),
    spec(
        C::Filter,
        "filter",
        &["search"],
        &["/"],
        G::Looking,
        "show the rows that contain a text; ! in front shows the others",
    ),
    taking(spec(C::Theme, "theme", &["colours", "skin"], &["t"], G::Looking, "choose a theme"), Argument::Theme),
    spec(C::Freeze, "freeze", &["pause-screen", "live"], &["Space"], G::Time, "hold the picture still; again: live"),
    spec(C::StepBack, "step-back", &["older"], &["["], G::Time, "one step back through the last hour"),
    spec(C::StepForward, "step-forward", &["newer"], &["]"], G::Time, "one step towards the present"),
    spec(C::Faster, "faster", &[], &["+", "="], G::Time, "refresh more often"),
    spec(C::Slower, "slower", &[], &["-"], G::Time, "refresh less often"),
    taking(
        spec(C::Interval, "interval", &["refresh-every"], &[], G::Time, "refresh every so many seconds"),
        Argument::Seconds,
    ),
    spec(C::PollNow, "refresh", &["poll"], &["r"], G::Time, "ask every source now"),
    spec(C::CopyRow, "copy", &["yank"], &["y"], G::Keeping, "copy the selected row to the clipboard"),
    spec(C::CopyName, "copy-name", &[], &["Y"], G::Keeping, "copy the name of the selected row"),
    spec(C::SaveScreen, "save", &["screenshot"], &["w", "Ctrl-s"], G::Keeping, "save the screen as text and as SVG"),
    spec(
        C::Evidence,
        "evidence",
        &["bundle", "ticket"],
        &["e"],
        G::Keeping,
        "write a redacted evidence bundle for a ticket",
    ),
    spec(
        C::Dismiss,
        "dismiss",
        &["forget"],
        &["d"],
        G::Console,
        "forget the selected member once it is off the record",
    ),
    dangerous(
        spec(C::Psql, "psql", &["sql"], &["p"], G::Console, "open psql on the selected node or router"),
        Danger::Session,
    ),
    spec(C::Palette, "commands", &["palette"], &[":"], G::Console, "find a command by name"),
    spec(C::Help, "help", &["keys"], &["?", "F1"], G::Console, "list every command"),
    spec(C::Mouse, "mouse", &[], &["m"], G::Console, "switch the mouse, so that the terminal can select text"),
    spec(C::Redraw, "redraw", &[], &["Ctrl-l"], G::Console, "draw the whole screen anew"),
    spec(C::Suspend, "suspend", &[], &["Ctrl-z"], G::Console, "stop; fg brings it back"),
    spec(C::Quit, "quit", &["exit", "q!", "wq"], &["q", "Ctrl-c"], G::Console, "leave the console"),
];

/// The keys of the wall, which obeys no other.
pub const WALL_COMMANDS: [Command; 4] = [C::Quit, C::PageUp, C::PageDown, C::Redraw];

impl Command {
    /// Its row of the table.
    pub fn spec(self) -> Option<&'static CommandSpec> {
        COMMANDS.iter().find(|spec| spec.command == self)
    }

    /// The command called `name`, by name or alias.
    pub fn named(name: &str) -> Option<&'static CommandSpec> {
        COMMANDS.iter().find(|spec| spec.name == name || spec.aliases.contains(&name))
    }
}

/// The key reference as Markdown: what `docs/keys.md` holds.
pub fn reference() -> String {
    let mut text = String::from(
        "# Keys and commands\n\nMade from the command table (`src/tui/command.rs`); a test keeps it true.\n\
         Every command can be found by name with `:`.\n",
    );
    // Writing to a string cannot fail.
    for group in Group::ALL {
        let _ = write!(text, "\n## {}\n\n| keys | command | also | what it does |\n|---|---|---|---|\n", group.title());
        for spec in COMMANDS.iter().filter(|spec| spec.group == group) {
            let code = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
            let argument = match spec.argument {
                Argument::None => "",
                Argument::Cluster => " NAME",
                Argument::Theme => " [NAME]",
                Argument::Seconds => " SECONDS",
            };
            let note = match spec.danger {
                Danger::None => "",
                Danger::Session => " (not in read-only mode)",
            };
            let (keys, aliases) = (code(spec.keys), code(spec.aliases));
            let _ = writeln!(text, "| {keys} | `{}{argument}` | {aliases} | {}{note} |", spec.name, spec.help);
        }
    }
    text.push_str("\nOn the wall (`--wall`) only `q`, `PageUp`, `PageDown` and `Ctrl-l` do anything.\n");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut seen = BTreeSet::new();
        for spec in COMMANDS {
            for name in std::iter::once(&spec.name).chain(spec.aliases) {
                assert!(seen.insert(*name), "{name} is used twice");
            }
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
