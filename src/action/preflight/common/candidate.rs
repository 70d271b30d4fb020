//! One member as the new leader.

use crate::action::intent::Intent;
use crate::action::note::{CheckNote, CheckVerdict};
use crate::action::preflight::context::{CheckContext, Purpose, block, fresh, pass, unknown, warn};
use crate::action::preflight::patroni::synchronous::is_synchronous;
use crate::action::preflight::{Candidate, Eligibility, registry};
use crate::model::lsn::{Lsn, Timeline};
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// Looks at the member who is to lead; where nobody is named, at none.
pub(in crate::action::preflight) fn on(
    context: &CheckContext<'_>,
    check: fn(&CheckContext<'_>, MemberView<'_>, Purpose, &mut Vec<CheckNote>),
    notes: &mut Vec<CheckNote>,
) {
    // One that is not there at all is told by `known`.
    let Some((name, view)) = context.candidate().and_then(|name| Some((name.clone(), context.view(&name)?))) else {
        return;
    };
    let from = notes.len();
    check(context, view, context.purpose(), notes);
    for note in notes.iter_mut().skip(from) {
        note.member = Some(name.clone());
    }
}

/// Nobody is named, so the manager chooses: somebody must be there to choose.
pub(in crate::action::preflight) fn any(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "candidates";
    if context.candidate().is_some() {
        return;
    }
    // In a drill nobody can be named.
    let can_be_named = !matches!(context.intent(), Some(Intent::Drill { .. }));
    let all = ranked(context.snapshot);
    let eligible: Vec<&str> = all.iter().filter(|one| one.is_eligible()).map(|one| one.member.as_str()).collect();
    let is_unknown = all.iter().any(|one| one.eligibility() == Eligibility::Unknown);
    notes.push(if eligible.is_empty() {
        let why = |one: &Candidate| {
            let first = one.notes.iter().find(|note| note.verdict == CheckVerdict::Block);
            first.map_or_else(|| one.member.to_string(), |note| note.text.to_string())
        };
        let reasons = all.iter().map(why).collect::<Vec<_>>().join("; ");
        let note = block(
            CHECK,
            if is_unknown {
                format!("unknown whether any member can be promoted: {reasons}")
            } else {
                format!("no member can be promoted: {reasons}")
            },
        );
        // Where all that speaks against one of them may be overridden, so may this. Patroni chooses among its own.
        let may =
            |one: &Candidate| one.notes.iter().all(|note| note.verdict != CheckVerdict::Block || note.can_override);
        if is_unknown || all.iter().any(may) { note.overridable() } else { note }
    } else if eligible.len() == all.len() {
        pass(CHECK, format!("can be promoted: {}", eligible.join(", ")))
    } else {
        let text = format!("{} of {} can be promoted: {}", eligible.len(), all.len(), eligible.join(", "));
        warn(CHECK, if can_be_named { format!("{text}; choose one") } else { text })
    });
}

pub(in crate::action::preflight) fn ranked(snapshot: &Snapshot) -> Vec<Candidate> {
    let context = CheckContext::without_plan(snapshot);
    let leader = context.leader().map(|leader| leader.value);
    let checks = registry::of_candidate(snapshot);
    let mut all: Vec<Candidate> = snapshot
        .views()
        .filter(|view| leader.as_ref() != Some(view.name()))
        .map(|view| {
            let context = CheckContext::about(snapshot, view.name());
            let mut notes = Vec::new();
            for check in checks {
                check.examine(&context, &mut notes);
            }
            if context.purpose() == Purpose::Failover {
                nobody_ahead(&context, view.name(), &mut notes);
            }
            Candidate { member: view.name().clone(), notes }
        })
        .collect();
    all.sort_by_cached_key(|one| {
        let view = context.view(&one.member);
        let synchronous = view.is_some_and(|view| is_synchronous(&context, &view).is_some_and(|sync| sync.value));
        let lag = view.and_then(|view| fresh(view.lag().bytes)).map_or(u64::MAX, |lag| lag.value);
        let warnings = one.notes.iter().filter(|note| note.verdict >= CheckVerdict::Warn).count();
        (one.eligibility(), !synchronous, warnings, lag, one.member.clone())
    });
    all
}

