//! Clients of a node: made up anew from the time alone, so that nothing is stored and everybody sees the same.

use std::sync::LazyLock;
use std::time::Duration;

use crate::model::postgres::{Activity, ApplicationLoad, Connections, LongTransaction, Session};
use crate::model::text::Text;

use super::super::core::World;
use super::super::core::clock::{MILLISECOND, SECOND, Time, noise, span};
use super::super::core::ended_sessions::{JOB_PID, MIGRATION_PID};
use super::texts::TEXTS;

/// `max_connections`.
const MAX_CONNECTIONS: u32 = 400;
/// `superuser_reserved_connections` and `reserved_connections`.
const RESERVED: u32 = 13;
/// Sessions of the manager, the exporter and the like.
const HOUSEKEEPING: u32 = 5;
/// Sessions running something that are told one by one.
const MAX_REPORTED: u32 = 24;

/// One application and what it runs.
struct Application {
    name: Text,
    user: Text,
    clients: [Text; 4],
    queries: Vec<Text>,
    /// Part of the sessions of its pool, in percent.
    share: u32,
}

/// Applications of the write pool and of the read pool, and those with a story.
struct Catalogue {
    write_apps: Vec<Application>,
    read_apps: Vec<Application>,
    job_app: Application,
    migration_app: Application,
    prepared_app: Text,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let application = |name: &str, user: &str, net: u8, share: u32, queries: &[&str]| Application {
        name: Text::new(name),
        user: Text::new(user),
        clients: [11, 12, 13, 14].map(|host| Text::new(format!("10.40.{net}.{host}"))),
        queries: queries.iter().map(Text::new).collect(),
        share,
    };
    Catalogue {
        write_apps: vec![
            application(
                "orders-api",
                "orders_app",
                8,
                55,
                &[
                    "INSERT INTO order_lines (order_id, sku, quantity, price) VALUES ($1, $2, $3, $4)",
                    "UPDATE stock SET reserved = reserved + $1 WHERE sku = $2 AND warehouse_id = $3",
                    "SELECT id, state, total FROM orders WHERE customer_id = $1 ORDER BY placed_at DESC LIMIT 20",
                    "COMMIT",
                ],
            ),
            application(
                "billing",
                "billing_app",
                9,
                30,
                &[
                    "INSERT INTO ledger (account_id, amount, reference) SELECT $1, $2, $3",
                    "SELECT * FROM invoices WHERE state = 'due' FOR UPDATE SKIP LOCKED LIMIT 50",
                    "UPDATE invoices SET state = 'sent', sent_at = now() WHERE id = ANY($1)",
                ],
            ),
            application(
                "mailer",
                "mailer",
                10,
                15,
                &[
                    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED)",
                    "SELECT template, body FROM mail_templates WHERE language = $1",
                ],
            ),
        ],
        read_apps: vec![
            application(
                "storefront",
                "shop_ro",
                12,
                80,
                &[
                    "SELECT p.id, p.name, p.price FROM products p JOIN product_tags t USING (id) WHERE t.tag = $1",
                    "SELECT sku, available FROM stock WHERE sku = ANY($1)",
                    "SELECT count(*) FROM reviews WHERE product_id = $1",
                ],
            ),
            application(
                "reporting",
                "report_ro",
                13,
                20,
                &[
                    "SELECT date_trunc('day', placed_at), sum(total) FROM orders GROUP BY 1 ORDER BY 1",
                    "SELECT region, percentile_cont(0.95) WITHIN GROUP (ORDER BY delivery_time) FROM deliveries GROUP BY 1",
                ],
            ),
        ],
        job_app: application(
            "etl-nightly",
            "etl",
            20,
            0,
            &["UPDATE order_archive a SET totals = t.totals FROM totals t"],
        ),
        migration_app: application(
            "schema-migration",
            "deployer",
            21,
            0,
            &["ALTER TABLE orders ADD COLUMN delivery_slot tstzrange"],
        ),
        prepared_app: Text::new("xa-7f31-0042"),
    }
});

/// What one node says of its clients.
pub(crate) struct Clients {
    pub(crate) connections: Connections,
    pub(crate) oldest: Option<LongTransaction>,
    pub(crate) prepared: Option<LongTransaction>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) applications: Vec<ApplicationLoad>,
}

