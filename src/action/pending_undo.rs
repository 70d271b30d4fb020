//! What is owed, asked anew of the world: another hand may have taken back by now what an action left.

use super::intent::{PendingUndo, ServerState};
use super::order::{Order, PoolerRequest, RouterRequest};
use crate::model::moment::Moment;
use crate::model::name::PoolerName;
use crate::model::pooler::PoolerState;
use crate::model::router::{AdminState, HeldBy, ProxyRow};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Whether what an owed order takes back is still there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It stands.
    Stands,
    /// It is gone, by this word: nothing is left to be taken back.
    Gone(Text),
    /// Nobody has said since.
    NotReceived,
    /// Nothing that is observed tells.
    Unreported,
}

impl Effect {
    /// Whether it is proven to be gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

/// What `snapshot` says of the effect that `order` takes back, told only from what was asked after `since`, when whoever
/// made it was gone: an answer of before may be older than the effect.
pub fn effect(order: &Order, snapshot: &Snapshot, since: Moment) -> Effect {
    if let Order::Pooler { pooler, request } = order {
        return of_pooler(pooler, request, snapshot, since);
    }
    let Order::Router { router, request } = order else { return Effect::Unreported };
    let Some(router) = snapshot.router(router) else { return Effect::Unreported };
    let asked = router.reading(snapshot.now).filter(|reading| reading.is_fresh(snapshot.now));
    let answer = asked.and_then(|reading| reading.answer.as_ref().zip(Some(&reading.source)));
    let Some((answer, source)) = answer.filter(|(answer, _)| answer.at >= since + answer.took) else {
        return Effect::NotReceived;
    };
    let (backend, server) = match request {
        RouterRequest::State { backend, server, .. }
        | RouterRequest::EndDrain { backend, server }
        | RouterRequest::Health { backend, server, .. } => (backend, server),
    };
    let Some(row) = answer.value.server(backend, server) else { return Effect::Unreported };
    let gone = match request {
        RouterRequest::State { state, .. } => administrative(row).map(|now| now == *state),
        // What another hand has set in its place stays.
        RouterRequest::EndDrain { .. } => administrative(row).map(|now| now != ServerState::Drain),
        RouterRequest::Health { up, .. } => Some(row.status.takes_traffic() == *up),
    };
    match gone {
        Some(true) => Effect::Gone(Text::new(format!("{source}: {backend}/{server} is {}", row.as_str()))),
        Some(false) => Effect::Stands,
        None => Effect::Unreported,
    }
}

/// A pause that another hand has ended is nobody's debt any more.
fn of_pooler(pooler: &PoolerName, request: &PoolerRequest, snapshot: &Snapshot, since: Moment) -> Effect {
    let asked = snapshot.poolers.iter().find(|reading| reading.source.target == *pooler.text());
    let asked = asked.filter(|reading| reading.is_fresh(snapshot.now));
    let answer = asked.and_then(|reading| reading.answer.as_ref().zip(Some(&reading.source)));
    let Some((answer, source)) = answer.filter(|(answer, _)| answer.at >= since + answer.took) else {
        return Effect::NotReceived;
    };
    let (paused, what) = match request {
        PoolerRequest::Resume { database } => {
            let known = answer.value.database(database);
            (known.and_then(|known| known.paused), database.as_str())
        }
        PoolerRequest::ResumeAll => match answer.value.state {
            PoolerState::Active => (Some(false), "it"),
            PoolerState::Paused | PoolerState::Suspended => (Some(true), "it"),
            PoolerState::Unknown => (None, "it"),
        },
        PoolerRequest::Pause { .. }
        | PoolerRequest::PauseAll
        | PoolerRequest::Reconnect { .. }
        | PoolerRequest::Kill { .. } => (None, ""),
    };
    match paused {
        Some(false) => Effect::Gone(Text::redacted(format!("{source}: {what} is not paused"))),
        Some(true) => Effect::Stands,
        None => Effect::Unreported,
    }
}

/// Those of `owed` whose effect is proven to be gone, with the word for it.
pub fn reverted_already(pending_undo: &[PendingUndo], snapshot: &Snapshot, since: Moment) -> Vec<(usize, Text)> {
    let reported = pending_undo.iter().filter_map(|one| match effect(&one.order, snapshot, since) {
        Effect::Gone(word) => Some((one.step, word)),
        Effect::Stands | Effect::NotReceived | Effect::Unreported => None,
    });
    reported.collect()
}

/// The state that somebody has set; `None`: not told.
fn administrative(row: &ProxyRow) -> Option<ServerState> {
    match (row.effective_admin_state(), row.holder()) {
        (AdminState::Maintenance, _) => Some(ServerState::Maintenance),
        (AdminState::Drain, Some(HeldBy::Weight)) => Some(ServerState::Ready),
        (AdminState::Drain, _) => Some(ServerState::Drain),
        (AdminState::None, _) if row.admin_state.is_some() || row.status.takes_traffic() => Some(ServerState::Ready),
        // A drained server whose check fails looks like any other that is down.
        (AdminState::None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::test_support::{healthy, now, pass, rows, seconds, since};
    use super::*;
    use crate::model::name::RouterName;
    use crate::model::router::{CheckState, ProxyStatus, ServerAdminState};
    use crate::model::source::FailureKind;

    fn of(request: RouterRequest) -> Order {
        Order::Router { router: RouterName::new("edge"), request }
    }

    fn state(state: ServerState) -> Order {
        of(RouterRequest::State { backend: "primary".into(), server: "pg-1".into(), state })
    }

    fn end_drain() -> Order {
        of(RouterRequest::EndDrain { backend: "primary".into(), server: "pg-1".into() })
    }

    fn health(up: bool) -> Order {
        of(RouterRequest::Health { backend: "primary".into(), server: "pg-1".into(), up })
    }

    fn shown(status: &str) -> Snapshot {
        let mut snapshot = healthy();
        rows(&mut snapshot, |rows| rows[1].status = ProxyStatus::from_name(status));
        pass(&mut snapshot, seconds(2));
        snapshot
    }

    #[rstest]
    #[case::ready_again(state(ServerState::Ready), "UP", Some(true))]
    #[case::still_drained(state(ServerState::Ready), "DRAIN", Some(false))]
    #[case::in_maintenance_by_now(state(ServerState::Ready), "MAINT", Some(false))]
    #[case::perhaps_drained_and_down(state(ServerState::Ready), "DOWN", None)]
    #[case::in_maintenance_again(state(ServerState::Maintenance), "MAINT", Some(true))]
    #[case::undrained(end_drain(), "UP", Some(true))]
    #[case::drained(end_drain(), "DRAIN", Some(false))]
    #[case::set_by_another_hand(end_drain(), "MAINT", Some(true))]
    #[case::up_again(health(true), "UP", Some(true))]
    #[case::forced_down(health(true), "DOWN", Some(false))]
    fn what_is_pending_is_gone_when_the_router_shows_that(
        #[case] order: Order,
        #[case] status: &str,
        #[case] gone: Option<bool>,
    ) {
        let reported = match effect(&order, &shown(status), since()) {
            Effect::Gone(_) => Some(true),
            Effect::Stands => Some(false),
            Effect::NotReceived | Effect::Unreported => None,
        };
        assert_eq!(reported, gone);
    }

    #[test]
    fn a_router_that_tells_who_holds_a_server_tells_it_of_one_that_is_down_too() {
        let mut snapshot = shown("DOWN");
        let control = ServerAdminState {
            is_running: false,
            admin_state: AdminState::None,
            check: CheckState::Failed,
            has_agent_check: false,
        };
        rows(&mut snapshot, |rows| rows[1].admin_state = Some(control));
        assert!(effect(&state(ServerState::Ready), &snapshot, since()).is_gone());
    }

    #[test]
    fn an_answer_to_an_earlier_question_and_silence_tell_nothing() {
        assert_eq!(effect(&state(ServerState::Ready), &shown("UP"), now() + seconds(2)), Effect::NotReceived);
        let mut silent = shown("UP");
        let at = silent.now;
        let router = &mut silent.routers[0];
        for reading in [&mut router.http, &mut router.runtime].into_iter().flatten() {
            super::super::test_support::fail(reading, FailureKind::TimedOut, at);
        }
        silent.now = at + seconds(10);
        assert_eq!(effect(&state(ServerState::Ready), &silent, since()), Effect::NotReceived);
    }

    #[test]
    fn what_no_picture_shows_stays_pending() {
        let repair = Order::Drill { request: super::super::drill::DrillRequest::End };
        assert_eq!(effect(&repair, &shown("UP"), since()), Effect::Unreported);
        let elsewhere = Order::Router {
            router: RouterName::new("other"),
            request: RouterRequest::EndDrain { backend: "primary".into(), server: "pg-1".into() },
        };
        assert_eq!(effect(&elsewhere, &shown("UP"), since()), Effect::Unreported);
    }
}
