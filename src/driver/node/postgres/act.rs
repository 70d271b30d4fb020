//! Orders to the PostgreSQL of one node, with the login for acting.

use std::sync::Arc;
use std::time::Duration;

use super::failure_kind::source_error;
use super::password::Password;
use crate::action::intent::EndSession;
use crate::action::order::SqlRequest;
use crate::client::postgres::PostgresError;
use crate::client::postgres::write::{SqlOrder, SqlReply, send};
use crate::client::sending::Unanswered;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::agent::Address;
use crate::model::lsn::SystemId;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// PostgreSQL of one node, for acting. Its password is fetched with the first order.
pub struct PostgresActor {
    address: Address,
    access: PostgresAccess,
    password: Password,
}

impl PostgresActor {
    /// The node at `address`. `environment` is where libpq's variables and files are looked for.
    pub fn new(access: PostgresAccess, address: Address, environment: Arc<Environment>) -> Self {
        Self { password: Password::new(&access, &address, environment), address, access }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The least patience with an order.
    pub fn least(&self) -> Duration {
        self.access.timeouts.request.max(Duration::from_secs(2))
    }

    /// Sends `request`, once, if the server has the data that it should. Waits `patience` for the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn perform(
        &mut self,
        system_id: Option<SystemId>,
        request: &SqlRequest,
        time_limit: Duration,
    ) -> Result<Reply, NotPerformed> {
        let endpoint = Text::new(self.address.to_string());
        let order = match request {
            SqlRequest::Checkpoint => SqlOrder::Checkpoint,
            SqlRequest::EndSession { pid, started, how } => {
                let Ok(pid) = i32::try_from(*pid) else {
                    let words = format!("{pid} is not a process ID");
                    return Err(NotPerformed::NotSent(SourceError::new(
                        FailureKind::Unsupported,
                        endpoint.as_str(),
                        words,
                    )));
                };
                match how {
                    EndSession::Cancel => SqlOrder::Cancel { pid, started: *started },
                    EndSession::Terminate => SqlOrder::Terminate { pid, started: *started },
                }
            }
        };
        let password = self.password.get().await.map_err(|error| NotPerformed::NotSent(error.at(&endpoint)))?;
        let place = (self.address.host.as_str(), self.address.port);
        let system_id = system_id.map(|id| id.0);
        let outcome = send(&self.access, place, password.as_ref(), system_id, order, time_limit).await;
        match outcome {
            Ok(reply) => Ok(to_reply(request, &reply)),
            Err(unanswered) => {
                if unanswered.error().concerns_password() {
                    self.password.forget();
                }
                let error = |error: &PostgresError| source_error(error, &endpoint, self.password.hint());
                Err(match &unanswered {
                    Unanswered::NotSent(failure) => NotPerformed::NotSent(error(failure)),
                    Unanswered::NoAnswer(failure) => NotPerformed::NoAnswer(error(failure)),
                })
            }
        }
    }
}

fn to_reply(request: &SqlRequest, reply: &SqlReply) -> Reply {
    match (reply, request) {
        (SqlReply::Done, SqlRequest::Checkpoint) => Reply::accepted("checkpoint done"),
        (SqlReply::Done, SqlRequest::EndSession { pid, how: EndSession::Cancel, .. }) => {
            Reply::accepted(format!("pg_cancel_backend({pid}) sent"))
        }
        (SqlReply::Done, SqlRequest::EndSession { pid, how: EndSession::Terminate, .. }) => {
            Reply::accepted(format!("pg_terminate_backend({pid}) sent"))
        }
        (SqlReply::AnotherSystem, _) => {
            Reply::refused("a server with another system identifier responded: nothing was done")
        }
        (SqlReply::NoSuchSession, _) => Reply::refused("the session has already ended: nothing was done"),
        (SqlReply::NotSignalled, _) => Reply::refused("PostgreSQL could not signal the session"),
        (SqlReply::Refused { code, message }, _) if may_have_begun(code) => {
            Reply::in_doubt(format!("{message} ({code})"))
        }
        (SqlReply::Refused { code, message }, _) => Reply::refused(format!("{message} ({code})")),
    }
}

/// Whether an error of this SQLSTATE may come in the middle of a statement: its class is operator intervention (57:
/// cancelled, shut down), system error (58), internal error (XX) or connection exception (08). All others of the statements
/// that are sent here come before they do anything (PostgreSQL, appendix A).
fn may_have_begun(code: &str) -> bool {
    ["57", "58", "XX", "08"].iter().any(|class| code.starts_with(class))
}
