//! Switchover and failover as they are asked for over REST.

use jiff::Timestamp;

use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::calls::{Answer, Taken, Verb, Wait};
use crate::driver::ha::sim::world::clock::{SECOND, Time};
use crate::driver::ha::sim::world::config::Synchronous;
use crate::driver::ha::sim::world::node::Power;
use crate::driver::ha::sim::world::record::Appointment;
use crate::model::name::NodeName;

impl World {
    /// `POST /switchover`: scheduled, or blocking until it is over.
    pub(super) fn ask_switchover(
        &mut self,
        at: usize,
        leader: &NodeName,
        candidate: Option<&NodeName>,
        when: Option<Timestamp>,
    ) -> Taken {
        let refusal = if let Some(when) = when {
            if self.record.paused {
                Some(Answer::status(400, "Can't schedule switchover in the paused state"))
            } else {
                self.in_the_past(when, "switchover")
            }
        } else if self.record.paused && candidate.is_none() {
            Some(Answer::status(400, "Switchover is possible only to a specific candidate in a paused state"))
        } else {
            None
        };
        let same = || Answer::status(400, "Switchover target and source are the same");
        let refusal = refusal.or_else(|| (candidate == Some(leader)).then(same));
        // What is scheduled is looked at only when its time has come.
        let limit = || if when.is_none() { self.limitation(Some(leader), candidate, Verb::Switchover) } else { None };
        if let Some(refusal) = refusal.or_else(limit) {
            return Taken::Now(refusal);
        }
        let leader = self.find(leader);
        let candidate = candidate.and_then(|name| self.find(name));
        self.appoint(at, (leader, candidate), when.map(|when| self.clock.at_wall(when)), Verb::Switchover)
    }

    /// `POST /failover`. With a leader that is up it becomes a handover in good order, as with Patroni.
    pub(super) fn ask_failover(&mut self, at: usize, candidate: &NodeName) -> Taken {
        if let Some(refusal) = self.limitation(None, Some(candidate), Verb::Failover) {
            return Taken::Now(refusal);
        }
        self.appoint(at, (None, self.find(candidate)), None, Verb::Failover)
    }

    /// `DELETE /switchover`.
    pub(super) fn ask_cancel_switchover(&mut self) -> Answer {
        if self.record.failover.as_ref().is_none_or(|order| order.at.is_none()) {
            return Answer::status(404, "no switchover is scheduled");
        }
        if !self.etcd.takes_writes() {
            return Answer::status(409, "Conflict");
        }
        self.clear_failover();
        Answer::status(200, "scheduled switchover deleted")
    }

    /// A time that is over.
    pub(super) fn in_the_past(&self, when: Timestamp, what: &str) -> Option<Answer> {
        let past = when < self.clock.wall(self.clock.now());
        past.then(|| Answer::status(422, format!("Cannot schedule {what} in the past")))
    }

    fn appoint(&mut self, at: usize, who: (Option<usize>, Option<usize>), when: Option<Time>, verb: Verb) -> Taken {
        if !self.etcd.takes_writes() {
            return Taken::Now(Answer::status(503, "failed to write failover key into DCS"));
        }
        let (leader, candidate) = who;
        let holder = self.record.holder();
        let modified = self.bump();
        self.record.failover = Some(Appointment { leader, candidate, at: when, modified });
        match holder {
            Some(holder) => self.hurry(holder),
            None => self.wake_agents(None),
        }
        if when.is_some() {
            return Taken::Now(Answer::status(202, format!("{} scheduled", verb.title())));
        }
        let now = self.clock.now();
        let left = 2 * (self.record.settings.loop_wait / SECOND).max(10);
        self.hold(at, Wait::Lead { leader: holder, candidate, verb, next: now + SECOND, left })
    }

    /// What Patroni looks at before it takes the order: never lag nor timeline.
    fn limitation(&self, leader: Option<&NodeName>, candidate: Option<&NodeName>, verb: Verb) -> Option<Answer> {
        let refuse = |words: String| Some(Answer::status(412, words));
        let holder = self.record.holder();
        if leader.is_some() && leader != holder.map(|holder| &self.nodes[holder].name) {
            return refuse("leader name does not match".to_owned());
        }
        let strict = self.record.settings.synchronous == Synchronous::On && self.record.sync.is_some();
        let synchronous = |index: &usize| self.record.sync.as_ref().is_some_and(|sync| sync.standbys.contains(index));
        let on_record = |index: &usize| self.record.members[*index].is_some();
        let members: Vec<usize> = if let Some(candidate) = candidate {
            let index = self.find(candidate);
            if strict && verb == Verb::Switchover && !index.is_some_and(|index| synchronous(&index)) {
                return refuse("candidate name does not match with sync_standby".to_owned());
            }
            let Some(index) = index.filter(on_record) else {
                return refuse("candidate does not exists".to_owned());
            };
            vec![index]
        } else {
            let all = (0..self.nodes.len()).filter(on_record).filter(|index| Some(*index) != holder);
            let members: Vec<usize> = all.filter(|index| !strict || synchronous(index)).collect();
            if members.is_empty() {
                let why =
                    if strict { "can not find sync_standby" } else { "cluster does not have members except leader" };
                return refuse(format!("{} is not possible: {why}", verb.word()));
            }
            members
        };
        if members.iter().any(|index| self.is_good_candidate(*index)) {
            return None;
        }
        refuse(format!("{} is not possible: no good candidates have been found", verb.word()))
    }

    fn is_good_candidate(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let answers = node.power == Power::On && self.clock.now() >= node.agent.up_at;
        answers && !node.tags.forbids_failover() && !node.ails.watchdog_failed
    }
}
