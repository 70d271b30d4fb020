//! How faults are done, and how they are undone.

use crate::action::intent::ServerState;
use crate::model::agent::PendingSetting;
use crate::model::name::NodeName;
use crate::model::router::PoolPurpose;
use crate::model::text::Text;

use super::World;
use super::clock::{HOUR, MILLISECOND, MINUTE, micros};
use super::faults::{Fault, Repair};
use super::node::{AfterStop, NodeFaults, Phase, Power};
use super::sessions::Period;
use crate::driver::ha::sim::manager::{Event, Manager};

impl World {
    /// Breaks something now; what belongs to its manager, through that.
    pub(crate) fn inject(&mut self, manager: &mut dyn Manager, fault: Fault) {
        let now = self.clock.now();
        match fault {
            Fault::KillNode(node) => self.with(&node, |world, index| world.power_off(manager, index)),
            Fault::StopNode(node) => self.with(&node, |world, index| world.shut_down(manager, index)),
            Fault::FreezeNode(node) => self.with(&node, |world, index| world.nodes[index].power = Power::Frozen),
            Fault::CutNode(node) => self.with(&node, |world, index| world.nodes[index].power = Power::Cut),
            Fault::CrashNode { node, back_after, reinit } => {
                self.with(&node, |world, index| {
                    world.power_off(manager, index);
                    world.nodes[index].restarts += 1;
                    world.nodes[index].faults.reinit = reinit;
                });
                self.plan(now + micros(back_after), super::PendingEvent::Return(node));
            }
            Fault::SqlSilent(node) => self.apply_fault(&node, |faults| faults.sql_silent = true),
            Fault::WeakRole(node) => self.apply_fault(&node, |faults| faults.weak_role = true),
            Fault::PromotionFails(node) => self.apply_fault(&node, |faults| faults.promotion_fails = true),
            Fault::CrashPostgres(node) => self.with(&node, |world, index| world.crash(manager, index)),
            Fault::StartFails(node) => self.with(&node, |world, index| {
                world.nodes[index].faults.start_fails = true;
                world.crash(manager, index);
            }),
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
                self.apply_fault(&node, |faults| faults.replay_limit = Some(bytes_per_second));
            }
            Fault::DelayReplay { node, delay } => self.apply_fault(&node, |faults| faults.replay_delay = micros(delay)),
            Fault::SlowStream { node, bytes_per_second } => {
                self.apply_fault(&node, |faults| faults.stream_limit = Some(bytes_per_second));
            }
            Fault::PauseReplay(node) => self.apply_fault(&node, |faults| faults.replay_paused = true),
            Fault::StopReceiver(node) => {
                self.apply_fault(&node, |faults| faults.receiver_stopped = true);
            }
            Fault::SplitBrain(node) => self.with(&node, super::World::split),
            Fault::ForeignNode(node) => self.with(&node, |world, index| {
                world.nodes[index].faults.foreign = true;
                world.nodes[index].stream = None;
            }),
            Fault::ArchiveFailing(node) => {
                self.apply_fault(&node, |faults| faults.archive_failing = Some(now));
            }
            Fault::DiskFull(node) => self.with(&node, |world, index| {
                world.nodes[index].faults.archive_failing = Some(now);
                world.nodes[index].faults.start_fails = true;
                world.crash(manager, index);
            }),
            Fault::PendingRestart(node) => self.with(&node, World::await_restart),
            Fault::ClockSkew { node, milliseconds } => self.with(&node, |world, index| {
                world.nodes[index].faults.clock_skew = milliseconds * MILLISECOND.cast_signed();
            }),
            Fault::ExporterDown(node) => self.apply_fault(&node, |faults| faults.exporter_down = true),
            Fault::LongTransaction(_)
            | Fault::LockChain(_)
            | Fault::PreparedTransaction(_)
            | Fault::FillConnections(_)
            | Fault::XidAge(_)
            | Fault::AbandonSlot { .. }
            | Fault::FreezeConsumer(_)
            | Fault::Rush { .. } => self.inject_client_faults(&fault),
            Fault::PoolerDown => self.parts.pooler_down = true,
            Fault::PoolerStale(node) => self.with(&node, |world, index| world.parts.pooler_stale = Some(index)),
            Fault::PoolerStarved => self.parts.pooler_starved = Some(now),
            Fault::RuntimeDown => self.parts.runtime_down = true,
            Fault::BackupsUnreachable => self.parts.backups_unreachable = true,
            Fault::BackupsFail(ago) => self.parts.backups_fail_since = Some(now.saturating_sub(micros(ago))),
            Fault::BackupsStop(ago) => self.parts.backups_stopped = Some(now.saturating_sub(micros(ago))),
            Fault::Heal(cure) => self.heal(manager, &cure),
            Fault::AgentDown(_)
            | Fault::AgentApi { .. }
            | Fault::OddState(_)
            | Fault::OldAgent(_)
            | Fault::WrongAddress(_)
            | Fault::NoAddress(_)
            | Fault::RemoveMember(_)
            | Fault::DuplicateMember(_)
            | Fault::MetadataLie(_)
            | Fault::WatchdogFailed(_)
            | Fault::DefectiveRecord
            | Fault::DropDcsMember(_)
            | Fault::FreezeDcsMember(_)
            | Fault::IsolateDcsMember(_)
            | Fault::DcsLearner(_)
            | Fault::LoseDcsMajority
            | Fault::FillDcs(_) => manager.inject(self, fault),
        }
    }

    fn inject_client_faults(&mut self, fault: &Fault) {
        let now = self.clock.now();
        match *fault {
            Fault::LongTransaction(age) => {
                let since = now.saturating_sub(micros(age));
                self.session_scenarios.long_transaction = Some(Period { since, until: now + 1_000 * HOUR });
            }
            Fault::LockChain(waiting) => {
                self.session_scenarios.locks = Some((Period { since: now, until: now + 1_000 * HOUR }, waiting));
            }
            Fault::PreparedTransaction(age) => {
                self.session_scenarios.prepared_since = Some(now.saturating_sub(micros(age)));
            }
            Fault::FillConnections(percent) => self.session_scenarios.connections_percent = Some(percent),
            Fault::XidAge(percent) => self.session_scenarios.xid_percent = Some(percent),
            Fault::AbandonSlot { retained } => {
                let end = self.primary().map_or(0, |index| self.nodes[index].written);
                self.session_scenarios.slot_abandoned =
                    Some((end.saturating_sub(retained), now.saturating_sub(40 * MINUTE)));
            }
            Fault::FreezeConsumer(ago) => {
                let end = self.primary().map_or(0, |index| self.nodes[index].written);
                self.session_scenarios.consumer_frozen = Some((end, now.saturating_sub(micros(ago))));
            }
            Fault::Rush { percent, length } => self.load.burst(now, percent, micros(length)),
            _ => {}
        }
    }

    pub(crate) fn heal(&mut self, manager: &mut dyn Manager, cure: &Repair) {
        let now = self.clock.now();
        match cure {
            Repair::Node(node) => self.with(node, |world, index| world.revive(manager, index)),
            Repair::Dcs => manager.heal(self, cure),
            Repair::Router => {
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
            Repair::Clients => self.session_scenarios = super::sessions::SessionScenarios::default(),
            Repair::Parts => self.parts = super::backups::SideFaults::default(),
            Repair::Everything => {
                let leaderless = self.leads.is_none();
                for index in 0..self.nodes.len() {
                    self.nodes[index].faults.reinit &= !leaderless;
                    self.revive(manager, index);
                }
                for cure in [Repair::Dcs, Repair::Router, Repair::Clients, Repair::Parts] {
                    self.heal(manager, &cure);
                }
            }
        }
    }

    pub(crate) fn with(&mut self, node: &NodeName, act: impl FnOnce(&mut Self, usize)) {
        if let Some(index) = self.nodes.iter().position(|known| known.name == *node) {
            act(self, index);
        }
    }

    fn apply_fault(&mut self, node: &NodeName, with: impl FnOnce(&mut NodeFaults)) {
        self.with(node, |world, index| with(&mut world.nodes[index].faults));
    }

    pub(crate) fn power_off(&mut self, manager: &mut dyn Manager, index: usize) {
        let node = &mut self.nodes[index];
        node.power = Power::Off;
        node.phase = Phase::Crashed;
        node.stream = None;
        manager.react(self, index, Event::PoweredOff);
    }

    /// What `docker stop` or a host's shutdown makes of PostgreSQL.
    fn shut_down(&mut self, manager: &mut dyn Manager, index: usize) {
        let now = self.clock.now();
        let spell = self.dice.between(700, 1_300) * MILLISECOND;
        let node = &mut self.nodes[index];
        if node.power == Power::On && node.accepts() {
            node.phase = Phase::Stopping { until: now + spell, then: AfterStop::PowerOff };
        } else {
            self.power_off(manager, index);
        }
    }

    fn crash(&mut self, manager: &mut dyn Manager, index: usize) {
        let node = &mut self.nodes[index];
        node.phase = Phase::Crashed;
        node.stream = None;
        manager.react(self, index, Event::Crashed);
    }

    fn split(&mut self, index: usize) {
        let now = self.clock.now();
        let node = &mut self.nodes[index];
        if !node.writable {
            // One that strayed already is rewound to where it first did.
            node.faults.unrouted_for.get_or_insert((node.timeline, node.written));
            node.timeline += 1;
            node.writable = true;
            node.promoted = now;
            node.stream = None;
            node.upstream = None;
            node.faults.rogue = true;
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
    pub(crate) fn revive(&mut self, manager: &mut dyn Manager, index: usize) {
        let node = &mut self.nodes[index];
        node.faults =
            NodeFaults { unrouted_for: node.faults.unrouted_for, reinit: node.faults.reinit, ..Default::default() };
        node.shut = false;
        self.bring_back(manager, index);
        manager.react(self, index, Event::Revived);
    }

    /// Starts, thaws or reconnects its host, with all that ails it.
    pub(crate) fn bring_back(&mut self, manager: &mut dyn Manager, index: usize) {
        let node = &mut self.nodes[index];
        let was = std::mem::replace(&mut node.power, Power::On);
        if was == Power::Off {
            node.phase = Phase::Stopped;
        }
        manager.react(self, index, Event::BroughtBack { was });
    }
}
