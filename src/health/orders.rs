//! Orders that wait in the failover key, whether they can be carried out at all, and restarts that wait for their time.

use jiff::Timestamp;

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::lag_limit::LagLimit;
use crate::model::observed::Observed;
use crate::model::record::PendingOrder;
use crate::model::snapshot::Snapshot;
use crate::model::units;

/// An order that is due is carried out, or dropped, within so many seconds.
const OVERDUE_SECONDS: i64 = 60;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    if let Some(order) = snapshot.from_record(|content| content.order.clone()) {
        drafts.push(order_waits(snapshot, &order));
    }
    if let Some(missed) = &snapshot.missed_switchover {
        drafts.push(missed_order(snapshot, missed));
    }
    for view in snapshot.views() {
        let agent = view.member.agent.as_ref();
        let planned = agent.and_then(|agent| agent.fact(snapshot.now, |report| report.scheduled_restart.clone()));
        if let Some(restart) = planned {
            let title = format!("restart of {} scheduled at {}", view.name(), restart.value.at);
            let subject = Subject::Node(view.name().clone());
            drafts.push(
                FindingDraft::new(Severity::Note, "restart-scheduled", subject, title)
                    .because(&restart, "scheduled restart"),
            );
        }
    }
}

/// ` from A to B`.
fn route(order: &PendingOrder) -> String {
    let to = order.candidate.as_ref().map_or_else(String::new, |name| format!(" to {name}"));
    let from = order.leader.as_ref().map_or_else(String::new, |name| format!(" from {name}"));
    format!("{from}{to}")
}

fn order_waits(snapshot: &Snapshot, order: &Observed<PendingOrder>) -> FindingDraft {
    let route = route(&order.value);
    let Some(at) = &order.value.scheduled_at else {
        let title = format!("a failover request{route} is pending");
        // A plain order is handled within a loop; only one that stays is worth a word.
        return FindingDraft::new(Severity::Warning, "failover-pending", Subject::Cluster, title)
            .because(order, "failover key")
            .settling()
            .advise("find out who requested it before requesting another: a new request replaces it without notice");
    };
    let due = at.as_str().parse::<Timestamp>().ok();
    let overdue = due.is_some_and(|due| snapshot.wall.duration_since(due).as_secs() > OVERDUE_SECONDS);
    if overdue {
        let title = format!("the switchover{route} was scheduled for {at} and is still pending");
        return FindingDraft::new(Severity::Warning, "switchover-scheduled", Subject::Cluster, title)
            .because(order, "failover key")
            .advise("check the Patroni log of the leader; cancel it before requesting another");
    }
    match without_effect(snapshot, &order.value) {
        Some(why) => {
            let title = format!("the switchover{route} scheduled for {at} would fail now: {why}");
            FindingDraft::new(Severity::Warning, "switchover-scheduled", Subject::Cluster, title)
                .because(order, "failover key")
                .advise("cancel it, or fix the cause before then: Patroni would discard the request without an error")
        }
        None => {
            let title = format!("a switchover{route} is scheduled for {at}");
            FindingDraft::new(Severity::Note, "switchover-scheduled", Subject::Cluster, title)
                .because(order, "failover key")
                .advise("find out who requested it before requesting another: a new request replaces it without notice")
        }
    }
}

fn missed_order(snapshot: &Snapshot, order: &PendingOrder) -> FindingDraft {
    let at = order.scheduled_at.as_ref().map(|at| format!(" of {at}")).unwrap_or_default();
    let leads = snapshot.leader().map(|leader| format!(": {} is still the leader", leader.value)).unwrap_or_default();
    let title = format!("the scheduled switchover{}{at} did not happen{leads}", route(order));
    let mut draft = FindingDraft::new(Severity::Warning, "switchover-missed", Subject::Cluster, title)
        .since_all("the failover key was deleted at the scheduled time, and the leader did not change");
    if let Some(why) = without_effect(snapshot, order) {
        draft = draft.since_all(why);
    }
    draft.advise("check the Patroni log of the leader for the reason; switch over manually, or schedule it again")
}

