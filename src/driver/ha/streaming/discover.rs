//! Discovery from the PostgreSQL nodes that are named: the standbys that each serves and the node that each follows are
//! asked in their turn, and so on. Who does not answer from here is told with the reason.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::config::audience::Audience;
use crate::config::discovered::{Discovered, DiscoveredMember};
use crate::model::lsn::SystemId;
use crate::model::postgres::{Downstream, SqlReport};

/// No cluster that people run by hand has more nodes; beyond it nobody is asked.
const MAX_NODES: usize = 32;
/// Where PostgreSQL listens unless it is told otherwise.
const PORT: u16 = 5432;
/// Names that a receiver gives itself where nobody named it.
const DEFAULT_APPLICATION_NAMES: [&str; 2] = ["", "walreceiver"];
/// Consumers of WAL that are no nodes.
const TOOLS: [&str; 4] = ["pg_receivewal", "pg_basebackup", "barman_receive_wal", "pg_rewind"];

/// What a node is asked by: host, port and how its address came to be known. The error is one line.
pub trait AskNode {
    /// One question, one answer.
    fn ask(&self, host: &str, port: u16, audience: Audience) -> impl Future<Output = Result<SqlReport, String>>;
}

/// An address to be tried.
struct Lead {
    host: String,
    /// Where it may listen, the likeliest first.
    ports: Vec<u16>,
    origin: AddressOrigin,
}

/// How an address came to be known.
enum AddressOrigin {
    /// It was named.
    Named,
    /// The node at this place serves a standby there, which calls itself so.
    ServedBy(usize, String),
    /// The node at this place follows the one there.
    UpstreamOf(usize),
}

/// A node that answered.
struct DiscoveredNode {
    host: String,
    port: u16,
    sql: SqlReport,
    /// How the node that serves it calls it.
    application: Option<String>,
}

/// One server process, whatever its address: no two begin in the same microsecond with the same data.
type Identity = (Option<SystemId>, Timestamp);

impl DiscoveredNode {
    fn identity(&self) -> Identity {
        (self.sql.system_id, self.sql.postmaster_started)
    }
}

/// What was found so far.
#[derive(Default)]
struct Search {
    known: Vec<DiscoveredNode>,
    missed: Vec<DiscoveredMember>,
    leads: VecDeque<Lead>,
    found: Discovered,
}

/// Asks `named`, and whoever is learnt of from there.
///
/// # Errors
/// When none of those that are named answers: why, one after the other.
pub async fn discover(named: &[(String, u16)], asker: &impl AskNode) -> Result<Discovered, String> {
    let mut search = Search::default();
    let leads =
        named.iter().map(|(host, port)| Lead { host: host.clone(), ports: vec![*port], origin: AddressOrigin::Named });
    search.leads.extend(leads);
    while let Some(lead) = search.leads.pop_front() {
        if search.known.len() >= MAX_NODES {
            search.found.notes.push(format!("more than {MAX_NODES} nodes were found; the others are ignored"));
            break;
        }
        search.try_lead(lead, asker).await;
    }
    if search.known.is_empty() {
        let each = search.missed.iter().map(|missed| missed.remarks.join(" "));
        return Err(each.collect::<Vec<_>>().join("; "));
    }
    Ok(search.finish())
}

impl Search {
    async fn try_lead(&mut self, lead: Lead, asker: &impl AskNode) {
        let audience = if matches!(lead.origin, AddressOrigin::Named) { Audience::Named } else { Audience::Learnt };
        let mut reasons: Vec<String> = Vec::new();
        for port in lead.ports.iter().copied() {
            let report = match asker.ask(&lead.host, port, audience.clone()).await {
                Ok(report) => report,
                Err(why) => {
                    reasons.push(why);
                    continue;
                }
            };
            match self.take(&lead, port, report) {
                Ok(()) => return,
                Err(why) => reasons.push(why),
            }
        }
        self.miss(&lead, &reasons);
    }

