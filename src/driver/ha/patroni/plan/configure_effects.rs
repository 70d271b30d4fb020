//! What a change of the dynamic configuration does to others: to commits, sessions, slots and their consumers, to whoever may
//! take over. Source: Patroni 4.1's documentation of the dynamic configuration and its code.

use serde_json::{Map, Value};

use super::configure_slots;
use super::context::PlanContext;
use crate::action::parameters::{set_by, text_of};
use crate::driver::plan::impact;
use crate::model::agent_reading::{as_integer, flag};

/// One line for each thing that somebody else will notice.
pub(super) fn of(context: &PlanContext<'_>, changes: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in changes {
        match key.as_str() {
            "slots" => lines.extend(configure_slots::effects(context, value)),
            "standby_cluster" => lines.extend(standby_cluster(context, value)),
            key => lines.extend(top(key, value)),
        }
    }
    if let Some(section) = changes.get("postgresql").and_then(Value::as_object) {
        lines.extend(section.iter().filter_map(|(key, value)| postgresql(key, value)));
    }
    for (name, value) in set_by(changes) {
        lines.extend(parameter(context, &name, &value));
    }
    lines
}

fn standby_cluster(context: &PlanContext<'_>, value: &Value) -> Vec<String> {
    let line = if value.is_null() {
        "the cluster is no longer a standby cluster: its leader is promoted"
    } else if context.record.config().is_some_and(|config| config.standby_cluster) {
        return vec![
            "the cluster replicates from another source; members with WAL that the source lacks need a reinit"
                .to_owned(),
        ];
    } else {
        "the leader stops accepting writes and becomes the standby leader of another cluster"
    };
    let leader = context.generation.leader.as_ref().and_then(|name| context.snapshot.member(name));
    let cut = leader.filter(|_| !value.is_null()).map(|leader| impact::writers_cut(context.snapshot.view(leader)));
    std::iter::once(line.to_owned()).chain(cut).collect()
}

fn top(key: &str, value: &Value) -> Option<String> {
    let set = flag(value);
    // Removed, a flag is off.
    let off = value.is_null() || set == Some(false);
    let number = |default: i64| if value.is_null() { Some(default) } else { as_integer(value) };
    Some(match key {
        "ttl" => format!("a leader that crashes is replaced after about {} s (ttl)", number(30)?),
        "loop_wait" => format!("agents check every {} s: requests and failures may be noticed that much later", number(10)?),
        "retry_timeout" => format!(
            "a leader whose DCS or PostgreSQL does not respond for {} s is demoted, and all its sessions are terminated",
            number(10)?
        ),
        "maximum_lag_on_failover" => format!(
            "a replica with a lag above {} is not promoted; up to that much may be lost in a failover",
            crate::model::units::bytes(u64::try_from(number(1 << 20)?).ok()?)
        ),
        "maximum_lag_on_syncnode" => "a synchronous standby with a lag above this is replaced by another".to_owned(),
        "primary_start_timeout" | "master_start_timeout" => match number(300)? {
            0 => "a crashed leader is not restarted: another member is promoted at once and may lack the last commits".to_owned(),
            seconds => format!("a crashed leader gets {seconds} s to restart before another member is promoted: writes fail meanwhile"),
        },
        "primary_stop_timeout" | "master_stop_timeout" => match number(0)? {
            0 => "in synchronous mode the shutdown of a leader has no time limit".to_owned(),
            seconds => format!("in synchronous mode a leader that takes longer than {seconds} s to stop is killed"),
        },
        "member_slots_ttl" => "slots of members that are down for this long are dropped: they may need a reinit when they return".to_owned(),
        "ignore_slots" => "matching slots are left alone; those that no longer match are dropped, and their consumers lose their position".to_owned(),
        "failsafe_mode" if off => "the leader is demoted while the DCS is unreachable".to_owned(),
        "failsafe_mode" => "the leader keeps accepting writes while the DCS is unreachable, as long as it reaches every member".to_owned(),
        "synchronous_mode" if off => "commits do not wait for a standby: a failover may lose acknowledged commits".to_owned(),
        "synchronous_mode" => "commits wait for a standby; only synchronous standbys can be promoted".to_owned(),
        "synchronous_mode_strict" if off => "without a synchronous standby, writes continue without synchronous replication".to_owned(),
        "synchronous_mode_strict" => "without a synchronous standby, writes hang".to_owned(),
        "synchronous_node_count" => format!("synchronous standbys that commits wait for: {}", number(1)?),
        "check_timeline" if off => "a member on an older timeline may be promoted".to_owned(),
        _ => return None,
    })
}

