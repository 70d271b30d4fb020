//! Detail of a member.

use super::super::table::Tone;
use super::super::topology::{notes, tag_words};
use super::super::{tones, units};
use super::Group;
use super::opinions::{Collector, Opinion, says, says_as};
use crate::model::agent::{AgentReport, Position, Registration};
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::trend::Course;
use crate::model::view::MemberView;

/// Everything known of a member; empty for a name the snapshot does not have.
pub fn member(snapshot: &Snapshot, name: &NodeName) -> Vec<Group> {
    let Some(member) = snapshot.member(name) else { return Vec::new() };
    let facts = Wires { view: snapshot.view(member) };
    let groups =
        [facts.notes(), facts.role(), facts.log(), facts.server(), facts.downstream(), facts.places(), facts.sources()];
    groups.into_iter().flatten().collect()
}

/// A member's wires, asked one by one.
struct Wires<'a> {
    view: MemberView<'a>,
}

impl<'a> Wires<'a> {
    fn collector(&self, title: &str) -> Collector {
        Collector::new(title, self.view.snapshot.now)
    }

    fn agent<U>(&self, part: impl FnOnce(&'a AgentReport) -> Option<U>) -> Option<Observed<U>> {
        self.view.member.agent.as_ref()?.fact(self.view.snapshot.now, part)
    }

    fn sql<U>(&self, part: impl FnOnce(&'a SqlReport) -> Option<U>) -> Option<Observed<U>> {
        self.view.member.sql.as_ref()?.fact(self.view.snapshot.now, part)
    }

    fn record<U>(&self, part: impl FnOnce(&'a Registration) -> Option<U>) -> Option<Observed<U>> {
        let name = &self.view.member.name;
        self.view.snapshot.record()?.fact(self.view.snapshot.now, |content| part(content.member(name)?))
    }

    fn notes(&self) -> Option<Group> {
        let mut group = self.collector("Notes");
        for note in notes(self.view) {
            group.line("", note.text, note.tone);
        }
        group.done()
    }

    fn role(&self) -> Option<Group> {
        let view = self.view;
        let mut group = self.collector("Role and state");
        let writes = |role: &Role| if role.is_writable() { "writes".to_owned() } else { "follows".to_owned() };
        let role = |fact: Option<Observed<Role>>| says_as(fact, ToString::to_string, writes);
        let by_sql = says_as(
            view.sql_role(),
            |role| if role.is_writable() { "not in recovery".to_owned() } else { "in recovery".to_owned() },
            writes,
        );
        group.opinions("leader", leaders(view.snapshot));
        group.opinions("role", [role(view.recorded_role()), role(view.agent_role()), by_sql]);
        let up = |state: &crate::model::role::MemberState| state.is_up().to_string();
        group.opinions(
            "state",
            [
                says_as(
                    self.agent(|report| Some(report.replication_state.clone().unwrap_or(report.state.clone()))),
                    ToString::to_string,
                    up,
                ),
                says_as(self.sql(|_| Some(())), |()| "answers".to_owned(), |()| true.to_string()),
                says_as(self.record(|record| Some(record.state.clone())), ToString::to_string, up),
            ],
        );
        group.opinions(
            "timeline",
            [
                says(self.sql(|report| report.timeline)),
                says(self.agent(|report| report.timeline)),
                says(self.record(|record| record.timeline)),
            ],
        );
        let on_record = view.snapshot.recorded(|content| content.system_id);
        group.opinions(
            "system identifier",
            [says(on_record), says(self.agent(|report| report.system_id)), says(self.sql(|report| report.system_id))],
        );
        if view.role().is_none_or(|role| !role.value.leads() && role.value != Role::Primary) {
            self.following(&mut group);
        }
        group.done()
    }

    fn following(&self, group: &mut Collector) {
        let view = self.view;
        let served = view.upstream_rows().map(|(name, row)| says(Some(row.map(|_| name.clone()))));
        let receiver = says(view.receiver_upstream());
        let tag = says(self.agent(|report| report.tags.replicatefrom.clone()));
        group.opinions("follows", served.chain([receiver, tag]));
        let rows = view.upstream_rows().filter_map(|(_, row)| {
            let Observed { value, source, at, fresh } = row;
            let word = value.sync?.word();
            Some(says(Some(Observed { value: word, source, at, fresh })))
        });
        let rows: Vec<Opinion> = rows.collect();
        let agent = says(self.agent(|report| report.sync).map(|fact| fact.map(crate::model::role::SyncState::word)));
        let record = says(self.record(|record| record.sync).map(|fact| fact.map(crate::model::role::SyncState::word)));
        group.opinions("synchronous", rows.into_iter().chain([agent, record]));
    }

    fn log(&self) -> Option<Group> {
        let view = self.view;
        let limits = &view.snapshot.thresholds;
        let mut group = self.collector("Write-ahead log");
        let position = |fact: Option<Observed<Position>>| {
            fact.map(|fact| {
                fact.map(|position| {
                    let words = match position {
                        Position::Writing { at } => format!("writes at {}", view.lsn_text(at)),
                        Position::Replaying { received, replayed, .. } => {
                            let known = |lsn: Option<crate::model::lsn::Lsn>| {
                                lsn.map_or_else(|| "?".to_owned(), |lsn| view.lsn_text(lsn))
                            };
                            format!("received {}, replayed {}", known(received), known(replayed))
                        }
                    };
                    // Two samples of a moving number never agree to the byte; that is no disagreement.
                    (words, String::new())
                })
            })
        };
        group.opinions(
            "position",
            [
                position(self.sql(|report| Some(report.position))),
                position(self.agent(|report| report.position)),
                says_as(
                    self.record(|record| record.position),
                    |lsn| format!("{} on record", view.lsn_text(*lsn)),
                    |_| String::new(),
                ),
            ],
        );
        let lag = view.lag();
        let bytes = |bytes: &u64| (units::bytes(*bytes), tones::limits(&limits.lag_bytes, *bytes));
        let course = lag.bytes.clone().map(|bytes| bytes.map(|bytes| view.member.lag_trend.map(|t| t.course(bytes))));
        group.maybe("to replay", lag.bytes, bytes);
        group.maybe("its trend", course, |course| match course {
            None => ("not watched for long enough".to_owned(), Tone::Dim),
            Some(Course::Steady) => ("steady".to_owned(), Tone::Plain),
            Some(Course::Growing(rate)) => (format!("growing {}", units::bytes_rate(*rate)), Tone::Look),
            Some(Course::Shrinking { rate, to_go }) => {
                let words = format!("shrinking {}, about {} to go", units::bytes_rate(*rate), units::duration(*to_go));
                (words, Tone::Plain)
            }
        });
        group.maybe("to receive", lag.receive_bytes, bytes);
        group.maybe("behind", lag.time, |time| {
            (units::duration(*time), tones::limits(&limits.lag_time, time.saturating_sub(lag.delay)))
        });
        group.maybe("replay", self.sql(|report| report.replay), |replay| {
            let delay = format!("delayed by {}", units::duration(replay.delay));
            match (replay.paused, replay.delay.is_zero()) {
                (true, _) => ("paused".to_owned(), Tone::Look),
                (false, true) => ("runs".to_owned(), Tone::Plain),
                (false, false) => (delay, Tone::Plain),
            }
        });
        group.maybe("receiver", self.sql(|report| (!report.knows(SqlPart::Receiver)).then_some(())), |()| {
            ("hidden from this role: grant it pg_monitor".to_owned(), Tone::Stale)
        });
        group.maybe("receiver", self.sql(|report| report.receiver.as_ref()), |receiver| {
            let host = receiver.sender_host.as_ref().map(|host| format!(" from {host}")).unwrap_or_default();
            let port = receiver.sender_port.map(|port| format!(":{port}")).unwrap_or_default();
            let slot = receiver.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default();
            let tone = if receiver.status == "streaming" { Tone::Plain } else { Tone::Look };
            (format!("{}{host}{port}{slot}", receiver.status), tone)
        });
        group.done()
    }

    fn server(&self) -> Option<Group> {
        let view = self.view;
        let limits = &view.snapshot.thresholds;
        let mut group = self.collector("Server");
        let version = |number: u32| units::server_version(number);
        group.opinions(
            "PostgreSQL",
            [
                says_as(
                    self.sql(|report| Some((report.version, report.version_name().to_owned()))),
                    |(_, name)| name.clone(),
                    |(number, _)| version(*number),
                ),
                says(self.agent(|report| report.server_version.map(version))),
            ],
        );
        group.plain("agent", self.agent(|report| report.agent_version.as_ref()), ToString::to_string);
        group.plain("up for", view.uptime(), |uptime| units::duration(*uptime));
        group.maybe("pending restart", view.pending_restart().filter(|pending| pending.value), |_| {
            let settings: Vec<_> = view.pending_settings().iter().map(ToString::to_string).collect();
            (if settings.is_empty() { "settings not told".to_owned() } else { settings.join(", ") }, Tone::Look)
        });
        let tags = view.tags().filter(|tags| tags.value != crate::model::agent::Tags::default());
        group.plain("tags", tags, |tags| {
            let from = tags.replicatefrom.as_ref().map(|from| format!("replicatefrom {from}"));
            from.into_iter().chain(tag_words(tags)).collect::<Vec<_>>().join(", ")
        });
        group.maybe("connections", self.sql(|report| Some(report.connections)), |slots| {
            let Some(used) = slots.used else { return (format!("? of {}", slots.max), Tone::Stale) };
            let tone = units::percent_value(used.into(), slots.max.into())
                .map_or(Tone::Stale, |share| tones::limits(&limits.connections_percent, share));
            let doing = slots.doing.map_or_else(
                || "what they do is hidden".to_owned(),
                |doing| {
                    format!(
                        "{} active, {} idle, {} idle in transaction, {} blocked",
                        doing.active, doing.idle, doing.idle_in_transaction, doing.blocked
                    )
                },
            );
            (format!("{used} of {}: {doing}", slots.max), tone)
        });
        group.maybe("oldest transaction", self.sql(|report| report.oldest_transaction.as_ref()), |oldest| {
            let words = format!(
                "{}: pid {}, {} as {}",
                units::duration(oldest.age),
                oldest.pid,
                oldest.application,
                oldest.user
            );
            (words, tones::limits(&limits.transaction_age, oldest.age))
        });
        group.plain("prepared transactions", self.sql(|r| (r.prepared_count? > 0).then_some(r)), |report| {
            let oldest = report.oldest_prepared.as_ref();
            let oldest = oldest.map(|one| format!(", oldest {}", units::duration(one.age))).unwrap_or_default();
            let count = report.prepared_count.map_or_else(|| "?".to_owned(), |count| count.to_string());
            format!("{count}{oldest}")
        });
        group.plain("transaction id age", self.sql(|report| report.xid_age.as_ref()), |xid| {
            format!("{} in {}, freezes at {}", units::exact(xid.age), xid.database, units::exact(xid.freeze_max_age))
        });
        group.maybe("archiver", self.sql(|report| report.archiver.as_ref()), |archiver| {
            match (archiver.enabled, archiver.failing) {
                (false, _) => ("off".to_owned(), Tone::Dim),
                (true, true) => (format!("failing, {} failures", archiver.failed_count), Tone::Act),
                (true, false) => ("on".to_owned(), Tone::Plain),
            }
        });
        group.maybe("privileges", self.sql(|report| (!report.monitor).then_some(())), |()| {
            ("the role is not in pg_monitor: much is unknown".to_owned(), Tone::Look)
        });
        group.done()
    }

    fn downstream(&self) -> Option<Group> {
        let mut group = self.collector("Standbys it serves");
        let rows = self.view.member.sql.as_ref().and_then(|reading| reading.last());
        for (at, row) in rows.into_iter().flat_map(|report| report.downstream.iter().enumerate()) {
            let fact = self.sql(|report| report.downstream.get(at));
            group.plain(row.application.as_str(), fact, |row| {
                let state = row.state.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
                let sync = row.sync.map_or("?", crate::model::role::SyncState::word);
                let lag = row.replay_lag.map_or_else(|| "?".to_owned(), units::bytes);
                format!("{state}, {sync}, {lag} to replay")
            });
        }
        group.done()
    }

    fn places(&self) -> Option<Group> {
        let member = self.view.member;
        let mut group = self.collector("Addresses");
        if let Some(url) = &member.agent_url {
            group.line("REST asked at", url.clone(), Tone::Plain);
        }
        group.plain("REST advertised", self.record(|record| record.api_url.as_ref()), ToString::to_string);
        if let Some(address) = &member.postgres_address {
            group.line("PostgreSQL asked at", address.to_string(), Tone::Plain);
        }
        group.plain("PostgreSQL advertised", self.record(|record| record.postgres.as_ref()), ToString::to_string);
        group.done()
    }

    fn sources(&self) -> Option<Group> {
        let member = self.view.member;
        let mut group = self.collector("Sources");
        if let Some(reading) = &member.agent {
            group.reading(reading);
        }
        if let Some(reading) = &member.sql {
            group.reading(reading);
        }
        if let Some(reading) = &member.agent_metrics {
            group.reading(reading);
        }
        if let Some(reading) = &member.exporter {
            group.reading(reading);
        }
        group.done()
    }
}

/// Who leads, by everybody who has a say: the lock's holder by each record, and every node that claims to take writes.
fn leaders(snapshot: &Snapshot) -> Vec<Opinion> {
    let now = snapshot.now;
    let nobody = || "nobody holds the lock".to_owned();
    let records = snapshot.records.iter().map(|reading| {
        let holder = reading.fact(now, |content| Some(content.leader.as_ref().map(|leader| &leader.holder)));
        says_as(
            holder,
            |holder| holder.map_or_else(nobody, |name| format!("{name} holds the lock")),
            |holder| holder.map(ToString::to_string).unwrap_or_default(),
        )
    });
    let claims = snapshot.views().flat_map(|view| {
        let name = view.member.name.clone();
        let agent = view.agent_role().filter(|role| role.value.is_writable());
        let sql = view.sql_role().filter(|role| role.value.is_writable());
        [
            says_as(agent, |role| format!("{name} is {role}"), |_| name.to_string()),
            says_as(sql, |_| format!("{name} is not in recovery"), |_| name.to_string()),
        ]
    });
    records.chain(claims).collect()
}
