//! What somebody on this host knows of: one small file in the state directory, read by every console of the user and
//! written by those that may act.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::error::JournalError;
use super::journal::Journal;
use crate::model::acknowledgement::Acknowledgement;

/// Name of the file.
const FILE: &str = "acknowledged.json";
/// Largest file read: what is larger was not written by this program.
const MAX_SIZE: u64 = 1 << 20;
/// Most that are kept; the oldest go first.
const MAX_ENTRIES: usize = 500;

/// The acknowledgements of one state directory.
#[derive(Clone, Debug)]
pub struct Acknowledgements {
    /// For its directory and its lock.
    journal: Journal,
}

impl Acknowledgements {
    /// Those kept in `directory`, which is made when the first is written.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { journal: Journal::at(directory) }
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.journal.directory().join(FILE)
    }

    /// All of them, those that have expired among them. None where there is no file.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(&self) -> Result<Vec<Acknowledgement>, JournalError> {
        let path = self.path();
        let reported = |source| JournalError::Read { path: path.clone(), source };
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(reported(error)),
        };
        let mut text = String::new();
        file.take(MAX_SIZE).read_to_string(&mut text).map_err(reported)?;
        serde_json::from_str(&text).map_err(|source| JournalError::Acknowledgements { path, source })
    }

    /// Adds one, in the place of an earlier one of the same finding.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn add(&self, new: Acknowledgement) -> Result<(), JournalError> {
        let now = new.at;
        self.change(now, |known| {
            known.retain(|one| !one.same_finding(&new));
            known.push(new);
        })
    }

    /// Takes back what is known of the finding that `like` is of.
    ///
    /// # Errors
    /// When that is not on disk.
    pub fn remove(&self, like: &Acknowledgement, now: Timestamp) -> Result<(), JournalError> {
        self.change(now, |known| known.retain(|one| !one.same_finding(like)))
    }

    fn change(&self, now: Timestamp, edit: impl FnOnce(&mut Vec<Acknowledgement>)) -> Result<(), JournalError> {
        self.journal.prepare()?;
        let _held = self.journal.lock()?;
        let mut known = self.read()?;
        known.retain(|one| now < one.until);
        edit(&mut known);
        let excess = known.len().saturating_sub(MAX_ENTRIES);
        known.drain(..excess);
        let path = self.path();
        // Beside it and renamed: a reader sees the old file or the new one, never half of either.
        let beside = path.with_extension("json.new");
        let reported = |source| JournalError::Write { path: path.clone(), source };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&beside).map_err(reported)?;
        file.write_all(&serde_json::to_vec_pretty(&known)?).map_err(reported)?;
        file.sync_all().map_err(reported)?;
        std::fs::rename(&beside, &path).map_err(reported)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::model::test_support::{findings, wall};

    fn of(code: &'static str, hours: i64) -> Acknowledgement {
        let finding = crate::model::finding::Finding { code, ..findings()[0].clone() };
        let until = wall() + jiff::SignedDuration::from_hours(hours);
        Acknowledgement::of(&"prod-eu".into(), &finding, ("alice@bastion".into(), "known".into()), (wall(), until))
    }

    #[test]
    fn they_are_kept_for_their_owner_alone_and_one_finding_has_one() {
        let place = tempfile::tempdir().unwrap();
        let store = Acknowledgements::at(place.path().join("state"));
        assert_eq!(store.read().unwrap(), []);
        store.add(of("lag", 2)).unwrap();
        store.add(of("paused", -1)).unwrap();
        store.add(of("lag", 4)).unwrap();
        assert_eq!(store.read().unwrap(), [of("lag", 4)], "the expired one is swept out");
        assert_eq!(std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
        store.remove(&of("lag", 0), wall()).unwrap();
        assert_eq!(store.read().unwrap(), []);
    }

    #[test]
    fn a_file_of_somebody_elses_making_is_reported_and_not_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let store = Acknowledgements::at(place.path());
        std::fs::write(store.path(), "not json").unwrap();
        assert!(store.read().is_err() && store.add(of("lag", 2)).is_err());
        assert_eq!(std::fs::read_to_string(store.path()).unwrap(), "not json");
    }
}
