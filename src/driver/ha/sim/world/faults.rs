//! What can be broken on purpose, and how it is mended.

use std::time::Duration;

use crate::model::agent::PendingSetting;
use crate::model::name::NodeName;
use crate::model::text::Text;

use super::World;
use super::clock::{HOUR, MILLISECOND, MINUTE, SECOND, micros};
use super::etcd::Seat;
use super::node::{Phase, Power};
use super::sessions::Spell;

/// A fault. Names that are not the cluster's do nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The host dies: ports refuse. Stays down until healed.
    KillNode(NodeName),
    /// Every process of the node stands still; connections stay open and nothing answers.
    FreezeNode(NodeName),
    /// No packet passes to or from the node, which runs on.
    CutNode(NodeName),
    /// The node dies, and comes back by itself after a while; `reinit`: with a data directory that must be copied anew.
    CrashNode {
        /// Which.
        node: NodeName,
        /// How long it is away.
        back_after: Duration,
        /// Whether it needs a new copy.
        reinit: bool,
    },
    /// PostgreSQL dies under a living agent, which starts it again.
    CrashPostgres(NodeName),
    /// PostgreSQL dies and does not start again.
    StartFails(NodeName),
    /// The node is killed and its record removed: a member that vanished.
    RemoveMember(NodeName),
    /// The node's name stands twice on record.
    DuplicateMember(NodeName),
    /// One DCS member dies, by name.
    DropDcsMember(Text),
    /// One DCS member answers nothing any more, by name.
    FreezeDcsMember(Text),
    /// All but one DCS member die.
    LoseDcsMajority,
    /// So many percent of the DCS's quota are used; from 100 on it raises its alarm and takes no writes.
    FillDcs(u64),
    /// The router's process is gone.
    RouterDown,
    /// The router keeps its servers as they are, whatever its checks say.
    RouterStuck,
    /// A standby replays no faster than this.
    ReplicaLag {
        /// Which.
        node: NodeName,
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// A standby receives no faster than this.
    SlowStream {
        /// Which.
        node: NodeName,
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// Replay is paused by hand.
    PauseReplay(NodeName),
    /// The standby's receiver is kept from connecting.
    StopReceiver(NodeName),
    /// The node is promoted by hand while another leads: two primaries, the second unnoticed by its agent.
    SplitBrain(NodeName),
    /// The record says that this node leads, while another does.
    MetadataLie(NodeName),
    /// The node's data directory belongs to another cluster.
    ForeignNode(NodeName),
    /// `archive_command` fails.
    ArchiveFailing(NodeName),
    /// The volume is full: archiving fails, and PostgreSQL dies and does not start.
    DiskFull(NodeName),
    /// A setting waits for a restart.
    PendingRestart(NodeName),
    /// The node's clock is off by so many milliseconds.
    ClockSkew {
        /// Which.
        node: NodeName,
        /// Milliseconds ahead; behind where negative.
        milliseconds: i64,
    },
    /// The watchdog could not be armed.
    WatchdogFailed(NodeName),
    /// `postgres_exporter` beside the node is gone.
    ExporterDown(NodeName),
    /// A transaction on the primary that is already this old, and stays.
    LongTransaction(Duration),
    /// So many sessions wait for one lock.
    LockChain(u32),
    /// A prepared transaction that is already this old.
    PreparedTransaction(Duration),
    /// So many percent of the connection slots are used.
    FillConnections(u32),
    /// The oldest transaction id has this part of the 2^31 that wrap, in percent.
    XidAge(u64),
    /// The consumer of the logical slot is gone, and this much WAL is kept for it already.
    AbandonSlot {
        /// Bytes.
        retained: u64,
    },
    /// A rush of writes, in percent of the usual.
    Rush {
        /// How much.
        percent: u64,
        /// How long.
        length: Duration,
    },
    /// The pooler is gone.
    PoolerDown,
    /// The pooler leads to this node, whoever leads.
    PoolerStale(NodeName),
    /// The pooler's clients wait.
    PoolerStarved,
    /// The container runtime does not answer.
    RuntimeDown,
    /// The backup repository does not answer.
    BackupsUnreachable,
    /// Backups fail from so long ago on.
    BackupsFail(Duration),
    /// No backup was made since so long ago.
    BackupsStop(Duration),
    /// Mends.
    Heal(Cure),
}

/// What is mended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cure {
    /// A node, with everything that is wrong with it.
    Node(NodeName),
    /// The DCS: members, quota, and what the record tells untruly.
    Dcs,
    /// The router.
    Router,
    /// What clients do.
    Clients,
    /// Pooler, runtime, backups.
    Parts,
    /// All of it.
    Everything,
}

