//! Every view of the console on the simulated clusters, at many sizes and in every theme: nothing panics, everything
//! is a well-formed picture, and what matters is on the screen.
//!
//! With `PGCTL_SCREENS=DIRECTORY` the pictures are kept there, to be looked at.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]

#[path = "screens/plain.rs"]
mod plain;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pgctl::driver::ha::sim::{Fault, SimulatedCluster, demo};
use pgctl::model::thresholds::{Limits, Thresholds};
use pgctl::observe::cluster::{ClusterSetup, start};
use pgctl::observe::picture::{Handle, Picture};
use pgctl::tui::app::App;
use pgctl::tui::event::Event;
use pgctl::tui::options::{Hooks, Options};
use pgctl::tui::theme::{ColourDepth, Theme};
use pgctl::tui::{export, keymap};
use ratatui::buffer::Buffer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const DAY: Duration = Duration::from_secs(86_400);

/// A simulated fleet, observed.
struct Fleet {
    handles: Vec<Handle>,
    clusters: Vec<SimulatedCluster>,
    _tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is a face of its own")]
fn epoch() -> Timestamp {
    Timestamp::now()
}

fn observe(clusters: Vec<SimulatedCluster>) -> Fleet {
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    let handles = clusters.iter().map(|cluster| start(stack(cluster), &tracker, &cancel)).collect();
    Fleet { handles, clusters, _tracker: tracker, cancel }
}

fn stack(cluster: &SimulatedCluster) -> ClusterSetup {
    ClusterSetup {
        identity: cluster.identity(),
        // Time is stepped through faster than this host's clock goes: the clocks differ, and that is no finding here.
        thresholds: Thresholds { clock_offset: Limits { warning: DAY, critical: DAY }, ..Thresholds::default() },
        interval: Duration::from_secs(1),
        deadline: Duration::from_secs(2),
        sources: cluster.sources(),
        nodes: cluster.node_sources(),
        configured: cluster.member_addresses().into_iter().map(|member_address| member_address.name).collect(),
        namespace_is_assumed: false,
        routers: cluster.routers(),
        speed_up: false,
        attentive: false,
        gather: Duration::from_millis(100),
    }
}

impl Fleet {
    fn pictures(&self) -> Vec<(pgctl::model::name::ClusterName, Arc<Picture>)> {
        self.handles.iter().map(|handle| (handle.cluster.clone(), handle.latest())).collect()
    }
}

/// A console over the fleet, with the pictures it has now.
fn console(fleet: &Fleet, options: Options) -> App {
    App::new(fleet.pictures(), options, &Hooks::default())
}

fn press(app: &mut App, keys: &str) {
    for key in keymap::sequence(keys).expect("keys") {
        app.update(Event::Key(key), Duration::from_secs(1));
        app.screen(120, 40);
    }
}

fn keep(name: &str, buffer: &Buffer, theme: &Theme) {
    let picture = export::svg(buffer, theme);
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"), "{name}");
    assert_eq!(picture.matches("<text ").count(), picture.matches("</text>").count(), "{name}");
    if let Some(directory) = std::env::var_os("PGCTL_SCREENS") {
        let path = std::path::Path::new(&directory).join(name);
        std::fs::create_dir_all(&directory).expect("the directory can be made");
        std::fs::write(path.with_extension("svg"), picture).expect("a picture can be written");
        std::fs::write(path.with_extension("txt"), export::text(buffer)).expect("a text can be written");
    }
}

const VIEWS: [(&str, &str); 12] = [
    ("clusters", "0"),
    ("topology", "1"),
    ("replication", "2"),
    ("router", "3"),
    ("dcs", "4"),
    ("backups", "5"),
    ("sessions", "6"),
    ("events", "7"),
    ("findings", "8"),
    ("drill", "9"),
    ("poolers", ":poolers<Enter>"),
    ("sources", ":sources<Enter>"),
];

/// Keys that show the cluster with the fullest programme.
const PROD_EU: &str = ":cluster prod-eu<Enter>";

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

#[tokio::test(start_paused = true)]
async fn every_view_is_drawn_at_every_usual_size_in_dark_and_light() {
    let fleet = observe(demo(7, epoch()));
    // Into the second chapter: a sick replica, a chain of locks.
    tokio::time::sleep(Duration::from_secs(150)).await;
    for theme in ["dark", "light"] {
        for (view, keys) in VIEWS {
            for (width, height) in SIZES {
                let mut app = console(&fleet, Options { theme: theme.to_owned(), ..Options::default() });
                app.screen(width, height);
                press(&mut app, &format!("{PROD_EU}{keys}"));
                let buffer = app.screen(width, height);
                let text = export::text(&buffer);
                let title = app.view().title();
                assert!(text.lines().next().is_some_and(|line| line.contains(title)), "{view}\n{text}");
                keep(&format!("{view}-{width}x{height}-{theme}"), &buffer, app.theme());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dialogs_prompts_and_the_wall_are_drawn() {
    let fleet = observe(demo(7, epoch()));
    tokio::time::sleep(Duration::from_secs(150)).await;
    let scenes = [
        ("help", "?"),
        ("detail", "1j<Enter>"),
        ("detail-leader", "1<Enter>"),
        ("detail-finding", "8<Enter>"),
        ("detail-server", "3<Enter>"),
        ("palette", ":re"),
        ("palette-empty", ":"),
        ("filter", "2/pg-1"),
        ("themes", "t"),
        ("frozen", "1 "),
    ];
    for (state, keys) in scenes {
        for (width, height) in [(80, 24), (120, 40)] {
            let mut app = console(&fleet, Options::default());
            app.screen(width, height);
            press(&mut app, &format!("{PROD_EU}{keys}"));
            keep(&format!("{state}-{width}x{height}"), &app.screen(width, height), &app.theme().clone());
        }
    }
    for (width, height) in SIZES {
        let mut app = console(&fleet, Options { wall: true, read_only: true, ..Options::default() });
        let buffer = app.screen(width, height);
        keep(&format!("wall-{width}x{height}"), &buffer, app.theme());
        let text = export::text(&buffer);
        for name in ["PROD-EU", "PROD-US", "STAGING", "ANALYTICS", "read-only"] {
            assert!(text.contains(name), "{name} is not on the wall:\n{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_is_drawn() {
    let failures: [(&str, Vec<Fault>); 4] = [
        ("killed", vec![Fault::KillNode("pg-2".into())]),
        ("frozen-leader", vec![Fault::FreezeNode("pg-0".into())]),
        ("no-majority", vec![Fault::LoseDcsMajority]),
        ("all-gone", ["pg-0", "pg-1", "pg-2", "pg-3"].map(|name| Fault::KillNode(name.into())).to_vec()),
    ];
    for (name, faults) in failures {
        let cluster = SimulatedCluster::new("prod-eu", 3, pgctl::driver::ha::sim::Scenario::Calm, epoch());
        let fleet = observe(vec![cluster]);
        tokio::time::sleep(Duration::from_secs(20)).await;
        let now = fleet.handles[0].clock.now();
        for fault in faults {
            fleet.clusters[0].world().lock().expect("the world").schedule(now, fault);
        }
        tokio::time::sleep(Duration::from_secs(12)).await;
        let mut app = console(&fleet, Options::default());
        for (view, keys) in &VIEWS[1..5] {
            app.screen(120, 40);
            press(&mut app, keys);
            keep(&format!("trouble-{name}-{view}"), &app.screen(120, 40), &app.theme().clone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_size_makes_any_view_panic() {
    let fleet = observe(demo(11, epoch()));
    tokio::time::sleep(Duration::from_secs(40)).await;
    for (_, keys) in VIEWS {
        let mut app = console(&fleet, Options::default());
        press(&mut app, keys);
        for dialog in ["", "<Enter>", "?", ":re"] {
            press(&mut app, dialog);
            for width in (1..=60).step_by(if dialog.is_empty() { 1 } else { 7 }) {
                for height in (1..=20).step_by(if dialog.is_empty() { 1 } else { 3 }) {
                    app.screen(width, height);
                }
            }
            press(&mut app, "<Esc><Esc>");
        }
    }
    let mut wall = console(&fleet, Options { wall: true, ..Options::default() });
    for width in 1..=60 {
        for height in 1..=20 {
            wall.screen(width, height);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_colours_nothing_is_coloured_and_in_ascii_nothing_is_else() {
    let fleet = observe(demo(7, epoch()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    for (view, keys) in VIEWS {
        let options = Options { depth: ColourDepth::None, ascii: true, ..Options::default() };
        let mut app = console(&fleet, options);
        press(&mut app, keys);
        let buffer = app.screen(120, 40);
        keep(&format!("{view}-120x40-mono-ascii"), &buffer, app.theme());
        for cell in &buffer.content {
            assert!(cell.symbol().is_ascii(), "{view}: {:?}", cell.symbol());
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset), "{view}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn on_sixteen_colours_a_selected_row_is_one_stripe_in_every_view() {
    let fleet = observe(demo(7, epoch()));
    // Into the second chapter: rows in every state.
    tokio::time::sleep(Duration::from_secs(150)).await;
    for theme in ["terminal16", "dark", "high-contrast"] {
        for (view, keys) in VIEWS {
            let options = Options { theme: theme.to_owned(), depth: ColourDepth::Sixteen, ..Options::default() };
            let mut app = console(&fleet, options);
            app.screen(120, 40);
            press(&mut app, &format!("{PROD_EU}{keys}"));
            let buffer = app.screen(120, 40);
            keep(&format!("{view}-120x40-{theme}-16"), &buffer, app.theme());
            let selected = app.theme().style(pgctl::tui::theme::Role::Selection);
            let is_selected = |cell: &ratatui::buffer::Cell| {
                let style = cell.style();
                style.bg == selected.bg && style.add_modifier.contains(selected.add_modifier) && style.fg == selected.fg
            };
            // Header, key lines and titles have no row of a table in them.
            let rows: Vec<&[ratatui::buffer::Cell]> = buffer.content.chunks(120).skip(4).take(34).collect();
            let striped = rows.iter().filter(|row| row.iter().filter(|cell| is_selected(cell)).count() > 60);
            for row in striped {
                // The scroll bar stands at the right edge.
                let odd = row[..119].iter().filter(|cell| !is_selected(cell)).count();
                assert_eq!(odd, 0, "{theme} {view}: a selected row of several colours");
            }
        }
    }
}
