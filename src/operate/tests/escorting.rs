//! An escort beside doubles of its sources: what may have been told up is told down when the proof breaks, and nothing is
//! told up by a proof that is too old when the connection stands.

use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rstest::rstest;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::stage::*;
use crate::action::escort::{Escort, LeadRecord, LeadWord, Route};
use crate::action::order::RouterRequest;
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::telling::Heard;
use crate::driver::port::{Companion, NotPerformed, Reply, Still, not_any_more};
use crate::model::lsn::{SystemId, Timeline};
use crate::model::moment::Moment;
use crate::model::name::{NodeName, RouterName};
use crate::model::router::{Hold, OwnCheck, ProxyKind, ProxyRow, ProxyStatus, ServerControl};
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;
use crate::observe::picture::Clock;
use crate::operate::escort::Party;

/// A cluster in which pg-1 has just been promoted, and a router whose answers are lost.
struct Wires {
    log: Mutex<Vec<String>>,
    /// How long the connection to the router takes.
    connects: Duration,
    up: fn() -> Result<Reply, NotPerformed>,
    /// What becomes of the record once the router was told up.
    then: fn() -> Result<LeadRecord, SourceError>,
}

impl Wires {
    fn told(&self) -> Vec<String> {
        self.log.lock().expect("nobody panicked").clone()
    }

    fn note(&self, line: String) {
        self.log.lock().expect("nobody panicked").push(line);
    }
}

impl Companion for Wires {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        let broken = !self.told().is_empty();
        let leads = || Ok(LeadRecord { holder: Some("pg-1".into()), order: None });
        async move { if broken { (self.then)() } else { leads() } }.boxed()
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadWord, SourceError>> {
        let leads = *member == NodeName::new("pg-1");
        let word =
            LeadWord { in_recovery: !leads, system_id: Some(SystemId(7)), timeline: leads.then_some(Timeline(13)) };
        async move { Ok(word) }.boxed()
    }

    fn is_primary<'a>(&'a self, _: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        async { Ok(true) }.boxed()
    }

    fn servers<'a>(&'a self, _: &'a RouterName, _: &'a Text) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        async { Ok(vec![down("a"), down("b")]) }.boxed()
    }

    fn tell<'a>(
        &'a self,
        _: &'a RouterName,
        request: &'a RouterRequest,
        _: &'a Permit,
        still: Still<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let RouterRequest::Health { server, up, .. } = request else { panic!("health alone is told") };
            self.note(format!("connecting for {server}"));
            sleep(self.connects).await;
            if !still() {
                return Err(not_any_more("edge"));
            }
            self.note(format!("{server} {}", if *up { "up" } else { "down" }));
            if *up { (self.up)() } else { accepted() }
        }
        .boxed()
    }
}

/// A server that takes nothing so far.
fn down(server: &str) -> ProxyRow {
    let control = ServerControl { running: false, hold: Hold::None, check: OwnCheck::Failed, agent: false };
    ProxyRow { control: Some(control), ..ProxyRow::of("primary", server, ProxyKind::Server, ProxyStatus::Down) }
}

fn permit(stage: &Stage) -> Permit {
    let mut plan = stage.request().plan;
    plan.generation.timeline = Some(Timeline(12));
    let confirmation =
        Confirmation { plan: Some(plan.hash()), typed: Some("prod-eu".into()), ..Confirmation::default() };
    plan.permit(&[], &confirmation, &WriteAccess::granted(), Moment::START).expect("confirmed")
}

async fn escorted(wires: &Wires) -> Vec<String> {
    let stage = Stage::new();
    let permit = permit(&stage);
    let servers = [("pg-0".into(), "a".into()), ("pg-1".into(), "b".into())].into();
    let route = Route { router: "edge".into(), backend: "primary".into(), servers };
    let escort =
        Escort { from: Some("pg-0".into()), to: Some("pg-1".into()), routes: vec![route], at_most: SECOND * 5 };
    let (_said, reply) = watch::channel(Some(Heard::Accepted("200".into())));
    let (news, _told) = mpsc::unbounded_channel();
    let party = Party { companion: wires, escort: &escort, permit: &permit, clock: Clock::start(), reply, news };
    timeout(SECOND * 30, party.go()).await.expect("it ends for sure");
    wires.told().into_iter().filter(|line| !line.starts_with("connecting")).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "an answer, as the port gives it")]
fn nobody_leads() -> Result<LeadRecord, SourceError> {
    Ok(LeadRecord::default())
}

fn silence() -> Result<LeadRecord, SourceError> {
    Err(SourceError::new(Trouble::TimedOut, "etcd", ""))
}

#[rstest]
#[case::nobody_leads(nobody_leads)]
#[case::nobody_can_be_asked(silence)]
#[tokio::test(start_paused = true)]
async fn a_server_whose_health_up_was_not_answered_is_told_down_when_the_proof_breaks(
    #[case] then: fn() -> Result<LeadRecord, SourceError>,
) {
    let wires = Wires { log: Mutex::default(), connects: Duration::ZERO, up: no_answer, then };
    let told = escorted(&wires).await;
    let up = told.iter().position(|line| line == "b up").expect("told up");
    assert!(told[up..].contains(&"b down".to_owned()), "HAProxy may have taken it: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_need_not_be_told_down() {
    let wires = Wires { log: Mutex::default(), connects: Duration::ZERO, up: not_sent, then: nobody_leads };
    let told = escorted(&wires).await;
    assert!(!told.contains(&"b down".to_owned()), "{told:?}");
}

/// Connecting takes longer than a proof is good for, and nobody can be asked anew meanwhile.
#[tokio::test(start_paused = true)]
async fn a_proof_that_has_grown_old_while_the_connection_came_about_tells_nothing() {
    let wires = Wires { log: Mutex::default(), connects: Duration::from_millis(700), up: accepted, then: silence };
    let told = escorted(&wires).await;
    assert!(!told.contains(&"b up".to_owned()), "{told:?}");
}
