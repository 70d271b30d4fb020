//! What the configuration names, whether or not the DCS knows it: agents' URLs, nodes, the address map, routers' servers.
//!
//! A node that the DCS has forgotten is the one that may still take writes, so what is configured is never taken from the
//! DCS alone. What turns out to belong to another cluster is kept apart from the members, and said so.

use serde::Serialize;

use super::agent::Address;
use super::lsn::SystemId;
use super::member::Presence;
use super::name::NodeName;
use super::observed::Observed;
use super::snapshot::Snapshot;
use super::source::SourceKind;
use super::text::Text;

/// Where the configuration names a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `nodes.NAME`: the operator named the node.
    Nodes,
    /// `patroni.urls`.
    PatroniUrls,
    /// `address_map`: an advertised address that is reached elsewhere.
    AddressMap,
    /// A server of a router, in a pool with members of this cluster.
    Router,
}

impl Origin {
    /// The word for it: the key of the configuration, where there is one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::PatroniUrls => "patroni.urls",
            Self::AddressMap => "address_map",
            Self::Router => "router servers",
        }
    }
}

/// One node that the configuration names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConfiguredNode {
    /// What to call it until it says its name: as configured, else by its host or its address.
    pub label: NodeName,
    /// Where it is named, each once and in order.
    pub origins: Vec<Origin>,
    /// Base URL of its agent; `None`: not known.
    pub agent_url: Option<Text>,
    /// Its PostgreSQL; `None`: not known.
    pub postgres: Option<Address>,
    /// Which node it is.
    #[serde(rename = "standing")]
    pub node_match: NodeMatch,
}

/// Which node a place turned out to be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeMatch {
    /// Nobody knows yet.
    #[default]
    Unknown,
    /// This member, be it in the DCS or missing from it.
    Member(NodeName),
    /// A node of another cluster.
    #[serde(rename = "stranger")]
    Foreign(ForeignNode),
}

/// A node of another cluster, by its own agent's word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ForeignNode {
    /// Its name; `None`: its agent does not tell.
    pub name: Option<NodeName>,
    /// Its scope; `None`: its agent does not tell.
    pub scope: Option<Text>,
    /// Its system identifier; `None`: its agent does not tell.
    pub system_id: Option<SystemId>,
    /// What it differs in.
    pub differs: Difference,
}

/// By what a node is known to be another cluster's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Another scope.
    Scope,
    /// The same scope or none, and another system identifier: another namespace, or another group of a Citus cluster.
    SystemId,
}

impl ConfiguredNode {
    /// A place called `label` that nobody has been asked about.
    pub fn new(label: NodeName, origin: Origin, agent_url: Option<Text>, postgres: Option<Address>) -> Self {
        Self { label, origins: vec![origin], agent_url, postgres, node_match: NodeMatch::Unknown }
    }

    /// Whether the operator named this very node, by name or by URL: then it is expected to be of this cluster.
    pub fn is_claimed(&self) -> bool {
        self.origins.iter().any(|origin| matches!(origin, Origin::Nodes | Origin::PatroniUrls))
    }

    /// Where it is reached, in one word.
    pub fn describe_address(&self) -> String {
        match (&self.agent_url, &self.postgres) {
            (Some(url), _) => url.to_string(),
            (None, Some(address)) => address.to_string(),
            (None, None) => self.label.to_string(),
        }
    }

    /// `patroni.urls, address_map`.
    pub fn describe_origins(&self) -> String {
        self.origins.iter().map(|origin| origin.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A cluster that the store of this cluster has on record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FoundCluster {
    /// Namespace, with a slash at both ends.
    pub namespace: Text,
    /// Scope; of a Citus cluster with the group: `shop/0`.
    pub scope: Text,
    /// System identifier in its initialize key; `None`: absent, or it cannot be read.
    pub system_id: Option<SystemId>,
}

impl FoundCluster {
    /// `/service/pg-ha`.
    pub fn path(&self) -> String {
        format!("{}{}", self.namespace, self.scope)
    }
}

/// What most of several tell, in order; of what is as frequent, what came first.
pub fn most_common<'a, T: PartialEq + 'a>(reported: impl Iterator<Item = &'a T>) -> Option<&'a T> {
    let mut counts: Vec<(&T, usize)> = Vec::new();
    for one in reported {
        match counts.iter_mut().find(|(known, _)| *known == one) {
            Some((_, count)) => *count += 1,
            None => counts.push((one, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(one, _)| one)
}

/// What speaks against the cluster that is followed being the one that is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WrongCluster {
    /// The URLs that are configured lead to another cluster than the one that the DCS has here.
    UrlsPointElsewhere,
    /// No namespace is configured, several hold the scope, and no agent says which is meant.
    AmbiguousNamespace(Vec<Text>),
}

impl Snapshot {
    /// System identifier of the cluster that is followed: the record's, else the leader's own.
    pub fn cluster_system_id(&self) -> Option<Observed<SystemId>> {
        self.from_record(|content| content.system_id).or_else(|| {
            let leader = self.leader()?;
            self.view(self.member(&leader.value)?).system_id()
        })
    }

    /// Configured places that lead to another cluster.
    pub fn foreign_nodes(&self) -> impl Iterator<Item = (&ConfiguredNode, &ForeignNode)> {
        self.configured_nodes.iter().filter_map(|place| match &place.node_match {
            NodeMatch::Foreign(foreign) => Some((place, foreign)),
            NodeMatch::Unknown | NodeMatch::Member(_) => None,
        })
    }

    /// What the agent at a place that the operator named says of the cluster that is followed: that it is its own, or not;
    /// `None`: it says nothing of it.
    fn speaks_for_it(&self, place: &ConfiguredNode, cluster: Option<SystemId>) -> Option<bool> {
        let name = match &place.node_match {
            NodeMatch::Unknown => return None,
            NodeMatch::Foreign(_) => return Some(false),
            NodeMatch::Member(name) => name,
        };
        let member = self.member(name)?;
        let report = member.agent.as_ref()?.fresh(self.now)?;
        Some(match (cluster, report.system_id) {
            (Some(cluster), Some(own)) => cluster == own,
            // Without an identifier to compare, the names in the DCS tell.
            (None, _) | (_, None) => !matches!(member.presence, Presence::Missing { .. }),
        })
    }

    /// Whether something speaks against the cluster that is followed being the one that is meant.
    pub fn wrong_cluster(&self) -> Option<WrongCluster> {
        // Without a DCS of its own the record is the word of one of these agents.
        if self
            .record()
            .is_some_and(|reading| reading.source.kind == SourceKind::PatroniCluster && reading.last().is_some())
        {
            return None;
        }
        let cluster = self.cluster_system_id().map(|id| id.value);
        let claimed = self.configured_nodes.iter().filter(|place| place.is_claimed());
        let words: Vec<bool> = claimed.filter_map(|place| self.speaks_for_it(place, cluster)).collect();
        if words.contains(&true) {
            return None;
        }
        if !words.is_empty() {
            return Some(WrongCluster::UrlsPointElsewhere);
        }
        let scope = self.identity.scope.as_ref().filter(|_| self.dcs.namespace_is_assumed)?;
        let found = self.dcs.clusters.as_ref().and_then(|reading| reading.last())?;
        let places: Vec<Text> =
            found.iter().filter(|cluster| cluster.scope == *scope).map(|cluster| cluster.namespace.clone()).collect();
        (places.len() > 1).then_some(WrongCluster::AmbiguousNamespace(places))
    }
}
