//! The console on a terminal of its own, looked at from outside.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

/// Longest wait for anything.
const TIMEOUT: Duration = Duration::from_secs(60);

fn size_of(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has cells")
}

struct Screen {
    parser: vt100::Parser,
    bytes: u64,
    last: Instant,
}

/// The running console.
pub(crate) struct Console {
    child: Box<dyn Child + Send + Sync>,
    process: u32,
    keyboard: Box<dyn std::io::Write + Send>,
    screen: Arc<Mutex<Screen>>,
    began: Instant,
}

/// What it holds.
pub(crate) struct Measured {
    /// Resident memory in megabytes.
    pub(crate) memory: f64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

impl Console {
    /// Starts `program` on the configuration in `file`.
    pub(crate) fn start(program: &Path, file: &Path, home: &Path) -> Self {
        let size = PtySize { rows: 50, cols: 160, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(["--config", &file.to_string_lossy(), "--read-only"]);
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).expect("a process");
        let process = child.process_id().expect("a process");
        let screen =
            Screen { parser: vt100::Parser::new(size_of(size.rows), size_of(size.cols), 0), bytes: 0, last: began };
        let screen = Arc::new(Mutex::new(screen));
        let mut output = pair.master.try_clone_reader().expect("its output");
        let keyboard = pair.master.take_writer().expect("its input");
        let shared = Arc::clone(&screen);
        std::thread::spawn(move || {
            // Kept open for as long as it is read.
            let _master = pair.master;
            let mut piece = vec![0; 65_536];
            while let Ok(read) = output.read(&mut piece) {
                if read == 0 {
                    return;
                }
                let mut screen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                screen.parser.process(&piece[..read]);
                screen.bytes += read as u64;
                screen.last = Instant::now();
            }
        });
        Self { child, process, keyboard, screen, began }
    }

    fn look<T>(&self, look: impl FnOnce(&Screen) -> T) -> T {
        look(&self.screen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self, since: Instant, seen: impl Fn(&Screen) -> bool) -> Duration {
        while !self.look(&seen) {
            assert!(since.elapsed() < TIMEOUT, "not seen:\n{}", self.screen());
            std::thread::sleep(Duration::from_micros(200));
        }
        since.elapsed()
    }

    /// Time from the start to a frame that names clusters.
    pub(crate) fn first_frame(&self) -> Duration {
        self.wait(self.began, |screen| screen.parser.screen().contents().contains("cluster-0"))
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.look(|screen| screen.bytes)
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        self.look(|screen| screen.parser.screen().contents())
    }

    /// Median and 99th percentile of the time from a key to a frame that shows it.
    pub(crate) fn keys(&mut self, presses: usize) -> (Duration, Duration) {
        let mut took: Vec<Duration> = Vec::new();
        for press in 0..presses {
            // Down and up again: each moves the marked row, so that its line must change.
            let before = self.marked();
            let began = Instant::now();
            self.keyboard.write_all(if (press / 20) % 2 == 0 { b"j" } else { b"k" }).expect("a key");
            self.keyboard.flush().expect("a key");
            let mut waited = began.elapsed();
            while self.marked() == before {
                waited = began.elapsed();
                if waited > Duration::from_secs(2) {
                    break;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            took.push(waited);
            std::thread::sleep(Duration::from_millis(73));
        }
        took.sort();
        (took[took.len() / 2], took[took.len() * 99 / 100])
    }

    /// The name of the cluster in focus, which the header shows and which follows the marked row.
    fn marked(&self) -> Option<String> {
        self.look(|screen| screen.parser.screen().rows(0, 30).next())
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process)).expect("a process");
        let after = stat.rsplit_once(')').expect("a name").1;
        let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// What it holds at present.
    pub(crate) fn measured(&self) -> Measured {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).expect("a process");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.process)).map_or(0, Iterator::count);
        Measured {
            memory: field("VmRSS:").unwrap_or(0.0) / 1024.0,
            descriptors,
            threads: field("Threads:").unwrap_or(0.0) as usize,
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
