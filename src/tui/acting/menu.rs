//! The actions for the selected row: what mends the trouble it tells of, what fits it, and folded below that what is for
//! the cluster as a whole and what cannot be done now, with the reason.

use std::borrow::Cow;

use super::matter::{About, Matter};
use super::remedy::{helping, remedy};
use super::saying::saying;
use super::sheet::Sheet;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::tui::app::App;
use crate::tui::command::{Command, CommandSpec, Danger, Verb};
use crate::tui::widgets::wrap::fold;

/// Columns before what it does.
const NAME: usize = 20;

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
pub(super) struct Entry {
    pub(super) letter: char,
    pub(super) spec: &'static CommandSpec,
    /// What is written behind its name, where it is not for the row itself.
    pub(super) argument: Option<String>,
    /// What it would do, with names.
    words: String,
    pub(super) refusal: Option<Cow<'static, str>>,
    part: Part,
}

/// What can be chosen.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// An action.
    Action(Entry),
    /// To see the rest.
    More,
}

/// The menu of a row.
pub(super) struct Menu {
    matter: Matter,
    /// Every action, in the order of the menu.
    entries: Vec<Entry>,
    is_whole: bool,
}

/// What kind of row an action is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cluster,
    Member,
    Server,
    Session,
    Scenario,
}

fn kind(command: Command) -> Kind {
    match command {
        Command::Act(verb) => match verb {
            Verb::CancelSwitchover
            | Verb::RollingRestart
            | Verb::Pause
            | Verb::Resume
            | Verb::Configure
            | Verb::Settle => Kind::Cluster,
            Verb::Switchover
            | Verb::Failover
            | Verb::Reinitialise
            | Verb::Restart
            | Verb::RestartPending
            | Verb::Reload
            | Verb::Drain
            | Verb::Undrain
            | Verb::CancelRestart => Kind::Member,
            Verb::ServerReady | Verb::ServerDrain | Verb::ServerMaintenance => Kind::Server,
            Verb::CancelStatement | Verb::EndSession => Kind::Session,
            Verb::Drill => Kind::Scenario,
        },
        _ => Kind::Cluster,
    }
}

/// Where an action that can be done stands for a row about `about`.
fn part(command: Command, about: &About) -> Part {
    // Nobody needs to be selected for these: the best candidate is known, and what breaks is chosen afterwards.
    let of_all = matches!(command, Command::Act(Verb::Switchover | Verb::Failover | Verb::Drill));
    match (kind(command), about) {
        (Kind::Cluster, About::Cluster)
        | (Kind::Member, About::Member(_))
        | (Kind::Server, About::Server { .. })
        | (Kind::Session, About::Session { .. })
        | (Kind::Scenario, About::Scenario(_)) => Part::Fitting,
        (_, About::Cluster) if of_all => Part::Fitting,
        (Kind::Member, About::Server { member: Some(_), .. }) => Part::Member,
        (Kind::Cluster, _) => Part::Cluster,
        _ if of_all => Part::Cluster,
        // A session's node is known, and not what somebody who selects a session thinks of.
        _ => Part::Elsewhere,
    }
}

/// Of a row that tells of a trouble, what helps comes first, and what does not is kept apart: whoever presses Enter there
/// means to mend it.
fn set_apart(code: &str, entries: &mut [Entry]) {
    let helps = helping(code).unwrap_or_default();
    for entry in entries {
        let is_help = helps.iter().any(|verb| Command::Act(*verb) == entry.spec.command);
        entry.part = match entry.part {
            Part::Fitting | Part::Member | Part::Cluster if is_help => Part::Fitting,
            Part::Fitting | Part::Member => Part::Beside,
            other => other,
        };
    }
}

impl Menu {
    fn of(app: &App, is_whole: bool) -> Self {
        let matter = app.matter();
        let mut entries: Vec<Entry> = Vec::new();
        if let Some(entry) = app.remedy_entry(&matter) {
            entries.push(entry);
        }
        for (letter, spec) in Command::menu() {
            let known = entries.iter().any(|entry| entry.spec.command == spec.command);
            if !known {
                entries.push(app.menu_entry(&matter, letter, spec));
            }
        }
        if let Some(finding) = &matter.finding {
            set_apart(finding.code, &mut entries);
        }
        let helps = matter.finding.as_ref().and_then(|finding| helping(finding.code)).unwrap_or_default();
        let place = |entry: &Entry| helps.iter().position(|verb| Command::Act(*verb) == entry.spec.command);
        entries.sort_by_key(|entry| (entry.part, place(entry)));
        Self { matter, entries, is_whole }
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
            Part::Member => self.matter.member()?.to_string(),
            // It helps where the finding stands, and its row says whom it is about.
            Part::Fitting if self.entries.iter().all(|entry| entry.part != Part::Remedy) => return self.finding_line(),
            Part::Fitting | Part::Elsewhere => return None,
            Part::Beside => match self.matter.member() {
                Some(member) => format!("BESIDES, ON {member}"),
                None => "BESIDES".to_owned(),
            },
            Part::Cluster => "THE WHOLE CLUSTER".to_owned(),
            Part::Impossible => "NOT POSSIBLE NOW".to_owned(),
        };
        Some(Line::new().with(words, Tone::Strong))
    }

    fn finding_line(&self) -> Option<Line> {
        Some(Line::new().dim("for: ").plain(self.matter.finding.as_ref()?.title.as_str()))
    }

    /// What is said where no action mends what the finding tells of: what does.
    fn mended_elsewhere(&self) -> Vec<Line> {
        let helps = self.entries.iter().any(|entry| entry.part <= Part::Member);
        let (Some(finding), false) = (&self.matter.finding, helps) else { return Vec::new() };
        let advice = if finding.advice.is_empty() { String::new() } else { format!(": {}", finding.advice) };
        vec![
            Line::new().dim("for: ").plain(finding.title.as_str()),
            Line::new().plain(format!("no action mends that{advice}")),
        ]
    }

    fn more(&self) -> String {
        let count = |part| self.entries.iter().filter(|entry| entry.part == part).count();
        let beside = self.matter.member().map_or_else(|| "besides".to_owned(), |member| format!("on {member}"));
        let parts = [
            (count(Part::Beside), beside.as_str()),
            (count(Part::Cluster), "for the whole cluster"),
            (count(Part::Impossible), "not possible now"),
        ];
        let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
        told.collect::<Vec<_>>().join(" · ")
    }
}

