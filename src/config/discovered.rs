//! What discovery found, from which `init` writes a configuration. Data only: no password is ever in it, only the places
//! where passwords are.

use std::collections::BTreeMap;

use super::endpoint::SecretSource;

/// A cluster as one of its agents, or a compose file, describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Discovered {
    /// Scope; `None` where no agent tells it.
    pub scope: Option<String>,
    /// Namespace; an agent does not tell it, the DCS does.
    pub namespace: Option<String>,
    /// Version of the agent that was asked.
    pub agent_version: Option<String>,
    /// Maintenance mode is on.
    pub paused: bool,
    /// Members in order of name.
    pub members: Vec<DiscoveredMember>,
    /// What it was found in or by, in words for the head of the file: a URL that was asked, a compose file.
    pub origin: Option<String>,
    /// Base URLs of agents as this host reaches them, beside those that members advertise.
    pub agents: Vec<String>,
    /// The login that agents want from those who change something.
    pub agents_login: Option<DiscoveredLogin>,
    /// Client URLs of etcd as this host reaches them.
    pub etcd: Vec<String>,
    /// The login of etcd.
    pub etcd_login: Option<DiscoveredLogin>,
    /// The role to log in to PostgreSQL with.
    pub postgres_login: Option<DiscoveredLogin>,
    /// What else there is to say of that login, by the keys of `[postgres]`: its database, its `sslmode`, places of files.
    pub postgres_settings: BTreeMap<&'static str, String>,
    /// Routers.
    pub routers: Vec<DiscoveredRouter>,
    /// Connection poolers.
    pub poolers: Vec<DiscoveredPooler>,
    /// From addresses that members advertise, `host:port`, to those that this host reaches.
    pub address_map: BTreeMap<String, String>,
    /// Compose services by the member, DCS member or router that they run, for drills.
    pub containers: BTreeMap<String, String>,
    /// What prepares the cluster once.
    pub preparation: Option<DiscoveredPreparation>,
    /// What its data may be expected to say.
    pub assertions: Vec<DiscoveredAssertion>,
    /// The database that they are about.
    pub assertions_in: Option<String>,
    /// What could not be found out, one line each, for comments in the file.
    pub notes: Vec<String>,
}

/// An assertion that is proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscoveredAssertion {
    /// Name.
    pub name: String,
    /// The question.
    pub sql: String,
    /// Its answer at present.
    pub expect: u64,
    /// What it is about.
    pub subject: AssertionSubject,
}

/// What a proposed assertion is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AssertionSubject {
    /// Tables of a schema.
    Tables,
    /// Views of a schema.
    Views,
    /// Extensions of the database.
    Extensions,
    /// Rows of a table.
    Rows,
}

impl AssertionSubject {
    /// Every one, with the word for it.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Tables, "on tables"),
        (Self::Views, "on views"),
        (Self::Extensions, "on extensions"),
        (Self::Rows, "on rows of small tables"),
    ];
}

/// What prepares a cluster once, and ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiscoveredPreparation {
    /// Container, or compose service.
    pub container: String,
    /// The role that it makes, where its environment tells.
    pub user: Option<String>,
    /// The database that it makes, where its environment tells.
    pub database: Option<String>,
}

/// A login, without its password.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiscoveredLogin {
    /// User.
    pub user: String,
    /// Where the password is, as far as that is known.
    pub password: Option<SecretSource>,
    /// What to know about it, one line each.
    pub remarks: Vec<String>,
}

/// A router.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiscoveredRouter {
    /// Name.
    pub name: String,
    /// URL of its statistics page.
    pub stats: Option<String>,
    /// Login of that page.
    pub login: Option<DiscoveredLogin>,
    /// Runtime API, `host:port`.
    pub runtime: Option<String>,
    /// Other places where a runtime API may be, of which nobody has asked yet.
    pub runtime_perhaps: Vec<String>,
    /// Runtime API at level admin, `host:port`.
    pub acting_runtime: Option<String>,
    /// Backends that lead to the leader, by their names and by what they lead to.
    pub write_backends: Vec<String>,
    /// Where clients reach the leader through it, `host:port`.
    pub write_address: Option<String>,
    /// Where clients reach the replicas through it, `host:port`.
    pub read_address: Option<String>,
    /// What to know about it, one line each.
    pub remarks: Vec<String>,
    /// Why it may be another cluster's; it is then written as a comment only.
    pub doubt: Option<String>,
}

/// A connection pooler.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiscoveredPooler {
    /// Name.
    pub name: String,
    /// Its admin console, `host:port`; `None`: this host does not reach it.
    pub address: Option<String>,
    /// Login of the admin console.
    pub login: Option<DiscoveredLogin>,
    /// Databases that its own file names.
    pub databases: Vec<String>,
    /// What to know about it, one line each.
    pub remarks: Vec<String>,
}

/// A member as it advertises itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiscoveredMember {
    /// Name.
    pub name: String,
    /// Base URL of its agent as advertised, without path; `None` where it advertises none.
    pub api_url: Option<String>,
    /// Host of its PostgreSQL as advertised.
    pub host: Option<String>,
    /// Port of its PostgreSQL.
    pub port: Option<u16>,
    /// Whether its agent answers at the advertised URL from this host.
    pub reach: Reach,
    /// Base URL of its agent as this host reaches it, where that is known to differ from the advertised one.
    pub rest: Option<String>,
    /// Its PostgreSQL as this host reaches it, where that is known to differ.
    pub postgres: Option<(String, u16)>,
    /// URL of its exporter.
    pub exporter: Option<String>,
    /// What to know about it, one line each.
    pub remarks: Vec<String>,
}

/// Whether an advertised address works from this host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// It was not tried.
    #[default]
    Untried,
    /// The member itself answered there.
    Answers,
    /// It did not, for this reason: an override is needed.
    Fails(String),
}
