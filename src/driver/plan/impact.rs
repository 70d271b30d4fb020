//! What the users of the cluster will notice, in words and with numbers where they are known.

use crate::action::walsender::{ShutdownWait, senders};
use crate::model::name::NodeName;
use crate::model::router::PoolPurpose;
use crate::model::snapshot::Snapshot;
use crate::model::units;
use crate::model::view::MemberView;

/// Sessions through the write pools of the routers that answer in time; `None`: nobody counts them.
fn write_sessions(snapshot: &Snapshot) -> Option<u64> {
    let pools = snapshot.routers.iter().flat_map(|router| {
        let report = router.fresh_report(snapshot.now).into_iter();
        report.flat_map(|report| router.backends_for(report, PoolPurpose::Write))
    });
    pools.filter_map(|row| row.sessions).reduce(u64::saturating_add)
}

fn sessions_of(view: MemberView<'_>) -> Option<u64> {
    let now = view.snapshot.now;
    view.member.sql.as_ref()?.fresh(now)?.connections.used.map(u64::from)
}

fn sessions(count: u64) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{} sessions", units::exact(count)) }
}

/// The same with where they are, as they are cut.
fn cut(count: u64, place: &str) -> String {
    format!("{} {place} {} disconnected", sessions(count), if count == 1 { "is" } else { "are" })
}

/// The sessions that `view`, the leader, loses.
pub(in crate::driver) fn writers_cut(view: MemberView<'_>) -> String {
    let name = view.name();
    match (write_sessions(view.snapshot), sessions_of(view)) {
        (Some(through), Some(own)) => {
            let own = cut(own, &format!("on {name}"));
            format!("{own}, {} of them through the write backends", units::exact(through))
        }
        (Some(through), None) => cut(through, "through the write backends"),
        (None, Some(own)) => cut(own, &format!("on {name}")),
        (None, None) => format!("all sessions on {name} are disconnected; their number is unknown"),
    }
}

/// The sessions that a replica loses.
pub(in crate::driver) fn readers_cut(view: MemberView<'_>) -> String {
    let name = view.name();
    sessions_of(view).map_or_else(
        || format!("all sessions on {name} are disconnected; their number is unknown"),
        |own| cut(own, &format!("on {name}")),
    )
}

/// The transaction that will be rolled back, where one has run for long.
pub(in crate::driver) fn long_transaction(view: MemberView<'_>) -> Option<String> {
    let report = view.member.sql.as_ref()?.fresh(view.snapshot.now)?;
    let oldest = report.oldest_transaction.as_ref()?;
    Some(format!(
        "the oldest transaction on {} ({} of {}) has been open for {} and is rolled back",
        view.name(),
        oldest.application,
        oldest.user,
        units::duration(oldest.age)
    ))
}

/// Whom the shutdown of `view` waits for, and for how long; `None`: for nobody noticeably.
pub(in crate::driver) fn shutdown_waits(view: MemberView<'_>) -> Option<String> {
    let report = view.member.sql.as_ref()?.fresh(view.snapshot.now)?;
    let all = senders(view.snapshot, report)?;
    let worst = all.iter().max_by_key(|sender| sender.wait())?;
    let who = worst.who();
    match worst.wait() {
        ShutdownWait::None => None,
        ShutdownWait::AtMost(longest) => {
            Some(format!("the shutdown waits for {who}, {}, up to {} more", worst.how(), units::duration(longest)))
        }
        ShutdownWait::Endless => Some(format!("the shutdown waits for {who}, {}, without a limit", worst.how())),
    }
}

/// How far a member is behind, as a clause: `pg-1 is 48 kB behind`.
pub(in crate::driver) fn behind(view: MemberView<'_>) -> String {
    let name = view.name();
    let lag = view.lag();
    let bytes = lag.bytes.filter(|bytes| bytes.fresh).map(|bytes| units::bytes(bytes.value));
    let time = lag.time.filter(|time| time.fresh).map(|time| units::latency(time.value));
    match (bytes, time) {
        (Some(bytes), Some(time)) => format!("{name} has a lag of {bytes} / {time}"),
        (Some(bytes), None) => format!("{name} has a lag of {bytes}"),
        (None, Some(time)) => format!("{name} has a lag of {time}"),
        (None, None) => format!("the lag of {name} is unknown"),
    }
}

/// What a promotion leaves undone on routers.
pub(in crate::driver) fn routers_follow(snapshot: &Snapshot) -> Option<String> {
    let names = snapshot.routers.iter().map(|router| router.name.to_string()).collect::<Vec<_>>();
    (!names.is_empty()).then(|| format!("{} follows when its own health checks notice", names.join(", ")))
}

/// Sessions through write pools that are on other servers than the leader's, as a line.
pub(in crate::driver) fn write_sessions_elsewhere(snapshot: &Snapshot, leader: &NodeName) -> Option<String> {
    let mut elsewhere = 0;
    for router in &snapshot.routers {
        let servers = router.write_servers(router.fresh_report(snapshot.now)?);
        let rows = servers.filter(|row| snapshot.member_of(row).is_none_or(|member| member.name != *leader));
        elsewhere += rows.filter_map(|row| row.sessions).sum::<u64>();
    }
    (elsewhere > 0).then(|| {
        let cut = cut(elsewhere, "on other servers of write backends");
        format!("{cut} if on-marked-down shutdown-sessions is set")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_is_cut_and_several_are() {
        assert_eq!(cut(1, "on pg-2"), "1 session on pg-2 is disconnected");
        assert_eq!(cut(1204, "on pg-2"), "1,204 sessions on pg-2 are disconnected");
    }
}
