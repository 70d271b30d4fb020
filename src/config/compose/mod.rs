//! What a Docker compose file tells of a cluster: text in, data out. Reads any user's stack (Patroni or Spilo, etcd,
//! HAProxy, exporters) by evidence, and takes names, published addresses and the places of passwords from it. Knows no
//! Docker and no network: nothing is asked, and no password is ever copied.

use std::path::Path;

use super::discovered::Discovered;
use super::environment::Environment;
use super::error::{ConfigError, ConfigProblem, SettingLocation};

mod agent;
mod discover;
mod haproxy_cfg;
mod labels;
mod login;
mod plain;
mod pooler;
mod ports;
mod preparation;
mod profiles;
mod project;
mod reach;
mod role;
mod router;
mod server;
mod service;
mod variables;
mod yaml;

#[cfg(test)]
mod tests;

use profiles::ActiveProfiles;
use project::{Files, Project};
use variables::{Variables, parse_env_file};

/// What is to be read, as text.
#[derive(Clone, Copy, Debug)]
pub struct ComposeSource<'a> {
    /// The compose file's text.
    pub text: &'a str,
    /// Its path; files it refers to are looked for beside it.
    pub path: &'a Path,
    /// The environment file: its path and its text.
    pub env_file: Option<(&'a Path, &'a str)>,
    /// Which cluster is meant, where the file holds several.
    pub scope: Option<&'a str>,
    /// Profiles that are to be active; none: those of `COMPOSE_PROFILES`.
    pub profiles: &'a [String],
}

/// Reads a compose file from disk with its environment file (`.env` beside it, unless another is named) and the files
/// it mounts that tell more: `patroni.yml`, `haproxy.cfg`, environment files of services.
///
/// # Errors
/// A file that cannot be read, and everything of [`from_text`].
pub fn load(
    compose: &Path,
    env_file: Option<&Path>,
    scope: Option<&str>,
    profiles: &[String],
    environment: &Environment,
) -> Result<Discovered, ConfigError> {
    // Places of secrets end up in the configuration, which is read from elsewhere.
    let path = std::path::absolute(compose).unwrap_or_else(|_| compose.to_owned());
    let text = read(&path, "give the compose file, such as --compose docker-compose.yml")?;
    let beside = path.parent().map(|directory| directory.join(".env"));
    let env_path = match env_file {
        Some(named) => Some(named.to_owned()),
        None => beside.filter(|beside| beside.is_file()),
    };
    let env_text = match &env_path {
        Some(path) => Some(read(path, "give the environment file, such as --env-file .env")?),
        None => None,
    };
    let env_file = env_path.as_deref().zip(env_text.as_deref());
    let source = ComposeSource { text: &text, path: &path, env_file, scope, profiles };
    from_text(source, environment, &|path| within_limit(path).ok())
}

/// Reads a compose file. `files` gives the text of files that it refers to, `None` for those that cannot be read.
///
/// # Errors
/// Text that is no compose file, a required variable without a value, ports that are none, several clusters of which
/// none is chosen, or nothing in it that belongs to a cluster; with file, line where known, and what would be right.
pub fn from_text(
    source: ComposeSource<'_>,
    environment: &Environment,
    files: &Files<'_>,
) -> Result<Discovered, ConfigError> {
    let process = Variables::new(Variables::default(), environment);
    let file = match source.env_file {
        None => Variables::default(),
        Some((path, text)) => parse_env_file(text, &process).map_err(|error| {
            ConfigError::Wrong(vec![ConfigProblem {
                location: SettingLocation::File { path: path.to_owned(), line: Some(error.line) },
                key: String::new(),
                problem: error.problem,
                remedy: error.remedy.to_owned(),
            }])
        })?,
    };
    let variables = Variables::new(file, environment);
    let active = ActiveProfiles::new(source.profiles, &variables);
    let project = Project::read(source.text, source.path, &variables, &active, files)?;
    discover::discover(&project, source)
}

fn read(path: &Path, remedy: &str) -> Result<String, ConfigError> {
    within_limit(path).map_err(|error| {
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        let place = SettingLocation::File { path: path.to_owned(), line: None };
        ConfigError::Wrong(vec![ConfigProblem {
            location: place,
            key: String::new(),
            problem,
            remedy: remedy.to_owned(),
        }])
    })
}

/// Reads a file that is no larger than any such file is.
fn within_limit(path: &Path) -> std::io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > yaml::MAX_TEXT_SIZE as u64 {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is larger than 1 MB"));
    }
    std::fs::read_to_string(path)
}
