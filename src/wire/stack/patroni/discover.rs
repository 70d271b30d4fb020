//! `init` from the URL of an agent or of etcd: the members of a Patroni cluster, and the store beside them.

use std::collections::BTreeSet;

use futures::future::join_all;
use url::Url;

use crate::cli::args::Shared;
use crate::cli::printer::Printer;
use crate::client::etcd::FoundScope;
use crate::client::patroni::Patroni;
use crate::config::discovered::{Discovered, DiscoveredMember, Reach};
use crate::config::endpoint::{EtcdEndpoints, HttpEndpoint, Timeouts, TlsSettings};
use crate::config::write_file::Asked;
use crate::driver::dcs::etcd::{EtcdRecord, find_scopes};
use crate::driver::ha::patroni::discover::discover as ask_agent;
use crate::driver::port::{Facts, Observe as _};
use crate::model::moment::Moment;
use crate::model::record::{ClusterRecord, without_group};
use crate::wire::UsageError;
use crate::wire::discover::{GUESS_TIMEOUTS, MAX_HOSTS, TIMEOUTS, bracketed, plain};

/// Asks the agents and the stores that `shared` names, and looks for etcd beside them. Also gives the hosts that are known by
/// then: what else belongs to the cluster may be there.
pub(in crate::wire) async fn discover(
    shared: &Shared,
    asked: &Asked,
    printer: &mut Printer,
) -> anyhow::Result<(Discovered, BTreeSet<String>)> {
    let mut found = if let Some(url) = shared.patroni.first() {
        printer.say(format!("querying {url}"));
        let mut found = ask_agent(&plain(url, TIMEOUTS)).await?;
        found.origin = Some(url.clone());
        found
    } else if shared.etcd.is_empty() {
        return Err(
            UsageError("init needs --patroni URL, --etcd URL, --postgres DSN, or --compose FILE".to_owned()).into()
        );
    } else {
        from_etcd(shared, printer).await?
    };
    if let Some(scope) = &shared.scope {
        found.scope = Some(scope.clone());
    }
    if let Some(namespace) = &shared.namespace {
        found.namespace = Some(namespace.clone());
    }
    seeds(&shared.patroni, &mut found).await;
    let hosts = hosts(asked, &found);
    if found.etcd.is_empty() && asked.etcd.is_empty() {
        printer
            .say(format!("searching for etcd on {}", hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")));
        let tries = hosts.iter().map(|host| has_scope(host, found.scope.as_deref()));
        let stores = join_all(tries).await;
        for (url, candidates) in stores.into_iter().flatten() {
            found.etcd.push(url);
            take_namespace(&candidates, &mut found);
        }
    }
    Ok((found, hosts))
}

/// Hosts that were named, and those of members that answer here.
fn hosts(asked: &Asked, found: &Discovered) -> BTreeSet<String> {
    let named = asked.patroni.iter().chain(&asked.etcd).cloned();
    let advertised = found.members.iter().filter(|member| member.reach == Reach::Answers);
    let urls = named.chain(advertised.filter_map(|member| member.api_url.clone()));
    let host = |url: String| Url::parse(&url).ok()?.host_str().map(str::to_owned);
    urls.filter_map(host).take(MAX_HOSTS).collect()
}

fn etcd(urls: Vec<String>, timeouts: Timeouts) -> EtcdEndpoints {
    EtcdEndpoints { urls, login: None, tls: TlsSettings::default(), timeouts }
}

/// Which member answers at each URL that was named: where the advertised address does not work from here, that URL
/// does.
async fn seeds(urls: &[String], found: &mut Discovered) {
    let names = join_all(urls.iter().map(|url| own_name(plain(url, TIMEOUTS), found.scope.as_deref()))).await;
    for (url, name) in urls.iter().zip(names) {
        let member = found.members.iter_mut().find(|member| name.as_ref() == Some(&member.name));
        if let Some(member) = member.filter(|member| member.reach != Reach::Answers) {
            member.rest = Some(url.clone());
        }
    }
}

/// What the agent at `endpoint` calls its own node; `None` also where it is of another scope than `scope`, since nodes of
/// another cluster may have the names of this one's.
pub(super) async fn own_name(endpoint: HttpEndpoint, scope: Option<&str>) -> Option<String> {
    let status = Patroni::new(&endpoint).ok()?.status().await.ok()?.value;
    let agent = status.patroni?;
    let is_foreign =
        scope.zip(agent.scope.as_deref()).is_some_and(|(scope, own)| without_group(scope) != own && scope != own);
    agent.name.filter(|_| !is_foreign)
}

async fn from_etcd(shared: &Shared, printer: &mut Printer) -> anyhow::Result<Discovered> {
    let endpoints = etcd(shared.etcd.clone(), TIMEOUTS);
    printer.say(format!("querying {}", shared.etcd.join(", ")));
    let namespace = shared.namespace.as_deref().unwrap_or("/service");
    let scopes = find_scopes(&endpoints, namespace).await?;
    let wanted: Vec<_> = scopes
        .iter()
        .flat_map(groups)
        .filter(|found| shared.scope.as_ref().is_none_or(|scope| *scope == found.scope))
        .filter(|found| {
            shared
                .namespace
                .as_deref()
                .is_none_or(|namespace| namespace.trim_matches('/') == found.namespace.trim_matches('/'))
        })
        .collect();
    let [one] = wanted.as_slice() else {
        let names = scopes.iter().flat_map(groups).map(|found| format!("{}{}", found.namespace, found.scope));
        let names: Vec<_> = names.collect();
        let has = if names.is_empty() { "no Patroni cluster".to_owned() } else { names.join(", ") };
        return Err(UsageError(format!("choose a cluster with --scope and --namespace; etcd has {has}")).into());
    };
    let mut found = Discovered {
        scope: Some(one.scope.clone()),
        namespace: Some(one.namespace.clone()),
        origin: shared.etcd.first().cloned(),
        etcd: shared.etcd.clone(),
        ..Discovered::default()
    };
    if let Ok(Facts::Record(content)) =
        EtcdRecord::new(endpoints, &one.namespace, &one.scope).observe(Moment::START).await
    {
        found.members = members(&content);
    }
    // Any member tells which advertised addresses work from here.
    for url in found.members.iter().filter_map(|member| member.api_url.clone()).collect::<Vec<_>>() {
        if let Ok(reported) = ask_agent(&plain(&url, GUESS_TIMEOUTS)).await {
            found.agent_version = reported.agent_version;
            found.members = reported.members;
            break;
        }
        found.notes.push(format!("{url} is unreachable from here"));
    }
    Ok(found)
}

fn members(content: &ClusterRecord) -> Vec<DiscoveredMember> {
    let member = |registration: &crate::model::agent::Registration| DiscoveredMember {
        name: registration.name.to_string(),
        api_url: registration.api_url.as_ref().map(ToString::to_string),
        host: registration.postgres.as_ref().map(|address| address.host.to_string()),
        port: registration.postgres.as_ref().map(|address| address.port),
        ..DiscoveredMember::default()
    };
    content.members.iter().map(member).collect()
}

/// The etcd endpoint on `host`, if one there has the scope, with the clusters of that scope that it has.
async fn has_scope(host: &str, scope: Option<&str>) -> Option<(String, Vec<FoundScope>)> {
    let url = format!("http://{}:2379", bracketed(host));
    let scopes = find_scopes(&etcd(vec![url.clone()], GUESS_TIMEOUTS), "/service").await.ok()?;
    let found: Vec<_> = scopes.into_iter().filter(|found| scope == Some(found.scope.as_str())).collect();
    (!found.is_empty()).then_some((url, found))
}

/// A cluster as it is followed: each group of a Citus cluster by itself, `shop/0`.
fn groups(found: &FoundScope) -> Vec<FoundScope> {
    if found.groups.is_empty() {
        return vec![found.clone()];
    }
    let group =
        |group: &u32| FoundScope { scope: format!("{}/{group}", found.scope), groups: Vec::new(), ..found.clone() };
    found.groups.iter().map(group).collect()
}

/// Takes the namespace of the cluster that was found, out of those of its scope in the store. Where several have it and
/// the members do not tell which is meant, none is taken.
fn take_namespace(candidates: &[FoundScope], found: &mut Discovered) {
    if let [one] = candidates {
        found.namespace.get_or_insert_with(|| one.namespace.clone());
    } else {
        let is_member = |name: &String| found.members.iter().any(|member| member.name == *name);
        let same: Vec<_> = candidates.iter().filter(|one| one.members.iter().any(is_member)).collect();
        if let [one] = same.as_slice() {
            found.namespace.get_or_insert_with(|| one.namespace.clone());
        } else if found.namespace.is_none() {
            let names: Vec<&str> = candidates.iter().map(|one| one.namespace.as_str()).collect();
            found.notes.push(format!(
                "etcd has this scope in several namespaces ({}): set the namespace of patroni.yml",
                names.join(" and ")
            ));
        }
    }
    if let Some(citus) = candidates.iter().find(|one| !one.groups.is_empty()) {
        let names: Vec<_> = groups(citus).into_iter().map(|group| group.scope).collect();
        found.notes.push(format!(
            "this is a Citus cluster whose groups are separate clusters: use one of {} as scope",
            names.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(namespace: &str, members: &[&str], groups: &[u32]) -> FoundScope {
        FoundScope {
            namespace: namespace.to_owned(),
            scope: "nova".to_owned(),
            members: members.iter().map(ToString::to_string).collect(),
            groups: groups.to_vec(),
            led: true,
        }
    }

    #[test]
    fn of_several_namespaces_the_one_with_the_members_is_taken_and_none_in_doubt() {
        let vega = DiscoveredMember { name: "vega".to_owned(), ..DiscoveredMember::default() };
        let with = |candidates: &[FoundScope]| {
            let mut found = Discovered { members: vec![vega.clone()], ..Discovered::default() };
            take_namespace(candidates, &mut found);
            (found.namespace, found.notes.join(" "))
        };
        let (service, stage) = (store("/service/", &["lyra"], &[]), store("/stage/", &["vega"], &[]));
        assert_eq!(with(&[service.clone(), stage]).0.as_deref(), Some("/stage/"));
        let (namespace, notes) = with(&[service.clone(), store("/stage/", &["lyra"], &[])]);
        assert!(namespace.is_none() && notes.contains("/service/ and /stage/"), "{notes}");
        assert_eq!(with(&[service]).0.as_deref(), Some("/service/"));
        let (_, notes) = with(&[store("/service/", &["vega"], &[0, 1])]);
        assert!(notes.contains("nova/0, nova/1"), "{notes}");
    }
}
