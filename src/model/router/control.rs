//! By what the state of a server is decided: its own check, and whoever keeps it from traffic.

use serde::Serialize;

use super::super::text::Text;

/// What keeps a server from traffic, whatever its check says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminState {
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
pub enum CheckState {
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
pub struct ServerAdminState {
    /// It runs, as far as its health goes.
    #[serde(rename = "running")]
    pub is_running: bool,
    /// What keeps it from traffic.
    #[serde(rename = "hold")]
    pub admin_state: AdminState,
    /// Its own check.
    pub check: CheckState,
    /// An agent on the server has a say too.
    #[serde(rename = "agent")]
    pub has_agent_check: bool,
}

/// Who keeps a server from traffic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBy {
    /// A command on the runtime API or the statistics page.
    Hand,
    /// `disabled` in the router's configuration.
    Configuration,
    /// The resolver: the server's name has no address.
    Resolver,
    /// Another server whose state it takes over, as HAProxy names it.
    Server(Text),
    /// The agent on the server.
    Agent,
    /// Its weight is 0.
    Weight,
    /// Somebody; the router does not tell who.
    Unknown,
}

impl HeldBy {
    /// In words, behind the state that it explains.
    pub fn describe(&self) -> String {
        match self {
            Self::Hand => "manually set".to_owned(),
            Self::Configuration => "disabled in the configuration".to_owned(),
            Self::Resolver => "its name does not resolve".to_owned(),
            Self::Server(server) => format!("tracks {server}"),
            Self::Agent => "set by its agent check".to_owned(),
            Self::Weight => "weight 0".to_owned(),
            Self::Unknown => "set manually, by configuration or by agent: the router does not say which".to_owned(),
        }
    }

    /// How it ends.
    pub fn ends(&self) -> &'static str {
        match self {
            Self::Hand | Self::Unknown => {
                "set it to READY when the maintenance is done; only a command or a reload does that"
            }
            Self::Configuration => "set it to READY, or remove `disabled` from the configuration",
            Self::Resolver => "it returns once its name resolves: check the name and the router's nameservers",
            Self::Server(_) => "it returns together with the server it tracks",
            Self::Agent => "it is up again when its agent check reports up",
            Self::Weight => "set its weight, or set it to READY",
        }
    }
}

/// Why no new connection reaches a server that is up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bypass {
    /// Its backend is unpublished (HAProxy 3.4): no frontend leads there.
    Unpublished,
    /// Its weight is 0.
    Weightless,
    /// It is a backup, and others serve.
    Spare,
}

impl Bypass {
    /// The word behind the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unpublished => "backend unpublished",
            Self::Weightless => "weight 0",
            Self::Spare => "backup",
        }
    }
}
