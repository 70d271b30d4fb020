//! The endpoints of a cluster for `doctor`: those configured, and those of the members that they lead to.

use std::sync::Arc;
use std::time::Duration;

use super::Observers;
use super::stack::{Purpose, access};
use crate::cli::printer::Printer;
use crate::config::endpoint::Timeouts;
use crate::config::environment::Environment;
use crate::config::resolved::{ClusterSettings, Settings};
use crate::driver::dcs::etcd::EtcdCheck;
use crate::driver::exporter::ExporterCheck;
use crate::driver::ha::patroni::PatroniNode;
use crate::driver::node::postgres::PostgresCheck;
use crate::driver::port::Check;
use crate::driver::router::haproxy::{HaproxyPage, HaproxyRuntime};
use crate::model::checkup::CheckLine;
use crate::model::name::ClusterName;
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;
use crate::observe::{doctor, once};

/// Longest examination of one endpoint.
const PATIENCE: Duration = Duration::from_secs(15);

/// Examines every endpoint of every cluster in `settings`.
pub(super) async fn examine(
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<Vec<(ClusterName, Vec<CheckLine>)>> {
    let settings = &patient(settings);
    let mut observers = Observers::start(settings, true, Purpose::Once, printer).await?;
    let mut all = Vec::new();
    for (cluster, handle) in settings.clusters.iter().zip(&mut observers.handles) {
        let picture = once::settled(handle, cluster.timeouts.connect + cluster.timeouts.request).await;
        let checks = endpoints(cluster, &picture.snapshot);
        all.push((cluster.name.clone(), doctor::examine(checks, PATIENCE).await));
    }
    observers.end().await;
    Ok(all)
}

/// An examination is no poll: slow is worth a word elsewhere, here it must not hide what is wrong.
fn patient(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    let longer = |timeouts: &mut Timeouts| {
        timeouts.connect = timeouts.connect.max(Duration::from_secs(4));
        timeouts.request = timeouts.request.max(Duration::from_secs(4));
    };
    for cluster in &mut settings.clusters {
        longer(&mut cluster.timeouts);
        longer(&mut cluster.patroni.timeouts);
        longer(&mut cluster.exporters.timeouts);
        cluster.etcd.iter_mut().for_each(|etcd| longer(&mut etcd.timeouts));
        cluster.postgres.iter_mut().for_each(|postgres| longer(&mut postgres.looking.timeouts));
        for router in &mut cluster.routers {
            longer(&mut router.timeouts);
            router.stats.iter_mut().for_each(|page| longer(&mut page.timeouts));
        }
    }
    settings
}

type Examined = (Source, Box<dyn Check>);

fn endpoints(settings: &ClusterSettings, snapshot: &Snapshot) -> Vec<Examined> {
    let mut checks: Vec<Examined> = Vec::new();
    let scope = snapshot.identity.scope.clone();
    if let (Some(etcd), Some(scope)) = (&settings.etcd, &scope) {
        for check in EtcdCheck::each(etcd, &settings.namespace, scope.as_str()) {
            let source = Source::new(SourceKind::EtcdMember, check.endpoint().as_str());
            checks.push((source, Box::new(check)));
        }
    }
    let environment = Arc::new(Environment::of_process());
    for member in &snapshot.members {
        let name = &member.name;
        if let Some(url) = &member.agent_url {
            let mut endpoint = settings.patroni.endpoint(url.as_str());
            endpoint.tls = settings.node_tls(name, &endpoint.tls);
            let check = PatroniNode::new(name.clone(), endpoint, scope.clone());
            checks.push((Source::new(SourceKind::PatroniRest, name.as_str()), Box::new(check)));
        }
        if let (Some(address), Some(access)) = (&member.postgres_address, access(settings, name)) {
            let thresholds = settings.thresholds.clone();
            let check = PostgresCheck::new(name, access, address.clone(), Arc::clone(&environment), thresholds);
            checks.push((Source::new(SourceKind::Sql, name.as_str()), Box::new(check)));
        }
        let host = member.postgres_address.as_ref().map(|address| address.host.to_string());
        if let Some(url) = settings.exporter_url(name, host.as_deref()) {
            let check = ExporterCheck::new(name, settings.exporters.endpoint(url));
            checks.push((Source::new(SourceKind::Exporter, name.as_str()), Box::new(check)));
        }
    }
    for router in &settings.routers {
        if let Some(page) = &router.stats {
            let check = HaproxyPage::new(&router.name, page.clone());
            checks.push((Source::new(SourceKind::RouterHttp, router.name.as_str()), Box::new(check)));
        }
        if let Some(runtime) = &router.runtime {
            let check = HaproxyRuntime::new(&router.name, runtime.clone(), router.timeouts);
            checks.push((Source::new(SourceKind::RouterRuntime, router.name.as_str()), Box::new(check)));
        }
    }
    if scope.is_none() && settings.etcd.is_some() {
        tracing::warn!(cluster = %Text::new(settings.name.as_str()), "the scope is unknown: etcd is not examined");
    }
    checks
}
