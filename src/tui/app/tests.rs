//! The console driven by rows of keys: what is on the screen, and what it asks of the world.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;

use crate::model::finding::{Finding, Severity};
use crate::model::moment::StartTime;
use crate::model::name::NodeName;
use crate::model::record::{OperationLock, PendingOrder};
use crate::observe::picture::Order;
use crate::report::alerts::Change;
use crate::report::test_support;
use crate::tui::command::COMMANDS;
use crate::tui::effect::{Effect, Outcome, PsqlTarget};
use crate::tui::event::{Event, Gesture, Mouse, Notice, Signal};
use crate::tui::options::{Hooks, Options};
use crate::tui::testing::{ConsoleFixture, around, event, hooks, picture};
use crate::tui::theme::{ColourDepth, Role};
use crate::tui::views::View;

fn two_clusters() -> ConsoleFixture {
    ConsoleFixture::new(vec![picture("prod-eu"), picture("prod-us")], Options::default(), &hooks(), (120, 40))
}

#[test]
fn the_top_line_tells_who_leads_where_one_is_and_what_this_console_may_do() {
    let fixture = ConsoleFixture::usual();
    let top = fixture.row(0);
    for part in ["prod-eu", "Topology", "READ-WRITE", "14:02:07"] {
        assert!(top.contains(part), "{part} is not in {top}");
    }
    assert!(fixture.row(1).contains("leader pg-0"));
    fixture.shows(&["pg-1", "pg-2", "0 Clusters", ": command", "? help"]);
}

#[test]
fn only_a_console_that_may_do_less_than_usual_wears_a_badge() {
    let ground = |read_only, word: &str| {
        let options = Options { read_only, ..Options::default() };
        let fixture = ConsoleFixture::new(vec![picture("prod-eu")], options, &hooks(), (120, 40));
        let column =
            fixture.row(0).chars().collect::<String>().split(word).next().map_or(0, |before| before.chars().count());
        let style = |role| fixture.app.theme().style(role);
        let drawn = fixture.buffer()[(u16::try_from(column).expect("on the screen"), 0)].bg;
        (drawn == style(Role::BadgeWrite).bg.unwrap_or_default(), Some(drawn) == style(Role::BadgeRead).bg)
    };
    assert_eq!(ground(false, "READ-WRITE"), (false, false));
    assert_eq!(ground(true, "READ-ONLY"), (false, true));
}

