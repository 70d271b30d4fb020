//! The container engine of this host, and what prepares a cluster there.

use std::time::Duration;

use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::runtime::ContainerPreparation;

/// Where Docker listens, unless `DOCKER_HOST` or the configuration says otherwise.
const ENGINE: &str = "unix:///var/run/docker.sock";

/// The address of the container engine, where `configured` is what the configuration says.
pub(super) fn engine(configured: Option<&str>) -> String {
    let environment = Environment::of_process();
    let by_environment = || environment.get("DOCKER_HOST").filter(|host| !host.is_empty()).map(str::to_owned);
    configured.map(str::to_owned).or_else(by_environment).unwrap_or_else(|| ENGINE.to_owned())
}

/// What prepares the cluster, with the engine that it is at; `None`: nothing is configured that does.
pub(super) fn preparation(settings: &ClusterSettings, time_limit: Duration) -> Option<(ContainerPreparation, String)> {
    let preparation = settings.preparation.as_ref()?;
    let engine = engine(preparation.engine.as_deref());
    Some((ContainerPreparation::new(preparation, &engine, endpoints(settings), time_limit), engine))
}

/// Where the configuration reaches the cluster: containers that publish these ports there are of its stack.
fn endpoints(settings: &ClusterSettings) -> Vec<(String, u16)> {
    let nodes = settings.nodes.values();
    let urls = settings.patroni.seeds.iter().chain(settings.etcd.iter().flat_map(|etcd| &etcd.urls));
    let urls = urls.chain(nodes.clone().filter_map(|node| node.rest.as_ref()));
    let of_urls = urls.filter_map(|url| {
        let url = url::Url::parse(url).ok()?;
        Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
    });
    let of_nodes = nodes.filter_map(|node| node.postgres.clone());
    of_urls.chain(of_nodes).collect()
}
