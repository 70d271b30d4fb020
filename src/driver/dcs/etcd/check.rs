//! What `doctor` examines at one etcd endpoint.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::member::member;
use super::{alone, scopes, source_error};
use crate::client::certificate;
use crate::client::etcd::{Change, Connector, EndpointName, HealthClient, Login, RecordClient, prefix};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::port::Check;
use crate::model::checkup::{Aspect, CheckLine, Verdict};
use crate::model::dcs::{DcsAlarm, DcsMember, Quorum};
use crate::model::source::{Source, SourceError, SourceKind, Trouble};
use crate::model::text::Text;

/// etcd's quota where none is configured; servers before 3.6 do not tell theirs.
const USUAL_QUOTA: u64 = 2 * 1024 * 1024 * 1024;
/// Certificates with fewer days left are warned about.
const DAYS_LEFT: i64 = 30;

/// One endpoint, for `doctor`.
#[derive(Debug)]
pub struct EtcdCheck {
    source: Source,
    endpoints: EtcdEndpoints,
    namespace: String,
    scope: String,
}

impl EtcdCheck {
    /// One for each of `endpoints`, which should have `scope` under `namespace`.
    pub fn each(endpoints: &EtcdEndpoints, namespace: &str, scope: &str) -> Vec<Self> {
        alone(endpoints)
            .map(|(name, endpoints)| Self {
                source: Source::new(SourceKind::EtcdMember, name),
                endpoints,
                namespace: namespace.to_owned(),
                scope: scope.to_owned(),
            })
            .collect()
    }

    async fn examine(&self) -> Vec<CheckLine> {
        let mut lines = Vec::new();
        let connector = match Connector::new(&self.endpoints) {
            Ok(connector) => connector,
            Err(error) => {
                let aspect = if error.endpoint.is_empty() { Aspect::Configuration } else { Aspect::Tls };
                return vec![self.failure(aspect, &source_error(&error))];
            }
        };
        let name = connector.endpoints().first().cloned();
        if let Some(name) = name.as_ref().filter(|name| name.tls) {
            lines.push(self.certificate(name).await);
        }
        let mut client = HealthClient::new(connector.clone());
        match Box::pin(client.ask()).await {
            Err(error) => lines.push(self.failure(aspect_of(source_error(&error).trouble), &source_error(&error))),
            Ok(health) => {
                let encrypted = name.is_some_and(|name| name.tls);
                lines.push(self.login(health.login, encrypted));
                lines.extend(self.of_member(&member(&health)));
            }
        }
        lines.push(Box::pin(self.record(connector)).await);
        lines.push(self.line(Aspect::Clock, Verdict::Unknown, "etcd does not tell its clock", ""));
        lines
    }

