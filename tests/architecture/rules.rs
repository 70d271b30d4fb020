//! The table of rooms, and what each rule finds wrong.

use std::collections::BTreeSet;
use std::fmt;

use crate::reading::{self, Facts, Named, Source, TEXT_COMMAND, TEXT_LIST};

/// Rooms and the rooms each may import beside itself. `driver::port` stands for that module alone.
const ROOMS: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("health", &["model"]),
    ("action", &["model"]),
    ("report", &["model", "action"]),
    ("config", &["model"]),
    ("audit", &["model", "action"]),
    ("client", &["config"]),
    ("driver", &["model", "action", "config", "client"]),
    ("observe", &["model", "health", "action", "audit", "config", "driver::port"]),
    ("operate", &["model", "health", "action", "audit", "config", "observe::picture", "driver::port"]),
    ("cli", &["model", "health", "action", "config", "report", "observe", "operate", "audit"]),
    ("tui", &["model", "health", "action", "config", "report", "observe", "operate", "audit"]),
];

/// Whether a file may name everything: it puts the rooms together.
fn composes(file: &str) -> bool {
    matches!(file, "main.rs" | "lib.rs") || is_wire(file)
}

fn is_wire(file: &str) -> bool {
    file == "wire.rs" || file.starts_with("wire/")
}

/// Libraries that speak to the network.
const WIRE_CRATES: [&str; 11] = [
    "tokio_postgres",
    "tokio_postgres_rustls",
    "reqwest",
    "etcd_client",
    "tonic",
    "hyper",
    "hyper_util",
    "bollard",
    "kube",
    "k8s_openapi",
    "object_store",
];
/// Types that are sockets.
const SOCKETS: [&str; 8] =
    ["TcpStream", "TcpListener", "TcpSocket", "UdpSocket", "UnixStream", "UnixListener", "UnixDatagram", "lookup_host"];
/// Libraries that draw.
const SCREEN_CRATES: [&str; 5] = ["ratatui", "ratatui_core", "ratatui_widgets", "crossterm", "tui_input"];
/// Rooms that compute and nothing else.
const PURE: [&str; 3] = ["model", "health", "action"];
/// What a pure room may not name, as path prefixes.
const IMPURE: [&str; 10] = [
    "tokio",
    "futures",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "jiff::Timestamp::now",
];

/// What starts a program, in `client::process`.
const RUNS: [&str; 4] = ["run", "run_with_input", "run_attached", "spawn_detached"];

/// Longest file, in lines without its test modules.
const MAX_LINES: usize = 700;
/// Longest `main.rs`.
const MAX_MAIN_LINES: usize = 100;

/// A broken rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Violation {
    /// Path below `src/`.
    pub(crate) file: String,
    /// Line, from 1.
    pub(crate) line: usize,
    /// What was found.
    pub(crate) what: String,
    /// The rule.
    pub(crate) rule: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {} [{}]", self.file, self.line, self.what, self.rule)
    }
}

/// Every broken rule in `sources`, in order.
pub(crate) fn violations(sources: &[Source]) -> Vec<Violation> {
    let mut found = BTreeSet::new();
    let mut read = Vec::new();
    for source in sources {
        match reading::facts(source) {
            Ok(facts) => read.push((source, facts)),
            Err(error) => {
                let line = error.span().start().line;
                let what = format!("not Rust: {error}");
                found.insert(Violation { file: source.file.clone(), line, what, rule: "sources can be read" });
            }
        }
    }
    let test_files: BTreeSet<String> = read.iter().flat_map(|(_, facts)| facts.test_files.clone()).collect();
    for (source, facts) in &read {
        let is_test = test_files
            .iter()
            .any(|test| source.file == *test || (test.ends_with('/') && source.file.starts_with(test)));
        found.extend(file_violations(&source.file, facts, is_test));
    }
    found.into_iter().collect()
}

