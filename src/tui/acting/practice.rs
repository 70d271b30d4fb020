//! What the console knows of drills: their reports, which one runs, and the one that is being prepared.
//!
//! A drill's plan needs answers that no picture gives. They are asked beside the loop, with a dialog that says so and can
//! be left at any time; the desk that comes back draws up the plan, and every renewal of its checks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::draft::Draft;
use super::saying::saying;
use super::watch::Watch;
use crate::action::Intent;
use crate::action::drill::Scenario;
use crate::action::drill_report::Report;
use crate::action::record::ActionId;
use crate::config::duration;
use crate::model::name::ClusterName;
use crate::observe::picture::Order;
use crate::operate::desk::Desk;
use crate::operate::job::JobState;
use crate::report::drill;
use crate::report::units;
use crate::tui::app::{App, Availability, ClusterState, Prompt};
use crate::tui::command::{Command, Verb};
use crate::tui::dialogs::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::{ClusterIndex, Ticket};
use crate::tui::options::Hooks;
use crate::tui::views::{DRILL_REPORTS, DRILL_SCENARIOS, DrillScene, Running, View};

/// How often reports are read anew while somebody looks at them: a drill may have been begun elsewhere.
const REREAD: Duration = Duration::from_secs(5);

/// The reports of one cluster, oldest first, or why they cannot be read.
type Read = Result<Vec<Report>, String>;

/// A drill that is being prepared.
#[derive(Clone, Debug)]
pub struct Preparing {
    /// By what its answer is known.
    pub(super) ticket: Ticket,
    pub(super) cluster: ClusterIndex,
    pub(super) scenario: Scenario,
    target: Option<Duration>,
    /// When it was asked for.
    pub(super) since: Duration,
    /// Why it could not be prepared.
    pub(super) failed: Option<String>,
}

/// What the console has of drills.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Practice {
    has_port: bool,
    /// The longest outage wished for, as configured.
    targets: BTreeMap<ClusterName, Duration>,
    reports: BTreeMap<ClusterIndex, Read>,
    asked_at: BTreeMap<ClusterIndex, Duration>,
    arrived: Vec<(ClusterIndex, Read)>,
    desks: Vec<(Ticket, Result<Desk, String>)>,
}

impl Practice {
    /// As the console over `clusters` is composed.
    pub(in crate::tui) fn new<'a>(hooks: &Hooks, clusters: impl Iterator<Item = &'a ClusterName>) -> Self {
        let Some(port) = &hooks.drills else { return Self::default() };
        let targets = clusters.filter_map(|name| Some((name.clone(), port.target(name)?))).collect();
        Self { has_port: true, targets, ..Self::default() }
    }

    /// The reports of a cluster; `None`: not read yet.
    pub(in crate::tui) fn reports(&self, cluster: ClusterIndex) -> Option<Result<&[Report], &str>> {
        let read = self.reports.get(&cluster)?;
        Some(read.as_deref().map_err(String::as_str))
    }

    /// The reports of a cluster as far as they are known.
    pub(in crate::tui) fn known(&self, cluster: ClusterIndex) -> &[Report] {
        self.reports(cluster).and_then(Result::ok).unwrap_or_default()
    }
}

impl App {
    /// Lays down the reports of a cluster for the next [`Event::Reports`](crate::tui::event::Event::Reports) of it.
    pub fn deposit_reports(&mut self, cluster: ClusterIndex, reports: Result<Vec<Report>, String>) {
        self.acting.practice.arrived.push((cluster, reports));
    }

    /// Lays down a desk for the next [`Event::Prepared`](crate::tui::event::Event::Prepared).
    pub fn deposit_desk(&mut self, ticket: Ticket, desk: Result<Desk, String>) {
        self.acting.practice.desks.push((ticket, desk));
    }

    /// Takes reports in.
    pub(in crate::tui) fn take_reports(&mut self) {
        for (cluster, reports) in std::mem::take(&mut self.acting.practice.arrived) {
            self.acting.practice.reports.insert(cluster, reports);
        }
    }

