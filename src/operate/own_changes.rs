//! Whose hand set a server of a router: this user's own is known by the journal, and is no reason to refuse to set it ready
//! again. Anybody else's still is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::judge::{Judge, Rules};
use crate::action::before::StateBefore;
use crate::action::evaluation::{Attempt, Judgement, MilestoneStatus};
use crate::action::inspected::Inspected;
use crate::action::intent::{Intent, RouterIntent, ServerState};
use crate::action::milestone::Milestone;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::order::{Order, RouterRequest};
use crate::action::plan::Plan;
use crate::action::record::{ActionId, Entry, Record};
use crate::audit::Journal;
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, RouterName};
use crate::model::router::{AdminState, ProxyRow};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;

/// The check that holds against a server which somebody may have taken out.
const CHECK: &str = "router-server";
/// How far the router's count of seconds since the change may be from the journal's.
const TOLERANCE_SECONDS: f64 = 10.0;
/// How long what was read of the journal is good.
const DECISION_LIFETIME: Duration = Duration::from_secs(5);

/// The rules, and what this user has set by the console.
pub struct OwnChanges {
    journal: Journal,
    /// Whether the journal is waited for: not where a screen is drawn meanwhile.
    waits: bool,
    known: Arc<Mutex<ChangeState>>,
}

#[derive(Default)]
struct ChangeState {
    settings: Vec<OwnChange>,
    read: Option<Instant>,
    reading: bool,
}

/// One state that was set through the console.
#[derive(Clone, PartialEq, Debug)]
struct OwnChange {
    cluster: ClusterName,
    action: ActionId,
    at: Timestamp,
    router: RouterName,
    backend: Text,
    server: Text,
    state: ServerState,
}

impl OwnChanges {
    /// Rules that wait for the journal where they need it.
    pub fn waiting(journal: Journal) -> Self {
        Self { journal, waits: true, known: Arc::default() }
    }

    /// Rules that read the journal beside whoever asks, and know it a moment later.
    pub fn beside(journal: Journal) -> Self {
        Self { journal, waits: false, known: Arc::default() }
    }

    /// What was set, as far as it is read by now.
    fn settings(&self) -> Vec<OwnChange> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.read.is_none_or(|read| read.elapsed() > DECISION_LIFETIME) && !known.reading {
            known.reading = true;
            let (journal, place) = (self.journal.clone(), Arc::clone(&self.known));
            let read = move || {
                let settings = journal.read().map(|reading| settings(&reading.records)).unwrap_or_default();
                let mut known = place.lock().unwrap_or_else(PoisonError::into_inner);
                *known = ChangeState { settings, read: Some(Instant::now()), reading: false };
            };
            if self.waits {
                drop(known);
                read();
                known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            } else if std::thread::Builder::new().name("journal".to_owned()).spawn(read).is_err() {
                known.reading = false;
            }
        }
        known.settings.clone()
    }
}

impl Judge for OwnChanges {
    fn examine(&self, snapshot: &Snapshot, inspected: &Inspected, plan: &Plan) -> Vec<CheckNote> {
        let mut notes = Rules.examine(snapshot, inspected, plan);
        let Intent::Router(RouterIntent::Server { router, backend, server, state: ServerState::Ready }) = &plan.intent
        else {
            return notes;
        };
        let refused =
            |note: &&mut CheckNote| note.check == *CHECK && note.verdict == CheckVerdict::Block && note.can_override;
        let Some(note) = notes.iter_mut().find(refused) else { return notes };
        let found = snapshot.router(router);
        let report = found.and_then(|router| router.reading(snapshot.now)).and_then(|reading| reading.last());
        let Some(row) = report.and_then(|report| report.server(backend, server)) else { return notes };
        let settings = self.settings();
        let of_it = |setting: &&OwnChange| {
            setting.cluster == plan.cluster
                && setting.router == *router
                && setting.backend == *backend
                && setting.server == *server
        };
        if let Some(own) = settings.iter().rfind(of_it).filter(|setting| is_ours(setting, row, snapshot.wall)) {
            note.verdict = CheckVerdict::Pass;
            note.can_override = false;
            note.text = Text::redacted(format!(
                "{backend}/{server} is {}, set by this user with pgctl-tui {} ago (action {})",
                row.as_str(),
                units::duration(since(own.at, snapshot.wall)),
                own.action
            ));
        }
        notes
    }

    fn evaluate(
        &self,
        milestone: &Milestone,
        snapshot: &Snapshot,
        before: &StateBefore,
        since: Moment,
    ) -> MilestoneStatus {
        Rules.evaluate(milestone, snapshot, before, since)
    }

