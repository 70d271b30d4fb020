//! From HAProxy's statistics table to the model's rows. Columns come and go with versions; a cell that is not there
//! stays unknown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::haproxy::{StatRow, StatTable};
use crate::client::haproxy_runtime::ServerStateRow;
use crate::config::address::{AddressMap, HostPort};
use crate::model::agent::Address;
use crate::model::router::{
    AdminState, Bypass, CheckState, HealthCheck, HeldBy, ProxyKind, ProxyRow, ProxyStatus, RouterInfo, ServerAdminState,
};
use crate::model::text::Text;

/// Every row of the table. `state` knows what the table leaves out of a server of a backend.
pub(super) fn rows<'a>(table: &StatTable, state: impl Fn(&str, &str) -> Option<&'a ServerStateRow>) -> Vec<ProxyRow> {
    let mut rows: Vec<ProxyRow> = table.rows().map(|row| proxy_row(&row, &state)).collect();
    bypass(&mut rows);
    rows
}

/// Marks servers that are up and yet get no new connection: what a server's own status does not tell.
fn bypass(rows: &mut [ProxyRow]) {
    let of = |kind: ProxyKind| move |row: &&ProxyRow| row.kind == kind;
    // A `listen` leads to its own servers, published or not. Frontend and backend may share a name without being one.
    let listens = |backend: &ProxyRow| {
        let same = |front: &ProxyRow| front.proxy == backend.proxy && front.proxy_id == backend.proxy_id;
        rows.iter().filter(of(ProxyKind::Frontend)).any(same)
    };
    let unpublished: Vec<Text> = rows
        .iter()
        .filter(of(ProxyKind::Backend))
        .filter(|backend| backend.status.is_unpublished() && !listens(backend))
        .map(|backend| backend.proxy.clone())
        .collect();
    for row in rows.iter_mut().filter(|row| row.kind == ProxyKind::Server) {
        if unpublished.contains(&row.proxy) {
            row.bypass = Some(Bypass::Unpublished);
        } else if row.weight == Some(0) {
            row.bypass = Some(Bypass::Weightless);
        }
    }
    let serving: Vec<Text> = rows
        .iter()
        .filter(of(ProxyKind::Server))
        .filter(|row| row.backup != Some(1) && row.takes_traffic())
        .map(|row| row.proxy.clone())
        .collect();
    let is_spare = |row: &&mut ProxyRow| row.kind == ProxyKind::Server && row.backup == Some(1) && row.bypass.is_none();
    for row in rows.iter_mut().filter(is_spare).filter(|row| serving.contains(&row.proxy)) {
        row.bypass = Some(Bypass::Spare);
    }
}

/// What each server's check came to last. While the next one runs, HAProxy tells code 0 and no words of the last.
#[derive(Debug, Default)]
pub(super) struct LastChecks(BTreeMap<(Text, Text), HealthCheck>);

impl LastChecks {
    /// Fills in what the last check came to where the next one runs, and keeps what there is for the next poll.
    pub(super) fn complete(&mut self, rows: &mut [ProxyRow]) {
        let mut kept = BTreeMap::new();
        for row in rows {
            let Some(check) = &mut row.check else { continue };
            let place = (row.proxy.clone(), row.server.clone());
            if let Some(last) = self.0.get(&place).filter(|last| check.in_progress && last.result == check.result) {
                check.code = check.code.or(last.code);
                check.description = last.description.clone();
                check.took = last.took;
            }
            kept.insert(place, check.clone());
        }
        self.0 = kept;
    }
}

/// `rows` with where the address of each server is reached from here.
pub(super) fn reached(mut rows: Vec<ProxyRow>, map: &AddressMap) -> Vec<ProxyRow> {
    for row in &mut rows {
        let Some(written) = row.address.as_ref().and_then(|address| HostPort::parse(address.as_str())) else {
            continue;
        };
        let Some(port) = written.port else { continue };
        let (host, to) = map.apply(&written.host, port);
        if (host.as_str(), to) != (written.host.as_str(), port) {
            row.reached = Some(Text::new(Address { host: Text::new(host), port: to }.to_string()));
        }
    }
    rows
}

