//! Drills: what must hold before something is broken on purpose, by the picture and by what was asked besides.

use super::standbys;
use crate::action::drill::{Scenario, Survey};
use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, warn};
use crate::model::text::Text;

/// Whether enough is left, and the probe and its router are the cluster's own.
pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let Some(scenario) = context.scenario() else { return };
    if scenario == Scenario::Router {
        router_is_ours(context, notes);
    }
    somebody_is_left(context, scenario, notes);
}

/// A router with servers that are no members serves others, too.
fn router_is_ours(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "router-shared";
    let now = context.snapshot.now;
    for router in context.snapshot.routers.iter().filter(|router| router.write_address.is_some()) {
        let Some(fact) = router.reading(now).and_then(|reading| fresh(reading.fact(now, Some))) else {
            notes.push(block(CHECK, format!("unknown which clusters {} serves: it is unreachable", router.name)));
            continue;
        };
        let foreign_nodes: Vec<String> = fact
            .value
            .servers()
            .filter(|row| context.snapshot.member_of(row).is_none())
            .map(|row| format!("{}/{}", row.proxy, row.server))
            .collect();
        notes.push(if foreign_nodes.is_empty() {
            pass(CHECK, format!("every server of {} is a member of this cluster", router.name)).by(&fact)
        } else {
            let text = format!("{} also serves other clusters: {}", router.name, foreign_nodes.join(", "));
            block(CHECK, text).by(&fact)
        });
    }
}

fn somebody_is_left(context: &CheckContext<'_>, scenario: Scenario, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "drill-standbys";
    let healthy = context.snapshot.views().filter(|view| context.is_healthy_standby(*view)).count();
    let able = standbys::able_without(context, &[]).len();
    let text = match healthy {
        0 => "no standby is healthy".to_owned(),
        1 => "one standby is healthy".to_owned(),
        several => format!("{several} standbys are healthy"),
    };
    notes.push(match (scenario, healthy) {
        (Scenario::Router, 0) => warn(CHECK, text),
        (_, 0) => block(CHECK, format!("{text}: fix that before injecting a fault")),
        (_, _) if scenario.takes_leader() && able == 0 => {
            block(CHECK, format!("{text} and has the nofailover tag: no failover would happen"))
        }
        (_, 2..) if scenario.takes_leader() && able == 1 => {
            let last = "only one of them can become the leader: during the drill it has no failover target";
            warn(CHECK, format!("{text}, {last}"))
        }
        (_, 1) if scenario.takes_leader() => {
            warn(CHECK, format!("{text}: during the drill there is no spare if another node fails"))
        }
        (_, _) => pass(CHECK, text),
    });
    let writes = context.snapshot.routers.iter().any(|router| {
        let report = router.fresh_report(context.snapshot.now);
        report.is_some_and(|report| router.write_servers(report).filter(|row| row.takes_traffic()).count() == 1)
    });
    notes.push(if writes {
        pass("drill-router", "a router routes writes to one server")
    } else {
        block("drill-router", "no router routes writes to exactly one server: nothing could be measured")
    });
}

/// What was asked besides, as notes.
pub(in crate::action::preflight) fn surveyed(survey: &Survey, scenario: Scenario, notes: &mut Vec<CheckNote>) {
    opted_in(survey, scenario, notes);
    notes.push(match &survey.write_address {
        Some(Ok(address)) => pass("probe-address", format!("the probe writes to {address}")),
        Some(Err(why)) => block("probe-address", why.as_str()),
        None => block("probe-address", "the address the probe writes to is unknown"),
    });
    notes.push(match &survey.publications {
        Some(Ok(names)) if names.is_empty() => {
            pass("probe-publication", "no publication would replicate the rows of the probe")
        }
        Some(Ok(names)) => block(
            "probe-publication",
            format!("FOR ALL TABLES would replicate the rows of the probe: {}", joined(names)),
        ),
        Some(Err(why)) => {
            block("probe-publication", format!("unknown whether a publication includes all tables: {why}"))
        }
        None => block("probe-publication", "unknown whether a publication includes all tables"),
    });
    if scenario == Scenario::Dcs {
        alone_in_dcs(survey, notes);
    }
    if matches!(scenario, Scenario::Freeze | Scenario::Cut) && survey.firewall == Some(false) {
        let text =
            "iptables is missing or not permitted (NET_ADMIN) where the leader runs: its packets cannot be dropped";
        notes.push(block("drill-firewall", text));
    } else if matches!(scenario, Scenario::Freeze | Scenario::Cut) && survey.firewall == Some(true) {
        notes.push(pass("drill-firewall", "the packets of the leader can be dropped where it runs"));
    }
    if scenario == Scenario::Freeze {
        notes.push(match survey.watchdog {
            Some(false) => pass("drill-watchdog", "the leader has no watchdog"),
            Some(true) => block("drill-watchdog", "the leader has a watchdog: if paused, it may reset the whole host"),
            None => block("drill-watchdog", "unknown whether the leader has a watchdog: it might reset the host")
                .overridable(),
        });
    }
}

fn opted_in(survey: &Survey, scenario: Scenario, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "drill-opt-in";
    notes.push(match (scenario.breaks(), survey.opted_in) {
        (None, _) => pass(CHECK, "no fault is injected"),
        (Some(_), true) => pass(CHECK, "the configuration allows fault injection in this cluster"),
        (Some(_), false) => block(
            CHECK,
            "the configuration does not allow fault injection in this cluster: set drills.enabled = true for it",
        ),
    });
}

fn alone_in_dcs(survey: &Survey, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "drill-dcs-shared";
    notes.push(match &survey.others {
        Some(Ok(names)) if names.is_empty() => pass(CHECK, "no other cluster uses the same DCS"),
        Some(Ok(names)) => block(CHECK, format!("other clusters use the same DCS: {}", joined(names))),
        Some(Err(why)) => block(CHECK, format!("unknown whether other clusters use the same DCS: {why}")),
        None => block(CHECK, "not checked whether other clusters use the same DCS"),
    });
}

fn joined(names: &[Text]) -> String {
    names.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
}
