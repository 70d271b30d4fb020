//! What one pooler is asked by hand. What is paused so stays until somebody resumes it, and is owed in the action's book until then.

use std::time::Duration;

use super::context::{PlanContext, PlanDraft, quoted, refuse};
use crate::action::expectation::{Expectation, Expected};
use crate::action::intent::PoolerIntent;
use crate::action::milestone::Milestone;
use crate::action::order::{Order, PoolerRequest};
use crate::action::own_pause::OwnPause;
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::model::name::PoolerName;
use crate::model::observed::Reading;
use crate::model::pooler::{GiveUp, PoolerDatabase, PoolerReport, PoolerState};
use crate::model::text::Text;
use crate::model::units;

/// How long a pause may take to come about: so long do clients wait in vain where it does not.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for the console to answer anything else.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the state to show.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(15);
/// How long clients may take to let go of servers that are to be opened anew.
const MOVE_DEADLINE: Duration = Duration::from_secs(60);

/// The plan of `intent`.
///
/// # Errors
/// What this console cannot ask, or what would change nothing.
pub(super) fn plan(context: &PlanContext<'_>, intent: &PoolerIntent) -> Result<Plan, Infeasible> {
    let pooler = intent.pooler();
    let report = known(context, pooler)?;
    if !context.acting_access.poolers.contains(pooler) {
        return Err(refuse(format!(
            "no login for acting is configured for {pooler}: set user and password in [clusters.{}.poolers.{pooler}.acting]",
            context.cluster()
        )));
    }
    if report.settings.shares_port == Some(true) {
        return Err(refuse(format!(
            "several processes share the port of {pooler} (so_reuseport), and a session reaches only one of them: configure \
                each by an address of its own"
        )));
    }
    let database = intent.database().map(|name| in_report(pooler, report, name)).transpose()?;
    match intent {
        PoolerIntent::Pause { .. } => pause(context, pooler, report, database),
        PoolerIntent::Resume { .. } => resume(context, pooler, report, database),
        PoolerIntent::Reconnect { .. } => Ok(reconnect(context, pooler, report, database)),
        PoolerIntent::Kill { .. } => kill(context, pooler, report, database),
    }
}

/// A plan that mends routing, with what no router mends: traffic that a pooler holds. What an action of this console has left paused
/// is resumed; whoever else holds it may rely on that, so it is named and left alone.
///
/// # Errors
/// As the plan that was made, where nothing is to be resumed either.
pub(super) fn with_paused(context: &PlanContext<'_>, made: Result<Plan, Infeasible>) -> Result<Plan, Infeasible> {
    let own = own_pauses(context);
    let lines = paused(context, &own);
    match made {
        Ok(mut plan) => {
            let resumed = resume_own(&own);
            plan.impact.extend(resumed.impact.into_iter().chain(lines).map(Text::redacted));
            plan.equivalent.extend(resumed.steps.iter().map(|step| Text::redacted(manually(&step.order))));
            plan.steps.extend(resumed.steps);
            plan.expectation.sequence.extend(resumed.expected);
            Ok(plan)
        }
        Err(why) if own.is_empty() && lines.is_empty() => Err(why),
        Err(why) if own.is_empty() => Err(refuse(format!("{why}; {}", lines.join("; ")))),
        Err(why) => {
            let OwnResumes { steps, mut impact, expected } = resume_own(&own);
            impact.push(format!("the routers stay as they are: {why}"));
            impact.extend(lines);
            Ok(context.plan(PlanDraft {
                title: format!("resume what actions of this console have left paused in {}", context.cluster()),
                danger: Danger::Reversible,
                confirm: Confirm::Yes,
                equivalent: steps.iter().map(|step| manually(&step.order)).collect(),
                steps,
                no_return: 0,
                impact,
                expectation: Expectation { sequence: expected, within: VISIBLE_DEADLINE },
            }))
        }
    }
}

/// The pauses that actions of this console have left, as far as they still hold.
fn own_pauses<'a>(context: &PlanContext<'a>) -> Vec<&'a OwnPause> {
    let holds = |own: &&OwnPause| {
        let of_it = |reading: &&Reading<PoolerReport>| reading.source.target == *own.pooler.text();
        let reading = context.snapshot.poolers.iter().find(of_it);
        let report = reading.and_then(|reading| reading.fresh(context.snapshot.now));
        report.and_then(|report| report.database(&own.database)).is_some_and(|known| known.paused == Some(true))
    };
    let mut own: Vec<&OwnPause> = context.inspected.own_pauses.iter().filter(holds).collect();
    own.sort_by_key(|own| (&own.pooler, &own.database));
    own.dedup_by_key(|own| (&own.pooler, &own.database));
    own
}

