//! Connection poolers: what PgBouncer's admin console says of itself, its databases, its pools, and the servers behind them.
//!
//! Columns come and go between releases: whatever is absent is `None`, and no reader may take it for 0.

mod route;
#[cfg(test)]
pub(crate) mod test_support;

use std::time::Duration;

use serde::Serialize;

use super::moment::Moment;
use super::text::Text;

pub use route::PoolerRoute;

/// Whether the process as a whole lets traffic through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerState {
    /// It does; single databases may be paused nevertheless.
    Active,
    /// `PAUSE` without a database is in force, or waits for the last servers.
    Paused,
    /// `SUSPEND` is in force.
    Suspended,
    /// It does not tell: before 1.19 there is no `SHOW STATE`.
    #[default]
    Unknown,
}

impl PoolerState {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Unknown => "?",
        }
    }
}

/// For how long a client keeps a server. PgBouncer's own words.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolMode {
    /// Until it disconnects.
    Session,
    /// For a transaction.
    Transaction,
    /// For a statement.
    Statement,
    /// A word that this version does not know.
    Unknown(Text),
}

impl PoolMode {
    /// The mode that `word` names.
    pub fn from_name(word: &str) -> Self {
        match word {
            "session" => Self::Session,
            "transaction" => Self::Transaction,
            "statement" => Self::Statement,
            other => Self::Unknown(Text::new(other)),
        }
    }

    /// The word shown.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Statement => "statement",
            Self::Unknown(word) => word.as_str(),
        }
    }
}

/// A limit on a number of connections.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionLimit {
    /// There is none.
    Unlimited,
    /// So many.
    AtMost(u32),
}

/// A span after which something is given up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GiveUp {
    /// It is not.
    Never,
    /// After this long.
    After(Duration),
}

/// A database as clients of the pooler see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PoolerDatabase {
    /// The name that clients ask for.
    pub name: Text,
    /// Host that new server connections go to, as configured; `None`: a Unix socket, or not told.
    pub host: Option<Text>,
    /// Its port.
    pub port: Option<u16>,
    /// Database on that server.
    pub backend_database: Option<Text>,
    /// Role that all of its clients get.
    pub forced_user: Option<Text>,
    /// Server connections of each pool at most.
    pub pool_size: Option<u32>,
    /// Further ones for clients that have waited.
    pub reserve_pool_size: Option<u32>,
    /// Mode of its own; `None`: that of the process, or not told.
    pub mode: Option<PoolMode>,
    /// Server connections at most, whatever the pools.
    pub max_connections: Option<ConnectionLimit>,
    /// Server connections now.
    pub connections: Option<u32>,
    /// Client connections at most. Since 1.24.
    pub max_client_connections: Option<ConnectionLimit>,
    /// Client connections now. Since 1.24.
    pub client_connections: Option<u32>,
    /// `PAUSE` of this database is in force, or waits for its servers. A pause of everything is not shown here.
    pub paused: Option<bool>,
    /// `DISABLE` is in force: new clients are refused.
    pub disabled: Option<bool>,
    /// The configuration of the console names it: it is to lead to the primary.
    pub is_configured: bool,
}

impl PoolerDatabase {
    /// A database of which nothing is told but its name.
    pub fn named(name: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            host: None,
            port: None,
            backend_database: None,
            forced_user: None,
            pool_size: None,
            reserve_pool_size: None,
            mode: None,
            max_connections: None,
            connections: None,
            max_client_connections: None,
            client_connections: None,
            paused: None,
            disabled: None,
            is_configured: false,
        }
    }

    /// Host and port in one; `None`: a Unix socket, or not told.
    pub fn address(&self) -> Option<Text> {
        let host = self.host.as_ref()?;
        Some(match self.port {
            Some(port) if host.as_str().contains(':') => Text::new(format!("[{host}]:{port}")),
            Some(port) => Text::new(format!("{host}:{port}")),
            None => host.clone(),
        })
    }
}

