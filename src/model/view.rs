//! One member in the light of all sources: which opinion is shown, and which others there are.
//!
//! Nothing here hides a disagreement: the merged value is the one to show first, and the opinions behind it stay
//! available with their sources, for the detail dialog and for the rules in `health`.

use std::time::Duration;

use super::agent::{Position, Tags};
use super::lsn::{Lsn, SystemId, Timeline};
use super::member::{Member, Presence};
use super::name::NodeName;
use super::observed::{Freshness, Observed, best};
use super::postgres::Downstream;
use super::role::{MemberState, Role, SyncState};
use super::snapshot::Snapshot;
use super::text::Text;

/// A member within its snapshot.
#[derive(Clone, Copy)]
pub struct MemberView<'a> {
    /// The whole picture.
    pub snapshot: &'a Snapshot,
    /// The member looked at.
    pub member: &'a Member,
}

/// Replication lag of a standby. Bytes and time come from different sources and are never computed from each other.
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
    /// Name of the member.
    pub fn name(&self) -> &'a NodeName {
        &self.member.name
    }

    /// Whether any wire to the node itself answers in time.
    pub fn answers(&self) -> bool {
        let now = self.snapshot.now;
        self.member.agent.as_ref().is_some_and(|agent| agent.is_fresh(now))
            || self.member.sql.as_ref().is_some_and(|sql| sql.is_fresh(now))
    }

    /// Whether a wire to the node is still within its first seconds.
    pub fn is_waiting(&self) -> bool {
        let now = self.snapshot.now;
        let waiting = |freshness: Option<Freshness>| freshness == Some(Freshness::Waiting);
        waiting(self.member.agent.as_ref().map(|agent| agent.freshness(now)))
            || waiting(self.member.sql.as_ref().map(|sql| sql.freshness(now)))
    }

    /// Whether the member is off the record.
    pub fn is_missing(&self) -> bool {
        matches!(self.member.presence, Presence::Missing { .. })
    }

    /// A part of what the member wrote into the record. The record may be fresh while its writer is gone: once the
    /// member's own wires are silent, what it wrote counts as old.
    fn registered<U>(&self, part: impl Fn(&super::agent::Registration) -> Option<U>) -> Option<Observed<U>> {
        let fact = self.snapshot.recorded(|content| content.member(&self.member.name).and_then(&part))?;
        let has_wires = self.member.agent.is_some() || self.member.sql.is_some();
        let silent = has_wires && !self.answers() && !self.is_waiting();
        Some(Observed { fresh: fact.fresh && !silent, ..fact })
    }

    pub(super) fn agent<U>(&self, part: impl Fn(&super::agent::AgentReport) -> Option<U>) -> Option<Observed<U>> {
        self.member.agent.as_ref().and_then(|agent| agent.fact(self.snapshot.now, part))
    }

    pub(super) fn sql<U>(&self, part: impl Fn(&super::postgres::SqlReport) -> Option<U>) -> Option<Observed<U>> {
        self.member.sql.as_ref().and_then(|sql| sql.fact(self.snapshot.now, part))
    }

    /// What the node says of itself: PostgreSQL's word first, then its agent's.
    pub fn claimed_role(&self) -> Option<Observed<Role>> {
        best([self.sql_role(), self.agent_role()])
    }

    /// The role by SQL: in recovery or not, nothing finer.
    pub fn sql_role(&self) -> Option<Observed<Role>> {
        self.sql(|report| Some(if report.in_recovery { Role::Replica } else { Role::Primary }))
    }

    /// The role by the node's agent.
    pub fn agent_role(&self) -> Option<Observed<Role>> {
        self.agent(|report| Some(report.role.clone()))
    }

    /// The role by the record alone: holder of the lock, or what the member wrote.
    pub fn recorded_role(&self) -> Option<Observed<Role>> {
        self.snapshot.recorded(|content| {
            let holds = content.leader.as_ref().is_some_and(|leader| leader.holder == self.member.name);
            let written = content.member(&self.member.name).map(|member| member.role.clone());
            let standby_cluster = content.config.as_ref().is_some_and(|config| config.standby_cluster);
            match (holds, written) {
                (true, Some(Role::StandbyLeader)) => Some(Role::StandbyLeader),
                (true, _) if standby_cluster => Some(Role::StandbyLeader),
                (true, _) => Some(Role::Leader),
                // Without the lock a member that wrote "primary" was the leader a loop ago.
                (false, Some(Role::Leader | Role::StandbyLeader)) => Some(Role::Replica),
                (false, written) => written,
            }
        })
    }

    /// The role to show. The lock decides who leads while the record is fresh; what the node says of itself decides
    /// the rest, so that a writable node without the lock shows as a primary and never as a replica.
    pub fn role(&self) -> Option<Observed<Role>> {
        let record = self.recorded_role();
        let claimed = self.claimed_role();
        match (record, claimed) {
            (Some(record), _) if record.fresh && record.value.leads() => Some(record),
            (_, Some(claimed)) if claimed.fresh => {
                let standby_leader = self.agent_role().filter(|role| role.fresh && role.value == Role::StandbyLeader);
                Some(standby_leader.unwrap_or(claimed))
            }
            (record, claimed) => best([record, claimed]),
        }
    }

    /// The state to show: the agent's, then PostgreSQL's (up, if it answers), then the record's.
    pub fn state(&self) -> Option<Observed<MemberState>> {
        let by_agent = self.agent(|report| Some(report.replication_state.clone().unwrap_or(report.state.clone())));
        let by_sql = self.sql(|report| {
            let streams = report.receiver.as_ref().is_some_and(|receiver| receiver.status == "streaming");
            Some(if streams { MemberState::Streaming } else { MemberState::Running })
        });
        // An agent that only says "running" of a standby is older than 3.0.4: SQL knows more.
        let agent_is_coarse = by_agent.as_ref().is_some_and(|state| state.value == MemberState::Running);
        match by_sql {
            Some(sql) if sql.fresh && agent_is_coarse => Some(sql),
            by_sql => best([by_agent, by_sql, self.registered(|record| Some(record.state.clone()))]),
        }
    }

    /// The timeline to show.
    pub fn timeline(&self) -> Option<Observed<Timeline>> {
        best([
            self.sql(|report| report.timeline),
            self.agent(|report| report.timeline),
            self.registered(|record| record.timeline),
        ])
    }

    /// System identifier by the node's own word.
    pub fn system_id(&self) -> Option<Observed<SystemId>> {
        best([self.sql(|report| report.system_id), self.agent(|report| report.system_id)])
    }

    /// Furthest WAL position known of the node.
    pub fn position(&self) -> Option<Observed<Lsn>> {
        best([
            self.sql(|report| report.position.furthest()),
            self.agent(|report| report.position.and_then(|position| position.furthest())),
            self.registered(|record| record.position),
        ])
    }

    /// WAL position up to which the node has replayed.
    pub fn applied(&self) -> Option<Observed<Lsn>> {
        best([
            self.sql(|report| report.position.applied()),
            self.agent(|report| report.position.and_then(|position| position.applied())),
            self.registered(|record| record.position),
        ])
    }

    /// When PostgreSQL started, by its own clock.
    pub fn started(&self) -> Option<Observed<jiff::Timestamp>> {
        best([self.sql(|report| Some(report.postmaster_started)), self.agent(|report| report.postmaster_started)])
    }

    /// When PostgreSQL last read its configuration files, by its own clock.
    pub fn files_read(&self) -> Option<Observed<jiff::Timestamp>> {
        self.sql(|report| report.files_read)
    }

    /// Time since PostgreSQL started.
    pub fn uptime(&self) -> Option<Observed<Duration>> {
        let since = |started: jiff::Timestamp| Duration::try_from(self.snapshot.wall.duration_since(started)).ok();
        best([
            self.sql(|report| since(report.postmaster_started)),
            self.agent(|report| report.postmaster_started.and_then(since)),
        ])
    }

    /// Tags in effect.
    pub fn tags(&self) -> Option<Observed<Tags>> {
        best([self.agent(|report| Some(report.tags.clone())), self.registered(|record| Some(record.tags.clone()))])
    }

    /// `server_version_num`.
    pub fn server_version(&self) -> Option<Observed<u32>> {
        best([self.sql(|report| Some(report.version)), self.agent(|report| report.server_version)])
    }

    /// Whether a restart is needed.
    pub fn pending_restart(&self) -> Option<Observed<bool>> {
        best([
            self.agent(|report| Some(report.pending_restart)),
            self.registered(|record| Some(record.pending_restart)),
            self.sql(|report| Some(!report.pending_restart.is_empty())),
        ])
    }

    /// Settings that wait for a restart, `name old→new` as far as known.
    pub fn pending_settings(&self) -> Vec<Text> {
        let listed = self.agent(|report| Some(report.pending_settings.clone())).map(|fact| fact.value);
        let settings = listed.unwrap_or_default();
        if settings.is_empty() {
            return self.sql(|report| Some(report.pending_restart.clone())).map(|fact| fact.value).unwrap_or_default();
        }
        let line = |setting: &super::agent::PendingSetting| match (&setting.old, &setting.new) {
            (Some(old), Some(new)) => Text::new(format!("{} {old}→{new}", setting.name)),
            _ => setting.name.clone(),
        };
        settings.iter().map(line).collect()
    }

    /// Every node that lists this member among its downstream by SQL, with that row.
    pub fn upstream_rows(&self) -> impl Iterator<Item = (&'a NodeName, Observed<&'a Downstream>)> {
        let name = &self.member.name;
        let now = self.snapshot.now;
        self.snapshot.members.iter().filter(move |other| other.name != *name).filter_map(move |other| {
            let row = other
                .sql
                .as_ref()?
                .fact(now, |report| report.downstream.iter().find(|row| row.application.as_str() == name.as_str()))?;
            Some((&other.name, row))
        })
    }

    /// The node this one follows, by the best evidence there is: who serves it, whom its receiver is connected to,
    /// its tag, and last, for a replica, the leader.
    pub fn upstream(&self) -> Option<Observed<NodeName>> {
        if self.role().is_some_and(|role| role.value.leads() || role.value == Role::Primary) {
            return None;
        }
        let served = self.upstream_rows().map(|(name, row)| Some(row.map(|_| name.clone())));
        let listed = self.snapshot.members.iter().filter(|other| other.name != self.member.name).map(|other| {
            other.agent.as_ref().and_then(|agent| {
                agent.fact(self.snapshot.now, |report| {
                    let row =
                        report.downstream.iter().find(|row| row.application.as_str() == self.member.name.as_str());
                    row.map(|_| other.name.clone())
                })
            })
        });
        let by_servers = best(served.chain(listed)).filter(|upstream| upstream.fresh);
        by_servers
            .or_else(|| self.receiver_upstream().filter(|upstream| upstream.fresh))
            .or_else(|| {
                self.tags().and_then(|tags| {
                    let from = tags.value.replicatefrom.clone()?;
                    self.snapshot.member(&from)?;
                    Some(tags.map(|_| from))
                })
            })
            .or_else(|| self.snapshot.leader().filter(|leader| leader.value != self.member.name))
    }

    /// The member whose advertised or mapped address the WAL receiver is connected to.
    pub fn receiver_upstream(&self) -> Option<Observed<NodeName>> {
        let sender = self.sql(|report| {
            let receiver = report.receiver.as_ref()?;
            Some((receiver.sender_host.clone()?, receiver.sender_port?))
        })?;
        let (host, port) = &sender.value;
        let found = self.snapshot.views().find(|other| {
            let advertised = other.registered(|record| record.postgres.clone());
            let addresses = advertised.map(|fact| fact.value).into_iter().chain(other.member.postgres_address.clone());
            other.member.name != self.member.name
                && addresses.into_iter().any(|address| address.host == *host && address.port == *port)
        })?;
        let name = found.member.name.clone();
        Some(sender.map(|_| name))
    }

    /// Synchronous state to show: the upstream's word, the agent's, the sync key's.
    pub fn sync(&self) -> Option<Observed<SyncState>> {
        let by_upstream = self.upstream_rows().map(|(_, row)| {
            let fresh = row.fresh;
            let (source, at) = (row.source, row.at);
            row.value.sync.map(|value| Observed { value, source, at, fresh })
        });
        let by_agent = self.agent(|report| report.sync);
        let by_record = self.registered(|record| record.sync);
        best(by_upstream.chain([by_agent, by_record]))
    }

    /// Lag behind the leader. First choice is the upstream's own row, which compares both ends at one moment; then
    /// positions of two nodes, sampled apart; last the record, which is up to a loop old.
    pub fn lag(&self) -> Lag {
        let leads = self.role().is_some_and(|role| role.value.leads() || role.value == Role::Primary);
        if leads {
            return Lag::default();
        }
        let leader = self.snapshot.leader().and_then(|leader| self.snapshot.member(&leader.value));
        let leader_view =
            leader.filter(|leader| leader.name != self.member.name).map(|leader| self.snapshot.view(leader));
        let row = |pick: fn(&Downstream) -> Option<u64>| {
            let leader = leader_view?;
            self.upstream_rows().find(|(name, _)| *name == leader.name()).and_then(|(_, row)| {
                let value = pick(row.value)?;
                Some(Observed { value, source: row.source, at: row.at, fresh: row.fresh })
            })
        };
        let apart = |mine: Option<Observed<Lsn>>| {
            let end = leader_view?.position()?;
            let mine = mine?;
            let fresh = mine.fresh && end.fresh;
            Some(Observed {
                value: mine.value.bytes_to(end.value),
                source: mine.source,
                at: mine.at.min(end.at),
                fresh,
            })
        };
        let measured = |(_, row): (&NodeName, Observed<&'a Downstream>)| {
            let value = row.value.replay_time?;
            Some(Observed { value, source: row.source, at: row.at, fresh: row.fresh })
        };
        let of_leader = |(name, _): &(&NodeName, _)| leader_view.is_some_and(|leader| leader.name() == *name);
        let time = best([
            self.upstream_rows().find(of_leader).and_then(measured),
            self.replay_age(),
            self.upstream_rows().next().and_then(measured),
            self.agent(|report| report.position.filter(Position::has_replayed_all).map(|_| Duration::ZERO))
                .filter(|_| !self.is_cut_off()),
        ]);
        let delay = self.sql(|report| report.replay.map(|replay| replay.delay));
        Lag {
            bytes: best([row(|row| row.replay_lag), apart(self.applied()), self.registered(|record| record.lag)]),
            receive_bytes: best([row(|row| row.flush_lag), apart(self.position())]),
            time,
            delay: delay.map(|delay| delay.value).unwrap_or_default(),
        }
    }

    /// Time behind by the standby's own word: the age of the last commit that it replayed. After idleness that is far
    /// longer than the lag, so it counts no further back than to when the standby had last replayed all there was; where
    /// nobody saw that, it tells nothing. One that gets no WAL takes all it has for all there is: then only what was seen
    /// counts.
    fn replay_age(&self) -> Option<Observed<Duration>> {
        let mut age = self.sql(|report| report.replay.and_then(|replay| replay.lag))?;
        age.value = match age.value {
            Duration::ZERO if self.is_cut_off() => age.at.since(self.member.replayed_all?),
            Duration::ZERO => Duration::ZERO,
            age_of_commit => age_of_commit.min(age.at.since(self.member.replayed_all?)),
        };
        Some(age)
    }

    /// It is known to get no WAL from anybody.
    fn is_cut_off(&self) -> bool {
        self.streams().is_some_and(|streams| !streams.value)
    }

    /// Whether the member streams from somebody, as far as fresh sources tell. `None`: unknown.
    pub fn streams(&self) -> Option<Observed<bool>> {
        let by_self = self.sql(|report| {
            report.in_recovery.then(|| report.receiver.as_ref().is_some_and(|receiver| receiver.status == "streaming"))
        });
        let by_agent =
            self.agent(|report| report.replication_state.as_ref().map(|state| *state == MemberState::Streaming));
        best([by_self, by_agent])
    }
}
