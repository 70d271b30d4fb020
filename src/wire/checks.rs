//! The endpoints of a cluster for `doctor`: those configured, and those of the members that they lead to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::engine::preparation;
use super::lock::{LockBackend, lock_backend};
use super::stack::{AssembledStack, EndpointCheck, Purpose, access, acting_access};
use super::{Observers, one_line};
use crate::cli::printer::Printer;
use crate::config::endpoint::Timeouts;
use crate::config::environment::Environment;
use crate::config::resolved::{AssertionSettings, ClusterSettings, Settings};
use crate::driver::exporter::ExporterCheck;
use crate::driver::node::postgres::{ActingCheck, AssertionCheck, PostgresCheck, PreparedCheck};
use crate::driver::pooler::pgbouncer::PgBouncerCheck;
use crate::driver::router::haproxy::{HaproxyPage, HaproxyRuntime};
use crate::driver::router::haproxy_acting::HaproxyActing;
use crate::model::checkup::{CheckAspect, CheckLine, CheckupVerdict};
use crate::model::inventory::WrongCluster;
use crate::model::member::Member;
use crate::model::name::ClusterName;
use crate::model::router::ProxyRow;
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;
use crate::observe::{doctor, once};

/// Longest examination of one endpoint.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long one answer of a container engine is waited for.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(4);

/// Servers of a strange router named in one line at most.
const MAX_NAMED: usize = 6;

