//! Since when maintenance mode is on and by whom, as far as this observer saw or its host has on record. Patroni keeps
//! neither.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::lsn::SystemId;
use crate::model::moment::{Moment, StartTime};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Two sightings further apart than this do not tell what was between them.
const CLOSE_IN_TIME: Duration = Duration::from_secs(30);

/// A pause that was made from this host, as its journal has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedPause {
    /// When it was seen to be in effect.
    pub at: Timestamp,
    /// Whose it is.
    pub by: Text,
    /// The cluster it was made on, by the identifier of its databases.
    pub system: Option<SystemId>,
    /// Revision of the dynamic configuration once it was in effect.
    pub revision: i64,
}

/// What was seen of maintenance mode.
#[derive(Debug, Default)]
pub(super) struct PauseMemory {
    /// When it was last seen off.
    off: Option<Moment>,
    /// When it was last seen on, with the revision of the configuration then.
    on: Option<(Moment, Option<i64>)>,
    began: Option<StartTime>,
    by: Option<Text>,
    recorded: Option<RecordedPause>,
}

/// The verb under which the operation lock is held by whoever switches maintenance mode on.
const PAUSE: &str = "pause";

impl PauseMemory {
    /// Who switched it on, by what was taken in: known only where that was seen under the operation lock. Another's change
    /// at that very moment is no pause: the holder of the lock is the one that plans one.
    pub(super) fn by(&self) -> Option<&Text> {
        self.by.as_ref()
    }

    /// This pause is on record; the newest counts.
    pub(super) fn remember(&mut self, pause: RecordedPause) {
        if self.recorded.as_ref().is_none_or(|known| known.at < pause.at) {
            self.recorded = Some(pause);
        }
    }

