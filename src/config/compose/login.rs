//! Logins: users and the places of their passwords. A password's value is looked at only to see that there is one.

use super::agent::Agent;
use super::project::{Project, ProvidedFile};
use super::service::Service;
use crate::config::discovered::DiscoveredLogin;
use crate::config::endpoint::SecretSource;

/// A login as images name its variables.
struct Naming {
    users: &'static [&'static str],
    passwords: &'static [&'static str],
    /// The user where only the password is given.
    usual: Option<&'static str>,
}

const REST: [Naming; 1] =
    [Naming { users: &["PATRONI_RESTAPI_USERNAME"], passwords: &["PATRONI_RESTAPI_PASSWORD"], usual: None }];

const ETCD: [Naming; 2] = [
    Naming {
        users: &["PATRONI_ETCD3_USERNAME", "ETCD3_USERNAME"],
        passwords: &["PATRONI_ETCD3_PASSWORD", "ETCD3_PASSWORD"],
        usual: None,
    },
    Naming { users: &[], passwords: &["ETCD_ROOT_PASSWORD"], usual: Some("root") },
];

const SUPERUSER: [Naming; 3] = [
    Naming {
        users: &["PATRONI_SUPERUSER_USERNAME", "PGUSER_SUPERUSER"],
        passwords: &["PATRONI_SUPERUSER_PASSWORD", "PGPASSWORD_SUPERUSER"],
        usual: Some(POSTGRES),
    },
    Naming {
        users: &["POSTGRES_USER", "POSTGRESQL_USERNAME"],
        passwords: &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"],
        usual: Some(POSTGRES),
    },
    Naming { users: &[], passwords: &["POSTGRESQL_POSTGRES_PASSWORD"], usual: Some(POSTGRES) },
];

/// Words in a variable's name that tell a role made for looking.
const LOOKING: [&str; 7] = ["MONITOR", "MONITORING", "EXPORTER", "METRICS", "READONLY", "READ_ONLY", "DATA_SOURCE"];

/// The superuser's usual name.
const POSTGRES: &str = "postgres";

/// The role to look at PostgreSQL with: one made for it, else the superuser with a word of warning.
pub(super) fn postgres(project: &Project<'_>, services: &[&Service], agents: &[Agent<'_>]) -> Option<DiscoveredLogin> {
    let made_for_it = by_word(project, services, &LOOKING, None);
    if let Some(login) = made_for_it.filter(|login| login.user != POSTGRES) {
        return Some(login);
    }
    let like = || by_word(project, services, &["SUPERUSER"], Some(POSTGRES));
    let in_file = || {
        let (agent, user) = agents.iter().find_map(|agent| Some((agent, agent.superuser()?)))?;
        Some(DiscoveredLogin { user: user.to_owned(), password: None, remarks: vec![in_settings(agent)] })
    };
    let mut login = by_names(project, services, &SUPERUSER).or_else(like).or_else(in_file)?;
    login.remarks.push(
        "This is the superuser. A monitoring role is better: CREATE ROLE pgctl_monitor LOGIN PASSWORD '...'; \
            GRANT pg_monitor TO pgctl_monitor;"
            .to_owned(),
    );
    Some(login)
}

/// The login that Patroni's REST interface wants from those who change something.
pub(super) fn rest(project: &Project<'_>, services: &[&Service], agents: &[Agent<'_>]) -> Option<DiscoveredLogin> {
    let like = || by_word(project, services, &["REST"], None);
    let in_file = || {
        let (agent, user) = agents.iter().find_map(|agent| Some((agent, agent.rest_user()?)))?;
        Some(DiscoveredLogin { user: user.to_owned(), password: None, remarks: vec![in_settings(agent)] })
    };
    by_names(project, services, &REST).or_else(like).or_else(in_file)
}

/// The login of etcd.
pub(super) fn etcd(project: &Project<'_>, services: &[&Service]) -> Option<DiscoveredLogin> {
    by_names(project, services, &ETCD)
}

