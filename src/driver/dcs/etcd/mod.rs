//! etcd as Patroni uses it: the cluster's record by watch, each member's health, and what `doctor` and discovery ask.

mod check;
mod content;
mod lead;
mod member;
mod record;
mod scopes;
#[cfg(test)]
mod tests;
mod write;

pub use check::EtcdCheck;
pub(crate) use content::content;
pub use lead::EtcdLead;
pub use member::EtcdMemberHealth;
pub use record::EtcdRecord;
pub use scopes::{EtcdClusters, find_all_scopes, find_scopes};
pub use write::EtcdRecordWriter;

use crate::client::etcd::{EndpointName, EtcdError, prefix};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::failure_kind::failure_kind;
use crate::model::source::SourceError;

pub(in crate::driver) fn source_error(error: &EtcdError) -> SourceError {
    SourceError::new(failure_kind(error.cause), &error.endpoint, &error.detail)
}

/// A key of the cluster's own, which a login that may look at the cluster may read.
pub fn readable_key(namespace: &str, scope: &str) -> String {
    format!("{}initialize", prefix(namespace, scope))
}

/// Each endpoint by itself: its name for messages, and its URL.
fn each(endpoints: &EtcdEndpoints) -> impl Iterator<Item = (String, String)> + '_ {
    endpoints.urls.iter().map(|url| {
        let name = EndpointName::parse(url).map_or_else(|_| url.clone(), |name| name.to_string());
        (name, url.clone())
    })
}
