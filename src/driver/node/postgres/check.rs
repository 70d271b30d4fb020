//! What `doctor` wants to know of one node's PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::failure_kind::source_error;
use super::password::Password;
use crate::client::postgres::poll_result::{PartResult, PrivilegesRow, ServerRow};
use crate::client::postgres::{Encryption, Examination, PostgresError, connect};
use crate::client::tls::Verify;
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::driver::checklist::Checklist;
use crate::driver::port::Check;
use crate::model::agent::Address;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::finding::Severity;
use crate::model::name::NodeName;
use crate::model::source::{FailureKind, Source, SourceKind};
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;
use crate::model::units;

/// PostgreSQL of one node, to be examined.
pub struct PostgresCheck {
    source: Source,
    address: Address,
    access: PostgresAccess,
    password: Password,
    thresholds: Thresholds,
}

impl PostgresCheck {
    /// The node `member` at `address`.
    pub fn new(
        member: &NodeName,
        access: PostgresAccess,
        address: Address,
        environment: Arc<Environment>,
        thresholds: Thresholds,
    ) -> Self {
        Self {
            source: Source::new(SourceKind::Sql, member.as_str()),
            password: Password::new(&access, &address, environment),
            address,
            access,
            thresholds,
        }
    }

    async fn examine(&mut self) -> Vec<CheckLine> {
        let mut lines = Lines { endpoint: self.endpoint(), list: Checklist::new(self.source.clone(), self.endpoint()) };
        let password = match self.password.get().await {
            Ok(password) => password,
            Err(error) => {
                lines.list.fail(
                    CheckAspect::Credentials,
                    error.to_string(),
                    FailureKind::Credentials.remedy_over(SourceKind::Sql),
                );
                None
            }
        };
        if let Some(hint) = self.password.hint() {
            lines.list.warn(CheckAspect::Credentials, hint, "fix it so that its password is used");
        }
        let opened = connect(&self.access, self.address.host.as_str(), self.address.port, password.as_ref()).await;
        let mut session = match opened {
            Ok(session) => session,
            Err(error) => {
                lines.refused(&error, self.password.hint());
                return lines.list.into_lines();
            }
        };
        lines.list.pass(CheckAspect::Reach, "reachable");
        lines.encryption(&self.access, session.encryption(), &self.thresholds, wall_clock());
        lines.list.pass(CheckAspect::Credentials, format!("logged in as {}", self.access.user));
        if let Some(password) = &password {
            lines.list.password(&self.access.user, password);
        }
        let before = wall_clock();
        match session.examine(self.access.timeouts.request).await {
            Ok(Examination { privileges, position, server }) => {
                let after = wall_clock();
                lines.privileges(&privileges);
                lines.version(&server, after);
                lines.clock(position.now, before, after, &self.thresholds);
            }
            Err(error) => {
                let error = source_error(&error, &lines.endpoint, None);
                lines.list.fail(CheckAspect::Privileges, error.brief(), error.remedy(SourceKind::Sql));
            }
        }
        lines.list.into_lines()
    }
}

