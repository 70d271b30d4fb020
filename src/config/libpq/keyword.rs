//! libpq's connection keywords that mean something here, with their environment variables.

use super::super::environment::Environment;
use super::service::Service;

/// A keyword of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keyword {
    Dbname,
    User,
    Password,
    Passfile,
    Sslmode,
    Sslrootcert,
    Sslcert,
    Sslkey,
    ChannelBinding,
    RequireAuth,
    // The rest tighten a connection in ways that cannot be kept here, and are warned about.
    Sslcrl,
    SslCrlDirectory,
    SslLeastVersion,
    GssEncMode,
}

impl Keyword {
    /// As written in a service file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Dbname => "dbname",
            Self::User => "user",
            Self::Password => "password",
            Self::Passfile => "passfile",
            Self::Sslmode => "sslmode",
            Self::Sslrootcert => "sslrootcert",
            Self::Sslcert => "sslcert",
            Self::Sslkey => "sslkey",
            Self::Sslcrl => "sslcrl",
            Self::SslCrlDirectory => "sslcrldir",
            Self::SslLeastVersion => "ssl_min_protocol_version",
            Self::ChannelBinding => "channel_binding",
            Self::RequireAuth => "require_auth",
            Self::GssEncMode => "gssencmode",
        }
    }

    /// Its environment variable.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Dbname => "PGDATABASE",
            Self::User => "PGUSER",
            Self::Password => "PGPASSWORD",
            Self::Passfile => "PGPASSFILE",
            Self::Sslmode => "PGSSLMODE",
            Self::Sslrootcert => "PGSSLROOTCERT",
            Self::Sslcert => "PGSSLCERT",
            Self::Sslkey => "PGSSLKEY",
            Self::Sslcrl => "PGSSLCRL",
            Self::SslCrlDirectory => "PGSSLCRLDIR",
            Self::SslLeastVersion => "PGSSLMINPROTOCOLVERSION",
            Self::ChannelBinding => "PGCHANNELBINDING",
            Self::RequireAuth => "PGREQUIREAUTH",
            Self::GssEncMode => "PGGSSENCMODE",
        }
    }
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    Explicit,
    Service,
    Environment,
}

/// The layers below the explicit settings.
pub(super) struct Layers<'a> {
    pub(super) service: Option<&'a Service>,
    pub(super) environment: &'a Environment,
}

impl Layers<'_> {
    /// The value in force for `keyword`, and the layer that set it. An empty value counts as none, as in libpq.
    pub(super) fn get(&self, keyword: Keyword, explicit: Option<&str>) -> Option<(String, Origin)> {
        let given = |value: &&str| !value.is_empty();
        if let Some(value) = explicit.filter(given) {
            return Some((value.to_owned(), Origin::Explicit));
        }
        if let Some(value) = self.service.and_then(|service| service.get(keyword.as_str())).filter(given) {
            return Some((value.to_owned(), Origin::Service));
        }
        self.environment.get(keyword.variable()).map(|value| (value.to_owned(), Origin::Environment))
    }
}
