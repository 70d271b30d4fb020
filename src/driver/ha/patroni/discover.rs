//! Discovery from one Patroni URL: the scope, the members, and which of their advertised addresses work from here.

use futures::future::join_all;
use serde_json::Value;

use super::agent::{PatroniNode, agent_report};
use super::record::{merge_records, registration};
use crate::client::patroni::{ClusterResponse, Patroni};
use crate::config::audience::Audience;
use crate::config::discovered::{Discovered, DiscoveredMember, Reach};
use crate::config::endpoint::HttpEndpoint;
use crate::driver::failure_kind;
use crate::model::agent::Registration;
use crate::model::name::NodeName;
use crate::model::source::SourceError;

/// Asks the agent at `endpoint` for its cluster, and then each member's agent, once, at the address it advertises,
/// with the same login, TLS and deadlines.
///
/// # Errors
/// When the agent at `endpoint` cannot be asked. A cluster whose DCS is away is described by that agent alone.
pub async fn discover(endpoint: &HttpEndpoint) -> Result<Discovered, SourceError> {
    let reported = |error: &crate::client::http::HttpError| failure_kind::http(&endpoint.url, error);
    let patroni = Patroni::new(endpoint).map_err(|error| reported(&error))?;
    let status = patroni.status().await.map_err(|error| reported(&error))?.value;
    let report = agent_report(&status);
    let mut found = Discovered {
        scope: report.scope.as_ref().map(ToString::to_string),
        agent_version: report.agent_version.as_ref().map(ToString::to_string),
        paused: report.paused,
        notes: vec!["Patroni does not report its namespace; the default is /service".to_owned()],
        ..Discovered::default()
    };
    match patroni.cluster().await {
        Ok(answered) => found.members = members(&answered.value, &mut found.notes),
        Err(error) => {
            found.notes.push(format!("members could not be listed: {}", reported(&error).brief()));
            let name = report.name.as_ref().map(ToString::to_string);
            found.members =
                name.map(|name| DiscoveredMember { name, ..DiscoveredMember::default() }).into_iter().collect();
        }
    }
    let tried = found.members.iter().map(|member| reach(member, endpoint));
    let reached = join_all(tried).await;
    for (member, reach) in found.members.iter_mut().zip(reached) {
        member.reach = reach;
    }
    Ok(found)
}

fn members(cluster: &ClusterResponse, notes: &mut Vec<String>) -> Vec<DiscoveredMember> {
    let named = |member: &Value| {
        let name = member.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())?;
        Some(registration(NodeName::new(name), member))
    };
    let (members, defects) = merge_records(cluster.members.iter().filter_map(named).collect());
    notes.extend(defects.iter().map(ToString::to_string));
    members.iter().map(member).collect()
}

fn member(registration: &Registration) -> DiscoveredMember {
    DiscoveredMember {
        name: registration.name.to_string(),
        api_url: registration.api_url.as_ref().map(ToString::to_string),
        host: registration.postgres.as_ref().map(|address| address.host.to_string()),
        port: registration.postgres.as_ref().map(|address| address.port),
        ..DiscoveredMember::default()
    }
}

async fn reach(member: &DiscoveredMember, like: &HttpEndpoint) -> Reach {
    let Some(url) = member.api_url.clone() else { return Reach::Untried };
    let endpoint = HttpEndpoint { url, audience: Audience::Learnt, ..like.clone() };
    let mut node = PatroniNode::new(NodeName::new(&member.name), endpoint, None);
    match node.ask().await {
        Err(error) => Reach::Fails(error.brief()),
        Ok(answered) => match node.foreign(&agent_report(&answered.value)) {
            Some(detail) => Reach::Fails(format!("the agent there {detail}")),
            None => Reach::Answers,
        },
    }
}
