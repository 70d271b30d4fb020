//! The few lines of a `haproxy.cfg` that tell where its statistics, its runtime API, and the cluster behind it are
//! reached.

use crate::model::agent_reading;
use crate::model::router::PoolPurpose;

/// What a `haproxy.cfg` says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Configured {
    /// Port and path of the statistics page.
    pub(super) stats: Option<(u16, String)>,
    /// User of the page.
    pub(super) user: Option<String>,
    /// Port of the runtime API.
    pub(super) runtime: Option<u16>,
    /// Port that leads to the leader.
    pub(super) write: Option<u16>,
    /// Port that leads to the replicas.
    pub(super) read: Option<u16>,
    /// What is odd about its checks, a sentence each.
    pub(super) remarks: Vec<String>,
}

/// A part of the file, as far as it matters.
#[derive(Default)]
struct Section {
    name: String,
    port: Option<u16>,
    /// Path of the statistics page in it.
    page: Option<String>,
    /// The backend that a frontend leads to.
    routes_to: Option<String>,
    /// What its health check asks Patroni for.
    check: Option<HealthCheckTarget>,
}

/// What a health check asks Patroni for.
#[derive(Clone, PartialEq, Eq, Debug)]
struct HealthCheckTarget {
    purpose: PoolPurpose,
    /// Only members with a certain tag answer yes.
    is_narrowed: bool,
    /// A limit of lag that Patroni cannot read, as it is written.
    unread_lag: Option<String>,
}

/// Reads `text`.
pub(super) fn read(text: &str) -> Configured {
    let mut found = Configured::default();
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if let [
            "global" | "defaults" | "frontend" | "backend" | "listen" | "userlist" | "peers" | "resolvers",
            rest @ ..,
        ] = words.as_slice()
        {
            let name = rest.first().map(|name| (*name).to_owned()).unwrap_or_default();
            sections.push(Section { name, ..Section::default() });
            continue;
        }
        match words.as_slice() {
            ["stats", "auth", login, ..] => found.user = login.split_once(':').map(|(user, _)| user.to_owned()),
            ["stats", "socket", address, ..] => found.runtime = found.runtime.or_else(|| last_port(address)),
            words => {
                if let Some(section) = sections.last_mut() {
                    section.take(words);
                }
            }
        }
    }
    found.stats = sections.iter().find_map(|section| section.port.zip(section.page.clone()));
    let leading = |wanted: PoolPurpose| {
        let serves = |section: &&Section| section.page.is_none() && section.purpose(&sections) == wanted;
        // A pool of some of the replicas is second best.
        let narrowed = |section: &&Section| section.asked(&sections).is_some_and(|asked| asked.is_narrowed);
        let (narrow, whole): (Vec<_>, Vec<_>) = sections.iter().filter(serves).partition(narrowed);
        whole.into_iter().chain(narrow).find_map(|section| section.port)
    };
    found.remarks = sections.iter().filter_map(Section::remark).collect();
    (found.write, found.read) = (leading(PoolPurpose::Write), leading(PoolPurpose::Read));
    found
}

impl Section {
    fn take(&mut self, words: &[&str]) {
        match words {
            ["bind", address, ..] => self.port = self.port.or_else(|| last_port(address)),
            // HAProxy's own default, where `stats enable` stands alone.
            ["stats", "enable", ..] => self.page = self.page.take().or_else(|| Some("/haproxy?stats".to_owned())),
            ["stats", "uri", path, ..] => self.page = Some((*path).to_owned()),
            ["default_backend", name, ..] => self.routes_to = Some((*name).to_owned()),
            ["option", "httpchk", rest @ ..] | ["http-check", "send", rest @ ..] => {
                self.check = self.check.take().or_else(|| rest.iter().find_map(|word| asked(word)));
            }
            _ => {}
        }
    }

    /// What it leads to: by what its check, or that of its backend, asks Patroni for; else by name.
    fn purpose(&self, all: &[Section]) -> PoolPurpose {
        let name = self.routes_to.as_ref().unwrap_or(&self.name);
        self.asked(all).map_or_else(|| PoolPurpose::guess(name), |asked| asked.purpose)
    }

    /// What its check asks for, or that of its backend.
    fn asked<'a>(&'a self, all: &'a [Section]) -> Option<&'a HealthCheckTarget> {
        match &self.routes_to {
            None => self.check.as_ref(),
            Some(name) => all.iter().filter(|section| section.name == *name).find_map(|section| section.check.as_ref()),
        }
    }

    fn remark(&self) -> Option<String> {
        let written = self.check.as_ref()?.unread_lag.as_ref()?;
        Some(format!(
            "The check of {} uses lag={written}, which Patroni cannot parse: there is no limit then. Units are B, kB, MB, \
                GB and TB.",
            self.name
        ))
    }
}

