//! Every command, with everything that is said of it.

use std::sync::LazyLock;

use super::{Argument, Command, CommandSpec, Danger, Group};
use crate::action::verb::{SET, SHORTCUTS, Shortcut};
use crate::tui::views::View;

const fn spec(
    command: Command,
    name: &'static str,
    aliases: &'static [&'static str],
    keys: &'static [&'static str],
    group: Group,
    help: &'static str,
) -> CommandSpec {
    CommandSpec {
        command,
        name,
        aliases,
        keys,
        help,
        group,
        danger: Danger::None,
        argument: Argument::None,
        letter: None,
    }
}

const fn taking(mut spec: CommandSpec, argument: Argument) -> CommandSpec {
    spec.argument = argument;
    spec
}

const fn dangerous(mut spec: CommandSpec, danger: Danger) -> CommandSpec {
    spec.danger = danger;
    spec
}

/// An action of the menu, as the row of its verb has it.
const fn action(shortcut: &'static Shortcut) -> CommandSpec {
    CommandSpec {
        command: Command::Act(shortcut),
        name: shortcut.name,
        aliases: shortcut.aliases,
        keys: &[],
        help: shortcut.help,
        group: Group::Acting,
        danger: Danger::of(shortcut.danger),
        argument: Argument::Subject(shortcut.subject),
        letter: Some(shortcut.letter),
    }
}

use Command as C;
use Group as G;

/// Every command, in the order of the help.
pub static COMMANDS: LazyLock<Vec<CommandSpec>> = LazyLock::new(|| {
    let actions = SHORTCUTS.iter().flat_map(|shortcut| {
        let editor = (**shortcut == SET).then_some(EDIT);
        std::iter::once(action(shortcut)).chain(editor)
    });
    BEFORE.iter().copied().chain(actions).chain(AFTER.iter().copied()).collect()
});

/// Those above the actions.
const BEFORE: &[CommandSpec] = &[
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
    spec(C::View(View::Dcs), "dcs", &["etcd"], &["4"], G::Views, "DCS members and keys"),
    spec(C::View(View::Backups), "backups", &[], &["5"], G::Views, "backups"),
    spec(
        C::View(View::Sessions),
        "sessions",
        &["activity", "locks"],
        &["6"],
        G::Views,
        "activity, blockers, sessions by application",
    ),
    spec(C::View(View::Events), "events", &["log"], &["7"], G::Views, "all events, newest first"),
    spec(C::View(View::Findings), "findings", &["problems"], &["8"], G::Views, "findings with evidence and advice"),
    spec(
        C::View(View::Drill),
        "drills",
        &["exercises", "scenarios"],
        &["9"],
        G::Views,
        "drill scenarios, results and reports",
    ),
    spec(C::View(View::Poolers), "poolers", &["pgbouncer"], &[], G::Views, "pools of the connection poolers"),
    spec(C::View(View::Sources), "sources", &["wires"], &[], G::Views, "all sources: state, latency, error and remedy"),
    spec(C::Up, "up", &[], &["Up", "k"], G::Moving, "one row up"),
    spec(C::Down, "down", &[], &["Down", "j"], G::Moving, "one row down"),
    spec(C::PageUp, "page-up", &[], &["PageUp", "Ctrl-b"], G::Moving, "one page up"),
    spec(C::PageDown, "page-down", &[], &["PageDown", "Ctrl-f"], G::Moving, "one page down"),
    spec(C::First, "first", &[], &["Home", "g"], G::Moving, "first row"),
    spec(C::Last, "last", &[], &["End", "G"], G::Moving, "last row"),
    spec(C::ScrollLeft, "scroll-left", &[], &["Left", "h"], G::Moving, "scroll long text back"),
    spec(C::ScrollRight, "scroll-right", &[], &["Right", "l"], G::Moving, "scroll long text forward"),
    spec(C::NextPane, "next-pane", &[], &["Tab"], G::Moving, "focus the next pane of the view"),
    spec(C::PreviousPane, "previous-pane", &[], &["Shift-Tab"], G::Moving, "focus the previous pane"),
    spec(
        C::Detail,
        "detail",
        &["open"],
        &["Enter"],
        G::Moving,
        "all details of the selected row, each with source and age",
    ),
    spec(C::Back, "back", &[], &["Esc", "Backspace"], G::Moving, "close, clear the filter, or go back"),
    spec(C::NextCluster, "next-cluster", &[], &["c"], G::Moving, "next cluster"),
    spec(C::PreviousCluster, "previous-cluster", &[], &["C"], G::Moving, "previous cluster"),
    taking(
        spec(C::Cluster, "cluster", &["use"], &[], G::Moving, "go to the cluster with this name"),
        Argument::Cluster,
    ),
    spec(C::SortNext, "sort", &["sort-next"], &["s", ">"], G::Looking, "sort by the next column"),
    spec(C::SortPrevious, "sort-previous", &[], &["<"], G::Looking, "sort by the previous column"),
    spec(C::SortDirection, "sort-direction", &["reverse"], &["S"], G::Looking, "reverse the sort direction"),
    spec(
        C::Filter,
        "filter",
        &["search"],
        &["/"],
        G::Looking,
        "show rows that contain a text; with ! in front, rows that do not",
    ),
    taking(spec(C::Theme, "theme", &["colours", "skin"], &["t"], G::Looking, "choose a theme"), Argument::Theme),
    spec(C::Freeze, "freeze", &["pause-screen", "live"], &["Space"], G::Time, "freeze the display; again: live"),
    spec(C::StepBack, "step-back", &["older"], &["["], G::Time, "one step back in the last hour"),
    spec(C::StepForward, "step-forward", &["newer"], &["]"], G::Time, "one step forward"),
    spec(C::Faster, "faster", &[], &["+", "="], G::Time, "refresh more often"),
    spec(C::Slower, "slower", &[], &["-"], G::Time, "refresh less often"),
    taking(
        spec(C::Interval, "interval", &["refresh-every"], &[], G::Time, "set the refresh interval in seconds"),
        Argument::Seconds,
    ),
    spec(C::PollNow, "refresh", &["poll"], &["r"], G::Time, "query every source now"),
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
    spec(C::Dismiss, "dismiss", &["forget"], &["d"], G::Console, "forget member (only after it left the DCS)"),
    taking(
        spec(
            C::Acknowledge,
            "ack",
            &["acknowledge", "silence"],
            &["x"],
            G::Looking,
            "acknowledge the selected finding for a time (`off` removes it)",
        ),
        Argument::Reason,
    ),
    dangerous(
        spec(C::Psql, "psql", &["sql"], &["p"], G::Console, "open psql on the selected node or router"),
        Danger::Session,
    ),
    spec(C::Menu, "act", &["action"], &["a"], G::Acting, "actions for the selected row; each asks for confirmation"),
];

