//! Acting on the lab for real (`PGCTL_LAB=1`, after `dev/lab up`; ports as the lab has them): each order through the
//! drivers that `wire::acting` puts together, and what the cluster says of it afterwards. Each test leaves the lab as it
//! was, but for who leads.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[expect(dead_code, clippy::disallowed_methods, reason = "each test binary uses a part of it, and runs the program")]
#[path = "support/lab.rs"]
mod lab;

use std::env;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pgctl::action::expectation::Expectation;
use pgctl::action::generation::Generation;
use pgctl::action::intent::{CopySource, EndSession, Intent, LeadIntent, ServerState};
use pgctl::action::order::{AgentRequest, Order, RecordRequest, RouterRequest, SqlRequest};
use pgctl::action::permit::{Confirmation, Permit};
use pgctl::action::plan::{Confirm, Danger, Plan, Step};
use pgctl::action::record::{ActionId, Operator};
use pgctl::client::tls::install_provider;
use pgctl::config::endpoint::{Login, PostgresAccess, RuntimeApi, SecretSource, Timeouts};
use pgctl::config::environment::Environment;
use pgctl::config::resolved::ClusterSettings;
use pgctl::config::{Flags, load};
use pgctl::driver::dcs::etcd::EtcdRecord;
use pgctl::driver::port::{Facts, LockClaim, LockError, MemberAddress, NotPerformed, Observe, OrderControl, Reply};
use pgctl::model::agent::Address;
use pgctl::model::lsn::SystemId;
use pgctl::model::moment::Moment;
use pgctl::model::name::NodeName;
use pgctl::model::record::ClusterRecord;
use pgctl::model::text::Text;
use pgctl::wire::acting::{Acting, acting};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The lab, what acts on it, and the files that its passwords are in.
struct Fixture {
    lab: lab::Lab,
    settings: Arc<ClusterSettings>,
    acting: Acting,
    _secrets: Vec<tempfile::NamedTempFile>,
}

fn variable(name: &str, usual: &str) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| usual.to_owned())
}

fn secret(kept: &mut Vec<tempfile::NamedTempFile>, name: &str, usual: &str) -> SecretSource {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "{}", variable(name, usual)).expect("written");
    let source = SecretSource::File(file.path().to_owned());
    kept.push(file);
    source
}

impl Fixture {
    fn set() -> Self {
        assert_eq!(env::var("PGCTL_LAB").as_deref(), Ok("1"), "start the lab and set PGCTL_LAB=1");
        install_provider();
        let lab = lab::Lab::new();
        let flags = Flags { config: Some(lab.config()), ..Flags::default() };
        let mut settings = load(&flags, &Environment::default()).expect("settings").clusters.remove(0);
        let mut secrets = Vec::new();
        let user = variable("LAB_REST_USER", "patroni");
        let password = Some(secret(&mut secrets, "LAB_REST_PASSWORD", "lab-rest"));
        settings.patroni.acting = Some(Login { user, password });
        let runtime = format!("127.0.0.1:{}", variable("LAB_ROUTER_RUNTIME_PORT", "9999"));
        settings.routers[0].acting_runtime = Some(RuntimeApi::Tcp(runtime));
        let postgres = settings.postgres.as_mut().expect("SQL");
        let timeouts = Timeouts { connect: Duration::from_secs(5), request: Duration::from_secs(5) };
        postgres.acting = Some(PostgresAccess {
            user: "postgres".to_owned(),
            password: Some(secret(&mut secrets, "LAB_SUPERUSER_PASSWORD", "lab-superuser")),
            timeouts,
            ..postgres.looking.clone()
        });
        let settings = Arc::new(settings);
        let known = Arc::clone(&settings);
        let member_addresses = move |member: &NodeName| {
            let (agent, postgres) = known.member_address(member, None, None);
            MemberAddress {
                name: member.clone(),
                agent_url: agent.map(Text::new),
                postgres: postgres.map(|(host, port)| Address { host: Text::new(host), port }),
                exporter_url: None,
            }
        };
        let acting =
            acting(&settings, settings.scope.as_deref(), false, Box::new(member_addresses), Box::new(Vec::new))
                .expect("write access");
        Self { lab, settings, acting, _secrets: secrets }
    }

