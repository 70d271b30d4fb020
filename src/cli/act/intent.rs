//! From what was typed to what is wanted.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::args::{ActVerb, EndArg, RoleArg, Scheduled, StateArg, TargetArgs, ThenArg};
use super::wanted::Wanted;
use crate::action::Intent;
use crate::action::intent::{AfterDrain, CopySource, EndSession, ServerState, Target};
use crate::config::duration;
use crate::model::name::{NodeName, RouterName};
use crate::model::role::Role;
use crate::model::text::Text;

/// What was typed makes no sense: in one line, with what would.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misunderstood(pub String);

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
    let time = |text: &Option<String>| text.as_deref().map(|text| moment(text, now)).transpose();
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
        ActVerb::Configure { changes, .. } => Intent::Configure { changes: configuration(changes)? },
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

/// A time with its zone, or a span from now.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Misunderstood> {
    if let Some(span) = text.strip_prefix('+') {
        let span: Duration = duration(span).map_err(|problem| Misunderstood(format!("--at {text}: {problem}")))?;
        let later = SignedDuration::try_from(span).ok().and_then(|span| now.checked_add(span).ok());
        return later.ok_or_else(|| Misunderstood(format!("--at {text}: too far away")));
    }
    text.parse().map_err(|_| {
        Misunderstood(format!("--at {text}: a time needs its zone, such as 2026-11-21T03:00:00+01:00, or write +10m"))
    })
}

/// `a.b=1` as nested keys. A value is read as JSON where it is JSON, else taken as text; none removes the key. A dot that
/// is part of a name is written `\.`.
fn configuration(changes: &[String]) -> Result<Map<String, Value>, Misunderstood> {
    let mut whole = Map::new();
    for change in changes {
        let Some((path, value)) = change.split_once('=') else {
            return Err(Misunderstood(format!("{change}: a change is written KEY=VALUE, or KEY= to remove the key")));
        };
        let value = match value {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        let keys = keys(path);
        if keys.iter().any(String::is_empty) {
            return Err(Misunderstood(format!("{change}: a key is missing before, between or after the dots")));
        }
        put(&mut whole, &keys, value).map_err(|()| Misunderstood(format!("{path} is given twice")))?;
    }
    Ok(whole)
}

fn keys(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut escaped = false;
    for c in path.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' if !escaped => keys.push(String::new()),
            c => {
                escaped = false;
                if let Some(last) = keys.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    keys
}

fn put(into: &mut Map<String, Value>, keys: &[String], value: Value) -> Result<(), ()> {
    match keys {
        [] => Err(()),
        [last] => match into.insert(last.clone(), value) {
            None => Ok(()),
            Some(_) => Err(()),
        },
        [first, rest @ ..] => match into.entry(first.clone()).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => put(inner, rest, value),
            _ => Err(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T02:00:00Z".parse().unwrap()
    }

    #[rstest]
    #[case::number(&["ttl=30"], json!({"ttl": 30}))]
    #[case::text(&["postgresql.parameters.work_mem=64MB"], json!({"postgresql": {"parameters": {"work_mem": "64MB"}}}))]
    #[case::together(&["a.b=1", "a.c=true"], json!({"a": {"b": 1, "c": true}}))]
    #[case::removed(&["standby_cluster="], json!({"standby_cluster": null}))]
    #[case::dotted(&[r"postgresql.parameters.pg_stat_statements\.track=all"],
        json!({"postgresql": {"parameters": {"pg_stat_statements.track": "all"}}}))]
    #[case::json(&[r#"slots={"a":{"type":"physical"}}"#], json!({"slots": {"a": {"type": "physical"}}}))]
    fn changes_are_nested_as_the_configuration_is(#[case] typed: &[&str], #[case] expected: Value) {
        let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(configuration(&typed).map(Value::Object), Ok(expected));
    }

    #[rstest]
    #[case(&["ttl"], "KEY=VALUE")]
    #[case(&["ttl=1", "ttl=2"], "twice")]
    #[case(&["a=1", "a.b=2"], "twice")]
    #[case(&["a..b=1"], "key is missing")]
    fn a_change_that_makes_no_sense_is_named(#[case] typed: &[&str], #[case] words: &str) {
        let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
        let told = configuration(&typed).unwrap_err().to_string();
        assert!(told.contains(words), "{told}");
    }

    #[test]
    fn a_time_has_its_zone_or_counts_from_now() {
        assert_eq!(moment("+10m", now()), Ok("2026-11-21T02:10:00Z".parse().unwrap()));
        assert_eq!(moment("2026-11-21T03:30:00+01:00", now()), Ok("2026-11-21T02:30:00Z".parse().unwrap()));
        assert!(moment("2026-11-21T03:30:00", now()).unwrap_err().0.contains("zone"));
        assert!(moment("soon", now()).is_err());
    }

    #[test]
    fn the_only_router_needs_no_name() {
        let [a, b] = ["a", "b"].map(RouterName::from);
        assert_eq!(one_router(None, std::slice::from_ref(&a)), Ok(a.clone()));
        assert!(one_router(None, &[a.clone(), b.clone()]).unwrap_err().0.contains("--router: a, b"));
        assert!(one_router(Some("c"), &[a, b]).unwrap_err().0.contains("there is a, b"));
    }
}
