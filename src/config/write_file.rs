//! A configuration file with comments, written from what discovery found: something to read and edit, that loads as it
//! is.

use std::fmt::Write;

use super::address::{AddressMap, HostPort};
use super::discovered::{Discovered, DiscoveredLogin, DiscoveredMember, DiscoveredRouter, Reach};
use super::endpoint::SecretSource;
use super::locate::quoted;
use super::value::http_url;
use crate::model::text::Text;

/// What discovery was started with: addresses that work from this host, whatever the members advertise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// What the operator calls the cluster; `None`: its scope.
    pub name: Option<String>,
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
    let scope = scope_of(found);
    let name = asked.name.as_deref().map(clean).filter(|name| !name.trim().is_empty());
    let name = name.as_deref().or(scope.as_deref()).unwrap_or("cluster").trim();
    let cluster = format!("clusters.{}", key(name));

    let origin = found.origin.as_deref().unwrap_or("what was found");
    file.prose(format!("pgctl-tui's configuration. Written from {origin}; read it through, and change what you like."));
    if let Some(version) = &found.agent_version {
        file.comment(format!("The agents are Patroni {version}."));
    }
    for note in &found.notes {
        file.prose(note);
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
    etcd(&mut file, &cluster, found, asked);
    postgres(&mut file, &cluster, found);
    routers(&mut file, &cluster, found, asked);
    nodes(&mut file, &cluster, found);
    addresses(&mut file, &cluster, found);
    file.text
}

/// The scope, where there is one that can be written.
fn scope_of(found: &Discovered) -> Option<String> {
    found.scope.as_deref().map(clean).filter(|scope| !scope.trim_matches('/').trim().is_empty())
}

