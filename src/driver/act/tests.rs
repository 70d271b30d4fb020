use std::sync::{Arc, Mutex};

use rstest::rstest;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::intent::{CopySource, EndSession, Intent, LeadIntent, ServerState};
use crate::action::order::{AgentRequest, RouterRequest, SqlRequest};
use crate::action::permit::{Confirmation, WriteAccess};
use crate::action::plan::{Confirm, Danger, Plan};
use crate::client::double;
use crate::client::tls::install_provider;
use crate::config::endpoint::{Login, SecretSource};
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::config::{Flags, load};
use crate::driver::ha::patroni::act::PatroniExecutor;
use crate::driver::node::postgres::PostgresExecutor;
use crate::driver::port::{MemberAddress, MemberAddresses};
use crate::driver::router::haproxy_act::HaproxyExecutor;
use crate::model::lsn::SystemId;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::role::Role;
use crate::model::text::Text;

const CONFIG: &str = r#"
[clusters.prod]
scope = "pg-ha"
timeouts = { connect = "500ms", request = "500ms" }
[clusters.prod.patroni]
urls = ["http://127.0.0.1:1"]
[[clusters.prod.routers]]
name = "router"
stats = "http://127.0.0.1:1/"
"#;

fn settings() -> ClusterSettings {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.toml");
    std::fs::write(&path, CONFIG).expect("written");
    let flags = Flags { config: Some(path), ..Flags::default() };
    let settings = load(&flags, &Environment::default()).expect("settings");
    settings.clusters.into_iter().next().expect("a cluster")
}

fn act(settings: ClusterSettings, agent: &str) -> OrderDispatch {
    install_provider();
    let url = Text::new(format!("http://{agent}"));
    let member_addresses = move |member: &NodeName| MemberAddress {
        name: member.clone(),
        agent_url: Some(url.clone()),
        postgres: None,
        exporter_url: None,
    };
    let (settings, member_addresses) = (Arc::new(settings), Arc::new(Box::new(member_addresses) as MemberAddresses));
    let ha = PatroniExecutor::new(Arc::clone(&settings), Some("pg-ha"), Arc::clone(&member_addresses), None);
    let sql = PostgresExecutor::new(Arc::clone(&settings), member_addresses, Arc::default());
    let routers = HaproxyExecutor::new(Arc::clone(&settings));
    OrderDispatch::new(&settings.name, Some(Box::new(ha)), Box::new(sql), Box::new(routers))
}

fn plan(cluster: &str, order: Order, deadline: Duration) -> (Step, Permit) {
    let step = Step { text: "step".into(), order, undo: None, deadline };
    let plan = Plan {
        cluster: cluster.into(),
        intent: Intent::Lead(LeadIntent::Pause),
        title: "test".into(),
        generation: Generation { system_id: Some(SystemId(77)), ..Generation::default() },
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
    let permit = plan.permit(&[], &confirmation, &WriteAccess::granted(), Moment::START).expect("a permit");
    (step, permit)
}

fn agent(request: AgentRequest) -> Order {
    Order::agent("pg-1".into(), request)
}

fn switchover() -> AgentRequest {
    AgentRequest::Switchover { leader: "pg-0".into(), candidate: Some("pg-1".into()), at: None }
}

/// A double of pg-1's agent: `status` to who asks who it is, `answer` to an order. Notes the orders.
fn agent_double(status: serde_json::Value, answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let orders = Arc::new(Mutex::new(Vec::new()));
    let seen = orders.clone();
    let address = double::answering_by(move |request| {
        if request.starts_with("GET ") {
            return format!("HTTP/1.0 503 Service Unavailable\r\n\r\n{status}").into_bytes();
        }
        seen.lock().expect("a lock").push(request.lines().next().unwrap_or_default().to_owned());
        answer.as_bytes().to_vec()
    });
    (address, orders)
}

fn status(name: &str, scope: &str, system: &str, role: &str, version: &str) -> serde_json::Value {
    let patroni = json!({"version": version, "scope": scope, "name": name});
    json!({"state": "running", "role": role, "database_system_identifier": system, "patroni": patroni})
}

fn replica() -> serde_json::Value {
    status("pg-1", "pg-ha", "77", "replica", "4.0.7")
}

async fn perform(act: &mut OrderDispatch, order: Order) -> Result<Reply, NotPerformed> {
    let (step, permit) = plan("prod", order, Duration::from_secs(1));
    act.perform(&step, &permit, OrderControl::unattended(&CancellationToken::new())).await
}

#[rstest]
#[case(
    "HTTP/1.0 200 OK\r\n\r\nSuccessfully switched over to \"pg-1\"",
    true,
    "200 Successfully switched over to \"pg-1\""
)]
#[case("HTTP/1.0 202 Accepted\r\n\r\nSwitchover scheduled", true, "202 Switchover scheduled")]
#[case("HTTP/1.0 412 x\r\n\r\nleader name does not match", false, "412 leader name does not match")]
#[case(
    "HTTP/1.0 401 x\r\n\r\nno auth header received",
    false,
    "401 no auth header received (no login for acting is configured)"
)]
#[case("HTTP/1.0 503 x\r\n\r\n<html><title>Error response</title><p>Message: Gone.</p>", false, "503 Gone.")]
#[case("HTTP/1.0 200 x\r\nContent-Length: 99\r\n\r\nSucc", true, "200 Succ (the response was truncated)")]
#[tokio::test]
async fn the_reply_is_the_agents_own_words_with_its_status(
    #[case] answer: &'static str,
    #[case] accepted: bool,
    #[case] words: &str,
) {
    let (address, orders) = agent_double(replica(), answer);
    let reply = perform(&mut act(settings(), &address), agent(switchover())).await.expect("a reply");
    assert_eq!((reply.is_accepted(), reply.text.as_str()), (accepted, words));
    assert_eq!(*orders.lock().expect("a lock"), ["POST /switchover HTTP/1.1"]);
}

