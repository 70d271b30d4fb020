//! `init`: puts a configuration file in its place, and says what to do next. What stands in the file was found and
//! written elsewhere.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args;
use super::exit::Exit;
use super::printer::Printer;
use crate::config::discovered::{AssertionSubject, Discovered};
use crate::config::endpoint::{Login, SecretSource};
use crate::config::write_file::Asked;
use crate::config::{ClusterSettings, ConfigError, Environment, compose, default_path, from_text};

/// The cluster that a compose file describes; `None` where `arguments` name no compose file.
///
/// # Errors
/// Everything that can be wrong with the compose file or its environment file.
pub fn from_compose(
    arguments: &args::Init,
    scope: Option<&str>,
    environment: &Environment,
) -> Result<Option<(Discovered, Asked)>, ConfigError> {
    let Some(path) = &arguments.compose else { return Ok(None) };
    let found = compose::load(path, arguments.env_file.as_deref(), scope, &arguments.profile, environment)?;
    let asked = Asked { name: arguments.name.clone(), ..Asked::default() };
    Ok(Some((found, asked)))
}

/// Prints `file_text`, or writes it to `path`: readable by its owner alone, whole or not at all, and over an existing
/// file only with `force`. Exit codes: 0 printed or written, 2 there is a file already.
///
/// # Errors
/// When the text is no configuration, when directory or file cannot be made, or standard output cannot be written.
pub fn write(file_text: &str, path: &Path, print: bool, force: bool, printer: &mut Printer) -> anyhow::Result<Exit> {
    if print {
        printer.document(file_text)?;
        return Ok(Exit::Done);
    }
    let environment = Environment::of_process();
    let settings =
        from_text(file_text, path, &environment).context("no configuration can be generated from what was found")?;
    if !put(file_text, path, force)? {
        printer.say(format!("{} exists and was not changed.", path.display()));
        printer.say("--force replaces it; --print shows what would be written.");
        return Ok(Exit::Usage);
    }
    printer.say(format!("Wrote {}, readable only by you.", path.display()));
    let missing = missing_variables(&settings.clusters, &environment);
    if !missing.is_empty() {
        let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
        printer.say(format!("These password variables are not set here: {missing}."));
    }
    let with = if path == default_path(&environment) { String::new() } else { format!(" --config {}", path.display()) };
    printer.say(format!(
        "Next: `pgctl-tui{with} doctor` checks every endpoint, then `pgctl-tui{with}` opens the console."
    ));
    Ok(Exit::Done)
}

/// How many assertions are proposed and on what, with how to refuse them; `None`: none is.
pub fn proposed(found: &Discovered) -> Option<String> {
    let count = |subject| found.assertions.iter().filter(|one| one.subject == subject).count();
    let parts: Vec<String> = AssertionSubject::ALL
        .into_iter()
        .map(|(subject, word)| (count(subject), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let all = found.assertions.len();
    let noun = if all == 1 { "assertion" } else { "assertions" };
    let database = found.assertions_in.as_deref().unwrap_or("the database");
    (all > 0).then(|| {
        format!(
            "proposed {all} {noun} from the contents of {database} ({}): delete those that will not stay true, or omit all \
                with --no-assertions",
            parts.join(", ")
        )
    })
}

/// Puts the file in its place; whether it did, or found one there.
fn put(text: &str, path: &Path, force: bool) -> anyhow::Result<bool> {
    let cannot = |what: &str| format!("{}: {what}", path.display());
    // A link stays a link: what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.map_or_else(|| PathBuf::from("."), Path::to_owned);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .with_context(|| cannot("its directory cannot be created"))?;
    // Only its owner can read a temporary file of this kind, also after it has got its name.
    let mut file = tempfile::NamedTempFile::new_in(&directory).with_context(|| cannot("cannot be written"))?;
    file.write_all(text.as_bytes()).with_context(|| cannot("cannot be written"))?;
    file.as_file().sync_all().with_context(|| cannot("cannot be written"))?;
    if force {
        file.persist(&target).with_context(|| cannot("cannot be replaced"))?;
        return Ok(true);
    }
    match file.persist_noclobber(&target) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| cannot("cannot be written")),
    }
}

