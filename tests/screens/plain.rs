//! The same of clusters that nobody manages: what they lack is told as that, and who writes is never guessed.

use pgctl::driver::ha::sim::{ManagerOrder, Scenario, plain_demo};

use super::*;

/// Something that has come over a plain cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PlainClusterState {
    Healthy,
    /// A standby that nothing reaches.
    Cut,
    /// A standby whose receiver is stopped.
    Stopped,
    /// The primary is killed.
    Gone,
    /// A standby was promoted beside the primary.
    Two,
}

impl PlainClusterState {
    const ALL: [Self; 5] = [Self::Healthy, Self::Cut, Self::Stopped, Self::Gone, Self::Two];

    fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Cut => "cut",
            Self::Stopped => "stopped",
            Self::Gone => "gone",
            Self::Two => "two",
        }
    }

    /// A plain cluster of four, observed, in which this has come about and settled.
    async fn play(self) -> Fleet {
        let fleet = observe(vec![SimulatedCluster::plain("ledger", 3, Scenario::Calm, epoch())]);
        tokio::time::sleep(Duration::from_secs(20)).await;
        let now = fleet.handles[0].clock.now();
        {
            let mut world = fleet.clusters[0].world().lock().expect("the world");
            match self {
                Self::Healthy => {}
                Self::Cut => world.schedule(now, Fault::CutNode("pg-2".into())),
                Self::Stopped => world.schedule(now, Fault::StopReceiver("pg-2".into())),
                Self::Gone => world.schedule(now, Fault::KillNode("pg-0".into())),
                Self::Two => world.order(now, ManagerOrder::Promote("pg-1".into())),
            }
        }
        tokio::time::sleep(Duration::from_secs(45)).await;
        fleet
    }
}

/// One view of it as text.
fn text_of(fleet: &Fleet, keys: &str, (width, height): (u16, u16)) -> String {
    let mut app = console(fleet, Options::default());
    app.screen(width, height);
    press(&mut app, keys);
    export::text(&app.screen(width, height))
}

#[tokio::test(start_paused = true)]
async fn every_view_of_a_plain_cluster_is_drawn_and_none_speaks_of_what_it_has_not() {
    for state in PlainClusterState::ALL {
        let fleet = state.play().await;
        for theme in ["dark", "light"] {
            for (view, keys) in VIEWS {
                for (width, height) in SIZES {
                    let mut app = console(&fleet, Options { theme: theme.to_owned(), ..Options::default() });
                    app.screen(width, height);
                    press(&mut app, keys);
                    let buffer = app.screen(width, height);
                    let name = format!("plain-{}-{view}-{width}x{height}-{theme}", state.name());
                    keep(&name, &buffer, app.theme());
                    let text = export::text(&buffer);
                    for word in ["in the DCS", "leader key", "the lock", "Patroni", "etcd"] {
                        assert!(!text.contains(word), "{name} speaks of {word}:\n{text}");
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_dialogs_of_a_plain_cluster_are_drawn() {
    let scenes =
        [("detail", "1j<Enter>"), ("detail-primary", "1<Enter>"), ("detail-finding", "8<Enter>"), ("help", "?")];
    for state in PlainClusterState::ALL {
        let fleet = state.play().await;
        for (dialog, keys) in scenes {
            for (width, height) in SIZES {
                let mut app = console(&fleet, Options::default());
                app.screen(width, height);
                press(&mut app, keys);
                let name = format!("plain-{}-{dialog}-{width}x{height}", state.name());
                keep(&name, &app.screen(width, height), &app.theme().clone());
            }
        }
        for (width, height) in SIZES {
            let mut app = console(&fleet, Options { wall: true, read_only: true, ..Options::default() });
            let name = format!("plain-{}-wall-{width}x{height}", state.name());
            keep(&name, &app.screen(width, height), &app.theme().clone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_primary_is_reported_at_every_size() {
    let fleet = PlainClusterState::Two.play().await;
    for size in SIZES {
        let topology = text_of(&fleet, "1", size);
        assert!(topology.contains("split brain: pg-0 and pg-1 all accept writes"), "{topology}");
        let row = |name: &str| topology.lines().find(|line| line.contains(name) && line.contains("primary")).is_some();
        assert!(row("pg-0") && row("pg-1"), "{topology}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_nobody_takes_over_is_reported_at_every_size() {
    let fleet = PlainClusterState::Gone.play().await;
    for size in SIZES {
        let topology = text_of(&fleet, "1", size);
        assert!(topology.contains("no primary, writes fail"), "{topology}");
        assert!(topology.contains("no primary"), "{topology}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_plain_demo_begins_with_a_split_brain_in_one_of_its_clusters() {
    let fleet = observe(plain_demo(7, epoch()));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let clusters = text_of(&fleet, "0", (120, 40));
    for name in ["ledger", "stock", "intranet"] {
        assert!(clusters.contains(name), "{clusters}");
    }
    assert!(clusters.contains("split brain"), "{clusters}");
}