#[test]
fn a_pause_is_reported_with_how_long_it_lasts_and_the_state_still_fits_80_columns() {
    let mut snapshot = test_support::healthy();
    test_support::record(&mut snapshot, |content| content.paused = true);
    snapshot.paused_since = Some(StartTime::Before(snapshot.now - Duration::from_secs(725)));
    let finding = test_support::findings().remove(0);
    let of = |severity| std::iter::repeat_n(Finding { severity, ..finding.clone() }, 10);
    snapshot.findings = of(Severity::Critical).chain(of(Severity::Warning)).collect();
    let mut fixture = ConsoleFixture::new(vec![around(snapshot)], Options::default(), &hooks(), (120, 40));
    assert!(fixture.row(1).contains(" · PAUSED over 12 min · "), "{}", fixture.row(1));
    fixture.resize(80, 24);
    let line = fixture.row(1);
    for part in ["leader pg-0", "members 3/3", "10 critical, 10 warnings", "PAUSED over 12 min"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn a_scheduled_switchover_is_reported_on_80_columns_and_in_maintenance_mode() {
    let mut snapshot = test_support::healthy();
    let at = (snapshot.wall + jiff::SignedDuration::from_secs(3420)).to_string();
    test_support::record(&mut snapshot, |content| {
        content.paused = true;
        let (leader, candidate) = (Some("pg-0".into()), Some("pg-1".into()));
        content.order = Some(PendingOrder { leader, candidate, scheduled_at: Some(at.as_str().into()) });
    });
    snapshot.findings = test_support::findings();
    let mut fixture = ConsoleFixture::new(vec![around(snapshot)], Options::default(), &hooks(), (160, 40));
    assert!(fixture.row(1).contains(" · switchover in 57 min (pg-0 → pg-1) · "), "{}", fixture.row(1));
    fixture.resize(80, 24);
    let line = fixture.row(1);
    for part in ["leader pg-0", "members 3/3", "1 warning", "PAUSED", "switchover in 57 min"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[rstest]
#[case("1", View::Topology, "MEMBER")]
#[case("2", View::Replication, "STANDBY")]
#[case("3", View::Router, "FRONTEND")]
#[case("4", View::Dcs, "ENDPOINT")]
#[case("5", View::Backups, "Backups")]
#[case("6", View::Sessions, "APPLICATION")]
#[case("7", View::Events, "leader changed")]
#[case("8", View::Findings, "FINDING")]
#[case("9", View::Drill, "SCENARIO")]
#[case("0", View::Clusters, "WORST FINDING")]
fn a_digit_shows_its_view(#[case] key: &str, #[case] view: View, #[case] text: &str) {
    let mut fixture = ConsoleFixture::usual();
    fixture.press(key);
    assert_eq!(fixture.app.view(), view);
    fixture.shows(&[text]);
    assert!(fixture.row(0).contains(view.title()));
}

#[test]
fn the_selected_finding_shows_evidence_and_advice_where_there_is_room_below_the_list() {
    let mut snapshot = test_support::healthy();
    snapshot.findings = test_support::findings();
    let advices: Vec<_> = snapshot.findings.iter().map(|finding| finding.advice.to_string()).collect();
    let mut fixture = ConsoleFixture::new(vec![around(snapshot)], Options::default(), &hooks(), (120, 40));
    fixture.press("8");
    fixture.shows(&["Evidence", "Advice", &advices[0]]);
    fixture.press("j");
    fixture.shows(&[&advices[1]]);
    // Where it would be cut, the list stands alone.
    fixture.resize(120, 9);
    assert!((0..9).all(|row| !fixture.row(row).contains("Advice")));
}

#[test]
fn a_drill_that_was_begun_on_another_host_is_distinguished_from_the_operation_lock() {
    let mut snapshot = test_support::healthy();
    let lock = OperationLock { verb: "drill".into(), ..test_support::operation_lock() };
    test_support::record(&mut snapshot, |content| content.lock = Some(lock));
    let mut fixture = ConsoleFixture::new(vec![around(snapshot)], Options::default(), &hooks(), (120, 40));
    fixture.press("9");
    fixture.shows(&["◐ running: a drill", "drill by alice@bastion"]);
    fixture.bring(0, picture("prod-eu"));
    fixture.hides(&["running: a drill"]);
}

#[test]
fn header_and_key_line_stay_where_they_are_on_every_view() {
    let mut fixture = ConsoleFixture::usual();
    for key in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
        fixture.press(key);
        assert!(fixture.row(0).contains("prod-eu"), "{key}");
        assert!(fixture.row(1).starts_with(" leader pg-0"), "{key}");
        assert!(fixture.row(39).starts_with(" 0 Clusters 1 Topology"), "{key}");
    }
}

#[test]
fn the_selection_moves_and_stays_on_its_row_when_rows_are_sorted_or_new() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("jj");
    assert_eq!(fixture.app.selected_node(), Some(NodeName::new("pg-2")));
    fixture.press("sS");
    assert_eq!(fixture.app.selected_node(), Some(NodeName::new("pg-2")));
    let mut fewer = test_support::healthy();
    fewer.members.retain(|member| member.name != "pg-1");
    fixture.bring(0, around(fewer));
    assert_eq!(fixture.app.selected_node(), Some(NodeName::new("pg-2")));
    fixture.press("G");
    assert_eq!(fixture.app.selected_node(), Some(NodeName::new("pg-0")));
    fixture.press("<Ctrl-f><Ctrl-b><End><Home>");
}

#[test]
fn the_selected_event_stays_selected_while_others_come_and_the_oldest_go() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("7j");
    let selected = |fixture: &ConsoleFixture| {
        let (_, id) = fixture.app.selection().unwrap();
        let table = fixture.app.focused_table().unwrap().1;
        table.rows.iter().find(|row| row.id == id).unwrap().cells[4].text.clone()
    };
    assert_eq!(selected(&fixture), "leader changed for the 1th time");
    let mut later = picture("prod-eu");
    later.events = Arc::new((1..=5).map(event).collect());
    fixture.bring(0, later.clone());
    assert_eq!(selected(&fixture), "leader changed for the 1th time");
    fixture.press("kk");
    assert_eq!(selected(&fixture), "leader changed for the 3th time");
    later.events = Arc::new((3..=9).map(event).collect());
    fixture.bring(0, later);
    assert_eq!(selected(&fixture), "leader changed for the 3th time");
    fixture.press("<Enter>");
    fixture.shows(&["leader changed for the 3th time"]);
}

#[test]
fn a_filter_applies_with_every_letter_is_shown_and_escape_clears_it() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("/pg-1");
    fixture.shows(&["filter pg-1", "/pg-1"]);
    assert!(fixture.cursor.is_some());
    fixture.press("<Enter>");
    assert_eq!(fixture.app.panes()[0].key, "members");
    fixture.shows(&["filter pg-1"]);
    fixture.press("<Esc>");
    fixture.hides(&[" · filter "]);
    fixture.press("/!pg-1<Enter>");
    let table = fixture.app.focused_table().unwrap().1;
    assert_eq!(table.rows.len(), 2);
    fixture.press("/xyz<Esc>");
    fixture.shows(&["filter !pg-1"]);
}

