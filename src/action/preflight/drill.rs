//! Drills: what must hold before something is broken on purpose, by the picture and by what was asked besides.

use super::super::drill::{Scenario, Survey};
use super::super::note::Note;
use super::candidate::synchronous_mode;
use super::scene::{Scene, block, fresh, pass, warn};
use super::standbys;
use crate::model::router::{PoolPurpose, ProxyKind};
use crate::model::text::Text;

/// What the picture says.
pub(super) fn examine(scene: &Scene<'_>, scenario: Scenario, notes: &mut Vec<Note>) {
    not_paused(scene, notes);
    if scenario.takes_leader() {
        may_lose(scene, notes);
    }
    if scenario == Scenario::Router {
        router_is_ours(scene, notes);
    }
    somebody_is_left(scene, scenario, notes);
}

fn not_paused(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "drill-pause";
    notes.push(match fresh(scene.snapshot.paused()) {
        None => block(CHECK, "whether maintenance mode is on is unknown").overridable(),
        Some(paused) if paused.value => {
            block(CHECK, "maintenance mode is on: nobody would take over, so there is nothing to practise").by(&paused)
        }
        Some(paused) => pass(CHECK, "maintenance mode is off").by(&paused),
    });
}

/// What is acknowledged before it is copied is lost with the leader.
fn may_lose(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "data-loss";
    notes.push(match synchronous_mode(scene) {
        None => block(CHECK, "whether replication is synchronous is unknown: commits may be lost").overridable(),
        Some(mode) if mode.value => pass(CHECK, "replication is synchronous").by(&mode),
        Some(mode) => {
            let text =
                "replication is asynchronous: the users' last commits may be lost for good, not only the probe's";
            block(CHECK, text).by(&mode).overridable()
        }
    });
}

/// A router with servers that are no members serves others, too.
fn router_is_ours(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "router-shared";
    let now = scene.snapshot.now;
    for router in scene.snapshot.routers.iter().filter(|router| router.write_address.is_some()) {
        let Some(fact) = router.reading(now).and_then(|reading| fresh(reading.fact(now, Some))) else {
            notes.push(block(CHECK, format!("whom {} serves is unknown: it does not answer", router.name)));
            continue;
        };
        let servers = fact.value.rows.iter().filter(|row| row.kind == ProxyKind::Server);
        let strangers: Vec<String> = servers
            .filter(|row| scene.snapshot.member_of(row).is_none())
            .map(|row| format!("{}/{}", row.proxy, row.server))
            .collect();
        notes.push(if strangers.is_empty() {
            pass(CHECK, format!("every server of {} is a member of this cluster", router.name)).by(&fact)
        } else {
            let text = format!("{} serves others, too: {}", router.name, strangers.join(", "));
            block(CHECK, text).by(&fact)
        });
    }
}

fn somebody_is_left(scene: &Scene<'_>, scenario: Scenario, notes: &mut Vec<Note>) {
    const CHECK: &str = "drill-standbys";
    let healthy = scene.snapshot.views().filter(|view| scene.is_healthy_standby(*view)).count();
    let able = standbys::able_without(scene, &[]).len();
    let text = match healthy {
        0 => "no standby is healthy".to_owned(),
        1 => "one standby is healthy".to_owned(),
        several => format!("{several} standbys are healthy"),
    };
    notes.push(match (scenario, healthy) {
        (Scenario::Router, 0) => warn(CHECK, text),
        (_, 0) => block(CHECK, format!("{text}: mend that before anything is broken")),
        (_, _) if scenario.takes_leader() && able == 0 => {
            block(CHECK, format!("{text}, and may not lead (nofailover): nobody would take over"))
        }
        (_, 2..) if scenario.takes_leader() && able == 1 => {
            let last = "one of them may lead: while the drill lasts, nobody could take over from it";
            warn(CHECK, format!("{text}, {last}"))
        }
        (_, 1) if scenario.takes_leader() => {
            warn(CHECK, format!("{text}: while the drill lasts, nothing is left if another node fails"))
        }
        (_, _) => pass(CHECK, text),
    });
    let writes = scene.snapshot.routers.iter().any(|router| {
        router.reading(scene.snapshot.now).and_then(|reading| reading.fresh(scene.snapshot.now)).is_some_and(|report| {
            let takes = |row: &&crate::model::router::ProxyRow| {
                row.kind == ProxyKind::Server && router.purpose(&row.proxy) == PoolPurpose::Write && row.takes_traffic()
            };
            report.rows.iter().filter(takes).count() == 1
        })
    });
    notes.push(if writes {
        pass("drill-router", "a router leads writes to one server")
    } else {
        block("drill-router", "no router is seen to lead writes to one server: nothing could be measured")
    });
}

