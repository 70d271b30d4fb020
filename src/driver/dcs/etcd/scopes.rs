//! Which clusters a store has, in words and for discovery.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::source_error;
use crate::client::cause::Cause;
use crate::client::etcd::{Connector, EtcdError, FoundScope, ScopeFinder, prefix};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::inventory::FoundCluster;
use crate::model::lsn::SystemId;
use crate::model::moment::Moment;
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::text::Text;

/// A store is searched for its clusters no more often than this.
const SEARCH_EVERY: Duration = Duration::from_secs(60);
/// Clusters looked into at most.
const MAX_CLUSTERS: usize = 200;

/// Clusters named in one message at most.
const MAX_NAMED: usize = 48;

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
    ScopeFinder::new(connector).find("/").await.map_err(|error| source_error(&error))
}

pub(super) async fn find_anywhere(connector: Connector, namespace: &str) -> Result<Vec<FoundScope>, EtcdError> {
    let finder = ScopeFinder::new(connector);
    match finder.find("/").await {
        Err(error) if error.cause == Cause::Permission => finder.find(&prefix(namespace, "")).await,
        found => found,
    }
}

/// The error for a store that lacks the scope whose prefix is `wanted`.
pub(super) fn missing(endpoint: &str, wanted: &str, found: &[FoundScope]) -> SourceError {
    let mut named: Vec<_> = found.iter().take(MAX_NAMED).map(describe).collect();
    if found.len() > MAX_NAMED {
        named.push(format!("{} more", found.len() - MAX_NAMED));
    }
    let has = if named.is_empty() {
        "it has no Patroni cluster (etcd v3)".to_owned()
    } else {
        format!("it has {}", named.join(", "))
    };
    let error = SourceError::new(FailureKind::NoSuchCluster, endpoint, format!("nothing found under {wanted}; {has}"));
    match nearest(wanted, found) {
        // Of several namespaces with the same scope nobody can tell which is meant.
        Some(near) => {
            let is_wanted = wanted.trim_end_matches('/').ends_with(&format!("/{}", near.scope));
            let same = found.iter().filter(|one| if is_wanted { one.scope == near.scope } else { *one == near });
            let namespaces: Vec<_> = same.map(|one| one.namespace.trim_end_matches('/')).collect();
            error.advising(format!("use --namespace {} --scope {}", namespaces.join(" or "), near.scope))
        }
        None => error.advising("check that Patroni uses this etcd"),
    }
}

/// The cluster that was most likely meant: of the same scope, else of the same namespace, else whichever there is.
fn nearest<'a>(wanted: &str, found: &'a [FoundScope]) -> Option<&'a FoundScope> {
    let (namespace, scope) = wanted.trim_end_matches('/').rsplit_once('/').unwrap_or(("", wanted));
    let here = |found: &&FoundScope| found.namespace.trim_matches('/') == namespace.trim_matches('/');
    let alike = |found: &&FoundScope| found.scope.eq_ignore_ascii_case(scope);
    // What differs in case alone was meant, above all in the same namespace; then the same scope in another one.
    let same_scope = (found.iter().find(|one| here(one) && alike(one)))
        .or_else(|| found.iter().find(|found| found.scope == scope))
        .or_else(|| found.iter().find(alike));
    let beside = || found.iter().find(|found| found.namespace.trim_matches('/') == namespace.trim_matches('/'));
    same_scope.or_else(beside).or(found.first())
}

/// The error for a scope that is a Citus cluster of `groups`.
pub(super) fn of_groups(endpoint: &str, scope: &str, groups: &BTreeSet<u32>) -> SourceError {
    let names: Vec<String> = groups.iter().map(|group| format!("{scope}/{group}")).collect();
    let first = names.first().cloned().unwrap_or_default();
    let detail = format!("{scope} is a Citus cluster whose groups are separate clusters: {}", names.join(", "));
    SourceError::new(FailureKind::NoSuchCluster, endpoint, detail).advising(format!(
        "configure one group with scope = \"{first}\" (--scope {first}), the others as separate clusters"
    ))
}

/// Asks the store which clusters it has.
#[derive(Debug)]
pub struct EtcdClusters {
    source: Source,
    endpoints: EtcdEndpoints,
    namespace: String,
}

impl EtcdClusters {
    /// The clusters that `endpoints` have: in the whole store, or where the user may not read all of it, under
    /// `namespace`.
    pub fn new(endpoints: EtcdEndpoints, namespace: &str) -> Self {
        Self { source: Source::new(SourceKind::EtcdClusters, ""), endpoints, namespace: namespace.to_owned() }
    }

    async fn ask(&self) -> Result<Facts, SourceError> {
        let reported = |error: &EtcdError| source_error(error);
        let connector = Connector::new(&self.endpoints).map_err(|error| reported(&error))?;
        let found = find_anywhere(connector.clone(), &self.namespace).await.map_err(|error| reported(&error))?;
        let mut clusters = Vec::new();
        for one in found.iter().take(MAX_CLUSTERS) {
            let names: Vec<String> = if one.groups.is_empty() {
                vec![one.scope.clone()]
            } else {
                one.groups.iter().map(|group| format!("{}/{group}", one.scope)).collect()
            };
            clusters.extend(names.into_iter().map(|scope| (one.namespace.clone(), scope)));
        }
        let keys: Vec<String> =
            clusters.iter().map(|(namespace, scope)| format!("{}initialize", prefix(namespace, scope))).collect();
        let values = ScopeFinder::new(connector).values(&keys).await.map_err(|error| reported(&error))?;
        let cluster = |((namespace, scope), value): ((String, String), Option<String>)| FoundCluster {
            namespace: Text::new(namespace),
            scope: Text::new(scope),
            system_id: value.and_then(|value| value.trim().parse().ok()).map(SystemId),
        };
        Ok(Facts::Clusters(clusters.into_iter().zip(values).map(cluster).collect()))
    }
}

impl Observe for EtcdClusters {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(self.endpoints.urls.join(", "))
    }

    fn pace(&self) -> PollPace {
        PollPace::Slow(SEARCH_EVERY)
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        self.ask().boxed()
    }
}

fn describe(found: &FoundScope) -> String {
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
