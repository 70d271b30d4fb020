//! What a router that was found tells of itself: the levels of its runtime APIs, and which backends lead to the leader.

use super::GUESS;
use crate::client::haproxy_runtime::RuntimeReader;
use crate::config::discovered::DiscoveredRouter;
use crate::config::endpoint::RuntimeApi;
use crate::driver::port::{Facts, Observe as _};
use crate::driver::router::haproxy::HaproxyRuntime;
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::model::router::{PoolPurpose, ProxyKind, ProxyRow};

/// Asks every router. One that does not answer is left as it was found.
pub(super) async fn examine(routers: &mut [DiscoveredRouter]) {
    for router in routers {
        levels(router).await;
        let Some(address) = router.runtime.clone() else { continue };
        let mut source = HaproxyRuntime::new(&RouterName::new(&router.name), RuntimeApi::Tcp(address), GUESS);
        if let Ok(Facts::Router(report)) = source.observe(Moment::START).await {
            router.write_backends = write_backends(&report.rows);
        }
    }
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

/// Backends whose names speak of the leader and that lead to one server now.
fn write_backends(rows: &[ProxyRow]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for row in rows.iter().filter(|row| row.kind == ProxyKind::Server) {
        let name = row.proxy.as_str();
        let serving = rows
            .iter()
            .filter(|other| other.kind == ProxyKind::Server && other.proxy == row.proxy)
            .filter(|other| other.status.takes_traffic());
        if PoolPurpose::guess(name) == PoolPurpose::Write
            && serving.count() == 1
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

    fn answering(level: &'static str) -> String {
        let stat = include_str!("../../../fixtures/haproxy-3.0/healthy/show-stat.csv");
        double::answering_by(move |question| {
            if question.contains("level") { format!("{level}\n\n") } else { stat.to_owned() }.into_bytes()
        })
    }

    #[tokio::test]
    async fn the_admin_socket_is_for_acting_and_the_lower_one_for_looking() {
        let (admin, operator) = (answering("admin"), answering("operator"));
        let mut routers = [DiscoveredRouter {
            name: "pg-router".to_owned(),
            runtime: Some(admin.clone()),
            runtime_perhaps: vec![operator.clone()],
            ..DiscoveredRouter::default()
        }];
        examine(&mut routers).await;
        assert_eq!(routers[0].runtime, Some(operator));
        assert_eq!(routers[0].acting_runtime, Some(admin));
        assert_eq!(routers[0].write_backends, ["primary"], "by its name, and since one server of it is up");
    }

    #[tokio::test]
    async fn a_router_that_does_not_answer_stays_as_it_was_found() {
        let closed = "127.0.0.1:1".to_owned();
        let mut routers = [DiscoveredRouter {
            runtime: Some(closed.clone()),
            runtime_perhaps: vec!["127.0.0.1:2".to_owned()],
            ..DiscoveredRouter::default()
        }];
        examine(&mut routers).await;
        assert_eq!((routers[0].runtime.as_ref(), routers[0].acting_runtime.as_ref()), (Some(&closed), None));
        assert!(routers[0].remarks[0].contains("127.0.0.1:2"), "{:?}", routers[0].remarks);
    }
}
