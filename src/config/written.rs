//! The configuration file as it is written. Nothing here decides anything: absent stays absent, and an unknown key is
//! an error. Passwords cannot be written, only where they are.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::endpoint::SslMode;
use super::value::{Colour, HostAndPort, HttpUrl, KeepTime, LongSpan, Runtime, Size, Span, SqlAddress};

/// The keys of a user with the place of their password.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenLogin {
    pub(super) user: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    pub(super) password_command: Option<Vec<String>>,
}

/// The keys of TLS towards one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenTls {
    pub(super) ca: Option<Paths>,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) insecure: Option<bool>,
}

/// One path or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a path in quotes, or a list of paths")]
pub(super) enum Paths {
    One(String),
    Several(Vec<String>),
}

/// A table of the file with the keys of a login beside its own, and those of TLS where `with tls` says so. Serde cannot
/// flatten a struct and refuse unknown keys at once, so the shared keys are written into each table from here.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident with login { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $($(#[$of])* pub(super) $field: $type,)*
            pub(super) user: Option<String>,
            pub(super) password_file: Option<String>,
            pub(super) password_env: Option<String>,
            pub(super) password_command: Option<Vec<String>>,
        }

        impl $name {
            pub(super) fn login(&self) -> WrittenLogin {
                WrittenLogin {
                    user: self.user.clone(),
                    password_file: self.password_file.clone(),
                    password_env: self.password_env.clone(),
                    password_command: self.password_command.clone(),
                }
            }
        }
    };
    ($(#[$meta:meta])* $name:ident with login and tls { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        table! {
            $(#[$meta])* $name with login {
                $($(#[$of])* $field: $type,)*
                ca: Option<Paths>,
                certificate: Option<String>,
                key: Option<String>,
                server_name: Option<String>,
                insecure: Option<bool>,
            }
        }

        impl $name {
            pub(super) fn tls(&self) -> WrittenTls {
                WrittenTls {
                    ca: self.ca.clone(),
                    certificate: self.certificate.clone(),
                    key: self.key.clone(),
                    server_name: self.server_name.clone(),
                    insecure: self.insecure,
                }
            }
        }
    };
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    pub(super) interval: Option<Span>,
    pub(super) read_only: Option<bool>,
    pub(super) theme: Option<String>,
    pub(super) mouse: Option<bool>,
    pub(super) symbols: Option<super::resolved::Symbols>,
    pub(super) timeouts: WrittenTimeouts,
    pub(super) wall: WrittenWall,
    pub(super) retention: WrittenRetention,
    pub(super) clusters: BTreeMap<String, WrittenCluster>,
}

/// `[wall]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenWall {
    pub(super) page: Option<Span>,
    pub(super) bell: Option<bool>,
    pub(super) notify: Option<bool>,
    pub(super) hook: Option<Vec<String>>,
    pub(super) hook_pause: Option<Span>,
}

/// `[retention]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenRetention {
    pub(super) jobs: Option<KeepTime>,
    pub(super) drill_reports: Option<KeepTime>,
}

/// `[timeouts]`, of all clusters or of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenTimeouts {
    pub(super) connect: Option<Span>,
    pub(super) request: Option<Span>,
}

/// `[clusters.NAME]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenCluster {
    pub(super) colour: Option<Colour>,
    pub(super) protected: Option<bool>,
    pub(super) read_only: Option<bool>,
    pub(super) scope: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) interval: Option<Span>,
    pub(super) patroni: Option<WrittenPatroni>,
    pub(super) etcd: Option<WrittenEtcd>,
    pub(super) postgres: Option<WrittenPostgres>,
    pub(super) routers: Vec<WrittenRouter>,
    pub(super) poolers: BTreeMap<String, WrittenPooler>,
    pub(super) nodes: BTreeMap<String, WrittenNode>,
    pub(super) exporters: Option<WrittenExporters>,
    pub(super) address_map: BTreeMap<String, String>,
    pub(super) allowed_networks: Vec<String>,
    pub(super) timeouts: WrittenTimeouts,
    pub(super) thresholds: WrittenThresholds,
    pub(super) preparation: Option<WrittenPreparation>,
    pub(super) drills: Option<WrittenDrills>,
    pub(super) assertions: BTreeMap<String, WrittenAssertion>,
}

/// `[clusters.NAME.assertions.ASSERTION]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenAssertion {
    pub(super) sql: Option<String>,
    pub(super) expect: Option<WrittenValue>,
    pub(super) rows: Option<u64>,
    pub(super) database: Option<String>,
    pub(super) standbys: Option<bool>,
    pub(super) timeout: Option<Span>,
    pub(super) hide: Option<bool>,
}

