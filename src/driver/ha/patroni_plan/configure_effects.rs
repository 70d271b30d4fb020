//! What a change of the dynamic configuration does to others: to commits, sessions, slots and their consumers, to whoever may
//! take over. Source: Patroni 4.1's documentation of the dynamic configuration and its code.

use serde_json::{Map, Value};

use super::configure_slots;
use super::ground::Ground;
use super::impact;
use crate::action::parameters::{set_by, text_of};
use crate::model::agent_reading::{flag, whole};

/// One line for each thing that somebody else will notice.
pub(super) fn of(ground: &Ground<'_>, changes: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in changes {
        match key.as_str() {
            "slots" => lines.extend(configure_slots::effects(ground, value)),
            "standby_cluster" => lines.extend(standby_cluster(ground, value)),
            key => lines.extend(top(key, value)),
        }
    }
    if let Some(section) = changes.get("postgresql").and_then(Value::as_object) {
        lines.extend(section.iter().filter_map(|(key, value)| postgresql(key, value)));
    }
    for (name, value) in set_by(changes) {
        lines.extend(parameter(ground, &name, &value));
    }
    lines
}

fn standby_cluster(ground: &Ground<'_>, value: &Value) -> Vec<String> {
    let line = if value.is_null() {
        "the cluster stops following another: its leader is promoted"
    } else if ground.record.config().is_some_and(|config| config.standby_cluster) {
        return vec![
            "the cluster follows another source; what it has and that source lacks must be copied anew".to_owned(),
        ];
    } else {
        "the leader takes no more writes and follows another cluster"
    };
    let leader = ground.generation.leader.as_ref().and_then(|name| ground.snapshot.member(name));
    let cut = leader.filter(|_| !value.is_null()).map(|leader| impact::writers_cut(ground.snapshot.view(leader)));
    std::iter::once(line.to_owned()).chain(cut).collect()
}

fn top(key: &str, value: &Value) -> Option<String> {
    let set = flag(value);
    // Removed, a flag is off.
    let off = value.is_null() || set == Some(false);
    let number = |default: i64| if value.is_null() { Some(default) } else { whole(value) };
    Some(match key {
        "ttl" => format!("a leader that dies without a word is replaced after about {} s", number(30)?),
        "loop_wait" => format!("agents look every {} s: what is ordered or goes wrong may be noticed so much later", number(10)?),
        "retry_timeout" => format!(
            "a leader whose DCS or PostgreSQL does not answer for {} s steps down, and every session on it is cut",
            number(10)?
        ),
        "maximum_lag_on_failover" => format!(
            "a replica that is further behind than {} does not take over; up to that much may be lost in a failover",
            crate::model::units::bytes(u64::try_from(number(1 << 20)?).ok()?)
        ),
        "maximum_lag_on_syncnode" => "a synchronous standby that falls behind by this is replaced by another".to_owned(),
        "primary_start_timeout" | "master_start_timeout" => match number(300)? {
            0 => "a leader that crashes is not started again: another takes over at once, and may lack its last commits".to_owned(),
            seconds => format!("a leader that crashes may take {seconds} s to start before another takes over: writes fail so long"),
        },
        "primary_stop_timeout" | "master_stop_timeout" => match number(0)? {
            0 => "in synchronous mode a leader's shutdown is waited for without a limit".to_owned(),
            seconds => format!("in synchronous mode a leader that takes longer than {seconds} s to stop is killed"),
        },
        "member_slots_ttl" => "slots of members that are gone for so long are dropped: they need a copy when they come back".to_owned(),
        "ignore_slots" => "slots that match are left alone; those that no longer match are dropped, and their consumers lose their place".to_owned(),
        "failsafe_mode" if off => "the leader takes no more writes while the DCS is lost".to_owned(),
        "failsafe_mode" => "the leader goes on taking writes while the DCS is lost, as long as it reaches every member".to_owned(),
        "synchronous_mode" if off => "commits wait for no standby: a failover may lose acknowledged ones".to_owned(),
        "synchronous_mode" => "commits wait for a standby; only synchronous ones may take over".to_owned(),
        "synchronous_mode_strict" if off => "while no standby is synchronous, writes go on unprotected".to_owned(),
        "synchronous_mode_strict" => "writes stop while no standby is synchronous".to_owned(),
        "synchronous_node_count" => format!("commits wait for {} standbys", number(1)?),
        "check_timeline" if off => "a member on an older timeline may take over".to_owned(),
        _ => return None,
    })
}

