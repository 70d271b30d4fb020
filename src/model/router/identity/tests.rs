use rstest::rstest;

use super::*;
use crate::model::router::{ProxyKind, ProxyStatus};
use crate::model::source::FailureKind;
use crate::model::test_support::{fail, healthy, member, record, seconds, sql};
use crate::model::text::Text;

fn at(host: &str, port: u16) -> Address {
    Address { host: Text::new(host), port }
}

/// Three members in a network of containers, reached through ports published on this host, and advertised by name.
fn lab() -> Snapshot {
    let mut snapshot = healthy();
    for (number, name) in ["pg-0", "pg-1", "pg-2"].into_iter().enumerate() {
        let offset = u16::try_from(number).unwrap();
        advertise(&mut snapshot, name, at(name, 5432));
        sql(&mut snapshot, name, |report| {
            report.address = Some(at(&format!("172.20.0.{}", 11 + number), 5432));
            report.peer = Some(at("127.0.0.1", 15432 + offset));
        });
        member(&mut snapshot, name).postgres_address = Some(at("127.0.0.1", 15432 + offset));
    }
    snapshot
}

fn advertise(snapshot: &mut Snapshot, name: &str, address: Address) {
    record(snapshot, |record| {
        let of_name = |member: &&mut crate::model::agent::Registration| *member.name.text() == name;
        record.members.iter_mut().find(of_name).unwrap().postgres = Some(address);
    });
}

fn server(name: &str, address: Option<&str>) -> ProxyRow {
    let mut row = ProxyRow::of("primary", name, ProxyKind::Server, ProxyStatus::Up);
    row.address = address.map(Text::new);
    row
}

fn by_name(fqdn: &str, port: u16, address: Option<&str>) -> ProxyRow {
    ProxyRow { fqdn: Some(fqdn.into()), port: Some(port), ..server("alpha", address) }
}

/// Whose it is and by what, in short.
fn reported(snapshot: &Snapshot, row: &ProxyRow) -> String {
    match snapshot.server_owner(row) {
        ServerOwner::Member { member, by } => format!("{} by {by:?}", member.name),
        ServerOwner::Contradicted(claims) => {
            claims.iter().map(|(by, name)| format!("{name} by {by:?}")).collect::<Vec<_>>().join(", ")
        }
        ServerOwner::Nobody => "nobody".to_owned(),
    }
}

#[rstest]
#[case::resolved_by_the_router_itself(by_name("pg-1", 5432, Some("172.20.0.12:5432")), "pg-1 by Fqdn")]
#[case::not_resolved_yet(by_name("pg-1", 5432, None), "pg-1 by Fqdn")]
#[case::case_and_final_dot(by_name("PG-1.", 5432, None), "pg-1 by Fqdn")]
#[case::another_port_is_another_server(by_name("pg-1", 6432, None), "pg-1 by Host")]
#[case::the_containers_address(server("b", Some("172.20.0.12:5432")), "pg-1 by OwnAddress")]
#[case::advertised(server("b", Some("pg-2:5432")), "pg-2 by Advertised")]
#[case::published(server("b", Some("127.0.0.1:15434")), "pg-2 by Contact")]
#[case::a_pooler_on_the_same_host(server("b", Some("172.20.0.13:6432")), "pg-2 by Host")]
#[case::a_pooler_of_that_name(server("pg-2", Some("172.20.0.13:6432")), "pg-2 by Name")]
#[case::name_alone(server("pg-2", None), "pg-2 by Name")]
#[case::a_name_against_an_address(server("pg-2", Some("172.20.0.12:5432")), "pg-1 by OwnAddress")]
#[case::a_name_against_the_map(server("pg-2", Some("127.0.0.1:15433")), "pg-2 by Name")]
#[case::another_port_of_the_published_host(server("b", Some("127.0.0.1:5432")), "nobody")]
#[case::a_stranger(server("web", Some("172.20.0.99:5432")), "nobody")]
#[case::before_any_resolution(server("web", Some("0.0.0.0:5432")), "nobody")]
fn a_server_is_known_without_a_map_by_whatever_tells_most(#[case] row: ProxyRow, #[case] expected: &str) {
    assert_eq!(reported(&lab(), &row), expected);
}

