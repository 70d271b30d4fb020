//! What lies over the view: how it is closed, what is said where an action would be left behind, and where notices stand.

use std::time::Duration;

use crate::action::record::ActionId;
use crate::tui::acting::Watch;
use crate::tui::effect::{Effect, Outcome};
use crate::tui::event::{Event, Notice};
use crate::tui::testing::{ConsoleFixture, switchover};
use crate::tui::views::View;

fn quits(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Quit(Outcome::Quit)])
}

/// A console of which an action runs.
fn acting(outlives: bool) -> ConsoleFixture {
    let mut fixture = ConsoleFixture::usual();
    let action = Some(ActionId("20261121-140207-000-1".to_owned()));
    fixture.app.acting.watches.push(Watch { action, ..Watch::new(1, switchover(), None) });
    fixture.app.acting.outlives = outlives;
    fixture.press("<Ctrl-l>");
    fixture
}

#[test]
fn q_clears_the_filter_and_goes_back_to_live_before_it_leaves() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("/pg-1<Enter> ");
    fixture.shows(&["filter pg-1", "FROZEN"]);
    assert!(fixture.press("q").is_empty());
    fixture.hides(&["filter pg-1"]);
    assert!(fixture.press("q").is_empty());
    fixture.hides(&["FROZEN"]);
    assert!(quits(&fixture.press("q")));
}

#[test]
fn leaving_while_an_action_runs_asks_once_and_says_what_becomes_of_it() {
    for (outlives, reported) in
        [(true, "pgctl-tui audit 20261121-140207-000-1"), (false, "simulated and end with the console")]
    {
        let mut fixture = acting(outlives);
        for key in ["q", "<Ctrl-c>", ":quit<Enter>"] {
            assert!(fixture.press(key).is_empty(), "{key}");
            fixture.shows(&["An action is still running", reported, "Enter leave the console", "Esc stay"]);
            assert!(fixture.press("q").is_empty());
            fixture.hides(&["An action is still running"]);
        }
        fixture.press("q");
        assert!(quits(&fixture.press("<Enter>")));
        fixture.press("<Esc>");
        fixture.press("<Ctrl-c>");
        assert!(quits(&fixture.press("<Ctrl-c>")), "who insists is not asked twice");
    }
}

#[test]
fn the_terminal_is_reported_what_still_runs() {
    assert_eq!(
        acting(true).app.shutdown_message(),
        ["switchover 20261121-140207-000-1 of prod-eu is still running: pgctl-tui audit 20261121-140207-000-1"]
    );
    let demo = acting(false).app.shutdown_message();
    assert_eq!(demo, ["switchover 20261121-140207-000-1 on prod-eu (simulated) was discarded with the demo"]);
    assert!(ConsoleFixture::usual().app.shutdown_message().is_empty());
}

#[test]
fn a_command_typed_over_a_dialog_is_done_and_not_swallowed() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("j<Enter>:router<Enter>");
    assert_eq!(fixture.app.view(), View::Router);
    fixture.press("?:theme mono<Enter>");
    assert_eq!(fixture.app.theme().name, "mono");
    fixture.hides(&["Here: "]);
    assert!(matches!(fixture.press("?:evidence<Enter>").as_slice(), [Effect::Evidence(..)]));
}

#[test]
fn a_notice_covers_no_key_and_goes_with_the_next() {
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let mut fixture = ConsoleFixture::usual();
        fixture.resize(width, height);
        let bottom = |fixture: &ConsoleFixture| {
            let text = fixture.text();
            text.lines().rev().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let keys = bottom(&fixture);
        let path =
            "screen saved to /a/very/long/directory/of/a/very/long/name/below/another/pgctl-tui-prod-eu.txt and .svg";
        for text in ["row copied", path] {
            fixture.happen(Event::Notice(Notice::failed(text)));
            assert_eq!(bottom(&fixture), keys, "{width}: {text}");
            fixture.shows(&["✖"]);
            fixture.press("j");
            fixture.hides(&["✖"]);
        }
        // Over a dialog the lines that ask stay too.
        fixture.press("<Enter>");
        let before: Vec<String> = fixture.text().lines().skip(6).map(str::to_owned).collect();
        fixture.happen(Event::Notice(Notice::failed("no theme nowhere")));
        let after: Vec<String> = fixture.text().lines().skip(6).map(str::to_owned).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn an_action_that_runs_stands_beside_the_members_and_moves_nothing_while_it_goes_on() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut fixture = acting(true);
        fixture.resize(size.0, size.1);
        fixture.app.dialogs.push(crate::tui::dialogs::Dialog::Watch { ticket: 1, scroll: 0 });
        fixture.happen(Event::Tick);
        fixture.shows(&[
            "MEMBER",
            "pg-0",
            "pg-1",
            "pg-2",
            "Switch over prod-eu from pg-0 to pg-1",
            "run in background",
        ]);
        let corner = fixture.find("┌");
        let updates = crate::operate::Event::Remark { text: "one more line".into() };
        let at = crate::report::test_support::wall();
        let reported =
            (0..30).map(|_| crate::operate::Progress { at, after: Some(Duration::ZERO), event: updates.clone() });
        fixture.app.deposit_updates(1, reported.collect());
        fixture.happen(Event::JobUpdates(1));
        assert_eq!(fixture.find("┌"), corner, "{size:?}");
        // The views go on beside it.
        fixture.press("8");
        fixture.shows(&["FINDING", "Switch over prod-eu from pg-0 to pg-1"]);
    }
}
