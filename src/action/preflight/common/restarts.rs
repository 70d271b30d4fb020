//! Restarts: what each member is doing, what waits for its restart, in which order, and who is left meanwhile.

use super::{leader, standbys};
use crate::action::effect::Effect;
use crate::action::intent::{Intent, NodeIntent};
use crate::action::note::CheckNote;
use crate::action::parameters::{Direction, guarded};
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::name::NodeName;
use crate::model::role::MemberState;
use crate::model::view::MemberView;

/// Every member that the plan restarts.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let only_pending = match context.intent() {
        Some(Intent::Node(NodeIntent::Restart { only_pending, .. })) => *only_pending,
        Some(Intent::Node(NodeIntent::RollingRestart)) => true,
        _ => false,
    };
    let members = context.restarted();
    // A leader that alone waits is restarted by the handover of a rolling restart.
    let has_handover = context.has_effect(|effect| matches!(effect, Effect::Handover { .. }));
    if members.is_empty() && !has_handover {
        notes.push(block("targets", "the plan restarts no member"));
    }
    let mut of_leader = false;
    for name in &members {
        let Some(view) = context.view(name) else {
            notes.push(block("target-known", format!("there is no member {name}")).about(name));
            continue;
        };
        let from = notes.len();
        state(view, notes);
        pending(view, only_pending, notes);
        in_order(context, view, &members, notes);
        standbys::somebody_left(context, name, notes);
        // A leader that was stopped is only started: nothing that runs is taken from anybody.
        let runs = fresh(view.state()).is_none_or(|state| state.value.is_up());
        if standbys::leads(context, view) && !runs && context.leader_view().is_none() {
            let text = format!(
                "no member holds the leader key: {name} is started, and becomes the leader again unless another member is promoted"
            );
            notes.push(warn("target-leads", text));
        } else if standbys::leads(context, view) {
            of_leader = true;
            let text =
                format!("{name} is the leader: all its sessions are terminated, and writes fail until it is back");
            notes.push(warn("target-leads", text));
        } else if standbys::commits_stop_without(context, name) {
            let text = format!("{name} is the only synchronous standby in strict mode: commits hang until it is back");
            notes.push(warn("target-not-synchronous", text));
        }
        for note in notes.iter_mut().skip(from) {
            note.member = Some(name.clone());
        }
    }
    if of_leader {
        leader::restarted(context, notes);
    }
}

fn state(view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "target-free";
    let name = view.name();
    notes.push(match fresh(view.state()) {
        Some(state) => match &state.value {
            MemberState::CreatingReplica
            | MemberState::Bootstrapping
            | MemberState::Restarting
            | MemberState::Starting
            | MemberState::Stopping => {
                block(CHECK, format!("{name} is {}: wait until that is done", state.value)).by(&state)
            }
            MemberState::Running | MemberState::Streaming | MemberState::InArchiveRecovery => {
                pass(CHECK, format!("{name} is {}", state.value)).by(&state)
            }
            MemberState::Stopped | MemberState::Crashed | MemberState::Failed(_) | MemberState::Unknown(_) => {
                warn(CHECK, format!("{name} is {}: the restart starts it", state.value)).by(&state)
            }
        },
        None => unknown(CHECK, format!("the state of {name} is unknown")),
    });
}

fn pending(view: MemberView<'_>, only_pending: bool, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "pending-restart";
    let name = view.name();
    notes.push(match fresh(view.pending_restart()) {
        Some(pending) if pending.value => {
            let settings: Vec<String> = view.pending_settings().iter().map(ToString::to_string).collect();
            pass(CHECK, format!("{name} is pending restart: {}", settings.join(", "))).by(&pending)
        }
        Some(pending) if only_pending => {
            warn(CHECK, format!("{name} is not pending restart: the request will be rejected")).by(&pending)
        }
        Some(pending) => pass(CHECK, format!("{name} is not pending restart")).by(&pending),
        None => unknown(CHECK, format!("unknown whether {name} is pending restart")),
    });
}

/// A standby may have no less than its primary of some settings, so that the order of restarts decides what comes of them.
fn in_order(context: &CheckContext<'_>, view: MemberView<'_>, members: &[NodeName], notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "pending-restart-order";
    let name = view.name();
    let leads = standbys::leads(context, view);
    for setting in guarded(context.snapshot, view) {
        let words = setting.describe();
        match setting.direction() {
            Direction::Falls if !leads => {
                let leader = context.leader_view();
                let first = leader
                    .filter(|leader| guarded(context.snapshot, *leader).iter().any(|other| other.name == setting.name));
                // The plan that restarts the leader before it does right.
                let comes_first = |leader: &MemberView<'_>| {
                    let place = |name: &NodeName| members.iter().position(|member| member == name);
                    matches!((place(leader.name()), place(name)), (Some(leader), Some(own)) if leader < own)
                };
                if let Some(leader) = first.filter(|leader| !comes_first(leader)) {
                    let text =
                        format!("{words} on {name}: stays pending until the leader {} is restarted", leader.name());
                    notes.push(warn(CHECK, text));
                }
            }
            Direction::Rises if leads => {
                let waiting: Vec<&str> = context
                    .snapshot
                    .views()
                    .filter(|other| other.name() != name && !members.contains(other.name()))
                    .filter(|other| guarded(context.snapshot, *other).iter().any(|one| one.name == setting.name))
                    .map(|other| other.name().as_str())
                    .collect();
                if !waiting.is_empty() {
                    let text = format!(
                        "{words} on the leader {name} before {}: those pause replay until they are restarted; restart them first",
                        waiting.join(", ")
                    );
                    notes.push(warn(CHECK, text));
                }
            }
            Direction::Falls | Direction::Rises => {}
        }
    }
}