    /// Takes the node that answered to `lead`; why it is not the one that was looked for.
    fn take(&mut self, lead: &Lead, port: u16, report: SqlReport) -> Result<(), String> {
        let place = || format!("{}:{port}", bracketed(&lead.host));
        let first = self.known.first().and_then(|known| known.sql.system_id);
        if first.zip(report.system_id).is_some_and(|(first, own)| first != own) {
            return Err(format!("{}: this is a node of another cluster", place()));
        }
        let same =
            self.known.iter().position(|known| known.identity() == (report.system_id, report.postmaster_started));
        if let AddressOrigin::ServedBy(by, application) = &lead.origin {
            if same == Some(*by) || !report.in_recovery {
                return Err(format!("{}: this is another node", place()));
            }
            if let Some(known) = same.and_then(|same| self.known.get_mut(same)) {
                known.application.get_or_insert_with(|| application.clone());
            }
        }
        if matches!(lead.origin, AddressOrigin::UpstreamOf(of) if same == Some(of)) {
            return Err(format!("{}: this is the standby itself", place()));
        }
        if same.is_some() {
            return Ok(());
        }
        self.follow(lead, &report);
        let own = report.address.as_ref().map(ToString::to_string);
        let reached = place();
        if let Some(own) = own.filter(|own| *own != reached && !own.starts_with("127.") && !own.starts_with("[::1]")) {
            self.found.address_map.insert(own, reached);
        }
        let application = match &lead.origin {
            AddressOrigin::ServedBy(_, application) => Some(application.clone()),
            AddressOrigin::Named | AddressOrigin::UpstreamOf(_) => None,
        };
        self.known.push(DiscoveredNode { host: lead.host.clone(), port, sql: report, application });
        Ok(())
    }

    /// Learns of others from a node that is about to be the last that is known.
    fn follow(&mut self, lead: &Lead, report: &SqlReport) {
        let at = self.known.len();
        let own_port = report.address.as_ref().map(|address| address.port);
        let logical =
            |row: &Downstream| report.slots.iter().any(|slot| slot.logical && slot.active_pid == Some(row.pid));
        let standby = |row: &&Downstream| {
            let state = row.state.as_ref().map_or("", |state| state.as_str());
            state != "backup" && !TOOLS.contains(&row.application.as_str()) && !logical(row)
        };
        let mut rows: Vec<&Downstream> = report.downstream.iter().filter(standby).collect();
        if let AddressOrigin::UpstreamOf(of) = &lead.origin {
            // One of them is the standby by which this node came to be known.
            let from = self.known.get(*of).and_then(|known| known.sql.address.as_ref());
            let is_from = |row: &&Downstream| from.is_some_and(|from| row.address.as_ref() == Some(&from.host));
            if let Some(place) = rows.iter().position(is_from) {
                if let Some(known) = self.known.get_mut(*of) {
                    known.application = rows.get(place).map(|row| row.application.to_string());
                }
                rows.remove(place);
            }
        }
        for row in rows {
            let application = row.application.to_string();
            let Some(address) = &row.address else {
                let why = if report.monitor {
                    "It connects through a local socket of the server, and its port is unknown."
                } else {
                    "Its address is not visible to a role without pg_monitor."
                };
                self.missed.push(DiscoveredMember {
                    name: application,
                    remarks: vec![why.to_owned()],
                    ..DiscoveredMember::default()
                });
                continue;
            };
            let mut ports: Vec<u16> = own_port.into_iter().chain([PORT]).chain(lead.ports.first().copied()).collect();
            let mut seen = std::collections::BTreeSet::new();
            ports.retain(|port| seen.insert(*port));
            let origin = AddressOrigin::ServedBy(at, application);
            self.leads.push_back(Lead { host: address.to_string(), ports, origin });
        }
        let sender =
            report.receiver.as_ref().and_then(|receiver| Some((receiver.sender_host.as_ref()?, receiver.sender_port)));
        if let Some((host, port)) = sender.filter(|(host, _)| !host.as_str().starts_with('/')) {
            let port = port.unwrap_or(PORT);
            match &lead.origin {
                // The node that serves it is known already, and may have another name here.
                AddressOrigin::ServedBy(by, _) => {
                    let known = self.known.get(*by).map(|known| format!("{}:{}", bracketed(&known.host), known.port));
                    let from = format!("{}:{port}", bracketed(host.as_str()));
                    if let Some(known) = known.filter(|known| *known != from) {
                        self.found.address_map.insert(from, known);
                    }
                }
                AddressOrigin::Named | AddressOrigin::UpstreamOf(_) => {
                    let origin = AddressOrigin::UpstreamOf(at);
                    self.leads.push_back(Lead { host: host.to_string(), ports: vec![port], origin });
                }
            }
        }
    }

