//! A whole compose file: its services with what they inherit, their environment files, secrets and mounted files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::profiles::{ActiveProfiles, LeftOut};
use super::service::{self, Service, Variable};
use super::variables::{Variables, parse_env_file};
use super::yaml::{self, Kind, Node};
use crate::config::error::{ConfigError, ConfigProblem, SettingLocation};

/// Reads a file that a compose file refers to; `None` where it cannot be read or is too large.
pub(super) type Files<'a> = dyn Fn(&Path) -> Option<String> + 'a;

/// Services with their surroundings.
pub(super) struct Project<'a> {
    pub(super) services: Vec<Service>,
    /// Services of profiles that are not active.
    pub(super) left_out: LeftOut,
    /// What was left out or looks wrong, one sentence each.
    pub(super) notes: Vec<String>,
    directory: PathBuf,
    files: &'a Files<'a>,
    secrets: BTreeMap<String, ProvidedFile>,
    configs: BTreeMap<String, ProvidedFile>,
}

/// Where a secret or a config comes from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum ProvidedFile {
    /// A file of the host.
    File(PathBuf),
    /// A variable of the environment that Compose is run in.
    Environment(String),
    /// The compose file itself.
    Content(String),
}

impl<'a> Project<'a> {
    /// Reads `text`, the compose file at `path`.
    ///
    /// # Errors
    /// YAML that cannot be read, no services, or ports that are none; each with its line.
    pub(super) fn read(
        text: &str,
        path: &Path,
        variables: &Variables,
        active: &ActiveProfiles,
        files: &'a Files<'a>,
    ) -> Result<Self, ConfigError> {
        let complaint = |line: Option<usize>, key: &str, problem: String, remedy: &str| ConfigProblem {
            location: SettingLocation::File { path: path.to_owned(), line: line.filter(|line| *line > 0) },
            key: key.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        let tree = |variables| {
            yaml::parse(text, variables)
                .map_err(|error| ConfigError::Wrong(vec![complaint(error.line, "", error.problem, error.remedy)]))
        };
        let (root, written) = (tree(Some(variables))?, tree(None)?);
        if !root.get("services").is_some_and(|services| matches!(services.kind, Kind::Map(_))) {
            let included = root.get("include").map(included).unwrap_or_default();
            let (problem, remedy) = if included.is_empty() {
                ("there are none".to_owned(), "give the compose file whose top level has `services:`")
            } else {
                let problem = format!("only in the files under `include:`: {}", included.join(", "));
                (problem, "give that file, or use the output of `docker compose config` as the compose file")
            };
            return Err(ConfigError::Wrong(vec![complaint(None, "services", problem, remedy)]));
        }
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut notes = Vec::new();
        if let Some(include) = root.get("include") {
            notes.push(format!("the files under `include:` were not read: {}", included(include).join(", ")));
        }
        let unset = unset(&written, variables);
        if !unset.is_empty() {
            let listed = unset.into_iter().collect::<Vec<_>>().join(", ");
            notes.push(format!("these variables are not set and were taken as empty: {listed}; see --env-file"));
        }
        let mut project = Self {
            services: Vec::new(),
            left_out: LeftOut::default(),
            notes: Vec::new(),
            secrets: provided_files(root.get("secrets"), &directory),
            configs: provided_files(root.get("configs"), &directory),
            directory,
            files,
        };
        let written = services(&written, &mut Vec::new());
        let mut problems = Vec::new();
        let (chosen, left_out) = active.choose(services(&root, &mut notes));
        notes.extend(left_out.note());
        project.left_out = left_out;
        for (name, node) in chosen {
            let written = written.iter().find(|(other, _)| *other == name).map(|(_, node)| node);
            let mut service = service::read(&name, &node, written, &mut problems);
            project.add_env_files(&mut service, variables, &mut notes);
            project.services.push(service);
        }
        if problems.is_empty() {
            project.notes = notes;
            return Ok(project);
        }
        let each = problems.into_iter().map(|problem| {
            let key = format!("services.{}.ports", problem.service);
            complaint(Some(problem.line), &key, problem.problem, problem.remedy)
        });
        Err(ConfigError::Wrong(each.collect()))
    }

    /// The service called `name`.
    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The text of the first file that `service` sees at a place that `wanted` accepts, with its name on the host.
    pub(super) fn mounted(&self, service: &Service, wanted: impl Fn(&str) -> bool) -> Option<(PathBuf, String)> {
        for mount in service.mounts.iter().filter(|mount| wanted(&mount.target)) {
            let path = beside(&self.directory, &mount.source);
            if let Some(text) = (self.files)(&path) {
                return Some((path, text));
            }
        }
        for (name, target) in &service.configs {
            let target = target.clone().unwrap_or_else(|| format!("/{name}"));
            if !wanted(&target) && !wanted(name) {
                continue;
            }
            match self.configs.get(name) {
                Some(ProvidedFile::File(path)) => {
                    if let Some(text) = (self.files)(path) {
                        return Some((path.clone(), text));
                    }
                }
                Some(ProvidedFile::Content(text)) => {
                    return Some((PathBuf::from(format!("configs.{name}")), text.clone()));
                }
                Some(ProvidedFile::Environment(_)) | None => {}
            }
        }
        None
    }

    /// The text of `file` within a directory that `service` sees, for mounts of whole directories.
    pub(super) fn mounted_within(&self, service: &Service, file: &str) -> Option<(PathBuf, String)> {
        service.mounts.iter().find_map(|mount| {
            let path = beside(&self.directory, &mount.source).join(file);
            Some((path.clone(), (self.files)(&path)?))
        })
    }

    /// Where the secret comes from that `service` sees at `path`.
    pub(super) fn secret_at(&self, service: &Service, path: &str) -> Option<ProvidedFile> {
        let sees = |(name, target): &&(String, Option<String>)| match target {
            Some(target) if target.starts_with('/') => target == path,
            Some(target) => path == format!("/run/secrets/{target}"),
            None => path == format!("/run/secrets/{name}"),
        };
        if let Some((name, _)) = service.secrets.iter().find(sees) {
            return self.secrets.get(name).cloned();
        }
        let mount = service.mounts.iter().find(|mount| mount.target == path)?;
        Some(ProvidedFile::File(beside(&self.directory, &mount.source)))
    }

    /// Variables of a service's environment files stand below those of `environment`.
    fn add_env_files(&self, service: &mut Service, variables: &Variables, notes: &mut Vec<String>) {
        let mut found = BTreeMap::new();
        for file in &service.env_files {
            let Some(text) = (self.files)(&beside(&self.directory, file)) else {
                notes.push(format!("service {}: its environment file {file} could not be read", service.name));
                continue;
            };
            match parse_env_file(&text, variables) {
                Ok(read) => found.extend(read.iter().map(|(name, value)| (name.to_owned(), value.to_owned()))),
                Err(error) => notes.push(format!("{file}:{}: {}; {}", error.line, error.problem, error.remedy)),
            }
        }
        for (name, value) in found {
            service.environment.entry(name).or_insert(Variable { value, taken_from: None });
        }
    }
}

/// The files that `include:` names, in its short and its long form.
fn included(include: &Node) -> Vec<String> {
    let of_long = |item: &Node| {
        let path = item.get("path");
        path.into_iter()
            .flat_map(|path| path.text().into_iter().chain(path.items().iter().filter_map(Node::text)))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let single = include.text().map(str::to_owned);
    single
        .into_iter()
        .chain(include.items().iter().flat_map(|item| match item.text() {
            Some(text) => vec![text.to_owned()],
            None => of_long(item),
        }))
        .collect()
}

/// A path of the compose file, which begins where the compose file is.
fn beside(directory: &Path, path: &str) -> PathBuf {
    // The configuration knows the home directory by the same sign.
    if path.starts_with("~/") { PathBuf::from(path) } else { directory.join(path.trim_start_matches("./")) }
}

/// The services with what they `extend` in the same file.
fn services(root: &Node, notes: &mut Vec<String>) -> Vec<(String, Node)> {
    let Some(listed) = root.get("services") else { return Vec::new() };
    listed.entries().map(|(name, node)| (name.to_owned(), inherited(name, node, listed, notes, 0))).collect()
}

/// Services that extend each other in a circle must end somewhere.
const MAX_DEPTH: usize = 8;

fn inherited(name: &str, node: &Node, listed: &Node, notes: &mut Vec<String>, depth: usize) -> Node {
    let Some(extends) = node.get("extends") else { return node.clone() };
    if let Some(file) = extends.text_of("file") {
        notes.push(format!("service {name} extends a service of {file}, which was not read"));
        return node.clone();
    }
    let base = extends.text().or_else(|| extends.text_of("service")).and_then(|base| Some((base, listed.get(base)?)));
    match base {
        Some((base, inner)) if depth < MAX_DEPTH => merged(&inherited(base, inner, listed, notes, depth + 1), node),
        Some(_) | None => node.clone(),
    }
}

/// Keys whose lists add up; other values replace what is inherited, and maps are joined.
const LISTS: [&str; 6] = ["ports", "expose", "volumes", "secrets", "configs", "profiles"];

fn merged(base: &Node, over: &Node) -> Node {
    let (Kind::Map(base_entries), Kind::Map(over_entries)) = (&base.kind, &over.kind) else { return over.clone() };
    let mut entries = base_entries.clone();
    for (key, node) in over_entries {
        let Some((_, inherited)) = entries.iter_mut().find(|(name, _)| name == key) else {
            entries.push((key.clone(), node.clone()));
            continue;
        };
        *inherited = match (&inherited.kind, &node.kind) {
            (Kind::Map(_), Kind::Map(_)) => merged(inherited, node),
            (Kind::List(first), Kind::List(second)) if LISTS.contains(&key.as_str()) => {
                Node { line: node.line, kind: Kind::List(first.iter().chain(second).cloned().collect()) }
            }
            _ => node.clone(),
        };
    }
    Node { line: over.line, kind: Kind::Map(entries) }
}

fn provided_files(node: Option<&Node>, directory: &Path) -> BTreeMap<String, ProvidedFile> {
    let each = node.into_iter().flat_map(Node::entries).filter_map(|(name, node)| {
        let file = node.text_of("file").map(|file| ProvidedFile::File(beside(directory, file)));
        let variable = || node.text_of("environment").map(|name| ProvidedFile::Environment(name.to_owned()));
        let content = || node.text_of("content").map(|text| ProvidedFile::Content(text.to_owned()));
        Some((name.to_owned(), file.or_else(variable).or_else(content)?))
    });
    each.collect()
}

/// Variables that a plain reference names and that are set nowhere.
fn unset<'n>(node: &'n Node, variables: &Variables) -> BTreeSet<&'n str> {
    match &node.kind {
        Kind::Nothing => BTreeSet::new(),
        Kind::Scalar(text) => plain_references(text).into_iter().filter(|name| variables.get(name).is_none()).collect(),
        Kind::List(items) => items.iter().flat_map(|item| unset(item, variables)).collect(),
        Kind::Map(entries) => entries.iter().flat_map(|(_, item)| unset(item, variables)).collect(),
    }
}

