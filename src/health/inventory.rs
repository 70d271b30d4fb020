//! What is configured against what the DCS has: nodes that it does not know, addresses of another cluster, and what a member
//! lacks that the others have.

use std::collections::BTreeSet;

use super::finding_draft::FindingDraft;
use super::node;
use crate::model::finding::{Severity, Subject};
use crate::model::inventory::{ConfiguredNode, Difference, ForeignNode, Origin, WrongCluster};
use crate::model::member::{MAX_FOLLOWED, Presence};
use crate::model::name::NodeName;
use crate::model::router::Router;
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;
use crate::model::view::MemberView;

/// Names in one line at most.
const MAX_NAMED: usize = 6;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    match snapshot.wrong_cluster() {
        Some(WrongCluster::UrlsPointElsewhere) => urls_point_elsewhere(snapshot, drafts),
        Some(WrongCluster::AmbiguousNamespace(namespaces)) => {
            let names: Vec<&str> = namespaces.iter().map(Text::as_str).collect();
            let scope = snapshot.identity.scope.as_ref().map(ToString::to_string).unwrap_or_default();
            let title = format!(
                "etcd has the scope {scope} in several namespaces ({}): set the namespace in the configuration",
                names.join(" and ")
            );
            let mut draft = FindingDraft::new(Severity::Warning, "namespace-ambiguous", Subject::Cluster, title);
            if let Some(namespace) = &snapshot.identity.namespace {
                draft = draft.since_all(format!("using {namespace}, the default of Patroni"));
            }
            drafts.push(draft.advise("set namespace = \"...\" for the cluster, as in patroni.yml"));
        }
        None => left_out(snapshot, drafts),
    }
    // Telling whose a server is takes a look at every member: once for all of them.
    let routers: Vec<_> = snapshot.routers.iter().map(|router| (router, served_members(snapshot, router))).collect();
    for view in snapshot.views() {
        missing(&view, drafts);
        newcomer(snapshot, &view, &routers, drafts);
    }
    beyond_the_limit(snapshot, drafts);
}

/// `vega, scope nova, system identifier 7`.
fn describe(foreign: &ForeignNode) -> String {
    let mut words: Vec<String> = foreign.name.iter().map(ToString::to_string).collect();
    words.extend(foreign.scope.as_ref().map(|scope| format!("scope {scope}")));
    words.extend(foreign.system_id.map(|id| format!("system identifier {id}")));
    if words.is_empty() { "another cluster".to_owned() } else { words.join(", ") }
}

fn urls_point_elsewhere(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let identity = &snapshot.identity;
    let here = match (&identity.namespace, &identity.scope) {
        (Some(namespace), Some(scope)) => format!("{namespace}{scope}"),
        (_, Some(scope)) => scope.to_string(),
        (_, None) => identity.name.to_string(),
    };
    let has_dcs = snapshot.records.iter().any(|reading| reading.source.kind == SourceKind::Etcd);
    let title = if has_dcs {
        format!("the configured agents do not belong to the cluster that is in the DCS under {here}")
    } else {
        let scope = snapshot.identity.scope.as_ref().map_or_else(|| here.clone(), ToString::to_string);
        format!("the configured agents do not belong to cluster {scope}")
    };
    let mut draft = FindingDraft::new(Severity::Critical, "wrong-cluster", Subject::Cluster, title);
    if let Some(id) = snapshot.cluster_system_id() {
        draft = draft.because(&id, format!("{here}: system identifier {}", id.value));
    }
    let claimed: Vec<(&ConfiguredNode, &ForeignNode)> =
        snapshot.foreign_nodes().filter(|(place, _)| place.is_claimed()).collect();
    for (place, foreign) in claimed.iter().take(MAX_NAMED) {
        let source = Source::new(SourceKind::PatroniRest, place.label.as_str());
        draft = draft.evidence(format!("{}: {}", place.describe_address(), describe(foreign)), Some(source), None);
    }
    let found = snapshot.dcs.clusters.as_ref().and_then(|reading| reading.last());
    let meant = found.into_iter().flatten().find(|cluster| {
        let is_it = |(_, foreign): &(&ConfiguredNode, &ForeignNode)| {
            foreign.system_id.is_some() && foreign.system_id == cluster.system_id
        };
        claimed.iter().any(is_it)
    });
    drafts.push(draft.advise(match meant {
        Some(cluster) => format!(
            "etcd has {} with this system identifier: set namespace = \"{}\" and scope = \"{}\"",
            cluster.path(),
            cluster.namespace.as_str().trim_end_matches('/'),
            cluster.scope
        ),
        None if has_dcs => {
            "check scope, namespace, etcd endpoints and Patroni URLs: all must belong to the same cluster".to_owned()
        }
        None => "check scope and Patroni URLs: all must belong to the same cluster".to_owned(),
    }));
}

