//! The console before a fleet: a thousand clusters of three members each, all up, played by this process on the loopback
//! network. It prints what the console costs: processor, memory, time to the first frame, and from a key to its frame.
//!
//! `cargo bench --bench fleet --profile trying -- --clusters 1000 --interval 2s --seconds 60`; `--serve` only plays the
//! fleet, beside a configuration of it, for a console of one's own; `--program PATH` measures another build.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark talks, and ends where it cannot go on"
)]

mod etcd;
mod patroni;
mod postgres;
mod terminal;
mod world;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use self::etcd::Store;
use self::terminal::Measured;
use self::world::{Node, World};

/// Ports of the doubles; each node has an address of its own.
pub(crate) const PATRONI: u16 = 18_008;
pub(crate) const POSTGRES: u16 = 15_432;
const ETCD: [u16; 3] = [12_379, 12_380, 12_381];

struct Wanted {
    clusters: u16,
    interval: String,
    warm: Duration,
    seconds: u64,
    program: PathBuf,
    serve: bool,
}

fn wanted() -> Wanted {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, usual: u64| value(name).map_or(usual, |text| text.parse().expect("a number"));
    Wanted {
        clusters: u16::try_from(number("--clusters", 1_000)).expect("at most 65535"),
        interval: value("--interval").unwrap_or_else(|| "2s".to_owned()),
        warm: Duration::from_secs(number("--warm", 20)),
        seconds: number("--seconds", 30),
        program: value("--program").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_pgctl-tui")), PathBuf::from),
        serve: arguments.iter().any(|argument| argument == "--serve"),
    }
}

fn main() {
    let wanted = wanted();
    pgctl::client::descriptors::raise_limit();
    let world: &'static World = Box::leak(Box::new(World::of(wanted.clusters)));
    let store = Store::of(world);
    let played = store.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(play(world, played));
    });
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("fleet.toml");
    std::fs::write(&file, configuration(&wanted)).expect("a configuration");
    if wanted.serve {
        println!("{} clusters; pgctl-tui --config {}", wanted.clusters, file.display());
        loop {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    measure(&wanted, world, &store, &file, directory.path());
}

fn measure(wanted: &Wanted, world: &World, store: &Store, file: &Path, home: &Path) {
    let mut console = terminal::Console::start(&wanted.program, file, home);
    let first = console.first_frame();
    std::thread::sleep(wanted.warm);
    let before = (console.cpu(), console.bytes(), world.counted(), store.counted());
    std::thread::sleep(Duration::from_secs(wanted.seconds));
    let after = (console.cpu(), console.bytes(), world.counted(), store.counted());
    let seconds = wanted.seconds as f64;
    let a_second = |before: u64, after: u64| (after - before) as f64 / seconds;
    let keys = console.keys(60);
    let Measured { memory, descriptors, threads } = console.measured();
    println!("clusters                {}", wanted.clusters);
    println!("refresh                 {}", wanted.interval);
    println!("first frame             {:.0} ms", first.as_secs_f64() * 1e3);
    println!(
        "processor               {:.1} % of a core",
        after.0.saturating_sub(before.0).as_secs_f64() / seconds * 100.0
    );
    println!("memory (RSS)            {memory:.1} MB");
    println!(
        "key to frame            p50 {:.1} ms, p99 {:.1} ms",
        keys.0.as_secs_f64() * 1e3,
        keys.1.as_secs_f64() * 1e3
    );
    println!("terminal                {:.0} B/s", a_second(before.1, after.1));
    println!("SQL statements          {:.0}/s", a_second(before.2.0, after.2.0));
    println!("HTTP requests           {:.0}/s", a_second(before.2.1, after.2.1));
    println!("etcd reads              {:.0}/s, {} watches", a_second(before.3.0, after.3.0), after.3.1);
    println!("descriptors, threads    {descriptors}, {threads}");
    if let Ok(path) = std::env::var("FLEET_SCREEN") {
        std::fs::write(path, console.screen()).expect("a screen");
    }
}

fn configuration(wanted: &Wanted) -> String {
    let mut text = format!("interval = \"{}\"\n", wanted.interval);
    let [a, b, c] = ETCD;
    for cluster in 0..wanted.clusters {
        let name = format!("cluster-{cluster:04}");
        write!(
            text,
            "[clusters.{name}]\nscope = \"{name}\"\nnamespace = \"/service/\"\n\
             [clusters.{name}.etcd]\nendpoints = [\"http://127.0.0.1:{a}\", \"http://127.0.0.1:{b}\", \"http://127.0.0.1:{c}\"]\n\
             [clusters.{name}.postgres]\nuser = \"monitor\"\ndatabase = \"postgres\"\nsslmode = \"disable\"\n"
        )
        .expect("text");
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "the doubles end with the process")]
async fn play(world: &'static World, store: Store) {
    for (number, port) in ETCD.into_iter().enumerate() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        tokio::spawn(store.clone().serve(number as u64 + 1, address));
    }
    tokio::spawn(listen(POSTGRES, move |stream, node| async move {
        postgres::serve(stream, node, world).await;
    }));
    tokio::spawn(listen(PATRONI, move |stream, node| async move {
        patroni::serve(stream, node, world).await;
    }));
    // Each cluster's agents loop every ten seconds, at moments of their own.
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for turn in 0_u16.. {
        tick.tick().await;
        for cluster in (0..world.clusters).filter(|cluster| cluster % 100 == turn % 100) {
            store.beat(world, cluster);
        }
        if turn == 59_999 {
            break;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the doubles end with the process")]
async fn listen<F>(port: u16, serve: impl Fn(TcpStream, Node) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.expect("the port of a double");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if let Ok(SocketAddr::V4(at)) = stream.local_addr() {
            tokio::spawn(serve(stream, Node::at(*at.ip())));
        }
    }
}