/// Why Patroni will not carry a switchover out, by what is known now. It looks at the very moment, so that each of it may
/// yet be mended.
fn without_effect(snapshot: &Snapshot, order: &PendingOrder) -> Option<String> {
    if let (Some(from), Some(leader)) = (&order.leader, snapshot.leader().filter(|leader| leader.fresh))
        && *from != leader.value
    {
        return Some(format!("{from} is no longer the leader"));
    }
    if snapshot.paused().is_some_and(|paused| paused.fresh && paused.value) {
        return Some("maintenance mode is on".to_owned());
    }
    let Some(name) = &order.candidate else {
        let mut others = snapshot.views().filter(|view| order.leader.as_ref() != Some(view.name()));
        let may = others.any(|view| !view.tags().is_some_and(|tags| tags.value.forbids_failover()));
        return (!may).then(|| "no other member may become the leader".to_owned());
    };
    let Some(member) = snapshot.member(name) else { return Some(format!("there is no member {name}")) };
    let view = snapshot.view(member);
    if view.is_missing() {
        return Some(format!("{name} is not in the DCS"));
    }
    if let Some(tags) = view.tags().filter(|tags| tags.value.forbids_failover()) {
        let tag = if tags.value.nofailover { "nofailover" } else { "failover_priority 0" };
        return Some(format!("{name} has the tag {tag}"));
    }
    let listed = snapshot.from_record(|content| {
        let config = content.config().filter(|config| config.synchronous_mode)?;
        let standbys = content.sync().map(|sync| sync.standbys.as_slice()).unwrap_or_default();
        Some((standbys.contains(name), config.synchronous_mode))
    });
    if listed.is_some_and(|listed| listed.fresh && !listed.value.0) {
        return Some(format!("{name} is not synchronous, and only a synchronous standby can be promoted"));
    }
    if !view.answers() && !view.is_waiting() {
        return Some(format!("{name} is unreachable"));
    }
    let limit = snapshot.from_record(|content| Some(content.config()?.maximum_lag()));
    let limit = limit.map_or(LagLimit::DEFAULT, |limit| limit.value);
    let lag = view.lag().bytes.filter(|lag| lag.fresh && !limit.allows(lag.value))?;
    let lag = units::bytes(lag.value);
    Some(format!("{name} has a lag of {lag}, maximum_lag_on_failover is {limit}"))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;

    use super::*;
    use crate::model::name::NodeName;
    use crate::model::test_support::{agent, healthy, record};

    fn order(snapshot: &Snapshot, candidate: &str, seconds: i64) -> PendingOrder {
        let at = snapshot.wall + SignedDuration::from_secs(seconds);
        PendingOrder {
            leader: Some(NodeName::new("pg-0")),
            candidate: Some(NodeName::new(candidate)),
            scheduled_at: Some(at.to_string().into()),
        }
    }

    fn found(snapshot: &Snapshot) -> (Severity, String) {
        let mut drafts = Vec::new();
        examine(snapshot, &mut drafts);
        let [draft] = drafts.as_slice() else { panic!("{drafts:?}") };
        (draft.finding.severity, draft.finding.title.to_string())
    }

    #[rstest]
    #[case::may_lead(|_: &mut Snapshot| {}, "pg-1", Severity::Note, "is scheduled for")]
    #[case::not_synchronous(|_: &mut Snapshot| {}, "pg-2", Severity::Warning, "pg-2 is not synchronous")]
    #[case::tagged(|s: &mut Snapshot| agent(s, "pg-2", |r| r.tags.nofailover = true), "pg-2", Severity::Warning, "pg-2 has the tag nofailover")]
    #[case::limit_that_nobody_meets(
        |s: &mut Snapshot| record(s, |c| {
            c.patroni_mut().config.get_or_insert_default().maximum_lag_on_failover = Some(LagLimit(-5));
        }),
        "pg-1",
        Severity::Warning,
        "maximum_lag_on_failover is -5 B"
    )]
    #[case::unknown(|_: &mut Snapshot| {}, "pg-9", Severity::Warning, "there is no member pg-9")]
    #[case::paused(|s: &mut Snapshot| record(s, |c| c.patroni_mut().config.get_or_insert_default().paused = true), "pg-2", Severity::Warning, "maintenance mode is on")]
    fn an_order_that_patroni_will_drop_is_reported_while_it_waits(
        #[case] edit: fn(&mut Snapshot),
        #[case] candidate: &str,
        #[case] severity: Severity,
        #[case] words: &str,
    ) {
        let mut snapshot = healthy();
        edit(&mut snapshot);
        let key = order(&snapshot, candidate, 600);
        record(&mut snapshot, |content| content.order = Some(key));
        let (found, title) = found(&snapshot);
        assert!(found == severity && title.contains(words), "{found:?} {title}");
    }

    #[test]
    fn one_that_did_not_take_place_says_so_and_who_still_leads() {
        let mut snapshot = healthy();
        snapshot.missed_switchover = Some(order(&snapshot, "pg-2", -60));
        let (severity, title) = found(&snapshot);
        assert_eq!(severity, Severity::Warning);
        assert!(title.contains("did not happen: pg-0 is still the leader"), "{title}");
    }
}
