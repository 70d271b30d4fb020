//! What the labels of a container tell a reverse proxy (Traefik's syntax): under which name a page is seen from outside.

use super::service::Service;

/// A page behind a reverse proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ProxiedPage {
    host: String,
    prefix: Option<String>,
    tls: bool,
}

impl ProxiedPage {
    /// The URL of the page, `path` being where the container has it.
    pub(super) fn url(&self, path: Option<&str>) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let path = self.prefix.as_deref().or(path).unwrap_or("/").trim_end_matches('/');
        format!("{scheme}://{}{path}", self.host)
    }
}

/// The page that the first HTTP router in the labels leads to: the rule `Host(...)`, by TLS where the router's own labels
/// or the name of its entry point say so.
pub(super) fn proxied_page(service: &Service) -> Option<ProxiedPage> {
    if service.labels.get("traefik.enable").is_some_and(|enabled| enabled == "false") {
        return None;
    }
    let rules = service.labels.iter().filter_map(|(name, rule)| {
        let router = name.strip_prefix("traefik.http.routers.")?.strip_suffix(".rule")?;
        Some((router, rule, matched(rule, "Host")?))
    });
    let pages = rules.map(|(router, rule, host)| {
        let of_router = |key: &str| service.labels.get(&format!("traefik.http.routers.{router}.{key}"));
        let entry = of_router("entrypoints").or_else(|| of_router("entryPoints"));
        let secure = entry.is_some_and(|entry| entry.contains("secure") || entry.contains("https"));
        let certified = service.labels.keys().any(|name| {
            name.strip_prefix(&format!("traefik.http.routers.{router}.")).is_some_and(|key| key.starts_with("tls"))
        }) && of_router("tls").is_none_or(|tls| tls != "false");
        ProxiedPage { host, prefix: matched(rule, "PathPrefix"), tls: secure || certified }
    });
    // Of two routers to one page, as for HTTP and HTTPS, the one that is not redirected.
    let mut pages: Vec<ProxiedPage> = pages.collect();
    pages.sort_by_key(|page| !page.tls);
    pages.into_iter().next()
}

/// The first argument of `matcher` in a rule: a name between backquotes, or quotes of other kinds.
fn matched(rule: &str, matcher: &str) -> Option<String> {
    let begins = rule.match_indices(matcher).find_map(|(at, _)| {
        let before = rule.get(..at)?.chars().next_back();
        let own_word = before.is_none_or(|c| !c.is_alphanumeric());
        let behind = rule.get(at + matcher.len()..)?.trim_start().strip_prefix('(')?;
        own_word.then_some(behind)
    })?;
    let inner = begins.split(')').next()?.split(',').next()?.trim();
    let text = inner.trim_matches(['`', '"', '\'']);
    let is_usable = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_usable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::{service, yaml};
    use super::*;

    #[rstest]
    #[case("['traefik.http.routers.lb.rule=Host(`lb.example.com`)']", "http://lb.example.com/stats")]
    #[case(
        "{traefik.http.routers.lb.rule: 'Host(`lb.example.com`)', traefik.http.routers.lb.entrypoints: websecure}",
        "https://lb.example.com/stats"
    )]
    #[case(
        "['traefik.http.routers.lb.rule=Host(`lb.example.com`) && PathPrefix(`/ha`)', 'traefik.http.routers.lb.tls=true']",
        "https://lb.example.com/ha"
    )]
    #[case(
        "['traefik.http.routers.a.rule=Host(`lb.example.com`)', 'traefik.http.routers.b.rule=Host(`lb.example.com`)', 'traefik.http.routers.b.tls.certresolver=le']",
        "https://lb.example.com/stats"
    )]
    fn the_name_of_a_page_is_in_the_rule(#[case] labels: &str, #[case] url: &str) {
        assert_eq!(page(labels).expect("a page").url(Some("/stats")), url);
    }

    #[rstest]
    #[case("[]")]
    #[case("['traefik.http.routers.lb.rule=HostRegexp(`.+`)']")]
    #[case("['traefik.http.routers.lb.rule=Host()']")]
    #[case("['traefik.enable=false', 'traefik.http.routers.lb.rule=Host(`lb.example.com`)']")]
    #[case("['traefik.tcp.routers.lb.rule=HostSNI(`*`)']")]
    fn what_names_no_page_gives_none(#[case] labels: &str) {
        assert_eq!(page(labels), None);
    }

    fn page(labels: &str) -> Option<ProxiedPage> {
        let node = yaml::parse(&format!("{{labels: {labels}}}"), None).unwrap();
        proxied_page(&service::read("lb", &node, None, &mut Vec::new()))
    }
}
