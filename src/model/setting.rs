//! The settings of one PostgreSQL server, as `pg_settings` has them: what may be set, and what is in force.

mod quantity;

use std::sync::Arc;

use super::text::Text;
pub use quantity::Unit;

/// Of what kind a setting is, and what it may be. Source: `vartype`, `unit`, `min_val`, `max_val`, `enumvals`.
#[derive(Clone, PartialEq, Debug)]
pub enum SettingKind {
    /// On or off.
    Flag,
    /// A whole number, in its unit where it has one.
    Whole {
        /// Unit that the server counts in.
        unit: Option<Unit>,
        /// Least.
        least: i64,
        /// Most.
        most: i64,
    },
    /// A number, in its unit where it has one.
    Real {
        /// Unit that the server counts in.
        unit: Option<Unit>,
        /// Least.
        least: f64,
        /// Most.
        most: f64,
    },
    /// One of these words.
    Word(Vec<Text>),
    /// Any text.
    Text,
}

/// When a change of a setting takes effect. Source: `context`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingContext {
    /// Never: it is built in (`internal`).
    Never,
    /// With a restart (`postmaster`).
    Restart,
    /// With a reload, or later.
    Reload,
}

/// What may be set. The same on every server of one version.
#[derive(Clone, PartialEq, Debug)]
pub struct Definition {
    /// Name.
    pub name: Text,
    /// Kind.
    pub kind: SettingKind,
    /// When a change takes effect.
    pub takes: SettingContext,
    /// Value without any configuration, in the setting's unit.
    pub boot: Text,
}

/// What is in force of one setting where that is not its built-in value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectiveSetting {
    /// Place of the definition.
    pub index: usize,
    /// Value, in the setting's unit.
    pub value: Text,
    /// The value is the server's own, and not one of the session that asked (`ALTER ROLE ... SET`, a start option).
    pub of_server: bool,
    /// Another value waits for a restart.
    pub pending: bool,
}

/// All settings that a role may see on one server.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    definitions: Arc<[Definition]>,
    held: Vec<EffectiveSetting>,
}

/// One setting of one server.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Setting<'a> {
    /// What it may be.
    pub definition: &'a Definition,
    /// What it is, in its unit.
    pub value: &'a Text,
    /// The value is the server's own, and not one of the session that asked.
    pub of_server: bool,
    /// Another value waits for a restart.
    pub pending: bool,
}

/// Why a value cannot be that of a setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueMismatch {
    /// It cannot be read; what it must be, in words.
    Unreadable(String),
    /// It is read, and lies outside; what it must be, in words.
    OutOfRange(String),
}

impl ValueMismatch {
    /// What the value must be.
    pub fn wanted(&self) -> &str {
        match self {
            Self::Unreadable(wanted) | Self::OutOfRange(wanted) => wanted,
        }
    }
}

impl Settings {
    /// `definitions` in order of name, ignoring case; `held` refers to them.
    pub fn new(definitions: Arc<[Definition]>, held: Vec<EffectiveSetting>) -> Self {
        Self { definitions, held }
    }

    /// The setting called `name`; case does not matter.
    pub fn get(&self, name: &str) -> Option<Setting<'_>> {
        let index = self.definitions.iter().position(|known| known.name.as_str().eq_ignore_ascii_case(name))?;
        let definition = self.definitions.get(index)?;
        Some(match self.held.iter().find(|held| held.index == index) {
            Some(held) => Setting { definition, value: &held.value, of_server: held.of_server, pending: held.pending },
            None => Setting { definition, value: &definition.boot, of_server: true, pending: false },
        })
    }

    /// A known name that `name` may have been meant for.
    pub fn nearest(&self, name: &str) -> Option<&Text> {
        let name = name.to_ascii_lowercase();
        let distances = self.definitions.iter().map(|known| (distance(&name, known.name.as_str()), &known.name));
        let (far, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
        (far <= 2.max(name.len() / 4)).then_some(nearest)
    }
}

