//! `doctor` at the two interfaces of HAProxy.

use futures::future::BoxFuture;

use super::haproxy::{HaproxyPage, HaproxyRuntime, runtime_report};
use super::haproxy_rows::rows;
use crate::client::haproxy::StatisticsPage;
use crate::client::haproxy_runtime::RuntimeError;
use crate::driver::checklist::{Checklist, version_line, wall_clock};
use crate::driver::failure_kind;
use crate::driver::port::Check;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::router::{ProxyKind, ProxyRow};
use crate::model::text::Text;

/// Oldest and newest series whose statistics are known.
const OLDEST_SUPPORTED: (u32, u32) = (2, 0);
const NEWEST_TESTED: (u32, u32) = (3, 4);

impl HaproxyPage {
    async fn examine(&mut self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), Text::redacted(&self.endpoint.url));
        let page = match StatisticsPage::new(&self.endpoint) {
            Ok(page) => page,
            Err(error) => {
                list.failed(&failure_kind::http(&self.endpoint.url, &error));
                return list.into_lines();
            }
        };
        list.transport(page.http(), &self.endpoint).await;
        match self.ask().await {
            Err(error) => {
                list.failed(&error);
                return list.into_lines();
            }
            Ok((table, head)) => {
                list.answered(head.took);
                if self.endpoint.login.is_some() {
                    list.pass(CheckAspect::Credentials, "login accepted");
                }
                servers(&mut list, &rows(&table, |_, _| None));
                // HAProxy's own page carries no date; a reverse proxy in front of it would tell its own.
                if head.date.is_some() {
                    list.clock(&head, wall_clock());
                }
            }
        }
        match page.page().await {
            Err(error) => {
                let text =
                    format!("the HTML page cannot be read: {}", failure_kind::http(&self.endpoint.url, &error).brief());
                list.unknown(CheckAspect::Privileges, text, "");
            }
            Ok(page) => {
                match page.version {
                    Some(version) => version_line(&mut list, "HAProxy", &version, OLDEST_SUPPORTED, NEWEST_TESTED),
                    None => list.skipped(
                        CheckAspect::Version,
                        "the page hides its version: `stats show-version` shows it from 3.4 on, where hiding is the default",
                    ),
                }
                if page.offers_actions {
                    let remedy = "remove `stats admin` there, or configure a page without it for the console";
                    list.warn(CheckAspect::Privileges, "the page can change the state of servers", remedy);
                } else {
                    list.pass(CheckAspect::Privileges, "the page is read-only");
                }
            }
        }
        list.into_lines()
    }
}

impl Check for HaproxyPage {
    fn endpoint(&self) -> Text {
        Text::redacted(&self.endpoint.url)
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}

impl HaproxyRuntime {
    async fn examine(&mut self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), self.endpoint.clone());
        let report = match self.reader.read().await {
            Ok(answer) => runtime_report(&answer),
            Err(error) => {
                list.failed(&self.failure(&error));
                return list.into_lines();
            }
        };
        list.pass(CheckAspect::Reach, "reachable");
        match &report.info {
            Some(info) => version_line(&mut list, "HAProxy", info.version.as_str(), OLDEST_SUPPORTED, NEWEST_TESTED),
            None => list.unknown(CheckAspect::Version, "`show info` does not report it", ""),
        }
        servers(&mut list, &report.rows);
        self.level(&mut list).await;
        list.into_lines()
    }

    /// Whether the socket can do more than look. `show cli level` asks without trying anything.
    async fn level(&self, list: &mut Checklist) {
        match self.reader.level().await {
            Ok(level) if level == "admin" => list.warn(
                CheckAspect::Privileges,
                "the socket is at admin level: anyone who can reach it can drain servers or kill sessions",
                "for monitoring add a socket with `level operator`, and keep the admin socket off the network",
            ),
            Ok(level) if level == "operator" || level == "user" => {
                list.pass(CheckAspect::Privileges, format!("the socket is at {level} level"));
            }
            Ok(other) => {
                list.unknown(CheckAspect::Privileges, format!("the socket is at an unknown level: {other}"), "");
            }
            Err(RuntimeError::Unknown { .. }) => {
                list.skipped(CheckAspect::Privileges, "this version does not report the level of the socket");
            }
            Err(error) => list.unknown(CheckAspect::Privileges, self.failure(&error).brief(), ""),
        }
    }
}

impl Check for HaproxyRuntime {
    fn endpoint(&self) -> Text {
        self.endpoint.clone()
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}

/// That there is something to see: a router in front of other services answers just as well.
fn servers(list: &mut Checklist, rows: &[ProxyRow]) {
    let count = |kind| rows.iter().filter(|row| row.kind == kind).count();
    let (backends, servers) = (count(ProxyKind::Backend), count(ProxyKind::Server));
    if servers == 0 {
        list.warn(
            CheckAspect::Identity,
            "no backend has a server",
            "check that this is the router in front of the cluster",
        );
    } else {
        list.pass(
            CheckAspect::Identity,
            format!(
                "{} in {}",
                crate::model::units::plural(servers, "server"),
                crate::model::units::plural(backends, "backend")
            ),
        );
    }
}
