//! Who gets a login: every endpoint and access of a member is made here, so that none is sent where nobody vouches for.

use std::net::IpAddr;

use url::Url;

use super::ClusterSettings;
use crate::config::audience::{AddressTrust, Audience};
use crate::config::endpoint::{HttpEndpoint, PostgresAccess};
use crate::model::name::NodeName;

impl ClusterSettings {
    /// The agent of `member` at `url`, for looking.
    pub fn agent_endpoint(&self, member: &NodeName, url: &str) -> HttpEndpoint {
        let endpoint = self.patroni.endpoint(url);
        HttpEndpoint { audience: self.audience_of_url(url), tls: self.node_tls(member, &endpoint.tls), ..endpoint }
    }

    /// The exporter at `url`.
    pub fn exporter_endpoint(&self, url: &str) -> HttpEndpoint {
        HttpEndpoint { audience: self.audience_of_url(url), ..self.exporters.endpoint(url) }
    }

    /// `access` to the PostgreSQL of `member`, which is reached at `host`.
    pub fn access_to(&self, access: &PostgresAccess, member: &NodeName, host: &str) -> PostgresAccess {
        PostgresAccess { tls: self.node_tls(member, &access.tls), audience: self.audience(host), ..access.clone() }
    }

    /// To whom a login may be sent that is reached at `host`.
    pub fn audience(&self, host: &str) -> Audience {
        if self.names(host) {
            Audience::Named
        } else if self.allowed_networks.is_empty() {
            Audience::Learnt
        } else {
            Audience::Within(self.allowed_networks.clone())
        }
    }

    /// Whether the login for acting is kept back from the agent at `url`: the record alone leads there, and nothing would
    /// prove who gets it. A name in the record that may lead into `allowed_networks` is told only when it is looked up.
    pub fn withholds_acting_login(&self, url: &str) -> bool {
        let verified = url.starts_with("https:") && !self.patroni.tls.insecure;
        if verified || self.patroni.acting.is_none() {
            return false;
        }
        let host = host_of(url).unwrap_or_default();
        let audience = self.audience(&host);
        match host.parse::<IpAddr>() {
            Ok(address) => audience.trust_of(address) != AddressTrust::Vouched,
            Err(_) => audience == Audience::Learnt && host != "localhost",
        }
    }

    fn audience_of_url(&self, url: &str) -> Audience {
        self.audience(&host_of(url).unwrap_or_default())
    }

    /// Whether the configuration itself names `host` as a place of this cluster.
    fn names(&self, host: &str) -> bool {
        let same = |known: &str| known.eq_ignore_ascii_case(host);
        let in_url = |url: &str| host_of(url).is_some_and(|known| same(&known));
        self.patroni.seeds.iter().any(|url| in_url(url))
            || self.address_map.routes_to(host)
            || self.nodes.values().any(|node| {
                node.host.as_deref().is_some_and(same)
                    || node.postgres.as_ref().is_some_and(|(known, _)| same(known))
                    || node.rest.as_deref().is_some_and(in_url)
                    || node.exporter.as_deref().is_some_and(in_url)
            })
    }
}

/// The host of a URL, an IPv6 one without brackets.
fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, from_text};

    fn cluster(lines: &str) -> ClusterSettings {
        let text = format!(
            "[clusters.c]\nscope = \"c\"\n{lines}\n[clusters.c.patroni]\nurls = [\"http://10.0.0.1:8008\"]\nuser = \
             \"admin\"\npassword_env = \"X\"\n[clusters.c.postgres]\nuser = \"looker\"\n\
             [clusters.c.address_map]\n\"pg-1\" = \"10.9.0.1\"\n\"pg-2:5432\" = \"10.9.0.2:15432\"\n\
             [clusters.c.nodes.pg-3]\nhost = \"db3.example\"\n[clusters.c.nodes.pg-4]\npostgres = \"10.0.0.4:6000\"\n"
        );
        let environment: Environment = [("USER", "op"), ("HOME", "/nonexistent")].into_iter().collect();
        from_text(&text, Path::new("config.toml"), &environment).expect("settings").clusters.remove(0)
    }

    #[test]
    fn what_the_configuration_names_is_distinguished_from_what_the_record_names() {
        let settings = cluster("");
        for host in ["10.0.0.1", "10.9.0.1", "10.9.0.2", "DB3.example", "10.0.0.4"] {
            assert_eq!(settings.audience(host), Audience::Named, "{host}");
        }
        // Advertised, and mapped elsewhere: nothing goes there.
        for host in ["pg-1", "pg-2", "203.0.113.9", ""] {
            assert_eq!(settings.audience(host), Audience::Learnt, "{host}");
        }
        let allowed = cluster("allowed_networks = [\"10.0.0.0/24\"]");
        assert_eq!(allowed.audience("10.0.0.1"), Audience::Named);
        assert!(matches!(allowed.audience("203.0.113.9"), Audience::Within(networks) if networks.len() == 1));
    }

    #[test]
    fn the_login_for_acting_is_kept_back_from_whom_the_record_alone_names() {
        let settings = cluster("");
        for url in ["http://203.0.113.9:8008", "http://pg-9:8008"] {
            assert!(settings.withholds_acting_login(url), "{url}");
        }
        for url in
            ["http://10.0.0.1:8008", "https://203.0.113.9:8008", "http://127.0.0.1:8008", "http://localhost:8008"]
        {
            assert!(!settings.withholds_acting_login(url), "{url}");
        }
        let allowed = cluster("allowed_networks = [\"203.0.113.0/24\"]");
        assert!(!allowed.withholds_acting_login("http://203.0.113.9:8008"));
        assert!(allowed.withholds_acting_login("http://198.51.100.1:8008"));
    }

    #[test]
    fn an_endpoint_of_a_member_knows_whether_anybody_vouches_for_it() {
        let settings = cluster("");
        let member = NodeName::new("pg-9");
        assert_eq!(settings.agent_endpoint(&member, "http://203.0.113.9:8008").audience, Audience::Learnt);
        assert_eq!(settings.agent_endpoint(&member, "http://10.0.0.1:8008").audience, Audience::Named);
        assert_eq!(settings.exporter_endpoint("http://203.0.113.9:9187/metrics").audience, Audience::Learnt);
        let looking = &settings.postgres.as_ref().expect("SQL").looking;
        assert_eq!(settings.access_to(looking, &member, "203.0.113.9").audience, Audience::Learnt);
    }
}