fn proxy_row<'a>(row: &StatRow<'_>, state: &impl Fn(&str, &str) -> Option<&'a ServerStateRow>) -> ProxyRow {
    let number = |column| row.number(column);
    let seconds = |column| row.number(column).map(Duration::from_secs);
    let text = |column| Text::new(row.get(column).unwrap_or_default());
    let (proxy, server) = (row.get("pxname").unwrap_or_default(), row.get("svname").unwrap_or_default());
    let kind = kind(row, server);
    let line = (kind == ProxyKind::Server).then(|| state(proxy, server)).flatten();
    let status = ProxyStatus::from_name(text("status").as_str());
    let tracks = row.get("tracked").map(Text::new);
    let known = row.get("addr").map(ToOwned::to_owned).or_else(|| line?.address.clone());
    ProxyRow {
        proxy: Text::new(proxy),
        server: Text::new(server),
        kind,
        held_by: line.and_then(|line| held_by(line, &status, tracks.as_ref())),
        status,
        sessions: number("scur"),
        sessions_max: number("smax"),
        sessions_limit: number("slim"),
        sessions_total: number("stot"),
        rate: number("rate"),
        rate_max: number("rate_max"),
        queue: number("qcur"),
        queue_max: number("qmax"),
        bytes_in: number("bin"),
        bytes_out: number("bout"),
        errors_connection: number("econ"),
        errors_response: number("eresp"),
        retries: number("wretr"),
        redispatches: number("wredis"),
        aborts_client: number("cli_abrt"),
        aborts_server: number("srv_abrt"),
        active: number("act"),
        backup: number("bck"),
        weight: number("weight"),
        check: check(row),
        check_failures: number("chkfail"),
        downs: number("chkdown"),
        last_change: seconds("lastchg"),
        downtime: seconds("downtime"),
        // -1 means never.
        last_session: seconds("lastsess"),
        connect_time: number("ctime").map(Duration::from_millis),
        address: known.map(Text::new),
        reached: None,
        admin_state: line.and_then(control),
        tracks,
        proxy_id: number("iid"),
        fqdn: line.and_then(|line| line.fqdn.as_ref()).map(Text::new),
        port: line.and_then(|line| line.port).filter(|port| *port > 0),
        bypass: None,
    }
}

/// Bits of `srv_admin_state`.
mod admin {
    /// Maintenance by a command.
    pub(super) const FORCED_MAINTENANCE: u32 = 0x01;
    /// Maintenance of the server that it tracks.
    pub(super) const INHERITED_MAINTENANCE: u32 = 0x02;
    /// `disabled` in the configuration.
    pub(super) const CONFIGURED_MAINTENANCE: u32 = 0x04;
    /// Drain by a command or by an agent.
    pub(super) const FORCED_DRAIN: u32 = 0x08;
    /// Drain of the server that it tracks.
    pub(super) const INHERITED_DRAIN: u32 = 0x10;
    /// The resolver gives no address, or gives one that the name does not have.
    pub(super) const RESOLVER: u32 = 0x20 | 0x40;
}

/// Who keeps a server from traffic, as far as its state tells.
fn held_by(line: &ServerStateRow, status: &ProxyStatus, tracks: Option<&Text>) -> Option<HeldBy> {
    let mask = line.admin_state?;
    let has = |bits: u32| mask & bits != 0;
    if has(admin::CONFIGURED_MAINTENANCE) {
        // The configuration's own mark brings the forced one with it.
        Some(HeldBy::Configuration)
    } else if has(admin::FORCED_MAINTENANCE) {
        Some(HeldBy::Hand)
    } else if has(admin::RESOLVER) {
        Some(HeldBy::Resolver)
    } else if has(admin::INHERITED_MAINTENANCE | admin::INHERITED_DRAIN) {
        Some(tracks.map_or(HeldBy::Unknown, |server| HeldBy::Server(server.clone())))
    } else if has(admin::FORCED_DRAIN) {
        let by_agent = || if line.agent_state == Some(0) { HeldBy::Hand } else { HeldBy::Unknown };
        Some(status.held_by().unwrap_or_else(by_agent))
    } else if mask == 0 && line.weight == Some(0) {
        Some(HeldBy::Weight)
    } else {
        (mask != 0).then_some(HeldBy::Unknown)
    }
}

