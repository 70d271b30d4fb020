//! Switchover and failover as they are asked for over REST.

use jiff::Timestamp;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{SECOND, Time};
use crate::driver::ha::sim::core::node::Power;
use crate::driver::ha::sim::core::requests::{RequestResult, RequestState};
use crate::driver::ha::sim::manager::patroni::Patroni;
use crate::driver::ha::sim::manager::patroni::config::Synchronous;
use crate::driver::ha::sim::manager::patroni::record::Appointment;
use crate::driver::ha::sim::manager::patroni::waits::{Verb, Wait};
use crate::model::name::NodeName;

impl Patroni {
    /// `POST /switchover`: scheduled, or blocking until it is over.
    pub(super) fn ask_switchover(
        &mut self,
        world: &mut World,
        at: usize,
        leader: &NodeName,
        candidate: Option<&NodeName>,
        when: Option<Timestamp>,
    ) -> RequestState {
        let refusal = if let Some(when) = when {
            if self.record.paused {
                Some(RequestResult::status(400, "Can't schedule switchover in the paused state"))
            } else {
                Self::in_the_past(world, when, "switchover")
            }
        } else if self.record.paused && candidate.is_none() {
            Some(RequestResult::status(400, "Switchover is possible only to a specific candidate in a paused state"))
        } else {
            None
        };
        let same = || RequestResult::status(400, "Switchover target and source are the same");
        let refusal = refusal.or_else(|| (candidate == Some(leader)).then(same));
        // What is scheduled is looked at only when its time has come.
        let limit =
            || if when.is_none() { self.limitation(world, Some(leader), candidate, Verb::Switchover) } else { None };
        if let Some(refusal) = refusal.or_else(limit) {
            return RequestState::Now(refusal);
        }
        let leader = world.find(leader);
        let candidate = candidate.and_then(|name| world.find(name));
        self.appoint(world, at, (leader, candidate), when.map(|when| world.clock.at_wall(when)), Verb::Switchover)
    }

    /// `POST /failover`. With a leader that is up it becomes a handover in good order, as with Patroni.
    pub(super) fn ask_failover(&mut self, world: &mut World, at: usize, candidate: &NodeName) -> RequestState {
        if let Some(refusal) = self.limitation(world, None, Some(candidate), Verb::Failover) {
            return RequestState::Now(refusal);
        }
        self.appoint(world, at, (None, world.find(candidate)), None, Verb::Failover)
    }

    /// `DELETE /switchover`.
    pub(super) fn ask_cancel_switchover(&mut self) -> RequestResult {
        if self.record.failover.as_ref().is_none_or(|order| order.at.is_none()) {
            return RequestResult::status(404, "no switchover is scheduled");
        }
        if !self.etcd.takes_writes() {
            return RequestResult::status(409, "Conflict");
        }
        self.clear_failover();
        RequestResult::status(200, "scheduled switchover deleted")
    }

    /// A time that is over.
    pub(super) fn in_the_past(world: &World, when: Timestamp, what: &str) -> Option<RequestResult> {
        let past = when < world.clock.wall(world.clock.now());
        past.then(|| RequestResult::status(422, format!("Cannot schedule {what} in the past")))
    }

    fn appoint(
        &mut self,
        world: &mut World,
        at: usize,
        who: (Option<usize>, Option<usize>),
        when: Option<Time>,
        verb: Verb,
    ) -> RequestState {
        if !self.etcd.takes_writes() {
            return RequestState::Now(RequestResult::status(503, "failed to write failover key into DCS"));
        }
        let (leader, candidate) = who;
        let holder = self.record.holder();
        let modified = self.bump();
        self.record.failover = Some(Appointment { leader, candidate, at: when, modified });
        match holder {
            Some(holder) => self.speed_up(world, holder),
            None => self.wake_agents(world, None),
        }
        if when.is_some() {
            return RequestState::Now(RequestResult::status(202, format!("{} scheduled", verb.title())));
        }
        let now = world.clock.now();
        let left = 2 * (self.record.settings.loop_wait / SECOND).max(10);
        self.hold(at, Wait::Lead { leader: holder, candidate, verb, next: now + SECOND, left })
    }

    /// What Patroni looks at before it takes the order: never lag nor timeline.
    fn limitation(
        &self,
        world: &World,
        leader: Option<&NodeName>,
        candidate: Option<&NodeName>,
        verb: Verb,
    ) -> Option<RequestResult> {
        let refuse = |words: String| Some(RequestResult::status(412, words));
        let holder = self.record.holder();
        if leader.is_some() && leader != holder.map(|holder| &world.nodes[holder].name) {
            return refuse("leader name does not match".to_owned());
        }
        let strict = self.record.settings.synchronous == Synchronous::On && self.record.sync.is_some();
        let synchronous = |index: &usize| self.record.sync.as_ref().is_some_and(|sync| sync.standbys.contains(index));
        let on_record = |index: &usize| self.record.members[*index].is_some();
        let members: Vec<usize> = if let Some(candidate) = candidate {
            let index = world.find(candidate);
            if strict && verb == Verb::Switchover && !index.is_some_and(|index| synchronous(&index)) {
                return refuse("candidate name does not match with sync_standby".to_owned());
            }
            let Some(index) = index.filter(on_record) else {
                return refuse("candidate does not exists".to_owned());
            };
            vec![index]
        } else {
            let all = (0..world.nodes.len()).filter(on_record).filter(|index| Some(*index) != holder);
            let members: Vec<usize> = all.filter(|index| !strict || synchronous(index)).collect();
            if members.is_empty() {
                let why =
                    if strict { "can not find sync_standby" } else { "cluster does not have members except leader" };
                return refuse(format!("{} is not possible: {why}", verb.as_str()));
            }
            members
        };
        if members.iter().any(|index| self.is_good_candidate(world, *index)) {
            return None;
        }
        refuse(format!("{} is not possible: no good candidates have been found", verb.as_str()))
    }

    fn is_good_candidate(&self, world: &World, index: usize) -> bool {
        let node = &world.nodes[index];
        let answers = node.power == Power::On && world.clock.now() >= self.agents[index].up_at;
        answers && !self.agents[index].tags.forbids_failover() && !self.agents[index].faults.watchdog_failed
    }
}