fn postgresql(key: &str, value: &Value) -> Option<String> {
    let off = value.is_null() || flag(value) == Some(false);
    Some(match key {
        "use_slots" if flag(value) == Some(false) => {
            "the members' slots are dropped: a standby that falls behind may need a copy".to_owned()
        }
        "use_pg_rewind" if off => {
            "an old leader that has diverged is no longer rewound: it stays out, or is copied".to_owned()
        }
        "remove_data_directory_on_rewind_failure" | "remove_data_directory_on_diverged_timelines" if !off => {
            "a member that cannot rejoin is wiped without asking, and copied from the leader".to_owned()
        }
        "pg_hba" => {
            "connections that no line admits are refused after the reload, those of replicas and of this console too"
                .to_owned()
        }
        "pg_ident" => "logins that no line maps are refused after the reload".to_owned(),
        _ => return None,
    })
}

fn parameter(ground: &Ground<'_>, name: &str, value: &Value) -> Option<String> {
    let text = text_of(value);
    let is_zero = text.trim_start_matches('0').chars().all(char::is_alphabetic);
    Some(match name {
        "idle_replication_slot_timeout" if !value.is_null() && !is_zero => {
            let slots = configure_slots::logical(ground);
            let which =
                if slots.is_empty() { String::new() } else { format!(" (logical ones here: {})", slots.join(", ")) };
            format!(
                "a slot that is not used for {text} is invalidated, and what its consumer still needs is lost{which}; copies of \
                 a permanent logical slot on replicas are never used, so that they go too and their replicas restart"
            )
        }
        "max_slot_wal_keep_size" if !value.is_null() && text != "-1" => {
            format!("a slot that falls behind by more than {text} is lost: its standby or consumer must begin anew")
        }
        "wal_sender_timeout" if is_zero && !value.is_null() => {
            "a receiver that stops replying is never cut off: a shutdown waits for it without a limit".to_owned()
        }
        "wal_sender_timeout" => {
            "a receiver that does not reply for so long is cut off; a shutdown waits that long for one that hangs"
                .to_owned()
        }
        "wal_sender_shutdown_timeout" if !value.is_null() && text != "-1" => {
            "a shutdown ends every walsender after that, those that keep up too: an old leader may have to be rewound"
                .to_owned()
        }
        "archive_mode" if text == "off" => "WAL is archived no more: recovery to a point in time ends here".to_owned(),
        "archive_command" | "archive_library" => {
            "what this command takes is marked as archived: try it first, since a wrong one leaves a gap in recovery"
                .to_owned()
        }
        "wal_level" => {
            "logical consumers need wal_level logical; standbys and archiving need at least replica".to_owned()
        }
        "synchronous_commit" if matches!(text.as_str(), "off" | "local") => {
            "commits wait for no standby: acknowledged ones may be lost with the leader".to_owned()
        }
        "hot_standby_feedback" => {
            "queries on standbys keep dead rows on the leader from being cleaned, or no longer do".to_owned()
        }
        "max_standby_streaming_delay" | "max_standby_archive_delay" => {
            "queries on standbys are cancelled after so long where they are in the way of replay, which waits for them"
                .to_owned()
        }
        "shared_preload_libraries" => "a member that lacks one of the libraries does not start again".to_owned(),
        "recovery_min_apply_delay" => {
            "every standby replays so much later: none of them is close to the leader".to_owned()
        }
        "statement_timeout"
        | "transaction_timeout"
        | "idle_session_timeout"
        | "idle_in_transaction_session_timeout"
            if !value.is_null() && !is_zero =>
        {
            format!("sessions of everybody are ended or cancelled after {text}, backups and maintenance among them")
        }
        _ => return None,
    })
}
