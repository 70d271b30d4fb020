//! Arguments as typed. Nothing here does anything; `wire` resolves them together with the configuration.

use std::path::PathBuf;

use super::act::args::ActVerb;
use super::drill::args::Drill;
use crate::config::environment::variable;
use clap::{Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum, ValueHint};

/// Terminal operations console for PostgreSQL high-availability clusters.
///
/// Without a command it opens the console on every configured cluster. Secrets are never taken from the command line:
/// see `password_file`, `password_env` and `password_command` in the configuration.
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
    /// Use only this cluster of the configuration.
    #[arg(long, global = true, value_name = "NAME", env = "PGCTL_CLUSTER")]
    pub cluster: Option<String>,
    /// Patroni REST API of any member; works without a configuration file. May be repeated.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub patroni: Vec<String>,
    /// etcd client endpoint; with --scope works without a configuration file. May be repeated.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub etcd: Vec<String>,
    /// Patroni scope, if etcd has several clusters.
    #[arg(long, global = true, value_name = "SCOPE", env = "PGCTL_SCOPE")]
    pub scope: Option<String>,
    /// Patroni namespace.
    #[arg(long, global = true, value_name = "PATH", env = "PGCTL_NAMESPACE")]
    pub namespace: Option<String>,
    /// Read-only: disable everything that could change a cluster.
    #[arg(long, global = true, env = "PGCTL_READ_ONLY")]
    pub read_only: bool,
    /// Refresh interval, such as 1s or 500ms [default: 1s].
    #[arg(long, global = true, value_name = "SPAN", env = "PGCTL_INTERVAL")]
    pub interval: Option<String>,
    /// Write a log to this file; `PGCTL_LOG_LEVEL` sets the level (such as info, or pgctl=debug).
    #[arg(long, global = true, value_name = "FILE", env = "PGCTL_LOG", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
}

/// Arguments of the console.
#[derive(Args, Debug, Clone, Default)]
pub struct Console {
    /// Wall display: large, read-only, worst cluster first; only the keys for quit and page work.
    #[arg(long, global = true)]
    pub wall: bool,
    /// Colour theme: dark, light, mono, high-contrast, or one of your own.
    #[arg(long, value_name = "NAME", env = "PGCTL_THEME", global = true)]
    pub theme: Option<String>,
    /// Do not capture the mouse.
    #[arg(long, global = true)]
    pub no_mouse: bool,
    /// Draw with ASCII only, for terminals and fonts without box drawing.
    #[arg(long, global = true, env = "PGCTL_ASCII")]
    pub ascii: bool,
    /// Ring the terminal bell when the worst finding of a cluster escalates.
    #[arg(long, global = true)]
    pub bell: bool,
    /// Send a desktop notification (OSC 9) on the same occasion.
    #[arg(long, global = true)]
    pub notify: bool,
    /// Run this program for each finding that starts, escalates or is resolved, with the finding as JSON on standard
    /// input, instead of the `hook` in the configuration. At most one runs at a time.
    #[arg(long, value_name = "PROGRAM", global = true, value_hint = ValueHint::CommandName)]
    pub hook: Option<PathBuf>,
    /// Draw one frame of this size once the sources have responded, print it as text, and exit.
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
    /// Watch without a screen: print a line for each finding or event, until SIGTERM.
    Watch(Watch),
    /// Acknowledge a finding for a time, or list acknowledged findings.
    Ack(Ack),
    /// Run an action on a cluster.
    #[command(flatten)]
    Act(ActVerb),
    /// Run a drill: inject a fault, revert it, and measure the impact on clients.
    Drill(Drill),
    /// Run a job; for internal use.
    #[command(hide = true, subcommand)]
    Job(Job),
    /// Discover the parts of a cluster and write a commented configuration file.
    Init(Init),
    /// Check every endpoint: reachability, certificates, credentials, privileges, versions, clocks.
    Doctor(Doctor),
    /// Show the journal of actions: what, who, and the outcome.
    Audit(Audit),
    /// Read dumps: what is inside, and whether they are complete.
    Backup(Backup),
    /// Open the console on a simulated cluster: no database, no Docker, no network.
    Demo(Demo),
    /// Print a completion script.
    Completions {
        /// Shell to generate completions for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page in roff.
    Man,
}

/// Output format.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Output {
    /// Aligned text.
    #[default]
    Table,
    /// The documented, versioned schema; see docs/status-schema.md.
    Json,
    /// One line per member.
    Csv,
    /// Prometheus text exposition.
    Prometheus,
}

