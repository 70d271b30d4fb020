//! From what is written to settings: fills in defaults, checks what belongs together, and gathers every mistake with
//! its place.

use std::path::Path;
use std::time::Duration;

use super::address::AddressMap;
use super::endpoint::{EtcdEndpoints, Timeouts};
use super::environment::Environment;
use super::error::{ConfigError, ConfigProblem, SettingLocation};
use super::locate::{Locator, quoted};
use super::resolved::{ClusterSettings, RetentionSettings, Settings, UiSettings, WallSettings};
use super::value::{HttpUrl, MAX_DURATION, duration, http_url, url_text};
use super::written::{
    ConfigFile, WrittenCluster, WrittenEtcd, WrittenPatroni, WrittenPostgres, WrittenRetention, WrittenTimeouts,
};
use crate::model::name::{ClusterName, NodeName};
use crate::model::snapshot::StackKind;

mod assertions;
mod credentials;
mod drills;
mod limits;
mod parts;
mod poolers;
mod preparation;

/// A value from a layer above the file.
pub(super) type LayerValue<T> = Option<(SettingLocation, T)>;

/// Environment and flags: what beats the file.
#[derive(Default)]
pub(super) struct Overrides {
    pub(super) interval: LayerValue<String>,
    pub(super) theme: LayerValue<String>,
    pub(super) read_only: LayerValue<String>,
    pub(super) patroni: LayerValue<Vec<String>>,
    pub(super) etcd: LayerValue<Vec<String>>,
    pub(super) scope: LayerValue<String>,
    pub(super) namespace: LayerValue<String>,
}

/// Below this a cluster would be asked more often than its REST interface bears.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

