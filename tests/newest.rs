//! The newest of everything (PostgreSQL, HAProxy, etcd with logins, Patroni), as the lab builds it from Debian's newest
//! suites: `dev/test` brings that lab up with `LAB_SUITE=experimental` and `LAB_ETCD_PASSWORD`.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, clippy::panic, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use lab::Lab;
use serde_json::Value;

/// The lab with etcd's login in its configuration, as a user of a store with authentication writes it.
fn lab() -> Lab {
    let lab = Lab::new();
    let written = std::fs::read_to_string(lab.config()).expect("a configuration");
    let with_login = written
        .replace("# user = \"reader\"", "user = \"reader\"")
        .replace("# password_env = \"ETCD_PASSWORD\"", "password_env = \"LAB_ETCD_PASSWORD\"");
    assert_ne!(written, with_login, "`init` names the login of etcd as a comment");
    std::fs::write(lab.config(), with_login).expect("a configuration");
    lab
}

fn leader(lab: &Lab) -> String {
    lab.status()["leader"]["value"].as_str().expect("a leader").to_owned()
}

#[test]
#[ignore = "needs the lab of the newest versions"]
fn the_newest_versions_are_seen_whole_and_switched_over() {
    let lab = lab();
    let output = lab.run(&["status", "--full", "--output", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let cluster = &document["clusters"][0];
    let members = cluster["dcs"]["members"].as_array().expect("members of etcd");
    assert_eq!(members.len(), 3);
    for member in members {
        assert_eq!(
            (&member["reachable"], &member["quorum"]["value"]),
            (&Value::Bool(true), &Value::Bool(true)),
            "{member}"
        );
        // A login without root's rights is not told the status, and nobody guesses it.
        assert_eq!(member["leads"]["value"], Value::Null, "{member}");
    }
    let nodes = cluster["members"].as_array().expect("members");
    assert!(nodes.iter().all(|node| node["reachable"] == true), "{cluster:#}");
    let worst: Vec<&Value> = cluster["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["severity"] == "critical")
        .collect();
    assert!(worst.is_empty(), "{worst:#?}");

    let output = lab.run(&["doctor"]);
    let reported = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!reported.lines().any(|line| line.trim_start().starts_with("fail")), "{reported}");
    assert!(reported.contains("require the root user since etcd 3.5.28"), "{reported}");

    let before = leader(&lab);
    let candidate = nodes
        .iter()
        .filter_map(|node| node["name"].as_str())
        .find(|name| *name != before)
        .expect("a replica")
        .to_owned();
    let (code, reported, error) = lab.act(&["switchover", &candidate, "--confirm", "lab"]);
    assert_eq!(code, 0, "{reported}{error}");
    assert_eq!(leader(&lab), candidate);
}

/// Logins that the members of etcd have been asked for.
fn logins() -> u64 {
    let ports = [("LAB_ETCD_1_PORT", "2379"), ("LAB_ETCD_2_PORT", "22379"), ("LAB_ETCD_3_PORT", "32379")];
    let of_member = |(name, usual): (&str, &str)| {
        let port = std::env::var(name).unwrap_or_else(|_| usual.to_owned());
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("etcd listens");
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("asked");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("its metrics");
        let line = text.lines().find(|line| {
            line.starts_with("grpc_server_started_total") && line.contains("grpc_method=\"Authenticate\"")
        });
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).map_or(0, |count| count as u64)
    };
    ports.into_iter().map(of_member).sum()
}

#[test]
#[ignore = "needs the lab of the newest versions"]
fn a_status_logs_in_to_etcd_once_for_all_its_connections() {
    let lab = lab();
    let of_one = || {
        let before = logins();
        lab.status();
        logins() - before
    };
    // Patroni's nodes log in now and then, too.
    let fewest = (0..3).map(|_| of_one()).min();
    assert_eq!(fewest, Some(1));
}
