//! Commands: what each one does to the state, and what it asks of the world.

use std::time::Duration;

use super::{App, MAX_TRAIL, Prompt};
use crate::action::record::ActionId;
use crate::model::name::ClusterName;
use crate::model::router::ProxyKind;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::Order;
use crate::report::table::Table;
use crate::report::units;
use crate::tui::acting::ReportSelection;
use crate::tui::command::Command;
use crate::tui::dialogs::Dialog;
use crate::tui::effect::{Effect, Outcome};
use crate::tui::event::{ClusterIndex, Notice};
use crate::tui::palette::{Choices, Palette};
use crate::tui::views::{CLUSTERS, DRILL_REPORTS, View};
use crate::tui::widgets::table::TableState;

/// Intervals that `+` and `-` step through, in milliseconds.
const INTERVALS: [u64; 9] = [500, 1000, 2000, 3000, 5000, 10_000, 15_000, 30_000, 60_000];

/// Columns that one key scrolls text by.
const SCROLL: isize = 8;

impl App {
    /// Does `command`, or says why it cannot be done.
    pub(in crate::tui) fn run(&mut self, command: Command, argument: Option<String>) -> Vec<Effect> {
        if let Some(wall) = &mut self.wall {
            return match command {
                Command::Close | Command::Quit => vec![Effect::Quit(Outcome::Quit)],
                Command::PageUp => wall.page(-1, self.at, self.clusters.len()),
                Command::PageDown => wall.page(1, self.at, self.clusters.len()),
                Command::Redraw => vec![Effect::Redraw],
                _ => Vec::new(),
            };
        }
        if let Some(effects) = self.in_dialog(command) {
            return effects;
        }
        self.carry_out(command, argument)
    }

    /// The same whatever is open.
    pub(super) fn carry_out(&mut self, command: Command, argument: Option<String>) -> Vec<Effect> {
        if let Err(reason) = self.availability_with(command, argument.as_deref()) {
            self.tell(Notice::failed(reason));
            return Vec::new();
        }
        let page = isize::try_from(self.page()).unwrap_or(isize::MAX);
        match command {
            Command::Close => return self.close_layer(),
            Command::Quit => return self.leave(),
            Command::View(view) => self.go(view, self.focus),
            Command::Back => self.back(),
            Command::Detail => self.open_detail(),
            Command::NextPane => self.move_focus(1),
            Command::PreviousPane => self.move_focus(-1),
            Command::Up => self.move_by(-1),
            Command::Down => self.move_by(1),
            Command::PageUp => self.move_by(-page),
            Command::PageDown => self.move_by(page),
            Command::First => self.select(|_, _| 0),
            Command::Last => self.select(|_, rows| rows.saturating_sub(1)),
            Command::ScrollLeft => self.scroll_text(-SCROLL),
            Command::ScrollRight => self.scroll_text(SCROLL),
            Command::SortNext => self.move_sort(1),
            Command::SortPrevious => self.move_sort(-1),
            Command::SortDirection => self.turn_sort(),
            Command::Filter => self.open_filter(),
            Command::Palette => self.open_palette(),
            Command::Help => self.dialogs.push(Dialog::Help { scroll: 0 }),
            Command::CopyRow => return self.copy(true),
            Command::CopyName => return self.copy(false),
            Command::SaveScreen => return vec![Effect::SaveScreen],
            Command::Freeze => self.toggle_freeze(),
            Command::StepBack => self.step_back(),
            Command::StepForward => self.step_forward(),
            Command::Faster => {
                return self.change_interval(|present| INTERVALS.into_iter().rev().find(|step| *step < present));
            }
            Command::Slower => {
                return self.change_interval(|present| INTERVALS.into_iter().find(|step| *step > present));
            }
            Command::Interval => return self.interval_from(argument.as_deref()),
            Command::PollNow => {
                self.tell(Notice::done("querying every source"));
                return (0..self.clusters.len()).map(|index| Effect::Order(index, Order::PollNow)).collect();
            }
            Command::Dismiss => {
                if let Some(node) = self.missing_member() {
                    self.tell(Notice::done(format!("{node} is forgotten")));
                    return vec![Effect::Order(self.focus, Order::Dismiss(node))];
                }
            }
            Command::Acknowledge => return self.acknowledge(argument.as_deref()),
            Command::NextCluster => self.change_cluster(1),
            Command::PreviousCluster => self.change_cluster(-1),
            Command::Cluster => self.cluster_named(argument.as_deref()),
            Command::Psql => return self.psql_target().map(Effect::Psql).into_iter().collect(),
            Command::Evidence => return self.evidence(),
            Command::Theme => self.choose_theme(argument),
            Command::Mouse => {
                self.mouse = !self.mouse;
                let state = if self.mouse { "on" } else { "off: the terminal selects text" };
                self.tell(Notice::done(format!("mouse {state}")));
                return vec![Effect::Mouse(self.mouse)];
            }
            Command::Act(verb) => return self.act(verb, argument.as_deref()),
            Command::EditConfiguration => return self.edit_configuration(self.focus, &serde_json::Map::new()),
            Command::Menu => self.dialogs.push(Dialog::Menu { selected: 0, is_whole: false }),
            Command::Actions => return self.open_actions(),
            Command::CancelAction => return self.cancel_running(),
            Command::Undo => return self.undo_named(argument.as_deref()),
            Command::Suspend => return vec![Effect::Suspend],
            Command::Redraw => return vec![Effect::Redraw],
        }
        Vec::new()
    }

