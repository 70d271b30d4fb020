//! The router in front of the cluster: HAProxy's proxies and servers.

mod control;
mod identity;
mod pool;
mod report;
mod row;
mod status;

use std::time::Duration;

use serde::Serialize;

use super::agent::Address;
use super::name::RouterName;
use super::observed::Reading;
use super::text::Text;

pub use control::{AdminState, Bypass, CheckState, HeldBy, ServerAdminState};
pub use identity::{IdentifiedBy, ServerOwner, ServerOwners, contradiction};
pub use report::RouterReport;
pub use row::{HealthCheck, ProxyKind, ProxyRow};
pub use status::ProxyStatus;

/// The process itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RouterInfo {
    /// Version.
    pub version: Text,
    /// Time since it started.
    pub uptime: Duration,
    /// Connections now.
    pub connections: u64,
    /// `maxconn`.
    pub max_connections: u64,
    /// Share of time it idles, in percent.
    pub idle_percent: Option<u8>,
}

/// What a socket of the runtime API allows. HAProxy's own words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeLevel {
    /// A part of looking.
    User,
    /// All of looking.
    Operator,
    /// Everything.
    Admin,
    /// A word this version does not know; empty: the router does not tell.
    Unknown(Text),
}

impl RuntimeLevel {
    /// The level that `word` names.
    pub fn from_name(word: &str) -> Self {
        match word {
            "user" => Self::User,
            "operator" => Self::Operator,
            "admin" => Self::Admin,
            other => Self::Unknown(Text::new(other)),
        }
    }

    /// The word shown.
    pub fn as_str(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Unknown(word) if word.is_empty() => "?",
            Self::Unknown(word) => word.as_str(),
        }
    }

    /// Whether a server's state can be set there; `None`: not known.
    pub fn can_set(&self) -> Option<bool> {
        match self {
            Self::User | Self::Operator => Some(false),
            Self::Admin => Some(true),
            Self::Unknown(_) => None,
        }
    }
}

/// What a pool is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolPurpose {
    /// Leads to the leader.
    Write,
    /// Leads to replicas.
    Read,
    /// Leads to any node.
    Any,
    /// Not known.
    Unknown,
}

impl PoolPurpose {
    /// A guess from the pool's name. Used only where the configuration does not say.
    pub fn guess(proxy: &str) -> Self {
        let name = proxy.to_ascii_lowercase();
        let has = |words: &[&str]| {
            name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.iter().any(|word| part.starts_with(word)))
        };
        if has(&["replica", "standby", "slave", "secondary", "read", "ro"]) {
            Self::Read
        } else if has(&["primary", "leader", "master", "write", "rw"]) {
            Self::Write
        } else if has(&["any", "all", "node"]) {
            Self::Any
        } else {
            Self::Unknown
        }
    }
}

/// One router as configured, with what its two interfaces say.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Router {
    /// Its name in the configuration.
    pub name: RouterName,
    /// The statistics page over HTTP; `None`: not configured.
    pub http: Option<Reading<RouterReport>>,
    /// The runtime API; `None`: not configured.
    pub runtime: Option<Reading<RouterReport>>,
    /// The runtime API that is configured for acting; `None`: not configured, or this console is only to look.
    pub acting: Option<Reading<RuntimeLevel>>,
    /// Backends that the configuration says lead to the leader; empty: guess by name.
    pub write_backends: Vec<Text>,
    /// Backends that the configuration says lead to replicas; empty: guess by name.
    pub read_backends: Vec<Text>,
    /// Where clients reach the leader through it; `None`: not configured.
    pub write_address: Option<Address>,
    /// Where clients reach the replicas through it; `None`: not configured.
    pub read_address: Option<Address>,
}

impl Router {
    /// What a backend is for: by configuration, else by its name. Where the configuration says which backends lead to the
    /// leader, or which to replicas, none other is guessed to.
    pub fn purpose(&self, proxy: &Text) -> PoolPurpose {
        if self.write_backends.contains(proxy) {
            return PoolPurpose::Write;
        }
        if self.read_backends.contains(proxy) {
            return PoolPurpose::Read;
        }
        match PoolPurpose::guess(proxy.as_str()) {
            PoolPurpose::Write if !self.write_backends.is_empty() => PoolPurpose::Unknown,
            PoolPurpose::Read if !self.read_backends.is_empty() => PoolPurpose::Unknown,
            guess => guess,
        }
    }

