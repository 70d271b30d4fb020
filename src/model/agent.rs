//! What the high-availability agent beside a node says of it (Patroni's `GET /patroni`), and what is registered of
//! the node in the DCS.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::lsn::{Lsn, SystemId, Timeline};
use super::name::NodeName;
use super::role::{MemberState, Role, SyncState};
use super::text::Text;

/// Where a node stands in the write-ahead log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// The end of WAL on a node that is not in recovery.
    Writing {
        /// Current write position.
        at: Lsn,
    },
    /// A node in recovery.
    Replaying {
        /// Last position received and flushed; unknown before anything was streamed.
        received: Option<Lsn>,
        /// Last position replayed.
        replayed: Option<Lsn>,
        /// Commit time of the last replayed transaction, by the primary's clock.
        replayed_at: Option<Timestamp>,
        /// Whether replay is paused by hand.
        paused: Option<bool>,
    },
}

impl Position {
    /// The furthest position this node is known to hold.
    pub fn furthest(&self) -> Option<Lsn> {
        match *self {
            Self::Writing { at } => Some(at),
            Self::Replaying { received, replayed, .. } => received.max(replayed),
        }
    }

    /// Whether a node in recovery has replayed everything that it has received: then it is not behind in time, as far
    /// as it can know.
    pub fn has_replayed_all(&self) -> bool {
        matches!(self, Self::Replaying { received: Some(received), replayed: Some(replayed), .. } if replayed >= received)
    }

    /// Commit time of the last transaction that a node in recovery replayed.
    pub fn replayed_at(&self) -> Option<Timestamp> {
        match *self {
            Self::Writing { .. } => None,
            Self::Replaying { replayed_at, .. } => replayed_at,
        }
    }

    /// The position up to which queries on the node see data.
    pub fn applied(&self) -> Option<Lsn> {
        match *self {
            Self::Writing { at } => Some(at),
            Self::Replaying { replayed, .. } => replayed,
        }
    }
}

/// A member's tags that change what the manager does with it. Only tags in effect are kept.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Tags {
    /// Never becomes leader.
    pub nofailover: bool,
    /// `nofailover` is written as a false value: then `failover_priority` does not count.
    pub failover_allowed: bool,
    /// Not among the replicas that the router balances over.
    pub noloadbalance: bool,
    /// Never a synchronous standby.
    pub nosync: bool,
    /// `nosync` is written as a false value: then `sync_priority` does not count.
    pub sync_allowed: bool,
    /// Does not stream: archive only.
    pub nostream: bool,
    /// Preferred source of base backups.
    pub clonefrom: bool,
    /// Follows this member rather than the leader: a cascade.
    pub replicatefrom: Option<NodeName>,
    /// Rank in a leader race; 0 means never.
    pub failover_priority: Option<i64>,
    /// Rank among synchronous candidates.
    pub sync_priority: Option<i64>,
    /// Flags that are written otherwise than as `true` and taken as true all the same, as they are written: to Patroni
    /// any text is true, `"false"` too.
    pub as_written: BTreeMap<Text, Text>,
    /// Tags of the site's own, for display.
    pub other: BTreeMap<Text, Text>,
}

/// `nofailover, replicatefrom pg-1`; `none` where none is in effect.
impl std::fmt::Display for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut words = self.flags();
        words.extend(self.replicatefrom.as_ref().map(|from| format!("replicatefrom {from}")));
        words.extend(self.failover_priority.map(|rank| format!("failover_priority {rank}")));
        words.extend(self.sync_priority.map(|rank| format!("sync_priority {rank}")));
        words.extend(self.other.iter().map(|(name, value)| format!("{name} {value}")));
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

