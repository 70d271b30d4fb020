//! Keys to content. A value that cannot be read becomes a line among the defects, and hides nothing beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::client::etcd::{Key, OutsideKey, Record};
use crate::client::lenient;
use crate::driver::ha::patroni::record as patroni;
use crate::driver::lock::claim;
use crate::driver::port::LockClaim;
use crate::model::agent::Registration;
use crate::model::dcs::RawKey;
use crate::model::lsn::{Lsn, SystemId};
use crate::model::name::NodeName;
use crate::model::patroni_record::StatusKey;
use crate::model::record::{ClusterRecord, Lead};
use crate::model::text::Text;

/// Members kept of one record. An honest cluster has some; whoever can write member keys must not fill the memory.
const MAX_MEMBERS: usize = 512;

/// The content of `record`; `lease_left` is that of the leader key's lease.
pub(crate) fn content(record: &Record, lease_left: Option<Duration>) -> ClusterRecord {
    let mut reader = Reader::default();
    for (name, key) in &record.keys {
        reader.take(name, key, lease_left);
    }
    reader.lock(&record.beside);
    reader.finish(record.revision)
}

#[derive(Default)]
struct Reader {
    content: ClusterRecord,
    members: Vec<Registration>,
    legacy_optime: Option<Lsn>,
    groups: BTreeSet<u32>,
}

impl Reader {
    fn take(&mut self, name: &str, key: &Key, lease_left: Option<Duration>) {
        let value = String::from_utf8_lossy(&key.value);
        let value = value.trim();
        self.content.patroni_mut().keys.push(raw(name, value, key));
        match name {
            "leader" if value.is_empty() => self.defect("leader", "names no member"),
            "leader" => {
                self.content.leader = Some(Lead {
                    holder: NodeName::new(value),
                    create_revision: key.create_revision,
                    mod_revision: key.mod_revision,
                    lease_left: lease_left.filter(|_| key.lease != 0),
                });
            }
            "config" => {
                if let Some(config) = self.object(name, value) {
                    self.content.patroni_mut().config = Some(patroni::dynamic_config(&config, key.mod_revision));
                    self.content.defects.extend(patroni::unread_numbers(&config));
                }
            }
            // Empty while the cluster is being bootstrapped.
            "initialize" if value.is_empty() => {}
            "initialize" => match value.parse() {
                Ok(id) => self.content.system_id = Some(SystemId(id)),
                Err(_) => self.defect(name, &format!("{}, not a system identifier", brief(value))),
            },
            "history" => {
                if let Some(history) = self.json(name, value) {
                    let (entries, defects) = patroni::history(&history);
                    self.content.history = entries;
                    self.content.defects.extend(defects);
                }
            }
            "status" => self.status(value),
            "optime/leader" => match value.parse() {
                Ok(position) => self.legacy_optime = Some(Lsn(position)),
                Err(_) => self.defect(name, &format!("{}, not an LSN", brief(value))),
            },
            "sync" => {
                if let Some(sync) = self.object(name, value) {
                    self.content.patroni_mut().sync = patroni::sync_key(&sync);
                }
            }
            "failover" => match patroni::failover_key(value) {
                Ok(failover) => self.content.order = failover,
                Err(defect) => self.content.defects.push(defect),
            },
            "failsafe" => self.failsafe(value),
            _ => match name.strip_prefix("members/") {
                Some(member) => self.member(name, member, value),
                None => self.groups.extend(name.split_once('/').and_then(|(group, _)| group.parse::<u32>().ok())),
            },
        }
    }

    /// The operation lock. One that cannot be read is one all the same.
    fn lock(&mut self, beside: &OutsideKey) {
        let key = match beside {
            OutsideKey::NotFollowed | OutsideKey::Absent => return,
            OutsideKey::Forbidden(why) => return self.defect("operation lock", &format!("not readable: {why}")),
            OutsideKey::Present(key) => key,
        };
        self.content.lock = Some(match serde_json::from_slice::<LockClaim>(&key.value) {
            Ok(claim) => claim::shown(claim),
            Err(error) => {
                self.defect("operation lock", &error.to_string());
                claim::unread()
            }
        });
    }