impl Check for PostgresCheck {
    fn endpoint(&self) -> Text {
        Text::new(self.address.to_string())
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}

#[expect(clippy::disallowed_methods, reason = "a clock offset is the difference of two wall clocks, read here")]
fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// The last day on which the community supports a major version.
fn end_of_life(major: u32) -> Option<jiff::civil::Date> {
    let day = |year, day| Some(jiff::civil::date(year, 11, day));
    match major {
        13 => day(2025, 13),
        14 => day(2026, 12),
        15 => day(2027, 11),
        16 => day(2028, 9),
        17 => day(2029, 8),
        18 => day(2030, 14),
        _ => None,
    }
}

/// The lines found so far.
struct Lines {
    endpoint: Text,
    list: Checklist,
}

impl Lines {
    /// No session: the aspect at which it ended fails, those before it pass, those after it are unknown.
    fn refused(&mut self, error: &PostgresError, hint: Option<&str>) {
        let failure = source_error(error, &self.endpoint, hint);
        let at = match failure.failure_kind {
            FailureKind::Tls => CheckAspect::Tls,
            FailureKind::Credentials | FailureKind::NotAttempted | FailureKind::Withheld | FailureKind::Permission => {
                CheckAspect::Credentials
            }
            FailureKind::Unsupported if matches!(error, PostgresError::TooOld(_)) => CheckAspect::Version,
            FailureKind::TooManyOpenFiles
            | FailureKind::Refused
            | FailureKind::TimedOut
            | FailureKind::Name
            | FailureKind::Unreachable
            | FailureKind::Closed
            | FailureKind::UnexpectedAnswer
            | FailureKind::NoSuchCluster
            | FailureKind::TooLarge
            | FailureKind::NoQuorum
            | FailureKind::Unsupported
            | FailureKind::NotReady
            | FailureKind::SlotsTaken
            | FailureKind::ConnectionLimit => CheckAspect::Reach,
        };
        let remedy = match error {
            PostgresError::NoDatabase(_) => "set `database` in [postgres] to one that exists".to_owned(),
            PostgresError::NoTls => "turn on ssl on the server, or set sslmode to what the server supports".to_owned(),
            PostgresError::Authorization(_) => {
                "add a line for this host and role to pg_hba.conf, and let the role log in".to_owned()
            }
            PostgresError::TooMany(_) => format!(
                "{}; to monitor even then, grant the role pg_use_reserved_connections (PostgreSQL 16)",
                failure.remedy(SourceKind::Sql)
            ),
            _ => failure.remedy(SourceKind::Sql).to_owned(),
        };
        for aspect in [
            CheckAspect::Reach,
            CheckAspect::Tls,
            CheckAspect::Credentials,
            CheckAspect::Privileges,
            CheckAspect::Version,
            CheckAspect::Clock,
        ] {
            match aspect.cmp(&at) {
                std::cmp::Ordering::Less if aspect == CheckAspect::Reach => self.list.pass(aspect, "reachable"),
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.list.fail(aspect, failure.brief(), &remedy),
                std::cmp::Ordering::Greater => {
                    self.list.unknown(aspect, "not checked: there is no session", "");
                }
            }
        }
    }

    fn encryption(&mut self, access: &PostgresAccess, how: &Encryption, thresholds: &Thresholds, now: Timestamp) {
        match how {
            Encryption::Plain if self.is_local() => self.list.pass(CheckAspect::Tls, "unencrypted, on this host"),
            Encryption::Plain => self.list.warn(
                CheckAspect::Tls,
                format!("unencrypted: sslmode is {} and TLS was not negotiated", access.sslmode),
                "turn on ssl on the server, and set sslmode = \"verify-full\" with its CA",
            ),
            Encryption::Tls { verified: Verify::Nothing, .. } => self.list.warn(
                CheckAspect::Tls,
                format!("TLS, but the certificate is not verified (sslmode {})", access.sslmode),
                "set sslmode = \"verify-full\" and `ca`",
            ),
            Encryption::Tls { verified: Verify::Chain, .. } => self.list.warn(
                CheckAspect::Tls,
                format!("TLS; the chain is verified, the host name is not (sslmode {})", access.sslmode),
                "set sslmode = \"verify-full\"",
            ),
            Encryption::Tls { verified: Verify::Full, .. } => {
                self.list.pass(CheckAspect::Tls, "TLS, certificate verified");
            }
        }
        if let Encryption::Tls { certificate: Some(certificate), .. } = how {
            let days = certificate.days_left(u64::try_from(now.as_second()).unwrap_or_default());
            let text = format!("days until the server certificate ({}) expires: {days}", certificate.subject);
            let remedy = "renew the server's certificate";
            let limits = thresholds.certificate_days;
            let at_most = |limit: u64| days <= i64::try_from(limit).unwrap_or(i64::MAX);
            if at_most(limits.critical) {
                self.list.fail(CheckAspect::Tls, text, remedy);
            } else if at_most(limits.warning) {
                self.list.warn(CheckAspect::Tls, text, remedy);
            } else {
                self.list.pass(CheckAspect::Tls, text);
            }
        }
    }

    fn is_local(&self) -> bool {
        let host = self.endpoint.as_str();
        host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost:")
    }

