use serde_json::Value as Json;

use super::super::test_support::{
    bare, by_nodes, cascade, cut, dcs_lost, findings, healthy, leaderless, missing, operation_lock, plain, reading_of,
    record, seconds, split, sql, waiting,
};
use super::*;
use crate::model::moment::StartTime;
use crate::model::parts::{Preparation, PreparationState, RuntimeReport};
use crate::model::record::PendingOrder;
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceKind;

fn document(snapshot: &Snapshot) -> Json {
    serde_json::from_str(&json(&status([snapshot])).unwrap()).unwrap()
}

fn former(snapshot: &Snapshot) -> Json {
    serde_json::from_str(&json_of_schema_one(&[snapshot], true).unwrap()).unwrap()
}

fn situations() -> Vec<Snapshot> {
    let mut silent = healthy();
    cut(&mut silent, "pg-2", seconds(38));
    silent.findings = findings();
    let mut gone = healthy();
    missing(&mut gone, "pg-2");
    let mut lost = healthy();
    dcs_lost(&mut lost, seconds(20));
    let mut locked = healthy();
    record(&mut locked, |content| content.lock = Some(operation_lock()));
    let mut paused = healthy();
    record(&mut paused, |content| {
        content.paused = true;
        let at = Some("2026-11-22T02:00:00+01:00".into());
        let (leader, candidate) = (Some("pg-0".into()), None);
        content.order = Some(PendingOrder { leader, candidate, scheduled_at: at });
    });
    paused.paused_since = Some(StartTime::OnRecord(paused.wall - jiff::SignedDuration::from_mins(12)));
    paused.paused_by = Some("alice@bastion".into());
    let prepared = |state| {
        let mut snapshot = healthy();
        let preparation = Some(Preparation { container: "shop_db-init_1".into(), state });
        let report = RuntimeReport { version: "".into(), containers: Vec::new(), preparation };
        snapshot.runtimes = vec![reading_of(SourceKind::Runtime, "db-init", 900, report)];
        snapshot
    };
    let at = Some(healthy().wall);
    let failed = PreparationState::Failed { code: 3, out_of_memory: false, retries: false, at, lines: Vec::new() };
    let pooled = |edit: fn(&mut crate::model::observed::Reading<crate::model::pooler::PoolerReport>)| {
        let mut snapshot = healthy();
        snapshot.poolers = vec![crate::model::pooler::test_support::pooler()];
        edit(&mut snapshot.poolers[0]);
        snapshot
    };
    let unpooled = pooled(|reading| reading.answer = None);
    let bare_pooler = pooled(|reading| {
        let report = crate::model::pooler::PoolerReport {
            databases: vec![crate::model::pooler::PoolerDatabase::named("shop")],
            pools: vec![crate::model::pooler::Pool::named("shop", "app")],
            ..Default::default()
        };
        reading.answer.as_mut().unwrap().value = std::sync::Arc::new(report);
    });
    let (done, failed) = (prepared(PreparationState::Done { at }), prepared(failed));
    vec![
        done,
        failed,
        healthy(),
        locked,
        paused,
        cascade(),
        silent,
        gone,
        lost,
        leaderless(),
        split(),
        waiting(),
        bare(),
        pooled(|_| {}),
        unpooled,
        bare_pooler,
    ]
}

/// As much of JSON Schema as `docs/status.schema.json` uses. A keyword it does not know fails, lest it be ignored.
struct Schema {
    root: Json,
}

impl Schema {
    fn check(&self, schema: &Json, value: &Json, path: &str, failures: &mut Vec<String>) {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let name = reference.strip_prefix("#/$defs/").unwrap();
            return self.check(&self.root["$defs"][name], value, path, failures);
        }
        for (keyword, rule) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "type" => {
                    let names: Vec<_> = match rule {
                        Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
                        name => name.as_str().into_iter().collect(),
                    };
                    if !names.iter().any(|name| is(name, value)) {
                        failures.push(format!("{path}: {value} is not {names:?}"));
                    }
                }
                "enum" if !rule.as_array().unwrap().contains(value) => {
                    failures.push(format!("{path}: {value} is not one of {rule}"));
                }
                "const" if rule != value => failures.push(format!("{path}: {value} is not {rule}")),
                "enum" | "const" | "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "required" => {
                    for name in rule.as_array().unwrap() {
                        let name = name.as_str().expect("a name");
                        if value.is_object() && value.get(name).is_none() {
                            failures.push(format!("{path}: lacks {name}"));
                        }
                    }
                }
                "properties" => {
                    for (name, inner) in value.as_object().into_iter().flatten() {
                        if let Some(schema) = rule.get(name) {
                            self.check(schema, inner, &format!("{path}.{name}"), failures);
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema["properties"].as_object().unwrap();
                    for (name, _) in value.as_object().into_iter().flatten() {
                        if !known.contains_key(name) {
                            failures.push(format!("{path}: {name} is not in the schema"));
                        }
                    }
                }
                "items" => {
                    for (at, inner) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, inner, &format!("{path}[{at}]"), failures);
                    }
                }
                other => failures.push(format!("{path}: the test knows no keyword {other}")),
            }
        }
    }
}

