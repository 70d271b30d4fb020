//! etcd as Patroni uses it: the cluster's record by watch, each member's health, and what `doctor` and discovery ask.

mod check;
mod content;
mod member;
mod record;
mod scopes;
#[cfg(test)]
mod tests;

pub use check::EtcdCheck;
pub use member::EtcdMemberHealth;
pub use record::EtcdRecord;
pub use scopes::find_scopes;

use crate::client::etcd::{EndpointName, EtcdError, Kind};
use crate::config::endpoint::EtcdEndpoints;
use crate::model::source::{SourceError, Trouble};

fn source_error(error: &EtcdError) -> SourceError {
    SourceError::new(trouble(error.kind), &error.endpoint, &error.detail)
}

fn trouble(kind: Kind) -> Trouble {
    match kind {
        Kind::Refused => Trouble::Refused,
        Kind::TimedOut => Trouble::TimedOut,
        Kind::Name => Trouble::Name,
        Kind::Unreachable => Trouble::Unreachable,
        Kind::Tls => Trouble::Tls,
        Kind::Credentials => Trouble::Credentials,
        Kind::Permission => Trouble::Permission,
        Kind::Closed => Trouble::Closed,
        Kind::Unexpected | Kind::Compacted => Trouble::UnexpectedAnswer,
        Kind::TooLarge => Trouble::TooLarge,
        Kind::NoQuorum => Trouble::NoQuorum,
        Kind::Unsupported => Trouble::Unsupported,
        Kind::NotReady => Trouble::NotReady,
    }
}

/// The settings for each endpoint alone, with its name for messages.
fn alone(endpoints: &EtcdEndpoints) -> impl Iterator<Item = (String, EtcdEndpoints)> + '_ {
    endpoints.urls.iter().map(|url| {
        let name = EndpointName::parse(url).map_or_else(|_| url.clone(), |name| name.to_string());
        (name, EtcdEndpoints { urls: vec![url.clone()], ..endpoints.clone() })
    })
}
