//! `doctor` at one Patroni node.

use futures::future::BoxFuture;

use super::agent::{PatroniNode, agent_report};
use crate::client::patroni::Patroni;
use crate::driver::checklist::{Checklist, server_time, version_line, wall_clock};
use crate::driver::failure_kind;
use crate::driver::port::Check;
use crate::model::agent::AgentReport;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::text::Text;

/// Oldest and newest series whose answers are known.
const OLDEST_SUPPORTED: (u32, u32) = (3, 0);
const NEWEST_TESTED: (u32, u32) = (4, 1);

/// An agent that has not reached its DCS for longer than this, in seconds, is in trouble: the default life of the
/// leader's lease.
const DCS_SILENCE: i64 = 30;

impl PatroniNode {
    async fn examine(&mut self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), Text::redacted(&self.endpoint.url));
        match Patroni::new(&self.endpoint) {
            Ok(patroni) => list.transport(patroni.http(), &self.endpoint).await,
            Err(error) => {
                list.failed(&failure_kind::http(&self.endpoint.url, &error));
                return list.into_lines();
            }
        }
        let answered = match self.ask().await {
            Ok(answered) => answered,
            Err(error) => {
                list.failed(&error);
                return list.into_lines();
            }
        };
        let report = agent_report(&answered.value);
        list.answered(answered.head.took);
        if self.endpoint.login.is_some() {
            let text = "a login is configured; Patroni requires one only for changes";
            list.skipped(CheckAspect::Credentials, text);
        }
        match &report.agent_version {
            Some(version) => version_line(&mut list, "Patroni", version.as_str(), OLDEST_SUPPORTED, NEWEST_TESTED),
            None => list.unknown(CheckAspect::Version, "Patroni reports no version", ""),
        }
        self.identity(&mut list, &report);
        list.clock(&answered.head, wall_clock());
        if let Some((seen, now)) = report.dcs_last_seen.zip(server_time(&answered.head)) {
            let age = now.as_second() - seen.as_second();
            if age > DCS_SILENCE {
                let text = format!("the agent last reached its DCS {age} s ago");
                list.warn(CheckAspect::Reach, text, "check the DCS, and the network between it and the node");
            }
        }
        list.into_lines()
    }

    fn identity(&self, list: &mut Checklist, report: &AgentReport) {
        if let Some(detail) = self.foreign(report) {
            let remedy = "check scope and addresses in the configuration, including [address_map]";
            list.fail(CheckAspect::Identity, format!("the agent {detail}"), remedy);
            return;
        }
        match (&report.scope, &report.name) {
            (Some(scope), Some(name)) => list.pass(CheckAspect::Identity, format!("{name} of scope {scope}")),
            (Some(scope), None) => {
                let text = format!("scope {scope}; Patroni before 3.2 does not report its node name");
                list.skipped(CheckAspect::Identity, text);
            }
            (None, _) => list.unknown(CheckAspect::Identity, "Patroni reports no scope", ""),
        }
    }
}

impl Check for PatroniNode {
    fn endpoint(&self) -> Text {
        Text::redacted(&self.endpoint.url)
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}
