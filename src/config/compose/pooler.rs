//! A PgBouncer container: where its admin console is reached and who may look there, from a mounted `pgbouncer.ini` where
//! there is one, else from its environment and the ports it publishes.

use super::login;
use super::project::Project;
use super::reach::{Reached, host_port};
use super::role::{POOLER_PORT, POSTGRES_PORT};
use super::service::Service;
use crate::config::discovered::{DiscoveredLogin, DiscoveredPooler};

/// Variables by which images are told their port.
const PORT_VARIABLES: [&str; 3] = ["PGBOUNCER_PORT", "PGBOUNCER_LISTEN_PORT", "LISTEN_PORT"];
/// Variables by which images are told who may only look.
const STATS_VARIABLES: [&str; 2] = ["PGBOUNCER_STATS_USERS", "STATS_USERS"];
/// Variables by which images are told who may do everything.
const ADMIN_VARIABLES: [&str; 2] = ["PGBOUNCER_ADMIN_USERS", "ADMIN_USERS"];

pub(super) fn pooler(project: &Project<'_>, service: &Service) -> DiscoveredPooler {
    let mounted = project.mounted(service, |target| target.ends_with("pgbouncer.ini"));
    let mounted = mounted.or_else(|| project.mounted_within(service, "pgbouncer.ini"));
    let configured = mounted.map(|(_, text)| read(&text)).unwrap_or_default();
    let by_variable = || service.value(&PORT_VARIABLES)?.parse().ok();
    let usual = || [POOLER_PORT, POSTGRES_PORT].into_iter().find(|port| service.opens(*port));
    let port = configured.port.or_else(by_variable).or_else(usual).unwrap_or(POOLER_PORT);
    let mut remarks = Vec::new();
    let address = match project.reach(service, port) {
        Reached::At(host, port) => Some(host_port(&host, port)),
        Reached::Unknown | Reached::Unpublished => {
            remarks.push(format!("Its port {port} is not published, so its admin console is unreachable from here."));
            None
        }
    };
    let listed = |names: &[&str]| {
        let first = service.value(names)?.split(',').next()?.trim();
        (!first.is_empty()).then(|| first.to_owned())
    };
    let by_name = |user: String| DiscoveredLogin {
        user,
        password: None,
        remarks: vec!["Its password is in the userlist of PgBouncer.".to_owned()],
    };
    let login = login::pooler(project, service)
        .or_else(|| configured.stats.or_else(|| listed(&STATS_VARIABLES)).map(by_name))
        .or_else(|| configured.admin.or_else(|| listed(&ADMIN_VARIABLES)).map(by_name));
    if login.is_none() {
        remarks.push("No user of its admin console was recognised: see stats_users in pgbouncer.ini.".to_owned());
    }
    DiscoveredPooler { name: service.name.clone(), address, login, databases: configured.databases, remarks }
}

/// What `pgbouncer.ini` tells.
#[derive(Default)]
struct Configured {
    port: Option<u16>,
    stats: Option<String>,
    admin: Option<String>,
    databases: Vec<String>,
}

fn read(text: &str) -> Configured {
    let mut configured = Configured::default();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with([';', '#', '%']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            continue;
        }
        let Some((key, value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else { continue };
        let first = || value.split(',').map(str::trim).find(|user| !user.is_empty()).map(ToOwned::to_owned);
        match (section, key) {
            ("databases", "*") => {}
            ("databases", name) => configured.databases.push(name.trim_matches('"').to_owned()),
            ("pgbouncer", "listen_port") => configured.port = value.parse().ok(),
            ("pgbouncer", "stats_users") => configured.stats = first(),
            ("pgbouncer", "admin_users") => configured.admin = first(),
            _ => {}
        }
    }
    configured
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pgbouncers_own_file_tells_port_users_and_databases() {
        let text = "; comment = 1\n[databases]\napp = host=db dbname=app\n* = host=db\n\"odd\" = host=db\n\n[pgbouncer]\n\
                    listen_port = 7432\nadmin_users = root, postgres\nstats_users=, looker\n[users]\nx = pool_mode=session\n";
        let configured = read(text);
        assert_eq!((configured.port, configured.databases), (Some(7432), vec!["app".to_owned(), "odd".to_owned()]));
        assert_eq!((configured.stats.as_deref(), configured.admin.as_deref()), (Some("looker"), Some("root")));
    }
}