    /// Asks for the reports of the cluster in focus where somebody looks at them and they are not of this moment.
    pub(in crate::tui) fn look_at_reports(&mut self) -> Vec<Effect> {
        let choosing = matches!(&self.prompt, Some(Prompt::Palette(_)));
        if !self.acting.practice.has_port || self.wall.is_some() || !(self.view == View::Drill || choosing) {
            return Vec::new();
        }
        let asked_at = self.acting.practice.asked_at.get(&self.focus);
        if asked_at.is_some_and(|asked_at| self.at.saturating_sub(*asked_at) < REREAD) {
            return Vec::new();
        }
        vec![self.read_reports(self.focus)]
    }

    /// Asks for the reports of a cluster at once.
    pub(in crate::tui) fn read_reports(&mut self, cluster: ClusterIndex) -> Effect {
        self.acting.practice.asked_at.insert(cluster, self.at);
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
        if self.acting.practice.has_port { Ok(()) } else { Err("not available in this console".into()) }
    }

    /// The scenario that the selected row is of: a scenario itself, or a report.
    pub(in crate::tui) fn selected_scenario(&self) -> Option<Scenario> {
        let ((_, pane), row) = self.selection().filter(|((view, _), _)| *view == View::Drill)?;
        match pane.as_str() {
            DRILL_SCENARIOS => Scenario::from_word(row.as_str()),
            DRILL_REPORTS => self.report(self.focus, &ActionId(row.to_string())).map(|report| report.scenario),
            _ => None,
        }
    }

    /// A report by its name.
    pub(in crate::tui) fn report(&self, cluster: ClusterIndex, action: &ActionId) -> Option<&Report> {
        self.acting.practice.known(cluster).iter().find(|report| report.action == *action)
    }

