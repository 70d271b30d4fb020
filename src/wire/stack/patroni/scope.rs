//! Which scope to follow in etcd, where the configuration leaves it open.

use futures::future::join_all;

use super::discover::own_name;
use crate::cli::printer::Printer;
use crate::client::etcd::FoundScope;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::find_scopes;
use crate::driver::ha::patroni::scope::Scopes;
use crate::model::name::NodeName;
use crate::model::source::{FailureKind, SourceError};
use crate::wire::UsageError;

/// The scope to follow in etcd: as configured, else as a member tells it, else the only one that the store has.
///
/// # Errors
/// When nobody can be asked, or the store has several clusters, or none, and nothing tells which is meant.
pub(super) async fn learn(settings: &ClusterSettings) -> Result<String, SourceError> {
    if let Some(scope) = &settings.scope {
        return Ok(scope.clone());
    }
    let Some(etcd) = &settings.etcd else {
        return Err(SourceError::new(FailureKind::Unsupported, "", "no etcd is configured"));
    };
    if let Some(scope) = find_scopes_once(settings).await.meant() {
        return Ok(scope.to_string());
    }
    let found = find_scopes(etcd, &settings.namespace).await?;
    let names = |found: &FoundScope| -> Vec<String> {
        if found.groups.is_empty() {
            return vec![found.scope.clone()];
        }
        found.groups.iter().map(|group| format!("{}/{group}", found.scope)).collect()
    };
    let here = found.iter().filter(|scope| scope.namespace == settings.namespace);
    let here: Vec<String> = here.flat_map(names).collect();
    let endpoint = etcd.urls.join(", ");
    let ambiguous = |detail: String| SourceError::new(FailureKind::NoSuchCluster, &endpoint, detail);
    match here.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let elsewhere: Vec<_> = found.iter().map(|scope| format!("{}{}", scope.namespace, scope.scope)).collect();
            let hint = if elsewhere.is_empty() { String::new() } else { format!("; it has {}", elsewhere.join(", ")) };
            let error = ambiguous(format!("nothing in the DCS under {}{hint}", settings.namespace));
            Err(error)
        }
        several => {
            let detail = format!("etcd has several clusters: choose one with scope or --scope: {}", several.join(", "));
            Err(ambiguous(detail).advising("set scope = \"...\" or use --scope"))
        }
    }
}

/// The scopes that the agents at the configured URLs tell. An agent of a Citus cluster leaves out its group, and then the
/// store is asked: it alone knows how many there are.
async fn find_scopes_once(settings: &ClusterSettings) -> Scopes {
    let endpoints: Vec<_> = settings.patroni.seeds.iter().map(|url| settings.patroni.endpoint(url)).collect();
    let mut scopes = Scopes::of(endpoints.len());
    Box::pin(scopes.next_message(&endpoints)).await;
    scopes
}

/// The scope of a cluster that something is to be done to: without it no lock can be taken. `None`: there is no etcd to
/// follow it in, or nobody could be asked; then the record comes through Patroni.
///
/// # Errors
/// As [`learn`].
pub(super) async fn known(settings: &ClusterSettings, printer: &mut Printer) -> anyhow::Result<Option<String>> {
    if settings.etcd.is_none() {
        return Ok(settings.scope.clone());
    }
    match learn(settings).await {
        Ok(scope) => Ok(Some(scope)),
        Err(error) if error.failure_kind == FailureKind::NoSuchCluster => {
            Err(UsageError(format!("{}: {}", settings.name, error.detail)).into())
        }
        Err(error) if settings.patroni.seeds.is_empty() => Err(error.into()),
        Err(error) => {
            printer
                .say(format!("pgctl-tui: {}: the scope is unknown, so etcd is not monitored: {error}", settings.name));
            Ok(None)
        }
    }
}

/// Learns which member each seed leads to. Without a file nothing maps the names that members advertise, which often do
/// not resolve here; the URL that the operator typed does.
pub(super) async fn name_seeds(settings: &mut ClusterSettings) {
    let urls = settings.patroni.seeds.clone();
    let scope = match &settings.scope {
        Some(scope) => Some(scope.clone()),
        None => find_scopes_once(settings).await.meant().map(|scope| scope.to_string()),
    };
    let names = urls.iter().map(|url| own_name(settings.patroni.endpoint(url), scope.as_deref()));
    let names = join_all(names).await;
    for (url, name) in urls.into_iter().zip(names) {
        if let Some(name) = name {
            settings.nodes.entry(NodeName::new(name)).or_default().rest.get_or_insert(url);
        }
    }
}
