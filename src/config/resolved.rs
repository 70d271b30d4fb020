//! The settings as the program uses them: complete, checked, with every default filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::address::{AddressMap, base_of, set_host};
use super::audience::{Audience, Network};
use super::endpoint::{
    EtcdEndpoints, HttpEndpoint, Login, PoolerAddress, PostgresAccess, RuntimeApi, Timeouts, TlsSettings,
};
use crate::model::name::{AssertionName, ClusterName, NodeName, PoolerName, RouterName};
use crate::model::snapshot::StackKind;
use crate::model::thresholds::Thresholds;

mod recipient;
mod secrets;

/// Everything.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Clusters, by name.
    pub clusters: Vec<ClusterSettings>,
    /// The screen.
    pub ui: UiSettings,
    /// How long what actions leave behind is kept.
    pub retention: RetentionSettings,
    /// The file they came from; `None`: none was read.
    pub path: Option<PathBuf>,
    /// What is odd without being wrong, one sentence each.
    pub warnings: Vec<String>,
}

impl Settings {
    /// The cluster called `name`.
    pub fn cluster(&self, name: &str) -> Option<&ClusterSettings> {
        self.clusters.iter().find(|cluster| cluster.name == *name)
    }
}

/// How long what actions leave behind in the state directory is kept. The journal is never shortened without being asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetentionSettings {
    /// The files of a job that is over and owes nothing; `None`: for ever.
    pub jobs: Option<Duration>,
    /// Reports of drills; `None`: for ever.
    pub drill_reports: Option<Duration>,
}

impl Default for RetentionSettings {
    /// Jobs are in the journal as well; a report of a drill is nowhere else.
    fn default() -> Self {
        Self { jobs: Some(Duration::from_secs(90 * 24 * 3600)), drill_reports: None }
    }
}

/// Which symbols the screen may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symbols {
    /// Any that common terminal fonts have.
    #[default]
    Unicode,
    /// Letters and signs of ASCII.
    Ascii,
}

/// The screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UiSettings {
    /// Name of the theme, whether it exists is the theme loader's to say; `None`: the one that suits the terminal.
    pub theme: Option<String>,
    /// Listen to the mouse.
    pub mouse: bool,
    /// Symbols.
    pub symbols: Symbols,
    /// The wall screen.
    pub wall: WallSettings,
}

impl Default for UiSettings {
    fn default() -> Self {
        Self { theme: None, mouse: true, symbols: Symbols::Unicode, wall: WallSettings::default() }
    }
}

/// The wall screen and how it calls for attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WallSettings {
    /// How long a page of detail stays.
    pub page: Duration,
    /// Ring the terminal's bell on a change for the worse.
    pub bell: bool,
    /// Notify through the terminal (OSC 9).
    pub notify: bool,
    /// Command to run on a change, with the finding as JSON on its standard input; empty: none.
    pub hook: Vec<String>,
    /// Least time between two runs of the hook.
    pub hook_pause: Duration,
}

impl Default for WallSettings {
    fn default() -> Self {
        Self {
            page: Duration::from_secs(15),
            bell: false,
            notify: false,
            hook: Vec::new(),
            hook_pause: Duration::from_secs(30),
        }
    }
}

