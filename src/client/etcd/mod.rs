//! etcd v3 over gRPC: readers, and apart from them one writer.
//!
//! Every connection goes to one endpoint and is made here, so that a dead endpoint costs a deadline of our own and its
//! cause is told apart; [`RecordClient`] moves between endpoints by itself, [`HealthClient`] stays with one, and
//! [`ScopeFinder`] looks for clusters. What passes is bytes and revisions: what a key means is the driver's business. The
//! library's client can write; it is kept private here, and nothing but [`Writer`] puts, deletes, grants or commits.

mod bare_connection;
mod connect;
#[cfg(test)]
pub(crate) mod double;
#[cfg(test)]
mod double_auth;
mod error;
mod health;
mod login;
#[cfg(test)]
mod login_tests;
mod record;
mod scopes;
mod sharing;
#[cfg(test)]
mod tests;
mod token_service;
mod write;
#[cfg(test)]
mod write_tests;

pub use connect::{Connector, EndpointName, Login};
pub use error::EtcdError;
pub use health::{Health, HealthClient, Majority, MemberStatus, RaisedAlarm, StoreMember};
pub use record::{Key, OutsideKey, Record, RecordChange, RecordClient, slack};
pub use scopes::{FoundScope, ScopeFinder};
pub use write::{AcquireOutcome, AcquiredLock, CasOutcome, Fence, Writer};

/// `/<namespace>/<scope>/` with slashes collapsed: where Patroni keeps a cluster's keys.
pub fn prefix(namespace: &str, scope: &str) -> String {
    let mut path = String::from("/");
    for part in namespace.split('/').chain(scope.split('/')).filter(|part| !part.is_empty()) {
        path.push_str(part);
        path.push('/');
    }
    path
}

/// The key of a cluster's operation lock. Not below [`prefix`]: writing there would need rights that cover the leader and
/// failover keys.
pub fn lock_key(namespace: &str, scope: &str) -> String {
    format!("/pgctl-tui/lock{}", prefix(namespace, scope).trim_end_matches('/'))
}
