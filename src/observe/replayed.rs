//! Since when a standby can be behind at most. PostgreSQL tells the age of the last commit that was replayed, and after
//! an idle night that is a night; what was seen of the positions tells better.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::agent::Position;
use crate::model::lsn::Lsn;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// A standby that was never seen to have replayed all is behind at least since it is watched: worth telling from here on.
const LONG_LAG: Duration = Duration::from_secs(10);

/// What was seen of every standby.
#[derive(Debug, Default)]
pub(super) struct ReplayTracker {
    tracks: BTreeMap<NodeName, ReplayTrack>,
    /// How far the last leader that was seen had written. A standby that nobody leads any more is behind that.
    leader_wal_end: Option<Lsn>,
}

#[derive(Debug, Default)]
struct ReplayTrack {
    /// All that there was then is replayed.
    replayed_all_at: Option<Moment>,
    /// What there was at a later moment, and is not replayed yet.
    awaited: Option<(Moment, Lsn)>,
    /// When WAL last came.
    last_wal_at: Option<Moment>,
}

impl ReplayTracker {
    /// Takes in a picture, and puts into it since when each standby can be behind at most, and when WAL last came to it.
    pub(super) fn take(&mut self, snapshot: &mut Snapshot) {
        if snapshot.leader().is_some() {
            self.leader_wal_end = leader_wal_end(snapshot);
        }
        let notes: Vec<ReplaySample> = snapshot.views().map(ReplaySample::of).collect();
        for (member, note) in snapshot.members.iter_mut().zip(notes) {
            if note.fed.is_some() {
                self.tracks.entry(member.name.clone()).or_default().last_wal_at = note.fed;
            }
            match note.wal_position {
                ReplayPosition::Unreported => {}
                ReplayPosition::Writing => {
                    // What it was before it led says nothing of what it will be after.
                    self.tracks.remove(&member.name);
                }
                ReplayPosition::Replaying { at, received, replayed } => {
                    let track = self.tracks.entry(member.name.clone()).or_default();
                    // What the leader has written and nobody has sent yet is missing, too. Where nobody tells how far
                    // that is, one that gets no WAL cannot be said to have all.
                    let all = received.max(note.received).max(self.leader_wal_end);
                    if let Some(all) = all.filter(|_| self.leader_wal_end.is_some() || note.fed == Some(at)) {
                        track.record_sample(at, all, replayed);
                    }
                    member.replayed_all = track.behind_since(at);
                }
            }
            member.fed_at = self.tracks.get(&member.name).and_then(|track| track.last_wal_at);
        }
        self.tracks.retain(|name, _| snapshot.members.iter().any(|member| member.name == *name));
    }
}

/// What one picture tells of one member.
struct ReplaySample {
    wal_position: ReplayPosition,
    /// WAL was coming then.
    fed: Option<Moment>,
    /// How far its upstream had written, as its receiver heard.
    received: Option<Lsn>,
}

enum ReplayPosition {
    Unreported,
    Writing,
    Replaying { at: Moment, received: Option<Lsn>, replayed: Lsn },
}

impl ReplaySample {
    fn of(view: MemberView<'_>) -> Self {
        let streams = view.streams().filter(|streams| streams.fresh && streams.value);
        let answer = view.member.sql.as_ref().and_then(|sql| sql.answer.as_ref());
        let place = match answer.map(|answer| (answer.at, answer.value.position)) {
            None | Some((_, Position::Replaying { replayed: None, .. })) => ReplayPosition::Unreported,
            Some((_, Position::Writing { .. })) => ReplayPosition::Writing,
            Some((at, Position::Replaying { received, replayed: Some(replayed), .. })) => {
                ReplayPosition::Replaying { at, received, replayed }
            }
        };
        let receiver = answer.and_then(|answer| answer.value.receiver.as_ref());
        Self {
            wal_position: place,
            fed: streams.map(|streams| streams.at),
            received: receiver.and_then(|receiver| receiver.latest_end),
        }
    }
}

/// How far the leader has written. An old word is a lower bound, which is all that is asked of it. A standby leader writes
/// nothing itself: what its receiver has heard counts for it.
fn leader_wal_end(snapshot: &Snapshot) -> Option<Lsn> {
    let leader = snapshot.member(&snapshot.leader()?.value)?;
    let by_sql = leader.sql.as_ref().and_then(|sql| sql.last()?.position.furthest());
    // What it wrote into the record may be a loop old, in which a standby falls far behind.
    by_sql.or_else(|| leader.agent.as_ref().and_then(|agent| agent.last()?.position?.furthest()))
}

