//! The actions for the selected row: what mends the trouble it tells of, what fits it, and folded below that what is for
//! the cluster as a whole and what cannot be done now, with the reason.

use std::borrow::Cow;

use super::describe::describe_intent;
use super::dialog_model::DialogModel;
use super::remedy::{helping, remedy};
use super::row_subject::{RowSubject, RowTarget};
use crate::action::verb::{SET, Subject};
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::command::{Command, CommandSpec, Danger};
use crate::tui::widgets::wrap::fold;

/// Columns before what it does.
const NAME_WIDTH: usize = 20;

/// Where an action stands in the menu.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    /// It mends what the finding tells of.
    Remedy,
    /// It fits what the row is about.
    Fitting,
    /// It fits the member behind that.
    Member,
    /// It is for the member that a finding is about, and mends nothing of what that tells of.
    Beside,
    /// It is for the cluster as a whole.
    Cluster,
    /// It is for the like of this row, and cannot be done now.
    Impossible,
    /// It is for rows of another kind; its letter says where those are.
    Elsewhere,
}

/// One action.
#[derive(Clone, Debug)]
pub(super) struct MenuEntry {
    pub(super) letter: char,
    pub(super) spec: &'static CommandSpec,
    /// What is written behind its name, where it is not for the row itself.
    pub(super) argument: Option<String>,
    /// What it would do, with names.
    text: String,
    pub(super) refusal: Option<Cow<'static, str>>,
    part: Part,
}

/// What can be chosen.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// An action.
    Action(MenuEntry),
    /// To see the rest.
    More,
}

/// The menu of a row.
pub(super) struct Menu {
    row_subject: RowSubject,
    /// Every action, in the order of the menu.
    entries: Vec<MenuEntry>,
    is_whole: bool,
}

/// What kind of row an action is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cluster,
    Member,
    Server,
    Pooler,
    Session,
    Scenario,
}

fn kind(command: Command) -> Kind {
    let Command::Act(shortcut) = command else { return Kind::Cluster };
    match shortcut.subject {
        Subject::Cluster | Subject::Changes => Kind::Cluster,
        Subject::Candidate | Subject::Successor | Subject::Member | Subject::Members | Subject::Drained => Kind::Member,
        Subject::Server => Kind::Server,
        Subject::Pooler => Kind::Pooler,
        Subject::Session => Kind::Session,
        Subject::Scenario => Kind::Scenario,
    }
}

/// Where an action that can be done stands for a row about `about`.
fn part(command: Command, about: &RowTarget) -> Part {
    let of_all = matches!(command, Command::Act(shortcut) if shortcut.subject.needs_nobody());
    match (kind(command), about) {
        (Kind::Cluster, RowTarget::Cluster)
        | (Kind::Member, RowTarget::Member(_))
        | (Kind::Server, RowTarget::Server { .. })
        | (Kind::Pooler, RowTarget::Pooler { .. })
        | (Kind::Session, RowTarget::Session { .. })
        | (Kind::Scenario, RowTarget::Scenario(_)) => Part::Fitting,
        (_, RowTarget::Cluster) if of_all => Part::Fitting,
        (Kind::Member, RowTarget::Server { member: Some(_), .. }) => Part::Member,
        (Kind::Cluster, _) => Part::Cluster,
        _ if of_all => Part::Cluster,
        // A session's node is known, and not what somebody who selects a session thinks of.
        _ => Part::Elsewhere,
    }
}

/// Of a row that tells of a trouble, what helps comes first, and what does not is kept apart: whoever presses Enter there
/// means to mend it.
fn set_apart(code: &str, entries: &mut [MenuEntry]) {
    let helps = helping(code).unwrap_or_default();
    for entry in entries {
        let is_help = helps.iter().any(|verb| Command::Act(verb) == entry.spec.command);
        entry.part = match entry.part {
            Part::Fitting | Part::Member | Part::Cluster if is_help => Part::Fitting,
            Part::Fitting | Part::Member => Part::Beside,
            other => other,
        };
    }
}

impl Menu {
    fn of(app: &App, is_whole: bool) -> Self {
        let row_subject = app.row_subject();
        let mut entries: Vec<MenuEntry> = Vec::new();
        if let Some(entry) = app.remedy_entry(&row_subject) {
            entries.push(entry);
        }
        for (letter, spec) in Command::menu() {
            let known = entries.iter().any(|entry| entry.spec.command == spec.command);
            if !known {
                entries.push(app.menu_entry(&row_subject, letter, spec));
            }
        }
        if let Some(finding) = &row_subject.finding {
            set_apart(finding.code, &mut entries);
        }
        let helps = row_subject.finding.as_ref().and_then(|finding| helping(finding.code)).unwrap_or_default();
        let place = |entry: &MenuEntry| helps.iter().position(|verb| Command::Act(verb) == entry.spec.command);
        entries.sort_by_key(|entry| (entry.part, place(entry)));
        Self { row_subject, entries, is_whole }
    }

