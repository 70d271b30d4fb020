//! What poolers are asked is told from their consoles alone, and from what they said since.

use std::sync::Arc;

use rstest::rstest;

use super::super::{MilestoneStatus, evaluate};
use crate::action::milestone::Milestone;
use crate::action::test_support::*;
use crate::model::moment::Moment;
use crate::model::name::PoolerName;
use crate::model::pooler::test_support::{pooler, working};
use crate::model::pooler::{PoolerReport, PoolerState, ServerAddress};
use crate::model::snapshot::Snapshot;

fn told(edit: impl FnOnce(&mut PoolerReport), milestone: &Milestone, since: Moment) -> MilestoneStatus {
    let mut report = working();
    edit(&mut report);
    let mut reading = pooler();
    if let Some(answer) = &mut reading.answer {
        answer.value = Arc::new(report);
    }
    let snapshot = Snapshot { poolers: vec![reading], ..healthy() };
    evaluate(milestone, &snapshot, &before(), since)
}

/// Before the pooler was asked last.
fn earlier() -> Moment {
    now() - seconds(1)
}

fn flow(database: Option<&str>, paused: bool) -> Milestone {
    Milestone::PoolerFlow { pooler: PoolerName::new("edge"), database: database.map(Into::into), paused }
}

fn moved() -> Milestone {
    Milestone::PoolerMoved { pooler: PoolerName::new("edge"), database: None }
}

fn held(report: &mut PoolerReport) {
    report.databases[0].paused = Some(true);
    report.pools[0].servers_active = Some(0);
}

fn all_held(report: &mut PoolerReport) {
    report.state = PoolerState::Paused;
    report.pools[0].servers_active = Some(0);
}

#[rstest]
#[case::held(flow(Some("shop"), true), held, true)]
#[case::with_servers_in_use(flow(Some("shop"), true), |report: &mut PoolerReport| report.databases[0].paused = Some(true), false)]
#[case::with_one_canceling(
    flow(Some("shop"), true),
    |report: &mut PoolerReport| {
        held(report);
        report.pools[0].servers_canceling = Some(1);
    },
    false
)]
#[case::flows(flow(Some("shop"), true), |_: &mut PoolerReport| {}, false)]
#[case::resumed(flow(Some("shop"), false), |_: &mut PoolerReport| {}, true)]
#[case::below_a_pause_of_everything(flow(Some("shop"), false), all_held, false)]
#[case::everything(flow(None, true), all_held, true)]
#[case::one_database_is_not_everything(flow(None, true), held, false)]
#[case::everything_resumed(flow(None, false), held, true)]
#[case::of_no_such_database(flow(Some("other"), true), held, false)]
fn a_pause_is_told_by_the_process_its_databases_and_its_servers(
    #[case] milestone: Milestone,
    #[case] edit: fn(&mut PoolerReport),
    #[case] expected: bool,
) {
    let status = told(edit, &milestone, earlier());
    assert_eq!(status.is_reached(), expected, "{status:?}");
    assert!(!told(edit, &milestone, now()).is_reached(), "what was said before tells nothing");
}

fn server(address: &str, closing: u32) -> ServerAddress {
    let port = Some(5432);
    ServerAddress { database: "shop".into(), address: address.into(), port, connections: 2, active: 1, closing }
}

#[rstest]
#[case::none_left(vec![], true)]
#[case::where_it_leads(vec![server("10.0.0.0", 0)], true)]
#[case::about_to_close(vec![server("10.0.0.0", 1)], false)]
fn servers_have_moved_once_none_of_before_is_left(#[case] servers: Vec<ServerAddress>, #[case] expected: bool) {
    let status = told(|report| report.servers = Some(servers), &moved(), earlier());
    assert_eq!(status.is_reached(), expected, "{status:?}");
}

#[test]
fn servers_that_were_read_before_tell_nothing() {
    let stale = |report: &mut PoolerReport| report.sockets_asked = Some(now() - seconds(9));
    assert!(!told(stale, &moved(), earlier()).is_reached());
    assert!(!told(|report| report.servers = None, &moved(), earlier()).is_reached());
}