    fn miss(&mut self, lead: &Lead, reasons: &[String]) {
        let name = match &lead.origin {
            AddressOrigin::ServedBy(_, application) if !DEFAULT_APPLICATION_NAMES.contains(&application.as_str()) => {
                application.clone()
            }
            AddressOrigin::ServedBy(..) | AddressOrigin::Named | AddressOrigin::UpstreamOf(_) => lead.host.clone(),
        };
        // Each place with the same words says nothing more than the first.
        let why = reasons.first().cloned().unwrap_or_default();
        self.missed.push(DiscoveredMember {
            name,
            host: Some(lead.host.clone()),
            port: lead.ports.first().copied(),
            remarks: vec![format!("Unreachable from here: {why}.")],
            ..DiscoveredMember::default()
        });
    }

    fn finish(self) -> Discovered {
        let Self { known, missed, mut found, .. } = self;
        let names = names(&known);
        let writers = known.iter().filter(|known| !known.sql.in_recovery).count();
        if writers != 1 {
            let reported =
                if writers == 0 { "no reachable node accepts writes" } else { "more than one node accepts writes" };
            found.notes.push(format!("{reported}: check whether these nodes belong to one cluster"));
        }
        if known.iter().any(|known| !known.sql.monitor) {
            found
                .notes
                .push("the role lacks pg_monitor, so standbys and upstreams may not be visible to it".to_owned());
        }
        for (known, name) in known.iter().zip(names) {
            let role = if known.sql.in_recovery { "A standby" } else { "The primary" };
            found.members.push(DiscoveredMember {
                name,
                host: Some(known.host.clone()),
                port: Some(known.port),
                postgres: Some((known.host.clone(), known.port)),
                remarks: vec![format!("{role} at the time of writing.")],
                ..DiscoveredMember::default()
            });
        }
        let taken = |name: &String, found: &Discovered| found.members.iter().any(|member| member.name == *name);
        for mut missed in missed {
            if taken(&missed.name, &found) {
                missed.name = missed.host.clone().unwrap_or_else(|| format!("{}-2", missed.name));
            }
            if !taken(&missed.name, &found) {
                found.members.push(missed);
            }
        }
        found
    }
}