/// Whether it is there, and on record.
pub(in crate::action::preflight) fn known(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    match context.candidate() {
        Some(name) if context.view(&name).is_none() => {
            notes.push(block("candidate-known", format!("there is no member {name}")).about(&name));
        }
        _ => on(context, recorded, notes),
    }
}

fn recorded(context: &CheckContext<'_>, view: MemberView<'_>, _: Purpose, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "candidate-known";
    let name = view.name();
    let record = fresh(context.snapshot.from_record(|content| Some(content.member(name).map(|own| own.occurrences))));
    notes.push(match record {
        Some(fact) => match fact.value {
            Some(1) => pass(CHECK, format!("{name} is in the DCS")).by(&fact),
            Some(times) if times > 1 => block(CHECK, format!("{name} is {times} times in the DCS")).by(&fact),
            Some(_) | None => block(CHECK, format!("{name} is not in the DCS")).by(&fact),
        },
        None => block(CHECK, format!("unknown whether {name} is in the DCS")).overridable(),
    });
    if context.leader().is_some_and(|leader| leader.value == *name) {
        notes.push(block("candidate-not-leader", format!("{name} is already the leader")));
    }
}

/// Whether its agent and its PostgreSQL answer, and are of one server.
pub(in crate::action::preflight) fn reachable(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    let (name, now) = (view.name(), context.snapshot.now);
    let why = |failure_kind: Option<String>| failure_kind.unwrap_or_else(|| "no response yet".to_owned());
    notes.push(match &view.member.agent {
        None => unknown("candidate-rest", format!("no REST API address of {name} is configured")),
        Some(agent) => match fresh(agent.fact(now, |report| Some(report.name.clone()))) {
            Some(fact) if fact.value.as_ref().is_some_and(|own| own != name) => {
                let own = fact.value.clone().unwrap_or_default();
                block("candidate-rest", format!("the REST API at the address of {name} is that of {own}")).by(&fact)
            }
            Some(fact) => pass("candidate-rest", format!("the agent of {name} responds")).by(&fact),
            None => {
                let failure_kind = why(agent.failure_kind(now).map(|(words, _)| words));
                silence("candidate-rest", &format!("the agent of {name}"), agent, &failure_kind)
            }
        },
    });
    notes.push(match &view.member.sql {
        None => unknown(
            "candidate-sql",
            format!("no SQL address of {name} is configured: its promotion cannot be verified"),
        ),
        Some(sql) => match fresh(sql.fact(now, |report| Some(report.in_recovery))) {
            Some(fact) if fact.value => pass("candidate-sql", format!("{name} is in recovery")).by(&fact),
            Some(fact) => block("candidate-sql", format!("{name} is not in recovery: it accepts writes")).by(&fact),
            None => {
                let failure_kind = why(sql.failure_kind(now).map(|(words, _)| words));
                silence("candidate-sql", &format!("PostgreSQL on {name}"), sql, &failure_kind)
            }
        },
    });
    if context.two_servers(view) {
        let text = format!("REST and SQL addresses of {name} belong to different servers");
        notes.push(block("candidate-same-server", text));
    }
}

/// What is not answered: of one that did before, that it is silent, which speaks against it; of one that never did, that
/// nobody here knows, for it may be out of reach from this host alone.
fn silence<T>(check: &str, who: &str, reading: &Reading<T>, failure_kind: &str) -> CheckNote {
    if reading.last().is_some() {
        let note = block(check, format!("{who} is unreachable: {failure_kind}")).overridable();
        return CheckNote { source: Some(reading.source.clone()), ..note };
    }
    block(check, format!("unknown whether {who} is up, it has never been reachable from here: {failure_kind}"))
        .overridable()
}

