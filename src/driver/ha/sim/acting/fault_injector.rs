//! Breaking a simulated cluster for a drill, and mending what was broken.

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use super::{POLL_INTERVAL, SimulatedActor, UNDO_TIMEOUT};
use crate::action::drill::{ClusterPart, Fault, FaultKind, InjectionMethod};
use crate::action::permit::Permit;
use crate::driver::ha::sim::Fault as Blow;
use crate::driver::ha::sim::cluster::ROUTER;
use crate::driver::ha::sim::core::node::Power;
use crate::driver::ha::sim::simulation::Simulation;
use crate::driver::port::drill::InjectFaults;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::name::RouterName;
use crate::model::source::{FailureKind, SourceError};

/// Every part of the world that can be broken, and in which ways.
pub(in crate::driver::ha::sim) fn breakable(simulation: &mut Simulation) -> Vec<(ClusterPart, FaultKind)> {
    use FaultKind::{Cut, Freeze, Kill, Stop};
    let (world, manager) = simulation.parts();
    let members =
        world.nodes.iter().map(|node| (ClusterPart::Member(node.name.clone()), vec![Stop, Kill, Freeze, Cut]));
    let store = manager.breakable().into_iter().map(|(name, kinds)| (ClusterPart::Dcs(name), kinds));
    let router = (ClusterPart::Router(RouterName::new(ROUTER)), vec![Stop, Kill]);
    let each = members.chain(store).chain([router]);
    each.flat_map(|(part, kinds)| kinds.into_iter().map(move |kind| (part.clone(), kind))).collect()
}

impl Simulation {
    fn hit(&mut self, part: &ClusterPart, kind: FaultKind) {
        let blow = match (part, kind) {
            (ClusterPart::Member(name), FaultKind::Stop) => Blow::StopNode(name.clone()),
            (ClusterPart::Member(name), FaultKind::Kill) => Blow::KillNode(name.clone()),
            (ClusterPart::Member(name), FaultKind::Freeze) => Blow::FreezeNode(name.clone()),
            (ClusterPart::Member(name), FaultKind::Cut) => Blow::CutNode(name.clone()),
            (ClusterPart::Dcs(name), FaultKind::Stop | FaultKind::Kill) => Blow::DropDcsMember(name.clone()),
            (ClusterPart::Dcs(name), FaultKind::Freeze) => Blow::FreezeDcsMember(name.clone()),
            (ClusterPart::Dcs(name), FaultKind::Cut) => Blow::IsolateDcsMember(name.clone()),
            (ClusterPart::Router(_), _) => Blow::RouterDown,
        };
        self.inject(blow);
    }

    /// Brings a part back. Whoever may take itself for a leader is kept from its clients.
    fn lift(&mut self, part: &ClusterPart, kind: FaultKind) {
        match part {
            ClusterPart::Member(name) => {
                let (world, manager) = self.parts();
                if let Some(index) = world.find(name) {
                    world.nodes[index].shut |= kind.may_revive_a_leader();
                    world.bring_back(manager, index);
                }
            }
            ClusterPart::Dcs(name) => {
                self.manager().bring_back(name);
            }
            ClusterPart::Router(_) => {
                if !self.world.router.up {
                    self.world.router.restart(self.world.clock.now());
                }
            }
        }
    }

    /// Whether what was asked for has come about: a shutdown in good order takes its time.
    fn is_hit(&self, part: &ClusterPart, kind: FaultKind) -> bool {
        match (part, kind) {
            (ClusterPart::Member(name), FaultKind::Stop) => {
                self.world.find(name).is_none_or(|index| self.world.nodes[index].power == Power::Off)
            }
            (ClusterPart::Member(_) | ClusterPart::Dcs(_) | ClusterPart::Router(_), _) => true,
        }
    }
}

fn done(words: &str) -> Reply {
    Reply::accepted(words)
}

impl SimulatedActor {
    /// The first part of `fault` that is not this cluster's to break.
    fn foreign(&self, fault: &Fault) -> Result<(), NotPerformed> {
        let known = self.ask(breakable);
        let ours = |(part, means): &&(ClusterPart, InjectionMethod)| {
            *means == InjectionMethod::Simulated && known.contains(&(part.clone(), fault.kind))
        };
        match fault.parts.iter().find(|part| !ours(part)) {
            None => Ok(()),
            Some((part, _)) => {
                let words = format!("this simulated cluster has no {part} to {}", fault.kind.as_str());
                Err(NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, part.name(), words)))
            }
        }
    }
}

impl InjectFaults for SimulatedActor {
    fn inject<'a>(&'a mut self, fault: &'a Fault, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            self.permitted(permit)?;
            self.foreign(fault)?;
            self.ask(|world| fault.parts.iter().for_each(|(part, _)| world.hit(part, fault.kind)));
            let began = (self.clock)();
            while !self.ask(|world| fault.parts.iter().all(|(part, _)| world.is_hit(part, fault.kind))) {
                if (self.clock)().since(began) >= UNDO_TIMEOUT {
                    let error = SourceError::timed_out(self.cluster.as_str(), UNDO_TIMEOUT);
                    return Err(NotPerformed::NoAnswer(error));
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Ok(done(match fault.kind {
                FaultKind::Stop => "stopped",
                FaultKind::Kill => "killed",
                FaultKind::Freeze => "frozen",
                FaultKind::Cut => "isolated",
            }))
        }
        .boxed()
    }

    fn repair<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        let repaired = self.foreign(fault).map(|()| {
            self.ask(|world| fault.parts.iter().for_each(|(part, _)| world.lift(part, fault.kind)));
            done(match fault.kind {
                FaultKind::Stop | FaultKind::Kill => "started",
                FaultKind::Freeze => "thawed",
                FaultKind::Cut => "reconnected",
            })
        });
        ready(repaired).boxed()
    }

    fn admit<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.ask(|world| {
            for name in fault.members() {
                if let Some(index) = world.world.find(name) {
                    world.world.nodes[index].shut = false;
                }
            }
        });
        ready(Ok(done("clients are allowed"))).boxed()
    }
}
