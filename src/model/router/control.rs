//! By what the state of a server is decided: its own check, and whoever keeps it from traffic.

use serde::Serialize;

use super::super::text::Text;

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
    pub fn words(&self) -> String {
        match self {
            Self::Hand => "manually set".to_owned(),
            Self::Configuration => "disabled in the configuration".to_owned(),
            Self::Resolver => "its name does not resolve".to_owned(),
            Self::Server(server) => format!("follows {server}"),
            Self::Agent => "set by its agent".to_owned(),
            Self::Weight => "weight 0".to_owned(),
            Self::Unknown => "set by hand, configuration or agent: the router does not tell".to_owned(),
        }
    }

    /// How it ends.
    pub fn ends(&self) -> &'static str {
        match self {
            Self::Hand | Self::Unknown => "set it ready when the work is done; only a command or a reload ends it",
            Self::Configuration => "set it ready, or drop `disabled` from the configuration",
            Self::Resolver => "it comes back once its name resolves: look at the router's nameservers and at the name",
            Self::Server(_) => "it comes back with the server that it follows",
            Self::Agent => "it comes back when its agent says so",
            Self::Weight => "set its weight, or set it ready",
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
    pub fn word(self) -> &'static str {
        match self {
            Self::Unpublished => "backend unpublished",
            Self::Weightless => "weight 0",
            Self::Spare => "backup",
        }
    }
}
