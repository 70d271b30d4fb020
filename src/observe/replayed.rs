//! Since when a standby can be behind at most. PostgreSQL tells the age of the last commit that was replayed, and after
//! an idle night that is a night; what was seen of the positions tells better.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::agent::Position;
use crate::model::lsn::Lsn;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;

/// A standby that was never seen to have replayed all is behind at least since it is watched: worth telling from here on.
const LONG: Duration = Duration::from_secs(10);

/// What was seen of every standby.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    tracks: BTreeMap<NodeName, Track>,
}

#[derive(Debug, Default)]
struct Track {
    /// All that had been received then is replayed.
    all: Option<Moment>,
    /// What had been received at a later moment, and is not replayed yet.
    awaited: Option<(Moment, Lsn)>,
}

impl Replayed {
    /// Takes in a picture, and puts into it since when each standby can be behind at most.
    pub(super) fn take(&mut self, snapshot: &mut Snapshot) {
        for member in &mut snapshot.members {
            let answer = member.sql.as_ref().and_then(|sql| sql.answer.as_ref());
            let Some(answer) = answer else { continue };
            let Position::Replaying { received: Some(received), replayed: Some(replayed), .. } = answer.value.position
            else {
                // What it was before it led says nothing of what it will be after.
                self.tracks.remove(&member.name);
                continue;
            };
            let track = self.tracks.entry(member.name.clone()).or_default();
            track.note(answer.at, received, replayed);
            member.replayed_all = track.since(answer.at);
        }
        self.tracks.retain(|name, _| snapshot.members.iter().any(|member| member.name == *name));
    }
}

impl Track {
    fn note(&mut self, at: Moment, received: Lsn, replayed: Lsn) {
        if replayed >= received {
            *self = Self { all: Some(at), awaited: None };
            return;
        }
        match self.awaited {
            Some((since, awaited)) if replayed >= awaited => {
                *self = Self { all: Some(since), awaited: Some((at, received)) };
            }
            Some(_) => {}
            None => self.awaited = Some((at, received)),
        }
    }

    fn since(&self, at: Moment) -> Option<Moment> {
        let watched = self.awaited.map(|(since, _)| since).filter(|since| at.since(*since) >= LONG);
        self.all.or(watched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_standby_that_is_never_seen_with_nothing_left_is_bounded_all_the_same() {
        let at = |second| Moment::START + Duration::from_secs(second);
        let mut track = Track::default();
        // A hundred bytes a second, three seconds behind, from the first look on.
        for second in 100..120 {
            track.note(at(second), Lsn(second * 100), Lsn((second - 3) * 100));
        }
        let since = track.since(at(119)).expect("a bound");
        assert!(at(119).since(since) >= Duration::from_secs(3), "it is no less than the lag: {since:?}");
        assert!(at(119).since(since) <= Duration::from_secs(8), "nor much more: {since:?}");
    }

    #[test]
    fn a_standby_that_stands_still_is_behind_at_least_since_it_is_watched() {
        let at = |second| Moment::START + Duration::from_secs(second);
        let mut track = Track::default();
        track.note(at(1), Lsn(500), Lsn(100));
        assert_eq!(track.since(at(1)), None, "one look tells nothing");
        track.note(at(40), Lsn(900), Lsn(100));
        assert_eq!(track.since(at(40)), Some(at(1)));
    }
}
