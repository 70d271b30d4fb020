//! Checks of what is done at a router, or told to it.

use rstest::rstest;

use super::examine;
use super::tests::verdict;
use crate::action::expectation::Expectation;
use crate::action::intent::{Intent, RouterIntent, ServerState};
use crate::action::note::CheckVerdict;
use crate::action::order::{AgentRequest, Order, RouterRequest};
use crate::action::plan::Plan;
use crate::action::test_support::*;
use crate::model::name::RouterName;
use crate::model::observed::Reading;
use crate::model::router::{AdminState, CheckState, ProxyRow, ProxyStatus, RuntimeLevel, ServerAdminState};
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceKind};

use CheckVerdict::{Block, Pass, Unknown, Warn};

fn server_plan(server: &str, state: ServerState) -> Plan {
    let intent = Intent::Router(RouterIntent::Server {
        router: RouterName::new("edge"),
        backend: "primary".into(),
        server: server.into(),
        state,
    });
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
    #[case] expected: CheckVerdict,
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
fn a_server_that_an_operator_holds_is_reported_although_it_shows_as_down() {
    let held = |row: &mut ProxyRow| {
        let check = CheckState::Failed;
        row.admin_state =
            Some(ServerAdminState { is_running: false, admin_state: AdminState::Drain, check, has_agent_check: false });
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
fn a_router_that_is_to_be_reported_lets_itself_be_reported(
    #[case] level: Option<RuntimeLevel>,
    #[case] expected: Option<CheckVerdict>,
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
    let mut reading = Reading::not_attempted(source, seconds(30), snapshot.now);
    if let Some(level) = level {
        reading.take(snapshot.now, seconds(0), Ok(level.into()));
    }
    snapshot.routers[0].acting = Some(reading);
    assert_eq!(found(&snapshot, &action), expected);
    assert_eq!(found(&snapshot, &switchover(Some(1))), None, "an ordinary switchover tells no router");
}
