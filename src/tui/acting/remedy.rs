//! What mends a finding, where one of the actions does. A finding whose advice is to look elsewhere has none.

use crate::action::preflight;
use crate::model::finding::{Finding, Subject};
use crate::model::name::NodeName;
use crate::model::router::{ProxyKind, ProxyStatus};
use crate::model::snapshot::Snapshot;
use crate::tui::command::Verb;

/// An action and what is written behind its name.
pub(super) type Remedy = (Verb, Option<String>);

/// The action that mends `finding`.
pub(super) fn remedy(finding: &Finding, snapshot: &Snapshot) -> Option<Remedy> {
    let node = match &finding.subject {
        Subject::Node(name) => Some(name),
        Subject::Cluster | Subject::Router(_) | Subject::DcsMember(_) | Subject::Source(_) => None,
    };
    let of_node = |verb| node.map(|node| (verb, Some(node.to_string())));
    match finding.code {
        "pending-restart" => of_node(Verb::RestartPending),
        "timeline-differs" | "foreign-system-identifier" => of_node(Verb::Reinitialise),
        "restart-scheduled" => of_node(Verb::CancelRestart),
        "long-transaction" => node.and_then(|node| oldest_transaction(node, snapshot)),
        "no-leader" => {
            let best = preflight::candidates(snapshot).into_iter().next()?;
            Some((Verb::Failover, Some(best.member.to_string())))
        }
        "paused" => Some((Verb::Resume, None)),
        "switchover-scheduled" => Some((Verb::CancelSwitchover, None)),
        "router-no-primary" | "router-wrong-primary" | "router-several-primaries" => Some((Verb::Settle, None)),
        "router-maintenance" => out_of_service(finding, snapshot),
        _ => None,
    }
}

fn oldest_transaction(node: &NodeName, snapshot: &Snapshot) -> Option<Remedy> {
    let report = snapshot.member(node)?.sql.as_ref()?.fresh(snapshot.now)?;
    let oldest = report.oldest_transaction.as_ref()?;
    Some((Verb::EndSession, Some(format!("{node}/{}", oldest.pid))))
}

/// The first server that is out of service in the pool that the finding is about.
fn out_of_service(finding: &Finding, snapshot: &Snapshot) -> Option<Remedy> {
    let Subject::Router(name) = &finding.subject else { return None };
    let router = snapshot.routers.iter().find(|router| router.name == *name)?;
    let is_out = |row: &&crate::model::router::ProxyRow| {
        row.kind == ProxyKind::Server
            && matches!(row.status, ProxyStatus::Maintenance(_) | ProxyStatus::Drain)
            && (finding.part.is_empty() || row.proxy == finding.part)
    };
    let row = router.reading(snapshot.now)?.last()?.rows.iter().find(is_out)?;
    Some((Verb::ServerReady, Some(format!("{name}/{}/{}", row.proxy, row.server))))
}
