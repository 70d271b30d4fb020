//! What pooler, backup repository and container runtime say.

use std::time::Duration;

use crate::model::parts::{Backup, BackupOutcome, BackupReport, Container, Pool, PoolerReport, RuntimeReport};
use crate::model::source::SourceError;
use crate::model::text::Text;

use super::super::world::World;
use super::super::world::backups::{Run, catalogue};
use super::super::world::clock::{SECOND, noise, span};
use super::super::world::node::Power;
use super::words::WORDS;
use super::{refused, silent};

/// Endpoints of the parts: pooler, backups, runtime.
pub(crate) const PARTS_ENDPOINTS: [&str; 3] = ["pgbouncer:6432", "pgbackrest:8432", "/var/run/docker.sock"];

impl World {
    pub(crate) fn pooler_report(&self, endpoint: &Text) -> Result<PoolerReport, SourceError> {
        if self.parts.pooler_down {
            return Err(refused(endpoint));
        }
        let now = self.clock.now();
        // The pooler is told the primary's name when it changes; until then, or for good, it knows the old one.
        let host = self.parts.pooler_stale.or(self.record.holder()).map(|index| self.nodes[index].name.text().clone());
        let host = host.unwrap_or_default();
        let usable =
            self.primary().is_some_and(|index| self.nodes[index].serves()) && self.parts.pooler_stale.is_none();
        let pools = [("orders_app", 64), ("billing_app", 31), ("report_ro", 12)];
        let pool = |(number, (user, clients)): (usize, (&str, u32))| {
            let ripple = (noise(self.seed, 0xb0 + number as u64, now / SECOND) % u64::from(clients / 4)) as u32;
            let starved = self.parts.pooler_starved.filter(|_| number == 0);
            let waiting = if usable { starved.map_or(0, |_| 17 + ripple) } else { clients / 2 + ripple };
            let since = if usable { starved } else { Some(self.record.renewed.iter().copied().max().unwrap_or(now)) };
            let servers = if usable { 5 + clients / 8 + ripple / 2 } else { 0 };
            Pool {
                database: WORDS.orders.clone(),
                user: Text::new(user),
                clients_active: if usable { clients + ripple } else { 0 },
                clients_waiting: waiting,
                servers_active: servers,
                servers_idle: if usable && starved.is_none() { 25_u32.saturating_sub(servers) } else { 0 },
                longest_wait: since.filter(|_| waiting > 0).map_or(Duration::ZERO, |since| span(since, now)),
                host: host.clone(),
            }
        };
        let pools = pools.into_iter().enumerate().map(pool).collect();
        Ok(PoolerReport { version: WORDS.pooler_version.clone(), pools })
    }

    pub(crate) fn backup_report(&self, endpoint: &Text) -> Result<BackupReport, SourceError> {
        if self.parts.backups_unreachable {
            return Err(silent(endpoint));
        }
        let runs = catalogue(self.clock, &self.parts, self.seed, self.spec.data_size);
        Ok(BackupReport { tool: WORDS.backup_tool.clone(), backups: runs.iter().map(|run| self.backup(run)).collect() })
    }

    fn backup(&self, run: &Run) -> Backup {
        let now = self.clock.now();
        let started = self.clock.wall(run.started);
        let running = run.runs(now);
        let outcome = match (running, run.failed) {
            (true, _) => BackupOutcome::Running,
            (false, true) => BackupOutcome::Failed(Text::new("ERROR: [082]: unable to push WAL file to the archive")),
            (false, false) => BackupOutcome::Good,
        };
        Backup {
            label: Text::new(format!("{}{}", started.strftime("%Y%m%d-%H%M%S"), if run.full { "F" } else { "D" })),
            kind: if run.full { WORDS.full.clone() } else { WORDS.differential.clone() },
            started,
            took: (!running).then(|| Duration::from_micros(run.took)),
            size: (outcome == BackupOutcome::Good).then_some(run.size),
            outcome,
        }
    }

    pub(crate) fn runtime_report(&self, endpoint: &Text) -> Result<RuntimeReport, SourceError> {
        if self.parts.runtime_down {
            return Err(refused(endpoint));
        }
        let container = |node: &super::super::world::node::Node| Container {
            node: node.name.clone(),
            state: match node.power {
                Power::On | Power::Cut => WORDS.running.clone(),
                Power::Frozen => WORDS.paused.clone(),
                Power::Off => WORDS.exited.clone(),
            },
            restarts: node.restarts,
        };
        Ok(RuntimeReport {
            version: WORDS.runtime_version.clone(),
            containers: self.nodes.iter().map(container).collect(),
            preparation: None,
        })
    }
}
