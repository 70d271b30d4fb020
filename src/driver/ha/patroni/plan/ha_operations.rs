//! What Patroni says of itself in the plans that are the same for every stack, and its own plans by verb.

use super::context::{PlanContext, refuse};
use super::{
    cancel_restart, cancel_switchover, configure, failover, pause, reinit, reload, restart, rolling_restart, switchover,
};
use crate::action::Intent;
use crate::action::drill::Scenario;
use crate::action::intent::{ConfigurationIntent, CopySource, LeadIntent, NodeIntent, Target};
use crate::action::plan::{Infeasible, Plan};
use crate::driver::plan::HaOperations;
use crate::driver::plan::context::PlanContext as Common;
use crate::model::name::NodeName;

impl<'a> HaOperations<'a> for PlanContext<'a> {
    fn context(&self) -> &Common<'a> {
        self.common()
    }

    fn own(&self, intent: &Intent) -> Result<Plan, Infeasible> {
        match intent {
            Intent::Lead(LeadIntent::Switchover { candidate, at, swift, through_poolers }) => {
                switchover::plan(self, candidate.as_ref(), *at, *swift, *through_poolers)
            }
            Intent::Lead(LeadIntent::CancelSwitchover) => cancel_switchover::plan(self),
            Intent::Lead(LeadIntent::Failover { candidate }) => failover::plan(self, candidate),
            Intent::Node(NodeIntent::Reinit { member, source, again }) => reinit::plan(self, member, *source, *again),
            Intent::Node(NodeIntent::Restart { target, only_pending, at }) => {
                restart::plan(self, target, *only_pending, *at)
            }
            Intent::Node(NodeIntent::CancelRestart { member }) => cancel_restart::plan(self, member),
            Intent::Node(NodeIntent::Reload { target }) => reload::plan(self, target),
            Intent::Lead(LeadIntent::Pause) => pause::plan(self, true),
            Intent::Lead(LeadIntent::Resume) => pause::plan(self, false),
            Intent::Configuration(ConfigurationIntent::Configure { changes }) => configure::plan(self, changes),
            Intent::Node(NodeIntent::RollingRestart) => rolling_restart::plan(self),
            Intent::Router(_) | Intent::Pooler(_) | Intent::Session(_) | Intent::Drill { .. } | Intent::Undo { .. } => {
                Err(refuse("Patroni is not involved in this"))
            }
        }
    }

    fn restart(&self, member: &NodeName) -> Result<Plan, Infeasible> {
        restart::plan(self, &Target::Member(member.clone()), false, None)
    }

    fn reinit(&self, member: &NodeName) -> Result<Plan, Infeasible> {
        reinit::plan(self, member, CopySource::Any, false)
    }

    fn handover(&self) -> Result<Plan, Infeasible> {
        switchover::plan(self, None, None, true, None)
    }

    fn can_verify(&self, verb: &str) -> Result<(), Infeasible> {
        self.no_standby_cluster(verb)
    }

    fn is_at_rest(&self) -> Result<(), Infeasible> {
        self.nothing_under_way()
    }

    fn proves_lead(&self) -> Result<(), String> {
        if self.manager.reads_etcd {
            Ok(())
        } else {
            Err("the leader cannot be verified without etcd: set etcd.endpoints".to_owned())
        }
    }

    fn outage(&self, scenario: Scenario) -> String {
        match scenario {
            Scenario::Kill | Scenario::Freeze | Scenario::Cut => {
                let ttl = self.timing.ttl.as_secs();
                format!("until the leader key expires (at most {ttl} s), plus some seconds")
            }
            Scenario::Dcs => "none with failsafe_mode, else until the DCS is back and a leader is elected".to_owned(),
            Scenario::Switchover | Scenario::Stop | Scenario::Router => "some seconds".to_owned(),
        }
    }

    fn without_store(&self) -> String {
        "without the DCS the leader is demoted when its lease expires, unless failsafe_mode is on".to_owned()
    }
}
