//! What backup repository and container runtime say.

use std::time::Duration;

use crate::model::parts::{Backup, BackupOutcome, BackupReport, Container, RuntimeReport};
use crate::model::source::SourceError;
use crate::model::text::Text;

use super::super::core::World;
use super::super::core::backups::{BackupRun, catalogue};
use super::super::core::node::Power;
use super::texts::TEXTS;
use super::{refused, silent};

/// Endpoints of the parts: pooler, backups, runtime.
pub(crate) const PARTS_ENDPOINTS: [&str; 3] = ["pgbouncer:6432", "pgbackrest:8432", "/var/run/docker.sock"];

impl World {
    pub(crate) fn backup_report(&self, endpoint: &Text) -> Result<BackupReport, SourceError> {
        if self.parts.backups_unreachable {
            return Err(silent(endpoint));
        }
        let runs = catalogue(self.clock, &self.parts, self.seed, self.spec.data_size);
        Ok(BackupReport { tool: TEXTS.backup_tool.clone(), backups: runs.iter().map(|run| self.backup(run)).collect() })
    }

    fn backup(&self, run: &BackupRun) -> Backup {
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
            kind: if run.full { TEXTS.full.clone() } else { TEXTS.differential.clone() },
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
        let container = |node: &super::super::core::node::Node| Container {
            node: node.name.clone(),
            state: match node.power {
                Power::On | Power::Cut => TEXTS.running.clone(),
                Power::Frozen => TEXTS.paused.clone(),
                Power::Off => TEXTS.exited.clone(),
            },
            restarts: node.restarts,
        };
        Ok(RuntimeReport {
            version: TEXTS.runtime_version.clone(),
            containers: self.nodes.iter().map(container).collect(),
            preparation: None,
        })
    }
}
