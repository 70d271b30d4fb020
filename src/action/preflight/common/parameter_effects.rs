//! What values of PostgreSQL's parameters do in a cluster, though any server takes them: Patroni keeps its own instead, a
//! server would not start again, no old leader could be rewound. Source: `config.py` and `rewind.py` of Patroni 3.3 to 4.1;
//! what PostgreSQL checks at its start.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::action::note::CheckNote;
use crate::action::parameters::text_of;
use crate::action::preflight::context::{CheckContext, block, warn};
use crate::model::agent_reading;
use crate::model::name::NodeName;
use crate::model::postgres::SqlReport;
use crate::model::setting::{Read, Settings};

const CHECK: &str = "configuration-values";

/// What becomes of a value, and whether it is refused for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Effect {
    /// Patroni sets another.
    Kept,
    /// PostgreSQL ends at its start.
    NoStart,
    /// It may, where the machine or its files do not suffice.
    MayNotStart,
    /// An old leader that has diverged must be copied.
    NoRewind,
    /// As far as is known.
    MayNotRewind,
    /// The leader must be restarted before its replicas.
    LeaderFirst,
    /// WAL is kept without an end.
    KeepsWal,
    /// Clients wait, or are refused.
    StopsWrites,
    /// A crash of the host leaves damaged data.
    Damages,
}

impl Effect {
    /// Refused, unless an operator says otherwise; else warned of.
    fn is_refused(self) -> bool {
        matches!(self, Self::Kept | Self::NoStart | Self::NoRewind)
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Kept => "has no effect here",
            Self::NoStart => "a server would not start with it",
            Self::MayNotStart => "a server may not start with it, so restart one replica first",
            Self::NoRewind => "pg_rewind of a former leader becomes impossible, it needs a reinit",
            Self::MayNotRewind => "pg_rewind of a former leader may become impossible, it may need a reinit",
            Self::LeaderFirst => "restart the leader before the replicas",
            Self::KeepsWal => "WAL would accumulate until the disk is full",
            Self::StopsWrites => "writes may hang",
            Self::Damages => "a crash of the host may corrupt the data",
        }
    }
}

/// One value of one parameter, and what it is set beside.
struct Case<'a> {
    context: &'a CheckContext<'a>,
    name: &'a str,
    value: String,
    parameters: &'a Map<String, Value>,
}

/// A parameter, what a value of it does, and the reason where this one does it.
struct Row {
    name: &'static str,
    effect: Effect,
    when: fn(&Case<'_>) -> Option<String>,
}

const fn row(name: &'static str, effect: Effect, when: fn(&Case<'_>) -> Option<String>) -> Row {
    Row { name, effect, when }
}

