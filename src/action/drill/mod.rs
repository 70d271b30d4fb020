//! What a drill does: a scenario, the fault that it sets, and the orders that are peculiar to it.
//!
//! A fault is data, pinned before anybody confirms it: which part of the cluster is hit, and by which container or which
//! configured command. Its undo carries the same, so that it can be made from the book of debts alone, by any process.

pub mod survey;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::name::{NodeName, RouterName};
use crate::model::text::Text;

pub use survey::Survey;

/// What is practised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// The lead is handed over in good order.
    Switchover,
    /// The leader's container or host is stopped in good order.
    Stop,
    /// The leader dies (`kill -9`).
    Kill,
    /// The leader stands still: its connections stay open and nothing answers.
    Freeze,
    /// No packet passes to or from the leader, which runs on.
    Cut,
    /// Most members of the DCS die.
    Dcs,
    /// The router dies.
    Router,
}

impl Scenario {
    /// Every one, from the mildest on.
    pub const ALL: [Self; 7] =
        [Self::Switchover, Self::Stop, Self::Kill, Self::Freeze, Self::Cut, Self::Dcs, Self::Router];

    /// The word by which it is asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switchover => "switchover",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Cut => "cut",
            Self::Dcs => "dcs",
            Self::Router => "router",
        }
    }

    /// What happens, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Switchover => "switchover",
            Self::Stop => "stop the leader",
            Self::Kill => "kill the leader",
            Self::Freeze => "freeze the leader",
            Self::Cut => "isolate the leader",
            Self::Dcs => "lose the DCS majority",
            Self::Router => "lose the router",
        }
    }

    /// The scenario called `word`.
    pub fn from_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == word)
    }

    /// What it breaks, and how; `None`: nothing.
    pub fn breaks(self) -> Option<FaultKind> {
        match self {
            Self::Switchover => None,
            Self::Stop => Some(FaultKind::Stop),
            Self::Kill | Self::Dcs | Self::Router => Some(FaultKind::Kill),
            Self::Freeze => Some(FaultKind::Freeze),
            Self::Cut => Some(FaultKind::Cut),
        }
    }

    /// Whether it takes the leader away without asking, so that another must take over.
    pub fn takes_leader(self) -> bool {
        match self {
            Self::Stop | Self::Kill | Self::Freeze | Self::Cut => true,
            Self::Switchover | Self::Dcs | Self::Router => false,
        }
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// In which way a part is broken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Stopped in good order; started again.
    Stop,
    /// Killed; started again.
    Kill,
    /// Frozen; thawed.
    Freeze,
    /// Cut off the network; reconnected.
    Cut,
}

impl FaultKind {
    /// The word, as in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Cut => "cut",
        }
    }

    /// The word for its undoing.
    pub fn reverted_steps(self) -> &'static str {
        match self {
            Self::Stop | Self::Kill => "start",
            Self::Freeze => "unpause",
            Self::Cut => "reconnect",
        }
    }

    /// Whether what was broken runs on with what it knew before, and may take itself for the leader when it is back.
    pub fn may_revive_a_leader(self) -> bool {
        matches!(self, Self::Freeze | Self::Cut)
    }
}

/// A part that a fault hits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterPart {
    /// The container or host of a member.
    Member(NodeName),
    /// A member of the DCS, by its name there.
    Dcs(Text),
    /// A router.
    Router(RouterName),
}

impl ClusterPart {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Member(name) => name.as_str(),
            Self::Dcs(name) => name.as_str(),
            Self::Router(name) => name.as_str(),
        }
    }
}

impl std::fmt::Display for ClusterPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// By what a part is broken and mended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InjectionMethod {
    /// A container of the engine on this host, pinned by its id.
    Container {
        /// Its whole id.
        id: Text,
        /// Its name, for people.
        name: Text,
        /// Port inside that clients use; `None`: PostgreSQL's own.
        port: Option<u16>,
    },
    /// Configured commands: a program with its arguments, run without a shell.
    Command {
        /// Breaks it. Word for word as configured: what is run is not what may be shown.
        make: Vec<String>,
        /// Mends it.
        #[serde(rename = "mend")]
        repair: Vec<String>,
    },
    /// The simulated cluster's own faults.
    Simulated,
}

