//! What mends a finding, where one of the actions does. A finding whose advice is to look elsewhere has none.

use crate::action::preflight;
use crate::action::verb::{
    CANCEL_RESTART, CANCEL_SWITCHOVER, DRAIN, END_SESSION, FAILOVER_SHORTCUT, FIX_ROUTING, POOLER_RECONNECT,
    POOLER_RESUME, REINIT_SHORTCUT, RELOAD, RESTART, RESTART_PENDING, RESUME, ROLLING_RESTART, SERVER_READY, SET,
    SWITCHOVER_SHORTCUT, Shortcut,
};
use crate::model::finding::{Finding, Subject};
use crate::model::name::NodeName;
use crate::model::router::ProxyStatus;
use crate::model::snapshot::Snapshot;

/// An action and what is written behind its name.
pub(super) type Remedy = (&'static Shortcut, Option<String>);

/// The action that mends `finding`.
pub(super) fn remedy(finding: &Finding, snapshot: &Snapshot) -> Option<Remedy> {
    let node = match &finding.subject {
        Subject::Node(name) => Some(name),
        Subject::Cluster | Subject::Router(_) | Subject::DcsMember(_) | Subject::Source(_) => None,
    };
    let of_node = |verb| node.map(|node| (verb, Some(node.to_string())));
    match finding.code {
        "pending-restart" => of_node(&RESTART_PENDING),
        "timeline-differs" | "foreign-system-identifier" => of_node(&REINIT_SHORTCUT),
        "restart-scheduled" => of_node(&CANCEL_RESTART),
        "long-transaction" => node.and_then(|node| oldest_transaction(node, snapshot)),
        "no-leader" => {
            let best = preflight::candidates(snapshot).into_iter().next()?;
            Some((&FAILOVER_SHORTCUT, Some(best.member.to_string())))
        }
        "paused" => Some((&RESUME, None)),
        "switchover-scheduled" => Some((&CANCEL_SWITCHOVER, None)),
        "router-no-primary" | "router-wrong-primary" | "router-several-primaries" => Some((&FIX_ROUTING, None)),
        "pooler-paused" => of_pooler(finding, snapshot).map(|pooler| (&POOLER_RESUME, Some(pooler))),
        "pooler-old-address" => of_pooler(finding, snapshot).map(|pooler| (&POOLER_RECONNECT, Some(pooler))),
        "router-maintenance" => out_of_service(finding, snapshot),
        _ => None,
    }
}

/// Actions that help where a finding of this code stands, in the order in which one would think of them; most are mended
/// elsewhere, and have none. `None`: the code is not known here.
pub(super) fn helping(code: &str) -> Option<&'static [&'static Shortcut]> {
    SHORTCUTS_BY_FINDING.iter().find(|(known, _)| *known == code).map(|(_, verbs)| *verbs)
}

