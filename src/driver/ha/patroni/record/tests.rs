use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;

/// Any JSON, some of it with Patroni's own keys, so that the parsers are led deep.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("tags".to_owned()),
        Just("role".to_owned()),
        Just("scheduled_restart".to_owned()),
        Just("pending_restart_reason".to_owned()),
        Just("conn_url".to_owned()),
        Just("api_url".to_owned()),
        Just("lag".to_owned()),
        Just("timeline".to_owned()),
        Just("xlog".to_owned()),
        Just("members".to_owned()),
        Just("name".to_owned()),
        Just("standby_cluster".to_owned()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,16}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn a_member_key_of_3_3_is_read() {
    let record = json!({
        "conn_url": "postgres://rep:s3cret@pg-1:5433/postgres", "api_url": "http://pg-1:8008/patroni",
        "state": "running", "role": "replica", "version": "3.3.2", "xlog_location": 83_886_080, "timeline": 4,
        "replication_state": "streaming", "pause": true,
        "tags": {"nofailover": true, "zone": "b", "clonefrom": false},
        "pending_restart": true,
        "pending_restart_reason": {"max_connections": {"old_value": "100", "new_value": "200"}},
        "scheduled_restart": {"schedule": "2026-11-22T03:00:00+00:00", "role": "replica"}
    });
    let member = registration("pg-1".into(), &record);
    assert_eq!((member.role, member.state), (Role::Replica, MemberState::Streaming));
    assert_eq!(member.api_url, Some("http://pg-1:8008".into()));
    assert_eq!(member.postgres, Some(Address { host: "pg-1".into(), port: 5433 }));
    assert_eq!((member.timeline, member.position), (Some(Timeline(4)), Some(Lsn(83_886_080))));
    assert!(member.tags.forbids_failover() && !member.tags.clonefrom && member.paused && member.pending_restart);
    assert_eq!(member.tags.other, BTreeMap::from([("zone".into(), "b".into())]));
    let wait = &member.pending_settings[0];
    assert_eq!((wait.name.as_str(), wait.new.as_ref().map(Text::as_str)), ("max_connections", Some("200")));
    assert_eq!(member.scheduled_restart.map(|restart| restart.conditions), Some(vec!["only as replica".into()]));
}

#[test]
fn a_cluster_entry_of_4_1_is_read_and_unknown_lag_stays_unknown() {
    let record = json!({
        "name": "pg-2", "role": "quorum_standby", "state": "streaming", "api_url": null, "host": "10.0.0.3",
        "port": "5432", "timeline": 7, "lag": "unknown", "receive_lag": "unknown", "receive_lsn": "0/5000060",
        "replay_lsn": "0/5000028", "lsn": "unknown"
    });
    let member = registration("pg-2".into(), &record);
    assert_eq!((member.role, member.sync), (Role::Replica, Some(SyncState::Quorum)));
    assert_eq!((member.lag, member.api_url), (None, None));
    assert_eq!(member.position, Some(Lsn(0x0500_0060)));
    assert_eq!(member.postgres, Some(Address { host: "10.0.0.3".into(), port: 5432 }));
}

#[rstest]
#[case("postgres://10.0.0.1:5433/postgres", Some(("10.0.0.1", 5433)))]
#[case("postgresql://u:p%40@db.example/x?sslmode=require", Some(("db.example", 5432)))]
#[case("postgres://[fd00::1]:5434/postgres", Some(("fd00::1", 5434)))]
#[case("postgres://[fd00::1]", Some(("fd00::1", 5432)))]
#[case("postgres://a:1,b:2/postgres", Some(("a", 1)))]
#[case("postgres://a:99999/postgres", None)]
#[case("postgres:///postgres", None)]
#[case("a:5432", None)]
fn addresses_come_from_connection_urls(#[case] url: &str, #[case] expected: Option<(&str, u16)>) {
    let address = address_from_conn_url(url);
    assert_eq!(address.as_ref().map(|a| (a.host.as_str(), a.port)), expected);
}