fn file_violations(file: &str, facts: &Facts, is_test: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line: usize, what: String, rule: &'static str| {
        found.push(Violation { file: file.to_owned(), line, what, rule });
    };
    let room = room_of(file);
    if room.is_none() && !composes(file) {
        let what = format!("the table of rooms does not know {}", file.split('/').next().unwrap_or(file));
        report(1, what, "every source file belongs to a room");
    }
    let limit = if file == "main.rs" { MAX_MAIN_LINES } else { MAX_LINES };
    if !is_test && facts.lines > limit {
        report(1, format!("{} lines without its tests, {limit} are allowed", facts.lines), "files stay short");
    }
    let runs = |named: &&Named| {
        let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
        named.makes && !named.in_tests && RUNS.iter().any(|run| ends(&path, &["process", run]))
    };
    let starts_programs = facts.named.iter().any(|named| runs(&named));
    for named in &facts.named {
        let path = named.path.join("::");
        let text = (path == TEXT_LIST && starts_programs) || path == TEXT_COMMAND;
        if text && !is_test && !named.in_tests {
            report(
                named.line,
                format!("{path} where programs are started"),
                "what is run is never a Text, which is cleaned",
            );
        }
        if let Some((name, allowed)) = room
            && let Some(target) = forbidden_room(name, allowed, &named.path)
        {
            let rule = "rooms import only what the table allows";
            report(named.line, format!("{name} names {target} ({path})"), rule);
        }
        if is_test || named.in_tests {
            continue;
        }
        for (what, rule) in named_violations(file, room.map(|(name, _)| name), named) {
            report(named.line, format!("{what} ({path})"), rule);
        }
    }
    found
}

fn room_of(file: &str) -> Option<(&'static str, &'static [&'static str])> {
    let first = file.split('/').next()?.trim_end_matches(".rs");
    ROOMS.iter().find(|(name, _)| *name == first).copied()
}

/// The room (or part of one) that `path` leads to against the table.
fn forbidden_room(from: &str, allowed: &[&str], path: &[String]) -> Option<String> {
    if path.first()? != "crate" {
        return None;
    }
    let room = path.get(1)?.as_str();
    if room == "*" {
        return Some("every room at once".to_owned());
    }
    let known = ROOMS.iter().any(|(name, _)| *name == room) || room == "wire";
    if room == from || !known || allowed.contains(&room) {
        return None;
    }
    let part = path.get(2).map_or_else(|| room.to_owned(), |part| format!("{room}::{part}"));
    (!allowed.contains(&part.as_str())).then_some(part)
}

fn named_violations(file: &str, room: Option<&str>, named: &Named) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
    let reads_environment = |name: &str| path.windows(2).any(|pair| pair == ["env", name]);
    if file != "config/environment.rs" && ["var", "var_os", "vars", "vars_os"].into_iter().any(reads_environment) {
        found.push(("reads the environment".to_owned(), "the environment is read in config::environment alone"));
    }
    let Some(first) = path.first().copied() else { return found };
    let composed = composes(file);
    if room != Some("client") {
        let rule = "sockets, wire libraries and child processes belong to client";
        if WIRE_CRATES.contains(&first) {
            found.push((format!("names the wire library {first}"), rule));
        }
        if let Some(socket) = path.iter().find(|segment| SOCKETS.contains(segment)) {
            found.push((format!("names the socket {socket}"), rule));
        }
        if path.windows(2).any(|pair| pair == ["process", "Command"]) || ends(&path, &["process", "*"]) {
            found.push(("names a child process".to_owned(), rule));
        }
        if ["std", "tokio"].contains(&first) && ends(&path, &["net", "*"]) {
            found.push(("names every socket at once".to_owned(), rule));
        }
    }
    if room != Some("tui") && !composed && SCREEN_CRATES.contains(&first) {
        found.push((format!("names the screen library {first}"), "drawing belongs to tui"));
    }
    if path.contains(&"Color") && room == Some("tui") && !file.starts_with("tui/theme") {
        found.push(("names a colour".to_owned(), "colours belong to tui/theme"));
    }
    let takes_keys = file.starts_with("tui/keymap") || file.starts_with("tui/event");
    if path.contains(&"KeyCode") && !takes_keys {
        found.push(("names a key code".to_owned(), "key codes belong to tui/keymap"));
    }
    let of_write_access = named.makes && path.iter().rev().take(2).any(|segment| *segment == "WriteAccess");
    if of_write_access && !is_wire(file) {
        found.push(("makes a WriteAccess".to_owned(), "only wire makes a WriteAccess"));
    }
    if room.is_some_and(|room| PURE.contains(&room)) {
        let whole = path.join("::");
        let hit = IMPURE.iter().find(|impure| whole == **impure || whole.starts_with(&format!("{impure}::")));
        if let Some(impure) = hit {
            found.push((format!("names {impure}"), "model, health and action compute and do nothing else"));
        }
    }
    found
}

fn ends(path: &[&str], tail: &[&str]) -> bool {
    path.len() >= tail.len() && path[path.len() - tail.len()..] == *tail
}
