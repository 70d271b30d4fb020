//! Which of the configured places the members are: known by what their agents and servers say of themselves, and by
//! where they are reached. What matches no member gets a row of its own, and is asked like one; what belongs to another
//! cluster is kept apart. Pure: it tells the observer whom to follow and whom to drop.

use std::collections::BTreeSet;

use crate::driver::port::MemberAddress;
use crate::model::agent::Address;
use crate::model::inventory::{ConfiguredNode, Difference, ForeignNode, NodeMatch, Origin, most_common};
use crate::model::lsn::SystemId;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::router::{ProxyRow, Router};
use crate::model::snapshot::Snapshot;
use crate::model::source::AgentIdentity;
use crate::model::text::Text;

/// Rows that routers may add at most: a balancer of a hundred servers is not this cluster's.
const MAX_FROM_ROUTERS: usize = 16;

/// What the observer is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Follow this place under this name. The operator named the node itself, or whoever is there is to be found out.
    Follow { member_address: MemberAddress, is_named: bool },
    /// Drop the row: the place is a member that has a row already, or has another name.
    Drop(NodeName),
    /// The agent of the member was found at this URL, and is not reached where it advertises itself.
    Reach { member: NodeName, agent_url: Text },
}

/// A place, with what was found out.
#[derive(Clone, Debug)]
struct PlaceEntry {
    node: ConfiguredNode,
    /// The row that was made for it.
    row: Option<NodeName>,
    /// The member that it turned out to be.
    resolved: Option<NodeName>,
}

/// Everything that is configured.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    entries: Vec<PlaceEntry>,
    /// Rows of other clusters' nodes.
    hidden: BTreeSet<NodeName>,
}

impl Inventory {
    /// Takes what the configuration names; what was found out of a place stays with it.
    pub(super) fn set(&mut self, places: Vec<ConfiguredNode>) {
        let old = std::mem::take(&mut self.entries);
        let rows_of_routers = old.iter().filter(|entry| entry.node.origins == [Origin::Router]).cloned();
        let entry = |place: ConfiguredNode| {
            let before = old.iter().find(|entry| same_node(&entry.node, &place));
            let (row, resolved) = before.map_or((None, None), |entry| (entry.row.clone(), entry.resolved.clone()));
            PlaceEntry { node: place, row, resolved }
        };
        self.entries = places.into_iter().map(entry).collect();
        for entry in rows_of_routers {
            if !self.entries.iter().any(|known| same_node(&known.node, &entry.node)) {
                self.entries.push(entry);
            }
        }
    }

    /// Takes the servers of routers that no member is known by, where their pool is this cluster's.
    pub(super) fn receive_routers(&mut self, snapshot: &Snapshot) {
        let mut room = MAX_FROM_ROUTERS.saturating_sub(self.rows_of_routers());
        for router in &snapshot.routers {
            for place in unknown_servers(snapshot, router) {
                match self.entries.iter_mut().find(|entry| same_node(&entry.node, &place)) {
                    Some(entry) => enrich(&mut entry.node, place),
                    None if room > 0 => {
                        room -= 1;
                        self.entries.push(PlaceEntry { node: place, row: None, resolved: None });
                    }
                    None => {}
                }
            }
        }
    }

    fn rows_of_routers(&self) -> usize {
        self.entries.iter().filter(|entry| entry.node.origins == [Origin::Router]).count()
    }

    /// Whether the row was made for a place, and is no member of the DCS as far as is known.
    pub(super) fn is_row(&self, name: &NodeName) -> bool {
        self.entries.iter().any(|entry| entry.row.as_ref() == Some(name))
    }

    /// Whether the configuration names the node, so that it comes back when its row is dropped.
    pub(super) fn names(&self, name: &NodeName) -> bool {
        self.entries.iter().any(|entry| entry.row.as_ref() == Some(name) || entry.resolved.as_ref() == Some(name))
    }

    /// Places as far as they are found out, and the rows that belong to other clusters.
    pub(super) fn places(&self) -> (Vec<ConfiguredNode>, BTreeSet<NodeName>) {
        (self.entries.iter().map(|entry| entry.node.clone()).collect(), self.hidden.clone())
    }

