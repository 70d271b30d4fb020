//! `doctor` at one Patroni node.

use futures::future::BoxFuture;

use super::patroni::{PatroniNode, agent_report};
use crate::client::patroni::Patroni;
use crate::driver::checklist::{Checklist, server_time, version_line, wall_clock};
use crate::driver::port::Check;
use crate::driver::trouble;
use crate::model::agent::AgentReport;
use crate::model::checkup::{Aspect, CheckLine};
use crate::model::text::Text;

/// Oldest and newest series whose answers are known.
const OLDEST: (u32, u32) = (3, 0);
const NEWEST: (u32, u32) = (4, 1);

/// An agent that has not reached its DCS for longer than this, in seconds, is in trouble: the default life of the
/// leader's lease.
const DCS_SILENCE: i64 = 30;

impl PatroniNode {
    async fn examine(&mut self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), Text::redacted(&self.endpoint.url));
        match Patroni::new(&self.endpoint) {
            Ok(patroni) => list.transport(patroni.http(), &self.endpoint).await,
            Err(error) => {
                list.failed(&trouble::http(&self.endpoint.url, &error));
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
            let text = "a login is configured; Patroni asks for one only when something is to be changed";
            list.skipped(Aspect::Credentials, text);
        }
        match &report.agent_version {
            Some(version) => version_line(&mut list, "Patroni", version.as_str(), OLDEST, NEWEST),
            None => list.unknown(Aspect::Version, "Patroni tells no version", ""),
        }
        self.identity(&mut list, &report);
        list.clock(&answered.head, wall_clock());
        if let Some((seen, now)) = report.dcs_last_seen.zip(server_time(&answered.head)) {
            let age = now.as_second() - seen.as_second();
            if age > DCS_SILENCE {
                let text = format!("the agent last reached its DCS {age} s ago");
                list.warn(Aspect::Reach, text, "look at the DCS, and at the network between it and the node");
            }
        }
        list.into_lines()
    }

    fn identity(&self, list: &mut Checklist, report: &AgentReport) {
        if let Some(detail) = self.stranger(report) {
            let remedy = "check scope and addresses in the configuration, [address_map] among them";
            list.fail(Aspect::Identity, format!("the agent {detail}"), remedy);
            return;
        }
        match (&report.scope, &report.name) {
            (Some(scope), Some(name)) => list.pass(Aspect::Identity, format!("{name} of scope {scope}")),
            (Some(scope), None) => {
                let text = format!("scope {scope}; Patroni before 3.2 does not tell its node's name");
                list.skipped(Aspect::Identity, text);
            }
            (None, _) => list.unknown(Aspect::Identity, "Patroni tells no scope", ""),
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
