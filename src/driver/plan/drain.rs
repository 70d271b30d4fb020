//! Draining a node at every router that leads sessions to it: for a restart or a copy, or to be left so by intent.
//!
//! Only servers that take sessions now are drained, and only those are taken back. What another hand has drained or set
//! to maintenance stays as it is.

use std::time::Duration;

use super::context::{PlanContext, PlanDraft, quoted, refuse, wait as awaited};
use super::ha_operations::HaOperations;
use super::router_server::{ANSWER_TIMEOUT, VISIBLE_DEADLINE};
use crate::action::expectation::{Expectation, Expected};
use crate::action::intent::{AfterDrain, ServerState};
use crate::action::milestone::{Milestone, ServerLocation};
use crate::action::order::{Order, RouterRequest};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::model::name::NodeName;
use crate::model::router::{PoolPurpose, ProxyRow, Router};
use crate::model::text::Text;
use crate::model::units;

/// The longest wait for sessions that makes sense: past it, the confirmation is too long ago.
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A server of a router that stands for the node.
struct OwnServer<'a> {
    router: &'a Router,
    row: &'a ProxyRow,
    /// Other servers of its backend that take sessions.
    others: usize,
}

impl OwnServer<'_> {
    fn place(&self) -> ServerLocation {
        ServerLocation {
            router: self.router.name.clone(),
            backend: self.row.proxy.clone(),
            server: self.row.server.clone(),
        }
    }

    fn is_last(&self) -> bool {
        self.others == 0
    }
}

/// Drains `name` at every router, waits at most `limit` for its sessions to go, and then does `then`.
pub(super) fn plan(
    ha_operations: &dyn HaOperations<'_>,
    name: &NodeName,
    then: AfterDrain,
    limit: Duration,
) -> Result<Plan, Infeasible> {
    let context = ha_operations.context();
    let view = context.member(name)?;
    if context.leads(name) {
        return Err(refuse(format!(
            "{name} is the leader, draining it would stop all writes: switch over first, then drain it"
        )));
    }
    if view.claimed_role().is_some_and(|role| role.value.is_writable()) {
        return Err(refuse(format!(
            "{name} reports that it accepts writes, without the leader key: clarify who is the leader first"
        )));
    }
    if limit > MAX_WAIT {
        return Err(refuse("the max wait is one day: give a shorter --wait"));
    }
    let own = servers(context, name)?;
    let (serving, resting): (Vec<_>, Vec<_>) = own.iter().partition(|own| own.row.status.takes_traffic());
    if serving.is_empty() {
        return Err(refuse(match then {
            AfterDrain::Leave => format!("no router routes sessions to {name}: nothing to drain"),
            AfterDrain::Restart => format!("no router routes sessions to {name}: restart it without a drain"),
            AfterDrain::Reinit => format!("no router routes sessions to {name}: reinit it without a drain"),
        }));
    }
    if let Some(wrong) = serving.iter().find(|own| own.router.purpose(&own.row.proxy) == PoolPurpose::Write) {
        return Err(refuse(format!(
            "{} accepts writes, but {name} is not the leader: clarify that first",
            wrong.place()
        )));
    }
    let draft = DrainSteps { name, serving: &serving, resting: &resting, limit };
    match then {
        AfterDrain::Leave => draft.left_standing(context),
        AfterDrain::Restart => {
            let inner = ha_operations.restart(name)?;
            draft.around(context, inner, &[Milestone::Restarted { member: name.clone() }])
        }
        AfterDrain::Reinit => {
            let inner = ha_operations.reinit(name)?;
            let copied = [Milestone::Copying { member: name.clone() }, Milestone::Streaming { member: name.clone() }];
            draft.around(context, inner, &copied)
        }
    }
}

struct DrainSteps<'d, 'a> {
    name: &'d NodeName,
    serving: &'d [&'d OwnServer<'a>],
    resting: &'d [&'d OwnServer<'a>],
    limit: Duration,
}

impl DrainSteps<'_, '_> {
    fn places(&self) -> Vec<ServerLocation> {
        self.serving.iter().map(|own| own.place()).collect()
    }

    fn sessions_gone(&self) -> Milestone {
        Milestone::SessionsGone { servers: self.places() }
    }

