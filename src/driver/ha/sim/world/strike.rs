//! How faults are done, and how they are undone.

use crate::action::intent::ServerState;
use crate::model::agent::PendingSetting;
use crate::model::name::NodeName;
use crate::model::router::PoolPurpose;
use crate::model::text::Text;

use super::World;
use super::clock::{HOUR, MILLISECOND, MINUTE, SECOND, Time, micros};
use super::etcd::{EtcdNode, Seat};
use super::faults::{Cure, Fault};
use super::node::{AfterStop, Ails, Phase, Power};
use super::sessions::Spell;

impl World {
    /// Breaks something now.
    pub(crate) fn strike(&mut self, fault: Fault) {
        let now = self.clock.now();
        match fault {
            Fault::KillNode(node) => self.with(&node, super::World::power_off),
            Fault::StopNode(node) => self.with(&node, super::World::shut_down),
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
            Fault::AgentDown(node) => self.with(&node, |world, index| {
                world.nodes[index].agent.up_at = Time::MAX;
                world.nodes[index].agent.leads = false;
            }),
            Fault::SqlSilent(node) => self.ail(&node, |ails| ails.sql_silent = true),
            Fault::OddState(node) => self.ail(&node, |ails| ails.odd_state = true),
            Fault::OldAgent(node) => self.ail(&node, |ails| ails.old_agent = true),
            Fault::WeakRole(node) => self.ail(&node, |ails| ails.weak_role = true),
            Fault::WrongAddress(node) => self.ail(&node, |ails| ails.wrong_address = true),
            Fault::NoAddress(node) => {
                self.ail(&node, |ails| ails.no_address = true);
                self.bump();
            }
            Fault::AgentApi { node, defect } => self.ail(&node, |ails| ails.api = Some(defect)),
            Fault::PromotionFails(node) => self.ail(&node, |ails| ails.promotion_fails = true),
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
            Fault::IsolateDcsMember(name) => self.seat(&name, Seat::Alone),
            Fault::DcsLearner(name) => self.store(&name, |member| member.learner = true),
            Fault::DefectiveRecord => {
                self.record.defective = true;
                self.bump();
            }
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
            Fault::RouterPageDown => self.router.page_down = true,
            Fault::RouterUnchecked => self.router.unchecked = true,
            Fault::RouterMaintenance(node) => self.with(&node, |world, index| {
                let read = world.router.sections.iter().position(|section| section.purpose == PoolPurpose::Read);
                if let Some(section) = read {
                    world.set_server_state(section, index, ServerState::Maintenance);
                }
            }),
            Fault::ReplicaLag { node, bytes_per_second } => {
                self.ail(&node, |ails| ails.replay_limit = Some(bytes_per_second));
            }
            Fault::DelayReplay { node, delay } => self.ail(&node, |ails| ails.replay_delay = micros(delay)),
            Fault::SlowStream { node, bytes_per_second } => {
                self.ail(&node, |ails| ails.stream_limit = Some(bytes_per_second));
            }
            Fault::PauseReplay(node) => self.ail(&node, |ails| ails.replay_paused = true),
            Fault::StopReceiver(node) => {
                self.ail(&node, |ails| ails.receiver_stopped = true);
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
                self.ail(&node, |ails| ails.archive_failing = Some(now));
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
                self.ail(&node, |ails| ails.watchdog_failed = true);
            }
            Fault::ExporterDown(node) => self.ail(&node, |ails| ails.exporter_down = true),
            Fault::LongTransaction(_)
            | Fault::LockChain(_)
            | Fault::PreparedTransaction(_)
            | Fault::FillConnections(_)
            | Fault::XidAge(_)
            | Fault::AbandonSlot { .. }
            | Fault::FreezeConsumer(_)
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
            Fault::FreezeConsumer(ago) => {
                let end = self.primary().map_or(0, |index| self.nodes[index].written);
                self.stories.consumer_frozen = Some((end, now.saturating_sub(micros(ago))));
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
                    member.learner = false;
                }
                if self.etcd.no_space {
                    self.wake_agents(None);
                }
                self.etcd.no_space = false;
                self.etcd.size = self.etcd.size.min(6 << 20);
                self.record.lie = None;
                self.record.twice = None;
                self.record.defective = false;
                self.bump();
            }
            Cure::Router => {
                (self.router.stuck, self.router.page_down, self.router.unchecked) = (false, false, false);
                for section in 0..self.router.sections.len() {
                    for server in 0..self.nodes.len() {
                        self.set_server_state(section, server, ServerState::Ready);
                        self.router.sections[section].servers[server].forced_down = false;
                    }
                }
                if !self.router.up {
                    self.router.restart(now);
                }
            }
            Cure::Clients => self.stories = super::sessions::Stories::default(),
            Cure::Parts => self.parts = super::backups::Parts::default(),
            Cure::Everything => {
                let leaderless = self.record.leader.is_none();
                for index in 0..self.nodes.len() {
                    self.nodes[index].ails.reinit &= !leaderless;
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

    fn ail(&mut self, node: &NodeName, with: impl FnOnce(&mut Ails)) {
        self.with(node, |world, index| with(&mut world.nodes[index].ails));
    }

    fn store(&mut self, name: &Text, act: impl FnOnce(&mut EtcdNode)) {
        if let Some(member) = self.etcd.find(name.as_str()) {
            act(member);
        }
    }

    fn seat(&mut self, name: &Text, seat: Seat) {
        self.store(name, |member| member.seat = seat);
    }

    pub(super) fn power_off(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.power = Power::Off;
        node.phase = Phase::Crashed;
        node.stream = None;
        node.agent.leads = false;
        node.agent.retrying = false;
        node.agent.failsafe = false;
    }

    /// What `docker stop` or a host's shutdown makes the agent do.
    fn shut_down(&mut self, index: usize) {
        let now = self.clock.now();
        let spell = self.dice.between(700, 1_300) * MILLISECOND;
        let node = &mut self.nodes[index];
        if node.power == Power::On && node.accepts() {
            node.phase = Phase::Stopping { until: now + spell, then: AfterStop::PowerOff };
        } else {
            self.power_off(index);
        }
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
            // One that strayed already is rewound to where it first did.
            node.ails.strayed.get_or_insert((node.timeline, node.written));
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
        self.renew_settings(index);
    }

    /// Brings a node back, or frees it from what ails it.
    pub(super) fn revive(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.ails = Ails { strayed: node.ails.strayed, reinit: node.ails.reinit, ..Default::default() };
        node.shut = false;
        self.bring_back(index);
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        if node.agent.up_at == Time::MAX {
            node.agent.up_at = now + 2 * SECOND;
            node.agent.next_loop = node.agent.up_at;
        }
        // Its key may have told what is no longer so.
        self.record.built = None;
        let node = &mut self.nodes[index];
        if node.ails.strayed.is_some() {
            node.agent.next_loop = now + SECOND;
        }
    }

    /// Starts, thaws or reconnects its host, with all that ails it.
    pub(crate) fn bring_back(&mut self, index: usize) {
        let now = self.clock.now();
        let ripple = self.dice.between(0, 900) * MILLISECOND;
        let node = &mut self.nodes[index];
        match std::mem::replace(&mut node.power, Power::On) {
            Power::Off => {
                node.agent.up_at = now + 3 * SECOND + ripple;
                node.agent.next_loop = node.agent.up_at;
                node.phase = Phase::Stopped;
            }
            Power::Frozen | Power::Cut => node.agent.next_loop = now + 300 * MILLISECOND + ripple,
            Power::On => {}
        }
    }
}
