//! Arguments of `drill`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::super::act::args::Acting;
use crate::action::drill::Scenario;

/// Arguments of `drill`.
#[derive(Args, Debug, Clone)]
pub struct Drill {
    /// What is to be done; none lists the scenarios with how they went.
    #[command(subcommand)]
    pub command: Option<DrillCommand>,
}

/// What is done with drills.
#[derive(Subcommand, Debug, Clone)]
pub enum DrillCommand {
    /// Break something on purpose, undo it, and measure what the users notice.
    Run {
        /// What is practised.
        #[arg(value_enum)]
        scenario: ScenarioArg,
        /// The longest outage wished for, such as 30s; a longer one ends with exit code 1.
        #[arg(long, value_name = "SPAN")]
        target: Option<String>,
        /// How it is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// Run the drills of a file one after another, each on a whole cluster; the first that fails is the last.
    Sequence {
        /// The file; see docs/drills.md.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// How each is confirmed and told.
        #[command(flatten)]
        acting: Acting,
    },
    /// List the reports.
    List {
        /// Form.
        #[arg(long, short, value_enum, default_value_t)]
        output: DrillOutput,
    },
    /// Show a report.
    Show {
        /// Its name or the beginning of it [default: the newest].
        report: Option<String>,
        /// Form.
        #[arg(long, short, value_enum, default_value_t)]
        output: DrillOutput,
    },
    /// Undo what drills left standing whose processes died.
    Mend,
}

/// A scenario as it is typed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScenarioArg {
    /// Hand the lead over in good order.
    Switchover,
    /// Stop the leader in good order.
    Stop,
    /// Kill the leader.
    Kill,
    /// Freeze the leader: its connections stay open and nothing answers.
    Freeze,
    /// Cut the leader off the network.
    Cut,
    /// Kill most members of the DCS.
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

/// Form of reports.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DrillOutput {
    /// Lines for people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// Markdown.
    Markdown,
}
