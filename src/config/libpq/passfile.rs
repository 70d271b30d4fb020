//! The password file, `~/.pgpass`.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::super::environment::Environment;

/// What a password is looked up for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target<'a> {
    /// Host as connected to; a socket's directory counts as `localhost`.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// Database; `replication` for a replication connection.
    pub database: &'a str,
    /// User.
    pub user: &'a str,
}

/// Why a password file was passed over. libpq passes it over too, with a warning.
#[derive(Debug, thiserror::Error)]
pub enum PassfileError {
    /// Others may read it.
    #[error("{} is readable by group or others and therefore ignored; run `chmod 0600 {}`", .0.display(), .0.display())]
    Permissions(PathBuf),
    /// A directory, a pipe or the like.
    #[error("{} is not a plain file and therefore ignored", .0.display())]
    NotPlain(PathBuf),
    /// Not readable.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The file libpq looks in where none is named.
pub fn default_path(environment: &Environment) -> Option<PathBuf> {
    environment.home().map(|home| home.join(".pgpass"))
}

/// Looks in the file at `path`. A file that is not there has no password.
///
/// # Errors
/// The file is there and may not be used.
pub fn look_up(path: &Path, target: &Target<'_>) -> Result<Option<SecretString>, PassfileError> {
    let unreadable = |source| PassfileError::Unreadable { path: path.to_owned(), source };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(source)),
    };
    if !metadata.is_file() {
        return Err(PassfileError::NotPlain(path.to_owned()));
    }
    if open_to_others(&metadata) {
        return Err(PassfileError::Permissions(path.to_owned()));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    Ok(find(&String::from_utf8_lossy(&text), target))
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

/// The password of the first line that matches.
pub fn find(text: &str, target: &Target<'_>) -> Option<SecretString> {
    let host = if target.host.is_empty() || target.host.starts_with(['/', '@']) { "localhost" } else { target.host };
    let port = target.port.to_string();
    let wanted = [host, &port, target.database, target.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (fields, password) = split(line)?;
        let matches = fields.iter().zip(wanted).all(|(field, wanted)| field.matches(wanted));
        matches.then(|| SecretString::from(password))
    })
}

/// One field of a line.
enum Field {
    Any,
    Is(String),
}

impl Field {
    fn matches(&self, wanted: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(text) => text == wanted,
        }
    }
}

/// The four fields of a line and its password; `None` for a line with fewer.
fn split(line: &str) -> Option<([Field; 4], String)> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut rest = line;
    let mut next = || {
        let end = field_end(rest)?;
        let raw = &rest[..end];
        rest = &rest[end + 1..];
        Some(if raw == "*" { Field::Any } else { Field::Is(unescape(raw)) })
    };
    let fields = [next()?, next()?, next()?, next()?];
    Some((fields, unescape(rest)))
}

/// Position of the colon that ends a field: the first that no backslash precedes.
fn field_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        out.push(if c == '\\' { characters.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use secrecy::ExposeSecret;

    use super::*;

    const TEXT: &str = "# comment:1:2:3:4\n\
                        db\\:1:5432:app:me:colon\\:and:more\n\
                        db:5432:app:me:first\n\
                        db:5432:app:me:second\n\
                        too:few\n\
                        localhost:*:*:me:socket\n\
                        *:*:replication:*:stream\n\
                        \\*:1:x:y:literal\n\
                        *:*:*:other:back\\\\slash\r\n";

    #[rstest]
    #[case("db:1", 5432, "app", "me", Some("colon:and:more"))]
    #[case("db", 5432, "app", "me", Some("first"))]
    #[case("db", 5433, "app", "me", None)]
    #[case("/var/run/postgresql", 5432, "app", "me", Some("socket"))]
    #[case("", 5432, "app", "me", Some("socket"))]
    #[case("anywhere", 1, "replication", "me", Some("stream"))]
    #[case("*", 1, "x", "y", Some("literal"))]
    #[case("else", 1, "x", "y", None)]
    #[case("else", 1, "x", "other", Some("back\\slash"))]
    fn the_first_matching_line_wins(
        #[case] host: &str,
        #[case] port: u16,
        #[case] database: &str,
        #[case] user: &str,
        #[case] expected: Option<&str>,
    ) {
        let found = find(TEXT, &Target { host, port, database, user });
        assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_ignored_with_the_command_that_repairs_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pass");
        std::fs::write(&path, "*:*:*:*:secret\n").unwrap();
        let target = Target { host: "h", port: 1, database: "d", user: "u" };
        let allow = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        allow(0o640);
        let error = look_up(&path, &target).unwrap_err();
        assert!(error.to_string().contains("chmod 0600"), "{error}");
        allow(0o600);
        assert_eq!(look_up(&path, &target).unwrap().unwrap().expose_secret(), "secret");
        assert!(look_up(&directory.path().join("absent"), &target).unwrap().is_none());
        assert!(matches!(look_up(directory.path(), &target), Err(PassfileError::NotPlain(_))));
    }

    fn escape(text: &str) -> String {
        text.replace('\\', "\\\\").replace(':', "\\:")
    }

    proptest! {
        #[test]
        fn an_escaped_line_is_found_again(
            host in "[!-~]{1,10}", database in "[!-~]{1,10}", user in "[!-~]{1,10}", password in "[ -~]{0,20}", port in 1u16..
        ) {
            prop_assume!(!host.starts_with(['/', '@', '#']) && host != "*" && database != "*" && user != "*");
            let line = format!("{}:{port}:{}:{}:{}", escape(&host), escape(&database), escape(&user), escape(&password));
            let found = find(&line, &Target { host: &host, port, database: &database, user: &user });
            prop_assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), Some(password.as_str()));
        }

        #[test]
        fn what_cannot_be_read_hides_no_line_after_it(text in any::<String>()) {
            let file = format!("{text}\n*:*:*:*:last");
            let found = find(&file, &Target { host: "h", port: 1, database: "d", user: "u" });
            prop_assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), Some("last"));
        }
    }
}
