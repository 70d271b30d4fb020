//! Who holds the lead and who is to have it, read with the majority: what a proof needs of the record, and no more.

use tokio::sync::Mutex;

use super::source_error;
use crate::action::router_handover::{LeadOrder, LeadRecord};
use crate::client::etcd::{Connector, Writer, prefix};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::ha::patroni::record::failover_key;
use crate::model::name::NodeName;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// The keys of one cluster that tell of the lead.
#[derive(Debug)]
pub struct EtcdLead {
    endpoints: EtcdEndpoints,
    prefix: String,
    /// The connection that also writes: it is one that the majority answers on.
    link: Mutex<Option<Writer>>,
}

impl EtcdLead {
    /// The lead of `scope` under `namespace`. Connects when first needed.
    pub fn new(endpoints: EtcdEndpoints, namespace: &str, scope: &str) -> Self {
        Self { endpoints, prefix: prefix(namespace, scope), link: Mutex::new(None) }
    }

    /// Reads both keys, the order first: whoever carries it out takes the lock before clearing it.
    ///
    /// # Errors
    /// When no endpoint answers for the majority, or the order cannot be read.
    pub async fn read(&self) -> Result<LeadRecord, SourceError> {
        let mut link = self.link.lock().await;
        let writer = match &mut *link {
            Some(writer) => writer,
            unset => unset.insert(Writer::new(Connector::new(&self.endpoints).map_err(|error| source_error(&error))?)),
        };
        let key = format!("{}failover", self.prefix);
        let order = writer.read(&key).await.map_err(|error| source_error(&error))?;
        let lock = writer.read(&format!("{}leader", self.prefix)).await.map_err(|error| source_error(&error))?;
        let order = match order {
            None => None,
            Some(there) => {
                let unreadable = |words: Text| SourceError::new(FailureKind::UnexpectedAnswer, &key, words.as_str());
                let order = failover_key(&String::from_utf8_lossy(&there.value)).map_err(unreadable)?;
                let order = order.filter(|order| order.scheduled_at.is_none());
                order.map(|order| LeadOrder { from: order.leader, to: order.candidate, revision: there.mod_revision })
            }
        };
        let holder = lock.map(|lock| NodeName::new(String::from_utf8_lossy(&lock.value)));
        Ok(LeadRecord { holder, order })
    }
}
