//! Writing to the terminal without waiting for it: a slow line delays frames, never keys.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, mpsc};

use tokio::sync::mpsc as tasks;

/// Where a frame is collected before it is written in one piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    /// What was collected.
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().map(|mut bytes| std::mem::take(&mut *bytes)).unwrap_or_default()
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut collected) = self.0.lock() {
            collected.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Vec<u8>>,
    results: tasks::UnboundedReceiver<io::Result<()>>,
    in_flight: usize,
}

impl Writer {
    /// Starts the thread. It ends when the writer is dropped, or never where the terminal takes no bytes: nobody waits
    /// for it.
    pub(super) fn start() -> io::Result<Self> {
        let (queue, frames) = mpsc::channel::<Vec<u8>>();
        let (done, results) = tasks::unbounded_channel();
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            for frame in frames {
                let mut out = io::stdout().lock();
                let written = out.write_all(&frame).and_then(|()| out.flush());
                drop(out);
                if done.send(written).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { queue, results, in_flight: 0 })
    }

    /// Hands over bytes.
    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() && self.queue.send(bytes).is_ok() {
            self.in_flight += 1;
        }
    }

    /// Whether something is on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight > 0
    }

    /// Waits until one piece is written.
    pub(super) async fn finished(&mut self) -> io::Result<()> {
        let written = self.results.recv().await.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()));
        self.in_flight = self.in_flight.saturating_sub(1);
        written
    }
}
