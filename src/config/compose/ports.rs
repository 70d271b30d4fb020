//! Published ports, in the short and the long syntax of Compose.

use super::yaml::{Kind, Node};

/// A TCP port of a container as the host sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PublishedPort {
    /// Port in the container.
    pub(super) container: u16,
    /// Address of the host that it is published on, as a client on that host reaches it.
    pub(super) address: String,
    /// Port on the host; `None`: Docker picks one at every start.
    pub(super) host: Option<u16>,
}

const REMEDY: &str = "use \"127.0.0.1:5432:5432\", \"5432:5432\", or target and published";

/// Reads one item of `ports`. A range gives several, UDP gives none.
///
/// # Errors
/// What is wrong, and what would be right.
pub(super) fn read(node: &Node) -> Result<Vec<PublishedPort>, (String, &'static str)> {
    match &node.kind {
        Kind::Scalar(text) => short(text).ok_or_else(|| (format!("`{text}` is not a port"), REMEDY)),
        Kind::Map(_) => long(node),
        Kind::Nothing | Kind::List(_) => Err(("this is not a port".to_owned(), REMEDY)),
    }
}

/// `[[address:][host]:]container[/protocol]`.
fn short(text: &str) -> Option<Vec<PublishedPort>> {
    let (text, protocol) = text.trim().rsplit_once('/').unwrap_or((text.trim(), "tcp"));
    let (front, container) = match text.rsplit_once(':') {
        Some((front, container)) => (Some(front), container),
        None => (None, text),
    };
    let (address, host) = match front {
        None => (None, None),
        Some(front) => match front.strip_prefix('[').and_then(|front| front.split_once(']')) {
            Some((address, host)) => (Some(address), Some(host.strip_prefix(':')?)),
            None => match front.rsplit_once(':') {
                Some((address, host)) => (Some(address), Some(host)),
                None => (None, Some(front)),
            },
        },
    };
    pair(address, host.filter(|host| !host.is_empty()), container, protocol)
}

fn long(node: &Node) -> Result<Vec<PublishedPort>, (String, &'static str)> {
    let target = node.text_of("target").ok_or(("this port has no target".to_owned(), REMEDY))?;
    let published = node.text_of("published");
    pair(node.text_of("host_ip"), published, target, node.text_of("protocol").unwrap_or("tcp"))
        .ok_or_else(|| (format!("`{}` to `{target}` is not a port", published.unwrap_or_default()), REMEDY))
}

fn pair(address: Option<&str>, host: Option<&str>, container: &str, protocol: &str) -> Option<Vec<PublishedPort>> {
    let (first, last) = range(container)?;
    let count = last - first;
    let begin = match host.map(range) {
        None => None,
        Some(Some((begin, end))) if end - begin == count => Some(begin),
        // Several host ports for one of the container: Docker takes a free one of them.
        Some(Some(_)) if count == 0 => None,
        Some(_) => return None,
    };
    if !protocol.eq_ignore_ascii_case("tcp") {
        return Some(Vec::new());
    }
    let address = reachable(address);
    let each = (0..=count).map(|step| PublishedPort {
        container: first + step,
        address: address.clone(),
        host: begin.map(|begin| begin + step),
    });
    Some(each.collect())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port != 0);
    match text.split_once('-') {
        Some((first, last)) => Some((port(first)?, port(last)?)).filter(|(first, last)| first <= last),
        None => port(text).map(|port| (port, port)),
    }
}

/// The address under which the host itself reaches a port bound to `address`.
fn reachable(address: Option<&str>) -> String {
    match address.map(|address| address.trim_start_matches('[').trim_end_matches(']')) {
        None | Some("" | "0.0.0.0" | "::" | "*") => "127.0.0.1".to_owned(),
        Some(address) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::yaml;
    use super::*;

    fn ports(text: &str) -> Option<String> {
        let node = yaml::parse(text, None).unwrap();
        let shown = |port: &PublishedPort| {
            let host = port.host.map_or("?".to_owned(), |host| host.to_string());
            format!("{} {host}>{}", port.address, port.container)
        };
        read(&node).ok().map(|ports| ports.iter().map(shown).collect::<Vec<_>>().join(", "))
    }

    #[rstest]
    #[case("\"127.0.0.1:5432:5432\"", "127.0.0.1 5432>5432")]
    #[case("\"15432:5432\"", "127.0.0.1 15432>5432")]
    #[case("5432", "127.0.0.1 ?>5432")]
    #[case("\"0.0.0.0:5433:5432/tcp\"", "127.0.0.1 5433>5432")]
    #[case("\"10.0.0.7::5432\"", "10.0.0.7 ?>5432")]
    #[case("\"[::1]:5433:5432\"", "::1 5433>5432")]
    #[case("\"[::]:5433:5432\"", "127.0.0.1 5433>5432")]
    #[case("\"8008-8010:8008-8010\"", "127.0.0.1 8008>8008, 127.0.0.1 8009>8009, 127.0.0.1 8010>8010")]
    #[case("\"9000-9005:5432\"", "127.0.0.1 ?>5432")]
    #[case("\"53:53/udp\"", "")]
    #[case("{target: 5432, published: 5433}", "127.0.0.1 5433>5432")]
    #[case("{target: 8008, published: \"8009\", host_ip: 10.0.0.7, protocol: tcp, mode: host}", "10.0.0.7 8009>8008")]
    #[case("{target: 5432}", "127.0.0.1 ?>5432")]
    fn both_syntaxes_are_read(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(ports(text).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("\"postgres\"")]
    #[case("\"5432:\"")]
    #[case("\"0:5432\"")]
    #[case("\"70000:5432\"")]
    #[case("\"1-3:5-6\"")]
    #[case("{published: 5432}")]
    #[case("[5432]")]
    fn nonsense_is_refused(#[case] text: &str) {
        assert_eq!(ports(text), None);
    }

    proptest! {
        #[test]
        fn no_port_makes_the_reader_panic(text in "[0-9:/\\[\\]. a-]{0,40}") {
            let _ = short(&text);
        }
    }
}
