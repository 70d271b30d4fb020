//! What the console knows of drills: their reports, and which one runs. And of what is being prepared: some plans, a drill's
//! among them, need answers that no picture gives. They are asked beside the loop, with a dialog that says so and can be left
//! at any time; the desk that comes back draws up the plan, and every renewal of its checks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;

use super::describe::describe_intent;
use super::pending_action::PendingAction;
use super::resolve_intent::Arguments;
use super::watch::Watch;
use crate::action::Intent;
use crate::action::drill::Scenario;
use crate::action::drill_report::DrillReport;
use crate::action::record::ActionId;
use crate::action::verb::RUN_DRILL;
use crate::config::duration;
use crate::model::name::ClusterName;
use crate::observe::picture::Order;
use crate::operate::job::JobState;
use crate::operate::plan_service::PlanService;
use crate::report::drill;
use crate::report::units;
use crate::tui::app::{App, Availability, ClusterState, Prompt};
use crate::tui::command::Command;
use crate::tui::dialogs::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::{ActionTicket, ClusterIndex};
use crate::tui::options::Hooks;
use crate::tui::views::{DRILL_REPORTS, DRILL_SCENARIOS, DrillViewModel, Running, View};

/// How often reports are read anew while somebody looks at them: a drill may have been begun elsewhere.
const REREAD_INTERVAL: Duration = Duration::from_secs(5);

/// The reports of one cluster, oldest first, or why they cannot be read.
type Read = Result<Vec<DrillReport>, String>;

/// An action whose plan is being prepared.
#[derive(Clone, Debug)]
pub struct Preparing {
    /// By what its answer is known.
    pub(super) ticket: ActionTicket,
    pub(super) cluster: ClusterIndex,
    pub(in crate::tui) intent: Intent,
    /// When it was asked for.
    pub(super) since: Duration,
    /// Why it could not be prepared.
    pub(super) failed: Option<String>,
}

/// What the console has of drills.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct DrillPanel {
    has_port: bool,
    /// The longest outage wished for, as configured.
    targets: BTreeMap<ClusterName, Duration>,
    reports: BTreeMap<ClusterIndex, Read>,
    asked_at: BTreeMap<ClusterIndex, Duration>,
    arrived: Vec<(ClusterIndex, Read)>,
    plan_services: Vec<(ActionTicket, Result<PlanService, String>)>,
}

impl DrillPanel {
    /// As the console over `clusters` is composed.
    pub(in crate::tui) fn new<'a>(hooks: &Hooks, clusters: impl Iterator<Item = &'a ClusterName>) -> Self {
        let Some(port) = &hooks.drills else { return Self::default() };
        let targets = clusters.filter_map(|name| Some((name.clone(), port.target(name)?))).collect();
        Self { has_port: true, targets, ..Self::default() }
    }

    /// The reports of a cluster; `None`: not read yet.
    pub(in crate::tui) fn reports(&self, cluster: ClusterIndex) -> Option<Result<&[DrillReport], &str>> {
        let read = self.reports.get(&cluster)?;
        Some(read.as_deref().map_err(String::as_str))
    }

    /// The reports of a cluster as far as they are known.
    pub(in crate::tui) fn known(&self, cluster: ClusterIndex) -> &[DrillReport] {
        self.reports(cluster).and_then(Result::ok).unwrap_or_default()
    }
}

impl App {
    /// Lays down the reports of a cluster for the next [`Event::Reports`](crate::tui::event::Event::Reports) of it.
    pub fn deposit_reports(&mut self, cluster: ClusterIndex, reports: Result<Vec<DrillReport>, String>) {
        self.acting.drills.arrived.push((cluster, reports));
    }

    /// Lays down a desk for the next [`Event::Prepared`](crate::tui::event::Event::Prepared).
    pub fn deposit_plan_service(&mut self, ticket: ActionTicket, plan_service: Result<PlanService, String>) {
        self.acting.drills.plan_services.push((ticket, plan_service));
    }

    /// Takes reports in.
    pub(in crate::tui) fn take_reports(&mut self) {
        for (cluster, reports) in std::mem::take(&mut self.acting.drills.arrived) {
            self.acting.drills.reports.insert(cluster, reports);
        }
    }

