//! What is done again and again: merging answers, judging, drawing each view, and reading what comes over the wires.
//!
//! Run by hand with `cargo bench`; compiled with everything else. Whole-process figures (start, CPU, memory) are measured
//! from outside.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on ends")]

#[expect(dead_code, reason = "nothing is broken here")]
#[path = "../tests/support/fixture.rs"]
mod fixture;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use fixture::Fixture;
use pgctl::client::haproxy::StatTable;
use pgctl::client::prometheus::Scan;
use pgctl::driver::ha::sim::{Scenario, fleet};
use pgctl::health::examine;
use pgctl::model::lsn::Lsn;
use pgctl::model::name::ClusterName;
use pgctl::model::snapshot::Snapshot;
use pgctl::model::text::Text;
use pgctl::observe::changes;
use pgctl::observe::picture::Picture;
use pgctl::report::document;
use pgctl::tui::app::App;
use pgctl::tui::event::Event;
use pgctl::tui::keymap::sequence;
use pgctl::tui::options::{Hooks, Options};

fn main() {
    divan::main();
}

fn picture(snapshot: Snapshot) -> Arc<Picture> {
    Arc::new(Picture { snapshot: Arc::new(snapshot), events: Arc::default(), series: Arc::new(BTreeMap::new()) })
}

/// One round of all sources of a cluster of four, merged.
#[divan::bench]
fn round_of_one_cluster(bencher: Bencher<'_, '_>) {
    let mut fixture = Fixture::new(Scenario::Demo);
    fixture.pass(10);
    bencher.bench_local(|| fixture.tick());
}

/// Every rule on one snapshot.
#[divan::bench]
fn rules(bencher: Bencher<'_, '_>) {
    let snapshot = Fixture::new(Scenario::Demo).pass(20);
    bencher.bench_local(|| examine(black_box(&snapshot)));
}

/// Events between two snapshots.
#[divan::bench]
fn events(bencher: Bencher<'_, '_>) {
    let mut fixture = Fixture::new(Scenario::Demo);
    let (before, after) = (fixture.pass(20), fixture.pass(1));
    bencher.bench_local(|| changes::between(black_box(&before), black_box(&after), 0));
}

/// The status document.
#[divan::bench]
fn status_as_json(bencher: Bencher<'_, '_>) {
    let snapshot = Fixture::new(Scenario::Demo).pass(20);
    bencher.bench_local(|| document::json(&document::status([black_box(&snapshot)])));
}

/// One frame of each view at 120x40.
#[divan::bench(args = ["0", "1", "2", "3", "4", "5", "6", "7", "8"])]
fn frame(bencher: Bencher<'_, '_>, view: &str) {
    let snapshot = Fixture::new(Scenario::Demo).pass(20);
    let name = snapshot.identity.name.clone();
    let mut app = App::new(vec![(name, picture(snapshot))], Options::default(), &Hooks::default());
    for key in sequence(view).expect("keys") {
        app.update(Event::Key(key), Duration::from_secs(1));
    }
    bencher.bench_local(|| app.screen(120, 40));
}

/// One frame of the fleet view with 200 clusters.
#[divan::bench(sample_count = 20)]
fn frame_of_200_clusters(bencher: Bencher<'_, '_>) {
    let pictures = fleet(200, 7, fixture::epoch()).into_iter().map(|cluster| {
        let snapshot = Fixture::around(cluster).pass(3);
        (snapshot.identity.name.clone(), picture(snapshot))
    });
    let mut app = App::new(pictures.collect(), Options::default(), &Hooks::default());
    app.update(Event::Tick, Duration::from_secs(1));
    bencher.bench_local(|| app.screen(200, 60));
}

/// A picture of each of 1000 clusters, and the frame that shows them: a second of a fleet's life.
#[divan::bench(sample_count = 10)]
fn pictures_of_1000_clusters(bencher: Bencher<'_, '_>) {
    let some: Vec<Snapshot> =
        fleet(20, 7, fixture::epoch()).into_iter().map(|cluster| Fixture::around(cluster).pass(3)).collect();
    let pictures: Vec<_> = (0..1000)
        .map(|number| {
            let mut snapshot = some[number % some.len()].clone();
            snapshot.identity.name = ClusterName::new(format!("cluster-{number:04}"));
            (snapshot.identity.name.clone(), picture(snapshot))
        })
        .collect();
    let mut app = App::new(pictures.clone(), Options::default(), &Hooks::default());
    let mut second = 1;
    bencher.bench_local(|| {
        second += 1;
        for (index, (_, picture)) in pictures.iter().enumerate() {
            app.deposit(index, Arc::clone(picture), Duration::ZERO);
            black_box(app.update(Event::Picture(index), Duration::from_secs(second)));
        }
        app.screen(200, 60)
    });
}

/// HAProxy's statistics.
#[divan::bench]
fn haproxy_csv(bencher: Bencher<'_, '_>) {
    let csv = include_bytes!("../fixtures/haproxy-3.0/healthy/stats.csv");
    bencher.bench_local(|| StatTable::parse(black_box(csv)));
}

/// A Prometheus answer.
#[divan::bench]
fn prometheus(bencher: Bencher<'_, '_>) {
    let text = include_bytes!("../fixtures/patroni-4.0/healthy/pg-0.metrics.txt");
    bencher.bench_local(|| {
        let mut scan = Scan::default();
        scan.push(black_box(text), &mut |sample| {
            black_box(sample);
        });
        scan.finish(&mut |sample| {
            black_box(sample);
        })
    });
}

/// Patroni's answer, as JSON.
#[divan::bench]
fn patroni_json(bencher: Bencher<'_, '_>) {
    let text = include_bytes!("../fixtures/patroni-4.0/healthy/pg-0.patroni.json");
    bencher.bench_local(|| serde_json::from_slice::<pgctl::client::patroni::PatroniStatus>(black_box(text)));
}

/// Cleaning outside text, and reading a position.
#[divan::bench]
fn text_and_lsn(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let text = Text::redacted(black_box("host=pg-0 user=app password=secret \u{1b}[31mred\u{1b}[0m application"));
        (text, black_box("16/B374D848").parse::<Lsn>())
    });
}
