//! Addresses, and the map from those that members advertise to those that this host can reach.

use std::collections::BTreeMap;

use url::Url;

/// A host with or without a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPort {
    /// Name or literal address, an IPv6 one without brackets.
    pub host: String,
    /// Port, where one is written.
    pub port: Option<u16>,
}

impl HostPort {
    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; `None` if it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_usable = |host: &str| {
            !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@[]#?".contains(c))
        };
        if let Some(rest) = text.strip_prefix('[') {
            let (host, tail) = rest.split_once(']')?;
            let port = match tail {
                "" => None,
                tail => Some(port(tail.strip_prefix(':')?)?),
            };
            host.parse::<std::net::Ipv6Addr>().ok()?;
            return Some(Self { host: host.to_owned(), port });
        }
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Some(Self { host: text.to_owned(), port: None });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, digits)) => (host, Some(port(digits)?)),
            None => (text, None),
        };
        is_usable(host).then(|| Self { host: host.to_owned(), port })
    }
}

fn port(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|port| *port != 0)
}

/// From advertised addresses to reachable ones. Names are compared without regard to case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddressMap {
    exact: BTreeMap<(String, u16), HostPort>,
    hosts: BTreeMap<String, String>,
}

impl AddressMap {
    /// Adds one line of the map.
    ///
    /// # Errors
    /// A sentence saying why the line makes no sense.
    pub fn insert(&mut self, from: &str, to: &str) -> Result<(), String> {
        let read = |text: &str| {
            HostPort::parse(text).ok_or_else(|| format!("`{text}` is not an address; use \"host\" or \"host:port\""))
        };
        let (from, to) = (read(from)?, read(to)?);
        let host = from.host.to_ascii_lowercase();
        match (from.port, to.port) {
            (Some(port), _) => {
                self.exact.insert((host, port), to);
            }
            (None, None) => {
                self.hosts.insert(host, to.host);
            }
            (None, Some(port)) => {
                return Err(format!(
                    "a host without a port cannot be mapped to one port, since it is queried on several; use \"{0}:{port}\" = \
                        \"{1}:{port}\", one line per port",
                    from.host, to.host
                ));
            }
        }
        Ok(())
    }

    /// Where `host` and `port` are reached: an exact line first, then one for the host, else as advertised.
    pub fn apply(&self, host: &str, port: u16) -> (String, u16) {
        let lower = host.to_ascii_lowercase();
        if let Some(to) = self.exact.get(&(lower.clone(), port)) {
            return (to.host.clone(), to.port.unwrap_or(port));
        }
        (self.hosts.get(&lower).map_or_else(|| host.to_owned(), Clone::clone), port)
    }

    /// Whether a line of the map leads to `host`.
    pub fn routes_to(&self, host: &str) -> bool {
        let targets = self.exact.values().map(|to| &to.host).chain(self.hosts.values());
        targets.into_iter().any(|to| to.eq_ignore_ascii_case(host))
    }

    /// Every line: the advertised host in lower case, its port where the line names one, and where that is reached.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Option<u16>, HostPort)> {
        let exact = self.exact.iter().map(|((host, port), to)| (host.as_str(), Some(*port), to.clone()));
        let hosts =
            self.hosts.iter().map(|(host, to)| (host.as_str(), None, HostPort { host: to.clone(), port: None }));
        exact.chain(hosts)
    }

    /// `url` with its host and port mapped. A text that is no URL comes back as it is.
    pub fn apply_to_url(&self, url: &str) -> String {
        let Ok(mut parsed) = Url::parse(url) else { return url.to_owned() };
        let (Some(host), Some(port)) = (parsed.host_str().map(bare), parsed.port_or_known_default()) else {
            return url.to_owned();
        };
        let (to_host, to_port) = self.apply(&host, port);
        if (to_host.as_str(), to_port) == (host.as_str(), port) {
            return url.to_owned();
        }
        if set_host(&mut parsed, &to_host, to_port) { super::value::url_text(&parsed) } else { url.to_owned() }
    }
}