/// Which nodes answer yes at `target` of Patroni's REST interface. It looks for words within the path, in this order, and
/// reads `lag` and tags from the query (`do_GET` in its `api.py`, 3.3 to 4.1). `None`: nothing of Patroni's.
fn asked(target: &str) -> Option<HealthCheckTarget> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
    let purpose = match path.trim_end_matches('/') {
        "/readiness" | "/liveness" | "/patroni" => PoolPurpose::Any,
        "/standby" | "/sync" | "/synchronous" | "/async" | "/asynchronous" | "/quorum" => PoolPurpose::Read,
        // It leads a cluster that takes no writes.
        _ if has(&["standby_leader", "standby-leader"]) => PoolPurpose::Any,
        _ if has(&["leader", "master", "primary", "read-write"]) => PoolPurpose::Write,
        _ if has(&["replica", "read-only"]) => PoolPurpose::Read,
        _ if has(&["health"]) => PoolPurpose::Any,
        _ => return None,
    };
    let parameters = || query.split('&').filter_map(|pair| pair.split_once('='));
    // Of a parameter that is there twice the first counts. Who leads is not asked for lag or tags.
    let heeds = purpose != PoolPurpose::Write;
    let lag = parameters().find(|(name, value)| *name == "lag" && !value.is_empty()).filter(|_| heeds);
    let lag = lag.map(|(_, value)| value.replace('+', " ").replace("%20", " "));
    Some(HealthCheckTarget {
        purpose,
        is_narrowed: heeds && parameters().any(|(name, value)| name.starts_with("tag_") && !value.is_empty()),
        unread_lag: lag.filter(|lag| agent_reading::bytes(lag).is_none()),
    })
}

/// The port of `*:7000`, `:::7000`, `ipv4@0.0.0.0:9999`; none of a socket's path.
fn last_port(address: &str) -> Option<u16> {
    if address.starts_with('/') || address.starts_with("unix@") {
        return None;
    }
    address.split(',').next()?.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("listen stats\n  mode http\n  bind *:7000\n  stats enable\n  stats uri /\n", Some((7000, "/")), None)]
    #[case("frontend f\n  bind :5000\nfrontend s\n  stats uri /s # page\n  bind 0.0.0.0:8404\n", Some((8404, "/s")), None)]
    #[case("listen s\n  bind :1936\n  stats enable\n  stats auth me:secret\n", Some((1936, "/haproxy?stats")), None)]
    #[case("global\n  stats socket /run/h.sock\n  stats socket ipv4@*:9999 level admin\n", None, Some(9999))]
    #[case("defaults\n  mode tcp\n  stats enable\n", None, None)]
    #[case("", None, None)]
    fn the_page_and_the_runtime_api_are_read_from_haproxys_own_file(
        #[case] text: &str,
        #[case] stats: Option<(u16, &str)>,
        #[case] runtime: Option<u16>,
    ) {
        let found = read(text);
        assert_eq!(found.stats.as_ref().map(|(port, uri)| (*port, uri.as_str())), stats);
        assert_eq!(found.runtime, runtime);
        assert!(!format!("{found:?}").contains("secret"));
    }

    #[rstest]
    #[case::patronis_own(
        "listen primary\n bind *:5000\n option httpchk OPTIONS /primary\nlisten replicas\n bind *:5001\n option httpchk OPTIONS /replica\n",
        Some(5000),
        Some(5001)
    )]
    #[case::by_check(
        "listen batman\n bind :6000\n option httpchk\n http-check send meth OPTIONS uri /read-write\n",
        Some(6000),
        None
    )]
    #[case::by_backend(
        "frontend in\n bind :5432\n default_backend b1\nfrontend ro\n bind :5433\n default_backend standbys\nbackend b1\n option httpchk GET /leader\nbackend standbys\n",
        Some(5432),
        Some(5433)
    )]
    #[case::check_before_name("listen primary\n bind :7\n option httpchk GET /replica?lag=16MB\n", None, Some(7))]
    #[case::narrowed_by_a_tag(
        "listen reports\n bind :8\n option httpchk GET /replica?tag_reports=yes\nlisten others\n bind :9\n option httpchk GET /replica?lag=10MB\n",
        None,
        Some(9)
    )]
    #[case::narrowed_is_better_than_none(
        "listen r\n bind :8\n option httpchk GET /async?tag_r=1&lag=1GB\n",
        None,
        Some(8)
    )]
    #[case::words_within_the_path("listen a\n bind :1\n option httpchk OPTIONS /v1/primary\n", Some(1), None)]
    #[case::who_leads_is_not_asked_for_tags("listen a\n bind :1\n option httpchk GET /leader?tag_a=b\n", Some(1), None)]
    #[case::a_standby_leader_takes_no_writes(
        "listen primary\n bind :1\n option httpchk GET /standby-leader\n",
        None,
        None
    )]
    #[case::any_and_page(
        "listen any\n bind :5002\n option httpchk GET /health\nlisten primary-stats\n bind :7000\n stats enable\n",
        None,
        None
    )]
    #[case::name_of_a_word_alone("listen postgres\n bind :5432\n", None, None)]
    fn the_ports_that_clients_use_are_distinguished_from_checks_and_names(
        #[case] text: &str,
        #[case] write: Option<u16>,
        #[case] read_only: Option<u16>,
    ) {
        let found = read(text);
        assert_eq!((found.write, found.read), (write, read_only));
    }

    #[rstest]
    #[case("/replica?lag=10MB", None)]
    #[case("/replica?lag=10485760", None)]
    #[case("/replica?lag=16+kB", None)]
    #[case("/replica", None)]
    #[case("/primary?lag=lots", None)]
    #[case("/replica?lag=10mb", Some("lag=10mb"))]
    #[case("/async?tag_a=b&lag=10M", Some("lag=10M"))]
    fn a_limit_of_lag_that_patroni_does_not_heed_is_reported(#[case] target: &str, #[case] reported: Option<&str>) {
        let remarks = read(&format!("listen r\n bind :8\n option httpchk GET {target}\n")).remarks;
        assert_eq!(remarks.len(), usize::from(reported.is_some()), "{remarks:?}");
        assert!(reported.is_none_or(|reported| remarks[0].contains(reported)), "{remarks:?}");
    }
}
