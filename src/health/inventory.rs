//! What is configured against what the DCS has: nodes that it does not know, addresses of another cluster, and what a member
//! lacks that the others have.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::node;
use crate::model::finding::{Severity, Subject};
use crate::model::inventory::{Difference, Origin, Place, Stranger, WrongCluster};
use crate::model::member::{MOST_FOLLOWED, Presence};
use crate::model::name::NodeName;
use crate::model::router::{ProxyKind, Router};
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;
use crate::model::view::MemberView;

/// Names in one line at most.
const MOST_NAMED: usize = 6;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    match snapshot.wrong_cluster() {
        Some(WrongCluster::UrlsLeadElsewhere) => urls_lead_elsewhere(snapshot, drafts),
        Some(WrongCluster::AmbiguousNamespace(namespaces)) => {
            let names: Vec<&str> = namespaces.iter().map(Text::as_str).collect();
            let scope = snapshot.identity.scope.as_ref().map(ToString::to_string).unwrap_or_default();
            let title = format!("etcd has {scope} under {}: which is meant is not configured", names.join(" and "));
            let mut draft = Draft::new(Severity::Warning, "namespace-ambiguous", Subject::Cluster, title);
            if let Some(namespace) = &snapshot.identity.namespace {
                draft = draft.since_all(format!("{namespace} is followed, as Patroni's default"));
            }
            drafts.push(draft.advise("write namespace = \"...\" of the cluster that is meant, as in patroni.yml"));
        }
        None => left_out(snapshot, drafts),
    }
    for view in snapshot.views() {
        missing(&view, drafts);
        newcomer(snapshot, &view, drafts);
    }
    beyond_the_limit(snapshot, drafts);
}

/// `vega, scope nova, system identifier 7`.
fn words(stranger: &Stranger) -> String {
    let mut words: Vec<String> = stranger.name.iter().map(ToString::to_string).collect();
    words.extend(stranger.scope.as_ref().map(|scope| format!("scope {scope}")));
    words.extend(stranger.system_id.map(|id| format!("system identifier {id}")));
    if words.is_empty() { "another cluster".to_owned() } else { words.join(", ") }
}

fn urls_lead_elsewhere(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    let identity = &snapshot.identity;
    let here = match (&identity.namespace, &identity.scope) {
        (Some(namespace), Some(scope)) => format!("{namespace}{scope}"),
        (_, Some(scope)) => scope.to_string(),
        (_, None) => identity.name.to_string(),
    };
    let has_dcs = snapshot.records.iter().any(|reading| reading.source.kind == SourceKind::Etcd);
    let title = if has_dcs {
        format!("the configured agents are not of the cluster that the DCS has under {here}")
    } else {
        let scope = snapshot.identity.scope.as_ref().map_or_else(|| here.clone(), ToString::to_string);
        format!("the configured agents are of another cluster than {scope}")
    };
    let mut draft = Draft::new(Severity::Critical, "wrong-cluster", Subject::Cluster, title);
    if let Some(id) = snapshot.cluster_system_id() {
        draft = draft.because(&id, format!("{here}: system identifier {}", id.value));
    }
    let claimed: Vec<(&Place, &Stranger)> = snapshot.strangers().filter(|(place, _)| place.is_claimed()).collect();
    for (place, stranger) in claimed.iter().take(MOST_NAMED) {
        let source = Source::new(SourceKind::PatroniRest, place.label.as_str());
        draft = draft.evidence(format!("{}: {}", place.at(), words(stranger)), Some(source), None);
    }
    let found = snapshot.dcs.clusters.as_ref().and_then(|reading| reading.last());
    let meant = found.into_iter().flatten().find(|cluster| {
        let is_it = |(_, stranger): &(&Place, &Stranger)| {
            stranger.system_id.is_some() && stranger.system_id == cluster.system_id
        };
        claimed.iter().any(is_it)
    });
    drafts.push(draft.advise(match meant {
        Some(cluster) => format!(
            "etcd has {} with this identifier: write namespace = \"{}\" and scope = \"{}\"",
            cluster.path(),
            cluster.namespace.as_str().trim_end_matches('/'),
            cluster.scope
        ),
        None if has_dcs => {
            "check scope, namespace, etcd endpoints and agents' URLs: they must speak of one cluster".to_owned()
        }
        None => "check scope and agents' URLs: they must speak of one cluster".to_owned(),
    }));
}

