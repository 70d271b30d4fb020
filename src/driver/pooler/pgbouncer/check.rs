//! `doctor` at the admin console of one pooler.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::failure_kind::source_error;
use super::observe::{password, password_for};
use super::rows;
use crate::client::pgbouncer::{AdminReader, ConsoleError, Refusal, Rows, Show};
use crate::client::postgres::Encryption;
use crate::client::tls::Verify;
use crate::config::Environment;
use crate::config::endpoint::{PoolerAddress, PostgresAccess, SslMode};
use crate::config::resolved::PoolerSettings as Configured;
use crate::driver::checklist::{Checklist, version_line};
use crate::driver::node::postgres::Password;
use crate::driver::port::Check;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::pooler::{GiveUp, PoolerDatabase, PoolerRights, PoolerSettings};
use crate::model::source::{FailureKind, Source, SourceKind};
use crate::model::text::Text;
use crate::model::units::{duration, plural};

/// Oldest and newest series whose console is known.
const OLDEST_SUPPORTED: (u32, u32) = (1, 18);
const NEWEST_TESTED: (u32, u32) = (1, 26);

/// What is asked, in order.
const ASKED: [Show; 3] = [Show::Databases, Show::Pools, Show::Config];

/// The admin console of one pooler, to be examined.
pub struct PgBouncerCheck {
    source: Source,
    configured: Configured,
    environment: Arc<Environment>,
    password: Password,
}

impl PgBouncerCheck {
    /// The pooler that `configured` describes.
    pub fn new(configured: Configured, environment: Arc<Environment>) -> Self {
        Self {
            source: Source::new(SourceKind::Pooler, configured.name.as_str()),
            password: password(&configured, Arc::clone(&environment)),
            environment,
            configured,
        }
    }

    async fn examine(&mut self) -> Vec<CheckLine> {
        let endpoint = self.endpoint();
        let mut list = Checklist::new(self.source.clone(), endpoint.clone());
        let password = match self.password.get().await {
            Ok(password) => password,
            Err(error) => {
                let remedy = FailureKind::Credentials.remedy_over(SourceKind::Pooler);
                list.fail(CheckAspect::Credentials, error.to_string(), remedy);
                return list.into_lines();
            }
        };
        let access = &self.configured.access;
        let asked = async {
            let mut session = AdminReader::open(access, &self.configured.address, password.as_ref()).await?;
            let answers = session.ask(&ASKED, access.timeouts.request).await?;
            Ok::<_, ConsoleError>((session, answers))
        };
        let (session, answers) = match asked.await {
            Ok(asked) => asked,
            Err(error) => {
                list.failed(&source_error(&error, &endpoint, self.password.hint()));
                return list.into_lines();
            }
        };
        list.pass(CheckAspect::Reach, "reachable");
        self.transport(&mut list, session.encryption());
        list.pass(CheckAspect::Credentials, format!("logged in as {}", access.user));
        version_line(&mut list, "PgBouncer", session.version(), OLDEST_SUPPORTED, NEWEST_TESTED);
        self.answers(&mut list, answers);
        if let Some(acting) = self.configured.acting.clone() {
            self.acting(&mut list, &acting).await;
        }
        list.into_lines()
    }

    /// Whether the login for acting is let in, and may pause. It only asks.
    async fn acting(&mut self, list: &mut Checklist, acting: &PostgresAccess) {
        let at_acting = format!("for acting ({})", acting.user);
        let mut password = password_for(&self.configured, acting, Arc::clone(&self.environment));
        let secret = match password.get().await {
            Ok(secret) => secret,
            Err(error) => {
                let remedy = "set the password in [clusters.NAME.poolers.POOLER.acting]";
                list.fail(CheckAspect::Credentials, format!("{at_acting}: {error}"), remedy);
                return;
            }
        };
        let asked = async {
            let mut session = AdminReader::open(acting, &self.configured.address, secret.as_ref()).await?;
            session.ask(&[Show::Config], acting.timeouts.request).await
        };
        let config = match asked.await {
            Ok(answers) => answers.into_iter().next().unwrap_or(Err(Refusal::Unknown)),
            Err(error) => {
                let remedy = "correct user and password in [clusters.NAME.poolers.POOLER.acting]";
                list.fail(CheckAspect::Credentials, format!("{at_acting}: {error}"), remedy);
                return;
            }
        };
        let by_socket = matches!(self.configured.address, PoolerAddress::Unix(_));
        let rights = config.map(|config| rows::rights(&rows::settings(&config), &acting.user, by_socket));
        match rights {
            Ok(PoolerRights::Admin) => {
                list.pass(CheckAspect::Privileges, format!("{at_acting}: in admin_users, as required"));
            }
            Ok(PoolerRights::Stats) => list.fail(
                CheckAspect::Privileges,
                format!("{at_acting}: only in stats_users, it cannot pause or resume"),
                "add the user for acting to admin_users in pgbouncer.ini, then RELOAD",
            ),
            Ok(PoolerRights::Unknown) => {
                list.unknown(CheckAspect::Privileges, format!("{at_acting}: not listed in admin_users"), "");
            }
            Err(refusal) => {
                list.unknown(CheckAspect::Privileges, format!("{at_acting}: SHOW CONFIG: {refusal}"), "");
            }
        }
    }

