//! Patroni as a manager: what it does at each turn, and who of its parts is asked for what.

use crate::action::drill::FaultKind;
use crate::action::generation::Generation;
use crate::action::order::{HaOrder, Order as Act, PatroniOrder, RecordRequest};
use crate::action::router_handover::{LeadOrder, LeadRecord};
use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, Time};
use crate::driver::ha::sim::core::faults::{Fault, Repair};
use crate::driver::ha::sim::core::requests::{RequestId, RequestResult, RequestState};
use crate::driver::ha::sim::core::router::Check;
use crate::driver::ha::sim::manager::{
    Event, Manager, ManagerOrder, ManagerSource, NotAccepted, SlotUpkeep, StoreUnavailable,
};
use crate::driver::ha::sim::sources::Ask;
use crate::driver::port::{Facts, LockClaim};
use crate::model::name::NodeName;
use crate::model::record::Counter;
use crate::model::router::PoolPurpose;
use crate::model::source::{FailureKind, SourceError, SourceKind};
use crate::model::text::Text;

use super::Patroni;
use super::etcd::{ElectionResult, StoreMemberState};

/// How long a slot outlives its member's key (`member_slots_ttl`).
const SLOT_LIFE: Time = 1_800 * SECOND;

impl Manager for Patroni {
    fn tick(&mut self, world: &mut World) {
        let now = world.clock.now();
        if self.etcd.step(now) == ElectionResult::Elected {
            // A new leader of the store starts every lease anew.
            for index in 0..world.nodes.len() {
                if self.record.members[index].is_some() || self.record.holder() == Some(index) {
                    self.record.renewed[index] = now;
                }
            }
            self.extend_claim(world);
        }
        self.expire_leases(world);
        self.expire_claim(world);
        self.run_agents(world);
    }

    fn before(&mut self, world: &mut World, index: usize) {
        self.keep_restart(world, index);
    }

    fn react(&mut self, world: &mut World, index: usize, event: Event) {
        self.learn(world, index, event);
    }

    fn obey(&mut self, world: &mut World, order: ManagerOrder) {
        self.follow(world, order);
    }

    fn inject(&mut self, world: &mut World, fault: Fault) {
        self.inject_own(world, fault);
    }

    fn heal(&mut self, world: &mut World, cure: &Repair) {
        if *cure == Repair::Dcs {
            self.repair_store(world);
        }
    }

    fn check(&self, world: &World, index: usize, purpose: PoolPurpose) -> Check {
        self.answer_check(world, index, purpose)
    }

    /// A slot that its member does not use is moved by the agent, as long as the member's key is there.
    fn upkeep(&self, index: usize) -> SlotUpkeep {
        match &self.record.members[index] {
            Some(key) => SlotUpkeep::Moved(key.position),
            None => SlotUpkeep::Orphaned { after: SLOT_LIFE },
        }
    }

    fn chapter(&mut self, world: &mut World, chapter: usize) -> Option<u64> {
        self.play(world, chapter)
    }

    fn sources(&self) -> Vec<ManagerSource> {
        let members = || self.etcd.members.iter().map(|member| member.endpoint.clone());
        let all = members().map(|endpoint| endpoint.to_string()).collect::<Vec<_>>().join(",");
        let record = (SourceKind::Etcd, Text::new(""), Text::new(all), Ask::Record);
        let stores = members().enumerate();
        let stores = stores.map(|(index, name)| (SourceKind::EtcdMember, name.clone(), name, Ask::StoreMember(index)));
        std::iter::once(record).chain(stores).collect()
    }

    fn agent_url(&self, name: &NodeName) -> Option<Text> {
        Some(Text::new(format!("http://{name}:8008")))
    }

    fn facts(&mut self, world: &World, ask: Ask, endpoint: &Text) -> Result<Facts, SourceError> {
        match ask {
            Ask::Agent(index) => self.agent_report(world, index, endpoint).map(|report| Facts::Agent(Box::new(report))),
            Ask::AgentMetrics(index) => self.agent_metrics(world, index, endpoint).map(Facts::Metrics),
            Ask::Record => self.record_facts(world, endpoint).map(Facts::Record),
            Ask::StoreMember(index) => {
                self.store_member(world, index, endpoint).map(|member| Facts::DcsMember(Box::new(member)))
            }
            Ask::Sql(_)
            | Ask::Exporter(_)
            | Ask::RouterPage
            | Ask::RouterRuntime
            | Ask::Pooler
            | Ask::Backups
            | Ask::Runtime => {
                Err(SourceError::new(FailureKind::Unsupported, endpoint.as_str(), "not reported by Patroni"))
            }
        }
    }