/// Every code of the rules. A switchover mends nothing by itself that the new leader would have as well, and what takes data or
/// sessions away is never the first thought.
#[rustfmt::skip]
const SHORTCUTS_BY_FINDING: &[(&str, &[&Shortcut])] = &[
    ("address-leads-elsewhere", &[]),
    ("agent-refuses", &[]),
    ("agent-silent", &[]),
    ("archive-behind", &[]),
    ("archive-failing", &[]),
    ("blocked-sessions", &[]),
    ("cascade-without-upstream", &[]),
    ("clock-offset", &[]),
    ("connection-slots-taken", &[&SET]),
    ("connections", &[&SET]),
    ("copy-running", &[]),
    ("dcs-alarm", &[]),
    ("dcs-learner", &[]),
    ("dcs-member-refuses", &[]),
    ("dcs-member-silent", &[]),
    ("dcs-no-quorum", &[]),
    ("dcs-quota", &[]),
    ("dcs-terms-differ", &[]),
    ("entries-share-server", &[]),
    ("exporter-blind", &[]),
    ("exporter-silent", &[]),
    ("failover-pending", &[]),
    ("failsafe-active", &[]),
    ("feed-unknown", &[]),
    ("foreign-address", &[]),
    ("foreign-system-identifier", &[&REINIT_SHORTCUT]),
    ("lag", &[]),
    ("leader-in-recovery", &[]),
    ("leader-in-doubt", &[]),
    ("long-transaction", &[&END_SESSION]),
    ("member-missing", &[]),
    ("members-not-followed", &[]),
    ("name-repeated", &[]),
    ("namespace-ambiguous", &[]),
    ("no-agent-address", &[]),
    ("no-exporter", &[]),
    ("no-leader", &[&FAILOVER_SHORTCUT, &RESUME]),
    ("no-router-server", &[]),
    ("no-successor", &[]),
    ("no-synchronous-standby", &[&SET]),
    ("nobody-writes", &[]),
    ("node-silent", &[]),
    ("node-without-address", &[]),
    ("not-fed", &[]),
    ("not-streaming", &[&RESTART, &REINIT_SHORTCUT]),
    ("paused", &[&RESUME]),
    ("pending-restart", &[&RESTART_PENDING, &RELOAD, &DRAIN, &ROLLING_RESTART]),
    ("pooler-clients-waiting", &[]),
    ("pooler-disabled", &[]),
    ("pooler-full", &[]),
    ("pooler-no-server", &[]),
    ("pooler-old-address", &[&POOLER_RECONNECT]),
    ("pooler-paused", &[&POOLER_RESUME]),
    ("pooler-refuses", &[]),
    ("pooler-silent", &[]),
    ("pooler-stranger", &[]),
    ("pooler-wrong-primary", &[]),
    ("postgres-not-running", &[&RESTART]),
    ("postgres-refuses", &[]),
    ("postgres-silent", &[]),
    ("preparation-failed", &[]),
    ("prepared-transaction", &[]),
    ("prerelease-server", &[]),
    ("primary-without-lock", &[]),
    ("record-defect", &[]),
    ("record-silent", &[]),
    ("records-disagree", &[]),
    ("replay-delayed", &[]),
    ("replay-paused", &[]),
    ("restart-scheduled", &[&CANCEL_RESTART]),
    ("role-too-weak", &[]),
    ("router-empty", &[]),
    ("router-half-silent", &[]),
    ("router-maintenance", &[&SERVER_READY]),
    ("router-no-backend", &[]),
    ("router-no-check", &[]),
    ("router-no-primary", &[&FIX_ROUTING]),
    ("router-no-replica", &[]),
    ("router-no-server", &[]),
    ("router-one-silent", &[]),
    ("router-queue", &[]),
    ("router-several-primaries", &[&FIX_ROUTING]),
    ("router-silent", &[]),
    ("router-status-unknown", &[]),
    ("router-stranger", &[]),
    ("router-unclear", &[]),
    ("router-unpublished", &[]),
    ("router-unresolved", &[]),
    ("router-wrong-primary", &[&FIX_ROUTING]),
    ("routers-disagree", &[]),
    ("several-primaries", &[]),
    ("slot-idle-timeout", &[&SET]),
    ("slot-lost", &[]),
    ("slot-remade", &[]),
    ("slot-retains", &[]),
    ("slot-unreserved", &[&SET]),
    ("state-unknown", &[]),
    ("streaming-unknown", &[]),
    ("successor-unknown", &[]),
    ("switchover-missed", &[&SWITCHOVER_SHORTCUT]),
    ("switchover-scheduled", &[&CANCEL_SWITCHOVER]),
    ("tags-conflict", &[&RELOAD]),
    ("timeline-differs", &[&REINIT_SHORTCUT]),
    ("two-servers-as-one", &[]),
    ("unseen", &[]),
    ("versions-mixed", &[]),
    ("watchdog-failed", &[]),
    ("wraparound", &[]),
    ("wrong-cluster", &[]),
];