fn patroni(file: &mut File, cluster: &str, found: &Discovered, asked: &Asked) {
    let mut urls: Vec<&str> = Vec::new();
    let reached = asked.patroni.iter().chain(&found.agents).map(String::as_str);
    // What members advertise is worth a try where nothing is known to work better.
    let works = |member: &&DiscoveredMember| !matches!(member.reach, Reach::Fails(_)) && found.agents.is_empty();
    let advertised = found.members.iter().filter(works).filter_map(|member| member.api_url.as_deref());
    for url in reached.chain(advertised) {
        if http_url(url).is_ok() && !urls.contains(&url) {
            urls.push(url);
        }
    }
    let elsewhere = !etcd_urls(found, asked).is_empty() && scope_of(found).is_some();
    let by_sql = found.members.iter().any(|member| !clean(&member.name).is_empty() && postgres_of(member).is_some());
    if urls.is_empty() && (elsewhere || by_sql) {
        file.comment("Patroni's REST interfaces, to begin with; further members are learnt from these.");
        file.comment(format!("[{cluster}.patroni]"));
        file.comment("urls = [\"http://10.0.0.1:8008\"]");
        file.blank();
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
    if !file.login(found.agents_login.as_ref()) {
        file.comment("user = \"admin\"");
        file.comment("password_file = \"~/.config/pgctl-tui/patroni.password\"   # or password_env, password_command");
    }
    file.comment("ca = \"/etc/ssl/patroni-ca.pem\"   # with certificate and key where Patroni asks for them");
    file.blank();
}

fn etcd_urls<'a>(found: &'a Discovered, asked: &'a Asked) -> Vec<&'a str> {
    let mut urls: Vec<&str> = Vec::new();
    for url in asked.etcd.iter().chain(&found.etcd) {
        if http_url(url).is_ok() && !urls.contains(&url.as_str()) {
            urls.push(url);
        }
    }
    urls
}

fn etcd(file: &mut File, cluster: &str, found: &Discovered, asked: &Asked) {
    let urls = etcd_urls(found, asked);
    if urls.is_empty() {
        file.comment("With etcd itself, changes show at once; without it the record is read through Patroni.");
        file.comment(format!("[{cluster}.etcd]"));
        file.comment("endpoints = [\"http://10.0.0.11:2379\"]");
    } else {
        file.table(&format!("{cluster}.etcd"));
        file.list("endpoints", &urls);
    }
    if urls.is_empty() || !file.login(found.etcd_login.as_ref()) {
        file.comment("user = \"reader\"");
        file.comment("password_env = \"ETCD_PASSWORD\"");
    }
    file.blank();
}

fn postgres(file: &mut File, cluster: &str, found: &Discovered) {
    match &found.postgres_login {
        Some(login) if !clean(&login.user).is_empty() => {
            file.comment("The role to look with.");
            file.table(&format!("{cluster}.postgres"));
            file.login(Some(login));
        }
        Some(_) | None => {
            file.comment("A role to look with: CREATE ROLE pgctl LOGIN PASSWORD '...' IN ROLE pg_monitor;");
            file.comment("Its password comes from ~/.pgpass, or from password_file, password_env, password_command.");
            file.comment(format!("[{cluster}.postgres]"));
            file.comment("user = \"pgctl\"");
        }
    }
    file.comment("sslmode = \"verify-full\"");
    file.comment("ca = \"/etc/ssl/postgres-ca.pem\"");
    file.blank();
}

fn routers(file: &mut File, cluster: &str, found: &Discovered, asked: &Asked) {
    let by_url = asked.routers.iter().map(|(name, url)| DiscoveredRouter {
        name: name.clone(),
        stats: Some(url.clone()),
        ..DiscoveredRouter::default()
    });
    let routers: Vec<DiscoveredRouter> = by_url.chain(found.routers.iter().cloned()).collect();
    let mut names = std::collections::BTreeSet::new();
    for (index, router) in routers.iter().enumerate() {
        let name = clean(&router.name);
        let name = if name.is_empty() || names.contains(&name) { format!("router-{index}") } else { name };
        let stats = router.stats.as_deref().filter(|url| http_url(url).is_ok());
        let has_port = |address: &&str| HostPort::parse(address).is_some_and(|address| address.port.is_some());
        let runtime = router.runtime.as_deref().filter(has_port);
        if stats.is_none() && runtime.is_none() {
            if !router.remarks.is_empty() {
                file.prose(format!("Router {name} was found, and no way to ask it:"));
                router.remarks.iter().for_each(|remark| file.prose(remark));
                file.blank();
            }
            continue;
        }
        if !names.insert(name.clone()) {
            continue;
        }
        file.line(format!("[[{cluster}.routers]]"));
        file.set("name", &text(&name), "");
        router.remarks.iter().for_each(|remark| file.prose(remark));
        if let Some(url) = stats {
            file.set("stats", &text(url), "");
        }
        if let Some(address) = runtime {
            file.set("runtime", &text(&format!("tcp:{address}")), "");
        }
        if stats.is_some() {
            file.login(router.login.as_ref());
        }
        file.blank();
    }
    if names.is_empty() {
        file.comment(format!("[[{cluster}.routers]]"));
        file.comment("name = \"haproxy\"");
        file.comment("stats = \"http://10.0.0.21:7000/;csv\"");
        file.comment("runtime = \"tcp:10.0.0.21:9999\"     # or \"unix:/run/haproxy/admin.sock\"");
        file.blank();
    }
}

/// A member's PostgreSQL as this host reaches it, as it is written.
fn postgres_of(member: &DiscoveredMember) -> Option<String> {
    let (host, port) = member.postgres.as_ref()?;
    let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    HostPort::parse(&address).map(|_| address)
}

/// What is known of single members beforehand.
fn nodes(file: &mut File, cluster: &str, found: &Discovered) {
    let mut written = std::collections::BTreeSet::new();
    for member in &found.members {
        let name = clean(&member.name);
        let url = |url: &Option<String>| url.clone().filter(|url| http_url(url).is_ok());
        let known =
            [("rest", url(&member.rest)), ("postgres", postgres_of(member)), ("exporter", url(&member.exporter))];
        let any = known.iter().any(|(_, value)| value.is_some());
        let something = any || !member.remarks.is_empty();
        if name.is_empty() || !something || !written.insert(name.clone()) {
            continue;
        }
        if written.len() == 1 {
            file.comment("Where each member is reached from this host; this beats what it advertises.");
        }
        let table = format!("[{cluster}.nodes.{}]", key(&name));
        if any {
            file.line(table);
        } else {
            file.comment(table);
        }
        member.remarks.iter().for_each(|remark| file.prose(remark));
        for (key, value) in known {
            match (value, key) {
                (Some(value), _) => file.set(key, &text(&value), ""),
                (None, "rest") => file.comment("rest = \"http://127.0.0.1:8008\""),
                (None, "postgres") => file.comment("postgres = \"127.0.0.1:5432\""),
                (None, _) => file.comment("exporter = \"http://127.0.0.1:9187/metrics\""),
            }
        }
        file.blank();
    }
}

/// Members whose advertised address does not work here need a line each; the others are shown for the record.
fn addresses(file: &mut File, cluster: &str, found: &Discovered) {
    let mut map = AddressMap::default();
    let lines: Vec<_> = found.address_map.iter().map(|(from, to)| (clean(from), clean(to))).collect();
    let mut lines = lines.iter().filter(|(from, to)| map.add(from, to).is_ok()).peekable();
    if lines.peek().is_some() {
        file.comment("From the addresses that the members know each other by to those that this host reaches.");
        file.table(&format!("{cluster}.address_map"));
        let mut written = std::collections::BTreeSet::new();
        for (from, to) in lines.filter(|(from, _)| written.insert(from.clone())) {
            file.set(&text(from), &text(to), "");
        }
        return;
    }
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

/// Columns of a comment.
const WIDTH: usize = 100;

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

    /// Sentences as comments, broken at a width that can be read.
    fn prose(&mut self, words: impl AsRef<str>) {
        let mut line = String::new();
        for word in clean(words.as_ref()).split_whitespace() {
            if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
                self.line(format!("# {line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(format!("# {line}"));
        }
    }

    /// The keys of a login; whether there is one. The password itself is never among them.
    fn login(&mut self, login: Option<&DiscoveredLogin>) -> bool {
        let Some(login) = login.filter(|login| !clean(&login.user).is_empty()) else { return false };
        self.set("user", &text(&login.user), "");
        match &login.password {
            Some(SecretSource::File(path)) => self.set("password_file", &text(&path.to_string_lossy()), ""),
            Some(SecretSource::Environment(name)) => self.set("password_env", &text(name), ""),
            Some(SecretSource::Command(words)) if !words.is_empty() => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                self.list("password_command", &words);
            }
            Some(SecretSource::Command(_)) | None => {
                self.comment("password_env = \"...\"   # or password_file, password_command, ~/.pgpass");
            }
        }
        login.remarks.iter().for_each(|remark| self.prose(remark));
        true
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
            ..Asked::default()
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
        let mut uncommented = String::new();
        for line in text.lines() {
            let code = line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('['));
            uncommented.push_str(code.filter(|rest| !rest.contains("scope =")).unwrap_or(line));
            uncommented.push('\n');
        }
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
            more in proptest::collection::vec(any::<String>(), 9),
            map in proptest::collection::btree_map("[a-z0-9:.]{0,12}", "[a-z0-9:.]{0,12}", 0..4),
        ) {
            let members = members.into_iter().map(|(name, api_url, host, why)| DiscoveredMember {
                name, api_url, host, reach: Reach::Fails(why.clone()), postgres: Some((why.clone(), 5432)),
                rest: Some(format!("http://{why}")), remarks: vec![why], ..DiscoveredMember::default()
            });
            let login = |at: usize, password| Some(DiscoveredLogin {
                user: more[at].clone(), password: Some(password), remarks: vec![more[at + 1].clone()],
            });
            let found = Discovered {
                scope, namespace, notes,
                members: members.collect(),
                agents: vec![more[0].clone()],
                origin: Some(more[1].clone()),
                agents_login: login(2, SecretSource::Environment(more[3].clone())),
                etcd_login: login(4, SecretSource::Command(vec![more[5].clone()])),
                postgres_login: login(6, SecretSource::File(more[7].clone().into())),
                routers: vec![DiscoveredRouter {
                    name: more[8].clone(), runtime: Some("h:9999".to_owned()), ..DiscoveredRouter::default()
                }],
                address_map: map,
                ..Discovered::default()
            };
            let asked = Asked {
                name: None,
                patroni: asked.clone(),
                etcd: asked.clone(),
                routers: asked.into_iter().map(|url| (url.clone(), url)).collect(),
            };
            prop_assert_eq!(load(&commented_file(&found, &asked)).clusters.len(), 1);
        }
    }
}