    /// Whether the row is of another cluster's node.
    pub(super) fn is_foreign(&self, name: &NodeName) -> bool {
        self.hidden.contains(name)
    }

    /// What follows from the picture, which holds the rows of strangers too. Until `may_follow`, only nodes that the
    /// operator named are followed: the record usually tells all others. `prefers_configured`: what the operator typed is
    /// a better way to a member than what it advertises.
    pub(super) fn reconcile(&mut self, picture: &Snapshot, may_follow: bool, prefers_configured: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let expected = OwnIdentities::of(picture, &self.entries);
        // Names of rows as they will be once the steps are done.
        let mut rows: BTreeSet<NodeName> = picture.members.iter().map(|member| member.name.clone()).collect();
        let own_rows: BTreeSet<NodeName> = self.entries.iter().filter_map(|entry| entry.row.clone()).collect();
        let on_record = |name: &NodeName| {
            picture.record().and_then(|record| record.last()).is_some_and(|content| content.member(name).is_some())
        };
        for entry in &mut self.entries {
            let place = &mut entry.node;
            let row = entry.row.as_ref().and_then(|row| picture.member(row));
            // An agent that came back registers its node, and the row is the member's from then on.
            if let Some(name) = entry.row.take_if(|row| on_record(row)) {
                self.hidden.remove(&name);
                entry.resolved = Some(name);
            }
            let agent_identity = row.and_then(agent_identity);
            if let Some(foreign) = agent_identity.as_ref().and_then(|agent_identity| expected.foreign(agent_identity)) {
                if let Some(row) = &entry.row {
                    self.hidden.insert(row.clone());
                }
                place.node_match = NodeMatch::Foreign(foreign);
                continue;
            }
            // Its first word stays: behind a balancer the next answer may be another member's.
            let reported =
                entry.resolved.clone().or_else(|| agent_identity.and_then(|agent_identity| agent_identity.name));
            let known = picture.members.iter().find(|member| {
                entry.row.as_ref() != Some(&member.name)
                    && !(own_rows.contains(&member.name) && reported.as_ref() != Some(&member.name))
                    && is_this(member, place, reported.as_ref(), row)
            });
            if let Some(member) = known {
                if let Some(row) = entry.row.take() {
                    self.hidden.remove(&row);
                    rows.remove(&row);
                    steps.push(Step::Drop(row));
                }
                if reported.as_ref() == Some(&member.name)
                    && let Some(agent_url) = place.agent_url.clone()
                    && member.agent_url.as_ref().is_none_or(|url| !same_url(url, &agent_url))
                    && (prefers_configured || is_unreachable(member))
                {
                    steps.push(Step::Reach { member: member.name.clone(), agent_url });
                }
                // A member in whose place another agent answers stands for no place; one that is named by the
                // configuration alone is none of this cluster's.
                let is_member = on_record(&member.name);
                let word = if is_member { foreign_answer(member) } else { self::agent_identity(member) };
                place.node_match =
                    if let Some(foreign) = word.and_then(|agent_identity| expected.foreign(&agent_identity)) {
                        if !is_member {
                            self.hidden.insert(member.name.clone());
                        }
                        NodeMatch::Foreign(foreign)
                    } else {
                        self.hidden.remove(&member.name);
                        NodeMatch::Member(member.name.clone())
                    };
                entry.resolved = Some(member.name.clone());
                continue;
            }
            let is_named = place.origins.contains(&Origin::Nodes);
            entry.resolved = entry.resolved.take().or_else(|| reported.clone());
            let name = reported.filter(|_| !is_named).unwrap_or_else(|| place.label.clone());
            match &entry.row {
                Some(row) if *row == name || (row.as_str() == place.describe_address() && rows.contains(&name)) => {}
                Some(_) | None if !(may_follow || is_named) => continue,
                present => {
                    if let Some(row) = present {
                        self.hidden.remove(row);
                        rows.remove(row);
                        steps.push(Step::Drop(row.clone()));
                    }
                    // A name that another node has is nobody else's.
                    let name = if rows.contains(&name) { NodeName::new(place.describe_address()) } else { name };
                    if !rows.insert(name.clone()) {
                        continue;
                    }
                    let member_address = MemberAddress {
                        name: name.clone(),
                        agent_url: place.agent_url.clone(),
                        postgres: place.postgres.clone(),
                        exporter_url: None,
                    };
                    steps.push(Step::Follow { member_address, is_named });
                    entry.row = Some(name);
                }
            }
            if let Some(row) = &entry.row {
                self.hidden.remove(row);
                place.node_match = NodeMatch::Member(row.clone());
            }
        }
        steps
    }
}

