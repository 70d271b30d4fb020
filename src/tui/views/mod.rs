//! The views: which panes each one has and what fills them, as data. Drawing is the widgets' business, the words and
//! numbers are the reports'.

mod backups;
mod clusters;
mod dcs;
mod drill;
mod events;
mod findings;
mod poolers;
mod replication;
mod router;
mod sessions;
mod sources;
mod topology;

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::widgets::graph::Graph;
use crate::model::finding::Subject;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::text::Text;
use crate::observe::picture::Picture;
use crate::report::clusters::Entry;
use crate::report::detail::{FactLine, Group};
use crate::report::findings as findings_of;
use crate::report::line::Line;
use crate::report::table::{Row, Table, Tone};

pub(in crate::tui) use self::clusters::CLUSTERS;
pub use self::drill::{DrillViewModel, Running};
pub(in crate::tui) use self::drill::{SCENARIOS as DRILL_SCENARIOS, STATUS_INTERVAL as DRILL_REPORTS};
pub(in crate::tui) use self::topology::FINDINGS;

/// A view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum View {
    /// All clusters.
    Clusters,
    /// Members as a tree.
    Topology,
    /// Standbys, slots, receivers.
    Replication,
    /// Routers.
    Router,
    /// The configuration store.
    Dcs,
    /// Backups.
    Backups,
    /// Sessions.
    Sessions,
    /// What changed.
    Events,
    /// What is wrong.
    Findings,
    /// What can be practised, and how it went.
    Drill,
    /// Connection poolers.
    Poolers,
    /// Every source.
    Sources,
}

impl View {
    /// The views that have a digit, in its order.
    pub const NUMBERED: [Self; 10] = [
        Self::Clusters,
        Self::Topology,
        Self::Replication,
        Self::Router,
        Self::Dcs,
        Self::Backups,
        Self::Sessions,
        Self::Events,
        Self::Findings,
        Self::Drill,
    ];

    /// Every view.
    pub const ALL: [Self; 12] = [
        Self::Clusters,
        Self::Topology,
        Self::Replication,
        Self::Router,
        Self::Dcs,
        Self::Backups,
        Self::Sessions,
        Self::Events,
        Self::Findings,
        Self::Drill,
        Self::Poolers,
        Self::Sources,
    ];

    /// The view called `name`, by its title or its digit.
    pub fn named(name: &str) -> Option<Self> {
        let digit = name.parse::<usize>().ok().and_then(|digit| Self::NUMBERED.get(digit).copied());
        digit.or_else(|| Self::ALL.into_iter().find(|view| view.is_called(name)))
    }

    fn is_called(self, name: &str) -> bool {
        let is_drills = self == Self::Drill && name.eq_ignore_ascii_case("drills");
        is_drills || self.title().eq_ignore_ascii_case(name)
    }

    /// Its name in header and key line.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Clusters => "Clusters",
            Self::Topology => "Topology",
            Self::Replication => "Replication",
            Self::Router => "Router",
            Self::Dcs => "DCS",
            Self::Backups => "Backups",
            Self::Sessions => "Sessions",
            Self::Events => "Events",
            Self::Findings => "Findings",
            Self::Drill => "Drill",
            Self::Poolers => "Poolers",
            Self::Sources => "Sources",
        }
    }

    /// The same where columns are dear.
    pub const fn short_title(self) -> &'static str {
        match self {
            Self::Clusters => "Clus",
            Self::Topology => "Topo",
            Self::Replication => "Repl",
            Self::Router => "Router",
            Self::Dcs => "DCS",
            Self::Backups => "Back",
            Self::Sessions => "Sess",
            Self::Events => "Event",
            Self::Findings => "Find",
            Self::Drill => "Drill",
            Self::Poolers => "Pool",
            Self::Sources => "Srcs",
        }
    }
}

/// How tall a pane wants to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaneHeight {
    /// As tall as what is in it.
    Natural,
    /// A share of what the natural ones leave.
    Share(u16),
}

/// What is in a pane.
#[derive(Clone, Debug)]
pub enum PaneBody {
    /// Rows to select.
    Table(Table),
    /// Lines to read.
    Lines(Vec<Line>),
    /// Curves.
    Graphs(Vec<Graph>),
}

/// A pane of a view.
#[derive(Clone, Debug)]
pub struct Pane {
    /// Its name, stable within the view.
    pub key: Cow<'static, str>,
    /// Heading; empty: none.
    pub title: Text,
    /// What is in it.
    pub body: PaneBody,
    /// How tall it wants to be.
    pub height: PaneHeight,
}

impl Pane {
    /// A table.
    pub fn table(key: impl Into<Cow<'static, str>>, title: impl Into<Text>, table: Table, size: PaneHeight) -> Self {
        Self { key: key.into(), title: title.into(), body: PaneBody::Table(table), height: size }
    }

    /// Lines to read.
    pub fn lines(key: &'static str, title: &str, lines: Vec<Line>, size: PaneHeight) -> Self {
        Self { key: key.into(), title: title.into(), body: PaneBody::Lines(lines), height: size }
    }