impl App {
    /// The choice at `selected` of the menu that is open.
    pub(super) fn menu_choice(&self, selected: usize, is_whole: bool) -> Option<Choice> {
        let choices = Menu::of(self, is_whole).choices();
        choices.get(selected.min(choices.len().checked_sub(1)?)).cloned()
    }

    /// The action of this letter, shown or not.
    pub(super) fn menu_letter(&self, letter: char) -> Option<Entry> {
        Menu::of(self, true).entries.into_iter().find(|entry| entry.letter == letter)
    }

    /// Where an action may be that is not among the choices any more once the menu is folded.
    pub(super) fn menu_length(&self, is_whole: bool) -> usize {
        Menu::of(self, is_whole).choices().len()
    }

    fn menu_entry(&self, matter: &Matter, letter: char, spec: &'static CommandSpec) -> Entry {
        let wished = match spec.command {
            Command::Act(Verb::Configure) | Command::EditConfiguration => None,
            Command::Act(verb) => Some(self.wish_about(matter, verb, None)),
            _ => None,
        };
        let snapshot = self.cluster().map(|cluster| &cluster.live().snapshot);
        let refusal = match &wished {
            Some(Err(why)) if kind(spec.command) != Kind::Scenario => Some(why.clone()),
            Some(Ok(intent)) if kind(spec.command) != Kind::Scenario => {
                self.may_act().and_then(|()| self.can_plan(intent)).err()
            }
            _ => self.availability(spec.command).err(),
        };
        let words = match (&wished, snapshot) {
            (Some(Ok(intent)), Some(snapshot)) => saying(intent, snapshot),
            _ => spec.help.to_owned(),
        };
        let part = match (part(spec.command, &matter.about), &refusal) {
            (Part::Elsewhere, _) => Part::Elsewhere,
            (_, Some(_)) => Part::Impossible,
            (part, None) => part,
        };
        Entry { letter, spec, argument: None, words, refusal, part }
    }

    /// The action that mends what the row tells of.
    fn remedy_entry(&self, matter: &Matter) -> Option<Entry> {
        let snapshot = &self.cluster()?.live().snapshot;
        let (verb, argument) = remedy(matter.finding.as_ref()?, snapshot)?;
        let spec = Command::Act(verb).spec()?;
        let wished = self.wish_about(matter, verb, argument.as_deref());
        let refusal = match &wished {
            Ok(intent) => self.may_act().and_then(|()| self.can_plan(intent)).err(),
            Err(why) => Some(why.clone()),
        };
        let words = wished.map_or_else(|_| spec.help.to_owned(), |intent| saying(&intent, snapshot));
        Some(Entry { letter: spec.letter?, spec, argument, words, refusal, part: Part::Remedy })
    }
}

/// The dialog.
pub(super) fn sheet(app: &App, selected: usize, is_whole: bool, width: usize) -> Sheet {
    let menu = Menu::of(app, is_whole);
    let choices = menu.choices();
    let selected = selected.min(choices.len().saturating_sub(1));
    let (mut body, mut at, mut foot) = (Vec::new(), None, Vec::new());
    body.extend(menu.mended_elsewhere().iter().flat_map(|line| fold(line, width, 0)));
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
                line.pad_to(NAME);
                line.push(format!(" {}", menu.more()), Tone::Dim);
                (line, Line::new().plain("the actions that are not about this row, and why others cannot be done now"))
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
        body.push(Line::new().dim(format!("Others are for other rows: {elsewhere}")));
    }
    // As high for each of them, so that nothing moves with the selection.
    foot.resize_with(foot.len().max(2), Line::new);
    let path = app.cluster().map_or_else(String::new, |cluster| {
        format!(" on {}", menu.matter.path(cluster.name.as_str(), &cluster.live().snapshot))
    });
    Sheet { title: format!("Act{path}"), body, foot, selected: at, ..Sheet::default() }
}

/// An action in one line, and all that is to be said of it.
fn lines(entry: &Entry) -> (Line, Line) {
    let tone = match (&entry.refusal, entry.spec.danger) {
        (Some(_), _) => Tone::Stale,
        (None, Danger::Destructive) => Tone::Act,
        (None, Danger::Disruptive) => Tone::Look,
        (None, Danger::Reversible | Danger::Session | Danger::None) => Tone::Plain,
    };
    let key = if entry.refusal.is_none() { Tone::Strong } else { Tone::Stale };
    let mut line = Line::new().with(entry.letter.to_string(), key).plain("  ").with(entry.spec.name, tone);
    line.pad_to(NAME);
    line.push(" ", Tone::Plain);
    let whole = match &entry.refusal {
        None => {
            line.push(&entry.words, Tone::Dim);
            Line::new().plain(&entry.words)
        }
        Some(reason) => {
            line.push(reason, Tone::Stale);
            Line::new().plain(format!("{}: ", entry.words)).with(reason, Tone::Stale)
        }
    };
    (line, whole)
}