/// The login of a router's statistics page.
pub(super) fn statistics(project: &Project<'_>, service: &Service) -> Option<DiscoveredLogin> {
    by_word(project, &[service], &["STATS", "STATISTICS"], None)
}

/// The login of a pooler's admin console: one made for looking, else one that may do everything.
pub(super) fn pooler(project: &Project<'_>, service: &Service) -> Option<DiscoveredLogin> {
    let of = |words: &[&str]| by_word(project, &[service], words, None);
    if let Some(login) = of(&["STATS"]) {
        return Some(login);
    }
    let mut login = of(&["POOLER_ADMIN", "PGBOUNCER_ADMIN", "ADMIN"])?;
    login.remarks.push("This user may change everything there; one of stats_users is better.".to_owned());
    Some(login)
}

fn in_settings(agent: &Agent<'_>) -> String {
    let path = agent.settings_path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    format!("Its password is in {path}.")
}

fn by_names(project: &Project<'_>, services: &[&Service], namings: &[Naming]) -> Option<DiscoveredLogin> {
    namings.iter().find_map(|naming| {
        services.iter().find_map(|service| {
            let user = service.value(naming.users);
            let password = naming.passwords.iter().find_map(|name| password(project, service, name));
            let user = user.or_else(|| password.is_some().then_some(naming.usual).flatten())?;
            Some(login(user, password))
        })
    })
}

/// A pair of variables such as `LAB_MONITOR_USER` and `LAB_MONITOR_PASSWORD`, told by a word in their names. Where only
/// the password is given, the user is `usual`.
fn by_word(
    project: &Project<'_>,
    services: &[&Service],
    words: &[&str],
    usual: Option<&str>,
) -> Option<DiscoveredLogin> {
    let reported = |name: &&String| words.iter().any(|word| format!("_{name}_").contains(&format!("_{word}_")));
    services.iter().find_map(|service| {
        let of = |stem: &str| {
            ["_PASSWORD", "_PASS"].iter().find_map(|ending| password(project, service, &format!("{stem}{ending}")))
        };
        let named = service.environment.keys().filter(reported).find_map(|name| {
            let stem = ["_USERNAME", "_USER"].iter().find_map(|ending| name.strip_suffix(ending))?;
            Some(login(service.value(&[name])?, of(stem)))
        });
        named.or_else(|| {
            let usual = usual?;
            service
                .environment
                .keys()
                .filter(reported)
                .find_map(|name| Some(login(usual, Some(of(name.strip_suffix("_PASSWORD")?)?))))
        })
    })
}

fn login(user: &str, password: Option<(SecretSource, Option<String>)>) -> DiscoveredLogin {
    let (password, remark) = password.unzip();
    DiscoveredLogin { user: user.to_owned(), password, remarks: remark.flatten().into_iter().collect() }
}

/// Where the password of the variable `name` is to be had outside of the container, with what to know about it.
fn password(project: &Project<'_>, service: &Service, name: &str) -> Option<(SecretSource, Option<String>)> {
    if service.value(&[name]).is_some() {
        let variable = service.environment.get(name)?;
        let remark = match &variable.taken_from {
            Some(outer) => format!(
                "The compose file takes the password from {outer}: set it in the environment of the console too, or use \
                    password_file or password_command."
            ),
            None => format!(
                "The password is the value of {name} in service {}: set that variable in the environment of the console, \
                    or use password_file or password_command.",
                service.name
            ),
        };
        let outer = variable.taken_from.clone().unwrap_or_else(|| name.to_owned());
        return Some((SecretSource::Environment(outer), Some(remark)));
    }
    let path = service.value(&[&format!("{name}_FILE")])?;
    Some(match project.secret_at(service, path)? {
        ProvidedFile::File(file) => (SecretSource::File(file), None),
        ProvidedFile::Environment(variable) => (SecretSource::Environment(variable), None),
        ProvidedFile::Content(_) => return None,
    })
}
