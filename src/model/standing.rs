//! How a member stands in its cluster: whether it is as it should be, whether its upstream is there to be followed, and
//! whether anybody takes writes.

use super::observed::Freshness;
use super::role::Role;
use super::snapshot::Snapshot;
use super::source::FailureKind;
use super::view::MemberView;

impl MemberView<'_> {
    /// Whether a member is as it should be: it answers, is up, and leads or streams. `None`: unknown, which it also is where
    /// nobody tells whether a replica streams. That replicas have nobody to stream from while the leader is gone is the
    /// leader's disorder, and counts for that one alone.
    pub fn in_order(&self) -> Option<bool> {
        if self.is_waiting() && !self.answers() {
            return None;
        }
        if !self.answers() || self.doubt().is_some() {
            return Some(false);
        }
        let role = self.role()?.value;
        if !self.state()?.value.is_up() {
            return Some(false);
        }
        match role {
            Role::Leader => Some(true),
            // Without the lock it may be all there is while the DCS is away, or where there is none; with another leader, or
            // another that writes, it is one too many.
            Role::Primary => Some(!self.snapshot.keeps_a_fresh_record() && self.snapshot.writers().len() < 2),
            Role::StandbyLeader if self.snapshot.is_fed_by_archive() => Some(true),
            Role::StandbyLeader => self.streams().map(|streams| streams.value),
            Role::Replica if self.is_archive_fed() || self.snapshot.leader_is_gone() => Some(true),
            Role::Replica => self.streams().map(|streams| streams.value),
            Role::Demoted | Role::Uninitialized | Role::Unknown(_) => Some(false),
        }
    }

    /// Whether no wire to the node answers in time, the first seconds aside.
    pub fn is_silent(&self) -> bool {
        !self.answers() && !self.is_waiting()
    }

    /// Whether whom this standby follows is not there to be followed: silent, down, or itself no longer the leader.
    pub fn upstream_is_gone(&self) -> bool {
        let Some(upstream) = self.upstream() else { return true };
        let Some(member) = self.snapshot.member(&upstream.value) else { return true };
        let upstream = self.snapshot.view(member);
        let leads = self.snapshot.leader().is_some_and(|leader| leader.value == *upstream.name());
        let demoted = upstream.claimed_role().is_some_and(|role| role.fresh && role.value == Role::Replica);
        upstream.is_silent() || upstream.is_down() || (leads && demoted && !self.snapshot.is_standby_cluster())
    }

    /// Whether PostgreSQL of a node that answers is seen not to serve anybody.
    fn is_down(&self) -> bool {
        let down = self.state().is_some_and(|state| state.fresh && !state.value.is_up());
        let failure = self.member.sql.as_ref().and_then(|sql| sql.failure.as_ref());
        down || failure.is_some_and(|failure| {
            matches!(failure.error.failure_kind, FailureKind::Refused | FailureKind::NotReady | FailureKind::Closed)
        })
    }
}

impl Snapshot {
    /// Whether there is no leader to be followed: none is known, or it is silent, down, or stepping back.
    pub fn leader_is_gone(&self) -> bool {
        let Some(leader) = self.leader().and_then(|leader| self.member(&leader.value)) else { return true };
        let leader = self.view(leader);
        let demoted = leader.claimed_role().is_some_and(|role| role.fresh && role.value == Role::Replica);
        leader.is_silent() || leader.is_down() || (demoted && !self.is_standby_cluster())
    }

    /// Whether the cluster follows another one by its archive alone, so that its leader is not expected to stream.
    pub fn is_fed_by_archive(&self) -> bool {
        let source = self.from_record(|content| content.config()?.standby_source.clone());
        source.is_some_and(|source| source.value.host.is_none() && source.value.port.is_none() && source.value.restores)
    }

    /// Whether it is known that nobody leads: the record has it so, or every member answers that it is in recovery.
    pub fn is_known_leaderless(&self) -> bool {
        let reported = || self.nobody_writes() && !self.views().any(|view| view.is_silent());
        self.leader().is_none() && (self.keeps_a_fresh_record() || reported())
    }

