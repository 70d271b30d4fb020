//! What a router that was found tells of itself: the levels of its runtime APIs, and which backends lead to the leader.

use std::collections::BTreeSet;

use super::GUESS;
use crate::client::haproxy_runtime::RuntimeReader;
use crate::config::discovered::{Discovered, DiscoveredMember, DiscoveredRouter};
use crate::config::endpoint::RuntimeApi;
use crate::driver::port::{Facts, Observe as _};
use crate::driver::router::haproxy::HaproxyRuntime;
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow};
use crate::model::text::Text;

/// Asks every router. One that does not answer is left as it was found.
pub(super) async fn examine(found: &mut Discovered) {
    let mut routers = std::mem::take(&mut found.routers);
    for router in &mut routers {
        levels(router).await;
        let Some(address) = router.runtime.clone() else { continue };
        let mut source = HaproxyRuntime::new(&RouterName::new(&router.name), RuntimeApi::Tcp(address), GUESS);
        if let Ok(Facts::Router(report)) = source.observe(Moment::START).await {
            router.write_backends = write_backends(&report.rows);
            router.remarks.extend(matched(&report.rows, found));
        }
    }
    found.routers = routers;
}

/// Has servers whose addresses lead to nobody that is known lead to the members of their names, and says so: a switchover
/// goes by addresses alone, and this is the moment at which an operator can check them.
fn matched(rows: &[ProxyRow], found: &mut Discovered) -> Option<String> {
    let mut by_name = BTreeSet::new();
    for row in rows.iter().filter(|row| row.kind == ProxyKind::Server) {
        let Some(address) = row.address.as_ref().map(Text::as_str) else { continue };
        let is_known = |member: &DiscoveredMember| super::addresses(member, found).iter().any(|known| known == address);
        if found.address_map.contains_key(address) || found.members.iter().any(is_known) {
            continue;
        }
        let member = found.members.iter().find(|member| row.server == *member.name.as_str());
        let reached = member.and_then(|member| {
            let advertised = member.host.clone().zip(member.port);
            member.postgres.clone().or(advertised).map(|(host, port)| format!("{}:{port}", super::bracketed(&host)))
        });
        if let Some(reached) = reached {
            by_name.insert(format!("{address} is {}", row.server));
            found.address_map.insert(address.to_owned(), reached);
        }
    }
    let told = by_name.into_iter().collect::<Vec<_>>().join(", ");
    (!told.is_empty()).then(|| format!("By the names of its servers alone, in the address_map: {told}: check."))
}

/// Looks by the lowest level that shows all, and acts by the highest.
async fn levels(router: &mut DiscoveredRouter) {
    let mut answered = Vec::new();
    for address in router.runtime.iter().chain(&router.runtime_perhaps).cloned().collect::<Vec<_>>() {
        let reader = RuntimeReader::new(RuntimeApi::Tcp(address.clone()), GUESS);
        if let Ok(level) = reader.level().await {
            answered.push((address, level));
        }
    }
    let at = |wanted: &str| answered.iter().find(|(_, level)| level == wanted).map(|(address, _)| address.clone());
    if let Some(found) = at("operator").or_else(|| at("admin")).or_else(|| at("user")) {
        router.runtime = Some(found);
    }
    router.acting_runtime = at("admin");
    if answered.is_empty() && !router.runtime_perhaps.is_empty() {
        let perhaps = router.runtime_perhaps.join(", ");
        router.remarks.push(format!("Perhaps a runtime API of another level: {perhaps}."));
    }
}

/// Backends whose names speak of the leader and that lead to no more than one server now.
fn write_backends(rows: &[ProxyRow]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for row in rows.iter().filter(|row| row.kind == ProxyKind::Server) {
        let name = row.proxy.as_str();
        let serving = rows
            .iter()
            .filter(|other| other.kind == ProxyKind::Server && other.proxy == row.proxy)
            .filter(|other| other.takes_traffic());
        if PoolPurpose::guess(name) == PoolPurpose::Write
            && serving.count() <= 1
            && !found.iter().any(|known| known == name)
        {
            found.push(name.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::double;
    use crate::model::test_support::healthy;

    fn answering(level: &'static str) -> String {
        let stat = include_str!("../../../fixtures/haproxy-3.0/healthy/show-stat.csv");
        double::answering_by(move |question| {
            if question.contains("level") { format!("{level}\n\n") } else { stat.to_owned() }.into_bytes()
        })
    }

    #[tokio::test]
    async fn the_admin_socket_is_for_acting_and_the_lower_one_for_looking() {
        let (admin, operator) = (answering("admin"), answering("operator"));
        let router = DiscoveredRouter {
            name: "pg-router".to_owned(),
            runtime: Some(admin.clone()),
            runtime_perhaps: vec![operator.clone()],
            ..DiscoveredRouter::default()
        };
        let mut found = Discovered { routers: vec![router], ..Discovered::default() };
        examine(&mut found).await;
        let router = &found.routers[0];
        assert_eq!((router.runtime.as_ref(), router.acting_runtime.as_ref()), (Some(&operator), Some(&admin)));
        assert_eq!(router.write_backends, ["primary"], "by its name, and since one server of it is up");
    }

    #[tokio::test]
    async fn a_router_that_does_not_answer_stays_as_it_was_found() {
        let closed = "127.0.0.1:1".to_owned();
        let router = DiscoveredRouter {
            runtime: Some(closed.clone()),
            runtime_perhaps: vec!["127.0.0.1:2".to_owned()],
            ..DiscoveredRouter::default()
        };
        let mut found = Discovered { routers: vec![router], ..Discovered::default() };
        examine(&mut found).await;
        let router = &found.routers[0];
        assert_eq!((router.runtime.as_ref(), router.acting_runtime.as_ref()), (Some(&closed), None));
        assert!(router.remarks[0].contains("127.0.0.1:2"), "{:?}", router.remarks);
    }

    #[test]
    fn a_server_at_an_unknown_address_is_the_member_of_its_name_for_the_operator_to_check() {
        let member = |name: &str, port| DiscoveredMember {
            name: name.to_owned(),
            host: Some(name.to_owned()),
            port: Some(5432),
            postgres: Some(("127.0.0.1".to_owned(), port)),
            ..DiscoveredMember::default()
        };
        let mut found =
            Discovered { members: vec![member("pg-0", 15432), member("pg-1", 15433)], ..Discovered::default() };
        found.address_map.insert("10.0.0.21:5432".to_owned(), "127.0.0.1:15433".to_owned());
        let server = |name: &str, address: &str| {
            let mut rows = healthy().routers[0].http.as_ref().and_then(|http| http.last()).expect("rows").rows.clone();
            rows.retain(|row| row.kind == ProxyKind::Server);
            ProxyRow { server: name.into(), address: Some(address.into()), ..rows[0].clone() }
        };
        let rows =
            [server("pg-0", "10.0.0.20:5432"), server("pg-1", "10.0.0.21:5432"), server("other", "10.0.0.9:5432")];
        let remark = matched(&rows, &mut found).expect("a remark");
        assert!(remark.contains("10.0.0.20:5432 is pg-0: check"), "{remark}");
        assert_eq!(found.address_map.get("10.0.0.20:5432").map(String::as_str), Some("127.0.0.1:15432"));
        assert_eq!(found.address_map.len(), 2, "nobody is made up");
    }
}
