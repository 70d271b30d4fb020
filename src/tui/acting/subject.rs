//! What an action is about, in one line: from whom to whom.

use crate::action::Intent;
use crate::action::intent::{LeadIntent, NodeIntent};
use crate::action::plan::Plan;
use crate::model::lag::Lag;
use crate::model::name::NodeName;
use crate::model::role::SyncState;
use crate::model::snapshot::Snapshot;
use crate::model::units;
use crate::report::line::Line;
use crate::report::table::Tone;

/// Where an intent leads from one member to another: both, with what counts of them.
pub(super) fn subject(intent: &Intent, snapshot: &Snapshot) -> Option<Line> {
    let (from, to) = match intent {
        Intent::Lead(LeadIntent::Switchover { candidate, .. }) => {
            (snapshot.leader().map(|leader| leader.value), candidate.as_ref())
        }
        Intent::Lead(LeadIntent::Failover { candidate }) => (None, Some(candidate)),
        Intent::Node(NodeIntent::Reinit { member, .. }) => return Some(one(member, snapshot)),
        Intent::Drill { .. } => return snapshot.leader().map(|leader| one(&leader.value, snapshot)),
        _ => return None,
    };
    let mut line = match from {
        Some(leader) => one(&leader, snapshot),
        None => Line::new().with("no leader", Tone::Strong),
    };
    line.push("   ──▶   ", Tone::Dim);
    match to {
        Some(candidate) => line.append(one(candidate, snapshot)),
        None => line.push("best candidate, chosen by Patroni", Tone::Plain),
    }
    Some(line)
}

/// The same while it is under way: from whom it began, by the plan, whoever leads meanwhile.
pub(super) fn under_way(plan: &Plan, snapshot: &Snapshot) -> Option<Line> {
    let Intent::Lead(LeadIntent::Switchover { candidate: Some(candidate), at: None, .. }) = &plan.intent else {
        return subject(&plan.intent, snapshot);
    };
    let from = plan.generation.leader.as_ref().map_or_else(String::new, ToString::to_string);
    let line = Line::new().with(from, Tone::Strong).dim("   ──▶   ");
    Some(line.with(candidate.as_str(), Tone::Strong))
}

/// A member with its role, its timeline where it leads, and how far it is behind where it follows.
pub(super) fn one(name: &NodeName, snapshot: &Snapshot) -> Line {
    let line = Line::new().with(name.as_str(), Tone::Strong);
    match snapshot.member(name) {
        Some(_) => line.plain(format!(" {}", describe(name, snapshot))),
        None => line.with(" is not a member", Tone::Critical),
    }
}

/// The same without its name.
pub(super) fn describe(name: &NodeName, snapshot: &Snapshot) -> String {
    let Some(member) = snapshot.member(name) else { return "is not a member".to_owned() };
    let view = snapshot.view(member);
    let role = view.role().filter(|role| role.fresh);
    let Some(role) = role else { return "role unknown".to_owned() };
    if role.value.is_writable() {
        let timeline = view.timeline().filter(|timeline| timeline.fresh);
        let timeline = timeline.map(|timeline| format!(", timeline {}", timeline.value)).unwrap_or_default();
        return format!("leader{timeline}");
    }
    let sync = match view.sync().filter(|sync| sync.fresh).map(|sync| sync.value) {
        Some(SyncState::Sync) => "sync ",
        Some(SyncState::Quorum) => "quorum ",
        Some(SyncState::Potential | SyncState::Async) | None => "",
    };
    format!("{sync}standby, {}", behind(&view.lag()))
}

/// The same in a list, where several stand below each other: `sync, 94 kB behind`.
pub(super) fn brief(name: &NodeName, snapshot: &Snapshot) -> String {
    let view = snapshot.member(name).map(|member| snapshot.view(member));
    let sync = view.as_ref().and_then(|view| view.sync().filter(|sync| sync.fresh)).map(|sync| sync.value);
    let sync = match sync {
        Some(SyncState::Sync) => "sync",
        Some(SyncState::Quorum) => "quorum",
        Some(SyncState::Potential | SyncState::Async) => "async",
        None => return describe(name, snapshot),
    };
    let bytes = view.and_then(|view| view.lag().bytes.filter(|bytes| bytes.fresh));
    match bytes {
        Some(bytes) => format!("{sync}, lag {}", units::bytes(bytes.value)),
        None => format!("{sync}, lag unknown"),
    }
}

/// Its role alone.
pub(super) fn role(name: &NodeName, snapshot: &Snapshot) -> String {
    let words = describe(name, snapshot);
    words.split(',').next().unwrap_or_default().to_owned()
}

fn behind(lag: &Lag) -> String {
    let bytes = lag.bytes.as_ref().filter(|bytes| bytes.fresh).map(|bytes| units::bytes(bytes.value));
    let time = lag.time.as_ref().filter(|time| time.fresh).map(|time| units::latency(time.value));
    match (bytes, time) {
        (Some(bytes), Some(time)) => format!("lag {bytes} / {time}"),
        (Some(bytes), None) => format!("lag {bytes}"),
        (None, Some(time)) => format!("lag {time}"),
        (None, None) => "lag unknown".to_owned(),
    }
}