/// One cluster.
#[derive(Clone, PartialEq, Debug)]
pub struct ClusterSettings {
    /// Name the operator knows it by, and types to confirm.
    pub name: ClusterName,
    /// Colour that sets it apart: one of sixteen names, or `#rrggbb`.
    pub colour: Option<String>,
    /// Every action also wants a reason.
    pub protected: bool,
    /// No action is possible.
    pub read_only: bool,
    /// Refresh interval.
    pub interval: Duration,
    /// Which kind of stack it is: by the tables that are present.
    pub stack: StackKind,
    /// Patroni's scope; `None`: to be learnt from a member.
    pub scope: Option<String>,
    /// Patroni's namespace in the DCS, with a slash at both ends.
    pub namespace: String,
    /// Nobody wrote the namespace: it is Patroni's default.
    pub namespace_is_assumed: bool,
    /// The cluster was named by flags, and no file says where its members are reached.
    pub is_from_flags: bool,
    /// Patroni's REST interfaces.
    pub patroni: PatroniSettings,
    /// etcd; `None`: the record is read through Patroni's `/cluster`.
    pub etcd: Option<EtcdEndpoints>,
    /// The dynamic configuration is changed in etcd itself, by compare-and-set, instead of through an agent. Off unless
    /// asked for: the user at etcd then needs to write Patroni's `config` key.
    pub etcd_writes_config: bool,
    /// SQL; `None`: not asked.
    pub postgres: Option<PostgresSettings>,
    /// Routers.
    pub routers: Vec<RouterSettings>,
    /// Connection poolers.
    pub poolers: Vec<PoolerSettings>,
    /// What is known of single nodes beforehand.
    pub nodes: BTreeMap<NodeName, NodeSettings>,
    /// Prometheus exporters.
    pub exporters: ExporterSettings,
    /// From advertised addresses to reachable ones.
    pub address_map: AddressMap,
    /// Where hosts are that the record may name; empty: nobody said.
    pub allowed_networks: Vec<Network>,
    /// How long to wait, unless an endpoint says otherwise.
    pub timeouts: Timeouts,
    /// Thresholds of findings.
    pub thresholds: Thresholds,
    /// What prepared the cluster; `None`: nothing that is known.
    pub preparation: Option<PreparationSettings>,
    /// Drills.
    pub drills: DrillSettings,
    /// What its data should say, by name.
    pub assertions: Vec<AssertionSettings>,
}

/// A question in SQL with the answer that is expected.
#[derive(Clone, PartialEq, Eq)]
pub struct AssertionSettings {
    /// Name.
    pub name: AssertionName,
    /// The question: one statement that only asks.
    pub sql: String,
    /// Its answer.
    pub expected: Expected,
    /// Database that it is asked in.
    pub database: String,
    /// Each standby is asked too, and not the primary alone.
    pub on_standbys: bool,
    /// How long the server may take.
    pub time_limit: Duration,
    /// Neither the answer that is expected nor the one that comes is shown.
    pub is_secret: bool,
}

impl std::fmt::Debug for AssertionSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssertionSettings").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer that is expected.
#[derive(Clone, PartialEq, Eq)]
pub enum Expected {
    /// One row with one value, as text.
    Value(String),
    /// So many rows.
    Rows(u64),
}

/// What prepares the cluster once, and what it makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreparationSettings {
    /// A container's name, or a compose service.
    pub container: String,
    /// The role that it makes.
    pub user: Option<String>,
    /// The database that it makes.
    pub database: Option<String>,
    /// The container engine; `None`: as `DOCKER_HOST` has it, else Docker's own socket.
    pub engine: Option<String>,
    /// Compose project that the container belongs to; `None`: told from what its containers publish.
    pub project: Option<String>,
}

/// What drills may do, and by what.
#[derive(Clone, PartialEq, Debug)]
pub struct DrillSettings {
    /// Drills may break something.
    pub enabled: bool,
    /// The longest outage wished for.
    pub target: Option<Duration>,
    /// How long a fault is left standing that no takeover ends.
    pub hold: Duration,
    /// Login and database of the probe; `None`: no role to write with is configured.
    pub probe: Option<PostgresAccess>,
    /// The container engine; `None`: as `DOCKER_HOST` has it, else Docker's own socket.
    pub engine: Option<String>,
    /// Compose project that the containers belong to; `None`: told from what they publish.
    pub project: Option<String>,
    /// Whether a watchdog guards the nodes; `None`: nobody said.
    pub watchdog: Option<bool>,
    /// Containers by the part that they run: a container's name, or a compose service.
    pub containers: BTreeMap<String, String>,
    /// Commands by part and by what they do, for parts that run in no container of this host.
    pub faults: BTreeMap<(String, FaultKind), FaultCommands>,
}

