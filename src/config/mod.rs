//! The configuration: as written, then as resolved. Knows files, environment and libpq's conventions; knows no network
//! and no screen. Secrets are described here ([`endpoint::SecretSource`]) and fetched by a client when needed.

pub mod address;
pub mod audience;
pub mod compose;
pub mod discovered;
pub mod endpoint;
pub mod environment;
pub mod error;
pub mod libpq;
mod load;
mod locate;
mod resolve;
pub mod resolved;
mod value;
pub mod write_file;
mod written;

pub use environment::Environment;
pub use error::ConfigError;
pub use load::{Flags, default_path, from_text, load};
pub use resolved::{ClusterSettings, Settings, UiSettings};
pub use value::{duration, long_duration};

#[cfg(test)]
mod tests;
