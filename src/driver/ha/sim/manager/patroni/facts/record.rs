//! The cluster's keys as the store hands them out. Made once per revision, since they change more seldom than they
//! are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::agent::{Address, Registration, Tags};
use crate::model::agent_reading;
use crate::model::dcs::RawKey;
use crate::model::lag_limit::LagLimit;
use crate::model::lsn::{Lsn, SystemId, Timeline};
use crate::model::name::NodeName;
use crate::model::patroni_record::{ConfigValue, DynamicConfig, PatroniRecord, PermanentSlot, StatusKey, SyncKey};
use crate::model::record::{ClusterRecord, Lead, OperationLock, PendingOrder, StackRecord};
use crate::model::role::{MemberState, Role, SyncState};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::span;
use crate::driver::ha::sim::manager::patroni::Patroni;
use crate::driver::ha::sim::manager::patroni::config::Synchronous;
use crate::driver::ha::sim::manager::patroni::etcd::StoreMemberState;
use crate::driver::ha::sim::manager::patroni::record::MemberKey;
use crate::driver::ha::sim::sources::texts::TEXTS;
use crate::driver::ha::sim::sources::{refused, silent};

impl Patroni {
    pub(in crate::driver::ha::sim::manager::patroni) fn record_facts(
        &mut self,
        world: &World,
        endpoint: &Text,
    ) -> Result<Box<ClusterRecord>, SourceError> {
        if !self.etcd.has_majority() {
            return Err(self.store_trouble(endpoint));
        }
        if !self.etcd.serves() {
            return Err(SourceError::new(FailureKind::NoQuorum, endpoint.as_str(), "etcdserver: no leader"));
        }
        if self.record.built.is_none() {
            self.record.built = Some(Box::new(self.build_record(world)));
        }
        let mut content = self.record.built.clone().unwrap_or_default();
        // The lease runs down between two revisions.
        let renewed = self.record.holder().map(|holder| self.record.renewed[holder]);
        if let (Some(leader), Some(renewed)) = (content.leader.as_mut(), renewed) {
            leader.lease_left = Some(span(world.clock.now(), renewed + self.record.settings.ttl));
        }
        Ok(content)
    }

    fn store_trouble(&self, endpoint: &Text) -> SourceError {
        let any = |seat: StoreMemberState| self.etcd.members.iter().any(|member| member.seat == seat);
        if any(StoreMemberState::Up) || any(StoreMemberState::Alone) {
            SourceError::new(FailureKind::NoQuorum, endpoint.as_str(), "etcdserver: request timed out")
        } else if any(StoreMemberState::Frozen) {
            silent(endpoint)
        } else {
            refused(endpoint)
        }
    }

    fn build_record(&self, world: &World) -> ClusterRecord {
        let record = &self.record;
        let named = |index: usize| world.nodes[index].name.clone();
        let leader = record.leader.map(|lock| Lead {
            holder: named(record.lie.unwrap_or(lock.holder)),
            create_revision: lock.created,
            mod_revision: lock.created,
            lease_left: None,
        });
        let own = PatroniRecord {
            config: Some(self.config()),
            status: Some(StatusKey { optime: Some(Lsn(record.optime)), slots: self.permanent_slots(world) }),
            sync: record.sync.as_ref().map(|sync| SyncKey {
                leader: Some(named(sync.leader)),
                standbys: sync.standbys.iter().map(|standby| named(*standby)).collect(),
                quorum: Some(0),
            }),
            failsafe: self.failsafe_members(world),
            keys: Vec::new(),
        };
        let mut content = ClusterRecord {
            location: None,
            leader,
            members: (0..world.nodes.len()).filter_map(|index| self.registration(world, index)).collect(),
            system_id: Some(SystemId(world.system_id)),
            history: record.history.clone(),
            order: record.failover.as_ref().map(|order| PendingOrder {
                leader: order.leader.map(named),
                candidate: order.candidate.map(named),
                scheduled_at: order.at.map(|at| Text::new(world.clock.wall(at).to_string())),
            }),
            lock: self.operation_lock(),
            paused: false,
            revision: record.revision,
            defects: if record.defective { vec![TEXTS.unreadable.clone()] } else { Vec::new() },
            stack_record: StackRecord::Patroni(Arc::new(own)),
        };
        content.patroni_mut().keys = self.raw_keys(world, &content);
        content
    }

