//! A configuration file with comments, written from what discovery found: something to read and edit, that loads as it
//! is.

use std::fmt::Write;

use super::address::HostPort;
use super::discovered::{Discovered, DiscoveredMember, Reach};
use super::locate::quoted;
use super::value::http_url;
use crate::model::text::Text;

/// What discovery was started with: addresses that work from this host, whatever the members advertise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Base URLs of agents.
    pub patroni: Vec<String>,
    /// Client URLs of etcd.
    pub etcd: Vec<String>,
    /// Statistics URLs of routers that were found, with their names.
    pub routers: Vec<(String, String)>,
}

/// The port of a router's or agent's PostgreSQL where a member advertises none.
const POSTGRES_PORT: u16 = super::resolved::POSTGRES_PORT;

/// The text of a configuration file for the cluster that was found.
pub fn commented_file(found: &Discovered, asked: &Asked) -> String {
    let mut file = File::default();
    let scope = found.scope.as_deref().map(clean).filter(|scope| !scope.trim_matches('/').trim().is_empty());
    let name = scope.as_deref().unwrap_or("cluster").trim();
    let cluster = format!("clusters.{}", key(name));

    file.comment("pgctl-tui's configuration. Written from what was found; read it through, and change what you like.");
    if let Some(version) = &found.agent_version {
        file.comment(format!("The agents are Patroni {version}."));
    }
    for note in &found.notes {
        file.comment(note);
    }
    file.blank();
    file.set("interval", &text("1s"), "how often everything is asked");
    file.blank();

    file.table(&cluster);
    file.comment("The name of this table is what you type to confirm an action; give it one that says which it is.");
    match &scope {
        Some(scope) => file.set("scope", &text(scope), ""),
        None => file.comment("scope = \"...\"                # as in patroni.yml; no agent told it"),
    }
    match found.namespace.as_deref().map(clean).filter(|namespace| !namespace.trim_matches('/').is_empty()) {
        Some(namespace) => file.set("namespace", &text(&namespace), ""),
        None => file.comment("namespace = \"/service\"     # as in patroni.yml; this is Patroni's default"),
    }
    file.comment("colour = \"red\"                # sets the cluster apart on the screen");
    file.comment("protected = true              # every action also wants a reason");
    file.comment("read_only = true              # no action is possible");
    file.blank();

    patroni(&mut file, &cluster, found, asked);
    etcd(&mut file, &cluster, asked);
    postgres(&mut file, &cluster);
    routers(&mut file, &cluster, asked);
    addresses(&mut file, &cluster, found);
    file.text
}

fn patroni(file: &mut File, cluster: &str, found: &Discovered, asked: &Asked) {
    let mut urls: Vec<&str> = asked.patroni.iter().map(String::as_str).collect();
    for member in &found.members {
        let works = !matches!(member.reach, Reach::Fails(_));
        urls.extend(member.api_url.as_deref().filter(|url| works && !asked.patroni.iter().any(|known| known == url)));
    }
    urls.retain(|url| http_url(url).is_ok());
    if urls.is_empty() && asked.etcd.iter().any(|url| http_url(url).is_ok()) && found.scope.is_some() {
        return;
    }
    file.table(&format!("{cluster}.patroni"));
    if urls.is_empty() {
        file.comment("No agent's address is known: write one that this host can reach.");
        urls.push("http://127.0.0.1:8008");
    } else {
        file.comment("To begin with; further members are learnt from these.");
    }
    file.list("urls", &urls);
    file.comment("For acting only; the password is fetched when an action is confirmed.");
    file.comment("user = \"admin\"");
    file.comment("password_file = \"~/.config/pgctl-tui/patroni.password\"   # or password_env, password_command");
    file.comment("ca = \"/etc/ssl/patroni-ca.pem\"   # with certificate and key where Patroni asks for them");
    file.blank();
}

fn etcd(file: &mut File, cluster: &str, asked: &Asked) {
    let urls: Vec<&str> = asked.etcd.iter().map(String::as_str).filter(|url| http_url(url).is_ok()).collect();
    if urls.is_empty() {
        file.comment("With etcd itself, changes show at once; without it the record is read through Patroni.");
        file.comment(format!("[{cluster}.etcd]"));
        file.comment("endpoints = [\"http://10.0.0.11:2379\"]");
    } else {
        file.table(&format!("{cluster}.etcd"));
        file.list("endpoints", &urls);
    }
    file.comment("user = \"reader\"");
    file.comment("password_env = \"ETCD_PASSWORD\"");
    file.blank();
}

