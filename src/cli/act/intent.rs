//! From what was typed to what is wanted.

use jiff::Timestamp;

use super::args::{ActVerb, EndArg, RoleArg, Scheduled, StateArg, TargetArgs, ThenArg};
use super::wanted::Wanted;
use crate::action::Intent;
use crate::action::intent::{AfterDrain, CopySource, EndSession, ServerState, Target};
pub use crate::action::typed::Misunderstood;
use crate::action::typed::{changes, moment};
use crate::config::duration;
use crate::model::name::{NodeName, RouterName};
use crate::model::role::Role;
use crate::model::text::Text;

/// What `verb` wants. `now` is the wall clock, for times such as `+10m`; `routers` are those configured.
///
/// # Errors
/// What was typed makes no sense.
pub fn intent(verb: &ActVerb, now: Timestamp, routers: &[RouterName]) -> Result<Wanted, Misunderstood> {
    let ActVerb::Session { how, node, pid, started, .. } = verb else {
        return whole(verb, now, routers).map(Wanted::Whole);
    };
    let started = started.as_deref().map(|text| {
        let zone = "a time needs its zone, such as 2026-11-21T03:00:00.123456+01:00";
        text.parse().map_err(|_| Misunderstood(format!("--started {text}: {zone}")))
    });
    let how = match how {
        EndArg::Cancel => EndSession::Cancel,
        EndArg::Terminate => EndSession::Terminate,
    };
    Ok(Wanted::Session { member: NodeName::new(node), pid: *pid, started: started.transpose()?, how })
}

/// The intent of a verb that says everything by itself.
fn whole(verb: &ActVerb, now: Timestamp, routers: &[RouterName]) -> Result<Intent, Misunderstood> {
    let told = |error: Misunderstood| Misunderstood(format!("--at {error}"));
    let time = |text: &Option<String>| text.as_deref().map(|text| moment(text, now).map_err(told)).transpose();
    Ok(match verb {
        ActVerb::Switchover { candidate, at, no_swift, .. } => {
            let candidate = candidate.as_ref().map(NodeName::new);
            Intent::Switchover { candidate, at: time(at)?, swift: !no_swift }
        }
        ActVerb::Failover { node, .. } => Intent::Failover { candidate: NodeName::new(node) },
        ActVerb::Reinit { node, from_leader, again, .. } => Intent::Reinitialise {
            member: NodeName::new(node),
            source: if *from_leader { CopySource::Leader } else { CopySource::Any },
            again: *again,
        },
        ActVerb::Restart { target, pending, at, .. } => {
            Intent::Restart { target: members(target)?, only_pending: *pending, at: time(at)? }
        }
        ActVerb::Reload { target, .. } => Intent::Reload { target: members(target)? },
        ActVerb::Pause { .. } => Intent::Pause,
        ActVerb::Resume { .. } => Intent::Resume,
        ActVerb::Configure { changes: typed, .. } => Intent::Configure { changes: changes(typed)? },
        ActVerb::RollingRestart { .. } => Intent::RollingRestart,
        ActVerb::Settle { .. } => Intent::SettleRouters,
        ActVerb::Cancel { what: Scheduled::Switchover, node: None, .. } => Intent::CancelSwitchover,
        ActVerb::Cancel { what: Scheduled::Restart, node: Some(node), .. } => {
            Intent::CancelRestart { member: NodeName::new(node) }
        }
        ActVerb::Cancel { what: Scheduled::Switchover, node: Some(_), .. } => {
            return Err(Misunderstood("a cluster has one scheduled switchover: leave the node out".to_owned()));
        }
        ActVerb::Cancel { what: Scheduled::Restart, node: None, .. } => {
            return Err(Misunderstood("name the node whose restart is meant: cancel restart NODE".to_owned()));
        }
        ActVerb::Drain { node, then, wait, .. } => Intent::Drain {
            member: NodeName::new(node),
            then: match then {
                ThenArg::StopHere => AfterDrain::Leave,
                ThenArg::Restart => AfterDrain::Restart,
                ThenArg::Reinit => AfterDrain::Reinitialise,
            },
            wait: duration(wait).map_err(|problem| Misunderstood(format!("--wait {wait}: {problem}")))?,
        },
        ActVerb::Undrain { node, .. } => Intent::Undrain { member: NodeName::new(node) },
        ActVerb::Session { .. } => return Err(Misunderstood("a session is looked up first".to_owned())),
        ActVerb::Undo { .. } => return Err(Misunderstood("what an action has left is looked up first".to_owned())),
        ActVerb::Server { server, state, router, .. } => {
            let Some((backend, name)) = server.split_once('/') else {
                return Err(Misunderstood(format!("{server}: a server is named BACKEND/SERVER, such as primary/pg-0")));
            };
            Intent::RouterServer {
                router: one_router(router.as_deref(), routers)?,
                backend: Text::new(backend),
                server: Text::new(name),
                state: match state {
                    StateArg::Ready => ServerState::Ready,
                    StateArg::Drain => ServerState::Drain,
                    StateArg::Maint => ServerState::Maintenance,
                },
            }
        }
    })
}

fn members(target: &TargetArgs) -> Result<Target, Misunderstood> {
    match (&target.node, target.role, target.all) {
        (Some(node), None, false) => Ok(Target::Member(NodeName::new(node))),
        (None, Some(RoleArg::Leader), false) => Ok(Target::Role(Role::Leader)),
        (None, Some(RoleArg::Replica), false) => Ok(Target::Role(Role::Replica)),
        (None, None, true) => Ok(Target::All),
        _ => Err(Misunderstood("name one node, --role, or --all".to_owned())),
    }
}

fn one_router(name: Option<&str>, routers: &[RouterName]) -> Result<RouterName, Misunderstood> {
    let known = || routers.iter().map(RouterName::as_str).collect::<Vec<_>>().join(", ");
    match (name, routers) {
        (_, []) => Err(Misunderstood("no router is configured for this cluster".to_owned())),
        (None, [one]) => Ok(one.clone()),
        (None, _) => Err(Misunderstood(format!("name the router with --router: {}", known()))),
        (Some(name), _) => {
            let found = routers.iter().find(|router| **router == *name).cloned();
            found.ok_or_else(|| Misunderstood(format!("no router {name} is configured; there is {}", known())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_router_needs_no_name() {
        let [a, b] = ["a", "b"].map(RouterName::from);
        assert_eq!(one_router(None, std::slice::from_ref(&a)), Ok(a.clone()));
        assert!(one_router(None, &[a.clone(), b.clone()]).unwrap_err().0.contains("--router: a, b"));
        assert!(one_router(Some("c"), &[a, b]).unwrap_err().0.contains("there is a, b"));
    }
}
