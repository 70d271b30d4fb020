//! Plans as an operator reads them, and every refusal with its way out.

mod advice_cycles;
mod drill;
mod plans;
mod poolers;
mod refusals;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::PatroniManager;
use crate::action::Intent;
use crate::action::inspected::Inspected;
use crate::action::intent::{
    AfterDrain, ConfigurationIntent, CopySource, LeadIntent, NodeIntent, RouterIntent, ServerState, Target,
};
use crate::action::order::{HaOrder, Order, PatroniOrder};
use crate::action::plan::{Confirm, Infeasible, Plan};
use crate::driver::plan::ActingAccess;
use crate::driver::port::Planner as _;
use crate::model::agent::ScheduledRestart;
use crate::model::name::{NodeName, RouterName};
use crate::model::record::PendingOrder;
use crate::model::snapshot::Snapshot;
use crate::model::test_support::{agent, record, wall};
use crate::model::text::Text;

/// A console that may act by every way.
fn manager() -> PatroniManager {
    PatroniManager {
        acting_access: ActingAccess {
            sql: Some(("operator".into(), "postgres".into())),
            runtimes: [(RouterName::new("pg-router"), Text::new("tcp-connect:pg-router:7001"))].into(),
            ..ActingAccess::default()
        },
        rest_user: Some("patroni".into()),
        config_prefix: None,
        reads_etcd: true,
    }
}

fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

/// The first full hour after the picture.
fn later() -> Timestamp {
    wall() + SignedDuration::from_secs(57 * 60 + 53)
}

fn switchover(candidate: Option<u8>) -> Intent {
    Intent::Lead(LeadIntent::Switchover { candidate: candidate.map(pg), at: None, swift: false, through_poolers: None })
}

fn failover(candidate: u8) -> Intent {
    Intent::Lead(LeadIntent::Failover { candidate: pg(candidate) })
}

fn reinit(member: u8) -> Intent {
    Intent::Node(NodeIntent::Reinit { member: pg(member), source: CopySource::Any, again: false })
}

fn restart(target: Target) -> Intent {
    Intent::Node(NodeIntent::Restart { target, only_pending: false, at: None })
}

fn drain(member: u8, then: AfterDrain) -> Intent {
    Intent::Router(RouterIntent::Drain { member: pg(member), then, wait: Duration::from_secs(60) })
}

fn configure(changes: Value) -> Intent {
    let Value::Object(changes) = changes else { panic!("not an object") };
    Intent::Configuration(ConfigurationIntent::Configure { changes })
}

fn server(backend: &str, server: u8, state: ServerState) -> Intent {
    let server = pg(server).text().clone();
    Intent::Router(RouterIntent::Server {
        router: RouterName::new("pg-router"),
        backend: backend.into(),
        server,
        state,
    })
}

/// A healthy cluster with the whole of its configuration on record.
fn healthy() -> Snapshot {
    let mut snapshot = crate::model::test_support::healthy();
    configured(
        &mut snapshot,
        &json!({
            "ttl": 30, "loop_wait": 10, "retry_timeout": 10, "maximum_lag_on_failover": 1_048_576, "synchronous_mode": true,
            "postgresql": {"parameters": {"max_connections": 200, "work_mem": "16MB"}},
        }),
    );
    snapshot
}

fn configured(snapshot: &mut Snapshot, config: &Value) {
    record(snapshot, |content| {
        content.patroni_mut().config = Some(crate::driver::ha::patroni::record::dynamic_config(config, 12));
    });
}

fn paused() -> Snapshot {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.patroni_mut().config.as_mut().unwrap().paused = true);
    snapshot
}

fn leaderless() -> Snapshot {
    crate::model::test_support::leaderless()
}

/// A setting waits for a restart on these members.
fn pending(members: &[&str]) -> Snapshot {
    let mut snapshot = healthy();
    for name in members {
        agent(&mut snapshot, name, |report| report.pending_restart = true);
    }
    snapshot
}

/// A colleague's order in the failover key.
fn ordered(snapshot: &mut Snapshot, scheduled_at: Option<&str>) {
    let key = PendingOrder { leader: Some(pg(0)), candidate: Some(pg(2)), scheduled_at: scheduled_at.map(Text::new) };
    record(snapshot, |content| content.order = Some(key));
}

fn restart_scheduled(snapshot: &mut Snapshot, name: &str) {
    agent(snapshot, name, |report| {
        report.scheduled_restart =
            Some(ScheduledRestart { at: "2026-11-21T23:00:00+00:00".into(), conditions: Vec::new() });
    });
}

fn plan(snapshot: &Snapshot, intent: &Intent) -> Result<Plan, Infeasible> {
    manager().plan(snapshot, &Inspected::default(), intent)
}

fn planned(snapshot: &Snapshot, intent: &Intent) -> Plan {
    plan(snapshot, intent).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}

fn refused(snapshot: &Snapshot, intent: &Intent) -> String {
    match plan(snapshot, intent) {
        Ok(plan) => panic!("planned: {}", plan.title),
        Err(refusal) => refusal.to_string(),
    }
}

/// The requests and statements of a plan, in order.
fn sent(plan: &Plan) -> Vec<&str> {
    let steps = plan.steps.iter().filter(|step| !matches!(step.order, Order::Await { .. }));
    steps.map(|step| step.text.as_str()).collect()
}

/// The whole plan as text.
fn rendered(plan: &Plan) -> String {
    let mut lines = vec![plan.title.to_string()];
    let confirm = match &plan.confirm {
        Confirm::Yes => "yes".to_owned(),
        Confirm::Type(word) => format!("type {word}"),
    };
    let reason = if plan.needs_reason { ", with a reason" } else { "" };
    lines.push(format!("{:?}, confirmed by: {confirm}{reason}", plan.danger));
    lines.push("steps:".to_owned());
    for (index, step) in plan.steps.iter().enumerate() {
        let point = if index == plan.no_return { "!" } else { " " };
        let to = match &step.order {
            Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { member, .. })) => format!(" [agent of {member}]"),
            Order::Router { router, .. } => format!(" [router {router}]"),
            Order::Pooler { pooler, .. } => format!(" [pooler {pooler}]"),
            Order::Sql { member, system_id, .. } => {
                format!(" [SQL {member}, system {}]", system_id.map(|id| id.to_string()).unwrap_or_default())
            }
            Order::Ha(HaOrder::Patroni(PatroniOrder::Record { .. })) => " [record]".to_owned(),
            Order::RouterHandover(router_handover) => format!(" [{} routes]", router_handover.routes.len()),
            Order::Drill { .. } => " [drill]".to_owned(),
            Order::Await { .. } => String::new(),
        };
        let undo = step.undo.as_ref().map(|undo| format!(", undo {undo:?}")).unwrap_or_default();
        lines.push(format!(" {point}{} {}{to} within {} s{undo}", index + 1, step.text, step.deadline.as_secs()));
    }
    let list = |title: &str, texts: &[Text]| {
        let texts = texts.iter().map(|text| format!("  {text}"));
        std::iter::once(format!("{title}:")).chain(texts).collect::<Vec<_>>()
    };
    lines.extend(list("impact", &plan.impact));
    lines.extend(list("equivalent", &plan.equivalent));
    lines.push(format!("expected within {} s:", plan.expectation.within.as_secs()));
    for expected in &plan.expectation.sequence {
        let reported = if expected.decides { "decides" } else { "told" };
        lines.push(format!("  {} ({reported})", expected.milestone.describe()));
    }
    lines.join("\n")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}
