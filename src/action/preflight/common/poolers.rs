//! What pausing poolers wants: that each of them can be paused within seconds, that nobody else holds a pause there, and that
//! no client gives up meanwhile.

use std::time::Duration;

use crate::action::note::CheckNote;
use crate::action::order::Order;
use crate::action::plan::{Plan, Step};
use crate::action::pooler_release::{PAUSE_LIMIT, PAUSE_TIMEOUT, PoolerRelease};
use crate::action::pooler_traffic::{ClientSession, PoolerTraffic, WritersWay};
use crate::action::preflight::context::{CheckContext, block, pass, unknown, warn};
use crate::model::pooler::{GiveUp, PoolMode, PoolerReport};
use crate::model::text::Text;
use crate::model::units;

/// A transaction that has been open for so long is not about to end.
const LONG: Duration = Duration::from_secs(2);
/// Clients that are named one by one.
const MAX_NAMED: usize = 3;

/// Everything, for a plan that pauses poolers.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    for release in context.steps().flat_map(releases) {
        of_pooler(context, release, notes);
    }
}

/// What was asked of sessions and sockets says of `plan`.
pub(in crate::action::preflight) fn inspected(traffic: Option<&PoolerTraffic>, plan: &Plan) -> Vec<CheckNote> {
    let releases: Vec<&PoolerRelease> = plan.steps.iter().flat_map(releases).collect();
    if releases.is_empty() {
        return Vec::new();
    }
    let held = releases.iter().filter_map(|release| held(traffic, release));
    held.chain([writers(traffic, &releases)]).collect()
}

fn releases(step: &Step) -> &[PoolerRelease] {
    match &step.order {
        Order::RouterHandover(router_handover) => &router_handover.poolers,
        _ => &[],
    }
}

fn of_pooler(context: &CheckContext<'_>, release: &PoolerRelease, notes: &mut Vec<CheckNote>) {
    let name = &release.pooler;
    let snapshot = context.snapshot;
    let reading = snapshot.poolers.iter().find(|reading| reading.source.target == *name.text());
    let Some(report) = reading.and_then(|reading| reading.fresh(snapshot.now)) else {
        notes.push(block("pooler-answers", format!("the console of {name} does not respond: it cannot be paused")));
        return;
    };
    notes.push(paused(release, report));
    notes.push(pooling(release, report));
    notes.push(patience(release, report));
}

/// A pause of somebody else would be ended with ours.
fn paused(release: &PoolerRelease, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-paused";
    let name = &release.pooler;
    match release.flows(report) {
        Some(true) => pass(CHECK, format!("{name} is not paused")),
        Some(false) => block(CHECK, format!("{name} is paused by another user: resume it first")),
        None => unknown(CHECK, format!("{name} does not report whether it is paused")),
    }
}

/// Where a client keeps its server until it leaves, a pause waits for it to leave.
fn pooling(release: &PoolerRelease, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-session-pooling";
    let name = &release.pooler;
    let modes = release.databases.iter().map(|wanted| {
        let mode = report.database(wanted).and_then(|database| report.mode_of(database));
        let pools = report.pools.iter().filter(|pool| pool.database == *wanted);
        (wanted, mode, pools.filter_map(|pool| pool.servers_active).sum::<u32>())
    });
    let mut unknowns = None;
    for (database, mode, active) in modes {
        match mode {
            Some(PoolMode::Session) if active > 0 => {
                let text = format!(
                    "{database} of {name} pools sessions: PAUSE waits until {} disconnected, and is given up after {} s",
                    if active == 1 { "1 client has".to_owned() } else { format!("{active} clients have") },
                    PAUSE_TIMEOUT.as_secs()
                );
                return block(CHECK, text).overridable();
            }
            Some(PoolMode::Session | PoolMode::Transaction | PoolMode::Statement) => {}
            Some(PoolMode::Unknown(_)) | None => unknowns = Some(database),
        }
    }
    match unknowns {
        Some(database) => unknown(CHECK, format!("the pool mode of {database} of {name} is unknown")),
        None => pass(CHECK, format!("{name} lets go of servers with each transaction")),
    }
}

/// Clients that have had a server for long: a pause waits for them.
fn held(traffic: Option<&PoolerTraffic>, release: &PoolerRelease) -> Option<CheckNote> {
    const CHECK: &str = "pooler-held-servers";
    let name = &release.pooler;
    let long = traffic?.held(name, &release.databases).filter_map(|(server, session)| {
        let session = session?;
        let age = session.transaction_age.filter(|age| *age >= LONG)?;
        let client = server.client.as_ref().map_or("a client", Text::as_str);
        Some(format!("{client}, {} for {}", session.state, units::duration(age)))
    });
    let long: Vec<String> = long.collect();
    Some(if long.is_empty() {
        pass(CHECK, format!("no client of {name} holds a server for long"))
    } else {
        let text = format!(
            "PAUSE of {name} waits for {}, and is given up after {} s: end it first, or override",
            few(&long),
            PAUSE_TIMEOUT.as_secs()
        );
        block(CHECK, text).overridable()
    })
}

