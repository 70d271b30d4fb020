//! What `doctor` examines at one etcd endpoint.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::member::member;
use super::{each, readable_key, scopes, source_error};
use crate::client::certificate;
use crate::client::etcd::{Connector, EndpointName, HealthClient, Login, RecordClient, prefix};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::checklist::{Checklist, version_line, wall_clock};
use crate::driver::port::Check;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::dcs::{DcsAlarmKind, DcsMember, Quorum};
use crate::model::source::{FailureKind, Source, SourceKind};
use crate::model::text::Text;

/// etcd's quota where none is configured; servers before 3.6 do not tell theirs.
const DEFAULT_QUOTA: u64 = 2 * 1024 * 1024 * 1024;
/// Part of the quota, in percent, from which on it is warned about.
const NEARLY_FULL: u64 = 80;

/// One endpoint, for `doctor`.
#[derive(Debug)]
pub struct EtcdCheck {
    source: Source,
    /// All of the store: they share their login.
    endpoints: EtcdEndpoints,
    url: String,
    namespace: String,
    scope: Option<String>,
}

impl EtcdCheck {
    /// One for each of `endpoints`, which should have `scope` under `namespace`. `None`: the scope is not known, and its
    /// record is not looked for.
    pub fn each(endpoints: &EtcdEndpoints, namespace: &str, scope: Option<&str>) -> Vec<Self> {
        each(endpoints)
            .map(|(name, url)| Self {
                source: Source::new(SourceKind::EtcdMember, name),
                endpoints: endpoints.clone(),
                url,
                namespace: namespace.to_owned(),
                scope: scope.map(ToOwned::to_owned),
            })
            .collect()
    }

    async fn examine(&self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), self.source.target.clone());
        let connector = match Connector::only(&self.endpoints, &self.url) {
            Ok(connector) => connector,
            Err(error) => {
                list.failed(&source_error(&error));
                return list.into_lines();
            }
        };
        let name = connector.endpoints().first().cloned();
        let encrypted = name.as_ref().is_some_and(|name| name.tls);
        if let Some(name) = name.filter(|name| name.tls) {
            self.certificate(&mut list, &name).await;
        }
        let readable = self.scope.as_ref().map(|scope| readable_key(&self.namespace, scope));
        let mut client = HealthClient::new(connector.clone(), readable.as_deref());
        match Box::pin(client.ask()).await {
            Err(error) => list.failed(&source_error(&error)),
            Ok(health) => {
                login(&mut list, health.login, encrypted);
                if let (Login::Accepted, Some(login)) = (health.login, &self.endpoints.login) {
                    list.password_of(login).await;
                }
                let member = member(&health);
                majority(&mut list, &member);
                if member.status_refused.is_none() {
                    version_line(&mut list, "etcd", member.version.as_str(), (3, 4), (3, 6));
                }
                space(&mut list, &member);
                Box::pin(self.record(&mut list, connector)).await;
            }
        }
        list.into_lines()
    }

    async fn certificate(&self, list: &mut Checklist, name: &EndpointName) {
        let time_limit = self.endpoints.timeouts.connect;
        let shown = certificate::probe(&name.host, name.port, &self.endpoints.tls, time_limit).await;
        list.certificate(shown, self.endpoints.tls.insecure, wall_clock());
    }

    /// Whether the cluster is on record here, as far as this endpoint can tell.
    async fn record(&self, list: &mut Checklist, connector: Connector) {
        let Some(scope) = &self.scope else {
            let text = "the scope is unknown, so its keys cannot be read";
            list.unknown(CheckAspect::Identity, text, "set scope in the configuration, or use --scope");
            return;
        };
        let wanted = prefix(&self.namespace, scope);
        let mut client = RecordClient::new(connector.clone(), wanted.as_str(), "leader");
        match client.next(Duration::ZERO).await {
            Err(error) => {
                let error = source_error(&error);
                let text = format!("{wanted} cannot be read: {}", error.brief());
                if error.failure_kind == FailureKind::Permission {
                    list.fail(
                        CheckAspect::Privileges,
                        text,
                        "grant the user a role with read permission on this prefix",
                    );
                } else {
                    list.unknown(CheckAspect::Identity, text, error.failure_kind.remedy());
                }
            }
            Ok(_) if client.record().keys.is_empty() => {
                let error = match scopes::find_anywhere(connector, &self.namespace).await {
                    Ok(found) => scopes::missing(self.source.target.as_str(), &wanted, &found),
                    Err(error) => source_error(&error),
                };
                list.fail(CheckAspect::Identity, error.brief(), error.remedy(SourceKind::Etcd));
            }
            Ok(_) => {
                let members = client.record().keys.keys().filter(|key| key.starts_with("members/")).count();
                list.pass(CheckAspect::Identity, format!("{wanted} found, members: {members}"));
            }
        }
    }
}

