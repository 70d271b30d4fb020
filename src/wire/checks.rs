//! The endpoints of a cluster for `doctor`: those configured, and those of the members that they lead to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::engine::preparation;
use super::stack::{Purpose, access};
use super::{Observers, one_line};
use crate::cli::printer::Printer;
use crate::config::endpoint::Timeouts;
use crate::config::environment::Environment;
use crate::config::resolved::{ClusterSettings, Settings};
use crate::driver::dcs::etcd::EtcdCheck;
use crate::driver::exporter::ExporterCheck;
use crate::driver::ha::patroni::PatroniNode;
use crate::driver::node::postgres::{PostgresCheck, PreparedCheck};
use crate::driver::port::Check;
use crate::driver::router::haproxy::{HaproxyPage, HaproxyRuntime};
use crate::driver::router::haproxy_acting::HaproxyActing;
use crate::model::checkup::{Aspect, CheckLine, Verdict};
use crate::model::member::Member;
use crate::model::name::ClusterName;
use crate::model::router::{ProxyKind, ProxyRow};
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;
use crate::observe::{doctor, once};

/// Longest examination of one endpoint.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long one answer of a container engine is waited for.
const ENGINE_PATIENCE: Duration = Duration::from_secs(4);

/// Servers of a strange router named in one line at most.
const MOST_NAMED: usize = 6;

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
                        let patience = cluster.timeouts.connect + cluster.timeouts.request;
                        let snapshot = once::settled(handle, patience).await.snapshot.clone();
                        let mut lines = by_endpoint(cluster, snapshot.identity.scope.clone(), &snapshot.members).await;
                        lines.extend(strangers(&snapshot));
                        lines.extend(prepared(cluster, &snapshot).await);
                        lines
                    }
                    None => Vec::new(),
                };
                observers.end().await;
                lines
            }
            Err(error) => {
                let scope = cluster.scope.as_ref().map(Text::new);
                let source = Source::new(SourceKind::Etcd, "");
                let mut lines = vec![line(source, Aspect::Configuration, Verdict::Fail, one_line(&error), "")];
                lines.extend(by_endpoint(cluster, scope, &[]).await);
                lines
            }
        };
        all.push((cluster.name.clone(), lines));
    }
    Ok(all)
}

async fn by_endpoint(settings: &ClusterSettings, scope: Option<Text>, members: &[Member]) -> Vec<CheckLine> {
    let checks = endpoints(settings, scope.as_ref(), members);
    let left_out = unexamined(settings, &checks).into_iter().chain(withheld(settings, members));
    let mut lines = doctor::examine(checks, PATIENCE).await;
    lines.extend(left_out);
    if lines.is_empty() {
        let text = "no endpoint is configured, and none is known";
        let source = Source::new(SourceKind::PatroniRest, "");
        let remedy = "name Patroni's or etcd's addresses; pgctl-tui init writes a configuration";
        lines.push(line(source, Aspect::Configuration, Verdict::Fail, text, remedy));
    }
    lines
}

fn line(source: Source, aspect: Aspect, verdict: Verdict, text: impl AsRef<str>, remedy: &str) -> CheckLine {
    let endpoint = source.target.clone();
    CheckLine { source, endpoint, aspect, verdict, text: Text::redacted(text), remedy: Text::redacted(remedy) }
}

/// What is configured and yet not examined, each with the reason.
fn unexamined(settings: &ClusterSettings, checks: &[Examined]) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    let mut say = |kind, aspect, verdict, text: String, remedy| {
        lines.push(line(Source::new(kind, ""), aspect, verdict, text, remedy));
    };
    if settings.postgres.is_some() && !checks.iter().any(|(source, _)| source.kind == SourceKind::Sql) {
        let text = "not examined: no member's address is known".to_owned();
        let remedy = "mend what keeps the members unknown, or name them under [nodes]";
        say(SourceKind::Sql, Aspect::Reach, Verdict::Unknown, text, remedy);
    }
    let why = "not examined (asked for only when an action is confirmed)";
    if let Some(login) = &settings.patroni.acting {
        let text = format!("login for acting, user {}: {why}", login.user);
        say(SourceKind::PatroniRest, Aspect::Credentials, Verdict::Skipped, text, "");
    }
    if let Some(access) = settings.postgres.as_ref().and_then(|postgres| postgres.acting.as_ref()) {
        let text = format!("login for acting, user {}: {why}", access.user);
        let remedy = "psql as this user shows whether it may log in";
        say(SourceKind::Sql, Aspect::Credentials, Verdict::Skipped, text, remedy);
    }
    lines
}

/// Whether what the preparation makes is there, by the leader's word.
async fn prepared(settings: &ClusterSettings, snapshot: &Snapshot) -> Vec<CheckLine> {
    let Some(preparation) = &settings.preparation else { return Vec::new() };
    if preparation.user.is_none() && preparation.database.is_none() {
        return Vec::new();
    }
    let source = || Source::new(SourceKind::Sql, "");
    let unknown = |why: &str, remedy: &str| {
        let text = format!("whether the role and the database are there that {} makes: {why}", preparation.container);
        vec![line(source(), Aspect::Configuration, Verdict::Unknown, text, remedy)]
    };
    if settings.postgres.is_none() {
        let text = "what prepares the cluster makes is not looked for: no role to look with is configured";
        return vec![line(source(), Aspect::Configuration, Verdict::Skipped, text, "")];
    }
    let leader = snapshot.leader().filter(|leader| leader.fresh);
    let Some(member) = leader.and_then(|leader| snapshot.member(&leader.value)) else {
        return unknown("no leader is known", "bring back a leader first");
    };
    let address = member.postgres_address.as_ref();
    let reached = address.and_then(|address| Some((address, access(settings, &member.name, address.host.as_str())?)));
    let Some((address, access)) = reached else {
        return unknown("the leader's PostgreSQL has no address", "name it under [nodes]");
    };
    let environment = Arc::new(Environment::of_process());
    let check = PreparedCheck::new(&member.name, access, address.clone(), environment, preparation);
    let source = Source::new(SourceKind::Sql, member.name.as_str());
    doctor::examine(vec![(source, Box::new(check))], PATIENCE).await
}