impl Default for DrillSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            target: None,
            hold: Duration::from_secs(30),
            probe: None,
            engine: None,
            project: None,
            watchdog: None,
            containers: BTreeMap::new(),
            faults: BTreeMap::new(),
        }
    }
}

/// In which way a part can be broken by command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FaultKind {
    /// Stopped in good order.
    Stop,
    /// Killed.
    Kill,
    /// Frozen.
    Freeze,
    /// Cut off the network.
    Cut,
}

impl FaultKind {
    /// Every one, with its key.
    pub const ALL: [(&'static str, Self); 4] =
        [("stop", Self::Stop), ("kill", Self::Kill), ("freeze", Self::Freeze), ("cut", Self::Cut)];
}

/// How one fault is set and taken back: a program with its arguments each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultCommands {
    /// Sets it.
    pub make: Vec<String>,
    /// Takes it back.
    pub repair: Vec<String>,
}

/// Patroni's REST interfaces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PatroniSettings {
    /// Base URLs to begin with; further members are learnt from them. May be empty where etcd is configured.
    pub seeds: Vec<String>,
    /// Whether each member's `/metrics` is read too.
    pub metrics: bool,
    /// Login for looking; only a proxy before Patroni asks for one.
    pub looking: Option<Login>,
    /// Login for acting. Its password is fetched only when an action is confirmed.
    pub acting: Option<Login>,
    /// TLS, where the URL says `https`.
    pub tls: TlsSettings,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl PatroniSettings {
    /// The interface at `url`, which the configuration names, for looking.
    pub fn endpoint(&self, url: impl Into<String>) -> HttpEndpoint {
        HttpEndpoint {
            url: url.into(),
            login: self.looking.clone(),
            audience: Audience::Named,
            tls: self.tls.clone(),
            timeouts: self.timeouts,
        }
    }
}

/// SQL access to all nodes of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostgresSettings {
    /// For looking.
    pub looking: PostgresAccess,
    /// For acting; `None`: no action over SQL. Its password is fetched only when an action is confirmed.
    pub acting: Option<PostgresAccess>,
}

/// One router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouterSettings {
    /// Name.
    pub name: RouterName,
    /// Statistics over HTTP.
    pub stats: Option<HttpEndpoint>,
    /// Runtime API, for looking.
    pub runtime: Option<RuntimeApi>,
    /// Runtime API at the level that may change things; used only when an action is confirmed.
    pub acting_runtime: Option<RuntimeApi>,
    /// Backends that take writes; empty: told from their names and checks.
    pub write_backends: Vec<String>,
    /// Backends that spread reads; empty: told from their names and checks.
    pub read_backends: Vec<String>,
    /// Host and port at which clients reach the leader through it.
    pub write_address: Option<(String, u16)>,
    /// Host and port at which clients reach the replicas through it.
    pub read_address: Option<(String, u16)>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// One connection pooler, by its admin console.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolerSettings {
    /// Name.
    pub name: PoolerName,
    /// Where its admin console is.
    pub address: PoolerAddress,
    /// How to log in to it, for looking.
    pub access: PostgresAccess,
    /// How to log in to it, for acting: a user of `admin_users`. `None`: nothing is done to it.
    pub acting: Option<PostgresAccess>,
    /// Databases that are to lead to the primary; empty: nobody said.
    pub databases: Vec<String>,
    /// What writes another member into its configuration: a program and its arguments, with `{host}`, `{port}` and
    /// `{member}` in the place of the new one's. Empty: nobody can.
    pub repoint: Vec<String>,
}

/// What is known of one node beforehand. Everything given here beats what the node advertises.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeSettings {
    /// Host, with the ports that the node advertises.
    pub host: Option<String>,
    /// Base URL of its agent.
    pub rest: Option<String>,
    /// Its PostgreSQL.
    pub postgres: Option<(String, u16)>,
    /// URL of its exporter.
    pub exporter: Option<String>,
    /// Name in its certificates.
    pub server_name: Option<String>,
}