    async fn certificate(&self, name: &EndpointName) -> CheckLine {
        let patience = self.endpoints.timeouts.connect;
        match certificate::probe(&name.host, name.port, &self.endpoints.tls, patience).await {
            Err(error) => {
                let words = crate::client::cause::chain(&error);
                self.line(Aspect::Tls, Verdict::Fail, &words, Trouble::Tls.remedy())
            }
            Ok(shown) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a certificate's days left are counted by the wall clock"
                )]
                let now = jiff::Timestamp::now().as_second();
                let left = shown.days_left(u64::try_from(now).unwrap_or(0));
                let about = format!("{}, {left} days left", shown.subject);
                match shown.distrust {
                    _ if self.endpoints.tls.insecure => {
                        let text = format!("not verified, as configured; {about}");
                        self.line(Aspect::Tls, Verdict::Warn, &text, "set ca instead of insecure")
                    }
                    Some(why) => {
                        self.line(Aspect::Tls, Verdict::Fail, &format!("{why}; {about}"), Trouble::Tls.remedy())
                    }
                    None if left < DAYS_LEFT => self.line(Aspect::Tls, Verdict::Warn, &about, "renew the certificate"),
                    None => self.line(Aspect::Tls, Verdict::Pass, &about, ""),
                }
            }
        }
    }

    fn login(&self, login: Login, encrypted: bool) -> CheckLine {
        let line = |verdict, text, remedy| self.line(Aspect::Credentials, verdict, text, remedy);
        let open =
            "authentication is off and there is no TLS: anybody who reaches the port can rewrite the cluster's record";
        let close = "turn on authentication, or TLS with client certificates; Patroni speaks both";
        match (login, encrypted) {
            (Login::Accepted, _) => line(Verdict::Pass, "login accepted", ""),
            (Login::NotAsked | Login::NotEnabled, false) => line(Verdict::Warn, open, close),
            (Login::NotEnabled, true) => {
                line(Verdict::Warn, "a login is configured, but authentication is off", "turn on authentication")
            }
            (Login::Impossible, _) => line(Verdict::Unknown, "nobody can log in without a majority", ""),
            (Login::NotAsked, true) => line(Verdict::Pass, "none configured; TLS guards the port", ""),
        }
    }

    fn of_member(&self, member: &DcsMember) -> Vec<CheckLine> {
        let latency = Duration::as_millis(&member.latency);
        let mut lines = vec![match member.quorum {
            Quorum::Reached => {
                self.line(Aspect::Reach, Verdict::Pass, &format!("answers in {latency} ms, majority reached"), "")
            }
            Quorum::Missing => {
                self.line(Aspect::Reach, Verdict::Fail, "answers, but has no majority", Trouble::NoQuorum.remedy())
            }
            Quorum::Unknown => {
                self.line(Aspect::Reach, Verdict::Unknown, "answers; whether it has a majority cannot be said", "")
            }
        }];
        lines.push(self.version(member.version.as_str()));
        lines.push(self.space(member));
        lines
    }

    fn version(&self, version: &str) -> CheckLine {
        let mut numbers = version.split('.').map(str::parse::<u32>);
        let line =
            |verdict, text: &str, remedy| self.line(Aspect::Version, verdict, &format!("etcd {version}{text}"), remedy);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(3)), Some(Ok(4..=6))) => line(Verdict::Pass, "", ""),
            (Some(Ok(3)), Some(Ok(0..=3))) => line(Verdict::Warn, " is out of support", "upgrade etcd"),
            (Some(Ok(_)), Some(Ok(_))) => line(Verdict::Warn, ": newer than what was tried (3.4 to 3.6)", ""),
            _ => line(Verdict::Unknown, ": not a version", ""),
        }
    }

    fn space(&self, member: &DcsMember) -> CheckLine {
        let line = |verdict, text: &str, remedy| self.line(Aspect::Configuration, verdict, text, remedy);
        let free = "compact and defragment etcd, then disarm the alarm; or raise its quota";
        let blocked = member.alarms.first().map(|alarm| match alarm {
            DcsAlarm::NoSpace => "database full: only reads and deletes work".to_owned(),
            DcsAlarm::Corrupt => "data corrupt".to_owned(),
            DcsAlarm::Other(words) => words.to_string(),
        });
        if let Some(blocked) = blocked {
            return line(Verdict::Fail, &format!("alarm: {blocked}"), free);
        }
        let (quota, whose) = match member.db_quota {
            Some(quota) => (quota, "of its quota"),
            None => (USUAL_QUOTA, "of the usual quota (this version does not tell its own)"),
        };
        let percent = member.db_size.saturating_mul(100) / quota.max(1);
        let text = format!("database {} MB, {percent} % {whose}", member.db_size / 1_000_000);
        if percent >= 80 { line(Verdict::Warn, &text, free) } else { line(Verdict::Pass, &text, "") }
    }

    async fn record(&self, connector: Connector) -> CheckLine {
        let wanted = prefix(&self.namespace, &self.scope);
        let mut client = RecordClient::new(connector.clone(), wanted.as_str(), "leader");
        match client.next(Duration::ZERO).await {
            Err(error) => {
                let error = source_error(&error);
                let aspect = if error.trouble == Trouble::Permission { Aspect::Privileges } else { Aspect::Identity };
                let verdict = if error.trouble == Trouble::Permission { Verdict::Fail } else { Verdict::Unknown };
                let text = format!("{wanted} cannot be read: {}", error.brief());
                let remedy = match error.trouble {
                    Trouble::Permission => "grant the user a role that may read this prefix",
                    other => other.remedy(),
                };
                self.line(aspect, verdict, &text, remedy)
            }
            Ok(Change::Read | Change::Events | Change::Quiet) if !client.record().keys.is_empty() => {
                let count = client.record().keys.keys().filter(|key| key.starts_with("members/")).count();
                self.line(Aspect::Identity, Verdict::Pass, &format!("{wanted} is on record, {count} members"), "")
            }
            Ok(Change::Read | Change::Events | Change::Quiet) => {
                let error = match scopes::find_anywhere(connector, &self.namespace).await {
                    Ok(found) => scopes::missing(self.source.target.as_str(), &wanted, &found),
                    Err(error) => source_error(&error),
                };
                self.line(Aspect::Identity, Verdict::Fail, &error.brief(), "set scope and namespace of the cluster")
            }
        }
    }

    fn failure(&self, aspect: Aspect, error: &SourceError) -> CheckLine {
        self.line(aspect, Verdict::Fail, &error.brief(), error.trouble.remedy())
    }

    fn line(&self, aspect: Aspect, verdict: Verdict, text: &str, remedy: &str) -> CheckLine {
        CheckLine {
            source: self.source.clone(),
            endpoint: self.source.target.clone(),
            aspect,
            verdict,
            text: Text::redacted(text),
            remedy: Text::new(remedy),
        }
    }
}

fn aspect_of(trouble: Trouble) -> Aspect {
    match trouble {
        Trouble::Tls => Aspect::Tls,
        Trouble::Credentials => Aspect::Credentials,
        Trouble::Permission => Aspect::Privileges,
        Trouble::Unsupported => Aspect::Version,
        Trouble::Refused
        | Trouble::TimedOut
        | Trouble::Name
        | Trouble::Unreachable
        | Trouble::Closed
        | Trouble::UnexpectedAnswer
        | Trouble::TooLarge
        | Trouble::NoQuorum
        | Trouble::NotReady => Aspect::Reach,
    }
}

impl Check for EtcdCheck {
    fn endpoint(&self) -> Text {
        self.source.target.clone()
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        self.examine().boxed()
    }
}
