//! The command palette: any command by a part of its name or of another name for it.

use std::borrow::Cow;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

use super::command::{Argument, COMMANDS, Command, CommandSpec};
use crate::action::drill::Scenario;
use crate::action::verb::Subject;

/// What may stand after a command: what there is to choose from.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Names of clusters.
    pub clusters: Vec<String>,
    /// Names of themes.
    pub themes: Vec<String>,
    /// Names of the members of the cluster in focus.
    pub members: Vec<String>,
    /// Servers of its routers as ROUTER/BACKEND/SERVER.
    pub servers: Vec<String>,
    /// Its poolers, and their databases as POOLER/DATABASE.
    pub poolers: Vec<String>,
    /// Its sessions as NODE/PID.
    pub sessions: Vec<String>,
    /// Actions that died and have left something to be taken back.
    pub actions: Vec<String>,
}

impl Choices {
    /// Whether there is anything to choose from for `argument`.
    pub fn of(&self, argument: Argument) -> bool {
        match argument {
            Argument::Cluster => !self.clusters.is_empty(),
            Argument::Theme => !self.themes.is_empty(),
            Argument::Action => !self.actions.is_empty(),
            Argument::Subject(subject) => match subject {
                Subject::Candidate | Subject::Successor | Subject::Member | Subject::Members | Subject::Drained => {
                    !self.members.is_empty()
                }
                Subject::Server => !self.servers.is_empty(),
                Subject::Pooler => !self.poolers.is_empty(),
                Subject::Session => !self.sessions.is_empty(),
                Subject::Scenario => true,
                Subject::Changes | Subject::Cluster => false,
            },
            Argument::Reason | Argument::Seconds | Argument::None => false,
        }
    }
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct PaletteEntry {
    /// The command.
    pub spec: &'static CommandSpec,
    /// The argument, where the entry is one.
    pub argument: Option<String>,
    /// Letters of the name that matched, by place.
    pub matched: Vec<u32>,
}

/// The palette while it is open.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// What was typed.
    pub input: Input,
    /// Entry selected.
    pub selected: usize,
    choices: Choices,
}

impl Palette {
    /// An open palette.
    pub fn new(choices: Choices) -> Self {
        Self { choices, ..Self::default() }
    }

    /// The same with something typed already.
    #[must_use]
    pub fn typed(self, text: &str) -> Self {
        Self { input: text.into(), ..self }
    }

    /// Entries that fit what was typed, the best first.
    pub fn entries(&self) -> Vec<PaletteEntry> {
        let typed = self.input.value().trim_start();
        if let Some((spec, argument)) = with_argument(typed) {
            return self.arguments(spec, argument);
        }
        matches(typed.trim_end())
    }

    fn arguments(&self, spec: &'static CommandSpec, typed: &str) -> Vec<PaletteEntry> {
        let names: Cow<'_, [String]> = match spec.argument {
            Argument::Cluster => Cow::Borrowed(&self.choices.clusters),
            Argument::Theme => Cow::Borrowed(&self.choices.themes),
            Argument::Action => Cow::Borrowed(&self.choices.actions),
            Argument::Subject(subject) => match subject {
                Subject::Candidate | Subject::Successor | Subject::Member | Subject::Members => {
                    Cow::Borrowed(&self.choices.members)
                }
                Subject::Server => Cow::Borrowed(&self.choices.servers),
                Subject::Pooler => Cow::Borrowed(&self.choices.poolers),
                Subject::Drained => Cow::Owned(self.drains(typed)),
                Subject::Scenario => Cow::Owned(Scenario::ALL.map(|scenario| scenario.as_str().to_owned()).into()),
                Subject::Session => Cow::Borrowed(&self.choices.sessions),
                Subject::Changes | Subject::Cluster => Cow::Borrowed(&[]),
            },
            Argument::Reason | Argument::Seconds | Argument::None => Cow::Borrowed(&[]),
        };
        let mut found: Vec<(u32, PaletteEntry)> = names
            .iter()
            .filter_map(|name| {
                let (score, matched) = score(typed, name)?;
                // A name typed out is meant, also where it begins another.
                let score = if typed.trim() == name { u32::MAX } else { score };
                Some((score, PaletteEntry { spec, argument: Some(name.clone()), matched }))
            })
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let mut entries: Vec<PaletteEntry> = found.into_iter().map(|(_, entry)| entry).collect();
        if entries.is_empty() {
            entries.push(PaletteEntry { spec, argument: Some(typed.trim().to_owned()), matched: Vec::new() });
        }
        entries
    }

    /// Members; behind one, what can be done with it once it is drained.
    fn drains(&self, typed: &str) -> Vec<String> {
        let node =
            typed.split_once(' ').map(|(node, _)| node).filter(|node| self.choices.members.iter().any(|m| m == node));
        match node {
            Some(node) => ["", " restart", " reinit"].map(|then| format!("{node}{then}")).into(),
            None => self.choices.members.clone(),
        }
    }

    /// Completes what was typed to the selected entry.
    pub fn complete(&mut self) {
        let entries = self.entries();
        let Some(entry) = entries.get(self.selected.min(entries.len().saturating_sub(1))) else { return };
        let text = match (&entry.argument, entry.spec.argument) {
            (Some(argument), _) => format!("{} {argument}", entry.spec.name),
            (None, Argument::None | Argument::Subject(Subject::Cluster)) => entry.spec.name.to_owned(),
            (None, _) => format!("{} ", entry.spec.name),
        };
        self.input = Input::new(text);
        self.selected = 0;
    }

    /// The command meant, with its argument: the one typed out, else the one selected.
    pub fn chosen(&self) -> Option<(&'static CommandSpec, Option<String>)> {
        if let Some(spec) = Command::named(self.input.value().trim()) {
            return Some((spec, None));
        }
        let entries = self.entries();
        let entry = entries.get(self.selected.min(entries.len().checked_sub(1)?))?;
        Some((entry.spec, entry.argument.clone()))
    }
}

