//! How far a member is behind. Bytes and time come from different sources and are never computed from each other; what
//! nobody can tell is unknown and never zero.

use std::time::Duration;

use super::lsn::Lsn;
use super::name::NodeName;
use super::observed::{Observed, best};
use super::postgres::Downstream;
use super::role::Role;
use super::view::MemberView;

/// Replication lag of a standby.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lag {
    /// Bytes not yet replayed.
    pub bytes: Option<Observed<u64>>,
    /// Bytes not yet received.
    pub receive_bytes: Option<Observed<u64>>,
    /// Time behind.
    pub time: Option<Observed<Duration>>,
    /// How much of the time is on purpose (`recovery_min_apply_delay`).
    pub delay: Duration,
}

impl Lag {
    /// Time behind beyond what is on purpose.
    pub fn excess(&self) -> Option<Observed<Duration>> {
        self.time.clone().map(|time| time.map(|time| time.saturating_sub(self.delay)))
    }
}

impl<'a> MemberView<'a> {
    /// Lag behind where the cluster's WAL comes from: behind the leader, or, in a standby cluster, behind the cluster that
    /// it follows. Whoever takes writes has none.
    pub fn lag(&self) -> Lag {
        let Some(role) = self.role().map(|role| role.value) else { return self.lag_behind_leader() };
        match role {
            Role::Leader | Role::Primary => Lag::default(),
            Role::StandbyLeader => self.lag_behind_source(),
            _ => self.lag_of_replica(),
        }
    }

    /// A replica of a standby leader that gets no WAL is as far behind the source as its leader at least, however close
    /// it is to that one.
    fn lag_of_replica(&self) -> Lag {
        let own = self.lag_behind_leader();
        let leader = self.leader_view().filter(MemberView::is_standby_leader);
        let Some(leader) = leader.filter(|leader| leader.streams().is_none_or(|streams| !streams.value)) else {
            return own;
        };
        let of_leader = leader.lag_behind_source().time;
        let time = match (own.time, of_leader) {
            (Some(own), Some(leader)) if leader.value > own.value => Some(leader),
            (own, Some(_)) => own,
            (_, None) => None,
        };
        Lag { bytes: None, receive_bytes: None, time, delay: own.delay }
    }

    /// Lag behind the leader, whatever that one follows. First choice is the upstream's own row, which compares both ends
    /// at one moment; then positions of two nodes, sampled apart; last the record, which is up to a loop old.
    pub fn lag_behind_leader(&self) -> Lag {
        let apart = |mine: Option<Observed<Lsn>>| {
            let end = self.leader_view()?.position()?;
            let mine = mine?;
            let fresh = mine.fresh && end.fresh;
            let value = mine.value.bytes_to(end.value);
            Some(Observed { value, source: mine.source, at: mine.at.min(end.at), fresh })
        };
        let row = |pick: fn(&Downstream) -> Option<u64>| {
            self.row_of_leader().and_then(|row| {
                let value = pick(row.value)?;
                Some(Observed { value, source: row.source, at: row.at, fresh: row.fresh })
            })
        };
        let bytes =
            best([row(|row| row.replay_lag_bytes), apart(self.applied()), self.registered(|record| record.lag)]);
        Lag {
            time: self.time_behind(bytes.as_ref()),
            bytes,
            receive_bytes: best([row(|row| row.flush_lag_bytes), apart(self.position())]),
            delay: self.delay(),
        }
    }

    /// Lag of a standby leader behind the cluster that it follows, by what its receiver last heard of that one's end. One
    /// that does not stream hears nothing: then only the time since WAL last came is known, if anything.
    fn lag_behind_source(&self) -> Lag {
        let delay = self.delay();
        if !self.streams().is_some_and(|streams| streams.value) {
            return Lag { time: self.since_fed(), delay, ..Lag::default() };
        }
        let by_sql = |pick: fn(&super::agent::Position) -> Option<Lsn>| {
            self.sql(|report| {
                let received = report.receiver.as_ref().and_then(|receiver| receiver.latest_end);
                let end = received.max(report.position.furthest())?;
                Some(pick(&report.position)?.bytes_to(end))
            })
        };
        let by_agent = self.agent(|report| {
            let position = report.position?;
            Some(position.applied()?.bytes_to(position.furthest()?))
        });
        let bytes = best([by_sql(super::agent::Position::applied), by_agent]);
        let time = match &bytes {
            Some(bytes) if bytes.value == 0 => Some(bytes.clone().map(|_| Duration::ZERO)),
            Some(_) | None => self.replay_age(bytes.as_ref()),
        };
        Lag { time, bytes, receive_bytes: by_sql(super::agent::Position::furthest), delay }
    }

