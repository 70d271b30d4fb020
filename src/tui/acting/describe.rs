//! What an action would do, in one line with the names of whom it is about.

use super::subject;
use crate::action::Intent;
use crate::action::intent::{ConfigurationIntent, LeadIntent, NodeIntent, PoolerIntent, RouterIntent, SessionIntent};
use crate::action::intent::{EndSession, ServerState, Target};
use crate::model::name::NodeName;
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// What `intent` would do to the cluster in `snapshot`.
pub(super) fn describe_intent(intent: &Intent, snapshot: &Snapshot) -> String {
    let cluster = &snapshot.identity.name;
    let with_state = |name: &NodeName| format!("{name} ({})", subject::brief(name, snapshot));
    match intent {
        Intent::Lead(LeadIntent::Switchover { candidate, .. }) => {
            let from = snapshot.leader().map(|leader| format!(" from {}", leader.value)).unwrap_or_default();
            let to = candidate.as_ref().map_or_else(|| "the best candidate".to_owned(), with_state);
            format!("switch over{from} to {to}")
        }
        Intent::Lead(LeadIntent::CancelSwitchover) => format!("cancel the scheduled switchover of {cluster}"),
        Intent::Lead(LeadIntent::Failover { candidate }) => {
            format!("fail over {cluster} to {}", with_state(candidate))
        }
        Intent::Node(NodeIntent::Reinit { member, .. }) => {
            format!("wipe the data of {member} ({}) and re-clone it", subject::role(member, snapshot))
        }
        Intent::Node(NodeIntent::Restart { target, only_pending: false, .. }) => {
            format!("restart PostgreSQL on {}", of(target, snapshot))
        }
        Intent::Node(NodeIntent::Restart { target, only_pending: true, .. }) => {
            format!("restart PostgreSQL on {} if a restart is pending", of(target, snapshot))
        }
        Intent::Node(NodeIntent::CancelRestart { member }) => format!("cancel the scheduled restart of {member}"),
        Intent::Node(NodeIntent::Reload { target }) => {
            format!("reload the configuration files of {}", of(target, snapshot))
        }
        Intent::Lead(LeadIntent::Pause) => format!("maintenance mode on for {cluster}: no automatic failover"),
        Intent::Lead(LeadIntent::Resume) => format!("maintenance mode off for {cluster}: automatic failover again"),
        Intent::Configuration(ConfigurationIntent::Configure { .. }) => {
            format!("change keys of the dynamic configuration of {cluster}")
        }
        Intent::Node(NodeIntent::RollingRestart) => {
            format!("restart every member of {cluster} with a pending restart: replicas, switchover, old leader")
        }
        Intent::Router(RouterIntent::Server { router, backend, server, state }) => {
            let what = match state {
                ServerState::Ready => "set {} to READY",
                ServerState::Drain => "set {} to DRAIN",
                ServerState::Maintenance => "set {} to MAINT",
            };
            what.replace("{}", &format!("{backend}/{server} of {router}"))
        }
        Intent::Router(RouterIntent::Drain { member, .. }) => {
            format!("drain {member} at all routers; then restart or reinit it, or leave it drained")
        }
        Intent::Router(RouterIntent::Undrain { member }) => format!("undrain {member} at all routers"),
        Intent::Router(RouterIntent::Settle) => {
            format!("verify the leader of {cluster} and route writes of every router to it")
        }
        Intent::Pooler(intent) => {
            let scope = intent.describe_scope();
            match intent {
                PoolerIntent::Pause { .. } => format!("pause {scope}: clients wait until it is resumed"),
                PoolerIntent::Resume { .. } => format!("resume {scope}, also if another user has paused it"),
                PoolerIntent::Reconnect { .. } => {
                    format!("reconnect {scope} to its servers as clients let go of them")
                }
                PoolerIntent::Kill { .. } => format!("drop all clients of {scope}; it stays paused"),
            }
        }
        Intent::Session(SessionIntent::End { member, pid, how, .. }) => {
            let what = match how {
                EndSession::Cancel => "cancel the statement of",
                EndSession::Terminate => "terminate",
            };
            format!("{what} session {pid} on {member}{}", server_owner(member, *pid, snapshot))
        }
        Intent::Undo { action, .. } => format!("undo what {action} left behind"),
        Intent::Drill { scenario, .. } => format!("drill on {cluster}: {}", scenario.describe()),
    }
}

fn of(target: &Target, snapshot: &Snapshot) -> String {
    match target {
        Target::Member(member) => format!("{member} ({})", subject::role(member, snapshot)),
        Target::Role(Role::Leader) => "the leader".to_owned(),
        Target::Role(role) => format!("every {role}"),
        Target::All => "every member".to_owned(),
    }
}

fn server_owner(member: &NodeName, pid: u32, snapshot: &Snapshot) -> String {
    let report = snapshot.member(member).and_then(|member| member.sql.as_ref()?.fresh(snapshot.now));
    let session = report.and_then(|report| report.sessions.iter().find(|one| u32::try_from(one.pid) == Ok(pid)));
    let Some(session) = session else { return String::new() };
    let words = [&session.user, &session.application, &session.state].map(Text::as_str);
    let words: Vec<&str> = words.into_iter().filter(|text| !text.is_empty()).collect();
    format!(" ({})", words.join(", "))
}
