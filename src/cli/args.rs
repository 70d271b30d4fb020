//! Arguments as typed. Nothing here does anything; `wire` resolves them together with the configuration.

use std::path::PathBuf;

use super::act::args::ActVerb;
use super::drill::args::Drill;
use crate::config::environment::variable;
use clap::{Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum, ValueHint};

/// Terminal operations console for PostgreSQL high-availability clusters.
///
/// Without a command it opens the console on every configured cluster. Secrets are never taken from the command line:
/// see the configuration's `password_file`, `password_env` and `password_command`.
#[derive(Parser, Debug, Clone)]
#[command(name = "pgctl-tui", version, max_term_width = 100)]
pub struct Arguments {
    /// What every command understands.
    #[command(flatten)]
    pub shared: Shared,
    /// What the console understands.
    #[command(flatten)]
    pub console: Console,
    /// The command; none opens the console.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

impl Arguments {
    /// The arguments of this process, with what its environment says where they do not. What cannot be read ends the
    /// process, as does a question for help.
    pub fn of_process() -> Self {
        let mut command = heeding_what_is_set(Self::command());
        let matches = command.get_matches_mut();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
    }
}

/// The command without the variables that are set to nothing: those count as unset, where clap takes an empty value.
fn heeding_what_is_set(command: Command) -> Command {
    let is_set =
        |arg: &clap::Arg| arg.get_env().and_then(|name| name.to_str()).is_none_or(|name| variable(name).is_some());
    let command = command.mut_args(|arg| if is_set(&arg) { arg } else { arg.env(None) });
    command.mut_subcommands(heeding_what_is_set)
}

/// Arguments of every command.
#[derive(Args, Debug, Clone, Default)]
pub struct Shared {
    /// Configuration file [default: ~/.config/pgctl-tui/config.toml].
    #[arg(long, global = true, value_name = "FILE", env = "PGCTL_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Only this cluster of the configuration.
    #[arg(long, global = true, value_name = "NAME", env = "PGCTL_CLUSTER")]
    pub cluster: Option<String>,
    /// Patroni REST interface of any member; starts without a configuration file. May be repeated.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub patroni: Vec<String>,
    /// etcd client endpoint; with --scope starts without a configuration file. May be repeated.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub etcd: Vec<String>,
    /// Patroni scope, where --etcd holds several clusters.
    #[arg(long, global = true, value_name = "SCOPE", env = "PGCTL_SCOPE")]
    pub scope: Option<String>,
    /// Patroni namespace.
    #[arg(long, global = true, value_name = "PATH", env = "PGCTL_NAMESPACE")]
    pub namespace: Option<String>,
    /// Only look: nothing that could change a cluster is even built.
    #[arg(long, global = true, env = "PGCTL_READ_ONLY")]
    pub read_only: bool,
    /// Refresh interval, such as 1s or 500ms [default: 1s].
    #[arg(long, global = true, value_name = "SPAN", env = "PGCTL_INTERVAL")]
    pub interval: Option<String>,
    /// Write a log to this file; `PGCTL_LOG_LEVEL` chooses what (such as info, or pgctl=debug).
    #[arg(long, global = true, value_name = "FILE", env = "PGCTL_LOG", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
}

/// Arguments of the console.
#[derive(Args, Debug, Clone, Default)]
pub struct Console {
    /// For a screen nobody touches: large, read-only, worst first, no key but quit and page.
    #[arg(long, global = true)]
    pub wall: bool,
    /// Colour theme: dark, light, mono, high-contrast, or one of your own.
    #[arg(long, value_name = "NAME", env = "PGCTL_THEME", global = true)]
    pub theme: Option<String>,
    /// Leave the mouse to the terminal.
    #[arg(long, global = true)]
    pub no_mouse: bool,
    /// Draw with letters only, for terminals and fonts without box drawing.
    #[arg(long, global = true, env = "PGCTL_ASCII")]
    pub ascii: bool,
    /// Ring the terminal's bell when the worst finding of a cluster gets worse.
    #[arg(long, global = true)]
    pub bell: bool,
    /// Send a desktop notification (OSC 9) on the same occasion.
    #[arg(long, global = true)]
    pub notify: bool,
    /// Run this program for each finding that begins, gets worse or ends, with it as JSON on its standard input, in the
    /// place of the configuration's `hook`. At most one runs at a time.
    #[arg(long, value_name = "PROGRAM", global = true, value_hint = ValueHint::CommandName)]
    pub hook: Option<PathBuf>,
    /// Draw one frame of this size once the sources have answered, print it as text, and exit.
    #[arg(long, value_name = "WxH", global = true)]
    pub frame: Option<String>,
    /// View to draw with --frame, by name or number.
    #[arg(long, value_name = "VIEW", requires = "frame", global = true)]
    pub view: Option<String>,
    /// With --frame: write the frame to this file as SVG instead of printing it.
    #[arg(long, value_name = "FILE", requires = "frame", global = true, value_hint = ValueHint::FilePath)]
    pub svg: Option<PathBuf>,
}

/// The commands.
#[derive(Subcommand, Debug, Clone)]
pub enum Verb {
    /// Show the cluster once as text, JSON, CSV or Prometheus metrics.
    Status(Status),
    /// Wait until a condition holds, for scripts.
    Wait(Wait),
    /// Watch without a screen: a line for whatever begins, gets worse or ends, until SIGTERM.
    Watch(Watch),
    /// Acknowledge a finding for a while, or list what is acknowledged.
    Ack(Ack),
    /// Do something to a cluster.
    #[command(flatten)]
    Act(ActVerb),
    /// Practise a failover: break something on purpose, undo it, and measure what the users notice.
    Drill(Drill),
    /// Run a job; meant for the program itself.
    #[command(hide = true, subcommand)]
    Job(Job),
    /// Find out what a cluster consists of and write a commented configuration file.
    Init(Init),
    /// Examine every endpoint: reach, certificates, credentials, privileges, versions, clocks.
    Doctor(Doctor),
    /// Read the journal of what was done, by whom, and how it ended.
    Audit(Audit),
    /// Open the console on a simulated cluster: no database, no Docker, no network.
    Demo(Demo),
    /// Print a completion script.
    Completions {
        /// Shell to complete in.
        shell: clap_complete::Shell,
    },
    /// Print the manual page in roff.
    Man,
}

/// Form of a document.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Output {
    /// Aligned text for people.
    #[default]
    Table,
    /// The documented, versioned schema; see docs/status-schema.md.
    Json,
    /// One line a member.
    Csv,
    /// Prometheus text exposition.
    Prometheus,
}