impl World {
    pub(crate) fn clients(&self, index: usize) -> Clients {
        let now = self.clock.now();
        let node = &self.nodes[index];
        let (write, read, any) = self.router.sessions_on(index);
        let (write, read) = (write as u32, (read + any) as u32);
        let pools = [(&CATALOGUE.write_apps, write), (&CATALOGUE.read_apps, read)];
        let begun = if node.writable { node.promoted.max(node.started) } else { node.started };
        let mut sessions = Vec::with_capacity(MAX_REPORTED as usize);
        let mut oldest = None;
        let mut blocked = 0;
        if node.writable && !node.faults.rogue {
            blocked = self.stories_of(index, begun, &mut sessions, &mut oldest);
        }
        let mut applications = Vec::with_capacity(8);
        for (applications_of, count) in pools {
            for application in applications_of {
                applications.push(load_of(application, count * application.share / 100));
            }
            let busy = self.busy(count);
            for slot in 0..busy {
                let Some(session) = self.session(index, applications_of, slot, begun) else { continue };
                let known = applications.iter_mut().find(|load| load.application == session.application);
                if let Some(load) = known {
                    let idles = session.state == TEXTS.idle_in_transaction;
                    load.active += u32::from(!idles);
                    load.idle_in_transaction += u32::from(idles);
                }
                sessions.push(session);
            }
        }
        for session in sessions.iter().filter(|session| session.blocked_by.is_empty()) {
            if let Some(age) = session.transaction_age
                && oldest.as_ref().is_none_or(|known: &LongTransaction| known.age < age)
            {
                let (user, application) = (session.user.clone(), session.application.clone());
                oldest = Some(LongTransaction { pid: session.pid, user, application, age });
            }
        }
        applications.retain(|load| load.sessions > 0);
        applications.sort_by(|a, b| b.sessions.cmp(&a.sessions).then_with(|| a.application.cmp(&b.application)));
        let active = sessions.iter().filter(|session| session.state == TEXTS.active).count() as u32;
        let idle_in_transaction = sessions.len() as u32 - active;
        let full = self
            .session_scenarios
            .connections_percent
            .filter(|_| node.writable)
            .map(|percent| MAX_CONNECTIONS * percent / 100);
        let used = (write + read + HOUSEKEEPING).max(sessions.len() as u32).max(full.unwrap_or(0)).min(MAX_CONNECTIONS);
        Clients {
            connections: Connections {
                used: Some(used),
                max: MAX_CONNECTIONS,
                reserved: RESERVED,
                doing: (!node.faults.weak_role).then_some(Activity {
                    active,
                    idle: used.saturating_sub(active + idle_in_transaction),
                    idle_in_transaction,
                    blocked,
                }),
            },
            oldest,
            prepared: self.session_scenarios.prepared_since.filter(|_| node.writable).map(|since| LongTransaction {
                pid: 0,
                user: CATALOGUE.job_app.user.clone(),
                application: CATALOGUE.prepared_app.clone(),
                age: span(since, now),
            }),
            sessions,
            applications,
        }
    }

    /// How many of `count` sessions run something.
    fn busy(&self, count: u32) -> u32 {
        let load = (self.load.rate * 8 / self.spec.wal_rate.max(1)) as u32;
        (count * (3 + load.min(20)) / 100).min(MAX_REPORTED / 2)
    }

    /// The `slot`th busy session: it changes whenever its present query is over.
    fn session(&self, index: usize, applications: &[Application], slot: u32, begun: Time) -> Option<Session> {
        let now = self.clock.now();
        let place = index as u64 * 1_000 + u64::from(slot);
        let backend = self.backend(index, place, begun);
        // Most queries are short; the first slot has a long one now and then.
        let grain = noise(self.seed, 0x91, place) % 5;
        let length = if slot == 0 { 21 * SECOND } else { (180 * MILLISECOND) << grain };
        let offset = noise(self.seed, 0x92, place) % length;
        // One that was cancelled has nothing to do until its next query.
        let cancelled = backend.cancelled.is_some_and(|at| (at + offset) / length == (now + offset) / length);
        if cancelled || now < backend.started {
            return None;
        }
        let chance = noise(self.seed, 0x93 + place, (now + offset) / length);
        let age = ((now + offset) % length).min(now.saturating_sub(backend.started));
        let application = pick(applications, chance % 100);
        let idles = (chance / 100).is_multiple_of(11);
        let wait = match chance / 2_000 % 10 {
            _ if idles => &TEXTS.client_read,
            _ if self.commits_wait() && self.nodes[index].writable => &TEXTS.sync_rep,
            0 => &TEXTS.data_file_read,
            1 if self.nodes[index].writable => &TEXTS.wal_write,
            2 if self.nodes[index].writable => &TEXTS.wal_sync,
            _ => &TEXTS.empty,
        };
        let queries = &application.queries;
        Some(Session {
            pid: backend.pid,
            database: TEXTS.orders.clone(),
            user: application.user.clone(),
            application: application.name.clone(),
            client: application.clients[(chance / 7 % 4) as usize].clone(),
            state: if idles { TEXTS.idle_in_transaction.clone() } else { TEXTS.active.clone() },
            wait: wait.clone(),
            started: Some(self.clock.wall(backend.started)),
            transaction_age: Some(Duration::from_micros(age + age / 4)),
            query_age: Some(Duration::from_micros(age)),
            blocked_by: Vec::new(),
            waited: None,
            query: queries.get((chance / 31) as usize % queries.len().max(1)).cloned().unwrap_or_default(),
        })
    }