    /// A drain that is meant to stay.
    fn left_standing(&self, context: &PlanContext<'_>) -> Result<Plan, Infeasible> {
        let steps = self.serving.iter().map(|own| drain(own, false)).collect::<Vec<_>>();
        let states = self.serving.iter().map(|own| Milestone::RouterServer {
            router: own.router.name.clone(),
            backend: own.row.proxy.clone(),
            server: own.row.server.clone(),
            state: ServerState::Drain,
        });
        let mut impact = self.impact();
        impact.push(format!(
            "it stays drained, even if sessions are left after {}; revert with undrain {}",
            units::duration(self.limit),
            self.name
        ));
        Ok(context.plan(PlanDraft {
            title: format!("drain {} of {}", self.name, context.cluster()),
            danger: self.danger(),
            confirm: self.confirm(context),
            no_return: steps.len().saturating_sub(1),
            steps,
            impact,
            equivalent: self.equivalent(context)?,
            expectation: Expectation::of(states.chain([self.sessions_gone()]), self.limit.max(VISIBLE_DEADLINE)),
        }))
    }

    /// `inner` while no router leads sessions there. What was drained for it is taken back at the end, and also where it
    /// does not come that far.
    fn around(&self, context: &PlanContext<'_>, inner: Plan, turns: &[Milestone]) -> Result<Plan, Infeasible> {
        let member = self.name.clone();
        let mut steps = self.serving.iter().map(|own| drain(own, true)).collect::<Vec<_>>();
        steps.push(awaited(self.sessions_gone(), self.limit));
        let no_return = steps.len();
        steps.extend(inner.steps);
        // The last of them may take as long as the whole action.
        let within = inner.expectation.within.max(context.periods.rejoin);
        for turn in turns {
            // A copy takes long, but begins at once.
            let begins = matches!(turn, Milestone::Copying { .. });
            steps.push(awaited(turn.clone(), if begins { context.periods.settle } else { within }));
        }
        steps.push(awaited(Milestone::CaughtUp { member: member.clone() }, within));
        let deciding = turns.iter().filter(|turn| !matches!(turn, Milestone::Streaming { .. })).cloned();
        let serving = self.places().into_iter().map(|server| Milestone::Serving { server });
        let deciding = deciding.chain([Milestone::CaughtUp { member }]).chain(serving);
        let sequence = deciding.map(|milestone| Expected { milestone, decides: true }).collect();
        let mut impact = self.impact();
        impact.push(format!(
            "if sessions are left after {}, the action stops and it is undrained",
            units::duration(self.limit)
        ));
        impact.extend(inner.impact.iter().map(ToString::to_string));
        let mut equivalent = self.equivalent(context)?;
        equivalent.extend(inner.equivalent.iter().map(ToString::to_string));
        let confirm = match inner.confirm {
            Confirm::Yes => self.confirm(context),
            typed @ Confirm::Type(_) => typed,
        };
        Ok(context.plan(PlanDraft {
            title: format!("drain {}, then {}", self.name, inner.title),
            danger: inner.danger.max(self.danger()),
            confirm,
            steps,
            no_return,
            impact,
            equivalent,
            expectation: Expectation { sequence, within: context.periods.settle.max(VISIBLE_DEADLINE) },
        }))
    }

    fn danger(&self) -> Danger {
        if self.serving.iter().any(|own| own.is_last()) { Danger::Disruptive } else { Danger::Reversible }
    }

    fn confirm(&self, context: &PlanContext<'_>) -> Confirm {
        if self.serving.iter().any(|own| own.is_last()) { context.type_cluster() } else { Confirm::Yes }
    }

    fn impact(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for own in self.serving {
            let sessions = own.row.sessions.map_or_else(|| "number unknown".to_owned(), units::exact);
            lines.push(format!(
                "{} gets no new sessions; current sessions stay until they end: {sessions}",
                own.place()
            ));
            if own.is_last() {
                lines.push(format!(
                    "it is the last server of {} that accepts sessions: new ones fail meanwhile",
                    own.row.proxy
                ));
            }
        }
        for own in self.resting {
            lines.push(format!(
                "{} is {}, receives no sessions, and is left unchanged",
                own.place(),
                own.row.status.as_str()
            ));
        }
        lines
    }

    fn equivalent(&self, context: &PlanContext<'_>) -> Result<Vec<String>, Infeasible> {
        self.serving.iter().map(|own| manually(context, own, ServerState::Drain)).collect()
    }
}

