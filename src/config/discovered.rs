//! What discovery found, from which `init` writes a configuration. Data only.

/// A cluster as one of its agents describes it.
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
    /// What could not be found out, one line each, for comments in the file.
    pub notes: Vec<String>,
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