/// Arguments of `status`.
#[derive(Args, Debug, Clone)]
pub struct Status {
    /// Cluster; all of them if there are several.
    pub name: Option<String>,
    /// Print again at every interval.
    #[arg(long, short)]
    pub watch: bool,
    /// Form.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
    /// Exit with 1 where there is a warning or worse. Asks every source, as --full does.
    #[arg(long)]
    pub check: bool,
    /// Ask PostgreSQL itself on every node. Without it the table asks it only where Patroni does not call it well,
    /// which is several times faster; every other form and --watch always ask it.
    #[arg(long)]
    pub full: bool,
    /// Longest wait for slow sources; what has not answered by then is shown as such.
    #[arg(long, value_name = "SPAN", default_value = "3s")]
    pub timeout: String,
}

/// Arguments of `watch`.
#[derive(Args, Debug, Clone)]
pub struct Watch {
    /// Cluster; all of them if there are several.
    pub name: Option<String>,
    /// Form of a line.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: WatchOutput,
    /// Findings alone, without the other events.
    #[arg(long)]
    pub findings: bool,
    /// Run this program for each finding that begins, gets worse or ends, with it as JSON on its standard input, in the
    /// place of the configuration's `hook`. At most one runs at a time.
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::CommandName)]
    pub exec: Option<PathBuf>,
    /// Longest wait for the first answers.
    #[arg(long, value_name = "SPAN", default_value = "3s")]
    pub timeout: String,
}

/// Form of a line of `watch`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WatchOutput {
    /// For people, and for a log.
    #[default]
    Text,
    /// One JSON document a line.
    Json,
}

/// Arguments of `ack`.
#[derive(Args, Debug, Clone)]
pub struct Ack {
    /// The finding, by its code, or as CODE@SUBJECT; none lists what is acknowledged.
    pub finding: Option<String>,
    /// Why.
    #[arg(long, short, value_name = "TEXT", requires = "finding")]
    pub reason: Option<String>,
    /// For how long, such as 8h or 7d.
    #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
    pub span: String,
    /// Take it back.
    #[arg(long, requires = "finding", conflicts_with = "reason")]
    pub off: bool,
    /// Longest wait for slow sources.
    #[arg(long, value_name = "SPAN", default_value = "3s")]
    pub timeout: String,
}