    /// Asks for the reports of the cluster in focus where somebody looks at them and they are not of this moment.
    pub(in crate::tui) fn look_at_reports(&mut self) -> Vec<Effect> {
        let choosing = matches!(&self.prompt, Some(Prompt::Palette(_)));
        if !self.acting.drills.has_port || self.wall.is_some() || !(self.view == View::Drill || choosing) {
            return Vec::new();
        }
        let asked_at = self.acting.drills.asked_at.get(&self.focus);
        if asked_at.is_some_and(|asked_at| self.at.saturating_sub(*asked_at) < REREAD_INTERVAL) {
            return Vec::new();
        }
        vec![self.read_reports(self.focus)]
    }

    /// Asks for the reports of a cluster at once.
    pub(in crate::tui) fn read_reports(&mut self, cluster: ClusterIndex) -> Effect {
        self.acting.drills.asked_at.insert(cluster, self.at);
        Effect::Reports(cluster)
    }

    /// Whether this console can begin drills on the cluster in focus.
    ///
    /// # Errors
    /// The reason why not.
    pub(in crate::tui) fn may_drill(&self) -> Availability {
        self.may_drill_of(self.focus)
    }

    /// The same for the cluster at `cluster`, in whatever view.
    ///
    /// # Errors
    /// The reason why not.
    pub(super) fn may_drill_of(&self, cluster: ClusterIndex) -> Availability {
        self.may_act_on(cluster)?;
        if self.acting.drills.has_port { Ok(()) } else { Err("not available in this console".into()) }
    }

    /// The scenario that the selected row is of: a scenario itself, or a report.
    pub(in crate::tui) fn selected_scenario(&self) -> Option<Scenario> {
        let ((_, pane), row) = self.selection().filter(|((view, _), _)| *view == View::Drill)?;
        match pane.as_str() {
            DRILL_SCENARIOS => Scenario::from_name(row.as_str()),
            DRILL_REPORTS => self.report(self.focus, &ActionId(row.to_string())).map(|report| report.scenario),
            _ => None,
        }
    }

    /// A report by its name.
    pub(in crate::tui) fn report(&self, cluster: ClusterIndex, action: &ActionId) -> Option<&DrillReport> {
        self.acting.drills.known(cluster).iter().find(|report| report.action == *action)
    }

