//! Detail of a pooler's row, and of one of its databases.

use super::super::table::Tone;
use super::super::units;
use super::Group;
use super::opinions::Collector;
use crate::model::observed::{Observed, Reading};
use crate::model::pooler::{
    GiveUp, LoginWait, PoolerDatabase, PoolerReport, PoolerRights, PoolerRoute, PoolerSettings, ServerAddress,
};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Everything known of the pooler called `name`.
pub fn pooler(snapshot: &Snapshot, name: &Text) -> Vec<Group> {
    let Some(reading) = snapshot.poolers.iter().find(|reading| reading.source.target == *name) else {
        return Vec::new();
    };
    let mut sources = Collector::new("Sources", snapshot.now);
    sources.push_reading(reading);
    for unread in reading.last().iter().flat_map(|report| &report.unread) {
        sources.push_unsourced("", format!("{}: {}", unread.part.as_str(), unread.why), Tone::Stale);
    }
    [settings(snapshot, reading), login_waits(snapshot, reading), sources.into_group()].into_iter().flatten().collect()
}

/// Everything known of the database whose row is called `row_id`.
pub fn pooler_database(snapshot: &Snapshot, row_id: &Text) -> Vec<Group> {
    let found = snapshot.poolers.iter().find_map(|reading| {
        let databases = &reading.last()?.databases;
        let is_it = |one: &&PoolerDatabase| format!("{}/{}", reading.source.target, one.name) == row_id.as_str();
        Some((reading, databases.iter().find(is_it)?))
    });
    let Some((reading, database)) = found else { return Vec::new() };
    let mut sources = Collector::new("Sources", snapshot.now);
    sources.push_reading(reading);
    [routing(snapshot, database), servers(snapshot, reading, database), sources.into_group()]
        .into_iter()
        .flatten()
        .collect()
}

/// The settings that decide what clients see, with the age of the answer that told them.
fn settings(snapshot: &Snapshot, reading: &Reading<PoolerReport>) -> Option<Group> {
    let asked = reading.last().and_then(|report| report.settings_asked);
    let mut group = Collector::new("Settings", snapshot.now);
    let mut say = |label: &str, pick: &dyn Fn(&PoolerSettings) -> Option<String>| {
        let fact = reading.fact(snapshot.now, |report| pick(&report.settings));
        group.push_fact(label, fact.map(|fact| asked_at(fact, asked)), Clone::clone);
    };
    let users = |users: &Option<Vec<Text>>| {
        users.as_ref().map(|users| users.iter().map(Text::as_str).collect::<Vec<_>>().join(", "))
    };
    say("pool_mode", &|settings| settings.mode.as_ref().map(|mode| mode.as_str().to_owned()));
    say("default_pool_size", &|settings| settings.default_pool_size.map(|size| size.to_string()));
    say("max_client_conn", &|settings| settings.max_client_connections.map(|most| most.to_string()));
    say("query_wait_timeout", &|settings| {
        settings.query_wait_timeout.map(|limit| match limit {
            GiveUp::Never => "off".to_owned(),
            GiveUp::After(span) => units::duration(span),
        })
    });
    say("server_login_retry", &|settings| settings.server_login_retry.map(units::duration));
    say("auth_type", &|settings| settings.auth_type.as_ref().map(ToString::to_string));
    say("admin_users", &|settings| users(&settings.admin_users));
    say("stats_users", &|settings| users(&settings.stats_users));
    let rights = reading.fact(snapshot.now, |report| match report.rights {
        PoolerRights::Admin => Some("all (admin_users)"),
        PoolerRights::Stats => Some("read-only (stats_users)"),
        PoolerRights::Unknown => None,
    });
    group.push_fact("rights of this console", rights, |rights| (*rights).to_owned());
    group.into_group()
}

/// Who waits without any wait being counted.
fn login_waits(snapshot: &Snapshot, reading: &Reading<PoolerReport>) -> Option<Group> {
    let report = reading.last()?;
    let mut group = Collector::new("Clients waiting for their login", snapshot.now);
    for LoginWait { database, user, clients, longest } in report.login_waits.iter().flatten() {
        let fact = reading.fact(snapshot.now, |_| {
            let longest = longest.map(|longest| format!(", the longest for {}", units::duration(longest)));
            Some(format!("{clients}{}", longest.unwrap_or_default()))
        });
        let fact = fact.map(|fact| asked_at(fact, report.sockets_asked));
        group.push_if_known(&format!("{database}/{user}"), fact, |words| (words.clone(), Tone::Warning));
    }
    group.into_group()
}