    /// What can be chosen, from top to bottom.
    fn choices(&self) -> Vec<Choice> {
        let last = if self.is_whole { Part::Impossible } else { Part::Member };
        let shown = self.entries.iter().filter(|entry| entry.part <= last);
        let mut choices: Vec<Choice> = shown.cloned().map(Choice::Action).collect();
        if !self.is_whole && self.entries.iter().any(|entry| (Part::Beside..=Part::Impossible).contains(&entry.part)) {
            choices.push(Choice::More);
        }
        choices
    }

    fn heading(&self, part: Part) -> Option<Line> {
        let words = match part {
            Part::Remedy => return self.finding_line(),
            Part::Member => self.row_subject.member()?.to_string(),
            // It helps where the finding stands, and its row says whom it is about.
            Part::Fitting if self.entries.iter().all(|entry| entry.part != Part::Remedy) => return self.finding_line(),
            Part::Fitting | Part::Elsewhere => return None,
            Part::Beside => match self.row_subject.member() {
                Some(member) => format!("ALSO, ON {member}"),
                None => "ALSO".to_owned(),
            },
            Part::Cluster => "THE WHOLE CLUSTER".to_owned(),
            Part::Impossible => "NOT AVAILABLE NOW".to_owned(),
        };
        Some(Line::new().with(words, Tone::Strong))
    }

    fn finding_line(&self) -> Option<Line> {
        Some(Line::new().dim("for: ").plain(self.row_subject.finding.as_ref()?.title.as_str()))
    }

    /// What is said where no action mends what the finding tells of: what does.
    fn fixed_elsewhere(&self) -> Vec<Line> {
        let helps = self.entries.iter().any(|entry| entry.part <= Part::Member);
        let (Some(finding), false) = (&self.row_subject.finding, helps) else { return Vec::new() };
        let advice = if finding.advice.is_empty() { String::new() } else { format!(": {}", finding.advice) };
        vec![
            Line::new().dim("for: ").plain(finding.title.as_str()),
            Line::new().plain(format!("no action fixes this{advice}")),
        ]
    }

    fn more(&self) -> String {
        let count = |part| self.entries.iter().filter(|entry| entry.part == part).count();
        let beside = self.row_subject.member().map_or_else(|| "besides".to_owned(), |member| format!("on {member}"));
        let parts = [
            (count(Part::Beside), beside.as_str()),
            (count(Part::Cluster), "for the whole cluster"),
            (count(Part::Impossible), "not available now"),
        ];
        let reported = parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
        reported.collect::<Vec<_>>().join(" · ")
    }
}

impl App {
    /// The choice at `selected` of the menu that is open.
    pub(super) fn menu_choice(&self, selected: usize, is_whole: bool) -> Option<Choice> {
        let choices = Menu::of(self, is_whole).choices();
        choices.get(selected.min(choices.len().checked_sub(1)?)).cloned()
    }

    /// The action of this letter, shown or not.
    pub(super) fn menu_letter(&self, letter: char) -> Option<MenuEntry> {
        Menu::of(self, true).entries.into_iter().find(|entry| entry.letter == letter)
    }

    /// Where an action may be that is not among the choices any more once the menu is folded.
    pub(super) fn menu_length(&self, is_whole: bool) -> usize {
        Menu::of(self, is_whole).choices().len()
    }

    fn menu_entry(&self, row_subject: &RowSubject, letter: char, spec: &'static CommandSpec) -> MenuEntry {
        let wished = match spec.command {
            Command::Act(verb) if verb.subject != Subject::Changes => {
                Some(self.resolve_intent_for(row_subject, verb, None))
            }
            _ => None,
        };
        let snapshot = self.cluster().map(|cluster| &cluster.live().snapshot);
        let refusal = match &wished {
            Some(Err(why)) if kind(spec.command) != Kind::Scenario => Some(why.clone()),
            Some(Ok(intent)) if kind(spec.command) != Kind::Scenario => {
                self.may_act().and_then(|()| self.can_plan(intent)).err()
            }
            _ if spec.command == Command::EditConfiguration => {
                self.availability(spec.command).and_then(|()| self.stack_permits(&SET)).err()
            }
            _ => self.availability(spec.command).err(),
        };
        let words = match (&wished, snapshot) {
            (Some(Ok(intent)), Some(snapshot)) => describe_intent(intent, snapshot),
            _ => spec.help.to_owned(),
        };
        let part = match (part(spec.command, &row_subject.about), &refusal) {
            (Part::Elsewhere, _) => Part::Elsewhere,
            (_, Some(_)) => Part::Impossible,
            (part, None) => part,
        };
        MenuEntry { letter, spec, argument: None, text: words, refusal, part }
    }

