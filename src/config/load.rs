//! From places to settings: which file, which layer wins, and reading the file with every mistake located.
//!
//! Default, then file, then `PGCTL_*` environment, then flags: each later layer wins.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use toml::de::Error as TomlError;

use super::environment::Environment;
use super::error::{ConfigError, ConfigProblem, SettingLocation};
use super::locate::Locator;
use super::resolve::{Overrides, Resolver};
use super::resolved::Settings;
use super::value::nearest;
use super::written::ConfigFile;

/// What the command line says about the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--interval`, as typed.
    pub interval: Option<String>,
    /// `--theme`.
    pub theme: Option<String>,
    /// `--read-only`.
    pub read_only: bool,
    /// `--patroni`, one or more URLs.
    pub patroni: Vec<String>,
    /// `--etcd`, one or more URLs.
    pub etcd: Vec<String>,
    /// `--scope`, for a start without a file.
    pub scope: Option<String>,
    /// `--namespace`, for a start without a file.
    pub namespace: Option<String>,
}

/// The `PGCTL_*` variables that mean something.
const VARIABLES: [&str; 12] = [
    "PGCTL_CONFIG",
    "PGCTL_INTERVAL",
    "PGCTL_THEME",
    "PGCTL_READ_ONLY",
    "PGCTL_PATRONI",
    "PGCTL_ETCD",
    "PGCTL_SCOPE",
    "PGCTL_NAMESPACE",
    "PGCTL_CLUSTER",
    "PGCTL_ASCII",
    "PGCTL_LOG",
    "PGCTL_LOG_LEVEL",
];