/// Whether it is up.
pub(in crate::action::preflight) fn state(
    _: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-state";
    let name = view.name();
    let recorded = || {
        let reported = fresh(view.snapshot.from_record(|content| content.member(name).map(|own| own.state.clone())));
        reported.map(|state| format!(", {} only according to the DCS", state.value)).unwrap_or_default()
    };
    notes.push(match fresh(view.state()) {
        Some(state) if state.value.is_up() => pass(CHECK, format!("{name} is {}", state.value)).by(&state),
        Some(state) => block(CHECK, format!("{name} is {}", state.value)).by(&state),
        None => block(CHECK, format!("the state of {name} is unknown{}", recorded())).overridable(),
    });
}

/// Whether it waits for a restart.
pub(in crate::action::preflight) fn pending_restart(
    _: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-pending-restart";
    let name = view.name();
    notes.push(match fresh(view.pending_restart()) {
        None => unknown(CHECK, format!("unknown whether {name} is pending restart")),
        Some(pending) if pending.value => {
            let settings: Vec<String> = view.pending_settings().iter().map(ToString::to_string).collect();
            warn(CHECK, format!("{name} is pending restart: {}", settings.join(", "))).by(&pending)
        }
        Some(pending) => pass(CHECK, format!("{name} is not pending restart")).by(&pending),
    });
}

/// The same for whoever the plan names.
pub(in crate::action::preflight) fn nobody_ahead_of_it(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    if let Some(name) = context.candidate() {
        nobody_ahead(context, &name, notes);
    }
}

/// Without a leader nobody compares: whoever holds WAL that the candidate lacks would lose it.
fn nobody_ahead(context: &CheckContext<'_>, name: &NodeName, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "nobody-ahead";
    let place = |view: MemberView<'_>| {
        let (timeline, position) = (fresh(view.timeline()), fresh(view.position()));
        position.map(|position| (timeline.map(|timeline| timeline.value), position))
    };
    let Some((own_timeline, own)) = context.view(name).and_then(place) else {
        notes.push(
            block(CHECK, format!("the WAL position of {name} is unknown: other members may be ahead of it"))
                .about(name)
                .overridable(),
        );
        return;
    };
    let from = notes.len();
    let mut silent = Vec::new();
    for view in context.snapshot.views().filter(|view| view.name() != name) {
        if !view.answers() {
            silent.push(view.name().as_str());
            continue;
        }
        let up = fresh(view.state()).is_none_or(|state| state.value.is_up());
        match place(view) {
            Some((timeline, position)) if is_ahead((timeline, position.value), (own_timeline, own.value)) => {
                let ahead = own.value.bytes_to(position.value);
                let text = format!("{} is ahead of {name}, by {}", view.name(), crate::model::units::bytes(ahead));
                notes.push(block(CHECK, text).about(view.name()).by(&position));
            }
            Some(_) => {}
            None if up => {
                let text = format!("the WAL position of {} is unknown: it may be ahead of {name}", view.name());
                notes.push(block(CHECK, text).about(view.name()).overridable());
            }
            None => silent.push(view.name().as_str()),
        }
    }
    if notes.len() > from {
        return;
    }
    notes.push(if silent.is_empty() {
        pass(CHECK, format!("no member is ahead of {name}")).about(name).by(&own)
    } else {
        let text = format!("no reachable member is ahead of {name}; {} is unreachable and may be", silent.join(", "));
        warn(CHECK, text).about(name).by(&own)
    });
}

/// On a later timeline, or further on the same one. Where a timeline is unknown the position alone counts.
fn is_ahead(other: (Option<Timeline>, Lsn), own: (Option<Timeline>, Lsn)) -> bool {
    match (other.0, own.0) {
        (Some(other), Some(own)) if other != own => other > own,
        (Some(_) | None, Some(_) | None) => other.1 > own.1,
    }
}