#[test]
fn the_palette_finds_by_part_of_a_name_and_says_what_it_does_not_know() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press(":repl");
    fixture.shows(&["replication", "standbys, graphs"]);
    fixture.press("<Enter>");
    assert_eq!(fixture.app.view(), View::Replication);
    fixture.press(":etcd<Enter>");
    assert_eq!(fixture.app.view(), View::Dcs);
    fixture.press(":xyzzyx<Enter>");
    fixture.shows(&["no command xyzzyx"]);
    fixture.press(":inter<Tab>5<Enter>");
    fixture.shows(&["refresh every 5.0 s"]);
    let effects = fixture.press(":interval 0.1<Enter>");
    assert!(effects.is_empty());
    fixture.shows(&["interval takes seconds"]);
}

#[test]
fn help_lists_every_command_with_its_keys() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("?");
    let mut seen = fixture.text();
    for _ in 0..8 {
        fixture.press("<PageDown>");
        seen.push_str(&fixture.text());
    }
    for spec in COMMANDS.iter() {
        assert!(seen.contains(spec.name), "{} is not in the help", spec.name);
        for key in spec.keys {
            assert!(seen.contains(key), "{key} is not in the help");
        }
    }
    fixture.press("<Esc>");
    fixture.hides(&["┌"]);
}

#[test]
fn a_detail_names_source_and_age_of_each_fact_and_follows_the_picture() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("j<Enter>");
    fixture.shows(&["pg-1", "SQL pg-1", "s ago", "Esc close"]);
    assert!(fixture.row(0).contains("Topology ▸ pg-1"));
    let mut gone = test_support::healthy();
    gone.members.retain(|member| member.name != "pg-1");
    fixture.bring(0, around(gone));
    fixture.shows(&["no longer there"]);
    let effects = fixture.press("y");
    assert!(matches!(effects.as_slice(), [Effect::Copy(_)]));
    fixture.press("<Esc>");
    assert!(!fixture.row(0).contains("Topology ▸"));
}

#[test]
fn escape_goes_back_the_way_one_came() {
    let mut fixture = two_clusters();
    assert_eq!(fixture.app.view(), View::Clusters);
    fixture.press("j<Enter>");
    assert_eq!(fixture.app.view(), View::Topology);
    assert!(fixture.row(0).contains("prod-us"));
    fixture.press("4<Esc>");
    assert_eq!(fixture.app.view(), View::Topology);
    fixture.press("<Esc>");
    assert_eq!(fixture.app.view(), View::Clusters);
}

