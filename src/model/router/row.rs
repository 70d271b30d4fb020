//! One row of a router's statistics: a proxy or a server, how it stands, and by what that is decided.

use std::time::Duration;

use serde::Serialize;

use super::super::text::Text;

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

/// Status of a server, backend or frontend. Matched by the prefixes that HAProxy writes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyStatus {
    /// Takes traffic.
    Up,
    /// Takes traffic, but checks are failing: so many of so many.
    GoingDown(Text),
    /// Takes no traffic.
    Down,
    /// Takes no traffic yet, checks are passing.
    GoingUp(Text),
    /// Finishes what it has, takes nothing new.
    Drain,
    /// Out of service by somebody's hand, or the configuration's.
    Maintenance(Text),
    /// Up by default since nothing checks it: cannot follow a failover.
    NoCheck,
    /// Runs but is not balanced to.
    NoLoadBalancing,
    /// A frontend or listener that accepts.
    Open,
    /// A frontend that is stopped or paused.
    Stopped,
    /// A word this version does not know.
    Unknown(Text),
}

impl ProxyStatus {
    /// HAProxy's text.
    pub fn from_word(word: &str) -> Self {
        let rest = |prefix: &str| word.strip_prefix(prefix).map(str::trim).filter(|rest| !rest.is_empty());
        match word.split([' ', '(']).next().unwrap_or_default() {
            "UP" => rest("UP").map_or(Self::Up, |fraction| Self::GoingDown(Text::new(fraction))),
            "DOWN" => match rest("DOWN") {
                Some(fraction) if fraction.contains('/') => Self::GoingUp(Text::new(fraction)),
                _ => Self::Down,
            },
            "DRAIN" => Self::Drain,
            "MAINT" => Self::Maintenance(Text::new(rest("MAINT").unwrap_or_default())),
            "NOLB" => Self::NoLoadBalancing,
            "no" => Self::NoCheck,
            "OPEN" => Self::Open,
            "STOP" | "PAUSED" => Self::Stopped,
            _ => Self::Unknown(Text::new(word)),
        }
    }

    /// Whether new connections are sent there.
    pub fn takes_traffic(&self) -> bool {
        matches!(self, Self::Up | Self::GoingDown(_) | Self::NoCheck | Self::Open)
    }

    /// The word shown.
    pub fn word(&self) -> String {
        match self {
            Self::Up => "UP".to_owned(),
            Self::GoingDown(fraction) => format!("UP {fraction}"),
            Self::Down => "DOWN".to_owned(),
            Self::GoingUp(fraction) => format!("DOWN {fraction}"),
            Self::Drain => "DRAIN".to_owned(),
            Self::Maintenance(via) if via.is_empty() => "MAINT".to_owned(),
            Self::Maintenance(via) => format!("MAINT {via}"),
            Self::NoCheck => "no check".to_owned(),
            Self::NoLoadBalancing => "NOLB".to_owned(),
            Self::Open => "OPEN".to_owned(),
            Self::Stopped => "STOP".to_owned(),
            Self::Unknown(word) if word.is_empty() => "?".to_owned(),
            Self::Unknown(word) => word.to_string(),
        }
    }
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

/// What keeps a server from traffic, whatever its check says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Nothing.
    None,
    /// Maintenance, by hand, by the configuration or by a resolver.
    Maintenance,
    /// Draining.
    Drain,
}

/// The router's own check of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnCheck {
    /// None is configured, or it is switched off: the server stays as it was told.
    Off,
    /// It has not come to a result yet.
    Unknown,
    /// The last one failed.
    Failed,
    /// The last one passed.
    Passed,
}

/// By what the state of a server is decided. Told by the runtime API at operator level alone (`show servers state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ServerControl {
    /// It runs, as far as its health goes.
    pub running: bool,
    /// What keeps it from traffic.
    pub hold: Hold,
    /// Its own check.
    pub check: OwnCheck,
    /// An agent on the server has a say too.
    pub agent: bool,
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
    pub control: Option<ServerControl>,
    /// Server whose state it takes over instead of being checked itself (`track`).
    pub tracks: Option<Text>,
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
            control: None,
            tracks: None,
        }
    }

    /// What keeps the server from traffic, whatever its check says: by its control, where that is told, since a held server
    /// whose check fails is shown as any other that is down; else by its status.
    pub fn held(&self) -> Hold {
        match (self.control, &self.status) {
            (Some(control), _) => control.hold,
            (None, ProxyStatus::Maintenance(_)) => Hold::Maintenance,
            (None, ProxyStatus::Drain) => Hold::Drain,
            (
                None,
                ProxyStatus::Up
                | ProxyStatus::GoingDown(_)
                | ProxyStatus::Down
                | ProxyStatus::GoingUp(_)
                | ProxyStatus::NoCheck
                | ProxyStatus::NoLoadBalancing
                | ProxyStatus::Open
                | ProxyStatus::Stopped
                | ProxyStatus::Unknown(_),
            ) => Hold::None,
        }
    }

    /// The same in HAProxy's word; `None`: nothing keeps it.
    pub fn held_word(&self) -> Option<String> {
        match (self.held(), &self.status) {
            (Hold::None, _) => None,
            (_, ProxyStatus::Maintenance(_) | ProxyStatus::Drain) => Some(self.status.word()),
            (Hold::Maintenance, _) => Some("MAINT".to_owned()),
            (Hold::Drain, _) => Some("DRAIN".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("UP", ProxyStatus::Up, true)]
    #[case("UP 1/3", ProxyStatus::GoingDown("1/3".into()), true)]
    #[case("DOWN", ProxyStatus::Down, false)]
    #[case("DOWN 1/2", ProxyStatus::GoingUp("1/2".into()), false)]
    #[case("DOWN (agent)", ProxyStatus::Down, false)]
    #[case("DRAIN 1/3", ProxyStatus::Drain, false)]
    #[case("MAINT", ProxyStatus::Maintenance("".into()), false)]
    #[case("MAINT (via a/b)", ProxyStatus::Maintenance("(via a/b)".into()), false)]
    #[case("no check", ProxyStatus::NoCheck, true)]
    #[case("NOLB 1/2", ProxyStatus::NoLoadBalancing, false)]
    #[case("FROZEN", ProxyStatus::Unknown("FROZEN".into()), false)]
    fn statuses_are_read_by_prefix(#[case] word: &str, #[case] status: ProxyStatus, #[case] traffic: bool) {
        assert_eq!(ProxyStatus::from_word(word), status);
        assert_eq!(status.takes_traffic(), traffic);
    }
}