/// Variables that passwords are to come from and that are not set.
fn missing_variables<'a>(clusters: &'a [ClusterSettings], environment: &Environment) -> BTreeSet<&'a str> {
    let of_login = |login: &'a Option<Login>| login.as_ref().and_then(|login| login.password.as_ref());
    let of_cluster = |cluster: &'a ClusterSettings| {
        let postgres = cluster.postgres.as_ref().and_then(|postgres| postgres.looking.password.as_ref());
        let etcd = cluster.etcd.as_ref().and_then(|etcd| of_login(&etcd.login));
        let routers = cluster.routers.iter().filter_map(move |router| of_login(&router.stats.as_ref()?.login));
        [postgres, etcd, of_login(&cluster.patroni.acting)].into_iter().flatten().chain(routers)
    };
    let sources = clusters.iter().flat_map(of_cluster);
    let names = sources.filter_map(|source| match source {
        SecretSource::Environment(name) => Some(name.as_str()),
        SecretSource::File(_) | SecretSource::Command(_) => None,
    });
    names.filter(|name| environment.get(name).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::write_file::commented_file;

    const TEXT: &str =
        "[clusters.a.patroni]\nurls = [\"http://h:8008\"]\nuser = \"u\"\npassword_env = \"NOT_SET_HERE\"\n";

    fn written(text: &str, path: &Path, force: bool) -> Exit {
        write(text, path, false, force, &mut Printer::new()).unwrap()
    }

    #[test]
    fn the_file_is_private_and_so_are_the_directories_made_for_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new").join("pgctl-tui").join("config.toml");
        assert_eq!(written(TEXT, &path, false), Exit::Done);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn an_existing_file_is_replaced_only_by_force_and_through_its_link() {
        let home = tempfile::tempdir().unwrap();
        let (path, link) = (home.path().join("real.toml"), home.path().join("config.toml"));
        std::fs::write(&path, "mine").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(written(TEXT, &link, false), Exit::Usage);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(written(TEXT, &link, true), Exit::Done);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn printing_writes_no_file_and_a_text_that_does_not_load_is_never_written() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        assert_eq!(write(TEXT, &path, true, false, &mut Printer::new()).unwrap(), Exit::Done);
        assert!(write("nonsense", &path, false, false, &mut Printer::new()).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn how_many_assertions_are_proposed_is_reported_with_how_to_refuse_them() {
        let one = |name: &str, subject| crate::config::discovered::DiscoveredAssertion {
            name: name.to_owned(),
            sql: "SELECT 1".to_owned(),
            expect: 1,
            subject,
        };
        let mut found = Discovered { assertions_in: Some("banking".to_owned()), ..Discovered::default() };
        assert_eq!(proposed(&found), None);
        found.assertions = vec![
            one("a", AssertionSubject::Tables),
            one("b", AssertionSubject::Rows),
            one("c", AssertionSubject::Rows),
        ];
        let said = proposed(&found).unwrap();
        assert!(
            said.starts_with("proposed 3 assertions from the contents of banking (1 on tables, 2 on rows"),
            "{said}"
        );
        assert!(said.ends_with("--no-assertions"), "{said}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), "").unwrap();
        let path = home.path().join("file").join("config.toml");
        let error = format!("{:#}", write(TEXT, &path, false, true, &mut Printer::new()).unwrap_err());
        assert!(error.contains("config.toml: its directory cannot be created"), "{error}");
    }

    #[test]
    fn variables_that_passwords_are_missing_from_are_known() {
        let environment: Environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
        let settings = from_text(TEXT, Path::new("c.toml"), &environment).unwrap();
        assert_eq!(
            missing_variables(&settings.clusters, &environment).into_iter().collect::<Vec<_>>(),
            ["NOT_SET_HERE"]
        );
        let set: Environment = [("NOT_SET_HERE", "x")].into_iter().collect();
        assert!(missing_variables(&settings.clusters, &set).is_empty());
    }

    #[test]
    fn a_compose_file_becomes_a_file_under_the_name_that_was_asked_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let arguments = args::Init {
            compose: Some(root.join("docker-compose.dev.yml")),
            env_file: Some(root.join(".env")),
            profile: vec!["patroni".to_owned()],
            postgres: None,
            name: Some("lab".to_owned()),
            no_assertions: false,
            print: false,
            force: false,
        };
        let (found, asked) = from_compose(&arguments, None, &Environment::default()).unwrap().unwrap();
        let text = commented_file(&found, &asked);
        let environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
        let settings = from_text(&text, Path::new("c.toml"), &environment).unwrap();
        assert_eq!(settings.cluster("lab").unwrap().scope.as_deref(), Some("pg-ha"));
        let nothing = args::Init { compose: None, ..arguments };
        assert_eq!(from_compose(&nothing, None, &Environment::default()).unwrap(), None);
    }
}