/// What is typed next is meant for the cluster on the screen; members have the same names in many.
#[test]
fn escape_never_leads_into_another_cluster() {
    let mut fixture = two_clusters();
    fixture.press(":cluster prod-us<Enter>1:cluster prod-eu<Enter>4");
    assert!(fixture.row(0).contains("prod-eu"));
    for _ in 0..6 {
        fixture.press("<Esc>");
        assert!(fixture.row(0).contains("prod-eu"), "{}", fixture.row(0));
    }
    assert_eq!(fixture.app.view(), View::Clusters);
}

#[test]
fn among_all_clusters_the_selected_one_is_the_one_every_other_view_shows() {
    let mut fixture = two_clusters();
    let first = if fixture.row(0).contains("prod-eu") { "prod-eu" } else { "prod-us" };
    fixture.press("j");
    assert!(!fixture.row(0).contains(first));
    fixture.press("2");
    assert!(!fixture.row(0).contains(first));
    fixture.press("c");
    assert!(fixture.row(0).contains(first));
    fixture.press(":cluster prod-us<Enter>");
    assert!(fixture.row(0).contains("prod-us"));
}

#[test]
fn a_key_acts_on_the_cluster_that_pictures_have_just_brought_to_the_top() {
    let urgent = || {
        let mut snapshot = test_support::healthy();
        snapshot.identity.name = crate::model::name::ClusterName::new("prod-us");
        let finding = test_support::findings().remove(0);
        snapshot.findings = vec![Finding { severity: Severity::Critical, ..finding }; 5];
        Arc::new(around(snapshot))
    };
    let mut fixture = two_clusters();
    assert!(fixture.row(0).contains("prod-eu"), "{}", fixture.row(0));
    // Nothing is drawn in between.
    fixture.app.deposit(1, urgent(), Duration::ZERO);
    fixture.app.update(Event::Picture(1), Duration::from_secs(1));
    fixture.press("2");
    assert!(fixture.row(0).contains("prod-us"), "{}", fixture.row(0));

    let mut fixture = two_clusters();
    fixture.bring(1, (*urgent()).clone());
    assert!(fixture.row(0).contains("prod-us"), "what is drawn is what would be acted on: {}", fixture.row(0));
}

#[test]
fn orders_go_to_the_observers() {
    let mut fixture = two_clusters();
    let polls = fixture.press("r");
    assert!(matches!(polls.as_slice(), [Effect::Order(0, Order::PollNow), Effect::Order(1, Order::PollNow)]));
    let faster = fixture.press("+");
    assert!(matches!(faster.as_slice(), [Effect::Interval(interval)] if *interval == Duration::from_secs(1)));
    let slower = fixture.press("--");
    assert!(matches!(slower.last(), Some(Effect::Interval(interval)) if *interval == Duration::from_secs(3)));
}

#[test]
fn only_a_member_off_the_record_can_be_forgotten() {
    let mut fixture = ConsoleFixture::usual();
    assert!(fixture.press("d").is_empty());
    fixture.shows(&["no longer in the DCS"]);
    let mut snapshot = test_support::healthy();
    test_support::missing(&mut snapshot, "pg-2");
    fixture.bring(0, around(snapshot));
    fixture.press("g");
    let mut effects = Vec::new();
    for _ in 0..3 {
        effects.extend(fixture.press("d"));
        fixture.press("j");
    }
    assert!(matches!(effects.as_slice(), [Effect::Order(0, Order::Dismiss(node))] if *node == "pg-2"), "{effects:?}");
}

