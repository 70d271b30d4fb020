//! Which nodes are asked: members of the DCS, and what the configuration names beside them.

use std::time::Duration;

use tokio::time::Instant;

use super::super::inventory::Step;
use super::{AGENT_PATIENCE, Followed, Observer};
use crate::driver::port::Contact;
use crate::model::agent::Registration;
use crate::model::inventory::Standing;
use crate::model::member::MOST_FOLLOWED;
use crate::model::name::NodeName;
use crate::model::snapshot::StackKind;
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
        registrations.truncate(MOST_FOLLOWED);
        for registration in &registrations {
            self.follow(&registration.name, Some(registration));
        }
        self.inventory.set(self.nodes.places(&registrations));
        self.inventory.hear_routers(self.merge.picture());
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
                    Step::Follow { contact, is_named: true } => self.follow(&contact.name, None),
                    Step::Follow { contact, is_named: false } => self.probe(contact),
                    Step::Reach { member, agent_url } => self.reach(&member, agent_url),
                }
            }
        }
        let (places, hidden) = self.inventory.places();
        let in_doubt = places.iter().any(|place| matches!(place.standing, Standing::Stranger(_)) && place.is_claimed());
        self.merge.set_places(places, hidden);
        let now = self.clock.now();
        if self.merge.picture().identity.kind == StackKind::Streaming {
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
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        let sql = self.held_sql.values().min().copied();
        self.reserve.due().into_iter().chain(self.record_due).chain(sql).min()
    }

    /// Asks the servers of places whose agents have spoken, or have had time to. A stranger gets no login.
    pub(super) fn ask_held_sql(&mut self) {
        let now = Instant::now();
        let due: Vec<NodeName> =
            self.held_sql.iter().filter(|(_, due)| **due <= now).map(|(name, _)| name.clone()).collect();
        for name in due {
            self.held_sql.remove(&name);
            let Some(followed) = self.followed.get(&name).filter(|_| !self.inventory.is_stranger(&name)) else {
                continue;
            };
            let cancel = followed.cancel.clone();
            if let Some(source) = self.nodes.probe_sql(&followed.contact) {
                let pace = self.ask(source, &cancel);
                if let Some(followed) = self.followed.get_mut(&name) {
                    followed.paces.push(pace);
                }
            }
        }
    }

    /// Asks whoever is at a place.
    pub(super) fn probe(&mut self, contact: Contact) {
        let name = contact.name.clone();
        self.unfollow(&name);
        self.merge.add_member(&contact);
        let cancel = self.around.cancel.child_token();
        let sources = self.nodes.probes(&contact);
        let patience = if sources.is_empty() { Duration::ZERO } else { AGENT_PATIENCE };
        let paces = self.ask_all(sources, &cancel);
        self.followed.insert(name.clone(), Followed { contact, is_probed: true, cancel, paces });
        self.held_sql.insert(name, Instant::now() + patience);
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
        let mut contact = self.nodes.contact(name, registration);
        if let Some(url) = self.reached.get(name) {
            contact.agent_url = Some(url.clone());
        }
        if self.followed.get(name).is_some_and(|known| known.contact == contact && !known.is_probed) {
            return;
        }
        self.unfollow(name);
        self.merge.add_member(&contact);
        let cancel = self.around.cancel.child_token();
        let sources = self.nodes.sources(&contact);
        let paces = self.ask_all(sources, &cancel);
        self.reserve.hold(name, self.nodes.second_opinions(&contact), &cancel);
        self.followed.insert(name.clone(), Followed { contact, is_probed: false, cancel, paces });
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