    fn move_by(&mut self, rows: isize) {
        self.select(|present, count| present.saturating_add_signed(rows).min(count.saturating_sub(1)));
    }

    /// Name of the file that the screen is saved under.
    pub(in crate::tui) fn save_name(&self) -> String {
        let Some(cluster) = self.cluster() else { return "pgctl-tui".to_owned() };
        let at =
            cluster.shown().snapshot.wall.to_zoned(self.options.zone.clone()).strftime("%Y%m%d-%H%M%S").to_string();
        format!("pgctl-tui-{}-{}-{at}", cluster.name, self.view.title().to_lowercase())
    }

    /// Shows a view of a cluster, and remembers where one came from.
    pub(in crate::tui) fn go(&mut self, view: View, cluster: ClusterIndex) {
        if (view, cluster) == (self.view, self.focus) {
            return;
        }
        self.trail.push((self.view, self.focus));
        if self.trail.len() > MAX_TRAIL {
            self.trail.remove(0);
        }
        self.switch_view(view, cluster);
    }

    fn switch_view(&mut self, view: View, cluster: ClusterIndex) {
        self.view = view;
        self.focus_on(cluster);
        if view == View::Clusters
            && let Some(name) = self.cluster().map(|cluster| cluster.name.text().clone())
        {
            self.tables.entry((view, CLUSTERS.to_owned())).or_default().selected = Some(name);
        }
    }

    fn focus_on(&mut self, cluster: ClusterIndex) {
        if cluster == self.focus {
            return;
        }
        self.focus = cluster;
        // A selection and a filter belong to the rows of one cluster; the order of columns does not.
        for ((view, _), state) in &mut self.tables {
            if *view != View::Clusters {
                *state = TableState { sort: state.sort, ..TableState::default() };
            }
        }
        self.surface.tables.retain(|(view, _), _| *view == View::Clusters);
        self.surface.lines.clear();
    }

    /// Among all clusters, the one selected is the one that the header tells of and that every other view shows next.
    pub(super) fn follow_selection(&mut self) {
        if self.view != View::Clusters || self.clusters.len() < 2 || self.wall.is_some() {
            return;
        }
        let selected = self.selection().map(|(_, row)| row);
        let index = self.clusters.iter().position(|cluster| Some(cluster.name.text()) == selected.as_ref());
        if let Some(index) = index {
            self.focus_on(index);
        }
    }

    /// Closes what lies over the plain view: a filter, a picture that stands still; else leaves the console.
    fn close_layer(&mut self) -> Vec<Effect> {
        if !self.close_filter_or_freeze() {
            return self.leave();
        }
        Vec::new()
    }

    fn close_filter_or_freeze(&mut self) -> bool {
        if self.is_filtered() {
            self.set_filter(String::new());
        } else if self.frozen.is_some() {
            self.toggle_freeze();
        } else {
            return false;
        }
        true
    }