/// One fault: the same thing done to one part or several at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// What is done.
    pub kind: FaultKind,
    /// To whom, and by what.
    pub parts: Vec<(ClusterPart, InjectionMethod)>,
    /// After this long the far end takes it back by itself, where it can.
    pub expires: Duration,
}

impl Fault {
    /// The fault in words: `kill pg-0 (container lab_pg-0_1)`.
    pub fn describe(&self) -> String {
        self.describe_parts(self.kind.as_str(), |means| match means {
            InjectionMethod::Container { name, .. } => format!("container {name}"),
            InjectionMethod::Command { make, .. } => joined(make),
            InjectionMethod::Simulated => "simulated".to_owned(),
        })
    }

    /// Its undo in words.
    pub fn repaired(&self) -> String {
        self.describe_parts(self.kind.reverted_steps(), |means| match means {
            InjectionMethod::Container { name, .. } => format!("container {name}"),
            InjectionMethod::Command { repair, .. } => joined(repair),
            InjectionMethod::Simulated => "simulated".to_owned(),
        })
    }

    fn describe_parts(&self, verb: &str, means: impl Fn(&InjectionMethod) -> String) -> String {
        let each: Vec<String> = self.parts.iter().map(|(part, by)| format!("{part} ({})", means(by))).collect();
        format!("{verb} {}", each.join(" and "))
    }

    /// The members that it hits.
    pub fn members(&self) -> impl Iterator<Item = &NodeName> {
        self.parts.iter().filter_map(|(part, _)| match part {
            ClusterPart::Member(name) => Some(name),
            ClusterPart::Dcs(_) | ClusterPart::Router(_) => None,
        })
    }
}

/// A command to be shown.
fn joined(words: &[String]) -> String {
    Text::redacted(words.join(" ")).to_string()
}

/// Orders that only drills have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillRequest {
    /// Makes the probe's schema and begins to write and to read through the router. Answers when writes have been
    /// acknowledged for a while.
    Begin,
    /// Ends the probe: waits until writes go through again, looks for every acknowledged row, writes the report, and
    /// drops the schema.
    End,
    /// Sets the fault.
    Break {
        /// Which.
        fault: Fault,
    },
    /// Takes the fault back.
    Mend {
        /// Which.
        fault: Fault,
    },
    /// Leaves things as they are for a while.
    Hold {
        /// How long.
        time: Duration,
    },
    /// Waits until writes have been acknowledged without a break for `quiet`.
    Recovered {
        /// How long without a break.
        quiet: Duration,
    },
}

impl DrillRequest {
    /// What it does, in words for an operator who sees it without a plan.
    pub fn describe(&self) -> String {
        match self {
            Self::Begin => "start to write and read through the router".to_owned(),
            Self::End => "drop the probe's schema".to_owned(),
            Self::Break { fault } => fault.describe(),
            Self::Mend { fault } => fault.repaired(),
            Self::Hold { time } => format!("hold the fault for {} s", time.as_secs()),
            Self::Recovered { quiet } => format!("wait until writes succeed for {} s", quiet.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_word() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::from_name(scenario.as_str()), Some(scenario));
        }
        assert_eq!(Scenario::from_name("quake"), None);
    }

    #[test]
    fn a_fault_names_every_part_and_by_what_it_is_hit() {
        let by = |name: &str| InjectionMethod::Container { id: Text::new("0123"), name: Text::new(name), port: None };
        let parts = ["etcd-2", "etcd-3"].map(|name| (ClusterPart::Dcs(Text::new(name)), by(name))).to_vec();
        let fault = Fault { kind: FaultKind::Kill, parts, expires: Duration::ZERO };
        assert_eq!(fault.describe(), "kill etcd-2 (container etcd-2) and etcd-3 (container etcd-3)");
        assert_eq!(fault.repaired(), "start etcd-2 (container etcd-2) and etcd-3 (container etcd-3)");
    }
}
