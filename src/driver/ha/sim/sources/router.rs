//! What HAProxy says, on its page and on its runtime interface.

use std::time::Duration;

use crate::model::router::{
    AdminState, CheckState, HealthCheck, HeldBy, PoolPurpose, ProxyKind, ProxyRow, ProxyStatus, RouterInfo,
    RouterReport, ServerAdminState,
};
use crate::model::source::SourceError;
use crate::model::text::Text;

use super::super::core::World;
use super::super::core::clock::{MILLISECOND, SECOND, noise, span};
use super::super::core::router::{Admin, Check, RISE, RouterPool, RouterServer, Traffic};
use super::refused;
use super::texts::TEXTS;

/// `maxconn` of the process, of a frontend, and of a server.
const MAX_CONNECTIONS: u64 = 4_000;
const MAX_FRONTEND_SESSIONS: u64 = 2_000;
const MAX_SERVER_SESSIONS: u64 = 300;

impl World {
    /// The page knows neither the process nor addresses; the runtime interface, at operator level, knows both.
    pub(crate) fn router_report(&self, runtime: bool, endpoint: &Text) -> Result<RouterReport, SourceError> {
        if !self.router.up || (self.router.page_down && !runtime) {
            return Err(refused(endpoint));
        }
        let mut rows = self.statistics_rows();
        for section in &self.router.sections {
            self.section_rows(section, runtime, &mut rows);
        }
        Ok(RouterReport { info: runtime.then(|| self.router_info()), rows })
    }

    fn router_info(&self) -> RouterInfo {
        let now = self.clock.now();
        let connections = self.router.sections.iter().map(|section| section.front.sessions).sum::<u64>() + 1;
        let idle = 97 - (connections / 20).min(30) - noise(self.seed, 0x1d1e, now / SECOND) % 4;
        RouterInfo {
            version: TEXTS.router_version.clone(),
            uptime: whole_seconds(span(self.router.started, now)),
            connections,
            max_connections: MAX_CONNECTIONS,
            idle_percent: Some(idle as u8),
        }
    }

    /// The page's own section: a reader a second.
    fn statistics_rows(&self) -> Vec<ProxyRow> {
        let now = self.clock.now();
        let uptime = span(self.router.started, now);
        let traffic = Traffic {
            sessions: 1,
            sessions_max: 3,
            total: uptime.as_secs(),
            rate: 1,
            rate_max: 3,
            bytes_in: uptime.as_secs() * 170,
            bytes_out: uptime.as_secs() * 17_350,
            ..Traffic::default()
        };
        let front = ProxyRow {
            status: ProxyStatus::Open,
            ..row(&TEXTS.stats_section, &TEXTS.front, ProxyKind::Frontend, &traffic)
        };
        let back = ProxyRow {
            active: Some(0),
            backup: Some(0),
            last_change: Some(whole_seconds(uptime)),
            downtime: Some(Duration::ZERO),
            ..row(&TEXTS.stats_section, &TEXTS.back, ProxyKind::Backend, &traffic)
        };
        let mut rows = Vec::with_capacity(2 + self.router.sections.len() * (2 + self.nodes.len()));
        rows.extend([front, back]);
        rows
    }

    fn section_rows(&self, section: &RouterPool, runtime: bool, rows: &mut Vec<ProxyRow>) {
        let now = self.clock.now();
        let name = section_name(section.purpose);
        rows.push(ProxyRow {
            status: ProxyStatus::Open,
            sessions_limit: Some(MAX_FRONTEND_SESSIONS),
            ..row(name, &TEXTS.front, ProxyKind::Frontend, &section.front)
        });
        for server in &section.servers {
            let unchecked = self.router.unchecked && section.purpose == PoolPurpose::Write;
            let mut row = self.server_row(name, server, runtime, unchecked);
            if let Some(status) = self.forced_status(section.purpose, server) {
                (row.status, row.check) = (status, None);
            }
            rows.push(row);
        }
        let sum = |part: fn(&RouterServer) -> u64| Some(section.servers.iter().map(part).sum());
        let usable = section.usable();
        rows.push(ProxyRow {
            status: if usable > 0 { ProxyStatus::Up } else { ProxyStatus::Down },
            sessions_limit: Some(MAX_FRONTEND_SESSIONS / 10),
            queue: Some(section.queue),
            queue_max: Some(section.queue_max),
            errors_connection: sum(|server| server.traffic.connect_errors),
            errors_response: Some(0),
            retries: sum(|server| server.traffic.retries),
            redispatches: sum(|server| server.traffic.redispatches),
            aborts_client: sum(|server| server.traffic.client_aborts),
            aborts_server: sum(|server| server.traffic.server_aborts),
            active: Some(usable),
            backup: Some(0),
            weight: Some(usable),
            downs: Some(section.servers.iter().map(|server| server.downs).min().unwrap_or(0)),
            last_change: Some(whole_seconds(span(section.changed, now))),
            downtime: Some(whole_seconds(Duration::from_micros(section.downtime))),
            last_session: section
                .servers
                .iter()
                .map(|server| server.last_session)
                .max()
                .filter(|at| *at > 0)
                .map(|at| whole_seconds(span(at, now))),
            connect_time: Some(Duration::from_millis(1)),
            ..row(name, &TEXTS.back, ProxyKind::Backend, &section.front)
        });
    }

