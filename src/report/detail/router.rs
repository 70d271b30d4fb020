//! Detail of a router's row.

use super::super::router::row_id as id_of;
use super::super::table::Tone;
use super::super::units;
use super::Group;
use super::opinions::{Collector, opinion_of};
use crate::model::observed::Reading;
use crate::model::router::{ProxyRow, Router, RouterReport, ServerOwner, contradiction};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Everything known of the router row called `row_id` in the tables of [`router`](crate::report::router).
pub fn router_server(snapshot: &Snapshot, row_id: &Text) -> Vec<Group> {
    let found = snapshot.routers.iter().find_map(|router| {
        let reading = router.reading(snapshot.now)?;
        let rows = &reading.last()?.rows;
        Some((router, reading, rows.iter().find(|row| id_of(router, row) == *row_id)?))
    });
    let Some((router, reading, row)) = found else { return Vec::new() };
    let mut sources = Collector::new("Sources", snapshot.now);
    for reading in [&router.runtime, &router.http].into_iter().flatten() {
        sources.push_reading(reading);
    }
    [opinions(snapshot, router, row), counters(snapshot, reading, row), sources.into_group()]
        .into_iter()
        .flatten()
        .collect()
}

/// What each interface of the router says of the row, and what the cluster says of the member behind it.
fn opinions(snapshot: &Snapshot, router: &Router, row: &ProxyRow) -> Option<Group> {
    let now = snapshot.now;
    let mut group = Collector::new("Status", now);
    let by = |pick: fn(&ProxyRow) -> Option<String>| {
        let wanted = id_of(router, row);
        [&router.runtime, &router.http].into_iter().map(move |reading| {
            let fact = reading
                .as_ref()?
                .fact(now, |report| report.rows.iter().find(|row| id_of(router, row) == wanted).and_then(pick));
            opinion_of(fact)
        })
    };
    group.push_opinions("status", by(|row| Some(row.status.as_str())));
    if row.check.is_some() {
        let check = |row: &ProxyRow| {
            row.check.as_ref().map(|check| {
                let code = check.code.map(|code| format!(" {code}")).unwrap_or_default();
                let took = check.took.map(|took| format!(" in {}", units::latency(took))).unwrap_or_default();
                let said =
                    if check.description.is_empty() { String::new() } else { format!(", {}", check.description) };
                format!("{}{code}{took}{said}", check.result)
            })
        };
        group.push_opinions("check", by(check));
    }
    let purpose = match router.purpose(&row.proxy) {
        crate::model::router::PoolPurpose::Write => "the leader",
        crate::model::router::PoolPurpose::Read => "replicas",
        crate::model::router::PoolPurpose::Any => "any node",
        crate::model::router::PoolPurpose::Unknown => "unknown",
    };
    group.push_unsourced("backend routes to", purpose, Tone::Plain);
    if let Ok(address) = router.sql_address(&row.proxy) {
        group.push_unsourced("clients connect to", address.to_string(), Tone::Plain);
    }
    if let Some(by) = row.holder() {
        group.push_unsourced("no traffic because", by.describe(), Tone::Warning);
    }
    match snapshot.server_owner(row) {
        ServerOwner::Member { member, by } => {
            let view = snapshot.view(member);
            group.push_unsourced("member", format!("{}, by {}", member.name, by.describe()), Tone::Plain);
            group.push_fact(&format!("{} is", member.name), view.role(), ToString::to_string);
            group.push_fact("and", view.state(), ToString::to_string);
        }
        ServerOwner::Contradicted(claims) => {
            group.push_unsourced("member", contradiction(&claims), Tone::Warning);
        }
        ServerOwner::Nobody => {
            group.push_unsourced("member", "no member with this name or address", Tone::Dim);
        }
    }
    group.push_opinions("leader", [opinion_of(snapshot.leader())]);
    group.into_group()
}

fn counters(snapshot: &Snapshot, reading: &Reading<RouterReport>, row: &ProxyRow) -> Option<Group> {
    let mut group = Collector::new("Counters", snapshot.now);
    let mut add = |label: &str, value: Option<String>| {
        group.push_fact(label, reading.fact(snapshot.now, |_| value), Clone::clone);
    };
    add("FQDN", row.fqdn.as_ref().map(ToString::to_string));
    add("address", row.address.as_ref().map(ToString::to_string));
    add("last change", row.last_change.map(units::duration));
    add("total downtime", row.downtime.map(units::duration));
    add("times down", row.downs.map(|times| units::plural(usize::try_from(times).unwrap_or(usize::MAX), "time")));
    add("failed checks while UP", row.check_failures.map(units::exact));
    add("current sessions", row.sessions.map(units::exact));
    add("max sessions", row.sessions_max.map(units::exact));
    add("limit", row.sessions_limit.map(units::exact));
    add("total sessions", row.sessions_total.map(units::exact));
    add("last session", row.last_session.map(units::age));
    add("session rate", row.rate.map(units::rate));
    add("max session rate", row.rate_max.map(units::rate));
    add("connect time", row.connect_time.map(units::latency));
    add("waiting", row.queue.map(units::exact));
    add("max queue", row.queue_max.map(units::exact));
    add("bytes in", row.bytes_in.map(units::bytes));
    add("bytes out", row.bytes_out.map(units::bytes));
    add("connection errors", row.errors_connection.map(units::exact));
    add("response errors", row.errors_response.map(units::exact));
    add("retries", row.retries.map(units::exact));
    add("redispatches", row.redispatches.map(units::exact));
    add("aborted by clients", row.aborts_client.map(units::exact));
    add("aborted by servers", row.aborts_server.map(units::exact));
    add("weight", row.weight.map(units::exact));
    group.into_group()
}
