//! The console in a real terminal, on the simulated cluster: it starts, obeys, and gives the terminal back.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on ends, and starts what it tests"
)]

#[path = "support/terminal.rs"]
mod terminal;

use std::process::Command;
use std::time::{Duration, Instant};

use terminal::Terminal;

fn demo(columns: u16, rows: u16) -> Terminal {
    let terminal = Terminal::start(&["demo"], columns, rows);
    terminal.until("leader pg-");
    terminal
}

fn signal(terminal: &Terminal, name: &str) {
    let status = Command::new("kill").args([name, &terminal.pid().to_string()]).status().expect("kill runs");
    assert!(status.success());
}

#[test]
fn it_shows_the_cluster_changes_views_and_leaves_the_terminal_as_it_was() {
    let mut terminal = demo(120, 40);
    assert!(terminal.is_alternate());
    terminal.until("simulated");
    terminal.press("3");
    terminal.until("FRONTEND");
    terminal.press("8");
    terminal.until_screen("the findings", |screen| screen.contains("Findings"));
    terminal.press("?");
    terminal.until("Help");
    terminal.press("\x1b");
    terminal.press("q");
    assert!(terminal.end(Duration::from_secs(2)).success());
    assert!(terminal.is_restored(), "the shell's screen is back");
}

#[test]
fn a_change_of_size_is_followed_down_to_nothing_and_back() {
    let mut terminal = demo(120, 40);
    terminal.resize(20, 5);
    terminal.until("too small");
    terminal.resize(80, 24);
    terminal.until("leader pg-");
    terminal.press("q");
    assert!(terminal.end(Duration::from_secs(2)).success());
}

#[test]
fn a_signal_ends_it_within_a_second_and_the_terminal_comes_back() {
    for name in ["-TERM", "-INT"] {
        let mut terminal = demo(100, 30);
        signal(&terminal, name);
        let began = Instant::now();
        terminal.end(Duration::from_secs(1));
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!(terminal.is_restored(), "{name}");
    }
}

#[test]
fn a_lost_connection_ends_it_within_a_second() {
    let mut terminal = demo(100, 30);
    // Up to a second until the clock on the screen moves and the last hold on the terminal is let go.
    terminal.hang_up();
    terminal.end(Duration::from_secs(3));

    let mut terminal = demo(100, 30);
    signal(&terminal, "-HUP");
    terminal.end(Duration::from_secs(1));
}

#[test]
fn an_idle_screen_writes_little() {
    let terminal = demo(120, 40);
    // The first frames draw everything; what counts is the rest.
    std::thread::sleep(Duration::from_secs(2));
    let before = terminal.written();
    std::thread::sleep(Duration::from_secs(5));
    let rate = (terminal.written() - before) / 5;
    assert!(rate < 6_000, "{rate} bytes a second: the whole screen is drawn again");
}

#[test]
fn the_wall_knows_no_key_but_quit_and_page() {
    let mut terminal = Terminal::start(&["demo", "--wall"], 120, 40);
    terminal.until("read-only");
    let before = terminal.contents();
    for key in [":", "/", "?", "p", "d", "e", "t"] {
        terminal.press(key);
    }
    std::thread::sleep(Duration::from_millis(300));
    let after = terminal.contents();
    assert!(!after.contains("command") && !after.contains("Help"), "{before}\n---\n{after}");
    terminal.press("q");
    assert!(terminal.end(Duration::from_secs(2)).success());
}

#[test]
fn every_key_is_answered_at_once_and_not_with_the_next_tick() {
    let mut terminal = Terminal::start(&["demo", "--interval", "30s"], 120, 40);
    terminal.until("leader pg-");
    // A console that waits for its clock answers within a second, on the average in half of one: nine such answers in
    // under half a second each are no luck.
    for (number, (key, title)) in [("2", "Replication"), ("1", "Topology")].into_iter().cycle().take(9).enumerate() {
        std::thread::sleep(Duration::from_millis(170));
        let pressed = Instant::now();
        terminal.press(key);
        terminal.until_screen(title, |screen| screen.lines().next().is_some_and(|line| line.contains(title)));
        let took = pressed.elapsed();
        assert!(took < Duration::from_millis(400), "key {number} was painted after {took:?}");
    }
    terminal.press("q");
    assert!(terminal.end(Duration::from_secs(2)).success());
}

#[test]
fn a_switchover_of_the_demo_is_confirmed_by_keys_and_watched_to_its_end() {
    let mut terminal = demo(120, 40);
    // The fleet is shown first: the cluster with a calm programme is chosen by name.
    terminal.press(":cluster prod-eu\r");
    terminal.until("members 4/4");
    terminal.press("as");
    terminal.until("Enter to confirm");
    terminal.press("\rprod-e");
    terminal.until("Type prod-eu to run it: prod-e");
    terminal.press("\r");
    terminal.until("that is not prod-eu");
    terminal.press("prod-eu\r");
    terminal.until("operation lock acquired");
    terminal.until("done: switch over prod-eu");
    terminal.press("\x1b");
    terminal.until_screen("another leader", |screen| screen.contains("leader pg-1"));
    terminal.press("q");
    assert!(terminal.end(Duration::from_secs(2)).success());
    assert!(terminal.is_restored(), "the shell's screen is back");
}

#[test]
fn q_closes_what_is_open_and_an_action_that_runs_is_never_dropped_in_silence() {
    let mut terminal = demo(120, 40);
    terminal.press(":cluster prod-eu\r");
    terminal.until("members 4/4");
    terminal.press("?");
    terminal.until("Here: ");
    terminal.press("q");
    terminal.until_screen("the view below", |screen| !screen.contains("Here: "));
    terminal.press("as");
    terminal.until("Enter to confirm");
    terminal.press("\rprod-eu\r");
    terminal.until("operation lock acquired");
    // From the run to the background, and then out.
    terminal.press("q");
    terminal.until("press A");
    terminal.press("q");
    terminal.until("The demo's clusters are simulated and end with the console");
    terminal.press("q");
    terminal.until_screen("the view again", |screen| !screen.contains("An action is still running"));
    terminal.press("q");
    terminal.until("An action is still running");
    terminal.press("y");
    assert!(terminal.end(Duration::from_secs(2)).success());
    assert!(terminal.is_restored(), "the shell's screen is back");
    terminal.until("on prod-eu (simulated) was discarded with the demo");
}

#[test]
fn a_terminal_of_sixteen_colours_gets_a_theme_of_its_own() {
    let mut terminal = Terminal::start_as("linux", &["demo"], 100, 30);
    terminal.until("leader pg-");
    terminal.press("t");
    terminal.until("▸ terminal16");
    terminal.press("q");
    terminal.press("q");
    assert!(terminal.end(Duration::from_secs(2)).success());
    let written = terminal.everything();
    for mixed in ["38;2;", "48;2;", "38;5;", "48;5;"] {
        // The named colours are written as the first sixteen of the palette.
        let beyond = written.match_indices(mixed).filter(|(at, _)| {
            let index: String = written[at + mixed.len()..].chars().take_while(char::is_ascii_digit).collect();
            mixed.contains(";2;") || index.parse::<u16>().is_ok_and(|index| index > 15)
        });
        assert_eq!(beyond.count(), 0, "{mixed} on a terminal of sixteen colours");
    }
}
