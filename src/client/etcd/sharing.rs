//! One connection for several who follow records in the same store: a fleet of clusters that share an etcd would otherwise
//! hold a connection for each, and so would every member of that etcd.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Mutex as Turn;

use super::connect::{AuthenticatedConnection, Connector};
use super::error::EtcdError;
use crate::config::endpoint::EtcdEndpoints;

/// Who go over one connection at most: each has a stream of its own, and what stands between may allow a hundred.
const MAX_FOLLOWERS: usize = 48;

/// Connections to one endpoint with the same settings.
#[derive(Default)]
struct SharedConnections {
    links: Mutex<Vec<Weak<AuthenticatedConnection>>>,
    /// One opens, the others wait and join it.
    turn: Turn<()>,
}

type ConnectionPool = HashMap<String, Vec<(Arc<EtcdEndpoints>, Arc<SharedConnections>)>>;

fn places() -> &'static Mutex<ConnectionPool> {
    static PLACES: std::sync::OnceLock<Mutex<ConnectionPool>> = std::sync::OnceLock::new();
    PLACES.get_or_init(Mutex::default)
}

impl SharedConnections {
    fn of(endpoint: &str, settings: &Arc<EtcdEndpoints>) -> Arc<Self> {
        let mut places = places().lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.entry(endpoint.to_owned()).or_default();
        if let Some((_, place)) = known.iter().find(|(other, _)| same_login(other, settings)) {
            return Arc::clone(place);
        }
        let place = Arc::new(Self::default());
        known.push((Arc::clone(settings), Arc::clone(&place)));
        place
    }

    /// A connection with room for one more.
    fn roomy(&self) -> Option<Arc<AuthenticatedConnection>> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.upgrade().is_some_and(|link| !link.is_spent()));
        // The one that is looked at counts as well.
        links.iter().filter_map(Weak::upgrade).find(|link| Arc::strong_count(link) <= MAX_FOLLOWERS)
    }
}

/// Whether the same is said to the same store in the same way.
fn same_login(a: &EtcdEndpoints, b: &EtcdEndpoints) -> bool {
    a.login == b.login && a.tls == b.tls && a.timeouts == b.timeouts
}

impl Connector {
    /// Like [`Connector::open`] of strict requests, over a connection that others may go over as well.
    pub(super) async fn join(&self, index: usize) -> Result<Arc<AuthenticatedConnection>, EtcdError> {
        let Some(name) = self.endpoints().get(index) else { return self.open(index, true).await.map(Arc::new) };
        let place = SharedConnections::of(&name.to_string(), self.settings());
        if let Some(link) = place.roomy() {
            return Ok(link);
        }
        let _turn = place.turn.lock().await;
        if let Some(link) = place.roomy() {
            return Ok(link);
        }
        let link = Arc::new(self.open(index, true).await?);
        place.links.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&link));
        Ok(link)
    }
}
