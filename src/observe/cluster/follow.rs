//! Which nodes are asked: members of the DCS, and what the configuration names beside them.

use std::time::Duration;

use tokio::time::Instant;

use super::super::inventory::Step;
use super::{AGENT_TIMEOUT, MemberTasks, Observer};
use crate::driver::port::MemberAddress;
use crate::model::agent::Registration;
use crate::model::inventory::NodeMatch;
use crate::model::member::MAX_FOLLOWED;
use crate::model::name::NodeName;
use crate::model::stack::RecordKeeper;
use crate::model::text::Text;

impl Observer {
    /// Brings members in line with the record: new ones are followed, moved ones are asked at their new address,
    /// vanished ones are marked, and asked on.
    pub(super) fn follow_record(&mut self) {
        let now = self.clock.now();
        let Some(record) = self.merge.fresh_record(now) else { return };
        let mut registrations: Vec<Registration> = record.members.clone();
        // The leader is one of those that are followed, however many there are.
        let leader = record.leader.as_ref().map(|leader| leader.holder.clone());
        registrations.sort_by_key(|member| leader.as_ref() != Some(&member.name));
        registrations.truncate(MAX_FOLLOWED);
        for registration in &registrations {
            self.follow(&registration.name, Some(registration));
        }
        self.inventory.set(self.nodes.configured_nodes(&registrations));
        self.inventory.receive_routers(self.merge.picture());
        self.reconcile();
    }

    /// Brings configured places in line with what is known by now.
    pub(super) fn reconcile(&mut self) {
        let may_follow = self.record_due.is_none();
        let prefers_configured = self.nodes.prefers_configured();
        let mut changed = true;
        // A row that is dropped or renamed may tell another place what it is.
        for _ in 0..3 {
            if !changed {
                break;
            }
            changed = false;
            for step in self.inventory.reconcile(self.merge.picture(), may_follow, prefers_configured) {
                changed = true;
                match step {
                    Step::Drop(row) => self.drop_row(&row),
                    Step::Follow { member_address, is_named: true } => self.follow(&member_address.name, None),
                    Step::Follow { member_address, is_named: false } => self.probe(member_address),
                    Step::Reach { member, agent_url } => self.reach(&member, agent_url),
                }
            }
        }
        let (places, hidden) = self.inventory.places();
        let in_doubt =
            places.iter().any(|place| matches!(place.node_match, NodeMatch::Foreign(_)) && place.is_claimed());
        self.merge.set_configured_nodes(places, hidden);
        let now = self.clock.now();
        if self.merge.picture().identity.traits.record == RecordKeeper::Nodes {
            // Nobody keeps a record that a node could be missing from.
            let names: Vec<NodeName> = self.followed.keys().cloned().collect();
            self.merge.mark_presence(&names, now);
        } else if let Some(record) = self.merge.fresh_record(now) {
            let names: Vec<NodeName> = record.members.iter().map(|member| member.name.clone()).collect();
            self.merge.mark_presence(&names, now);
        }
        if in_doubt && !self.asks_clusters {
            self.asks_clusters = true;
            if let Some(source) = self.nodes.clusters() {
                let cancel = self.around.cancel.clone();
                let pace = self.ask(source, &cancel);
                self.paces.push(pace);
            }
        }
    }

    /// When something is to be done although nobody has answered.
    pub(super) fn time_limit_ends(&self) -> Option<Instant> {
        let sql = self.held_sql.values().min().copied();
        self.deferred.due().into_iter().chain(self.record_due).chain(sql).min()
    }

    /// Asks the servers of places whose agents have spoken, or have had time to. A stranger gets no login.
    pub(super) fn ask_held_sql(&mut self) {
        let now = Instant::now();
        let due: Vec<NodeName> =
            self.held_sql.iter().filter(|(_, due)| **due <= now).map(|(name, _)| name.clone()).collect();
        for name in due {
            self.held_sql.remove(&name);
            let Some(followed) = self.followed.get(&name).filter(|_| !self.inventory.is_foreign(&name)) else {
                continue;
            };
            let cancel = followed.cancel.clone();
            if let Some(source) = self.nodes.probe_sql(&followed.member_address) {
                let pace = self.ask(source, &cancel);
                if let Some(followed) = self.followed.get_mut(&name) {
                    followed.paces.push(pace);
                }
            }
        }
    }

    /// Asks whoever is at a place.
    pub(super) fn probe(&mut self, member_address: MemberAddress) {
        let name = member_address.name.clone();
        self.unfollow(&name);
        self.merge.add_member(&member_address);
        let cancel = self.around.cancel.child_token();
        let sources = self.nodes.probes(&member_address);
        let time_limit = if sources.is_empty() { Duration::ZERO } else { AGENT_TIMEOUT };
        let paces = self.ask_all(sources, &cancel);
        self.followed.insert(name.clone(), MemberTasks { member_address, is_probed: true, cancel, paces });
        self.held_sql.insert(name, Instant::now() + time_limit);
        self.ask_held_sql();
    }

    /// The agent of a member is asked at a configured URL from now on.
    pub(super) fn reach(&mut self, member: &NodeName, agent_url: Text) {
        // One way is enough: to go from one to the other at every failure would be a storm.
        if self.reached.contains_key(member) {
            return;
        }
        self.reached.insert(member.clone(), agent_url);
        let record = self.merge.fresh_record(self.clock.now());
        let registration = record.and_then(|record| record.member(member)).cloned();
        self.follow(member, registration.as_ref());
    }

    pub(super) fn follow(&mut self, name: &NodeName, registration: Option<&Registration>) {
        let mut member_address = self.nodes.member_address(name, registration);
        if let Some(url) = self.reached.get(name) {
            member_address.agent_url = Some(url.clone());
        }
        if self.followed.get(name).is_some_and(|known| known.member_address == member_address && !known.is_probed) {
            return;
        }
        self.unfollow(name);
        self.merge.add_member(&member_address);
        let cancel = self.around.cancel.child_token();
        let sources = self.nodes.sources(&member_address);
        let paces = self.ask_all(sources, &cancel);
        self.deferred.hold(name, self.nodes.second_opinions(&member_address), &cancel);
        self.followed.insert(name.clone(), MemberTasks { member_address, is_probed: false, cancel, paces });
    }

    pub(super) fn drop_row(&mut self, name: &NodeName) {
        self.unfollow(name);
        self.merge.remove_member(name);
    }

    pub(super) fn unfollow(&mut self, name: &NodeName) {
        self.held_sql.remove(name);
        if let Some(followed) = self.followed.remove(name) {
            followed.cancel.cancel();
        }
    }
}