    /// Where clients reach PostgreSQL through `proxy`, as configured.
    ///
    /// # Errors
    /// Why there is no such address, and what to do.
    pub fn sql_address(&self, proxy: &Text) -> Result<&Address, &'static str> {
        if self.write_address.is_none() && self.read_address.is_none() {
            return Err("no SQL address of this router is configured: set write_address and read_address");
        }
        match self.purpose(proxy) {
            PoolPurpose::Write => self.write_address.as_ref().ok_or("no write_address is configured for this router"),
            PoolPurpose::Read => self.read_address.as_ref().ok_or("no read_address is configured for this router"),
            PoolPurpose::Any | PoolPurpose::Unknown => Err("select a row of the write backend or the read backend"),
        }
    }

    /// The interface to believe at `now`: a fresh one before a stale one, the runtime API before the page, since it
    /// knows addresses. An answer of one from before the other began to fail is none: it does not tell that the router
    /// outlived that.
    pub fn reading(&self, now: super::moment::Moment) -> Option<&Reading<RouterReport>> {
        let both = [self.runtime.as_ref(), self.http.as_ref()];
        let find = |wanted: &dyn Fn(&Reading<RouterReport>) -> bool| both.into_iter().flatten().find(|r| wanted(r));
        // One that never answered may be configured wrongly: its failures tell nothing of the router.
        let answered = both.into_iter().flatten().filter(|reading| reading.answer.is_some());
        let since = answered.filter_map(|reading| reading.failure.as_ref()).map(|failure| failure.since).max();
        let is_newer = |reading: &Reading<RouterReport>| {
            since.is_none_or(|since| reading.failure.is_none() && reading.answered_since(since, now))
        };
        find(&|reading| reading.is_fresh(now) && is_newer(reading))
            .or_else(|| find(&|reading| reading.answer.is_some() && !reading.is_fresh(now)))
            .or_else(|| find(&|reading| reading.answer.is_some()))
            .or_else(|| find(&|_| true))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("primary", PoolPurpose::Write)]
    #[case("pg_rw", PoolPurpose::Write)]
    #[case("pg_ro", PoolPurpose::Read)]
    #[case("postgres-replicas", PoolPurpose::Read)]
    #[case("any", PoolPurpose::Any)]
    #[case("stats", PoolPurpose::Unknown)]
    fn purposes_are_guessed_by_name(#[case] name: &str, #[case] purpose: PoolPurpose) {
        assert_eq!(PoolPurpose::guess(name), purpose);
    }

    /// The page is asked every few seconds only: its last answer must not outlive the router.
    #[test]
    fn an_answer_from_before_the_other_interface_failed_is_not_believed() {
        use std::sync::Arc;

        use crate::model::moment::Moment;
        use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
        let second = Duration::from_secs(1);
        let at = |seconds: u32| Moment::START + second * seconds;
        let reading = |kind| Reading::not_attempted(Source::new(kind, "edge"), second * 12, Moment::START);
        let report = || Ok(Arc::new(RouterReport { info: None, rows: Vec::new() }));
        let refused = || Err(SourceError::new(FailureKind::Refused, "edge:9999", ""));
        let mut router = Router {
            name: RouterName::new("edge"),
            http: Some(reading(SourceKind::RouterHttp)),
            runtime: Some(reading(SourceKind::RouterRuntime)),
            acting: None,
            write_backends: Vec::new(),
            read_backends: Vec::new(),
            write_address: None,
            read_address: None,
        };
        let believed =
            |router: &Router, now| router.reading(now).map(|reading| (reading.source.kind, reading.is_fresh(now)));
        router.http.as_mut().unwrap().take(at(1), second, report());
        router.runtime.as_mut().unwrap().take(at(1), second, refused());
        assert_eq!(believed(&router, at(2)), Some((SourceKind::RouterHttp, true)), "it never answered");
        router.runtime.as_mut().unwrap().take(at(3), second, report());
        assert_eq!(believed(&router, at(3)), Some((SourceKind::RouterRuntime, true)));
        router.runtime.as_mut().unwrap().take(at(4), second, refused());
        assert_eq!(believed(&router, at(4)), Some((SourceKind::RouterRuntime, false)), "at once");
        router.http.as_mut().unwrap().take(at(5), second, report());
        assert_eq!(believed(&router, at(5)), Some((SourceKind::RouterHttp, true)), "it outlived that");
        router.http.as_mut().unwrap().take(at(6), second, refused());
        assert!(believed(&router, at(6)).is_some_and(|(_, fresh)| !fresh));
    }

    #[test]
    fn a_pool_is_reached_at_the_address_of_its_purpose() {
        let address = |port| Some(Address { host: "10.0.0.9".into(), port });
        let router = |write_address, read_address| Router {
            name: RouterName::new("edge"),
            http: None,
            runtime: None,
            acting: None,
            write_backends: vec!["batman".into()],
            read_backends: Vec::new(),
            write_address,
            read_address,
        };
        let both = router(address(5000), address(5001));
        let port = |proxy: &str| both.sql_address(&proxy.into()).map(|address| address.port);
        assert_eq!((port("batman"), port("replicas")), (Ok(5000), Ok(5001)));
        assert!(port("stats").unwrap_err().contains("select"));
        let writes = router(address(5000), None);
        assert!(writes.sql_address(&"replicas".into()).unwrap_err().contains("read_address"));
        assert!(router(None, None).sql_address(&"batman".into()).unwrap_err().contains("write_address"));
    }
}
