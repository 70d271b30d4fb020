//! Which clusters a store has, in words and for discovery.

use super::source_error;
use crate::client::cause::Cause;
use crate::client::etcd::{Connector, EtcdError, Finder, FoundScope, prefix};
use crate::config::endpoint::EtcdEndpoints;
use crate::model::source::{SourceError, Trouble};

/// Clusters named in one message at most.
const MOST_NAMED: usize = 12;

/// Clusters that `endpoints` have: in the whole store or, where the user may not read all of it, under `namespace`.
///
/// # Errors
/// When no endpoint answers, or the user may not read there either.
pub async fn find_scopes(endpoints: &EtcdEndpoints, namespace: &str) -> Result<Vec<FoundScope>, SourceError> {
    let connector = Connector::new(endpoints).map_err(|error| source_error(&error))?;
    find_anywhere(connector, namespace).await.map_err(|error| source_error(&error))
}

/// Every cluster that `endpoints` have, wherever it is kept.
///
/// # Errors
/// When no endpoint answers, or the user may not read the whole store: then nobody knows who else is in it.
pub async fn find_all_scopes(endpoints: &EtcdEndpoints) -> Result<Vec<FoundScope>, SourceError> {
    let connector = Connector::new(endpoints).map_err(|error| source_error(&error))?;
    Finder::new(connector).find("/").await.map_err(|error| source_error(&error))
}

pub(super) async fn find_anywhere(connector: Connector, namespace: &str) -> Result<Vec<FoundScope>, EtcdError> {
    let finder = Finder::new(connector);
    match finder.find("/").await {
        Err(error) if error.cause == Cause::Permission => finder.find(&prefix(namespace, "")).await,
        found => found,
    }
}

/// The error for a store that lacks the scope whose prefix is `wanted`.
pub(super) fn missing(endpoint: &str, wanted: &str, found: &[FoundScope]) -> SourceError {
    let mut named: Vec<_> = found.iter().take(MOST_NAMED).map(words).collect();
    if found.len() > MOST_NAMED {
        named.push(format!("{} more", found.len() - MOST_NAMED));
    }
    let has = if named.is_empty() {
        "it has no cluster at all that Patroni keeps in etcd v3".to_owned()
    } else {
        format!("it has {}", named.join(", "))
    };
    let error =
        SourceError::new(Trouble::UnexpectedAnswer, endpoint, format!("nothing is on record under {wanted}; {has}"));
    match nearest(wanted, found) {
        Some(near) => {
            error.advising(format!("use --namespace {} --scope {}", near.namespace.trim_end_matches('/'), near.scope))
        }
        None => error.advising("check that Patroni keeps its record in this etcd"),
    }
}

/// The cluster that was most likely meant: of the same scope, else of the same namespace, else whichever there is.
fn nearest<'a>(wanted: &str, found: &'a [FoundScope]) -> Option<&'a FoundScope> {
    let (namespace, scope) = wanted.trim_end_matches('/').rsplit_once('/').unwrap_or(("", wanted));
    let same_scope = found.iter().find(|found| found.scope == scope);
    let beside = || found.iter().find(|found| found.namespace.trim_matches('/') == namespace.trim_matches('/'));
    same_scope.or_else(beside).or(found.first())
}

fn words(found: &FoundScope) -> String {
    let place = format!("{}{}", found.namespace, found.scope);
    if !found.groups.is_empty() {
        let groups: Vec<_> = found.groups.iter().map(ToString::to_string).collect();
        return format!("{place} (Citus groups {})", groups.join(", "));
    }
    match found.members.len() {
        0 => format!("{place} (no members)"),
        1 => format!("{place} (1 member)"),
        count => format!("{place} ({count} members)"),
    }
}