/// What was asked besides, as notes.
pub(super) fn surveyed(survey: &Survey, scenario: Scenario, notes: &mut Vec<Note>) {
    opted_in(survey, scenario, notes);
    notes.push(match &survey.write_address {
        Some(Ok(address)) => pass("probe-address", format!("the probe writes to {address}")),
        Some(Err(why)) => block("probe-address", why.as_str()),
        None => block("probe-address", "where the probe writes is unknown"),
    });
    notes.push(match &survey.publications {
        Some(Ok(names)) if names.is_empty() => pass("probe-publication", "no publication would ship the probe's rows"),
        Some(Ok(names)) => {
            block("probe-publication", format!("FOR ALL TABLES would ship the probe's rows: {}", joined(names)))
        }
        Some(Err(why)) => {
            block("probe-publication", format!("whether a publication ships all tables is unknown: {why}"))
        }
        None => block("probe-publication", "whether a publication ships all tables is unknown"),
    });
    if scenario == Scenario::Dcs {
        alone_in_dcs(survey, notes);
    }
    if matches!(scenario, Scenario::Freeze | Scenario::Cut) && survey.firewall == Some(false) {
        let text =
            "where the leader runs iptables is missing or may not be used (NET_ADMIN): its packets cannot be dropped";
        notes.push(block("drill-firewall", text));
    } else if matches!(scenario, Scenario::Freeze | Scenario::Cut) && survey.firewall == Some(true) {
        notes.push(pass("drill-firewall", "the leader's packets can be dropped where it runs"));
    }
    if scenario == Scenario::Freeze {
        notes.push(match survey.watchdog {
            Some(false) => pass("drill-watchdog", "no watchdog guards the leader"),
            Some(true) => block("drill-watchdog", "a watchdog guards the leader: frozen, it may reset the whole host"),
            None => block("drill-watchdog", "whether a watchdog guards the leader is unknown: it might reset the host")
                .overridable(),
        });
    }
}

fn opted_in(survey: &Survey, scenario: Scenario, notes: &mut Vec<Note>) {
    const CHECK: &str = "drill-opt-in";
    notes.push(match (scenario.breaks(), survey.opted_in) {
        (None, _) => pass(CHECK, "nothing is broken by this"),
        (Some(_), true) => pass(CHECK, "the configuration allows to break this cluster"),
        (Some(_), false) => {
            block(CHECK, "the configuration does not allow to break this cluster: set drills.enabled = true for it")
        }
    });
}

fn alone_in_dcs(survey: &Survey, notes: &mut Vec<Note>) {
    const CHECK: &str = "drill-dcs-shared";
    notes.push(match &survey.others {
        Some(Ok(names)) if names.is_empty() => pass(CHECK, "no other cluster is kept in the same DCS"),
        Some(Ok(names)) => block(CHECK, format!("other clusters are kept in the same DCS: {}", joined(names))),
        Some(Err(why)) => block(CHECK, format!("whether other clusters are kept in the same DCS is unknown: {why}")),
        None => block(CHECK, "nobody asked whether other clusters are kept in the same DCS"),
    });
}

fn joined(names: &[Text]) -> String {
    names.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
}
