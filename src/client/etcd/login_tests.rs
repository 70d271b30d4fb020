//! How often this program logs in to a store, however many its connections.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::double::{Member, ServerMode, endpoints};
use super::double_auth::Gate;
use super::*;
use crate::client::cause::Cause;
use crate::client::double::{refused, silent};
use crate::config::endpoint::{EtcdEndpoints, Login as Account, SecretSource};

const HEARTBEAT: Duration = Duration::from_millis(100);
const KEYS: [(&str, &str); 2] = [("/service/a/config", "{}"), ("/service/a/leader", "pg-0")];

/// A file with a password, which only its owner reads.
struct Password(tempfile::NamedTempFile);

impl Password {
    fn new(word: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).expect("mode");
        let password = Self(file);
        password.write(word);
        password
    }

    fn write(&self, word: &str) {
        std::fs::write(self.0.path(), word).expect("written");
    }

    fn endpoints(&self, urls: &[&str]) -> EtcdEndpoints {
        let password = Some(SecretSource::File(self.0.path().to_owned()));
        EtcdEndpoints { login: Some(Account { user: "reader".to_owned(), password }), ..endpoints(urls) }
    }
}

/// A store of three members that asks for logins, each of which takes `takes`.
async fn store(takes: Duration) -> (Gate, [Member; 3]) {
    let gate = Gate::new("s3cret", takes);
    let members = [Member::start(&KEYS).await, Member::start(&KEYS).await, Member::start(&KEYS).await];
    (gate.clone(), members.map(|member| member.take_on(&gate)))
}

impl Member {
    fn take_on(self, gate: &Gate) -> Self {
        self.take_writes().guard(gate)
    }
}

fn follow(endpoints: &EtcdEndpoints) -> RecordClient {
    RecordClient::new(Connector::new(endpoints).expect("a connector"), "/service/a/", "leader")
}

fn healths(endpoints: &EtcdEndpoints) -> Vec<HealthClient> {
    let only = |url: &String| HealthClient::new(Connector::only(endpoints, url).expect("a connector"), None);
    endpoints.urls.iter().map(only).collect()
}