fn routing(snapshot: &Snapshot, database: &PoolerDatabase) -> Option<Group> {
    let mut group = Collector::new("Routing", snapshot.now);
    let address = database.address().unwrap_or_else(|| "Unix socket".into());
    group.push_unsourced("address", address, Tone::Plain);
    if let Some(name) = database.backend_database.as_ref().filter(|name| **name != database.name) {
        group.push_unsourced("database there", name.clone(), Tone::Plain);
    }
    for route in snapshot.pooler_routes(database) {
        let tone = match route {
            PoolerRoute::Member { .. } | PoolerRoute::Router { .. } => Tone::Plain,
            PoolerRoute::Contradicted(_) => Tone::Warning,
            PoolerRoute::Unknown => Tone::Dim,
        };
        group.push_unsourced("routes to", route.describe(), tone);
    }
    let (words, tone) = match snapshot.leads_to_primary(database) {
        Some(true) => ("yes", Tone::Ok),
        Some(false) => ("no", Tone::Warning),
        None => ("unknown", Tone::Stale),
    };
    group.push_unsourced("that is the primary", words, tone);
    let meant = if database.is_configured { "yes, by the configuration" } else { "not configured" };
    group.push_unsourced("must be the primary", meant, Tone::Dim);
    group.into_group()
}

/// Where the sockets really are.
fn servers(snapshot: &Snapshot, reading: &Reading<PoolerReport>, database: &PoolerDatabase) -> Option<Group> {
    let report = reading.last()?;
    let mut group = Collector::new("Server connections", snapshot.now);
    let own = report.servers.iter().flatten().filter(|server| server.database == database.name);
    for server in own {
        let fact = reading.fact(snapshot.now, |_| Some(words(snapshot, server)));
        let tone = if server.closing > 0 { Tone::Warning } else { Tone::Plain };
        let port = server.port.map(|port| format!(":{port}")).unwrap_or_default();
        let fact = fact.map(|fact| asked_at(fact, report.sockets_asked));
        group.push_if_known(&format!("{}{port}", server.address), fact, |words| (words.clone(), tone));
    }
    group.into_group()
}

fn words(snapshot: &Snapshot, server: &ServerAddress) -> String {
    let owner = snapshot.server_address_owner(server).describe();
    let closing = if server.closing > 0 { format!(", {} closing", server.closing) } else { String::new() };
    format!("{}, {} active{closing}: {owner}", server.connections, server.active)
}

/// What was asked for before the rest has an age of its own.
fn asked_at<T>(fact: Observed<T>, asked: Option<crate::model::moment::Moment>) -> Observed<T> {
    Observed { at: asked.unwrap_or(fact.at), ..fact }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pooler::test_support::{pooler as reading, working};
    use crate::model::source::SourceKind;
    use crate::model::test_support::{healthy, reading_of, seconds};

    fn line<'a>(groups: &'a [Group], label: &str) -> &'a super::super::FactLine {
        let mut facts = groups.iter().flat_map(|group| &group.facts);
        facts.find(|fact| fact.label == label).unwrap_or_else(|| panic!("no {label} in {groups:#?}"))
    }

    #[test]
    fn settings_have_the_age_of_the_answer_that_told_them() {
        let mut snapshot = healthy();
        let report = PoolerReport { settings_asked: Some(snapshot.now - seconds(8)), ..working() };
        snapshot.poolers = vec![reading_of(SourceKind::Pooler, "edge", 100, report)];
        let groups = pooler(&snapshot, &"edge".into());
        let limit = line(&groups, "query_wait_timeout");
        assert_eq!((limit.value.as_str(), limit.age), ("2 min", Some(seconds(8))));
        assert_eq!(line(&groups, "rights of this console").value, "read-only (stats_users)");
        assert!(pooler(&snapshot, &"other".into()).is_empty());
    }

    #[test]
    fn a_database_says_by_what_its_member_is_known_and_where_its_servers_are() {
        let mut snapshot = healthy();
        let server = ServerAddress {
            database: "shop".into(),
            address: "10.0.0.1".into(),
            port: Some(5432),
            connections: 3,
            active: 2,
            closing: 2,
        };
        let report = PoolerReport { servers: Some(vec![server]), ..working() };
        snapshot.poolers = vec![reading_of(SourceKind::Pooler, "edge", 100, report)];
        let groups = pooler_database(&snapshot, &"edge/shop".into());
        assert!(line(&groups, "routes to").value.as_str().starts_with("pg-0 by "), "{groups:#?}");
        let old = line(&groups, "10.0.0.1:5432");
        assert!(old.value.as_str().starts_with("3, 2 active, 2 closing: pg-1 by "), "{old:?}");
        assert_eq!(old.tone, Tone::Warning);
        snapshot.poolers = vec![reading()];
        assert!(pooler_database(&snapshot, &"edge/other".into()).is_empty());
    }
}
