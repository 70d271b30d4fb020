//! How close a candidate is to the leader: its stream, its lag, its replay.

use super::super::note::Note;
use super::scene::{Purpose, Scene, block, fresh, pass, unknown, warn};
use crate::model::agent::DownstreamName;
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::patroni_record::MAXIMUM_LAG;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::units;
use crate::model::view::MemberView;

/// A sender says something at least every `wal_sender_timeout`, by default a minute.
const QUIET: std::time::Duration = std::time::Duration::from_secs(60);

/// A live stream from the leader, seen from both sides: a receiver that lost its sender shows equal positions too.
pub(super) fn live(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const OWN: &str = "candidate-receives";
    let name = view.name();
    // A role without pg_monitor sees that there is a receiver, and nothing of it: that is no answer.
    let told = |report: &SqlReport| report.knows(SqlPart::Receiver).then(|| report.receiver.clone());
    let receiver = view.member.sql.as_ref().and_then(|sql| fresh(sql.fact(scene.snapshot.now, told)));
    notes.push(match receiver {
        // No SQL, or a role that may not see the receiver.
        None => match fresh(view.streams()) {
            Some(streams) if streams.value => {
                warn(OWN, format!("{name} streams, by the word of its agent or of its upstream alone")).by(&streams)
            }
            Some(streams) => block(OWN, format!("{name} does not stream")).by(&streams),
            None => block(OWN, format!("whether {name} streams is unknown")).overridable(),
        },
        Some(fact) => match &fact.value {
            Some(receiver) if receiver.status != "streaming" => {
                block(OWN, format!("the WAL receiver of {name} is {}", receiver.status)).by(&fact)
            }
            Some(receiver) if receiver.message_age.is_some_and(|age| age > QUIET) => {
                let age = receiver.message_age.map(units::duration).unwrap_or_default();
                block(OWN, format!("the WAL receiver of {name} has heard nothing for {age}")).by(&fact)
            }
            Some(_) => match view.stands_still() {
                Some(silent) => {
                    let age = units::duration(silent);
                    let text = format!(
                        "whether {name} streams is unknown: its WAL receiver has given no sign of life for {age}, and may hang"
                    );
                    block(OWN, text).by(&fact).overridable()
                }
                None => pass(OWN, format!("{name} has a streaming WAL receiver")).by(&fact),
            },
            None => block(OWN, format!("{name} has no WAL receiver: it does not stream")).by(&fact),
        },
    });
    served(scene, view, notes);
}

fn served(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-served";
    let name = view.name();
    let Some(leader) = scene.leader_view() else {
        notes.push(block(CHECK, format!("no leader is known that would serve {name}")).overridable());
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
            Some(state) => block(CHECK, format!("{server} serves {name}, but it is in {state}")).by(row),
            None => warn(CHECK, format!("{server} serves {name}; its role may not see how")).by(row),
        },
        None => unserved(scene, leader, name),
    });
}

/// The leader's PostgreSQL lists no stream to `name`, or does not tell. Its agent may: Patroni before 3.0.4 has no other word
/// for it.
fn unserved(scene: &Scene<'_>, leader: MemberView<'_>, name: &NodeName) -> Note {
    const CHECK: &str = "candidate-served";
    let by_agent = leader.member.agent.as_ref().and_then(|agent| {
        let is_it = |row: &&DownstreamName| row.application.as_str() == name.as_str();
        fresh(agent.fact(scene.snapshot.now, |report| report.downstream.iter().find(is_it).cloned()))
    });
    if let Some(row) = by_agent.filter(|row| row.value.state == "streaming") {
        let text = format!("{} streams to {name}, by its agent's word alone", leader.name());
        return warn(CHECK, text).by(&row);
    }
    match scene.sql(leader).filter(|sql| sql.value.monitor && sql.value.knows(SqlPart::Downstream)) {
        Some(sql) => block(CHECK, format!("{} does not stream to {name}", leader.name())).by(&sql),
        None => block(CHECK, format!("whether {} streams to {name} is unknown", leader.name())).overridable(),
    }
}