/// A name for each: the first kind that is there for all and tells all apart, else host and port.
fn names(known: &[DiscoveredNode]) -> Vec<String> {
    let cluster_name = |known: &DiscoveredNode| known.sql.cluster_name.to_string();
    // The node that nobody serves is called by its own word.
    let application =
        |known: &DiscoveredNode| known.application.clone().unwrap_or_else(|| known.sql.cluster_name.to_string());
    let host = |known: &DiscoveredNode| known.host.clone();
    let kinds: [&dyn Fn(&DiscoveredNode) -> String; 3] = [&cluster_name, &application, &host];
    let milestone_status = kinds.iter().map(|kind| known.iter().map(kind).collect::<Vec<_>>()).find(|names| {
        let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
        distinct.len() == names.len() && !names.iter().any(|name| DEFAULT_APPLICATION_NAMES.contains(&name.as_str()))
    });
    milestone_status.unwrap_or_else(|| known.iter().map(|known| format!("{}-{}", known.host, known.port)).collect())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;

    use super::*;
    use crate::model::agent::Address;
    use crate::model::role::SyncState;
    use crate::model::test_support::{plain, served};

    /// Nodes by the places where they answer, with how they were asked.
    #[derive(Default)]
    struct World {
        nodes: BTreeMap<(String, u16), SqlReport>,
        asked: std::cell::RefCell<Vec<(String, u16, Audience)>>,
    }

    impl AskNode for World {
        async fn ask(&self, host: &str, port: u16, audience: Audience) -> Result<SqlReport, String> {
            self.asked.borrow_mut().push((host.to_owned(), port, audience));
            let answer = self.nodes.get(&(host.to_owned(), port)).cloned();
            answer.ok_or_else(|| format!("{host}:{port} did not respond"))
        }
    }

    /// A node whose own address is `own`, called `name`, which serves `standbys` (name, address) and follows `upstream`.
    fn node(own: &str, name: &str, standbys: &[(&str, &str)], upstream: Option<(&str, u16)>) -> SqlReport {
        let snapshot = plain();
        let template = if upstream.is_some() { "pg-1" } else { "pg-0" };
        let member = snapshot.members.iter().find(|member| member.name.as_str() == template).unwrap();
        let mut report = (*member.sql.as_ref().unwrap().answer.as_ref().unwrap().value).clone();
        let age: i64 = own.bytes().map(i64::from).sum();
        report.postmaster_started += SignedDuration::from_millis(age);
        report.address = Some(Address { host: own.into(), port: 5432 });
        report.cluster_name = name.into();
        report.slots = Vec::new();
        report.downstream = standbys
            .iter()
            .map(|(name, address)| Downstream {
                address: Some((*address).into()),
                ..served(name, SyncState::Async, 0, 0)
            })
            .collect();
        if let (Some((host, port)), Some(receiver)) = (upstream, &mut report.receiver) {
            (receiver.sender_host, receiver.sender_port) = (Some(host.into()), Some(port));
        }
        report
    }

    fn world(nodes: &[(&str, u16, SqlReport)]) -> World {
        let nodes = nodes.iter().map(|(host, port, report)| (((*host).to_owned(), *port), report.clone()));
        World { nodes: nodes.collect(), ..World::default() }
    }

    async fn from(world: &World, host: &str, port: u16) -> Discovered {
        discover(&[(host.to_owned(), port)], world).await.unwrap()
    }

    /// `name=host:port` of those that were reached, `name?` of the others.
    fn summary(found: &Discovered) -> String {
        let each = found.members.iter().map(|member| match &member.postgres {
            Some((host, port)) => format!("{}={host}:{port}", member.name),
            None => format!("{}?", member.name),
        });
        each.collect::<Vec<_>>().join(" ")
    }

    #[tokio::test]
    async fn from_the_primary_its_standbys_are_found_and_theirs() {
        let world = world(&[
            ("gate", 8008, node("10.0.0.1", "db-a", &[("db-b", "10.0.0.2")], None)),
            ("10.0.0.2", 5432, node("10.0.0.2", "db-b", &[("db-c", "10.0.0.3")], Some(("db-a", 5432)))),
            ("10.0.0.3", 5432, node("10.0.0.3", "db-c", &[], Some(("10.0.0.2", 5432)))),
        ]);
        let found = from(&world, "gate", 8008).await;
        assert_eq!(summary(&found), "db-a=gate:8008 db-b=10.0.0.2:5432 db-c=10.0.0.3:5432");
        assert!(found.members[0].remarks[0].contains("primary") && found.notes.is_empty(), "{found:#?}");
        assert_eq!(found.address_map["10.0.0.1:5432"], "gate:8008");
        assert_eq!(found.address_map["db-a:5432"], "gate:8008", "as the standby knows it");
        let asked = world.asked.borrow();
        assert!(
            asked.iter().all(|(host, _, audience)| (host == "gate") == (*audience == Audience::Named)),
            "{asked:?}"
        );
    }

    #[tokio::test]
    async fn from_a_standby_its_upstream_is_found_and_the_other_standbys() {
        let served = [("db-b", "10.0.0.2"), ("db-c", "10.0.0.3")];
        let world = world(&[
            ("10.0.0.1", 5432, node("10.0.0.1", "db-a", &served, None)),
            ("gate", 8009, node("10.0.0.2", "db-b", &[], Some(("10.0.0.1", 5432)))),
            ("10.0.0.3", 5432, node("10.0.0.3", "db-c", &[], Some(("10.0.0.1", 5432)))),
        ]);
        let found = from(&world, "gate", 8009).await;
        assert_eq!(summary(&found), "db-b=gate:8009 db-a=10.0.0.1:5432 db-c=10.0.0.3:5432");
    }

    #[tokio::test]
    async fn who_cannot_be_reached_is_reported_with_the_reason() {
        let primary = node("10.0.0.1", "main", &[("walreceiver", "10.0.0.2"), ("db-c", "10.0.0.3")], None);
        let found = from(&world(&[("a", 5432, primary)]), "a", 5432).await;
        assert_eq!(summary(&found), "main=a:5432 10.0.0.2? db-c?");
        assert!(found.members[2].remarks[0].contains("10.0.0.3:5432 did not respond"), "{found:#?}");
        let error = discover(&[("x".to_owned(), 1), ("y".to_owned(), 2)], &World::default()).await.unwrap_err();
        assert!(error.contains("x:1 did not respond") && error.contains("y:2 did not respond"), "{error}");
    }

    #[tokio::test]
    async fn a_foreign_node_at_a_standbys_address_is_not_taken() {
        let primary = node("10.0.0.1", "db-a", &[("db-b", "10.0.0.2")], None);
        let mut foreign = node("10.0.0.2", "other", &[], Some(("elsewhere", 5432)));
        foreign.system_id = Some(SystemId(99));
        let found = from(&world(&[("a", 5432, primary), ("10.0.0.2", 5432, foreign)]), "a", 5432).await;
        assert_eq!(summary(&found), "db-a=a:5432 db-b?");
        assert!(found.members[1].remarks[0].contains("another cluster"), "{found:#?}");
    }

    #[tokio::test]
    async fn nodes_that_all_bear_one_name_are_called_as_they_are_served_or_by_their_host() {
        let pair = |application: &str| {
            world(&[
                ("a", 5432, node("10.0.0.1", "17/main", &[(application, "10.0.0.2")], None)),
                ("10.0.0.2", 5432, node("10.0.0.2", "17/main", &[], Some(("a", 5432)))),
            ])
        };
        assert_eq!(summary(&from(&pair("warm"), "a", 5432).await), "17/main=a:5432 warm=10.0.0.2:5432");
        assert_eq!(summary(&from(&pair("17/main"), "a", 5432).await), "a=a:5432 10.0.0.2=10.0.0.2:5432");
    }

    #[tokio::test]
    async fn what_only_takes_wal_is_no_node() {
        let mut primary = node("10.0.0.1", "db-a", &[("pg_receivewal", "10.0.0.8"), ("sub", "10.0.0.9")], None);
        primary.downstream[1].pid = 77;
        primary.slots = vec![crate::model::postgres::Slot {
            logical: true,
            active_pid: Some(77),
            ..crate::model::test_support::slot("sub", true)
        }];
        assert_eq!(summary(&from(&world(&[("a", 5432, primary)]), "a", 5432).await), "db-a=a:5432");
    }
}
