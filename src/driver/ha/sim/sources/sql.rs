//! What PostgreSQL of a node says of itself.

use std::time::Duration;

use crate::config::address::HostPort;
use crate::model::agent::Address;
use crate::model::lsn::{Lsn, Timeline};
use crate::model::postgres::{
    BaseBackup, Downstream, Replay, SenderLimits, SqlPart, SqlReport, UnreadPart, WalReceiver, XidAge,
};
use crate::model::role::SyncState;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

use super::super::core::World;
use super::super::core::clock::{SECOND, span};
use super::super::core::node::Phase;
use super::super::core::replication::silence;
use super::super::core::sessions::SENDER_TIMEOUT;
use super::super::core::spec::MIB;
use super::texts::TEXTS;
use super::{reach, refused, silent};

/// PostgreSQL's version everywhere.
pub(crate) const SERVER_VERSION: u32 = 170_011;
/// A standby that is further behind than this catches up, rather than streams.
const CATCHING_UP: u64 = 64 * MIB;
/// What is on its way in the socket at most.
const IN_FLIGHT: u64 = 256 * 1024;

impl World {
    pub(crate) fn sql_report(&self, index: usize, endpoint: &Text) -> Result<SqlReport, SourceError> {
        let node = &self.nodes[index];
        reach(node.power, endpoint)?;
        if node.faults.sql_silent || node.shut {
            return Err(silent(endpoint));
        }
        match node.phase {
            Phase::Running | Phase::Promoting { .. } => {}
            Phase::Starting { .. } | Phase::Restarting { .. } => {
                let words = "FATAL: the database system is starting up";
                return Err(SourceError::new(FailureKind::NotReady, endpoint.as_str(), words));
            }
            Phase::Stopping { .. } => {
                let words = "FATAL: the database system is shutting down";
                return Err(SourceError::new(FailureKind::NotReady, endpoint.as_str(), words));
            }
            Phase::Stopped | Phase::Crashed | Phase::Rewinding { .. } | Phase::Creating { .. } | Phase::StartFailed => {
                return Err(refused(endpoint));
            }
        }
        let now = self.clock.now();
        let clients = self.clients(index);
        let skew = Duration::from_micros(node.faults.clock_skew.unsigned_abs());
        let wall = self.clock.wall(now);
        let ahead = node.faults.clock_skew >= 0;
        let server_time = if ahead { wall.checked_add(skew) } else { wall.checked_sub(skew) }.unwrap_or(wall);
        let standby_timeline = node.stream.map(|_| Timeline(node.timeline));
        Ok(SqlReport {
            version: SERVER_VERSION,
            version_text: TEXTS.server_version.clone(),
            in_recovery: !node.writable,
            postmaster_started: self.clock.wall(node.started),
            address: address_of(&node.router_address),
            peer: None,
            cluster_name: self.spec.name.text().clone(),
            system_id: Some(self.system_id_of(index)),
            timeline: if node.writable { Some(Timeline(node.timeline)) } else { standby_timeline },
            position: self.position(index),
            downstream: self.downstream(index),
            receiver: self.receiver(index).filter(|_| !node.faults.weak_role),
            replay: (!node.writable).then(|| self.replay_facts(index)),
            slots: self.slots(index),
            archiver: Some(self.archiver(index)),
            connections: clients.connections,
            oldest_transaction: clients.oldest,
            prepared_count: Some(u32::from(clients.prepared.is_some())),
            oldest_prepared: clients.prepared,
            xid_age: Some(self.xid_age()),
            pending_restart: node.pending.iter().map(|setting| setting.name.clone()).collect(),
            files_read: Some(self.clock.wall(node.files_read)),
            since_checkpoint: node.writable.then(|| self.since_checkpoint(index)),
            synchronous_names: self.synchronous_names(index),
            idle_slot_timeout: None,
            sender_limits: SenderLimits { timeout: Some(Duration::from_micros(SENDER_TIMEOUT)), shutdown: None },
            settings: Some(node.settings.clone()),
            base_backups: self.base_backups(index),
            sessions: clients.sessions,
            operation_lock: None,
            applications: clients.applications,
            server_time,
            monitor: !node.faults.weak_role,
            unread: if node.faults.weak_role { hidden() } else { Vec::new() },
            slow_asked: None,
        })
    }