fn postgres(file: &mut File, cluster: &str) {
    file.comment("A role to look with: CREATE ROLE pgctl LOGIN PASSWORD '...' IN ROLE pg_monitor;");
    file.comment("Its password comes from ~/.pgpass, or from password_file, password_env, password_command.");
    file.comment(format!("[{cluster}.postgres]"));
    file.comment("user = \"pgctl\"");
    file.comment("sslmode = \"verify-full\"");
    file.comment("ca = \"/etc/ssl/postgres-ca.pem\"");
    file.blank();
}

fn routers(file: &mut File, cluster: &str, asked: &Asked) {
    let routers: Vec<_> = asked.routers.iter().filter(|(_, url)| http_url(url).is_ok()).collect();
    if routers.is_empty() {
        file.comment(format!("[[{cluster}.routers]]"));
        file.comment("name = \"haproxy\"");
        file.comment("stats = \"http://10.0.0.21:7000/;csv\"");
        file.comment("runtime = \"tcp:10.0.0.21:9999\"     # or \"unix:/run/haproxy/admin.sock\"");
        file.blank();
    }
    let mut names = std::collections::BTreeSet::new();
    for (index, (name, url)) in routers.into_iter().enumerate() {
        let name = clean(name);
        let name = if name.is_empty() || names.contains(&name) { format!("router-{index}") } else { name };
        if !names.insert(name.clone()) {
            continue;
        }
        file.line(format!("[[{cluster}.routers]]"));
        file.set("name", &text(&name), "");
        file.set("stats", &text(url), "");
        file.blank();
    }
}

/// Members whose advertised address does not work here need a line each; the others are shown for the record.
fn addresses(file: &mut File, cluster: &str, found: &Discovered) {
    let failing = found.members.iter().any(|member| matches!(member.reach, Reach::Fails(_)));
    if failing {
        file.comment("Some advertised addresses do not work from this host. Say where they are reached:");
        file.comment(format!("[{cluster}.address_map]"));
    } else {
        file.comment("The members, where they advertise themselves. If this host must take another way:");
        file.comment(format!("[{cluster}.address_map]"));
    }
    for member in &found.members {
        let why = match &member.reach {
            Reach::Fails(why) => format!(": {}", clean(why)),
            Reach::Answers => ": answers".to_owned(),
            Reach::Untried => String::new(),
        };
        for address in advertised(member) {
            file.comment(format!("{} = {}   # {}{why}", text(&address), text(&address), clean(&member.name)));
        }
    }
}

fn advertised(member: &DiscoveredMember) -> Vec<String> {
    let agent = member.api_url.as_deref().and_then(|url| http_url(url).ok()).and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(format!("{host}:{}", url.port_or_known_default()?))
    });
    let postgres = member.host.as_deref().and_then(HostPort::parse).map(|address| {
        let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host };
        format!("{host}:{}", member.port.or(address.port).unwrap_or(POSTGRES_PORT))
    });
    agent.into_iter().chain(postgres).collect()
}

/// A file as it grows.
#[derive(Default)]
struct File {
    text: String,
}

impl File {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.line("");
    }

    /// A comment. What comes from outside cannot end it.
    fn comment(&mut self, words: impl AsRef<str>) {
        self.line(format!("# {}", clean(words.as_ref())).trim_end());
    }

    fn table(&mut self, path: &str) {
        self.line(format!("[{path}]"));
    }

    fn set(&mut self, key: &str, value: &str, remark: &str) {
        let line = format!("{key} = {value}");
        let remark = if remark.is_empty() { String::new() } else { format!("   # {remark}") };
        self.line(format!("{line}{remark}"));
    }

    fn list(&mut self, key: &str, values: &[&str]) {
        self.line(format!("{key} = ["));
        for value in values {
            // Writing to a string cannot fail.
            let _ = writeln!(self.text, "    {},", text(value));
        }
        self.line("]");
    }
}