/// By what the state of a server is decided; `None`: a column is missing, so nothing is known for certain.
fn control(line: &ServerStateRow) -> Option<ServerAdminState> {
    const MAINTENANCE: u32 =
        admin::FORCED_MAINTENANCE | admin::INHERITED_MAINTENANCE | admin::CONFIGURED_MAINTENANCE | admin::RESOLVER;
    const DRAIN: u32 = admin::FORCED_DRAIN | admin::INHERITED_DRAIN;
    /// In `srv_check_state` and `srv_agent_state`.
    const ENABLED: u32 = 0x04;
    const PAUSED: u32 = 0x08;
    let hold = match line.admin_state? {
        mask if mask & MAINTENANCE != 0 => AdminState::Maintenance,
        mask if mask & DRAIN != 0 => AdminState::Drain,
        // A weight of nothing is a drain in all but name.
        0 if line.weight == Some(0) => AdminState::Drain,
        // A bit that this version does not know holds it too, as far as anybody can tell.
        0 => AdminState::None,
        _ => AdminState::Maintenance,
    };
    let check = match (line.check_state?, line.check_result?) {
        (state, _) if state & ENABLED == 0 || state & PAUSED != 0 => CheckState::Off,
        (_, 2) => CheckState::Failed,
        (_, 3 | 4) => CheckState::Passed,
        _ => CheckState::Unknown,
    };
    Some(ServerAdminState {
        is_running: line.op_state? == 2,
        admin_state: hold,
        check,
        has_agent_check: line.agent_state? & ENABLED != 0,
    })
}

fn kind(row: &StatRow<'_>, server: &str) -> ProxyKind {
    match (row.get("type"), server) {
        (Some("0"), _) | (None, "FRONTEND") => ProxyKind::Frontend,
        (Some("1"), _) | (None, "BACKEND") => ProxyKind::Backend,
        (Some("3"), _) => ProxyKind::Listener,
        (Some(_) | None, _) => ProxyKind::Server,
    }
}

/// `* L7OK` is the last result while the next check runs. The words are what the check says of itself and, where
/// there was one, what was answered.
fn check(row: &StatRow<'_>) -> Option<HealthCheck> {
    let status = row.get("check_status")?;
    let result = status.trim_start_matches(['*', ' ']);
    let words: Vec<_> = [row.get("check_desc"), row.get("last_chk")].into_iter().flatten().collect();
    Some(HealthCheck {
        result: Text::new(result),
        // 0 is no code: a check without one (pgsql-check), or one that is running.
        code: row.number("check_code").and_then(|code| u16::try_from(code).ok()).filter(|code| *code > 0),
        took: row.number("check_duration").map(Duration::from_millis),
        description: Text::new(words.join(": ")),
        in_progress: status.starts_with('*'),
    })
}

/// The process, where `show info` tells all of it.
pub(super) fn info(pairs: &BTreeMap<String, String>) -> Option<RouterInfo> {
    let number = |key: &str| pairs.get(key)?.parse::<u64>().ok();
    Some(RouterInfo {
        version: Text::new(pairs.get("Version")?),
        uptime: Duration::from_secs(number("Uptime_sec")?),
        connections: number("CurrConns")?,
        max_connections: number("Maxconn")?,
        idle_percent: number("Idle_pct").and_then(|percent| u8::try_from(percent).ok()),
    })
}
