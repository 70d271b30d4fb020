//! Connection strings as libpq takes them: `host=a port=5433 user=looker`, or `postgresql://looker@a:5433,b:5434/postgres`.
//! A password in one is refused: whoever lists processes would read it.

use std::path::PathBuf;

use super::super::environment::Environment;
use super::access::ExplicitSettings;
use super::service;

/// Where libpq looks for a server when nothing says its port.
const PORT: u16 = 5432;

/// Keywords that say nothing about how to log in, or that are decided here.
const IGNORED_KEYWORDS: [&str; 16] = [
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "replication",
    "sslcompression",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// What a connection string says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dsn {
    /// Hosts with their ports, in its order; empty where it names none.
    pub hosts: Vec<(String, u16)>,
    /// The port where it names no host.
    pub port: Option<u16>,
    /// How to log in.
    pub explicit: ExplicitSettings,
}

impl Dsn {
    /// The hosts to ask: its own, else that of its service, else `PGHOST`, else this one.
    pub fn endpoints(&self, environment: &Environment) -> Vec<(String, u16)> {
        if !self.hosts.is_empty() {
            return self.hosts.clone();
        }
        let name = self.explicit.service.as_deref().or_else(|| environment.get("PGSERVICE"));
        let entry = name.and_then(|name| service::find(name, environment).ok());
        let said = |keyword: &str, variable: &str| {
            let of_service = entry.as_ref().and_then(|entry| entry.get(keyword));
            of_service.or_else(|| environment.get(variable)).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let host = said("host", "PGHOST").filter(|host| !host.starts_with(['/', '@']) && !host.contains(','));
        let port = self.port.or_else(|| said("port", "PGPORT")?.parse().ok());
        vec![(host.unwrap_or_else(|| "localhost".to_owned()), port.unwrap_or(PORT))]
    }
}

/// Reads `text`.
///
/// # Errors
/// What is wrong with it, and what would be right. No value of it is repeated.
pub fn parse(text: &str) -> Result<Dsn, String> {
    let text = text.trim();
    let uri = ["postgresql://", "postgres://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let pairs = match uri {
        Some(rest) => of_uri(rest)?,
        None => of_words(text)?,
    };
    settled(pairs)
}

type Pairs = Vec<(String, String)>;

fn settled(pairs: Pairs) -> Result<Dsn, String> {
    let mut dsn = Dsn::default();
    let (mut hosts, mut ports) = (String::new(), String::new());
    for (keyword, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        let explicit = &mut dsn.explicit;
        match keyword.as_str() {
            // An address stands in for the name.
            "hostaddr" => hosts = value,
            "host" if hosts.is_empty() => hosts = value,
            "host" => {}
            "port" => ports = value,
            "user" => explicit.user = Some(value),
            "dbname" => explicit.database = Some(value),
            "password" | "sslpassword" => {
                return Err(
                    "contains a password, which every user of this host can see in the process list; remove it \
                        and use ~/.pgpass or PGPASSWORD"
                        .to_owned(),
                );
            }
            "passfile" => explicit.passfile = Some(PathBuf::from(value)),
            "service" => explicit.service = Some(value),
            "sslmode" => {
                let remedy = "use disable, allow, prefer, require, verify-ca or verify-full";
                explicit.sslmode = Some(value.parse().map_err(|_| format!("has an unknown sslmode; {remedy}"))?);
            }
            "sslrootcert" => explicit.ca = vec![PathBuf::from(value)],
            "sslcert" => explicit.certificate = Some(PathBuf::from(value)),
            "sslkey" => explicit.key = Some(PathBuf::from(value)),
            "channel_binding" => explicit.channel_binding = Some(value),
            "require_auth" => explicit.require_auth = Some(value),
            other if IGNORED_KEYWORDS.contains(&other) => {}
            _ => return Err("has an unknown keyword; use host, port, user, dbname, sslmode".to_owned()),
        }
    }
    if hosts.is_empty() && !ports.is_empty() {
        dsn.port = Some(port(&ports)?);
        ports.clear();
    }
    let hosts: Vec<&str> = hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).collect();
    if hosts.iter().any(|host| host.starts_with(['/', '@'])) {
        return Err("names a Unix-socket directory, which is not supported; use host=NAME or host=ADDRESS".to_owned());
    }
    let ports: Vec<&str> = ports.split(',').map(str::trim).collect();
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(format!("has {} ports for {} hosts; give one for each, or one for all", ports.len(), hosts.len()));
    }
    for (at, host) in hosts.into_iter().enumerate() {
        let written = ports.get(at).or(ports.first()).copied().unwrap_or_default();
        let port = if written.is_empty() { PORT } else { port(written)? };
        dsn.hosts.push((host.to_owned(), port));
    }
    Ok(dsn)
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| "has an invalid port; use a number from 1 to 65535".to_owned())
}

/// `keyword=value` between blanks; a value may stand in quotes, and a backslash escapes.
fn of_words(text: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(pairs);
        }
        let mut keyword = String::new();
        while let Some(c) = rest.next_if(|c| *c != '=' && !c.is_whitespace()) {
            keyword.push(c);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.next() != Some('=') {
            return Err("is not a connection string; use \"host=NAME port=5432 user=ROLE\" or \
                postgresql://ROLE@NAME:5432/DATABASE"
                .to_owned());
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let is_quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match rest.next() {
                None if is_quoted => return Err("has an opening quote without a closing one".to_owned()),
                None => break,
                Some('\\') => value.extend(rest.next()),
                Some('\'') if is_quoted => break,
                Some(c) if c.is_whitespace() && !is_quoted => break,
                Some(c) => value.push(c),
            }
        }
        pairs.push((keyword, value));
    }
}