/// A URL's host without the brackets of an IPv6 address.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// Puts a host and a port into a URL; whether it worked.
pub(super) fn set_host(url: &mut Url, host: &str, port: u16) -> bool {
    let written = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    url.set_host(Some(&written)).is_ok() && url.set_port(Some(port)).is_ok()
}

/// Scheme, host and port of an advertised URL, without its path: Patroni registers `http://host:8008/patroni`.
/// `None` if it is no URL with a host.
pub fn base_of(url: &str) -> Option<String> {
    let mut parsed = Url::parse(url).ok()?;
    parsed.host_str().filter(|host| !host.is_empty())?;
    parsed.set_path("");
    parsed.set_query(None);
    parsed.set_fragment(None);
    parsed.set_username("").ok()?;
    parsed.set_password(None).ok()?;
    Some(super::value::url_text(&parsed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("pg-0", Some(("pg-0", None)))]
    #[case("pg-0:5432", Some(("pg-0", Some(5432))))]
    #[case("::1", Some(("::1", None)))]
    #[case("[::1]:5432", Some(("::1", Some(5432))))]
    #[case("", None)]
    #[case(":5432", None)]
    #[case("h:0", None)]
    #[case("h:99999", None)]
    #[case("h:+1", None)]
    #[case("http://h:1", None)]
    #[case("[h]:1", None)]
    fn addresses_are_read(#[case] text: &str, #[case] expected: Option<(&str, Option<u16>)>) {
        let expected = expected.map(|(host, port)| HostPort { host: host.to_owned(), port });
        assert_eq!(HostPort::parse(text), expected);
    }

    fn map() -> AddressMap {
        let mut map = AddressMap::default();
        map.insert("pg-0", "127.0.0.1").unwrap();
        map.insert("pg-0:8008", "127.0.0.1:18008").unwrap();
        map.insert("PG-1:8008", "::1").unwrap();
        map
    }

    #[rstest]
    #[case("pg-0", 5432, "127.0.0.1", 5432)]
    #[case("PG-0", 8008, "127.0.0.1", 18008)]
    #[case("pg-1", 8008, "::1", 8008)]
    #[case("pg-1", 5432, "pg-1", 5432)]
    fn an_exact_line_wins_over_one_for_the_host(
        #[case] host: &str,
        #[case] port: u16,
        #[case] to: &str,
        #[case] to_port: u16,
    ) {
        assert_eq!(map().apply(host, port), (to.to_owned(), to_port));
    }

    #[rstest]
    #[case("http://pg-0:8008", "http://127.0.0.1:18008")]
    #[case("https://pg-0", "https://127.0.0.1")]
    #[case("http://pg-1:8008/x?y", "http://[::1]:8008/x?y")]
    #[case("http://other:8008", "http://other:8008")]
    #[case("nonsense", "nonsense")]
    fn urls_are_mapped_too(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(map().apply_to_url(url), expected);
    }

    #[test]
    fn a_host_cannot_lead_to_one_port() {
        let error = AddressMap::default().insert("pg-0", "127.0.0.1:5433").unwrap_err();
        assert!(error.contains("\"pg-0:5433\""), "{error}");
    }

    #[rstest]
    #[case("http://pg-0:8008/patroni", Some("http://pg-0:8008"))]
    #[case("https://u:p@[::1]:8008/patroni?x#y", Some("https://[::1]:8008"))]
    #[case("", None)]
    #[case("pg-0:8008", None)]
    fn the_base_of_an_advertised_url_has_no_path(#[case] url: &str, #[case] expected: Option<&str>) {
        assert_eq!(base_of(url).as_deref(), expected);
    }

    proptest! {
        #[test]
        fn what_is_not_in_the_map_stays(host in "[a-z][a-z0-9.-]{0,20}", port in 1u16..) {
            prop_assert_eq!(AddressMap::default().apply(&host, port), (host, port));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = (HostPort::parse(&text), map().apply_to_url(&text), base_of(&text));
        }
    }
}
