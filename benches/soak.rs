//! A day in front of a wall of simulated clusters, on a clock that runs as fast as the processor: what memory grows by, what
//! an hour costs, and how long a frame takes. `dev/soak` runs it.
//!
//! `--clusters 20 --hours 24`; it ends with a failure where memory grows by more than it may.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark talks, and ends where it cannot go on")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pgctl::driver::ha::sim::{SimulatedCluster, fleet};
use pgctl::model::thresholds::Thresholds;
use pgctl::observe::cluster::{ClusterSetup, start};
use pgctl::observe::picture::Handle;
use pgctl::tui::app::App;
use pgctl::tui::event::Event;
use pgctl::tui::options::{Hooks, Options};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most that memory may grow by in the first hour, in megabytes.
const FIRST_HOUR: f64 = 5.0;
/// Most that it may grow by in each hour after that.
const LATER_HOUR: f64 = 1.0;
/// Until then the console only gets under way.
const WARM: Duration = Duration::from_secs(120);

const SECOND: Duration = Duration::from_secs(1);

fn argument(name: &str, usual: u32) -> u32 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(usual, |text| text.parse().expect("a number"))
}

fn main() -> ExitCode {
    let clusters = argument("--clusters", 20) as usize;
    let hours = argument("--hours", 24);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let fine = runtime.expect("a runtime").block_on(soak(clusters, hours));
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn soak(clusters: usize, hours: u32) -> bool {
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    #[expect(clippy::disallowed_methods, reason = "a simulation begins when it is started")]
    let epoch = Timestamp::now();
    let fleet = fleet(clusters, 7, epoch);
    let mut handles: Vec<Handle> = fleet.iter().map(|cluster| start(stack(cluster), &tracker, &cancel)).collect();
    let pictures = handles.iter().map(|handle| (handle.cluster.clone(), handle.latest())).collect();
    let options = Options { wall: true, read_only: true, ..Options::default() };
    let mut app = App::new(pictures, options, &Hooks::default());
    let mut at = Duration::ZERO;
    let mut frames = Frames::default();
    pass(WARM, &mut app, &mut handles, &mut at, &mut frames).await;
    println!("{clusters} clusters of three on the wall, {hours} h");
    println!("hour      RSS     growth      CPU     frame p50      p99      max");
    let mut fine = true;
    let mut before = resident();
    for hour in 1..=hours {
        let (cpu, mut frames) = (processor(), Frames::default());
        pass(SECOND * 3600, &mut app, &mut handles, &mut at, &mut frames).await;
        let (now, cpu) = (resident(), processor().saturating_sub(cpu));
        let growth = now - before;
        before = now;
        let [half, most, worst] = frames.reported();
        println!(
            "{hour:>4} {now:>5.1} MB {growth:>+7.2} MB {:>6.2} % {half:>10.2} ms {most:>5.2} ms {worst:>5.2} ms",
            cpu.as_secs_f64() / 36.0
        );
        fine &= growth <= if hour == 1 { FIRST_HOUR } else { LATER_HOUR };
    }
    if !fine {
        println!("memory grows by more than {FIRST_HOUR} MB in the first hour, or {LATER_HOUR} MB in a later one");
    }
    cancel.cancel();
    fine
}

/// Lets `span` pass: the console takes in what comes, and draws once a second.
async fn pass(span: Duration, app: &mut App, handles: &mut [Handle], at: &mut Duration, frames: &mut Frames) {
    let end = *at + span;
    while *at < end {
        tokio::time::sleep(SECOND).await;
        *at += SECOND;
        for (index, handle) in handles.iter_mut().enumerate() {
            if handle.pictures.has_changed().unwrap_or(false) {
                let picture = handle.pictures.borrow_and_update().clone();
                app.deposit(index, picture, Duration::ZERO);
                app.update(Event::Picture(index), *at);
            }
        }
        app.update(Event::Tick, *at);
        let began = Instant::now();
        drop(app.screen(160, 50));
        frames.0.push(began.elapsed());
    }
}

fn stack(cluster: &SimulatedCluster) -> ClusterSetup {
    ClusterSetup {
        identity: cluster.identity(),
        thresholds: Thresholds::default(),
        interval: SECOND,
        deadline: SECOND * 2,
        sources: cluster.sources(),
        nodes: cluster.node_sources(),
        configured: cluster.member_addresses().into_iter().map(|member_address| member_address.name).collect(),
        namespace_is_assumed: false,
        routers: cluster.routers(),
        speed_up: false,
        attentive: false,
        gather: Duration::from_millis(50),
    }
}

/// How long frames took.
#[derive(Default)]
struct Frames(Vec<Duration>);

impl Frames {
    /// Median, 99th percentile and the longest, in milliseconds.
    fn reported(&mut self) -> [f64; 3] {
        self.0.sort();
        let count = self.0.len();
        let of =
            |place: usize| self.0.get(place.min(count.saturating_sub(1))).map_or(0.0, |took| took.as_secs_f64() * 1e3);
        [of(count / 2), of(count * 99 / 100), of(count)]
    }
}

/// Resident memory, in megabytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<f64>().ok()).expect("a size") / 1024.0
}

/// Processor time so far.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after = stat.rsplit_once(')').expect("a name").1;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