/// Single addresses of another cluster, while others speak for this one.
fn left_out(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    for (place, stranger) in snapshot.strangers() {
        let is_server = place.origins.contains(&Origin::Router);
        // A map may hold more than this cluster needs.
        if !place.is_claimed() && !is_server {
            continue;
        }
        let at = place.at();
        let title = match (stranger.differs, &stranger.scope, &snapshot.identity.scope) {
            (Difference::Scope, Some(scope), Some(own)) => {
                format!("{at} belongs to scope {scope}, the others to {own}: left out")
            }
            _ => format!("{at} belongs to another cluster than the others: left out"),
        };
        let source = Source::new(SourceKind::PatroniRest, place.label.as_str());
        let mut draft = Draft::new(Severity::Warning, "foreign-address", Subject::Node(place.label.clone()), title)
            .evidence(format!("{}, named by {}", words(stranger), place.named_by()), Some(source), None);
        if let Some(id) = snapshot.cluster_system_id() {
            draft = draft.because(&id, format!("this cluster's system identifier is {}", id.value));
        }
        drafts.push(draft.advise(if is_server {
            "take it out of the router's pool: clients of this cluster must not reach another one"
        } else {
            "take it out of this cluster's configuration, or make a cluster of its own of it"
        }));
    }
}

/// Not in the DCS, though it was there or the configuration names it.
fn missing(view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    let Presence::Missing { since } = view.member.presence else { return };
    // A place that has not spoken yet may be a member under another name.
    if view.is_waiting() && !view.answers() {
        return;
    }
    let name = view.name();
    let by = view.member.named_by.as_ref();
    // Who called a place by an address knows no name, and neither does a place that is silent.
    let is_nameless = !view.answers()
        && view.snapshot.places.iter().any(|place| {
            place.label == *name
                && !place.origins.contains(&Origin::Nodes)
                && place.origins.contains(&Origin::PatroniUrls)
        });
    let title = match (view.answers(), is_nameless) {
        (true, _) => format!("{name} answers, and is not in the DCS"),
        (false, true) => format!("{name} does not answer: which member it is, if any, is not known"),
        (false, false) => format!("{name} is not in the DCS, and does not answer"),
    };
    let words = match (by, is_nameless) {
        (None, _) => "its member key vanished".to_owned(),
        (Some(by), true) => format!("it is configured ({by}), and no member is reached there"),
        (Some(by), false) => format!("it is configured ({by}), and has no member key"),
    };
    let mut draft = Draft::new(Severity::Warning, "member-missing", Subject::Node(name.clone()), title).evidence(
        words,
        None,
        Some(since),
    );
    let (agent, sql) = (view.member.agent.as_ref(), view.member.sql.as_ref());
    if !view.answers() {
        // Its silence is no finding of its own.
        draft = node::with_trouble(node::with_trouble(draft, agent, view.snapshot), sql, view.snapshot);
    }
    let remedy = node::remedy(agent).or_else(|| node::remedy(sql)).filter(|_| is_nameless);
    let advice = if let Some(remedy) = remedy {
        remedy
    } else if by.is_some() {
        "find out whether its Patroni runs and reaches the DCS; if the node was removed on purpose, take it out of the configuration"
    } else {
        "find out whether its Patroni is down; if the node was removed on purpose, dismiss it"
    };
    drafts.push(draft.advise(advice));
}