/// Single addresses of another cluster, while others speak for this one.
fn left_out(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for (place, foreign) in snapshot.foreign_nodes() {
        let is_server = place.origins.contains(&Origin::Router);
        // A map may hold more than this cluster needs.
        if !place.is_claimed() && !is_server {
            continue;
        }
        let at = place.describe_address();
        let title = match (foreign.differs, &foreign.scope, &snapshot.identity.scope) {
            (Difference::Scope, Some(scope), Some(own)) => {
                format!("{at} belongs to scope {scope}, the others to {own}: ignored")
            }
            _ => format!("{at} belongs to a different cluster: ignored"),
        };
        let source = Source::new(SourceKind::PatroniRest, place.label.as_str());
        let mut draft =
            FindingDraft::new(Severity::Warning, "foreign-address", Subject::Node(place.label.clone()), title)
                .evidence(
                    format!("{}, configured in {}", describe(foreign), place.describe_origins()),
                    Some(source),
                    None,
                );
        if let Some(id) = snapshot.cluster_system_id() {
            draft = draft.because(&id, format!("system identifier of this cluster: {}", id.value));
        }
        drafts.push(draft.advise(if is_server {
            "remove it from the router's backend: clients of this cluster must not reach another one"
        } else {
            "remove it from the configuration of this cluster, or configure it as a separate cluster"
        }));
    }
}

/// Not in the DCS, though it was there or the configuration names it.
fn missing(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let Presence::Missing { since } = view.member.presence else { return };
    // A place that has not spoken yet may be a member under another name.
    if view.is_waiting() && !view.answers() {
        return;
    }
    let name = view.name();
    let by = view.member.named_by.as_ref();
    // Who called a place by an address knows no name, and neither does a place that is silent.
    let is_nameless = !view.answers()
        && view.snapshot.configured_nodes.iter().any(|place| {
            place.label == *name
                && !place.origins.contains(&Origin::Nodes)
                && place.origins.contains(&Origin::PatroniUrls)
        });
    let title = match (view.answers(), is_nameless) {
        (true, _) => format!("{name} is up, but not in the DCS"),
        (false, true) => format!("{name} is unreachable: unknown which member it is"),
        (false, false) => format!("{name} is not in the DCS and is unreachable"),
    };
    let words = match (by, is_nameless) {
        (None, _) => "its member key disappeared from the DCS".to_owned(),
        (Some(by), true) => format!("it is configured ({by}), but no member is reachable there"),
        (Some(by), false) => format!("it is configured ({by}), but has no member key in the DCS"),
    };
    let mut draft = FindingDraft::new(Severity::Warning, "member-missing", Subject::Node(name.clone()), title)
        .evidence(words, None, Some(since));
    let (agent, sql) = (view.member.agent.as_ref(), view.member.sql.as_ref());
    if !view.answers() {
        // Its silence is no finding of its own.
        draft = node::with_trouble(node::with_trouble(draft, agent, view.snapshot), sql, view.snapshot);
    }
    let remedy = node::remedy(agent).or_else(|| node::remedy(sql)).filter(|_| is_nameless);
    let advice = if let Some(remedy) = remedy {
        remedy
    } else if by.is_some() {
        "check that its Patroni runs and reaches the DCS; if the node was removed intentionally, remove it from the configuration"
    } else {
        "check whether its Patroni is down; if the node was removed intentionally, forget the member (`dismiss`)"
    };
    drafts.push(draft.advise(advice));
}