    fn member(&mut self, key: &str, name: &str, value: &str) {
        if self.members.len() == MAX_MEMBERS {
            return self.defect("members", &format!("more than {MAX_MEMBERS} members in the DCS: the rest is ignored"));
        }
        if self.members.len() > MAX_MEMBERS {
            return;
        }
        // A member whose value cannot be read is a member all the same.
        let record = self.object(key, value).unwrap_or(Value::Null);
        let registration = patroni::registration(NodeName::new(name), &record);
        if record.is_object() && record.get("conn_url").is_some() && registration.postgres.is_none() {
            self.defect(key, "conn_url has no address");
        }
        self.members.push(registration);
    }

    fn status(&mut self, value: &str) {
        let Some(status) = self.object("status", value) else { return };
        let optime = status.get("optime").filter(|optime| !optime.is_null());
        let position = optime.and_then(patroni::lsn);
        if let (Some(optime), None) = (optime, position) {
            self.defect("status", &format!("optime is {}, not an LSN", patroni::brief(optime)));
        }
        let mut slots = BTreeMap::new();
        for (slot, at) in status.get("slots").and_then(Value::as_object).into_iter().flatten() {
            match patroni::lsn(at) {
                Some(at) => {
                    slots.insert(Text::new(slot), at);
                }
                // Patroni's word for a slot that has lost its WAL.
                None if at.is_null() => {}
                None => self.defect("status", &format!("invalid position of slot {slot}")),
            }
        }
        self.content.patroni_mut().status = Some(StatusKey { optime: position, slots });
    }

    fn failsafe(&mut self, value: &str) {
        let Some(failsafe) = self.object("failsafe", value) else { return };
        for (member, address) in failsafe.as_object().into_iter().flatten() {
            match lenient::text(address) {
                Some(_) if self.content.patroni_mut().failsafe.len() >= MAX_MEMBERS => {}
                Some(address) => {
                    self.content.patroni_mut().failsafe.insert(NodeName::new(member), Text::redacted(address));
                }
                None => self.defect("failsafe", &format!("invalid address of {member}")),
            }
        }
    }

    /// The value as a JSON object. An empty value is none, without a defect: keys are emptied rather than deleted.
    fn object(&mut self, key: &str, value: &str) -> Option<Value> {
        let json = self.json(key, value)?;
        if !json.is_object() {
            self.defect(key, &format!("{} where an object should be", patroni::brief(&json)));
            return None;
        }
        Some(json)
    }

    fn json(&mut self, key: &str, value: &str) -> Option<Value> {
        if value.is_empty() {
            return None;
        }
        match serde_json::from_str(value) {
            Ok(json) => Some(json),
            Err(error) => {
                self.defect(key, &format!("not JSON: {error}"));
                None
            }
        }
    }

    fn defect(&mut self, key: &str, what: &str) {
        self.content.defects.push(Text::redacted(format!("{key}: {what}")));
    }

    fn finish(mut self, revision: i64) -> ClusterRecord {
        let (members, repeated) = patroni::merge_records(self.members);
        self.content.members = members;
        self.content.defects.extend(repeated);
        self.content.revision = revision;
        if let (Some(optime), None) = (self.legacy_optime, self.content.status()) {
            self.content.patroni_mut().status = Some(StatusKey { optime: Some(optime), slots: BTreeMap::new() });
        }
        if !self.groups.is_empty() {
            let groups: Vec<_> = self.groups.iter().map(ToString::to_string).collect();
            let line = format!("Citus groups {} found here; groups are not monitored", groups.join(", "));
            self.content.defects.push(Text::new(line));
        }
        self.content
    }
}

fn raw(name: &str, value: &str, key: &Key) -> RawKey {
    let value = match serde_json::from_str::<Value>(value) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => Text::redacted(patroni::masked(&json).to_string()),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => Text::redacted(value),
    };
    RawKey {
        name: Text::new(name),
        value,
        create_revision: key.create_revision,
        mod_revision: key.mod_revision,
        leased: key.lease != 0,
    }
}

/// A value that should be a number, for a sentence.
fn brief(value: &str) -> String {
    patroni::brief(&Value::String(value.to_owned()))
}