/// What a member lacks that the others have: one that joined by itself is followed, and nobody may have prepared for it.
fn newcomer(snapshot: &Snapshot, view: &MemberView<'_>, drafts: &mut Vec<Draft>) {
    if view.member.presence != Presence::Present {
        return;
    }
    let name = view.name();
    let subject = || Subject::Node(name.clone());
    let others = || snapshot.members.iter().filter(|member| member.name != *name);
    for router in snapshot.routers.iter().filter(|router| lacks_server(snapshot, router, name)) {
        let tags = view.tags().map(|tags| tags.value).unwrap_or_default();
        let never = tags.forbids_failover() && tags.noloadbalance;
        let severity = if never { Severity::Note } else { Severity::Warning };
        let title =
            format!("{name} is a server of no pool of {}: clients do not reach it, also once it leads", router.name);
        let mut draft = Draft::new(severity, "no-router-server", subject(), title).part(router.name.text());
        if let Some(reading) = router.reading(snapshot.now) {
            draft = draft.evidence("none of its servers is this member", Some(reading.source.clone()), None);
        }
        drafts.push(draft.settling().advise(format!("add it to the pools of {}, by the name {name}", router.name)));
    }
    let has_exporter = others().any(|other| other.exporter.is_some());
    if has_exporter && view.member.exporter.is_none() {
        let title = format!("no exporter of {name} is configured; the others have one");
        drafts.push(
            Draft::new(Severity::Note, "no-exporter", subject(), title)
                .since_all("the DCS has the member, the configuration names no exporter of it")
                .advise(format!("set exporter under [clusters.NAME.nodes.{name}], and have it scraped")),
        );
    }
}

/// Whether the router knows the other members by its servers, and not this one.
fn lacks_server(snapshot: &Snapshot, router: &Router, name: &NodeName) -> bool {
    let Some(report) = router.reading(snapshot.now).and_then(|reading| reading.fresh(snapshot.now)) else {
        return false;
    };
    let servers = || report.rows.iter().filter(|row| row.kind == ProxyKind::Server);
    let ours: BTreeSet<&Text> =
        servers().filter(|row| snapshot.member_of(row).is_some()).map(|row| &row.proxy).collect();
    // Where the member of a server is not known, that may be this one.
    let of_ours: Option<BTreeSet<&NodeName>> = servers()
        .filter(|row| ours.contains(&row.proxy))
        .map(|row| snapshot.member_of(row).map(|member| &member.name))
        .collect();
    of_ours.is_some_and(|served| !served.is_empty() && !served.contains(name))
}

/// More members than are followed.
fn beyond_the_limit(snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
    if snapshot.members.len() < MOST_FOLLOWED {
        return;
    }
    let unfollowed = snapshot.recorded(|content| {
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
    let title = format!("{count} members in the DCS are not followed: {MOST_FOLLOWED} are at most");
    let mut draft = Draft::new(Severity::Warning, "members-not-followed", Subject::Cluster, title)
        .because(&unfollowed, "member list");
    for name in unfollowed.value.iter().take(MOST_NAMED) {
        draft = draft.since_all(format!("{name} is not asked"));
    }
    drafts.push(draft.advise("find out who writes so many member keys; remove those of nodes that are gone"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_support::{healthy, member, now, rows, seconds};

    fn titles(snapshot: &Snapshot) -> Vec<String> {
        let mut drafts = Vec::new();
        examine(snapshot, &mut drafts);
        drafts.into_iter().map(|draft| format!("{}: {}", draft.finding.code, draft.finding.title)).collect()
    }

    #[test]
    fn nothing_is_said_of_a_cluster_that_is_as_configured() {
        assert_eq!(titles(&healthy()), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_joined_by_itself_lacks_its_server_in_the_router() {
        let mut snapshot = healthy();
        rows(&mut snapshot, |rows| rows.retain(|row| row.server.as_str() != "pg-2"));
        let told = titles(&snapshot);
        assert!(told.len() == 1 && told[0].starts_with("no-router-server: pg-2 is a server of no pool"), "{told:?}");
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
    fn a_missing_member_is_told_by_whether_it_answers_and_by_who_names_it() {
        let mut snapshot = healthy();
        member(&mut snapshot, "pg-2").presence = Presence::Missing { since: now() - seconds(9) };
        assert_eq!(titles(&snapshot), ["member-missing: pg-2 answers, and is not in the DCS"]);
        let pg_2 = member(&mut snapshot, "pg-2");
        (pg_2.agent, pg_2.sql) = (None, None);
        pg_2.named_by = Some("patroni.urls".into());
        assert_eq!(titles(&snapshot), ["member-missing: pg-2 is not in the DCS, and does not answer"]);
    }
}
