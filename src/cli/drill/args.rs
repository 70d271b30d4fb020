//! Arguments of `drill`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::super::act::args::Acting;
use crate::action::drill::Scenario;

/// Arguments of `drill`.
#[derive(Args, Debug, Clone)]
pub struct Drill {
    /// The command; without one, list the scenarios with their results.
    #[command(subcommand)]
    pub command: Option<DrillCommand>,
}

/// What is done with drills.
#[derive(Subcommand, Debug, Clone)]
pub enum DrillCommand {
    /// Inject a fault, revert it, and measure the impact on clients.
    Run {
        /// The scenario.
        #[arg(value_enum)]
        scenario: ScenarioArg,
        /// RTO target, such as 30s; if it is missed, the exit code is 1.
        #[arg(long, value_name = "SPAN")]
        target: Option<String>,
        /// How it is confirmed and shown.
        #[command(flatten)]
        acting: Acting,
    },
    /// Run the drills of a file one after another; stop at the first that fails or if the cluster has not recovered.
    Sequence {
        /// The file; see docs/drills.md.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// How each is confirmed and shown.
        #[command(flatten)]
        acting: Acting,
    },
    /// List the reports.
    List {
        /// Output format.
        #[arg(long, short, value_enum, default_value_t)]
        output: DrillOutput,
    },
    /// Show a report.
    Show {
        /// The report ID or its first characters [default: the latest].
        report: Option<String>,
        /// Output format.
        #[arg(long, short, value_enum, default_value_t)]
        output: DrillOutput,
    },
    /// Revert what drills left behind when their processes died.
    #[command(name = "revert", alias = "mend")]
    Mend,
}

/// A scenario as it is typed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScenarioArg {
    /// Switchover.
    Switchover,
    /// Stop the leader gracefully.
    Stop,
    /// Kill the leader.
    Kill,
    /// Pause the leader's container: its connections stay open and nothing responds.
    Freeze,
    /// Isolate the leader from the network.
    Cut,
    /// Kill a majority of the DCS members.
    Dcs,
    /// Kill the router.
    Router,
}

impl From<ScenarioArg> for Scenario {
    fn from(typed: ScenarioArg) -> Self {
        match typed {
            ScenarioArg::Switchover => Self::Switchover,
            ScenarioArg::Stop => Self::Stop,
            ScenarioArg::Kill => Self::Kill,
            ScenarioArg::Freeze => Self::Freeze,
            ScenarioArg::Cut => Self::Cut,
            ScenarioArg::Dcs => Self::Dcs,
            ScenarioArg::Router => Self::Router,
        }
    }
}

/// Output format of reports.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DrillOutput {
    /// Text.
    #[default]
    Table,
    /// JSON.
    Json,
    /// Markdown.
    Markdown,
}