/// One pool: the connections of one role to one database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Pool {
    /// Database that clients ask for.
    pub database: Text,
    /// Role.
    pub user: Text,
    /// Clients that have a server or need none at present.
    pub clients_active: Option<u32>,
    /// Clients that wait for a server, those among them that wait for their login too.
    pub clients_waiting: Option<u32>,
    /// Cancel requests under way. Since 1.18.
    pub clients_canceling: Option<u32>,
    /// Cancel requests that wait. Since 1.18.
    pub clients_waiting_to_cancel: Option<u32>,
    /// Servers that a client has.
    pub servers_active: Option<u32>,
    /// Servers that carry a cancel request. Since 1.18.
    pub servers_canceling: Option<u32>,
    /// Servers kept until the cancel requests about them are done. Since 1.18.
    pub servers_being_canceled: Option<u32>,
    /// Servers that a client can have at once.
    pub servers_idle: Option<u32>,
    /// Servers that idled for long, to be tested before they are used again.
    pub servers_used: Option<u32>,
    /// Servers being tested or reset.
    pub servers_tested: Option<u32>,
    /// Servers being logged in to.
    pub servers_login: Option<u32>,
    /// How long the first waiting client has waited. Who waits for a login is not counted.
    pub longest_wait: Option<Duration>,
    /// Mode.
    pub mode: Option<PoolMode>,
    /// How hosts are chosen, where there are several. Since 1.24.
    pub load_balance_hosts: Option<Text>,
}

impl Pool {
    /// A pool of which nothing is told but what it is.
    pub fn named(database: impl Into<Text>, user: impl Into<Text>) -> Self {
        Self {
            database: database.into(),
            user: user.into(),
            clients_active: None,
            clients_waiting: None,
            clients_canceling: None,
            clients_waiting_to_cancel: None,
            servers_active: None,
            servers_canceling: None,
            servers_being_canceled: None,
            servers_idle: None,
            servers_used: None,
            servers_tested: None,
            servers_login: None,
            longest_wait: None,
            mode: None,
            load_balance_hosts: None,
        }
    }

    /// Server connections in all; `None`: some kind of them is not told.
    pub fn servers(&self) -> Option<u32> {
        let kinds = [
            self.servers_active,
            self.servers_idle,
            self.servers_used,
            self.servers_tested,
            self.servers_login,
            // Before 1.18 there are none of these to be told of.
            Some(self.servers_canceling.unwrap_or(0)),
            Some(self.servers_being_canceled.unwrap_or(0)),
        ];
        kinds.into_iter().sum()
    }

    /// Whether clients wait and no server is there that could serve them: what `maxwait` need not show. One that is being
    /// logged in to counts as none. `None`: not told.
    pub fn has_no_server(&self) -> Option<bool> {
        let waiting = self.clients_waiting?;
        let usable = [self.servers_active, self.servers_idle, self.servers_used, self.servers_tested];
        let usable: u32 = usable.into_iter().sum::<Option<u32>>()?;
        Some(waiting > 0 && usable == 0)
    }
}

/// Server connections to one address, as the sockets have it, whatever the configuration says by now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ServerAddress {
    /// Database that clients ask for.
    pub database: Text,
    /// Address of the server.
    pub address: Text,
    /// Its port; `None`: a Unix socket.
    pub port: Option<u16>,
    /// Connections there.
    pub connections: u32,
    /// Those among them that a client has.
    pub active: u32,
    /// Those that are closed as soon as their client lets go: since RELOAD or RECONNECT the address is another, or may be.
    pub closing: u32,
}

/// Clients that wait for their login, which waits for a server: `SHOW POOLS` counts no wait of theirs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LoginWait {
    /// Database that they ask for.
    pub database: Text,
    /// Role.
    pub user: Text,
    /// How many.
    pub clients: u32,
    /// For how long the first of them, by the pooler's own clock.
    pub longest: Option<Duration>,
}

/// What has gone through a database, and how fast.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DatabaseTraffic {
    /// Database that clients ask for.
    pub database: Text,
    /// Transactions since the start.
    pub transactions: Option<u64>,
    /// Statements since the start.
    pub queries: Option<u64>,
    /// Bytes from clients since the start.
    pub bytes_received: Option<u64>,
    /// Bytes to clients since the start.
    pub bytes_sent: Option<u64>,
    /// How long clients have waited for servers since the start, all together.
    pub waited: Option<Duration>,
    /// Transactions a second, between the last two answers; `None`: there were not two.
    pub transaction_rate: Option<f64>,
    /// Statements a second, likewise.
    pub query_rate: Option<f64>,
}

