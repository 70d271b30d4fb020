//! What a Patroni container says of itself: its environment over its mounted `patroni.yml`, as Patroni reads them.

use std::path::PathBuf;

use super::project::Project;
use super::role::{PATRONI_PORT, POSTGRES_PORT};
use super::service::Service;
use super::yaml::{self, Node};
use crate::config::address::HostPort;

/// One Patroni container.
pub(super) struct Agent<'p> {
    pub(super) service: &'p Service,
    settings: Option<Node>,
    /// The mounted `patroni.yml`, where there is one.
    pub(super) settings_path: Option<PathBuf>,
}

/// A value with how sure it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SureValue {
    pub(super) value: String,
    /// Where a guess comes from; `None`: Patroni reads the value from there too.
    pub(super) guessed_from: Option<String>,
}

impl SureValue {
    fn sure(value: impl Into<String>) -> Self {
        Self { value: value.into(), guessed_from: None }
    }

    fn guess(value: impl Into<String>, from: impl Into<String>) -> Self {
        Self { value: value.into(), guessed_from: Some(from.into()) }
    }
}

/// The store that Patroni keeps its record in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Store {
    /// etcd by its third API: addresses, and whether they are asked by TLS.
    Etcd { hosts: Vec<String>, tls: bool },
    /// Something that the console does not read, by name.
    Other(&'static str),
}

impl<'p> Agent<'p> {
    pub(super) fn new(project: &Project<'_>, service: &'p Service) -> Self {
        let argument = |target: &str| service.command.iter().any(|word| word == target);
        let is_settings = |target: &str| {
            let lower = target.to_ascii_lowercase();
            let yaml = [".yml", ".yaml"].iter().any(|ending| lower.ends_with(ending));
            yaml && (argument(target) || lower.contains("patroni") || lower.contains("postgres"))
        };
        let inline = ["PATRONI_CONFIGURATION", "SPILO_CONFIGURATION"]
            .into_iter()
            .find_map(|name| Some((PathBuf::from(name), service.value(&[name])?.to_owned())));
        let mounted = inline.or_else(|| project.mounted(service, is_settings));
        let read = mounted.and_then(|(path, text)| Some((path, yaml::parse(&text, None).ok()?)));
        let (settings_path, settings) = read.unzip();
        Self { service, settings, settings_path }
    }

    fn setting(&self, path: &[&str]) -> Option<&str> {
        self.settings.as_ref()?.at(path)?.text()
    }

    fn lookup(&self, variables: &[&str], path: &[&str]) -> Option<&str> {
        self.service.value(variables).or_else(|| self.setting(path))
    }

    /// Scope, or cluster name. Each group of a Citus cluster is a cluster of its own: `shop/0`.
    pub(super) fn scope(&self) -> Option<SureValue> {
        let reported = self.lookup(&["PATRONI_SCOPE", "SCOPE"], &["scope"]).map(SureValue::sure);
        let reported = reported.or_else(|| self.by_suffix(&["_SCOPE"], |_| true))?;
        match self.lookup(&["PATRONI_CITUS_GROUP"], &["citus", "group"]) {
            Some(group) => Some(SureValue { value: format!("{}/{}", reported.value, group.trim()), ..reported }),
            None => Some(reported),
        }
    }

    /// Namespace of the keys in the DCS.
    pub(super) fn namespace(&self) -> Option<SureValue> {
        let reported = self.lookup(&["PATRONI_NAMESPACE"], &["namespace"]).map(SureValue::sure);
        reported
            .or_else(|| self.by_suffix(&["_NAMESPACE"], |name| !name.starts_with("POD") && !name.starts_with("KUBE")))
    }

    /// Name of the member.
    pub(super) fn name(&self) -> SureValue {
        if let Some(name) = self.lookup(&["PATRONI_NAME"], &["name"]) {
            return SureValue::sure(name);
        }
        let endings = ["_MEMBER", "_MEMBER_NAME", "_NODE_NAME"];
        let by_variable = self.by_suffix(&endings, |_| true);
        let by_host = || self.service.hostname.as_ref().map(|name| SureValue::guess(name, "its hostname"));
        by_variable.or_else(by_host).unwrap_or_else(|| SureValue::guess(&self.service.name, "the name of the service"))
    }

    /// A variable that an image of its own calls by a like name.
    fn by_suffix(&self, endings: &[&str], wanted: impl Fn(&str) -> bool) -> Option<SureValue> {
        let variables = self.service.environment.iter();
        let mut like = variables.filter(|(name, variable)| {
            endings.iter().any(|ending| name.ends_with(ending)) && wanted(name) && !variable.value.trim().is_empty()
        });
        let (name, variable) = like.next()?;
        Some(SureValue::guess(variable.value.trim(), name))
    }

    /// Address that it advertises its REST interface at, if that is said.
    pub(super) fn advertised_rest(&self) -> Option<HostPort> {
        let reported = self
            .lookup(&["PATRONI_RESTAPI_CONNECT_ADDRESS", "RESTAPI_CONNECT_ADDRESS"], &["restapi", "connect_address"]);
        reported.and_then(HostPort::parse)
    }