/// The names in `$NAME` and `${NAME}`; references with a default say themselves what to do without a value.
fn plain_references(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let body = braced.unwrap_or(rest);
        let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
        let (name, behind) = body.split_at(end);
        let is_usable = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_usable && (braced.is_none() || behind.starts_with('}')) {
            names.push(name);
        }
        rest = behind;
    }
    names
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn project<'a>(text: &str, files: &'a Files<'a>) -> Result<Project<'a>, ConfigError> {
        let (variables, path) = (Variables::default(), Path::new("/srv/stack/compose.yml"));
        Project::read(text, path, &variables, &ActiveProfiles::new(&[], &variables), files)
    }

    #[test]
    fn a_service_inherits_from_another_of_the_file() {
        let text = "
services:
  base:
    image: patroni
    environment: {A: 1, B: base}
    ports: [\"8008:8008\"]
  pg:
    extends: {service: base}
    environment: {B: own}
    ports: [\"5432:5432\"]
  loop: {extends: loop}
  other: {extends: {service: x, file: other.yml}}
";
        let project = project(text, &|_| None).unwrap();
        let service = project.service("pg").unwrap();
        assert_eq!((service.value(&["A"]), service.value(&["B"])), (Some("1"), Some("own")));
        assert!(service.opens(8008) && service.opens(5432));
        assert!(project.notes.iter().any(|note| note.contains("other.yml")), "{:?}", project.notes);
    }

    #[test]
    fn environment_files_stand_below_the_environment() {
        let files = |path: &Path| (path == Path::new("/srv/stack/pg.env")).then(|| "A=file\nB=file\n".to_owned());
        let text = "services: {pg: {env_file: [pg.env, none.env], environment: {A: own}}}";
        let project = project(text, &files).unwrap();
        let service = project.service("pg").unwrap();
        assert_eq!((service.value(&["A"]), service.value(&["B"])), (Some("own"), Some("file")));
        assert!(project.notes[0].contains("none.env"));
    }

    #[test]
    fn variables_that_are_set_nowhere_are_reported() {
        let project = project("services: {pg: {image: \"$A/${B}:${C:-1} $$D ${E}\"}}", &|_| None).unwrap();
        assert!(project.notes[0].contains("A, B, E;"), "{:?}", project.notes);
    }

    #[rstest]
    #[case::no_services("version: '3'\n", "compose.yml: services", "services:")]
    #[case::empty("", "compose.yml: services", "services:")]
    #[case::yaml("services: [a, b\n", "compose.yml:", "docker compose config")]
    #[case::port(
        "services:\n  pg:\n    ports:\n      - \"5432:5432\"\n      - x:y\n",
        "compose.yml:5: services.pg.ports",
        "127.0.0.1:5432:5432"
    )]
    #[case::required("services:\n  pg:\n    image: ${TAG:?no tag}\n", "compose.yml:3:", "--env-file")]
    fn what_is_wrong_is_reported_with_file_line_and_remedy(
        #[case] text: &str,
        #[case] place: &str,
        #[case] remedy: &str,
    ) {
        let error = project(text, &|_| None).err().unwrap().to_string();
        assert!(error.contains(place) && error.contains(remedy), "{error}");
    }
}
