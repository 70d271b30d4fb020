//! What must hold before an action, and what does: every check, never only the first, and each with who said so.
//!
//! An old answer counts as none. What is unknown is said to be unknown, and blocks where safety hangs on it.

mod archive;
mod candidate;
mod candidate_data;
mod candidate_stream;
mod cluster;
mod configure;
mod dcs;
mod drill;
mod handover;
mod identity;
mod leader;
mod parameter_effects;
mod parameters;
mod restart;
mod router;
mod scene;
mod session;
mod standbys;
mod swift;
mod undo;
mod walsenders;

#[cfg(test)]
mod router_tests;
#[cfg(test)]
mod split_tests;
#[cfg(test)]
mod tests;

use super::drill::{Scenario, Survey};
use super::intent::{AfterDrain, Intent};
use super::note::{Note, Verdict};
use super::plan::Plan;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
pub use handover::kept_from_handover;
use scene::{Purpose, Scene};

/// A member that could lead, and what speaks for and against it.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// Member.
    pub member: NodeName,
    /// Every check on it.
    pub notes: Vec<Note>,
}

impl Candidate {
    /// Whether nothing blocks it.
    pub fn is_eligible(&self) -> bool {
        self.eligibility() == Eligibility::Fit
    }

    /// Whether it may be chosen, as far as anybody here knows.
    pub fn eligibility(&self) -> Eligibility {
        let mut blocks = self.notes.iter().filter(|note| note.verdict == Verdict::Block).peekable();
        if blocks.peek().is_none() {
            Eligibility::Fit
        } else if blocks.all(Note::lacks_knowledge) {
            Eligibility::Unknown
        } else {
            Eligibility::Unfit
        }
    }
}

/// Whether a member may be chosen to lead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Eligibility {
    /// Nothing blocks it.
    Fit,
    /// Nothing that is known blocks it, and not all is known: such as of a node that the record alone tells of.
    Unknown,
    /// Something that is known blocks it.
    Unfit,
}

