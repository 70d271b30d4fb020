use std::time::{Duration, Instant};

use proptest::prelude::*;
use rstest::rstest;

use super::double::{Member, ServerMode, endpoints};
use super::scopes::{cluster_directory, describe};
use super::*;
use crate::client::cause::Cause;
use crate::client::double::{answering, endless, refused, silent};
use crate::config::endpoint::{Login, SecretSource};

const HEARTBEAT: Duration = Duration::from_millis(150);
const KEYS: [(&str, &str); 3] =
    [("/service/a/config", "{}"), ("/service/a/leader", "pg-0"), ("/service/a/members/pg-0", "{}")];

fn follow(urls: &[&str]) -> RecordClient {
    RecordClient::new(Connector::new(&endpoints(urls)).expect("endpoints"), "/service/a/", "leader")
}

fn value(client: &RecordClient, key: &str) -> Option<String> {
    client.record().keys.get(key).map(|key| String::from_utf8_lossy(&key.value).into_owned())
}

#[rstest]
#[case("service", "pg", "/service/pg/")]
#[case("/service/", "pg", "/service/pg/")]
#[case("//db//prod/", "/pg/", "/db/prod/pg/")]
#[case("/", "pg", "/pg/")]
#[case("service", "", "/service/")]
fn slashes_of_a_prefix_collapse(#[case] namespace: &str, #[case] scope: &str, #[case] expected: &str) {
    assert_eq!(prefix(namespace, scope), expected);
}

#[rstest]
#[case("http://10.0.0.1:2379", "10.0.0.1:2379", false)]
#[case("https://etcd-1:2379/", "etcd-1:2379", true)]
#[case("etcd-1:4001", "etcd-1:4001", false)]
#[case("http://etcd-1", "etcd-1:2379", false)]
#[case("https://[2001:db8::1]:2379", "[2001:db8::1]:2379", true)]
fn an_endpoint_is_taken_apart(#[case] url: &str, #[case] name: &str, #[case] tls: bool) {
    let endpoint = EndpointName::parse(url).expect("an endpoint");
    assert_eq!((endpoint.to_string().as_str(), endpoint.tls), (name, tls));
}

#[rstest]
#[case("ftp://a:1")]
#[case("http://")]
#[case("http://a:1/path")]
#[case("")]
#[case("a b")]
fn what_is_no_endpoint_is_reported(#[case] url: &str) {
    assert!(EndpointName::parse(url).is_err());
}

proptest! {
    #[test]
    fn no_url_and_no_key_is_too_odd(text in any::<String>()) {
        let _ = EndpointName::parse(&text);
        let _ = cluster_directory(&text);
        let _ = describe(&text, std::slice::from_ref(&text));
    }
}