/// Sockets of the process by what they are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct PoolerSockets {
    /// Clients, this console among them.
    pub used_clients: Option<u32>,
    /// Clients that are not logged in yet.
    pub login_clients: Option<u32>,
    /// Servers.
    pub used_servers: Option<u32>,
}

/// The part of the configuration that decides what clients see.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct PoolerSettings {
    /// Mode where a database has none of its own.
    pub mode: Option<PoolMode>,
    /// Server connections of a pool at most, likewise.
    pub default_pool_size: Option<u32>,
    /// Clients at most.
    pub max_client_connections: Option<u32>,
    /// How long a client waits for a server before it is disconnected.
    pub query_wait_timeout: Option<GiveUp>,
    /// How long after a failed login to a server the next is tried.
    pub server_login_retry: Option<Duration>,
    /// How clients log in.
    pub auth_type: Option<Text>,
    /// Who may do everything.
    pub admin_users: Option<Vec<Text>>,
    /// Who may look.
    pub stats_users: Option<Vec<Text>>,
    /// Several processes share the port: each connection may reach another of them.
    pub shares_port: Option<bool>,
}

/// What the console's login may do there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerRights {
    /// Everything.
    Admin,
    /// Only look.
    Stats,
    /// Not told.
    #[default]
    Unknown,
}

/// What a pooler tells by a statement of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolerPart {
    /// `SHOW STATE`. Since 1.19.
    State,
    /// `SHOW STATS`.
    Stats,
    /// `SHOW LISTS`.
    Lists,
    /// `SHOW CLIENTS`.
    Clients,
    /// `SHOW SERVERS`.
    Servers,
    /// `SHOW CONFIG`.
    Config,
}

impl PoolerPart {
    /// The statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "SHOW STATE",
            Self::Stats => "SHOW STATS",
            Self::Lists => "SHOW LISTS",
            Self::Clients => "SHOW CLIENTS",
            Self::Servers => "SHOW SERVERS",
            Self::Config => "SHOW CONFIG",
        }
    }
}

/// A part that could not be read, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnreadPoolerPart {
    /// Which.
    pub part: PoolerPart,
    /// The pooler's words.
    pub why: Text,
}

/// What a pooler says. Its own console (`pgbouncer`) is left out of databases and pools.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct PoolerReport {
    /// Version, such as `1.24.1`; `None`: not told.
    pub version: Option<Text>,
    /// State of the process.
    pub state: PoolerState,
    /// What the login may do.
    pub rights: PoolerRights,
    /// Databases.
    pub databases: Vec<PoolerDatabase>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Real addresses of the servers; `None`: not read.
    pub servers: Option<Vec<ServerAddress>>,
    /// Clients that wait for their login; `None`: not read.
    pub login_waits: Option<Vec<LoginWait>>,
    /// Traffic by database.
    pub traffic: Vec<DatabaseTraffic>,
    /// Sockets.
    pub sockets: PoolerSockets,
    /// Configuration.
    pub settings: PoolerSettings,
    /// When the configuration was asked for, where that was before the rest.
    pub settings_asked: Option<Moment>,
    /// When clients and servers were asked for, where that was before the rest.
    pub sockets_asked: Option<Moment>,
    /// What could not be read.
    pub unread: Vec<UnreadPoolerPart>,
}

impl PoolerReport {
    /// The database that clients ask for by `name`.
    pub fn database(&self, name: &Text) -> Option<&PoolerDatabase> {
        self.databases.iter().find(|database| database.name == *name)
    }

    /// Clients that wait for a server, in all pools; `None`: a pool does not tell.
    pub fn clients_waiting(&self) -> Option<u32> {
        self.pools.iter().map(|pool| pool.clients_waiting).sum()
    }

    /// Clients of all pools, cancel requests left aside; `None`: a pool does not tell.
    pub fn clients(&self) -> Option<u32> {
        self.pools.iter().map(|pool| Some(pool.clients_active?.saturating_add(pool.clients_waiting?))).sum()
    }

    /// Server connections of all pools; `None`: a pool does not tell.
    pub fn server_connections(&self) -> Option<u32> {
        self.pools.iter().map(Pool::servers).sum()
    }

