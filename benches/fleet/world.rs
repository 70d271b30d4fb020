//! The clusters that the doubles play: three members each, all up, the first of each leads.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A node: each has an address of its own on the loopback network.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) cluster: u16,
    pub(crate) number: u8,
}

impl Node {
    /// Where it is.
    pub(crate) fn address(self) -> Ipv4Addr {
        let [high, low] = self.cluster.to_be_bytes();
        Ipv4Addr::new(127, 10 + self.number, high, low)
    }

    /// Which one is at `address`.
    pub(crate) fn at(address: Ipv4Addr) -> Self {
        let [_, number, high, low] = address.octets();
        Self { cluster: u16::from_be_bytes([high, low]), number: number.saturating_sub(10) }
    }

    pub(crate) fn leads(self) -> bool {
        self.number == 0
    }
}

/// What all doubles go by.
pub(crate) struct World {
    pub(crate) clusters: u16,
    began: Instant,
    statements: AtomicU64,
    questions: AtomicU64,
}

impl World {
    pub(crate) fn of(clusters: u16) -> Self {
        Self { clusters, began: Instant::now(), statements: AtomicU64::new(0), questions: AtomicU64::new(0) }
    }

    pub(crate) fn scope(cluster: u16) -> String {
        format!("cluster-{cluster:04}")
    }

    pub(crate) fn system_id(cluster: u16) -> String {
        format!("77105061{:011}", u32::from(cluster) + 1)
    }

    /// End of a cluster's WAL: it grows by a megabyte a second.
    pub(crate) fn position(&self, cluster: u16) -> u64 {
        0x1_0000_0000 + u64::from(cluster) * 4096 + self.began.elapsed().as_secs() * 1_000_000
    }

    pub(crate) fn now_micros() -> i64 {
        // From 1970 to 2000.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
        since - 946_684_800_000_000
    }

    pub(crate) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_question(&self) {
        self.questions.fetch_add(1, Ordering::Relaxed);
    }

    /// SQL statements and HTTP requests so far.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.statements.load(Ordering::Relaxed), self.questions.load(Ordering::Relaxed))
    }
}
