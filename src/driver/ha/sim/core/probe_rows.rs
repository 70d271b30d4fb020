//! What a drill's probe has written: which node has a row, and which failover loses it.
//!
//! A row is WAL like any other. A node has it if the history it follows goes through the row, and if it came that far.

use super::World;
use super::clock::SECOND;

/// WAL of one row with its commit, in bytes.
const ROW: u64 = 128;

/// One row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProbeRow {
    number: u64,
    /// Node that took it.
    by: usize,
    timeline: u32,
    /// Where it ends in the WAL.
    pub(crate) end: u64,
    /// The node had strayed from everybody's history.
    unrouted: bool,
}

impl World {
    /// Whether a probe has its table here.
    pub(crate) fn has_probe_schema(&self) -> bool {
        self.drills.is_some()
    }

    /// Makes the table anew.
    pub(crate) fn create_probe_schema(&mut self) {
        self.drills = Some(Vec::new());
    }

    /// Drops it.
    pub(crate) fn drop_probe_schema(&mut self) {
        self.drills = None;
    }

    /// Writes a row at a node that takes writes. `None`: there is no table.
    pub(crate) fn write_row(&mut self, index: usize, number: u64) -> Option<ProbeRow> {
        let rows = self.drills.as_mut()?;
        let node = &mut self.nodes[index];
        node.written += ROW;
        node.replayed = node.written;
        let unrouted = node.faults.unrouted_for.is_some();
        let row = ProbeRow { number, by: index, timeline: node.timeline, end: node.written, unrouted };
        rows.push(row);
        Some(row)
    }

    /// Whether the commit of `row` may be acknowledged: a synchronous standby has it, or none is asked for. It is sent at
    /// once, between the steps in which everything else is.
    pub(crate) fn is_committed(&mut self, row: ProbeRow) -> bool {
        let now = self.clock.now();
        let sync = self.synchronous.as_ref().filter(|sync| sync.on == row.by);
        let standbys = sync.map(|sync| sync.standbys.clone()).unwrap_or_default();
        if standbys.is_empty() {
            return true;
        }
        let hears = |standby: usize| {
            let stream = self.nodes[standby].stream;
            stream.is_some_and(|stream| stream.from == row.by && stream.received + SECOND / 2 >= now)
        };
        let Some(standby) = standbys.into_iter().find(|standby| hears(*standby)) else { return false };
        let node = &mut self.nodes[standby];
        if node.faults.stream_limit.is_none() {
            node.written = node.written.max(row.end);
        }
        node.written >= row.end
    }

    /// The numbers that a query at a node shows.
    pub(crate) fn rows_at(&self, index: usize) -> impl Iterator<Item = u64> + '_ {
        let rows = self.drills.iter().flatten();
        rows.filter(move |row| self.has_row(index, row)).map(|row| row.number)
    }

    fn has_row(&self, index: usize, row: &ProbeRow) -> bool {
        let node = &self.nodes[index];
        if row.unrouted {
            return row.by == index && node.faults.unrouted_for.is_some();
        }
        // Timelines that the node has left behind ended somewhere.
        let left = |fork: &&(u32, u64, u64)| (row.timeline..node.timeline).contains(&fork.0);
        let shared = self.forks.iter().filter(left).all(|fork| row.end <= fork.1);
        row.timeline <= node.timeline && shared && row.end <= node.replayed
    }
}
