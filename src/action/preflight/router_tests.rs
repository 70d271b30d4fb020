//! Checks of what is done at a router, or told to it.

use rstest::rstest;

use super::examine;
use super::tests::verdict;
use crate::action::expectation::Expectation;
use crate::action::intent::{Intent, ServerState};
use crate::action::note::Verdict;
use crate::action::order::{AgentRequest, Order, RouterRequest};
use crate::action::plan::Plan;
use crate::action::test_support::*;
use crate::model::name::RouterName;
use crate::model::observed::Reading;
use crate::model::router::{Hold, OwnCheck, ProxyRow, ProxyStatus, RuntimeLevel, ServerControl};
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};

use Verdict::{Block, Pass, Unknown, Warn};

fn server_plan(server: &str, state: ServerState) -> Plan {
    let intent = Intent::RouterServer {
        router: RouterName::new("edge"),
        backend: "primary".into(),
        server: server.into(),
        state,
    };
    plan(intent, 0, AgentRequest::Reload, Expectation::default())
}

#[rstest]
#[case("pg-0", ServerState::Drain, "router-last-server", Block, true)]
#[case("pg-0", ServerState::Maintenance, "router-last-server", Block, true)]
#[case("pg-1", ServerState::Maintenance, "router-last-server", Pass, false)]
#[case("pg-2", ServerState::Ready, "router-server", Block, true)]
#[case("pg-0", ServerState::Ready, "router-server", Pass, false)]
#[case("pg-9", ServerState::Ready, "router-server", Block, false)]
fn a_router_server_is_checked(
    #[case] server: &str,
    #[case] state: ServerState,
    #[case] check: &str,
    #[case] expected: Verdict,
    #[case] can_override: bool,
) {
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| rows[2].status = ProxyStatus::Maintenance("".into()));
    let action = server_plan(server, state);
    assert_eq!(verdict(&examine(&snapshot, &action), check), (expected, can_override));
    snapshot.routers[0].runtime = None;
    assert_eq!(verdict(&examine(&snapshot, &action), "router-answers").0, Block, "the page cannot be written to");
}

/// A server in drain whose check fails shows as DOWN; its control tells.
#[test]
fn a_server_that_a_hand_holds_is_told_although_it_shows_as_down() {
    let held = |row: &mut ProxyRow| {
        let check = OwnCheck::Failed;
        row.control = Some(ServerControl { running: false, hold: Hold::Drain, check, agent: false });
    };
    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| held(&mut rows[1]));
    let notes = examine(&snapshot, &switchover(Some(1)));
    assert_eq!(verdict(&notes, "router-candidate"), (Block, true), "{notes:?}");
    assert!(notes.iter().all(|note| note.check != *"router-held"));

    let mut snapshot = healthy();
    rows(&mut snapshot, |rows| rows.push(row("replicas", "pg-0", ProxyStatus::Maintenance("".into()))));
    let notes = examine(&snapshot, &switchover(Some(1)));
    assert_eq!(verdict(&notes, "router-candidate").0, Pass);
    let note = notes.iter().find(|note| note.check == *"router-held").unwrap();
    assert_eq!(note.verdict, Warn);
    assert!(note.text.as_str().contains("replicas/pg-0 is MAINT"), "{}", note.text);
}

/// Otherwise it would show in the middle of the action.
#[rstest]
#[case(Some(RuntimeLevel::Admin), Some(Pass))]
#[case(Some(RuntimeLevel::Operator), Some(Block))]
#[case(Some(RuntimeLevel::User), Some(Block))]
#[case(Some(RuntimeLevel::Unknown("".into())), Some(Unknown))]
#[case(None, Some(Block))]
fn a_router_that_is_to_be_told_lets_itself_be_told(
    #[case] level: Option<RuntimeLevel>,
    #[case] expected: Option<Verdict>,
) {
    let mut snapshot = healthy();
    let mut action = server_plan("pg-1", ServerState::Drain);
    let found = |snapshot: &Snapshot, action: &Plan| {
        let notes = examine(snapshot, action);
        notes.iter().find(|note| note.check == *"router-level").map(|note| note.verdict)
    };
    let request = RouterRequest::State { backend: "primary".into(), server: "pg-1".into(), state: ServerState::Drain };
    action.steps[0].order = Order::Router { router: RouterName::new("edge"), request };
    assert_eq!(found(&snapshot, &action), None, "nobody asks it here");
    let source = Source::new(SourceKind::RouterActing, "edge");
    let mut reading = Reading::unasked(source, seconds(30), snapshot.now);
    if let Some(level) = level {
        reading.take(snapshot.now, seconds(0), Ok(level.into()));
    }
    snapshot.routers[0].acting = Some(reading);
    assert_eq!(found(&snapshot, &action), expected);
    assert_eq!(found(&snapshot, &switchover(Some(1))), None, "an ordinary switchover tells no router");
}