/// Examines every endpoint of every cluster in `settings`. A cluster of which nothing can be learnt is examined by what
/// its configuration names: that is when this is needed most.
pub(super) async fn examine(
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<Vec<(ClusterName, Vec<CheckLine>)>> {
    let settings = &patient(settings);
    let mut started = Vec::new();
    for cluster in &settings.clusters {
        let alone = Settings { clusters: vec![cluster.clone()], ..settings.clone() };
        started.push((cluster, Observers::start_once(alone, true, Purpose::Once, printer).await));
    }
    let mut all = Vec::new();
    for (cluster, observers) in started {
        let lines = match observers {
            Ok(mut observers) => {
                let lines = match observers.handles.first_mut() {
                    Some(handle) => {
                        let time_limit = cluster.timeouts.connect + cluster.timeouts.request;
                        let snapshot = once::settled(handle, time_limit).await.snapshot.clone();
                        let scope = snapshot.identity.scope.as_ref().map(Text::as_str);
                        let mut lines = by_endpoint(cluster, scope, &snapshot.members).await;
                        lines.extend(wrong_cluster(&snapshot));
                        lines.extend(foreign_nodes(&snapshot));
                        lines.extend(prepared(cluster, &snapshot).await);
                        lines.extend(asserted(cluster, &snapshot).await);
                        lines
                    }
                    None => Vec::new(),
                };
                observers.end().await;
                lines
            }
            Err(error) => {
                let source = Source::new(SourceKind::Etcd, "");
                let mut lines =
                    vec![line(source, CheckAspect::Configuration, CheckupVerdict::Fail, one_line(&error), "")];
                lines.extend(by_endpoint(cluster, None, &[]).await);
                lines
            }
        };
        all.push((cluster.name.clone(), lines));
    }
    Ok(all)
}

async fn by_endpoint(settings: &ClusterSettings, scope: Option<&str>, members: &[Member]) -> Vec<CheckLine> {
    let cluster = AssembledStack::of(&Arc::new(settings.clone()), scope);
    let checks = endpoints(&cluster, members);
    let place = lock_backend(settings, cluster.scope.as_deref());
    let left_out = unexamined(&cluster, &checks, &place).into_iter().chain(cluster.withheld(members));
    let mut lines = doctor::examine(checks, TIMEOUT).await;
    lines.extend(left_out);
    if lines.is_empty() {
        let text = "no endpoint is configured or known";
        let source = Source::new(SourceKind::PatroniRest, "");
        let remedy = "configure the addresses of Patroni or etcd; `pgctl-tui init` writes a configuration";
        lines.push(line(source, CheckAspect::Configuration, CheckupVerdict::Fail, text, remedy));
    }
    lines
}

pub(super) fn line(
    source: Source,
    aspect: CheckAspect,
    verdict: CheckupVerdict,
    text: impl AsRef<str>,
    remedy: &str,
) -> CheckLine {
    let endpoint = source.target.clone();
    CheckLine { source, endpoint, aspect, verdict, text: Text::redacted(text), remedy: Text::redacted(remedy) }
}

/// What is configured and yet not examined, each with the reason.
fn unexamined(cluster: &AssembledStack, checks: &[EndpointCheck], place: &LockBackend) -> Vec<CheckLine> {
    let (settings, sql) = (&cluster.settings, || Source::new(SourceKind::Sql, ""));
    let mut lines = Vec::new();
    if settings.postgres.is_some() && !checks.iter().any(|(source, _)| source.kind == SourceKind::Sql) {
        let text = "not checked: no member address is known".to_owned();
        let remedy = "fix why the members are unknown, or configure them under [nodes]";
        lines.push(line(sql(), CheckAspect::Reach, CheckupVerdict::Unknown, text, remedy));
    }
    lines.extend(cluster.untried());
    let acting = settings.postgres.as_ref().and_then(|postgres| postgres.acting.as_ref());
    if let Some(access) = acting.filter(|_| !examines_acting(settings, place)) {
        let text =
            format!("login for acting, user {}: not checked (used only when an action is confirmed)", access.user);
        let remedy = "test the login with psql as this user";
        lines.push(line(sql(), CheckAspect::Credentials, CheckupVerdict::Skipped, text, remedy));
    }
    if let (LockBackend::Nowhere(why), false) = (place, settings.read_only) {
        let text = format!("operation lock: none, so every action is refused: {why}");
        lines.push(line(sql(), CheckAspect::Configuration, CheckupVerdict::Skipped, text, ""));
    }
    lines
}

/// Whether the login for acting is examined: it holds the operation lock on the nodes, so that nothing can be done where it
/// does not get in. Where nothing is to be done, it is left alone.
fn examines_acting(settings: &ClusterSettings, place: &LockBackend) -> bool {
    *place == LockBackend::Advisory && !settings.read_only
}

/// Whether what the preparation makes is there, by the leader's word.
async fn prepared(settings: &ClusterSettings, snapshot: &Snapshot) -> Vec<CheckLine> {
    let Some(preparation) = &settings.preparation else { return Vec::new() };
    if preparation.user.is_none() && preparation.database.is_none() {
        return Vec::new();
    }
    let source = || Source::new(SourceKind::Sql, "");
    let unknown = |why: &str, remedy: &str| {
        let text =
            format!("unknown whether the role and the database that {} creates exist: {why}", preparation.container);
        vec![line(source(), CheckAspect::Configuration, CheckupVerdict::Unknown, text, remedy)]
    };
    if settings.postgres.is_none() {
        let text =
            "the role and database created by the setup container are not checked: no monitoring role is configured";
        return vec![line(source(), CheckAspect::Configuration, CheckupVerdict::Skipped, text, "")];
    }
    let leader = snapshot.leader().filter(|leader| leader.fresh);
    let Some(member) = leader.and_then(|leader| snapshot.member(&leader.value)) else {
        return unknown("no leader is known", "restore a leader first");
    };
    let address = member.postgres_address.as_ref();
    let reached = address.and_then(|address| Some((address, access(settings, &member.name, address.host.as_str())?)));
    let Some((address, access)) = reached else {
        return unknown("the leader's PostgreSQL has no address", "configure it under [nodes]");
    };
    let environment = Arc::new(Environment::of_process());
    let check = PreparedCheck::new(&member.name, access, address.clone(), environment, preparation);
    let source = Source::new(SourceKind::Sql, member.name.as_str());
    doctor::examine(vec![(source, Box::new(check))], TIMEOUT).await
}

/// What the data of the cluster should say, asked of the primary, and of each standby where an assertion is for those too.
async fn asserted(settings: &ClusterSettings, snapshot: &Snapshot) -> Vec<CheckLine> {
    if settings.assertions.is_empty() {
        return Vec::new();
    }
    let leader = snapshot.undoubted_leader().filter(|leader| leader.fresh).map(|leader| leader.value);
    let environment = Arc::new(Environment::of_process());
    let mut checks: Vec<EndpointCheck> = Vec::new();
    let mut time_limit = TIMEOUT;
    let mut lines = Vec::new();
    for member in &snapshot.members {
        let is_leader = leader.as_ref() == Some(&member.name);
        let for_it = |assertion: &&AssertionSettings| is_leader || assertion.on_standbys;
        let assertions: Vec<_> = settings.assertions.iter().filter(for_it).cloned().collect();
        let address = member.postgres_address.as_ref().filter(|_| !assertions.is_empty());
        let reached =
            address.and_then(|address| Some((address, access(settings, &member.name, address.host.as_str())?)));
        let Some((address, access)) = reached else { continue };
        let check = AssertionCheck::new(&member.name, &access, address.clone(), &environment, assertions);
        time_limit = time_limit.max(check.time_limit());
        checks.push((Source::new(SourceKind::Sql, member.name.as_str()), Box::new(check)));
    }
    if leader.is_none() {
        let text = "assertions are not run on the primary: no leader is known";
        let source = Source::new(SourceKind::Sql, "");
        lines.push(line(source, CheckAspect::Assertion, CheckupVerdict::Unknown, text, "restore a leader first"));
    }
    lines.extend(doctor::examine(checks, time_limit).await);
    lines
}

/// Whether store and agents are the same cluster's: each may answer well, and none of them for the other.
fn wrong_cluster(snapshot: &Snapshot) -> Option<CheckLine> {
    let (verdict, text) = match snapshot.wrong_cluster()? {
        WrongCluster::UrlsPointElsewhere => {
            (CheckupVerdict::Fail, "the configured agents belong to another cluster than the one in the DCS".to_owned())
        }
        WrongCluster::AmbiguousNamespace(namespaces) => {
            let names: Vec<&str> = namespaces.iter().map(Text::as_str).collect();
            (CheckupVerdict::Warn, format!("the DCS has this scope in several namespaces: {}", names.join(", ")))
        }
    };
    let remedy = "set scope and namespace as in patroni.yml of the members that are meant";
    Some(line(Source::new(SourceKind::Etcd, ""), CheckAspect::Identity, verdict, text, remedy))
}

/// Routers that lead to none of the cluster's members: one in front of another cluster answers just as well.
fn foreign_nodes(snapshot: &Snapshot) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    for router in &snapshot.routers {
        let Some(reading) = router.reading(snapshot.now) else { continue };
        let Some(report) = reading.fresh(snapshot.now) else { continue };
        let servers: Vec<_> = report.servers().collect();
        if servers.is_empty() || snapshot.members.is_empty() {
            continue;
        }
        if servers.iter().all(|row| snapshot.member_of(row).is_none()) {
            let names: BTreeSet<&str> = servers.iter().map(|row| row.server.as_str()).collect();
            let names: Vec<&str> = names.into_iter().take(MAX_NAMED).collect();
            let text = format!("none of its servers is a member of this cluster: {}", names.join(", "));
            lines.push(line(
                reading.source.clone(),
                CheckAspect::Identity,
                CheckupVerdict::Warn,
                text,
                &remedy(snapshot, &servers),
            ));
        }
    }
    lines
}

