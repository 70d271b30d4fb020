//! The picture and the plan, and what several checks ask of them.

use std::collections::BTreeSet;

use super::super::drill::Scenario;
use super::super::effect::Effect;
use super::super::intent::{Intent, LeadIntent};
use super::super::note::{CheckNote, CheckVerdict};
use super::super::order::{Order, RouterRequest};
use super::super::plan::{Plan, Step};
use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::{NodeName, RouterName};
use crate::model::observed::Observed;
use crate::model::postgres::SqlReport;
use crate::model::role::MemberState;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// Two servers cannot have started at the same moment, so the start tells whether two wires lead to one and the same.
const START_TOLERANCE: f64 = 2.0;

/// What a candidate is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The present leader hands over.
    Switchover,
    /// There is no leader.
    Failover,
}

/// The picture and the plan.
pub(super) struct CheckContext<'a> {
    pub(super) snapshot: &'a Snapshot,
    plan: Option<&'a Plan>,
    /// Who is looked at as the one to lead, where no plan says so.
    named: Option<&'a NodeName>,
}

/// Only what its source still says.
pub(super) fn fresh<T>(fact: Option<Observed<T>>) -> Option<Observed<T>> {
    fact.filter(|fact| fact.fresh)
}

pub(super) fn pass(check: &str, text: impl AsRef<str>) -> CheckNote {
    CheckNote::new(check, CheckVerdict::Pass, text)
}

pub(super) fn warn(check: &str, text: impl AsRef<str>) -> CheckNote {
    CheckNote::new(check, CheckVerdict::Warn, text)
}

pub(super) fn block(check: &str, text: impl AsRef<str>) -> CheckNote {
    CheckNote::new(check, CheckVerdict::Block, text)
}

pub(super) fn unknown(check: &str, text: impl AsRef<str>) -> CheckNote {
    CheckNote::new(check, CheckVerdict::Unknown, text)
}