    fn last_received(&self) -> Option<Time> {
        self.record.renewed.iter().copied().max()
    }

    fn take(&mut self, world: &mut World, order: &Act, generation: &Generation) -> RequestState {
        match order {
            Act::Ha(HaOrder::Patroni(PatroniOrder::Agent { member, request })) => {
                self.ask_agent(world, member, request)
            }
            Act::Ha(HaOrder::Patroni(PatroniOrder::Record { request })) => {
                RequestState::Now(self.ask_record(world, request, generation))
            }
            _ => RequestState::Now(RequestResult::Unsupported("not a request to Patroni")),
        }
    }

    fn answer_requests(&mut self, world: &World) {
        self.answer_open(world);
    }

    fn answer(&mut self, request_id: RequestId) -> Option<RequestResult> {
        self.open_requests.answer(request_id)
    }

    fn hang_up(&mut self, request_id: RequestId) {
        self.open_requests.hang_up(request_id);
    }

    #[cfg(test)]
    fn fail_open_requests(&self) -> usize {
        self.open_requests.len()
    }

    fn lead_record(&self, world: &World) -> Result<LeadRecord, SourceError> {
        if !self.etcd.takes_writes() {
            return Err(SourceError::new(FailureKind::NoQuorum, "etcd", ""));
        }
        let name = |index: usize| world.nodes[index].name.clone();
        let order = self.record.failover.as_ref().filter(|order| order.at.is_none());
        Ok(LeadRecord {
            holder: self.record.holder().map(name),
            order: order.map(|order| LeadOrder {
                from: order.leader.map(name),
                to: order.candidate.map(name),
                revision: order.modified,
            }),
        })
    }

    fn breakable(&self) -> Vec<(Text, Vec<FaultKind>)> {
        let kinds = vec![FaultKind::Stop, FaultKind::Kill, FaultKind::Freeze, FaultKind::Cut];
        self.etcd.members.iter().map(|member| (member.name.clone(), kinds.clone())).collect()
    }

    fn bring_back(&mut self, name: &Text) {
        if let Some(member) = self.etcd.find(name.as_str()) {
            member.seat = StoreMemberState::Up;
        }
    }

    fn claim(&self) -> Result<Option<&LockClaim>, StoreUnavailable> {
        self.holder()
    }

    fn take_claim(&mut self, world: &World, claim: &LockClaim) -> Result<i64, NotAccepted> {
        self.take_lease(world, claim)
    }

    fn renew_claim(&mut self, world: &World, token: i64) -> Result<bool, StoreUnavailable> {
        self.renew_lease(world, token)
    }

    fn release_claim(&mut self, token: i64) -> Result<bool, StoreUnavailable> {
        self.release_lease(token)
    }

    fn is_claimed(&self) -> bool {
        self.claim.is_some()
    }
}

impl Patroni {
    /// A write to the record itself: only under the lock, with the leader of the plan, and of the very revision.
    fn ask_record(&mut self, world: &mut World, request: &RecordRequest, generation: &Generation) -> RequestResult {
        if !self.etcd.takes_writes() {
            return RequestResult::Unreachable;
        }
        let Ok(Some(_)) = self.holder() else { return RequestResult::Unsupported("the operation lock is not held") };
        let lock = self.record.leader;
        let holder = lock.map(|lock| &world.nodes[lock.holder].name);
        let same = holder == generation.leader.as_ref()
            && lock.map_or(0, |lock| lock.created) == generation.count(Counter::Lead);
        let moved = || RequestResult::result(false, "not written: the lock, the leader or the key has changed");
        match request {
            RecordRequest::ClearFailover { revision } if same && *revision == self.failover_revision() => {
                self.clear_failover();
                RequestResult::result(true, "failover key cleared")
            }
            RecordRequest::Configure { changes, revision } if same && *revision == self.record.config_modified => {
                self.patch_config(world, changes);
                RequestResult::result(true, "configuration changed")
            }
            RecordRequest::ClearFailover { .. } | RecordRequest::Configure { .. } => moved(),
        }
    }
}
