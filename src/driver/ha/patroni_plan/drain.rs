//! Draining a node at every router that leads sessions to it: for a restart or a copy, or to be left so by intent.
//!
//! Only servers that take sessions now are drained, and only those are taken back. What another hand has drained or set
//! to maintenance stays as it is.

use std::time::Duration;

use super::ground::{Ground, Sketch, no, quoted, wait as awaited};
use super::router_server::{ANSWER, SHOWN};
use super::{reinitialise, restart};
use crate::action::expectation::{Expectation, Expected};
use crate::action::intent::{AfterDrain, CopySource, ServerState, Target};
use crate::action::milestone::{Milestone, ServerPlace};
use crate::action::order::{Order, RouterRequest};
use crate::action::plan::{Confirm, Danger, Impossible, Plan, Step};
use crate::model::name::NodeName;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow, Router};
use crate::model::text::Text;
use crate::model::units;

/// The longest wait for sessions that makes sense: past it, the confirmation is too long ago.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A server of a router that stands for the node.
struct Own<'a> {
    router: &'a Router,
    row: &'a ProxyRow,
    /// Other servers of its backend that take sessions.
    others: usize,
}

impl Own<'_> {
    fn place(&self) -> ServerPlace {
        ServerPlace {
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
    ground: &Ground<'_>,
    name: &NodeName,
    then: AfterDrain,
    limit: Duration,
) -> Result<Plan, Impossible> {
    let view = ground.member(name)?;
    if ground.leads(name) {
        return Err(no(format!(
            "{name} leads, and draining it would stop all writes: switch over first, then drain it"
        )));
    }
    if view.claimed_role().is_some_and(|role| role.value.is_writable()) {
        return Err(no(format!("{name} takes writes by its own word, without the lock: settle who leads first")));
    }
    if limit > LONGEST_WAIT {
        return Err(no("sessions are waited for a day at most: give a shorter --wait"));
    }
    let own = servers(ground, name)?;
    let (serving, resting): (Vec<_>, Vec<_>) = own.iter().partition(|own| own.row.status.takes_traffic());
    if serving.is_empty() {
        return Err(no(match then {
            AfterDrain::Leave => format!("no router leads sessions to {name}: nothing to drain"),
            AfterDrain::Restart => format!("no router leads sessions to {name}: restart it without a drain"),
            AfterDrain::Reinitialise => format!("no router leads sessions to {name}: copy it without a drain"),
        }));
    }
    if let Some(wrong) = serving.iter().find(|own| own.router.purpose(&own.row.proxy) == PoolPurpose::Write) {
        return Err(no(format!("{} takes writes, and {name} does not lead: settle that first", wrong.place())));
    }
    let draft = Draft { name, serving: &serving, resting: &resting, limit };
    match then {
        AfterDrain::Leave => draft.left_standing(ground),
        AfterDrain::Restart => {
            let inner = restart::plan(ground, &Target::Member(name.clone()), false, None)?;
            draft.around(ground, inner, &[Milestone::Restarted { member: name.clone() }])
        }
        AfterDrain::Reinitialise => {
            let inner = reinitialise::plan(ground, name, CopySource::Any, false)?;
            let copied = [Milestone::Copying { member: name.clone() }, Milestone::Streaming { member: name.clone() }];
            draft.around(ground, inner, &copied)
        }
    }
}

struct Draft<'d, 'a> {
    name: &'d NodeName,
    serving: &'d [&'d Own<'a>],
    resting: &'d [&'d Own<'a>],
    limit: Duration,
}

impl Draft<'_, '_> {
    fn places(&self) -> Vec<ServerPlace> {
        self.serving.iter().map(|own| own.place()).collect()
    }

    fn gone(&self) -> Milestone {
        Milestone::SessionsGone { servers: self.places() }
    }

    /// A drain that is meant to stay.
    fn left_standing(&self, ground: &Ground<'_>) -> Result<Plan, Impossible> {
        let steps = self.serving.iter().map(|own| drain(own, false)).collect::<Vec<_>>();
        let states = self.serving.iter().map(|own| Milestone::RouterServer {
            router: own.router.name.clone(),
            backend: own.row.proxy.clone(),
            server: own.row.server.clone(),
            state: ServerState::Drain,
        });
        let mut impact = self.impact();
        impact.push(format!(
            "it stays drained, whatever becomes of its sessions within {}; take it back with undrain {}",
            units::duration(self.limit),
            self.name
        ));
        Ok(ground.plan(Sketch {
            title: format!("drain {} of {}", self.name, ground.cluster()),
            danger: self.danger(),
            confirm: self.confirm(ground),
            no_return: steps.len().saturating_sub(1),
            steps,
            impact,
            equivalent: self.equivalent(ground)?,
            expectation: Expectation::of(states.chain([self.gone()]), self.limit.max(SHOWN)),
        }))
    }

    /// `inner` while no router leads sessions there. What was drained for it is taken back at the end, and also where it
    /// does not come that far.
    fn around(&self, ground: &Ground<'_>, inner: Plan, turns: &[Milestone]) -> Result<Plan, Impossible> {
        let member = self.name.clone();
        let mut steps = self.serving.iter().map(|own| drain(own, true)).collect::<Vec<_>>();
        steps.push(awaited(self.gone(), self.limit));
        let no_return = steps.len();
        steps.extend(inner.steps);
        // The last of them may take as long as the whole action.
        let within = inner.expectation.within.max(ground.timing.rejoin());
        for turn in turns {
            // A copy takes long, but begins at once.
            let begins = matches!(turn, Milestone::Copying { .. });
            steps.push(awaited(turn.clone(), if begins { ground.timing.two_loops() } else { within }));
        }
        steps.push(awaited(Milestone::CaughtUp { member: member.clone() }, within));
        let deciding = turns.iter().filter(|turn| !matches!(turn, Milestone::Streaming { .. })).cloned();
        let serving = self.places().into_iter().map(|server| Milestone::Serving { server });
        let deciding = deciding.chain([Milestone::CaughtUp { member }]).chain(serving);
        let sequence = deciding.map(|milestone| Expected { milestone, decides: true }).collect();
        let mut impact = self.impact();
        impact.push(format!(
            "if sessions are left after {}, nothing else is done and it serves again",
            units::duration(self.limit)
        ));
        impact.extend(inner.impact.iter().map(ToString::to_string));
        let mut equivalent = self.equivalent(ground)?;
        equivalent.extend(inner.equivalent.iter().map(ToString::to_string));
        let confirm = match inner.confirm {
            Confirm::Yes => self.confirm(ground),
            typed @ Confirm::Type(_) => typed,
        };
        Ok(ground.plan(Sketch {
            title: format!("drain {}, then {}", self.name, inner.title),
            danger: inner.danger.max(self.danger()),
            confirm,
            steps,
            no_return,
            impact,
            equivalent,
            expectation: Expectation { sequence, within: ground.timing.two_loops().max(SHOWN) },
        }))
    }

    fn danger(&self) -> Danger {
        if self.serving.iter().any(|own| own.is_last()) { Danger::Disruptive } else { Danger::Reversible }
    }

    fn confirm(&self, ground: &Ground<'_>) -> Confirm {
        if self.serving.iter().any(|own| own.is_last()) { ground.type_cluster() } else { Confirm::Yes }
    }

    fn impact(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for own in self.serving {
            let sessions = own.row.sessions.map_or_else(|| "an unknown number of".to_owned(), units::exact);
            lines.push(format!("{} gets no new sessions; {sessions} stay until they end", own.place()));
            if own.is_last() {
                lines.push(format!(
                    "it is the last server of {} that takes sessions: new ones fail meanwhile",
                    own.row.proxy
                ));
            }
        }
        for own in self.resting {
            lines.push(format!("{} is {}, gets no sessions, and stays as it is", own.place(), own.row.status.word()));
        }
        lines
    }

    fn equivalent(&self, ground: &Ground<'_>) -> Result<Vec<String>, Impossible> {
        self.serving.iter().map(|own| by_hand(ground, own, ServerState::Drain)).collect()
    }
}

/// Takes back a drain that was left standing.
pub(super) fn take_back(ground: &Ground<'_>, name: &NodeName) -> Result<Plan, Impossible> {
    ground.member(name)?;
    let own = servers(ground, name)?;
    let (drained, others): (Vec<_>, Vec<_>) = own.iter().partition(|own| own.row.status.is_drain());
    if drained.is_empty() {
        let states = own.iter().map(|own| format!("{} is {}", own.place(), own.row.status.word()));
        let states = states.collect::<Vec<_>>().join(", ");
        return Err(no(format!(
            "{name} is not drained: {states}; a drained server whose check fails shows as DOWN, take that back with server"
        )));
    }
    let mut impact = Vec::new();
    for own in &drained {
        impact.push(format!("{} gets sessions again as soon as its check passes", own.place()));
    }
    for own in &others {
        impact.push(format!("{} is {} and stays as it is", own.place(), own.row.status.word()));
    }
    let steps = drained.iter().map(|own| Step {
        words: Text::new(format!("{}: set server {}/{} state ready", own.router.name, own.row.proxy, own.row.server)),
        order: end_drain(own),
        undo: None,
        deadline: ANSWER,
    });
    let steps = steps.collect::<Vec<_>>();
    let equivalent = drained.iter().map(|own| by_hand(ground, own, ServerState::Ready));
    let serving = drained.iter().map(|own| Milestone::Serving { server: own.place() });
    Ok(ground.plan(Sketch {
        title: format!("have the routers lead sessions to {name} of {} again", ground.cluster()),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        no_return: steps.len().saturating_sub(1),
        steps,
        impact,
        equivalent: equivalent.collect::<Result<_, _>>()?,
        expectation: Expectation::of(serving, ground.timing.two_loops().max(SHOWN)),
    }))
}

/// Every server of every router that stands for `name`. Refused where a router may not be told, or cannot be seen: its
/// sessions would go on unnoticed.
fn servers<'a>(ground: &Ground<'a>, name: &NodeName) -> Result<Vec<Own<'a>>, Impossible> {
    let snapshot = ground.snapshot;
    let mut found = Vec::new();
    for router in &snapshot.routers {
        let report = router.reading(snapshot.now).and_then(|reading| reading.fresh(snapshot.now));
        let Some(report) = report else {
            return Err(no(format!(
                "{} does not answer: whether it leads sessions to {name} is unknown; act once it answers",
                router.name
            )));
        };
        let rows = report.rows.iter().filter(|row| row.kind == ProxyKind::Server);
        let own = rows.filter(|row| snapshot.member_of(row).is_some_and(|member| member.name == *name));
        let own = own.map(|row| {
            let is_other = |other: &&ProxyRow| {
                other.kind == ProxyKind::Server && other.proxy == row.proxy && other.server != row.server
            };
            let others = report.rows.iter().filter(is_other).filter(|other| other.status.takes_traffic()).count();
            Own { router, row, others }
        });
        let own = own.collect::<Vec<_>>();
        if !own.is_empty() && !ground.manager.runtimes.contains_key(&router.name) {
            return Err(no(format!(
                "{} leads to {name}, and its runtime API is not configured for acting: set acting.runtime of this router",
                router.name
            )));
        }
        found.extend(own);
    }
    if found.is_empty() {
        return Err(no(format!("no router of {} has a server for {name}", ground.cluster())));
    }
    Ok(found)
}

fn drain(own: &Own<'_>, is_temporary: bool) -> Step {
    let (backend, server) = (own.row.proxy.clone(), own.row.server.clone());
    Step {
        words: Text::new(format!("{}: set server {backend}/{server} state drain", own.router.name)),
        order: Order::Router {
            router: own.router.name.clone(),
            request: RouterRequest::State { backend, server, state: ServerState::Drain },
        },
        undo: is_temporary.then(|| end_drain(own)),
        deadline: ANSWER,
    }
}

fn end_drain(own: &Own<'_>) -> Order {
    Order::Router {
        router: own.router.name.clone(),
        request: RouterRequest::EndDrain { backend: own.row.proxy.clone(), server: own.row.server.clone() },
    }
}

fn by_hand(ground: &Ground<'_>, own: &Own<'_>, state: ServerState) -> Result<String, Impossible> {
    let name = &own.router.name;
    let address = ground.manager.runtimes.get(name);
    let address = address.ok_or_else(|| no(format!("the runtime API of {name} is not configured for acting")))?;
    let words = format!("set server {}/{} state {}", own.row.proxy, own.row.server, state.word());
    Ok(format!("echo {} | socat stdio {}", quoted(&words), quoted(address.as_str())))
}