    /// Leaves the console; while an action of it runs, asks once.
    pub(super) fn leave(&mut self) -> Vec<Effect> {
        let asked = matches!(self.dialogs.last(), Some(Dialog::Leaving));
        if asked || self.acting.running_here().next().is_none() {
            return vec![Effect::Quit(Outcome::Quit)];
        }
        self.dialogs.push(Dialog::Leaving);
        Vec::new()
    }

    fn back(&mut self) {
        if self.close_filter_or_freeze() {
            return;
        }
        if let Some((view, cluster)) = self.trail.pop() {
            // Never into another cluster: what is typed next is meant for this one. Up to all of them it may lead.
            if cluster == self.focus || view == View::Clusters {
                let cluster = if view == View::Clusters { self.focus } else { cluster };
                self.switch_view(view, cluster);
            } else {
                self.trail.clear();
                self.switch_view(View::Clusters, self.focus);
            }
        }
    }

    fn open_detail(&mut self) {
        let Some(((view, pane), row)) = self.selection() else { return };
        if view == View::Clusters {
            let found = self.clusters.iter().position(|cluster| cluster.name.text() == &row);
            if let Some(index) = found {
                self.go(View::Topology, index);
            }
            return;
        }
        if let (View::Drill, Some(scenario)) = (view, self.selected_scenario()) {
            let action = (pane == DRILL_REPORTS).then(|| ActionId(row.to_string()));
            self.dialogs.push(Dialog::Story {
                report_selection: ReportSelection { cluster: self.focus, scenario, action },
                scroll: 0,
            });
            return;
        }
        self.dialogs.push(Dialog::Detail { view, pane, row, scroll: 0 });
    }

    pub(super) fn close_dialog(&mut self) {
        if let Some(Dialog::Themes { before, .. }) = self.dialogs.pop() {
            self.theme = *before;
        }
    }

    fn open_palette(&mut self) {
        self.open_palette_with("");
    }

    /// Opens the palette with something typed already.
    pub(in crate::tui) fn open_palette_with(&mut self, typed: &str) {
        self.prompt = Some(Prompt::Palette(Palette::new(self.choices()).typed(typed)));
    }

    /// What may be typed behind commands.
    pub(super) fn choices(&self) -> Choices {
        let clusters = self.clusters.iter().map(|cluster| cluster.name.to_string()).collect();
        let themes = self.themes.iter().map(|theme| theme.name.clone()).collect();
        let mut choices = Choices { clusters, themes, actions: self.has_pending_undo(), ..Choices::default() };
        if let Some(cluster) = self.cluster() {
            let snapshot = &cluster.live().snapshot;
            choices.members = snapshot.members.iter().map(|member| member.name.to_string()).collect();
            let servers =
                snapshot.routers.iter().filter_map(|router| Some((router, router.reading(snapshot.now)?.last()?)));
            choices.servers = servers
                .flat_map(|(router, report)| report.rows.iter().map(move |row| (router, row)))
                .filter(|(_, row)| row.kind == ProxyKind::Server)
                .map(|(router, row)| format!("{}/{}/{}", router.name, row.proxy, row.server))
                .collect();
            choices.poolers = poolers(snapshot);
            choices.sessions = sessions(snapshot);
        }
        choices
    }

    fn choose_theme(&mut self, argument: Option<String>) {
        let names: Vec<String> = self.themes.iter().map(|theme| theme.name.clone()).collect();
        match argument.filter(|name| !name.is_empty()) {
            Some(name) if names.contains(&name) => self.preview(&name),
            Some(name) => self.tell(Notice::failed(format!("no theme {name}"))),
            None => {
                let selected = names.iter().position(|name| *name == self.theme.name).unwrap_or(0);
                self.dialogs.push(Dialog::Themes { names, selected, before: Box::new(self.theme.clone()) });
            }
        }
    }

    /// Shows the theme called `name`.
    pub(super) fn preview(&mut self, name: &str) {
        let Some(theme) = self.themes.iter().find(|theme| theme.name == name) else { return };
        self.theme = theme.clone();
        if let Some(warning) = self.theme.warnings.first().cloned() {
            self.tell(Notice::failed(warning));
        }
    }

