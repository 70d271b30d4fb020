//! What can be done now, and where not, why not.

use std::borrow::Cow;

use super::App;
use crate::action::Intent;
use crate::action::verb::SET;
use crate::model::member::Presence;
use crate::model::name::NodeName;
use crate::tui::command::Command;
use crate::tui::effect::PsqlTarget;
use crate::tui::views::View;

/// Whether a command can be done; if not, why.
pub type Availability = Result<(), Cow<'static, str>>;

impl App {
    /// Whether `command` can be done now.
    ///
    /// # Errors
    /// The reason why not.
    pub fn availability(&self, command: Command) -> Availability {
        match command {
            Command::Filter | Command::SortNext | Command::SortPrevious | Command::SortDirection
                if self.with_focused_table(|_, _| ()).is_none() =>
            {
                Err("no rows".into())
            }
            Command::Detail | Command::CopyRow | Command::CopyName if self.selection().is_none() => {
                Err("no row is selected".into())
            }
            Command::Psql => self.psql_available(),
            Command::Evidence if !self.has_evidence => Err("no evidence directory is available".into()),
            Command::Dismiss => match self.missing_member() {
                Some(_) => Ok(()),
                None => Err("select a member that is no longer in the DCS".into()),
            },
            Command::Acknowledge => self.can_acknowledge(),
            Command::NextCluster | Command::PreviousCluster | Command::Cluster if self.clusters.len() < 2 => {
                Err("there is only one cluster".into())
            }
            Command::Act(verb) => self.can_act(verb),
            Command::EditConfiguration if !self.acting.has_editor => {
                self.may_act().and(Err("no editor is known".into()))
            }
            Command::EditConfiguration => self.may_act().and_then(|()| self.stack_permits(&SET)),
            Command::Menu | Command::Undo => self.may_act(),
            Command::Actions if !self.acting.has_job_store => Err("not available in this console".into()),
            Command::CancelAction if self.acting.running().is_none() => {
                self.may_act().and(Err("no action of this console is running".into()))
            }
            Command::StepForward if self.frozen.is_none() => Err("the display is live".into()),
            _ => Ok(()),
        }
    }

    /// The same for a command with something typed behind it.
    ///
    /// # Errors
    /// The reason why not.
    pub(in crate::tui) fn availability_with(&self, command: Command, argument: Option<&str>) -> Availability {
        match (command, argument.map(str::trim).filter(|text| !text.is_empty())) {
            (Command::Act(verb), Some(argument)) => {
                self.may_act()?;
                let intent = self.resolve_intent(verb, Some(argument))?;
                match intent {
                    // Its plan needs answers that are only asked when it is begun.
                    Intent::Drill { .. } => self.may_drill(),
                    intent => self.can_plan(&intent),
                }
            }
            _ => self.availability(command),
        }
    }

    fn psql_available(&self) -> Availability {
        if self.options.read_only || self.options.wall {
            return Err("not available in read-only mode: psql could switch its session to read-write".into());
        }
        if self.cluster().is_some_and(|cluster| cluster.live().snapshot.identity.read_only) {
            return Err("the configuration has this cluster read-only".into());
        }
        if !self.has_psql {
            return Err("not available in this console".into());
        }
        match self.psql_target() {
            None => Err("select a node or a router first".into()),
            Some(PsqlTarget::Node { .. }) => Ok(()),
            Some(PsqlTarget::Router { router, proxy, .. }) => {
                let routers = self.cluster().map(|cluster| &cluster.live().snapshot.routers);
                let known = routers.and_then(|all| all.iter().find(|known| known.name == router));
                let Some(known) = known else { return Err("this router no longer exists".into()) };
                known.sql_address(&proxy).map(drop).map_err(Cow::Borrowed)
            }
        }
    }

    /// The node or router that the selected row is about.
    pub(in crate::tui) fn psql_target(&self) -> Option<PsqlTarget> {
        let cluster = self.cluster()?.name.clone();
        if let Some(node) = self.selected_node() {
            return Some(PsqlTarget::Node { cluster, node });
        }
        if self.view != View::Router {
            return None;
        }
        let (_, row) = self.selection()?;
        let snapshot = &self.cluster()?.shown().snapshot;
        let (router, rest) = row.as_str().split_once('/')?;
        let router = snapshot.routers.iter().find(|known| known.name == router)?;
        let proxy = rest.split_once('/').map_or(rest, |(proxy, _)| proxy);
        Some(PsqlTarget::Router { cluster, router: router.name.clone(), proxy: proxy.into() })
    }

    /// The node that the selected row is about.
    pub(in crate::tui) fn selected_node(&self) -> Option<NodeName> {
        // No row of it is of a node, and with a thousand clusters it takes its time to say so.
        if self.view == View::Clusters {
            return None;
        }
        let ((view, pane), row) = self.selection()?;
        self.with_view_model(|view_model| view.node_of(view_model, &pane, &row)).flatten()
    }

    /// The selected member, where it is off the record and nothing but its row is left: what the configuration names would
    /// come back.
    pub(in crate::tui) fn missing_member(&self) -> Option<NodeName> {
        let node = self.selected_node()?;
        let member = self.cluster()?.live().snapshot.member(&node)?;
        (matches!(member.presence, Presence::Missing { .. }) && member.named_by.is_none()).then_some(node)
    }
}