struct OwnResumes {
    steps: Vec<Step>,
    impact: Vec<String>,
    expected: Vec<Expected>,
}

fn resume_own(own: &[&OwnPause]) -> OwnResumes {
    let request = |own: &OwnPause| PoolerRequest::Resume { database: own.database.clone() };
    let milestone = |own: &OwnPause| Milestone::PoolerFlow {
        pooler: own.pooler.clone(),
        database: Some(own.database.clone()),
        paused: false,
    };
    let impact = |own: &OwnPause| {
        format!(
            "clients of {} go on: action {} has left it paused",
            scope(&own.pooler, Some(&own.database)),
            own.action
        )
    };
    OwnResumes {
        steps: own.iter().map(|own| step(&own.pooler, request(own), None, ANSWER_TIMEOUT)).collect(),
        impact: own.iter().map(|own| impact(own)).collect(),
        expected: own.iter().map(|own| Expected { milestone: milestone(own), decides: true }).collect(),
    }
}

/// What is held by which pooler, and how to let it go on.
fn paused(context: &PlanContext<'_>, own: &[&OwnPause]) -> Vec<String> {
    let mut lines = Vec::new();
    for reading in &context.snapshot.poolers {
        let Some(report) = reading.fresh(context.snapshot.now) else { continue };
        let pooler = PoolerName::new(reading.source.target.as_str());
        let mut line = |database: Option<&Text>| {
            lines.push(format!(
                "{} stays paused: clients wait until pgctl-tui {}, or the undo of the action that has paused it",
                scope(&pooler, database),
                resume_words(&pooler, database)
            ));
        };
        if matches!(report.state, PoolerState::Paused | PoolerState::Suspended) {
            line(None);
        }
        let is_own = |name: &Text| own.iter().any(|own| own.pooler == pooler && own.database == *name);
        let paused = report.databases.iter().filter(|one| one.paused == Some(true) && !is_own(&one.name));
        paused.for_each(|one| line(Some(&one.name)));
    }
    lines
}

fn known<'a>(context: &PlanContext<'a>, pooler: &PoolerName) -> Result<&'a PoolerReport, Infeasible> {
    let snapshot = context.snapshot;
    let Some(reading) = snapshot.poolers.iter().find(|reading| reading.source.target == *pooler.text()) else {
        let names = snapshot.poolers.iter().map(|reading| reading.source.target.to_string()).collect::<Vec<_>>();
        let known =
            if names.is_empty() { "none is configured".to_owned() } else { format!("available: {}", names.join(", ")) };
        return Err(refuse(format!("{pooler} is not a pooler of {}; {known}", context.cluster())));
    };
    let report = reading.fresh(snapshot.now);
    report.ok_or_else(|| refuse(format!("the console of {pooler} is unreachable: its state is unknown")))
}

fn in_report<'a>(pooler: &PoolerName, report: &'a PoolerReport, name: &Text) -> Result<&'a PoolerDatabase, Infeasible> {
    report.database(name).ok_or_else(|| {
        let names = report.databases.iter().map(|database| database.name.as_str()).collect::<Vec<_>>();
        refuse(format!("{pooler} has no database {name}; available: {}", names.join(", ")))
    })
}