    async fn record(&self) -> ClusterRecord {
        let etcd = self.settings.etcd.clone().expect("etcd");
        let scope = self.settings.scope.as_deref().expect("a scope");
        match EtcdRecord::new(etcd, &self.settings.namespace, scope).observe(Moment::START).await {
            Ok(Facts::Record(content)) => *content,
            other => panic!("not a record: {other:?}"),
        }
    }

    /// The leader, and one of the others.
    async fn roles(&self) -> (NodeName, NodeName) {
        let record = self.record().await;
        let leader = record.leader.as_ref().expect("a leader").holder.clone();
        let other = record.members.iter().map(|member| member.name.clone()).find(|name| *name != leader);
        (leader, other.expect("another member"))
    }

    async fn permitted(&self, order: Order, deadline: Duration) -> (Step, Permit) {
        let record = self.record().await;
        let generation = Generation {
            leader: record.leader.as_ref().map(|leader| leader.holder.clone()),
            counters: record.counters(),
            system_id: record.system_id,
            timeline: None,
        };
        let step = Step { text: "live test".into(), order, undo: None, deadline };
        let plan = Plan {
            cluster: self.settings.name.clone(),
            intent: Intent::Lead(LeadIntent::Pause),
            title: "live test".into(),
            generation,
            danger: Danger::Reversible,
            confirm: Confirm::Yes,
            needs_reason: false,
            checks: Vec::new(),
            steps: vec![step.clone()],
            no_return: 0,
            impact: Vec::new(),
            equivalent: Vec::new(),
            expectation: Expectation::default(),
        };
        let confirmation = Confirmation { plan: Some(plan.hash()), ..Confirmation::default() };
        let permit = plan.permit(&[], &confirmation, &self.acting.access, Moment::START).expect("a permit");
        (step, permit)
    }

    async fn try_order(&mut self, order: Order) -> Result<Reply, NotPerformed> {
        let (step, permit) = self.permitted(order, Duration::from_secs(60)).await;
        self.acting.act.perform(&step, &permit, OrderControl::unattended(&CancellationToken::new())).await
    }

    /// Performs an order that must be accepted; returns the far end's words. An agent may still be busy with the order of
    /// the test before, though its node streams again.
    async fn order(&mut self, order: Order) -> String {
        let reported = format!("{order:?}");
        let end = Instant::now() + Duration::from_secs(60);
        let reply = loop {
            let reply = self.try_order(order.clone()).await.unwrap_or_else(|error| panic!("{reported}: {error}"));
            if reply.is_accepted() || !reply.text.as_str().contains("already in progress") || Instant::now() > end {
                break reply;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        assert!(reply.is_accepted(), "{reported}: {}", reply.text);
        reply.text.to_string()
    }

    async fn agent(&mut self, member: &NodeName, request: AgentRequest) -> String {
        self.order(Order::agent(member.clone(), request)).await
    }

    /// Waits until the program's own picture is as `wanted` says.
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.lab.watch().until(what, Duration::from_secs(120), wanted).1
    }

    /// Waits until every member is running or streaming, and nothing is wrong.
    fn whole(&self) {
        self.until("the lab is whole", |cluster| {
            let members = cluster["members"].as_array().expect("members");
            let leads = |member: &&Value| member["role"]["value"] == "leader";
            let state = |member: &Value| member["state"]["value"].as_str().unwrap_or_default().to_owned();
            members.len() == 3
                && members.iter().filter(leads).count() == 1
                && members.iter().all(|member| matches!(state(member).as_str(), "running" | "streaming"))
                && members.iter().filter(|member| state(member) == "streaming").count() == 2
        });
    }
}

fn member<'a>(cluster: &'a Value, name: &NodeName) -> &'a Value {
    let members = cluster["members"].as_array().expect("members");
    members.iter().find(|member| member["name"] == name.as_str()).expect("the member")
}