    /// Whether the focus may rest on it.
    pub fn takes_focus(&self) -> bool {
        match &self.body {
            PaneBody::Table(_) => true,
            PaneBody::Lines(_) => !self.title.is_empty(),
            PaneBody::Graphs(_) => false,
        }
    }
}

/// What a view is made from.
#[derive(Clone, Copy, Debug)]
pub struct ViewModel<'a> {
    /// The picture of the cluster in focus.
    pub picture: &'a Picture,
    /// An entry for each cluster; empty where the view does not show them.
    pub fleet: &'a [&'a Entry],
    /// Drills of the cluster; `None`: the view does not show them.
    pub drills: Option<&'a DrillViewModel<'a>>,
    /// Now, on the clock of the cluster in focus.
    pub now: Moment,
    /// Zone in which times are written.
    pub zone: &'a TimeZone,
    /// Columns of the screen.
    pub width: u16,
    /// Rows for the view.
    pub height: u16,
}

impl View {
    /// The panes of the view.
    pub fn panes(self, view_model: ViewModel<'_>) -> Vec<Pane> {
        match self {
            Self::Clusters => clusters::panes(view_model),
            Self::Topology => topology::panes(view_model),
            Self::Replication => replication::panes(view_model),
            Self::Router => router::panes(view_model),
            Self::Dcs => dcs::panes(view_model),
            Self::Backups => backups::panes(view_model),
            Self::Sessions => sessions::panes(view_model),
            Self::Events => events::panes(view_model),
            Self::Findings => findings::panes(view_model),
            Self::Drill => drill::panes(view_model),
            Self::Poolers => poolers::panes(view_model),
            Self::Sources => sources::panes(view_model),
        }
    }

    /// Everything known of a row; the cells of the row alone where there is nothing more to say.
    pub fn detail(self, view_model: ViewModel<'_>, pane: &str, row: &Text) -> Vec<Group> {
        let more = match self {
            Self::Topology => topology::detail(view_model, pane, row),
            Self::Replication => replication::detail(view_model, row),
            Self::Router => router::detail(view_model, row),
            Self::Dcs => dcs::detail(view_model, pane, row),
            Self::Events => events::detail(view_model, row),
            Self::Findings => findings::detail(view_model, row),
            Self::Poolers => poolers::detail(view_model, pane, row),
            Self::Clusters | Self::Backups | Self::Sessions | Self::Drill | Self::Sources => Vec::new(),
        };
        if !more.is_empty() {
            return more;
        }
        let panes = self.panes(view_model);
        let found = panes.iter().find(|candidate| candidate.key == pane).and_then(|pane| match &pane.body {
            PaneBody::Table(table) => {
                let found = table.rows.iter().find(|candidate| candidate.id == *row)?;
                Some(Group { title: pane.title.clone(), facts: cells(table, found) })
            }
            PaneBody::Lines(_) | PaneBody::Graphs(_) => None,
        });
        found.into_iter().collect()
    }

    /// The node that a row is about, where it is about one.
    pub fn node_of(self, view_model: ViewModel<'_>, pane: &str, row: &Text) -> Option<NodeName> {
        let known = |name: &str| {
            let name = NodeName::new(name);
            view_model.picture.snapshot.member(&name).map(|member| member.name.clone())
        };
        let of_subject = |subject: &Subject| match subject {
            Subject::Node(name) => known(name.as_str()),
            Subject::Cluster | Subject::Router(_) | Subject::DcsMember(_) | Subject::Source(_) => None,
        };
        let snapshot = &view_model.picture.snapshot;
        let (head, tail) = row.as_str().split_once('/').unwrap_or((row.as_str(), ""));
        match (self, pane) {
            (Self::Replication, replication::STANDBYS) => known(tail).or_else(|| known(head)),
            (Self::Topology, topology::MEMBERS) | (Self::Replication | Self::Sessions, _) => known(head),
            (Self::Topology | Self::Findings, topology::FINDINGS) => {
                let finding = snapshot.findings.iter().find(|finding| findings_of::row_id(finding) == *row)?;
                of_subject(&finding.subject)
            }
            (Self::Topology | Self::Events, topology::EVENTS) => {
                let event = view_model.picture.events.iter().find(|event| row.as_str().parse() == Ok(event.number))?;
                of_subject(&event.subject)
            }
            _ => None,
        }
    }
}

/// Every cell of a row in full, one a line: what a narrow screen had to drop or cut.
fn cells(table: &Table, row: &Row) -> Vec<FactLine> {
    let pairs = table.columns.iter().zip(&row.cells);
    pairs.map(|(column, cell)| FactLine::stated(column.title.to_lowercase(), cell.text.clone(), cell.tone)).collect()
}

/// The line that stands for a pane without content.
fn nothing(reason: &str) -> Vec<Line> {
    vec![Line::new().with(reason, Tone::Dim)]
}
