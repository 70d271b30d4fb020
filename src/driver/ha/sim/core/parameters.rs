//! PostgreSQL's parameters on each node: what may be set, and what is in force.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::model::setting::{Definition, EffectiveSetting, SettingContext, SettingKind, Settings, Unit};
use crate::model::text::Text;

use super::World;

/// What a standby must have at least as much of as its primary, by the control file: a decrease takes effect there only
/// once the primary has it.
pub(super) const GUARDED: [&str; 5] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
];

/// Whole numbers: name, unit, least, most, without configuration, whether only a restart puts it in force.
type NumberParameter = (&'static str, &'static str, i64, i64, &'static str, bool);

const NUMBERS: [NumberParameter; 26] = [
    ("autovacuum_max_workers", "", 1, 262_143, "3", true),
    ("checkpoint_timeout", "s", 30, 86_400, "300", false),
    ("deadlock_timeout", "ms", 1, 2_147_483_647, "1000", false),
    ("effective_cache_size", "8kB", 1, 2_147_483_647, "524288", false),
    ("idle_in_transaction_session_timeout", "ms", 0, 2_147_483_647, "0", false),
    ("lock_timeout", "ms", 0, 2_147_483_647, "0", false),
    ("log_min_duration_statement", "ms", -1, 2_147_483_647, "-1", false),
    ("maintenance_work_mem", "kB", 1_024, 2_147_483_647, "65536", false),
    ("max_connections", "", 1, 262_143, "100", true),
    ("max_locks_per_transaction", "", 10, 2_147_483_647, "64", true),
    ("max_parallel_workers", "", 0, 1_024, "8", false),
    ("max_prepared_transactions", "", 0, 262_143, "0", true),
    ("max_replication_slots", "", 0, 262_143, "10", true),
    ("max_slot_wal_keep_size", "MB", -1, 2_147_483_647, "-1", false),
    ("max_standby_streaming_delay", "ms", -1, 2_147_483_647, "30000", false),
    ("max_wal_senders", "", 0, 262_143, "10", true),
    ("max_wal_size", "MB", 2, 2_147_483_647, "1024", false),
    ("max_worker_processes", "", 0, 262_143, "8", true),
    ("min_wal_size", "MB", 2, 2_147_483_647, "80", false),
    ("shared_buffers", "8kB", 16, 1_073_741_823, "16384", true),
    ("statement_timeout", "ms", 0, 2_147_483_647, "0", false),
    ("temp_buffers", "8kB", 100, 1_073_741_823, "1024", false),
    ("wal_buffers", "8kB", -1, 262_143, "-1", true),
    ("wal_keep_size", "MB", 0, 2_147_483_647, "0", false),
    ("wal_sender_timeout", "ms", 0, 2_147_483_647, "60000", false),
    ("work_mem", "kB", 64, 2_147_483_647, "4096", false),
];

const FLAGS: [(&str, &str); 5] = [
    ("autovacuum", "on"),
    ("hot_standby_feedback", "off"),
    ("jit", "on"),
    ("log_checkpoints", "on"),
    ("track_io_timing", "off"),
];

/// Words: name, what it may be, without configuration, whether only a restart puts it in force.
type WordParameter = (&'static str, &'static [&'static str], &'static str, bool);

const WORD_PARAMETERS: [WordParameter; 5] = [
    ("archive_mode", &["always", "on", "off"], "off", true),
    ("huge_pages", &["off", "on", "try"], "try", true),
    ("log_statement", &["none", "ddl", "mod", "all"], "none", false),
    ("synchronous_commit", &["local", "remote_write", "remote_apply", "on", "off"], "on", false),
    ("wal_level", &["minimal", "replica", "logical"], "replica", true),
];

const TEXTS: [(&str, bool); 5] = [
    ("archive_command", false),
    ("log_line_prefix", false),
    ("shared_preload_libraries", true),
    ("synchronous_standby_names", false),
    ("server_version", false),
];

static DEFINITIONS: LazyLock<Arc<[Definition]>> = LazyLock::new(|| {
    let takes = |restart: bool| if restart { SettingContext::Restart } else { SettingContext::Reload };
    let numbers = NUMBERS.iter().map(|(name, unit, least, most, boot, restart)| Definition {
        name: Text::new(name),
        kind: SettingKind::Whole { unit: Unit::from_name(unit), least: *least, most: *most },
        takes: takes(*restart),
        boot: Text::new(boot),
    });
    let flags = FLAGS.iter().map(|(name, boot)| Definition {
        name: Text::new(name),
        kind: SettingKind::Flag,
        takes: SettingContext::Reload,
        boot: Text::new(boot),
    });
    let words = WORD_PARAMETERS.iter().map(|(name, words, boot, restart)| Definition {
        name: Text::new(name),
        kind: SettingKind::Word(words.iter().map(Text::new).collect()),
        takes: takes(*restart),
        boot: Text::new(boot),
    });
    let texts = TEXTS.iter().map(|(name, restart)| Definition {
        name: Text::new(name),
        kind: SettingKind::Text,
        takes: if *name == "server_version" { SettingContext::Never } else { takes(*restart) },
        boot: Text::default(),
    });
    let mut all: Vec<Definition> = numbers.chain(flags).chain(words).chain(texts).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.into()
});

/// The parameters that the configuration files `set`, those with a pending restart as they were before.
pub(super) fn in_force(set: &Map<String, Value>, pending: &[crate::model::agent::PendingSetting]) -> Arc<Settings> {
    let mut held = Vec::new();
    for (index, definition) in DEFINITIONS.iter().enumerate() {
        let waits = pending.iter().find(|setting| setting.name == definition.name);
        let wanted = set.get(definition.name.as_str()).map(|value| match value.as_str() {
            Some(text) => Text::new(text),
            None => Text::new(value.to_string()),
        });
        let value = match waits {
            Some(waits) => waits.old.clone(),
            // A value that the server would refuse is taken out by whoever writes the files.
            None => wanted.filter(|value| definition.kind.read(value.as_str()).is_ok()),
        };
        if let Some(value) = value {
            held.push(EffectiveSetting { index, value, of_server: true, pending: waits.is_some() });
        }
    }
    Arc::new(Settings::new(DEFINITIONS.clone(), held))
}

impl World {
    /// What a node has in force, after whatever may have changed it.
    pub(crate) fn renew_settings(&mut self, index: usize) {
        self.nodes[index].settings = in_force(&self.parameters, &self.nodes[index].pending);
    }

    /// A node has started: what waited for that is in force, but for what the primary has more of.
    pub(super) fn take_pending(&mut self, index: usize) {
        let primary = self.nodes.iter().position(|node| node.writable);
        let of_primary = primary.filter(|primary| *primary != index).map(|primary| self.nodes[primary].pending.clone());
        self.nodes[index].pending.retain(|setting| {
            let number = |text: &Option<Text>| text.as_ref().and_then(|text| text.as_str().parse::<u64>().ok());
            let falls = GUARDED.contains(&setting.name.as_str()) && number(&setting.new) < number(&setting.old);
            // The primary still has the greater one, as long as the same waits there.
            let has = |pending: &Vec<_>| {
                pending.iter().any(|other: &crate::model::agent::PendingSetting| other.name == setting.name)
            };
            falls && of_primary.as_ref().is_some_and(has)
        });
        self.renew_settings(index);
    }
}