/// The same as its neighbour, in an editor.
const EDIT: CommandSpec = CommandSpec {
    letter: Some('e'),
    ..dangerous(
        spec(
            C::EditConfiguration,
            "edit-config",
            &["edit"],
            &[],
            G::Acting,
            "change the dynamic configuration in your editor",
        ),
        Danger::Destructive,
    )
};

/// Those below the actions.
const AFTER: &[CommandSpec] = &[
    spec(C::Actions, "actions", &["jobs"], &["A"], G::Acting, "running and past actions; Enter shows one"),
    spec(
        C::CancelAction,
        "cancel-action",
        &["abort"],
        &[],
        G::Acting,
        "cancel the running action, where still possible",
    ),
    taking(
        dangerous(
            spec(C::Undo, "undo", &[], &[], G::Acting, "undo what an action left behind when its process died"),
            Danger::Disruptive,
        ),
        Argument::Action,
    ),
    spec(C::Palette, "commands", &["palette"], &[":"], G::Console, "find a command by name"),
    spec(C::Help, "help", &["keys"], &["?", "F1"], G::Console, "list every command"),
    spec(C::Mouse, "mouse", &[], &["m"], G::Console, "toggle the mouse, so that the terminal can select text"),
    spec(C::Redraw, "redraw", &[], &["Ctrl-l"], G::Console, "redraw the whole screen"),
    spec(C::Suspend, "suspend", &[], &["Ctrl-z"], G::Console, "suspend; fg resumes it"),
    spec(
        C::Close,
        "close",
        &[],
        &["q"],
        G::Console,
        "close the top layer, clear the filter, or return to live; if nothing is open, leave the console",
    ),
    spec(
        C::Quit,
        "quit",
        &["q", "exit", "q!", "wq"],
        &["Ctrl-c"],
        G::Console,
        "leave the console; asks if one of its actions is running",
    ),
];
