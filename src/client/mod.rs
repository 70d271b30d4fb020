//! Clients: one file a wire. A client speaks a protocol and returns what came over it as wire types, bounded in time
//! and in size, with errors that tell the causes apart. It knows endpoints, TLS and secrets from the configuration;
//! it knows no cluster, no model, no observer and no screen, and it cleans nothing: that is the drivers' border.

pub mod cause;
pub mod certificate;
pub mod descriptors;
pub mod docker;
pub mod docker_read;
#[cfg(test)]
pub(crate) mod double;
pub mod etcd;
pub mod haproxy;
pub mod haproxy_runtime;
pub mod haproxy_write;
pub mod http;
pub mod kept_secret;
pub mod lenient;
pub mod logind;
pub mod parallel;
pub mod patroni;
pub mod patroni_write;
pub mod pg_dump;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod published_port;
pub mod resolve;
pub mod secret;
pub mod sending;
pub mod tls;