/// The pooler of a finding with the database that it is about, as a command takes them.
fn of_pooler(finding: &Finding, snapshot: &Snapshot) -> Option<String> {
    let Subject::Source(source) = &finding.subject else { return None };
    let report = snapshot.poolers.iter().find(|reading| reading.source == *source)?.last()?;
    Some(match report.database(&finding.part) {
        Some(database) => format!("{}/{}", source.target, database.name),
        None => source.target.to_string(),
    })
}

fn oldest_transaction(node: &NodeName, snapshot: &Snapshot) -> Option<Remedy> {
    let report = snapshot.member(node)?.sql.as_ref()?.fresh(snapshot.now)?;
    let oldest = report.oldest_transaction.as_ref()?;
    Some((&END_SESSION, Some(format!("{node}/{}", oldest.pid))))
}

/// The first server that is out of service in the pool that the finding is about.
fn out_of_service(finding: &Finding, snapshot: &Snapshot) -> Option<Remedy> {
    let Subject::Router(name) = &finding.subject else { return None };
    let router = snapshot.router(name)?;
    let is_out = |row: &&crate::model::router::ProxyRow| {
        matches!(row.status, ProxyStatus::Maintenance(_) | ProxyStatus::Drain)
            && (finding.part.is_empty() || row.proxy == finding.part)
    };
    let row = router.reading(snapshot.now)?.last()?.servers().find(is_out)?;
    Some((&SERVER_READY, Some(format!("{name}/{}/{}", row.proxy, row.server))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::action::verb::{PAUSE, RUN_DRILL, SERVER_DRAIN, SERVER_MAINTENANCE};

    /// The codes that the rules rank, as their table is written.
    fn ranked() -> BTreeSet<String> {
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/health/rank.rs");
        let text = std::fs::read_to_string(table).unwrap();
        let rows = text.lines().filter_map(|line| line.trim_start().strip_prefix("(\""));
        rows.filter_map(|row| row.split_once('"')).map(|(code, _)| code.to_owned()).collect()
    }

    #[test]
    fn every_code_says_which_actions_help() {
        let here: BTreeSet<String> = SHORTCUTS_BY_FINDING.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(here.len(), SHORTCUTS_BY_FINDING.len(), "a code has two rows");
        let ranked = ranked();
        assert!(ranked.len() > 50, "the table was not read: {ranked:?}");
        assert_eq!(here, ranked, "say of each code which actions help, if any");
    }

    /// What changes who leads, takes data away or cuts sessions is offered first only where the finding is about that.
    #[test]
    fn nothing_that_cuts_anybody_is_offered_first_without_a_cause() {
        let first = |verb| {
            SHORTCUTS_BY_FINDING.iter().filter(move |(_, verbs)| verbs.first() == Some(&verb)).map(|(code, _)| *code)
        };
        let of = |verb| first(verb).collect::<Vec<_>>();
        assert_eq!(of(&SWITCHOVER_SHORTCUT), ["switchover-missed"]);
        assert_eq!(of(&FAILOVER_SHORTCUT), ["no-leader"]);
        assert_eq!(of(&REINIT_SHORTCUT), ["foreign-system-identifier", "timeline-differs"]);
        assert_eq!(of(&RESTART), ["not-streaming", "postgres-not-running"]);
        assert_eq!(of(&END_SESSION), ["long-transaction"]);
        for verb in [&PAUSE, &DRAIN, &RUN_DRILL, &SERVER_DRAIN, &SERVER_MAINTENANCE] {
            assert_eq!(of(verb), Vec::<&str>::new(), "{verb:?}");
        }
    }

    /// What is offered with a name filled in is among what helps, and first there.
    #[test]
    fn a_remedy_is_the_first_that_helps() {
        let snapshot = crate::model::test_support::healthy();
        for (code, verbs) in SHORTCUTS_BY_FINDING {
            let subject = Subject::Node(NodeName::new("pg-1"));
            let finding = Finding { code, subject, ..crate::model::test_support::findings()[0].clone() };
            if let Some((verb, _)) = remedy(&finding, &snapshot) {
                assert_eq!(verbs.first(), Some(&verb), "{code}");
            }
        }
    }
}