#[test]
fn psql_opens_on_the_selected_node_or_router() {
    let mut fixture = ConsoleFixture::usual();
    let on_node = fixture.press("jp");
    assert!(
        matches!(on_node.as_slice(), [Effect::Psql(PsqlTarget::Node { node, .. })] if *node == "pg-1"),
        "{on_node:?}"
    );
    let on_router = fixture.press("3p");
    assert!(matches!(on_router.as_slice(), [Effect::Psql(PsqlTarget::Router { .. })]), "{on_router:?}");
    let through_another = fixture.press("jjjp");
    assert!(through_another.is_empty(), "the read pool has no address: {through_another:?}");
    fixture.shows(&["no read_address is configured"]);
    assert!(fixture.press("4p").is_empty());
    fixture.shows(&["select a node or a router first"]);
}

#[test]
fn in_read_only_mode_psql_is_listed_with_the_reason_and_does_nothing() {
    let options = Options { read_only: true, ..Options::default() };
    let mut fixture = ConsoleFixture::new(vec![picture("prod-eu")], options, &hooks(), (120, 40));
    fixture.shows(&["READ-ONLY"]);
    assert!(fixture.press("p").is_empty());
    fixture.shows(&["not available in read-only mode"]);
    fixture.press(":psql");
    fixture.shows(&["psql could switch its session to read-write"]);
    assert!(fixture.press("<Enter>").is_empty());
}

#[test]
fn a_cluster_that_the_configuration_has_read_only_is_so_though_the_console_is_not() {
    let mut snapshot = test_support::healthy();
    snapshot.identity.read_only = true;
    let mut fixture = ConsoleFixture::new(vec![around(snapshot)], Options::default(), &hooks(), (120, 40));
    fixture.shows(&["READ-ONLY"]);
    assert!(fixture.press("p").is_empty());
    fixture.shows(&["the configuration has this cluster read-only"]);
}

#[test]
fn what_a_console_was_not_given_is_listed_as_not_available() {
    let mut fixture = ConsoleFixture::new(vec![picture("prod-eu")], Options::default(), &Hooks::default(), (120, 40));
    assert!(fixture.press("e").is_empty());
    fixture.shows(&["no evidence directory"]);
    assert!(fixture.press("p").is_empty());
    fixture.shows(&["not available in this console"]);
}

