use serde_json::Value as Json;

use super::super::test_support::{
    bare, cascade, cut, dcs_lost, findings, healthy, leaderless, missing, operation_lock, record, said, seconds, split,
    waiting,
};
use super::*;
use crate::model::moment::Began;
use crate::model::parts::{Preparation, PreparationState, RuntimeReport};
use crate::model::record::PendingOrder;
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceKind;

fn document(snapshot: &Snapshot) -> Json {
    serde_json::from_str(&json(&status([snapshot])).unwrap()).unwrap()
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
    paused.paused_since = Some(Began::OnRecord(paused.wall - jiff::SignedDuration::from_mins(12)));
    paused.paused_by = Some("alice@bastion".into());
    let prepared = |state| {
        let mut snapshot = healthy();
        let preparation = Some(Preparation { container: "shop_db-init_1".into(), state });
        let report = RuntimeReport { version: "".into(), containers: Vec::new(), preparation };
        snapshot.runtimes = vec![said(SourceKind::Runtime, "db-init", 900, report)];
        snapshot
    };
    let at = Some(healthy().wall);
    let failed = PreparationState::Failed { code: 3, out_of_memory: false, retries: false, at, lines: Vec::new() };
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
    ]
}

/// As much of JSON Schema as `docs/status.schema.json` uses. A keyword it does not know fails, lest it be ignored.
struct Schema {
    root: Json,
}

impl Schema {
    fn check(&self, schema: &Json, value: &Json, path: &str, troubles: &mut Vec<String>) {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let name = reference.strip_prefix("#/$defs/").unwrap();
            return self.check(&self.root["$defs"][name], value, path, troubles);
        }
        for (keyword, rule) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "type" => {
                    let names: Vec<_> = match rule {
                        Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
                        name => name.as_str().into_iter().collect(),
                    };
                    if !names.iter().any(|name| is(name, value)) {
                        troubles.push(format!("{path}: {value} is not {names:?}"));
                    }
                }
                "enum" if !rule.as_array().unwrap().contains(value) => {
                    troubles.push(format!("{path}: {value} is not one of {rule}"));
                }
                "const" if rule != value => troubles.push(format!("{path}: {value} is not {rule}")),
                "enum" | "const" | "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "required" => {
                    for name in rule.as_array().unwrap() {
                        let name = name.as_str().expect("a name");
                        if value.is_object() && value.get(name).is_none() {
                            troubles.push(format!("{path}: lacks {name}"));
                        }
                    }
                }
                "properties" => {
                    for (name, inner) in value.as_object().into_iter().flatten() {
                        if let Some(schema) = rule.get(name) {
                            self.check(schema, inner, &format!("{path}.{name}"), troubles);
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema["properties"].as_object().unwrap();
                    for (name, _) in value.as_object().into_iter().flatten() {
                        if !known.contains_key(name) {
                            troubles.push(format!("{path}: {name} is not in the schema"));
                        }
                    }
                }
                "items" => {
                    for (at, inner) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, inner, &format!("{path}[{at}]"), troubles);
                    }
                }
                other => troubles.push(format!("{path}: the test knows no keyword {other}")),
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
        let mut troubles = Vec::new();
        schema.check(&root, &document(snapshot), &format!("situation {at}"), &mut troubles);
        assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    }
}

#[test]
fn the_schema_test_can_fail() {
    let root: Json = serde_json::from_str(include_str!("../../../docs/status.schema.json")).unwrap();
    let schema = Schema { root: root.clone() };
    let mut wrong = document(&healthy());
    wrong["clusters"][0]["members"][0]["role"]["value"] = Json::from(7);
    wrong["clusters"][0]["surplus"] = Json::Null;
    let mut troubles = Vec::new();
    schema.check(&root, &wrong, "", &mut troubles);
    assert_eq!(troubles.len(), 2, "{troubles:?}");
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
fn a_member_reads_like_this() {
    let document = document(&healthy());
    let member = &document["clusters"][0]["members"][1];
    assert_eq!(member["lag_bytes"]["value"], 48 << 10);
    assert_eq!(member["lag_bytes"]["source"], "SQL pg-0");
    assert_eq!(member["lag_bytes"]["age_seconds"], 0.3);
    assert_eq!(member["follows"]["value"], "pg-0");
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
        (Began::At(now - seconds(725)), Json::from(began.to_string())),
        (Began::OnRecord(began), Json::from(began.to_string())),
        (Began::Before(now - seconds(725)), Json::Null),
    ] {
        let told = pause(known);
        assert_eq!((&told["began_at"], &told["seen_for_seconds"]), (&at, &Json::from(725.0)), "{known:?}");
    }
    assert_eq!(document(&healthy())["clusters"][0]["pause"], Json::Null);
}

#[test]
fn what_prepares_the_cluster_is_told_by_how_it_stands() {
    let told: Vec<Json> =
        situations().iter().map(|snapshot| document(snapshot)["clusters"][0]["preparation"].clone()).collect();
    assert_eq!((told[0]["state"].as_str(), told[0]["exit_code"].as_i64()), (Some("done"), Some(0)));
    assert_eq!((told[1]["state"].as_str(), told[1]["exit_code"].as_i64()), (Some("failed"), Some(3)));
    assert!(told[1]["since"].is_string() && told[1]["is_fresh"] == true, "{}", told[1]);
    assert!(told[2..].iter().all(Json::is_null));
}