fn claim(user: &str) -> LockClaim {
    let operator = Operator { user: user.into(), host: "live-test".into(), pid: 1, ..Operator::default() };
    let (action, verb) = (ActionId("live".to_owned()), "pause".into());
    LockClaim { action, verb, operator, reason: Some("live test".into()), since: Timestamp::UNIX_EPOCH }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_member_reloads_and_the_cluster_pauses_and_resumes() {
    let mut fixture = Fixture::set();
    let (leader, replica) = fixture.roles().await;
    assert!(fixture.agent(&replica, AgentRequest::Reload).await.starts_with("202"));
    let change = |pause: Value| json!({"pause": pause}).as_object().cloned().expect("an object");
    fixture.agent(&leader, AgentRequest::Configure { changes: change(json!(true)) }).await;
    assert!(fixture.record().await.is_paused());
    fixture.agent(&leader, AgentRequest::Configure { changes: change(Value::Null) }).await;
    assert!(!fixture.record().await.is_paused());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_setting_is_changed_through_patroni_and_back_through_etcd_itself() {
    let mut fixture = Fixture::set();
    let (leader, _) = fixture.roles().await;
    let lag = async |fixture: &Fixture| {
        fixture.record().await.config().and_then(|config| config.maximum_lag_on_failover).map(|limit| limit.0)
    };
    let (before, revision) =
        (lag(&fixture).await, fixture.record().await.config().cloned().expect("a configuration").mod_revision);
    let change = |bytes: i64| json!({"maximum_lag_on_failover": bytes}).as_object().cloned().expect("an object");
    let outdated = Order::record(RecordRequest::Configure { changes: change(1), revision });
    fixture.agent(&leader, AgentRequest::Configure { changes: change(2_097_152) }).await;
    assert_eq!(lag(&fixture).await, Some(2_097_152));
    // Only under the lock, and not over a revision that nobody has seen.
    assert!(matches!(fixture.try_order(outdated.clone()).await, Err(NotPerformed::NotSent(_))));
    fixture.acting.lock.acquire(&claim("live")).await.expect("a free lock");
    assert!(!fixture.try_order(outdated).await.expect("a reply").is_accepted());
    let revision = fixture.record().await.config().cloned().expect("a configuration").mod_revision;
    let back = RecordRequest::Configure { changes: change(before.unwrap_or(1_048_576)), revision };
    fixture.order(Order::record(back)).await;
    fixture.acting.lock.release().await.expect("released");
    assert_eq!(lag(&fixture).await, before.or(Some(1_048_576)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_replica_restarts_and_a_foreign_nodes_name_restarts_nobody() {
    let mut fixture = Fixture::set();
    let (_, replica) = fixture.roles().await;
    let restart = || AgentRequest::Restart { role: None, only_pending: false, at: None };
    let asked = Instant::now();
    let mut words = fixture.agent(&replica, restart()).await;
    words.make_ascii_lowercase();
    assert!(words.contains("restarted"), "{words}");
    fixture.whole();
    let cluster = fixture.lab.status();
    let uptime = member(&cluster, &replica)["uptime_seconds"]["value"].as_f64().expect("an uptime");
    let since = asked.elapsed().as_secs_f64();
    assert!(uptime < since, "up for {uptime} s, {since} s after the restart was asked for");
    // The agent of another node at this address.
    let known = Arc::clone(&fixture.settings);
    let (leader, _) = fixture.roles().await;
    let wrong = move |member: &NodeName| {
        let (agent, _) = known.member_address(&leader, None, None);
        MemberAddress { name: member.clone(), agent_url: agent.map(Text::new), postgres: None, exporter_url: None }
    };
    let mut wrong_destination =
        acting(&fixture.settings, fixture.settings.scope.as_deref(), false, Box::new(wrong), Box::new(Vec::new))
            .expect("access");
    let order = Order::agent(replica.clone(), restart());
    let (step, permit) = fixture.permitted(order, Duration::from_secs(5)).await;
    let cancel = CancellationToken::new();
    let reported = wrong_destination.act.perform(&step, &permit, OrderControl::unattended(&cancel)).await;
    assert!(matches!(reported, Err(NotPerformed::NotSent(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_switchover_is_scheduled_and_reverted_through_patroni_and_through_etcd() {
    let mut fixture = Fixture::set();
    let (leader, replica) = fixture.roles().await;
    #[expect(clippy::disallowed_methods, reason = "a schedule is made from now")]
    let tomorrow = Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let schedule =
        || AgentRequest::Switchover { leader: leader.clone(), candidate: Some(replica.clone()), at: Some(tomorrow) };
    assert!(fixture.agent(&leader, schedule()).await.starts_with("202"));
    assert!(fixture.record().await.order.expect("a schedule").scheduled_at.is_some());
    fixture.agent(&leader, AgentRequest::CancelSwitchover).await;
    assert_eq!(fixture.record().await.order, None);

    fixture.agent(&leader, schedule()).await;
    let record = fixture.record().await;
    let revision = record.keys().iter().find(|key| key.name == *"failover").expect("the key").mod_revision;
    fixture.acting.lock.acquire(&claim("live")).await.expect("a free lock");
    fixture.order(Order::record(RecordRequest::ClearFailover { revision })).await;
    fixture.acting.lock.release().await.expect("released");
    assert_eq!(fixture.record().await.order, None);
    let (still, _) = fixture.roles().await;
    assert_eq!(still, leader);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_switchover_and_back_and_one_from_the_wrong_leader_is_refused() {
    let mut fixture = Fixture::set();
    fixture.whole();
    let (leader, replica) = fixture.roles().await;
    let to = |from: &NodeName, to: &NodeName| AgentRequest::Switchover {
        leader: from.clone(),
        candidate: Some(to.clone()),
        at: None,
    };
    let wrong = Order::agent(leader.clone(), to(&replica, &leader));
    let reply = fixture.try_order(wrong).await.expect("a reply");
    assert!(!reply.is_accepted() && reply.text.as_str().starts_with("412"), "{}", reply.text);
    let words = fixture.agent(&leader, to(&leader, &replica)).await;
    assert!(words.contains(replica.as_str()), "{words}");
    assert_eq!(fixture.roles().await.0, replica);
    fixture.whole();
    fixture.agent(&replica, to(&replica, &leader)).await;
    assert_eq!(fixture.roles().await.0, leader);
    fixture.whole();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_replica_is_reinitialized_and_the_leader_never() {
    let mut fixture = Fixture::set();
    fixture.whole();
    let (leader, replica) = fixture.roles().await;
    let request = || AgentRequest::Reinit { source: CopySource::Any, force: false };
    let refused = fixture.try_order(Order::agent(leader, request())).await;
    assert!(matches!(&refused, Err(NotPerformed::NotSent(_))), "{refused:?}");
    fixture.agent(&replica, request()).await;
    fixture.whole();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_routers_server_drains_and_is_ready_again_and_health_in_maintenance_is_reported_as_ignored() {
    let mut fixture = Fixture::set();
    let (_, replica) = fixture.roles().await;
    let picture = fixture.lab.status();
    let servers = picture["routers"][0]["servers"].as_array().expect("servers").clone();
    let ours = |server: &&Value| server["member"] == replica.as_str() && server["routes_to"] == "replicas";
    let found = servers.iter().find(ours).expect("the replica's server");
    let (backend, server) = (found["backend"].as_str().expect("a name"), found["server"].as_str().expect("a name"));
    let (backend, server) = (Text::new(backend), Text::new(server));
    let router = fixture.settings.routers[0].name.clone();
    let set = |request| Order::Router { router: router.clone(), request };
    let server_state = |state| set(RouterRequest::State { backend: backend.clone(), server: server.clone(), state });
    let words = fixture.order(server_state(ServerState::Drain)).await;
    assert!(words.contains("DRAIN"), "{words}");
    fixture.order(server_state(ServerState::Maintenance)).await;
    let health = set(RouterRequest::Health { backend: backend.clone(), server: server.clone(), up: true });
    let ignored = fixture.try_order(health).await.expect("a reply");
    fixture.order(server_state(ServerState::Ready)).await;
    assert!(!ignored.is_accepted() && ignored.text.as_str().contains("ignored"), "{}", ignored.text);
    let nobody = RouterRequest::State { backend, server: "nobody".into(), state: ServerState::Ready };
    let reply = fixture.try_order(set(nobody)).await.expect("a reply");
    assert!(!reply.is_accepted() && reply.text.as_str().contains("No such server"), "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_checkpoint_is_made_and_a_session_ends_only_if_it_is_the_one_that_was_seen() {
    let mut fixture = Fixture::set();
    let (leader, replica) = fixture.roles().await;
    let sql = |member: &NodeName, request| Order::Sql { member: member.clone(), system_id: None, request };
    for member in [&leader, &replica] {
        assert_eq!(fixture.order(sql(member, SqlRequest::Checkpoint)).await, "checkpoint done");
    }
    let foreign = Order::Sql { member: leader.clone(), system_id: Some(SystemId(1)), request: SqlRequest::Checkpoint };
    let reply = fixture.try_order(foreign).await.expect("a reply");
    assert!(!reply.is_accepted() && reply.text.as_str().contains("another system"), "{}", reply.text);

    let (_, address) = fixture.settings.member_address(&leader, None, None);
    let (host, port) = address.expect("an address");
    let mut config = tokio_postgres::Config::new();
    config.host(&host).port(port).user("postgres").dbname("postgres");
    config.password(variable("LAB_SUPERUSER_PASSWORD", "lab-superuser"));
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a session");
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    drop(tokio::spawn(connection));
    let own = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let row = client.query_one(own, &[]).await.expect("a row");
    let (pid, started): (i32, Timestamp) = (row.get(0), row.get(1));
    let pid = u32::try_from(pid).expect("a process");
    let end = |started, how| SqlRequest::EndSession { pid, started, how };
    let earlier = started - jiff::SignedDuration::from_micros(1);
    let missed = fixture.try_order(sql(&leader, end(earlier, EndSession::Terminate))).await.expect("a reply");
    assert!(!missed.is_accepted(), "{}", missed.text);

    let sleep = client.simple_query("SELECT pg_sleep(30)");
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        fixture.order(sql(&leader, end(started, EndSession::Cancel))).await
    };
    let (slept, _) = futures::future::join(sleep, cancel).await;
    assert!(slept.expect_err("canceled").to_string().contains("db error"));
    client.simple_query("SELECT 1").await.expect("the session lives");
    fixture.order(sql(&leader, end(started, EndSession::Terminate))).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(client.simple_query("SELECT 1").await.is_err(), "the session should have ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn the_lock_is_seen_by_the_program_and_taken_once_and_free_after_its_holder_died() {
    let mut first = Fixture::set();
    let mut second = Fixture::set();
    let lock = first.acting.lock.as_mut();
    lock.acquire(&claim("alice")).await.expect("a free lock");
    let refused = second.acting.lock.acquire(&claim("bob")).await;
    assert!(matches!(&refused, Err(LockError::Taken { claim, .. }) if claim.operator.user == *"alice"), "{refused:?}");
    let seen = second.lab.status();
    assert_eq!(seen["operation_lock"]["holder"], "alice@live-test", "{}", seen["operation_lock"]);
    // Kept over its first life by being renewed.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(18) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        first.acting.lock.renew().await.expect("still held");
    }
    assert!(second.acting.lock.acquire(&claim("bob")).await.is_err());
    // The holder dies without a word.
    drop(first);
    let began = Instant::now();
    while second.acting.lock.acquire(&claim("bob")).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "never expires");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() > Duration::from_secs(8), "after {:?}", began.elapsed());
    second.acting.lock.release().await.expect("released");
    assert_eq!(second.lab.status()["operation_lock"], Value::Null);
}
