use std::path::PathBuf;

use rstest::rstest;
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::double::{self, endpoint};
use crate::model::lsn::Timeline;
use crate::model::role::{MemberState, Role, SyncState};

/// A node that gives the answers recorded in a situation.
async fn recorded(situation: &str) -> MockServer {
    let server = MockServer::start().await;
    for name in ["cluster", "history", "config"] {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{situation}/{name}.json"));
        let body = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        Mock::given(path(format!("/{name}"))).respond_with(answer).mount(&server).await;
    }
    server
}

async fn answering(cluster: Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/cluster")).respond_with(ResponseTemplate::new(200).set_body_json(cluster)).mount(&server).await;
    server
}

async fn observe(view: &mut PatroniClusterView) -> Result<ClusterRecord, SourceError> {
    match view.observe(Moment::START).await? {
        Facts::Record(content) => Ok(*content),
        other => panic!("{other:?}"),
    }
}

async fn content_of(server: &MockServer) -> ClusterRecord {
    let mut view = PatroniClusterView::new(vec![endpoint(server.uri())], Some("pg-ha".into()));
    observe(&mut view).await.expect("a record")
}

#[rstest]
#[case("patroni-3.3/healthy", "pg-1")]
#[case("patroni-4.0/healthy", "pg-2")]
#[case("patroni-4.1/healthy", "pg-2")]
#[tokio::test]
async fn a_healthy_cluster_of_every_version_is_read_whole(#[case] situation: &str, #[case] leader: &str) {
    let content = content_of(&recorded(situation).await).await;
    assert_eq!(content.leader.clone().map(|key| key.holder), Some(leader.into()));
    assert_eq!(content.defects, Vec::<Text>::new());
    assert_eq!(content.config().and_then(|config| config.loop_wait), Some(Duration::from_secs(10)));
    assert_eq!(content.members.len(), 3);
    for member in &content.members {
        let leads = member.name == leader;
        assert_eq!(member.role, if leads { Role::Leader } else { Role::Replica });
        assert_eq!(member.state, if leads { MemberState::Running } else { MemberState::Streaming });
        assert_eq!((member.lag, member.timeline), ((!leads).then_some(0), Some(Timeline(1))));
        assert_eq!(member.api_url, Some(format!("http://{}:8008", member.name).into()));
        assert_eq!(member.occurrences, 1);
    }
}

#[tokio::test]
async fn a_stopped_replica_has_unknown_lag_not_zero() {
    let content = content_of(&recorded("patroni-4.0/replica-stopped").await).await;
    let stopped = content.member(&"pg-0".into()).expect("on record");
    assert_eq!((&stopped.state, stopped.lag, stopped.timeline), (&MemberState::Stopped, None, None));
}

#[tokio::test]
async fn sync_tags_pause_schedule_and_history_are_read() {
    let sync = content_of(&recorded("patroni-4.0/sync-mode").await).await;
    assert_eq!(sync.member(&"pg-1".into()).and_then(|member| member.sync), Some(SyncState::Sync));
    assert!(sync.config().is_some_and(|config| config.synchronous_mode));
    let tagged = content_of(&recorded("patroni-4.0/nofailover-tag").await).await;
    assert!(tagged.member(&"pg-0".into()).is_some_and(|member| member.tags.forbids_failover()));
    let paused = content_of(&recorded("patroni-4.0/paused").await).await;
    assert!(paused.paused && paused.is_paused());
    let scheduled = content_of(&recorded("patroni-4.0/scheduled-switchover").await).await.order.expect("scheduled");
    assert_eq!((scheduled.leader, scheduled.candidate), (Some("pg-2".into()), Some("pg-0".into())));
    assert!(scheduled.scheduled_at.is_some());
    let history = content_of(&recorded("patroni-4.0/leader-killed-failed-over").await).await.history;
    assert_eq!(history.len(), 4);
    assert_eq!(history[3].new_leader, Some("pg-2".into()));
}

