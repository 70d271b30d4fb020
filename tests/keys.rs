//! Every key that the screen offers does something, in every view and every dialog; and whatever a key does is offered, or
//! stands in the help.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[path = "support/console.rs"]
#[expect(dead_code, reason = "it serves other tests too")]
mod console;

use std::collections::BTreeSet;
use std::time::Duration;

use console::{Console, World};
use pgctl::tui::app::App;
use pgctl::tui::command::Command;
use pgctl::tui::event::Event;
use pgctl::tui::export;
use pgctl::tui::keymap::{Key, KeyName, Keymap};
use pgctl::tui::options::Options;
use ratatui::buffer::Buffer;

/// Views and dialogs, and the keys that lead there from the start.
const PLACES: [(&str, &str); 43] = [
    ("clusters", "0"),
    ("topology", "1j"),
    ("findings of the topology", "1<Tab>"),
    ("replication", "2j"),
    ("router", "3j"),
    ("backends", "3<Tab>j"),
    ("dcs", "4j"),
    ("configuration", "4<Tab><Tab>"),
    ("backups", "5j"),
    ("sessions", "6j"),
    ("blockers", "6<Tab>"),
    ("events", "7j"),
    ("findings", "8"),
    ("drill", "9j"),
    ("poolers", ":poolers<Enter>"),
    ("sources", ":sources<Enter>j"),
    ("frozen", "1j "),
    ("filtered", "1/pg-1<Enter>"),
    ("filtered to nothing", "1/xyzzy<Enter>"),
    ("filter", "1/pg"),
    ("palette", "1:re<Down>"),
    ("palette that lacks a member", "0:restart<Enter><Down>"),
    ("help", "1?<Down>"),
    ("help over a dialog", "1ja?<Down>"),
    ("detail", "1j<Enter><Down>"),
    ("detail of a server", "3j<Enter>"),
    ("themes", "1tj"),
    ("menu of a member", "1jaj"),
    ("menu of a member, all of it", "1ja<Tab>j"),
    ("menu of a cluster", "0aj"),
    ("menu of a server", "3jaj"),
    ("menu of a session", "6jaj"),
    ("menu of a scenario", "9jaj"),
    ("switchover", ":switchover pg-1<Enter><Down>"),
    ("switchover with every check", ":switchover pg-1<Enter>c<Down>"),
    ("switchover, typing", ":switchover pg-1<Enter><Enter>pro"),
    ("pause, asked", ":pause<Enter><Enter>"),
    ("reinit", ":reinit pg-2<Enter><Down>"),
    ("drain", ":drain pg-1<Enter><Down>"),
    ("restart", ":restart pg-1<Enter><Down>"),
    ("configure", ":configure ttl=40<Enter><Down>"),
    ("report", "9<Enter>"),
    ("actions", "A"),
];

/// Small, since thousands of keys are tried: what can be pressed does not depend on it.
const SIZE: (u16, u16) = (80, 24);

/// Keys that may mean anything.
fn keys() -> Vec<Key> {
    let typed = ('!'..='~').map(String::from);
    let mut names: Vec<String> = std::iter::once("Space".to_owned()).chain(typed).collect();
    let others = ["Enter", "Esc", "Tab", "Shift-Tab", "Backspace", "Delete", "Up", "Down", "Left", "Right"];
    let more = ["Home", "End", "PageUp", "PageDown", "F1", "F2"];
    names.extend(others.iter().chain(&more).map(|name| (*name).to_owned()));
    names.extend(('a'..='z').map(|letter| format!("Ctrl-{letter}")));
    names.iter().map(|name| name.parse().expect("a key")).collect()
}

/// What a key did: nothing, something, or no more than to say why it cannot.
#[derive(PartialEq, Eq, Debug)]
enum KeyEffect {
    Nothing,
    Something,
    Refused,
}

/// A console at a place, and its screen there.
struct ConsoleAt<'a> {
    app: &'a App,
    size: (u16, u16),
    at: Duration,
    before: Buffer,
}

impl ConsoleAt<'_> {
    fn press(&self, key: Key) -> KeyEffect {
        let mut app = self.app.clone();
        let effects = app.update(Event::Key(key), self.at);
        let after = app.screen(self.size.0, self.size.1);
        // Notices stand in the third row.
        let is_refusal = |screen: &Buffer| export::text(screen).lines().nth(2).is_some_and(|line| line.contains('✖'));
        if is_refusal(&after) && !is_refusal(&self.before) {
            return KeyEffect::Refused;
        }
        if effects.is_empty() && self.before == after { KeyEffect::Nothing } else { KeyEffect::Something }
    }
}

/// Commands that mean the same over every dialog, and are in the help.
fn is_everywhere(command: Command) -> bool {
    matches!(
        command,
        Command::View(_)
            | Command::Help
            | Command::Actions
            | Command::Palette
            | Command::SaveScreen
            | Command::PollNow
            | Command::Freeze
            | Command::StepBack
            | Command::StepForward
            | Command::Mouse
            | Command::Redraw
            | Command::Suspend
            | Command::Quit
    )
}