fn pause(
    context: &PlanContext<'_>,
    pooler: &PoolerName,
    report: &PoolerReport,
    database: Option<&PoolerDatabase>,
) -> Result<Plan, Infeasible> {
    if report.state == PoolerState::Suspended {
        return Err(refuse(format!("{pooler} is suspended: run pgctl-tui pooler resume {pooler} first")));
    }
    let name = database.map(|database| database.name.clone());
    let (request, undo) = match &name {
        Some(name) => {
            (PoolerRequest::Pause { database: name.clone() }, PoolerRequest::Resume { database: name.clone() })
        }
        None => (PoolerRequest::PauseAll, PoolerRequest::ResumeAll),
    };
    if name.is_none() && report.state == PoolerState::Unknown {
        let reason = "this version does not report whether everything is paused: name the database with --database";
        return Err(refuse(format!("{pooler}: {reason}")));
    }
    let scope = scope(pooler, name.as_ref());
    let mut impact = clients(report, name.as_ref());
    impact.push(format!(
        "clients of {scope} wait once their transactions have ended; if servers are still in use after {}, they are resumed \
            and the action fails",
        units::duration(PAUSE_TIMEOUT)
    ));
    impact.push(patience(report));
    impact.push(format!(
        "it stays paused, also if this console ends; resume with pgctl-tui {}",
        resume_words(pooler, name.as_ref())
    ));
    let step = step(pooler, request, Some(undo), PAUSE_TIMEOUT);
    Ok(context.plan(PlanDraft {
        title: format!("pause {scope} in {}", context.cluster()),
        danger: Danger::Disruptive,
        confirm: Confirm::Yes,
        equivalent: vec![manually(&step.order)],
        steps: vec![step],
        // A pause that does not come about is given up, and its clients go on.
        no_return: 1,
        impact,
        expectation: flow(pooler, [name], true),
    }))
}