#[tokio::test]
async fn the_record_and_every_members_health_share_one_login() {
    let (gate, members) = store(Duration::from_millis(120)).await;
    let password = Password::new("s3cret");
    let endpoints = password.endpoints(&[&members[0].url, &members[1].url, &members[2].url]);
    let (mut record, mut healths) = (follow(&endpoints), healths(&endpoints));
    let (read, reported) = futures::join!(record.next(HEARTBEAT), join_all(healths.iter_mut().map(HealthClient::ask)));
    assert_eq!(read.expect("a record"), RecordChange::Read);
    for health in reported {
        assert_eq!(health.expect("health").login, Login::Accepted);
    }
    record.next(HEARTBEAT).await.expect("a watch with the same token");
    let mut writer = Writer::new(Connector::new(&endpoints).expect("a connector"));
    writer.take("/pgctl-tui/lock/service/a", "me", Duration::from_secs(15)).await.expect("a lock");
    assert_eq!((gate.logins(), gate.most_at_once()), (1, 1));
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_for_all_and_nobody_sees_it() {
    let (gate, members) = store(Duration::from_millis(50)).await;
    let password = Password::new("s3cret");
    let endpoints = password.endpoints(&[&members[0].url, &members[1].url, &members[2].url]);
    let (mut record, mut healths) = (follow(&endpoints), healths(&endpoints));
    for forget in [Gate::forget as fn(&Gate), Gate::revise] {
        record.next(HEARTBEAT).await.expect("a record");
        for health in join_all(healths.iter_mut().map(HealthClient::ask)).await {
            health.expect("health");
        }
        let before = gate.logins();
        forget(&gate);
        let (confirmed, reported) =
            futures::join!(record.next(HEARTBEAT), join_all(healths.iter_mut().map(HealthClient::ask)));
        confirmed.expect("confirmed");
        assert!(reported.iter().all(|health| health.as_ref().is_ok_and(|health| health.majority == Majority::Reached)));
        assert_eq!((gate.logins() - before, gate.most_at_once()), (1, 1));
    }
}

#[tokio::test]
async fn a_writer_goes_on_with_another_token_in_the_middle() {
    let (gate, members) = store(Duration::ZERO).await;
    let password = Password::new("s3cret");
    let mut writer = Writer::new(Connector::new(&password.endpoints(&[&members[0].url])).expect("a connector"));
    let lock = "/pgctl-tui/lock/service/a";
    let AcquireOutcome::Taken(held) = writer.take(lock, "me", Duration::from_secs(15)).await.expect("an answer") else {
        panic!("busy")
    };
    gate.forget();
    assert!(writer.renew_once(lock, held).await.expect("an answer").is_some());
    let fence = Fence {
        lock: lock.to_owned(),
        lock_created: held.create_revision,
        leader: "/service/a/leader".to_owned(),
        holder: Some("pg-0".to_owned()),
        leader_created: members[0].created("/service/a/leader"),
    };
    let revision = members[0].written("/service/a/config");
    gate.forget();
    let written = writer.write("/service/a/config", revision, "{\"ttl\":20}", &fence).await.expect("an answer");
    assert_eq!(written, CasOutcome::Yes);
    assert_eq!(members[0].value("/service/a/config").as_deref(), Some("{\"ttl\":20}"));
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_for_all_and_a_repaired_one_at_once() {
    let (gate, members) = store(Duration::from_millis(20)).await;
    let password = Password::new("wrong");
    let endpoints = password.endpoints(&[&members[0].url, &members[1].url, &members[2].url]);
    let mut healths = healths(&endpoints);
    let mut record = follow(&endpoints);
    for _ in 0..2 {
        for (health, member) in join_all(healths.iter_mut().map(HealthClient::ask)).await.iter().zip(&members) {
            let error = health.as_ref().expect_err("refused");
            assert_eq!(error.cause, Cause::Credentials);
            assert!(member.url.ends_with(&error.endpoint), "{error}: each tells of its own endpoint");
        }
        assert_eq!(record.next(HEARTBEAT).await.expect_err("refused").cause, Cause::Credentials);
    }
    assert_eq!(gate.logins(), 1);
    password.write("s3cret");
    assert_eq!(healths[0].ask().await.expect("let in").login, Login::Accepted);
    assert_eq!(gate.logins(), 2);
}

#[tokio::test]
async fn a_changed_password_is_fetched_again_by_whoever_is_refused() {
    let (gate, members) = store(Duration::ZERO).await;
    let password = Password::new("s3cret");
    let mut health = healths(&password.endpoints(&[&members[0].url])).remove(0);
    health.ask().await.expect("health");
    gate.change("newer");
    password.write("newer");
    // The old password is kept until it is refused. The status is told to everybody; the read needs the login.
    let mut asked = 0;
    while health.ask().await.map_or(Majority::Unknown, |health| health.majority) != Majority::Reached {
        asked += 1;
        assert!(asked < 3, "never let in again");
    }
    assert_eq!(gate.logins(), 3);
}

#[tokio::test]
async fn dead_and_frozen_endpoints_delay_nobodys_login() {
    let (gate, members) = store(Duration::from_millis(20)).await;
    let (refused, silent) = (refused(), silent());
    let password = Password::new("s3cret");
    let endpoints = password.endpoints(&[&refused, &silent, &members[0].url]);
    let (mut record, mut healths) = (follow(&endpoints), healths(&endpoints));
    let began = Instant::now();
    let (read, reported) = futures::join!(
        async { (record.next(HEARTBEAT).await, began.elapsed()) },
        join_all(healths.iter_mut().map(|client| async { (client.ask().await, began.elapsed()) }))
    );
    read.0.expect("a record");
    assert!(read.1 < Duration::from_millis(350), "took {:?}", read.1);
    let (alive, took) = &reported[2];
    assert!(alive.is_ok() && *took < Duration::from_millis(350), "{alive:?} after {took:?}");
    assert!(reported[0].0.is_err() && reported[1].0.is_err());
    assert_eq!(gate.logins(), 1);
}

#[tokio::test]
async fn a_member_without_majority_does_not_hold_up_the_login_of_the_others() {
    for server_mode in [ServerMode::Leaderless, ServerMode::NoLeader] {
        let (gate, members) = store(Duration::from_millis(20)).await;
        members[0].set_mode(server_mode);
        let password = Password::new("s3cret");
        let endpoints = password.endpoints(&[&members[0].url, &members[1].url]);
        let (mut record, mut healths) = (follow(&endpoints), healths(&endpoints));
        let began = Instant::now();
        let (read, other) = futures::join!(record.next(HEARTBEAT), healths[1].ask());
        assert!(read.is_ok() && other.is_ok() && began.elapsed() < Duration::from_millis(350), "{server_mode:?}");
        assert_eq!(gate.logins(), 1, "{server_mode:?}");
        if server_mode == ServerMode::Leaderless {
            let health = healths[0].ask().await.expect("its own word");
            assert_eq!(health.majority, Majority::Missing);
        }
    }
}

#[tokio::test]
async fn a_login_slower_than_whoever_asks_goes_on_and_is_not_begun_again() {
    // Longer than what one request is waited for.
    let (gate, members) = store(Duration::from_millis(900)).await;
    let password = Password::new("s3cret");
    let endpoints = password.endpoints(&[&members[0].url, &members[1].url, &members[2].url]);
    let mut healths = healths(&endpoints);
    let mut rounds = 0;
    while join_all(healths.iter_mut().map(HealthClient::ask)).await.iter().any(Result::is_err) {
        rounds += 1;
        assert!(rounds < 6, "never let in");
    }
    assert_eq!((gate.logins(), gate.most_at_once()), (1, 1));
}

#[tokio::test]
async fn a_login_whose_member_falls_silent_is_made_by_another() {
    let (gate, members) = store(Duration::from_millis(20)).await;
    let password = Password::new("s3cret");
    let endpoints = password.endpoints(&[&members[0].url, &members[1].url]);
    let mut healths = healths(&endpoints);
    gate.be_stuck(true);
    let given_up = tokio::time::timeout(Duration::from_millis(100), healths[0].ask()).await;
    assert!(given_up.is_err(), "the login was meant to hang");
    gate.be_stuck(false);
    members[0].set_mode(ServerMode::NoLeader);
    let mut rounds = 0;
    while healths[1].ask().await.is_err() {
        rounds += 1;
        assert!(rounds < 5, "never let in");
    }
}

#[tokio::test]
async fn another_store_with_the_same_password_has_a_login_of_its_own() {
    let (one, [first, ..]) = store(Duration::ZERO).await;
    let (other, [second, ..]) = store(Duration::ZERO).await;
    let password = Password::new("s3cret");
    for _ in 0..2 {
        follow(&password.endpoints(&[&first.url])).next(HEARTBEAT).await.expect("a record");
        follow(&password.endpoints(&[&second.url])).next(HEARTBEAT).await.expect("a record");
    }
    // Forgotten with the last who needs it.
    assert_eq!((one.logins(), other.logins()), (2, 2));
}

#[tokio::test]
async fn no_token_and_no_password_is_reported_by_what_holds_them() {
    let (_, members) = store(Duration::ZERO).await;
    let password = Password::new("s3cret");
    let mut client = follow(&password.endpoints(&[&members[0].url]));
    client.next(HEARTBEAT).await.expect("a record");
    let reported = format!("{client:?}");
    assert!(!reported.contains("reader.") && !reported.contains("s3cret"), "{reported}");
}