    /// The sessions with a story, which ends with the primary that it began on. Returns how many are blocked.
    fn stories_of(
        &self,
        index: usize,
        begun: Time,
        sessions: &mut Vec<Session>,
        oldest: &mut Option<LongTransaction>,
    ) -> u32 {
        let now = self.clock.now();
        let reported = |application: &Application, pid: i32, since: Time, wait: &Text, idles: bool| Session {
            pid,
            started: Some(self.clock.wall(since)),
            database: TEXTS.orders.clone(),
            user: application.user.clone(),
            application: application.name.clone(),
            client: application.clients[0].clone(),
            state: if idles { TEXTS.idle_in_transaction.clone() } else { TEXTS.active.clone() },
            wait: wait.clone(),
            transaction_age: Some(span(since, now)),
            query_age: Some(span(since, now)),
            blocked_by: Vec::new(),
            waited: None,
            query: application.queries.first().cloned().unwrap_or_default(),
        };
        let long = self.session_scenarios.long_transaction.filter(|spell| spell.covers(now) && spell.since >= begun);
        if let Some(spell) = long {
            let session = reported(&CATALOGUE.job_app, JOB_PID, spell.since, &TEXTS.data_file_read, false);
            *oldest = Some(LongTransaction {
                pid: session.pid,
                user: session.user.clone(),
                application: session.application.clone(),
                age: span(spell.since, now),
            });
            sessions.push(session);
        }
        let Some((spell, most)) =
            self.session_scenarios.locks.filter(|(spell, _)| spell.covers(now) && spell.since >= begun)
        else {
            return 0;
        };
        let holder = MIGRATION_PID;
        sessions.push(reported(&CATALOGUE.migration_app, holder, spell.since, &TEXTS.client_read, true));
        // They queue up one after the other.
        let waiting = most.min(1 + ((now - spell.since) / (2 * SECOND)) as u32).min(40);
        let mut stuck = 0;
        for number in 0..waiting {
            let application = pick(&CATALOGUE.write_apps, u64::from(number) * 37 % 100);
            let since = spell.since + u64::from(number) * 2 * SECOND;
            let wait = if number == 0 { &TEXTS.lock_relation } else { &TEXTS.lock_transaction };
            let pid = 5_100 + number.cast_signed() * 7;
            // Every third waits for the one before it rather than for the migration itself.
            let before = (pid - 7, since - 2 * SECOND);
            let waits_for_one = number % 3 == 2 && !self.is_ended(index, before.0, before.1);
            let blocker = if waits_for_one { before.0 } else { holder };
            if self.is_ended(index, pid, since) {
                continue;
            }
            stuck += 1;
            sessions.push(Session {
                blocked_by: vec![blocker],
                waited: Some(span(since, now)),
                ..reported(application, pid, since, wait, false)
            });
        }
        stuck
    }
}

fn pick(applications: &[Application], percent: u64) -> &Application {
    let mut sum = 0;
    let found = applications.iter().find(|application| {
        sum += u64::from(application.share);
        percent < sum
    });
    found.unwrap_or(&CATALOGUE.job_app)
}

fn load_of(application: &Application, sessions: u32) -> ApplicationLoad {
    ApplicationLoad { application: application.name.clone(), sessions, active: 0, idle_in_transaction: 0 }
}
