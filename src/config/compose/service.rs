//! Services of a compose file, reduced to what tells of a cluster.

use std::collections::BTreeMap;

use super::ports::{self, PublishedPort};
use super::yaml::{Kind, Node};

/// A variable of a container.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its value; may be a secret.
    pub(super) value: String,
    /// The variable outside of the container that the value is taken from, where it is nothing but that.
    pub(super) taken_from: Option<String>,
}

/// A file or directory of the host, seen in the container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mount {
    pub(super) source: String,
    pub(super) target: String,
}

/// One service.
#[derive(Clone, Default)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) image: Option<String>,
    /// Whether its image is built from the sources beside the file.
    pub(super) is_built: bool,
    /// Words of entrypoint and command.
    pub(super) command: Vec<String>,
    pub(super) ports: Vec<PublishedPort>,
    /// Ports that other containers reach, published or not.
    pub(super) exposed: Vec<u16>,
    pub(super) environment: BTreeMap<String, Variable>,
    /// Environment files of the container.
    pub(super) env_files: Vec<String>,
    pub(super) hostname: Option<String>,
    pub(super) container_name: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) addresses: Vec<String>,
    pub(super) network_mode: Option<String>,
    pub(super) mounts: Vec<Mount>,
    /// Where in the container volumes and directories of the host are seen, named ones too.
    pub(super) volume_targets: Vec<String>,
    /// Labels, as a reverse proxy reads them.
    pub(super) labels: BTreeMap<String, String>,
    /// Secrets and configs that it is given: name, and where it sees it if that is said.
    pub(super) secrets: Vec<(String, Option<String>)>,
    pub(super) configs: Vec<(String, Option<String>)>,
    /// Copies that are started.
    pub(super) copies: Option<u32>,
    /// When it is started again, in Compose's word.
    pub(super) restart: Option<String>,
    /// Services that it waits for.
    pub(super) depends_on: Vec<String>,
}

/// A port that cannot be read.
pub(super) struct PortProblem {
    pub(super) service: String,
    pub(super) line: usize,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

impl Service {
    /// The value of the first of `names` that is there and not empty.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        let values = names.iter().filter_map(|name| self.environment.get(*name));
        values.map(|variable| variable.value.trim()).find(|value| !value.is_empty())
    }

    /// Names under which other containers reach it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let given = [self.hostname.as_deref(), self.container_name.as_deref()].into_iter().flatten();
        std::iter::once(self.name.as_str())
            .chain(given)
            .chain(self.aliases.iter().map(String::as_str))
            .chain(self.addresses.iter().map(String::as_str))
    }

    /// Whether `port` of the container is published or exposed.
    pub(super) fn opens(&self, port: u16) -> bool {
        self.ports.iter().any(|published| published.container == port) || self.exposed.contains(&port)
    }
}

