//! Restarts, reloads, and whatever else is asked of agents one by one.

use super::super::note::Note;
use super::super::order::AgentRequest;
use super::super::parameters::{Direction, guarded};
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use super::{leader, standbys};
use crate::model::name::NodeName;
use crate::model::role::MemberState;
use crate::model::view::MemberView;

pub(super) fn examine(scene: &Scene<'_>, only_pending: bool, scheduled: bool, notes: &mut Vec<Note>) {
    let members = scene.asked(|request| matches!(request, AgentRequest::Restart { .. }));
    // A leader that alone waits is restarted by the handover of a rolling restart.
    let hands_over = !scene.asked(|request| matches!(request, AgentRequest::Switchover { .. })).is_empty();
    if members.is_empty() && !hands_over {
        notes.push(block("targets", "the plan restarts nobody"));
    }
    if scheduled {
        notes.push(match fresh(scene.snapshot.paused()) {
            Some(paused) if paused.value => {
                block("pause", "maintenance mode is on: Patroni schedules nothing in it").by(&paused)
            }
            Some(paused) => pass("pause", "maintenance mode is off").by(&paused),
            None => block("pause", "whether maintenance mode is on is unknown").overridable(),
        });
    }
    let mut of_leader = false;
    for name in &members {
        let Some(view) = scene.view(name) else {
            notes.push(block("target-known", format!("there is no member {name}")).about(name));
            continue;
        };
        let from = notes.len();
        answers(scene, view, notes);
        state(view, notes);
        pending(view, only_pending, notes);
        in_order(scene, view, &members, notes);
        appointment(scene, view, scheduled, notes);
        standbys::somebody_left(scene, name, notes);
        // A leader that was stopped is only started: nothing that runs is taken from anybody.
        let runs = fresh(view.state()).is_none_or(|state| state.value.is_up());
        if standbys::leads(scene, view) && !runs && scene.leader_view().is_none() {
            let text =
                format!("nobody holds the leader key: {name} is started, and leads again unless another took over");
            notes.push(warn("target-leads", text));
        } else if standbys::leads(scene, view) {
            of_leader = true;
            let text = format!("{name} leads: every session of it is cut, and nobody writes until it is back");
            notes.push(warn("target-leads", text));
        } else if standbys::commits_stop_without(scene, name) {
            let text = format!("{name} is the only synchronous standby, in strict mode: commits wait until it is back");
            notes.push(warn("target-not-synchronous", text));
        }
        for note in notes.iter_mut().skip(from) {
            note.member = Some(name.clone());
        }
    }
    if of_leader {
        leader::restarted(scene, notes);
    }
}

/// Every agent that the plan asks must answer, under its own name.
pub(super) fn agents(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    for name in scene.asked(|_| true) {
        match scene.view(&name) {
            Some(view) => answers(scene, view, notes),
            None => notes.push(block("target-known", format!("there is no member {name}")).about(&name)),
        }
    }
}

fn answers(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-answers";
    let name = view.name();
    let agent = view.member.agent.as_ref();
    let note = match agent.and_then(|agent| fresh(agent.fact(scene.snapshot.now, |report| Some(report.name.clone())))) {
        Some(fact) if fact.value.as_ref().is_some_and(|own| own != name) => {
            let own = fact.value.clone().unwrap_or_default();
            block(CHECK, format!("the address of {name} leads to the agent of {own}")).by(&fact)
        }
        Some(fact) => pass(CHECK, format!("the agent of {name} answers")).by(&fact),
        None => block(CHECK, format!("the agent of {name} does not answer")).overridable(),
    };
    notes.push(note.about(name));
}

fn state(view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-free";
    let name = view.name();
    notes.push(match fresh(view.state()) {
        Some(state) => match &state.value {
            MemberState::CreatingReplica
            | MemberState::Bootstrapping
            | MemberState::Restarting
            | MemberState::Starting
            | MemberState::Stopping => {
                block(CHECK, format!("{name} is {}: Patroni is at work on it", state.value)).by(&state)
            }
            MemberState::Running | MemberState::Streaming | MemberState::InArchiveRecovery => {
                pass(CHECK, format!("{name} is {}", state.value)).by(&state)
            }
            MemberState::Stopped | MemberState::Crashed | MemberState::Failed(_) | MemberState::Unknown(_) => {
                warn(CHECK, format!("{name} is {}: the restart starts it", state.value)).by(&state)
            }
        },
        None => unknown(CHECK, format!("what {name} is doing is unknown")),
    });
}

