//! Requests to Patroni's REST interface as they go over the wire: method, path, body. One place for what is shown and
//! what is sent.

use serde_json::{Value, json};

use crate::action::intent::CopySource;
use crate::action::order::AgentRequest;
use crate::model::role::Role;

/// A request as it is written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// HTTP's word.
    pub method: &'static str,
    /// Path below the agent's URL.
    pub path: &'static str,
    /// JSON; `None`: Patroni reads no body here.
    pub body: Option<String>,
}

impl Request {
    /// What goes over the wire for `request`. Patroni's names, the same from 3.0 to 4.1.
    pub fn of(request: &AgentRequest) -> Self {
        let (method, path, body) = match request {
            AgentRequest::Switchover { leader, candidate, at } => (
                "POST",
                "/switchover",
                Some(object([
                    ("leader", Some(json!(leader))),
                    ("candidate", candidate.as_ref().map(|name| json!(name))),
                    ("scheduled_at", at.map(|at| json!(at.to_string()))),
                ])),
            ),
            // Without the leader: with it, Patroni makes a switchover of it.
            AgentRequest::Failover { candidate } => {
                ("POST", "/failover", Some(object([("candidate", Some(json!(candidate)))])))
            }
            AgentRequest::CancelSwitchover => ("DELETE", "/switchover", None),
            AgentRequest::Restart { role, only_pending, at } => (
                "POST",
                "/restart",
                Some(object([
                    ("role", role.as_ref().map(|role| json!(role_name(role)))),
                    // Patroni looks at the presence of the key alone.
                    ("restart_pending", only_pending.then_some(Value::Bool(true))),
                    ("schedule", at.map(|at| json!(at.to_string()))),
                ])),
            ),
            AgentRequest::CancelRestart => ("DELETE", "/restart", None),
            AgentRequest::Reload => ("POST", "/reload", None),
            AgentRequest::Reinit { source, force } => (
                "POST",
                "/reinitialize",
                Some(object([
                    ("force", force.then_some(Value::Bool(true))),
                    ("from_leader", (*source == CopySource::Leader).then_some(Value::Bool(true))),
                ])),
            ),
            AgentRequest::Configure { changes } => {
                ("PATCH", "/config", Some(Value::Object(changes.clone()).to_string()))
            }
        };
        Self { method, path, body }
    }

    /// The request to the agent at `url` in one line.
    pub fn describe(&self, url: &str) -> String {
        let body = self.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        format!("{} {url}{}{body}", self.method, self.path)
    }
}

/// The word by which Patroni knows a role in a restart's condition.
pub fn role_name(role: &Role) -> &str {
    match role {
        Role::Leader | Role::Primary => "primary",
        Role::StandbyLeader => "standby_leader",
        Role::Replica | Role::Demoted | Role::Uninitialized => "replica",
        Role::Unknown(word) => word.as_str(),
    }
}

/// An object with its keys in the order given, which a map would lose.
fn object<const N: usize>(pairs: [(&str, Option<Value>); N]) -> String {
    let present = pairs.into_iter().filter_map(|(key, value)| Some(format!("\"{key}\":{}", value?)));
    format!("{{{}}}", present.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::name::NodeName;

    #[rstest]
    #[case(AgentRequest::Restart { role: None, only_pending: false, at: None }, "{}")]
    #[case(AgentRequest::Restart { role: Some(Role::Replica), only_pending: true, at: None }, r#"{"role":"replica","restart_pending":true}"#)]
    #[case(AgentRequest::Failover { candidate: NodeName::new("a\"b") }, r#"{"candidate":"a\"b"}"#)]
    fn bodies_are_json_and_leave_out_what_is_not_wanted(#[case] request: AgentRequest, #[case] body: &str) {
        let sent = Request::of(&request).body.unwrap();
        assert_eq!(sent, body);
        assert!(serde_json::from_str::<Value>(&sent).unwrap().is_object());
    }
}
