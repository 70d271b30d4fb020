//! Which scope to follow in etcd, where the configuration leaves it open.

use std::sync::Arc;

use futures::future::{join_all, select_ok};

use super::Misuse;
use super::discover::own_name;
use crate::cli::printer::Printer;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::find_scopes;
use crate::driver::ha::patroni_discover::discover;
use crate::model::name::NodeName;

/// The scope: as configured, else as a member tells it, else the only one that the store has. `None`: there is no etcd
/// to follow it in, or nobody could be asked; then the record comes through Patroni.
///
/// # Errors
/// When the store has several clusters, or none, and nothing tells which is meant.
pub(super) async fn learn(settings: &ClusterSettings, printer: &mut Printer) -> anyhow::Result<Option<String>> {
    if settings.scope.is_some() {
        return Ok(settings.scope.clone());
    }
    let Some(etcd) = &settings.etcd else { return Ok(None) };
    let seeds: Vec<_> = settings.patroni.seeds.iter().map(|url| settings.patroni.endpoint(url)).collect();
    let asked = seeds.iter().map(|endpoint| Box::pin(discover(endpoint)));
    if !seeds.is_empty()
        && let Ok((found, _)) = select_ok(asked).await
        && found.scope.is_some()
    {
        return Ok(found.scope);
    }
    let found = match find_scopes(etcd, &settings.namespace).await {
        Ok(found) => found,
        Err(error) if seeds.is_empty() => return Err(error.into()),
        Err(error) => {
            printer
                .say(format!("pgctl-tui: {}: the scope is unknown, so etcd is not followed: {error}", settings.name));
            return Ok(None);
        }
    };
    let here: Vec<_> = found.iter().filter(|scope| scope.namespace == settings.namespace).collect();
    match here.as_slice() {
        [one] => Ok(Some(one.scope.clone())),
        [] => {
            let elsewhere: Vec<_> = found.iter().map(|scope| format!("{}{}", scope.namespace, scope.scope)).collect();
            let hint = if elsewhere.is_empty() { String::new() } else { format!("; it has {}", elsewhere.join(", ")) };
            Err(Misuse(format!("{}: etcd has no cluster under {}{hint}", settings.name, settings.namespace)).into())
        }
        several => {
            let names: Vec<&str> = several.iter().map(|scope| scope.scope.as_str()).collect();
            let text = format!(
                "{}: etcd has several clusters: name one with scope or --scope: {}",
                settings.name,
                names.join(", ")
            );
            Err(Misuse(text).into())
        }
    }
}

/// A cluster as it can be followed, with its scope: what its settings leave open is learnt from the cluster itself.
/// `from_file`: the settings were written by somebody, who named the nodes where that is needed.
///
/// # Errors
/// As [`learn`].
pub(super) async fn complete(
    mut cluster: ClusterSettings,
    from_file: bool,
    printer: &mut Printer,
) -> anyhow::Result<(Arc<ClusterSettings>, Option<String>)> {
    if !from_file {
        Box::pin(name_seeds(&mut cluster)).await;
    }
    let scope = Box::pin(learn(&cluster, printer)).await?;
    Ok((Arc::new(cluster), scope))
}

/// Learns which member each seed leads to. Without a file nothing maps the names that members advertise, which often do
/// not resolve here; the URL that the operator typed does.
async fn name_seeds(settings: &mut ClusterSettings) {
    let urls = settings.patroni.seeds.clone();
    let names = join_all(urls.iter().map(|url| own_name(settings.patroni.endpoint(url)))).await;
    for (url, name) in urls.into_iter().zip(names) {
        if let Some(name) = name {
            settings.nodes.entry(NodeName::new(name)).or_default().rest.get_or_insert(url);
        }
    }
}