#[tokio::test]
async fn members_without_url_repeated_names_and_nameless_ones_are_kept_and_reported() {
    let cluster = json!({"members": [
        {"name": "a", "role": "leader", "state": "running", "api_url": null},
        {"name": "b\u{1b}[31m", "role": "replica", "lag": "unknown"},
        {"name": "b", "role": "replica", "lag": 7},
        {"role": "replica"}, 5,
    ]});
    let content = content_of(&answering(cluster).await).await;
    let members: Vec<_> = content.members.iter().map(|member| (member.name.as_str(), member.occurrences)).collect();
    assert_eq!(members, [("a", 1), ("b", 2)]);
    assert_eq!(content.members[0].api_url, None);
    let reported = content.defects.iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
    assert!(
        reported.contains("/cluster: member 4 of 5 is an object without a name")
            && reported.contains("member 5 of 5 is 5")
            && reported.contains("member b is 2 times in the DCS"),
        "{reported}"
    );
    // Neither history nor configuration came, and nothing is made of that.
    assert!(
        reported.contains("/history of http")
            && reported.contains("/config of http")
            && content.patroni().unwrap().config.is_none(),
        "{reported}"
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_one_line_that_says_where_and_nothing_of_its_bytes() {
    let server = answering(json!({"members": [{"name": "a", "role": "leader"}]})).await;
    let odd = json!({"odd": {"timeline": 5}, "rows": [1, 2, 3]});
    Mock::given(path("/history")).respond_with(ResponseTemplate::new(200).set_body_json(odd)).mount(&server).await;
    let config = json!({"maximum_lag_on_failover": "64MB", "ttl": {"seconds": 30}});
    Mock::given(path("/config")).respond_with(ResponseTemplate::new(200).set_body_json(config)).mount(&server).await;
    let content = content_of(&server).await;
    let reported: Vec<_> = content.defects.iter().map(Text::as_str).collect();
    assert_eq!(
        reported,
        [
            format!("/history of {}: unexpected response (HTTP 200: not a list)", server.uri()).as_str(),
            "config: ttl is an object, not a number of seconds: Patroni rejects the whole configuration and keeps the previous one",
            "config: maximum_lag_on_failover is \"64MB\", which Patroni reads as 1048576 (1 MB): use a number without a unit",
        ]
    );
}

#[tokio::test]
async fn a_record_of_another_scope_is_not_believed() {
    let server = answering(json!({"members": [], "scope": "other"})).await;
    let mut view = PatroniClusterView::new(vec![endpoint(server.uri())], Some("pg-ha".into()));
    let error = observe(&mut view).await.expect_err("another scope");
    assert_eq!(
        (error.failure_kind, error.detail.as_str()),
        (FailureKind::NoSuchCluster, "belongs to scope other, not pg-ha")
    );
}

#[tokio::test]
async fn a_node_that_cannot_be_reached_is_passed_over() {
    let server = answering(json!({"members": [{"name": "a", "role": "leader"}]})).await;
    let nodes = vec![endpoint(format!("http://{}", double::refused())), endpoint(server.uri())];
    let mut view = PatroniClusterView::new(nodes, None);
    assert!(observe(&mut view).await.expect("a record").leader.is_some());
    assert_eq!(view.endpoint(), server.uri().as_str());
    let error = observe(&mut PatroniClusterView::new(Vec::new(), None)).await.expect_err("nobody to ask");
    assert_eq!(error.failure_kind, FailureKind::Unsupported);
}

#[tokio::test]
async fn while_the_dcs_is_away_no_other_node_is_bothered() {
    let spared = MockServer::start().await;
    for part in ["/cluster", "/history", "/config"] {
        Mock::given(path(part)).respond_with(ResponseTemplate::new(200)).expect(0).mount(&spared).await;
    }
    let nodes = vec![endpoint(format!("http://{}", double::answering(""))), endpoint(spared.uri())];
    let error = observe(&mut PatroniClusterView::new(nodes, None)).await.expect_err("no response");
    assert_eq!(error.failure_kind, FailureKind::Closed);
}

#[rstest]
#[case(1_600_000_000_u64, 0)]
#[case(4_102_444_800, 1)]
#[tokio::test]
async fn a_doubtful_dcs_is_asked_after_in_a_way_that_never_blocks(#[case] last_seen: u64, #[case] asked: u64) {
    let server = MockServer::start().await;
    let status = json!({"state": "running", "role": "replica", "dcs_last_seen": last_seen, "patroni": {}});
    Mock::given(path("/patroni")).respond_with(ResponseTemplate::new(200).set_body_json(status)).mount(&server).await;
    let cluster = ResponseTemplate::new(200).set_body_json(json!({"members": []}));
    Mock::given(path("/cluster")).respond_with(cluster).expect(asked).mount(&server).await;
    let mut view = PatroniClusterView::new(vec![endpoint(server.uri())], None);
    view.doubtful = true;
    let outcome = observe(&mut view).await;
    assert_eq!(outcome.is_ok(), asked == 1, "{outcome:?}");
    assert_eq!(outcome.err().map(|error| error.failure_kind), (asked == 0).then_some(FailureKind::NotReady));
}

#[tokio::test]
async fn a_history_that_blocks_does_not_keep_the_record_away() {
    let server = answering(json!({"members": [{"name": "a", "role": "leader"}]})).await;
    let late = ResponseTemplate::new(200).set_body_json(json!([])).set_delay(Duration::from_secs(60));
    Mock::given(path("/history")).respond_with(late).mount(&server).await;
    let mut view = PatroniClusterView::new(vec![endpoint(server.uri())], None);
    let given_up = tokio::time::timeout(Duration::from_millis(500), observe(&mut view)).await;
    assert!(given_up.is_err(), "{given_up:?}");
    assert!(observe(&mut view).await.expect("a record").leader.is_some());
}
