//! An escort beside doubles of its sources: what may have been told up is told down when the proof breaks, and nothing is
//! told up by a proof that is too old when the connection stands.

use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rstest::rstest;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::fixture::*;
use crate::action::evaluation::ReplyStatus;
use crate::action::order::RouterRequest;
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::router_handover::{LeadAnswer, LeadRecord, RouterHandover, RouterRoute};
use crate::driver::port::{LeadWatcher, NotPerformed, Reply, StillAllowed, no_longer};
use crate::model::lsn::{SystemId, Timeline};
use crate::model::moment::Moment;
use crate::model::name::{NodeName, RouterName};
use crate::model::router::{AdminState, CheckState, ProxyKind, ProxyRow, ProxyStatus, ServerAdminState};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;
use crate::observe::picture::Clock;
use crate::operate::router_handover::HandoverContext;

/// A cluster in which pg-1 has just been promoted, and a router whose answers are lost.
struct HandoverFixture {
    log: Mutex<Vec<String>>,
    /// How long the connection to the router takes.
    connects: Duration,
    up: fn() -> Result<Reply, NotPerformed>,
    /// What becomes of the record once the router was told up.
    then: fn() -> Result<LeadRecord, SourceError>,
}

impl HandoverFixture {
    fn reported(&self) -> Vec<String> {
        self.log.lock().expect("nobody panicked").clone()
    }

    fn note(&self, line: String) {
        self.log.lock().expect("nobody panicked").push(line);
    }
}

impl LeadWatcher for HandoverFixture {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        let broken = !self.reported().is_empty();
        let leads = || Ok(LeadRecord { holder: Some("pg-1".into()), order: None });
        async move { if broken { (self.then)() } else { leads() } }.boxed()
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadAnswer, SourceError>> {
        let leads = *member == NodeName::new("pg-1");
        let word =
            LeadAnswer { in_recovery: !leads, system_id: Some(SystemId(7)), timeline: leads.then_some(Timeline(13)) };
        async move { Ok(word) }.boxed()
    }

    fn is_primary<'a>(&'a self, _: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        async { Ok(true) }.boxed()
    }

    fn servers<'a>(&'a self, _: &'a RouterName, _: &'a Text) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        async { Ok(vec![down("a"), down("b")]) }.boxed()
    }

    fn update_router<'a>(
        &'a self,
        _: &'a RouterName,
        request: &'a RouterRequest,
        _: &'a Permit,
        still: StillAllowed<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let RouterRequest::Health { server, up, .. } = request else { panic!("health alone is told") };
            self.note(format!("connecting for {server}"));
            sleep(self.connects).await;
            if !still() {
                return Err(no_longer("edge"));
            }
            self.note(format!("{server} {}", if *up { "up" } else { "down" }));
            if *up { (self.up)() } else { accepted() }
        }
        .boxed()
    }
}

/// A server that takes nothing so far.
fn down(server: &str) -> ProxyRow {
    let control = ServerAdminState {
        is_running: false,
        admin_state: AdminState::None,
        check: CheckState::Failed,
        has_agent_check: false,
    };
    ProxyRow { admin_state: Some(control), ..ProxyRow::of("primary", server, ProxyKind::Server, ProxyStatus::Down) }
}

fn permit(fixture: &RunnerFixture) -> Permit {
    let mut plan = fixture.request().plan;
    plan.generation.timeline = Some(Timeline(12));
    let confirmation =
        Confirmation { plan: Some(plan.hash()), typed: Some("prod-eu".into()), ..Confirmation::default() };
    plan.permit(&[], &confirmation, &WriteAccess::granted(), Moment::START).expect("confirmed")
}

async fn handover_report(wires: &HandoverFixture) -> Vec<String> {
    let fixture = RunnerFixture::new();
    let permit = permit(&fixture);
    let servers = [("pg-0".into(), "a".into()), ("pg-1".into(), "b".into())].into();
    let route = RouterRoute { router: "edge".into(), backend: "primary".into(), servers };
    let router_handover = RouterHandover {
        from: Some("pg-0".into()),
        to: Some("pg-1".into()),
        routes: vec![route],
        poolers: Vec::new(),
        at_most: SECOND * 5,
    };
    let (_said, reply) = watch::channel(Some(ReplyStatus::Accepted("200".into())));
    let (news, _told) = mpsc::unbounded_channel();
    let handover_context = HandoverContext {
        lead_watcher: wires,
        router_handover: &router_handover,
        permit: &permit,
        clock: Clock::start(),
        reply,
        news,
        snapshot: std::sync::Arc::new(crate::model::test_support::healthy()),
        paused_since: None,
    };
    timeout(SECOND * 30, handover_context.run()).await.expect("it ends for sure");
    wires.reported().into_iter().filter(|line| !line.starts_with("connecting")).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "an answer, as the port gives it")]
fn nobody_leads() -> Result<LeadRecord, SourceError> {
    Ok(LeadRecord::default())
}

fn silence() -> Result<LeadRecord, SourceError> {
    Err(SourceError::new(FailureKind::TimedOut, "etcd", ""))
}

#[rstest]
#[case::nobody_leads(nobody_leads)]
#[case::nobody_can_be_asked(silence)]
#[tokio::test(start_paused = true)]
async fn a_server_whose_health_up_was_not_answered_is_set_down_when_the_proof_breaks(
    #[case] then: fn() -> Result<LeadRecord, SourceError>,
) {
    let wires = HandoverFixture { log: Mutex::default(), connects: Duration::ZERO, up: no_answer, then };
    let reported = handover_report(&wires).await;
    let up = reported.iter().position(|line| line == "b up").expect("told up");
    assert!(reported[up..].contains(&"b down".to_owned()), "HAProxy may have taken it: {reported:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_need_not_be_set_down() {
    let wires = HandoverFixture { log: Mutex::default(), connects: Duration::ZERO, up: not_sent, then: nobody_leads };
    let reported = handover_report(&wires).await;
    assert!(!reported.contains(&"b down".to_owned()), "{reported:?}");
}

/// Connecting takes longer than a proof is good for, and nobody can be asked anew meanwhile.
#[tokio::test(start_paused = true)]
async fn a_proof_that_has_grown_old_while_the_connection_came_about_tells_nothing() {
    let wires =
        HandoverFixture { log: Mutex::default(), connects: Duration::from_millis(700), up: accepted, then: silence };
    let reported = handover_report(&wires).await;
    assert!(!reported.contains(&"b up".to_owned()), "{reported:?}");
}