    /// A status that no check decides.
    fn forced_status(&self, purpose: PoolPurpose, server: &RouterServer) -> Option<ProxyStatus> {
        let unchecked = self.router.unchecked && purpose == PoolPurpose::Write;
        match server.admin {
            Admin::Maintenance => Some(ProxyStatus::Maintenance(Text::default())),
            _ if unchecked && server.forced_down => Some(ProxyStatus::Down),
            _ if unchecked => Some(ProxyStatus::NoCheck),
            Admin::Ready | Admin::Drain => None,
        }
    }

    fn server_row(&self, section: &Text, server: &RouterServer, runtime: bool, unchecked: bool) -> ProxyRow {
        let now = self.clock.now();
        let node = &self.nodes[server.node];
        ProxyRow {
            status: status(server),
            sessions_limit: Some(MAX_SERVER_SESSIONS),
            queue: Some(0),
            queue_max: Some(0),
            errors_connection: Some(server.traffic.connect_errors),
            errors_response: Some(0),
            retries: Some(server.traffic.retries),
            redispatches: Some(server.traffic.redispatches),
            aborts_client: Some(server.traffic.client_aborts),
            aborts_server: Some(server.traffic.server_aborts),
            active: Some(1),
            backup: Some(0),
            weight: Some(1),
            check: Some(health_check(server)),
            check_failures: Some(server.failures),
            downs: Some(server.downs),
            last_change: Some(whole_seconds(span(server.changed, now))),
            downtime: Some(whole_seconds(Duration::from_micros(server.downtime))),
            last_session: (server.last_session > 0).then(|| whole_seconds(span(server.last_session, now))),
            connect_time: Some(Duration::from_millis(1)),
            address: runtime.then(|| node.router_address.clone()),
            admin_state: runtime.then(|| control(server, unchecked)),
            held_by: (runtime && server.admin != Admin::Ready).then_some(HeldBy::Hand),
            ..row(section, node.name.text(), ProxyKind::Server, &server.traffic)
        }
    }
}

pub(crate) fn section_name(purpose: PoolPurpose) -> &'static Text {
    match purpose {
        PoolPurpose::Write => &TEXTS.write_section,
        PoolPurpose::Read => &TEXTS.read_section,
        PoolPurpose::Any | PoolPurpose::Unknown => &TEXTS.any_section,
    }
}

/// A server that drains says so while its check passes; else its check says more. A server that is up shows how many more failures it bears, one that is down how many checks it has passed.
fn status(server: &RouterServer) -> ProxyStatus {
    if server.up && server.admin == Admin::Drain {
        return ProxyStatus::Drain;
    }
    match (server.up, server.streak) {
        (true, 0) => ProxyStatus::Up,
        (true, 1) => ProxyStatus::GoingDown(TEXTS.two_of_three.clone()),
        (true, _) => ProxyStatus::GoingDown(TEXTS.one_of_three.clone()),
        (false, streak) if streak > 0 && streak < RISE => ProxyStatus::GoingUp(TEXTS.one_of_two.clone()),
        (false, _) => ProxyStatus::Down,
    }
}

fn control(server: &RouterServer, unchecked: bool) -> ServerAdminState {
    ServerAdminState {
        is_running: server.up && server.admin != Admin::Maintenance,
        admin_state: match server.admin {
            Admin::Ready => AdminState::None,
            Admin::Drain => AdminState::Drain,
            Admin::Maintenance => AdminState::Maintenance,
        },
        check: match server.check {
            _ if unchecked || server.admin == Admin::Maintenance => CheckState::Off,
            Check::Passed => CheckState::Passed,
            Check::WrongStatus | Check::Refused | Check::ConnectTimeout | Check::AnswerTimeout => CheckState::Failed,
        },
        has_agent_check: false,
    }
}

fn health_check(server: &RouterServer) -> HealthCheck {
    let (result, code, description) = match server.check {
        Check::Passed => (&TEXTS.passed, Some(200), &TEXTS.passed_words),
        Check::WrongStatus => (&TEXTS.wrong_status, Some(503), &TEXTS.wrong_status_words),
        Check::Refused => (&TEXTS.refused, None, &TEXTS.refused_words),
        Check::ConnectTimeout => (&TEXTS.connect_timeout, None, &TEXTS.connect_timeout_words),
        Check::AnswerTimeout => (&TEXTS.answer_timeout, None, &TEXTS.answer_timeout_words),
    };
    HealthCheck {
        result: result.clone(),
        code,
        took: Some(Duration::from_millis(server.check_took / MILLISECOND)),
        description: description.clone(),
        in_progress: false,
    }
}

fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs())
}

fn row(proxy: &Text, server: &Text, kind: ProxyKind, traffic: &Traffic) -> ProxyRow {
    ProxyRow {
        sessions: Some(traffic.sessions),
        sessions_max: Some(traffic.sessions_max),
        sessions_total: Some(traffic.total),
        rate: Some(traffic.rate),
        rate_max: Some(traffic.rate_max),
        bytes_in: Some(traffic.bytes_in),
        bytes_out: Some(traffic.bytes_out),
        ..ProxyRow::of(proxy.clone(), server.clone(), kind, ProxyStatus::Up)
    }
}
