//! What the selected row is about: whom an action that is begun there is meant for.

use crate::action::drill::Scenario;
use crate::model::finding::{Finding, Subject};
use crate::model::name::{NodeName, RouterName};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::report::findings;
use crate::tui::app::App;
use crate::tui::views::{FINDINGS, View};

/// Whom a row is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// The cluster as a whole, and nobody in particular.
    Cluster,
    /// A member.
    Member(NodeName),
    /// A server of a router, and the member that it stands for.
    Server { router: RouterName, backend: Text, server: Text, member: Option<NodeName> },
    /// A session.
    Session { member: NodeName, pid: u32 },
    /// Something that can be practised.
    Scenario(Scenario),
}

/// What a row is about, and the trouble that it tells of where it tells of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Matter {
    pub(super) about: About,
    pub(super) finding: Option<Finding>,
}

impl Matter {
    /// The member it is about.
    pub(super) fn member(&self) -> Option<&NodeName> {
        match &self.about {
            About::Member(member) | About::Session { member, .. } => Some(member),
            About::Server { member, .. } => member.as_ref(),
            About::Cluster | About::Scenario(_) => None,
        }
    }

    /// The names of it, from the cluster called `cluster` down.
    pub(super) fn path(&self, cluster: &str, snapshot: &Snapshot) -> String {
        match &self.about {
            About::Cluster => cluster.to_owned(),
            About::Member(member) => format!("{cluster} / {member}"),
            About::Server { router, backend, server, member } => {
                let router = if snapshot.routers.len() > 1 { format!("{router} / ") } else { String::new() };
                let stands_for = member.as_ref().filter(|member| member.text() != server);
                let stands_for = stands_for.map(|member| format!(" ({member})")).unwrap_or_default();
                format!("{cluster} / {router}{backend}/{server}{stands_for}")
            }
            About::Session { member, pid } => format!("{cluster} / {member} / session {pid}"),
            About::Scenario(scenario) => format!("{cluster} / drill {}", scenario.word()),
        }
    }
}

impl App {
    /// What the selected row is about; without one, the cluster in focus.
    pub(super) fn matter(&self) -> Matter {
        let whole = |about| Matter { about, finding: None };
        let Some(snapshot) = self.cluster().map(|cluster| &cluster.shown().snapshot) else {
            return whole(About::Cluster);
        };
        if self.view == View::Clusters {
            return whole(About::Cluster);
        }
        let Some(((view, pane), row)) = self.selection() else { return whole(About::Cluster) };
        if pane == FINDINGS {
            let finding = snapshot.findings.iter().find(|finding| findings::row_id(finding) == row).cloned();
            let about = finding.as_ref().map_or(About::Cluster, |finding| of_subject(&finding.subject, snapshot));
            return Matter { about, finding };
        }
        whole(match view {
            View::Router => server(&row, snapshot).unwrap_or(About::Cluster),
            View::Drill => self.selected_scenario().map_or(About::Cluster, About::Scenario),
            View::Sessions => session(&row).unwrap_or_else(|| self.of_node()),
            _ => self.of_node(),
        })
    }

    fn of_node(&self) -> About {
        self.selected_node().map_or(About::Cluster, About::Member)
    }
}

fn of_subject(subject: &Subject, snapshot: &Snapshot) -> About {
    match subject {
        Subject::Node(name) if snapshot.member(name).is_some() => About::Member(name.clone()),
        Subject::Node(_) | Subject::Cluster | Subject::Router(_) | Subject::DcsMember(_) | Subject::Source(_) => {
            About::Cluster
        }
    }
}

/// The server of a row that is named ROUTER/BACKEND/SERVER; `None`: the row is of no server.
fn server(row: &Text, snapshot: &Snapshot) -> Option<About> {
    let mut parts = row.as_str().splitn(3, '/');
    let (router, backend, server) = (parts.next()?, parts.next()?, parts.next()?);
    let known = snapshot.routers.iter().find(|known| known.name == *router)?;
    let report = known.reading(snapshot.now)?.last()?;
    let is_it = |row: &&crate::model::router::ProxyRow| {
        row.kind == crate::model::router::ProxyKind::Server && row.proxy == *backend && row.server == *server
    };
    let found = report.rows.iter().find(is_it)?;
    let member = snapshot.member_of(found).map(|member| member.name.clone());
    Some(About::Server {
        router: known.name.clone(),
        backend: found.proxy.clone(),
        server: found.server.clone(),
        member,
    })
}

/// The session of a row that is named NODE/PID.
fn session(row: &Text) -> Option<About> {
    let (node, pid) = row.as_str().split_once('/')?;
    Some(About::Session { member: NodeName::new(node), pid: pid.parse().ok()? })
}