/// Members that would not be sent the login for acting. That is better known before an action than in the middle of one.
fn withheld(settings: &ClusterSettings, members: &[Member]) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    for member in members {
        let Some(url) = member.agent_url.as_ref().filter(|url| settings.withholds_acting_login(url.as_str())) else {
            continue;
        };
        let source = Source::new(SourceKind::PatroniRest, member.name.as_str());
        let text = format!(
            "the login for acting is not sent to {url}: only the record names it, and plain HTTP proves nothing"
        );
        let remedy = "name it under [patroni] or [nodes], or its network in allowed_networks, or use https";
        lines.push(line(source, Aspect::Credentials, Verdict::Warn, text, remedy));
    }
    lines
}

/// Routers that lead to none of the cluster's members: one in front of another cluster answers just as well.
fn strangers(snapshot: &Snapshot) -> Vec<CheckLine> {
    let mut lines = Vec::new();
    for router in &snapshot.routers {
        let Some(reading) = router.reading(snapshot.now) else { continue };
        let Some(report) = reading.fresh(snapshot.now) else { continue };
        let servers: Vec<_> = report.rows.iter().filter(|row| row.kind == ProxyKind::Server).collect();
        if servers.is_empty() || snapshot.members.is_empty() {
            continue;
        }
        if servers.iter().all(|row| snapshot.member_of(row).is_none()) {
            let names: BTreeSet<&str> = servers.iter().map(|row| row.server.as_str()).collect();
            let names: Vec<&str> = names.into_iter().take(MOST_NAMED).collect();
            let text = format!("none of its servers is a member of this cluster: {}", names.join(", "));
            lines.push(line(
                reading.source.clone(),
                Aspect::Identity,
                Verdict::Warn,
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
        return format!("{ELSE}; a runtime API at operator level would tell the servers' addresses");
    };
    let members = snapshot.members.iter().filter_map(|member| member.postgres_address.as_ref());
    let contacts = members.take(MOST_NAMED).map(ToString::to_string).collect::<Vec<_>>();
    match contacts.as_slice() {
        [] => ELSE.to_owned(),
        [one, ..] => format!(
            "{ELSE}; if it does, say where each address is reached from here ({}): [clusters.{}.address_map] \"{address}\" = \"{one}\"",
            contacts.join(", "),
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
        cluster.postgres.iter_mut().for_each(|postgres| longer(&mut postgres.looking.timeouts));
        for router in &mut cluster.routers {
            longer(&mut router.timeouts);
            router.stats.iter_mut().for_each(|page| longer(&mut page.timeouts));
        }
    }
    settings
}

type Examined = (Source, Box<dyn Check>);

fn endpoints(settings: &ClusterSettings, scope: Option<&Text>, members: &[Member]) -> Vec<Examined> {
    let mut checks: Vec<Examined> = Vec::new();
    if let Some(etcd) = &settings.etcd {
        for check in EtcdCheck::each(etcd, &settings.namespace, scope.map(Text::as_str)) {
            let source = Source::new(SourceKind::EtcdMember, check.endpoint().as_str());
            checks.push((source, Box::new(check)));
        }
    }
    let environment = Arc::new(Environment::of_process());
    // Addresses to begin with that no member is known by: wrong ones above all.
    let known = |url: &str| {
        let same = |agent: &Text| agent.as_str().trim_end_matches('/') == url.trim_end_matches('/');
        members.iter().filter_map(|member| member.agent_url.as_ref()).any(same)
    };
    for url in settings.patroni.seeds.iter().filter(|url| !known(url)) {
        let check = PatroniNode::anybody(settings.patroni.endpoint(url), scope.cloned());
        checks.push((Source::new(SourceKind::PatroniRest, check.endpoint().as_str()), Box::new(check)));
    }
    for member in members {
        let name = &member.name;
        if let Some(url) = &member.agent_url {
            let endpoint = settings.agent_endpoint(name, url.as_str());
            let check = PatroniNode::new(name.clone(), endpoint, scope.cloned());
            checks.push((Source::new(SourceKind::PatroniRest, name.as_str()), Box::new(check)));
        }
        let sql = member.postgres_address.as_ref();
        let sql = sql.and_then(|address| Some((address, access(settings, name, address.host.as_str())?)));
        if let Some((address, access)) = sql {
            let thresholds = settings.thresholds.clone();
            let check = PostgresCheck::new(name, access, address.clone(), Arc::clone(&environment), thresholds);
            checks.push((Source::new(SourceKind::Sql, name.as_str()), Box::new(check)));
        }
        let host = member.postgres_address.as_ref().map(|address| address.host.to_string());
        if let Some(url) = settings.exporter_url(name, host.as_deref()) {
            let check = ExporterCheck::new(name, settings.exporter_endpoint(&url));
            checks.push((Source::new(SourceKind::Exporter, name.as_str()), Box::new(check)));
        }
    }
    if let Some((preparation, _)) = preparation(settings, ENGINE_PATIENCE) {
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
    checks
}