    fn judge(&self, plan: &Plan, before: &StateBefore, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
        Rules.judge(plan, before, attempt, snapshot)
    }
}

/// States that were set and accepted, or may have been, oldest first.
fn settings(records: &[Record]) -> Vec<OwnChange> {
    let mut found = Vec::new();
    for record in records {
        let (Entry::StepEnded { step, accepted, .. } | Entry::Undone { step, accepted, .. }) = &record.entry else {
            continue;
        };
        if *accepted == Some(false) {
            continue;
        }
        let plan = records.iter().find_map(|other| match &other.entry {
            Entry::Started { plan, .. } if other.action == record.action => Some(plan),
            _ => None,
        });
        let step = plan.and_then(|plan| plan.steps.get(*step));
        let order = match &record.entry {
            Entry::Undone { .. } => step.and_then(|step| step.undo.as_ref()),
            _ => step.map(|step| &step.order),
        };
        let (router, backend, server, state) = match order {
            Some(Order::Router { router, request: RouterRequest::State { backend, server, state } }) => {
                (router, backend, server, *state)
            }
            Some(Order::Router { router, request: RouterRequest::EndDrain { backend, server } }) => {
                (router, backend, server, ServerState::Ready)
            }
            _ => continue,
        };
        found.push(OwnChange {
            cluster: record.cluster.clone(),
            action: record.action.clone(),
            at: record.at,
            router: router.clone(),
            backend: backend.clone(),
            server: server.clone(),
            state,
        });
    }
    found
}

/// Whether the server stands as it was set here, and has not been changed since as far as the router counts: a server in
/// maintenance is not checked, so that nothing but a command changes it.
fn is_ours(setting: &OwnChange, row: &ProxyRow, wall: Timestamp) -> bool {
    let apart = || row.last_change.map(|changed| (changed.as_secs_f64() - since(setting.at, wall).as_secs_f64()).abs());
    match (setting.state, row.effective_admin_state()) {
        (ServerState::Maintenance, AdminState::Maintenance) => apart().is_none_or(|apart| apart <= TOLERANCE_SECONDS),
        (ServerState::Drain, AdminState::Drain) => true,
        (ServerState::Maintenance | ServerState::Drain | ServerState::Ready, _) => false,
    }
}

fn since(at: Timestamp, wall: Timestamp) -> Duration {
    wall.duration_since(at).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::router::{HeldBy, ProxyKind, ProxyStatus};
    use crate::model::test_support::{proxy_row, seconds, wall};

    fn set(state: ServerState, ago: u64) -> OwnChange {
        OwnChange {
            cluster: ClusterName::new("prod-eu"),
            action: ActionId("20261121-140207-005-4711".to_owned()),
            at: wall() - seconds(ago),
            router: RouterName::new("pg-router"),
            backend: "replicas".into(),
            server: "pg-2".into(),
            state,
        }
    }

    fn row(word: &str, changed: u64) -> ProxyRow {
        let mut row = proxy_row("replicas", "pg-2", ProxyKind::Server, word);
        row.last_change = Some(seconds(changed));
        row
    }

    #[rstest]
    #[case::as_it_was_set(ServerState::Maintenance, 300, "MAINT", 301, true)]
    #[case::set_anew_by_somebody(ServerState::Maintenance, 300, "MAINT", 20, false)]
    #[case::it_was_in_maintenance_before(ServerState::Maintenance, 300, "MAINT", 900, false)]
    #[case::drained(ServerState::Drain, 300, "DRAIN", 4_000, true)]
    #[case::another_state(ServerState::Drain, 300, "MAINT", 300, false)]
    #[case::set_ready_last(ServerState::Ready, 300, "MAINT", 300, false)]
    fn a_state_is_ones_own_where_nothing_has_changed_since(
        #[case] state: ServerState,
        #[case] ago: u64,
        #[case] word: &str,
        #[case] changed: u64,
        #[case] ours: bool,
    ) {
        assert_eq!(is_ours(&set(state, ago), &row(word, changed), wall()), ours);
    }

    #[test]
    fn a_drained_server_whose_check_fails_is_known_by_its_control() {
        let mut row = row("DOWN", 3);
        row.held_by = Some(HeldBy::Hand);
        row.status = ProxyStatus::DrainGoingDown("1/3".into());
        assert!(is_ours(&set(ServerState::Drain, 60), &row, wall()));
    }
}