    /// Takes in a picture; returns since when maintenance mode is on by it. `None`: it is off, or nobody can tell.
    pub(super) fn take(&mut self, snapshot: &Snapshot) -> Option<StartTime> {
        let paused = snapshot.paused()?;
        if !paused.fresh {
            return self.began.filter(|_| paused.value);
        }
        if !paused.value {
            *self = Self { off: Some(paused.at), recorded: self.recorded.take(), ..Self::default() };
            return None;
        }
        let revision = snapshot.from_record(|content| content.config().map(|config| config.mod_revision));
        let revision = revision.map(|revision| revision.value).filter(|revision| *revision > 0);
        // Over a gap only an untouched configuration tells that it stayed on.
        let stayed = |(at, before): (Moment, Option<i64>)| {
            paused.at.since(at) <= CLOSE_IN_TIME || (before.is_some() && before == revision)
        };
        if !self.on.is_some_and(stayed) {
            let seen = self.on.is_none() && self.off.is_some_and(|off| paused.at.since(off) <= CLOSE_IN_TIME);
            self.began = Some(if seen { StartTime::At(paused.at) } else { StartTime::Before(paused.at) });
            self.by = None;
        }
        // The lock is given back only after the pause was seen, so one of the first pictures with it shows both.
        if self.by.is_none()
            && let Some(StartTime::At(at)) = self.began
            && paused.at.since(at) <= CLOSE_IN_TIME
        {
            let lock = snapshot.operation_lock().filter(|lock| lock.fresh);
            let lock = lock.filter(|lock| lock.value.verb == *PAUSE && !lock.value.holder.is_empty());
            self.by = lock.map(|lock| lock.value.holder);
        }
        self.on = Some((paused.at, revision));
        // Nobody saw it begin. That the configuration is still the one which the pause on record made proves that it is it.
        if let (Some(StartTime::Before(_)), Some(known)) = (self.began, &self.recorded) {
            let system = snapshot.system_id().map(|system| system.value);
            if revision == Some(known.revision) && system.is_some() && system == known.system {
                self.began = Some(StartTime::OnRecord(known.at));
                self.by = Some(known.by.clone());
            }
        }
        self.began
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::observed::Reading;
    use crate::model::patroni_record::DynamicConfig;
    use crate::model::record::ClusterRecord;
    use crate::model::snapshot::Identity;
    use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
    use crate::model::test_support::identity;
    use crate::model::thresholds::Thresholds;

    fn moment(second: u64) -> Moment {
        Moment::START + Duration::from_secs(second)
    }

    /// A picture at `second`: paused or not, or no answer since `since`; by a configuration of this revision.
    fn picture(second: u64, paused: Result<bool, u64>, revision: i64) -> Snapshot {
        let identity = Identity { name: "c".into(), ..identity() };
        let wall = jiff::Timestamp::UNIX_EPOCH;
        let mut snapshot = Snapshot::empty(identity, Thresholds::default(), moment(second), wall);
        let mut reading = Reading::not_attempted(Source::new(SourceKind::Etcd, ""), CLOSE_IN_TIME, Moment::START);
        let config = DynamicConfig { paused: paused.unwrap_or(true), mod_revision: revision, ..Default::default() };
        let mut content = ClusterRecord::default();
        content.patroni_mut().config = Some(config);
        let at = moment(paused.err().unwrap_or(second));
        reading.take(at, Duration::ZERO, Ok(Arc::new(content)));
        if paused.is_err() {
            reading.take(at, Duration::ZERO, Err(SourceError::new(FailureKind::TimedOut, "etcd", "")));
        }
        snapshot.records.push(reading);
        snapshot
    }

    #[test]
    fn a_pause_that_was_seen_to_begin_has_a_moment_and_one_that_was_there_has_none() {
        let mut memory = PauseMemory::default();
        assert_eq!(memory.take(&picture(1, Ok(true), 7)), Some(StartTime::Before(moment(1))));
        assert_eq!(memory.take(&picture(20, Ok(true), 7)), Some(StartTime::Before(moment(1))));
        assert_eq!(memory.take(&picture(21, Ok(false), 8)), None);
        assert_eq!(memory.take(&picture(23, Ok(true), 9)), Some(StartTime::At(moment(23))));
        assert_eq!(memory.take(&picture(24, Ok(true), 9)), Some(StartTime::At(moment(23))));
    }

    #[test]
    fn who_paused_is_the_holder_of_the_lock_under_which_it_was_seen_to_begin_and_nobody_else() {
        let locked = |second, paused, verb: &str| {
            let mut snapshot = picture(second, Ok(paused), 7);
            let lock = crate::model::record::OperationLock {
                holder: "alice@bastion".into(),
                verb: verb.into(),
                since: None,
                reason: None,
                action: "a1".into(),
            };
            let reading = snapshot.records.first_mut().unwrap();
            let content = ClusterRecord { lock: Some(lock), ..reading.fresh(moment(second)).unwrap().clone() };
            reading.take(moment(second), Duration::ZERO, Ok(Arc::new(content)));
            snapshot
        };
        let by = |pictures: [Snapshot; 3]| {
            let mut memory = PauseMemory::default();
            for picture in &pictures {
                memory.take(picture);
            }
            memory.by().map(ToString::to_string)
        };
        let (off, on) = (|second| picture(second, Ok(false), 7), |second| picture(second, Ok(true), 8));
        let alice = Some("alice@bastion".to_owned());
        assert_eq!(by([locked(1, false, "pause"), locked(2, true, "pause"), on(3)]), alice);
        assert_eq!(by([off(1), on(2), locked(3, true, "pause")]), alice, "the lock is seen a moment later");
        assert_eq!(by([off(1), locked(2, true, "restart"), on(3)]), None, "somebody restarts, and another paused");
        assert_eq!(by([on(1), locked(2, true, "pause"), on(3)]), None, "it was on before");
        assert_eq!(by([locked(1, false, "pause"), locked(2, true, "pause"), off(3)]), None, "it is off again");
    }

    #[test]
    fn a_pause_of_this_hosts_journal_is_believed_while_nobody_touched_the_configuration_since() {
        let at: Timestamp = "2026-11-21T14:02:07Z".parse().unwrap();
        let recorded = |system, revision| RecordedPause { at, by: "alice@bastion".into(), system, revision };
        let looked = |known: RecordedPause, revision| {
            let mut memory = PauseMemory::default();
            let of_cluster = |second, paused| {
                let mut snapshot = picture(second, paused, revision);
                let reading = snapshot.records.first_mut().unwrap();
                let mut content = reading.fresh(moment(second)).unwrap().clone();
                content.system_id = Some(SystemId(7));
                reading.take(moment(second), Duration::ZERO, Ok(Arc::new(content)));
                snapshot
            };
            memory.take(&of_cluster(1, Ok(true)));
            // The journal is read while the first pictures are there already.
            memory.remember(known);
            (memory.take(&of_cluster(2, Ok(true))), memory.by().map(ToString::to_string))
        };
        let alice = Some("alice@bastion".to_owned());
        assert_eq!(looked(recorded(Some(SystemId(7)), 8), 8), (Some(StartTime::OnRecord(at)), alice));
        let nobody = (Some(StartTime::Before(moment(1))), None);
        assert_eq!(looked(recorded(Some(SystemId(7)), 8), 9), nobody, "somebody may have resumed and paused again");
        assert_eq!(looked(recorded(Some(SystemId(6)), 8), 8), nobody, "another cluster under the same name");
        assert_eq!(looked(recorded(None, 8), 8), nobody);
    }

    #[test]
    fn what_happened_in_the_dark_is_not_invented() {
        let mut memory = PauseMemory::default();
        assert_eq!(memory.take(&picture(1, Ok(false), 7)), None);
        assert_eq!(memory.take(&picture(600, Ok(true), 8)), Some(StartTime::Before(moment(600))), "seen too late");

        let mut memory = PauseMemory::default();
        memory.take(&picture(1, Ok(false), 7));
        memory.take(&picture(2, Ok(true), 8));
        assert_eq!(memory.take(&picture(300, Err(2), 8)), Some(StartTime::At(moment(2))), "grey, as the pause itself");
        assert_eq!(memory.take(&picture(600, Ok(true), 8)), Some(StartTime::At(moment(2))), "nobody touched it");
        assert_eq!(
            memory.take(&picture(1200, Ok(true), 10)),
            Some(StartTime::Before(moment(1200))),
            "somebody may have"
        );
    }
}