    /// Time since WAL last came to a member that gets none now: since it was last seen to stream, or, where nobody saw
    /// that, the age of the last commit that it replayed, which is no less. `None`: neither is known.
    pub fn since_fed(&self) -> Option<Observed<Duration>> {
        let commit = |fact: Observed<jiff::Timestamp>| {
            let age = Duration::try_from(self.snapshot.wall.duration_since(fact.value)).ok()?;
            Some(fact.map(|_| age))
        };
        let last_commit = best([
            self.sql(|report| report.position.replayed_at()),
            self.agent(|report| report.position.and_then(|position| position.replayed_at())),
        ]);
        let last_commit = last_commit.and_then(commit);
        match (self.member.fed_at, self.streams()) {
            (Some(at), Some(streams)) => Some(streams.map(|_| self.snapshot.now.since(at))),
            (_, _) => last_commit,
        }
    }

    fn delay(&self) -> Duration {
        // Where it is not known nothing is taken off the time: the lag is told as it is.
        self.sql(|report| report.replay.map(|replay| replay.delay)).map(|delay| delay.value).unwrap_or_default()
    }

    fn is_standby_leader(&self) -> bool {
        self.role().is_some_and(|role| role.value == Role::StandbyLeader)
    }

    /// The leader, if that is another member.
    fn leader_view(&self) -> Option<MemberView<'a>> {
        let leader = self.snapshot.member(&self.snapshot.leader()?.value)?;
        (leader.name != self.member.name).then(|| self.snapshot.view(leader))
    }

    /// The leader's row of this member.
    fn row_of_leader(&self) -> Option<Observed<&'a Downstream>> {
        let leader = self.leader_view()?;
        self.upstream_rows().find(|(name, _)| *name == leader.name()).map(|(_, row)| row)
    }

    /// Time behind the leader, where so many bytes are missing.
    fn time_behind(&self, bytes: Option<&Observed<u64>>) -> Option<Observed<Duration>> {
        let measured = |(server, row): (&NodeName, Observed<&Downstream>)| {
            let value = measured(row.value, self.reply_age(server, row.value))?;
            Some(Observed { value, source: row.source, at: row.at, fresh: row.fresh })
        };
        let of_leader = || self.leader_view().and_then(|leader| Some((leader.name(), self.row_of_leader()?)));
        let by_leader = of_leader().and_then(measured);
        let own = self.replay_age(bytes);
        // A reply that has just come is the best there is; an old one only bounds the time, as the standby's word does.
        let replies = of_leader().and_then(|(server, row)| self.reply_age(server, row.value));
        let replies = replies.is_none_or(|age| age < LATE_AFTER);
        match (by_leader.filter(|time| time.fresh), own.filter(|time| time.fresh)) {
            (Some(leader), Some(own)) => Some(if !replies && own.value < leader.value { own } else { leader }),
            (Some(time), None) | (None, Some(time)) => Some(time),
            (None, None) => best([
                self.upstream_rows().next().and_then(measured),
                self.caught_up_by_agent(bytes),
                of_leader().and_then(measured),
                self.replay_age(bytes),
            ]),
        }
    }

    /// Time behind by the standby's own word: the age of the last commit that it replayed. After idleness that is far
    /// longer than the lag, so it counts no further back than to when the standby had last replayed all there was; where
    /// nobody saw that, it tells nothing. That it has replayed all it got says that it is not behind only while WAL comes
    /// and nothing is known to be missing.
    fn replay_age(&self, bytes: Option<&Observed<u64>>) -> Option<Observed<Duration>> {
        let mut age = self.sql(|report| report.replay.and_then(|replay| replay.lag))?;
        let seen = || Some(age.at.since(self.member.replayed_all?));
        let gets_wal = self.streams().is_some_and(|streams| streams.value);
        let missing = bytes.is_some_and(|bytes| bytes.value > 0);
        age.value = match age.value {
            Duration::ZERO if gets_wal && !missing => Duration::ZERO,
            Duration::ZERO => seen()?,
            age_of_commit => age_of_commit.min(seen()?),
        };
        Some(age)
    }

    /// That all is replayed by the agent's word: it is, as far as is known, while WAL comes and nothing is missing.
    fn caught_up_by_agent(&self, bytes: Option<&Observed<u64>>) -> Option<Observed<Duration>> {
        let gets_wal = self.streams().is_some_and(|streams| streams.fresh && streams.value);
        let all = self
            .agent(|report| report.position.filter(super::agent::Position::has_replayed_all).map(|_| Duration::ZERO));
        all.filter(|_| gets_wal && bytes.is_none_or(|bytes| bytes.value == 0))
    }
}

/// Time behind as an upstream measured it. What it measured is of the last reply: while something is missing, the time
/// since then counts, too. A standby that has never replied since it fell behind is so for as long as that at least.
fn measured(row: &Downstream, reply_age: Option<Duration>) -> Option<Duration> {
    let since = reply_age.filter(|age| *age >= LATE_AFTER).unwrap_or_default();
    match (row.replay_lag, row.replay_lag_bytes) {
        (Some(time), Some(0)) => Some(time),
        (Some(time), _) => Some(time + since),
        (None, Some(1..)) if !since.is_zero() => Some(since),
        (None, _) => None,
    }
}

/// A reply that is so old was not called forth by what is missing: WAL that arrives is reported at once.
const LATE_AFTER: Duration = Duration::from_secs(2);