impl Tags {
    /// The flags in effect, each as it is written: `nosync`, `nofailover "false": Patroni takes it as true`.
    pub fn flags(&self) -> Vec<String> {
        let flags = [
            (self.nofailover, "nofailover"),
            (self.noloadbalance, "noloadbalance"),
            (self.nosync, "nosync"),
            (self.nostream, "nostream"),
            (self.clonefrom, "clonefrom"),
        ];
        let word = |name: &str| match self.as_written.get(&Text::new(name)) {
            Some(written) => format!("{name} {written}: Patroni reads it as true"),
            None => name.to_owned(),
        };
        flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| word(name)).collect()
    }

    /// Whether the tags keep the member from being promoted. `nofailover` beats `failover_priority` where it is there at
    /// all; without it a priority of 0 or less forbids (Patroni's `Tags.nofailover`).
    pub fn forbids_failover(&self) -> bool {
        self.nofailover || (!self.failover_allowed && self.rank_forbids())
    }

    /// Which tag keeps the member from being promoted, as it is written; `None`: none does.
    pub fn why_no_failover(&self) -> Option<String> {
        if self.nofailover {
            return self.flags().into_iter().next();
        }
        self.forbids_failover().then(|| format!("failover_priority {}", self.failover_priority.unwrap_or_default()))
    }

    /// Whether the tags keep the member from being a synchronous standby, by the same rule.
    pub fn forbids_sync(&self) -> bool {
        self.nosync || (!self.sync_allowed && self.sync_priority.is_some_and(|rank| rank <= 0))
    }

    /// Which tag keeps the member from being synchronous, as it is written; `None`: none does.
    pub fn why_no_sync(&self) -> Option<String> {
        if self.nosync {
            return self.flags().into_iter().find(|flag| flag.starts_with("nosync"));
        }
        self.forbids_sync().then(|| format!("sync_priority {}", self.sync_priority.unwrap_or_default()))
    }

    /// What two tags say against each other, and which of them Patroni goes by, each in one line.
    pub fn conflicts(&self) -> Vec<String> {
        let pairs = [
            (
                "nofailover",
                self.nofailover,
                self.failover_allowed,
                "failover_priority",
                self.failover_priority,
                "become leader",
            ),
            ("nosync", self.nosync, self.sync_allowed, "sync_priority", self.sync_priority, "be synchronous"),
        ];
        let reported = pairs.into_iter().filter_map(|(flag, set, unset, priority, rank, what)| {
            let rank = rank?;
            match (set, unset, rank <= 0) {
                (true, _, false) => Some(format!("{flag} overrides {priority} {rank}: it cannot {what}")),
                (false, true, true) => Some(format!("{flag} false overrides {priority} {rank}: it can {what}")),
                (true, _, true) | (false, _, _) => None,
            }
        });
        reported.collect()
    }

    fn rank_forbids(&self) -> bool {
        self.failover_priority.is_some_and(|rank| rank <= 0)
    }
}

/// One setting that waits for a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PendingSetting {
    /// Name of the setting.
    pub name: Text,
    /// Value in force; unknown before Patroni 3.3.
    pub old: Option<Text>,
    /// Value after a restart.
    pub new: Option<Text>,
}

/// A restart that waits for its time or its condition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ScheduledRestart {
    /// When, as the source wrote it, where it cannot be read as a time.
    pub at: Text,
    /// Conditions in words (role, version, only if pending).
    pub conditions: Vec<Text>,
}

/// A standby as its upstream's agent lists it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AgentWalsender {
    /// `application_name` of the walsender's client: the member's name under Patroni.
    pub application: Text,
    /// `state` of the walsender.
    pub state: Text,
    /// Synchronous state.
    pub sync: Option<SyncState>,
}

