//! What lies over the view: how it is closed, what is said where an action would be left behind, and where notices stand.

use std::time::Duration;

use crate::action::record::ActionId;
use crate::tui::acting::Watch;
use crate::tui::effect::{Effect, Outcome};
use crate::tui::event::{Event, Notice};
use crate::tui::testing::{Stage, switchover};
use crate::tui::views::View;

fn quits(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Quit(Outcome::Quit)])
}

/// A console of which an action runs.
fn acting(outlives: bool) -> Stage {
    let mut stage = Stage::usual();
    let action = Some(ActionId("20261121-140207-000-1".to_owned()));
    stage.app.acting.watches.push(Watch { action, ..Watch::new(1, switchover(), None) });
    stage.app.acting.outlives = outlives;
    stage.press("<Ctrl-l>");
    stage
}

#[test]
fn q_clears_the_filter_and_goes_back_to_live_before_it_leaves() {
    let mut stage = Stage::usual();
    stage.press("/pg-1<Enter> ");
    stage.shows(&["filter pg-1", "FROZEN"]);
    assert!(stage.press("q").is_empty());
    stage.hides(&["filter pg-1"]);
    assert!(stage.press("q").is_empty());
    stage.hides(&["FROZEN"]);
    assert!(quits(&stage.press("q")));
}

#[test]
fn leaving_while_an_action_runs_asks_once_and_says_what_becomes_of_it() {
    for (outlives, told) in
        [(true, "pgctl-tui audit 20261121-140207-000-1"), (false, "simulated and end with the console")]
    {
        let mut stage = acting(outlives);
        for key in ["q", "<Ctrl-c>", ":quit<Enter>"] {
            assert!(stage.press(key).is_empty(), "{key}");
            stage.shows(&["An action still runs", told, "Enter leave the console", "Esc stay"]);
            assert!(stage.press("q").is_empty());
            stage.hides(&["An action still runs"]);
        }
        stage.press("q");
        assert!(quits(&stage.press("<Enter>")));
        stage.press("<Esc>");
        stage.press("<Ctrl-c>");
        assert!(quits(&stage.press("<Ctrl-c>")), "who insists is not asked twice");
    }
}

#[test]
fn the_terminal_is_told_what_still_runs() {
    assert_eq!(
        acting(true).app.farewell(),
        ["switchover 20261121-140207-000-1 of prod-eu still runs: pgctl-tui audit 20261121-140207-000-1"]
    );
    let demo = acting(false).app.farewell();
    assert_eq!(demo, ["switchover 20261121-140207-000-1 of prod-eu ended with the demo: its cluster was simulated"]);
    assert!(Stage::usual().app.farewell().is_empty());
}

#[test]
fn a_command_typed_over_a_dialog_is_done_and_not_swallowed() {
    let mut stage = Stage::usual();
    stage.press("j<Enter>:router<Enter>");
    assert_eq!(stage.app.view(), View::Router);
    stage.press("?:theme mono<Enter>");
    assert_eq!(stage.app.theme().name, "mono");
    stage.hides(&["Here: "]);
    assert!(matches!(stage.press("?:evidence<Enter>").as_slice(), [Effect::Evidence(..)]));
}

#[test]
fn a_notice_covers_no_key_and_goes_with_the_next() {
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let mut stage = Stage::usual();
        stage.resize(width, height);
        let bottom = |stage: &Stage| {
            let text = stage.text();
            text.lines().rev().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let keys = bottom(&stage);
        let path =
            "screen saved to /a/very/long/directory/of/a/very/long/name/below/another/pgctl-tui-prod-eu.txt and .svg";
        for text in ["row copied", path] {
            stage.happen(Event::Notice(Notice::failed(text)));
            assert_eq!(bottom(&stage), keys, "{width}: {text}");
            stage.shows(&["✖"]);
            stage.press("j");
            stage.hides(&["✖"]);
        }
        // Over a dialog the lines that ask stay too.
        stage.press("<Enter>");
        let before: Vec<String> = stage.text().lines().skip(6).map(str::to_owned).collect();
        stage.happen(Event::Notice(Notice::failed("no theme is called nowhere")));
        let after: Vec<String> = stage.text().lines().skip(6).map(str::to_owned).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn an_action_that_runs_stands_beside_the_members_and_moves_nothing_while_it_goes_on() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut stage = acting(true);
        stage.resize(size.0, size.1);
        stage.app.dialogs.push(crate::tui::dialogs::Dialog::Watch { ticket: 1, scroll: 0 });
        stage.happen(Event::Tick);
        stage.shows(&["MEMBER", "pg-0", "pg-1", "pg-2", "Switch over prod-eu from pg-0 to pg-1", "to the background"]);
        let corner = stage.find("┌");
        let news = crate::operate::Event::Remark { text: "one more line".into() };
        let at = crate::report::test_support::wall();
        let told = (0..30).map(|_| crate::operate::Progress { at, after: Some(Duration::ZERO), event: news.clone() });
        stage.app.deposit_news(1, told.collect());
        stage.happen(Event::News(1));
        assert_eq!(stage.find("┌"), corner, "{size:?}");
        // The views go on beside it.
        stage.press("8");
        stage.shows(&["FINDING", "Switch over prod-eu from pg-0 to pg-1"]);
    }
}
