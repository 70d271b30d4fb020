//! A configuration file with comments, written from what discovery found: something to read and edit, that loads as it
//! is.

mod file;
mod nodes;
mod poolers;
mod routers;
#[cfg(test)]
mod tests;

use self::file::{File, clean, key, text};
use self::nodes::{Nodes, addresses, nodes, plain_nodes, postgres_of};
use self::poolers::poolers;
use self::routers::routers;
use super::discovered::{Discovered, DiscoveredMember, Reach};
use super::value::http_url;

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

/// The text of a configuration file for the cluster that was found.
pub fn commented_file(found: &Discovered, asked: &Asked) -> String {
    let mut file = File::default();
    let scope = scope_of(found);
    let name = asked.name.as_deref().map(clean).filter(|name| !name.trim().is_empty());
    let name = name.as_deref().or(scope.as_deref()).unwrap_or("cluster").trim();
    let cluster = format!("clusters.{}", key(name));

    let origin = found.origin.as_deref().unwrap_or("what was found");
    file.prose(format!("Configuration of pgctl-tui, generated from {origin}; review and change it as needed."));
    if let Some(version) = &found.agent_version {
        file.comment(format!("The agents are Patroni {version}."));
    }
    for note in &found.notes {
        file.prose(note);
    }
    file.blank();
    file.set("interval", &text("1s"), "the refresh interval");
    file.blank();

    file.table(&cluster);
    file.comment("The name of this table is what you type to confirm an action; choose a clear one.");
    let plain = if is_streaming(found, asked) { plain_nodes(found) } else { Vec::new() };
    let is_streaming = !plain.is_empty();
    if !is_streaming {
        match &scope {
            Some(scope) => file.set("scope", &text(scope), ""),
            None => file.comment("scope = \"...\"                # as in patroni.yml; not reported by any agent"),
        }
        match found.namespace.as_deref().map(clean).filter(|namespace| !namespace.trim_matches('/').is_empty()) {
            Some(namespace) => file.set("namespace", &text(&namespace), ""),
            None => file.comment("namespace = \"/service\"     # as in patroni.yml; this is the default of Patroni"),
        }
    }
    file.comment("colour = \"red\"                # marks the cluster on the screen");
    file.comment("protected = true              # every action also requires a reason");
    file.comment("read_only = true              # no action is possible");
    file.blank();

    if is_streaming {
        // Nothing of Patroni may stand here, not even as an example: whatever names it makes the cluster Patroni's.
        file.prose("Plain streaming replication: no manager; the nodes are queried by SQL only.");
        file.blank();
    } else {
        patroni(&mut file, &cluster, found, asked);
        etcd(&mut file, &cluster, found, asked);
    }
    postgres(&mut file, &cluster, found);
    routers(&mut file, &cluster, found, asked);
    poolers(&mut file, &cluster, found);
    if is_streaming {
        nodes(&mut file, &cluster, &plain, Nodes::Plain);
    } else {
        nodes(&mut file, &cluster, &found.members, Nodes::Managed);
    }
    addresses(&mut file, &cluster, found);
    preparation(&mut file, &cluster, found);
    drills(&mut file, &cluster, found);
    assertions(&mut file, &cluster, found);
    file.into_text()
}

/// What prepares the cluster: its end is looked at, and whether what it makes is there.
fn preparation(file: &mut File, cluster: &str, found: &Discovered) {
    let Some(preparation) = found.preparation.as_ref().filter(|found| !clean(&found.container).is_empty()) else {
        return;
    };
    file.comment("Setup container that runs once; checked through the container engine if available.");
    file.table(&format!("{cluster}.preparation"));
    file.set("container", &text(&preparation.container), "");
    for (key, made, example) in [
        ("user", &preparation.user, "the role that it creates"),
        ("database", &preparation.database, "and the database"),
    ] {
        match made.as_deref().map(clean).filter(|made| !made.is_empty()) {
            Some(made) => file.set(key, &text(&made), ""),
            None => file.comment(format!("{key} = \"...\"   # {example}: doctor checks whether it exists")),
        }
    }
    file.blank();
}

