//! Detail of a member.

use super::super::table::Tone;
use super::super::topology::{notes, tag_text};
use super::super::{tones, units};
use super::Group;
use super::opinions::{Collector, Opinion, opinion_of, says_as};
use crate::model::agent::{AgentReport, Position, Registration};
use crate::model::name::NodeName;
use crate::model::observed::Observed;
use crate::model::postgres::{SqlPart, SqlReport};
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::trend::TrendDirection;
use crate::model::view::MemberView;

/// Everything known of a member; empty for a name the snapshot does not have.
pub fn member(snapshot: &Snapshot, name: &NodeName) -> Vec<Group> {
    let Some(member) = snapshot.member(name) else { return Vec::new() };
    let facts = ConnectionRows { view: snapshot.view(member) };
    let groups =
        [facts.notes(), facts.role(), facts.log(), facts.server(), facts.downstream(), facts.places(), facts.sources()];
    groups.into_iter().flatten().collect()
}

/// A member's wires, asked one by one.
struct ConnectionRows<'a> {
    view: MemberView<'a>,
}

impl<'a> ConnectionRows<'a> {
    fn collector(&self, title: &str) -> Collector {
        Collector::new(title, self.view.snapshot.now)
    }

    fn agent<U>(&self, part: impl FnOnce(&'a AgentReport) -> Option<U>) -> Option<Observed<U>> {
        self.view.member.agent.as_ref()?.fact(self.view.snapshot.now, part)
    }

    fn sql<U>(&self, part: impl FnOnce(&'a SqlReport) -> Option<U>) -> Option<Observed<U>> {
        self.view.member.sql.as_ref()?.fact(self.view.snapshot.now, part)
    }

    fn sql_part<U>(&self, part: SqlPart, draw: impl FnOnce(&'a SqlReport) -> Option<U>) -> Option<Observed<U>> {
        self.view.member.sql.as_ref()?.part(self.view.snapshot.now, part, draw)
    }

    fn record<U>(&self, part: impl FnOnce(&'a Registration) -> Option<U>) -> Option<Observed<U>> {
        let name = &self.view.member.name;
        let record = self.view.snapshot.record()?;
        // What was put together from the nodes' own words is no opinion beside theirs.
        record.last().filter(|record| record.patroni().is_some())?;
        record.fact(self.view.snapshot.now, |content| part(content.member(name)?))
    }

    fn notes(&self) -> Option<Group> {
        let mut group = self.collector("Notes");
        for note in notes(self.view) {
            group.push_unsourced("", note.text, note.tone);
        }
        group.into_group()
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
        group.push_opinions("leader", leaders(view.snapshot));
        let has_dcs = view.snapshot.identity.traits.has_dcs();
        let by_record = view.recorded_role().filter(|_| has_dcs);
        group.push_opinions("role", [role(by_record), role(view.agent_role()), by_sql]);
        let up = |state: &crate::model::role::MemberState| state.is_up().to_string();
        group.push_opinions(
            "state",
            [
                says_as(
                    self.agent(|report| Some(report.replication_state.clone().unwrap_or(report.state.clone()))),
                    ToString::to_string,
                    up,
                ),
                says_as(self.sql(|_| Some(())), |()| "up".to_owned(), |()| true.to_string()),
                says_as(self.record(|record| Some(record.state.clone())), ToString::to_string, up),
            ],
        );
        group.push_opinions(
            "timeline",
            [
                opinion_of(self.sql(|report| report.timeline)),
                opinion_of(self.agent(|report| report.timeline)),
                opinion_of(self.record(|record| record.timeline)),
            ],
        );
        let on_record = view.snapshot.from_record(|content| content.system_id).filter(|_| has_dcs);
        group.push_opinions(
            "system identifier",
            [
                opinion_of(on_record),
                opinion_of(self.agent(|report| report.system_id)),
                opinion_of(self.sql(|report| report.system_id)),
            ],
        );
        if view.role().is_none_or(|role| !role.value.leads() && role.value != Role::Primary) {
            self.following(&mut group);
        }
        group.into_group()
    }

    fn following(&self, group: &mut Collector) {
        let view = self.view;
        let served = view.upstream_rows().map(|(name, row)| opinion_of(Some(row.map(|_| name.clone()))));
        let receiver = opinion_of(view.receiver_upstream());
        let tag = opinion_of(self.agent(|report| report.tags.replicatefrom.clone()));
        group.push_opinions("follows", served.chain([receiver, tag]));
        let rows = view.upstream_rows().filter_map(|(_, row)| {
            let Observed { value, source, at, fresh } = row;
            let word = value.sync?.as_str();
            Some(opinion_of(Some(Observed { value: word, source, at, fresh })))
        });
        let rows: Vec<Opinion> = rows.collect();
        let agent =
            opinion_of(self.agent(|report| report.sync).map(|fact| fact.map(crate::model::role::SyncState::as_str)));
        let record =
            opinion_of(self.record(|record| record.sync).map(|fact| fact.map(crate::model::role::SyncState::as_str)));
        group.push_opinions("synchronous", rows.into_iter().chain([agent, record]));
    }

    fn log(&self) -> Option<Group> {
        let view = self.view;
        let limits = &view.snapshot.thresholds;
        let mut group = self.collector("WAL");
        let position = |fact: Option<Observed<Position>>| {
            fact.map(|fact| {
                fact.map(|position| {
                    let words = match position {
                        Position::Writing { at } => format!("current LSN {}", view.lsn_text(at)),
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
        group.push_opinions(
            "position",
            [
                position(self.sql(|report| Some(report.position))),
                position(self.agent(|report| report.position)),
                says_as(
                    self.record(|record| record.position),
                    |lsn| format!("{} in the DCS", view.lsn_text(*lsn)),
                    |_| String::new(),
                ),
            ],
        );
        let lag = view.lag();
        let bytes = |bytes: &u64| (units::bytes(*bytes), tones::limits(&limits.lag_bytes, *bytes));
        let direction =
            lag.bytes.clone().map(|bytes| bytes.map(|bytes| view.member.lag_trend.map(|t| t.direction(bytes))));
        group.push_if_known("replay lag", lag.bytes, bytes);
        group.push_if_known("lag trend", direction, |direction| match direction {
            None => ("not observed long enough".to_owned(), Tone::Dim),
            Some(TrendDirection::Steady) => ("steady".to_owned(), Tone::Plain),
            Some(TrendDirection::Growing(rate)) => (format!("growing {}", units::bytes_rate(*rate)), Tone::Warning),
            Some(TrendDirection::Shrinking { rate, to_go }) => {
                let words =
                    format!("shrinking {}, about {} to catch up", units::bytes_rate(*rate), units::duration(*to_go));
                (words, Tone::Plain)
            }
        });
        group.push_if_known("receive lag", lag.receive_bytes, bytes);
        group.push_if_known("behind", lag.time, |time| {
            (units::duration(*time), tones::limits(&limits.lag_time, time.saturating_sub(lag.delay)))
        });
        group.push_if_known("replay", self.sql(|report| report.replay), |replay| {
            let delay = format!("delayed by {}", units::duration(replay.delay));
            match (replay.paused, replay.delay.is_zero()) {
                (true, _) => ("paused".to_owned(), Tone::Warning),
                (false, true) => ("runs".to_owned(), Tone::Plain),
                (false, false) => (delay, Tone::Plain),
            }
        });
        group.push_if_known("receiver", self.sql(|report| (!report.knows(SqlPart::Receiver)).then_some(())), |()| {
            ("not visible to this role: grant it pg_monitor".to_owned(), Tone::Stale)
        });
        group.push_if_known("receiver", self.sql(|report| report.receiver.as_ref()), |receiver| {
            let host = receiver.sender_host.as_ref().map(|host| format!(" from {host}")).unwrap_or_default();
            let port = receiver.sender_port.map(|port| format!(":{port}")).unwrap_or_default();
            let slot = receiver.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default();
            let tone = if receiver.status == "streaming" { Tone::Plain } else { Tone::Warning };
            (format!("{}{host}{port}{slot}", receiver.status), tone)
        });
        group.into_group()
    }

    fn server(&self) -> Option<Group> {
        let view = self.view;
        let limits = &view.snapshot.thresholds;
        let mut group = self.collector("Server");
        let version = |number: u32| units::server_version(number);
        group.push_opinions(
            "PostgreSQL",
            [
                says_as(
                    self.sql(|report| Some((report.version, report.version_name().to_owned()))),
                    |(_, name)| name.clone(),
                    |(number, _)| version(*number),
                ),
                opinion_of(self.agent(|report| report.server_version.map(version))),
            ],
        );
        group.push_fact("agent", self.agent(|report| report.agent_version.as_ref()), ToString::to_string);
        group.push_fact("uptime", view.uptime(), |uptime| units::duration(*uptime));
        group.push_if_known("pending restart", view.pending_restart().filter(|pending| pending.value), |_| {
            let settings: Vec<_> = view.pending_settings().iter().map(ToString::to_string).collect();
            (if settings.is_empty() { "settings unknown".to_owned() } else { settings.join(", ") }, Tone::Warning)
        });
        let tags = view.tags().filter(|tags| tags.value != crate::model::agent::Tags::default());
        group.push_fact("tags", tags, |tags| {
            let from = tags.replicatefrom.as_ref().map(|from| format!("replicatefrom {from}"));
            from.into_iter().chain(tag_text(tags)).collect::<Vec<_>>().join(", ")
        });
        group.push_if_known("connections", self.sql(|report| Some(report.connections)), |slots| {
            let Some(used) = slots.used else { return (format!("? of {}", slots.max), Tone::Stale) };
            let tone = units::percent_value(used.into(), slots.max.into())
                .map_or(Tone::Stale, |share| tones::limits(&limits.connections_percent, share));
            let doing = slots.doing.map_or_else(
                || "states not visible".to_owned(),
                |doing| {
                    format!(
                        "{} active, {} idle, {} idle in transaction, {} blocked",
                        doing.active, doing.idle, doing.idle_in_transaction, doing.blocked
                    )
                },
            );
            (format!("{used} of {}: {doing}", slots.max), tone)
        });
        let oldest = self.sql_part(SqlPart::OldestTransaction, |report| report.oldest_transaction.as_ref());
        group.push_if_known("oldest transaction", oldest, |oldest| {
            let words = format!(
                "{}: pid {}, {} as {}",
                units::duration(oldest.age),
                oldest.pid,
                oldest.application,
                oldest.user
            );
            (words, tones::limits(&limits.transaction_age, oldest.age))
        });
        let prepared = self.sql_part(SqlPart::Prepared, |report| (report.prepared_count? > 0).then_some(report));
        group.push_fact("prepared transactions", prepared, |report| {
            let oldest = report.oldest_prepared.as_ref();
            let oldest = oldest.map(|one| format!(", oldest {}", units::duration(one.age))).unwrap_or_default();
            let count = report.prepared_count.map_or_else(|| "?".to_owned(), |count| count.to_string());
            format!("{count}{oldest}")
        });
        let xid = self.sql_part(SqlPart::XidAge, |report| report.xid_age.as_ref());
        group.push_fact("XID age", xid, |xid| {
            format!(
                "{} in {}, autovacuum_freeze_max_age {}",
                units::exact(xid.age),
                xid.database,
                units::exact(xid.freeze_max_age)
            )
        });
        group.push_if_known("archiver", self.sql(|report| report.archiver.as_ref()), |archiver| {
            match (archiver.enabled, archiver.failing) {
                (false, _) => ("off".to_owned(), Tone::Dim),
                (true, true) => (format!("failing, failures: {}", archiver.failed_count), Tone::Critical),
                (true, false) => ("on".to_owned(), Tone::Plain),
            }
        });
        group.push_if_known("privileges", self.sql(|report| (!report.monitor).then_some(())), |()| {
            ("the role lacks pg_monitor: many values are unknown".to_owned(), Tone::Warning)
        });
        group.into_group()
    }

    fn downstream(&self) -> Option<Group> {
        let mut group = self.collector("Standbys connected");
        let rows = self.view.member.sql.as_ref().and_then(|reading| reading.last());
        for (at, row) in rows.into_iter().flat_map(|report| report.downstream.iter().enumerate()) {
            let fact = self.sql(|report| report.downstream.get(at));
            group.push_fact(row.application.as_str(), fact, |row| {
                let state = row.state.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
                let sync = row.sync.map_or("?", crate::model::role::SyncState::as_str);
                let lag = row.replay_lag_bytes.map_or_else(|| "?".to_owned(), units::bytes);
                format!("{state}, {sync}, replay lag {lag}")
            });
        }
        group.into_group()
    }

    fn places(&self) -> Option<Group> {
        let member = self.view.member;
        let mut group = self.collector("Addresses");
        if let Some(url) = &member.agent_url {
            group.push_unsourced("REST queried at", url.clone(), Tone::Plain);
        }
        group.push_fact("REST advertised", self.record(|record| record.api_url.as_ref()), ToString::to_string);
        if let Some(address) = &member.postgres_address {
            group.push_unsourced("PostgreSQL queried at", address.to_string(), Tone::Plain);
        }
        group.push_fact("PostgreSQL advertised", self.record(|record| record.postgres.as_ref()), ToString::to_string);
        group.into_group()
    }

    fn sources(&self) -> Option<Group> {
        let member = self.view.member;
        let mut group = self.collector("Sources");
        if let Some(reading) = &member.agent {
            group.push_reading(reading);
        }
        if let Some(reading) = &member.sql {
            group.push_reading(reading);
        }
        if let Some(reading) = &member.agent_metrics {
            group.push_reading(reading);
        }
        if let Some(reading) = &member.exporter {
            group.push_reading(reading);
        }
        group.into_group()
    }
}

/// Who leads, by everybody who has a say: the lock's holder by each record, and every node that claims to take writes.
fn leaders(snapshot: &Snapshot) -> Vec<Opinion> {
    let now = snapshot.now;
    let nobody = || "no member holds the leader key".to_owned();
    let records = snapshot.records.iter().map(|reading| {
        // Where nobody keeps a record, the nodes' claims stand for themselves; that they do not tell is said.
        if reading.last().is_some_and(|record| record.patroni().is_none()) {
            let doubt = reading.fact(now, |content| content.doubt().cloned());
            return says_as(doubt, ToString::to_string, |_| String::new());
        }
        let holder = reading.fact(now, |content| Some(content.leader.as_ref().map(|leader| &leader.holder)));
        says_as(
            holder,
            |holder| holder.map_or_else(nobody, |name| format!("{name} holds the leader key")),
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
