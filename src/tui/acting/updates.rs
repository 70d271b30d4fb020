//! What the console keeps of actions, and what it learns of them: begun, news, the list, a text that was edited.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::drills::DrillPanel;
use super::pending_action::PendingAction;
use super::pending_undo::PendingUndos;
use super::watch::Watch;
use crate::action::Intent;
use crate::action::configuration;
use crate::action::intent::ConfigurationIntent;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::ActionId;
use crate::model::name::ClusterName;
use crate::observe::picture::Order;
use crate::operate::Progress;
use crate::operate::job::JobState;
use crate::operate::plan_service::PlanService;
use crate::operate::ports::JobSummary;
use crate::tui::app::App;
use crate::tui::dialogs::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::{ActionTicket, ClusterIndex, Notice};
use crate::tui::options::Hooks;
use crate::tui::views::View;

/// How often the list of actions is read anew while it is open.
const REREAD_INTERVAL: Duration = Duration::from_secs(2);
/// Most actions kept that are over.
const MAX_KEPT: usize = 16;

/// What the console has of actions.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct ActingState {
    /// Draw up plans, for each cluster on which this console may act.
    pub(in crate::tui) plan_services: BTreeMap<ClusterName, PlanService>,
    pub(in crate::tui) has_launcher: bool,
    pub(in crate::tui) has_job_store: bool,
    pub(in crate::tui) has_editor: bool,
    /// What is begun here goes on when the console ends.
    pub(in crate::tui) outlives: bool,
    /// Actions watched, oldest first.
    pub(in crate::tui) watches: Vec<Watch>,
    next: ActionTicket,
    inbox: Vec<(ActionTicket, Vec<Progress>)>,
    /// The list as read last; `None`: not yet.
    pub(in crate::tui) listed: Option<Result<Vec<JobSummary>, String>>,
    arrived: Option<Result<Vec<JobSummary>, String>>,
    read_at: Duration,
    /// Drills.
    pub(in crate::tui) drills: DrillPanel,
    /// Those that had died at the start were told of.
    reported: bool,
    /// When the list was read first.
    pub(super) first_read: Option<Duration>,
    /// What is owed by the books, against the world.
    pub(super) pending_undos: PendingUndos,
    /// The text that is being edited, as it was before.
    before: Option<String>,
    /// What was written in the editor and could not be read: the editor is opened on it once more.
    unread: Option<(ClusterName, String)>,
}

impl ActingState {
    /// As the console over `clusters` is composed; one that only looks has no use for desks.
    pub(in crate::tui) fn new<'a>(
        hooks: &Hooks,
        only_looks: bool,
        clusters: impl Iterator<Item = &'a ClusterName>,
    ) -> Self {
        Self {
            drills: DrillPanel::new(hooks, clusters),
            plan_services: if only_looks { BTreeMap::new() } else { hooks.plan_services.clone() },
            has_launcher: hooks.launcher.is_some() && !only_looks,
            has_job_store: hooks.job_store.is_some(),
            has_editor: hooks.editor.is_some() && !only_looks,
            outlives: hooks.launcher.as_ref().is_none_or(|launcher| launcher.outlives()),
            ..Self::default()
        }
    }

    /// The action called so by this console.
    pub(in crate::tui) fn watch(&self, ticket: ActionTicket) -> Option<&Watch> {
        self.watches.iter().find(|watch| watch.ticket == ticket)
    }

    fn watch_mut(&mut self, ticket: ActionTicket) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.ticket == ticket)
    }

    fn add(&mut self, watch: Watch) {
        self.watches.push(watch);
        while self.watches.len() > MAX_KEPT {
            let Some(over) = self.watches.iter().position(Watch::is_over) else { return };
            self.watches.remove(over);
        }
    }

    pub(super) fn ticket(&mut self) -> ActionTicket {
        self.next += 1;
        self.next
    }

    /// The newest action that still runs.
    pub(in crate::tui) fn running(&self) -> Option<&Watch> {
        self.watches.iter().rev().find(|watch| !watch.is_over())
    }

    /// Those that this console began and that still run, oldest first.
    pub(in crate::tui) fn running_here(&self) -> impl Iterator<Item = &Watch> {
        self.watches.iter().filter(|watch| watch.by.is_none() && !watch.is_over())
    }

    /// The listed action called so.
    pub(in crate::tui) fn listed(&self, action: &ActionId) -> Option<&JobSummary> {
        let listed = self.listed.as_ref()?.as_ref().ok()?;
        listed.iter().find(|one| one.action() == action)
    }
}

/// Whether a later action has taken back all that this one left: nothing is left to be told of it.
fn is_reverted(dead: &JobSummary, listed: &[JobSummary]) -> bool {
    let owes = !dead.state.pending_undo().is_empty();
    let takes_back = |one: &JobSummary| {
        let is_of_it = matches!(&one.request.plan.intent, Intent::Undo { action, .. } if action == dead.action());
        is_of_it && matches!(&one.state, JobState::Ended { outcome, .. } if outcome.ending == OutcomeKind::Done)
    };
    !owes && listed.iter().any(takes_back)
}