/// Arguments of `status`.
#[derive(Args, Debug, Clone)]
pub struct Status {
    /// Cluster [default: all].
    pub name: Option<String>,
    /// Print again at every interval.
    #[arg(long, short)]
    pub watch: bool,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
    /// Version of the JSON schema; 1 is the former one.
    #[arg(long, value_name = "VERSION", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub schema: u8,
    /// Exit with 1 if there is a warning or worse. Queries every source, as --full does.
    #[arg(long)]
    pub check: bool,
    /// Query PostgreSQL itself on every node. Without this the table queries it only where Patroni does not report it
    /// OK, which is several times faster; all other formats and --watch always query it.
    #[arg(long)]
    pub full: bool,
    /// Max wait for slow sources; those without a response by then are shown as such.
    #[arg(long, value_name = "SPAN", default_value = "3s")]
    pub timeout: String,
}

/// Arguments of `watch`.
#[derive(Args, Debug, Clone)]
pub struct Watch {
    /// Cluster [default: all].
    pub name: Option<String>,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: WatchOutput,
    /// Only findings, without other events.
    #[arg(long)]
    pub findings: bool,
    /// Run this program for each finding that starts, escalates or is resolved, with the finding as JSON on standard
    /// input, instead of the `hook` in the configuration. At most one runs at a time.
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::CommandName)]
    pub exec: Option<PathBuf>,
    /// Max wait for the first responses.
    #[arg(long, value_name = "SPAN", default_value = "3s")]
    pub timeout: String,
}

/// Output format of `watch`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WatchOutput {
    /// Text for reading and logs.
    #[default]
    Text,
    /// One JSON document per line.
    Json,
}

/// Arguments of `ack`.
#[derive(Args, Debug, Clone)]
pub struct Ack {
    /// The finding, as CODE or CODE@SUBJECT; without it, list acknowledged findings.
    pub finding: Option<String>,
    /// Reason.
    #[arg(long, short, value_name = "TEXT", requires = "finding")]
    pub reason: Option<String>,
    /// Duration, such as 8h or 7d.
    #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
    pub span: String,
    /// Remove the acknowledgement.
    #[arg(long, requires = "finding", conflicts_with = "reason")]
    pub off: bool,
    /// Max wait for slow sources.
    #[arg(long, value_name = "SPAN", default_value = "3s")]
    pub timeout: String,
}

/// What `wait` waits for.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    /// A leader that accepts writes, all members streaming, all routers routing to the leader, no critical finding.
    Ready,
    /// A leader that accepts writes: NODE, if given.
    Leader,
    /// NODE is streaming; without NODE, all replicas are.
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
    /// Node to which the condition applies.
    pub node: Option<String>,
    /// Give up after this time, with exit code 6 if the condition is known to be false, 5 if unknown.
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    pub timeout: String,
}

/// Arguments of `init`.
#[derive(Args, Debug, Clone)]
pub struct Init {
    /// A compose file to read names, ports and password locations from.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub compose: Option<PathBuf>,
    /// Environment file of the compose file.
    #[arg(long, value_name = "FILE", requires = "compose", value_hint = ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,
    /// An active profile of the compose file; may be repeated [default: `COMPOSE_PROFILES`].
    #[arg(long, value_name = "NAME", requires = "compose")]
    pub profile: Vec<String>,
    /// A PostgreSQL node without Patroni, as URL or key=value as for psql; the others are discovered from it. No
    /// password: it comes from ~/.pgpass or PGPASSWORD.
    #[arg(long, value_name = "DSN", conflicts_with = "compose")]
    pub postgres: Option<String>,
    /// Name of the cluster in the configuration [default: its scope].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Do not propose assertions from the contents of the database of `--postgres`.
    #[arg(long)]
    pub no_assertions: bool,
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
    /// Cluster [default: all].
    pub name: Option<String>,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: DoctorOutput,
}

/// Output format of `doctor`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DoctorOutput {
    /// One line per check.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// Arguments of `backup`.
#[derive(Args, Debug, Clone)]
pub struct Backup {
    /// What to do.
    #[command(subcommand)]
    pub verb: BackupVerb,
}