/// Reads the service `name`. `written` is the same service before interpolation.
pub(super) fn read(name: &str, node: &Node, written: Option<&Node>, problems: &mut Vec<PortProblem>) -> Service {
    let written_environment = written.and_then(|node| node.get("environment")).map(pairs).unwrap_or_default();
    let environment = node.get("environment").map(pairs).unwrap_or_default();
    let environment = environment.into_iter().map(|(key, value)| {
        let written = written_environment.iter().find(|(other, _)| *other == key);
        let taken_from = written.and_then(|(_, written)| only_reference(written)).map(str::to_owned);
        (key, Variable { value, taken_from })
    });
    let mut service = Service {
        name: name.to_owned(),
        image: node.text_of("image").map(str::to_owned),
        is_built: node.get("build").is_some(),
        labels: node.get("labels").map(pairs).unwrap_or_default().into_iter().collect(),
        command: describe(node),
        environment: environment.collect(),
        hostname: node.text_of("hostname").map(str::to_owned),
        container_name: node.text_of("container_name").map(str::to_owned),
        network_mode: node.text_of("network_mode").map(str::to_owned),
        copies: node
            .at(&["deploy", "replicas"])
            .or_else(|| node.get("scale"))
            .and_then(|copies| copies.text()?.parse().ok()),
        restart: node
            .text_of("restart")
            .or_else(|| node.at(&["deploy", "restart_policy", "condition"])?.text())
            .map(str::to_owned),
        depends_on: names(node.get("depends_on")),
        secrets: references(node.get("secrets")),
        configs: references(node.get("configs")),
        ..Service::default()
    };
    for item in node.get("ports").map(Node::items).unwrap_or_default() {
        match ports::read(item) {
            Ok(ports) => service.ports.extend(ports),
            Err((problem, remedy)) => {
                problems.push(PortProblem { service: name.to_owned(), line: item.line, problem, remedy });
            }
        }
    }
    for item in node.get("expose").map(Node::items).unwrap_or_default() {
        let port: Option<u16> = item.text().and_then(|text| text.split('/').next()?.parse().ok());
        service.exposed.extend(port);
    }
    for (_, network) in node.get("networks").into_iter().flat_map(Node::entries) {
        let list = |key: &str| network.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::text);
        service.aliases.extend(list("aliases").map(str::to_owned));
        service.addresses.extend(
            ["ipv4_address", "ipv6_address"].into_iter().filter_map(|key| network.text_of(key)).map(str::to_owned),
        );
    }
    for item in node.get("env_file").map(items_or_self).unwrap_or_default() {
        service.env_files.extend(item.text().or_else(|| item.text_of("path")).map(str::to_owned));
    }
    for item in node.get("volumes").map(Node::items).unwrap_or_default() {
        service.mounts.extend(mount(item));
        service.volume_targets.extend(volume_target(item));
    }
    service
}

/// A list's items, or the value itself where it is a single one.
fn items_or_self(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        Kind::Scalar(_) | Kind::Map(_) => std::slice::from_ref(node),
        Kind::Nothing => &[],
    }
}

/// A map, or a list of `key=value`. A key alone has no value here.
fn pairs(node: &Node) -> Vec<(String, String)> {
    let of_map = node.entries().map(|(key, value)| match &value.kind {
        Kind::Scalar(text) => (key.to_owned(), text.clone()),
        Kind::Nothing | Kind::List(_) | Kind::Map(_) => (key.to_owned(), String::new()),
    });
    let of_list = node.items().iter().filter_map(|item| {
        let (key, value) = item.text()?.split_once('=')?;
        Some((key.trim().to_owned(), value.to_owned()))
    });
    of_map.chain(of_list).collect()
}

