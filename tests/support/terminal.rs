//! A pseudo-terminal with the program in it, and what its screen shows.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

fn size_of(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has cells")
}

/// The program in a terminal of its own.
pub(crate) struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    hung_up: Arc<AtomicBool>,
    child: Box<dyn Child + Send + Sync>,
    _home: tempfile::TempDir,
}

impl Terminal {
    /// Starts the program with `arguments` in a terminal of this size, with an empty home.
    pub(crate) fn start(arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_as("xterm-256color", arguments, columns, rows)
    }

    /// The same in a terminal that calls itself `term`.
    pub(crate) fn start_as(term: &str, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let home = tempfile::tempdir().expect("a home");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pgctl-tui"));
        command.args(arguments);
        command.env("HOME", home.path());
        command.env("TERM", term);
        command.env_remove("COLORTERM");
        command.env("LANG", "C.UTF-8");
        command.env_remove("NO_COLOR");
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size_of(rows), size_of(columns), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let hung_up = Arc::new(AtomicBool::new(false));
        let (shown, bytes, stop) = (Arc::clone(&screen), Arc::clone(&raw), Arc::clone(&hung_up));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || stop.load(Ordering::SeqCst) {
                    return;
                }
                shown.lock().unwrap().process(&buffer[..count]);
                bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        let writer = pair.master.take_writer().expect("its input");
        Self { screen, raw, master: Some(pair.master), writer: Some(writer), hung_up, child, _home: home }
    }

    /// Types `keys` as they are.
    pub(crate) fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().expect("an open terminal");
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("the program reads");
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(size_of(rows), size_of(columns));
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().expect("an open terminal").resize(size).expect("another size");
    }

    /// What the screen shows.
    pub(crate) fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Whether the alternate screen is on.
    pub(crate) fn is_alternate(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Waits until the program's last words are read and the shell's screen is back; false if it never is.
    pub(crate) fn is_restored(&self) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        while self.is_alternate() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        !self.is_alternate()
    }

    /// Bytes written to the terminal so far.
    pub(crate) fn written(&self) -> usize {
        self.raw.lock().unwrap().len()
    }

    /// Everything it was told so far, as it came.
    pub(crate) fn everything(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }

    /// Waits until the screen shows `text`.
    pub(crate) fn until(&self, text: &str) {
        self.until_screen(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as `wanted` says.
    pub(crate) fn until_screen(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !wanted(&self.contents()) {
            assert!(Instant::now() < end, "{what:?} did not appear:\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The program's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Closes the terminal, as a lost connection does. The reading thread lets go of it at the next thing it reads.
    pub(crate) fn hang_up(&mut self) {
        self.hung_up.store(true, Ordering::SeqCst);
        self.writer = None;
        self.master = None;
    }

    /// Waits for the end, at most `longest`.
    pub(crate) fn end(&mut self, longest: Duration) -> ExitStatus {
        let end = Instant::now() + longest;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < end, "still running after {longest:?}:\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
