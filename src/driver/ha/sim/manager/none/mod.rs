//! Nobody: plain streaming replication, as somebody has set it up once and left it.
//!
//! No node takes over, none is rewound by itself, none is told whom else to follow. What is done, a colleague does by
//! hand; the service manager of a host starts PostgreSQL when the host comes up, as a primary where it was one.

mod story;

use serde_json::{Map, Value, json};

use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::clock::{MILLISECOND, SECOND};
use crate::driver::ha::sim::core::node::{AfterStop, Phase, Power};
use crate::driver::ha::sim::core::router::Check;
use crate::model::router::PoolPurpose;

use super::{Event, Manager, ManagerOrder};

/// Stands where a manager would.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Nobody;

impl Nobody {
    /// What each PostgreSQL is configured with, and the slots beside those of the standbys: none.
    pub(in crate::driver::ha::sim) fn configured() -> (Map<String, Value>, Map<String, Value>) {
        let parameters = json!({
            "max_connections": 400,
            "max_wal_size": "8GB",
            "max_slot_wal_keep_size": "64GB",
            "archive_mode": "on",
            "archive_command": "pgbackrest --stanza=main archive-push %p"
        });
        (parameters.as_object().cloned().unwrap_or_default(), Map::new())
    }

    /// Leaves a new world as it is, but for slots that nobody ever made: a node keeps one for each standby that it feeds.
    pub(in crate::driver::ha::sim) fn over(world: &mut World) -> Self {
        let upstreams: Vec<_> = world.nodes.iter().map(|node| node.upstream).collect();
        for (holder, node) in world.nodes.iter_mut().enumerate() {
            for (kept, upstream) in node.kept.iter_mut().zip(&upstreams) {
                if *upstream != Some(holder) {
                    *kept = None;
                }
            }
        }
        Self
    }

    /// Stops a node that is up, rewinds it to where its history left that of `to`, and has it follow that one: what a
    /// colleague does to a former primary. A standby is only told whom to follow.
    fn follow(world: &mut World, index: usize, to: usize) {
        let now = world.clock.now();
        let spell = world.dice.between(5_000, 9_000) * MILLISECOND;
        let unrouted_for = world.nodes[index].writable || world.has_left(index, to);
        let node = &mut world.nodes[index];
        node.upstream = Some(to);
        node.stream = None;
        node.retry_at = now + 300 * MILLISECOND;
        if unrouted_for {
            node.writable = false;
            node.phase = Phase::Rewinding { until: now + spell };
        }
    }
}

impl Manager for Nobody {
    fn tick(&mut self, _world: &mut World) {}

    fn react(&mut self, world: &mut World, index: usize, event: Event) {
        let now = world.clock.now();
        match event {
            // Without standby.signal it is a primary, whoever else is one.
            Event::Started => {
                let node = &mut world.nodes[index];
                node.writable = node.phase == Phase::Running && node.upstream.is_none();
            }
            Event::Promoted => {
                let leads = world.leads.is_some_and(|leads| world.nodes[leads].takes_writes());
                if !leads {
                    world.leads = Some(index);
                }
            }
            Event::Stopping { then, until } => match then {
                AfterStop::PowerOff => {
                    if world.has_shipped(index, None, until) {
                        world.power_off(self, index);
                    }
                }
                AfterStop::HandOver | AfterStop::Rejoin | AfterStop::ReadOnly => {
                    world.nodes[index].phase = Phase::Stopped;
                }
            },
            Event::BroughtBack { was: Power::Off } => {
                world.nodes[index].phase = Phase::Starting { until: now + 3 * SECOND };
            }
            Event::Revived => {
                let node = &mut world.nodes[index];
                if matches!(node.phase, Phase::Stopped | Phase::Crashed | Phase::StartFailed) {
                    node.phase = Phase::Starting { until: now + 2 * SECOND };
                }
            }
            Event::Restarting
            | Event::PromotionFailed
            | Event::Crashed
            | Event::Diverged
            | Event::PoweredOff
            | Event::BroughtBack { was: Power::On | Power::Frozen | Power::Cut } => {}
        }
    }

    fn obey(&mut self, world: &mut World, order: ManagerOrder) {
        match order {
            ManagerOrder::Promote(name) => {
                if let Some(index) = world.find(&name).filter(|index| world.nodes[*index].stands_by()) {
                    world.promote(index);
                }
            }
            ManagerOrder::Follow { node, upstream } => {
                if let (Some(index), Some(to)) = (world.find(&node), world.find(&upstream)) {
                    Self::follow(world, index, to);
                }
            }
            ManagerOrder::Restart(name) => {
                if let Some(index) = world.find(&name) {
                    world.begin_restart(self, index);
                }
            }
            ManagerOrder::Switchover { .. }
            | ManagerOrder::CancelSwitchover
            | ManagerOrder::Pause
            | ManagerOrder::Resume
            | ManagerOrder::ScheduleRestart { .. }
            | ManagerOrder::Failsafe(_)
            | ManagerOrder::Reinit(_) => {}
        }
    }

    /// A check that logs in and asks `pg_is_in_recovery()`.
    fn check(&self, world: &World, index: usize, purpose: PoolPurpose) -> Check {
        let node = &world.nodes[index];
        if let Some(silence) = Check::of_host(node.power) {
            return silence;
        }
        if node.shut || node.faults.sql_silent {
            return Check::AnswerTimeout;
        }
        let good = match purpose {
            PoolPurpose::Write if world.router.unchecked => true,
            PoolPurpose::Write => node.accepts() && node.writable,
            PoolPurpose::Read => node.accepts() && !node.writable && world.spec.members[index].takes_readers,
            PoolPurpose::Any | PoolPurpose::Unknown => node.accepts(),
        };
        if good { Check::Passed } else { Check::WrongStatus }
    }

    fn chapter(&mut self, world: &mut World, chapter: usize) -> Option<u64> {
        self.play(world, chapter)
    }
}