    fn operation_lock(&self) -> Option<OperationLock> {
        let claim = self.holder().ok().flatten()?;
        Some(OperationLock {
            holder: Text::new(claim.operator.to_string()),
            verb: claim.verb.clone(),
            since: Some(claim.since),
            reason: claim.reason.clone(),
            action: Text::new(&claim.action.0),
        })
    }

    fn registration(&self, world: &World, index: usize) -> Option<Registration> {
        let key = self.record.members[index].as_ref()?;
        let (node, agent) = (&world.nodes[index], &self.agents[index]);
        let creating = key.state == MemberState::CreatingReplica;
        Some(Registration {
            name: node.name.clone(),
            role: match (key.primary, creating) {
                (true, _) => Role::Primary,
                (false, true) => Role::Uninitialized,
                (false, false) => Role::Replica,
            },
            state: if key.streaming && key.state == MemberState::Running {
                MemberState::Streaming
            } else {
                key.state.clone()
            },
            api_url: (!agent.faults.no_address).then(|| agent.url.clone()),
            postgres: (!agent.faults.no_address).then(|| Address { host: node.name.text().clone(), port: 5432 }),
            timeline: key.timeline.map(Timeline),
            position: key.position.map(Lsn),
            lag: None,
            sync: world.is_synchronous(index).then_some(SyncState::Sync),
            agent_version: Some(super::agent::agent_version(agent)),
            tags: agent.tags.clone(),
            pending_restart: key.pending_restart,
            pending_settings: if key.pending_restart { node.pending.clone() } else { Vec::new() },
            scheduled_restart: self.scheduled_restart(world, index),
            paused: key.paused,
            occurrences: if self.record.twice == Some(index) { 2 } else { 1 },
        })
    }

    fn config(&self) -> DynamicConfig {
        let settings = &self.record.settings;
        // As it is written, whatever the agents make of it.
        let read = |key: &str, as_agent: fn(&Value) -> Option<i64>| {
            self.record.config.get(key).and_then(as_agent).and_then(|number| u64::try_from(number).ok())
        };
        let seconds = |key: &str| read(key, agent_reading::integer).map(Duration::from_secs);
        let value = self.config_value();
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        DynamicConfig {
            ttl: seconds("ttl"),
            loop_wait: seconds("loop_wait"),
            retry_timeout: seconds("retry_timeout"),
            maximum_lag_on_failover: self
                .record
                .config
                .get("maximum_lag_on_failover")
                .and_then(agent_reading::as_integer)
                .map(LagLimit),
            synchronous_mode: settings.synchronous != Synchronous::Off,
            synchronous_mode_strict: settings.strict,
            quorum: settings.synchronous == Synchronous::Quorum,
            failsafe_mode: self.record.failsafe,
            paused: self.record.paused,
            standby_cluster: self.record.config.contains_key("standby_cluster"),
            standby_source: None,
            permanent_slots: BTreeMap::from([(TEXTS.logical_slot.clone(), PermanentSlot::Logical)]),
            lines: text.lines().map(Text::new).collect(),
            value: ConfigValue::new(Value::Object(value)),
            mod_revision: self.record.config_modified,
        }
    }

    fn permanent_slots(&self, world: &World) -> BTreeMap<Text, Lsn> {
        let confirmed = world.session_scenarios.slot_abandoned.map_or(self.record.optime, |(position, _)| position);
        BTreeMap::from([(TEXTS.logical_slot.clone(), Lsn(confirmed))])
    }

    fn failsafe_members(&self, world: &World) -> BTreeMap<NodeName, Text> {
        let on = |(index, _): &(usize, &_)| self.record.failsafe && self.record.members[*index].is_some();
        let members = world.nodes.iter().enumerate().filter(on);
        let place = |index: usize| Text::new(format!("{}/patroni", self.agents[index].url));
        members.map(|(index, node)| (node.name.clone(), place(index))).collect()
    }