const ROWS: [Row; 38] = [
    row("wal_level", Effect::Kept, |case| {
        let why = "Patroni uses replica instead, because minimal does not allow standbys or walsenders";
        case.is("minimal").then(|| why.to_owned())
    }),
    row("wal_level", Effect::NoStart, lacks_decoding),
    row("wal_log_hints", Effect::Kept, |case| {
        (case.is_off() && case.has_agent_before_4()).then(|| "Patroni before 4.0 forces it on for pg_rewind".to_owned())
    }),
    row("wal_log_hints", Effect::NoRewind, |case| {
        let why = "pg_rewind requires it or data checksums, which are off";
        (case.is_off() && !case.has_agent_before_4() && case.checksums() == Some(false)).then(|| why.to_owned())
    }),
    row("wal_log_hints", Effect::MayNotRewind, |case| {
        let why = "pg_rewind requires it or data checksums, whose state is unknown";
        (case.is_off() && !case.has_agent_before_4() && case.checksums().is_none()).then(|| why.to_owned())
    }),
    row("recovery_target", Effect::Kept, no_target),
    row("recovery_target_name", Effect::Kept, no_target),
    row("recovery_target_time", Effect::Kept, no_target),
    row("recovery_target_xid", Effect::Kept, no_target),
    row("recovery_target_lsn", Effect::Kept, no_target),
    row("recovery_target_inclusive", Effect::Kept, no_target),
    row("recovery_target_action", Effect::Kept, no_target),
    row("max_connections", Effect::NoStart, no_room),
    row("superuser_reserved_connections", Effect::NoStart, no_room),
    row("reserved_connections", Effect::NoStart, no_room),
    row("max_connections", Effect::LeaderFirst, falls),
    row("max_locks_per_transaction", Effect::LeaderFirst, falls),
    row("max_prepared_transactions", Effect::LeaderFirst, falls),
    row("max_wal_senders", Effect::LeaderFirst, falls),
    row("max_worker_processes", Effect::LeaderFirst, falls),
    row("max_replication_slots", Effect::NoStart, too_few_slots),
    row("max_wal_size", Effect::NoStart, under_two_segments),
    row("min_wal_size", Effect::NoStart, under_two_segments),
    row("shared_buffers", Effect::MayNotStart, grows),
    row("wal_buffers", Effect::MayNotStart, grows),
    row("min_dynamic_shared_memory", Effect::MayNotStart, grows),
    row("huge_pages", Effect::MayNotStart, |case| {
        case.is_on().then(|| {
            "PostgreSQL does not start if the kernel has too few huge pages; with try it starts without".to_owned()
        })
    }),
    row("shared_preload_libraries", Effect::MayNotStart, |case| {
        (!case.value.is_empty()).then(|| "each library must be installed on every node".to_owned())
    }),
    row("unix_socket_directories", Effect::MayNotStart, on_every_node),
    row("hba_file", Effect::MayNotStart, on_every_node),
    row("ident_file", Effect::MayNotStart, on_every_node),
    row("ssl_cert_file", Effect::MayNotStart, on_every_node),
    row("ssl_key_file", Effect::MayNotStart, on_every_node),
    row("archive_mode", Effect::KeepsWal, |case| {
        let has = |name| case.beside(name).is_none_or(|command| !command.is_empty());
        let is_archiving = has("archive_command") || has("archive_library");
        let why = "neither archive_command nor archive_library is set";
        ((case.is_on() || case.is("always")) && !is_archiving).then(|| why.to_owned())
    }),
    row("synchronous_standby_names", Effect::StopsWrites, |case| {
        let mode = crate::action::preflight::patroni::synchronous::synchronous_mode(case.context)
            .is_some_and(|mode| mode.value);
        let why = "commits wait for the listed standbys even if they are down: use synchronous_mode instead";
        (!mode && !case.value.trim().is_empty()).then(|| why.to_owned())
    }),
    row("default_transaction_read_only", Effect::StopsWrites, |case| {
        case.is_on().then(|| "transactions are read-only by default".to_owned())
    }),
    row("fsync", Effect::Damages, |case| case.is_off().then(|| "committed data may never reach the disk".to_owned())),
    row("full_page_writes", Effect::Damages, |case| case.is_off().then(|| "torn pages cannot be repaired".to_owned())),
];

/// What each parameter that is set does here.
pub(in crate::action::preflight) fn examine(
    context: &CheckContext<'_>,
    parameters: &Map<String, Value>,
    notes: &mut Vec<CheckNote>,
) {
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
        let case = Case { context, name, value: text_of(value), parameters };
        for row in ROWS.iter().filter(|row| row.name.eq_ignore_ascii_case(name)) {
            let Some(why) = (row.when)(&case) else { continue };
            let text = format!("{name}={}: {}: {why}", case.value, row.effect.describe());
            notes.push(if row.effect.is_refused() { block(CHECK, text).overridable() } else { warn(CHECK, text) });
        }
    }
}

impl<'a> Case<'a> {
    fn is(&self, word: &str) -> bool {
        self.value.trim().eq_ignore_ascii_case(word)
    }

    fn is_on(&self) -> bool {
        agent_reading::flag(&Value::String(self.value.trim().to_owned())) == Some(true)
    }

    fn is_off(&self) -> bool {
        agent_reading::flag(&Value::String(self.value.trim().to_owned())) == Some(false)
    }

    fn has_agent_before_4(&self) -> bool {
        let now = self.context.snapshot.now;
        let mut agents = self.context.snapshot.members.iter().filter_map(|member| member.agent.as_ref()?.fresh(now));
        agents.any(|agent| agent.agent_version.is_some() && !agent.is_at_least((4, 0, 0)))
    }

    /// Servers that answer over SQL.
    fn servers(&self) -> impl Iterator<Item = (&'a NodeName, &'a SqlReport)> {
        let context = self.context;
        let views = context.snapshot.views().filter(|view| !view.is_missing());
        views.filter_map(|view| Some((view.name(), context.sql(view)?.value)))
    }