async fn at(console: &mut Console, size: (u16, u16), place: &str) {
    console.size = size;
    console.moment().await;
    console.press(place).await;
    console.moment().await;
    console.text();
}

/// Every key that is offered works, and nothing that works is told nowhere.
fn check(console: &Console, name: &str) {
    let app = &console.app;
    let (width, height) = console.size;
    let before = app.clone().screen(width, height);
    let place = ConsoleAt { app, size: console.size, at: console.elapsed(), before };
    let mut offered = BTreeSet::new();
    for hint in app.pressable() {
        // A pair, or a row of keys that move: at an end of a list only some of them can.
        let is_group = hint.key() != hint.keys[0].to_string() || ["views", "choose"].contains(&&*hint.word);
        let works = |key: &Key| place.press(*key) == KeyEffect::Something;
        let works = if is_group { hint.keys.iter().any(works) } else { hint.keys.iter().all(works) };
        assert!(works, "{name}: {} {:?} is offered and does nothing\n{}", hint.key(), hint.word, text(console));
        offered.extend(hint.keys);
    }
    let (keymap, is_dialog) = (Keymap::default(), app.is_covered());
    if app.is_typing() {
        return;
    }
    for key in keys() {
        let reported = keymap.command(key).is_some_and(|command| !is_dialog || is_everywhere(command));
        let is_letter = |letter: char| key == Key::plain(KeyName::Char(letter));
        let in_menu = name.starts_with("menu") && Command::menu().any(|(letter, _)| is_letter(letter));
        if reported || in_menu || offered.contains(&key) {
            continue;
        }
        let did = place.press(key);
        assert!(did != KeyEffect::Something, "{name}: {key} does something and is told nowhere\n{}", text(console));
    }
}

fn text(console: &Console) -> String {
    let mut app = console.app.clone();
    export::text(&app.screen(console.size.0, console.size.1))
}

#[tokio::test(start_paused = true)]
async fn every_key_that_is_offered_does_something_and_whatever_does_something_is_reported() {
    let world = World::new().await;
    for (name, place) in PLACES {
        let mut console = world.console();
        at(&mut console, SIZE, place).await;
        check(&console, name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_console_that_only_looks_offers_no_more_than_it_does() {
    let world = World::new().await;
    for (name, place) in PLACES.iter().filter(|(_, place)| !place.contains(['a', ':'])) {
        let options = Options { read_only: true, ..Options::default() };
        let mut console = Console::new(&world, options, &world.hooks());
        at(&mut console, SIZE, place).await;
        check(&console, name);
        let words: Vec<_> = console.app.pressable().into_iter().map(|hint| hint.word).collect();
        assert!(!words.iter().any(|word| ["act", "psql"].contains(&&**word)), "{name}: {words:?}");
    }
}

/// `q` and Escape close what is on top, and nothing else; only where nothing is open the console is left.
#[tokio::test(start_paused = true)]
async fn q_closes_what_is_on_top_and_leaves_only_where_nothing_is() {
    let world = World::new().await;
    for (name, place) in PLACES {
        let mut console = world.console();
        at(&mut console, SIZE, place).await;
        let is_text = console.app.is_typing();
        for key in if is_text { ["Esc", "Esc"] } else { ["q", "Esc"] } {
            let mut app = console.app.clone();
            let covered = app.is_covered();
            let before = app.layers();
            let effects = app.update(Event::Key(key.parse().expect("a key")), console.elapsed());
            let left = effects.iter().any(|effect| format!("{effect:?}").starts_with("Quit"));
            assert_eq!(left, key == "q" && before == 0, "{name}: {key} leaves");
            if covered || before > 0 {
                assert_eq!(app.layers() + 1, before, "{name}: {key} closes one");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn how_to_find_everything_else_stands_at_every_width_and_no_name_of_a_view_is_in_its_way() {
    let world = World::new().await;
    let mut console = world.console();
    for (width, height) in [(40, 8), (60, 20), (80, 24), (100, 30), (120, 40), (200, 60)] {
        for place in ["1", "1j<Enter>", "6"] {
            console.press("<Esc><Esc>").await;
            console.size = (width, height);
            console.press(place).await;
            let screen = console.text();
            let lines: Vec<&str> = screen.lines().collect();
            let bottom = lines[lines.len().saturating_sub(2)..].join(" ");
            for key in [":", "?", "q"] {
                assert!(bottom.split_whitespace().any(|word| word == key), "{width}: {key} is not in {bottom}");
            }
            if width >= 60 {
                let first = if place.contains("Enter") { "Esc close" } else { "Enter details" };
                assert!(bottom.contains(first), "{width} {place}: {bottom}");
            }
            if width == 80 && place == "1" {
                assert!(bottom.contains("3 Router 4 DCS") && bottom.contains("a act"), "{bottom}");
            }
        }
    }
}