/// What can be done with a dump.
#[derive(Subcommand, Debug, Clone)]
pub enum BackupVerb {
    /// List the dumps in a directory, newest first, by their content.
    ///
    /// Exit codes: 0 listed, 1 a dump is damaged or a link misleads, 5 the directory is unreadable.
    List(BackupList),
    /// Show what a dump contains, and what a restore of it needs.
    Show(BackupShow),
    /// Verify that a dump is complete, without restoring it.
    ///
    /// Exit codes: 0 complete to the depth that was read, 1 damaged or incomplete, 5 unreadable.
    Verify(BackupVerify),
}

/// Arguments of `backup list`.
#[derive(Args, Debug, Clone)]
pub struct BackupList {
    /// A directory of dumps; its subdirectories count, such as last/, daily/, weekly/ and monthly/.
    #[arg(value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub path: PathBuf,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: BackupOutput,
}

/// Arguments of `backup show`.
#[derive(Args, Debug, Clone)]
pub struct BackupShow {
    /// A dump of any format: a file, or a directory.
    #[arg(value_name = "DUMP", value_hint = ValueHint::AnyPath)]
    pub path: PathBuf,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: BackupOutput,
}

/// Arguments of `backup verify`.
#[derive(Args, Debug, Clone)]
pub struct BackupVerify {
    /// A dump of any format: a file, or a directory.
    #[arg(value_name = "DUMP", value_hint = ValueHint::AnyPath)]
    pub path: PathBuf,
    /// How much of it to read.
    #[arg(long, value_enum, default_value_t)]
    pub depth: BackupDepth,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: BackupOutput,
}

/// How much of a dump to read.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BackupDepth {
    /// Header and table of contents.
    Header,
    /// All data, decompressed to the end; rows are counted.
    #[default]
    Blocks,
}

/// Output format of `backup`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BackupOutput {
    /// Lines.
    #[default]
    Table,
    /// A versioned document.
    Json,
}

/// Arguments of `audit`.
#[derive(Args, Debug, Clone)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Audit {
    /// Maintain the journal instead of showing it.
    #[command(subcommand)]
    pub work: Option<AuditWork>,
    /// An action ID or its first characters: show everything about it.
    pub action: Option<String>,
    /// Only this kind of action, such as switchover or restart.
    #[arg(long, value_name = "VERB")]
    pub verb: Option<String>,
    /// Only since this time: a duration before now, such as 2h or 7d, or a time such as 2026-11-21T14:00:00Z.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only by this user, before or after sudo.
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// Only with this outcome.
    #[arg(long = "outcome", alias = "ending", value_enum, value_name = "OUTCOME")]
    pub ending: Option<AuditEnding>,
    /// Only actions without a recorded outcome: running or died.
    #[arg(long = "open", alias = "unended", conflicts_with = "ending")]
    pub unended: bool,
    /// Output format.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: AuditOutput,
}

/// What can be done with the journal.
#[derive(Subcommand, Debug, Clone)]
pub enum AuditWork {
    /// Remove old journal records and files of ended actions. Open actions are kept.
    Prune(AuditPrune),
}

/// Arguments of `audit prune`.
#[derive(Args, Debug, Clone)]
pub struct AuditPrune {
    /// Remove what is older than this, at least a day: 90d, 2160h.
    #[arg(long, value_name = "SPAN")]
    pub older: String,
    /// Only show what would be removed.
    #[arg(long)]
    pub dry_run: bool,
}

/// Outcome of an action.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuditEnding {
    /// Verified to have happened.
    Done,
    /// Refused by a guard: nothing was sent.
    Refused,
    /// Verified not to have happened.
    Failed,
    /// Accepted, but not observed to happen in time.
    Unverified,
    /// It may have happened.
    Unknown,
}

/// Output format of `audit`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuditOutput {
    /// One line per action.
    #[default]
    Table,
    /// All records of the actions shown.
    Json,
}

/// Arguments of `demo`.
#[derive(Args, Debug, Clone)]
pub struct Demo {
    /// Random seed: the same seed gives the same events.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Number of simulated clusters [default: four, each with its own scenario].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub clusters: Option<u16>,
    /// Kind of cluster to simulate.
    #[arg(long, value_enum, default_value_t, conflicts_with = "clusters")]
    pub stack: DemoStack,
}

/// Kinds of cluster that can be simulated.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DemoStack {
    /// Patroni with etcd.
    #[default]
    Patroni,
    /// Plain streaming replication without a manager.
    Streaming,
}