/// Takes back a drain that was left standing.
pub(super) fn revert(context: &PlanContext<'_>, name: &NodeName) -> Result<Plan, Infeasible> {
    context.member(name)?;
    let own = servers(context, name)?;
    let (drained, others): (Vec<_>, Vec<_>) = own.iter().partition(|own| own.row.status.is_drain());
    if drained.is_empty() {
        let states = own.iter().map(|own| format!("{} is {}", own.place(), own.row.status.as_str()));
        let states = states.collect::<Vec<_>>().join(", ");
        return Err(refuse(format!(
            "{name} is not drained: {states}; a drained server whose health check fails shows as DOWN, change that with the verb `server`"
        )));
    }
    let mut impact = Vec::new();
    for own in &drained {
        impact.push(format!("{} gets sessions again as soon as its health check passes", own.place()));
    }
    for own in &others {
        impact.push(format!("{} is {} and is left unchanged", own.place(), own.row.status.as_str()));
    }
    let steps = drained.iter().map(|own| Step {
        text: Text::new(format!("{}: set server {}/{} state ready", own.router.name, own.row.proxy, own.row.server)),
        order: end_drain(own),
        undo: None,
        deadline: ANSWER_TIMEOUT,
    });
    let steps = steps.collect::<Vec<_>>();
    let equivalent = drained.iter().map(|own| manually(context, own, ServerState::Ready));
    let serving = drained.iter().map(|own| Milestone::Serving { server: own.place() });
    Ok(context.plan(PlanDraft {
        title: format!("undrain {name} of {}", context.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        no_return: steps.len().saturating_sub(1),
        steps,
        impact,
        equivalent: equivalent.collect::<Result<_, _>>()?,
        expectation: Expectation::of(serving, context.periods.settle.max(VISIBLE_DEADLINE)),
    }))
}

/// Every server of every router that stands for `name`. Refused where a router may not be told, or cannot be seen: its
/// sessions would go on unnoticed.
fn servers<'a>(context: &PlanContext<'a>, name: &NodeName) -> Result<Vec<OwnServer<'a>>, Infeasible> {
    let snapshot = context.snapshot;
    let mut found = Vec::new();
    for router in &snapshot.routers {
        let report = router.fresh_report(snapshot.now);
        let Some(report) = report else {
            return Err(refuse(format!(
                "{} is unreachable: unknown whether it routes sessions to {name}; try again once it is up",
                router.name
            )));
        };
        let own = report.servers().filter(|row| snapshot.member_of(row).is_some_and(|member| member.name == *name));
        let own = own.map(|row| {
            let others = report.servers_of(&row.proxy).filter(|other| other.server != row.server);
            let others = others.filter(|other| other.status.takes_traffic()).count();
            OwnServer { router, row, others }
        });
        let own = own.collect::<Vec<_>>();
        if !own.is_empty() && !context.acting_access.runtimes.contains_key(&router.name) {
            return Err(refuse(format!(
                "{} routes to {name}, but its runtime API is not configured for acting: set acting.runtime of this router",
                router.name
            )));
        }
        found.extend(own);
    }
    if found.is_empty() {
        return Err(refuse(format!("no router of {} has a server for {name}", context.cluster())));
    }
    Ok(found)
}

fn drain(own: &OwnServer<'_>, is_temporary: bool) -> Step {
    let (backend, server) = (own.row.proxy.clone(), own.row.server.clone());
    Step {
        text: Text::new(format!("{}: set server {backend}/{server} state drain", own.router.name)),
        order: Order::Router {
            router: own.router.name.clone(),
            request: RouterRequest::State { backend, server, state: ServerState::Drain },
        },
        undo: is_temporary.then(|| end_drain(own)),
        deadline: ANSWER_TIMEOUT,
    }
}

fn end_drain(own: &OwnServer<'_>) -> Order {
    Order::Router {
        router: own.router.name.clone(),
        request: RouterRequest::EndDrain { backend: own.row.proxy.clone(), server: own.row.server.clone() },
    }
}

fn manually(context: &PlanContext<'_>, own: &OwnServer<'_>, state: ServerState) -> Result<String, Infeasible> {
    let name = &own.router.name;
    let address = context.acting_access.runtimes.get(name);
    let address = address.ok_or_else(|| refuse(format!("the runtime API of {name} is not configured for acting")))?;
    let words = format!("set server {}/{} state {}", own.row.proxy, own.row.server, state.as_str());
    Ok(format!("echo {} | socat stdio {}", quoted(&words), quoted(address.as_str())))
}