/// What the agents and servers of this cluster say of themselves.
struct OwnIdentities {
    scope: Option<Text>,
    system_id: Option<SystemId>,
}

impl OwnIdentities {
    fn of(picture: &Snapshot, entries: &[PlaceEntry]) -> Self {
        let scope = picture.identity.scope.clone();
        // Without a record whoever claims to lead may be another cluster's.
        let by_record = picture.record().and_then(|_| picture.cluster_system_id()).map(|id| id.value);
        // Without a record, most of the places say which cluster is meant, else the first in the order of the configuration.
        let first = || {
            let rows =
                entries.iter().filter_map(|entry| picture.member(entry.row.as_ref().or(entry.resolved.as_ref())?));
            let words: Vec<AgentIdentity> = rows.filter_map(agent_identity).collect();
            let most = most_common(words.iter().filter_map(|word| word.scope.as_ref())).cloned();
            let mut of_most =
                words.into_iter().filter(|word| most.is_none() || word.scope.is_none() || word.scope == most);
            of_most.find(|agent_identity| agent_identity.system_id.is_some())
        };
        if scope.is_some() && by_record.is_some() {
            return Self { scope, system_id: by_record };
        }
        let first = first();
        let of_first = |pick: fn(&AgentIdentity) -> Option<SystemId>| first.as_ref().and_then(pick);
        Self {
            system_id: by_record.or_else(|| {
                let same = first
                    .as_ref()
                    .is_some_and(|first| scope.is_none() || same_scope(scope.as_ref(), first.scope.as_ref()));
                of_first(|first| first.system_id).filter(|_| same)
            }),
            scope: scope.or_else(|| first.as_ref().and_then(|first| first.scope.clone())),
        }
    }

    /// Who answers, where that is a node of another cluster.
    fn foreign(&self, agent_identity: &AgentIdentity) -> Option<ForeignNode> {
        let differs =
            if agent_identity.scope.is_some() && !same_scope(self.scope.as_ref(), agent_identity.scope.as_ref()) {
                Difference::Scope
            } else if agent_identity.system_id.zip(self.system_id).is_some_and(|(own, ours)| own != ours) {
                Difference::SystemId
            } else {
                return None;
            };
        let AgentIdentity { name, scope, system_id } = agent_identity.clone();
        Some(ForeignNode { name, scope, system_id, differs })
    }
}

/// Whether an agent's scope is the one that is followed. Agents of a Citus cluster leave out the group.
fn same_scope(followed: Option<&Text>, own: Option<&Text>) -> bool {
    let (Some(followed), Some(own)) = (followed, own) else { return true };
    followed == own || crate::model::record::without_group(followed.as_str()) == own.as_str()
}

/// Who answers at a row, by the newest word of its agent, else of its server.
fn agent_identity(row: &Member) -> Option<AgentIdentity> {
    if let Some(agent) = &row.agent {
        if let Some(failure) = &agent.failure {
            if let Some(foreign) = &failure.error.foreign {
                return Some((**foreign).clone());
            }
        } else if let Some(report) = agent.last() {
            let (name, scope, system_id) = (report.name.clone(), report.scope.clone(), report.system_id);
            return Some(AgentIdentity { name, scope, system_id });
        }
    }
    let sql = row.sql.as_ref().filter(|sql| sql.failure.is_none())?;
    let system_id = sql.last()?.system_id;
    Some(AgentIdentity { name: None, scope: None, system_id })
}