#[test]
fn a_container_that_got_another_address_is_known_by_its_next_session() {
    let mut snapshot = lab();
    let row = server("b", Some("172.20.0.44:5432"));
    assert_eq!(reported(&snapshot, &row), "nobody");
    sql(&mut snapshot, "pg-1", |report| report.address = Some(at("172.20.0.44", 5432)));
    assert_eq!(reported(&snapshot, &row), "pg-1 by OwnAddress");
}

#[test]
fn an_address_that_two_members_tell_of_themselves_names_neither() {
    let mut snapshot = lab();
    // Two engines with the same network of their own.
    sql(&mut snapshot, "pg-2", |report| report.address = Some(at("172.20.0.12", 5432)));
    let row = server("b", Some("172.20.0.12:5432"));
    assert_eq!(reported(&snapshot, &row), "nobody");
    assert_eq!(reported(&snapshot, &server("pg-2", Some("172.20.0.12:5432"))), "pg-2 by Name");
    // One of them was there before, and is gone: the last word of a dead node does not speak against a living one.
    fail(member(&mut snapshot, "pg-2").sql.as_mut().unwrap(), FailureKind::Refused, seconds(9));
    assert_eq!(reported(&snapshot, &row), "pg-1 by OwnAddress");
}

#[test]
fn a_loopback_address_of_its_own_says_nothing_to_others() {
    let mut snapshot = lab();
    sql(&mut snapshot, "pg-1", |report| report.address = Some(at("127.0.0.1", 5432)));
    assert_eq!(reported(&snapshot, &server("b", Some("127.0.0.1:5432"))), "nobody");
}

#[test]
fn a_name_that_still_leads_to_anothers_address_belongs_to_nobody() {
    let row = by_name("pg-1", 5432, Some("172.20.0.13:5432"));
    assert_eq!(reported(&lab(), &row), "pg-1 by Fqdn, pg-2 by OwnAddress");
    assert!(lab().member_of(&row).is_none());
}

#[test]
fn several_nodes_behind_one_published_host_are_distinguished_by_their_ports() {
    let mut snapshot = lab();
    for (number, name) in ["pg-0", "pg-1", "pg-2"].into_iter().enumerate() {
        advertise(&mut snapshot, name, at("203.0.113.5", 15432 + u16::try_from(number).unwrap()));
    }
    assert_eq!(reported(&snapshot, &server("b", Some("203.0.113.5:15433"))), "pg-1 by Advertised");
    assert_eq!(reported(&snapshot, &server("b", Some("203.0.113.5:5432"))), "nobody", "the host alone is everybody's");
    assert_eq!(reported(&snapshot, &by_name("203.0.113.5", 15434, None)), "pg-2 by Fqdn");
}

#[test]
fn an_address_is_compared_with_what_the_advertised_name_resolves_to() {
    let mut snapshot = lab();
    advertise(&mut snapshot, "pg-1", at("pg-1.example.org", 5432));
    let one = member(&mut snapshot, "pg-1");
    one.postgres_address = Some(at("pg-1.example.org", 5432));
    sql(&mut snapshot, "pg-1", |report| {
        report.peer = Some(at("198.51.100.7", 5432));
        report.address = Some(at("10.0.0.7", 5432));
    });
    assert_eq!(reported(&snapshot, &server("b", Some("198.51.100.7:5432"))), "pg-1 by Resolved");
    assert_eq!(reported(&snapshot, &server("b", Some("10.0.0.7:5432"))), "pg-1 by OwnAddress");
}

#[rstest]
#[case("[fd00::12]:5432")]
#[case("[FD00:0::12]:5432")]
fn one_address_written_in_two_ways_is_one(#[case] written: &str) {
    let mut snapshot = lab();
    sql(&mut snapshot, "pg-1", |report| report.address = Some(at("fd00::12", 5432)));
    assert_eq!(reported(&snapshot, &server("b", Some(written))), "pg-1 by OwnAddress");
}

/// A server named otherwise, at an address that only the address map knows to be a member's.
#[test]
fn the_address_map_is_the_last_resort() {
    let mut row = server("b", Some("10.0.0.21:5432"));
    assert_eq!(reported(&lab(), &row), "nobody");
    row.reached = Some("127.0.0.1:15433".into());
    assert_eq!(reported(&lab(), &row), "pg-1 by Contact");
    // An entry that a new address has made wrong is not believed against the name.
    row.server = "pg-2".into();
    assert_eq!(reported(&lab(), &row), "pg-2 by Name");
    assert!(IdentifiedBy::Contact.is_proof() && !IdentifiedBy::Name.is_proof());
}
