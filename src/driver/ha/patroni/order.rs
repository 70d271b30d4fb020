//! One order to one agent: who it is, then the request, then its answer in the model's words.

use std::time::Duration;

use super::agent::agent_report;
use super::plan::request::Request;
use crate::action::intent::CopySource;
use crate::action::order::AgentRequest;
use crate::action::permit::Permit;
use crate::client::http::HttpError;
use crate::client::patroni::Patroni;
use crate::client::patroni_write::{PatroniEndpoint, PatroniReply, PatroniWriter};
use crate::client::sending::Unanswered;
use crate::config::endpoint::{HttpEndpoint, Login};
use crate::driver::act::refused;
use crate::driver::failure_kind;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::agent::AgentReport;
use crate::model::name::NodeName;
use crate::model::record::without_group;
use crate::model::role::Role;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// The agent of a member.
pub(super) struct Agent<'a> {
    /// Whose it must be.
    pub(super) member: &'a NodeName,
    /// Scope that it must be of.
    pub(super) scope: Option<&'a Text>,
    /// Where it is, with the login for looking.
    pub(super) looking: HttpEndpoint,
    /// The login for acting.
    pub(super) acting: Option<Login>,
}

impl Agent<'_> {
    /// Makes sure who it is, sends the request, and waits `patience` for the answer.
    pub(super) async fn perform(
        &self,
        request: &AgentRequest,
        permit: &Permit,
        time_limit: Duration,
    ) -> Result<Reply, NotPerformed> {
        let url = self.looking.url.as_str();
        let not_sent = |error: &HttpError| NotPerformed::NotSent(failure_kind::http(url, error));
        let reader = Patroni::new(&self.looking).map_err(|error| not_sent(&error))?;
        let report = agent_report(&reader.status().await.map_err(|error| not_sent(&error))?.value);
        self.recognise(&report, permit)?;
        let order = self.order(request, &report)?;
        let acting = HttpEndpoint { login: self.acting.clone(), ..self.looking.clone() };
        let writer = PatroniWriter::new(&acting).map_err(|error| not_sent(&error))?;
        // The very bytes that were shown when the plan was confirmed.
        let body = Request::of(request).body;
        match writer.send(order, body.as_deref(), time_limit).await {
            Ok(reply) => Ok(to_reply(order, &reply)),
            Err(Unanswered::NotSent(error)) => Err(not_sent(&error)),
            Err(Unanswered::NoAnswer(error)) => Err(NotPerformed::NoAnswer(failure_kind::http(url, &error))),
        }
    }

    /// Another node at the address, another cluster, or another system: nothing is sent there.
    fn recognise(&self, report: &AgentReport, permit: &Permit) -> Result<(), NotPerformed> {
        let foreign = |words: String| {
            Err(NotPerformed::NotSent(SourceError::new(FailureKind::UnexpectedAnswer, &self.looking.url, words)))
        };
        if let (Some(expected), Some(scope)) = (self.scope, &report.scope)
            && expected != scope
            && without_group(expected.as_str()) != scope.as_str()
        {
            return foreign(format!("belongs to scope {scope}, not {expected}"));
        }
        if let Some(name) = report.name.as_ref().filter(|name| *name != self.member) {
            return foreign(format!("is the agent of {name}, not of {}", self.member));
        }
        if let (Some(expected), Some(system)) = (permit.generation().system_id, report.system_id)
            && expected != system
        {
            return foreign(format!("its system identifier is {system}, not {expected}"));
        }
        Ok(())
    }

    /// The request on the wire's closed list. Refused: what Patroni would misread.
    fn order(&self, request: &AgentRequest, report: &AgentReport) -> Result<PatroniEndpoint, NotPerformed> {
        let refuse = |words: String| Err(refused(self.member.as_str(), words));
        Ok(match request {
            AgentRequest::Switchover { .. } => PatroniEndpoint::Switchover,
            AgentRequest::Failover { .. } => PatroniEndpoint::Failover,
            AgentRequest::CancelSwitchover => PatroniEndpoint::CancelSwitchover,
            AgentRequest::Restart {
                role: Some(role @ (Role::Demoted | Role::Uninitialized | Role::Unknown(_))),
                ..
            } => {
                return refuse(format!("Patroni cannot restart members by role {role}"));
            }
            AgentRequest::Restart { .. } => PatroniEndpoint::Restart,
            AgentRequest::CancelRestart => PatroniEndpoint::CancelRestart,
            AgentRequest::Reload => PatroniEndpoint::Reload,
            AgentRequest::Reinit { .. } if report.role.leads() || report.role.is_writable() => {
                return refuse("it accepts writes: a leader cannot be reinitialized".to_owned());
            }
            AgentRequest::Reinit { source: CopySource::Leader, .. } if !copies_from_leader(report) => {
                let version = report.agent_version.as_ref().map_or("of unknown version", Text::as_str);
                return refuse(format!("Patroni {version} cannot clone from the leader on request (4.1 can)"));
            }
            AgentRequest::Reinit { .. } => PatroniEndpoint::Reinit,
            AgentRequest::Configure { .. } => PatroniEndpoint::Configure,
        })
    }
}

/// Older ones ignore the key, and would copy from anybody.
fn copies_from_leader(report: &AgentReport) -> bool {
    let version = report.agent_version.as_ref().map(Text::as_str).unwrap_or_default();
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (4, 1)
}

/// The answer in words. Patroni answers 200 or 202 to what it took.
fn to_reply(order: PatroniEndpoint, reply: &PatroniReply) -> Reply {
    let accepted = matches!(reply.status, 200 | 202);
    let line = match order {
        // The answer is the whole configuration, which may hold secrets.
        PatroniEndpoint::Configure if accepted => "configuration changed",
        _ => reply.line.as_str(),
    };
    let mut words = format!("{} {line}", reply.status);
    if reply.cut {
        words.push_str(" (the response was truncated)");
    }
    if reply.status == 401 {
        words.push_str(if reply.with_login {
            " (with the configured login)"
        } else {
            " (no login for acting is configured)"
        });
    }
    let words = words.trim_end();
    match reply.status {
        _ if accepted => Reply::accepted(words),
        // What something on the way answers when it has waited too long; the agent may have the order.
        408 => Reply::in_doubt(words),
        // Patroni looks at login, body and conditions before it begins anything, and answers these then.
        400..500 => Reply::refused(words),
        _ => Reply::in_doubt(words),
    }
}