/// Who answers in the place of a member that is on record; `None`: the member itself, or nobody.
fn foreign_answer(member: &Member) -> Option<AgentIdentity> {
    let failure = member.agent.as_ref()?.failure.as_ref()?;
    failure.error.foreign.as_deref().cloned()
}

/// Whether `place` is `member`: by the name that was told, by the operator's word, by where both are reached, or since both
/// lead to one server.
fn is_this(member: &Member, place: &ConfiguredNode, reported: Option<&NodeName>, row: Option<&Member>) -> bool {
    if let Some(reported) = reported {
        return member.name == *reported;
    }
    if place.origins.contains(&Origin::Nodes) {
        return member.name == place.label;
    }
    let by_url = member.agent_url.as_ref().zip(place.agent_url.as_ref()).is_some_and(|(a, b)| same_url(a, b));
    let by_address = member.postgres_address.is_some() && member.postgres_address == place.postgres;
    by_url || by_address || row.is_some_and(|row| is_one_server(row, member))
}

/// Two servers cannot have started in the same microsecond; agents and servers tell that moment.
fn is_one_server(row: &Member, member: &Member) -> bool {
    let by_sql = |member: &Member| {
        let report = member.sql.as_ref()?.last()?;
        Some((report.postmaster_started, report.system_id?))
    };
    let by_agent = |member: &Member| {
        let report = member.agent.as_ref()?.last()?;
        Some((report.postmaster_started?, report.system_id?))
    };
    let same = |own: Option<_>, other: Option<_>| own.is_some() && own == other;
    same(by_sql(row), by_sql(member)) || same(by_agent(row), by_agent(member))
}

fn is_unreachable(member: &Member) -> bool {
    let failed = member.agent.as_ref().and_then(|agent| agent.failure.as_ref());
    member.agent.is_none() || failed.is_some_and(|failure| !failure.error.failure_kind.is_an_answer())
}

fn same_url(a: &Text, b: &Text) -> bool {
    let bare = |url: &Text| url.as_str().trim_end_matches('/').to_ascii_lowercase();
    bare(a) == bare(b)
}

/// Whether two places are one node, as far as the configuration tells.
fn same_node(a: &ConfiguredNode, b: &ConfiguredNode) -> bool {
    a.label.as_str().eq_ignore_ascii_case(b.label.as_str())
        || a.agent_url.is_some() && a.agent_url == b.agent_url
        || a.postgres.is_some() && a.postgres == b.postgres
}

/// What a router's server adds to a place: its address, and its name where the place has none of its own.
fn enrich(place: &mut ConfiguredNode, server: ConfiguredNode) {
    if !place.origins.contains(&Origin::Router) {
        place.origins.push(Origin::Router);
    }
    place.postgres = place.postgres.take().or(server.postgres);
    if place.label.as_str() == place.describe_address() || place.label.as_str().parse::<std::net::IpAddr>().is_ok() {
        place.label = server.label;
    }
}

/// Servers without a member, in pools of `router` that have members among their servers.
fn unknown_servers(snapshot: &Snapshot, router: &Router) -> Vec<ConfiguredNode> {
    let Some(report) = router.reading(snapshot.now).and_then(|reading| reading.last()) else { return Vec::new() };
    let servers = snapshot.servers_of_own_pools(report);
    let strange = servers.into_iter().filter(|(_, member)| member.is_none());
    strange
        .filter_map(|(row, _)| {
            Some(ConfiguredNode::new(NodeName::new(row.server.as_str()), Origin::Router, None, Some(address(row)?)))
        })
        .collect()
}

/// Where the server's PostgreSQL is reached; `None`: the router does not tell, or has not resolved it.
fn address(row: &ProxyRow) -> Option<Address> {
    let written = row.reached.as_ref().or(row.address.as_ref())?.as_str();
    let (host, port) = written.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty() && host != "0.0.0.0" && host != "::").then(|| Address { host: Text::new(host), port })
}
