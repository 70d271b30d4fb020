//! Whether a member streams, by everybody who has a say: its own receiver, its agent, and whoever serves it.

use std::time::Duration;

use super::observed::{Observed, best};
use super::postgres::{Downstream, SqlPart};
use super::view::MemberView;

/// A standby reports at least every ten seconds (`wal_receiver_status_interval`): one that has let two go by may be gone,
/// though its connection is still open.
pub const REPLY_OVERDUE: Duration = Duration::from_secs(20);

/// States of a walsender that sends WAL to a standby.
const SENDING: [&str; 2] = ["streaming", "catchup"];

impl MemberView<'_> {
    /// Whether the member streams from somebody, as far as fresh sources tell. `None`: unknown. A receiver that is
    /// hidden from the role, an agent before 3.0.4 and a list without the member tell nothing.
    pub fn streams(&self) -> Option<Observed<bool>> {
        let by_self = self.sql(super::postgres::SqlReport::receives);
        if by_self.as_ref().is_some_and(|streams| streams.fresh) {
            return by_self;
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

    /// Whether it is known to get no WAL from anybody.
    pub fn is_cut_off(&self) -> bool {
        self.streams().is_some_and(|streams| !streams.value)
    }

    /// Whether the member is meant not to stream: it is fed from the archive.
    pub fn is_archive_fed(&self) -> bool {
        self.tags().is_some_and(|tags| tags.value.nostream)
    }

    /// That some other node serves it, by the node's PostgreSQL or by its agent, while the member goes on replying.
    fn served_by(&self) -> Option<Observed<bool>> {
        let sends = |state: &str| SENDING.contains(&state);
        let replies = |row: &Downstream| row.reply_age.is_none_or(|age| age <= REPLY_OVERDUE);
        let by_sql = self.upstream_rows().map(|(_, row)| {
            let serves = row.value.state.as_ref().is_some_and(|state| sends(state.as_str())) && replies(row.value);
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
                let listed = |row: &&super::agent::DownstreamName| {
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