/// Where the file is looked for when nothing names one: `pgctl-tui/config.toml` in the XDG configuration directory.
pub fn default_path(environment: &Environment) -> PathBuf {
    let directory = environment
        .get("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| environment.home().map(|home| home.join(".config")))
        .or_else(|| etcetera::choose_base_strategy().ok().map(|strategy| strategy.config_dir()))
        .unwrap_or_else(|| PathBuf::from(".config"));
    directory.join("pgctl-tui").join("config.toml")
}

/// Reads and resolves everything.
///
/// # Errors
/// A file that was named and is missing or unreadable, anything wrong in it or in the other layers, or no cluster at
/// all.
pub fn load(flags: &Flags, environment: &Environment) -> Result<Settings, ConfigError> {
    let named = flags.config.clone().or_else(|| environment.get("PGCTL_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| default_path(environment));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ConfigError::Missing(path)),
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    let overrides = overrides(flags, environment);
    if text.is_none() && overrides.patroni.is_none() && overrides.etcd.is_none() {
        return Err(ConfigError::Nothing { looked: path });
    }
    let mut settings = resolve(text.as_deref(), &path, overrides, environment)?;
    settings.warnings.extend(misspelt(environment));
    Ok(settings)
}

/// Settles `text`, read from `path`, under the layers above it.
fn resolve(
    text: Option<&str>,
    path: &Path,
    overrides: Overrides,
    environment: &Environment,
) -> Result<Settings, ConfigError> {
    let written = match text {
        Some(text) => read(text, path).map_err(ConfigError::Wrong)?,
        None => ConfigFile::default(),
    };
    let locator = Locator::new(text.unwrap_or_default());
    Resolver::new(path, text.map(|_| &locator), environment).settings(&written, overrides)
}

/// Settles a text alone, as if it were the file at `path` and nothing else were set.
///
/// # Errors
/// Anything wrong in it.
pub fn from_text(text: &str, path: &Path, environment: &Environment) -> Result<Settings, ConfigError> {
    resolve(Some(text), path, Overrides::default(), environment)
}

fn overrides(flags: &Flags, environment: &Environment) -> Overrides {
    let one = |flag: &Option<String>, name: &str, variable: &str| {
        let typed = flag.as_ref().map(|value| (SettingLocation::Flag(name.to_owned()), value.clone()));
        typed.or_else(|| {
            Some((SettingLocation::Environment(variable.to_owned()), environment.get(variable)?.to_owned()))
        })
    };
    let several = |flag: &[String], name: &str, variable: &str| {
        if !flag.is_empty() {
            return Some((SettingLocation::Flag(name.to_owned()), flag.to_vec()));
        }
        let words = environment.get(variable)?.split(',').map(str::trim);
        let list: Vec<_> = words.filter(|url| !url.is_empty()).map(str::to_owned).collect();
        (!list.is_empty()).then(|| (SettingLocation::Environment(variable.to_owned()), list))
    };
    Overrides {
        interval: one(&flags.interval, "--interval", "PGCTL_INTERVAL"),
        theme: one(&flags.theme, "--theme", "PGCTL_THEME"),
        read_only: if flags.read_only {
            Some((SettingLocation::Flag("--read-only".to_owned()), "true".to_owned()))
        } else {
            one(&None, "", "PGCTL_READ_ONLY")
        },
        patroni: several(&flags.patroni, "--patroni", "PGCTL_PATRONI"),
        etcd: several(&flags.etcd, "--etcd", "PGCTL_ETCD"),
        scope: one(&flags.scope, "--scope", "PGCTL_SCOPE"),
        namespace: one(&flags.namespace, "--namespace", "PGCTL_NAMESPACE"),
    }
}

/// `PGCTL_*` variables that are like one of ours without being one. Others belong to the operator, such as those that
/// `password_env` names.
fn misspelt(environment: &Environment) -> Vec<String> {
    environment
        .beginning_with("PGCTL_")
        .filter(|(name, value)| !value.is_empty() && !VARIABLES.contains(name))
        .filter_map(|(name, _)| {
            let near = nearest(name, VARIABLES).filter(|near| strsim::damerau_levenshtein(name, near) <= 2)?;
            Some(format!("unknown environment variable {name}; did you mean {near}?"))
        })
        .collect()
}

/// Keys under which somebody may try to write a password.
const PASSWORD_KEYS: [&str; 4] = ["password", "passwd", "pass", "secret"];

fn read(text: &str, path: &Path) -> Result<ConfigFile, Vec<ConfigProblem>> {
    let locator = Locator::new(text);
    let place = |line| SettingLocation::File { path: path.to_owned(), line };
    let inline: Vec<_> = locator
        .entries()
        .iter()
        .filter(|entry| PASSWORD_KEYS.contains(&entry.key.as_str()) && !entry.value.get_ref().is_table())
        // There, a key is somebody's host name.
        .filter(|entry| !entry.path.contains(".address_map."))
        .map(|entry| ConfigProblem {
            location: place(Some(locator.line(entry.at.start))),
            key: entry.path.clone(),
            problem: "passwords are not allowed in the configuration".to_owned(),
            remedy: "use `password_file`, `password_env` or `password_command`, or put it into \
                ~/.pgpass"
                .to_owned(),
        })
        .collect();
    if !inline.is_empty() {
        return Err(inline);
    }
    toml::from_str(text).map_err(|error| vec![complaint(&error, &locator, place)])
}

/// What the parser says, as one line with the place and what would be right.
fn complaint(
    error: &TomlError,
    locator: &Locator<'_>,
    place: impl Fn(Option<usize>) -> SettingLocation,
) -> ConfigProblem {
    let span = error.span();
    let line = span.as_ref().map(|span| locator.line(span.start));
    let key = span.as_ref().and_then(|span| locator.path_at(span)).unwrap_or_default();
    let message = error.message().trim().replace('\n', ", ");
    let (problem, remedy) = if let Some(unknown) = message.strip_prefix("unknown field ") {
        let mut words = unknown.split('`').skip(1).step_by(2);
        let word = words.next().unwrap_or_default();
        let known: Vec<&str> = words.collect();
        let remedy = match nearest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "no keys are allowed here".to_owned(),
            None => format!("known keys: {}", known.join(", ")),
        };
        (format!("unknown key `{word}`"), remedy)
    } else if let Some((problem, expected)) = message.split_once(", expected ") {
        (problem.to_owned(), format!("expected {expected}"))
    } else if let Some((problem, remedy)) = message.split_once("; ") {
        (problem.to_owned(), remedy.to_owned())
    } else {
        (message, String::new())
    };
    ConfigProblem { location: place(line), key, problem, remedy }
}
