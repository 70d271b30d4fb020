//! Proving that a node leads, or is gone: its PostgreSQL asked many times a second, for some seconds.

use std::sync::Arc;
use std::time::Duration;

use super::failure_kind::source_error;
use super::password::Password;
use crate::action::router_handover::LeadAnswer;
use crate::client::postgres::lead_check::LeadChecker;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::model::agent::Address;
use crate::model::lsn::{SystemId, Timeline};
use crate::model::source::SourceError;
use crate::model::text::Text;

/// PostgreSQL of one node, with the login for looking. Its password is fetched with the first question.
pub struct PostgresLeadChecker {
    address: Address,
    lead_checker: LeadChecker,
    password: Password,
}

impl PostgresLeadChecker {
    /// The node at `address`. `environment` is where libpq's variables and files are looked for.
    pub fn new(access: PostgresAccess, address: Address, environment: Arc<Environment>) -> Self {
        let password = Password::new(&access, &address, environment);
        Self { lead_checker: LeadChecker::new(access, address.host.as_str(), address.port), password, address }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks once, `patience` at most for the login and again for the answer.
    ///
    /// # Errors
    /// Whatever kept it from answering.
    pub async fn ask(&mut self, time_limit: Duration) -> Result<LeadAnswer, SourceError> {
        let endpoint = Text::new(self.address.to_string());
        let password = self.password.get().await.map_err(|error| error.at(&endpoint))?;
        match self.lead_checker.ask(password.as_ref(), time_limit).await {
            Ok(word) => Ok(LeadAnswer {
                in_recovery: word.in_recovery,
                system_id: word.system_id.map(SystemId),
                timeline: word.timeline.map(Timeline),
            }),
            Err(error) => {
                if error.concerns_password() {
                    self.password.forget();
                }
                Err(source_error(&error, &endpoint, self.password.hint()))
            }
        }
    }
}
