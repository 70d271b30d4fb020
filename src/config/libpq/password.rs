//! Finding a password where libpq would look for one: service file, `PGPASSWORD`, password file.

use std::path::PathBuf;

use secrecy::SecretString;

use super::super::endpoint::PostgresAccess;
use super::super::environment::Environment;
use super::keyword::{Keyword, Layers};
use super::{passfile, service};

/// Where a password was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PasswordOrigin {
    /// In the entry of a service file.
    Service,
    /// In `PGPASSWORD`.
    Environment,
    /// In a password file.
    Passfile(PathBuf),
}

/// The outcome of looking for a password.
#[derive(Debug, Default)]
pub struct PasswordLookup {
    /// The password and where it was; `None`: there is none, which is right for `trust`, `peer` or certificates.
    pub password: Option<(SecretString, PasswordOrigin)>,
    /// A file that was passed over, in a sentence with its remedy.
    pub warning: Option<String>,
}

/// Looks for the password of `access` at `host` and `port`. Settings of the configuration itself
/// ([`PostgresAccess::password`]) come before this and are fetched elsewhere. Reads files: do not call it where waiting
/// hurts.
pub fn password(access: &PostgresAccess, host: &str, port: u16, environment: &Environment) -> PasswordLookup {
    let mut warning = None;
    let service = access.service.as_ref().and_then(|name| match service::find(name, environment) {
        Ok(service) => Some(service),
        Err(error) => {
            warning = Some(error.to_string());
            None
        }
    });
    let from = |secret: &str, origin| Some((SecretString::from(secret), origin));
    if let Some(secret) = service.as_ref().and_then(|service| service.get(Keyword::Password.as_str())) {
        return PasswordLookup { password: from(secret, PasswordOrigin::Service), warning };
    }
    if let Some(secret) = environment.get(Keyword::Password.variable()) {
        return PasswordLookup { password: from(secret, PasswordOrigin::Environment), warning };
    }
    let layers = Layers { service: service.as_ref(), environment };
    let Some(path) = access
        .passfile
        .clone()
        .or_else(|| layers.get(Keyword::Passfile, None).map(|(path, _)| PathBuf::from(path)))
        .or_else(|| passfile::default_path(environment))
    else {
        return PasswordLookup { password: None, warning };
    };
    let target = passfile::Target { host, port, database: &access.database, user: &access.user };
    match passfile::look_up(&path, &target) {
        Ok(secret) => {
            PasswordLookup { password: secret.map(|secret| (secret, PasswordOrigin::Passfile(path))), warning }
        }
        Err(error) => PasswordLookup { password: None, warning: Some(error.to_string()) },
    }
}
