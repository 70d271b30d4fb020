//! How close a candidate is to the leader: its stream, its lag, its replay.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, Purpose, block, fresh, pass, unknown, warn};
use crate::model::agent::AgentWalsender;
use crate::model::lag_limit::LagLimit;
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::units;
use crate::model::view::MemberView;

/// A sender says something at least every `wal_sender_timeout`, by default a minute.
const QUIET: std::time::Duration = std::time::Duration::from_secs(60);

/// A live stream from the leader, seen from both sides: a receiver that lost its sender shows equal positions too.
pub(in crate::action::preflight) fn live(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    purpose: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const OWN: &str = "candidate-receives";
    if purpose == Purpose::Failover {
        return;
    }
    let name = view.name();
    // A role without pg_monitor sees that there is a receiver, and nothing of it: that is no answer.
    let reported = |report: &SqlReport| report.knows(SqlPart::Receiver).then(|| report.receiver.clone());
    let receiver = view.member.sql.as_ref().and_then(|sql| fresh(sql.fact(context.snapshot.now, reported)));
    notes.push(match receiver {
        // No SQL, or a role that may not see the receiver.
        None => match fresh(view.streams()) {
            Some(streams) if streams.value => {
                warn(OWN, format!("{name} is streaming, but only according to its agent or its upstream")).by(&streams)
            }
            Some(streams) => block(OWN, format!("{name} is not streaming")).by(&streams),
            None => block(OWN, format!("unknown whether {name} is streaming")).overridable(),
        },
        Some(fact) => match &fact.value {
            Some(receiver) if receiver.status != "streaming" => {
                block(OWN, format!("the WAL receiver of {name} is {}", receiver.status)).by(&fact)
            }
            Some(receiver) if receiver.message_age.is_some_and(|age| age > QUIET) => {
                let age = receiver.message_age.map(units::duration).unwrap_or_default();
                block(OWN, format!("the WAL receiver of {name} has received no message for {age}")).by(&fact)
            }
            Some(_) => match view.stands_still() {
                Some(silent) => {
                    let age = units::duration(silent);
                    let text = format!(
                        "unknown whether {name} is streaming: no message from its WAL receiver for {age}, it may hang"
                    );
                    block(OWN, text).by(&fact).overridable()
                }
                None => pass(OWN, format!("{name} has a streaming WAL receiver")).by(&fact),
            },
            None => block(OWN, format!("{name} has no WAL receiver: it is not streaming")).by(&fact),
        },
    });
    served(context, view, notes);
}

fn served(context: &CheckContext<'_>, view: MemberView<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "candidate-served";
    let name = view.name();
    let Some(leader) = context.leader_view() else {
        notes.push(block(CHECK, format!("no leader is known for {name} to stream from")).overridable());
        return;
    };
    let rows: Vec<_> = view.upstream_rows().filter(|(_, row)| row.fresh).collect();
    let row = rows.iter().find(|(server, _)| *server == leader.name()).or_else(|| rows.first());
    notes.push(match row {
        Some((server, row)) if *server != leader.name() => {
            warn(CHECK, format!("{name} streams from {server}, not from the leader {}", leader.name())).by(row)
        }
        Some((server, row)) => match &row.value.state {
            Some(state) if *state == "streaming" => pass(CHECK, format!("{server} streams to {name}")).by(row),
            Some(state) => block(CHECK, format!("{server} has a walsender for {name}, but in state {state}")).by(row),
            None => warn(CHECK, format!("{server} has a walsender for {name}; its state is not visible to the role"))
                .by(row),
        },
        None => unserved(context, leader, name),
    });
}

/// The leader's PostgreSQL lists no stream to `name`, or does not tell. Its agent may: Patroni before 3.0.4 has no other word
/// for it.
fn unserved(context: &CheckContext<'_>, leader: MemberView<'_>, name: &NodeName) -> CheckNote {
    const CHECK: &str = "candidate-served";
    let by_agent = leader.member.agent.as_ref().and_then(|agent| {
        let is_it = |row: &&AgentWalsender| row.application.as_str() == name.as_str();
        fresh(agent.fact(context.snapshot.now, |report| report.downstream.iter().find(is_it).cloned()))
    });
    if let Some(row) = by_agent.filter(|row| row.value.state == "streaming") {
        let text = format!("{} streams to {name}, but only according to its agent", leader.name());
        return warn(CHECK, text).by(&row);
    }
    match context.sql(leader).filter(|sql| sql.value.monitor && sql.value.knows(SqlPart::Downstream)) {
        Some(sql) => block(CHECK, format!("{} does not stream to {name}", leader.name())).by(&sql),
        None => block(CHECK, format!("unknown whether {} streams to {name}", leader.name())).overridable(),
    }
}