fn pending(view: MemberView<'_>, only_pending: bool, notes: &mut Vec<Note>) {
    const CHECK: &str = "pending-restart";
    let name = view.name();
    notes.push(match fresh(view.pending_restart()) {
        Some(pending) if pending.value => {
            let settings: Vec<String> = view.pending_settings().iter().map(ToString::to_string).collect();
            pass(CHECK, format!("{name} waits for a restart: {}", settings.join(", "))).by(&pending)
        }
        Some(pending) if only_pending => {
            warn(CHECK, format!("{name} waits for no restart: Patroni will refuse")).by(&pending)
        }
        Some(pending) => pass(CHECK, format!("{name} waits for no restart")).by(&pending),
        None => unknown(CHECK, format!("whether {name} waits for a restart is unknown")),
    });
}

/// A standby may have no less than its primary of some settings, so that the order of restarts decides what comes of them.
fn in_order(scene: &Scene<'_>, view: MemberView<'_>, members: &[NodeName], notes: &mut Vec<Note>) {
    const CHECK: &str = "pending-restart-order";
    let name = view.name();
    let leads = standbys::leads(scene, view);
    for setting in guarded(scene.snapshot, view) {
        let words = setting.words();
        match setting.direction() {
            Direction::Falls if !leads => {
                let leader = scene.leader_view();
                let first = leader
                    .filter(|leader| guarded(scene.snapshot, *leader).iter().any(|other| other.name == setting.name));
                // The plan that restarts the leader before it does right.
                let comes_first = |leader: &MemberView<'_>| {
                    let place = |name: &NodeName| members.iter().position(|member| member == name);
                    matches!((place(leader.name()), place(name)), (Some(leader), Some(own)) if leader < own)
                };
                if let Some(leader) = first.filter(|leader| !comes_first(leader)) {
                    let text =
                        format!("{words} on {name}: it stays pending until the leader {} is restarted", leader.name());
                    notes.push(warn(CHECK, text));
                }
            }
            Direction::Rises if leads => {
                let waiting: Vec<&str> = scene
                    .snapshot
                    .views()
                    .filter(|other| other.name() != name && !members.contains(other.name()))
                    .filter(|other| guarded(scene.snapshot, *other).iter().any(|one| one.name == setting.name))
                    .map(|other| other.name().as_str())
                    .collect();
                if !waiting.is_empty() {
                    let text = format!(
                        "{words} on the leader {name} before {}: they stop replaying until they are restarted; restart them first",
                        waiting.join(", ")
                    );
                    notes.push(warn(CHECK, text));
                }
            }
            Direction::Falls | Direction::Rises => {}
        }
    }
}

fn appointment(scene: &Scene<'_>, view: MemberView<'_>, scheduled: bool, notes: &mut Vec<Note>) {
    const CHECK: &str = "no-scheduled-restart";
    let name = view.name();
    let agent = view.member.agent.as_ref();
    let known = agent.and_then(|agent| fresh(agent.fact(scene.snapshot.now, |r| Some(r.scheduled_restart.clone()))));
    notes.push(match known {
        None => unknown(CHECK, format!("whether a restart of {name} is scheduled is unknown")),
        Some(fact) => match &fact.value {
            None => pass(CHECK, format!("no restart of {name} is scheduled")).by(&fact),
            Some(other) if scheduled => {
                block(CHECK, format!("a restart of {name} is scheduled already, for {}", other.at)).by(&fact)
            }
            Some(other) => warn(CHECK, format!("a restart of {name} is scheduled too, for {}", other.at)).by(&fact),
        },
    });
}

/// There must be something to cancel.
pub(super) fn cancel(scene: &Scene<'_>, name: &NodeName, notes: &mut Vec<Note>) {
    const CHECK: &str = "scheduled-restart";
    let Some(view) = scene.view(name) else {
        notes.push(block("target-known", format!("there is no member {name}")).about(name));
        return;
    };
    answers(scene, view, notes);
    let agent = view.member.agent.as_ref();
    let known = agent.and_then(|agent| fresh(agent.fact(scene.snapshot.now, |r| Some(r.scheduled_restart.clone()))));
    let note = match known {
        None => block(CHECK, format!("whether a restart of {name} is scheduled is unknown")).overridable(),
        Some(fact) => match &fact.value {
            Some(restart) => pass(CHECK, format!("a restart of {name} is scheduled for {}", restart.at)).by(&fact),
            None => block(CHECK, format!("no restart of {name} is scheduled")).by(&fact),
        },
    };
    notes.push(note.about(name));
}