#[tokio::test]
async fn the_record_is_read_and_then_followed() {
    let member = Member::start(&KEYS).await;
    member.put("/service/ab/leader", "other");
    let mut client = follow(&[&member.url]);
    assert_eq!(client.next(HEARTBEAT).await.expect("record"), RecordChange::Read);
    assert_eq!(client.record().keys.keys().collect::<Vec<_>>(), ["config", "leader", "members/pg-0"]);
    assert_eq!(client.lease_left(7, HEARTBEAT).await.expect("lease"), Duration::from_secs(25));

    // Between the read and the watch, which begins with the next call.
    member.put("/service/a/leader", "pg-1");
    assert_eq!(client.next(HEARTBEAT * 20).await.expect("event"), RecordChange::Events);
    assert_eq!(value(&client, "leader").as_deref(), Some("pg-1"));

    member.delete("/service/a/leader");
    assert_eq!(client.next(HEARTBEAT * 20).await.expect("event"), RecordChange::Events);
    assert_eq!(value(&client, "leader"), None);

    assert_eq!(client.next(HEARTBEAT).await.expect("heartbeat"), RecordChange::Quiet);
    assert_eq!(member.changes(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_watch_that_keeps_silent_is_found_out() {
    let member = Member::start(&KEYS).await;
    let mut client = follow(&[&member.url]);
    client.next(HEARTBEAT).await.expect("record");
    client.next(HEARTBEAT).await.expect("heartbeat");
    member.stop_answering();
    member.put("/service/a/leader", "pg-1");
    assert_eq!(client.next(HEARTBEAT).await.expect("record"), RecordChange::Read);
    assert_eq!(value(&client, "leader").as_deref(), Some("pg-1"));
}

#[tokio::test]
async fn a_compaction_leads_to_a_full_read() {
    let member = Member::start(&KEYS).await;
    let mut client = follow(&[&member.url]);
    client.next(HEARTBEAT).await.expect("record");
    member.put("/service/a/leader", "pg-1");
    member.delete("/service/a/config");
    member.compact();
    assert_eq!(client.next(HEARTBEAT).await.expect("record"), RecordChange::Read);
    assert_eq!(client.record().keys.keys().collect::<Vec<_>>(), ["leader", "members/pg-0"]);
}

#[tokio::test]
async fn dead_and_frozen_endpoints_do_not_delay_the_start() {
    let member = Member::start(&KEYS).await;
    let (refused, silent) = (refused(), silent());
    let mut client = follow(&[&refused, &silent, &member.url]);
    let began = Instant::now();
    assert_eq!(client.next(HEARTBEAT).await.expect("record"), RecordChange::Read);
    assert!(began.elapsed() < Duration::from_millis(350), "took {:?}", began.elapsed());
    assert!(member.url.ends_with(&client.record().endpoint));
}

#[tokio::test]
async fn a_member_that_loses_the_majority_is_left_for_one_that_has_it() {
    let (first, second) = (Member::start(&KEYS).await, Member::start(&KEYS).await);
    let mut client = follow(&[&first.url, &second.url]);
    client.next(HEARTBEAT).await.expect("record");
    let reads = second.reads();
    first.set_mode(ServerMode::Leaderless);
    assert_eq!(client.next(HEARTBEAT).await.expect("record"), RecordChange::Read);
    assert!(second.url.ends_with(&client.record().endpoint));
    assert!(second.reads() > reads);
}

#[rstest]
#[case(ServerMode::Leaderless)]
#[case(ServerMode::NoLeader)]
#[tokio::test]
async fn without_majority_a_survivor_is_asked_for_what_it_has(#[case] server_mode: ServerMode) {
    let member = Member::start(&KEYS).await;
    member.set_mode(server_mode);
    let refused = refused();
    let error = follow(&[&refused, &member.url]).next(HEARTBEAT).await.expect_err("no quorum");
    assert_eq!(error.cause, Cause::NoQuorum, "{error}");
    let text = error.to_string();
    assert!(text.contains("/service/a/leader = pg-0"), "{text}");
    assert!(text.contains(&format!("{refused}: connection refused")), "{text}");
}

#[tokio::test]
async fn each_way_of_not_answering_is_distinguished() {
    let cause = async |urls: &[&str]| follow(urls).next(HEARTBEAT).await.expect_err("no response").cause;
    assert_eq!(cause(&[&refused()]).await, Cause::Refused);
    assert_eq!(cause(&[&silent()]).await, Cause::TimedOut);
    assert_eq!(cause(&["http://no-such-host.invalid:2379"]).await, Cause::Name);
    let (web, _) = endless("HTTP/1.1 200 OK\r\n\r\n", "<p>");
    assert_eq!(cause(&[&web]).await, Cause::UnexpectedAnswer);
    assert_eq!(cause(&[&answering("")]).await, Cause::Closed);
    let member = Member::start(&KEYS).await;
    member.set_mode(ServerMode::Forbidding);
    assert_eq!(cause(&[&member.url]).await, Cause::Permission);
    let over_tls = member.url.replace("http://", "https://");
    let mut endpoints = endpoints(&[&over_tls]);
    endpoints.tls.insecure = true;
    let mut client = RecordClient::new(Connector::new(&endpoints).expect("endpoints"), "/service/a/", "leader");
    assert_eq!(client.next(HEARTBEAT).await.expect_err("no TLS there").cause, Cause::Tls);
}

#[tokio::test]
async fn an_answer_of_many_megabytes_is_refused() {
    let member = Member::start(&KEYS).await;
    member.put("/service/a/history", &"x".repeat(5_000_000));
    let error = follow(&[&member.url]).next(HEARTBEAT).await.expect_err("too large");
    assert_eq!(error.cause, Cause::TooLarge, "{error}");
}

#[tokio::test]
async fn a_call_that_is_dropped_midway_spoils_nothing() {
    let member = Member::start(&KEYS).await;
    let mut client = follow(&[&member.url]);
    client.next(HEARTBEAT).await.expect("record");
    for _ in 0..5 {
        let dropped = tokio::time::timeout(Duration::from_millis(3), client.next(HEARTBEAT * 20)).await;
        assert!(dropped.is_err());
    }
    member.put("/service/a/leader", "pg-1");
    assert_eq!(client.next(HEARTBEAT * 20).await.expect("event"), RecordChange::Events);
    assert_eq!(value(&client, "leader").as_deref(), Some("pg-1"));
}

#[rstest]
#[case(ServerMode::Healthy, Majority::Reached, 12)]
#[case(ServerMode::Forbidding, Majority::Reached, 12)]
#[case(ServerMode::Leaderless, Majority::Missing, 0)]
#[case(ServerMode::NoLeader, Majority::Missing, 12)]
#[tokio::test]
async fn a_member_tells_of_itself_with_and_without_majority(
    #[case] server_mode: ServerMode,
    #[case] majority: Majority,
    #[case] leader: u64,
) {
    let member = Member::start(&[]).await;
    member.set_mode(server_mode);
    let mut client = HealthClient::new(Connector::new(&endpoints(&[&member.url])).expect("endpoints"), None);
    for _ in 0..2 {
        let health = client.ask().await.expect("health");
        assert_eq!((health.majority, health.status.expect("a status").leader, health.id), (majority, leader, 11));
        assert_eq!(health.members.map(|members| members.len()), Some(4));
    }
    assert_eq!(member.changes(), Vec::<&str>::new());
}

#[tokio::test]
async fn the_status_is_asked_for_seldom_and_at_once_when_something_happened() {
    let member = Member::start(&[]).await;
    let mut client = HealthClient::new(Connector::new(&endpoints(&[&member.url])).expect("endpoints"), None);
    let mut revision = 0;
    for second in 0..4 {
        member.put("/a", "b");
        let health = client.ask().await.expect("health");
        assert!(health.revision > revision && health.majority == Majority::Reached, "{health:?}");
        revision = health.revision;
        assert_eq!((member.reads(), member.statuses()), (second + 1, 1), "one read each time, and nothing else");
    }
    member.elect();
    assert_eq!(client.ask().await.expect("health").term, 4);
    assert_eq!(member.statuses(), 2);
    member.set_mode(ServerMode::Leaderless);
    let health = client.ask().await.expect("health");
    assert_eq!(
        (health.majority, health.status.expect("a status").leader, member.statuses()),
        (Majority::Missing, 0, 3)
    );
}

#[rstest]
#[case(ServerMode::Leaderless)]
#[case(ServerMode::NoLeader)]
#[tokio::test]
async fn a_lost_majority_is_reported_within_the_time_of_one_request(#[case] server_mode: ServerMode) {
    let member = Member::start(&KEYS).await;
    let (gone, frozen) = (refused(), silent());
    let mut client = follow(&[&member.url, &gone, &frozen]);
    client.next(HEARTBEAT).await.expect("record");
    member.set_mode(server_mode);
    let began = Instant::now();
    client.next(HEARTBEAT).await.expect_err("nobody confirms it");
    let timeouts = endpoints(&[]).timeouts;
    assert!(began.elapsed() < HEARTBEAT + slack(timeouts) + Duration::from_millis(150), "{:?}", began.elapsed());
    assert!(slack(timeouts) <= timeouts.request);
    // With all the patience there is, the next call says why.
    assert_eq!(client.next(HEARTBEAT).await.expect_err("no quorum").cause, Cause::NoQuorum);
}

#[tokio::test]
async fn clusters_are_found_past_the_keys_of_others() {
    let member = Member::start(&KEYS).await;
    for key in ["/registry/pods/x/status", "/registry/pods/y/status", "plain", "/a", "/service/noise", "zzz/leader"] {
        member.put(key, "1");
    }
    for key in ["/db/prod/a/config", "/service/cit/0/leader", "/service/cit/1/members/w", "/service/new/initialize"] {
        member.put(key, "{}");
    }
    let finder = ScopeFinder::new(Connector::new(&endpoints(&[&member.url])).expect("endpoints"));
    let found = finder.find("/").await.expect("scopes");
    let places: Vec<_> = found.iter().map(|found| format!("{}{}", found.namespace, found.scope)).collect();
    assert_eq!(places, ["/db/prod/a", "/service/a", "/service/cit", "/service/new"]);
    assert_eq!(found[1].members, ["pg-0"]);
    assert!(found[1].led && !found[3].led);
    assert_eq!(found[2].groups, [0, 1]);
    let below = finder.find("/service/").await.expect("scopes");
    assert_eq!(below.len(), 3);
    assert_eq!(member.changes(), Vec::<&str>::new());
}

#[rstest]
#[case("/service/a/leader", Some("/service/a/"))]
#[case("/service/a/members/pg-0", Some("/service/a/"))]
#[case("/service/a/optime/leader", Some("/service/a/"))]
#[case("/service/a/0/config", Some("/service/a/"))]
#[case("/service/12/config", Some("/service/12/"))]
#[case("/a/config", Some("/a/"))]
#[case("/service/a/members/x/y", None)]
#[case("/registry/pods/x", None)]
#[case("leader", None)]
fn a_key_tells_which_cluster_it_belongs_to(#[case] key: &str, #[case] directory: Option<&str>) {
    assert_eq!(cluster_directory(key), directory);
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_command_slower_than_the_one_who_asks_runs_once_for_all_endpoints() {
    let (one, other) = (Member::start(&KEYS).await, Member::start(&KEYS).await);
    let runs = tempfile::NamedTempFile::new().expect("a file");
    let script = format!("echo run >> '{}'; sleep 0.3; echo s3cret", runs.path().display());
    let command = SecretSource::Command(["sh", "-c", &script].map(str::to_owned).to_vec());
    let mut endpoints = endpoints(&[&one.url, &other.url]);
    endpoints.login = Some(Login { user: "reader".to_owned(), password: Some(command) });
    let mut client = RecordClient::new(Connector::new(&endpoints).expect("endpoints"), "/service/a/", "leader");
    let given_up = tokio::time::timeout(Duration::from_millis(100), client.next(HEARTBEAT)).await;
    assert!(given_up.is_err(), "the command was meant to be slow");
    // The double asks for no login; what counts is that one was tried.
    client.next(HEARTBEAT).await.expect("a record");
    assert_eq!(std::fs::read_to_string(runs.path()).expect("noted"), "run\n");
}

#[rstest]
#[case(
    tonic::Code::InvalidArgument,
    "etcdserver: authentication failed, invalid user ID or password",
    Cause::Credentials
)]
#[case(tonic::Code::InvalidArgument, "etcdserver: user name is empty", Cause::Credentials)]
#[case(tonic::Code::Unauthenticated, "etcdserver: invalid auth token", Cause::Credentials)]
#[case(tonic::Code::PermissionDenied, "etcdserver: permission denied", Cause::Permission)]
#[case(tonic::Code::Unavailable, "etcdserver: no leader", Cause::NoQuorum)]
#[case(
    tonic::Code::Unavailable,
    "etcdserver: request timed out, possibly due to previous leader failure",
    Cause::NoQuorum
)]
fn etcds_own_words_are_distinguished(#[case] code: tonic::Code, #[case] words: &str, #[case] cause: Cause) {
    let error = EtcdError::status("etcd-1:2379", &tonic::Status::new(code, words));
    assert_eq!(error.cause, cause);
    assert!(error.to_string().starts_with("etcd-1:2379: "), "{error}");
}