    fn transport(&self, list: &mut Checklist, encryption: &Encryption) {
        match encryption {
            Encryption::Tls { verified: Verify::Nothing, .. } => {
                list.warn(CheckAspect::Tls, "TLS without verification", "set sslmode = \"verify-full\" and ca");
            }
            Encryption::Tls { .. } => list.pass(CheckAspect::Tls, "TLS with verification"),
            Encryption::Plain if matches!(self.configured.address, PoolerAddress::Unix(_)) => {
                list.skipped(CheckAspect::Tls, "a Unix socket");
            }
            Encryption::Plain => {
                let why = match self.configured.access.sslmode {
                    SslMode::Disable => "not encrypted: sslmode = \"disable\"",
                    _ => "not encrypted: PgBouncer offers no TLS here (client_tls_sslmode)",
                };
                list.skipped(CheckAspect::Tls, why);
            }
        }
    }

    fn answers(&self, list: &mut Checklist, answers: Vec<Result<Rows, Refusal>>) {
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or(Err(Refusal::Unknown));
        let (databases, pools, config) = (next(), next(), next());
        match (&databases, &pools) {
            (Ok(databases), Ok(_)) => {
                self.databases(list, &rows::databases(databases, &self.configured.databases));
            }
            (Err(refusal), _) | (_, Err(refusal)) => {
                list.fail(
                    CheckAspect::Privileges,
                    format!("databases and pools cannot be read: {refusal}"),
                    "add the user to stats_users",
                );
            }
        }
        match config {
            Ok(config) => self.settings(list, &rows::settings(&config)),
            Err(refusal) => list.unknown(CheckAspect::Configuration, format!("SHOW CONFIG: {refusal}"), ""),
        }
    }

    /// That there is something to see, and that what the configuration names is there.
    fn databases(&self, list: &mut Checklist, databases: &[PoolerDatabase]) {
        let absent: Vec<&str> = self
            .configured
            .databases
            .iter()
            .filter(|wanted| !databases.iter().any(|database| database.name == wanted.as_str()))
            .map(String::as_str)
            .collect();
        if !absent.is_empty() {
            let text = format!("no such database in the pooler: {}", absent.join(", "));
            list.warn(CheckAspect::Identity, text, "correct databases of this pooler in the configuration");
        } else if databases.is_empty() {
            let remedy = "check that this is the pooler in front of the cluster";
            list.warn(CheckAspect::Identity, "it has no database", remedy);
        } else {
            list.pass(CheckAspect::Identity, plural(databases.len(), "database"));
        }
    }

    fn settings(&self, list: &mut Checklist, settings: &PoolerSettings) {
        let by_socket = matches!(self.configured.address, PoolerAddress::Unix(_));
        match rows::rights(settings, &self.configured.access.user, by_socket) {
            PoolerRights::Stats => list.pass(CheckAspect::Privileges, "in stats_users: read-only"),
            PoolerRights::Admin => list.warn(
                CheckAspect::Privileges,
                "in admin_users: this login could pause or stop the pooler",
                "for monitoring use a user of stats_users",
            ),
            PoolerRights::Unknown => {
                list.unknown(CheckAspect::Privileges, "in neither admin_users nor stats_users", "");
            }
        }
        if let Some(kind) =
            settings.auth_type.as_ref().filter(|kind| ["any", "trust", "plain"].contains(&kind.as_str()))
        {
            let text =
                format!("auth_type = {kind}: anyone who can reach the pooler can log in, or read passwords on the way");
            list.warn(CheckAspect::Credentials, text, "set auth_type = scram-sha-256 in pgbouncer.ini");
        }
        match settings.query_wait_timeout {
            Some(GiveUp::Never) => {
                list.pass(
                    CheckAspect::Configuration,
                    "query_wait_timeout is off: clients wait for a server without limit",
                );
            }
            Some(GiveUp::After(span)) => list.pass(
                CheckAspect::Configuration,
                format!(
                    "query_wait_timeout {}: a client that waits longer for a server is disconnected",
                    duration(span)
                ),
            ),
            None => list.unknown(CheckAspect::Configuration, "query_wait_timeout is not reported", ""),
        }
        if settings.shares_port == Some(true) {
            list.warn(
                CheckAspect::Configuration,
                "so_reuseport is on: other processes may share this port, and each connection reaches one of them",
                "configure each process by a port or socket of its own",
            );
        }
    }
}

impl Check for PgBouncerCheck {
    fn endpoint(&self) -> Text {
        Text::new(self.configured.address.to_string())
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}