    /// The longest wait that any pool counts; `None`: a pool does not tell.
    pub fn longest_wait(&self) -> Option<Duration> {
        self.pools.iter().try_fold(Duration::ZERO, |longest, pool| Some(longest.max(pool.longest_wait?)))
    }

    /// Clients that wait for their login; `None`: not read.
    pub fn waiting_for_login(&self) -> Option<u32> {
        Some(self.login_waits.as_ref()?.iter().map(|wait| wait.clients).sum())
    }

    /// Whether traffic of `database` is held by a pause, of it or of everything; `None`: not told.
    pub fn is_paused(&self, database: &PoolerDatabase) -> Option<bool> {
        match (self.state, database.paused) {
            (PoolerState::Paused | PoolerState::Suspended, _) | (_, Some(true)) => Some(true),
            (PoolerState::Active, paused) => paused,
            (PoolerState::Unknown, _) => None,
        }
    }

    /// The mode of a database, by itself or by the process.
    pub fn mode_of<'a>(&'a self, database: &'a PoolerDatabase) -> Option<&'a PoolMode> {
        database.mode.as_ref().or(self.settings.mode.as_ref())
    }

    /// Servers of `database` at addresses that they are about to leave: connections that are closed once their clients let
    /// go. `None`: not read.
    pub fn leaving(&self, database: &Text) -> Option<impl Iterator<Item = &ServerAddress>> {
        let servers = self.servers.as_ref()?;
        Some(servers.iter().filter(move |server| server.database == *database && server.closing > 0))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn pool(waiting: Option<u32>, [active, idle, used, tested, login]: [Option<u32>; 5]) -> Pool {
        Pool {
            clients_active: Some(1),
            clients_waiting: waiting,
            servers_active: active,
            servers_idle: idle,
            servers_used: used,
            servers_tested: tested,
            servers_login: login,
            ..Pool::named("app", "app")
        }
    }

    #[rstest]
    #[case(Some(1), [Some(0); 5], Some(true))]
    #[case::logging_in(Some(1), [Some(0), Some(0), Some(0), Some(0), Some(3)], Some(true))]
    #[case::at_work(Some(9), [Some(2), Some(0), Some(0), Some(0), Some(0)], Some(false))]
    #[case::nobody_waits(Some(0), [Some(0); 5], Some(false))]
    #[case::not_told(None, [Some(0); 5], None)]
    #[case::not_told_either(Some(1), [Some(0), None, Some(0), Some(0), Some(0)], None)]
    fn clients_without_a_server_are_told_without_any_wait(
        #[case] waiting: Option<u32>,
        #[case] servers: [Option<u32>; 5],
        #[case] expected: Option<bool>,
    ) {
        assert_eq!(pool(waiting, servers).has_no_server(), expected);
    }

    #[test]
    fn a_sum_with_an_unknown_part_is_unknown() {
        let whole = pool(Some(2), [Some(1), Some(2), Some(0), Some(0), Some(1)]);
        let report = |pools: Vec<Pool>| PoolerReport { pools, ..PoolerReport::default() };
        let known = report(vec![whole.clone(), whole.clone()]);
        assert_eq!((known.clients(), known.clients_waiting(), known.server_connections()), (Some(6), Some(4), Some(8)));
        let half = report(vec![whole, pool(None, [Some(1), None, Some(0), Some(0), Some(0)])]);
        assert_eq!((half.clients(), half.clients_waiting(), half.server_connections()), (None, None, None));
        assert_eq!(report(Vec::new()).waiting_for_login(), None, "nobody asked");
    }

    #[rstest]
    #[case(PoolerState::Active, Some(false), Some(false))]
    #[case(PoolerState::Active, Some(true), Some(true))]
    #[case::everything(PoolerState::Paused, Some(false), Some(true))]
    #[case(PoolerState::Unknown, Some(false), None)]
    #[case(PoolerState::Unknown, Some(true), Some(true))]
    #[case(PoolerState::Active, None, None)]
    fn a_pause_of_everything_holds_databases_that_do_not_tell(
        #[case] state: PoolerState,
        #[case] paused: Option<bool>,
        #[case] expected: Option<bool>,
    ) {
        let report = PoolerReport { state, ..PoolerReport::default() };
        assert_eq!(report.is_paused(&PoolerDatabase { paused, ..PoolerDatabase::named("app") }), expected);
    }
}