/// What to write where the router is the cluster's own: the line of the address map for the first server that tells its
/// address, with the member left to be chosen.
fn remedy(snapshot: &Snapshot, servers: &[&ProxyRow]) -> String {
    const ELSE: &str = "check that this router belongs to this cluster, and not to another";
    let Some(address) = servers.iter().find_map(|row| row.address.as_ref()) else {
        return format!("{ELSE}; a runtime API at operator level would show the addresses of the servers");
    };
    let members = snapshot.members.iter().filter_map(|member| member.postgres_address.as_ref());
    let member_addresses = members.take(MAX_NAMED).map(ToString::to_string).collect::<Vec<_>>();
    match member_addresses.as_slice() {
        [] => ELSE.to_owned(),
        [one, ..] => format!(
            "{ELSE}; if it does, map each address to how it is reached from here ({}): [clusters.{}.address_map] \"{address}\" = \"{one}\"",
            member_addresses.join(", "),
            snapshot.identity.name
        ),
    }
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
        cluster.postgres.iter_mut().for_each(|postgres| {
            longer(&mut postgres.looking.timeouts);
            postgres.acting.iter_mut().for_each(|acting| longer(&mut acting.timeouts));
        });
        for router in &mut cluster.routers {
            longer(&mut router.timeouts);
            router.stats.iter_mut().for_each(|page| longer(&mut page.timeouts));
        }
        cluster.poolers.iter_mut().for_each(|pooler| longer(&mut pooler.access.timeouts));
    }
    settings
}

fn endpoints(cluster: &AssembledStack, members: &[Member]) -> Vec<EndpointCheck> {
    let settings = &cluster.settings;
    let mut checks = cluster.endpoints(members);
    let environment = Arc::new(Environment::of_process());
    let examines_acting = examines_acting(settings, &lock_backend(settings, cluster.scope.as_deref()));
    for member in members {
        let name = &member.name;
        checks.extend(cluster.agent(member));
        let sql = member.postgres_address.as_ref();
        let sql = sql.and_then(|address| Some((address, access(settings, name, address.host.as_str())?)));
        if let Some((address, access)) = sql {
            let thresholds = settings.thresholds.clone();
            let check = PostgresCheck::new(name, access, address.clone(), Arc::clone(&environment), thresholds);
            checks.push((Source::new(SourceKind::Sql, name.as_str()), Box::new(check)));
        }
        let acting = member.postgres_address.as_ref().filter(|_| examines_acting);
        let acting = acting.and_then(|address| Some((address, acting_access(settings, name, address.host.as_str())?)));
        if let Some((address, access)) = acting {
            let check = ActingCheck::new(name, access, address.clone(), Arc::clone(&environment));
            checks.push((Source::new(SourceKind::Sql, name.as_str()), Box::new(check)));
        }
        let host = member.postgres_address.as_ref().map(|address| address.host.to_string());
        if let Some(url) = settings.exporter_url(name, host.as_deref()) {
            let check = ExporterCheck::new(name, settings.exporter_endpoint(&url));
            checks.push((Source::new(SourceKind::Exporter, name.as_str()), Box::new(check)));
        }
    }
    if let Some((preparation, _)) = preparation(settings, ENGINE_TIMEOUT) {
        let source = preparation.source().clone();
        checks.push((source, Box::new(preparation)));
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
        if let Some(acting) = &router.acting_runtime {
            let check = HaproxyActing::new(&router.name, acting.clone(), router.timeouts);
            checks.push((Source::new(SourceKind::RouterActing, router.name.as_str()), Box::new(check)));
        }
    }
    for pooler in &settings.poolers {
        let check = PgBouncerCheck::new(pooler.clone(), Arc::clone(&environment));
        checks.push((Source::new(SourceKind::Pooler, pooler.name.as_str()), Box::new(check)));
    }
    checks
}