    fn copy(&mut self, whole: bool) -> Vec<Effect> {
        let Some((key, table)) = self.focused_table() else { return Vec::new() };
        let Some(index) = self.table_state(key.0, &key.1).index(&table) else { return Vec::new() };
        let text = copied(&table, index, whole);
        self.tell(Notice::done(if whole { "row copied".to_owned() } else { format!("{text} copied") }));
        vec![Effect::Copy(text)]
    }

    fn evidence(&mut self) -> Vec<Effect> {
        let Some(cluster) = self.cluster() else { return Vec::new() };
        let effect = Effect::Evidence(cluster.name.clone(), cluster.shown().clone());
        self.tell(Notice::done("writing an evidence bundle"));
        vec![effect]
    }

    fn change_interval(&mut self, step: impl FnOnce(u64) -> Option<u64>) -> Vec<Effect> {
        let present = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        match step(present) {
            Some(millis) => self.set_interval(Duration::from_millis(millis)),
            None => Vec::new(),
        }
    }

    fn interval_from(&mut self, argument: Option<&str>) -> Vec<Effect> {
        let seconds = argument.and_then(|text| text.trim().trim_end_matches('s').trim_end().parse::<f64>().ok());
        let within = seconds.filter(|seconds| (0.5..=3600.0).contains(seconds));
        if let Some(seconds) = within {
            return self.set_interval(Duration::from_secs_f64(seconds));
        }
        self.tell(Notice::failed("interval takes seconds, from 0.5 to 3600"));
        Vec::new()
    }

    fn set_interval(&mut self, interval: Duration) -> Vec<Effect> {
        self.interval = interval;
        self.tell(Notice::done(format!("refresh every {}", units::duration(interval))));
        vec![Effect::Interval(interval)]
    }

    fn change_cluster(&mut self, step: isize) {
        if self.view == View::Clusters {
            return self.move_by(step);
        }
        let count = isize::try_from(self.clusters.len()).unwrap_or(1).max(1);
        let next = (isize::try_from(self.focus).unwrap_or(0) + step).rem_euclid(count);
        self.switch_view(self.view, usize::try_from(next).unwrap_or(0));
    }

    fn cluster_named(&mut self, argument: Option<&str>) {
        let name = argument.map(ClusterName::new);
        match name.and_then(|name| self.clusters.iter().position(|cluster| cluster.name == name)) {
            Some(index) => {
                let view = if self.view == View::Clusters { View::Topology } else { self.view };
                self.go(view, index);
            }
            None => {
                let names: Vec<&str> = self.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
                let known = names.join(", ");
                let words = match argument {
                    Some(argument) => format!("there is no cluster {argument}; there are: {known}"),
                    None => format!("name a cluster: {known}"),
                };
                self.tell(Notice::failed(words));
            }
        }
    }
}

/// Poolers, each followed by its databases.
fn poolers(snapshot: &Snapshot) -> Vec<String> {
    let each = snapshot.poolers.iter().flat_map(|reading| {
        let name = reading.source.target.to_string();
        let databases = reading.last().into_iter().flat_map(|report| &report.databases);
        let databases = databases.map(|database| format!("{}/{}", reading.source.target, database.name));
        [name].into_iter().chain(databases.collect::<Vec<_>>())
    });
    each.collect()
}

/// Sessions as NODE/PID, in the order in which they are told.
fn sessions(snapshot: &Snapshot) -> Vec<String> {
    let reported =
        snapshot.members.iter().filter_map(|member| Some((member, member.sql.as_ref()?.fresh(snapshot.now)?)));
    reported
        .flat_map(|(member, report)| report.sessions.iter().map(|session| format!("{}/{}", member.name, session.pid)))
        .collect()
}

/// A row as text for the clipboard: its cells with tabs between, or its name.
fn copied(table: &Table, index: usize, whole: bool) -> String {
    let Some(row) = table.rows.get(index) else { return String::new() };
    if !whole {
        return row.id.to_string();
    }
    row.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join("\t")
}