/// What a node's agent says of it. Every field is optional in the answer; absence is kept as absence.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AgentReport {
    /// State of PostgreSQL.
    pub state: MemberState,
    /// Role the agent claims for its node.
    pub role: Role,
    /// Whether the node streams or reads from the archive, where the agent says so.
    pub replication_state: Option<MemberState>,
    /// `server_version_num`.
    pub server_version: Option<u32>,
    /// When the postmaster started.
    pub postmaster_started: Option<Timestamp>,
    /// Timeline in use.
    pub timeline: Option<Timeline>,
    /// WAL position.
    pub position: Option<Position>,
    /// Set where the node is a synchronous or quorum standby.
    pub sync: Option<SyncState>,
    /// Walsenders of the node.
    pub downstream: Vec<AgentWalsender>,
    /// Maintenance mode: automatic failover is off.
    pub paused: bool,
    /// The cluster has no leader lock, as this agent sees it.
    pub unlocked: bool,
    /// Failsafe mode keeps the primary without the DCS.
    pub failsafe_active: bool,
    /// The watchdog could not be armed.
    pub watchdog_failed: bool,
    /// A restart is needed for these settings; empty and `pending_restart` set means: reasons unknown.
    pub pending_settings: Vec<PendingSetting>,
    /// A restart is needed.
    pub pending_restart: bool,
    /// A restart is scheduled.
    pub scheduled_restart: Option<ScheduledRestart>,
    /// Tags in effect.
    pub tags: Tags,
    /// System identifier of the data directory.
    pub system_id: Option<SystemId>,
    /// When this agent last reached the DCS.
    pub dcs_last_seen: Option<Timestamp>,
    /// Version of the agent.
    pub agent_version: Option<Text>,
    /// Scope the agent belongs to.
    pub scope: Option<Text>,
    /// The agent's own name for its node, since Patroni 3.2.
    pub name: Option<NodeName>,
}

impl AgentReport {
    /// Whether it says the same as `other` of everything but how far WAL has come and when the DCS was reached.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let position = |report: &Self| report.position.is_some();
        let still = |report: &Self| Self { position: None, dcs_last_seen: None, ..report.clone() };
        position(self) == position(other) && still(self) == still(other)
    }

    /// Whether its node streams, by the agent's word. Since 3.0.4 an agent names the state of a standby's replication, and
    /// names none where there is neither a stream nor an archive; `None`: it is older, or its node is no running standby.
    pub fn streams(&self) -> Option<bool> {
        if let Some(state) = &self.replication_state {
            return Some(*state == MemberState::Streaming);
        }
        let standby = matches!(self.role, Role::Replica | Role::StandbyLeader);
        let running = self.state == MemberState::Running && self.position.is_some();
        (standby && running && self.is_at_least((3, 0, 4))).then_some(false)
    }

    /// Whether the agent is of this version or a later one; not, where it does not tell.
    pub fn is_at_least(&self, version: (u32, u32, u32)) -> bool {
        let reported = self.agent_version.as_ref().map(Text::as_str).unwrap_or_default();
        let mut numbers = reported.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse::<u32>().ok()
        });
        let mut next = || numbers.next().flatten();
        next().is_some_and(|major| (major, next().unwrap_or(0), next().unwrap_or(0)) >= version)
    }

    /// A report that tells nothing but state and role.
    pub fn of(state: MemberState, role: Role) -> Self {
        Self {
            state,
            role,
            replication_state: None,
            server_version: None,
            postmaster_started: None,
            timeline: None,
            position: None,
            sync: None,
            downstream: Vec::new(),
            paused: false,
            unlocked: false,
            failsafe_active: false,
            watchdog_failed: false,
            pending_settings: Vec::new(),
            pending_restart: false,
            scheduled_restart: None,
            tags: Tags::default(),
            system_id: None,
            dcs_last_seen: None,
            agent_version: None,
            scope: None,
            name: None,
        }
    }
}

