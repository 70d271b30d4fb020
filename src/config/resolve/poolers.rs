//! Connection poolers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::endpoint::{PoolerAddress, PostgresAccess, Timeouts};
use super::super::libpq;
use super::super::locate::quoted;
use super::super::resolved::PoolerSettings;
use super::super::written::WrittenPooler;
use super::Resolver;
use crate::model::name::PoolerName;

/// PgBouncer's port where none is written.
const PORT: u16 = 6432;

/// The database under which PgBouncer's admin console is reached.
const CONSOLE: &str = "pgbouncer";

/// What libpq calls a server's socket, before the port.
const SOCKET_NAME: &str = ".s.PGSQL.";

impl Resolver<'_> {
    pub(super) fn poolers(
        &mut self,
        at: &str,
        written: &BTreeMap<String, WrittenPooler>,
        timeouts: Timeouts,
    ) -> Vec<PoolerSettings> {
        let mut poolers: Vec<PoolerSettings> = Vec::new();
        for (name, pooler) in written {
            let at = format!("{at}.poolers.{}", quoted(name));
            if name.trim().is_empty() || PoolerName::new(name) != name.as_str() {
                self.report_problem(
                    &at,
                    "the name of a pooler cannot be empty or contain control characters",
                    "use a plain name",
                );
            }
            let address = self.pooler_address(&at, name, pooler);
            let access = self.pooler_access(&at, pooler, timeouts);
            let (Some(address), Some((access, acting))) = (address, access) else { continue };
            // Two processes may share a port, but nobody could tell which of them answers.
            if let Some(other) = poolers.iter().find(|other| other.address == address) {
                self.warnings.push(format!("{at}: {address} is the address of the pooler {} too", other.name));
            }
            poolers.push(PoolerSettings {
                name: PoolerName::new(name),
                address,
                access,
                acting,
                databases: pooler.databases.clone(),
                repoint: self.repoint(&at, &pooler.repoint),
            });
        }
        poolers
    }

    /// The command that points it at another member. A program by its path alone: what `PATH` finds may be another one for
    /// whoever acts.
    fn repoint(&mut self, at: &str, written: &[String]) -> Vec<String> {
        let Some((program, arguments)) = written.split_first() else { return Vec::new() };
        let at = format!("{at}.repoint");
        if !std::path::Path::new(program).is_absolute() {
            let remedy = "write the program with its whole path, followed by its arguments";
            self.report_problem(&at, format!("`{program}` is not an absolute path"), remedy);
        }
        if !arguments.iter().any(|argument| argument.contains("{host}") || argument.contains("{member}")) {
            let remedy = "add \"{host}\" and \"{port}\", or \"{member}\", among the arguments";
            self.report_problem(&at, "no argument names the new member", remedy);
        }
        written.to_vec()
    }

    fn pooler_address(&mut self, at: &str, name: &str, written: &WrittenPooler) -> Option<PoolerAddress> {
        match (&written.address, &written.socket) {
            (Some(address), None) => Some(PoolerAddress::Tcp(address.0.host.clone(), address.0.port.unwrap_or(PORT))),
            (None, Some(socket)) => Some(PoolerAddress::Unix(self.socket(socket))),
            (Some(_), Some(_)) => {
                self.report_problem(&format!("{at}.socket"), "address and socket are both given", "keep one of them");
                None
            }
            (None, None) => {
                self.report_problem(
                    at,
                    format!("no address of pooler `{name}` is configured"),
                    "set address = \"host:6432\" or socket = \"/var/run/postgresql\"",
                );
                None
            }
        }
    }

    /// A socket, or as with libpq the directory that it is in.
    fn socket(&self, written: &str) -> PathBuf {
        let path = self.file(written);
        let is_socket = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SOCKET_NAME));
        if is_socket { path } else { path.join(format!("{SOCKET_NAME}{PORT}")) }
    }

    fn pooler_access(
        &mut self,
        at: &str,
        written: &WrittenPooler,
        timeouts: Timeouts,
    ) -> Option<(PostgresAccess, Option<PostgresAccess>)> {
        let (login, tls) = (written.login(), self.tls(at, &written.tls()));
        if login.user.is_none() {
            let remedy = "set user = \"...\": a user of stats_users in pgbouncer.ini is enough for monitoring";
            self.report_problem(&format!("{at}.user"), "is missing", remedy);
            return None;
        }
        if tls.insecure {
            let remedy = "use sslmode = \"require\" for TLS without verification";
            self.report_problem(&format!("{at}.insecure"), "use sslmode for PgBouncer", remedy);
        }
        let explicit = libpq::ExplicitSettings {
            password: self.secret(at, &login),
            user: login.user,
            database: Some(CONSOLE.to_owned()),
            passfile: written.passfile.as_ref().map(|path| self.file(path)),
            service: None,
            sslmode: written.sslmode,
            require_auth: written.require_auth.clone(),
            channel_binding: written.channel_binding.clone(),
            purpose: libpq::LoginUse::Looking,
            ca: tls.ca,
            certificate: tls.certificate,
            key: tls.key,
            server_name: tls.server_name,
            timeouts,
        };
        let acting = written.acting.as_ref().and_then(|acting| {
            let at = format!("{at}.acting");
            let acting = libpq::ExplicitSettings {
                database: Some(CONSOLE.to_owned()),
                service: None,
                ..self.acting(&at, acting, &explicit)
            };
            self.access(&at, &acting)
        });
        Some((self.access(at, &explicit)?, acting))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use crate::config::endpoint::PoolerAddress;
    use crate::config::resolved::Settings;
    use crate::config::{Environment, from_text};

    fn settings(poolers: &str) -> Result<Settings, String> {
        let text = format!("[clusters.c]\nscope = \"c\"\n[clusters.c.patroni]\nurls = [\"http://h:8008\"]\n{poolers}");
        let environment: Environment = [("USER", "op"), ("HOME", "/nonexistent")].into_iter().collect();
        from_text(&text, Path::new("config.toml"), &environment).map_err(|error| error.to_string())
    }

    #[rstest]
    #[case("address = \"10.0.0.5\"", PoolerAddress::Tcp("10.0.0.5".to_owned(), 6432))]
    #[case("address = \"[::1]:7000\"", PoolerAddress::Tcp("::1".to_owned(), 7000))]
    #[case("socket = \"/run/pg\"", PoolerAddress::Unix("/run/pg/.s.PGSQL.6432".into()))]
    #[case("socket = \"/run/pg/.s.PGSQL.7000\"", PoolerAddress::Unix("/run/pg/.s.PGSQL.7000".into()))]
    fn a_pooler_is_reached_by_tcp_or_by_a_socket(#[case] key: &str, #[case] expected: PoolerAddress) {
        let settings = settings(&format!("[clusters.c.poolers.edge]\nuser = \"stats\"\n{key}\n")).unwrap();
        let [pooler] = settings.clusters[0].poolers.as_slice() else { panic!("{settings:?}") };
        assert_eq!((pooler.name.as_str(), &pooler.address), ("edge", &expected));
        assert_eq!((pooler.access.user.as_str(), pooler.access.database.as_str()), ("stats", "pgbouncer"));
    }

    #[rstest]
    #[case("user = \"stats\"", "no address of pooler `edge`")]
    #[case("address = \"h\"\nsocket = \"/run\"\nuser = \"stats\"", "keep one")]
    #[case("address = \"h\"", "stats_users")]
    #[case("address = \"h\"\nuser = \"stats\"\npassword = \"x\"", "password")]
    fn what_is_missing_is_named(#[case] keys: &str, #[case] words: &str) {
        let error = settings(&format!("[clusters.c.poolers.edge]\n{keys}\n")).unwrap_err();
        assert!(error.contains(words), "{error}");
    }

    #[rstest]
    #[case("[]", None)]
    #[case("[\"/usr/bin/move\", \"{host}\", \"{port}\"]", None)]
    #[case("[\"/usr/bin/move\", \"--to={member}\"]", None)]
    #[case("[\"move\", \"{host}\"]", Some("`move` is not an absolute path"))]
    #[case("[\"/usr/bin/move\"]", Some("no argument names the new member"))]
    fn a_command_that_repoints_names_its_program_and_the_new_member(
        #[case] written: &str,
        #[case] problem: Option<&str>,
    ) {
        let keys = format!("[clusters.c.poolers.edge]\nuser = \"u\"\naddress = \"h:6432\"\nrepoint = {written}\n");
        match (settings(&keys), problem) {
            (Ok(_), None) => {}
            (Err(error), Some(problem)) => assert!(error.contains(problem), "{error}"),
            (outcome, _) => panic!("{written}: {outcome:?}"),
        }
    }

    #[test]
    fn two_poolers_of_one_address_are_noted() {
        let pooler = |name: &str| format!("[clusters.c.poolers.{name}]\nuser = \"u\"\naddress = \"h:6432\"\n");
        let settings = settings(&format!("{}{}", pooler("a"), pooler("b"))).unwrap();
        assert_eq!(settings.clusters[0].poolers.len(), 2);
        assert!(settings.warnings.iter().any(|warning| warning.contains("h:6432")), "{:?}", settings.warnings);
    }
}
