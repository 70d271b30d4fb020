//! The picture and the plan, and what several checks ask of them.

use std::collections::BTreeSet;

use super::super::intent::Intent;
use super::super::note::{Note, Verdict};
use super::super::order::{AgentRequest, Order, RouterRequest};
use super::super::plan::Plan;
use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::{NodeName, RouterName};
use crate::model::observed::Observed;
use crate::model::postgres::SqlReport;
use crate::model::role::MemberState;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// Two servers cannot have started at the same moment, so the start tells whether two wires lead to one and the same.
const SAME_START: f64 = 2.0;

/// What a candidate is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The present leader hands over.
    Switchover,
    /// There is no leader.
    Failover,
}

/// The picture and the plan.
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    plan: Option<&'a Plan>,
}

/// Only what its source still says.
pub(super) fn fresh<T>(fact: Option<Observed<T>>) -> Option<Observed<T>> {
    fact.filter(|fact| fact.fresh)
}

pub(super) fn pass(check: &str, text: impl AsRef<str>) -> Note {
    Note::new(check, Verdict::Pass, text)
}

pub(super) fn warn(check: &str, text: impl AsRef<str>) -> Note {
    Note::new(check, Verdict::Warn, text)
}

pub(super) fn block(check: &str, text: impl AsRef<str>) -> Note {
    Note::new(check, Verdict::Block, text)
}

pub(super) fn unknown(check: &str, text: impl AsRef<str>) -> Note {
    Note::new(check, Verdict::Unknown, text)
}

impl<'a> Scene<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        Self { snapshot, plan: Some(plan) }
    }

    pub(super) fn without_plan(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, plan: None }
    }

    pub(super) fn view(&self, name: &NodeName) -> Option<MemberView<'a>> {
        self.snapshot.member(name).map(|member| self.snapshot.view(member))
    }

    /// Who leads by a fresh record.
    pub(super) fn leader(&self) -> Option<Observed<NodeName>> {
        fresh(self.snapshot.recorded(|content| content.leader.as_ref().map(|leader| leader.holder.clone())))
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
        fresh(self.snapshot.recorded(|content| content.system_id))
    }

    /// Timeline that the leader is on, by its own word.
    pub(super) fn timeline(&self) -> Option<Observed<Timeline>> {
        fresh(self.leader_view()?.timeline())
    }

    /// The one who is to lead: by the plan's own steps, else as wanted.
    pub(super) fn candidate(&self) -> Option<NodeName> {
        let plan = self.plan?;
        let by_step = plan.steps.iter().find_map(|step| match &step.order {
            Order::Agent { request: AgentRequest::Switchover { candidate, .. }, .. } => candidate.clone(),
            Order::Agent { request: AgentRequest::Failover { candidate }, .. } => Some(candidate.clone()),
            Order::Agent { .. }
            | Order::Router { .. }
            | Order::Sql { .. }
            | Order::Record { .. }
            | Order::Escort(_)
            | Order::Drill { .. }
            | Order::Await { .. } => None,
        });
        by_step.or_else(|| match &plan.intent {
            Intent::Switchover { candidate, .. } => candidate.clone(),
            Intent::Failover { candidate } => Some(candidate.clone()),
            _ => None,
        })
    }

    /// What the plan asks of routers, in its order.
    pub(super) fn router_requests(&self) -> impl Iterator<Item = (&'a RouterName, &'a RouterRequest)> + use<'a> {
        self.plan.into_iter().flat_map(|plan| &plan.steps).filter_map(|step| match &step.order {
            Order::Router { router, request } => Some((router, request)),
            Order::Agent { .. }
            | Order::Sql { .. }
            | Order::Record { .. }
            | Order::Escort(_)
            | Order::Drill { .. }
            | Order::Await { .. } => None,
        })
    }

    /// Routers that the plan tells something, each once.
    pub(super) fn told_routers(&self) -> BTreeSet<&'a RouterName> {
        let mut routers = BTreeSet::new();
        for step in self.plan.into_iter().flat_map(|plan| &plan.steps) {
            match &step.order {
                Order::Router { router, .. } => {
                    routers.insert(router);
                }
                Order::Escort(escort) => routers.extend(escort.routes.iter().map(|route| &route.router)),
                Order::Agent { .. }
                | Order::Sql { .. }
                | Order::Record { .. }
                | Order::Drill { .. }
                | Order::Await { .. } => {}
            }
        }
        routers
    }

    /// Members whose agents the plan asks for something, each once, in the plan's order.
    pub(super) fn asked(&self, wanted: fn(&AgentRequest) -> bool) -> Vec<NodeName> {
        let mut members = Vec::new();
        for step in self.plan.iter().flat_map(|plan| &plan.steps) {
            if let Order::Agent { member, request } = &step.order
                && wanted(request)
                && !members.contains(member)
            {
                members.push(member.clone());
            }
        }
        members
    }

    /// Whether REST and SQL of a member are known to speak of two different servers.
    pub(super) fn two_servers(&self, view: MemberView<'_>) -> bool {
        let now = self.snapshot.now;
        let by_agent = view.member.agent.as_ref().and_then(|a| fresh(a.fact(now, |report| report.postmaster_started)));
        let by_sql =
            view.member.sql.as_ref().and_then(|s| fresh(s.fact(now, |report| Some(report.postmaster_started))));
        let (Some(agent), Some(sql)) = (by_agent, by_sql) else { return false };
        agent.value.duration_since(sql.value).as_secs_f64().abs() > SAME_START
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
