//! Observing one pooler.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::failure_kind::source_error;
use super::{rows, sockets};
use crate::client::pgbouncer::{AdminReader, ConsoleError, Refusal, Rows, Show};
use crate::config::Environment;
use crate::config::endpoint::{PoolerAddress, PostgresAccess};
use crate::config::resolved::PoolerSettings as Configured;
use crate::driver::node::postgres::Password;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::agent::Address;
use crate::model::moment::Moment;
use crate::model::pooler::{LoginWait, PoolerPart, PoolerReport, PoolerSettings, ServerAddress, UnreadPoolerPart};
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// What moves by the second, in the order of the questions.
const EACH: [Show; 5] = [Show::State, Show::Databases, Show::Pools, Show::Stats, Show::Lists];

/// How often the rest is asked for.
const INTERVAL: Duration = Duration::from_secs(10);

/// Clients and servers up to which each of them is asked for in every poll: a row each, some hundred bytes.
const FEW_SOCKETS: u32 = 500;

/// Answers closer together than this make no rate.
const SHORTEST: Duration = Duration::from_millis(100);

/// The admin console of one pooler as a source.
pub struct PgBouncer {
    source: Source,
    configured: Configured,
    password: Password,
    /// Taken out while it is asked: a call that is dropped in the middle takes the session with it.
    session: Option<AdminReader>,
    settings: Option<(Moment, Result<PoolerSettings, Refusal>)>,
    sockets: Option<(Moment, Sockets)>,
    /// Transactions and statements by database, when they were read last.
    counted: Option<(Moment, Counters)>,
    demanded: bool,
}

/// Transactions and statements since the start, by database.
type Counters = BTreeMap<Text, (Option<u64>, Option<u64>)>;

/// What is known of single sockets.
#[derive(Clone, Debug)]
struct Sockets {
    servers: Result<Vec<ServerAddress>, Refusal>,
    login_waits: Result<Option<Vec<LoginWait>>, Refusal>,
}

impl PgBouncer {
    /// The pooler that `configured` describes. `environment` is where libpq's variables and files are looked for.
    pub fn new(configured: Configured, environment: Arc<Environment>) -> Self {
        Self {
            source: Source::new(SourceKind::Pooler, configured.name.as_str()),
            password: password(&configured, environment),
            configured,
            session: None,
            settings: None,
            sockets: None,
            counted: None,
            demanded: false,
        }
    }