impl World {
    /// Breaks something now.
    pub(crate) fn strike(&mut self, fault: Fault) {
        let now = self.clock.now();
        match fault {
            Fault::KillNode(node) => self.with(&node, super::World::power_off),
            Fault::FreezeNode(node) => self.with(&node, |world, index| world.nodes[index].power = Power::Frozen),
            Fault::CutNode(node) => self.with(&node, |world, index| world.nodes[index].power = Power::Cut),
            Fault::CrashNode { node, back_after, reinit } => {
                self.with(&node, |world, index| {
                    world.power_off(index);
                    world.nodes[index].restarts += 1;
                    world.nodes[index].ails.reinit = reinit;
                });
                self.plan(now + micros(back_after), super::Happening::Return(node));
            }
            Fault::CrashPostgres(node) => self.with(&node, super::World::crash),
            Fault::StartFails(node) => self.with(&node, |world, index| {
                world.nodes[index].ails.start_fails = true;
                world.crash(index);
            }),
            Fault::RemoveMember(node) => self.with(&node, |world, index| {
                world.power_off(index);
                world.bump();
                world.record.members[index] = None;
                if world.record.holder() == Some(index) {
                    world.release_lock();
                }
            }),
            Fault::DuplicateMember(node) => self.with(&node, |world, index| {
                world.bump();
                world.record.twice = Some(index);
            }),
            Fault::DropDcsMember(name) => self.seat(&name, Seat::Down),
            Fault::FreezeDcsMember(name) => self.seat(&name, Seat::Frozen),
            Fault::LoseDcsMajority => {
                for member in self.etcd.members.iter_mut().skip(1) {
                    member.seat = Seat::Down;
                }
            }
            Fault::FillDcs(percent) => {
                self.etcd.size = self.etcd.quota / 100 * percent;
                self.etcd.no_space = percent >= 100;
            }
            Fault::RouterDown => self.router.up = false,
            Fault::RouterStuck => self.router.stuck = true,
            Fault::ReplicaLag { node, bytes_per_second } => {
                self.with(&node, |world, index| world.nodes[index].ails.replay_limit = Some(bytes_per_second));
            }
            Fault::SlowStream { node, bytes_per_second } => {
                self.with(&node, |world, index| world.nodes[index].ails.stream_limit = Some(bytes_per_second));
            }
            Fault::PauseReplay(node) => self.with(&node, |world, index| world.nodes[index].ails.replay_paused = true),
            Fault::StopReceiver(node) => {
                self.with(&node, |world, index| world.nodes[index].ails.receiver_stopped = true);
            }
            Fault::SplitBrain(node) => self.with(&node, super::World::split),
            Fault::MetadataLie(node) => self.with(&node, |world, index| {
                world.bump();
                world.record.lie = Some(index);
            }),
            Fault::ForeignNode(node) => self.with(&node, |world, index| {
                world.nodes[index].ails.foreign = true;
                world.nodes[index].stream = None;
            }),
            Fault::ArchiveFailing(node) => {
                self.with(&node, |world, index| world.nodes[index].ails.archive_failing = Some(now));
            }
            Fault::DiskFull(node) => self.with(&node, |world, index| {
                world.nodes[index].ails.archive_failing = Some(now);
                world.nodes[index].ails.start_fails = true;
                world.crash(index);
            }),
            Fault::PendingRestart(node) => self.with(&node, World::await_restart),
            Fault::ClockSkew { node, milliseconds } => self.with(&node, |world, index| {
                world.nodes[index].ails.clock_skew = milliseconds * MILLISECOND.cast_signed();
            }),
            Fault::WatchdogFailed(node) => {
                self.with(&node, |world, index| world.nodes[index].ails.watchdog_failed = true);
            }
            Fault::ExporterDown(node) => self.with(&node, |world, index| world.nodes[index].ails.exporter_down = true),
            Fault::LongTransaction(_)
            | Fault::LockChain(_)
            | Fault::PreparedTransaction(_)
            | Fault::FillConnections(_)
            | Fault::XidAge(_)
            | Fault::AbandonSlot { .. }
            | Fault::Rush { .. } => self.strike_clients(&fault),
            Fault::PoolerDown => self.parts.pooler_down = true,
            Fault::PoolerStale(node) => self.with(&node, |world, index| world.parts.pooler_stale = Some(index)),
            Fault::PoolerStarved => self.parts.pooler_starved = Some(now),
            Fault::RuntimeDown => self.parts.runtime_down = true,
            Fault::BackupsUnreachable => self.parts.backups_unreachable = true,
            Fault::BackupsFail(ago) => self.parts.backups_fail_since = Some(now.saturating_sub(micros(ago))),
            Fault::BackupsStop(ago) => self.parts.backups_stopped = Some(now.saturating_sub(micros(ago))),
            Fault::Heal(cure) => self.heal(&cure),
        }
    }