impl App {
    /// Lays down news of an action for the next [`Event::JobUpdates`](crate::tui::event::Event::JobUpdates) of it.
    pub fn deposit_updates(&mut self, ticket: ActionTicket, updates: Vec<Progress>) {
        self.acting.inbox.push((ticket, updates));
    }

    /// Lays down the list of actions for the next [`Event::Listed`](crate::tui::event::Event::Listed).
    pub fn deposit_list(&mut self, listed: Result<Vec<JobSummary>, String>) {
        self.acting.arrived = Some(listed);
    }

    /// What is to be asked for when the console starts: whether an action has died.
    pub fn first_effects(&self) -> Vec<Effect> {
        if self.acting.has_job_store && !self.options.wall { vec![Effect::List] } else { Vec::new() }
    }

    /// Begins what was confirmed, and shows how it goes on.
    pub(super) fn begin(&mut self, cluster: ClusterIndex, plan: Box<Plan>, confirmation: Confirmation) -> Vec<Effect> {
        if cluster >= self.clusters.len() {
            return Vec::new();
        }
        let ticket = self.acting.ticket();
        self.acting.add(Watch::new(ticket, (*plan).clone(), None));
        self.dialogs.push(Dialog::Watch { ticket, scroll: 0 });
        vec![Effect::Begin { ticket, plan, confirmation }]
    }

    /// Shows how a listed action goes, or went.
    pub(super) fn attach(&mut self, one: &JobSummary) -> Vec<Effect> {
        let known = self.acting.watches.iter().find(|watch| watch.action.as_ref() == Some(one.action()));
        if let Some(ticket) = known.map(|watch| watch.ticket) {
            self.dialogs.push(Dialog::Watch { ticket, scroll: 0 });
            return Vec::new();
        }
        let ticket = self.acting.ticket();
        let watch = Watch::new(ticket, one.request.plan.clone(), Some(one.request.operator.clone()));
        self.acting.add(Watch { action: Some(one.action().clone()), ..watch });
        self.dialogs.push(Dialog::Watch { ticket, scroll: 0 });
        vec![Effect::Follow { ticket, action: one.action().clone() }]
    }

    /// An action has its name.
    pub(in crate::tui) fn begun(&mut self, ticket: ActionTicket, action: ActionId) {
        if let Some(watch) = self.acting.watch_mut(ticket) {
            watch.action = Some(action);
        }
    }

    /// An action could not be begun.
    pub(in crate::tui) fn not_begun(&mut self, ticket: ActionTicket, why: &str) {
        if let Some(watch) = self.acting.watch_mut(ticket) {
            watch.outcome =
                Some(Outcome::new(OutcomeKind::Refused, format!("could not be started, nothing was sent: {why}")));
        }
    }

    /// Takes in what happened to an action. The end of one in the background is told.
    pub(in crate::tui) fn take_updates(&mut self, ticket: ActionTicket) -> Vec<Effect> {
        let mut updates = Vec::new();
        self.acting.inbox.retain_mut(|(other, reported)| {
            let ours = *other == ticket;
            if ours {
                updates.append(reported);
            }
            !ours
        });
        let shown =
            self.dialogs.iter().any(|dialog| matches!(dialog, Dialog::Watch { ticket: of, .. } if *of == ticket));
        let Some(watch) = self.acting.watch_mut(ticket) else { return Vec::new() };
        let was_over = watch.is_over();
        watch.take(updates);
        if was_over || !watch.is_over() {
            return Vec::new();
        }
        let done = watch.outcome.as_ref().is_some_and(|outcome| outcome.ending == OutcomeKind::Done);
        let is_drill = matches!(watch.plan.intent, Intent::Drill { .. });
        // What it is meant to leave can be taken back from now on.
        let leaves = watch.plan.intent.leaves_pending_undo();
        let (line, cluster) = (format!("{} (press A to view)", watch.short()), watch.cluster.clone());
        if !shown {
            self.tell(if done { Notice::done(line) } else { Notice::failed(line) });
        }
        let index = self.clusters.iter().position(|known| known.name == cluster);
        let Some(index) = index else { return Vec::new() };
        let mut effects = vec![Effect::Order(index, Order::PollNow)];
        if is_drill {
            effects.push(self.read_reports(index));
        }
        if leaves && self.acting.has_job_store {
            effects.push(Effect::List);
        }
        effects
    }