/// Prometheus exporters beside the nodes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExporterSettings {
    /// Whether every node has one at `port`. A node with a URL of its own is asked in any case.
    pub enabled: bool,
    /// `http` or `https`.
    pub scheme: String,
    /// Port of `postgres_exporter`.
    pub port: u16,
    /// Path.
    pub path: String,
    /// Login.
    pub login: Option<Login>,
    /// TLS.
    pub tls: TlsSettings,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl ExporterSettings {
    /// The exporter at `url`, which the configuration names.
    fn endpoint(&self, url: impl Into<String>) -> HttpEndpoint {
        HttpEndpoint {
            url: url.into(),
            login: self.login.clone(),
            audience: Audience::Named,
            tls: self.tls.clone(),
            timeouts: self.timeouts,
        }
    }
}

/// The port of PostgreSQL where none is written.
pub const POSTGRES_PORT: u16 = 5432;

impl ClusterSettings {
    /// The prefix of the cluster's keys in the DCS, with a slash at the end; `None` while the scope is unknown.
    pub fn prefix(&self) -> Option<String> {
        self.scope.as_ref().map(|scope| format!("{}{scope}/", self.namespace))
    }

    /// Where a member's agent and its PostgreSQL are reached, given the addresses on record of it. What the
    /// configuration says of the node wins; else the address map is applied to what is advertised. `None`: neither
    /// says anything, or what is advertised is no address.
    pub fn member_address(
        &self,
        member: &NodeName,
        api_url: Option<&str>,
        postgres: Option<(&str, u16)>,
    ) -> (Option<String>, Option<(String, u16)>) {
        let node = self.nodes.get(member);
        let host = node.and_then(|node| node.host.as_deref());
        let agent = node.and_then(|node| node.rest.clone()).or_else(|| {
            let advertised = base_of(api_url?)?;
            Some(match host {
                Some(host) => with_host(&advertised, host),
                None => self.address_map.apply_to_url(&advertised),
            })
        });
        let postgres = node.and_then(|node| node.postgres.clone()).or_else(|| match (postgres, host) {
            (Some((_, port)), Some(host)) => Some((host.to_owned(), port)),
            (None, Some(host)) => Some((host.to_owned(), POSTGRES_PORT)),
            (Some((advertised, port)), None) => Some(self.address_map.apply(advertised, port)),
            (None, None) => None,
        });
        (agent, postgres)
    }

    /// Where a member's exporter is asked; `None`: it has none. `host` is the one that the member advertises.
    pub fn exporter_url(&self, member: &NodeName, host: Option<&str>) -> Option<String> {
        let node = self.nodes.get(member);
        if let Some(url) = node.and_then(|node| node.exporter.clone()) {
            return Some(url);
        }
        if !self.exporters.enabled {
            return None;
        }
        let ExporterSettings { scheme, port, path, .. } = &self.exporters;
        let (host, port) = match node.and_then(|node| node.host.clone()) {
            Some(host) => (host, *port),
            None => self.address_map.apply(host?, *port),
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Some(format!("{scheme}://{host}:{port}{path}"))
    }

    /// TLS towards one node: `tls` with the node's own certificate name, where one is configured.
    pub fn node_tls(&self, member: &NodeName, tls: &TlsSettings) -> TlsSettings {
        let name = self.nodes.get(member).and_then(|node| node.server_name.clone());
        TlsSettings { server_name: name.or_else(|| tls.server_name.clone()), ..tls.clone() }
    }
}

/// `url` with another host and its own port.
fn with_host(url: &str, host: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else { return url.to_owned() };
    let Some(port) = parsed.port_or_known_default() else { return url.to_owned() };
    if set_host(&mut parsed, host, port) { super::value::url_text(&parsed) } else { url.to_owned() }
}
