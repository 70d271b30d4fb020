//! What a drill must know that no picture shows: by what each part can be broken, who else would be hit, and how earlier
//! drills went. Asked before the plan is made, and again by the process that runs it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ClusterPart, FaultKind, InjectionMethod};
use crate::model::text::Text;

/// The answers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Survey {
    /// The configuration allows drills that break something (`drills.enabled`).
    pub opted_in: bool,
    /// By what each part can be broken in each way, or why it cannot.
    pub injection_methods: BTreeMap<(ClusterPart, FaultKind), Result<InjectionMethod, Text>>,
    /// Members of the DCS, by their names there.
    pub dcs: Vec<Text>,
    /// Other clusters in the same DCS, or why that is not known.
    pub others: Option<Result<Vec<Text>, Text>>,
    /// Publications FOR ALL TABLES in the probe's database, or why that is not known; they would ship the probe's table.
    pub publications: Option<Result<Vec<Text>, Text>>,
    /// Whether a watchdog guards the leader's host; `None`: not known.
    pub watchdog: Option<bool>,
    /// Whether packets to and from the leader can be dropped where it runs, which freeze and cut need; `None`: not known, or
    /// it is done by a command of the configuration.
    pub firewall: Option<bool>,
    /// Where the probe writes; an error: why it cannot.
    pub write_address: Option<Result<Text, Text>>,
    /// How long a fault is left standing that no takeover ends.
    pub hold: Duration,
    /// Outages of earlier drills of this cluster that were seen to end, by scenario.
    pub earlier: BTreeMap<super::Scenario, Vec<Duration>>,
}

impl Survey {
    /// By what `part` can be broken so.
    ///
    /// # Errors
    /// Why it cannot, in one line with the remedy.
    pub fn injection_method(&self, part: &ClusterPart, kind: FaultKind) -> Result<&InjectionMethod, String> {
        match self.injection_methods.get(&(part.clone(), kind)) {
            Some(Ok(fault_targets)) => Ok(fault_targets),
            Some(Err(why)) => Err(why.to_string()),
            None => Err(format!(
                "not configured how to {} {part}: map it to a container (drills.containers) or to commands (drills.faults)",
                kind.as_str()
            )),
        }
    }

    /// Sources other than pictures are asked for these kinds of fault.
    pub const KINDS: [FaultKind; 4] = [FaultKind::Stop, FaultKind::Kill, FaultKind::Freeze, FaultKind::Cut];
}