    fn privileges(&mut self, privileges: &PartResult<PrivilegesRow>) {
        let row = match privileges {
            Ok(row) => row,
            Err(error) => {
                self.list.unknown(CheckAspect::Privileges, format!("cannot be read: {error}"), "");
                return;
            }
        };
        let lacks: Vec<_> = [
            (row.read_stats, "sessions, WAL receiver and standbys are shown without details"),
            (row.read_settings, "some settings with pending restart are not visible"),
            (row.list_archive, "the archiver backlog is unknown"),
        ]
        .into_iter()
        .filter_map(|(has, consequence)| (!has).then_some(consequence))
        .collect();
        if !lacks.is_empty() {
            let text = format!("too few: {}", lacks.join("; "));
            self.list.warn(CheckAspect::Privileges, text, "GRANT pg_monitor TO the role");
        }
        let excess = excess(row);
        if !excess.is_empty() {
            let text = format!("more privileges than monitoring needs: {}", excess.join(", "));
            let remedy = "monitor with a role that has only pg_monitor; keep this one for [postgres.acting]";
            self.list.warn(CheckAspect::Privileges, text, remedy);
        }
        if row.read_only != "on" {
            let text = "the session is not read-only: something between here and the server drops its settings";
            self.list.fail(CheckAspect::Privileges, text, "connect to the server itself, not through a pooler");
        }
        if lacks.is_empty() && excess.is_empty() && row.read_only == "on" {
            self.list.pass(CheckAspect::Privileges, "only pg_monitor, in a read-only session");
        }
    }

    fn version(&mut self, server: &ServerRow, now: Timestamp) {
        let major = server.version / 10_000;
        // The number does not tell a release candidate from the release.
        let name = units::version_name(&server.version_text);
        let text = format!("PostgreSQL {name}");
        if units::is_prerelease(name) {
            let words = format!("{text} is a pre-release version");
            self.list.warn(
                CheckAspect::Version,
                words,
                "use it for testing only: the release may be unable to read its data directory",
            );
            return;
        }
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        match end_of_life(major) {
            Some(end) if today > end => {
                self.list.warn(
                    CheckAspect::Version,
                    format!("{text}, unsupported since {end}"),
                    "upgrade to a supported version",
                );
            }
            Some(end) => self.list.pass(CheckAspect::Version, format!("{text}, supported until {end}")),
            None => self.list.warn(
                CheckAspect::Version,
                format!("{text} is newer than the versions known to this program"),
                "check for a newer pgctl-tui",
            ),
        }
    }

    /// The server read its clock somewhere between question and answer, so half of the round trip is uncertain.
    fn clock(&mut self, server: Timestamp, before: Timestamp, after: Timestamp, thresholds: &Thresholds) {
        let round_trip = after.duration_since(before).max(SignedDuration::ZERO);
        let offset = server.duration_since(before) - round_trip / 2;
        let certain = (offset.unsigned_abs()).saturating_sub((round_trip / 2).unsigned_abs());
        let direction = if offset.is_negative() { "behind" } else { "ahead of" };
        let text = if certain < Duration::from_millis(1) {
            "in sync with this host".to_owned()
        } else {
            format!("{:.3} s {direction} this host", offset.unsigned_abs().as_secs_f64())
        };
        let remedy = "synchronise both hosts by NTP";
        match thresholds.clock_offset.judge(certain) {
            Some(Severity::Critical) => self.list.fail(CheckAspect::Clock, text, remedy),
            Some(_) => self.list.warn(CheckAspect::Clock, text, remedy),
            None => self.list.pass(CheckAspect::Clock, text),
        }
    }
}

/// What the role can do beyond looking, in words.
fn excess(row: &PrivilegesRow) -> Vec<&'static str> {
    let superuser = [(row.superuser, "superuser")];
    let others = [
        (row.replication, "replication"),
        (row.create_role, "createrole"),
        (row.create_database, "createdb"),
        (row.bypass_rls, "bypassrls"),
        (row.signal_backend, "pg_signal_backend"),
        (row.write_files, "pg_write_server_files"),
        (row.execute_program, "pg_execute_server_program"),
        (row.promote, "may promote"),
        (row.switch_wal, "may switch WAL"),
    ];
    // A superuser has all the rest.
    let rights: &[(bool, &'static str)] = if row.superuser { &superuser } else { &others };
    rights.iter().filter_map(|(has, word)| has.then_some(*word)).collect()
}

#[cfg(test)]
mod tests;
