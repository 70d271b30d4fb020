//! Which variables of the environment hold passwords.

use super::Settings;
use crate::config::endpoint::{Login, SecretSource};

impl Settings {
    /// The variables that the configuration reads passwords from. No child process is to inherit them.
    pub fn secret_variables(&self) -> Vec<String> {
        let mut variables: Vec<String> = self.clusters.iter().flat_map(sources).filter_map(variable).collect();
        variables.sort_unstable();
        variables.dedup();
        variables
    }
}

fn sources(cluster: &super::ClusterSettings) -> Vec<&SecretSource> {
    let logins = [
        cluster.patroni.looking.as_ref(),
        cluster.patroni.acting.as_ref(),
        cluster.etcd.as_ref().and_then(|etcd| etcd.login.as_ref()),
        cluster.exporters.login.as_ref(),
    ];
    let routers = cluster.routers.iter().filter_map(|router| router.stats.as_ref()?.login.as_ref());
    let logins = logins.into_iter().flatten().chain(routers);
    let accesses = [
        cluster.postgres.as_ref().map(|postgres| &postgres.looking),
        cluster.postgres.as_ref().and_then(|postgres| postgres.acting.as_ref()),
        cluster.drills.probe.as_ref(),
    ];
    let poolers = cluster.poolers.iter().flat_map(|pooler| std::iter::once(&pooler.access).chain(&pooler.acting));
    let accesses = accesses.into_iter().flatten().chain(poolers).filter_map(|access| access.password.as_ref());
    logins.filter_map(|login: &Login| login.password.as_ref()).chain(accesses).collect()
}

fn variable(source: &SecretSource) -> Option<String> {
    match source {
        SecretSource::Environment(name) => Some(name.clone()),
        SecretSource::File(_) | SecretSource::Command(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Environment, from_text};

    #[test]
    fn every_place_where_a_password_variable_can_be_named_is_known() {
        let tables = [
            ("patroni", "urls = [\"http://h:8008\"]\n"),
            ("patroni.looking", ""),
            ("etcd", "endpoints = [\"http://h:2379\"]\n"),
            ("postgres", ""),
            ("postgres.acting", ""),
            ("exporters", ""),
            ("drills", ""),
            ("poolers.p", "address = \"h:6432\"\n"),
            ("poolers.p.acting", ""),
        ];
        let table = |(number, (table, lines)): (usize, &(&str, &str))| {
            format!("[clusters.c.{table}]\n{lines}user = \"u\"\npassword_env = \"SECRET_{number}\"\n")
        };
        let tables: String = tables.iter().enumerate().map(table).collect::<Vec<_>>().concat();
        let router = "name = \"r\"\nstats = \"http://h:7000\"\nuser = \"u\"\npassword_env = \"SECRET_8\"\n";
        let text = format!("[clusters.c]\nscope = \"c\"\n{tables}[[clusters.c.routers]]\n{router}");
        let environment: Environment = [("USER", "op"), ("HOME", "/nonexistent")].into_iter().collect();
        let settings = from_text(&text, Path::new("config.toml"), &environment).expect("settings");
        let expected: Vec<String> = (0..=8).map(|number| format!("SECRET_{number}")).collect();
        assert_eq!(settings.secret_variables(), expected);
    }
}