impl Setting<'_> {
    /// Whether the server has `value` in force, however it is written.
    pub fn holds(&self, value: &str) -> bool {
        match (self.definition.kind.read(value), self.definition.kind.read(self.value.as_str())) {
            (Ok(Read::Text(wanted)), Ok(Read::Text(own))) => plain(&wanted) == plain(&own),
            (Ok(wanted), Ok(own)) => wanted == own,
            (Err(_), _) | (_, Err(_)) => value == self.value.as_str(),
        }
    }

    /// The value with its unit, to be shown.
    pub fn shown(&self) -> String {
        let unit = match &self.definition.kind {
            SettingKind::Whole { unit: Some(unit), .. } | SettingKind::Real { unit: Some(unit), .. } => unit,
            SettingKind::Flag
            | SettingKind::Whole { .. }
            | SettingKind::Real { .. }
            | SettingKind::Word(_)
            | SettingKind::Text => {
                return self.value.to_string();
            }
        };
        unit.shown(self.value.as_str())
    }
}

/// Text as it is compared: lists come back with other blanks and quotes, names in other letters.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"\"'".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// A value as it is compared.
#[derive(Clone, PartialEq, Debug)]
pub enum Read {
    /// On or off.
    Flag(bool),
    /// A number, in the setting's unit.
    Number(f64),
    /// Text, in lower case where case does not matter.
    Text(String),
}

impl SettingKind {
    /// Reads `value` as PostgreSQL does.
    ///
    /// # Errors
    /// It cannot be that.
    pub fn read(&self, value: &str) -> Result<Read, ValueMismatch> {
        match self {
            Self::Flag => flag(value).map(Read::Flag).ok_or_else(|| ValueMismatch::Unreadable("on or off".to_owned())),
            Self::Whole { unit, least, most } => {
                let bound = |number: &i64| quantity::bound(*unit, &number.to_string());
                let wanted = format!("a whole number{} from {} to {}", of(*unit), bound(least), bound(most));
                let number =
                    quantity::read(value, *unit).ok_or_else(|| ValueMismatch::Unreadable(wanted.clone()))?.round();
                // Bounds are those of a 32-bit number, which a float holds exactly.
                #[expect(clippy::cast_precision_loss, reason = "bounds are those of 32-bit numbers")]
                let (least, most) = (*least as f64, *most as f64);
                within(number, least, most, wanted)
            }
            Self::Real { unit, least, most } => {
                let bound = |number: &f64| quantity::bound(*unit, &number.to_string());
                let wanted = format!("a number{} from {} to {}", of(*unit), bound(least), bound(most));
                let number = quantity::read(value, *unit).ok_or_else(|| ValueMismatch::Unreadable(wanted.clone()))?;
                within(number, *least, *most, wanted)
            }
            Self::Word(words) => {
                let known = words.iter().find(|word| word.as_str().eq_ignore_ascii_case(value));
                // Words for on and off are taken beside those that are listed.
                let known = known.map(|word| word.as_str().to_ascii_lowercase()).or_else(|| {
                    let word = if flag(value)? { "on" } else { "off" };
                    words.iter().any(|known| known.as_str() == word).then(|| word.to_owned())
                });
                let all = || words.iter().map(Text::as_str).collect::<Vec<_>>().join(", ");
                known.map(Read::Text).ok_or_else(|| ValueMismatch::Unreadable(format!("one of {}", all())))
            }
            Self::Text => Ok(Read::Text(value.to_owned())),
        }
    }
}

fn of(unit: Option<Unit>) -> &'static str {
    unit.map_or("", |unit| if unit.is_time() { " or a time" } else { " or a size" })
}

fn within(number: f64, least: f64, most: f64, wanted: String) -> Result<Read, ValueMismatch> {
    if (least..=most).contains(&number) { Ok(Read::Number(number)) } else { Err(ValueMismatch::OutOfRange(wanted)) }
}

/// On or off by any of PostgreSQL's words, also abbreviated as far as they stay unique.
fn flag(value: &str) -> Option<bool> {
    let word = value.trim().to_ascii_lowercase();
    let begins = |whole: &str, least: usize| word.len() >= least && whole.starts_with(&word);
    match word.as_str() {
        "1" => Some(true),
        "0" => Some(false),
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) => Some(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) => Some(false),
        _ => None,
    }
}