    async fn ask(&mut self, now: Moment) -> Result<PoolerReport, SourceError> {
        if let Some(mut session) = self.session.take() {
            match self.poll(&mut session, now).await {
                Ok(report) => {
                    self.session = Some(session);
                    return Ok(report);
                }
                // Ended while nobody looked, by a restart perhaps: a fresh session says which.
                Err(error) if error.is_closed() => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        // Another process may be there by now.
        (self.settings, self.sockets, self.counted) = (None, None, None);
        let password = self.password.get().await.map_err(|error| error.at(&self.endpoint_text()))?;
        let opened = AdminReader::open(&self.configured.access, &self.configured.address, password.as_ref()).await;
        let mut session = opened.map_err(|error| {
            if error.concerns_password() {
                self.password.forget();
            }
            self.failure(&error)
        })?;
        let report = self.poll(&mut session, now).await.map_err(|error| self.failure(&error))?;
        self.session = Some(session);
        Ok(report)
    }

    async fn poll(&mut self, session: &mut AdminReader, now: Moment) -> Result<PoolerReport, ConsoleError> {
        let deadline = self.configured.access.timeouts.request;
        let demanded = std::mem::take(&mut self.demanded);
        let is_due = |asked: Option<Moment>| demanded || asked.is_none_or(|asked| now.since(asked) >= INTERVAL);
        let mut report = PoolerReport { version: Some(Text::new(session.version())), ..PoolerReport::default() };

        let mut asked = EACH.to_vec();
        let wants_settings = is_due(self.settings.as_ref().map(|(asked, _)| *asked));
        if wants_settings {
            asked.push(Show::Config);
        }
        let mut answers = session.ask(&asked, deadline).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Err(Refusal::Unknown));
        let mut unread = Vec::new();
        if let Some(answer) = taken(next(), PoolerPart::State, &mut unread) {
            report.state = rows::state(&answer);
        }
        // Without these two there is nothing to tell.
        let odd = |show: Show, refusal: Refusal| ConsoleError::Foreign(format!("{}: {refusal}", show.as_str()));
        let databases = next().map_err(|refusal| odd(Show::Databases, refusal))?;
        report.databases = rows::databases(&databases, &self.configured.databases);
        report.pools = rows::pools(&next().map_err(|refusal| odd(Show::Pools, refusal))?);
        if let Some(answer) = taken(next(), PoolerPart::Stats, &mut unread) {
            report.traffic = rows::traffic(&answer);
            self.rate(&mut report, now);
        }
        if let Some(answer) = taken(next(), PoolerPart::Lists, &mut unread) {
            report.sockets = rows::sockets(&answer);
        }
        if wants_settings {
            self.settings = Some((now, next().map(|answer| rows::settings(&answer))));
        }
        report.unread = unread;
        self.put_settings(&mut report, now);

        let asked = self.sockets.as_ref().map(|(asked, _)| *asked);
        if is_due(asked) || are_few(&report) || waits_without_a_server(&report) {
            let mut answers = session.ask(&[Show::Servers, Show::Clients], deadline).await?.into_iter();
            let mut next = || answers.next().unwrap_or(Err(Refusal::Unknown));
            let servers = next().map(|answer| sockets::servers(&answer));
            let login_waits = next().map(|answer| sockets::login_waits(&answer));
            self.sockets = Some((now, Sockets { servers, login_waits }));
        }
        self.put_sockets(&mut report, now);
        Ok(report)
    }

    fn put_settings(&self, report: &mut PoolerReport, now: Moment) {
        let Some((asked, settings)) = &self.settings else { return };
        match settings {
            Ok(settings) => {
                let by_socket = matches!(self.configured.address, PoolerAddress::Unix(_));
                report.rights = rows::rights(settings, &self.configured.access.user, by_socket);
                report.settings = settings.clone();
                report.settings_asked = (*asked != now).then_some(*asked);
            }
            Err(refusal) => report.unread.push(unread(PoolerPart::Config, refusal)),
        }
    }

    fn put_sockets(&self, report: &mut PoolerReport, now: Moment) {
        let Some((asked, sockets)) = &self.sockets else { return };
        report.sockets_asked = (*asked != now).then_some(*asked);
        match &sockets.servers {
            Ok(servers) => report.servers = Some(servers.clone()),
            Err(refusal) => report.unread.push(unread(PoolerPart::Servers, refusal)),
        }
        match &sockets.login_waits {
            Ok(waits) => report.login_waits.clone_from(waits),
            Err(refusal) => report.unread.push(unread(PoolerPart::Clients, refusal)),
        }
    }

    /// How fast the counters have grown since they were read last. One that has shrunk began anew.
    fn rate(&mut self, report: &mut PoolerReport, now: Moment) {
        let before = self.counted.take();
        let span = before.as_ref().map(|(at, _)| now.since(*at)).filter(|span| *span >= SHORTEST);
        for traffic in &mut report.traffic {
            let Some((before, span)) = before.as_ref().zip(span) else { break };
            let (transactions, queries) = before.1.get(&traffic.database).copied().unwrap_or_default();
            let rate = |now: Option<u64>, before: Option<u64>| {
                now?.checked_sub(before?).map(|grown| grown as f64 / span.as_secs_f64())
            };
            traffic.transaction_rate = rate(traffic.transactions, transactions);
            traffic.query_rate = rate(traffic.queries, queries);
        }
        let counters =
            report.traffic.iter().map(|traffic| (traffic.database.clone(), (traffic.transactions, traffic.queries)));
        self.counted = Some((now, counters.collect()));
    }

    fn endpoint_text(&self) -> Text {
        Text::new(self.configured.address.to_string())
    }

    fn failure(&self, error: &ConsoleError) -> SourceError {
        source_error(error, &self.endpoint_text(), self.password.hint())
    }
}

/// The password of a pooler: as libpq looks for one, for a socket under the name of this host.
pub(super) fn password(configured: &Configured, environment: Arc<Environment>) -> Password {
    password_for(configured, &configured.access, environment)
}

/// The password for logging in to it by `access`.
pub(super) fn password_for(
    configured: &Configured,
    access: &PostgresAccess,
    environment: Arc<Environment>,
) -> Password {
    let (host, port) = match &configured.address {
        PoolerAddress::Tcp(host, port) => (host.as_str(), *port),
        PoolerAddress::Unix(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            ("localhost", name.rsplit('.').next().and_then(|port| port.parse().ok()).unwrap_or_default())
        }
    };
    Password::new(access, &Address { host: Text::new(host), port }, environment)
}

fn taken(answer: Result<Rows, Refusal>, part: PoolerPart, missing: &mut Vec<UnreadPoolerPart>) -> Option<Rows> {
    answer.map_err(|refusal| missing.push(unread(part, &refusal))).ok()
}

fn unread(part: PoolerPart, refusal: &Refusal) -> UnreadPoolerPart {
    UnreadPoolerPart { part, why: Text::redacted(refusal.to_string()) }
}

fn are_few(report: &PoolerReport) -> bool {
    let sockets = report.sockets;
    let all = sockets.used_clients.zip(sockets.used_servers);
    all.is_some_and(|(clients, servers)| clients.saturating_add(servers) <= FEW_SOCKETS)
}

/// Then it matters for whom they wait.
fn waits_without_a_server(report: &PoolerReport) -> bool {
    report.pools.iter().any(|pool| pool.has_no_server() == Some(true))
        && report.sockets.used_clients.is_some_and(|clients| clients <= FEW_SOCKETS * 10)
}

impl Observe for PgBouncer {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.endpoint_text()
    }

    fn pace(&self) -> PollPace {
        PollPace::Each
    }

    fn demand_all(&mut self) {
        self.demanded = true;
    }

    fn observe(&mut self, now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move { Ok(Facts::Pooler(Box::new(self.ask(now).await?))) })
    }
}
