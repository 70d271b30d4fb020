//! The configuration: as written, then as resolved. Knows files, environment and libpq's conventions; knows no network
//! and no screen. Secrets are described here ([`endpoint::SecretSource`]) and fetched by a client when needed.

pub mod discovered;
pub mod endpoint;