impl ReplayTrack {
    /// `all`: what there was to replay at that moment.
    fn record_sample(&mut self, at: Moment, all: Lsn, replayed: Lsn) {
        if replayed >= all {
            *self = Self { replayed_all_at: Some(at), awaited: None, last_wal_at: self.last_wal_at };
            return;
        }
        match self.awaited {
            Some((since, awaited)) if replayed >= awaited => {
                *self = Self { replayed_all_at: Some(since), awaited: Some((at, all)), last_wal_at: self.last_wal_at };
            }
            Some(_) => {}
            None => self.awaited = Some((at, all)),
        }
    }

    fn behind_since(&self, at: Moment) -> Option<Moment> {
        let watched = self.awaited.map(|(since, _)| since).filter(|since| at.since(*since) >= LONG_LAG);
        self.replayed_all_at.or(watched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_support::{healthy, member, sql};

    #[test]
    fn a_busy_standby_that_is_never_seen_with_nothing_left_is_bounded_all_the_same() {
        let at = |second| Moment::START + Duration::from_secs(second);
        let mut track = ReplayTrack::default();
        // A hundred bytes a second, three seconds behind, from the first look on.
        for second in 100..120 {
            track.record_sample(at(second), Lsn(second * 100), Lsn((second - 3) * 100));
        }
        let since = track.behind_since(at(119)).expect("a bound");
        assert!(at(119).since(since) >= Duration::from_secs(3), "it is no less than the lag: {since:?}");
        assert!(at(119).since(since) <= Duration::from_secs(8), "nor much more: {since:?}");
    }

    #[test]
    fn a_standby_that_stands_still_is_behind_at_least_since_it_is_watched() {
        let at = |second| Moment::START + Duration::from_secs(second);
        let mut track = ReplayTrack::default();
        track.record_sample(at(1), Lsn(500), Lsn(100));
        assert_eq!(track.behind_since(at(1)), None, "one look tells nothing");
        track.record_sample(at(40), Lsn(900), Lsn(100));
        assert_eq!(track.behind_since(at(40)), Some(at(1)));
    }

    fn now_of(second: u64) -> Moment {
        healthy().now + Duration::from_secs(second)
    }

    #[test]
    fn a_standby_that_gets_no_wal_falls_behind_although_it_has_replayed_all_it_got() {
        let mut replayed = ReplayTracker::default();
        let mut behind = Vec::new();
        for second in 0..20 {
            let mut snapshot = healthy();
            let at = snapshot.now + Duration::from_secs(second);
            for name in ["pg-0", "pg-1", "pg-2"] {
                let is_cut_off = second >= 5;
                sql(&mut snapshot, name, |report| {
                    let end = Lsn(1_000_000 + second * 1000);
                    match &mut report.position {
                        Position::Writing { at } => *at = end,
                        Position::Replaying { received, replayed, .. } => {
                            let got = if is_cut_off && name == "pg-2" { Lsn(1_004_000) } else { end };
                            (*received, *replayed) = (Some(got), Some(got));
                        }
                    }
                    if is_cut_off {
                        // Nor does the leader know of it any more.
                        report.downstream.retain(|row| row.application.as_str() != "pg-2");
                    }
                    if let Some(receiver) = &mut report.receiver {
                        receiver.latest_end = Some(end);
                    }
                    if is_cut_off && name == "pg-2" {
                        report.receiver = None;
                        report.replay.as_mut().expect("it replays").lag = Some(Duration::ZERO);
                    }
                });
                let member = member(&mut snapshot, name);
                member.agent = None;
                member.sql.as_mut().and_then(|sql| sql.answer.as_mut()).expect("an answer").at = at;
            }
            snapshot.now = at;
            replayed.take(&mut snapshot);
            let member = snapshot.member(&"pg-2".into()).expect("a member");
            behind.push(snapshot.view(member).lag().time.map(|time| time.value.as_secs()));
            assert_eq!(member.fed_at, Some(now_of(second.min(4))), "WAL came last a second before it was cut off");
        }
        assert_eq!(behind.last(), Some(&Some(15)), "{behind:?}");
    }
}