/// The variable of a text that is nothing but a reference to one: `${NAME}`, `${NAME:-default}`, `$NAME`.
fn only_reference(written: &str) -> Option<&str> {
    let body = written.trim().strip_prefix('$')?;
    let is_usable = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(inner) = body.strip_prefix('{').and_then(|body| body.strip_suffix('}')) else {
        return (!body.is_empty() && body.chars().all(is_usable)).then_some(body);
    };
    let end = inner.find(|c| !is_usable(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let operator = rest.is_empty() || rest.starts_with([':', '-', '?']);
    // `${A:-x}-${B}` ends with a brace too, and is more than one reference: the first brace must close the last.
    let closes_early = rest
        .chars()
        .scan(0_i32, |depth, c| {
            *depth += i32::from(c == '{') - i32::from(c == '}');
            Some(*depth)
        })
        .any(|depth| depth < 0);
    (!name.is_empty() && operator && !closes_early).then_some(name)
}

/// The keys of a map, or the items of a list.
fn names(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let keys = node.entries().map(|(key, _)| key.to_owned());
    keys.chain(node.items().iter().filter_map(Node::text).map(str::to_owned)).collect()
}

fn describe(node: &Node) -> Vec<String> {
    let parts = ["entrypoint", "command"].into_iter().filter_map(|key| node.get(key));
    let texts = parts.flat_map(Node::items).filter_map(Node::text);
    let split = texts.flat_map(str::split_whitespace).map(|word| word.trim_matches(['"', '\'']));
    split.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Names of secrets or configs, each with the place in the container where that is said.
fn references(node: Option<&Node>) -> Vec<(String, Option<String>)> {
    let each = node.map(Node::items).unwrap_or_default().iter().filter_map(|item| {
        let name = item.text().or_else(|| item.text_of("source"))?;
        Some((name.to_owned(), item.text_of("target").map(str::to_owned)))
    });
    each.collect()
}

/// Where the container sees a volume, whatever it is of.
fn volume_target(item: &Node) -> Option<String> {
    match item.text() {
        // An anonymous volume is its target alone.
        Some(text) => Some(text.split(':').nth(1).unwrap_or(text).to_owned()),
        None => item.text_of("target").map(str::to_owned),
    }
}

/// A file or directory of the host; named volumes are none.
fn mount(item: &Node) -> Option<Mount> {
    let (source, target) = match item.text() {
        Some(text) => {
            let (source, rest) = text.split_once(':')?;
            (source, rest.split(':').next()?)
        }
        None => (item.text_of("source")?, item.text_of("target")?),
    };
    let of_host = source.starts_with(['.', '/', '~']);
    of_host.then(|| Mount { source: source.to_owned(), target: target.to_owned() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::yaml;
    use super::*;

    fn service(text: &str) -> Service {
        let node = yaml::parse(text, None).unwrap();
        let mut problems = Vec::new();
        let service = read("pg", &node, Some(&node), &mut problems);
        assert!(problems.is_empty());
        service
    }

    #[rstest]
    #[case("environment: {A: 1, B: yes, C: }", "1")]
    #[case("environment: [A=1, B=yes, C]", "1")]
    #[case("environment:\n  - \"A=1\"\n", "1")]
    fn the_environment_is_a_map_or_a_list(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(service(text).value(&["MISSING", "C", "A"]), Some(expected));
    }

    #[rstest]
    #[case("${A}", Some("A"))]
    #[case("$A", Some("A"))]
    #[case("${A:-secret}", Some("A"))]
    #[case("${A:-${B}}", Some("A"))]
    #[case("${A:?set it}", Some("A"))]
    #[case("${A}-${B}", None)]
    #[case("${A:-x}${B}", None)]
    #[case("x${A}", None)]
    #[case("$$A", None)]
    #[case("plain", None)]
    #[case("$", None)]
    #[case("${}", None)]
    fn a_value_taken_from_one_variable_is_distinguished_from_others(
        #[case] written: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(only_reference(written), expected);
    }

    #[test]
    fn names_addresses_and_mounts_are_gathered() {
        let text = "
hostname: node-a
container_name: demo-a
networks:
  inner: {aliases: [db-a], ipv4_address: 10.1.0.5}
  outer:
env_file: [a.env, {path: b.env, required: false}]
volumes:
  - data:/var/lib/postgresql
  - ./patroni.yml:/etc/patroni.yml:ro
  - {type: bind, source: /srv/x, target: /y}
secrets: [one, {source: two, target: /run/two}]
entrypoint: /bin/sh -c
command: [\"exec patroni /etc/patroni.yml\"]
expose: [5432, \"8008/tcp\"]
deploy: {replicas: 3}
";
        let service = service(text);
        assert_eq!(service.names().collect::<Vec<_>>(), ["pg", "node-a", "demo-a", "db-a", "10.1.0.5"]);
        assert_eq!(service.env_files, ["a.env", "b.env"]);
        assert_eq!(service.mounts.len(), 2);
        assert_eq!(service.secrets, [("one".to_owned(), None), ("two".to_owned(), Some("/run/two".to_owned()))]);
        assert_eq!(service.command, ["/bin/sh", "-c", "exec", "patroni", "/etc/patroni.yml"]);
        assert!(service.opens(8008) && !service.opens(9999));
        assert_eq!(service.copies, Some(3));
    }
}