fn postgresql(key: &str, value: &Value) -> Option<String> {
    let off = value.is_null() || flag(value) == Some(false);
    Some(match key {
        "use_slots" if flag(value) == Some(false) => {
            "the slots of the members are dropped: a standby that falls behind may need a reinit".to_owned()
        }
        "use_pg_rewind" if off => {
            "a former leader that has diverged is no longer rewound: it stays down or needs a reinit".to_owned()
        }
        "remove_data_directory_on_rewind_failure" | "remove_data_directory_on_diverged_timelines" if !off => {
            "a member that cannot rejoin is automatically wiped and re-cloned from the leader".to_owned()
        }
        "pg_hba" => {
            "connections that match no line are rejected after the reload, including those of replicas and of this console"
                .to_owned()
        }
        "pg_ident" => "logins that match no line are rejected after the reload".to_owned(),
        _ => return None,
    })
}

fn parameter(context: &PlanContext<'_>, name: &str, value: &Value) -> Option<String> {
    let text = text_of(value);
    let is_zero = text.trim_start_matches('0').chars().all(char::is_alphabetic);
    Some(match name {
        "idle_replication_slot_timeout" if !value.is_null() && !is_zero => {
            let slots = configure_slots::logical(context);
            let which =
                if slots.is_empty() { String::new() } else { format!(" (logical ones here: {})", slots.join(", ")) };
            format!(
                "a slot that is inactive for {text} is invalidated, and the WAL its consumer still needs is lost{which}; copies of \
                    a permanent logical slot on replicas are always inactive, so they are invalidated too and their replicas restart"
            )
        }
        "max_slot_wal_keep_size" if !value.is_null() && text != "-1" => {
            format!("a slot that falls behind by more than {text} is lost: its standby or consumer must start over")
        }
        "wal_sender_timeout" if is_zero && !value.is_null() => {
            "a WAL receiver that stops replying is never disconnected: a shutdown waits for it without a limit".to_owned()
        }
        "wal_sender_timeout" => {
            "a WAL receiver that does not reply for this long is disconnected; a shutdown waits that long for a hung one"
                .to_owned()
        }
        "wal_sender_shutdown_timeout" if !value.is_null() && text != "-1" => {
            "a shutdown terminates every walsender after this time, even those that keep up: a former leader may need pg_rewind"
                .to_owned()
        }
        "archive_mode" if text == "off" => "WAL is no longer archived: point-in-time recovery is not possible past this point".to_owned(),
        "archive_command" | "archive_library" => {
            "WAL is marked as archived if this command succeeds: test it first, a wrong one leaves a gap in recovery"
                .to_owned()
        }
        "wal_level" => {
            "logical consumers need wal_level logical; standbys and archiving need at least replica".to_owned()
        }
        "synchronous_commit" if matches!(text.as_str(), "off" | "local") => {
            "commits do not wait for a standby: acknowledged commits may be lost with the leader".to_owned()
        }
        "hot_standby_feedback" => {
            "changes whether queries on standbys prevent vacuum on the leader from removing dead rows".to_owned()
        }
        "max_standby_streaming_delay" | "max_standby_archive_delay" => {
            "queries on standbys that conflict with replay are cancelled after this time; replay waits for them until then"
                .to_owned()
        }
        "shared_preload_libraries" => "a member that lacks one of the libraries does not start".to_owned(),
        "recovery_min_apply_delay" => {
            "every standby delays replay by this time: none of them is close to the leader".to_owned()
        }
        "statement_timeout"
        | "transaction_timeout"
        | "idle_session_timeout"
        | "idle_in_transaction_session_timeout"
            if !value.is_null() && !is_zero =>
        {
            format!("sessions of all users are terminated or cancelled after {text}, including backups and maintenance")
        }
        _ => return None,
    })
}