pub(super) struct Resolver<'a> {
    path: &'a Path,
    locator: Option<&'a Locator<'a>>,
    pub(super) environment: &'a Environment,
    problems: Vec<ConfigProblem>,
    warnings: Vec<String>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(path: &'a Path, locator: Option<&'a Locator<'a>>, environment: &'a Environment) -> Self {
        Self { path, locator, environment, problems: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn settings(mut self, written: &ConfigFile, over: Overrides) -> Result<Settings, ConfigError> {
        let interval = written.interval.map_or(Duration::from_secs(1), |span| span.0);
        self.check_interval("interval", interval);
        let forced = over.interval.and_then(|(place, text)| self.forced_interval(place, &text));
        let read_only = self.forced_switch(over.read_only).unwrap_or(written.read_only.unwrap_or(false));
        let timeouts = timeouts(&written.timeouts, Timeouts::default());

        let from_flags = self.without_file((over.patroni, over.etcd), over.scope, over.namespace);
        if from_flags.is_some() && !self.problems.is_empty() {
            return Err(ConfigError::Wrong(self.problems));
        }
        let clusters: Vec<_> = if let Some((name, cluster)) = &from_flags {
            // Nothing of the file is in it: what is wrong is not to be looked for there.
            self.locator = None;
            vec![self.cluster(name, cluster, interval, timeouts)]
        } else {
            let each = written.clusters.iter();
            each.map(|(name, cluster)| self.cluster(name, cluster, interval, timeouts)).collect()
        };
        if clusters.is_empty() && from_flags.is_none() && self.problems.is_empty() {
            self.report_problem("clusters", "no cluster is configured", "add a table [clusters.NAME]");
        }
        let clusters = clusters
            .into_iter()
            .map(|cluster| ClusterSettings {
                read_only: cluster.read_only || read_only,
                interval: forced.unwrap_or(cluster.interval),
                ..cluster
            })
            .collect();
        let ui = ui(written, over.theme.map(|(_, theme)| theme));
        if !self.problems.is_empty() {
            return Err(ConfigError::Wrong(self.problems));
        }
        let path = self.locator.map(|_| self.path.to_owned());
        let retention = retention(&written.retention);
        Ok(Settings { clusters, ui, retention, path, warnings: self.warnings })
    }

    /// The one cluster of a start by `--patroni` or `--etcd`; the clusters of the file are then left aside.
    fn without_file(
        &mut self,
        (patroni, etcd): (LayerValue<Vec<String>>, LayerValue<Vec<String>>),
        scope: LayerValue<String>,
        namespace: LayerValue<String>,
    ) -> Option<(String, WrittenCluster)> {
        if patroni.is_none() && etcd.is_none() {
            return None;
        }
        let mut urls = |given: LayerValue<Vec<String>>| -> Vec<HttpUrl> {
            let (place, list) = given.unwrap_or((SettingLocation::Flag(String::new()), Vec::new()));
            let read = list.iter().filter_map(|text| match http_url(text) {
                Ok(url) => Some(HttpUrl(url)),
                Err(problem) => {
                    let (problem, remedy) = halves(&problem);
                    self.problems.push(ConfigProblem { location: place.clone(), key: String::new(), problem, remedy });
                    None
                }
            });
            read.collect()
        };
        let (patroni, etcd) = (urls(patroni), urls(etcd));
        let scope = scope.map(|(_, scope)| scope);
        let host = patroni.first().or(etcd.first()).and_then(|url| url.0.host_str()).unwrap_or("cluster");
        let name = scope.clone().unwrap_or_else(|| host.to_owned());
        // Logging in under the operator's own name, unasked, would fill the server's log with refusals.
        let asked = ["PGUSER", "PGSERVICE"].iter().any(|name| self.environment.get(name).is_some());
        if !asked {
            self.warnings.push(
                "PostgreSQL itself is not queried; set PGUSER or PGSERVICE, or create a file with `pgctl-tui init`"
                    .to_owned(),
            );
        }
        let cluster = WrittenCluster {
            scope,
            namespace: namespace.map(|(_, namespace)| namespace),
            patroni: (!patroni.is_empty()).then(|| WrittenPatroni { urls: patroni, ..WrittenPatroni::default() }),
            etcd: (!etcd.is_empty()).then(|| WrittenEtcd { endpoints: etcd, ..WrittenEtcd::default() }),
            postgres: asked.then(WrittenPostgres::default),
            ..WrittenCluster::default()
        };
        Some((name, cluster))
    }

    fn cluster(
        &mut self,
        name: &str,
        written: &WrittenCluster,
        interval: Duration,
        outer: Timeouts,
    ) -> ClusterSettings {
        let at = format!("clusters.{}", quoted(name));
        if name.trim().is_empty() || ClusterName::new(name) != *name {
            self.report_problem(
                &at,
                "a cluster name cannot be empty or contain control characters",
                "use a plain name",
            );
        }
        let timeouts = timeouts(&written.timeouts, outer);
        if let Some(span) = written.interval {
            self.check_interval(&format!("{at}.interval"), span.0);
        }
        self.check_sources(&at, written);
        let mut address_map = AddressMap::default();
        for (from, to) in &written.address_map {
            if let Err(problem) = address_map.insert(from, to) {
                let (problem, remedy) = halves(&problem);
                self.report_problem(&format!("{at}.address_map.{}", quoted(from)), problem, remedy);
            }
        }
        let postgres = written.postgres.as_ref();
        let postgres = postgres.and_then(|postgres| self.postgres(&format!("{at}.postgres"), postgres, timeouts));
        ClusterSettings {
            name: ClusterName::new(name),
            colour: written.colour.as_ref().map(|colour| colour.0.clone()),
            protected: written.protected.unwrap_or(false),
            read_only: written.read_only.unwrap_or(false),
            interval: written.interval.map_or(interval, |span| span.0),
            stack: stack(written),
            scope: written.scope.as_ref().map(|scope| scope.trim_matches('/').to_owned()),
            namespace: namespace(written.namespace.as_deref()),
            namespace_is_assumed: written.namespace.is_none(),
            is_from_flags: self.locator.is_none(),
            patroni: self.patroni(&format!("{at}.patroni"), written.patroni.as_ref(), timeouts),
            etcd: written.etcd.as_ref().map(|etcd| {
                let at = format!("{at}.etcd");
                if etcd.endpoints.is_empty() {
                    self.report_problem(
                        &format!("{at}.endpoints"),
                        "none is given",
                        "set endpoints = [\"http://host:2379\"]",
                    );
                }
                EtcdEndpoints {
                    urls: etcd.endpoints.iter().map(|url| url_text(&url.0)).collect(),
                    login: self.login(&at, &etcd.login()),
                    tls: self.tls(&at, &etcd.tls()),
                    timeouts,
                }
            }),
            etcd_writes_config: written.etcd.as_ref().and_then(|etcd| etcd.write_config).unwrap_or(false),
            preparation: self.preparation(&at, written),
            drills: self.drills(
                &at,
                written,
                postgres.as_ref().and_then(|postgres| postgres.acting.as_ref()),
                timeouts,
            ),
            assertions: self.assertions(&at, written, postgres.as_ref().map(|postgres| &postgres.looking)),
            postgres,
            routers: self.routers(&at, &written.routers, timeouts),
            poolers: self.poolers(&at, &written.poolers, timeouts),
            nodes: written
                .nodes
                .iter()
                .map(|(name, node)| (NodeName::new(name), self.node(&format!("{at}.nodes.{}", quoted(name)), node)))
                .collect(),
            exporters: self.exporters(&format!("{at}.exporters"), written.exporters.as_ref(), timeouts),
            address_map,
            allowed_networks: self.networks(&format!("{at}.allowed_networks"), &written.allowed_networks),
            timeouts,
            thresholds: self.thresholds(&format!("{at}.thresholds"), &written.thresholds),
        }
    }

    /// Something must say where the cluster is, and a scope must be known or learnt.
    fn check_sources(&mut self, at: &str, written: &WrittenCluster) {
        let agents = written.patroni.as_ref().is_some_and(|patroni| !patroni.urls.is_empty())
            || written.nodes.values().any(|node| node.rest.is_some());
        let direct = written.nodes.values().any(|node| node.postgres.is_some() || node.host.is_some());
        if !agents && written.etcd.is_none() && !direct {
            self.report_problem(
                at,
                "no address of this cluster is configured",
                format!("set [{at}.patroni] with urls = [\"http://host:8008\"], or [{at}.etcd] with endpoints"),
            );
        }
        if written.etcd.is_some() && !agents && written.scope.is_none() && self.locator.is_some() {
            self.report_problem(
                &format!("{at}.scope"),
                "the scope is missing",
                "set scope = \"...\" as in patroni.yml, or [patroni] urls to read it from",
            );
        }
        for (key, scope) in [("scope", &written.scope), ("namespace", &written.namespace)] {
            if scope.as_ref().is_some_and(|scope| scope.trim_matches('/').is_empty()) {
                self.report_problem(&format!("{at}.{key}"), "is empty", format!("set the {key} of patroni.yml"));
            }
        }
    }

    fn check_interval(&mut self, at: &str, interval: Duration) {
        if interval < MIN_INTERVAL {
            self.report_problem(at, format!("{interval:?} is too short"), "use \"200ms\" or more; \"1s\" is usual");
        }
    }

    fn forced_interval(&mut self, place: SettingLocation, text: &str) -> Option<Duration> {
        let read = duration(text).and_then(|interval| {
            if interval < MIN_INTERVAL {
                Err(format!("{interval:?} is too short; use \"200ms\" or more"))
            } else if interval > MAX_DURATION {
                Err(format!("{interval:?} is too long; use \"24h\" or less"))
            } else {
                Ok(interval)
            }
        });
        read.map_err(|problem| {
            let (problem, remedy) = halves(&problem);
            self.problems.push(ConfigProblem { location: place, key: String::new(), problem, remedy });
        })
        .ok()
    }

    fn forced_switch(&mut self, given: LayerValue<String>) -> Option<bool> {
        let (place, text) = given?;
        match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => {
                let problem = format!("`{text}` is not true or false");
                let remedy = "use \"true\" or \"false\"".to_owned();
                self.problems.push(ConfigProblem { location: place, key: String::new(), problem, remedy });
                None
            }
        }
    }

    pub(super) fn report_problem(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        let place = match self.locator {
            Some(locator) => SettingLocation::File { path: self.path.to_owned(), line: locator.line_of(key) },
            None => match key.rsplit('.').next() {
                Some("scope") => SettingLocation::Flag("--scope".to_owned()),
                Some("namespace") => SettingLocation::Flag("--namespace".to_owned()),
                _ => SettingLocation::Environment("PG*".to_owned()),
            },
        };
        self.problems.push(ConfigProblem {
            location: place,
            key: key.to_owned(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }
}

/// A refusal of the form "problem; remedy" in its two halves.
fn halves(text: &str) -> (String, String) {
    let (problem, remedy) = text.split_once("; ").unwrap_or((text, ""));
    (problem.to_owned(), remedy.to_owned())
}

fn timeouts(written: &WrittenTimeouts, outer: Timeouts) -> Timeouts {
    Timeouts {
        connect: written.connect.map_or(outer.connect, |span| span.0),
        request: written.request.map_or(outer.request, |span| span.0),
    }
}

fn retention(written: &WrittenRetention) -> RetentionSettings {
    let RetentionSettings { jobs, drill_reports } = RetentionSettings::default();
    RetentionSettings {
        jobs: written.jobs.map_or(jobs, |keep| keep.0),
        drill_reports: written.drill_reports.map_or(drill_reports, |keep| keep.0),
    }
}

/// Patroni joins namespace and scope with slashes and collapses doubled ones; so does this.
fn namespace(written: Option<&str>) -> String {
    let parts: Vec<&str> = written.unwrap_or("service").split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}/", parts.join("/"))
}

fn ui(written: &ConfigFile, theme: Option<String>) -> UiSettings {
    let UiSettings { theme: default_theme, mouse, symbols, wall } = UiSettings::default();
    let WallSettings { page, bell, notify, hook, hook_pause } = wall;
    UiSettings {
        theme: theme.or_else(|| written.theme.clone()).or(default_theme),
        mouse: written.mouse.unwrap_or(mouse),
        symbols: written.symbols.unwrap_or(symbols),
        wall: WallSettings {
            page: written.wall.page.map_or(page, |span| span.0),
            bell: written.wall.bell.unwrap_or(bell),
            notify: written.wall.notify.unwrap_or(notify),
            hook: written.wall.hook.clone().unwrap_or(hook),
            hook_pause: written.wall.hook_pause.map_or(hook_pause, |span| span.0),
        },
    }
}

/// Which kind of stack a cluster is. Whatever names Patroni makes it Patroni's; nodes alone are plain streaming replication.
fn stack(written: &WrittenCluster) -> StackKind {
    let names_patroni = written.patroni.is_some()
        || written.etcd.is_some()
        || written.scope.is_some()
        || written.namespace.is_some()
        || written.nodes.values().any(|node| node.rest.is_some());
    if names_patroni || written.nodes.is_empty() { StackKind::Patroni } else { StackKind::Streaming }
}