#[tokio::test]
async fn the_bytes_that_are_sent_are_those_that_were_shown() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = sent.clone();
    let address = double::answering_by(move |request| {
        if request.starts_with("GET ") {
            return format!("HTTP/1.0 200 OK\r\n\r\n{}", replica()).into_bytes();
        }
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        seen.lock().expect("a lock").push(body.to_owned());
        b"HTTP/1.0 200 OK\r\n\r\nok".to_vec()
    });
    let changes = json!({"ttl": 30, "postgresql": {"parameters": {"work_mem": "64MB", "jit": null}}, "loop_wait": 5});
    let requests = [
        switchover(),
        AgentRequest::Restart { role: Some(Role::Replica), only_pending: true, at: None },
        AgentRequest::Configure { changes: changes.as_object().cloned().expect("an object") },
    ];
    for request in requests {
        let shown = crate::driver::ha::patroni::plan::request::Request::of(&request).body.expect("a body");
        perform(&mut act(settings(), &address), agent(request)).await.expect("a reply");
        assert_eq!(sent.lock().expect("a lock").pop(), Some(shown));
    }
}

#[rstest]
#[case(status("pg-2", "pg-ha", "77", "replica", "4.0.7"), "is the agent of pg-2, not of pg-1")]
#[case(status("pg-1", "billing", "77", "replica", "4.0.7"), "belongs to scope billing, not pg-ha")]
#[case(status("pg-1", "pg-ha", "78", "replica", "4.0.7"), "system identifier")]
#[tokio::test]
async fn nothing_is_sent_to_another_node_cluster_or_system(#[case] status: serde_json::Value, #[case] words: &str) {
    for request in
        [AgentRequest::Reload, switchover(), AgentRequest::Restart { role: None, only_pending: false, at: None }]
    {
        let (address, orders) = agent_double(status.clone(), "HTTP/1.0 200 OK\r\n\r\n");
        let error = perform(&mut act(settings(), &address), agent(request)).await.expect_err("a stranger");
        assert!(matches!(&error, NotPerformed::NotSent(error) if error.to_string().contains(words)), "{error}");
        assert!(orders.lock().expect("a lock").is_empty());
    }
}

#[tokio::test]
async fn a_leader_is_never_reinitialized_and_an_old_agent_is_not_reported_what_it_ignores() {
    let reinit = |source| agent(AgentRequest::Reinit { source, force: false });
    for (status, order, words) in [
        (status("pg-1", "pg-ha", "77", "primary", "4.1.0"), reinit(CopySource::Any), "cannot be reinitialized"),
        (
            status("pg-1", "pg-ha", "77", "standby_leader", "4.1.0"),
            reinit(CopySource::Any),
            "a leader cannot be reinitialized",
        ),
        (replica(), reinit(CopySource::Leader), "4.1 can"),
    ] {
        let (address, orders) = agent_double(status, "HTTP/1.0 200 OK\r\n\r\n");
        let error = perform(&mut act(settings(), &address), order).await.expect_err("refused");
        assert!(matches!(&error, NotPerformed::NotSent(error) if error.to_string().contains(words)), "{error}");
        assert!(orders.lock().expect("a lock").is_empty());
    }
    let (address, orders) = agent_double(status("pg-1", "pg-ha", "77", "replica", "4.1.0"), "HTTP/1.0 200 OK\r\n\r\n");
    assert!(perform(&mut act(settings(), &address), reinit(CopySource::Leader)).await.is_ok());
    assert_eq!(orders.lock().expect("a lock").len(), 1);
}

#[tokio::test]
async fn an_agent_that_is_gone_frozen_or_dies_after_accepting_is_distinguished() {
    let refused = perform(&mut act(settings(), &double::refused()), agent(switchover())).await.expect_err("refused");
    assert!(
        matches!(&refused, NotPerformed::NotSent(error) if error.failure_kind == FailureKind::Refused),
        "{refused}"
    );
    let frozen = perform(&mut act(settings(), &double::silent()), agent(switchover())).await.expect_err("frozen");
    assert!(matches!(&frozen, NotPerformed::NotSent(_)), "only the question who it is was asked: {frozen}");
    let (address, orders) = agent_double(replica(), "");
    let died = perform(&mut act(settings(), &address), agent(switchover())).await.expect_err("no response");
    assert!(matches!(&died, NotPerformed::NoAnswer(error) if error.failure_kind == FailureKind::Closed), "{died}");
    assert_eq!(orders.lock().expect("a lock").len(), 1, "sent again");
}

