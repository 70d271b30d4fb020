//! Since when maintenance mode is on and by whom, as far as this observer saw. Patroni keeps neither.

use std::time::Duration;

use crate::model::moment::{Began, Moment};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Two sightings further apart than this do not tell what was between them.
const CLOSE: Duration = Duration::from_secs(30);

/// What was seen of maintenance mode.
#[derive(Debug, Default)]
pub(super) struct PauseMemory {
    /// When it was last seen off.
    off: Option<Moment>,
    /// When it was last seen on, with the revision of the configuration then.
    on: Option<(Moment, Option<i64>)>,
    began: Option<Began>,
    by: Option<Text>,
}

/// The verb under which the operation lock is held by whoever switches maintenance mode on.
const PAUSE: &str = "pause";

impl PauseMemory {
    /// Who switched it on, by what was taken in: known only where that was seen under the operation lock. Another's change
    /// at that very moment is no pause: the holder of the lock is the one that plans one.
    pub(super) fn by(&self) -> Option<&Text> {
        self.by.as_ref()
    }

    /// Takes in a picture; returns since when maintenance mode is on by it. `None`: it is off, or nobody can tell.
    pub(super) fn take(&mut self, snapshot: &Snapshot) -> Option<Began> {
        let paused = snapshot.paused()?;
        if !paused.fresh {
            return self.began.filter(|_| paused.value);
        }
        if !paused.value {
            *self = Self { off: Some(paused.at), ..Self::default() };
            return None;
        }
        let revision = snapshot.recorded(|content| content.config.as_ref().map(|config| config.mod_revision));
        let revision = revision.map(|revision| revision.value).filter(|revision| *revision > 0);
        // Over a gap only an untouched configuration tells that it stayed on.
        let stayed = |(at, before): (Moment, Option<i64>)| {
            paused.at.since(at) <= CLOSE || (before.is_some() && before == revision)
        };
        if !self.on.is_some_and(stayed) {
            let seen = self.on.is_none() && self.off.is_some_and(|off| paused.at.since(off) <= CLOSE);
            self.began = Some(if seen { Began::At(paused.at) } else { Began::Before(paused.at) });
            self.by = None;
        }
        // The lock is given back only after the pause was seen, so one of the first pictures with it shows both.
        if self.by.is_none()
            && let Some(Began::At(at)) = self.began
            && paused.at.since(at) <= CLOSE
        {
            let lock = snapshot.recorded(|content| content.lock.clone()).filter(|lock| lock.fresh);
            let lock = lock.filter(|lock| lock.value.verb == *PAUSE && !lock.value.holder.is_empty());
            self.by = lock.map(|lock| lock.value.holder);
        }
        self.on = Some((paused.at, revision));
        self.began
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::dcs::{DcsContent, DynamicConfig};
    use crate::model::observed::Reading;
    use crate::model::snapshot::{Identity, StackKind};
    use crate::model::source::{Source, SourceError, SourceKind, Trouble};
    use crate::model::thresholds::Thresholds;

    fn moment(second: u64) -> Moment {
        Moment::START + Duration::from_secs(second)
    }

    /// A picture at `second`: paused or not, or no answer since `since`; by a configuration of this revision.
    fn picture(second: u64, paused: Result<bool, u64>, revision: i64) -> Snapshot {
        let identity = Identity {
            name: "c".into(),
            kind: StackKind::Patroni,
            scope: None,
            namespace: None,
            colour: None,
            read_only: false,
            protected: false,
        };
        let wall = jiff::Timestamp::UNIX_EPOCH;
        let mut snapshot = Snapshot::empty(identity, Thresholds::default(), moment(second), wall);
        let mut reading = Reading::unasked(Source::new(SourceKind::Etcd, ""), CLOSE, Moment::START);
        let config = DynamicConfig { paused: paused.unwrap_or(true), mod_revision: revision, ..Default::default() };
        let content = DcsContent { config: Some(config), ..DcsContent::default() };
        let at = moment(paused.err().unwrap_or(second));
        reading.take(at, Duration::ZERO, Ok(Arc::new(content)));
        if paused.is_err() {
            reading.take(at, Duration::ZERO, Err(SourceError::new(Trouble::TimedOut, "etcd", "")));
        }
        snapshot.dcs.content.push(reading);
        snapshot
    }

    #[test]
    fn a_pause_that_was_seen_to_begin_has_a_moment_and_one_that_was_there_has_none() {
        let mut memory = PauseMemory::default();
        assert_eq!(memory.take(&picture(1, Ok(true), 7)), Some(Began::Before(moment(1))));
        assert_eq!(memory.take(&picture(20, Ok(true), 7)), Some(Began::Before(moment(1))));
        assert_eq!(memory.take(&picture(21, Ok(false), 8)), None);
        assert_eq!(memory.take(&picture(23, Ok(true), 9)), Some(Began::At(moment(23))));
        assert_eq!(memory.take(&picture(24, Ok(true), 9)), Some(Began::At(moment(23))));
    }

    #[test]
    fn who_paused_is_the_holder_of_the_lock_under_which_it_was_seen_to_begin_and_nobody_else() {
        let locked = |second, paused, verb: &str| {
            let mut snapshot = picture(second, Ok(paused), 7);
            let lock = crate::model::dcs::OperationLock {
                holder: "alice@bastion".into(),
                verb: verb.into(),
                since: None,
                reason: None,
                action: "a1".into(),
            };
            let reading = snapshot.dcs.content.first_mut().unwrap();
            let content = DcsContent { lock: Some(lock), ..reading.fresh(moment(second)).unwrap().clone() };
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
    fn what_happened_in_the_dark_is_not_invented() {
        let mut memory = PauseMemory::default();
        assert_eq!(memory.take(&picture(1, Ok(false), 7)), None);
        assert_eq!(memory.take(&picture(600, Ok(true), 8)), Some(Began::Before(moment(600))), "seen too late");

        let mut memory = PauseMemory::default();
        memory.take(&picture(1, Ok(false), 7));
        memory.take(&picture(2, Ok(true), 8));
        assert_eq!(memory.take(&picture(300, Err(2), 8)), Some(Began::At(moment(2))), "grey, as the pause itself");
        assert_eq!(memory.take(&picture(600, Ok(true), 8)), Some(Began::At(moment(2))), "nobody touched it");
        assert_eq!(memory.take(&picture(1200, Ok(true), 10)), Some(Began::Before(moment(1200))), "somebody may have");
    }
}
