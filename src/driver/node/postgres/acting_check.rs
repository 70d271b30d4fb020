//! What `doctor` wants to know of the login for acting on one node, where the operation lock is held on the nodes: whether
//! it gets in, to the server itself, may take the lock, and may do what actions do.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::failure_kind::source_error;
use super::password::Password;
use crate::client::postgres::lock::{AcquireOutcome, HolderComment, Key, LockSession};
use crate::client::postgres::poll_result::PrivilegesRow;
use crate::client::postgres::{PostgresError, connect};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::checklist::Checklist;
use crate::driver::lock::advisory::pooled;
use crate::driver::port::Check;
use crate::model::agent::Address;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::name::NodeName;
use crate::model::source::{FailureKind, Source, SourceKind};
use crate::model::text::Text;

/// What begins every line.
const LOGIN: &str = "login for acting";

/// The login for acting on one node, to be examined. Nothing is done by it: the lock that it tries is one that nobody wants.
pub struct ActingCheck {
    source: Source,
    address: Address,
    access: PostgresAccess,
    password: Password,
}

impl ActingCheck {
    /// The node `member` at `address`.
    pub fn new(member: &NodeName, access: PostgresAccess, address: Address, environment: Arc<Environment>) -> Self {
        Self {
            source: Source::new(SourceKind::Sql, member.as_str()),
            password: Password::new(&access, &address, environment),
            address,
            access,
        }
    }

    async fn examine(&mut self) -> Vec<CheckLine> {
        let endpoint = self.endpoint();
        let mut list = Checklist::new(self.source.clone(), endpoint.clone());
        let password = match self.password.get().await {
            Ok(password) => password,
            Err(error) => {
                let remedy = FailureKind::Credentials.remedy_over(SourceKind::Sql);
                list.fail(CheckAspect::Credentials, format!("{LOGIN}: {error}"), remedy);
                return list.into_lines();
            }
        };
        let (host, port, access) = (self.address.host.as_str(), self.address.port, &self.access);
        let hint = self.password.hint().map(str::to_owned);
        let reported = |error: &PostgresError| source_error(error, &endpoint, hint.as_deref());
        let opened = LockSession::open(access, (host, port), password.as_ref(), Key::Trial).await;
        let mut session = match opened {
            Ok(session) => session,
            Err(error) => {
                let error = reported(&error);
                let text = format!("{LOGIN}, user {}: {}", access.user, error.brief());
                list.fail(CheckAspect::Credentials, text, error.remedy(SourceKind::Sql));
                return list.into_lines();
            }
        };
        if session.answers().is_pooled() {
            let error = pooled(&endpoint);
            list.fail(CheckAspect::Credentials, format!("{LOGIN}: {}", error.brief()), error.remedy(SourceKind::Sql));
            return list.into_lines();
        }
        list.pass(CheckAspect::Credentials, format!("{LOGIN}: logged in as {}, directly to the server", access.user));
        let taken = session.take("pgctl-tui doctor", &HolderComment::new("{}"), access.timeouts.request).await;
        drop(session);
        lock(&mut list, taken.map_err(|error| reported(&error).brief()));
        let examined = async {
            let mut session = connect(access, host, port, password.as_ref()).await?;
            session.examine(access.timeouts.request).await
        };
        match examined.await.map(|examination| examination.privileges) {
            Ok(Ok(row)) => privileges(&mut list, &row),
            Ok(Err(error)) => list.unknown(CheckAspect::Privileges, format!("{LOGIN}: privileges: {error}"), ""),
            Err(error) => {
                list.unknown(CheckAspect::Privileges, format!("{LOGIN}: privileges: {}", reported(&error).brief()), "");
            }
        }
        list.into_lines()
    }
}

fn lock(list: &mut Checklist, taken: Result<AcquireOutcome, String>) {
    match taken {
        // Somebody else's examination at the same time proves as much.
        Ok(AcquireOutcome::Taken | AcquireOutcome::Busy(_)) => {
            list.pass(CheckAspect::Privileges, format!("{LOGIN}: can take the operation lock"));
        }
        Err(why) => {
            let remedy = "GRANT EXECUTE ON FUNCTION pg_try_advisory_lock(int, int), pg_control_system() TO the role";
            list.fail(CheckAspect::Privileges, format!("{LOGIN}: cannot take the operation lock: {why}"), remedy);
        }
    }
}

fn privileges(list: &mut Checklist, row: &PrivilegesRow) {
    if row.superuser {
        list.pass(CheckAspect::Privileges, format!("{LOGIN}: superuser"));
        return;
    }
    if row.signal_backend {
        list.pass(CheckAspect::Privileges, format!("{LOGIN}: not a superuser; has pg_signal_backend"));
    } else {
        let text = format!("{LOGIN}: not a superuser, and cannot terminate sessions of other roles");
        list.warn(CheckAspect::Privileges, text, "GRANT pg_signal_backend TO the role");
    }
    if !row.read_stats {
        let text = format!("{LOGIN}: cannot see the owner of the operation lock");
        list.warn(CheckAspect::Privileges, text, "GRANT pg_read_all_stats TO the role");
    }
}

impl Check for ActingCheck {
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
    use crate::client::postgres::lock::Holder;
    use crate::model::checkup::CheckupVerdict::{self, Fail, Pass, Warn};

    fn list() -> Checklist {
        Checklist::new(Source::new(SourceKind::Sql, "pg-0"), "pg-0:5432".into())
    }

    fn row(superuser: bool, signal_backend: bool, read_stats: bool) -> PrivilegesRow {
        PrivilegesRow {
            superuser,
            replication: false,
            create_role: false,
            create_database: false,
            bypass_rls: false,
            read_stats,
            read_settings: read_stats,
            list_archive: read_stats,
            signal_backend,
            write_files: false,
            execute_program: false,
            promote: false,
            switch_wal: false,
            read_only: "on".to_owned(),
            tls: false,
        }
    }

    #[rstest]
    #[case::superuser((true, true, true), &[Pass])]
    #[case::enough((false, true, true), &[Pass])]
    #[case::too_little((false, false, false), &[Warn, Warn])]
    #[case::blind((false, true, false), &[Pass, Warn])]
    fn rights_that_actions_need_are_missed(#[case] rights: (bool, bool, bool), #[case] verdicts: &[CheckupVerdict]) {
        let mut list = list();
        privileges(&mut list, &row(rights.0, rights.1, rights.2));
        let lines = list.into_lines();
        assert_eq!(lines.iter().map(|line| line.verdict).collect::<Vec<_>>(), verdicts, "{lines:?}");
        assert!(lines.iter().all(|line| (line.verdict == Warn) == line.remedy.as_str().starts_with("GRANT")));
    }

    #[test]
    fn a_lock_that_may_not_be_taken_is_reported_with_what_to_grant() {
        let mut list = list();
        lock(&mut list, Ok(AcquireOutcome::Busy(Holder::default())));
        lock(&mut list, Err("permission denied for function pg_control_system".to_owned()));
        let lines = list.into_lines();
        assert_eq!((lines[0].verdict, lines[1].verdict), (Pass, Fail));
        assert!(lines[1].remedy.as_str().contains("pg_control_system"), "{lines:?}");
    }
}