#[rstest]
#[case("2026-11-21 05:06:07.123456+00:00", true)]
#[case("2026-11-21T05:06:07.123456+00:00", true)]
#[case("2026-11-21 07:06:07.123456+02:00", true)]
#[case("2026-11-21 05:06:07.123456 UTC", true)]
#[case("2026-11-21 05:06:07.123456+00", true)]
#[case("2026-11-21 05:06:07.123456", false)]
#[case("yesterday", false)]
#[case("", false)]
fn times_are_read_with_a_zone_and_never_guessed_without(#[case] raw: &str, #[case] readable: bool) {
    let expected: Timestamp = "2026-11-21T05:06:07.123456Z".parse().expect("a time");
    assert_eq!(timestamp(raw), readable.then_some(expected), "{raw}");
}

#[test]
fn history_entries_have_three_to_five_items_and_broken_ones_are_reported() {
    let value = json!([
        [1, 25_000_000, "no recovery target specified"],
        [2, "83886080", "no recovery target specified", "2026-11-21T05:06:07+00:00"],
        [3, 83_886_999, "no recovery target specified", "2026-11-21T06:06:07+00:00", "pg-2"],
        ["?", 1, "x"],
        "rubbish"
    ]);
    let (entries, defects) = history(&value);
    assert_eq!(entries.iter().map(|entry| entry.timeline.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(entries[0].at, None);
    assert!(entries[1].at.is_some());
    assert_eq!(entries[2].new_leader, Some("pg-2".into()));
    assert_eq!(
        defects,
        [
            "history: entry 4 of 5 is a list, not a timeline with its end",
            "history: entry 5 of 5 is \"rubbish\", not a timeline with its end"
        ]
    );
    assert_eq!(history(&json!({"a": 1})).1, ["history: an object where a list should be"]);
    assert_eq!(history(&json!([])), (vec![], vec![]));
}

#[test]
fn the_dynamic_configuration_is_read_as_patroni_reads_it_and_shows_no_secret() {
    let value = json!({
        "ttl": 30, "loop_wait": "10", "retry_timeout": 10, "maximum_lag_on_failover": 1_048_576,
        "synchronous_mode": "quorum", "failsafe_mode": "on", "pause": true,
        "postgresql": {"authentication": {"superuser": {"password": "s3cret"}},
                       "parameters": {"password_encryption": "scram-sha-256"}},
        "standby_cluster": {"primary_slot_name": "x"}
    });
    let config = dynamic_config(&value, 42);
    assert_eq!(config.ttl, Some(Duration::from_secs(30)));
    assert_eq!(config.loop_wait, Some(Duration::from_secs(10)));
    assert!(config.quorum && config.synchronous_mode && config.failsafe_mode && config.paused);
    assert!(!config.standby_cluster, "a section without host, port or restore command follows nobody");
    let shown = config.lines.iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
    assert!(!shown.contains("s3cret") && shown.contains("scram-sha-256"), "{shown}");
    assert!(dynamic_config(&json!({"standby_cluster": {"host": "a"}}), 0).standby_cluster);
    assert!(!dynamic_config(&json!({"standby_cluster": null}), 0).standby_cluster);
}

#[rstest]
#[case(json!({}), [None, None, None])]
#[case(json!({"ttl": 40, "loop_wait": "10", "retry_timeout": 12.9}), [Some(40), Some(10), Some(12)])]
#[case::too_small(json!({"ttl": 5, "loop_wait": 0, "retry_timeout": 1}), [Some(20), Some(1), Some(3)])]
#[case::loop_wait_gives_way(json!({"ttl": 30, "loop_wait": 20}), [Some(30), Some(10), None])]
#[case::so_does_what_is_not_configured(json!({"ttl": 20}), [Some(20), Some(1), Some(9)])]
#[case::both_give_way(json!({"retry_timeout": 60}), [None, Some(1), Some(14)])]
#[case::decimal_after_a_zero(json!({"ttl": "0040"}), [Some(40), None, None])]
#[case::one_that_is_no_number_spoils_all(json!({"ttl": "40s", "loop_wait": 5}), [None, None, None])]
fn the_three_periods_are_those_that_patroni_makes_of_them(#[case] config: Value, #[case] seconds: [Option<u64>; 3]) {
    let config = dynamic_config(&config, 0);
    let read = [config.ttl, config.loop_wait, config.retry_timeout];
    assert_eq!(read.map(|period| period.map(|period| period.as_secs())), seconds);
}

#[rstest]
#[case(json!(2048), 2048)]
#[case(json!("0100"), 64)]
#[case(json!("0x100"), 256)]
#[case(json!("64MB"), 1 << 20)]
#[case(json!({}), 1 << 20)]
#[case(json!(null), 1 << 20)]
#[case(json!(0), 0)]
#[case(json!(-5), -5)]
fn the_most_lag_of_a_candidate_is_the_one_that_patroni_takes(#[case] value: Value, #[case] bytes: i64) {
    assert_eq!(dynamic_config(&json!({"maximum_lag_on_failover": value}), 0).maximum_lag(), LagLimit(bytes));
    assert_eq!(dynamic_config(&json!({}), 0).maximum_lag(), LagLimit(1 << 20));
}

/// Leader, candidate, time.
type Order = (Option<&'static str>, Option<&'static str>, Option<&'static str>);

#[rstest]
#[case("{}", Ok(None))]
#[case("", Ok(None))]
#[case(r#"{"leader": "a", "member": "b"}"#, Ok(Some((Some("a"), Some("b"), None))))]
#[case(r#"{"member": "b"}"#, Ok(Some((None, Some("b"), None))))]
#[case(
    r#"{"leader": "a", "member": null, "scheduled_at": "2026-11-21T05:00:00+00:00"}"#,
    Ok(Some((Some("a"), None, Some("2026-11-21T05:00:00+00:00"))))
)]
#[case("a:b", Ok(Some((Some("a"), Some("b"), None))))]
#[case(":b", Ok(Some((None, Some("b"), None))))]
#[case("{broken", Err(()))]
#[case(r#"{"something": "else"}"#, Err(()))]
#[case("[]", Err(()))]
fn the_failover_key_orders_something_or_nothing(#[case] raw: &str, #[case] expected: Result<Option<Order>, ()>) {
    let key = failover_key(raw).map_err(|_| ());
    let expected = expected.map(|key| {
        key.map(|(leader, candidate, at)| PendingOrder {
            leader: leader.map(Into::into),
            candidate: candidate.map(Into::into),
            scheduled_at: at.map(Into::into),
        })
    });
    assert_eq!(key, expected);
}

#[test]
fn the_sync_key_lists_its_standbys() {
    let key = sync_key(&json!({"leader": "a", "sync_standby": "b,c", "quorum": 1})).expect("an object");
    assert_eq!((key.standbys, key.quorum), (vec!["b".into(), "c".into()], Some(1)));
    let unset = sync_key(&json!({"leader": null, "sync_standby": null})).expect("an object");
    assert_eq!((unset.leader, unset.standbys), (None, vec![]));
}

#[test]
fn a_repeated_name_is_one_member_and_one_defect() {
    let record = |host: &str| registration("pg-0".into(), &json!({"host": host, "port": 5432}));
    let (members, defects) = merge_records(vec![record("a"), record("b"), registration("pg-1".into(), &json!({}))]);
    assert_eq!(members.iter().map(|member| member.occurrences).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(defects, ["member pg-0 is 2 times in the DCS"]);
}

proptest! {
    #[test]
    fn no_json_brings_the_parsers_down(value in any_json(), raw in ".{0,64}") {
        registration("x".into(), &value);
        tags(&value);
        pending(&value);
        scheduled_restart(&value);
        history(&value);
        dynamic_config(&value, 0);
        sync_key(&value);
        scheduled_switchover(&value);
        let _ = failover_key(&raw);
        let _ = failover_key(&value.to_string());
        address_from_conn_url(&raw);
        timestamp(&raw);
        base_url(&raw);
    }
}