/// Every check that `plan` needs, in a stable order.
pub fn examine(snapshot: &Snapshot, plan: &Plan) -> Vec<Note> {
    let scene = Scene::of(snapshot, plan);
    let mut notes = Vec::new();
    cluster::writable(&scene, &mut notes);
    // What was made must be unmade, wherever it was made.
    if !matches!(plan.intent, Intent::Undo { .. }) {
        identity::examine(&scene, &mut notes);
    }
    match &plan.intent {
        Intent::Switchover { at, .. } => {
            cluster::examine(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::no_order(&scene, &mut notes);
            cluster::pause_of_switchover(&scene, at.is_some(), &mut notes);
            match scene.candidate() {
                Some(name) => candidate::examine(&scene, &name, Purpose::Switchover, &mut notes),
                None => candidate::any(&scene, candidate::Choice::Open, &mut notes),
            }
            leader::examine(&scene, &mut notes);
            router::sees(&scene, scene.candidate().as_ref(), &mut notes);
            swift::examine(&scene, plan, scene.candidate().as_ref(), &mut notes);
            standbys::that_stay(&scene, &mut notes);
        }
        Intent::Failover { candidate: name } => {
            cluster::record(&scene, &mut notes);
            cluster::primaries(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::leader_is_gone(&scene, &mut notes);
            cluster::no_order(&scene, &mut notes);
            candidate::examine(&scene, name, Purpose::Failover, &mut notes);
            candidate::nobody_ahead(&scene, name, &mut notes);
            archive::of_lost(&scene, &mut notes);
            router::sees(&scene, Some(name), &mut notes);
        }
        Intent::Reinitialise { member, again, .. } => {
            cluster::examine(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            standbys::reinitialise(&scene, member, *again, &mut notes);
            leader::connections(&scene, &mut notes);
            leader::base_backup(&scene, &mut notes);
        }
        Intent::Restart { only_pending, at, .. } => {
            cluster::record(&scene, &mut notes);
            cluster::primaries(&scene, &mut notes);
            restart::examine(&scene, *only_pending, at.is_some(), &mut notes);
        }
        Intent::CancelRestart { member } => restart::cancel(&scene, member, &mut notes),
        Intent::Reload { .. } => restart::agents(&scene, &mut notes),
        Intent::RollingRestart => {
            cluster::examine(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::no_order(&scene, &mut notes);
            restart::examine(&scene, true, false, &mut notes);
            if let Some(name) = scene.candidate() {
                cluster::pause_of_switchover(&scene, false, &mut notes);
                candidate::examine(&scene, &name, Purpose::Switchover, &mut notes);
                leader::examine(&scene, &mut notes);
                swift::examine(&scene, plan, Some(&name), &mut notes);
            }
            router::sees(&scene, scene.candidate().as_ref(), &mut notes);
        }
        Intent::CancelSwitchover => {
            cluster::record(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::an_order(&scene, &mut notes);
        }
        Intent::Pause | Intent::Resume => {
            cluster::record(&scene, &mut notes);
            cluster::primaries(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::pause_changes(&scene, plan.intent == Intent::Pause, &mut notes);
            restart::agents(&scene, &mut notes);
        }
        Intent::Configure { changes } => {
            cluster::record(&scene, &mut notes);
            cluster::primaries(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            configure::examine(&scene, changes, &mut notes);
            parameters::examine(&scene, changes, &mut notes);
        }
        Intent::RouterServer { router, backend, server, state } => {
            router::server(&scene, router, backend, server, *state, &mut notes);
        }
        Intent::Drain { member, then, .. } => {
            match then {
                AfterDrain::Leave => {}
                AfterDrain::Restart => {
                    cluster::record(&scene, &mut notes);
                    cluster::primaries(&scene, &mut notes);
                    restart::examine(&scene, false, false, &mut notes);
                }
                AfterDrain::Reinitialise => {
                    cluster::examine(&scene, &mut notes);
                    dcs::examine(&scene, &mut notes);
                    standbys::reinitialise(&scene, member, false, &mut notes);
                    leader::connections(&scene, &mut notes);
                    leader::base_backup(&scene, &mut notes);
                }
            }
            router::drained(&scene, &mut notes);
        }
        Intent::Undrain { .. } => router::undrained(&scene, &mut notes),
        Intent::SettleRouters => {
            cluster::examine(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::no_order_under_way(&scene, &mut notes);
            router::sees(&scene, None, &mut notes);
        }
        Intent::Drill { scenario, .. } => {
            cluster::examine(&scene, &mut notes);
            dcs::examine(&scene, &mut notes);
            cluster::no_order(&scene, &mut notes);
            if *scenario == Scenario::Switchover || scenario.takes_leader() {
                candidate::any(&scene, candidate::Choice::Patroni, &mut notes);
            }
            leader::examine(&scene, &mut notes);
            router::sees(&scene, None, &mut notes);
            drill::examine(&scene, *scenario, &mut notes);
        }
        Intent::EndSession { member, pid, started, how } => {
            session::examine(&scene, member, *pid, *started, *how, &mut notes);
        }
        Intent::Undo { owed, .. } => undo::examine(&scene, owed, &mut notes),
    }
    router::can_be_told(&scene, &mut notes);
    notes
}

/// What was asked besides the picture says of a drill.
pub fn surveyed(survey: &Survey, scenario: Scenario) -> Vec<Note> {
    let mut notes = Vec::new();
    drill::surveyed(survey, scenario, &mut notes);
    notes
}

/// Every member that could lead instead of the present leader, best first: those that nothing blocks before the others,
/// then synchronous ones, then those that the least speaks against, then by lag and name.
pub fn candidates(snapshot: &Snapshot) -> Vec<Candidate> {
    candidate::ranked(snapshot)
}