/// `[user[:password]@][host[:port]][,...][/database][?keyword=value[&...]]`
fn of_uri(rest: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, places) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in places.split(',').filter(|place| !place.is_empty()) {
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, tail)) => (host, tail.strip_prefix(':').unwrap_or_default()),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        hosts.push(decoded(host)?);
        ports.push(port.to_owned());
    }
    pairs.extend([("user".to_owned(), decoded(user)?), ("password".to_owned(), decoded(password)?)]);
    pairs.push(("dbname".to_owned(), decoded(database)?));
    if !hosts.is_empty() {
        pairs.extend([("host".to_owned(), hosts.join(",")), ("port".to_owned(), ports.join(","))]);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (keyword, value) = pair.split_once('=').ok_or("has a parameter without a value; use ?keyword=value")?;
        pairs.push((decoded(keyword)?, decoded(value)?));
    }
    Ok(pairs)
}

/// `%41` is `A`; a plus sign is itself.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "has a percent sign without two hexadecimal digits; use %25 for the sign itself".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
        bytes.push(high * 16 + low);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::describe("host=a port=5433 user=looker dbname=shop", &[("a", 5433)], "looker", "shop")]
    #[case::quotes("host = a user='a looker' dbname='it\\'s'", &[("a", 5432)], "a looker", "it's")]
    #[case::uri("postgresql://looker@a:5433/shop", &[("a", 5433)], "looker", "shop")]
    #[case::short_scheme("postgres://looker@a/shop?sslmode=disable", &[("a", 5432)], "looker", "shop")]
    #[case::escapes("postgresql://l%40b@[fd00::1]:6000/a%2Fb", &[("fd00::1", 6000)], "l@b", "a/b")]
    #[case::several("postgresql://u@a:1,b,[::1]:3/d", &[("a", 1), ("b", 5432), ("::1", 3)], "u", "d")]
    #[case::one_port_for_all("host=a,b port=6000 user=u dbname=d", &[("a", 6000), ("b", 6000)], "u", "d")]
    #[case::parameters("postgresql:///d?host=a&port=7&user=u&application_name=x", &[("a", 7)], "u", "d")]
    #[case::address("host=name hostaddr=10.0.0.1 user=u dbname=d", &[("10.0.0.1", 5432)], "u", "d")]
    fn both_forms_are_read(
        #[case] text: &str,
        #[case] hosts: &[(&str, u16)],
        #[case] user: &str,
        #[case] database: &str,
    ) {
        let dsn = parse(text).unwrap();
        let found: Vec<(&str, u16)> = dsn.hosts.iter().map(|(host, port)| (host.as_str(), *port)).collect();
        assert_eq!(found, hosts);
        assert_eq!((dsn.explicit.user.as_deref(), dsn.explicit.database.as_deref()), (Some(user), Some(database)));
    }

    #[rstest]
    #[case::password("host=a password=secret-value", ".pgpass")]
    #[case::password_in_uri("postgresql://u:secret-value@a/d", ".pgpass")]
    #[case::password_as_parameter("postgresql://a/d?password=secret-value", ".pgpass")]
    #[case::socket("host=/run/secret-value", "socket")]
    #[case::describe("secret-value", "host=NAME")]
    #[case::open_quote("host='secret-value", "quote")]
    #[case::port("host=a port=secret-value", "65535")]
    #[case::sslmode("host=a sslmode=secret-value", "verify-full")]
    #[case::percent("postgresql://secret-value%zz@a", "%25")]
    #[case::ports("host=a,b,c port=1,2", "2 ports for 3 hosts")]
    #[case::keyword("host=a secret-value=1", "unknown")]
    fn what_is_wrong_is_reported_without_the_value(#[case] text: &str, #[case] words: &str) {
        let problem = parse(text).unwrap_err();
        assert!(problem.contains(words) && !problem.contains("secret-value"), "{problem}");
    }

    #[test]
    fn without_a_host_libpqs_own_places_are_looked_at() {
        let environment = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Environment>();
        let places = |text: &str, pairs: &[(&str, &str)]| parse(text).unwrap().endpoints(&environment(pairs));
        assert_eq!(places("user=u", &[]), [("localhost".to_owned(), 5432)]);
        assert_eq!(places("port=6000", &[("PGHOST", "a"), ("PGPORT", "1")]), [("a".to_owned(), 6000)]);
        assert_eq!(places("", &[("PGHOST", "/run/postgresql"), ("PGPORT", "7")]), [("localhost".to_owned(), 7)]);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("services");
        std::fs::write(&file, "[s]\nhost=b\nport=8\n").unwrap();
        assert_eq!(places("service=s", &[("PGSERVICEFILE", file.to_str().unwrap())]), [("b".to_owned(), 8)]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(postgres://)?[\\PC]{0,60}") {
            let _ = parse(&text).is_ok();
        }
    }
}
