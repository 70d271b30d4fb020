//! What a drill's probe has written: which node has a row, and which failover loses it.
//!
//! A row is WAL like any other. A node has it if the history it follows goes through the row, and if it came that far.

use super::World;
use super::clock::SECOND;

/// WAL of one row with its commit, in bytes.
const ROW: u64 = 128;

/// One row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    number: u64,
    /// Node that took it.
    by: usize,
    timeline: u32,
    /// Where it ends in the WAL.
    pub(crate) end: u64,
    /// The node had strayed from everybody's history.
    astray: bool,
}

impl World {
    /// Whether a probe has its table here.
    pub(crate) fn is_practised_on(&self) -> bool {
        self.practice.is_some()
    }

    /// Makes the table anew.
    pub(crate) fn make_practice(&mut self) {
        self.practice = Some(Vec::new());
    }

    /// Drops it.
    pub(crate) fn clear_practice(&mut self) {
        self.practice = None;
    }

    /// Writes a row at a node that takes writes. `None`: there is no table.
    pub(crate) fn write_row(&mut self, index: usize, number: u64) -> Option<Row> {
        let rows = self.practice.as_mut()?;
        let node = &mut self.nodes[index];
        node.written += ROW;
        node.replayed = node.written;
        let astray = node.ails.strayed.is_some();
        let row = Row { number, by: index, timeline: node.timeline, end: node.written, astray };
        rows.push(row);
        Some(row)
    }

    /// Whether the commit of `row` may be acknowledged: a synchronous standby has it, or none is asked for. It is sent at
    /// once, between the steps in which everything else is.
    pub(crate) fn is_committed(&mut self, row: Row) -> bool {
        let now = self.clock.now();
        let sync = self.record.sync.as_ref().filter(|sync| sync.leader == row.by);
        let standbys = sync.map(|sync| sync.standbys.clone()).unwrap_or_default();
        if standbys.is_empty() {
            return true;
        }
        let hears = |standby: usize| {
            let stream = self.nodes[standby].stream;
            stream.is_some_and(|stream| stream.from == row.by && stream.heard + SECOND / 2 >= now)
        };
        let Some(standby) = standbys.into_iter().find(|standby| hears(*standby)) else { return false };
        let node = &mut self.nodes[standby];
        if node.ails.stream_limit.is_none() {
            node.written = node.written.max(row.end);
        }
        node.written >= row.end
    }

    /// The numbers that a query at a node shows.
    pub(crate) fn rows_at(&self, index: usize) -> impl Iterator<Item = u64> + '_ {
        let rows = self.practice.iter().flatten();
        rows.filter(move |row| self.has_row(index, row)).map(|row| row.number)
    }

    fn has_row(&self, index: usize, row: &Row) -> bool {
        let node = &self.nodes[index];
        if row.astray {
            return row.by == index && node.ails.strayed.is_some();
        }
        // Timelines that the node has left behind ended somewhere.
        let left = |fork: &&(u32, u64, u64)| (row.timeline..node.timeline).contains(&fork.0);
        let shared = self.forks.iter().filter(left).all(|fork| row.end <= fork.1);
        row.timeline <= node.timeline && shared && row.end <= node.replayed
    }
}