    fn of_leader(&self) -> Option<(&'a NodeName, Arc<Settings>)> {
        let view = self.context.leader_view()?;
        Some((view.name(), self.context.sql(view)?.value.settings.clone()?))
    }

    fn checksums(&self) -> Option<bool> {
        let (_, settings) = self.of_leader()?;
        agent_reading::flag(&Value::String(settings.get("data_checksums")?.value.to_string()))
    }

    /// The parameter called `name` as it will be: set beside this one, else as the leader has it.
    fn beside(&self, name: &str) -> Option<String> {
        let set = self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match set.map(|(_, value)| value).filter(|value| !value.is_null()) {
            Some(value) => Some(text_of(value)),
            None => Some(self.of_leader()?.1.get(name)?.value.to_string()),
        }
    }

    /// The same as a number in the setting's unit.
    fn number(&self, name: &str) -> Option<f64> {
        number(&self.of_leader()?.1, name, &self.beside(name)?)
    }
}

fn number(settings: &Settings, name: &str, value: &str) -> Option<f64> {
    match settings.get(name)?.definition.kind.read(value) {
        Ok(Read::Number(number)) => Some(number),
        Ok(Read::Flag(_) | Read::Text(_)) | Err(_) => None,
    }
}

fn no_target(case: &Case<'_>) -> Option<String> {
    let why = "Patroni clears it when it starts a standby, because the standby would stop, pause or be promoted there";
    (!case.is("")).then(|| why.to_owned())
}

fn on_every_node(case: &Case<'_>) -> Option<String> {
    (!case.is("")).then(|| "the file or directory must exist on every node".to_owned())
}

/// A slot that decodes keeps a server from starting once its WAL cannot be decoded; from PostgreSQL 19 on the slot itself
/// raises the level.
fn lacks_decoding(case: &Case<'_>) -> Option<String> {
    if case.is("logical") || case.is("minimal") {
        return None;
    }
    let (name, slot) = case.servers().filter(|(_, sql)| sql.version < 190_000).find_map(|(name, sql)| {
        let slot = sql.slots.iter().find(|slot| slot.logical && !slot.temporary)?;
        Some((name, slot))
    })?;
    Some(format!("logical slot {} on {name} requires wal_level logical: drop it first", slot.name))
}

/// PostgreSQL wants room beside the connections that it keeps back.
fn no_room(case: &Case<'_>) -> Option<String> {
    let most = case.number("max_connections")?;
    let kept = case.number("superuser_reserved_connections")? + case.number("reserved_connections").unwrap_or(0.0);
    (kept >= most).then(|| format!("{kept} of {most} connections are reserved"))
}

/// A standby must have at least as much as its primary had. Patroni starts it with the primary's value as long as that lasts.
fn falls(case: &Case<'_>) -> Option<String> {
    let (leader, settings) = case.of_leader()?;
    let present = settings.get(case.name)?;
    let (old, new) =
        (number(&settings, case.name, present.value.as_str())?, number(&settings, case.name, &case.value)?);
    (new < old).then(|| {
        format!(
            "{leader} has {old}, and replicas keep that value until the leader has been restarted with the lower one"
        )
    })
}

/// Every slot on disk wants its place.
fn too_few_slots(case: &Case<'_>) -> Option<String> {
    let most = case.value.trim().parse::<usize>().ok()?;
    let kept = |sql: &SqlReport| sql.slots.iter().filter(|slot| !slot.temporary).count();
    let (name, count) = case
        .servers()
        .map(|(name, sql)| (name, kept(sql)))
        .filter(|(_, count)| *count > most)
        .max_by_key(|(_, c)| *c)?;
    Some(format!("{name} has {count} slots"))
}

fn under_two_segments(case: &Case<'_>) -> Option<String> {
    let (_, settings) = case.of_leader()?;
    // Both in their own units: megabytes, and bytes.
    let size = number(&settings, case.name, &case.value)? * 1_048_576.0;
    let segment = number(&settings, "wal_segment_size", settings.get("wal_segment_size")?.value.as_str())?;
    (size < segment * 2.0).then(|| format!("it must be at least two segments of {} MB", segment / 1_048_576.0))
}