    fn strike_clients(&mut self, fault: &Fault) {
        let now = self.clock.now();
        match *fault {
            Fault::LongTransaction(age) => {
                let since = now.saturating_sub(micros(age));
                self.stories.long_transaction = Some(Spell { since, until: now + 1_000 * HOUR });
            }
            Fault::LockChain(waiting) => {
                self.stories.locks = Some((Spell { since: now, until: now + 1_000 * HOUR }, waiting));
            }
            Fault::PreparedTransaction(age) => {
                self.stories.prepared_since = Some(now.saturating_sub(micros(age)));
            }
            Fault::FillConnections(percent) => self.stories.connections_percent = Some(percent),
            Fault::XidAge(percent) => self.stories.xid_percent = Some(percent),
            Fault::AbandonSlot { retained } => {
                let end = self.primary().map_or(0, |index| self.nodes[index].written);
                self.stories.slot_abandoned = Some((end.saturating_sub(retained), now.saturating_sub(40 * MINUTE)));
            }
            Fault::Rush { percent, length } => self.load.burst(now, percent, micros(length)),
            _ => {}
        }
    }

    pub(super) fn heal(&mut self, cure: &Cure) {
        let now = self.clock.now();
        match cure {
            Cure::Node(node) => self.with(node, World::revive),
            Cure::Dcs => {
                for member in &mut self.etcd.members {
                    member.seat = Seat::Up;
                }
                if self.etcd.no_space {
                    self.wake_agents(None);
                }
                self.etcd.no_space = false;
                self.etcd.size = self.etcd.size.min(6 << 20);
                self.record.lie = None;
                self.record.twice = None;
                self.bump();
            }
            Cure::Router if self.router.up => self.router.stuck = false,
            Cure::Router => {
                self.router.stuck = false;
                self.router.restart(now);
            }
            Cure::Clients => self.stories = super::sessions::Stories::default(),
            Cure::Parts => self.parts = super::backups::Parts::default(),
            Cure::Everything => {
                for index in 0..self.nodes.len() {
                    self.revive(index);
                }
                for cure in [Cure::Dcs, Cure::Router, Cure::Clients, Cure::Parts] {
                    self.heal(&cure);
                }
            }
        }
    }

    fn with(&mut self, node: &NodeName, act: impl FnOnce(&mut Self, usize)) {
        if let Some(index) = self.nodes.iter().position(|known| known.name == *node) {
            act(self, index);
        }
    }

    fn seat(&mut self, name: &Text, seat: Seat) {
        if let Some(member) = self.etcd.find(name.as_str()) {
            member.seat = seat;
        }
    }

    fn power_off(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.power = Power::Off;
        node.phase = Phase::Crashed;
        node.stream = None;
        node.agent.leads = false;
        node.agent.retrying = false;
        node.agent.failsafe = false;
    }

    fn crash(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        node.phase = Phase::Crashed;
        node.stream = None;
        node.agent.next_loop = node.agent.next_loop.min(now + 2 * SECOND);
    }

    fn split(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        if !node.writable {
            node.ails.strayed = Some((node.timeline, node.written));
            node.timeline += 1;
            node.writable = true;
            node.promoted = now;
            node.stream = None;
            node.upstream = None;
            node.ails.rogue = true;
        }
    }

    pub(super) fn await_restart(&mut self, index: usize) {
        let setting = |name: &str, old: &str, new: &str| PendingSetting {
            name: Text::new(name),
            old: Some(Text::new(old)),
            new: Some(Text::new(new)),
        };
        self.nodes[index].pending = vec![setting("max_connections", "400", "600")];
    }

    /// Brings a node back, or frees it from what ails it.
    pub(super) fn revive(&mut self, index: usize) {
        let now = self.clock.now();
        let ripple = self.dice.between(0, 900) * MILLISECOND;
        let node = &mut self.nodes[index];
        let before = std::mem::replace(&mut node.power, Power::On);
        node.ails = super::node::Ails { strayed: node.ails.strayed, reinit: node.ails.reinit, ..Default::default() };
        match before {
            Power::Off => {
                node.agent.up_at = now + 3 * SECOND + ripple;
                node.agent.next_loop = node.agent.up_at;
                node.phase = Phase::Stopped;
            }
            Power::Frozen | Power::Cut => node.agent.next_loop = now + 300 * MILLISECOND + ripple,
            Power::On => {}
        }
        if node.ails.strayed.is_some() {
            node.agent.next_loop = now + SECOND;
        }
    }
}
