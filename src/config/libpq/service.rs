//! `pg_service.conf`: named sets of connection settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::super::environment::Environment;

/// One entry: settings by keyword. May hold a password, so it does not show its values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Service {
    settings: BTreeMap<String, String>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.settings.keys()).finish()
    }
}

impl Service {
    /// The value of a keyword.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.settings.get(keyword).map(String::as_str)
    }
}

/// Why a service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No file has it.
    #[error("service `{name}` is not defined in {}", Files(.looked))]
    Unknown {
        /// Its name.
        name: String,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// A line that is neither a heading, a comment nor `keyword=value`.
    #[error("{}:{line}: not of the form keyword=value", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from one.
        line: usize,
    },
    /// A service inside a service.
    #[error("{}:{line}: a service cannot refer to another service", path.display())]
    Nested {
        /// The file.
        path: PathBuf,
        /// Line, from one.
        line: usize,
    },
    /// A file that is there and cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

struct Files<'a>(&'a [PathBuf]);

impl fmt::Display for Files<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|path| path.display().to_string()).collect();
        f.write_str(&names.join(" or "))
    }
}

/// Finds `name` in the user's file (`PGSERVICEFILE`, else `~/.pg_service.conf`), then in the system's
/// (`PGSYSCONFDIR`, else the places where distributions have it).
///
/// # Errors
/// No file has the service, or one that was reached before it is wrong.
pub fn find(name: &str, environment: &Environment) -> Result<Service, ServiceError> {
    let looked = places(environment);
    for path in &looked {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(ServiceError::Unreadable { path: path.clone(), source }),
        };
        if let Some(service) = parse(&text, name, path)? {
            return Ok(service);
        }
    }
    Err(ServiceError::Unknown { name: name.to_owned(), looked })
}

fn places(environment: &Environment) -> Vec<PathBuf> {
    let user = match environment.get("PGSERVICEFILE") {
        Some(path) => Some(PathBuf::from(path)),
        None => environment.home().map(|home| home.join(".pg_service.conf")),
    };
    let system: Vec<PathBuf> = match environment.get("PGSYSCONFDIR") {
        Some(directory) => vec![directory.into()],
        None => ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"].map(PathBuf::from).into(),
    };
    user.into_iter().chain(system.into_iter().map(|directory| directory.join("pg_service.conf"))).collect()
}

/// The entry `name` of a service file's text; `None` if it has none. Only lines up to the entry's end are judged, and
/// the first entry of the name counts. `path` is for messages.
///
/// # Errors
/// A line of the entry is not a setting.
pub fn parse(text: &str, name: &str, path: &Path) -> Result<Option<Service>, ServiceError> {
    let mut found: Option<Service> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if heading.strip_suffix(']') == Some(name) {
                found = Some(Service::default());
            }
            continue;
        }
        let Some(service) = &mut found else { continue };
        let place = || (path.to_owned(), index + 1);
        let Some((keyword, value)) = line.split_once('=') else {
            let (path, line) = place();
            return Err(ServiceError::Syntax { path, line });
        };
        if keyword == "service" {
            let (path, line) = place();
            return Err(ServiceError::Nested { path, line });
        }
        service.settings.entry(keyword.to_owned()).or_insert_with(|| value.to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# sites\n[west]\nhost=w\nuser=me\n\n[east]\nhost = e\npassword=a#b=c \nuser=first\nuser=second\n\
                        [east]\nhost=other\n[broken]\nnonsense\n[nested]\nservice=east\n";

    fn entry(name: &str) -> Result<Option<Service>, ServiceError> {
        parse(TEXT, name, Path::new("f"))
    }

    #[test]
    fn an_entry_ends_at_the_next_heading_and_its_first_setting_counts() {
        let east = entry("east").unwrap().unwrap();
        assert_eq!(east.get("user"), Some("first"));
        assert_eq!(east.get("password"), Some("a#b=c"));
        assert_eq!(entry("west").unwrap().unwrap().get("password"), None);
        assert_eq!(entry("nowhere").unwrap(), None);
    }

    #[test]
    fn wrong_lines_are_named_only_in_the_entry_asked_for() {
        assert!(matches!(entry("broken"), Err(ServiceError::Syntax { line: 14, .. })));
        assert!(matches!(entry("nested"), Err(ServiceError::Nested { line: 16, .. })));
        assert!(entry("west").is_ok());
    }

    #[test]
    fn the_users_file_comes_before_the_systems() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write("mine", "[a]\nuser=mine\n");
        write("pg_service.conf", "[a]\nuser=system\n[b]\nuser=system\n");
        let environment: Environment = [
            ("PGSERVICEFILE", directory.path().join("mine").to_str().unwrap()),
            ("PGSYSCONFDIR", directory.path().to_str().unwrap()),
        ]
        .into_iter()
        .collect();
        assert_eq!(find("a", &environment).unwrap().get("user"), Some("mine"));
        assert_eq!(find("b", &environment).unwrap().get("user"), Some("system"));
        let error = find("c", &environment).unwrap_err().to_string();
        assert!(error.contains("`c`") && error.contains("mine"), "{error}");
    }

    #[test]
    fn a_service_does_not_show_its_password() {
        assert!(!format!("{:?}", entry("east")).contains("a#b"));
    }

    proptest! {
        #[test]
        fn a_setting_is_read_back_as_written(key in "[a-z_]{1,12}", value in "[^\\s\\[\\]#][ -~]{0,20}[!-~]") {
            prop_assume!(key != "service");
            let text = format!("[x]\n{key}={value}\n");
            let service = parse(&text, "x", Path::new("f")).unwrap().unwrap();
            prop_assert_eq!(service.get(&key), Some(value.as_str()));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), name in any::<String>()) {
            let _ = parse(&text, &name, Path::new("f"));
        }
    }
}
