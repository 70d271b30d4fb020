//! What an action would do, in one line with the names of whom it is about.

use super::subject;
use crate::action::Intent;
use crate::action::intent::{EndSession, ServerState, Target};
use crate::model::name::NodeName;
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// What `intent` would do to the cluster in `snapshot`.
pub(super) fn saying(intent: &Intent, snapshot: &Snapshot) -> String {
    let cluster = &snapshot.identity.name;
    let with_state = |name: &NodeName| format!("{name} ({})", subject::brief(name, snapshot));
    match intent {
        Intent::Switchover { candidate, .. } => {
            let from = snapshot.leader().map(|leader| format!(" from {}", leader.value)).unwrap_or_default();
            let to = candidate.as_ref().map_or_else(|| "the best candidate".to_owned(), with_state);
            format!("switch over{from} to {to}")
        }
        Intent::CancelSwitchover => format!("cancel the scheduled switchover of {cluster}"),
        Intent::Failover { candidate } => format!("make {} the leader, which {cluster} lacks", with_state(candidate)),
        Intent::Reinitialise { member, .. } => {
            format!("wipe the data of {member} ({}) and re-clone it", subject::role(member, snapshot))
        }
        Intent::Restart { target, only_pending: false, .. } => {
            format!("restart PostgreSQL on {}", of(target, snapshot))
        }
        Intent::Restart { target, only_pending: true, .. } => {
            format!("restart PostgreSQL on {} where a restart is pending", of(target, snapshot))
        }
        Intent::CancelRestart { member } => format!("cancel the scheduled restart of {member}"),
        Intent::Reload { target } => format!("reload the configuration files of {}", of(target, snapshot)),
        Intent::Pause => format!("switch automatic failover of {cluster} off"),
        Intent::Resume => format!("switch automatic failover of {cluster} on again"),
        Intent::Configure { .. } => format!("change keys of the dynamic configuration of {cluster}"),
        Intent::RollingRestart => {
            format!("restart every member of {cluster} with a pending restart: replicas, switchover, old leader")
        }
        Intent::RouterServer { router, backend, server, state } => {
            let what = match state {
                ServerState::Ready => "put {} into service",
                ServerState::Drain => "give {} no new sessions",
                ServerState::Maintenance => "take {} out of service",
            };
            what.replace("{}", &format!("{backend}/{server} of {router}"))
        }
        Intent::Drain { member, .. } => {
            format!("give {member} no new sessions at any router; then restart or re-clone it, or leave it so")
        }
        Intent::Undrain { member } => format!("have the routers give {member} sessions again"),
        Intent::SettleRouters => {
            format!("prove who is the leader of {cluster}, and have every router send writes there")
        }
        Intent::EndSession { member, pid, how, .. } => {
            let what = match how {
                EndSession::Cancel => "cancel the statement of",
                EndSession::Terminate => "terminate",
            };
            format!("{what} session {pid} on {member}{}", whose(member, *pid, snapshot))
        }
        Intent::Undo { action, .. } => format!("take back what {action} has left"),
        Intent::Drill { scenario, .. } => format!("practise on {cluster}: {}", scenario.words()),
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

fn whose(member: &NodeName, pid: u32, snapshot: &Snapshot) -> String {
    let report = snapshot.member(member).and_then(|member| member.sql.as_ref()?.fresh(snapshot.now));
    let session = report.and_then(|report| report.sessions.iter().find(|one| u32::try_from(one.pid) == Ok(pid)));
    let Some(session) = session else { return String::new() };
    let words = [&session.user, &session.application, &session.state].map(Text::as_str);
    let words: Vec<&str> = words.into_iter().filter(|text| !text.is_empty()).collect();
    format!(" ({})", words.join(", "))
}