/// Which containers run what: drills break those, once they are allowed to.
fn drills(file: &mut File, cluster: &str, found: &Discovered) {
    let is_usable = |(part, service): (&String, &String)| (clean(part), clean(service));
    let lines: Vec<_> = found.containers.iter().map(is_usable).filter(|(part, _)| !part.is_empty()).collect();
    if lines.is_empty() {
        return;
    }
    file.comment("Drills inject faults into these containers, only if enabled; see docs/drills.md.");
    file.comment(format!("[{cluster}.drills]"));
    file.comment("enabled = true");
    file.comment("target = \"30s\"                # the RTO target");
    file.table(&format!("{cluster}.drills.containers"));
    for (part, service) in lines {
        file.set(&key(&part), &text(&service), "");
    }
    file.blank();
}

/// What the data should say, as it does now.
fn assertions(file: &mut File, cluster: &str, found: &Discovered) {
    if found.assertions.is_empty() {
        return;
    }
    let database = found.assertions_in.as_deref().unwrap_or("the database");
    file.prose(format!(
        "Assertions about the data, proposed from the contents of {database}; run by doctor. Keep those that stay true, delete the rest."
    ));
    for assertion in &found.assertions {
        file.table(&format!("{cluster}.assertions.{}", key(&assertion.name)));
        file.set("sql", &text(&assertion.sql), "");
        file.set("expect", &assertion.expect.to_string(), "");
        if let Some(database) = &found.assertions_in {
            file.set("database", &text(database), "");
        }
        file.blank();
    }
}

/// Whether nothing that was found or asked names an agent or its store.
fn is_streaming(found: &Discovered, asked: &Asked) -> bool {
    let by_cluster = found.scope.is_some() || found.namespace.is_some() || found.agent_version.is_some();
    let by_address = asked.patroni.iter().chain(&asked.etcd).chain(&found.agents).chain(&found.etcd).next().is_some();
    let has_agent = |member: &DiscoveredMember| member.api_url.is_some() || member.rest.is_some();
    !by_cluster && !by_address && !found.members.iter().any(has_agent)
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
        file.comment("Patroni REST APIs to start with; further members are discovered from these.");
        file.comment(format!("[{cluster}.patroni]"));
        file.comment("urls = [\"http://10.0.0.1:8008\"]");
        file.blank();
        return;
    }
    file.table(&format!("{cluster}.patroni"));
    if urls.is_empty() {
        file.comment("No agent address is known: set one that this host can reach.");
        urls.push("http://127.0.0.1:8008");
    } else {
        file.comment("To start with; further members are discovered from these.");
    }
    file.list("urls", &urls);
    file.comment("For acting only; the password is read when an action is confirmed.");
    if !file.login(found.agents_login.as_ref()) {
        file.comment("user = \"admin\"");
        file.comment("password_file = \"~/.config/pgctl-tui/patroni.password\"   # or password_env, password_command");
    }
    file.comment("ca = \"/etc/ssl/patroni-ca.pem\"   # with certificate and key if Patroni requires them");
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
        file.comment("With etcd, changes are shown at once; without it the DCS state is read through Patroni.");
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
            file.comment("The monitoring role.");
            file.table(&format!("{cluster}.postgres"));
            file.login(Some(login));
            for (key, value) in &found.postgres_settings {
                file.set(key, &text(value), "");
            }
        }
        Some(_) | None => {
            file.comment("A monitoring role: CREATE ROLE pgctl LOGIN PASSWORD '...' IN ROLE pg_monitor;");
            file.comment("Its password comes from ~/.pgpass, or from password_file, password_env, password_command.");
            file.comment(format!("[{cluster}.postgres]"));
            file.comment("user = \"pgctl\"");
        }
    }
    for (key, example) in [("sslmode", "verify-full"), ("ca", "/etc/ssl/postgres-ca.pem")] {
        if !found.postgres_settings.contains_key(key) {
            file.comment(format!("{key} = {}", text(example)));
        }
    }
    file.blank();
    file.comment(
        "A role for acting: checkpoints before a switchover (pg_checkpoint), terminating sessions (pg_signal_backend).",
    );
    file.comment(format!("[{cluster}.postgres.acting]"));
    file.comment("user = \"pgctl_admin\"");
    file.comment("password_file = \"~/.config/pgctl-tui/postgres.password\"");
    file.blank();
}
