//! Every command, with everything that is said of it.

use super::{Argument, Command, CommandSpec, Danger, Group, Verb};
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

/// An action of the menu under `letter`.
const fn action(
    verb: Verb,
    name: &'static str,
    aliases: &'static [&'static str],
    letter: char,
    danger: Danger,
    help: &'static str,
) -> CommandSpec {
    let mut spec = dangerous(spec(Command::Act(verb), name, aliases, &[], Group::Acting, help), danger);
    spec.letter = Some(letter);
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
    spec(
        C::View(View::Drill),
        "drills",
        &["exercises", "scenarios"],
        &["9"],
        G::Views,
        "what can be practised, how it went, and every report",
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
    taking(
        spec(
            C::Acknowledge,
            "ack",
            &["acknowledge", "silence"],
            &["x"],
            G::Looking,
            "acknowledge the selected finding for a while (`off` takes it back)",
        ),
        Argument::Reason,
    ),
    dangerous(
        spec(C::Psql, "psql", &["sql"], &["p"], G::Console, "open psql on the selected node or router"),
        Danger::Session,
    ),
    spec(C::Menu, "act", &["action"], &["a"], G::Acting, "the actions for the selected row; every one asks first"),
    taking(
        action(
            Verb::Switchover,
            "switchover",
            &["switch-over"],
            's',
            Danger::Disruptive,
            "hand the lead over to the selected or the best member",
        ),
        Argument::Member,
    ),
    taking(
        action(
            Verb::Failover,
            "failover",
            &["fail-over"],
            'f',
            Danger::Destructive,
            "make the selected member the leader of a cluster that has none",
        ),
        Argument::Member,
    ),
    taking(
        action(
            Verb::Reinitialise,
            "reinit",
            &["reinitialise", "reinitialize"],
            'i',
            Danger::Destructive,
            "throw the selected replica's data away and copy it anew",
        ),
        Argument::Member,
    ),
    taking(
        action(Verb::Restart, "restart", &[], 'r', Danger::Disruptive, "restart PostgreSQL on the selected member"),
        Argument::Member,
    ),
    taking(
        action(
            Verb::RestartPending,
            "restart-pending",
            &[],
            'p',
            Danger::Disruptive,
            "restart the selected member if a setting waits for it",
        ),
        Argument::Member,
    ),
    action(
        Verb::RollingRestart,
        "rolling-restart",
        &[],
        'R',
        Danger::Disruptive,
        "restart every member with a setting that waits for it: replicas, switchover, old leader",
    ),
    taking(
        action(
            Verb::Reload,
            "reload",
            &[],
            'l',
            Danger::Reversible,
            "have the configuration files of the selected member read anew",
        ),
        Argument::Member,
    ),
    action(Verb::Pause, "pause", &["maintenance"], 'P', Danger::Reversible, "switch automatic failover off"),
    action(Verb::Resume, "resume", &[], 'U', Danger::Reversible, "switch automatic failover on again"),
    taking(
        action(
            Verb::Configure,
            "configure",
            &["set"],
            'c',
            Danger::Destructive,
            "change keys of the dynamic configuration; KEY= removes one",
        ),
        Argument::Changes,
    ),
    CommandSpec {
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
    },
    taking(
        action(
            Verb::ServerReady,
            "server-ready",
            &[],
            'y',
            Danger::Reversible,
            "put the selected server of a router into service",
        ),
        Argument::Server,
    ),
    taking(
        action(
            Verb::ServerDrain,
            "server-drain",
            &[],
            'd',
            Danger::Reversible,
            "give the selected server of a router no new sessions",
        ),
        Argument::Server,
    ),
    taking(
        action(
            Verb::ServerMaintenance,
            "server-maint",
            &[],
            'm',
            Danger::Disruptive,
            "take the selected server of a router out of service",
        ),
        Argument::Server,
    ),
    taking(
        action(
            Verb::Drain,
            "drain",
            &["drain-node"],
            'D',
            Danger::Disruptive,
            "give the selected replica no new sessions at any router; then restart it, copy it anew, or leave it so",
        ),
        Argument::Drain,
    ),
    taking(
        action(
            Verb::Undrain,
            "undrain",
            &["undrain-node"],
            'u',
            Danger::Reversible,
            "have the routers lead sessions again to the selected replica, which was left drained",
        ),
        Argument::Member,
    ),
    action(
        Verb::Settle,
        "settle",
        &["settle-routers"],
        'S',
        Danger::Reversible,
        "prove who leads, and have every router lead writes there",
    ),
    taking(
        action(
            Verb::Drill,
            "drill",
            &["practise", "practice"],
            'b',
            Danger::Destructive,
            "break something on purpose, undo it, and measure what your users notice",
        ),
        Argument::Drill,
    ),
    taking(
        action(
            Verb::CancelStatement,
            "cancel-statement",
            &["cancel-query"],
            'C',
            Danger::Disruptive,
            "cancel what the selected session runs",
        ),
        Argument::Session,
    ),
    taking(
        action(
            Verb::EndSession,
            "end-session",
            &["terminate"],
            't',
            Danger::Disruptive,
            "cut the connection of the selected session",
        ),
        Argument::Session,
    ),
    action(
        Verb::CancelSwitchover,
        "cancel-switchover",
        &[],
        'w',
        Danger::Reversible,
        "take back the scheduled switchover",
    ),
    taking(
        action(
            Verb::CancelRestart,
            "cancel-restart",
            &[],
            'x',
            Danger::Reversible,
            "take back the scheduled restart of the selected member",
        ),
        Argument::Member,
    ),
    spec(C::Actions, "actions", &["jobs"], &["A"], G::Acting, "the actions that run and that ran; Enter watches one"),
    spec(
        C::CancelAction,
        "cancel-action",
        &["abort"],
        &[],
        G::Acting,
        "ask the action that runs to end, as far as it still can",
    ),
    taking(
        dangerous(
            spec(C::Undo, "undo", &[], &[], G::Acting, "take back what an action whose process died has left"),
            Danger::Disruptive,
        ),
        Argument::Action,
    ),
    spec(C::Palette, "commands", &["palette"], &[":"], G::Console, "find a command by name"),
    spec(C::Help, "help", &["keys"], &["?", "F1"], G::Console, "list every command"),
    spec(C::Mouse, "mouse", &[], &["m"], G::Console, "switch the mouse, so that the terminal can select text"),
    spec(C::Redraw, "redraw", &[], &["Ctrl-l"], G::Console, "draw the whole screen anew"),
    spec(C::Suspend, "suspend", &[], &["Ctrl-z"], G::Console, "stop; fg brings it back"),
    spec(
        C::Close,
        "close",
        &[],
        &["q"],
        G::Console,
        "close what is on top, clear the filter, or go back to live; where nothing is open, leave the console",
    ),
    spec(
        C::Quit,
        "quit",
        &["q", "exit", "q!", "wq"],
        &["Ctrl-c"],
        G::Console,
        "leave the console; asks once while an action of it runs",
    ),
];
