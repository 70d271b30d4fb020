//! Whether a member streams, by everybody who has a say: its own receiver, its agent, and whoever serves it.

use std::time::Duration;

use super::moment::Moment;
use super::name::NodeName;
use super::observed::{Observed, best};
use super::postgres::{Downstream, SqlPart};
use super::view::MemberView;

/// A standby reports at least every ten seconds, where `wal_receiver_status_interval` is not set to another span.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);
/// How much later than that a report may come.
const MARGIN: Duration = Duration::from_secs(3);
/// A standby that has let a report go by may be gone or stand still, though its connection is still open and every view of
/// PostgreSQL goes on saying "streaming".
pub const REPLY_OVERDUE: Duration = STATUS_INTERVAL.saturating_add(MARGIN);

/// States of a walsender that sends WAL to a standby.
const SENDING: [&str; 2] = ["streaming", "catchup"];

impl MemberView<'_> {
    /// Whether the member streams from somebody, as far as fresh sources tell. `None`: unknown. A receiver that is
    /// hidden from the role, an agent before 3.0.4 and a list without the member tell nothing; nor does the word "streaming"
    /// of a receiver that has given no sign of life for longer than it may be silent.
    pub fn streams(&self) -> Option<Observed<bool>> {
        let by_self = self.sql(super::postgres::SqlReport::receives);
        if by_self.as_ref().is_some_and(|streams| streams.fresh) {
            return by_self.filter(|streams| !streams.value || self.stands_still().is_none());
        }
        let quiet = self.sql(|report| report.receiver.as_ref().map(|_| ())).is_some_and(|quiet| quiet.fresh);
        if quiet {
            // Its receiver is there and has heard nothing for long; an agent would only tell the same row.
            return self.served_by().or_else(|| self.dropped());
        }
        let by_agent = self.agent(super::agent::AgentReport::streams);
        if by_agent.as_ref().is_some_and(|streams| streams.fresh) {
            return by_agent;
        }
        // One that is silent from here is told of by the node that it was last seen to follow.
        let dropped = || if self.is_silent() { self.dropped() } else { None };
        self.served_by().or_else(dropped).or_else(|| best([by_self, by_agent]))
    }

    /// For how long its receiver has given no sign of life, where that is longer than it may be silent: nothing came to it,
    /// and nothing of it to whoever serves it. `None`: it lives, or nobody can tell. An idle sender is silent for longer by
    /// itself, so that the receiver's word alone proves nothing.
    pub fn stands_still(&self) -> Option<Duration> {
        let bound = self.reports_within()?;
        let message = self.sql(|report| report.receiver.as_ref()?.message_age).filter(|age| age.fresh)?.value;
        if message <= bound {
            return None;
        }
        let rows = self.upstream_rows().filter(|(_, row)| row.fresh);
        let replies: Vec<Duration> = rows.filter_map(|(server, row)| self.reply_age(server, row.value)).collect();
        let youngest = replies.into_iter().min()?;
        (youngest > bound).then(|| message.min(youngest))
    }

    /// Within which span its receiver reports whatever happens; `None`: it is set to report only when something happens.
    fn reports_within(&self) -> Option<Duration> {
        const SETTING: &str = "wal_receiver_status_interval";
        let set = self.sql(|report| report.settings.as_ref()?.get(SETTING)?.value.as_str().parse().ok());
        match set.map(|seconds| seconds.value) {
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds) + MARGIN),
            None => Some(REPLY_OVERDUE),
        }
    }

    /// Age of the last reply in `row` of `server`. A reply carries the time of the standby's own clock, so what that one is
    /// off by against the server's is taken out, where both tell their time. `None`: no reply, or one from the future of
    /// a clock that cannot be compared.
    pub(super) fn reply_age(&self, server: &NodeName, row: &Downstream) -> Option<Duration> {
        let reported = row.reply_age?;
        let clock = |view: &MemberView<'_>| {
            let time = view.sql(|report| Some(report.server_time)).filter(|time| time.fresh)?;
            // By how much its clock is ahead of the observer's, but for what is the same for all.
            Some(time.value.as_nanosecond() - i128::try_from(time.at.since(Moment::START).as_nanos()).ok()?)
        };
        let server = self.snapshot.member(server).map(|member| self.snapshot.view(member));
        let (Some(theirs), Some(own)) = (server.as_ref().and_then(clock), clock(self)) else {
            return Some(reported).filter(|_| row.reply_ahead.is_zero());
        };
        let nanoseconds = |span: Duration| i128::try_from(span.as_nanos()).ok();
        let reported = nanoseconds(reported)? - nanoseconds(row.reply_ahead)?;
        let age = reported - (theirs - own);
        Some(Duration::from_nanos(u64::try_from(age.max(0)).unwrap_or(u64::MAX)))
    }

    /// Whether it is known to get no WAL from anybody.
    pub fn is_cut_off(&self) -> bool {
        self.streams().is_some_and(|streams| !streams.value)
    }

    /// Whether the member is meant not to stream: it is fed from the archive, by its tag or by its own settings, which name
    /// an archive and nobody to stream from.
    pub fn is_archive_fed(&self) -> bool {
        let by_settings = self.sql(|report| {
            let settings = report.settings.as_ref()?;
            let is_set = |name: &str| Some(!settings.get(name)?.value.is_empty());
            Some(!is_set("primary_conninfo")? && is_set("restore_command")?)
        });
        self.tags().is_some_and(|tags| tags.value.nostream) || by_settings.is_some_and(|by| by.value)
    }

    /// That some other node serves it, by the node's PostgreSQL or by its agent, while the member goes on replying.
    fn served_by(&self) -> Option<Observed<bool>> {
        let sends = |state: &str| SENDING.contains(&state);
        let replies =
            |server: &NodeName, row: &Downstream| self.reply_age(server, row).is_none_or(|age| age <= REPLY_OVERDUE);
        let by_sql = self.upstream_rows().map(|(server, row)| {
            let serves =
                row.value.state.as_ref().is_some_and(|state| sends(state.as_str())) && replies(server, row.value);
            serves.then(|| row.map(|_| true))
        });
        let now = self.snapshot.now;
        let others = self.snapshot.members.iter().filter(|other| other.name != self.member.name);
        // Whom PostgreSQL of the same node is seen not to serve, its agent lists for a moment all the same.
        let tells = |other: &&super::member::Member| {
            let report = other.sql.as_ref().and_then(|sql| sql.fresh(now));
            report.is_some_and(|report| report.knows(SqlPart::Downstream))
        };
        let by_agent = others.filter(|other| !tells(other)).map(|other| {
            other.agent.as_ref()?.fact(now, |report| {
                let listed = |row: &&super::agent::AgentWalsender| {
                    row.application.as_str() == self.member.name.as_str() && sends(row.state.as_str())
                };
                report.downstream.iter().find(listed).map(|_| true)
            })
        });
        best(by_sql.chain(by_agent)).filter(|served| served.fresh)
    }

    /// That the node its receiver is connected to does not serve it any more.
    fn dropped(&self) -> Option<Observed<bool>> {
        let upstream = self.snapshot.member(&self.receiver_upstream()?.value)?;
        let name = self.member.name.as_str();
        let sql = upstream.sql.as_ref()?;
        let gone = sql.fact(self.snapshot.now, |report| {
            let listed = report.downstream.iter().any(|row| row.application.as_str() == name);
            (report.knows(SqlPart::Downstream) && !listed).then_some(false)
        });
        gone.filter(|gone| gone.fresh)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;

    use super::super::snapshot::Snapshot;
    use super::super::test_support::{agent, cascade, healthy, member, sql};
    use super::*;

    /// pg-1, to which nothing came and of which nothing was heard for so many seconds.
    fn silent(message: u64, reply: u64) -> Snapshot {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-1", |report| {
            report.receiver.as_mut().unwrap().message_age = Some(Duration::from_secs(message));
        });
        replied(&mut snapshot, Some(Duration::from_secs(reply)));
        snapshot
    }

    fn replied(snapshot: &mut Snapshot, age: Option<Duration>) {
        sql(snapshot, "pg-0", |report| {
            let row = report.downstream.iter_mut().find(|row| row.application == *"pg-1").unwrap();
            row.reply_age = age;
        });
    }

    fn streams(snapshot: &Snapshot) -> Option<bool> {
        let view = snapshot.view(snapshot.member(&"pg-1".into()).unwrap());
        view.streams().filter(|streams| streams.fresh).map(|streams| streams.value)
    }

    /// Every view goes on saying "streaming" of a receiver whose process was stopped.
    #[rstest]
    #[case::both_just_now(0, 0, Some(true))]
    #[case::wal_has_come(1, 60, Some(true))]
    #[case::an_idle_sender(29, 9, Some(true))]
    #[case::a_reply_that_is_a_little_late(29, 12, Some(true))]
    #[case::stopped(15, 15, None)]
    #[case::stopped_for_long(59, 59, None)]
    #[case::and_for_longer(90, 90, None)]
    fn a_stream_counts_while_its_receiver_lives(
        #[case] message: u64,
        #[case] reply: u64,
        #[case] expected: Option<bool>,
    ) {
        assert_eq!(streams(&silent(message, reply)), expected);
    }

    #[test]
    fn where_nobody_tells_of_replies_the_receivers_word_counts_for_a_minute() {
        let mut unserved = silent(40, 40);
        replied(&mut unserved, None);
        assert_eq!(streams(&unserved), Some(true), "the role may not see");
        replied(&mut unserved, Some(Duration::ZERO));
        assert_eq!(streams(&unserved), Some(true), "of the future");
        let mut elsewhere = silent(40, 40);
        member(&mut elsewhere, "pg-0").sql = None;
        agent(&mut elsewhere, "pg-0", |report| report.downstream.clear());
        assert_eq!(streams(&elsewhere), Some(true), "whoever serves it is not monitored");
    }

    /// A reply carries the standby's own time.
    #[rstest]
    #[case::alive_and_behind(-30, 29, 35, Some(true))]
    #[case::stopped_and_behind(-30, 29, 59, None)]
    #[case::stopped_and_ahead(12, 29, 3, None)]
    #[case::alive_and_ahead(12, 29, -3, Some(true))]
    #[case::stopped_and_far_ahead(90, 29, -61, None)]
    #[case::alive_and_far_ahead(90, 29, -80, Some(true))]
    fn a_clock_that_is_off_makes_no_reply_older_or_younger(
        #[case] ahead: i64,
        #[case] message: u64,
        #[case] reply: i64,
        #[case] expected: Option<bool>,
    ) {
        let mut snapshot = silent(message, u64::try_from(reply).unwrap_or(0));
        sql(&mut snapshot, "pg-0", |report| {
            let row = report.downstream.iter_mut().find(|row| row.application == *"pg-1").unwrap();
            row.reply_ahead = Duration::from_secs(u64::try_from(-reply).unwrap_or(0));
        });
        sql(&mut snapshot, "pg-1", |report| report.server_time += SignedDuration::from_secs(ahead));
        assert_eq!(streams(&snapshot), expected);
    }

    #[test]
    fn a_cascading_standby_replies_to_whoever_serves_it() {
        let mut snapshot = cascade();
        sql(&mut snapshot, "pg-2", |report| {
            report.receiver.as_mut().unwrap().message_age = Some(Duration::from_secs(15));
        });
        let streams = |snapshot: &Snapshot| {
            let view = snapshot.view(snapshot.member(&"pg-2".into()).unwrap());
            view.streams().map(|streams| streams.value)
        };
        assert_eq!(streams(&snapshot), Some(true), "it replied");
        sql(&mut snapshot, "pg-1", |report| report.downstream[0].reply_age = Some(Duration::from_secs(15)));
        assert_eq!(streams(&snapshot), None);
    }
}