/// What `wait` waits for.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    /// A leader that takes writes, every member streaming, every router leading to the leader, nothing critical.
    Ready,
    /// A leader that takes writes: NODE, if given.
    Leader,
    /// NODE streams; without NODE, every replica does.
    Streaming,
}

/// What is done with jobs.
#[derive(Subcommand, Debug, Clone)]
pub enum Job {
    /// Run one to its end.
    Run {
        /// Its action.
        action: String,
    },
    /// Wait until one is over, and undo what it left if it died.
    Guard {
        /// Its action.
        action: String,
    },
}

/// Arguments of `wait`.
#[derive(Args, Debug, Clone)]
pub struct Wait {
    /// Condition.
    #[arg(value_enum)]
    pub condition: Awaited,
    /// Node the condition is about.
    pub node: Option<String>,
    /// Give up after this long, with exit code 6 if it is known not to hold, 5 if nothing is known.
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    pub timeout: String,
}

/// Arguments of `init`.
#[derive(Args, Debug, Clone)]
pub struct Init {
    /// A compose file to read names, ports and passwords' places from.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub compose: Option<PathBuf>,
    /// Environment file of the compose file.
    #[arg(long, value_name = "FILE", requires = "compose", value_hint = ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,
    /// A profile of the compose file that is active; may be given several times [default: `COMPOSE_PROFILES`].
    #[arg(long, value_name = "NAME", requires = "compose")]
    pub profile: Vec<String>,
    /// A PostgreSQL node without Patroni, as URL or key=value as for psql; the others are found from it. No password in it:
    /// that comes from ~/.pgpass or PGPASSWORD.
    #[arg(long, value_name = "DSN", conflicts_with = "compose")]
    pub postgres: Option<String>,
    /// Name of the cluster in the configuration [default: its scope].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print the file instead of writing it.
    #[arg(long)]
    pub print: bool,
    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `doctor`.
#[derive(Args, Debug, Clone)]
pub struct Doctor {
    /// Cluster; all of them if there are several.
    pub name: Option<String>,
    /// Form.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: DoctorOutput,
}

/// Form of `doctor`'s answer.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DoctorOutput {
    /// One line a check, for people.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// Arguments of `audit`.
#[derive(Args, Debug, Clone)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Audit {
    /// What is done with the journal, where it is not shown.
    #[command(subcommand)]
    pub work: Option<AuditWork>,
    /// An action, by its name or the beginning of it: tells everything of it.
    pub action: Option<String>,
    /// Only this kind of action, such as switchover or restart.
    #[arg(long, value_name = "VERB")]
    pub verb: Option<String>,
    /// Only since this time: a span before now, such as 2h or 7d, or a time such as 2026-11-21T14:00:00Z.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only of this login name, before or behind sudo.
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// Only what ended so.
    #[arg(long, value_enum, value_name = "HOW")]
    pub ending: Option<AuditEnding>,
    /// Only what was started and has no end on record: it runs, or died.
    #[arg(long, conflicts_with = "ending")]
    pub unended: bool,
    /// Form.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: AuditOutput,
}

/// What can be done with the journal.
#[derive(Subcommand, Debug, Clone)]
pub enum AuditWork {
    /// Forget what is old: records of the journal, and files of actions that are over. What is still open stays.
    Prune(AuditPrune),
}

/// Arguments of `audit prune`.
#[derive(Args, Debug, Clone)]
pub struct AuditPrune {
    /// Forget what is older than this, a day at least: 90d, 2160h.
    #[arg(long, value_name = "SPAN")]
    pub older: String,
    /// Only tell what would be forgotten.
    #[arg(long)]
    pub dry_run: bool,
}

/// How an action ended.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuditEnding {
    /// Seen to have happened.
    Done,
    /// Refused by a guard: nothing was sent.
    Refused,
    /// Proven not to have happened.
    Failed,
    /// Accepted, and not seen to have happened in time.
    Unverified,
    /// It may have happened.
    Unknown,
}

/// Form of `audit`'s answer.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuditOutput {
    /// One line an action, for people.
    #[default]
    Table,
    /// Every record of every action shown.
    Json,
}

/// Arguments of `demo`.
#[derive(Args, Debug, Clone)]
pub struct Demo {
    /// Seed: the same seed tells the same story.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Number of simulated clusters [default: four with a story each].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub clusters: Option<u16>,
}