/// How many letters must be changed, added or taken away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (j, other) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or_default();
            let next = (corner + usize::from(letter != *other)).min(above + 1).min(left + 1);
            corner = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = next;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn memory() -> SettingKind {
        SettingKind::Whole { unit: Unit::from_name("kB"), least: 64, most: 2_147_483_647 }
    }

    #[rstest]
    #[case("64MB", Ok(65_536.0))]
    #[case("65536", Ok(65_536.0))]
    #[case(" 65536 kB ", Ok(65_536.0))]
    #[case("1.5GB", Ok(1_572_864.0))]
    #[case("64GBB", Err(false))]
    #[case("64mb", Err(false))]
    #[case("10min", Err(false))]
    #[case("", Err(false))]
    #[case("-3MB", Err(true))]
    #[case("1kB", Err(true))]
    #[case("9999TB", Err(true))]
    fn a_size_is_read_as_postgresql_reads_it(#[case] value: &str, #[case] expected: Result<f64, bool>) {
        let read =
            memory().read(value).map_err(|value_mismatch| matches!(value_mismatch, ValueMismatch::OutOfRange(_)));
        assert_eq!(read, expected.map(Read::Number), "{value}");
    }

    #[rstest]
    #[case("1min", Ok(60_000.0))]
    #[case("1500", Ok(1_500.0))]
    #[case("1d", Ok(86_400_000.0))]
    #[case("1MB", Err(()))]
    fn a_time_is_read_as_postgresql_reads_it(#[case] value: &str, #[case] expected: Result<f64, ()>) {
        let kind = SettingKind::Whole { unit: Unit::from_name("ms"), least: -1, most: 2_147_483_647 };
        assert_eq!(kind.read(value).map_err(|_| ()), expected.map(Read::Number), "{value}");
    }

    #[rstest]
    #[case(SettingKind::Flag, "tru", Ok(Read::Flag(true)))]
    #[case(SettingKind::Flag, "o", Err(()))]
    #[case(SettingKind::Flag, "0", Ok(Read::Flag(false)))]
    #[case(SettingKind::Word(vec!["minimal".into(), "replica".into()]), "Replica", Ok(Read::Text("replica".into())))]
    #[case(SettingKind::Word(vec!["on".into(), "off".into(), "remote_apply".into()]), "true", Ok(Read::Text("on".into())))]
    #[case(SettingKind::Word(vec!["minimal".into(), "replica".into()]), "logical", Err(()))]
    #[case(SettingKind::Whole { unit: None, least: 1, most: 262_143 }, "0x10", Ok(Read::Number(16.0)))]
    #[case(SettingKind::Whole { unit: None, least: 1, most: 262_143 }, "100MB", Err(()))]
    #[case(SettingKind::Whole { unit: None, least: 0, most: 511 }, "0700", Ok(Read::Number(448.0)))]
    #[case(SettingKind::Real { unit: None, least: 0.0, most: 1.0 }, "0.9", Ok(Read::Number(0.9)))]
    fn other_kinds_are_read_as_postgresql_reads_them(
        #[case] kind: SettingKind,
        #[case] value: &str,
        #[case] expected: Result<Read, ()>,
    ) {
        assert_eq!(kind.read(value).map_err(|_| ()), expected, "{value}");
    }

    #[test]
    fn a_value_is_in_force_however_it_is_written_and_a_name_is_found_though_misspelt() {
        let definition =
            Definition { name: "work_mem".into(), kind: memory(), takes: SettingContext::Reload, boot: "4096".into() };
        let settings = Settings::new(Arc::from([definition]), Vec::new());
        let own = settings.get("Work_Mem").unwrap();
        assert!(own.holds("4MB") && own.holds("4096") && !own.holds("4GB"));
        assert_eq!(own.shown(), "4MB");
        assert_eq!(settings.nearest("work_memm").map(Text::as_str), Some("work_mem"));
        assert_eq!(settings.nearest("nonsense_guc"), None);
    }
}