    /// What was typed behind `drill`: the scenario, and the longest outage wished for; each may be left out.
    pub(super) fn wish_to_drill(&self, argument: Option<&str>) -> Result<Intent, Cow<'static, str>> {
        let mut words = argument.unwrap_or_default().split_whitespace().peekable();
        let named = words.next_if(|word| duration(word).is_err());
        let scenario = match named {
            Some(word) => Scenario::from_word(word).ok_or_else(|| {
                let known = Scenario::ALL.map(Scenario::word).join(", ");
                Cow::from(format!("no scenario is called {word}; there is {known}"))
            })?,
            None => self
                .selected_scenario()
                .ok_or("select a scenario in the Drill view (9), or type one, such as :drill kill 30s")?,
        };
        let rest = words.collect::<Vec<_>>().join(" ");
        let configured = self.cluster().and_then(|cluster| self.acting.practice.targets.get(&cluster.name).copied());
        let target = if rest.is_empty() {
            configured
        } else {
            let typed = duration(&rest);
            Some(typed.map_err(|_| format!("{rest}: behind the scenario write the longest outage wished for: 30s"))?)
        };
        Ok(Intent::Drill { scenario, target })
    }

    /// Asks what the plan of a drill needs to know, and says so.
    pub(super) fn prepare_drill(
        &mut self,
        cluster: ClusterIndex,
        scenario: Scenario,
        target: Option<Duration>,
    ) -> Vec<Effect> {
        let ticket = self.acting.ticket();
        self.dialogs.retain(|dialog| !matches!(dialog, Dialog::Draft(_) | Dialog::Menu { .. } | Dialog::Preparing(_)));
        let preparing = Preparing { ticket, cluster, scenario, target, since: self.at, failed: None };
        self.dialogs.push(Dialog::Preparing(preparing));
        vec![Effect::Prepare { ticket, cluster, scenario }, Effect::Order(cluster, Order::PollNow)]
    }

    /// Takes in what was asked: the plan stands where it was waited for. Nobody waits any more: nothing.
    pub(in crate::tui) fn prepared(&mut self, ticket: Ticket) {
        let desks = &mut self.acting.practice.desks;
        let Some(place) = desks.iter().position(|(of, _)| *of == ticket) else { return };
        let (_, desk) = desks.swap_remove(place);
        let waits = |dialog: &&mut Dialog| matches!(dialog, Dialog::Preparing(waiting) if waiting.ticket == ticket);
        let Some(dialog) = self.dialogs.iter_mut().find(waits) else { return };
        let Dialog::Preparing(waiting) = dialog else { return };
        match desk {
            Ok(desk) => {
                let Some(state) = self.clusters.get(waiting.cluster) else { return };
                let intent = Intent::Drill { scenario: waiting.scenario, target: waiting.target };
                let draft = Draft::new(waiting.cluster, intent, desk, &state.live().snapshot);
                *dialog = Dialog::Draft(Box::new(draft));
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
        let own = watch.find_map(|watch| Some((scenario_of(&watch.plan.intent)?, watch.standing())));
        if let Some((scenario, standing)) = own {
            return Some(Running { scenario: Some(scenario), words: format!("{standing} · A shows it") });
        }
        // This console may know already that it is over, where a list or a picture does not yet.
        let over = |action: &str| {
            let mut ours = self.acting.watches.iter().filter(|watch| watch.is_over());
            ours.any(|watch| watch.action.as_ref().is_some_and(|known| known.0 == action))
        };
        let listed = self.acting.listed.as_ref().and_then(|listed| listed.as_ref().ok()).into_iter().flatten();
        let runs = |one: &&crate::operate::hand::Listed| {
            one.request.plan.cluster == state.name
                && matches!(one.state, JobState::Running(_))
                && !over(&one.action().0)
        };
        let other = listed.filter(runs).find_map(|one| Some((scenario_of(&one.request.plan.intent)?, one)));
        if let Some((scenario, one)) = other {
            let since = units::time_of_day(one.at, &self.options.zone);
            let words = format!("begun {since} by {} · A watches it", one.request.operator);
            return Some(Running { scenario: Some(scenario), words });
        }
        let lock = state.live().snapshot.recorded(|content| content.lock.clone()).filter(|lock| lock.fresh)?.value;
        (lock.verb == *"drill" && !over(lock.action.as_str())).then(|| Running { scenario: None, words: lock.words() })
    }

    /// The report of a drill that is over, where it is known already.
    pub(super) fn report_of(&self, watch: &Watch) -> Option<&Report> {
        let cluster = self.clusters.iter().position(|cluster| cluster.name == watch.cluster)?;
        self.report(cluster, watch.action.as_ref().filter(|_| watch.is_over())?)
    }

    /// What the Drill view of a cluster is made from.
    pub(in crate::tui) fn drill_scene(&self, cluster: &ClusterState) -> DrillScene<'_> {
        let cluster = self.clusters.iter().position(|known| known.name == cluster.name).unwrap_or(self.focus);
        DrillScene {
            reports: self.acting.practice.reports(cluster),
            has_reports: self.acting.practice.has_port,
            running: self.running_drill(cluster),
            refusal: self.may_drill().err(),
        }
    }

    /// What is said of an argument in the palette beside it; `None`: nothing of its own.
    pub(in crate::tui) fn told_of_argument(&self, command: Command, argument: &str) -> Option<String> {
        if command != Command::Act(Verb::Drill) {
            let Command::Act(verb) = command else { return None };
            let snapshot = &self.cluster()?.live().snapshot;
            // With names: whom it would be done to is what one chooses by.
            return self.wish(verb, Some(argument)).ok().map(|intent| saying(&intent, snapshot));
        }
        let scenario = Scenario::from_word(argument.split_whitespace().next()?)?;
        let expected = drill::expectation(self.acting.practice.known(self.focus), scenario);
        Some(format!("{}: {expected}", scenario.words()))
    }
}
