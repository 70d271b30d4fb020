//! libpq's conventions, so that whatever works for `psql` works here: environment, service file, password file,
//! `sslmode` and the files of `~/.postgresql`.
//!
//! An explicit setting wins over the service file, that over the environment, that over the default. What a server
//! answers is not known here; nothing is sent anywhere.

mod access;
mod auth;
pub mod dsn;
mod keyword;
pub mod passfile;
mod password;
pub mod service;

pub use access::{AccessProblem, ExplicitSettings, LoginUse, access};
pub use auth::{AuthMethod, AuthPolicy, ChannelBinding};
pub use password::{PasswordLookup, PasswordOrigin, password};