/// A network address as a member advertises it: how the *nodes* reach each other, not necessarily this host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Address {
    /// Host name or literal address.
    pub host: Text,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.as_str().contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What the DCS (or the catalogue of another manager) has on record of a member.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Registration {
    /// Name.
    pub name: NodeName,
    /// Role the member wrote, or that `/cluster` derived.
    pub role: Role,
    /// State the member wrote.
    pub state: MemberState,
    /// Where the agent advertises its REST interface, without path; `None` if the record lacks it.
    pub api_url: Option<Text>,
    /// Where PostgreSQL advertises itself.
    pub postgres: Option<Address>,
    /// Timeline on record.
    pub timeline: Option<Timeline>,
    /// WAL position on record: written once a loop, so up to `loop_wait` old.
    pub position: Option<Lsn>,
    /// Lag in bytes as the record states it (`/cluster`); `None` where it says "unknown" or nothing.
    pub lag: Option<u64>,
    /// Synchronous state, where the record says so.
    pub sync: Option<SyncState>,
    /// Version of the agent that wrote it.
    pub agent_version: Option<Text>,
    /// Tags in effect.
    pub tags: Tags,
    /// A restart is needed.
    pub pending_restart: bool,
    /// Settings that wait for it, where the record lists them.
    pub pending_settings: Vec<PendingSetting>,
    /// A restart is scheduled.
    pub scheduled_restart: Option<ScheduledRestart>,
    /// The member has seen the pause.
    pub paused: bool,
    /// How often this name appears in the record. More than once is a defect of the cluster.
    pub occurrences: u32,
}

impl Registration {
    /// A member of which nothing but its role is on record.
    pub fn new(name: NodeName, role: Role) -> Self {
        Self {
            name,
            role,
            state: MemberState::Unknown(Text::default()),
            api_url: None,
            postgres: None,
            timeline: None,
            position: None,
            lag: None,
            sync: None,
            agent_version: None,
            tags: Tags::default(),
            pending_restart: false,
            pending_settings: Vec::new(),
            scheduled_restart: None,
            paused: false,
            occurrences: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_reported_by_their_names_in_patroni() {
        assert_eq!(Tags::default().to_string(), "none");
        let tags = Tags { nofailover: true, replicatefrom: Some(NodeName::new("pg-1")), ..Tags::default() };
        assert_eq!(tags.to_string(), "nofailover, replicatefrom pg-1");
    }

    #[test]
    fn an_agent_that_could_name_a_stream_and_names_none_has_none() {
        let of = |version: &str, role| AgentReport {
            agent_version: Some(version.into()),
            position: Some(Position::Replaying {
                received: None,
                replayed: Some(Lsn(7)),
                replayed_at: None,
                paused: None,
            }),
            ..AgentReport::of(MemberState::Running, role)
        };
        for version in ["3.0.4", "4.0.7", "4.1.0rc1", "12.0"] {
            assert_eq!(of(version, Role::StandbyLeader).streams(), Some(false), "{version}");
        }
        for version in ["3.0.3", "2.1.7", "", "devel"] {
            assert_eq!(of(version, Role::Replica).streams(), None, "{version}");
        }
        assert_eq!(of("4.0.7", Role::Primary).streams(), None);
        let replication_state = Some(MemberState::Streaming);
        assert_eq!(AgentReport { replication_state, ..of("3.0.2", Role::Replica) }.streams(), Some(true));
    }

    #[test]
    fn nofailover_beats_the_priority_where_it_is_there_at_all() {
        let of = |nofailover, failover_allowed, failover_priority| Tags {
            nofailover,
            failover_allowed,
            failover_priority,
            ..Tags::default()
        };
        assert!(!of(false, true, Some(0)).forbids_failover(), "it may lead: nofailover is written as false");
        assert_eq!(
            of(false, true, Some(0)).conflicts(),
            ["nofailover false overrides failover_priority 0: it can become leader"]
        );
        assert!(of(true, false, Some(5)).forbids_failover());
        assert_eq!(
            of(true, false, Some(5)).conflicts(),
            ["nofailover overrides failover_priority 5: it cannot become leader"]
        );
        for rank in [0, -1] {
            assert!(of(false, false, Some(rank)).forbids_failover());
            assert!(of(false, false, Some(rank)).conflicts().is_empty());
        }
        assert!(!of(false, false, Some(1)).forbids_failover());
    }
}