/// Outside text on one line, without anything that a terminal or the file would obey.
fn clean(raw: &str) -> String {
    Text::new(raw).to_string()
}

/// A basic string of TOML, which may also be a key. Control characters are gone, so only its two signs are escaped.
fn text(raw: &str) -> String {
    format!("\"{}\"", clean(raw).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A TOML key.
fn key(raw: &str) -> String {
    let bare = quoted(raw);
    if bare == raw { bare } else { text(raw) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Environment, Settings, from_text};

    fn load(text: &str) -> Settings {
        let environment: Environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
        from_text(text, Path::new("config.toml"), &environment).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn member(name: &str, reach: Reach) -> DiscoveredMember {
        DiscoveredMember {
            name: name.to_owned(),
            api_url: Some(format!("http://{name}:8008")),
            host: Some(name.to_owned()),
            port: Some(5432),
            reach,
            ..DiscoveredMember::default()
        }
    }

    #[test]
    fn what_was_found_is_in_the_file_and_what_fails_is_shown_with_its_reason() {
        let found = Discovered {
            scope: Some("pg-ha".to_owned()),
            namespace: Some("/service/".to_owned()),
            members: vec![
                member("pg-0", Reach::Answers),
                member("pg-1", Reach::Fails("the name does not resolve".to_owned())),
            ],
            ..Discovered::default()
        };
        let asked = Asked {
            patroni: vec!["http://127.0.0.1:8008".to_owned()],
            etcd: vec!["http://127.0.0.1:2379".to_owned()],
            routers: vec![("edge".to_owned(), "http://127.0.0.1:7000/;csv".to_owned())],
        };
        let text = commented_file(&found, &asked);
        assert!(text.contains("# \"pg-1:8008\" = \"pg-1:8008\"   # pg-1: the name does not resolve"), "{text}");
        let settings = load(&text);
        let cluster = settings.cluster("pg-ha").expect("the cluster");
        assert_eq!(cluster.prefix().as_deref(), Some("/service/pg-ha/"));
        assert_eq!(cluster.patroni.seeds, ["http://127.0.0.1:8008", "http://pg-0:8008"]);
        assert_eq!(cluster.etcd.as_ref().expect("etcd").urls, ["http://127.0.0.1:2379"]);
        assert_eq!(cluster.routers[0].name, *"edge");
        assert!(cluster.postgres.is_none() && settings.warnings.is_empty());
    }

    #[test]
    fn every_line_in_comments_is_good_once_it_is_uncommented() {
        let found = Discovered { members: vec![member("pg-0", Reach::Untried)], ..Discovered::default() };
        let text = commented_file(&found, &Asked { patroni: vec!["http://h:8008".to_owned()], ..Asked::default() });
        let uncommented: String = text
            .lines()
            .map(|line| {
                let code = line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('['));
                format!("{}\n", code.filter(|rest| !rest.contains("scope =")).unwrap_or(line))
            })
            .collect();
        let cluster = load(&uncommented).clusters.remove(0);
        assert!(cluster.postgres.is_some() && cluster.protected && cluster.etcd.is_some());
        assert!(cluster.patroni.acting.is_some() && !cluster.routers.is_empty());
    }

    fn some_text() -> impl Strategy<Value = Option<String>> {
        proptest::option::of(any::<String>())
    }

    proptest! {
        #[test]
        fn whatever_was_found_the_file_loads(
            scope in some_text(),
            namespace in some_text(),
            notes in proptest::collection::vec(any::<String>(), 0..3),
            members in proptest::collection::vec((any::<String>(), some_text(), some_text(), any::<String>()), 0..4),
            asked in proptest::collection::vec(any::<String>(), 0..3),
        ) {
            let members = members.into_iter().map(|(name, api_url, host, why)| DiscoveredMember {
                name, api_url, host, reach: Reach::Fails(why), ..DiscoveredMember::default()
            });
            let found = Discovered { scope, namespace, notes, members: members.collect(), ..Discovered::default() };
            let asked = Asked {
                patroni: asked.clone(),
                etcd: asked.clone(),
                routers: asked.into_iter().map(|url| (url.clone(), url)).collect(),
            };
            prop_assert_eq!(load(&commented_file(&found, &asked)).clusters.len(), 1);
        }
    }
}
