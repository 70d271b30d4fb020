//! Writing to a cluster's record: single keys, by compare-and-set, under the operation lock.

use crate::model::record::Counter;
use serde_json::{Map, Value};

use super::source_error;
use crate::action::order::RecordRequest;
use crate::action::permit::Permit;
use crate::client::etcd::{CasOutcome, Connector, EtcdError, Fence, Writer, lock_key, prefix};
use crate::client::sending::Unanswered;
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::lock::etcd::HeldLock;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// A writer to the record of one cluster.
#[derive(Debug)]
pub struct EtcdRecordWriter {
    endpoints: EtcdEndpoints,
    prefix: String,
    lock: String,
    held: HeldLock,
    writer: Option<Writer>,
}

impl EtcdRecordWriter {
    /// A writer to `scope` under `namespace`, while `held` is held. Connects when first needed.
    pub fn new(endpoints: EtcdEndpoints, namespace: &str, scope: &str, held: HeldLock) -> Self {
        let (prefix, lock) = (prefix(namespace, scope), lock_key(namespace, scope));
        Self { endpoints, prefix, lock, held, writer: None }
    }

    /// Performs `request`, once, if the lock is ours, the leader the one of the permitted plan, and the key as it was.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn perform(&mut self, request: &RecordRequest, permit: &Permit) -> Result<Reply, NotPerformed> {
        let Some(held) = self.held.get() else {
            let error = SourceError::new(FailureKind::Unsupported, &self.lock, "the operation lock is not held");
            return Err(NotPerformed::NotSent(error));
        };
        let before = permit.generation();
        let fence = Fence {
            lock: self.lock.clone(),
            lock_created: held.create_revision,
            leader: format!("{}leader", self.prefix),
            holder: before.leader.as_ref().map(ToString::to_string),
            leader_created: before.count(Counter::Lead),
        };
        let moved = || Reply::refused("not written: the lock, the leader or the key has changed");
        let (key, revision) = match request {
            RecordRequest::ClearFailover { revision } => ("failover", *revision),
            RecordRequest::Configure { revision, .. } => ("config", *revision),
        };
        let key = format!("{}{key}", self.prefix);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            unset => unset.insert(Writer::new(Connector::new(&self.endpoints).map_err(|error| not_sent(&error))?)),
        };
        let (value, done) = match request {
            RecordRequest::ClearFailover { .. } => ("{}".to_owned(), "failover key cleared"),
            RecordRequest::Configure { changes, .. } => {
                let there = writer.read(&key).await.map_err(|error| not_sent(&error))?;
                let Some(there) = there.filter(|there| there.mod_revision == revision) else { return Ok(moved()) };
                let Ok(Value::Object(mut config)) = serde_json::from_slice(&there.value) else {
                    let error =
                        SourceError::new(FailureKind::UnexpectedAnswer, &key, "the configuration is not a JSON object");
                    return Err(NotPerformed::NotSent(error));
                };
                patch(&mut config, changes);
                (Value::Object(config).to_string(), "configuration changed")
            }
        };
        match writer.write(&key, revision, &value, &fence).await {
            Ok(CasOutcome::Yes) => Ok(Reply::accepted(done)),
            Ok(CasOutcome::Moved) => Ok(moved()),
            Err(Unanswered::NotSent(error)) => Err(not_sent(&error)),
            Err(Unanswered::NoAnswer(error)) => Err(NotPerformed::NoAnswer(source_error(&error))),
        }
    }
}

fn not_sent(error: &EtcdError) -> NotPerformed {
    let mut reported = source_error(error);
    if reported.failure_kind == FailureKind::Permission {
        reported.detail =
            Text::redacted(format!("{}; the etcd user has no write permission on this key", reported.detail));
    }
    NotPerformed::NotSent(reported)
}

/// Merges `changes` into `config` as Patroni's PATCH does: objects key by key, null removes, all else replaces.
fn patch(config: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        match (change, config.get_mut(key)) {
            (Value::Null, _) => {
                config.remove(key);
            }
            (Value::Object(inner), Some(Value::Object(present))) => patch(present, inner),
            (other, _) => {
                config.insert(key.clone(), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"ttl": 30}), json!({"ttl": 20}), json!({"ttl": 20}))]
    #[case(json!({"pause": true, "ttl": 30}), json!({"pause": null}), json!({"ttl": 30}))]
    #[case(
        json!({"postgresql": {"parameters": {"a": 1, "b": 2}}}),
        json!({"postgresql": {"parameters": {"b": null, "c": 3}}}),
        json!({"postgresql": {"parameters": {"a": 1, "c": 3}}})
    )]
    #[case(json!({"slots": 1}), json!({"slots": {"x": {}}}), json!({"slots": {"x": {}}}))]
    fn changes_are_merged_as_patroni_does(#[case] mut before: Value, #[case] changes: Value, #[case] after: Value) {
        patch(before.as_object_mut().expect("an object"), changes.as_object().expect("an object"));
        assert_eq!(before, after);
    }
}