impl<'a> CheckContext<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        Self { snapshot, plan: Some(plan), named: None }
    }

    pub(super) fn without_plan(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, plan: None, named: None }
    }

    /// Whether `name` could lead.
    pub(super) fn about(snapshot: &'a Snapshot, name: &'a NodeName) -> Self {
        Self { snapshot, plan: None, named: Some(name) }
    }

    /// What is wanted.
    pub(super) fn intent(&self) -> Option<&'a Intent> {
        self.plan.map(|plan| &plan.intent)
    }

    /// What is practised.
    pub(super) fn scenario(&self) -> Option<Scenario> {
        match self.intent()? {
            Intent::Drill { scenario, .. } => Some(*scenario),
            _ => None,
        }
    }

    /// What is done.
    pub(super) fn steps(&self) -> impl Iterator<Item = &'a Step> + use<'a> {
        self.plan.into_iter().flat_map(|plan| &plan.steps)
    }

    /// What a candidate is wanted for.
    pub(super) fn purpose(&self) -> Purpose {
        match self.plan.map(|plan| &plan.intent) {
            Some(Intent::Lead(LeadIntent::Failover { .. })) => Purpose::Failover,
            Some(_) => Purpose::Switchover,
            None if self.leader().is_some() => Purpose::Switchover,
            None => Purpose::Failover,
        }
    }

    pub(super) fn view(&self, name: &NodeName) -> Option<MemberView<'a>> {
        self.snapshot.member(name).map(|member| self.snapshot.view(member))
    }

    /// Who leads by a fresh record.
    pub(super) fn leader(&self) -> Option<Observed<NodeName>> {
        fresh(self.snapshot.from_record(|content| content.leader.as_ref().map(|leader| leader.holder.clone())))
    }

    pub(super) fn leader_view(&self) -> Option<MemberView<'a>> {
        self.view(&self.leader()?.value)
    }

    /// What a member's PostgreSQL says now.
    pub(super) fn sql(&self, view: MemberView<'a>) -> Option<Observed<&'a SqlReport>> {
        fresh(view.member.sql.as_ref()?.fact(self.snapshot.now, Some))
    }

    /// The system identifier that every member must have: the record's.
    pub(super) fn system_id(&self) -> Option<Observed<SystemId>> {
        fresh(self.snapshot.from_record(|content| content.system_id))
    }

    /// Timeline that the leader is on, by its own word.
    pub(super) fn timeline(&self) -> Option<Observed<Timeline>> {
        fresh(self.leader_view()?.timeline())
    }

    /// The one who is to lead: by the plan's own steps, else as wanted.
    pub(super) fn candidate(&self) -> Option<NodeName> {
        if let Some(named) = self.named {
            return Some(named.clone());
        }
        let plan = self.plan?;
        named_by(plan).or_else(|| match &plan.intent {
            Intent::Lead(LeadIntent::Switchover { candidate, .. }) => candidate.clone(),
            Intent::Lead(LeadIntent::Failover { candidate }) => Some(candidate.clone()),
            _ => None,
        })
    }

    /// Whether `plan` hands the lead over to somebody named.
    pub(super) fn has_handover(plan: &Plan) -> bool {
        named_by(plan).is_some()
    }

    /// What the plan asks of routers, in its order.
    pub(super) fn router_requests(&self) -> impl Iterator<Item = (&'a RouterName, &'a RouterRequest)> + use<'a> {
        self.plan.into_iter().flat_map(|plan| &plan.steps).filter_map(|step| match &step.order {
            Order::Router { router, request } => Some((router, request)),
            Order::Ha(_)
            | Order::Pooler { .. }
            | Order::Sql { .. }
            | Order::RouterHandover(_)
            | Order::Drill { .. }
            | Order::Await { .. } => None,
        })
    }

    /// Routers that the plan tells something, each once.
    pub(super) fn updated_routers(&self) -> BTreeSet<&'a RouterName> {
        let mut routers = BTreeSet::new();
        for step in self.plan.into_iter().flat_map(|plan| &plan.steps) {
            match &step.order {
                Order::Router { router, .. } => {
                    routers.insert(router);
                }
                Order::RouterHandover(router_handover) => {
                    routers.extend(router_handover.routes.iter().map(|route| &route.router));
                }
                Order::Ha(_) | Order::Pooler { .. } | Order::Sql { .. } | Order::Drill { .. } | Order::Await { .. } => {
                }
            }
        }
        routers
    }

    /// Members that the plan has restarted, each once, in the plan's order.
    pub(super) fn restarted(&self) -> Vec<NodeName> {
        self.each(|order| match order.effect() {
            Effect::Restarts { member, .. } => Some(member),
            _ => None,
        })
    }

    /// Members that the manager is asked through, each once, in the plan's order.
    pub(super) fn asked(&self) -> Vec<NodeName> {
        self.each(|order| match order {
            Order::Ha(order) => order.asks(),
            Order::Router { .. }
            | Order::Pooler { .. }
            | Order::Sql { .. }
            | Order::RouterHandover(_)
            | Order::Drill { .. }
            | Order::Await { .. } => None,
        })
    }

    fn each(&self, who: fn(&Order) -> Option<&NodeName>) -> Vec<NodeName> {
        let mut members: Vec<NodeName> = Vec::new();
        for name in self.plan.iter().flat_map(|plan| &plan.steps).filter_map(|step| who(&step.order)) {
            if !members.contains(name) {
                members.push(name.clone());
            }
        }
        members
    }

    /// Whether a step of the plan has an effect of this kind.
    pub(super) fn has_effect(&self, wanted: fn(&Effect<'_>) -> bool) -> bool {
        self.plan.iter().flat_map(|plan| &plan.steps).any(|step| wanted(&step.order.effect()))
    }

    /// Whether REST and SQL of a member are known to speak of two different servers.
    pub(super) fn two_servers(&self, view: MemberView<'_>) -> bool {
        let now = self.snapshot.now;
        let by_agent = view.member.agent.as_ref().and_then(|a| fresh(a.fact(now, |report| report.postmaster_started)));
        let by_sql =
            view.member.sql.as_ref().and_then(|s| fresh(s.fact(now, |report| Some(report.postmaster_started))));
        let (Some(agent), Some(sql)) = (by_agent, by_sql) else { return false };
        agent.value.duration_since(sql.value).as_secs_f64().abs() > START_TOLERANCE
    }

    /// Whether the agent of a member says now that its PostgreSQL is up.
    pub(super) fn is_up(&self, view: MemberView<'_>) -> bool {
        self.agent_state(view).is_some_and(|state| state.is_up())
    }

    /// Whether the agent of a member says now that its PostgreSQL is down, and PostgreSQL does not say otherwise.
    pub(super) fn is_down(&self, view: MemberView<'_>) -> bool {
        let down = self
            .agent_state(view)
            .is_some_and(|state| matches!(state, MemberState::Stopped | MemberState::Crashed | MemberState::Failed(_)));
        down && fresh(view.sql_role()).is_none()
    }

    fn agent_state(&self, view: MemberView<'_>) -> Option<MemberState> {
        let agent = view.member.agent.as_ref()?;
        fresh(agent.fact(self.snapshot.now, |report| Some(report.state.clone()))).map(|state| state.value)
    }

    /// Whether a standby is up, in recovery, on the leader's timeline, and streams, all by fresh word.
    pub(super) fn is_healthy_standby(&self, view: MemberView<'_>) -> bool {
        let leads = self.leader().is_some_and(|leader| leader.value == *view.name());
        let replica = fresh(view.claimed_role()).is_some_and(|role| !role.value.is_writable());
        let streams = fresh(view.streams()).is_some_and(|streams| streams.value);
        let here = match (self.timeline(), fresh(view.timeline())) {
            (Some(leader), Some(own)) => leader.value == own.value,
            (None, _) | (_, None) => false,
        };
        !leads && !view.is_missing() && replica && streams && here
    }
}

/// Whom a step of `plan` hands the lead over to.
fn named_by(plan: &Plan) -> Option<NodeName> {
    plan.steps.iter().find_map(|step| match step.order.effect() {
        Effect::Handover { to, .. } => to.cloned(),
        Effect::Promotes { member } => Some(member.clone()),
        _ => None,
    })
}