    /// Every key under the prefix, in order of name, as the store returns a range.
    fn raw_keys(&self, world: &World, content: &ClusterRecord) -> Vec<RawKey> {
        let record = &self.record;
        let born = content.leader.as_ref().map_or(1, |leader| leader.create_revision).min(record.config_modified);
        let key = |name: &str, value: String, created: i64, modified: i64, leased: bool| RawKey {
            name: Text::new(name),
            value: Text::redacted(value),
            create_revision: created,
            mod_revision: modified,
            leased,
        };
        let mut keys =
            vec![key("config", Value::Object(self.config_value()).to_string(), 11, record.config_modified, false)];
        let modified = self.failover_revision();
        keys.push(key("failover", Self::failover_value(content), born.min(modified), modified, false));
        let history: Vec<Value> = content.history.iter().map(history_value).collect();
        keys.push(key("history", Value::Array(history).to_string(), 1_190, record.history_modified, false));
        keys.push(key("initialize", world.system_id.to_string(), 3, 10, false));
        if let Some(leader) = &content.leader {
            keys.push(key("leader", leader.holder.to_string(), leader.create_revision, leader.mod_revision, true));
        }
        for (index, member) in record.members.iter().enumerate() {
            if let Some(member) = member {
                let name = format!("members/{}", world.nodes[index].name);
                keys.push(key(
                    &name,
                    self.member_value(world, index, member).to_string(),
                    member.created,
                    member.modified,
                    true,
                ));
            }
        }
        let status =
            json!({ "optime": record.optime, "slots": slots_value(content), "retain_slots": slot_names(world) });
        keys.push(key("status", status.to_string(), 1_188, record.status_modified, false));
        if let (Some(sync), Some(names)) = (&record.sync, content.sync()) {
            let standbys: Vec<&str> = names.standbys.iter().map(NodeName::as_str).collect();
            let standbys = if standbys.is_empty() { Value::Null } else { Value::String(standbys.join(",")) };
            let leader = names.leader.as_ref().map(NodeName::as_str);
            let value = json!({ "leader": leader, "sync_standby": standbys, "quorum": 0 });
            keys.push(key("sync", value.to_string(), 1_201, sync.modified, false));
        }
        keys
    }

    fn failover_value(content: &ClusterRecord) -> String {
        let mut value = Map::new();
        if let Some(order) = &content.order {
            let names = [("leader", &order.leader), ("member", &order.candidate)];
            for (name, member) in names.into_iter().filter_map(|(name, member)| Some((name, member.as_ref()?))) {
                value.insert(name.to_owned(), Value::String(member.to_string()));
            }
            if let Some(at) = &order.scheduled_at {
                value.insert("scheduled_at".to_owned(), Value::String(at.to_string()));
            }
        }
        Value::Object(value).to_string()
    }

    fn member_value(&self, world: &World, index: usize, key: &MemberKey) -> Value {
        let (node, agent) = (&world.nodes[index], &self.agents[index]);
        let mut value = json!({
            "conn_url": format!("postgres://{}:5432/postgres", node.name),
            "api_url": format!("{}/patroni", agent.url),
            "state": key.state.to_string(),
            "role": if key.primary { "primary" } else { "replica" },
            "version": super::agent::agent_version(agent).as_str(),
        });
        let Some(map) = value.as_object_mut() else { return value };
        let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
        if let Some(position) = key.position {
            put("xlog_location", json!(position));
        }
        if let Some(timeline) = key.timeline {
            put("timeline", json!(timeline));
        }
        if key.streaming {
            put("replication_state", json!("streaming"));
        }
        if key.pending_restart {
            put("pending_restart", json!(true));
        }
        if key.paused {
            put("pause", json!(true));
        }
        if agent.tags != Tags::default() {
            put("tags", tags_value(&agent.tags));
        }
        value
    }
}

fn slot_names(world: &World) -> Vec<&str> {
    world.nodes.iter().map(|node| node.slot.as_str()).collect()
}

fn tags_value(tags: &Tags) -> Value {
    let mut value = Map::new();
    let flags = [
        ("nofailover", tags.nofailover),
        ("noloadbalance", tags.noloadbalance),
        ("nosync", tags.nosync),
        ("nostream", tags.nostream),
        ("clonefrom", tags.clonefrom),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        value.insert(name.to_owned(), Value::Bool(true));
    }
    if let Some(from) = &tags.replicatefrom {
        value.insert("replicatefrom".to_owned(), Value::String(from.to_string()));
    }
    if let Some(priority) = tags.failover_priority {
        value.insert("failover_priority".to_owned(), json!(priority));
    }
    Value::Object(value)
}

fn history_value(entry: &crate::model::record::HistoryEntry) -> Value {
    let at = entry.at.map(|at| at.to_string());
    let leader = entry.new_leader.as_ref().map(NodeName::as_str);
    json!([entry.timeline.0, entry.lsn.0, entry.reason.as_str(), at, leader])
}

fn slots_value(content: &ClusterRecord) -> Value {
    let slots = content.status().into_iter().flat_map(|status| status.slots.iter());
    Value::Object(slots.map(|(name, position)| (name.to_string(), json!(position.0))).collect())
}