/// A known command with something behind it.
fn with_argument(typed: &str) -> Option<(&'static CommandSpec, &str)> {
    let (name, argument) = typed.split_once(' ')?;
    let spec = Command::named(name).filter(|spec| !spec.argument.form().is_empty())?;
    Some((spec, argument))
}

/// Commands by name and alias: one typed out first, then by how well they fit, then in the order of the table.
fn matches(typed: &str) -> Vec<PaletteEntry> {
    let mut found: Vec<(u32, PaletteEntry)> = COMMANDS
        .iter()
        .filter_map(|spec| {
            let by_name = score(typed, spec.name);
            let by_alias = spec.aliases.iter().filter_map(|alias| score(typed, alias)).map(|(score, _)| score).max();
            let exact = spec.name == typed || spec.aliases.contains(&typed);
            let best = by_name.as_ref().map(|(score, _)| *score).max(by_alias)?;
            let matched = by_name.map(|(_, matched)| matched).unwrap_or_default();
            Some((if exact { u32::MAX } else { best }, PaletteEntry { spec, argument: None, matched }))
        })
        .collect();
    if !typed.is_empty() {
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    }
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn score(needle: &str, name: &str) -> Option<(u32, Vec<u32>)> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(needle, CaseMatching::Ignore, Normalization::Smart);
    let (mut characters, mut places) = (Vec::new(), Vec::new());
    let found = pattern.indices(Utf32Str::new(name, &mut characters), &mut matcher, &mut places)?;
    // A name that begins with what was typed is what was meant.
    let bonus = if !needle.is_empty() && name.starts_with(needle) { 1000 } else { 0 };
    Some((found + bonus, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Palette {
        let choices = Choices {
            clusters: vec!["prod-eu".into(), "prod-us".into()],
            themes: vec!["dark".into()],
            members: ["pg-10", "pg-1", "pg-2"].map(String::from).into(),
            ..Choices::default()
        };
        Palette { input: Input::new(text.to_owned()), ..Palette::new(choices) }
    }

    fn best(text: &str) -> &'static str {
        typed(text).entries().first().map_or("", |entry| entry.spec.name)
    }

    #[test]
    fn a_part_of_a_name_or_an_alias_finds_the_command() {
        assert_eq!(best("rep"), "replication");
        assert_eq!(best("tplgy"), "topology");
        assert_eq!(best("etcd"), "dcs");
        assert_eq!(best("haproxy"), "router");
        assert_eq!(best("q!"), "quit");
        assert_eq!(best("q"), "quit");
    }

    #[test]
    fn nothing_typed_lists_everything_and_nonsense_nothing() {
        assert_eq!(typed("").entries().len(), COMMANDS.len());
        assert!(typed("xyzzyx").entries().is_empty());
        assert!(typed("xyzzyx").chosen().is_none());
    }

    #[test]
    fn arguments_are_completed_from_what_there_is() {
        let mut palette = typed("cluster us");
        assert_eq!(palette.chosen().unwrap().1.as_deref(), Some("prod-us"));
        palette.complete();
        assert_eq!(palette.input.value(), "cluster prod-us");
        let mut palette = typed("clust");
        palette.selected = palette.entries().iter().position(|entry| entry.spec.name == "cluster").unwrap();
        palette.complete();
        assert_eq!(palette.input.value(), "cluster ");
        assert_eq!(typed("drain pg-1 re").entries().len(), 2);
        assert_eq!(typed("drain pg-2 rest").chosen().unwrap().1.as_deref(), Some("pg-2 restart"));
        assert_eq!(typed("drain pg-2 restart 90s").chosen().unwrap().1.as_deref(), Some("pg-2 restart 90s"));
        assert_eq!(typed("restart pg-1").chosen().unwrap().1.as_deref(), Some("pg-1"), "and not pg-10");
        assert_eq!(typed("interval 5").chosen().unwrap().1.as_deref(), Some("5"));
    }
}