    /// Takes in the list.
    pub(in crate::tui) fn take_list(&mut self) -> Vec<Effect> {
        let Some(listed) = self.acting.arrived.take() else { return Vec::new() };
        self.acting.listed = Some(listed);
        self.acting.read_at = self.at;
        self.acting.first_read.get_or_insert(self.at);
        let mut effects = self.request_pending_undos();
        // Whether what is owed still stands is asked before anybody is told.
        let clusters = self.clusters.iter().enumerate();
        let has_pending_undo = |name: &ClusterName| {
            let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok()).into_iter().flatten();
            listed.filter(|one| self.is_not_received(one)).any(|one| one.request.plan.cluster == *name)
        };
        let asked = clusters.filter(|(_, cluster)| !self.acting.reported && has_pending_undo(&cluster.name));
        effects.extend(asked.map(|(index, _)| Effect::Order(index, Order::PollNow)));
        self.report_dead_jobs();
        effects
    }

    /// Shows, once, what died or left something and nobody said that they know.
    pub(in crate::tui) fn report_dead_jobs(&mut self) {
        if self.acting.reported {
            return;
        }
        let Some(listed) = &self.acting.listed else { return };
        let listed = listed.as_deref().unwrap_or_default();
        let dead: Vec<_> = listed.iter().filter(|one| one.needs_attention() && !is_reverted(one, listed)).collect();
        if dead.iter().any(|one| self.is_not_received(one)) {
            return;
        }
        self.acting.reported = true;
        let Some(newest) = dead.first() else { return };
        let (action, title) = (newest.action().clone(), newest.request.plan.title.clone());
        let more = if dead.len() > 1 { format!(", and {} more", dead.len() - 1) } else { String::new() };
        let what = if matches!(newest.state, JobState::Died(_)) { "an action died" } else { "an undo is pending" };
        self.tell(Notice::failed(format!("{what}: {title}{more}")));
        if self.dialogs.is_empty() && self.prompt.is_none() {
            self.dialogs.push(Dialog::Leftovers { action, scroll: 0 });
        }
    }

    /// Plans again with every picture, and lets what was typed too long ago go.
    pub(in crate::tui) fn renew_pending_action(&mut self, index: Option<ClusterIndex>) {
        let at = self.at;
        for dialog in &mut self.dialogs {
            let Dialog::PendingAction(pending_action) = dialog else { continue };
            pending_action.expire(at);
            let Some(cluster) = self.clusters.get(pending_action.cluster) else { continue };
            if index == Some(pending_action.cluster) {
                pending_action.renew(&cluster.live().snapshot);
            }
        }
    }

    /// Reads the list again while it is open, or while somebody looks whether a drill runs.
    pub(in crate::tui) fn reread(&mut self) -> Vec<Effect> {
        let listed = self.dialogs.iter().any(|dialog| matches!(dialog, Dialog::Actions { .. }));
        let open = listed || (self.view == View::Drill && self.acting.has_job_store && self.wall.is_none());
        if open && self.at.saturating_sub(self.acting.read_at) >= REREAD_INTERVAL {
            vec![Effect::List]
        } else {
            Vec::new()
        }
    }

    /// Gives the configuration of a cluster to the editor, with what was typed of changes in it already; or once more what
    /// was written there and could not be read.
    pub(in crate::tui) fn edit_configuration(
        &mut self,
        cluster: ClusterIndex,
        typed: &Map<String, Value>,
    ) -> Vec<Effect> {
        let Some(state) = self.clusters.get(cluster) else { return Vec::new() };
        let Some((before, text)) = configuration::texts(&state.live().snapshot, typed) else {
            self.tell(Notice::failed("the dynamic configuration is not in the DCS, or cannot be read"));
            return Vec::new();
        };
        let name = state.name.clone();
        let unread = self.acting.unread.take().filter(|(of, _)| *of == name).map(|(_, text)| text);
        self.acting.before = Some(before);
        vec![Effect::Edit { cluster, text: unread.unwrap_or(text) }]
    }

    /// Takes in what became of the configuration in the editor, and shows the plan.
    pub(in crate::tui) fn edited(&mut self, cluster: ClusterIndex, after: &str) -> Vec<Effect> {
        let Some(before) = self.acting.before.take() else { return Vec::new() };
        match configuration::edited(&before, after) {
            Ok(changes) => {
                self.pending_action(cluster, Intent::Configuration(ConfigurationIntent::Configure { changes }))
            }
            Err(why) => {
                // An hour's work is not thrown away for a comma.
                let name = self.clusters.get(cluster).map(|state| state.name.clone());
                self.acting.unread = name.filter(|_| after != before).map(|name| (name, after.to_owned()));
                if self.acting.unread.is_none() {
                    // As on record: what was typed before is not wanted any more.
                    self.dialogs.retain(|dialog| !matches!(dialog, Dialog::PendingAction(_)));
                }
                let again = if self.acting.unread.is_some() { "; edit-config opens it again" } else { "" };
                self.tell(Notice::failed(format!("{why}{again}")));
                Vec::new()
            }
        }
    }

    /// Opens the dialog of an action.
    pub(in crate::tui) fn pending_action(&mut self, cluster: ClusterIndex, intent: Intent) -> Vec<Effect> {
        let Some(state) = self.clusters.get(cluster) else { return Vec::new() };
        let Some(plan_service) = self.acting.plan_services.get(&state.name) else { return Vec::new() };
        let pending_action = PendingAction::new(cluster, intent, plan_service.clone(), &state.live().snapshot);
        // One at a time: what an older one asked is asked no more.
        self.dialogs
            .retain(|dialog| !matches!(dialog, Dialog::PendingAction(_) | Dialog::Preparing(_) | Dialog::Menu { .. }));
        self.dialogs.push(Dialog::PendingAction(Box::new(pending_action)));
        vec![Effect::Order(cluster, Order::PollNow)]
    }
}
