//! What was heard since the action began, and only that.

use std::time::Duration;

use super::super::before::{MemberBefore, StateBefore};
use crate::model::agent::AgentReport;
use crate::model::dcs::{DcsMember, Quorum};
use crate::model::member::Member;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::postgres::SqlReport;
use crate::model::record::ClusterRecord;
use crate::model::snapshot::Snapshot;
use crate::model::source::Source;

/// Two servers cannot have started at the same moment, so the start tells whether two wires lead to one and the same.
const START_TOLERANCE: f64 = 2.0;

/// A picture, the cluster as it was, and the moment from which on anything counts.
#[derive(Clone, Copy)]
pub(super) struct EvaluationContext<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) before: &'a StateBefore,
    pub(super) since: Moment,
}

/// An answer that counts.
pub(super) struct FreshAnswer<'a, T> {
    pub(super) value: &'a T,
    pub(super) source: &'a Source,
    pub(super) at: Moment,
}

impl<T> Clone for FreshAnswer<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FreshAnswer<'_, T> {}

impl<'a> EvaluationContext<'a> {
    /// The answer of a polled source to a question that was itself asked after the action began: one asked before may
    /// have been answered from before, however late it came.
    pub(super) fn asked<T>(&self, reading: Option<&'a Reading<T>>) -> Option<FreshAnswer<'a, T>> {
        let answer = self.fresh_answer(reading?)?;
        let took = reading?.answer.as_ref().map_or(Duration::ZERO, |answer| answer.took);
        (answer.at - took >= self.since).then_some(answer)
    }

    /// A fresh answer that came after the action began. For sources that speak by themselves, whose answer takes as long
    /// as nothing happens.
    fn fresh_answer<T>(&self, reading: &'a Reading<T>) -> Option<FreshAnswer<'a, T>> {
        let answer = reading.answer.as_ref().filter(|answer| answer.at > self.since)?;
        reading.is_fresh(self.snapshot.now).then(|| FreshAnswer {
            value: &*answer.value,
            source: &reading.source,
            at: answer.at,
        })
    }

    /// The record, etcd's own before a relayed one.
    pub(super) fn record(&self) -> Option<FreshAnswer<'a, ClusterRecord>> {
        self.snapshot.records.iter().find_map(|reading| self.fresh_answer(reading))
    }

    pub(super) fn member(&self, name: &NodeName) -> Option<&'a Member> {
        self.snapshot.member(name)
    }

    pub(super) fn was(&self, name: &NodeName) -> Option<&'a MemberBefore> {
        self.before.members.get(name)
    }

    pub(super) fn agent(&self, name: &NodeName) -> Option<FreshAnswer<'a, AgentReport>> {
        self.asked(self.member(name)?.agent.as_ref())
    }

    /// PostgreSQL's own word. An error where it cannot be believed: nobody answered since, or another server did.
    pub(super) fn sql(&self, name: &NodeName) -> Result<FreshAnswer<'a, SqlReport>, SqlDoubt> {
        let member = self.member(name).ok_or_else(|| SqlDoubt(format!("there is no member {name}")))?;
        let reading = member.sql.as_ref();
        let answer = self.asked(reading).ok_or_else(|| SqlDoubt(silence(name, reading.is_some())))?;
        if !answer.value.is_asked_since(self.since) {
            return Err(SqlDoubt(format!("{} has not been fully read since the action started", answer.source)));
        }
        if let (Some(wanted), Some(own)) = (self.before.generation.system_id, answer.value.system_id)
            && wanted != own
        {
            return Err(SqlDoubt(format!("{} has system identifier {own}, the cluster has {wanted}", answer.source)));
        }
        if let Some(agent) = self.agent(name)
            && let Some(started) = agent.value.postmaster_started
            && started.duration_since(answer.value.postmaster_started).as_secs_f64().abs() > START_TOLERANCE
        {
            return Err(SqlDoubt(format!(
                "REST and SQL of {name} report different start times: they may be different servers"
            )));
        }
        Ok(answer)
    }

    /// Whether any DCS member reached the majority since; where none is configured, the record speaks for itself.
    pub(super) fn quorum(&self) -> bool {
        let members = &self.snapshot.dcs.members;
        let reached = |reading: &'a Reading<DcsMember>| {
            self.asked(Some(reading)).is_some_and(|answer| answer.value.quorum == Quorum::Reached)
        };
        members.is_empty() && self.record().is_some() || members.iter().any(reached)
    }

    /// How long two loops of the agents are.
    pub(super) fn two_loops(&self) -> Duration {
        const DEFAULT_LOOP_WAIT: Duration = Duration::from_secs(10);
        let known = self.snapshot.from_record(|content| content.config()?.loop_wait);
        known.map_or(DEFAULT_LOOP_WAIT, |known| known.value) * 2
    }
}

/// Why a node's SQL proves nothing: nobody has answered since, or it is not sure who.
pub(super) struct SqlDoubt(String);

impl SqlDoubt {
    pub(super) fn reported(self) -> super::MilestoneStatus {
        super::MilestoneStatus::not_yet(self.0)
    }
}

fn silence(name: &NodeName, configured: bool) -> String {
    if configured {
        format!("no response from SQL {name} since")
    } else {
        format!("no SQL address of {name} is configured")
    }
}
