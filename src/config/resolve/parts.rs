//! The parts of a cluster: agents, PostgreSQL, routers, nodes, exporters.

use std::collections::BTreeSet;

use super::super::address::HostPort;
use super::super::audience::Audience;
use super::super::endpoint::{HttpEndpoint, PostgresAccess, Timeouts};
use super::super::libpq;
use super::super::resolved::{
    ExporterSettings, NodeSettings, POSTGRES_PORT, PatroniSettings, PostgresSettings, RouterSettings,
};
use super::super::value::{SqlAddress, url_text};
use super::super::written::{
    WrittenActing, WrittenExporters, WrittenNode, WrittenPatroni, WrittenPostgres, WrittenRouter,
};
use super::Resolver;
use crate::model::name::RouterName;

impl Resolver<'_> {
    pub(super) fn patroni(
        &mut self,
        at: &str,
        written: Option<&WrittenPatroni>,
        timeouts: Timeouts,
    ) -> PatroniSettings {
        let Some(written) = written else { return PatroniSettings { metrics: true, timeouts, ..Default::default() } };
        PatroniSettings {
            seeds: written.urls.iter().map(|url| url_text(&url.0)).collect(),
            metrics: written.metrics.unwrap_or(true),
            looking: written
                .looking
                .as_ref()
                .and_then(|account| self.login(&format!("{at}.looking"), &account.login())),
            acting: self.login(at, &written.login()),
            tls: self.tls(at, &written.tls()),
            timeouts,
        }
    }

    pub(super) fn postgres(
        &mut self,
        at: &str,
        written: &WrittenPostgres,
        timeouts: Timeouts,
    ) -> Option<PostgresSettings> {
        let tls = self.tls(at, &written.tls());
        if tls.insecure {
            self.report_problem(
                &format!("{at}.insecure"),
                "use sslmode for PostgreSQL",
                "use sslmode = \"require\" for TLS without verification",
            );
        }
        let explicit = libpq::ExplicitSettings {
            user: written.login().user,
            database: written.database.clone(),
            password: self.secret(at, &written.login()),
            passfile: written.passfile.as_ref().map(|path| self.file(path)),
            service: written.service.clone(),
            sslmode: written.sslmode,
            require_auth: written.require_auth.clone(),
            channel_binding: written.channel_binding.clone(),
            purpose: libpq::LoginUse::Looking,
            ca: tls.ca,
            certificate: tls.certificate,
            key: tls.key,
            server_name: tls.server_name,
            timeouts,
        };
        let acting = written.acting.as_ref().and_then(|acting| {
            let at = format!("{at}.acting");
            let explicit = self.acting(&at, acting, &explicit);
            self.access(&at, &explicit)
        });
        Some(PostgresSettings { looking: self.access(at, &explicit)?, acting })
    }

    /// Acting differs from looking in who logs in, to which database and by which methods, never in how the server is
    /// verified.
    pub(super) fn acting(
        &mut self,
        at: &str,
        written: &WrittenActing,
        looking: &libpq::ExplicitSettings,
    ) -> libpq::ExplicitSettings {
        let login = written.login();
        if login.user.is_none() && written.service.is_none() {
            self.report_problem(&format!("{at}.user"), "is missing", "set the role for acting: user = \"...\"");
        }
        libpq::ExplicitSettings {
            password: self.secret(at, &login),
            user: login.user,
            database: written.database.clone().or_else(|| looking.database.clone()),
            passfile: written.passfile.as_ref().map(|path| self.file(path)).or_else(|| looking.passfile.clone()),
            service: written.service.clone(),
            // What may be asked of the one is not thereby asked of the other.
            require_auth: written.require_auth.clone(),
            purpose: libpq::LoginUse::Acting,
            ..looking.clone()
        }
    }

    pub(super) fn access(&mut self, at: &str, explicit: &libpq::ExplicitSettings) -> Option<PostgresAccess> {
        match libpq::access(explicit, self.environment) {
            Ok((access, warnings)) => {
                self.warnings.extend(warnings.into_iter().map(|warning| format!("{at}: {warning}")));
                Some(access)
            }
            Err(problem) => {
                self.report_problem(&format!("{at}.{}", problem.key), problem.problem, problem.remedy);
                None
            }
        }
    }

    pub(super) fn routers(&mut self, at: &str, written: &[WrittenRouter], timeouts: Timeouts) -> Vec<RouterSettings> {
        let place = |address: &SqlAddress| (address.0.clone(), address.1);
        let mut seen = BTreeSet::new();
        let single = written.len() == 1;
        let mut routers = Vec::new();
        for (index, router) in written.iter().enumerate() {
            let at = format!("{at}.routers[{index}]");
            let name = match &router.name {
                Some(name) => name.clone(),
                None if single => "router".to_owned(),
                None => {
                    self.report_problem(&at, "this router has no name", "set name = \"...\" for each router");
                    continue;
                }
            };
            if !seen.insert(name.clone()) {
                self.report_problem(
                    &format!("{at}.name"),
                    format!("two routers are called `{name}`"),
                    "give each a unique name",
                );
            }
            if router.stats.is_none() && router.runtime.is_none() {
                self.report_problem(
                    &at,
                    format!("no address of router `{name}` is configured"),
                    "set stats = \"http://host:7000/;csv\" or runtime = \"tcp:host:9999\"",
                );
            }
            let login = self.login(&at, &router.login());
            let tls = self.tls(&at, &router.tls());
            let stats = router.stats.as_ref();
            routers.push(RouterSettings {
                name: RouterName::new(name),
                stats: stats.map(|url| HttpEndpoint {
                    url: url_text(&url.0),
                    login,
                    audience: Audience::Named,
                    tls,
                    timeouts,
                }),
                runtime: router.runtime.as_ref().map(|runtime| runtime.0.clone()),
                acting_runtime: router
                    .acting
                    .as_ref()
                    .and_then(|acting| acting.runtime.as_ref())
                    .map(|runtime| runtime.0.clone()),
                write_backends: router.write_backends.clone(),
                read_backends: router.read_backends.clone(),
                write_address: router.write_address.as_ref().map(place),
                read_address: router.read_address.as_ref().map(place),
                timeouts,
            });
        }
        routers
    }

    pub(super) fn node(&mut self, at: &str, written: &WrittenNode) -> NodeSettings {
        let host = written.host.as_ref().and_then(|text| {
            if let Some(HostPort { host, port: None }) = HostPort::parse(text) {
                return Some(host);
            }
            let remedy = "use a host without port; ports stay as advertised";
            self.report_problem(&format!("{at}.host"), format!("`{text}` is not a host"), remedy);
            None
        });
        NodeSettings {
            host,
            rest: written.rest.as_ref().map(|url| url_text(&url.0)),
            postgres: written
                .postgres
                .as_ref()
                .map(|address| (address.0.host.clone(), address.0.port.unwrap_or(POSTGRES_PORT))),
            exporter: written.exporter.as_ref().map(|url| url_text(&url.0)),
            server_name: written.server_name.clone(),
        }
    }

    pub(super) fn exporters(
        &mut self,
        at: &str,
        written: Option<&WrittenExporters>,
        timeouts: Timeouts,
    ) -> ExporterSettings {
        let default = WrittenExporters::default();
        let enabled = written.map(|written| written.enabled.unwrap_or(true));
        let written = written.unwrap_or(&default);
        let scheme = written.scheme.clone().unwrap_or_else(|| "http".to_owned());
        if !matches!(scheme.as_str(), "http" | "https") {
            self.report_problem(
                &format!("{at}.scheme"),
                format!("`{scheme}` is not a scheme"),
                "use \"http\" or \"https\"",
            );
        }
        let path = written.path.clone().unwrap_or_else(|| "/metrics".to_owned());
        ExporterSettings {
            enabled: enabled.unwrap_or(false),
            scheme,
            port: written.postgres_port.unwrap_or(9187),
            path: if path.starts_with('/') { path } else { format!("/{path}") },
            login: self.login(at, &written.login()),
            tls: self.tls(at, &written.tls()),
            timeouts,
        }
    }
}
