//! Reports on disk: one file each, readable by its owner alone, below the state directory.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::action::drill::Scenario;
use crate::action::drill_report::{DrillReport, SCHEMA};
use crate::action::record::ActionId;
use crate::model::name::ClusterName;

/// Why a report was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its form is not the expected one.
    #[error("{} is not readable: {why}", .path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// All reports of one user on one host.
#[derive(Clone, Debug)]
pub struct Reports {
    directory: PathBuf,
}

impl Reports {
    /// The reports below `state`, the program's state directory.
    pub fn below(state: &Path) -> Self {
        Self { directory: state.join("drills") }
    }

    /// Where the report of `action` lies, as JSON.
    pub fn path(&self, action: &ActionId) -> PathBuf {
        self.directory.join(format!("{action}.json"))
    }

    /// Keeps `report`, whole or not at all.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn store(&self, report: &DrillReport) -> Result<PathBuf, StoreError> {
        let path = self.path(&report.action);
        let reported = |source| StoreError::Write { path: path.clone(), source };
        let text = serde_json::to_vec_pretty(report).map_err(|error| reported(error.into()))?;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(reported)?;
        let fresh = path.with_extension("new");
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(reported)?;
        Ok(path)
    }

    /// The report whose action's name is `name`, or the only one whose name begins so; `None`: there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<DrillReport>, StoreError> {
        let mut fitting: Vec<PathBuf> = self.files()?;
        fitting.retain(|path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with(name)));
        match fitting.as_slice() {
            [one] => read(one).map(Some),
            _ => Ok(None),
        }
    }

    /// The reports of `cluster`, or of every one, oldest first, and what is wrong with those that cannot be read.
    ///
    /// # Errors
    /// When the directory is there and cannot be read.
    pub fn list(&self, cluster: Option<&ClusterName>) -> Result<(Vec<DrillReport>, Vec<StoreError>), StoreError> {
        let (mut reports, mut defects) = (Vec::new(), Vec::new());
        for path in self.files()? {
            match read(&path) {
                Ok(report) if cluster.is_none_or(|cluster| *cluster == report.cluster) => reports.push(report),
                Ok(_) => {}
                Err(error) => defects.push(error),
            }
        }
        reports.sort_by(|a, b| (a.at, &a.action).cmp(&(b.at, &b.action)));
        Ok((reports, defects))
    }

    /// The outages of earlier drills of `cluster` that compare with others, by scenario. Those that cannot be read are left
    /// out: a plan is no place to speak of them.
    pub fn earlier(&self, cluster: &ClusterName) -> BTreeMap<Scenario, Vec<Duration>> {
        let mut earlier: BTreeMap<Scenario, Vec<Duration>> = BTreeMap::new();
        let (reports, _) = self.list(Some(cluster)).unwrap_or_default();
        for report in reports {
            if let Some(rto) = report.comparable() {
                earlier.entry(report.scenario).or_default().push(rto);
            }
        }
        earlier
    }

    /// Removes the reports of drills from before `before`, the oldest first and `most` of them at most. Returns how many.
    ///
    /// # Errors
    /// When the directory cannot be read. What cannot be read or removed stays.
    pub fn prune(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let (reports, _) = self.list(None)?;
        let old = reports.iter().take_while(|report| report.at < before).take(most);
        Ok(old.filter(|report| std::fs::remove_file(self.path(&report.action)).is_ok()).count())
    }

    fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let reported = |source| StoreError::Read { path: self.directory.clone(), source };
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(reported(source)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(reported)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn read(path: &Path) -> Result<DrillReport, StoreError> {
    let text = std::fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    let form = |why: String| StoreError::Form { path: path.to_owned(), why };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| form(error.to_string()))?;
    if value.get("schema").and_then(serde_json::Value::as_u64) != Some(u64::from(SCHEMA)) {
        return Err(form("it was written by another version of this program".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| form(error.to_string()))
}