/// One value of SQL, as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a string in quotes, a whole number, true or false")]
pub(super) enum WrittenValue {
    Truth(bool),
    Number(i64),
    Text(String),
}

/// `[clusters.NAME.preparation]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenPreparation {
    pub(super) container: Option<String>,
    pub(super) user: Option<String>,
    pub(super) database: Option<String>,
    pub(super) engine: Option<String>,
    pub(super) project: Option<String>,
}

table! {
    /// `[clusters.NAME.drills]`. The login is the probe's; none: the one for acting.
    WrittenDrills with login {
        enabled: Option<bool>,
        target: Option<Span>,
        hold: Option<Span>,
        database: Option<String>,
        engine: Option<String>,
        project: Option<String>,
        watchdog: Option<bool>,
        containers: BTreeMap<String, String>,
        faults: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    }
}

table! {
    /// A login alone.
    WrittenAccount with login {}
}

table! {
    /// `[clusters.NAME.patroni]`. The login is the one for acting; Patroni asks for none where it only tells.
    WrittenPatroni with login and tls {
        urls: Vec<HttpUrl>,
        looking: Option<WrittenAccount>,
        metrics: Option<bool>,
    }
}

table! {
    /// `[clusters.NAME.etcd]`.
    WrittenEtcd with login and tls {
        endpoints: Vec<HttpUrl>,
        write_config: Option<bool>,
    }
}

table! {
    /// `[clusters.NAME.postgres]`.
    WrittenPostgres with login and tls {
        database: Option<String>,
        sslmode: Option<SslMode>,
        require_auth: Option<String>,
        channel_binding: Option<String>,
        passfile: Option<String>,
        service: Option<String>,
        acting: Option<WrittenActing>,
    }
}

table! {
    /// `[clusters.NAME.postgres.acting]`.
    WrittenActing with login {
        database: Option<String>,
        require_auth: Option<String>,
        passfile: Option<String>,
        service: Option<String>,
    }
}

table! {
    /// `[[clusters.NAME.routers]]`.
    WrittenRouter with login and tls {
        name: Option<String>,
        stats: Option<HttpUrl>,
        runtime: Option<Runtime>,
        write_backends: Vec<String>,
        read_backends: Vec<String>,
        write_address: Option<SqlAddress>,
        read_address: Option<SqlAddress>,
        acting: Option<WrittenRouterActing>,
    }
}

table! {
    /// `[clusters.NAME.poolers.POOLER]`. The login is one of `admin_users` or `stats_users`.
    WrittenPooler with login and tls {
        address: Option<HostAndPort>,
        socket: Option<String>,
        databases: Vec<String>,
        repoint: Vec<String>,
        acting: Option<WrittenActing>,
        sslmode: Option<SslMode>,
        require_auth: Option<String>,
        channel_binding: Option<String>,
        passfile: Option<String>,
    }
}

/// `[clusters.NAME.routers.acting]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenRouterActing {
    pub(super) runtime: Option<Runtime>,
}

/// `[clusters.NAME.nodes.NODE]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenNode {
    pub(super) host: Option<String>,
    pub(super) rest: Option<HttpUrl>,
    pub(super) postgres: Option<HostAndPort>,
    pub(super) exporter: Option<HttpUrl>,
    pub(super) server_name: Option<String>,
}

table! {
    /// `[clusters.NAME.exporters]`.
    WrittenExporters with login and tls {
        enabled: Option<bool>,
        scheme: Option<String>,
        postgres_port: Option<u16>,
        path: Option<String>,
    }
}

/// One threshold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLimits<T> {
    pub(super) warning: Option<T>,
    pub(super) critical: Option<T>,
}

impl<T> Default for WrittenLimits<T> {
    fn default() -> Self {
        Self { warning: None, critical: None }
    }
}

/// `[clusters.NAME.thresholds]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenThresholds {
    pub(super) lag_bytes: WrittenLimits<Size>,
    pub(super) lag_time: WrittenLimits<LongSpan>,
    pub(super) slot_retained: WrittenLimits<Size>,
    pub(super) connections_percent: WrittenLimits<u64>,
    pub(super) transaction_age: WrittenLimits<LongSpan>,
    pub(super) blocked_age: WrittenLimits<Span>,
    pub(super) xid_percent: WrittenLimits<u64>,
    pub(super) archive_ready: WrittenLimits<u64>,
    pub(super) dcs_quota_percent: WrittenLimits<u64>,
    pub(super) clock_offset: WrittenLimits<Span>,
    pub(super) certificate_days: WrittenLimits<u64>,
    pub(super) settle: Option<Span>,
}