fn resume(
    context: &PlanContext<'_>,
    pooler: &PoolerName,
    report: &PoolerReport,
    database: Option<&PoolerDatabase>,
) -> Result<Plan, Infeasible> {
    let whole = matches!(report.state, PoolerState::Paused | PoolerState::Suspended);
    let scopes: Vec<Option<Text>> = match database {
        Some(database) if whole => {
            return Err(refuse(format!(
                "all of {pooler} is {}, and {} with it: resume it without --database",
                report.state.as_str(),
                database.name
            )));
        }
        Some(database) if database.paused == Some(false) => {
            return Err(refuse(format!("{} of {pooler} is not paused: nothing to do", database.name)));
        }
        Some(database) => vec![Some(database.name.clone())],
        None => {
            let paused = report.databases.iter().filter(|database| database.paused == Some(true));
            let each = paused.map(|database| Some(database.name.clone()));
            // The process first: while it is paused, no database can be resumed.
            whole.then_some(None).into_iter().chain(each).collect()
        }
    };
    if scopes.is_empty() {
        return Err(refuse(format!("{pooler} is not paused: nothing to do")));
    }
    let request = |name: &Option<Text>| match name {
        Some(name) => PoolerRequest::Resume { database: name.clone() },
        None => PoolerRequest::ResumeAll,
    };
    let steps: Vec<Step> = scopes.iter().map(|name| step(pooler, request(name), None, ANSWER_TIMEOUT)).collect();
    let waiting = report.clients_waiting().map_or_else(|| "unknown".to_owned(), |count| units::exact(count.into()));
    let names: Vec<String> = scopes.iter().map(|name| scope(pooler, name.as_ref())).collect();
    Ok(context.plan(PlanDraft {
        title: format!("resume {} in {}", names.join(", "), context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: steps.iter().map(|step| manually(&step.order)).collect(),
        steps,
        no_return: 0,
        impact: vec![
            format!("waiting clients go on: {waiting}"),
            "if another user has paused it, the pause ends for them too".to_owned(),
        ],
        expectation: flow(pooler, scopes, false),
    }))
}

fn reconnect(
    context: &PlanContext<'_>,
    pooler: &PoolerName,
    report: &PoolerReport,
    database: Option<&PoolerDatabase>,
) -> Plan {
    let name = database.map(|database| database.name.clone());
    let step = step(pooler, PoolerRequest::Reconnect { database: name.clone() }, None, ANSWER_TIMEOUT);
    let mut impact = clients(report, name.as_ref());
    impact.push(
        "each server connection is closed as soon as its client lets go of it; no client is disconnected".to_owned(),
    );
    impact.push("a client that keeps its session (pool_mode session) keeps its server until it disconnects".to_owned());
    context.plan(PlanDraft {
        title: format!("reconnect {} in {}", scope(pooler, name.as_ref()), context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        equivalent: vec![manually(&step.order)],
        steps: vec![step],
        no_return: 0,
        impact,
        expectation: Expectation::of(
            [Milestone::PoolerMoved { pooler: pooler.clone(), database: name }],
            MOVE_DEADLINE,
        ),
    })
}

fn kill(
    context: &PlanContext<'_>,
    pooler: &PoolerName,
    report: &PoolerReport,
    database: Option<&PoolerDatabase>,
) -> Result<Plan, Infeasible> {
    let database = match (database, report.databases.as_slice()) {
        (Some(database), _) | (None, [database]) => database,
        (None, all) => {
            let names = all.iter().map(|database| database.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(refuse(format!("choose the database of {pooler} with --database: {names}")));
        }
    };
    let name = database.name.clone();
    let scope = scope(pooler, Some(&name));
    let undo = PoolerRequest::Resume { database: name.clone() };
    let step = step(pooler, PoolerRequest::Kill { database: name.clone() }, Some(undo), ANSWER_TIMEOUT);
    let mut impact = clients(report, Some(&name));
    impact.push(format!("all clients of {scope} are disconnected at once, their transactions are rolled back"));
    impact.push(format!("it stays paused until pgctl-tui {}", resume_words(pooler, Some(&name))));
    let retry = report.settings.server_login_retry.map_or_else(
        || "server_login_retry".to_owned(),
        |span| format!("{} (server_login_retry)", units::duration(span)),
    );
    impact.push(format!("clients that connect meanwhile may wait up to {retry} even after it is resumed"));
    Ok(context.plan(PlanDraft {
        title: format!("drop all clients of {scope} in {}", context.cluster()),
        danger: Danger::Disruptive,
        confirm: context.type_cluster(),
        equivalent: vec![manually(&step.order)],
        steps: vec![step],
        no_return: 0,
        impact,
        expectation: flow(pooler, [Some(name)], true),
    }))
}

fn flow(pooler: &PoolerName, scopes: impl IntoIterator<Item = Option<Text>>, paused: bool) -> Expectation {
    let milestone = |database| Milestone::PoolerFlow { pooler: pooler.clone(), database, paused };
    let sequence = scopes.into_iter().map(|database| Expected { milestone: milestone(database), decides: true });
    Expectation { sequence: sequence.collect(), within: VISIBLE_DEADLINE }
}

fn step(pooler: &PoolerName, request: PoolerRequest, undo: Option<PoolerRequest>, deadline: Duration) -> Step {
    Step {
        text: Text::redacted(format!("{pooler}: {}", request.statement())),
        order: Order::pooler(pooler, request),
        undo: undo.map(|undo| Order::pooler(pooler, undo)),
        deadline,
    }
}

fn scope(pooler: &PoolerName, database: Option<&Text>) -> String {
    database.map_or_else(|| format!("all of {pooler}"), |database| format!("{database} of {pooler}"))
}

fn resume_words(pooler: &PoolerName, database: Option<&Text>) -> String {
    let pooler_word = quoted(pooler.as_str());
    match database {
        Some(database) => format!("pooler resume {pooler_word} --database {}", quoted(database.as_str())),
        None => format!("pooler resume {pooler_word}"),
    }
}

/// How many clients it is about.
fn clients(report: &PoolerReport, database: Option<&Text>) -> Vec<String> {
    let its = report.pools.iter().filter(|pool| database.is_none_or(|name| pool.database == *name));
    let counted = its.map(|pool| Some((pool.clients_active?, pool.clients_waiting?, pool.servers_active?)));
    let counted = counted.collect::<Option<Vec<_>>>();
    let Some(counted) = counted else { return vec!["its clients are unknown".to_owned()] };
    let sum = |part: fn(&(u32, u32, u32)) -> u32| units::exact(counted.iter().map(|one| u64::from(part(one))).sum());
    vec![format!(
        "clients now: {} connected, {} waiting; server connections in use: {}",
        sum(|one| one.0.saturating_add(one.1)),
        sum(|one| one.1),
        sum(|one| one.2)
    )]
}

/// What waiting clients see in the end.
fn patience(report: &PoolerReport) -> String {
    match report.settings.query_wait_timeout {
        Some(GiveUp::After(span)) => {
            format!("a client that has waited for {} is disconnected with query_wait_timeout", units::duration(span))
        }
        Some(GiveUp::Never) => "waiting clients are never given up (query_wait_timeout = 0)".to_owned(),
        None => "unknown after how long waiting clients are disconnected (query_wait_timeout)".to_owned(),
    }
}

/// An order to a pooler by psql.
pub(super) fn manually(order: &Order) -> String {
    let Order::Pooler { pooler, request } = order else { return order.describe() };
    format!("psql -d pgbouncer -c {} # on {pooler}", quoted(&request.statement()))
}