pub(super) fn login(list: &mut Checklist, login: Login, encrypted: bool) {
    let aspect = CheckAspect::Credentials;
    match (login, encrypted) {
        (Login::Accepted, true) => list.pass(aspect, "login accepted"),
        (Login::Accepted, false) => {
            list.warn(aspect, "login accepted, but without TLS the password is sent unencrypted", "turn on TLS");
        }
        (Login::NotAsked | Login::NotEnabled, false) => list.warn(
            aspect,
            "no authentication and no TLS: anyone who can reach the port can change the DCS state of the cluster",
            "turn on authentication, or TLS with client certificates; Patroni supports both",
        ),
        (Login::NotEnabled, true) => {
            list.warn(aspect, "a login is configured, but authentication is off", "turn on authentication");
        }
        (Login::NotAsked, true) => list.pass(aspect, "no login configured; TLS protects the port"),
        (Login::Impossible, _) => list.unknown(aspect, "login is impossible without quorum", ""),
    }
}

pub(super) fn majority(list: &mut Checklist, member: &DcsMember) {
    let took = member.latency.as_millis();
    match member.quorum {
        Quorum::Reached => list.pass(CheckAspect::Reach, format!("responded in {took} ms, quorum ok")),
        Quorum::Missing => {
            list.fail(
                CheckAspect::Reach,
                format!("responded in {took} ms, but has no quorum"),
                FailureKind::NoQuorum.remedy(),
            );
        }
        Quorum::Unknown => {
            list.unknown(CheckAspect::Reach, format!("responded in {took} ms; quorum unknown"), "");
        }
    }
}

pub(super) fn space(list: &mut Checklist, member: &DcsMember) {
    const FREE: &str = "compact and defragment etcd, then disarm the alarm; or raise its quota";
    // Every member tells everybody's; each is told of once, at the member that raised it.
    for alarm in member.alarms.iter().filter(|alarm| alarm.own || alarm.raised_by.is_empty()) {
        match &alarm.kind {
            DcsAlarmKind::NoSpace => {
                list.fail(CheckAspect::Configuration, "alarm NOSPACE: only reads and deletes work", FREE);
            }
            DcsAlarmKind::Corrupt => {
                list.fail(
                    CheckAspect::Configuration,
                    "alarm CORRUPT: data differs from the other members",
                    "replace this etcd member",
                );
            }
            DcsAlarmKind::Other(words) => list.fail(CheckAspect::Configuration, format!("alarm: {words}"), FREE),
        }
    }
    let Some(size) = member.db_size else {
        let why = member.status_refused.as_ref().map_or("its status is not available", Text::as_str);
        let text =
            format!("version, leader and size require the root user since etcd 3.5.28 with authentication ({why})");
        list.skipped(CheckAspect::Configuration, text);
        return;
    };
    let (quota, whose) = match member.db_quota {
        Some(quota) => (quota, "its quota"),
        None => (DEFAULT_QUOTA, "the default quota (this version does not report its own)"),
    };
    let percent = size.saturating_mul(100) / quota.max(1);
    let text = format!("database of {} KB, {percent} % of {whose}", size / 1000);
    if percent >= NEARLY_FULL {
        list.warn(CheckAspect::Configuration, text, FREE);
    } else {
        list.pass(CheckAspect::Configuration, text);
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
