//! Breaking a simulated cluster for a drill, and mending what was broken.

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use super::{LOOK, SimulatedActor, UNDOING};
use crate::action::drill::{Fault, FaultKind, Means, Part};
use crate::action::permit::Permit;
use crate::driver::ha::sim::Fault as Blow;
use crate::driver::ha::sim::cluster::ROUTER;
use crate::driver::ha::sim::world::World;
use crate::driver::ha::sim::world::etcd::Seat;
use crate::driver::ha::sim::world::node::Power;
use crate::driver::port::drill::Break;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::name::RouterName;
use crate::model::source::{SourceError, Trouble};

/// Every part of the world that can be broken, and in which ways.
pub(in crate::driver::ha::sim) fn breakable(world: &World) -> Vec<(Part, FaultKind)> {
    use FaultKind::{Cut, Freeze, Kill, Stop};
    let members = world.nodes.iter().map(|node| (Part::Member(node.name.clone()), vec![Stop, Kill, Freeze, Cut]));
    let store = world.etcd.members.iter().map(|member| (Part::Dcs(member.name.clone()), vec![Stop, Kill, Freeze, Cut]));
    let router = (Part::Router(RouterName::new(ROUTER)), vec![Stop, Kill]);
    let each = members.chain(store).chain([router]);
    each.flat_map(|(part, kinds)| kinds.into_iter().map(move |kind| (part.clone(), kind))).collect()
}

impl World {
    fn hit(&mut self, part: &Part, kind: FaultKind) {
        let blow = match (part, kind) {
            (Part::Member(name), FaultKind::Stop) => Blow::StopNode(name.clone()),
            (Part::Member(name), FaultKind::Kill) => Blow::KillNode(name.clone()),
            (Part::Member(name), FaultKind::Freeze) => Blow::FreezeNode(name.clone()),
            (Part::Member(name), FaultKind::Cut) => Blow::CutNode(name.clone()),
            (Part::Dcs(name), FaultKind::Stop | FaultKind::Kill) => Blow::DropDcsMember(name.clone()),
            (Part::Dcs(name), FaultKind::Freeze) => Blow::FreezeDcsMember(name.clone()),
            (Part::Dcs(name), FaultKind::Cut) => Blow::IsolateDcsMember(name.clone()),
            (Part::Router(_), _) => Blow::RouterDown,
        };
        self.strike(blow);
    }

    /// Brings a part back. Whoever may take itself for a leader is kept from its clients.
    fn lift(&mut self, part: &Part, kind: FaultKind) {
        match part {
            Part::Member(name) => {
                if let Some(index) = self.find(name) {
                    self.nodes[index].shut |= kind.may_revive_a_leader();
                    self.bring_back(index);
                }
            }
            Part::Dcs(name) => {
                if let Some(member) = self.etcd.find(name.as_str()) {
                    member.seat = Seat::Up;
                }
            }
            Part::Router(_) => {
                if !self.router.up {
                    self.router.restart(self.clock.now());
                }
            }
        }
    }

    /// Whether what was asked for has come about: a shutdown in good order takes its time.
    fn is_hit(&self, part: &Part, kind: FaultKind) -> bool {
        match (part, kind) {
            (Part::Member(name), FaultKind::Stop) => {
                self.find(name).is_none_or(|index| self.nodes[index].power == Power::Off)
            }
            (Part::Member(_) | Part::Dcs(_) | Part::Router(_), _) => true,
        }
    }
}

fn done(words: &str) -> Reply {
    Reply::accepted(words)
}

impl SimulatedActor {
    /// The first part of `fault` that is not this cluster's to break.
    fn stranger(&self, fault: &Fault) -> Result<(), NotPerformed> {
        let known = self.ask(|world| breakable(world));
        let ours =
            |(part, means): &&(Part, Means)| *means == Means::Simulated && known.contains(&(part.clone(), fault.kind));
        match fault.parts.iter().find(|part| !ours(part)) {
            None => Ok(()),
            Some((part, _)) => {
                let words = format!("this simulated cluster has no {part} that one could {}", fault.kind.word());
                Err(NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, part.name(), words)))
            }
        }
    }
}

impl Break for SimulatedActor {
    fn make<'a>(&'a mut self, fault: &'a Fault, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            self.permitted(permit)?;
            self.stranger(fault)?;
            self.ask(|world| fault.parts.iter().for_each(|(part, _)| world.hit(part, fault.kind)));
            let began = (self.clock)();
            while !self.ask(|world| fault.parts.iter().all(|(part, _)| world.is_hit(part, fault.kind))) {
                if (self.clock)().since(began) >= UNDOING {
                    let error = SourceError::timed_out(self.cluster.as_str(), UNDOING);
                    return Err(NotPerformed::NoAnswer(error));
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(done(match fault.kind {
                FaultKind::Stop => "stopped",
                FaultKind::Kill => "killed",
                FaultKind::Freeze => "frozen",
                FaultKind::Cut => "cut off",
            }))
        }
        .boxed()
    }

    fn mend<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        let mended = self.stranger(fault).map(|()| {
            self.ask(|world| fault.parts.iter().for_each(|(part, _)| world.lift(part, fault.kind)));
            done(match fault.kind {
                FaultKind::Stop | FaultKind::Kill => "started",
                FaultKind::Freeze => "thawed",
                FaultKind::Cut => "reconnected",
            })
        });
        ready(mended).boxed()
    }

    fn admit<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.ask(|world| {
            for name in fault.members() {
                if let Some(index) = world.find(name) {
                    world.nodes[index].shut = false;
                }
            }
        });
        ready(Ok(done("clients are let in"))).boxed()
    }
}