    /// A checkpoint every so much WAL, or by hand a moment ago.
    fn since_checkpoint(&self, index: usize) -> u64 {
        let node = &self.nodes[index];
        let manually = node.checkpointed.is_some_and(|at| self.clock.now() < at + 60 * SECOND);
        node.written % if manually { 1 << 20 } else { 256 << 20 }
    }

    fn downstream(&self, index: usize) -> Vec<Downstream> {
        let standbys = self.fed_by(index).filter_map(|other| self.downstream_row(index, other));
        let copies = self.copying(index).map(|(other, _)| Downstream {
            pid: copy_pid(other),
            application: TEXTS.base_backup.clone(),
            user: Some(TEXTS.replicator.clone()),
            address: Some(self.nodes[other].address.clone()),
            state: Some(TEXTS.backup.clone()),
            sync: Some(SyncState::Async),
            send_lag_bytes: None,
            write_lag_bytes: None,
            flush_lag_bytes: None,
            replay_lag_bytes: None,
            write_lag: None,
            flush_lag: None,
            replay_lag: None,
            reply_age: Some(span(self.clock.now() - SECOND, self.clock.now())),
            reply_ahead: Duration::ZERO,
            started: Some(self.clock.wall(self.clock.now() - 60 * SECOND)),
        });
        standbys.chain(copies).chain(self.consumer(index)).collect()
    }

    /// The walsender of the logical slot's consumer, where that hangs.
    fn consumer(&self, index: usize) -> Option<Downstream> {
        let node = &self.nodes[index];
        let (position, replied) = self.session_scenarios.consumer_frozen.filter(|_| node.writable)?;
        let slot = self.slots(index).into_iter().find(|slot| slot.logical)?;
        let behind = node.written.saturating_sub(position);
        Some(Downstream {
            pid: slot.active_pid?,
            application: TEXTS.consumer.clone(),
            user: Some(TEXTS.replicator.clone()),
            address: None,
            state: Some(TEXTS.streaming.clone()),
            sync: Some(SyncState::Async),
            send_lag_bytes: Some(behind - behind.min(IN_FLIGHT)),
            write_lag_bytes: Some(behind),
            flush_lag_bytes: Some(behind),
            replay_lag_bytes: Some(behind),
            write_lag: None,
            flush_lag: None,
            replay_lag: None,
            reply_age: Some(span(replied, self.clock.now())),
            reply_ahead: Duration::ZERO,
            started: Some(self.clock.wall(node.started)),
        })
    }

    fn downstream_row(&self, index: usize, other: usize) -> Option<Downstream> {
        let now = self.clock.now();
        let (node, standby) = (&self.nodes[index], &self.nodes[other]);
        let stream = standby.stream?;
        let gap = node.written.saturating_sub(standby.written);
        let unreplayed = node.written.saturating_sub(standby.replayed);
        let state = if now - stream.since < SECOND {
            &TEXTS.startup
        } else if gap > CATCHING_UP {
            &TEXTS.catchup
        } else {
            &TEXTS.streaming
        };
        let quiet = silence(standby, now);
        let timed = |bytes: u64| (self.load.flow > 0).then(|| time_of(bytes, self.load.flow, quiet));
        // A standby reports at least every ten seconds, and with each message while WAL flows; by its own clock.
        let age = quiet + 12_000 + u64::from(stream.pid.unsigned_abs()) % 60_000;
        let off = node.faults.clock_skew.saturating_sub(standby.faults.clock_skew);
        let age = i64::try_from(age).unwrap_or(i64::MAX).saturating_add(off);
        Some(Downstream {
            pid: stream.pid,
            application: standby.name.text().clone(),
            user: Some(TEXTS.replicator.clone()),
            address: Some(standby.address.clone()),
            state: Some(state.clone()),
            sync: Some(self.sync_state(index, other)),
            send_lag_bytes: Some(gap - gap.min(IN_FLIGHT)),
            write_lag_bytes: Some(gap),
            flush_lag_bytes: Some(gap),
            replay_lag_bytes: Some(unreplayed),
            write_lag: timed(gap),
            flush_lag: timed(gap).map(|time| time + Duration::from_micros(340)),
            replay_lag: (unreplayed > 0 && self.load.flow > 0).then(|| span(standby.replayed_at, now)),
            reply_age: Some(Duration::from_micros(u64::try_from(age).unwrap_or(0))),
            reply_ahead: Duration::from_micros(u64::try_from(age.saturating_neg()).unwrap_or(0)),
            started: Some(self.clock.wall(stream.since)),
        })
    }