    /// What was typed behind `drill`: the scenario, and the longest outage wished for; each may be left out.
    pub(super) fn given_to_drill(&self, argument: Option<&str>) -> Result<Arguments, Cow<'static, str>> {
        let mut words = argument.unwrap_or_default().split_whitespace().peekable();
        let named = words.next_if(|word| duration(word).is_err());
        let scenario = match named {
            Some(word) => Scenario::from_name(word).ok_or_else(|| {
                let known = Scenario::ALL.map(Scenario::as_str).join(", ");
                Cow::from(format!("no scenario {word}; available: {known}"))
            })?,
            None => self
                .selected_scenario()
                .ok_or("select a scenario in the Drill view (9), or type one, such as :drill kill 30s")?,
        };
        let rest = words.collect::<Vec<_>>().join(" ");
        let configured = self.cluster().and_then(|cluster| self.acting.drills.targets.get(&cluster.name).copied());
        if !rest.is_empty() && duration(&rest).is_err() {
            return Err(format!("{rest}: after the scenario give the RTO target, such as 30s").into());
        }
        let configured = configured.and_then(|target| SignedDuration::try_from(target).ok());
        let target = if rest.is_empty() { configured.map(|target| format!("{target:#}")) } else { Some(rest) };
        Ok(std::iter::once(("scenario", scenario.as_str().to_owned()))
            .chain(target.map(|text| ("target", text)))
            .collect())
    }

    /// Whether something must be asked before `intent` can be planned on the cluster in focus.
    pub(super) fn must_ask(&self, intent: &Intent) -> bool {
        let plan_service = self.cluster().and_then(|cluster| self.acting.plan_services.get(&cluster.name));
        plan_service.is_some_and(|plan_service| plan_service.asks(intent))
    }

    /// Asks what the plan of `intent` needs to know, and says so.
    pub(super) fn prepare(&mut self, cluster: ClusterIndex, intent: Intent) -> Vec<Effect> {
        let ticket = self.acting.ticket();
        self.dialogs
            .retain(|dialog| !matches!(dialog, Dialog::PendingAction(_) | Dialog::Menu { .. } | Dialog::Preparing(_)));
        let asked = Effect::Prepare { ticket, cluster, intent: Box::new(intent.clone()) };
        let preparing = Preparing { ticket, cluster, intent, since: self.at, failed: None };
        self.dialogs.push(Dialog::Preparing(preparing));
        vec![asked, Effect::Order(cluster, Order::PollNow)]
    }

    /// Takes in what was asked: the plan stands where it was waited for. Nobody waits any more: nothing.
    pub(in crate::tui) fn prepared(&mut self, ticket: ActionTicket) {
        let plan_services = &mut self.acting.drills.plan_services;
        let Some(place) = plan_services.iter().position(|(of, _)| *of == ticket) else { return };
        let (_, plan_service) = plan_services.swap_remove(place);
        let waits = |dialog: &&mut Dialog| matches!(dialog, Dialog::Preparing(waiting) if waiting.ticket == ticket);
        let Some(dialog) = self.dialogs.iter_mut().find(waits) else { return };
        let Dialog::Preparing(waiting) = dialog else { return };
        match plan_service {
            Ok(plan_service) => {
                let Some(state) = self.clusters.get(waiting.cluster) else { return };
                let pending_action =
                    PendingAction::new(waiting.cluster, waiting.intent.clone(), plan_service, &state.live().snapshot);
                *dialog = Dialog::PendingAction(Box::new(pending_action));
            }
            Err(why) => waiting.failed = Some(why),
        }
    }

    /// The drill that runs on a cluster: one of this console, else one of another on this host, else one that the
    /// operation lock tells of.
    pub(in crate::tui) fn running_drill(&self, cluster: ClusterIndex) -> Option<Running> {
        let state = self.clusters.get(cluster)?;
        let scenario_of = |intent: &Intent| match intent {
            Intent::Drill { scenario, .. } => Some(*scenario),
            _ => None,
        };
        let mut watch =
            self.acting.watches.iter().rev().filter(|watch| watch.cluster == state.name && !watch.is_over());
        let own = watch.find_map(|watch| Some((scenario_of(&watch.plan.intent)?, watch.status_line())));
        if let Some((scenario, standing)) = own {
            return Some(Running { scenario: Some(scenario), text: format!("{standing} · press A to view") });
        }
        // This console may know already that it is over, where a list or a picture does not yet.
        let over = |action: &str| {
            let mut ours = self.acting.watches.iter().filter(|watch| watch.is_over());
            ours.any(|watch| watch.action.as_ref().is_some_and(|known| known.0 == action))
        };
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok()).into_iter().flatten();
        let runs = |one: &&crate::operate::ports::JobSummary| {
            one.request.plan.cluster == state.name
                && matches!(one.state, JobState::Running(_))
                && !over(&one.action().0)
        };
        let other = listed.filter(runs).find_map(|one| Some((scenario_of(&one.request.plan.intent)?, one)));
        if let Some((scenario, one)) = other {
            let since = units::time_of_day(one.at, &self.options.zone);
            let words = format!("started {since} by {} · press A to view", one.request.operator);
            return Some(Running { scenario: Some(scenario), text: words });
        }
        let lock = state.live().snapshot.operation_lock().filter(|lock| lock.fresh)?.value;
        (lock.verb == *"drill" && !over(lock.action.as_str()))
            .then(|| Running { scenario: None, text: lock.describe() })
    }

    /// The report of a drill that is over, where it is known already.
    pub(super) fn report_of(&self, watch: &Watch) -> Option<&DrillReport> {
        let cluster = self.clusters.iter().position(|cluster| cluster.name == watch.cluster)?;
        self.report(cluster, watch.action.as_ref().filter(|_| watch.is_over())?)
    }

    /// What the Drill view of a cluster is made from.
    pub(in crate::tui) fn drill_view_model(&self, cluster: &ClusterState) -> DrillViewModel<'_> {
        let cluster = self.clusters.iter().position(|known| known.name == cluster.name).unwrap_or(self.focus);
        DrillViewModel {
            reports: self.acting.drills.reports(cluster),
            has_reports: self.acting.drills.has_port,
            running: self.running_drill(cluster),
            refusal: self.may_drill().err(),
        }
    }

    /// What is said of an argument in the palette beside it; `None`: nothing of its own.
    pub(in crate::tui) fn described_argument(&self, command: Command, argument: &str) -> Option<String> {
        if command != Command::Act(&RUN_DRILL) {
            let Command::Act(verb) = command else { return None };
            let snapshot = &self.cluster()?.live().snapshot;
            // With names: whom it would be done to is what one chooses by.
            return self.resolve_intent(verb, Some(argument)).ok().map(|intent| describe_intent(&intent, snapshot));
        }
        let scenario = Scenario::from_name(argument.split_whitespace().next()?)?;
        let expected = drill::expectation(self.acting.drills.known(self.focus), scenario);
        Some(format!("{}: {expected}", scenario.describe()))
    }
}