/// A client that gives up before it is let on gets an error after all.
fn patience(release: &PoolerRelease, report: &PoolerReport) -> CheckNote {
    const CHECK: &str = "pooler-wait-timeout";
    let name = &release.pooler;
    let limit = units::duration(PAUSE_LIMIT);
    match report.settings.query_wait_timeout {
        Some(GiveUp::After(after)) if after <= PAUSE_LIMIT => {
            let after = units::duration(after);
            warn(
                CHECK,
                format!("{name} disconnects clients after {after} (query_wait_timeout), a pause may last {limit}"),
            )
        }
        Some(GiveUp::After(_) | GiveUp::Never) => pass(CHECK, format!("clients of {name} may wait for {limit}")),
        None => unknown(
            CHECK,
            format!("query_wait_timeout of {name} is unknown: clients may be disconnected before {limit}"),
        ),
    }
}

fn writers(traffic: Option<&PoolerTraffic>, releases: &[&PoolerRelease]) -> CheckNote {
    const CHECK: &str = "pooler-bypass";
    let paused = releases.iter().map(|release| (&release.pooler, release.databases.as_slice()));
    match traffic.map(|traffic| traffic.writers(paused)) {
        Some(WritersWay::Through) => pass(CHECK, "every writer comes through the paused poolers"),
        Some(WritersWay::Past(sessions)) => {
            let names: Vec<String> = sessions.iter().map(ClientSession::describe).collect();
            warn(CHECK, format!("come past the poolers and get errors: {}", few(&names)))
        }
        Some(WritersWay::Unknown(why)) => warn(CHECK, format!("which writers come past the poolers is unknown: {why}")),
        None => warn(CHECK, "which writers come past the poolers is unknown"),
    }
}

fn few(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join("; ");
    match names.len().checked_sub(MAX_NAMED) {
        Some(more) if more > 0 => format!("{shown}; {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;
    use crate::action::note::CheckVerdict;
    use crate::action::pooler_release::PoolerWay;
    use crate::action::pooler_traffic::{ClientSession, PoolerServer};
    use crate::model::name::PoolerName;
    use crate::model::pooler::PoolerState;
    use crate::model::pooler::test_support::working;

    fn release() -> PoolerRelease {
        let way = PoolerWay::Repointed(BTreeMap::new());
        PoolerRelease { pooler: PoolerName::new("edge"), databases: vec!["shop".into()], way }
    }

    #[rstest]
    #[case::flows(PoolerState::Active, Some(false), CheckVerdict::Pass)]
    #[case::this_one(PoolerState::Active, Some(true), CheckVerdict::Block)]
    #[case::everything(PoolerState::Paused, Some(false), CheckVerdict::Block)]
    #[case::not_told(PoolerState::Active, None, CheckVerdict::Unknown)]
    fn a_pause_of_somebody_else_is_not_ended_with_ours(
        #[case] state: PoolerState,
        #[case] is_paused: Option<bool>,
        #[case] expected: CheckVerdict,
    ) {
        let mut report = working();
        report.state = state;
        report.databases[0].paused = is_paused;
        assert_eq!(paused(&release(), &report).verdict, expected);
    }

    #[rstest]
    #[case::transactions(PoolMode::Transaction, 4, CheckVerdict::Pass)]
    #[case::sessions(PoolMode::Session, 4, CheckVerdict::Block)]
    #[case::sessions_of_nobody(PoolMode::Session, 0, CheckVerdict::Pass)]
    fn pooled_sessions_keep_their_servers_until_they_leave(
        #[case] mode: PoolMode,
        #[case] active: u32,
        #[case] expected: CheckVerdict,
    ) {
        let mut report = working();
        report.databases[0].mode = Some(mode);
        report.pools[0].servers_active = Some(active);
        let note = pooling(&release(), &report);
        assert_eq!(note.verdict, expected, "{}", note.text);
        assert!(expected != CheckVerdict::Block || note.can_override);
    }

    #[rstest]
    #[case::shorter(Some(GiveUp::After(Duration::from_secs(10))), CheckVerdict::Warn)]
    #[case::longer(Some(GiveUp::After(Duration::from_secs(120))), CheckVerdict::Pass)]
    #[case::never(Some(GiveUp::Never), CheckVerdict::Pass)]
    #[case::not_told(None, CheckVerdict::Unknown)]
    fn clients_that_give_up_before_they_are_let_on_are_told(
        #[case] timeout: Option<GiveUp>,
        #[case] expected: CheckVerdict,
    ) {
        let mut report = working();
        report.settings.query_wait_timeout = timeout;
        assert_eq!(patience(&release(), &report).verdict, expected);
    }

    #[test]
    fn who_holds_a_server_is_named_with_since_when() {
        let session = ClientSession {
            pid: 7,
            user: "app".into(),
            application: "till".into(),
            client: "10.0.0.77".into(),
            state: "idle in transaction".into(),
            transaction_age: Some(Duration::from_secs(40)),
            only_watches: false,
        };
        let server = |client: &str| PoolerServer { database: "shop".into(), pid: Some(7), client: Some(client.into()) };
        let traffic = |age| PoolerTraffic {
            sessions: Ok(vec![ClientSession { transaction_age: Some(age), ..session.clone() }]),
            poolers: [(PoolerName::new("edge"), Ok(vec![server("till (app) from 10.0.0.9")]))].into(),
        };
        let long = held(Some(&traffic(Duration::from_secs(40))), &release()).expect("a note");
        assert_eq!(long.verdict, CheckVerdict::Block);
        let text = long.text.as_str();
        assert!(text.contains("till (app) from 10.0.0.9, idle in transaction for 40"), "{text}");
        let short = held(Some(&traffic(Duration::from_millis(5))), &release()).expect("a note");
        assert_eq!(short.verdict, CheckVerdict::Pass, "it ends by itself");
    }
}