    /// Whether nobody takes writes, as far as can be seen without a record to go by: every member that answers says
    /// that it is in recovery, and if one does not answer, nobody streams from it either.
    pub fn nobody_writes(&self) -> bool {
        let waits = self.records.iter().any(|reading| reading.freshness(self.now) == Freshness::Waiting);
        if waits
            || self.keeps_a_fresh_record()
            || self.is_standby_cluster()
            || self.views().any(|view| view.is_waiting())
        {
            return false;
        }
        // One that is missing may write all the same.
        if !self.writers().is_empty() {
            return false;
        }
        let word = |view: &MemberView<'_>| {
            let sql = view.sql_role().filter(|role| role.fresh);
            sql.or_else(|| view.agent_role().filter(|role| role.fresh)).map(|role| role.value)
        };
        let present = || self.views().filter(|view| !view.is_missing());
        let words: Vec<Option<Role>> = present().map(|view| word(&view)).collect();
        let reported: Vec<&Role> = words.iter().flatten().collect();
        let all = reported.len() == words.len();
        // A stream from a standby that answers says nothing of the one that does not.
        let from_a_standby = |view: &MemberView<'_>| {
            let upstream = view.upstream().and_then(|upstream| self.member(&upstream.value));
            upstream.is_some_and(|upstream| word(&self.view(upstream)) == Some(Role::Replica))
        };
        let streams = || {
            present().any(|view| {
                view.streams().is_some_and(|streams| streams.fresh && streams.value) && !from_a_standby(&view)
            })
        };
        !reported.is_empty() && reported.iter().all(|role| **role == Role::Replica) && (all || !streams())
    }
}

#[cfg(test)]
mod tests {
    use super::super::role::SyncState;
    use super::super::snapshot::Snapshot;
    use super::super::test_support::{by_nodes, cut, plain, seconds, served, sql};

    fn in_order(snapshot: &Snapshot, name: &str) -> Option<bool> {
        snapshot.view(snapshot.member(&name.into()).unwrap()).in_order()
    }

    #[test]
    fn a_primary_without_a_lock_is_in_order_where_there_is_none_and_two_of_them_are_not() {
        let mut snapshot = plain();
        by_nodes(&mut snapshot, Err("pg-0 accepts writes, and it is unknown whether pg-2 does too"));
        cut(&mut snapshot, "pg-2", seconds(38));
        assert_eq!(in_order(&snapshot, "pg-0"), Some(true), "another's silence is not its disorder");
        sql(&mut snapshot, "pg-1", |report| report.in_recovery = false);
        assert_eq!((in_order(&snapshot, "pg-0"), in_order(&snapshot, "pg-1")), (Some(false), Some(false)));
    }

    #[test]
    fn that_nobody_leads_is_known_only_where_every_node_says_so() {
        let mut snapshot = plain();
        by_nodes(&mut snapshot, Err("every node is in recovery"));
        sql(&mut snapshot, "pg-0", |report| report.in_recovery = true);
        assert!(snapshot.is_known_leaderless());
        cut(&mut snapshot, "pg-0", seconds(38));
        assert!(!snapshot.is_known_leaderless(), "it may write unseen");
    }

    #[test]
    fn a_stream_between_standbys_does_not_hide_that_nobody_writes() {
        let mut snapshot = plain();
        cut(&mut snapshot, "pg-0", seconds(38));
        sql(&mut snapshot, "pg-1", |report| {
            report.receiver = None;
            report.downstream = vec![served("pg-2", SyncState::Async, 0, 0)];
        });
        assert!(snapshot.nobody_writes());
        // It still streams from the node that does not answer: that one may write all the same.
        let receiver = plain().members[1].sql.as_ref().and_then(|sql| sql.last()).and_then(|sql| sql.receiver.clone());
        sql(&mut snapshot, "pg-1", |report| report.receiver = receiver);
        assert!(!snapshot.nobody_writes());
    }
}
