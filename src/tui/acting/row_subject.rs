//! What the selected row is about: whom an action that is begun there is meant for.

use crate::action::drill::Scenario;
use crate::model::finding::{Finding, Subject};
use crate::model::name::{NodeName, PoolerName, RouterName};
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceKind;
use crate::model::text::Text;
use crate::report::findings;
use crate::tui::app::App;
use crate::tui::views::{FINDINGS, View};

/// Whom a row is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum RowTarget {
    /// The cluster as a whole, and nobody in particular.
    Cluster,
    /// A member.
    Member(NodeName),
    /// A server of a router, and the member that it stands for.
    Server { router: RouterName, backend: Text, server: Text, member: Option<NodeName> },
    /// A pooler, or a database of one.
    Pooler { pooler: PoolerName, database: Option<Text> },
    /// A session.
    Session { member: NodeName, pid: u32 },
    /// Something that can be practised.
    Scenario(Scenario),
}

/// What a row is about, and the trouble that it tells of where it tells of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RowSubject {
    pub(super) about: RowTarget,
    pub(super) finding: Option<Finding>,
}

impl RowSubject {
    /// The member it is about.
    pub(super) fn member(&self) -> Option<&NodeName> {
        match &self.about {
            RowTarget::Member(member) | RowTarget::Session { member, .. } => Some(member),
            RowTarget::Server { member, .. } => member.as_ref(),
            RowTarget::Cluster | RowTarget::Pooler { .. } | RowTarget::Scenario(_) => None,
        }
    }

    /// The names of it, from the cluster called `cluster` down.
    pub(super) fn path(&self, cluster: &str, snapshot: &Snapshot) -> String {
        match &self.about {
            RowTarget::Cluster => cluster.to_owned(),
            RowTarget::Member(member) => format!("{cluster} / {member}"),
            RowTarget::Server { router, backend, server, member } => {
                let router = if snapshot.routers.len() > 1 { format!("{router} / ") } else { String::new() };
                let stands_for = member.as_ref().filter(|member| member.text() != server);
                let stands_for = stands_for.map(|member| format!(" ({member})")).unwrap_or_default();
                format!("{cluster} / {router}{backend}/{server}{stands_for}")
            }
            RowTarget::Pooler { pooler, database } => {
                let database = database.as_ref().map(|database| format!(" / {database}")).unwrap_or_default();
                format!("{cluster} / {pooler}{database}")
            }
            RowTarget::Session { member, pid } => format!("{cluster} / {member} / session {pid}"),
            RowTarget::Scenario(scenario) => format!("{cluster} / drill {}", scenario.as_str()),
        }
    }
}

impl App {
    /// What the selected row is about; without one, the cluster in focus.
    pub(super) fn row_subject(&self) -> RowSubject {
        let whole = |about| RowSubject { about, finding: None };
        let Some(snapshot) = self.cluster().map(|cluster| &cluster.shown().snapshot) else {
            return whole(RowTarget::Cluster);
        };
        if self.view == View::Clusters {
            return whole(RowTarget::Cluster);
        }
        let Some(((view, pane), row)) = self.selection() else { return whole(RowTarget::Cluster) };
        if pane == FINDINGS {
            let finding = snapshot.findings.iter().find(|finding| findings::row_id(finding) == row).cloned();
            let about = finding.as_ref().map_or(RowTarget::Cluster, |finding| {
                of_pooler(finding, snapshot).unwrap_or_else(|| of_subject(&finding.subject, snapshot))
            });
            return RowSubject { about, finding };
        }
        whole(match view {
            View::Router => server(&row, snapshot).unwrap_or(RowTarget::Cluster),
            View::Poolers => pooler(&row, snapshot).unwrap_or(RowTarget::Cluster),
            View::Drill => self.selected_scenario().map_or(RowTarget::Cluster, RowTarget::Scenario),
            View::Sessions => session(&row).unwrap_or_else(|| self.of_node()),
            _ => self.of_node(),
        })
    }

    fn of_node(&self) -> RowTarget {
        self.selected_node().map_or(RowTarget::Cluster, RowTarget::Member)
    }
}

fn of_subject(subject: &Subject, snapshot: &Snapshot) -> RowTarget {
    match subject {
        Subject::Node(name) if snapshot.member(name).is_some() => RowTarget::Member(name.clone()),
        Subject::Node(_) | Subject::Cluster | Subject::Router(_) | Subject::DcsMember(_) | Subject::Source(_) => {
            RowTarget::Cluster
        }
    }
}

/// The server of a row that is named ROUTER/BACKEND/SERVER; `None`: the row is of no server.
fn server(row: &Text, snapshot: &Snapshot) -> Option<RowTarget> {
    let mut parts = row.as_str().splitn(3, '/');
    let (router, backend, server) = (parts.next()?, parts.next()?, parts.next()?);
    let known = snapshot.routers.iter().find(|known| known.name == *router)?;
    let report = known.reading(snapshot.now)?.last()?;
    let is_it = |row: &&crate::model::router::ProxyRow| {
        row.kind == crate::model::router::ProxyKind::Server && row.proxy == *backend && row.server == *server
    };
    let found = report.rows.iter().find(is_it)?;
    let member = snapshot.member_of(found).map(|member| member.name.clone());
    Some(RowTarget::Server {
        router: known.name.clone(),
        backend: found.proxy.clone(),
        server: found.server.clone(),
        member,
    })
}

/// The pooler of a finding, and the database that it is about.
fn of_pooler(finding: &Finding, snapshot: &Snapshot) -> Option<RowTarget> {
    let Subject::Source(source) = &finding.subject else { return None };
    if source.kind != SourceKind::Pooler {
        return None;
    }
    let reading = snapshot.poolers.iter().find(|reading| reading.source == *source)?;
    let database = reading.last().and_then(|report| report.database(&finding.part)).map(|known| known.name.clone());
    Some(RowTarget::Pooler { pooler: PoolerName::new(source.target.as_str()), database })
}

/// The pooler of a row that is named POOLER, POOLER/DATABASE or POOLER/DATABASE/USER.
fn pooler(row: &Text, snapshot: &Snapshot) -> Option<RowTarget> {
    let mut names = snapshot.poolers.iter().map(|reading| &reading.source.target).filter(|name| {
        row.as_str().strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let name = names.next()?;
    let report = snapshot.poolers.iter().find(|reading| reading.source.target == *name)?.last();
    let rest = row.as_str().strip_prefix(name.as_str())?.trim_start_matches('/');
    let is_it = |known: &&Text| rest == known.as_str() || rest.starts_with(&format!("{known}/"));
    let database = report.and_then(|report| report.databases.iter().map(|database| &database.name).find(is_it));
    Some(RowTarget::Pooler { pooler: PoolerName::new(name.as_str()), database: database.cloned() })
}

/// The session of a row that is named NODE/PID.
fn session(row: &Text) -> Option<RowTarget> {
    let (node, pid) = row.as_str().split_once('/')?;
    Some(RowTarget::Session { member: NodeName::new(node), pid: pid.parse().ok()? })
}