#[tokio::test]
async fn a_configuration_in_the_answer_is_not_repeated() {
    let (address, _) = agent_double(replica(), "HTTP/1.0 200 OK\r\n\r\n{\"ttl\": 30, \"x\": \"s3cret\"}");
    let request = AgentRequest::Configure { changes: serde_json::Map::new() };
    let reply = perform(&mut act(settings(), &address), agent(request)).await.expect("a reply");
    assert_eq!((reply.is_accepted(), reply.text.as_str()), (true, "200 configuration changed"));
}

#[tokio::test]
async fn a_password_that_cannot_be_had_sends_nothing() {
    let mut settings = settings();
    let source = SecretSource::File("/no/such/password".into());
    settings.patroni.acting = Some(Login { user: "patroni".to_owned(), password: Some(source) });
    let (address, orders) = agent_double(replica(), "HTTP/1.0 200 OK\r\n\r\n");
    let error = perform(&mut act(settings, &address), agent(switchover())).await.expect_err("no password");
    assert!(
        matches!(&error, NotPerformed::NotSent(error) if error.failure_kind == FailureKind::Credentials),
        "{error}"
    );
    assert!(orders.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn a_permit_for_another_cluster_permits_nothing() {
    let (address, orders) = agent_double(replica(), "HTTP/1.0 200 OK\r\n\r\n");
    let (step, permit) = plan("staging", agent(switchover()), Duration::from_secs(1));
    let mut act = act(settings(), &address);
    let cancel = CancellationToken::new();
    let error = act.perform(&step, &permit, OrderControl::unattended(&cancel)).await.expect_err("refused");
    assert!(matches!(&error, NotPerformed::NotSent(error) if error.to_string().contains("staging")), "{error}");
    assert!(act.undo(&step.order, &permit, OrderControl::unattended(&cancel)).await.is_err());
    assert!(orders.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn what_is_not_configured_for_acting_is_refused_with_what_to_configure() {
    let mut act = act(settings(), &double::refused());
    let (backend, server) = (Text::new("primary"), Text::new("pg-1"));
    let router = |name: &str| Order::Router {
        router: name.into(),
        request: RouterRequest::State { backend: backend.clone(), server: server.clone(), state: ServerState::Ready },
    };
    let how = EndSession::Cancel;
    let sql = SqlRequest::EndSession { pid: 1, started: jiff::Timestamp::UNIX_EPOCH, how };
    for (order, words) in [
        (router("router"), "[clusters.NAME.routers.acting]"),
        (router("other"), "router not configured"),
        (Order::Sql { member: "pg-1".into(), system_id: None, request: sql }, "[clusters.NAME.postgres.acting]"),
        (Order::record(crate::action::order::RecordRequest::ClearFailover { revision: 1 }), "no etcd"),
    ] {
        let error = perform(&mut act, order).await.expect_err("refused");
        assert!(matches!(&error, NotPerformed::NotSent(error) if error.to_string().contains(words)), "{error}");
    }
}

#[tokio::test]
async fn a_server_in_maintenance_ignores_health_and_that_is_reported() {
    let table = "\n1\n# be_id be_name srv_id srv_name srv_op_state srv_admin_state\n4 primary 2 pg-1 0 1\n\n";
    let mut settings = settings();
    let address = double::answering(table);
    settings.routers[0].acting_runtime = Some(crate::config::endpoint::RuntimeApi::Tcp(address));
    let request = RouterRequest::Health { backend: "primary".into(), server: "pg-1".into(), up: true };
    let order = Order::Router { router: "router".into(), request };
    let reply = perform(&mut act(settings, &double::refused()), order).await.expect("a reply");
    assert!(!reply.is_accepted());
    assert_eq!(reply.text.as_str(), "HAProxy ignored \"health up\": the state is down, MAINT (manually)");
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_command_runs_with_the_first_order_and_not_again_with_the_next() {
    let runs = tempfile::NamedTempFile::new().expect("a file");
    let script = format!("echo run >> '{}'; echo s3cret", runs.path().display());
    let source = SecretSource::Command(["sh", "-c", &script].map(str::to_owned).to_vec());
    let mut settings = settings();
    settings.patroni.acting = Some(Login { user: "patroni".to_owned(), password: Some(source) });
    let (address, _) = agent_double(replica(), "HTTP/1.0 202 Accepted\r\n\r\nreload scheduled");
    let mut act = act(settings, &address);
    let count = || std::fs::read_to_string(runs.path()).unwrap_or_default().lines().count();
    assert_eq!(count(), 0, "fetched before anything was confirmed");
    for _ in 0..2 {
        assert!(perform(&mut act, agent(AgentRequest::Reload)).await.expect("a reply").is_accepted());
    }
    assert_eq!(count(), 1);
}