pub(in crate::action::preflight) fn lag_bytes(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    purpose: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-lag";
    let name = view.name();
    let configured = fresh(context.snapshot.from_record(|content| Some(content.config()?.maximum_lag())));
    let limit = configured.map_or(LagLimit::DEFAULT, |limit| limit.value);
    let lag = match purpose {
        Purpose::Switchover => fresh(view.lag_behind_leader().bytes),
        Purpose::Failover => behind_last_leader(context, view),
    };
    let limits = format!("maximum_lag_on_failover is {limit}");
    notes.push(match lag {
        Some(lag) if !limit.allows(lag.value) => {
            let text = format!("{name} has a lag of {}, {limits}", units::bytes(lag.value));
            // A leader that hands over waits; without one, what is behind is lost, which only an operator may accept.
            block(CHECK, text).by(&lag).overridable()
        }
        Some(lag) => pass(CHECK, format!("{name} has a lag of {}, {limits}", units::bytes(lag.value))).by(&lag),
        None => block(CHECK, format!("the lag of {name} is unknown, {limits}")).overridable(),
    });
}

/// Behind the position that the last leader wrote into the record: refreshed once a loop, so that more may be missing.
fn behind_last_leader(context: &CheckContext<'_>, view: MemberView<'_>) -> Option<Observed<u64>> {
    let end = fresh(context.snapshot.from_record(|content| content.status()?.optime))?;
    let own = fresh(view.position())?;
    let value = own.value.bytes_to(end.value);
    Some(own.map(|_| value))
}

pub(in crate::action::preflight) fn lag_time(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    purpose: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-lag-time";
    let name = view.name();
    let missing = match purpose {
        Purpose::Switchover => None,
        Purpose::Failover => behind_last_leader(context, view).filter(|missing| missing.value > 0),
    };
    if let Some(missing) = missing {
        // Without a leader a standby has replayed all it got, and nobody can tell by how much time that is too little.
        let text = format!("{name} lacks {}: lag time unknown without a leader", units::bytes(missing.value));
        notes.push(unknown(CHECK, text).by(&missing));
        return;
    }
    let caught_up = fresh(view.lag().bytes).is_some_and(|bytes| bytes.value == 0);
    notes.push(match fresh(view.lag().time) {
        // Time behind with nothing left to replay is only the age of the last commit.
        Some(time) if !caught_up && context.snapshot.thresholds.lag_time.judge(time.value).is_some() => {
            warn(CHECK, format!("{name} has a replay lag of {}", units::duration(time.value))).by(&time)
        }
        Some(time) => pass(CHECK, format!("{name} has a replay lag of {}", units::duration(time.value))).by(&time),
        None => unknown(CHECK, format!("the replay lag of {name} is unknown")),
    });
}

pub(in crate::action::preflight) fn replay(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    _: Purpose,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "candidate-replay";
    let name = view.name();
    let sql = view.member.sql.as_ref();
    notes.push(match sql.and_then(|sql| fresh(sql.fact(context.snapshot.now, |report| report.replay))) {
        Some(replay) if replay.value.paused => {
            block(CHECK, format!("WAL replay is paused on {name}: resume it first")).by(&replay)
        }
        Some(replay) if !replay.value.delay.is_zero() => {
            let text =
                format!("{name} delays replay by {} (recovery_min_apply_delay)", units::duration(replay.value.delay));
            block(CHECK, text).by(&replay).overridable()
        }
        Some(replay) => pass(CHECK, format!("{name} replays WAL without pause or delay")).by(&replay),
        None => match fresh(view.replay_paused()) {
            Some(paused) if paused.value => {
                block(CHECK, format!("WAL replay is paused on {name}: resume it first")).by(&paused)
            }
            Some(_) | None => unknown(CHECK, format!("the replay state of {name} is unknown")),
        },
    });
}