pub(super) fn lag_bytes(scene: &Scene<'_>, view: MemberView<'_>, purpose: Purpose, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-lag";
    let name = view.name();
    let configured = fresh(scene.snapshot.recorded(|content| Some(content.config()?.maximum_lag())));
    let limit = configured.map_or(MAXIMUM_LAG, |limit| limit.value);
    let lag = match purpose {
        Purpose::Switchover => fresh(view.lag_behind_leader().bytes),
        Purpose::Failover => behind_last_leader(scene, view),
    };
    let limits = format!("maximum_lag_on_failover is {}", units::bytes(limit));
    notes.push(match lag {
        Some(lag) if lag.value > limit => {
            let text = format!("{name} is {} behind, {limits}", units::bytes(lag.value));
            // A leader that hands over waits; without one, what is behind is lost, which only an operator may accept.
            block(CHECK, text).by(&lag).overridable()
        }
        Some(lag) => pass(CHECK, format!("{name} is {} behind, {limits}", units::bytes(lag.value))).by(&lag),
        None => block(CHECK, format!("how far {name} is behind is unknown, {limits}")).overridable(),
    });
}

/// Behind the position that the last leader wrote into the record: refreshed once a loop, so that more may be missing.
fn behind_last_leader(scene: &Scene<'_>, view: MemberView<'_>) -> Option<Observed<u64>> {
    let end = fresh(scene.snapshot.recorded(|content| content.status()?.optime))?;
    let own = fresh(view.position())?;
    let value = own.value.bytes_to(end.value);
    Some(own.map(|_| value))
}

pub(super) fn lag_time(scene: &Scene<'_>, view: MemberView<'_>, purpose: Purpose, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-lag-time";
    let name = view.name();
    let missing = match purpose {
        Purpose::Switchover => None,
        Purpose::Failover => behind_last_leader(scene, view).filter(|missing| missing.value > 0),
    };
    if let Some(missing) = missing {
        // Without a leader a standby has replayed all it got, and nobody can tell by how much time that is too little.
        let text = format!("{name} lacks {}: of how much time is unknown, nobody leads", units::bytes(missing.value));
        notes.push(unknown(CHECK, text).by(&missing));
        return;
    }
    let caught_up = fresh(view.lag().bytes).is_some_and(|bytes| bytes.value == 0);
    notes.push(match fresh(view.lag().time) {
        // Time behind with nothing left to replay is only the age of the last commit.
        Some(time) if !caught_up && scene.snapshot.thresholds.lag_time.judge(time.value).is_some() => {
            warn(CHECK, format!("{name} is {} behind", units::duration(time.value))).by(&time)
        }
        Some(time) => pass(CHECK, format!("{name} is {} behind", units::duration(time.value))).by(&time),
        None => unknown(CHECK, format!("how long {name} is behind is unknown")),
    });
}

pub(super) fn replay(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-replay";
    let name = view.name();
    let sql = view.member.sql.as_ref();
    notes.push(match sql.and_then(|sql| fresh(sql.fact(scene.snapshot.now, |report| report.replay))) {
        Some(replay) if replay.value.paused => {
            block(CHECK, format!("replay is paused on {name}: resume it first")).by(&replay)
        }
        Some(replay) if !replay.value.delay.is_zero() => {
            let text = format!("{name} replays {} late on purpose", units::duration(replay.value.delay));
            block(CHECK, text).by(&replay).overridable()
        }
        Some(replay) => pass(CHECK, format!("{name} replays without pause or delay")).by(&replay),
        None => match fresh(view.replay_paused()) {
            Some(paused) if paused.value => {
                block(CHECK, format!("replay is paused on {name}: resume it first")).by(&paused)
            }
            Some(_) | None => unknown(CHECK, format!("how {name} replays is unknown")),
        },
    });
}