#[test]
fn copying_takes_the_row_or_its_name() {
    let mut fixture = ConsoleFixture::usual();
    let copied = fixture.press("jyY");
    let texts: Vec<&str> = copied
        .iter()
        .map(|effect| match effect {
            Effect::Copy(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(texts[0].starts_with("pg-1\treplica\tstreaming"), "{texts:?}");
    assert_eq!(texts[1], "pg-1");
}

#[test]
fn a_frozen_picture_stands_still_says_so_and_can_be_stepped_through() {
    let mut fixture = ConsoleFixture::usual();
    for second in 0..5 {
        fixture.wait(20);
        let mut picture = picture("prod-eu");
        let mut snapshot = (*picture.snapshot).clone();
        snapshot.wall = test_support::wall() + Duration::from_secs(20 * (second + 1));
        snapshot.now = test_support::now() + Duration::from_secs(20 * (second + 1));
        picture.snapshot = Arc::new(snapshot);
        picture.events = Arc::new(vec![event(second)]);
        fixture.bring(0, picture);
    }
    fixture.press(" ");
    fixture.shows(&["FROZEN 14:03:47"]);
    fixture.bring(0, around(test_support::leaderless()));
    fixture.shows(&["FROZEN 14:03:47", "leader pg-0"]);
    fixture.press("[[");
    fixture.shows(&["FROZEN 14:03:07"]);
    fixture.press("]");
    fixture.shows(&["FROZEN 14:03:27"]);
    fixture.press("<Esc>");
    fixture.hides(&["FROZEN"]);
    fixture.shows(&["no leader"]);
    assert!(fixture.press("]").is_empty());
    fixture.shows(&["the display is live"]);
}

#[test]
fn a_theme_is_shown_while_choosing_and_leaving_brings_back_the_old_one() {
    let mut fixture = ConsoleFixture::usual();
    let ground = |fixture: &ConsoleFixture| fixture.buffer()[(0, 20)].bg;
    let dark = ground(&fixture);
    fixture.press("tj");
    assert_ne!(ground(&fixture), dark);
    fixture.press("<Esc>");
    assert_eq!(ground(&fixture), dark);
    fixture.press("tj<Enter>");
    assert_eq!(fixture.app.theme().name, "light");
    fixture.press(":theme mono<Enter>");
    assert_eq!(fixture.app.theme().name, "mono");
    fixture.press(":theme nowhere<Enter>");
    fixture.shows(&["no theme nowhere"]);
}

#[test]
fn the_mouse_selects_sorts_and_presses_what_it_points_at() {
    let mut fixture = ConsoleFixture::usual();
    fixture.click("pg-2");
    assert_eq!(fixture.app.selected_node(), Some(NodeName::new("pg-2")));
    fixture.click("MEMBER");
    fixture.shows(&["MEMBER▲"]);
    fixture.click("MEMBER");
    fixture.shows(&["MEMBER▼"]);
    fixture.click("3 Router");
    assert_eq!(fixture.app.view(), View::Router);
    fixture.press("1g");
    let (column, row) = fixture.find("pg-1");
    fixture.happen(Event::Mouse(Mouse { gesture: Gesture::WheelDown, column, row }));
    assert_eq!(fixture.app.selected_node(), Some(NodeName::new("pg-0")), "sorted downwards, the last row");
    let effects = fixture.press("m");
    assert!(matches!(effects.as_slice(), [Effect::Mouse(false)]));
    fixture.click("4 DCS");
    assert_eq!(fixture.app.view(), View::Topology);
}

#[test]
fn tab_goes_round_the_panes() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("4");
    let count = fixture.app.panes().iter().filter(|pane| pane.takes_focus()).count();
    let at = |fixture: &ConsoleFixture| fixture.app.focused(&fixture.app.panes());
    let first = at(&fixture);
    let mut seen = vec![first];
    for _ in 1..count {
        fixture.press("<Tab>");
        seen.push(at(&fixture));
    }
    seen.dedup();
    assert_eq!(seen.len(), count);
    fixture.press("<Tab>");
    assert_eq!(at(&fixture), first);
    fixture.press("<Shift-Tab>");
    assert_ne!(at(&fixture), first);
    fixture.press("jjjkG");
}

#[test]
fn pasted_text_is_no_row_of_commands() {
    let mut fixture = ConsoleFixture::usual();
    let effects = fixture.happen(Event::Paste("q\u{1b}[31mq\n".to_owned()));
    assert!(effects.is_empty());
    fixture.press("/");
    fixture.happen(Event::Paste("pg\u{1b}[31m-1\n".to_owned()));
    fixture.shows(&["filter pg-1"]);
}

#[test]
fn signals_and_q_end_the_console_and_say_why() {
    let mut fixture = ConsoleFixture::usual();
    assert!(matches!(fixture.press("q").as_slice(), [Effect::Quit(Outcome::Quit)]));
    assert!(matches!(fixture.press("<Ctrl-c>").as_slice(), [Effect::Quit(Outcome::Quit)]));
    for signal in [Signal::Terminate, Signal::HangUp, Signal::Interrupt] {
        let effects = fixture.happen(Event::Signal(signal));
        assert!(matches!(effects.as_slice(), [Effect::Quit(Outcome::Signal(why))] if *why == signal));
    }
    assert!(matches!(fixture.happen(Event::Signal(Signal::Continue)).as_slice(), [Effect::Redraw]));
}

#[test]
fn escape_and_the_next_key_in_one_piece_are_two_keys() {
    let mut fixture = ConsoleFixture::usual();
    fixture.press("?");
    assert!(matches!(fixture.press("<Alt-q>").as_slice(), [Effect::Quit(Outcome::Quit)]));
    fixture.hides(&["┌"]);
}

#[test]
fn a_notice_comes_and_goes() {
    let mut fixture = ConsoleFixture::usual();
    fixture.happen(Event::Notice(Notice::done("screen saved to /tmp/x")));
    fixture.shows(&["screen saved to /tmp/x"]);
    fixture.wait(6);
    fixture.hides(&["screen saved"]);
}

#[test]
fn a_finding_that_begins_or_ends_is_reported_once() {
    let mut well = test_support::healthy();
    well.findings.clear();
    let mut fixture = ConsoleFixture::new(vec![around(well.clone())], Options::default(), &hooks(), (120, 40));
    let began = fixture.bring(0, picture("prod-eu"));
    assert!(!began.is_empty());
    assert!(
        began.iter().all(|effect| matches!(effect, Effect::Alert(alert) if alert.change == Change::Began)),
        "{began:?}"
    );
    assert!(fixture.bring(0, picture("prod-eu")).is_empty());
    let ended = fixture.bring(0, around(well));
    assert_eq!(ended.len(), began.len());
    assert!(ended.iter().all(|effect| matches!(effect, Effect::Alert(alert) if alert.change == Change::Ended)));
}

#[test]
fn the_wall_obeys_no_key_but_quit_and_page() {
    let options = Options { wall: true, read_only: true, ..Options::default() };
    let mut fixture = ConsoleFixture::new(vec![picture("prod-eu"), picture("prod-us")], options, &hooks(), (120, 40));
    let before = fixture.text();
    for spec in COMMANDS.iter() {
        for key in spec
            .keys
            .iter()
            .filter(|key| !["q", "Ctrl-c", "PageUp", "PageDown", "Ctrl-b", "Ctrl-f", "Ctrl-l"].contains(key))
        {
            let effects = fixture.press(&format!("<{key}>"));
            assert!(effects.is_empty(), "{key} does {effects:?}");
            assert_eq!(fixture.text(), before, "{key} changes the wall");
        }
    }
    fixture.click("PROD-US");
    assert_eq!(fixture.text(), before);
    fixture.press("<PageDown>");
    assert_ne!(fixture.text(), before);
    assert!(matches!(fixture.press("q").as_slice(), [Effect::Quit(Outcome::Quit)]));
}

#[test]
fn a_wall_whose_pictures_stop_coming_shows_them_as_not_seen() {
    let options = Options { wall: true, ..Options::default() };
    let mut fixture = ConsoleFixture::new(vec![picture("prod-eu")], options, &hooks(), (120, 40));
    fixture.bring(0, picture("prod-eu"));
    fixture.hides(&["not seen"]);
    fixture.wait(60);
    fixture.shows(&["no data for 1 min"]);
    let (column, row) = fixture.find("PROD-EU");
    assert_eq!(fixture.buffer()[(column, row)].bg, fixture.app.theme().style(Role::WallStale).bg.unwrap());
}

#[test]
fn without_colours_the_selection_and_the_worst_are_still_distinguished() {
    let options = Options { depth: ColourDepth::None, ..Options::default() };
    let fixture = ConsoleFixture::new(vec![picture("prod-eu")], options, &hooks(), (120, 40));
    let style = |column, row| fixture.buffer()[(column, row)].style();
    let (_, members) = fixture.find("MEMBER");
    assert_ne!(style(5, members + 1).add_modifier, style(5, members + 2).add_modifier);
}

#[test]
fn a_terminal_too_small_says_so_in_words_and_recovers() {
    let mut fixture = ConsoleFixture::usual();
    fixture.resize(20, 5);
    fixture.shows(&["terminal too", "20x5", "40x8"]);
    fixture.resize(39, 30);
    fixture.shows(&["terminal too small: 39x30, needs 40x8"]);
    fixture.resize(40, 8);
    fixture.shows(&["prod-eu"]);
}

#[test]
fn a_console_without_any_cluster_says_so() {
    let mut fixture = ConsoleFixture::new(Vec::new(), Options::default(), &Hooks::default(), (80, 24));
    fixture.shows(&["no cluster is configured"]);
    fixture.press("0123456789jk?<Esc>/:<Esc>yecr<Enter><Tab>s");
}
