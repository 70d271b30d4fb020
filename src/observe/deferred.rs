//! Sources held back: asked only of a member whose agent has not vouched for it in time. For a glance, where the
//! second opinion of a member that its agent calls well is not worth the wait.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::merge::Observation;
use crate::driver::port::{Facts, Observe};
use crate::model::agent::AgentReport;
use crate::model::name::NodeName;
use crate::model::record::ClusterRecord;
use crate::model::role::{MemberState, Role};
use crate::model::source::SourceKind;

/// How long an agent may take to vouch for its member before others are asked as well.
const TIMEOUT: Duration = Duration::from_millis(250);

/// Sources, with the token that ends them.
pub(super) type DeferredMember = (Vec<Box<dyn Observe>>, CancellationToken);

/// What is held back, by member.
#[derive(Default)]
pub(super) struct DeferredSources {
    held: BTreeMap<NodeName, Waiting>,
    /// The record was asked for in vain: nobody will say who holds the lock.
    no_record: bool,
}

/// What is held back for one member.
struct Waiting {
    sources: DeferredMember,
    until: Instant,
    /// Its agent calls it well; whether it leads, by its own word, is still to be compared with the lock.
    leads: Option<bool>,
}

impl DeferredSources {
    /// Holds back the sources of a member from now on.
    pub(super) fn hold(&mut self, member: &NodeName, sources: Vec<Box<dyn Observe>>, cancel: &CancellationToken) {
        if !sources.is_empty() {
            let until = Instant::now() + TIMEOUT;
            self.held.insert(member.clone(), Waiting { sources: (sources, cancel.clone()), until, leads: None });
        }
    }

    /// When patience ends next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.values().map(|waiting| waiting.until).min()
    }

    /// What is to be asked because patience has ended.
    pub(super) fn overdue(&mut self) -> Vec<DeferredMember> {
        let now = Instant::now();
        self.release(|_, waiting| waiting.until <= now)
    }

    /// An observation has come; `record` is the freshest one there is, this one included. What is to be asked because
    /// an agent does not call its PostgreSQL well, or says another thing than the lock, is returned; what was held
    /// back for a member that its agent vouches for is dropped.
    pub(super) fn next_message(
        &mut self,
        observation: &Observation,
        record: Option<&ClusterRecord>,
    ) -> Vec<DeferredMember> {
        match observation.source.kind {
            SourceKind::Etcd | SourceKind::PatroniCluster => self.no_record = record.is_none(),
            SourceKind::PatroniRest => {
                let name = NodeName::new(observation.source.target.as_str());
                let leads = match &observation.outcome {
                    Ok(Facts::Agent(report)) => is_healthy(report),
                    Ok(_) | Err(_) => None,
                };
                match (self.held.get_mut(&name), leads) {
                    (None, _) => {}
                    (Some(waiting), Some(leads)) => waiting.leads = Some(leads),
                    (Some(_), None) => return self.release(|member, _| *member == name),
                }
            }
            SourceKind::PatroniMetrics
            | SourceKind::EtcdMember
            | SourceKind::EtcdClusters
            | SourceKind::Sql
            | SourceKind::Nodes
            | SourceKind::RouterHttp
            | SourceKind::RouterRuntime
            | SourceKind::RouterActing
            | SourceKind::Exporter
            | SourceKind::Pooler
            | SourceKind::Backup
            | SourceKind::Runtime => return Vec::new(),
        }
        let Some(record) = record else {
            let without_effect = self.no_record;
            return self.release(|_, waiting| without_effect && waiting.leads.is_some());
        };
        let holds = |name: &NodeName| record.leader.as_ref().is_some_and(|leader| leader.holder == *name);
        let doubtful = self.release(|name, waiting| waiting.leads.is_some_and(|leads| leads != holds(name)));
        self.held.retain(|_, waiting| waiting.leads.is_none());
        doubtful
    }

    fn release(&mut self, which: impl Fn(&NodeName, &Waiting) -> bool) -> Vec<DeferredMember> {
        let names: Vec<NodeName> =
            self.held.iter().filter(|(name, waiting)| which(name, waiting)).map(|(name, _)| name.clone()).collect();
        names.iter().filter_map(|name| self.held.remove(name)).map(|waiting| waiting.sources).collect()
    }
}

/// Whether the member leads, by the word of an agent that calls its PostgreSQL well: a writable one runs, any other
/// streams. `None`: not called well. Running alone says nothing of a replica: one whose upstream is gone runs too, and
/// old agents do not tell whether theirs streams.
fn is_healthy(report: &AgentReport) -> Option<bool> {
    let streams = report.state == MemberState::Streaming || report.replication_state == Some(MemberState::Streaming);
    match &report.role {
        Role::Leader | Role::Primary => report.state.is_up().then_some(true),
        Role::StandbyLeader => (report.state.is_up() && streams).then_some(true),
        Role::Replica => (report.state.is_up() && streams).then_some(false),
        Role::Demoted | Role::Uninitialized | Role::Unknown(_) => None,
    }
}