    /// The action that mends what the row tells of.
    fn remedy_entry(&self, row_subject: &RowSubject) -> Option<MenuEntry> {
        let snapshot = &self.cluster()?.live().snapshot;
        let (verb, argument) = remedy(row_subject.finding.as_ref()?, snapshot)?;
        let spec = Command::Act(verb).spec()?;
        let wished = self.resolve_intent_for(row_subject, verb, argument.as_deref());
        let refusal = match &wished {
            Ok(intent) => self.may_act().and_then(|()| self.can_plan(intent)).err(),
            Err(why) => Some(why.clone()),
        };
        let words = wished.map_or_else(|_| spec.help.to_owned(), |intent| describe_intent(&intent, snapshot));
        Some(MenuEntry { letter: spec.letter?, spec, argument, text: words, refusal, part: Part::Remedy })
    }
}

/// The dialog.
pub(super) fn dialog_model(app: &App, selected: usize, is_whole: bool, width: usize) -> DialogModel {
    let menu = Menu::of(app, is_whole);
    let choices = menu.choices();
    let selected = selected.min(choices.len().saturating_sub(1));
    let (mut body, mut at, mut foot) = (Vec::new(), None, Vec::new());
    body.extend(menu.fixed_elsewhere().iter().flat_map(|line| fold(line, width, 0)));
    let mut before = None;
    for (index, choice) in choices.iter().enumerate() {
        let (line, whole) = match choice {
            Choice::Action(entry) => {
                if before != Some(entry.part) {
                    before = Some(entry.part);
                    body.extend(menu.heading(entry.part));
                }
                lines(entry)
            }
            Choice::More => {
                let mut line = Line::new().with("…  ", Tone::Strong).plain("more");
                line.pad_to(NAME_WIDTH);
                line.push(format!(" {}", menu.more()), Tone::Dim);
                (line, Line::new().plain("the actions that are not about this row, and why others are unavailable"))
            }
        };
        if index == selected {
            at = Some(body.len());
            foot = fold(&whole, width, 0);
        }
        body.push(line);
    }
    if is_whole {
        body.push(Line::new());
        let elsewhere = "members: Topology (1) · servers: Router (3) · sessions: Sessions (6) · drills: Drill (9)";
        body.push(Line::new().dim(format!("Other rows offer other actions: {elsewhere}")));
    }
    // As high for each of them, so that nothing moves with the selection.
    foot.resize_with(foot.len().max(2), Line::new);
    let path = app.cluster().map_or_else(String::new, |cluster| {
        format!(" on {}", menu.row_subject.path(cluster.name.as_str(), &cluster.live().snapshot))
    });
    DialogModel { title: format!("Act{path}"), body, foot, selected: at, ..DialogModel::default() }
}

/// An action in one line, and all that is to be said of it.
fn lines(entry: &MenuEntry) -> (Line, Line) {
    let tone = match (&entry.refusal, entry.spec.danger) {
        (Some(_), _) => Tone::Stale,
        (None, Danger::Destructive) => Tone::Critical,
        (None, Danger::Disruptive) => Tone::Warning,
        (None, Danger::Reversible | Danger::Session | Danger::None) => Tone::Plain,
    };
    let key = if entry.refusal.is_none() { Tone::Strong } else { Tone::Stale };
    let mut line = Line::new().with(entry.letter.to_string(), key).plain("  ").with(entry.spec.name, tone);
    line.pad_to(NAME_WIDTH);
    line.push(" ", Tone::Plain);
    let whole = match &entry.refusal {
        None => {
            line.push(&entry.text, Tone::Dim);
            Line::new().plain(&entry.text)
        }
        Some(reason) => {
            line.push(reason, Tone::Stale);
            Line::new().plain(format!("{}: ", entry.text)).with(reason, Tone::Stale)
        }
    };
    (line, whole)
}
