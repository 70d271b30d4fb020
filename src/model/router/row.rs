//! One row of a router's statistics: a proxy or a server, how it stands, and by what that is decided.

use std::time::Duration;

use serde::Serialize;

use super::super::text::Text;
use super::control::{AdminState, Bypass, HeldBy, ServerAdminState};
use super::status::ProxyStatus;

/// What a row of the statistics is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// Where clients come in.
    Frontend,
    /// A pool as a whole.
    Backend,
    /// One server of a pool.
    Server,
    /// One listening address.
    Listener,
}

/// Result of the last health check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HealthCheck {
    /// Layer and result, such as `L7OK`, `L7STS`, `L4TOUT`.
    pub result: Text,
    /// HTTP status, where there was one.
    pub code: Option<u16>,
    /// How long it took.
    pub took: Option<Duration>,
    /// The answer in the router's words.
    pub description: Text,
    /// A check is running now; the result is the one before.
    pub in_progress: bool,
}

/// One row of the statistics. Counters run since the start or since they were cleared.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ProxyRow {
    /// Proxy (frontend or backend) it belongs to.
    pub proxy: Text,
    /// Server or listener; `FRONTEND` and `BACKEND` for the proxy itself.
    pub server: Text,
    /// What the row is about.
    pub kind: ProxyKind,
    /// Status.
    pub status: ProxyStatus,
    /// Sessions now.
    pub sessions: Option<u64>,
    /// Most sessions at once.
    pub sessions_max: Option<u64>,
    /// Limit on sessions.
    pub sessions_limit: Option<u64>,
    /// Sessions in all.
    pub sessions_total: Option<u64>,
    /// New sessions a second.
    pub rate: Option<u64>,
    /// Most new sessions a second.
    pub rate_max: Option<u64>,
    /// Waiting for a slot.
    pub queue: Option<u64>,
    /// Most that waited.
    pub queue_max: Option<u64>,
    /// Bytes from clients.
    pub bytes_in: Option<u64>,
    /// Bytes to clients.
    pub bytes_out: Option<u64>,
    /// Failed connection attempts to the server.
    pub errors_connection: Option<u64>,
    /// Failed responses.
    pub errors_response: Option<u64>,
    /// Retries.
    pub retries: Option<u64>,
    /// Sessions sent to another server than chosen.
    pub redispatches: Option<u64>,
    /// Transfers that the client broke off.
    pub aborts_client: Option<u64>,
    /// Transfers that the server broke off.
    pub aborts_server: Option<u64>,
    /// Servers that take traffic (backend), or 1 if this server is an active one.
    pub active: Option<u64>,
    /// The same for backup servers.
    pub backup: Option<u64>,
    /// Effective weight.
    pub weight: Option<u64>,
    /// Last check; `None` where nothing checks, or under maintenance.
    pub check: Option<HealthCheck>,
    /// Checks that failed while the server was up.
    pub check_failures: Option<u64>,
    /// Times it went down.
    pub downs: Option<u64>,
    /// Time since the last change of state, by the router's clock.
    pub last_change: Option<Duration>,
    /// Time down in all.
    pub downtime: Option<Duration>,
    /// Time since the last session; `None`: never, or not told.
    pub last_session: Option<Duration>,
    /// Average time to connect, over the last 1024 sessions.
    pub connect_time: Option<Duration>,
    /// Address of the server; only told to the runtime API at operator level, or with `stats show-legends`.
    pub address: Option<Text>,
    /// Where that address is reached from here, where the address map leads it elsewhere.
    pub reached: Option<Text>,
    /// By what its state is decided; `None`: not told, or no server.
    #[serde(rename = "control")]
    pub admin_state: Option<ServerAdminState>,
    /// Server whose state it takes over instead of being checked itself (`track`).
    pub tracks: Option<Text>,
    /// Number of its proxy: the same for both sides of a `listen`, and for no other proxy of the same name.
    pub proxy_id: Option<u64>,
    /// Name that the router itself resolves for the server's address (`srv_fqdn`); `None`: written as an address, or not
    /// told.
    pub fqdn: Option<Text>,
    /// Port of the server, where only the name is known and not the address.
    pub port: Option<u16>,
    /// Who keeps it from traffic; `None`: nobody, or not told.
    pub held_by: Option<HeldBy>,
    /// Why no new connection reaches it although its status says that it is up.
    pub bypass: Option<Bypass>,
}

impl ProxyRow {
    /// A row of which nothing is told but what it is about.
    pub fn of(proxy: impl Into<Text>, server: impl Into<Text>, kind: ProxyKind, status: ProxyStatus) -> Self {
        Self {
            proxy: proxy.into(),
            server: server.into(),
            kind,
            status,
            sessions: None,
            sessions_max: None,
            sessions_limit: None,
            sessions_total: None,
            rate: None,
            rate_max: None,
            queue: None,
            queue_max: None,
            bytes_in: None,
            bytes_out: None,
            errors_connection: None,
            errors_response: None,
            retries: None,
            redispatches: None,
            aborts_client: None,
            aborts_server: None,
            active: None,
            backup: None,
            weight: None,
            check: None,
            check_failures: None,
            downs: None,
            last_change: None,
            downtime: None,
            last_session: None,
            connect_time: None,
            address: None,
            reached: None,
            admin_state: None,
            tracks: None,
            proxy_id: None,
            fqdn: None,
            port: None,
            held_by: None,
            bypass: None,
        }
    }

    /// Whether new connections are sent there. A server that is up takes none in a backend that no frontend may lead to,
    /// nor at weight 0, nor as a spare beside one that serves.
    pub fn takes_traffic(&self) -> bool {
        self.bypass.is_none() && self.status.takes_traffic()
    }

    /// The status as the router writes it, and why it means less than it says.
    pub fn as_str(&self) -> String {
        match self.bypass {
            Some(bypass) if self.status.takes_traffic() => format!("{} ({})", self.status.as_str(), bypass.as_str()),
            Some(_) | None => self.status.as_str(),
        }
    }

    /// What keeps the server from traffic, whatever its check says: by its control, where that is told, since a held server
    /// whose check fails is shown as any other that is down; else by its status.
    pub fn effective_admin_state(&self) -> AdminState {
        match self.admin_state {
            Some(control) => control.admin_state,
            None if self.status.is_maintenance() => AdminState::Maintenance,
            None if self.status.is_drain() => AdminState::Drain,
            None => AdminState::None,
        }
    }

    /// The same in HAProxy's word; `None`: nothing keeps it.
    pub fn admin_state_name(&self) -> Option<String> {
        match self.effective_admin_state() {
            AdminState::None => None,
            _ if self.status.is_maintenance() || self.status.is_drain() => Some(self.status.as_str()),
            AdminState::Maintenance => Some("MAINT".to_owned()),
            AdminState::Drain => Some("DRAIN".to_owned()),
        }
    }

    /// Who keeps it from traffic; `None`: nobody. Where neither state nor status tells, a hand is assumed to be the likeliest,
    /// and is said to be unknown.
    pub fn holder(&self) -> Option<HeldBy> {
        if self.effective_admin_state() == AdminState::None {
            return None;
        }
        Some(self.held_by.clone().or_else(|| self.status.held_by()).unwrap_or(HeldBy::Unknown))
    }

    /// The last check as a table shows it: result, code, and whether the next one runs.
    pub fn check_text(&self) -> Option<String> {
        let check = self.check.as_ref()?;
        let code = check.code.map(|code| format!(" {code}")).unwrap_or_default();
        let running = if check.in_progress { " …" } else { "" };
        Some(format!("{}{code}{running}", check.result))
    }
}
