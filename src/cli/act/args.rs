//! Arguments of the verbs that act. Positionals are nodes; the cluster is `--cluster`, needless where there is one.

use clap::{Args, Subcommand, ValueEnum};

/// How an action is confirmed and told.
#[derive(Args, Debug, Clone, Default)]
pub struct Acting {
    /// Show the plan and its checks, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Confirm an action that its opposite undoes, without being asked.
    #[arg(long, short)]
    pub yes: bool,
    /// Confirm by the name that would have to be typed: the cluster's, or the node's.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Why; needed where the cluster is protected, and to override a check. Kept in the journal.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Go on although this check blocks, where it may be overridden. May be repeated.
    #[arg(long = "override", value_name = "CHECK")]
    pub overrides: Vec<String>,
    /// Of the overrides take those alone whose check blocks: they were given for several actions at once.
    #[arg(skip)]
    pub overrides_where_asked: bool,
    /// Form.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: ActOutput,
}

/// Form of what a verb that acts says.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ActOutput {
    /// Lines for people.
    #[default]
    Table,
    /// One JSON object a line.
    Json,
}

/// The verbs.
#[derive(Subcommand, Debug, Clone)]
pub enum ActVerb {
    /// Hand the lead over to another member in good order.
    Switchover {
        /// The new leader [default: the one that Patroni finds best].
        candidate: Option<String>,
        /// Not now but then: 2026-11-21T03:00:00+01:00, or +10m.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Leave the routers to their own checks.
        #[arg(long)]
        no_swift: bool,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Make a member the leader of a cluster that has none.
    Failover {
        /// The new leader.
        node: String,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Throw a replica's data away and copy it anew.
    Reinit {
        /// The replica.
        node: String,
        /// Copy from the leader.
        #[arg(long)]
        from_leader: bool,
        /// End a copy that is under way and begin again.
        #[arg(long)]
        again: bool,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Restart PostgreSQL.
    Restart {
        /// Which members.
        #[command(flatten)]
        target: TargetArgs,
        /// Only where a setting waits for it.
        #[arg(long)]
        pending: bool,
        /// Not now but then: 2026-11-21T03:00:00+01:00, or +10m.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Have the configuration files read anew.
    Reload {
        /// Which members.
        #[command(flatten)]
        target: TargetArgs,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Switch automatic failover off.
    Pause {
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Switch automatic failover on again.
    Resume {
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Change the dynamic configuration: `ttl=30`, `postgresql.parameters.work_mem=64MB`; `NAME=` removes a key.
    Configure {
        /// Changes.
        #[arg(required_unless_present = "edit", value_name = "KEY=VALUE")]
        changes: Vec<String>,
        /// Open the whole configuration in $VISUAL or $EDITOR, with these changes in it already.
        #[arg(long)]
        edit: bool,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Restart every member with a setting that waits for it: replicas, switchover, the old leader.
    RollingRestart {
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Take back what is scheduled: the switchover, or the restart of NODE.
    Cancel {
        /// What.
        #[arg(value_enum)]
        what: Scheduled,
        /// The member whose restart is meant.
        node: Option<String>,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Have the routers lead no new sessions to a replica, wait until those it has are gone, and do something with it.
    Drain {
        /// The replica.
        node: String,
        /// What is done once its sessions are gone; afterwards it serves as before, but for stop-here.
        #[arg(long, value_enum, default_value_t)]
        then: ThenArg,
        /// Longest wait for its sessions to go; what is left then ends the action, and it serves as before.
        #[arg(long, value_name = "SPAN", default_value = "60s")]
        wait: String,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Have the routers lead sessions again to a replica that was left drained.
    Undrain {
        /// The replica.
        node: String,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// End what a client's session does, or the session itself.
    Session {
        /// Its running statement, or the session.
        #[arg(value_enum)]
        how: EndArg,
        /// Node it is on.
        node: String,
        /// Its process id, as the Sessions view shows it.
        pid: u32,
        /// When its backend started, as `pg_stat_activity` tells it: ends that very session, or nothing [default: the
        /// session that has the process id now].
        #[arg(long, value_name = "TIME")]
        started: Option<String>,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Prove who leads, and have every router lead writes there. Puts right what a swift switchover has left, should its
    /// process have died.
    Settle {
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Take back what an action has left whose process died.
    Undo {
        /// The action, as `pgctl-tui audit` names it.
        action: String,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Set the state of a router's server by hand.
    Server {
        /// The server, as BACKEND/SERVER.
        server: String,
        /// The state.
        #[arg(value_enum)]
        state: StateArg,
        /// The router, where there are several.
        #[arg(long, value_name = "NAME")]
        router: Option<String>,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
}

/// Members a verb is about.
#[derive(Args, Debug, Clone, Default)]
#[group(required = true, multiple = false)]
pub struct TargetArgs {
    /// One member.
    pub node: Option<String>,
    /// Those of a role.
    #[arg(long, value_enum)]
    pub role: Option<RoleArg>,
    /// Every member.
    #[arg(long)]
    pub all: bool,
}

/// A role by which members are chosen.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoleArg {
    /// The leader.
    Leader,
    /// Every replica.
    Replica,
}

/// What is done with a node that was drained.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ThenArg {
    /// Nothing: it stays drained until `undrain`.
    #[default]
    StopHere,
    /// PostgreSQL is restarted.
    Restart,
    /// Its data is copied anew.
    Reinit,
}

/// How a session is ended.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndArg {
    /// Its running statement; the session stays.
    Cancel,
    /// The session; its open transaction is rolled back.
    Terminate,
}

/// What can be scheduled.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheduled {
    /// The switchover.
    Switchover,
    /// A restart.
    Restart,
}

/// States of a router's server.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateArg {
    /// Takes traffic as its check says.
    Ready,
    /// Keeps its sessions, gets no new ones.
    Drain,
    /// Out of service.
    Maint,
}

impl ActVerb {
    /// How it is confirmed and told.
    pub fn acting(&self) -> &Acting {
        match self {
            Self::Switchover { acting, .. }
            | Self::Failover { acting, .. }
            | Self::Reinit { acting, .. }
            | Self::Restart { acting, .. }
            | Self::Reload { acting, .. }
            | Self::Pause { acting }
            | Self::Resume { acting }
            | Self::Configure { acting, .. }
            | Self::RollingRestart { acting }
            | Self::Settle { acting }
            | Self::Cancel { acting, .. }
            | Self::Session { acting, .. }
            | Self::Drain { acting, .. }
            | Self::Undrain { acting, .. }
            | Self::Undo { acting, .. }
            | Self::Server { acting, .. } => acting,
        }
    }
}