/// Memory that is taken at the start.
fn grows(case: &Case<'_>) -> Option<String> {
    const THRESHOLD: f64 = 2.0;
    let (leader, settings) = case.of_leader()?;
    let present = settings.get(case.name)?;
    let old = number(&settings, case.name, present.value.as_str()).filter(|old| *old > 0.0)?;
    let new = number(&settings, case.name, &case.value)?;
    (new >= old * THRESHOLD)
        .then(|| format!("{leader} has {}; unknown whether every host has enough memory", present.shown()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::action::note::CheckVerdict;
    use crate::action::parameters::GUARDED_PARAMETERS;
    use crate::action::test_support::{agent, config, configure, healthy, settings, sql};
    use crate::model::postgres::Slot;
    use crate::model::snapshot::Snapshot;

    fn notes_for(snapshot: &Snapshot, name: &str, value: Value) -> Vec<CheckNote> {
        let parameters: Map<String, Value> = [(name.to_owned(), value)].into_iter().collect();
        let changes = configure(&json!({"postgresql": {"parameters": parameters}}));
        let notes = crate::action::preflight::examine(snapshot, &changes);
        notes.into_iter().filter(|note| note.check == *CHECK).collect()
    }

    fn holding(held: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = healthy();
        for number in 0..3 {
            sql(&mut snapshot, number, |report| report.settings = Some(settings(held)));
        }
        snapshot
    }

    fn usual() -> Snapshot {
        holding(&[])
    }

    fn before_4() -> Snapshot {
        let mut snapshot = usual();
        agent(&mut snapshot, 1, |report| report.agent_version = Some("3.3.6".into()));
        snapshot
    }

    fn without_sql() -> Snapshot {
        let mut snapshot = healthy();
        snapshot.members.iter_mut().for_each(|member| member.sql = None);
        snapshot
    }

    fn with_slots() -> Snapshot {
        let mut snapshot = usual();
        let slot = |name: &str, logical| Slot { name: name.into(), logical, ..slot() };
        sql(&mut snapshot, 0, |report| {
            report.slots = (0..5).map(|number| slot(&format!("s{number}"), number == 3)).collect();
        });
        snapshot
    }

    fn slot() -> Slot {
        crate::model::test_support::slot("s", true)
    }

    fn asynchronous() -> Snapshot {
        let mut snapshot = usual();
        config(&mut snapshot, |config| config.synchronous_mode = false);
        snapshot
    }

    /// Parameter, value, effect, reason; and a picture in which it is so.
    type EffectExample = (&'static str, &'static str, Effect, &'static str, fn() -> Snapshot);

    const EFFECT_EXAMPLES: [EffectExample; 38] = [
        ("wal_level", "minimal", Effect::Kept, "uses replica instead", without_sql),
        ("wal_level", "replica", Effect::NoStart, "logical slot s3 on pg-0", with_slots),
        ("wal_log_hints", "off", Effect::Kept, "before 4.0", before_4),
        ("wal_log_hints", "false", Effect::NoRewind, "which are off", usual),
        ("wal_log_hints", "0", Effect::MayNotRewind, "unknown", without_sql),
        ("recovery_target", "immediate", Effect::Kept, "Patroni clears it", without_sql),
        ("recovery_target_name", "x", Effect::Kept, "Patroni clears it", usual),
        ("recovery_target_time", "x", Effect::Kept, "Patroni clears it", usual),
        ("recovery_target_xid", "7", Effect::Kept, "Patroni clears it", usual),
        ("recovery_target_lsn", "0/1", Effect::Kept, "Patroni clears it", usual),
        ("recovery_target_inclusive", "off", Effect::Kept, "Patroni clears it", usual),
        ("recovery_target_action", "promote", Effect::Kept, "Patroni clears it", usual),
        ("max_connections", "3", Effect::NoStart, "3 of 3 connections are reserved", usual),
        ("superuser_reserved_connections", "100", Effect::NoStart, "of 100 connections are reserved", usual),
        ("reserved_connections", "97", Effect::NoStart, "100 of 100 connections are reserved", usual),
        ("max_connections", "50", Effect::LeaderFirst, "pg-0 has 100", usual),
        ("max_locks_per_transaction", "32", Effect::LeaderFirst, "pg-0 has 64", usual),
        ("max_prepared_transactions", "0", Effect::LeaderFirst, "pg-0 has 10", || {
            holding(&[("max_prepared_transactions", "10")])
        }),
        ("max_wal_senders", "5", Effect::LeaderFirst, "pg-0 has 10", usual),
        ("max_worker_processes", "4", Effect::LeaderFirst, "pg-0 has 8", usual),
        ("max_replication_slots", "4", Effect::NoStart, "pg-0 has 5 slots", with_slots),
        ("max_wal_size", "16MB", Effect::NoStart, "two segments of 16 MB", usual),
        ("min_wal_size", "31MB", Effect::NoStart, "two segments of 16 MB", usual),
        ("shared_buffers", "900GB", Effect::MayNotStart, "pg-0 has 128", usual),
        ("wal_buffers", "1GB", Effect::MayNotStart, "memory", || holding(&[("wal_buffers", "2048")])),
        ("min_dynamic_shared_memory", "64GB", Effect::MayNotStart, "memory", || {
            holding(&[("min_dynamic_shared_memory", "1024")])
        }),
        ("huge_pages", "on", Effect::MayNotStart, "huge pages", usual),
        ("shared_preload_libraries", "auto_explain", Effect::MayNotStart, "installed on every node", usual),
        ("unix_socket_directories", "/run/x", Effect::MayNotStart, "on every node", usual),
        ("hba_file", "/x", Effect::MayNotStart, "on every node", usual),
        ("ident_file", "/x", Effect::MayNotStart, "on every node", usual),
        ("ssl_cert_file", "/x", Effect::MayNotStart, "on every node", usual),
        ("ssl_key_file", "/x", Effect::MayNotStart, "on every node", usual),
        ("archive_mode", "always", Effect::KeepsWal, "neither", usual),
        ("synchronous_standby_names", "*", Effect::StopsWrites, "commits wait", asynchronous),
        ("default_transaction_read_only", "on", Effect::StopsWrites, "read-only", usual),
        ("fsync", "off", Effect::Damages, "never reach the disk", usual),
        ("full_page_writes", "off", Effect::Damages, "torn pages", usual),
    ];

    #[test]
    fn every_row_is_reported_and_refused_or_warned_of() {
        let key = |name: &'static str, effect: Effect| (name, effect.describe());
        let tested: BTreeSet<_> = EFFECT_EXAMPLES.iter().map(|(name, _, effect, ..)| key(name, *effect)).collect();
        assert_eq!(tested, ROWS.iter().map(|row| key(row.name, row.effect)).collect::<BTreeSet<_>>());
        for (name, value, effect, why, picture) in EFFECT_EXAMPLES {
            let notes = notes_for(&picture(), name, json!(value));
            let note = notes.iter().find(|note| note.text.as_str().contains(effect.describe()));
            let note = note.unwrap_or_else(|| panic!("{name}={value}: {notes:#?}"));
            assert!(note.text.as_str().contains(why), "{}", note.text);
            let expected = if effect.is_refused() { CheckVerdict::Block } else { CheckVerdict::Warn };
            assert_eq!((note.verdict, note.can_override), (expected, effect.is_refused()), "{}", note.text);
        }
    }

    #[test]
    fn harmless_values_are_reported_of_by_nobody() {
        for (name, value) in [
            ("wal_level", "logical"),
            ("wal_level", "replica"),
            ("wal_log_hints", "on"),
            ("max_connections", "120"),
            ("shared_buffers", "200MB"),
            ("max_wal_size", "4GB"),
            ("max_replication_slots", "20"),
            ("archive_mode", "off"),
            ("huge_pages", "try"),
            ("fsync", "on"),
            ("work_mem", "64MB"),
        ] {
            assert_eq!(notes_for(&usual(), name, json!(value)), Vec::<CheckNote>::new(), "{name}={value}");
        }
        let checksums = holding(&[("data_checksums", "on")]);
        assert_eq!(notes_for(&checksums, "wal_log_hints", json!(false)), Vec::<CheckNote>::new());
        let archiving = holding(&[("archive_command", "cp %p /a/%f")]);
        assert_eq!(notes_for(&archiving, "archive_mode", json!("on")), Vec::<CheckNote>::new());
        assert_eq!(
            notes_for(&usual(), "recovery_target_time", Value::Null),
            Vec::<CheckNote>::new(),
            "removing is no setting"
        );
    }

    #[test]
    fn what_a_standby_must_have_of_its_primary_is_all_in_the_table() {
        for (name, _) in GUARDED_PARAMETERS {
            assert!(ROWS.iter().any(|row| row.name == name && row.effect == Effect::LeaderFirst), "{name}");
        }
    }
}