    fn receiver(&self, index: usize) -> Option<WalReceiver> {
        let now = self.clock.now();
        let node = &self.nodes[index];
        let stream = node.stream?;
        let upstream = &self.nodes[stream.from];
        let quiet = silence(node, now);
        Some(WalReceiver {
            status: TEXTS.streaming.clone(),
            timeline: Some(Timeline(node.timeline)),
            sender_host: Some(upstream.name.text().clone()),
            sender_port: Some(5432),
            slot: Some(node.slot.clone()),
            latest_end: Some(Lsn(if quiet > 0 { node.written } else { upstream.written.max(node.written) })),
            message_age: Some(Duration::from_micros(quiet + 9_000)),
        })
    }

    fn replay_facts(&self, index: usize) -> Replay {
        let node = &self.nodes[index];
        let caught_up = node.written == node.replayed;
        let lag = if caught_up { Duration::ZERO } else { span(node.replayed_at, self.clock.now()) };
        Replay {
            paused: node.faults.replay_paused,
            delay: Duration::from_micros(node.faults.replay_delay),
            lag: Some(lag),
        }
    }

    fn synchronous_names(&self, index: usize) -> Text {
        let sync = self.synchronous.as_ref().filter(|_| self.nodes[index].writable);
        let standby = sync.and_then(|sync| sync.standbys.first());
        standby.map_or_else(|| TEXTS.empty.clone(), |standby| Text::new(format!("\"{}\"", self.nodes[*standby].name)))
    }

    fn xid_age(&self) -> XidAge {
        let age = self.session_scenarios.xid_percent.map_or(self.load.xid_age, |percent| (1 << 31) / 100 * percent);
        XidAge { database: TEXTS.orders.clone(), age, freeze_max_age: 200_000_000 }
    }

    /// Members that copy their data from a node, with the bytes copied.
    fn copying(&self, index: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let source = self.leads == Some(index);
        self.nodes.iter().enumerate().filter(move |_| source).filter_map(|(other, node)| match node.phase {
            Phase::Creating { copied } if node.executes() => Some((other, copied)),
            _ => None,
        })
    }

    fn base_backups(&self, index: usize) -> Vec<BaseBackup> {
        let copies = self.copying(index);
        copies
            .map(|(other, copied)| BaseBackup {
                pid: copy_pid(other),
                phase: TEXTS.base_backup_phase.clone(),
                streamed: copied,
                total: Some(self.spec.data_size),
            })
            .collect()
    }
}

/// What a role without `pg_monitor` is told to be there, and no more.
fn hidden() -> Vec<UnreadPart> {
    let parts =
        [SqlPart::Receiver, SqlPart::Downstream, SqlPart::OldestTransaction, SqlPart::Sessions, SqlPart::Applications];
    parts.into_iter().map(|part| UnreadPart { part, why: TEXTS.hidden.clone() }).collect()
}

fn copy_pid(other: usize) -> i32 {
    71_300 + (other as u32).cast_signed()
}

/// Time that so many bytes stand for at this rate; at least as long as the silence.
fn time_of(bytes: u64, rate: u64, quiet: u64) -> Duration {
    Duration::from_micros((bytes.saturating_mul(1_000_000) / rate.max(1)).max(quiet))
}

/// A node's address within its own network.
fn address_of(text: &Text) -> Option<Address> {
    let parsed = HostPort::parse(text.as_str())?;
    Some(Address { host: Text::new(&parsed.host), port: parsed.port? })
}