fn is(name: &str, value: &Json) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[test]
fn every_situation_is_as_the_published_schema_has_it() {
    let root: Json = serde_json::from_str(include_str!("../../../docs/status.schema.json")).unwrap();
    let schema = Schema { root: root.clone() };
    for (at, snapshot) in situations().iter().enumerate() {
        let mut failures = Vec::new();
        schema.check(&root, &document(snapshot), &format!("situation {at}"), &mut failures);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

/// Scripts written for the former document go on working for one release.
#[test]
fn the_former_document_is_as_its_schema_has_it_in_every_situation() {
    let root: Json = serde_json::from_str(include_str!("../../../docs/status.schema-1.json")).unwrap();
    let schema = Schema { root: root.clone() };
    for (at, snapshot) in situations().iter().enumerate() {
        let mut failures = Vec::new();
        schema.check(&root, &former(snapshot), &format!("situation {at}"), &mut failures);
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

#[test]
fn the_former_document_says_the_same_in_the_former_words() {
    let mut locked = healthy();
    record(&mut locked, |content| content.lock = Some(operation_lock()));
    let (now, before) = (&document(&locked)["clusters"][0], &former(&locked)["clusters"][0]);
    assert_eq!((&now["health"], &before["wellbeing"]), (&"ok".into(), &"well".into()));
    assert_eq!((&now["stack"], &before["kind"]), (&"patroni".into(), &"patroni".into()));
    assert_eq!(now["operation_lock"], before["dcs"]["operation_lock"]);
    assert_eq!(now["members"][0]["in_dcs"], before["members"][0]["on_record"]);
    assert_eq!(now["members"][1]["upstream"], before["members"][1]["follows"]);
    assert_eq!(now["routers"][0]["servers"][0]["routes_to"], before["routers"][0]["servers"][0]["leads_to"]);
    let health = |snapshot: &Snapshot| {
        let (now, before) = (document(snapshot), former(snapshot));
        (now["clusters"][0]["health"].clone(), before["clusters"][0]["wellbeing"].clone())
    };
    assert_eq!(health(&bare()), ("unknown".into(), "unknown".into()));
    let mut critical = healthy();
    critical.findings = findings();
    assert_eq!(health(&critical), ("warning".into(), "look".into()));
    critical.findings[0].severity = crate::model::finding::Severity::Critical;
    assert_eq!(health(&critical), ("critical".into(), "act".into()));
}

#[test]
fn a_cluster_without_a_dcs_has_none_in_the_document() {
    let (now, before) = (document(&plain()), former(&plain()));
    let (now, before) = (&now["clusters"][0], &before["clusters"][0]);
    assert_eq!((&now["stack"], &now["dcs"]), (&"streaming".into(), &Json::Null));
    assert_eq!((&before["kind"], &before["dcs"]["members"]), (&"streaming".into(), &Json::Array(Vec::new())));
}

#[test]
fn the_schema_test_can_fail() {
    let root: Json = serde_json::from_str(include_str!("../../../docs/status.schema.json")).unwrap();
    let schema = Schema { root: root.clone() };
    let mut wrong = document(&healthy());
    wrong["clusters"][0]["members"][0]["role"]["value"] = Json::from(7);
    wrong["clusters"][0]["surplus"] = Json::Null;
    let mut failures = Vec::new();
    schema.check(&root, &wrong, "", &mut failures);
    assert_eq!(failures.len(), 2, "{failures:?}");
}

/// Every object that looks like a value, wherever it stands.
fn values<'a>(json: &'a Json, found: &mut Vec<&'a Json>) {
    match json {
        Json::Object(fields) => {
            if fields.contains_key("status") && fields.contains_key("reason") {
                found.push(json);
            }
            fields.values().for_each(|inner| values(inner, found));
        }
        Json::Array(items) => items.iter().for_each(|inner| values(inner, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[test]
fn what_is_not_known_is_null_with_a_reason_and_what_is_known_has_source_and_age() {
    for snapshot in situations() {
        let document = document(&snapshot);
        let mut found = Vec::new();
        values(&document, &mut found);
        for value in found {
            let known = matches!(value["status"].as_str(), Some("known" | "stale"));
            assert_eq!(known, !value["value"].is_null(), "{value}");
            assert_eq!(known, value["source"].is_string() && value["age_seconds"].is_number(), "{value}");
            assert_eq!(!known, value["reason"].is_string(), "{value}");
        }
    }
}

#[test]
fn no_leader_an_unknown_leader_and_a_leaders_lag_are_three_things() {
    let leader = |snapshot: &Snapshot| document(snapshot)["clusters"][0]["leader"]["status"].clone();
    assert_eq!(leader(&leaderless()), "not-applicable");
    assert_eq!(leader(&waiting()), "unknown");
    assert_eq!(document(&healthy())["clusters"][0]["members"][0]["lag_bytes"]["status"], "not-applicable");
}

#[test]
fn a_pooler_says_where_its_databases_lead_and_what_it_does_not_tell_is_null() {
    let mut snapshot = healthy();
    snapshot.poolers = vec![crate::model::pooler::test_support::pooler()];
    let pooler = document(&snapshot)["clusters"][0]["poolers"][0].clone();
    assert_eq!((&pooler["name"], &pooler["state"]["value"]), (&"edge".into(), &"active".into()));
    let database = &pooler["databases"][0];
    assert_eq!((&database["member"], &database["leads_to_primary"]), (&"pg-0".into(), &true.into()));
    assert_eq!((&database["paused"]["value"], &pooler["pools"][0]["servers"]["value"]), (&false.into(), &6.into()));
    assert_eq!(database["queries_per_second"]["status"], "unknown", "there was one answer");
    assert_eq!(
        (&pooler["clients"]["age_seconds"], &database["closing_connections"]["age_seconds"]),
        (&0.1.into(), &0.1.into())
    );
    let mut report = crate::model::pooler::test_support::working();
    report.sockets_asked = Some(snapshot.now - seconds(7));
    snapshot.poolers[0].answer.as_mut().unwrap().value = std::sync::Arc::new(report);
    let pooler = document(&snapshot)["clusters"][0]["poolers"][0].clone();
    assert_eq!(pooler["databases"][0]["closing_connections"]["age_seconds"], 7.0, "asked for seldom");
    assert_eq!(pooler["waiting_for_login"]["age_seconds"], 7.0);
}

#[test]
fn a_member_reads_like_this() {
    let document = document(&healthy());
    let member = &document["clusters"][0]["members"][1];
    assert_eq!(member["lag_bytes"]["value"], 48 << 10);
    assert_eq!(member["lag_bytes"]["source"], "SQL pg-0");
    assert_eq!(member["lag_bytes"]["age_seconds"], 0.3);
    assert_eq!(member["upstream"]["value"], "pg-0");
}

#[test]
fn a_pause_tells_since_when_and_whose_it_is_as_far_as_that_is_known() {
    let pause = |began| {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| content.paused = true);
        snapshot.paused_since = Some(began);
        document(&snapshot)["clusters"][0]["pause"].clone()
    };
    let (now, wall) = (healthy().now, healthy().wall);
    let began = wall - jiff::SignedDuration::from_secs(725);
    for (known, at) in [
        (StartTime::At(now - seconds(725)), Json::from(began.to_string())),
        (StartTime::OnRecord(began), Json::from(began.to_string())),
        (StartTime::Before(now - seconds(725)), Json::Null),
    ] {
        let reported = pause(known);
        assert_eq!((&reported["began_at"], &reported["seen_for_seconds"]), (&at, &Json::from(725.0)), "{known:?}");
    }
    assert_eq!(document(&healthy())["clusters"][0]["pause"], Json::Null);
}

#[test]
fn what_prepares_the_cluster_is_reported_by_how_it_stands() {
    let reported: Vec<Json> =
        situations().iter().map(|snapshot| document(snapshot)["clusters"][0]["preparation"].clone()).collect();
    assert_eq!((reported[0]["state"].as_str(), reported[0]["exit_code"].as_i64()), (Some("done"), Some(0)));
    assert_eq!((reported[1]["state"].as_str(), reported[1]["exit_code"].as_i64()), (Some("failed"), Some(3)));
    assert!(reported[1]["since"].is_string() && reported[1]["is_fresh"] == true, "{}", reported[1]);
    assert!(reported[2..].iter().all(Json::is_null));
}

#[test]
fn where_there_is_no_lock_the_document_says_why_nobody_can_be_named() {
    let leader = |snapshot: &Snapshot| document(snapshot)["clusters"][0]["leader"].clone();
    let mut snapshot = plain();
    let doubt = "pg-0 accepts writes, and it is unknown whether pg-1 does too";
    by_nodes(&mut snapshot, Err(doubt));
    cut(&mut snapshot, "pg-1", seconds(38));
    let reported = leader(&snapshot);
    assert_eq!(
        (&reported["value"], &reported["status"], &reported["reason"]),
        (&Json::Null, &"unknown".into(), &doubt.into())
    );
    let mut snapshot = plain();
    by_nodes(&mut snapshot, Err("every node is in recovery"));
    sql(&mut snapshot, "pg-0", |report| report.in_recovery = true);
    let reported = leader(&snapshot);
    assert_eq!(
        (&reported["status"], &reported["reason"]),
        (&"not-applicable".into(), &"every node is in recovery".into())
    );
}