    /// Address that it advertises PostgreSQL at, if that is said.
    pub(super) fn advertised_postgres(&self) -> Option<HostPort> {
        self.lookup(&["PATRONI_POSTGRESQL_CONNECT_ADDRESS"], &["postgresql", "connect_address"])
            .and_then(HostPort::parse)
    }

    /// Port of the REST interface in the container.
    pub(super) fn rest_port(&self) -> u16 {
        let listens = self.lookup(&["PATRONI_RESTAPI_LISTEN"], &["restapi", "listen"]).and_then(port_of);
        let image = self.service.value(&["APIPORT"]).and_then(|port| port.parse().ok());
        self.likeliest([listens, image, self.advertised_rest().and_then(|address| address.port)], PATRONI_PORT)
    }

    /// Port of PostgreSQL in the container.
    pub(super) fn postgres_port(&self) -> u16 {
        let listens = self.lookup(&["PATRONI_POSTGRESQL_LISTEN"], &["postgresql", "listen"]).and_then(port_of);
        let image = self.service.value(&["PGPORT"]).and_then(|port| port.parse().ok());
        self.likeliest([listens, image, self.advertised_postgres().and_then(|address| address.port)], POSTGRES_PORT)
    }

    /// The first of `told` that the container opens; else the first at all; else `usual`.
    fn likeliest(&self, reported: [Option<u16>; 3], usual: u16) -> u16 {
        let all = || reported.into_iter().flatten().chain([usual]);
        all().find(|port| self.service.opens(*port)).or_else(|| all().next()).unwrap_or(usual)
    }

    /// Whether its REST interface speaks TLS.
    pub(super) fn rest_tls(&self) -> bool {
        self.lookup(&["PATRONI_RESTAPI_CERTFILE", "SSL_RESTAPI_CERTIFICATE_FILE"], &["restapi", "certfile"]).is_some()
    }

    /// The user of its REST interface where only `patroni.yml` tells it.
    pub(super) fn rest_user(&self) -> Option<&str> {
        self.setting(&["restapi", "authentication", "username"])
    }

    /// The superuser where only `patroni.yml` tells it.
    pub(super) fn superuser(&self) -> Option<&str> {
        self.setting(&["postgresql", "authentication", "superuser", "username"])
    }

    /// Where it keeps its record, if that is said.
    pub(super) fn store(&self) -> Option<Store> {
        let listed = self.settings.as_ref().and_then(|settings| settings.at(&["etcd3", "hosts"]));
        let listed = listed.map(|hosts| hosts.items().iter().filter_map(Node::text).collect::<Vec<_>>().join(","));
        let variables = ["PATRONI_ETCD3_HOSTS", "PATRONI_ETCD3_HOST", "PATRONI_ETCD3_URL", "ETCD3_HOSTS", "ETCD3_HOST"];
        let reported = self.lookup(&variables, &["etcd3", "host"]).map(str::to_owned).or(listed);
        if let Some(hosts) = reported.or_else(|| self.setting(&["etcd3", "url"]).map(str::to_owned)) {
            let protocol = self.lookup(&["PATRONI_ETCD3_PROTOCOL", "ETCD3_PROTOCOL"], &["etcd3", "protocol"]);
            let authority = self.lookup(&["PATRONI_ETCD3_CACERT", "ETCD3_CACERT"], &["etcd3", "cacert"]);
            let tls =
                protocol.map_or(authority.is_some() || hosts.starts_with("https:"), |protocol| protocol == "https");
            let hosts = hosts.split(|c: char| ", '\"[]".contains(c)).filter(|host| !host.is_empty());
            let bare = hosts.map(|host| host.split_once("://").map_or(host, |(_, host)| host).trim_end_matches('/'));
            return Some(Store::Etcd { hosts: bare.map(str::to_owned).collect(), tls });
        }
        let other = [
            ("etcd", "PATRONI_ETCD_", "etcd with its v2 API"),
            ("consul", "PATRONI_CONSUL_", "Consul"),
            ("zookeeper", "PATRONI_ZOOKEEPER_", "ZooKeeper"),
            ("exhibitor", "PATRONI_EXHIBITOR_", "ZooKeeper"),
            ("raft", "PATRONI_RAFT_", "the Raft of Patroni itself"),
            ("kubernetes", "PATRONI_KUBERNETES_", "Kubernetes"),
        ];
        let has = |prefix: &str| self.service.environment.keys().any(|name| name.starts_with(prefix));
        let set = |key: &str| self.settings.as_ref().is_some_and(|settings| settings.get(key).is_some());
        let found = other.into_iter().find(|(key, prefix, _)| has(prefix) || set(key));
        let spilo = self.service.value(&["ETCD_HOST", "ETCD_HOSTS", "ETCD_URL"]);
        found.map(|(_, _, name)| Store::Other(name)).or(spilo.map(|_| Store::Other("etcd with its v2 API")))
    }
}

/// The port at the end of an address to listen at, such as `0.0.0.0,::1:8008` or `*:8008`.
fn port_of(listen: &str) -> Option<u16> {
    listen.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).filter(|port| *port != 0)
}