/// What a member lacks that the others have: one that joined by itself is followed, and nobody may have prepared for it.
fn newcomer(
    snapshot: &Snapshot,
    view: &MemberView<'_>,
    routers: &[(&Router, Option<BTreeSet<&NodeName>>)],
    drafts: &mut Vec<FindingDraft>,
) {
    if view.member.presence != Presence::Present {
        return;
    }
    let name = view.name();
    let subject = || Subject::Node(name.clone());
    let others = || snapshot.members.iter().filter(|member| member.name != *name);
    let lacks = |served: &BTreeSet<&NodeName>| !served.is_empty() && !served.contains(name);
    for (router, _) in routers.iter().filter(|(_, served)| served.as_ref().is_some_and(lacks)) {
        let tags = view.tags().map(|tags| tags.value).unwrap_or_default();
        let never = tags.forbids_failover() && tags.noloadbalance;
        let severity = if never { Severity::Note } else { Severity::Warning };
        let title = format!(
            "{name} is not a server in any backend of {}: clients cannot reach it, not even as the leader",
            router.name
        );
        let mut draft = FindingDraft::new(severity, "no-router-server", subject(), title).part(router.name.text());
        if let Some(reading) = router.reading(snapshot.now) {
            draft = draft.evidence("none of its servers is this member", Some(reading.source.clone()), None);
        }
        drafts.push(draft.settling().advise(format!("add it to the backends of {} as server {name}", router.name)));
    }
    let has_exporter = others().any(|other| other.exporter.is_some());
    if has_exporter && view.member.exporter.is_none() {
        let title = format!("no exporter is configured for {name}; the other members have one");
        drafts.push(
            FindingDraft::new(Severity::Note, "no-exporter", subject(), title)
                .since_all("the member is in the DCS, but the configuration has no exporter for it")
                .advise(format!("set exporter under [clusters.NAME.nodes.{name}], and add it to the scrape targets")),
        );
    }
}

/// The members that a router knows by its servers; `None`: it may know any, since it has not said, or the member of a server
/// is not known.
fn served_members<'a>(snapshot: &'a Snapshot, router: &Router) -> Option<BTreeSet<&'a NodeName>> {
    let report = router.fresh_report(snapshot.now)?;
    let servers = snapshot.servers_of_own_pools(report);
    servers.into_iter().map(|(_, member)| member.map(|member| &member.name)).collect()
}

/// More members than are followed.
fn beyond_the_limit(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    if snapshot.members.len() < MAX_FOLLOWED {
        return;
    }
    let unfollowed = snapshot.from_record(|content| {
        let names: Vec<NodeName> = content
            .members
            .iter()
            .filter(|member| snapshot.member(&member.name).is_none())
            .map(|member| member.name.clone())
            .collect();
        (!names.is_empty()).then_some(names)
    });
    let Some(unfollowed) = unfollowed else { return };
    let count = unfollowed.value.len();
    let title = format!("{count} members in the DCS are not monitored: the limit is {MAX_FOLLOWED}");
    let mut draft = FindingDraft::new(Severity::Warning, "members-not-followed", Subject::Cluster, title)
        .because(&unfollowed, "member list");
    for name in unfollowed.value.iter().take(MAX_NAMED) {
        draft = draft.since_all(format!("{name} is not monitored"));
    }
    drafts.push(draft.advise("find out what writes so many member keys; remove those of nodes that no longer exist"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::router::ProxyKind;
    use crate::model::test_support::{healthy, member, now, rows, seconds};

    fn titles(snapshot: &Snapshot) -> Vec<String> {
        let mut drafts = Vec::new();
        examine(snapshot, &mut drafts);
        drafts.into_iter().map(|draft| format!("{}: {}", draft.finding.code, draft.finding.title)).collect()
    }

    #[test]
    fn nothing_is_reported_of_a_cluster_that_is_as_configured() {
        assert_eq!(titles(&healthy()), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_joined_by_itself_lacks_its_server_in_the_router() {
        let mut snapshot = healthy();
        rows(&mut snapshot, |rows| rows.retain(|row| row.server.as_str() != "pg-2"));
        let reported = titles(&snapshot);
        assert!(
            reported.len() == 1 && reported[0].starts_with("no-router-server: pg-2 is not a server in any backend"),
            "{reported:?}"
        );
        // A server whose member is not known may be this one.
        rows(&mut snapshot, |rows| {
            let mut unknown = rows.iter().find(|row| row.kind == ProxyKind::Server).expect("a server").clone();
            unknown.server = "db-7".into();
            unknown.address = None;
            unknown.reached = None;
            rows.push(unknown);
        });
        assert_eq!(titles(&snapshot), Vec::<String>::new());
    }

    #[test]
    fn a_missing_member_is_reported_by_whether_it_answers_and_by_who_names_it() {
        let mut snapshot = healthy();
        member(&mut snapshot, "pg-2").presence = Presence::Missing { since: now() - seconds(9) };
        assert_eq!(titles(&snapshot), ["member-missing: pg-2 is up, but not in the DCS"]);
        let pg_2 = member(&mut snapshot, "pg-2");
        (pg_2.agent, pg_2.sql) = (None, None);
        pg_2.named_by = Some("patroni.urls".into());
        assert_eq!(titles(&snapshot), ["member-missing: pg-2 is not in the DCS and is unreachable"]);
    }
}
