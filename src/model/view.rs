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
use super::postgres::{Downstream, SqlPart};
use super::role::{MemberState, Role, SyncState};
use super::snapshot::Snapshot;
use super::stack::Naming;
use super::text::Text;

/// A member within its snapshot.
#[derive(Clone, Copy)]
pub struct MemberView<'a> {
    /// The whole picture.
    pub snapshot: &'a Snapshot,
    /// The member looked at.
    pub member: &'a Member,
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
    pub(super) fn registered<U>(&self, part: impl Fn(&super::agent::Registration) -> Option<U>) -> Option<Observed<U>> {
        let fact = self.snapshot.from_record(|content| content.member(&self.member.name).and_then(&part))?;
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

    /// A part of PostgreSQL's word, as old as that part is.
    pub(super) fn sql_part<U>(
        &self,
        part: SqlPart,
        draw: impl Fn(&super::postgres::SqlReport) -> Option<U>,
    ) -> Option<Observed<U>> {
        self.member.sql.as_ref().and_then(|sql| sql.part(self.snapshot.now, part, draw))
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
        self.snapshot.from_record(|content| {
            let holds = content.leader.as_ref().is_some_and(|leader| leader.holder == self.member.name);
            let written = content.member(&self.member.name).map(|member| member.role.clone());
            let standby_cluster = content.config().is_some_and(|config| config.standby_cluster);
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

    /// The state to show: the agent's, then PostgreSQL's (up, if it answers), then the record's. Where nobody answers any
    /// more, whoever spoke last.
    pub fn state(&self) -> Option<Observed<MemberState>> {
        let by_agent = self.agent(|report| Some(report.replication_state.clone().unwrap_or(report.state.clone())));
        let by_sql = self.sql(|report| {
            let streams = report.receives() == Some(true);
            Some(if streams { MemberState::Streaming } else { MemberState::Running })
        });
        // An agent that only says "running" of a standby is older than 3.0.4: SQL knows more.
        let agent_is_coarse = by_agent.as_ref().is_some_and(|state| state.value == MemberState::Running);
        let by_record = self.registered(|record| Some(record.state.clone()));
        match by_sql {
            Some(sql) if sql.fresh && agent_is_coarse => Some(sql),
            by_sql => {
                let reported = [by_agent, by_sql, by_record];
                if reported.iter().flatten().any(|state| state.fresh) {
                    return best(reported);
                }
                // What it wrote while it went down is younger than what it last said.
                reported.into_iter().flatten().reduce(|last, next| if next.at > last.at { next } else { last })
            }
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
        self.sql_part(SqlPart::FilesRead, |report| report.files_read)
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

    /// The version as the server names it, `17.2` or `19rc1`; by its agent's number, where SQL does not tell.
    pub fn version_name(&self) -> Option<Observed<String>> {
        best([
            self.sql(|report| Some(report.version_name().to_owned())),
            self.agent(|report| report.server_version.map(super::units::server_version)),
        ])
    }

    /// A WAL position as this member's server writes it.
    pub fn lsn_text(&self, lsn: Lsn) -> String {
        lsn.as_reported_by(self.server_version().map(|version| version.value)).to_string()
    }

    /// Whether the member follows another node or cluster: what is said of standbys applies to it. A standby leader
    /// leads its cluster and follows another.
    pub fn follows(&self) -> bool {
        self.role().is_none_or(|role| !role.value.is_writable())
    }

    /// Whether a restart is needed: it is where either source says so, since Patroni learns of a setting that was changed
    /// beside it at its next reload alone. `None`: neither can tell.
    pub fn pending_restart(&self) -> Option<Observed<bool>> {
        let reported = [self.pending_by_agent(), self.pending_by_sql()];
        let yes = reported.iter().flatten().find(|fact| fact.fresh && fact.value).cloned();
        yes.or_else(|| best(reported))
    }

    /// Whether a restart is needed by the agent's word, or what it wrote into the record.
    pub fn pending_by_agent(&self) -> Option<Observed<bool>> {
        best([
            self.agent(|report| Some(report.pending_restart)),
            self.registered(|record| Some(record.pending_restart)),
        ])
    }

    /// Whether a restart is needed by `pg_settings`.
    pub fn pending_by_sql(&self) -> Option<Observed<bool>> {
        self.sql_part(SqlPart::PendingRestart, |report| {
            report.knows(SqlPart::PendingRestart).then_some(!report.pending_restart.is_empty())
        })
    }

    /// Settings that wait for a restart, `name old→new` as far as known: those of which the agent tells, then those of
    /// which only `pg_settings` does.
    pub fn pending_settings(&self) -> Vec<Text> {
        let listed = self.agent(|report| Some(report.pending_settings.clone())).map(|fact| fact.value);
        let listed = listed.unwrap_or_default();
        let line = |setting: &super::agent::PendingSetting| match (&setting.old, &setting.new) {
            (Some(old), Some(new)) => Text::new(format!("{} {old}→{new}", setting.name)),
            _ => setting.name.clone(),
        };
        let mut lines: Vec<Text> = listed.iter().map(line).collect();
        let by_sql = self.sql(|report| Some(report.pending_restart.clone())).map(|fact| fact.value).unwrap_or_default();
        lines.extend(by_sql.into_iter().filter(|name| listed.iter().all(|setting| setting.name != *name)));
        lines
    }

    /// Whether replay is paused by hand, by PostgreSQL or, without it, by the agent.
    pub fn replay_paused(&self) -> Option<Observed<bool>> {
        best([
            self.sql(|report| report.replay.map(|replay| replay.paused)),
            self.agent(|report| match report.position? {
                Position::Replaying { paused, .. } => paused,
                Position::Writing { .. } => None,
            }),
        ])
    }

    /// Every node that lists this member among its downstream by SQL, with that row.
    pub fn upstream_rows(&self) -> impl Iterator<Item = (&'a NodeName, Observed<&'a Downstream>)> {
        let name = &self.member.name;
        let now = self.snapshot.now;
        self.snapshot.members.iter().filter(move |other| other.name != *name).filter_map(move |other| {
            let row = other.sql.as_ref()?.fact(now, |report| {
                let by_name = report.downstream.iter().find(|row| row.application.as_str() == name.as_str());
                by_name.or_else(|| report.downstream.iter().find(|row| self.comes_from_here(row)))
            })?;
            Some((&other.name, row))
        })
    }

    /// Whether a row of `pg_stat_replication` is this member's stream by where it comes from: nobody sees to it that standbys
    /// are called by their names where nobody manages them. Several members at one address tell nothing.
    fn comes_from_here(&self, row: &Downstream) -> bool {
        if self.snapshot.identity.traits.names == Naming::Manager {
            return false;
        }
        let Some(from) = row.address.as_ref() else {
            return false;
        };
        let is_at = |member: &Member| {
            let own = member.sql.as_ref().and_then(|sql| sql.last()).and_then(|report| report.address.as_ref());
            own.is_some_and(|own| own.host == *from)
        };
        let is_named = |member: &Member| member.name.as_str() == row.application.as_str();
        is_at(self.member)
            && self.snapshot.members.iter().filter(|member| is_at(member)).count() == 1
            && !self.snapshot.members.iter().any(is_named)
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
        let is_plain = self.snapshot.identity.traits.names == Naming::Configuration;
        let found = self.snapshot.views().find(|other| {
            let advertised = other.registered(|record| record.postgres.clone()).map(|fact| fact.value);
            // Its own end of the console's session, where the nodes' network is another than the console's.
            let own = other.sql(|report| report.address.clone()).map(|fact| fact.value).filter(|_| is_plain);
            let addresses = [advertised, other.member.postgres_address.clone(), own];
            let is_called_so = is_plain && other.member.name.as_str() == host.as_str();
            other.member.name != self.member.name
                && (is_called_so
                    || addresses.into_iter().flatten().any(|address| address.host == *host && address.port == *port))
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
}

#[cfg(test)]
mod tests {
    use super::super::agent::Address;
    use super::super::snapshot::Snapshot;
    use super::super::test_support::{plain, sql};

    /// Standbys of which nobody saw to the name, each at `hosts` in its own network.
    fn nameless(hosts: [&str; 3]) -> Snapshot {
        let mut snapshot = plain();
        for (name, host) in ["pg-0", "pg-1", "pg-2"].into_iter().zip(hosts) {
            sql(&mut snapshot, name, |report| {
                report.address = Some(Address { host: host.into(), port: 5432 });
                report.receiver = None;
            });
        }
        sql(&mut snapshot, "pg-0", |report| {
            for row in &mut report.downstream {
                row.application = "walreceiver".into();
            }
        });
        snapshot
    }

    fn served(snapshot: &Snapshot) -> Vec<(String, String)> {
        let served = snapshot.views().flat_map(|view| {
            let pairs = view.upstream_rows().map(|(upstream, row)| {
                (upstream.to_string(), row.value.address.as_ref().map(ToString::to_string).unwrap_or_default())
            });
            pairs.collect::<Vec<_>>()
        });
        served.collect()
    }

    #[test]
    fn a_stream_without_a_name_is_reported_by_where_it_comes_from() {
        let reported = served(&nameless(["10.0.0.0", "10.0.0.1", "10.0.0.2"]));
        let of = |host: &str| ("pg-0".to_owned(), host.to_owned());
        assert_eq!(reported, [of("10.0.0.1"), of("10.0.0.2")]);
    }

    #[test]
    fn members_at_one_address_are_not_distinguished_by_it() {
        assert_eq!(served(&nameless(["10.0.0.1", "10.0.0.1", "10.0.0.1"])), []);
    }
}
