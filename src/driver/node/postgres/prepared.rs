//! Whether what prepares the cluster has made what it should: its role and its database, by the leader's word.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::failure_kind::source_error;
use super::password::Password;
use crate::client::postgres::{PostgresError, connect};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::config::resolved::PreparationSettings;
use crate::driver::checklist::Checklist;
use crate::driver::port::Check;
use crate::model::agent::Address;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::name::NodeName;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// PostgreSQL of the leader, to be looked through for what was to be made.
pub struct PreparedCheck {
    source: Source,
    address: Address,
    access: PostgresAccess,
    password: Password,
    preparation: PreparationSettings,
}

impl PreparedCheck {
    /// The leader `member` at `address`.
    pub fn new(
        member: &NodeName,
        access: PostgresAccess,
        address: Address,
        environment: Arc<Environment>,
        preparation: &PreparationSettings,
    ) -> Self {
        Self {
            source: Source::new(SourceKind::Sql, member.as_str()),
            password: Password::new(&access, &address, environment),
            address,
            access,
            preparation: preparation.clone(),
        }
    }

    async fn ask(&mut self) -> Result<(Option<bool>, Option<bool>), SourceError> {
        let endpoint = self.endpoint();
        let password = self.password.get().await.map_err(|error| error.at(&endpoint))?;
        let reported = |error: PostgresError| source_error(&error, &endpoint, None);
        let (host, port) = (self.address.host.as_str(), self.address.port);
        let mut session = connect(&self.access, host, port, password.as_ref()).await.map_err(reported)?;
        let PreparationSettings { user, database, .. } = &self.preparation;
        session.made(user.as_deref(), database.as_deref(), self.access.timeouts.request).await.map_err(reported)
    }

    async fn examine(&mut self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), self.endpoint());
        match self.ask().await {
            // What is wrong with the session itself is said where the server is examined.
            Err(error) => {
                let text = format!(
                    "unknown whether {} has created its role and database: {}",
                    self.preparation.container,
                    error.brief()
                );
                list.unknown(CheckAspect::Configuration, text, error.remedy(SourceKind::Sql));
            }
            Ok((role, database)) => {
                let PreparationSettings { container, user, database: name, .. } = &self.preparation;
                if let Some(user) = user {
                    judge_role(&mut list, container, user, role);
                }
                if let Some(name) = name {
                    judge_database(&mut list, container, name, database);
                }
            }
        }
        list.into_lines()
    }
}

/// What to do where something is not there.
fn again(container: &str, otherwise: &str) -> String {
    format!("start {container} again to create it (docker start {container}), or {otherwise}")
}

fn judge_role(list: &mut Checklist, container: &str, role: &str, can_log_in: Option<bool>) {
    let aspect = CheckAspect::Configuration;
    match can_log_in {
        Some(true) => list.pass(aspect, format!("role {role}, created by {container}, exists")),
        Some(false) => {
            let remedy = format!("ALTER ROLE \"{role}\" LOGIN");
            list.warn(aspect, format!("role {role}, created by {container}, exists but cannot log in"), &remedy);
        }
        None => {
            let remedy = again(container, &format!("CREATE ROLE \"{role}\" LOGIN"));
            list.fail(aspect, format!("role {role}, created by {container}, does not exist"), &remedy);
        }
    }
}

fn judge_database(list: &mut Checklist, container: &str, database: &str, is_open: Option<bool>) {
    let aspect = CheckAspect::Configuration;
    match is_open {
        Some(true) => list.pass(aspect, format!("database {database}, created by {container}, exists")),
        Some(false) => {
            let remedy = format!("ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS true");
            list.warn(
                aspect,
                format!("database {database}, created by {container}, does not allow connections"),
                &remedy,
            );
        }
        None => {
            let remedy = again(container, &format!("CREATE DATABASE \"{database}\""));
            list.fail(aspect, format!("database {database}, created by {container}, does not exist"), &remedy);
        }
    }
}

impl Check for PreparedCheck {
    fn endpoint(&self) -> Text {
        Text::new(self.address.to_string())
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::checkup::CheckupVerdict;

    #[rstest]
    #[case(Some(true), CheckupVerdict::Pass, "exists")]
    #[case(Some(false), CheckupVerdict::Warn, "cannot log in")]
    #[case(None, CheckupVerdict::Fail, "does not exist")]
    fn a_role_is_judged_by_whether_it_is_there_and_logs_in(
        #[case] reported: Option<bool>,
        #[case] verdict: CheckupVerdict,
        #[case] words: &str,
    ) {
        let mut list = Checklist::new(Source::new(SourceKind::Sql, "pg-0"), "pg-0:5432".into());
        judge_role(&mut list, "db-init", "app", reported);
        judge_database(&mut list, "db-init", "app", reported);
        let lines = list.into_lines();
        assert!(lines.iter().all(|line| line.verdict == verdict), "{lines:?}");
        assert!(lines[0].text.as_str().contains(words), "{lines:?}");
        if verdict == CheckupVerdict::Fail {
            assert!(lines[1].text.as_str().contains("database app, created by db-init, does not exist"), "{lines:?}");
            assert!(lines.iter().all(|line| line.remedy.as_str().contains("docker start db-init")), "{lines:?}");
        }
    }
}
